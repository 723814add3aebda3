"""Trains the affect embedding on the space itself: what is a point of affect called?

    emotive train affect -o DIR

The target is the posterior over named emotions. Each name is a Gaussian around its point, as wide as that point is
uncertain (`ANCHOR_SD`); names share nine tenths of the prior and "no name" has the rest, spread evenly over the
cube. Without "no name" the test below would be empty: the posterior between Gaussians of one width is linear in
the coordinates, so raw coordinates would answer it perfectly. A third of the points leave dominance unset, and
their posterior uses valence and arousal alone.

A second, small term keeps distances in the embedding proportional to distances in the space.

A quarter of the names is never shown. `probe_posterior` fits a linear probe for exactly those on frozen features.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm

from emotive.affect import ANCHOR_SD, EmotionTerm, emotions
from emotive.models.affect_embedding import AffectEmbedding

HELD_OUT = emotions()[3::4]
TRAINED = tuple(entry for entry in emotions() if entry not in HELD_OUT)
NO_NAME = 0.1  # prior
UNSET = 1 / 3  # share of the points without dominance
SCALE = 8 * math.sqrt(2)  # distance of pooled vectors per unit in the space: unit variance per channel over the cube


def train_affect_embedding(output: str | os.PathLike, seed: int = 0, steps: int = 3000) -> AffectEmbedding:
    """Trains for about a minute on one CPU core; writes weights, config.json and a measured card to `output`."""
    began = time.perf_counter()
    embedding = untrained_embedding(seed)
    channels = (embedding.config.pooled_dim, embedding.config.n_tokens * embedding.config.dim)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = nn.ModuleList(nn.Linear(size, len(TRAINED) + 1) for size in channels)
    optimizer = torch.optim.AdamW([*embedding.parameters(), *heads.parameters()], lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.05)
    generator = torch.Generator().manual_seed(seed)
    for _ in tqdm(range(steps), desc="affect embedding", disable=None):
        affect = sample_affect(512, generator)
        target = name_posterior(affect, TRAINED)
        tokens, pooled = embedding(affect)
        loss = torch.zeros(())
        for features, head in zip((pooled, tokens.flatten(1)), heads, strict=True):
            loss = loss + kl(target, head(features)).mean() + 0.1 * distortion(affect, features)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    embedding.eval()
    _write(embedding, Path(output), card(embedding, seed, steps, time.perf_counter() - began))
    return embedding


def untrained_embedding(seed: int, **config) -> AffectEmbedding:
    """The architecture with its first weights, without touching the process's random state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AffectEmbedding(**config)


def sample_affect(count: int, generator: torch.Generator) -> Tensor:
    """(count, 3) uniform in [-1, 1]; dominance is NaN, unset, in a third."""
    affect = 2.0 * torch.rand(count, 3, generator=generator) - 1.0
    affect[torch.rand(count, generator=generator) < UNSET, 2] = math.nan
    return affect


def name_posterior(affect: Tensor, names: tuple[EmotionTerm, ...]) -> Tensor:
    """p(name | affect): (B, 3) -> (B, len(names) + 1), the last for "no name"."""
    points = torch.tensor([[entry.valence, entry.arousal, entry.dominance] for entry in names])
    sd = torch.tensor(ANCHOR_SD)
    z = (affect[:, None] - points) / sd
    log_density = -0.5 * z.square() - (sd * math.sqrt(2.0 * math.pi)).log()  # (B, K, 3)
    unset = affect.isnan()
    log_names = log_density.masked_fill(unset[:, None], 0.0).sum(-1) + math.log((1.0 - NO_NAME) / len(names))
    log_no_name = math.log(NO_NAME) - math.log(2.0) * (3 - unset.sum(-1))  # an axis is 2 long
    return torch.cat([log_names, log_no_name[:, None]], 1).softmax(1)


def kl(target: Tensor, logits: Tensor) -> Tensor:
    """KL(target || softmax(logits)) of each row, in nats: (B, K), (B, K) -> (B,)."""
    return (torch.special.xlogy(target, target) - target * logits.log_softmax(1)).sum(1)


def distortion(affect: Tensor, features: Tensor) -> Tensor:
    """Mean squared error of distances between neighbours in the batch, among pairs with the same mask."""
    point, unset = affect.nan_to_num(), affect[:, 2].isnan()
    wanted = (point - point.roll(1, 0)).norm(dim=1)
    scale = SCALE * math.sqrt(features.shape[1] / 128)
    # The small constant keeps the gradient of the root finite.
    found = ((features - features.roll(1, 0)).square().sum(1) + 1e-6).sqrt() / scale
    return (found - wanted)[unset == unset.roll(1)].square().mean()


class ProbeResult(NamedTuple):
    """KL from the true posterior in nats, over all held-out points, those without dominance, those with it."""

    all: float
    unset: float
    set: float


def probe_posterior(encode: Callable[[Tensor], Tensor], points: int = 64, seed: int = 0) -> ProbeResult:
    """How well a linear probe on frozen features knows the emotions that training never named.

    A multinomial logistic regression from `encode(affect)` (B, F) to the posterior over `HELD_OUT` is fitted on
    `points` points, its ridge penalty chosen on as many others, and measured on 4096 more. Features are centred
    and scaled by one number, so that the penalty sees the geometry that dependent models will see.
    """
    generator = torch.Generator().manual_seed(10_000 + seed)
    affect = [sample_affect(count, generator) for count in (points, points, 4096)]
    fit, choose, test = (name_posterior(x, HELD_OUT).double() for x in affect)
    with torch.no_grad():
        features = [encode(x).double() for x in affect]
    mean = features[0].mean(0)
    spread = (features[0] - mean).square().mean().sqrt()
    fit_x, choose_x, test_x = (nn.functional.pad((x - mean) / spread, (0, 1), value=1.0) for x in features)

    weight = torch.zeros(fit_x.shape[1], fit.shape[1], dtype=torch.double, requires_grad=True)
    best, answer = math.inf, test_x @ weight.detach()
    for penalty in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7):
        optimizer = torch.optim.LBFGS([weight], max_iter=200, line_search_fn="strong_wolfe")

        def loss(optimizer=optimizer, penalty=penalty) -> Tensor:
            optimizer.zero_grad()
            value = kl(fit, fit_x @ weight).mean() + 0.5 * penalty * weight[:-1].square().sum()
            value.backward()
            return value

        optimizer.step(loss)  # pyright: ignore[reportArgumentType]
        with torch.no_grad():
            chosen = kl(choose, choose_x @ weight).mean().item()
            if chosen < best:
                best, answer = chosen, test_x @ weight
    unset = affect[2][:, 2].isnan()
    error = kl(test, answer)
    return ProbeResult(error.mean().item(), error[unset].mean().item(), error[~unset].mean().item())


def coordinates(affect: Tensor) -> Tensor:
    """The baseline without any network: valence, arousal, dominance (0 if unset) and the mask. (B, 3) -> (B, 4)."""
    return torch.cat([affect.nan_to_num(), affect[:, 2:].isnan().float()], 1)


def pooled(embedding: AffectEmbedding) -> Callable[[Tensor], Tensor]:
    """What dependent models modulate with, as features for `probe_posterior`."""
    return lambda affect: embedding(affect).pooled
