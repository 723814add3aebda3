"""The picture protocol: does the image model paint the feeling that was asked for, and still the scene?

Captions are combinations of subject, setting, time and weather that training never saw. Each is painted at
every point of a grid over the valence-arousal plane from the same noise, by the model and by arms that say
what its numbers are worth: the teacher it learned from (the ceiling), a colour grade of its own neutral
picture (control without painting), the neutral picture for every request, and requests in random order.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image

import emotive
from emotive.affect import Affect
from emotive.data.scenes import SUBJECTS, Scene, all_scenes, caption, random_scene
from emotive.errors import InputError
from emotive.media.provenance import now
from emotive.media.texture import lay_texture
from emotive.perceive.attributes import picture_attributes
from emotive.perceive.scene import SceneReader
from emotive.pipelines.image import EmotiveImagePipeline

from . import metrics
from .colour_grade import colour_grade
from .protocol import Judge, Measurements, Protocol, run
from .report import Evaluation, Sheet
from .summary import chance, content, control

MEDIUM = "image"
FAR = 0.9  # the outermost level of the grid; the rim itself is an edge of what training saw
NUISANCES = ("luminance", "rms_contrast", "saturation")
CYCLES = 64.0  # per picture: twice what the 64px latent can carry, so what the decoder has to draw itself
GRADE_SIDE = 256  # px; judges look at no more
THUMB, TILE = 32, 120  # px: for neighbours, and in the sheets of the report
PAINTED_AT_ONCE = 9  # pictures; bounds memory
VARIANTS = ("one_step", "no_texture")


@dataclass(frozen=True)
class PictureCaption:
    """A scene and the words for it. What the words leave unsaid is a clear day, as the painter has it."""

    scene: Scene
    text: str
    number: int

    def noise(self, seed: int) -> int:
        """The seed of its noise: the same within a caption, another for the next."""
        return 1000 * seed + self.number


def held_out_captions(count: int, seed: int = 0) -> list[PictureCaption]:
    """`count` captions of reserved combinations, subjects in turn; the first ones do not depend on `count`.

    Raises InputError for fewer than 1 or more than there are.
    """
    rng = random.Random(f"captions/{seed}")
    by_subject = {name: [s for s in all_scenes() if s.reserved and s.subject == name] for name in SUBJECTS}
    for scenes in by_subject.values():
        rng.shuffle(scenes)
    rounds = range(max(len(scenes) for scenes in by_subject.values()))
    chosen = [scenes[i] for i in rounds for scenes in by_subject.values() if i < len(scenes)]
    if not 1 <= count <= len(chosen):
        raise InputError(f"captions must be 1 to {len(chosen)}, the combinations kept back, not {count}")
    return [PictureCaption(scene, caption(scene, rng), i) for i, scene in enumerate(chosen[:count])]


def affect_grid(rows: int, columns: int) -> list[Affect]:
    """Arousal in `rows` levels from the top, valence in `columns` levels, each from -0.9 to 0.9.

    Raises InputError for fewer than 2 or more than 9 of either.
    """
    if not (2 <= rows <= 9 and 2 <= columns <= 9):
        raise InputError(f"the grid must have 2 to 9 rows and columns, not {rows}x{columns}")
    levels = [[FAR * (2 * i / (n - 1) - 1) for i in range(n)] for n in (rows, columns)]
    return [Affect(v, a) for a in reversed(levels[0]) for v in levels[1]]


def picture_protocol(
    pipe: EmotiveImagePipeline,
    judges: Mapping[str, Judge],
    reader: SceneReader,
    captions: Sequence[PictureCaption],
    affects: Sequence[Affect],
    seeds: Sequence[int] = (1,),
    steps: int = 4,
    show: Callable[[str, int, int, Sequence[np.ndarray]], None] = lambda *_: None,
) -> Protocol:
    """The protocol of an image pipeline. Items are uint8 (H, W, 3). Needs skia-python, for the teacher."""
    from emotive.data.painter import paint

    arms = {
        **model_arms(pipe, steps),
        "teacher": lambda caption, affects, seed: [
            paint(caption.scene, a, caption.noise(seed), 512) for a in affects
        ],
    }

    def right(caption: PictureCaption, items: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        reading = reader.read(items)
        wanted = {of.name: getattr(caption.scene, of.name) or "none" for of in fields(Scene)}
        return {kind: np.array(reading.names(kind)) == name for kind, name in wanted.items()}

    def nuisances(items: Sequence[np.ndarray]) -> np.ndarray:
        found = [picture_attributes(item) for item in items]
        return np.array([[getattr(of, name) for name in NUISANCES] for of in found])

    return Protocol(
        captions, affects, seeds, arms, judges, nuisances, content=right, features=reader.features, show=show
    )


def model_arms(pipe: EmotiveImagePipeline, steps: int = 4) -> dict[str, Any]:
    """The arms that paint with the model: "model" as shipped, "one_step", "no_texture", "colour_grade" of the
    model's neutral picture, and "constant", that picture for every request. All from the same noise."""

    @lru_cache(
        maxsize=2
    )  # `model` and `no_texture` are one decoding, the graded and the constant one another
    def bare(text: str, affects: tuple[Affect, ...], seed: int) -> torch.Tensor:
        return _decoded(pipe, text, affects, seed, steps)

    def model(caption: PictureCaption, affects: Sequence[Affect], seed: int) -> list[np.ndarray]:
        return _textured(bare(caption.text, tuple(affects), caption.noise(seed)), affects)

    def no_texture(caption: PictureCaption, affects: Sequence[Affect], seed: int) -> list[np.ndarray]:
        return _textured(bare(caption.text, tuple(affects), caption.noise(seed)), affects, 0.0)

    def one_step(caption: PictureCaption, affects: Sequence[Affect], seed: int) -> list[np.ndarray]:
        return _textured(_decoded(pipe, caption.text, affects, caption.noise(seed), 1), affects)

    def constant(caption: PictureCaption, affects: Sequence[Affect], seed: int) -> list[np.ndarray]:
        neutral = (Affect.neutral(),)
        return _textured(bare(caption.text, neutral, caption.noise(seed)), neutral) * len(affects)

    def graded(caption: PictureCaption, affects: Sequence[Affect], seed: int) -> list[np.ndarray]:
        (neutral,) = constant(caption, affects[:1], seed)
        return colour_grade(_resized(neutral, GRADE_SIDE), affects)

    return {
        "model": model,
        "no_texture": no_texture,
        "one_step": one_step,
        "colour_grade": graded,
        "constant": constant,
    }


def _decoded(
    pipe: EmotiveImagePipeline, text: str, affects: Sequence[Affect], seed: int, steps: int
) -> torch.Tensor:
    """Pictures (B, 3, 512, 512) in [0, 1] without texture, each from the same noise."""
    parts = []
    for i in range(0, len(affects), PAINTED_AT_ONCE):
        some: list[Any] = list(affects[i : i + PAINTED_AT_ONCE])
        noise = [torch.Generator().manual_seed(seed) for _ in some]
        options: dict[str, Any] = {"num_inference_steps": steps, "generator": noise, "output_type": "latent"}
        with torch.no_grad():
            latents: Any = pipe([text] * len(some), some, return_dict=False, **options)[0]
            parts.append(pipe.decode(latents))
    return torch.cat(parts)


def _textured(pictures: torch.Tensor, affects: Sequence[Affect], amount: float = 1.0) -> list[np.ndarray]:
    """The last step of the pipeline, and its rounding to PIL's bytes."""
    arousal = torch.tensor([a.arousal for a in affects], device=pictures.device)
    done = lay_texture(pictures, arousal, amount)
    return list((255 * done).round().byte().permute(0, 2, 3, 1).cpu().numpy())


def evaluate_image(
    pipe: EmotiveImagePipeline,
    judges: Mapping[str, Judge],
    reader: SceneReader,
    captions: int = 24,
    grid: tuple[int, int] = (5, 5),
    seeds: int = 1,
    steps: int = 4,
    resamples: int = 5000,
    neighbours: int = 1500,
    command: str = "",
    progress: Callable[[str], None] = lambda line: None,
) -> Evaluation:
    """Paints, reads and sums up; nothing is written.

    Args:
        judges: name -> judge; the first is the headline, each other one is found under its name.
        reader: what reads the content back, and the space in which distributions are compared.
        captions: how many held-out captions.
        grid: rows (arousal) and columns (valence) of requests for each.
        seeds: noises for each caption and request: 1, 2, ...
        steps: of the model.
        resamples: of the bootstrap by caption.
        neighbours: fresh training paintings in which the nearest is looked for.
        command: as the report should tell it.
        progress: told what is done next, `batches_of` times.

    Raises InputError for numbers that make no sense. Needs skia-python.
    """
    if not 1 <= seeds <= 100:
        raise InputError(f"seeds must be 1 to 100, not {seeds}")
    chosen, affects, noises = held_out_captions(captions), affect_grid(*grid), range(1, seeds + 1)
    gallery = _Gallery(grid, shown=_unlike(len(chosen)))
    protocol = picture_protocol(pipe, judges, reader, chosen, affects, noises, steps, gallery)
    found = run(protocol, progress)
    progress("quality")
    quality = _quality(found, gallery, reader, chosen, affects, noises, neighbours)
    by_judge = {name: _numbers(found, name, resamples) for name in judges}
    first, *others = judges
    report = {
        "emotive": emotive.__version__,
        "medium": MEDIUM,
        "created": now(),
        "command": command,
        "model": {"name": pipe.name, "fingerprint": pipe.fingerprint(), "steps": steps},
        "judges": {
            name: {"name": judges[name].name, "fingerprint": judges[name].fingerprint()}
            | (by_judge[name] if name in others else {})
            for name in judges
        },
        "headline_judge": first,
        "scene_reader": {"name": reader.name, "fingerprint": reader.fingerprint()},
        "n": len(found["model"].requested),
        "captions": [c.text for c in chosen],
        "grid": list(grid),
        "levels": {
            "valence": sorted({round(a.valence, 6) for a in affects}),
            "arousal": sorted({round(a.arousal, 6) for a in affects}),
        },
        "seeds": list(noises),
        "noise": "1000 x seed + number of the caption, from 0",
        "made_on": {
            "device": str(pipe.device),
            "dtype": str(pipe.denoiser.dtype).removeprefix("torch."),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
        "nuisances": list(NUISANCES),
        "resamples": resamples,
        "spearman_ceiling": {
            axis: metrics.spearman_ceiling(np.tile([getattr(a, axis) for a in affects], seeds))
            for axis in ("valence", "arousal")
        },
        **by_judge[first],
        "content": {**content(found["model"]), "teacher": content(found["teacher"])},
        "quality": quality,
    }
    points = {
        (arm, name): np.concatenate([found[arm].requested, found[arm].measured[name]], 1)
        for arm in ("model", "teacher", "colour_grade")
        for name in judges
    }
    sheets = [
        Sheet(chosen[number].text, {arm: gallery.sheet(arm, number) for arm in gallery.arms})
        for number in gallery.shown
    ]
    return Evaluation(report, points, sheets)


def batches_of(captions: int, seeds: int) -> int:
    """How often `evaluate_image` tells its progress: six arms, and once for the rest."""
    return 6 * captions * seeds + 1


def _numbers(found: Mapping[str, Measurements], judge: str, resamples: int) -> dict[str, Any]:
    """What one judge makes of every arm."""
    model = control(found["model"], judge, resamples)
    arms = {arm: control(found[arm], judge, resamples) for arm in found if arm != "model"}
    baselines = {name: arms[name] for name in ("constant", "colour_grade", "teacher")}
    baselines["shuffled"] = chance(found["model"], judge)
    return {**model, "baselines": baselines, "variants": {name: arms[name] for name in VARIANTS}}


def _quality(
    found: Mapping[str, Measurements],
    gallery: _Gallery,
    reader: SceneReader,
    captions: Sequence[PictureCaption],
    affects: Sequence[Affect],
    noises: Sequence[int],
    neighbours: int,
) -> dict[str, Any]:
    """How the model's pictures differ from the teacher's, beside how two halves of the teacher's differ: the
    same captions and affects, painted from other seeds."""
    from emotive.data.painter import paint

    features, detail = [], []
    for one in captions:
        for seed in noises:
            pictures = [paint(one.scene, a, 10**6 + one.noise(seed), 512) for a in affects]
            features.append(reader.features(pictures))
            detail += [metrics.high_frequency_energy(p, CYCLES) for p in pictures]
    halves = found["teacher"].features, np.concatenate(features)
    fine = {arm: float(np.mean(gallery.detail[arm])) for arm in gallery.detail}
    teacher = (fine["teacher"] + float(np.mean(detail))) / 2

    groups = found["model"].caption if len(captions) > 1 else None

    def kid(arm: str) -> float:
        each = [metrics.kernel_distance(found[arm].features, half, groups) for half in halves]
        return float(np.mean(each))

    rng = random.Random("neighbours")
    paintings = []
    for _ in range(neighbours):
        affect = Affect(rng.uniform(-1, 1), rng.uniform(-1, 1))
        painting = paint(random_scene(rng), affect, rng.getrandbits(31), 128)
        paintings.append(_resized(painting, THUMB).ravel() / 255)
    near = {
        arm: float(np.median(metrics.nearest_distance(np.stack(gallery.thumbs[arm]), np.stack(paintings))))
        for arm in ("model", "teacher")
    }
    return {
        "kid": kid("model"),
        "kid_teacher_halves": metrics.kernel_distance(*halves, groups),
        "kid_teacher_halves_95": _noise_of_halves(*halves, found["model"].caption, groups),
        "kid_variants": {arm: kid(arm) for arm in (*VARIANTS, "colour_grade")},
        "high_frequency": fine["model"] / teacher,
        "high_frequency_teacher_halves": float(np.mean(detail)) / fine["teacher"],
        "high_frequency_no_texture": fine["no_texture"] / teacher,
        "high_frequency_share": fine | {"teacher_other_half": float(np.mean(detail))},
        "high_frequency_above": CYCLES,
        "nearest_neighbour": {
            "generated": near["model"],
            "held_out_paintings": near["teacher"],
            "ratio": near["model"] / near["teacher"],
            "among": neighbours,
        },
    }


def _noise_of_halves(
    one: np.ndarray, other: np.ndarray, caption: np.ndarray, groups: np.ndarray | None, times: int = 100
) -> float:
    """How far apart two halves of one kind come out by chance: the 95th percentile of their kernel distance
    when each caption's pictures go to either half at random."""
    rng, found = np.random.default_rng(0), []
    for _ in range(times):
        swap = rng.random(caption.max() + 1)[caption][:, None] < 0.5
        mixed = np.where(swap, other, one), np.where(swap, one, other)
        found.append(metrics.kernel_distance(*mixed, groups))
    return float(np.quantile(found, 0.95))


class _Gallery:
    """What is kept of pictures that are otherwise forgotten: tiles of a few captions, thumbs, fine detail."""

    arms = ("model", "teacher", "colour_grade")

    def __init__(self, grid: tuple[int, int], shown: Sequence[int]):
        self.grid, self.shown = grid, tuple(shown)
        self.tiles: dict[tuple[str, int], list[np.ndarray]] = {}
        self.thumbs: dict[str, list[np.ndarray]] = {"model": [], "teacher": []}
        self.detail: dict[str, list[float]] = {"model": [], "teacher": [], "no_texture": []}

    def __call__(self, arm: str, caption: int, seed: int, items: Sequence[np.ndarray]) -> None:
        if arm in self.arms and caption in self.shown and (arm, caption) not in self.tiles:
            self.tiles[arm, caption] = [_resized(item, TILE) for item in items]
        if arm in self.thumbs:
            self.thumbs[arm] += [_resized(item, THUMB).ravel() / 255 for item in items]
        if arm in self.detail:
            self.detail[arm] += [metrics.high_frequency_energy(item, CYCLES) for item in items]

    def sheet(self, arm: str, caption: int) -> np.ndarray:
        """The tiles of one caption, high arousal on top, uint8 (rows * TILE, columns * TILE, 3)."""
        rows, columns = self.grid
        tiles = np.stack(self.tiles[arm, caption]).reshape(rows, columns, TILE, TILE, 3)
        return tiles.transpose(0, 2, 1, 3, 4).reshape(rows * TILE, columns * TILE, 3)


def _unlike(count: int) -> list[int]:
    """Up to three captions to show, spread evenly: chosen by number, not by looks."""
    return sorted({round(i * (count - 1) / 2) for i in range(3)})


def _resized(picture: np.ndarray, side: int) -> np.ndarray:
    """uint8 (H, W, 3) -> (side, side, 3), averaged over areas."""
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BOX))
