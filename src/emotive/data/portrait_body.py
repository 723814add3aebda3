"""What stays when the head turns: the backdrop, neck, shoulders and clothes."""

from __future__ import annotations

import numpy as np

from .colour import mix, oklch, shade
from .portrait_ground import Ground, lay, light_of, mirrored, ramp, ribbon, shifted, smooth, tapered
from .portrait_light import cast_shadow, gloss, lit, normals_of, occlusion
from .portrait_person import Person
from .portrait_shape import MIDDLE
from .portrait_skin import random_field


def studio(p: Person, g: Ground) -> np.ndarray:
    """The backdrop: a soft light behind the sitter."""
    light, dark = (light_of(c) for c in p.backdrop)
    glow = np.exp(-(((g.x - 590) / 520) ** 2) - ((g.y - 400) / 560) ** 2)
    picture = dark + (light - dark) * glow[..., None]
    return picture * (1 + 0.02 * random_field(g, f"{p.name}/wall", 190)[..., None])


def body_outline(p: Person) -> np.ndarray:
    """Neck, from behind the face, and shoulders."""
    n, s = p.neck, p.shoulders
    half = np.array([
        (0.99 * n, 540), (0.98 * n, 660), (1.00 * n, 712), (1.10 * n, 744), (1.46 * n, 770),
        (0.36 * s + 0.9 * n, 794),
        (0.92 * s, 830), (1.10 * s, 884), (1.19 * s, 965), (1.24 * s, 1060),
    ])  # fmt: skip
    half = smooth(half, 160)
    half[:, 0] += MIDDLE
    return np.vstack([half, mirrored(half)[::-1]])


def neckline(p: Person) -> np.ndarray:
    """The edge of the garment about the neck, from the person's right to the left."""
    n = p.neck
    if p.garment in ("shirt", "cardigan"):
        half = [(1.70 * n, 746), (1.36 * n, 790), (0.80 * n, 870), (0.32 * n, 935), (0.0, 985)]
    elif p.garment == "turtleneck":
        half = [(1.12 * n, 733), (0.98 * n, 740), (0.6 * n, 750), (0.25 * n, 755), (0.0, 756)]
    elif p.garment == "boat":
        half = [(2.35 * n, 766), (1.85 * n, 820), (1.15 * n, 866), (0.5 * n, 886), (0.0, 890)]
    else:
        half = [(1.66 * n, 748), (1.38 * n, 788), (0.95 * n, 832), (0.45 * n, 854), (0.0, 859)]
    curve = np.array(half)
    whole = np.vstack([curve[:-1] * [-1, 1], curve[::-1]])
    return shifted(smooth(whole, 200), MIDDLE, 0)


def paint_body(p: Person, g: Ground, jaw: np.ndarray, hair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neck, shoulders and clothes: mask (H, W) and picture (H, W, 3). The shadows of `jaw` and `hair`, masks
    of face and front hair, fall on them."""
    outline = body_outline(p)
    body = g.mask(outline)
    picture = np.zeros((*g.x.shape, 3), np.float32)
    depth = _body_depth(p, g, body)
    _paint_neck(p, g, picture, depth, jaw)
    cloth = _paint_garment(p, g, picture, body, depth)
    shift = np.roll(np.roll(hair, round(16 * g.scale), 0), round(8 * g.scale), 1)
    picture *= 1 - 0.55 * g.blur(shift * ramp(g.y, 600, 700), 10)[..., None]
    return np.maximum(body, cloth), picture


def _body_depth(p: Person, g: Ground, body: np.ndarray) -> np.ndarray:
    n = p.neck
    u = np.abs(g.x - MIDDLE) / n
    neck = 86 * np.exp(-0.85 * u**2.2) * ramp(g.y, 880, 720)
    chest = ramp(g.y, 755, 1010) * 130 + 34 * g.blur(body, 30)
    chest += -0.00055 * (g.x - MIDDLE) ** 2
    return neck + chest


def _paint_neck(p: Person, g: Ground, picture: np.ndarray, depth: np.ndarray, jaw: np.ndarray) -> None:
    flesh = np.broadcast_to(light_of(shade(p.skin, 0.97)), picture.shape).copy()
    z = depth.copy()
    for s in (-1, 1):
        muscle = smooth([(s * 0.88 * p.neck, 640), (s * 0.66 * p.neck, 740), (s * 0.20 * p.neck, 842)], 40)
        bone = smooth([(s * 0.2 * p.neck, 862), (s * 0.9 * p.neck, 850), (s * 2.2 * p.neck, 836)], 40)
        z += 5 * g.strokes([shifted(muscle, MIDDLE, 0)], tapered(22, 0.5, 0.3), 9)
        z += 6 * g.strokes([shifted(bone, MIDDLE, 0)], tapered(15, 0.6, 0.2), 7)
    z -= 8 * g.spot(MIDDLE, 858, 18, 22)
    if p.gender == "man":
        z += 5 * g.spot(MIDDLE, 760, 15, 24)
    if p.lines:
        rings = [
            shifted(smooth([(-0.72 * p.neck, y - 14), (0, y), (0.72 * p.neck, y - 14)], 40), MIDDLE, 0)
            for y in (752, 784)
        ]
        z -= 2.4 * p.lines * g.strokes(rings, tapered(4), 2.2)
    shift = np.roll(np.roll(jaw, round(46 * g.scale), 0), round(13 * g.scale), 1)
    under = g.blur(
        np.maximum(shift, ramp(g.y, p.chin_line + 8, p.chin_line - 60) * (np.abs(g.x - MIDDLE) < 300)), 11
    )
    deep = g.blur(jaw, 16)
    n = normals_of(g.blur(z, 1.5), g)
    skin = lit(flesh, n, np.clip(0.92 * under, 0, 1), np.clip(0.85 * deep + occlusion(z, g, 14, 0.05), 0, 1))
    skin *= 1 - 0.42 * under[..., None] * np.array([0.8, 1.0, 1.0], np.float32)
    skin += (0.03 * gloss(n, 18) * p.shine * (1 - under))[..., None]
    picture += skin


def _folds(p: Person, g: Ground) -> np.ndarray:
    rng = np.random.default_rng(list(f"{p.name}/folds".encode()))
    curves = []
    for s in (-1, 1):
        for _ in range(6):
            x0, y0 = s * rng.uniform(0.9, 2.6) * p.neck, rng.uniform(838, 900)
            x1, y1 = s * rng.uniform(0.35, 1.0) * p.shoulders, rng.uniform(960, 1060)
            bend = rng.uniform(-26, 26)
            curves.append(
                shifted(smooth([(x0, y0), ((x0 + x1) / 2 + bend, (y0 + y1) / 2), (x1, y1)], 40), MIDDLE, 0)
            )
    wide = g.strokes(curves[::2], tapered(40), 15) * 11 - g.strokes(curves[1::2], tapered(26), 11) * 10
    return wide + random_field(g, f"{p.name}/cloth", 170) * 2.5


def _paint_garment(
    p: Person, g: Ground, picture: np.ndarray, body: np.ndarray, depth: np.ndarray
) -> np.ndarray:
    line = neckline(p)
    area = np.vstack(
        [
            line,
            [
                (MIDDLE + 900, line[-1, 1] - 6),
                (MIDDLE + 900, 1100),
                (MIDDLE - 900, 1100),
                (MIDDLE - 900, line[0, 1] - 6),
            ],
        ]
    )
    outline = body_outline(p)
    wide = outline.copy()
    wide[:, 0] = MIDDLE + (wide[:, 0] - MIDDLE) * 1.015 + np.sign(wide[:, 0] - MIDDLE) * 2.5
    wide[:, 1] -= 3.5
    cloth_mask = g.mask(area) * g.mask(wide)
    z = depth + _folds(p, g)
    cloth = np.broadcast_to(light_of(p.cloth), picture.shape).copy()
    if p.garment in ("turtleneck", "cardigan"):
        knit = np.sin(g.x * 1.15) * np.sin(g.y * 0.75 + np.sin(g.x * 1.15))
        cloth *= 1 + 0.05 * knit[..., None]
    n = normals_of(g.blur(z, 1.2), g)
    shade_of_head = 0.55 * g.spot(MIDDLE + 40, 800, 150, 70)
    shaded = lit(
        cloth,
        n,
        np.clip(cast_shadow(z, g, 40) * 0.6 + shade_of_head, 0, 1),
        occlusion(z, g, 18, 0.04),
        skin=False,
    )
    # The garment's edge throws a thin shadow on the skin.
    lay(picture, picture * 0.42, 0.75 * g.mask(area + np.array([2, -3]), 4.5) * body * (1 - cloth_mask))
    lay(picture, shaded, g.mask(area))
    {"shirt": _collar, "cardigan": _under_shirt}.get(p.garment, _band)(p, g, picture, line, cloth_mask)
    return cloth_mask


def _band(p: Person, g: Ground, picture: np.ndarray, line: np.ndarray, cloth: np.ndarray) -> None:
    """A ribbed band along the neckline, or the tube of a turtleneck."""
    tall = 46 if p.garment == "turtleneck" else 19
    low = shifted(line, 0, tall)
    if p.garment != "turtleneck":
        along = np.gradient(line, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], -1) / np.linalg.norm(along, axis=1, keepdims=True)
        low = line + normal * tall
    else:
        low[:, 0] = MIDDLE + (low[:, 0] - MIDDLE) * 1.16
    band = g.mask(np.vstack([line, low[::-1]]))
    turn = np.arctan2(g.x - MIDDLE, 1005 - g.y)
    ribs = 0.5 + 0.5 * np.sin(150 * turn)
    tone = light_of(shade(p.cloth, 0.93))
    side = np.clip(0.62 - 0.0026 * (g.x - MIDDLE), 0.25, 1.0)
    lay(picture, tone * (side * (0.80 + 0.20 * ribs) + 0.06)[..., None], 0.85 * band)
    lay(picture, light_of(shade(p.cloth, 0.45)), 0.45 * g.strokes([low], 3.0, 1.6) * cloth)
    lay(
        picture,
        light_of(mix(p.cloth, oklch(0.9, 0.02, 80), 0.4)),
        0.30 * g.strokes([shifted(line, 0, 1.5)], 2.2, 0.9) * band,
    )


def _collar(p: Person, g: Ground, picture: np.ndarray, line: np.ndarray, cloth: np.ndarray) -> None:
    """The two wings of an open shirt collar and its button line."""
    n = p.neck
    for s in (1, -1):
        wing = np.array(
            [
                (1.02 * n, 742),
                (1.36 * n, 770),
                (1.62 * n, 850),
                (1.05 * n, 912),
                (0.60 * n, 880),
                (0.86 * n, 838),
                (1.06 * n, 800),
            ]
        )
        wing = np.vstack(
            [
                smooth(wing[[0, 1, 2]], 30),
                smooth(wing[[2, 3]], 8),
                smooth(wing[[3, 4]], 8),
                smooth(wing[[4, 5, 6, 0]], 30),
            ]
        )
        wing = shifted(wing * [s, 1], MIDDLE, 0)
        mask = g.mask(wing)
        lay(picture, picture * 0.45, 0.6 * g.mask(shifted(wing, 4, 7), 6) * cloth * (1 - mask))
        tone = light_of(mix(p.cloth, oklch(0.97, 0.01, 80), 0.10))
        light = np.clip(
            0.92 - 0.0014 * (g.x - MIDDLE) + (0.0 if s < 0 else -0.14) - 0.0022 * (g.y - 800), 0.3, 1.1
        )
        lay(picture, tone * light[..., None], mask)
        lay(picture, tone * 1.25, 0.35 * g.mask(ribbon(wing[:46], 2.2), 0.7) * mask)
        lay(picture, tone * 0.45, 0.5 * g.mask(ribbon(shifted(wing[30:46], 0, -6), 1.4), 0.4) * mask)


def _under_shirt(p: Person, g: Ground, picture: np.ndarray, line: np.ndarray, cloth: np.ndarray) -> None:
    """A pale shirt inside the neckline of a cardigan."""
    n = p.neck
    inner = smooth(
        [
            (-1.66 * n, 750),
            (-1.30 * n, 790),
            (-0.55 * n, 846),
            (0, 858),
            (0.55 * n, 846),
            (1.30 * n, 790),
            (1.66 * n, 750),
        ],
        120,
    )
    inner = shifted(inner, MIDDLE, 0)
    mask = g.mask(np.vstack([inner, line[::-1]]))
    pale = light_of(oklch(0.90, 0.015, 85))
    light = np.clip(0.78 - 0.0016 * (g.x - MIDDLE), 0.3, 1) * (1 - 0.25 * g.spot(MIDDLE + 20, 850, 90, 30))
    lay(picture, pale * light[..., None], mask)
    lay(picture, pale * 0.4, 0.5 * g.strokes([shifted(inner, 0, 3)], 2.4, 1.4) * mask)
    along = np.gradient(line, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], -1) / np.linalg.norm(along, axis=1, keepdims=True)
    band = g.mask(np.vstack([line, (line + normal * 24)[::-1]]))
    lay(picture, picture * 0.5, 0.55 * g.strokes([line + normal * -3], 7, 3.0) * mask)
    lay(
        picture,
        light_of(shade(p.cloth, 0.9)) * np.clip(0.8 - 0.0022 * (g.x - MIDDLE), 0.3, 1)[..., None],
        0.75 * band,
    )
    lay(picture, light_of(shade(p.cloth, 0.4)), 0.5 * g.strokes([line + normal * 24], 2.6, 1.3) * cloth)
