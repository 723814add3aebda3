"""Random networks of SD-Turbo's architecture, for arms that are compared by speed alone.

Weights are random, so nothing is fetched; they are scaled so that noise predictions and pictures vary as much
as trained ones do, for constant or vanishing numbers draw less power and flatter the clock.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from roofline import Work, count_decoder, count_unet
from torch import Tensor

SCALE = 8  # pixels a latent cell


@dataclass(frozen=True)
class Setting:
    """What all arms of a section do: how many steps, one after another or as a stream batch, how many at
    once."""

    name: str
    steps: int
    mode: str
    batch: int

    @property
    def title(self) -> str:
        """In words."""
        way = " as a stream batch" if self.mode == "stream" else ""
        return f"{self.steps} step{'s' * (self.steps > 1)}{way}, batch {self.batch}"


@dataclass(frozen=True)
class Architecture:
    """Configurations of `UNet2DConditionModel` and `AutoencoderTiny`; pictures `side` pixels wide and high; a
    prompt of `tokens`."""

    name: str
    unet: dict[str, Any]
    decoder: dict[str, Any] = field(default_factory=dict)
    side: int = 512
    tokens: int = 77

    @property
    def cells(self) -> int:
        """Latent cells a side."""
        return self.side // SCALE

    def sized(self, side: int) -> Architecture:
        """The same for pictures of another size."""
        return replace(self, side=side)

    def work(self, setting: Setting, dtype: torch.dtype) -> Work:
        """The work of one frame: every forward in full, and the decoder."""
        calls = 1 if setting.mode == "stream" else setting.steps
        rows = setting.batch * (setting.steps if setting.mode == "stream" else 1)
        forward = count_unet(self.unet, rows, self.cells, self.tokens, dtype)
        return forward.times(calls) + count_decoder(self.decoder, setting.batch, self.cells, dtype)


SD_TURBO = Architecture(
    "sd-turbo",
    {
        "sample_size": 64,
        "cross_attention_dim": 1024,
        "attention_head_dim": [5, 10, 20, 20],
        "use_linear_projection": True,
    },
)
TINY = Architecture(
    "tiny",
    {
        "sample_size": 32,
        "block_out_channels": [64, 128],
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
        "layers_per_block": 1,
        "cross_attention_dim": 64,
        "attention_head_dim": [2, 4],
        "use_linear_projection": True,
    },
    {"encoder_block_out_channels": [16] * 4, "decoder_block_out_channels": [16] * 4},
    side=128,
)
ARCHITECTURES = {a.name: a for a in (SD_TURBO, TINY)}


def seeded(build: Any, seed: int) -> Any:
    """What `build()` makes with torch's own random stream at `seed`, which is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build()


class Networks:
    """The networks of an architecture on the host; every arm takes copies, for arms change what they run."""

    def __init__(self, architecture: Architecture, device: torch.device, dtype: torch.dtype):
        self.architecture, self.device, self.dtype = architecture, device, dtype

    @cached_property
    def unet(self) -> Any:
        """In evaluation mode, answering noise with unit variance."""
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        unet = seeded(lambda: UNet2DConditionModel(**self.architecture.unet), 0).eval().requires_grad_(False)
        x = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1))
        out = unet(x, torch.tensor([999.0]), self.words.float().cpu(), return_dict=False)[0]
        unet.conv_out.weight.div_(out.std())
        unet.conv_out.bias.div_(out.std())
        return torch.nn.Module.to(
            unet, self.dtype
        )  # diffusers' `to` warns of float32 parts that are not there

    @cached_property
    def vae(self) -> Any:
        """In evaluation mode; its pictures have a mean of 0.5 and a deviation of 0.2, of 0..1."""
        from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

        vae = seeded(lambda: AutoencoderTiny(**self.architecture.decoder), 1).eval().requires_grad_(False)
        last = vae.decoder.layers[-1]
        x = 2 * torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(2))
        out = vae.decode(x, return_dict=False)[0].mul(0.5).add(0.5)  # what the last convolution made
        gain = 0.2 / out.std((0, 2, 3))
        shift = 0.5 - gain * out.mean((0, 2, 3))
        last.weight.mul_(gain.view(-1, 1, 1, 1))
        last.bias.mul_(gain).add_(shift)
        return torch.nn.Module.to(vae, self.dtype)

    @cached_property
    def words(self) -> Tensor:
        """Embeddings of a prompt, (1, tokens, D), on the device."""
        shape = 1, self.architecture.tokens, self.architecture.unet["cross_attention_dim"]
        words = torch.randn(shape, generator=torch.Generator().manual_seed(3))
        return words.to(self.device, self.dtype)

    def copies(self) -> tuple[Any, Any]:
        """UNet and decoder of one's own, on the device."""
        return copy.deepcopy(self.unet).to(self.device), copy.deepcopy(self.vae).to(self.device)

    def scheduler(self, steps: int) -> Any:
        """Of diffusers: SD-Turbo's own (Euler) for one step, latent consistency for more, on its noise
        levels."""
        from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
        from diffusers.schedulers.scheduling_lcm import LCMScheduler

        euler = EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="trailing"
        )
        return euler if steps == 1 else LCMScheduler.from_config(euler.config)
