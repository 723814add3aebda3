"""Losses of judges: a mean and a spread against known affect. All take (B, 2), valence and arousal."""

from __future__ import annotations

from torch import Tensor


def beta_nll(mean: Tensor, log_sd: Tensor, target: Tensor, beta: float = 0.5) -> Tensor:
    """The Gaussian's negative log likelihood, weighted by variance^beta (Seitzer et al. 2022, equation 5).

    Plain likelihood neglects what it finds hard; the weight keeps those gradients up. All (B, 2) -> scalar.
    """
    variance = (2 * log_sd).exp()
    nll = 0.5 * (target - mean).square() / variance + log_sd
    return (nll * variance.detach() ** beta).mean()


def pair_loss(mean: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of the differences within pairs, (B, 2) with rows 2 i and 2 i + 1 a pair -> scalar.

    Where one example alone is ambiguous, likelihood draws estimates towards the middle; but between two moods
    of the same things nothing is ambiguous, and the difference should come out whole.
    """
    return ((mean[::2] - mean[1::2]) - (target[::2] - target[1::2])).square().mean()


def ccc_loss(mean: Tensor, target: Tensor) -> Tensor:
    """1 - concordance over the batch, the mean of the axes (Atmaja & Akagi 2020), (B, 2) -> scalar.

    Concordance (Lin 1989) is 2 cov / (var + var + (difference of means)^2), variances over B.
    """
    m, t = mean - mean.mean(0), target - target.mean(0)
    apart = (mean.mean(0) - target.mean(0)).square()
    concordance = 2 * (m * t).mean(0) / (m.square().mean(0) + t.square().mean(0) + apart + 1e-8)
    return 1 - concordance.mean()
