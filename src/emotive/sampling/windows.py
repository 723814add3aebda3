"""Any length from windows: each begins with the end of the one before as its history."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Window(NamedTuple):
    """Tokens `start` to `stop`, counted in the whole. The first `history` of them are there already, the last
    `ahead` are heard but not to be kept; what lies between is new."""

    start: int
    stop: int
    history: int
    ahead: int = 0

    @property
    def new(self) -> slice:
        """The tokens that this window makes, counted in the whole."""
        return slice(self.start + self.history, self.stop - self.ahead)


def windows(tokens: int, size: int = 240, history: int = 20) -> list[Window]:
    """Windows of at most `size` tokens, 0 < `history` < `size`, that make `tokens` tokens one after another.

    All but the first begin with `history` tokens of the one before; lengths differ by one at most, so that
    no window is left with a few tokens only.

    >>> windows(400)
    [Window(start=0, stop=210, history=0, ahead=0), Window(start=190, stop=400, history=20, ahead=0)]
    """
    if tokens <= 0:
        return []
    count = 1 if tokens <= size else 1 + -(-(tokens - size) // (size - history))
    # All windows as long as each other: the first has no history to begin with.
    whole = tokens + (count - 1) * history
    found, stop = [], 0
    for i in range(count):
        length = whole * (i + 1) // count - whole * i // count
        start = max(0, stop - history)
        found.append(Window(start, start + length, stop - start))
        stop = start + length
    return found


def eased(before: Tensor, new: Tensor, tokens: int = 12) -> Tensor:
    """`new` (N, C) as it goes on from `before` (M, C) without a step: it starts where the speed leads, and
    comes to its own way within `tokens` tokens."""
    if len(before) < 2 or len(new) < 2:
        return new
    speed = (before[-1] - before[-2] + new[1] - new[0]) / 2
    step = new[0] - before[-1] - speed
    at = torch.arange(len(new), device=new.device, dtype=new.dtype) / tokens
    return new - (0.5 + 0.5 * torch.cos(math.pi * at.clamp(max=1)))[:, None] * step


def streamed(
    made: int, heard: int, lookahead: int = 3, history: int = 20, least: int = 2, ended: bool = False
) -> Window | None:
    """The next window of a stream of which `made` tokens are there and `heard` are heard; None if it is too
    early.

    New is what has `lookahead` more tokens heard behind it (3 of 30 a second and the 16 ms that a token needs
    are 116 ms), at least `least` tokens; once the stream has `ended`, all the rest.

    >>> streamed(made=30, heard=36)
    Window(start=10, stop=36, history=20, ahead=3)
    """
    ahead = 0 if ended else lookahead
    if heard - ahead - made < (1 if ended else least):
        return None
    start = max(0, made - history)
    return Window(start, heard, made - start, ahead)
