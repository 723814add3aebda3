"""Kernels in Triton for what a real-time sampler does between its convolutions; off, until they are timed.

Each file holds a reference in plain torch, the kernel, and the function to call. They run on CUDA devices,
and on the CPU only within Triton's interpreter (TRITON_INTERPRET=1 before this package is imported), which
is for tests.
"""

from typing import Any

from torch import Tensor

from emotive.errors import InputError

try:
    from triton import knobs
except ImportError as error:
    raise InputError("the kernels need triton: pip install triton (Linux), or switch kernels off") from error

INTERPRETED = bool(knobs.runtime.interpret)


def check_device(*tensors: Tensor | None) -> None:
    """Raises InputError unless all tensors are on one device on which the kernels run."""
    first, *others = (tensor.device for tensor in tensors if tensor is not None)
    if any(other != first for other in others):
        raise InputError(f"a kernel's tensors must be on one device, not on {first} and {others}")
    if first.type != "cuda" and not INTERPRETED:
        raise InputError(f"the kernels need a CUDA device, and this is {first.type}: switch kernels off")


def programs(kernel: Any, *grid: int) -> Any:
    """`kernel` over a grid of programs, to be called with its arguments and with options such as num_warps,
    which its signature does not have."""
    return kernel[grid]
