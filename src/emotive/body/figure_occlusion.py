"""How open each point of the figure is to the light around it, from signed distances.

A few steps along the normal tell how much nearer other surfaces are than an open sky would have them (Evans,
"Fast approximations for global illumination on dynamic scenes", SIGGRAPH 2006 course).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .figure_forms import Form

STEPS = ((0.005, 0.30), (0.012, 0.28), (0.028, 0.24), (0.060, 0.18))  # m, and how much each counts


def openness(
    form: Form,
    points: np.ndarray,
    normals: np.ndarray,
    scale: float = 1.0,
    steps: Sequence[tuple[float, float]] = STEPS,
) -> np.ndarray:
    """0 in the deepest corner, 1 in the open, (N,). scale: units of `form` per m."""
    closed = np.zeros(len(points))
    for step, share in steps:
        far = step * scale
        closed += share * np.clip(1 - form(points + far * normals) / far, 0, 1.4)
    return np.clip(1 - 0.95 * closed, 0.05, 1.0)
