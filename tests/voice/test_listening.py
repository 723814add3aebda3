import numpy as np
import pytest

from emotive.errors import InputError
from emotive.voice.listening import (
    FEATURES,
    FRAMES,
    MELS,
    RATE,
    TOKEN,
    Listener,
    listen,
    loudness,
    speech_level,
)


def voice(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """A buzz with a moving pitch that comes and goes, and noise: (samples,)."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    f0 = 140 * 2 ** (0.3 * np.sin(2 * np.pi * 0.7 * t))
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    talks = np.sin(2 * np.pi * 1.1 * t) > -0.3
    return (0.1 * buzz * talks + 0.001 * rng.standard_normal(len(t))).astype(np.float32)


def tracks(heard: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Level, pitch, voicing of each frame."""
    frames = heard.reshape(-1, FEATURES)
    return frames[:, MELS], frames[:, MELS + 1], frames[:, MELS + 2]


def test_a_stream_in_chunks_is_heard_as_the_whole():
    x = voice(2.03)
    whole = listen(x, -20.0)
    assert whole.shape == (-(-len(x) // TOKEN), FRAMES * FEATURES) and whole.dtype == np.float32
    rng, listener, at, parts = np.random.default_rng(1), Listener(-20.0), 0, []
    while at < len(x):
        step = int(rng.integers(0, 3000))
        parts.append(listener.push(x[at : at + step]))
        at += step
        made = sum(map(len, parts))
        assert made >= (min(at, len(x)) - 380) // TOKEN  # a token waits for 16 ms, no longer
    parts.append(listener.finish())
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


def test_what_comes_later_changes_nothing_that_was_heard():
    x, y = voice(), voice()
    y[RATE:] = 0.3 * np.random.default_rng(0).standard_normal(len(y) - RATE)
    tokens = (RATE - 380) // TOKEN
    np.testing.assert_array_equal(listen(x, -20.0)[:tokens], listen(y, -20.0)[:tokens])
    assert not np.allclose(listen(x, -20.0)[tokens + 2], listen(y, -20.0)[tokens + 2])


def test_the_level_of_a_recording_does_not_matter():
    x = voice()
    np.testing.assert_allclose(listen(x), listen(0.2 * x), atol=0.01)
    assert speech_level(0.1 * x) == pytest.approx(speech_level(x) - 20, abs=0.01)


def test_a_stream_without_a_known_level_finds_it():
    x = voice(6.0) * 0.05
    listener = Listener()
    heard = np.concatenate([listener.push(x), listener.finish()])
    assert listener.level == pytest.approx(speech_level(x), abs=4)
    assert np.abs(heard[120:] - listen(x)[120:]).mean() < 0.15
    loud = Listener()
    loud.push(voice(3.0) * 3)
    assert loud.level == pytest.approx(speech_level(voice(3.0) * 3), abs=4)


def test_pitch_and_voicing_are_those_of_the_voice():
    t = np.arange(RATE) / RATE
    for hertz in (80.0, 150.0, 220.0, 400.0):
        k = np.arange(1, 8)[:, None]
        tone = 0.1 * (np.sin(2 * np.pi * k * hertz * t) / k).sum(0)
        _, pitch, voicing = tracks(listen(tone.astype(np.float32)))
        assert (voicing[10:-10] > 0.85).all()
        np.testing.assert_allclose(pitch[10:-10], np.log2(hertz / 150), atol=0.03)
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    _, pitch, voicing = tracks(listen(noise))
    assert np.median(voicing) < 0.5


def test_silence_is_quiet_and_not_amplified():
    for x in (np.zeros(RATE, np.float32), 1e-4 * np.random.default_rng(0).standard_normal(RATE)):
        heard = listen(x.astype(np.float32))
        level, _, voicing = tracks(heard)
        assert level.max() < -1.4 and voicing.max() < 0.45
        assert loudness(heard).max() < 0.1
    assert loudness(listen(voice())).max() > 0.7


def test_any_length_is_heard_and_wrong_sound_is_an_error():
    for samples in (0, 1, 799, 800, 801):
        assert len(listen(voice()[:samples])) == -(-samples // TOKEN)
    with pytest.raises(InputError, match="mono"):
        listen(np.zeros((2, 100), np.float32))
    with pytest.raises(InputError, match="finite"):
        listen(np.full(1000, np.nan, np.float32))
