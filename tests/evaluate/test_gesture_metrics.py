"""Measures of gesture: planted values, controls that fall, and what bodies cannot do is seen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotive.body.channels import CHANNEL, CHANNELS, of
from emotive.body.posing import pose
from emotive.errors import InputError
from emotive.evaluate.gesture_metrics import (
    BINS,
    Seen,
    consistency,
    ends_of,
    foot_skate,
    frechet_distance,
    hand_penetration,
    hellinger,
    hold_share,
    l1_diversity,
    mean_acceleration,
    mean_jerk,
    published_beat_consistency,
    repeated,
    seed_diversity,
    speed_histogram,
    stresses_of,
    stroke_consistency,
    strokes_of,
    vowels_of,
)
from emotive.signals import JOINT, BodyMotion, Phone, Speech, Syllable, Word
from emotive.signals.rotations import matrices_of_vectors, six_of

REST = (0.24, -0.48, 0.06)


def controls(frames: int) -> np.ndarray:
    """A body that stands with hanging arms."""
    tracks = np.zeros((frames, len(CHANNELS)), np.float32)
    for side in ("left", "right"):
        tracks[:, of(side)][:, :3] = REST
        tracks[:, CHANNEL[f"{side}.foot.out"]] = 0.01
    return tracks


def bell(time: np.ndarray, at: float, wide: float) -> np.ndarray:
    """From 0 to 1 around a time, smoothly."""
    u = ((time - at) / wide + 0.5).clip(0, 1)
    return 10 * u**3 - 15 * u**4 + 6 * u**5


def beating(beats: np.ndarray, seconds: float, fps: float = 30, late: float = 0.0) -> BodyMotion:
    """A raised right hand that comes down at each beat and rises slowly again."""
    time = np.arange(round(seconds * fps)) / fps
    tracks = controls(len(time))
    tracks[:, of("right")][:, :3] = (0.2, -0.2, 0.3)
    up = CHANNEL["right.up"]
    for beat in beats + late:
        tracks[:, up] -= 0.06 * (bell(time, beat - 0.1, 0.24) - bell(time, beat + 0.6, 0.7))
    return pose(tracks, fps)


def uneven(count: int, seed: int) -> np.ndarray:
    """Times 1.2 to 1.9 s apart."""
    return 1.0 + np.cumsum(np.random.default_rng(seed).uniform(1.2, 1.9, count))


# -- in time -----------------------------------------------------------------------------------------------


def test_strokes_are_in_time_with_their_own_sound_and_with_no_other():
    beats, other = uneven(12, 0), uneven(12, 7)
    seen = Seen(beating(beats, beats[-1] + 1.5))
    strokes = strokes_of(seen)
    assert len(strokes) == len(beats)
    np.testing.assert_allclose(strokes, beats, atol=0.1)
    own, wrong = (stroke_consistency(seen, b) for b in (beats, other))
    assert own is not None and wrong is not None and own > 0.8 > 0.5 > wrong
    late = Seen(beating(beats, beats[-1] + 1.5, late=0.4))
    assert (stroke_consistency(late, beats) or 0) < 0.15
    assert len(ends_of(seen)) >= len(strokes)


def test_the_published_form_cannot_tell():
    beats, other = uneven(12, 0), uneven(12, 7)
    seen = Seen(beating(beats, beats[-1] + 1.5))
    own, wrong = (published_beat_consistency(seen, b) for b in (beats, other))
    assert own is not None and wrong is not None and abs(own - wrong) < 0.25
    assert published_beat_consistency(seen, np.zeros(0)) is None


@given(shift=st.floats(0, 0.5), sigma=st.floats(0.05, 0.5))
def test_consistency_of_a_shift_is_known(shift, sigma):
    beats = np.arange(1, 20, 2.0)
    assert consistency(beats + shift, beats, sigma) == pytest.approx(np.exp(-(shift**2) / (2 * sigma**2)))


def test_nothing_to_compare_is_said():
    assert consistency(np.zeros(0), np.ones(2)) is None
    assert consistency(np.ones(2), np.zeros(0)) == 0


def test_the_wrong_sound_is_said_again_until_the_end():
    assert repeated(np.array([0.5, 1.5]), 2.0, 5.0).tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
    with pytest.raises(InputError, match="longer than 0 s"):
        repeated(np.ones(1), 0, 3)


def test_stresses_are_those_of_words_that_are_more_than_grammar():
    phones = (Phone("DH", 0, 0.1), Phone("AH1", 0.1, 0.2), Phone("D", 0.2, 0.3), Phone("AO1", 0.3, 0.5),
              Phone("G", 0.5, 0.6), Phone("IY0", 0.6, 0.7))  # fmt: skip
    syllables = (Syllable(1, 0, 0.2), Syllable(1, 0.2, 0.6), Syllable(0, 0.6, 0.7))
    words = (Word("the", 0, 0.2), Word("doggy", 0.2, 0.7))
    speech = Speech(np.zeros(7000, np.float32), 10_000, "the doggy", phones, syllables, words)
    assert stresses_of(speech).tolist() == [0.3]
    assert vowels_of(speech).tolist() == [0.1, 0.3, 0.6]


# -- how a body moves --------------------------------------------------------------------------------------


def shaken(hertz: float, size: float, frames: int = 300, fps: float = 120) -> Seen:
    """A whole body that swings sideways, size in m."""
    still = pose(controls(frames), fps)
    root = still.root.copy()
    root[:, 0] += size * np.sin(2 * np.pi * hertz * np.arange(frames) / fps)
    return Seen(replace(still, root=root))


def test_jerk_and_acceleration_of_a_swing_are_known():
    seen, turn = shaken(1.0, 0.1), 2 * np.pi
    assert mean_acceleration(seen) == pytest.approx(0.1 * turn**2 * 2 / np.pi, rel=0.02)
    assert mean_jerk(seen) == pytest.approx(0.1 * turn**3 * 2 / np.pi, rel=0.02)
    assert mean_jerk(Seen(seen.motion.part(0, 2))) == 0


def test_poses_that_do_not_change_have_no_diversity():
    assert l1_diversity(shaken(1.0, 0.1)) == pytest.approx(0, abs=1e-6)
    beats = uneven(4, 0)
    moving = Seen(beating(beats, 8))
    assert l1_diversity(moving) > 0.02
    twice = beating(beats, 8)
    assert hold_share(Seen(twice)) > 0.2 and hold_share(Seen(pose(controls(90), 30))) == 1
    assert seed_diversity([moving, Seen(twice)]) == pytest.approx(0, abs=1e-6)
    other = Seen(beating(beats, 8, late=0.5))
    assert seed_diversity([moving, other]) > 0.005
    with pytest.raises(InputError, match="two motions"):
        seed_diversity([moving])


def test_histograms_of_speed():
    found = speed_histogram([Seen(pose(controls(60), 30))])
    assert len(found) == len(BINS) - 1 and found[0] == 1 == found.sum()
    lively = speed_histogram([Seen(beating(uneven(4, 0), 8))])
    assert lively[0] < 0.9 and hellinger(found, lively) > 0.1
    assert hellinger(lively, lively) == pytest.approx(0, abs=1e-7)
    assert hellinger(np.array([1.0, 0]), np.array([0, 1.0])) == 1


def test_frechet_distance_of_gaussians_is_known():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 3))
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(x, x + np.array([3.0, 0, 4.0])) == pytest.approx(25, rel=1e-6)
    # |mean|^2 + sum of (difference of standard deviations)^2 for axes that are independent
    assert frechet_distance(x, 2 * rng.normal(size=(20_000, 3))) == pytest.approx(3.0, abs=0.1)
    a, b = rng.normal(size=(400, 5)) @ rng.normal(size=(5, 5)), rng.normal(size=(300, 5))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-6)
    assert np.isfinite(frechet_distance(np.repeat(b[:1], 10, 0), b))
    with pytest.raises(InputError, match="features must be"):
        frechet_distance(a[:1], b)


# -- what bodies can do ------------------------------------------------------------------------------------


def test_feet_that_slide_are_seen_and_feet_in_the_air_are_not():
    still = pose(controls(60), 30)
    assert foot_skate(Seen(still)) == pytest.approx(0, abs=1e-3)
    sliding = replace(still, root=still.root + np.arange(60)[:, None] / 30 * np.array([0.1, 0, 0]))
    assert foot_skate(Seen(sliding)) == pytest.approx(10, rel=0.15)
    flying = replace(sliding, root=sliding.root + np.array([0, 0.1, 0], np.float32))
    assert foot_skate(Seen(flying)) == 0
    assert foot_skate(Seen(still.part(0, 1))) == 0


def test_a_hand_in_the_belly_is_seen():
    still = pose(controls(30), 30)
    assert hand_penetration(Seen(still)) == 0
    # The right forearm turned straight across, through the body.
    matrices = still.matrices()
    matrices[:, JOINT["rightUpperArm"]] = matrices_of_vectors(np.radians([0.0, 0.0, 80.0]))
    matrices[:, JOINT["rightLowerArm"]] = matrices_of_vectors(np.radians([0.0, 0.0, 95.0]))
    assert hand_penetration(Seen(replace(still, rotations=six_of(matrices)))) > 5
