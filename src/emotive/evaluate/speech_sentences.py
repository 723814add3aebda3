"""One sentence said in many ways: heard by a recogniser, timed by an aligner, compared as a speaker.

Every sentence is said neutrally, at every second mild point of the plane and at one of its corners, in turn;
with `everywhere`, at all of them. Rates are always compared with neutral on the same sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from emotive.affect import Affect
from emotive.data.voices import Reading
from emotive.pipelines.speech import EmotiveSpeechPipeline
from emotive.signals import Speech

from .speech_arms import SpeechCaption, spoken, taken
from .speech_identity import SpeakerEncoder
from .speech_timing import boundary_errors
from .speech_words import Recogniser, word_errors, words

LEVELS = (-0.6, 0.0, 0.6)
MILD = tuple(Affect(v, a) for a in LEVELS for v in LEVELS if (v, a) != (0, 0))
CORNERS = tuple(Affect(v, a) for a in (-1.0, 1.0) for v in (-1.0, 1.0))
SEED = 1


@dataclass(frozen=True)
class Task:
    """A sentence to say. reading: the synthesiser's, None without; centre: its speaker's middle log F0.
    listen: whether what is said is heard and timed; compare: whether the speaker is compared."""

    caption: SpeechCaption
    points: tuple[Affect, ...]
    reading: Reading | None = None
    centre: float = 0.0
    listen: bool = True
    compare: bool = False


@dataclass(frozen=True)
class Said:
    """What a sentence's ways of saying came to: way -> errors of `words` words, seconds of boundary errors,
    speaker embeddings. Ways are "neutral", "teacher" and points, as `way` names them."""

    voice: str
    words: int
    errors: dict[str, int] = field(default_factory=dict)
    timing: dict[str, np.ndarray | None] = field(default_factory=dict)
    speakers: dict[str, np.ndarray] = field(default_factory=dict)
    teacher_speakers: dict[str, np.ndarray] = field(default_factory=dict)


def way(affect: Affect) -> str:
    """What a point is called: "-0.6,+0.6", valence first; "neutral"."""
    place = (affect.valence, affect.arousal)
    return "neutral" if place == (0, 0) else "{:+g},{:+g}".format(*place)


def points(number: int, voices: int, everywhere: bool = False) -> tuple[Affect, ...]:
    """Where sentence `number` is said besides neutrally; voices take turns, and each comes to every point."""
    if everywhere:
        return (*MILD, *CORNERS)
    turn = number // voices
    return (*MILD[turn % 2 :: 2], CORNERS[turn % 4])


def say(
    pipe: EmotiveSpeechPipeline,
    ears: Recogniser | None,
    encoder: SpeakerEncoder | None,
    steps: int,
    task: Task,
) -> Said:
    """Says a sentence in its ways; what nobody is there to hear is left out."""
    ears = ears if task.listen else None
    caption, out = task.caption, Said(task.caption.voice, len(words(task.caption.text)))
    wanted = [Affect.neutral(), *(task.points if ears is not None else ())]
    wanted += [a for a in CORNERS if task.compare and encoder is not None and a not in wanted]
    for affect in wanted:
        speech, name = spoken(pipe, caption, affect, SEED, steps), way(affect)
        if ears is not None and (affect in task.points or name == "neutral"):
            _listen(ears, out, name, speech, pipe)
        if task.compare and encoder is not None:
            if name == "neutral" or affect in CORNERS:
                out.speakers[name] = encoder.embed(speech.waveform, speech.sample_rate)
    if task.reading is not None:
        for affect in (Affect.neutral(), *(CORNERS if task.compare and encoder is not None else ())):
            speech = taken(task.reading, task.centre, affect, caption.noise(SEED))
            if ears is not None and affect == Affect.neutral():
                _listen(ears, out, "teacher", speech, pipe)
            if task.compare and encoder is not None:
                out.teacher_speakers[way(affect)] = encoder.embed(speech.waveform, speech.sample_rate)
    return out


def _listen(ears: Recogniser, out: Said, name: str, speech: Speech, pipe: EmotiveSpeechPipeline) -> None:
    out.errors[name] = word_errors(speech.text, ears.hear(speech.waveform, speech.sample_rate))
    out.timing[name] = boundary_errors(speech, spell=pipe.letter_to_sound.phones)
