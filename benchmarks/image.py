"""Times the embedded image model side by side in one run, and prints a table.

    python benchmarks/image.py [--model NAME|DIR] [--device cpu|cuda] [--threads 2] [--repeats 15]

Rows, for each dtype: our few-step sampling at 1, 2 and 4 steps; and the loop that diffusers users would write
for the same network and weights, guided flow with three predictions a step, at 4 and 20 steps. Runs take
turns, so that a busy machine slows all of them alike; the ratio is what to compare. Then, in processes of
their own: the time and the peak memory from a cold start to the first picture.
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

COLD = "from emotive.cli import main; main()"


def plain_loop(pipe, steps: int) -> Callable[[], object]:
    """Guided flow as a diffusers user would write it: scheduler, three predictions a step, one picture."""
    import numpy as np
    import PIL.Image
    import torch

    from emotive.affect import Affect
    from emotive.models.affect_embedding import AffectTokens
    from emotive.models.text_encoder import TextFeatures

    scale, affect_scale = pipe.guidance_defaults
    null = pipe.text_encoder(pipe.text_encoder.null(1).to(pipe.device))
    words = pipe.encode_prompt(["a house in a meadow"])
    text = TextFeatures(*(torch.cat([a, b, b]) for a, b in zip(null, words, strict=True)))
    affect = AffectTokens(*(torch.cat([a] * 3) for a in pipe.encode_affect([Affect.parse("joy")])))
    without = torch.tensor([True, True, False], device=pipe.device)
    ones = torch.ones(3, 2, device=pipe.device)
    generator = torch.Generator(pipe.device).manual_seed(0)

    @torch.no_grad()
    def run() -> object:
        pipe.scheduler.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps).tolist(), device=pipe.device)
        x = torch.randn(1, 3, 64, 64, generator=generator, device=pipe.device)
        for t in pipe.scheduler.timesteps:
            sigma = (t / 1000).expand(3).float()
            clean = pipe.denoiser(
                x.repeat(3, 1, 1, 1).to(pipe.denoiser.dtype), sigma, sigma, text, affect, without, ones
            )
            nothing, said, felt = ((x - c) / (t / 1000) for c in clean.float().chunk(3))
            u = nothing + scale * (said - nothing) + affect_scale * (felt - said)
            x = pipe.scheduler.step(u, t, x, return_dict=False)[0]
        picture = (255 * pipe.decode(x.clamp(-1, 1))[0]).round().byte().permute(1, 2, 0).cpu().numpy()
        return PIL.Image.fromarray(picture)

    return run


def rows(pipe) -> dict[str, Callable[[], object]]:
    """Name -> a call that makes one picture, as a PIL image."""
    import torch

    def ours(steps: int) -> Callable[[], object]:
        generator = torch.Generator(pipe.device).manual_seed(0)
        return lambda: pipe(
            "a house in a meadow", affect="joy", num_inference_steps=steps, generator=generator
        ).images[0]

    loops = {f"diffusers' loop, {n} steps": plain_loop(pipe, n) for n in (4, 20)}
    return {**{f"ours, {n} step{'s' * (n > 1)}": ours(n) for n in (1, 2, 4)}, **loops}


def time_rows(
    calls: dict[str, Callable[[], object]], repeats: int, synchronize: Callable[[], None]
) -> dict[str, list[float]]:
    """Milliseconds of each call, taking turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 2):
        for name, call in calls.items():
            synchronize()
            start = time.perf_counter()
            call()
            synchronize()
            if turn >= 2:
                times[name].append(1000 * (time.perf_counter() - start))
    return times


def cold_start(arguments: list[str]) -> tuple[float, float]:
    """Seconds and peak MB of a new process."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", COLD, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # kB on Linux, bytes on macOS
    return seconds, peak / (1e3 if sys.platform == "linux" else 1e6)


def main() -> None:
    """Runs and prints everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="emotive-image-1")
    parser.add_argument("--device")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        seconds, peak = cold_start(
            [
                "image",
                "a house in a meadow",
                "--affect",
                "joy",
                "--model",
                options.model,
                "-o",
                str(Path(folder) / "cold.png"),
            ]
        )
    help_seconds, _ = cold_start(["--help"])

    import torch

    from emotive.devices import choose_device
    from emotive.pipelines.image import EmotiveImagePipeline

    torch.set_num_threads(options.threads)
    device = choose_device(options.device)
    synchronize = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    name = (
        torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or platform.machine()
    )
    print(f"{name}, {device.type}, {options.threads} threads, torch {torch.__version__}")
    print(f"batch 1, 512px, median of {options.repeats} (min..max)\n")
    print("| dtype | sampler | ms per picture | ratio to diffusers' loop, 4 steps |\n|---|---|---|---|")
    for dtype in (torch.bfloat16, torch.float32):
        pipe = EmotiveImagePipeline.from_pretrained(options.model, dtype=dtype).to(device)
        pipe.set_progress_bar_config(disable=True)
        times = time_rows(rows(pipe), options.repeats, synchronize)
        base = statistics.median(times["diffusers' loop, 4 steps"])
        for row, t in times.items():
            m = statistics.median(t)
            cells = str(dtype).removeprefix("torch."), row, f"{m:.1f} ({min(t):.1f}..{max(t):.1f})"
            print(f"| {' | '.join(cells)} | {base / m:.2f}x |")
    print(f"\ncold process to first picture: {seconds:.1f} s, peak memory {peak:.0f} MB")
    print(f"emotive --help: {help_seconds:.2f} s")


if __name__ == "__main__":
    main()
