"""Runs an arm of the real-time benchmark, and lets no number through where it did not do its work."""

from __future__ import annotations

import gc
import io
import math
import sys
import time
import traceback
from contextlib import redirect_stdout
from dataclasses import dataclass

import numpy as np
import torch
from realtime_arms import Arm, Runner
from roofline import fastest

from emotive.errors import EmotiveError

COOL = 0.03  # how much slower than at the start the machine may be when an arm begins
PATIENCE = 60.0  # seconds that a GPU is given to cool down
LEAST = 5  # frames, however long they take
FLAT = 2.0  # levels of 0..255: a picture that varies less is constant
# Mean difference to the reference's picture that rounding may make, in levels; another noise makes 15 to 70.
ALIKE = {torch.float32: 0.1, torch.bfloat16: 4.0, torch.float16: 4.0}


@dataclass(frozen=True)
class Effort:
    """How long an arm runs: frames that warm up, and frames that count, fewer once `seconds` are up (but
    5)."""

    warm: int
    frames: int
    seconds: float = math.inf


class Thermometer:
    """A matrix product before every arm: how fast the machine is, next to how fast it was at first."""

    def __init__(self, device: torch.device, dtype: torch.dtype):
        n = 8192 if device.type == "cuda" else 1024
        generator = torch.Generator(device).manual_seed(0)
        self.device = device
        self.a, self.b = (torch.randn(n, n, generator=generator, device=device).to(dtype) for _ in range(2))
        self.first = self.seconds()

    def seconds(self) -> float:
        """Of one product now."""
        return fastest(lambda: torch.mm(self.a, self.b), self.device)

    def slowdown(self) -> float:
        """How many times slower than at first; a GPU gets time to cool down."""
        began = time.perf_counter()
        while (ratio := self.seconds() / self.first) > 1 + COOL and self.device.type == "cuda":
            if time.perf_counter() - began > PATIENCE:
                break
            time.sleep(2)
        return ratio


def measured(
    arm: Arm, effort: Effort, device: torch.device, dtype: torch.dtype, reference: np.ndarray | None
) -> tuple[dict, np.ndarray | None]:
    """The row of an arm: numbers, or a `reason` why there are none. And its frame of seed 0, if it has one.

    Times are of the wall clock, from asking for a frame until its pixels are on the host; `rate` is of frames
    that overlap, where the arm can. reference: the frame of seed 0 that this arm must make too.
    """
    if arm.unable:
        return {"arm": arm.name, "reason": arm.unable}, None
    here = clear(device)
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            before = compiler()
            runner = arm.build()
            row = timed(runner, effort, device)
            row["peak_bytes"] = (
                torch.cuda.max_memory_allocated(device) - here if device.type == "cuda" else None
            )
            reason = why_not(arm, runner, before, row.pop("recompiled"))
            known = runner.known() if runner.known else None  # last: it stops the noise from changing
            apart = None if known is None or reference is None else difference(known, reference)
    except EmotiveError as error:
        return {"arm": arm.name, "reason": str(error)}, None
    except Exception as error:  # an arm of others may fail in any way: its row says so, and the others run
        traceback.print_exc(file=sys.stderr)
        first = " ".join(str(error).split())[:160]
        return {"arm": arm.name, "reason": f"failed: {type(error).__name__}: {first}"}, None
    if "falling back" in said.getvalue().lower():
        reason = "it printed that it fell back to a slower path"
    if apart is not None and apart > ALIKE[dtype]:
        reason = f"its picture is {apart:.1f} of 255 away from the one it should be"
    if reason:
        return {"arm": arm.name, "reason": reason}, None
    return {"arm": arm.name, **row, "difference": apart}, known


def timed(runner: Runner, effort: Effort, device: torch.device) -> dict:
    """Warms up, then takes the time of every frame."""
    began = time.perf_counter()
    for _ in range(effort.warm):
        runner.frame()
    warm = time.perf_counter() - began
    graphs = compiler()["graphs"]
    seconds: list[float] = []
    while len(seconds) < effort.frames and (len(seconds) < LEAST or math.fsum(seconds) < effort.seconds):
        start = time.perf_counter()
        runner.frame()
        seconds.append(time.perf_counter() - start)
    p50, p99 = np.percentile(seconds, (50, 99))
    rate = len(seconds) / math.fsum(seconds)
    if runner.stream is not None:
        start = time.perf_counter()
        for _ in runner.stream(len(seconds)):
            pass
        rate = len(seconds) / (time.perf_counter() - start)
    return {
        "p50_ms": 1000 * float(p50),
        "p99_ms": 1000 * float(p99),
        "frames_per_second": rate,
        "warm_up_seconds": warm,
        "frames": len(seconds),
        "recompiled": compiler()["graphs"] - graphs,
    }


def why_not(arm: Arm, runner: Runner, before: dict[str, int], recompiled: int) -> str | None:
    """Why the times of an arm do not count, or None."""
    if runner.floats is not None and not torch.isfinite(runner.floats()).all():
        return "its pictures are not finite"
    frames = [runner.frame().copy().astype(np.float32) for _ in range(2)]
    flat = min(float(picture.std()) for frame in frames for picture in frame)
    if flat < FLAT:
        return f"its pictures are constant (deviation {flat:.1f} of 255)"
    if difference(*frames) < FLAT:
        return "its pictures do not change though their noise does"
    if arm.compiled:
        now = compiler()
        if now["graphs"] == before["graphs"]:
            return "nothing was compiled"
        if now["breaks"] > before["breaks"]:
            return "torch.compile broke the network into pieces"
        if now["skips"] > before["skips"]:
            return "torch.compile left its CUDA graphs out"
        if recompiled:
            return "it was compiled again while it was timed"
    return runner.fallback()


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of pixels, in levels of 0..255."""
    return float(np.abs(a.astype(np.float32) - b.astype(np.float32)).mean())


def compiler() -> dict[str, int]:
    """What torch.compile has done so far in this process."""
    from torch._dynamo.utils import counters

    return {
        "graphs": counters["stats"]["unique_graphs"],
        "breaks": sum(counters["graph_break"].values()),
        "skips": counters["inductor"]["cudagraph_skips"],
    }


def clear(device: torch.device) -> int:
    """Forgets the arm before: its compiled code, its memory, its peak. Returns the bytes that stay allocated
    on a GPU, which no arm is charged for."""
    from torch._dynamo.utils import counters

    torch._dynamo.reset()
    counters.clear()
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    return 0
