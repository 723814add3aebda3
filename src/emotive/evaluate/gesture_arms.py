"""What is evaluated of gestures: held-out sentences, voices and actors; the arms that move a body to them.

"model" as it ships; "heard": the same, which gets the sound alone, without phones and words; "teacher": what
it learned from; "again": the teacher by other chance, with which distances are compared; "scaled": no
learning, the model's neutral motion with its swings made larger by arousal and its spine and head raised by
valence, by signal processing alone (Bruderlin & Williams 1995); "constant": the model's neutral motion for
every request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import torch

from emotive.affect import Affect, AffectCurve
from emotive.body.accents import accents_of_speech, phrases_of
from emotive.body.actors import ACTORS, Actor
from emotive.body.channels import knots_of, tracks_of
from emotive.body.habits import random_habits
from emotive.body.posing import pose
from emotive.body.skeleton import SIGN, Build
from emotive.data.gesture_teacher import gesture
from emotive.errors import InputError
from emotive.media.audio import resample
from emotive.signals import JOINT, BodyMotion, Phone, Speech
from emotive.signals.rotations import matrices_of, matrices_of_vectors, six_of, vectors_of
from emotive.voice.listening import RATE, listen, loudness

from .gesture_metrics import Seen, stresses_of, vowels_of
from .head_arms import fitted_end

FPS = Fraction(30)
PAUSE = 0.35  # s between sentences
ACTOR_SEED = 8000  # of people who are in no training
# Of "scaled": ln of how much larger swings are at arousal 1; deg that head and spine rise at valence 1.
SWING, HEAD_UP, SPINE_UP = 0.45, 9.0, 8.0
_SWINGING = tuple(
    JOINT[name]
    for name in (
        "spine", "chest", "upperChest", "neck", "head",
        *(f"{side}{part}" for side in SIGN for part in ("Shoulder", "UpperArm", "LowerArm", "Hand")),
    )
)  # fmt: skip

Mover = Callable[[Speech, AffectCurve, Actor, int], BodyMotion]
"""(speech, affect, actor, seed) -> motion at FPS."""


@dataclass(frozen=True)
class GestureCaption:
    """Sentences said by a voice, and who moves to them. speeches: one for all requests, or one for each."""

    texts: tuple[str, ...]
    voice: str
    actor: Actor
    number: int
    speeches: tuple[Speech, ...]

    @property
    def text(self) -> str:
        """All that is said."""
        return " ".join(self.texts)

    def speech(self, request: int) -> Speech:
        """What is heard at the request of that number."""
        return self.speeches[request if len(self.speeches) > 1 else 0]

    def noise(self, seed: int) -> int:
        """The seed of its noise: the same within a caption, another for the next."""
        return 1000 * seed + self.number


@dataclass(frozen=True, eq=False)
class Acted:
    """A motion, the caption and the number of the request that it answers."""

    caption: GestureCaption
    request: int
    motion: BodyMotion

    @cached_property
    def seen(self) -> Seen:
        """The motion, to be measured."""
        return Seen(self.motion)

    @property
    def speech(self) -> Speech:
        """What was heard."""
        return self.caption.speech(self.request)


@dataclass(frozen=True, eq=False)
class Beats:
    """Of one speech: where stressed vowels and all vowels begin, s, and how long it is."""

    stresses: np.ndarray
    vowels: np.ndarray
    seconds: float

    @classmethod
    def of(cls, speech: Speech) -> Beats:
        return cls(stresses_of(speech), vowels_of(speech), speech.duration)


def strangers(count: int) -> list[Actor]:
    """People who are in no training: drawn by chance, built and dressed differently."""
    looks, found = list(ACTORS.values()), []
    for number in range(count):
        rng = np.random.default_rng(ACTOR_SEED + number)
        build = Build(*np.exp(rng.normal(0, 0.04, 8)).clip(0.88, 1.14))
        habits = random_habits(rng)
        found.append(Actor(f"stranger {number + 1}", habits, build, looks[number % len(looks)].looks))
    return found


def talk_of(speeches: Sequence[Speech], pause: float = PAUSE) -> Speech:
    """One sentence after the other, `pause` s of silence between. Raises InputError as
    `Speech.concatenate` does."""
    parts: list[Speech] = []
    for speech in speeches:
        if parts:
            parts.append(replace(silence(pause, speech.sample_rate), alphabet=speech.alphabet))
        parts.append(speech)
    return Speech.concatenate(parts)


def silence(seconds: float, sample_rate: int = 24_000) -> Speech:
    """Nothing to hear, and a pause for as long."""
    waveform = np.zeros(round(seconds * sample_rate), np.float32)
    return Speech(waveform, sample_rate, phones=(Phone("pau", 0.0, len(waveform) / sample_rate),))


# -- arms --------------------------------------------------------------------------------------------------


def model_mover(pipe: Any, steps: int = 10) -> Mover:
    """The pipeline's own motion."""

    def move(speech: Speech, affect: AffectCurve, actor: Actor, seed: int) -> BodyMotion:
        generator = torch.Generator().manual_seed(seed)
        made = pipe(speech, affect, style=actor, fps=FPS, num_inference_steps=steps, generator=generator)
        return made.motion

    return move


def teacher_motion(speech: Speech, affect: AffectCurve, actor: Actor, seed: int) -> BodyMotion:
    """The teacher's performance, as smooth as the knots that a model draws. Raises InputError for speech
    without phones."""
    if not speech.phones:
        raise InputError("the teacher needs the phones of what is said")
    loud = loudness(listen(resample(speech.waveform, speech.sample_rate, RATE)))
    frames = max(1, round(speech.duration * FPS))
    points = affect.sample(FPS, speech.duration)
    points = points[np.minimum(np.arange(frames), len(points) - 1)]
    accents, phrases = accents_of_speech(speech), phrases_of(speech.phones)
    rng = np.random.default_rng(seed)
    shown = gesture(accents, phrases, points, fitted_end(loud, frames), actor.habits, float(FPS), rng)
    tracks = tracks_of(knots_of(shown.tracks, float(FPS)), np.arange(frames) / float(FPS))
    return pose(tracks, FPS, build=actor.build, girth=actor.looks.girth, affect=affect)


def again_motion(speech: Speech, affect: AffectCurve, actor: Actor, seed: int) -> BodyMotion:
    """The teacher by other chance."""
    return teacher_motion(speech, affect, actor, seed + 500_000)


def scaled_motion(neutral: BodyMotion, affect: Affect) -> BodyMotion:
    """A neutral motion with its upper body's swings around their mean pose made larger or smaller by arousal,
    and the spine and the head raised or bowed by valence; legs and hips as they are."""
    matrices = neutral.matrices()
    gain = float(np.exp(SWING * affect.arousal))
    for joint in _SWINGING:
        mean = matrices_of(six_of(matrices[:, joint]).mean(0))
        swing = vectors_of(mean.T @ matrices[:, joint])
        matrices[:, joint] = mean @ matrices_of_vectors(gain * swing)
    for name, degrees in (("upperChest", SPINE_UP), ("neck", HEAD_UP - SPINE_UP)):
        turn = matrices_of_vectors(np.radians([-degrees * affect.valence, 0.0, 0.0]))
        matrices[:, JOINT[name]] = matrices[:, JOINT[name]] @ turn
    return replace(neutral, rotations=six_of(matrices), affect=AffectCurve.constant(affect))


def unspelled(speech: Speech) -> Speech:
    """The sound alone, as of a recording that nobody transcribed."""
    return replace(speech, text="", phones=(), syllables=(), words=())
