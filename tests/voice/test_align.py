"""Forced alignment finds words and phones where a synthesiser says that it put them."""

import importlib.util

import numpy as np
import pytest

from emotive.errors import InputError
from emotive.signals import Speech
from emotive.voice import align as room
from emotive.voice.align import align
from emotive.voice.engines import CallableEngine
from emotive.voice.espeak import EspeakEngine
from emotive.voice.text import sentences

pytestmark = pytest.mark.skipif(
    not room.can_align() or importlib.util.find_spec("espeakng_loader") is None,
    reason="the extras align and espeak are not installed",
)
TEXT = "The judge put 25 measures of sugar in his new boat, didn't he?"


@pytest.fixture(scope="module")
def known() -> Speech:
    """What espeak says: it knows when."""
    return EspeakEngine().synthesize(TEXT)


@pytest.fixture(scope="module")
def aligned(known: Speech) -> Speech:
    return CallableEngine(lambda text: (known.waveform, known.sample_rate), align=True).synthesize(TEXT)


def test_words_lie_where_they_were_said(known: Speech, aligned: Speech):
    said = [word for sentence in sentences(TEXT) for word in sentence.words]
    assert [w.text for w in aligned.words] == [w.text for w in said]
    places = {w.text.lower(): w for w in known.words}
    errors = [
        abs(getattr(w, edge) - getattr(places[w.text.lower()], edge))
        for w in aligned.words
        if w.text.lower() in places
        for edge in ("start", "end")
    ]
    assert len(errors) > 20 and np.median(errors) < 0.03 and max(errors) < 0.15


def test_phones_are_those_of_the_lexicon_with_their_stress(aligned: Speech):
    said = [word for sentence in sentences(TEXT) for word in sentence.words]
    for written, word in zip(said, aligned.words, strict=True):
        inside = tuple(p.symbol for p in aligned.phones if word.start <= p.start < word.end)
        assert inside in room._pronunciations(written)
        if written.text in ("judge", "measures", "sugar", "boat"):
            assert inside == written.phones
            stresses = [s.stress for s in aligned.syllables if word.start <= s.start < word.end]
            assert stresses == [int(p[-1]) for p in written.phones if p[-1] in "012"]
    starts = {p.start for p in aligned.phones}
    assert all(span.start in starts for span in (*aligned.words, *aligned.syllables))


def test_what_was_aligned_before_makes_no_difference(known: Speech):
    first = align(known.waveform, known.sample_rate, TEXT)
    other = EspeakEngine().synthesize("Nobody else knows.")
    align(other.waveform, other.sample_rate, other.text)
    assert align(known.waveform, known.sample_rate, TEXT) == first


def test_silence_around_speech_is_a_pause(known: Speech, aligned: Speech):
    wave = np.pad(known.waveform, round(0.5 * known.sample_rate))
    phones, _, words = align(wave, known.sample_rate, TEXT)
    assert phones[0].symbol == "pau" == phones[-1].symbol
    for found, expected in zip(words, aligned.words, strict=True):
        assert found.start == pytest.approx(expected.start + 0.5, abs=0.06)
    assert phones[-1].start == pytest.approx(0.5 + known.words[-1].end, abs=0.1)


def test_speech_cut_at_its_edges_has_no_pause_there(known: Speech):
    start, end = (int(t * known.sample_rate) for t in (known.words[0].start, known.words[-1].end))
    wave = known.waveform[start:end]
    phones, _, words = align(wave, known.sample_rate, TEXT)
    said = Speech(wave, known.sample_rate, TEXT, phones, words=words)  # checks that the times fill it
    assert said.words[0].start < 0.05 and said.words[-1].end > said.duration - 0.05


def test_unknown_words_are_read_by_letters_or_refused():
    word = "Zyvvoquem"
    said = EspeakEngine().synthesize(f"my {word} is here")
    with pytest.raises(InputError, match="zyvvoquem"):
        align(said.waveform, said.sample_rate, said.text)
    phones = ("Z", "IH1", "V", "AH0", "K", "W", "AH0", "M")
    found = align(said.waveform, said.sample_rate, said.text, lambda words: [phones] * len(words))
    assert found[2][1].text == word
    assert tuple(p.symbol for p in found[0] if found[2][1].start <= p.start < found[2][1].end) == phones


@pytest.mark.parametrize(
    ("seconds", "text", "why"),
    [
        (0.1, "a much longer sentence than fits into a tenth of a second", "does not fit"),
        (0.001, "hello", "at least 20 ms"),
        (1.0, "", "nothing to say"),
        (1.0, "Привет", "reads English"),
    ],
)
def test_what_cannot_be_aligned_is_one_line(known: Speech, seconds: float, text: str, why: str):
    wave = known.waveform[: int(seconds * known.sample_rate)]
    with pytest.raises(InputError, match=why) as caught:
        align(wave, known.sample_rate, text)
    assert "\n" not in str(caught.value)


def test_the_extra_is_named_where_it_is_missing(known: Speech, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room, "can_align", lambda: False)
    with pytest.raises(InputError, match=r"pip install 'emotive\[align\]'"):
        align(known.waveform, known.sample_rate, TEXT)
