"""Compiled kernels of the preview: which triangle each sample shows, and how far the light reaches."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, fastmath=True)
def project(points: np.ndarray, camera: np.ndarray, focal: float, middle_x: float, middle_y: float,
            screen: np.ndarray) -> None:  # fmt: skip
    """World points (V, 3) -> samples x, y (down) and 1 / distance: float32 (V, 3).

    camera: float32 (3, 4), world to camera, X right, Y up, Z away from it. focal: in samples.
    """
    for v in range(points.shape[0]):
        x, y, z = points[v, 0], points[v, 1], points[v, 2]
        cx = camera[0, 0] * x + camera[0, 1] * y + camera[0, 2] * z + camera[0, 3]
        cy = camera[1, 0] * x + camera[1, 1] * y + camera[1, 2] * z + camera[1, 3]
        cz = camera[2, 0] * x + camera[2, 1] * y + camera[2, 2] * z + camera[2, 3]
        near = 1.0 / max(cz, np.float32(0.05))
        screen[v, 0] = middle_x + focal * cx * near
        screen[v, 1] = middle_y - focal * cy * near
        screen[v, 2] = near


@numba.njit(cache=True, fastmath=True)
def fill(
    screen: np.ndarray, triangles: np.ndarray, cull: bool, nearest: np.ndarray, shown: np.ndarray
) -> None:
    """Writes for every sample that a triangle covers its number; the nearest wins.

    screen: float32 (V, 3), x, y and what is larger nearer. nearest: float32 (H, W), 0 before. shown: int32
    (H, W). cull: leaves out what is seen from behind.
    """
    height, width = nearest.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, z0 = screen[a, 0], screen[a, 1], screen[a, 2]
        x1, y1, z1 = screen[b, 0], screen[b, 1], screen[b, 2]
        x2, y2, z2 = screen[c, 0], screen[c, 1], screen[c, 2]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if cull and area >= 0.0:  # counter-clockwise outside, y down
            continue
        if abs(area) < 1e-7:
            continue
        left, right = max(0, int(np.ceil(min(x0, x1, x2)))), min(width - 1, int(np.floor(max(x0, x1, x2))))
        top, bottom = max(0, int(np.ceil(min(y0, y1, y2)))), min(height - 1, int(np.floor(max(y0, y1, y2))))
        if left > right or top > bottom:
            continue
        inverse = np.float32(1.0) / area
        # Shares of b and c, linear in x and y.
        bx, by = (y2 - y0) * inverse, -(x2 - x0) * inverse
        cx, cy = -(y1 - y0) * inverse, (x1 - x0) * inverse
        zx, zy = bx * (z1 - z0) + cx * (z2 - z0), by * (z1 - z0) + cy * (z2 - z0)
        for y in range(top, bottom + 1):
            dy, dx = y - y0, left - x0
            u, v = bx * dx + by * dy, cx * dx + cy * dy
            z = z0 + zx * dx + zy * dy
            for x in range(left, right + 1):
                if u >= -1e-3 and v >= -1e-3 and u + v <= 1.001 and z > nearest[y, x]:
                    nearest[y, x] = z
                    shown[y, x] = t
                u += bx
                v += cx
                z += zx


@numba.njit(cache=True, fastmath=True)
def fill_depth(screen: np.ndarray, triangles: np.ndarray, nearest: np.ndarray) -> None:
    """As `fill`, with depth alone and from both sides: for shadows."""
    height, width = nearest.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, z0 = screen[a, 0], screen[a, 1], screen[a, 2]
        x1, y1, z1 = screen[b, 0], screen[b, 1], screen[b, 2]
        x2, y2, z2 = screen[c, 0], screen[c, 1], screen[c, 2]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-7:
            continue
        left, right = max(0, int(np.ceil(min(x0, x1, x2)))), min(width - 1, int(np.floor(max(x0, x1, x2))))
        top, bottom = max(0, int(np.ceil(min(y0, y1, y2)))), min(height - 1, int(np.floor(max(y0, y1, y2))))
        if left > right or top > bottom:
            continue
        inverse = np.float32(1.0) / area
        bx, by = (y2 - y0) * inverse, -(x2 - x0) * inverse
        cx, cy = -(y1 - y0) * inverse, (x1 - x0) * inverse
        zx, zy = bx * (z1 - z0) + cx * (z2 - z0), by * (z1 - z0) + cy * (z2 - z0)
        for y in range(top, bottom + 1):
            dy, dx = y - y0, left - x0
            u, v = bx * dx + by * dy, cx * dx + cy * dy
            z = z0 + zx * dx + zy * dy
            for x in range(left, right + 1):
                if u >= -1e-3 and v >= -1e-3 and u + v <= 1.001 and z > nearest[y, x]:
                    nearest[y, x] = z
                u += bx
                v += cx
                z += zx
