"""How unlike two small pictures are to the eye: contours, local contrast, features of the denoiser itself.

A squared error alone is least for the mean of all pictures that a noise could become, and the mean is soft:
where a contour may lie here or there, it asks for a ramp. These three ask for a contour.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emotive.models.image_denoiser import ImageDenoiser

from .image_losses import Generator

DEPTH = 3  # transformer blocks whose answer is looked at
WINDOWS = (4, 8)  # cells a side, in which contrast is pooled


def contours(drawn: Tensor, wanted: Tensor) -> Tensor:
    """(B,): how far the differences between neighbouring cells are apart, an L1 that is smooth at 0."""
    apart = [(drawn.diff(dim=dim) - wanted.diff(dim=dim)).square() for dim in (2, 3)]
    return torch.stack([(square + 1e-6).sqrt().mean((1, 2, 3)) for square in apart]).sum(0)


def contrast(picture: Tensor) -> list[Tensor]:
    """How strong the contours are around a place, wherever exactly they lie: the root mean square of
    differences in each of WINDOWS, (B, 1, h, w)."""
    rows, columns = picture.diff(dim=2)[..., :-1].square(), picture.diff(dim=3)[:, :, :-1].square()
    power = (rows + columns).sum(1, keepdim=True)
    return [(F.avg_pool2d(power, side, side // 2) + 1e-4).sqrt() for side in WINDOWS]


def contrasts(drawn: Tensor, wanted: Tensor) -> Tensor:
    """(B,): how far `contrast` is apart."""
    pairs = zip(contrast(drawn), contrast(wanted), strict=True)
    return torch.stack([(a - b).abs().mean((1, 2, 3)) for a, b in pairs]).mean(0)


class Features(nn.Module):
    """Feature maps of the first half of a frozen denoiser: at 32, 16 and 8 cells a side.

    Of a diffusion model, its own features are a perceptual distance (Lin & Yang 2023, "Diffusion Model with
    Perceptual Loss"): they know the words and the affect, and no other network is needed.
    """

    def __init__(self, generator: Generator):
        super().__init__()
        self._generator = [generator]  # in a list: not a submodule, so neither trained nor saved

    def forward(self, x: Tensor, sigma: Tensor, ids: Tensor, affect: Tensor) -> list[Tensor]:
        """x_sigma (B, 3, H, W), with its noise level, words and affect -> maps (B, C, h, w)."""
        generator = self._generator[0]
        denoiser: ImageDenoiser = generator.denoiser
        with torch.no_grad():
            with torch.autocast(x.device.type, enabled=False):
                feeling = generator._affect[0](affect)
            never = torch.zeros(len(x), dtype=torch.bool, device=x.device)
            ones = torch.ones(len(x), 2, device=x.device)
            text = generator.text_encoder(ids)
            hoisted = denoiser.hoist(*denoiser.condition(sigma, sigma, text, feeling, never, ones))
        c0, c1 = denoiser.config["channels"]
        first = denoiser.encode0(denoiser.stem(F.pixel_unshuffle(x, 2)), hoisted.film[:, : 2 * c0])
        film = hoisted.film[:, 2 * c0 : 2 * (c0 + c1)]
        second = denoiser.encode1(denoiser.down0(F.pixel_unshuffle(first, 2)), film)
        h = denoiser.down1(F.pixel_unshuffle(second, 2))
        b, d, rows, columns = h.shape
        h = h.flatten(2).transpose(1, 2) + denoiser.position
        for i, block in enumerate(denoiser.blocks[:DEPTH]):
            modulation, keys, values = (part[:, i] for part in hoisted[1:])
            h = block(h, keys, values, modulation, denoiser.cos, denoiser.sin)
        third = F.layer_norm(h, (d,)).transpose(1, 2).reshape(b, d, rows, columns)
        return [first, second, third]


def unlikeness(maps: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """The squared difference of feature maps, each beside the variance of the wanted one: a sum over maps."""
    pairs = [(a.float(), b.float()) for a, b in zip(maps, wanted, strict=True)]
    return torch.stack([(a - b).square().mean() / b.var().clamp_min(1e-6) for a, b in pairs]).sum()
