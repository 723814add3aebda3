"""Signed distances that forms are modelled with: m, negative inside; for points (..., 3).

Unions are the polynomial smooth minimum (Quilez 2013). Distances are exact or near enough beside the surface;
`figure_mesh` needs no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator

Form = Callable[[np.ndarray], np.ndarray]
"""Points (N, 3), m -> signed distances (N,)."""


def union(a: np.ndarray, b: np.ndarray, soft: float) -> np.ndarray:
    """Either; `soft` is the width of the fillet, m."""
    h = np.clip(0.5 + 0.5 * (b - a) / soft, 0, 1)
    return b + (a - b) * h - soft * h * (1 - h)


def both(a: np.ndarray, b: np.ndarray, soft: float) -> np.ndarray:
    """What lies in both."""
    return -union(-a, -b, soft)


def carve(a: np.ndarray, b: np.ndarray, soft: float) -> np.ndarray:
    """The first without the second."""
    return both(a, -b, soft)


def ball(p: np.ndarray, middle: object, radius: float) -> np.ndarray:
    return np.linalg.norm(p - np.asarray(middle), axis=-1) - radius


def ellipsoid(p: np.ndarray, middle: object, radii: object) -> np.ndarray:
    """Quilez' bound: exact on the surface."""
    q, r = p - np.asarray(middle, float), np.asarray(radii, float)
    k0 = np.linalg.norm(q / r, axis=-1)
    k1 = np.maximum(np.linalg.norm(q / r**2, axis=-1), 1e-6)
    return np.where(k0 < 0.3, -0.7 * r.min(), k0 * (k0 - 1) / k1)


def capsule(p: np.ndarray, a: object, b: object, ra: float, rb: float) -> np.ndarray:
    """Around a line, with a radius that runs from one end to the other."""
    start, way = np.asarray(a, float), np.asarray(b, float) - np.asarray(a, float)
    along = np.clip((p - start) @ way / (way @ way), 0, 1)
    return np.linalg.norm(p - start - along[..., None] * way, axis=-1) - (ra + along * (rb - ra))


def chain(
    p: np.ndarray, points: Sequence[object] | np.ndarray, radii: Sequence[float], soft: float
) -> np.ndarray:
    """Capsules along a line of points."""
    found = capsule(p, points[0], points[1], radii[0], radii[1])
    for i in range(1, len(points) - 1):
        found = union(found, capsule(p, points[i], points[i + 1], radii[i], radii[i + 1]), soft)
    return found


def plane(p: np.ndarray, through: object, normal: object) -> np.ndarray:
    """The half space behind a plane."""
    n = np.asarray(normal, float)
    return (p - np.asarray(through, float)) @ (n / np.linalg.norm(n))


class Loft:
    """A body with an oval cross-section that changes along a straight axis.

    origin, axis, side: the oval's half widths lie along `side` and across both. stations (K,): m along the
    axis. wide, deep: half widths (K,) along `side` and across. shift: (K, 2), where its middle lies off the
    axis, along side and across. square: 2 is an ellipse, more is squarer. It goes on beyond its ends.
    """

    def __init__(
        self,
        origin: object,
        axis: object,
        side: object,
        stations: Sequence[float],
        wide: Sequence[float],
        deep: Sequence[float],
        shift: Sequence[Sequence[float]] | None = None,
        square: float = 2.0,
    ):
        self.origin = np.asarray(origin, float)
        self.axis = np.asarray(axis, float) / np.linalg.norm(np.asarray(axis, float))
        across = np.cross(self.axis, np.asarray(side, float))
        self.across = across / np.linalg.norm(across)
        self.side = np.cross(self.across, self.axis)
        at = np.asarray(stations, float)
        table = np.stack(
            [wide, deep, *(np.asarray(shift).T if shift is not None else np.zeros((2, len(at))))], 1
        )
        self.low, self.high, self.square = at[0], at[-1], square
        self.curve = PchipInterpolator(at, table)

    def __call__(self, p: np.ndarray) -> np.ndarray:
        q = p - self.origin
        t = np.clip(q @ self.axis, self.low, self.high)
        wide, deep, x0, z0 = np.moveaxis(self.curve(t), -1, 0)
        x, z = np.abs(q @ self.side - x0), np.abs(q @ self.across - z0)
        r = ((x / wide) ** self.square + (z / deep) ** self.square) ** (1 / self.square)
        # Divided by its slope, the level set is a distance beside the surface.
        slope = np.hypot(x / wide**2, z / deep**2) / np.maximum(np.hypot(x / wide, z / deep), 1e-6)
        return (r - 1) / np.maximum(slope, 1e-3)
