"""Batches for the image networks, drawn from reservoirs of paintings."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from emotive.data.scenes import caption
from emotive.models.text_encoder import SceneTextEncoder
from emotive.sampling.flow import add_noise, flow_sigmas

from .image_data import Reservoir, decode_scene
from .image_losses import SHIFT, Batch, Generator


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
    large: Reservoir, generator: Generator, size: int, device: torch.device, seed: int, autocast: Callable
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs whose small picture is the student's own: what its last step makes of a noised painting."""
    rng, words = np.random.default_rng(seed), random.Random(seed)
    encoder = generator.text_encoder
    ends = flow_sigmas(8, SHIFT)[5:8].to(device)  # where the last step of 8, 4 or about 3 begins
    plain = decoder_batches(large, size, device, seed)
    while True:
        if rng.random() < 0.3:
            yield next(plain)
            continue
        rows = rng.choice(np.flatnonzero(np.asarray(large.filled)), size)
        whole = as_pictures(large.pixels[rows], device)
        clean = F.avg_pool2d(whole, 8)
        ids = encoder.tokenize([caption(decode_scene(c), words) for c in large.scene[rows]]).to(device)
        sigma = ends[torch.from_numpy(rng.integers(0, len(ends), size))]
        x = add_noise(clean, torch.randn_like(clean), sigma)
        affect = torch.from_numpy(large.affect[rows]).to(device)
        never = torch.zeros(size, dtype=torch.bool, device=device)
        unguided = torch.ones(size, 2, device=device)
        with torch.no_grad(), autocast():
            small = generator(x, sigma, torch.zeros_like(sigma), ids, affect, never, unguided)
        top, left = rng.integers(0, 33, 2)
        yield (
            small[:, :, top : top + 32, left : left + 32],
            whole[:, :, 8 * top : 8 * top + 256, 8 * left : 8 * left + 256],
        )
