"""The expression that a portrait already wears, so that it can be taken off before another is put on."""

from __future__ import annotations

import numpy as np

from emotive.signals import ARKIT

from .measures import Measures

NEUTRAL_WIDTH = 0.56  # of a resting mouth, face units: 50 mm of 90 (Farkas 1994)
NEUTRAL_LIFT = -0.005  # of its corners over the line's middle


def worn(m: Measures) -> dict[str, float]:
    """ARKit weights of the smile or frown in a portrait; empty for a neutral face.

    A mouth counts as smiling only if it is both wide and lifted at its corners, or shows its teeth: faces are
    built differently, and a merely wide mouth is left alone.
    """
    lift, width = m.line_middle - m.middle[1] - NEUTRAL_LIFT, 2 * m.half - NEUTRAL_WIDTH
    teeth = float(np.clip((m.gap.max() - 0.02) / 0.05, 0, 1))
    raised = np.clip((lift - 0.015) / 0.085, 0, 1)
    wide = np.clip((width - 0.02) / 0.17, 0, 1)
    smile = float(np.clip(0.5 * raised + 0.5 * wide, 0, 1) if min(raised, wide) > 0 or teeth > 0.5 else 0.0)
    frown = float(np.clip((-lift - 0.03) / 0.09, 0, 0.8))
    found: dict[str, float] = {}
    for name, amount in (("mouthSmile", smile), ("mouthFrown", frown)):
        if amount > 0.05:
            found |= {f"{name}Left": amount, f"{name}Right": amount}
    return found


def removal(found: dict[str, float], bases: np.ndarray) -> np.ndarray:
    """Displacement (n, 3) that takes the found expression off; bases as in ShapeBasis."""
    amounts = np.zeros(len(bases), np.float32)
    for name, weight in found.items():
        amounts[ARKIT.index(name)] = -0.75 * weight
    return (amounts @ bases).reshape(-1, 3)
