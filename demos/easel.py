"""What the Studio paints with: one pipeline, opened in the background, one picture at a time. No Gradio."""

from __future__ import annotations

import re
import secrets
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotive.affect import Affect
from emotive.batch import MAX_SEED, ImageJob, image_jobs, run_image_jobs
from emotive.errors import InputError
from emotive.media.provenance import Provenance
from emotive.plan import blank_plan, edited_plan, load_pipeline, settled, with_feeling

from .background import OPENING

if TYPE_CHECKING:
    from PIL import Image

    from emotive.pipelines.image import EmotiveImagePipeline

LONGEST_PROMPT = 500  # characters; a scene takes fewer than 60
MAX_UPLOAD_PIXELS = 24 * 2**20
STEPS = (1, 2, 4, 8)
SIDES = (3, 5, 7)


@dataclass(frozen=True)
class Painting:
    """A picture, what it was made from, and what the pipeline remarked, such as words it does not know."""

    image: Image.Image
    made: Provenance
    notes: tuple[str, ...] = ()


def asked(
    model: str,
    prompt: Any,
    affect: Any,
    strength: Any,
    seed: Any,
    steps: Any,
    guidance: Any,
    affect_guidance: Any,
) -> Provenance:
    """The plan behind the controls, which come from a browser and may hold anything.

    `affect` is text for `Affect.parse`. Raises InputError, in one line, for what cannot be used.
    """
    if not isinstance(prompt, str) or not isinstance(affect, str):
        raise InputError("the prompt and the affect are text")
    prompt = read_prompt(prompt)
    if steps not in STEPS:
        raise InputError(f"choose {', '.join(map(str, STEPS[:-1]))} or {STEPS[-1]} steps")
    plan = replace(
        blank_plan(model),
        prompt=prompt,
        seed=read_seed(seed),
        num_inference_steps=int(steps),
        affect_strength=number("strength", strength, 0, 2),
        guidance_scale=number("prompt guidance", guidance, 0, 100),
        affect_guidance_scale=number("affect guidance", affect_guidance, 0, 100),
    )
    return with_feeling(plan, affect)


def read_prompt(prompt: Any) -> str:
    """A prompt from a browser, with single spaces; raises InputError for what is no text or too long."""
    if not isinstance(prompt, str):
        raise InputError("the prompt is text")
    if len(prompt) > LONGEST_PROMPT:
        raise InputError(
            f"the prompt has {len(prompt)} characters: {LONGEST_PROMPT} at most, a scene is enough"
        )
    if not encodable(prompt):
        raise InputError("the prompt holds characters that are no text: type it again")
    return " ".join(prompt.split())


def read_affect(text: Any) -> dict[str, Any]:
    """What the pad shows for a text: its point, with the text as typed; or {"problem": one line}."""
    try:
        affect = Affect.parse(text)
    except InputError as error:
        return {"problem": sentence(error)}
    return point(affect, text.strip())


def point(affect: Affect, text: str = "") -> dict[str, Any]:
    """The value of the pad at an affect; without a `text`, its numbers."""
    return {
        "text": text or str(affect).partition(" [")[0],
        "valence": affect.valence,
        "arousal": affect.arousal,
        "dominance": affect.dominance,
    }


def read_seed(text: Any) -> int:
    """A whole number from 0 to 2**63 - 1, as text or number; raises InputError."""
    digits = str(text).strip()
    if not re.fullmatch(r"[0-9]{1,19}", digits) or int(digits) > MAX_SEED:
        raise InputError(f"the seed {digits[:24]!r} is not a whole number from 0 to {MAX_SEED}")
    return int(digits)


def new_seed() -> int:
    """Short enough to be read out."""
    return secrets.randbelow(1_000_000)


def number(name: str, value: Any, low: float, high: float) -> float:
    """`value` as a float within `low` .. `high`; raises InputError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{name} is a number from {low:g} to {high:g}")
    return float(value)


def encodable(text: str) -> bool:
    """Whether `text` can be written to a file: lone surrogates cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def sentence(error: Exception) -> str:
    """An error's line, to be read in a page: without advice for programs, with a capital but for names."""
    line = re.split(r", or (?:Affect\.|give --)", " ".join(str(error).split()))[0]
    return line[:1].upper() + line[1:] if line.partition(" ")[0].isalpha() else line


class Easel:
    """Paints for everyone who has the page open, one thing at a time.

    The model opens in a thread of its own, so that the page is there meanwhile; whoever paints waits for it.
    `model` is a name, folder or hub id; `folder` is for files on their way to the browser. `dtype` None is
    what suits the device.
    """

    def __init__(self, model: str, folder: Path, device: str | None = None, dtype: str | None = None):
        self.model, self.folder, self.device, self.dtype = model, folder, device, dtype
        self._lock = threading.Lock()
        self._opened: Future[tuple[EmotiveImagePipeline, dict[str, Any]]] = Future()

    def open(self) -> None:
        """Begins to open the model and returns at once; a failure shows when something is painted."""
        threading.Thread(target=self._open, name="open the model", daemon=True).start()

    def use(self, pipe: EmotiveImagePipeline, here: dict[str, Any]) -> None:
        """Paints with a pipeline that is open already; `here` as `emotive.plan.load_pipeline` returns it."""
        self._opened.set_result((pipe, here))

    def pipe(self) -> EmotiveImagePipeline:
        """The pipeline, once it is open."""
        return self._opened.result()[0]

    @contextmanager
    def turn(self) -> Iterator[EmotiveImagePipeline]:
        """The pipeline to oneself, once it is open and free: nobody else paints within."""
        pipe = self.pipe()
        with self._lock:
            yield pipe

    def paint(self, plan: Provenance) -> Painting:
        """The picture of a plan with one affect."""
        pipe, here = self._opened.result()
        with self._lock, remarks() as notes:
            ((job, image),) = run_image_jobs(pipe, image_jobs(plan))
        made = replace(settled(plan, pipe, here), seed=job.seed, size=image.size)
        return Painting(image, made, tuple(notes))

    def sheet(self, plan: Provenance, side: int) -> tuple[Provenance, Iterator[tuple[ImageJob, Image.Image]]]:
        """The plan of a sheet of `side` x `side` feelings, and its pictures one by one in reading order."""
        if side not in SIDES:
            raise InputError(
                f"choose a sheet of {', '.join(map(str, SIDES[:-1]))} or {SIDES[-1]} cells a side"
            )
        pipe, here = self._opened.result()
        plan = settled(with_feeling(plan, grid=f"{side}x{side}"), pipe, here)
        return plan, self._one_by_one(pipe, image_jobs(plan))

    def edit(self, file: str | Path, plan: Provenance, change: float) -> tuple[Painting, dict[str, Any]]:
        """The picture in `file` in the feeling of `plan`, and how much of it was preserved, by name.

        `change` in 0.05 .. 1 is how freely a picture that is not ours is moved (img2img strength). Raises
        InputError for a file that is no picture.
        """
        import torch

        from emotive.media.picture import open_picture

        if not isinstance(file, str | Path):
            raise InputError("choose a picture first")
        with without_path(file):
            open_picture(file, MAX_UPLOAD_PIXELS)
        pipe, here = self._opened.result()
        generator = torch.Generator("cpu").manual_seed(plan.seed)
        with self._lock, remarks() as notes, without_path(file):
            output = pipe.edit(
                file,
                plan.affect or Affect.neutral(),
                strength=number("how far it may change", change, 0.05, 1),
                affect_strength=plan.affect_strength,
                generator=generator,
            )
        # What a photograph is moved by: no words, no texture, the model's own guidance.
        plan = replace(plan, prompt="", texture=0.0, guidance_scale=None, affect_guidance_scale=None)
        from emotive.pipelines import image_edit

        plan = replace(plan, num_inference_steps=image_edit.STEPS)
        how = {"processed": image_edit.HOW, "strength": change}
        made = edited_plan(plan, output, Path(file), how, pipe, here)
        image = output.images[0]
        return Painting(image, made, tuple(notes)), dict(output.preserved)

    def _open(self) -> None:
        try:
            with OPENING:
                opened = self._load()
            self._opened.set_result(opened)
        except Exception as error:
            self._opened.set_exception(error)  # raised again to whoever paints

    def _load(self) -> tuple[EmotiveImagePipeline, dict[str, Any]]:
        pipe, here = load_pipeline(self.model, self.device, self.dtype)
        # The first picture costs twice the others: it is painted before anyone asks.
        for _ in run_image_jobs(pipe, [ImageJob()]):
            pass
        return pipe, here

    def _one_by_one(
        self, pipe: EmotiveImagePipeline, jobs: list[ImageJob]
    ) -> Iterator[tuple[ImageJob, Image.Image]]:
        for job in jobs:
            with self._lock, remarks():
                painted = list(run_image_jobs(pipe, [job]))
            yield from painted


@contextmanager
def remarks() -> Iterator[list[str]]:
    """Collects the warnings meant for the user, each once, as sentences."""
    lines: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield lines
    for warning in caught:
        foreign = {"torch", "diffusers", "huggingface_hub", "gradio"} & set(Path(warning.filename).parts)
        line = sentence(warning.message) if isinstance(warning.message, Exception) else str(warning.message)
        if issubclass(warning.category, UserWarning) and not foreign and line not in lines:
            lines.append(line)


@contextmanager
def without_path(file: str | Path) -> Iterator[None]:
    """Errors about an uploaded file call it by its name, not by where it lies on this machine."""
    try:
        yield
    except InputError as error:
        if not str(file):
            raise
        raise InputError(str(error).replace(str(file), Path(file).name)) from error
