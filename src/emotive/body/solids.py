"""The room that hips, trunk, head and thighs take, which hands and forearms must not enter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotive.signals import JOINT

from .skeleton import REST, SIGN, offsets_of

# Of a person of 1.75 m: the joint a solid hangs on, its middle line along the joint's Y from .. to, how far
# ahead of the joint that is, and its half width, roundness of the ends and half depth, m.
_SOLIDS = (
    ("hips", (-0.08, 0.03), -0.007, (0.170, 0.090, 0.117)),
    ("spine", (0.00, 0.12), 0.004, (0.147, 0.080, 0.104)),
    ("upperChest", (-0.08, 0.07), 0.014, (0.157, 0.090, 0.118)),
    ("head", (0.03, 0.13), 0.004, (0.080, 0.085, 0.098)),
    ("leftUpperLeg", (-0.40, 0.0), 0.000, (0.084, 0.080, 0.088)),
    ("rightUpperLeg", (-0.40, 0.0), 0.000, (0.084, 0.080, 0.088)),
)


_SQUARE = 1.0  # of the sections: 0 an ellipse, 2 nearly a rectangle
_OFFSETS = offsets_of()


@dataclass(frozen=True)
class Solid:
    """A cylinder with round ends, squarish in section, that hangs on a joint. low, high: ends of its
    middle line along the joint's Y, m. ahead: of the joint, m. radii: along X, Y and Z, m."""

    joint: int
    low: float
    high: float
    ahead: float
    radii: np.ndarray


def solids_of(offsets: np.ndarray, girth: float = 1.0) -> tuple[Solid, ...]:
    """Those of a body with these offsets (55, 3). girth: how stout it is, about 0.9..1.2."""
    high = _ratio(offsets, "leftFoot", 0)
    hips = _ratio(offsets, "leftUpperLeg", 0) / high
    shoulders = float(offsets[JOINT["leftShoulder"], 0] + offsets[JOINT["leftUpperArm"], 0])
    shoulders /= REST[JOINT["leftUpperArm"], 0] * high
    waist = (hips + shoulders) / 2
    limb = girth**0.7
    # Width and depth against height, and length, as the figure's clothes go.
    scales = {
        "hips": (hips * limb, hips**0.5 * girth, high),
        "spine": (waist * girth, waist**0.5 * girth**1.3, _ratio(offsets, "chest", 1)),
        "upperChest": (shoulders * girth**0.5, shoulders**0.5 * girth, _ratio(offsets, "neck", 1)),
        "head": (1.0, 1.0, high),
        "leftUpperLeg": (limb, limb, _ratio(offsets, "leftLowerLeg", 1)),
        "rightUpperLeg": (limb, limb, _ratio(offsets, "rightLowerLeg", 1)),
    }
    found = []
    for name, (low, top), ahead, radii in _SOLIDS:
        wide, deep, long = scales[name]
        size = np.array(radii) * high * np.array([wide, 1.0, deep])
        found.append(Solid(JOINT[name], low * long, top * long, ahead * high, size))
    return tuple(found)


def _ratio(offsets: np.ndarray, name: str, axis: int) -> float:
    """An offset against that of a person of 1.75 m."""
    return float(offsets[JOINT[name], axis] / _OFFSETS[JOINT[name], axis])


def depths(
    points: np.ndarray, radii: np.ndarray, solid: Solid, turned: np.ndarray, at: np.ndarray
) -> np.ndarray:
    """How deep balls are inside a solid, m, (..., P); negative outside.

    points: their centres (..., 3, P). radii: (P,). turned, at: of the solid's joint, (..., 3, 3), (..., 3).
    """
    return _meeting(points, radii, solid, turned, at)[0]


def pushes(
    points: np.ndarray, radii: np.ndarray, solid: Solid, turned: np.ndarray, at: np.ndarray, soft: float
) -> tuple[np.ndarray, np.ndarray]:
    """How far balls of the two arms must go to leave a solid, (2, T, P), m, and which way, (2, T, 3, P).

    points: (2, T, 3, P). radii: (P,). turned, at: of the solid's joint, (T, 3, 3), (T, 3). soft: m before
    they touch from which on they go.
    """
    depth, (x, y, z), (a, b, c) = _meeting(points, radii, solid, turned, at)
    # From deep inside the way out is ahead and to the arm's own side.
    deep = (depth / solid.radii.min()).clip(0, 1)
    own = np.array(list(SIGN.values()))[:, None, None]
    total = x * x + y * y + z * z
    way_x = (2 * total - _SQUARE * z * z) * x + own * deep * total
    way_z = (2 * total - _SQUARE * x * x) * z + 1.6 * deep * total
    # Sideways rather than up or down: between chin and chest there is no way out but ahead.
    way = np.stack([way_x / a, 0.8 * total * y / b, way_z / c], -2)
    way /= length(way)[..., None, :].clip(1e-12)
    return softly(depth, soft), turned @ way


def softly(depth: np.ndarray, soft: float) -> np.ndarray:
    """How far something gives way: as deep as it is, but beginning `soft` m before it touches."""
    if not soft:
        return np.maximum(depth, 0)
    return np.where(depth < soft, np.maximum(depth + soft, 0) ** 2 / (4 * soft), depth)


def length(points: np.ndarray) -> np.ndarray:
    """Of vectors (..., 3, P), (..., P)."""
    x, y, z = points[..., 0, :], points[..., 1, :], points[..., 2, :]
    return np.sqrt(x * x + y * y + z * z)


def _meeting(
    points: np.ndarray, radii: np.ndarray, solid: Solid, turned: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, ...], np.ndarray]:
    """Depths; the places in the solid's frame against the nearest of its middle line, in radii; those radii,
    with the balls' own."""
    local = np.swapaxes(turned, -1, -2) @ (points - at[..., None])
    x, y, z = local[..., 0, :], local[..., 1, :], local[..., 2, :] - solid.ahead
    y = y - y.clip(solid.low, solid.high)
    far = np.sqrt(x * x + y * y + z * z)
    a, b, c = size = solid.radii[:, None] + radii
    x, y, z = x / a, y / b, z / c
    total = x * x + y * y + z * z
    q = np.sqrt(np.sqrt(total * total - _SQUARE * (x * z) ** 2)).clip(1e-3)
    # Along the line through the middle; in the very middle the way out is the shortest radius.
    depth = np.where(total > 1e-6, far * (1 / q - 1), size.min())
    return depth, (x, y, z), size
