"""Colours of points as a small texture, for programs that draw no vertex colours, as Unity's usual shaders.

Colours that are mixed from three lie in a plane. A texture that is a picture of this plane, with each point
placed where its own colour is, shows between points what vertex colours would: both are linear.
"""

from __future__ import annotations

import numpy as np

SIZE = 32  # pixels: the plane is linear, so that few are enough


def colour_plane(colours: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Places (V, 2) in [0, 1], across and down, and a picture uint8 (32, 32, 3), sRGB, which shows linear
    `colours` (V, 3) there; None if they are all the same. Of colours that lie in no plane, the nearest."""
    colours = np.asarray(colours, np.float64)
    if np.ptp(colours, axis=0).max() < 1e-4:
        return None
    middle = colours.mean(0)
    axes = np.linalg.svd(colours - middle, full_matrices=False)[2][:2]
    at = (colours - middle) @ axes.T
    low, high = at.min(0), at.max(0)
    span = np.maximum(high - low, 1e-6)
    # The middles of the outermost pixels are the ends.
    places = (0.5 + (at - low) / span * (SIZE - 1)) / SIZE
    steps = np.arange(SIZE) / (SIZE - 1)
    across, down = np.meshgrid(low[0] + steps * span[0], low[1] + steps * span[1])
    picture = middle + across[..., None] * axes[0] + down[..., None] * axes[1]
    return places.astype(np.float32), srgb(picture)


def srgb(colours: np.ndarray) -> np.ndarray:
    """uint8 (..., 3) of linear colours (IEC 61966-2-1)."""
    c = np.asarray(colours, np.float64).clip(0, 1)
    return np.rint(255 * np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055)).astype(np.uint8)
