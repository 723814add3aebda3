"""Pixels on their way to whoever asked for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


class Frame:
    """A frame that is painted, or under way."""

    def __init__(self, pixels: Tensor, noted: Callable[[], None]):
        self._pixels, self._noted = pixels, noted
        noted()

    def pixels(self) -> np.ndarray:
        """uint8 (B, H, W, 3)."""
        return self._pixels.numpy()


class Output:
    """Hands frames out: where `pinned`, through two page-locked buffers and a copy stream of their own."""

    def __init__(self, shape: tuple[int, ...], device: torch.device, pinned: bool):
        self.shape, self.device, self.pinned = shape, device, pinned

    def put(self, pixels: Tensor, noted: Callable[[], None] = lambda: None) -> Frame:
        """The frame of these pixels; `noted` is called when they are there."""
        return Frame(pixels, noted)
