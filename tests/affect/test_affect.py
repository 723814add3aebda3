"""A point of affect: what it accepts, what it refuses, and the round trips through every notation."""

import math
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from emotive.affect import Affect, emotion, emotions
from emotive.errors import InputError

unit = st.floats(-1, 1)
names = st.sampled_from([entry.term for entry in emotions()])
weights = st.floats(1e-3, 1e3)
blends = st.dictionaries(names, weights, max_size=4).map(lambda blend: tuple(blend.items()))
affects = st.builds(Affect, unit, unit, st.none() | unit, blends)


def coordinates(affect: Affect) -> np.ndarray:
    return np.array(
        [affect.valence, affect.arousal, np.nan if affect.dominance is None else affect.dominance]
    )


@pytest.mark.parametrize(
    "bad", [1.0000001, -2, math.nan, math.inf, -math.inf, 10**400, True, "0.5", None, 1j]
)
@pytest.mark.parametrize("axis", ["valence", "arousal", "dominance"])
def test_coordinates_outside_the_space_are_refused(axis, bad):
    if axis == "dominance" and bad is None:
        return
    with pytest.raises(InputError, match=axis):
        Affect(**{"valence": 0.0, "arousal": 0.0, axis: bad})


@given(affects)
def test_text_reads_back_exactly(affect):
    assert Affect.parse(str(affect)) == affect


@given(st.lists(st.tuples(names, weights, st.floats(0, 1)), min_size=1, max_size=5))
def test_parsed_mixtures_read_back_exactly(parts):
    affect = Affect.parse("+".join(f"{name}:{weight!r}*{k!r}" for name, weight, k in parts))
    assert Affect.parse(str(affect)) == affect


@given(st.lists(st.tuples(names, weights), min_size=1, max_size=5))
def test_mixture_is_the_weighted_mean_of_its_terms(parts):
    affect = Affect.parse(" + ".join(f"{name} : {weight!r}" for name, weight in parts))
    points = np.array([coordinates(Affect.parse(name)) for name, _ in parts])
    expected = np.average(points, axis=0, weights=[weight for _, weight in parts])
    np.testing.assert_allclose(coordinates(affect), expected, atol=1e-8)
    assert sum(weight for _, weight in affect.blend) == pytest.approx(1)
    assert {term for term, _ in affect.blend} == {name for name, _ in parts}


@given(names, names, st.floats(0, 1))
def test_the_weights_of_a_blend_are_the_coefficients_of_its_point(one, two, k):
    affect = Affect.parse(f"{one}:3+{two}").scaled(k)
    point = sum((w * coordinates(Affect.parse(term)) for term, w in affect.blend), np.zeros(3))
    np.testing.assert_allclose(coordinates(affect), point, atol=1e-8)


def test_notations():
    joyful = Affect(0.76, 0.48, 0.35, (("joyful", 1.0),))
    for text in (
        "joy",
        " JOY ",
        "joyful",
        "ｊｏｙ",
        "\tJoy\n",
        "joy:0.2",
        "joy+joyful",
        "joy*1",
        "joy:5+JOY:2",
    ):
        assert Affect.parse(text) == joyful
    assert Affect.parse(joyful) is joyful
    assert Affect.parse("0.6,\u22120.2") == Affect(0.6, -0.2)  # a typographic minus
    assert Affect.parse("+0.6 , -.2, 1e-1") == Affect(0.6, -0.2, 0.1)
    assert Affect.parse("In_Love") == Affect.parse("in  love") == Affect.parse("in-love")
    assert Affect.parse("joy*0.5") == Affect(0.38, 0.24, 0.175, (("joyful", 0.5),))
    assert Affect.parse("joy\u00d70.5") == Affect.parse("joy * 0.5")
    assert Affect.parse("joy*0") == Affect.neutral()
    assert Affect.parse("joy*1.2").valence == pytest.approx(0.912)
    assert str(Affect.parse("joy:0.7+fear:0.3")) == "0.34,0.516,0.116 [joyful:0.7+fearful:0.3]"
    assert Affect.parse("joy+fear") == Affect.parse("fear:2+joy:2")
    assert Affect.parse("joy:3+fear").blend == (("joyful", 0.75), ("fearful", 0.25))
    assert Affect.parse("neutral").as_array().tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("jooy", "joy"),
        ("fearfull", "fearful"),
        ("xqzw", "unknown emotion"),
        ("", "empty"),
        (" \u00a0\n", "empty"),
        ("0.5", "neither valence,arousal"),
        ("0.5,", "not a finite number"),
        ("0,6,0,2", "neither valence,arousal"),
        ("6,-2", "from_scale"),
        ("nan,0", "not a finite number"),
        ("0,inf", "not a finite number"),
        ("joy,fear", "not a finite number"),
        ("joy:0", "above 0"),
        ("joy:-1+fear", "above 0"),
        ("joy:", "weight"),
        ("joy:nan", "weight"),
        ("joy:1e308+fear:1e308", "too large"),
        ("joy*2", "out of range"),
        ("joy*-0.5", "strength"),
        ("joy*", "strength"),
        ("joy++fear", "missing"),
        ("joy+", "missing"),
        ("+", "neither valence,arousal"),
        ("[joy]", "neither valence,arousal"),
        ("0,0 [joy", "not a finite number"),
        ("0,0 [joy+joyful]", "once"),
        ("\x00", "unknown emotion"),
        ("\ud800", "unknown emotion"),
        ("joy" * 40_000, "too long"),
        (("joy+" * 200)[:-1] + "x", "unknown emotion"),
        ("q" * 1000, "unknown emotion"),
        ("\ufdfa" * 1000, "unknown emotion"),
    ],
)
def test_bad_text_is_one_line_that_says_what_is_wrong(text, says):
    began = time.perf_counter()
    with pytest.raises(InputError, match=says) as caught:
        Affect.parse(text)
    assert time.perf_counter() - began < 0.5
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


@pytest.mark.parametrize("thing", [None, 0.5, ("joy",), b"joy", (0.1, 0.2)])
def test_only_text_and_affects_are_parsed(thing):
    with pytest.raises(InputError, match="text"):
        Affect.parse(thing)


@given(st.text(max_size=40) | st.text("joyfear:*+,.-0123456789e[] ", max_size=40))
@example("1_0,0")
@example("joy:1e-320+fear:1e300")
@example("joy:1_0")
def test_any_text_parses_or_is_an_input_error(text):
    try:
        affect = Affect.parse(text)
    except InputError:
        return
    assert Affect.parse(str(affect)) == affect


@pytest.mark.parametrize(
    "blend",
    ["joy", [("joy",)], [("joy", 0)], [("joy", math.nan)], [("nojoy", 1)], [("joy", 1), ("joyful", 1)]],
)
def test_bad_blends_are_refused(blend):
    with pytest.raises(InputError):
        Affect(0, 0, blend=blend)


@given(unit, unit, st.none() | unit, st.sampled_from([(1, 9), (-3, 3), (0, 1), (0, 1000), (-1, 1)]))
def test_scales_round_trip(valence, arousal, dominance, scale):
    low, high = scale
    affect = Affect(valence, arousal, dominance)
    v, a, d = affect.to_scale(low, high)
    assert low <= min(v, a) and max(v, a) <= high
    np.testing.assert_allclose(
        coordinates(Affect.from_scale(v, a, low, high, d)), coordinates(affect), atol=1e-12
    )


def test_scales():
    assert Affect.from_scale(9, 1, 1, 9) == Affect(1, -1)
    assert Affect.from_scale(5, 3, 1, 9, dominance=7) == Affect(0, -0.5, 0.5)
    for bad in [
        (10, 5, 1, 9),
        (5, 0, 1, 9),
        (5, 5, 9, 1),
        (5, 5, 5, 5),
        (math.nan, 5, 1, 9),
        (0, 0, -1e308, 1e308),
    ]:
        with pytest.raises(InputError):
            Affect.from_scale(*bad)


@given(unit, unit)
@example(1.0, 1.0)
@example(-1.0, 1.0)
def test_polar_round_trips_over_the_whole_square(valence, arousal):
    affect = Affect(valence, arousal)
    assert 0 <= affect.angle < 360
    assert 0 <= affect.intensity <= math.sqrt(2)
    again = Affect.from_polar(affect.angle, affect.intensity)
    np.testing.assert_allclose(coordinates(again)[:2], [valence, arousal], atol=1e-8)


def test_polar():
    assert Affect.from_polar(0, 1) == Affect(1, 0)
    assert Affect.from_polar(90, 0.5).arousal == 0.5
    assert Affect.neutral().angle == Affect.neutral().intensity == 0
    for bad in [(0, 1.1), (45, 1.5), (0, -0.1), (math.nan, 0.5), (0, math.inf)]:
        with pytest.raises(InputError):
            Affect.from_polar(*bad)


@given(affects, affects)
def test_interpolation_starts_and_ends_at_its_ends(start, end):
    assume((start.dominance is None) == (end.dominance is None))
    assert start.lerp(end, 0) == start
    assert start.lerp(end, 1) == end


@given(affects, affects, st.floats(0, 1))
def test_interpolation_stays_between_its_ends(start, end, t):
    middle = start.lerp(end, t)
    for axis in ("valence", "arousal"):
        low, high = sorted([getattr(start, axis), getattr(end, axis)])
        assert low - 1e-15 <= getattr(middle, axis) <= high + 1e-15
    assert (middle.dominance is None) == (start.dominance is None and end.dominance is None)
    total = (1 - t) * sum(w for _, w in start.blend) + t * sum(w for _, w in end.blend)
    assert sum(w for _, w in middle.blend) == pytest.approx(total, abs=1e-9)


def test_an_unset_dominance_takes_the_value_of_the_other():
    assert [Affect(0, 0).lerp(Affect(1, 0, 0.5), t).dominance for t in (0, 0.3, 1)] == [0.5, 0.5, 0.5]


@given(affects, st.floats(0, 1))
def test_scaling_goes_straight_to_neutral(affect, k):
    weaker = affect.scaled(k)
    np.testing.assert_allclose(coordinates(weaker), k * coordinates(affect), atol=1e-15)
    assert affect.scaled(1) == affect
    assert affect.scaled(0).intensity == 0 and affect.scaled(0).blend == ()


@pytest.mark.parametrize("k", [-1, math.nan, 3, "half"])
def test_bad_strengths_are_refused(k):
    with pytest.raises(InputError):
        Affect(0.5, 0.5).scaled(k)


@given(names)
def test_the_nearest_term_of_a_named_point_is_itself(name):
    (first, distance), (_, second), _ = Affect.parse(name).nearest()
    assert (first.term, distance) == (name, 0) and second > 0


def test_nearest_without_dominance_compares_valence_and_arousal():
    entry, distance = Affect(0.41, 0.30).nearest(1)[0]
    assert (entry.term, distance) == ("impressed", 0)


@given(affects)
def test_as_array_marks_unset_dominance(affect):
    array = affect.as_array()
    assert array.dtype == np.float32 and array.shape == (3,)
    assert np.isnan(array[2]) == (affect.dominance is None)
    np.testing.assert_allclose(array, coordinates(affect), atol=1e-7)


def test_affects_are_values():
    assert len({Affect.parse("joy"), Affect.parse("joyful"), Affect.parse("0.76,0.48,0.35")}) == 2
    with pytest.raises(AttributeError):
        Affect(0, 0).valence = 1  # pyright: ignore[reportAttributeAccessIssue]
    assert emotion("joy").valence == Affect.parse("joy").valence


def test_the_affect_space_needs_no_torch():
    code = "import sys, emotive.affect; assert not {'torch', 'scipy', 'diffusers'} & set(sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
