"""Compiled kernels: where each pixel of the frame comes from, and laying one picture over another."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def rasterize(
    points: np.ndarray, depth: np.ndarray, source: np.ndarray, triangles: np.ndarray,
    map_x: np.ndarray, map_y: np.ndarray, nearest: np.ndarray,
) -> None:  # fmt: skip
    """Writes, for every pixel that a triangle covers, which source pixel it shows; the nearest triangle wins.

    points, source: float32 (n, 2), pixels. depth: float32 (n,), towards the viewer. triangles: int32 (m, 3).
    map_x, map_y, nearest: float32 (H, W), `nearest` filled with -inf before.
    """
    height, width = map_x.shape
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = (
            points[a, 0],
            points[a, 1],
            points[b, 0],
            points[b, 1],
            points[c, 0],
            points[c, 1],
        )
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-6:
            continue
        top, bottom = min(y0, y1, y2), max(y0, y1, y2)
        first, last = max(0, int(np.ceil(top - 1e-3))), min(height - 1, int(np.floor(bottom + 1e-3)))
        if first > last:
            continue
        # Everything that is linear over the triangle: value at vertex a, and its slopes along x and y.
        inverse = 1.0 / area
        ux, uy = source[b, 0] - source[a, 0], source[c, 0] - source[a, 0]
        vx, vy = source[b, 1] - source[a, 1], source[c, 1] - source[a, 1]
        zx, zy = depth[b] - depth[a], depth[c] - depth[a]
        ax, ay, bx, by = (y2 - y0) * inverse, -(x2 - x0) * inverse, -(y1 - y0) * inverse, (x1 - x0) * inverse
        u_x, u_y = ux * ax + uy * bx, ux * ay + uy * by
        v_x, v_y = vx * ax + vy * bx, vx * ay + vy * by
        z_x, z_y = zx * ax + zy * bx, zx * ay + zy * by
        for y in range(first, last + 1):
            left, right = 1e9, -1e9
            for k in range(3):
                if k == 0:
                    xa, ya, xb, yb = x0, y0, x1, y1
                elif k == 1:
                    xa, ya, xb, yb = x1, y1, x2, y2
                else:
                    xa, ya, xb, yb = x2, y2, x0, y0
                low, high = min(ya, yb), max(ya, yb)
                if y < low - 1e-3 or y > high + 1e-3:
                    continue
                if high - low < 1e-6:
                    left, right = min(left, xa, xb), max(right, xa, xb)
                else:
                    x = xa + (xb - xa) * min(max((y - ya) / (yb - ya), 0.0), 1.0)
                    left, right = min(left, x), max(right, x)
            start, stop = max(0, int(np.ceil(left - 1e-3))), min(width - 1, int(np.floor(right + 1e-3)))
            dy = y - y0
            u, v, z = source[a, 0] + u_y * dy, source[a, 1] + v_y * dy, depth[a] + z_y * dy
            for x in range(start, stop + 1):
                dx = x - x0
                near = z + z_x * dx
                if near > nearest[y, x]:
                    nearest[y, x] = near
                    map_x[y, x] = u + u_x * dx
                    map_y[y, x] = v + v_x * dx


@numba.njit(cache=True)
def lay_over(frame: np.ndarray, layer: np.ndarray) -> None:
    """Lays a premultiplied layer uint8 (h, w, 4) over a frame uint8 (h, w, 3), in place."""
    for y in range(layer.shape[0]):
        for x in range(layer.shape[1]):
            alpha = layer[y, x, 3]
            if alpha == 255:
                frame[y, x, 0], frame[y, x, 1], frame[y, x, 2] = (
                    layer[y, x, 0],
                    layer[y, x, 1],
                    layer[y, x, 2],
                )
            elif alpha > 0:
                rest = 255 - alpha
                for k in range(3):
                    value = layer[y, x, k] + (frame[y, x, k] * rest + 127) // 255
                    frame[y, x, k] = min(value, 255)


@numba.njit(cache=True, fastmath=True)
def shade(texture: np.ndarray, gain: np.ndarray, out: np.ndarray) -> None:
    """out = texture * (1 + gain), premultiplied uint8 (h, w, 4); gain float32 (h, w).

    Shade on skin is warm: light that has gone through it is red, so blue loses more than red does.
    """
    for y in range(gain.shape[0]):
        for x in range(gain.shape[1]):
            g = gain[y, x]
            most = texture[y, x, 3]
            warm = 0.22 * min(g, 0.0)
            out[y, x, 0] = np.uint8(min(max(texture[y, x, 0] * (1 + g - warm) + 0.5, 0.0), most))
            out[y, x, 1] = np.uint8(min(max(texture[y, x, 1] * (1 + g + 0.2 * warm) + 0.5, 0.0), most))
            out[y, x, 2] = np.uint8(min(max(texture[y, x, 2] * (1 + g + 0.7 * warm) + 0.5, 0.0), most))
            out[y, x, 3] = most
