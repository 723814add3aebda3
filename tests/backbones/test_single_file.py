"""Single .safetensors files in the layouts of the models' first code: the same pictures as the pipelines they
came from; what is wrong with a file is one line."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers.loaders import single_file_utils
from opened_backbones import opened, paint, refusal
from original_layouts import denoiser, flux, original_state, with_own_widths, write_original
from safetensors.torch import load_file, save_file
from tiny_backbones import tiny_backbone


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory):
    """A tiny pipeline by family, and the diffusers folder that it was saved in; made once."""
    made: dict[str, tuple[Any, Path]] = {}

    def saved(family: str) -> tuple[Any, Path]:
        if family not in made:
            pipe = with_own_widths(tiny_backbone(family))
            folder = tmp_path_factory.mktemp("folders") / family
            pipe.save_pretrained(folder)
            made[family] = pipe, folder
        return made[family]

    return saved


def without_weights(folder: Path, copy: Path) -> Path:
    """The configs and tokenizers of a diffusers folder."""
    return Path(shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.safetensors")))


@pytest.mark.parametrize("family", ["sd", "sd2", "sdxl", "sd3"])
def test_a_file_in_the_original_layout_paints_what_its_pipeline_paints(family: str, saved, tmp_path: Path):
    pipe, folder = saved(family)
    file = write_original(pipe, tmp_path / "model.safetensors")
    assert not any(
        "down_blocks" in key or "transformer_blocks.0.norm1.linear" in key for key in load_file(file)
    )
    single = opened(file, config=without_weights(folder, tmp_path / "config"))
    assert type(single) is type(pipe) and single.config["_name_or_path"] == str(file)
    assert torch.equal(paint(single), paint(pipe))


def test_flux_from_its_transformer_alone(saved, tmp_path: Path):
    pipe, folder = saved("flux")
    # The conversion of FLUX's single blocks has its width, 3072, written into it (next test): so this is the
    # other way in which transformers are shared, alone and in diffusers' own layout.
    file = tmp_path / "alone.safetensors"
    save_file(pipe.transformer.state_dict(), file)
    assert torch.equal(paint(opened(file, config=folder)), paint(pipe))
    line = refusal(file, config=without_weights(folder, tmp_path / "config"))
    assert "holds no text_encoder nor text_encoder_2 nor vae; it is one network" in line
    assert "--config FOLDER" in line


def test_flux_converts_to_the_same_numbers_at_its_real_width():
    """Rows as many as in FLUX, one column: every row of every matrix must come to its place."""
    rows = {"attn.to_q": 1, "attn.to_k": 1, "attn.to_v": 1, "norm.linear": 3, "proj_mlp": 4, "proj_out": 1}
    double = ("to_q", "to_k", "to_v", "add_q_proj", "add_k_proj", "add_v_proj", "to_out.0", "to_add_out")
    rows = {f"single_transformer_blocks.0.{name}": n for name, n in rows.items()}
    rows |= {f"transformer_blocks.0.attn.{name}": 1 for name in double}
    rows |= {f"transformer_blocks.0.{name}.linear": 6 for name in ("norm1", "norm1_context")}
    rows |= {
        f"transformer_blocks.0.{ff}.net.{i}": n
        for ff in ("ff", "ff_context")
        for i, n in (("0.proj", 4), (2, 1))
    }
    rows |= {
        f"time_text_embed.{which}_embedder.linear_{i}": 1
        for which in ("timestep", "text", "guidance")
        for i in (1, 2)
    }
    rows |= {"context_embedder": 1, "x_embedder": 1, "norm_out.linear": 2, "proj_out": 1}
    noise = torch.Generator().manual_seed(0)
    state = {f"{name}.weight": torch.randn(3072 * n, 1, generator=noise) for name, n in rows.items()}
    state |= {f"{name}.bias": torch.randn(3072 * n, generator=noise) for name, n in rows.items()}
    for block, norms in (("single_", ("q", "k")), ("", ("q", "k", "added_q", "added_k"))):
        state |= {
            f"{block}transformer_blocks.0.attn.norm_{n}.weight": torch.randn(128, generator=noise)
            for n in norms
        }
    network = SimpleNamespace(state_dict=lambda: state, config={"num_layers": 1, "num_single_layers": 1})
    original = denoiser(flux(network))
    back = single_file_utils.convert_flux_transformer_checkpoint_to_diffusers(dict(original))
    assert back.keys() == state.keys() and all(torch.equal(back[key], state[key]) for key in state)


def test_sd3_without_its_t5_says_so_and_paints(saved, tmp_path: Path):
    pipe, folder = saved("sd3")
    lean = without_weights(folder, tmp_path / "lean")
    no_t5 = {key: None for key in original_state(pipe) if "t5xxl" in key}
    file = write_original(pipe, tmp_path / "incl_clips.safetensors", no_t5)
    with pytest.warns(UserWarning, match="has no T5: it reads prompts with CLIP alone"):
        without = opened(file, config=lean)
    assert without.text_encoder_3 is None and without.tokenizer_3 is None
    assert paint(without).shape == (1, 16, 16, 3)
    assert torch.equal(paint(opened(file, config=folder)), paint(pipe))  # the folder brings it


def test_models_that_are_none_of_these_are_refused(saved, tmp_path: Path):
    (tmp_path / "old.ckpt").write_bytes(b"\x80\x02}q\x00.")
    assert "may be a pickle" in refusal(tmp_path / "old.ckpt")
    assert "does not exist" in refusal(tmp_path / "no.safetensors")
    pipe, folder = saved("sd")
    file = write_original(pipe, tmp_path / "whole.safetensors")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(file.read_bytes()[:-100])
    assert "truncated or not safetensors" in refusal(cut, config=folder)
    assert "no whole text-to-image model of Stable Diffusion 1" in refusal(
        file
    )  # no real one has these shapes
    save_file(
        {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(4, 9, 3, 3)},
        tmp_path / "in.safetensors",
    )
    assert "looks like inpainting" in refusal(tmp_path / "in.safetensors")
    save_file({"lora_unet_down.lora_down.weight": torch.zeros(4, 4)}, tmp_path / "lora.safetensors")
    for config in (None, folder):
        assert "is a LoRA, not a model: give it with --lora" in refusal(
            tmp_path / "lora.safetensors", config=config
        )
    assert "no folder with a model_index.json, nor one of sd15" in refusal(file, config=tmp_path)


def test_what_is_wrong_inside_a_file_is_one_line(saved, tmp_path: Path):
    pipe, folder = saved("sd")
    key = "model.diffusion_model.input_blocks.0.0.weight"
    wrong = write_original(pipe, tmp_path / "wrong.safetensors", {key: torch.zeros(8, 4, 5, 5)})
    assert "could not be opened" in refusal(wrong, config=folder)
    absent = write_original(pipe, tmp_path / "absent.safetensors", {key: None})
    assert "lacks weights of its networks: it is damaged" in refusal(absent, config=folder)
    no_vae = {key: None for key in original_state(pipe) if key.startswith("first_stage_model")}
    bare = without_weights(folder, tmp_path / "bare")
    file = write_original(pipe, tmp_path / "no_vae.safetensors", no_vae)
    assert "holds no vae" in refusal(file, config=bare)
    assert torch.equal(paint(opened(file, config=folder)), paint(pipe))  # the folder has one
    only_vae = {key: t for key, t in original_state(pipe).items() if key.startswith("first_stage_model")}
    save_file({key: t.contiguous() for key, t in only_vae.items()}, tmp_path / "vae.safetensors")
    assert "holds no unet, the network that paints" in refusal(tmp_path / "vae.safetensors", config=folder)


def test_a_lost_weight_of_t5_is_noticed(saved, tmp_path: Path):
    pipe, folder = saved("sd3")
    key = "text_encoders.t5xxl.transformer.encoder.final_layer_norm.weight"
    file = write_original(pipe, tmp_path / "absent.safetensors", {key: None})
    line = refusal(file, config=folder)
    assert "lacks 1 weights of its text_encoder_3, such as encoder.final_layer_norm.weight" in line
