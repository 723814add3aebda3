"""A step of a `StepSchedule`: pure functions, and the reference for whatever is faster."""

from __future__ import annotations

import torch
from torch import Tensor

from .schedule import StepSchedule


def clean_of(x: Tensor, out: Tensor, schedule: StepSchedule, i: int) -> Tensor:
    """What the model takes for the clean picture at step `i`."""
    return schedule.clean_x[i] * x + schedule.clean_out[i] * out


def take_step(x: Tensor, out: Tensor, noise: Tensor | None, schedule: StepSchedule, i: int) -> Tensor:
    """x at step `i` + 1; `noise` (like x, of unit variance) is needed where the schedule adds some."""
    following = schedule.next_x[i] * x + schedule.next_out[i] * out.to(x.dtype)
    return following if noise is None else following + schedule.next_noise[i] * noise


def stream_step(
    x: Tensor, out: Tensor, noise: Tensor | None, start: Tensor, schedule: StepSchedule
) -> tuple[Tensor, Tensor]:
    """One call of a stream batch (Kodaira et al. 2023): S pictures, one at each noise level, take a step.

    Args:
        x, out, noise: (S, B, C, H, W), row i at step i.
        start: (B, C, H, W) unit noise, from which the next picture sets out.

    Returns: the finished picture (B, C, H, W), and x for the next call.
    """
    shape = (-1,) + (1,) * (x.ndim - 1)
    following = schedule.next_x.view(shape) * x + schedule.next_out.view(shape) * out.to(x.dtype)
    if noise is not None:
        following = following + schedule.next_noise.view(shape) * noise
    return following[-1], torch.cat([(schedule.start * start)[None], following[:-1]])


def stream_step_in_place(x: Tensor, out: Tensor, noise: Tensor, schedule: StepSchedule) -> Tensor:
    """`stream_step` as a sampler takes it: x becomes that of the next call; returns the finished picture.

    Args:
        x: (S, B, C, H, W). Overwritten.
        out: (S B, C, H, W).
        noise: (D, B, C, H, W): the next picture sets out from noise[0]. D is S where the schedule adds noise,
            and row i adds noise[i + 1], as the sequential way does after step i (the last adds nothing);
            else 1.
    """
    added = torch.cat([noise[1:], noise[:1]]) if len(noise) > 1 else None
    done, following = stream_step(x, out.view_as(x), added, noise[0], schedule)
    x.copy_(following)
    return done
