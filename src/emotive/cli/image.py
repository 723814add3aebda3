"""`emotive image`: paint a scene with a feeling."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotive.errors import InputError

from .backbone import (
    Adapter,
    Config,
    Direction,
    InitImage,
    Lora,
    NegativePrompt,
    Offload,
    Size,
    Strength,
    parsed_amounts,
    summed,
    with_backbone,
)
from .common import IMAGE_MODEL, Device, app, batch_size, make_folder, option, progress, say

if TYPE_CHECKING:
    from emotive.batch import ImageJob
    from emotive.media.provenance import Provenance
    from emotive.plan import Place


@app.command()
def image(
    prompt: Annotated[str | None, typer.Argument(help='A scene; "" and --affect paint a mood alone.')] = None,
    affect: Annotated[str | None, option(
        "valence,arousal[,dominance] in -1..1, a name, or a mixture: joy:0.7+fear:0.3. [neutral]")] = None,
    scale: Annotated[str | None, option("Range of the numbers in --affect: 1..9, -3..3. [-1..1]")] = None,
    affect_strength: Annotated[float | None, option("How much of it; 0 is neutral. [1.0]")] = None,
    direction: Direction = None,
    steps: Annotated[int | None, option("Sampling steps, 1 to 1000. [4, or the model's own]")] = None,
    guidance_scale: Annotated[float | None, option("Pull of the prompt. [the model's own]")] = None,
    affect_guidance_scale: Annotated[float | None, option("Pull of the affect. [the model's own]")] = None,
    texture: Annotated[float | None, option("Surface texture; 0 is none. [1.0]")] = None,
    seed: Annotated[int | None, option("Same seed, same picture. [random]")] = None,
    count: Annotated[int, option("Pictures to make, with consecutive seeds.")] = 1,
    grid: Annotated[str | None, option("A sheet over the whole plane, ROWSxCOLUMNS, such as 5x5.")] = None,
    curve: Annotated[Path | None, option(
        "Frames along a curve: .csv of time,valence,arousal[,dominance] in s and -1..1, or .json.")] = None,
    fps: Annotated[float | None, option("Frames per second of --curve. [30]")] = None,
    prompts: Annotated[Path | None, option(
        "A stimulus set: a file of prompts, one a line, x --grid (5x5) x --seeds, in a folder with a table; "
        "the same command goes on with a set that was stopped.")] = None,
    seeds: Annotated[int | None, option("Seeds for each prompt of --prompts, from --seed up. [1]")] = None,
    match: Annotated[str | None, option(
        "With --prompts: also write the set equalised in any of luminance,contrast,saturation.")] = None,
    best_of: Annotated[int | None, option(
        "Make so many of each picture, and keep the nearest to the request by a judge.")] = None,
    refine: Annotated[int | None, option(
        "Or correct each picture so many times by what the judge misses in it.")] = None,
    like: Annotated[Path | None, option("Remake this file; other options change what they name.")] = None,
    model: Annotated[str | None, option(
        f"Ours, or Stable Diffusion 1 to 3, XL or FLUX: name, folder, hub id, .safetensors. [{IMAGE_MODEL}]"
    )] = None,
    adapter: Adapter = None,
    negative_prompt: NegativePrompt = None,
    size: Size = None,
    lora: Lora = None,
    init_image: InitImage = None,
    strength: Strength = None,
    config: Config = None,
    offload: Offload = None,
    device: Device = None,
    dtype: Annotated[str | None, option("fp32, bf16, fp16. [bf16 where it is fast]")] = None,
    output: Annotated[str | None, option(
        "A .png (--curve: .webp or .gif), overwritten if it exists; or a folder, for files named after what "
        "they show, which never overwrite. [the current folder]", "--output", "-o")] = None,
) -> None:  # fmt: skip
    """Paint a scene with a feeling; the paths of the files are printed."""
    from emotive.batch import MAX_COUNT, image_jobs, output_paths, run_image_jobs, write_images
    from emotive.plan import Place, blank_plan, differences, open_painter, plan_like, settled, with_feeling

    if like is None and not (prompt or "").strip() and not any((affect, grid, curve, prompts)):
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
        "directions": summed(parsed_amounts(direction, "--direction")) if direction else None,
    }
    theirs = {
        "adapter": adapter,
        "negative_prompt": negative_prompt,
        "size": size,
        "loras": lora,
        "init_image": init_image,
        "strength": strength,
        "config": config,
    }
    if prompts is None and (seeds is not None or match is not None):
        raise InputError("--seeds and --match go with --prompts")
    if prompts is not None:
        for name, value in (
            ("a prompt", prompt), ("--affect", affect), ("--curve", curve), ("--like", like), ("--fps", fps),
            ("--best-of", best_of), ("--refine", refine),
        ):  # fmt: skip
            if value is not None:
                raise InputError(f"--prompts makes a stimulus set; {name} does not go with it")
        if count != 1:
            raise InputError("--prompts makes a stimulus set; use --seeds instead of --count")
    made = None if like is None else plan_like(like)
    asked = {key: value for key, value in given.items() if value is not None}
    if made is not None and model is not None and model != made.model:  # another model has its own
        made = replace(made, guidance_scale=None, affect_guidance_scale=None)
        if made.backbone:
            say("note: how the other model was set (adapter, size, negative prompt, start) is not taken over")
    plan = with_feeling(replace(made or blank_plan(IMAGE_MODEL), **asked), affect, scale, grid, curve, fps)
    plan = with_backbone(plan, like is not None and model is None, theirs)
    if texture and plan.backbone:
        raise InputError("--texture is laid on pictures of the embedded model only")
    own_steps = steps is None and (made is None or model is not None)
    if prompts is not None:
        first, several = 0 if seed is None else seed, 1 if seeds is None else seeds
        _stimulus_set(plan, prompts, first, several, match, output, Place(device, dtype, offload), own_steps)
        return
    if best_of is not None and refine is not None:
        raise InputError("--best-of and --refine exclude each other")
    if (best_of is not None and not 1 <= best_of <= 100) or (refine is not None and not 0 <= refine <= 99):
        raise InputError("--best-of takes 1 to 100 pictures, --refine 0 to 99 corrections")
    if plan.affect is None and (best_of is not None or refine is not None):
        raise InputError("--best-of and --refine go with single pictures, not with --grid or --curve")
    if count > 1 and plan.affect is None:
        raise InputError("--count goes with single pictures, not with --grid or --curve")
    jobs = image_jobs(plan, count)
    targets = output_paths(plan, output, count)
    place = Place(device, dtype, offload)
    if made is not None:
        place = Place(device or _if_present(made.device), dtype or made.dtype or None, offload)
    pipe, here, plan = open_painter(plan, place, own_steps)
    jobs = image_jobs(plan, count)
    for difference in differences(made, here) if made is not None else ():
        say(f"note: {difference}; the picture may come out different")
    if best_of is None and refine is None:
        pictures = progress(run_image_jobs(pipe, jobs, batch_size(here, plan)), len(jobs))
    else:
        pictures = progress(_judged(pipe, jobs, 1 if best_of is None else best_of, refine or 0), len(jobs))
    for path in write_images(settled(plan, pipe, here), pictures, targets):
        print(path, flush=True)
    if made is None and seed is None:
        say(f"note: seed {plan.seed}")


def _stimulus_set(
    plan: Provenance,
    prompts: Path,
    seed: int,
    seeds: int,
    match: str | None,
    output: str | None,
    place: Place,
    own_steps: bool,
) -> None:
    from emotive.batch import valence_arousal_grid
    from emotive.matching import MATCHABLE
    from emotive.perceive.picture import PictureJudge
    from emotive.perceive.published import PublishedJudge
    from emotive.plan import open_painter, settled
    from emotive.stimuli import image_job, make_stimuli, match_stimuli, read_prompts, stimulus_list

    names = [] if match is None else [name.strip() for name in match.split(",")]
    if len(set(names)) != len(names) or names == [""]:
        raise InputError(f"--match {match!r}: give one or more of {', '.join(MATCHABLE)}, each once")
    if unknown := [name for name in names if name not in MATCHABLE]:
        raise InputError(f"--match {unknown[0][:40]!r} is not one of {', '.join(MATCHABLE)}")
    if not output or Path(output).suffix.lower() == ".png":
        raise InputError("say where the stimulus set goes: --output FOLDER")
    cells = plan.cells or tuple(valence_arousal_grid(5, 5))
    # What is wrong with the file and the numbers is said before anything is loaded.
    for stimulus in stimulus_list(read_prompts(prompts, lambda text: None), cells, seed, seeds):
        image_job(stimulus, plan)
    make_folder(Path(output))
    pipe, here, plan = open_painter(plan, place, own_steps)
    known = read_prompts(prompts, _words_check(pipe))
    stimuli = stimulus_list(known, cells, seed, seeds)
    judges = PictureJudge.from_pretrained(), PublishedJudge()
    folder, plan = Path(output), settled(replace(plan, grid=None, cells=(), affect=None), pipe, here)
    paths = make_stimuli(folder, plan, stimuli, pipe, judges, batch_size(here, plan))
    for path in progress(paths, len(stimuli)):
        if path.suffix == ".csv":
            print(path, flush=True)
    if names:
        table_path, report = match_stimuli(folder, names, judges, lambda rows: progress(rows, len(rows)))
        print(table_path)
        for judge, axes in report["control_after"].items():
            for axis, after in axes.items():
                before = report["control_before"][judge][axis]
                say(
                    f"note: {judge.replace('_', ' ')}, {axis}: "
                    f"CCC {before['ccc']:.2f} -> {after['ccc']:.2f}, "
                    f"Spearman within prompts {before['spearman_within_prompt']:.2f} -> "
                    f"{after['spearman_within_prompt']:.2f} with {', '.join(names)} equal"
                )


def _judged(pipe: Any, jobs: Sequence[ImageJob], best_of: int, refine: int) -> Iterator[tuple[ImageJob, Any]]:
    """The kept pictures, and what a judge that did not choose says of each."""
    from emotive.batch import run_judged_jobs

    for job, image, found in run_judged_jobs(pipe, jobs, best_of, refine):
        far = ", ".join(f"{name} {value:.2f}" for name, value in found.scores.items())
        kept = f"{found.chosen + 1} of {len(found.tries)} kept"
        say(f"note: {kept}; distance by the {found.scorer} judge: {far}")
        yield job, image


def _words_check(pipe: Any) -> Callable[[str], object]:
    """What complains about words that a model does not know; other people's models read any."""
    encoder = getattr(pipe, "text_encoder", None)
    return (lambda text: None) if encoder is None else (lambda text: encoder.tokenize([text]))


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
