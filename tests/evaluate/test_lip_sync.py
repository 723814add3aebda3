"""The measures of lips and of life, on tracks whose answers are known."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotive.errors import InputError
from emotive.evaluate.head_life import (
    blink_rate,
    blinks,
    flicker,
    head_speed,
    jitter,
    life_distance,
    life_features,
    mouth_energy,
)
from emotive.evaluate.head_visemes import VISEMES, LipReader, viseme_f1, viseme_labels
from emotive.evaluate.lip_sync import (
    CLOSED,
    NO_CONTACTS,
    OPENNESS,
    Contacts,
    MouthTracks,
    above,
    closed,
    contacts,
    correlations,
    envelope,
    fitted,
    lent,
    mouth_tracks,
    moved,
    pausing,
    peak_lag,
    shifted,
    temporal_misalignment,
    tucked,
    vowel_values,
)
from emotive.face.landmarks import FaceLandmarks
from emotive.signals import ARKIT, FaceMotion, Phone

FPS = 30.0
WORDS = ("pau", "M", "AA1", "P", "IY1", "S", "UW1", "V", "EH1", "B", "AY1", "T", "pau")


def said(symbols=WORDS, long: float = 0.1) -> list[Phone]:
    return [Phone(s, i * long, (i + 1) * long) for i, s in enumerate(symbols)]


def wandering(seed: int, frames: int = 120) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=frames + 8)
    return np.convolve(noise, np.hanning(9), "valid")


def mouth_of(phones, frames: int) -> MouthTracks:
    """Shut in pauses and for p b m, wide open else; the lower lip tucked in for f v."""
    gap, lower = np.full(frames, 0.2), np.full(frames, 0.1)
    times = np.arange(frames) / FPS
    for phone in phones:
        inside = (times >= phone.start) & (times < phone.end)
        if phone.symbol in ("pau", "P", "B", "M"):
            gap[inside] = 0.0
        if phone.symbol in ("F", "V"):
            gap[inside], lower[inside] = 0.03, 0.07
    gap[times >= phones[-1].end] = 0
    return MouthTracks(gap, np.full(frames, 0.6), np.full(frames, 0.08), lower)


# -- mouth and envelope ------------------------------------------------------------------------------------


@given(st.integers(-8, 8), st.integers(0, 50), st.floats(0.1, 9), st.floats(-5, 5))
def test_a_shifted_track_has_exactly_that_lag_whatever_its_size(lag, seed, gain, bias):
    sound = wandering(seed)
    curve = correlations(gain * shifted(sound, lag) + bias, sound)
    assert peak_lag(curve) == lag and curve[10 + lag] > 0.999
    assert peak_lag(correlations(sound, shifted(sound, lag))) == -lag


def test_another_utterance_has_no_correlation_and_no_lag_of_its_own():
    rs = [correlations(wandering(seed), wandering(seed + 1000)) for seed in range(60)]
    assert abs(np.mean([r[10] for r in rs])) < 0.06
    assert len({peak_lag(r) for r in rs}) > 8


def test_short_or_unlike_tracks_are_refused():
    for one, other in ((np.zeros(12), np.zeros(12)), (np.zeros(30), np.zeros(31))):
        with pytest.raises(InputError, match="one length"):
            correlations(one, other)
    assert correlations(np.zeros(30), wandering(0, 30)).tolist() == [0.0] * 21
    assert peak_lag(np.zeros(21)) == 0


def test_the_envelope_lies_where_the_sound_is():
    rate, frames = 16_000, 60
    loudness = np.interp(np.arange(2 * rate) / rate, np.arange(frames) / FPS, 1 + np.sin(np.arange(60) / 4))
    noise = np.random.default_rng(0).normal(size=2 * rate)
    found = envelope(0.1 * loudness * noise, rate, FPS, frames)
    assert found.shape == (frames,) and found.mean() == pytest.approx(1)
    curve = correlations(found, 1 + np.sin(np.arange(frames) / 4))
    assert peak_lag(curve) == 0 and curve[10] > 0.97
    np.testing.assert_allclose(envelope(0.01 * loudness * noise, rate, FPS, frames), found)  # level is no cue
    assert envelope(np.zeros(rate), rate, FPS, 30).tolist() == [0.0] * 30
    click = np.zeros(rate)
    click[rate // 2] = 1.0
    assert envelope(click, rate, FPS, 30).argmax() == 15


# -- closures ----------------------------------------------------------------------------------------------


def test_a_perfect_mouth_closes_for_every_p_b_m_and_never_else():
    phones = said()
    mouth = mouth_of(phones, 50)
    found = contacts(closed(mouth), FPS, phones)
    assert found == Contacts(3, 3, 2, 2)  # the M runs on from the pause: its touch is the rest's as well
    assert found.recall == found.precision == 1
    lips = contacts(tucked(mouth), FPS, phones, ("F", "V"))
    assert lips == Contacts(1, 1, 1, 1)
    assert (found + NO_CONTACTS).recall == 1 and NO_CONTACTS.recall is None is NO_CONTACTS.precision


def test_a_mouth_that_never_or_always_closes_has_no_recall_or_no_touch():
    phones = said()
    assert contacts(np.zeros(50, bool), FPS, phones) == Contacts(3, 0, 0, 0)
    always = contacts(np.ones(50, bool), FPS, phones)
    assert always.recall == 1 and always.precision is None


@pytest.mark.parametrize("frames", [-5, 5])
def test_closures_shifted_by_five_frames_come_too_early_or_late(frames):
    phones = said(
        [*("pau", "AA1", "AA1", "P", "AA1", "AA1", "AA1"), *("AA1", "B", "AA1", "AA1", "AA1", "pau")]
    )
    mouth = moved(mouth_of(phones, 50), frames)
    found = contacts(closed(mouth), FPS, phones)
    assert found.sounds == 2 and found.recall == 0 and found.precision == 0
    late = contacts(closed(moved(mouth_of(phones, 50), 1)), FPS, phones)  # 33 ms are within 40
    assert late.recall == late.precision == 1


def test_what_lies_behind_the_last_frame_is_not_asked_for():
    phones = said(("pau", "AA1", "P", "AA1", "B", "pau"))
    assert contacts(np.zeros(10, bool), FPS, phones).sounds == 1


def test_pauses_are_the_rest_of_the_mouth():
    phones = said(("pau", "AA1", "breath", "B", "pau"))
    still = pausing(phones, 10, 7)
    assert still.tolist() == [True, False, True, False, True, True, True]


# -- tracks ------------------------------------------------------------------------------------------------


def face(gap: float = 0.0, angle: float = 0.0, wide: float = 60.0) -> FaceLandmarks:
    """A face of eye distance 100, mouth `wide`, turned by `angle` rad in the picture."""
    across = np.linspace(-wide / 2, wide / 2, 11)
    heights = np.array([-10.0, -100 * gap / 2, 100 * gap / 2, 14.0])
    lips = np.zeros((4, 11, 3))
    lips[..., 0], lips[..., 1] = across, heights[:, None] * (1 - np.abs(across) / wide * 2)
    eyes = np.zeros((2, 2, 9, 3))
    eyes[0, ..., 0], eyes[1, ..., 0] = np.linspace(-50, -25, 9), np.linspace(50, 25, 9)
    eyes[..., 1] = -60
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for points in (lips, eyes):
        points[..., :2] = points[..., :2] @ turn.T + 256
    none = np.zeros((0, 3), np.float32)
    return FaceLandmarks(none, none, eyes.astype(np.float32), none, lips.astype(np.float32), none)


def test_a_gap_is_seen_in_eye_distances_on_an_upright_and_on_a_tilted_head():
    gaps = [0.0, 0.1, 0.3]
    upright = mouth_tracks([face(gap) for gap in gaps])
    tilted = mouth_tracks([face(gap, 0.5) for gap in gaps])
    for name in ("gap", "width", "upper", "lower"):
        np.testing.assert_allclose(getattr(upright, name), getattr(tilted, name), atol=1e-5)
    ratio = upright.gap[1:] / gaps[1:]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)
    assert 0.8 < ratio[0] <= 1 and upright.gap[0] < CLOSED
    assert upright.width[0] == pytest.approx(0.6, abs=1e-5)
    with pytest.raises(InputError, match="no frames"):
        mouth_tracks([])


def test_vowels_are_compared_in_their_middle():
    phones = said(("AA1", "IY1", "UW1", "AA0", "EH1"))
    track = np.repeat([5.0, 2.0, 1.0, 9.0, 3.0], 3)
    found = vowel_values(track, FPS, phones, OPENNESS)
    assert found == {"aa": [5.0], "E": [3.0], "ih": [2.0], "ou": [1.0]}
    assert above([3, 4], [1, 2]) == 1 and above([1], [1]) == 0.5 and above([], [1]) is None
    assert above([1, 3], [2]) == 0.5


# -- misalignment and controls -----------------------------------------------------------------------------


def test_misalignment_is_the_time_by_which_tracks_lie_apart():
    track = wandering(3, 150)
    assert temporal_misalignment(track, 4 * track + 1, FPS) == 0
    late = [temporal_misalignment(shifted(track, k), track, FPS) for k in (1, 3, 5)]
    np.testing.assert_allclose(late, 1000 * np.array([1, 3, 5]) / FPS, rtol=0.15)
    with pytest.raises(InputError, match="one length"):
        temporal_misalignment(track, track[1:], FPS)


@given(st.integers(1, 40), st.integers(1, 90), st.integers(-50, 50))
def test_controls_keep_the_length_and_only_values_that_were_there(long, wanted, lag):
    track = np.arange(long, dtype=float)
    assert len(fitted(track, wanted)) == wanted and set(fitted(track, wanted)) <= set(track)
    assert len(shifted(track, lag)) == long and set(shifted(track, lag)) <= set(track)
    mouth = MouthTracks(track, track, track, track)
    assert len(moved(mouth, lag)) == long and len(lent(mouth, wanted)) == wanted


# -- visemes -----------------------------------------------------------------------------------------------


def spoken(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Tracks in which every viseme has a shape of its own, with some noise, and the labels."""
    rng = np.random.default_rng(seed)
    pool = ["P", "F", "TH", "T", "K", "CH", "S", "N", "R", "AA1", "EH1", "IH1", "AO1", "UW1"]
    phones = said(["pau", *rng.choice(pool, 200), "pau"])
    labels = viseme_labels(phones, FPS, 600)
    shapes = np.random.default_rng(0).normal(size=(len(VISEMES), 6))
    return shapes[labels] + 0.3 * rng.normal(size=(600, 6)), labels


def test_what_can_be_read_is_read_and_what_is_shuffled_is_not():
    fitted_on, held_out, other = (spoken(seed) for seed in (1, 2, 3))
    reader = LipReader.fit([fitted_on[0]], [fitted_on[1]])
    found = viseme_f1([reader.read(held_out[0])], [held_out[1]])
    assert found["macro"] > 0.95 and set(found) == {"macro", *VISEMES}
    assert viseme_f1([reader.read(other[0])], [held_out[1]])["macro"] < 0.3
    assert viseme_f1([held_out[1]], [held_out[1]])["macro"] == 1
    assert viseme_f1([shifted(held_out[1], 1)], [held_out[1]])["macro"] == 1  # within the tolerance
    assert viseme_f1([shifted(held_out[1], 1)], [held_out[1]], 0)["macro"] < 0.8


def test_a_viseme_that_was_never_learned_is_never_read_and_h_has_none():
    labels = viseme_labels(said(("pau", "HH", "AA1", "pau")), FPS, 12)
    assert labels.tolist() == [0] * 3 + [-1] * 3 + [VISEMES.index("aa")] * 3 + [0] * 3
    tracks = np.eye(15)[labels]
    reader = LipReader.fit([tracks], [labels])
    assert set(reader.read(np.random.default_rng(0).normal(size=(40, 15)))) <= {0, VISEMES.index("aa")}
    assert set(viseme_f1([labels], [labels])) == {"macro", "sil", "aa"}


# -- life --------------------------------------------------------------------------------------------------


def motion_of(frames: int = 90, **tracks) -> FaceMotion:
    weights = np.zeros((frames, len(ARKIT)), np.float32)
    for name, values in tracks.items():
        if name != "rotation":
            weights[:, ARKIT.index(name)] = values
    rotation = np.zeros((frames, 3), np.float32) + tracks.get("rotation", 0.0)
    return FaceMotion(weights, rotation, np.zeros((frames, 3), np.float32), np.zeros((frames, 2), np.float32),
                      Fraction(30))  # fmt: skip


def test_blinks_are_counted_once_each():
    lids = np.zeros(1800)
    for start in range(30, 1800, 150):
        lids[start : start + 5] = [0.3, 0.9, 1.0, 0.55, 0.1]
    lids[900:907] = [0.3, 0.7, 0.5, 0.9, 0.5, 0.7, 0.1]  # a trembling one
    found = blinks(lids, FPS)
    assert len(found) == 13 and found[0] == pytest.approx(31 / 30)
    one = motion_of(1800, eyeBlinkLeft=lids, eyeBlinkRight=lids)
    assert blink_rate([one]) == 13 and blink_rate([one, one]) == 13


def test_speeds_are_those_of_what_moves():
    turning = np.zeros((90, 3))
    turning[:, 1] = np.radians(np.arange(90) / 3)  # 10 degrees/s
    assert head_speed(motion_of(rotation=turning)) == pytest.approx(10, rel=1e-4)
    assert head_speed(motion_of()) == 0 == head_speed(motion_of(1))
    track = np.arange(90) / 30.0
    assert mouth_energy(track, FPS) == pytest.approx(1)
    still = np.arange(90) < 45
    assert mouth_energy(np.where(still, 1.0, track), FPS, still) == 0
    assert mouth_energy(track, FPS, np.zeros(90, bool)) == 0


def test_flicker_is_what_comes_and_goes_within_a_frame():
    ramp = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (8, 1))
    even = [ramp[:, i : i + 64] for i in range(9)]
    assert flicker(even) == 0
    assert flicker([p // 2 + np.uint8(10 * (i % 2)) for i, p in enumerate(even)]) == pytest.approx(10)
    assert flicker(even[:2]) == 0


def test_jitter_is_the_share_of_what_is_fast():
    times = np.arange(90) / 30
    slow, fast = 0.5 + 0.4 * np.sin(2 * np.pi * times), 0.5 + 0.4 * np.sin(2 * np.pi * 13 * times)
    assert jitter(motion_of(jawOpen=slow)) < 0.01 < 0.95 < jitter(motion_of(jawOpen=fast))
    assert jitter(motion_of()) == 0


def test_motions_of_one_kind_lie_nearer_than_still_ones():
    def living(seed: int, size: float = 1.0) -> np.ndarray:
        brows = (0.5 + 0.05 * wandering(seed, 90)).clip(0, 1)
        turning = np.stack([0.03 * size * wandering(seed + k, 90) for k in (1, 2, 3)], 1)
        return life_features(motion_of(90, rotation=turning, browInnerUp=brows))

    reference = np.stack([living(10 * s) for s in range(20)])
    same = np.stack([living(10 * s + 5) for s in range(20)])
    less = np.stack([living(10 * s + 5, 0.5) for s in range(20)])
    still = np.stack([life_features(motion_of())] * 20)
    assert np.isfinite(still).all()
    apart = [life_distance(x, reference) for x in (reference, same, less, still)]
    assert apart == sorted(apart) and apart[0] == 0 and apart[3] > 10 * apart[1]
