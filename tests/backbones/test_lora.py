"""LoRAs on top of a backbone: they add up, nothing of one is none, and those that do not fit are refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from opened_backbones import opened, paint, refusal
from peft import LoraConfig, get_peft_model_state_dict
from tiny_backbones import tiny_backbone

from emotive.backbones.fingerprints import backbone_fingerprint


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA of the tiny Stable Diffusion's UNet, made with peft."""
    pipe = tiny_backbone("sd")
    pipe.unet.add_adapter(LoraConfig(r=2, init_lora_weights=False, target_modules=["to_q", "to_v"]))
    folder = tmp_path_factory.mktemp("lora")
    pipe.save_lora_weights(folder, get_peft_model_state_dict(pipe.unet))
    return folder / "pytorch_lora_weights.safetensors"


def test_loras_add_up_and_nothing_of_one_is_none(saved, lora: Path):
    plain = opened(saved("sd"))
    expected = paint(plain)
    for name in (lora, str(lora.parent)):
        assert torch.equal(paint(opened(saved("sd"), loras=[(name, 0)])), expected)
    one = opened(saved("sd"), loras=[(lora, 1)])
    two = opened(saved("sd"), loras=[(lora, 0.25), (lora, 0.75)])
    assert (paint(one) - expected).abs().max() > 1e-3
    assert torch.allclose(paint(one), paint(two), atol=1e-4)
    prints = [backbone_fingerprint(pipe) for pipe in (plain, one, two)]
    assert len(set(prints)) == 3 and prints[0] == backbone_fingerprint(saved("sd"))


def test_loras_that_do_not_fit_are_refused(
    saved, lora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refused(name: Any, weight: float = 1.0, family: str = "sd") -> str:
        return refusal(saved(family), loras=[(name, weight)])

    assert "there is no LoRA" in refused("no-such")
    assert "weight of a LoRA must lie in" in refused(lora, 11)
    assert "holds no .safetensors file" in refused(tmp_path)
    assert "may be a pickle" in refused(shutil.copy(lora, tmp_path / "lora.pt"))
    assert "another kind of model" in refused(lora, family="sd3")
    assert "does not fit" in refused(lora, family="sdxl")  # the same layers, of other widths
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(lora.read_bytes()[:-9])
    assert "truncated" in refused(cut)
    assert "is not a LoRA" in refused(saved("sd") / "unet" / "diffusion_pytorch_model.safetensors")
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, package=None: None if name == "peft" else True
    )
    assert "pip install 'emotive[backbones]'" in refused(lora)
