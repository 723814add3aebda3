"""Blending: weights that never leave the plane, words at its poles, and exact sums of predictions."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_backbones import size_of, tiny_backbone
from torch import Tensor

from emotive.backbones.adapter import PromptEmbeds, Prompts
from emotive.backbones.blend import DOMINANCE, PHRASES, AffectBlend
from emotive.errors import InputError
from emotive.pipelines.with_affect import with_affect

COORDINATE = st.floats(-1, 1, width=32)


def prompts(*texts: str) -> tuple[Prompts, list[list[str]]]:
    """Prompts of nothing, and the list of what is encoded besides."""
    asked: list[list[str]] = []

    def encode(rows) -> PromptEmbeds:
        asked.append(list(rows))
        return replace(embeds, tokens=embeds.tokens + len(asked))

    embeds = PromptEmbeds(torch.zeros(len(texts), 2, 3), None, torch.ones(len(texts), 2, dtype=torch.bool))
    return Prompts(embeds, texts, encode), asked


@given(COORDINATE, COORDINATE, st.one_of(st.just(float("nan")), COORDINATE), st.floats(0.01, 10))
@settings(max_examples=200)
def test_weights_are_never_negative_and_sum_to_one(v: float, a: float, d: float, strength: float):
    said, _ = prompts("a house")
    parts = AffectBlend()(said, torch.tensor([[v, a, d]]), strength)
    weights = torch.stack([part.weight for part in parts])
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(0), torch.ones(1))


def test_the_mean_of_the_poles_is_the_point():
    """Each pole stands at a point of its own; the weights place the request exactly there."""
    said, asked = prompts("x")
    point = torch.tensor([[0.6, -0.3, 0.2]])
    parts = AffectBlend()(said, point, 1.0)
    places = {text: (*key[:2], 0) for key, text in PHRASES.items()}
    total = torch.zeros(3)
    for part, texts in zip(parts[1:], asked, strict=True):
        words = texts[0].removeprefix("x, ")
        dominance = next((sign for sign, text in DOMINANCE.items() if words.startswith(text)), 0)
        mood = words.removeprefix(DOMINANCE.get(dominance, "")).removeprefix(", ")
        place = torch.tensor([*places.get(mood, (0, 0, 0))[:2], dominance])
        total += part.weight * place
    torch.testing.assert_close(total, point[0])


def test_every_corner_and_side_is_put_into_words():
    assert set(PHRASES) == {(v, a, 0) for v, a in itertools.product((-1, 0, 1), repeat=2) if v or a}
    assert len(set(PHRASES.values())) == 8


def test_neutral_asks_for_nothing_and_a_pole_for_itself_alone():
    said, asked = prompts("a house", "a cat.")
    parts = AffectBlend()(said, torch.tensor([[0, 0, float("nan")]] * 2), 1.0)
    assert len(parts) == 1 and not asked and (parts[0].weight == 1).all()
    AffectBlend()(said, torch.tensor([[1, 1, float("nan")], [-0.5, 0.5, float("nan")]]), 2.0)
    corner = next(rows for rows in asked if PHRASES[1, 1, 0] in rows[0])
    assert corner == [f"a house, {PHRASES[1, 1, 0]}", f"a cat, {PHRASES[-1, 1, 0]}"]


@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3", "flux"])
def test_at_a_corner_it_is_the_pipeline_prompted_with_its_words(family: str):
    pipe: Any = with_affect(tiny_backbone(family), AffectBlend())
    settings: dict[str, Any] = {"num_inference_steps": 2, "output_type": "np", **size_of(family)}

    def paint(prompt: str, **kwargs) -> np.ndarray:
        return pipe(prompt, generator=torch.Generator().manual_seed(0), **settings, **kwargs).images

    assert np.array_equal(paint("a house", affect="1,1"), paint(f"a house, {PHRASES[1, 1, 0]}"))
    # Half the strength is another point: not half the way.
    assert not np.array_equal(paint("a house", affect="1,1", affect_strength=0.5), paint("a house"))


@pytest.mark.parametrize("family", ["sd", "sdxl", "flux"])
def test_in_between_it_is_the_weighted_sum_of_what_is_predicted(family: str):
    pipe: Any = with_affect(tiny_backbone(family), AffectBlend())
    seen: list[Tensor] = []
    own = pipe.scheduler.step
    pipe.scheduler.step = lambda out, *args, **kwargs: (seen.append(out.clone()), own(out, *args, **kwargs))[
        1
    ]
    settings: dict[str, Any] = {"num_inference_steps": 1, "output_type": "np", **size_of(family)}

    def predicted(prompt: str, **kwargs) -> Tensor:
        seen.clear()
        pipe(prompt, generator=torch.Generator().manual_seed(0), **settings, **kwargs)
        return seen[0]

    base = predicted("a house")
    poles = {key: predicted(f"a house, {PHRASES[key]}") for key in ((1, 0, 0), (0, -1, 0), (1, -1, 0))}
    wanted = 0.7 * 0.4 * base + 0.3 * 0.4 * poles[1, 0, 0] + 0.7 * 0.6 * poles[0, -1, 0]
    wanted = wanted + 0.3 * 0.6 * poles[1, -1, 0]
    torch.testing.assert_close(predicted("a house", affect="0.3,-0.6"), wanted, atol=1e-5, rtol=1e-4)


def test_embeds_alone_cannot_be_blended():
    said, _ = prompts("a house")
    nameless = Prompts(said.embeds, None, said.encode)
    with pytest.raises(InputError, match="needs the prompt as text"):
        AffectBlend()(nameless, torch.tensor([[1.0, 0.0, 0.0]]), 1.0)


def test_its_fingerprint_is_that_of_its_words():
    other = AffectBlend(phrases={**PHRASES, (1, 1, 0): "elated"})
    assert AffectBlend().fingerprint() == AffectBlend().fingerprint() != other.fingerprint()
    assert len(other.fingerprint()) == 64


def test_a_prompt_that_leaves_no_room_for_the_mood_is_said():
    pipe: Any = with_affect(tiny_backbone("sd"), AffectBlend())
    with pytest.warns(UserWarning, match="too long"), pytest.raises(InputError, match="no room for a mood"):
        pipe("a" * 75, affect="0.5,0.5", num_inference_steps=1, **size_of("sd"))
