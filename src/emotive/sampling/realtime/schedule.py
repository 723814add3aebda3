"""Steps as numbers: every first-order sampler is linear in the sample, the model's output and the noise.

Euler's method, DDIM, latent consistency (LCM) and flow matching differ in coefficients only, so one table
holds any of them, and one line takes the step (`step.take_step`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from emotive.sampling.flow import flow_sigmas


@dataclass(frozen=True, eq=False)
class StepSchedule:
    """S steps. For each, with x the sample and n unit noise:

        out    = model(input_scale x, timestep)
        clean  = clean_x x + clean_out out
        x next = next_x x + next_out out + next_noise n

    All are float32 (S,). `start` is the standard deviation of the noise that the first step begins from; the
    last step ends at the picture.
    """

    timesteps: Tensor
    input_scale: Tensor
    clean_x: Tensor
    clean_out: Tensor
    next_x: Tensor
    next_out: Tensor
    next_noise: Tensor
    start: float = 1.0

    def __len__(self) -> int:
        return len(self.timesteps)

    @property
    def renoises(self) -> bool:
        """Whether any step but the last adds fresh noise."""
        return bool(self.next_noise.any())

    def to(self, device: torch.device | str) -> StepSchedule:
        """The same, there."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "start"}
        return replace(self, **{name: value.to(device) for name, value in tensors.items()})

    @classmethod
    def flow(cls, steps: int, shift: float = 1.0) -> StepSchedule:
        """Flow matching for a model that answers with the clean picture: timesteps are sigmas
        (`flow_sigmas`), and a step is x + (sigma_next - sigma) (x - clean) / sigma."""
        sigmas = flow_sigmas(steps, shift)
        ratio = sigmas[1:] / sigmas[:-1]
        zeros, ones = torch.zeros(steps), torch.ones(steps)
        return cls(sigmas[:-1], ones, zeros, ones, ratio, 1 - ratio, zeros)

    @classmethod
    def from_scheduler(cls, scheduler: Any, steps: int) -> StepSchedule:
        """The steps of one of diffusers' schedulers; see `from_scheduler.scheduler_steps`.

        Raises InputError if it is not of first order.
        """
        from .from_scheduler import scheduler_steps

        return scheduler_steps(scheduler, steps)
