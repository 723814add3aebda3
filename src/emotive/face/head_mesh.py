"""The bundled head: a plain mannequin of our own with ARKit's 52 blendshapes, for whoever animates.

Parts share one frame: metres, X to the person's left, Y up, Z out of the face, the origin between the ear
canals, where the head turns on the neck.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from emotive.signals import ARKIT

from . import head_surface as surface
from .head_grid import Skin, read_skin
from .head_shapes import jaw_turn, skin_shapes
from .head_surface import EYE, EYE_RADIUS, HINGE, MOUTH

MM = 1e-3
# Linear colours, as glTF has them.
SKIN, LIPS, MOUTH_INSIDE = (0.60, 0.39, 0.29), (0.47, 0.20, 0.165), (0.10, 0.018, 0.016)
ENAMEL, GUMS, TONGUE = (0.78, 0.74, 0.66), (0.45, 0.15, 0.14), (0.44, 0.15, 0.145)
HAIR, WHITE, PUPIL = (0.055, 0.034, 0.024), (0.80, 0.78, 0.75), (0.006, 0.006, 0.007)
IRIS, LIMBUS = (0.105, 0.175, 0.20), (0.022, 0.035, 0.042)


@dataclass(frozen=True, eq=False)
class HeadPart:
    """One surface of one material.

    points: float32 (V, 3), m. normals: (V, 3). colours: (V, 3), linear. triangles: uint32 (F, 3).
    shapes: how points move at weight 1, float32 (52, V, 3), m; None if they do not.
    """

    name: str
    points: np.ndarray
    normals: np.ndarray
    colours: np.ndarray
    triangles: np.ndarray
    roughness: float
    shapes: np.ndarray | None


@dataclass(frozen=True, eq=False)
class HeadMesh:
    """parts: skin, hair (brows and lashes), teeth, tongue; they move with the shapes.
    eye: one eyeball about its own middle, looking along Z. eyes: (2, 3), m, of the left and the right one.
    """

    parts: tuple[HeadPart, ...]
    eye: HeadPart
    eyes: np.ndarray


@lru_cache(maxsize=1)
def head_mesh() -> HeadMesh:
    """The head as it comes with Emotive; some 6,000 points."""
    skin = read_skin()
    moves = skin_shapes(skin)
    colours = _mix(SKIN, LIPS, skin.lip)
    colours[(skin.inside == 1) & (skin.lip < 0.5)] = MOUTH_INSIDE
    body = _joined([(skin.points, skin.triangles, colours, moves), *_ears(skin, moves)])
    hair = _joined([*_brows(skin, moves), *_lashes(skin, moves)])
    parts = (
        _part("skin", 0.55, *body),
        _part("hair", 0.8, *hair),
        _part("teeth", 0.25, *_joined([_teeth(upper=True), _teeth(upper=False)])),
        _part("tongue", 0.4, *_tongue()),
    )
    points, triangles, colours = _eyeball()
    eye = HeadPart(
        "eye",
        (points * MM).astype(np.float32),
        (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32),
        colours.astype(np.float32),
        triangles.astype(np.uint32),
        0.12,
        None,
    )
    return HeadMesh(parts, eye, (EYE * MM * np.array([[1, 1, 1], [-1, 1, 1]])).astype(np.float32))


def vertex_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3), each the mean of the triangles around a point, weighted by area."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    faces = np.cross(b - a, c - a)
    sums = np.zeros(points.shape)
    for k in range(3):
        for axis in range(3):
            sums[:, axis] += np.bincount(triangles[:, k], faces[:, axis], len(points))
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(length > 1e-15, sums / np.maximum(length, 1e-15), [0.0, 0.0, 1.0])


_Raw = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # points mm, triangles, colours, moves mm


def _part(
    name: str,
    roughness: float,
    points: np.ndarray,
    triangles: np.ndarray,
    colours: np.ndarray,
    moves: np.ndarray,
) -> HeadPart:
    return HeadPart(
        name,
        (points * MM).astype(np.float32),
        vertex_normals(points, triangles).astype(np.float32),
        colours.astype(np.float32),
        triangles.astype(np.uint32),
        roughness,
        (moves * MM).astype(np.float32),
    )


def _joined(parts: list[_Raw]) -> _Raw:
    firsts = np.cumsum([0, *(len(points) for points, *_ in parts)])
    return (
        np.concatenate([points for points, *_ in parts]),
        np.concatenate([part[1] + first for part, first in zip(parts, firsts, strict=False)]),
        np.concatenate([part[2] for part in parts]),
        np.concatenate([part[3] for part in parts], axis=1),
    )


def _mix(a: object, b: object, share: np.ndarray) -> np.ndarray:
    return np.asarray(a) * (1 - share[:, None]) + np.asarray(b) * share[:, None]


def _grid(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Triangles of a net of points; `closed` joins the last column to the first."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    a, b = i * columns + j, i * columns + (j + 1) % columns
    quads = np.stack([a, b, b + columns, a + columns], axis=-1).reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _across(raw: _Raw) -> _Raw:
    """The same part on the other side; left shapes become right ones."""
    points, triangles, colours, moves = raw
    flip = np.array([-1, 1, 1])
    swap = {"Left": "Right", "Right": "Left"}
    order = []
    for name in ARKIT:
        end = next((end for end in swap if name.endswith(end)), "")
        order.append(ARKIT.index(name.removesuffix(end) + swap[end]) if end else ARKIT.index(name))
    return points * flip, triangles[:, ::-1], colours, moves[order] * flip


def _carried(points: np.ndarray, skin: Skin, moves: np.ndarray) -> np.ndarray:
    """How points next to the skin move with it: as the four nearest of its points do."""
    from scipy.spatial import KDTree

    outside = np.flatnonzero(skin.inside == 0)
    far, near = KDTree(skin.points[outside]).query(points, k=4)
    weight = 1 / (far + 0.3) ** 2
    weight /= weight.sum(1, keepdims=True)
    return np.einsum("snkc,nk->snc", moves[:, outside[near]], weight)


def _brows(skin: Skin, moves: np.ndarray) -> list[_Raw]:
    t = np.linspace(0, 1, 18)
    knots = np.array([[10.5, 30.2], [19, 32.8], [29, 34.6], [39, 33.4], [47.5, 28.8]])
    at = np.linspace(0, 1, len(knots))
    smooth = np.stack([np.polynomial.Polynomial.fit(at, knots[:, k], 3)(t) for k in (0, 1)], axis=1)
    width = np.interp(t, (0, 0.12, 0.45, 1), (1.3, 2.3, 2.2, 0.35))
    along = np.gradient(smooth, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], 1) / np.linalg.norm(along, axis=1, keepdims=True)
    rows = np.linspace(-1, 1, 5)
    flat = smooth[None] + rows[:, None, None] * (width[:, None] * normal)[None]
    origins = np.c_[flat.reshape(-1, 2), np.zeros(flat.size // 2)]
    points = surface.cast(origins, np.broadcast_to([0.0, 0.0, 1.0], origins.shape), 140)
    lift = (1.6 * (1 - rows**2) - 0.15)[:, None] * np.interp(t, (0, 0.1, 0.8, 1), (0.3, 1, 0.8, 0.2))
    points = points + lift.reshape(-1, 1) * surface.gradient(points)
    colours = np.broadcast_to(HAIR, points.shape)
    left = (points, _grid(5, len(t)), colours, _carried(points, skin, moves))
    return [left, _across(left)]


def _lashes(skin: Skin, moves: np.ndarray) -> list[_Raw]:
    """A dark edge on the upper lid, longer towards the temple."""
    rim = skin.rims[0][: len(skin.rims[0]) // 2 + 1]
    edge, t = skin.points[rim], np.linspace(0, 1, len(rim))
    out = (edge - EYE) / np.linalg.norm(edge - EYE, axis=1, keepdims=True)
    long = 2.6 * np.sin(np.pi * np.clip(t * 0.93, 0, 1)) ** 0.6 * (0.55 + 0.6 * t)
    rise = np.array([0.18, 0.42, 0])
    rows = [
        edge - 0.9 * out + np.array([0, 0.1, 0]),
        edge + 0.35 * out - np.array([0, 0.35, 0]),
        edge + long[:, None] * (out + rise),
        edge + 0.45 * out + np.array([0, 0.75, 0]),
        edge - 0.2 * out + np.array([0, 1.0, 0]),
    ]
    points = np.concatenate(rows)
    moved = np.tile(moves[:, rim], (1, len(rows), 1))
    left = (points, _grid(len(rows), len(rim)), np.broadcast_to(HAIR, points.shape), moved)
    return [left, _across(left)]


def _ears(skin: Skin, moves: np.ndarray) -> list[_Raw]:
    u = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    #        how far out from the middle of the ear, and how high above its plane, mm
    profile = ((0.97, -6), (0.99, -2.5), (1.0, 0), (0.97, 3.2), (0.90, 4.2), (0.83, 2.6), (0.76, 0.8),
               (0.68, 1.8), (0.60, 3.0), (0.52, 1.6), (0.44, -0.6), (0.30, -1.6), (0.12, -1.8))  # fmt: skip
    rows = []
    for share, high in profile:
        wide, tall = 17.5 * (1 + 0.16 * np.sin(u)), 31.0
        inner = 1 - share  # the hollow lies in front of and below the middle
        s = wide * np.cos(u) * share + 4.5 * inner
        t = tall * np.sin(u) * share - 2.0 * inner
        lobe = np.exp(-(((t + 26) / 9) ** 2))
        front = np.exp(-(((s - 15) / 6) ** 2))
        rows.append(np.stack([high * (1 - 0.75 * lobe) * (1 - 0.4 * front) + 1.5 * lobe, t, s], axis=1))
    points = np.concatenate([*rows, [[-1.8, -2.0, 4.5]]])
    triangles = _grid(len(profile), len(u), closed=True)
    last, tip = (len(profile) - 1) * len(u), len(points) - 1
    ring = last + np.arange(len(u))
    triangles = np.concatenate([triangles, np.stack([ring, np.roll(ring, -1), np.full(len(u), tip)], 1)])
    flare, tilt = np.radians(16), np.radians(-9)
    turn = np.array([[np.cos(flare), 0, np.sin(flare)], [0, 1, 0], [-np.sin(flare), 0, np.cos(flare)]])
    lean = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    points = points @ turn @ lean.T + np.array([75.0, 1.0, -9.0])
    colours = _mix(SKIN, (0.57, 0.33, 0.25), np.full(len(points), 0.7))
    left = (points, triangles[:, ::-1], colours, _carried(points, skin, moves))
    return [left, _across(left)]


def _arch(t: np.ndarray, wide: float, deep: float, front: float) -> tuple[np.ndarray, np.ndarray]:
    """The line of the teeth, x and z, for t in -1..1."""
    angle = t * np.radians(86)
    return wide * np.sin(angle), front - deep * (1 - np.cos(angle))


def _teeth(upper: bool) -> _Raw:
    count, each = 12, 7
    t = np.linspace(-1, 1, count * each + 1)
    x, z = _arch(t, *((23.0, 33.0, 89.0) if upper else (21.5, 31.5, 86.5)))
    within = np.abs((np.arange(len(t)) % each) / each - 0.5) * 2  # 1 between two teeth
    groove, side = within**4, np.abs(t)
    up = 1 if upper else -1
    edge = (MOUTH - 2.6 if upper else MOUTH - 5.8) + up * (0.9 * groove + 1.6 * side**2)
    root = edge + up * (9.5 if upper else 8.5)
    gum = root + up * (1.5 * groove - 1.0)
    rows = [
        (-0.9, edge + up * 0.5), (0.6 - 0.9 * groove, edge), (1.0 - 1.2 * groove, edge + up * 2.5),
        (0.9 - 1.3 * groove, edge + up * 6.0), (0.5 - 0.9 * groove, gum),
        (0.9 - 0.2 * groove, gum + up * 0.4), (0.4 + 0 * groove, gum + up * 5),
        (-3.5 + 0 * groove, gum + up * 7), (-3.2 + 0 * groove, edge + up * 3),
        (-0.9 + 0 * groove, edge + up * 0.5),
    ]  # fmt: skip
    out_x, out_z = -np.gradient(z), np.gradient(x)
    length = np.hypot(out_x, out_z)
    points = np.concatenate(
        [
            np.stack([x + out * out_x / length, np.broadcast_to(y, x.shape), z + out * out_z / length], 1)
            for out, y in rows
        ]
    )
    red = np.repeat([0, 0, 0, 0, 0.35, 1, 1, 1, 0.3, 0], len(t)).astype(float)
    dark = (
        1 - 0.35 * np.tile(groove * (side < 2), len(rows)) * (red < 0.3) - 0.25 * np.tile(side**2, len(rows))
    )
    triangles = _grid(len(rows), len(t))
    triangles = triangles if upper else triangles[:, ::-1]
    colours = _mix(ENAMEL, GUMS, red) * dark[:, None]
    return points, triangles, colours, np.zeros((len(ARKIT), len(points), 3)) if upper else _with_jaw(points)


def _tongue() -> _Raw:
    rows, columns = 15, 20
    v = np.linspace(0, np.pi, rows)
    u = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    along = -np.cos(v)  # from the root to the tip
    girth = np.sin(v) ** 0.55
    x = 16.5 * girth[:, None] * np.cos(u) * (1 - 0.16 * along[:, None])
    y = 6.0 * girth[:, None] * np.sin(u) - 1.4 * np.exp(-((x / 3.5) ** 2)) * (np.sin(u) > 0.3)
    z = np.broadcast_to((27.0 * along)[:, None], x.shape)
    points = np.stack(
        [x.ravel(), (y - 68 + 2.0 * (1 - along[:, None] ** 2)).ravel(), (z + 55).ravel()], axis=1
    )
    moves = _with_jaw(points)
    tip = np.clip((points[:, 2] - 28) / 54, 0, 1)
    reach = tip**1.3
    moves[ARKIT.index("tongueOut")] = np.stack(
        [-0.12 * points[:, 0] * reach, 6.5 * np.sin(np.pi * tip**0.8) + 1.5 * reach, 34.0 * reach], axis=1
    )
    return points, _grid(rows, columns, closed=True), np.broadcast_to(TONGUE, points.shape), moves


def _with_jaw(points: np.ndarray) -> np.ndarray:
    """What the jaw carries as a whole."""
    moves = np.zeros((len(ARKIT), len(points), 3))
    turn = np.clip((points[:, 2] - HINGE[2]) / 90, 0, 1.2)
    moves[ARKIT.index("jawOpen")] = jaw_turn(points)
    moves[ARKIT.index("jawForward")] = (0, -0.8, 7.0)
    moves[ARKIT.index("jawLeft"), :, 0] = 8.0 * turn
    moves[ARKIT.index("jawRight"), :, 0] = -8.0 * turn
    return moves


def _eyeball() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A sphere with its pole in front and rings where colours change."""
    radii = np.array([0.0, 1.6, 3.0, 3.25, 4.6, 6.2, 7.0, 7.5, 7.9, 9.5, 12.0, 14.4])
    angles = np.concatenate([np.arcsin(radii / EYE_RADIUS), np.radians([82, 105, 130, 155, 180])])
    shades = [PUPIL] * 3 + [tuple(0.55 * c for c in IRIS), IRIS, tuple(1.25 * c for c in IRIS), IRIS, LIMBUS]
    shades += [tuple(0.8 * c for c in WHITE)] + [WHITE] * (len(angles) - 9)
    u = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    ring = np.stack([np.cos(u), np.sin(u), np.ones_like(u)], axis=1)
    points = np.concatenate([EYE_RADIUS * ring * (np.sin(a), np.sin(a), np.cos(a)) for a in angles])
    colours = np.repeat(np.array(shades), len(u), axis=0)
    return points, _grid(len(angles), len(u), closed=True)[:, ::-1], colours
