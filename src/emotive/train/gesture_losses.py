"""What the gesture denoiser is trained to do: flow matching of the knots, their speed and their bend."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from emotive.body.channels import CHANNELS
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.gesture_denoiser import GestureConditions, GestureDenoiser

from .gesture_data import GestureBatch, Scene
from .speech_losses import clean_weight, random_sigma

DROPPED = {"affect": 0.10, "habits": 0.15}  # for guidance, and for people whose habits nobody knows
SPEED, BEND = 4.0, 4.0  # weights of the first and second differences of knots
JOIN = 3.0  # how much more the first step after history counts
_LEAST = {".foot.out": 0.02, ".foot.ahead": 0.02, ".foot.turn": 4.0, "crouch": 0.004}  # deviations
_COUNTS = {
    ".out": 3.0, ".up": 3.0, ".ahead": 3.0, ".pronation": 1.5, ".elbow": 1.5, ".thumb": 0.4, ".index": 0.6,
    ".middle": 0.5, ".ring": 0.4, ".little": 0.4, ".spread": 0.3, "trunk.": 1.5, "head.": 1.5, "gaze.": 0.6,
    "hips.": 1.2, ".foot.": 0.8,
}  # fmt: skip


def channel_weights() -> Tensor:
    """(50,): how much an error of each channel counts, in units of its deviation; 1 on average."""
    out = torch.ones(len(CHANNELS))
    for i, name in enumerate(CHANNELS):
        for part, weight in _COUNTS.items():
            if part in name:
                out[i] = weight
    return out / out.mean()


def scales(shown: Sequence[Scene]) -> dict[str, Tensor]:
    """The buffers of `GestureDenoiser`: mean and deviation of knots; still feet are not blown up."""
    knots = torch.from_numpy(np.concatenate([s.knots for s in shown])).double()
    deviation = knots.std(0)
    for i, name in enumerate(CHANNELS):
        for part, least in _LEAST.items():
            if name.endswith(part):
                deviation[i] = deviation[i].clamp_min(least)
    return {"mean": knots.mean(0).float(), "deviation": deviation.clamp_min(1e-3).float()}


def gesture_loss(
    denoiser: GestureDenoiser,
    affect: AffectEmbedding,
    batch: GestureBatch,
    autocast: Callable[[], torch.autocast],
) -> Tensor:
    """Error of the knots, of their first and of their second differences."""
    count, device = len(batch.heard), batch.heard.device
    clean = denoiser.encode(batch.knots)
    sigma = random_sigma(count, device, 0.6)
    sigma = torch.where(torch.rand(count, device=device) < 0.15, 1.0, sigma)  # sampling starts there
    sigmas = torch.where(batch.history, 0.0, sigma[:, None])
    s = sigmas[..., None]
    noise = torch.randn_like(clean)
    # A model's own history is not as clean as the teacher's.
    noisy = torch.where(batch.history[..., None], clean + 0.02 * noise, (1 - s) * clean + s * noise)
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        feeling = affect(batch.affect).pooled
    conditions = GestureConditions(
        batch.heard, batch.hears, feeling, batch.habits, batch.events, batch.knows,
        (torch.rand(count, device=device) < DROPPED["affect"]) | ~batch.felt,
        (torch.rand(count, device=device) < DROPPED["habits"]) | ~batch.typical,
        batch.present,
    )  # fmt: skip
    with autocast():
        predicted = denoiser(noisy, sigmas, conditions)
    counts = (batch.present & ~batch.history).float()
    # What nobody heard yet can only be guessed.
    counts = counts * torch.where(batch.hears | ~batch.hears.any(1, keepdim=True), 1.0, 0.3)
    weights = channel_weights().to(device)
    error = (predicted.float() - clean).masked_fill(batch.history[..., None], 0.0)  # history is kept
    level = clean_weight(sigma)[:, None] * counts
    join = 1 + JOIN * batch.history[:, :-1].float()
    later = level[:, 1:] * torch.maximum(counts[:, :-1], batch.history[:, :-1].float()) * join
    place = (error.square() * weights).mean(-1)
    speed = (error.diff(dim=1).square() * weights).mean(-1)
    bend = (error.diff(n=2, dim=1).square() * weights).mean(-1)
    total = (place * level).sum() + SPEED * (speed * later).sum()
    return (total + BEND * (bend * later[:, 1:] * (counts[:, :-2] > 0)).sum()) / counts.sum()
