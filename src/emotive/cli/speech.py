"""`emotive speech`: say a text, or a recording, with a feeling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotive.errors import InputError

from .common import Device, app, option, say

if TYPE_CHECKING:
    from emotive.media.provenance import Provenance
    from emotive.signals import Speech

    from .speaking import Said

SPEECH_MODEL = "emotive-speech-1"
LONG = 600  # characters, from which on a bar is shown


@app.command()
def speech(
    text: Annotated[str | None, typer.Argument(help="What to say, in English.")] = None,
    affect: Annotated[str | None, option(
        "valence,arousal[,dominance] in -1..1, a name, or a mixture: joy:0.7+fear:0.3. [neutral]")] = None,
    scale: Annotated[str | None, option("Range of the numbers in --affect: 1..9, -3..3. [-1..1]")] = None,
    affect_strength: Annotated[float | None, option("How much of it; 0 is neutral. [1.0]")] = None,
    curve: Annotated[Path | None, option(
        "Affect over time: .csv of time,valence,arousal[,dominance] in s and -1..1, or .json.")] = None,
    word_affects: Annotated[str | None, option('One affect for each word: "sad;0,0.5;joy".')] = None,
    grid: Annotated[str | None, option(
        "Clips over the whole plane, ROWSxCOLUMNS, such as 5x5, with spectrograms and a page.")] = None,
    text_file: Annotated[Path | None, option("A file of text of any length; - is stdin.")] = None,
    recordings: Annotated[list[Path] | None, option(
        "A recording to say with another feeling in its own voice; may be given several times.",
        "--from")] = None,
    voice: Annotated[str | None, option("Who speaks. [the model's first]")] = None,
    engine: Annotated[str | None, option(
        'Who speaks instead, before the feeling is laid on: espeak:LANGUAGE, or "command:PROGRAM ... {wav}", '
        "which gets {text} or reads it on stdin.")] = None,
    breathing: Annotated[bool | None, option(
        "Audible breaths in pauses. [breathing]", "--breathing/--no-breathing")] = None,
    steps: Annotated[int | None, option("Sampling steps, 1 to 1000. [8]")] = None,
    guidance_scale: Annotated[float | None, option("Pull of the text. [the model's own]")] = None,
    affect_guidance_scale: Annotated[float | None, option("Pull of the affect. [the model's own]")] = None,
    seed: Annotated[int | None, option("Same seed, same speech. [random]")] = None,
    timeline: Annotated[Path | None, option("Also write when each phone and word is said: .json.")] = None,
    like: Annotated[Path | None, option("Remake this file; other options change what they name.")] = None,
    model: Annotated[str | None, option(f"Name, folder or hub id. [{SPEECH_MODEL}]")] = None,
    device: Device = None,
    output: Annotated[str | None, option(
        "A .wav, .flac, .ogg or .mp3, overwritten if it exists; or a folder, for files named after what they "
        "say, which never overwrite. [the current folder; with --from, beside it]", "--output", "-o")] = None,
) -> None:  # fmt: skip
    """Say a text, or a recording, with a feeling; the paths of the files are printed."""
    from emotive.plan import with_feeling

    from .speaking import (
        Said,
        affect_of_words,
        check_plan,
        read_text,
        speech_plan,
        speech_plan_like,
        with_text,
    )

    sources = [x for x in (text, text_file, recordings or None) if x is not None]
    if len(sources) > 1:
        raise InputError("give one of a text, --text-file and --from")
    if not sources and like is None:
        raise InputError('say what to speak, such as "The train leaves at nine.", --text-file or --from')
    if recordings and like is not None:
        raise InputError("--like speaks a file of ours again; --from takes a recording")
    if text is not None:
        said = Said(_checked_text(text))
    else:
        said = None if text_file is None else read_text(text_file)
    plan = speech_plan(SPEECH_MODEL) if like is None else speech_plan_like(like, said is not None, engine)
    given = {
        "affect_strength": affect_strength,
        "num_inference_steps": steps,
        "guidance_scale": guidance_scale,
        "affect_guidance_scale": affect_guidance_scale,
        "voice": voice,
        "seed": seed,
        "model": model,
    }
    plan = replace(plan, **{key: value for key, value in given.items() if value is not None})
    extra = dict(plan.extra)
    if word_affects is not None:
        if affect is not None or grid is not None or curve is not None or recordings or engine:
            raise InputError("--word-affects goes with our own voice, without --affect, --grid and --curve")
        extra["word_affects"], plan = word_affects, replace(plan, affect=None, affect_text="", curve=None)
        plan = replace(plan, affect_scale=None, grid=None, cells=())
    elif any(x is not None for x in (affect, grid, curve)):
        extra.pop("word_affects", None)
    if breathing is not None:
        extra["breathing"] = breathing
    plan = replace(with_feeling(plan, affect, scale, grid, curve), extra=extra, fps=None)
    if said is not None:
        plan = with_text(plan, said)
    if engine is not None or recordings:
        if plan.affect_guidance_scale is None:
            plan = replace(plan, affect_guidance_scale=1.0)
        _check_foreign(guidance_scale, breathing, voice if recordings else None)
    if recordings and engine is not None:
        raise InputError("--engine speaks a text; with --from there is none")
    affect_of_words(plan)  # what is wrong is said before anything is loaded
    check_plan(plan, 3.0 if recordings or engine else 10.0)
    if timeline is not None and (plan.grid is not None or len(recordings or []) > 1):
        raise InputError("--timeline goes with one clip")
    if recordings:
        _rerender(plan, recordings, timeline, output, device)
    else:
        said = said or Said(plan.prompt)
        _speak(plan, said, engine, timeline, output, device)
    if like is None and seed is None:
        say(f"note: seed {plan.seed}")


def _speak(
    plan: Provenance,
    said: Said,
    engine: str | None,
    timeline: Path | None,
    output: str | None,
    device: str | None,
) -> None:
    from .speaking import (
        MAX_CLIP,
        grid_folder,
        load_speech_pipeline,
        output_path,
        rerenderer,
        settled_speech,
        speaker,
    )

    if len(said.text) > MAX_CLIP and (plan.grid is not None or engine is not None):
        what = "--grid" if plan.grid is not None else "--engine"
        raise InputError(f"{what} takes up to {MAX_CLIP} characters, and the text has {len(said.text)}")
    if not said.text.strip():
        raise InputError('there is nothing to say: give a text, such as "The train leaves at nine."')
    target = output_path(plan, output) if plan.grid is None else grid_folder(plan, output)
    _check_timeline(timeline, target)
    foreign = None if engine is None else _engine(engine, plan.voice, timeline is not None)
    pipe, here = load_speech_pipeline(plan.model, device)
    if foreign is None:
        plan = settled_speech(plan, pipe, here)
        speak = speaker(pipe, plan, said.text)
    else:
        spoken = foreign(said.text, pipe.letter_to_sound.phones)
        plan = replace(plan, **here, voice=spoken.voice, extra={**plan.extra, "engine": engine})
        speak = rerenderer(pipe, plan, spoken)
    _write(target, speak, plan, timeline, len(said.text))


def _rerender(
    plan: Provenance, recordings: list[Path], timeline: Path | None, output: str | None, device: str | None
) -> None:
    from emotive.media.audio import read_audio
    from emotive.media.provenance import read_provenance

    from .speaking import edited_from, grid_folder, load_speech_pipeline, output_path, rerenderer

    folder = output is None or output.endswith("/") or Path(output).is_dir()
    if len(recordings) > 1 and not folder:
        raise InputError(f"{len(recordings)} recordings need a folder: --output FOLDER, which must exist")
    if len({file.stem for file in recordings}) < len(recordings) and output is not None:
        raise InputError("two of the recordings have one name: speak them one at a time")
    for file in recordings:
        read_audio(file)  # what is wrong is said before anything is loaded
        try:
            ours = read_provenance(file)
        except InputError:
            continue
        if ours.medium == "speech" and not ours.edits:
            say(f"note: {file} is ours; emotive speech --like {file} speaks it anew, which sounds better")
    targets = [
        output_path(plan, output, file) if plan.grid is None else grid_folder(plan, output, file)
        for file in recordings
    ]
    _check_timeline(timeline, targets[0])
    pipe, here = load_speech_pipeline(plan.model, device)
    plan = replace(plan, **here)
    for file, target in zip(recordings, targets, strict=True):
        mine = replace(plan, extra={**plan.extra, **edited_from(file)})
        _write(target, rerenderer(pipe, mine, file), mine, timeline, 0)


def _write(target: Path, speak: Any, plan: Provenance, timeline: Path | None, characters: int) -> None:
    from .speaking import write_clip, write_speech_grid

    if plan.grid is not None:
        paths = iter(write_speech_grid(target, speak, plan, _bar))
    else:
        paths = write_clip(target, speak, plan, timeline, partial(_text_bar, characters=characters))
    for path in paths:
        print(path, flush=True)


def _engine(engine: str, voice: str, timed: bool) -> Callable[[str, Any], Speech]:
    """(text, reader of unknown words) -> the text as another engine says it.

    What a command says has phones and words if they are asked for: finding them is for English alone.
    """
    kind, _, rest = engine.partition(":")
    if kind == "espeak":
        from emotive.voice.espeak import EspeakEngine

        if voice:
            raise InputError(f"espeak's voice is part of its name: --engine espeak:{voice}")
        espeak = EspeakEngine()
        return lambda text, _: espeak.synthesize(text, rest)
    if kind == "command" and rest.strip():
        from emotive.voice.engines import CommandEngine

        command = CommandEngine(rest, align=timed)

        def speak(text: str, letter_to_sound: Any) -> Speech:
            command.letter_to_sound = letter_to_sound
            return command.synthesize(text, voice)

        return speak
    raise InputError(f'--engine {engine[:60]!r} is neither espeak:LANGUAGE nor "command:PROGRAM ... {{wav}}"')


def _check_foreign(guidance_scale: float | None, breathing: bool | None, voice: str | None) -> None:
    for name, value in (
        ("--guidance-scale", guidance_scale), ("--breathing", breathing), ("--voice", voice),
    ):  # fmt: skip
        if value is not None:
            raise InputError(f"{name} is for our own voice; it does not go with --from or --engine")


def _check_timeline(path: Path | None, target: Path) -> None:
    """Raises InputError unless a timeline can go there; before the long work."""
    from emotive.media import check_folder
    from emotive.signals import Speech

    if path is None:
        return
    if path.suffix.lower() != ".json":
        raise InputError(f"cannot write {path.name or path}: a timeline's name must end in .json")
    check_folder(path.parent)
    if path.absolute() == target.with_suffix(".json").absolute():
        raise InputError(
            f"{path} will say what {target.name} was made from: call the timeline {target.stem}-timeline.json"
        )
    if path.exists():
        try:
            Speech.load(path)
        except InputError as error:
            raise InputError(f"{path} is no timeline and would be overwritten; use another name") from error


def _bar(clips: Any) -> Iterator[Any]:
    """A bar on stderr where there is something to wait for and someone to see it."""
    from tqdm import tqdm

    return iter(tqdm(clips, unit="clip", disable=True if len(clips) < 2 else None, leave=False))


def _text_bar(parts: Iterator[Speech], characters: int) -> Iterator[Speech]:
    """The same over a long text, in its characters."""
    from tqdm import tqdm

    quiet = True if characters < LONG else None
    with tqdm(total=characters, unit="character", unit_scale=True, disable=quiet, leave=False) as bar:
        for part in parts:
            yield part
            bar.update(len(part.text))


def _checked_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("the text is not text in the encoding of this terminal") from None
    if not text.strip():
        raise InputError('there is nothing to say: give a text, such as "The train leaves at nine."')
    return text
