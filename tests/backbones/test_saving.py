"""An adapter's folder: whole or not at all, verified, and every damage one line."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from emotive.backbones.adapter import PromptEmbeds
from emotive.backbones.blend import AffectBlend
from emotive.backbones.directions import PROBE, AffectDirections, Summary
from emotive.backbones.saving import CARD, CONFIG, FILE, open_adapter, save_adapter
from emotive.errors import InputError, WeightsError
from emotive.weights import write_sums


def no_encoder(texts: Sequence[str]) -> PromptEmbeds:
    raise AssertionError("opening a saved adapter encodes nothing")


@pytest.fixture
def adapter() -> AffectDirections:
    drawn = torch.Generator().manual_seed(0)
    tokens, pooled = torch.randn(1, 2, 3, 8, generator=drawn), torch.randn(3, 5, generator=drawn)
    probe = Summary(torch.randn(1, 1, 2, 8, generator=drawn), torch.randn(1, 5, generator=drawn))
    scores = {"valence": 0.5, "arousal": 0.25, "dominance": -0.125}
    figures = {"phrases": 4, "terms": 2, "ccc": scores, "r2": scores, "step": [[0.1, 0.2]]}
    return AffectDirections(tokens, pooled, (1,), probe, figures)


@pytest.fixture
def folder(adapter: AffectDirections, tmp_path: Path) -> Path:
    return adapter.save(tmp_path / "a" / "new" / "folder")


def changed(folder: Path, **entries) -> Path:
    """The folder with other entries in config.json, and sums that fit."""
    config = json.loads((folder / CONFIG).read_text("utf-8"))
    (folder / CONFIG).write_text(json.dumps(config | entries), "utf-8")
    write_sums(folder)
    return folder


def test_a_folder_holds_all_that_the_adapter_is(adapter: AffectDirections, folder: Path):
    assert sorted(p.name for p in folder.iterdir()) == sorted([CARD, "SHA256SUMS", FILE, CONFIG])
    back = open_adapter(folder, no_encoder)
    assert isinstance(back, AffectDirections)
    assert torch.equal(back.tokens, adapter.tokens) and torch.equal(back.probe.tokens, adapter.probe.tokens)
    assert back.pooled is not None and adapter.pooled is not None and torch.equal(back.pooled, adapter.pooled)
    assert (back.starts, back.content_only, back.figures) == ((1,), False, adapter.figures)
    assert open_adapter(str(folder), no_encoder).fingerprint() == adapter.fingerprint()
    assert json.loads((folder / CONFIG).read_text("utf-8"))["adapter"] == "directions"


def test_saving_again_replaces_it(adapter: AffectDirections, folder: Path):
    adapter.tokens = adapter.tokens + 1
    adapter.content_only = True
    adapter.save(folder)
    back = open_adapter(folder, no_encoder)
    assert isinstance(back, AffectDirections)
    assert torch.equal(back.tokens, adapter.tokens) and back.content_only
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]


def test_views_and_half_precision_are_saved_as_they_are(tmp_path: Path):
    tensors = {"turned": torch.arange(6.0).view(2, 3).T, "half": torch.ones(2, dtype=torch.bfloat16)}
    folder = save_adapter(tmp_path / "x", "mapper", tensors, {}, "# card")
    back = load_file(folder / FILE)
    assert torch.equal(back["turned"], tensors["turned"]) and back["half"].dtype == torch.bfloat16


def test_a_folder_of_something_else_is_left_alone(adapter: AffectDirections, tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"thesis.txt.*give a new folder"):
        adapter.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(InputError, match="cannot make the folder"):
        adapter.save(tmp_path / "thesis.txt")


def test_blend_needs_no_folder_and_names_without_weights_say_so():
    assert isinstance(open_adapter("blend", no_encoder), AffectBlend)
    for name in ("mapper", "emoticrafter"):
        with pytest.raises(InputError, match="give the folder") as caught:
            open_adapter(name, no_encoder)
        assert "\n" not in str(caught.value)
    with pytest.raises(WeightsError, match="there is no model"):
        open_adapter("directoins", no_encoder)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"adapter": "slider"}, "KeyError: 'slider'"),
        ({"starts": []}, "tokens"),
        ({"starts": [1, 77]}, "tokens"),
        ({"starts": ["one"]}, "one"),
        ({"probe": PROBE + "!"}, "another probe"),
    ],
)
def test_a_configuration_that_does_not_fit_is_one_line(folder: Path, entries: dict, says: str):
    with pytest.raises(WeightsError, match=says) as caught:
        open_adapter(changed(folder, **entries), no_encoder)
    assert "\n" not in str(caught.value) and "does not hold an affect adapter" in str(caught.value)


def test_damage_is_one_line(folder: Path):
    whole = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(whole[:-7])
    with pytest.raises(WeightsError, match="truncated"):
        open_adapter(folder, no_encoder)
    (folder / FILE).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(WeightsError, match="differs from its sha256"):
        open_adapter(folder, no_encoder)
    (folder / FILE).write_bytes(whole)
    tensors = load_file(folder / FILE)
    save_file({**tensors, "tokens": tensors["tokens"] * float("nan")}, folder / FILE)
    write_sums(folder)
    with pytest.raises(WeightsError, match="finite"):
        open_adapter(folder, no_encoder)
    save_file({"tokens": tensors["tokens"]}, folder / FILE)
    write_sums(folder)
    with pytest.raises(WeightsError, match=r"probe\.tokens"):
        open_adapter(folder, no_encoder)
    (folder / CONFIG).write_text("[]")
    write_sums(folder)
    with pytest.raises(WeightsError, match="does not hold an affect adapter"):
        open_adapter(folder, no_encoder)
    (folder / "adapter.pth").write_bytes(b"pickle")
    with pytest.raises(WeightsError, match="pickle"):
        open_adapter(folder, no_encoder)
