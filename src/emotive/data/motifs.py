"""Abstract motifs in the same hand: families that no generator is ever trained on.

A judge that learned from these has never seen a scene, and a model that learned scenes has never seen these:
that keeps the two independent. `JUDGE_MOTIFS` are for training judges, `HELD_OUT_MOTIFS` for evaluation only.

`paint_motif` is one family, plainly: for measuring. `paint_abstract` is what a judge trains on: several
families on one stage, under any light, colour and weather, so that it learns the hand and not the things.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import skia

from emotive.affect import Affect

from .brush import Brush
from .colour import (
    BLUE,
    GREEN,
    ORANGE,
    PINK,
    PURPLE,
    RED,
    SAND,
    TEAL,
    WHITE,
    YELLOW,
    Oklab,
    mix,
    oklch,
    shade,
)
from .painter import hold_camera, on_canvas, vignette
from .style import Style

Palette = tuple[Oklab, ...]  # four
PALETTES: tuple[Palette, ...] = (
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


def _discs(b: Brush, palette: Palette) -> None:
    for i, (x, y, k) in enumerate(_scatter(b, "discs", 22)):
        b.lobed(x, y, 0.075 * k, 0.075 * k, palette[i % 3], lobes=5 + i % 3, depth=0.30, turn=i)


def _waves(b: Brush, palette: Palette) -> None:
    phase = b.stream("waves").random()
    sharp, tall = 1 - b.style.roundness, 0.02 + 0.05 * b.style.agitation
    for row in range(9):
        y0, points = row / 8, []
        for i in range(49):
            u = (3 * i / 48 + phase + 0.37 * row) % 1.0
            crest = (1 - sharp) * math.sin(2 * math.pi * u) + sharp * (1 - 4 * abs(u - 0.5))
            points.append((-0.05 + 1.1 * i / 48, y0 - tall * crest))
        b.poly([*points, (1.2, 1.3), (-0.2, 1.3)], palette[row % 4], wobble=0.0)


def _shards(b: Brush, palette: Palette) -> None:
    for i, (x, y, k) in enumerate(_scatter(b, "shards", 18)):
        turn, size = 1.7 * i, 0.10 * k
        corners = [turn + t + 0.25 * math.sin(3.0 * i + t) for t in (0.0, 1.9, 3.6, 5.0)]
        b.poly([(x + size * math.cos(t), y + size * math.sin(t)) for t in corners], palette[i % 3], soft=0.09)


def _bands(b: Brush, palette: Palette) -> None:
    shift, lean = b.stream("bands").random(), math.tan(b.style.slant + b.style.tilt)
    n = b.count(9)
    for i in range(-3, n + 4):
        y = (i + shift) / n
        band = [(-0.1, y), (1.1, y - 1.2 * lean), (1.1, y - 1.2 * lean + 0.55 / n), (-0.1, y + 0.55 / n)]
        b.poly(band, palette[i % 3], soft=0.03)


def _blobs(b: Brush, palette: Palette) -> None:
    """One large heap of lobed shapes, off the middle as the mood has it."""
    rng = b.stream("blobs")
    side, n = rng.choice((-1, 1)), rng.choice((2, 3, 4))
    for i in range(n):
        t, r = 2 * math.pi * (i + rng.random()) / n, 0.27 * b.style.scale * rng.uniform(0.8, 1.2)
        x = 0.5 + side * b.style.offset + 0.17 * math.cos(t)
        y, squash, lobes = 0.5 + 0.15 * math.sin(t), rng.uniform(0.7, 1.0), rng.randint(5, 11)
        with b.at(x, y, 1.0, lean=0.8 * side * b.style.slant):
            b.lobed(0.0, 0.0, r, squash * r, palette[i % 3], lobes=lobes, depth=rng.uniform(0.2, 0.5), turn=t)


def _totem(b: Brush, palette: Palette) -> None:
    """Large quadrangles and triangles on top of each other, leaning with the wind."""
    rng = b.stream("totem")
    side, n = rng.choice((-1, 1)), rng.choice((2, 3, 4))
    with b.at(0.5 + side * b.style.offset, 0.92, 0.72 * b.style.scale, lean=0.7 * side * b.style.slant):
        y, w = 0.0, rng.uniform(0.20, 0.32)
        for i in range(n):
            h, top = rng.uniform(0.7, 1.3) / n, w * rng.uniform(0.5, 1.2)
            if i == n - 1 and rng.random() < 0.5:
                top = 0.02
            quad = [(-w, y), (w, y), (top, y - h), (-top, y - h)]
            b.poly(quad, palette[i % 3], soft=0.10)
            if rng.random() < 0.6:
                b.oval(0.0, y - 0.5 * h, 0.3 * top + 0.03, 0.26 * h, palette[(i + 1) % 4], outline=0.6)
            y, w = y - h, max(top, 0.12)


def _blocks(b: Brush, palette: Palette) -> None:
    """Rows of boxes of unequal height from the foot of the picture, the nearer ones lower."""
    rng = b.stream("blocks")
    shift, heights = rng.random(), [rng.uniform(0.25, 0.85) for _ in range(9)]
    for row in range(3):
        n = 4 + row + b.count(2)
        for i in range(-1, n + 1):
            x, w = (i + 0.5 + 0.5 * shift) / n, 0.42 / n
            h = heights[(2 * i + 3 * row) % 9] * (1.0 - 0.28 * row)
            with b.at(x, 1.02, 1.0, lean=0.7 * b.style.slant):
                b.poly([(-w, 0.0), (w, 0.0), (w, -h), (-w, -h)], palette[(i + row) % 3], soft=0.06)
                if (i + row) % 3 == 0:
                    b.poly([(-w, -h), (w, -h), (0.0, -h - 1.2 * w)], palette[(i + row + 1) % 3], outline=0.6)


def _strokes(b: Brush, palette: Palette) -> None:
    """Rows of short strokes that lean with the wind."""
    rng = b.stream("strokes")
    shift, long, width = rng.random(), rng.uniform(0.04, 0.12), rng.uniform(0.007, 0.020)
    rows, lean = 7, math.tan(1.3 * b.style.slant)
    n = b.count(8)
    for row in range(rows):
        for i in range(-1, n + 1):
            x = (i + 0.5 * (row % 2) + shift + 0.21 * ((i * 3 + row) % 3)) / n
            y = (row + 0.8) / rows + 0.04 * ((5 * i + row) % 3)
            h = long * (0.7 + 0.6 * b.style.agitation)
            b.line([(x, y), (x + lean * h, y - h)], palette[(i + row) % 3], width)


def _zigzags(b: Brush, palette: Palette) -> None:
    """Lines across the picture: round swells or points, higher and more of them as it gets lively."""
    rng = b.stream("zigzags")
    phase, width, turns = rng.random(), rng.uniform(0.014, 0.030), rng.choice((4, 6, 8))
    n, lean = b.count(7), math.tan(b.style.tilt + 0.5 * b.style.slant)
    for row in range(-1, n + 2):
        y, tall = (row + phase) / n, 0.012 + 0.05 * b.style.agitation
        xs = [i / turns - 0.1 for i in range(turns + 4)]
        crests = [(x, y + tall * (-1) ** i - lean * (x - 0.5)) for i, x in enumerate(xs)]
        b.line(crests, palette[row % 3], width)


def _arches(b: Brush, palette: Palette) -> None:
    """Nested gates, more of them as it gets lively; corners as round as the mood has it."""
    rng = b.stream("arches")
    side, wide = rng.choice((-1, 1)), rng.uniform(0.30, 0.46)
    n = 2 + b.count(2)
    with b.at(0.5 + side * b.style.offset, 1.0, 1.0, lean=0.8 * side * b.style.slant):
        for i in range(n):
            k = (1 - i / n) * b.style.scale
            w, h = wide * k, 0.88 * k
            gate = [(-w, 0.0), (w, 0.0), (w, -0.7 * h), (0.45 * w, -h), (-0.45 * w, -h), (-w, -0.7 * h)]
            b.poly(gate, palette[i % 4], soft=0.22 * k)


def _crumbs(b: Brush, palette: Palette) -> None:
    """Many small things: triangles and dots."""
    rng = b.stream("crumbs")
    size = rng.uniform(0.018, 0.042)
    for i, (x, y, k) in enumerate(_scatter(b, "crumbs", 60)):
        if i % 2:
            b.lobed(x, y, size * k, size * k, palette[i % 3], lobes=4 + i % 3, depth=0.4, turn=i, outline=0.7)
        else:
            lean = 1.2 * b.style.slant * size
            corners = [(x - size * k, y), (x + size * k, y), (x + lean, y - 2.2 * size * k)]
            b.poly(corners, palette[i % 3], soft=0.4 * size, outline=0.7)


def _lattice(b: Brush, palette: Palette) -> None:
    shift = b.stream("lattice").randrange(3)
    n = 3 + b.count(3)
    for i in range(n):
        for j in range(n):
            x, y, r = (i + 0.5) / n, (j + 0.5) / n, 0.36 / n
            with b.at(x, y, 1.0, lean=0.8 * b.style.slant):
                box = [(-r, -r), (r, -r), (r, r), (-r, r)]
                b.poly(box, palette[(i + 2 * j + shift) % 3], soft=0.9 * r)


def _rosette(b: Brush, palette: Palette) -> None:
    turn = b.stream("rosette").random()
    rings = 3 + b.count(2)
    for i in range(rings):
        r = 0.48 * b.style.scale * (1 - i / rings)
        x = 0.5 + b.style.offset * (i / rings)
        b.lobed(x, 0.5, r, r, palette[i % 4], lobes=7 + i, depth=0.22, turn=turn + 0.4 * i)


Motif = Callable[[Brush, Palette], None]
JUDGE_MOTIFS: dict[str, Motif] = {
    "discs": _discs,
    "waves": _waves,
    "shards": _shards,
    "bands": _bands,
    "blobs": _blobs,
    "totem": _totem,
    "blocks": _blocks,
    "strokes": _strokes,
    "zigzags": _zigzags,
    "arches": _arches,
    "crumbs": _crumbs,
}
LARGE = ("blobs", "totem", "arches")  # one figure each, in front
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


def paint_abstract(
    affect: Affect, seed: int, size: int = 256, families: Sequence[str] = tuple(JUDGE_MOTIFS)
) -> np.ndarray:
    """One to three families on a stage, as uint8 sRGB (size, size, 3): what a judge learns from.

    Palette, light, cast, greyness, mist, backdrop, horizon, sizes and framing come from `seed` alone and say
    nothing about the affect. Vignette, gloom and camera follow the affect as in scenes, but not in every
    picture, so that no one of them is needed.
    """
    return on_canvas(lambda brush: _stage(brush, families), affect, seed, size)


_WIDE = skia.Rect(-0.6, -0.6, 1.6, 1.6)


def _stage(b: Brush, families: Sequence[str]) -> None:
    rng = b.stream("stage")
    side = rng.choice((-1, 1))
    with_camera, with_gloom, with_vignette = (rng.random() < 0.9 for _ in range(3))
    horizon = rng.uniform(0.35, 0.75)
    colours = _any_palette(rng)
    _any_light(b, rng)
    b.style = _own_hand(b.style, rng)
    b.canvas.save()
    zoom = 1 + 0.12 * rng.random() ** 2
    b.canvas.translate(-(zoom - 1) * rng.random(), -(zoom - 1) * rng.random())
    b.canvas.scale(zoom, zoom)
    b.canvas.save()
    if with_camera:
        hold_camera(b, side)
    _backdrop(b, rng, horizon, with_gloom)
    large = [f for f in families if f in LARGE]
    small = [f for f in families if f not in LARGE] or large
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        _layer(b, rng, rng.choice(small), colours(), horizon)
    if rng.random() < 0.3:
        _bank_of_mist(b, rng, horizon)
    if large and rng.random() < 0.75:
        b.light = min(1.0, b.light + rng.uniform(0.0, 0.3))  # a figure stands out, also in the dark
        k = rng.uniform(0.45, 1.0)
        x, foot = 0.5 + rng.uniform(-0.1, 0.1), rng.uniform(0.85, 1.0)
        if rng.random() < 0.5:  # its shadow
            b.oval(x, foot - 0.05 * k, 0.4 * k, 0.05 * k, (0.25, 0.0, 0.0), outline=0, alpha=0.5)
        with b.at(x - 0.5 * k, foot - k, k):
            JUDGE_MOTIFS[rng.choice(large)](b, colours())
    if rng.random() < 0.25:
        _layer(b, rng, rng.choice(small), colours(), horizon, front=True)
    b.canvas.restore()
    if with_vignette:
        vignette(b, b.style)
    b.canvas.restore()


def _own_hand(s: Style, rng: random.Random) -> Style:
    """The style with form that is more or less pronounced: things differ in how much of it they take."""
    factors = {name: rng.uniform(0.45, 1.1) for name in ("outline", "agitation", "slant")}
    factors |= {"density": math.exp(rng.uniform(-0.7, 0.7)), "scale": rng.uniform(0.85, 1.15)}
    return replace(s, **{name: k * getattr(s, name) for name, k in factors.items()})


def _any_palette(rng: random.Random) -> Callable[[], Palette]:
    """Draws palettes of four that belong together in hue, lightness and strength, whatever those are."""
    hue, spread = 360 * rng.random(), rng.choice((25, 60, 180))
    strong, light, range_ = rng.uniform(0.04, 0.18), rng.uniform(0.5, 0.85), rng.uniform(0.08, 0.35)

    def draw() -> Palette:
        if rng.random() < 0.4:
            return rng.choice(PALETTES)
        lights = [min(max(light + rng.uniform(-range_, range_), 0.15), 0.97) for _ in range(4)]
        if rng.random() < 0.5:
            lights[rng.randrange(4)] = rng.uniform(0.2, 0.45)
        hues = [hue + rng.uniform(-spread, spread) for _ in range(4)]
        return tuple(oklch(x, strong * rng.uniform(0.4, 1.3), h) for x, h in zip(lights, hues, strict=True))

    return draw


def _any_light(b: Brush, rng: random.Random) -> None:
    b.light = rng.choice((1.0, rng.uniform(0.75, 1.0), rng.uniform(0.5, 0.75)))
    b.cast = (rng.gauss(0, 0.012), rng.gauss(-0.05 * (1 - b.light), 0.022))
    b.greyness = rng.choice((0.0, 0.0, rng.uniform(0.0, 0.75), rng.uniform(0.4, 0.75)))
    b.mist = oklch(
        rng.uniform(0.7, 1.05) * (0.25 + 0.65 * b.light), rng.uniform(0.0, 0.08), 360 * rng.random()
    )


def _backdrop(b: Brush, rng: random.Random, horizon: float, with_gloom: bool) -> None:
    """A field of one to three colours, often with a ground below a horizon."""
    light, hue = rng.uniform(0.45, 0.9), 360 * rng.random()
    near, far = rng.uniform(0.03, 0.16), rng.uniform(0.03, 0.16)
    dim = b.light**1.5  # in the dark, the sky is darker than the things in it
    top = oklch(max(light * dim, 0.2), near, hue)
    low = oklch(min(light * rng.uniform(0.95, 1.8), 0.95) * b.light, far, hue + rng.uniform(-140, 140))
    grey = (0.5 * b.light + 0.22, -0.005, -0.015)
    top, low = mix(top, grey, 0.9 * b.greyness), mix(low, grey, 0.75 * b.greyness)
    stops = [(0.0, top), (rng.uniform(0.4, 0.7), mix(top, low, rng.uniform(0.3, 0.7))), (1.0, low)]
    ground = rng.random() < 0.65
    depth = horizon if ground else 1.0
    b.canvas.drawRect(_WIDE, skia.Paint(Shader=b.vertical(0.0, depth, stops, glows=True)))
    x, y, r = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9) * depth, rng.uniform(0.05, 0.11)
    disc = oklch(rng.uniform(0.7, 0.95), rng.uniform(0.02, 0.15), rng.choice((40, 80, 90, 250)))
    if rng.random() < 0.4:
        _orb(b, x, y, r, disc, depth)
    if with_gloom:
        dark = b.colour(mix(top, (0.12, 0.02, -0.01), 0.75), glows=True)
        shader = skia.GradientShader.MakeLinear(
            points=[skia.Point(0, 0), skia.Point(0, 1.1 * depth)],
            colors=[skia.ColorSetA(dark, round(235 * b.style.gloom)), skia.ColorSetA(dark, 0)],
        )
        b.canvas.drawRect(skia.Rect(-0.6, -0.6, 1.6, 1.1 * depth), skia.Paint(Shader=shader))
    earth = oklch(rng.uniform(0.5, 0.95), rng.uniform(0.02, 0.14), 360 * rng.random())
    if ground:
        low, high = shade(earth, rng.uniform(0.75, 1.0)), mix(earth, b.mist, rng.uniform(0.0, 0.6))
        shader = b.vertical(horizon, 1.0, [(0.0, high), (1.0, low)])
        edge = [(-0.6, horizon), (1.6, horizon), (1.6, 1.6), (-0.6, 1.6)]
        b.poly(edge, earth, shader=shader, wobble=0.0, outline=rng.choice((0.0, 0.7)))


def _orb(b: Brush, x: float, y: float, r: float, c: Oklab, depth: float) -> None:
    """A shining disc whose glow and rays grow with the style's radiance."""
    s = b.style
    if s.radiance > 0.45:
        for i in range(9):
            t, w = 2 * math.pi * (i + 0.25) / 9, math.pi / 9 * 0.62
            ends = [(x + 2 * math.cos(angle), y + 2 * math.sin(angle)) for angle in (t - w, t + w)]
            b.poly([(x, y), *ends], c, glows=True, alpha=0.22 * (s.radiance - 0.45), outline=0, wobble=0.0)
    glow, reach = b.colour(c, glows=True), 5 * r * (0.6 + 0.6 * s.radiance)
    colours = [skia.ColorSetA(glow, round(150 * (0.4 + 0.6 * s.radiance))), skia.ColorSetA(glow, 0)]
    halo = skia.GradientShader.MakeRadial(skia.Point(x, y), reach, colours)
    b.canvas.drawRect(skia.Rect(-0.6, -0.6, 1.6, depth + 0.1), skia.Paint(Shader=halo))
    b.oval(x, y, r, r, c, glows=True, outline=0.5)


def _layer(
    b: Brush, rng: random.Random, family: str, palette: Palette, horizon: float, front: bool = False
) -> None:
    """One family over the whole picture or over the ground, at any size, more or less in the mist."""
    size, low = rng.uniform(0.6, 1.7), rng.random() < 0.5
    haze, glows = 0.0 if front else rng.choice((0.0, rng.uniform(0.0, 0.85))), rng.random() < 0.15
    hazy = tuple(mix(c, b.mist, haze) for c in palette)
    x, y = rng.uniform(-1, 0) * max(size - 1, 0.0), rng.uniform(-1, 0) * max(size - 1, 0.0)
    light, b.light = b.light, 1.0 if glows else b.light
    style, b.style = b.style, replace(b.style, outline=b.style.outline * (1 - haze))
    b.canvas.save()
    if low:
        b.canvas.clipRect(skia.Rect(-0.6, horizon, 1.6, 1.6))
    for i in range(2 if size < 1 else 1):  # a small one twice, side by side, to fill the width
        with b.at(x + i * size, y if size >= 1 else 1 - size * rng.uniform(0.8, 1.1), size):
            JUDGE_MOTIFS[family](b, hazy)
    b.canvas.restore()
    b.light, b.style = light, style


def _bank_of_mist(b: Brush, rng: random.Random, horizon: float) -> None:
    c, y, reach, alpha = b.colour(b.mist, glows=True), horizon, rng.uniform(0.1, 0.4), rng.randint(60, 240)
    colours = [skia.ColorSetA(c, 0), skia.ColorSetA(c, alpha), skia.ColorSetA(c, 0)]
    ends = [skia.Point(0, y - reach), skia.Point(0, y + reach)]
    b.canvas.drawRect(_WIDE, skia.Paint(Shader=skia.GradientShader.MakeLinear(points=ends, colors=colours)))
