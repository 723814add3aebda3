"""The real-time benchmark: what it counts, what it lets through, and that its arms do the same work."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from emotive.errors import InputError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of benchmarks/ find each other, as they do when one is run."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def part(name: str) -> Any:
    """A file of benchmarks/ as a module."""
    return importlib.import_module(name)


# -- the roofline ----------------------------------------------------------------------------------------


def test_operations_count_as_by_hand():
    roofline = part("roofline")
    with torch.device("meta"):
        x, w = torch.empty(2, 6, 10, 12), torch.empty(8, 3, 3, 3)
        q, k = torch.empty(2, 4, 50, 16), torch.empty(2, 4, 7, 16)
        rows, matrix, bias = torch.empty(5, 11), torch.empty(9, 11), torch.empty(9)
        with roofline.counted() as work:
            F.conv2d(x, w, padding=1, groups=2)
            F.conv_transpose2d(x, torch.empty(6, 4, 2, 2), stride=2)
            F.scaled_dot_product_attention(q, k, k)
            F.linear(rows, matrix, bias)
    assert work.of("conv").flops == 2 * 2 * 8 * 120 * 27 + 2 * 2 * 6 * 120 * 16
    assert work.of("attention").flops == 2 * 2 * 2 * 4 * 50 * 7 * 16
    assert work.of("attention").bytes == 4 * 2 * 4 * 16 * (50 + 7 + 7 + 50)  # no table of scores
    assert work.of("matmul").flops == 2 * 5 * 11 * 9
    assert work.of("matmul").bytes == 4 * (55 + 99 + 9 + 45)


def test_limit_is_the_slower_of_arithmetic_and_traffic():
    roofline = part("roofline")
    busy, moving = roofline.Operation("conv", 100, 1), roofline.Operation("matmul", 1, 100)
    work = roofline.Work({busy: 2, moving: 3})
    assert work.seconds(roofline.Peaks(10.0, 5.0)) == 2 * 10 + 3 * 20
    assert (work + work).seconds(roofline.Peaks(10.0, 5.0)) == work.times(2).seconds(
        roofline.Peaks(10.0, 5.0)
    )


def test_sd_turbo_counts():
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    roofline, networks = part("roofline"), part("realtime_networks")
    h200 = roofline.Peaks(790e12, 4.3e12)
    build: Any = AutoencoderKL  # whose annotations forbid what its code takes
    with torch.device("meta"):
        kl = build(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
        )
        decoding = roofline.count(lambda: kl.decode(torch.empty(1, 4, 64, 64), return_dict=False))
    assert decoding.flops / 1e9 == pytest.approx(2514.5, abs=0.05)
    unet = roofline.count_unet(networks.SD_TURBO.unet, 1, 64)
    assert unet.flops / 1e9 == pytest.approx(804.3, abs=0.05)
    assert unet.of("attention").flops / 1e9 == pytest.approx(126.05, abs=0.01)
    assert 1000 * unet.seconds(h200) == pytest.approx(1.154, abs=0.001)
    tiny = roofline.count_decoder({}, 1, 64)
    assert tiny.flops / 1e9 == pytest.approx(141.35, abs=0.01)
    assert 1 / (unet + tiny).seconds(h200) == pytest.approx(746.3, abs=0.1)
    assert 1 / (unet.times(4) + tiny).seconds(h200) == pytest.approx(208.3, abs=0.1)
    stream = networks.SD_TURBO.work(networks.Setting("", 4, "stream", 1), torch.bfloat16)
    assert 1 / stream.seconds(h200) == pytest.approx(230.6, abs=0.1)


# -- the arms --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def networks() -> Any:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        module = part("realtime_networks")
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module.Networks(module.TINY.sized(64), CPU, torch.float32)


@pytest.mark.parametrize("steps, mode, batch", [(1, "sequential", 2), (4, "sequential", 1), (4, "stream", 1)])
def test_ours_paints_what_diffusers_paints(networks, steps: int, mode: str, batch: int):
    arms, measure = part("realtime_arms"), part("realtime_measure")
    setting = part("realtime_networks").Setting("", steps, mode, batch)
    theirs = arms.diffusers_runner(networks, setting)
    theirs.frame()
    expected = theirs.known()
    assert expected.shape == (batch, 64, 64, 3) and expected.std() > 20
    assert measure.difference(theirs.frame(), expected) > 20  # other noise is another picture
    for tuning in (arms.NOTHING, arms.Tuning.for_device(CPU)):
        ours = arms.our_runner(arms.our_unet_sampler(networks, setting, tuning), tuning, ("", None))
        assert measure.difference(ours.known(), expected) < 0.01


def test_work_of_a_setting_is_its_calls_and_one_decoding(networks):
    roofline, setting = part("roofline"), part("realtime_networks").Setting
    tiny = networks.architecture
    decoding = roofline.count_decoder(tiny.decoder, 3, 8, torch.float32)
    one = roofline.count_unet(tiny.unet, 3, 8, dtype=torch.float32)
    assert tiny.work(setting("", 4, "sequential", 3), torch.float32) == one.times(4) + decoding
    four = roofline.count_unet(tiny.unet, 12, 8, dtype=torch.float32)
    assert tiny.work(setting("", 4, "stream", 3), torch.float32) == four + decoding
    assert four.flops == 4 * one.flops and four.bytes < 4 * one.bytes  # weights are read once


def test_affect_moves_the_picture_and_neutral_is_the_prompt(networks):
    arms = part("realtime_arms")
    anchors = arms.GivenAnchors(networks.words)
    weights = anchors.weights([arms.Affect(0, 0), arms.Affect(1, -1), arms.Affect(0.5, 0.2)])
    assert torch.allclose(weights.sum(1), torch.ones(3))
    assert weights[1].tolist() == [0, 1, 0, 0]
    blended = torch.einsum("bm,mnd->bnd", weights, anchors.tokens)
    assert torch.allclose(blended[:1], networks.words, atol=1e-5)
    assert (blended[2] - networks.words[0]).abs().mean() > 0.05


def test_switches_go_on_one_by_one_and_say_what_needs_a_gpu():
    arms = part("realtime_arms")
    rows = arms.our_arms(lambda tuning: None, CPU, ablation=True)
    assert [row.name for row in rows][1:-2] == [f"+ {name}" for name, _ in arms.SWITCHES]
    switched = {field for _, change in arms.SWITCHES for field in change}
    assert switched == {field.name for field in dataclasses.fields(arms.Tuning)}
    needing = {"pinned output", "CUDA graph", "our kernels"}
    for row in rows:
        assert (row.unable == arms.NO_GPU) == (row.name.removeprefix("+ ") in needing)
    assert next(row.name for row in rows if row.compiled and not row.unable) == "+ torch.compile"
    assert len(arms.our_arms(lambda tuning: None, CPU, ablation=False)) == 3


# -- StreamDiffusion -------------------------------------------------------------------------------------


def test_only_two_files_of_a_checkout_are_loaded(tmp_path: Path):
    stream = part("stream_diffusion")
    with pytest.raises(InputError, match="not a StreamDiffusion checkout"):
        stream.open_checkout(tmp_path)
    folder = tmp_path / "src" / "streamdiffusion"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('the package itself must not be loaded')\n")
    (folder / "image_filter.py").write_text("NAME = 'filter'\n")
    (folder / "pipeline.py").write_text(
        "from streamdiffusion.image_filter import NAME\nclass StreamDiffusion:\n    name = NAME\n"
    )
    assert stream.open_checkout(tmp_path).name == "filter"
    assert not [name for name in sys.modules if name.startswith("streamdiffusion")]
    (folder / "pipeline.py").write_text("import a_package_that_nobody_has\n")
    with pytest.raises(InputError, match="cannot be loaded"):
        stream.open_checkout(tmp_path)


@pytest.mark.skipif("STREAM_DIFFUSION" not in os.environ, reason="STREAM_DIFFUSION is no checkout")
@pytest.mark.parametrize("steps, mode, batch", [(1, "sequential", 2), (4, "sequential", 2), (4, "stream", 1)])
def test_stream_diffusion_paints(networks, steps: int, mode: str, batch: int):
    arms, stream = part("realtime_arms"), part("stream_diffusion")
    setting = part("realtime_networks").Setting("", steps, mode, batch)
    checkout = stream.open_checkout(os.environ["STREAM_DIFFUSION"])
    frame = arms.stream_diffusion_runner(checkout, networks, setting).frame()
    assert frame.shape == (batch, 64, 64, 3) and frame.std() > 20
    with pytest.raises(InputError, match="one picture a call"):
        stream.new_stream(checkout, None, 64, 4, "stream", 2)


# -- what is let through ---------------------------------------------------------------------------------


def painter(**changes: Any) -> Any:
    """A runner that works: a new picture at every frame."""
    arms, generator = part("realtime_arms"), np.random.default_rng(0)
    frame = lambda: generator.integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)  # noqa: E731
    return arms.Runner(**{"frame": frame, **changes})


def row(runner: Any, reference: Any = None, **changes: Any) -> dict:
    measure, arms = part("realtime_measure"), part("realtime_arms")
    arm = arms.Arm("an arm", lambda: runner, **changes)
    return measure.measured(arm, measure.Effort(1, 6), CPU, torch.float32, reference)[0]


def test_an_arm_that_works_has_numbers():
    got = row(painter())
    assert "reason" not in got and got["frames"] == 6
    assert 0 < got["p50_ms"] <= got["p99_ms"] and got["peak_bytes"] is None


def test_an_arm_without_its_work_has_a_reason_and_no_number():
    grey, noise = np.full((1, 8, 8, 3), 128, np.uint8), painter().frame()
    nan = torch.full((1, 3, 8, 8), torch.nan)

    def failing() -> np.ndarray:
        raise ValueError("the network is\nmissing")

    refused = {
        "not finite": row(painter(floats=lambda: nan)),
        "constant": row(painter(frame=lambda: grey)),
        "do not change": row(painter(frame=lambda: noise)),
        "away from the one": row(painter(known=lambda: noise), reference=noise[:, ::-1]),
        "nothing was compiled": row(painter(), compiled=True),
        "it went the slow way": row(painter(fallback=lambda: "it went the slow way")),
        "failed: ValueError: the network is missing": row(painter(frame=failing)),
        "no GPU": row(None, unable="no GPU"),
    }
    for reason, got in refused.items():
        assert reason in got["reason"]
        assert set(got) == {"arm", "reason"}


def test_a_printed_fallback_is_heard():
    def telling() -> np.ndarray:
        print("Acceleration has failed. Falling back to normal mode.")
        return painter().frame()

    assert "fell back" in row(painter(frame=telling))["reason"]


# -- the command -----------------------------------------------------------------------------------------


def test_a_run_is_written_and_its_table_printed_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    realtime, file = part("realtime"), tmp_path / "result.json"
    given = "--arch tiny --side 64 --only 1-step --only embedded-1 --device cpu --dtype fp32"
    chosen = [word for name in ("diffusers", "call", "as it comes", "CUDA") for word in ("--arm", name)]
    numbers = "--no-compile --warm 1 --frames 2"
    realtime.main([*given.split(), *numbers.split(), *chosen, "-o", str(file)])
    printed = capsys.readouterr().out
    result = json.loads(file.read_text())
    assert [section["name"] for section in result["sections"]] == ["1-step", "embedded-1"]
    first, second = (section["rows"] for section in result["sections"])
    assert [r["arm"] for r in first] == ["diffusers", "+ CUDA graph", "ours, as it comes"]
    assert [r["arm"] for r in second] == ["the pipeline's own call", "ours, as it comes"]
    for r in (first[0], first[2], *second):
        assert r["frames"] == 2 and r["frames_per_second"] > 0
    assert first[1]["reason"] == "not measured: no GPU at hand"
    assert first[2]["difference"] < 0.01 and second[1]["difference"] < 0.1
    assert result["hardware"]["device"] == "cpu" and result["versions"]["torch"] == torch.__version__
    realtime.main(["--table", str(file)])
    again = capsys.readouterr().out.strip()
    assert again in printed and "not measured: no GPU at hand" in again


@pytest.mark.parametrize(
    "given, told",
    [
        (["--side", "100"], "multiple of 64"),
        (["--frames", "0"], "--frames must lie"),
        (["--device", "cuda:99"], "CUDA device"),
        (["--stream-diffusion", "nowhere"], "not a StreamDiffusion checkout"),
        (["--table", "nowhere.json"], "does not exist"),
    ],
)
def test_what_is_wrong_is_one_line(given: list[str], told: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        part("realtime").main(given)
    error = capsys.readouterr().err
    assert (
        stopped.value.code == 2 and told in error and error.startswith("error: ") and error.count("\n") == 1
    )
