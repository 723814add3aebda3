"""Measures a finished mapper on held-out pairs, on the text side, and writes its card.

Everything is relative. Adding nothing has the error 1. "constant" adds what the pairs add on average,
whatever is asked for, and "linear" that plus a direction for valence, arousal and dominance: both fitted for
each place behind the words, on pairs that were trained on. A mapper that is no better than "constant" has
learned that a mood is mentioned, not which. "the emotional prompt" is the target itself.

Control is read by a linear readout of valence and arousal from the weighted mean offset of a prompt, fitted
on the targets that were trained on (ridge, its penalty by generalised cross-validation: Golub, Heath & Wahba
1979).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from emotive.backbones.adapter import PromptEmbeds
from emotive.backbones.mapper import AffectMapper
from emotive.data.affect_pairs import AffectPair
from emotive.data.felt_prompts import HELD_OUT_TERMS
from emotive.evaluate.metrics import concordance

from .mapper_data import Batch, PairEmbeds
from .mapper_losses import target

FITTED = 512  # pairs that the baselines and the readout are fitted on
AT_ONCE = 16
PLACES = 10  # on the words; 1, 2 ... 8 tokens behind them; farther
SEQUENCES = 2  # Stable Diffusion 3 has the prompt twice in a row


class Measured(NamedTuple):
    """error: squared, relative to adding nothing. cosine: to the target, both less the constant. CCC of the
    readout with what was asked for."""

    error: float
    cosine: float
    valence: float
    arousal: float


def places(content: Tensor) -> Tensor:
    """Where each token stands, int (B, K): in which sequence, and how far behind its last word."""
    at = torch.arange(content.shape[1], device=content.device).expand_as(content)
    last = torch.where(content, at, -1).cummax(1).values
    starts = content & ~F.pad(content, (1, 0))[:, :-1]
    sequence = (starts.cumsum(1) - 1).clamp(0, SEQUENCES - 1)
    return sequence * PLACES + (at - last).clamp(0, PLACES - 1)


class Linear:
    """The baselines: offsets (B, K, D) by place and, if wanted, point; ridge regression at every place."""

    def __init__(self, data: PairEmbeds, alpha: float, ridge: float = 1.0):
        count, width = SEQUENCES * PLACES, data.batch([0]).neutral.shape[2]
        gram, cross = torch.zeros(count, 4, 4), torch.zeros(count, 4, width)
        for batch in _some(data, FITTED):
            wanted = target(batch, alpha)
            x = _design(batch.points)
            here = F.one_hot(places(batch.content), count) * (wanted.where > 0)[..., None].float()
            gram += torch.einsum("bp,bi,bj->pij", here.sum(1), x, x)
            cross += torch.einsum("bi,bpd->pid", x, torch.einsum("bkp,bkd->bpd", here, wanted.tokens))
        penalty = ridge * gram[:, 0, 0].clamp(min=1)[:, None, None] / 100
        penalty = penalty * torch.diag(torch.tensor([0.0, 1.0, 1.0, 1.0])) + 1e-6 * torch.eye(4)
        self.linear = torch.linalg.solve(gram + penalty, cross)
        self.constant = cross[:, 0] / gram[:, 0, 0].clamp(min=1)[:, None]

    def __call__(self, batch: Batch, constant: bool) -> Tensor:
        at = places(batch.content)
        if constant:
            return self.constant[at]
        return torch.einsum("bi,bkid->bkd", _design(batch.points), self.linear[at])


def measure(
    mapper: AffectMapper, data: PairEmbeds, held_out: Mapping[str, PairEmbeds], alpha: float
) -> dict[tuple[str, str], Measured]:
    """(split, what is added) -> how good it is; and of the mapper on pairs that it was trained on."""
    baseline = Linear(data, alpha)
    means, points = [], []
    for batch in _some(data, FITTED):
        wanted = target(batch, alpha)
        means.append(_mean_offset(wanted.tokens, wanted.where))
        points.append(batch.points[:, :2])
    read = readout(torch.cat(means), torch.cat(points))
    table = {}
    for split, pairs in {"trained on": data, **held_out}.items():
        rows: dict[str, list[tuple[Tensor, ...]]] = {}
        for batch in _some(pairs, FITTED // 2):
            wanted = target(batch, alpha)
            constant = baseline(batch, constant=True)
            device = next(mapper.network.parameters()).device
            embeds = PromptEmbeds(batch.neutral, batch.pooled_neutral, batch.content)
            there = PromptEmbeds(*(None if t is None else t.to(device) for t in vars(embeds).values()))  # type: ignore[arg-type]
            added = {
                "the emotional prompt": wanted.tokens,
                "constant": constant,
                "linear": baseline(batch, constant=False),
                "mapper": mapper.residuals(there, batch.points.to(device))[0].cpu(),
            }
            for name, found in added.items():
                where = wanted.where[..., None]
                error = ((found - wanted.tokens).square() * where).sum((1, 2))
                nothing = (wanted.tokens.square() * where).sum((1, 2))
                a, b = (found - constant) * where.sqrt(), (wanted.tokens - constant) * where.sqrt()
                cosine = torch.cosine_similarity(a.flatten(1), b.flatten(1))
                answer = read(_mean_offset(found, wanted.where))
                rows.setdefault(name, []).append((error, nothing, cosine, answer, batch.points[:, :2]))
        for name, parts in rows.items():
            error, nothing, cosine, answer, asked = (torch.cat(column) for column in zip(*parts, strict=True))
            control = [float(concordance(asked[:, i].numpy(), answer[:, i].numpy())) for i in (0, 1)]
            table[split, name] = Measured(float(error.sum() / nothing.sum()), float(cosine.mean()), *control)
    return table


def readout(features: Tensor, points: Tensor):
    """Ridge regression features (N, D) -> points (N, 2), in its dual form, as a function of features."""
    middle, centre = features.mean(0), points.mean(0)
    x, y = (features - middle).double(), (points - centre).double()
    values, vectors = torch.linalg.eigh(x @ x.T)
    values = values.clamp(min=0)
    n, best, dual = len(x), np.inf, torch.zeros_like(y)
    for penalty in torch.logspace(-6, 1, 15).double() * values.max():
        shrink = values / (values + penalty)
        residual = y - vectors @ (shrink[:, None] * (vectors.T @ y))
        score = float(residual.square().sum() / n / (1 - shrink.sum() / n).clamp(min=1e-6) ** 2)
        if score < best:
            best, dual = score, vectors @ ((vectors.T @ y) / (values + penalty)[:, None])
    weight = (x.T @ dual).float()
    return lambda found: (found - middle) @ weight + centre


def card(
    mapper: AffectMapper,
    table: Mapping[tuple[str, str], Measured],
    command: str,
    files: Sequence[Path],
    rows: Sequence[AffectPair],
    model: str,
    steps: int,
    seconds: float,
    place: torch.device,
) -> str:
    """The card, in markdown."""
    config = mapper.network.config
    lines = [
        f"| {split} | {name} | {m.error:.3f} | {m.cosine:.3f} | {m.valence:.3f} | {m.arousal:.3f} |"
        for (split, name), m in table.items()
    ]
    threads = torch.get_num_threads()
    cpu = "one CPU core" if threads == 1 else f"{threads} CPU threads"
    if files:
        what = f"{', '.join(file.name for file in files)}: {len(rows)} pairs to train on"
        held = "Held out: the split that the files name, or one neutral prompt in fifty."
    else:
        terms = ", ".join(entry.term for entry in HELD_OUT_TERMS)
        what = f"pairs of our own (`emotive.data.felt_prompts`): {len(rows)} to train on"
        held = f"Held out: scenes with certain subjects and places, and the terms {terms}."
    unset = Counter(pair.dominance is None for pair in rows)[True]
    return CARD.format(
        model=model,
        command=command,
        what=what,
        held=held,
        unset=f" Dominance is unset in {unset} of them." if unset else "",
        parameters=sum(p.numel() for p in mapper.network.parameters()),
        widths=f"{config['tokens_dim']} (pooled: {config['pooled_dim'] or 'none'})",
        tokens=config["max_tokens"],
        depth=config["depth"],
        dim=config["dim"],
        embedding=config["affect_sha256"],
        steps=steps,
        minutes=seconds / 60,
        hardware=torch.cuda.get_device_name(place) if place.type == "cuda" else cpu,
        table="\n".join(lines),
    )


def _some(data: PairEmbeds, count: int):
    count = min(count, len(data.pairs))
    for first in range(0, count, AT_ONCE):
        yield data.batch(range(first, min(first + AT_ONCE, count)))


def _design(points: Tensor) -> Tensor:
    return torch.cat([torch.ones(len(points), 1), points.nan_to_num(0)], 1)


def _mean_offset(offset: Tensor, where: Tensor) -> Tensor:
    return (offset * where[..., None]).sum(1)


CARD = """---
license: apache-2.0
library_name: emotive
tags: [affect, valence-arousal, adapter]
---

# An affect mapper for {model}

Adds to prompt embeds what a feeling would add: `with_affect(pipe, "this folder")`. A transformer of
{depth} blocks, {dim} wide, {parameters:,} parameters, on embeds of width {widths}, up to {tokens} tokens. It
belongs to this text encoder and its fine-tunes.

Affect embedding: `{embedding}`

## Training

`{command}`

{steps} steps, {minutes:.1f} minutes on {hardware}. Data: {what}.{unset} {held}

## Measured, on the text side

Error: squared, relative to adding nothing (1). Cosine: of what is added with what the emotional prompt adds,
both less what pairs add on average. CCC: of the affect asked for with what a linear readout of the trained
pairs finds. `constant` adds the average, whatever is asked for; `linear` fits a direction for each axis at
each place.

| pairs | what is added | error | cosine | CCC valence | CCC arousal |
|---|---|---|---|---|---|
{table}

## Limits

No picture was made or judged to train this or to measure it: how far pictures follow is for
`benchmarks/backbones.py`. The affect is that of words about states, of one study in one language, or of
whoever rated the pairs; it is requested affect, not what people feel before a picture.
"""
