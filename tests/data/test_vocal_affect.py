"""The rules: silent at neutral, every cue in the direction that its source gives, words left alone."""

import numpy as np
import pytest

from emotive.data.vocal_affect import vocal_controls
from emotive.voice.prosody import INDEX, LIMITS
from emotive.voice.text import Sentence, SpokenWord
from emotive.voice.utterance import Timeline, lay_out

WORDS = (
    SpokenWord("hello", ("HH", "AH0", "L", "OW1"), (0, 2), ","),
    SpokenWord("happy", ("HH", "AE1", "P", "IY0"), (0, 2), ""),
    SpokenWord("birds", ("B", "ER1", "D", "Z"), (0,), "."),
)


def timeline() -> Timeline:
    utterance = lay_out(Sentence("Hello, happy birds.", WORDS))
    return Timeline(utterance, 8 * np.arange(len(utterance) + 1))


def controls(valence: float, arousal: float) -> np.ndarray:
    """The mean over ten takes, so that what a take happens to be averages out."""
    t = timeline()
    affect = np.repeat([[valence, arousal]], t.frames, 0)
    return np.mean([vocal_controls(t, affect, np.random.default_rng(i)) for i in range(10)], 0)


def spoken() -> np.ndarray:
    t = timeline()
    return np.array([s not in ("pau", "breath") for s in t.utterance.symbols])[t.phone_of_frame()]


def test_neutral_is_only_the_variation_between_takes():
    t = timeline()
    takes = np.stack(
        [vocal_controls(t, np.zeros((t.frames, 2)), np.random.default_rng(i)) for i in range(40)]
    )
    assert np.abs(takes.mean((0, 1))).max() < 0.15
    assert takes[..., INDEX["pitch"]].mean(1).std() > 0.05


@pytest.mark.parametrize("name", ["pitch", "range", "level", "tilt"])
def test_arousal_raises(name: str):
    levels = [controls(0, a)[spoken(), INDEX[name]].mean() for a in (-1, -0.5, 0, 0.5, 1)]
    assert (np.diff(levels) > 0).all()


def test_arousal_speeds_up_and_low_arousal_breathes_and_creaks():
    rate = [controls(0, a)[:, INDEX["duration"]].mean() for a in (-1, -0.5, 0, 0.5, 1)]
    assert (np.diff(rate) < 0).all()
    for name in ("breathiness", "creak"):
        assert controls(-0.5, -1)[:, INDEX[name]].mean() > 0.05 > controls(-0.5, 1)[:, INDEX[name]].mean()


def test_valence_smiles_lengthens_vowels_and_turns_accents_up():
    sad, glad = controls(-1, 0), controls(1, 0)
    assert glad[spoken(), INDEX["formant"]].mean() > 0.02 > -0.02 > sad[spoken(), INDEX["formant"]].mean()
    t = timeline()
    symbols = np.array(t.utterance.symbols)[t.phone_of_frame()]
    vowel, plosive = symbols == "OW1", symbols == "P"
    gained = (glad - sad)[:, INDEX["duration"]]
    assert gained[vowel].mean() > 0.15 and gained[plosive].mean() < -0.15
    syllable = t.utterance.syllable[t.phone_of_frame()] == 1
    rise = [
        np.polyfit(t.through_syllable()[syllable], c[syllable, INDEX["pitch"]], 1)[0] for c in (sad, glad)
    ]
    assert rise[0] < -0.3 and rise[1] > 0.3


def test_all_corners_stay_within_what_words_bear():
    for v in (-1, 1):
        for a in (-1, 1):
            c = controls(v, a)
            assert np.isfinite(c).all()
            for name, limit in LIMITS.items():
                assert np.abs(c[:, INDEX[name]]).max() <= limit
            stretched = np.exp(c[spoken(), INDEX["duration"]]).mean()
            assert 0.7 < stretched < 1.5  # rate is capped first: it is what costs words
