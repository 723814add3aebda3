"""The recipe of the learned judge of bodies, and of the features in which sets of motion are compared.

    emotive train body-judge -o runs/body-judge

The teacher of gestures performs for it: people who are drawn by chance, to voices that no evaluation uses.
What is learned from is measured on the joints alone. The last `CALIBRATION` of the performances are kept from
the weights, and set the factors that scale the spread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from emotive.models.body_judge import BodyJudgeNetwork
from emotive.models.motion_autoencoder import MotionAutoencoder
from emotive.perceive.body_judge import BODY_JUDGE, SEEN, BodyJudge
from emotive.perceive.motion_features import MOTION_FEATURES, MotionFeatures
from emotive.weights import write_sums

from .body_judge_card import write_card, write_features_card
from .body_performances import WINDOWS, Learned, performances, spoken_clips
from .regression_losses import beta_nll, ccc_loss

CALIBRATION = 0.12  # of the performances
NOISE = 0.12  # of a measure's usual size, added in training
FORGOTTEN = 0.06  # how often a measure is not seen: a file may hold no fingers, or a stiff spine
BATCH = 192  # windows
CHUNKS = 128  # of motion in a batch


def train_body_judge(
    output: Path,
    people: int = 4000,
    clips: int = 240,
    steps: int = 3000,
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> tuple[Path, Path]:
    """Performs, trains, calibrates and measures; returns the folders of both models below `output`.

    Args:
        output: folder for what was measured of the performances, which is kept, and for the models.
        people: who perform, once each; about 50 ms each on one core.
        clips: that they speak, about 0.3 s each.
        steps: of training, of either.
        seed: of voices, people, chance and weights.
    """
    output.mkdir(parents=True, exist_ok=True)
    known = _performed(output, people, clips, seed, report)
    kept = max(2, round(CALIBRATION * len(known)))
    network = fit(known[:-kept], steps, seed, report)
    judge = BodyJudge(network)
    found = judge.estimate_features(np.concatenate([k.features for k in known[-kept:]]))
    wanted = np.concatenate([k.affect for k in known[-kept:]])
    spread = tuple(
        float(np.sqrt(np.mean(((mean - wanted[:, k]) / sd) ** 2)))
        for k, (mean, sd) in enumerate(zip(found[:2], found[2:], strict=True))
    )
    network.register_to_config(spread=spread, _name_or_path="")
    folder = _saved(network, output / BODY_JUDGE)
    autoencoder, explained = fit_features(known[:-kept], known[-kept:], steps, seed, report)
    autoencoder.register_to_config(_name_or_path="")
    features = _saved(autoencoder, output / MOTION_FEATURES)
    report("measuring the finished judge")
    command = (
        f"emotive train body-judge -o DIR --people {people} --clips {clips} --steps {steps} --seed {seed}"
    )
    write_card(folder, BodyJudge.from_pretrained(folder), len(known) - kept, command)
    write_features_card(features, MotionFeatures.from_pretrained(features), explained, command)
    return folder, features


def fit(known: Sequence[Learned], steps: int, seed: int, report: Callable[[str], None]) -> BodyJudgeNetwork:
    """The judge's network, trained on these performances."""
    features = np.concatenate([k.features for k in known]).astype(np.float32)
    x = torch.from_numpy(features)
    y = torch.from_numpy(np.concatenate([k.affect for k in known]).astype(np.float32))
    centre, scale = features.mean(0), np.maximum(features.std(0), 1e-3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = BodyJudgeNetwork(
            features=len(SEEN), centre=tuple(map(float, centre)), scale=tuple(map(float, scale))
        )
    middles, sizes = torch.from_numpy(centre), torch.from_numpy(scale)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, steps)
    for step in range(steps):
        chosen = torch.randint(len(x), (BATCH,), generator=generator)
        seen = x[chosen] + NOISE * sizes * torch.randn(x[chosen].shape, generator=generator)
        gone = torch.rand(seen.shape, generator=generator) < FORGOTTEN
        mean, log_sd = network(torch.where(gone, middles, seen))
        loss = ccc_loss(mean, y[chosen]) + 0.5 * beta_nll(mean, log_sd, y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 500 == 0:
            report(f"judge: step {step + 1} of {steps}, loss {loss.item():.3f}")
    return network.eval()


def fit_features(
    known: Sequence[Learned],
    unseen: Sequence[Learned],
    steps: int,
    seed: int,
    report: Callable[[str], None],
) -> tuple[MotionAutoencoder, float]:
    """The autoencoder, trained on chunks of these performances, and the share of the variance of `unseen`
    ones that comes through."""
    chunks = torch.from_numpy(np.concatenate([k.chunks for k in known]).astype(np.float32))
    channels = chunks.shape[-1]
    flat = chunks.reshape(-1, channels).double()
    # One size for all: what hardly moves shall not count as much as a hand.
    centre, size = flat.mean(0), float(flat.std(0).square().mean().sqrt())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = MotionAutoencoder(channels, centre=tuple(centre.tolist()), scale=(size,) * channels)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps)
    for step in range(steps):
        some = chunks[torch.randint(len(chunks), (CHUNKS,), generator=generator)]
        loss = F.mse_loss(network(some), network.normalised(some))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 500 == 0:
            report(f"features: step {step + 1} of {steps}, loss {loss.item():.4f}")
    network.eval()
    with torch.no_grad():
        other = torch.from_numpy(np.concatenate([k.chunks for k in unseen]).astype(np.float32))
        wanted = network.normalised(other)
        left = F.mse_loss(network(other), wanted) / wanted.sub(wanted.mean((0, 1))).square().mean()
    return network, 1 - float(left)


def _saved(network: BodyJudgeNetwork | MotionAutoencoder, folder: Path) -> Path:
    network.save_pretrained(folder)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)
    write_sums(folder)
    return folder


def _performed(
    output: Path, people: int, clips: int, seed: int, report: Callable[[str], None]
) -> list[Learned]:
    file = output / f"performances-{seed}-{people}-{clips}.npz"
    if not file.exists():
        report(f"{clips} clips are spoken, {people} people perform")
        found = performances(spoken_clips(clips, seed), people, seed)
        np.savez(
            file,
            features=np.concatenate([k.features for k in found]),
            affect=np.concatenate([k.affect for k in found]),
            chunks=np.concatenate([k.chunks for k in found]),
            counts=np.array([len(k.chunks) for k in found]),
        )
    with np.load(file, allow_pickle=False) as arrays:
        features, affect, chunks = arrays["features"], arrays["affect"], arrays["chunks"]
        ends = np.cumsum(arrays["counts"])
    return [
        Learned(f, a, c)
        for f, a, c in zip(
            features.reshape(-1, WINDOWS, features.shape[1]),
            affect.reshape(-1, WINDOWS, 2),
            np.split(chunks, ends[:-1]),
            strict=True,
        )
    ]
