"""Text to sentences of spoken words: what is said, where sentences end, what is refused."""

from itertools import islice

import pytest

from emotive.errors import InputError
from emotive.voice.numbers import cardinal
from emotive.voice.phones import SYMBOLS
from emotive.voice.spelling import fold
from emotive.voice.text import LONGEST_SENTENCE, MARKS, Sentence, sentences


def guess(words: list[str]) -> list[tuple[str, ...]]:
    return [("B", "AA1", "B")] * len(words)


def read(text) -> list[Sentence]:
    return list(sentences(text, guess))


def said(text: str) -> str:
    """All words with their marks, lower case."""
    return " ".join(w.text.lower() + w.mark for s in read(text) for w in s.words)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("0 7 15 100 1,234", "zero seven fifteen one hundred one thousand two hundred and thirty four."),
        ("-5 or 3.05 or .5", "minus five or three point zero five or point five."),
        ("1984, 2026, 2005", "nineteen eighty four, twenty twenty six, two thousand and five."),
        ("the 1990s and '80s", "the nineteen nineties and eighties."),
        ("1,000s of 747's", "thousands of seven hundred and forty sevens."),
        ("3.2M, x² + y²", "three point two million, x squared plus y squared."),
        ("1st 22nd 103rd", "first twenty second one hundred and third."),
        ("21 November 2026", "the twenty first of november twenty twenty six."),
        ("on the 21st of November", "on the twenty first of november."),
        ("Nov 21st, 2026-11-21", "november twenty first, november twenty first, twenty twenty six."),
        ("11/21/2026", "november twenty first, twenty twenty six."),
        ("21/11/2026", "november twenty first, twenty twenty six."),
        ("may 5 people", "may five people."),
        ("8:05, 5 pm, 17:30, 8:00", "eight oh five, five pm, seventeen thirty, eight o'clock."),
        ("9am-5pm", "nine am to five pm."),
        ("$3.50", "three dollars and fifty cents."),
        ("£5, €20, $1, $0.99", "five pounds, twenty euros, one dollar, ninety nine cents."),
        ("-$5, $1.5 million", "minus five dollars, one point five million dollars."),
        ("50% of 1 km", "fifty percent of one kilometer."),
        ("3 kg, 60 mph", "three kilograms, sixty miles per hour."),
        ("-5 °C, 3 m²", "minus five degrees celsius, three square meters."),
        ("a 5-km run", "a five kilometer run."),
        ("1/2, 3/4, 2/3, 5½", "one half, three quarters, two thirds, five and a half."),
        ("555-1234", "five five five, one two three four."),
        ("10-20 km", "ten to twenty kilometers."),
        ("3+4=7", "three plus four equals seven."),
        ("10 - 3 and 2^10", "ten minus three and two to the power of ten."),
        ("#1 C# C++ a&b", "number one c sharp c plus plus a and b."),
        ("john.doe@example.com", "john dot doe at example dot com."),
        ("https://www.example.com/news", "example dot com slash news."),
        ("version 2.0.1", "version two point zero point one."),
        ("e.g. this, i.e. that", "for example this, that is that."),
        ("J. R. R. Tolkien", "j. r. r. tolkien."),
        ("well-known", "well known."),
        ("hi😀there 👨‍👩‍👧", "hi there."),
        ("He (the man) left—then came -- back.", "he( the man( left- then came- back."),
        ("well... maybe", "well- maybe."),
        ("What?!", "what?"),
        ("<b>bold</b> **bold**", "bold bold."),
    ],
)  # fmt: skip
def test_what_is_written_otherwise_is_put_into_words(written, spoken):
    assert said(written) == spoken


def phones(text: str) -> list[tuple[str, ...]]:
    return [w.phones for s in read(text) for w in s.words]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Dr. Smith", "doctor Smith"),
        ("Mrs. Smith", "missus Smith"),
        ("St. Paul lived", "saint Paul lived"),
        ("on Main St. today", "on main street today"),
        ("cats, dogs, etc.", "cats, dogs, et cetera."),
        ("No. 5", "number five"),
        ("us vs. them", "us versus them"),
        ("Henry VIII left", "Henry the eighth left"),
        ("World War II ended", "World War two ended"),
        ("it’s", "it's"),
        ("a ‘word’", "a word"),
        ("café naïve Łódź", "cafe naive Lodz"),
        ("ﬁne １２", "fine twelve"),
        ("π", "pi"),
        ("NASA said", "nasa said"),
        ("sooooo good", "so good"),
        ("AT HOME WE STAY", "at home we stay"),
    ],
)
def test_what_is_said_alike_has_the_same_phones(text, same):
    assert phones(text) == phones(same)


def test_initialisms_are_spelled_as_one_word_and_acronyms_read():
    bbc, us, it, nasa = (read(f"the {w} is")[0].words[1] for w in ("BBC", "U.S.", "IT", "NASA"))
    assert [w.text for w in (bbc, us, it, nasa)] == ["BBC", "U.S.", "IT", "NASA"]
    assert "".join(bbc.phones).replace("0", "").replace("1", "").replace("2", "") == "BIYBIYSIY"
    assert us.phones == ("Y", "UW2", "EH1", "S")
    assert it.phones == ("AY2", "T", "IY1")
    assert nasa.phones == ("N", "AE1", "S", "AH0")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Dr. Smith met Mr. Jones at 5 p.m. on Jan. 5. They left.", 2),
        ("He works in the U.S. He lives in the U.S. Virgin Islands.", 2),
        ("I live on Main St. The end.", 2),
        ('"Really?" he asked. "Yes!" she said.', 2),
        ("No. Not at all. No. 5 is alive.", 3),
        ("It was I. Then he left... He came back.", 3),
        ("Wait! what? no", 3),
        ("It costs 5. We left with 3.5 km to go.", 2),
        ("A title\n\nand a text\nthat runs on", 2),
        ("Hello.World without a blank.", 2),
        ("1. First\n\n2. Second", 2),
        ("10 lbs. in all, 5 min. later", 1),
    ],
)
def test_where_sentences_end(text, parts):
    found = read(text)
    assert len(found) == parts, [s.text for s in found]


def test_the_written_text_is_all_there():
    text = 'Dr. Smith paid $3.50 for 2 cafés; "nice", he said. Isn\'t it? ' * 3
    found = read(text)
    assert " ".join(s.text for s in found) == text.strip()
    assert [s.words[-1].mark for s in found] == [".", "?"] * 3


def test_words_keep_what_they_promise():
    for sentence in read(
        "Mr. O'Neil's dog (brown; 7 years) ran 3 km: why? Well... hmm, the apple - the BBC!"
    ):
        assert sentence.words[-1].mark in (".", "?", "!")
        for word in sentence.words:
            assert word.phones and set(word.phones) <= set(SYMBOLS)
            assert word.syllables[0] == 0 and list(word.syllables) == sorted(set(word.syllables))
            assert word.syllables[-1] < len(word.phones) and word.mark in ("", *MARKS)


def test_function_words_depend_on_what_follows():
    assert phones("the apple")[0] == ("DH", "IY0") and phones("the pear")[0] == ("DH", "AH0")
    assert phones("to eat it")[0] == ("T", "UW0") and phones("to be it")[0] == ("T", "AH0")
    assert phones("look at them")[1:] == [("AE0", "T"), ("DH", "EH1", "M")]
    assert phones("we can, he can")[1] == phones("we can, he can")[3] == ("K", "AE1", "N")
    assert phones("it IS so")[1] == ("IH1", "Z")


def test_no_sentence_gets_long():
    plain = read("word " * 100)
    assert [len(s.words) for s in plain] == [30, 30, 40]
    before = read("word " * 25 + "because " + "word " * 30)
    assert before[1].words[0].text == "because"
    after = read("word " * 20 + "word, " + "word " * 30)
    assert len(after[0].words) == 21
    asked = read("word " * 50 + "word?")
    assert [s.words[-1].mark for s in asked] == [".", "?"]
    for text in ("a,b," * 2000, "http://" + "a/" * 300, "1/" * 1000, "I " * 1000):
        assert all(1 <= len(s.words) <= LONGEST_SENTENCE and s.text for s in read(text))


def test_text_comes_in_any_parts_and_sentences_come_at_once():
    text = "It's $3.50 at 8:05 p.m. on Nov. 21, 2026.\n\nDr. Smith left...  \n \n Why?  The café's closed."
    whole = read(text)
    assert read(iter(text)) == read([text[:7], "", text[7:40], text[40:]]) == whole

    def endless():
        while True:
            yield "This goes on. "

    assert [s.text for s in islice(sentences(endless()), 3)] == ["This goes on."] * 3


def test_the_letter_to_sound_network_is_asked_once_a_sentence():
    asked = []

    def sound(words):
        asked.append(words)
        return guess(words)

    list(sentences("Zorbl met Vrumpf and zorbl. Then qwyxa.", sound))
    assert asked == [["zorbl", "vrumpf"], ["qwyxa"]]
    with pytest.raises(InputError, match="'vrumpf' is in no dictionary"):
        list(sentences("Hello Vrumpf."))


@pytest.mark.parametrize("text", ["", "  \n", "...", "😀 👍🏽", "—", '"', [], ["", " "], "\x00\u200b"])
def test_nothing_to_say(text):
    with pytest.raises(InputError, match="nothing to say"):
        read(text)


@pytest.mark.parametrize(
    ("text", "script", "language"),
    [
        ("Привет", "Cyrillic", "ru"), ("Γειά σου", "Greek", "el"), ("你好", "Chinese", "cmn"),
        ("مرحبا", "Arabic", "ar"), ("こんにちは", "Hiragana", "ja"), ("안녕", "Hangul", "ko"),
        ("Hello, мир", "Cyrillic", "ru"),
    ],
)  # fmt: skip
def test_other_scripts_are_named(text, script, language):
    with pytest.raises(InputError, match=f"in {script} script.*--engine espeak:{language}") as caught:
        read(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [None, 5, b"hello", [b"hello"], ["hello", None], "a" * 101, "a" * 100_000])
def test_what_is_no_text_is_refused(text):
    with pytest.raises(InputError) as caught:
        read(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 150


def test_numbers_beyond_names_are_read_digit_by_digit():
    assert cardinal("1" * 16) == " ".join(["one"] * 16)
    assert cardinal("007") == "zero zero seven"
    assert fold("Dvořák Æsop ß") == "Dvorak Aesop ss"
