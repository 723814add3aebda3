"""Teeth for mouths that were closed in their portrait: painted once, in the mouth's own coordinates.

The coordinates are face units times the mouth's scale, from the middle of the closed lips: X to the person's
left, Y down. Widths of teeth after Wheeler's dental anatomy (central incisor 8.5 mm, ...), foreshortened
along the arch, at 0.09 m to the unit.
"""

from __future__ import annotations

import cv2
import numpy as np

from .frame import smooth

LOW, HIGH = np.array([-0.40, -0.22]), np.array([0.40, 0.26])  # the painted area
UPPER_EDGES = np.array([0.0, 0.095, 0.168, 0.230, 0.277, 0.312, 0.338])
LOWER_EDGES = np.array([0.0, 0.058, 0.122, 0.187, 0.240, 0.280, 0.310])
UPPER_REACH = 0.026  # how far the upper incisors come below the closed lips' line
GUM = np.array([168.0, 92, 90])


def grid(pixels_per_unit: float) -> tuple[np.ndarray, np.ndarray]:
    """X and Y, (h, w) each, of a texture over the painted area."""
    width, height = np.maximum(((HIGH - LOW) * pixels_per_unit).astype(int), 16)
    x = LOW[0] + (np.arange(width) + 0.5) / width * (HIGH[0] - LOW[0])
    y = LOW[1] + (np.arange(height) + 0.5) / height * (HIGH[1] - LOW[1])
    return tuple(np.meshgrid(x, y))


def paint_teeth(upper: bool, pixels_per_unit: float, light: float) -> np.ndarray:
    """One row of teeth with its gum, premultiplied float32 (h, w, 4) in 0..255. light: of the scene, 0..1."""
    x, y = grid(pixels_per_unit)
    a = np.abs(x)
    edges = UPPER_EDGES if upper else LOWER_EDGES
    tooth = np.clip(np.searchsorted(edges, a, side="right") - 1, 0, len(edges) - 2)
    q = (a - edges[tooth]) / (edges[tooth + 1] - edges[tooth])
    rounded = np.abs(2 * q - 1) ** 3.5
    if upper:
        shorter = np.array([0.0, 0.007, 0.002, 0.006, 0.008, 0.010])[tooth]
        tip = np.array([0.0, 0.0, 0.006, 0.003, 0.0, 0.0])[tooth] * np.abs(2 * q - 1)
        edge = UPPER_REACH - 0.16 * x**2 - shorter - 0.011 * rounded - tip
        gum = edge - 0.115 + 0.030 * (2 * q - 1) ** 2 - 0.12 * x**2 + shorter
        body, root = edge - y, y - gum
    else:
        edge = 0.004 + 0.22 * x**2 + 0.005 * rounded
        gum = edge + 0.080 - 0.02 * (2 * q - 1) ** 2
        body, root = y - edge, gum - y
    soft = 1.1 / pixels_per_unit
    inside = smooth(body, -soft, soft)
    crown = smooth(root, -2.5 * soft, 2.5 * soft)
    # Teeth are round, darker towards their sides; the arch turns away from the light.
    form = 0.80 + 0.20 * np.sqrt(np.clip(1 - np.abs(2 * q - 1) ** 2.4, 0, 1))
    away = np.clip(1.02 - (a / 0.34) ** 1.8 * 0.60, 0.25, 1)
    clear = 1 - 0.10 * np.exp(-np.clip(body, 0, None) / 0.012)  # edges let light through
    tone = np.array([238.0, 229, 212]) * (1.0 if upper else 0.86)
    enamel = tone * (form * away * clear)[..., None]
    gums = GUM * (away * 0.9)[..., None]
    colour = enamel * crown[..., None] + gums * (1 - crown[..., None])
    # Between two teeth there is a hint of dark, not a line.
    seam = np.exp(-((np.minimum(q, 1 - q) * (edges[tooth + 1] - edges[tooth]) / 0.0045) ** 2)) * (
        a < edges[-1]
    )
    colour = colour * (1 - 0.20 * seam * crown)[..., None] * light
    alpha = inside * smooth(edges[-1] - a, 0, 0.05)
    colour = cv2.GaussianBlur(colour, (0, 0), 0.7)
    return np.concatenate([colour * alpha[..., None], 255 * alpha[..., None]], 2).astype(np.float32)


def own_teeth(
    image: np.ndarray, to_picture: np.ndarray, top: np.ndarray, bottom: np.ndarray, pixels_per_unit: float
) -> np.ndarray:
    """The teeth that a portrait shows, as `paint_teeth` gives them.

    to_picture: (2, 3), mouth coordinates -> pixels. top, bottom: (K, 2) contours of the opening, mouth
    coordinates. What the lips hide continues upwards.
    """
    x, y = grid(pixels_per_unit)
    upper, lower = (np.interp(x[0], line[:, 0], line[:, 1]) for line in (top, bottom))
    depth = lower - upper
    inset = np.minimum(0.012, 0.25 * np.clip(depth, 0, None))
    inner_x = np.clip(x, top[1, 0] + 0.012, top[-2, 0] - 0.012)
    seen = np.clip(y, (upper + inset)[None], np.maximum(upper + inset, lower - inset)[None])
    u = to_picture[0, 0] * inner_x + to_picture[0, 1] * seen + to_picture[0, 2]
    v = to_picture[1, 0] * inner_x + to_picture[1, 1] * seen + to_picture[1, 2]
    colour = cv2.remap(image, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR).astype(np.float32)
    soft = 2 / pixels_per_unit
    alpha = smooth((lower - 0.6 * inset)[None] - y, -soft, soft) * smooth(depth, 0.004, 0.03)[None]
    alpha = alpha * smooth(y - (upper[None] - 0.09), 0, 0.05)
    return np.concatenate([colour * alpha[..., None], 255 * alpha[..., None]], 2).astype(np.float32)
