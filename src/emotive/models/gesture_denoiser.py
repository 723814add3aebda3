"""The gesture denoiser: noisy controls of a body, what is heard, affect, habits -> clean controls.

As the other denoisers it predicts what is clean, x0; the velocity follows as u = (x - x0) / sigma. What it
draws are the coefficients of splines (`body.channels`), 15 a second, so that motion is smooth between any two
of them. The noise level belongs to each token: history comes in clean, at sigma 0, and what follows joins on
to it (Chen et al. 2024, "Diffusion forcing").
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import MLP, fourier_features, zero
from .sequence import SequenceBlock, kept, surroundings


class GestureConditions(NamedTuple):
    """What is known besides noise, of B bodies over N tokens.

    heard: (B, N, 344): two tokens of `voice.listening` after one another; what it holds where `hears` is
        False does not matter.
    hears: bool (B, N): whether the sound of a token was heard already.
    affect: pooled vectors of the affect embedding, (B, N, pooled).
    habits: (B, habits), about normal, see `body.habits`.
    events: (B, N, events), see `body.accents.events_of`, where the phones are known; anything where they are
        not.
    knows: bool (B, N): whether they are.
    without_affect, without_habits: bool (B,), where their nulls stand in.
    present: bool (B, N), False beyond the end.
    """

    heard: Tensor
    hears: Tensor
    affect: Tensor
    habits: Tensor
    events: Tensor
    knows: Tensor
    without_affect: Tensor
    without_habits: Tensor
    present: Tensor


class GestureDenoiser(ModelMixin, ConfigMixin):
    """x0 from x_sigma = (1 - sigma) x0 + sigma eps of knots (B, N, channels), standardised by `encode`."""

    mean: Tensor
    deviation: Tensor

    @register_to_config
    def __init__(
        self,
        channels: int = 50,
        heard: int = 344,
        habits: int = 16,
        events: int = 21,
        dim: int = 224,
        layers: int = 6,
        heads: int = 4,
        window: int = 60,
        affect_pooled_dim: int = 128,
        affect_sha256: str = "",
        guidance_defaults: tuple[float, float] = (1.0, 1.0),
    ):
        super().__init__()
        self.dim, self.heads, self.window = dim, heads, window
        self.stem = nn.Linear(channels, dim)
        self.listen = MLP(heard, dim)
        self.unheard = nn.Parameter(torch.zeros(dim))
        self.follow = MLP(events, dim)
        self.unknown = nn.Parameter(torch.zeros(dim))
        self.sigma_embedding = MLP(64, dim)
        self.affect_projection = MLP(affect_pooled_dim, dim)
        self.null_affect = nn.Parameter(torch.zeros(dim))
        self.habits_projection = MLP(habits, dim)
        self.null_habits = nn.Parameter(torch.zeros(dim))
        self.modulation = zero(nn.Linear(dim, 6 * dim))
        self.blocks = nn.ModuleList(SequenceBlock(dim, heads) for _ in range(layers))
        self.out = zero(nn.Linear(dim, channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))

    def encode(self, knots: Tensor) -> Tensor:
        """Latents of knots, both (..., channels)."""
        return (knots - self.mean) / self.deviation

    def decode(self, latents: Tensor) -> Tensor:
        """Knots of latents, both (..., channels); float32."""
        return self.mean.float() + latents.float() * self.deviation.float()

    def forward(self, sample: Tensor, sigma: Tensor, conditions: GestureConditions) -> Tensor:
        """The clean latents, (B, N, channels).

        Args:
            sample: x_sigma, (B, N, channels).
            sigma: (B, N), 0 where the sample is clean history, otherwise in (0, 1].
        """
        c, dtype = conditions, self.stem.weight.dtype
        b, n, _ = sample.shape
        sound = torch.where(c.hears[..., None], self.listen(kept(c.heard, c.hears).to(dtype)), self.unheard)
        known = torch.where(c.knows[..., None], self.follow(kept(c.events, c.knows).to(dtype)), self.unknown)
        h = self.stem(sample.to(dtype)) + sound.to(dtype) + known.to(dtype)
        feeling = self.affect_projection(c.affect.to(dtype))
        feeling = torch.where(c.without_affect[:, None, None], self.null_affect.to(feeling.dtype), feeling)
        habits = self.habits_projection(c.habits.to(dtype))
        habits = torch.where(c.without_habits[:, None], self.null_habits.to(habits.dtype), habits)
        features = fourier_features(6.2832 * sigma.reshape(-1), 32, 100.0)
        level = self.sigma_embedding(features.to(dtype)).view(b, n, -1)
        modulation = self.modulation(F.silu(feeling + level + habits[:, None]))
        around = surroundings(c.present, self.window, self.dim // self.heads)
        for block in self.blocks:
            h = block(h, modulation, around)
        return self.out(F.layer_norm(h, h.shape[-1:]))
