"""Do the lips fit the sound? Measures that need no network: pure functions of tracks, sound and phone times.

A track is (T,), a number for each frame; frame i lies at i / fps seconds. Lengths are in eye distances, the
distance of the outer corners of both eyes. None of these looks at how a motion was made, so the same number
can be asked of the model, of its teacher, and of controls: the motion `shifted` by some frames, or that of
another utterance (`fitted`). A measure that does not fall under its controls measures something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from emotive.errors import InputError
from emotive.face.landmarks import FaceLandmarks
from emotive.signals import Phone
from emotive.voice.phones import BREATH, PAUSE, base

from . import metrics

Floats = np.ndarray

CLOSED = 0.015  # eye distances: 2 pixels of a face that is 512 wide, below which no gap is seen
TOUCHING = 0.05  # f, v: the lower lip lies at the edge of the upper teeth, of which a little shows
TUCKED = 0.8  # and shows this much of its height at most
TOLERANCE = 0.04  # s: before this, sound ahead of lips goes unnoticed (45 ms, ITU-R BT.1359)
SHIFTS = (-5, -2, 2, 5)  # frames, of the controls
BILABIAL, LABIODENTAL = ("P", "B", "M"), ("F", "V")
BANDS = 12  # of the envelope, 100 to 7,000 Hz
WINDOW = 0.05  # s

OPENNESS = {"aa": ("AA", "AE"), "E": ("EH", "EY"), "ih": ("IH", "IY"), "ou": ("UW", "UH")}
"""Vowels from open to close, the mouth's height falling from one to the next."""
ROUND, SPREAD = ("UW", "UH", "OW", "AO"), ("IH", "IY")


@dataclass(frozen=True, eq=False)
class MouthTracks:
    """What can be seen of a mouth, each (T,) in eye distances.

    gap: between the inner edges of the lips in the middle; 0 or less where they touch.
    width: between the corners.
    upper, lower: visible heights of the lips in the middle.
    """

    gap: Floats
    width: Floats
    upper: Floats
    lower: Floats

    def __len__(self) -> int:
        return len(self.gap)

    def stacked(self) -> Floats:
        """(T, 4)."""
        return np.stack([self.gap, self.width, self.upper, self.lower], 1)


def mouth_tracks(landmarks: Sequence[FaceLandmarks]) -> MouthTracks:
    """The mouth on landmarks of successive frames. Heights run across the line between the eyes, so that a
    tilted head opens no mouth; the unit is the median eye distance, so that a turned head widens none."""
    if not landmarks:
        raise InputError("there are no frames to measure")
    lips = np.stack([found.lips[..., :2] for found in landmarks]).astype(np.float64)  # (T, 4, 11, 2)
    across = np.stack([f.eyes[1, 0, 0, :2] - f.eyes[0, 0, 0, :2] for f in landmarks]).astype(np.float64)
    unit = float(np.median(np.linalg.norm(across, axis=1)))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    down = np.stack([-across[:, 1], across[:, 0]], 1)
    edges = np.einsum("tlpx,tx->tlp", lips[:, :, 4:7], down).mean(2) / unit  # (T, 4), top to bottom
    width = np.linalg.norm(lips[:, 0, -1] - lips[:, 0, 0], axis=1) / unit
    return MouthTracks(edges[:, 2] - edges[:, 1], width, edges[:, 1] - edges[:, 0], edges[:, 3] - edges[:, 2])


# -- mouth and envelope ------------------------------------------------------------------------------------


def envelope(waveform: Floats, sample_rate: int, fps: float, frames: int) -> Floats:
    """The wideband amplitude envelope, (frames,): the amplitudes of bands that are evenly spaced on a
    logarithmic scale, summed, as Chandrasekaran et al. 2009 hold it against the area of the mouth. Bands keep
    the strong low partials from hiding all else. Relative to its mean; 0 of silence.
    """
    size = max(16, round(WINDOW * sample_rate))
    window = np.hanning(size)
    centres = np.rint(np.arange(frames) / fps * sample_rate).astype(int)
    padded = np.pad(np.asarray(waveform, np.float64), size)
    starts = (centres + size // 2).clip(0, len(padded) - size)
    power = np.abs(np.fft.rfft(padded[starts[:, None] + np.arange(size)] * window, axis=1)) ** 2
    frequencies = np.fft.rfftfreq(size, 1 / sample_rate)
    edges = np.geomspace(100, min(7000, sample_rate / 2), BANDS + 1)
    bands = [power[:, (frequencies >= low) & (frequencies < high)].sum(1) for low, high in pairwise(edges)]
    total = np.sqrt(np.stack(bands, 1)).sum(1)
    mean = total.mean()
    return total / mean if mean > 0 else total


def correlations(track: Floats, sound: Floats, most: int = 10) -> Floats:
    """Pearson's r of a track and the sound at lags of -most..most frames, (2 most + 1,); at a positive lag
    the track comes later than the sound. Each over the frames that both have at that lag.

    Raises InputError for tracks of unlike length or shorter than `most` + 3 frames.
    """
    track, sound = np.asarray(track, np.float64), np.asarray(sound, np.float64)
    if track.shape != sound.shape or track.ndim != 1 or len(track) < most + 3:
        raise InputError(f"tracks must be of one length, from {most + 3} frames, not {track.shape}")
    n = len(track)
    return np.array(
        [
            metrics.pearson(track[max(k, 0) : n + min(k, 0)], sound[max(-k, 0) : n - max(k, 0)])
            for k in range(-most, most + 1)
        ]
    )


def peak_lag(curve: Floats) -> int:
    """The lag in frames at which `correlations` is highest; the smaller lag of two that are equal."""
    most = len(curve) // 2
    lags = np.arange(-most, most + 1)
    best = lags[curve >= curve.max() - 1e-12]
    return int(best[np.abs(best).argmin()])


# -- closures ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contacts:
    """Sounds for which the lips must touch, and touches: how many, and how many of them as they should."""

    sounds: int
    made: int
    touches: int
    right: int

    @property
    def recall(self) -> float | None:
        """Of the sounds, the share for which they touched; None if there were none."""
        return self.made / self.sounds if self.sounds else None

    @property
    def precision(self) -> float | None:
        """Of the touches while something was said, the share that belonged to such a sound."""
        return self.right / self.touches if self.touches else None

    def __add__(self, other: Contacts) -> Contacts:
        return Contacts(
            *(getattr(self, n) + getattr(other, n) for n in ("sounds", "made", "touches", "right"))
        )


NO_CONTACTS = Contacts(0, 0, 0, 0)


def contacts(
    touching: np.ndarray,
    fps: float,
    phones: Sequence[Phone],
    symbols: Sequence[str] = BILABIAL,
    spared: Sequence[str] = (),
) -> Contacts:
    """Whether frames that touch, bool (T,), are where the `symbols` are said.

    A sound is made if any frame from 40 ms before it to 40 ms after it touches. A touch is a run of such
    frames that lies within speech: runs that reach into a pause are the mouth at rest, and do not count, nor
    do those at sounds that may touch as well, `spared`. Sounds that end later than the last frame are left
    out.
    """
    times = np.arange(len(touching)) / fps
    last = times[-1] if len(times) else 0.0
    near, excused = np.zeros(len(touching), bool), np.zeros(len(touching), bool)
    sounds = made = 0
    for phone in phones:
        inside = within(times, phone.start - TOLERANCE, phone.end + TOLERANCE)
        excused |= inside & (base(phone.symbol) in spared)
        if base(phone.symbol) in symbols and phone.end <= last + 1e-6:
            near |= inside
            sounds += 1
            made += bool(touching[inside].any())
    resting = pausing(phones, fps, len(touching), TOLERANCE)
    runs = [run for run in _runs(touching) if not resting[run].any()]
    right = sum(bool(near[run].any()) for run in runs)
    return Contacts(sounds, made, right + sum(not (near | excused)[run].any() for run in runs), right)


def closed(mouth: MouthTracks) -> np.ndarray:
    """Frames with the lips together, bool (T,)."""
    return mouth.gap < CLOSED


def tucked(mouth: MouthTracks) -> np.ndarray:
    """Frames with the lower lip at the upper teeth, bool (T,): a narrow gap, and less of the lower lip to be
    seen than is usual, the median of the clip."""
    usual = float(np.median(mouth.lower))
    return (mouth.gap < TOUCHING) & (mouth.lower < TUCKED * usual)


def pausing(phones: Sequence[Phone], fps: float, frames: int, margin: float = 0.0) -> np.ndarray:
    """Frames in which nothing is said, bool (T,), `margin` s further on both sides; so are all frames past
    the last phone."""
    times = np.arange(frames) / fps
    found = within(times, (phones[-1].end if phones else 0.0) - margin, np.inf)
    for phone in phones:
        if phone.symbol in (PAUSE, BREATH):
            found |= within(times, phone.start - margin, phone.end + margin)
    return found


def within(times: np.ndarray, start: float, end: float) -> np.ndarray:
    """Which times lie from `start` on and before `end`, to the microsecond: sums of times are not exact."""
    return (times >= start - 1e-6) & (times < end - 1e-6)


def _runs(flags: np.ndarray) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [slice(start, end) for start, end in edges.reshape(-1, 2)]


# -- vowels ------------------------------------------------------------------------------------------------


def vowel_values(
    track: Floats, fps: float, phones: Sequence[Phone], kinds: Mapping[str, Sequence[str]]
) -> dict[str, list[float]]:
    """The track in the middle of each vowel with primary stress, by kind (name -> symbols)."""
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for phone in phones:
        middle = round((phone.start + phone.end) / 2 * fps)
        if phone.symbol.endswith("1") and middle < len(track):
            for kind, symbols in kinds.items():
                if base(phone.symbol) in symbols:
                    found[kind].append(float(track[middle]))
    return found


def above(high: Sequence[float], low: Sequence[float]) -> float | None:
    """The probability that one of `high` exceeds one of `low`, ties a half (the area under the ROC curve);
    None if either is empty."""
    if not len(high) or not len(low):
        return None
    gap = np.subtract.outer(np.asarray(high), np.asarray(low))
    return float((gap > 0).mean() + (gap == 0).mean() / 2)


# -- misalignment ------------------------------------------------------------------------------------------


def temporal_misalignment(track: Floats, reference: Floats, fps: float, most: float = 0.3) -> float:
    """How far in time a track lies from a reference of the same length, ms, whatever its size: the mean
    |i - j| / fps along the path of derivative dynamic time warping, at most `most` s apart.

    After the MTM of Chae-Yeon et al. 2025 (arXiv 2503.20308); the warping is Keogh & Pazzani 2001, on slopes
    relative to their spread. 0 for the same track.
    """
    track, reference = np.asarray(track, np.float64), np.asarray(reference, np.float64)
    if track.shape != reference.shape or track.ndim != 1 or len(track) < 3:
        raise InputError(f"tracks must be of one length, from 3 frames, not {track.shape}")
    x, y = _slopes(track), _slopes(reference)
    n, band = len(x), max(1, round(most * fps))
    cost = np.full((n + 1, n + 1), np.inf)
    cost[0, 0] = 0
    for i in range(1, n + 1):
        for j in range(max(1, i - band), min(n, i + band) + 1):
            step = min(cost[i - 1, j - 1], cost[i - 1, j], cost[i, j - 1])
            cost[i, j] = step + (x[i - 1] - y[j - 1]) ** 2
    i, j, apart = n, n, []
    while i and j:
        apart.append(abs(i - j))
        back = ((i - 1, j - 1), (i - 1, j), (i, j - 1))  # the straight way first, if all are equal
        i, j = min(back, key=lambda at: cost[at])
    return 1000 * float(np.mean(apart)) / fps


def _slopes(track: Floats) -> Floats:
    """Keogh & Pazzani's estimate, ((x[i] - x[i-1]) + (x[i+1] - x[i-1]) / 2) / 2, relative to its spread."""
    slope = ((track[1:-1] - track[:-2]) + (track[2:] - track[:-2]) / 2) / 2
    return slope / max(float(slope.std()), 1e-9)


# -- controls ----------------------------------------------------------------------------------------------


def shifted(track: Floats, frames: int) -> Floats:
    """The track (T, ...) that many frames later; earlier for less than 0. Its ends are held."""
    return np.asarray(track)[(np.arange(len(track)) - frames).clip(0, len(track) - 1)]


def fitted(track: Floats, frames: int) -> Floats:
    """Another utterance's track (T, ...) over `frames` frames: cut, or begun again as often as needed."""
    return np.asarray(track)[np.arange(frames) % len(track)]


def moved(mouth: MouthTracks, frames: int) -> MouthTracks:
    """`shifted`, of a whole mouth."""
    return MouthTracks(*shifted(mouth.stacked(), frames).T)


def lent(mouth: MouthTracks, frames: int) -> MouthTracks:
    """`fitted`, of a whole mouth."""
    return MouthTracks(*fitted(mouth.stacked(), frames).T)
