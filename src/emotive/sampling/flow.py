"""Flow matching: x_sigma = (1 - sigma) x0 + sigma eps, with sigma from 1 (noise) to 0 (picture).

A model is a mean velocity u(x, sigma, sigma_next): plain flow models answer for the instant sigma, few-step
models for the whole step to sigma_next; either way the step is x + (sigma_next - sigma) u. Sigmas are (B,)
or scalar tensors; pictures (B, C, H, W).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

MeanVelocity = Callable[[Tensor, Tensor, Tensor], Tensor]


def flow_sigmas(steps: int, shift: float = 1.0) -> Tensor:
    """Noise levels (steps + 1,) from 1 to 0, shifted towards noise (Esser et al. 2024, eq. 23)."""
    s = torch.linspace(1.0, 0.0, steps + 1)
    return shift * s / (1 + (shift - 1) * s)


def _per_sample(sigma: Tensor, x: Tensor) -> Tensor:
    return sigma.reshape(-1, *[1] * (x.ndim - 1))


def add_noise(clean: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """x_sigma, the straight path between picture and noise (Lipman et al. 2023; Liu et al. 2023)."""
    s = _per_sample(sigma, clean)
    return (1 - s) * clean + s * noise


def velocity(x: Tensor, clean: Tensor, sigma: Tensor) -> Tensor:
    """The velocity that leads from x straight to `clean`: u = (x - x0) / sigma. Needs sigma > 0."""
    return (x - clean) / _per_sample(sigma, x)


def euler_step(x: Tensor, u: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
    """From x at sigma to x at sigma_next."""
    return x + _per_sample(sigma_next - sigma, x) * u


def guide(null: Tensor, text: Tensor, full: Tensor, guidance: Tensor) -> Tensor:
    """Guidance on two conditions, each with its own scale (Brooks et al. 2023, eq. 3).

    Args:
        null, text, full: predictions without conditions, with text, with text and affect.
        guidance: (B, 2) scales for text and affect; (1, 1) is `full`, unguided.
    """
    scale_text, scale_affect = (_per_sample(g, null) for g in guidance.unbind(1))
    return null + scale_text * (text - null) + scale_affect * (full - text)


def sample(model: MeanVelocity, x: Tensor, sigmas: Tensor) -> Tensor:
    """Euler's method along `sigmas`, from noise x to a picture."""
    for sigma, sigma_next in pairwise(sigmas):
        s, t = (torch.full((len(x),), float(v), device=x.device) for v in (sigma, sigma_next))
        x = euler_step(x, model(x, s, t), s, t)
    return x
