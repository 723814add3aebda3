"""What the prosody denoiser hears of a recording: everything relative to the recording itself."""

from __future__ import annotations

import numpy as np

from .vocoder import MIDDLE, VoiceFeatures

QUIET = -6.0  # nepers of power below the loud frames: a pause


def centre_of(features: VoiceFeatures) -> float:
    """The speaker's middle log F0: the median of what is voiced, log 150 Hz if nothing is."""
    voiced = features.lf0[features.voiced]
    return float(np.median(voiced)) if len(voiced) else MIDDLE


def heard(features: VoiceFeatures, centre: float, frames: int = 4) -> np.ndarray:
    """(N, frames * 10) float32: log F0 against `centre`, voicing, level and seven coarse shapes of the
    spectrum.

    N = ceil(T / frames); the end is padded with silence.
    """
    level = features.cepstrum[:, 0]
    loud = np.percentile(level, 90)
    spoken = level > loud + QUIET
    middle = features.cepstrum[spoken].mean(0) if spoken.any() else features.cepstrum.mean(0)
    rows = np.concatenate(
        [
            (4 * (features.lf0 - centre))[:, None],
            features.voiced[:, None],
            ((level - loud) / 4).clip(-3, 1)[:, None],
            (features.cepstrum[:, 1:8] - middle[1:8]) / 2,
        ],
        1,
    ).astype(np.float32)
    short = -len(rows) % frames
    if short:
        silence = np.zeros((short, rows.shape[1]), np.float32)
        silence[:, 2] = -3
        rows = np.concatenate([rows, silence])
    return rows.reshape(len(rows) // frames, -1)
