"""What can be measured in music without learning: pace, loudness, colour, mode, roughness, register, touch.

Everything is taken from two spectrograms of the piece at 22 050 samples/s: a fast one (93 ms windows) for
time and colour, a fine one (372 ms) for pitch. Each window of five seconds, twice a second, then has one
number per cue. No number depends on the level of the recording: loudness is told against the piece's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emotive.errors import InputError
from emotive.media.audio import as_waveform, resample

from .clips import SILENCE

RATE = 22_050  # samples/s
FAST, HOP = 2048, 512  # samples
FINE, FINE_HOP = 8192, 4096
BLOCK = 60 * RATE // FINE_HOP * FINE_HOP  # samples at once: bounds memory
SHORTEST = 3.0  # seconds: less is a sound, not a piece
WINDOW, STEP = 5.0, 0.5  # seconds
KEY_WINDOW = 10.0  # seconds: a key takes longer to be heard than a pace
QUIET = 40.0  # dB below the loud parts of the piece: a window so quiet says nothing
LOWEST, PITCHES = 36, 72  # MIDI number of the lowest pitch, and how many semitones from there: 65 to 3951 Hz
OVERTONES = np.unique(np.rint(12 * np.log2(np.arange(2, 13))).astype(int))  # semitones above their note
PEAKS = 16  # of a spectrum, for roughness

# Krumhansl & Kessler 1982, probe-tone ratings for C major and C minor: how well each pitch class fits.
MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])

MEASURED_WITH = (
    (RATE, FAST, HOP, FINE, FINE_HOP, WINDOW, STEP, KEY_WINDOW, QUIET, LOWEST, PITCHES, PEAKS),
    (OVERTONES.tolist(), MAJOR.tolist(), MINOR.tolist()),
)
"""The numbers above, for fingerprints."""

UNITS: dict[str, str] = {
    "events": "natural log of onsets/s, at least log 0.5",
    "loudness": "dB above the median of the piece",
    "brightness": "natural log of the spectral centroid in Hz",
    "mode": "-1..1: correlation with the best major key less that with the best minor key",
    "roughness": "0..1: share of beating pairs among the partials",
    "register": "MIDI number: the mean pitch, by loudness",
    "sustain": "dB of the mean envelope below its peaks, 0 or less: near 0 is legato",
}
"""Names of the cues, and what each number is."""


@dataclass(frozen=True)
class MusicCues:
    """times: the middle of M windows, seconds. values: by the names in `UNITS`. Each is float64 (M,)."""

    times: np.ndarray
    values: dict[str, np.ndarray]


def music_cues(samples: np.ndarray, rate: int) -> MusicCues:
    """The cues of a piece: `samples` as `media.audio.as_waveform` takes them, `rate` in samples/s.

    Windows that are 40 dB below the loud parts are left out. Raises InputError for a piece that is silent, or
    shorter than three seconds.
    """
    x, rate = as_waveform(samples, rate)
    if len(x) < SHORTEST * rate:
        raise InputError(f"the music lasts {len(x) / rate:.2f} s: at least {SHORTEST:g} s are needed")
    x = x - x.mean(dtype=np.float64).astype(np.float32)
    if float(np.abs(x).max()) < SILENCE:
        raise InputError("the music is silent: there is nothing to hear in it")
    x = resample(x, rate, RATE)
    x = x * np.float32(0.05 / np.sqrt(np.mean(np.square(x, dtype=np.float64))))
    flux, energy, centre, spread = _fast(x)
    onset_times = _onsets(flux) * HOP / RATE
    levels = 10 * np.log10(energy + 1e-12)
    chroma, pitch, rough, heard = _fine(x)
    fast_times = np.arange(len(energy)) * HOP / RATE
    fine_times = np.arange(len(heard)) * FINE_HOP / RATE
    seconds = len(x) / RATE
    times = np.arange(min(WINDOW, seconds) / 2, seconds - min(WINDOW, seconds) / 2 + 1e-6, STEP)
    rows = []
    for time in times:
        here, near = _window(fast_times, time, WINDOW)
        there, fine = _window(fine_times, time, WINDOW)
        around, keyed = _window(fine_times, time, KEY_WINDOW)
        began, stopped = max(0.0, time - WINDOW / 2), min(seconds, time + WINDOW / 2)
        onsets = ((onset_times >= began) & (onset_times < stopped)).sum() / (stopped - began)
        envelope, loud = np.sqrt(energy[here]), max(fine @ heard[there], 1e-12)
        rows.append(
            (
                np.log(max(onsets, 0.5)),
                10 * np.log10(near @ energy[here] + 1e-12),
                np.log(max(near @ centre[here] / max(near @ spread[here], 1e-12), 20.0)),
                _mode(keyed @ chroma[around]),
                fine @ rough[there] / loud,
                fine @ pitch[there] / loud,
                20 * np.log10(envelope.mean() / max(float(np.percentile(envelope, 95)), 1e-9)),
            )
        )
    table = np.array(rows)
    audible = table[:, 1] > np.percentile(levels, 95) - QUIET
    table[:, 1] -= np.median(table[audible, 1])
    table, times = table[audible], times[audible]
    return MusicCues(times, dict(zip(UNITS, table.T, strict=True)))


def _window(at: np.ndarray, middle: float, width: float) -> tuple[slice, np.ndarray]:
    """Which of the frames at these times lie within `width` seconds around `middle`, and a raised cosine over
    them, sum 1."""
    inside = slice(*np.searchsorted(at, (middle - width / 2, middle + width / 2)).tolist())
    w = 1 + np.cos(2 * np.pi * (at[inside] - middle) / width)
    return inside, w / max(float(w.sum()), 1e-12)


def _spectra(x: np.ndarray, size: int, hop: int) -> Iterator[np.ndarray]:
    """Magnitudes (T, size // 2 + 1) of the whole, block by block; frame t is centred on sample t * hop."""
    window = np.hanning(size).astype(np.float32)
    padded = np.pad(x, size // 2)
    count = 1 + len(x) // hop
    at_once = BLOCK // hop
    for first in range(0, count, at_once):
        part = padded[first * hop : (min(first + at_once, count) - 1) * hop + size]
        frames = np.lib.stride_tricks.sliding_window_view(part, size)[::hop]
        yield np.abs(np.fft.rfft(frames * window)) / (size / 4)


def _fast(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Onset strength, energy, and the two sums of the spectral centroid, each (T,)."""
    hertz = np.fft.rfftfreq(FAST, 1 / RATE)
    edges = np.geomspace(80.0, 8000.0, 33)
    band = np.digitize(hertz, edges) - 1
    banks = np.stack([(band == i) / max(1, (band == i).sum()) for i in range(32)], 1)
    found, before = [], None
    for magnitudes in _spectra(x, FAST, HOP):
        bands = np.log(1e-3 + magnitudes @ banks)  # 1e-3: some 34 dB below the mean level
        previous = bands[:1] if before is None else before
        flux = np.maximum(np.diff(bands, axis=0, prepend=previous), 0).mean(1)
        before = bands[-1:]
        power = magnitudes**2
        # By amplitude, not power: the ear compresses, and a bass drum would else be all of it.
        inside = magnitudes * (hertz > 40)
        found.append(np.stack([flux, power.sum(1), inside @ hertz, inside.sum(1)], 1))
    flux, energy, centre, spread = np.concatenate(found).T
    return flux, energy, centre, spread


def _onsets(flux: np.ndarray) -> np.ndarray:
    """Frames where notes begin: peaks of the onset strength that stand out of the second around them."""
    width = int(0.5 * RATE / HOP)
    padded = np.pad(flux, width, mode="reflect" if len(flux) > width else "edge")
    mean = np.convolve(padded, np.ones(2 * width + 1) / (2 * width + 1), "valid")
    found, last = [], -10
    for t in range(len(flux)):
        around = flux[max(0, t - 3) : t + 4]
        if flux[t] >= around.max() and flux[t] > mean[t] + 0.06 and t - last >= 3:
            found.append(t)
            last = t
    return np.array(found, dtype=np.float64)


def _fine(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pitch classes (T, 12), pitch, roughness and loudness (T,), each already weighted by loudness."""
    hertz = np.fft.rfftfreq(FINE, 1 / RATE)
    found = []
    for magnitudes in _spectra(x, FINE, FINE_HOP):
        for frame in magnitudes:
            at, size = _partials(frame, hertz)
            loud = size.sum()
            notes = _notes(at, size)
            pitch = notes @ (LOWEST + np.arange(PITCHES)) / max(notes.sum(), 1e-9)
            classes = notes.reshape(-1, 12).sum(0)
            # 36 is a C, so that pitch classes begin at C.
            found.append(np.concatenate([classes, [loud * pitch, loud * _roughness(at, size), loud]]))
    table = np.array(found)
    return table[:, :12], table[:, 12], table[:, 13], table[:, 14]


def _partials(frame: np.ndarray, hertz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (Hz, by a parabola over three bins of the log spectrum) and amplitudes of the peaks."""
    inside = frame[1:-1]
    peak = (inside > frame[:-2]) & (inside >= frame[2:]) & (inside > max(0.01 * frame.max(), 1e-5))
    k = np.flatnonzero(peak) + 1
    k = k[(hertz[k] > 60) & (hertz[k] < 5000)]
    k = np.sort(k[np.argsort(-frame[k])[: 3 * PEAKS]])
    a, b, c = (np.log(frame[k + i] + 1e-9) for i in (-1, 0, 1))
    offset = 0.5 * (a - c) / np.minimum(a - 2 * b + c, -1e-9)
    return (k + offset.clip(-0.5, 0.5)) * (hertz[1] - hertz[0]), frame[k].astype(np.float64)


def _notes(at: np.ndarray, size: np.ndarray) -> np.ndarray:
    """How loud each semitone sounds, (PITCHES,), without what are overtones of lower ones.

    Without that, the fifth partial, two octaves and a major third up, would make everything sound major.
    """
    notes = np.zeros(PITCHES)
    place = np.rint(12 * np.log2(np.maximum(at, 1e-3) / 440) + 69 - LOWEST).astype(int)
    inside = (place >= 0) & (place < PITCHES)
    np.add.at(notes, place[inside], np.sqrt(size[inside]))
    for low in range(PITCHES):
        if notes[low] > 0:
            above = low + OVERTONES[low + OVERTONES < PITCHES]
            notes[above] = np.maximum(0.0, notes[above] - notes[low])
    return notes


def _roughness(at: np.ndarray, size: np.ndarray) -> float:
    """Beating between the strongest partials, 0..1: Plomp & Levelt 1965 in the form of Sethares 1993, as a
    mean over pairs weighted by the smaller amplitude."""
    strongest = np.argsort(-size)[:PEAKS]
    at, size = at[strongest], size[strongest]
    i, j = np.triu_indices(len(at), 1)
    if not len(i):
        return 0.0
    apart, low = np.abs(at[i] - at[j]), np.minimum(at[i], at[j])
    s = 0.24 / (0.0207 * low + 18.96)
    weight = np.minimum(size[i], size[j])
    beating = (np.exp(-3.51 * s * apart) - np.exp(-5.75 * s * apart)) / 0.1797  # the maximum of the curve
    return float((weight * beating).sum() / max(float(weight.sum()), 1e-12))


def _mode(chroma: np.ndarray) -> float:
    """How much more major than minor, -1..1: Krumhansl's correlation with the profiles of all 24 keys."""
    if chroma.std() < 1e-9:
        return 0.0
    c = (chroma - chroma.mean()) / chroma.std()
    best = []
    for profile in (MAJOR, MINOR):
        p = (profile - profile.mean()) / profile.std()
        best.append(max(float(c @ np.roll(p, k)) / 12 for k in range(12)))
    return best[0] - best[1]
