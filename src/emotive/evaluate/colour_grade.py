"""The strongest brightness slider: a finished neutral picture, graded as the painter would mix colours.

It learns nothing and draws nothing. Every pixel is taken back to the paint it was before the neutral mood
and given the lightness, contrast, chroma and tint of another, in Oklab, by the formulas of `Brush.colour`
with the numbers of `style.py`. Where a picture is flat opaque paint, the result is the very colour that the
painter would have put there; what it lacks is everything else that affect does: line, edge, count, scale,
slant.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emotive.affect import Affect
from emotive.data.style import Style, style

# Oklab (Ottosson 2020): linear sRGB -> LMS, and the cube roots of LMS -> Lab.
_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_LAB, _FROM_LMS = np.linalg.inv(_LAB), np.linalg.inv(_LMS)


def colour_grade(picture: np.ndarray, affects: Sequence[Affect]) -> list[np.ndarray]:
    """A picture in neutral mood, uint8 sRGB (H, W, 3), graded to each of `affects`: uint8 (H, W, 3)."""
    paint = unmood(to_oklab(picture), style(0.0, 0.0))
    return [from_oklab(mood(paint, style(a.valence, a.arousal, a.dominance))) for a in affects]


def mood(paint: np.ndarray, s: Style) -> np.ndarray:
    """Paint as Oklab (..., 3) -> what a style makes of it, Oklab: the last lines of `Brush.colour`."""
    lightness, ab = paint[..., 0], paint[..., 1:]
    tone = 0.35 + 0.65 * np.minimum(lightness, 1.0)
    ab = ab * s.chroma + tone[..., None] * np.array(s.tint)
    lightness = 0.60 + (lightness - 0.60) * s.contrast
    if s.lightness > 0:
        lightness = lightness + s.lightness * 2.0 * np.maximum(1.0 - lightness, 0.1)
    else:
        lightness = lightness + s.lightness * (0.5 + lightness)
    return np.concatenate([lightness[..., None], ab], -1)


def unmood(seen: np.ndarray, s: Style) -> np.ndarray:
    """The inverse of `mood`: Oklab (..., 3) -> Oklab."""
    lightness, ab = seen[..., 0], seen[..., 1:]
    if s.lightness > 0:
        below = (lightness - 2.0 * s.lightness) / (1.0 - 2.0 * s.lightness)
        lightness = np.where(below <= 0.9, below, lightness - 0.2 * s.lightness)
    else:
        lightness = (lightness - 0.5 * s.lightness) / (1.0 + s.lightness)
    lightness = 0.60 + (lightness - 0.60) / s.contrast
    tone = 0.35 + 0.65 * np.minimum(lightness, 1.0)
    ab = (ab - tone[..., None] * np.array(s.tint)) / s.chroma
    return np.concatenate([lightness[..., None], ab], -1)


def to_oklab(picture: np.ndarray) -> np.ndarray:
    """uint8 sRGB (..., 3) -> Oklab float64 (..., 3)."""
    u = picture.astype(np.float64) / 255
    linear = np.where(u <= 0.04045, u / 12.92, ((u + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _LMS.T) @ _LAB.T


def from_oklab(lab: np.ndarray) -> np.ndarray:
    """Oklab (..., 3) -> uint8 sRGB; colours out of gamut lose chroma, not hue, as in `data/colour.py`."""
    lightness, ab = np.clip(lab[..., :1], 0.0, 1.0), lab[..., 1:].copy()
    linear = _linear(lightness, ab)
    for _ in range(5):
        out = (linear.min(-1) <= -0.003) | (linear.max(-1) >= 1.003)
        if not out.any():
            break
        ab[out] *= 0.82
        linear[out] = _linear(lightness[out], ab[out])
    linear = linear.clip(0.0, 1.0)
    gamma = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(gamma * 255).astype(np.uint8)


def _linear(lightness: np.ndarray, ab: np.ndarray) -> np.ndarray:
    return (np.concatenate([lightness, ab], -1) @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T
