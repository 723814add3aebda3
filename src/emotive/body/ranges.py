"""How far each control of a body goes."""

from __future__ import annotations

import numpy as np

from .channels import CHANNEL
from .skeleton import SIGN
from .turns import within

RANGES: dict[str, tuple[float, float]] = {
    "trunk.pitch": (-20, 50), "trunk.yaw": (-38, 38), "trunk.roll": (-22, 22), "lean": (-7, 9),
    "head.pitch": (-55, 60), "head.yaw": (-95, 95), "head.roll": (-40, 40),
    "gaze.yaw": (-36, 36), "gaze.pitch": (-32, 26),
    "hips.side": (-0.13, 0.13), "hips.ahead": (-0.12, 0.12), "hips.yaw": (-30, 30), "hips.roll": (-8, 8),
    "crouch": (-0.0012, 0.035),
    "raise": (-8, 24), "round": (-16, 20),
    "foot.out": (-0.045, 0.20), "foot.ahead": (-0.13, 0.13), "foot.turn": (-5, 36),
    "pronation": (-82, 82), "flexion": (-65, 70), "deviation": (-29, 19), "elbow": (-0.4, 1.7),
    "thumb": (-16, 75), "finger": (-9, 92), "spread": (-4, 16),
}  # fmt: skip
"""Control, without its side -> the least and the most that it does. Those of wrists depend on each other and
are in `arms.placed`."""


def ranged(tracks: np.ndarray, name: str, scale: float = 1.0) -> np.ndarray:
    """One control of tracks (T, 50), (T,), as far as it goes; `scale` times that far."""
    low, high = RANGES[name.removeprefix("left.").removeprefix("right.")]
    return within(tracks[:, CHANNEL[name]], scale * low, scale * high)


def both(tracks: np.ndarray, name: str, scale: float = 1.0) -> np.ndarray:
    """One control of the left and the right side, (2, T)."""
    return np.stack([ranged(tracks, f"{side}.{name}", scale) for side in SIGN])
