"""How far human joints move, and how far a motion goes beyond that."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emotive.signals import JOINT, BodyMotion

from .skeleton import SIGN
from .turns import angles_of, twist_of


class Limit(NamedTuple):
    """The range of a movement, deg, and where the numbers are from."""

    low: float
    high: float
    source: str


# Norms differ by 10 deg and more between authors and ages; where they do, the wider one is taken.
_AAOS = "American Academy of Orthopaedic Surgeons 1965, Joint Motion: Method of Measuring and Recording"
_NORMS = "the wider of AAOS 1965, Boone and Azen 1979, Watanabe et al., as Norkin and White tabulate them"
_APTI = "Apti et al. 2023, adults of 18-29: mean and one standard deviation"
_LUNGE = "AAOS 1965; upward as in the lunge test (Bennell et al. 1998), in which 30 to 38 is usual"
_KNIT = "no movement of its own: what skeletons and goniometers leave"

LIMITS: dict[str, Limit] = {
    "trunk.flexion": Limit(-25, 80, _AAOS),
    "trunk.left": Limit(-45, 45, _AAOS),  # turned
    "trunk.right": Limit(-35, 35, _AAOS),  # leaned
    "head.flexion": Limit(-69, 66, _APTI),
    "head.left": Limit(-81, 81, _APTI),
    "head.right": Limit(-50, 50, _APTI),
    "collarbone.elevation": Limit(-10, 45, _NORMS),
    "collarbone.protraction": Limit(-30, 30, _NORMS),
    "shoulder.backward": Limit(-90, 60, _AAOS),
    "shoulder.across": Limit(-90, 45, _AAOS),  # 135 of horizontal flexion from straight sideways
    "shoulder.inward": Limit(-112, 90, _NORMS),  # rotation; 90 is what a hand on the back needs
    "elbow.flexion": Limit(-5, 150, _AAOS),
    "elbow.sideways": Limit(-5, 5, _KNIT),
    "forearm.pronation": Limit(-85, 85, _NORMS),
    "wrist.flexion": Limit(-70, 80, _AAOS),
    "wrist.deviation": Limit(-30, 20, _AAOS),  # towards the thumb
    "finger.proximal": Limit(-45, 90, _AAOS),
    "finger.spread": Limit(-25, 25, _NORMS),
    "finger.intermediate": Limit(-10, 110, _NORMS),
    "finger.distal": Limit(-10, 90, _NORMS),
    "thumb.metacarpal": Limit(-30, 70, _NORMS),
    "thumb.proximal": Limit(-10, 60, _NORMS),
    "thumb.distal": Limit(-20, 85, _NORMS),
    "hip.flexion": Limit(-30, 120, _AAOS),
    "hip.abduction": Limit(-30, 45, _AAOS),
    "hip.outward": Limit(-45, 45, _AAOS),
    "knee.flexion": Limit(-5, 135, _AAOS),
    "knee.sideways": Limit(-8, 8, _KNIT),
    "knee.outward": Limit(-30, 40, _NORMS),
    "ankle.plantar": Limit(-38, 50, _LUNGE),  # toes down
    "ankle.outward": Limit(-25, 25, _NORMS),
    "ankle.tilt": Limit(-35, 35, _AAOS),
    "toes.extension": Limit(-45, 70, _AAOS),
}
"""Movement -> its range. Movements of either side are named once."""


def movements(motion: BodyMotion) -> dict[str, np.ndarray]:
    """The angles of every joint of a motion, deg, (T,) each, under names such as "left.elbow.flexion",
    "trunk.flexion", "left.index.proximal": `limit_of` tells which of `LIMITS` is meant."""
    m = motion.matrices()
    found: dict[str, np.ndarray] = {}

    def joint(name: str) -> np.ndarray:
        return m[:, JOINT[name]]

    trunk = joint("spine") @ joint("chest") @ joint("upperChest")
    for part, turned in (("trunk", trunk), ("head", joint("neck") @ joint("head"))):
        found[f"{part}.left"], found[f"{part}.flexion"], found[f"{part}.right"] = angles_of(turned).T
    for side, sign in SIGN.items():
        arm = _mirrored(joint(f"{side}Shoulder") @ joint(f"{side}UpperArm"), sign)
        collar = _mirrored(joint(f"{side}Shoulder"), sign)[..., 0]
        found[f"{side}.collarbone.elevation"] = _sine(collar[:, 1])
        found[f"{side}.collarbone.protraction"] = _sine(collar[:, 2])
        found[f"{side}.shoulder.backward"] = _sine(-arm[:, 2, 0])
        found[f"{side}.shoulder.across"] = _sine(-arm[:, 0, 0])
        found[f"{side}.shoulder.inward"] = (twist_of(arm) + 180) % 360 - 180
        lower, hand = (_mirrored(joint(side + part), sign) for part in ("LowerArm", "Hand"))
        # Elbows bend about -Y and turn about X; wrists turn about X, bend about -Z and deviate about -Y.
        found[f"{side}.elbow.flexion"] = _angle(lower[:, 2, 0], lower[:, 0, 0])
        found[f"{side}.elbow.sideways"] = _sine(lower[:, 1, 0])
        turn = _angle(-lower[:, 1, 2], lower[:, 1, 1]) + _angle(hand[:, 2, 1], hand[:, 1, 1])
        found[f"{side}.forearm.pronation"] = turn
        found[f"{side}.wrist.flexion"] = _sine(hand[:, 0, 1])
        found[f"{side}.wrist.deviation"] = -_angle(hand[:, 0, 2], hand[:, 0, 0])
        for finger in ("Index", "Middle", "Ring", "Little"):
            for part in ("Proximal", "Intermediate", "Distal"):
                way = _mirrored(joint(f"{side}{finger}{part}"), sign)[..., 0]
                found[f"{side}.{finger.lower()}.{part.lower()}"] = _angle(-way[:, 1], way[:, 0])
                if part == "Proximal":
                    found[f"{side}.{finger.lower()}.spread"] = _sine(way[:, 2])
        for part in ("Metacarpal", "Proximal", "Distal"):
            turned = _mirrored(joint(f"{side}Thumb{part}"), sign)
            found[f"{side}.thumb.{part.lower()}"] = _whole(turned)
        thigh, shank = (_mirrored(joint(side + part), sign) for part in ("UpperLeg", "LowerLeg"))
        foot, toes = (_mirrored(joint(side + part), sign) for part in ("Foot", "Toes"))
        found[f"{side}.hip.flexion"] = _angle(-thigh[:, 2, 1], thigh[:, 1, 1])
        found[f"{side}.hip.abduction"] = _sine(-thigh[:, 0, 1])
        found[f"{side}.hip.outward"] = _angle(-thigh[:, 2, 0], thigh[:, 0, 0])
        found[f"{side}.knee.flexion"] = _angle(shank[:, 2, 1], shank[:, 1, 1])
        found[f"{side}.knee.sideways"] = _sine(shank[:, 0, 1])
        found[f"{side}.knee.outward"] = _angle(shank[:, 0, 2], shank[:, 0, 0])
        found[f"{side}.ankle.plantar"] = _sine(-foot[:, 1, 2])
        found[f"{side}.ankle.outward"] = _angle(foot[:, 0, 2], foot[:, 2, 2])
        found[f"{side}.ankle.tilt"] = _angle(foot[:, 1, 0], foot[:, 1, 1])
        found[f"{side}.toes.extension"] = _sine(toes[:, 1, 2])
    return found


def violations(motion: BodyMotion) -> dict[str, np.ndarray]:
    """How far each movement is beyond the human range, deg, (T,) each, 0 within; names as in `movements`."""
    found = {}
    for name, angles in movements(motion).items():
        low, high, _ = LIMITS[limit_of(name)]
        found[name] = np.maximum(np.maximum(low - angles, angles - high), 0)
    return found


def limit_of(movement: str) -> str:
    """The name in `LIMITS` of a movement: "left.index.distal" -> "finger.distal"."""
    part, way = movement.split(".")[-2:]
    return f"{'finger' if part in ('index', 'middle', 'ring', 'little') else part}.{way}"


def _mirrored(turned: np.ndarray, sign: float) -> np.ndarray:
    """As if the right side were the left one."""
    mirror = np.array([sign, 1.0, 1.0])
    return turned * mirror[:, None] * mirror


def _sine(value: np.ndarray) -> np.ndarray:
    return np.rad2deg(np.arcsin(value.clip(-1, 1)))


def _angle(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.rad2deg(np.arctan2(y, x))


def _whole(turned: np.ndarray) -> np.ndarray:
    """The angle of rotations, deg, positive about +Y."""
    way = turned[:, 0, 2] - turned[:, 2, 0]
    cosine = (np.trace(turned, axis1=-2, axis2=-1) - 1) / 2
    return np.copysign(np.rad2deg(np.arccos(cosine.clip(-1, 1))), way)
