"""`emotive film`: a scene along a curve of affect, or along a piece of music, with its sound."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotive.errors import InputError

from .common import IMAGE_MODEL, Device, app, option, say

if TYPE_CHECKING:
    import numpy as np

    from emotive.media.provenance import Provenance

VIDEOS = (".mp4", ".webm", ".gif")
SOUND = "audio"  # what a film says of its sound: this, and its sha256


@app.command()
def film(
    prompt: Annotated[str | None, typer.Argument(help='The scene; "" is a mood alone.')] = None,
    scene: Annotated[list[str] | None, option(
        "Another scene from so many seconds on, SECONDS:PROMPT; may be given again.")] = None,
    curve: Annotated[Path | None, option(
        "Affect over time: .csv of time,valence,arousal[,dominance] in s and -1..1, or .json.")] = None,
    music: Annotated[Path | None, option(
        "Affect as this piece expresses it, by published relations; it is the sound of the film.")] = None,
    affect: Annotated[str | None, option(
        "One affect throughout: valence,arousal[,dominance], a name or a mixture; with --seconds.")] = None,
    audio: Annotated[Path | None, option("The sound of the film: .wav, .flac, .ogg, .mp3.")] = None,
    seconds: Annotated[float | None, option("How long. [the sound, or the curve]")] = None,
    fps: Annotated[float | None, option("Frames per second, 1 to 240. [30]")] = None,
    size: Annotated[int | None, option("Side of the picture in pixels, 64 to 2048. [512]")] = None,
    affect_strength: Annotated[float | None, option("How much of the affect; 0 is neutral. [1.0]")] = None,
    drift: Annotated[float | None, option(
        "How fast the noise drifts, 0 to 10: it changes what the words leave open. [0]")] = None,
    softness: Annotated[float | None, option("Smoothing over time, in seconds, 0 to 1. [0.1]")] = None,
    texture: Annotated[float | None, option("Surface texture; 0 is none. [1.0]")] = None,
    steps: Annotated[int | None, option("Sampling steps: 1, 2, 4 or 8. [4]")] = None,
    guidance_scale: Annotated[float | None, option("Pull of the prompt. [the model's own]")] = None,
    affect_guidance_scale: Annotated[float | None, option("Pull of the affect. [the model's own]")] = None,
    seed: Annotated[int | None, option("Same seed, same film. [random]")] = None,
    like: Annotated[Path | None, option("Remake this film; other options change what they name.")] = None,
    model: Annotated[str | None, option(f"Name, folder or hub id. [{IMAGE_MODEL}]")] = None,
    device: Device = None,
    dtype: Annotated[str | None, option("fp32, bf16, fp16. [bf16 where it is fast]")] = None,
    output: Annotated[str | None, option(
        "A .mp4, .webm or .gif, overwritten if it exists; or a folder, for a file named after what it shows, "
        "which never overwrites. [the current folder]", "--output", "-o")] = None,
) -> None:  # fmt: skip
    """Film a scene along a curve of affect or a piece of music; the path of the file is printed."""
    from emotive.plan import blank_plan, differences, load_pipeline, settled, with_feeling

    if sum(given is not None for given in (curve, music, affect)) > 1:
        raise InputError("--curve, --music and --affect exclude each other")
    if music is not None and audio is not None:
        raise InputError("--music is the sound of the film already: leave out --audio, or give a --curve")
    made = None if like is None else _plan_like(like)
    if made is None and curve is None and music is None and affect is None:
        raise InputError("say how the film feels: --curve FILE.csv, --music FILE, or --affect and --seconds")
    plan = made or replace(blank_plan(IMAGE_MODEL), medium="film", fps=30.0, size=(512, 512))
    asked: dict[str, Any] = {
        "prompt": prompt,
        "affect_strength": affect_strength,
        "num_inference_steps": steps,
        "guidance_scale": guidance_scale,
        "affect_guidance_scale": affect_guidance_scale,
        "texture": texture,
        "seed": seed,
        "model": model,
        "fps": fps,
        "size": None if size is None else (size, size),
    }
    plan = replace(plan, **{key: value for key, value in asked.items() if value is not None})
    rate = plan.fps
    plan = replace(with_feeling(replace(plan, fps=None), affect, None, None, curve), fps=rate)
    how: dict[str, Any] = {"drift": drift, "softness": softness, "seconds": seconds}
    how["scenes"] = _scenes(scene) if scene else None
    plan = replace(plan, extra={**plan.extra, **{k: v for k, v in how.items() if v is not None}})
    other_sound = audio is not None and SOUND not in plan.extra
    if seconds is None and (curve is not None or music is not None or other_sound):
        plan = replace(plan, extra={k: v for k, v in plan.extra.items() if k != "seconds"})
    target = _target(plan, output)
    sound = None
    if (source := music or audio) is not None:
        if target.suffix.lower() == ".gif" and audio is not None:
            raise InputError("a .gif has no sound: leave out --audio, or write a .mp4 or .webm")
        plan, sound = _with_sound(plan, source, heard=music is not None)
    elif SOUND in plan.extra and (target.suffix.lower() == ".gif" or curve is not None or affect is not None):
        said = plan.extra[SOUND]
        plan = replace(plan, extra={k: v for k, v in plan.extra.items() if not k.startswith(SOUND)})
        say(f"note: without the sound of {like}, {said!s:.80}; --audio adds it")
    elif SOUND in plan.extra:
        raise InputError(f"{like} was made with {plan.extra[SOUND]!s:.80}: give that with --audio")
    plan = _checked(plan)
    pipe, here = load_pipeline(plan.model, device, dtype)
    for difference in differences(made, here) if made is not None else ():
        say(f"note: {difference}; the film may come out different")
    print(_filmed(target, settled(plan, pipe, here), pipe, sound), flush=True)
    if made is None and seed is None:
        say(f"note: seed {plan.seed}")


def _plan_like(file: Path) -> Provenance:
    """The plan of a film to make again. Raises InputError if the file is none of ours."""
    from emotive.media.provenance import now, read_provenance

    made = read_provenance(file)
    if made.medium != "film":
        raise InputError(f"{file} is not a film: its medium is {made.medium!r}")
    if made.curve is None and made.affect is None:
        raise InputError(f"{file}: the provenance has neither an affect nor a curve")
    return replace(made, created=now(), index=0)


def _scenes(given: Sequence[str]) -> list[list[Any]]:
    """ "12:a boat at sea" -> [12.0, "a boat at sea"], in order of time."""
    scenes = []
    for text in given:
        at, colon, prompt = text.partition(":")
        try:
            start = float(at)
        except ValueError:
            colon, start = "", 0.0
        if not colon or not prompt.strip():
            raise InputError(f'--scene {text[:40]!r} is not SECONDS:PROMPT, such as "12:a boat at sea"')
        scenes.append([start, prompt.strip()])
    return sorted(scenes, key=lambda scene: scene[0])


def _told(plan: Provenance) -> list[tuple[float, str]]:
    """The scenes of a plan: its prompt from 0 s on, then the others. One at 0 s stands in for the prompt."""
    try:
        later = [(float(start), str(prompt)) for start, prompt in plan.extra.get("scenes", ())]
    except (TypeError, ValueError) as error:
        raise InputError("the scenes in the provenance are damaged") from error
    if later and later[0][0] == 0:
        return later
    return [(0.0, plan.prompt), *later]


def _target(plan: Provenance, output: str | None) -> Path:
    """Where the film goes; asked before the long work."""
    from emotive.media import check_folder, free_name, slug
    from emotive.media.image import check_output

    if output == "":
        raise InputError("--output is empty: give a .mp4, .webm or .gif, or a folder")
    if output is not None and not output.endswith(("/", os.sep)) and not Path(output).is_dir():
        check_output(Path(output), VIDEOS)
        return Path(output)
    folder = Path(output or ".")
    check_folder(folder)
    return free_name(folder / f"emotive-{slug(_told(plan)[0][1]) or 'film'}-{plan.seed}.mp4")


def _with_sound(plan: Provenance, source: Path, heard: bool) -> tuple[Provenance, tuple[np.ndarray, int]]:
    """The plan with this sound, and with the affect that is `heard` in it; and the waveform with its rate."""
    import hashlib

    from emotive.media.audio import read_audio

    waveform, rate = read_audio(source)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    before = plan.extra.get(f"{SOUND}_sha256")
    if before not in (None, digest) and not heard:
        say(f"note: {source} is another sound than {plan.extra.get(SOUND)!s:.80} was")
    extra = {**plan.extra, SOUND: source.name, f"{SOUND}_sha256": digest}
    if heard:
        from emotive.perceive.music import MusicReader

        reader = MusicReader()
        try:
            curve = reader.curve((waveform, rate)).to_curve()
        except InputError as error:
            raise InputError(f"{source}: {error}") from error
        extra |= {"affect_from": f"{reader.name}, {reader.fingerprint()[:12]}"}
        plan = replace(plan, affect=None, affect_text="", affect_scale=None, curve=curve)
    extra.setdefault("seconds", round(len(waveform) / rate, 6))
    samples = round(float(extra["seconds"]) * rate)
    return replace(plan, extra=extra), (waveform[: max(samples, 1)], rate)


def _checked(plan: Provenance) -> Provenance:
    """The plan with its length. Raises InputError for what is out of range, before anything is loaded."""
    from emotive.pipelines.film import Scene, check_film

    from .speaking import check_plan

    check_plan(plan, 10.0)
    extra = dict(plan.extra)
    if "seconds" not in extra:
        if plan.curve is None:
            raise InputError("--affect holds for as long as you say: give --seconds")
        extra["seconds"] = plan.curve.duration
    scenes = [Scene(*scene) for scene in _told(plan)]
    try:
        "".join(scene.prompt for scene in scenes).encode()
    except UnicodeEncodeError:
        raise InputError("the prompt is not text in the encoding of this terminal") from None
    try:
        numbers = [float(extra.get(name, value)) for name, value in (("drift", 0.0), ("softness", 0.1))]
        length = float(extra["seconds"])
    except (TypeError, ValueError) as error:
        raise InputError("the provenance is damaged: seconds, drift and softness are numbers") from error
    check_film(scenes, plan.fps or 30.0, length, plan.size[0] if plan.size else 512, *numbers)
    if len(scenes) > 1 and scenes[-1].start >= length:
        raise InputError(
            f"the scene {scenes[-1].prompt[:40]!r} begins when the film is over, at {length:g} s"
        )
    return replace(plan, prompt=scenes[0].prompt, extra=extra)


def _filmed(target: Path, plan: Provenance, pipe: Any, sound: tuple[np.ndarray, int] | None) -> Path:
    import torch
    from tqdm import tqdm

    from emotive.affect import Affect
    from emotive.media.video import VideoWriter
    from emotive.pipelines.film import film_frames

    assert plan.size is not None and plan.fps is not None
    seconds = float(plan.extra["seconds"])
    frames = film_frames(
        pipe,
        _told(plan),
        plan.curve or plan.affect or Affect.neutral(),
        fps=plan.fps,
        seconds=seconds,
        num_inference_steps=plan.num_inference_steps,
        guidance_scale=plan.guidance_scale,
        affect_guidance_scale=plan.affect_guidance_scale,
        affect_strength=plan.affect_strength,
        drift=float(plan.extra.get("drift", 0.0)),
        softness=float(plan.extra.get("softness", 0.1)),
        texture=plan.texture,
        size=plan.size[0],
        generator=torch.Generator("cpu").manual_seed(plan.seed),
    )
    total = max(1, round(seconds * plan.fps))
    with VideoWriter(target, plan.size, plan.fps, plan, sound) as writer:
        for frame in tqdm(frames, total=total, unit="frame", disable=None, leave=False):
            writer.write(frame)
    return target
