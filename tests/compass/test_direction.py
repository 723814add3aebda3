"""A direction: its file, where it is found, and the embeds that it moves."""

from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

pytest.importorskip("transformers", reason="backbones need the extra backbones")

from tiny_backbones import size_of, tiny_backbone

from emotive.backbones.adapter import PromptEmbeds
from emotive.backbones.directions import mood_basis
from emotive.compass.basis import backbone_basis
from emotive.compass.direction import Direction, add_directions, directions_folder, find
from emotive.errors import InputError
from emotive.pipelines.with_affect import plain_embeds, with_affect


def direction(name: str = "prickly", d: int = 6, pooled: int | None = 4) -> Direction:
    random = torch.Generator().manual_seed(0)
    offsets = {"tokens": torch.randn(d, generator=random)}
    if pooled:
        offsets["pooled"] = torch.randn(pooled, generator=random)
    probe = torch.randn(d + (pooled or 0), generator=random)
    return Direction(name, offsets, "a test model", probe, 0.83, (0.7, 0.94), 12, "2026-01-01", "card")


def embeds(d: int = 6, pooled: int | None = 4) -> PromptEmbeds:
    random = torch.Generator().manual_seed(1)
    content = torch.tensor([[False, True, True, False], [False, True, False, False]])
    tokens = torch.randn(2, 4, d, generator=random)
    tokens[0, 2] = 0  # of an encoder that is not there
    return PromptEmbeds(tokens, torch.randn(2, pooled, generator=random) if pooled else None, content)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def test_a_file_gives_back_what_was_saved():
    made = direction()
    read = Direction.load(made.save(Path("prickly.safetensors")))
    for name in ("name", "space", "confidence", "interval", "judgements", "created", "card"):
        assert getattr(read, name) == getattr(made, name)
    assert read.offsets.keys() == made.offsets.keys() and torch.equal(read.probe, made.probe)
    assert all(torch.equal(read.offsets[key], made.offsets[key]) for key in made.offsets)


def test_a_bare_name_is_looked_up_here_and_then_in_the_users_folder():
    with pytest.raises(InputError, match=r"no direction 'prickly' in the current folder or in .*data"):
        Direction.load("prickly")
    directions_folder().mkdir(parents=True)
    kept = direction().save(directions_folder() / "prickly.safetensors")
    assert find("prickly") == kept
    direction().save("prickly.safetensors")
    assert find("prickly") == Path("prickly.safetensors")
    with pytest.raises(InputError, match="there is no direction"):
        find("elsewhere/prickly")


def test_what_is_no_direction_is_one_line():
    Path("text.safetensors").write_text("no")
    save_file({"a": torch.zeros(2)}, "other.safetensors")
    whole = direction().save("whole.safetensors").read_bytes()
    Path("short.safetensors").write_bytes(whole[:-8])
    for name in ("text", "other", "short"):
        with pytest.raises(InputError, match=f"{name}.safetensors holds no direction") as caught:
            Direction.load(name)
        assert "\n" not in str(caught.value)
    for name in ("", "a/b", "../x", "x" * 61, ".", "a\n", " a"):
        with pytest.raises(InputError, match="cannot name"):
            direction(name)
    with pytest.raises(InputError, match="not finite"):
        Direction("x", {"tokens": torch.tensor([float("nan")])}, "m", torch.ones(1))
    with pytest.raises(InputError, match=r"ends in \.safetensors"):
        direction().save("x.pt")
    for bad in ("x" * 5000, "a\0b"):
        with pytest.raises(InputError, match="there is no direction"):
            Direction.load(bad)


def test_all_but_the_start_and_what_is_not_there_moves():
    before, made = embeds(), direction()
    made.save("prickly.safetensors")
    after = add_directions(before, {"prickly": 0.5})
    moved = before.tokens.any(-1)
    moved[:, 0] = False
    assert 0 < moved.sum() < 6  # one token of zeros, at least
    expected = before.tokens + 0.5 * moved[..., None] * made.offsets["tokens"]
    assert torch.allclose(after.tokens, expected)
    assert torch.equal(after.tokens[~moved], before.tokens[~moved])
    assert after.pooled is not None and before.pooled is not None
    assert torch.allclose(after.pooled, before.pooled + 0.5 * made.offsets["pooled"])
    back = add_directions(after, {made: -0.5})
    assert torch.allclose(back.tokens, before.tokens, atol=1e-6)
    assert add_directions(before, {made: 0}) is before
    both = add_directions(before, {made: 1, made.renamed("other"): 2})
    assert torch.allclose(both.tokens, add_directions(before, {made: 3}).tokens, atol=1e-6)


@pytest.mark.parametrize("amount", [3.1, float("nan"), float("inf"), "1", None, True])
def test_how_far_is_a_number_from_minus_three_to_three(amount):
    with pytest.raises(InputError, match=r"'prickly' is followed by -3\.\.3"):
        add_directions(embeds(), {direction(): amount})


def test_another_model_is_refused():
    made = direction()
    for other in (embeds(d=8), embeds(pooled=8), embeds(pooled=None)):
        with pytest.raises(InputError, match="'prickly' was found on a test model, not on this model"):
            add_directions(other, {made: 1})
    pipe, stranger = tiny_backbone("sdxl"), tiny_backbone("sdxl", seed=1)
    encode, other = partial(plain_embeds, pipe), partial(plain_embeds, stranger)
    found = backbone_basis(*mood_basis(encode, 4), encode, "mine").at([1, 0, 0, 0])
    before = encode(["a house"])
    assert not torch.equal(add_directions(before, {found: 1}, encode).tokens, before.tokens)
    pipe.to(dtype=torch.bfloat16)
    add_directions(encode(["a house"]), {found: 1}, encode)
    with pytest.raises(InputError, match="found on mine"):
        add_directions(other(["a house"]), {found: 1}, other)


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3", "flux"])
def test_a_backbone_follows_a_direction(family: str):
    pipe = with_affect(tiny_backbone(family), "blend")
    made = plain_embeds(pipe, ["a house"])
    random = torch.Generator().manual_seed(0)
    components = {"tokens": torch.randn(6, made.tokens.shape[-1], generator=random)}
    if made.pooled is not None:
        components["pooled"] = torch.randn(6, made.pooled.shape[-1], generator=random)
    axes = backbone_basis(components, torch.ones(6), lambda texts: plain_embeds(pipe, texts), family)

    def paint(**more):
        seed = torch.Generator().manual_seed(0)
        return pipe(
            "a house", num_inference_steps=2, generator=seed, output_type="np", **size_of(family), **more
        ).images

    plain, there = paint(), axes.at([1, 0, 0, 0, 0, 0])
    assert (paint(directions={there: 0}) == plain).all()
    assert (paint(directions={there: 2}) != plain).any()
    assert (paint(directions={there: 2}) == paint(directions={axes.at([2, 0, 0, 0, 0, 0]): 1})).all()
