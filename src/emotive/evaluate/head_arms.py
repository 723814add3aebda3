"""What is evaluated of talking heads: held-out sentences and voices, and the arms that move a face to them.

"model" as it ships; "heard": the same, which gets the sound alone, without phones; "rules": what the teacher
knows of phones, loudness and expressions, without noise, head motion, blinks or learning; "loudness": a jaw
that follows the envelope under the same expressions, without phones; "constant": the model's neutral motion
for every request; "teacher": what the model learned from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from emotive.affect import AffectCurve
from emotive.data.face_teacher import act, random_style
from emotive.data.sentences import EVALUATION_SENTENCES
from emotive.data.voices import Reading
from emotive.errors import InputError
from emotive.face.contacts import INDEX, compose
from emotive.face.events import Blinking, Looking, with_blinks
from emotive.face.expressions import expression, limited_rate
from emotive.face.visemes import speaking_mouth
from emotive.media.audio import resample
from emotive.signals import ARKIT, FaceMotion, Phone, Speech
from emotive.voice.listening import RATE, listen, loudness

from .lip_sync import envelope
from .speech_arms import read_aloud, recorded

HELD_OUT = ("awb", "kal", "ked")  # voices that no motion network heard; kal and ked by an engine of their own
FPS = Fraction(30)
WIDEST = 0.45  # jawOpen of the "loudness" arm where the sound is three times its mean

Mover = Callable[[Speech, AffectCurve, int], FaceMotion]
"""(speech, affect, seed) -> motion at FPS."""


@dataclass(frozen=True)
class HeadCaption:
    """A sentence said by a voice on a portrait's face. speeches: one for all requests, or one for each."""

    text: str
    voice: str
    portrait: str
    number: int
    speeches: tuple[Speech, ...]

    def speech(self, request: int) -> Speech:
        """What is heard at the request of that number."""
        return self.speeches[request if len(self.speeches) > 1 else 0]

    def noise(self, seed: int) -> int:
        """The seed of its noise: the same within a caption, another for the next."""
        return 1000 * seed + self.number


def held_out_speech(texts: Sequence[str], voices: Sequence[str] = HELD_OUT) -> dict[str, list[Speech]]:
    """Readings without feeling, with their phones, by voice; voices whose synthesiser is missing are left
    out, and so is a text whose phones the engine says differently."""
    found: dict[str, list[Speech]] = {}
    for voice in voices:
        readings: Mapping[str, Reading] = read_aloud(list(texts), voice, None)
        if readings:
            found[voice] = [recorded(reading) for reading in readings.values()]
    return found


def sentences(count: int) -> tuple[str, ...]:
    """The last `count` of the sentences that no training uses. Raises InputError beyond what there is."""
    if not 1 <= count <= len(EVALUATION_SENTENCES):
        raise InputError(f"sentences must be 1 to {len(EVALUATION_SENTENCES)}, not {count}")
    return EVALUATION_SENTENCES[-count:]


def joined(speeches: Sequence[Speech], pause: float = 0.25) -> Speech:
    """One after the other, `pause` s of silence between."""
    rate = speeches[0].sample_rate
    gap = round(pause * rate)
    parts, phones, at = [], [], 0
    for i, speech in enumerate(speeches):
        if i:
            parts.append(np.zeros(gap, np.float32))
            phones.append(Phone("pau", at / rate, (at + gap) / rate))
            at += gap
        start, end = at / rate, (at + len(speech.waveform)) / rate
        parts.append(speech.waveform)
        moved = [replace(p, start=p.start + start, end=min(p.end + start, end)) for p in speech.phones]
        if moved:
            moved[-1] = replace(moved[-1], end=end)  # without a gap before what follows
        phones += moved
        at += len(speech.waveform)
    text = " ".join(speech.text for speech in speeches)
    return Speech(np.concatenate(parts), rate, text, tuple(phones), voice=speeches[0].voice)


def silence(seconds: float, sample_rate: int = 24_000) -> Speech:
    """Nothing to hear, and a pause for as long."""
    waveform = np.zeros(round(seconds * sample_rate), np.float32)
    return Speech(waveform, sample_rate, phones=(Phone("pau", 0.0, seconds),))


def unspelled(speech: Speech) -> Speech:
    """The sound alone, as of a recording that nobody transcribed."""
    return replace(speech, text="", phones=(), syllables=(), words=())


# -- arms --------------------------------------------------------------------------------------------------


def model_mover(pipe: Any, steps: int = 8) -> Mover:
    """The pipeline's own motion."""

    def move(speech: Speech, affect: AffectCurve, seed: int) -> FaceMotion:
        return pipe.motion(
            speech=speech,
            affect=affect,
            num_inference_steps=steps,
            generator=torch.Generator().manual_seed(seed),
        )

    return move


def rules_motion(speech: Speech, affect: AffectCurve, seed: int = 0) -> FaceMotion:
    """Phones and expressions under the rules and nothing else: no noise, no blinks, a still head."""
    frames, points, emotion = _expressions(speech, affect)
    loud = _loudness(speech, frames)
    mouth = speaking_mouth(speech, float(FPS), frames, loudness=0.4 + 0.75 * loud, arousal=points[:, 1])
    return _still(compose(mouth.weights, emotion, mouth.closure, mouth.contact), affect)


def loudness_motion(speech: Speech, affect: AffectCurve, seed: int = 0) -> FaceMotion:
    """A jaw that opens as far as it is loud, under the rules' expressions: no phones, no closures."""
    frames, _, emotion = _expressions(speech, affect)
    sound = envelope(speech.waveform, speech.sample_rate, float(FPS), frames)
    mouth = np.zeros((frames, len(ARKIT)), np.float32)
    mouth[:, INDEX["jawOpen"]] = (WIDEST * sound / 3).clip(0, 1)
    none = np.zeros(frames, np.float32)
    return _still(compose(mouth, emotion, none, none), affect)


def teacher_motion(speech: Speech, affect: AffectCurve, seed: int) -> FaceMotion:
    """The teacher's performance in a style of its own, with blinks and saccades as the pipeline adds them."""
    frames, points, _ = _expressions(speech, affect)
    rng = np.random.default_rng(seed)
    loud = _loudness(speech, frames)
    found = act(
        speech.phones, speech.syllables, speech.alphabet, points, loud,
        random_style(rng), float(FPS), rng,
    )  # fmt: skip
    pose = found.pose
    weights = with_blinks(found.weights, Blinking(rng, float(FPS)).take(loud, points[:, 1]))
    gaze = pose[:, 6:] + Looking(rng, float(FPS)).take(loud, points[:, 1])
    return FaceMotion(weights.clip(0, 1), pose[:, :3], pose[:, 3:6], gaze, FPS, affect=affect)


def _loudness(speech: Speech, frames: int) -> np.ndarray:
    """As the teacher hears it, (frames,): 30 a second, as FPS is."""
    heard = loudness(listen(resample(speech.waveform, speech.sample_rate, RATE)))
    return fitted_end(heard, frames)


def fitted_end(track: np.ndarray, frames: int) -> np.ndarray:
    """Cut to `frames`, or its last value held."""
    return track[np.minimum(np.arange(frames), len(track) - 1)]


def _expressions(speech: Speech, affect: AffectCurve) -> tuple[int, np.ndarray, np.ndarray]:
    """Frames, points (T, 3) and the rules' expression (T, 52), as fast as a face can change."""
    points = affect.sample(FPS, speech.duration)
    weights, terms = affect.sample_blend(FPS, speech.duration)
    blend = [dict(zip(terms, map(float, row), strict=True)) for row in weights] if terms else None
    return len(points), points, limited_rate(expression(points, blend), float(FPS))


def _still(weights: np.ndarray, affect: AffectCurve) -> FaceMotion:
    none = np.zeros((len(weights), 3), np.float32)
    return FaceMotion(weights.clip(0, 1), none, none, none[:, :2], FPS, affect=affect)


MOVERS: dict[str, Mover] = {"rules": rules_motion, "loudness": loudness_motion, "teacher": teacher_motion}
"""The arms that need no network, by name."""
