"""Judges of faces: the one that ships, the published one, and curves over time."""

import numpy as np
import pytest
import torch

from emotive.affect import Affect
from emotive.errors import InputError, WeightsError
from emotive.face.expressions import expression
from emotive.face.opening import open_portrait
from emotive.face.renderer import PortraitRenderer
from emotive.models.face_judge import FaceJudgeNetwork
from emotive.perceive.face_judge import FACE_JUDGE, FEATURES, FaceJudge, face_features, windowed
from emotive.perceive.face_published import FULL, SIGNS, FacePublishedJudge, motion_energy
from emotive.perceive.face_units import ACTION_UNITS, MEASURES
from emotive.perceive.judge import Estimates
from emotive.weights import resolve

STILL = np.zeros(3)


@pytest.fixture(scope="module")
def renderer() -> PortraitRenderer:
    return PortraitRenderer(open_portrait("ines"), 256)


def faces(renderer: PortraitRenderer, points: list[tuple[float, float]]) -> list:
    wanted = expression(np.array([[v, a, np.nan] for v, a in points]))
    return [renderer.landmarks(row, STILL, STILL) for row in wanted]


@pytest.mark.parametrize("judge", [FaceJudge.from_pretrained(), FacePublishedJudge()], ids=["face", "rules"])
def test_judges_follow_the_plane(renderer, judge):
    rng = np.random.default_rng(0)
    points = [tuple(p) for p in rng.uniform(-0.9, 0.9, (40, 2))]
    neutral = faces(renderer, [(0.0, 0.0)])[0]
    found = judge.estimate(faces(renderer, points), neutral)
    wanted = np.array(points)
    least = 0.75 if judge.name == "face" else 0.5
    assert np.corrcoef(found.valence, wanted[:, 0])[0, 1] > least
    assert np.corrcoef(found.arousal, wanted[:, 1])[0, 1] > least
    assert (np.abs(np.stack(found[:2])) <= 1).all() and (np.stack(found[2:]) > 0).all()
    rest = judge.estimate([neutral], neutral)
    assert abs(rest.valence[0]) < 0.15 and abs(rest.arousal[0]) < 0.2


def test_the_one_that_ships_is_small_and_says_more_of_people_it_knows(renderer):
    judge = FaceJudge.from_pretrained()
    assert sum(f.stat().st_size for f in resolve(FACE_JUDGE).rglob("*.safetensors")) <= 50_000
    neutral, glad = faces(renderer, [(0.0, 0.0), (0.8, 0.4)])
    assert judge.estimate([glad]).valence_sd[0] > 1.2 * judge.estimate([glad], neutral).valence_sd[0]
    assert judge.estimate([glad], neutral).valence[0] > 0.4
    assert len(judge.fingerprint()) == 64
    with pytest.raises(WeightsError, match="holds no judge of faces"):
        FaceJudge.from_pretrained("emotive-speech-judge-1")


def test_features_are_zero_at_rest(renderer):
    neutral = faces(renderer, [(0.0, 0.0)])[0]
    found = face_features([neutral], neutral)
    assert found.shape == (1, len(FEATURES)) and np.abs(found).max() < 1e-6


def test_the_network_divides_by_sizes_and_bounds_nonsense():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = FaceJudgeNetwork(features=2, hidden=4, scale=(0.5, 2.0))
        same = FaceJudgeNetwork(features=2, hidden=4)
    same.load_state_dict(network.state_dict())
    assert torch.equal(network(torch.tensor([[1.0, 1.0]]))[0], same(torch.tensor([[2.0, 0.5]]))[0])
    assert torch.equal(network(torch.tensor([[1e9, 0.0]]))[0], network(torch.tensor([[9.0, 0.0]]))[0])


def test_published_signs_by_hand():
    judge = FacePublishedJudge()
    row = np.zeros((1, len(MEASURES)))
    row[0, MEASURES.index("corner lift")], row[0, MEASURES.index("mouth width")] = 0.05, 0.15  # AU12 in full
    adds = judge.contributions(row)
    assert adds["AU12"][0] == pytest.approx([FULL * 2, 0.0])
    assert SIGNS["AU4"].valence < 0 < SIGNS["AU12"].valence and set(SIGNS) <= set(ACTION_UNITS)
    assert all(sign.source for sign in SIGNS.values())


def test_movement_arouses_the_published_judge(renderer):
    judge, times = FacePublishedJudge(), np.arange(40) / 10
    neutral = faces(renderer, [(0.0, 0.0)])[0]
    calm = faces(renderer, [(0.02 * np.sin(t), 0.0) for t in times])
    lively = faces(renderer, [(0.9 * np.sin(9 * t), 0.0) for t in times])
    a, b = (judge.curve(track, times, neutral).arousal.mean() for track in (calm, lively))
    assert b > a + 0.3
    units = np.zeros((3, len(MEASURES)))
    units[1, 0] = 0.17
    assert motion_energy(units, np.array([0.0, 0.1, 0.2])) == pytest.approx([0.1, 0.1, 0.1])


def test_a_curve_follows_a_face_over_time(renderer):
    times = np.arange(60) / 10
    wanted = [Affect(0.8 * np.sin(t), 0.0) for t in times]
    track = faces(renderer, [(p.valence, 0.0) for p in wanted])
    curve = FaceJudge.from_pretrained().curve(track, times, faces(renderer, [(0.0, 0.0)])[0])
    assert np.diff(curve.times) == pytest.approx(0.5)
    at = [0.8 * np.sin(t) for t in curve.times]
    assert np.corrcoef(curve.valence, at)[0, 1] > 0.95
    assert curve.to_curve().duration == pytest.approx(curve.times[-1])


def test_windows_without_a_face_are_left_out():
    times = np.array([0.1, 0.3, 5.0, 5.2])
    found = Estimates(*(np.array([1.0, 3.0, 5.0, 7.0]) for _ in range(4)))
    curve = windowed(found, times)
    assert curve.times.tolist() == [0.5, 4.5, 5.0] and curve.valence.tolist() == [2.0, 5.0, 6.0]
    with pytest.raises(InputError, match="no faces"):
        windowed(Estimates(*(np.zeros(0),) * 4), [])
    single = windowed(Estimates(*(np.array([0.5]),) * 4), [0.0])
    assert single.times.tolist() == [0.5] and single.valence.tolist() == [0.5]
