"""Where a face's parts lie and how large they are, in face units: what the shapes are measured against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from .frame import FaceFrame, smooth
from .landmarks import FaceLandmarks
from .mesh import LIP_ROWS, FaceMesh, refined

MOUTH_HALF = 0.28  # of an average resting mouth: its corners are 50 mm apart (Farkas 1994)


@dataclass(frozen=True, eq=False)
class Measures:
    """x, y: (n,) of the mesh's vertices. t: position along the mouth, -1 and 1 at its corners.

    lower: 0 above the mouth's line, 1 below it. above, below: distance from the outer edge of the upper and
    lower lip, 0 within. inner: 1 at the lips' inner edges, 0 from their outer ones on. under: distance below
    the jaw's outline. left: 1 on the person's left half of the mouth, exactly 0 past a seam on the right.
    """

    x: np.ndarray
    y: np.ndarray
    t: np.ndarray
    lower: np.ndarray
    above: np.ndarray
    below: np.ndarray
    left: np.ndarray
    middle: tuple[float, float]
    half: float
    corners: np.ndarray
    chin: float
    wings: np.ndarray
    gap: np.ndarray
    lids: np.ndarray
    brows: np.ndarray
    line_middle: float
    inner: np.ndarray
    under: np.ndarray

    @property
    def mouth_scale(self) -> float:
        """Of this mouth against an average one."""
        return float(np.clip(self.half / MOUTH_HALF, 0.7, 1.15))

    def blob(self, at: np.ndarray | tuple[float, float], sx: float, sy: float) -> np.ndarray:
        """A Gaussian exp(-(dx/sx)^2 - (dy/sy)^2) over the vertices, cut to exactly 0 far out."""
        value = np.exp(-(((self.x - at[0]) / sx) ** 2) - ((self.y - at[1]) / sy) ** 2)
        return np.clip((value - 0.01) / 0.99, 0, 1)


def measure(landmarks: FaceLandmarks, frame: FaceFrame, mesh: FaceMesh) -> Measures:
    """The measures of a face."""
    x, y = mesh.points[:, 0], mesh.points[:, 1]
    lips = np.stack([refined(frame.to_face(line)[:, :2]) for line in landmarks.lips])
    corners = np.stack([lips[0, 0], lips[0, -1]])
    middle, half = (corners[0] + corners[1]) / 2, float(corners[1, 0] - corners[0, 0]) / 2
    t = (x - middle[0]) / half

    def along(line: np.ndarray) -> np.ndarray:
        order = np.argsort(line[:, 0])
        return np.interp(x, line[order, 0], line[order, 1])

    line = np.concatenate([corners[:1], ((lips[1] + lips[2]) / 2)[1:-1], corners[1:]])
    lower = smooth(y - along(line), -0.05, 0.05)
    lower[mesh.upper_lip], lower[mesh.lower_lip[:, 1:-1]] = 0, 1
    lower[mesh.upper_lip[:, [0, -1]]] = 0.5
    above = np.where(lower < 0.5, np.clip(along(lips[0]) - y, 0, None), 0)
    below = np.where(lower > 0.5, np.clip(y - along(lips[3]), 0, None), 0)
    above[mesh.upper_lip], below[mesh.lower_lip] = 0, 0
    oval, nose = frame.to_face(landmarks.oval), frame.to_face(landmarks.nose)
    jaw = refined(frame.to_face(landmarks.oval[7:30])[:, :2])
    inner = np.zeros(len(x))
    inner[mesh.upper_lip] = inner[mesh.lower_lip] = LIP_ROWS[:, None]
    return Measures(
        x, y, t, lower, above, below, smooth(x - middle[0], -0.09, 0.09),
        (float(middle[0]), float(middle[1])), half, corners, float(oval[18, 1]),
        nose[[4, 8], :2], np.clip(lips[2, :, 1] - lips[1, :, 1], 0, None),
        np.stack([[refined(frame.to_face(lid)[:, :2]) for lid in eye] for eye in landmarks.eyes]),
        frame.to_face(landmarks.brows)[..., :2], float((lips[1, 10, 1] + lips[2, 10, 1]) / 2), inner,
        _beyond(mesh.points[:, :2], jaw),
    )  # fmt: skip


def _beyond(points: np.ndarray, jaw: np.ndarray) -> np.ndarray:
    """Distance of points (n, 2) below the line of the jaw (k, 2), 0 within the face, (n,)."""
    order = np.argsort(jaw[:, 0])
    inside = points[:, 1] <= np.interp(points[:, 0], jaw[order, 0], jaw[order, 1], left=-9, right=-9)
    dense = np.concatenate([jaw[:-1] * (1 - t) + jaw[1:] * t for t in (0, 0.25, 0.5, 0.75)])
    return np.where(inside, 0, KDTree(dense).query(points)[0])
