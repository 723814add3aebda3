"""What is evaluated in speech: held-out sentences, and the arms that say them.

"model" as it ships; "sliders": the model's neutral voice with pitch, speed and volume each moved as a whole,
as far as the rules move them on average, by signal processing; "constant": the neutral voice for every
request. With the synthesisers that the recipe used (`data/voices.py`) there are two more: "teacher", their
reading under the rules, and "rerender", the model's conversion of a recording by a voice that the speech
judge never heard. (The prosody network learned from other sentences of that voice.)
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from emotive.affect import Affect, AffectCurve
from emotive.data.bandwidth import Bandwidth
from emotive.data.readings import WIDE_VOICE, prepared
from emotive.data.sentences import EVALUATION_SENTENCES
from emotive.data.takes import take
from emotive.data.vocal_affect import vocal_controls
from emotive.data.voices import VOICES, Reading, read
from emotive.errors import InputError
from emotive.pipelines.speech import EmotiveSpeechPipeline
from emotive.signals import Speech
from emotive.voice.hearing import centre_of
from emotive.voice.phones import BREATH, PAUSE
from emotive.voice.prosody import CONTROLS, INDEX, apply
from emotive.voice.text import sentences
from emotive.voice.utterance import Timeline, lay_out
from emotive.voice.vocoder import FRAME_RATE, SAMPLE_RATE, VoiceFeatures, analyse, limited, synthesize

from .protocol import Arm

SLIDERS = ("pitch", "duration", "level")  # controls that a player of recordings has
RECORDED = "ked"  # whose recordings are converted: the speech judge has not heard him
READ_AT_ONCE = 50


@dataclass(frozen=True)
class SpeechCaption:
    """A sentence to be said by a voice."""

    text: str
    voice: str
    number: int

    def noise(self, seed: int) -> int:
        """The seed of its noise: the same within a caption, another for the next."""
        return 1000 * seed + self.number


def held_out_sentences(count: int) -> tuple[str, ...]:
    """The first `count` of the sentences that no training uses. Raises InputError beyond what there is."""
    if not 1 <= count <= len(EVALUATION_SENTENCES):
        raise InputError(f"sentences must be 1 to {len(EVALUATION_SENTENCES)}, not {count}")
    return EVALUATION_SENTENCES[:count]


def spoken(
    pipe: EmotiveSpeechPipeline, caption: SpeechCaption, affect: Affect, seed: int, steps: int
) -> Speech:
    """The model says a caption; the same caption and seed begin from the same noise."""
    said: Any = pipe(
        caption.text,
        affect,
        voice=caption.voice,
        num_inference_steps=steps,
        generator=torch.Generator().manual_seed(caption.noise(seed)),
    )
    return said.speech


def model_arms(pipe: EmotiveSpeechPipeline, steps: int = 8) -> dict[str, Arm]:
    """The arms that need nothing but the model: "model", "sliders", "constant"."""

    @lru_cache(maxsize=1)  # `sliders` and `constant` are of one neutral voice
    def neutral(caption: SpeechCaption, seed: int) -> Speech:
        return spoken(pipe, caption, Affect.neutral(), seed, steps)

    def model(caption: SpeechCaption, affects: Sequence[Affect], seed: int) -> list[Speech]:
        return [spoken(pipe, caption, affect, seed, steps) for affect in affects]

    def slid(caption: SpeechCaption, affects: Sequence[Affect], seed: int) -> list[Speech]:
        return sliders(neutral(caption, seed), affects, caption.noise(seed), pipe.letter_to_sound.phones)

    def constant(caption: SpeechCaption, affects: Sequence[Affect], seed: int) -> list[Speech]:
        return [neutral(caption, seed)] * len(affects)

    return {"model": model, "sliders": slid, "constant": constant}


def rerender_arm(pipe: EmotiveSpeechPipeline, recording: Speech, steps: int = 8) -> Arm:
    """The model's conversion of one recording."""

    def rerendered(caption: SpeechCaption, affects: Sequence[Affect], seed: int) -> list[Speech]:
        return [
            pipe.rerender(
                recording,
                affect,
                num_inference_steps=steps,
                generator=torch.Generator().manual_seed(caption.noise(seed)),
            )
            for affect in affects
        ]

    return rerendered


def teacher_arm(reading: Reading, centre: float) -> Arm:
    """The synthesiser's reading under the rules; `centre` is the speaker's middle log F0."""

    def taught(caption: SpeechCaption, affects: Sequence[Affect], seed: int) -> list[Speech]:
        return [taken(reading, centre, affect, caption.noise(seed)) for affect in affects]

    return taught


def taken(reading: Reading, centre: float, affect: Affect, seed: int) -> Speech:
    """One reading at one affect, made as what the model learns from."""
    points = np.repeat(affect.as_array()[None], reading.timeline.frames, 0)
    timeline, features, _ = take(reading, points, centre, np.random.default_rng(seed))
    return _as_speech(features, timeline, reading, affect)


def recorded(reading: Reading) -> Speech:
    """A reading as it is, with its timeline: a recording to convert."""
    return _as_speech(reading.features, reading.timeline, reading, Affect.neutral())


def _as_speech(features: VoiceFeatures, timeline: Timeline, reading: Reading, affect: Affect) -> Speech:
    return Speech(
        limited(synthesize(features)), SAMPLE_RATE, reading.text, *timeline.spans(FRAME_RATE),
        affect=AffectCurve.constant(affect), voice=reading.voice,
    )  # fmt: skip


def sliders(neutral: Speech, affects: Sequence[Affect], seed: int, spell: Any = None) -> list[Speech]:
    """A neutral voice with its pitch, speed and volume moved as a whole: by what the rules move each over
    what is said, on average, and nothing else of the rules."""
    timeline = timeline_of(neutral, spell)
    features, said = analyse(neutral.waveform), timeline.utterance.syllable[timeline.phone_of_frame()] >= 0
    centre = centre_of(features)

    def moves(affect: Affect) -> np.ndarray:
        points = np.repeat(affect.as_array()[None, :2], timeline.frames, 0)
        return vocal_controls(timeline, points, np.random.default_rng(seed))[said].mean(0)

    still, out = moves(Affect.neutral()), []
    for affect in affects:
        controls = np.zeros((len(features), len(CONTROLS)), np.float32)
        for name in SLIDERS:
            controls[:, INDEX[name]] = (moves(affect) - still)[INDEX[name]]
        moved = apply(features, controls, centre, np.random.default_rng(seed))
        edges = np.rint(timeline.edges * (len(moved) / len(features))).astype(int)
        reading = Reading(neutral.text, neutral.voice, timeline, features)
        out.append(_as_speech(moved, Timeline(timeline.utterance, edges), reading, affect))
    return out


def timeline_of(speech: Speech, spell: Any = None) -> Timeline:
    """The timeline of one spoken sentence, with what `Speech` does not carry: how its phrases close."""
    said = [phone for phone in speech.phones if phone.symbol in (PAUSE, BREATH)][1:]
    # After which word a pause or breath lies; the first pause comes before all words.
    after = [sum(word.end < phone.end for word in speech.words) - 1 for phone in said]
    pauses = {w for w, phone in zip(after, said, strict=True) if phone.symbol == PAUSE}
    breaths = {w for w, phone in zip(after, said, strict=True) if phone.symbol == BREATH}
    (sentence,) = sentences(speech.text, spell)
    utterance = lay_out(sentence, pauses - {len(speech.words) - 1}, breaths)
    edges = [phone.start for phone in speech.phones] + [speech.duration]
    if utterance.symbols != tuple(phone.symbol for phone in speech.phones):
        raise ValueError(f"the phones of {speech.text!r} are not those of its text")
    return Timeline(utterance, np.rint(np.array(edges) * FRAME_RATE).astype(int))


# -- the synthesisers --------------------------------------------------------------------------------------


def read_aloud(texts: Sequence[str], voice: str, spell: Any, count: int | None = None) -> dict[str, Reading]:
    """Readings of `texts` by a voice of the recipe, by text; those whose phones are ours, at most `count`.

    None at all where the synthesiser is not installed, or the recipe has no such voice: a user need not have
    it.
    """
    found: dict[str, Reading] = {}
    for start in range(0, len(texts), READ_AT_ONCE):
        if voice not in VOICES or (count is not None and len(found) >= count):
            break
        try:
            found |= {r.text: r for r in read(texts[start : start + READ_AT_ONCE], VOICES[voice], spell)}
        except (InputError, subprocess.CalledProcessError):
            return {}
    chosen = list(found.items())[:count]
    narrow = bool(chosen) and VOICES[voice].bandwidth < 12_000
    bandwidth = _bandwidth(tuple(texts[:READ_AT_ONCE])) if narrow else None
    return {text: prepared(reading, bandwidth) for text, reading in chosen}


@lru_cache(maxsize=2)
def _bandwidth(texts: tuple[str, ...]) -> Bandwidth:
    """The top of the spectrum, as the recipe lends it to voices without one."""
    return Bandwidth.fit(np.concatenate([r.features.cepstrum for r in read(texts, VOICES[WIDE_VOICE])]))


def middle(readings: Mapping[str, Reading]) -> float:
    """The speaker's middle log F0, over all of his readings."""
    return float(np.median(np.concatenate([r.features.lf0[r.features.voiced] for r in readings.values()])))
