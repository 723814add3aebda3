"""The recipe of the learned judge of faces: painted strangers -> landmarks in frames -> network -> card.

    emotive train face-judge -o runs/face-judge

It learns from people who are painted for it alone, and is measured on the bundled portraits and on a
photograph, whose rendered frames it never sees. `CALIBRATION` strangers are kept from the weights too, and
set the factors that scale the spread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emotive.models.face_judge import FaceJudgeNetwork
from emotive.perceive.face_judge import FACE_JUDGE, FEATURES, FaceJudge, face_features
from emotive.weights import write_sums

from .face_frames import ALIKE, Frames, strangers_frames
from .face_judge_card import write_card
from .regression_losses import beta_nll, ccc_loss

CALIBRATION = 2  # strangers
NOISE = 0.003  # eye distances, added to the measures: by about as much landmarks tremble
LEAST_SIZE = 0.004  # of a measure: smaller ones would only be noise
BATCH = 160  # shows, of `ALIKE` frames each


class Learned(NamedTuple):
    """Of one stranger: features (N, D) against the neutral face, and of each frame alone; affect (N, 2)."""

    features: np.ndarray
    alone: np.ndarray
    affect: np.ndarray


def train_face_judge(
    output: Path,
    people: int = 16,
    frames: int = 500,
    steps: int = 1500,
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> Path:
    """Paints, trains, calibrates and measures; returns the model's folder `output/emotive-face-judge-1`.

    Args:
        output: folder for the features of every stranger, which are kept, and for the model.
        people: strangers painted, `CALIBRATION` of them for the spread.
        frames: of each; about 30 ms a frame on one core.
        steps: of training.
        seed: of people, frames and weights.
    """
    output.mkdir(parents=True, exist_ok=True)
    known = [_stranger(output, number, frames, seed, report) for number in range(people)]
    network = fit(known[:-CALIBRATION], steps, seed, report)
    judge = FaceJudge(network)
    wanted = np.concatenate([k.affect for k in known[-CALIBRATION:]])
    spreads = {}
    for name, strange in (("spread", False), ("strange", True)):
        seen = np.concatenate([k.alone if strange else k.features for k in known[-CALIBRATION:]])
        network.register_to_config(**{name: (1.0, 1.0)})
        found = judge.estimate_features(seen, strange)
        spreads[name] = tuple(
            float(np.sqrt(np.mean(((mean - wanted[:, k]) / sd) ** 2)))
            for k, (mean, sd) in enumerate(zip(found[:2], found[2:], strict=True))
        )
    network.register_to_config(**spreads, _name_or_path="")
    folder = output / FACE_JUDGE
    network.save_pretrained(folder)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)
    write_sums(folder)
    report("measuring the finished judge")
    trained = sum(len(k.affect) for k in known[:-CALIBRATION])
    write_card(folder, FaceJudge.from_pretrained(folder), people, trained, steps, seed)
    return folder


def fit(known: Sequence[Learned], steps: int, seed: int, report: Callable[[str], None]) -> FaceJudgeNetwork:
    """The network, trained on these people."""
    features = np.concatenate([k.features for k in known])
    x = torch.from_numpy(features.astype(np.float32))
    y = torch.from_numpy(np.concatenate([k.affect for k in known]).astype(np.float32))
    scale = tuple(float(size) for size in np.maximum(features.std(0), LEAST_SIZE))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FaceJudgeNetwork(features=len(FEATURES), scale=scale)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, steps)
    shows = _shows(y)
    for step in range(steps):
        chosen = shows[torch.randint(len(shows), (BATCH,), generator=generator)]  # (BATCH, ALIKE)
        noise = NOISE * torch.randn((BATCH * ALIKE, len(FEATURES)), generator=generator)
        mean, log_sd = network(x[chosen.flatten()] + noise)
        wanted = y[chosen]
        # What is asked of it is a clip's affect: frames of one are averaged, so that whatever a word did to
        # single ones cancels rather than shrinks the answer.
        together = mean.view(BATCH, ALIKE, 2).mean(1)
        loss = ccc_loss(together, wanted[:, 0]) + 0.5 * beta_nll(mean, log_sd, wanted.flatten(0, 1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 500 == 0:
            report(f"step {step + 1} of {steps}, loss {loss.item():.3f}")
    return network.eval()


def _shows(affect: Tensor) -> Tensor:
    """Numbers of frames (S, ALIKE) that show one affect each, of (N, 2), where such frames are in a row."""
    rows = []
    starts = [0, *(int(i) + 1 for i in (affect[1:] != affect[:-1]).any(1).nonzero()), len(affect)]
    for first, last in pairwise(starts):
        rows.append([first + k % (last - first) for k in range(ALIKE)])
    return torch.tensor(rows)


def learned(frames: Frames) -> Learned:
    """What is learned from the frames of one person."""
    alone = np.concatenate([face_features([face]) for face in frames.faces])
    return Learned(face_features(frames.faces, frames.neutral), alone, frames.affect)


def _stranger(output: Path, number: int, count: int, seed: int, report: Callable[[str], None]) -> Learned:
    file = output / f"stranger-{seed}-{number}-{count}.npz"
    if not file.exists():
        report(f"painting stranger {number + 1}, and {count} frames")
        found = learned(strangers_frames(number, count, seed))
        np.savez_compressed(file, **found._asdict())
    with np.load(file, allow_pickle=False) as arrays:
        return Learned(*(arrays[name] for name in Learned._fields))
