"""Diffusers pipelines with a UNet in real time: SD-Turbo, SDXL-Turbo, latent consistency models.

pipe = with_affect(open_backbone("stabilityai/sd-turbo", dtype="fp16"))
sampler = backbone_sampler(pipe, decoder="madebyollin/taesd")
sampler.prepare("a house by the sea", "serenity")
"""

from __future__ import annotations

import functools
import inspect
import itertools
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from safetensors import SafetensorError
from torch import Tensor

from emotive.affect import Affect
from emotive.backbones.adapter import Part, PromptEmbeds, Prompts, check_strength, only
from emotive.backbones.families import family_of
from emotive.backbones.sampling_defaults import check_size, sampling_defaults
from emotive.errors import InputError, WeightsError
from emotive.sampling.realtime.from_scheduler import scheduler_steps
from emotive.sampling.realtime.sampler import RealtimeSampler
from emotive.sampling.realtime.tiny_decoder import TinyDecoder
from emotive.sampling.realtime.tuning import Tuning
from emotive.sampling.realtime.unet import AnchorEmbeds, Anchors, UNetDenoiser

from .with_affect import AffectCall, plain_embeds

# Values of valence and of arousal at which an adapter is asked, and of dominance; by the adapter's name.
# Between them embeds are blended: exact for directions, which are linear; for `blend`, whose weights are
# linear between -1, 0 and 1, exact but for its blending predictions where this blends embeds.
GRIDS = {"directions": (2, 2), "blend": (3, 0)}
OTHERS = (5, 0)  # mappers and EmotiCrafter, which bend
MOST_ANCHORS = 33  # along an axis


def backbone_sampler(
    pipe: Any,
    steps: int | None = None,
    mode: str = "sequential",
    batch: int = 1,
    tuning: Tuning | None = None,
    *,
    anchors: int | None = None,
    affect_strength: float = 1.0,
    guidance_scale: float | None = None,
    size: tuple[int, int] | None = None,
    decoder: Any = None,
) -> RealtimeSampler:
    """A `RealtimeSampler` over a diffusers pipeline with a UNet, which stays as it is. Once it exists,
    loading or fusing LoRAs, or moving the pipeline, asks for a new one.

    Affect comes from the adapter that `with_affect` attached. It is asked at a grid of points, once for a
    prompt, and in between its embeds are blended; an adapter that blends predictions (`blend`) has its
    embeds blended instead, which is another picture, though between the same poles. Dominance reaches a
    picture through "directions"; other adapters are asked with dominance unset.

    Args:
        pipe: of Stable Diffusion 1, 2 or XL, or a latent consistency model, text to image, on its device.
        steps: None is what the model is made for.
        mode, batch, tuning: see `RealtimeSampler`.
        anchors: points of the grid along valence and along arousal, 2..33; None is 2 for directions, 3 for
            blend, 5 for adapters that bend.
        affect_strength: 0 is the pipeline without affect; 1 the affect as given; up to 10.
        guidance_scale: none (0 or 1) but for latent consistency models, which imitate guidance in one
            prediction. None is what the model is made for.
        size: (width, height) in px; None is what the model was trained at.
        decoder: an AutoencoderTiny, or its folder or hub id; None is the pipeline's own autoencoder, which
            at 512 px is more work than three steps of the UNet.

    Raises:
        InputError: the pipeline, its scheduler or an argument cannot be honoured.
        WeightsError: the decoder cannot be opened.
    """
    unet = _unet_of(pipe)
    steps_made_for, guidance_made_for, size_made_for = sampling_defaults(pipe)
    imitates = bool(unet.config.get("time_cond_proj_dim"))
    guidance = _checked_guidance(guidance_made_for if guidance_scale is None else guidance_scale, imitates)
    width, height = size_made_for if size is None else size
    check_size(pipe, width, height)
    prompts = _anchors_of(pipe, anchors, affect_strength)
    schedule = scheduler_steps(pipe.scheduler, steps_made_for if steps is None else steps)
    tuning = tuning or Tuning.for_device(unet.device)
    cell = int(pipe.vae_scale_factor)
    denoiser = UNetDenoiser(
        unet,
        schedule,
        prompts,
        cells=(height // cell, width // cell),
        time_ids=(height, width, 0, 0, height, width),
        guidance=guidance,
        hoist=tuning.hoist,
        channels_last=tuning.channels_last,
        attention=tuning.attention,
        kernels=tuning.kernels,
    )
    pixels = TinyDecoder(_decoder_of(pipe, decoder), tuning.channels_last, tuning.kernels)
    if pixels.channels != denoiser.latent_shape[0]:
        raise InputError(
            f"the decoder reads {pixels.channels} channels and the UNet makes {denoiser.latent_shape[0]}: "
            "give the one for this kind of model"
        )
    return RealtimeSampler(denoiser, pixels, schedule, mode, batch, tuning)


class PlainPrompts:
    """`Anchors` of a pipeline without affect: one, the prompt."""

    def __init__(self, pipe: Any):
        self.pipe = pipe

    def embeds(self, prompts: Sequence[str]) -> AnchorEmbeds:
        plain = plain_embeds(self.pipe, prompts)
        plain.check("the backbone's text encoder")
        return AnchorEmbeds(plain.tokens[:, None], None if plain.pooled is None else plain.pooled[:, None])

    def weights(self, affects: Sequence[Affect]) -> Tensor:
        """Raises InputError for an affect, which would be ignored."""
        if any(affect.valence or affect.arousal for affect in affects):
            raise InputError("this pipeline has no affect attached: attach it with with_affect(pipe) first")
        return torch.ones(len(affects), 1)


class AffectGrid:
    """`Anchors` at every point of a grid over valence, arousal and, if it has values there, dominance.

    pipe: with affect attached. axes: ascending values from -1 to 1 for each of the three; none leaves the
    coordinate unset. strength: of the affect, 0..10.
    """

    def __init__(self, pipe: Any, axes: Sequence[Sequence[float]], strength: float = 1.0):
        self.pipe, self.axes, self.strength = pipe, axes, strength
        rows = list(itertools.product(*(axis or (float("nan"),) for axis in axes)))
        self.points = torch.tensor(rows, dtype=torch.float32)  # (M, 3)

    @torch.no_grad()
    def embeds(self, prompts: Sequence[str]) -> AnchorEmbeds:
        """What the adapter makes of every prompt at every point; slow."""
        different = list(dict.fromkeys(prompts))
        plain = plain_embeds(self.pipe, different)
        plain.check("the backbone's text encoder")
        anchors, rows = len(self.points), len(different)

        def each(part: Tensor) -> Tensor:
            return part.repeat_interleave(anchors, 0)

        asked = replace(
            plain,
            tokens=each(plain.tokens),
            pooled=None if plain.pooled is None else each(plain.pooled),
            content=each(plain.content),
        )
        texts = tuple(text for text in different for _ in range(anchors))
        encode = functools.partial(plain_embeds, self.pipe)
        points = self.points.repeat(rows, 1).to(plain.tokens.device)
        adapter = self.pipe.affect_adapter
        parts = only(asked)
        if self.strength:
            parts = adapter(Prompts(asked, texts, encode, self.pipe), points, self.strength)
        felt = mean_embeds(parts)
        felt.check(f"the adapter {adapter.name!r}")
        order = [different.index(prompt) for prompt in prompts]
        tokens = felt.tokens.unflatten(0, (rows, anchors))[order]
        pooled = None if felt.pooled is None else felt.pooled.unflatten(0, (rows, anchors))[order]
        return AnchorEmbeds(tokens, pooled)

    def weights(self, affects: Sequence[Affect]) -> Tensor:
        """Multilinear in the coordinates; dominance that is unset is in the middle."""
        rows = [(a.valence, a.arousal, 0.0 if a.dominance is None else a.dominance) for a in affects]
        weights = torch.ones(len(rows), 1, dtype=torch.float64)
        for place, axis in zip(torch.tensor(rows, dtype=torch.float64).unbind(1), self.axes, strict=True):
            if axis:
                spacing = (axis[-1] - axis[0]) / (len(axis) - 1)
                near = (1 - (place[:, None] - torch.tensor(axis, dtype=torch.float64)).abs() / spacing).clamp(
                    min=0
                )
                weights = (weights[:, :, None] * near[:, None]).flatten(1)
        return weights.float()


def mean_embeds(parts: Sequence[Part]) -> PromptEmbeds:
    """Conditionings as one: the means of their embeds by the weights of their predictions."""
    if len(parts) == 1:
        return parts[0].embeds

    def mean(tensors: Sequence[Tensor]) -> Tensor:
        shape = (-1,) + (1,) * (tensors[0].ndim - 1)
        weighted = [
            t.float() * part.weight.to(t.device).view(shape) for t, part in zip(tensors, parts, strict=True)
        ]
        return torch.stack(weighted).sum(0).to(tensors[0].dtype)

    pooled = [part.embeds.pooled for part in parts if part.embeds.pooled is not None]
    first = parts[0].embeds
    return replace(
        first, tokens=mean([part.embeds.tokens for part in parts]), pooled=mean(pooled) if pooled else None
    )


def _unet_of(pipe: Any) -> Any:
    """The UNet of a pipeline that paints from text."""
    name = type(pipe).__name__
    if family_of(pipe).denoiser != "unet":
        raise InputError(
            f"{name} has no UNet: real time takes Stable Diffusion 1, 2, Turbo and XL, and latent "
            "consistency models"
        )
    if "image" in inspect.signature(pipe.__call__).parameters:
        raise InputError(
            f"{name} starts from a picture, and real time paints from text: take its text-to-image class"
        )
    return getattr(pipe.unet, "_orig_mod", pipe.unet)  # torch.compile wraps; the sampler compiles by itself


def _anchors_of(pipe: Any, count: int | None, strength: float) -> Anchors:
    check_strength(strength)
    if not isinstance(pipe, AffectCall):
        if count is not None or strength != 1:
            raise InputError("this pipeline has no affect attached: attach it with with_affect(pipe) first")
        return PlainPrompts(pipe)
    along, dominance = GRIDS.get(pipe.affect_adapter.name, OTHERS)
    along = along if count is None else count
    if not isinstance(along, int) or isinstance(along, bool) or not 2 <= along <= MOST_ANCHORS:
        raise InputError(f"anchors must be a whole number in 2..{MOST_ANCHORS}, not {along!r}")
    axis = torch.linspace(-1, 1, along).tolist()
    return AffectGrid(pipe, (axis, axis, torch.linspace(-1, 1, dominance).tolist()), strength)


def _checked_guidance(scale: Any, imitates: bool) -> float:
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 <= scale <= 100:
        raise InputError(f"guidance_scale must be a number in 0..100, not {scale!r}")
    if scale > 1 and not imitates:
        raise InputError(
            f"guidance {scale:g} takes two predictions a step, and real time makes one: take a model that "
            "needs none (SD-Turbo, SDXL-Turbo, LCM), or give guidance_scale=1"
        )
    return float(scale)


def _decoder_of(pipe: Any, given: Any) -> Any:
    """An autoencoder on the UNet's device."""
    if given is None:
        overflows = pipe.vae.dtype == torch.float16 and pipe.vae.config.get("force_upcast")
        if overflows and pipe.unet.config["addition_embed_type"] == "text_time":
            raise InputError(
                "the autoencoder of Stable Diffusion XL overflows in fp16: give an AutoencoderTiny as the "
                "decoder, or open in bf16"
            )
        return pipe.vae
    if not isinstance(given, (str, os.PathLike)):
        if (device := getattr(given, "device", pipe.unet.device)) != pipe.unet.device:
            raise InputError(f"the decoder is on {device} and the UNet on {pipe.unet.device}: move it there")
        return given
    name = os.path.expanduser(os.fspath(given))
    raised = (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError)
    try:
        config: Any = AutoencoderTiny.load_config(name)
        kinds = {kind.__name__: kind for kind in (AutoencoderTiny, AutoencoderKL)}
        kind = kinds.get(config.get("_class_name"))
        if kind is None:
            raise WeightsError(
                f"{name} holds a {config.get('_class_name')}: a decoder is an {' or an '.join(kinds)}"
            )
        found = kind.from_pretrained(name, dtype=pipe.unet.dtype, use_safetensors=True)
    except raised as error:
        why = " ".join(str(error).split())[:160]
        where = "" if Path(name).is_dir() else "there is no such folder, or the hub did not give it: "
        raise WeightsError(f"{name} could not be opened as a decoder: {where}{why}") from error
    return found.to(pipe.unet.device)
