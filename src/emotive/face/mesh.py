"""A triangle mesh over a portrait, made from its landmarks: rings around eyes and lips, fill between.

The openings of the eyes and of the mouth are holes whose edges can part: the lips of a closed mouth lie on
each other but are different vertices.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial import Delaunay, KDTree

from .depth import depth
from .frame import FaceFrame
from .landmarks import FaceLandmarks

LIP_ROWS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])  # from the outer edge of a lip to its inner one
AROUND_LIPS = (0.03, 0.07, 0.12, 0.18)  # face units
AROUND_EYES = (0.018, 0.036, 0.06, 0.09, 0.125)
FILL, OUTER_FILL = 0.075, 0.125


@dataclass(frozen=True, eq=False)
class FaceMesh:
    """points: (n, 3) in face units, as in the picture. triangles: int32 (m, 3), those of the holes first.

    upper_lip, lower_lip: indices (5, 21): rows from the outer to the inner edge, columns from the person's
        right corner to the left.
    lids: indices (2, 2, 17): right and left eye, upper and lower lid, from the outer to the inner corner.
    oval, brows, nose: indices of the landmarks, in their order.
    """

    points: np.ndarray
    triangles: np.ndarray
    upper_lip: np.ndarray
    lower_lip: np.ndarray
    lids: np.ndarray
    oval: np.ndarray
    brows: np.ndarray
    nose: np.ndarray


def refined(contour: np.ndarray) -> np.ndarray:
    """A contour (n, d) with a point put between every two by a cubic spline over its length: (2 n - 1, d)."""
    length = np.r_[0, np.cumsum(np.maximum(np.linalg.norm(np.diff(contour[:, :2], axis=0), axis=1), 1e-4))]
    between = np.empty(2 * len(contour) - 1)
    between[::2], between[1::2] = length, (length[1:] + length[:-1]) / 2
    return CubicSpline(length, contour)(between)


def offset(loop: np.ndarray, distance: float) -> np.ndarray:
    """A closed loop (n, 2) pushed out along its normals."""
    tangent = np.roll(loop, -2, 0) - np.roll(loop, 2, 0)
    tangent = tangent + np.roll(tangent, 1, 0) + np.roll(tangent, -1, 0)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], 1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    if ((loop - loop.mean(0)) * normal).sum() < 0:
        normal = -normal
    return loop + distance * normal


class _Vertices:
    def __init__(self) -> None:
        self.points: list[np.ndarray] = []
        self.count = 0

    def add(self, points: np.ndarray) -> np.ndarray:
        points = np.asarray(points, float).reshape(-1, 2)
        self.points.append(points)
        self.count += len(points)
        return np.arange(self.count - len(points), self.count)

    def add_apart(self, points: np.ndarray, distance: float) -> None:
        """Only those that keep their distance from what is there and from each other."""
        tree = KDTree(np.concatenate(self.points))
        self.add(points[tree.query(points)[0] > distance])


def build_mesh(landmarks: FaceLandmarks, frame: FaceFrame, size: tuple[int, int]) -> FaceMesh:
    """The mesh of a face in a picture of `size` (height, width)."""
    lips = np.stack([refined(frame.to_face(line)[:, :2]) for line in landmarks.lips])
    vertices = _Vertices()

    rows = LIP_ROWS[:, None, None]
    upper = lips[0] * (1 - rows) + lips[1] * rows
    lower = lips[3] * (1 - rows) + lips[2] * rows
    upper_lip = vertices.add(upper).reshape(upper.shape[:2])
    lower_lip = upper_lip.copy()
    lower_lip[:, 1:-1] = vertices.add(lower[:, 1:-1]).reshape(len(rows), -1)

    lids = np.empty((2, 2, 17), int)
    rings: list[tuple[np.ndarray, float]] = []
    for side in range(2):
        lid = np.stack([refined(frame.to_face(line)[:, :2]) for line in landmarks.eyes[side]])
        lids[side, 0] = vertices.add(lid[0])
        lids[side, 1] = lids[side, 0]
        lids[side, 1, 1:-1] = vertices.add(lid[1, 1:-1])
        loop = np.concatenate([lid[0], lid[1, -2:0:-1]])
        rings += [
            (offset(loop, distance), 0.55 * step)
            for distance, step in zip(AROUND_EYES, np.diff((0, *AROUND_EYES)), strict=True)
        ]
    brows = vertices.add(frame.to_face(landmarks.brows)[..., :2]).reshape(2, 2, 5)
    nose = vertices.add(frame.to_face(landmarks.nose)[:, :2])
    oval = vertices.add(frame.to_face(landmarks.oval)[:, :2])

    loop = np.concatenate([lips[0], lips[3, -2:0:-1]])
    for k, distance in enumerate(AROUND_LIPS):
        rings.append((offset(loop, distance)[:: 1 + k // 2], 0.02))
    for ring, apart in rings:
        vertices.add_apart(ring, apart)
    outline = frame.to_face(landmarks.oval)[:, :2]
    middle = outline.mean(0)
    for scale in (0.94, 1.06, 1.14):
        vertices.add_apart(middle + (outline - middle) * scale, 0.035)
    _fill(vertices, outline, frame, size)

    flat = np.concatenate(vertices.points)
    points = np.concatenate([flat, depth(flat, landmarks, frame)[:, None]], 1)
    holes, skin = _triangulate(flat, lips, upper_lip, lower_lip, lids)
    triangles = np.ascontiguousarray(np.concatenate([holes, skin]).astype(np.int32))
    return FaceMesh(points, triangles, upper_lip, lower_lip, lids, oval, brows, nose)


def _fill(vertices: _Vertices, outline: np.ndarray, frame: FaceFrame, size: tuple[int, int]) -> None:
    height, width = size
    corners = frame.to_face(
        np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)
    )
    t = np.linspace(0, 1, 24)[:-1, None]
    edge = [a + (b - a) * t for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)]
    vertices.add(np.concatenate(edge))
    low, high = corners.min(0), corners.max(0)
    contour = outline.astype(np.float32)
    for spacing, inside in ((FILL, True), (OUTER_FILL, False)):
        y = np.arange(low[1], high[1], spacing * 0.87)
        x = np.arange(low[0], high[0], spacing)
        grid = np.stack(np.meshgrid(x, y), -1)
        grid[1::2, :, 0] += spacing / 2
        grid = grid.reshape(-1, 2)
        picture = frame.to_picture(grid)
        seen = ((picture > 1) & (picture < np.array([width, height]) - 2)).all(1)
        grid = grid[seen]
        within = np.array(
            [cv2.pointPolygonTest(contour, (float(px), float(py)), False) > 0 for px, py in grid], bool
        )
        vertices.add_apart(grid[within == inside], 0.62 * spacing)


def _triangulate(
    flat: np.ndarray, lips: np.ndarray, upper: np.ndarray, lower: np.ndarray, lids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Delaunay with the mouth held open, so that lips which touch do not grow together."""
    line = (lips[1] + lips[2]) / 2
    middle, half = line[:, 0].mean(), np.ptp(line[:, 0]) / 2
    order = np.argsort(line[:, 0])
    away = flat[:, 1] - np.interp(flat[:, 0], line[order, 0], line[order, 1])
    sign = np.sign(away)
    sign[upper], sign[lower[:, 1:-1]] = -1, 1
    dome = np.sqrt(np.clip(1 - ((flat[:, 0] - middle) / half) ** 2, 0, 1))
    layout = flat.copy()
    layout[:, 1] += sign * 0.12 * dome * np.exp(-((away / 0.6) ** 2))
    # Equal spacing along the contours keeps their edges in the triangulation.
    triangles = Delaunay(layout).simplices
    holes = []
    for ring in (np.r_[upper[-1], lower[-1, -2:0:-1]], *(np.r_[lid[0], lid[1, -2:0:-1]] for lid in lids)):
        member: np.ndarray = np.asarray(np.isin(triangles, ring).all(axis=1))
        polygon = layout[ring].astype(np.float32)
        centre = layout[triangles].mean(1)
        for i in np.nonzero(member)[0]:
            if cv2.pointPolygonTest(polygon, (float(centre[i, 0]), float(centre[i, 1])), False) < 0:
                member[i] = False
        holes.append(triangles[member])
        triangles = triangles[~member]
    return np.concatenate(holes), triangles
