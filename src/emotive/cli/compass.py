"""`emotive compass`: a direction of your own, by sorting pictures."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotive.errors import InputError

from .backbone import Adapter, Config, Offload, Size, with_backbone
from .common import IMAGE_MODEL, Device, app, make_folder, needs_extra, option, report, say

if TYPE_CHECKING:
    from PIL import Image

    from emotive.compass.basis import Basis
    from emotive.compass.direction import Direction
    from emotive.compass.session import Compass
    from emotive.media.provenance import Provenance

SESSION = "compass.json"
ENOUGH = 12  # trays, unless --judgements says otherwise
MOODS = 10  # axes in a foreign backbone


@app.command()
def compass(
    prompts: Annotated[list[str] | None, typer.Argument(
        help="What to paint; several take turns. [as in the folder of a search to go on with]")] = None,
    name: Annotated[str | None, option("What you call it: the name of the direction and its file.")] = None,
    pictures: Annotated[int | None, option("Pictures in a tray, 2 to 8. [6]")] = None,
    judgements: Annotated[int, option("Stop after so many; quit before by answering q.")] = ENOUGH,
    answers: Annotated[Path | None, option("Answers from a file, one a line, instead of asking.")] = None,
    keep: Annotated[bool, option("Also keep it in your own folder, where its name is enough.")] = False,
    seed: Annotated[int | None, option("Same seed and answers, same direction. [0]")] = None,
    steps: Annotated[int | None, option("Sampling steps. [4, or the model's own]")] = None,
    model: Annotated[str | None, option(
        f"Ours, or Stable Diffusion 1 to 3, XL or FLUX: name, folder, hub id, .safetensors. [{IMAGE_MODEL}]"
    )] = None,
    adapter: Adapter = None,
    config: Config = None,
    size: Size = None,
    offload: Offload = None,
    device: Device = None,
    dtype: Annotated[str | None, option("fp32, bf16, fp16. [bf16 where it is fast]")] = None,
    output: Annotated[Path | None, option(
        "The folder of the search, made if it does not exist; the same folder goes on with it. "
        "[compass-NAME]", "--output", "-o")] = None,
) -> None:  # fmt: skip
    """Find a direction of your own: sort trays of pictures into more and less of what you mean.

    Every tray is a numbered picture in the folder; answer "3 1 | 2 4" (more | less; leave out what is
    neither), "3 > 1 > 2" (ranked), "3 = 1", "-" (cannot say), u (undo) or q (quit; the same command goes on).
    """
    from emotive.compass.direction import check_name, directions_folder
    from emotive.compass.session import Compass
    from emotive.media.provenance import now
    from emotive.plan import Place, blank_plan, open_painter, settled

    if not 1 <= judgements <= 1000:
        raise InputError(f"--judgements {judgements} makes no sense: use 1 to 1000")
    if name is None:
        raise InputError("say what you are looking for: --name prickly")
    check_name(name)
    folder = output or Path(f"compass-{name}")
    told = _answers(answers) if answers is not None else None
    going_on = (folder / SESSION).is_file()
    if going_on:
        search, record = Compass.load(folder / SESSION)
        model = _same("--model", model, str(record.get("model", IMAGE_MODEL)))
        _same("--name", name, str(record.get("name", name)))
        _same("the prompt", tuple(prompts) if prompts else None, search.prompts)
        _same("--pictures", pictures, search.pictures)
        _same("--seed", seed, search.seed)
    else:
        if not prompts:
            raise InputError('say what to paint, such as "a house by the sea"')
        if not 0 <= (seed or 0) < 2**63:
            raise InputError(f"--seed {seed} makes no sense: use 0 to {2**63 - 1}")
        search = Compass(1, tuple(prompts), 6 if pictures is None else pictures, seed or 0)
    plan = replace(blank_plan(model or IMAGE_MODEL), seed=search.seed, prompt=search.prompts[0])
    plan = replace(plan, num_inference_steps=steps or plan.num_inference_steps)
    theirs = {"adapter": adapter, "config": config, "size": size}
    with needs_extra("backbones"):
        plan = with_backbone(plan, False, theirs)
        pipe, here, plan = open_painter(plan, Place(device, dtype, offload), steps is None)
    basis = _basis(pipe, plan.model)
    if going_on and search.dimensions != len(basis):
        raise InputError(f"{folder / SESSION} was begun on another model: give another --output")
    search.dimensions = len(basis)
    plan = settled(plan, pipe, here)
    make_folder(folder)

    asked, shown = iter(told) if told is not None else _typed(), None
    while len(search.done) < judgements:
        if told is None:
            if shown is not search.tray:
                shown = search.tray
                sheet = folder / f"tray-{len(search.done) + 1:02d}.png"
                print(_write(sheet, *_tray(pipe, plan, search, basis)), flush=True)
            report(_question(search, name))
        answer = next(asked, "q")
        if answer in ("q", "quit"):
            break
        try:
            search.undo() if answer in ("u", "undo") else search.answer(answer)
        except InputError as error:
            if told is not None:
                raise InputError(f"{answers}, answer {len(search.done) + 1}: {error}") from error
            report(str(error))
            continue
        search.save(folder / SESSION, model=plan.model, name=name)
    if not any(answer.kind != "pass" for _, answer in search.done):
        raise InputError(f"nothing was sorted in {folder} yet, so there is no direction")
    agreement = search.agreement()
    direction = search.direction(basis, name, now(), agreement)
    print(_write(folder / f"{name}-strip.png", *_strip(pipe, plan, direction)))
    print(direction.save(folder / f"{name}.safetensors"), flush=True)
    if keep:
        make_folder(directions_folder())
        print(direction.save(directions_folder() / f"{name}.safetensors"), flush=True)
    say(f"note: {_known(direction)}{'' if agreement != agreement else f'; held-out answers {agreement:.0%}'}")


def _basis(pipe: Any, model: str) -> Basis:
    """The axes to search along, of our model or of a backbone."""
    from emotive.pipelines.image import EmotiveImagePipeline

    if isinstance(pipe, EmotiveImagePipeline):
        from emotive.compass.scene import scene_basis

        return scene_basis(pipe.text_encoder, pipe.affect_embedding, model)
    import functools

    from emotive.backbones.directions import mood_basis
    from emotive.compass.basis import backbone_basis
    from emotive.pipelines.with_affect import plain_embeds

    encode = functools.partial(plain_embeds, pipe.pipe)
    return backbone_basis(*mood_basis(encode, MOODS), encode, model)


def _painted(pipe: Any, plan: Provenance, prompt: str, seed: int, asked: Sequence[Any]) -> list[Image.Image]:
    from emotive.batch import ImageJob, run_image_jobs

    texture = 0.0 if plan.backbone else plan.texture
    jobs = [
        ImageJob(
            prompt,
            seed=seed,
            num_inference_steps=plan.num_inference_steps,
            texture=texture,
            directions=directions,
        )
        for directions in asked
    ]
    return [picture for _, picture in run_image_jobs(pipe, jobs)]


def _tray(
    pipe: Any, plan: Provenance, search: Compass, basis: Basis
) -> tuple[Image.Image, Provenance]:  # fmt: skip
    from emotive.compass.sheet import tray_sheet

    tray = search.tray
    painted = _painted(pipe, plan, tray.prompt, tray.seed, tray.directions(basis))
    made = replace(plan, prompt=tray.prompt, seed=tray.seed, size=painted[0].size)
    told = {"processed": "a numbered tray of the compass", "axes": basis.names, "z": tray.z.tolist()}
    return tray_sheet(painted), replace(made, extra=told)


def _strip(pipe: Any, plan: Provenance, direction: Direction) -> tuple[Image.Image, Provenance]:
    from emotive.compass.session import STEPS, strip
    from emotive.compass.sheet import strip_sheet

    painted = _painted(pipe, plan, plan.prompt, plan.seed, strip(direction))
    told = {"processed": "a strip of a direction", "direction": direction.name, "followed": list(STEPS)}
    return strip_sheet(painted, STEPS), replace(plan, size=painted[0].size, extra=told)


def _write(path: Path, sheet: Image.Image, made: Provenance) -> Path:
    from emotive.media.image import write_png

    return write_png(path, sheet, made, sidecar=False)


def _question(search: Compass, name: str) -> str:
    known = search.posterior
    sure = f", confidence {known.confidence:.2f}" if search.done else ""
    line = f'{len(search.done) + 1}{sure}. Which have more of "{name}", which less?'
    return line if search.done else f'{line} Answer such as "3 1 | 2 4"; -, u (undo), q (quit)'


def _known(direction: Direction) -> str:
    low, high = direction.interval
    trays = f"{direction.judgements} judgement{'s' * (direction.judgements != 1)}"
    return (
        f"{direction.name!r} after {trays}: expected cosine with what you mean "
        f"{direction.confidence:.2f} (90 %: {low:.2f} to {high:.2f})"
    )


def _typed() -> Iterator[str]:
    """What is typed, line by line, until there is no more."""
    while line := sys.stdin.readline():
        if said := line.strip().lower():
            yield said


def _answers(file: Path) -> list[str]:
    from emotive.media import check_file

    check_file(file)
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from error
    said = [line.partition("#")[0].strip().lower() for line in lines]
    if not any(said):
        raise InputError(f"{file} has no answers: one a line, such as 3 1 | 2 4")
    return [line for line in said if line]


def _same(what: str, given: Any, kept: Any) -> Any:
    """What the search in the folder was begun with, unless something else is asked for now."""
    if given is not None and given != kept:
        shown = "; ".join(kept) if isinstance(kept, tuple) else kept
        raise InputError(f"the search in this folder was begun with {what} {shown}: give another --output")
    return kept
