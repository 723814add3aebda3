"""What the real-time sampler does to be fast, each with its own switch."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from emotive.errors import InputError

ATTENTION = ("sdpa", "cudnn", "flash", "efficient", "math", "xformers")


@dataclass(frozen=True)
class Tuning:
    """Switches. All of them leave the picture as it is, but for rounding and the noise of `device_noise`.

    channels_last: convolutions with the channels innermost in memory.
    hoist: what does not depend on the sample (time embeddings, keys and values of attention) is computed
        once for a scene and an affect, not at every step.
    compile: networks through `torch.compile`; takes minutes at the first frame.
    graph: the whole frame as one CUDA graph.
    pinned: pixels go to the host through two page-locked buffers, on a stream of their own.
    device_noise: noise is drawn where the network runs; otherwise on the CPU, and copied.
    kernels: our Triton kernels in place of torch's own.
    attention: "sdpa" lets torch choose; "cudnn", "flash", "efficient" and "math" are its backends.
    """

    channels_last: bool = True
    hoist: bool = True
    compile: bool = False
    graph: bool = False
    pinned: bool = False
    device_noise: bool = True
    kernels: bool = False
    attention: str = "sdpa"

    def __post_init__(self) -> None:
        if self.attention not in ATTENTION:
            raise InputError(f"attention {self.attention!r} is not one of {', '.join(ATTENTION)}")

    @classmethod
    def for_device(cls, device: torch.device | str) -> Tuning:
        """What is worth it there."""
        cuda = torch.device(device).type == "cuda"
        return cls(compile=cuda, graph=cuda, pinned=cuda)

    def check(self, device: torch.device) -> None:
        """Raises InputError for what cannot be had on `device`."""
        for name in ("graph", "pinned", "kernels"):
            if getattr(self, name) and device.type != "cuda":
                raise InputError(f"{name} needs a CUDA device, and this is {device.type}: switch it off")
