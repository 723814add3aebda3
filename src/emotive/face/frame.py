"""Face-relative coordinates: the same numbers on every face, whatever its size and tilt in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .landmarks import FaceLandmarks

EYE_DISTANCE = 0.09  # m between the outer corners of the eyes: what makes metres of face units


@dataclass(frozen=True, eq=False)
class FaceFrame:
    """Origin between the outer corners of the eyes; X to the person's left along them, Y down, Z towards the
    viewer; the unit is the distance of those corners.

    origin, right, down: (2,), pixels; right and down are unit vectors of the picture.
    unit: pixels.
    """

    origin: np.ndarray
    right: np.ndarray
    down: np.ndarray
    unit: float

    @classmethod
    def of(cls, landmarks: FaceLandmarks) -> FaceFrame:
        """The frame of a face."""
        a, b = landmarks.eyes[0, 0, 0, :2].astype(float), landmarks.eyes[1, 0, 0, :2].astype(float)
        unit = float(np.linalg.norm(b - a))
        right = (b - a) / unit
        return cls((a + b) / 2, right, np.array([-right[1], right[0]]), unit)

    def to_face(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2 or 3) -> face units, as many numbers."""
        points = np.asarray(points, float)
        flat = (points[..., :2] - self.origin) @ np.stack([self.right, self.down], 1) / self.unit
        return np.concatenate([flat, points[..., 2:3] / self.unit], -1)

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Face units (..., 2 or 3) -> pixels, as many numbers."""
        points = np.asarray(points, float)
        flat = points[..., :2] @ np.stack([self.right, self.down]) * self.unit + self.origin
        return np.concatenate([flat, points[..., 2:3] * self.unit], -1)


def smooth(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """The cubic step from 0 at `low` to 1 at `high`."""
    t = np.clip((np.asarray(x, float) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
