"""What a movement may mark: the right syllables, with their words, meanings and phrases."""

import numpy as np
import pytest

from emotive.body.accents import EVENTS, accents_of, events_of, phrases_of
from emotive.body.meanings import MEANINGS, is_content, meaning
from emotive.signals import Phone, Syllable, Word

PHONES = tuple(
    Phone(symbol, 0.1 * i, 0.1 * (i + 1))
    for i, symbol in enumerate(
        ("pau", "pau", "Y", "UW1", "N", "EH1", "V", "ER0", "pau", "pau", "pau", "B", "IH1", "G", "pau")
    )
)
SYLLABLES = (Syllable(1, 0.2, 0.4), Syllable(1, 0.4, 0.7), Syllable(0, 0.7, 0.8), Syllable(1, 1.1, 1.4))
WORDS = (Word("You", 0.2, 0.4), Word("never,", 0.4, 0.8), Word("big", 1.1, 1.4))


def test_accents_lie_on_vowels_and_know_their_words():
    found = accents_of(PHONES, SYLLABLES, WORDS, "arpabet")
    assert [a.time for a in found] == pytest.approx([0.3, 0.5, 0.7, 1.2])
    assert [a.stress for a in found] == [1, 1, 0, 1]
    assert [a.word for a in found] == ["You", "never,", "never,", "big"]
    assert [a.meaning for a in found] == ["other", "no", "no", "big"]
    assert [a.content for a in found] == [False, True, True, True]
    assert [a.phrase for a in found] == [0, 0, 0, 1]
    assert [a.last for a in found] == [False, True, False, True]
    assert (found[0].begins, found[3].ends) == pytest.approx((0.2, 1.4))


def test_phrases_lie_between_pauses():
    assert np.ravel(phrases_of(PHONES)) == pytest.approx([0.2, 0.8, 1.1, 1.4])
    assert phrases_of(()) == [] and phrases_of((Phone("pau", 0, 1),)) == []


def test_events_say_when_and_what():
    events = events_of(PHONES, SYLLABLES, WORDS, "arpabet", 23)
    of = {name: events[:, i] for i, name in enumerate(EVENTS)}
    times = (np.arange(23) + 0.5) / 15
    # Each point in time is shared so that the middle of its two tokens is the time itself.
    assert (of["big"] * times).sum() / of["big"].sum() == pytest.approx(1.2, abs=1e-6)
    assert of["stress"].sum() == pytest.approx(3, abs=1e-5) and of["syllable"].sum() == pytest.approx(
        1, abs=1e-5
    )
    assert of["speaking"].sum() / 15 == pytest.approx(0.9, abs=1e-4)
    assert of["no"].sum() == pytest.approx(2, abs=1e-5) and not of["up"].any()
    # A window sees what lies in it, where it lies.
    late = events_of(PHONES, SYLLABLES, WORDS, "arpabet", 8, start=1.0)
    np.testing.assert_allclose(late[1:], events[16:23], atol=1e-5)


def test_ipa_is_understood_as_well():
    phones = (Phone("b", 0, 0.1), Phone("ˈɪ", 0.1, 0.2), Phone("ɡ", 0.2, 0.3))
    found = accents_of(phones, (Syllable(1, 0, 0.3),), (Word("big", 0, 0.3),), "ipa")
    assert found[0].time == pytest.approx(0.1) and found[0].meaning == "big"


def test_words_have_one_meaning_at_most_whatever_marks_surround_them():
    assert (meaning("Never!") == "no" and meaning("“you”") is None) or meaning('"you"') == "other"
    assert meaning("harbor") is None and is_content("harbor") and not is_content("The")
    assert len(MEANINGS) == 15
