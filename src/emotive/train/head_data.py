"""Training batches of the talking head: what is heard of clips, spoilt, and what the teacher does with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emotive.data.face_teacher import STYLE, FaceTargets, act, random_style
from emotive.voice.listening import FEATURES, FRAMES, MELS, loudness

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


def random_curve(tokens: int, rng: np.random.Generator) -> np.ndarray:
    """Affect (N, 3) for a face: constant, gliding or turning; some on the rim, some neutral; dominance is
    unset in half of them."""

    def point() -> np.ndarray:
        p = rng.uniform(-1, 1, 3)
        if rng.random() < 0.3:
            p[rng.integers(2)] = rng.choice([-1.0, 1.0])
        if rng.random() < 0.12:
            p[:2] = 0
        return p

    knots = [point() for _ in range(1 if rng.random() < 0.5 else int(rng.integers(2, 4)))]
    if len(knots) == 1:
        curve = np.repeat(knots[0][None], tokens, 0)
    else:
        at = np.sort(rng.uniform(0, tokens, len(knots)))
        curve = np.stack([np.interp(np.arange(tokens), at, [k[i] for k in knots]) for i in range(3)], 1)
        if rng.random() < 0.3:  # turns within a frame
            curve = np.array(knots)[np.abs(np.arange(tokens)[:, None] - at).argmin(1)]
    if rng.random() < 0.5:
        curve[:, 2] = np.nan
    return curve.astype(np.float32)


def spoil(heard: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Features (N, 172) as of a longer or shorter tract, at another level, by another microphone, in a room
    with noise."""
    frames = heard.astype(np.float32).reshape(-1, FEATURES)
    mels = frames[:, : MELS + 1] * 20  # dB, the level with them
    place = (np.arange(MELS) + 0.5) / MELS
    mels[:, :MELS] = _warped(mels[:, :MELS], rng.normal(0, 1.5))
    gain = rng.normal(0, 3.0)
    colour = sum(rng.normal(0, 5.0 / k**0.5) * np.cos(np.pi * k * place) for k in range(1, 7))
    mels[:, :MELS] += gain + rng.uniform(0, 1) * colour
    mels[:, MELS] += gain
    if rng.random() < 0.25:  # telephones, and MP3 at low rates
        mels[:, int(MELS * rng.uniform(0.6, 1.0)) : MELS] -= 60
    if rng.random() < 0.4:  # a band that is not heard at all (Park et al. 2019, "SpecAugment")
        low, width = int(rng.integers(MELS - 6)), int(rng.integers(1, 7))
        mels[:, low : low + width] = mels[:, low : low + width].mean()
    if rng.random() < 0.3:  # a room: power decays by 60 dB within 0.2 to 0.7 s
        keep = 10 ** (-6 / (120 * rng.uniform(0.2, 0.7)))
        power = 10 ** (mels / 10)
        tail, wet = np.zeros(MELS + 1), rng.uniform(0.01, 0.06)
        for now in power:
            tail = keep * tail + wet * now
            now += tail
        mels = 10 * np.log10(power)
    if rng.random() < 0.6:
        floor = 10 - rng.uniform(10, 60) - rng.uniform(0, 25) * place
        noise = np.append(floor, 10 * np.log10(np.mean(10 ** (floor / 10))) - 10)
        mels = 10 * np.log10(10 ** (mels / 10) + 10 ** ((noise + rng.normal(0, 1.5, mels.shape)) / 10))
    frames[:, : MELS + 1] = (mels / 20).clip(-3, 3)
    return frames.reshape(len(heard), FRAMES * FEATURES)


def _warped(mels: np.ndarray, shift: float) -> np.ndarray:
    """Log-mels (T, MELS) moved up by `shift` bands in the middle, less at the ends."""
    bands = np.arange(MELS)
    at = (bands - shift * np.sin(np.pi * (bands + 0.5) / MELS)).clip(0, MELS - 1)
    low = np.floor(at).astype(int).clip(0, MELS - 2)
    share = at - low
    return mels[:, low] * (1 - share) + mels[:, low + 1] * share


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
