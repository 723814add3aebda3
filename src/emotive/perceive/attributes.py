"""What can be measured in a picture without learning anything: light, colour, lines, composition.

Every picture is first averaged down to a working size, so that a value does not depend on resolution. Pixel
values are sRGB; lightness and chroma are CIELAB's (D65).

Sources, by the letter used below:

[P]   Peli 1990, Contrast in complex images: the standard deviation of normalised intensities.
[HS]  Hasler & Suesstrunk 2003, Measuring colourfulness in natural images.
[MH]  Machajdik & Hanbury 2010, Affective image classification: light, colour, texture, slanted lines.
[A]   Attneave 1954: the information of a contour is where it turns. Curvature as in Lindeberg 1998, eq. 31.
[J]   Jähne 2005, Digital Image Processing, 13.3: orientation as the angle of a vector (structure tensor).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from PIL import Image

WORKING_SIDE = 256  # px, of the longer side
EDGE = 6.0  # L* per pixel of the working size: what counts as an edge
CONTOUR = 2.0  # the same after smoothing: what counts as a contour
WARM = 60.0  # degrees in CIELAB: orange, the warm pole; its opposite is blue


@dataclass(frozen=True)
class PictureAttributes:
    """Attributes of one picture. Numbers are floats; the comment gives range and source.

    Empty cases: a grey picture has hue 0, hue_concentration 0 and warmth 0; a picture without any gradient
    has edge_density 0, obliqueness 0.5 (no direction prevails), angularity 0.5 (undecided) and symmetry 1.
    """

    luminance: float  # mean relative luminance Y, linear light; 0 black .. 1 white
    lightness: float  # mean CIE L*; 0 black .. 100 white
    rms_contrast: float  # standard deviation of L* / 100; 0 .. 0.5 (half black, half white)          [P]
    chroma: float  # mean CIE C*ab; 0 grey .. about 134 (all sRGB blue)
    saturation: float  # mean of C* / sqrt(C*^2 + L*^2), Luebbe's saturation; 0 .. 1
    colourfulness: float  # M3; 0 grey, 33 moderate, 59 quite, 109 extremely colourful                 [HS]
    hue: float  # degrees in [0, 360): chroma-weighted circular mean of the CIELAB hue                 [MH]
    hue_concentration: float  # 0 hues all around .. 1 a single hue                                    [MH]
    warmth: float  # chroma-weighted mean of cos(hue - 60 deg); -1 all blue .. 1 all orange
    edge_density: float  # share of pixels with a gradient of L* above 6 per pixel; 0 .. 1             [MH]
    obliqueness: float  # 0 edges horizontal and vertical, 0.5 evenly spread, 1 at 45 degrees       [MH, J]
    angularity: float  # 0 contours turn all along (a disc) .. 1 at a few corners only (a square)       [A]
    detail: float  # standard deviation of L* / 100 finer than about 8 px of the working size          [MH]
    symmetry: float  # correlation of L* with its left-right mirror image; -1 .. 1
    centre_surround: float  # L* / 100 of the middle minus that of the rim: a vignette is > 0; -1 .. 1


ATTRIBUTES = tuple(field.name for field in fields(PictureAttributes))


def picture_attributes(picture: np.ndarray) -> PictureAttributes:
    """The attributes of a picture uint8 (H, W, 3), sRGB, of any size."""
    rgb = working_size(picture)
    y, lightness, a, b = _lab(rgb)
    chroma = np.hypot(a, b)
    mean_chroma = float(chroma.mean())
    hue_x, hue_y = float(a.mean()), float(b.mean())  # chroma-weighted: a = C cos h, b = C sin h
    coloured = mean_chroma > 0.5  # below, the hue is rounding noise
    warm = np.radians(WARM)

    dx, dy = _gradients(lightness)
    magnitude = np.hypot(dx, dy)
    return PictureAttributes(
        luminance=float(y.mean()),
        lightness=float(lightness.mean()),
        rms_contrast=float(lightness.std()) / 100,
        chroma=mean_chroma,
        saturation=float((chroma / np.sqrt(chroma**2 + lightness**2 + 1e-6)).mean()),
        colourfulness=_colourfulness(rgb),
        hue=float(np.degrees(np.arctan2(hue_y, hue_x)) % 360) if coloured else 0.0,
        hue_concentration=float(np.hypot(hue_x, hue_y)) / mean_chroma if coloured else 0.0,
        warmth=float(hue_x * np.cos(warm) + hue_y * np.sin(warm)) / mean_chroma if coloured else 0.0,
        edge_density=float((magnitude > EDGE).mean()),
        obliqueness=_obliqueness(dx, dy),
        angularity=_angularity(lightness),
        detail=float((lightness - _smooth(_smooth(lightness))).std()) / 100,
        symmetry=_symmetry(lightness),
        centre_surround=_centre_surround(lightness),
    )


def attribute_table(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Attributes of N pictures as float64 (N, len(ATTRIBUTES)), columns in the order of `ATTRIBUTES`."""
    rows = [[getattr(picture_attributes(p), name) for name in ATTRIBUTES] for p in pictures]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(ATTRIBUTES))


def working_size(picture: np.ndarray, side: int = WORKING_SIDE) -> np.ndarray:
    """Averages (or, where it is smaller, interpolates) a picture so that its longer side is `side` px."""
    height, width = picture.shape[:2]
    if max(height, width) == side:
        return picture
    k = side / max(height, width)
    size = max(1, round(width * k)), max(1, round(height * k))
    how = Image.Resampling.BOX if k < 1 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(picture).resize(size, how))


_LINEAR = np.array(
    [u / 12.92 if u <= 0.04045 else ((u + 0.055) / 1.055) ** 2.4 for u in np.arange(256) / 255], np.float32
)
# sRGB -> XYZ over the D65 white point (IEC 61966-2-1), rows X, Y, Z
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_XYZ_OVER_WHITE = (_XYZ / _XYZ.sum(1, keepdims=True)).astype(np.float32)


def _lab(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """uint8 (H, W, 3) -> Y (0..1), L* (0..100), a*, b*, each float32 (H, W). CIE 15:2004."""
    xyz = _LINEAR[rgb] @ _XYZ_OVER_WHITE.T
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), xyz * (24389 / 27 / 116) + 16 / 116)
    return xyz[..., 1], 116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])


def _colourfulness(rgb: np.ndarray) -> float:
    red, green, blue = (rgb[..., i].astype(np.float32) for i in range(3))
    rg, yb = red - green, (red + green) / 2 - blue
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def _gradients(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scharr's derivatives, per pixel, same shape; edges of the picture are repeated."""
    p = np.pad(x, 1, mode="edge")
    across = (3 * p[:-2] + 10 * p[1:-1] + 3 * p[2:]) / 16
    down = (3 * p[:, :-2] + 10 * p[:, 1:-1] + 3 * p[:, 2:]) / 16
    return (across[:, 2:] - across[:, :-2]) / 2, (down[2:] - down[:-2]) / 2


def _smooth(x: np.ndarray) -> np.ndarray:
    """Binomial blur, 5 x 5 taps 1 4 6 4 1: a standard deviation of 1 px."""
    p = np.pad(x, 2, mode="edge")
    p = (p[:-4] + p[4:] + 4 * (p[1:-3] + p[3:-1]) + 6 * p[2:-2]) / 16
    return (p[:, :-4] + p[:, 4:] + 4 * (p[:, 1:-3] + p[:, 3:-1]) + 6 * p[:, 2:-2]) / 16


def _obliqueness(dx: np.ndarray, dy: np.ndarray) -> float:
    """Mean of sin^2(2 theta) over the energy of the gradient, theta its direction: (2 dx dy)^2 / |g|^4."""
    energy = dx**2 + dy**2
    total = float(energy.sum())
    if total < 1e-3:
        return 0.5
    return float(((2 * dx * dy) ** 2 / np.maximum(energy, 1e-9)).sum()) / total


def _angularity(lightness: np.ndarray) -> float:
    """1 - (sum w k)^2 / (sum w * sum w k^2) over contours: k the curvature of the isophote, w the gradient.

    The second term is a participation ratio: the share of the contours' length on which they turn. It does
    not depend on how strong contours are.
    """
    smooth = lightness
    for _ in range(4):  # a standard deviation of 2 px: contours, not texture
        smooth = _smooth(smooth)
    dx, dy = _gradients(smooth)
    dxx, dxy = _gradients(dx)
    dyy = _gradients(dy)[1]
    gradient = np.hypot(dx, dy)
    contour = gradient > CONTOUR
    if np.count_nonzero(contour) < 50:
        return 0.5
    w, dx, dy = gradient[contour], dx[contour], dy[contour]
    turning = np.abs(dxx[contour] * dy**2 - 2 * dxy[contour] * dx * dy + dyy[contour] * dx**2) / w**3
    turning = np.minimum(turning, 0.5)  # per px: a radius of 2 px is what the smoothing leaves of a corner
    return float(1 - (w * turning).sum() ** 2 / max((w * turning**2).sum() * w.sum(), 1e-9))


def _symmetry(lightness: np.ndarray) -> float:
    centred = lightness - lightness.mean()
    power = float((centred**2).sum())
    return float((centred * centred[:, ::-1]).sum()) / power if power > 1e-3 else 1.0


def _centre_surround(lightness: np.ndarray) -> float:
    height, width = lightness.shape
    y, x = (np.arange(height) + 0.5) / height * 2 - 1, (np.arange(width) + 0.5) / width * 2 - 1
    r = np.hypot(x[None], y[:, None])  # 1 where the inscribed ellipse touches the frame
    middle, rim = lightness[r < 0.7], lightness[r > 1.1]
    return float(middle.mean() - rim.mean()) / 100 if middle.size and rim.size else 0.0
