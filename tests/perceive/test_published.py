"""The published judge is what its page says: hand-computed values, sums, signs, and what it can do."""

import dataclasses
import math

import numpy as np
import pytest

from emotive.affect import Affect
from emotive.data.motifs import HELD_OUT_MOTIFS, paint_motif
from emotive.perceive.attributes import picture_attributes
from emotive.perceive.explanation import WORDS, explain, movers
from emotive.perceive.published import AROUSAL_SIGNS, RANGES, VALENCE_SIGNS, PublishedJudge, standardised

GREY = np.full((64, 64, 3), 119, np.uint8)  # L* 50: the middle of its range
PICTURE = paint_motif("rosette", Affect(0.6, 0.4), 3, 256)
NEUTRAL = dataclasses.replace(
    picture_attributes(GREY), **{name: (low + high) / 2 for name, (low, high) in RANGES.items()}
)


def test_valdez_and_mehrabian_by_hand():
    """One standard deviation above the middle in brightness and two in saturation, all else in the middle."""
    sd = {name: (high - low) / math.sqrt(12) for name, (low, high) in RANGES.items()}
    a = dataclasses.replace(NEUTRAL, lightness=50 + sd["lightness"], chroma=25 + 2 * sd["chroma"])
    # 25 + 2 x 50 / sqrt(12) = 53.9
    assert a.chroma == pytest.approx(53.87, abs=0.01)
    adds = PublishedJudge(brightness_to_arousal=-0.31).contributions(a)
    assert sum(adds.valence.values()) == pytest.approx(0.69 + 2 * 0.22)
    assert sum(adds.arousal.values()) == pytest.approx(-0.31 + 2 * 0.60)
    assert sum(PublishedJudge().contributions(a).arousal.values()) == pytest.approx(2 * 0.60)


def test_a_picture_in_the_middle_of_every_range_is_neutral():
    adds = PublishedJudge().contributions(NEUTRAL)
    assert all(x == pytest.approx(0) for x in (*adds.valence.values(), *adds.arousal.values()))


@pytest.mark.parametrize("judge", [PublishedJudge(), PublishedJudge(-0.31)])
def test_contributions_add_up_to_the_estimate(judge):
    found = judge.estimate([PICTURE, GREY])
    for i, picture in enumerate((PICTURE, GREY)):
        adds = judge.contributions(picture_attributes(picture))
        assert found.valence[i] == pytest.approx(math.tanh(sum(adds.valence.values()) / math.sqrt(3)))
        assert found.arousal[i] == pytest.approx(math.tanh(sum(adds.arousal.values()) / math.sqrt(3)))


@pytest.mark.parametrize(("axis", "signs"), [("valence", VALENCE_SIGNS), ("arousal", AROUSAL_SIGNS)])
def test_form_has_equal_weights_with_the_published_signs(axis, signs):
    weights = PublishedJudge().coefficients[axis]
    assert {name: math.copysign(1, weights[name]) for name in signs} == signs
    assert len({round(abs(weights[name]), 12) for name in signs}) == 1
    length = {"valence": math.hypot(0.69, 0.22), "arousal": math.hypot(0.31, 0.60)}[axis]
    assert sum(abs(weights[name]) for name in signs) == pytest.approx(length)


def test_every_attribute_moves_the_estimate_by_its_sign():
    judge = PublishedJudge()
    for axis in ("valence", "arousal"):
        for name, weight in judge.coefficients[axis].items():
            more = dataclasses.replace(NEUTRAL, **{name: RANGES[name][1]})
            moved = sum(getattr(judge.contributions(more), axis).values())
            assert moved == pytest.approx(weight * math.sqrt(3))  # the end of a uniform range, in sd


@pytest.mark.parametrize(("name", "squares"), [("edge_density", 22), ("detail", 5)])
def test_the_ranges_that_are_checkerboards(name, squares):
    square = np.arange(256) * squares // 256
    board = ((square[:, None] + square) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    assert getattr(picture_attributes(board), name) == pytest.approx(RANGES[name][1], rel=0.05)


def test_standardised_is_clipped_and_linear():
    assert standardised("lightness", 50) == 0
    assert standardised("lightness", 100) == pytest.approx(math.sqrt(3))
    assert standardised("edge_density", 100.0) == 3


def test_estimates_have_their_shape_and_range():
    found = PublishedJudge().estimate([GREY, PICTURE, np.zeros((5, 9, 3), np.uint8)])
    for x in found:
        assert x.shape == (3,) and x.dtype == np.float64
    assert (
        (np.abs(found.valence) <= 1).all() and (found.valence_sd > 0).all() and (found.arousal_sd > 0).all()
    )
    assert [len(x) for x in PublishedJudge().estimate([])] == [0] * 4


def test_the_spread_is_what_the_coefficients_leave():
    found = PublishedJudge().estimate([PICTURE])
    left = math.sqrt(1 - 0.69**2 - 0.22**2) / math.sqrt(3) * (1 - found.valence[0] ** 2)
    assert found.valence_sd[0] == pytest.approx(left)


def test_the_fingerprint_knows_the_coefficients():
    assert PublishedJudge().fingerprint() == PublishedJudge(0.0).fingerprint()
    assert PublishedJudge().fingerprint() != PublishedJudge(-0.31).fingerprint()
    assert len(PublishedJudge().fingerprint()) == 64


@pytest.mark.parametrize("motif", HELD_OUT_MOTIFS)
def test_it_puts_paintings_in_order_though_nothing_was_fitted(motif):
    levels = (-0.9, -0.45, 0.0, 0.45, 0.9)
    pictures = [paint_motif(motif, Affect(v, a), 5, 192) for a in levels for v in levels]
    found = PublishedJudge().estimate(pictures)
    wanted = np.array([[v, a] for a in levels for v in levels])
    assert np.corrcoef(wanted[:, 0], found.valence)[0, 1] > 0.85
    assert np.corrcoef(wanted[:, 1], found.arousal)[0, 1] > 0.85


# -- the sentence ------------------------------------------------------------------------------------------


def test_the_sentence_names_what_moved_it():
    white, black = (np.full((64, 64, 3), v, np.uint8) for v in (250, 5))
    assert "light (+)" in explain(white, PublishedJudge()) and "darkness (-)" in explain(
        black, PublishedJudge()
    )
    sentence = explain(PICTURE, PublishedJudge())
    found = PublishedJudge().estimate([PICTURE])
    assert sentence.startswith(f"Valence {found.valence[0]:+.2f} ± {found.valence_sd[0]:.2f}, arousal ")
    for term, _ in Affect(float(found.valence[0]), float(found.arousal[0])).nearest(3):
        assert term.term in sentence


def test_movers_are_the_contributions():
    adds = PublishedJudge().contributions(picture_attributes(PICTURE))
    moved = movers(PICTURE, PublishedJudge())
    assert sum(m.valence for m in moved) == pytest.approx(sum(adds.valence.values()))
    assert sum(m.arousal for m in moved) == pytest.approx(sum(adds.arousal.values()))
    assert {name for name in RANGES} <= set(WORDS)
