"""Training data of the voice: readings survive the disk, takes keep the words, losses get theirs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emotive.data.bandwidth import SPLIT, Bandwidth
from emotive.data.readings import Speaker, open_readings, prepared, write_readings
from emotive.data.takes import random_affect, take, with_breath
from emotive.data.voices import VOICES, Reading, match
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.speech_denoiser import SpeechDenoiser, SpeechDurations
from emotive.train.speech import prosody_batches, train_prosody, train_voice
from emotive.train.speech_data import CROP, batches, normalisation
from emotive.train.speech_losses import Voice, voice_loss
from emotive.voice.phones import base
from emotive.voice.text import sentences
from emotive.voice.utterance import Timeline, lay_out
from emotive.voice.vocoder import CEPSTRUM, VoiceFeatures, envelope, frequencies
from emotive.weights import resolve

TEXTS = ("Hello, happy birds.", "Is the old man here?", "He has two heavy hats.")


def reading(text: str, voice: str = "slt", pace: int = 7) -> Reading:
    """A made-up voice: pitch falls, every phone has an envelope of its own."""
    u = lay_out(next(iter(sentences(text))))
    timeline = Timeline(u, pace * np.arange(len(u) + 1))
    t = timeline.frames
    phone = timeline.phone_of_frame()
    colours = np.random.default_rng(5).standard_normal((99, CEPSTRUM)) / (1 + np.arange(CEPSTRUM))
    cepstrum = colours[[hash_of(u.symbols[p]) for p in phone]]
    cepstrum[:, 0] -= 10
    features = VoiceFeatures(
        np.linspace(5.2, 4.9, t).astype(np.float32), np.array([u.symbols[p] != "pau" for p in phone]),
        cepstrum.astype(np.float32), np.full((t, 3), -20, np.float32),
    )  # fmt: skip
    return Reading(text, voice, timeline, features)


def hash_of(symbol: str) -> int:
    return sum(map(ord, base(symbol))) % 99


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> list[Speaker]:
    folder = tmp_path_factory.mktemp("readings")
    for voice in ("slt", "rms"):
        write_readings(folder / f"readings-{voice}.npz", [reading(t, voice) for t in TEXTS])
    return [Speaker.open(folder / f"readings-{voice}.npz") for voice in ("slt", "rms")]


def test_readings_survive_the_disk(tmp_path: Path):
    made = [reading(t) for t in TEXTS]
    write_readings(tmp_path / "readings-slt.npz", made)
    for one, again in zip(made, open_readings(tmp_path / "readings-slt.npz"), strict=True):
        assert (again.text, again.voice) == (one.text, "slt")
        assert again.timeline.utterance.symbols == one.timeline.utterance.symbols
        assert again.timeline.utterance.words == one.timeline.utterance.words
        assert np.array_equal(again.timeline.edges, one.timeline.edges)
        assert np.allclose(again.features.cepstrum, one.features.cepstrum, atol=0.01)
        assert np.array_equal(again.features.voiced, one.features.voiced)


@pytest.mark.parametrize("affect", [(0.0, 0.0), (-1.0, -1.0), (1.0, 1.0)])
def test_a_take_says_the_same_phones_in_another_time(affect: tuple[float, float]):
    one = reading(TEXTS[0])
    points = np.repeat([affect], one.timeline.frames, 0)
    timeline, features, origins = take(one, points, 5.0, np.random.default_rng(0))
    assert timeline.utterance is one.timeline.utterance
    assert len(features) == timeline.frames == len(origins)
    assert (np.diff(timeline.edges) > 0).all() and (np.diff(origins) > 0).all()
    assert np.isfinite(features.cepstrum).all()


def test_arousal_shortens_and_lifts_a_take():
    one = reading(TEXTS[0])
    found = []
    for arousal in (-1, 0, 1):
        points = np.repeat([[0, arousal]], one.timeline.frames, 0)
        timeline, features, _ = take(one, points, 5.05, np.random.default_rng(0))
        found.append((timeline.frames, -features.lf0[features.voiced].mean()))
    assert found == sorted(found, reverse=True)


def test_yes_no_questions_rise_and_statements_do_not():
    question, statement = (prepared(reading(t), None) for t in (TEXTS[1], TEXTS[0]))
    assert question.features.lf0[-8] > question.features.lf0[-40] + 0.15
    assert np.array_equal(statement.features.lf0, reading(TEXTS[0]).features.lf0)


def test_a_breath_is_heard_at_the_end_of_its_pause_and_moves_the_rest():
    one = reading(TEXTS[0])
    breath = one.features.cepstrum.mean(0)
    more = with_breath(one, breath, 0, np.random.default_rng(0))
    u = more.timeline.utterance
    assert u.symbols[:2] == ("pau", "breath") and u.symbols[2:] == one.timeline.utterance.symbols[1:]
    added = more.timeline.frames - one.timeline.frames
    assert added == len(more.features) - len(one.features) > 20
    assert np.array_equal(more.timeline.edges[2:], one.timeline.edges[1:] + added)
    inside = slice(more.timeline.edges[1], more.timeline.edges[2])
    assert not more.features.voiced[inside].any()
    assert np.allclose(more.features.cepstrum[-30:], one.features.cepstrum[-30:])


def test_random_affect_covers_the_square_and_moves_sometimes():
    one = reading(TEXTS[0]).timeline
    rng = np.random.default_rng(0)
    drawn = [random_affect(one, rng) for _ in range(400)]
    points = np.concatenate([d[[0, -1], :2] for d in drawn])
    assert points.min() == -1 and points.max() == 1 and np.abs(points.mean(0)).max() < 0.1
    moving = np.mean([not np.allclose(d[0, :2], d[-1, :2]) for d in drawn])
    assert 0.25 < moving < 0.45
    assert all(d.shape == (one.frames, 3) for d in drawn)
    assert 0.7 < np.mean([np.isnan(d[0, 2]) for d in drawn]) < 0.95


def test_batches_fit_together(speakers: list[Speaker]):
    batch = next(batches(speakers, 6, 0))
    b, p = batch.durations.shape
    assert b == 6 and batch.frames.shape == (6, CROP, 64) and batch.affect.shape == (6, CROP // 2, 3)
    assert ((batch.durations > 0) == (batch.phones.symbols >= 0)).all()
    assert (batch.phone_of_frame < p).all()
    present = batch.phone_of_frame >= 0
    assert (batch.frames[~present] == 0).all() and (batch.voiced[~present] == 0).all()
    for row, length in zip(batch.phone_of_frame, batch.durations.sum(1), strict=True):
        assert (row >= 0).sum() == min(CROP, int(length))


def test_normalised_frames_are_standard(speakers: list[Speaker]):
    mean, deviation = normalisation(speakers, takes=20)
    assert mean.shape == deviation.shape == (2, 64) and (deviation > 0).all()


def test_a_step_of_training_helps(speakers: list[Speaker], tmp_path: Path):
    affect = AffectEmbedding(n_tokens=2, dim=8, pooled_dim=16, width=16, n_frequencies=8)
    sizes: dict[str, Any] = {"affect_pooled_dim": 16, "dim": 32, "layers": 1, "heads": 2}
    torch.manual_seed(0)
    denoiser = SpeechDenoiser(encoder_dim=16, encoder_layers=1, affect_sha256=affect.fingerprint(), **sizes)
    durations = SpeechDurations(affect_sha256=affect.fingerprint(), **sizes)
    denoiser.mean, denoiser.deviation = normalisation(speakers, takes=10)
    init = tmp_path / "init"
    denoiser.save_pretrained(init / "denoiser")
    durations.save_pretrained(init / "durations")
    feed = batches(speakers, 8, 1)
    full = lambda: torch.autocast("cpu", enabled=False)  # noqa: E731
    held = [next(feed) for _ in range(4)]

    def loss(voice: Voice) -> float:
        torch.manual_seed(1)
        with torch.no_grad():
            return float(np.mean([float(voice_loss(voice, voice, b, full)) for b in held]))

    before = loss(Voice(denoiser, durations, affect))
    trained = train_voice(
        tmp_path, speakers, affect, 0.1, torch.device("cpu"), init, report=lambda line: None
    )
    assert loss(trained) < 0.8 * before


def test_prosody_learns_which_way_arousal_goes(speakers: list[Speaker], tmp_path: Path):
    batch = next(prosody_batches(speakers, 3, 0))
    assert batch.controls.shape == (3, 96, 10) and batch.heard.shape == (3, 96, 40)
    affect = AffectEmbedding.from_pretrained(resolve("emotive-affect-1")).eval().requires_grad_(False)
    net = train_prosody(
        tmp_path, speakers, affect, 0.2, torch.device("cpu"), batch_size=8, report=lambda line: None
    )
    x, present = torch.zeros(1, 96, 10), torch.ones(1, 96, dtype=torch.bool)
    levels = []
    with torch.no_grad():
        for arousal in (-0.9, 0.9):
            point = torch.tensor([0.0, arousal, float("nan")]).expand(1, 96, 3)
            felt = affect(point).pooled
            never = torch.tensor([False])
            clean = net(x, torch.ones(1), batch.heard[:1], felt, present, never) * net.deviation
            levels.append(float(clean[0, :20, 3].mean()))  # level, in decibels
    assert levels[1] - levels[0] > 1


def test_engines_and_front_end_must_agree_on_the_phones():
    said = next(iter(sentences("The cat sat.")))
    segments = [("pau", 0.2), ("dh", 0.3), ("ax", 0.4), ("k", 0.5), ("ae", 0.6), ("t", 0.7)]
    rest = [("s", 0.8), ("ae", 0.9), ("t", 1.0), ("pau", 1.3)]
    timeline = match(said, segments + rest)
    assert timeline is not None
    assert timeline.edges.tolist() == [0, 20, 30, 40, 50, 60, 70, 80, 90, 100, 130]
    assert match(said, [*segments, *rest[1:]]) is None
    assert match(said, [*segments, ("z", 0.8), *rest[1:]]) is None
    paused = match(said, [*segments, ("pau", 0.75), *rest])
    assert paused is not None and paused.utterance.symbols.count("pau") == 3
    assert set(VOICES) >= {"slt", "rms", "awb", "kal", "ked"}


def test_the_top_of_the_spectrum_follows_from_the_rest():
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((400, 4)) @ rng.standard_normal((4, CEPSTRUM)) / (2 + np.arange(CEPSTRUM))
    learned = Bandwidth.fit(mix[:300].astype(np.float32))
    cut = envelope(mix[300:].astype(np.float32))
    truth, f = cut.copy(), frequencies()
    cut[:, f > SPLIT[1]] = -20
    from emotive.voice.vocoder import cepstrum

    back = envelope(learned.extend(cepstrum(cut)))
    high, low = (f > 8500) & (f < 11_500), f < 5500
    assert np.abs(back - truth)[:, low].mean() < 0.35
    assert np.abs(back - truth)[:, high].mean() < 0.25 * np.abs(cut - truth)[:, high].mean()
