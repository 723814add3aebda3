"""The talking head on the figure's neck: its parts with their blendshapes, in the colours of a person."""

from __future__ import annotations

from typing import Any

import numpy as np

from emotive.face.head_mesh import LIPS as MESH_LIPS
from emotive.face.head_mesh import SKIN as MESH_SKIN
from emotive.face.head_mesh import HeadPart, head_mesh, vertex_normals
from emotive.signals import ARKIT, JOINT

from .actors import Looks

SCALE = 1.13  # of the head against that of the talking head: faces are read from afar
ORIGIN = np.array([0.0, 1.618, -0.008])  # m, where the middle between its ears lies


def head_pieces(looks: Looks, occlusion: np.ndarray) -> list[dict[str, Any]]:
    """Skin, brows and lashes, teeth, tongue and both eyes, as `FigurePart` takes them.

    occlusion: uint8 (V,), how open the skin is to light under this person's hair.
    """
    mesh = head_mesh()
    parts = [_placed(part, _recoloured(part, looks), looks) for part in mesh.parts]
    parts[0]["occlusion"] = occlusion.astype(np.float32) / 255
    for side, middle in zip(("left", "right"), mesh.eyes, strict=True):
        eye = _placed(mesh.eye, _recoloured(mesh.eye, looks), looks, middle)
        joints = np.zeros((len(eye["points"]), 4), np.uint8)
        joints[:] = JOINT[f"{side}Eye"]
        parts.append({**eye, "name": f"{side} eye", "joints": joints})
    if looks.beard in ("short", "full"):
        parts.append(_beard(mesh.parts[0], looks))
    return parts


def _placed(
    part: HeadPart, colours: np.ndarray, looks: Looks, middle: np.ndarray | None = None
) -> dict[str, Any]:
    if middle is None:
        local = _softened(
            _fuller(part.points, looks.soft) if part.name == "hair" else part.points, looks.soft
        )
    else:
        local = part.points + middle
    points = (SCALE * _slim(local) + ORIGIN).astype(np.float32)
    joints, weights = _follows(points)
    return {
        "name": {"skin": "head", "hair": "brows"}.get(part.name, part.name),
        "points": points,
        "normals": part.normals.astype(np.float32),
        "triangles": part.triangles,
        "colours": colours.astype(np.float32),
        "occlusion": np.ones(len(points), np.float32),
        "joints": joints,
        "weights": weights,
        "roughness": part.roughness,
        "shapes": None if part.shapes is None else (SCALE * part.shapes).astype(np.float32),
    }


def _softened(points: np.ndarray, soft: float) -> np.ndarray:
    """A narrower jaw, a smaller nose and fuller lips; what lies above the cheeks stays where the eyes are."""
    x, y, z = (points[:, k].astype(float) * 1e3 for k in range(3))
    jaw = np.clip((-18 - y) / 75, 0, 1) * np.clip((y + 150) / 40, 0, 1)
    jaw = jaw * jaw * (3 - 2 * jaw)
    chin = np.clip((-74 - y) / 30, 0, 1) * np.clip((y + 130) / 20, 0, 1) * np.clip((z - 20) / 40, 0, 1)
    nose = np.exp(-((x / 17) ** 2) - ((y + 24) / 17) ** 2) * np.clip((z - 84) / 10, 0, 1)
    mouth = np.exp(-((x / 26) ** 2) - ((y + 57) / 10) ** 2) * np.clip((z - 70) / 12, 0, 1)
    x = x * (1 - soft * (0.105 * jaw + 0.10 * nose))
    y = y + soft * (4.5 * chin + 0.16 * mouth * (y + 57) + 1.5 * nose)
    z = z + soft * (-4.0 * nose + 1.0 * mouth - 1.5 * chin)
    return np.stack([x, y, z], 1) * 1e-3


def _fuller(points: np.ndarray, soft: float) -> np.ndarray:
    """Brows that are seen from afar: each row further from the middle one; lashes as they are."""
    out = points.copy()
    for first in (0, 90):
        rows = out[first : first + 90].reshape(5, 18, 3)
        middle = rows[2:3].copy()
        rows += (0.75 - 0.45 * soft) * (rows - middle) * (1.0, 1.0, 0.3)
    return out


def _slim(points: np.ndarray) -> np.ndarray:
    """The neck as wide as this smaller body's."""
    t = np.clip((-0.058 - points[:, 1] - 0.75 * np.maximum(points[:, 2], 0)) / 0.07, 0, 1)
    share = 0.13 * t * t * (3 - 2 * t)
    out = points.copy()
    out[:, 0] *= 1 - share
    out[:, 2] += share * (-0.022 - out[:, 2])
    return out


def _follows(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The neck lies between the head and the chest."""
    # The line from the chin to the nape is slanted.
    t = np.clip((points[:, 1] + 0.55 * points[:, 2] - 1.482) / 0.062, 0, 1)
    head = t * t * (3 - 2 * t)
    t = np.clip((points[:, 1] + 0.30 * points[:, 2] - 1.425) / 0.075, 0, 1)
    neck = (1 - head) * t * t * (3 - 2 * t)
    weights = np.stack([head, neck, 1 - head - neck, 0 * head], 1).astype(np.float32)
    names = ("head", "neck", "upperChest", "head")
    joints = np.broadcast_to(np.array([JOINT[name] for name in names], np.uint8), weights.shape).copy()
    return joints, weights


def _recoloured(part: HeadPart, looks: Looks) -> np.ndarray:
    colours = np.array(part.colours, float)
    if part.name == "skin":
        skin, lips = np.array(MESH_SKIN), np.array(MESH_LIPS)
        # Each colour of the bundled head lies between its skin and its lips, or is the mouth's inside.
        way = lips - skin
        share = np.clip((colours - skin) @ way / (way @ way), 0, 1)
        inside = colours.max(1) < 0.2
        new = _mixed(_mixed(_skin(part.points, looks), linear(looks.lips), share), linear(looks.hair),
                     _STUBBLE[looks.beard] * _bearded(part.points) * (share < 0.4))  # fmt: skip
        return np.where(inside[:, None], colours, new)
    if part.name == "hair":
        return np.broadcast_to(0.8 * linear(looks.brows or looks.hair), colours.shape)
    if part.name == "eye":
        iris = np.hypot(part.points[:, 0], part.points[:, 1])
        ring = (part.points[:, 2] > 0) & (iris > 0.0031) & (iris < 0.0076)
        shade = colours.mean(1, keepdims=True) / 0.16
        return np.where(ring[:, None], linear(looks.eyes) * np.clip(shade, 0.25, 1.6), colours)
    return colours


_STUBBLE = {"none": 0.0, "stubble": 0.34, "short": 0.7, "full": 0.7}


def _skin(points: np.ndarray, looks: Looks) -> np.ndarray:
    """Redder cheeks, nose and ears, as blood has them."""
    x, y, z = np.abs(points[:, 0]) * 1e3, points[:, 1] * 1e3, points[:, 2] * 1e3
    cheeks = 0.55 * np.exp(-(((x - 44) / 17) ** 2) - ((y + 24) / 15) ** 2) * (z > 30)
    nose = 0.40 * np.exp(-((x / 13) ** 2) - ((y + 25) / 10) ** 2) * (z > 95)
    ears = 0.45 * np.clip((x - 74) / 6, 0, 1) * (z < 20)
    base = linear(looks.skin)
    red = base * (1.06, 0.66, 0.60)
    return _mixed(np.broadcast_to(base, points.shape), red, np.maximum(np.maximum(cheeks, nose), ears))


def _bearded(points: np.ndarray) -> np.ndarray:
    """How far the skin bears a beard, 0..1."""
    x, y, z = np.abs(points[:, 0]) * 1e3, points[:, 1] * 1e3, points[:, 2] * 1e3
    angle = np.degrees(np.arctan2(x, z))
    line = np.interp(angle, [0, 8, 15, 24, 34, 48, 62, 72, 78], [-70, -68, -58, -50, -50, -42, -22, 14, 30])
    cheek = np.clip((line - y) / 14 + 0.5, 0, 1) * np.clip((86 - angle) / 10, 0, 1)
    throat = np.clip((y + 108 - 0.28 * (90 - np.minimum(z, 90))) / 10, 0, 1)
    lip = np.clip((6.5 - np.abs(y + 46 + 0.0055 * x * x)) / 4, 0, 1) * np.clip((36 - x) / 8, 0, 1) * (z > 66)
    mouth = np.clip(1.3 - np.hypot(x / 27, (y + 58.5) / 8.5), 0, 1) * 3.5
    return np.maximum(cheek * throat * (1 - np.clip(mouth, 0, 1)), lip)


def _beard(part: HeadPart, looks: Looks) -> dict[str, Any]:
    """A shell over the bearded skin, which moves as the skin does."""
    skin, lips = np.array(MESH_SKIN), np.array(MESH_LIPS)
    red = np.clip((part.colours - skin) @ (lips - skin) / ((lips - skin) @ (lips - skin)), 0, 1)
    much = _bearded(part.points) * (part.colours.max(1) > 0.2) * (1 - np.clip(2 * red, 0, 1))
    kept = (much[part.triangles] > 0.0).any(1)
    used = np.unique(part.triangles[kept])
    number = np.full(len(part.points), -1)
    number[used] = np.arange(len(used))
    points = part.points[used]
    rough = np.sin(points[:, 0] * 900) * np.sin(points[:, 1] * 800 + 1) * np.sin(points[:, 2] * 850)
    chin = np.exp(-(((points[:, 1] + 0.092) / 0.03) ** 2)) * (points[:, 2] > 0.05)
    thick = 0.0026 if looks.beard == "short" else 0.0050 + 0.0055 * chin
    high = np.clip(1.5 * much[used] - 0.3, -0.35, 1) * (thick + 0.0006 * rough)
    points = (points + high[:, None] * part.normals[used]).astype(np.float32)
    triangles = number[part.triangles[kept]].astype(np.uint32)
    colour = linear(looks.hair) * (1 + 0.12 * rough[:, None])
    assert part.shapes is not None
    shell = HeadPart(
        "beard", points, vertex_normals(points, triangles), colour, triangles, 0.8, part.shapes[:, used]
    )
    return {**_placed(shell, colour, looks), "normals": vertex_normals(points, triangles).astype(np.float32)}


def _mixed(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    return a * (1 - share[:, None]) + b * share[:, None]


def linear(colour: str) -> np.ndarray:
    """ "#rrggbb" -> linear (3,)."""
    u = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(u <= 0.04045, u / 12.92, ((u + 0.055) / 1.055) ** 2.4)


__all__ = ["ARKIT", "ORIGIN", "SCALE", "head_pieces", "linear"]
