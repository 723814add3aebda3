"""What `emotive gesture` does: a plan of the motion, what else it is made from, the pipelines, the files."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emotive import __version__
from emotive.acting import moved, write_preview
from emotive.body.stage import Stage
from emotive.errors import InputError
from emotive.media import check_folder, free_name, write_whole
from emotive.media.image import check_output, write_png
from emotive.media.provenance import Provenance, is_provenance, now, read_provenance
from emotive.plan import blank_plan, placed, quiet_diffusers, settled
from emotive.voice.recording import open_recording

from .filming import VIDEOS, check_numbers
from .heard import heard_or_spoken
from .speaking import check_plan, feeling_name

if TYPE_CHECKING:
    from emotive.pipelines.gesture import EmotiveGesturePipeline
    from emotive.signals import BodyMotion

TOLD_BESIDE = (".bvh", ".obj", ".ply")  # have no place for a provenance: it lies beside them
MADE_FROM = ("motion", "audio", "emotion_from", "face_motion", "character")  # files; names in the provenance
SENTENCE = "I never thought that it would end like this, but here we are."


def gesture_plan(model: str) -> Provenance:
    """Neutral, with a random seed, at 30 frames/s and 512 pixels."""
    plan = replace(blank_plan(model), medium="gesture", num_inference_steps=10)
    return replace(plan, fps=30.0, size=(512, 512))


def gesture_plan_like(file: Path, given: Collection[str] = ()) -> Provenance:
    """The plan of a motion to make again, from what is `given` besides, by the provenance's names.

    Raises InputError if the file is none of ours, or what it was made from is not given."""
    made = read_provenance(file)
    if made.medium != "gesture":
        raise InputError(f"{file} is not a gesture: its medium is {made.medium!r}")
    if made.grid is not None:
        raise InputError(f"{file} is a sheet: make one again with --sheet and its --seed")
    for name in MADE_FROM:
        if name in made.extra and name not in given:
            option = {"motion": "from-motion"}.get(name, name.replace("_", "-"))
            raise InputError(f"{file} was made from {made.extra[name]!s:.80}: give that with --{option}")
    return replace(made, created=now(), index=0)


def gesture_plan_shown(file: Path) -> Provenance:
    """The plan of showing a motion from a file: what the file says of itself, if it is one of ours."""
    try:
        made = read_provenance(file)
    except InputError:  # anyone's motion; whether it can be read at all is said when it is opened
        made = None
    if made is None or made.medium != "gesture" or made.grid is not None:
        return replace(gesture_plan(""), seed=0, emotive=__version__)
    return replace(made, created=now(), index=0, fps=30.0, size=made.size or (512, 512))


def targets(plan: Provenance, stage: Stage, output: Sequence[str] | None) -> list[Path]:
    """Where files go; to be asked before the long work. Raises InputError where one cannot be written."""
    from emotive.body.motion_files import WRITTEN

    kinds = (*VIDEOS, *WRITTEN, ".vrm")
    files = []
    for wanted in output or ["."]:
        if wanted == "":
            raise InputError(f"--output is empty: give a {', '.join(kinds)}, or a folder")
        if not _is_folder(wanted):
            _check_target(Path(wanted), kinds)
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


def _is_folder(output: str) -> bool:
    """Whether a folder is meant. Raises InputError for a name that is too long."""
    try:
        return output.endswith(("/", os.sep)) or Path(output).is_dir()
    except OSError as error:
        raise InputError(f"cannot write {output[:120]}: {error.strerror}") from error


def _check_target(file: Path, kinds: Sequence[str]) -> None:
    """Raises InputError unless `file` can be written, and what lies beside it with it."""
    suffix = file.suffix.lower()
    if suffix in (*VIDEOS, *TOLD_BESIDE) or suffix not in kinds:
        check_output(file, kinds)
        return
    check_folder(file.parent)
    if suffix == ".json" and file.exists() and not (is_provenance(file) or _is_motion(file)):
        raise InputError(f"{file} is not Emotive's and would be overwritten; choose another name")


def _is_motion(file: Path) -> bool:
    """Whether a .json begins as a motion of ours does."""
    try:
        with file.open("rb") as opened:
            return b'"emotive-body-motion"' in opened.read(64)
    except OSError:
        return False


def sheet_target(output: str | None) -> Path:
    """Where a sheet goes."""
    if output is None or _is_folder(output):
        check_folder(Path(output or "."))
        return free_name(Path(output or ".") / "emotive-poses.png")
    check_output(Path(output), (".png",))
    return Path(output)


def perform(plan: Provenance, stage: Stage, files: Sequence[Path], device: str | None) -> Iterator[Path]:
    """Writes the files; yields their paths."""
    from emotive.body.motion_files import save_body_motion

    check_plan(plan, 3.0)
    check_numbers(plan, stage.from_motion is None)
    if any(file.suffix.lower() in VIDEOS for file in files):
        _check_size(plan)
    character = open_own(stage)  # what is wrong with it is said first
    face, told = stage.face(), stage.told()
    if stage.from_motion is not None:
        motion = _shown(stage.from_motion, plan.fps)
        speech = None if stage.audio is None else open_recording(stage.audio, stage.transcript)
        plan = replace(plan, fps=float(motion.fps))
        if not plan.model:  # nothing is known but the motion
            plan = replace(plan, affect=None, curve=motion.affect)
    else:
        pipe, here = load_gesture_pipeline(plan.model, device)
        speech, plan = heard_or_spoken(plan, stage.audio, stage.transcript, stage.speech_model, device)
        plan = settled(plan, pipe, here)
        try:
            motion = moved(pipe, plan, speech, stage)
        except InputError as error:
            if stage.emotion_from is None or stage.emotion_from.name in str(error):
                raise
            raise InputError(f"{stage.emotion_from}: {error}") from error
        if stage.emotion_from is not None:  # what is shown is strengthened already
            plan = replace(plan, affect=None, curve=motion.affect, affect_strength=1.0)
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
        motion = moved(pipe, replace(plan, affect=cell, affect_text="point", curve=None), speech, stage)
        at = telling_frame(motion)
        drawn.append(next(iter(draw.frames(motion.part(at, at + 1)))))
    picture = pose_sheet([drawn[5 * i : 5 * i + 5] for i in range(5)])
    plan = replace(plan, affect=None, affect_text="", affect_scale=None, curve=None, fps=None)
    plan = replace(plan, grid=(5, 5), cells=tuple(cells), emotive=__version__)
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


def _check_size(plan: Provenance) -> None:
    """Raises InputError for a video smaller than its renderer draws."""
    from emotive.body.renderer import SIZES

    if plan.size is not None and plan.size[0] < SIZES[0]:
        raise InputError(
            f"--size {plan.size[0]} is out of range: an even number from {SIZES[0]} to {SIZES[1]}"
        )


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
