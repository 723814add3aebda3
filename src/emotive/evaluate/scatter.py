"""Requested against measured, as inline SVG: no library, no script, light and dark by the page's colours."""

from __future__ import annotations

from html import escape

import numpy as np

from . import metrics

SIDE, PAD = 200, 26  # of the drawing in SVG units, and of its left and lower margin


def scatter(requested: np.ndarray, measured: np.ndarray, title: str) -> str:
    """Points (n,), (n,) in [-1, 1] with the line of perfect control (dashed) and the regression line.

    Requests lie on few levels, so points are spread a little sideways, by their order, to be told apart.
    """
    levels = np.unique(requested)
    gap = np.diff(levels).min() if len(levels) > 1 else 0.2
    spread = (np.arange(len(requested)) * 0.618034 % 1 - 0.5) * min(
        0.5 * gap, 0.16
    )  # the golden ratio fills evenly
    dots = "".join(
        f"M{_x(x):.0f} {_y(y):.0f}h0" for x, y in zip(requested + spread, measured.clip(-1, 1), strict=True)
    )
    slope, intercept = metrics.regression(requested, measured)
    ends = [(x, intercept + slope * x) for x in (levels[0], levels[-1])]
    line = "L".join(f"{_x(x):.1f} {_y(np.clip(y, -1, 1)):.1f}" for x, y in ends)
    r, ccc = metrics.pearson(requested, measured), metrics.concordance(requested, measured)
    told = f"{title}: CCC {ccc:.2f}, r {r:.2f}, slope {slope:.2f}"
    ticks = "".join(
        f'<text x="{_x(v)}" y="{SIDE - 8}" text-anchor="middle">{label}</text>'
        f'<text x="{PAD - 5}" y="{_y(v) + 3}" text-anchor="end">{label}</text>'
        for v, label in ((-1, "−1"), (0, "0"), (1, "1"))
    )
    left, low, high = _x(-1), _y(-1), _y(1)
    return (
        f'<svg class="scatter" viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{escape(told)}">'
        f"<title>{escape(told)}</title>"
        f'<rect x="{left}" y="{high}" width="{_x(1) - left}" height="{low - high}"/>'
        f'<path class="zero" d="M{_x(0)} {high}V{low}M{left} {_y(0)}H{_x(1)}"/>'
        f'<path class="same" d="M{left} {low}L{_x(1)} {high}"/>'
        f'<path class="dots" d="{dots}"/><path class="fit" d="M{line}"/>{ticks}</svg>'
    )


def _x(value: float) -> float:
    return PAD + (value + 1) / 2 * (SIDE - PAD - 6)


def _y(value: float) -> float:
    return SIDE - PAD - 2 - (value + 1) / 2 * (SIDE - PAD - 8)
