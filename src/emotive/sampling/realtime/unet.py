"""The UNets of diffusers in real time: Stable Diffusion 1, 2, Turbo and XL, and latent consistency models.

What does not depend on the sample is computed before the steps:

    time        the timesteps are known, so the time embedding and its projection in every residual block
                become a table, a row a step. In Stable Diffusion XL the pooled embeds are part of it, and it
                is computed once for an affect.
    keys,       the projections of cross-attention are linear and have no bias, so those of a weighted mean of
    values      embeds are the weighted mean of those of each: projected once for a prompt at M anchors of
                affect, blended by M weights when the affect changes.

The UNet itself is called as it is, with the table where it expects a timestep and the keys and values where
it expects embeds, on a copy of its modules that shares every weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from torch.nn import functional as F

from emotive.affect import Affect
from emotive.errors import InputError

from .attention import check_attention
from .denoiser import Scene
from .schedule import StepSchedule
from .unet_hoisting import check_supported, set_attention, shared_copy, take_time, transformer_attentions


class AnchorEmbeds(NamedTuple):
    """tokens: (B, M, K, D), what B prompts are at M anchors of affect. pooled: (B, M, P), or None."""

    tokens: Tensor
    pooled: Tensor | None


class Anchors(Protocol):
    """Gives a UNet its prompts at a few points of affect, and other points as weighted means of these."""

    def embeds(self, prompts: Sequence[str]) -> AnchorEmbeds:
        """B prompts at the M anchors. Raises InputError for prompts that cannot be used."""
        ...

    def weights(self, affects: Sequence[Affect]) -> Tensor:
        """B affects as weights of the anchors: float32 (B, M), on the CPU, rows that sum to 1."""
        ...


class UNetDenoiser:
    """A `LiveDenoiser` of a UNet2DConditionModel, which stays as it is; the control is the anchors' weights.

    Args:
        unet: on its device. Weights are shared: what moves them or loads others into them spoils the tables.
        schedule: the steps.
        anchors: the prompts, at points of affect.
        cells: (h, w) of the latents; None is what the UNet was trained at.
        time_ids: for Stable Diffusion XL, height and width of the original in px, top and left of the crop,
            height and width of the picture.
        guidance: for latent consistency models, the scale that they were taught to imitate.
        hoist, channels_last, attention, kernels: see `Tuning`. Without hoist the UNet is called with blended
            embeds, as a pipeline calls it. channels_last lays out the weights, which `unet` shares, in that
            way.

    Raises InputError for a UNet that is not supported, or attention that cannot be had.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        schedule: StepSchedule,
        anchors: Anchors,
        *,
        cells: tuple[int, int] | None = None,
        time_ids: Sequence[float] | None = None,
        guidance: float = 8.5,
        hoist: bool = True,
        channels_last: bool = False,
        attention: str = "sdpa",
        kernels: bool = False,
    ):
        check_supported(unet)
        self.anchors, self.hoist, self.channels_last = anchors, hoist, channels_last
        self.device, self.dtype = unet.device, unet.dtype
        self.latent_shape = (int(unet.config["in_channels"]), *(cells or _trained_at(unet)))
        self.timesteps = schedule.timesteps.to(self.device)
        self.unet = shared_copy(unet)
        if channels_last:
            self.unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if kernels:
            from emotive.sampling.kernels.fused_blocks import with_kernels

            with_kernels(self.unet)
        self._guidance = self._time_ids = None
        if width := unet.config["time_cond_proj_dim"]:
            self._guidance = guidance_embedding(guidance - 1, width).to(self.device, self.dtype)
        if unet.config["addition_embed_type"] == "text_time":
            if time_ids is None or len(time_ids) != 6:
                raise InputError("a UNet of Stable Diffusion XL needs six time_ids: sizes and crop in px")
            self._time_ids = torch.tensor([time_ids], device=self.device, dtype=self.dtype)
        attentions = transformer_attentions(self.unet)
        widths = [attn.inner_dim // attn.heads for attn in attentions]
        check_attention(attention, self.device, self.dtype, widths)
        self._cross = [attn for attn in attentions if attn.is_cross_attention]
        set_attention(attentions, attention, cached=hoist)
        if not hoist:
            return
        with torch.no_grad():
            sinusoids = self.unet.time_proj(self.timesteps).to(self.dtype)
            self._embedded = self.unet.time_embedding(sinusoids, self._guidance)  # (S, E)
            if self._time_ids is not None:
                self._sizes = self.unet.add_time_proj(self._time_ids.flatten()).reshape(1, -1)
            self._projections = take_time(self.unet)
            self._table = self._projections(self._embedded[:, None]) if self._time_ids is None else None

    def scene(self, prompts: Sequence[str]) -> Scene:
        """bank: (B, M, N), keys and values of every layer at the anchors; or, without hoist, tokens: (B, M,
        K, D). pooled: (B, M, P), in Stable Diffusion XL."""
        tokens, pooled = self.anchors.embeds(prompts)
        tokens = tokens.to(self.device, self.dtype)
        if tokens.shape[-1] != self.unet.config["cross_attention_dim"]:
            raise InputError(
                f"the prompt's embeds have {tokens.shape[-1]} numbers a token and the UNet takes "
                f"{self.unet.config['cross_attention_dim']}: give the text encoder that belongs to it"
            )
        scene = {"bank": self.project(tokens)} if self.hoist else {"tokens": tokens}
        if self._time_ids is not None:
            if pooled is None:
                raise InputError("a UNet of Stable Diffusion XL needs pooled embeds: give its text encoders")
            scene["pooled"] = pooled.to(self.device, self.dtype)
        return scene

    def control(self, affects: Sequence[Affect]) -> Tensor:
        """The anchors' weights, float32 (B, M)."""
        return self.anchors.weights(affects)

    def condition(self, scene: Scene, control: Tensor) -> tuple[Tensor, ...]:
        """Tensors with S B rows, those of the first step first: (table, keys and values), or without hoist
        (timesteps, tokens[, pooled])."""
        steps, batch = len(self.timesteps), len(control)
        pooled = blend(scene["pooled"], control) if self._time_ids is not None else None
        if not self.hoist:
            parts = [blend(scene["tokens"], control), *([] if pooled is None else [pooled])]
            return (self.timesteps.repeat_interleave(batch), *(_at_every_step(part, steps) for part in parts))
        if pooled is None:
            assert self._table is not None
            table = self._table.expand(-1, batch, -1)
        else:
            table = self._projections(self._embedded[:, None] + self._embed_pooled(pooled))
        return table.flatten(0, 1), _at_every_step(blend(scene["bank"], control), steps)

    def draw(self, x: Tensor, *rows: Tensor) -> Tensor:
        """What the UNet predicts for x (R, C, h, w), from R rows of a condition; in the UNet's dtype."""
        time, text, *pooled = rows
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        x = x.to(self.dtype, memory_format=layout)
        if self.hoist:
            return self.unet(x, time, text, return_dict=False)[0]
        added = None
        if pooled:
            assert self._time_ids is not None
            added = {"text_embeds": pooled[0], "time_ids": self._time_ids.expand(len(x), -1)}
        guided = None if self._guidance is None else self._guidance.expand(len(x), -1)
        return self.unet(x, time, text, timestep_cond=guided, added_cond_kwargs=added, return_dict=False)[0]

    def project(self, tokens: Tensor) -> Tensor:
        """Tokens (..., K, D) -> (..., N): the keys, then the values of all K tokens, layer after layer."""
        parts = [p(tokens).flatten(-2) for attn in self._cross for p in (attn.to_k, attn.to_v)]
        return torch.cat(parts, -1)

    def _embed_pooled(self, pooled: Tensor) -> Tensor:
        """What pooled embeds (B, P) and the sizes add to the time embedding, (B, E)."""
        both = torch.cat([pooled, self._sizes.expand(len(pooled), -1)], -1)
        return self.unet.add_embedding(both.to(self.dtype))


def blend(anchors: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean of anchors (B, M, ...) by float32 weights (B, M), summed in float32: (B, ...)."""
    shape = weights.shape + (1,) * (anchors.ndim - 2)
    return (anchors * weights.view(shape)).sum(1).to(anchors.dtype)


def guidance_embedding(scale: float, width: int) -> Tensor:
    """How latent consistency models are told the guidance to imitate, less one: sinusoids of 1000 `scale`,
    (1, width) (Luo et al. 2023, after the timesteps of Vaswani et al. 2017)."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half) * -(math.log(10000.0) / max(half - 1, 1)))
    angles = 1000.0 * scale * frequencies
    return F.pad(torch.cat([angles.sin(), angles.cos()]), (0, width % 2))[None]


def _at_every_step(part: Tensor, steps: int) -> Tensor:
    """(B, ...) -> (S B, ...); without a copy where B is 1."""
    return part.expand(steps, *part.shape).flatten(0, 1)


def _trained_at(unet: UNet2DConditionModel) -> tuple[int, int]:
    size = unet.config["sample_size"] or 64
    height, width = size if isinstance(size, (list, tuple)) else (size, size)
    return int(height), int(width)
