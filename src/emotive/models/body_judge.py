"""The network of the learned judge of bodies: measures of a motion to valence, arousal and a spread."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F


class BodyJudgeNetwork(ModelMixin, ConfigMixin):
    """Features (B, features) -> mean (B, 2) and log standard deviation (B, 2) of valence and arousal.

    The mean is not bounded: clip it to [-1, 1]. `centre` and `scale` are the features' usual values and
    sizes, which are taken off and divided by. `spread` are factors, valence and arousal, that calibration
    found for the standard deviation.
    """

    @register_to_config
    def __init__(
        self,
        features: int = 30,
        hidden: int = 48,
        centre: tuple[float, ...] = (),
        scale: tuple[float, ...] = (),
        spread: tuple[float, float] = (1.0, 1.0),
    ):
        super().__init__()
        middles = torch.tensor(list(centre) or [0.0] * features, dtype=torch.float32)
        sizes = torch.tensor(list(scale) or [1.0] * features, dtype=torch.float32)
        self.register_buffer("middles", middles, persistent=False)
        self.register_buffer("sizes", sizes, persistent=False)
        self.first = nn.Linear(features, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.straight = nn.Linear(features, 2, bias=False)  # a linear judge, which the layers correct
        self.head = nn.Linear(hidden, 4)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        x = ((features - self.get_buffer("middles")) / self.get_buffer("sizes")).clamp(-4.0, 4.0)
        h = F.silu(self.second(F.silu(self.first(x))))
        answer, log_sd = self.head(h).split(2, 1)
        return answer + self.straight(x), log_sd.clamp(-4.0, 1.0)
