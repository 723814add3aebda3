"""The networks of the voice: shapes, what they may look at, and that their conditions matter."""

import numpy as np
import pytest
import torch
from tiny import wake

from emotive.models.prosody_denoiser import FRAMES, HEARD, ProsodyDenoiser
from emotive.models.sequence import surroundings
from emotive.models.speech_denoiser import PhoneTokens, SpeechDenoiser, SpeechDurations, places


def phones(*rows: list[int], voice: int = 0) -> PhoneTokens:
    width = max(map(len, rows))
    symbols = torch.tensor([row + [-1] * (width - len(row)) for row in rows])
    zero = torch.zeros_like(symbols)
    return PhoneTokens(symbols, zero, zero, torch.full((len(rows),), voice))


@pytest.fixture(scope="module")
def denoiser() -> SpeechDenoiser:
    torch.manual_seed(0)
    net = SpeechDenoiser(
        dim=32, layers=2, heads=2, window=4, encoder_dim=16, encoder_layers=1, affect_pooled_dim=8
    )
    return wake(net, torch.Generator().manual_seed(0))  # type: ignore[return-value]


def run(net: SpeechDenoiser, tokens: PhoneTokens, frames: int = 24, **changed: torch.Tensor):
    edges = torch.arange(0, frames + 1, frames // int((tokens.symbols[0] >= 0).sum()))
    of_frame = torch.repeat_interleave(torch.arange(len(edges) - 1), edges.diff())[None]
    generator = torch.Generator().manual_seed(1)
    inputs = {
        "sample": torch.randn(1, frames, 64, generator=generator),
        "sigma": torch.tensor([0.5]),
        "phone_of_frame": of_frame,
        "place": places(edges, of_frame[0])[None],
        "affect": torch.randn(1, frames // 2, 8, generator=generator),
        "without_phones": torch.tensor([False]),
        "without_affect": torch.tensor([False]),
    }
    inputs.update(changed)
    with torch.no_grad():
        return net(encoded=net.encode(tokens), voice=tokens.voice, **inputs)


def test_shapes_and_padding(denoiser: SpeechDenoiser):
    one = phones([3, 4, 50, 7])
    clean, voicing = run(denoiser, one)
    assert clean.shape == (1, 24, 64) and voicing.shape == (1, 24)
    padded = phones([3, 4, 50, 7], [1] * 7)
    padded = PhoneTokens(*(part[:1] for part in padded))
    assert torch.allclose(run(denoiser, padded)[0], clean, atol=1e-5)


def test_every_condition_matters(denoiser: SpeechDenoiser):
    base = run(denoiser, phones([3, 4, 50, 7]))[0]
    for other in (
        run(denoiser, phones([3, 4, 51, 7]))[0],
        run(denoiser, phones([3, 4, 50, 7], voice=1))[0],
        run(denoiser, phones([3, 4, 50, 7]), sigma=torch.tensor([0.9]))[0],
        run(denoiser, phones([3, 4, 50, 7]), affect=torch.zeros(1, 12, 8))[0],
        run(denoiser, phones([3, 4, 50, 7]), without_phones=torch.tensor([True]))[0],
        run(denoiser, phones([3, 4, 50, 7]), without_affect=torch.tensor([True]))[0],
    ):
        assert not torch.allclose(other, base, atol=1e-4)


def test_without_a_condition_it_cannot_be_seen(denoiser: SpeechDenoiser):
    none = torch.tensor([True])
    one = run(denoiser, phones([3, 4, 50, 7]), without_phones=none, without_affect=none)[0]
    other = run(
        denoiser,
        phones([9, 8, 60, 2]),
        without_phones=none,
        without_affect=none,
        affect=torch.zeros(1, 12, 8),
    )[0]
    assert torch.allclose(one, other, atol=1e-6)


def test_affect_is_heard_where_it_changes_and_not_far_away(denoiser: SpeechDenoiser):
    affect = torch.randn(1, 40, 8, generator=torch.Generator().manual_seed(2))
    later = affect.clone()
    later[:, 30:] += 1
    one, other = (run(denoiser, phones([3, 4, 50, 7]), frames=80, affect=a)[0] for a in (affect, later))
    gap = (one - other).abs().amax((0, 2))
    assert gap[60:].min() > 1e-4
    assert gap[:20].max() < 1e-5  # 2 blocks of a window of 4 tokens and convolutions of 2 reach 12 tokens


def test_attention_sees_present_neighbours_only():
    bias = surroundings(torch.tensor([[True] * 5 + [False] * 2]), 1, 8).bias[0, 0]
    assert bias[0].isfinite().tolist() == [True, True, False, False, False, False, False]
    assert bias[4].isfinite().tolist() == [False, False, False, True, True, False, False]
    assert bias[6].isfinite().tolist() == [False] * 4 + [False, False, True]


def test_places_say_where_in_the_phone():
    edges = torch.tensor([0, 4, 6])
    found = places(edges, torch.tensor([0, 0, 0, 0, 1, 1]))
    assert found[:, 0].tolist() == [-0.75, -0.25, 0.25, 0.75, -0.5, 0.5]
    assert np.allclose(found[0, 1:], np.log1p([0.5, 3.5]) / 4)


def test_durations_answer_for_each_phone():
    torch.manual_seed(0)
    net = SpeechDurations(dim=16, layers=1, heads=2, affect_pooled_dim=8)
    wake(net, torch.Generator().manual_seed(0))
    tokens = phones([3, 4, 50], [3, 4])
    affect = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        both = net(tokens, affect, torch.tensor([False, False]))
        alone = net(phones([3, 4]), affect[1:, :2], torch.tensor([False]))
    assert both.shape == (2, 3) and torch.allclose(both[1:, :2], alone, atol=1e-5)


def test_prosody_is_deaf_to_what_is_absent():
    torch.manual_seed(0)
    net = ProsodyDenoiser(dim=16, layers=1, heads=2, affect_pooled_dim=8)
    wake(net, torch.Generator().manual_seed(0))
    g = torch.Generator().manual_seed(3)
    x, ears = torch.randn(1, 6, 10, generator=g), torch.randn(1, 6, FRAMES * HEARD, generator=g)
    feeling, present = torch.randn(1, 6, 8, generator=g), torch.tensor([[True] * 4 + [False] * 2])
    sigma, felt = torch.tensor([0.7]), torch.tensor([False])
    with torch.no_grad():
        one = net(x, sigma, ears, feeling, present, felt)
        null = net(x, sigma, ears, feeling, present, torch.tensor([True]))
        other = net(x, sigma, ears, feeling + 1, present, torch.tensor([True]))
    assert one.shape == x.shape
    assert torch.allclose(null, other) and not torch.allclose(one, null, atol=1e-4)
