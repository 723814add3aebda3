"""The picture decoder: 64px -> 512px, drawing crisp contours where the small picture only hints at them."""

from __future__ import annotations

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import zero


class _Residual(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = zero(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(F.silu(x))))


class ImageDecoder(ModelMixin, ConfigMixin):
    """(B, 3, 64, 64) in [-1, 1] -> (B, 3, 512, 512), a residual on bilinear enlargement."""

    @register_to_config
    def __init__(self, channels: tuple[int, int, int] = (64, 32, 16)):
        super().__init__()
        c0, c1, c2 = channels
        self.stem = nn.Conv2d(3, c0, 3, padding=1)
        self.stage0 = nn.Sequential(_Residual(c0), _Residual(c0))
        self.up0 = nn.Conv2d(c0, 4 * c1, 1)
        self.stage1 = _Residual(c1)
        self.up1 = nn.Conv2d(c1, 4 * c2, 1)
        self.stage2 = nn.Conv2d(c2, c2, 3, padding=1)
        self.out = zero(nn.Conv2d(c2, 12, 3, padding=1))

    def detail(self, sample: Tensor) -> Tensor:
        """What is added to the enlarged picture, (B, 12, 256, 256); `F.pixel_shuffle` puts it in place."""
        h = self.stage0(self.stem(sample))
        h = self.stage1(F.pixel_shuffle(self.up0(F.silu(h)), 2))
        h = F.pixel_shuffle(self.up1(F.silu(h)), 2)
        h = h + self.stage2(F.silu(h))
        return self.out(F.silu(h))

    def forward(self, sample: Tensor) -> Tensor:
        enlarged = F.interpolate(sample, scale_factor=8, mode="bilinear", align_corners=False)
        return F.pixel_shuffle(self.detail(sample), 2) + enlarged
