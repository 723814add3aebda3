"""EmotiCrafter's checkpoints: parity with an independent implementation, and what is refused."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from command import refused
from emoticrafter_reference import felt_embeds, random_checkpoint
from safetensors.torch import load_file, save_file
from tiny_backbones import size_of, tiny_backbone

from emotive.backbones.adapter import PromptEmbeds, Prompts
from emotive.backbones.emoticrafter import EmotiCrafter, EmotiCrafterNetwork, EmotiCrafterShape
from emotive.backbones.saving import open_adapter
from emotive.errors import InputError, WeightsError
from emotive.pipelines.with_affect import with_affect

FEATURES, WIDTH, HEADS = 48, 32, 4
UNSET = float("nan")


def tensors(state: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(value) for key, value in state.items()}


def write(path: Path, state: dict[str, np.ndarray]) -> Path:
    torch.save(tensors(state), path)
    return path


def prompts(tokens: torch.Tensor, pooled: torch.Tensor | None = None) -> Prompts:
    def encode(_):
        raise AssertionError("EmotiCrafter encodes nothing")

    return Prompts(PromptEmbeds(tokens, pooled, torch.ones(tokens.shape[:2], dtype=torch.bool)), None, encode)


def embeds(rows: int = 2, length: int = 20, width: int = FEATURES, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, length, width, generator=torch.Generator().manual_seed(seed))


def moved(adapter: EmotiCrafter, tokens: torch.Tensor, points: list, strength: float = 1.0) -> torch.Tensor:
    (part,) = adapter(prompts(tokens), torch.tensor(points, dtype=torch.float32), strength)
    assert (part.weight == 1).all()
    return part.embeds.tokens


@pytest.fixture(scope="module")
def state() -> dict[str, np.ndarray]:
    return random_checkpoint(FEATURES, WIDTH, layers=2)


@pytest.fixture(scope="module")
def checkpoint(state: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("emoticrafter") / "scale_factor_1.0.pth", state)


@pytest.fixture
def adapter(checkpoint: Path) -> EmotiCrafter:
    return EmotiCrafter.from_checkpoint(checkpoint, heads=HEADS)


@pytest.mark.parametrize(("features", "width", "layers", "heads"), [(48, 32, 2, 4), (64, 48, 12, 12)])
def test_it_computes_what_an_independent_implementation_does(
    tmp_path: Path, features: int, width: int, layers: int, heads: int
):
    """Two layers, and as many layers and heads as were published."""
    state = random_checkpoint(features, width, layers, positions=77)
    adapter = EmotiCrafter.from_checkpoint(write(tmp_path / "c.pth", state), heads)
    x = embeds(3, 77, features)
    points = [[0.5, -0.25, UNSET], [-1.0, 1.0, UNSET], [0.0, 0.0, UNSET]]  # valence first, in -1..1
    found = moved(adapter, x, points).numpy()
    expected = np.stack([
        felt_embeds(state, x[row].numpy(), 3 * arousal, 3 * valence, heads)
        for row, (valence, arousal, _) in enumerate(points)
    ])  # fmt: skip
    assert np.abs(found - expected).max() < 1e-5
    v, a = (3 * torch.tensor(points, dtype=torch.float64)[:, i : i + 1] for i in (0, 1))
    offset = adapter.network.double()(x.double(), a, v)
    assert np.abs(x.numpy() + offset.numpy() - expected).max() < 1e-12
    assert np.abs(found - x.numpy()).max() > 1  # it did move them


def test_arousal_and_valence_are_not_taken_for_each_other(adapter: EmotiCrafter):
    x = embeds(1)
    assert not torch.allclose(
        moved(adapter, x, [[0.8, -0.3, UNSET]]), moved(adapter, x, [[-0.3, 0.8, UNSET]])
    )


def test_sizes_are_the_published_ones():
    """233.75 million numbers without the word table of 38.6 and the unused 42.5 million of `c_attn`."""
    with torch.device("meta"):
        network = EmotiCrafterNetwork(EmotiCrafterShape())
    published, word_table, unused = 233_752_832, 50257 * 768, 36 * (768 + 1) * 2 * 768
    assert sum(p.numel() for p in network.parameters()) == published - word_table - unused


def test_what_is_left_out_of_a_checkpoint_changes_nothing(
    state: dict[str, np.ndarray], adapter: EmotiCrafter, tmp_path: Path
):
    """Without `module.`, without the word table, other numbers in the unused thirds, as safetensors."""
    slim = {key.removeprefix("module."): value.copy() for key, value in state.items() if "wte" not in key}
    for key in slim:
        if "c_attn" in key:
            slim[key][..., WIDTH:] = 99
    save_file(tensors(slim), tmp_path / "c.safetensors")
    other = EmotiCrafter.from_checkpoint(tmp_path / "c.safetensors", HEADS)
    assert other.fingerprint() == adapter.fingerprint()
    point = [[0.5, 0.5, UNSET]]
    assert torch.equal(moved(other, embeds(1), point), moved(adapter, embeds(1), point))


def test_strength_scales_the_offset_and_nothing_else(adapter: EmotiCrafter):
    x, points = embeds(), [[0.9, 0.1, UNSET], [-0.4, -0.6, UNSET]]
    full = moved(adapter, x, points)
    torch.testing.assert_close(moved(adapter, x, points, 0.3), x + 0.3 * (full - x), rtol=0, atol=1e-5)
    torch.testing.assert_close(moved(adapter, x, points, 2.5), x + 2.5 * (full - x), rtol=0, atol=1e-5)


def test_rows_do_not_see_each_other(adapter: EmotiCrafter):
    x, points = embeds(), [[0.9, 0.1, UNSET], [-0.4, -0.6, UNSET]]
    both = moved(adapter, x, points)
    for row in range(2):
        alone = moved(adapter, x[row : row + 1], points[row : row + 1])
        torch.testing.assert_close(alone[0], both[row], rtol=0, atol=1e-5)


def test_half_precision_is_computed_in_float32(adapter: EmotiCrafter):
    x = embeds().half()
    points = [[0.9, 0.1, UNSET]] * 2
    found = moved(adapter, x, points)
    assert found.dtype == torch.float16
    assert torch.equal(found, moved(adapter, x.float(), points).half())


def test_pooled_embeds_stay_and_dominance_is_ignored_with_one_note(adapter: EmotiCrafter):
    x, pooled = embeds(1), torch.randn(1, 16)
    with pytest.warns(UserWarning, match="dominance is ignored"):
        (part,) = adapter(prompts(x, pooled), torch.tensor([[0.5, 0.5, 0.9]]), 1.0)
    assert part.embeds.pooled is pooled
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(part.embeds.tokens, moved(adapter, x, [[0.5, 0.5, -0.9]]))


def test_it_comes_back_from_a_folder(adapter: EmotiCrafter, tmp_path: Path):
    folder = adapter.save(tmp_path / "adapter")
    opened = [EmotiCrafter.load(folder), open_adapter(folder, prompts(embeds()).encode)]
    for other in opened:
        assert isinstance(other, EmotiCrafter) and other.fingerprint() == adapter.fingerprint()
        point = [[0.2, -0.9, UNSET]]
        assert torch.equal(moved(other, embeds(1), point), moved(adapter, embeds(1), point))
    stored = load_file(folder / "adapter.safetensors")
    assert {value.dtype for value in stored.values()} == {torch.float32}
    assert not any("wte" in key for key in stored)
    assert stored["h.0.attn_a.query.weight"].shape == (WIDTH, WIDTH)
    assert "no licence" in (folder / "README.md").read_text("utf-8")
    damaged = bytearray((folder / "adapter.safetensors").read_bytes())
    damaged[-1] ^= 1
    (folder / "adapter.safetensors").write_bytes(damaged)
    with pytest.raises(WeightsError, match="differs from its sha256"):
        EmotiCrafter.load(folder)


def test_it_gives_a_whole_pipeline_affect(tmp_path: Path):
    """The tiny Stable Diffusion XL has prompt embeds 32 wide."""
    state = random_checkpoint(32, 16, layers=1)
    adapter = EmotiCrafter.from_checkpoint(write(tmp_path / "c.pth", state), heads=2)
    pipe = with_affect(tiny_backbone("sdxl"), adapter)

    def picture(**request) -> np.ndarray:
        generator = torch.Generator().manual_seed(0)
        call = {"num_inference_steps": 2, "output_type": "np", "generator": generator, **size_of("sdxl")}
        return pipe("a house by the sea", **call, **request).images[0]  # type: ignore[attr-defined]

    plain, felt, other = picture(), picture(affect="-0.8,0.4"), picture(affect="0.8,-0.4")
    assert np.array_equal(plain, picture(affect="-0.8,0.4", affect_strength=0))
    assert np.array_equal(felt, picture(affect="-0.8,0.4"))
    assert np.abs(felt - plain).max() > 1e-4 and np.abs(felt - other).max() > 1e-4


def test_other_embeds_are_refused(adapter: EmotiCrafter):
    with pytest.raises(
        WeightsError, match=r"48 wide \(Stable Diffusion XL's are 2048\), and this backbone's are 768"
    ):
        moved(adapter, embeds(width=768), [[0, 0, UNSET]])
    with pytest.raises(InputError, match="at most 100 tokens; the prompt has 101"):
        moved(adapter, embeds(1, 101), [[0, 0, UNSET]])


class Harmful:
    """What a pickle can do: run a command when it is opened."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_is_never_run(state: dict[str, np.ndarray], tmp_path: Path):
    torch.save({**tensors(state), "module.extra": Harmful(tmp_path / "harmed")}, tmp_path / "c.pth")
    with pytest.raises(
        WeightsError, match="holds code or objects beside tensors, so it is not opened"
    ) as error:
        EmotiCrafter.from_checkpoint(tmp_path / "c.pth", HEADS)
    assert not (tmp_path / "harmed").exists() and "\n" not in str(error.value)
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(WeightsError, match="holds code or objects"):
        EmotiCrafter.from_checkpoint(tmp_path / "model.pth")


def swapped(key: str, value: np.ndarray | None):
    def change(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {k: v for k, v in {**state, key: value}.items() if v is not None}

    return change


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (swapped("module.h.1.attn_v.c_z.weight", None), r"h\.1\.attn_v\.c_z\.weight is missing$"),
        (swapped("module.wpe.weight", None), r"wpe\.weight is missing$"),
        (swapped("module.wpe.weight", np.zeros(3, np.float32)), r"wpe\.weight is \(3,\)"),
        (swapped("module.h.0.ln_a.bias", np.zeros(5, np.float32)), r"ln_a\.bias is \(5,\), where \(32,\) is"),
        (swapped("module.a_f.0.weight", np.zeros((24, 2), np.float32)), r"\(24, 2\), where \(24, 1\)"),
        (swapped("module.ln_f.bias", np.full(WIDTH, np.nan, np.float32)), "not of finite numbers"),
        (swapped("module.ff.weight", np.zeros((48, 48), np.float32)), "trained with another output layer"),
        (swapped("module.lm_head.weight", np.zeros((4, 4), np.float32)), r"lm_head\.weight is not of it"),
        (lambda state: {k: v for k, v in state.items() if ".h." not in k}, r"h\.0\.ln_1\.weight is missing"),
        (lambda state: {}, r"wpe\.weight is missing"),
    ],
)
def test_another_network_is_refused_in_one_line(
    state: dict[str, np.ndarray], tmp_path: Path, change, line: str
):
    with pytest.raises(WeightsError, match=line) as error:
        EmotiCrafter.from_checkpoint(write(tmp_path / "c.pth", change(state)), HEADS)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


def test_what_is_no_checkpoint_is_refused_in_one_line(checkpoint: Path, tmp_path: Path):
    with pytest.raises(InputError, match="does not exist"):
        EmotiCrafter.from_checkpoint(tmp_path / "missing.pth")
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "cut.pth").write_bytes(checkpoint.read_bytes()[:-5000])
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "bad.safetensors").write_bytes(b"no weights at all")
    for name in ("text.pth", "cut.pth", "empty.pth", "bad.safetensors"):
        with pytest.raises(WeightsError, match="damaged, or no PyTorch file"):
            EmotiCrafter.from_checkpoint(tmp_path / name)
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    torch.save({"state_dict": {"wpe.weight": torch.zeros(3, 3)}}, tmp_path / "nested.pth")
    for name in ("list.pth", "nested.pth"):
        with pytest.raises(WeightsError, match="is no state dict"):
            EmotiCrafter.from_checkpoint(tmp_path / name)
    with pytest.raises(WeightsError, match="width of 32 cannot be shared by 0 heads: give heads="):
        EmotiCrafter.from_checkpoint(checkpoint)


def test_the_command_writes_a_folder_that_opens(run, tmp_path: Path):
    write(tmp_path / "c.pth", random_checkpoint(16, 64, layers=1))  # one head of 64
    done = run("convert", "emoticrafter", "c.pth", "-o", "adapter")
    assert done.code == 0 and done.out == ["adapter"]
    assert any("no licence" in line for line in done.err)
    found = EmotiCrafter.load(tmp_path / "adapter")
    assert found.fingerprint() == EmotiCrafter.from_checkpoint(tmp_path / "c.pth").fingerprint()
    (tmp_path / "broken.pth").write_bytes(b"x")
    assert "damaged" in refused(run("convert", "emoticrafter", "broken.pth", "-o", "other"))
    assert not (tmp_path / "other").exists()
    assert "holds other files" in refused(run("convert", "emoticrafter", "c.pth", "-o", "."))
