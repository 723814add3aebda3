import numpy as np
import pytest

from emotive.errors import InputError
from emotive.face.contacts import INDEX
from emotive.face.events import Blinking, Looking, with_blinks

MINUTES = 10
FRAMES = 30 * 60 * MINUTES


def phrases(frames: int) -> np.ndarray:
    """Talk: three seconds, then half a second of silence."""
    return (np.arange(frames) % 105 < 90).astype(float)


def counted(lids: np.ndarray) -> int:
    return int(((lids[1:] > 0.4) & (lids[:-1] <= 0.4)).sum())


def blinks(speaking: np.ndarray, arousal: float = 0.0, rate: float = 1.0, seed: int = 0) -> np.ndarray:
    return Blinking(np.random.default_rng(seed), 30, rate).take(speaking, np.full(len(speaking), arousal))


def test_blinks_come_as_often_as_people_do_it():
    talking, idle = blinks(phrases(FRAMES)), blinks(np.zeros(FRAMES))
    assert 22 <= counted(talking) / MINUTES <= 31
    assert 14 <= counted(idle) / MINUTES <= 21
    for arousal in (-1.0, 1.0):
        assert 12 <= counted(blinks(phrases(FRAMES), arousal)) / MINUTES <= 35
    assert counted(blinks(phrases(FRAMES), 1.0)) > 1.3 * counted(blinks(phrases(FRAMES), -1.0))
    assert blinks(phrases(FRAMES), rate=0.0).max() == 0


def test_a_blink_closes_in_three_or_four_frames_and_opens_in_four_to_six():
    lids = Blinking(np.random.default_rng(1), 120).take(np.zeros(120 * 120), np.zeros(120 * 120))
    starts = np.flatnonzero((lids[1:] > 0) & (lids[:-1] == 0)) + 1
    down, up = [], []
    for start in starts[1:-1]:
        stop = start + int(np.argmax(lids[start:] == 0))
        peak = start + int(lids[start:stop].argmax())
        down.append((peak - start + 1) / 120)
        up.append((stop - peak) / 120)
    assert 0.09 < np.median(down) < 0.14
    assert 0.14 < np.median(up) < 0.21


def test_blinks_prefer_the_ends_of_phrases():
    speaking = phrases(FRAMES)
    lids = blinks(speaking)
    starts = np.flatnonzero((lids[1:] > 0) & (lids[:-1] == 0)) + 1
    at_end = np.isin(starts % 105, range(89, 93)).mean()
    assert at_end > 2 * 4 / 105


def test_intervals_vary_as_a_log_normal_does():
    lids = blinks(np.zeros(4 * FRAMES))
    starts = np.flatnonzero((lids[1:] > 0.4) & (lids[:-1] <= 0.4))
    gaps = np.log(np.diff(starts)[np.diff(starts) > 20])
    assert 0.3 < gaps.std() < 0.75
    assert abs(((gaps - gaps.mean()) ** 3).mean() / gaps.std() ** 3) < 0.6


def test_a_stream_has_the_same_eyes_as_the_whole():
    speaking, arousal = phrases(900), np.linspace(-1, 1, 900)
    for process in (Blinking, Looking):
        whole = process(np.random.default_rng(3), 30).take(speaking, arousal)
        stream = process(np.random.default_rng(3), 30)
        parts = [stream.take(speaking[i : i + 7], arousal[i : i + 7]) for i in range(0, 900, 7)]
        np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_eyes_look_about_but_mostly_at_the_camera():
    gaze = np.degrees(Looking(np.random.default_rng(0), 30).take(phrases(FRAMES), np.zeros(FRAMES)))
    size = np.linalg.norm(gaze, axis=1)
    assert size.max() < 12 and (size < 2.5).mean() > 0.6 and (size > 3).mean() > 0.05
    saccades = (np.linalg.norm(np.diff(gaze, axis=0), axis=1) > 0.7).sum() / MINUTES
    assert 15 < saccades < 80


def test_closed_lids_are_closed_whatever_the_face_does():
    weights = np.random.default_rng(0).uniform(0, 1, (20, 52)).astype(np.float32)
    shut = with_blinks(weights, np.ones(20))
    assert (shut[:, INDEX["eyeBlinkLeft"]] == 1).all() and (shut[:, INDEX["eyeWideRight"]] == 0).all()
    np.testing.assert_array_equal(with_blinks(weights, np.zeros(20)), weights)
    assert with_blinks(weights, np.full(20, 0.5)).max() <= 1


def test_wrong_rates_are_errors():
    for rate in (-1, 5, np.nan):
        with pytest.raises(InputError, match="rate"):
            Blinking(np.random.default_rng(0), 30, rate)
    with pytest.raises(InputError, match="fps"):
        Looking(np.random.default_rng(0), 0)
