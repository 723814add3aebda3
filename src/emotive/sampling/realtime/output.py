"""Pixels on their way from the device to whoever reads them, without the device having to wait.

On a GPU two page-locked buffers take turns. A frame is copied aside on the compute stream (0.8 MB at 512px,
within the device), so that the next one can be painted at once; a second stream then carries it to the host.
Order is kept by events on the device only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from emotive.errors import InputError

BUFFERS = 2  # one is read while the next is filled


def packed(pictures: Tensor, scale: float = 0.5, shift: float = 0.5) -> Tensor:
    """Pictures (B, 3, H, W) -> uint8 (B, H, W, 3): 255 times `scale` x + `shift`, cut off at 0 and 1. As it
    comes it takes -1..1; 1 and 0 take 0..1."""
    pixels = pictures.float().mul(scale).add(shift).clamp(0, 1).mul(255).round().to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).contiguous()


class Frame:
    """A frame that is painted or, on a GPU, under way. `number` counts from 0."""

    def __init__(
        self, number: int, host: np.ndarray, noted: Callable[[], None], buffer: _Buffer | None = None
    ):
        self.number = number
        self._host, self._noted, self._buffer = host, noted, buffer
        self._seen = False
        if buffer is None:
            self._note()

    @property
    def ready(self) -> bool:
        """Whether `pixels` would not have to wait."""
        return self._buffer is None or self._buffer.copied.query()

    def pixels(self) -> np.ndarray:
        """uint8 (B, H, W, 3), read-only; waits until the frame is there.

        From page-locked buffers (`Tuning.pinned`) it is a view, valid until two more frames were painted: use
        `copy` to keep it. Raises InputError if that has happened already.
        """
        if self._buffer is not None:
            self._check(self._buffer)
            self._buffer.copied.synchronize()
            self._check(self._buffer)
        self._note()
        return self._host

    def copy(self) -> np.ndarray:
        """`pixels` to keep. From another thread too: the buffer is not reused in the midst of it."""
        if self._buffer is None:
            return self.pixels().copy()
        with self._buffer.lock:
            return self.pixels().copy()

    def _check(self, buffer: _Buffer) -> None:
        if buffer.number != self.number:
            raise InputError(
                f"frame {self.number} is gone: read it before {BUFFERS} more are painted, or keep "
                "frame.copy()"
            )

    def _note(self) -> None:
        if not self._seen:
            self._seen = True
            self._noted()


class Output:
    """Hands out frames of one shape (B, H, W, 3).

    pinned: through two page-locked buffers and a copy stream, which needs a CUDA device; otherwise every
    frame is an array of its own, and on a GPU `put` waits for it. Raises InputError for `pinned` without a
    CUDA device.
    """

    def __init__(self, shape: tuple[int, ...], device: torch.device, pinned: bool):
        if pinned and device.type != "cuda":
            raise InputError(f"pinned output needs a CUDA device, and this is {device.type}: switch it off")
        self.shape, self.device, self.pinned = tuple(shape), device, pinned
        self._painted = 0
        if pinned:
            self._copies = torch.cuda.Stream(device)
            self._buffers = [_Buffer(self.shape, device) for _ in range(BUFFERS)]

    def put(self, pixels: Tensor, noted: Callable[[], None] = lambda: None) -> Frame:
        """The frame of `pixels`, uint8 on the device, which may be overwritten as soon as this returns.

        noted: called once, when the pixels were first seen on the host.
        """
        if tuple(pixels.shape) != self.shape or pixels.dtype != torch.uint8:
            raise InputError(
                f"this output takes uint8 {self.shape}, not {str(pixels.dtype)[6:]} {tuple(pixels.shape)}"
            )
        number, self._painted = self._painted, self._painted + 1
        if not self.pinned:
            own = pixels.cpu().numpy()
            if pixels.device.type == "cpu":  # what was painted is painted over
                own = own.copy()
            own.flags.writeable = False
            return Frame(number, own, noted)
        buffer = self._buffers[number % BUFFERS]
        with buffer.lock:  # waits only for a `Frame.copy` of the frame that goes now
            buffer.number = number
            painting = torch.cuda.current_stream(self.device)
            # Of two frames ago: past, unless the bus is slower than the sampler.
            painting.wait_event(buffer.copied)
            buffer.aside.copy_(pixels)
            buffer.painted.record(painting)
            self._copies.wait_event(buffer.painted)
            with torch.cuda.stream(self._copies):
                buffer.host.copy_(buffer.aside, non_blocking=True)
                buffer.copied.record(self._copies)
        return Frame(number, buffer.view, noted, buffer)


class _Buffer:
    """Where every other frame passes: aside on the device, then on the host."""

    def __init__(self, shape: tuple[int, ...], device: torch.device):
        with torch.inference_mode(False):  # ordinary tensors may be written to in either mode
            self.aside = torch.empty(shape, dtype=torch.uint8, device=device)
            self.host = torch.empty(shape, dtype=torch.uint8, pin_memory=True)
        self.view = self.host.numpy()
        self.view.flags.writeable = False
        self.painted, self.copied = torch.cuda.Event(), torch.cuda.Event()
        self.number = -1
        self.lock = threading.Lock()
