"""Regression of what an encoder makes of words on the affect that the words name, and how well it reads back.

Vectors x_e (E, Q) of E terms are regressed on their points p_e (E, 3), x_e = b + p_e W, all three axes at
once: valence and dominance are correlated in the lexicon (r = .63), and only the joint fit gives what one
axis does while the others stand still.

A ridge on W would mix the axes again, for (P'P + k)^-1 P'P is not diagonal. What is regularised is the side
of the vectors: the covariance S of what the fit leaves over is shrunk towards a multiple of the identity
(Chen et al. 2010, "Shrinkage algorithms for MMSE covariance estimation", eq. 23). With it goes the best
linear unbiased reader of affect (Aitken 1936),

    R = S^-1 W' (W S^-1 W')^-1,    W R = I,

so that a step along the row of valence leaves what R reads of arousal and dominance where it was, exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from emotive.errors import InputError

AXES = ("valence", "arousal", "dominance")
FOLDS = 8


class Regression(NamedTuple):
    """x = intercept + p @ weights. weights: (3, Q) of (E, Q) vectors on (E, 3) points. intercept: (Q,).
    reader: (Q, 3), weights @ reader = I. error: (3, 3), the covariance of what it reads of one term."""

    weights: Tensor
    intercept: Tensor
    reader: Tensor
    error: Tensor


def by_term(vectors: Tensor, term: Tensor) -> Tensor:
    """Means (E, ...) of the vectors (N, ...) of each term."""
    sums = torch.zeros(int(term.max()) + 1, *vectors.shape[1:]).index_add_(0, term, vectors)
    return sums / term.bincount().view(-1, *[1] * (vectors.ndim - 1))


def regressed(vectors: Tensor, points: Tensor) -> Regression:
    """Regresses vectors (E, Q) on points (E, 3), and finds the best linear unbiased reader of points.

    Raises InputError if the vectors do not differ."""
    x, p = vectors.double(), points.double()
    centred = p - p.mean(0)
    weights = torch.linalg.lstsq(centred, x - x.mean(0)).solution
    if not (weights.norm(dim=1) > 1e-6 * x.norm(dim=1).mean()).all():
        raise InputError(
            "emotion words change nothing in the embeds of this backbone: affect cannot be fitted"
        )
    intercept = x.mean(0) - p.mean(0) @ weights
    left = x - intercept - p @ weights
    spread, shrinkage = shrunk(left)
    # (spread I + c left' left)^-1 weights' by Woodbury's identity, for Q is much larger than E.
    share = (1 - shrinkage) / len(left)
    inner = spread * torch.eye(len(left), dtype=x.dtype) + share * left @ left.T
    filters = (weights.T - share * left.T @ torch.linalg.solve(inner, left @ weights.T)) / spread
    error = torch.linalg.inv(weights @ filters)
    return Regression(weights, intercept, filters @ error, error)


def shrunk(residuals: Tensor) -> tuple[float, float]:
    """(k, s): their covariance is (1 - s) times the sample's plus k times the identity; oracle-approximating
    shrinkage, Chen et al. 2010, eq. 23."""
    n, q = residuals.shape
    gram = residuals @ residuals.T / n
    trace, square = float(gram.trace()), float(gram.square().sum())
    if not trace:  # nothing is left over
        return 1.0, 1.0
    mean = trace / q
    shrinkage = min(1.0, ((1 - 2 / q) * square + trace**2) / ((n + 1 - 2 / q) * (square - trace**2 / q)))
    return shrinkage * mean, shrinkage


def directions(vectors: Tensor, points: Tensor) -> Tensor:
    """(3, Q): what 1 of each axis adds to a vector, from vectors (E, Q) of terms and their points (E, 3)."""
    fit = regressed(vectors, points)
    strong = points.norm(dim=1) >= points.norm(dim=1).median()
    # Strong words stand at .83 of the valence-arousal plane, which is where requests are made, not at 1.
    reach = points[strong, :2].norm(dim=1).mean()
    step = (vectors.double() - fit.intercept)[strong].norm(dim=1).mean() / reach
    return (step * F.normalize(fit.weights, dim=1)).float()


def held_out(vectors: Tensor, points: Tensor) -> Tensor:
    """(E, 3): what is read of each term by the fit to the others, in `FOLDS` folds: its reader, drawn towards
    the mean of the lexicon by as much as it errs, which makes it the best linear predictor."""
    read = torch.empty_like(points)
    for k in range(FOLDS):
        out = torch.arange(len(points)) % FOLDS == k
        fit = regressed(vectors[~out], points[~out])
        mean, lexicon = points[~out].double().mean(0), points[~out].double().T.cov()
        drawn = torch.linalg.solve(lexicon + fit.error, lexicon)
        read[out] = (mean + ((vectors[out].double() - fit.intercept) @ fit.reader - mean) @ drawn).float()
    return read


def agreement(read: Tensor, points: Tensor) -> dict[str, dict[str, float]]:
    """Per axis: "ccc", Lin's concordance, and "r2", the share of the squared deviation that is explained."""
    a, b = read.double(), points.double()
    da, db = a - a.mean(0), b - b.mean(0)
    ccc = (
        2 * (da * db).mean(0) / (da.square().mean(0) + db.square().mean(0) + (a.mean(0) - b.mean(0)).square())
    )
    r2 = 1 - (a - b).square().sum(0) / db.square().sum(0)
    return {
        name: {axis: round(float(value), 4) for axis, value in zip(AXES, values, strict=True)}
        for name, values in (("ccc", ccc), ("r2", r2))
    }
