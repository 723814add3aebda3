"""Training batches of gesture: what is heard of clips, spoilt, and how the teacher's people move to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emotive.body.accents import accents_of, events_of, phrases_of
from emotive.body.channels import knots_of
from emotive.body.habits import HABITS, random_habits
from emotive.data.gesture_teacher import gesture
from emotive.voice.listening import loudness, paired

from .chance import random_curve, spoil
from .clips import TOKENS as FPS
from .clips import Clip
from .gesture_footage import MotionClip

CROP = 120  # tokens of a window: 8 s
HISTORY = 30  # of them that come in clean where there is history
LOOKAHEADS = (0, 4, 8, 15)  # tokens heard beyond what is to be shown: up to 1 s
OWN = 0.35  # share of bodies that feel what the voice says; all others show another affect
REPEATS = 3  # windows that are cut from a performance before it is forgotten, each heard otherwise
KEPT = 400  # performances at a time


class Scene(NamedTuple):
    """A performance of N tokens. heard: (N, 344), as recorded. affect: (N, 3), NaN where it is not known.
    habits: (16,), of a person who has none known NaN. events: (N, 21). knows: whether phones are known.
    knots: (N, 50)."""

    heard: np.ndarray
    affect: np.ndarray
    habits: np.ndarray
    events: np.ndarray
    knows: bool
    knots: np.ndarray


class GestureBatch(NamedTuple):
    """B windows of N tokens; see `GestureConditions` for the first seven."""

    heard: Tensor  # (B, N, 344)
    hears: Tensor
    affect: Tensor  # points (B, N, 3)
    habits: Tensor
    events: Tensor
    knows: Tensor
    present: Tensor
    knots: Tensor  # (B, N, 50)
    history: Tensor  # bool (B, N): comes in clean
    felt: Tensor  # bool (B,): whether the affect is known
    typical: Tensor  # bool (B,): whether the habits are

    def to(self, device: torch.device) -> GestureBatch:
        """The same on another device."""
        return GestureBatch(*(part.to(device) for part in self))


def scene(clip: Clip, rng: np.random.Generator) -> Scene:
    """A clip, acted by a new person with the affect of its voice or, more often, with another."""
    points = clip.affect if rng.random() < OWN else random_curve(len(clip.heard), rng)
    habits = random_habits(rng)
    loud = loudness(clip.heard.astype(np.float32))
    accents = accents_of(clip.phones, clip.syllables, clip.words, clip.alphabet)
    shown = gesture(accents, phrases_of(clip.phones), points, loud, habits, FPS, rng)
    knots = knots_of(shown.tracks, FPS)
    tokens = len(knots)
    events = events_of(clip.phones, clip.syllables, clip.words, clip.alphabet, tokens)
    return Scene(paired(clip.heard), points[::2][:tokens], habits, events, bool(clip.phones), knots)


def filmed_scene(take: MotionClip) -> Scene:
    """Motion capture as what is learned from; whose habits it shows nobody knows."""
    knots = knots_of(take.tracks, FPS)
    tokens = len(knots)
    events = events_of(take.phones, take.syllables, take.words, take.alphabet, tokens)
    habits = np.full(len(HABITS), np.nan, np.float32)
    heard = paired(take.heard.astype(np.float32))[:tokens]
    return Scene(heard, take.affect[::2][:tokens], habits, events, bool(take.phones), knots[: len(heard)])


def example(shown: Scene, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One random window of a performance."""
    tokens = min(CROP, len(shown.knots))
    start = int(rng.integers(len(shown.knots) - tokens + 1))
    at = slice(start, start + tokens)
    history = HISTORY if rng.random() < 0.5 else 0
    # How much is to be shown, and how much is heard beyond it.
    hears, present = np.ones(tokens, bool), np.ones(tokens, bool)
    if rng.random() < 0.35:
        until = history + int(rng.choice([2, 4, 8, 15, 40])) + int(rng.choice(LOOKAHEADS))
        (present if rng.random() < 0.6 else hears)[until:] = False
    if rng.random() < 0.06:
        hears[:] = False
    knows = np.full(tokens, shown.knows and rng.random() < 0.5) & hears & present
    points, habits = shown.affect[at], shown.habits
    felt, typical = np.isfinite(points[:, 0]).all(), np.isfinite(habits).all()
    heard = spoil(shown.heard[at].reshape(2 * tokens, -1), rng)
    row = {
        "heard": paired(heard), "hears": hears, "affect": points if felt else np.zeros_like(points),
        "events": shown.events[at], "knows": knows, "present": present, "knots": shown.knots[at],
        "history": np.arange(tokens) < history,
    }  # fmt: skip
    whole = {
        "habits": habits if typical else np.zeros(len(HABITS), np.float32),
        "felt": np.array(felt),
        "typical": np.array(typical),
    }
    return {**{name: _padded(value) for name, value in row.items()}, **whole}


def _padded(x: np.ndarray) -> np.ndarray:
    out = np.zeros((CROP, *x.shape[1:]), bool if x.dtype == bool else np.float32)
    out[: len(x)] = x
    return out


def batches(
    clips: Sequence[Clip], size: int, seed: int, filmed: Sequence[Scene] = (), share: float = 0.0
) -> Iterator[GestureBatch]:
    """Endless batches; `share` of their windows are of `filmed` people."""
    rng = np.random.default_rng(seed)
    scenes: list[Scene] = []
    while True:
        rows = []
        while len(rows) < size:
            if filmed and rng.random() < share:
                rows.append(example(filmed[int(rng.integers(len(filmed)))], rng))
                continue
            if len(scenes) < KEPT or rng.random() < 1 / REPEATS:
                scenes.append(scene(clips[int(rng.integers(len(clips)))], rng))
                if len(scenes) > KEPT:
                    scenes[int(rng.integers(KEPT))] = scenes.pop()
                rows.append(example(scenes[-1], rng))
            else:
                rows.append(example(scenes[int(rng.integers(len(scenes)))], rng))
        yield GestureBatch(
            *(torch.from_numpy(np.stack([r[name] for r in rows])) for name in GestureBatch._fields)
        )


def performances(clips: Sequence[Clip], count: int, seed: int) -> list[Scene]:
    """`count` performances of whole clips with random affect and habits."""
    rng = np.random.default_rng(seed)
    return [scene(clips[i % len(clips)], rng) for i in range(count)]
