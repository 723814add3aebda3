"""Colour in Oklab (Ottosson 2020): a perceptual space in which light, mood and mist are simple sums."""

from __future__ import annotations

import math

Oklab = tuple[float, float, float]


def oklch(lightness: float, chroma: float, hue: float) -> Oklab:
    """Lightness 0..1, chroma 0...3, hue in degrees -> Oklab."""
    h = math.radians(hue)
    return lightness, chroma * math.cos(h), chroma * math.sin(h)


def mix(x: Oklab, y: Oklab, k: float) -> Oklab:
    """x at k = 0, y at k = 1."""
    return x[0] + (y[0] - x[0]) * k, x[1] + (y[1] - x[1]) * k, x[2] + (y[2] - x[2]) * k


def shade(x: Oklab, k: float) -> Oklab:
    """The same colour k times as light, a little stronger in the dark."""
    return x[0] * k, x[1] * (0.5 + 0.5 * k), x[2] * (0.5 + 0.5 * k)


def _gamma(u: float) -> float:
    u = min(max(u, 0.0), 1.0)
    return 12.92 * u if u <= 0.0031308 else 1.055 * u ** (1 / 2.4) - 0.055


def srgb(colour: Oklab) -> tuple[float, float, float]:
    """Oklab -> sRGB in [0, 1]. Out of gamut colours lose chroma, not hue."""
    lightness, a, b = min(max(colour[0], 0.0), 1.0), colour[1], colour[2]
    for _ in range(6):
        l_ = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
        m_ = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
        s_ = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
        red = 4.0767416621 * l_ - 3.3077115913 * m_ + 0.2309699292 * s_
        green = -1.2684380046 * l_ + 2.6097574011 * m_ - 0.3413193965 * s_
        blue = -0.0041960863 * l_ - 0.7034186147 * m_ + 1.7076147010 * s_
        if min(red, green, blue) > -0.003 and max(red, green, blue) < 1.003:
            break
        a, b = a * 0.82, b * 0.82
    return _gamma(red), _gamma(green), _gamma(blue)


# The paint box.
RED = oklch(0.60, 0.19, 27)
ORANGE = oklch(0.74, 0.16, 58)
YELLOW = oklch(0.88, 0.15, 92)
GREEN = oklch(0.66, 0.15, 138)
LEAF = oklch(0.56, 0.13, 142)
PINE = oklch(0.43, 0.08, 158)
TEAL = oklch(0.60, 0.09, 200)
BLUE = oklch(0.58, 0.14, 252)
NAVY = oklch(0.36, 0.09, 262)
PURPLE = oklch(0.52, 0.15, 305)
PINK = oklch(0.76, 0.13, 5)
WHITE = oklch(0.97, 0.01, 90)
CREAM = oklch(0.93, 0.04, 85)
SAND = oklch(0.82, 0.09, 75)
BROWN = oklch(0.42, 0.07, 52)
STONE = oklch(0.70, 0.02, 70)
SLATE = oklch(0.48, 0.03, 255)
BLACK = oklch(0.20, 0.02, 270)
GLOW = oklch(0.90, 0.13, 88)
