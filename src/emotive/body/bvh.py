"""The motion of a body as BVH (Biovision Hierarchy), which every animation program reads.

A T-pose at rest, in cm, Y up, the person looking along Z. The root has the place of the hips and their
rotation, other joints three angles in the order Z X Y, R = Rz Rx Ry, in degrees. Angles run on without jumps,
past 180 if they must; where the three are not unique (X at +-90), Y stays as it was.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from emotive.errors import InputError
from emotive.media import write_whole
from emotive.signals import JOINT, JOINTS, PARENTS, BodyMotion

from .bone_names import bone_names

LONGEST = 30 * 60 * 60  # frames: half an hour at 60 a second
_LOCKED = 1e-5  # cosine of X below which Z and Y are not told apart
_CM = 100.0
_ENDS = {
    "head": (0.0, 0.2, 0.0), "jaw": (0.0, -0.03, 0.07), "leftEye": (0.0, 0.0, 0.03),
    "rightEye": (0.0, 0.0, 0.03), "leftToes": (0.0, -0.01, 0.065), "rightToes": (0.0, -0.01, 0.065),
}  # fmt: skip
_TIP = 0.85  # length of a finger's last bone against the one before


def write_bvh(path: str | os.PathLike[str], motion: BodyMotion, names: str = "vrm") -> Path:
    """Writes `.bvh`, whole or not at all; it has no place for provenance.

    names: of the joints, "vrm" (`JOINTS`) or "mixamo".

    Raises InputError for a motion without frames or of more than half an hour at 60 frames/s, other names,
    and as `write_whole` does.
    """
    path = Path(path)
    if not 0 < len(motion) <= LONGEST:
        raise InputError(f"{path}: a .bvh holds 1..{LONGEST:,} frames, not {len(motion):,}")
    write_whole(path, bvh_text(motion, names).encode())
    return path


def bvh_text(motion: BodyMotion, names: str = "vrm") -> str:
    """The file that `write_bvh` writes."""
    called, order = bone_names(names), _order()
    lines = ["HIERARCHY", *_joint(0, motion.offsets.astype(np.float64), called)]
    lines += ["MOTION", f"Frames: {len(motion)}", f"Frame Time: {float(1 / motion.fps):.9f}"]
    angles = np.degrees(euler_angles(motion.matrices()))[:, order].reshape(len(motion), -1)
    # Ten thousandths of a degree, and of a centimetre, move no joint by more than 0.01 mm.
    values = np.concatenate([motion.root.astype(np.float64) * _CM, angles], 1).round(4) + 0.0
    form = " ".join(["%.4f"] * values.shape[1])
    return "\n".join([*lines, *(form % tuple(row) for row in values.tolist())]) + "\n"


def euler_angles(matrices: np.ndarray) -> np.ndarray:
    """Angles about Z, X and Y, rad, of rotations R = Rz Rx Ry (T, J, 3, 3): (T, J, 3), without jumps.

    Each frame takes, of the two triples that give the same rotation, the one nearer to the frame before.
    """
    m = np.asarray(matrices, np.float64)
    x = np.arcsin(m[..., 2, 1].clip(-1, 1))
    y = np.arctan2(-m[..., 2, 0], m[..., 2, 2])
    locked = np.hypot(m[..., 2, 0], m[..., 2, 2]) < _LOCKED
    angles = np.zeros((*m.shape[:2], 3))
    before = np.zeros((m.shape[1], 3))
    for t in range(len(m)):
        y_t = np.where(locked[t], before[:, 2], y[t])
        # The first column of R Ry^-1 = Rz Rx is (cos z, sin z, 0).
        c, s = np.cos(y_t), np.sin(y_t)
        z_t = np.arctan2(m[t, :, 1, 0] * c + m[t, :, 1, 2] * s, m[t, :, 0, 0] * c + m[t, :, 0, 2] * s)
        one = np.stack([z_t, x[t], y_t], -1)
        other = np.stack([z_t + np.pi, np.pi - x[t], y_t + np.pi], -1)
        one, other = (a - 2 * np.pi * np.round((a - before) / (2 * np.pi)) for a in (one, other))
        far = np.abs(other - before).sum(-1) < np.abs(one - before).sum(-1) - 1e-9
        far &= ~locked[t]
        angles[t] = before = np.where(far[:, None], other, one)
    return angles


def _order() -> list[int]:
    """Numbers of the joints as the hierarchy lists them: a joint, then what hangs on it."""

    def below(joint: int) -> list[int]:
        return [joint, *(j for child in _children(joint) for j in below(child))]

    return below(0)


def _children(joint: int) -> list[int]:
    return [child for child, parent in enumerate(PARENTS) if parent == joint]


def _joint(joint: int, offsets: np.ndarray, called: tuple[str, ...]) -> list[str]:
    # Some programs add the root's offset to its place, others do not: it is zero.
    offset = offsets[joint] if joint else np.zeros(3)
    head = f"JOINT {called[joint]}" if joint else f"ROOT {called[joint]}"
    places = "" if joint else "Xposition Yposition Zposition "
    inner = [
        f"OFFSET {_numbers(offset)}",
        f"CHANNELS {3 if joint else 6} {places}Zrotation Xrotation Yrotation",
    ]
    end = _end(joint, offsets)
    if end is not None:
        inner += ["End Site", "{", f"\tOFFSET {_numbers(end)}", "}"]
    lines = [head, "{", *("\t" + line for line in inner)]
    for child in _children(joint):
        lines += ["\t" + line for line in _joint(child, offsets, called)]
    return [*lines, "}"]


def _end(joint: int, offsets: np.ndarray) -> np.ndarray | None:
    """Where the last bone of a chain ends, from its joint, m."""
    name = JOINTS[joint]
    if name in _ENDS:
        # Ends grow with the body: the head's with its eyes, a foot's with its length.
        size = np.linalg.norm(offsets[JOINT["leftLowerLeg"]]) / 0.41
        return np.array(_ENDS[name]) * size
    return None if _children(joint) else _TIP * offsets[joint]


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values * _CM + 0.0)
