"""The teacher of bodies: stresses, words, loudness and an affect curve -> how someone moves while speaking.

Gestures come in units of preparation, stroke, hold and retraction (Kendon 2004), their strokes end with
stressed vowels (McNeill 1992; Loehr 2012), and most of the time hands rest or are held. What they show
follows the word, the affect at that time and the person's habits; kinematics follow arousal and posture
valence (`gesture_affect`). Trunk, head, eyes, weight and feet go along (`gesture_posture`).

Procedural throughout: no body was recorded for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotive.body.accents import Accent
from emotive.body.channels import CHANNELS, of
from emotive.body.habits import HABITS
from emotive.errors import InputError

from .gesture_affect import manner, with_dominance
from .gesture_hands import move_hands
from .gesture_plan import AFTER, BEFORE, Moment, plan_rests, plan_strokes
from .gesture_posture import hold_body
from .gesture_tracks import smooth

POSTURE = 0.35  # s: sigma with which posture follows affect


@dataclass(frozen=True)
class Stroke:
    """A gesture's stroke. time: s, where it ends. hands: "left", "right" or "both". shape: of
    `gesture_lexicon.SHAPES`. accent: s, of the vowel that it marks. amount: its size, 1 is usual."""

    time: float
    hands: str
    shape: str
    accent: float
    amount: float


@dataclass(frozen=True)
class Performance:
    """tracks: float32 (T, 50), in the order of `body.channels.CHANNELS`. strokes: that end within them."""

    tracks: np.ndarray
    strokes: tuple[Stroke, ...]


def gesture(
    accents: Sequence[Accent],
    phrases: Sequence[tuple[float, float]],
    points: np.ndarray,
    loudness: np.ndarray,
    habits: np.ndarray,
    fps: float,
    rng: np.random.Generator,
    start: float = 0.0,
) -> Performance:
    """A performance of T frames from `start` seconds on.

    accents, phrases: of `body.accents`; those around the frames count too. Without any the figure listens:
    it breathes, shifts its weight and looks about. points: affect (T, 3), NaN where dominance is not known.
    loudness: (T,), of `voice.listening.loudness`. habits: (16,), see `HABITS`.
    Raises InputError for other shapes, and for affect that is not finite.
    """
    points = np.asarray(points, float)
    loudness = np.asarray(loudness, float)
    if points.ndim != 2 or points.shape[1] != 3 or not len(points):
        raise InputError(f"affect over time has the shape (T, 3), T >= 1, not {points.shape}")
    if not np.isfinite(points[:, :2]).all():
        raise InputError("valence and arousal must be finite")
    if loudness.shape != (len(points),) or np.shape(habits) != (len(HABITS),):
        raise InputError(
            f"{len(points)} frames take as many values of loudness and {len(HABITS)} habits, "
            f"not {loudness.shape} and {np.shape(habits)}"
        )
    habits = np.asarray(habits, float)
    before, after = round(BEFORE * fps), round(AFTER * fps)
    streams = [np.random.default_rng(seed) for seed in rng.integers(2**63, size=8)]
    times = start + np.arange(-before, len(points) + after) / fps
    points = np.pad(with_dominance(points, habits), ((before, after), (0, 0)), mode="edge")
    loudness = np.pad(loudness, (before, after), mode="edge")
    settled = smooth(points, POSTURE, fps)
    moment = Moment(times, points, manner(points, habits), manner(settled, habits), loudness, fps)
    near = [a for a in accents if times[0] < a.time < times[-1]]
    rests = plan_rests(moment, habits, streams[1])
    planned = plan_strokes(near, rests, moment, habits, streams[0])
    hands = move_hands(planned, rests, near, moment, habits, streams[2])
    tracks = np.zeros((len(times), len(CHANNELS)))
    for side in ("left", "right"):
        tracks[:, of(side)] = hands[side]
    hold_body(tracks, hands, planned, near, phrases, moment, habits, streams[3:])
    window = slice(before, len(times) - after)
    ends = start + (len(times) - before - after) / fps
    strokes = tuple(
        Stroke(p.time, "both" if len(p.hands) == 2 else p.hands[0], p.shape, p.accent.time, p.amount)
        for p in planned
        if start <= p.time < ends
    )
    return Performance(tracks[window].astype(np.float32), strokes)
