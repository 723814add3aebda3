"""Affect over time: keyframes, interpolated linearly, read from and written to CSV and JSON."""

import bisect
import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from emotive.affect.affect import Affect
from emotive.errors import InputError

_COLUMNS = ("time", "valence", "arousal", "dominance")
_FORMAT = "emotive-affect-curve"
_MOST_FRAMES = 10_000_000  # four days at 30 frames/s; more is a slip of the units


@dataclass(frozen=True)
class AffectCurve:
    """Keyframes (seconds >= 0, strictly increasing; an Affect or the text of one), at least one.

    Valence, arousal and the weights of the blend run linearly between keyframes and hold beyond the first and
    the last. Dominance is a track of its own: linear between the keyframes that set it, held beyond them, and
    unset throughout if none does. So a keyframe that leaves it unset never makes it flicker.

    >>> AffectCurve([(0, "0,0"), (2, "0.5,-1")]).at(1)
    Affect(valence=0.25, arousal=-0.5, dominance=None, blend=())
    """

    keyframes: tuple[tuple[float, Affect], ...]

    def __init__(self, keyframes: Iterable[tuple[float, Affect | str]]):
        frames = tuple((_time(time), Affect.parse(affect)) for time, affect in keyframes)
        if not frames:
            raise InputError("an affect curve needs at least one keyframe")
        for (before, _), (after, _) in pairwise(frames):
            if not before < after:
                raise InputError(f"keyframe times must increase: {after} s follows {before} s")
        object.__setattr__(self, "keyframes", frames)

    @classmethod
    def constant(cls, affect: Affect | str) -> "AffectCurve":
        """The same affect at all times."""
        return cls([(0.0, affect)])

    @classmethod
    def coerce(cls, value: "AffectCurve | Affect | str") -> "AffectCurve":
        """A curve as it is; an Affect, or the text of one, as a constant curve."""
        return value if isinstance(value, AffectCurve) else cls.constant(Affect.parse(value))

    @property
    def duration(self) -> float:
        """Seconds from 0 to the last keyframe; 0 for a constant curve."""
        return self.keyframes[-1][0]

    def at(self, time: float) -> Affect:
        """The affect at `time` in seconds."""
        times = np.array([time], dtype=np.float64)
        if not np.isfinite(times).all():
            raise InputError(f"time must be a finite number of seconds, not {time}")
        dominance = self._dominance(times)[0]
        after = bisect.bisect_right([t for t, _ in self.keyframes], time)
        (t0, start), (t1, end) = (
            self.keyframes[max(after - 1, 0)],
            self.keyframes[min(after, len(self.keyframes) - 1)],
        )
        affect = start.lerp(end, (time - t0) / (t1 - t0)) if t0 < t1 else start
        return Affect(
            affect.valence, affect.arousal, None if np.isnan(dominance) else dominance, affect.blend
        )

    def sample(self, fps: float | Fraction, seconds: float | None = None) -> np.ndarray:
        """float32 (T, 3): valence, arousal, dominance (NaN if unset) of frames at 0, 1/fps, 2/fps ...

        T = round(seconds * fps), at least 1; `seconds` is the curve's duration unless given.
        """
        times = self._frame_times(fps, seconds)
        tracks = [_linear(times, self.keyframes, name) for name in ("valence", "arousal")]
        return np.stack([*tracks, self._dominance(times)], axis=1).astype(np.float32)

    def sample_blend(
        self, fps: float | Fraction, seconds: float | None = None
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Weights float32 (T, K) of the K named emotions in the curve, and their terms; frames as above."""
        times = self._frame_times(fps, seconds)
        terms = tuple(dict.fromkeys(term for _, affect in self.keyframes for term, _ in affect.blend))
        knots = [time for time, _ in self.keyframes]
        weights = np.zeros((len(times), len(terms)), dtype=np.float32)
        for k, term in enumerate(terms):
            weights[:, k] = np.interp(times, knots, [dict(a.blend).get(term, 0.0) for _, a in self.keyframes])
        return weights, terms

    def strengthened(self, strength: float) -> "AffectCurve":
        """The curve at `strength` times its distance from neutral, 0 or more, cut off at +-1.

        Weights of named emotions grow alike. At 0 it is neutral, in dominance too.
        """
        if not (math.isfinite(strength) and strength >= 0):
            raise InputError(f"strength {strength} must be a number from 0 (neutral) up")
        if strength == 0:
            return AffectCurve.constant(Affect.neutral())
        return AffectCurve((time, _stronger(affect, strength)) for time, affect in self.keyframes)

    @classmethod
    def read(cls, path: str | os.PathLike) -> "AffectCurve":
        """Reads `.csv` (header time,valence,arousal[,dominance]; an empty dominance is unset) or `.json`."""
        path = Path(path)
        parse = {".csv": _from_csv, ".json": _from_json}.get(path.suffix.lower())
        if parse is None:
            raise InputError(f"{path}: an affect curve is a .csv or .json file")
        try:
            text = path.read_text("utf-8-sig")
        except FileNotFoundError:
            raise InputError(f"{path}: no such file") from None
        except UnicodeDecodeError:
            raise InputError(f"{path}: not UTF-8 text") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from None
        if not text.strip():
            raise InputError(f"{path}: the file is empty")
        return parse(text, path)

    def write(self, path: str | os.PathLike) -> None:
        """Writes `.csv` (drops the blends) or `.json` (keeps them); both keep every number exactly."""
        path = Path(path)
        render = {".csv": _to_csv, ".json": _to_json}.get(path.suffix.lower())
        if render is None:
            raise InputError(f"{path}: an affect curve is written as .csv or .json")
        # Under its final name only when it is whole.
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            partial.write_text(render(self), encoding="utf-8", newline="\n")
            os.replace(partial, path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise InputError(f"{path}: cannot be written ({error.strerror})") from None

    def _dominance(self, times: np.ndarray) -> np.ndarray:
        frames = [(time, affect) for time, affect in self.keyframes if affect.dominance is not None]
        return _linear(times, frames, "dominance") if frames else np.full(len(times), np.nan)

    def _frame_times(self, fps: float | Fraction, seconds: float | None) -> np.ndarray:
        rate, length = float(fps), self.duration if seconds is None else float(seconds)
        if not (math.isfinite(rate) and rate > 0):
            raise InputError(f"fps must be above 0, not {fps}")
        if not (math.isfinite(length) and length >= 0):
            raise InputError(f"seconds must be at least 0, not {seconds}")
        if length * rate > _MOST_FRAMES:
            raise InputError(f"{length} s at {rate} frames/s is more than {_MOST_FRAMES} frames")
        return np.arange(max(1, round(length * rate))) / rate


def strengthened(points: np.ndarray, strength: float) -> np.ndarray:
    """Points of affect (..., 3), float32, at `strength` times their distance from neutral, within [-1, 1].

    At 0 they are neutral in dominance too, where it was unset.
    """
    moved = np.asarray(points, np.float32) * np.float32(strength)
    return np.zeros_like(moved) if strength == 0 else moved.clip(-1, 1)


def _stronger(affect: Affect, strength: float) -> Affect:
    coordinates = (affect.valence, affect.arousal, affect.dominance)
    moved = [None if x is None else min(max(x * strength, -1.0), 1.0) for x in coordinates]
    blend = tuple((term, weight * strength) for term, weight in affect.blend)
    return Affect(*moved, blend)  # type: ignore[arg-type]


def _linear(times: np.ndarray, keyframes: Iterable[tuple[float, Affect]], name: str) -> np.ndarray:
    knots, values = zip(*((time, getattr(affect, name)) for time, affect in keyframes), strict=True)
    # np.interp may overshoot a knot by one rounding step, and 1 is the edge of the space.
    return np.clip(np.interp(times, knots, values), min(values), max(values))


def _time(value: float) -> float:
    try:
        time = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"a time is a number of seconds, not {str(value)[:40]!r}") from None
    if not (math.isfinite(time) and time >= 0):
        raise InputError(f"a time is a finite number of seconds from 0 on, not {time}")
    return time


def _from_csv(text: str, path: Path) -> AffectCurve:
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    header = tuple(cell.strip().lower() for cell in lines[0][1].split(","))
    if header not in (_COLUMNS[:3], _COLUMNS):
        raise InputError(
            f"{path}, line {lines[0][0]}: the header must be {','.join(_COLUMNS[:3])}[,dominance]"
        )
    if len(lines) == 1:
        raise InputError(f"{path}: there is a header but no keyframe below it")
    keyframes = []
    for number, line in lines[1:]:
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != len(header):
            raise InputError(f"{path}, line {number}: {len(cells)} values where the header has {len(header)}")
        if cells[3:] == [""]:
            cells.pop()
        try:
            time, valence, arousal, *rest = map(_number, header, cells)
            dominance = rest[0] if rest else None
            keyframes.append((_time(time), Affect(valence, arousal, dominance)))
            AffectCurve(keyframes[-2:])
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
    return AffectCurve(keyframes)


def _number(name: str, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise InputError(f"{name} {cell[:40]!r} is not a number") from None


def _to_csv(curve: AffectCurve) -> str:
    rows = [",".join(_COLUMNS)]
    for time, affect in curve.keyframes:
        dominance = "" if affect.dominance is None else repr(affect.dominance)
        rows.append(f"{time!r},{affect.valence!r},{affect.arousal!r},{dominance}")
    return "\n".join(rows) + "\n"


def _from_json(text: str, path: Path) -> AffectCurve:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}: not valid JSON ({error.msg})") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: not a JSON document that can be read") from None
    if not isinstance(document, dict) or document.get("format") != _FORMAT or document.get("version") != 1:
        raise InputError(f'{path}: not an affect curve: "format" must be "{_FORMAT}" and "version" 1')
    entries = document.get("keyframes")
    if not isinstance(entries, list):
        raise InputError(f'{path}: "keyframes" must be a list')
    keyframes = []
    for number, entry in enumerate(entries, start=1):
        try:
            keyframes.append(_keyframe(entry))
            AffectCurve(keyframes[-2:])
        except InputError as error:
            raise InputError(f"{path}, keyframe {number}: {error}") from None
    try:
        return AffectCurve(keyframes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _keyframe(entry: object) -> tuple[float, Affect]:
    if not isinstance(entry, dict) or not {"time", "valence", "arousal"} <= entry.keys():
        raise InputError("needs time, valence and arousal")
    if unknown := entry.keys() - {*_COLUMNS, "blend"}:
        raise InputError(f"has the unknown field {sorted(unknown)[0]!r}")
    blend = entry.get("blend", {})
    if not isinstance(blend, dict):
        raise InputError('"blend" maps terms to weights')
    affect = Affect(entry["valence"], entry["arousal"], entry.get("dominance"), tuple(blend.items()))
    return _time(entry["time"]), affect


def _to_json(curve: AffectCurve) -> str:
    entries = []
    for time, affect in curve.keyframes:
        entry: dict[str, object] = {"time": time, "valence": affect.valence, "arousal": affect.arousal}
        if affect.dominance is not None:
            entry["dominance"] = affect.dominance
        if affect.blend:
            entry["blend"] = dict(affect.blend)
        entries.append(entry)
    return json.dumps({"format": _FORMAT, "version": 1, "keyframes": entries}, indent=1) + "\n"
