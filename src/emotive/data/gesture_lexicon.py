"""The gestures a teacher knows: where a hand prepares and strikes, how its fingers lie, and where it rests.

Numbers are those of `body.channels.HAND` for a grown person's hand: out, up and ahead of the middle between
the shoulders (m), pronation, flexion and deviation (deg), how far the elbow points out. Families follow
McNeill 1992 (beat, deictic, iconic, metaphoric) and Kendon 2004 (open hand prone and supine, precision grip);
the numbers are our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HANDSHAPES: dict[str, np.ndarray] = {
    name: np.array(curls, float)
    for name, curls in {
        "relax": (24, 24, 32, 38, 42, 2),
        "open": (4, 6, 7, 9, 12, 8),
        "palm": (15, 12, 17, 22, 27, 5),
        "flat": (10, 4, 5, 6, 8, 0),
        "fist": (48, 82, 86, 88, 90, 0),
        "point": (40, 4, 74, 80, 82, 0),
        "pinch": (46, 50, 34, 28, 24, 4),
        "ring": (44, 54, 16, 10, 8, 8),
        "cup": (34, 34, 37, 39, 41, 7),
        "claw": (12, 30, 32, 34, 36, 12),
        "tense": (35, 55, 62, 66, 70, 0),
        "limp": (28, 30, 40, 46, 50, 1),
        "lace": (26, 38, 44, 48, 50, 3),
        "one": (44, 3, 76, 82, 84, 0),
        "two": (44, 4, 6, 78, 82, 12),
        "three": (46, 5, 6, 10, 76, 10),
        "four": (58, 5, 6, 8, 10, 9),
        "five": (2, 4, 4, 6, 8, 12),
    }.items()
}
"""Curls of thumb .. little and the spread, deg."""

Pose = tuple[float, float, float, float, float, float, float]


@dataclass(frozen=True)
class Shape:
    """A gesture of one hand, or of both as mirror images.

    prepare, strike: where the wrist is when the stroke begins and ends. fingers: at those two moments.
    hands: 1, or 2 if it takes both. affect: how much valence, arousal and dominance speak for it. weight:
    how common it is. family: whose liking is a habit ("palm", "point", "fist", "self" or ""). fixed: its
    place is on or near the body, so that larger gestures do not move it. motion: "rub" for hands that move
    on each other while they are held, or "". head: how far the trunk joins in, deg ahead. under: where
    the following hand is from the mirror place, m: hands that meet lie in or over each other.
    """

    prepare: Pose
    strike: Pose
    fingers: tuple[str, str]
    hands: int = 1
    affect: tuple[float, float, float] = (0.0, 0.0, 0.0)
    weight: float = 1.0
    family: str = ""
    fixed: bool = False
    motion: str = ""
    head: float = 0.0
    under: tuple[float, float, float] = (0.0, 0.0, 0.0)


SHAPES: dict[str, Shape] = {
    # Beats and the open hand
    "beat": Shape(
        (0.20, -0.17, 0.27, 38, -18, 4, 0.35), (0.23, -0.30, 0.31, 48, 12, -4, 0.30), ("relax", "relax"),
        weight=1.5,
    ),
    "palm up": Shape(
        (0.15, -0.24, 0.24, 10, 10, 0, 0.15), (0.29, -0.30, 0.31, -62, -12, -8, 0.05), ("relax", "palm"),
        affect=(0.5, -0.1, -0.1), weight=1.4, family="palm",
    ),
    "palms up": Shape(
        (0.12, -0.22, 0.25, 15, 12, 0, 0.20), (0.28, -0.29, 0.30, -58, -14, -8, 0.08), ("relax", "palm"),
        hands=2, affect=(0.5, 0.2, 0.0), weight=1.2, family="palm",
    ),
    "offer": Shape(
        (0.16, -0.26, 0.22, 0, 12, 0, 0.12), (0.19, -0.26, 0.40, -66, -8, -4, 0.05), ("relax", "palm"),
        affect=(0.4, 0.1, 0.1), weight=0.9, family="palm",
    ),
    "press": Shape(
        (0.19, -0.20, 0.27, 66, -12, 0, 0.42), (0.22, -0.33, 0.31, 78, 4, 0, 0.38), ("palm", "palm"),
        affect=(0.0, -0.4, 0.2), weight=0.7, family="palm",
    ),
    "roll": Shape(
        (0.18, -0.18, 0.24, 40, 10, 0, 0.35), (0.27, -0.22, 0.32, -52, -10, -4, 0.15), ("cup", "palm"),
        affect=(0.1, 0.0, 0.1), weight=0.8,
    ),
    # Grips and forms
    "frame": Shape(
        (0.21, -0.13, 0.27, 12, -10, 3, 0.35), (0.17, -0.22, 0.33, 10, 2, 0, 0.30), ("open", "flat"),
        hands=2, affect=(0.1, 0.1, 0.2), weight=0.9,
    ),
    "pinch": Shape(
        (0.21, -0.12, 0.27, 34, -8, 4, 0.30), (0.20, -0.20, 0.34, 44, 8, 0, 0.28), ("pinch", "ring"),
        affect=(0.0, 0.0, 0.3), weight=0.7,
    ),
    "small": Shape(
        (0.19, -0.20, 0.27, 30, 0, 4, 0.28), (0.17, -0.07, 0.31, 40, -6, 6, 0.30), ("relax", "pinch"),
        affect=(0.0, -0.2, 0.0), weight=0.0,
    ),
    "big": Shape(
        (0.14, -0.20, 0.28, 12, 4, 0, 0.30), (0.40, -0.12, 0.25, 8, -14, -4, 0.40), ("palm", "open"),
        hands=2, affect=(0.2, 0.4, 0.3), weight=0.0, head=-2.0,
    ),
    "rise": Shape(
        (0.22, -0.34, 0.27, -40, 6, 0, 0.12), (0.25, -0.04, 0.29, -58, -18, 0, 0.30), ("relax", "palm"),
        affect=(0.3, 0.2, 0.1), weight=0.0, family="palm", head=-3.0,
    ),
    "sink": Shape(
        (0.21, -0.18, 0.26, 70, -8, 0, 0.40), (0.24, -0.40, 0.28, 78, 10, 0, 0.34), ("palm", "palm"),
        affect=(-0.3, -0.3, 0.0), weight=0.0, head=3.0,
    ),
    "count": Shape(
        (0.18, -0.24, 0.25, -20, 10, 0, 0.20), (0.19, -0.07, 0.28, -8, -4, 0, 0.22), ("relax", "one"),
        affect=(0.0, 0.1, 0.2), weight=0.0, fixed=True,
    ),
    # Pointing
    "point": Shape(
        (0.22, -0.08, 0.24, 50, -5, 0, 0.40), (0.19, -0.13, 0.42, 64, 4, 0, 0.35), ("relax", "point"),
        affect=(-0.5, 0.5, 0.7), weight=0.5, family="point", head=2.0,
    ),
    "there": Shape(
        (0.17, -0.18, 0.25, 30, 6, 0, 0.30), (0.42, -0.15, 0.28, 40, -10, -6, 0.35), ("relax", "open"),
        affect=(0.1, 0.2, 0.1), weight=0.15, family="point",
    ),
    "here": Shape(
        (0.20, -0.16, 0.27, 60, -10, 0, 0.38), (0.18, -0.33, 0.33, 72, 10, 0, 0.30), ("relax", "point"),
        affect=(0.0, 0.1, 0.3), weight=0.1, family="point",
    ),
    "heart": Shape(
        (0.16, -0.20, 0.25, 25, 5, 0, 0.35), (0.042, -0.145, 0.182, 20, 14, 4, 0.50), ("relax", "palm"),
        affect=(0.3, -0.2, -0.3), weight=0.35, family="self", fixed=True,
    ),
    "both hearts": Shape(
        (0.17, -0.20, 0.25, 20, 6, 0, 0.35), (0.073, -0.19, 0.165, 16, 16, 0, 0.50), ("palm", "palm"),
        hands=2, affect=(0.6, 0.2, -0.2), weight=0.15, family="self", fixed=True, head=-2.0,
        under=(0.006, -0.045, 0.0),
    ),
    # Force
    "chop": Shape(
        (0.19, -0.03, 0.23, 8, -10, 12, 0.42), (0.20, -0.30, 0.37, 5, 4, -16, 0.25), ("flat", "flat"),
        affect=(-0.6, 0.6, 0.7), weight=0.8, head=4.0,
    ),
    "fist": Shape(
        (0.23, -0.04, 0.22, 10, 6, 8, 0.50), (0.20, -0.23, 0.35, 18, -6, -10, 0.38), ("tense", "fist"),
        affect=(-0.9, 0.8, 0.8), weight=0.6, family="fist", head=4.0,
    ),
    "fists": Shape(
        (0.22, -0.09, 0.22, 12, 6, 8, 0.50), (0.20, -0.25, 0.33, 20, -4, -8, 0.42), ("tense", "fist"),
        hands=2, affect=(-0.9, 0.9, 0.7), weight=0.35, family="fist", head=4.0,
    ),
    "sweep": Shape(
        (0.03, -0.22, 0.27, 70, 8, 0, 0.45), (0.38, -0.27, 0.27, 76, -16, -12, 0.50), ("flat", "open"),
        affect=(-0.3, 0.3, 0.4), weight=0.5,
    ),
    "cut": Shape(
        (0.110, -0.24, 0.28, 72, 6, 0, 0.45), (0.33, -0.30, 0.31, 78, -12, -10, 0.45), ("flat", "flat"),
        hands=2, affect=(-0.5, 0.5, 0.5), weight=0.3,
    ),
    "stop": Shape(
        (0.19, -0.22, 0.22, 50, 0, 0, 0.25), (0.20, -0.06, 0.36, 78, -46, 0, 0.20), ("relax", "open"),
        affect=(-0.4, 0.3, 0.1), weight=0.15, family="palm",
    ),
    "dismiss": Shape(
        (0.17, -0.12, 0.25, 70, 28, 6, 0.40), (0.32, -0.21, 0.33, 66, -22, -12, 0.36), ("relax", "open"),
        affect=(-0.5, 0.0, 0.6), weight=0.4,
    ),
    # Opening and closing
    "open arms": Shape(
        (0.16, -0.18, 0.26, 0, 8, 0, 0.30), (0.39, -0.17, 0.27, -50, -20, -10, 0.14), ("palm", "open"),
        hands=2, affect=(0.9, 0.7, 0.3), weight=1.0, family="palm", head=-3.0,
    ),
    "lift": Shape(
        (0.17, -0.28, 0.25, 0, 8, 0, 0.20), (0.27, -0.03, 0.27, -20, -20, 4, 0.40), ("palm", "open"),
        hands=2, affect=(0.8, 0.8, 0.2), weight=0.6, head=-4.0,
    ),
    "clap": Shape(
        (0.18, -0.20, 0.28, 4, -6, 0, 0.40), (0.077, -0.21, 0.29, 6, 7, 0, 0.34), ("open", "flat"),
        hands=2, affect=(0.7, 0.8, 0.1), weight=0.35, fixed=True,
    ),
    "gather": Shape(
        (0.36, -0.20, 0.30, -20, -8, 0, 0.35), (0.11, -0.24, 0.27, -30, 16, 0, 0.25), ("open", "cup"),
        hands=2, affect=(0.3, 0.1, 0.0), weight=0.2,
    ),
    "wide": Shape(
        (0.06, -0.20, 0.29, 60, 6, 0, 0.42), (0.40, -0.22, 0.27, 30, -16, -10, 0.34), ("palm", "open"),
        hands=2, affect=(0.2, 0.3, 0.1), weight=0.0,
    ),
    "steeple": Shape(
        (0.12, -0.28, 0.25, 10, 0, 0, 0.30), (0.088, -0.25, 0.24, 6, 12, 8, 0.38), ("palm", "open"),
        hands=2, affect=(0.2, -0.4, 0.5), weight=0.35, fixed=True,
    ),
    "shrug": Shape(
        (0.18, -0.27, 0.24, 0, 6, 0, 0.10), (0.33, -0.24, 0.21, -74, -22, -12, -0.05), ("relax", "palm"),
        hands=2, affect=(-0.2, 0.0, -0.5), weight=0.4, family="palm",
    ),
    # Drawn in
    "ward": Shape(
        (0.14, -0.18, 0.22, 30, 10, 0, 0.10), (0.175, -0.04, 0.26, 74, -34, 0, -0.05), ("relax", "claw"),
        hands=2, affect=(-0.8, 0.7, -1.0), weight=0.6, fixed=True, head=-3.0,
    ),
    "wring": Shape(
        (0.085, -0.26, 0.215, 20, 10, 0, 0.12), (0.060, -0.22, 0.230, 25, 18, 0, 0.12), ("tense", "lace"),
        hands=2, affect=(-0.7, 0.3, -1.0), weight=0.55, fixed=True, motion="rub",
        under=(0.018, -0.032, -0.035),
    ),
    "cover": Shape(
        (0.10, -0.22, 0.22, 20, 6, 0, 0.15), (0.060, -0.11, 0.212, 14, 14, 6, 0.12), ("relax", "palm"),
        affect=(-0.6, 0.4, -1.0), weight=0.5, family="self", fixed=True,
    ),
    "turn over": Shape(
        (0.13, -0.36, 0.22, 22, 14, 0, 0.12), (0.20, -0.36, 0.26, -44, -6, -4, 0.04), ("limp", "palm"),
        affect=(-0.5, -0.6, -0.4), weight=1.0, family="palm",
    ),
    "drop": Shape(
        (0.22, -0.30, 0.22, -6, 6, 0, 0.12), (0.235, -0.43, 0.16, 20, 10, 0, 0.10), ("palm", "limp"),
        affect=(-0.7, -0.6, -0.4), weight=0.9, head=2.0,
    ),
    "slow hand": Shape(
        (0.15, -0.32, 0.23, 34, 10, 0, 0.16), (0.21, -0.35, 0.28, 10, -4, -4, 0.12), ("limp", "relax"),
        affect=(0.0, -0.9, -0.2), weight=0.9,
    ),
}  # fmt: skip
"""Thirty-eight gestures."""

MEANT: dict[str, dict[str, float]] = {
    "self": {"heart": 1.0, "both hearts": 0.3},
    "other": {"offer": 1.0, "point": 0.6},
    "all": {"wide": 1.0, "gather": 0.5, "sweep": 0.6},
    "no": {"sweep": 0.8, "cut": 0.8, "stop": 0.6, "dismiss": 0.6},
    "unsure": {"shrug": 1.0, "turn over": 0.4},
    "big": {"big": 1.0},
    "small": {"small": 1.0, "pinch": 0.4},
    "up": {"rise": 1.0},
    "down": {"sink": 1.0, "drop": 0.3},
    "here": {"here": 1.0, "press": 0.3},
    "there": {"there": 1.0},
    "number": {"count": 1.0},
    "contrast": {"palm up": 0.8, "roll": 0.5, "there": 0.2},
    "emphasis": {"beat": 0.8, "chop": 0.5, "pinch": 0.4, "frame": 0.5},
    "question": {"palm up": 0.8, "palms up": 0.7, "shrug": 0.3},
}
"""How well shapes show each of `body.meanings.MEANINGS`."""

FINGERS_OF_NUMBER = {
    "one": "one", "first": "one", "two": "two", "second": "two", "twice": "two", "three": "three",
    "third": "three", "four": "four",
}  # fmt: skip
"""Words of number -> handshape; other numbers show five."""


@dataclass(frozen=True)
class Rest:
    """Where hands wait. main, other: the hand that leads and the other one. fingers: of both. affect: as of
    `Shape`. touching: whether the hands meet, so that one moves off when the other leaves."""

    main: Pose
    other: Pose
    fingers: str
    affect: tuple[float, float, float] = (0.0, 0.0, 0.0)
    weight: float = 1.0
    touching: bool = False


RESTS: dict[str, Rest] = {
    "hang": Rest(
        (0.235, -0.505, 0.045, 22, 4, 0, 0.20), (0.235, -0.505, 0.045, 22, 4, 0, 0.20), "relax",
        affect=(-0.2, -0.6, -0.1), weight=0.9,
    ),
    "clasp": Rest(
        (0.036, -0.404, 0.243, 34, 24, 2, 0.30), (0.057, -0.428, 0.202, 34, 30, 2, 0.30), "lace",
        affect=(0.2, -0.4, -0.1), weight=0.9, touching=True,
    ),
    "hover": Rest(
        (0.125, -0.335, 0.25, 30, 8, 0, 0.22), (0.115, -0.35, 0.245, 30, 10, 0, 0.22), "relax",
        affect=(0.3, 0.5, 0.1), weight=1.1,
    ),
    "one": Rest(
        (0.10, -0.355, 0.24, 30, 10, 0, 0.22), (0.235, -0.505, 0.04, 22, 4, 0, 0.22), "relax",
        affect=(0.1, 0.0, 0.0), weight=1.0,
    ),
    "hip": Rest(
        (0.11, -0.34, 0.26, 28, 6, 0, 0.25), (0.208, -0.400, 0.055, 30, -36, -6, 1.2), "relax",
        affect=(-0.3, 0.4, 0.8), weight=0.5,
    ),
    "fists": Rest(
        (0.235, -0.47, 0.10, 20, 2, 0, 0.34), (0.24, -0.48, 0.09, 20, 2, 0, 0.34), "fist",
        affect=(-1.1, 0.9, 0.9), weight=0.8,
    ),
    "tight": Rest(
        (0.064, -0.240, 0.240, 34, 24, 0, 0.10), (0.082, -0.275, 0.203, 34, 30, 0, 0.10), "tense",
        affect=(-1.0, 0.8, -1.2), weight=1.0, touching=True,
    ),
    "hold arm": Rest(
        (0.050, -0.385, 0.226, 30, 20, 0, 0.10), (0.213, -0.50, 0.090, 25, 6, 0, 0.08), "limp",
        affect=(-0.8, -0.5, -0.7), weight=0.7, touching=True,
    ),
}  # fmt: skip
"""Eight ways to stand."""
