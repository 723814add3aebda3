"""Trains the affect embedding on the space itself: what is a point of affect called?

    emotive train affect -o DIR

The target is the posterior over named emotions. Each name is a Gaussian around its point, as wide as that
point is uncertain (`ANCHOR_SD`); names share nine tenths of the prior and "no name" has the rest, spread
evenly over the cube. Without "no name" the test below would be empty: the posterior between Gaussians of one
width is linear in the coordinates, so raw coordinates would answer it perfectly. A third of the points leave
dominance unset, and their posterior uses valence and arousal alone.

A second, small term keeps distances in the embedding proportional to distances in the space.

A quarter of the names is never shown. `probe_posterior` fits a linear probe for those on frozen features.
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
SCALE = 8 * math.sqrt(2)  # pooled distance per unit in the space: unit variance per channel over the cube
SMOOTH = (2.0, 2.0, 2.0)  # length scales of a second, stronger untrained baseline


def train_affect_embedding(output: str | os.PathLike, seed: int = 0, steps: int = 3000) -> AffectEmbedding:
    """Trains and measures for a minute or two on one CPU core; `output` gets weights, config and a card."""
    began = time.perf_counter()
    embedding = untrained_embedding(seed)
    channels = (embedding.pooled_dim, embedding.n_tokens * embedding.dim)
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
    """KL from the true posterior in nats: over all test points, those with dominance unset, those with it."""

    all: float
    unset: float
    set: float


def probe_posterior(encode: Callable[[Tensor], Tensor], points: int = 64, seed: int = 0) -> ProbeResult:
    """How well a linear probe on frozen features knows the emotions that training never named.

    A multinomial logistic regression from `encode(affect)` (B, F) to the posterior over `HELD_OUT` is fitted
    on `points` points, its ridge penalty chosen on as many others, and measured on 4096 more. Features are
    centred and scaled by one number, so that the penalty sees the geometry that dependent models will see.
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
    """The baseline without a network: the point (dominance 0 if unset) and the mask. (B, 3) -> (B, 4)."""
    return torch.cat([affect.nan_to_num(), affect[:, 2:].isnan().float()], 1)


def pooled(embedding: AffectEmbedding) -> Callable[[Tensor], Tensor]:
    """What dependent models modulate with, as features for `probe_posterior`."""
    return lambda affect: embedding(affect).pooled


def card(embedding: AffectEmbedding, seed: int, steps: int, seconds: float) -> str:
    """The model card, with the probe measured here and now."""
    networks = range(1, 4)
    encoders = {
        "this embedding": [pooled(embedding)] * 3,
        "untrained, same architecture": [pooled(untrained_embedding(n)) for n in networks],
        "untrained, smoother Fourier features": [
            pooled(untrained_embedding(n, length_scale=SMOOTH)) for n in networks
        ],
        "raw coordinates and mask": [coordinates] * 3,
    }
    rows = []
    for name, encodes in encoders.items():
        row = [name]
        for points in (64, 512):
            results = [probe_posterior(encode, points, draw) for draw, encode in enumerate(encodes)]
            row += [f"{sum(column) / len(column):.5f}" for column in zip(*results, strict=True)]
        rows.append("| " + " | ".join(row) + " |")
    affect = sample_affect(4096, torch.Generator().manual_seed(20_000))
    with torch.no_grad():
        error = distortion(affect, embedding(affect).pooled).sqrt().item()
    threads = torch.get_num_threads()
    return CARD.format(
        rows="\n".join(rows),
        held_out=", ".join(entry.term for entry in HELD_OUT),
        names=len(TRAINED),
        parameters=sum(parameter.numel() for parameter in embedding.parameters()),
        fingerprint=embedding.fingerprint(),
        error=error,
        seed=seed,
        steps=steps,
        seconds=seconds,
        hardware="one CPU core" if threads == 1 else f"{threads} CPU threads",
    )


CARD = """---
license: apache-2.0
library_name: emotive
tags: [affect, valence-arousal, conditioning]
---

# emotive-affect-1

The coordinate system that Emotive's models are conditioned on: valence, arousal and optionally dominance,
each in [-1, 1], to 4 tokens of 64 and a pooled vector of 128. {parameters:,} parameters, always float32.

Fingerprint, which dependent models record: `{fingerprint}`

## Training

On the space itself, no media and no people: points drawn evenly from the cube, dominance unset in a third.
The target is the posterior over {names} named emotions (Russell & Mehrabian 1977), each a Gaussian as wide as
its point is uncertain (0.2 in valence, 0.35 in arousal, 0.25 in dominance), and "no name" with a prior of a
tenth. A small term keeps distances proportional: pooled distances are off by {error:.3f} (root mean square,
in units of the space).

`emotive train affect -o DIR --seed {seed}`: {steps} steps of 512 points, {seconds:.0f} seconds on {hardware}.

## Measured

Every fourth name of the table was never shown. A linear probe (multinomial logistic, ridge penalty chosen on
as many points again) is fitted on the frozen pooled vector to predict the posterior over exactly those names.
KL divergence from the true posterior in nats on 4096 other points, lower is better; mean over three draws,
and over three networks where untrained.

| features | 64 points | dominance unset | set | 512 points | dominance unset | set |
|---|---|---|---|---|---|---|
{rows}

The smoother untrained network is the stronger baseline: with many points a probe on any smooth features
learns this posterior, and so would one on squares of the coordinates, since the target is made of Gaussians.
What training buys is a geometry from which few points are enough.

Never shown: {held_out}.

## Limits

Coordinates are *requested* affect, not a measurement of people. The named points are averages of one study of
1977 in one language; nearby names are hardly distinct. A model trained with this embedding works with no
other.
"""


def _write(embedding: AffectEmbedding, output: Path, text: str) -> None:
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output) as partial:
        embedding.save_pretrained(partial)
        Path(partial, "README.md").write_text(text, encoding="utf-8")
        for file in sorted(Path(partial).iterdir()):
            os.replace(file, output / file.name)  # under its final name only when it is whole
