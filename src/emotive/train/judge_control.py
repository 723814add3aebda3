"""How a judge's estimates follow what was requested, over a grid of affects: what the judges' cards show."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emotive.affect import Affect
from emotive.perceive.judge import Estimates
from emotive.perceive.ratings import agreement

LEVELS = (-0.9, -0.45, 0.0, 0.45, 0.9)
GRID = tuple(Affect(v, a) for a in LEVELS for v in LEVELS)


class Control(NamedTuple):
    """How estimates follow what was requested, on one axis.

    `within` is the median over contents of Spearman's correlation over the grid; `leakage` the correlation
    with the other axis once its own is regressed out; `spread` the root mean square of error / standard
    deviation (1 where the spread is right).
    """

    ccc: float
    slope: float
    within: float
    leakage: float
    mae: float
    spread: float


def control(found: Estimates) -> tuple[Control, Control]:
    """Valence's and arousal's, of estimates (N,) over whole grids; `len(GRID)` in a row share content."""
    wanted = np.tile([[a.valence, a.arousal] for a in GRID], (len(found.valence) // len(GRID), 1))
    both = []
    for k, (estimate, sd) in enumerate(zip(found[:2], found[2:], strict=True)):
        own, other = wanted[:, k], wanted[:, 1 - k]
        whole = agreement(own, estimate, draws=2)
        grids = zip(own.reshape(-1, len(GRID)), estimate.reshape(-1, len(GRID)), strict=True)
        both.append(
            Control(
                ccc=whole.ccc,
                slope=float(np.polyfit(own, estimate, 1)[0]),
                within=float(np.median([agreement(w, e, draws=2).spearman for w, e in grids])),
                leakage=agreement(other, _without(estimate, own), draws=2).pearson,  # the grid is balanced
                mae=whole.mae,
                spread=float(np.sqrt(np.mean(((estimate - own) / np.maximum(sd, 1e-6)) ** 2))),
            )
        )
    return both[0], both[1]


def _without(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    slope, intercept = np.polyfit(x, y, 1)
    return y - slope * x - intercept


def baselines(found: Estimates) -> dict[str, tuple[Control, Control]]:
    """The same judge with its answers shuffled over the items, and one that always says neutral."""
    order = np.random.default_rng(0).permutation(len(found.valence))
    zero = np.zeros(len(found.valence))
    constant = Estimates(zero, zero, zero + 0.6, zero + 0.6)
    shuffled = Estimates(*(x[order] for x in found))
    return {"answers shuffled": control(shuffled), "always neutral": control(constant)}


def table(rows: dict[str, tuple[Control, Control]], items: str = "pictures") -> str:
    """Markdown: one row each, valence and arousal side by side in every cell."""
    head = f"| {items} and judge | CCC | slope | Spearman within | leakage | MAE | error / spread |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    for name, (v, a) in rows.items():
        formats = zip(v, a, (".3f", ".2f", ".3f", "+.2f", ".2f", ".2f"), strict=True)
        cells = [f"{x:{how}}, {y:{how}}" for x, y, how in formats]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
