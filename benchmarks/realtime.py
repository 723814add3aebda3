"""Times real-time sampling side by side in one run: diffusers, StreamDiffusion and ours, on the same weights.

    python benchmarks/realtime.py [--stream-diffusion CHECKOUT] [--arch tiny|sd-turbo] [--only NAME] ...
    python benchmarks/realtime.py --table benchmarks/results/FILE.json

Writes a JSON file after every row and prints a table. On a CPU the networks are tiny by default, and only
ratios mean something; on a GPU they are SD-Turbo's. See docs/realtime-benchmark.md.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from emotive.errors import EmotiveError, InputError

RESULTS = Path(__file__).parent / "results"
SETTINGS = {
    "1-step": (1, "sequential", 1),
    "4-step": (4, "sequential", 1),
    "4-step-stream": (4, "stream", 1),
    "1-step-batch": (1, "sequential", 16),
    "4-step-batch": (4, "sequential", 16),
    "4-step-stream-batch": (4, "stream", 16),
}
EMBEDDED = {f"embedded-{steps}": steps for steps in (1, 2, 4)}
ABLATED = ("1-step", "4-step-stream", "embedded-2")  # the others take nothing and everything switched on


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(description="Time real-time sampling side by side.")
    add = options.add_argument
    add("--stream-diffusion", metavar="CHECKOUT", help="folder of a clone of cumulo-autumn/StreamDiffusion")
    add("--arch", choices=("tiny", "sd-turbo"), help="of the UNet; sd-turbo on a GPU, tiny on a CPU")
    add("--side", type=int, help="pixels a side, a multiple of 64; the architecture's own")
    add("--only", action="append", choices=(*SETTINGS, *EMBEDDED), metavar="NAME",
        help=f"sections, more than once: {', '.join((*SETTINGS, *EMBEDDED))}; all")  # fmt: skip
    add("--arm", action="append", metavar="TEXT", help="arms whose name contains TEXT, more than once; all")
    add("--model", default="emotive-image-1", help="of the embedded sections")
    add("--device")
    add("--dtype")
    add("--threads", type=int, help="of the CPU; torch's own choice")
    add("--warm", type=int, help="frames before the clock starts; 10, on a CPU 3")
    add("--frames", type=int, help="frames that count; 300, on a CPU 50 or 4 s")
    add("--compile", action=argparse.BooleanOptionalAction,
        help="the rows with torch.compile; in all sections, on a CPU only in 1-step")  # fmt: skip
    add("--minutes", type=float, default=60.0, help="no arm starts later than that (60)")
    add("-o", "--output", type=Path, metavar="FILE.json", help="benchmarks/results/DATE-DEVICE.json")
    add("--table", type=Path, metavar="FILE.json", help="only print the table of a result")
    return options


def main(arguments: list[str] | None = None) -> None:
    """Runs; what is wrong with the input is one line and exit 2."""
    given = sys.argv[1:] if arguments is None else arguments
    asked = parser().parse_args(given)
    try:
        if asked.table:
            from realtime_report import read, table

            print(table(read(asked.table)))
        else:
            benchmark(asked, "python benchmarks/realtime.py " + shlex.join(given))
    except EmotiveError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def benchmark(asked: argparse.Namespace, command: str) -> None:
    """All sections, one arm after another; the file is written after each row."""
    import torch
    from realtime_measure import Effort, Thermometer
    from realtime_networks import ARCHITECTURES, Networks, Setting
    from realtime_report import heading, new_result, save, section_table, usual_file
    from roofline import measure_peaks
    from stream_diffusion import open_checkout

    from emotive.devices import choose_device, choose_dtype
    from emotive.media import check_folder

    check(asked)
    if asked.threads:
        torch.set_num_threads(asked.threads)
    device = choose_device(asked.device)
    dtype, _ = choose_dtype(device, asked.dtype)
    gpu = device.type == "cuda"
    checkout = open_checkout(asked.stream_diffusion) if asked.stream_diffusion else None
    architecture = ARCHITECTURES[asked.arch or ("sd-turbo" if gpu else "tiny")]
    if asked.side:
        architecture = architecture.sized(asked.side)
    networks = Networks(architecture, device, dtype)
    effort = Effort(10, 300) if gpu else Effort(3, 50, seconds=4.0)
    effort = replace(effort, warm=asked.warm or effort.warm, frames=asked.frames or effort.frames)
    result = new_result(
        device,
        {
            "command": command,
            "architecture": architecture.name,
            "side": architecture.side,
            "warm": effort.warm,
            "frames": effort.frames,
        },
    )
    if asked.output is None:
        RESULTS.mkdir(exist_ok=True)
    file = asked.output or usual_file(result, RESULTS)
    check_folder(file.parent)
    began = time.monotonic()
    peaks = measure_peaks(device, dtype)
    short = str(dtype).removeprefix("torch.")
    result["peaks"] = {"flops": peaks.flops, "bandwidth": peaks.bandwidth, "dtype": short}
    print(heading(result), flush=True)
    run = Run(asked, effort, Thermometer(device, dtype), began + 60 * asked.minutes)
    for name in asked.only or (*SETTINGS, *EMBEDDED):
        if name in EMBEDDED:
            section, arms = embedded_section(
                asked.model, EMBEDDED[name], device, dtype, peaks, name in ABLATED
            )
        else:
            setting = Setting(name, *SETTINGS[name])
            section, arms = unet_section(networks, setting, checkout, peaks, name in ABLATED)
        section |= {"name": name, "rows": []}
        result["sections"].append(section)
        run.section(section, arms, lambda: save(result, file))
        print(section_table(section), flush=True)
    result["seconds"] = round(time.monotonic() - began, 1)
    save(result, file)
    print(f"\n{result['seconds']:.0f} s in all; {file}")


def check(asked: argparse.Namespace) -> None:
    """Raises InputError for numbers that make no sense."""
    for name in ("warm", "frames", "threads"):
        value = getattr(asked, name)
        if value is not None and not 1 <= value <= 100_000:
            raise InputError(f"--{name} must lie in 1..100000, not {value}")
    if asked.side is not None and (asked.side % 64 or not 64 <= asked.side <= 2048):
        raise InputError(f"--side must be a multiple of 64 in 64..2048, not {asked.side}")
    if not asked.minutes > 0:
        raise InputError(f"--minutes must be more than 0, not {asked.minutes:g}")


def unet_section(networks: Any, setting: Any, checkout: Any, peaks: Any, ablation: bool) -> tuple[dict, list]:
    """The head of a section over the UNet, and its arms."""
    from realtime_arms import unet_arms
    from roofline import as_json

    architecture = networks.architecture
    head = {
        "title": f"{architecture.name} UNet and AutoencoderTiny, {architecture.side}px, {setting.title}",
        "about": "UNet and decoder",
        "batch": setting.batch,
        "limit": as_json(architecture.work(setting, networks.dtype), peaks),
    }
    return head, unet_arms(networks, setting, checkout, ablation)


def embedded_section(
    model: str, steps: int, device: Any, dtype: Any, peaks: Any, ablation: bool
) -> tuple[dict, list]:
    """The head of a section over our own model, and its arms."""
    from realtime_embedded import embedded_arms, embedded_work, open_model
    from roofline import as_json

    pipe = open_model(model, device, dtype)
    head = {
        "title": f"{model}, 512px, {steps} step{'s' * (steps > 1)}, batch 1",
        "about": "denoiser and decoder",
        "batch": 1,
        "limit": as_json(embedded_work(pipe, steps), peaks),
    }
    return head, embedded_arms(pipe, steps, ablation)


class Run:
    """Runs the arms of a section that were asked for, while there is time."""

    def __init__(self, asked: argparse.Namespace, effort: Any, thermometer: Any, end: float):
        self.asked, self.effort, self.thermometer, self.end = asked, effort, thermometer, end
        self.device, self.dtype = thermometer.device, thermometer.a.dtype

    def section(self, section: dict, arms: list, save: Callable[[], None]) -> None:
        """Adds the rows; the first arm's picture is what the others must make too."""
        from realtime_measure import measured

        reference = None
        for arm in arms:
            if not self.wanted(arm, section["name"]):
                continue
            if time.monotonic() > self.end:
                row = {"arm": arm.name, "reason": f"not measured: {self.asked.minutes:g} minutes were up"}
            else:
                print(f"{section['name']}: {arm.name}", file=sys.stderr, flush=True)
                slowdown = 1.0 if arm.unable else self.thermometer.slowdown()
                row, known = measured(arm, self.effort, self.device, self.dtype, reference)
                row["slowdown"] = round(slowdown, 3)
                reference = known if reference is None else reference
            section["rows"].append(row)
            save()

    def wanted(self, arm: Any, name: str) -> bool:
        """Whether an arm was asked for."""
        if arm.compiled and not arm.unable:
            given = self.asked.compile
            if given is False or (given is None and self.device.type == "cpu" and name != "1-step"):
                return False
        return not self.asked.arm or any(text in arm.name for text in self.asked.arm)


if __name__ == "__main__":
    main()
