"""The recipe of the speech judge: what it draws is blind to affect, and the whole of it runs, in seconds."""

import math

import numpy as np
import pytest
import torch
from made_up_voice import made_up_speaker

from emotive.data.readings import write_readings
from emotive.data.sentences import EVALUATION_SENTENCES, JUDGE_TEMPLATES, TEMPLATES
from emotive.perceive.vocal_features import vocal_features
from emotive.perceive.voice import SpeechJudge
from emotive.train import regression_losses as losses
from emotive.train import speech_judge as recipe
from emotive.train import speech_judge_card as card
from emotive.train import speech_takes as takes
from emotive.train.judge_control import GRID
from emotive.weights import verify


def test_what_it_learns_from_is_apart_from_what_speaks_and_what_scores():
    assert not {"slt", "slt16", "rms", recipe.HELD_OUT_VOICE} & set(recipe.JUDGE_VOICES)
    assert not set(JUDGE_TEMPLATES) & {*TEMPLATES, *EVALUATION_SENTENCES}
    speaker = made_up_speaker(count=9)
    known, unread = recipe.split(speaker)
    assert [*known.readings, *unread.readings] == speaker.readings and len(unread.readings) == 1


def test_a_disguise_moves_pitch_and_formants_and_keeps_the_words():
    speaker = made_up_speaker()
    rng, pitches = np.random.default_rng(0), []
    for _ in range(60):
        reading, centre = takes.disguised(speaker.readings[0], speaker.centre, rng)
        assert reading.timeline.frames == len(reading.features)
        assert reading.timeline.utterance is speaker.readings[0].timeline.utterance
        assert (np.diff(reading.timeline.edges) > 0).all()
        voiced = reading.features.lf0[reading.features.voiced]
        assert abs(np.median(voiced) - centre) < 0.1
        pitches.append(12 / math.log(2) * (centre - speaker.centre))
    pitches = np.array(pitches)
    assert pitches.min() >= -3 and pitches.max() <= 11
    assert not ((pitches > 3) & (pitches < 4)).any() and 0.3 < (pitches > 4).mean() < 0.7
    found = vocal_features(takes.spoken(reading, (0, 0), centre, rng), takes.JUDGE_RATE)
    assert found["F0semitoneFrom27.5Hz_sma3nz_amean"] == pytest.approx(
        12 / math.log(2) * (centre - math.log(27.5)), abs=1.5
    )


def test_a_room_adds_a_tail_and_keeps_the_voice():
    click = np.zeros(8000, np.float32)
    click[1000] = 1.0
    wet = takes.in_a_room(click, np.random.default_rng(0))
    assert wet[:1000] == pytest.approx(0, abs=1e-6) and wet[1000] == pytest.approx(1, abs=1e-3)
    tail = np.square(wet[1080:])
    assert 10 ** (-18.5 / 10) < tail.sum() < 10 ** (-2.5 / 10)
    assert tail[:800].sum() > 10 * tail[3200:4000].sum()


def test_a_channel_is_shared_by_a_pair_and_means_no_level():
    power = torch.ones(64, 64, 5)
    found = takes.channel(power, torch.Generator().manual_seed(0))
    assert torch.equal(found[::2], found[1::2]) and torch.equal(power, torch.ones(64, 64, 5))
    decibels = 10 * found[::2, :, 0].log10()
    assert ((decibels.min(1).values < -40).float().mean() - 0.5).abs() < 0.25  # lacks highs or lows
    middle = decibels[:, 20:40]
    assert middle.abs().max() < 20 and middle.std() > 1


def test_the_same_seed_makes_the_same_takes_and_they_are_renewed():
    speakers = [made_up_speaker()]
    one, two = (takes.Takes(speakers, 6, seed=4) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one.waveforms, two.waveforms, strict=True))
    assert np.array_equal(one.affect, two.affect) and np.abs(one.affect).max() <= 1
    kept = one.waveforms[2:]
    one.record(1)
    assert all(np.array_equal(a, b) for a, b in zip(one.waveforms[2:], kept, strict=True))
    assert not np.array_equal(one.waveforms[0], two.waveforms[0])
    batches = one.batches(4, 0)
    for _ in range(3):
        batch = next(batches)
        assert batch.waveforms.shape[0] == 4 and batch.waveforms.shape[1] / 16_000 in takes.SECONDS
        assert batch.affect.shape == (4, 2) and torch.isfinite(batch.waveforms).all()
        assert batch.waveforms.abs().max() <= 1.5


def test_noises_are_white_pink_and_brown():
    noise = takes._noises(np.random.default_rng(0), 4.0)
    assert noise.std(1) == pytest.approx(1, rel=1e-4)
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    hertz = np.fft.rfftfreq(noise.shape[1], 1 / 16_000)
    octave = [spectrum[:, (hertz > f) & (hertz < 2 * f)].mean(1) for f in (250, 2000)]
    falls = 10 * np.log10(octave[0] / octave[1]) / 3  # dB per octave
    assert falls == pytest.approx([0, 3, 6], abs=0.5)


def test_concordance_is_lins():
    rng = torch.Generator().manual_seed(0)
    target = torch.rand(200, 2, generator=rng)
    mean = 0.5 * target + 0.1 + 0.1 * torch.randn(200, 2, generator=rng)
    by_hand = []
    for k in range(2):
        m, t = mean[:, k].double().numpy(), target[:, k].double().numpy()
        by_hand.append(2 * np.cov(m, t, bias=True)[0, 1] / (m.var() + t.var() + (m.mean() - t.mean()) ** 2))
    assert losses.ccc_loss(mean, target).item() == pytest.approx(1 - np.mean(by_hand), abs=1e-5)
    assert losses.ccc_loss(target, target).item() == pytest.approx(0, abs=1e-5)
    constant = torch.zeros(8, 2, requires_grad=True)
    losses.ccc_loss(constant, target[:8]).backward()
    assert constant.grad is not None and torch.isfinite(constant.grad).all()


def test_takes_of_the_card_share_all_but_the_affect():
    found = card.grid_takes(made_up_speaker(), 1, 0, disguise=True)
    assert len(found) == len(GRID) and len({len(x) for x in found}) > 3  # affect moves the rate


def test_the_whole_recipe_runs_and_learns_something(tmp_path, monkeypatch):
    readings = tmp_path / "readings"
    readings.mkdir()
    for voice, f0 in (*zip(recipe.JUDGE_VOICES, (100.0, 130.0), strict=True), (recipe.HELD_OUT_VOICE, 115.0)):
        write_readings(readings / f"readings-{voice}.npz", made_up_speaker(voice, f0).readings)
    monkeypatch.setattr(card.measure, "__defaults__", (1,))
    monkeypatch.setattr(card, "NEUTRAL", 2)
    monkeypatch.setattr(recipe.calibrated_spread, "__defaults__", (20,))
    state = torch.random.get_rng_state()
    tiny = {"channels": (8, 8, 8), "width": 16, "dilations": (1,), "hidden": 16}
    lines: list[str] = []
    folder = recipe.train_speech_judge(
        tmp_path / "run", 0.15, 3, "cpu", readings, takes=60, batch_size=16, report=lines.append, **tiny
    )
    assert torch.equal(torch.random.get_rng_state(), state)  # nothing reseeds the process
    assert folder == tmp_path / "run" / "emotive-speech-judge-1"
    verify(folder)
    judge = SpeechJudge.from_pretrained(folder)
    assert all(0.1 < k < 10 for k in judge.network.config["spread"])
    text = (folder / "README.md").read_text("utf-8")
    assert "emotive train speech-judge -o DIR --minutes 0.15 --seed 3" in text and "{" not in text
    assert any("recording 60 takes" in line for line in lines)
    speaker, rng = made_up_speaker(count=2), np.random.default_rng(0)
    calm, excited = (
        judge.estimate(
            [(takes.spoken(r, (0, a), speaker.centre, rng), takes.JUDGE_RATE) for r in speaker.readings]
        )
        for a in (-1.0, 1.0)
    )
    assert excited.arousal.mean() > calm.arousal.mean()
