"""Affect in music, on pieces that are made here: which way each cue moves it, and what must not move it."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from emotive.affect import AffectCurve
from emotive.errors import InputError
from emotive.media.audio import resample
from emotive.perceive.music import CUES, MusicReader, moved_by, music_curve
from emotive.perceive.music_features import UNITS, music_cues

RATE = 22_050
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}


def note(hertz: float, seconds: float, dark: float, held: float) -> np.ndarray:
    """Twelve partials that fall by `dark` * 6 dB an octave; the note sounds for `held` of its time."""
    t = np.arange(int(seconds * RATE)) / RATE
    k = np.arange(1, 13)[:, None]
    tone = (np.sin(2 * np.pi * k * hertz * t) * k**-dark * (k * hertz < 10_000)).sum(0)
    return tone * np.minimum(1, t / 0.01) * np.exp(-t / seconds - np.maximum(0, t - seconds * held) / 0.02)


def piece(mode="major", bpm=120, dark=1.0, octave=0.0, held=0.9, seconds=8.0, loud=0.1) -> np.ndarray:
    """A melody over the chords I IV V I of one key, each chord for four notes of the melody."""
    scale, x, rng = SCALES[mode], np.zeros(int((seconds + 20) * RATE)), np.random.default_rng(0)

    def hertz(degree: int) -> float:
        return 262.0 * 2 ** ((scale[degree % 7] + 12 * (degree // 7)) / 12 + octave)

    def add(sound: np.ndarray, at: float) -> None:
        x[int(at * RATE) :][: len(sound)] += sound

    beat = 60 / bpm
    for i in range(int(seconds / beat) + 1):
        root = (0, 3, 4, 0)[i // 4 % 4]
        for degree in (0, 2, 4) if i % 4 == 0 else ():
            add(0.5 * note(hertz(root + degree) / 2, 4 * beat, dark, 0.95), i * beat)
        add(note(hertz(root + int(rng.choice([0, 2, 4, 7]))), beat, dark, held), i * beat)
    x = x[: int(seconds * RATE)]
    return (loud * x / np.abs(x).max()).astype(np.float32)


@pytest.fixture(scope="module")
def corners() -> dict[str, tuple[float, float]]:
    """Valence and arousal of four pieces, one for each corner of the plane."""
    lively, calm = {"bpm": 300, "dark": 0.6, "held": 0.5}, {"bpm": 50, "dark": 1.6}
    made = {
        "happy": piece("major", octave=0.5, **lively),
        "tense": piece("minor", octave=-1.0, **lively),
        "serene": piece("major", octave=0.5, **calm),
        "sad": piece("minor", octave=-1.0, **calm),
    }
    found = {name: MusicReader().estimate([(x, RATE)]) for name, x in made.items()}
    return {name: (float(e.valence[0]), float(e.arousal[0])) for name, e in found.items()}


def test_the_corners_lie_where_they_should(corners):
    for name, (valence, arousal) in corners.items():
        assert (valence > 0) == (name in ("happy", "serene")), corners
        assert (arousal > 0) == (name in ("happy", "tense")), corners
    assert corners["happy"][0] - corners["sad"][0] > 0.8 and corners["happy"][1] - corners["sad"][1] > 0.6


def test_faster_is_more_aroused():
    tempos = [50, 80, 120, 180, 280]
    arousal = [MusicReader().estimate([(piece(bpm=bpm), RATE)]).arousal[0] for bpm in tempos]
    assert float(np.asarray(spearmanr(tempos, arousal))[0]) > 0.99


def test_mode_moves_valence_and_hardly_arousal():
    major, minor = (MusicReader().estimate([(piece(mode), RATE)]) for mode in ("major", "minor"))
    assert major.valence[0] - minor.valence[0] > 0.25
    assert abs(major.arousal[0] - minor.arousal[0]) < 0.1


def test_every_key_has_its_mode():
    modes = [
        [
            music_cues(piece(mode, octave=k / 12, seconds=5.0), RATE).values["mode"].mean()
            for k in range(0, 12, 3)
        ]
        for mode in ("major", "minor")
    ]
    assert min(modes[0]) > 0 > max(modes[1])


def test_brighter_is_more_aroused():
    dark, bright = (MusicReader().estimate([(piece(dark=d), RATE)]).arousal[0] for d in (1.6, 0.6))
    assert bright > dark + 0.1


def test_a_crescendo_rises():
    x = piece(seconds=16.0)
    curve = music_curve(x * np.linspace(0.1, 1, len(x), dtype=np.float32), RATE)
    assert float(np.asarray(spearmanr(curve.times, curve.arousal))[0]) > 0.8


def test_level_and_sample_rate_do_not_matter():
    x = piece()
    here, soft = music_curve(x, RATE), music_curve(x * np.float32(0.05), RATE)
    assert np.allclose(here.valence, soft.valence, atol=1e-3) and np.allclose(
        here.arousal, soft.arousal, atol=1e-3
    )
    other = music_curve(resample(x, RATE, 44_100), 44_100)
    assert np.abs(here.valence - other.valence).mean() < 0.05
    assert np.abs(here.arousal - other.arousal).mean() < 0.05


def test_a_curve_turns_where_the_music_does():
    x = np.concatenate(
        [piece("minor", 50, 1.6, -1.0, seconds=10.0), piece("major", 280, 0.6, 0.5, seconds=10.0)]
    )
    curve = music_curve(x, RATE)
    early, late = curve.times < 6, curve.times > 14
    assert curve.valence[late].min() > curve.valence[early].max()
    assert curve.arousal[late].min() > curve.arousal[early].max()
    assert np.allclose(np.diff(curve.times), 0.5) and curve.times[0] == 2.5
    again = curve.to_curve()
    assert isinstance(again, AffectCurve) and again.duration == curve.times[-1]


def test_silence_within_is_left_out():
    gap = np.concatenate([piece(seconds=6.0), np.zeros(10 * RATE, np.float32), piece(seconds=6.0)])
    times = music_curve(gap, RATE).times
    assert np.diff(times).max() > 3 and times[0] < 4 and times[-1] > 18


def test_a_steady_tone_is_calm():
    tone = np.sin(2 * np.pi * 330 * np.arange(5 * RATE) / RATE).astype(np.float32) * 0.2
    assert MusicReader().estimate([(tone, RATE)]).arousal[0] < -0.2


def test_what_is_said_adds_up_and_is_no_surer_than_it_may_be():
    cues = music_cues(piece(), RATE)
    reader = MusicReader()
    curve, said = reader.curve_of(cues), moved_by(cues)
    assert list(said) == list(CUES) == list(UNITS)
    assert sum(v for _, v, _ in said.values()) == pytest.approx(curve.valence.mean(), abs=1e-9)
    assert sum(a for _, _, a in said.values()) == pytest.approx(curve.arousal.mean(), abs=1e-9)
    # A uniform prior deviates by 0.577; regressions on rated music leave 0.49 and 0.37 of it.
    assert 0.48 < curve.valence_sd[0] < 0.577 and 0.37 < curve.arousal_sd[0] < 0.577
    assert len(reader.fingerprint()) == 64


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (np.zeros(5 * RATE, np.float32), "silent"),
        (np.full(5 * RATE, 0.3, np.float32), "silent"),
        (np.ones(RATE, np.float32), "at least 3 s"),
        (np.full(5 * RATE, np.nan, np.float32), "not finite"),
    ],
)
def test_what_is_no_music_is_said(samples, says):
    with pytest.raises(InputError, match=says) as raised:
        music_curve(samples, RATE)
    assert "\n" not in str(raised.value)
