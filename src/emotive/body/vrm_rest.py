"""The rest pose that VRM 1.0 asks for: a T-pose to the letter.

In ours fingers fan out a little, the thumb points down and ahead, and toes a little outwards. VRM's T-pose
(vrm-specification, VRMC_vrm-1.0/tpose.md) has straight feet and fingers, and thumbs halfway between the arm
and ahead with the nail upright. Nodes that are turned so at rest say the same motion: an animation's
rotations replace those of the rest pose.
"""

from __future__ import annotations

import numpy as np

from emotive.signals import JOINT, JOINTS
from emotive.signals.rotations import quaternions_of

from .fingers import THUMB_AXIS
from .skeleton import SIGN
from .turns import unit

THUMB = np.array([1.0, 0.0, 1.0])  # where a left thumb points
_X, _UP, _Z = np.eye(3)


def vrm_rest(offsets: np.ndarray) -> np.ndarray:
    """Unit quaternions (55, 4), x y z w, of the joints against their parents in VRM's T-pose, for a body with
    offsets (55, 3)."""
    turned = np.broadcast_to(np.eye(3), (len(JOINTS), 3, 3)).copy()
    for side, sign in SIGN.items():
        mirror = np.array([sign, 1.0, 1.0])
        for finger in ("Index", "Middle", "Ring", "Little"):
            way = offsets[JOINT[f"{side}{finger}Intermediate"]]
            turned[JOINT[f"{side}{finger}Proximal"]] = _frame(mirror * _X, _Z) @ _frame(way, _Z).T
        # The nail lies along the axis about which the thumb bends.
        axis, way = mirror * THUMB_AXIS, offsets[JOINT[f"{side}ThumbProximal"]]
        turned[JOINT[f"{side}ThumbMetacarpal"]] = _frame(mirror * THUMB, _UP) @ _frame(way, axis).T
        toes = offsets[JOINT[f"{side}Toes"]] * (1, 0, 1)
        turned[JOINT[f"{side}Foot"]] = _frame(_Z, _UP) @ _frame(toes, _UP).T
    return quaternions_of(turned)


def _frame(way: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Three axes at right angles, as columns: along `way`, `beside` as far as it can be, and the third."""
    first = unit(np.asarray(way, float))
    second = unit(beside - (beside @ first) * first)
    return np.stack([first, second, np.cross(first, second)], -1)
