"""The denoiser at work, without a pipeline: whole clips from noise to motion, for measuring."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from emotive.face.decoding import MotionParts, decoded
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.face_denoiser import FaceConditions, FaceDenoiser
from emotive.sampling.flow import euler_step, flow_sigmas, guide, velocity
from emotive.sampling.windows import windows


@torch.no_grad()
def perform(
    denoiser: FaceDenoiser,
    affect: AffectEmbedding,
    heard: np.ndarray,
    points: np.ndarray,
    generator: torch.Generator,
    *,
    style: np.ndarray | None = None,
    visemes: np.ndarray | None = None,
    steps: int = 8,
    guidance: tuple[float, float] = (1.0, 1.0),
    size: int = 240,
    history: int = 20,
) -> MotionParts:
    """Motion of N tokens: heard (N, 172), points (N, 3), style (6,) or unknown, visemes (N, 15) or unknown.

    The logits are those of the first step, which sees nothing but noise and so hears best.
    """
    count = len(heard)
    channels = denoiser.latents + denoiser.pose_mean.shape[0]
    latents = torch.zeros(count, channels)
    logits = torch.zeros(count, 2)
    feeling = affect(torch.as_tensor(points, dtype=torch.float32)).pooled
    sounds = torch.as_tensor(np.asarray(heard), dtype=torch.float32)
    known = torch.zeros(count, 15) if visemes is None else torch.as_tensor(visemes, dtype=torch.float32)
    for window in windows(count, size, history):
        at = slice(window.start, window.stop)
        n = window.stop - window.start
        conditions = FaceConditions(
            sounds[at][None], torch.ones(1, n, dtype=torch.bool), feeling[at][None],
            torch.zeros(1, 6) if style is None else torch.as_tensor(style, dtype=torch.float32)[None],
            known[at][None], torch.full((1, n), visemes is not None), torch.zeros(1, dtype=torch.bool),
            torch.tensor([style is None]), torch.ones(1, n, dtype=torch.bool),
        )  # fmt: skip
        past = torch.arange(n)[None] < window.history
        x = torch.randn(1, n, channels, generator=generator)
        x = torch.where(past[..., None], latents[at][None], x)
        for step, (sigma, sigma_next) in enumerate(pairwise(flow_sigmas(steps))):
            clean, touch = _guided(denoiser, x, torch.where(past, 0.0, sigma), conditions, guidance)
            if step == 0:
                logits[window.new] = touch[0, window.history :]
            moved = euler_step(x, velocity(x, clean, sigma), sigma, sigma_next)
            x = torch.where(past[..., None], x, moved)
        latents[window.new] = x[0, window.history :]
    weights, pose = denoiser.decode(latents)
    closure, contact = logits.numpy().T
    return decoded(weights.numpy(), pose.numpy(), closure, contact)


def _guided(
    denoiser: FaceDenoiser, x: Tensor, sigma: Tensor, c: FaceConditions, guidance: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    full = denoiser(x, sigma, c)
    touch = torch.stack([full.closure, full.contact], -1).float()
    if guidance == (1.0, 1.0):
        return full.clean.float(), touch
    deaf = c._replace(
        hears=torch.zeros_like(c.hears), knows=torch.zeros_like(c.knows), without_affect=~c.without_affect
    )
    null = denoiser(x, sigma, deaf).clean.float()
    sound = denoiser(x, sigma, c._replace(without_affect=~c.without_affect)).clean.float()
    return guide(null, sound, full.clean.float(), torch.tensor([guidance])), touch
