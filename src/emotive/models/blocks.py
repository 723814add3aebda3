"""Building blocks that the networks share. Activations are (B, C, H, W) or (B, N, D)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def fourier_features(x: Tensor, count: int, highest: float) -> Tensor:
    """(B,) -> (B, 2 * count): sines and cosines at `count` frequencies from 1 to `highest`, geometric."""
    frequencies = torch.exp(torch.linspace(0.0, math.log(highest), count, device=x.device))
    angles = x.float()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)


def zero(module: nn.Linear | nn.Conv2d) -> nn.Linear | nn.Conv2d:
    """Starts a layer at zero, so that its branch starts as the identity."""
    nn.init.zeros_(module.weight)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    return module


class MLP(nn.Sequential):
    """Linear, SiLU, Linear."""

    def __init__(self, inputs: int, width: int, outputs: int | None = None):
        super().__init__(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, outputs or width))


class ConvBlock(nn.Module):
    """Residual 3x3 convolutions, scaled and shifted in the middle by a condition vector (FiLM)."""

    def __init__(self, channels: int, condition: int):
        super().__init__()
        self.channels = channels
        self.norm = nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = zero(nn.Linear(condition, 2 * channels))
        self.second = zero(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        """film: (B, 2 C), what `scale_shift` makes of the condition."""
        scale, shift = film[:, :, None, None].chunk(2, 1)
        h = self.first(F.silu(self.norm(x)))
        return x + self.second(F.silu(torch.addcmul(shift, scale, h)))

    def scale_shift(self, condition: Tensor) -> Tensor:
        """(B, D) -> factors around 1 and what is added, (B, 2 C)."""
        scale, shift = self.film(condition).chunk(2, 1)
        return torch.cat([1 + scale, shift], 1)


class TransformerBlock(nn.Module):
    """Attention over picture tokens and condition tokens together, then an MLP, with adaptive layer norms.

    The six modulation vectors come from one projection that all blocks share, plus a bias of each block's
    own (PixArt-alpha, Chen et al. 2023, "adaLN-single"). Queries and keys are normalised (ViT-22B, Dehghani
    et al. 2023) and rotated by position in two dimensions. The MLP squares its ReLU (So et al. 2021), which
    on a CPU costs a fraction of GELU.
    """

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.condition_kv = nn.Linear(dim, 2 * dim, bias=False)
        self.query_norm = nn.RMSNorm(dim // heads)
        self.key_norm = nn.RMSNorm(dim // heads)
        self.out = zero(nn.Linear(dim, dim, bias=False))
        self.up = nn.Linear(dim, 4 * dim)
        self.down = zero(nn.Linear(4 * dim, dim))
        self.modulation = nn.Parameter(torch.zeros(6, dim))

    def keys_values(self, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Condition tokens (B, N, D) -> their keys and values (B, heads, N, D / heads)."""
        ck, cv = self.condition_kv(condition).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.key_norm(ck).to(cv.dtype), cv

    def forward(
        self, x: Tensor, keys: Tensor, values: Tensor, modulation: Tensor, cos: Tensor, sin: Tensor
    ) -> Tensor:
        """keys, values: of the condition tokens, from `keys_values`. modulation: (B, 6, D): what is added, a
        factor and a gate, for attention and for the MLP."""
        b, n, d = x.shape
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation.to(x.dtype)[:, :, None].unbind(1)
        h = torch.addcmul(shift1, scale1, F.layer_norm(x, (d,)))
        qkv = self.qkv(h).view(b, n, 3, self.heads, -1)
        q, k = self._normed_rotated(qkv[:, :, :2], cos, sin).permute(2, 0, 3, 1, 4)
        v = qkv[:, :, 2].transpose(1, 2)
        k, v = torch.cat([k, keys], 2), torch.cat([v, values], 2)
        weights = (q @ k.transpose(-1, -2)).softmax(-1).to(v.dtype)  # over 72 keys plain attention is fastest
        h = (weights @ v).transpose(1, 2).reshape(b, n, d)
        x = torch.addcmul(x, gate1, self.out(h))
        h = F.relu(self.up(torch.addcmul(shift2, scale2, F.layer_norm(x, (d,)))))
        return torch.addcmul(x, gate2, self.down(h * h))

    def _normed_rotated(self, qk: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Queries and keys (B, N, 2, heads, size), normalised as `nn.RMSNorm` does it, and rotated; queries
        are divided by the root of their size, too. Both at once: on a CPU every small operation counts."""
        size = qk.shape[-1]
        weight = torch.stack([self.query_norm.weight * size**-0.5, self.key_norm.weight])[:, None]
        x = qk.float()
        x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + torch.finfo(torch.float32).eps) * weight
        return rotate(x, cos[:, None, None], sin[:, None, None]).to(qk.dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding: x (..., D); cos and sin (..., D / 2), broadcast."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


def rotary_grid(side: int, head_dim: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (side * side, head_dim / 2) for a square grid: half the angles follow y, half x."""
    y, x = torch.meshgrid(*[(torch.arange(side) + 0.5) / side] * 2, indexing="ij")
    frequencies = torch.exp(torch.linspace(0.0, math.log(16.0), head_dim // 4))
    angles = torch.cat([y.reshape(-1, 1) * 4 * frequencies, x.reshape(-1, 1) * 4 * frequencies], 1)
    return angles.cos(), angles.sin()
