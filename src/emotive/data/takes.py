"""Takes: neutral readings said with feeling, by the rules of `vocal_affect`; never the same twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emotive.voice.phones import BREATH
from emotive.voice.prosody import INDEX, apply, warp
from emotive.voice.utterance import Timeline, Utterance
from emotive.voice.vocoder import VoiceFeatures

from .vocal_affect import vocal_controls
from .voices import Reading


def with_breath(reading: Reading, breath: np.ndarray, pause: int, rng: np.random.Generator) -> Reading:
    """The reading with an audible breath in at the end of its pause number `pause` (a phone number)."""
    u, edges, f = reading.timeline.utterance, reading.timeline.edges, reading.features
    length, gap = int(rng.integers(22, 38)), int(rng.integers(3, 7))
    at = int(edges[pause + 1])
    through = (np.arange(length) + 0.5) / length
    # In through the mouth: swells slowly, ends sooner than it began (Fukuda et al. 2018).
    swell = 20 * np.log10(np.sin(np.pi * through**1.4).clip(0.03))
    cepstrum = np.repeat(breath[None], length, 0) + 0.15 * rng.standard_normal((length, 60)).astype(
        np.float32
    )
    cepstrum[:, 0] += (swell - 9) * np.log(10) / 10
    quiet = np.repeat(f.cepstrum[max(0, at - 1)][None], gap, 0)
    new = np.concatenate([cepstrum, quiet])

    def put(track: np.ndarray, value: np.ndarray) -> np.ndarray:
        return np.concatenate([track[:at], value, track[at:]])

    n = len(new)
    features = VoiceFeatures(
        put(f.lf0, np.full(n, f.lf0[min(at, len(f) - 1)])), put(f.voiced, np.zeros(n, bool)),
        put(f.cepstrum, new).astype(np.float32), put(f.aperiodicity, np.repeat(f.aperiodicity[at - 1][None],
        n, 0)),
    )  # fmt: skip
    rows = [np.insert(row, pause + 1, row[pause]) for row in (u.word, u.syllable, u.boundary, u.closing)]
    symbols = (*u.symbols[: pause + 1], BREATH, *u.symbols[pause + 1 :])
    moved = np.concatenate([edges[: pause + 2], edges[pause + 1 :] + n])
    return replace(reading, timeline=Timeline(Utterance(u.words, symbols, *rows), moved), features=features)


def take(
    reading: Reading, affect: np.ndarray, centre: float, rng: np.random.Generator
) -> tuple[Timeline, VoiceFeatures, np.ndarray]:
    """The reading under the rules: its new timeline, features, and which old frame each new one came from.

    affect: (T, 2+) valence and arousal on the reading's frames.
    """
    controls = vocal_controls(reading.timeline, affect, rng)
    features = apply(reading.features, controls, centre, rng)
    origins, edges = warp(controls[:, INDEX["duration"]].clip(-1, 1))
    timeline = replace(reading.timeline, edges=np.rint(edges[reading.timeline.edges]).astype(int))
    return timeline, features, origins


def random_affect(timeline: Timeline, rng: np.random.Generator) -> np.ndarray:
    """Affect (T, 3) on a timeline's frames: mostly constant, sometimes moving, sometimes changing at a word.

    Dominance, which the rules do not read, is mostly unset.
    """

    def point() -> np.ndarray:
        # A third on the rim of the square, where rules are strongest and samples would be rare.
        p = rng.uniform(-1, 1, 2)
        if rng.random() < 0.3:
            p[rng.integers(2)] = rng.choice([-1.0, 1.0])
        if rng.random() < 0.08:
            p[:] = 0
        return np.append(p, rng.uniform(-1, 1) if rng.random() < 0.15 else np.nan)

    frames, kind = timeline.frames, rng.random()
    start = point()
    if kind < 0.65:
        return np.repeat(start[None], frames, 0).astype(np.float32)
    end = point()
    end[2] = start[2]
    if kind < 0.85:
        share = np.linspace(0, 1, frames)[:, None]
    else:
        words = np.flatnonzero(np.diff(timeline.utterance.word) != 0) + 1
        at = timeline.edges[rng.choice(words)] if len(words) else frames // 2
        share = (np.arange(frames) >= at)[:, None].astype(float)
    return (start + share * (end - start)).astype(np.float32)
