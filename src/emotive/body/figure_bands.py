"""Bands and strips: surfaces through cross-sections along a path, which end clothes cleanly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .figure_forms import Form

Outline = Sequence[tuple[float, float]]
"""A closed cross-section, m: out from the path and along its axis, or across it and out of the surface."""

Surface = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Points (V, 3), triangles (F, 3), and for each point the place whose joints it follows (V, 3)."""


def rounded(thick: float, low: float, high: float) -> Outline:
    """A rounded strip from `low` to `high` along the axis, `thick` m thick, its inside on the path."""
    r = min(0.45 * thick, 0.25 * (high - low))
    return [
        (-0.004, low + r), (0.25 * thick, low), (thick - r, low), (thick, low + r),
        (thick + 0.0006, 0.5 * (low + high)),
        (thick, high - r), (thick - r, high), (0.25 * thick, high), (-0.004, high - r),
    ]  # fmt: skip


def ring(form: Form, middle: np.ndarray, axis: np.ndarray, count: int, far: float = 0.4) -> np.ndarray:
    """Where a plane through `middle`, across `axis`, cuts the surface of `form`: (count, 3),
    counter-clockwise about the axis. The surface is met from within."""
    axis = axis / np.linalg.norm(axis)
    first = np.cross(axis, (0.0, 0.0, 1.0) if abs(axis[2]) < 0.9 else (1.0, 0.0, 0.0))
    first = first / np.linalg.norm(first)
    second = np.cross(axis, first)
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    ways = np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second
    reach = np.zeros(count)
    for _ in range(80):
        reach = np.clip(reach - 0.7 * form(middle + reach[:, None] * ways), 0, far)
    return middle + reach[:, None] * ways


def oval(middle: np.ndarray, axis: np.ndarray, wide: float, deep: float, count: int) -> np.ndarray:
    """A closed path (count, 3) around a neck, from the left, counter-clockwise about the axis."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    side, back = np.array([1.0, 0.0, 0.0]), np.cross(axis, (1.0, 0.0, 0.0))
    return middle + wide * np.cos(angle)[:, None] * side + deep * np.sin(angle)[:, None] * back


def onto(form: Form, points: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Points moved along a unit vector onto a surface."""
    for _ in range(60):
        points = points + 0.8 * form(points)[:, None] * way
    return points


def even(line: np.ndarray, count: int) -> np.ndarray:
    """A line with its points at equal distances, a little smoothed."""
    for _ in range(2):
        inner = 0.25 * line[:-2] + 0.5 * line[1:-1] + 0.25 * line[2:]
        line = np.concatenate([line[:1], inner, line[-1:]])
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    goal = np.linspace(0, at[-1], count)
    return np.stack([np.interp(goal, at, line[:, k]) for k in range(3)], 1)


def band(path: np.ndarray, axis: np.ndarray, outline: Outline) -> Surface:
    """Around a closed path (K, 3) that runs counter-clockwise about `axis`; told as out from it and along the
    axis."""
    axis = axis / np.linalg.norm(axis)
    along = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    out = np.cross(along, axis)
    out = out / np.linalg.norm(out, axis=1, keepdims=True)
    shape = np.asarray(outline, float)
    rows = path[:, None] + shape[None, :, :1] * out[:, None] + shape[None, :, 1:] * axis
    return _outward(rows.reshape(-1, 3), _net(*rows.shape[:2], closed=True), np.repeat(path, len(shape), 0))


def strip(path: np.ndarray, out: np.ndarray, outline: Outline) -> Surface:
    """Along an open path (K, 3) on a surface with normals `out`; told as across the path and out."""
    shape = np.asarray(outline, float)
    along = np.gradient(path, axis=0)
    side = np.cross(out, along)
    side = side / np.linalg.norm(side, axis=1, keepdims=True)
    high = np.cross(along, side)
    high = high / np.linalg.norm(high, axis=1, keepdims=True)
    rows = path[:, None] + shape[None, :, :1] * side[:, None] + shape[None, :, 1:] * high[:, None]
    return skinned_over(rows, np.repeat(path, len(shape), 0))


def skinned_over(rows: np.ndarray, follows: np.ndarray | None = None) -> Surface:
    """A surface through closed cross-sections (K, M, 3), with flat ends."""
    count, columns = rows.shape[:2]
    fan = np.array([(0, k, k + 1) for k in range(1, columns - 1)])
    last = (count - 1) * columns
    points = rows.reshape(-1, 3)
    triangles = np.concatenate([_net(count, columns, closed=False), fan[:, ::-1], last + fan])
    return _outward(points, triangles, points if follows is None else follows)


def together(*surfaces: Surface) -> Surface:
    """Several as one."""
    firsts = np.cumsum([0, *(len(points) for points, _, _ in surfaces)])
    return (
        np.concatenate([points for points, _, _ in surfaces]),
        np.concatenate([surface[1] + first for surface, first in zip(surfaces, firsts, strict=False)]),
        np.concatenate([follows for _, _, follows in surfaces]),
    )


def across(surface: Surface) -> Surface:
    """The same on the other side."""
    mirror = np.array([-1.0, 1.0, 1.0])
    return surface[0] * mirror, surface[1][:, ::-1], surface[2] * mirror


def _net(rows: int, columns: int, closed: bool) -> np.ndarray:
    """Triangles of a net whose rows are closed; `closed` joins the last row to the first."""
    i, j = np.meshgrid(np.arange(rows if closed else rows - 1), np.arange(columns), indexing="ij")
    next_row, next_column = (i + 1) % rows * columns, (j + 1) % columns
    quads = np.stack([i * columns + j, i * columns + next_column, next_row + next_column, next_row + j], -1)
    quads = quads.reshape(-1, 4)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def _outward(points: np.ndarray, triangles: np.ndarray, follows: np.ndarray) -> Surface:
    """Turned so that the volume within is positive."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    inside_out = (a * np.cross(b, c)).sum() < 0
    return points, triangles[:, ::-1] if inside_out else triangles, follows
