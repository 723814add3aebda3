from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from scipy.stats import spearmanr

from emotive.body.accents import Accent
from emotive.body.channels import CHANNEL, CHANNELS, knots_of, of, tracks_of
from emotive.body.habits import HABITS, random_habits
from emotive.body.meanings import MEANINGS, is_content, meaning
from emotive.body.posing import pose
from emotive.data.gesture_affect import with_dominance
from emotive.data.gesture_lexicon import HANDSHAPES, MEANT, RESTS, SHAPES
from emotive.data.gesture_teacher import Performance, gesture
from emotive.errors import InputError
from emotive.signals import JOINT

FPS = 30
PLAIN = np.zeros(16)
WORDS = (
    "I told you yesterday that the whole garden was never really big enough for everyone but somehow we "
    "planted three enormous trees and watched them rise above the little wall where nobody ever looked"
).split()
MOODS = {
    "joyful": (0.8, 0.65, 0.35),
    "angry": (-0.65, 0.8, 0.6),
    "sad": (-0.7, -0.6, -0.5),
    "calm": (0.5, -0.6, 0.1),
    "afraid": (-0.65, 0.65, -0.75),
}


@lru_cache
def _talk(seed: int) -> tuple[tuple[Accent, ...], tuple[tuple[float, float], ...]]:
    """About 11 s: a stress every 0.25 .. 0.5 s, phrases of six words with pauses between."""
    rng = np.random.default_rng(seed)
    time, rows, spans = 0.4, [], []
    for first in range(0, len(WORDS), 6):
        begins, times = time, []
        for _ in WORDS[first : first + 6]:
            times.append(time + 0.06)
            time += rng.uniform(0.22, 0.45)
        spans.append((begins, time))
        for n, (word, at) in enumerate(zip(WORDS[first : first + 6], times, strict=True)):
            rows.append((at, word, len(spans) - 1, begins, time, n == 5))
        time += rng.uniform(0.25, 0.5)
    shift = int(seed) % 7  # other words under the same stresses
    accents = []
    for at, word, phrase, begins, ends, last in rows:
        word = WORDS[(WORDS.index(word) + shift) % len(WORDS)]
        content = is_content(word)
        accents.append(
            Accent(at, 1 if content else 0, word, content, meaning(word), phrase, begins, ends, last)
        )
    return tuple(accents), tuple(spans)


def _perform(
    point: tuple[float, float, float], seed: int = 0, habits: np.ndarray = PLAIN, seconds: float = 8.0
) -> Performance:
    frames = int(seconds * FPS)
    points = np.tile(np.array(point, float), (frames, 1))
    accents, phrases = _talk(seed)
    rng = np.random.default_rng(seed)
    return gesture(accents, phrases, points, np.full(frames, 0.6), habits, FPS, rng)


def _speeds(tracks: np.ndarray) -> np.ndarray:
    """Of all joints (T, 55), m/s."""
    return np.linalg.norm(np.diff(pose(tracks, FPS).positions(), axis=0), axis=-1) * FPS


def _quantity(tracks: np.ndarray) -> float:
    return float(_speeds(tracks).mean())


def _channel(performance: Performance, name: str) -> float:
    return float(performance.tracks[:, CHANNEL[name]].mean())


def _stroke_ends(tracks: np.ndarray) -> np.ndarray:
    """Where a hand that was fast has come down to 35 % of its peak speed, s."""
    ends = []
    for speed in _speeds(tracks)[:, [JOINT["leftHand"], JOINT["rightHand"]]].T:
        peak = 0.0
        for t, now in enumerate(speed):
            peak = max(peak, now)
            if peak > 0.18 and now < 0.35 * peak:
                ends.append((t + 0.5) / FPS)
                peak = 0.0
            elif peak <= 0.18:
                peak = now
    return np.array(ends)


def test_writes_finite_tracks_and_names_its_strokes() -> None:
    for mood in MOODS.values():
        made = _perform(mood, 3)
        assert made.tracks.shape == (8 * FPS, len(CHANNELS)) and made.tracks.dtype == np.float32
        assert np.isfinite(made.tracks).all()
        assert made.strokes
        for stroke in made.strokes:
            assert 0 <= stroke.time < 8 and stroke.shape in SHAPES
            assert stroke.hands in ("left", "right", "both")
            assert abs(stroke.time - stroke.accent - 0.04) <= 0.0251


def test_one_generator_one_performance() -> None:
    first, second, other = _perform(MOODS["joyful"], 1), _perform(MOODS["joyful"], 1), None
    assert np.array_equal(first.tracks, second.tracks) and first.strokes == second.strokes
    accents, phrases = _talk(1)
    points = np.tile(MOODS["joyful"], (240, 1))
    other = gesture(accents, phrases, points, np.full(240, 0.6), PLAIN, FPS, np.random.default_rng(99))
    assert np.abs(first.tracks - other.tracks).mean() > 0.01


def test_arousal_moves() -> None:
    rng = np.random.default_rng(4)
    arousal, moved = [], []
    for n in range(36):
        point = rng.uniform(-1, 1, 3)
        habits = random_habits(rng)
        arousal.append(point[1])
        moved.append(_quantity(_perform(tuple(point), n % 9, habits).tracks))
    assert float(np.asarray(spearmanr(arousal, moved))[0]) > 0.86


def test_valence_holds_and_does_not_move() -> None:
    valences = (-0.9, 0.0, 0.9)
    moved = {v: [] for v in valences}
    for n in range(12):
        habits = random_habits(np.random.default_rng(n))
        shown = {v: _perform((v, 0.3, 0.0), n, habits) for v in valences}
        for v, made in shown.items():
            moved[v].append(_quantity(made.tracks))
        # Everyone's head and chest rise with valence, and hands with them.
        for name, sign in (("head.pitch", -1), ("trunk.pitch", -1), ("left.round", -1)):
            values = [sign * _channel(shown[v], name) for v in valences]
            assert values[0] < values[1] < values[2], (n, name)
    means = [np.mean(moved[v]) for v in valences]
    assert (max(means) - min(means)) / np.mean(means) < 0.2


def test_moods_have_their_postures() -> None:
    made = {mood: [_perform(point, n) for n in range(5)] for mood, point in MOODS.items()}

    def mean(mood: str, name: str) -> float:
        return float(np.mean([_channel(p, name) for p in made[mood]]))

    def still(mood: str) -> float:
        hands = [JOINT["leftHand"], JOINT["rightHand"]]
        return float(np.mean([(_speeds(p.tracks)[:, hands].max(1) < 0.12).mean() for p in made[mood]]))

    assert mean("angry", "lean") > 2 > -2 > mean("afraid", "lean")  # advances, retreats
    assert mean("angry", "head.pitch") > 6 and mean("joyful", "head.pitch") < -3
    assert mean("afraid", "left.raise") > 6 > mean("calm", "left.raise") > mean("sad", "left.raise")
    assert mean("sad", "trunk.pitch") > 14 > 2 > mean("joyful", "trunk.pitch")
    assert mean("sad", "head.pitch") > 12
    assert mean("joyful", "right.elbow") > mean("sad", "right.elbow") + 0.15
    assert mean("joyful", "right.up") > mean("sad", "right.up") + 0.08
    assert still("sad") > 0.5 and still("calm") > 0.45 and 0.15 < still("joyful") < still("calm")


def test_strokes_end_with_their_accents() -> None:
    near, far = [], []
    for n in range(10):
        point = tuple(np.random.default_rng(n).uniform(-0.9, 0.9, 3))
        made = _perform(point, n)
        ends = _stroke_ends(made.tracks)
        wanted = np.array([s.time for s in made.strokes if 0.3 < s.time < 7.7])
        if not len(wanted) or not len(ends):
            continue
        for times, scores in ((wanted, near), ((wanted + 3.7) % 8, far)):
            gaps = np.abs(times[:, None] - ends).min(1)
            scores.extend(np.exp(-(gaps**2) / (2 * 0.1**2)))
    assert np.mean(near) > 0.85
    assert np.mean(near) > np.mean(far) + 0.3


def test_silence_breathes_and_listens() -> None:
    made = gesture(
        (), (), np.tile(MOODS["calm"], (600, 1)), np.zeros(600), PLAIN, FPS, np.random.default_rng(2)
    )
    assert made.strokes == ()
    speeds = _speeds(made.tracks)
    assert 0.004 < speeds.mean() < 0.12
    pitch = made.tracks[:, CHANNEL["left.raise"]] - made.tracks[:, CHANNEL["left.raise"]].mean()
    spectrum = np.abs(np.fft.rfft(pitch * np.hanning(len(pitch))))
    assert 0.1 < np.argmax(spectrum[1:] + 0) / 20 + 0.05 < 0.35  # breaths a second
    side = made.tracks[:, CHANNEL["hips.side"]]
    assert side.max() - side.min() > 0.02  # weight goes from leg to leg


def test_affect_changes_within_a_clip() -> None:
    accents, phrases = _talk(5)
    points = np.tile(MOODS["sad"], (300, 1))
    points[150:] = MOODS["joyful"]
    made = gesture(accents, phrases, points, np.full(300, 0.6), PLAIN, FPS, np.random.default_rng(5))
    tracks = made.tracks
    head, trunk = tracks[:, CHANNEL["head.pitch"]], tracks[:, CHANNEL["trunk.pitch"]]
    assert head[:120].mean() > head[190:].mean() + 12
    assert trunk[:120].mean() > trunk[190:].mean() + 12
    speeds = _speeds(tracks).mean(1)
    assert speeds[180:].mean() > 1.7 * speeds[:120].mean()
    assert np.abs(np.diff(head)).max() * FPS < 90  # deg/s: it changes, it does not jump


@pytest.mark.parametrize("mood", MOODS)
def test_nothing_jumps(mood: str) -> None:
    cap = 2.0 + 0.45 * MOODS[mood][1]
    for n in range(5):
        habits = random_habits(np.random.default_rng(50 + n))
        tracks = _perform(MOODS[mood], n, habits).tracks.astype(float)
        for side in ("left", "right"):
            wrist = tracks[:, of(side)][:, :3]
            assert np.linalg.norm(np.diff(wrist, axis=0), axis=1).max() * FPS < 1.25 * cap
            assert np.linalg.norm(np.diff(wrist, 2, axis=0), axis=1).max() * FPS**2 < 60
        # Fifteen knots a second hold it.
        again = tracks_of(knots_of(tracks, FPS), np.arange(len(tracks)) / FPS)
        for side in ("left", "right"):
            apart = np.linalg.norm((again - tracks)[:, of(side)][:, :3], axis=1)
            assert apart.mean() < 0.001 and apart.max() < 0.02


def test_words_choose_shapes() -> None:
    def shapes_of(word: str, point: tuple[float, float, float]) -> set[str]:
        found: set[str] = set()
        for n in range(25):
            accents = [Accent(2.0, 1, word, True, meaning(word), 0, 1.0, 3.2, True)]
            made = gesture(
                accents, [(1.0, 3.2)], np.tile(point, (150, 1)), np.full(150, 0.6), PLAIN, FPS,
                np.random.default_rng(n),
            )  # fmt: skip
            found |= {s.shape for s in made.strokes}
        return found

    for word in ("enormous", "tiny", "three", "perhaps", "rise"):
        heading = meaning(word)
        assert heading is not None
        assert set(MEANT[heading]) & shapes_of(word, (0.2, 0.2, 0.1))
    neutral_word = shapes_of("table", MOODS["angry"])
    assert neutral_word & {"fist", "fists", "chop", "point", "cut"}
    assert not shapes_of("table", MOODS["afraid"]) & {"fist", "fists", "chop", "point", "open arms"}
    assert not shapes_of("table", MOODS["joyful"]) & {"fist", "ward", "wring", "drop"}


def test_windows_of_one_talk_share_its_accents() -> None:
    accents, phrases = _talk(2)
    points = np.tile(MOODS["joyful"], (120, 1))
    made = gesture(accents, phrases, points, np.full(120, 0.6), PLAIN, FPS, np.random.default_rng(0), 4.0)
    assert made.strokes and all(4.0 <= s.time < 8.0 for s in made.strokes)
    assert {s.accent for s in made.strokes} <= {a.time for a in accents}


def test_unknown_dominance_is_a_matter_of_temper() -> None:
    point = np.array([[-0.65, 0.7, np.nan]])
    fierce, meek = np.zeros(16), np.zeros(16)
    for name in ("fist", "point", "upright", "large"):
        fierce[HABITS.index(name)], meek[HABITS.index(name)] = 1.5, -1.5
    assert with_dominance(point, fierce)[0, 2] > 0.3 > -0.3 > with_dominance(point, meek)[0, 2]
    told = np.array([[-0.65, 0.7, 0.2]])
    assert np.array_equal(with_dominance(told, meek), told)


def test_the_lexicon_is_whole() -> None:
    assert set(MEANT) == set(MEANINGS)
    for fits in MEANT.values():
        assert set(fits) <= set(SHAPES)
    for shape in SHAPES.values():
        assert set(shape.fingers) <= set(HANDSHAPES) and shape.hands in (1, 2)
        assert len(shape.prepare) == len(shape.strike) == 7
    for rest in RESTS.values():
        assert rest.fingers in HANDSHAPES


@pytest.mark.parametrize(
    ("points", "loudness", "habits"),
    [
        (np.zeros((0, 3)), np.zeros(0), PLAIN),
        (np.zeros((10, 2)), np.zeros(10), PLAIN),
        (np.full((10, 3), np.nan), np.zeros(10), PLAIN),
        (np.zeros((10, 3)), np.zeros(9), PLAIN),
        (np.zeros((10, 3)), np.zeros(10), np.zeros(5)),
    ],
)
def test_refuses_other_shapes(points: np.ndarray, loudness: np.ndarray, habits: np.ndarray) -> None:
    with pytest.raises(InputError):
        gesture((), (), points, loudness, habits, FPS, np.random.default_rng(0))
