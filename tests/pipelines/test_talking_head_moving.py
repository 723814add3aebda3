"""A talking head online whose affect is asked for while it speaks, on a tiny random model."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from tiny import tiny_head_pipeline

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.pipelines.talking_head import EmotiveTalkingHeadPipeline
from emotive.pipelines.talking_head_stream import HISTORY, MovingAffect
from emotive.signals import FaceMotion

RATE, CHUNK = 24_000, 1600
SOUND = (0.1 * np.random.default_rng(0).standard_normal(2 * RATE)).astype(np.float32).clip(-1, 1)


@pytest.fixture(scope="module")
def pipe() -> EmotiveTalkingHeadPipeline:
    return tiny_head_pipeline()


def chunks() -> Iterator[np.ndarray]:
    return (SOUND[i : i + CHUNK] for i in range(0, len(SOUND), CHUNK))


def moved(pipe: EmotiveTalkingHeadPipeline, affect: Callable[[], Any] | str, **how) -> list[FaceMotion]:
    return list(
        pipe.stream_motion(
            chunks(),
            affect,
            sample_rate=RATE,
            num_inference_steps=1,
            generator=torch.Generator().manual_seed(0),
            **how,
        )
    )


def tracks(pieces: list[FaceMotion]) -> np.ndarray:
    return np.concatenate([np.concatenate([p.weights, p.rotation, p.translation, p.gaze], 1) for p in pieces])


@pytest.mark.parametrize("affect", ["0.6,-0.4", "joy", "anger:0.6+fear:0.4"])
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_asked_for_and_always_the_same_it_is_the_constant_one(pipe, affect: str, strength: float):
    constant = moved(pipe, affect, affect_strength=strength)
    asked = moved(pipe, lambda: Affect.parse(affect), affect_strength=strength)
    assert np.array_equal(tracks(asked), tracks(constant))
    assert [p.affect for p in asked] == [p.affect for p in constant]


def test_a_piece_shows_the_affect_of_its_moment(pipe):
    said = []

    def ask() -> str:
        said.append("0.8,0.8" if len(said) > 15 else "-0.8,-0.8")
        return said[-1]

    asked, before = moved(pipe, ask), moved(pipe, "-0.8,-0.8")
    assert len(said) == len(asked) + 1  # once to begin with, once a piece
    lengths = np.cumsum([len(p) for p in asked])
    change = lengths[15 - 1]  # of the piece for which the 17th answer was given, the first of the new ones
    assert np.array_equal(tracks(asked)[:change], tracks(before)[:change])
    assert not np.allclose(tracks(asked)[change + 1], tracks(before)[change + 1], atol=1e-4)
    assert asked[-1].affect.at(10.0) == Affect(0.8, 0.8) and asked[5].affect.at(10.0) == Affect(-0.8, -0.8)


def test_it_comes_to_an_answer_within_the_piece_and_forgets_what_is_long_ago():
    answers = iter(["0,0", "0,0", "1,0", "1,0", *["0,1", "0,-1"] * 100])
    moving = MovingAffect(lambda: next(answers))
    assert moving.until(0, 2) == AffectCurve.constant("0,0")
    there = moving.until(2, 4)
    assert [there.at(t / 30).valence for t in (0, 2, 4, 6)] == pytest.approx([0, 0, 0.5, 1])
    assert moving.until(6, 2) == there
    for token in range(8, 408, 2):
        curve = moving.until(token, 2)
    assert len(curve.keyframes) <= HISTORY // 2 + 3
    assert curve.keyframes[0][0] <= (406 - HISTORY) / 30


def test_a_change_is_limited_to_how_strong_it_may_be(pipe):
    said = iter(["0,0"] * 5 + ["1,1"] * 100)
    ended = moved(pipe, lambda: next(said), affect_strength=0.5)[-1]
    assert ended.affect.at(9.0) == Affect(0.5, 0.5)


@pytest.mark.parametrize(("answer", "says"), [
    (None, "gives an Affect or its text, not NoneType"),
    ((0.5, 0.5), "not tuple"),
    (AffectCurve.constant("joy"), "not AffectCurve"),
    ("jou", "unknown emotion"),
])  # fmt: skip
def test_another_answer_is_one_line(pipe, answer: object, says: str):
    for answers in ([answer] * 9, ["joy", "joy", answer]):
        told = iter(answers)
        with pytest.raises(InputError, match=says) as raised:
            moved(pipe, lambda told=told: next(told))
        assert "\n" not in str(raised.value)


def test_frames_are_drawn_from_it(pipe):
    frames = pipe.stream(
        "mara", list(chunks())[:6], lambda: "joy", sample_rate=RATE, size=64, num_inference_steps=1
    )
    assert all(f.shape == (64, 64, 3) and f.dtype == np.uint8 for f in frames)
