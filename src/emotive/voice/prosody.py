"""Prosody as editable curves: how a voice departs from a neutral rendition of the same words.

Ten controls on the clock of the neutral frames. All are 0 for neutral, so that scaling them scales the
expression. `apply` is deterministic signal processing; where the controls come from (published rules, a
network, a person with an editor) is another matter.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .vocoder import APERIODICITY_FLOOR, FRAME_RATE, VoiceFeatures, shape, stretch

CONTROLS = {
    "duration": "log factor on the time that a frame takes",
    "pitch": "semitones added to F0",
    "range": "log factor on F0's distance from its centre, in semitones",
    "level": "decibels added",
    "tilt": "decibels of high frequencies against low ones (`shape('tilt')`)",
    "formant": "log factor on the formants' frequencies: a smile spreads the lips and raises them",
    "tension": "sharper formants, less noise: a pressed voice; negative is lax",
    "breathiness": "0..1: noise in the voice, a strong first harmonic, a soft top",
    "creak": "0..1: periods irregular in length and strength",
    "jitter": "semitones of random F0 from frame to frame",
}
INDEX = {name: i for i, name in enumerate(CONTROLS)}
SEMITONE = np.float32(np.log(2) / 12)
LIMITS = {
    "duration": 1.0,
    "pitch": 12.0,
    "range": 1.0,
    "level": 15.0,
    "tilt": 12.0,
    "formant": 0.12,
    "tension": 1.5,
}


def warp(duration: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log duration factors (T,) -> where each new frame lies among the old ones (T',), and new edges (T +
    1,).

    `edges[i]` is where the old edge before frame i has moved to, in new frames.
    """
    edges = np.concatenate([[0.0], np.cumsum(np.exp(duration.astype(np.float64)))])
    frames = max(1, round(edges[-1]))
    edges *= frames / edges[-1]
    places = np.interp(np.arange(frames) + 0.5, edges, np.arange(len(edges)))
    return places - 0.5, edges


def bounded(controls: np.ndarray) -> np.ndarray:
    """Controls (T, 10) within what `apply` takes without harm to the words."""
    out = controls.astype(np.float32).copy()
    for name, limit in LIMITS.items():
        out[:, INDEX[name]] = out[:, INDEX[name]].clip(-limit, limit)
    for name in ("breathiness", "creak", "jitter"):
        out[:, INDEX[name]] = out[:, INDEX[name]].clip(0, 1)
    return out


def apply(
    features: VoiceFeatures, controls: np.ndarray, centre: float, rng: np.random.Generator
) -> VoiceFeatures:
    """Speaks `features` with `controls` (T, 10); `centre` is the speaker's middle log F0, `rng` gives jitter.

    Returns as many frames as the durations add up to.
    """
    controls = bounded(controls)
    places, _ = warp(controls[:, INDEX["duration"]])
    f = features.at(places)
    whole = np.arange(len(controls))
    c = {name: np.interp(places, whole, controls[:, i]).astype(np.float32) for name, i in INDEX.items()}
    breath, creak, tension = c["breathiness"], c["creak"], c["tension"]

    shake = rng.standard_normal((2, len(f))).astype(np.float32)
    lf0 = centre + (f.lf0 - centre) * np.exp(c["range"])
    lf0 += SEMITONE * (c["pitch"] + c["jitter"] * shake[0])
    # Creak: periods become irregular, and longer (Keating et al. 2015); a deep fall would widen the range
    # that low arousal narrows.
    lf0 += creak * (-0.06 + 0.05 * shake[1])

    cepstrum = stretch(f.cepstrum, c["formant"]) if c["formant"].any() else f.cepstrum.copy()
    cepstrum[:, 3:] *= (1 + 0.10 * tension)[:, None]  # 0..2 are level and the coarsest slopes
    decibel = np.float32(np.log(10) / 10)
    cepstrum += (c["tilt"] + 1.5 * tension - 2 * breath)[:, None] * shape("tilt")
    cepstrum += (3 * breath - 2 * tension.clip(0, None))[:, None] * shape("fundamental")
    cepstrum[:, 0] += decibel * (c["level"] + creak * (1.5 * shake[0] - 1))
    # Noise grows by shares of what is left to 0 dB, so that a voice that is noisy already does not whisper.
    noise = f.aperiodicity * (1 - f.voiced * (0.45 * breath - 0.2 * tension + 0.1 * creak))[:, None]
    return replace(
        f, lf0=lf0, cepstrum=cepstrum, aperiodicity=noise.clip(APERIODICITY_FLOOR, 0).astype(np.float32)
    )


def smooth(track: np.ndarray, seconds: float) -> np.ndarray:
    """A track (T,) or (T, K) through a Hann window of `seconds`, its ends held."""
    width = max(1, round(seconds * FRAME_RATE)) | 1
    window = np.hanning(width + 2)[1:-1]
    window /= window.sum()
    pad = width // 2
    padded = np.pad(track, [(pad, pad)] + [(0, 0)] * (track.ndim - 1), mode="edge")
    columns = padded.reshape(len(padded), -1)
    out = np.stack([np.convolve(column, window, "valid") for column in columns.T], 1)
    return out.reshape(track.shape).astype(np.float32)
