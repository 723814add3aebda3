"""How alike two pictures are in structure, and how evenly pictures change over a grid of affect.

EmotiCrafter reports LPIPS between neighbours of its grid. LPIPS has weights; here the distance is 1 - SSIM,
or the cosine distance of CLIP's features where a CLIP is given. A method that changes nothing has distance 0,
so that the distance between opposite corners stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from .metrics import luma

SIDE = 128  # px; pictures are averaged down to it, and left alone where they are smaller
SIGMA = 1.5  # px of the window, and the constants for values in [0, 1]: Wang et al. 2004
C1, C2 = 0.01**2, 0.03**2

Distance = Callable[[int, int], float]  # between the pictures of two cells


def structure(picture: np.ndarray, other: np.ndarray) -> float:
    """How much of `other`'s structure is left, in [-1, 1]: the mean of SSIM's third factor,

        s = (cov(x, y) + C2 / 2) / (sd x sd y + C2 / 2)        (Wang et al. 2004, eq. 10)

    over Gaussian windows of luma. Light and contrast do not enter: a graded picture keeps it, another drawing
    does not. uint8 (H, W, 3), both of one size.
    """
    *_, x, y, xy = _moments(picture, other)
    return float(((xy + C2 / 2) / (np.sqrt(x * y) + C2 / 2)).mean())


def similarity(picture: np.ndarray, other: np.ndarray) -> float:
    """SSIM of luma, in [-1, 1]; 1 only for equal luma (Wang et al. 2004, eq. 13). uint8 (H, W, 3)."""
    mean_x, mean_y, x, y, xy = _moments(picture, other)
    light = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return float((light * (2 * xy + C2) / (x + y + C2)).mean())


def picture_distance(pictures: Sequence[np.ndarray]) -> Distance:
    """1 - SSIM between pictures, by their numbers."""
    return lambda i, j: 1 - similarity(pictures[i], pictures[j])


def feature_distance(features: np.ndarray) -> Distance:
    """1 - cosine between rows of (N, D)."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return lambda i, j: float(1 - unit[i] @ unit[j])


def continuity(distance: Distance, rows: int, columns: int) -> dict[str, Any]:
    """How a grid of pictures changes, numbered row by row.

    "step": the mean distance between neighbours. "jump": the largest of them over the mean; 1 if all are
    alike. "corners": the mean distance between the two pairs of opposite corners. A step of 0 with corners
    of 0 is no control at all.
    """
    beside = [(r * columns + c, r * columns + c + 1) for r in range(rows) for c in range(columns - 1)]
    above = [(r * columns + c, (r + 1) * columns + c) for r in range(rows - 1) for c in range(columns)]
    steps = [distance(i, j) for i, j in beside + above]
    last = rows * columns - 1
    corners = [distance(0, last), distance(columns - 1, last - columns + 1)]
    mean = float(np.mean(steps))
    return {
        "step": mean,
        "jump": float(np.max(steps)) / mean if mean > 1e-12 else 1.0,
        "corners": float(np.mean(corners)),
    }


def _moments(picture: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, ...]:
    """Local means, variances and covariance of the luma of two pictures."""
    a, b = (luma(_averaged(p)).astype(np.float64) for p in (picture, other))

    def around(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, SIGMA, truncate=3.5)

    mean_a, mean_b = around(a), around(b)
    var_a, var_b = (np.maximum(around(v * v) - m * m, 0) for v, m in ((a, mean_a), (b, mean_b)))
    return mean_a, mean_b, var_a, var_b, around(a * b) - mean_a * mean_b


def _averaged(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    k = max(height, width) / SIDE
    if k <= 1:
        return picture
    size = max(1, round(width / k)), max(1, round(height / k))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
