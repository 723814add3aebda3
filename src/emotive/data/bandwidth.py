"""The top of the spectrum, guessed for voices that were recorded without one.

The classical linear extension of bandwidth (Jax & Vary 2003): how the envelope above 7 kHz follows from the
one below is learned from a voice that has both, and lent to a voice that has not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotive.voice.vocoder import cepstrum, envelope, frequencies

SPLIT = (6_600.0, 7_400.0)  # Hz: below the given envelope, above the guessed one, mixed between
LOW, HIGH = 30, 10  # cosines that describe either side


def _sides() -> tuple[np.ndarray, np.ndarray]:
    f = frequencies()
    low, high = f < SPLIT[1], f >= SPLIT[0]

    def cosines(count: int, bins: int) -> np.ndarray:
        return np.cos(np.pi * np.arange(count)[:, None] * (np.arange(bins) + 0.5) / bins)

    return np.linalg.pinv(cosines(LOW, low.sum())), cosines(HIGH, high.sum())


@dataclass(frozen=True)
class Bandwidth:
    """`weights` (LOW + 1, HIGH): from the envelope below to the one above."""

    weights: np.ndarray

    @classmethod
    def fit(cls, cepstra: np.ndarray) -> Bandwidth:
        """Learns from cepstra (T, 60) of a voice with a full spectrum, by ridge regression."""
        below, above = _describe(cepstra)
        gram = below.T @ below + 1e-3 * len(below) * np.eye(below.shape[1])
        return cls(np.linalg.solve(gram, below.T @ above))

    def extend(self, cepstra: np.ndarray) -> np.ndarray:
        """Cepstra (T, 60) with the envelope above `SPLIT` replaced."""
        f = frequencies()
        given = envelope(cepstra)
        guess = given.copy()
        below, _ = _describe(cepstra)
        guess[:, f >= SPLIT[0]] = below @ self.weights @ _sides()[1]
        share = ((f - SPLIT[0]) / (SPLIT[1] - SPLIT[0])).clip(0, 1)
        return cepstrum(given + share * (guess - given))


def _describe(cepstra: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    to_low, high = _sides()
    full, f = envelope(cepstra), frequencies()
    below = full[:, f < SPLIT[1]] @ to_low
    above = full[:, f >= SPLIT[0]] @ np.linalg.pinv(high)
    return np.concatenate([below, np.ones((len(below), 1))], 1), above
