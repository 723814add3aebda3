"""Maps of light and shade on a face's skin, drawn from a few curves and blobs in face units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.interpolate import CubicSpline

from .frame import smooth


@dataclass(frozen=True, eq=False)
class Canvas:
    """x, y: (h, w), face units of its pixels."""

    x: np.ndarray
    y: np.ndarray

    def blob(
        self, at: tuple[float, float] | np.ndarray, sx: float, sy: float, turn: float = 0.0
    ) -> np.ndarray:
        """A Gaussian of 1 at its middle; `turn` rad from X to Y."""
        dx, dy = self.x - at[0], self.y - at[1]
        c, s = np.cos(turn), np.sin(turn)
        return np.exp(-(((c * dx + s * dy) / sx) ** 2) - ((-s * dx + c * dy) / sy) ** 2)

    def groove(
        self, points: Sequence[tuple[float, float] | np.ndarray] | np.ndarray, width: float, lit: float = 0.6,
        reach: float = 2.2, taper: tuple[float, float] = (0.35, 0.35),
    ) -> np.ndarray:  # fmt: skip
        """A fold along a smooth curve through points (k, 2): dark (-1) in it, `lit` beside it, to the left of
        its direction as seen on the picture with Y up; below 0 `lit` is the other side's. It fades at both
        ends over `taper` of its length."""
        points = np.asarray(points, float)
        steps = np.linspace(0, 1, len(points))
        line = CubicSpline(steps, points)(np.linspace(0, 1, 36))
        margin = 4.5 * reach * width
        low, high = line.min(0) - margin, line.max(0) + margin
        near = (self.x > low[0]) & (self.x < high[0]) & (self.y > low[1]) & (self.y < high[1])
        result = np.zeros_like(self.x)
        rows, columns = np.nonzero(near.any(1))[0], np.nonzero(near.any(0))[0]
        if not len(rows) or not len(columns):
            return result
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        x, y = self.x[part], self.y[part]
        best = np.full(x.shape, np.inf)
        side, position = np.zeros_like(best), np.zeros_like(best)
        length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
        for k, (a, b) in enumerate(pairwise(line)):
            along = b - a
            size = float(along @ along)
            t = np.clip(((x - a[0]) * along[0] + (y - a[1]) * along[1]) / size, 0, 1)
            dx, dy = x - a[0] - t * along[0], y - a[1] - t * along[1]
            distance = dx * dx + dy * dy
            closer = distance < best
            best = np.where(closer, distance, best)
            side = np.where(closer, np.sign(along[1] * dx - along[0] * dy), side)
            position = np.where(closer, (length[k] + t * (length[k + 1] - length[k])) / length[-1], position)
        distance = np.sqrt(best)
        dark = -np.exp(-((distance / width) ** 2))
        signed = distance * side * np.sign(lit)
        bright = abs(lit) * np.exp(-(((signed - reach * width) / (reach * 0.75 * width)) ** 2))
        ends = smooth(position, 0, max(taper[0], 1e-3)) * (1 - smooth(position, 1 - max(taper[1], 1e-3), 1))
        result[part] = (dark + bright) * ends
        return result
