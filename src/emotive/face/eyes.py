"""Drawing the eyeballs: whites that stay with the head, irises that turn, under lids that shade them."""

from __future__ import annotations

import numba
import numpy as np

from .eye_plates import REACHES

TOP_REACH, BOTTOM_REACH = float(REACHES[0]), float(REACHES[1])


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _sample(texture: np.ndarray, x: float, y: float, channel: int) -> float:
    height, width = texture.shape[0], texture.shape[1]
    x, y = min(max(x, 0.0), width - 1.001), min(max(y, 0.0), height - 1.001)
    i, j = int(y), int(x)
    b, a = y - i, x - j
    top = texture[i, j, channel] * (1 - a) + texture[i, j + 1, channel] * a
    return top * (1 - b) + (texture[i + 1, j, channel] * (1 - a) + texture[i + 1, j + 1, channel] * a) * b


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _curve(curve: np.ndarray, place: float) -> float:
    k = min(max(place * len(curve) - 0.5, 0.0), len(curve) - 1.001)
    i = int(k)
    return curve[i] * (1 - (k - i)) + curve[i + 1] * (k - i)


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def draw_eye(
    frame: np.ndarray, origin: np.ndarray, axis: np.ndarray, top: np.ndarray, bottom: np.ndarray,
    length: float, to_source: np.ndarray, iris: np.ndarray, sclera: np.ndarray, disc: np.ndarray,
    lights: np.ndarray, unit: float,
    lashes: np.ndarray, shade: np.ndarray,
) -> None:  # fmt: skip
    """Draws one eyeball between its lids into a frame uint8 (H, W, 3), in place.

    origin, axis: of the line between the corners, pixels of the frame; axis a unit vector to larger x.
    top, bottom: float64 (K,), heights of the lids over that line (down), at K equal steps along `length`.
    to_source: (2, 3), frame -> picture. iris: middle x and y, half width, half height in the picture, shift
    x and y of the catch light. lashes: (3,), the colour of the line where the lids meet. shade: (3, K), as in
    EyePlates, of this eye.
    """
    height, width = frame.shape[:2]
    steps = len(top) - 1
    shut = min(max(1.4 - (bottom - top).max() / (0.05 * unit), 0.0), 1.0)
    low, high = top.min() - 2, bottom.max() + 2
    x_low, x_high, y_low, y_high = 1e9, -1e9, 1e9, -1e9
    for s in (-2.0, length + 2.0):
        for h in (low, high):
            x, y = origin[0] + s * axis[0] - h * axis[1], origin[1] + s * axis[1] + h * axis[0]
            x_low, x_high, y_low, y_high = min(x_low, x), max(x_high, x), min(y_low, y), max(y_high, y)
    side = disc.shape[0]
    for y in range(max(0, int(y_low)), min(height - 1, int(y_high) + 1) + 1):
        for x in range(max(0, int(x_low)), min(width - 1, int(x_high) + 1) + 1):
            dx, dy = x - origin[0], y - origin[1]
            s, h = dx * axis[0] + dy * axis[1], -dx * axis[1] + dy * axis[0]
            if s <= 0 or s >= length:
                continue
            k = s / length * steps
            i = min(int(k), steps - 1)
            t = k - i
            upper, lower = top[i] * (1 - t) + top[i + 1] * t, bottom[i] * (1 - t) + bottom[i + 1] * t
            opening = lower - upper
            thick = 0.010 * unit + 0.35
            if opening < 2.5 * thick and s > 0.04 * length:
                # Closed lids meet in a line of lashes, which also hides their seam.
                away = h - 0.5 * (upper + lower)
                line = np.exp(-((away / (thick * (1.8 if away < 0 else 0.8))) ** 2)) * (
                    1 - max(opening, 0.0) / (2.5 * thick)
                )
                line *= 0.85 * shut * min((s / length - 0.04) / 0.15, 1.0) * min((1 - s / length) / 0.12, 1.0)
                for c in range(3):
                    frame[y, x, c] = np.uint8(frame[y, x, c] * (1 - line) + lashes[c] * line + 0.5)
            if opening <= 0.15:
                continue
            cover = (
                min(max(h - upper + 0.2, 0.0), 1.0)
                * min(max(lower - h + 0.5, 0.0), 1.0)
                * min(opening * 0.6, 1.0)
            )
            if cover <= 0:
                continue
            u = to_source[0, 0] * x + to_source[0, 1] * y + to_source[0, 2]
            v = to_source[1, 0] * x + to_source[1, 1] * y + to_source[1, 2]
            du, dv = (u - iris[0]) / iris[2], (v - iris[1]) / iris[3]
            px, py = (du + 1) * side / 2 - 0.5, (dv + 1) * side / 2 - 0.5
            inside = du * du + dv * dv < 1.3
            alpha = _sample(disc, px, py, 3) / 255 if inside else 0.0
            shadow = _curve(shade[0], (h - upper) / unit / TOP_REACH) * _curve(
                shade[1], (lower - h) / unit / BOTTOM_REACH
            )
            shadow *= _curve(shade[2], s / length)
            for c in range(3):
                value = _sample(sclera, u, v, c) * (1 - alpha)
                if inside:
                    value += _sample(disc, px, py, c)
                value = value * shadow + (0.15 + 0.85 * alpha) * _sample(lights, u - iris[4], v - iris[5], c)
                value = frame[y, x, c] * (1 - cover) + min(value, 255.0) * cover
                frame[y, x, c] = np.uint8(value + 0.5)


def lid_heights(
    points: np.ndarray, upper: np.ndarray, lower: np.ndarray, count: int = 40
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Lid or lip contours (K, 2 or more) on the frame as heights over the line between their corners.

    Gives origin (2,), axis (2,), top (count,), bottom (count,), length.
    """
    a, b = points[upper], points[lower]
    if a[0, 0] > a[-1, 0]:
        a, b = a[::-1], b[::-1]
    origin = a[0, :2].astype(float)
    along = a[-1, :2] - origin
    length = max(float(np.hypot(*along)), 1e-3)
    axis = along / length
    s = np.linspace(0, length, count)
    heights = []
    for line in (a, b):
        offset = line[:, :2] - origin
        at = np.maximum.accumulate(offset @ axis)
        heights.append(np.interp(s, at, offset @ np.array([-axis[1], axis[0]])))
    return origin, axis, heights[0], heights[1], length
