"""Mel-frequency cepstra in the form that SyncNet was trained on."""

from __future__ import annotations

import numpy as np

RATE = 16_000
WINDOW, HOP, FFT, BANDS, KEPT, LIFTER = 400, 160, 512, 26, 13, 22


def mfcc(waveform: np.ndarray) -> np.ndarray:
    """16 kHz, in the range of 16-bit integers, (N,) -> (T, 13), a row every 10 ms.

    Davis & Mermelstein 1980 with these choices: pre-emphasis 0.97, frames of 25 ms without taper, 26
    mel bands from 0 to 8 kHz on whole bins, orthonormal cosine transform, liftering by 22, and the logarithm
    of the frame's energy in place of the first coefficient.
    """
    from scipy.fft import dct

    x = np.asarray(waveform, np.float64)
    x = np.concatenate([x[:1], x[1:] - 0.97 * x[:-1]])
    count = 1 + max(0, -(-(len(x) - WINDOW) // HOP))
    x = np.pad(x, (0, max(0, (count - 1) * HOP + WINDOW - len(x))))
    frames = np.lib.stride_tricks.sliding_window_view(x, WINDOW)[::HOP][:count]
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2 / FFT
    tiny = np.finfo(float).eps
    energy, bands = power.sum(1), power @ _filters().T
    energy, bands = np.where(energy == 0, tiny, energy), np.where(bands == 0, tiny, bands)
    cepstra = np.asarray(dct(np.log(bands), type=2, axis=1, norm="ortho"))[:, :KEPT]
    cepstra *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(KEPT) / LIFTER)
    cepstra[:, 0] = np.log(energy)
    return cepstra


def _filters() -> np.ndarray:
    """(26, 257) triangles whose corners are whole bins."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    bins = np.floor((FFT + 1) * hertz / RATE)
    at = np.arange(FFT // 2 + 1)
    rows = []
    for left, middle, right in zip(bins[:-2], bins[1:-1], bins[2:], strict=True):
        rise, fall = (at - left) / max(middle - left, 1), (right - at) / max(right - middle, 1)
        rows.append(np.where(at < middle, rise, fall) * ((at >= left) & (at < right)))
    return np.clip(np.array(rows), 0, None)
