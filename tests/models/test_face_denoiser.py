"""The face denoiser: what it may look at, that its conditions matter, and that its basis is one."""

import math

import pytest
import torch
from tiny import wake

from emotive.models.face_denoiser import POSE, FaceConditions, FaceDenoiser

N = 24


@pytest.fixture(scope="module")
def denoiser() -> FaceDenoiser:
    torch.manual_seed(0)
    net = FaceDenoiser(latents=6, dim=32, layers=2, heads=2, window=6, affect_pooled_dim=8)
    return wake(net, torch.Generator().manual_seed(0))  # type: ignore[return-value]


def conditions(seed: int = 1, **changed: torch.Tensor) -> FaceConditions:
    g = torch.Generator().manual_seed(seed)
    yes, no = torch.ones(1, N, dtype=torch.bool), torch.zeros(1, dtype=torch.bool)
    made = FaceConditions(
        torch.randn(1, N, 172, generator=g), yes, torch.randn(1, N, 8, generator=g),
        torch.randn(1, 6, generator=g), torch.rand(1, N, 15, generator=g), yes, no, no, yes,
    )  # fmt: skip
    return made._replace(**changed)


@torch.no_grad()
def run(net: FaceDenoiser, given: FaceConditions, sigma: float | torch.Tensor = 0.5, n: int = N):
    x = torch.randn(1, N, 6 + POSE, generator=torch.Generator().manual_seed(2))[:, :n]
    level = torch.full((1, n), sigma) if isinstance(sigma, float) else sigma
    return net(x, level, given)


def test_shapes_and_size(denoiser):
    found = run(denoiser, conditions())
    assert found.clean.shape == (1, N, 6 + POSE) and found.visemes.shape == (1, N, 15)
    assert found.closure.shape == found.contact.shape == (1, N)
    with torch.device("meta"):
        shipped = FaceDenoiser()
    assert sum(p.numel() for p in shipped.parameters()) <= 2_900_000  # 6 MB in bf16


def test_what_is_not_heard_has_no_influence_not_even_nan(denoiser):
    given = conditions()
    hears = torch.arange(N)[None] < 10
    plain = run(denoiser, given._replace(hears=hears))
    later = torch.where(hears[..., None], given.heard, math.nan)
    masked = run(denoiser, given._replace(hears=hears, heard=later))
    for one, other in zip(plain, masked, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    heard = run(denoiser, given)
    assert not torch.allclose(heard.clean, plain.clean)
    unknown = torch.zeros(1, N, dtype=torch.bool)
    nothing = run(denoiser, given._replace(knows=unknown, visemes=torch.full((1, N, 15), math.nan)))
    assert nothing.clean.isfinite().all() and not torch.allclose(nothing.clean, heard.clean)


def test_tokens_beyond_the_end_are_as_if_they_were_not_there(denoiser):
    given = conditions()
    short = FaceConditions(
        *(part[:, :15] if part.ndim > 1 and part.shape[1] == N else part for part in given)
    )
    present = torch.arange(N)[None] < 15
    for one, other in zip(
        run(denoiser, short, n=15), run(denoiser, given._replace(present=present)), strict=True
    ):
        torch.testing.assert_close(one, other[:, :15], rtol=1e-4, atol=1e-5)


def test_affect_and_style_reach_the_motion_and_their_nulls_hide_them(denoiser):
    given, yes = conditions(), torch.tensor([True])
    plain = run(denoiser, given).clean
    for name, null in (("affect", "without_affect"), ("style", "without_style")):
        changed = given._replace(**{name: -getattr(given, name)})
        assert not torch.allclose(run(denoiser, changed).clean, plain)
        torch.testing.assert_close(
            run(denoiser, changed._replace(**{null: yes})).clean,
            run(denoiser, given._replace(**{null: yes})).clean,
        )
    # Affect belongs to its token: what changes at the end does not reach the beginning, two windows away.
    late = given._replace(
        affect=torch.where(torch.arange(N)[None, :, None] < 22, given.affect, -given.affect)
    )
    moved = (run(denoiser, late).clean - plain).abs().amax((0, 2))
    assert moved[22:].min() > 1e-4 and moved[:5].max() < 1e-6


def test_noise_levels_belong_to_their_tokens(denoiser):
    given = conditions()
    history = torch.where(torch.arange(N)[None] < 8, 0.0, 0.7)
    mixed, even = run(denoiser, given, history).clean, run(denoiser, given, 0.7).clean
    assert (mixed - even).abs().amax((0, 2))[:8].min() > 1e-4


def test_latents_lead_to_shapes_and_back(denoiser):
    g = torch.Generator().manual_seed(0)
    shapes = torch.linalg.qr(torch.randn(52, 6, generator=g))[0].T
    net = FaceDenoiser(latents=6, dim=32, layers=1, heads=2, affect_pooled_dim=8)
    net.basis.copy_(2 * shapes)
    net.inverse.copy_(shapes.T / 2)
    net.mean.fill_(0.1)
    net.pose_deviation.fill_(3.0)
    z = torch.randn(2, 5, 6 + POSE, generator=g)
    weights, pose = net.decode(z)
    assert weights.shape == (2, 5, 52) and pose.shape == (2, 5, POSE)
    torch.testing.assert_close(net.encode(weights, pose), z, rtol=1e-4, atol=1e-5)


def test_it_is_saved_and_opened_whole(denoiser, tmp_path):
    denoiser.save_pretrained(tmp_path)
    again = FaceDenoiser.from_pretrained(tmp_path, low_cpu_mem_usage=False).eval()
    torch.testing.assert_close(run(again, conditions()).clean, run(denoiser, conditions()).clean)
