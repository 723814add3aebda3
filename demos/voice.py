"""What the Studio speaks with: one pipeline, opened when somebody comes, one voice at a time. No Gradio."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from emotive import weights
from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError, WeightsError
from emotive.media.provenance import Provenance
from emotive.plan import blank_plan, settled, with_feeling

from .background import InBackground
from .easel import encodable, number, read_seed, remarks, without_path

if TYPE_CHECKING:
    from emotive.pipelines.speech import EmotiveSpeechPipeline
    from emotive.signals import Speech

LONGEST_TEXT = 600  # characters: about 45 s
LONGEST_RECORDING = 60.0  # seconds
LONGEST_SPEECH = 90.0  # seconds: numbers are longer when they are said
STEPS = 8

Opening = Callable[[], "tuple[EmotiveSpeechPipeline, dict[str, Any]]"]


@dataclass(frozen=True)
class Take:
    """Something said, what it was made from, and what the pipeline remarked."""

    speech: Speech
    made: Provenance
    notes: tuple[str, ...] = ()


def voices_of(model: str) -> tuple[str, ...]:
    """Who can speak, read from a model's files without opening it, so that the page is there at once.

    Raises WeightsError if it is not there or no speech model.
    """
    folder = weights.resolve(model)
    try:
        return tuple(json.loads((folder / "denoiser" / "config.json").read_text("utf-8"))["voices"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder} does not hold a speech model that the Studio can open") from error


def asked_aloud(
    model: str,
    text: Any,
    affect: Any,
    strength: Any,
    seed: Any,
    voice: Any = "",
    breathing: Any = True,
    longest: int = LONGEST_TEXT,
) -> Provenance:
    """The plan behind the controls, which come from a browser and may hold anything; for a recording, `text`
    is "" and there is no voice to choose.

    `affect` is text for `Affect.parse`; `longest` the characters of a text. Raises InputError, in one line,
    for what cannot be used.
    """
    if not isinstance(text, str) or not isinstance(affect, str) or not isinstance(voice, str):
        raise InputError("the sentence, the affect and the voice are text")
    if len(text) > longest:
        raise InputError(f"the text has {len(text)} characters: {longest} at most here")
    if not encodable(text):
        raise InputError("the text holds characters that are no text: type it again")
    plan = replace(
        blank_plan(model),
        medium="speech",
        prompt=" ".join(text.split()),
        seed=read_seed(seed),
        num_inference_steps=STEPS,
        affect_strength=number("strength", strength, 0, 2),
        voice=voice,
        extra={} if breathing is True else {"breathing": False},
    )
    return with_feeling(plan, affect)


def way(start: Affect, end: Affect, count: int) -> list[Affect]:
    """`count` points evenly along the straight way from `start` to `end`, to three decimals, without blends:
    short enough to be written down word by word."""
    points = [start.lerp(end, float(t)) for t in np.linspace(0, 1, count)]
    return [
        Affect(*(None if x is None else round(x, 3) for x in (p.valence, p.arousal, p.dominance)))  # type: ignore[arg-type]
        for p in points
    ]


def end_of(pad: Any) -> Affect | None:
    """The point at which the feeling on a pad ends, if it moves; raises InputError for what is none."""
    to = pad.get("to") if isinstance(pad, dict) else None
    if to is None:
        return None
    text = to.get("text") if isinstance(to, dict) else None
    if not isinstance(text, str):
        raise InputError("the end of the way is a point on the pad: set it again")
    return Affect.parse(text)


def open_recording(file: Any, longest: float = LONGEST_RECORDING) -> tuple[np.ndarray, int]:
    """The waveform in an uploaded file, and its samples/s.

    Raises InputError, calling it by its name, if there is none, it is no audio, or longer than `longest` s.
    """
    import soundfile

    from emotive.media.audio import read_audio

    if not isinstance(file, str | Path):
        raise InputError("choose a recording first, or make one with the microphone")
    try:
        seconds = soundfile.info(str(file)).duration  # before its samples fill the memory
    except (OSError, RuntimeError):  # libsndfile's errors are RuntimeErrors; reading says what is wrong
        seconds = 0.0
    if seconds <= longest:
        with without_path(file):
            waveform, rate = read_audio(file)
        seconds = len(waveform) / rate
        if seconds <= longest:
            return waveform, rate
    raise InputError(f"{Path(file).name} lasts {seconds:.0f} s: {longest:.0f} s at most here")


class Booth:
    """Speaks for everyone who has the page open, one at a time.

    `opening` opens the pipeline of `model`, and says what is particular to this place, by the provenance's
    names; it is called in a thread of its own, when `open` first is: whoever only paints never waits for it.
    `folder` is for files on their way to the browser.
    """

    def __init__(self, model: str, folder: Path, opening: Opening):
        self.model, self.folder, self._opening = model, folder, opening
        self._lock = threading.Lock()
        self._opened = InBackground(self._open, "open the voice")

    @property
    def ready(self) -> bool:
        """Whether the pipeline is open."""
        return self._opened.ready

    def open(self) -> None:
        """Begins to open the model, once, and returns at once; a failure shows when something is said."""
        self._opened.begin()

    def pipe(self) -> EmotiveSpeechPipeline:
        """The pipeline, once it is open."""
        return self._opened.begin().result()[0]

    def speak(self, plan: Provenance, end: Affect | None = None, longest: float = LONGEST_SPEECH) -> Take:
        """Says the text of a plan, with its affect or, word by word, on the way from it to `end`.

        Raises InputError as the pipeline does, and where it takes more than `longest` seconds to say.
        """
        import torch

        from emotive.signals import Speech

        pipe, here = self._opened.begin().result()
        plan = settled(replace(plan, voice=plan.voice or pipe.voices[0]), cast(Any, pipe), here)
        start = plan.affect or Affect.neutral()
        with self._lock, remarks() as notes:
            feeling: Affect | list[Affect] = start
            if end is not None:
                feeling = way(start, end, _words(plan.prompt, pipe))
                said = ";".join(map(str, feeling))
                plan = replace(plan, affect=None, affect_text="", extra={**plan.extra, "word_affects": said})
            parts = pipe.stream(
                plan.prompt,
                feeling,
                voice=plan.voice,
                num_inference_steps=plan.num_inference_steps,
                guidance_scale=plan.guidance_scale,
                affect_guidance_scale=plan.affect_guidance_scale,
                affect_strength=plan.affect_strength,
                breathing=plan.extra.get("breathing") is not False,
                generator=torch.Generator("cpu").manual_seed(plan.seed),
            )
            speech = Speech.concatenate(list(_no_longer(parts, longest)))
        return Take(speech, plan, tuple(notes))

    def hear(
        self, plan: Provenance, end: Affect | None, audio: Path | None, longest: float, transcript: str = ""
    ) -> Take:
        """What is heard beside a face or a body: the text of their plan, spoken in its affect or on the way
        from it to `end`; or else the recording in `audio`, with its `transcript` where that is known. What it
        was `made` from is their plan, with the voice and the affect over time.

        Raises InputError as `speak`, `open_recording` and alignment do.
        """
        from emotive.signals import Speech

        if audio is None:
            own = {"medium": "speech", "model": self.model, "num_inference_steps": STEPS}
            take = self.speak(replace(plan, **own, fps=None, size=None), end, longest)
            plan = replace(plan, voice=take.made.voice)
            if end is not None:
                plan = replace(plan, affect=None, affect_text="", curve=take.speech.affect)
            return Take(take.speech, plan, take.notes)
        waveform, rate = open_recording(audio, longest)
        speech = Speech(waveform, rate)
        if transcript:
            from emotive.voice.align import align

            speech = Speech(waveform, rate, transcript, *align(waveform, rate, transcript))
        plan = replace(plan, prompt="", voice="")
        if end is not None:
            way = AffectCurve([(0.0, plan.affect or Affect.neutral()), (speech.duration, end)])
            plan = replace(plan, affect=None, affect_text="", curve=way)
        return Take(speech, plan)

    def rerender(self, file: str | Path, plan: Provenance, end: Affect | None = None) -> Take:
        """Says the recording in `file` in the feeling of a plan, or on the way from there to `end`."""
        import torch

        waveform, rate = open_recording(file)
        pipe, here = self._opened.begin().result()
        start = plan.affect or Affect.neutral()
        feeling: Affect | AffectCurve = start
        if end is not None:
            feeling = AffectCurve([(0.0, start), (len(waveform) / rate, end)])
            plan = replace(plan, affect=None, affect_text="", curve=feeling)
        with self._lock, remarks() as notes:
            speech = pipe.rerender(
                waveform,
                feeling,
                sample_rate=rate,
                affect_strength=plan.affect_strength,
                num_inference_steps=plan.num_inference_steps,
                affect_guidance_scale=1.0,
                generator=torch.Generator("cpu").manual_seed(plan.seed),
            )
        source = {
            "processed": "prosody moved by signal processing",
            "edited_from": Path(file).name,
            "edited_from_sha256": hashlib.sha256(Path(file).read_bytes()).hexdigest(),
        }
        made = replace(plan, **here, prompt="", voice="", affect_guidance_scale=1.0, extra=source)
        return Take(speech, made, tuple(notes))

    def _open(self) -> tuple[EmotiveSpeechPipeline, dict[str, Any]]:
        import torch

        pipe, here = self._opening()
        # The first words cost more than the others: they are said before anyone asks.
        pipe("One.", generator=torch.Generator("cpu").manual_seed(0))
        return pipe, here


def _words(text: str, pipe: EmotiveSpeechPipeline) -> int:
    """How many words the front end reads in a text; raises InputError where there is nothing to say."""
    from emotive.voice.text import sentences

    return sum(len(sentence.words) for sentence in sentences(text, pipe.letter_to_sound.phones))


def _no_longer(parts: Iterable[Speech], longest: float) -> Iterable[Speech]:
    """The parts, as long as they last no longer than a visitor may make the others wait."""
    seconds = 0.0
    for part in parts:
        seconds += part.duration
        if seconds > longest:
            raise InputError(f"this takes longer than {longest:.0f} s to say: shorten the text")
        yield part
