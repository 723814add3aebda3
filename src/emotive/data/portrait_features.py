"""Nose, mouth and ears."""

from __future__ import annotations

import numpy as np

from .colour import mix, oklch, shade
from .portrait_ground import Ground, lay, light_of, mirrored, ramp, shifted, smooth, tapered
from .portrait_light import lit, normals_of, occlusion
from .portrait_person import Person
from .portrait_shape import MIDDLE, Shape


def paint_nose(p: Person, g: Ground, picture: np.ndarray) -> None:
    """Nostrils and the folds about the wings; the rest of a nose is its relief."""
    dark = light_of(shade(mix(p.skin, oklch(0.30, 0.07, 25), 0.72), 0.55))
    fold = light_of(shade(mix(p.skin, oklch(0.40, 0.09, 25), 0.5), 0.62))
    w = p.nose_width
    for s in (-1, 1):
        rim = [(0.20, -1.0), (0.34, -6.0), (0.60, -6.5), (0.72, -2.5), (0.55, 0.2), (0.34, 0.8)]
        hole = shifted(smooth(np.array(rim) * [s * w, 1], 60, closed=True), MIDDLE, p.nose_base)
        lay(picture, dark, 0.80 * g.mask(hole, 1.1))
        lay(picture, dark, 0.22 * g.mask(hole, 3.2))
        fold_line = [(w - 1, -26), (w + 3.0, -15), (w + 0.5, -4), (w - 9, 0.5)]
        wing = shifted(smooth(fold_line, 40) * [s, 1], MIDDLE, p.nose_base)
        lay(picture, fold, 0.50 * g.strokes([wing], tapered(3.0, 0.0, 0.1), 1.2))
    base = shifted(smooth([(-0.30 * w, 2), (0, 6), (0.30 * w, 2)], 30), MIDDLE, p.nose_base)
    lay(picture, fold, 0.25 * g.strokes([base], tapered(5), 2.2))


def paint_mouth_line(p: Person, shape: Shape, g: Ground, picture: np.ndarray) -> None:
    """The line between the lips, and the small dents at its ends."""
    dark = light_of(shade(mix(p.lip, oklch(0.25, 0.07, 20), 0.72), 0.6))
    line = shape.lips[1]
    lay(picture, dark, 0.30 * g.strokes([line], tapered(6.0, 0.3, 0.3), 2.0))
    lay(picture, dark, 0.92 * g.strokes([line], tapered(2.7, 0.35, 0.35, 0.4), 0.55))
    shadow = light_of(shade(mix(p.skin, oklch(0.4, 0.09, 25), 0.5), 0.6))
    for s in (-1, 1):
        x, y = MIDDLE + s * (p.mouth_width - 0.5), p.mouth - 1.2 - p.smile
        lay(picture, shadow, 0.50 * g.spot(x, y, 5.5, 4.0))
    x, y = 0.48 * p.mouth_width, 0.86 * p.lower_lip + 4
    low = shifted(smooth([(-x, y), (0, p.lower_lip + 5), (x, y)], 40), MIDDLE, p.mouth)
    lay(picture, shadow, 0.30 * g.strokes([low], tapered(6), 3.0))


def ear_outline(p: Person) -> np.ndarray:
    """The person's left ear."""
    points = [(-16, 426), (0, 408), (16, 404), (27, 416), (30, 442), (25, 474), (17, 500), (12, 524), (2,
        536), (-9, 530),
              (-18, 500)]  # fmt: skip
    return shifted(smooth(points, 160, closed=True), MIDDLE + p.face_width, 0)


def paint_ears(p: Person, g: Ground, picture: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Puts both ears into `picture`; returns their mask (H, W)."""
    both = np.zeros_like(g.x)
    for s in (-1, 1):
        outline = ear_outline(p)
        base = MIDDLE + p.face_width
        helix = shifted(
            smooth([(-2, 420), (10, 410), (21, 418), (24, 442), (20, 472), (13, 496)], 60), base, 0
        )
        inner = shifted(smooth([(2, 440), (10, 446), (12, 466), (6, 488), (0, 500)], 50), base, 0)
        if s < 0:
            outline, helix, inner = mirrored(outline), mirrored(helix), mirrored(inner)
        mask = g.mask(outline)
        z = 26 * g.blur(mask, 7) + 7 * g.strokes([helix], tapered(9, 0.5, 0.3), 2.2)
        z += 6 * g.strokes([inner], tapered(8, 0.4, 0.4), 2.2)
        x = MIDDLE + s * p.face_width
        z -= 9 * g.spot(x + s * 2, 474, 8, 17)
        z += s * (g.x - x) * -0.25
        n = normals_of(z, g)
        red = light_of(mix(p.skin, oklch(0.60, 0.15, 28), 0.22))
        flesh = colour.copy()
        lay(flesh, red, 0.55 * mask)
        deep = np.clip(occlusion(z, g, 6, 0.16), 0, 1)
        face_side = ramp(s * (g.x - x), 8, -10)
        ear = lit(
            flesh,
            n,
            np.clip(0.25 * deep + 0.5 * face_side + (0.25 if s > 0 else 0), 0, 1),
            np.clip(deep + 0.4 * face_side, 0, 1),
        )
        dark = light_of(shade(mix(p.skin, oklch(0.35, 0.09, 25), 0.55), 0.6))
        lay(ear, dark, 0.55 * g.spot(x + s * 1, 474, 6, 14))
        lay(picture, ear, mask)
        both = np.maximum(both, mask)
    if p.earrings:
        for s in (-1, 1):
            x, y = MIDDLE + s * (p.face_width + 4), 529
            gold = light_of(oklch(0.78, 0.11, 85))
            r = np.hypot(g.x - x, g.y - y)
            lay(picture, gold * (0.5 + 0.9 * g.spot(x - 1.5, y - 2, 3, 3))[..., None], ramp(r, 5.6, 4.4))
            both = np.maximum(both, ramp(r, 5.6, 4.4))
    return both
