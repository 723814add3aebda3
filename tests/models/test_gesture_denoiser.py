"""The gesture denoiser: what it may look at, and that its conditions matter."""

import math

import pytest
import torch
from tiny import wake

from emotive.models.gesture_denoiser import GestureConditions, GestureDenoiser

N = 24


@pytest.fixture(scope="module")
def denoiser() -> GestureDenoiser:
    torch.manual_seed(0)
    net = GestureDenoiser(dim=32, layers=2, heads=2, window=6, affect_pooled_dim=8)
    return wake(net, torch.Generator().manual_seed(0))  # type: ignore[return-value]


def conditions(seed: int = 1, **changed: torch.Tensor) -> GestureConditions:
    g = torch.Generator().manual_seed(seed)
    yes, no = torch.ones(1, N, dtype=torch.bool), torch.zeros(1, dtype=torch.bool)
    made = GestureConditions(
        torch.randn(1, N, 344, generator=g), yes, torch.randn(1, N, 8, generator=g),
        torch.randn(1, 16, generator=g), torch.rand(1, N, 21, generator=g), yes, no, no, yes,
    )  # fmt: skip
    return made._replace(**changed)


@torch.no_grad()
def run(net: GestureDenoiser, given: GestureConditions, sigma: float | torch.Tensor = 0.5, n: int = N):
    x = torch.randn(1, N, 50, generator=torch.Generator().manual_seed(2))[:, :n]
    level = torch.full((1, n), sigma) if isinstance(sigma, float) else sigma
    return net(x, level, given)


def test_shapes_and_size(denoiser):
    assert run(denoiser, conditions()).shape == (1, N, 50)
    with torch.device("meta"):
        shipped = GestureDenoiser()
    assert 3_000_000 < sum(p.numel() for p in shipped.parameters()) < 3_950_000  # 8 MB in bf16, embedding too


def test_what_is_not_heard_or_known_has_no_influence_not_even_nan(denoiser):
    given = conditions()
    hears = torch.arange(N)[None] < 10
    plain = run(denoiser, given._replace(hears=hears, knows=hears))
    later = {
        "heard": torch.where(hears[..., None], given.heard, math.nan),
        "events": torch.where(hears[..., None], given.events, math.nan),
    }
    torch.testing.assert_close(run(denoiser, given._replace(hears=hears, knows=hears, **later)), plain)
    assert not torch.allclose(run(denoiser, given), plain)


def test_tokens_beyond_the_end_are_as_if_they_were_not_there(denoiser):
    given = conditions()
    short = GestureConditions(
        *(part[:, :15] if part.ndim > 1 and part.shape[1] == N else part for part in given)
    )
    longer = run(denoiser, given._replace(present=torch.arange(N)[None] < 15))
    torch.testing.assert_close(run(denoiser, short, n=15), longer[:, :15], rtol=1e-4, atol=1e-5)


def test_affect_and_habits_reach_the_motion_and_their_nulls_hide_them(denoiser):
    given, yes = conditions(), torch.tensor([True])
    plain = run(denoiser, given)
    for name in ("affect", "habits"):
        changed, null = given._replace(**{name: -getattr(given, name)}), {f"without_{name}": yes}
        assert not torch.allclose(run(denoiser, changed), plain)
        torch.testing.assert_close(
            run(denoiser, changed._replace(**null)), run(denoiser, given._replace(**null))
        )
    # Affect belongs to its token: what changes at the end does not reach the beginning, two windows away.
    late = torch.where(torch.arange(N)[None, :, None] < 22, given.affect, -given.affect)
    moved = (run(denoiser, given._replace(affect=late)) - plain).abs().amax((0, 2))
    assert moved[22:].min() > 1e-4 and moved[:5].max() < 1e-6


def test_noise_levels_belong_to_their_tokens(denoiser):
    history = torch.where(torch.arange(N)[None] < 8, 0.0, 0.7)
    mixed, even = run(denoiser, conditions(), history), run(denoiser, conditions(), 0.7)
    assert (mixed - even).abs().amax((0, 2))[:8].min() > 1e-4


def test_latents_lead_to_knots_and_back():
    net = GestureDenoiser(dim=32, layers=1, heads=2, affect_pooled_dim=8)
    net.mean.normal_()
    net.deviation.uniform_(0.1, 3)
    z = torch.randn(2, 5, 50)
    torch.testing.assert_close(net.encode(net.decode(z)), z, rtol=1e-4, atol=1e-5)


def test_it_is_saved_and_opened_whole(denoiser, tmp_path):
    denoiser.save_pretrained(tmp_path)
    again = GestureDenoiser.from_pretrained(tmp_path, low_cpu_mem_usage=False).eval()
    torch.testing.assert_close(run(again, conditions()), run(denoiser, conditions()))
