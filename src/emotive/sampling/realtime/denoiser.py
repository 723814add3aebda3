"""What the real-time sampler asks of a denoiser and a decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

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

    def condition(self, scene: Scene, control: Tensor) -> Any:
        """Tensors for all S steps, whose computation neither waits for the device nor depends on values: it
        can be part of a CUDA graph."""
        ...

    def __call__(self, x: Tensor, steps: range, condition: Any) -> Tensor:
        """What the network answers, like x: (R, C, h, w), R = len(steps) B, the B samples at the first of
        `steps` first."""
        ...


class LiveDecoder(Protocol):
    """Latents to pixels."""

    def __call__(self, latents: Tensor, control: Tensor) -> Tensor:
        """Latents (B, C, h, w) of affects (B, P) -> pixels, uint8 (B, H, W, 3)."""
        ...
