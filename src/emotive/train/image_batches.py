"""Batches for the image networks, drawn from reservoirs of paintings."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emotive.data.scenes import caption, random_scene
from emotive.models.text_encoder import SceneTextEncoder
from emotive.sampling.flow import flow_sigmas, sample, velocity

from .image_data import Reservoir, decode_scene, random_affect
from .image_losses import SHIFT, Batch, Generator
from .sharpen import shock_filter

POOL = 192  # of the student's pictures that the decoder is polished on


def as_pictures(pixels: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """uint8 (B, H, W, 3) -> float32 (B, 3, H, W) in [-1, 1], as the networks see pictures."""
    return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


def batches(
    reservoir: Reservoir, encoder: SceneTextEncoder, size: int, device: torch.device, seed: int
) -> Iterator[Batch]:
    """Endless random batches: mirrored in half, captioned anew each time; conditions dropped for guidance."""
    rng, words = np.random.default_rng(seed), random.Random(seed)
    null = encoder.null(1)[0].tolist()
    known = np.flatnonzero(np.asarray(reservoir.filled))
    drawn = 0
    while True:
        drawn += 1
        if drawn % 200 == 0 and len(known) < reservoir.capacity:
            known = np.flatnonzero(np.asarray(reservoir.filled))
        rows = rng.choice(known, size)
        pixels = reservoir.pixels[rows]
        flip = rng.random(size) < 0.5
        pixels[flip] = pixels[flip, :, ::-1]
        clean = as_pictures(pixels, device)
        prompts = [caption(decode_scene(code), words) for code in reservoir.scene[rows]]
        ids = encoder.tokenize(prompts)
        ids[torch.from_numpy(rng.random(size) < 0.10)] = torch.tensor(null)
        affect = torch.from_numpy(reservoir.affect[rows])
        without_affect = torch.from_numpy(rng.random(size) < 0.12)
        yield Batch(
            clean.contiguous(memory_format=torch.channels_last),
            ids.to(device),
            affect.to(device),
            without_affect.to(device),
        )


def decoder_batches(
    large: Reservoir, size: int, device: torch.device, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Random crops: small (B, 3, 32, 32) and large (B, 3, 256, 256), in [-1, 1]."""
    rng = np.random.default_rng(seed)
    while True:
        rows = rng.choice(np.flatnonzero(np.asarray(large.filled)), size)
        y, x = 8 * rng.integers(0, 33, 2)
        pixels = np.ascontiguousarray(large.pixels[rows][:, y : y + 256, x : x + 256])
        whole = as_pictures(pixels, device)
        if rng.random() < 0.5:
            whole = whole.flip(3)
        small = (F.avg_pool2d(whole, 8) * 127.5).round() / 127.5
        yield small, whole


def polish_batches(
    large: Reservoir,
    generator: Generator,
    decoder: nn.Module,
    size: int,
    device: torch.device,
    seed: int,
    autocast: Callable,
    pool: int = POOL,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Crops as in `decoder_batches`, most of them from pairs of the student's own pictures, painted in four
    steps, and what a shock filter makes of the decoder's first drawing of them: the same, but with contours.
    """
    rng, words = np.random.default_rng(seed), random.Random(seed)
    plain = decoder_batches(large, size, device, seed)
    pairs = [_drawn_sharply(generator, decoder, words, device, autocast) for _ in range(pool)]
    smalls, sharp = torch.cat([small for small, _ in pairs]), torch.cat([drawn for _, drawn in pairs])

    def crops() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            if rng.random() < 0.3:
                yield next(plain)
                continue
            rows = torch.from_numpy(rng.integers(0, pool, size)).to(device)
            top, left = rng.integers(0, 33, 2)
            small = smalls[rows, :, top : top + 32, left : left + 32]
            drawn = sharp[rows, :, 8 * top : 8 * top + 256, 8 * left : 8 * left + 256].float()
            yield (small.flip(3), drawn.flip(3)) if rng.random() < 0.5 else (small, drawn)

    return crops()


@torch.no_grad()
def _drawn_sharply(
    generator: Generator, decoder: nn.Module, words: random.Random, device: torch.device, autocast: Callable
) -> tuple[Tensor, Tensor]:
    """One picture of the student's, small (1, 3, 64, 64) and sharpened (1, 3, 512, 512), as bf16."""
    affect = random_affect(words)
    ids = generator.text_encoder.tokenize([caption(random_scene(words), words)]).to(device)
    point = torch.from_numpy(affect.as_array())[None].to(device)
    never = torch.zeros(1, dtype=torch.bool, device=device)
    guidance = torch.tensor([generator.denoiser.config["guidance_defaults"]], device=device)
    noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(words.getrandbits(31))).to(
        device
    )

    def u(x: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
        return velocity(x, generator(x, sigma, sigma_next, ids, point, never, guidance), sigma)

    with autocast():
        small = sample(u, noise, flow_sigmas(4, SHIFT)).clamp(-1, 1)
        drawn = decoder(small).float()
    return small, shock_filter(drawn).clamp(-1, 1).bfloat16()
