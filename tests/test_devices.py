"""The device that was asked for or a clear no; bf16 only where it is measured to be fast."""

import json
from pathlib import Path

import pytest
import torch

from emotive import devices
from emotive.errors import InputError

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own for every test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    devices._bf16_speed.cache_clear()
    return tmp_path / "emotive" / "bf16.json"


def pretend(monkeypatch: pytest.MonkeyPatch, cuda: int = 0, mps: bool = False, capability=(9, 0)):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


def test_the_best_device_is_chosen(monkeypatch):
    pretend(monkeypatch, cuda=1, mps=True)
    assert devices.choose_device().type == "cuda"
    pretend(monkeypatch, mps=True)
    assert devices.choose_device().type == "mps"
    pretend(monkeypatch)
    assert devices.choose_device() == CPU


def test_a_device_that_is_there_is_taken(monkeypatch):
    pretend(monkeypatch, cuda=2, mps=True)
    for name in ("cpu", "cuda", "cuda:1", "mps"):
        assert devices.choose_device(name) == torch.device(name)


@pytest.mark.parametrize(
    "name", ["cuda", "cuda:0", "mps", "", "gpu", "cuda:x", "cuda:-2", "xpu", "x" * 10_000]
)
def test_a_device_that_is_not_there_is_one_line(monkeypatch, name: str):
    pretend(monkeypatch)
    with pytest.raises(InputError) as caught:
        devices.choose_device(name)
    assert "\n" not in str(caught.value) and "cpu" in str(caught.value) and len(str(caught.value)) < 150


def test_a_cuda_number_too_high_is_one_line(monkeypatch):
    pretend(monkeypatch, cuda=1)
    with pytest.raises(InputError, match="1 CUDA device"):
        devices.choose_device("cuda:1")


@pytest.mark.parametrize(
    ("ratio", "dtype"), [(6.9, torch.bfloat16), (1.1, torch.float32), (0.2, torch.float32)]
)
def test_bf16_on_a_cpu_only_where_it_is_faster(monkeypatch, ratio: float, dtype: torch.dtype):
    monkeypatch.setattr(devices, "measure_bf16_speed", lambda: ratio)
    chosen, reason = devices.choose_dtype(CPU)
    assert chosen == dtype
    assert f"{ratio}x" in reason and "measured" in reason


def test_the_speed_is_measured_once_and_kept(monkeypatch, cache: Path):
    first, reason = devices.choose_dtype(CPU)
    assert reason.endswith("(measured)")
    ((key, ratio),) = json.loads(cache.read_text()).items()
    assert torch.__version__ in key and 0 < ratio < 100

    devices._bf16_speed.cache_clear()  # as a new process
    monkeypatch.setattr(devices, "measure_bf16_speed", lambda: pytest.fail("measured again"))
    again, reason = devices.choose_dtype(CPU)
    assert again == first and reason.endswith("(measured, cached)")


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"other": 3.0}', "null", "[" * 100_000])
def test_a_damaged_cache_is_measured_again_and_mended(monkeypatch, cache: Path, damage: str):
    monkeypatch.setattr(devices, "measure_bf16_speed", lambda: 2.0)
    cache.parent.mkdir()
    cache.write_text(damage)
    assert devices.choose_dtype(CPU)[1].endswith("(measured)")
    assert 2.0 in json.loads(cache.read_text()).values()


@pytest.mark.parametrize("value", ["NaN", "-1.0", "0.0", "Infinity", '"fast"', "null"])
def test_a_senseless_entry_is_measured_again(monkeypatch, cache: Path, value: str):
    monkeypatch.setattr(devices, "measure_bf16_speed", lambda: 2.0)
    devices.choose_dtype(CPU)
    cache.write_text(cache.read_text().replace("2.0", value))
    devices._bf16_speed.cache_clear()
    assert devices.choose_dtype(CPU) == (torch.bfloat16, "bf16: 2.0x fp32 on this processor (measured)")


def test_a_cache_that_cannot_be_written_does_no_harm(monkeypatch, tmp_path: Path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(devices, "measure_bf16_speed", lambda: 2.0)
    assert devices.choose_dtype(CPU)[0] == torch.bfloat16


def test_measuring_leaves_the_random_state_alone():
    before = torch.random.get_rng_state()
    assert 0 < devices.measure_bf16_speed(0.01) < 100
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(("capability", "dtype"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16)])
def test_bf16_on_cuda_by_compute_capability(monkeypatch, capability: tuple[int, int], dtype: torch.dtype):
    pretend(monkeypatch, cuda=1, capability=capability)
    chosen, reason = devices.choose_dtype(torch.device("cuda"))
    assert chosen == dtype and f"{capability[0]}.{capability[1]}" in reason


def test_a_requested_dtype_is_taken_without_measuring(monkeypatch):
    monkeypatch.setattr(devices, "measure_bf16_speed", lambda: pytest.fail("measured"))
    for name in ("bf16", "bfloat16", "torch.bfloat16", torch.bfloat16):
        assert devices.choose_dtype(CPU, name) == (torch.bfloat16, "bf16: as requested")
    assert devices.choose_dtype(torch.device("mps"))[0] == torch.float32
    for name in ("int8", "", "float64", torch.int64):
        with pytest.raises(InputError, match="use fp32, bf16 or fp16"):
            devices.choose_dtype(CPU, name)
