"""The skeleton of our own figure: where its joints are in the T-pose, and how bodies differ in proportion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotive.signals import JOINT, JOINTS, PARENTS

UPPER_ARM, LOWER_ARM = 0.275, 0.25  # m
FINGERS = ("thumb", "index", "middle", "ring", "little")
SIGN = {"left": 1.0, "right": -1.0}  # of X
_TRUNK = {
    "hips": (0, 0.94, 0), "spine": (0, 1.03, -0.005), "chest": (0, 1.15, -0.010),
    "upperChest": (0, 1.28, -0.012), "neck": (0, 1.455, -0.020), "head": (0, 1.545, 0),
    "jaw": (0, 1.580, 0.012),
}  # fmt: skip
_SIDE = {
    "Eye": (0.0367, 1.6304, 0.0745), "Shoulder": (0.025, 1.400, 0), "UpperArm": (0.172, 1.405, -0.015),
    "UpperLeg": (0.088, 0.905, 0), "LowerLeg": (0.092, 0.495, 0.008), "Foot": (0.094, 0.085, -0.015),
    "Toes": (0.100, 0.025, 0.105),
}  # fmt: skip
# Of each finger: the first joint from the wrist (along the arm, up, ahead), which way it points, its lengths.
_HAND = {
    "Thumb": ((0.022, -0.008, 0.022), (0.75, -0.28, 0.60), (0.040, 0.032)),
    "Index": ((0.088, 0.0, 0.026), (1.0, -0.04, 0.057), (0.042, 0.025)),
    "Middle": ((0.091, 0.0, 0.006), (1.0, -0.04, 0.013), (0.046, 0.029)),
    "Ring": ((0.087, 0.0, -0.014), (1.0, -0.04, -0.031), (0.042, 0.027)),
    "Little": ((0.079, 0.0, -0.032), (1.0, -0.04, -0.070), (0.033, 0.020)),
}


def _rest() -> np.ndarray:
    at: dict[str, np.ndarray] = {name: np.array(place, float) for name, place in _TRUNK.items()}
    for side, sign in SIGN.items():
        mirror = np.array([sign, 1.0, 1.0])
        for name, place in _SIDE.items():
            at[side + name] = mirror * place
        at[f"{side}LowerArm"] = at[f"{side}UpperArm"] + mirror * (UPPER_ARM, 0, 0)
        at[f"{side}Hand"] = wrist = at[f"{side}LowerArm"] + mirror * (LOWER_ARM, 0, 0)
        for finger, (knuckle, way, lengths) in _HAND.items():
            first = "Metacarpal" if finger == "Thumb" else "Proximal"
            second = "Proximal" if finger == "Thumb" else "Intermediate"
            ahead = mirror * way / np.linalg.norm(way)
            at[f"{side}{finger}{first}"] = place = wrist + mirror * knuckle
            at[f"{side}{finger}{second}"] = place = place + lengths[0] * ahead
            at[f"{side}{finger}Distal"] = place + lengths[1] * ahead
    return np.stack([at[name] for name in JOINTS])


REST: np.ndarray = _rest()
"""Where each joint is in the T-pose, (55, 3), m, for a person of 1.75 m."""


@dataclass(frozen=True)
class Build:
    """Proportions against a person of 1.75 m, each about 0.85..1.15. height: of all of it. The others are
    lengths and widths beyond that."""

    height: float = 1.0
    legs: float = 1.0
    trunk: float = 1.0
    arms: float = 1.0
    shoulders: float = 1.0
    hips: float = 1.0
    head: float = 1.0
    hands: float = 1.0


def offsets_of(build: Build | None = None) -> np.ndarray:
    """Offsets of each joint from its parent, float32 (55, 3), m, as `BodyMotion` takes them."""
    build = build or Build()
    offsets = REST - np.stack([REST[p] if p >= 0 else np.zeros(3) for p in PARENTS])
    for name, joint in JOINT.items():
        offsets[joint] *= build.height * _scale(name, build)
    # The hips lie where the feet are on the floor.
    drop = sum(offsets[JOINT[f"left{part}"]][1] for part in ("UpperLeg", "LowerLeg", "Foot"))
    offsets[0] = (0.0, REST[JOINT["leftFoot"]][1] * build.height - drop, 0.0)
    return offsets.astype(np.float32)


def _scale(name: str, build: Build) -> np.ndarray:
    part = name.removeprefix("left").removeprefix("right")
    if part in ("UpperLeg",):
        return np.array([build.hips, 1.0, 1.0])
    if part in ("LowerLeg", "Foot"):
        return np.array([1.0, build.legs, build.legs])
    if part in ("spine", "chest", "upperChest", "neck"):
        return np.array([1.0, build.trunk, 1.0])
    if part in ("Shoulder", "UpperArm"):
        return np.array([build.shoulders, build.trunk, 1.0])
    if part in ("LowerArm", "Hand"):
        return np.full(3, build.arms)
    if part in ("Eye", "jaw"):
        return np.full(3, build.head)
    return np.full(3, build.hands if part.startswith(("Thumb", "Index", "Middle", "Ring", "Little")) else 1.0)
