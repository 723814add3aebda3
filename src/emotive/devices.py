"""Where to compute, and in which precision: bf16 only where the processor is fast at it.

Whether a CPU is fast at bf16 cannot be read off its name, so it is measured, once, in about 0.2 s, and kept
in the user's cache folder.
"""

from __future__ import annotations

import functools
import json
import math
import os
import platform
import sys
import time
from pathlib import Path

import torch

from emotive.errors import EmotiveError, InputError
from emotive.media import write_whole

WORTH_IT = 1.2  # bf16 must be this much faster than fp32: below, its rounding buys nothing
DTYPES = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def choose_device(requested: str | torch.device | None = None) -> torch.device:
    """The device to use: the one asked for ("cpu", "cuda", "cuda:1", "mps"), else the best there is.

    Raises InputError if it is unknown or not in this machine.
    """
    if requested is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(requested)
    except (RuntimeError, TypeError):
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise InputError(f"unknown device {str(requested)[:40]!r}: use cpu, cuda, cuda:N or mps")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no CUDA device here (or torch is its CPU build): use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"there is no {device}: this machine has {torch.cuda.device_count()} CUDA device(s)")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise InputError("there is no MPS device here: use --device cpu")
    return device


def choose_dtype(device: torch.device, requested: str | torch.dtype | None = None) -> tuple[torch.dtype, str]:
    """The dtype to compute in on `device`, and why, in words.

    `requested` is "fp32", "bf16", "fp16", a torch name or dtype of these, or None: then bf16 where it is
    fast (CUDA: compute capability 8.0 and up; CPU: measured), else fp32. Raises InputError for other names.
    """
    if requested is not None:
        dtype = DTYPES.get(str(requested).removeprefix("torch."))
        if dtype is None:
            raise InputError(f"unknown dtype {str(requested)[:40]!r}: use fp32, bf16 or fp16")
        return dtype, f"{_short(dtype)}: as requested"
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        dtype = torch.bfloat16 if major >= 8 else torch.float32
        return dtype, f"{_short(dtype)}: CUDA compute capability {major}.{minor} (bf16 from 8.0)"
    if device.type == "cpu":
        ratio, how = _bf16_speed()
        if ratio >= WORTH_IT:
            return torch.bfloat16, f"bf16: {ratio:.1f}x fp32 on this processor ({how})"
        return torch.float32, f"fp32: bf16 is {ratio:.1f}x fp32 on this processor ({how})"
    return torch.float32, f"fp32: bf16 is not measured on {device.type}"


def cache_folder() -> Path:
    """Where the measurement is kept: $XDG_CACHE_HOME, or the platform's cache folder, then `emotive`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        if sys.platform == "win32":
            base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~/AppData/Local")
        else:
            base = os.path.expanduser("~/Library/Caches" if sys.platform == "darwin" else "~/.cache")
    return Path(base) / "emotive"


def measure_bf16_speed(seconds: float = 0.2) -> float:
    """How many times faster than fp32 this CPU is in bf16, at this thread count, on a 3x3 channels_last
    convolution and a matrix product of the size that the embedded models use. Takes about `seconds` > 0."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, 64, 64, 64, generator=generator).to(memory_format=torch.channels_last)
    kernel = torch.randn(64, 64, 3, 3, generator=generator).to(memory_format=torch.channels_last)
    tokens = torch.randn(1024, 256, generator=generator)
    matrix = torch.randn(256, 1024, generator=generator)
    best = {torch.float32: math.inf, torch.bfloat16: math.inf}
    work = {dtype: [x.to(dtype) for x in (image, kernel, tokens, matrix)] for dtype in best}
    start, runs = time.perf_counter(), 0
    with torch.inference_mode():
        while runs < 3 or time.perf_counter() - start < seconds:  # the first run of each warms up
            for dtype, (x, w, a, b) in work.items():  # in turns, so that other load hits both
                began = time.perf_counter()
                torch.nn.functional.conv2d(x, w, padding=1)
                torch.mm(a, b)
                best[dtype] = min(best[dtype], time.perf_counter() - began)
            runs += 1
    return best[torch.float32] / best[torch.bfloat16]


def _short(dtype: torch.dtype) -> str:
    return next(name for name, known in DTYPES.items() if known is dtype)


@functools.cache
def _bf16_speed() -> tuple[float, str]:
    """The speed ratio and whether it was measured now or before."""
    file = cache_folder() / "bf16.json"
    key = f"{_processor()}, torch {torch.__version__}"
    known = _read(file)
    ratio = known.get(key)
    if isinstance(ratio, float) and 0 < ratio < math.inf:
        return ratio, "measured, cached"
    ratio = round(measure_bf16_speed(), 2)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps({**known, key: ratio}, indent=1).encode())
    except (OSError, EmotiveError):  # no cache: measured again next time
        pass
    return ratio, "measured"


def _read(file: Path) -> dict[str, object]:
    try:
        known = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _processor() -> str:
    """The CPU's name with what it can do in bf16; virtual machines give unlike processors one name."""
    found: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            found.setdefault(key.strip(), value.strip())
    except OSError:
        pass
    name = found.get("model name") or platform.processor() or platform.machine()
    flags = (found.get("flags") or found.get("Features") or "").split()
    return " ".join([name, *sorted(flag for flag in flags if "bf16" in flag or "amx" in flag)])
