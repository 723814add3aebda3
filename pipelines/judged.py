"""A judge in the loop: of several samples the nearest to what was asked, or one sample asked for until it is.

best = best_of(pipe, "a house by the sea", "serenity", n=8, seed=1)
best.image.save("serene.png")
print(best.scores)  # by another judge: the chosen one, the first alone, the mean of all

The judge that chooses never scores: whatever one optimises, its own number improves by chance alone. Both
functions work for the embedded `EmotiveImagePipeline` and for every pipeline with affect (`with_affect`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import PIL.Image
import torch

from emotive.affect import Affect
from emotive.backbones.adapter import MAX_STRENGTH, check_strength
from emotive.errors import InputError
from emotive.media.picture import as_array
from emotive.perceive.judge import Judge
from emotive.perceive.picture import PictureJudge
from emotive.perceive.published import PublishedJudge
from emotive.perceive.ratings import CalibratedJudge

from .image import EmotiveImagePipeline
from .with_affect import AffectCall

Make = Callable[[Affect, float, int], PIL.Image.Image]  # affect, affect_strength, seed -> a picture
Asking = Generator[tuple[Affect, float, int], np.ndarray, None]  # affect, strength, seed; told what was read
T = TypeVar("T")
MOST = 100  # pictures for one request
GAIN = 0.7  # of the correction that one reading asks for
LEAST_SD = 0.05  # of a calibration; below, it was fitted to too few ratings to be believed
STEEPNESS = (0.5, 2.0)  # within which the slope of a path is believed
OWN_ARGUMENTS = ("generator", "latents", "num_images_per_prompt", "output_type", "return_dict")


@dataclass(frozen=True)
class Reads:
    """How a judge reads pictures that are painted in a known affect: per axis (valence, arousal), reading =
    intercept + slope * affect, give or take one standard deviation `sd`. Judges are squeezed: their slopes
    lie below 1, and their middle is not at 0."""

    slope: tuple[float, float] = (1.0, 1.0)
    intercept: tuple[float, float] = (0.0, 0.0)
    sd: tuple[float, float] = (0.5, 0.5)

    def distance(self, request: np.ndarray, reading: np.ndarray) -> float:
        """How far a reading (2,) lies from what this judge reads, on average, where `request` (2,) was
        painted: Euclidean, in its standard deviations. So an axis that it reads vaguely counts less."""
        off = (reading - np.array(self.intercept) - np.array(self.slope) * request) / np.array(self.sd)
        return float(np.hypot(*off))

    def affect(self, reading: np.ndarray) -> np.ndarray:
        """The point (2,) for which it reads this on average: the squeeze undone; may leave [-1, 1]."""
        return (reading - np.array(self.intercept)) / np.array(self.slope)


# By fingerprint, on the painter's own pictures: 60 random scenes, none of those kept back for evaluation,
# each at 5 x 5 points in [-0.9, 0.9]. Most of the deviation is between scenes: fog, snow and night read
# otherwise than a clear day in the same affect. Any other judge is taken at its word (`Reads()`).
READS: Mapping[str, Reads] = {
    # emotive-picture-judge-1
    "9d99ff070c4edcbdc6cf988a055cb643ef7c5e286758f05fa16b4dc878bec00c": Reads(
        slope=(0.871, 0.720), intercept=(-0.115, 0.125), sd=(0.232, 0.351)
    ),
    # PublishedJudge
    "91316764ca8ca0e4d1e4cc48960ef18594e07cc6715a6c2582d87ebc670026d8": Reads(
        slope=(0.293, 0.260), intercept=(-0.101, -0.345), sd=(0.150, 0.176)
    ),
}


class Try(NamedTuple):
    """One picture on the way: what it was asked for (`affect` times `strength`, `seed`), what the judge and
    the scorer read in it (valence, arousal), and how far each reading is from the request (`Reads.distance`).
    """

    affect: Affect
    strength: float
    seed: int
    reading: tuple[float, float]
    distance: float
    scored: tuple[float, float]
    score: float


@dataclass(frozen=True)
class JudgedPictures:
    """What was kept, and what it was kept from.

    request: what was asked for. image: the picture whose reading by `judge` is nearest. chosen: its place in
    `tries`. judge, scorer: their names.
    """

    request: Affect
    image: PIL.Image.Image
    chosen: int
    tries: tuple[Try, ...]
    judge: str
    scorer: str

    @property
    def seed(self) -> int:
        """The seed of the picture."""
        return self.tries[self.chosen].seed

    @property
    def scores(self) -> dict[str, float]:
        """Distances from the request by the scorer, 0 is best: of the "chosen" picture, of the "first" alone,
        which is what a plain call would have given, and the "mean" of all."""
        each = [one.score for one in self.tries]
        return {"chosen": each[self.chosen], "first": each[0], "mean": float(np.mean(each))}

    @property
    def record(self) -> dict[str, Any]:
        """All but the picture, for JSON: what a file says of how it was chosen."""
        tries = [
            {
                "affect": str(one.affect),
                "affect_strength": round(one.strength, 4),
                "seed": one.seed,
                self.judge: [round(x, 4) for x in one.reading],
                self.scorer: [round(x, 4) for x in one.scored],
                "distance": round(one.distance, 4),
                "score": round(one.score, 4),
            }
            for one in self.tries
        ]
        scores = {name: round(value, 4) for name, value in self.scores.items()}
        return {
            "request": str(self.request),
            "judge": self.judge,
            "scorer": self.scorer,
            "chosen": self.chosen,
            "scores": scores,
            "tries": tries,
        }


def best_of(
    pipe: Any,
    prompt: str | Sequence[str],
    affect: Affect | str | Sequence[Affect | str],
    *,
    n: int = 8,
    judge: Judge | None = None,
    scorer: Judge | None = None,
    seed: int = 0,
    affect_strength: float = 1.0,
    **call: Any,
) -> Any:
    """Makes n pictures, with the seeds seed, seed + 1, ..., and keeps the nearest to the request.

    Args:
        pipe: an `EmotiveImagePipeline`, or a pipeline with affect.
        prompt, affect: as in the call; of lists, each request gets the same seeds. The request that pictures
            are held against is the affect times `affect_strength`, cut off at +-1.
        n: 1..100 pictures; 1 is the plain call with a generator of this seed.
        judge: chooses. None: `PictureJudge`.
        scorer: scores. None: `PublishedJudge`.
        call: further arguments of the pipeline.

    Returns:
        `JudgedPictures`; a list of them for lists.

    Raises:
        InputError: an argument cannot be honoured, or judge and scorer are one.
    """
    if not isinstance(n, int) or not 1 <= n <= MOST:
        raise InputError(f"n must be a whole number in 1..{MOST}, not {n!r}")
    _check(seed, affect_strength, n)
    judges = two_judges(judge, scorer)

    def one(prompt: str, affect: Affect) -> JudgedPictures:
        return nearest(maker(pipe, prompt, **call), affect, affect_strength, range(seed, seed + n), *judges)

    return _each(one, prompt, affect)


def refine(
    pipe: Any,
    prompt: str | Sequence[str],
    affect: Affect | str | Sequence[Affect | str],
    *,
    k: int = 4,
    judge: Judge | None = None,
    scorer: Judge | None = None,
    seed: int = 0,
    affect_strength: float = 1.0,
    gain: float = GAIN,
    reach: float | None = None,
    **call: Any,
) -> Any:
    """Makes a picture, then up to k more from the same noise, each asked for what the judge missed in the one
    before, and keeps the nearest to the request.

    Args:
        k: corrections, 0..99; 0 is the plain call with a generator of this seed.
        gain: share of a correction that is taken, (0, 2].
        reach: how far from neutral may be asked for on each axis, 1..10, beyond 1 by strength. None: 1 for
            the embedded model, which knows nothing beyond, and 2 for a backbone.
        others: as in `best_of`.

    Returns:
        `JudgedPictures`, whose `tries` are the path; a list of them for lists.

    Raises:
        InputError: an argument cannot be honoured, or judge and scorer are one.
    """
    if not isinstance(k, int) or not 0 <= k < MOST:
        raise InputError(f"k must be a whole number in 0..{MOST - 1}, not {k!r}")
    if not 0 < gain <= 2:
        raise InputError(f"gain must lie above 0 and up to 2, not {gain:g}")
    _check(seed, affect_strength)
    judges = two_judges(judge, scorer)
    if reach is None:
        reach = reach_of(pipe)
    if not 1 <= reach <= MAX_STRENGTH:
        raise InputError(f"reach must lie in 1..{MAX_STRENGTH:g}, not {reach:g}")

    def one(prompt: str, affect: Affect) -> JudgedPictures:
        return steered(maker(pipe, prompt, **call), affect, affect_strength, seed, k, *judges, gain, reach)

    return _each(one, prompt, affect)


def nearest(
    make: Make, affect: Affect, strength: float, seeds: Sequence[int], judge: Judge, scorer: Judge
) -> JudgedPictures:
    """`best_of` for whatever makes pictures. Holds one picture at a time beside the best."""

    def asked() -> Asking:
        for seed in seeds:
            yield affect, strength, seed

    return _kept(make, affect, strength, asked(), judge, scorer)


def steered(
    make: Make,
    affect: Affect,
    strength: float,
    seed: int,
    k: int,
    judge: Judge,
    scorer: Judge,
    gain: float = GAIN,
    reach: float = 1.0,
) -> JudgedPictures:
    """`refine` for whatever makes pictures: asks for points up to +-`reach`, those beyond +-1 by strength.

    For each axis on its own: asked += gain (request - affect read) / slope, the slope that of the last two
    tries (secant method), kept within `STEEPNESS`. It ends early where nothing more can be asked for.
    """
    reads, request = reads_of(judge), _request(affect, strength)
    path: list[tuple[np.ndarray, np.ndarray]] = []  # asked, read

    def asked() -> Asking:
        point = request
        for i in range(k + 1):
            if i == 0:
                reading = yield affect, strength, seed
            else:
                reading = yield *_as_asked(point, affect, strength), seed
            path.append((point, reads.affect(reading)))
            slope = np.ones(2)
            if len(path) > 1:
                (before, was), (now, is_) = path[-2:]
                step = np.abs(now - before) > 0.02
                slope[step] = ((is_ - was)[step] / (now - before)[step]).clip(*STEEPNESS)
            following = (point + gain * (request - path[-1][1]) / slope).clip(-reach, reach)
            if np.abs(following - point).max() < 0.01:
                return
            point = following

    return _kept(make, affect, strength, asked(), judge, scorer)


def maker(pipe: Any, prompt: str, **call: Any) -> Make:
    """What makes single pictures with a pipeline; noise is drawn on the CPU from the seed.

    Raises InputError if the pipeline takes no affect, or for arguments that are set here.
    """
    if not isinstance(pipe, (EmotiveImagePipeline, AffectCall)):
        raise InputError(f"{type(pipe).__name__} has no affect yet: attach it with with_affect(pipe)")
    for name in OWN_ARGUMENTS:
        if name in call:
            raise InputError(f"{name} is set by the judge's loop: leave it out, and give seed=")

    def make(affect: Affect, strength: float, seed: int) -> PIL.Image.Image:
        noise = torch.Generator("cpu").manual_seed(seed)
        options = {**call, "prompt": prompt, "affect": affect, "affect_strength": strength}
        output: Any = pipe(**options, generator=noise)
        return output.images[0]

    return make


def reach_of(pipe: Any) -> float:
    """How far from neutral `refine` asks for on each axis: the embedded model knows nothing beyond 1."""
    return 1.0 if isinstance(pipe, EmotiveImagePipeline) else 2.0


def two_judges(judge: Judge | None = None, scorer: Judge | None = None) -> tuple[Judge, Judge]:
    """The judge that chooses and the one that scores, with their defaults. Raises InputError if they are one,
    by object, kind or fingerprint; a calibrated judge is the one that it calibrates."""
    choosing = PictureJudge.from_pretrained() if judge is None else judge
    scoring = PublishedJudge() if scorer is None else scorer
    mine, other = (one.judge if isinstance(one, CalibratedJudge) else one for one in (choosing, scoring))
    if mine is other or type(mine) is type(other) or mine.fingerprint() == other.fingerprint():
        raise InputError(f"the {choosing.name} judge cannot choose and score: give another as scorer=")
    return choosing, scoring


def reads_of(judge: Judge) -> Reads:
    """How this judge reads, as far as it was measured; a calibrated one by its own error."""
    if isinstance(judge, CalibratedJudge):
        lines = judge.calibration.valence, judge.calibration.arousal
        return Reads(sd=(max(lines[0].sd, LEAST_SD), max(lines[1].sd, LEAST_SD)))
    return READS.get(judge.fingerprint(), Reads())


def _kept(
    make: Make, affect: Affect, strength: float, asked: Asking, judge: Judge, scorer: Judge
) -> JudgedPictures:
    """Makes what is asked for, tells the asker what the judge read, and keeps the nearest."""
    request = _request(affect, strength)
    tries: list[Try] = []
    kept: tuple[int, PIL.Image.Image] | None = None
    wanted = next(asked, None)
    while wanted is not None:
        image = make(*wanted)
        pixels = as_array(image)
        reading, scored = _read(judge, pixels), _read(scorer, pixels)
        far = reads_of(judge).distance(request, reading)
        if kept is None or far < tries[kept[0]].distance:
            kept = (len(tries), image)
        score = reads_of(scorer).distance(request, scored)
        tries.append(Try(*wanted, _pair(reading), far, _pair(scored), score))
        try:
            wanted = asked.send(reading)
        except StopIteration:
            wanted = None
    if kept is None:
        raise InputError("there is nothing to choose from: give at least one seed")
    return JudgedPictures(affect, kept[1], kept[0], tuple(tries), judge.name, scorer.name)


def _as_asked(point: np.ndarray, affect: Affect, strength: float) -> tuple[Affect, float]:
    """A point of valence and arousal (2,), as an affect in range and how strong; dominance as requested."""
    beyond = max(1.0, float(np.abs(point).max()))
    valence, arousal = (float(x) for x in point / beyond)
    if affect.dominance is None:
        return Affect(valence, arousal), beyond
    dominance = min(max(affect.dominance * strength, -1.0), 1.0)
    return Affect(valence, arousal, dominance / beyond), beyond


def _check(seed: Any, strength: float, count: int = 1) -> None:
    if not isinstance(seed, int) or not 0 <= seed <= 2**63 - count:
        raise InputError(f"seed must be a whole number in 0..{2**63 - count}, not {seed!r}")
    check_strength(strength)


def _request(affect: Affect, strength: float) -> np.ndarray:
    """(2,): valence and arousal that pictures are held against."""
    return (np.array([affect.valence, affect.arousal]) * strength).clip(-1, 1)


def _read(judge: Judge, pixels: np.ndarray) -> np.ndarray:
    found = judge.estimate([pixels])
    return np.array([found.valence[0], found.arousal[0]])


def _pair(values: np.ndarray) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _each(one: Callable[[str, Affect], T], prompt: Any, affect: Any) -> T | list[T]:
    """`one` for a prompt and an affect; for lists, of every pair."""
    prompts = [prompt] if isinstance(prompt, str) else list(prompt)
    alone = isinstance(affect, (str, Affect))
    affects = [Affect.parse(a) for a in ([affect] if alone else affect)]
    if isinstance(prompt, str) and alone:
        return one(prompts[0], affects[0])
    counts = len(prompts), len(affects)
    if min(counts) == 0 or (counts[0] != counts[1] and min(counts) > 1):
        raise InputError(
            f"{counts[0]} prompts and {counts[1]} affects: give as many of both, or one of either"
        )
    n = max(counts)
    return [one(p, a) for p, a in zip(prompts * (n // counts[0]), affects * (n // counts[1]), strict=True)]
