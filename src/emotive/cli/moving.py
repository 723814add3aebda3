"""What `emotive gesture` does: a plan of the motion, what else it is made from, the pipelines, the files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emotive import __version__
from emotive.affect import Affect
from emotive.errors import InputError
from emotive.media import check_file, check_folder, free_name, write_whole
from emotive.media.image import check_output, write_png
from emotive.media.provenance import Provenance, now, read_provenance
from emotive.plan import blank_plan, placed, quiet_diffusers, settled

from .filming import VIDEOS, check_numbers
from .heard import heard_or_spoken, open_heard
from .speaking import asked, check_plan, feeling_name

if TYPE_CHECKING:
    from emotive.body.actors import Actor
    from emotive.pipelines.gesture import EmotiveGesturePipeline
    from emotive.signals import BodyMotion, FaceMotion, Speech

TOLD_BESIDE = (".bvh", ".obj", ".ply")  # have no place for a provenance: it lies beside them
BAKED = (".glb", ".vrm")  # what a character of one's own can be written as
SENTENCE = "I never thought that it would end like this, but here we are."


@dataclass(frozen=True)
class Stage:
    """What a motion is made from and shown by, besides the plan: what is heard, who moves, which files."""

    audio: Path | None = None
    transcript: str | None = None
    emotion_from: Path | None = None
    style: str | None = None
    character: Path | None = None
    face_motion: Path | None = None
    from_motion: Path | None = None
    names: str = "vrm"
    upper: bool = False
    speech_model: str = "emotive-speech-1"

    @classmethod
    def of(cls, made: Provenance) -> Stage:
        """That of a motion to make again, as far as its provenance is to be trusted: it opens no file."""
        from emotive.body.actors import ACTORS

        style = made.extra.get("style")
        return cls(style=style if style in ACTORS else None, upper=made.extra.get("upper") is True)

    def check(self, files: Sequence[Path]) -> None:
        """Raises InputError for what can be known to be wrong before anything is loaded."""
        if self.style is not None:
            self.actor()
        if self.names not in ("vrm", "mixamo"):
            raise InputError(f"--names {self.names[:40]!r} is not known: use vrm or mixamo")
        for file in (self.audio, self.emotion_from, self.face_motion, self.from_motion, self.character):
            if file is not None:
                check_file(file)
        if self.character is not None and not any(f.suffix.lower() in BAKED for f in files):
            raise InputError(f"--character is written as {' or '.join(BAKED)}: give such an --output")
        if self.character is None and any(f.suffix.lower() == ".vrm" for f in files):
            raise InputError("a .vrm is a character: give yours with --character, or write a .vrma")

    def actor(self) -> Actor | None:
        """Who moves, if anybody was named."""
        from emotive.body.actors import open_actor

        return None if self.style is None else open_actor(self.style)

    def face(self) -> FaceMotion | None:
        """How the face moves, if that was given."""
        from emotive.face.motion_files import load_motion

        return None if self.face_motion is None else load_motion(self.face_motion)

    def told(self) -> dict[str, Any]:
        """What the provenance says of it."""
        told: dict[str, Any] = {}
        named = {"audio": self.audio, "emotion_from": self.emotion_from, "face_motion": self.face_motion}
        named |= {"motion": self.from_motion, "character": self.character}
        for name, file in named.items():
            if file is not None:
                told |= {name: file.name, f"{name}_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        if self.transcript:
            told["transcript"] = self.transcript
        if self.style:
            told["style"] = self.style
        return told | ({"upper": True} if self.upper else {})


def gesture_plan(model: str) -> Provenance:
    """Neutral, with a random seed, at 30 frames/s and 512 pixels."""
    plan = replace(blank_plan(model), medium="gesture", num_inference_steps=10)
    return replace(plan, fps=30.0, size=(512, 512))


def gesture_plan_like(file: Path) -> Provenance:
    """The plan of a motion to make again. Raises InputError if the file is none of ours that can be."""
    made = read_provenance(file)
    if made.medium != "gesture":
        raise InputError(f"{file} is not a gesture: its medium is {made.medium!r}")
    if made.grid is not None:
        raise InputError(f"{file} is a sheet: make one again with --sheet and its --seed")
    for name, option in (("motion", "from-motion"), ("emotion_from", "emotion-from"), ("audio", "audio")):
        if name in made.extra and name != "audio":
            raise InputError(f"{file} was made from {made.extra[name]!s:.80}: give that with --{option}")
    return replace(made, created=now(), index=0)


def targets(plan: Provenance, stage: Stage, output: Sequence[str] | None) -> list[Path]:
    """Where files go; to be asked before the long work. Raises InputError where one cannot be written."""
    from emotive.body.motion_files import WRITTEN

    kinds = (*VIDEOS, *WRITTEN, ".vrm")
    files = []
    for wanted in output or ["."]:
        if wanted == "":
            raise InputError(f"--output is empty: give a {', '.join(kinds)}, or a folder")
        if not wanted.endswith(("/", os.sep)) and not Path(wanted).is_dir():
            check_output(Path(wanted), kinds)
            files.append(Path(wanted))
            continue
        check_folder(Path(wanted))
        name = stage.style or "body"
        files.append(free_name(Path(wanted) / f"emotive-{name}-{feeling_name(plan)}-{plan.seed}.mp4"))
    if len({file.resolve() for file in files}) < len(files):
        raise InputError("two --output are the same file")
    told = {f.with_suffix(".json").resolve(): f for f in files if f.suffix.lower() in (*VIDEOS, *TOLD_BESIDE)}
    for file in files:
        if (other := told.get(file.resolve())) is not None:
            raise InputError(f"{file} is where the provenance of {other.name} goes; choose another name")
    return files


def sheet_target(output: str | None) -> Path:
    """Where a sheet goes."""
    if output is None or output.endswith(("/", os.sep)) or Path(output).is_dir():
        check_folder(Path(output or "."))
        return free_name(Path(output or ".") / "emotive-poses.png")
    check_output(Path(output), (".png",))
    return Path(output)


def perform(plan: Provenance, stage: Stage, files: Sequence[Path], device: str | None) -> Iterator[Path]:
    """Writes the files; yields their paths."""
    from emotive.body.motion_files import save_body_motion

    check_plan(plan, 3.0)
    check_numbers(plan, stage.from_motion is None)
    character = open_own(stage)  # what is wrong with it is said first
    face, told = stage.face(), stage.told()
    if stage.from_motion is not None:
        motion = _shown(stage.from_motion, plan.fps)
        speech = None if stage.audio is None else open_heard(stage.audio, stage.transcript)
        plan = replace(plan, affect=None, curve=motion.affect, fps=float(motion.fps))
    else:
        pipe, here = load_gesture_pipeline(plan.model, device)
        speech, plan = heard_or_spoken(plan, stage.audio, stage.transcript, stage.speech_model, device)
        plan = settled(plan, pipe, here)
        motion = moved(pipe, plan, speech, stage)
        if stage.emotion_from is not None:
            plan = replace(plan, affect=None, curve=motion.affect)
    plan = replace(plan, extra={**told, "seconds": round(motion.duration, 3)})
    for file in files:
        suffix = file.suffix.lower()
        if suffix in VIDEOS:
            yield write_preview(file, plan, motion, speech, stage.actor(), face, stage.upper)
            continue
        yield save_body_motion(
            motion,
            file,
            actor=stage.actor(),
            character=character,
            face=face,
            names=stage.names,
            provenance=plan.to_json(),
        )
        if suffix in TOLD_BESIDE:
            write_whole(file.with_suffix(".json"), plan.to_json().encode())


def load_gesture_pipeline(model: str, device: str | None) -> tuple[EmotiveGesturePipeline, dict[str, Any]]:
    """The pipeline in float32, and what is particular to this place, by the provenance's names."""
    import torch

    from emotive.devices import choose_device

    chosen = choose_device(device)
    from emotive.pipelines.gesture import EmotiveGesturePipeline

    with quiet_diffusers():
        pipe = EmotiveGesturePipeline.from_pretrained(model)
    return pipe, placed(pipe, chosen, torch.float32)


def moved(
    pipe: EmotiveGesturePipeline, plan: Provenance, speech: Speech, stage: Stage | None = None
) -> BodyMotion:
    """How the body of a plan moves."""
    import torch

    stage = stage or Stage()
    borrowed = None if stage.emotion_from is None else open_heard(stage.emotion_from)
    untold = not plan.affect_text and plan.curve is None and plan.affect == Affect.neutral()
    return pipe(
        speech,
        None if untold or borrowed else asked(plan),  # type: ignore[arg-type]
        emotion_from=borrowed,
        style=stage.style,
        fps=plan.fps or 30.0,
        num_inference_steps=plan.num_inference_steps,
        guidance_scale=plan.guidance_scale,
        affect_guidance_scale=plan.affect_guidance_scale,
        affect_strength=plan.affect_strength,
        generator=torch.Generator("cpu").manual_seed(plan.seed),
    ).motion  # type: ignore[union-attr]


def write_preview(
    target: Path,
    plan: Provenance,
    motion: BodyMotion,
    speech: Speech | None,
    actor: Actor | None = None,
    face: FaceMotion | None = None,
    upper: bool = False,
) -> Path:
    """Writes a video of the motion, with its sound."""
    from tqdm import tqdm

    from emotive.body.head_and_body import with_face
    from emotive.body.renderer import BodyRenderer
    from emotive.media.video import VideoWriter

    assert plan.size is not None
    if face is not None:
        motion, face = with_face(motion, face)
    frames = BodyRenderer(actor, plan.size[0], framing="upper" if upper else "full").frames(motion, face)
    sound = None if speech is None else (speech.waveform, speech.sample_rate)
    quiet = True if len(motion) < 300 else None
    with VideoWriter(target, plan.size, motion.fps, plan, sound) as writer:
        for frame in tqdm(frames, total=len(motion), unit="frame", disable=quiet, leave=False):
            writer.write(frame)
    return target


def write_sheet(stage: Stage, plan: Provenance, target: Path, device: str | None) -> Path:
    """Writes a picture of poses over the valence-arousal plane, each where its movement is largest."""
    from emotive.batch import valence_arousal_grid
    from emotive.body.pose_sheet import pose_sheet
    from emotive.body.renderer import BodyRenderer

    check_plan(plan, 3.0)
    check_numbers(plan, True)
    stage.check([])
    pipe, here = load_gesture_pipeline(plan.model, device)
    plan = replace(plan, prompt=plan.prompt if plan.prompt.strip() or stage.audio else SENTENCE)
    cells = valence_arousal_grid(5, 5)
    draw = BodyRenderer(stage.actor(), 384)
    speech, plan = heard_or_spoken(plan, stage.audio, stage.transcript, stage.speech_model, device)
    plan = settled(plan, pipe, here)
    drawn = []
    for cell in cells:
        motion = moved(pipe, replace(plan, affect=cell, affect_text="point"), speech, stage)
        at = telling_frame(motion)
        drawn.append(next(iter(draw.frames(motion.part(at, at + 1)))))
    picture = pose_sheet([drawn[5 * i : 5 * i + 5] for i in range(5)])
    plan = replace(plan, affect=None, grid=(5, 5), cells=tuple(cells), fps=None, emotive=__version__)
    return write_png(target, picture, replace(plan, size=picture.size, extra=stage.told()))


def telling_frame(motion: BodyMotion) -> int:
    """The number of the frame that shows most: a stroke that ends with the hands far from the knees."""
    from emotive.perceive.body_features import body_tracks
    from emotive.signals import JOINT

    places = motion.positions()
    hands = places[:, [JOINT["leftHand"], JOINT["rightHand"]]]
    away = np.linalg.norm(hands - places[:, [JOINT["leftLowerLeg"], JOINT["rightLowerLeg"]]], axis=-1).max(1)
    ends = [min(len(motion) - 1, round(float(t * motion.fps))) for t in body_tracks(motion).ends]
    return max(ends, key=lambda i: away[i]) if ends else len(motion) // 2


def open_own(stage: Stage) -> Any:
    """The character of one's own, if there is one."""
    if stage.character is None:
        return None
    from emotive.body.character import open_character

    return open_character(stage.character)


def _shown(file: Path, fps: float | None) -> BodyMotion:
    """A motion from a file, at `fps` if it is given."""
    from emotive.body.motion_files import load_body_motion

    motion = load_body_motion(file)
    if not len(motion):
        raise InputError(f"{file} has no frames")
    return motion if fps is None else motion.resampled(fps)
