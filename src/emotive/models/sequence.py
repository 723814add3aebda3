"""What the networks over time share: attention to the neighbourhood, rotary time, modulation of each frame.

Activations are (B, N, D): N tokens in time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import rotate, zero


class Surroundings(NamedTuple):
    """present: bool (B, N). bias: added to attention, (B, 1, N, N), -inf where a token must not look.
    cos, sin: rotary positions, (N, head_dim / 2)."""

    present: Tensor
    bias: Tensor
    cos: Tensor
    sin: Tensor


class SequenceBlock(nn.Module):
    """Self-attention within a window, then a convolved MLP, with adaptive layer norms for every token.

    As `blocks.TransformerBlock`, but modulation (B, N, 6 D) differs from token to token, so that affect may
    change inside a sequence, and a depthwise convolution in the MLP sees the nearest tokens, where speech and
    movement are smoothest (Gulati et al. 2020, Conformer).
    """

    def __init__(self, dim: int, heads: int, expansion: int = 3, kernel: int = 5):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.query_norm = nn.RMSNorm(dim // heads)
        self.key_norm = nn.RMSNorm(dim // heads)
        self.out = zero(nn.Linear(dim, dim, bias=False))
        self.up = nn.Linear(dim, expansion * dim)
        self.local = nn.Conv1d(
            expansion * dim, expansion * dim, kernel, padding=kernel // 2, groups=expansion * dim
        )
        self.down = zero(nn.Linear(expansion * dim, dim))
        self.modulation = nn.Parameter(torch.zeros(6 * dim))

    def forward(self, x: Tensor, modulation: Tensor, around: Surroundings) -> Tensor:
        """modulation: (B or 1, N or 1, 6 D)."""
        b, n, d = x.shape
        m = (modulation + self.modulation).to(x.dtype)
        shift1, scale1, gate1, shift2, scale2, gate2 = m.chunk(6, -1)
        h = F.layer_norm(x, (d,)) * (1 + scale1) + shift1
        q, k, v = self.qkv(h).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q = rotate(self.query_norm(q) * (d // self.heads) ** -0.5, around.cos, around.sin).to(v.dtype)
        k = rotate(self.key_norm(k), around.cos, around.sin).to(v.dtype)
        weights = (q @ k.transpose(-1, -2) + around.bias.to(v.dtype)).softmax(-1).to(v.dtype)
        h = (weights @ v).transpose(1, 2).reshape(b, n, d)
        x = x + (1 + gate1) * self.out(h)
        h = F.layer_norm(x, (d,)) * (1 + scale2) + shift2
        h = self.up(h) * around.present[..., None]  # a convolution must not hear what is absent
        h = h + self.local(h.transpose(1, 2)).transpose(1, 2)
        return x + (1 + gate2) * self.down(F.relu(h).square())


def surroundings(present: Tensor, window: int, head_dim: int) -> Surroundings:
    """For tokens present, bool (B, N), that attend to others at most `window` away.

    Positions turn by one radian a token down to one in 256 tokens.
    """
    n = present.shape[1]
    at = torch.arange(n, device=present.device)
    allowed = ((at[:, None] - at).abs() <= window) & present[:, None, :]
    # An absent token looks at itself: a row of -inf alone would be NaN.
    allowed = allowed | torch.eye(n, dtype=torch.bool, device=present.device)
    bias = torch.zeros(allowed.shape, device=present.device).masked_fill(~allowed, -torch.inf)[:, None]
    frequencies = torch.exp(-torch.linspace(0.0, math.log(256.0), head_dim // 2, device=present.device))
    angles = at[:, None] * frequencies
    return Surroundings(present, bias, angles.cos(), angles.sin())


def kept(x: Tensor, where: Tensor) -> Tensor:
    """`x` (B, N, K) where it holds, bool (B, N), and 0 elsewhere, even where it is not finite."""
    return torch.where(where[..., None], x, torch.zeros((), dtype=x.dtype, device=x.device))
