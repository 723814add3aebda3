"""How a face moves: blendshapes, head and gaze, frame by frame."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.media import write_whole

from .archive import (
    check_format,
    curve_from_record,
    curve_record,
    frame_rate,
    joined_curve,
    pack,
    reading,
    shortest,
    unpack,
)
from .blendshapes import ARKIT

FORMAT = "emotive-face-motion"
VERSION = 1
MAX_TEXT = 256 * 2**20  # bytes of a .json: four hours
_ROUNDING = 1e-4  # by which a sum of weights may pass 0 or 1
_TRACKS = ("weights", "rotation", "translation", "gaze")


@dataclass(frozen=True, eq=False)
class FaceMotion:
    """The motion of one face. Axes as in glTF: X to the person's left, Y up, Z out of the face.

    weights: float32 (T, K) in [0, 1], of the blendshapes `names`. The eye-look shapes stay 0; `gaze` has it.
    rotation: of the head against the shoulders, float32 (T, 3), a rotation vector in rad. Along +X the face
        looks down, along +Y it turns to the person's left, along +Z it tilts to the person's right shoulder.
    translation: of the head, float32 (T, 3), m.
    gaze: of both eyes against the head, float32 (T, 2), rad: yaw to the person's left, pitch up.
    fps: frames/s, exact, in 1..240; an int, a float or a Fraction is taken. A float is the nearest fraction
        with a denominator up to 1001: 29.97 is 2997/100, 30000 / 1001 itself.
    names: of the blendshapes, ARKit's 52 first.
    affect: the curve that was used, its times from the first frame; neutral by default.
    start: seconds on a longer clock at which the first frame lies.

    Arrays are kept as read-only copies; weights past 0 or 1 by no more than rounding are clipped there.
    Raises InputError for other shapes, values that are not finite, weights outside [0, 1].
    """

    weights: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    gaze: np.ndarray
    fps: Fraction
    names: tuple[str, ...] = ARKIT
    affect: AffectCurve = field(default_factory=lambda: AffectCurve.constant(Affect(0.0, 0.0)))
    start: float = 0.0

    def __post_init__(self) -> None:
        names = tuple(self.names)
        if names[: len(ARKIT)] != ARKIT:
            raise InputError("the names of the blendshapes begin with ARKit's 52, in their order")
        if len({*names}) != len(names) or not all(isinstance(name, str) and name for name in names):
            raise InputError("every blendshape has a name of its own")
        if not (isinstance(self.start, int | float) and math.isfinite(self.start) and self.start >= 0):
            raise InputError(f"a motion starts at a finite number of seconds from 0 on, not {self.start!r}")
        arrays = {"weights": _track("weights", self.weights, None, len(names))}
        frames = len(arrays["weights"])
        for name, columns in (("rotation", 3), ("translation", 3), ("gaze", 2)):
            arrays[name] = _track(name, getattr(self, name), frames, columns)
        weights = arrays["weights"]
        outside = (weights < -_ROUNDING) | (weights > 1 + _ROUNDING)
        if outside.any():
            i, k = np.argwhere(outside)[0]
            raise InputError(f"{names[k]} is {weights[i, k]:.4g} in frame {i}; weights are in [0, 1]")
        arrays["weights"] = np.clip(weights, 0.0, 1.0)
        for name, array in arrays.items():
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "fps", frame_rate(self.fps))
        object.__setattr__(self, "start", float(self.start))
        if not isinstance(self.affect, AffectCurve):
            object.__setattr__(self, "affect", AffectCurve.coerce(self.affect))

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(len(self) / self.fps)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes `.npz` or `.json`, whole or not at all; both keep every number exactly.

        The JSON is for editing by hand: one frame a line, with the weights that are not 0 by their names.
        Raises InputError for another suffix, or a folder that is missing or cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() == ".json":
            write_whole(path, self._to_json().encode())
        elif path.suffix.lower() == ".npz":
            arrays = {name: getattr(self, name) for name in _TRACKS}
            write_whole(path, pack(arrays, "header", json.dumps(self._header(), allow_nan=False)))
        else:
            raise InputError(f"{path}: the motion of a face is saved as .npz or .json")
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FaceMotion:
        """Reads what `save` wrote, edited or not.

        Raises InputError, naming the file, if it is missing, damaged, too large, of another version or
        something else.
        """
        path = Path(path)
        with reading(path, "the motion of a face"):
            if path.suffix.lower() == ".json":
                if path.stat().st_size > MAX_TEXT:
                    raise InputError("it is too large to be the motion of a face; longer ones are .npz")
                return _from_json(json.loads(path.read_bytes()))
            if path.suffix.lower() == ".npz":
                arrays, text = unpack(path, _TRACKS, "header", "the motion of a face")
                return _from_header(json.loads(text), *arrays)
            raise InputError("the motion of a face is loaded from .npz or .json")

    def resampled(self, fps: float | Fraction) -> FaceMotion:
        """The same motion at another rate, T = round(duration * fps) frames, at least one if there are any.

        All tracks are interpolated linearly, the last frame is held. For rotation vectors that is not the
        shortest arc, but a head turns by less than a radian and by some degrees between frames, where both
        agree to a thousandth of the step. What lasts less than a new frame, such as a fast blink at 5
        frames/s, may be lost.
        """
        rate = frame_rate(fps)
        if rate == self.fps or not len(self):
            return replace(self, fps=rate)
        count = max(1, round(len(self) * rate / self.fps))
        times = np.minimum(np.arange(count) * float(self.fps / rate), len(self) - 1)
        before = np.minimum(times.astype(int), max(len(self) - 2, 0))
        after = np.minimum(before + 1, len(self) - 1)
        share = (times - before)[:, None]
        tracks = {}
        for name in _TRACKS:
            track = getattr(self, name).astype(np.float64)
            tracks[name] = (1 - share) * track[before] + share * track[after]
        return replace(self, **tracks, fps=rate)

    @classmethod
    def concatenate(cls, parts: Sequence[FaceMotion]) -> FaceMotion:
        """One after the other, without gaps; the curves of affect are joined. It starts where the first does.

        Raises InputError for no parts, and for parts of different rates or blendshapes.
        """
        parts = list(parts)
        if not parts:
            raise InputError("there is no motion to concatenate")
        first, frames, curves = parts[0], 0, []
        for part in parts:
            if part.fps != first.fps:
                raise InputError(f"cannot join {first.fps} and {part.fps} frames/s; use `resampled` on one")
            if part.names != first.names:
                raise InputError("cannot join motions of different blendshapes")
            curves.append((float(frames / first.fps), part.affect, part.duration))
            frames += len(part)  # counted in frames, so that errors do not add up
        tracks = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _TRACKS}
        affect = joined_curve(curves, float(0.5 / first.fps)) or first.affect
        return replace(first, **tracks, affect=affect)

    def _header(self) -> dict[str, Any]:
        """Everything but the frames, as what JSON can hold."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "fps": self.fps.numerator if self.fps.denominator == 1 else str(self.fps),
            "start": self.start,
            "duration": self.duration,
            "affect": curve_record(self.affect),
            "names": list(self.names),
        }

    def _to_json(self) -> str:
        header = json.dumps({**self._header(), "frames": []}, indent=1, allow_nan=False)
        weights, rotation, translation, gaze = (shortest(getattr(self, name)) for name in _TRACKS)
        lines = []
        for i in range(len(self)):
            row = {name: value for name, value in zip(self.names, weights[i], strict=True) if value}
            frame = {
                "rotation": rotation[i],
                "translation": translation[i],
                "gaze": gaze[i],
                "weights": row,
            }
            lines.append(json.dumps(frame))
        body = "[\n  " + ",\n  ".join(lines) + "\n ]" if lines else "[]"
        return header.removesuffix("[]\n}") + body + "\n}\n"


def _track(name: str, values: Any, frames: int | None, columns: int) -> np.ndarray:
    try:
        track = np.array(values, dtype=np.float32)  # a copy: nobody else can write into it
    except (TypeError, ValueError) as error:
        raise InputError(f"the {name} of a face are numbers of shape (T, {columns})") from error
    if track.ndim != 2 or track.shape[1] != columns or frames not in (None, len(track)):
        expected = f"({'T' if frames is None else frames}, {columns})"
        raise InputError(f"{name} must have the shape {expected}, not {track.shape}")
    if not np.isfinite(track).all():
        raise InputError(f"{name} of frame {np.argwhere(~np.isfinite(track))[0, 0]} are not finite numbers")
    return track


def _from_header(header: Any, *tracks: np.ndarray) -> FaceMotion:
    check_format(header, FORMAT, VERSION, "the motion of a face")
    fps, start = header["fps"], header["start"]
    affect, names = curve_from_record(header["affect"]), tuple(header["names"])
    weights, rotation, translation, gaze = tracks
    return FaceMotion(weights, rotation, translation, gaze, fps, names, affect, start)


def _from_json(record: Any) -> FaceMotion:
    check_format(record, FORMAT, VERSION, "the motion of a face")
    frames, names = record["frames"], record["names"]
    place = {name: k for k, name in enumerate(names)}
    weights = np.zeros((len(frames), len(names)), np.float32)
    tracks = {
        name: np.zeros((len(frames), n), np.float32) for name, n in zip(_TRACKS[1:], (3, 3, 2), strict=True)
    }
    for i, frame in enumerate(frames):
        for name, value in frame["weights"].items():
            if name not in place:
                raise InputError(f"frame {i} has the blendshape {name[:40]!r}, which is not among the names")
            weights[i, place[name]] = value
        for name, track in tracks.items():
            if len(frame[name]) != track.shape[1]:
                raise InputError(f"the {name} of frame {i} is {track.shape[1]} numbers")
            track[i] = frame[name]
    return _from_header(record, weights, *tracks.values())
