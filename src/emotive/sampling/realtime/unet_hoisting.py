"""A copy of a UNet that shares its weights, and what is put into the copy so that time embeddings and the
keys and values of cross-attention come from outside."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from emotive.errors import InputError

from .attention import attend

BLOCKS = (
    "DownBlock2D", "CrossAttnDownBlock2D", "UpBlock2D", "CrossAttnUpBlock2D", "UNetMidBlock2DCrossAttn",
    "UNetMidBlock2D", None,
)  # fmt: skip
# Settings of a UNet that bring in other conditions, and what they must be.
PLAIN = {
    "class_embed_type": (None,),
    "num_class_embeds": (None,),
    "addition_embed_type": (None, "text_time"),
    "encoder_hid_dim_type": (None,),
    "attention_type": (None, "default"),
    "cross_attention_norm": (None,),
    "dual_cross_attention": (False, None),
}


def check_supported(unet: Any) -> None:
    """Raises InputError, which says what is supported, for any other network than a UNet2DConditionModel that
    is conditioned on time and on the tokens of a prompt, and in Stable Diffusion XL on pooled embeds."""
    if not isinstance(unet, UNet2DConditionModel):
        raise _unsupported(f"{type(unet).__name__} is none of them")
    config = unet.config
    for name, plain in PLAIN.items():
        if config.get(name) not in plain:
            raise _unsupported(f"this one has {name}={str(config[name])[:40]!r}")
    kinds = [*config["down_block_types"], config["mid_block_type"], *config["up_block_types"]]
    if other := next((kind for kind in kinds if kind not in BLOCKS), None):
        raise _unsupported(f"this one has the block {other}")
    if not isinstance(config["cross_attention_dim"], int):
        raise _unsupported("this one attends to tokens of several widths")
    if hasattr(unet, "_hf_hook") or hasattr(unet, "_diffusers_hook"):
        raise InputError(
            "the UNet is offloaded or hooked: open it without offload, real time needs it in place"
        )
    if any(parameter.device.type == "meta" for parameter in unet.parameters()):
        raise InputError("the UNet has no weights in memory: open it without offload")


def _unsupported(why: str) -> InputError:
    return InputError(
        "real time takes the UNets of Stable Diffusion 1, 2, Turbo and XL and of latent consistency models "
        f"(diffusers' UNet2DConditionModel), and {why}"
    )


def shared_copy(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """A copy of the modules, in evaluation mode, around the same parameters and buffers."""
    kept = {id(tensor): tensor for tensor in (*unet.parameters(), *unet.buffers())}
    return copy.deepcopy(unet, kept).eval()


def transformer_attentions(unet: UNet2DConditionModel) -> list[Any]:
    """The attentions of all transformer blocks, in the order in which they are called within each."""
    blocks = [module for module in unet.modules() if isinstance(module, BasicTransformerBlock)]
    found = [attn for block in blocks for attn in (block.attn1, block.attn2) if attn is not None]
    if any(attn.norm_q is not None or attn.norm_k is not None for attn in found):
        raise _unsupported("this one normalises queries and keys")
    return found


def set_attention(attentions: Sequence[Any], backend: str, cached: bool) -> None:
    """Has them computed by `backend` (`attend`); if `cached`, cross-attention is given its keys and values,
    one layer's after another's, in place of embeds."""
    total = sum(attn.inner_kv_dim for attn in attentions if attn.is_cross_attention)
    at = 0
    for attn in attentions:
        given = cached and attn.is_cross_attention
        attn.set_processor(ChosenAttention(backend, (at, total) if given else None))
        at += attn.inner_kv_dim if given else 0


class ChosenAttention:
    """The attention processor of a transformer block.

    backend: see `attend`. place: for cross-attention that is given keys and values (R, 2 K total) instead of
    embeds, the widths of the layers before it and of all layers.
    """

    def __init__(self, backend: str, place: tuple[int, int] | None):
        self.backend, self.place = backend, place

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,  # diffusers' pipelines give none
    ) -> Tensor:
        rows = len(hidden_states)
        query = attn.to_q(hidden_states)
        text = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        if self.place is None:
            key, value = attn.to_k(text), attn.to_v(text)
        else:
            before, total = self.place
            tokens = text.shape[1] // (2 * total)
            width = tokens * attn.inner_kv_dim
            start = 2 * tokens * before
            key, value = text[:, start : start + width], text[:, start + width : start + 2 * width]
        query, key, value = (
            part.view(rows, -1, attn.heads, query.shape[-1] // attn.heads).transpose(1, 2)
            for part in (query, key, value)
        )
        mixed = attend(query, key, value, self.backend).transpose(1, 2).flatten(2)
        return attn.to_out[1](attn.to_out[0](mixed)) / attn.rescale_output_factor


class TimeProjections:
    """The time embedding's way into every residual block: (..., E) -> (..., N), block after block."""

    def __init__(self, last: nn.Module | None, blocks: Sequence[tuple[nn.Module | None, nn.Module]]):
        self.last, self.blocks = last, blocks

    def __call__(self, embedded: Tensor) -> Tensor:
        if self.last is not None:
            embedded = self.last(embedded)
        return torch.cat([proj(embedded if act is None else act(embedded)) for act, proj in self.blocks], -1)


def take_time(unet: UNet2DConditionModel) -> TimeProjections:
    """Takes the time projections out of `unet`, which from then on expects what they make of its time
    embedding, (R, N), in place of a timestep."""
    resnets = [module for module in unet.modules() if isinstance(module, ResnetBlock2D)]
    blocks, at = [], 0
    for resnet in resnets:
        projection: Any = resnet.time_emb_proj
        if projection is None:
            continue
        blocks.append((None if resnet.skip_time_act else resnet.nonlinearity, projection))
        resnet.skip_time_act = True
        resnet.time_emb_proj = _Columns(at, at + projection.out_features)  # type: ignore[assignment]
        at += projection.out_features
    taken = TimeProjections(unet.time_embed_act, blocks)
    unet.time_embed_act = None
    unet.time_embedding = _Passed()  # type: ignore[assignment]
    unet.__class__ = _GivenTime
    return taken


class _Columns(nn.Module):
    """Some columns of the table, for one residual block."""

    def __init__(self, start: int, stop: int):
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, table: Tensor) -> Tensor:
        return table[:, self.start : self.stop]


class _Passed(nn.Module):
    """In place of the time embedding, which the table has in it."""

    def forward(self, table: Tensor, condition: Tensor | None = None) -> Tensor:
        return table


class _GivenTime(UNet2DConditionModel):
    """A UNet2DConditionModel that is called with rows of the table as its timestep."""

    def get_time_embed(self, sample: Tensor, timestep: Tensor) -> Tensor:  # type: ignore[override]
        return timestep

    def get_aug_embed(self, emb: Tensor, encoder_hidden_states: Tensor, added_cond_kwargs: Any) -> None:
        return None
