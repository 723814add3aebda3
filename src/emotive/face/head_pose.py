"""Turning the head: a rotation about the neck in weak perspective, kept within what one picture can show."""

from __future__ import annotations

import numpy as np

from .frame import EYE_DISTANCE, smooth
from .shapes import soft_limit

SAFE = np.radians([10.0, 14.0, 15.0])  # of pitch, yaw, roll: beyond it there is nothing to show
SAFE_SHIFT = np.array([0.012, 0.012, 0.05])  # m
DISTANCE = 0.6 / EYE_DISTANCE  # of the camera, face units
PIVOT = np.array([0.0, 0.80, -0.05])  # in the neck: X, Y (down), Z from the ears' depth; face units


def rotation_matrix(rotation: np.ndarray) -> np.ndarray:
    """Rodrigues' formula: a rotation vector (3,) in rad -> (3, 3)."""
    angle = float(np.linalg.norm(rotation))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = rotation / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def outline_share(rest: np.ndarray) -> np.ndarray:
    """(n,): how much a vertex belongs to the head's outline rather than to the face, 0..1."""
    radius = np.hypot(rest[:, 0] / 0.95, (rest[:, 1] - 0.1) / 1.3)
    return smooth(radius, 0.72, 1.05)


def pose(
    points: np.ndarray, share: np.ndarray, outline: np.ndarray, rotation: np.ndarray, translation: np.ndarray
) -> np.ndarray:
    """Points (n, 3) in face units, with the head turned and shifted.

    share: (n,) how much of the head's motion each follows. outline: (n,), `outline_share`: the skull is
    round, so its outline shows other parts when it turns, but stays as wide.
    rotation (3,) rad and translation (3,) m are FaceMotion's.
    """
    rotation = np.array([soft_limit(r, most) for r, most in zip(np.nan_to_num(rotation), SAFE, strict=True)])
    shift = (
        np.array(
            [soft_limit(s, most) for s, most in zip(np.nan_to_num(translation), SAFE_SHIFT, strict=True)]
        )
        / EYE_DISTANCE
    )
    if not rotation.any() and not shift.any():
        return points
    scale = (DISTANCE - points[:, 2:]) / DISTANCE  # undoes the camera's perspective
    solid = np.concatenate([points[:, :2] * scale, points[:, 2:]], 1) - PIVOT
    solid[:, 1] *= -1
    turned = solid @ rotation_matrix(rotation).T
    # Only the shortening by turning and nodding is undone at the outline, not the tilt.
    keep = outline[:, None] * (1 - np.cos(rotation[[1, 0]]))
    turned[:, :2] += keep * solid[:, :2]
    turned += shift
    turned[:, 1] *= -1
    turned += PIVOT
    seen = turned[:, :2] * DISTANCE / (DISTANCE - turned[:, 2:])
    moved = np.concatenate([seen, turned[:, 2:]], 1)
    return points + share[:, None] * (moved - points)
