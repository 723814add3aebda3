"""Flow matching: the schedule is diffusers', the path is straight, and guidance has the order it says."""

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from hypothesis import given, settings
from hypothesis import strategies as st

from emotive.sampling.flow import add_noise, euler_step, flow_sigmas, guide, sample, velocity


def pictures(*seeds: int, batch: int = 3) -> list[torch.Tensor]:
    """Random (batch, 3, 5, 4) in float64, in which the algebra is exact to 1e-12."""
    return [
        torch.randn(batch, 3, 5, 4, generator=torch.Generator().manual_seed(s), dtype=torch.float64)
        for s in seeds
    ]


@given(steps=st.integers(1, 64), shift=st.floats(0.2, 8.0))
def test_sigmas_fall_from_noise_to_picture(steps: int, shift: float):
    sigmas = flow_sigmas(steps, shift)
    assert sigmas.shape == (steps + 1,) and sigmas.dtype == torch.float32
    assert sigmas[0] == pytest.approx(1.0, abs=1e-6) and sigmas[-1] == 0.0
    assert (sigmas.diff() < 0).all()


@pytest.mark.parametrize("shift", [0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8, 50])
def test_sigmas_are_those_of_diffusers(steps: int, shift: float):
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps).tolist())
    torch.testing.assert_close(flow_sigmas(steps, shift), scheduler.sigmas, atol=1e-6, rtol=0)


def test_coarse_schedules_lie_on_finer_ones():
    # A student that was taught on the grid of 8 steps meets no other noise level at 1, 2 and 4.
    finest = flow_sigmas(8, 2.0)
    for steps in (1, 2, 4):
        torch.testing.assert_close(flow_sigmas(steps, 2.0), finest[:: 8 // steps], atol=1e-7, rtol=0)


def test_the_ends_of_the_path_are_picture_and_noise():
    clean, noise = pictures(0, 1)
    assert torch.equal(add_noise(clean, noise, torch.zeros(3)), clean)
    assert torch.equal(add_noise(clean, noise, torch.ones(3)), noise)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 1.0), st.floats(0.0, 1.0)), min_size=3, max_size=3))
def test_noise_velocity_and_step_undo_each_other(levels: list[tuple[float, float]]):
    clean, noise = pictures(2, 3)
    sigma, share = torch.tensor(levels, dtype=torch.float64).unbind(1)
    sigma_next = sigma * share
    x = add_noise(clean, noise, sigma)
    u = velocity(x, clean, sigma)
    # The path is straight: one velocity all along, and it is noise - picture.
    torch.testing.assert_close(u, noise - clean, atol=1e-11, rtol=0)
    there = euler_step(x, u, sigma, sigma_next)
    torch.testing.assert_close(there, add_noise(clean, noise, sigma_next), atol=1e-11, rtol=0)
    torch.testing.assert_close(euler_step(there, u, sigma_next, sigma), x, atol=1e-11, rtol=0)
    torch.testing.assert_close(euler_step(x, u, sigma, torch.zeros(3)), clean, atol=1e-11, rtol=0)


def test_sigmas_may_be_scalars():
    clean, noise = pictures(0, 1)
    one, each = torch.tensor(0.3), torch.full((3,), 0.3)
    x = add_noise(clean, noise, one)
    assert torch.equal(x, add_noise(clean, noise, each))
    assert torch.equal(velocity(x, clean, one), velocity(x, clean, each))
    assert torch.equal(euler_step(x, noise, one, one / 2), euler_step(x, noise, each, each / 2))


@settings(deadline=None)
@given(st.lists(st.floats(0.001, 0.999), max_size=12, unique=True))
def test_a_model_that_knows_the_picture_lands_on_it(between: list[float]):
    clean, noise = pictures(4, 5)
    sigmas = torch.tensor([1.0, *sorted(between, reverse=True), 0.0], dtype=torch.float64)
    got = sample(lambda x, sigma, sigma_next: velocity(x, clean, sigma.double()), noise, sigmas)
    torch.testing.assert_close(got, clean, atol=1e-6, rtol=0)  # levels pass through float32


def test_a_model_is_asked_once_a_step_for_every_picture():
    (noise,) = pictures(6)
    sigmas, asked = flow_sigmas(4, 2.0), []

    def model(x: torch.Tensor, sigma: torch.Tensor, sigma_next: torch.Tensor) -> torch.Tensor:
        asked.append((sigma, sigma_next))
        return torch.zeros_like(x)

    assert torch.equal(sample(model, noise, sigmas), noise)
    assert len(asked) == 4
    for (sigma, sigma_next), here, there in zip(asked, sigmas[:-1], sigmas[1:], strict=True):
        assert torch.equal(sigma, here.expand(3)) and torch.equal(sigma_next, there.expand(3))


def test_sampling_follows_the_velocity_field():
    # dx / dsigma = x is solved by exp: x(0) = x(1) / e. Euler's error shrinks as 1 / steps.
    (noise,) = pictures(7)
    errors = [
        float((sample(lambda x, s, t: x, noise, flow_sigmas(n)) - noise / np.e).abs().max())
        for n in (100, 200)
    ]
    assert errors[0] < 0.02 and errors[1] / errors[0] == pytest.approx(0.5, abs=0.02)


def test_guidance_one_is_the_full_prediction():
    null, text, full = pictures(8, 9, 10)
    torch.testing.assert_close(guide(null, text, full, torch.ones(3, 2)), full, atol=1e-12, rtol=0)


def test_guidance_axes_are_text_then_affect():
    null, text, full = pictures(8, 9, 10)
    corner = {(0, 0): null, (1, 0): text, (0, 1): null + full - text, (1, 1): full}
    for scales, expected in corner.items():
        got = guide(null, text, full, torch.tensor([scales] * 3))
        torch.testing.assert_close(got, expected, atol=1e-12, rtol=0)


def test_guidance_is_affine_in_each_scale_and_each_picture_has_its_own():
    null, text, full = pictures(11, 12, 13)
    scales = torch.tensor([[2.0, 1.5], [1.0, 3.0], [0.0, 0.5]], dtype=torch.float64)
    got = guide(null, text, full, scales)
    for i, (words, feeling) in enumerate(scales.tolist()):
        expected = null[i] + words * (text[i] - null[i]) + feeling * (full[i] - text[i])
        torch.testing.assert_close(got[i], expected, atol=1e-12, rtol=0)
    # Linear in the predictions: guidance of a sum is the sum of guidances.
    twice = guide(null + text, text + full, full + null, scales)
    torch.testing.assert_close(twice, got + guide(text, full, null, scales), atol=1e-12, rtol=0)
