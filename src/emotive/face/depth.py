"""How far each point of a face lies towards the viewer, from the landmarks' own depth or from a template."""

from __future__ import annotations

import numpy as np

from .frame import FaceFrame, smooth
from .landmarks import FaceLandmarks

# Middle X, Y; half width, height, depth of the front; face units.
SKULL = np.array([0.0, 0.12, 0.98, 1.32, 1.05])


def template(points: np.ndarray) -> np.ndarray:
    """Depth (n,) of an average head over points (n, 2), face units, 0 at the ears.

    An ellipsoid with a nose, brows, lips and sockets; proportions after Farkas's head measurements (head
    breadth 0.15 m, nose protrusion 0.02 m) at 0.09 m between the eyes.
    """
    x, y = points[:, 0], points[:, 1]
    radius = ((x - SKULL[0]) / SKULL[2]) ** 2 + ((y - SKULL[1]) / SKULL[3]) ** 2
    z = SKULL[4] * np.sqrt(np.clip(1 - radius, 0, 1))
    z = np.where(radius > 0.8, SKULL[4] * np.sqrt(0.2) * np.exp(-(radius - 0.8) * 1.4), z)

    def bump(cx: float, cy: float, sx: float, sy: float) -> np.ndarray:
        return np.exp(-(((np.abs(x) - cx) / sx) ** 2) - ((y - cy) / sy) ** 2)

    z = z + 0.20 * bump(0, 0.42, 0.13, 0.16) + 0.10 * bump(0, 0.2, 0.09, 0.22)
    z = (
        z
        - 0.10 * bump(0.32, 0.0, 0.18, 0.12)
        + 0.05 * bump(0, 0.72, 0.25, 0.12)
        + 0.05 * bump(0, 1.05, 0.2, 0.12)
    )
    return z


def depth(points: np.ndarray, landmarks: FaceLandmarks, frame: FaceFrame) -> np.ndarray:
    """Depth (n,) at points (n, 2), face units.

    The landmarks correct the template smoothly (a Gaussian of 0.16 units), less the farther away they are.
    """
    known = np.concatenate([
        frame.to_face(part).reshape(-1, 3)
        for part in (landmarks.oval, landmarks.brows, landmarks.eyes, landmarks.lips, landmarks.nose)
    ])  # fmt: skip
    z = template(points)
    if np.ptp(known[:, 2]) < 1e-3:  # flat: no depth given
        return z
    error = known[:, 2] - template(known[:, :2])
    level = np.median(error)
    distance = ((points[:, None] - known[None, :, :2]) ** 2).sum(-1)
    weight = np.exp(-distance / (2 * 0.16**2))
    total = weight.sum(1)
    trust = smooth(total, 0.02, 0.8)
    return z + trust * np.clip((weight @ (error - level)) / np.maximum(total, 1e-9), -0.25, 0.25)
