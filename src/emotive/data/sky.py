"""Sky, sun, moon, stars and clouds, and what falls from them."""

from __future__ import annotations

import math

import skia

from .brush import Brush
from .colour import GLOW, ORANGE, RED, WHITE, YELLOW, Oklab, mix, oklch
from .scenes import Scene

# time -> sky colours from the zenith to the horizon, strength and colour cast of the light, clouds
SKIES: dict[str, tuple[tuple[tuple[float, Oklab], ...], float, tuple[float, float], Oklab]] = {
    "dawn": (((0.0, oklch(0.66, 0.10, 275)), (0.55, oklch(0.80, 0.09, 330)), (1.0, oklch(0.90, 0.09, 70))),
             0.90, (0.010, 0.006), oklch(0.90, 0.06, 20)),
    "day": (((0.0, oklch(0.62, 0.14, 247)), (0.6, oklch(0.78, 0.10, 235)), (1.0, oklch(0.91, 0.05, 215))),
            1.0, (0.0, 0.0), oklch(0.97, 0.01, 240)),
    "sunset": (((0.0, oklch(0.46, 0.13, 300)), (0.5, oklch(0.64, 0.18, 20)), (1.0, oklch(0.83, 0.15, 70))),
               0.80, (0.022, 0.026), oklch(0.72, 0.13, 25)),
    "night": (((0.0, oklch(0.25, 0.08, 272)), (0.6, oklch(0.34, 0.09, 268)), (1.0, oklch(0.46, 0.09, 258))),
              0.60, (-0.008, -0.038), oklch(0.48, 0.05, 265)),
}  # fmt: skip
GREYNESS = {"clear": 0.0, "cloudy": 0.40, "rain": 0.70, "snow": 0.45, "fog": 0.60}
SUNS = {
    "dawn": mix(YELLOW, WHITE, 0.3),
    "day": mix(YELLOW, WHITE, 0.45),
    "sunset": mix(ORANGE, RED, 0.25),
    "night": mix(GLOW, WHITE, 0.6),
}
SUN_HEIGHT = {"dawn": 0.80, "day": 0.30, "sunset": 0.76, "night": 0.28}


def set_light(b: Brush, scene: Scene) -> None:
    """Puts the brush under the light of the scene's hour and weather."""
    stops, b.light, b.cast, _ = SKIES[scene.time]
    b.greyness = GREYNESS[scene.weather]
    if scene.weather == "rain":
        b.light *= 0.86
    horizon = stops[-1][1]
    grey = (0.52 + 0.32 * b.light, 0.0, -0.012)
    b.mist = mix(horizon, grey, 0.75 * b.greyness)


def sky(b: Brush, scene: Scene, horizon: float) -> None:
    """The gradient, the sun or moon with its glow and rays, the stars."""
    stops, strength, _, _ = SKIES[scene.time]
    overcast = (0.50 * strength + 0.22, -0.005, -0.018)
    stops = [(p, mix(c, overcast, b.greyness * (0.95 - 0.25 * p))) for p, c in stops]
    paint = skia.Paint(Shader=b.vertical(0.0, horizon, stops, glows=True))
    b.canvas.drawRect(skia.Rect(-0.3, -0.3, 1.3, 1.3), paint)
    if scene.time == "night" and scene.weather == "clear":
        _stars(b, horizon)
    _sun(b, scene, horizon)
    dark = b.colour(mix(stops[0][1], (0.12, 0.02, -0.01), 0.75), glows=True)
    shader = skia.GradientShader.MakeLinear(
        points=[skia.Point(0, 0), skia.Point(0, 1.1 * horizon)],
        colors=[skia.ColorSetA(dark, round(235 * b.style.gloom)), skia.ColorSetA(dark, 0)],
    )
    b.canvas.drawRect(skia.Rect(-0.3, -0.3, 1.3, 1.1 * horizon), skia.Paint(Shader=shader))


def _stars(b: Brush, horizon: float) -> None:
    shift = b.stream("stars").choice((0.0, 0.31, 0.64))
    for i in range(b.count(16)):
        x, y = (0.618034 * i + shift) % 1.0, horizon * 0.9 * ((0.381966 * i * i + 0.13 + shift) % 1.0)
        r = 0.008 if i % 3 else 0.013
        b.lobed(x, y, r, r, WHITE, lobes=4, depth=0.5, glows=True, outline=0)


def _sun(b: Brush, scene: Scene, horizon: float) -> None:
    s, night = b.style, scene.time == "night"
    seen = 1 - 1.3 * b.greyness
    x = b.stream("sun").choice((0.18, 0.30, 0.72, 0.82))
    y = horizon * SUN_HEIGHT[scene.time]
    c = SUNS[scene.time]
    if seen <= 0:
        return
    if s.radiance > 0.45 and not night:  # wedges of light
        n = 9
        for i in range(n):
            t, w = 2 * math.pi * (i + 0.25) / n, math.pi / n * 0.62
            ends = [(x + 2 * math.cos(angle), y + 2 * math.sin(angle)) for angle in (t - w, t + w)]
            alpha = 0.22 * (s.radiance - 0.45) * seen
            b.poly([(x, y), *ends], c, glows=True, alpha=alpha, outline=0, wobble=0.0)
    glow = b.colour(c, glows=True)
    reach = (0.20 if night else 0.42) * (0.6 + 0.6 * s.radiance)
    bright = round(150 * seen * (0.4 + 0.6 * s.radiance))
    halo = skia.GradientShader.MakeRadial(
        skia.Point(x, y), reach, [skia.ColorSetA(glow, bright), skia.ColorSetA(glow, 0)]
    )
    b.canvas.drawRect(skia.Rect(-0.3, -0.3, 1.3, horizon + 0.1), skia.Paint(Shader=halo))
    r = 0.062 if night else 0.078
    if not night:
        b.oval(x, y, r, r, c, glows=True, outline=0.5)
        return
    crescent = skia.Path().addCircle(x, y, r)
    bite = skia.Path().addCircle(x + 0.5 * r, y - 0.25 * r, 0.85 * r)
    b.fill(skia.Op(crescent, bite, skia.PathOp.kDifference_PathOp), c, glows=True, outline=0, wobble=0.0)


# (x, y as a share of the sky, width): a few banks of cloud to choose from
CLOUD_BANKS = (
    ((0.16, 0.22, 0.22), (0.62, 0.36, 0.27), (0.92, 0.14, 0.18)),
    ((0.34, 0.16, 0.26), (0.80, 0.30, 0.24), (0.06, 0.46, 0.18)),
    ((0.08, 0.30, 0.24), (0.50, 0.14, 0.20), (0.88, 0.44, 0.25)),
)


def clouds(b: Brush, scene: Scene, horizon: float) -> None:
    """Heaps of cloud: round and few when pleasant and calm, sharp and streaming when not."""
    if scene.weather == "fog":
        return
    rng = b.stream("clouds")
    bank = rng.choice(CLOUD_BANKS)
    base = SKIES[scene.time][3]
    dark = {"clear": 0.0, "cloudy": 0.12, "rain": 0.34, "snow": 0.08}[scene.weather]
    c = (base[0] * (1 - dark), base[1] * (1 - dark), base[2] * (1 - dark))
    placed = bank[:1] if scene.weather == "clear" else bank
    stretch = 1.0 + 0.7 * b.style.slant
    for i, (x, y, w) in enumerate(placed):
        big = 1.0 if scene.weather == "clear" else 1.35
        h = 0.34 * w * big
        heap = {"depth": 0.30, "flat": True, "turn": 0.4 * i, "glows": True}
        under, over = mix(c, b.mist, 0.25), mix(c, WHITE, 0.25 * (1 - dark))
        with b.at(x, y * horizon, 1.0, lean=-0.8 * b.style.slant):
            b.lobed(0.0, 0.02, w * big * stretch, h, under, lobes=8, outline=0.6, **heap)
            b.lobed(-0.02, 0.0, 0.72 * w * big * stretch, 0.74 * h, over, lobes=7, outline=0, **heap)


def falling(b: Brush, scene: Scene) -> None:
    """Rain and snow, large and few: a lattice shaken once."""
    rng = b.stream("falling")
    shift = rng.choice((0.0, 0.5))
    s = b.style
    if scene.weather == "rain":
        lean = math.tan(0.10 + 0.9 * s.slant) * 0.11
        n = 5 + round(3 * s.density)
        for i in range(n):
            for j in range(6):
                x, y = (i + 0.5 + 0.5 * (j % 2) + shift) / n, (j + 0.4 * (i % 3)) / 6
                drop = [(x + lean / 2, y - 0.05), (x - lean / 2, y + 0.05)]
                b.line(drop, oklch(0.86, 0.03, 240), 0.0065, alpha=0.62)
    elif scene.weather == "snow":
        n = 6 + round(2 * s.density)
        for i in range(n):
            for j in range(7):
                x = (i + 0.5 + 0.37 * (j % 3) + shift) / n + 0.012 * math.sin(7.0 * i + 3.0 * j)
                y = (j + 0.55 * (i % 2) + 0.3) / 7 + 0.015 * math.cos(5.0 * i + 2.0 * j)
                r = 0.0085 if (i + j) % 3 else 0.0125
                b.lobed(x, y, r, r, WHITE, lobes=5, depth=0.4, outline=0, alpha=0.95)


def fog(b: Brush, horizon: float) -> None:
    """A bank of mist across the horizon."""
    c = b.colour(b.mist, glows=True)
    for y, reach, alpha in ((horizon - 0.02, 0.20, 235), (horizon + 0.22, 0.13, 150)):
        stops = [skia.ColorSetA(c, 0), skia.ColorSetA(c, alpha), skia.ColorSetA(c, 0)]
        ends = [skia.Point(0, y - reach), skia.Point(0, y + reach)]
        shader = skia.GradientShader.MakeLinear(points=ends, colors=stops)
        b.canvas.drawRect(skia.Rect(-0.3, -0.3, 1.3, 1.3), skia.Paint(Shader=shader))
