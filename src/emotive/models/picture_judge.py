"""The network of the learned picture judge: a small convolutional regressor with a spread."""

from __future__ import annotations

from itertools import pairwise

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F


class _Residual(nn.Module):
    """x + conv(relu(norm(x))). The norm is inside the branch: absolute light and colour pass beside it."""

    def __init__(self, width: int, norm: bool):
        super().__init__()
        self.norm = nn.GroupNorm(8, width) if norm else nn.Identity()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(F.relu(self.norm(x)))


class PictureJudgeNetwork(ModelMixin, ConfigMixin):
    """Pictures (B, 3, size, size) in [-1, 1] -> mean (B, 2) and log standard deviation (B, 2).

    Columns are valence and arousal. The mean is not bounded: clip it to [-1, 1]. Two channels with x and y
    let it see where in the frame something is (a vignette, a dark sky). The head reads mean and deviation of
    every stage over the frame, from fine texture to layout: how a picture is made, rather than what it shows.
    `spread` are factors, valence and arousal, that calibration found for the standard deviation.
    """

    @register_to_config
    def __init__(
        self,
        size: int = 128,
        widths: tuple[int, ...] = (32, 64, 96, 128),
        hidden: int = 96,
        spread: tuple[float, float] = (1.0, 1.0),
    ):
        super().__init__()
        self.size = size
        x = torch.linspace(-1, 1, size)
        place = torch.stack(torch.meshgrid(x, x, indexing="xy"))[None]
        self.register_buffer("place", place, persistent=False)
        # A quarter of the side in one step: full resolution is most of the work and little of the answer.
        stages = [nn.Sequential(nn.Conv2d(5, widths[0], 8, 4, 2), _Residual(widths[0], norm=False))]
        for inputs, outputs in pairwise(widths):
            half = nn.Conv2d(inputs, outputs, 4, 2, 1)
            stages.append(nn.Sequential(nn.ReLU(), half, _Residual(outputs, norm=True)))
        self.stages = nn.ModuleList(stages)
        self.head = nn.Sequential(nn.Linear(2 * sum(widths), hidden), nn.ReLU(), nn.Linear(hidden, 4))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        place = self.place.to(pictures).expand(len(pictures), -1, -1, -1)  # pyright: ignore
        h, statistics = torch.cat([pictures, place], 1), []
        for stage in self.stages:
            h = stage(h)
            active = F.relu(h).flatten(2).float()
            # The small constant keeps the gradient of the root finite where a channel is silent.
            statistics += [active.mean(2), (active.var(2) + 1e-4).sqrt()]
        mean, log_sd = self.head(torch.cat(statistics, 1)).float().split(2, 1)
        factors = torch.tensor(self.config["spread"], device=log_sd.device).log()
        return mean, log_sd.clamp(-4.0, 1.0) + factors
