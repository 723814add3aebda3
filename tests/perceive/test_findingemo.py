"""CLIP and FindingEmo's heads, on a tiny random CLIP of the real class with a tiny tokenizer."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_backbones import clip_tokenizer

from emotive.errors import InputError, WeightsError
from emotive.perceive.clip import Clip, clip_pixels
from emotive.perceive.findingemo import FindingEmoHeads

transformers = pytest.importorskip("transformers")
PROJECTED = 12


def tiny_clip(patch: int = 32, seed: int = 0):
    size = len(clip_tokenizer())
    text = {
        "vocab_size": size, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 77, "bos_token_id": size - 2,
        "eos_token_id": size - 1, "pad_token_id": size - 1,
    }  # fmt: skip
    vision = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": 64, "patch_size": patch,
    }  # fmt: skip
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=PROJECTED)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return transformers.CLIPModel(config).eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "tiny"
    model = tiny_clip()
    with torch.no_grad():  # random towers all look alike: what differs between pictures is made larger
        for tower in (model.vision_model, model.text_model):
            for weight in tower.parameters():
                weight.mul_(6 if weight.ndim > 1 else 1)
    model.save_pretrained(path)
    clip_tokenizer().save_pretrained(path)
    return path


def pictures(n: int = 5, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = [(64, 64), (90, 70), (65, 200), (31, 17), (64, 100)]
    return [
        np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((h // 4 + 1, w // 4 + 1, 1)))[:h, :w].astype(
            np.uint8
        )
        for h, w in (sizes * n)[:n]
    ]


def head(path: Path, seed: int, width: int = PROJECTED) -> Path:
    rng = torch.Generator().manual_seed(seed)
    state = {
        "classifier.0.weight": torch.randn(1, width, generator=rng),
        "classifier.0.bias": torch.randn(1, generator=rng),
    }
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def heads(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    at = tmp_path_factory.mktemp("heads")
    names = ("valence1_CLIP_lr=0.0001_loss=MSELoss_sc=test_cuda.pth", "arousal1_CLIP_lr=0.001.pth")
    return head(at / names[0], 1), head(at / names[1], 2)


@pytest.mark.parametrize("side", [64, 224])
def test_pictures_are_prepared_as_transformers_does_it(side: int):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    theirs = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    for picture in pictures():
        expected = np.asarray(theirs(picture, return_tensors="np")["pixel_values"][0])
        np.testing.assert_allclose(clip_pixels(picture, side), expected, atol=1e-5)


def test_features_and_scores_are_the_models_own(folder: Path):
    """transformers' forward is the other way to the same numbers."""
    clip, items = Clip.from_pretrained(folder), pictures()
    texts = ["a house", "a sad dog by the sea", "x", "", "three trees"]
    model = transformers.CLIPModel.from_pretrained(folder)
    tokens = transformers.CLIPTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
    side = np.stack([clip_pixels(item, 64) for item in items])
    with torch.no_grad():
        whole = model(pixel_values=torch.from_numpy(side), **tokens)
        raw = model.get_image_features(torch.from_numpy(side))
    raw = getattr(raw, "pooler_output", raw)  # transformers 4 gives the tensor itself
    torch.testing.assert_close(clip.picture_features(items), raw)
    assert (clip.picture_features(items).norm(dim=1) - 1).abs().min() > 0.05  # not normalised
    cosines = (whole.logits_per_image / model.logit_scale.exp()).detach().numpy()
    np.testing.assert_allclose(clip.clip_score(items, texts), 100 * np.diag(cosines).clip(0), atol=1e-3)
    assert np.ptp(cosines) > 0.1


def test_quality_is_the_chance_of_the_good_prompt(folder: Path):
    clip, items = Clip.from_pretrained(folder), pictures()
    seen, (good, bad) = clip.picture_features(items), clip.text_features(["Good photo.", "Bad photo."])
    closer = torch.cosine_similarity(seen, good[None]) - torch.cosine_similarity(seen, bad[None])
    expected = torch.sigmoid(clip.model.logit_scale.exp() * closer).numpy()
    assert expected.min() < 0.5 < expected.max() and np.ptp(expected) > 0.1
    np.testing.assert_allclose(clip.clip_iqa(items), expected, atol=1e-5)
    assert clip.clip_iqa([]).shape == (0,)


def test_heads_are_a_sigmoid_on_features_that_are_not_normalised(folder: Path, heads: tuple[Path, Path]):
    judge, items = FindingEmoHeads.from_files(*heads, clip=folder), pictures()
    features = judge.clip.picture_features(items).double().numpy()
    found = judge.estimate(items)
    for path, values in zip(heads, (found.valence, found.arousal), strict=True):
        state = {key: value.double().numpy() for key, value in torch.load(path, weights_only=True).items()}
        rating = (
            6 / (1 + np.exp(-(features @ state["classifier.0.weight"][0] + state["classifier.0.bias"]))) - 3
        )
        np.testing.assert_allclose(values, rating / 3, atol=1e-9)
        assert np.ptp(values) > 0.05
    assert (found.valence_sd == 1 / np.sqrt(3)).all() and found.arousal_sd.shape == (5,)
    assert judge.name == "findingemo" and judge.estimate([]).valence.shape == (0,)


def test_a_picture_is_judged_alike_alone_and_among_others(folder: Path, heads: tuple[Path, Path]):
    judge, items = FindingEmoHeads.from_files(*heads, clip=folder), pictures(40)  # more than one batch
    together = judge.estimate(items)
    alone = judge.estimate(items[37:38])
    assert together.valence[37] == pytest.approx(alone.valence[0], abs=1e-5)


def test_fingerprints_follow_every_file(folder: Path, heads: tuple[Path, Path], tmp_path: Path):
    valence, arousal = heads
    one = FindingEmoHeads.from_files(valence, arousal, clip=folder).fingerprint()
    clip = Clip.from_pretrained(folder)
    assert one == FindingEmoHeads.from_files(valence, arousal, clip=clip).fingerprint() and len(one) == 64
    other = head(tmp_path / "valence.pth", 7)
    assert FindingEmoHeads.from_files(other, arousal, clip=clip).fingerprint() != one
    tiny_clip(seed=5).save_pretrained(tmp_path / "clip")
    assert FindingEmoHeads.from_files(valence, arousal, clip=tmp_path / "clip").fingerprint() != one


def test_another_clip_or_another_head_is_refused(folder: Path, heads: tuple[Path, Path], tmp_path: Path):
    valence, arousal = heads
    with pytest.raises(
        InputError, match="is given as the head for valence, and is called arousal: swap them"
    ):
        FindingEmoHeads.from_files(arousal, valence, clip=folder)
    wide = head(tmp_path / "arousal.pth", 3, width=20)
    with pytest.raises(WeightsError, match=r"fitted on 20 features .* CLIP ViT-16/32@64 gives 12"):
        FindingEmoHeads.from_files(valence, wide, clip=folder)
    tiny_clip(patch=16).save_pretrained(tmp_path / "b16")
    with pytest.raises(WeightsError, match=r"CLIP ViT-16/16@64 gives 12: give openai/clip-vit-base-patch32"):
        FindingEmoHeads.from_files(valence, arousal, clip=tmp_path / "b16")


class Harmful:
    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_what_is_no_head_is_one_line(folder: Path, heads: tuple[Path, Path], tmp_path: Path):
    weight, bias = "classifier.0.weight", "classifier.0.bias"
    torch.save({weight: Harmful(tmp_path / "harmed")}, tmp_path / "code.pth")
    torch.save({weight: torch.zeros(1, PROJECTED)}, tmp_path / "half.pth")
    torch.save({weight: torch.zeros(2, PROJECTED), bias: torch.zeros(2)}, tmp_path / "two.pth")
    torch.save({weight: torch.full((1, PROJECTED), np.inf), bias: torch.zeros(1)}, tmp_path / "inf.pth")
    torch.save([1], tmp_path / "list.pth")
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "cut.pth").write_bytes(heads[0].read_bytes()[:-200])
    for name, line in [
        ("code.pth", "holds code or objects beside tensors"), ("half.pth", r"has no classifier\.0\.bias"),
        ("two.pth", r"\(2, 12\) and \(2,\), not"), ("inf.pth", "not finite"),
        ("list.pth", "is no state dict"),
        ("text.pth", "is damaged"), ("cut.pth", "is damaged"),
    ]:  # fmt: skip
        with pytest.raises(WeightsError, match=line) as error:
            FindingEmoHeads.from_files(tmp_path / name, heads[1], clip=folder)
        assert "\n" not in str(error.value)
    assert not (tmp_path / "harmed").exists()
    with pytest.raises(InputError, match="does not exist"):
        FindingEmoHeads.from_files(tmp_path / "missing.pth", heads[1], clip=folder)


def test_what_is_no_clip_is_one_line(folder: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="holds no CLIP in safetensors"):
        Clip.from_pretrained(tmp_path / "empty")
    shutil.copytree(folder, tmp_path / "lacking")
    from safetensors.torch import load_file, save_file

    file = tmp_path / "lacking" / "model.safetensors"
    kept = {key: value for key, value in load_file(file).items() if key != "visual_projection.weight"}
    save_file(kept, file, {"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks visual_projection\.weight"):
        Clip.from_pretrained(tmp_path / "lacking")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="holds no CLIP that can be opened") as error:
        Clip.from_pretrained(tmp_path / "lacking")
    assert "\n" not in str(error.value)
    with pytest.raises(WeightsError, match="there is no model"):
        Clip.from_pretrained("nowhere")


def test_a_bin_file_is_read_without_running_it(folder: Path, tmp_path: Path):
    """The hub's oldest CLIPs have no safetensors."""
    from safetensors.torch import load_file

    shutil.copytree(folder, tmp_path / "old")
    file = tmp_path / "old" / "model.safetensors"
    state = load_file(file)
    file.unlink()
    torch.save(state, tmp_path / "old" / "pytorch_model.bin")
    items = pictures(2)
    one, other = (Clip.from_pretrained(at).picture_features(items) for at in (folder, tmp_path / "old"))
    assert torch.equal(one, other)
    torch.save({**state, "x": Harmful(tmp_path / "harmed")}, tmp_path / "old" / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="holds no CLIP that can be opened"):
        Clip.from_pretrained(tmp_path / "old")
    assert not (tmp_path / "harmed").exists()


def test_texts_that_are_too_long_or_too_few_are_said(folder: Path, tmp_path: Path):
    clip, items = Clip.from_pretrained(folder), pictures(1)
    with pytest.raises(InputError, match="1 pictures and 2 texts"):
        clip.clip_score(items, ["a", "b"])
    with pytest.warns(UserWarning, match="CLIP reads 77 tokens, so not all of 'a a a"):
        clip.clip_score(items, ["a " * 90])
    shutil.copytree(folder, tmp_path / "mute", ignore=shutil.ignore_patterns("*token*", "vocab*", "merges*"))
    with pytest.raises(WeightsError, match=r"holds no tokenizer\.json"):
        Clip.from_pretrained(tmp_path / "mute").clip_score(items, ["a"])
