"""The light in the studio: one warm key from the upper left, a cool fill, and a rim from behind.

Colours are linear light. Soft terminators stand in for light that wanders under the skin: red wanders
farthest (Jensen et al. 2001), so the edge of a shadow is warm.
"""

from __future__ import annotations

import cv2
import numpy as np

from .portrait_ground import Ground, ramp

KEY = np.array([-0.50, -0.50, 0.71], np.float32)  # towards the light; x right, y down, z to the viewer
RIM = np.array([0.93, -0.30, -0.10], np.float32)
VIEW = np.array([0, 0, 1], np.float32)
HALF = (KEY + VIEW) / np.linalg.norm(KEY + VIEW)
KEY_COLOUR = np.array([1.00, 0.93, 0.84], np.float32)
FILL_COLOUR = np.array([0.93, 0.93, 1.02], np.float32)
RIM_COLOUR = np.array([1.00, 0.96, 0.95], np.float32)


def normals_of(depth: np.ndarray, ground: Ground) -> np.ndarray:
    """Unit normals (H, W, 3) of a depth field in frame units."""
    dy, dx = np.gradient(depth * ground.scale)
    # Slopes level off at the outline, where a smooth head would turn away within a pixel.
    level = 1 / np.sqrt(1 + (dx**2 + dy**2) / 4.5)
    n = np.stack([-dx * level, -dy * level, np.ones_like(dx)], -1)
    return n / np.linalg.norm(n, axis=-1, keepdims=True)


def cast_shadow(depth: np.ndarray, ground: Ground, reach: float = 130.0) -> np.ndarray:
    """0 where the key light arrives, 1 where the depth field itself stands in its way."""
    flat = float(np.hypot(KEY[0], KEY[1]))
    shadow = np.zeros_like(depth)
    for far in np.geomspace(4, reach, 22):
        x, y = -KEY[:2] / flat * far * ground.scale
        move = np.array([[1, 0, x], [0, 1, y]], np.float32)
        there = cv2.warpAffine(depth, move, depth.shape[::-1])
        rise = there - depth - far * KEY[2] / flat
        shadow = np.maximum(shadow, np.clip(rise / (0.16 * far + 1.5), 0, 1))
    return ground.blur(shadow, 3.0)


def occlusion(depth: np.ndarray, ground: Ground, wide: float, strength: float) -> np.ndarray:
    """0..1: how much of the sky the surroundings hide; hollows are dark."""
    return np.clip((ground.blur(depth, wide) - depth) * strength, 0, 1)


def lit(albedo: np.ndarray, normals: np.ndarray, shadow: np.ndarray, hidden: np.ndarray, skin: bool = True,
        rim: np.ndarray | float = 1.0) -> np.ndarray:  # fmt: skip
    """Diffuse light on a surface, (H, W, 3)."""
    facing = normals @ KEY
    wrap = np.array([0.42, 0.26, 0.20] if skin else [0.25, 0.25, 0.25], np.float32)
    diffuse = np.clip((facing[..., None] + wrap) / (1 + wrap), 0, 1) ** 1.45
    soft = np.array([0.80, 0.94, 1.0] if skin else [1.0, 1.0, 1.0], np.float32)
    key = diffuse * (1 - shadow[..., None] * soft) * KEY_COLOUR * 1.00
    sky = 0.5 - 0.5 * normals[..., 1:2]
    ambient = (0.155 + 0.14 * sky) * FILL_COLOUR * (1 - 0.75 * hidden[..., None])
    fill = np.clip(normals @ np.array([0.75, 0.05, 0.66], np.float32), 0, 1)[..., None] * 0.12 * FILL_COLOUR
    bounce = np.clip(normals[..., 1:2], 0, 1) * 0.27 * np.array([1.0, 0.78, 0.68], np.float32)
    light = key + ambient + (fill + bounce) * (1 - 0.6 * hidden[..., None])
    edge = ramp(normals @ RIM, 0.42, 0.92) * rim
    return albedo * light + (0.55 * albedo**0.7) * (edge[..., None] * RIM_COLOUR)


def gloss(normals: np.ndarray, power: float) -> np.ndarray:
    """Blinn's highlight of the key light, 0..1."""
    return np.clip(normals @ HALF, 0, 1) ** power
