"""What control and quality are measured by: pure functions of arrays, each with its formula.

Samples lie along the last axis; leading axes are kept, so that a bootstrap computes all resamples at once.
Arrays are converted to float64.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emotive.errors import InputError

Floats = NDArray[np.float64]
Statistic = Callable[[NDArray[np.intp]], ArrayLike]

_FLAT = 1e-24  # variance below this share of the mean square is rounding, not variance


def concordance(x: ArrayLike, y: ArrayLike) -> Any:
    """Lin's concordance correlation coefficient, with population moments:

        CCC = 2 cov(x, y) / (var x + var y + (mean x - mean y)^2)        (Lin 1989)

    x, y: (..., n) -> (...), in [-1, 1]; 1 only for x = y, and |CCC| <= |Pearson's r|. 0 if either is
    constant, also when both are and are equal: what does not vary shows no control. torchmetrics' value
    differs by O(1/n) where the means do: it divides variances by n - 1.
    """
    x, y = _pair(x, y)
    dx, dy = _centred(x), _centred(y)
    gap = x.mean(-1) - y.mean(-1)
    spread = (dx * dx).mean(-1) + (dy * dy).mean(-1) + gap * gap
    return _ratio(2 * (dx * dy).mean(-1), spread)


def pearson(x: ArrayLike, y: ArrayLike) -> Any:
    """Pearson's r = cov(x, y) / (sd x sd y): (..., n), (..., n) -> (...); 0 if either is constant."""
    x, y = _pair(x, y)
    dx, dy = _centred(x), _centred(y)
    scale = np.sqrt((dx * dx).mean(-1) * (dy * dy).mean(-1))
    return _ratio((dx * dy).mean(-1), scale)


def ranks(x: ArrayLike) -> Floats:
    """Ranks from 1; equal values share the average of theirs. (..., n) -> (..., n)."""
    values = np.asarray(x, dtype=np.float64)
    flat = values.reshape(-1, values.shape[-1])
    found = np.empty_like(flat)
    for row, out in zip(flat, found, strict=True):
        _, where, counts = np.unique(row, return_inverse=True, return_counts=True)
        out[:] = (np.cumsum(counts) - (counts - 1) / 2)[where]
    return found.reshape(values.shape)


def spearman(x: ArrayLike, y: ArrayLike) -> Any:
    """Spearman's rank correlation: Pearson's r of the ranks, ties averaged. (..., n) -> (...)."""
    return pearson(ranks(x), ranks(y))


def within_group_spearman(x: ArrayLike, y: ArrayLike, groups: ArrayLike) -> float:
    """The median over groups of Spearman's correlation inside each group: does more asked for give more,
    for the same caption?"""
    x, y = _pair(x, y)
    groups = np.asarray(groups)
    return float(np.median([spearman(x[groups == g], y[groups == g]) for g in np.unique(groups)]))


def spearman_ceiling(x: ArrayLike) -> float:
    """The most that `spearman(x, y)` can be when x has ties and y has none: requests on a grid repeat each
    level, and a judge never gives the same number twice. sd of x's ranks / sd of 1..n, by Cauchy-Schwarz."""
    r = ranks(x)
    n = r.shape[-1]
    return float(np.sqrt(12 * r.var() / (n * n - 1))) if n > 1 else 0.0


def regression(x: ArrayLike, y: ArrayLike) -> tuple[float, float]:
    """Ordinary least squares y = slope x + intercept: gain and bias of control; slope 0 if x is constant."""
    x, y = _pair(x, y)
    dx = _centred(x)
    slope = float(_ratio((dx * _centred(y)).mean(), (dx * dx).mean()))
    return slope, float(y.mean() - slope * x.mean())


def partial_correlation(x: ArrayLike, y: ArrayLike, given: ArrayLike) -> float:
    """Pearson's r between what is left of x and of y after regressing both on `given`, (n,) or (n, k)."""
    return float(pearson(residual(x, given), residual(y, given)))


def leakage(requested: ArrayLike, measured: ArrayLike) -> dict[str, float]:
    """What a request for one axis does to the other: partial correlations, 0 is best.

    requested, measured: (n, 2), valence and arousal. "valence_to_arousal" is r(V requested, A measured | A
    requested); "arousal_to_valence" is r(A requested, V measured | V requested).
    """
    r, m = np.asarray(requested, dtype=np.float64), np.asarray(measured, dtype=np.float64)
    return {
        "valence_to_arousal": partial_correlation(r[:, 0], m[:, 1], r[:, 1]),
        "arousal_to_valence": partial_correlation(r[:, 1], m[:, 0], r[:, 0]),
    }


def residual(x: ArrayLike, given: ArrayLike) -> Floats:
    """What is left of x (n,) after least squares on `given`, (n,) or (n, k), and a constant; 0 where that
    explains it up to rounding."""
    x = np.asarray(x, dtype=np.float64)
    z = np.asarray(given, dtype=np.float64).reshape(len(x), -1)
    spread = z.std(0)
    z = (z - z.mean(0)) / np.where(spread > 0, spread, 1)  # for the conditioning; the fit is the same
    design = np.column_stack([np.ones(len(x)), z])
    left = x - design @ np.linalg.lstsq(design, x, rcond=None)[0]
    explained = (left * left).sum() <= 1e-20 * (x * x).sum()
    return np.zeros_like(x) if explained else left


def concordance_after(requested: ArrayLike, measured: ArrayLike, nuisances: ArrayLike) -> float:
    """CCC between what is left of `requested` and what is left of `measured`, after both were regressed on
    the same `nuisances` (n, k) and a constant, by ordinary least squares over all n samples.

    Nuisances are properties of the items themselves; for pictures: mean luminance, RMS contrast, saturation.
    The part of the request that can be read off the nuisances is taken from it, and the part of the
    measurement that nuisances explain is taken from that; what remains must still agree in sign and size. A
    judge that only reads a linear mixture of the nuisances scores 0; one that reads the request itself
    scores 1. Samples are pooled over captions, so nuisances that only tell captions apart take nothing away.
    """
    return float(concordance(residual(requested, nuisances), residual(measured, nuisances)))


def cluster_bootstrap(
    clusters: ArrayLike, statistic: Statistic, resamples: int = 5000, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """A BCa interval of a statistic, resampling whole clusters (Efron 1987; Efron & Tibshirani 1993, 14.3).

    Args:
        clusters: (n,) the cluster of each sample, such as its caption; all of one size.
        statistic: indices of samples (R, n) -> (R,), such as `lambda i: concordance(x[i], y[i])`.
        resamples: how often to resample.
        confidence: coverage, two-sided.

    Pictures of one caption are not independent; captions are. With one cluster, or a statistic that does not
    vary, both ends are the estimate. Raises InputError for clusters of unlike size.
    """
    clusters = np.asarray(clusters)
    names, sizes = np.unique(clusters, return_counts=True)
    if len(set(sizes.tolist())) != 1:
        raise InputError("the bootstrap needs clusters of one size")
    members = np.stack([np.flatnonzero(clusters == name) for name in names])  # (C, size)
    count = len(members)

    def of(chosen: NDArray[np.intp]) -> Floats:  # (R, c) clusters -> (R,), in pieces that fit the memory
        piece = max(1, 2_000_000 // (chosen.shape[1] * members.shape[1]))
        parts = [chosen[i : i + piece] for i in range(0, len(chosen), piece)]
        return np.concatenate(
            [np.asarray(statistic(members[p].reshape(len(p), -1)), dtype=np.float64) for p in parts]
        )

    estimate = of(np.arange(count)[None])[0]
    if count < 2:
        return float(estimate), float(estimate)
    drawn = of(np.random.default_rng(seed).integers(0, count, (resamples, count)))
    below = ((drawn < estimate).mean() + (drawn <= estimate).mean()) / 2
    if not 0 < below < 1:
        return float(drawn.min()), float(drawn.max())
    normal = NormalDist()
    bias = normal.inv_cdf(float(below))
    left_out = of(np.stack([np.delete(np.arange(count), i) for i in range(count)]))  # the jackknife
    pull = left_out.mean() - left_out
    scale = 6 * (pull**2).sum() ** 1.5
    acceleration = (pull**3).sum() / scale if scale > 0 else 0.0
    ends = []
    for tail in ((1 - confidence) / 2, (1 + confidence) / 2):
        z = bias + normal.inv_cdf(tail)
        ends.append(normal.cdf(bias + z / (1 - acceleration * z)))
    low, high = np.quantile(drawn, ends)
    return float(low), float(high)


def shuffled(
    requested: ArrayLike,
    measured: ArrayLike,
    metric: Callable[[Floats, Floats], Any],
    times: int,
    seed: int = 0,
) -> Any:
    """The mean of metric(requested, measured) over `times` random orders of the requests: what chance gives.

    requested and measured are (n, ...), shuffled along the first axis. The metric may return an array.
    """
    requested, measured = np.asarray(requested, np.float64), np.asarray(measured, np.float64)
    rng = np.random.default_rng(seed)
    return np.mean([metric(rng.permutation(requested), measured) for _ in range(times)], axis=0)


def kernel_distance(x: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> float:
    """KID: the unbiased squared MMD of two sets of features with the kernel k(a, b) = (a.b / d + 1)^3.

    x: (n, d), y: (m, d). (Binkowski et al. 2018, eq. 3 of Gretton et al. 2012); over all of both sets, not
    averaged over subsets. About 0, and as often below as above, for independent samples of one distribution.

    Where both sets answer the same requests they are not independent: x[i] and y[i] show one caption. Then
    `groups` (n,), the caption of both x[i] and y[i], leaves pairs inside a caption out of all three means,
    and two sets of one kind are again about 0 apart.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise InputError(f"features must be (n, d) and (m, d), n and m from 2, not {x.shape} and {y.shape}")

    def kernel(a: Floats, b: Floats) -> Floats:
        return (a @ b.T / x.shape[1] + 1) ** 3

    if groups is not None:
        groups = np.asarray(groups)
        if len(groups) != len(x) or len(x) != len(y) or len(np.unique(groups)) < 2:
            raise InputError("groups must be one for each of as many x and y, and two at least")
        unlike = groups[:, None] != groups
        both = kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)
        return float((both * unlike).sum() / unlike.sum())

    def within(a: Floats) -> float:
        k = kernel(a, a)
        return (k.sum() - np.trace(k)) / (len(a) * (len(a) - 1))

    return float(within(x) + within(y) - 2 * kernel(x, y).mean())


def luma(picture: NDArray[np.uint8]) -> Floats:
    """Rec. 709 luma of an sRGB picture: uint8 (H, W, 3) -> (H, W) in [0, 1]."""
    return picture.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32) / np.float32(255)


def high_frequency_energy(picture: NDArray[np.uint8], cycles: float = 64) -> float:
    """The share of a picture's luma power, mean excluded, at more than `cycles` per picture width.

    uint8 (H, W, 3) -> [0, 1]. A Hann window keeps the edges of the picture from passing for detail; the power
    is |FFT|^2 of the windowed luma. A picture of one colour has 0.
    """
    light = luma(picture)
    window = np.outer(np.hanning(light.shape[0]), np.hanning(light.shape[1])).astype(np.float32)
    light = light - (light * window).sum() / window.sum()  # so that the window leaves no mean behind
    power = np.abs(np.fft.rfft2(light * window)) ** 2
    rows = np.fft.fftfreq(light.shape[0])[:, None] * light.shape[1]  # both in cycles per width
    columns = np.fft.rfftfreq(light.shape[1])[None] * light.shape[1]
    weight = np.full(power.shape[1], 2.0)  # columns that stand for themselves and for their mirror image
    weight[0] = 1.0
    if light.shape[1] % 2 == 0:
        weight[-1] = 1.0
    power = power * weight
    total = power.sum()
    if total <= 1e-10 * light.size:
        return 0.0
    return float(power[np.hypot(rows, columns) > cycles].sum() / total)


def nearest_distance(x: ArrayLike, among: ArrayLike) -> Floats:
    """Root mean square difference of each row of x (n, d) from the nearest row of `among` (m, d): (n,)."""
    x, among = np.asarray(x, dtype=np.float64), np.asarray(among, dtype=np.float64)
    square = (x * x).sum(1)[:, None] + (among * among).sum(1)[None] - 2 * x @ among.T
    return np.sqrt(np.maximum(square.min(1), 0) / x.shape[1])


def _pair(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.shape != y.shape or not x.shape or not x.shape[-1]:
        raise InputError(f"samples must be as many on both sides, at least one, not {x.shape} and {y.shape}")
    return x, y


def _centred(x: Floats) -> Floats:
    """x less its mean; exactly 0 where it only differs from it by rounding."""
    d = x - x.mean(-1, keepdims=True)
    flat = (d * d).mean(-1, keepdims=True) <= _FLAT * (x * x).mean(-1, keepdims=True)
    return np.where(flat, 0.0, d)


def _ratio(top: Any, bottom: Any) -> Any:
    """top / bottom, 0 where bottom is 0; a float for single numbers."""
    top, bottom = np.asarray(top), np.asarray(bottom)
    found = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
    return float(found) if found.ndim == 0 else found
