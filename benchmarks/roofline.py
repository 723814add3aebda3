"""What the machine allows: the work of a network counted operation by operation, and the machine's own peaks.

The networks run on meta tensors, which have shapes and no numbers, so counting costs no time and no memory.
Counted are convolutions, matrix products and attention; everything else is taken to be fused into them for
free, which no sampler quite reaches. The limit of one operation is the slower of its arithmetic and its
memory traffic, max(FLOP / peak, bytes / bandwidth) (Williams, Waterman & Patterson 2009, "Roofline"); the
limit of a picture is their sum.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

ATEN = torch.ops.aten


@dataclass(frozen=True)
class Peaks:
    """What this machine reached in this run: FLOP/s of a big matrix product, bytes/s of a big copy."""

    flops: float
    bandwidth: float


@dataclass(frozen=True)
class Operation:
    """One convolution ("conv"), matrix product ("matmul") or attention: its FLOP (a multiply-add is two) and
    the bytes of its inputs, weights and output, each moved once."""

    kind: str
    flops: int
    bytes: int

    def seconds(self, peaks: Peaks) -> float:
        """The least time that it can take."""
        return max(self.flops / peaks.flops, self.bytes / peaks.bandwidth)


class Work(Counter[Operation]):
    """Operations and how often each runs. `+` puts one work after another; `times` repeats it."""

    def __add__(self, other: Counter) -> Work:
        return Work(Counter(self) + Counter(other))

    def times(self, n: int) -> Work:
        """This work `n` times."""
        return Work({operation: n * count for operation, count in self.items()})

    @property
    def flops(self) -> int:
        """FLOP in all."""
        return sum(n * operation.flops for operation, n in self.items())

    @property
    def bytes(self) -> int:
        """Bytes moved in all."""
        return sum(n * operation.bytes for operation, n in self.items())

    def of(self, kind: str) -> Work:
        """Only the operations of one kind."""
        return Work({operation: n for operation, n in self.items() if operation.kind == kind})

    def seconds(self, peaks: Peaks) -> float:
        """The least time that it can take, one operation after another."""
        return sum(n * operation.seconds(peaks) for operation, n in self.items())


def _bytes(*tensors: Tensor) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)


class _Products(TorchDispatchMode):
    """Notes every convolution and matrix product."""

    def __init__(self, work: Work):
        super().__init__()
        self.work = work

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        given = [a for a in args if isinstance(a, Tensor)]
        if func is ATEN.convolution.default:
            weight = args[1]  # (out, in / groups, ...): each output number takes that many multiply-adds
            cells = args[0] if args[6] else out  # transposed: each input number does
            flops = 2 * cells.numel() * math.prod(weight.shape[1:])
            self.work[Operation("conv", flops, _bytes(*given, out))] += 1
        elif func in (ATEN.mm.default, ATEN.bmm.default, ATEN.addmm.default, ATEN.baddbmm.default):
            inner = given[-1].shape[-2]
            self.work[Operation("matmul", 2 * out.numel() * inner, _bytes(*given, out))] += 1
        return out


class _Attention(TorchFunctionMode):
    """Notes attention, as a fused kernel does it: the table of scores is never written to memory."""

    def __init__(self, work: Work):
        super().__init__()
        self.work = work

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        q, k, v = (
            args[i] if i < len(args) else kwargs[name] for i, name in enumerate(("query", "key", "value"))
        )
        out = q.new_empty(*q.shape[:-1], v.shape[-1])
        scores = q.shape[:-1].numel() * k.shape[-2]
        flops = 2 * scores * (q.shape[-1] + v.shape[-1])
        self.work[Operation("attention", flops, _bytes(q, k, v, out))] += 1
        return out


@contextmanager
def counted() -> Iterator[Work]:
    """Counts what runs on meta tensors inside the block."""
    work = Work()
    with torch.no_grad(), _Products(work), _Attention(work):
        yield work


def count(call: Callable[[], object]) -> Work:
    """The work of one call on meta tensors."""
    with counted() as work:
        call()
    return work


def count_unet(config: dict, batch: int, side: int, tokens: int = 77, dtype=torch.bfloat16) -> Work:
    """One forward of a `UNet2DConditionModel` of this configuration on (batch, C, side, side) latents and
    (batch, tokens, D) words, with its time embedding and its cross-attention keys and values."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with torch.device("meta"):
        unet = quiet(UNet2DConditionModel(**config), dtype)
        x = torch.empty(batch, unet.config["in_channels"], side, side, dtype=dtype)
        words = torch.empty(batch, tokens, unet.config["cross_attention_dim"], dtype=dtype)
        return count(lambda: unet(x, torch.empty(batch), words, return_dict=False))


def count_decoder(config: dict, batch: int, side: int, dtype=torch.bfloat16) -> Work:
    """One decoding of (batch, 4, side, side) latents by an `AutoencoderTiny` of this configuration."""
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

    with torch.device("meta"):
        vae = quiet(AutoencoderTiny(**config), dtype)
        x = torch.empty(batch, vae.config["latent_channels"], side, side, dtype=dtype)
        return count(lambda: vae.decode(x, return_dict=False))


def quiet(module: torch.nn.Module, dtype: torch.dtype) -> Any:
    """The module in `dtype`, by torch's own `to`: diffusers' warns of float32 parts even where there are
    none."""
    return torch.nn.Module.to(module, dtype)


def measure_peaks(device: torch.device, dtype: torch.dtype) -> Peaks:
    """FLOP/s of a big matrix product in `dtype` and bytes/s (read and written) of a big copy, the best of a
    few.

    On CUDA 8192 cubed and 1 GiB, on a CPU 2048 cubed and 256 MiB: larger than any cache.
    """
    n, size = (8192, 2**30) if device.type == "cuda" else (2048, 2**28)
    generator = torch.Generator(device).manual_seed(0)
    a, b = (torch.randn(n, n, generator=generator, device=device).to(dtype) for _ in range(2))
    seconds = fastest(lambda: torch.mm(a, b), device)
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copying = fastest(lambda: target.copy_(source), device)
    return Peaks(2 * n**3 / seconds, 2 * size / copying)


def fastest(call: Callable[[], object], device: torch.device, repeats: int = 3) -> float:
    """Seconds of the fastest of `repeats` calls, after one that warms up."""
    best = math.inf
    for turn in range(repeats + 1):
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if turn >= 1:
            best = min(best, time.perf_counter() - start)
    return best


def as_json(work: Work, peaks: Peaks) -> dict:
    """The numbers of a limit: FLOP, bytes, and seconds at these peaks."""
    return {"flop": work.flops, "bytes": work.bytes, "seconds": work.seconds(peaks)}


def peaks_json(peaks: Peaks) -> dict:
    """The peaks as plain numbers."""
    return asdict(peaks)
