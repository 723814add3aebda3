"""Where the irises are: the dark disc between the lids that sets itself off best from the white around it."""

from __future__ import annotations

import numpy as np

RADII = np.array([0.056, 0.063, 0.070, 0.079, 0.088])  # face units
# An iris is 11.7 mm wide (Rüfer et al. 2005), the outer corners of the eyes 90 mm apart: 0.065 is usual.
USUAL = 0.066
_ACROSS, _DOWN = 25, 11  # samples over an eye


def find_irises(image: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """(2, 3): x, y of the middle and radius of the right and the left iris, pixels.

    image: uint8 (H, W, 3). eyes: (2, 2, 9, 2 or 3), the lids as in FaceLandmarks, pixels.

    Of all discs that an eye can hold, it is the one for which the variance between inside and outside is
    the largest (Otsu 1979), inside being darker; both irises have one radius and look the same way, as far
    as the picture lets them. Nearly closed eyes are given an average iris in the middle.
    """
    eyes = np.asarray(eyes, np.float64)[..., :2]
    (left, top), (right, bottom) = eyes.reshape(-1, 2).min(0) - 2, eyes.reshape(-1, 2).max(0) + 3
    left, right = (int(np.clip(at, 0, image.shape[1] - 2)) for at in (left, right))
    top, bottom = (int(np.clip(at, 0, image.shape[0] - 2)) for at in (top, bottom))
    part = image[top : bottom + 2, left : right + 2].astype(np.float32)
    grey = part @ np.array([0.299, 0.587, 0.114], np.float32)
    corner = np.array([left, top])
    eyes = eyes - corner
    unit = float(np.linalg.norm(eyes[1, 0, 0] - eyes[0, 0, 0]))
    found = [_scores(grey, eye, unit) for eye in eyes]
    total = sum(scores for scores, _, _ in found)  # one radius for both
    best = int(np.argmax(total.max(axis=1)))  # type: ignore[union-attr]
    out = []
    for scores, centres, middle in found:
        at = int(np.argmax(scores[best]))
        centre = centres[at] if scores[best, at] > 0 else middle
        radius = RADII[best] if total.max() > 0 else USUAL  # type: ignore[union-attr]
        out.append([*(centre + corner), radius * unit])
    return np.array(out)


def _scores(grey: np.ndarray, eye: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How well each disc fits: (radii, centres), the centres (n, 2), and the middle of the opening (2,)."""
    along = np.linspace(0, 1, _ACROSS)
    knots = np.linspace(0, 1, eye.shape[1])
    upper, lower = (np.stack([np.interp(along, knots, lid[:, k]) for k in (0, 1)], 1) for lid in eye)
    share = ((np.arange(_DOWN) + 0.5) / _DOWN)[:, None, None]
    points = upper + share * (lower - upper)  # (down, across, 2), all within the lids
    gap = np.linalg.norm(lower - upper, axis=1)
    area = np.broadcast_to(gap, points.shape[:2]).ravel()
    middle = points[_DOWN // 2, _ACROSS // 2]
    # Centres: over the middle of the opening, and up to half a gap under or over its middle line.
    across = points[_DOWN // 2, 6:-6]
    down = (lower - upper)[6:-6]
    steps = np.linspace(-0.35, 0.35, 8)[:, None, None]
    centres = (across + steps * down).reshape(-1, 2)
    if gap.max() < 0.045 * unit:
        return np.zeros((len(RADII), len(centres))), centres, middle
    values = _sample(grey, points.reshape(-1, 2))
    values = np.minimum(values, np.quantile(values, 0.9))  # a highlight on the iris is not white
    distance = np.linalg.norm(points.reshape(-1, 1, 2) - centres, axis=-1)  # (samples, centres)
    inside = np.clip(0.5 + (RADII[:, None, None] * unit - distance[None]) / (0.03 * unit), 0, 1)
    within = np.einsum("s,rsc->rc", area, inside)
    dark = np.einsum("s,rsc->rc", area * values, inside)
    rest = area.sum() - within
    contrast = (area @ values - dark) / np.maximum(rest, 1e-6) - dark / np.maximum(within, 1e-6)
    scores = np.maximum(contrast, 0) ** 2 * within * rest / area.sum() ** 2
    usual = np.exp(-(((RADII - USUAL) / 0.06) ** 2))[:, None]
    level = np.exp(-((np.repeat(steps.ravel(), len(across)) / 0.5) ** 2))
    return scores * usual * level, centres, middle


def _sample(grey: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Bilinear; the border goes on outside."""
    height, width = grey.shape
    x, y = np.clip(points[:, 0], 0, width - 1), np.clip(points[:, 1], 0, height - 1)
    i, j = np.minimum(y.astype(int), height - 2), np.minimum(x.astype(int), width - 2)
    v, u = y - i, x - j
    top = grey[i, j] * (1 - u) + grey[i, j + 1] * u
    bottom = grey[i + 1, j] * (1 - u) + grey[i + 1, j + 1] * u
    return top * (1 - v) + bottom * v
