"""Diffusers' tiny pipelines written as single files in the layouts of their models' first code.

The inverse of what diffusers converts, written from the layouts themselves: latent-diffusion's UNet and
autoencoder, OpenCLIP's text encoder, SD3's and FLUX's transformers. Shapes are enough: all of it also works
on the meta device.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

State = dict[str, Tensor]
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
QKV = {  # of SD3
    ("attn.to_q", "attn.to_k", "attn.to_v"): "x_block.attn",
    ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"): "context_block.attn",
    ("attn2.to_q", "attn2.to_k", "attn2.to_v"): "x_block.attn2",
}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def original_state(pipe: Any) -> State:
    """All weights of a pipeline in one dictionary, as its model was first released in one file."""
    kind = type(pipe).__name__
    if kind.startswith("StableDiffusionXL"):
        text = prefixed("conditioner.embedders.0.transformer.", clip(pipe.text_encoder.state_dict()))
        text |= prefixed("conditioner.embedders.1.model.", open_clip(pipe.text_encoder_2.state_dict()))
        return text | denoiser(unet(pipe.unet)) | prefixed("first_stage_model.", autoencoder(pipe.vae))
    if kind.startswith("StableDiffusion3"):
        text = prefixed("text_encoders.clip_l.transformer.", clip(pipe.text_encoder.state_dict(), False))
        text |= prefixed("text_encoders.clip_g.transformer.", clip(pipe.text_encoder_2.state_dict()))
        text |= prefixed("text_encoders.t5xxl.transformer.", t5(pipe.text_encoder_3.state_dict()))
        return text | denoiser(sd3(pipe.transformer)) | prefixed("first_stage_model.", autoencoder(pipe.vae))
    if kind.startswith("Flux"):
        text = prefixed("text_encoders.clip_l.transformer.", clip(pipe.text_encoder.state_dict()))
        text |= prefixed("text_encoders.t5xxl.transformer.", t5(pipe.text_encoder_2.state_dict()))
        return text | denoiser(flux(pipe.transformer)) | prefixed("vae.", autoencoder(pipe.vae))
    if pipe.unet.config["use_linear_projection"]:
        text = prefixed("cond_stage_model.model.", open_clip(pipe.text_encoder.state_dict()))
    else:
        text = prefixed("cond_stage_model.transformer.", clip(pipe.text_encoder.state_dict()))
        text["cond_stage_model.transformer.text_model.embeddings.position_ids"] = torch.arange(77)[None]
    text |= {
        "betas": torch.linspace(0.01, 0.02, 1000),
        "model_ema.decay": torch.tensor(0.9999),
    }  # as in real files
    return text | denoiser(unet(pipe.unet)) | prefixed("first_stage_model.", autoencoder(pipe.vae))


def write_original(pipe: Any, file: Path, changes: Mapping[str, Tensor | None] | None = None) -> Path:
    """Writes `original_state`, with `changes`: tensors by key, or None to leave a key out."""
    state: dict[str, Tensor | None] = {**original_state(pipe), **(changes or {})}
    save_file({key: t.detach().clone().contiguous() for key, t in state.items() if t is not None}, file)
    return file


def prefixed(start: str, state: State) -> State:
    return {start + key: weight for key, weight in state.items()}


def denoiser(state: State) -> State:
    return prefixed("model.diffusion_model.", state)


def renamed(key: str, names: Mapping[str, str]) -> str:
    """The key with the first of `names` that it starts with replaced."""
    for name, other in names.items():
        if key.startswith(name + "."):
            return other + key[len(name) :]
    return key


def unet(network: Any) -> State:
    """latent-diffusion's UNet: blocks counted through, resnet 0 and attention 1 in each."""
    layers = network.config["layers_per_block"] + 1
    state = network.state_dict()
    attends = {key.split(".")[1] for key in state if re.match(r"up_blocks\.\d+\.attentions", key)}

    def name(key: str) -> str:
        found = re.match(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.*)", key)
        if found:
            way, block, kind, i, rest = found[1], int(found[2]), found[3], int(found[4]), found[5]
            side, first = ("input_blocks", 1) if way == "down" else ("output_blocks", 0)
            if kind == "downsamplers":
                return f"{side}.{first + block * layers + layers - 1}.0.op.{rest.removeprefix('conv.')}"
            if kind == "upsamplers":
                return (
                    f"{side}.{first + block * layers + layers - 1}.{2 if found[2] in attends else 1}.{rest}"
                )
            at = f"{side}.{first + block * layers + i}"
            return f"{at}.0.{renamed(rest, RESNET)}" if kind == "resnets" else f"{at}.1.{rest}"
        if found := re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.*)", key):
            if found[1] == "attentions":
                return f"middle_block.1.{found[3]}"
            return f"middle_block.{2 * int(found[2])}.{renamed(found[3], RESNET)}"
        return renamed(key, UNET_ENDS)

    return {name(key): weight for key, weight in state.items()}


def autoencoder(network: Any) -> State:
    """latent-diffusion's autoencoder: attention as 1 x 1 convolutions, the decoder's blocks from the last."""
    last = len(network.config["block_out_channels"]) - 1
    made = {}
    for key, weight in network.state_dict().items():
        side, _, rest = key.partition(".")
        found = re.match(r"(down|up)_blocks\.(\d+)\.(resnets|downsamplers|upsamplers)\.(\d+)\.(.*)", rest)
        if found:
            block = int(found[2]) if found[1] == "down" else last - int(found[2])
            inner = {"resnets": f"block.{found[4]}"}.get(found[3], f"{found[1]}sample")
            key = f"{side}.{found[1]}.{block}.{inner}.{found[5].replace('conv_shortcut', 'nin_shortcut')}"
        elif found := re.match(r"mid_block\.resnets\.(\d)\.(.*)", rest):
            key = f"{side}.mid.block_{int(found[1]) + 1}.{found[2]}"
        elif found := re.match(r"mid_block\.attentions\.0\.(.*)", rest):
            inner = renamed(found[1], VAE_ATTENTION)
            key = f"{side}.mid.attn_1.{inner}"
            if weight.ndim == 2:
                weight = weight[:, :, None, None]
        else:
            key = key.replace("conv_norm_out", "norm_out")
        made[key] = weight
    return made


def clip(state: State, projection: bool = True) -> State:
    """CLIP's text encoder as OpenAI's port in transformers first named it."""
    named = {}
    for key, weight in state.items():
        if key.startswith("text_projection"):
            if projection:
                named[key] = weight
        else:
            named["text_model." + key.removeprefix("text_model.")] = weight
    return named


def open_clip(state: State) -> State:
    """OpenCLIP's text encoder: queries, keys and values in one matrix, the projection transposed."""
    plain = {key.removeprefix("text_model."): weight for key, weight in state.items()}
    made = {
        "positional_embedding": plain["embeddings.position_embedding.weight"],
        "token_embedding.weight": plain["embeddings.token_embedding.weight"],
        "ln_final.weight": plain["final_layer_norm.weight"],
        "ln_final.bias": plain["final_layer_norm.bias"],
        "logit_scale": torch.tensor(4.6),
    }
    width = made["positional_embedding"].shape[1]
    made["text_projection"] = (
        plain["text_projection.weight"].T if "text_projection.weight" in plain else torch.eye(width)
    )
    inner = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
             "self_attn.out_proj": "attn.out_proj"}  # fmt: skip
    for key, weight in plain.items():
        found = re.match(r"encoder\.layers\.(\d+)\.(.*)", key)
        if not found:
            continue
        at = f"transformer.resblocks.{found[1]}"
        if joined := re.match(r"self_attn\.q_proj\.(\w+)", found[2]):
            three = [plain[key.replace("q_proj", f"{x}_proj")] for x in "qkv"]
            made[f"{at}.attn.in_proj_{joined[1]}"] = torch.cat(three)
        elif not re.match(r"self_attn\.[kv]_proj", found[2]):
            made[f"{at}.{renamed(found[2], inner)}"] = weight
    return made


def t5(state: State) -> State:
    """T5's encoder, whose words are stored once."""
    return {key: weight for key, weight in state.items() if key != "encoder.embed_tokens.weight"}


def joined(state: State, names: tuple[str, ...], which: str) -> Tensor:
    return torch.cat([state[f"{name}.{which}"] for name in names])


def swapped(weight: Tensor) -> Tensor:
    """(scale, shift) as diffusers has it -> (shift, scale)."""
    scale, shift = weight.chunk(2)
    return torch.cat([shift, scale])


def sd3(network: Any) -> State:
    """SD3's multimodal transformer: an x_block for the picture and a context_block for the text."""
    state = network.state_dict()
    layers = network.config["num_layers"]
    made = {"pos_embed": state["pos_embed.pos_embed"]}
    outer = {
        "pos_embed.proj": "x_embedder.proj",
        "time_text_embed.timestep_embedder.linear_1": "t_embedder.mlp.0",
        "time_text_embed.timestep_embedder.linear_2": "t_embedder.mlp.2",
        "time_text_embed.text_embedder.linear_1": "y_embedder.mlp.0",
        "time_text_embed.text_embedder.linear_2": "y_embedder.mlp.2",
        "context_embedder": "context_embedder",
        "proj_out": "final_layer.linear",
    }
    inner = {
        "norm1.linear": "x_block.adaLN_modulation.1",
        "norm1_context.linear": "context_block.adaLN_modulation.1",
        "attn.to_out.0": "x_block.attn.proj",
        "attn.to_add_out": "context_block.attn.proj",
        "attn2.to_out.0": "x_block.attn2.proj",
        "ff.net.0.proj": "x_block.mlp.fc1",
        "ff.net.2": "x_block.mlp.fc2",
        "ff_context.net.0.proj": "context_block.mlp.fc1",
        "ff_context.net.2": "context_block.mlp.fc2",
        "attn.norm_q": "x_block.attn.ln_q",
        "attn.norm_k": "x_block.attn.ln_k",
        "attn.norm_added_q": "context_block.attn.ln_q",
        "attn.norm_added_k": "context_block.attn.ln_k",
        "attn2.norm_q": "x_block.attn2.ln_q",
        "attn2.norm_k": "x_block.attn2.ln_k",
    }
    for which in ("weight", "bias"):
        made |= {f"{theirs}.{which}": state[f"{ours}.{which}"] for ours, theirs in outer.items()}
        made[f"final_layer.adaLN_modulation.1.{which}"] = swapped(state[f"norm_out.linear.{which}"])
        for i in range(layers):
            block, to = f"transformer_blocks.{i}", f"joint_blocks.{i}"
            for ours, theirs in inner.items():
                if (weight := state.get(f"{block}.{ours}.{which}")) is not None:
                    last = i == layers - 1 and ours == "norm1_context.linear"
                    made[f"{to}.{theirs}.{which}"] = swapped(weight) if last else weight
            for start, theirs in QKV.items():
                if f"{block}.{start[0]}.{which}" in state:
                    names = tuple(f"{block}.{name}" for name in start)
                    made[f"{to}.{theirs}.qkv.{which}"] = joined(state, names, which)
    return made


def flux(network: Any) -> State:
    """FLUX's transformer: double blocks with a stream each for picture and text, then single blocks."""
    state = network.state_dict()
    made = {}
    outer = {
        "time_text_embed.timestep_embedder.linear_1": "time_in.in_layer",
        "time_text_embed.timestep_embedder.linear_2": "time_in.out_layer",
        "time_text_embed.text_embedder.linear_1": "vector_in.in_layer",
        "time_text_embed.text_embedder.linear_2": "vector_in.out_layer",
        "time_text_embed.guidance_embedder.linear_1": "guidance_in.in_layer",
        "time_text_embed.guidance_embedder.linear_2": "guidance_in.out_layer",
        "context_embedder": "txt_in", "x_embedder": "img_in", "proj_out": "final_layer.linear",
    }  # fmt: skip
    double = {
        "norm1.linear": "img_mod.lin", "norm1_context.linear": "txt_mod.lin", "ff.net.0.proj": "img_mlp.0",
        "ff.net.2": "img_mlp.2", "ff_context.net.0.proj": "txt_mlp.0", "ff_context.net.2": "txt_mlp.2",
        "attn.to_out.0": "img_attn.proj", "attn.to_add_out": "txt_attn.proj",
    }  # fmt: skip
    norms = {
        "norm_q": "img_attn.norm.query_norm",
        "norm_k": "img_attn.norm.key_norm",
        "norm_added_q": "txt_attn.norm.query_norm",
        "norm_added_k": "txt_attn.norm.key_norm",
    }
    for which in ("weight", "bias"):
        made |= {
            f"{theirs}.{which}": state[f"{ours}.{which}"]
            for ours, theirs in outer.items()
            if f"{ours}.{which}" in state
        }
        made[f"final_layer.adaLN_modulation.1.{which}"] = swapped(state[f"norm_out.linear.{which}"])
        for i in range(network.config["num_layers"]):
            block, to = f"transformer_blocks.{i}", f"double_blocks.{i}"
            made |= {
                f"{to}.{theirs}.{which}": state[f"{block}.{ours}.{which}"] for ours, theirs in double.items()
            }
            for ours, theirs in (
                (("to_q", "to_k", "to_v"), "img"),
                (("add_q_proj", "add_k_proj", "add_v_proj"), "txt"),
            ):
                names = tuple(f"{block}.attn.{name}" for name in ours)
                made[f"{to}.{theirs}_attn.qkv.{which}"] = joined(state, names, which)
            made |= {
                f"{to}.{theirs}.scale": state[f"{block}.attn.{ours}.weight"] for ours, theirs in norms.items()
            }
        for i in range(network.config["num_single_layers"]):
            block, to = f"single_transformer_blocks.{i}", f"single_blocks.{i}"
            names = tuple(f"{block}.{name}" for name in ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"))
            made[f"{to}.linear1.{which}"] = joined(state, names, which)
            made[f"{to}.linear2.{which}"] = state[f"{block}.proj_out.{which}"]
            made[f"{to}.modulation.lin.{which}"] = state[f"{block}.norm.linear.{which}"]
            made |= {
                f"{to}.norm.{x}_norm.scale": state[f"{block}.attn.norm_{x[0]}.weight"]
                for x in ("query", "key")
            }
    return made


def with_own_widths(pipe: Any, seed: int = 0) -> Any:
    """A tiny pipeline whose second CLIP encoder is wider than its first, as in every real model: by that
    diffusers tells them apart in a single file. SD3's gets what its real transformers differ in, too."""
    import tiny_backbones
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if type(pipe).__name__.startswith("StableDiffusionXL"):
            unet = tiny_backbones._unet(
                cross_attention_dim=40, use_linear_projection=True, addition_embed_type="text_time",
                addition_time_embed_dim=8, projection_class_embeddings_input_dim=16 + 6 * 8,
                transformer_layers_per_block=(1, 2),
            )  # fmt: skip
            pipe.register_modules(text_encoder_2=tiny_backbones.clip_text(24, 16, "gelu"), unet=unet)
        elif type(pipe).__name__.startswith("StableDiffusion3"):
            transformer = SD3Transformer2DModel(
                sample_size=8, patch_size=2, in_channels=4, num_layers=3, attention_head_dim=8,
                num_attention_heads=4, joint_attention_dim=48, caption_projection_dim=32,
                pooled_projection_dim=40, out_channels=4, pos_embed_max_size=16, qk_norm="rms_norm",
                dual_attention_layers=(0, 1),
            )  # fmt: skip
            pipe.register_modules(
                text_encoder_2=tiny_backbones.clip_text(24, 24, "gelu"), transformer=transformer.eval()
            )
            pipe.text_encoder.text_projection.weight.data = torch.eye(16)  # SD3's files leave it out
    return pipe
