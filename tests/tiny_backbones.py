"""Tiny random diffusion backbones of the real classes, for tests: one of each family, with a tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.flux.pipeline_flux import FluxPipeline
from diffusers.pipelines.latent_consistency_models.pipeline_latent_consistency_text2img import (
    LatentConsistencyModelPipeline,
)
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import StableDiffusion3Pipeline
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
)
from transformers.models.t5.tokenization_t5 import T5Tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
LATENT = 8  # cells a side; pictures of 16 px
NOTHING: Any = None  # where diffusers' annotations forbid what its code allows


def clip_tokenizer(pad: str = "<|endoftext|>", length: int = 77) -> CLIPTokenizer:
    """CLIP's tokenizer with a vocabulary of single characters."""
    tokens = [*LETTERS, ",", ".", "'", "-"]
    tokens += [f"{token}</w>" for token in tokens] + ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], pad_token=pad, model_max_length=length)


def t5_tokenizer(length: int = 256) -> T5Tokenizer:
    """T5's tokenizer with a vocabulary of single characters."""
    pieces = ["<pad>", "</s>", "<unk>", "▁", *LETTERS, *(f"▁{c}" for c in LETTERS), ",", ".", "'", "-"]
    vocabulary = [(piece, 0.0 if i < 3 else -float(i % 7) - 1) for i, piece in enumerate(pieces)]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=length)


def clip_text(dim: int, projected: int | None = None, act: str = "quick_gelu") -> Any:
    """A CLIP text encoder of two layers; with a projection if `projected` says how wide."""
    size = len(clip_tokenizer())
    config = CLIPTextConfig(
        vocab_size=size,
        hidden_size=dim,
        intermediate_size=2 * dim,
        num_hidden_layers=2,
        projection_dim=projected or dim,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
        pad_token_id=size - 1,
        hidden_act=act,
    )
    return (CLIPTextModel if projected is None else CLIPTextModelWithProjection)(config).eval()


def t5_text(dim: int) -> T5EncoderModel:
    """A T5 encoder of two layers."""
    config = T5Config(
        vocab_size=len(t5_tokenizer()),
        d_model=dim,
        d_ff=2 * dim,
        d_kv=8,
        num_layers=2,
        num_heads=2,
        feed_forward_proj="gated-gelu",
    )
    return T5EncoderModel(config).eval()


def vae(channels: int, quantised: bool = True) -> AutoencoderKL:
    """An autoencoder that halves the side."""
    widths: Any = (8, 16)  # diffusers' annotations know one width only
    down: Any = ("DownEncoderBlock2D",) * 2
    up: Any = ("UpDecoderBlock2D",) * 2
    return AutoencoderKL(
        block_out_channels=widths,
        in_channels=3,
        out_channels=3,
        latent_channels=channels,
        norm_num_groups=4,
        down_block_types=down,
        up_block_types=up,
        layers_per_block=1,
        sample_size=16,
        scaling_factor=0.5,
        shift_factor=None if quantised else 0.1,
        use_quant_conv=quantised,
        use_post_quant_conv=quantised,
    ).eval()


def tiny_sd() -> StableDiffusionPipeline:
    """Stable Diffusion 1.x."""
    unet = _unet(cross_attention_dim=16)
    return StableDiffusionPipeline(
        vae(4),
        clip_text(16),
        clip_tokenizer(),
        unet,
        _ddim(),
        NOTHING,
        NOTHING,
        requires_safety_checker=False,
    )


def tiny_sd2() -> StableDiffusionPipeline:
    """Stable Diffusion 2.x: v prediction, linear projections, prompts padded with "!"."""
    unet = _unet(cross_attention_dim=16, use_linear_projection=True)
    scheduler: Any = EulerDiscreteScheduler(
        prediction_type="v_prediction", steps_offset=1, beta_schedule="scaled_linear"
    )
    return StableDiffusionPipeline(
        vae(4),
        clip_text(16, act="gelu"),
        clip_tokenizer(pad="-"),
        unet,
        scheduler,
        NOTHING,
        NOTHING,
        requires_safety_checker=False,
    )


def tiny_lcm() -> LatentConsistencyModelPipeline:
    """A latent consistency model distilled from Stable Diffusion 1.x."""
    unet = _unet(cross_attention_dim=16, time_cond_proj_dim=8)
    return LatentConsistencyModelPipeline(
        vae(4),
        clip_text(16),
        clip_tokenizer(),
        unet,
        LCMScheduler(),
        NOTHING,
        NOTHING,
        requires_safety_checker=False,
    )


def tiny_sdxl() -> StableDiffusionXLPipeline:
    """Stable Diffusion XL."""
    unet = _unet(
        cross_attention_dim=32,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=16 + 6 * 8,
        transformer_layers_per_block=(1, 2),
    )
    scheduler: Any = EulerDiscreteScheduler(timestep_spacing="leading")
    return StableDiffusionXLPipeline(
        vae(4),
        clip_text(16),
        clip_text(16, 16, "gelu"),
        clip_tokenizer(),
        clip_tokenizer(pad="-"),
        unet,
        scheduler,
        add_watermarker=False,
    )


def tiny_sd3() -> StableDiffusion3Pipeline:
    """Stable Diffusion 3."""
    transformer = SD3Transformer2DModel(
        sample_size=LATENT,
        patch_size=2,
        in_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=48,
        caption_projection_dim=32,
        pooled_projection_dim=32,
        out_channels=4,
        pos_embed_max_size=16,
    )
    return StableDiffusion3Pipeline(
        transformer.eval(),
        FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae(4, False),
        clip_text(16, 16),
        clip_tokenizer(),
        clip_text(16, 16, "gelu"),
        clip_tokenizer(),
        t5_text(48),
        t5_tokenizer(),
    )


def tiny_flux() -> FluxPipeline:
    """FLUX.1-dev."""
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=16,
        guidance_embeds=True,
        axes_dims_rope=(4, 4, 8),
    )
    return FluxPipeline(
        FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae(4, False),
        clip_text(16),
        clip_tokenizer(),
        t5_text(32),
        t5_tokenizer(),
        transformer.eval(),
    )


TINY: dict[str, Callable] = {
    "sd": tiny_sd,
    "sd2": tiny_sd2,
    "lcm": tiny_lcm,
    "sdxl": tiny_sdxl,
    "sd3": tiny_sd3,
    "flux": tiny_flux,
}


def tiny_backbone(family: str, seed: int = 0):
    """The tiny pipeline of a family (a key of `TINY`) with random weights from `seed`, silent."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pipe = TINY[family]()
    pipe.set_progress_bar_config(disable=True)
    return pipe


def size_of(family: str) -> dict[str, int]:
    """The height and width to ask a tiny pipeline for, in pixels."""
    return {"height": 16, "width": 16}


def _unet(**configuration) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=LATENT,
        block_out_channels=(8, 16),
        layers_per_block=1,
        attention_head_dim=2,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        **configuration,
    ).eval()


def _ddim() -> Any:
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
