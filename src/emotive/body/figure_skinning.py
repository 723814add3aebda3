"""Linear blend skinning: the figure's points and normals for one pose."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, fastmath=True)
def shaped(
    points: np.ndarray, normals: np.ndarray, shapes: np.ndarray, turns: np.ndarray, weights: np.ndarray,
    out_points: np.ndarray, out_normals: np.ndarray,
) -> None:  # fmt: skip
    """Blendshapes laid over points and normals (V, 3), which then are not unit; shapes, turns: (52, V, 3)."""
    count = points.shape[0]
    for v in range(count):
        for k in range(3):
            out_points[v, k] = points[v, k]
            out_normals[v, k] = normals[v, k]
    for s in range(shapes.shape[0]):
        w = weights[s]
        if abs(w) < 1e-4:
            continue
        for v in range(count):
            for k in range(3):
                out_points[v, k] += w * shapes[s, v, k]
                out_normals[v, k] += w * turns[s, v, k]


@numba.njit(cache=True, fastmath=True)
def skin(
    points: np.ndarray, normals: np.ndarray, joints: np.ndarray, weights: np.ndarray, matrices: np.ndarray,
    out_points: np.ndarray, out_normals: np.ndarray,
) -> None:  # fmt: skip
    """Every point as its joints carry it. matrices: float32 (55, 3, 4), from the bind pose to the world."""
    m = np.empty((3, 4), np.float32)
    for v in range(points.shape[0]):
        for r in range(3):
            for c in range(4):
                m[r, c] = 0.0
        for k in range(4):
            w = weights[v, k]
            if w > 0.0:
                j = joints[v, k]
                for r in range(3):
                    for c in range(4):
                        m[r, c] += w * matrices[j, r, c]
        x, y, z = points[v, 0], points[v, 1], points[v, 2]
        a, b, c_ = normals[v, 0], normals[v, 1], normals[v, 2]
        length = np.float32(0.0)
        for r in range(3):
            out_points[v, r] = m[r, 0] * x + m[r, 1] * y + m[r, 2] * z + m[r, 3]
            n = m[r, 0] * a + m[r, 1] * b + m[r, 2] * c_
            out_normals[v, r] = n
            length += n * n
        scale = 1.0 / np.sqrt(max(length, np.float32(1e-12)))
        for r in range(3):
            out_normals[v, r] *= scale
