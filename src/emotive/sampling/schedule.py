"""Timesteps of diffusers' schedulers, for flow matching."""

from __future__ import annotations

import inspect
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emotive.errors import InputError


def check_steps(steps: Any) -> None:
    """Raises InputError unless `steps` is a whole number in 1..1000."""
    if not isinstance(steps, Integral) or isinstance(steps, bool) or not 1 <= int(steps) <= 1000:
        raise InputError(f"num_inference_steps must be a whole number in 1..1000, not {steps!r}")


def flow_timesteps(scheduler: Any, steps: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Sets up `scheduler`: its timesteps (some round them), and its noise levels with the final 0.

    Raises:
        InputError: it is not one for flow matching.
    """
    settings = scheduler.config
    made_for_flow = any(c.__name__.startswith("FlowMatch") for c in type(scheduler).__mro__)
    predicts_flow = settings.get("prediction_type") == "flow_prediction"
    if not made_for_flow and not (predicts_flow and settings.get("use_flow_sigmas")):
        raise InputError(
            f"{type(scheduler).__name__} is not set up for flow matching: "
            'build it with prediction_type="flow_prediction", use_flow_sigmas=True'
        )
    if "sigmas" in inspect.signature(scheduler.set_timesteps).parameters:
        scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), device=device)
    else:
        scheduler.set_timesteps(steps, device=device)
    return scheduler.timesteps, scheduler.sigmas.to(device, torch.float32)
