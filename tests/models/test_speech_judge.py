"""The speech judge's network on random weights: no gain is a cue; filters are as they should be."""

import numpy as np
import pytest
import torch

from emotive.models.speech_judge import SpeechJudgeNetwork, mel_filters

RATE = 16_000


def tiny(seed: int = 0, **config) -> SpeechJudgeNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SpeechJudgeNetwork(channels=(4, 8, 8), width=16, dilations=(1,), hidden=8, **config).eval()


def sound(seconds: float = 1.5, seed: int = 0) -> torch.Tensor:
    """Pulses of 120 Hz that come and go, and some noise, (1, N)."""
    n = round(seconds * RATE)
    time = torch.arange(n) / RATE
    pulses = torch.sin(2 * torch.pi * 120 * time).clamp_min(0.9) * (1 + torch.sin(2 * torch.pi * 3 * time))
    return (pulses - pulses.mean() + 0.01 * torch.randn(n, generator=torch.Generator().manual_seed(seed)))[
        None
    ]


@pytest.mark.parametrize("gain", [0.1, 0.01, 3.0])
def test_a_gain_changes_no_answer(gain):
    network = tiny()
    with torch.no_grad():
        for one, other in zip(network(sound()), network(gain * sound()), strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_each_clip_of_a_batch_has_its_own_level():
    network = tiny()
    with torch.no_grad():
        together = network(torch.cat([sound(seed=1), 0.03 * sound(seed=2)]))[0]
        alone = torch.cat([network(sound(seed=1))[0], network(sound(seed=2))[0]])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_what_is_fifty_decibels_down_is_hardly_heard():
    network, x = tiny(), sound(2.0)
    hum = torch.sin(2 * torch.pi * 50 * torch.arange(x.shape[1]) / RATE)[None]
    with torch.no_grad():
        plain = network(x)[0]
        near = (network(x + x.std() * 10 ** (-65 / 20) * hum)[0] - plain).abs().max()
        far = (network(x + x.std() * 10 ** (-10 / 20) * hum)[0] - plain).abs().max()
    assert near < 0.1 * far


def test_shapes_and_lengths_and_a_gradient_through_silence():
    network = tiny()
    for seconds in (0.5, 1.5, 8.0):
        mean, log_sd = network(sound(seconds))
        assert mean.shape == log_sd.shape == (1, 2) and torch.isfinite(mean).all()
        assert ((log_sd >= -4) & (log_sd <= 1)).all()
    mean, log_sd = network(torch.zeros(2, RATE))
    (mean.sum() + log_sd.sum()).backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert gradients and all(torch.isfinite(g).all() for g in gradients)


def test_the_spread_is_scaled_by_its_factors():
    plain, wide = tiny(), tiny(spread=(2.0, 0.5))
    with torch.no_grad():
        difference = wide(sound())[1] - plain(sound())[1]
    assert difference[0].tolist() == pytest.approx([np.log(2), -np.log(2)], abs=1e-5)


def test_it_is_as_small_as_planned():
    count = sum(p.numel() for p in SpeechJudgeNetwork().parameters())
    assert 50_000 <= count <= 150_000


def test_filters_pass_all_but_the_edges_evenly():
    filters = mel_filters(64, 1024, RATE, 7000.0)
    assert filters.shape == (64, 513) and (filters >= 0).all()
    torch.testing.assert_close(filters.sum(1), torch.ones(64))
    centres = (filters * torch.linspace(0, 8000, 513)).sum(1)
    assert (centres.diff() > 0).all() and 50 < centres[0] < 100 and 6500 < centres[-1] < 7000
    # White noise is level: every band has the same mean power.
    noise = torch.randn(1, 30 * RATE, generator=torch.Generator().manual_seed(0))
    power = SpeechJudgeNetwork().power(noise)[0].mean(1)
    assert power.std() / power.mean() < 0.05
