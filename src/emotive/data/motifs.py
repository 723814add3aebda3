"""Abstract motifs in the same hand: families that no generator is ever trained on.

A judge that learned from these has never seen a scene, and a model that learned scenes has never seen these:
that keeps the two independent. `JUDGE_MOTIFS` are for training judges, `HELD_OUT_MOTIFS` for evaluation only.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import skia

from emotive.affect import Affect

from .brush import Brush
from .colour import BLUE, GREEN, ORANGE, PINK, PURPLE, RED, SAND, TEAL, WHITE, YELLOW, Oklab, mix
from .painter import on_canvas

PALETTES: tuple[tuple[Oklab, Oklab, Oklab, Oklab], ...] = (
    (BLUE, TEAL, YELLOW, WHITE),
    (RED, ORANGE, SAND, WHITE),
    (PURPLE, PINK, BLUE, SAND),
    (GREEN, YELLOW, TEAL, WHITE),
)


def _scatter(b: Brush, element: str, n: float) -> list[tuple[float, float, float]]:
    """(x, y, size) on a shaken spiral; more of them, not elsewhere, as density grows."""
    turn = b.stream(element).random()
    places = []
    for i in range(b.count(n)):
        radius, angle = 0.56 * math.sqrt((i + 0.5) / (1.4 * n)), 2.399963 * i + 6.2832 * turn
        size = 0.55 + 0.45 * ((0.618034 * i) % 1)
        places.append((0.5 + radius * math.cos(angle), 0.5 + radius * math.sin(angle), size))
    return places


def _discs(b: Brush, palette: tuple[Oklab, ...]) -> None:
    for i, (x, y, k) in enumerate(_scatter(b, "discs", 22)):
        b.lobed(x, y, 0.075 * k, 0.075 * k, palette[i % 3], lobes=5 + i % 3, depth=0.30, turn=i)


def _waves(b: Brush, palette: tuple[Oklab, ...]) -> None:
    phase = b.stream("waves").random()
    sharp, tall = 1 - b.style.roundness, 0.02 + 0.05 * b.style.agitation
    for row in range(9):
        y0, points = row / 8, []
        for i in range(49):
            u = (3 * i / 48 + phase + 0.37 * row) % 1.0
            crest = (1 - sharp) * math.sin(2 * math.pi * u) + sharp * (1 - 4 * abs(u - 0.5))
            points.append((-0.05 + 1.1 * i / 48, y0 - tall * crest))
        b.poly([*points, (1.2, 1.3), (-0.2, 1.3)], palette[row % 4], wobble=0.0)


def _shards(b: Brush, palette: tuple[Oklab, ...]) -> None:
    for i, (x, y, k) in enumerate(_scatter(b, "shards", 18)):
        turn, size = 1.7 * i, 0.10 * k
        corners = [turn + t + 0.25 * math.sin(3.0 * i + t) for t in (0.0, 1.9, 3.6, 5.0)]
        b.poly([(x + size * math.cos(t), y + size * math.sin(t)) for t in corners], palette[i % 3], soft=0.09)


def _bands(b: Brush, palette: tuple[Oklab, ...]) -> None:
    shift, lean = b.stream("bands").random(), math.tan(b.style.slant + b.style.tilt)
    n = b.count(9)
    for i in range(-3, n + 4):
        y = (i + shift) / n
        band = [(-0.1, y), (1.1, y - 1.2 * lean), (1.1, y - 1.2 * lean + 0.55 / n), (-0.1, y + 0.55 / n)]
        b.poly(band, palette[i % 3], soft=0.03)


def _lattice(b: Brush, palette: tuple[Oklab, ...]) -> None:
    shift = b.stream("lattice").randrange(3)
    n = 3 + b.count(3)
    for i in range(n):
        for j in range(n):
            x, y, r = (i + 0.5) / n, (j + 0.5) / n, 0.36 / n
            with b.at(x, y, 1.0, lean=0.8 * b.style.slant):
                box = [(-r, -r), (r, -r), (r, r), (-r, r)]
                b.poly(box, palette[(i + 2 * j + shift) % 3], soft=0.9 * r)


def _rosette(b: Brush, palette: tuple[Oklab, ...]) -> None:
    turn = b.stream("rosette").random()
    rings = 3 + b.count(2)
    for i in range(rings):
        r = 0.48 * b.style.scale * (1 - i / rings)
        x = 0.5 + b.style.offset * (i / rings)
        b.lobed(x, 0.5, r, r, palette[i % 4], lobes=7 + i, depth=0.22, turn=turn + 0.4 * i)


Motif = Callable[[Brush, tuple[Oklab, ...]], None]
JUDGE_MOTIFS: dict[str, Motif] = {"discs": _discs, "waves": _waves, "shards": _shards, "bands": _bands}
HELD_OUT_MOTIFS: dict[str, Motif] = {"lattice": _lattice, "rosette": _rosette}


def paint_motif(name: str, affect: Affect, seed: int, size: int = 512) -> np.ndarray:
    """An abstract picture as uint8 sRGB (size, size, 3). `name` is a key of one of the two tables."""
    draw = {**JUDGE_MOTIFS, **HELD_OUT_MOTIFS}[name]

    def compose(b: Brush) -> None:
        palette = b.stream("palette").choice(PALETTES)
        sky = [(0.0, palette[3]), (1.0, mix(palette[3], palette[1], 0.45))]
        b.canvas.drawRect(skia.Rect(-0.3, -0.3, 1.3, 1.3), skia.Paint(Shader=b.vertical(0.0, 1.0, sky)))
        draw(b, palette)

    return on_canvas(compose, affect, seed, size)
