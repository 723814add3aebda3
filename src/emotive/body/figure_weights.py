"""Which joints a point of the figure follows, and how much: smooth ramps along the limbs.

One function of space for skin and clothes alike, so that what lies above each other moves together.
"""

from __future__ import annotations

import numpy as np

from emotive.signals import JOINT, JOINTS, PARENTS

from .figure_body import ELBOW, FINGERS, FORE, PHALANGES, PLACES, SHOULDER, THUMB, UPPER, WRIST, left, torso
from .figure_clothes import arm

_SIDES = (("left", 1.0), ("right", -1.0))
_HAND = tuple(
    tuple(JOINT[f"left{finger}{name}"] for name in (THUMB if finger == "Thumb" else PHALANGES))
    for finger in ("Thumb", *FINGERS)
)


def ramp(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below, 1 above, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def trunk_weights(p: np.ndarray) -> np.ndarray:
    """Of points (N, 3) on torso and neck: (N, 55)."""
    weights = np.zeros((len(p), len(JOINTS)))
    y = p[:, 1]
    chain = ("hips", "spine", "chest", "upperChest")
    ramps = [np.ones(len(p)), ramp(y, 0.96, 1.09), ramp(y, 1.08, 1.20), ramp(y, 1.19, 1.33), np.zeros(len(p))]
    for i, name in enumerate(chain):
        weights[:, JOINT[name]] = ramps[i] - ramps[i + 1]
    neck = ramp(y + 0.30 * p[:, 2], 1.425, 1.500) * (1 - ramp(np.abs(p[:, 0]), 0.055, 0.095))
    _take(weights, neck, "neck")
    for side, sign in _SIDES:
        x = p[:, 0] * sign
        _take(weights, 0.85 * ramp(x, 0.025, 0.125) * ramp(y, 1.24, 1.39), f"{side}Shoulder")
    return weights


def arm_share(p: np.ndarray) -> np.ndarray:
    """How much points belong to the arm of their side rather than to the trunk: (N,)."""
    q = left(p)
    along = (q - SHOULDER) @ UPPER
    nearer = 1 / (1 + np.exp(-(torso(p) - arm(q) - 0.002) / 0.008))
    outside = ramp(q[:, 0], 0.105, 0.225)
    return (
        ramp(along, -0.075, 0.075)
        * np.where(along > 0.16, nearer, np.maximum(nearer, outside))
        * ramp(q[:, 0], 0.07, 0.14)
    )


def clothes_weights(p: np.ndarray) -> np.ndarray:
    """Of points (N, 3) on what is worn above the waist: (N, 55)."""
    weights = trunk_weights(p)
    share, q = arm_share(p), left(p)
    elbow, wrist = elbow_share(q), wrist_share(q)
    for side, sign in _SIDES:
        own = share * (p[:, 0] * sign > 0)
        weights *= (1 - own)[:, None]
        weights[:, JOINT[f"{side}UpperArm"]] += own * (1 - elbow)
        weights[:, JOINT[f"{side}LowerArm"]] += own * elbow * (1 - wrist)
        weights[:, JOINT[f"{side}Hand"]] += own * elbow * wrist
    return hem_weights(p, weights)


def elbow_share(q: np.ndarray) -> np.ndarray:
    """How much points of the left arm lie below the elbow."""
    return ramp((q - ELBOW) @ (UPPER + FORE) / np.linalg.norm(UPPER + FORE), -0.050, 0.050)


def wrist_share(q: np.ndarray) -> np.ndarray:
    """How much points of the left forearm follow the hand: a little from the middle on, for its twist."""
    along = (q - WRIST) @ FORE
    return 0.30 * ramp(along, -0.17, -0.02) + 0.70 * ramp(along, -0.022, 0.016)


def hem_weights(p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The lower edge of what is worn follows the thighs a little."""
    for side, sign in _SIDES:
        x = p[:, 0] * sign
        _take(
            weights,
            0.30 * ramp(-p[:, 1], -0.97, -0.86) * ramp(x, -0.05, 0.09) * (np.abs(p[:, 0]) < 0.25),
            f"{side}UpperLeg",
        )
    return weights


def legs_weights(p: np.ndarray) -> np.ndarray:
    """Of points (N, 3) on trousers: (N, 55)."""
    weights = hem_weights(p, trunk_weights(p))
    y = p[:, 1]
    for side, sign in _SIDES:
        x = p[:, 0] * sign
        own = ramp(x, -0.022, 0.022) * (1 - ramp(y + 0.25 * p[:, 2], 0.80, 0.945))
        knee = 1 - ramp(y, 0.435, 0.555)
        foot = 0.55 * (1 - ramp(y, 0.06, 0.17))
        weights *= (1 - own)[:, None]
        weights[:, JOINT[f"{side}UpperLeg"]] += own * (1 - knee)
        weights[:, JOINT[f"{side}LowerLeg"]] += own * knee * (1 - foot)
        weights[:, JOINT[f"{side}Foot"]] += own * knee * foot
    return weights


def shoe_weights(p: np.ndarray) -> np.ndarray:
    """Of points (N, 3) on shoes: (N, 55)."""
    weights = np.zeros((len(p), len(JOINTS)))
    toes = ramp(p[:, 2], 0.080, 0.120)
    for side, sign in _SIDES:
        own = p[:, 0] * sign > 0
        weights[:, JOINT[f"{side}Foot"]] += own * (1 - toes)
        weights[:, JOINT[f"{side}Toes"]] += own * toes
    return weights


def hand_weights(p: np.ndarray) -> np.ndarray:
    """Of points (N, 3) on the left hand: (N, 55). Each belongs to the nearest finger."""
    weights = np.zeros((len(p), len(JOINTS)))
    wrist, elbow = wrist_share(p), elbow_share(p)
    weights[:, JOINT["leftHand"]] = wrist
    weights[:, JOINT["leftLowerArm"]] = elbow * (1 - wrist)
    weights[:, JOINT["leftUpperArm"]] = (1 - elbow) * (1 - wrist)
    away = []
    for a, b, c in ((PLACES[j] for j in joints) for joints in _HAND):
        bones = ((a, b), (b, c), (c, 2 * c - b))
        away.append(np.min([_segment(p, *ends) for ends in bones], 0))
    nearest = np.argmin(away, 0)
    for f, joints in enumerate(_HAND):
        own = nearest == f
        wide = (0.018, 0.008, 0.007) if f == 0 else (0.013, 0.007, 0.006)
        first, second, third = (
            ramp((p - PLACES[j]) @ _way(j), -w, w) for j, w in zip(joints, wide, strict=True)
        )
        first = first * (1 - ramp(away[f], 0.020, 0.032))
        second = second * first
        third = third * second
        weights[own] *= (1 - first[own])[:, None]
        for joint, share in zip(joints, (first - second, second - third, third), strict=True):
            weights[own, joint] += share[own]
    return weights


def hair_weights(p: np.ndarray) -> np.ndarray:
    """Of points (N, 3) on hair, mm in the frame of the talking head: (N, 55). What falls below the chin
    follows neck and chest in part."""
    weights = np.zeros((len(p), len(JOINTS)))
    fall = ramp(-p[:, 1], 40, 150)
    for name, share in (("head", 1 - 0.75 * fall), ("neck", 0.45 * fall), ("upperChest", 0.30 * fall)):
        weights[:, JOINT[name]] = share
    return weights


def _way(joint: int) -> np.ndarray:
    """Where a bone of the left hand points in the pose that it is modelled in, halfway to its parent's."""
    child = PARENTS.index(joint) if joint in PARENTS else -1
    before = PLACES[joint] - PLACES[PARENTS[joint]]
    ahead = PLACES[child] - PLACES[joint] if child >= 0 else before
    way = ahead / np.linalg.norm(ahead) + before / np.linalg.norm(before)
    return way / np.linalg.norm(way)


def _segment(p: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    t = np.clip((p - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    return np.linalg.norm(p - a - t[:, None] * (b - a), axis=1)


def smoothed(weights: np.ndarray, triangles: np.ndarray, rounds: int) -> np.ndarray:
    """Weights averaged with those of the neighbours on the mesh, a few times."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    count = np.bincount(edges[:, 0], minlength=len(weights))[:, None]
    used = np.flatnonzero(weights.any(0))
    values = weights[:, used]
    for _ in range(rounds):
        total = np.zeros_like(values)
        np.add.at(total, edges[:, 0], values[edges[:, 1]])
        values = 0.5 * values + 0.5 * total / count
    out = np.zeros_like(weights)
    out[:, used] = values
    return out


def four(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The four joints of most weight (N, 4) uint8, and their weights as shares of 255 (N, 4) uint8."""
    joints = np.argsort(-weights, 1, kind="stable")[:, :4]
    kept = np.take_along_axis(weights, joints, 1)
    kept = kept / kept.sum(1, keepdims=True)
    whole = np.floor(kept * 255).astype(int)
    whole[:, 0] += 255 - whole.sum(1)
    joints = np.where(whole > 0, joints, joints[:, :1])
    return joints.astype(np.uint8), whole.astype(np.uint8)


def _take(weights: np.ndarray, share: np.ndarray, name: str) -> None:
    weights *= (1 - share)[:, None]
    weights[:, JOINT[name]] += share
