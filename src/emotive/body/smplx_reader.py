"""The motion in a file of SMPL-X parameters (`.npz`), as BEAT2, AMASS and AMUSE write it.

Its 55 joints are ours, and its rest pose is our T-pose. How long the bones are belongs to a licensed model
that is not here: the body is ours, and how it stands on the floor is told by its feet.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np

from emotive.errors import InputError
from emotive.signals import JOINT, JOINTS, BodyMotion
from emotive.signals.archive import MAX_BYTES, frame_rate, reading
from emotive.signals.body_motion import PELVIS, forward
from emotive.signals.rotations import matrices_of_vectors, six_of

from .rest_pose import turn_between
from .retarget import on_floor
from .skeleton import offsets_of
from .turns import unit

RATES = ("mocap_frame_rate", "mocap_framerate")  # BEAT2's and AMUSE's name, AMASS's
SEEN = 300  # frames that tell which way is up


def motion_of_smplx(path: str | os.PathLike[str], fps: float | Fraction | None = None) -> BodyMotion:
    """The motion in such a file, on a body of our proportions; up is Y or Z, as the person stands.

    fps: of the result; by default that of the file.

    Raises InputError, naming the file, if it is missing, damaged, too large or something else.
    """
    path = Path(path)
    with reading(path, "a file of SMPL-X parameters"):
        poses, root, rate = _parameters(path)
        whole = Fraction(rate) if fps is None else frame_rate(fps)
        step = max(1, int(rate / whole))
        local = matrices_of_vectors(poses[::step])
        root = root[::step] + PELVIS
        world = _world(local[:: max(1, len(local) // SEEN)])
        local[:, 0] = world @ local[:, 0]
        motion = on_floor(BodyMotion(six_of(local), root @ world.T, offsets_of(), rate / step))
        return motion if motion.fps == whole else motion.resampled(whole)


def _parameters(path: Path) -> tuple[np.ndarray, np.ndarray, Fraction]:
    """Rotation vectors (T, 55, 3), the model's places (T, 3), frames/s."""
    if path.suffix.lower() != ".npz":
        raise InputError("SMPL-X parameters are read from .npz")
    with np.load(path, allow_pickle=False) as file:
        if sum(entry.file_size for entry in file.zip.infolist()) > MAX_BYTES:
            raise InputError("it is too large to be the motion of a person")
        rate = next((file[name] for name in RATES if name in file), None)
        missing = [name for name in ("poses", "trans") if name not in file]
        if missing or rate is None:
            raise InputError(
                f"it has no {missing[0] if missing else RATES[0]}: not a file of SMPL-X parameters"
            )
        poses, root = np.asarray(file["poses"], np.float64), np.asarray(file["trans"], np.float64)
    if poses.size != len(poses) * 3 * len(JOINTS):
        raise InputError(f"its poses have the shape {poses.shape}: SMPL-X has 55 joints, (T, 165)")
    if root.shape != (len(poses), 3):
        raise InputError(f"it has {len(poses)} poses but places of the shape {root.shape}")
    if not len(poses):
        raise InputError("it has no frames")
    if not (np.isfinite(poses).all() and np.isfinite(root).all()):
        raise InputError("it has numbers that are not finite")
    return poses.reshape(-1, len(JOINTS), 3), root, frame_rate(float(np.asarray(rate).reshape(-1)[0]))


def _world(local: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) that takes the file's up, Y or Z, to ours."""
    places = forward(local, np.zeros((len(local), 3)), offsets_of().astype(np.float64))[1]
    up = unit(places[:, JOINT["head"]]).mean(0)
    axis = max((np.array([0.0, 1, 0]), np.array([0.0, 0, 1])), key=lambda a: up @ a)
    return turn_between(axis, (0.0, 1.0, 0.0))
