"""What the Studio moves bodies with: an actor and a voice or a recording, one at a time. No Gradio."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from emotive.acting import moved, write_preview
from emotive.affect import Affect
from emotive.body.actors import ACTORS, Actor, open_actor
from emotive.body.stage import Stage
from emotive.errors import InputError
from emotive.media.provenance import Provenance
from emotive.plan import settled

from .background import InBackground
from .easel import encodable, remarks
from .face import LONGEST_CLIP, LONGEST_TEXT, Camera
from .voice import Booth, asked_aloud

if TYPE_CHECKING:
    from emotive.pipelines.gesture import EmotiveGesturePipeline
    from emotive.signals import BodyMotion, FaceMotion, Speech

FPS, SIDE, STEPS = 30.0, 512, 10
REST = "one"  # how the hands of an actor are held who has nothing to say

Opening = Callable[[], "tuple[EmotiveGesturePipeline, dict[str, Any]]"]


@dataclass(frozen=True)
class Act:
    """How somebody moves, with what face and to what sound, what it was made from, and what was remarked;
    then the film of it, mp4."""

    motion: BodyMotion
    face: FaceMotion | None
    speech: Speech
    stage: Stage
    made: Provenance
    notes: tuple[str, ...] = ()
    film: bytes = b""


def who_moves(actor: Any, upper: Any, audio: Any = None, transcript: Any = "") -> Stage:
    """The stage of an actor by name; `upper` is whether the film shows the upper body alone.

    audio: a recording, with its words in `transcript` or "" where they are not known. Raises InputError for
    what cannot be used.
    """
    if not isinstance(actor, str) or actor not in ACTORS:
        raise InputError("choose one of the actors")
    stage = Stage(style=actor, upper=upper is True)
    if audio is None:
        return stage
    if not isinstance(audio, str | Path):
        raise InputError("choose a recording first, or make one with the microphone")
    if not isinstance(transcript, str) or not encodable(transcript):
        raise InputError("the words of the recording are text")
    if len(transcript) > LONGEST_TEXT:
        raise InputError(f"the words have {len(transcript)} characters: {LONGEST_TEXT} at most here")
    return replace(stage, audio=Path(audio), transcript=" ".join(transcript.split()) or None)


def asked_of_body(
    model: str, text: Any, affect: Any, strength: Any, seed: Any, voice: Any = ""
) -> Provenance:
    """The plan behind the controls, as `voice.asked_aloud` makes it; for a recording, `text` is ""."""
    plan = asked_aloud(model, text, affect, strength, seed, voice, longest=LONGEST_TEXT)
    return replace(plan, medium="gesture", num_inference_steps=STEPS, fps=FPS, size=(SIDE, SIDE))


def standing(actor: Actor) -> BodyMotion:
    """One frame of an actor who has nothing to say."""
    from emotive.body.channels import CHANNELS, of
    from emotive.body.posing import pose
    from emotive.data.gesture_lexicon import HANDSHAPES, RESTS

    rest, tracks = RESTS[REST], np.zeros((1, len(CHANNELS)))
    for side, hand in (("right", rest.main), ("left", rest.other)):
        tracks[0, of(side)] = (*hand, *HANDSHAPES[rest.fingers])
    return pose(tracks, FPS, build=actor.build, girth=actor.looks.girth)


class Theatre:
    """Moves bodies for everyone who has the page open, one at a time.

    `model` moves the body, and is opened by `opening` as a `Booth`'s is; `booth` speaks, and `camera` knows
    how faces move. `folder` is for files on their way to the browser.
    """

    def __init__(self, model: str, folder: Path, booth: Booth, camera: Camera, opening: Opening):
        self.model, self.folder, self.booth, self.camera = model, folder, booth, camera
        self._lock, self._drawing = threading.Lock(), threading.Lock()
        self._opened = InBackground(opening, "open the body")
        self._stills: dict[tuple[str, bool], np.ndarray] = {}
        self._figures: dict[str, bytes] = {}

    @property
    def ready(self) -> bool:
        """Whether the pipelines are open."""
        return self._opened.ready and self.camera.ready

    def open(self) -> None:
        """Begins to open the models and returns at once; a failure shows when somebody moves."""
        self._opened.begin()
        self.camera.open()

    def still(self, name: str, upper: bool = False) -> np.ndarray:
        """An actor at rest, uint8 (SIDE, SIDE, 3), as a film begins."""
        from emotive.body.renderer import BodyRenderer

        actor = open_actor(name)
        with self._drawing:
            if (name, upper) not in self._stills:
                draw = BodyRenderer(actor, SIDE, framing="upper" if upper else "full")
                (self._stills[name, upper],) = draw.frames(standing(actor))
            return self._stills[name, upper]

    def figure(self, name: str) -> bytes:
        """An actor at rest as a .glb."""
        from emotive.body.motion_files import save_body_motion

        actor = open_actor(name)
        with self._drawing:
            if name not in self._figures:
                with tempfile.TemporaryDirectory(dir=self.folder) as own:
                    file = save_body_motion(standing(actor), Path(own) / "figure.glb", actor=actor)
                    self._figures[name] = file.read_bytes()
            return self._figures[name]

    def perform(self, plan: Provenance, end: Affect | None, stage: Stage, faced: bool) -> Iterator[str | Act]:
        """Says what it does now, step by step; the act comes as soon as it moves, and again with its film.

        `stage` has a recording, or the plan a text; the feeling is the plan's, or on the way from it to
        `end`. `faced`: whether the face moves with the voice; else it shows the feeling alone.
        """
        yield "Listening" if stage.audio is not None else "Speaking"
        heard = self.booth.hear(plan, end, stage.audio, LONGEST_CLIP, stage.transcript or "")
        yield "Moving"
        pipe, here = self._opened.begin().result()
        plan = settled(heard.made, cast(Any, pipe), here)
        with self._lock, remarks() as notes:
            motion = moved(pipe, plan, heard.speech, stage)
        face, told = None, {**stage.told(), "seconds": round(motion.duration, 3)}
        if faced:
            try:
                face = self.camera.face(plan, heard.speech)
                told["face_model"] = self.camera.model
            except InputError as error:  # silence, to which a body stands and a face says nothing
                notes.append(f"the face shows the feeling alone, since {error}")
        act = Act(motion, face, heard.speech, stage, replace(plan, extra=told), (*heard.notes, *notes))
        yield act
        yield replace(act, film=self._filmed(act))

    def _filmed(self, act: Act) -> bytes:
        with self._lock, tempfile.TemporaryDirectory(dir=self.folder) as own:
            stage, file = act.stage, Path(own) / "body.mp4"
            write_preview(file, act.made, act.motion, act.speech, stage.actor(), act.face, stage.upper)
            return file.read_bytes()
