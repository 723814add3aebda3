"""What the commands that speak share: the plan of a clip, the pipeline, and the files that are written.

A plan is the provenance of clips that are still to be spoken, as in `emotive.plan`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.media import check_file, check_folder, free_name, slug, umask, write_whole
from emotive.media.audio import FORMATS, AudioWriter, write_audio
from emotive.media.image import check_output, write_png
from emotive.media.provenance import Provenance, now, read_provenance
from emotive.plan import blank_plan, placed, quiet_diffusers, settled, with_feeling

if TYPE_CHECKING:
    from emotive.pipelines.speech import EmotiveSpeechPipeline
    from emotive.signals import Speech

MAX_TEXT = 1_000_000  # characters of one file: about 18 hours
KEPT = 4000  # characters of a text that its file tells; of a longer one, its digest as well
HANDS = "prosody moved by signal processing"  # what a recording went through
MAX_CLIP = 2000  # characters that are held at once, with all that is known of them

Feeling = Affect | AffectCurve | list[Affect]
Speaks = Callable[[Feeling], Iterable["Speech"]]


@dataclass(frozen=True)
class Said:
    """A text with where it came from: "" for the command line."""

    text: str
    source: str = ""


def read_text(file: Path) -> Said:
    """The text in a file, or on stdin for "-". Raises InputError if it is missing, not UTF-8 or too long."""
    name = "stdin" if str(file) == "-" else str(file)
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(4 * MAX_TEXT + 1)
        else:
            check_file(file)
            with file.open("rb") as stream:
                data = stream.read(4 * MAX_TEXT + 1)
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(data) <= 4 * MAX_TEXT:
            raise InputError(f"{name} is not text in UTF-8; save it as UTF-8") from error
        text = " " * (MAX_TEXT + 1)
    if len(text) > MAX_TEXT:
        raise InputError(f"{name} has more than {MAX_TEXT:,} characters: speak it in parts")
    if not text.strip():
        raise InputError(f"{name} is empty: there is nothing to say")
    return Said(text, "stdin" if name == "stdin" else file.name)


def speech_plan(model: str, steps: int = 8) -> Provenance:
    """Neutral, with a random seed."""
    return replace(blank_plan(model), medium="speech", num_inference_steps=steps)


def with_text(plan: Provenance, said: Said) -> Provenance:
    """`plan` with the text, cut at `KEPT` characters; then its length and sha256 are kept, too."""
    extra = {k: v for k, v in plan.extra.items() if not k.startswith("text_")}
    if len(said.text) > KEPT:
        digest = hashlib.sha256(said.text.encode()).hexdigest()
        extra |= {"text_characters": len(said.text), "text_sha256": digest, "text_from": said.source}
    return replace(plan, prompt=said.text[:KEPT], extra=extra)


def speech_plan_like(file: Path, spoken_again: bool, engine: str | None) -> Provenance:
    """The plan of a clip to make again; `spoken_again` says that its text is given anew.

    Raises InputError if the file is missing, no speech of ours, was made from a recording or by an engine
    that is not named again, or does not hold all of its text.
    """
    made = read_provenance(file)
    if made.medium != "speech":
        raise InputError(f"{file} is not speech: its medium is {made.medium!r}")
    if source := made.extra.get("edited_from"):
        raise InputError(f"{file} was made from the recording {source!s:.80}: give that to --from")
    spoken = made.extra.get("engine")
    if spoken and not engine:  # it may be a command, and nobody vouches for the file
        raise InputError(f"{file} was spoken by another engine: repeat it, --engine {str(spoken)[:120]!r}")
    if "text_sha256" in made.extra and not spoken_again:
        raise InputError(f"{file} does not hold all of its text: give it again with --text-file")
    if made.affect is None and made.grid is None and made.curve is None and "word_affects" not in made.extra:
        raise InputError(f"{file}: the provenance has neither an affect, a grid nor a curve")
    kept = {k: v for k, v in made.extra.items() if k in ("breathing", "word_affects")}
    voice = "" if (engine or "").startswith("espeak") else made.voice  # espeak's is in its name
    made = replace(made, created=now(), extra=kept, index=0, voice=voice)
    return made if made.grid is None else with_feeling(made, grid="{}x{}".format(*made.grid))


def affect_of_words(plan: Provenance) -> list[Affect]:
    """The affects of `--word-affects`, "joy;0,0.5;...", one for each word."""
    listed = str(plan.extra.get("word_affects", ""))
    return [Affect.parse(part) for part in listed.split(";")] if listed else []


def check_plan(plan: Provenance, strongest: float) -> None:
    """Raises InputError where a number of the plan is out of range: before anything is loaded."""
    from emotive.batch import MAX_SEED, MAX_STEPS

    if not 0 <= plan.seed <= MAX_SEED:
        raise InputError(f"seed {plan.seed} is out of range: use 0 to {MAX_SEED}")
    if not 1 <= plan.num_inference_steps <= MAX_STEPS:
        raise InputError(f"{plan.num_inference_steps} steps make no sense: use 1 to {MAX_STEPS}")
    if not 0 <= plan.affect_strength <= strongest:
        raise InputError(f"affect_strength {plan.affect_strength} is out of range: use 0 to {strongest:g}")
    for name in ("guidance_scale", "affect_guidance_scale"):
        value = getattr(plan, name)
        if value is not None and not (math.isfinite(value) and 0 <= value <= 100):
            raise InputError(f"{name} {value} is out of range: use 0 to 100, 1 is plain")


def load_speech_pipeline(model: str, device: str | None) -> tuple[EmotiveSpeechPipeline, dict[str, Any]]:
    """The pipeline in float32, and what is particular to this place, by the provenance's names."""
    import torch

    from emotive.devices import choose_device

    chosen = choose_device(device)
    from emotive.pipelines.speech import EmotiveSpeechPipeline

    with quiet_diffusers():
        pipe = EmotiveSpeechPipeline.from_pretrained(model)
    return pipe, placed(pipe, chosen, torch.float32)


def settled_speech(plan: Provenance, pipe: Any, here: dict[str, Any]) -> Provenance:
    """`plan` with this place, and the model's own voice and guidance where none was asked for."""
    return settled(replace(plan, voice=plan.voice or pipe.voices[0]), pipe, here)


def speaker(pipe: EmotiveSpeechPipeline, plan: Provenance, text: str) -> Speaks:
    """Says `text` with a feeling, part by part; every call from the plan's seed."""

    def speak(feeling: Feeling) -> Iterable[Speech]:
        return pipe.stream(
            text,
            feeling,
            voice=plan.voice or None,
            num_inference_steps=plan.num_inference_steps,
            guidance_scale=plan.guidance_scale,
            affect_guidance_scale=plan.affect_guidance_scale,
            affect_strength=plan.affect_strength,
            breathing=bool(plan.extra.get("breathing", True)),
            generator=_generator(plan),
        )

    return speak


def rerenderer(pipe: EmotiveSpeechPipeline, plan: Provenance, recording: Speech | Path) -> Speaks:
    """Says a recording with another feeling; every call from the plan's seed."""
    scale = plan.affect_guidance_scale
    assert scale is not None

    def speak(feeling: Feeling) -> Iterable[Speech]:
        assert not isinstance(feeling, list)
        yield pipe.rerender(
            recording,
            feeling,
            affect_strength=plan.affect_strength,
            num_inference_steps=plan.num_inference_steps,
            affect_guidance_scale=scale,
            generator=_generator(plan),
        )

    return speak


def output_path(plan: Provenance, output: str | None, source: Path | None = None) -> Path:
    """Where a clip goes; to be asked before the long work.

    `output` is a sound file, which will be overwritten, or a folder, by default the current one or that of
    `source`, for a name that says what the clip is and is still free. Raises InputError as `output_paths`.
    """
    if output == "":
        raise InputError("--output is empty: give a .wav, .flac, .ogg or .mp3, or a folder")
    if output is not None and not output.endswith(("/", os.sep)) and not Path(output).is_dir():
        path = Path(output)
        check_output(path, tuple(FORMATS))
        if source is not None and path.exists() and path.samefile(source):
            raise InputError(f"{path} is the recording itself; give the result another name")
        return path
    folder = Path(output) if output else source.parent if source else Path(".")
    check_folder(folder)
    if source is None:
        return free_name(folder / f"{_stem(plan)}-{plan.seed}.wav")
    suffix = source.suffix.lower() if source.suffix.lower() in FORMATS else ".wav"
    return free_name(folder / f"{source.stem}-{feeling_name(plan)}{suffix}")


def grid_folder(plan: Provenance, output: str | None, source: Path | None = None) -> Path:
    """The folder of a grid, which must not exist: `output`, or one that says what it holds, in `output`."""
    if output and not Path(output).is_dir():
        folder = Path(output)
        if folder.suffix.lower() in FORMATS or folder.suffix.lower() in (".png", ".html", ".csv"):
            raise InputError(f"--grid makes a folder of clips, not {folder.name}: leave the suffix out")
        check_folder(folder.parent)
        if folder.exists():
            raise InputError(f"{folder} is a file; choose another name")
        return folder
    parent = Path(output or ".")
    check_folder(parent)
    stem = _stem(plan) if source is None else f"{source.stem}-{feeling_name(plan)}"
    return free_name(parent / f"{stem}-{plan.seed}")


def write_clip(
    path: Path, speak: Speaks, plan: Provenance, timeline: Path | None, told: Callable
) -> Iterator[Path]:
    """Writes one clip as it is spoken, in bounded memory, then its timeline; yields the paths.

    `told` takes the iterator of parts and passes it on: a bar.
    """
    from emotive.signals import Speech
    from emotive.voice.vocoder import SAMPLE_RATE

    heard: list[Speech] = []
    with AudioWriter(path, SAMPLE_RATE, plan) as writer:
        for part in told(iter(speak(asked(plan)))):
            writer.write(part.waveform)
            if timeline is not None:
                heard.append(replace(part, waveform=part.waveform[:0]) if part.phones else part)
    yield path
    if timeline is not None:
        yield Speech.concatenate(heard).save(timeline)


def write_speech_grid(folder: Path, speak: Speaks, plan: Provenance, told: Callable) -> list[Path]:
    """Writes a new `folder` of clips over the plane: each with its spectrogram, a table, a sheet and a page.

    The folder appears when all of it is there. Returns the files.
    """
    from emotive.media.contact_sheet import write_contact_sheet
    from emotive.media.spectrogram import spectrogram_cells, spectrogram_sheet
    from emotive.signals import Speech

    assert plan.grid is not None
    rows, columns = plan.grid
    temporary = Path(tempfile.mkdtemp(prefix=".emotive-", dir=folder.parent))
    try:
        table, clips, shown, names = [], [], [], []
        for cell in told(plan.cells):
            speech = Speech.concatenate(list(speak(cell)))
            made = replace(plan, affect=cell, grid=None, cells=())
            point = f"v{cell.valence:+.2f}a{cell.arousal:+.2f}"
            wav = temporary / f"{slug(plan.prompt) or 'speech'}-s{plan.seed}-{point}.wav"
            write_audio(wav, speech.waveform, speech.sample_rate, made, sidecar=False)
            clips.append(speech)
            shown.append((wav, f"valence {cell.valence:+g}, arousal {cell.arousal:+g}", made))
            where = (cell.valence, cell.arousal)
            table.append((wav.name, plan.prompt, plan.voice, plan.seed, *where, f"{speech.duration:.3f}"))
            names += [wav.name, wav.with_suffix(".png").name]
        for (wav, _, made), drawn in zip(shown, spectrogram_cells(clips, 480, 300), strict=True):
            write_png(wav.with_suffix(".png"), drawn, made, sidecar=False)
        labels = [f"{_seconds_spoken(speech):.1f} s" for speech in clips]
        drawn = spectrogram_sheet(clips, rows, columns, labels)
        sheet = write_png(temporary / "spectrograms.png", drawn, plan)
        write_whole(temporary / "index.csv", _as_csv(table).encode())
        page = write_contact_sheet(temporary / "index.html", "Emotive: one sentence, every feeling", shown)
        names += [sheet.name, "index.csv", page.name]
        temporary.chmod(0o777 & ~umask())
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return [folder / name for name in names]


def edited_from(file: Path) -> dict[str, str]:
    """What a clip says of the recording that it was made from."""
    name = os.fsencode(file.name).decode("utf-8", "replace")
    return {
        "processed": HANDS,
        "edited_from": name,
        "edited_from_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }


def asked(plan: Provenance) -> Feeling:
    """The feeling of one clip, in the form that the pipeline takes."""
    return affect_of_words(plan) or plan.curve or plan.affect or Affect.neutral()


def _seconds_spoken(speech: Speech) -> float:
    """From the first word to the last, where words are known."""
    return speech.words[-1].end - speech.words[0].start if speech.words else speech.duration


def _generator(plan: Provenance) -> Any:
    import torch

    return torch.Generator("cpu").manual_seed(plan.seed)


def _stem(plan: Provenance) -> str:
    return f"emotive-{slug(plan.prompt) or 'speech'}-{feeling_name(plan)}"


def feeling_name(plan: Provenance) -> str:
    if plan.grid is not None:
        return "grid-{}x{}".format(*plan.grid)
    if plan.affect is None:
        return "curve"
    if plan.affect == Affect.neutral():
        return "neutral"
    if plan.affect_text and "," not in plan.affect_text:
        return slug(plan.affect_text)
    return f"v{plan.affect.valence:+.2f}a{plan.affect.arousal:+.2f}"


def _as_csv(rows: list[tuple]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("file", "text", "voice", "seed", "valence", "arousal", "seconds"))
    writer.writerows(rows)
    return text.getvalue()
