"""Phones with their times -> how the mouth speaks them: co-articulated blendshapes at any frame rate.

Each sound has a target and a dominance that rises before it and falls after it; the mouth is at every moment
the mean of all targets, weighted by dominance (Cohen & Massaro 1993, "Modeling coarticulation in synthetic
visual speech"). Jaw and lips move on two axes of their own, driven by loudness and arousal (Edwards et al.
2016, "JALI"). Lips close fully for p b m and reach the teeth for f v, which are tracks of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from emotive.errors import InputError
from emotive.signals import ARKIT, Phone, Speech

from .contacts import INDEX, keep_contacts
from .phone_shapes import TARGETS, VISEMES, targets_of

LEAD = 0.025  # s that the mouth is ahead of the sound
# Time constants (s) of dominance, before and after a sound: rounding and spreading begin early.
JAW = (0.042, 0.050)
LIPS = (0.070, 0.055)
TONGUE = (0.025, 0.025)
REACH = 0.6  # s beyond which a sound is forgotten
BLOCK = 256  # frames computed at once

_NAMES = tuple(TARGETS)
_LIP_SHAPES = ("mouthFunnel", "mouthPucker", "mouthStretch", "mouthLowerDown", "mouthUpperUp")


@dataclass(frozen=True)
class SpeakingMouth:
    """weights: float32 (T, 52), speech alone, contacts kept. closure, contact: float32 (T,) in [0, 1].
    visemes: float32 (T, 15), the share of each frame that each of `VISEMES` takes in the sound."""

    weights: np.ndarray
    closure: np.ndarray
    contact: np.ndarray
    visemes: np.ndarray


def speaking_mouth(
    phones: Speech | Sequence[Phone] | Sequence[tuple[str, float, float]],
    fps: float,
    frames: int,
    *,
    alphabet: str = "arpabet",
    loudness: np.ndarray | None = None,
    arousal: np.ndarray | None = None,
    articulation: float = 1.0,
    start: float = 0.0,
) -> SpeakingMouth:
    """How a mouth says `phones`, at `start`, `start` + 1/fps ... seconds.

    Args:
        phones: a Speech with phones, its phones, or (symbol, start, end) in seconds; where there is none,
            it is silent.
        fps, frames: frames/s and how many.
        alphabet: of the symbols, "arpabet" or "ipa"; a Speech names its own.
        loudness: (T,), 1 as usual, 0 silent, 2 shouted.
        arousal: (T,), in [-1, 1].
        articulation: 1 as usual; 0.6 mumbles, 1.3 over-articulates.

    Raises InputError for a Speech without phones and for symbols that the alphabet lacks.
    """
    if isinstance(phones, Speech):
        if not phones.phones:
            raise InputError("the speech has no phones: leave them out and let the model hear the sound")
        alphabet, phones = phones.alphabet, phones.phones
    rows = _segments(phones, alphabet)
    times = start + np.arange(frames) / float(fps)
    jaw_gain = np.full(frames, float(articulation))
    lip_gain = np.full(frames, float(articulation))
    if loudness is not None:  # JALI: loud voices open the jaw, soft ones hardly
        jaw_gain *= (0.55 + 0.45 * np.asarray(loudness)).clip(0.3, 1.5)
        lip_gain *= (0.8 + 0.2 * np.asarray(loudness)).clip(0.6, 1.3)
    if arousal is not None:
        jaw_gain *= 1 + 0.30 * np.asarray(arousal)
        lip_gain *= 1 + 0.18 * np.asarray(arousal)
    weights = np.zeros((frames, len(ARKIT)), np.float32)
    closure, contact = np.zeros(frames, np.float32), np.zeros(frames, np.float32)
    visemes = np.zeros((frames, len(VISEMES)), np.float32)
    for begin in range(0, frames, BLOCK):
        at = slice(begin, min(begin + BLOCK, frames))
        near = (rows[:, 1] > times[at][0] - REACH) & (rows[:, 0] < times[at][-1] + REACH)
        weights[at], closure[at], contact[at] = _mouth(
            rows[near], times[at] + LEAD, jaw_gain[at], lip_gain[at]
        )
        visemes[at] = _shares(rows[near], times[at], 1.0 / float(fps))
    return SpeakingMouth(keep_contacts(weights, closure, contact), closure, contact, visemes)


def _segments(phones: Sequence[Phone] | Sequence[tuple[str, float, float]], alphabet: str) -> np.ndarray:
    """(S, 5): start, end, number of the target, whether it closes the lips, whether they touch the teeth."""
    rows = []
    for phone in phones:
        symbol, begin, end = phone if isinstance(phone, tuple) else (phone.symbol, phone.start, phone.end)
        names = targets_of(symbol, alphabet)
        edges = np.linspace(begin, end, len(names) + 1)
        for i, name in enumerate(names):
            rows.append((edges[i], edges[i + 1], _NAMES.index(name), name == "PP", name == "FF"))
    return np.array(rows, np.float64).reshape(-1, 5)


@cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Of every target: jaw, five lip shapes and tongue (targets, 7); how it insists on each (targets, 3)."""
    shapes = ("jawOpen", *_LIP_SHAPES, "tongueOut")
    amounts = [[target.shapes.get(name, 0.0) for name in shapes] for target in TARGETS.values()]
    return np.array(amounts), np.array([[t.jaw, t.lips, t.tongue] for t in TARGETS.values()])


def _mouth(
    rows: np.ndarray, times: np.ndarray, jaw_gain: np.ndarray, lip_gain: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weights = np.zeros((len(times), len(ARKIT)), np.float32)
    if not len(rows):
        return weights, np.zeros(len(times)), np.zeros(len(times))
    amounts, insist = _tables()
    begin, end, number = rows[:, :1], rows[:, 1:2], rows[:, 2].astype(int)
    core = 0.25 * (end - begin)  # the middle half of a sound is all its own
    early = (begin + core - times).clip(0, None)
    late = (times - (end - core)).clip(0, None)
    # Long sounds and pauses insist for longer than short ones.
    weight = ((end - begin) / 0.08).clip(0.6, 1.5) ** 0.5
    means = []
    for group, (before, after) in enumerate((JAW, LIPS, TONGUE)):
        dominance = insist[number, group : group + 1] * weight * np.exp(-early / before - late / after)
        columns = (slice(0, 1), slice(1, 6), slice(6, 7))[group]
        # A trace of the rest position keeps the mean defined far from any sound.
        means.append((dominance.T @ amounts[number, columns]) / (dominance.sum(0)[:, None] + 1e-3))
    jaw, lips, tongue = means
    weights[:, INDEX["jawOpen"]] = jaw[:, 0] * jaw_gain
    for i, stem in enumerate(_LIP_SHAPES):
        for side in ("",) if stem in INDEX else ("Left", "Right"):
            weights[:, INDEX[stem + side]] = lips[:, i] * lip_gain
    weights[:, INDEX["tongueOut"]] = tongue[:, 0]
    closure = _held(rows[rows[:, 3] > 0], times, 0.75, 0.05, 0.045)
    contact = _held(rows[rows[:, 4] > 0], times, 0.7, 0.05, 0.05)
    return weights.clip(0, 1), closure, contact


def _held(rows: np.ndarray, times: np.ndarray, until: float, rise: float, fall: float) -> np.ndarray:
    """1 from the begin of each row until that share of it, at least 35 ms; smooth ramps (s) around it."""
    out = np.zeros(len(times))
    for begin, end in rows[:, :2]:
        stop = max(begin + until * (end - begin), begin + 0.035)
        up = ((times - begin) / rise + 1).clip(0, 1)
        down = ((stop - times) / fall + 1).clip(0, 1)
        ramp = np.minimum(up, down)
        out = np.maximum(out, ramp * ramp * (3 - 2 * ramp))
    return out


def _shares(rows: np.ndarray, times: np.ndarray, width: float) -> np.ndarray:
    """(T, 15): how much of each frame's time, around `times`, each viseme takes; the rest is silence."""
    out = np.zeros((len(times), len(VISEMES)))
    low, high = times - width / 2, times + width / 2
    for begin, end, number, *_ in rows:
        overlap = (np.minimum(high, end) - np.maximum(low, begin)).clip(0, None) / width
        out[:, VISEMES.index(TARGETS[_NAMES[int(number)]].viseme)] += overlap
    out[:, 0] += (1 - out.sum(1)).clip(0, None)
    return out
