"""ComfyUI's conditioning to prompt embeds and back.

A CONDITIONING is a list of [tokens (B, K, D), {"pooled_output": (B, P) or None, ...}]. Where several lie in
one list over the same area, ComfyUI averages what is predicted from each, weighted by "strength": that is how
an adapter that blends predictions is written down.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from emotive import Affect
from emotive.backbones.adapter import AffectAdapter, PromptEmbeds, Prompts, check_strength
from emotive.backbones.families import whole_if_empty
from emotive.errors import InputError

Entry = Sequence[Any]  # [tokens, options]
CLIPS = ("l", "g", "h")  # what ComfyUI calls the text encoders whose tokens lie beside each other
CHUNK = 77  # tokens that a CLIP reads at once; ComfyUI reads a longer prompt in several
# Widths of token and pooled embeds where the denoiser takes no pooled ones: Stable Diffusion 1 and 2.
# ComfyUI gives them all the same; an adapter fitted with diffusers has none.
UNREAD_POOLED = ((768, 768), (1024, 1024))


def encode(clip: Any, text: str) -> list[Entry]:
    """The conditioning of a text, as ComfyUI's own text node makes it."""
    if clip is None:
        raise InputError(
            "there is no CLIP: the checkpoint holds no text encoder, so load one with a CLIP loader"
        )
    tokens = clip.tokenize(text)
    if hasattr(clip, "encode_from_tokens_scheduled"):  # keeps hooks, and what newer encoders add
        return clip.encode_from_tokens_scheduled(tokens)
    embeds, pooled = clip.encode_from_tokens(tokens, return_pooled=True)
    return [[embeds, {"pooled_output": pooled}]]


def prompt_embeds(clip: Any, texts: Sequence[str]) -> PromptEmbeds:
    """Texts to embeds, one row each; what adapters are fitted on. Raises InputError if they are not equally
    long in chunks, which only prompts beyond 75 tokens are not."""
    rows = [as_embeds(encode(clip, text)[0], content_mask(clip, text)) for text in texts]
    lengths = {row.tokens.shape[1] for row in rows}
    if len(lengths) > 1:
        raise InputError(
            "these texts differ in how many chunks of 77 tokens they take: encode them one by one"
        )
    pooled = [row.pooled for row in rows if row.pooled is not None]
    return PromptEmbeds(
        torch.cat([row.tokens for row in rows]),
        torch.cat(pooled) if pooled else None,
        torch.cat([row.content for row in rows]),
    )


def content_mask(clip: Any, text: str) -> list[list[bool]]:
    """Which tokens say the text: a row for the CLIPs, which lie beside each other, and one for each other
    encoder, in ComfyUI's order. Its tokenizers number the words, from 1; start, end and padding are 0."""
    words = clip.tokenize(text, return_word_ids=True)
    said = {name: [word != 0 for chunk in chunks for *_, word in chunk] for name, chunks in words.items()}
    clips = [said.pop(name) for name in CLIPS if name in said]
    beside = [[any(tokens) for tokens in zip(*clips, strict=False)]] if clips else []
    return beside + list(said.values())


def as_embeds(entry: Entry, said: list[list[bool]] | None = None) -> PromptEmbeds:
    """One conditioning as `PromptEmbeds`. `said` is of `content_mask`; without it, or where it does not fit,
    every token but the first of a chunk says the prompt."""
    tokens, options = entry
    length = tokens.shape[1]
    content = torch.ones(length, dtype=torch.bool)
    content[:: CHUNK if length % CHUNK == 0 else length] = False
    if said is not None:  # the encoders one after the other, or one of them alone (FLUX: T5)
        fitting = [row for row in (list(chain(*said)), *said) if len(row) == length]
        if fitting:
            content = torch.tensor(fitting[0])
        else:
            warnings.warn(
                "cannot tell which tokens say the prompt: all are moved but the first", stacklevel=2
            )
    content = content.expand(len(tokens), -1).to(tokens.device)
    pooled = options.get("pooled_output")
    if pooled is not None and (tokens.shape[-1], pooled.shape[-1]) in UNREAD_POOLED:
        pooled = None
    return PromptEmbeds(tokens, pooled, whole_if_empty(content))


def felt(
    conditioning: Sequence[Entry],
    adapter: AffectAdapter,
    affect: Affect,
    strength: float,
    clip: Any = None,
    text: str | None = None,
) -> list[Entry]:
    """The conditioning with an affect. Options such as area, mask and range of steps stay as they are.

    Args:
        conditioning: of any prompt, or of `text`.
        adapter: what gives it affect.
        affect: the point.
        strength: 0 leaves it as it is; 1 is the affect as given; up to 10.
        clip, text: what the conditioning was made of; adapters that blend predictions need them.

    Raises InputError or WeightsError if the adapter cannot honour it.
    """
    if not check_strength(strength):
        return list(conditioning)
    if text is None and adapter.name == "blend":
        raise InputError(
            "blending needs the prompt as text: use Emotive Text Encode in place of Apply Affect"
        )
    said = None if text is None else content_mask(clip, text)
    entries: list[Entry] = []
    for tokens, options in conditioning:
        if adapter.name == "blend" and options.get("attention_mask") is not None:
            raise InputError(
                "blending cannot be used with this text encoder, which masks: use Emotive Directions"
            )
        embeds = as_embeds((tokens, options), said)
        texts = None if text is None else (text,) * len(tokens)
        points = torch.from_numpy(affect.as_array()).expand(len(tokens), 3).to(tokens.device)
        prompts = Prompts(embeds, texts, lambda rows: prompt_embeds(clip, rows))
        # Where a chunk starts is no word's place, nor behind one. diffusers knows one chunk only.
        starts = ~embeds.content & (torch.arange(tokens.shape[1], device=tokens.device) % CHUNK == 0)
        for part in adapter(prompts, points, strength):
            part.embeds.check(f"the adapter {adapter.name!r}")
            if part.embeds.tokens.shape == tokens.shape and adapter.name != "blend":
                kept = torch.where(starts[..., None], tokens, part.embeds.tokens)
                part = part._replace(embeds=replace(part.embeds, tokens=kept))
            entries += _entry(part.embeds, part.weight, options)
    return entries


def _entry(embeds: PromptEmbeds, weight: Tensor, options: dict[str, Any]) -> list[Entry]:
    """One conditioning of an answer; none where its weight is 0."""
    share = float(weight[0])  # one affect for all rows, so one weight
    if not share:
        return []
    changed = dict(options)
    if embeds.pooled is not None:
        changed["pooled_output"] = embeds.pooled
    if share != 1:
        changed["strength"] = share * options.get("strength", 1.0)
    return [[embeds.tokens, changed]]
