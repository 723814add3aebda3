"""The skin of the bundled head as triangles: loops around eyes and mouth, an even net elsewhere.

Points are laid out on a plane, directions from the middle of the head in the azimuthal equidistant map about
the front, with the lips apart so that upper and lower lip are told apart; Delaunay triangles connect them
there. One half is built and mirrored, so left and right agree exactly.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotive.media import write_whole

from . import head_surface as surface
from .head_surface import EYE, EYE_RADIUS, MOUTH, MOUTH_WIDTH, NECK_END

_SHIPPED = Path(__file__).parent / "head_skin.npz"
_STEPS = 100  # per mm, in which points are kept
_MIDDLE = np.array([0.0, -8.0, 2.0])  # from which every point of the skin is seen
_SCALE = 95.0  # mm on the plane per radian
_GAP = 4.0  # mm by which the lips are apart on the plane, each
_LID_RINGS = (1.2, 3.0, 5.4, 8.6)  # mm around the opening of the eye
_LIPS = 12  # points on half a lip


@dataclass(frozen=True, eq=False)
class Skin:
    """points: float64 (V, 3), mm. triangles: int (F, 3), outwards.
    plane: (V, 2), where a point lies on the plane, lips apart.
    lip: (V,), how far a point belongs to the red of the lips, 0..1.
    side: (V,), 1 on the upper lip, -1 on the lower, 0 at the corners and elsewhere.
    inside: (V,), 0 on the outside, 1 within the mouth, 2 behind the lids.
    mirror: (V,), the number of the point across.
    rims: (2, 32), the openings of the left and the right eye, as `eye_opening` goes.
    seam: (2, 23), upper and lower lip where they touch, from the person's right corner to the left.
    """

    points: np.ndarray
    triangles: np.ndarray
    plane: np.ndarray
    lip: np.ndarray
    side: np.ndarray
    inside: np.ndarray
    mirror: np.ndarray
    rims: np.ndarray
    seam: np.ndarray


def eye_opening(count: int = 16) -> np.ndarray:
    """The opening of the left eye, (2 * count, 2) in mm from the eyeball's middle: the upper lid from the
    inner to the outer corner, the lower lid back."""
    t = np.linspace(0, 1, count + 1)
    upper = np.stack([-15.2 + 30.4 * t, -2.2 + 3.0 * t + 6.9 * np.sin(np.pi * t**0.92) ** 0.85], 1)
    lower = np.stack([-15.2 + 30.4 * t, -2.2 + 3.0 * t - 5.0 * np.sin(np.pi * t**1.1) ** 0.9], 1)
    return np.concatenate([upper, lower[-2:0:-1]])


def build_skin() -> Skin:
    from scipy.spatial import Delaunay

    half = _Half()
    eye, seam = half.add_eye(), half.add_mouth()
    neck = half.add_neck()
    half.add_nose()
    half.add_rest()
    flat, points = np.array(half.flat), np.array(half.points)
    triangles = Delaunay(flat).simplices
    a, b, c = (flat[triangles[:, k]] for k in range(3))
    turn = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    triangles = np.where(turn[:, None] < 0, triangles[:, ::-1], triangles)
    middle = (a + b + c) / 3
    open_mouth = flat[[*seam[0], *seam[1][::-1]]]
    hole = _within(middle, flat[eye]) | _within(middle, open_mouth) | _within(middle, flat[neck])
    triangles = triangles[~hole & (np.abs(turn) > 1e-9)]
    triangles = triangles[~np.isin(triangles, neck).all(1)]
    half.triangles = triangles
    points = np.concatenate([points, surface.cast(_MIDDLE[None], np.array([[0.0, 0.0, -1.0]]), 240)])
    half.add(points[-1], False)
    half.close_back(len(points) - 1)
    points = _relaxed(points, half.triangles, np.array(half.held))
    half.points = [*points]
    half.close_eye(eye)
    half.close_mouth(seam)
    return _mirrored(half, eye, seam)


class _Half:
    """What is gathered of the left half."""

    def __init__(self) -> None:
        self.flat: list[np.ndarray] = []
        self.points: list[np.ndarray] = []
        self.held: list[bool] = []
        self.lip: list[float] = []
        self.inside: list[int] = []
        self.triangles = np.zeros((0, 3), int)
        self.side: list[int] = []

    def add(
        self,
        point: np.ndarray,
        held: bool,
        lip: float = 0.0,
        side: int = 0,
        inside: int = 0,
        x: float | None = None,
        corner: bool = False,
    ) -> int:
        flat = _plane(point[None])[0]
        near = np.exp(-(((point[1] - MOUTH) / 14) ** 2)) if point[2] > 60 else 0.0
        self.side.append(0 if corner else side)
        side = side or (1 if point[1] > MOUTH else -1)
        across = abs(point[0]) / MOUTH_WIDTH if x is None else x
        self.flat.append(flat + np.array([0, side * _GAP * near * np.sqrt(max(0.0, 1 - across**6))]))
        self.points.append(point)
        self.held.append(held)
        self.lip.append(lip)
        self.inside.append(inside)
        return len(self.points) - 1

    def add_eye(self) -> list[int]:
        rim = eye_opening()
        found = [self.add(point, True) for point in _from_front(EYE[:2] + rim)]
        along = np.roll(rim, -1, 0) - np.roll(rim, 1, 0)
        normal = np.stack([-along[:, 1], along[:, 0]], 1) / np.linalg.norm(along, axis=1, keepdims=True)
        normal[[0, len(rim) // 2]] = ((-1, 0), (1, 0))
        radial = rim / np.linalg.norm(rim, axis=1, keepdims=True)
        for offset in _LID_RINGS:
            way = normal + (radial - normal) * offset / 14
            ring = rim + offset * way / np.linalg.norm(way, axis=1, keepdims=True)
            for point in _from_front(EYE[:2] + ring):
                self.add(point, offset < 2)
        return found

    def add_mouth(self) -> tuple[list[int], list[int]]:
        """Upper and lower line where the lips touch, from the middle to the corner, which they share."""
        angles = np.linspace(0, np.pi / 2, _LIPS)
        x = np.sin(angles)
        bow = (7.0 + 1.7 * np.exp(-(((x * 25 - 5.5) / 4) ** 2))) * (1 - x**2.2)
        full = 9.4 * (1 - x**2.4)
        lines: tuple[list[int], list[int]] = ([], [])
        line = MOUTH - 0.7 + 1.5 * x**2 - 0.4 * np.exp(-((x / 0.16) ** 2))
        for ring, (wide, share, offset, lip) in enumerate(
            ((0, 0, 0, 1), (1.6, 0.5, 0, 1), (3.2, 1, 0, 0.75), (5.5, 1, 2.6, 0), (10, 1, 7, 0))
        ):
            for side, height in ((1, bow), (-1, full)):
                for i in range(_LIPS - (side < 0)):
                    rise = side * (share * height[i] + offset * np.cos(angles[i]) ** 0.7)
                    at = np.array([[x[i] * (MOUTH_WIDTH + wide), line[i] + rise]])
                    corner = i == _LIPS - 1
                    point = _from_front(at)[0]
                    held = ring == 0 or (ring == 2 and i < _LIPS - 2)
                    number = self.add(
                        point,
                        held,
                        (lip if ring == 0 else lip * (1 - float(x[i]) ** 5)) * (0.6 if corner else 1),
                        side,
                        x=float(x[i]),
                        corner=corner,
                    )
                    if ring == 0:
                        lines[side < 0].append(number)
        lines[1].append(lines[0][-1])
        return lines

    def add_neck(self) -> list[int]:
        """Rings up the neck; the lowest, from front to back, is where it ends."""
        angles = np.linspace(0, np.pi, 21)
        ways = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], axis=1)
        ways[[0, -1], 0] = 0
        lowest: list[int] = []
        for height in (NECK_END, -156, -144, -133, -123, -114):
            share = (-40 - height) / 160
            axis = np.array([0, height, -14 - 20 * share])
            ring = surface.cast(np.broadcast_to(axis, ways.shape), ways, 110)
            numbers = [self.add(point, height == NECK_END) for point in ring]
            lowest = lowest or numbers
        return lowest

    def add_nose(self) -> None:
        grid = [(x, y) for y in np.arange(-46, 8, 2.6) for x in np.arange(0, 17.5, 2.5)]
        at = np.array([(x, y) for x, y in grid if x < 16 - 0.18 * max(0, y + 30) and y > -44])
        points = _from_front(at)
        points = points[~self._crowded(_plane(points), 1.7)]
        for point in points:
            self.add(point, False)

    def add_rest(self) -> None:
        radius, flat = 3.0, []
        while radius < 0.96 * np.pi * _SCALE:
            spacing = float(np.interp(radius, (0, 60, 110, 190), (3.6, 4.4, 6.6, 9.0)))
            count = max(4, round(np.pi * _SCALE * np.sin(radius / _SCALE) / spacing))
            angles = np.linspace(-np.pi / 2, np.pi / 2, count + 1)
            ring = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
            ring[[0, -1], 0] = 0
            flat.append(ring)
            radius += 0.87 * spacing
        at = np.concatenate(flat)
        x, y = at.T
        angle = np.hypot(x, y) / _SCALE
        ways = np.stack([x, y, np.zeros_like(x)], 1) / np.maximum(np.hypot(x, y), 1e-9)[:, None]
        ways = ways * np.sin(angle)[:, None] + np.cos(angle)[:, None] * np.array([0, 0, 1])
        points = surface.cast(np.broadcast_to(_MIDDLE, ways.shape), ways, 240)
        points[x == 0, 0] = 0
        spacing = np.interp(angle * _SCALE, (0, 60, 110, 190), (3.6, 4.4, 6.6, 9.0))
        keep = (points[:, 1] > -112) & ~self._crowded(_plane(points), 0.62 * spacing)
        eye = EYE[:2] + eye_opening() * (1 + _LID_RINGS[-1] / 13)
        front = points[:, 2] > 60
        keep &= ~(front & _within(points[:, :2], eye))
        keep &= ~(front & (np.abs(points[:, 0]) < 34) & (np.abs(points[:, 1] - MOUTH) < 9))
        for point in points[keep]:
            self.add(point, False)

    def _crowded(self, flat: np.ndarray, room: np.ndarray | float) -> np.ndarray:
        """Whether there is a point nearer than `room` already."""
        from scipy.spatial import KDTree

        there = np.array([_plane(point[None])[0] for point in self.points])
        return KDTree(there).query(flat)[0] < room

    def close_back(self, tip: int) -> None:
        """Triangles from the edge of the plane to the point that is farthest from the face."""
        edges = np.concatenate([self.triangles[:, [k, (k + 1) % 3]] for k in range(3)])
        _, first, count = np.unique(np.sort(edges, 1), axis=0, return_index=True, return_counts=True)
        border = edges[first[count == 1]]
        far = np.linalg.norm(np.array(self.flat), axis=1) > 0.85 * np.pi * _SCALE
        off = np.array(self.points)[:, 0] > 1e-9
        border = border[far[border].all(1) & off[border].any(1)]
        fan = [(b, a, tip) for a, b in border.tolist()]
        self.triangles = np.concatenate([self.triangles, fan])

    def close_eye(self, rim: list[int]) -> None:
        """The edge of the lids and a bag behind them."""
        out = np.array([self.points[i] for i in rim]) - EYE
        angle = np.arccos(out[:, 2] / np.linalg.norm(out, axis=1))
        around = out[:, :2] / np.linalg.norm(out[:, :2], axis=1, keepdims=True)
        edge = rim
        for radius, wider in ((EYE_RADIUS + 0.2, 1.0), (EYE_RADIUS + 0.5, 1.45), (EYE_RADIUS + 0.6, 2.2)):
            turned = np.minimum(angle * wider, 1.9)
            ring = np.c_[around * np.sin(turned)[:, None], np.cos(turned)] * radius
            edge = self._extrude(edge, EYE + ring, 2)
        back = self.add(EYE - np.array([0, 0, EYE_RADIUS + 1]), True, inside=2)
        self._fan(edge, back)

    def close_mouth(self, seam: tuple[list[int], list[int]]) -> None:
        """The inside of the lips, and a bag behind them."""
        lines = [*seam]
        shape = (
            (3.0, 0.9, 0.97, 0.8),
            (9, 4.5, 0.99, 0.2),
            (18, 11, 0.98, 0),
            (30, 14, 0.85, 0),
            (44, 10, 0.6, 0),
        )
        rest = [np.array([self.points[i] for i in line]) for line in seam]
        for depth, rise, narrow, red in shape:
            following = []
            for side, line in zip((1, -1), rest, strict=True):
                ring = line * np.array([narrow, 1, 1])
                x = np.abs(line[:, 0]) / MOUTH_WIDTH
                ring[:, 1] += side * rise * np.sqrt(np.clip(1 - x**2, 0, 1))
                ring[:, 2] = np.maximum(ring[:, 2] - depth, 30)
                numbers = [self.add(point, True, red, side, 1) for point in ring[:-1]]
                following.append(numbers)
            corner = rest[0][-1] * np.array([narrow, 1, 1]) - np.array([0, 0, min(depth, 40)])
            both = self.add(corner, True, red, 1, 1, corner=True)
            following = [[*numbers, both] for numbers in following]
            for k in (0, 1):
                self._strip(lines[k], following[k])
            lines = following
        self._strip(lines[0], lines[1])

    def _extrude(self, edge: list[int], ring: np.ndarray, inside: int) -> list[int]:
        numbers = [self.add(point, True, inside=inside) for point in ring]
        self._strip([*edge, edge[0]], [*numbers, numbers[0]])
        return numbers

    def _strip(self, edge: list[int], other: list[int]) -> None:
        """Triangles between two lines, turned as the triangles that `edge` borders on demand."""
        directed = {tuple(pair) for t in self.triangles.tolist() for pair in (t[:2], t[1:], (t[2], t[0]))}
        new = []
        for a, b, c, d in zip(edge, edge[1:], other, other[1:], strict=False):
            if (a, b) in directed:
                a, b, c, d = b, a, d, c
            new += [t for t in ((a, b, d), (a, d, c)) if len({*t}) == 3]
        self.triangles = np.concatenate([self.triangles, new])

    def _fan(self, edge: list[int], tip: int) -> None:
        self._strip([*edge, edge[0]], [tip] * (len(edge) + 1))


def _plane(points: np.ndarray) -> np.ndarray:
    """Azimuthal equidistant: the angle from the front, in the direction in which a point lies."""
    way = points - _MIDDLE
    way = way / np.linalg.norm(way, axis=1, keepdims=True)
    angle = np.arccos(np.clip(way[:, 2], -1, 1))
    return way[:, :2] * (_SCALE * angle / np.maximum(np.sin(angle), 1e-6))[:, None]


def _from_front(at: np.ndarray) -> np.ndarray:
    """The points of the surface (N, 3) that are seen straight from the front at (N, 2)."""
    origins = np.c_[at, np.zeros(len(at))]
    return surface.cast(origins, np.broadcast_to([0.0, 0.0, 1.0], origins.shape), 140)


def _within(points: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """Whether points (N, 2) lie within a polygon (M, 2), by crossings."""
    inside = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, 0), strict=True):
        across = (y0 > points[:, 1]) != (y1 > points[:, 1])
        at = x0 + (points[:, 1] - y0) / ((y1 - y0) or 1e-9) * (x1 - x0)
        inside ^= across & (points[:, 0] < at)
    return inside


def _relaxed(points: np.ndarray, triangles: np.ndarray, held: np.ndarray, rounds: int = 9) -> np.ndarray:
    """Points moved evenly over the surface; those `held` stay, those in the middle stay there."""
    from scipy.sparse import coo_matrix

    pairs = np.concatenate(
        [triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2))]
    )
    pairs = np.unique(pairs, axis=0)
    n = len(points)
    near = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (n, n)).tocsr()
    degree = np.asarray(near.sum(1)).ravel()
    middle = points[:, 0] < 1e-9
    free = ~held
    free[degree == 0] = False
    for _ in range(rounds):
        mean = near @ points / np.maximum(degree, 1)[:, None]
        moved = points[free] + 0.5 * (mean - points)[free]
        points = points.copy()
        points[free] = surface.settle(moved, 1)
        points[middle, 0] = 0
    points[free] = surface.settle(points[free], 2)
    points[middle, 0] = 0
    return points


def _mirrored(half: _Half, eye: list[int], seam: tuple[list[int], list[int]]) -> Skin:
    points, flat = np.array(half.points), np.array(half.flat)
    used = np.zeros(len(points), bool)
    used[half.triangles] = True
    number = np.cumsum(used) - 1
    points, flat, triangles = points[used], flat[used], number[half.triangles]
    lip, side, inside = (np.array(each)[used] for each in (half.lip, half.side, half.inside))
    middle = np.abs(points[:, 0]) < 1e-9
    points[middle, 0] = 0
    n, others = len(points), np.flatnonzero(~middle)
    across = np.arange(n)
    across[others] = n + np.arange(len(others))
    flip = np.array([-1, 1, 1])
    both = np.concatenate([points, points[others] * flip])
    mirror = np.concatenate([across, others])
    upper, lower = (number[np.array(line)] for line in seam)
    left = number[np.array(eye)]
    return Skin(
        both,
        np.concatenate([triangles, across[triangles][:, ::-1]]),
        np.concatenate([flat, flat[others] * flip[:2]]),
        np.concatenate([lip, lip[others]]),
        np.concatenate([side, side[others]]),
        np.concatenate([inside, inside[others]]),
        mirror,
        np.stack([left, mirror[left]]),
        np.stack([np.concatenate([mirror[line][:0:-1], line]) for line in (upper, lower)]),
    )


def read_skin() -> Skin:
    """The skin as it comes with Emotive."""
    with np.load(_SHIPPED, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["points"] = arrays["points"] / _STEPS
    arrays["plane"] = arrays["plane"] / _STEPS
    arrays["lip"] = arrays["lip"] / 100
    for name in ("triangles", "mirror", "rims", "seam", "side", "inside"):
        arrays[name] = arrays[name].astype(int)
    return Skin(**arrays)


def write_skin() -> None:
    """Builds the skin, which takes some seconds, and keeps it: `python -m emotive.face.head_grid`."""
    skin = build_skin()
    arrays = {
        "points": np.rint(skin.points * _STEPS).astype(np.int16),
        "plane": np.rint(skin.plane * _STEPS).astype(np.int16),
        "lip": np.rint(skin.lip * 100).astype(np.int8),
        **{name: getattr(skin, name).astype(np.int8) for name in ("side", "inside")},
        **{name: getattr(skin, name).astype(np.uint16) for name in ("triangles", "mirror", "rims", "seam")},
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_whole(_SHIPPED, buffer.getvalue())


if __name__ == "__main__":
    write_skin()
