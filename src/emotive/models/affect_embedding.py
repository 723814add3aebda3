"""The affect embedding: the one coordinate system that every model of Emotive is conditioned on."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from emotive.errors import InputError


class AffectTokens(NamedTuple):
    """tokens (..., n_tokens, dim) to attend to, pooled (..., pooled_dim) to modulate with. float32."""

    tokens: Tensor
    pooled: Tensor


class AffectEmbedding(ModelMixin, ConfigMixin):
    """Points of affect (..., 3) -> tokens and a pooled vector.

    Fixed random Fourier features (Rahimi & Recht 2007; Tancik et al. 2020) of valence, arousal and dominance,
    beside the coordinates themselves, then an MLP. `length_scale` is the distance over which a feature
    changes along each axis: twice the uncertainty of a named point. An unset dominance is NaN; it is masked,
    and the mask is a feature, so that unset is not the same as 0.

    Trained once and frozen: models project it, and record its `fingerprint`. It computes in float32 whatever
    dtype it is asked to take: bfloat16 near 1 has steps of 0.004 to 0.008, which the Fourier features
    multiply, and a smooth path through affect would become a staircase.

    >>> embedding = AffectEmbedding()
    >>> embedding(torch.tensor([0.6, -0.2, float("nan")])).pooled.shape
    torch.Size([128])
    """

    @register_to_config
    def __init__(
        self,
        n_tokens: int = 4,
        dim: int = 64,
        pooled_dim: int = 128,
        width: int = 160,
        n_frequencies: int = 64,
        length_scale: tuple[float, float, float] = (0.4, 0.7, 0.5),
    ):
        super().__init__()
        self.n_tokens, self.dim, self.pooled_dim = n_tokens, dim, pooled_dim
        # The frequencies are part of the architecture: the same for every seed, and kept with the weights.
        normal = torch.randn(3, n_frequencies, generator=torch.Generator().manual_seed(0))
        self.register_buffer("frequencies", normal / torch.tensor(length_scale)[:, None])  # rad per unit
        self.mlp = nn.Sequential(
            nn.Linear(2 * n_frequencies + 4, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, pooled_dim + n_tokens * dim),
        )

    def forward(self, affect: Tensor) -> AffectTokens:
        """affect: (..., 3) valence, arousal, dominance in [-1, 1]; a dominance that is NaN is unset."""
        if affect.ndim == 0 or affect.shape[-1] != 3:
            raise InputError(f"affect must be (..., 3), not {tuple(affect.shape)}")
        plane, dominance = affect.float().split([2, 1], -1)
        unset = dominance.isnan()
        # Masked before any arithmetic: NaN times 0 is NaN, in gradients too.
        point = torch.cat([plane, dominance.masked_fill(unset, 0.0)], -1)
        with torch.autocast(affect.device.type, enabled=False):
            angles = point @ self.frequencies
            out = self.mlp(torch.cat([point, unset.float(), angles.sin(), angles.cos()], -1))
        pooled, tokens = out.split([self.pooled_dim, self.n_tokens * self.dim], -1)
        return AffectTokens(tokens.unflatten(-1, (self.n_tokens, self.dim)), pooled)

    def fingerprint(self) -> str:
        """sha256 over names, shapes and little-endian float32 values: what dependent models check."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().float().numpy().astype("<f4").tobytes())
        return digest.hexdigest()

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, **kwargs) -> AffectEmbedding:
        """As in diffusers, but always in float32: a `dtype` is for the rest of the pipeline."""
        kwargs = {key: value for key, value in kwargs.items() if key not in ("torch_dtype", "dtype")}
        return super().from_pretrained(pretrained_model_name_or_path, dtype=torch.float32, **kwargs)

    def _apply(self, fn, recurse: bool = True):
        """Lets `to`, `half`, a parent's `to` and the like move the weights, but not change their dtype."""

        def move(tensor: Tensor) -> Tensor:
            probe = fn(tensor[:0])
            return fn(tensor) if probe.dtype == tensor.dtype else tensor.to(probe.device)

        return super()._apply(move, recurse)
