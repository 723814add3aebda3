"""What `emotive head` does: a plan of the video and what else it is shot from, the pipelines, the files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotive import __version__
from emotive.affect import Affect
from emotive.errors import InputError
from emotive.face.controls import FaceControls
from emotive.face.shot import Shot
from emotive.media import check_folder, free_name, slug
from emotive.media.image import check_output, write_png
from emotive.media.provenance import Provenance, now, read_provenance
from emotive.plan import blank_plan, placed, quiet_diffusers, settled
from emotive.voice.recording import open_recording

from .heard import heard_or_spoken
from .speaking import asked, check_plan, feeling_name

if TYPE_CHECKING:
    from emotive.face.portrait import Portrait
    from emotive.pipelines.talking_head import EmotiveTalkingHeadPipeline
    from emotive.signals import FaceMotion, Speech

VIDEOS = (".mp4", ".webm", ".gif")
LEAST_FPS, MOST_FPS = 10, 120
LEAST_SIZE, MOST_SIZE = 64, 2048


def head_plan(model: str) -> Provenance:
    """Neutral, with a random seed, at 30 frames/s and 512 pixels."""
    plan = replace(blank_plan(model), medium="head", num_inference_steps=8)
    return replace(plan, fps=30.0, size=(512, 512))


def head_plan_like(file: Path) -> Provenance:
    """The plan of a video to make again. Raises InputError if the file is no video of ours that can be."""
    made = read_provenance(file)
    if made.medium != "head":
        raise InputError(f"{file} is not a talking head: its medium is {made.medium!r}")
    if "motion" in made.extra:
        raise InputError(f"{file} shows a motion from a file: give that again with --from-motion")
    if made.affect is None and made.curve is None:
        raise InputError(f"{file}: the provenance has neither an affect nor a curve")
    return replace(made, created=now(), index=0)


def head_target(plan: Provenance, shot: Shot, output: str | None) -> Path:
    """Where a video goes; to be asked before the long work. Raises InputError as `speaking.output_path`."""
    return _target(output, VIDEOS, f"emotive-{_who(shot)}-{feeling_name(plan)}-{plan.seed}.mp4")


def sheet_target(shot: Shot, output: str | None) -> Path:
    """Where a sheet goes."""
    return _target(output, (".png",), f"emotive-{_who(shot)}-expressions.png")


def film(
    plan: Provenance, shot: Shot, target: Path | None, motion_file: Path | None, device: str | None
) -> Iterator[Path]:
    """Writes the video, the motion, or both; yields their paths."""
    from emotive.face.motion_files import save_motion

    check_plan(plan, 3.0)
    check_numbers(plan, shot.from_motion is None)
    portrait = None if target is None else open_shot(shot)  # what is wrong with it is said first
    controls, made_of = shot.controls, shot.told()
    if shot.from_motion is not None:
        motion = _shown(shot.from_motion, plan.fps)
        speech = None if shot.audio is None else open_recording(shot.audio, shot.transcript)
        plan = replace(plan, affect=None, curve=motion.affect, fps=float(motion.fps))
    else:
        pipe, here = load_head_pipeline(plan.model, device)
        speech, plan = heard_or_spoken(plan, shot.audio, shot.transcript, shot.speech_model, device)
        plan = settled(plan, pipe, here)
        motion = moved(pipe, plan, speech, controls)
    plan = replace(plan, extra={**made_of, "seconds": round(motion.duration, 3)})
    if target is not None:
        assert portrait is not None
        yield _filmed(target, plan, shot, portrait, motion, speech)
    if motion_file is not None:
        yield save_motion(motion, motion_file, plan.to_json())


def film_sheet(shot: Shot, plan: Provenance, target: Path) -> Path:
    """Writes the sheet of a portrait's expressions."""
    from emotive.batch import valence_arousal_grid
    from emotive.face.sheet import close_up, expression_sheet

    portrait = open_shot(shot)
    show, side = close_up(portrait, badged=shot.badge and not portrait.bundled)
    cells = valence_arousal_grid(5, 5)
    drawn = expression_sheet(show, cells, 5)
    plan = replace(plan, affect=None, grid=(5, 5), cells=tuple(cells), fps=None, emotive=__version__)
    made = replace(plan, model="emotive.face.expressions", size=(side, side), extra=shot.told())
    return write_png(target, drawn, made)


def open_shot(shot: Shot) -> Portrait:
    """The portrait of a shot."""
    from emotive.face.opening import open_portrait

    assert shot.portrait is not None
    options = {} if shot.detector is None else {"detector": shot.detector}
    return open_portrait(shot.portrait, shot.landmarks, **options)


def load_head_pipeline(model: str, device: str | None) -> tuple[EmotiveTalkingHeadPipeline, dict[str, Any]]:
    """The pipeline in float32, and what is particular to this place, by the provenance's names."""
    import torch

    from emotive.devices import choose_device

    chosen = choose_device(device)
    from emotive.pipelines.talking_head import EmotiveTalkingHeadPipeline

    with quiet_diffusers():
        pipe = EmotiveTalkingHeadPipeline.from_pretrained(model)
    return pipe, placed(pipe, chosen, torch.float32)


def moved(
    pipe: EmotiveTalkingHeadPipeline, plan: Provenance, speech: Speech, controls: FaceControls | None = None
) -> FaceMotion:
    """How the face of a plan moves."""
    import torch

    untold = not plan.affect_text and plan.curve is None and plan.affect == Affect.neutral()
    return pipe.motion(
        speech,
        None if untold else asked(plan),  # type: ignore[arg-type]
        fps=plan.fps or 30.0,
        num_inference_steps=plan.num_inference_steps,
        guidance_scale=plan.guidance_scale,
        affect_guidance_scale=plan.affect_guidance_scale,
        affect_strength=plan.affect_strength,
        controls=controls,
        generator=torch.Generator("cpu").manual_seed(plan.seed),
    )


def _filmed(
    target: Path,
    plan: Provenance,
    shot: Shot,
    portrait: Portrait,
    motion: FaceMotion,
    speech: Speech | None,
) -> Path:
    from tqdm import tqdm

    from emotive.media.video import VideoWriter
    from emotive.pipelines.animation import animate

    assert plan.size is not None
    said, distance = (shot.consent, shot.not_a_person), shot.controls.distance
    frames = animate(portrait, motion, plan.size[0], *said, distance)
    sound = None if speech is None else (speech.waveform, speech.sample_rate)
    quiet = True if len(motion) < 300 else None
    with VideoWriter(target, plan.size, motion.fps, plan, sound) as writer:
        for frame in tqdm(frames, total=len(motion), unit="frame", disable=quiet, leave=False):
            writer.write(frame)
    return target


def _shown(file: Path, fps: float | None) -> FaceMotion:
    """A motion from a file, at `fps` if it is given; a .csv too short to tell its own has it."""
    from emotive.face.motion_files import load_motion

    try:
        motion = load_motion(file)
    except InputError:
        if fps is None or file.suffix.lower() != ".csv":
            raise
        motion = load_motion(file, fps)
    if not len(motion):
        raise InputError(f"{file} has no frames")
    return motion if fps is None else motion.resampled(fps)


def _target(output: str | None, suffixes: tuple[str, ...], name: str) -> Path:
    if output == "":
        raise InputError(f"--output is empty: give a {' or '.join(suffixes)}, or a folder")
    if output is not None and not output.endswith(("/", os.sep)) and not Path(output).is_dir():
        check_output(Path(output), suffixes)
        return Path(output)
    folder = Path(output or ".")
    check_folder(folder)
    return free_name(folder / name)


def check_numbers(plan: Provenance, needs_rate: bool) -> None:
    """Raises InputError where rate or size are out of range; `needs_rate`: where no rate will do either."""
    if (needs_rate or plan.fps is not None) and not LEAST_FPS <= (plan.fps or 0) <= MOST_FPS:
        raise InputError(f"--fps {plan.fps or 0:g} is out of range: use {LEAST_FPS} to {MOST_FPS}")
    side = plan.size[0] if plan.size else 0
    if not LEAST_SIZE <= side <= MOST_SIZE or side % 2:
        raise InputError(f"--size {side} is out of range: an even number from {LEAST_SIZE} to {MOST_SIZE}")


def _who(shot: Shot) -> str:
    return slug(Path(shot.portrait or "").stem) or "portrait"
