"""Coefficients read off diffusers' schedulers: the same trajectories, or a refusal."""

import math
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from diffusers.schedulers.scheduling_lms_discrete import LMSDiscreteScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from diffusers.schedulers.scheduling_tcd import TCDScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch import Tensor

from emotive.errors import InputError
from emotive.sampling.realtime.from_scheduler import scheduler_steps
from emotive.sampling.realtime.schedule import StepSchedule
from emotive.sampling.realtime.step import clean_of, take_step

SD: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
TURBO: dict[str, Any] = {**SD, "timestep_spacing": "trailing"}
V: dict[str, Any] = {"prediction_type": "v_prediction"}
SHAPE = (2, 4, 8, 8)

FIRST_ORDER = {
    "lcm": lambda: LCMScheduler(),
    "lcm, v": lambda: LCMScheduler(**SD, **V, clip_sample=False),
    "euler, as SD-Turbo": lambda: EulerDiscreteScheduler(**TURBO),
    "euler, leading": lambda: EulerDiscreteScheduler(**SD, timestep_spacing="leading", steps_offset=1),
    "euler, karras": lambda: EulerDiscreteScheduler(**SD, use_karras_sigmas=True),
    "euler, v": lambda: EulerDiscreteScheduler(**TURBO, **V),
    "euler ancestral, as SDXL-Turbo": lambda: EulerAncestralDiscreteScheduler(**TURBO),
    "ddim": lambda: DDIMScheduler(**SD, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
    "ddim, v, trailing": lambda: DDIMScheduler(**TURBO, **V, clip_sample=False, rescale_betas_zero_snr=True),
    "ddpm": lambda: DDPMScheduler(**SD, clip_sample=False),
    "flow matching": lambda: FlowMatchEulerDiscreteScheduler(shift=3.0),
    "flow matching with noise": lambda: FlowMatchEulerDiscreteScheduler(stochastic_sampling=True),
    "tcd": lambda: TCDScheduler(**SD),
}


def model(x: Tensor, timestep: Tensor) -> Tensor:
    """Something that is not linear, and that answers otherwise at every timestep."""
    return torch.tanh(1.3 * x + timestep.float() / 1000) + 0.1 * x.roll(1, -1)


def by_diffusers(scheduler, steps: int) -> tuple[Tensor, list[Tensor | None]]:
    """The last sample of diffusers' own loop, and the clean pictures it tells on the way."""
    scheduler.set_timesteps(steps)
    start, noise = torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)
    x = torch.randn(SHAPE, generator=start) * getattr(scheduler, "init_noise_sigma", 1.0)
    told = []
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        answer = scheduler.step(model(scaled, t), t, x, generator=noise)
        told.append(getattr(answer, "denoised", getattr(answer, "pred_original_sample", None)))
        x = answer.prev_sample
    return x, told


def by_steps(schedule: StepSchedule) -> tuple[Tensor, list[Tensor]]:
    start, source = torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)
    x = schedule.start * torch.randn(SHAPE, generator=start)
    told = []
    for i in range(len(schedule)):
        out = model(schedule.input_scale[i] * x, schedule.timesteps[i])
        told.append(clean_of(x, out, schedule, i))
        noise = torch.randn(SHAPE, generator=source) if schedule.next_noise[i] else None
        x = take_step(x, out, noise, schedule, i)
    return x, told


@pytest.mark.parametrize("steps", [1, 2, 4, 25])
@pytest.mark.parametrize("kind", FIRST_ORDER)
def test_trajectories_are_those_of_diffusers(kind, steps):
    expected, cleans = by_diffusers(FIRST_ORDER[kind](), steps)
    found, told = by_steps(scheduler_steps(FIRST_ORDER[kind](), steps))
    scale = float(expected.abs().max())
    assert scale > 0.01
    assert (found - expected).abs().max() <= 1e-5 * max(1.0, scale)
    for mine, theirs in zip(told, cleans, strict=True):
        if theirs is not None:
            assert (mine - theirs).abs().max() <= 1e-5 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("kind", ["flow matching", "tcd"])
def test_a_clean_picture_that_is_not_told_is_the_one_that_was_noised(kind):
    schedule = scheduler_steps(FIRST_ORDER[kind](), 4)
    generator = torch.Generator().manual_seed(0)
    picture, noise = (torch.randn(SHAPE, generator=generator) for _ in range(2))
    tcd = FIRST_ORDER["tcd"]()
    for i, t in enumerate(schedule.timesteps):
        if kind == "tcd":
            x, out = tcd.add_noise(picture, noise, t[None].long()), noise
        else:
            sigma = t / 1000
            x, out = (1 - sigma) * picture + sigma * noise, noise - picture
        assert torch.allclose(clean_of(x, out, schedule, i), picture, atol=1e-4)


def test_only_what_adds_noise_says_so():
    renoises = {kind for kind, made in FIRST_ORDER.items() if scheduler_steps(made(), 4).renoises}
    assert renoises == {
        "lcm", "lcm, v", "euler ancestral, as SDXL-Turbo", "ddpm", "flow matching with noise", "tcd",
    }  # fmt: skip
    assert all(not scheduler_steps(made(), 4).next_noise[-1] for made in FIRST_ORDER.values())


def test_the_scheduler_stays_as_it_is():
    scheduler = EulerDiscreteScheduler(**TURBO)
    scheduler.set_timesteps(7)
    before = dict(vars(scheduler))
    schedule = scheduler_steps(scheduler, 2)
    assert vars(scheduler).keys() == before.keys()
    assert all(value is before[name] for name, value in vars(scheduler).items())
    assert len(schedule) == 2 and math.isclose(schedule.start, 14.6146, rel_tol=1e-4)


@pytest.mark.parametrize(
    "made, steps, why",
    [
        (lambda: DPMSolverMultistepScheduler(**SD), 4, "not of first order"),
        (lambda: UniPCMultistepScheduler(**SD), 4, "not of first order"),
        (lambda: LMSDiscreteScheduler(**SD), 4, "not of first order"),
        (lambda: PNDMScheduler(**SD, skip_prk_steps=True), 4, "more than once a step"),
        (lambda: HeunDiscreteScheduler(**SD), 4, "more than once a step"),
        (lambda: DDIMScheduler(**SD), 4, "clip_sample=False"),
        (lambda: LCMScheduler(thresholding=True), 4, "thresholding=False"),
        (lambda: FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), 4, "use_dynamic_shifting=False"),
        (lambda: LCMScheduler(), 51, "cannot take 51 steps"),
        (lambda: LCMScheduler(), 0, "num_inference_steps"),
        (lambda: object(), 4, "no scheduler of diffusers"),
    ],
)
def test_what_cannot_be_had_is_one_line(made, steps, why):
    with pytest.raises(InputError, match=why) as caught:
        scheduler_steps(made(), steps)
    assert "\n" not in str(caught.value)


class Clipping(EulerDiscreteScheduler):
    """Clips, and has no setting that says so."""

    def step(self, model_output, timestep, sample, **options):  # type: ignore[override]
        answer: Any = super().step(model_output, timestep, sample, **options)
        answer.prev_sample.clamp_(-20, 20)
        return answer


def test_a_step_that_is_not_linear_is_found_out():
    with pytest.raises(InputError, match="not of first order"):
        scheduler_steps(Clipping(**TURBO), 2)
