"""Weights are found by name, folder or hub id, and nothing broken, pickled or exchanged gets through."""

import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from emotive import weights
from emotive.errors import EmotiveError, WeightsError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A two-part model with its sums."""
    folder = tmp_path / "model"
    (folder / "denoiser").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    save_file({"w": np.arange(6, dtype=np.float32), "b": np.zeros(3, np.float32)}, folder / "a.safetensors")
    save_file({"w": np.ones((4, 4), np.float16)}, folder / "denoiser" / "b.safetensors")
    weights.write_sums(folder)
    return folder


@pytest.fixture
def checkpoints(model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of embedded models with one in it, `tiny-image-1`, and the sums of all above it."""
    root = model.parent / "checkpoints"
    root.mkdir()
    (model / weights.SUMS).unlink()
    model.rename(root / "tiny-image-1")
    weights.write_sums(root)
    monkeypatch.setattr(weights, "CHECKPOINTS", root.resolve())
    return root


def refused(folder: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        weights.verify(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_whole_model_verifies_with_and_without_sums(model: Path):
    weights.verify(model)
    (model / weights.SUMS).unlink()
    weights.verify(model)


def test_sums_are_coreutils_format(model: Path):
    names = [line.split("  ")[1] for line in (model / weights.SUMS).read_text().splitlines()]
    assert names == ["a.safetensors", "config.json", "denoiser/b.safetensors"]
    assert not list(model.glob(".*"))  # no temporary file is left
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--strict", "-c", weights.SUMS], cwd=model, check=True)
        lines = subprocess.run(["sha256sum", "-b", *names], cwd=model, check=True, capture_output=True).stdout
        (model / weights.SUMS).write_bytes(lines)  # `-b` marks binary files with a star
        weights.verify(model)


def test_one_changed_bit_is_refused(model: Path):
    data = bytearray((model / "a.safetensors").read_bytes())
    data[-1] ^= 1
    (model / "a.safetensors").write_bytes(data)
    assert "a.safetensors differs from its sha256" in refused(model)


@pytest.mark.parametrize("keep", [0, 7, 8, 40, -1])
@pytest.mark.parametrize("sums", [True, False])
def test_a_truncated_file_is_refused(model: Path, keep: int, sums: bool):
    file = model / "denoiser" / "b.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    if not sums:
        (model / weights.SUMS).unlink()
    assert "b.safetensors is truncated" in refused(model)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 64,
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 12) + b'{"w": [1, 2]',
        struct.pack("<Q", 15) + b'{"w": {"a": 1}}',
        struct.pack("<Q", 2) + b"{}" + b"trailing",
        b"<!doctype html><html>not found</html>",
    ],
)
def test_what_is_not_safetensors_is_refused(tmp_path: Path, data: bytes):
    (tmp_path / "x.safetensors").write_bytes(data)
    assert "truncated or not safetensors" in refused(tmp_path)


@pytest.mark.parametrize("suffix", [*weights.PICKLES, ".BIN"])
def test_pickles_are_refused_wherever_they_are(model: Path, suffix: str):
    (model / "denoiser" / f"extra{suffix}").write_bytes(b"")
    assert "pickle" in refused(model)


def test_a_pickle_behind_a_link_is_refused(model: Path, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "pytorch_model.bin").write_bytes(b"")
    (model / "vae").symlink_to(outside)
    assert "pickle" in refused(model)


def test_a_circle_of_links_ends(model: Path):
    (model / "denoiser" / "up").symlink_to(model)
    weights.verify(model)


def test_missing_unlisted_and_damaged(model: Path):
    shutil.copy(model / "config.json", model / "extra.json")
    assert "extra.json is not listed" in refused(model)
    (model / "extra.json").unlink()
    (model / "config.json").unlink()
    assert "config.json is missing" in refused(model)
    for line in ("nonsense", f"{'0' * 64}  ../config.json", f"{'0' * 64}  /etc/hostname", "\udcff"):
        (model / weights.SUMS).write_bytes(line.encode("utf-8", "surrogateescape"))
        assert weights.SUMS in refused(model)
    assert "no model folder" in refused(model / "nowhere")


def test_a_folder_without_weights_is_refused(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    assert "no *.safetensors" in refused(tmp_path)


def test_sums_are_not_written_over_a_broken_file(model: Path):
    before = (model / weights.SUMS).read_bytes()
    (model / "a.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(WeightsError, match="truncated"):
        weights.write_sums(model)
    assert (model / weights.SUMS).read_bytes() == before


def test_embedded_models_are_found_by_name_and_checked_against_the_common_sums(checkpoints: Path):
    folder = weights.resolve("tiny-image-1")
    assert folder == checkpoints.resolve() / "tiny-image-1"
    weights.verify(folder)
    weights.verify(folder / "denoiser")
    (tiny,) = weights.embedded()
    assert (tiny.name, tiny.path) == ("tiny-image-1", folder)
    assert tiny.bytes == sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    assert tiny.sha256 == weights.fingerprint(folder)[:12]

    save_file({"w": np.zeros((4, 4), np.float16)}, folder / "denoiser" / "b.safetensors")
    assert "b.safetensors differs from its sha256" in refused(folder)
    assert weights.embedded()[0].sha256 != tiny.sha256
    (checkpoints / weights.SUMS).unlink()
    assert weights.SUMS in refused(folder)


def test_the_name_of_an_embedded_model_wins_over_a_folder(checkpoints: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny-image-1").mkdir()
    assert weights.resolve("tiny-image-1") == checkpoints.resolve() / "tiny-image-1"
    assert weights.resolve("./tiny-image-1") == Path("./tiny-image-1")
    assert weights.resolve(Path("tiny-image-1")) == Path("tiny-image-1")


NOT_THERE = """tiny-image-2 ./none /none/at/all a/b/c ~/none-such - checkpoints/none config.json
    tiny-image-1/../x C:\\models __pycache__""".split()


@pytest.mark.parametrize("name", [*NOT_THERE, "", "x\0y", "two\nlines", "x" * 100_000])
def test_a_model_that_is_not_there_is_one_line_without_the_network(checkpoints: Path, monkeypatch, name: str):
    monkeypatch.chdir(checkpoints.parent)
    monkeypatch.setattr(
        weights, "_download", lambda hub_id: pytest.fail(f"the network was asked for {hub_id}")
    )
    with pytest.raises(WeightsError) as caught:
        weights.resolve(name)
    assert "tiny-image-1" in str(caught.value)
    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)
    assert name != "tiny-image-2" or "did you mean 'tiny-image-1'?" in str(caught.value)


def test_a_file_is_not_a_model(model: Path):
    with pytest.raises(WeightsError, match="is a file"):
        weights.resolve(str(model / "a.safetensors"))


def test_only_a_hub_id_asks_the_network_and_only_for_safe_files(checkpoints: Path, monkeypatch):
    import huggingface_hub

    asked = []

    def snapshot_download(hub_id: str, allow_patterns: list[str]) -> str:
        asked.append((hub_id, allow_patterns))
        return str(checkpoints)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert weights.resolve("someone/some-model.v1") == checkpoints
    ((hub_id, patterns),) = asked
    assert hub_id == "someone/some-model.v1"
    assert not any(p.endswith(weights.PICKLES) or p.endswith("*") for p in patterns)


@pytest.mark.parametrize("error", [ConnectionError("no\nnetwork"), ValueError("bad id"), FileNotFoundError()])
def test_a_hub_that_does_not_answer_is_one_line(monkeypatch, error: Exception):
    import huggingface_hub

    def snapshot_download(*args, **kwargs):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(EmotiveError) as caught:
        weights.resolve("someone/model")
    assert "someone/model" in str(caught.value) and "\n" not in str(caught.value)


def test_twenty_megabytes_are_verified_quickly(tmp_path: Path):
    for part in "ab":
        save_file({"w": np.zeros(10 * 2**20, np.uint8)}, tmp_path / f"{part}.safetensors")
    weights.write_sums(tmp_path)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        weights.verify(tmp_path)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.1


def test_every_embedded_model_verifies_and_fits_its_budget():
    models = {model.name: model for model in weights.embedded()}
    assert "emotive-image-1" in models
    for model in models.values():
        weights.verify(model.path)
        assert list(model.path.glob("*.md")), "a model comes with its card"
        for root, _, files in os.walk(model.path):
            assert all(Path(root, file).stat().st_size <= 12_000_000 for file in files)
