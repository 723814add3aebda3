"""Reads the coefficients of a `StepSchedule` off one of diffusers' schedulers, by asking it.

A copy of the scheduler takes its steps on unit inputs, whose answers are the coefficients. Beside them it
takes the same steps on random inputs, new ones at every step: where the answers are not what the coefficients
say, the step is not linear (clipping, thresholding) or depends on earlier ones (multistep methods), and is
refused.
"""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import torch
from torch import Tensor

from emotive.errors import InputError
from emotive.sampling.schedule import check_steps

from .schedule import StepSchedule

TOLERANCE = 1e-4  # of the answer's parts; several schedulers compute in float32, whatever they are given
PROBES = 16  # random inputs, half of them large: clipping leaves small ones as they are
LARGE = 1e3
ADVICE = "use Euler, Euler ancestral, DDIM, LCM, TCD or flow matching Euler"


class _Told(NamedTuple):
    """Coefficients of one step. following: of sample, output, noise. clean: of sample and output, or None."""

    input_scale: float
    following: tuple[float, float, float]
    clean: tuple[float, float] | None


def scheduler_steps(scheduler: Any, steps: int) -> StepSchedule:
    """The `steps` steps that `scheduler` would take, which itself stays as it is.

    A step's own options (eta, s_churn) are at their defaults, as in pipelines. The noise of schedulers that
    add some is left to the caller: `next_noise` is its standard deviation.

    Raises InputError if `steps` are not possible, or a step is not linear in the sample and the output, or
    depends on earlier steps.
    """
    check_steps(steps)
    name = type(scheduler).__name__
    copy = _set_up(scheduler, steps, name)
    if len(copy.timesteps) != steps or getattr(copy, "order", 1) != 1:
        raise InputError(f"{name} calls the model more than once a step: {ADVICE}")
    if hasattr(copy, "set_begin_index"):
        copy.set_begin_index(0)
    generator = torch.Generator().manual_seed(0)
    told = [_coefficients(copy, i, generator, name) for i in range(steps)]
    clean = [row.clean or _clean_by_formula(copy, i, name) for i, row in enumerate(told)]
    rows = torch.tensor(
        [[row.input_scale, *pair, *row.following] for row, pair in zip(told, clean, strict=True)]
    )
    if not torch.isfinite(rows).all():
        raise InputError(f"{name} answers with numbers that are not finite: {ADVICE}")
    input_scale, clean_x, clean_out, next_x, next_out, next_noise = rows.float().unbind(1)
    start = float(getattr(copy, "init_noise_sigma", 1.0))
    timesteps = copy.timesteps.to("cpu", torch.float32)
    return StepSchedule(timesteps, input_scale, clean_x, clean_out, next_x, next_out, next_noise, start)


def _set_up(scheduler: Any, steps: int, name: str) -> Any:
    """A copy with its timesteps set."""
    if not all(hasattr(scheduler, part) for part in ("step", "set_timesteps", "from_config")):
        raise InputError(f"{name} is no scheduler of diffusers: {ADVICE}")
    config = scheduler.config
    for setting in ("clip_sample", "thresholding"):
        if config.get(setting):
            raise InputError(f"{name} cuts values off, which is not linear: build it with {setting}=False")
    if config.get("use_dynamic_shifting"):
        raise InputError(f"{name} shifts by the picture's size: build it with use_dynamic_shifting=False")
    copy = type(scheduler).from_config(config)
    try:
        copy.set_timesteps(steps)
    except (ValueError, TypeError, IndexError, ZeroDivisionError, NotImplementedError) as error:
        why = " ".join(str(error).split())[:160]
        raise InputError(f"{name} cannot take {steps} steps: {why}") from error
    return copy


def _coefficients(scheduler: Any, i: int, generator: torch.Generator, name: str) -> _Told:
    """The coefficients of step `i`, which it takes."""
    t = scheduler.timesteps[i]
    size = torch.tensor([1.0, LARGE], dtype=torch.float64).repeat(PROBES // 2)
    x, out = (torch.randn(PROBES, generator=generator, dtype=torch.float64) * size for _ in range(2))
    none = torch.zeros(PROBES, dtype=torch.float64)  # what comes of nothing is noise
    # (1, 1, 1, N): units of sample and output, nothing, random
    x = torch.cat([torch.tensor([1.0, 0.0]), none, x])[None, None, None]
    out = torch.cat([torch.tensor([0.0, 1.0]), none, out])[None, None, None]
    scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
    scaled = scaled.flatten().double()
    input_scale = float(scaled[0])
    if not torch.allclose(scaled, input_scale * x.flatten(), rtol=TOLERANCE, atol=0):
        raise InputError(f"{name} scales the model's input unevenly: {ADVICE}")
    following, clean, noise = _answers(scheduler, t, x, out, name)
    x, out = x.flatten(), out.flatten()
    nothing = slice(2, 2 + PROBES)
    next_noise = float(following[nothing] @ noise[nothing] / noise[nothing].square().sum())
    if next_noise and abs(next_noise) * float(noise.abs().max()) < 1e-12:
        next_noise = 0.0
    quiet = following - next_noise * noise
    next_x, next_out = float(quiet[0]), float(quiet[1])
    told = next_x * x + next_out * out + next_noise * noise
    parts = (next_x * x).abs() + (next_out * out).abs() + (next_noise * noise).abs()
    if not ((following - told).abs() <= TOLERANCE * parts + 1e-9).all():
        raise InputError(
            f"{name} is not of first order: its steps are not linear, or need earlier ones; {ADVICE}"
        )
    told_clean = None if clean is None else (float(clean[0]), float(clean[1]))
    return _Told(input_scale, (next_x, next_out, next_noise), told_clean)


def _answers(
    scheduler: Any, t: Tensor, x: Tensor, out: Tensor, name: str
) -> tuple[Tensor, Tensor | None, Tensor]:
    """The next sample, the clean picture where the scheduler tells it, and the noise that it drew, all (N,),
    float64."""
    options = {}
    if "generator" in inspect.signature(scheduler.step).parameters:
        options["generator"] = torch.Generator().manual_seed(1)
    try:
        answer = scheduler.step(out, t, x, **options)
    except (ValueError, TypeError, IndexError, RuntimeError, NotImplementedError) as error:
        why = " ".join(str(error).split())[:160]
        raise InputError(f"{name} cannot take a step of its own: {why}; {ADVICE}") from error
    following = answer.prev_sample.flatten().double()
    told = getattr(answer, "denoised", None)
    told = getattr(answer, "pred_original_sample", None) if told is None else told
    clean = None if told is None else told.flatten().double()
    drawn = [_drawn(x, dtype) for dtype in (torch.float64, torch.float32)]
    nothing = slice(2, 2 + PROBES)
    left = [_unexplained(following[nothing], noise[nothing]) for noise in drawn]
    return following, clean, drawn[left.index(min(left))]


def _drawn(like: Tensor, dtype: torch.dtype) -> Tensor:
    """What a step draws from the generator that `_answers` gives it, in the precision it computes in."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(like.shape, generator=generator, dtype=dtype).flatten().double()


def _unexplained(answer: Tensor, noise: Tensor) -> float:
    """How much of an answer to nothing is not a multiple of `noise`."""
    return float((answer - (answer @ noise) / noise.square().sum() * noise).norm())


def _clean_by_formula(scheduler: Any, i: int, name: str) -> tuple[float, float]:
    """The clean picture as sample and output tell it, for schedulers that keep it to themselves."""
    if "FlowMatch" in name:
        return 1.0, -float(scheduler.sigmas[i])  # x - sigma v
    kept = getattr(scheduler, "alphas_cumprod", None)
    if name != "TCDScheduler" or kept is None:
        raise InputError(f"{name} does not tell the clean picture: {ADVICE}")
    alpha = kept[int(scheduler.timesteps[i])].double()
    signal, sigma = float(alpha.sqrt()), float((1 - alpha).sqrt())
    known = {"v_prediction": (signal, -sigma), "sample": (0.0, 1.0)}
    if signal:  # where there is only noise left, noise tells nothing
        known["epsilon"] = 1 / signal, -sigma / signal
    if scheduler.config.prediction_type not in known:
        raise InputError(
            f"{name} predicts {scheduler.config.prediction_type!r}: use epsilon, v_prediction or sample"
        )
    return known[scheduler.config.prediction_type]
