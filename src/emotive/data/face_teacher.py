"""The teacher of faces: phones, stress, loudness and an affect curve -> how a face moves; never twice alike.

Lips come from `face.visemes`, expressions from `face.expressions`. Around them, by rule and by chance: brows
and head mark stressed syllables (Graf et al. 2002, "Visual prosody"), the head sways and breathes,
expressions wax and wane, come on unevenly, and every face has a style of its own. Blinks and saccades are
not here: they are events (`face.events`) that no network needs to learn.

Procedural throughout: no face was recorded for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotive.face.contacts import INDEX, compose, shapes
from emotive.face.expressions import expression, limited_rate
from emotive.face.visemes import speaking_mouth
from emotive.signals import Phone, Syllable

STYLE = ("articulation", "expressivity", "head", "asymmetry", "brows", "lean")
"""What differs from person to person; each is normal, 0 in the middle, within 2.5. asymmetry: above 0 the
person's left side is the livelier; lean: above 0 the head tilts to the person's right."""

DEGREE = np.pi / 180
_LEFT = [i for i, name in enumerate(INDEX) if name.endswith("Left")]
_RIGHT = [INDEX[name.removesuffix("Left") + "Right"] for name in INDEX if name.endswith("Left")]
_BROWS_UP = shapes("browInnerUp", "browOuterUp")
_BROWS_DOWN = shapes("browDown")


@dataclass(frozen=True)
class FaceTargets:
    """What a network learns, T frames. weights: (T, 52) without blinks. pose: (T, 8), rotation (rad),
    translation (m), gaze (rad) as `FaceMotion` has them. closure, contact: (T,). visemes: (T, 15)."""

    weights: np.ndarray
    pose: np.ndarray
    closure: np.ndarray
    contact: np.ndarray
    visemes: np.ndarray


def random_style(rng: np.random.Generator) -> np.ndarray:
    """A person's style, float32 (6,), see `STYLE`."""
    return rng.standard_normal(len(STYLE)).clip(-2.5, 2.5).astype(np.float32)


def act(
    phones: Sequence[Phone],
    syllables: Sequence[Syllable],
    alphabet: str,
    points: np.ndarray,
    loudness: np.ndarray,
    style: np.ndarray,
    fps: float,
    rng: np.random.Generator,
    start: float = 0.0,
) -> FaceTargets:
    """A performance of T frames from `start` seconds on.

    points: affect (T, 3). loudness: (T,), of `voice.listening.loudness`. style: (6,).
    """
    frames = len(points)
    times = start + np.arange(frames) / fps
    arousal = points[:, 1]
    articulation, expressivity = np.exp(0.10 * style[0]), np.exp(0.15 * style[1])
    speech = speaking_mouth(
        phones, fps, frames, alphabet=alphabet, loudness=0.4 + 0.75 * loudness, arousal=arousal,
        articulation=float(articulation), start=start,
    )  # fmt: skip
    feeling = _felt(points, float(expressivity), float(style[3]), fps, times, rng)
    accents = _accents(syllables, times, loudness, arousal, rng)
    raised = accents * np.exp(0.3 * style[4]) * expressivity
    # An angry brow marks its accents downwards.
    frown = (2 * feeling[:, _BROWS_DOWN].mean(1)).clip(0, 1)
    for row in _BROWS_UP:
        feeling[:, row] += 0.20 * raised * (1 - frown)
    for row in _BROWS_DOWN:
        feeling[:, row] += 0.15 * raised * frown
    feeling[:, shapes("eyeWide")] += (0.05 * raised * (1 - frown))[:, None]
    feeling[:, shapes("eyeSquint", "cheekSquint")] += (0.02 + 0.02 * noise(times, 0.5, rng))[
        :, None
    ] * loudness[:, None]
    talk = speech.weights.copy()
    for left, right in zip(_LEFT, _RIGHT, strict=True):  # no mouth speaks evenly
        talk[:, left] *= 1 + 0.05 * style[3]
        talk[:, right] *= 1 - 0.05 * style[3]
    weights = compose(talk, feeling.clip(0, 1), speech.closure, speech.contact)
    pose = _pose(points, accents, loudness, style, times, rng)
    return FaceTargets(weights, pose, speech.closure, speech.contact, speech.visemes)


def noise(times: np.ndarray, pace: float, rng: np.random.Generator, waves: int = 7) -> np.ndarray:
    """Smooth noise (T,) of unit variance, with the spectrum of an Ornstein-Uhlenbeck process of corner
    frequency `pace` (Hz) below 1.5 Hz, as random waves (Rice 1944)."""
    hertz = pace * np.tan(rng.uniform(0.04, 0.98, waves) * np.arctan(1.5 / pace))
    phase = rng.uniform(0, 2 * np.pi, waves)
    return np.sin(2 * np.pi * times[:, None] * hertz + phase).sum(1) * np.sqrt(2 / waves)


def _felt(
    points: np.ndarray,
    strength: float,
    asymmetry: float,
    fps: float,
    times: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """The expression (T, 52), waxing and waning, one side a little ahead of the other and stronger."""
    wax = np.exp(0.07 * noise(times, 0.15, rng))[:, None]
    shown = expression(points) * np.float32(strength) * wax
    shown = limited_rate(shown, fps)
    delay = 0.04 * abs(asymmetry) * fps  # frames
    late = np.arange(len(shown)) - delay
    slow, quick = (_LEFT, _RIGHT) if asymmetry < 0 else (_RIGHT, _LEFT)
    for row in slow:
        shown[:, row] = np.interp(late, np.arange(len(shown)), shown[:, row])
    shown[:, slow] *= 1 - 0.07 * abs(asymmetry)
    shown[:, quick] *= 1 + 0.05 * abs(asymmetry)
    # A resting face is never quite still.
    for row, size in ((_BROWS_UP, 0.018), (_BROWS_DOWN, 0.012), (shapes("mouthSmile"), 0.012)):
        shown[:, row] += (size * noise(times, 0.25, rng)).clip(0, None)[:, None]
    return shown.clip(0, 1)


def _accents(
    syllables: Sequence[Syllable],
    times: np.ndarray,
    loudness: np.ndarray,
    arousal: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Visible accents (T,): on some stressed syllables, the more so the livelier, of up to about 1."""
    out = np.zeros(len(times))
    for syllable in syllables:
        if syllable.stress != 1 or not times[0] - 1 < syllable.start < times[-1] + 1:
            continue
        now = int(np.searchsorted(times, syllable.start).clip(0, len(times) - 1))
        if rng.random() > 0.45 + 0.25 * arousal[now]:
            continue
        size = rng.uniform(0.4, 1.0) * (0.4 + 0.6 * loudness[now]) * (1 + 0.35 * arousal[now])
        peak = 0.5 * (syllable.start + syllable.end)
        rise = ((times - peak) / 0.13).clip(-1, 0)
        fall = ((times - peak) / 0.30).clip(0, 1)
        bell = 0.5 + 0.5 * np.cos(np.pi * (rise + fall))
        out = np.maximum(out, size * bell)
    return out


def _pose(
    points: np.ndarray,
    accents: np.ndarray,
    loudness: np.ndarray,
    style: np.ndarray,
    times: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Rotation (rad), translation (m) and gaze (rad): (T, 8)."""
    valence, arousal, dominance = points[:, 0], points[:, 1], np.nan_to_num(points[:, 2])
    lively = np.exp(0.35 * style[2]) * (1 + 0.45 * arousal) * (0.6 + 0.5 * loudness)
    pace = 0.22 * np.exp(0.15 * style[2])
    out = np.zeros((len(times), 8), np.float32)
    # Sadness and submission bow the head, pride lifts it (Mignault & Chaudhuri 2003).
    bowed = 5.0 * ((-valence).clip(0, 1) * (0.5 - 0.5 * arousal)) - 2.5 * dominance - 1.0 * arousal
    # A nod: a small lift before the accent, down on it.
    ahead = np.interp(times + 0.17, times, accents)
    nod = 2.6 * accents - 1.1 * ahead
    sway = lively * noise(times, pace, rng)
    out[:, 0] = (bowed + 1.5 * sway + lively * nod + 0.12 * np.sin(2 * np.pi * 0.25 * times)) * DEGREE
    out[:, 1] = lively * (2.6 * noise(times, pace, rng) + 0.5 * accents * rng.choice([-1, 1])) * DEGREE
    tilt = 0.7 * style[5] + 1.2 * np.sign(style[5]) * valence.clip(0, 1) * (0.5 - 0.5 * arousal)
    out[:, 2] = (tilt + 1.3 * lively * noise(times, pace, rng)) * DEGREE
    breath = np.sin(2 * np.pi * (0.24 + 0.05 * arousal.mean()) * times + rng.uniform(0, 2 * np.pi))
    out[:, 3] = 0.0025 * lively * noise(times, pace, rng) + 0.02 * out[:, 2]
    out[:, 4] = 0.0012 * breath * (1 + 0.4 * arousal) + 0.0012 * lively * noise(times, pace, rng)
    out[:, 5] = 0.004 * lively * noise(times, 0.12, rng) + 0.008 * arousal + 0.004 * accents
    # Eyes hold their aim while the head moves, but for a part of it (the vestibulo-ocular reflex).
    out[:, 6] = (1.2 * noise(times, 0.15, rng)) * DEGREE - 0.75 * out[:, 1]
    low = 4.0 * (-valence).clip(0, 1) * (0.5 - 0.5 * arousal) * DEGREE
    out[:, 7] = (0.8 * noise(times, 0.15, rng)) * DEGREE + 0.75 * (out[:, 0] - bowed * DEGREE) - low
    return out
