"""The settings: far land, ground or water, and what grows or stands there."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import skia

from .brush import Brush, polygon
from .colour import (
    BROWN,
    GLOW,
    GREEN,
    LEAF,
    NAVY,
    PINE,
    SAND,
    SLATE,
    STONE,
    TEAL,
    WHITE,
    YELLOW,
    Oklab,
    mix,
    oklch,
    shade,
)
from .scenes import Scene

SNOW = oklch(1.0, 0.008, 250)
GROUND: dict[str, Oklab] = {
    "meadow": GREEN,
    "mountains": oklch(0.62, 0.11, 132),
    "sea": TEAL,
    "forest": LEAF,
    "desert": SAND,
    "city": STONE,
}


def ground_colour(scene: Scene) -> Oklab:
    """What the subject stands on."""
    own = GROUND[scene.setting]
    return mix(SNOW, own, 0.22) if scene.weather == "snow" and scene.setting != "sea" else own


def _ridge(
    b: Brush, rng: random.Random, height: float, rough: float = 1.0, steps: int = 64
) -> list[tuple[float, float]]:
    """A skyline (x, rise above 0): rolling when pleasant and calm, sawtooth when not [BN, MH].

    Both shapes share their crests, so a mountain stays where it is while the mood changes.
    """
    k = rng.choice((0, 1, 2, 3))
    angular = min(max((1 - b.style.roundness) * (0.35 + 0.65 * b.style.agitation) * rough, 0.0), 1.0)
    tall = height * (0.75 + 0.5 * b.style.agitation)
    points = []
    for i in range(steps + 1):
        x = -0.25 + 1.5 * i / steps
        rise = 0.0
        for wave, (f, w) in enumerate(((1.7, 0.55), (3.3, 0.30), (7.1, 0.15))):
            u = (f * x + 0.37 * (k + 1) * (wave + 1)) % 1.0
            roll, saw = math.sin(2 * math.pi * (u - 0.25)), 1 - abs(2 * u - 1) * 2
            rise += w * ((1 - angular) * roll + angular * saw * (1.0 + 0.9 * angular * (wave > 0)))
        points.append((x, tall * (0.62 + 0.5 * rise)))
    return points


def _band(b: Brush, ridge: list[tuple[float, float]], foot: float, c: Oklab, haze: float, **how) -> None:
    outline = [(x, foot - rise) for x, rise in ridge]
    b.poly([(-0.3, 1.4), *outline, (1.3, 1.4)], c, haze=haze, wobble=0.0, **how)


def _meadow(b: Brush, scene: Scene, horizon: float) -> None:
    c = ground_colour(scene)
    _band(b, _ridge(b, b.stream("far hills"), 0.13, 0.5), horizon + 0.02, shade(c, 0.88), 0.45)
    _band(b, _ridge(b, b.stream("near hills"), 0.07, 0.4), horizon + 0.03, c, 0.20)


def _mountains(b: Brush, scene: Scene, horizon: float) -> None:
    rock, white = oklch(0.58, 0.055, 265), scene.weather == "snow"
    far, foot = _ridge(b, b.stream("far peaks"), 0.34, 1.3), horizon + 0.03
    _band(b, far, foot, rock, 0.38)
    peaks = [(x, foot - rise) for x, rise in far]
    b.canvas.save()
    b.canvas.clipPath(polygon([*peaks, (1.3, 1.4), (-0.3, 1.4)]), True)
    xs = [-0.3 + 0.05 * i for i in range(33)]
    snowline = [(x, foot - (0.20 if white else 0.29) + 0.02 * math.sin(31 * x)) for x in xs]
    b.poly([(-0.3, -0.3), *snowline, (1.3, -0.3)], WHITE, haze=0.15, outline=0, wobble=0.0)
    b.canvas.restore()
    _band(b, _ridge(b, b.stream("near peaks"), 0.15, 1.1), foot, shade(rock, 0.82), 0.12)


# Points of a wave: across and up, in its own width and height.
SMOOTH_WAVE = ((-1.0, 0.0), (-0.5, 0.7), (0.0, 1.0), (0.5, 0.7), (1.0, 0.0))
SHARP_WAVE = ((-1.0, 0.0), (-0.3, 0.5), (0.25, 1.5), (0.4, 0.3), (1.0, 0.0))


def _sea(b: Brush, scene: Scene, horizon: float) -> None:
    far, near = oklch(0.62, 0.08, 225), oklch(0.47, 0.10, 240)
    paint = skia.Paint(Shader=b.vertical(horizon, 1.0, [(0.0, mix(far, b.mist, 0.35)), (1.0, near)]))
    b.canvas.drawRect(skia.Rect(-0.3, horizon, 1.3, 1.4), paint)
    s = b.style
    height = 0.004 + 0.030 * s.agitation
    foam = mix(far, WHITE, 0.45)
    phase = b.stream("waves").choice((0.0, 0.25, 0.5, 0.75))
    for row in range(6):
        depth = (row + 0.6) / 6
        y = horizon + (1.02 - horizon) * depth**1.4
        n = max(2, round((7 - 0.7 * row) * (0.55 + 0.55 * s.density)))
        for i in range(-1, n + 1):
            x = (i + phase + 0.5 * (row % 2)) / n
            w, h = 0.30 / n * (0.7 + 0.6 * depth), height * (0.5 + depth)
            k = 1 - s.roundness
            smooth, sharp = (
                [(x + across * w, y - up * h) for across, up in wave] for wave in (SMOOTH_WAVE, SHARP_WAVE)
            )
            crest = [
                (px + k * (qx - px), py + k * (qy - py))
                for (px, py), (qx, qy) in zip(smooth, sharp, strict=True)
            ]
            b.line(crest, foam, 0.007 + 0.005 * depth, haze=0.4 * (1 - depth))


def _pine(b: Brush, x: float, y: float, size: float, c: Oklab, haze: float, snow: bool) -> None:
    with b.at(x, y, size, lean=0.6 * b.style.slant):
        b.poly([(-0.05, 0.02), (0.05, 0.02), (0.04, -0.2), (-0.04, -0.2)], BROWN, haze=haze, outline=0)
        for i in range(3):
            w, y0, y1 = 0.30 - 0.075 * i, -0.14 - 0.25 * i, -0.52 - 0.25 * i
            tone = mix(c, WHITE, 0.55) if snow else shade(c, 1.0 + 0.08 * i)
            b.poly([(-w, y0), (w, y0), (0.0, y1)], tone, haze=haze, soft=0.10, outline=0.7)


def _forest(b: Brush, scene: Scene, horizon: float) -> None:
    snow = scene.weather == "snow"
    _band(b, _ridge(b, b.stream("far hills"), 0.12, 0.6), horizon + 0.02, PINE, 0.50)
    shift = b.stream("pines").choice((0.0, 0.3, 0.6))
    for row, (n, size, haze) in enumerate(((9, 0.26, 0.38), (7, 0.36, 0.18))):
        for i in range(-1, n + 1):
            x = (i + 0.5 + shift + 0.4 * row) / n
            if row and 0.30 < x < 0.70:
                continue
            tall = size * (0.86 + 0.24 * ((i * 5 + row) % 3) / 2)
            _pine(b, x, horizon + 0.03 + 0.04 * row, tall, PINE, haze, snow)


def _desert(b: Brush, scene: Scene, horizon: float) -> None:
    c = ground_colour(scene)
    _band(b, _ridge(b, b.stream("far dunes"), 0.15, 0.7), horizon + 0.02, shade(c, 0.93), 0.30)
    _band(b, _ridge(b, b.stream("near dunes"), 0.08, 0.6), horizon + 0.05, shade(c, 0.84), 0.10)


def _cactus(b: Brush, x: float, y: float, size: float) -> None:
    with b.at(x, y, size, lean=0.5 * b.style.slant):
        b.line([(0.0, 0.0), (0.0, -1.0)], PINE, 0.22)
        b.line([(0.0, -0.35), (0.34, -0.35), (0.34, -0.75)], PINE, 0.15)
        b.line([(0.0, -0.50), (-0.32, -0.50), (-0.32, -0.82)], PINE, 0.15)


def _city(b: Brush, scene: Scene, horizon: float) -> None:
    lit = scene.time in ("night", "sunset") or scene.weather == "rain"
    for row, (n, haze) in enumerate(((7, 0.48), (6, 0.22))):
        k = b.stream(f"skyline {row}").choice((0, 1, 2, 3))
        for i in range(-1, n + 1):
            x = (i + 0.5 * (row == 0)) / n
            w = 0.92 / n
            h = (0.20 + 0.22 * ((i * 7 + k * 3 + row) % 5) / 4) * (1.1 - 0.28 * row)
            with b.at(x + w / 2, horizon + 0.04, 1.0, lean=0.22 * b.style.slant * (1 if i % 2 else -1)):
                c = mix(SLATE, NAVY, 0.3 * ((i + k) % 3))
                b.poly([(-w / 2, 0.02), (w / 2, 0.02), (w / 2, -h), (-w / 2, -h)], c, haze=haze, soft=0.02)
                if (i + k) % 3 == 0:
                    b.poly([(-w / 2, -h), (w / 2, -h), (0.0, -h - 0.07)], c, haze=haze, outline=0)
                if row and not (scene.subject and 0.28 < x + w / 2 < 0.72):  # no lights behind a subject
                    _windows(b, w, h, lit, haze, i + k)


def _windows(b: Brush, w: float, h: float, lit: bool, haze: float, pattern: int) -> None:
    rows = int((h - 0.03) / 0.062)
    for r in range(rows):
        for col in (-1, 1):
            on = lit and (r + col + pattern) % 3 != 0
            c = GLOW if on else mix(SLATE, WHITE, 0.28)
            x, y = 0.22 * w * col, -h + 0.045 + 0.062 * r
            x0, y0, x1, y1 = x - 0.16 * w, y - 0.019, x + 0.16 * w, y + 0.019
            pane = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
            b.poly(pane, c, haze=0.0 if on else haze, glows=on, outline=0, wobble=0.0)


BACKDROPS: dict[str, Callable[[Brush, Scene, float], None]] = {
    "meadow": _meadow,
    "mountains": _mountains,
    "sea": _sea,
    "forest": _forest,
    "desert": _desert,
    "city": _city,
}


def land(b: Brush, scene: Scene, horizon: float) -> None:
    """Everything between the sky and the subject."""
    if scene.setting == "sea":
        _sea(b, scene, horizon)
        return
    BACKDROPS[scene.setting](b, scene, horizon)
    c = ground_colour(scene)
    top = horizon + 0.055
    ridge = _ridge(b, b.stream("ground"), 0.03, 0.2, steps=24)
    outline = [(x, top - rise) for x, rise in ridge]
    fading = b.vertical(top - 0.04, 1.0, [(0.0, mix(c, b.mist, 0.18)), (1.0, shade(c, 0.80))])
    b.fill(polygon([(-0.3, 1.4), *outline, (1.3, 1.4)]), c, wobble=0.0, shader=fading)
    _ground_cover(b, scene, top)


def _ground_cover(b: Brush, scene: Scene, top: float) -> None:
    """Tufts, ripples, paving: more of it, and more slanted, as arousal grows [MH]."""
    c, s = ground_colour(scene), b.style
    blades = shade(GROUND[scene.setting], 0.76)
    if scene.weather == "snow":  # they only just look out of it
        blades = mix(c, blades, 0.4)
    shift = b.stream("cover").choice((0.0, 0.33, 0.66))
    for row in range(4):
        depth = (row + 0.7) / 4
        y = top + (1.0 - top) * depth
        n = max(2, round((6 - row) * (0.5 + 0.7 * s.density)))
        for i in range(-1, n + 1):
            x = (i + shift + 0.5 * (row % 2) + 0.21 * ((i * 3 + row) % 3)) / n
            size, width = 0.022 + 0.035 * depth, 0.006 + 0.003 * depth
            if scene.setting in ("meadow", "mountains", "forest"):
                lean = math.tan(1.3 * s.slant) * size
                h = size * (0.7 + 0.6 * s.agitation)
                for dx in (-0.35, 0.0, 0.35):
                    blade = [(x + dx * size, y), (x + 1.5 * dx * size + lean, y - h)]
                    b.line(blade, blades, width)
            else:
                crest = y - 0.3 * size - s.agitation * size * 0.5
                b.line([(x - 1.6 * size, y), (x, crest), (x + 1.6 * size, y)], shade(c, 0.88), width)


def props(b: Brush, scene: Scene, horizon: float) -> None:
    """Single things that belong to a setting, kept clear of the subject."""
    rng = b.stream("props")
    side = rng.choice((-1, 1))
    if scene.setting == "desert":
        _cactus(b, 0.5 + side * 0.40, horizon + 0.16, 0.17)
        _cactus(b, 0.5 - side * 0.36, horizon + 0.09, 0.10)
    elif scene.setting == "meadow" and scene.weather not in ("snow", "fog"):
        petal = rng.choice((WHITE, YELLOW))
        for i in range(b.count(9)):
            x, y = (0.618034 * i + 0.1) % 1.0, horizon + 0.12 + 0.30 * ((0.7548 * i) % 1.0)
            b.oval(x, y, 0.009 + 0.02 * (y - horizon), 0.008 + 0.017 * (y - horizon), petal, outline=0)
