"""From the curl of fingers to the rotations of their joints."""

from __future__ import annotations

import numpy as np

from emotive.signals import JOINT
from emotive.signals.rotations import matrices_of_vectors

from .channels import HAND
from .ranges import RANGES
from .skeleton import FINGERS
from .turns import about, within

SHARES = (0.78, 1.08, 0.66)  # of the curl that the joints of a finger take
SPREADS = (1.26, 0.36, -0.54, -1.44)  # of the spread that index .. little take, towards the thumb
THUMB_SHARES = (0.40, 0.55, 0.60)
# About what the thumb of a left hand bends, at right angles to it: across the palm.
THUMB_AXIS = np.array([0.29, 0.95, 0.08])
_FIRST = HAND.index("thumb")


def thumb_axis(sign: float) -> np.ndarray:
    """The unit axis of the thumb on the side with X times `sign`."""
    return THUMB_AXIS / np.linalg.norm(THUMB_AXIS) * (1, sign, sign)


def fingers(hands: np.ndarray, rotations: np.ndarray) -> None:
    """Writes the fingers of hands (2, T, 13) into rotations (T, 55, 3, 3)."""
    for side, (name, sign) in enumerate((("left", 1.0), ("right", -1.0))):
        spread = within(hands[side, :, HAND.index("spread")], *RANGES["spread"])
        for i, finger in enumerate(FINGERS):
            first = JOINT[f"{name}{finger.capitalize()}{'Metacarpal' if finger == 'thumb' else 'Proximal'}"]
            if finger == "thumb":
                curl = within(hands[side, :, _FIRST], *RANGES["thumb"])
                axis = np.deg2rad(thumb_axis(sign))
                for k, share in enumerate(THUMB_SHARES):
                    rotations[:, first + k] = matrices_of_vectors(share * curl[:, None] * axis)
                continue
            curl = within(hands[side, :, _FIRST + i], *RANGES["finger"])
            for k, share in enumerate(SHARES):
                rotations[:, first + k] = about("z", -sign * share * curl)
            rotations[:, first] = about("y", -sign * SPREADS[i - 1] * spread) @ rotations[:, first]


# Balls that stand for a hand: which joint they are on (the end of a finger is its own), m.
BALLS = (
    ("Hand", 0.024), ("palm", 0.016), ("IndexProximal", 0.012), ("LittleProximal", 0.012),
    ("IndexIntermediate", 0.010), ("IndexEnd", 0.008), ("MiddleIntermediate", 0.010), ("MiddleEnd", 0.008),
    ("LittleEnd", 0.008), ("ThumbProximal", 0.011), ("ThumbEnd", 0.009),
)  # fmt: skip


def balls_of(rotations: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Where the balls of both hands are in the hands' own frames, (2, T, 3, 11), m.

    rotations: (T, 55, 3, 3), of which the fingers count. offsets: (55, 3).
    """
    found = np.zeros((2, len(rotations), 3, len(BALLS)))
    names = [name for name, _ in BALLS]
    for side, sign in enumerate(("left", "right")):
        first = {finger: JOINT[f"{sign}{finger}Proximal"] for finger in ("Index", "Middle", "Little")}
        first["Thumb"] = JOINT[f"{sign}ThumbMetacarpal"]
        for finger, joint in first.items():
            # The last phalanx is about 0.8 of the one before it.
            to = [offsets[joint + 1], offsets[joint + 2], 0.8 * offsets[joint + 2]]
            turned = rotations[:, joint]
            second = offsets[joint] + turned @ to[0]
            turned = turned @ rotations[:, joint + 1]
            end = second + turned @ to[1]
            end = end + (turned @ rotations[:, joint + 2]) @ to[2]
            if finger != "Thumb" and f"{finger}Proximal" in names:
                found[side, :, :, names.index(f"{finger}Proximal")] = offsets[joint]
            second_name = f"{finger}{'Proximal' if finger == 'Thumb' else 'Intermediate'}"
            if second_name in names:
                found[side, :, :, names.index(second_name)] = second
            found[side, :, :, names.index(f"{finger}End")] = end
        knuckles = offsets[first["Index"]] + offsets[first["Little"]]
        found[side, :, :, names.index("palm")] = 0.28 * knuckles
    return found
