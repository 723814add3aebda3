"""The numbers that EmotiCrafter reports, and what they are worth: V/A-Error and Kendall's rank correlation.

Its grid is {-3, -1.5, 0, 1.5, 3} on both axes and its V/A-Error the mean |judged - asked| in that unit. A
method that always answers neutral has 1.8 on that grid, which its published arousal error (1.828) does not
reach; so the line stands beside every error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from emotive.affect import Affect

from . import metrics

SCALE = 3.0  # its unit is a third of ours
LEVELS = (-1.0, -0.5, 0.0, 0.5, 1.0)


def peer_grid(levels: int = 5) -> list[Affect]:
    """EmotiCrafter's 25 points in our unit, high arousal first; `levels` 3 leaves the half ones out."""
    chosen = LEVELS[::2] if levels == 3 else LEVELS
    return [Affect(v, a) for a in reversed(chosen) for v in chosen]


def neutral_error(requested: ArrayLike) -> float:
    """The error of always answering neutral: the mean |asked|, in -3..3. 1.8 on EmotiCrafter's grid."""
    return float(SCALE * np.abs(np.asarray(requested, np.float64)).mean())


def error(
    requested: ArrayLike, measured: ArrayLike, groups: ArrayLike, resamples: int = 2000
) -> dict[str, Any]:
    """V- or A-Error: {"mean", "sd", "interval": BCa 95 % by group}, in -3..3. (n,) in [-1, 1]."""
    off = SCALE * np.abs(np.asarray(measured, np.float64) - np.asarray(requested, np.float64))
    interval = metrics.cluster_bootstrap(groups, lambda rows: off[rows].mean(-1), resamples)
    return {"mean": float(off.mean()), "sd": float(off.std()), "interval": list(interval)}


def kendall(x: ArrayLike, y: ArrayLike) -> float:
    """Kendall's tau-b, (n,), (n,) -> [-1, 1]; 0 if either is constant (Kendall 1945):

    tau_b = (concordant - discordant) / sqrt((pairs - ties in x)(pairs - ties in y))
    """
    a, b = (np.sign(np.subtract.outer(v, v)) for v in (np.asarray(x, np.float64), np.asarray(y, np.float64)))
    bottom = np.sqrt((a != 0).sum() * (b != 0).sum())
    return float((a * b).sum() / bottom) if bottom > 0 else 0.0


def within_group_kendall(x: ArrayLike, y: ArrayLike, groups: ArrayLike) -> float:
    """The median over groups of tau-b inside each: between requests and what is judged, for one prompt."""
    x, y, groups = np.asarray(x), np.asarray(y), np.asarray(groups)
    return float(np.median([kendall(x[groups == g], y[groups == g]) for g in np.unique(groups)]))
