"""Prosody controls: each moves what it names, by what it says, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotive.voice.prosody import CONTROLS, INDEX, SEMITONE, apply, smooth, warp
from emotive.voice.vocoder import CEPSTRUM, VoiceFeatures, envelope, frequencies

CENTRE = 5.0


def neutral(frames: int = 60) -> VoiceFeatures:
    rng = np.random.default_rng(0)
    wave = CENTRE + 0.1 * np.sin(np.arange(frames) / 7)
    cepstrum = rng.standard_normal((frames, CEPSTRUM)) / (1 + np.arange(CEPSTRUM)) ** 2
    return VoiceFeatures(
        wave.astype(np.float32), np.ones(frames, bool), cepstrum.astype(np.float32),
        np.full((frames, 3), -20, np.float32),
    )  # fmt: skip


def moved(**controls: float) -> VoiceFeatures:
    rows = np.zeros((60, len(CONTROLS)), np.float32)
    for name, value in controls.items():
        rows[:, INDEX[name]] = value
    return apply(neutral(), rows, CENTRE, np.random.default_rng(1))


def test_nothing_asked_changes_nothing():
    same, was = moved(), neutral()
    for name in ("lf0", "voiced", "cepstrum", "aperiodicity"):
        assert np.allclose(getattr(same, name), getattr(was, name), atol=1e-5)


def test_pitch_and_range_are_semitones_about_the_centre():
    was = neutral().lf0
    assert np.allclose(moved(pitch=3).lf0, was + 3 * SEMITONE, atol=1e-5)
    assert np.allclose(moved(range=np.log(2)).lf0 - CENTRE, 2 * (was - CENTRE), atol=1e-5)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.5])
def test_duration_is_a_factor_on_time(factor: float):
    assert len(moved(duration=np.log(factor))) == round(60 * factor)


def test_level_and_tilt_are_decibels():
    def decibels(f: VoiceFeatures) -> np.ndarray:
        return (envelope(f.cepstrum) * 10 / np.log(10)).mean(0)

    was, f = decibels(neutral()), frequencies()
    assert np.allclose(decibels(moved(level=6)) - was, 6, atol=0.05)
    tilted = decibels(moved(tilt=6)) - was
    assert abs(tilted[f < 300].mean()) < 0.5 and abs(tilted[f > 4000].mean() - 6) < 0.5


def test_breath_adds_noise_but_never_turns_a_noisy_voice_into_a_whisper():
    assert (moved(breathiness=1).aperiodicity > -12).all()
    assert (moved(breathiness=1).aperiodicity < -10).all()
    assert (moved(tension=1).aperiodicity < -20).all()


def test_creak_lowers_pitch_and_jitter_shakes_it():
    assert (moved(creak=1).lf0 - neutral().lf0).mean() < -0.04
    shaken = moved(jitter=0.5).lf0 - neutral().lf0
    assert abs(shaken.std() / SEMITONE - 0.5) < 0.15


@given(st.lists(st.floats(-0.8, 0.8), min_size=2, max_size=50))
def test_time_never_runs_backwards(durations: list[float]):
    places, edges = warp(np.array(durations))
    assert (np.diff(places) > 0).all() and (np.diff(edges) > 0).all()
    assert edges[0] == 0 and edges[-1] == pytest.approx(len(places))


def test_smoothing_keeps_constants_and_length():
    track = np.full((20, 3), 2.0)
    assert np.allclose(smooth(track, 0.1), track) and smooth(track[:, 0], 0.05).shape == (20,)
