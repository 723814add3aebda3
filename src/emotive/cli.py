"""The command line: `emotive image "a lighthouse by the sea" --affect joy`.

Written paths go to stdout, one per line; everything else to stderr. Exit codes: 0; 2 for input that cannot
be used, in one line; 1 for a fault (EMOTIVE_TRACEBACK=1 shows where); 130 for Ctrl-C.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import typer

from emotive import __version__
from emotive.errors import EmotiveError, InputError

MODEL = "emotive-image-1"

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,  # plain help: it starts faster, and pipes well
    pretty_exceptions_enable=False,
    help="Turn a point or a path in valence-arousal space into media.",
)
train_app = typer.Typer(rich_markup_mode=None, help="Train the models again, or on from where they are.")
app.add_typer(train_app, name="train")


def _option(help: str, *names: str) -> Any:
    return typer.Option(*names, help=help)


Device = Annotated[str | None, _option("cpu, cuda, cuda:1, mps. [the best there is]")]
Folder = Annotated[Path, _option("The folder, made if it does not exist.", "--output", "-o")]
AsJson = Annotated[bool, _option("As JSON.", "--json")]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line on `argv` (sys.argv by default) and returns the exit code."""
    arguments = None if argv is None else list(argv)
    try:
        with _notes():
            command = typer.main.get_command(app)
            code = command.main(args=arguments, prog_name="emotive", standalone_mode=False)
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except EmotiveError as error:
        _say(f"error: {error}")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:  # `emotive info | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        if isinstance(usage := getattr(error, "exit_code", None), int) and hasattr(error, "format_message"):
            _say(f"error: {error.format_message()} See emotive --help")  # pyright: ignore
            return usage
        if os.environ.get("EMOTIVE_TRACEBACK"):
            raise
        _say(f"fault: {type(error).__name__}: {str(error)[:500]} (EMOTIVE_TRACEBACK=1 shows where)")
        return 1


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context, version: Annotated[bool, _option("Print the version.", "--version")] = False
) -> None:
    if version:
        print(f"emotive {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def image(
    prompt: Annotated[str | None, typer.Argument(help='A scene; "" and --affect paint a mood alone.')] = None,
    affect: Annotated[str | None, _option(
        "valence,arousal[,dominance] in -1..1, a name, or a mixture: joy:0.7+fear:0.3. [neutral]")] = None,
    scale: Annotated[str | None, _option("Range of the numbers in --affect: 1..9, -3..3. [-1..1]")] = None,
    affect_strength: Annotated[float | None, _option("How much of it; 0 is neutral. [1.0]")] = None,
    steps: Annotated[int | None, _option("Sampling steps, 1 to 1000. [4]")] = None,
    guidance_scale: Annotated[float | None, _option("Pull of the prompt. [the model's own]")] = None,
    affect_guidance_scale: Annotated[float | None, _option("Pull of the affect. [the model's own]")] = None,
    texture: Annotated[float | None, _option("Surface texture; 0 is none. [1.0]")] = None,
    seed: Annotated[int | None, _option("Same seed, same picture. [random]")] = None,
    count: Annotated[int, _option("Pictures to make, with consecutive seeds.")] = 1,
    grid: Annotated[str | None, _option("A sheet over the whole plane, ROWSxCOLUMNS, such as 5x5.")] = None,
    curve: Annotated[Path | None, _option(
        "Frames along a curve: .csv of time,valence,arousal[,dominance] in s and -1..1, or .json.")] = None,
    fps: Annotated[float | None, _option("Frames per second of --curve. [30]")] = None,
    like: Annotated[Path | None, _option("Remake this file; other options change what they name.")] = None,
    model: Annotated[str | None, _option(f"Name, folder or hub id. [{MODEL}]")] = None,
    device: Device = None,
    dtype: Annotated[str | None, _option("fp32, bf16, fp16. [bf16 where it is fast]")] = None,
    output: Annotated[str | None, _option(
        "A .png (--curve: .webp or .gif), overwritten if it exists; or a folder, for files named after what "
        "they show, which never overwrite. [the current folder]", "--output", "-o")] = None,
) -> None:  # fmt: skip
    """Paint a scene with a feeling; the paths of the files are printed."""
    from emotive.batch import MAX_COUNT, image_jobs, output_paths, run_image_jobs, write_images
    from emotive.plan import blank_plan, differences, load_pipeline, plan_like, settled, with_feeling

    if like is None and not (prompt or "").strip() and not any((affect, grid, curve)):
        raise InputError('say what to paint, such as "a boat by the sea", or --affect joy for a mood alone')
    if not 1 <= count <= MAX_COUNT:
        raise InputError(f"--count {count} makes no sense: use 1 to {MAX_COUNT}")
    given = {
        "prompt": None if prompt is None else _checked_text(prompt),
        "affect_strength": affect_strength,
        "num_inference_steps": steps,
        "guidance_scale": guidance_scale,
        "affect_guidance_scale": affect_guidance_scale,
        "texture": texture,
        "seed": seed,
        "model": model,
    }
    made = None if like is None else plan_like(like)
    asked = {key: value for key, value in given.items() if value is not None}
    plan = with_feeling(replace(made or blank_plan(MODEL), **asked), affect, scale, grid, curve, fps)
    if count > 1 and plan.affect is None:
        raise InputError("--count goes with single pictures, not with --grid or --curve")
    jobs = image_jobs(plan, count)
    targets = output_paths(plan, output, count)
    if made is None:
        pipe, here = load_pipeline(plan.model, device, dtype)
    else:
        place = device or _if_present(made.device)
        pipe, here = load_pipeline(plan.model, place, dtype or made.dtype or None)
        for difference in differences(made, here):
            _say(f"note: {difference}; the picture may come out different")
    pictures = _progress(run_image_jobs(pipe, jobs, _batch_size(here)), len(jobs))
    for path in write_images(settled(plan, pipe, here), pictures, targets):
        print(path, flush=True)
    if made is None and seed is None:
        _say(f"note: seed {plan.seed}")


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A picture made by Emotive, or its .json.")],
    as_json: AsJson = False,
) -> None:
    """Print what a file was made from."""
    from emotive.media.provenance import read_provenance

    made = read_provenance(file)
    if as_json:
        print(made.to_json())
        return
    if made.grid:
        feeling = f"a grid of {made.grid[0]} rows (arousal) by {made.grid[1]} columns (valence)"
    elif made.curve is not None:
        feeling = f"a curve of {made.curve.duration:g} s at {made.fps or 30:g} frames/s"
    else:
        feeling = str(made.affect) + (f'  typed "{made.affect_text}"' if made.affect_text else "")
    size = f", {made.size[0]} x {made.size[1]} pixels" if made.size else ""
    scales = (made.guidance_scale, made.affect_guidance_scale)
    guidance = "guidance {}, affect guidance {}".format(*map(_number, scales))
    _table(
        {
            "file": file,
            "": f"{made.statement}, version {made.emotive}, {made.created}",
            "prompt": made.prompt or "none, a mood alone",
            "affect": feeling,
            "strength": _number(made.affect_strength),
            "model": f"{made.model}  {made.model_fingerprint[:12]}",
            "sampling": f"seed {made.seed}, {made.num_inference_steps} steps, {guidance}{size}",
            "made on": f"{made.device}, {made.dtype}, {made.threads} threads, torch {made.torch}",
            "again": f"emotive image --like {file}",
        }
    )


@app.command()
def info(
    as_json: AsJson = False,
    vocabulary: Annotated[bool, _option("The words that the image model knows.", "--vocabulary")] = False,
) -> None:
    """Print versions, device, embedded models, named emotions and label sets."""
    from emotive import about

    if vocabulary:
        words = about.vocabulary(MODEL)
        if as_json:
            print(json.dumps(words, ensure_ascii=False))
            return
        for kind, entries in words.items():
            groups = entries.values() if isinstance(entries, dict) else [entries]
            print("\n  ".join([kind, *(", ".join(group) for group in groups)]))
        return
    facts = about.facts()
    if as_json:
        print(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    models = [f"{m['name']}  {m['megabytes']} MB  sha256 {m['sha256']}" for m in facts["models"]]
    _table(
        {
            "versions": ", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
            "device": f"{facts['device']}, {facts['threads']} threads",
            "dtype": facts["dtype_reason"],
            "models": "\n".join(models) or "none embedded",
            "label sets": "\n".join(f"{k}: {', '.join(labels)}" for k, labels in facts["label_sets"].items()),
            "emotions": "valence arousal dominance",
        }
    )
    for e in facts["emotions"]:
        print(f"  {e['term']:<20} {e['valence']:+.2f}   {e['arousal']:+.2f}   {e['dominance']:+.2f}")


@app.command()
def demo(
    output: Folder = Path("emotive-demo"),
    model: Annotated[str, _option("Name, folder or hub id.")] = MODEL,
    device: Device = None,
) -> None:
    """Make a first set of pictures and one offline page that shows them."""
    from emotive.batch import image_jobs, run_image_jobs
    from emotive.plan import load_pipeline, settled
    from emotive.showcase import showcase_plans, write_showcase

    _make_folder(output)
    plans = showcase_plans(model)
    jobs = [job for plan in plans for job in image_jobs(plan)]
    pipe, here = load_pipeline(model, device)
    pictures = _progress(run_image_jobs(pipe, jobs, _batch_size(here)), len(jobs))
    print(write_showcase(output, [settled(plan, pipe, here) for plan in plans], pictures))


@train_app.command("image")
def train_image(
    output: Folder,
    minutes: Annotated[float, _option("How long to train, in all.")] = 150.0,
    device: Device = None,
    init: Annotated[str | None, _option("Start from a model: name, folder or hub id.")] = None,
    seed: Annotated[int, _option("Seed of data and weights.")] = 0,
    painters: Annotated[int, _option("Processes that paint training pictures meanwhile.")] = 1,
    capacity: Annotated[int, _option("Training pictures kept on disk, 12 kB each.")] = 100_000,
    batch_size: Annotated[int, _option("Pictures per training step.")] = 64,
    compile: Annotated[bool, _option("Compile the networks: faster; a CPU needs a C++ compiler.")] = False,
) -> None:
    """Teacher, decoder, denoiser, few-step student, card: the whole recipe; run it again to go on."""
    if not 0 < minutes < float("inf"):
        raise InputError(f"--minutes {minutes} makes no sense: use a number above 0")
    for name, value, least, most in (
        ("--seed", seed, 0, 2**32 - 1),
        ("--painters", painters, 1, 256),
        ("--capacity", capacity, 256, 10**8),
        ("--batch-size", batch_size, 2, 65_536),
    ):
        if not least <= value <= most:
            raise InputError(f"{name} {value} makes no sense: use {least} to {most}")
    with _needs_extra("train"):
        import emotive.data.painter  # noqa: F401  here rather than first in a painter's process
        from emotive.train.image import train_image as recipe
    from emotive.devices import choose_device
    from emotive.plan import quiet_diffusers
    from emotive.weights import resolve

    choose_device(device)  # what is wrong is said before anything is made
    if init is not None:
        resolve(init)
    _make_folder(output)
    options = {"painters": painters, "capacity": capacity, "batch_size": batch_size, "compile": compile}
    with quiet_diffusers():
        print(recipe(output, minutes, device, init, seed, report=_report, **options))


@train_app.command("affect")
def train_affect(output: Folder, seed: Annotated[int, _option("Seed of data and weights.")] = 0) -> None:
    """The affect embedding. Models record its digest: with a new one they must be trained again."""
    from emotive.plan import quiet_diffusers
    from emotive.train.affect_embedding import train_affect_embedding

    _make_folder(output)
    with quiet_diffusers():
        train_affect_embedding(output, seed=seed)
    print(output)


def _make_folder(folder: Path) -> None:
    from emotive.media import check_folder

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from error
    check_folder(folder)


def _checked_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError("the prompt is not text in the encoding of this terminal") from None
    return text


def _if_present(device: str) -> str | None:
    """The device that a file was made on, if this machine has it."""
    from emotive.devices import choose_device

    try:
        return str(choose_device(device or None))
    except InputError:
        return None


def _batch_size(here: dict[str, Any]) -> int:
    return 1 if here["device"] == "cpu" else 16  # on a CPU a batch gains nothing and costs memory


def _progress(pictures: Iterator[Any], total: int) -> Iterator[Any]:
    """A bar on stderr where there is something to wait for and someone to see it."""
    from tqdm import tqdm

    return iter(tqdm(pictures, total=total, unit="picture", disable=True if total < 2 else None, leave=False))


@contextmanager
def _needs_extra(extra: str) -> Iterator[None]:
    """A module that an extra would bring is one line with the command that brings it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "emotive":
            raise
        raise InputError(f'{error.name} is not installed: pip install "emotive[{extra}]"') from error


@contextmanager
def _notes() -> Iterator[None]:
    """Warnings for the user become one line on stderr, each once; those between libraries are dropped."""
    seen = set()

    def note(message: Warning | str, category: type[Warning], filename: str, *_: Any) -> None:
        text, foreign = str(message), {"torch", "diffusers", "huggingface_hub"} & set(Path(filename).parts)
        if issubclass(category, UserWarning) and not foreign and text not in seen:
            seen.add(text)
            _say(f"note: {text}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = note
        yield


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _say(line: str) -> None:
    print("emotive:", _plain(" ".join(line.split())), file=sys.stderr, flush=True)


def _plain(text: str) -> str:
    """Without control characters: text from files must not steer the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _number(value: float | None) -> str:
    return "the model's own" if value is None else f"{value:g}"


def _table(rows: dict[str, Any]) -> None:
    for name, value in rows.items():
        for label, line in zip_longest([name], str(value).splitlines(), fillvalue=""):
            print(f"{label:<11} {_plain(line)}".rstrip())


if __name__ == "__main__":
    sys.exit(main())
