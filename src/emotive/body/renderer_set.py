"""The set of the preview: lights, materials, the backdrop, and how linear light becomes sRGB."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .figure_head import linear

STEPS = 4096  # into which a linear unit is divided
TINT = np.array([0.86, 0.90, 0.82], np.float32)  # how much of each colour of the floor a full shadow takes

_SKIN, _CLOTH = (0.30, 0.05, 14, 0.10, 0), (0.16, 0.0, 8, 0.45, 0)
# By the end of a part's name: softness, gloss, tightness, sheen, and whether each sample is shaded by itself.
_MATERIALS = {
    "head": _SKIN, "hands": _SKIN, "arms": _SKIN, "bust": _SKIN,
    "brows": (0.1, 0.0, 8, 0.0, 1), "beard": (0.1, 0.03, 10, 0.2, 0), "teeth": (0.2, 0.15, 30, 0, 1),
    "tongue": (0.2, 0.1, 20, 0, 1), "eye": (0.2, 0.9, 220, 0, 1), "shoes": (0.10, 0.10, 18, 0.1, 0),
    "hair": (0.10, 0.14, 18, 0.25, 0),
}  # fmt: skip
# Directions in the camera's axes, the lights turn with it; colours, linear.
_KEY, _KEY_COLOUR = np.array([-0.52, 0.80, 0.62]), (0.82, 0.765, 0.68)
_RIM, _RIM_COLOUR = np.array([0.62, 0.45, -0.75]), (0.55, 0.58, 0.62)
_SKY, _BOUNCE = (0.46, 0.48, 0.53), (0.27, 0.235, 0.21)


def material(part: str) -> tuple[float, ...]:
    """How a part of the figure takes light, as `renderer_light.resolve` reads it."""
    name = part.split(".")[0]
    return next((row for end, row in _MATERIALS.items() if name.endswith(end)), _CLOTH)


def lights(turn: np.ndarray) -> np.ndarray:
    """Rows: towards the key light and its colour, towards the rim light and its colour, sky, bounce from the
    floor; float32 (6, 3). turn: the camera's axes as columns, upright."""
    key, rim = (turn @ (way / np.linalg.norm(way)) for way in (_KEY, _RIM))
    return np.array([key, _KEY_COLOUR, rim, _RIM_COLOUR, _SKY, _BOUNCE], np.float32)


@lru_cache(maxsize=1)
def curve() -> np.ndarray:
    """sRGB, uint8, of linear light 0..2 in `STEPS` a unit; above 0.7 it bends towards white."""
    u = np.arange(2 * STEPS) / STEPS
    u = np.where(u < 0.7, u, 0.7 + 0.3 * (1 - np.exp(-(u - 0.7) / 0.3)))
    s = np.where(u <= 0.0031308, 12.92 * u, 1.055 * u ** (1 / 2.4) - 0.055)
    return np.rint(255 * s.clip(0, 1)).astype(np.uint8)


def backdrop(colour: str, ground: np.ndarray, about: np.ndarray) -> np.ndarray:
    """A wall that runs smoothly into the floor, lightest where the figure stands; linear float32 (H, W, 3).

    ground: of `renderer_camera.ground_seen`. about: where the figure stands, m.
    """
    size = len(ground)
    y, x = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij")
    wall = 1.06 - 0.16 * np.clip(-y, 0, 1) ** 1.5
    away = np.hypot(ground[..., 0] - about[0], ground[..., 1] - about[2])
    floor = 1.10 + 0.05 * np.exp(-((away / 1.1) ** 2))
    light = wall + ground[..., 2] * (floor - wall) - 0.10 * x**2
    # A grain of half a step of 8 bits, so that the gradients show no bands.
    grain = 1 + 0.006 * (np.random.default_rng(0).random((size, size)) - 0.5)
    return (linear(colour) * (light * grain)[..., None]).astype(np.float32)
