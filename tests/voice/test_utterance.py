"""Sentences laid out as phones: order, syllables, phrases, and their times."""

from itertools import pairwise

import numpy as np
import pytest

from emotive.affect import Affect
from emotive.voice.phrasing import breaks, breaths
from emotive.voice.text import Sentence, sentences
from emotive.voice.utterance import CLOSINGS, Timeline, lay_out


def sentence(text: str) -> Sentence:
    return next(iter(sentences(text)))


def closings(text: str) -> set[str]:
    return {CLOSINGS[i] for i in lay_out(sentence(text)).closing[1:]}


def test_phones_come_in_order_with_a_pause_at_either_end_and_at_marks():
    said = sentence("Hello, old friend.")
    u = lay_out(said)
    assert [s for s in u.symbols if s != "pau"] == [p for w in said.words for p in w.phones]
    assert [i for i, s in enumerate(u.symbols) if s == "pau"] == [
        0,
        1 + len(said.words[0].phones),
        len(u) - 1,
    ]
    assert u.words == ("Hello", "old", "friend")
    assert (u.word[u.syllable >= 0] >= 0).all() and (u.word[u.syllable < 0] == -1).all()


def test_boundaries_mark_the_first_and_the_last_phone_of_a_word():
    u = lay_out(sentence("I know a cat."))
    for word in range(len(u.words)):
        inside = u.boundary[u.word == word]
        assert inside[0] in (1, 3) and inside[-1] in (2, 3)
        assert len(inside) == 1 or (inside[0], inside[-1]) == (1, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rains.", {"statement"}),
        ("It rains!", {"exclamation"}),
        ("Where is it?", {"question"}),
        ("Is it raining?", {"yes-no question"}),
        ("Well, it rains.", {"comma", "statement"}),
    ],
)
def test_a_phrase_knows_how_it_closes(text: str, expected: set[str]):
    assert closings(text) == expected


def test_stress_and_phrase_ends_are_those_of_the_syllables():
    u = lay_out(sentence("Hello, happy birds."))
    assert u.stress().tolist() == [0, 1, 1, 0, 1]
    final = {int(n) for n in u.syllable[u.final()]}
    assert final == {1, 4}
    assert {int(n) for n in u.syllable[u.stressed()]} == {1, 2, 4}


def test_breaths_end_pauses():
    u = lay_out(sentence("Hello, happy birds."), {0, 2}, {-1, 0})
    assert u.symbols[:2] == ("pau", "breath")
    assert u.symbols[1 + u.symbols.index("pau", 2)] == "breath"


def test_spans_are_contiguous_and_nested():
    u = lay_out(sentence("Hello, happy birds sing."))
    timeline = Timeline(u, np.cumsum([0, *range(3, 3 + len(u))]))
    phones, syllables, words = timeline.spans(100)
    assert phones[0].start == 0 and phones[-1].end == timeline.frames / 100
    assert all(a.end == b.start for a, b in pairwise(phones))
    assert [w.text for w in words] == ["Hello", "happy", "birds", "sing"]
    assert [s.stress for s in syllables] == [0, 1, 1, 0, 1, 1]
    for word in words:
        inside = [s for s in syllables if word.start <= s.start < word.end]
        assert inside[0].start == word.start and inside[-1].end == word.end
    assert len(timeline.phone_of_frame()) == timeline.frames == len(timeline.through_syllable())


LONG = "He walked along the river with his brother and they talked about the summer when everything was new."


def test_sadness_pauses_more_than_calm_and_joy_only_at_marks():
    said = sentence(LONG)
    sad, neutral, glad = (breaks(said, Affect(v, a)) for v, a in ((-0.8, -0.9), (0, 0), (0.8, 0.8)))
    assert len(sad) > len(neutral) >= len(glad)
    assert len(said.words) - 1 in sad & neutral & glad
    assert all(b - a >= 3 for a, b in pairwise(sorted(sad)))


def test_breaths_are_at_pauses_and_more_frequent_when_aroused():
    said = sentence(LONG)
    pauses = breaks(said, Affect(-0.8, -0.9))
    calm, aroused = (breaths(said, pauses, Affect(0, a), 0) for a in (0.0, -0.9))
    assert calm <= pauses | {-1} and aroused <= pauses | {-1}
    assert len(aroused) >= len(calm) > 0
    assert len(said.words) - 1 not in aroused  # nobody breathes in to say nothing
