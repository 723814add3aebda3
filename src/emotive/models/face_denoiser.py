"""The face denoiser: noisy motion, what is heard, affect, style -> clean motion of a face, 30 tokens/s.

As the other denoisers it predicts what is clean, x0; the velocity follows as u = (x - x0) / sigma. The noise
level belongs to each token: history comes in clean, at sigma 0, and what follows joins on to it (Chen et al.
2024, "Diffusion forcing"). Closed lips, lips at the teeth and the sound that is spoken are yes or no, and
outputs of their own.
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

POSE = 8  # rotation 3, translation 3, gaze 2


class FaceConditions(NamedTuple):
    """What is known besides noise, of B faces over N tokens.

    heard: (B, N, 172), see `voice.listening`; what it holds where `hears` is False does not matter.
    hears: bool (B, N): whether the sound of a token was heard already.
    affect: pooled vectors of the affect embedding, (B, N, pooled).
    style: (B, styles), about normal.
    visemes: (B, N, 15), the share of each token that each of `face.visemes.VISEMES` takes, where the phones
        are known; anything where they are not.
    knows: bool (B, N): whether they are.
    without_affect, without_style: bool (B,), where their nulls stand in.
    present: bool (B, N), False beyond the end.
    """

    heard: Tensor
    hears: Tensor
    affect: Tensor
    style: Tensor
    visemes: Tensor
    knows: Tensor
    without_affect: Tensor
    without_style: Tensor
    present: Tensor

    def to(self, device: torch.device | str) -> FaceConditions:
        """The same on another device."""
        return FaceConditions(*(part.to(device) for part in self))


class FacePrediction(NamedTuple):
    """clean: (B, N, channels). closure, contact: logits (B, N). visemes: logits (B, N, 15)."""

    clean: Tensor
    closure: Tensor
    contact: Tensor
    visemes: Tensor


class FaceDenoiser(ModelMixin, ConfigMixin):
    """x0 from x_sigma = (1 - sigma) x0 + sigma eps over motion latents (B, N, latents + 8).

    The first `latents` channels are blendshapes in a linear basis, weights = `mean` + z @ `basis`; the last
    eight are pose (`pose_mean`, `pose_deviation`). See `encode` and `decode`.
    """

    mean: Tensor
    basis: Tensor
    inverse: Tensor
    pose_mean: Tensor
    pose_deviation: Tensor

    @register_to_config
    def __init__(
        self,
        shapes: int = 52,
        latents: int = 28,
        heard: int = 172,
        styles: int = 6,
        visemes: int = 15,
        dim: int = 160,
        layers: int = 6,
        heads: int = 4,
        window: int = 48,
        affect_pooled_dim: int = 128,
        affect_sha256: str = "",
        guidance_defaults: tuple[float, float] = (1.0, 1.0),
    ):
        super().__init__()
        self.dim, self.heads, self.window, self.latents = dim, heads, window, latents
        channels = latents + POSE
        self.stem = nn.Linear(channels, dim)
        self.listen = MLP(heard, dim)
        self.unheard = nn.Parameter(torch.zeros(dim))
        self.speak = nn.Linear(visemes, dim)
        self.unknown = nn.Parameter(torch.zeros(dim))
        self.sigma_embedding = MLP(64, dim)
        self.affect_projection = MLP(affect_pooled_dim, dim)
        self.null_affect = nn.Parameter(torch.zeros(dim))
        self.style_projection = nn.Linear(styles, dim)
        self.null_style = nn.Parameter(torch.zeros(dim))
        self.modulation = zero(nn.Linear(dim, 6 * dim))
        self.blocks = nn.ModuleList(SequenceBlock(dim, heads) for _ in range(layers))
        self.out = zero(nn.Linear(dim, channels))
        self.said = nn.Linear(dim, 2 + visemes)
        self.register_buffer("mean", torch.zeros(shapes))
        self.register_buffer("basis", torch.zeros(latents, shapes))
        self.register_buffer("inverse", torch.zeros(shapes, latents))
        self.register_buffer("pose_mean", torch.zeros(POSE))
        self.register_buffer("pose_deviation", torch.ones(POSE))

    def encode(self, weights: Tensor, pose: Tensor) -> Tensor:
        """Latents (..., latents + 8) of blendshapes (..., 52) and pose (..., 8)."""
        z = (weights - self.mean) @ self.inverse
        return torch.cat([z, (pose - self.pose_mean) / self.pose_deviation], -1)

    def decode(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Blendshapes (..., 52), not yet within [0, 1], and pose (..., 8) of latents; float32."""
        z, pose = latents.float().split([self.latents, POSE], -1)
        weights = self.mean.float() + z @ self.basis.float()
        return weights, self.pose_mean.float() + pose * self.pose_deviation.float()

    def forward(self, sample: Tensor, sigma: Tensor, conditions: FaceConditions) -> FacePrediction:
        """The clean motion and what is said.

        Args:
            sample: x_sigma, (B, N, latents + 8).
            sigma: (B, N), 0 where the sample is clean history, otherwise in (0, 1].
        """
        c, dtype = conditions, self.stem.weight.dtype
        b, n, _ = sample.shape
        sound = torch.where(c.hears[..., None], self.listen(kept(c.heard, c.hears).to(dtype)), self.unheard)
        phones = torch.where(c.knows[..., None], self.speak(kept(c.visemes, c.knows).to(dtype)), self.unknown)
        h = self.stem(sample.to(dtype)) + sound.to(dtype) + phones.to(dtype)
        feeling = self.affect_projection(c.affect.to(dtype))
        feeling = torch.where(c.without_affect[:, None, None], self.null_affect.to(feeling.dtype), feeling)
        style = self.style_projection(c.style.to(dtype))
        style = torch.where(c.without_style[:, None], self.null_style.to(style.dtype), style)
        features = fourier_features(6.2832 * sigma.reshape(-1), 32, 100.0)
        level = self.sigma_embedding(features.to(dtype)).view(b, n, -1)
        modulation = self.modulation(F.silu(feeling + level + style[:, None]))
        around = surroundings(c.present, self.window, self.dim // self.heads)
        for block in self.blocks:
            h = block(h, modulation, around)
        h = F.layer_norm(h, h.shape[-1:])
        said = self.said(h)
        return FacePrediction(self.out(h), said[..., 0], said[..., 1], said[..., 2:])
