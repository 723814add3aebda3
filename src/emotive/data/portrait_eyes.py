"""Eyes and brows: whites, irises, lids, lashes and brow hairs."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .colour import mix, oklch, shade
from .portrait_ground import Ground, encoded, lay, light_of, linear, ramp, ribbon, shifted, tapered
from .portrait_person import BLACK_HAIR, Person
from .portrait_shape import MIDDLE, Shape

BALL = 50.0  # radius of an eyeball, frame units
IRIS_SIZE = 160  # pixels across an iris layer


def whites(p: Person, g: Ground) -> np.ndarray:
    """Both eyeballs without irises and lids, linear light, painted far past the lids."""
    white = light_of(mix(oklch(0.885, 0.012, 75), p.skin, 0.05))
    picture = np.broadcast_to(white, (*g.x.shape, 3)).copy()
    pink = light_of(oklch(0.70, 0.075, 25))
    for s in (-1, 1):
        x = MIDDLE + s * p.eye_gap
        side = g.x < MIDDLE if s < 0 else g.x >= MIDDLE
        dx, dy = (g.x - x) / BALL, (g.y - p.eye_line) / BALL
        z = np.sqrt(np.clip(1 - dx**2 - dy**2, 0.02, 1))
        light = np.clip(-0.40 * dx - 0.40 * dy + 0.92 * z, 0, 1.1)
        shading = 0.30 + 0.70 * light
        picture = np.where(side[..., None], white * shading[..., None] * [1.0, 0.985, 0.975], picture)
        lay(picture, pink, side * 0.55 * g.spot(x - s * p.eye_width * 0.98, p.eye_line + 5, 11, 11))
        lay(picture, pink, side * 0.22 * g.spot(x + s * p.eye_width, p.eye_line + 2, 11, 14))
    return picture.astype(np.float32)


def iris_disc(p: Person, side: int) -> np.ndarray:
    """One iris as uint8 sRGB and opacity (S, S, 4): limbal ring, fibres, collarette, pupil."""
    n = IRIS_SIZE
    y, x = np.mgrid[0:n, 0:n].astype(np.float32)
    x, y = (x + 0.5) / n * 2 - 1, (y + 0.5) / n * 2 - 1
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    rng = np.random.default_rng(list(f"{p.name}/iris{side}".encode()))
    fibres = np.zeros_like(r)
    for waves in (9, 17, 31, 47, 71):
        fibres += np.sin(waves * angle + rng.uniform(0, 6.28) + 1.3 * np.sin(3 * angle + 4 * r)) / waves**0.35
    fibres = fibres / 1.6
    base = light_of(p.eye)
    inner = light_of(mix(p.eye, oklch(min(p.eye[0] + 0.10, 0.8), 0.075, 70), 0.45))
    glow = ramp(y, -0.75, 0.95)
    tone = (0.46 + 0.80 * glow) * (1 + 0.20 * fibres * ramp(r, 0.25, 0.6))
    colour = base * tone[..., None]
    lay(colour, inner * (0.7 + 0.7 * glow)[..., None], 0.75 * np.exp(-(((r - 0.50) / 0.13) ** 2)))
    lay(colour, base * 0.12, 0.92 * ramp(r, 0.72, 0.97))
    lay(colour, np.array([0.006, 0.005, 0.005], np.float32), ramp(r, 0.44, 0.395))
    faint = np.exp(-(((x + 0.30) / 0.16) ** 2) - ((y + 0.36) / 0.16) ** 2)
    lay(colour, np.array([1, 1, 1], np.float32), 0.25 * faint)
    lay(colour, inner * 2.2, 0.22 * np.exp(-(((x - 0.30) / 0.30) ** 2) - ((y - 0.48) / 0.18) ** 2))
    alpha = ramp(r, 1.0, 0.90)
    return np.rint(np.concatenate([encoded(colour), alpha[..., None]], -1) * 255).astype(np.uint8)


def placed(disc: np.ndarray, iris: np.ndarray, g: Ground) -> tuple[np.ndarray, np.ndarray]:
    """An iris layer at its place: linear colour (H, W, 3) and mask (H, W)."""
    over = 4  # the small picture is sampled finely, then averaged
    x, y, r = iris * g.scale
    size = int(2 * r) + 6
    left, top = int(x - r) - 2, int(y - r) - 2
    k = disc.shape[0] / (2 * r)
    steps = (np.arange(size * over) + 0.5) / over
    at_x, at_y = np.meshgrid((steps + left - x + r) * k - 0.5, (steps + top - y + r) * k - 0.5)
    layer = disc.astype(np.float32) / 255
    layer[..., :3] = linear(layer[..., :3]) * layer[..., 3:]
    fine = cv2.remap(layer, at_x.astype(np.float32), at_y.astype(np.float32), cv2.INTER_LINEAR)
    small = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
    whole = np.zeros((g.size, g.size, 4), np.float32)
    whole[top : top + size, left : left + size] = small
    return whole[..., :3] / np.maximum(whole[..., 3:], 1e-4), whole[..., 3]


def paint_eyes(p: Person, shape: Shape, g: Ground, picture: np.ndarray, white: np.ndarray,
               discs: np.ndarray) -> None:  # fmt: skip
    """Puts the open eyes into a picture of the skin."""
    for i, s in enumerate((-1, 1)):
        upper, lower = shape.lids[i]
        opening = g.mask(np.vstack([upper, lower[::-1]]))
        ball = white.copy()
        colour, mask = placed(discs[i], shape.irises[i], g)
        lay(ball, colour, mask)
        above = 1 - g.mask(np.vstack([shifted(upper, 0, 6.5), shifted(lower[::-1], 0, 30)]), 4.4)
        ball *= (1 - 0.66 * above)[..., None] * np.array([1, 0.98, 0.97], np.float32) + (above * 0.01)[
            ..., None
        ]
        x, y, r = shape.irises[i]
        lay(
            ball,
            np.array([1, 1, 1], np.float32),
            0.96 * ramp(np.hypot(g.x - x + 0.33 * r, (g.y - y + 0.36 * r) * 1.1), 4.9, 3.3),
        )
        lay(
            ball,
            np.array([1, 1, 1], np.float32),
            0.30 * ramp(np.hypot(g.x - x - 0.36 * r, g.y - y - 0.42 * r), 3.2, 1.4),
        )
        _lower_lid(p, lower, g, picture)
        lay(picture, ball, opening)
        _caruncle(lower, g, picture, opening, s)
        _upper_lid(p, upper, g, picture, s)


def _lower_lid(p: Person, lower: np.ndarray, g: Ground, picture: np.ndarray) -> None:
    rim = light_of(mix(p.skin, oklch(0.80, 0.055, 30), 0.55))
    edge = ribbon(shifted(lower, 0, 1.8), lambda t: 4.2 * math.sin(math.pi * (0.04 + 0.92 * t)) ** 0.5)
    lay(picture, rim * 0.92, 0.62 * g.mask(edge, 0.8))
    dark = light_of(shade(mix(p.skin, oklch(0.4, 0.08, 25), 0.4), 0.72))
    under = ribbon(shifted(lower, 0, 4.6), lambda t: 2.2 * math.sin(math.pi * t) ** 0.6)
    lay(picture, dark, 0.34 * g.mask(under, 1.1))
    lashes = ribbon(shifted(lower[:120], 0, 1.2), lambda t: 2.0 * p.lash * (1 - 0.75 * t) ** 0.8)
    lay(picture, light_of(shade(BLACK_HAIR, 1.0)), 0.50 * g.mask(lashes, 0.6))


def _caruncle(lower: np.ndarray, g: Ground, picture: np.ndarray, opening: np.ndarray, s: int) -> None:
    x, y = lower[-1]
    pink = light_of(oklch(0.66, 0.085, 25))
    lay(picture, pink, 0.75 * opening * g.spot(x + s * 4, y - 0.5, 6.0, 4.5))


def _upper_lid(p: Person, upper: np.ndarray, g: Ground, picture: np.ndarray, s: int) -> None:
    ink = light_of(shade(BLACK_HAIR, 0.72))

    def width(t: float) -> float:  # from the outer corner: full, thinner towards the nose
        return p.lash * (5.2 * min(1.0, 0.45 + 4 * t) * (1 - 0.62 * t**1.2)) * (1.0 if t < 0.97 else 0.5)

    way = np.linspace(0, 1, len(upper))
    up = np.gradient(upper, axis=0)
    normal = np.stack([up[:, 1], -up[:, 0]], -1) / (np.linalg.norm(up, axis=1, keepdims=True) + 1e-9)
    normal *= np.sign(-normal[len(normal) // 2, 1])
    thick = np.array([width(t) for t in way])[:, None]
    line = np.vstack([upper - normal * 0.6, (upper + normal * thick)[::-1]])
    wing = upper[0] + np.array([s * 4.5 * p.lash, -2.0 * p.lash])
    line = np.vstack([line, [wing]])
    lay(picture, ink, 0.35 * g.mask(line, 2.6))
    lay(picture, ink, 0.97 * g.mask(line, 0.45))


def crease(p: Person, shape: Shape) -> list[np.ndarray]:
    """The fold above each upper lid."""
    folds = []
    for i in range(2):
        upper = shape.lids[i, 0]
        t = np.linspace(0, 1, len(upper))[:, None]
        lift = p.crease * (0.62 + 0.55 * np.sin(np.pi * np.clip(t, 0, 1)) - 0.25 * t)
        fold = upper - np.concatenate([np.zeros_like(lift), lift], -1)
        folds.append(fold[2:-8])
    return folds


def lid_relief(p: Person, shape: Shape, g: Ground) -> np.ndarray:
    """What lids add to the depth: the fold, and the roll of the lid below it."""
    folds = crease(p, shape)
    z = -3.2 * g.strokes(folds, tapered(3.6, 0.2, 0.1), 1.3)
    z += 2.6 * g.strokes([shifted(f, 0, -8) for f in folds], tapered(9.0, 0.2, 0.1), 3.4)
    low = [shifted(shape.lids[i, 1], 0, 9) for i in range(2)]
    return z + 1.6 * g.strokes(low, tapered(5.0), 2.6)


def paint_crease(p: Person, shape: Shape, g: Ground, picture: np.ndarray) -> None:
    """The thin shadow in the fold of each lid."""
    dark = light_of(shade(mix(p.skin, oklch(0.4, 0.09, 22), 0.5), 0.55))
    folds = crease(p, shape)
    lay(picture, dark, 0.62 * g.strokes(folds, tapered(2.4, 0.1, 0.0), 0.7))
    lay(picture, dark, 0.25 * g.strokes(folds, tapered(5.0, 0.1, 0.0), 2.4))


def paint_brows(p: Person, shape: Shape, g: Ground, picture: np.ndarray) -> None:
    """Brows, hair by hair: upright at the nose, lying down towards the temple."""
    hair = p.brow or p.hair
    base = light_of(hair)
    for i, s in enumerate((-1, 1)):
        rng = np.random.default_rng(list(f"{p.name}/brow{i}".encode()))
        upper, lower = shape.brows[i]
        outline = np.vstack([upper, lower[::-1]])
        lay(
            picture,
            base * 0.9,
            0.50 * g.mask(outline, 3.0) * (1 - 0.5 * g.spot(outline[99, 0], outline[99, 1], 16, 16)),
        )
        n = 320
        t = np.sort(rng.uniform(0.0, 1.0, n))  # temple .. nose
        at = (t * 99).astype(int)
        v = rng.uniform(0.05, 1, n) ** 0.85
        root = lower[at] + (upper[at] - lower[at]) * v[:, None] * 0.9
        lean = np.radians(np.interp(t, [0, 0.35, 0.75, 1], [6, 16, 38, 62]) + rng.normal(0, 7, n))
        lean = lean * (1 - 0.5 * v * (t < 0.85)) - np.radians(20) * (t < 0.4) * (v > 0.6)
        length = np.interp(t, [0, 0.2, 0.7, 1], [9, 15, 16, 11]) * rng.uniform(0.75, 1.15, n)
        way = np.linspace(0, 1, 6)[None, :, None]
        direction = np.stack([s * np.cos(lean), -np.sin(lean)], -1)[:, None]
        bend = np.stack([s * 0.12 * length, 0.22 * length], -1)[:, None]
        curves = root[:, None] + direction * length[:, None, None] * way + bend * way**2
        widths = np.broadcast_to(1.6 * (1 - 0.8 * np.linspace(0, 1, 6)), (n, 6))
        tone = rng.uniform(0.7, 1.35, n)[:, None, None]
        opacity = 0.70 * ramp(t, 1.02, 0.80) * ramp(t, -0.03, 0.12) + 0.12
        colours = np.concatenate(
            [np.broadcast_to(base * tone, (n, 6, 3)), np.broadcast_to(opacity[:, None, None], (n, 6, 1))], -1
        )
        layer = g.strands(curves, widths, colours, over=5)
        picture *= 1 - layer[..., 3:]
        picture += layer[..., :3]
