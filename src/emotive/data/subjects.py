"""The subjects: one drawing function each, in local coordinates: foot at the origin, about one unit tall.

Each function takes the brush, the subject's own random stream and the light it stands in (`lit`: windows and
lamps are on; `snow`: it lies on every roof). Silhouettes are large and few-parted so that a small picture
still shows them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from .brush import Brush
from .colour import (
    BLACK,
    BLUE,
    BROWN,
    CREAM,
    GLOW,
    GREEN,
    LEAF,
    NAVY,
    ORANGE,
    PINK,
    PURPLE,
    RED,
    SLATE,
    STONE,
    TEAL,
    WHITE,
    YELLOW,
    Oklab,
    mix,
    shade,
)


def box(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    """Corners of an upright rectangle."""
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _glass(lit: bool) -> tuple[Oklab, bool]:
    return (GLOW, True) if lit else (shade(BLUE, 1.15), False)


def house(b: Brush, rng: random.Random, lit: bool, snow: bool) -> None:
    wall = CREAM
    roof = WHITE if snow else rng.choice((RED, RED, BLUE))
    b.poly(box(0.14, -0.98, 0.28, -0.6), mix(BROWN, RED, 0.4), soft=0.03)
    b.poly(box(-0.42, -0.50, 0.42, 0.0), wall, soft=0.06)
    b.poly(box(0.10, -0.50, 0.42, 0.0), shade(wall, 0.88), soft=0.05, outline=0)
    b.poly([(-0.54, -0.46), (0.54, -0.46), (0.22, -0.90), (-0.22, -0.90)], roof, soft=0.12)
    glass, glows = _glass(lit)
    for x in (-0.25, 0.25):
        b.poly(box(x - 0.095, -0.38, x + 0.095, -0.17), glass, glows=glows, soft=0.05)
    b.poly(box(-0.08, -0.30, 0.08, 0.0), BROWN, soft=0.10)


def tree(b: Brush, rng: random.Random, lit: bool, snow: bool) -> None:
    crown = mix(WHITE, BLUE, 0.12) if snow else rng.choice((GREEN, GREEN, ORANGE))
    b.poly([(-0.12, 0.02), (0.12, 0.02), (0.07, -0.5), (-0.07, -0.5)], BROWN, soft=0.04)
    heaps = ((-0.22, -0.54, 0.25), (0.22, -0.54, 0.25), (0.0, -0.76, 0.29))
    for x, y, r in heaps:
        b.lobed(x, y, r, r, shade(crown, 0.84), lobes=7)
    for x, y, r in heaps:
        b.lobed(x, y - 0.03, 0.80 * r, 0.76 * r, crown, lobes=7, outline=0)
    if not snow and crown == GREEN:
        for x, y in ((-0.25, -0.50), (0.21, -0.56), (0.0, -0.80), (-0.02, -0.52)):
            b.oval(x, y, 0.06, 0.06, RED, outline=0)


def boat(b: Brush, rng: random.Random, lit: bool, snow: bool) -> None:
    jib = rng.choice((RED, RED, BLUE))
    b.poly([(-0.46, -0.20), (0.46, -0.20), (0.32, 0.03), (-0.32, 0.03)], mix(RED, BROWN, 0.35), soft=0.10)
    b.poly([(-0.46, -0.22), (0.46, -0.22), (0.43, -0.14), (-0.43, -0.14)], CREAM, outline=0)
    b.line([(0.0, -0.2), (0.0, -1.0)], BROWN, 0.045)
    b.poly([(0.04, -0.98), (0.04, -0.27), (0.42, -0.27)], WHITE, soft=0.08)
    b.poly([(-0.04, -0.88), (-0.04, -0.27), (-0.32, -0.27)], jib, soft=0.08)
    if lit:
        b.oval(-0.30, -0.30, 0.05, 0.05, GLOW, glows=True, outline=0)


def lighthouse(b: Brush, rng: random.Random, lit: bool, snow: bool) -> None:
    if lit:
        side = rng.choice((-1, 1))
        beam = [(0, -0.89), (side * 1.9, -1.12), (side * 1.9, -0.62)]
        b.poly(beam, GLOW, glows=True, alpha=0.42, outline=0, wobble=0.0)
    b.poly([(-0.30, 0.02), (-0.18, -0.10), (0.18, -0.10), (0.30, 0.02)], STONE, soft=0.08)
    for i in range(5):
        y0, y1 = -0.08 - 0.142 * i, -0.08 - 0.142 * (i + 1)
        w0, w1 = 0.17 - 0.014 * i, 0.17 - 0.014 * (i + 1)
        b.poly([(-w0, y0), (w0, y0), (w1, y1), (-w1, y1)], WHITE if i % 2 else RED, outline=0, wobble=0.3)
    b.poly(box(-0.145, -0.83, 0.145, -0.785), SLATE)
    b.poly(box(-0.085, -0.94, 0.085, -0.83), GLOW if lit else mix(BLUE, WHITE, 0.5), glows=lit)
    b.poly([(-0.13, -0.94), (0.13, -0.94), (0.0, -1.06)], WHITE if snow else shade(RED, 0.8), soft=0.04)


def windmill(b: Brush, rng: random.Random, lit: bool, snow: bool) -> None:
    b.poly([(-0.24, 0.0), (0.24, 0.0), (0.15, -0.60), (-0.15, -0.60)], CREAM, soft=0.05)
    b.poly([(0.03, 0.0), (0.24, 0.0), (0.15, -0.60), (0.05, -0.60)], shade(CREAM, 0.86), outline=0)
    b.poly([(-0.19, -0.59), (0.19, -0.59), (0.0, -0.80)], WHITE if snow else RED, soft=0.06)
    b.poly(box(-0.065, -0.20, 0.065, 0.0), BROWN, soft=0.08)
    glass, glows = _glass(lit)
    b.poly(box(-0.05, -0.42, 0.05, -0.31), glass, glows=glows, soft=0.03)
    for i in range(4):
        t = math.radians(45 + 90 * i)
        dx, dy = math.cos(t), math.sin(t)
        beam, sail = (
            [(dx * along - dy * across, -0.62 + dy * along + dx * across) for along, across in points]
            for points in (((0, 0), (0.50, 0)), ((0.12, 0.01), (0.50, 0.01), (0.50, 0.15), (0.14, 0.11)))
        )
        b.line(beam, BROWN, 0.04)
        b.poly(sail, WHITE, soft=0.03)
    b.oval(0.0, -0.62, 0.05, 0.05, BROWN, outline=0)


def balloon(b: Brush, rng: random.Random, lit: bool, snow: bool) -> None:
    first, second = rng.choice(((RED, YELLOW), (RED, YELLOW), (BLUE, WHITE)))
    basket, skirt = BROWN, shade(first, 0.8)
    for x in (-0.07, 0.07):
        b.line([(x, -0.12), (2.2 * x, -0.38)], BLACK, 0.016)
    b.poly([(-0.15, -0.32), (0.15, -0.32), (0.06, -0.22), (-0.06, -0.22)], skirt, soft=0.03)
    for half, c in ((0.40, first), (0.26, second), (0.12, first)):
        outline = []
        for t in [math.pi * i / 16 for i in range(17)]:
            narrow = 1.0 if t < 1.7 else 1 - 0.42 * ((t - 1.7) / 1.44) ** 1.5
            outline.append((half * math.sin(t) * narrow, -0.66 - 0.38 * math.cos(t)))
        other_side = [(-x, y) for x, y in reversed(outline)]
        b.poly(outline + other_side, c, outline=1 if half == 0.40 else 0, wobble=0.3)
    b.poly(box(-0.085, -0.13, 0.085, 0.0), basket, soft=0.04)
    if lit:
        b.oval(0.0, -0.21, 0.04, 0.05, GLOW, glows=True, outline=0)


def flowers(b: Brush, rng: random.Random, lit: bool, snow: bool) -> None:
    petals = rng.choice(((PINK, YELLOW, RED), (PINK, YELLOW, RED), (PURPLE, WHITE, PINK)))
    heads = ((-0.36, -0.50, 0.20), (0.36, -0.50, 0.20), (0.0, -0.78, 0.24))
    for (x, y, r), petal in zip(heads, petals, strict=True):
        b.line([(0.45 * x, 0.04), (x, y)], LEAF, 0.075)
        for side in (-1, 1):
            leaf = [(0.6 * x, 0.25 * y), (0.6 * x + side * 0.20, 0.25 * y - 0.16), (0.7 * x, 0.25 * y - 0.14)]
            b.poly(leaf, LEAF, soft=0.05)
        b.lobed(x, y, r, r, petal, lobes=6, depth=0.50, turn=0.5)
        b.oval(x, y, 0.40 * r, 0.40 * r, BROWN if petal == YELLOW else YELLOW, outline=0)


def castle(b: Brush, rng: random.Random, lit: bool, snow: bool) -> None:
    wall, roof = STONE, WHITE if snow else rng.choice((BLUE, BLUE, RED))
    glass, glows = (GLOW, True) if lit else (NAVY, False)
    b.poly(box(-0.36, -0.46, 0.36, 0.0), shade(wall, 0.92), soft=0.02)
    for i in range(5):
        x = -0.32 + 0.145 * i
        b.poly(box(x, -0.53, x + 0.075, -0.45), shade(wall, 0.92), outline=0, wobble=0.0)
    for x, w, h in ((0.0, 0.13, 0.70), (-0.43, 0.12, 0.58), (0.43, 0.12, 0.58)):
        b.poly(box(x - w, -h, x + w, 0.0), wall, soft=0.03)
        b.poly([(x - 1.3 * w, -h), (x + 1.3 * w, -h), (x, -h - 0.32)], roof, soft=0.05)
        b.poly(box(x - 0.035, 0.14 - h, x + 0.035, 0.28 - h), glass, glows=glows, soft=0.04)
    b.poly([(-0.09, 0.0), (-0.09, -0.17), (0.0, -0.25), (0.09, -0.17), (0.09, 0.0)], BROWN, soft=0.06)


def cat(b: Brush, rng: random.Random, lit: bool, snow: bool) -> None:
    fur = rng.choice((ORANGE, ORANGE, mix(SLATE, WHITE, 0.4)))
    pale = mix(fur, WHITE, 0.62)
    tail = [(0.18, -0.06), (0.48, -0.06), (0.54, -0.34), (0.44, -0.50)]
    b.line(tail, shade(fur, 0.82), 0.12)
    body = [(-0.27, 0.0), (-0.28, -0.22), (-0.17, -0.46), (0.17, -0.46), (0.28, -0.22), (0.27, 0.0)]
    b.poly(body, fur, soft=0.20)
    b.oval(0.0, -0.17, 0.14, 0.16, pale, outline=0)
    for s in (-1, 1):
        b.poly([(s * 0.31, -0.64), (s * 0.29, -1.02), (s * 0.06, -0.84)], fur, soft=0.04)
    b.oval(0.0, -0.64, 0.32, 0.245, fur)
    b.oval(0.0, -0.545, 0.14, 0.085, pale, outline=0)
    for s in (-1, 1):
        b.oval(s * 0.145, -0.675, 0.062, 0.078, BLACK, outline=0)
        b.oval(s * 0.145 + 0.02, -0.705, 0.022, 0.026, WHITE, glows=True, outline=0)
    b.poly([(-0.05, -0.60), (0.05, -0.60), (0.0, -0.545)], RED, outline=0)


def person(b: Brush, rng: random.Random, lit: bool, snow: bool) -> None:
    coat = rng.choice((RED, RED, TEAL))
    for x in (-0.10, 0.10):
        b.poly(box(x - 0.075, -0.28, x + 0.075, 0.0), NAVY, soft=0.04)
    for s in (-1, 1):
        arm = [(s * 0.10, -0.62), (s * 0.36, -0.34), (s * 0.28, -0.26), (s * 0.06, -0.46)]
        b.poly(arm, shade(coat, 0.82), soft=0.05)
    b.poly([(-0.29, -0.20), (0.29, -0.20), (0.14, -0.64), (-0.14, -0.64)], coat, soft=0.08)
    b.oval(0.0, -0.82, 0.165, 0.175, (0.84, 0.040, 0.050), outline=0.7)
    hair = [(-0.18, -0.80), (-0.20, -0.98), (0.0, -1.06), (0.20, -0.98), (0.18, -0.80)]
    b.poly([*hair, (0.11, -0.90), (-0.11, -0.90)], WHITE if snow else BROWN, soft=0.06, outline=0)
    for s in (-1, 1):
        b.oval(s * 0.062, -0.81, 0.026, 0.032, BLACK, outline=0)
    b.poly(box(-0.15, -0.665, 0.15, -0.585), YELLOW, soft=0.04, outline=0)


def tent(b: Brush, rng: random.Random, lit: bool, snow: bool) -> None:
    cloth = rng.choice((ORANGE, ORANGE, TEAL))
    b.poly([(-0.58, 0.0), (0.58, 0.0), (0.0, -0.78)], cloth, soft=0.06)
    b.poly([(0.12, 0.0), (0.58, 0.0), (0.0, -0.78)], shade(cloth, 0.82), outline=0)
    if snow:
        b.poly([(-0.20, -0.50), (0.20, -0.50), (0.0, -0.80)], WHITE, soft=0.04, outline=0)
    b.poly([(-0.20, 0.0), (0.20, 0.0), (0.0, -0.52)], GLOW if lit else BROWN, glows=lit, soft=0.02)
    b.line([(0.0, -0.76), (0.0, -0.90)], BROWN, 0.03)
    b.poly([(0.01, -0.90), (0.19, -0.85), (0.01, -0.79)], RED, outline=0)


def mushroom(b: Brush, rng: random.Random, lit: bool, snow: bool) -> None:
    cap = rng.choice((RED, RED, PURPLE))
    b.poly([(-0.17, 0.02), (0.17, 0.02), (0.11, -0.45), (-0.11, -0.45)], CREAM, soft=0.08)
    b.oval(0.0, -0.44, 0.34, 0.08, shade(CREAM, 0.84), outline=0)
    dome = [(0.52 * math.cos(math.pi * i / 12), -0.44 - 0.42 * math.sin(math.pi * i / 12)) for i in range(13)]
    b.poly(dome, cap, soft=0.06)
    for x, y, r in ((-0.27, -0.56, 0.075), (0.02, -0.70, 0.09), (0.30, -0.54, 0.065), (-0.02, -0.50, 0.05)):
        b.oval(x, y, r, 0.82 * r, WHITE, outline=0)


# name -> (drawing, size as a share of the picture's height, stands on the ground)
SUBJECT_DRAWINGS: dict[str, tuple[Callable[[Brush, random.Random, bool, bool], None], float, bool]] = {
    "house": (house, 0.46, True),
    "tree": (tree, 0.54, True),
    "boat": (boat, 0.50, True),
    "lighthouse": (lighthouse, 0.56, True),
    "windmill": (windmill, 0.52, True),
    "balloon": (balloon, 0.54, False),
    "flowers": (flowers, 0.52, True),
    "castle": (castle, 0.50, True),
    "cat": (cat, 0.48, True),
    "person": (person, 0.54, True),
    "tent": (tent, 0.46, True),
    "mushroom": (mushroom, 0.46, True),
}
