"""The vocoder: what goes in comes out, and every operation on the cepstrum does what it says in decibels."""

import numpy as np
import pytest

from emotive.errors import InputError
from emotive.voice import vocoder as v


def vowel(
    f0: float = 140.0, seconds: float = 0.6, formants: tuple[float, ...] = (600, 1400, 2600)
) -> np.ndarray:
    """A buzz at `f0` through resonances: harmonics weighted by a sum of bells."""
    t = np.arange(round(seconds * v.SAMPLE_RATE)) / v.SAMPLE_RATE
    harmonics = np.arange(f0, 10_000, f0)
    bells = np.sum([np.exp(-(((harmonics - f) / 150) ** 2)) for f in formants], 0)
    return 0.05 * ((bells + 0.01)[:, None] * np.cos(2 * np.pi * harmonics[:, None] * t)).sum(0)


def test_analysis_finds_pitch_and_synthesis_keeps_it():
    features = v.analyse(vowel(140.0))
    inside = slice(8, -8)
    assert features.voiced[inside].all()
    assert np.allclose(np.exp(features.lf0[inside]), 140.0, rtol=0.01)
    spoken = v.synthesize(features)
    again = v.analyse(spoken)
    assert len(again) == len(features)
    assert np.allclose(np.exp(again.lf0[inside]), 140.0, rtol=0.02)
    assert abs(20 * np.log10(spoken[4800:-4800].std() / vowel()[4800:-4800].std())) < 1.5


def test_cepstrum_of_an_envelope_is_exact_for_cosines_and_close_for_speech():
    rng = np.random.default_rng(0)
    cepstra = rng.standard_normal((5, v.CEPSTRUM)).astype(np.float32) / (1 + np.arange(v.CEPSTRUM))
    assert np.allclose(v.cepstrum(v.envelope(cepstra)), cepstra, atol=2e-2)


@pytest.mark.parametrize(("kind", "low", "high"), [("tilt", 0.0, 1.0), ("fundamental", 1.0, 0.0)])
def test_shapes_are_decibels(kind: str, low: float, high: float):
    decibels = v.envelope(v.shape(kind)[None])[0] * 10 / np.log(10)
    f = v.frequencies()
    assert abs(decibels[(f > 50) & (f < 250)].mean() - low) < 0.1
    assert abs(decibels[(f > 4000) & (f < 10_000)].mean() - high) < 0.1


def test_stretching_moves_formants_by_the_factor():
    f = v.frequencies()
    envelope = -(((f - 2000) / 300) ** 2).clip(None, 20)
    cepstra = v.cepstrum(np.repeat(np.maximum(envelope, -8)[None], 3, 0))
    moved = v.envelope(v.stretch(cepstra, np.array([-0.1, 0.0, 0.1])))
    peaks = f[moved.argmax(1)]
    assert np.allclose(peaks / 2000, np.exp([-0.1, 0.0, 0.1]), rtol=0.03)


def test_level_is_decibels_of_the_waveform():
    features = v.analyse(vowel())
    loud, soft = v.synthesize(features), v.synthesize(features.with_level(-6.0))
    assert abs(20 * np.log10(loud.std() / soft.std()) - 6.0) < 0.05


def test_frames_between_frames_are_interpolated():
    features = v.analyse(vowel())
    half = features.at(np.array([10.0, 10.5, 11.0]))
    assert np.allclose(half.cepstrum[1], (features.cepstrum[10] + features.cepstrum[11]) / 2, atol=1e-4)
    assert np.allclose(half.lf0[[0, 2]], features.lf0[10:12])


def test_limiter_leaves_what_is_below_its_knee_and_keeps_the_rest_below_one():
    x = np.linspace(-3, 3, 601)
    bent = v.limited(x)
    assert np.abs(bent).max() <= 1 and (np.diff(bent) >= 0).all()
    assert np.allclose(bent[np.abs(x) <= 0.8], x[np.abs(x) <= 0.8])


def test_too_short_a_sound_is_refused_and_silence_is_not():
    with pytest.raises(InputError, match="too short"):
        v.analyse(np.zeros(100))
    silence = v.analyse(np.zeros(v.SAMPLE_RATE // 2))
    assert not silence.voiced.any() and np.isfinite(silence.cepstrum).all()
