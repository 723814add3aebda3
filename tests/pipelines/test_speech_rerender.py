"""Emotion conversion, on a tiny random prosody model and on controls set by hand."""

from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from tiny import tiny_speech_pipeline

from emotive.affect import AffectCurve
from emotive.errors import InputError
from emotive.pipelines.speech import EmotiveSpeechPipeline
from emotive.voice.hearing import heard
from emotive.voice.vocoder import SAMPLE_RATE, analyse


@pytest.fixture(scope="module")
def pipe() -> EmotiveSpeechPipeline:
    return tiny_speech_pipeline()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def voice(seconds: float = 1.0, rate: int = SAMPLE_RATE, f0: float = 150.0) -> np.ndarray:
    """A buzz that swells four times a second: voiced syllables."""
    t = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * f0 * k * t) / k for k in range(1, 12))
    return (0.1 * buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)


def test_strength_zero_says_the_same_again(pipe: EmotiveSpeechPipeline):
    same = pipe.rerender(voice(), "joy", sample_rate=SAMPLE_RATE, affect_strength=0, generator=seeded())
    assert len(same.waveform) == SAMPLE_RATE
    before, after = analyse(voice()), analyse(same.waveform)
    both = before.voiced & after.voiced
    assert both.mean() > 0.9
    assert np.abs(before.lf0 - after.lf0)[both].mean() < 0.01
    assert same.affect.at(0).valence == 0


def test_same_seed_same_result_and_another_seed_another(pipe: EmotiveSpeechPipeline):
    one, same, other = (
        pipe.rerender(voice(), "anger", sample_rate=SAMPLE_RATE, generator=seeded(s)) for s in (0, 0, 1)
    )
    assert np.array_equal(one.waveform, same.waveform)
    assert not np.array_equal(one.waveform[:1000], other.waveform[:1000])


@pytest.mark.parametrize(
    ("suffix", "rate", "channels"), [("wav", 8000, 1), ("flac", 44_100, 2), ("ogg", 48_000, 1)]
)
def test_files_of_any_rate_and_channels(pipe, tmp_path, suffix: str, rate: int, channels: int):
    file = tmp_path / f"x.{suffix}"
    soundfile.write(file, np.repeat(voice(0.6, rate)[:, None], channels, 1), rate)
    speech = pipe.rerender(file, "sad", generator=seeded(), num_inference_steps=2)
    assert speech.sample_rate == SAMPLE_RATE and 0.3 < speech.duration < 2
    assert speech.phones == ()


def test_a_timeline_moves_along(pipe: EmotiveSpeechPipeline):
    said = pipe("Good morning to you.", generator=seeded(), num_inference_steps=2).speech  # type: ignore
    loud = said.waveform + voice(said.duration)[: len(said.waveform)]  # the random model hardly has a voice
    from dataclasses import replace

    moved = pipe.rerender(replace(said, waveform=loud.clip(-1, 1)), "sad", generator=seeded())
    assert [p.symbol for p in moved.phones] == [p.symbol for p in said.phones]
    assert [w.text for w in moved.words] == [w.text for w in said.words]
    assert moved.phones[-1].end == pytest.approx(moved.duration)
    assert moved.text == said.text and moved.voice == said.voice


def test_controls_are_those_of_the_frames_and_follow_a_curve(pipe: EmotiveSpeechPipeline):
    features = analyse(voice(2.0))
    curve = AffectCurve([(0, "-1,-1"), (2, "1,1")])
    points = curve.sample(100, 2.0)
    moving = pipe.prosody_controls(features, points, generator=seeded())
    still = pipe.prosody_controls(features, np.repeat(points[:1], len(points), 0), generator=seeded())
    assert moving.shape == (len(features), 10)
    gap = np.abs(moving - still).mean(1)
    assert gap[-40:].mean() > gap[:40].mean()


def test_what_is_heard_does_not_depend_on_the_level_of_a_recording():
    quiet, loud = (heard(analyse(voice() * k), 5.0) for k in (0.1, 1.0))
    assert quiet.shape == (25, 40)
    assert np.abs(quiet - loud).mean() < 0.05


def test_long_recordings_are_done_in_pieces(pipe: EmotiveSpeechPipeline):
    long = voice(40.0)
    speech = pipe.rerender(long, "joy", sample_rate=SAMPLE_RATE, affect_strength=0, generator=seeded())
    assert len(speech.waveform) == len(long)


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros(SAMPLE_RATE, np.float32), "silent"),
        (np.array([0.5], np.float32), "ms"),
        (np.full(SAMPLE_RATE, np.nan, np.float32), "finite"),
        (0.1 * np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32), "no voice"),
        ("missing.wav", "does not exist"),
    ],
)
def test_bad_recordings_are_one_line(pipe: EmotiveSpeechPipeline, audio: Any, message: str):
    with pytest.raises(InputError, match=message) as caught:
        pipe.rerender(audio, "joy", sample_rate=None if isinstance(audio, str) else SAMPLE_RATE)
    assert "\n" not in str(caught.value)


def test_arguments_that_cannot_be_honoured(pipe: EmotiveSpeechPipeline):
    wrongs: list[dict[str, Any]] = [
        {"affect_strength": 9},
        {"num_inference_steps": 0},
        {"affect_guidance_scale": -1},
    ]
    for wrong in wrongs:
        with pytest.raises(InputError):
            pipe.rerender(voice(), "joy", sample_rate=SAMPLE_RATE, **wrong)
    with pytest.raises(InputError, match="rate"):
        pipe.rerender(voice(), "joy")
