"""Affect over time with its spread, as SVG: for pages and papers."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from emotive.errors import InputError
from emotive.media.plane import INK, PAPER, QUIET, RULE
from emotive.media.spectrogram import AROUSAL, VALENCE

COLOURS = {"valence": VALENCE, "arousal": AROUSAL}
WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 84, 34, 34  # margins


def curve_svg(
    times: np.ndarray, tracks: Mapping[str, tuple[np.ndarray, np.ndarray]], seconds: float, title: str
) -> str:
    """A plot from 0 to `seconds` and -1 to 1 of `tracks`: name -> (values, standard deviations), each (M,).

    `times` (M,) are in seconds. Raises InputError for no points, and for tracks of other lengths.
    """
    if not len(times) or any(len(track) != len(times) for both in tracks.values() for track in both):
        raise InputError("a curve needs as many values as times, and at least one")
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(time: float) -> float:
        return LEFT + wide * float(time) / seconds

    def y(value: float) -> float:
        return TOP + high * (1 - min(max(float(value), -1.0), 1.0)) / 2

    def points(values: np.ndarray) -> list[str]:
        return [f"{x(t):.1f},{y(v):.1f}" for t, v in zip(times, values, strict=True)]

    parts = [f'<text x="{LEFT}" y="18" fill="{INK}">{escape(title)}</text>']
    for value, label in ((1, "+1"), (0, "0"), (-1, "−1")):
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="{RULE}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>')
    step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300) if seconds / s <= 9), 600)
    for i in range(int(seconds / step) + 1):
        label = f"{i * step:g}" + (" s" if i == 0 else "")
        parts.append(f'<text x="{x(i * step):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{label}</text>')
    below = -np.inf
    for name, (values, sd) in sorted(tracks.items(), key=lambda item: y(item[1][0][-1])):
        colour = COLOURS.get(name, QUIET)
        band = " ".join([*points(values + sd), *reversed(points(values - sd))])
        parts.append(f'<polygon points="{band}" fill="{colour}" opacity=".14"/>')
        line = " ".join(points(values))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if len(times) == 1:
            parts.append(f'<circle cx="{x(times[0]):.1f}" cy="{y(values[0]):.1f}" r="3" fill="{colour}"/>')
        below = max(y(values[-1]) + 4, below + 15)  # names must not overlap
        parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{below:.1f}" fill="{colour}">{escape(name)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" aria-label="{escape(title)}" fill="{QUIET}" font-size="13" '
        f'font-family="Helvetica, Arial, sans-serif"><rect width="100%" height="100%" fill="{PAPER}"/>'
        f"{''.join(parts)}</svg>\n"
    )
