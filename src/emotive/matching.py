"""Equal luminance, contrast or saturation over a set of pictures, so that they cannot explain an effect.

What the SHINE toolbox does for grey pictures (Willenbockel et al. 2010), here in CIELAB: lightness is moved
and stretched, chroma is scaled, hues and contours stay. Values are those of `emotive.perceive.attributes`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from emotive.perceive.attributes import picture_attributes

MATCHABLE = {"luminance": "luminance", "contrast": "rms_contrast", "saturation": "saturation"}
ROUNDS = 12
CLOSE = 0.002  # what counts as reached, in the attribute's own unit

_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_TO_XYZ /= _TO_XYZ.sum(1, keepdims=True)  # over the D65 white point
_FROM_XYZ = np.linalg.inv(_TO_XYZ)


def match(picture: np.ndarray, targets: Mapping[str, float]) -> np.ndarray:
    """`picture` uint8 (H, W, 3) with the attributes in `targets` (keys of MATCHABLE) as near as sRGB allows.

    Lightness is L' = mean + k (L - mean) + shift and chroma C' = c C; k, shift and c are found by iteration,
    since clipping to sRGB changes the outcome. What cannot be reached (a black picture has no contrast) is
    left as near as it comes: measure the result.
    """
    lab = _to_lab(picture)
    mean = lab[..., 0].mean()
    shift, stretch, chroma = 0.0, 1.0, 1.0
    best, least = picture, np.inf
    for _ in range(ROUNDS):
        moved = lab * (1.0, chroma, chroma)
        moved[..., 0] = mean + stretch * (lab[..., 0] - mean) + shift
        candidate = _to_srgb(moved)
        now = measured(candidate)
        off = max(abs(now[name] - value) for name, value in targets.items())
        if off < least:
            best, least = candidate, off
        if off < CLOSE:
            break
        if "luminance" in targets:
            # L* moves by about its cube root's slope: dY = 3 (L + 16)^2 / 116^3 dL, at the present mean.
            slope = 3 * (mean + shift + 16) ** 2 / 116**3
            shift += float(np.clip((targets["luminance"] - now["luminance"]) / max(slope, 0.003), -25, 25))
            shift = float(np.clip(shift, -mean, 100 - mean))
        if "contrast" in targets:
            factor = targets["contrast"] / max(now["contrast"], 1e-3)
            stretch = float(np.clip(stretch * np.clip(factor, 0.5, 2.0), 0.02, 20))
        if "saturation" in targets:
            factor = targets["saturation"] / max(now["saturation"], 1e-3)
            chroma = float(np.clip(chroma * np.clip(factor, 0.5, 2.0), 0.0, 20))
    return best


def measured(picture: np.ndarray) -> dict[str, float]:
    """Luminance, contrast and saturation of a picture, by the names of MATCHABLE."""
    attributes = picture_attributes(picture)
    return {name: getattr(attributes, attribute) for name, attribute in MATCHABLE.items()}


def _to_lab(rgb: np.ndarray) -> np.ndarray:
    u = rgb / 255.0
    linear = np.where(u <= 0.04045, u / 12.92, ((u + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), xyz * (24389 / 27 / 116) + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def _to_srgb(lab: np.ndarray) -> np.ndarray:
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], -1)
    xyz = np.where(f > 6 / 29, f**3, (f - 16 / 116) * (116 * 27 / 24389))
    linear = np.clip(xyz @ _FROM_XYZ.T, 0, 1)
    u = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(255 * u).astype(np.uint8)
