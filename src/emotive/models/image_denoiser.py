"""The image denoiser: noisy 64px picture, words, affect -> clean 64px picture.

A U of convolutions at 32 and 16 cells a side around a transformer at 8. It predicts the clean picture x0, not
velocity: on pixels of few channels that is what makes shapes crisp (Li & He 2025, "Back to Basics"); the
mean velocity over a step follows as u = (x - x0) / sigma.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from .affect_embedding import AffectTokens
from .blocks import (
    MLP,
    ConvBlock,
    TransformerBlock,
    fourier_features,
    rotary_grid,
    zero,
)
from .text_encoder import TextFeatures


class Hoisted(NamedTuple):
    """What does not depend on the picture, of B conditions. film: (B, 2 C) for every block of convolutions,
    side by side; modulation (B, layers, 6, D), keys and values (B, layers, heads, N, D / heads) for every
    transformer block."""

    film: Tensor
    modulation: Tensor
    keys: Tensor
    values: Tensor


class ImageDenoiser(ModelMixin, ConfigMixin):
    """x0 from x_sigma = (1 - sigma) x0 + sigma eps, for plain flow and for few-step sampling.

    With `sigma_next` = `sigma` this is a plain flow model. With `sigma_next` < `sigma` it answers for the
    whole step (shortcut models, Frans et al. 2024) with guidance built in at the scales given as `guidance`.
    """

    @register_to_config
    def __init__(
        self,
        sample_size: int = 64,
        channels: tuple[int, int] = (64, 128),
        dim: int = 256,
        layers: int = 6,
        heads: int = 4,
        text_dim: int = 256,
        affect_dim: int = 64,
        affect_pooled_dim: int = 128,
        affect_tokens: int = 4,
        affect_sha256: str = "",
        few_steps: tuple[int, ...] = (),
        few_step_shift: float = 2.0,
        guidance_defaults: tuple[float, float] = (2.0, 1.5),
        guidance_limits: tuple[float, float] = (4.0, 3.0),
    ):
        super().__init__()
        c0, c1 = channels
        self.stem = nn.Conv2d(12, c0, 3, padding=1)
        self.encode0 = ConvBlock(c0, dim)
        self.down0 = nn.Conv2d(4 * c0, c1, 1)
        self.encode1 = ConvBlock(c1, dim)
        self.down1 = nn.Conv2d(4 * c1, dim, 1)
        self.position = nn.Parameter(0.02 * torch.randn((sample_size // 8) ** 2, dim))
        self.blocks = nn.ModuleList(TransformerBlock(dim, heads) for _ in range(layers))
        self.up1 = nn.Conv2d(dim, 4 * c1, 1)
        self.decode1 = ConvBlock(c1, dim)
        self.up0 = nn.Conv2d(c1, 4 * c0, 1)
        self.decode0 = nn.ModuleList(ConvBlock(c0, dim) for _ in range(2))
        self.out_norm = nn.GroupNorm(8, c0)
        self.out = zero(nn.Conv2d(c0, 12, 3, padding=1))

        self.sigma_embedding = MLP(64, dim)
        self.step_embedding = MLP(64 + 2 * 16, dim)
        zero(self.step_embedding[2])  # type: ignore[arg-type]
        self.text_tokens = nn.Linear(text_dim, dim)
        self.text_pooled = nn.Linear(text_dim, dim)
        self.affect_token_projection = nn.Linear(affect_dim, dim)
        self.affect_pooled_projection = MLP(affect_pooled_dim, dim)
        self.null_affect_tokens = nn.Parameter(0.02 * torch.randn(affect_tokens, dim))
        self.null_affect_pooled = nn.Parameter(torch.zeros(dim))
        self.modulation = zero(nn.Linear(dim, 6 * dim))
        cos, sin = rotary_grid(sample_size // 8, dim // heads)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        # What is added is around 0, factors and gates around 1: the order of a block's modulation.
        around = torch.tensor([0.0, 1, 1, 0, 1, 1])[:, None]
        self.register_buffer("around", around, persistent=False)

    def condition(
        self,
        sigma: Tensor,
        sigma_next: Tensor,
        text: TextFeatures,
        affect: AffectTokens,
        without_affect: Tensor,
        guidance: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Everything that is not the picture -> one vector (B, D) and tokens (B, N, D)."""
        dtype = self.text_pooled.weight.dtype
        level, target = (fourier_features(6.2832 * s, 32, 100.0) for s in (sigma, sigma_next))
        scales = [fourier_features(g, 8, 8.0) for g in guidance.unbind(1)]
        # 0 for plain flow, so that the step embedding cannot change it.
        step = self.step_embedding(torch.cat([target, *scales], 1).to(dtype)) * (sigma_next < sigma)[:, None]
        pooled = self.affect_pooled_projection(affect.pooled.to(dtype))
        pooled = torch.where(without_affect[:, None], self.null_affect_pooled, pooled)
        tokens = self.affect_token_projection(affect.tokens.to(dtype))
        tokens = torch.where(without_affect[:, None, None], self.null_affect_tokens, tokens)
        vector = self.sigma_embedding(level.to(dtype)) + step + self.text_pooled(text.pooled) + pooled
        return F.silu(vector), torch.cat([self.text_tokens(text.tokens), tokens.to(text.tokens.dtype)], 1)

    def forward(
        self,
        sample: Tensor,
        sigma: Tensor,
        sigma_next: Tensor,
        text: TextFeatures,
        affect: AffectTokens,
        without_affect: Tensor,
        guidance: Tensor,
    ) -> Tensor:
        """The clean picture.

        Args:
            sample: x_sigma, (B, 3, 64, 64); the clean picture lies in [-1, 1].
            sigma, sigma_next: (B,), 1 >= sigma > 0, sigma >= sigma_next >= 0.
            text: from `SceneTextEncoder`.
            affect: from `AffectEmbedding`.
            without_affect: bool (B,), True where the affect's null stands in for it.
            guidance: (B, 2) text and affect guidance scales; read only where sigma_next < sigma.
        """
        vector, tokens = self.condition(sigma, sigma_next, text, affect, without_affect, guidance)
        return self.draw(sample, self.hoist(vector, tokens))

    def hoist(self, vector: Tensor, tokens: Tensor) -> Hoisted:
        """What `condition` says -> all that the layers make of it alone."""
        films = [block.scale_shift(vector) for block in self._conv_blocks()]
        own = torch.stack([block.modulation for block in self._transformer_blocks()])
        modulation = self.modulation(vector).unflatten(1, (1, 6, -1)) + own + self.around
        keys, values = zip(*(block.keys_values(tokens) for block in self._transformer_blocks()), strict=True)
        return Hoisted(torch.cat(films, 1), modulation, torch.stack(keys, 1), torch.stack(values, 1))

    def draw(self, sample: Tensor, hoisted: Hoisted) -> Tensor:
        """The clean picture from x_sigma, (B, 3, 64, 64)."""
        film = iter(hoisted.film.split([2 * block.channels for block in self._conv_blocks()], 1))
        skip0 = self.encode0(self.stem(F.pixel_unshuffle(sample, 2)), next(film))
        skip1 = self.encode1(self.down0(F.pixel_unshuffle(skip0, 2)), next(film))
        h = self.down1(F.pixel_unshuffle(skip1, 2))
        b, d, rows, columns = h.shape
        h = h.flatten(2).transpose(1, 2) + self.position
        layers = zip(*(part.unbind(1) for part in hoisted[1:]), strict=True)
        for block, (modulation, keys, values) in zip(self.blocks, layers, strict=True):
            h = block(h, keys, values, modulation, self.cos, self.sin)
        h = F.layer_norm(h, (d,)).transpose(1, 2).reshape(b, d, rows, columns)
        h = self.decode1(F.pixel_shuffle(self.up1(h), 2) + skip1, next(film))
        h = F.pixel_shuffle(self.up0(h), 2) + skip0
        for block in self.decode0:
            h = block(h, next(film))
        return F.pixel_shuffle(self.out(F.silu(self.out_norm(h))), 2)

    def _conv_blocks(self) -> list[ConvBlock]:
        return [self.encode0, self.encode1, self.decode1, *self.decode0]  # type: ignore[list-item]

    def _transformer_blocks(self) -> list[TransformerBlock]:
        return list(self.blocks)  # type: ignore[arg-type]
