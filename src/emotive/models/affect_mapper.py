"""The affect mapper: what to add to the prompt embeds of a diffusion backbone, so that they say an affect.

Slim beside EmotiCrafter's (Dang et al., ICCV 2025; 12 layers, 768 wide, 234 million parameters, made for
SDXL): a few blocks, any width of embeds, pooled embeds included, affect by the shared `AffectEmbedding`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from .affect_embedding import AffectTokens
from .blocks import zero

SIZES: Mapping[int, Mapping[str, int]] = {
    768: {"dim": 320, "depth": 4, "heads": 5},  # Stable Diffusion 1: 6.6 million parameters
    1024: {"dim": 320, "depth": 4, "heads": 5},  # Stable Diffusion 2, SD-Turbo: 6.7 million
    2048: {"dim": 448, "depth": 4, "heads": 7},  # Stable Diffusion XL: 14.8 million
    4096: {"dim": 512, "depth": 4, "heads": 8},  # Stable Diffusion 3: 21.8 million; FLUX: 20.6 million
}
"""Width of the token embeds -> size of the network."""


def size_for(tokens_dim: int) -> dict[str, int]:
    """The size for embeds of this width: that of the nearest entry of `SIZES`; a small one for small
    embeds."""
    if tokens_dim < 256:
        return {"dim": 64, "depth": 2, "heads": 2}
    return dict(SIZES[min(SIZES, key=lambda width: abs(width - tokens_dim))])


class MapperBlock(nn.Module):
    """Attention among the tokens of a prompt, attention to the tokens of affect, an MLP; each with an
    adaptive layer norm whose shift, scale and gate come from the pooled affect (DiT, Peebles & Xie 2023)."""

    def __init__(self, dim: int, heads: int, affect_dim: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        self.query = nn.Linear(dim, dim, bias=False)
        self.affect_kv = nn.Linear(affect_dim, 2 * dim, bias=False)
        self.affect_out = nn.Linear(dim, dim, bias=False)
        self.up = nn.Linear(dim, 3 * dim)
        self.down = nn.Linear(3 * dim, dim)
        self.modulation = nn.Parameter(torch.zeros(9, dim))

    def forward(self, x: Tensor, affect: Tensor, modulation: Tensor) -> Tensor:
        """x: (B, N, dim). affect: (B, M, affect_dim). modulation: (B, 9, dim), shared by all blocks."""
        m = (modulation + self.modulation)[:, :, None].unbind(1)
        q, k, v = self._heads(self.qkv(self._modulated(x, m[0], m[1])), 3)
        x = x + (1 + m[2]) * self.out(self._attended(q, k, v))
        (q,) = self._heads(self.query(self._modulated(x, m[3], m[4])), 1)
        k, v = self._heads(self.affect_kv(affect), 2)
        x = x + (1 + m[5]) * self.affect_out(self._attended(q, k, v))
        h = self.down(F.silu(self.up(self._modulated(x, m[6], m[7]))))
        return x + (1 + m[8]) * h

    def _heads(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """(B, N, parts * dim) -> as many (B, heads, N, dim / heads)."""
        b, n, _ = x.shape
        return x.view(b, n, parts, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)

    @staticmethod
    def _modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift

    @staticmethod
    def _attended(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k = (F.rms_norm(x, x.shape[-1:]) for x in (q, k))  # ViT-22B, Dehghani et al. 2023
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class AffectMapperNetwork(ModelMixin, ConfigMixin):
    """Prompt embeds and an embedded affect -> residuals of the token embeds and of the pooled embeds.

    The embeds are standardised by channel (`mean`, `std` and those of the pooled embeds, set by
    `standardise`), for in CLIP and T5 a few channels are a hundred times larger than the rest. Pooled embeds
    are one more token. The projections back to the embeds start at zero: untrained, it answers 0. They are
    scaled by `offset_scale` and `pooled_offset_scale`, the root mean square of what training asks for, so
    that one learning rate suits every encoder.

    Args:
        tokens_dim: D, width of the token embeds.
        pooled_dim: P, width of the pooled embeds; 0 if the family has none.
        max_tokens: the longest sequence it takes, K.
        dim, depth, heads: its own width, blocks, attention heads.
        affect_sha256: fingerprint of the `AffectEmbedding` that it was trained with.
    """

    @register_to_config
    def __init__(
        self,
        tokens_dim: int,
        pooled_dim: int = 0,
        max_tokens: int = 77,
        dim: int = 320,
        depth: int = 4,
        heads: int = 5,
        affect_dim: int = 64,
        affect_pooled_dim: int = 128,
        affect_sha256: str = "",
    ):
        super().__init__()
        self.tokens_in = nn.Linear(tokens_dim, dim)
        self.positions = nn.Parameter(0.02 * torch.randn(max_tokens, dim))
        self.content = nn.Parameter(0.02 * torch.randn(dim))
        self.affect_norm = nn.LayerNorm(affect_dim)
        self.modulate = nn.Sequential(
            nn.LayerNorm(affect_pooled_dim),
            nn.Linear(affect_pooled_dim, dim),
            nn.SiLU(),
            zero(nn.Linear(dim, 9 * dim)),
        )
        self.blocks = nn.ModuleList(MapperBlock(dim, heads, affect_dim) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)
        self.tokens_out = zero(nn.Linear(dim, tokens_dim))
        self.register_buffer("mean", torch.zeros(tokens_dim))
        self.register_buffer("std", torch.ones(tokens_dim))
        self.register_buffer("offset_scale", torch.ones(()))
        if pooled_dim:
            self.pooled_in = nn.Linear(pooled_dim, dim)
            self.pooled_out = zero(nn.Linear(dim, pooled_dim))
            self.register_buffer("pooled_mean", torch.zeros(pooled_dim))
            self.register_buffer("pooled_std", torch.ones(pooled_dim))
            self.register_buffer("pooled_offset_scale", torch.ones(()))

    def forward(
        self, tokens: Tensor, pooled: Tensor | None, content: Tensor, affect: AffectTokens
    ) -> tuple[Tensor, Tensor | None]:
        """tokens (B, K, D), K up to `max_tokens`; pooled (B, P) or None; content bool (B, K), the words.
        Returns the residuals, as large as the embeds, in their units, at every token."""
        x = self.tokens_in((tokens - self.mean) / self.std) + self.positions[: tokens.shape[1]]
        x = x + content[..., None] * self.content
        if pooled is not None:
            x = torch.cat([x, self.pooled_in((pooled - self.pooled_mean) / self.pooled_std)[:, None]], 1)
        modulation = self.modulate(affect.pooled).unflatten(-1, (9, -1))
        felt = self.affect_norm(affect.tokens)
        for block in self.blocks:
            x = block(x, felt, modulation)
        x = self.norm(x)
        if pooled is None:
            return self.offset_scale * self.tokens_out(x), None
        said, summed = x[:, :-1], x[:, -1]
        return self.offset_scale * self.tokens_out(said), self.pooled_offset_scale * self.pooled_out(summed)

    @torch.no_grad()
    def standardise(self, name: str, embeds: Tensor, offset_rms: float) -> None:
        """Sets what embeds are standardised by, from a sample (N, D) or (N, P), and the size of their
        offsets.

        name: "tokens" or "pooled".
        """
        prefix = "" if name == "tokens" else "pooled_"
        std = embeds.std(0)
        getattr(self, f"{prefix}mean").copy_(embeds.mean(0))
        # A channel that hardly varies is not noise to be blown up.
        getattr(self, f"{prefix}std").copy_(std.clamp(min=float(0.1 * std.mean()) + 1e-8))
        getattr(self, f"{prefix}offset_scale").fill_(max(offset_rms, 1e-8))
