"""The protocol on a medium of plain numbers: what is made, who reads it, and what is made of that."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from emotive.affect import Affect
from emotive.errors import InputError
from emotive.evaluate.protocol import Measurements, Protocol, run
from emotive.evaluate.summary import chance, content, control

LEVELS = (-0.9, -0.45, 0.0, 0.45, 0.9)
GRID = [Affect(v, a) for a in LEVELS for v in LEVELS]
CAPTIONS = ("low", "middle", "high", "highest")


class Tone(NamedTuple):
    """An item: how it feels, how loud it is, and which caption it was made for."""

    valence: float
    arousal: float
    loudness: float
    caption: str


class Read(NamedTuple):
    valence: np.ndarray
    arousal: np.ndarray


class Ear:
    """Hears what is there."""

    name = "ear"

    def fingerprint(self) -> str:
        return "0" * 64

    def estimate(self, items) -> Read:
        return Read(np.array([i.valence for i in items]), np.array([i.arousal for i in items]))


class Meter(Ear):
    """Takes loudness for everything."""

    name = "meter"

    def estimate(self, items) -> Read:
        loud = np.array([i.loudness for i in items])
        return Read(loud, loud)


def noise(caption: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, CAPTIONS.index(caption)])


def voice(caption: str, affects, seed: int) -> list[Tone]:
    """Follows the request, with a bias of its caption."""
    bias = 0.05 * noise(caption, seed).standard_normal()
    loud = 0.1 * noise(caption, seed + 9).standard_normal()
    return [Tone(0.9 * a.valence + bias, a.arousal + bias, 0.5 * a.arousal + loud, caption) for a in affects]


def monotone(caption: str, affects, seed: int) -> list[Tone]:
    return voice(caption, [Affect.neutral()], seed) * len(affects)


def protocol(**changes) -> Protocol:
    made = Protocol(
        captions=CAPTIONS,
        affects=GRID,
        seeds=(1, 2),
        arms={"voice": voice, "monotone": monotone},
        judges={"ear": Ear(), "meter": Meter()},
        nuisances=lambda items: np.array([[i.loudness] for i in items]),
        content=lambda caption, items: {
            "caption": np.array([i.caption == caption for i in items]),
            "calm": np.array([i.arousal < 0.8 for i in items]),
        },
        features=lambda items: np.array([[i.valence, i.loudness] for i in items]),
        qualities={"loudness": lambda items: np.array([i.loudness for i in items])},
    )
    return replace(made, **changes)


@pytest.fixture(scope="module")
def found() -> dict[str, Measurements]:
    return run(protocol())


def test_everything_asked_for_is_made_and_read_in_order(found):
    voiced = found["voice"]
    assert voiced.requested.shape == (200, 2) and len(voiced.features) == 200
    np.testing.assert_array_equal(voiced.requested[:25], [[a.valence, a.arousal] for a in GRID])
    np.testing.assert_array_equal(voiced.caption, np.repeat(np.arange(4), 50))
    expected = [t for c in CAPTIONS for seed in (1, 2) for t in voice(c, GRID, seed)]
    np.testing.assert_array_equal(voiced.measured["ear"], [t[:2] for t in expected])
    np.testing.assert_array_equal(voiced.measured["meter"][:, 0], voiced.qualities["loudness"])
    np.testing.assert_array_equal(voiced.nuisances[:, 0], [t.loudness for t in expected])
    assert voiced.content["caption"].all()


def test_an_item_for_several_requests_is_read_once():
    heard = []

    class Counting(Ear):
        def estimate(self, items) -> Read:
            heard.append(len(items))
            return super().estimate(items)

    found = run(protocol(judges={"ear": Counting()}, arms={"monotone": monotone}))
    assert heard == [1] * 8
    assert len(np.unique(found["monotone"].measured["ear"][:50], axis=0)) == 2  # one for each seed


def test_progress_and_show_see_every_batch():
    told, shown = [], []
    made = protocol(show=lambda arm, number, seed, items: shown.append((arm, number, seed, len(items))))
    run(made, told.append)
    assert len(told) == len(shown) == made.batches == 16
    assert shown[0] == ("voice", 0, 1, 25) and shown[-1] == ("monotone", 3, 2, 25)


@pytest.mark.parametrize("name", ["captions", "affects", "seeds", "arms", "judges"])
def test_nothing_to_evaluate_is_said(name):
    with pytest.raises(InputError, match=f"no {name}"):
        run(protocol(**{name: type(getattr(protocol(), name))()}))


def test_an_arm_that_makes_too_little_is_a_fault():
    with pytest.raises(ValueError, match="1 items for 25 affects"):
        run(protocol(arms={"lazy": lambda caption, affects, seed: voice(caption, affects[:1], seed)}))


def test_control_is_what_was_built_in(found):
    made = control(found["voice"], "ear", resamples=500)
    valence, arousal = made["axes"]["valence"], made["axes"]["arousal"]
    assert valence["slope"] == pytest.approx(0.9) and arousal["slope"] == pytest.approx(1.0)
    assert valence["interval"][0] <= valence["ccc"] <= valence["interval"][1]
    assert min(valence["ccc"], arousal["ccc"], valence["spearman"]) > 0.97
    assert valence["ccc_after_colour"] > 0.97  # loudness knows nothing of valence
    assert abs(made["leakage"]["valence_to_arousal"]) < 1e-9


def test_a_judge_that_only_reads_the_nuisance_finds_no_control_after_it(found):
    made = control(found["voice"], "meter", resamples=100)
    assert made["axes"]["arousal"]["spearman"] > 0.9
    assert made["axes"]["arousal"]["ccc_after_colour"] == 0 == made["axes"]["valence"]["ccc_after_colour"]
    assert made["leakage"]["arousal_to_valence"] > 0.9


def test_always_the_same_and_chance_show_none(found):
    made = control(found["monotone"], "ear", resamples=100)
    by_chance = chance(found["voice"], "ear", times=100)
    for axis in ("valence", "arousal"):
        same, shuffled = made["axes"][axis], by_chance["axes"][axis]
        assert max(abs(same[k]) for k in ("ccc", "slope", "ccc_after_colour")) < 1e-12
        assert same["spearman"] == 0
        assert max(abs(shuffled[k]) for k in ("ccc", "spearman", "slope", "ccc_after_colour")) < 0.03
    assert max(map(abs, by_chance["leakage"].values())) < 0.03


def test_content_is_told_by_kind_and_corner(found):
    told = content(found["voice"])
    assert told["kinds"]["caption"] == 1
    assert told["kinds"]["calm"] == pytest.approx(found["voice"].content["calm"].mean())
    assert told["accuracy"] == pytest.approx((1 + told["kinds"]["calm"]) / 2)
    assert told["whole"] == told["kinds"]["calm"]
    assert told["corners"]["pleasant_calm"]["accuracy"] == 1
    assert told["corners"]["pleasant_excited"] == {
        "accuracy": 0.5, "whole": 0.0, "kinds": {"caption": 1.0, "calm": 0.0}, "n": 8,
    }  # fmt: skip
    assert content(replace(found["voice"], content={})) == {}
