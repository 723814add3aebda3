"""Skin: its colour over the face, its lines, and what the light makes of it."""

from __future__ import annotations

import random

import cv2
import numpy as np

from .colour import mix, oklch, shade
from .portrait_ground import Ground, lay, light_of, ramp, smooth
from .portrait_light import cast_shadow, gloss, lit, normals_of, occlusion
from .portrait_person import Person
from .portrait_shape import MIDDLE, Shape


def complexion(p: Person, shape: Shape, g: Ground) -> np.ndarray:
    """The colour of the skin before light, with lips, linear light (H, W, 3)."""
    base = light_of(p.skin)
    picture = np.broadcast_to(base, (*g.x.shape, 3)).copy()
    red = light_of(mix(shade(p.skin, 0.93), oklch(0.62, 0.15, 27), 0.36))
    gold = light_of(mix(p.skin, oklch(min(p.skin[0] + 0.06, 0.93), 0.07, 78), 0.45))
    dark = light_of(mix(shade(p.skin, 0.86), oklch(0.45, 0.06, 20), 0.25))
    lay(picture, gold, 0.5 * g.spot(MIDDLE, 290, 190, 110))
    for s in (-1, 1):
        x = MIDDLE + s * p.eye_gap
        lay(
            picture,
            red,
            p.blush
            * (1.0 if s < 0 else 0.6)
            * g.spot(MIDDLE + s * 0.58 * p.face_width, 517, 58, 40, -s * 0.3),
        )
        lay(picture, dark, 0.40 * g.spot(x, p.eye_line - 10, 60, 24))
        lay(picture, dark, (0.26 + 0.25 * p.lines) * g.spot(x - s * 12, p.eye_line + 24, 38, 12, -s * 0.2))
        lay(picture, red, 0.20 * g.spot(x - s * 44, p.eye_line + 4, 16, 14))
    lay(picture, red, (0.10 + 0.55 * p.blush) * g.spot(MIDDLE, p.nose_base - 20, 30, 20))
    lay(picture, red, 0.25 * p.blush * g.spot(MIDDLE, p.chin_line - 36, 40, 24))
    if p.beard == "stubble":
        lay(picture, light_of(mix(p.skin, p.hair, 0.5)), 0.36 * beard_area(p, shape, g))
    if p.freckles:
        lay(picture, dark, p.freckles * _freckles(p, g))
    mottle = random_field(g, f"{p.name}/skin", 26) * 0.035 + random_field(g, f"{p.name}/pores", 2.2) * 0.022
    picture *= 1 + mottle[..., None] * np.array([0.7, 1.1, 1.1], np.float32)
    _paint_lips(p, shape, g, picture)
    return picture


def random_field(g: Ground, name: str, size: float) -> np.ndarray:
    """Smooth noise of about unit variance with blotches of `size` units."""
    cells = max(4, int(1024 / size))
    rng = np.random.default_rng(list(name.encode()))
    noise = rng.standard_normal((cells, cells)).astype(np.float32)
    return cv2.resize(noise, (g.size, g.size), interpolation=cv2.INTER_CUBIC) * 1.3


def _freckles(p: Person, g: Ground) -> np.ndarray:
    rng = random.Random(f"{p.name}/freckles")
    field = np.zeros_like(g.x)
    for _ in range(150):
        x, y = MIDDLE + rng.gauss(0, 88), 496 + rng.gauss(0, 30)
        if abs(x - MIDDLE) < 150 and y > p.eye_line + 32:
            r = rng.uniform(1.0, 2.4)
            rows = slice(max(0, int((y - 8) * g.scale)), int((y + 8) * g.scale))
            columns = slice(max(0, int((x - 8) * g.scale)), int((x + 8) * g.scale))
            spot = np.exp(-((g.x[rows, columns] - x) ** 2 + (g.y[rows, columns] - y) ** 2) / r**2)
            field[rows, columns] = np.maximum(field[rows, columns], spot * rng.uniform(0.3, 1))
    return field


def beard_area(p: Person, shape: Shape, g: Ground) -> np.ndarray:
    """0..1: where a beard grows: jaw, chin and upper lip, softly bounded, clear of the lips."""
    w = p.face_width
    cheek = smooth([(w * 1.1, 400), (w * 0.93, 470), (w * 0.80, 560), (w * 0.52, 606), (w * 0.37, 600),
                    (w * 0.33, 575), (0.10 * w, 566), (0, 570)], 120)  # fmt: skip
    top = np.interp(np.abs(g.x - MIDDLE), cheek[::-1, 0], cheek[::-1, 1])
    soft = 3.0 if p.beard == "stubble" else 1.0
    area = ramp(g.y, top - 5 * soft, top + 9 * soft) * (g.y < p.chin_line + 60)
    mouth = np.vstack([shape.lips[0], shape.lips[3][::-1]])
    middle = np.array([MIDDLE, p.mouth + 3])
    clear = g.mask(middle + (mouth - middle) * [1.04, 1.18], 2.0)
    sides = (
        1
        - 0.75 * g.spot(MIDDLE - 0.42 * w, p.mouth + 34, 16, 16)
        - 0.75 * g.spot(MIDDLE + 0.42 * w, p.mouth + 34, 16, 16)
    )
    return np.clip(area * (1 - clear) * sides, 0, 1)


def _paint_lips(p: Person, shape: Shape, g: Ground, picture: np.ndarray) -> None:
    upper = g.mask(np.vstack([shape.lips[0], shape.lips[1][::-1]]), 1.1)
    lower = g.mask(np.vstack([shape.lips[2], shape.lips[3][::-1]]), 1.3)
    lip = light_of(p.lip)
    lay(picture, light_of(shade(p.lip, 0.86)), 0.88 * upper)
    lay(picture, lip, 0.88 * lower)
    rng = random.Random(f"{p.name}/lips")
    creases = []
    for _ in range(46):
        x = rng.uniform(-0.9, 0.9)
        top, deep = (-0.8 * p.upper_lip, 0.0) if rng.random() < 0.4 else (2.0, 0.8 * p.lower_lip)
        k = 1 - x * x
        creases.append(
            [
                (MIDDLE + x * p.mouth_width, p.mouth + top * k),
                (MIDDLE + x * 1.07 * p.mouth_width, p.mouth + deep * k),
            ]
        )
    lines = g.strokes(
        [smooth(np.vstack([c[0], np.mean(c, 0) + 0.3, c[1]]), 12) for c in creases], tapered_crease, 0.5
    )
    lay(picture, light_of(shade(p.lip, 0.72)), 0.30 * lines * np.maximum(upper, lower))


def tapered_crease(t: float) -> float:
    """Width of a crease in a lip along its way."""
    return 1.5 * np.sin(np.pi * t)


def age_lines(p: Person, g: Ground) -> np.ndarray:
    """What age takes from the depth: forehead lines, crow's feet, bags, nasolabial folds (H, W)."""
    k = p.lines
    fold: list[np.ndarray] = []
    for s in (-1, 1):
        nose = smooth([(MIDDLE + s * (p.nose_width + 8), p.nose_base - 22),
            (MIDDLE + s * (p.nose_width + 24), p.nose_base + 8),
                       (MIDDLE + s * (p.mouth_width + 15), p.mouth - 8),
                       (MIDDLE + s * (p.mouth_width + 17), p.mouth + 16)], 40)  # fmt: skip
        fold.append(nose)
    z = -(0.8 + 3.8 * k) * g.strokes(fold, lambda t: 7 * np.sin(np.pi * (0.12 + 0.88 * t)) ** 0.6, 4.0)
    z -= (0.5 * k) * 6 * g.strokes(fold, lambda t: 3 * np.sin(np.pi * (0.1 + 0.9 * t)), 1.6)
    bags = [smooth([(MIDDLE + s * (p.eye_gap + 34), p.eye_line + 24), (MIDDLE + s * p.eye_gap,
        p.eye_line + 37),
                    (MIDDLE + s * (p.eye_gap - 34), p.eye_line + 24)], 40) for s in (-1, 1)]  # fmt: skip
    z -= (0.8 + 3.6 * k) * g.strokes(bags, lambda t: 4 * np.sin(np.pi * t), 2.2)
    if k <= 0.05:
        return z
    rng = random.Random(f"{p.name}/lines")
    thin = []
    for i in range(3):
        y = p.hairline + 46 + 24 * i
        wave = [(MIDDLE + x, y + 5 * np.cos(x / 34) + rng.uniform(-2, 2) + 0.0004 * x * x)
                for x in np.linspace(-96 + 8 * i, 96 - 8 * i, 9)]  # fmt: skip
        thin.append(smooth(wave, 60))
    for s in (-1, 1):
        x, y = MIDDLE + s * (p.eye_gap + p.eye_width + 9), p.eye_line
        for a in (-0.50, -0.12, 0.26, 0.60):
            far = rng.uniform(20, 30)
            thin.append(
                smooth(
                    [
                        (x, y + 16 * a),
                        (x + s * 0.5 * far, y + 16 * a + 0.30 * far * a),
                        (x + s * far, y + 16 * a + far * a),
                    ],
                    20,
                )
            )
        thin.append(smooth([(MIDDLE + s * (p.mouth_width + 8), p.mouth + 12),
            (MIDDLE + s * (p.mouth_width + 12), p.mouth + 30),
                            (MIDDLE + s * (p.mouth_width + 6), p.mouth + 46)], 16))  # fmt: skip
    z -= 2.6 * k * g.strokes(thin, lambda t: 3.0 * np.sin(np.pi * t) ** 0.7, 1.3)
    return z


def lit_skin(
    p: Person, shape: Shape, g: Ground, colour: np.ndarray, depth: np.ndarray, covered: np.ndarray
) -> np.ndarray:
    """The skin in the studio's light (H, W, 3). covered: 0..1 (H, W), where hair keeps the key light away."""
    n = normals_of(g.blur(depth, 1.0), g)
    shadow = np.maximum(0.62 * cast_shadow(depth, g), covered)
    hidden = np.clip(occlusion(depth, g, 16, 0.085) + occlusion(depth, g, 5, 0.10), 0, 1)
    picture = lit(colour, n, shadow, hidden)
    # The narrow highlight needs a smoother surface, or the bridge of the nose shows as a line.
    sheen = (0.050 * gloss(n, 14) + 0.075 * gloss(normals_of(g.blur(depth, 4.0), g), 55)) * (1 - shadow)
    sheen += 0.075 * g.spot(MIDDLE - 5, p.nose_base - 25, 7, 6) + 0.03 * g.spot(
        MIDDLE - 2, p.nose_base - 60, 6, 34
    )
    tint = 0.45 + 0.55 * colour / np.maximum(colour.max(-1, keepdims=True), 1e-3)
    picture += (sheen * p.shine)[..., None] * tint
    lips = g.mask(np.vstack([shape.lips[0], shape.lips[3][::-1]]), 1.5)
    return picture + (0.10 * gloss(n, 26) * lips * (1 - shadow))[..., None]
