"""The families of diffusion backbones, as data. A new family is one entry in `FAMILIES`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from emotive.errors import InputError

from .adapter import PromptEmbeds

if TYPE_CHECKING:
    from diffusers.pipelines.pipeline_utils import DiffusionPipeline


@dataclass(frozen=True)
class Family:
    """What the pipelines of one kind of backbone have in common.

    Attributes:
        name: as people call it.
        pipelines: beginnings of the class names of its diffusers pipelines.
        denoiser: the attribute of the network that predicts.
        returned: what `encode_prompt` returns, in order, of "tokens" and "pooled"; others are passed on.
        pooled_argument: where the denoiser is given the pooled embeds: the keyword, or keyword and key.
        sequence: the token sequence, from left to right: (tokenizer attribute, prompt argument), K split
            evenly unless `lengths` says how long the leading parts are.
        lengths: tokens of each part of `sequence` but the last.
        encoders: attributes of the text encoders.
        guidance: the argument that pushes away from the negative prompt.
    """

    name: str
    pipelines: tuple[str, ...]
    denoiser: str
    returned: tuple[str, ...]
    pooled_argument: tuple[str, ...]
    sequence: tuple[tuple[str, str], ...]
    encoders: tuple[str, ...]
    lengths: tuple[int, ...] = ()
    guidance: str = "guidance_scale"


FAMILIES = (
    Family(
        name="Stable Diffusion XL",
        pipelines=("StableDiffusionXL",),
        denoiser="unet",
        returned=("tokens", "negative", "pooled", "negative"),
        pooled_argument=("added_cond_kwargs", "text_embeds"),
        sequence=(("tokenizer", "prompt"),),  # the second encoder's embeds lie beside the first's
        encoders=("text_encoder", "text_encoder_2"),
    ),
    Family(
        name="Stable Diffusion 3",
        pipelines=("StableDiffusion3",),
        denoiser="transformer",
        returned=("tokens", "negative", "pooled", "negative"),
        pooled_argument=("pooled_projections",),
        sequence=(("tokenizer", "prompt"), ("tokenizer_3", "prompt_3")),
        lengths=(77,),
        encoders=("text_encoder", "text_encoder_2", "text_encoder_3"),
    ),
    Family(
        name="FLUX",
        pipelines=("FluxPipeline", "FluxImg2Img", "FluxInpaint", "FluxControl", "FluxFill"),
        denoiser="transformer",
        returned=("tokens", "pooled", "text_ids"),
        pooled_argument=("pooled_projections",),
        sequence=(("tokenizer_2", "prompt_2"),),
        encoders=("text_encoder", "text_encoder_2"),
        guidance="true_cfg_scale",
    ),
    Family(
        name="Stable Diffusion 1 and 2",
        pipelines=("StableDiffusion", "LatentConsistencyModel"),
        denoiser="unet",
        returned=("tokens", "negative"),
        pooled_argument=(),
        sequence=(("tokenizer", "prompt"),),
        encoders=("text_encoder",),
    ),
)


def family_of(pipe: DiffusionPipeline) -> Family:
    """The family of a pipeline, by its class. Raises InputError for one that is not known."""
    name = type(pipe).__name__
    for family in FAMILIES:
        if name.startswith(family.pipelines) and hasattr(pipe, "encode_prompt"):
            return family
    known = ", ".join(family.name for family in FAMILIES)
    raise InputError(f"{name} is of no family that affect can be attached to: {known}")


def content_mask(pipe: Any, family: Family, texts: dict[str, Sequence[str]], tokens: Tensor) -> Tensor:
    """Which tokens say the prompt: bool (B, K).

    Args:
        pipe: the pipeline, for its tokenizers.
        texts: by prompt argument, one text a row; an argument that is absent falls back on "prompt".
        tokens: the embeds, (B, K, D).

    Warns of what a prompt says beyond the limit of its tokenizer, which the encoder never sees.
    """
    parts, start = [], 0
    for i, (attribute, argument) in enumerate(family.sequence):
        end = start + family.lengths[i] if i < len(family.lengths) else tokens.shape[1]
        rows = texts.get(argument) or texts["prompt"]
        tokenizer = getattr(pipe, attribute, None)
        if tokenizer is None:  # SD 3 runs without its T5
            parts.append(torch.zeros(len(rows), end - start, dtype=torch.bool))
        else:
            parts.append(_said(pipe, tokenizer, rows, end - start))
        start = end
    return whole_if_empty(torch.cat(parts, 1).to(tokens.device))


def whole_if_empty(content: Tensor) -> Tensor:
    """The mask (B, K), with every token but the first in rows that say nothing."""
    empty = ~content.any(1, keepdim=True)
    everything = torch.ones_like(content)
    everything[:, 0] = False
    return torch.where(empty, everything, content)


def embeds_of(family: Family, returned: Sequence[Any], content: Tensor | None = None) -> PromptEmbeds:
    """What `encode_prompt` returned, as `PromptEmbeds`; without a mask, all tokens but the first say it."""
    tokens = returned[family.returned.index("tokens")]
    pooled = returned[family.returned.index("pooled")] if "pooled" in family.returned else None
    if content is None:
        content = whole_if_empty(torch.zeros(tokens.shape[:2], dtype=torch.bool, device=tokens.device))
    return PromptEmbeds(tokens, pooled, content)


def with_embeds(family: Family, returned: Sequence[Any], embeds: PromptEmbeds) -> tuple[Any, ...]:
    """What `encode_prompt` returned, with these tokens and pooled embeds in their places."""
    swapped = list(returned)
    swapped[family.returned.index("tokens")] = embeds.tokens
    if "pooled" in family.returned:
        swapped[family.returned.index("pooled")] = embeds.pooled
    return tuple(swapped)


def _said(pipe: Any, tokenizer: Any, texts: Sequence[str], length: int) -> Tensor:
    """(B, length): True for tokens of the text itself."""
    if hasattr(pipe, "maybe_convert_prompt"):  # words learned by textual inversion take several tokens
        texts = [pipe.maybe_convert_prompt(text, tokenizer) for text in texts]
    rows = tokenizer(
        list(texts), padding="max_length", max_length=length, truncation=True, return_special_tokens_mask=True
    )
    for text in dict.fromkeys(texts):
        ids = tokenizer(text, truncation=False, add_special_tokens=False, verbose=False).input_ids
        room = length - (len(tokenizer("").input_ids))
        if len(ids) > room:
            lost = " ".join(tokenizer.decode(ids[room:]).split())
            shown = lost if len(lost) <= 80 else lost[:77] + "..."
            warnings.warn(f"the prompt is too long for {length} tokens; not read: {shown!r}", stacklevel=2)
    special = torch.tensor(rows.special_tokens_mask, dtype=torch.bool)
    return torch.tensor(rows.attention_mask, dtype=torch.bool) & ~special
