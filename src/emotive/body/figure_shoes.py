"""The forms of shoes, m; the left one is written down."""

from __future__ import annotations

import numpy as np

from .figure_body import ANKLE, left
from .figure_forms import both, capsule, union

LARGER = 1.12  # than the foot that they are drawn for
_TURN = np.array([[np.cos(0.05), 0, -np.sin(0.05)], [0, 1, 0], [np.sin(0.05), 0, np.cos(0.05)]])  # toes out
_UNDER = np.array([ANKLE[0], 0.0, ANKLE[2]])


def to_foot(p: np.ndarray) -> np.ndarray:
    """Points of the world about the left ankle, on the floor: X across the foot, Z to the toes."""
    return (left(p) - _UNDER) @ _TURN.T / LARGER


def from_foot(q: np.ndarray) -> np.ndarray:
    return LARGER * np.asarray(q, float) @ _TURN + _UNDER


def uppers(p: np.ndarray) -> np.ndarray:
    q = to_foot(p)
    y, z = q[..., 1], q[..., 2]
    along = [-0.08, -0.05, 0.0, 0.03, 0.075, 0.125, 0.18]
    top = np.interp(z, along, [0.098, 0.100, 0.104, 0.098, 0.078, 0.056, 0.040])
    lean = np.maximum(0, y - 0.02) * np.interp(z, [-0.05, 0.03, 0.12], [0.12, 0.16, 0.25])
    d = both(_footprint(q) + lean, y - top, 0.030)
    return LARGER * both(d, 0.016 - y, 0.004)


def sole_outline(p: np.ndarray) -> np.ndarray:
    """The footprint of the sole, whatever the height."""
    return LARGER * (_footprint(to_foot(p)) - 0.004)


def soles(p: np.ndarray) -> np.ndarray:
    return both(sole_outline(p), p[..., 1] - 0.026, 0.004)


def _footprint(q: np.ndarray) -> np.ndarray:
    """Heel, arch and ball, as a distance in the plane."""
    flat = q * np.array([1.0, 0.0, 1.0])
    d = capsule(flat, (0.0, 0, -0.040), (0.003, 0, 0.05), 0.034, 0.036)
    d = union(d, capsule(flat, (0.003, 0, 0.06), (0.001, 0, 0.130), 0.040, 0.037), 0.05)
    return union(d, capsule(flat, (-0.002, 0, 0.11), (-0.006, 0, 0.145), 0.040, 0.031), 0.03)
