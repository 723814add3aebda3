"""The vocoder: speech as pitch, envelope and breathiness, a hundred times a second, and back.

WORLD (Morise et al. 2016) does the signal processing, through `pyworld-prebuilt`, which has wheels for Linux,
macOS and Windows (`pyworld` itself must be compiled). Its spectral envelope is kept as a cepstrum on the mel
scale, in which an envelope is a sum of cosines: tilting, sharpening and stretching are then small matrices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from emotive.errors import InputError

SAMPLE_RATE = 24_000  # Hz
FRAME_RATE = 100  # frames/s
HOP = SAMPLE_RATE // FRAME_RATE
FFT = 1024
CEPSTRUM = 60  # coefficients of the envelope
BANDS = 3  # of aperiodicity: at 3, 6 and 9 kHz
FLOOR = 1e-11  # power; 110 dB below full scale
MIDDLE = float(np.log(150.0))  # log F0 where nothing better is known
F0_RANGE = (55.0, 600.0)  # Hz searched for
APERIODICITY_FLOOR = -60.0  # dB


@dataclass(frozen=True)
class VoiceFeatures:
    """Frames of speech, `FRAME_RATE` a second.

    lf0: log F0 in Hz, (T,), running straight through what is unvoiced.
    voiced: bool, (T,).
    cepstrum: log power spectrum as cosines over the mel scale, (T, 60); see `envelope`.
    aperiodicity: share of noise in what is voiced at 3, 6 and 9 kHz, in dB, (T, 3), at most 0.
    """

    lf0: np.ndarray
    voiced: np.ndarray
    cepstrum: np.ndarray
    aperiodicity: np.ndarray

    def __len__(self) -> int:
        return len(self.lf0)

    def at(self, positions: np.ndarray) -> VoiceFeatures:
        """The frames at fractional `positions`, interpolated; voicing is that of the nearest frame."""
        last = len(self) - 1
        positions = positions.clip(0, last)
        below = positions.astype(int).clip(0, max(last - 1, 0))
        above, share = np.minimum(below + 1, last), (positions - below).astype(np.float32)

        def between(track: np.ndarray) -> np.ndarray:
            weight = share if track.ndim == 1 else share[:, None]
            return track[below] + weight * (track[above] - track[below])

        return VoiceFeatures(
            between(self.lf0),
            self.voiced[np.rint(positions).astype(int)],
            between(self.cepstrum),
            between(self.aperiodicity),
        )

    def with_level(self, decibels: np.ndarray | float) -> VoiceFeatures:
        """Louder or softer by `decibels`, a number or (T,)."""
        cepstrum = self.cepstrum.copy()
        cepstrum[:, 0] += np.asarray(decibels, np.float32) * np.float32(np.log(10) / 10)
        return replace(self, cepstrum=cepstrum)


def mel(hertz: np.ndarray) -> np.ndarray:
    """O'Shaughnessy's mel scale (1987)."""
    return 1127.0 * np.log1p(hertz / 700.0)


def frequencies() -> np.ndarray:
    """The centres in Hz of the envelope's bins, (513,)."""
    return np.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)


@cache
def cosines() -> np.ndarray:
    """(60, 513): the envelope that each coefficient of the cepstrum stands for."""
    return _cosines_at(frequencies())


def _cosines_at(hertz: np.ndarray) -> np.ndarray:
    place = mel(hertz.clip(0, SAMPLE_RATE / 2)) / mel(np.array(SAMPLE_RATE / 2))
    return np.cos(np.pi * np.arange(CEPSTRUM)[:, None] * place).astype(np.float32)


@cache
def _analysis() -> np.ndarray:
    """(513, 60): the least-squares cepstrum of an envelope, every mel counting alike."""
    weight = 1.0 / (700.0 + frequencies())  # d mel / d Hz
    weighted = cosines().astype(np.float64) * weight
    # A trace of smoothing keeps the highest coefficients from fitting single bins.
    smoothing = np.diag(1e-6 * np.arange(CEPSTRUM) ** 2) * weight.sum()
    return np.linalg.solve(weighted @ cosines().T.astype(np.float64) + smoothing, weighted).T.astype(
        np.float32
    )


def cepstrum(log_power: np.ndarray) -> np.ndarray:
    """Log power spectra (T, 513) -> cepstra (T, 60)."""
    return log_power.astype(np.float32) @ _analysis()


def envelope(cepstra: np.ndarray) -> np.ndarray:
    """Cepstra (T, 60) -> log power spectra (T, 513)."""
    return cepstra.astype(np.float32) @ cosines()


@cache
def shape(kind: str) -> np.ndarray:
    """The cepstrum (60,) of a change of the spectrum by 1 dB.

    "tilt": 0 below 500 Hz rising to 1 dB above 3 kHz: about 1 dB of alpha ratio at an equal level of the
    vowels. "fundamental": 1 dB below 300 Hz, gone at 600 Hz (the first harmonic, which breathy voices
    strengthen).
    """
    f = frequencies()
    if kind == "tilt":
        rise = ((np.log(f + 1) - np.log(500)) / (np.log(3000) - np.log(500))).clip(0, 1)
        decibels = rise * rise * (3 - 2 * rise)
    elif kind == "fundamental":
        decibels = ((600 - f) / 300).clip(0, 1)
    else:
        raise ValueError(kind)
    return cepstrum((decibels * np.log(10) / 10)[None])[0]


@cache
def _stretch(steps: int) -> np.ndarray:
    """(60, 60): moves an envelope up in frequency by `steps` hundredths of a factor e."""
    return cepstrum(_cosines_at(frequencies() * np.exp(-steps / 100)))


def stretch(cepstra: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Moves formants: cepstra (T, 60) whose frequencies are multiplied by exp(`factor`), (T,), within
    +-0.2."""
    place = 100 * factor.clip(-0.2, 0.2)
    low = np.floor(place).astype(int)
    out = np.empty_like(cepstra)
    for step in np.unique(low):
        here = low == step
        share = (place[here] - step)[:, None].astype(np.float32)
        before, after = cepstra[here] @ _stretch(int(step)), cepstra[here] @ _stretch(int(step) + 1)
        out[here] = before + share * (after - before)
    return out


def analyse(waveform: np.ndarray, f0_range: tuple[float, float] = F0_RANGE) -> VoiceFeatures:
    """A waveform (N,) at `SAMPLE_RATE` -> frames, round(N / HOP) of them.

    Raises:
        InputError: shorter than 50 ms.
    """
    import pyworld

    if len(waveform) < SAMPLE_RATE // 20:
        raise InputError(f"{len(waveform) / SAMPLE_RATE:.3f} s of sound is too short: speech needs 0.05 s")
    x = np.ascontiguousarray(waveform, dtype=np.float64)
    period = 1000.0 / FRAME_RATE
    low, high = f0_range
    raw, times = pyworld.dio(x, SAMPLE_RATE, f0_floor=low, f0_ceil=high, frame_period=period)
    f0 = pyworld.stonemask(x, raw, times, SAMPLE_RATE)
    power = pyworld.cheaptrick(x, f0, times, SAMPLE_RATE, fft_size=FFT)
    noise = pyworld.d4c(x, f0, times, SAMPLE_RATE, fft_size=FFT)
    bands = pyworld.code_aperiodicity(noise, SAMPLE_RATE)
    frames = max(1, round(len(x) / HOP))
    voiced = (f0 > 0)[:frames]
    return VoiceFeatures(
        through_unvoiced(np.log(f0.clip(low, high))[:frames], voiced),
        voiced,
        cepstrum(np.log(power.clip(FLOOR, None)))[:frames],
        bands[:frames].clip(APERIODICITY_FLOOR, 0).astype(np.float32),
    )


def through_unvoiced(lf0: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """`lf0` with what is unvoiced drawn straight between its voiced neighbours; log 150 Hz if nothing is."""
    if not voiced.any():
        return np.full(len(lf0), MIDDLE, np.float32)
    known = np.flatnonzero(voiced)
    return np.interp(np.arange(len(lf0)), known, lf0[known]).astype(np.float32)


def synthesize(features: VoiceFeatures) -> np.ndarray:
    """Frames -> a waveform (T * HOP,) float32 at `SAMPLE_RATE`."""
    import pyworld

    f0 = np.where(features.voiced, np.exp(features.lf0), 0.0).astype(np.float64)
    power = np.exp(envelope(features.cepstrum).astype(np.float64)).clip(FLOOR, None)
    bands = features.aperiodicity.clip(APERIODICITY_FLOOR, 0).astype(np.float64)
    noise = pyworld.decode_aperiodicity(np.ascontiguousarray(bands), SAMPLE_RATE, FFT)
    x = pyworld.synthesize(f0, power, noise, SAMPLE_RATE, 1000.0 / FRAME_RATE)
    out = np.zeros(len(features) * HOP, np.float32)
    out[: len(x)] = x[: len(out)]
    return out


def limited(waveform: np.ndarray, knee: float = 0.8) -> np.ndarray:
    """A waveform whose peaks beyond `knee` are bent so that they stay below 1; all else is untouched."""
    over = np.abs(waveform) - knee
    bent = knee + (1 - knee) * np.tanh(over / (1 - knee))
    return np.where(over > 0, np.copysign(bent, waveform), waveform).astype(np.float32)
