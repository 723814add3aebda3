"""A judged clip as a picture: the waveform, and valence and arousal over time with their spread, as SVG."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from itertools import pairwise

import numpy as np

from .estimated_curve import EstimatedCurve
from .judge import Estimates

WIDTH, WAVE, CURVE, PAD = 720, 70, 200, 44  # of the drawing, in SVG units
COLOURS = {"valence": "#c2410c", "arousal": "#1d4ed8"}  # 5:1 and 6:1 against white


def draw_curve(
    waveform: np.ndarray,
    sample_rate: int,
    curve: EstimatedCurve,
    overall: Estimates | None = None,
    title: str = "",
) -> str:
    """A whole SVG document: the waveform (N,) above, valence and arousal of `curve` below.

    The bands are one standard deviation. `overall`, of this clip alone (N = 1), is marked at the right edge.
    The file needs nothing else: no script, no font, no network.
    """
    seconds = len(waveform) / sample_rate
    height = WAVE + CURVE + 3 * 18
    top = WAVE + 26

    def x(time: np.ndarray | float) -> np.ndarray:
        return PAD + np.asarray(time) / seconds * (WIDTH - 2 * PAD)

    def y(value: np.ndarray | float) -> np.ndarray:
        return top + (1 - np.asarray(value).clip(-1, 1)) / 2 * CURVE

    parts = [f'<path class="wave" d="{_outline(waveform, x, seconds)}"/>']
    for value in (-1, 0, 1):
        at = float(y(value))
        label = f"{value:+d}".replace("-", "−") if value else "0"
        parts.append(f'<path class="grid" d="M{PAD} {at:.1f}H{WIDTH - PAD}"/>')
        parts.append(f'<text x="{PAD - 6}" y="{at + 4:.1f}" text-anchor="end">{label}</text>')
    for time in _ticks(seconds):
        at = float(x(time))
        parts.append(f'<path class="grid" d="M{at:.1f} {top + CURVE}v4"/>')
        parts.append(f'<text x="{at:.1f}" y="{top + CURVE + 17}" text-anchor="middle">{time:g} s</text>')
    for name in ("valence", "arousal"):
        mean, sd = getattr(curve, name), getattr(curve, f"{name}_sd")
        for run in _stretches(curve.times):
            places, middle = x(curve.times[run]), mean[run]
            if len(places) == 1:  # one window: as wide as a tick, to be seen
                places, middle = np.array([places[0] - 4, places[0] + 4]), np.repeat(middle, 2)
            spread = np.resize(sd[run], len(places))
            there, back = _points(places, y(middle + spread)), _points(places, y(middle - spread), back=True)
            parts.append(f'<path class="band {name}" d="M{there}L{back}Z"/>')
            parts.append(f'<path class="line {name}" d="M{_points(places, y(middle))}"/>')
        if overall is not None:
            at = float(y(float(getattr(overall, name)[0])))
            parts.append(f'<circle class="{name}" cx="{WIDTH - PAD + 8}" cy="{at:.1f}" r="5"/>')
    told = [title] * bool(title)
    if overall is not None:
        v, a, v_sd, a_sd = (float(column[0]) for column in overall)
        told.append(f"valence {v:+.2f} ± {v_sd:.2f}, arousal {a:+.2f} ± {a_sd:.2f}")
    names = "".join(
        f'<text class="{name}" x="{WIDTH - PAD - 70 * (2 - i)}" y="16">{name}</text>'
        for i, name in enumerate(COLOURS)
    )
    style = "".join(
        f".band.{n}{{fill:{c};opacity:.15}}.line.{n}{{stroke:{c};stroke-width:2;fill:none}}"
        f"circle.{n},text.{n}{{fill:{c}}}"
        for n, c in COLOURS.items()
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'width="{WIDTH}" height="{height}"><title>{escape("; ".join(told) or "affect over time")}</title>'
        "<style>text{font:12px sans-serif;fill:#333}.wave{fill:#888}.grid{stroke:#ccc;fill:none}"
        f'{style}</style><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{PAD}" y="16">{escape("; ".join(told))}</text>{names}{"".join(parts)}</svg>\n'
    )


def _outline(waveform: np.ndarray, x: Callable[[np.ndarray], np.ndarray], seconds: float) -> str:
    """The waveform's envelope as a closed outline, a column per unit."""
    columns = min(WIDTH - 2 * PAD, len(waveform))
    pieces = np.array_split(waveform / max(float(np.abs(waveform).max()), 1e-9), columns)
    middle, half = 22 + WAVE / 2, WAVE / 2
    high, low = (np.array([f(p) for p in pieces]) for f in (np.max, np.min))
    places = x((np.arange(columns) + 0.5) / columns * seconds)
    there = _points(places, middle - half * high)
    return f"M{there}L{_points(places, middle - half * low, back=True)}Z"


def _stretches(times: np.ndarray) -> list[slice]:
    """Runs of windows without a gap: pauses are not drawn over."""
    step = np.diff(times)
    cuts = np.flatnonzero(step > 1.5 * step.min()) + 1 if len(step) else np.array([], int)
    bounds = [0, *cuts.tolist(), len(times)]
    return [slice(a, b) for a, b in pairwise(bounds)]


def _ticks(seconds: float) -> np.ndarray:
    """About six round times from 0 to the end."""
    rough = seconds / 6
    unit = 10 ** np.floor(np.log10(rough))
    step = unit * min((m for m in (1, 2, 5, 10) if m * unit >= rough), default=10)
    return np.arange(0, seconds + 1e-9, step).round(6)


def _points(x: np.ndarray, y: np.ndarray, back: bool = False) -> str:
    pairs = [f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)]
    return "L".join(reversed(pairs) if back else pairs)
