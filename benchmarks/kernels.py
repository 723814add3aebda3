"""Times the Triton kernels against torch and against what Inductor makes of their references.

    python benchmarks/kernels.py [--batch 1 16] [--dtype bf16] [-o FILE.json]

At the shapes of SD-Turbo's UNet at 512px and its decoder's picture. Every call is recorded in a CUDA graph,
as the sampler runs it, so launches cost what they cost there; answers are compared before they are timed. A
kernel wins only if it is faster than Inductor over the whole list, each shape weighted by how often a UNet
has it. Writes benchmarks/results/DATE-CARD-kernels.json; without a CUDA device it says so and writes
nothing.
"""

from __future__ import annotations

import argparse
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

RESULTS = Path(__file__).parent / "results"
CALLS = 20  # in one graph
REPLAYS = 50  # the median counts


@dataclass(frozen=True)
class Case:
    """One call, in as many ways as there are `arms`, the reference first. moved: bytes that it must read
    and write.
    times: how often a frame has it."""

    kernel: str
    shape: str
    moved: int
    times: int
    arms: dict[str, Callable[[], Tensor]]
    tolerance: float


def main() -> None:
    options = argparse.ArgumentParser(description="Time the Triton kernels.")
    options.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    options.add_argument("--dtype", choices=("fp32", "bf16", "fp16"), default="bf16")
    options.add_argument("-o", "--output", type=Path, metavar="FILE.json")
    given = options.parse_args()
    if not torch.cuda.is_available():
        print("not measured: no CUDA device")
        return
    from realtime_report import hardware, save, slug, versions

    from emotive.devices import DTYPES

    device, dtype = torch.device("cuda"), DTYPES[given.dtype]
    bandwidth = copy_bandwidth(device)
    result: dict[str, Any] = {
        "benchmark": "kernels",
        "format": 1,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "hardware": hardware(device),
        "versions": versions(),
        "arguments": {"batch": given.batch, "dtype": given.dtype},
        "copy_bytes_per_second": bandwidth,
        "cases": [],
    }
    print(f"{result['hardware']['card']}: copies at {bandwidth / 1e9:.0f} GB/s\n")
    name = f"{result['date'][:10]}-{slug(result['hardware']['card'])}-kernels.json"
    file = given.output or RESULTS / name
    for batch in given.batch:
        totals: dict[str, Counter[str]] = {}
        for case in cases(batch, dtype, device):
            row = timed(case, bandwidth) | {"batch": batch}
            result["cases"].append(row)
            for arm, seconds in row["seconds"].items():
                totals.setdefault(case.kernel, Counter())[arm] += seconds * case.times
            said = ", ".join(f"{arm} {seconds * 1e6:.1f}" for arm, seconds in row["seconds"].items())
            print(f"batch {batch}  {case.kernel:16} {case.shape:28} x{case.times:<3} {said} us")
            torch._dynamo.reset()
            save(result, file)
        for kernel, total in totals.items():
            said = ", ".join(f"{arm} {seconds * 1e6:.1f}" for arm, seconds in total.items())
            print(f"batch {batch}  {kernel:16} a frame: {said} us")
        print()
    print(f"written to {file}")


def cases(batch: int, dtype: torch.dtype, device: torch.device) -> Iterator[Case]:
    """Every call of a frame of SD-Turbo that a kernel could do."""
    from emotive.sampling.kernels.fused_step import (
        fused_step,
        fused_stream_step,
    )
    from emotive.sampling.kernels.group_norm_silu import group_norm_silu
    from emotive.sampling.kernels.pack_uint8 import pack_uint8
    from emotive.sampling.realtime.compiling import compiled
    from emotive.sampling.realtime.output import packed
    from emotive.sampling.realtime.schedule import StepSchedule
    from emotive.sampling.realtime.step import stream_step_in_place, take_step

    generator = torch.Generator(device).manual_seed(0)

    def drawn(*shape: int, kind: torch.dtype = dtype) -> Tensor:
        return torch.randn(*shape, generator=generator, device=device).to(kind)

    for (channels, side, biased, silu), times in sorted(norms_of_sd_turbo().items()):
        x = drawn(batch, channels, side, side).contiguous(memory_format=torch.channels_last)
        weight, bias = drawn(channels), drawn(channels)
        added = drawn(batch, channels) if biased else None
        arguments = (x, weight, bias, 32, 1e-5, added, silu)
        made = compiled(norm_of_diffusers, device)
        yield Case(
            "group_norm_silu",
            f"{channels} x {side} x {side}{' +bias' * biased}{' +silu' * silu}",
            2 * x.numel() * x.element_size(),
            times,
            {
                "torch": lambda a=arguments: norm_of_diffusers(*a),
                "inductor": lambda a=arguments, made=made: made(*a),
                "ours": lambda a=arguments: group_norm_silu(*a),
            },
            8 * torch.finfo(dtype).eps,  # torch rounds the sum with the bias
        )

    x, out, noise = (
        drawn(batch, 4, 64, 64, kind=torch.float32),
        drawn(batch, 4, 64, 64),
        drawn(4, batch, 4, 64, 64),
    )
    noise = noise.float()
    numbers = StepSchedule(*torch.rand(7, 4, generator=torch.Generator().manual_seed(0)), start=1.0)
    made = compiled(lambda x, out, noise: take_step(x, out.float(), noise, numbers, 0), device)
    yield Case(
        "fused_step",
        f"{batch} x 4 x 64 x 64",
        3 * x.nbytes + out.nbytes,
        1,
        {
            "torch": lambda: take_step(x, out.float(), noise[0], numbers, 0),
            "inductor": lambda: made(x, out, noise[0]),
            "ours": lambda: fused_step(x, out, noise[0], numbers, 0),
        },
        1e-5,
    )
    rows, answers, there = drawn(4, batch, 4, 64, 64).float(), drawn(4 * batch, 4, 64, 64), numbers.to(device)
    rows_made = compiled(lambda x, out, noise: stream_step_in_place(x, out, noise, there), device)
    start = rows.clone()
    yield Case(
        "fused_stream_step",
        f"4 x {batch} x 4 x 64 x 64",
        3 * rows.nbytes + answers.nbytes,
        1,
        {  # from the same rows each time; what restores them is in all arms
            "torch": lambda: stream_step_in_place(rows.copy_(start), answers, noise, there),
            "inductor": lambda: rows_made(rows.copy_(start), answers, noise),
            "ours": lambda: fused_stream_step(rows.copy_(start), answers, noise, there),
        },
        1e-4,
    )
    for layout in (torch.channels_last, torch.contiguous_format):
        picture = drawn(batch, 3, 512, 512).contiguous(memory_format=layout)
        packing = compiled(packed, device)
        yield Case(
            "pack_uint8",
            f"512 x 512, {str(layout)[6:]}",
            picture.numel() * (picture.element_size() + 1),
            int(layout is torch.channels_last),
            {
                "torch": lambda picture=picture: packed(picture),
                "inductor": lambda picture=picture, packing=packing: packing(picture),
                "ours": lambda picture=picture: pack_uint8(picture),
            },
            1.0,  # level: Inductor fuses product and sum
        )


def norm_of_diffusers(
    x: Tensor, weight: Tensor, bias: Tensor, groups: int, eps: float, added: Tensor | None, silu: bool
) -> Tensor:
    """As diffusers' blocks write it, and channels last, which the convolution behind it takes."""
    y = F.group_norm(x if added is None else x + added[:, :, None, None], groups, weight, bias, eps)
    return (F.silu(y) if silu else y).contiguous(memory_format=torch.channels_last)


def norms_of_sd_turbo() -> Counter[tuple[int, int, bool, bool]]:
    """(channels, side, whether a time bias comes before, whether SiLU comes behind): how many a UNet has.
    Asked of the UNet itself, without memory."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    from realtime_networks import SD_TURBO

    found: Counter[tuple[int, int, bool, bool]] = Counter()
    with torch.device("meta"):
        unet = UNet2DConditionModel(**SD_TURBO.unet)
        for name, module in unet.named_modules():
            if isinstance(module, torch.nn.GroupNorm):
                biased = name.endswith(".norm2")
                silu = biased or name.endswith((".norm1", "conv_norm_out"))

                def note(_: Any, given: tuple[Tensor], biased: bool = biased, silu: bool = silu) -> None:
                    found[given[0].shape[1], given[0].shape[2], biased, silu] += 1

                module.register_forward_pre_hook(note)
        unet(torch.zeros(1, 4, 64, 64), torch.zeros(1), torch.zeros(1, 77, 1024))
    return found


@torch.inference_mode()
def timed(case: Case, bandwidth: float) -> dict[str, Any]:
    """Seconds of every arm, and bytes a second in relation to a copy; raises AssertionError where an arm's
    answer is not the reference's."""
    row: dict[str, Any] = {
        "kernel": case.kernel,
        "shape": case.shape,
        "times": case.times,
        "moved": case.moved,
    }
    expected, seconds = next(iter(case.arms.values()))().float(), {}
    for arm, call in case.arms.items():
        torch.testing.assert_close(call().float(), expected, atol=case.tolerance, rtol=case.tolerance)
        seconds[arm] = seconds_of(call)
    shares = {arm: case.moved / s / bandwidth for arm, s in seconds.items()}
    return row | {"seconds": seconds, "share_of_copy_bandwidth": shares}


def seconds_of(call: Callable[[], object]) -> float:
    """Of one call in a CUDA graph, in the median of many replays."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(CALLS):
            call()
    found = []
    for _ in range(REPLAYS + 5):
        began, ended = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        began.record()
        graph.replay()
        ended.record()
        ended.synchronize()
        found.append(began.elapsed_time(ended) / 1000 / CALLS)
    return statistics.median(found[5:])


def copy_bandwidth(device: torch.device) -> float:
    """Bytes a second, read and written, of a copy of 1 GB: what memory gives, not the caches. Norms of one
    picture stay in the second-level cache and may pass it."""
    here = torch.empty(2**30, dtype=torch.uint8, device=device)
    there = torch.empty_like(here)
    return 2 * here.nbytes / seconds_of(lambda: there.copy_(here))


if __name__ == "__main__":
    main()
