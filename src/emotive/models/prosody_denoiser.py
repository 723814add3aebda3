"""The prosody denoiser: noisy prosody controls, a recording, affect -> clean controls.

What `voice.prosody.apply` takes, four frames at a time. It hears a recording as its pitch, voicing, level and
coarse spectrum, all relative to the recording itself, so that it needs no words and knows no speaker.
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import MLP, fourier_features, zero
from .sequence import SequenceBlock, surroundings

FRAMES = 4  # of the vocoder to one token
HEARD = 10  # features of a frame


class ProsodyDenoiser(ModelMixin, ConfigMixin):
    """x0 from x_sigma = (1 - sigma) x0 + sigma eps over controls (B, N, controls), N = T / `FRAMES`.

    Controls are divided by `deviation` (controls,); their mean is 0, which is neutral.
    """

    deviation: Tensor

    @register_to_config
    def __init__(
        self,
        controls: int = 10,
        dim: int = 80,
        layers: int = 4,
        heads: int = 4,
        window: int = 64,
        affect_pooled_dim: int = 128,
        affect_sha256: str = "",
    ):
        super().__init__()
        self.dim, self.heads, self.window = dim, heads, window
        self.stem = nn.Linear(controls, dim)
        self.heard = MLP(FRAMES * HEARD, dim)
        self.sigma_embedding = MLP(32, dim)
        self.affect_projection = MLP(affect_pooled_dim, dim)
        self.null_affect = nn.Parameter(torch.zeros(dim))
        self.modulation = zero(nn.Linear(dim, 6 * dim))
        self.blocks = nn.ModuleList(SequenceBlock(dim, heads) for _ in range(layers))
        self.out = zero(nn.Linear(dim, controls))
        self.register_buffer("deviation", torch.ones(controls))

    def forward(
        self,
        sample: Tensor,
        sigma: Tensor,
        heard: Tensor,
        affect: Tensor,
        present: Tensor,
        without_affect: Tensor,
    ) -> Tensor:
        """The clean controls (B, N, controls).

        Args:
            sample: x_sigma, (B, N, controls).
            sigma: (B,), in (0, 1].
            heard: (B, N, FRAMES * HEARD), see `voice.hearing.heard`.
            affect: pooled vectors of the affect embedding, (B, N, pooled).
            present: bool (B, N), False beyond the end.
            without_affect: bool (B,), where the null stands in.
        """
        dtype = self.stem.weight.dtype
        feeling = self.affect_projection(affect.to(dtype))
        feeling = torch.where(without_affect[:, None, None], self.null_affect.to(feeling.dtype), feeling)
        level = self.sigma_embedding(fourier_features(6.2832 * sigma, 16, 100.0).to(dtype))
        modulation = self.modulation(F.silu(feeling + level[:, None]))
        around = surroundings(present, self.window, self.dim // self.heads)
        h = self.stem(sample.to(dtype)) + self.heard(heard.to(dtype))
        for block in self.blocks:
            h = block(h, modulation, around)
        return self.out(F.layer_norm(h, h.shape[-1:]))
