"""How signals are kept in files: arrays and a JSON header in one `.npz`, curves of affect as JSON."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.media import check_file

RATES = (1, 240)  # frames/s
MAX_BYTES = 4 * 2**30  # that a file may unpack to: speech of six hours at 48 kHz
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, EOFError, RecursionError, zipfile.BadZipFile)


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Whatever goes wrong while `path` is read becomes one InputError that names it; `what` it should be."""
    check_file(path)
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except _DAMAGED as error:
        why = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{path}: not {what} that Emotive saved, or damaged ({why})") from error


def pack(arrays: Mapping[str, np.ndarray], header: str, text: str) -> bytes:
    """The bytes of an `.npz` with `arrays` and, under the name `header`, a text."""
    buffer = io.BytesIO()
    named: dict[str, Any] = {header: np.frombuffer(text.encode(), dtype=np.uint8)}
    np.savez_compressed(buffer, **arrays, **named)
    return buffer.getvalue()


def unpack(path: Path, names: Iterable[str], header: str, what: str) -> tuple[list[np.ndarray], bytes]:
    """The arrays `names`, float32, and the text of what `pack` wrote; nothing is unpickled.

    Raises InputError if the file would fill the memory, ValueError and others for what is damaged.
    """
    with np.load(path, allow_pickle=False) as file:
        if sum(entry.file_size for entry in file.zip.infolist()) > MAX_BYTES:
            raise InputError(f"it is too large to be {what}")
        arrays, text = [file[name] for name in names], file[header]
        if any(array.dtype != np.float32 for array in arrays) or text.dtype != np.uint8:
            raise ValueError("its arrays have other types")
        return arrays, text.tobytes()


def check_format(record: Any, name: str, version: int, what: str) -> None:
    """Raises InputError unless a header says that it is of the format `name` and of `version`."""
    if not isinstance(record, Mapping) or record.get("format") != name:
        raise InputError(f'not {what}: "format" must be "{name}"')
    if record.get("version") != version:
        raise InputError(f"this is version {record.get('version')!r} of the format; {version} is read here")


def curve_record(curve: AffectCurve) -> list[dict[str, Any]]:
    """The keyframes of a curve, as what JSON can hold; times in seconds."""
    record = []
    for time, affect in curve.keyframes:
        entry: dict[str, Any] = {"time": time, "valence": affect.valence, "arousal": affect.arousal}
        if affect.dominance is not None:
            entry["dominance"] = affect.dominance
        if affect.blend:
            entry["blend"] = dict(affect.blend)
        record.append(entry)
    return record


def curve_from_record(record: Any) -> AffectCurve:
    """The inverse of `curve_record`."""
    return AffectCurve(
        [
            (
                float(entry["time"]),
                Affect(
                    entry["valence"],
                    entry["arousal"],
                    entry.get("dominance"),
                    tuple(entry.get("blend", {}).items()),
                ),
            )
            for entry in record
        ]
    )


def curve_from(curve: AffectCurve, seconds: float) -> AffectCurve:
    """What `curve` does from `seconds` on, its times counted from there."""
    later = [(time - seconds, affect) for time, affect in curve.keyframes if time > seconds]
    return AffectCurve([(0.0, curve.at(seconds)), *later])


def joined_curve(parts: Iterable[tuple[float, AffectCurve, float]], step: float) -> AffectCurve | None:
    """One curve of parts, each (offset, curve, duration) in s; None of parts that last no time.

    Each part holds its last affect until `step` seconds before the next, which may jump to another.
    """
    keyframes: list[tuple[float, Affect]] = []
    for offset, curve, duration in parts:
        if duration:
            keyframes += [(offset + time, affect) for time, affect in _cut(curve, duration, step)]
    return AffectCurve(_thinned(keyframes)) if keyframes else None


def _cut(curve: AffectCurve, duration: float, step: float) -> list[tuple[float, Affect]]:
    """What `curve` does from 0 to `duration` (s), with keyframes at 0 and `step` before the end."""
    end = max(duration - step, 0.0)
    inner = [(time, affect) for time, affect in curve.keyframes if 0 < time < end]
    return [(0.0, curve.at(0.0)), *inner, *([(end, curve.at(end))] if end else [])]


def _thinned(keyframes: list[tuple[float, Affect]]) -> list[tuple[float, Affect]]:
    """Without the keyframes that change nothing: between equal ones, or last and equal to the one before."""
    kept: list[tuple[float, Affect]] = []
    for i, (time, affect) in enumerate(keyframes):
        following = keyframes[i + 1][1] if i + 1 < len(keyframes) else affect
        if not (kept and kept[-1][1] == affect == following):
            kept.append((time, affect))
    return kept


def frame_rate(fps: Any) -> Fraction:
    """Frames/s, exact; a float is the nearest fraction with a denominator up to 1001. Raises InputError."""
    try:
        rate = fps if isinstance(fps, Fraction) else Fraction(fps)
        rate = rate.limit_denominator(1001) if isinstance(fps, float) else rate
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise InputError(f"fps is a number of frames/s, not {str(fps)[:40]!r}") from error
    if isinstance(fps, bool) or not RATES[0] <= rate <= RATES[1]:
        raise InputError(f"fps must lie in {RATES[0]}..{RATES[1]} frames/s, not {str(fps)[:40]}")
    return rate


def shortest(track: np.ndarray) -> list[list[float]]:
    """Numbers with as few digits as tell a float32 from its neighbours."""
    return track.astype("U").astype(np.float64).tolist()
