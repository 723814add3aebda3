"""Hair too short for locks: close curls, stubble and beards."""

from __future__ import annotations

import numpy as np

from .colour import mix, shade
from .portrait_ground import Ground, light_of, mirrored, ramp, smooth
from .portrait_hair import fuzz, over
from .portrait_light import normals_of
from .portrait_person import Person
from .portrait_shape import CROWN, MIDDLE, Shape
from .portrait_skin import beard_area, random_field


def coils(p: Person, g: Ground) -> np.ndarray:
    """Close curls, cut sharp at the forehead and fading at the sides, premultiplied (H, W, 4)."""
    w, h = p.face_width, p.hairline
    half = [(0, CROWN - 22), (0.50 * w, CROWN - 10), (0.84 * w, CROWN + 40), (1.00 * w, CROWN + 120),
        (1.035 * w, CROWN + 210),
            (1.01 * w, 400), (0.965 * w, 436), (0.93 * w, 430), (0.90 * w, 372), (0.86 * w, 330),
            (0.79 * w, 300),
            (0.74 * w, h + 26), (0.50 * w, h + 6), (0.2 * w, h), (0, h - 1)]  # fmt: skip
    half = np.array(half)
    edge = np.vstack(
        [smooth(half[:7], 80), smooth(half[6:10], 40), smooth(half[9:12], 30), smooth(half[11:], 60)]
    )
    edge[:, 0] += MIDDLE
    area = g.mask(np.vstack([edge, mirrored(edge)[::-1]]))
    rough = random_field(g, f"{p.name}/edge", 7) * 2.2
    soft = np.clip(g.blur(area, 3.5) * 1.0 + 0.05 * rough * (g.blur(area, 5) > 0.02), 0, 1)
    soft = ramp(soft, 0.30, 0.70)
    fade = 1 - 0.62 * ramp(g.y, 330, 430) * ramp(np.abs(g.x - MIDDLE), 0.7 * w, 0.85 * w)
    x = (g.x - MIDDLE) / (1.06 * w)
    y = (g.y - 330) / 232
    y = np.where(y > 0, 0.4 * y, y)
    far = np.maximum(np.hypot(x, y), 1e-6)
    k = np.minimum(1, 0.98 / far)
    bumps = random_field(g, f"{p.name}/curls", 13)
    by, bx = np.gradient(g.blur(bumps, 2.0) * 3.2 * g.scale)
    n = np.stack([x * k - bx, y * k - by, np.sqrt(np.clip(1 - (x * k) ** 2 - (y * k) ** 2, 0.03, 1))], -1)
    n = (n / np.linalg.norm(n, axis=-1, keepdims=True)).astype(np.float32)
    base = light_of(shade(p.hair, 0.75))
    alpha = soft * fade
    layer = np.concatenate([base * alpha[..., None], alpha[..., None]], -1).astype(np.float32)
    over(fuzz(p, g, "coils", soft * fade, 15000, (7, 13), None, n, curl=4.2, width=1.9, lift=1.5), layer)
    return layer


def _downward(p: Person, g: Ground) -> np.ndarray:
    """The way a beard grows: down, drawn to the chin; away from the middle on the upper lip."""
    x = (g.x - MIDDLE) / p.face_width
    lip = ramp(g.y, 604, 588) * (np.abs(x) < 0.42)
    way = np.stack([-0.35 * x * (1 - lip) + 1.9 * np.tanh(6 * x) * lip * 0.55, np.ones_like(x)], -1)
    return way / np.linalg.norm(way, axis=-1, keepdims=True)


def beard(p: Person, shape: Shape, g: Ground, depth: np.ndarray) -> np.ndarray:
    """A beard, premultiplied (H, W, 4): "short" is trimmed close, "full" reaches below the chin."""
    full, stubble = p.beard == "full", p.beard == "stubble"
    face = g.mask(shape.outline)
    area = beard_area(p, shape, g) * g.blur(face, 1.0)
    n = normals_of(g.blur(depth, 3.0), g)
    ground = light_of(mix(shade(p.hair, 0.62), p.skin, 0.30 if full else 0.35))
    alpha = area * (0.80 if full else 0.60)
    light = np.clip(
        0.25 + 0.9 * np.clip((n @ np.array([-0.5, -0.35, 0.79], np.float32) + 0.2) / 1.2, 0, 1), 0, 1.1
    )
    alpha = alpha * (0.0 if stubble else 1.0)
    layer = np.concatenate([ground * (alpha * light)[..., None], alpha[..., None]], -1).astype(np.float32)
    way = _downward(p, g)
    if full:
        patchy = area * (0.75 + 0.25 * ramp(g.y, 590, 650))
        over(fuzz(p, g, "beard", patchy, 11000, (11, 25), way, n, curl=0.8, width=1.35, lift=0.85), layer)
    elif stubble:
        over(fuzz(p, g, "beard", area * 0.8, 5000, (2, 4), way, n, curl=0.8, width=1.0, lift=1.6), layer)
    else:
        over(fuzz(p, g, "beard", area, 9000, (4, 8), way, n, curl=1.8, width=1.3, lift=1.3), layer)
    return layer
