"""Drawing the inside of the mouth: the upper teeth with the skull, lower teeth and tongue with the jaw."""

from __future__ import annotations

import numba
import numpy as np

from .eyes import _sample

TONGUE = np.array([186.0, 92, 96])
DEEP, FRONT = np.array([26.0, 9, 12]), np.array([92.0, 34, 38])


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def _step(x: float, low: float, high: float) -> float:
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@numba.njit(cache=True, fastmath=True, error_model="numpy")
def draw_mouth(
    frame: np.ndarray, origin: np.ndarray, axis: np.ndarray, top: np.ndarray, bottom: np.ndarray,
    length: float,
    to_mouth: np.ndarray, jaw: np.ndarray, upper: np.ndarray, lower: np.ndarray, area: np.ndarray,
    tongue: float, unit: float, light: float, gloom: float, seam: float,
    tongue_colour: np.ndarray, deep: np.ndarray, front: np.ndarray,
) -> None:  # fmt: skip
    """Draws the inside of the mouth between the lips into a frame uint8 (H, W, 3), in place.

    origin, axis, top, bottom, length: of the lips' inner edges, as `eyes.lid_heights` gives them.
    to_mouth: (2, 3), frame -> mouth coordinates of the skull. jaw: (2,), how far the jaw has moved in them.
    upper, lower: painted teeth over `area` (low x, low y, high x, high y). tongue: 0..1, tongueOut.
    unit: pixels of one mouth coordinate. light: of the scene. gloom: how dark the lips make what is just
    behind them, 0..1. seam: how dark the line is where closed lips meet, 0..1.
    """
    height, width = frame.shape[:2]
    steps = len(top) - 1
    stride = length / steps
    out = max(0.0, (tongue - 0.4) / 0.6) ** 1.8
    low, high = top.min() - 2, bottom.max() + 2 + 0.30 * out * unit
    x_low, x_high, y_low, y_high = 1e9, -1e9, 1e9, -1e9
    for s in (0.0, length):
        for h in (low, high):
            x, y = origin[0] + s * axis[0] - h * axis[1], origin[1] + s * axis[1] + h * axis[0]
            x_low, x_high, y_low, y_high = min(x_low, x), max(x_high, x), min(y_low, y), max(y_high, y)
    sx, sy = upper.shape[1] / (area[2] - area[0]), upper.shape[0] / (area[3] - area[1])
    most = (bottom - top).max()
    raised = _step(tongue, 0.0, 0.35)
    lift = -0.02 - 0.05 * raised  # of the tongue's back over the lower teeth, in jaw coordinates
    tip_y = (jaw[1] + 0.10) * (1 - raised) + raised * 0.045
    tip_y = tip_y * (1 - out) + (jaw[1] + 0.07) * out
    tip_x, tip_r = 0.115 + 0.02 * out, 0.050 + 0.11 * out
    for y in range(max(0, int(y_low)), min(height - 1, int(y_high) + 1) + 1):
        for x in range(max(0, int(x_low)), min(width - 1, int(x_high) + 1) + 1):
            dx, dy = x - origin[0], y - origin[1]
            s, h = dx * axis[0] + dy * axis[1], -dx * axis[1] + dy * axis[0]
            if s <= 0 or s >= length:
                continue
            k = s / length * steps
            i = min(int(k), steps - 1)
            t = k - i
            over, under = top[i] * (1 - t) + top[i + 1] * t, bottom[i] * (1 - t) + bottom[i + 1] * t
            opening = under - over
            thick = 0.009 * unit + 0.3
            if seam > 0 and opening < 2 * thick:
                line = (
                    np.exp(-(((h - 0.5 * (over + under)) / thick) ** 2))
                    * seam
                    * (1 - max(opening, 0.0) / (2 * thick))
                )
                line *= min(min(s, length - s) / length / 0.06, 1.0)
                for c in range(3):
                    frame[y, x, c] = np.uint8(
                        frame[y, x, c] * (1 - line) + (front[c] * 0.9 + 12) * light * line + 0.5
                    )
            mx = to_mouth[0, 0] * x + to_mouth[0, 1] * y + to_mouth[0, 2]
            my = to_mouth[1, 0] * x + to_mouth[1, 1] * y + to_mouth[1, 2]
            jx, jy = mx - jaw[0], my - jaw[1]
            # The tongue's tip, which may come out over the lower lip.
            ex, ey = (mx - jaw[0] * out) / tip_x, (my - tip_y) / tip_r
            reach = ex * ex + ey * ey
            tip = raised * _step(1 - reach, -0.06, 0.14)
            # Distances square to the edges, reaching a little over them: this soft edge is the lips' edge.
            slope_over, slope_under = (top[i + 1] - top[i]) / stride, (bottom[i + 1] - bottom[i]) / stride
            d_over = (h - over) / np.sqrt(1 + slope_over * slope_over)
            d_under = (under - h) / np.sqrt(1 + slope_under * slope_under)
            cover = min(max((d_over + 0.8) / 1.3, 0.0), 1.0) * min(max((d_under + 0.8) / 1.3, 0.0), 1.0)
            cover *= min(max(opening * 0.55 - 0.1, 0.0), 1.0)
            if h > over and out > 0 and most > 1:
                cover = max(cover, tip * min(out * 4, 1.0) * min(max(h - over, 0.0), 1.0))
            if cover <= 0:
                continue
            depth = _step(jy, -0.34, 0.02) * 0.8 * (1 - min(abs(mx) / 0.40, 1.0) ** 2)
            hump = (jx / 0.23) ** 2 + ((jy - lift - 0.075) / 0.105) ** 2
            back = _step(1.0 - hump, -0.12, 0.35)
            crest = 0.46 + 0.42 * _step(0.12 - abs(jx), -0.1, 0.1) - 0.14 * np.exp(-((jx / 0.022) ** 2))
            tip_light = 0.80 + 0.40 * _step(-ey, -1.0, 0.8) - 0.12 * np.exp(-((ex / 0.13) ** 2))
            ux, uy = (mx - area[0]) * sx - 0.5, (my - area[1]) * sy - 0.5
            lx, ly = (jx - area[0]) * sx - 0.5, (jy - area[1]) * sy - 0.5
            has_upper = 0 <= ux < upper.shape[1] - 1 and 0 <= uy < upper.shape[0] - 1
            has_lower = 0 <= lx < lower.shape[1] - 1 and 0 <= ly < lower.shape[0] - 1
            rim = min(s, length - s) / length
            # A narrow gap is all edge; its teeth are not all in shadow.
            reach = min(0.036, 0.35 * opening / unit) + 0.004
            shadow = 1 - gloom * np.exp(-max(h - over, 0.0) / unit / reach)
            shadow *= 1 - 0.5 * gloom * np.exp(-max(under - h, 0.0) / unit / 0.020)
            shadow *= 1 - gloom + gloom * _step(rim, -0.03, 0.22)
            shadow *= 1 - gloom * 0.25 * (1 - _step(most / unit, 0.0, 0.12))
            shadow = shadow * (1 - out * tip) + out * tip
            a_lower = _sample(lower, lx, ly, 3) / 255 if has_lower else 0.0
            a_upper = _sample(upper, ux, uy, 3) / 255 if has_upper else 0.0
            # Teeth throw a shadow on what lies behind and below them.
            under_teeth = 1.0
            if has_upper:
                under_teeth = 1 - 0.35 * _sample(upper, ux, max(uy - 0.035 * sy, 0.0), 3) / 255
            for c in range(3):
                value = (deep[c] * (1 - depth) + front[c] * depth) * light
                value = value * (1 - back) + tongue_colour[c] * crest * light * back
                value *= under_teeth
                if has_lower:
                    value = value * (1 - a_lower) + _sample(lower, lx, ly, c) * (0.55 + 0.45 * under_teeth)
                value = value * (1 - tip) + tongue_colour[c] * tip_light * light * tip
                if has_upper:
                    keep = 1 - out * tip
                    value = value * (1 - a_upper * keep) + _sample(upper, ux, uy, c) * keep
                value *= shadow ** (0.9 + 0.08 * c)  # what light is left in a mouth is warm
                value = frame[y, x, c] * (1 - cover) + min(value, 255.0) * cover
                frame[y, x, c] = np.uint8(value + 0.5)
