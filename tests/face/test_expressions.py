import json

import numpy as np
import pytest

from emotive.affect import Affect, emotion, emotions
from emotive.errors import InputError
from emotive.face.expressions import ACTION_UNITS, action_units, expression, limited_rate, load_anchors
from emotive.signals import ARKIT

PLACE = {name: i for i, name in enumerate(ARKIT)}
RAYS = [(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, 24, endpoint=False)]


def named(term: str, weight: float = 1.0) -> np.ndarray:
    point = np.array([emotion(term).valence, emotion(term).arousal, emotion(term).dominance])
    return expression(weight * point[None], [{term: weight}])[0]


def units(term: str) -> dict[int, float]:
    e = emotion(term)
    found = action_units(np.array([[e.valence, e.arousal, e.dominance]]), [{term: 1.0}])[0].mean(1)
    return dict(zip(ACTION_UNITS, found, strict=True))


def test_neutral_is_exactly_no_expression():
    points = np.array([[0, 0, np.nan], [0, 0, 0], [0, 0, 0.8], [0, 0, -1]])
    assert (expression(points) == 0).all()
    assert (expression(points[:2], [{}, {"neutral": 1.0}]) == 0).all()


@pytest.mark.parametrize("dominance", [np.nan, 0.6, -0.6])
def test_intensity_only_grows_along_every_ray_from_neutral(dominance):
    steps = np.linspace(0, 1, 9)
    for ray in RAYS:
        found = expression(steps[:, None] * np.array([[*ray, dominance]]))
        assert (np.diff(found, axis=0) >= -1e-6).all()
        assert found[-1].max() > 0.2


def test_signs_hold_wherever_one_looks():
    sweep = np.linspace(-1, 1, 21)
    for other in (-1.0, -0.5, 0.0, 0.5, 1.0):
        found = expression(np.stack([sweep, np.full(21, other)], 1))
        smile = found[:, PLACE["mouthSmileLeft"]] - found[:, PLACE["mouthFrownLeft"]]
        assert (np.diff(smile) > 0).all() and smile[0] < -0.2 and smile[-1] > 0.5
        assert found[0, PLACE["browDownLeft"]] > found[-1, PLACE["browDownLeft"]] + 0.3
        found = expression(np.stack([np.full(21, other), sweep], 1))
        lids = found[:, PLACE["eyeWideLeft"]] - found[:, PLACE["eyeBlinkLeft"]]
        assert (np.diff(lids) > 0).all() and lids[0] < -0.3 and lids[-1] > 0.4


def test_anger_fear_and_disgust_stand_apart_though_their_points_do_not():
    anger, fear, disgust = (units(term) for term in ("angry", "fearful", "disgusted"))
    assert anger[4] > 0.6 and anger[24] > 0.3 and anger[1] < 0.15 and anger[9] == 0
    assert fear[1] > 0.6 and fear[5] > 0.6 and fear[20] > 0.4 and fear[24] == 0
    assert disgust[9] > 0.6 and disgust[10] > 0.4 and disgust[5] < 0.1
    faces = [named(term) for term in ("angry", "fearful", "disgusted")]
    for a in range(3):
        for b in range(a):
            assert np.corrcoef(faces[a], faces[b])[0, 1] < 0.6


def test_dominance_alone_moves_a_face_from_fear_towards_anger():
    weak, strong = action_units(np.array([[-0.57, 0.6, -0.43], [-0.57, 0.6, 0.3]])).mean(2)
    number = list(ACTION_UNITS).index
    assert weak[number(1)] > 1.8 * strong[number(1)]
    assert strong[number(24)] + strong[number(7)] > weak[number(24)] + weak[number(7)]


def test_calm_is_not_neutral_but_a_soft_smile_under_lowered_lids():
    calm = named("relaxed")
    assert 0.2 < calm[PLACE["mouthSmileLeft"]] < 0.6
    assert 0.08 < calm[PLACE["eyeBlinkLeft"]] < 0.35
    assert calm[PLACE["browDownLeft"]] == 0


def test_compounds_keep_what_both_show_and_one_mouth():
    mixture = Affect.parse("joy+disgust")
    found = action_units(mixture.as_array()[None], [dict(mixture.blend)])[0].mean(1)
    shown = dict(zip(ACTION_UNITS, found, strict=True))
    assert shown[12] > 0.25 and shown[10] > 0.2 and shown[9] > 0.2  # happily disgusted: 10 + 12 + 25
    assert shown[15] < 0.1


def test_half_an_emotion_is_half_the_face_and_all_terms_have_one():
    for entry in emotions():
        whole, half = named(entry.term), named(entry.term, 0.5)
        free = whole < 1
        np.testing.assert_allclose(half[free], 0.5 * whole[free], atol=1e-4)
        assert (whole.max() > 0.05) == (entry.term != "neutral")


def test_faces_are_not_all_even():
    contempt = named("contemptuous")
    assert contempt[PLACE["mouthDimpleRight"]] > 0.4 > contempt[PLACE["mouthDimpleLeft"]]
    joy = named("joyful")
    assert joy[PLACE["mouthSmileLeft"]] == joy[PLACE["mouthSmileRight"]]


def test_rates_are_limited_and_attack_is_twice_as_fast():
    square = np.zeros((90, 52), np.float32)
    square[10:50] = 1
    found = limited_rate(square, 30)
    steps = np.diff(found[:, 0])
    assert steps.max() == pytest.approx(1 / 9, abs=1e-5) and steps.min() == pytest.approx(-1 / 18, abs=1e-5)
    assert found[20, 0] == 1 and found[69, 0] == pytest.approx(0, abs=1e-6)


def test_own_anchors_are_read_and_wrong_ones_named(tmp_path):
    path = tmp_path / "mine.json"
    document = {
        "format": "emotive-face-anchors",
        "version": 1,
        "everyday": 1.0,
        "anchors": {"joy": {"12": 0.5}},
    }
    path.write_text(json.dumps(document))
    anchors = load_anchors(path)
    assert anchors.terms == ("joyful",)
    joy = np.array([[0.76, 0.48, 0.35]])
    mine = action_units(joy, [{"joyful": 1.0}], anchors)[0, list(ACTION_UNITS).index(12)]
    assert mine == pytest.approx(0.5 + 0.22 * 0.76, abs=1e-3)
    for wrong, message in (
        ({"anchors": {"joi": {"12": 0.5}}}, "joi"),
        ({"anchors": {"joy": {"99": 0.5}}}, "unknown action unit '99'"),
        ({"anchors": {"joy": {"12": 1.5}}}, "in \\[0, 1\\]"),
        ({"anchors": {"neutral": {"12": 0.5}}}, "neutral has no expression"),
        ({"version": 2}, "version 2"),
        ({"everyday": 0}, "everyday"),
    ):
        path.write_text(json.dumps({**document, **wrong}))
        with pytest.raises(InputError, match=message):
            load_anchors(path)
    path.write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        load_anchors(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_anchors(tmp_path / "none.json")


def test_points_are_checked():
    for points in (np.zeros(3), np.zeros((2, 4)), np.array([[0, np.nan, 0]]), np.array([[1.1, 0, 0]])):
        with pytest.raises(InputError):
            expression(points)
    with pytest.raises(InputError, match="blends"):
        expression(np.zeros((2, 3)), [{}])
