"""What the motion of a face hears of a voice: spectrum, level, pitch and voicing, 120 times a second.

Every frame depends on 40 ms of sound around it and on nothing else, so that a stream heard in chunks gives
the same features as the whole recording.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from emotive.errors import InputError

from .vocoder import mel

RATE = 24_000  # samples/s
HOP = 200  # samples: 120 frames/s
FRAMES = 4  # to a token: 30 tokens/s
MELS = 40
FEATURES = MELS + 3  # of a frame: log-mels, level, pitch, voicing
TOKEN = HOP * FRAMES  # samples
SPAN = 960  # samples that a frame sees, around its middle
SPECTRUM = 600  # of them that the log-mels see
AFTER = SPAN // 2 - HOP // 2  # samples beyond its end that a token needs: 16 ms
BEFORE = SPAN // 2 - HOP // 2
LOWEST, HIGHEST = 60.0, 7_600.0  # Hz of the mels; many recordings have nothing above
F0_RANGE = (65.0, 480.0)  # Hz
QUIETEST = -45.0  # dB re full scale: what is softer is no voice, and is not amplified
BLOCK = 1200  # frames computed at once
USUAL_LEVEL = -24.0  # dB, of a stream that nothing was heard of yet


def speech_level(waveform: np.ndarray) -> float:
    """The level of the loud parts of a recording, dB re full scale: the 95th percentile over 25 ms."""
    x = np.asarray(waveform, np.float64)
    count = len(x) // SPECTRUM
    if not count:
        return QUIETEST
    power = np.square(x[: count * SPECTRUM].reshape(count, SPECTRUM)).mean(1)
    return max(QUIETEST, float(10 * np.log10(np.percentile(power, 95) + 1e-12)))


def listen(waveform: np.ndarray, level: float | None = None) -> np.ndarray:
    """Features float32 (N, FRAMES * FEATURES) of N = ceil(samples / TOKEN) tokens, 30 a second.

    Each row holds four frames one after the other, each 40 log-mels and the level in units of 20 dB against
    `level`, log2 of F0 over 150 Hz where voiced, and voicing in [0, 1]. Token n lies at n/30 .. (n + 1)/30 s.

    Args:
        waveform: mono, `RATE` samples/s, (samples,).
        level: dB of its loud parts; measured by `speech_level` unless given.

    Raises InputError for other shapes and values that are not finite.
    """
    x = _checked(waveform)
    level = speech_level(x) if level is None else float(level)
    tokens = -(-len(x) // TOKEN)
    padded = np.zeros(BEFORE + tokens * TOKEN + AFTER, np.float32)
    padded[BEFORE : BEFORE + len(x)] = x
    return _features(padded, tokens * FRAMES, level).reshape(tokens, FRAMES * FEATURES)


class Listener:
    """The same of a stream: `push` sound as it comes, get the features of the tokens that are complete.

    A token is complete 16 ms after its end. level: dB of the loud parts, if it is known; otherwise it is
    followed from `USUAL_LEVEL` on: louder speech within a few tokens, softer within some seconds.
    """

    def __init__(self, level: float | None = None):
        self.level = USUAL_LEVEL if level is None else float(level)
        self.follows = level is None
        self.kept = np.zeros(BEFORE, np.float32)  # what coming frames still need

    def push(self, chunk: np.ndarray) -> np.ndarray:
        """(n, FRAMES * FEATURES) of the tokens that `chunk` (samples,) completes, n may be 0."""
        self.kept = np.concatenate([self.kept, _checked(chunk)])
        tokens = max(0, (len(self.kept) - BEFORE - AFTER) // TOKEN)
        rows = [self._token(n) for n in range(tokens)]
        self.kept = self.kept[tokens * TOKEN :]
        return np.stack(rows) if rows else np.zeros((0, FRAMES * FEATURES), np.float32)

    def finish(self) -> np.ndarray:
        """The features of what is left, with silence after it."""
        left = len(self.kept) - BEFORE
        tokens = -(-left // TOKEN)
        return self.push(np.zeros(tokens * TOKEN - left + AFTER, np.float32))[:tokens]

    def _token(self, n: int) -> np.ndarray:
        part = self.kept[n * TOKEN : (n + 1) * TOKEN + BEFORE + AFTER]
        found = _features(part, FRAMES, self.level)
        if self.follows and found[:, MELS + 2].mean() > 0.6:  # a voice, not a door
            own = part[BEFORE : BEFORE + TOKEN].astype(np.float64)
            above = 10 * np.log10(np.square(own).mean() + 1e-12) - self.level
            # Rises at once, falls slowly: the loud parts are what counts.
            self.level = max(QUIETEST, self.level + (0.25 if above > 0 else 0.02) * float(above))
        return found.reshape(-1)


def paired(heard: np.ndarray) -> np.ndarray:
    """Features (N, 172) at 30 tokens/s, two after one another at 15/s: (ceil(N / 2), 344)."""
    even = heard if len(heard) % 2 == 0 else np.concatenate([heard, heard[-1:]])
    return even.reshape(len(even) // 2, 2 * heard.shape[1])


def loudness(heard: np.ndarray) -> np.ndarray:
    """How loud each token of `listen` is, (N,): 1 loud speech, 0 at 30 dB below, smoothed over 0.2 s."""
    level = heard.reshape(len(heard), FRAMES, FEATURES)[:, :, MELS].mean(1) * 20
    kernel = np.hanning(9)[1:-1] / np.hanning(9)[1:-1].sum()
    padded = np.pad((1 + level / 30).clip(0, 1.3), 3, mode="edge")
    return np.convolve(padded, kernel, mode="valid").astype(np.float32)


def _features(padded: np.ndarray, frames: int, level: float) -> np.ndarray:
    """(frames, FEATURES) of a signal with `BEFORE` samples before its first frame."""
    out = np.zeros((frames, FEATURES), np.float32)
    if not frames:
        return out
    windows = np.lib.stride_tricks.sliding_window_view(padded, SPAN)[::HOP]
    hann, mels, correction, lags = _tables()
    gain = np.float32(10 ** (-level / 20))
    side = (SPAN - SPECTRUM) // 2
    for begin in range(0, frames, BLOCK):
        at = slice(begin, min(begin + BLOCK, frames))
        window = windows[at] * gain
        middle = window[:, side:-side]
        power = np.square(np.abs(np.fft.rfft(middle * hann, 1024, axis=1)))
        log_mels = 10 * np.log10(power @ mels + 1e-6)
        out[at, :MELS] = ((log_mels - 10) / 20).clip(-3, 3)
        energy = 10 * np.log10(np.square(middle).mean(1) + 1e-6)
        out[at, MELS] = (energy / 20).clip(-3, 1)
        out[at, MELS + 1], out[at, MELS + 2] = _pitch(window, correction, lags)
    return out


def _pitch(window: np.ndarray, correction: np.ndarray, lags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log2(F0 / 150 Hz), 0 where unvoiced, and voicing, by autocorrelation (Boersma 1993, eq. 9): that of the
    windowed sound over that of the window, so that long lags are not put at a disadvantage."""
    centred = (window - window.mean(1, keepdims=True)) * np.hanning(SPAN).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(centred, 2048, axis=1)))
    power[:, round(1000 / RATE * 2048) :] = 0  # breath and consonants lie above
    correlation = np.fft.irfft(power, axis=1)
    # A trace of noise keeps silence unvoiced.
    normal = correlation[:, lags] / (correlation[:, :1] + 1e-2) / correction
    best = (normal - 0.02 * np.log2(lags / lags[0])).argmax(1)
    voicing = np.take_along_axis(normal, best[:, None], 1)[:, 0].clip(0, 1)
    pitch = np.log2(RATE / lags[best] / 150.0)
    return pitch * (voicing > 0.5), voicing


@cache
def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Window of the spectrum, mel filters (513, MELS), the window's autocorrelation at `lags`, and lags."""
    edges = np.linspace(mel(np.array(LOWEST)), mel(np.array(HIGHEST)), MELS + 2)
    place = mel(np.linspace(0, RATE / 2, 513))
    up = (place[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - place[:, None]) / (edges[2:] - edges[1:-1])
    filters = np.minimum(up, down).clip(0, None)
    lags = np.arange(int(RATE / F0_RANGE[1]), int(RATE / F0_RANGE[0]) + 1)
    own = np.fft.irfft(np.square(np.abs(np.fft.rfft(np.hanning(SPAN), 2048))))
    return np.hanning(SPECTRUM).astype(np.float32), filters.astype(np.float32), (own / own[0])[lags], lags


def _checked(waveform: np.ndarray) -> np.ndarray:
    x = np.asarray(waveform, np.float32)
    if x.ndim != 1:
        raise InputError(f"a waveform is mono, of shape (samples,), not {x.shape}")
    if not np.isfinite(x).all():
        raise InputError("the waveform has values that are not finite")
    return x
