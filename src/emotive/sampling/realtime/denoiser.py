"""What the real-time sampler asks of a denoiser and a decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from emotive.affect import Affect

Scene = Mapping[str, Tensor]


class LiveDenoiser(Protocol):
    """A network, with what it is conditioned on taken apart by how often it changes: the scene when the words
    do, the control with the affect, the sample at every step."""

    @property
    def device(self) -> torch.device: ...

    @property
    def dtype(self) -> torch.dtype: ...

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(C, h, w) of one sample."""
        ...

    def scene(self, prompts: Sequence[str]) -> Scene:
        """What B prompts come to; slow. Shapes depend on B alone, so that one scene can be copied over
        another. Raises InputError for prompts that cannot be used."""
        ...

    def control(self, affects: Sequence[Affect]) -> Tensor:
        """B affects as numbers (B, P), float32 on the CPU: what an update sends to the device."""
        ...

    def condition(self, scene: Scene, control: Tensor) -> Sequence[Tensor]:
        """Tensors of S B rows, those of the B samples at the first step first. Their computation neither
        waits for the device nor depends on values: it can be part of a CUDA graph."""
        ...

    def draw(self, x: Tensor, *rows: Tensor) -> Tensor:
        """What the network answers to x (R, C, h, w), from R rows of a condition; like x."""
        ...


def rows_of(condition: Sequence[Tensor], steps: range, batch: int) -> list[Tensor]:
    """The rows of a condition for a batch at each of `steps`."""
    rows = slice(steps.start * batch, steps.stop * batch)
    # Rows that are the same may share their memory, which not every kernel takes.
    return [part[rows].contiguous() for part in condition]


class LiveDecoder(Protocol):
    """Latents to pixels."""

    @property
    def opaque(self) -> bool:
        """Whether `torch.compile` cannot see into it."""
        ...

    def __call__(self, latents: Tensor, control: Tensor) -> Tensor:
        """Latents (B, C, h, w) of affects (B, P) -> pixels, uint8 (B, H, W, 3)."""
        ...
