"""Training batches of the talking head: what is heard of clips, spoilt, and what the teacher does with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emotive.data.face_teacher import STYLE, FaceTargets, act, random_style
from emotive.voice.listening import loudness

from .chance import random_curve, spoil
from .clips import TOKENS, Clip

CROP = 120  # tokens of a window
HISTORY = 20  # of them that come in clean where there is history
LOOKAHEADS = (0, 4, 7)  # tokens heard beyond what is to be said: 0, 133 and 233 ms


class HeadBatch(NamedTuple):
    """B windows of N tokens; see `FaceConditions` for the first seven."""

    heard: Tensor  # (B, N, 172)
    hears: Tensor
    affect: Tensor  # points (B, N, 3)
    style: Tensor
    visemes: Tensor
    knows: Tensor
    present: Tensor
    weights: Tensor  # (B, N, 52)
    pose: Tensor  # (B, N, 8)
    closure: Tensor  # (B, N)
    contact: Tensor  # (B, N)
    history: Tensor  # bool (B, N): comes in clean
    felt: Tensor  # bool (B,): whether the affect is known
    typical: Tensor  # bool (B,): whether the style is

    def to(self, device: torch.device) -> HeadBatch:
        """The same on another device."""
        return HeadBatch(*(part.to(device) for part in self))


def example(clips: Sequence[Clip], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One random window of one clip."""
    clip = clips[int(rng.integers(len(clips)))]
    tokens = min(CROP, len(clip.heard))
    start = int(rng.integers(len(clip.heard) - tokens + 1))
    at = slice(start, start + tokens)
    points, style, targets = _targets(clip, at, rng)
    history = HISTORY if rng.random() < 0.5 else 0
    # How much is to be said, and how much is heard beyond it.
    hears, present = np.ones(tokens, bool), np.ones(tokens, bool)
    if rng.random() < 0.45:
        until = history + int(rng.choice([2, 3, 4, 8, 30, 60])) + int(rng.choice(LOOKAHEADS))
        (present if rng.random() < 0.6 else hears)[until:] = False
    if rng.random() < 0.06:
        hears[:] = False
    knows = np.full(tokens, bool(clip.phones) and rng.random() < 0.35) & hears & present
    felt, typical = np.isfinite(points[0, 0]), clip.targets is None
    row = {
        "heard": spoil(clip.heard[at], rng), "hears": hears,
        "affect": points if felt else np.zeros_like(points), "visemes": targets.visemes,
        "knows": knows, "present": present, "weights": targets.weights, "pose": targets.pose,
        "closure": targets.closure, "contact": targets.contact, "history": np.arange(tokens) < history,
    }  # fmt: skip
    whole = {"style": style, "felt": np.array(felt), "typical": np.array(typical)}
    return {**{name: _padded(value) for name, value in row.items()}, **whole}


def _targets(clip: Clip, at: slice, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, FaceTargets]:
    """Affect, style and motion of a part of a clip: as it was filmed, or as the teacher acts it."""
    if clip.targets is not None:
        t = clip.targets
        parts = (t.weights[at], t.pose[at], t.closure[at], t.contact[at], t.visemes[at])
        return clip.affect[at], np.zeros(len(STYLE), np.float32), FaceTargets(*parts)
    points = clip.affect[at] if rng.random() < 0.5 else random_curve(at.stop - at.start, rng)
    style = random_style(rng)
    loud = loudness(clip.heard.astype(np.float32))[at]
    begin = at.start / TOKENS
    return (
        points,
        style,
        act(clip.phones, clip.syllables, clip.alphabet, points, loud, style, TOKENS, rng, begin),
    )


def _padded(x: np.ndarray) -> np.ndarray:
    out = np.zeros((CROP, *x.shape[1:]), bool if x.dtype == bool else np.float32)
    out[: len(x)] = x
    return out


def batches(clips: Sequence[Clip], size: int, seed: int) -> Iterator[HeadBatch]:
    """Endless batches."""
    rng = np.random.default_rng(seed)
    while True:
        rows = [example(clips, rng) for _ in range(size)]
        yield HeadBatch(*(torch.from_numpy(np.stack([r[name] for r in rows])) for name in HeadBatch._fields))


def performances(clips: Sequence[Clip], count: int, seed: int) -> list[FaceTargets]:
    """`count` performances of whole clips with random affect and style, and all that were filmed."""
    filmed = [clip.targets for clip in clips if clip.targets is not None]
    clips = [clip for clip in clips if clip.targets is None]
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count if clips else 0):
        clip = clips[i % len(clips)]
        points = random_curve(len(clip.heard), rng)
        loud = loudness(clip.heard.astype(np.float32))
        style = random_style(rng)
        found.append(act(clip.phones, clip.syllables, clip.alphabet, points, loud, style, TOKENS, rng))
    return found + filmed
