"""What every judge of pictures answers, and in which form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np


class Estimates(NamedTuple):
    """Estimated affect of N items, pictures or clips of speech: float64 arrays (N,).

    `valence` and `arousal` are in [-1, 1]; `valence_sd` and `arousal_sd` are one standard deviation in the
    same unit, 0 or more.
    """

    valence: np.ndarray
    arousal: np.ndarray
    valence_sd: np.ndarray
    arousal_sd: np.ndarray


class Judge(Protocol):
    """Reads affect out of media. What it learned from, and its limits, are its own to say.

    `name` is for people, `fingerprint` for files: it changes whenever an answer could.
    """

    @property
    def name(self) -> str:
        """What to call it in a table."""
        ...

    def fingerprint(self) -> str:
        """64 hex digits over everything that its answers depend on."""
        ...

    def estimate(self, pictures: Sequence[np.ndarray]) -> Estimates:
        """Pictures uint8 (H, W, 3), sRGB, each of any size -> `Estimates` of (N,)."""
        ...
