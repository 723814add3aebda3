"""From what a person asks for to a plan: the provenance of pictures that are still to be painted.

A plan starts blank or as what an earlier file says about itself, takes an affect, a grid or a curve, and is
settled once a model is loaded: then it holds everything that remaking the pictures needs.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotive import __version__
from emotive.affect import Affect, AffectCurve
from emotive.batch import valence_arousal_grid
from emotive.errors import InputError
from emotive.media.provenance import Provenance, now, read_provenance

if TYPE_CHECKING:
    import torch

    from emotive.pipelines.backbone import BackbonePainter
    from emotive.pipelines.image import EmotiveImagePipeline
    from emotive.pipelines.image_edit import EmotiveImageEditOutput
    from emotive.pipelines.loading import EmotivePipeline


@dataclass(frozen=True)
class Place:
    """Where to compute, as a person asks for it; None is the best there is."""

    device: str | None = None
    dtype: str | None = None
    offload: str | None = None


WHERE = ("model_fingerprint", "emotive", "torch", "device", "dtype", "threads")  # what may change a picture


def blank_plan(model: str) -> Provenance:
    """Neutral, with a random seed."""
    return Provenance(prompt="", affect=Affect.neutral(), seed=secrets.randbelow(2**31), model=model)


def plan_like(file: Path) -> Provenance:
    """The plan of a picture to remake. Nobody vouches for the file, so grids are made anew.

    Raises InputError if the file is missing, no picture of ours, or damaged.
    """
    made = read_provenance(file)
    if made.medium != "image":
        raise InputError(f"{file} is not a picture: its medium is {made.medium!r}")
    if made.affect is None and made.grid is None and made.curve is None:
        raise InputError(f"{file}: the provenance has neither an affect, a grid nor a curve")
    if processed := made.extra.get("processed"):
        raise InputError(
            f"{file} was processed after it was painted ({processed!s:.80}), so it cannot be remade"
        )
    made = replace(made, created=now(), extra={}, index=0)
    return made if made.grid is None else with_feeling(made, grid="{}x{}".format(*made.grid))


def with_feeling(
    plan: Provenance,
    affect: str | None = None,
    scale: str | None = None,
    grid: str | None = None,
    curve: Path | None = None,
    fps: float | None = None,
) -> Provenance:
    """`plan` with the affect, grid or curve that is asked for; unchanged where nothing is.

    The arguments are the command's options as typed. Raises InputError where they cannot be read or exclude
    each other.
    """
    given = [option for option in (affect, grid, curve) if option is not None]
    if len(given) > 1:
        raise InputError("--affect, --grid and --curve exclude each other")
    if scale is not None and affect is None:
        raise InputError("--scale says how to read the numbers in --affect, and there is no --affect")
    if given:
        plan = replace(plan, affect=None, affect_text="", affect_scale=None)
        plan = replace(plan, grid=None, cells=(), curve=None, fps=None)
    if affect is not None:
        low_high = None if scale is None else _scale(scale)
        plan = replace(plan, affect=_affect(affect, low_high), affect_text=affect, affect_scale=low_high)
    elif grid is not None:
        sides = re.fullmatch(r"(\d{1,4})x(\d{1,4})", grid.strip().lower())
        if sides is None:
            raise InputError(f"--grid {grid[:40]!r} is not ROWSxCOLUMNS, such as 5x5")
        rows, columns = int(sides[1]), int(sides[2])
        plan = replace(plan, grid=(rows, columns), cells=tuple(valence_arousal_grid(rows, columns)))
    elif curve is not None:
        plan = replace(plan, curve=AffectCurve.read(curve))
    if plan.curve is not None:
        return replace(plan, fps=fps if fps is not None else plan.fps or 30.0)
    if fps is not None:
        raise InputError("--fps goes with --curve")
    return plan


def load_pipeline(
    model: str, device: str | None = None, dtype: str | None = None
) -> tuple[EmotiveImagePipeline, dict[str, Any]]:
    """The pipeline, and what is particular to this place, by the provenance's names: for `settled`.

    Raises InputError for a device or dtype that is not here, WeightsError for a model that cannot be opened.
    """
    from emotive.devices import choose_device, choose_dtype

    chosen = choose_device(device)
    precision, _ = choose_dtype(chosen, dtype)
    from emotive.pipelines.image import EmotiveImagePipeline

    with quiet_diffusers():
        pipe = EmotiveImagePipeline.from_pretrained(model, dtype=precision)
    return pipe, placed(pipe, chosen, precision)


def open_painter(
    plan: Provenance, place: Place, own_steps: bool = False
) -> tuple[EmotiveImagePipeline | BackbonePainter, dict[str, Any], Provenance]:
    """What paints `plan`, ours or a backbone; what is particular to this place; and the plan with the number
    of steps that the model likes, if `own_steps`.

    Raises InputError and WeightsError, as `load_pipeline`.
    """
    if not plan.backbone:
        if place.offload is not None:
            raise InputError("--offload is for diffusion models of others: this one is small")
        pipe, here = load_pipeline(plan.model, place.device, place.dtype)
        return pipe, here, plan
    from emotive.devices import choose_device, choose_dtype
    from emotive.pipelines.backbone import BackbonePainter, BackboneSettings

    device = choose_device(place.device)
    dtype, _ = choose_dtype(device, place.dtype)
    settings = BackboneSettings.from_record(plan.backbone)
    with quiet_diffusers():
        painter = BackbonePainter.open(
            plan.model, settings, device=device, dtype=dtype, offload=place.offload
        )
    if own_steps:
        plan = replace(plan, num_inference_steps=painter.default_steps)
    if settings.adapter_fingerprint not in ("", painter.settings.adapter_fingerprint):
        warnings.warn("the adapter differs from the one of then", stacklevel=2)
    plan = replace(plan, texture=0.0, backbone=painter.settings.to_record())
    return painter, _here(painter, device, dtype), plan


def placed(pipe: EmotivePipeline, device: torch.device, dtype: torch.dtype) -> dict[str, Any]:
    """Moves a pipeline to `device`, silences its bar, and tells what is particular to this place, by the
    provenance's names: for `settled`."""
    pipe.to(device)
    pipe.set_progress_bar_config(disable=True)
    return _here(pipe, device, dtype)


def _here(
    pipe: EmotivePipeline | BackbonePainter, device: torch.device, dtype: torch.dtype
) -> dict[str, Any]:
    import torch

    return {
        "model": pipe.name,
        "model_fingerprint": pipe.fingerprint(),
        "emotive": __version__,
        "torch": torch.__version__,
        "device": str(device),
        "dtype": str(dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
    }


def settled(plan: Provenance, pipe: EmotivePipeline | BackbonePainter, here: dict[str, Any]) -> Provenance:
    """`plan` with this place, and the model's own guidance where none was asked for."""
    for name, value in zip(("guidance_scale", "affect_guidance_scale"), pipe.guidance_defaults, strict=True):
        if getattr(plan, name) is None:
            plan = replace(plan, **{name: value})
    return replace(plan, **here)


def edited_plan(
    plan: Provenance,
    edited: EmotiveImageEditOutput,
    file: Path,
    how: dict[str, Any],
    pipe: Any,
    here: dict[str, Any],
) -> Provenance:
    """What the result of an edit of `file` says of itself; `plan` is what was asked for.

    A picture of ours was painted anew, and can be made again. Any other says that it is an edit, and `how`.
    """
    name = os.fsencode(file.name).decode("utf-8", "replace")
    source = {"edited_from": name, "edited_from_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    if edited.provenance is not None:
        made = replace(edited.provenance, affect_text=plan.affect_text, extra=source)
    else:
        made = replace(plan, extra={**how, **source})
    return replace(settled(made, pipe, here), created=now(), size=edited.images[0].size)


def differences(made: Provenance, here: dict[str, Any]) -> Iterator[str]:
    """What differs between there and here, in words, since it may change the picture."""
    for key in WHERE:
        before = getattr(made, key)
        if not before or before == here[key]:
            continue
        if key == "model_fingerprint":
            yield "the model differs"
        else:
            yield f"{key} differs: {before} then, {here[key]} now"


@contextmanager
def quiet_diffusers() -> Iterator[None]:
    """Within, diffusers and transformers say nothing short of errors: no bar over five small files, no advice
    to install."""
    import sys

    from diffusers.utils import logging

    # transformers is optional, and diffusers has imported it if it is here.
    theirs: Any = sys.modules.get("transformers")
    loggers = [logging] if theirs is None else [logging, theirs.utils.logging]
    levels = [(each, each.get_verbosity(), each.is_progress_bar_enabled()) for each in loggers]
    for each in loggers:
        each.set_verbosity_error()
        each.disable_progress_bar()
    try:
        yield
    finally:
        for each, level, bars in levels:
            each.set_verbosity(level)
            if bars:
                each.enable_progress_bar()


def _scale(text: str) -> tuple[float, float]:
    number = r"\s*([-+]?\d+(?:\.\d+)?)\s*"
    ends = re.fullmatch(rf"{number}\.\.{number}", text[:100])
    if ends is None or float(ends[1]) >= float(ends[2]):
        raise InputError(f"--scale {text[:40]!r} is not LOW..HIGH, such as 1..9 or -3..3")
    return float(ends[1]), float(ends[2])


def _affect(text: str, scale: tuple[float, float] | None) -> Affect:
    """Names are names on any scale; numbers are on `scale`, or on -1..1."""
    numbers = text.split(",")
    if scale is None or len(numbers) not in (2, 3):
        return Affect.parse(text)
    try:
        valence, arousal, *dominance = (float(number) for number in numbers)
    except ValueError:
        raise InputError(f"--affect {text[:40]!r} is not valence,arousal[,dominance]") from None
    return Affect.from_scale(valence, arousal, *scale, *dominance)
