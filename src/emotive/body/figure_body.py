"""The forms of a body below its clothes, in the pose of `figure_bind`: trunk, arms, hands.

The left side is written down, the right one is its mirror. m.
"""

from __future__ import annotations

import numpy as np

from emotive.signals import JOINT

from .figure_bind import bind_pose
from .figure_forms import Loft, both, capsule, chain, union
from .skeleton import offsets_of

TURNS, PLACES = bind_pose(offsets_of())
SHOULDER, ELBOW, WRIST = (PLACES[JOINT[f"left{name}"]] for name in ("UpperArm", "LowerArm", "Hand"))
HIP, KNEE, ANKLE = (PLACES[JOINT[f"left{name}"]] for name in ("UpperLeg", "LowerLeg", "Foot"))
UPPER = (ELBOW - SHOULDER) / np.linalg.norm(ELBOW - SHOULDER)
FORE = (WRIST - ELBOW) / np.linalg.norm(WRIST - ELBOW)
FINGERS = ("Index", "Middle", "Ring", "Little")
PHALANGES = ("Proximal", "Intermediate", "Distal")
THUMB = ("Metacarpal", "Proximal", "Distal")

TORSO = Loft(
    (0, 0, 0), (0, 1, 0), (1, 0, 0),
    [0.80, 0.86, 0.92, 0.98, 1.06, 1.14, 1.22, 1.30, 1.37, 1.42, 1.46, 1.53],
    [0.160, 0.166, 0.163, 0.155, 0.1465, 0.147, 0.153, 0.158, 0.150, 0.108, 0.072, 0.060],
    [0.106, 0.110, 0.107, 0.099, 0.094, 0.097, 0.104, 0.105, 0.093, 0.076, 0.063, 0.056],
    # `across` points backward: the axis is up, the side is the left
    [(0, 0.012), (0, 0.012), (0, 0.010), (0, 0.004), (0, 0.0), (0, -0.001), (0, -0.001), (0, 0.003),
     (0, 0.012), (0, 0.018), (0, 0.022), (0, 0.020)],
    square=2.25,
)  # fmt: skip


def left(p: np.ndarray) -> np.ndarray:
    """The points, those of the right side mirrored to the left."""
    q = np.array(p, float)
    q[..., 0] = np.abs(q[..., 0])
    return q


def torso(p: np.ndarray) -> np.ndarray:
    """Chest, waist and shoulders, without arms and head."""
    q = left(p)
    shoulders = capsule(q, (0.034, 1.440, -0.024), (0.152, 1.392, -0.016), 0.037, 0.050)
    return union(TORSO(q), shoulders, 0.04)


def bust(p: np.ndarray) -> np.ndarray:
    """The skin of the upper chest and of the base of the neck, as a wide neckline shows it."""
    q = left(p)
    d = union(torso(p) + 0.005, capsule(q, (0, 1.36, -0.024), (0, 1.52, -0.032), 0.042, 0.041), 0.03)
    d = both(d, 1.27 - q[..., 1], 0.01)
    d = both(d, q[..., 1] - 1.455, 0.004)
    return both(d, q[..., 0] - 0.15, 0.03)


def bare_arm(p: np.ndarray) -> np.ndarray:
    """The left arm below a short sleeve, with its hand."""
    upper = capsule(p, SHOULDER + 0.11 * UPPER, ELBOW, 0.042, 0.034)
    fore = chain(p, [ELBOW, ELBOW + 0.075 * FORE, WRIST - 0.02 * FORE], [0.034, 0.035, 0.025], 0.004)
    return union(union(upper, fore, 0.004), hand(p), 0.012)


def hand(p: np.ndarray) -> np.ndarray:
    """The left hand, from above the wrist to the finger tips."""
    d = union(_palm(p), _thumb_ball(p), 0.016)
    d = union(d, capsule(p, _at(0.025, -0.010, -0.020), _at(0.062, -0.008, -0.026), 0.014, 0.012), 0.018)
    for finger, radius in zip(FINGERS, (0.0098, 0.0102, 0.0096, 0.0085), strict=True):
        a, b, c = (PLACES[JOINT[f"left{finger}{name}"]] for name in PHALANGES)
        last = 0.021 + 0.15 * float(np.linalg.norm(c - b))
        tip = c + 0.78 * last * (c - b) / np.linalg.norm(c - b)
        d = union(d, chain(p, [a, b, c, tip], [f * radius for f in (1.12, 1.03, 0.95, 0.80)], 0.002), 0.006)
    a, b, c = (PLACES[JOINT[f"leftThumb{name}"]] for name in THUMB)
    return union(d, chain(p, [a, b, c, c + 0.80 * (c - b)], [0.0150, 0.0122, 0.0112, 0.0092], 0.004), 0.010)


def _at(along: float, up: float, ahead: float) -> np.ndarray:
    """A place about the left wrist: towards the fingers, the back of the hand, the thumb."""
    return WRIST + TURNS[JOINT["leftHand"]] @ (along, up, ahead)


def _palm(p: np.ndarray) -> np.ndarray:
    """A flat body of four rays."""
    d = chain(p, [WRIST - 0.07 * FORE, WRIST, _at(0.02, 0, 0.001)], [0.030, 0.0235, 0.024], 0.01)
    up = _at(0, 1, 0) - WRIST
    for finger, radius in zip(FINGERS, (0.0140, 0.0140, 0.0135, 0.0125), strict=True):
        knuckle = PLACES[JOINT[f"left{finger}Proximal"]]
        base = WRIST + 0.30 * (knuckle - WRIST) + _at(0.012, -0.002, 0) - WRIST
        d = union(d, capsule(p, base, knuckle - 0.003 * up, 0.0165, radius), 0.014)
    return d


def _thumb_ball(p: np.ndarray) -> np.ndarray:
    first, second = (PLACES[JOINT[f"leftThumb{name}"]] for name in THUMB[:2])
    start = first + _at(0.004, -0.006, 0) - WRIST
    end = first + 0.72 * (second - first) + _at(0, -0.003, 0) - WRIST
    return capsule(p, start, end, 0.0175, 0.0135)
