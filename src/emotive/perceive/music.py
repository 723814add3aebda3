"""Affect in music by published relations only: an estimate of what the music expresses, with its spread.

Nothing here was fitted to music; it is no measurement of what people feel. The literature says which cues
move the expressed valence and arousal, which way and in which order of importance; those statements, one line
of `CUES` each, are read as a linear forward model with noise,

    cue = norm + valence * toward_valence + arousal * toward_arousal + noise,    noise ~ N(0, spread^2)

and inverted by Bayes' rule under the prior that both are uniform on [-1, 1], as for the voice
(`vocal_published`). That cues add up, nearly linearly and without interactions, is itself a result: E13.

H37   Hevner 1937: major for happy and graceful, minor for sad and dreamy; fast for happy and exciting, slow
      for serene, dreamy and sad; low pitch for sad and vigorous; complex harmony for exciting and sad.
E13   Eerola, Friberg & Bresin 2013: over four expressed emotions mode counts most, then tempo, register,
      dynamics, articulation and timbre; the cues are additive.
GL10  Gabrielsson & Lindström 2010, a review of many studies: tempo, loudness, staccato and bright
      timbre with activation; major and consonance with positive valence.
JL03  Juslin & Laukka 2003: tempo, level and high-frequency energy rise from sadness and tenderness to anger
      and happiness, in voice and music alike.
S04   Schubert 2004: over time, loudness and tempo lead arousal; valence is explained far less.
CC11  Coutinho & Cangelosi 2011: loudness, tempo, pitch level, contour, sharpness and texture over time.
Y08   Yang et al. 2008: a regression on many features of rated songs explains 58.3 % of the variance of
      arousal and 28.1 % of that of valence. No spread here is stated smaller than what that leaves open.

Signs and order are theirs. Sizes, in the cue's own unit per unit of affect, and norms are stated, not
measured. Left out: melody's direction and rhythm's regularity (weak or contradictory in GL10), words, genre,
and whatever a listener knows of the piece. The mode is that of Western tonal music.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotive.media.audio import as_waveform
from emotive.signals import Speech

from .clips import Clip
from .estimated_curve import EstimatedCurve
from .judge import Estimates
from .music_features import MEASURED_WITH, MusicCues, music_cues


class MusicCue(NamedTuple):
    """A line of the forward model; units are the cue's own. `low` and `high` are words for less and more."""

    norm: float
    toward_valence: float
    toward_arousal: float
    spread: float
    low: str
    high: str


CUES: dict[str, MusicCue] = {
    # H37, E13, JL03, S04: the strongest cue of arousal, and faster is also happier.
    "events": MusicCue(math.log(2.5), 0.15, 0.60, 0.50, "few notes", "many notes"),
    # GL10, S04, CC11. Against the piece's own median, so that it tells a passage from another, not pieces.
    "loudness": MusicCue(0.0, 0.0, 6.0, 5.0, "a soft passage", "a loud passage"),
    # GL10, JL03, CC11 (sharpness).
    "brightness": MusicCue(math.log(1300.0), 0.05, 0.40, 0.45, "dark sound", "bright sound"),
    # H37, E13: first of all cues, for happy against sad. The size is that of clear major and minor pieces.
    "mode": MusicCue(0.0, 0.25, 0.0, 0.20, "minor", "major"),
    # GL10: consonance pleasant, dissonance tense and unpleasant.
    "roughness": MusicCue(0.10, -0.05, 0.04, 0.08, "consonant", "rough"),
    # H37, E13: low for sad and scary, high for happy and peaceful.
    "register": MusicCue(62.0, 5.0, 0.0, 7.0, "low", "high"),
    # GL10, E13: staccato is lively, legato soft or solemn; a weak cue.
    "sustain": MusicCue(-4.0, -0.5, -1.5, 3.5, "staccato", "legato"),
}
PRIOR = 1 / 3  # variance of a uniform distribution over [-1, 1]
FARTHEST = 3.0  # standard deviations that a cue may be off before it is clipped
LEFT_OPEN = (1 - 0.281, 1 - 0.583)  # Y08: share of the variance of valence and arousal


class MusicContributions(NamedTuple):
    """What each cue adds to valence and to arousal, in units of [-1, 1]: by cue, float64 (M,)."""

    valence: dict[str, np.ndarray]
    arousal: dict[str, np.ndarray]


class MusicReader:
    """Reads affect out of music; see the module for what it knows, and what it does not."""

    name = "published, music"

    def __init__(self) -> None:
        rows = np.array([[c.toward_valence, c.toward_arousal] for c in CUES.values()])
        noise = np.array([c.spread for c in CUES.values()])
        precision = rows.T @ (rows / noise[:, None] ** 2) + np.eye(2) / PRIOR
        self._inverse = np.linalg.solve(precision, (rows / noise[:, None] ** 2).T)  # (2, cues)
        inverted = np.sqrt(np.diag(np.linalg.inv(precision)))
        self._spread = np.maximum(inverted, np.sqrt(PRIOR * np.array(LEFT_OPEN)))
        self._farthest = FARTHEST * np.sqrt(noise**2 + PRIOR * np.square(rows).sum(1))

    def fingerprint(self) -> str:
        """64 hex digits: the sha256 of every number of the forward model and of how cues are measured."""
        numbers = [CUES, PRIOR, FARTHEST, LEFT_OPEN, MEASURED_WITH]
        return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()

    def contributions(self, cues: MusicCues) -> MusicContributions:
        """What each cue adds in each window; the sums, clipped to [-1, 1], are the estimate."""
        off = np.stack([cues.values[name] - CUES[name].norm for name in CUES])
        off = off.clip(-self._farthest[:, None], self._farthest[:, None])
        valence, arousal = (weights[:, None] * off for weights in self._inverse)
        return MusicContributions(*(dict(zip(CUES, each, strict=True)) for each in (valence, arousal)))

    def curve(self, item: Clip) -> EstimatedCurve:
        """Affect over time, a row for each half second, over windows of five seconds.

        item: a file, or (waveform, samples/s). Raises InputError as `music_cues` and reading do.
        """
        if isinstance(item, Speech):
            samples, rate = item.waveform, item.sample_rate
        else:
            samples, rate = as_waveform(*item) if isinstance(item, tuple) else as_waveform(item)
        return self.curve_of(music_cues(samples, rate))

    def curve_of(self, cues: MusicCues) -> EstimatedCurve:
        """The same from cues that are already measured."""
        added = self.contributions(cues)
        valence, arousal = (sum(each.values()).clip(-1, 1) for each in added)  # type: ignore[union-attr]
        spread = (np.full(len(cues.times), sd) for sd in self._spread)
        return EstimatedCurve(cues.times, valence, arousal, *spread)

    def estimate(self, items: Sequence[Clip]) -> Estimates:
        """Whole pieces -> `Estimates` of (N,): the means of their curves. The spread does not shrink with
        length, since what the cues leave open is the same in every window."""
        curves = [self.curve(item) for item in items]
        means = np.array([[c.valence.mean(), c.arousal.mean()] for c in curves]).reshape(-1, 2)
        spread = np.repeat(self._spread[None], len(curves), 0)
        return Estimates(*means.T, *spread.T)


def music_curve(samples: np.ndarray, rate: int) -> EstimatedCurve:
    """Affect over time in a piece of music, (N,) at `rate` samples/s: see `MusicReader.curve`."""
    return MusicReader().curve((samples, rate))


def moved_by(cues: MusicCues) -> dict[str, tuple[str, float, float]]:
    """By cue: in words which way it is off, and what it adds to valence and arousal on average."""
    added = MusicReader().contributions(cues)
    return {
        name: (
            cue.high if cues.values[name].mean() > cue.norm else cue.low,
            float(added.valence[name].mean()),
            float(added.arousal[name].mean()),
        )
        for name, cue in CUES.items()
    }
