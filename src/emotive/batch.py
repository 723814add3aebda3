"""Many pictures: what each is made from, and the loop that makes them; grids and curves as affects."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.media import check_folder, free_name, slug
from emotive.media.contact_sheet import write_grid
from emotive.media.image import ANIMATIONS, check_output, write_animation, write_frames, write_png
from emotive.media.provenance import Provenance

if TYPE_CHECKING:
    from PIL import Image

    from emotive.pipelines.backbone import BackbonePainter
    from emotive.pipelines.image import EmotiveImagePipeline
    from emotive.pipelines.judged import JudgedPictures

    Painter = EmotiveImagePipeline | BackbonePainter

MAX_COUNT = 10_000
MAX_SIDE = 21  # cells along one side of a grid: steps of 0.1
MAX_STEPS = 1000
MAX_FRAMES = 1800  # one minute at 30 frames/s; an animation is encoded in memory
MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class ImageJob:
    """One picture to make. Each has a generator of its own, so it comes out the same alone or among others.

    `seed` 0 .. 2**63 - 1; `num_inference_steps` 1 .. 1000; `affect_strength` >= 0 (0 is neutral); a guidance
    scale None is the model's default. Raises InputError outside these.
    """

    prompt: str = ""
    affect: Affect = field(default_factory=Affect.neutral)
    seed: int = 0
    num_inference_steps: int = 4
    guidance_scale: float | None = None
    affect_guidance_scale: float | None = None
    affect_strength: float = 1.0
    texture: float = 1.0
    directions: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)  # what else its file should say

    def __post_init__(self) -> None:
        if not 0 <= self.seed <= MAX_SEED:
            raise InputError(f"seed {self.seed} is out of range: use 0 to {MAX_SEED}")
        if not 1 <= self.num_inference_steps <= MAX_STEPS:
            raise InputError(f"{self.num_inference_steps} steps make no sense: use 1 to {MAX_STEPS}")
        for name in ("guidance_scale", "affect_guidance_scale", "affect_strength", "texture"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} {value} is out of range: use a number from 0 up, 1 is plain")

    @property
    def settings(self) -> dict[str, Any]:
        """What jobs must share to run in one batch."""
        return {
            "num_inference_steps": self.num_inference_steps,
            "guidance_scale": self.guidance_scale,
            "affect_guidance_scale": self.affect_guidance_scale,
            "affect_strength": self.affect_strength,
            "texture": self.texture,
            **({"directions": dict(self.directions)} if self.directions else {}),
        }


def run_image_jobs(
    pipe: Painter, jobs: Iterable[ImageJob], batch_size: int = 1
) -> Iterator[tuple[ImageJob, Image.Image]]:
    """Makes the pictures in order, up to `batch_size` neighbours with equal settings at a time.

    Noise is drawn on the CPU from each job's seed, so a device changes a picture only by rounding; so may the
    batch size: 1 remakes bit for bit.
    """
    import torch

    for _, group in groupby(jobs, key=lambda job: job.settings):
        while batch := list(islice(group, batch_size)):
            output: Any = pipe(
                prompt=[job.prompt for job in batch],
                affect=[job.affect for job in batch],
                generator=[torch.Generator("cpu").manual_seed(job.seed) for job in batch],
                **batch[0].settings,
            )
            yield from zip(batch, output.images, strict=True)


def run_judged_jobs(
    pipe: Painter, jobs: Sequence[ImageJob], best_of: int = 1, refine: int = 0
) -> Iterator[tuple[ImageJob, Image.Image, JudgedPictures]]:
    """Makes each picture `best_of` times, with seeds of its own, or refines it up to `refine` times, and
    keeps what a judge finds nearest to the request (`pipelines/judged.py`). The job that is given back is
    what the picture was made from in the end: it remakes it alone.
    """
    from emotive.pipelines.judged import MOST, nearest, reach_of, steered, two_judges

    if not (1 <= best_of <= MOST and 0 <= refine < MOST) or (best_of > 1 and refine):
        raise InputError(f"choose the best of 1 to {MOST}, or refine 0 to {MOST - 1} times; not both")
    judges = two_judges()
    reach = reach_of(pipe)
    for i, job in enumerate(jobs):
        seed = job.seed + i * (best_of - 1)

        def make(affect: Affect, strength: float, seed: int, job: ImageJob = job) -> Image.Image:
            asked = replace(job, affect=affect, affect_strength=strength, seed=seed)
            return next(run_image_jobs(pipe, [asked]))[1]

        if refine:
            found = steered(make, job.affect, job.affect_strength, seed, refine, *judges, reach=reach)
        else:
            seeds = range(seed, seed + best_of)
            found = nearest(make, job.affect, job.affect_strength, seeds, *judges)
        kept = found.tries[found.chosen]
        told = {
            "requested": str(job.affect),
            "chosen_by": found.judge,
            "chosen_of": len(found.tries),
            "distance_by": found.scorer,
            "distance": {name: round(value, 3) for name, value in found.scores.items()},
        }
        done = replace(job, affect=kept.affect, affect_strength=kept.strength, seed=kept.seed, extra=told)
        yield done, found.image, found


def image_jobs(plan: Provenance, count: int = 1) -> list[ImageJob]:
    """The jobs behind what `plan` describes: `count` pictures with consecutive seeds, the cells of a sheet,
    or the frames of a curve, which share one seed. Raises InputError where a value is out of range.
    """
    if plan.curve is not None:
        affects = curve_frames(plan.curve, 30.0 if plan.fps is None else plan.fps)
    else:
        affects = plan.cells if plan.affect is None else [plan.affect] * count
    settings = (
        plan.num_inference_steps,
        plan.guidance_scale,
        plan.affect_guidance_scale,
        plan.affect_strength,
        plan.texture,
        plan.directions,
    )
    step = 0 if plan.affect is None else 1
    return [
        ImageJob(plan.prompt, affect, plan.seed + step * i, *settings) for i, affect in enumerate(affects)
    ]


def output_paths(plan: Provenance, output: str | None = None, count: int = 1) -> list[Path]:
    """Where the files of `plan` go; to be asked before the long work.

    `output` is a file, which will be overwritten (numbered name-1, name-2 ... if `count` > 1), or a folder,
    by default the current one, for names that say what the files show and are still free. A curve without
    a file name gets a folder of frames. Raises InputError for a folder that is missing or cannot be written,
    or a suffix other than .png (for a curve .webp or .gif).
    """
    suffixes = (".png",) if plan.curve is None else ANIMATIONS
    if output is not None and not output.endswith(("/", os.sep)) and not Path(output).is_dir():
        path, width = Path(output), len(str(count))
        numbers = [f"-{i:0{width}}" for i in range(1, count + 1)] if count > 1 else [""]
        paths = [path.with_name(f"{path.stem}{number}{path.suffix}") for number in numbers]
        for each in paths:
            check_output(each, suffixes)
        return paths
    folder = Path(output or ".")
    check_folder(folder)
    if plan.grid is not None:
        feeling = "grid-{}x{}".format(*plan.grid)
    elif plan.affect is None:
        feeling = "curve"
    elif plan.affect == Affect.neutral():
        feeling = "neutral"
    elif plan.affect_text and "," not in plan.affect_text:
        feeling = slug(plan.affect_text)
    else:
        feeling = f"v{plan.affect.valence:+.2f}a{plan.affect.arousal:+.2f}"
    stem = f"emotive-{slug(plan.prompt) or 'mood'}-{feeling}"
    suffix = "" if plan.curve is not None else ".png"
    return [free_name(folder / f"{stem}-{plan.seed + i}{suffix}") for i in range(count)]


def write_images(
    plan: Provenance, pictures: Iterator[tuple[ImageJob, Any]], targets: list[Path]
) -> Iterator[Path]:
    """Takes as many `pictures` as the files of `plan` need, writes them to `targets`, and yields the paths.

    Each file's provenance is `plan` with its own seed, affect and size.
    """
    if plan.curve is not None:
        frames = (
            (image, replace(plan, affect=job.affect, curve=None, fps=None, size=image.size, index=i))
            for i, (job, image) in enumerate(pictures)
        )
        if targets[0].suffix.lower() in ANIMATIONS:
            images = [image for image, _ in frames]
            made = replace(plan, size=images[0].size)
            yield write_animation(targets[0], images, plan.fps or 30.0, made)
        else:
            yield from write_frames(targets[0], frames, plan.fps or 30.0, plan)
    elif plan.grid is not None:
        images = [image for _, image in islice(pictures, len(plan.cells))]
        yield write_grid(targets[0], images, plan.grid[1], replace(plan, size=images[0].size))
    else:
        for i, (target, (job, image)) in enumerate(zip(targets, pictures, strict=False)):
            made = replace(plan, affect=job.affect, affect_strength=job.affect_strength, seed=job.seed)
            yield write_png(target, image, replace(made, size=image.size, index=i, extra=job.extra))


def valence_arousal_grid(rows: int, columns: int) -> list[Affect]:
    """Affects spread evenly over the plane, in reading order.

    Valence runs -1 .. 1 from left to right, arousal 1 .. -1 from top to bottom; a single row or column
    is at 0. Raises InputError unless both are 1 .. 21.
    """
    if not (1 <= rows <= MAX_SIDE and 1 <= columns <= MAX_SIDE):
        raise InputError(f"a grid of {rows}x{columns} makes no sense: use 1x1 to {MAX_SIDE}x{MAX_SIDE}")
    return [Affect(valence, -arousal) for arousal in _spread(rows) for valence in _spread(columns)]


def curve_frames(curve: AffectCurve, fps: float) -> list[Affect]:
    """The affect of every frame, at 0, 1/fps, 2/fps ... seconds; at least one.

    Raises InputError unless `fps` is above 0 and at most 120, or if there would be more than 1800 frames.
    """
    if not 0 < fps <= 120:
        raise InputError(f"{fps} frames per second make no sense: use a number above 0, up to 120")
    if curve.duration * fps > MAX_FRAMES:
        raise InputError(
            f"{curve.duration:g} s at {fps:g} frames/s are more than {MAX_FRAMES} frames: lower the fps"
        )
    return [curve.at(i / fps) for i in range(max(1, round(curve.duration * fps)))]


def _spread(count: int) -> list[float]:
    return [2 * i / (count - 1) - 1 for i in range(count)] if count > 1 else [0.0]
