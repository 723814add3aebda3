"""Measurements to the numbers of a report: control by judge and arm, content, leakage, chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import metrics
from .protocol import Measurements

AXES = ("valence", "arousal")
CORNERS = {
    "pleasant_excited": (1, 1),
    "unpleasant_excited": (-1, 1),
    "unpleasant_calm": (-1, -1),
    "pleasant_calm": (1, -1),
}


def control(
    found: Measurements, judge: str, resamples: int = 5000, clusters: np.ndarray | None = None
) -> dict[str, Any]:
    """{"axes": axis -> numbers, "leakage": both directions} of one arm, as one judge reads it.

    Of each axis: ccc, its BCa 95 % interval by caption, or by `clusters` (N,) of captions, spearman (median
    within captions), pearson, slope, intercept and ccc_after_colour, for which "colour" stands for the
    medium's nuisances.
    """
    requested, measured = found.requested, found.measured[judge]
    by, axes = found.caption if clusters is None else clusters, {}
    for k, axis in enumerate(AXES):
        x, y = requested[:, k], measured[:, k]

        def ccc(rows: np.ndarray, x: np.ndarray = x, y: np.ndarray = y) -> np.ndarray:
            return metrics.concordance(x[rows], y[rows])

        slope, intercept = metrics.regression(x, y)
        axes[axis] = {
            "ccc": metrics.concordance(x, y),
            "interval": list(metrics.cluster_bootstrap(by, ccc, resamples)),
            "spearman": metrics.within_group_spearman(x, y, found.caption),
            "pearson": metrics.pearson(x, y),
            "slope": slope,
            "intercept": intercept,
            "ccc_after_colour": metrics.concordance_after(x, y, found.nuisances),
        }
    return {"axes": axes, "leakage": metrics.leakage(requested, measured)}


def chance(found: Measurements, judge: str, times: int = 200, seed: int = 0) -> dict[str, Any]:
    """The same numbers as `control` with the requests in random order, a mean over `times` orders: {"axes":
    axis -> numbers without an interval, "leakage"}."""

    def numbers(requested: np.ndarray, measured: np.ndarray) -> np.ndarray:
        rows = []
        for k in (0, 1):
            x, y = requested[:, k], measured[:, k]
            rank = metrics.within_group_spearman(x, y, found.caption)
            after = metrics.concordance_after(x, y, found.nuisances)
            row = [metrics.concordance(x, y), rank, metrics.pearson(x, y), *metrics.regression(x, y), after]
            rows.append(row)
        rows.append([*metrics.leakage(requested, measured).values(), 0, 0, 0, 0])
        return np.array(rows)

    mean = metrics.shuffled(found.requested, found.measured[judge], numbers, times, seed)
    names = ("ccc", "spearman", "pearson", "slope", "intercept", "ccc_after_colour")
    axes = {axis: dict(zip(names, map(float, mean[k]), strict=True)) for k, axis in enumerate(AXES)}
    return {
        "axes": axes,
        "leakage": {"valence_to_arousal": float(mean[2, 0]), "arousal_to_valence": float(mean[2, 1])},
        "permutations": times,
    }


def content(found: Measurements) -> dict[str, Any]:
    """accuracy: mean over kinds. kinds: each. whole: all kinds right at once. corners: the same, and n, where
    valence and arousal are furthest out, by the names in CORNERS. {} where there are no kinds."""
    if not found.content:
        return {}
    hits = np.stack(list(found.content.values()), 1).astype(float)
    kinds = tuple(found.content)

    def accuracy(rows: np.ndarray) -> dict[str, Any]:
        some = hits[rows]
        of_kinds = {kind: float(some[:, i].mean()) for i, kind in enumerate(kinds)}
        return {"accuracy": float(some.mean()), "whole": float(some.all(1).mean()), "kinds": of_kinds}

    far = np.abs(found.requested).max(0)
    corners = {}
    for name, signs in CORNERS.items():
        rows = np.flatnonzero(np.isclose(found.requested, np.array(signs) * far).all(1))
        corners[name] = {**accuracy(rows), "n": len(rows)} if len(rows) else {"n": 0}
    return {**accuracy(np.arange(len(hits))), "corners": corners}
