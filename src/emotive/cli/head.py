"""`emotive head`: a portrait that speaks with a feeling."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from emotive.errors import InputError

from .common import Device, app, option, say

HEAD_MODEL = "emotive-head-1"


@app.command()
def head(
    portrait: Annotated[str | None, typer.Argument(
        help="Who speaks: a bundled name (emotive info lists them), or a photograph.")] = None,
    audio: Annotated[Path | None, option(
        "What is heard: .wav, .flac, .ogg, .mp3, or speech saved as .npz.")] = None,
    text: Annotated[str | None, option("What to say, in English, in a voice of our own.")] = None,
    transcript: Annotated[str | None, option(
        "The words in --audio, in English: they make the lips more exact.")] = None,
    affect: Annotated[str | None, option(
        "valence,arousal[,dominance] in -1..1, a name, or a mixture: joy:0.7+fear:0.3. [neutral]")] = None,
    scale: Annotated[str | None, option("Range of the numbers in --affect: 1..9, -3..3. [-1..1]")] = None,
    affect_strength: Annotated[float | None, option("How much of it; 0 is neutral. [1.0]")] = None,
    curve: Annotated[Path | None, option(
        "Affect over time: .csv of time,valence,arousal[,dominance] in s and -1..1, or .json.")] = None,
    voice: Annotated[str | None, option("Who speaks --text. [the model's first]")] = None,
    fps: Annotated[float | None, option("Frames per second, 10 to 120. [30]")] = None,
    size: Annotated[int | None, option("Side of the picture in pixels, 64 to 2048. [512]")] = None,
    still: Annotated[bool, option("A still head, which blinks still.", "--still")] = False,
    lips_only: Annotated[bool, option("Nothing but the mouth moves.", "--lips-only")] = False,
    gaze: Annotated[str | None, option(
        "Where the eyes look, X,Y in degrees: to the person's left, up.")] = None,
    distance: Annotated[float | None, option("From the camera, 0.3 (twice as near) to 0.6 m. [0.6]")] = None,
    head_motion: Annotated[float | None, option("How much the head moves, 0 to 3. [1.0]")] = None,
    blink: Annotated[float | None, option("How often it blinks, 0 to 4. [1.0]")] = None,
    mouth: Annotated[float | None, option("How far lips and jaw move, 0 to 2. [1.0]")] = None,
    motion: Annotated[Path | None, option(
        "Also write the motion, to edit or to use elsewhere: .npz, .json, .csv (Live Link Face), .glb; "
        "without --output the motion alone.")] = None,
    from_motion: Annotated[Path | None, option(
        "Show this motion, .npz, .json or .csv; --audio is its sound.")] = None,
    sheet: Annotated[bool, option(
        "A picture of its expressions instead: over the plane, and by name.", "--sheet")] = False,
    landmarks: Annotated[Path | None, option(
        "68, 468 or 478 points of the photograph: .json, .csv, .npy, .pts. [found by a network]")] = None,
    detector: Annotated[str | None, option(
        "What finds them: mediapipe, or face-alignment if it is installed. [mediapipe]")] = None,
    consent: Annotated[str | None, option(
        "Who in the photograph agreed to this, and how; it is written into the file.")] = None,
    not_a_person: Annotated[bool, option(
        "The picture shows nobody who exists.", "--not-a-person")] = False,
    steps: Annotated[int | None, option("Sampling steps, 1 to 1000. [8]")] = None,
    guidance_scale: Annotated[float | None, option("Pull of the sound. [the model's own]")] = None,
    affect_guidance_scale: Annotated[float | None, option("Pull of the affect. [the model's own]")] = None,
    seed: Annotated[int | None, option("Same seed, same motion. [random]")] = None,
    like: Annotated[Path | None, option("Remake this file; other options change what they name.")] = None,
    model: Annotated[str | None, option(f"Name, folder or hub id. [{HEAD_MODEL}]")] = None,
    speech_model: Annotated[str | None, option(
        "What speaks --text: name, folder or hub id. [emotive-speech-1]")] = None,
    device: Device = None,
    output: Annotated[str | None, option(
        "A .mp4, .webm or .gif (--sheet: .png), overwritten if it exists; or a folder, for a file named "
        "after what it shows, which never overwrites. [the current folder]", "--output", "-o")] = None,
) -> None:  # fmt: skip
    """Make a portrait speak with a feeling; the paths of the files are printed."""
    from emotive.plan import with_feeling

    from .filming import Shot, film, film_sheet, head_plan, head_plan_like, head_target, sheet_target

    plan = head_plan(HEAD_MODEL) if like is None else head_plan_like(like)
    shot = Shot.of(plan) if like is not None else Shot()
    if text is not None and audio is not None:
        raise InputError("give --text or --audio, not both; the words of a recording are its --transcript")
    if audio is not None and (voice is not None or speech_model is not None):
        raise InputError("--voice is who speaks --text, --speech-model with what; --audio has its own voice")
    if transcript is not None and audio is None:
        raise InputError("--transcript says what is heard in --audio, and there is none")
    if not_a_person and consent is not None:
        raise InputError("--consent is a person's, and --not-a-person says that there is none")
    if consent is not None and not consent.strip():
        raise InputError("--consent is empty: say who agreed, and how")
    said = {"portrait": portrait, "audio": audio, "transcript": transcript, "landmarks": landmarks}
    said |= {"detector": detector, "consent": consent, "from_motion": from_motion}
    said |= {"speech_model": speech_model}
    shot = replace(shot, **{key: value for key, value in said.items() if value is not None})
    shot = replace(shot, not_a_person=not_a_person or shot.not_a_person)
    if audio is not None and text is None:
        plan = replace(plan, prompt="", voice="")
    moves = {"still": still or None, "lips_only": lips_only or None, "gaze": _gaze(gaze)}
    moves |= {"distance": distance, "head_motion": head_motion, "blink": blink, "mouth": mouth}
    if still and head_motion is not None:
        raise InputError("--still is --head-motion 0: give one of them")
    shot = shot.moved({key: value for key, value in moves.items() if value is not None})
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
    if shot.portrait is None:
        raise InputError("say who speaks: a bundled portrait (emotive info lists them), or a photograph")
    if sheet:
        for name, value in (("--text", text), ("--audio", audio), ("--from-motion", from_motion)):
            if value is not None:
                raise InputError(f"--sheet shows expressions in silence; {name} does not go with it")
        print(film_sheet(shot, plan, sheet_target(shot, output)))
        return
    if not plan.prompt.strip() and shot.audio is None and shot.from_motion is None:
        raise InputError('give --text "what to say", --audio FILE, or --from-motion FILE')
    chosen = (affect, curve, text, steps, guidance_scale, affect_guidance_scale)
    if from_motion is not None and any(value is not None for value in chosen):
        raise InputError(
            "--from-motion shows a motion as it is: affect, text and sampling were chosen before"
        )
    turned = still or lips_only or any(value is not None for value in (gaze, head_motion, blink, mouth))
    if from_motion is not None and turned:
        raise InputError("--from-motion shows a motion as it is: gaze, head and lips are in the file")
    shot.check(motion)
    alone = motion is not None and output is None
    target = None if alone else head_target(plan, shot, output)
    beside = None if target is None else target.with_suffix(".json").resolve()
    if motion is not None and motion.resolve() == beside:
        raise InputError(f"--motion {motion} is where the provenance of the video goes; choose another name")
    for path in film(plan, shot, target, motion, device):
        print(path, flush=True)
    if like is None and seed is None and from_motion is None:
        say(f"note: seed {plan.seed}")


def _gaze(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--gaze {text[:40]!r} is not X,Y in degrees, such as 10,-5") from None
    return x, y
