"""The recipe of the talking head, small: clips survive the disk, targets are as they should be, it learns."""

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_up_voice import made_up_speaker

from emotive.data.face_teacher import act, noise, random_style
from emotive.face.contacts import INDEX, lip_gap
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.face_denoiser import FaceDenoiser
from emotive.signals import FaceMotion
from emotive.train.chance import random_curve, spoil
from emotive.train.clips import TOKENS, Clip, open_clips, record_clip, write_clips
from emotive.train.head import save, train_denoiser
from emotive.train.head_card import closure_recall, envelope_match, macro_f1
from emotive.train.head_data import CROP, HISTORY, batches, performances
from emotive.train.head_footage import targets_of_motion
from emotive.train.head_losses import channel_weights, head_loss, linear_basis
from emotive.train.head_perform import perform
from emotive.voice.listening import FEATURES, MELS, loudness
from emotive.weights import resolve, verify


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    rng = np.random.default_rng(0)
    return [record_clip(made_up_speaker(), rng, sentences=2) for _ in range(6)]


@pytest.fixture(scope="module")
def affect() -> AffectEmbedding:
    found = AffectEmbedding.from_pretrained(resolve("emotive-affect-1"), low_cpu_mem_usage=False)
    return found.eval().requires_grad_(False)


def acted(clip: Clip, point: tuple[float, float], seed: int = 0, style: np.ndarray | None = None):
    loud = loudness(clip.heard.astype(np.float32))
    points = np.repeat(np.array([[*point, np.nan]]), len(loud), 0)
    rng = np.random.default_rng(seed)
    style = np.zeros(6, np.float32) if style is None else style
    return act(clip.phones, clip.syllables, clip.alphabet, points, loud, style, TOKENS, rng)


def test_clips_are_heard_where_their_phones_lie_and_survive_the_disk(clips: list[Clip], tmp_path: Path):
    for clip in clips:
        level = clip.heard.astype(np.float32).reshape(-1, FEATURES)[:, MELS]
        times = (np.arange(len(level)) + 0.5) / 120
        spoken = np.zeros(len(level), bool)
        for phone in clip.phones:
            if phone.symbol != "pau":
                spoken |= (times >= phone.start) & (times < phone.end)
        assert level[spoken].mean() > level[~spoken].mean() + 0.5  # 10 dB
        assert len(clip.affect) == len(clip.heard) and np.isfinite(clip.affect[:, :2]).all()
    write_clips(tmp_path / "clips.npz", clips)
    for one, other in zip(clips, open_clips(tmp_path / "clips.npz"), strict=True):
        np.testing.assert_array_equal(one.heard, other.heard)
        assert one.phones[5].symbol == other.phones[5].symbol and one.alphabet == other.alphabet
        assert abs(one.syllables[-1].end - other.syllables[-1].end) < 1e-4


@pytest.mark.parametrize("corner", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_the_teacher_closes_lips_at_every_corner_and_feels(clips: list[Clip], corner):
    shut = of = 0
    for clip in clips:
        targets = acted(clip, corner)
        hits, count = closure_recall(lip_gap(targets.weights), clip)
        shut, of = shut + hits, of + count
        assert 0 <= targets.weights.min() and targets.weights.max() <= 1
    assert of > 10 and shut == of
    smile = targets.weights[:, INDEX["mouthSmileLeft"]].mean()
    frown = targets.weights[:, INDEX["mouthFrownLeft"]].mean()
    assert (smile > frown + 0.1) == (corner[0] > 0)


def test_the_teacher_never_does_the_same_twice_but_says_the_same(clips: list[Clip]):
    one, other = acted(clips[0], (0, 0), 1), acted(clips[0], (0, 0), 2)
    np.testing.assert_array_equal(one.closure, other.closure)
    assert np.corrcoef(lip_gap(one.weights), lip_gap(other.weights))[0, 1] > 0.99
    assert np.abs(np.corrcoef(one.pose[:, 1], other.pose[:, 1])[0, 1]) < 0.9
    lively = acted(clips[0], (0, 0), 1, np.array([0, 0, 2.0, 0, 0, 0], np.float32))
    assert lively.pose[:, :3].std() > 1.5 * one.pose[:, :3].std()
    # Left and right differ, as the style says.
    uneven = acted(clips[0], (1, 0), 1, np.array([0, 0, 0, 2.0, 0, 0], np.float32)).weights.mean(0)
    assert uneven[INDEX["mouthSmileLeft"]] > 1.1 * uneven[INDEX["mouthSmileRight"]]


def test_idle_faces_live_with_their_mouth_shut():
    points = np.zeros((600, 3))
    rng = np.random.default_rng(0)
    idle = act((), (), "arpabet", points, np.zeros(600), random_style(rng), TOKENS, rng)
    assert lip_gap(idle.weights).max() < 0.02
    assert np.rad2deg(idle.pose[:, :3]).std(0).min() > 0.2
    assert idle.pose[:, 4].std() > 2e-4  # breath


def test_noise_is_slow_and_of_unit_variance():
    rng, times = np.random.default_rng(0), np.arange(3000) / 30
    tracks = np.stack([noise(times, 0.25, rng) for _ in range(60)])
    assert abs(tracks.var() - 1) < 0.2
    power = np.square(np.abs(np.fft.rfft(tracks, axis=1))).mean(0)
    hertz = np.fft.rfftfreq(3000, 1 / 30)
    assert power[hertz > 2].sum() < 0.01 * power[1:].sum()


def test_batches_hold_what_the_denoiser_reads(clips: list[Clip]):
    batch = next(batches(clips, 12, 0))
    assert batch.heard.shape == (12, CROP, 172) and batch.weights.shape == (12, CROP, 52)
    assert batch.history.sum(1).unique().tolist() in ([0, HISTORY], [0], [HISTORY])
    assert not (batch.knows & ~(batch.hears & batch.present)).any()
    for part in batch:
        assert part.isfinite().all() or part is batch.affect
    curves = np.stack([random_curve(50, np.random.default_rng(i)) for i in range(40)])
    assert np.nanmax(np.abs(curves)) <= 1 and 0.2 < np.isnan(curves[:, 0, 2]).mean() < 0.8
    heard = clips[0].heard
    worse = spoil(heard, np.random.default_rng(0))
    assert worse.shape == heard.shape and np.isfinite(worse).all()
    # Pitch and voicing are left as they are.
    np.testing.assert_array_equal(
        worse.reshape(-1, FEATURES)[:, MELS + 1 :],
        heard.astype(np.float32).reshape(-1, FEATURES)[:, MELS + 1 :],
    )


def test_filmed_faces_are_learned_without_their_blinks_and_without_an_affect_nobody_knows(clips: list[Clip]):
    clip = clips[0]
    tokens = len(clip.heard)
    acted_once = acted(clip, (0.5, 0.5))
    weights = acted_once.weights.copy()
    weights[40:46, INDEX["eyeBlinkLeft"]] = 1.0
    pose = acted_once.pose
    motion = FaceMotion(weights, pose[:, :3], pose[:, 3:6], pose[:, 6:], Fraction(30))
    loud = loudness(clip.heard.astype(np.float32))
    targets = targets_of_motion(motion, loud)
    assert targets.weights[:, INDEX["eyeBlinkLeft"]].max() < 0.1
    shut = acted_once.closure == 1
    assert shut.any() and targets.closure[shut & (loud > 0.3)].mean() > 0.9
    np.testing.assert_allclose(targets.pose, pose - np.median(pose, axis=0), atol=1e-6)
    unknown = np.full((tokens, 3), np.nan, np.float32)
    filmed = Clip("film", clip.heard, unknown, "arpabet", (), (), targets)
    batch = next(batches([filmed], 4, 0))
    assert not batch.felt.any() and not batch.typical.any() and not batch.knows.any()
    assert batch.affect.isfinite().all()
    known = next(batches([dataclasses.replace(filmed, affect=np.zeros((tokens, 3), np.float32))], 4, 0))
    assert known.felt.all()


def test_the_basis_holds_nearly_all_of_the_motion_and_is_white(clips: list[Clip]):
    shown = performances(clips, 12, 0)
    net = FaceDenoiser(dim=32, layers=1, heads=2)
    for name, value in linear_basis(shown, net.latents).items():
        getattr(net, name).copy_(value)
    weights = torch.from_numpy(np.concatenate([t.weights for t in shown]))
    z = net.encode(weights, torch.from_numpy(np.concatenate([t.pose for t in shown])))
    assert (net.decode(z)[0] - weights).square().sum() < 1e-3 * (weights - weights.mean(0)).square().sum()
    torch.testing.assert_close(z.std(0), torch.ones(z.shape[1]), rtol=0.05, atol=0.05)


def test_a_denoiser_learns_is_saved_and_performs(clips: list[Clip], affect: AffectEmbedding, tmp_path: Path):
    tiny: dict[str, Any] = {"dim": 32, "layers": 1, "heads": 2}
    silent = lambda line: None  # noqa: E731
    net = train_denoiser(
        tmp_path, clips, affect, 0.06, torch.device("cpu"), batch_size=4, report=silent, **tiny
    )
    folder = save(tmp_path, affect, net)
    verify(folder)
    again = FaceDenoiser.from_pretrained(folder / "denoiser", low_cpu_mem_usage=False).float().eval()
    assert again.config["affect_sha256"] == affect.fingerprint()
    clip = dataclasses.replace(clips[0], heard=np.tile(clips[0].heard, (2, 1)))
    points = np.zeros((len(clip.heard), 3))
    takes = [
        perform(again, affect, clip.heard, points, torch.Generator().manual_seed(1), steps=2, size=n)
        for n in (120, 120, 60)
    ]
    np.testing.assert_array_equal(takes[0].weights, takes[1].weights)
    assert len(takes[2].weights) == len(clip.heard)
    assert 0 <= takes[0].weights.min() and takes[0].weights.max() <= 1
    # Trained for some seconds it beats what it starts as, which answers with the mean.
    batch = next(batches(clips, 16, 9))
    start = FaceDenoiser(affect_sha256=affect.fingerprint(), **tiny)
    start.load_state_dict({**start.state_dict(), **dict(again.named_buffers())})
    scale = float((batch.weights.flatten(0, 1).var(0) * channel_weights()).sum())
    losses = []
    for candidate in (start, net):
        torch.manual_seed(0)
        with torch.no_grad():
            losses.append(
                float(
                    head_loss(candidate, affect, batch, lambda: torch.autocast("cpu", enabled=False), scale)
                )
            )
    assert losses[1] < 0.9 * losses[0]


def test_scores_know_perfect_from_shifted():
    rng = np.random.default_rng(0)
    loud = np.convolve(rng.uniform(0, 1, 300), np.hanning(9) / 4, "same")
    assert envelope_match(loud, loud) == (pytest.approx(1.0), 0)
    assert envelope_match(np.roll(loud, 2), loud)[1] == 2
    true = np.repeat(rng.integers(0, 15, 60), 4)
    assert macro_f1(true, true) == 1.0
    assert macro_f1(np.roll(true, 1), true) > 0.95 > macro_f1(np.roll(true, 1), true, 0)
    assert macro_f1(rng.permutation(true), true) < 0.25
