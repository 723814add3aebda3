"""`torch.compile` for networks that are called with the same shapes again and again.

Inductor's own CUDA graphs stay off: a tree of them copies between networks, and its outputs are overwritten
behind one's back; `graph.captured` records one graph over the whole frame instead.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from typing import Any

import torch

from emotive.errors import InputError

# max_autotune and coordinate_descent_tuning: every convolution and matrix product is timed in several
# kernels and tilings, once; results are kept in TORCHINDUCTOR_CACHE_DIR. conv_1x1_as_mm: a 1x1 convolution
# of channels-last data is a matrix product. epilogue_fusion: off, or a product that wins alone loses with
# what is fused to it; both as the diffusers documentation recommends for its UNets (docs: "Accelerate
# inference", torch.compile).
CUDA_OPTIONS: dict[str, Any] = {
    "max_autotune": True,
    "coordinate_descent_tuning": True,
    "coordinate_descent_check_all_directions": True,
    "conv_1x1_as_mm": True,
    "epilogue_fusion": False,
    "triton.cudagraphs": False,
}
SHAPES = 256  # for which one function may be compiled; torch gives up after 8
CPU_OPTIONS: dict[str, Any] = {"conv_1x1_as_mm": False}  # freezing: measured, and no faster on two cores


def compiled(part: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """`part` (a module, function or method) compiled for static shapes, as one graph without a break.

    Compiling happens at the first call, and again for every new shape: seconds on a CPU, minutes on a GPU,
    where kernels are timed. It keeps to torch's cache folder (TORCHINDUCTOR_CACHE_DIR), so that a second
    process is faster. A part that cannot be compiled whole is an error, never a slower path. Raises
    InputError where what compiles is missing.
    """
    check_compiler(device)
    options = CUDA_OPTIONS if device.type == "cuda" else CPU_OPTIONS
    whole = torch.compile(part, fullgraph=True, dynamic=False, options=options)

    def call(*args: Any) -> Any:
        with torch._dynamo.config.patch(recompile_limit=SHAPES):  # counted for all samplers of a process
            return whole(*args)

    return call


def check_compiler(device: torch.device) -> None:
    """Raises InputError, in one line, if torch.compile could not work on `device` here."""
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"torch.compile is not used on {device.type}: switch compile off")
    from torch.utils._triton import has_triton

    if device.type == "cuda" and not has_triton():
        raise InputError(
            "torch.compile needs triton and a GPU of compute capability 7.0 or more: pip install triton "
            "(Linux), or switch compile off"
        )
    named = os.environ.get("CC" if device.type == "cuda" else "CXX")
    usual = {"cuda": ("gcc", "clang", "cc"), "cpu": ("g++", "clang++", "cl")}[device.type]
    if not any(shutil.which(name) for name in ((named,) if named else usual)):
        language = "C" if device.type == "cuda" else "C++"
        which = f"{named!r} is not found" if named else f"there is no {' or '.join(usual[:2])}"
        install = "xcode-select --install" if sys.platform == "darwin" else "on Debian: build-essential"
        raise InputError(
            f"torch.compile needs a {language} compiler, and {which}: install one ({install}) or switch "
            "compile off"
        )
