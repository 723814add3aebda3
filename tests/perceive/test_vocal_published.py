"""The published judge of speech is what its page says: Bayes' rule by hand, signs, sums, some skill."""

import math

import numpy as np
import pytest
from made_up_voice import TEXTS, made_up_reading

from emotive.errors import InputError
from emotive.perceive.vocal_explanation import explain_voice, vocal_movers
from emotive.perceive.vocal_features import UNITS, vocal_features
from emotive.perceive.vocal_published import (
    CUES,
    VocalPublishedJudge,
    cues,
    high_voice,
    mean_features,
)
from emotive.train.speech_takes import spoken

LEVELS = (-0.8, 0.0, 0.8)


def take(valence: float, arousal: float, text: str = TEXTS[1], seed: int = 0) -> np.ndarray:
    reading = made_up_reading(text)
    return spoken(reading, (valence, arousal), math.log(110), np.random.default_rng(seed))


@pytest.fixture(scope="module")
def neutral() -> dict[str, float]:
    return mean_features([(take(0, 0, text, seed), 16_000) for seed, text in enumerate(TEXTS)])


@pytest.fixture(scope="module")
def grid() -> list[dict[str, float]]:
    return [vocal_features(take(v, a), 16_000) for a in LEVELS for v in LEVELS]


def moved(features: dict[str, float], **by: float) -> dict[str, float]:
    """Features with one cue moved: what `cues` makes of the result differs in that cue alone."""
    out = dict(features)
    for name, value in by.items():
        if name == "pitch":
            out["F0semitoneFrom27.5Hz_sma3nz_amean"] += value
        elif name == "alpha":
            out["alphaRatioV_sma3nz_amean"] += value
    return out


def test_one_cue_inverted_by_hand(neutral):
    """Pitch and alpha ratio alone, 2 semitones and 1 dB above neutral: the posterior of a normal model."""
    judge = VocalPublishedJudge(neutral)
    adds = judge.contributions(moved(neutral, pitch=2.0, alpha=1.0))
    rows = np.array([[c.toward_valence, c.toward_arousal] for c in CUES.values()])
    noise = np.diag([c.within**2 for c in CUES.values()])
    off = np.array([{"pitch": 2.0, "alpha ratio": 1.0}.get(name, 0.0) for name in CUES])
    # The same by the other form of the formula: prior covariance first (Bishop 2006, 2.113-2.117).
    gain = (np.eye(2) / 3) @ rows.T @ np.linalg.inv(rows @ rows.T / 3 + noise)
    valence, arousal = gain @ off
    assert sum(adds.valence.values()) == pytest.approx(valence)
    assert sum(adds.arousal.values()) == pytest.approx(arousal)
    covariance = np.eye(2) / 3 - gain @ rows / 3
    found = judge.estimate_features([neutral])
    assert found.valence_sd[0] == pytest.approx(math.sqrt(covariance[0, 0]))
    assert found.arousal_sd[0] == pytest.approx(math.sqrt(covariance[1, 1]))


def test_neutral_speech_is_neutral_to_who_knows_the_speaker(neutral):
    found = VocalPublishedJudge(neutral).estimate_features([neutral])
    assert found.valence[0] == pytest.approx(0) and found.arousal[0] == pytest.approx(0)


def test_contributions_add_up_and_clip(grid, neutral):
    for judge in (VocalPublishedJudge(), VocalPublishedJudge(neutral)):
        found = judge.estimate_features(grid)
        for i, features in enumerate(grid):
            adds = judge.contributions(features)
            assert set(adds.valence) == set(adds.arousal) == set(CUES)
            for estimate, parts in ((found.valence, adds.valence), (found.arousal, adds.arousal)):
                assert estimate[i] == pytest.approx(min(max(sum(parts.values()), -1), 1))


@pytest.mark.parametrize("axis", ["valence", "arousal"])
def test_a_cue_of_one_axis_moves_it_by_its_published_sign(axis, neutral):
    """Taken alone: what a cue says of the other axis is explained away."""
    judge = VocalPublishedJudge(neutral)
    for i, (name, cue) in enumerate(CUES.items()):
        own = getattr(cue, f"toward_{axis}")
        other = cue.toward_arousal if axis == "valence" else cue.toward_valence
        if own and not other:
            weight = judge._inverse[("valence", "arousal").index(axis), i]
            assert math.copysign(1, weight) == math.copysign(1, own), name


def test_a_wild_measurement_is_clipped(neutral):
    judge = VocalPublishedJudge(neutral)
    far, farther = (judge.contributions(moved(neutral, pitch=x)).arousal["pitch"] for x in (60.0, 600.0))
    assert far == farther


def test_it_puts_takes_in_order_though_nothing_was_fitted(grid, neutral):
    wanted = np.array([[v, a] for a in LEVELS for v in LEVELS])
    for judge, least in ((VocalPublishedJudge(), 0.4), (VocalPublishedJudge(neutral), 0.6)):
        found = judge.estimate_features(grid)
        assert np.corrcoef(wanted[:, 1], found.arousal)[0, 1] > 0.9
        assert np.corrcoef(wanted[:, 0], found.valence)[0, 1] > least


def test_knowing_the_speaker_narrows_the_spread_and_takes_differences(grid, neutral):
    alone, known = VocalPublishedJudge(), VocalPublishedJudge(neutral)
    for k in (2, 3):
        assert known.estimate_features(grid)[k][0] < alone.estimate_features(grid)[k][0]
    # Who the speaker is, is no cue then: the same differences from a higher voice say the same.
    higher = VocalPublishedJudge(moved(neutral, pitch=6.0)).estimate_features([moved(grid[0], pitch=6.0)])
    for one, other in zip(higher, known.estimate_features([grid[0]]), strict=True):
        assert one[0] == pytest.approx(other[0])


def test_a_high_voice_is_told_from_a_low_one_softly(neutral):
    assert high_voice(neutral) < 0.2
    higher = moved(neutral, pitch=10.0)
    for i in (1, 2, 3):
        higher[f"F{i}frequency_sma3nz_amean"] *= 1.16
    assert high_voice(higher) > 0.8
    low, high = (VocalPublishedJudge().deviations(x)["pitch"] for x in (neutral, higher))
    assert abs(high - low) < 4  # of the 10 semitones between them


def test_cues_are_finite_at_the_edges(neutral):
    extreme = {**neutral, "voicedShare": 1.0, "modulationRate": 0.0, "jitterLocal_sma3nz_amean": 0.0,
               "F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2": 0.0}  # fmt: skip
    assert set(cues(extreme)) == set(CUES)
    assert np.isfinite(list(cues(extreme).values())).all()


def test_the_fingerprint_knows_the_speaker(neutral):
    assert VocalPublishedJudge().fingerprint() == VocalPublishedJudge().fingerprint()
    assert VocalPublishedJudge(neutral).fingerprint() != VocalPublishedJudge().fingerprint()
    assert len(VocalPublishedJudge().fingerprint()) == 64


def test_estimates_of_clips_have_their_shape():
    found = VocalPublishedJudge().estimate([(take(0.5, 0.5), 16_000)] * 2)
    assert all(x.shape == (2,) and x.dtype == np.float64 for x in found)
    assert (np.abs(found.valence) <= 1).all() and (found.valence_sd > 0).all()
    assert [len(x) for x in VocalPublishedJudge().estimate([])] == [0] * 4
    with pytest.raises(InputError, match="silent"):
        VocalPublishedJudge().estimate([(np.zeros(16_000, np.float32), 16_000)])
    assert set(mean_features([(take(0, 0), 16_000)])) == set(UNITS)


def test_the_sentence_names_what_moved_it(neutral):
    clip = (take(-0.9, 0.9), 16_000)
    judge = VocalPublishedJudge(neutral)
    found = judge.estimate([clip])
    sentence = explain_voice(clip, found, judge)
    assert sentence.startswith(f"Valence {found.valence[0]:+.2f} ± {found.valence_sd[0]:.2f}, arousal ")
    assert "high pitch (+)" in sentence
    parts = vocal_movers(vocal_features(*clip), judge)
    assert sum(m.arousal for m in parts) == pytest.approx(
        sum(judge.contributions(vocal_features(*clip)).arousal.values())
    )
