"""What differs from person to person in how they move."""

from __future__ import annotations

import numpy as np

HABITS: tuple[str, ...] = (
    "often", "large", "high", "open", "upright", "sway", "nod", "right", "both", "fluid", "gaze", "step",
    "palm", "point", "fist", "self",
)  # fmt: skip
"""Each is normal, 0 in the middle, within 2.5. often: how many gestures; large, high, open: amplitude,
height and elbows away from the trunk; upright: against slumped; sway, nod, gaze, step: how much of each;
right: below -0.85 left-handed; both: two hands rather than one; fluid: round paths; palm, point, fist, self:
liking for families of gestures."""


def random_habits(rng: np.random.Generator) -> np.ndarray:
    """A person's habits, float32 (16,)."""
    return rng.standard_normal(len(HABITS)).clip(-2.5, 2.5).astype(np.float32)
