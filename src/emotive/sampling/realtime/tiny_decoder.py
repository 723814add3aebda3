"""Latents of diffusion models to pixels, by diffusers' autoencoders."""

from __future__ import annotations

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from torch import Tensor

from emotive.errors import InputError

from .output import packed


class TinyDecoder:
    """A `LiveDecoder` of an AutoencoderTiny (TAESD: a twentieth of the work of a UNet step at 512 px), or of
    an AutoencoderKL, a diffusion model's own: finer in detail, and slower than three such steps.

    vae: on its device; it stays as it is, except that `channels_last` lays its weights out in that way.
    kernels: see `Tuning`.

    Raises InputError for another autoencoder.
    """

    opaque = False

    def __init__(
        self, vae: AutoencoderTiny | AutoencoderKL, channels_last: bool = False, kernels: bool = False
    ):
        if not isinstance(vae, (AutoencoderTiny, AutoencoderKL)):
            raise InputError(
                f"a decoder is an AutoencoderTiny or an AutoencoderKL of diffusers, not {type(vae).__name__}"
            )
        if hasattr(vae, "_hf_hook"):
            raise InputError(
                "the autoencoder is offloaded: open it without offload, real time needs it in place"
            )
        if channels_last:
            vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.vae, self.channels_last = vae, channels_last
        self._pack = packed
        if kernels:
            from emotive.sampling.kernels.pack_uint8 import pack_uint8

            self._pack = pack_uint8
        self.channels = int(vae.config["latent_channels"])
        self.scale = 1 / float(vae.config["scaling_factor"])
        self.shift = float(vae.config.get("shift_factor") or 0.0)

    def __call__(self, latents: Tensor, control: Tensor) -> Tensor:
        """Latents (B, C, h, w), as a diffusion model has them, whatever the affect -> uint8 (B, H, W, 3), as
        diffusers' pipelines round it."""
        z = latents * self.scale + self.shift if self.scale != 1 or self.shift else latents
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        z = z.to(self.vae.dtype, memory_format=layout)
        return self._pack(self.vae.decode(z, return_dict=False)[0])  # type: ignore[arg-type]
