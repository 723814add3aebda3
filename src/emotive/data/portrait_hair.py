"""Hair: locks of strands that follow guide curves, lit along the strand (Kajiya and Kay 1989).

A sheet is a surface of hair between guide curves. Its locks are rooted side by side; the strands of a lock
draw together towards its tip, so that hair hangs in locks with shadow between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline, make_interp_spline

from .portrait_ground import Ground, light_of, ramp, resampled, smooth
from .portrait_light import HALF, KEY, RIM
from .portrait_person import Person

POINTS = 40  # along a strand


@dataclass(frozen=True)
class Sheet:
    """A surface of hair. guides: curves from root to tip, from the first drawn lock to the last.

    locks, strands: how many, and how many strands to a lock. clump: 0..1, how far the strands of a lock draw
    together at its tip. wave: (amplitude in units, waves along the strand). lengths: shortest and longest
    strand as fractions of the guides. fray: how loosely strands lie, in units. tone: lightness of the sheet.
    """

    guides: tuple[tuple[tuple[float, float], ...], ...]
    locks: int = 30
    strands: int = 34
    clump: float = 0.7
    wave: tuple[float, float] = (0.0, 1.0)
    lengths: tuple[float, float] = (0.88, 1.0)
    fray: float = 2.0
    tone: float = 1.0
    width: float = 2.0
    under: float = 0.9  # width of the dark ground below a lock, in lock distances
    soft_root: float = 0.0  # how much of the strand fades in at its root
    shine: float = 1.0
    blunt: float = 0.0  # 0 tips thin out .. 1 cut straight
    stagger: float = 0.0  # how far along the guides roots lie apart


def grow(sheet: Sheet, p: Person, g: Ground, name: str) -> np.ndarray:
    """The sheet as a premultiplied layer (H, W, 4), linear light."""
    rng = np.random.default_rng(list(f"{p.name}/{name}".encode()))
    guides = np.stack([resampled(smooth(c, 300), POINTS) for c in sheet.guides])
    count = len(guides)
    basis = make_interp_spline(np.linspace(0, 1, count), np.eye(count), k=min(3, count - 1))
    locks = [_lock(sheet, guides, basis, i, rng) for i in range(sheet.locks)]
    curves, widths, tones, across, solid = (np.concatenate(parts) for parts in zip(*locks, strict=True))
    return g.strands(curves, widths, _shaded(sheet, p, curves, tones, across, solid, rng))


def _lock(
    sheet: Sheet, guides: np.ndarray, basis: BSpline, i: int, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Lock i: its ground and strands in drawing order, as curves (n, K, 2), widths (n, K), lightness (n,),
    place across the lock -1..1 (n,), and whether each is ground (n,)."""
    t = np.linspace(0, 1, POINTS)
    n = sheet.strands
    wide = 2 if sheet.under else 0
    ground = np.arange(wide + n) < wide
    spacing = 1.0 / sheet.locks
    q0 = (i + 0.5 + rng.uniform(-0.35, 0.35)) * spacing
    across = np.concatenate([np.linspace(-0.5, 0.5, wide), rng.uniform(-1, 1, n)])
    q = q0 + across[:, None] * 0.72 * spacing * (1 - sheet.clump * t**1.4)
    curve = _between(sheet, guides, basis, q, ground, rng)
    along = np.gradient(curve, axis=1)
    normal = np.stack([-along[..., 1], along[..., 0]], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6
    amplitude, waves = sheet.wave
    turns = waves * (1 + 0.08 * rng.standard_normal()) * t
    # Neighbouring locks swing nearly together.
    swing = amplitude * rng.uniform(0.7, 1.2) * np.sin(2 * np.pi * (turns + 0.16 * rng.random()) + 5 * q0)
    own_turns = t * rng.uniform(0.5, 1.6, (wide + n, 1)) + rng.uniform(0, 1, (wide + n, 1))
    own = sheet.fray * rng.standard_normal((wide + n, 1)) * np.sin(2 * np.pi * own_turns)
    curve = curve + normal * (swing * ramp(t, 0.1, 0.55) + own * ramp(t, 0.02, 0.7))[..., None]
    edges = [np.einsum("c,ckx->kx", basis(min(x, 1.0)), guides) for x in (q0, q0 + spacing)]
    pitch = np.linalg.norm(edges[1] - edges[0], axis=-1)
    below = np.maximum(pitch * sheet.under, 3.0) * (1 - (1 - sheet.blunt) * 0.9 * ramp(t, 0.70, 1.0))
    hair = sheet.width * rng.uniform(0.6, 1.3, (wide + n, 1))
    hair = hair * (1 - ramp(t, 0.60, 1.0) * 0.85 * (1 - 0.6 * sheet.blunt))
    widths = np.where(ground[:, None], below, hair)
    tone = np.exp(0.13 * rng.standard_normal() + 0.20 * rng.standard_normal(wide + n))
    tone[:wide] = 0.62
    across[:wide] = 0.0
    order = np.concatenate([np.arange(wide), wide + rng.permutation(n)])
    return curve[order], widths[order], tone[order], across[order], ground[order]


def _between(
    sheet: Sheet,
    guides: np.ndarray,
    basis: BSpline,
    q: np.ndarray,
    ground: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Strands between the guides, at q (n, K) of the way from the first to the last: (n, K, 2)."""
    n = len(q)
    length = rng.uniform(*sheet.lengths) * np.where(ground, 0.97, rng.uniform(0.93, 1.0, n))
    start = sheet.stagger * np.where(ground, 0.5, rng.random(n))
    t = np.linspace(0, 1, POINTS)
    at = np.clip(start[:, None] + t * (length - start)[:, None], 0, 1) * (POINTS - 1)
    low = np.minimum(at.astype(int), POINTS - 2)
    part = (at - low)[..., None]
    here = guides[:, low] * (1 - part) + guides[:, low + 1] * part  # (count, n, K, 2)
    return np.einsum("nkc,cnkx->nkx", basis(np.clip(q, 0, 1)), here)


def _shaded(sheet: Sheet, p: Person, curve: np.ndarray, tone: np.ndarray, across: np.ndarray,
    solid: np.ndarray,
            rng: np.random.Generator) -> np.ndarray:  # fmt: skip
    n = _normals(curve, p)
    along = np.gradient(curve, axis=1)
    deep = -(n[..., 0] * along[..., 0] + n[..., 1] * along[..., 1]) / np.maximum(n[..., 2], 0.25)
    tangent = np.concatenate([along, deep[..., None]], -1)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True) + 1e-6
    tilt = 0.10 * rng.standard_normal((len(curve), 1, 1)) + 0.05
    tangent = tangent + tilt * n
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True)
    facing = np.clip((n @ KEY + 0.35) / 1.35, 0, 1)
    shine = np.sqrt(np.clip(1 - (tangent @ HALF) ** 2, 0, 1)) ** 55 * np.clip(n @ HALF, 0, 1) ** 2
    diffuse = np.sqrt(np.clip(1 - (tangent @ KEY) ** 2, 0, 1)) * (0.35 + 0.65 * facing)
    rim = ramp(n @ RIM, 0.35, 0.95)
    t = np.linspace(0, 1, curve.shape[1])
    valley = 1 - 0.34 * across[:, None] ** 2 * ramp(t, 0.05, 0.4)
    base = light_of(p.hair)
    strand = np.broadcast_to(base, (len(curve), 3)).copy()
    grey = rng.random(len(curve)) < p.grey
    strand[grey] += (np.array([0.40, 0.40, 0.41], np.float32) - base) * rng.uniform(
        0.15, 0.75, (int(grey.sum()), 1)
    )
    valley = valley * (0.62 + 0.38 * ramp(t, 0.0, 0.14))
    light = (0.16 + 0.98 * diffuse) * valley * tone[:, None] * sheet.tone
    pale = float(base.mean())
    gleam = (base * 1.9 + 0.25 * pale + 0.026) * (1 - 0.7 * min(1.0, 1.6 * pale))
    light = light * (1 - 0.20 * min(1.0, 1.6 * pale))
    colour = strand[:, None] * light[..., None]
    extra = (1.25 * shine * sheet.shine * (valley * tone[:, None]))[..., None] * gleam + 0.60 * (
        rim * tone[:, None]
    )[..., None] * gleam
    colour = colour + np.where(solid[:, None, None], 0.15, 1.0) * extra * sheet.tone
    alpha = np.where(solid[:, None], 1.0, 0.92) * np.ones_like(light)
    alpha = alpha * np.where(solid[:, None], 1.0, 1 - 0.6 * (1 - sheet.blunt) * ramp(t, 0.78, 1.0))
    if sheet.soft_root:
        fade = ramp(t, 0.0, sheet.soft_root)[None]
        alpha = alpha * np.where(solid[:, None], fade**2, 0.15 + 0.85 * fade)
    return np.concatenate([colour, alpha[..., None]], -1)


def _normals(curve: np.ndarray, p: Person) -> np.ndarray:
    """Of the rounded mass that hair makes about the head."""
    x = (curve[..., 0] - 512) / (p.face_width + 95)
    y = (curve[..., 1] - 385) / 300
    y = np.where(y > 0, 0.35 * y, y)
    far = np.sqrt(x**2 + y**2)
    k = np.minimum(1, 0.97 / np.maximum(far, 1e-6))
    x, y = x * k, y * k
    return np.stack([x, y, np.sqrt(np.clip(1 - x**2 - y**2, 0.03, 1))], -1)


def fuzz(p: Person, g: Ground, name: str, density: np.ndarray, count: int, length: tuple[float, float],
         direction: np.ndarray | None, normals: np.ndarray, curl: float = 0.0, width: float = 1.8,
         lift: float = 1.0) -> np.ndarray:  # fmt: skip
    """Short hairs where `density` (H, W) says, each `length` units long, as a premultiplied layer.

    direction: (H, W, 2) in which they grow, or None for curls every way. curl: how far a hair turns along its
    way, rad. normals: (H, W, 3) of the surface below. lift: how light they are.
    """
    rng = np.random.default_rng(list(f"{p.name}/{name}".encode()))
    rows = rng.integers(0, g.size, 12 * count)
    columns = rng.integers(0, g.size, 12 * count)
    keep = np.flatnonzero(rng.random(12 * count) < density[rows, columns])[:count]
    rows, columns = rows[keep], columns[keep]
    order = np.argsort(-rows)  # those above lie over those below
    rows, columns = rows[order], columns[order]
    root = np.stack([g.x[rows, columns], g.y[rows, columns]], -1)
    n = len(root)
    if direction is None:
        angle = rng.uniform(0, 2 * np.pi, n)
    else:
        way = direction[rows, columns]
        angle = np.arctan2(way[:, 1], way[:, 0]) + rng.normal(0, 0.22, n)
    points = 8
    t = np.linspace(0, 1, points)
    turn = angle[:, None] + (curl * rng.choice((-1, 1), n) * rng.uniform(0.5, 1.2, n))[:, None] * t
    size = rng.uniform(*length, n)[:, None] / (points - 1)
    steps = np.stack([np.cos(turn), np.sin(turn)], -1) * size[..., None]
    curves = root[:, None] + np.cumsum(steps, axis=1)
    facing = np.clip((normals[rows, columns] @ KEY + 0.3) / 1.3, 0, 1)
    rim = ramp(normals[rows, columns] @ RIM, 0.35, 0.95)
    base = light_of(p.hair)
    colour = np.broadcast_to(base, (n, 3)).copy()
    grey = rng.random(n) < p.grey
    colour[grey] = np.array([0.45, 0.45, 0.45], np.float32)
    tone = np.exp(0.32 * rng.standard_normal(n)) * (0.22 + 1.0 * facing) * lift
    along = 0.55 + 0.75 * np.sin(np.pi * np.clip(t * 1.1, 0, 1))
    colour = (
        colour[:, None] * (tone[:, None] * along)[..., None]
        + (0.10 * rim * base.mean() ** 0.5)[:, None, None]
    )
    alpha = np.broadcast_to((0.92 - 0.5 * t)[None, :, None], (n, points, 1))
    widths = width * rng.uniform(0.7, 1.3, (n, 1)) * (1 - 0.65 * t)
    return g.strands(curves, widths, np.concatenate([colour, alpha], -1))


def over(layer: np.ndarray, picture: np.ndarray) -> None:
    """A premultiplied layer (H, W, 4) over a picture (H, W, 3) or layer (H, W, 4), in place."""
    picture *= 1 - layer[..., 3:]
    picture += layer[..., : picture.shape[-1]]


def cap_layer(outline: tuple, p: Person, g: Ground, tone: float = 0.22) -> np.ndarray:
    """The dark ground below front hair, softly bounded, premultiplied."""
    mask = g.mask(smooth(outline, 300, closed=True), 4.0)
    tone = tone + 0.25 * light_of(p.hair).mean()
    return np.concatenate([light_of(p.hair) * tone * mask[..., None], mask[..., None]], -1).astype(np.float32)
