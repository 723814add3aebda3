"""How the blendshapes of jaw, lips and cheeks move a face: displacements in face units."""

from __future__ import annotations

import numpy as np

from .frame import smooth
from .measures import Measures

JAW_DROP = 0.34  # face units at jawOpen = 1: about 31 mm of the widest 50
CORNER = 0.48  # of the jaw's drop that the corners of the mouth follow

Shapes = dict[str, np.ndarray]
"""Name -> displacement (n, 3): X, Y (down), Z (towards the viewer)."""


def jaw_drop(m: Measures, power: float = 3.0, exponent: float = 1.35) -> np.ndarray:
    """How much of the jaw's drop each vertex follows, (n,).

    Between the lips the opening is (1 - |t|^power)^exponent: smooth, and nothing at the corners.
    """
    a = np.abs(m.t)
    profile = np.clip(1 - a**power, 0, 1) ** exponent
    beside = np.exp(-((np.clip(a - 1, 0, None) * m.half / 0.20) ** 2))
    lip = (CORNER + (1 - CORNER) * profile) * beside
    down = smooth(m.y, m.middle[1] + 0.05, 0.35 * m.middle[1] + 0.65 * m.chin)
    # Under the chin the skin gives way within the neck, fastest at its sides.
    under = np.clip((m.under - 0.025) / 0.42, 0, 1)
    chin = 0.9 * np.exp(-((np.abs(m.x - m.middle[0]) / (0.60 - 0.22 * under)) ** 3))
    lower = (lip * (1 - down) + chin * down) * (1 - under) ** 1.15
    corner = np.min([np.hypot((m.x - c[0]) / 0.10, (m.y - c[1]) / 0.13) for c in m.corners], axis=0)
    upper = CORNER * np.exp(-(corner**2)) - 0.08 * profile * np.exp(-((m.above / 0.08) ** 2)) * (a < 1)
    return lower * m.lower + upper * (1 - m.lower)


def mouth_shapes(m: Measures) -> Shapes:
    """All shapes of jaw, mouth and cheekPuff, but for mouthClose, which follows from jawOpen."""
    n, k = len(m.x), m.mouth_scale
    cx, cy = m.middle
    a, upper, lower = np.abs(m.t), 1 - m.lower, m.lower
    shapes: Shapes = {}

    def shape(
        name: str, x: np.ndarray | float = 0.0, y: np.ndarray | float = 0.0, z: np.ndarray | float = 0.0
    ) -> None:
        shapes[name] = np.stack([np.broadcast_to(v, (n,)) for v in (x, y, z)], 1).astype(float)

    near_upper = upper * np.exp(-((m.above / 0.13) ** 2))
    near_lower = lower * np.exp(-((m.below / 0.15) ** 2))
    within = np.exp(-((a / 1.02) ** 6))
    around = np.exp(-((np.abs(m.x - cx) / (m.half * 1.55)) ** 4) - (np.abs(m.y - cy) / 0.24) ** 4)
    halves = {"Left": m.left, "Right": 1 - m.left}
    signs = {"Left": 1.0, "Right": -1.0}
    corner = {"Left": m.corners[1], "Right": m.corners[0]}

    drop = jaw_drop(m)
    narrow = -0.18 * (m.x - cx) * np.exp(-((a / 1.4) ** 4)) * np.exp(-(((m.y - cy) / 0.25) ** 2))
    shape("jawOpen", narrow, JAW_DROP * drop)
    rounder = jaw_drop(m, 2.0, 3.0)
    shape("jawOpenRound", 0.0, JAW_DROP * (rounder - drop))  # the corners stay pressed when lips round
    jaw = lower * np.exp(-((np.abs(m.x - cx) / 0.62) ** 3)) * smooth(m.y, cy - 0.02, cy + 0.22)
    jaw = np.maximum(jaw, near_lower * within * 0.75) * np.clip(1 - m.under / 0.4, 0, 1) ** 2
    shape("jawLeft", 0.085 * jaw + 0.025 * near_upper * within, 0.008 * jaw)
    shape("jawRight", -0.085 * jaw - 0.025 * near_upper * within, 0.008 * jaw)
    shape("jawForward", 0.05 * (m.x - cx) * jaw, -0.028 * jaw * lower, 0.10 * jaw)

    pull = np.exp(-((np.abs(m.x - cx) / (m.half + 0.16)) ** 4) - (np.abs(m.y - cy) / 0.20) ** 3)
    for side in ("Left", "Right"):
        shape(f"mouth{side}", signs[side] * 0.11 * pull, 0.012 * pull * m.t * -signs[side])

    q = around
    shape(
        "mouthPucker",
        -0.46 * (m.x - cx) * q,
        (-0.034 * near_upper + 0.036 * near_lower)
        * (0.75 + 0.5 * a**2)
        * np.exp(-((a / 0.98) ** 6))
        * k
        * (1 - m.inner)
        + 0.008 * near_lower * q,
        0.12 * q * np.exp(-(a**2)),
    )
    round_open = np.clip(1 - a**2, 0, 1) ** 1.1
    soft = np.exp(-((a / 0.8) ** 2)) * 0.35
    shape(
        "mouthFunnel",
        -0.24 * (m.x - cx) * q,
        -(0.034 * round_open + 0.03 * soft * (1 - m.inner)) * near_upper
        + (0.052 * round_open + 0.03 * soft * (1 - m.inner)) * near_lower,
        0.10 * q * np.exp(-(a**2)),
    )

    upper_lip, lower_lip = m.above == 0, m.below == 0
    for side in ("Left", "Right"):
        s, half, c = signs[side], halves[side], corner[side]
        # Along the lips the corner's way falls off as a parabola: a smooth curve, not a tent.
        beyond = np.exp(-((np.clip(a - 1, 0, None) * m.half / (0.19 * k)) ** 2))
        height = np.exp(-(((m.y - c[1]) / (0.17 * k)) ** 2))
        wide = np.where(a < 1, a**1.7, beyond) * height * half * (m.t * s > 0)
        tight = m.blob(c, 0.13 * k, 0.12 * k) * half
        cheek = m.blob((cx + s * 0.36, (cy + 0.12) / 2 + 0.02), 0.20, 0.18) * half
        shape(
            f"mouthSmile{side}",
            s * 0.130 * k * wide + s * 0.012 * cheek,
            -0.112 * k * wide - 0.035 * cheek,
            0.03 * cheek - 0.02 * wide,
        )
        shape(
            f"mouthFrown{side}",
            s * 0.006 * k * wide,
            0.080 * k * wide + 0.012 * m.blob((c[0], c[1] + 0.15), 0.14, 0.14) * half,
        )
        shape(f"mouthDimple{side}", s * 0.065 * k * tight, -0.015 * k * tight, -0.05 * tight)
        shape(
            f"mouthStretch{side}", s * 0.095 * k * wide, 0.035 * k * wide + 0.012 * near_lower * half * within
        )
        lobe = np.clip(1 - a**2, 0, 1) ** 1.3 * (0.8 + 0.75 * a**1.5)
        beside = np.where(a < 1, lobe, 0)
        shape(
            f"mouthLowerDown{side}",
            s * 0.012 * near_lower * within * half,
            0.095 * k * near_lower * beside * half,
        )
        raised = m.blob(m.wings[1 if s > 0 else 0], 0.11, 0.11) * half * upper
        shape(
            f"mouthUpperUp{side}",
            s * 0.008 * near_upper * within * half,
            -0.082 * k * near_upper * beside * half - 0.018 * raised,
        )
        shape(
            f"mouthPress{side}",
            -s * 0.012 * tight,
            (0.018 * near_upper * upper_lip - 0.018 * near_lower * lower_lip) * within * half
            - 0.012 * near_lower * ~lower_lip * half * within,
            -0.02 * within * half * np.exp(-(((m.y - cy) / 0.12) ** 2)),
        )

    chin = m.blob((cx, m.chin - 0.10), 0.26, 0.20) * lower
    bulge = np.exp(-((a / 0.75) ** 2))
    shape(
        "mouthShrugLower",
        0.0,
        -0.062 * near_lower * bulge - 0.040 * chin - 0.020 * near_upper * bulge,
        0.04 * near_lower * bulge,
    )
    shape(
        "mouthShrugUpper",
        0.0,
        -0.040 * near_upper * bulge - 0.012 * near_lower * bulge,
        0.03 * near_upper * bulge,
    )
    lean = within * np.exp(-((np.maximum(m.above, m.below) / 0.10) ** 2))
    shape("mouthRollLower", 0.0, -0.012 * near_lower * within, -0.06 * lower * lean)
    shape("mouthRollUpper", 0.0, 0.012 * near_upper * within, -0.06 * upper * lean)
    full = {s: m.blob((cx + s * 0.40, cy - 0.06), 0.20, 0.22) for s in (-1, 1)}
    puffed = full[1] + full[-1]
    shape("cheekPuff", 0.055 * (full[1] - full[-1]) * 1.2, 0.012 * puffed, 0.12 * puffed)
    shape("tongueOut")
    return shapes


def roll_lips(shapes: Shapes, m: Measures, upper_lip: np.ndarray, lower_lip: np.ndarray) -> None:
    """Rolling and pressing fold the lips' red inwards: their outer edges come to the mouth's line."""
    amount = 0.68
    for name, rows in (("mouthRollLower", lower_lip), ("mouthRollUpper", upper_lip)):
        edge = m.y[rows[0]] - m.y[rows[-1]]  # thickness with its sign, per column
        column = rows[:, 1:-1]
        shapes[name][column, 1] += -amount * (m.y[column] - m.y[rows[-1, 1:-1]])
        # The skin beside the lip follows its edge.
        side = m.lower if name == "mouthRollLower" else 1 - m.lower
        beyond = m.below if name == "mouthRollLower" else m.above
        thickness = np.interp(m.x, m.x[rows[0]], np.abs(edge)) * (np.abs(m.t) < 1)
        skin = (beyond > 0) * side * np.exp(-((beyond / 0.14) ** 2)) * thickness * amount
        shapes[name][:, 1] += -skin if name == "mouthRollLower" else skin
    for side in ("Left", "Right"):
        half = m.left if side == "Left" else 1 - m.left
        for rows in (upper_lip, lower_lip):
            column = rows[:, 1:-1]
            shapes[f"mouthPress{side}"][column, 1] = (
                -0.34 * (m.y[column] - m.y[rows[-1, 1:-1]]) * half[column]
            )
