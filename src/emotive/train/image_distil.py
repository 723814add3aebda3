"""The last stage of the denoiser: one step and two, taught by the student's own eight.

Shortcut distillation doubles steps, and every doubling adds its own error, so that one step is the softest.
Here a step of any length learns directly where the short ones arrive (`image_paths.py`), by what is seen
(`image_likeness.py`). Paintings go on teaching plain flow in the same call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from emotive.sampling.flow import add_noise, flow_sigmas

from .image_likeness import contours, contrasts, unlikeness
from .image_losses import SHIFT, Batch, clean_loss, noise_weight, random_sigma
from .image_paths import STEPS, PathBatch

LENGTHS = {8: 0.5, 4: 0.25, 2: 0.125, 1: 0.125}  # of a step, in eighths: its share of the paths
PAINTINGS = 0.25  # of a batch; the rest are paths
CONTOURS, CONTRAST, FEATURES = 0.2, 0.5, 0.2  # weights beside the squared error's 1


class DistilBatch(NamedTuple):
    """clean (B, 3, 64, 64): what all of it leads to, paths first (first, so that samples are counted)."""

    clean: Tensor
    paths: PathBatch
    paintings: Batch


def distil_batches(paths: Iterator[PathBatch], paintings: Iterator[Batch]) -> Iterator[DistilBatch]:
    """Batches of both, side by side."""
    for walked, painted in zip(paths, paintings, strict=False):
        yield DistilBatch(torch.cat([walked.points[:, -1], painted.clean]), walked, painted)


def random_steps(n: int, device: torch.device) -> tuple[Tensor, Tensor, int]:
    """Where n steps start and end, (n,) in eighths of the way, in lengths as LENGTHS says; and how many of
    them, which come first, end in a picture that is looked at: in one step, or the second of two."""
    counts = {length: int(share * n) for length, share in LENGTHS.items()}
    counts[8] += n - sum(counts.values())
    late = (counts[4] + 1) // 2
    starts = [torch.zeros(counts[8]), torch.full((late,), 4), torch.zeros(counts[4] - late)]
    starts += [length * torch.randint(0, 8 // length, (counts[length],)) for length in (2, 1)]
    start = torch.cat([s.long() for s in starts])
    length = torch.cat([torch.full((count,), length) for length, count in counts.items()])
    return start.to(device), (start + length).to(device), counts[8] + late


def distil_loss(
    model: Callable[..., Tensor],
    features: Callable[..., list[Tensor]],
    batch: DistilBatch,
    autocast: Callable,
) -> Tensor:
    """Squared error, contours and contrast of every step on a path, by noise level; features of the finished
    pictures among them; plain flow on the paintings."""
    paths, paintings = batch.paths, batch.paintings
    k, n, device = len(paths.ids), len(paintings.ids), batch.clean.device
    start, end, finished = random_steps(k, device)
    rows, grid = torch.arange(k, device=device), flow_sigmas(STEPS, SHIFT).to(device)
    x, x_next, s, t = paths.points[rows, start], paths.points[rows, end], grid[start], grid[end]
    mean = (x - x_next) / (s - t).reshape(-1, 1, 1, 1)
    target = (x - s.reshape(-1, 1, 1, 1) * mean).clamp(-1.3, 1.3)
    plain = random_sigma(n, device)
    noisy = add_noise(paintings.clean, torch.randn_like(paintings.clean), plain)
    with autocast():
        predicted = model(
            torch.cat([x, noisy]).contiguous(memory_format=torch.channels_last),
            torch.cat([s, plain]),
            torch.cat([t, plain]),
            torch.cat([paths.ids, paintings.ids]),
            torch.cat([paths.affect, paintings.affect]),
            torch.cat([torch.zeros(k, dtype=torch.bool, device=device), paintings.without_affect]),
            torch.cat([paths.guidance, torch.ones(n, 2, device=device)]),
        )
    loss = clean_loss(predicted, torch.cat([target, paintings.clean]), torch.cat([s, plain]))
    lines = CONTOURS * contours(predicted[:k], target) + CONTRAST * contrasts(predicted[:k], target)
    loss = loss + (lines * noise_weight(s)).mean()

    seen = slice(finished)
    level = 0.02 + 0.5 * torch.rand(finished, device=device).square()
    noise = torch.randn_like(target[seen])

    def looked_at(picture: Tensor) -> list[Tensor]:
        noisy = add_noise(picture, noise, level).contiguous(memory_format=torch.channels_last)
        with autocast():
            return features(noisy, level, paths.ids[seen], paths.affect[seen])

    with torch.no_grad():
        wanted = looked_at(target[seen])
    return loss + FEATURES * unlikeness(looked_at(predicted[seen]), wanted)
