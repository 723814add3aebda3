"""Features of made-up voices whose pitch, formants, tilt, breath and pauses are known."""

import re

import numpy as np
import pytest
from made_up_voice import made_up_reading, spectrum

from emotive.errors import InputError
from emotive.perceive.vocal_features import UNITS, level, vocal_features
from emotive.voice.prosody import INDEX, apply
from emotive.voice.vocoder import FRAME_RATE, SAMPLE_RATE, VoiceFeatures, cepstrum, synthesize

ST = "F0semitoneFrom27.5Hz_sma3nz_"


def vowel(f0=120.0, formants=(600.0, 1300.0, 2500.0), tilt=-12.0, noise=-30.0, seconds=1.5, **tracks):
    """A steady vowel at 24 kHz; `tracks` replace lf0 or voiced."""
    t = round(seconds * FRAME_RATE)
    features = VoiceFeatures(
        tracks.get("lf0", np.full(t, np.log(f0))).astype(np.float32),
        tracks.get("voiced", np.ones(t, bool)),
        np.repeat(cepstrum(spectrum(formants, tilt)[None]), t, 0) + tracks.get("louder", np.zeros((t, 1))),
        np.full((t, 3), noise, np.float32),
    )
    return synthesize(features)


def measured(*args, **kwargs):
    return vocal_features(vowel(*args, **kwargs), SAMPLE_RATE)


@pytest.fixture(scope="module")
def sentence() -> np.ndarray:
    return synthesize(made_up_reading("Hello there, happy little birds.").features)


@pytest.mark.parametrize("f0", [90.0, 120.0, 210.0, 300.0])
def test_pitch_is_what_was_sung(f0):
    found = measured(f0)
    assert found[ST + "amean"] == pytest.approx(12 * np.log2(f0 / 27.5), abs=0.1)
    assert found[ST + "pctlrange0-2"] < 0.2 and found["voicedShare"] > 0.95


def test_slopes_of_a_glide():
    """Up an octave in 1 s, then down in 2 s: 12 and 6 semitones/s, 9.6 and 2.4 are the percentiles."""
    lf0 = np.log(120) + np.log(2) * np.concatenate([np.linspace(0, 1, 100), np.linspace(1, 0, 200)])
    found = vocal_features(vowel(seconds=3, lf0=lf0), SAMPLE_RATE)
    assert found[ST + "meanRisingSlope"] == pytest.approx(12, rel=0.08)
    assert found[ST + "meanFallingSlope"] == pytest.approx(6, rel=0.08)
    assert found[ST + "pctlrange0-2"] == pytest.approx(7.2, abs=0.4)


@pytest.mark.parametrize(
    "formants", [(600.0, 1300.0, 2500.0), (350.0, 1900.0, 2600.0), (700.0, 1150.0, 2900.0)]
)
@pytest.mark.parametrize("f0", [100.0, 180.0])
def test_formants_are_where_the_poles_are(formants, f0):
    found = measured(f0, formants)
    for i, hertz in enumerate(formants):
        assert found[f"F{i + 1}frequency_sma3nz_amean"] == pytest.approx(hertz, rel=0.10)


def test_a_shorter_tract_raises_all_formants():
    reading = made_up_reading("Hello there, happy little birds.")
    rows = []
    for factor in (-0.05, 0.05):
        controls = np.zeros((reading.timeline.frames, len(INDEX)), np.float32)
        controls[:, INDEX["formant"]] = factor
        spoken = apply(reading.features, controls, np.log(110), np.random.default_rng(0))
        found = vocal_features(synthesize(spoken), SAMPLE_RATE)
        rows.append([np.log(found[f"F{i}frequency_sma3nz_amean"]) for i in (1, 2, 3)])
    raised = np.diff(rows, axis=0)[0]
    assert (raised > 0.03).all() and raised.mean() == pytest.approx(0.10, abs=0.03)


def test_spectral_balance_follows_the_source():
    soft, plain, strong = (measured(tilt=tilt) for tilt in (-18, -12, -6))
    for name, sign in (("alphaRatioV_sma3nz_amean", 1), ("hammarbergIndexV_sma3nz_amean", -1),
                       ("slopeV500-1500_sma3nz_amean", 1), ("logRelF0-H1-H2_sma3nz_amean", -1)):  # fmt: skip
        assert sign * soft[name] < sign * plain[name] < sign * strong[name], name
    # 6 dB per octave more, over the octave from 500 to 1000 and the half from there to 1500 Hz
    slope = strong["slopeV500-1500_sma3nz_amean"] - plain["slopeV500-1500_sma3nz_amean"]
    assert slope == pytest.approx(6 * np.log2(1600 / 600), rel=0.25)


def test_noise_and_shaking_are_heard():
    rng, clear = np.random.default_rng(0), vowel()
    for snr in (5.0, 10.0, 15.0):
        noise = clear.std() * 10 ** (-snr / 20) * rng.standard_normal(len(clear)).astype(np.float32)
        found = vocal_features(clear + noise, SAMPLE_RATE)
        assert found["HNRdBACF_sma3nz_amean"] == pytest.approx(snr, abs=1.5)
    shaken = np.log(120) + 0.02 * rng.standard_normal(150)
    assert measured(lf0=shaken)["jitterLocal_sma3nz_amean"] > 5 * measured()["jitterLocal_sma3nz_amean"]
    trembling = measured(louder=0.3 * rng.standard_normal((150, 1)) * np.eye(60)[0])
    assert trembling["shimmerLocaldB_sma3nz_amean"] > 3 * measured()["shimmerLocaldB_sma3nz_amean"]


def test_pauses_and_segments_are_counted():
    """Four vowels of 0.4 s with 0.3 s of silence between: pauses are 0.9 of 2.5 s."""
    sound, gap = vowel(seconds=0.4), np.zeros(round(0.3 * SAMPLE_RATE), np.float32)
    clip = np.concatenate([gap, sound, gap, sound, gap, sound, gap, sound, gap])
    found = vocal_features(clip, SAMPLE_RATE)
    assert found["VoicedSegmentsPerSec"] == pytest.approx(4 / 2.5, rel=0.05)
    assert found["MeanVoicedSegmentLengthSec"] == pytest.approx(0.4, abs=0.05)
    assert found["MeanUnvoicedSegmentLength"] == pytest.approx(0.3, abs=0.05)
    assert found["pauseShare"] == pytest.approx(0.36, abs=0.05)
    assert found["syllableNucleiPerSec"] == pytest.approx(4 / 1.6, rel=0.15)
    assert found["loudnessPeaksPerSec"] == pytest.approx(4 / 2.5, rel=0.35)


def test_faster_is_faster():
    slow, fast = (
        synthesize(made_up_reading("He has two heavy hats on his head.", pace=p).features) for p in (11, 7)
    )
    ratio = [vocal_features(x, SAMPLE_RATE)["modulationRate"] for x in (slow, fast)]
    assert 1.15 < ratio[1] / ratio[0] < 11 / 7 * 1.1


def test_a_gain_changes_nothing_but_the_level(sentence):
    loud, soft = vocal_features(sentence, SAMPLE_RATE), vocal_features(0.02 * sentence, SAMPLE_RATE)
    for name, value in loud.items():
        assert soft[name] == pytest.approx(value, rel=1e-3, abs=1e-3), name
    assert level(sentence) - level(0.02 * sentence) == pytest.approx(20 * np.log10(50), abs=1e-6)
    assert not any("level" in name.lower() for name in UNITS)


def test_the_rate_of_sampling_hardly_matters(sentence):
    from emotive.media.audio import resample

    wide, narrow = (
        vocal_features(sentence, SAMPLE_RATE),
        vocal_features(resample(sentence, 24_000, 16_000), 16_000),
    )
    assert narrow[ST + "amean"] == pytest.approx(wide[ST + "amean"], abs=0.1)
    assert narrow["alphaRatioV_sma3nz_amean"] == pytest.approx(wide["alphaRatioV_sma3nz_amean"], abs=0.5)


def test_every_feature_is_named_finite_and_explained(sentence):
    found = vocal_features(sentence, SAMPLE_RATE)
    assert list(found) == list(UNITS) and np.isfinite(list(found.values())).all()
    assert all(type(value) is float for value in found.values()) and all(UNITS.values())


@pytest.mark.parametrize(("waveform", "words"), [
    (np.zeros(24_000, np.float32), "silent"),
    (np.full(24_000, 0.5, np.float32), "silent"),  # an offset is no sound
    (np.full(24_000, np.nan, np.float32), "silent"),
    (vowel(seconds=0.3), "at least 0.5 s"),
    (np.zeros((2, 24_000), np.float32), "a waveform (N,)"),
    (0.1 * np.random.default_rng(0).standard_normal(24_000).astype(np.float32), "no voice"),
])  # fmt: skip
def test_what_has_no_voice_is_refused_in_one_line(waveform, words):
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        vocal_features(waveform, SAMPLE_RATE)
    assert "\n" not in str(caught.value)
