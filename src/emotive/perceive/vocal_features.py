"""What can be measured in a voice without learning: pitch, loudness, spectral balance, voice quality, timing.

The features are those of the Geneva minimalistic set (Eyben et al. 2016, doi 10.1109/TAFFC.2015.2457417) that
the literature on affect uses most, under its names, measured here with WORLD (`voice/vocoder.py`) and numpy.
They are not openSMILE's numbers: F0 is WORLD's, spectra of voiced frames are WORLD's envelopes, and jitter
and shimmer are taken from frame to frame. Four are added that are no part of it, without its suffixes: the
share of pauses (the silence feature of Atmaja & Akagi 2020), the share of the rest that is voiced, and two of
rate: syllable nuclei per second (after de Jong & Wempe 2009), of which it finds some three quarters, and the
rate of modulation (after Morgan & Fosler-Lussier 1998), which is steadier. When the same words are spoken
faster by 10 %, the first grows by some 5, the second by some 7 %.

Every feature is free of the recording's level: `level` measures that, apart, for no judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotive.errors import InputError
from emotive.media.audio import resample
from emotive.voice.vocoder import FRAME_RATE, HOP, SAMPLE_RATE, VoiceFeatures, analyse, envelope, mel

from .clips import SHORTEST, SILENCE

LEVEL = 0.05  # rms of what is spoken after normalisation: 26 dB below full scale
NOISE = 10 ** (-80 / 20)  # laid under the voice, so that digital silence has a spectrum
SPOKEN = 10 ** (-30 / 10)  # power against the loudest frames: quieter is a pause
SHORTEST_PAUSE, SHORTEST_VOICED = 10, 3  # frames
FORMANT_NYQUIST, FORMANT_ORDER = 5000.0, 10  # Hz and coefficients: five formants below it
LOW_BANDS = 26  # of the auditory spectrum behind loudness, 20 to 8000 Hz
WINDOW = 1024  # samples, 43 ms: three periods at 75 Hz

UNITS: dict[str, str] = {
    "F0semitoneFrom27.5Hz_sma3nz_amean": "semitones above 27.5 Hz: mean F0",
    "F0semitoneFrom27.5Hz_sma3nz_percentile20.0": "the same, 20th percentile",
    "F0semitoneFrom27.5Hz_sma3nz_percentile80.0": "the same, 80th percentile",
    "F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2": "semitones between them",
    "F0semitoneFrom27.5Hz_sma3nz_meanRisingSlope": "semitones/s where F0 rises, 0 or more",
    "F0semitoneFrom27.5Hz_sma3nz_meanFallingSlope": "semitones/s where F0 falls, 0 or more",
    "loudness_sma3_stddevNorm": "deviation / mean of loudness over what is spoken",
    "loudness_sma3_pctlrange0-2": "20th to 80th percentile of loudness / its mean",
    "loudnessPeaksPerSec": "1/s",
    "alphaRatioV_sma3nz_amean": "dB of 1..5 kHz against 50..1000 Hz, voiced",
    "hammarbergIndexV_sma3nz_amean": "dB of the peak below 2 kHz above the peak at 2..5 kHz, voiced",
    "slopeV0-500_sma3nz_amean": "dB/kHz",
    "slopeV500-1500_sma3nz_amean": "dB/kHz",
    "HNRdBACF_sma3nz_amean": "dB: harmonics to noise by autocorrelation (Boersma 1993)",
    "jitterLocal_sma3nz_amean": "share of a period: second difference of F0 from frame to frame",
    "shimmerLocaldB_sma3nz_amean": "dB: second difference of voiced frames' level",
    "F1frequency_sma3nz_amean": "Hz: median over the louder half of what is voiced, as F2 and F3",
    "F2frequency_sma3nz_amean": "Hz",
    "F3frequency_sma3nz_amean": "Hz",
    "logRelF0-H1-H2_sma3nz_amean": "dB of the first harmonic above the second",
    "VoicedSegmentsPerSec": "1/s",
    "MeanVoicedSegmentLengthSec": "s",
    "MeanUnvoicedSegmentLength": "s between two voiced segments, pauses included as in the set",
    "pauseShare": "share of the time from the first to the last sound that is pause",
    "syllableNucleiPerSec": "1/s of what is not pause",
    "modulationRate": "Hz: centre of the spectrum of loudness over time, 1 to 16 Hz",
    "voicedShare": "share of what is not pause that is voiced",
}
"""Names of `vocal_features`, and what each number is."""


def vocal_features(waveform: np.ndarray, sample_rate: int) -> dict[str, float]:
    """The features of a waveform (N,), named and explained in `UNITS`.

    Raises InputError for what is shorter than half a second, silent, or has no voice in it (less than 0.1 s).
    """
    voice = _heard(waveform, sample_rate)
    found = {**_pitch(voice), **_loudness(voice), **_balance(voice), **_quality(voice), **_timing(voice)}
    return {name: float(found[name]) for name in UNITS}


def level(waveform: np.ndarray) -> float:
    """dB re full scale of what is spoken (within 30 dB of the loudest 10 ms). Never given to a judge: a gain
    would change it."""
    width = max(1, min(HOP, len(waveform)))
    power = np.square(waveform[: len(waveform) // width * width], dtype=np.float64).reshape(-1, width).mean(1)
    loud = power[power >= SPOKEN * power.max(initial=0)]
    return float(10 * np.log10(max(loud.mean() if len(loud) else 0.0, 1e-20)))


@dataclass(frozen=True)
class _Voice:
    """A clip at the vocoder's rate: waveform (N,), frames (T), and which are spoken and voiced, bool (T,)."""

    waveform: np.ndarray
    frames: VoiceFeatures
    spoken: np.ndarray
    voiced: np.ndarray

    def semitones(self) -> np.ndarray:
        """F0 above 27.5 Hz, (T,)."""
        return (self.frames.lf0 - np.log(27.5)) * 12 / np.log(2)


def _heard(waveform: np.ndarray, sample_rate: int) -> _Voice:
    x = np.asarray(waveform, np.float32)
    if x.ndim != 1 or len(x) < SHORTEST * sample_rate:
        raise InputError(f"measuring a voice needs a waveform (N,) of at least {SHORTEST} s, not {x.shape}")
    x = x - x.mean(dtype=np.float64).astype(np.float32)
    if not float(np.abs(x).max()) >= SILENCE:  # false for NaN, too
        raise InputError("the waveform is silent: there is no voice to measure")
    x = resample(x, sample_rate, SAMPLE_RATE)
    x = x * np.float32(LEVEL / 10 ** (level(x) / 20))
    x = x + np.float32(NOISE) * np.random.default_rng(len(x)).standard_normal(len(x), np.float32)
    frames = analyse(x)
    padded = np.pad(x, (HOP, HOP + len(frames) * HOP))
    power = np.square(padded).cumsum(dtype=np.float64)
    at = np.arange(len(frames)) * HOP
    power = power[at + 2 * HOP] - power[at]  # 20 ms around each frame
    spoken = power > SPOKEN * np.percentile(power, 98)
    gaps = [(a, b) for a, b in _runs(~spoken) if b - a < SHORTEST_PAUSE]
    voiced = frames.voiced & spoken
    for a, b in gaps:
        spoken[a:b] = True
    for a, b in _runs(voiced):
        if b - a < SHORTEST_VOICED:
            voiced[a:b] = False
    if voiced.sum() < FRAME_RATE // 10:
        raise InputError("there is no voice in the waveform: nothing in it has a pitch")
    return _Voice(x, frames, spoken, voiced)


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Where a bool (T,) is true: starts and ends."""
    change = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return list(zip(change[::2].tolist(), change[1::2].tolist(), strict=True))


def _pitch(voice: _Voice) -> dict[str, float]:
    st = voice.semitones()
    low, high = np.percentile(st[voice.voiced], (20, 80))
    steps = [np.diff(_smooth3(st[a:b])) * FRAME_RATE for a, b in _runs(voice.voiced) if b - a > 2]
    slopes = np.concatenate(steps) if steps else np.zeros(1)
    up, down = slopes[slopes > 0], slopes[slopes < 0]
    name = "F0semitoneFrom27.5Hz_sma3nz_"
    return {
        name + "amean": st[voice.voiced].mean(),
        name + "percentile20.0": low,
        name + "percentile80.0": high,
        name + "pctlrange0-2": high - low,
        name + "meanRisingSlope": up.mean() if len(up) else 0.0,
        name + "meanFallingSlope": -down.mean() if len(down) else 0.0,
    }


def _loudness(voice: _Voice) -> dict[str, float]:
    """Stevens' law over an auditory spectrum, as PLP has it: the sum over bands of power^0.33."""
    power = np.abs(np.fft.rfft(_cut(voice) * np.hanning(WINDOW))) ** 2
    hertz = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
    edges = np.linspace(mel(np.array(20.0)), mel(np.array(8000.0)), LOW_BANDS + 1)
    band = np.digitize(mel(hertz), edges) - 1
    bands = np.stack([power[:, band == i].sum(1) for i in range(LOW_BANDS)], 1)
    loudness = _smooth3((bands**0.33).sum(1))
    spoken = loudness[voice.spoken]
    low, high = np.percentile(spoken, (20, 80))
    peaks = _peaks(loudness / spoken.mean(), 0.05)
    first, last = np.flatnonzero(voice.spoken)[[0, -1]]
    over_time = loudness[first : last + 1] - loudness[first : last + 1].mean()
    modulation = np.abs(np.fft.rfft(over_time * np.sqrt(np.hanning(len(over_time))), 4096)) ** 2
    rates = np.fft.rfftfreq(4096, 1 / FRAME_RATE)
    modulation *= (rates >= 1) & (rates <= 16)
    # Nuclei are voiced peaks of a loudness as slow as syllables, a tenth of the mean above the dips around.
    slow = np.convolve(loudness / spoken.mean(), np.hanning(11) / np.hanning(11).sum(), "same")
    nuclei = [p for p in _peaks(slow, 0.1) if voice.voiced[max(0, p - 2) : p + 3].any()]
    return {
        "loudness_sma3_stddevNorm": spoken.std() / spoken.mean(),
        "loudness_sma3_pctlrange0-2": (high - low) / spoken.mean(),
        "loudnessPeaksPerSec": len(peaks) * FRAME_RATE / (last + 1 - first),
        "syllableNucleiPerSec": len(nuclei) * FRAME_RATE / voice.spoken.sum(),
        "modulationRate": (rates * modulation).sum() / modulation.sum(),
    }


def _balance(voice: _Voice) -> dict[str, float]:
    log_power = envelope(voice.frames.cepstrum[voice.voiced])
    decibels, hertz = log_power * (10 / np.log(10)), np.linspace(0, SAMPLE_RATE / 2, log_power.shape[1])
    power = np.exp(log_power)

    def between(low: float, high: float) -> np.ndarray:
        return (hertz >= low) & (hertz <= high)

    def slope(low: float, high: float) -> float:
        inside = between(low, high)
        f = hertz[inside] / 1000
        return float(((decibels[:, inside] * (f - f.mean())).sum(1) / np.square(f - f.mean()).sum()).mean())

    high, low = power[:, between(1000, 5000)].sum(1), power[:, between(50, 1000)].sum(1)
    below, above = decibels[:, between(0, 2000)].max(1), decibels[:, between(2000, 5000)].max(1)
    return {
        "alphaRatioV_sma3nz_amean": (10 * np.log10(high / low)).mean(),
        "hammarbergIndexV_sma3nz_amean": (below - above).mean(),
        "slopeV0-500_sma3nz_amean": slope(0, 500),
        "slopeV500-1500_sma3nz_amean": slope(500, 1500),
    }


def _quality(voice: _Voice) -> dict[str, float]:
    voiced, frames = voice.voiced, voice.frames
    f0 = np.exp(frames.lf0[voiced])
    log_power = envelope(frames.cepstrum[voiced])
    place = f0 * (log_power.shape[1] - 1) / (SAMPLE_RATE / 2)
    rows = np.arange(len(f0))
    first, second = (log_power[rows, np.rint(k * place).astype(int)] for k in (1, 2))
    loudness = frames.cepstrum[voiced, 0]
    # The louder half are mostly vowels, and a median passes over poles that belong to no formant.
    formants = np.nanmedian(_formants(log_power[loudness >= np.median(loudness)]), 0)
    level_db = 10 * np.log10(np.square(_cut(voice) * np.hanning(WINDOW)).sum(1))
    jitter = [np.abs(np.diff(frames.lf0[a:b], 2)) / 2 for a, b in _runs(voiced) if b - a > 2]
    shimmer = [np.abs(np.diff(level_db[a:b], 2)) / 2 for a, b in _runs(voiced) if b - a > 2]
    return {
        "HNRdBACF_sma3nz_amean": _harmonicity(voice).mean(),
        "jitterLocal_sma3nz_amean": np.concatenate(jitter).mean() if jitter else 0.0,
        "shimmerLocaldB_sma3nz_amean": np.concatenate(shimmer).mean() if shimmer else 0.0,
        **{f"F{i + 1}frequency_sma3nz_amean": formants[i] for i in range(3)},
        "logRelF0-H1-H2_sma3nz_amean": ((first - second) * (10 / np.log(10))).mean(),
    }


def _timing(voice: _Voice) -> dict[str, float]:
    where = np.flatnonzero(voice.spoken)
    inside = slice(where[0], where[-1] + 1)
    voiced, seconds = voice.voiced[inside], (where[-1] + 1 - where[0]) / FRAME_RATE
    runs = np.array(_runs(voiced))
    lengths, between = np.diff(runs, axis=1) / FRAME_RATE, (runs[1:, 0] - runs[:-1, 1]) / FRAME_RATE
    return {
        "VoicedSegmentsPerSec": len(lengths) / seconds,
        "MeanVoicedSegmentLengthSec": lengths.mean(),
        "MeanUnvoicedSegmentLength": between.mean() if len(between) else 0.0,
        "pauseShare": 1 - voice.spoken[inside].mean(),
        "voicedShare": voiced.sum() / voice.spoken[inside].sum(),
    }


def _cut(voice: _Voice) -> np.ndarray:
    """(T, WINDOW): the waveform around every frame."""
    padded = np.pad(voice.waveform, (WINDOW // 2, WINDOW // 2 + HOP))
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][: len(voice.frames)]


def _harmonicity(voice: _Voice) -> np.ndarray:
    """dB, of voiced frames: Boersma 1993, the autocorrelation at one period over that of the window."""
    window = np.hanning(WINDOW)
    cut = _cut(voice)[voice.voiced]
    cut = (cut - cut.mean(1, keepdims=True)) * window

    def autocorrelation(x: np.ndarray) -> np.ndarray:
        return np.fft.irfft(np.abs(np.fft.rfft(x, 2 * WINDOW)) ** 2)[..., : WINDOW // 2]

    r = autocorrelation(cut) / autocorrelation(window)
    r = r / r[:, :1].clip(1e-20)
    lag = SAMPLE_RATE / np.exp(voice.frames.lf0[voice.voiced])
    places = lag[:, None] * np.linspace(0.95, 1.05, 21)
    places = np.rint(places).astype(int).clip(1, WINDOW // 2 - 1)
    best = np.take_along_axis(r, places, 1).max(1).clip(0.01, 0.9999)
    return 10 * np.log10(best / (1 - best))


def _formants(log_power: np.ndarray) -> np.ndarray:
    """F1 to F3 in Hz (T, 3) of log power spectra: poles of the all-pole model of the envelope below 5 kHz.

    The envelope's autocorrelation stands in for the signal's (Makhoul 1975), so that harmonics do not pull.
    NaN where a frame has fewer poles sharp enough (bandwidth below 1 kHz).
    """
    bins = round(FORMANT_NYQUIST / (SAMPLE_RATE / 2) * (log_power.shape[1] - 1)) + 1
    angle = np.linspace(0, np.pi, bins)
    emphasis = np.log(1 + 0.9**2 - 2 * 0.9 * np.cos(angle))
    shape = log_power[:, :bins].astype(np.float64) + emphasis
    r = np.fft.irfft(np.exp(shape - shape.max(1, keepdims=True)))[:, : FORMANT_ORDER + 1]
    r[:, 0] *= 1 + 1e-6
    where = np.abs(np.subtract.outer(np.arange(FORMANT_ORDER), np.arange(FORMANT_ORDER)))
    a = np.linalg.solve(r[:, where], r[:, 1:, None])[..., 0]
    companion = np.zeros((len(a), FORMANT_ORDER, FORMANT_ORDER))
    companion[:, 0] = a
    companion[:, np.arange(1, FORMANT_ORDER), np.arange(FORMANT_ORDER - 1)] = 1
    poles = np.linalg.eigvals(companion)
    hertz = np.angle(poles) * FORMANT_NYQUIST / np.pi
    width = -2 * np.log(np.abs(poles).clip(1e-9)) * FORMANT_NYQUIST / np.pi
    hertz = np.where((hertz > 150) & (hertz < FORMANT_NYQUIST - 200) & (width < 1000), hertz, np.nan)
    return np.sort(hertz, 1)[:, :3]  # NaN sort last


def _smooth3(x: np.ndarray) -> np.ndarray:
    """The moving average over three frames that the set's `sma3` stands for, ends held."""
    padded = np.pad(x, 1, mode="edge")
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


def _peaks(x: np.ndarray, prominence: float) -> list[int]:
    """Maxima that rise by `prominence` above the dips on either side."""
    found: list[int] = []
    low, peak = x[0], -1
    for i, value in enumerate(x):
        if peak < 0:
            low = min(low, value)
            if value >= low + prominence:
                peak = i
        elif value > x[peak]:
            peak = i
        elif value <= x[peak] - prominence:
            found.append(peak)
            low, peak = value, -1
    return found
