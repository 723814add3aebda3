import numpy as np
import pytest

from emotive.errors import InputError
from emotive.face.contacts import INDEX, compose, keep_contacts, lip_gap
from emotive.face.expressions import expression
from emotive.face.phone_shapes import TARGETS, VISEMES, targets_of
from emotive.face.visemes import speaking_mouth
from emotive.signals import Phone, Speech
from emotive.voice.phones import SYMBOLS


def said(*symbols: str, seconds: float = 0.12, **options):
    """pau, the symbols, pau; frames at 120/s, and where each symbol lies."""
    names = ("pau", *symbols, "pau")
    spans = [(i * seconds, (i + 1) * seconds) for i in range(len(names))]
    phones = [(name, *span) for name, span in zip(names, spans, strict=True)]
    frames = round(len(names) * seconds * 120)
    return speaking_mouth(phones, 120, frames, **options), [
        slice(round(a * 120), round(b * 120)) for a, b in spans
    ]


def middle(weights: np.ndarray, span: slice, name: str) -> float:
    return float(weights[(span.start + span.stop) // 2 - 3, INDEX[name]])  # the mouth leads by 25 ms


def test_every_phone_of_english_has_a_target_and_every_viseme_a_phone():
    found = {TARGETS[name].viseme for symbol in SYMBOLS for name in targets_of(symbol)}
    assert found == set(VISEMES)
    with pytest.raises(InputError, match="no ARPAbet"):
        targets_of("QQ1")
    with pytest.raises(InputError, match="no sound of IPA"):
        targets_of("☃", "ipa")


@pytest.mark.parametrize("phone", ["P", "B", "M"])
@pytest.mark.parametrize("seconds", [0.045, 0.12])
@pytest.mark.parametrize("fps", [24, 30])
def test_lips_close_for_p_b_m_at_any_frame_rate_between_any_vowels(phone, seconds, fps):
    for before in ("AA1", "IY1", "UW1"):
        phones = [(before, 0.0, 0.3), (phone, 0.3, 0.3 + seconds), ("AE1", 0.3 + seconds, 0.7)]
        for start in (0.0, 0.4 / fps, 0.8 / fps):
            mouth = speaking_mouth(phones, fps, int(0.65 * fps), start=start)
            times = start + np.arange(int(0.65 * fps)) / fps
            near = (times >= 0.26) & (times <= 0.34 + seconds)
            gap = lip_gap(mouth.weights)
            assert gap[near].min() < 0.03
            assert gap[times < 0.2].max() > 0.12  # and are open before


def test_lips_reach_the_teeth_for_f_and_v_and_are_not_shut():
    for phone in ("F", "V"):
        mouth, (_, _, span, *_) = said("AA1", phone, "AA1")
        assert mouth.contact[span].max() == 1 and mouth.closure.max() == 0
        assert middle(mouth.weights, span, "mouthRollLower") > 0.5
        assert middle(mouth.weights, span, "jawOpen") < 0.12


def test_vowels_keep_the_order_of_their_heights_and_rounding():
    heights = [
        middle((m := said(v, seconds=0.2))[0].weights, m[1][1], "jawOpen")
        for v in ("AA1", "EH1", "IH1", "UW1")
    ]
    assert heights == sorted(heights, reverse=True) and heights[0] > 2.5 * heights[-1]
    oo, ee = said("UW1", seconds=0.2), said("IY1", seconds=0.2)
    assert middle(oo[0].weights, oo[1][1], "mouthPucker") > 0.6
    assert middle(ee[0].weights, ee[1][1], "mouthPucker") < 0.05
    assert middle(ee[0].weights, ee[1][1], "mouthStretchLeft") > 0.25


def test_rounding_begins_before_its_sound_and_a_k_leaves_the_lips_alone():
    (round_k, spans), (spread_k, _) = said("S", "T", "UW1"), said("S", "T", "IY1")
    at = spans[2].stop - 5  # in the t, 40 ms before the vowel
    assert round_k.weights[at, INDEX["mouthPucker"]] > spread_k.weights[at, INDEX["mouthPucker"]] + 0.15
    (oo, spans), (ee, _) = said("UW1", "K", "UW1"), said("IY1", "K", "IY1")
    assert middle(oo.weights, spans[2], "mouthPucker") > 0.35 > middle(ee.weights, spans[2], "mouthPucker")


def test_loudness_and_arousal_drive_jaw_and_lips():
    def peak(name: str, **options) -> float:
        return float(said("AA1", "UW1", seconds=0.2, **options)[0].weights[:, INDEX[name]].max())

    frames = 96
    soft, loud = (peak("jawOpen", loudness=np.full(frames, x)) for x in (0.2, 1.6))
    assert loud > 1.6 * soft
    calm, excited = (peak("jawOpen", arousal=np.full(frames, x)) for x in (-1.0, 1.0))
    assert excited > 1.5 * calm
    assert peak("mouthPucker", articulation=1.1) > peak("mouthPucker", articulation=0.6) + 0.2


def test_silence_is_a_closed_mouth_at_rest():
    mouth = speaking_mouth([("pau", 0.0, 2.0)], 30, 60)
    assert np.abs(mouth.weights).max() < 1e-6 and (mouth.visemes[:, 0] == 1).all()
    assert np.abs(speaking_mouth([], 30, 60).weights).max() == 0


def test_blocks_of_long_speech_join_and_shares_of_visemes_are_whole():
    rng = np.random.default_rng(0)
    edges = np.concatenate([[0], np.cumsum(rng.uniform(0.04, 0.2, 150))])
    symbols = rng.choice([s for s in SYMBOLS if s != "breath"], 150)
    phones = [Phone(str(s), a, b) for s, a, b in zip(symbols, edges, edges[1:], strict=False)]
    frames = int(edges[-1] * 30)
    whole = speaking_mouth(phones, 30, frames)
    part = speaking_mouth(phones, 30, 90, start=250 / 30)  # across the edge of a block
    np.testing.assert_allclose(whole.weights[250:340], part.weights, atol=1e-3)
    np.testing.assert_allclose(whole.visemes[1:-1].sum(1), 1, atol=1e-6)


def test_a_speech_without_phones_is_an_error():
    with pytest.raises(InputError, match="no phones"):
        speaking_mouth(Speech(np.zeros(24000, np.float32), 24000), 30, 30)


@pytest.mark.parametrize("corner", [(1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1)])
def test_no_emotion_opens_closed_lips(corner):
    mouth, spans = said("AA1", "B", "AA1", "M", "IY1", "F", "AA1")
    feeling = np.repeat(expression(np.array([corner])), len(mouth.weights), 0)
    face = compose(mouth.weights, feeling, mouth.closure, mouth.contact)
    assert 0 <= face.min() and face.max() <= 1
    gap = lip_gap(face)
    for number in (2, 4):
        assert gap[spans[number]].min() < 0.01
    assert face[spans[6], INDEX["mouthRollLower"]].max() > 0.6
    assert face[spans[6], INDEX["jawOpen"]].min() < 0.2
    # And where nothing touches, the emotion is seen.
    assert np.abs(face - mouth.weights)[spans[1]].max() > 0.25


def test_keeping_contacts_twice_changes_nothing_at_full_contact():
    rng = np.random.default_rng(0)
    weights = rng.uniform(0, 1, (50, 52)).astype(np.float32)
    shut = keep_contacts(weights, np.ones(50), np.zeros(50))
    assert lip_gap(shut).max() < 1e-6
    np.testing.assert_array_equal(keep_contacts(weights, np.zeros(50), np.zeros(50))[:, :14], weights[:, :14])
