"""How a body moves: rotations of its joints and the place of its hips, frame by frame."""

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
    curve_from,
    curve_from_record,
    curve_record,
    frame_rate,
    joined_curve,
    pack,
    reading,
    shortest,
    unpack,
)
from .joints import JOINTS, PARENTS
from .rotations import matrices_of, quaternions_of, vectors_of

FORMAT = "emotive-body-motion"
VERSION = 1
MAX_TEXT = 512 * 2**20  # bytes of a .json
PELVIS = np.array([0.0031, -0.3514, 0.0120], np.float32)  # m: where SMPL-X's neutral model has it at rest
_TRACKS = ("rotations", "root", "offsets")


@dataclass(frozen=True, eq=False)
class BodyMotion:
    """The motion of one body. Axes as in glTF: X to the person's left, Y up, Z ahead; the floor is at Y = 0.

    rotations: of each joint of `JOINTS` against its parent, float32 (T, 55, 6): the first two columns of its
        matrix. With all of them the identity the body stands in a T-pose: arms along X, palms down.
    root: where the hips are, float32 (T, 3), m.
    offsets: of each joint from its parent in the T-pose, float32 (55, 3), m; that of the hips is where they
        are when the feet stand on the floor.
    fps: frames/s, exact, in 1..240; an int, a float or a Fraction is taken.
    affect: the curve that was used, its times from the first frame; neutral by default.
    start: seconds on a longer clock at which the first frame lies.

    Arrays are kept as read-only copies. Raises InputError for other shapes, and for values that are not
    finite or no rotations.
    """

    rotations: np.ndarray
    root: np.ndarray
    offsets: np.ndarray
    fps: Fraction
    affect: AffectCurve = field(default_factory=lambda: AffectCurve.constant(Affect(0.0, 0.0)))
    start: float = 0.0

    def __post_init__(self) -> None:
        if not (isinstance(self.start, int | float) and math.isfinite(self.start) and self.start >= 0):
            raise InputError(f"a motion starts at a finite number of seconds from 0 on, not {self.start!r}")
        rotations = _array("rotations", self.rotations, (None, len(JOINTS), 6))
        arrays = {
            "rotations": rotations,
            "root": _array("root", self.root, (len(rotations), 3)),
            "offsets": _array("offsets", self.offsets, (len(JOINTS), 3)),
        }
        a, b = rotations[..., :3].astype(np.float64), rotations[..., 3:].astype(np.float64)
        errors = np.stack([(a * a).sum(-1) - 1, (b * b).sum(-1) - 1, (a * b).sum(-1)], -1)
        if (np.abs(errors) > 1e-3).any():
            t, j = np.argwhere(np.abs(errors).max(-1) > 1e-3)[0]
            raise InputError(f"{JOINTS[j]} has no rotation in frame {t}: six numbers are two unit columns")
        for name, array in arrays.items():
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "fps", frame_rate(self.fps))
        object.__setattr__(self, "start", float(self.start))
        if not isinstance(self.affect, AffectCurve):
            object.__setattr__(self, "affect", AffectCurve.coerce(self.affect))

    def __len__(self) -> int:
        return len(self.rotations)

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(len(self) / self.fps)

    def matrices(self) -> np.ndarray:
        """Rotations against the parents, float64 (T, 55, 3, 3)."""
        return matrices_of(self.rotations)

    def placed(self) -> tuple[np.ndarray, np.ndarray]:
        """Orientations (T, 55, 3, 3) and positions (T, 55, 3), m, of all joints in the world; float64."""
        return forward(self.matrices(), self.root, self.offsets)

    def positions(self) -> np.ndarray:
        """Positions of all joints in the world, float64 (T, 55, 3), m."""
        return self.placed()[1]

    def save(self, path: str | os.PathLike[str], provenance: str = "") -> Path:
        """Writes `.npz` or `.json`, whole or not at all; both keep every number exactly, and `provenance`,
        which is JSON.

        The `.npz` also holds what BEAT2's and AMUSE's files hold (`poses`, `trans`, `betas`, `expressions`,
        `gender`, `model`, `mocap_frame_rate`), for programs that draw SMPL-X; reading it here ignores them.
        Raises InputError for another suffix, or a folder that is missing or cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() == ".json":
            write_whole(path, self._to_json(provenance).encode())
        elif path.suffix.lower() == ".npz":
            arrays = {name: getattr(self, name) for name in _TRACKS}
            text = json.dumps(self._header(), allow_nan=False)
            told = {"provenance": np.frombuffer(provenance.encode(), np.uint8)} if provenance else {}
            write_whole(path, pack({**arrays, **self.smplx(), **told}, "header", text))
        else:
            raise InputError(f"{path}: the motion of a body is saved as .npz or .json")
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> BodyMotion:
        """Reads what `save` wrote.

        Raises InputError, naming the file, if it is missing, damaged, too large, of another version or
        something else.
        """
        path = Path(path)
        with reading(path, "the motion of a body"):
            if path.suffix.lower() == ".json":
                if path.stat().st_size > MAX_TEXT:
                    raise InputError("it is too large to be the motion of a body; longer ones are .npz")
                record = json.loads(path.read_bytes())
                check_format(record, FORMAT, VERSION, "the motion of a body")
                count = len(record["frames"])
                rotations = np.array([frame["rotations"] for frame in record["frames"]], np.float32)
                root = np.array([frame["root"] for frame in record["frames"]], np.float32)
                arrays = [rotations.reshape(count, len(JOINTS), 6), root.reshape(count, 3), record["offsets"]]
                return _from_header(record, *arrays)
            if path.suffix.lower() == ".npz":
                arrays, text = unpack(path, _TRACKS, "header", "the motion of a body")
                record = json.loads(text)
                check_format(record, FORMAT, VERSION, "the motion of a body")
                return _from_header(record, *arrays)
            raise InputError("the motion of a body is loaded from .npz or .json")

    def smplx(self) -> dict[str, np.ndarray]:
        """The arrays of a SMPL-X file: `poses` (T, 165), rotation vectors in rad, `trans` (T, 3), and the
        rest. Shape and expressions are zero: they belong to a licensed model that is not here."""
        count = len(self)
        return {
            "poses": vectors_of(self.matrices()).reshape(count, 3 * len(JOINTS)).astype(np.float32),
            "trans": self.root - PELVIS,
            "betas": np.zeros(300, np.float32),
            "expressions": np.zeros((count, 100), np.float32),
            "mocap_frame_rate": np.array(float(self.fps)),
            "gender": np.array("neutral"),
            "model": np.array("smplx2020"),
        }

    def resampled(self, fps: float | Fraction) -> BodyMotion:
        """The same motion at another rate, T = round(duration * fps) frames, at least one if there are any.

        Rotations go the shortest way (slerp), the hips in straight lines; the last frame is held.
        """
        rate = frame_rate(fps)
        if rate == self.fps or not len(self):
            return replace(self, fps=rate)
        count = max(1, round(len(self) * rate / self.fps))
        at = np.minimum(np.arange(count) * float(self.fps / rate), len(self) - 1)
        before = np.minimum(at.astype(int), max(len(self) - 2, 0))
        after = np.minimum(before + 1, len(self) - 1)
        share = (at - before)[:, None]
        root = (1 - share) * self.root[before] + share * self.root[after]
        return replace(self, rotations=_slerp(self.rotations, before, after, share), root=root, fps=rate)

    def part(self, first: int, last: int) -> BodyMotion:
        """Frames `first` to `last` (not included); `affect` stays that of the whole, shifted with them."""
        frames = slice(first, last)
        begins = first / float(self.fps)
        return replace(
            self,
            rotations=self.rotations[frames],
            root=self.root[frames],
            affect=curve_from(self.affect, begins),
            start=self.start + begins,
        )

    @classmethod
    def concatenate(cls, parts: Sequence[BodyMotion]) -> BodyMotion:
        """One after the other, without gaps; the curves of affect are joined. It starts where the first does.

        Raises InputError for no parts, and for parts of different rates or bodies.
        """
        parts = list(parts)
        if not parts:
            raise InputError("there is no motion to concatenate")
        first, frames, curves = parts[0], 0, []
        for part in parts:
            if part.fps != first.fps:
                raise InputError(f"cannot join {first.fps} and {part.fps} frames/s; use `resampled` on one")
            if not np.array_equal(part.offsets, first.offsets):
                raise InputError("cannot join motions of different bodies")
            curves.append((frames / float(first.fps), part.affect, part.duration))
            frames += len(part)
        return replace(
            first,
            rotations=np.concatenate([part.rotations for part in parts]),
            root=np.concatenate([part.root for part in parts]),
            affect=joined_curve(curves, 0.5 / float(first.fps)) or first.affect,
        )

    def _header(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "fps": self.fps.numerator if self.fps.denominator == 1 else str(self.fps),
            "start": self.start,
            "affect": curve_record(self.affect),
            "joints": list(JOINTS),
        }

    def _to_json(self, provenance: str) -> str:
        told = {"provenance": json.loads(provenance)} if provenance else {}
        record = {**self._header(), **told, "offsets": shortest(self.offsets), "frames": []}
        header = json.dumps(record, indent=1, allow_nan=False)
        root = shortest(self.root)
        rotations = shortest(self.rotations.reshape(len(self), 6 * len(JOINTS)))
        rows = zip(root, rotations, strict=True)
        lines = [json.dumps({"root": place, "rotations": turns}) for place, turns in rows]
        body = "[\n  " + ",\n  ".join(lines) + "\n ]" if lines else "[]"
        return header.removesuffix("[]\n}") + body + "\n}\n"


def forward(matrices: np.ndarray, root: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward kinematics: rotations against the parents (..., 55, 3, 3), the place of the hips (..., 3) and
    offsets (55, 3) -> orientations (..., 55, 3, 3) and positions (..., 55, 3) in the world."""
    turned = np.empty_like(matrices)
    placed = np.empty((*matrices.shape[:-2], 3), matrices.dtype)
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            turned[..., joint, :, :], placed[..., joint, :] = matrices[..., joint, :, :], root
        else:
            turned[..., joint, :, :] = turned[..., parent, :, :] @ matrices[..., joint, :, :]
            placed[..., joint, :] = placed[..., parent, :] + turned[..., parent, :, :] @ offsets[joint]
    return turned, placed


def _slerp(six: np.ndarray, before: np.ndarray, after: np.ndarray, share: np.ndarray) -> np.ndarray:
    quaternions = quaternions_of(matrices_of(six))
    a, b = quaternions[before], quaternions[after]
    cosine = (a * b).sum(-1, keepdims=True)
    b, cosine = np.where(cosine < 0, -b, b), np.abs(cosine).clip(0, 1)
    angle, s = np.arccos(cosine), share[..., None]
    sine = np.maximum(np.sin(angle), 1e-9)
    near = angle < 1e-4
    left = np.where(near, 1 - s, np.sin((1 - s) * angle) / sine)
    right = np.where(near, s, np.sin(s * angle) / sine)
    q = left * a + right * b
    x, y, z, w = np.moveaxis(q / np.linalg.norm(q, axis=-1, keepdims=True), -1, 0)
    first = np.stack([1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)], -1)
    second = np.stack([2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)], -1)
    return np.concatenate([first, second], -1)


def _array(name: str, values: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    told = f"({', '.join('T' if n is None else str(n) for n in shape)})"
    try:
        array = np.array(values, dtype=np.float32)  # a copy: nobody else can write into it
    except (TypeError, ValueError) as error:
        raise InputError(f"the {name} of a body are numbers of shape {told}") from error
    if array.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
        raise InputError(f"{name} must have the shape {told}, not {array.shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{name} of frame {np.argwhere(~np.isfinite(array))[0, 0]} are not finite numbers")
    return array


def _from_header(record: Any, rotations: Any, root: Any, offsets: Any) -> BodyMotion:
    if tuple(record["joints"]) != JOINTS:
        raise InputError("its joints are others than SMPL-X's 55")
    affect, start = curve_from_record(record["affect"]), record["start"]
    return BodyMotion(rotations, root, offsets, record["fps"], affect, start)
