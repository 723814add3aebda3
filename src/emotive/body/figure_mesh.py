"""From a signed distance to an even mesh of few triangles.

Marching cubes (Lorensen & Cline 1987) find the surface; rounds of splitting, collapsing and flipping edges
make all of them about as long as asked (Botsch & Kobbelt, "A remeshing approach to multiresolution modeling",
SGP 2004), and every point is drawn back onto the surface.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .figure_forms import Form

Size = Callable[[np.ndarray], np.ndarray]
"""Points (N, 3) -> how long edges shall be there, m (N,)."""


def meshed(
    form: Form, low: object, high: object, size: float | Size, rounds: int = 8, least: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Points (V, 3) and triangles (F, 3), outwards, of the surface of `form` within a box, m.

    size: of the edges. least: pieces of less volume, m3, are dropped.
    """
    import trimesh
    from skimage.measure import marching_cubes

    lengths: Size = size if callable(size) else lambda p: np.full(len(p), float(size))
    low, high = np.asarray(low, float), np.asarray(high, float)
    probe = np.stack(np.meshgrid(*(np.linspace(low[i], high[i], 24) for i in range(3)), indexing="ij"), -1)
    near = probe.reshape(-1, 3)[
        np.abs(form(probe.reshape(-1, 3))) < 0.03 * np.ptp(high - low) + 0.02 * (high - low).max()
    ]
    step = 0.8 * float(lengths(near).min() if len(near) else lengths(probe.reshape(-1, 3)).min())
    axes = [np.arange(low[i], high[i] + step, step) for i in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    values = np.concatenate([form(slab.reshape(-1, 3)).reshape(slab.shape[:-1])[None] for slab in grid])
    points, triangles, _, _ = marching_cubes(values.astype(np.float32), 0.0, spacing=(step,) * 3)
    # Points that meet are not merged: every edge keeps exactly two triangles.
    mesh = trimesh.Trimesh(points + low, triangles, process=False)
    if mesh.volume < 0:
        mesh.invert()
    kept = [piece for piece in mesh.split(only_watertight=False) if abs(piece.volume) > least]
    firsts = np.cumsum([0, *(len(piece.vertices) for piece in kept)])
    points = np.concatenate([np.asarray(piece.vertices) for piece in kept])
    numbers = [np.asarray(piece.faces) + first for piece, first in zip(kept, firsts, strict=False)]
    triangles = np.concatenate(numbers)
    points, triangles = remeshed(points, triangles, form, lengths, rounds)
    return points, triangles


def normals_of(form: Form, points: np.ndarray, step: float = 5e-4) -> np.ndarray:
    """Unit normals (N, 3), outwards, by central differences."""
    moved = np.concatenate([points + sign * step * axis for axis in np.eye(3) for sign in (1, -1)])
    values = form(moved).reshape(3, 2, -1)
    slope = (values[:, 0] - values[:, 1]).T
    return slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-12)


def settled(form: Form, points: np.ndarray, most: float, rounds: int = 3) -> np.ndarray:
    """Points drawn onto the surface along its normals, by at most `most` m a round."""
    for _ in range(rounds):
        points = points - np.clip(form(points), -most, most)[:, None] * normals_of(form, points)
    return points


def remeshed(
    points: np.ndarray, triangles: np.ndarray, form: Form, size: Size, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """The same closed surface with edges of about `size`."""
    net = _Net(points, triangles)
    for _ in range(rounds):
        net.target = size(net.array())
        net.split()
        net.target = size(net.array())
        net.collapse()
        net.flip()
        points, triangles = net.packed()
        points = _relaxed(points, triangles, form, size(points))
        net = _Net(points, triangles)
    return points, triangles


def _relaxed(points: np.ndarray, triangles: np.ndarray, form: Form, size: np.ndarray) -> np.ndarray:
    """Points moved along the surface to the middle of their neighbours, weighted by area."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    for _ in range(2):
        weight = 1 / size[edges[:, 1]] ** 2
        total = np.bincount(edges[:, 0], weight, len(points))
        middle = np.stack(
            [np.bincount(edges[:, 0], weight * points[edges[:, 1], k], len(points)) for k in range(3)], 1
        )
        move = middle / total[:, None] - points
        normal = normals_of(form, points)
        points = points + 0.6 * (move - (move * normal).sum(1, keepdims=True) * normal)
    return settled(form, points, float(0.5 * size.max()), 3)


class _Net:
    """Triangles whose edges change."""

    def __init__(self, points: np.ndarray, triangles: np.ndarray):
        self.points = [np.asarray(p) for p in points]
        self.triangles: list[tuple[int, int, int] | None] = [
            (int(a), int(b), int(c)) for a, b, c in triangles
        ]
        self.around: list[set[int]] = [set() for _ in points]
        for t, triangle in enumerate(self.triangles):
            for corner in triangle or ():
                self.around[corner].add(t)
        self.target = np.zeros(len(points))

    def array(self) -> np.ndarray:
        return np.array(self.points)

    def packed(self) -> tuple[np.ndarray, np.ndarray]:
        triangles = np.array([t for t in self.triangles if t is not None])
        used = np.unique(triangles)
        number = np.full(len(self.points), -1)
        number[used] = np.arange(len(used))
        return np.array(self.points)[used], number[triangles]

    def split(self) -> None:
        for a, b, long in sorted(self._edges(), key=lambda edge: -edge[2]):
            if long > 4 / 3 * 0.5 * (self._target(a) + self._target(b)):
                shared = self.around[a] & self.around[b]
                if len(shared) == 2:
                    self._split(a, b, shared)

    def collapse(self) -> None:
        touched: set[int] = set()
        for a, b, long in sorted(self._edges(), key=lambda edge: edge[2]):
            if long < 4 / 5 * 0.5 * (self._target(a) + self._target(b)) and not {a, b} & touched:
                touched |= self._collapse(a, b)

    def flip(self) -> None:
        for a, b, _ in self._edges():
            shared = self.around[a] & self.around[b]
            if len(shared) != 2:
                continue
            c, d = (self._third(t, a, b) for t in shared)
            if c == d or self.around[c] & self.around[d]:
                continue
            count = [len(self.around[v]) for v in (a, b, c, d)]
            now = sum((n - 6) ** 2 for n in count)
            then = (count[0] - 7) ** 2 + (count[1] - 7) ** 2 + (count[2] - 5) ** 2 + (count[3] - 5) ** 2
            if then < now and min(count[0], count[1]) > 3:
                self._flip(a, b, c, d, shared)

    def _target(self, v: int) -> float:
        return float(self.target[v]) if v < len(self.target) else float(self.target[-1])

    def _edges(self) -> list[tuple[int, int, float]]:
        triangles = np.array([t for t in self.triangles if t is not None])
        edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), 1)
        edges = np.unique(edges, axis=0)
        at = self.array()
        long = np.linalg.norm(at[edges[:, 0]] - at[edges[:, 1]], axis=1)
        return [(int(a), int(b), float(d)) for (a, b), d in zip(edges, long, strict=True)]

    def _third(self, t: int, a: int, b: int) -> int:
        return next(v for v in self.triangles[t] or () if v not in (a, b))

    def _put(self, t: int, triangle: tuple[int, int, int]) -> None:
        for corner in self.triangles[t] or ():
            self.around[corner].discard(t)
        self.triangles[t] = triangle
        for corner in triangle:
            self.around[corner].add(t)

    def _drop(self, t: int) -> None:
        for corner in self.triangles[t] or ():
            self.around[corner].discard(t)
        self.triangles[t] = None

    def _split(self, a: int, b: int, shared: set[int]) -> None:
        middle = len(self.points)
        self.points.append(0.5 * (self.points[a] + self.points[b]))
        self.around.append(set())
        self.target = np.append(self.target, 0.5 * (self._target(a) + self._target(b)))
        for t in list(shared):
            old = self.triangles[t]
            assert old is not None
            self._put(t, _replaced(old, b, middle))
            self.triangles.append(None)
            self._put(len(self.triangles) - 1, _replaced(old, a, middle))

    def _collapse(self, a: int, b: int) -> set[int]:
        shared = self.around[a] & self.around[b]
        ring_a = {v for t in self.around[a] for v in self.triangles[t] or ()} - {a}
        ring_b = {v for t in self.around[b] for v in self.triangles[t] or ()} - {b}
        # The link condition: only the two triangles of the edge may be lost.
        if len(shared) != 2 or len(ring_a & ring_b) != 2 or len(ring_a | ring_b) < 6:
            return set()
        if any(len(self.around[v]) <= 3 for v in ring_a & ring_b):
            return set()
        middle = 0.5 * (self.points[a] + self.points[b])
        for end in (a, b):
            for t in self.around[end] - shared:
                old = self.triangles[t]
                assert old is not None
                at = [self.points[v] for v in old]
                before = _cross(at)
                after = _cross([middle if v == end else self.points[v] for v in old])
                if before @ before > 1e-24 and before @ after <= 0.2 * np.sqrt(
                    (before @ before) * (after @ after)
                ):
                    return set()
        self.points[a] = middle
        for t in list(shared):
            self._drop(t)
        for t in list(self.around[b]):
            old = self.triangles[t]
            assert old is not None
            self._put(t, _replaced(old, b, a))
        return ring_a | ring_b | {a, b}

    def _flip(self, a: int, b: int, c: int, d: int, shared: set[int]) -> None:
        one, other = shared
        first = self.triangles[one]
        assert first is not None
        if first[(first.index(a) + 1) % 3] != b:
            one, other = other, one
            c, d = d, c
        first = self.triangles[one]
        assert first is not None
        c, d = self._third(one, a, b), self._third(other, a, b)
        new = ((c, a, d), (d, b, c))
        old_normal = _cross([self.points[v] for v in first])
        for triangle in new:
            made = _cross([self.points[v] for v in triangle])
            if made @ old_normal <= 0.3 * np.sqrt((made @ made) * (old_normal @ old_normal)):
                return
        self._put(one, new[0])
        self._put(other, new[1])


def _cross(at: list[np.ndarray]) -> np.ndarray:
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = at
    ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
    return np.array([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])


def _replaced(triangle: tuple[int, int, int], old: int, new: int) -> tuple[int, int, int]:
    a, b, c = (new if v == old else v for v in triangle)
    return a, b, c
