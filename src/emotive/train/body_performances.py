"""What the judge of bodies and the features of motion learn from: the teacher's performances by people, and
to voices, that are in no evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotive.body.accents import accents_of, phrases_of
from emotive.body.channels import knots_of, tracks_of
from emotive.body.habits import random_habits
from emotive.body.posing import pose
from emotive.body.skeleton import Build
from emotive.data.gesture_teacher import gesture
from emotive.data.talk import talk
from emotive.perceive.body_features import RATE, body_tracks, features_of
from emotive.perceive.motion_features import motion_chunks
from emotive.signals import BodyMotion
from emotive.voice.listening import loudness

from .chance import random_curve
from .clips import ESPEAK_VOICES, Clip, record_clip

SHORTEST, LONGEST = 2.5, 8.0  # s, of the windows that are learned from
WINDOWS = 4  # of each performance


class Learned(NamedTuple):
    """Of one performance. features: (WINDOWS, 30), as `body_judge.seen`. affect: (WINDOWS, 2), the mean over
    each. chunks: float16 (N, 32, channels), of `motion_chunks`."""

    features: np.ndarray
    affect: np.ndarray
    chunks: np.ndarray


def spoken_clips(count: int, seed: int) -> list[Clip]:
    """Clips by voices of espeak-ng, one after the other, that say what people say who move their hands."""
    rng = np.random.default_rng(seed)
    return [record_clip(ESPEAK_VOICES[i % len(ESPEAK_VOICES)], rng, draw=talk) for i in range(count)]


def random_build(rng: np.random.Generator) -> Build:
    """Proportions of somebody."""
    return Build(*np.exp(rng.normal(0, 0.05, 8)).clip(0.86, 1.16))


def performed(
    clip: Clip,
    points: np.ndarray,
    habits: np.ndarray,
    rng: np.random.Generator,
    build: Build | None = None,
) -> BodyMotion:
    """How the teacher moves somebody to a clip, 30 frames/s, as smooth as knots make it; points: affect (3,)
    or (T, 3)."""
    loud = loudness(clip.heard.astype(np.float32))
    points = np.broadcast_to(points, (len(loud), 3))
    accents = accents_of(clip.phones, clip.syllables, clip.words, clip.alphabet)
    tracks = gesture(accents, phrases_of(clip.phones), points, loud, habits, RATE, rng).tracks
    return pose(tracks_of(knots_of(tracks, RATE), np.arange(len(tracks)) / RATE), RATE, build=build)


def learned(clip: Clip, rng: np.random.Generator) -> Learned:
    """A performance of a clip by a new person who feels something at random, and windows of it."""
    points = random_curve(len(clip.heard), rng)
    motion = performed(clip, points, random_habits(rng), rng, random_build(rng))
    tracks = body_tracks(motion)
    features, affect = [], []
    for _ in range(WINDOWS):
        size = min(len(tracks), round(RATE * rng.uniform(SHORTEST, LONGEST)))
        first = int(rng.integers(len(tracks) - size + 1))
        features.append([*features_of(tracks, first, first + size), np.log(size / RATE)])
        affect.append(points[first : first + size, :2].mean(0))
    return Learned(np.array(features), np.array(affect), motion_chunks(motion).astype(np.float16))


def performances(clips: Sequence[Clip], count: int, seed: int) -> list[Learned]:
    """`count` of them, to the clips in turn; everyone performs once."""
    rng = np.random.default_rng(seed)
    return [learned(clips[i % len(clips)], rng) for i in range(count)]
