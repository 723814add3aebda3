"""Surface texture, laid on a finished picture: paper at rest, brush strokes as arousal grows.

Texture is fine and regular, so a network would spend itself on it for nothing; and its energy is one of the
correlates of arousal (Machajdik & Hanbury 2010), so it follows the requested affect exactly.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

CPU = torch.device("cpu")


def _grain(side: int, angle: float, stretch: float) -> Tensor:
    """Band-passed noise (side, side) of unit variance, drawn out `stretch` times along `angle` (radians)."""
    generator = torch.Generator().manual_seed(0)
    frequency = torch.fft.fftfreq(side) * side * 512 / side  # cycles per picture of 512
    fy, fx = torch.meshgrid(frequency, frequency, indexing="ij")
    c, s = torch.cos(torch.tensor(angle)), torch.sin(torch.tensor(angle))
    along, across = (c * fx + s * fy) * stretch, (c * fy - s * fx)
    f = (along.square() + across.square()).sqrt()
    band = torch.exp(-((f.clamp(min=1.0).log() - torch.tensor(75.0).log()) / 0.75).square())
    noise = torch.fft.fft2(torch.randn(side, side, generator=generator))
    grain = torch.fft.ifft2(noise * band).real
    return grain / grain.std()


@lru_cache(maxsize=4)
def texture_fields(side: int, device: torch.device = CPU) -> tuple[Tensor, Tensor]:
    """What is laid on a picture at the lowest arousal (paper) and at the highest (brush strokes), float32
    (side, side), as part of full light."""
    paper, up, down = (_grain(side, *of) for of in ((0.0, 1.3), (-0.6, 5.0), (0.7, 5.0)))
    return (0.013 * paper).to(device), (0.022 * (0.75 * up + 0.65 * down)).to(device)


def lay_texture(
    pictures: Tensor, arousal: Tensor, amount: float = 1.0, fields: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """Pictures (B, 3, H, H) in [0, 1], with texture.

    `arousal` is (B,) in [-1, 1]; `amount` 0 is none, 1 as meant. `fields` are `texture_fields`, if at hand.
    """
    if amount == 0:
        return pictures
    fields = fields or texture_fields(pictures.shape[-1], pictures.device)
    paper, strokes = (field.to(pictures.dtype) for field in fields)
    a = (arousal.to(pictures).clamp(-1, 1)[:, None, None] + 1) / 2
    grain = (1 - a) * paper + a * strokes
    light = pictures.mean(1)
    # Strongest in the middle tones, as pigment is; highlights and blacks stay clean.
    return (pictures + (amount * grain * (0.35 + 2.6 * light * (1 - light)))[:, None]).clamp(0, 1)
