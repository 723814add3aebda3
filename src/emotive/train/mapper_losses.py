"""What the mapper learns from: targets, weights by density, and two terms that preserve content."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emotive.backbones.adapter import moved
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.affect_mapper import AffectMapperNetwork

from .mapper_data import Batch

TEMPER, CAP = 0.5, 5.0


class Target(NamedTuple):
    """What is to be added: tokens (B, K, D) and pooled (B, P) or None. where (B, K): the weight of each
    token's error, 1 in all."""

    tokens: Tensor
    pooled: Tensor | None
    where: Tensor


def target(batch: Batch, alpha: float) -> Target:
    """alpha (f_e - f_n): what takes the neutral embeds to f_t = f_n + alpha (f_e - f_n), the target of
    EmotiCrafter (Dang et al., ICCV 2025, where alpha is 1.5).

    Half the weight is on words, of either prompt, and half on the end token and the padding behind: of these
    there are up to sixty times as many.
    """
    pooled = None
    if batch.pooled_neutral is not None and batch.pooled_emotional is not None:
        pooled = alpha * (batch.pooled_emotional - batch.pooled_neutral)
    may = moved(batch.content)
    words = may & (batch.content | batch.said)
    rest = may & ~words
    share = 0.5 + 0.5 * (~rest.any(1, keepdim=True)).float()
    where = share * words / words.sum(1, keepdim=True).clamp(min=1)
    where = where + 0.5 * rest / rest.sum(1, keepdim=True).clamp(min=1)
    return Target(alpha * (batch.emotional - batch.neutral) * may[..., None], pooled, where)


def density_weights(points: np.ndarray, temper: float = TEMPER, cap: float = CAP) -> np.ndarray:
    """Weights (N,) of pairs by how rare their affect is: (1 / d) ** temper, at most `cap` times the mean,
    with a mean of 1.

    points: (N, 2), valence and arousal. d: their density by Gaussian kernels of Silverman's width (1986), per
    axis. EmotiCrafter weighs by 1 / d in its paper; its released code multiplies both sides of the squared
    error by 1 / d and so weighs by 1 / d^2, which a handful of outliers rule. Hence the root and the cap.
    """
    n, axes = points.shape
    # Much finer than the kernels, and then few points differ.
    cells, index, counts = np.unique(points.round(2), axis=0, return_inverse=True, return_counts=True)
    width = (n * (axes + 2) / 4) ** (-1 / (axes + 4)) * np.maximum(points.std(0), 0.01)
    scaled = cells / width
    density = np.empty(len(cells))
    for i, cell in enumerate(scaled):
        density[i] = (counts * np.exp(-0.5 * ((scaled - cell) ** 2).sum(1))).sum()
    weights = density[index.reshape(-1)] ** -temper
    weights = np.minimum(weights / weights.mean(), cap)
    return weights / weights.mean()


def errors(
    network: AffectMapperNetwork, residual: Tensor, pooled: Tensor | None, wanted: Target
) -> tuple[Tensor, Tensor | None]:
    """Squared errors (B,) of tokens and of pooled embeds in units of `offset_scale`: adding nothing costs 1
    on average."""
    square = (residual - wanted.tokens).square().mean(2) / network.offset_scale**2
    tokens = (square * wanted.where).sum(1)
    if pooled is None or wanted.pooled is None:
        return tokens, None
    return tokens, (pooled - wanted.pooled).square().mean(1) / network.pooled_offset_scale**2


def mapper_loss(
    network: AffectMapperNetwork,
    embedding: AffectEmbedding,
    batch: Batch,
    alpha: float,
    content: float,
    generator: torch.Generator,
    shortened: float = 0.25,
    unset: float = 0.5,
) -> Tensor:
    """The loss of a batch.

    In a share `unset` of the pairs dominance is unset, since most requests leave it so. In a share
    `shortened`, point and target are shortened by one random factor: the named emotions leave the space
    around neutral empty, and half an emotion is taken to be half its offset.

    `content` weighs two terms. At the neutral point nothing is to be added. And what is added to the words is
    not to take away from what tells this prompt from others: along (mean of its words - mean of all), the
    residual should have no component. Pairs whose prompts do not say the same thing teach that otherwise.
    """
    n = len(batch.points)
    points = batch.points.clone()
    points[torch.rand(n, generator=generator) < unset, 2] = torch.nan
    factor = torch.rand(n, generator=generator)
    factor[torch.rand(n, generator=generator) >= shortened] = 1.0
    device = batch.neutral.device
    points, factor = (points * factor[:, None]).to(device), factor.to(device)
    wanted = target(batch, alpha)
    pooled = None if wanted.pooled is None else factor[:, None] * wanted.pooled
    wanted = Target(factor[:, None, None] * wanted.tokens, pooled, wanted.where)

    # A quarter of the prompts come again, at the neutral point.
    still = max(1, n // 4)
    rest = torch.zeros_like(points[:still])
    rest[torch.rand(still, generator=generator).to(device) < unset, 2] = torch.nan
    tokens, pooled, words = (
        None if t is None else torch.cat([t, t[:still]])
        for t in (batch.neutral, batch.pooled_neutral, batch.content)
    )
    assert tokens is not None and words is not None
    residual, summed = network(tokens, pooled, words, embedding(torch.cat([points, rest])))
    residual = residual * moved(words)[..., None]
    said, unsaid = residual.split([n, still])
    pooled_said, pooled_unsaid = (None, None) if summed is None else summed.split([n, still])

    error, pooled_error = errors(network, said, pooled_said, wanted)
    pair = error if pooled_error is None else 0.5 * (error + pooled_error)
    loss = (batch.weights.to(device) * pair).mean()
    if not content:
        return loss
    zero = None if pooled_unsaid is None else torch.zeros_like(pooled_unsaid)
    nothing = Target(torch.zeros_like(unsaid), zero, wanted.where[:still])
    added = [e.mean() for e in errors(network, unsaid, pooled_unsaid, nothing) if e is not None]
    return loss + content * (sum(added) / len(added) + _lost(network, batch, said))


def _lost(network: AffectMapperNetwork, batch: Batch, residual: Tensor) -> Tensor:
    """The mean square of the share of a prompt's own direction that its words gain or lose."""
    words = batch.content[..., None] / batch.content.sum(1).clamp(min=1)[:, None, None]
    own = ((batch.neutral - network.mean) / network.std * words).sum(1)
    change = (residual / network.std * words).sum(1)
    return ((change * own).sum(1) / own.square().sum(1).clamp(min=1e-8)).square().mean()
