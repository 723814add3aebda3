"""Opening backbones: every family from a folder, and from the hub's cache; what is refused, in one line."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from opened_backbones import opened, paint, refusal
from safetensors.torch import load_file, save_file
from tiny_backbones import TINY, tiny_backbone

from emotive.backbones.fingerprints import backbone_fingerprint, files_fingerprint, weight_files
from emotive.backbones.opening import backbone_kind, is_backbone, memory_errors, text_encoders
from emotive.backbones.sampling_defaults import sampling_defaults
from emotive.errors import EmotiveError, WeightsError
from emotive.pipelines.with_affect import plain_embeds, with_affect


@pytest.fixture
def copied(saved, tmp_path: Path):
    """A copy of such a folder, with its model_index.json changed."""

    def copied(family: str = "sd", **index: Any) -> Path:
        folder = tmp_path / f"copy-of-{family}"
        shutil.copytree(saved(family), folder, dirs_exist_ok=True)
        file = folder / "model_index.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | index))
        return folder

    return copied


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No network, and an empty cache of the hub, whose folder this is."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for module in ("huggingface_hub.constants", "diffusers.pipelines.pipeline_utils"):
        monkeypatch.setattr(f"{module}.HF_HUB_CACHE", str(tmp_path / "hub"), raising=False)
    return tmp_path / "hub"


def in_cache(folder: Path, cache: Path, hub_id: str) -> None:
    """Puts a folder where the hub's client keeps what it fetched."""
    home = cache / f"models--{hub_id.replace('/', '--')}"
    shutil.copytree(folder, home / "snapshots" / "0123abc")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("0123abc")


@pytest.mark.parametrize("family", TINY)
def test_a_folder_paints_what_its_pipeline_paints(family: str, saved):
    made, pipe = tiny_backbone(family), opened(saved(family))
    assert type(pipe) is type(made) and is_backbone(saved(family))
    assert torch.equal(paint(pipe), paint(made))
    from_picture = opened(saved(family), image_to_image=True)
    assert "Img2Img" in type(from_picture).__name__
    assert sampling_defaults(from_picture).size == sampling_defaults(pipe).size


def test_what_is_opened_takes_affect(saved):
    pipe = with_affect(opened(saved("sd")), "blend")
    assert not torch.equal(paint(pipe, affect="joy"), paint(pipe))
    assert sampling_defaults(pipe) == (50, 7.5, (16, 16))


def test_the_hubs_cache_works_without_a_network(saved, offline: Path):
    with pytest.raises(
        WeightsError, match=r"'owner/tiny-turbo' is not here, and the hub did not give it"
    ) as caught:
        backbone_kind("owner/tiny-turbo")
    assert "hf download owner/tiny-turbo" in str(caught.value)
    assert "hf download owner/tiny-turbo" in refusal("owner/tiny-turbo")
    in_cache(saved("sd"), offline, "owner/tiny-turbo")
    assert backbone_kind("owner/tiny-turbo") == "hub"
    pipe = opened("owner/tiny-turbo")
    assert pipe.config["_name_or_path"] == "owner/tiny-turbo"
    assert torch.equal(paint(pipe), paint(tiny_backbone("sd")))
    assert (
        backbone_fingerprint("owner/tiny-turbo")
        == backbone_fingerprint(pipe)
        == backbone_fingerprint(saved("sd"))
    )
    assert sampling_defaults(pipe)[:2] == (4, 0.0)


def test_ours_and_theirs_are_told_apart(saved, copied, tmp_path: Path, model: Path):
    assert backbone_kind("emotive-image-1") == backbone_kind(model) == "ours"
    assert (
        backbone_kind("emotive-image-2") == backbone_kind(tmp_path) == "ours"
    )  # its errors say what there is
    assert backbone_kind(saved("sd")) == backbone_kind(str(saved("sd"))) == "folder"
    for name in ("a/b/c.safetensors", "c.ckpt", "owner/c.safetensors"):
        assert backbone_kind(name) == "file"
    assert "one of Emotive's own: open it with EmotiveImagePipeline" in refusal(model)
    with pytest.raises(WeightsError, match=r"model_index\.json is damaged"):
        is_backbone(copied(_class_name=["code", "Mine"]))


def test_half_precision_takes_the_fp16_files(copied):
    folder = copied("sd")
    for file in list(folder.glob("*/*.safetensors")):
        half = {key: t.half() if t.is_floating_point() else t for key, t in load_file(file).items()}
        save_file(half, file.with_suffix(".fp16.safetensors"), {"format": "pt"})
    assert {f.name for f in weight_files(folder, "fp16")} == {
        "model.fp16.safetensors",
        "diffusion_pytorch_model.fp16.safetensors",
    }
    assert not any("fp16" in f.name for f in weight_files(folder))
    whole, half = opened(folder), opened(folder, dtype="fp16")
    assert half.unet.dtype == half.text_encoder.dtype == torch.float16
    assert backbone_fingerprint(half) != backbone_fingerprint(whole) == backbone_fingerprint(folder)
    for file in folder.glob("*/*model.safetensors"):
        file.unlink()
    only = opened(folder)  # in fp32, of the halves that there are
    assert only.unet.dtype == torch.float32 and torch.equal(
        only.unet.conv_in.weight, half.unet.conv_in.weight.float()
    )


def test_folders_that_are_wrong_are_one_line(copied, tmp_path: Path):
    assert "has no model_index.json" in refusal(tmp_path)
    assert "there is no model 'no such'" in refusal("no such")
    assert "of no family that is known: Stable Diffusion XL" in refusal(
        copied(_class_name="KandinskyPipeline")
    )
    assert "a config goes with a .safetensors file" in refusal(copied(), config="sd15")
    cut = copied(_class_name="StableDiffusionPipeline") / "unet" / "diffusion_pytorch_model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-50])
    assert "truncated or not safetensors" in refusal(cut.parent.parent)
    cut.rename(cut.with_suffix(".bin"))
    assert "weights of its unet may be pickles" in refusal(cut.parent.parent)
    cut.with_suffix(".bin").unlink()
    assert "weights of its unet are missing" in refusal(cut.parent.parent)
    (tmp_path / "copy-of-sd" / "model_index.json").write_text("{")
    assert "model_index.json is damaged" in refusal(tmp_path / "copy-of-sd")


def test_a_model_for_inpainting_and_one_of_other_shapes_are_refused(copied, tmp_path: Path):
    pipe = tiny_backbone("sd")
    config = {key: value for key, value in pipe.unet.config.items() if key[0] != "_"} | {"in_channels": 9}
    type(pipe.unet).from_config(config).save_pretrained(tmp_path / "wide")
    folder = copied()
    shutil.rmtree(folder / "unet")
    shutil.copytree(tmp_path / "wide", folder / "unet")
    assert "takes 9 channels where text alone gives 4" in refusal(folder)
    (folder / "unet" / "config.json").write_text(json.dumps(config | {"cross_attention_dim": 24}))
    assert "could not be opened as a diffusion model" in refusal(folder)


def test_a_safety_checker_without_weights_is_left_out_and_said(copied):
    folder = copied(
        safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"], requires_safety_checker=True
    )
    with pytest.warns(UserWarning, match="without the weights of its safety checker"):
        assert opened(folder).safety_checker is None


def test_offloading_needs_a_gpu(saved):
    assert "offloading moves a model off a GPU, and this is the CPU" in refusal(saved("sd"), offload="model")
    assert "offload is model or sequential, not 'disk'" in refusal(saved("sd"), offload="disk")
    assert "unknown dtype" in refusal(saved("sd"), dtype="int3")


def test_running_out_of_memory_is_one_line():
    with pytest.raises(EmotiveError, match=r"--offload model .*--size") as caught, memory_errors():
        torch.empty(1 << 60)
    assert "\n" not in str(caught.value)
    with pytest.raises(EmotiveError, match="out of memory"), memory_errors():
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(RuntimeError, match="shapes"), memory_errors():
        raise RuntimeError("shapes do not match")


def test_fingerprints_follow_contents_not_names(saved, copied, tmp_path: Path):
    folder = copied("sd")
    assert backbone_fingerprint(folder) == backbone_fingerprint(saved("sd"))
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    changed = bytearray(file.read_bytes())
    changed[-1] ^= 1
    file.write_bytes(changed)
    assert backbone_fingerprint(folder) != backbone_fingerprint(saved("sd"))
    assert backbone_fingerprint(tiny_backbone("sd")) == ""
    big = tmp_path / "big.safetensors"
    save_file({"w": torch.zeros(18_000_000)}, big)  # 72 MB: sampled
    before = files_fingerprint([big])
    save_file({"w": torch.cat([torch.zeros(17_999_999), torch.ones(1)])}, big)
    assert files_fingerprint([big]) != before
    with pytest.raises(WeightsError, match="there is no model"):
        backbone_fingerprint(tmp_path / "no")


@pytest.mark.parametrize("family", TINY)
def test_text_encoders_are_enough_to_encode(family: str, tmp_path: Path):
    tiny_backbone(family).save_pretrained(tmp_path)
    pipe = text_encoders(tmp_path, torch.device("cpu"), dtype="fp32")
    whole, alone = (plain_embeds(each, ["a cat", ""]) for each in (tiny_backbone(family), pipe))
    assert pipe.vae is None and torch.equal(alone.tokens, whole.tokens)
    assert torch.equal(alone.content, whole.content)
