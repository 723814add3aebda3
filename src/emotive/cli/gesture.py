"""`emotive gesture`: a body that speaks with a feeling, as video and in the formats that animators use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from emotive.errors import InputError

from .common import Device, app, option, say

GESTURE_MODEL = "emotive-gesture-1"


@app.command()
def gesture(
    audio: Annotated[Path | None, option(
        "What is heard: .wav, .flac, .ogg, .mp3, or speech saved as .npz.")] = None,
    text: Annotated[str | None, option("What to say, in English, in a voice of our own.")] = None,
    transcript: Annotated[str | None, option(
        "The words in --audio, in English: hands then follow their meaning, and the beat more closely."
    )] = None,
    affect: Annotated[str | None, option(
        "valence,arousal[,dominance] in -1..1, a name, or a mixture: joy:0.7+fear:0.3. [neutral]")] = None,
    scale: Annotated[str | None, option("Range of the numbers in --affect: 1..9, -3..3. [-1..1]")] = None,
    affect_strength: Annotated[float | None, option("How much of it; 0 is neutral. [1.0]")] = None,
    curve: Annotated[Path | None, option(
        "Affect over time: .csv of time,valence,arousal[,dominance] in s and -1..1, or .json.")] = None,
    emotion_from: Annotated[Path | None, option(
        "Another recording, whose feeling over time, as our judge hears it, is shown instead.")] = None,
    style: Annotated[str | None, option(
        "Who moves, with habits and looks: one of the actors that emotive info lists. [drawn by the seed]"
    )] = None,
    voice: Annotated[str | None, option("Who speaks --text. [the model's first]")] = None,
    character: Annotated[Path | None, option(
        "Your own humanoid, .vrm or .glb: --output .glb or .vrm is a copy of it that moves.")] = None,
    face_motion: Annotated[Path | None, option(
        "The motion of a face, as emotive head --motion writes it: the head of the body wears it.")] = None,
    names: Annotated[str | None, option("Of the joints in .bvh and .glb: vrm or mixamo. [vrm]")] = None,
    fps: Annotated[float | None, option("Frames per second, 10 to 120. [30]")] = None,
    size: Annotated[int | None, option("Side of the video in pixels, 96 to 2048. [512]")] = None,
    upper: Annotated[bool, option("The video shows the upper body only.", "--upper")] = False,
    from_motion: Annotated[Path | None, option(
        "Write this motion instead, .npz, .json or .bvh; --audio is its sound.")] = None,
    sheet: Annotated[bool, option(
        "A picture of poses over the valence-arousal plane instead.", "--sheet")] = False,
    steps: Annotated[int | None, option("Sampling steps, 1 to 1000. [10]")] = None,
    guidance_scale: Annotated[float | None, option("Pull of the speech. [the model's own]")] = None,
    affect_guidance_scale: Annotated[float | None, option("Pull of the affect. [the model's own]")] = None,
    seed: Annotated[int | None, option("Same seed, same motion. [random]")] = None,
    like: Annotated[Path | None, option("Remake this file; other options change what they name.")] = None,
    model: Annotated[str | None, option(f"Name, folder or hub id. [{GESTURE_MODEL}]")] = None,
    speech_model: Annotated[str | None, option(
        "What speaks --text: name, folder or hub id. [emotive-speech-1]")] = None,
    device: Device = None,
    output: Annotated[list[str] | None, option(
        "A video (.mp4, .webm, .gif), motion (.glb, .vrma, .bvh, .npz, .json) or a mesh of the first frame "
        "(.obj, .ply), overwritten if it exists; several at once; or a folder, for a video named after what "
        "it shows. [the current folder]", "--output", "-o")] = None,
) -> None:  # fmt: skip
    """Make a body speak with a feeling; the paths of the files are printed."""
    from emotive.body.stage import Stage
    from emotive.plan import with_feeling

    from . import moving

    files = {"motion": from_motion, "audio": audio or text, "emotion_from": emotion_from}
    files |= {"face_motion": face_motion, "character": character}
    if like is not None:
        plan = moving.gesture_plan_like(like, [name for name, file in files.items() if file is not None])
        if audio is not None and transcript is None and isinstance(plan.extra.get("transcript"), str):
            transcript = plan.extra["transcript"]
    elif from_motion is not None:
        plan = moving.gesture_plan_shown(from_motion)
    else:
        plan = moving.gesture_plan(GESTURE_MODEL)
    stage = Stage.of(plan)
    if text is not None and audio is not None:
        raise InputError("give --text or --audio, not both; the words of a recording are its --transcript")
    if audio is not None and (voice is not None or speech_model is not None):
        raise InputError("--voice is who speaks --text, --speech-model with what; --audio has its own voice")
    if transcript is not None and audio is None:
        raise InputError("--transcript says what is heard in --audio, and there is none")
    if emotion_from is not None and (affect is not None or curve is not None):
        raise InputError("--emotion-from brings an affect: it goes with neither --affect nor --curve")
    said = {"audio": audio, "transcript": transcript, "emotion_from": emotion_from, "style": style}
    said |= {"character": character, "face_motion": face_motion, "names": names, "from_motion": from_motion}
    said |= {"speech_model": speech_model, "upper": upper or None}
    stage = replace(stage, **{key: value for key, value in said.items() if value is not None})
    if audio is not None:
        plan = replace(plan, prompt="", voice="")
    given: dict[str, Any] = {
        "prompt": text,
        "affect_strength": affect_strength,
        "num_inference_steps": steps,
        "guidance_scale": guidance_scale,
        "affect_guidance_scale": affect_guidance_scale,
        "voice": voice,
        "seed": seed,
        "model": model,
    }
    plan = replace(plan, **{key: value for key, value in given.items() if value is not None})
    kept = plan.fps, plan.size
    plan = with_feeling(replace(plan, fps=None), affect, scale, None, curve)
    if from_motion is not None:
        kept = None, kept[1]  # the motion has its own rate
    plan = replace(plan, fps=kept[0] if fps is None else fps, size=kept[1] if size is None else (size, size))
    if sheet:
        shown = {"--from-motion": from_motion, "--affect": affect, "--curve": curve, "--size": size}
        shown |= {"--emotion-from": emotion_from, "--upper": upper or None, "--fps": fps, "--names": names}
        for name, value in (shown | {"--face-motion": face_motion, "--character": character}).items():
            if value is not None:
                raise InputError(f"--sheet shows bodies over the whole plane; {name} does not go with it")
        if output is not None and len(output) > 1:
            raise InputError("--sheet is one picture: give one --output, a .png or a folder")
        print(moving.write_sheet(stage, plan, moving.sheet_target(output[0] if output else None), device))
        return
    if not plan.prompt.strip() and stage.audio is None and from_motion is None:
        raise InputError('give --text "what to say", --audio FILE, or --from-motion FILE')
    chosen: tuple[Any, ...] = (affect, curve, emotion_from, affect_strength, text, voice, speech_model)
    chosen += (transcript, steps, guidance_scale, affect_guidance_scale, seed, model)
    if from_motion is not None and any(value is not None for value in chosen):
        raise InputError(
            "--from-motion writes a motion as it is: affect, text and sampling were chosen before"
        )
    written = moving.targets(plan, stage, output)
    stage.check(written)
    for path in moving.perform(plan, stage, written, device):
        print(path, flush=True)
    if like is None and seed is None and from_motion is None:
        say(f"note: seed {plan.seed}")
