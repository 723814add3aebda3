"""The recipe of the mapper: pairs of prompts -> embeds on disk -> network -> measured on held-out pairs ->
card.

    emotive train mapper --model stabilityai/sd-turbo -o runs/mapper --minutes 60

Without --pairs it writes pairs of its own (`data.felt_prompts`). Only the backbone's text encoders are used,
and no picture is made: like EmotiCrafter (Dang et al., ICCV 2025), whose target this is, it learns in the
embeds.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from emotive.backbones.adapter import moved
from emotive.backbones.mapper import AffectMapper
from emotive.data.affect_pairs import AffectPair, read_pairs
from emotive.data.felt_prompts import write_felt_pairs
from emotive.devices import choose_device, choose_dtype
from emotive.errors import InputError

from .loop import Average, learning_rate_factor, on_device, optimizers
from .mapper_data import Batch, Encode, PairEmbeds
from .mapper_losses import density_weights, mapper_loss, target

GB = 10**9


@dataclass(frozen=True)
class Schedule:
    """How long to train, and on how much at once; see `train_mapper`."""

    minutes: float
    steps: int | None
    batch_size: int
    rate: float
    seed: int
    keep_every: float

    def progress(self, step: int, spent: float) -> float:
        """The share of the training that is done after `step` steps and `spent` seconds; from 1 on it is
        over."""
        return step / self.steps if self.steps else spent / (60 * self.minutes)

    def left(self, step: int, spent: float) -> str:
        """What is left of it, in words."""
        if self.steps:
            return f"{self.steps - step} steps"
        return f"{max(0.0, self.minutes - spent / 60):.1f} minutes"


SAMPLE = 256  # pairs by which embeds are standardised


def train_mapper(
    output: Path,
    encode: Encode,
    pairs: Sequence[Path] = (),
    *,
    model: str = "a backbone",
    minutes: float = 30.0,
    steps: int | None = None,
    batch_size: int = 32,
    rate: float = 1e-3,
    seed: int = 0,
    device: str | None = None,
    alpha: float = 1.0,
    content: float = 0.5,
    cache: float = 10.0,
    count: int = 20_000,
    measured: int = 256,
    keep_every: float = 60.0,
    report: Callable[[str], None] = print,
    **config: Any,
) -> Path:
    """Trains, measures and writes a mapper; returns its folder `output/mapper`.

    Args:
        output: folder for pairs, embeds, state and the mapper; an interrupted run goes on from it, and ends
            as if it had not been interrupted if it counts steps.
        encode: texts -> embeds of the backbone: `functools.partial(plain_embeds, pipe)`.
        pairs: files for `read_pairs`; pairs of our own if there are none.
        model: what the backbone is called, for the card.
        minutes: of training, in all; encoding at its turn is part of it. Ignored if `steps` are given.
        rate: peak learning rate of AdamW; Muon's is twice that (`loop.optimizers`).
        alpha: how much of the difference between the prompts is the target; above 1 exaggerates.
        content: weight of what preserves content (`mapper_losses.mapper_loss`).
        cache: most GB of embeds on disk.
        count: of our own pairs.
        measured: pairs of every held-out split to measure on.
        keep_every: seconds between states on disk.
        config: of the network.
    """
    place = choose_device(device)
    dtype, reason = choose_dtype(place)
    report(f"training on {place.type}, {reason}")
    output.mkdir(parents=True, exist_ok=True)
    splits = _splits(output, pairs, count, seed)
    rows = splits.pop("train", [])
    if len(rows) < 2 or not splits:
        raise InputError(f"{len(rows)} pairs to train on and {len(splits)} held-out splits are too few")
    random.Random(seed).shuffle(rows)
    weights = density_weights(np.array([pair.point[:2] for pair in rows]))
    limit = int(cache * GB)
    data = PairEmbeds(rows, encode, output / "embeds", limit, torch.from_numpy(weights).float())
    size = data.pair_bytes * len(rows) / GB
    report(f"{len(rows)} pairs, {size:.2g} GB of embeds, up to {cache:g} GB of it on disk")
    mapper = AffectMapper.untrained(encode, seed, **config)
    network = on_device(place, mapper.network.requires_grad_(True))
    embedding = on_device(place, mapper.embedding)
    first = data.batch(range(min(len(rows), SAMPLE, 4 * data.per_shard)))
    _standardise(mapper, first, alpha)

    def loss(step: int, batch: Batch) -> Tensor:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        there: Any = [None if t is None else t.to(place) for t in batch[:-2]]  # points stay
        with torch.autocast(place.type, dtype=dtype, enabled=dtype != torch.float32):
            here = Batch(*there, points=batch.points, weights=batch.weights)
            return mapper_loss(network, embedding, here, alpha, content, generator)

    settings = {"seed": seed, "batch": batch_size, "rate": rate, "alpha": alpha, "content": content}
    settings |= {"pairs": data.fingerprint(), "network": repr(sorted(config.items()))}
    schedule = Schedule(minutes, steps, batch_size, rate, seed, keep_every)
    average, step, spent = _fit(network, data, loss, schedule, settings, output / "mapper.pt", report)
    report("measuring the finished mapper")
    from .mapper_card import card, measure

    done = AffectMapper(on_device(torch.device("cpu"), average.model), mapper.probe)
    held_out = {name: found[:measured] for name, found in sorted(splits.items())}
    kept = {
        name: PairEmbeds(found, encode, output / "embeds" / name, limit // 10)
        for name, found in held_out.items()
    }
    table = measure(on_mapper(done, place), data, kept, alpha)
    budget = f"--steps {steps}" if steps else f"--minutes {minutes:g}"
    given = "".join(f" --pairs {path.name}" for path in pairs)
    command = f"emotive train mapper{given} --model {model} -o DIR {budget} --batch-size {batch_size}"
    command += f" --lr {rate:g} --alpha {alpha:g} --content {content:g} --seed {seed}"
    done.card = card(done, table, command, pairs, rows, model, step, spent, place)
    on_mapper(done, torch.device("cpu"))
    return done.save(output / "mapper")


def on_mapper(mapper: AffectMapper, place: torch.device) -> AffectMapper:
    """The mapper, its networks moved there."""
    on_device(place, mapper.network)
    on_device(place, mapper.embedding)
    return mapper


def _splits(output: Path, files: Sequence[Path], count: int, seed: int) -> dict[str, list[AffectPair]]:
    """Pairs by split, out of the files or our own. Texts are kept, which are small; embeds never are."""
    if not files:
        own = output / "pairs.csv"
        write_felt_pairs(own, count, seed)
        files = [own]
    splits: dict[str, list[AffectPair]] = {}
    for file in files:
        for pair in read_pairs(file):
            splits.setdefault(pair.split, []).append(pair)
    return splits


def _standardise(mapper: AffectMapper, sample: Batch, alpha: float) -> None:
    wanted = target(sample, alpha)
    rms = float((wanted.tokens.square().mean(2) * wanted.where).sum(1).mean().sqrt())
    mapper.network.standardise("tokens", sample.neutral[moved(sample.content)], rms)
    if wanted.pooled is not None and sample.pooled_neutral is not None:
        rms = float(wanted.pooled.square().mean().sqrt())
        mapper.network.standardise("pooled", sample.pooled_neutral, rms)


def _fit(
    network: nn.Module,
    data: PairEmbeds,
    loss: Callable[[int, Batch], Tensor],
    schedule: Schedule,
    settings: dict[str, Any],
    state_file: Path,
    report: Callable[[str], None],
) -> tuple[Average, int, float]:
    """The loop: as `loop.train`, but it may count steps, and what a step sees depends on its number alone, so
    that a run that was interrupted ends as one that was not. Returns averaged weights, steps, seconds."""
    average, opts = Average(network, decay=0.998), optimizers(network, 2 * schedule.rate, schedule.rate)
    step, spent = 0, 0.0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        if changed := [name for name, value in settings.items() if state["settings"].get(name) != value]:
            raise InputError(
                f"{state_file.parent} holds a run with other {', '.join(changed)}: give the same again to go "
                "on, or a new folder"
            )
        network.load_state_dict(state["network"])
        average.model.load_state_dict(state["average"])
        for optimizer, saved in zip(opts, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        step, spent = state["step"], state["spent"]
        report(f"mapper: goes on at step {step}, {spent / 60:.1f} minutes used")

    def keep() -> None:
        state = {
            "network": network.state_dict(),
            "average": average.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in opts],
            "settings": settings,
            "step": step,
            "spent": spent,
        }
        partial = state_file.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, state_file)

    network.train()
    batches = data.batches(schedule.batch_size, schedule.seed, start=step)
    last = reported = kept = time.monotonic()
    smooth = None
    while (progress := schedule.progress(step, spent)) < 1:
        for optimizer in opts:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate_factor(progress) * group["base_rate"]
        value = loss(step, next(batches))
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        for optimizer in opts:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        step += 1
        average.update(network, step)
        latest = float(value.detach())
        if not np.isfinite(latest):
            raise InputError(f"training diverged at step {step}: use a lower --lr than {schedule.rate:g}")
        smooth = latest if smooth is None else 0.98 * smooth + 0.02 * latest
        now = time.monotonic()
        spent, last = spent + now - last, now
        if now - reported > 10:
            pace = f"step {step}, {step * schedule.batch_size / spent:.0f} pairs/s"
            report(f"mapper: {pace}, loss {smooth:.4f}, {schedule.left(step, spent)} left")
            reported = now
        if now - kept >= schedule.keep_every:
            keep()
            kept = last = time.monotonic()
    keep()
    return average, step, spent
