"""The pose that the figure is modelled in: arms lowered, elbows and fingers a little bent.

Halfway between a T-pose and what arms do when people talk, so that no joint is bent far from where its skin
was made.
"""

from __future__ import annotations

import numpy as np

from emotive.signals import JOINT, JOINTS
from emotive.signals.body_motion import forward
from emotive.signals.rotations import matrices_of_vectors

from .skeleton import SIGN

LOWERED, ELBOW = 48.0, 22.0  # deg
CURL = {"Proximal": 16.0, "Intermediate": 20.0, "Distal": 14.0}
_MIRROR = np.diag([-1.0, 1.0, 1.0])


def bind_rotations() -> np.ndarray:
    """Rotations of all joints against their parents in that pose, (55, 3, 3)."""
    turns = np.zeros((len(JOINTS), 3))
    turns[JOINT["leftUpperArm"]] = (0, 0, -LOWERED)
    turns[JOINT["leftLowerArm"]] = (0, -ELBOW, 0)
    for finger in ("Index", "Middle", "Ring", "Little"):
        for phalanx, angle in CURL.items():
            turns[JOINT[f"left{finger}{phalanx}"]] = (0, 0, -angle)
    turns[JOINT["leftThumbDistal"]] = (0, 0, -8.0)
    matrices = matrices_of_vectors(np.radians(turns))
    for name, joint in JOINT.items():
        if name.startswith("right"):
            matrices[joint] = _MIRROR @ matrices[JOINT["left" + name.removeprefix("right")]] @ _MIRROR
    return matrices


def bind_pose(offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orientations (55, 3, 3) and positions (55, 3), m, of all joints in that pose, for bodies of any
    proportions: offsets (55, 3) as `skeleton.offsets_of` gives them."""
    return forward(bind_rotations(), np.asarray(offsets[0], float), np.asarray(offsets, float))


def mirrored(points: np.ndarray) -> np.ndarray:
    """Points (..., 3) on the other side."""
    return points * np.array([SIGN["right"], 1.0, 1.0])
