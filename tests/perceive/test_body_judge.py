"""Judges of bodies: the one that ships, the published one, curves over time, and files of motion."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emotive.body.channels import CHANNEL, CHANNELS, of
from emotive.body.habits import HABITS
from emotive.body.posing import pose
from emotive.data.gesture_teacher import gesture
from emotive.errors import InputError, WeightsError
from emotive.models.body_judge import BodyJudgeNetwork
from emotive.models.motion_autoencoder import FRAMES, MotionAutoencoder
from emotive.perceive.body_features import FEATURES, body_features
from emotive.perceive.body_judge import BODY_JUDGE, SEEN, BodyJudge, seen
from emotive.perceive.body_published import CUES, BodyPublishedJudge
from emotive.perceive.body_reading import judge_body
from emotive.perceive.motion_features import MOTION_FEATURES, SHOWN, MotionFeatures, motion_chunks
from emotive.signals import BodyMotion, Phone, Speech, Syllable
from emotive.weights import resolve


def speech(seconds: float) -> Speech:
    """A vowel every quarter of a second, one in three stressed."""
    count = int(seconds / 0.25)
    spans = [(0.25 * i, 0.25 * (i + 1)) for i in range(count)]
    phones = tuple(Phone("AA1" if i % 3 == 0 else "T", a, b) for i, (a, b) in enumerate(spans))
    syllables = tuple(Syllable(1, a, b) for i, (a, b) in enumerate(spans) if i % 3 == 0)
    return Speech(np.zeros(round(24_000 * count * 0.25), np.float32), 24_000, "", phones, syllables)


def acted(points: np.ndarray, seed: int = 0) -> BodyMotion:
    """The teacher's performance of affect (T, 2) at 30/s."""
    from emotive.body.accents import accents_of_speech, phrases_of

    said = speech(len(points) / 30)
    felt = np.concatenate([points, np.full((len(points), 1), np.nan)], 1)
    rng = np.random.default_rng(seed)
    accents, phrases = accents_of_speech(said), phrases_of(said.phones)
    shown = gesture(accents, phrases, felt, np.ones(len(felt)), np.zeros(len(HABITS)), 30, rng)
    return pose(shown.tracks, 30)


def constant(valence: float, arousal: float, seed: int = 0, seconds: float = 8.0) -> BodyMotion:
    return acted(np.tile([valence, arousal], (round(30 * seconds), 1)), seed)


@pytest.mark.parametrize("judge", [BodyJudge.from_pretrained(), BodyPublishedJudge()], ids=["body", "rules"])
def test_judges_follow_the_plane(judge):
    rng = np.random.default_rng(0)
    wanted = rng.uniform(-0.9, 0.9, (24, 2))
    found = judge.estimate([constant(*point, seed=i) for i, point in enumerate(wanted)])
    least = 0.85 if judge.name == "body" else 0.6
    assert np.corrcoef(found.valence, wanted[:, 0])[0, 1] > least
    assert np.corrcoef(found.arousal, wanted[:, 1])[0, 1] > least
    assert (np.abs(np.stack(found[:2])) <= 1).all() and (np.stack(found[2:]) > 0).all()


def test_the_one_that_ships_is_small_and_surer_of_longer_motion():
    judge = BodyJudge.from_pretrained()
    assert sum(f.stat().st_size for f in resolve(BODY_JUDGE).rglob("*.safetensors")) <= 50_000
    motions = [constant(0.6, 0.4, seed, 8) for seed in range(6)]
    short = [m.part(60, 120) for m in motions]
    assert judge.estimate(short).arousal_sd.mean() > 1.1 * judge.estimate(motions).arousal_sd.mean()
    assert judge.estimate([]).valence.shape == (0,)
    assert len(judge.fingerprint()) == 64
    with pytest.raises(WeightsError, match="holds no judge of bodies"):
        BodyJudge.from_pretrained("emotive-speech-judge-1")


def test_long_motions_are_read_in_pieces():
    motion = constant(0.3, 0.3, seconds=20)
    times, rows = seen(motion, 8, 4)
    assert rows.shape == (4, len(SEEN)) and times == pytest.approx([4, 8, 12, 16])
    np.testing.assert_allclose(np.exp(rows[:, -1]), 8)
    pieces = BodyJudge.from_pretrained().estimate_features(rows)
    assert BodyJudge.from_pretrained().estimate([motion]).valence[0] == pytest.approx(pieces.valence.mean())


@pytest.mark.parametrize("judge", [BodyJudge.from_pretrained(), BodyPublishedJudge()], ids=["body", "rules"])
def test_a_curve_follows_a_body_over_time(judge):
    times = np.arange(30 * 24) / 30
    valence = 0.9 * np.sin(2 * np.pi * times / 24)
    curve = judge.curve(acted(np.stack([valence, 0 * valence], 1)))
    assert np.diff(curve.times).max() == pytest.approx(1.0) and curve.times[0] == pytest.approx(2.0)
    assert np.corrcoef(curve.valence, 0.9 * np.sin(2 * np.pi * curve.times / 24))[0, 1] > 0.8
    assert curve.to_curve().duration == pytest.approx(curve.times[-1])


def test_the_network_takes_off_the_middle_and_divides_by_sizes():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = BodyJudgeNetwork(features=2, hidden=4, centre=(1.0, 1.0), scale=(0.5, 2.0))
        same = BodyJudgeNetwork(features=2, hidden=4)
    same.load_state_dict(network.state_dict())
    assert torch.equal(network(torch.tensor([[2.0, 2.0]]))[0], same(torch.tensor([[2.0, 0.5]]))[0])
    assert torch.equal(network(torch.tensor([[1e9, 1.0]]))[0], network(torch.tensor([[9.0, 1.0]]))[0])


# -- published ---------------------------------------------------------------------------------------------


def test_published_directions_by_hand():
    judge = BodyPublishedJudge()
    norms = np.zeros(len(FEATURES))
    for name, cue in CUES.items():
        norms[FEATURES.index(name)] = cue.norm
    rest = judge.estimate_features(norms[None])
    assert rest.valence[0] == rest.arousal[0] == 0
    assert all(cue.source and (cue.toward_valence or cue.toward_arousal) for cue in CUES.values())

    def moved(name: str, by: float) -> np.ndarray:
        return norms + by * (np.arange(len(FEATURES)) == FEATURES.index(name))

    bowed = judge.contributions(moved("head down", 12))
    assert bowed.valence["head down"] < -0.15 and bowed.arousal["head down"] == pytest.approx(0, abs=0.1)
    assert sum(map(abs, bowed.valence.values())) == abs(bowed.valence["head down"])
    fast = judge.contributions(moved("motion", 0.4))
    assert fast.arousal["motion"] > 0.05 > abs(fast.valence["motion"])
    nonsense = judge.contributions(moved("motion", 1e6))
    assert nonsense.arousal["motion"] == judge.contributions(moved("motion", 1e7)).arousal["motion"]


def test_a_person_who_is_known_is_compared_with_himself():
    neutral = body_features(constant(0, 0))
    judge = BodyPublishedJudge(neutral)
    found = judge.estimate_features(neutral[None])
    assert found.valence[0] == found.arousal[0] == 0
    assert judge.fingerprint() != BodyPublishedJudge().fingerprint()
    assert found.valence_sd[0] < BodyPublishedJudge().estimate_features(neutral[None]).valence_sd[0]
    assert judge.estimate([constant(0.8, 0.5)]).valence[0] > 0.15


# -- files -------------------------------------------------------------------------------------------------


def test_files_of_motion_are_read_as_motions_are(tmp_path: Path):
    motion = constant(-0.7, -0.6)
    path = motion.save(tmp_path / "sad.npz")
    readings = judge_body(path)
    assert [r.judge for r in readings] == ["body", "published, body"]
    learned, published = readings
    assert learned.whole.valence[0] < -0.3 and published.whole.arousal[0] < 0
    assert learned.whole.valence[0] == judge_body(motion)[0].whole.valence[0]
    assert learned.moved_by == [] and "head bowed" in published.moved_by and len(published.moved_by) <= 3
    assert len(published.fingerprint) == 64 and len(published.curve.times) == 5
    short = motion.part(0, 10).save(tmp_path / "short.npz")
    with pytest.raises(InputError, match=r"short\.npz: a body must be seen for"):
        judge_body(short)
    with pytest.raises(InputError, match=r"nothing\.bvh"):
        judge_body(tmp_path / "nothing.bvh")


def test_a_body_that_stands_still_is_calm():
    tracks = np.zeros((240, len(CHANNELS)), np.float32)
    for side in ("left", "right"):
        tracks[:, of(side)][:, :3] = (0.24, -0.5, 0.05)
        tracks[:, CHANNEL[f"{side}.foot.out"]] = 0.01
    for reading in judge_body(pose(tracks, 30)):
        assert reading.whole.arousal[0] < -0.4


# -- features ----------------------------------------------------------------------------------------------


def test_chunks_cover_a_motion():
    motion = constant(0, 0, seconds=8)
    chunks = motion_chunks(motion)
    assert chunks.shape == (3, FRAMES, 3 * len(SHOWN)) and chunks.dtype == np.float32
    assert motion_chunks(motion, 5).shape[0] == 5
    short = motion_chunks(motion.part(0, 30))
    assert short.shape[0] == 1
    np.testing.assert_array_equal(short[0, 16:], np.repeat(short[0, -1:], FRAMES - 16, 0))


def test_motion_comes_through_the_features_that_ship():
    features = MotionFeatures.from_pretrained()
    assert sum(f.stat().st_size for f in resolve(MOTION_FEATURES).rglob("*.safetensors")) <= 1_000_000
    motions = [constant(v, a, 3) for v, a in ((0.5, 0.5), (-0.5, -0.5), (0.5, -0.5))]
    codes = features.codes(motions)
    assert codes.shape == (9, 32) and np.isfinite(codes).all()
    chunks = torch.from_numpy(np.concatenate([motion_chunks(m) for m in motions]))
    wanted = features.network.normalised(chunks)
    left = (features.network(chunks) - wanted).square().mean() / wanted.var()
    assert left < 0.25
    with pytest.raises(WeightsError, match="holds no autoencoder of motion"):
        MotionFeatures.from_pretrained(BODY_JUDGE)


def test_the_autoencoder_is_of_one_size_in_and_out():
    network = MotionAutoencoder(channels=6, width=8, code=4)
    chunks = torch.randn(5, FRAMES, 6, generator=torch.Generator().manual_seed(0))
    assert network.encode(chunks).shape == (5, 4) and network(chunks).shape == chunks.shape
