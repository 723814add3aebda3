"""What the Studio films with: a portrait and a voice or a recording, one video at a time. No Gradio."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from emotive.affect import Affect
from emotive.errors import InputError
from emotive.face.opening import bundled_portraits, open_portrait
from emotive.face.shot import Shot
from emotive.media.picture import open_picture
from emotive.media.provenance import Provenance
from emotive.plan import settled

from .background import InBackground
from .easel import MAX_UPLOAD_PIXELS, encodable, number, remarks, without_path
from .voice import STEPS, Booth, asked_aloud

if TYPE_CHECKING:
    from emotive.face.portrait import Portrait
    from emotive.pipelines.talking_head import EmotiveTalkingHeadPipeline
    from emotive.signals import FaceMotion, Speech

LONGEST_TEXT = 400  # characters: about 25 s
LONGEST_CLIP = 30.0  # seconds, said or recorded
LONGEST_CONSENT = 200  # characters
FPS, SIDE = 30.0, 512
ANSWERS = ("unasked", "agreed", "nobody")  # to the question who agreed: nobody was asked, a person, no person
FARTHEST_LOOK = 20  # degrees
KEPT = 8  # frames of a video, for judges

Opening = Callable[[], "tuple[EmotiveTalkingHeadPipeline, dict[str, Any]]"]


@dataclass(frozen=True)
class Scene:
    """A video, mp4, some of its frames from the first on (uint8), whose face it is, what moves and what is
    heard, what it was made from, and what was remarked."""

    video: bytes
    frames: list[np.ndarray]
    portrait: Portrait
    motion: FaceMotion
    speech: Speech
    made: Provenance
    notes: tuple[str, ...] = ()


def who_speaks(chosen: Any, file: Any, landmarks: Any, answer: Any, consent: Any) -> Shot:
    """The shot of a bundled portrait by its name, or, where `chosen` is "", of the photograph in `file`.

    `landmarks` is a file with those of the photograph, or None; `answer` one of `ANSWERS`, `consent` who
    agreed and how. Raises InputError for what cannot be used.
    """
    if isinstance(chosen, str) and chosen in bundled_portraits():
        return Shot(chosen)
    if chosen != "":
        raise InputError("choose one of the portraits, or a photograph")
    if not isinstance(file, str | Path):
        raise InputError("choose a photograph first, or one of the portraits")
    if answer not in ANSWERS:
        raise InputError("say who agreed: a person, nobody since it shows none, or nobody yet")
    points = Path(landmarks) if isinstance(landmarks, str | Path) else None
    if answer != "agreed":
        return Shot(str(file), landmarks=points, not_a_person=answer == "nobody")
    said = " ".join(consent.split()) if isinstance(consent, str) and encodable(consent) else ""
    if not said:
        raise InputError("write down who agreed, and how, or choose another answer")
    if len(said) > LONGEST_CONSENT:
        raise InputError(f"who agreed, and how, fits into {LONGEST_CONSENT} characters")
    return Shot(str(file), landmarks=points, consent=said)


def moves(head_motion: Any, blink: Any, across: Any, up: Any, still: Any, lips_only: Any) -> dict[str, Any]:
    """The controls of a shot that differ from a face left to itself; `across`, `up` are the gaze in degrees.

    Raises InputError for what is out of range.
    """
    gaze = tuple(number("gaze", angle, -FARTHEST_LOOK, FARTHEST_LOOK) for angle in (across, up))
    head_motion, blink = number("head motion", head_motion, 0, 3), number("blinks", blink, 0, 4)
    return {
        **({"still": True} if still is True else {"head_motion": head_motion} if head_motion != 1 else {}),
        **({"blink": blink} if blink != 1 else {}),
        **({"gaze": gaze} if any(gaze) else {}),
        **({"lips_only": True} if lips_only is True else {}),
    }


def asked_of_face(
    model: str, text: Any, affect: Any, strength: Any, seed: Any, voice: Any = ""
) -> Provenance:
    """The plan behind the controls, as `voice.asked_aloud` makes it; for a recording, `text` is ""."""
    plan = asked_aloud(model, text, affect, strength, seed, voice, longest=LONGEST_TEXT)
    return replace(plan, medium="head", fps=FPS, size=(SIDE, SIDE))


def portrait_of(shot: Shot) -> Portrait:
    """The portrait of a shot. Raises InputError, calling the file by its name, where it holds no face."""
    assert shot.portrait is not None
    if shot.portrait in bundled_portraits():
        return open_portrait(shot.portrait)
    with without_path(shot.portrait), without_path(shot.landmarks or ""):
        open_picture(shot.portrait, MAX_UPLOAD_PIXELS)  # a large one is refused before it fills the memory
        return open_portrait(shot.portrait, shot.landmarks)


class Camera:
    """Films for everyone who has the page open, one at a time.

    `model` moves the face, and is opened by `opening` as a `Booth`'s is; `booth` speaks. `folder` is for
    files on their way to the browser.
    """

    def __init__(self, model: str, folder: Path, booth: Booth, opening: Opening):
        self.model, self.folder, self.booth = model, folder, booth
        self._lock = threading.Lock()
        self._opened = InBackground(opening, "open the face")

    @property
    def ready(self) -> bool:
        """Whether both pipelines are open."""
        return self._opened.ready and self.booth.ready

    def open(self) -> None:
        """Begins to open both models and returns at once; a failure shows when something is filmed."""
        self._opened.begin()
        self.booth.open()

    def pipe(self) -> EmotiveTalkingHeadPipeline:
        """The pipeline that moves the face, once it is open."""
        return self._opened.begin().result()[0]

    def still(self, shot: Shot) -> np.ndarray:
        """How a video begins: the face at rest, uint8 (SIDE, SIDE, 3), with the badge where it will be."""
        from emotive.pipelines.talking_head import animate
        from emotive.signals import ARKIT, FaceMotion

        zero = np.zeros((1, 3), np.float32)
        rest = FaceMotion(np.zeros((1, len(ARKIT)), np.float32), zero, zero, zero[:, :2], fps=FPS)  # type: ignore[arg-type]
        with self._lock:
            (frame,) = animate(
                portrait_of(shot), rest, SIDE, consent=shot.consent, not_a_person=shot.not_a_person
            )
        return frame

    def film(self, plan: Provenance, end: Affect | None, shot: Shot) -> Iterator[str | Scene]:
        """Says what it does now, step by step, and ends with the scene.

        `shot` has a recording, or the plan a text; the feeling is the plan's, or on the way from it to `end`.
        """
        with remarks() as first:
            portrait = portrait_of(shot)  # what is wrong with it is said first
        yield "Listening" if shot.audio is not None else "Speaking"
        heard = self.booth.hear(plan, end, shot.audio, LONGEST_CLIP)
        speech, notes = heard.speech, heard.notes
        yield "Moving the face"
        pipe, here = self._opened.begin().result()
        plan = settled(heard.made, cast(Any, pipe), here)
        with self._lock, remarks() as more:
            motion = self._moved(pipe, plan, speech, shot)
        plan = replace(plan, extra={**shot.told(), "seconds": round(motion.duration, 3)})
        yield f"Filming {motion.duration:.0f} s"
        with self._lock, remarks() as still_more:
            video, frames = self._filmed(plan, portrait, motion, speech, shot)
        yield Scene(
            video,
            frames,
            portrait,
            motion,
            speech,
            plan,
            tuple(dict.fromkeys((*first, *notes, *more, *still_more))),
        )

    def face(self, plan: Provenance, speech: Speech) -> FaceMotion:
        """How the face of a body moves that follows `plan`, which is the body's."""
        pipe, here = self._opened.begin().result()
        own = replace(plan, num_inference_steps=STEPS, guidance_scale=None, affect_guidance_scale=None)
        with self._lock:
            return self._moved(pipe, settled(own, cast(Any, pipe), here), speech, Shot())

    def _moved(
        self, pipe: EmotiveTalkingHeadPipeline, plan: Provenance, speech: Speech, shot: Shot
    ) -> FaceMotion:
        import torch

        return pipe.motion(
            speech,
            plan.curve or plan.affect or Affect.neutral(),
            fps=FPS,
            num_inference_steps=plan.num_inference_steps,
            guidance_scale=plan.guidance_scale,
            affect_guidance_scale=plan.affect_guidance_scale,
            affect_strength=plan.affect_strength,
            controls=shot.controls,
            generator=torch.Generator("cpu").manual_seed(plan.seed),
        )

    def _filmed(
        self, plan: Provenance, portrait: Portrait, motion: FaceMotion, speech: Speech, shot: Shot
    ) -> tuple[bytes, list[np.ndarray]]:
        from emotive.media.video import VideoWriter
        from emotive.pipelines.talking_head import animate

        frames = animate(portrait, motion, SIDE, consent=shot.consent, not_a_person=shot.not_a_person)
        sound = speech.waveform, speech.sample_rate
        kept, every = [], -(-len(motion) // KEPT)
        with tempfile.TemporaryDirectory(dir=self.folder) as own:
            file = Path(own) / "face.mp4"
            with VideoWriter(file, (SIDE, SIDE), motion.fps, plan, sound, sidecar=False) as writer:
                for i, frame in enumerate(frames):
                    writer.write(frame)
                    if i % every == 0:
                        kept.append(frame)
            return file.read_bytes(), kept
