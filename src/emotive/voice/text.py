"""English text to sentences of spoken words: what is written otherwise than it is said is put into words.

The way of a text: pieces between blanks, one after the other -> a raw sentence, when a piece ends one ->
normalised spelling -> spoken words by RULES, tried in order where each word begins -> phones, by the lexicon.
No more than one sentence is held, whatever the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from emotive.errors import InputError

from .abbreviations import BEFORE_NUMBER, DAYS, ENDING, MONTHS_SHORT, PHRASES, PLACES, STARTERS, TITLES
from .lexicon import LetterToSound, in_context, pronounce_all, syllabify
from .normalization import UNITS, Said, spoken
from .spelling import clean

LONGEST_SENTENCE = 40  # words; a longer one is read as several
LONGEST_RUN = 30  # words; where a long sentence without punctuation or conjunctions is cut
LONGEST_PIECE = 1000  # characters without a blank

MARKS = (",", ";", ":", "-", "(", ".", "?", "!")
"""What may follow a word: a comma, a semicolon, a colon; "-" a dash, or an ellipsis within a sentence; "("
the beginning or the end of a parenthesis or quotation; a full stop, a question mark, an exclamation mark."""


@dataclass(frozen=True)
class SpokenWord:
    """One word as it is said.

    text: the word as written; of what stands for several words ("$3.50"), the word that is said.
    phones: ARPAbet with stress digits, at least one.
    syllables: the index in `phones` of the first phone of each syllable.
    mark: "" or what follows the word, one of MARKS.
    """

    text: str
    phones: tuple[str, ...]
    syllables: tuple[int, ...]
    mark: str


@dataclass(frozen=True)
class Sentence:
    """1 to LONGEST_SENTENCE words, the last with the mark ".", "?" or "!".

    text: as written, with single blanks and plain quotes and dashes, without emoji.
    """

    text: str
    words: tuple[SpokenWord, ...]


def sentences(text: str | Iterable[str], letter_to_sound: LetterToSound | None = None) -> Iterator[Sentence]:
    """The sentences of an English text, one at a time, as soon as each is complete.

    Args:
        text: a text, or its parts in order, such as lines of a file; words may run on from part to part.
            Blank lines end a sentence.
        letter_to_sound: reads words that the dictionary does not have, all of a sentence at once.

    Numbers, dates, times, money, units, abbreviations, addresses and symbols are read as words; accents are
    folded, emoji dropped. A sentence of more than 40 words is cut after a mark, before a conjunction or a
    preposition, or after 30 words.

    Raises InputError: what is no text, at once; when it comes to it, nothing speakable, another script than
    Latin, a "word" of more than 100 letters, an unknown word without `letter_to_sound`.

    >>> [word.text for word in next(sentences("It's $5 at 8:05.")).words]
    ["It's", 'five', 'dollars', 'at', 'eight', 'oh', 'five']
    """
    if isinstance(text, (bytes, bytearray, dict)) or not isinstance(text, Iterable):
        raise InputError(f"the text must be a string or strings, not {type(text).__name__}")
    return _sentences([text] if isinstance(text, str) else text, letter_to_sound)


def _sentences(parts: Iterable[str], letter_to_sound: LetterToSound | None) -> Iterator[Sentence]:
    empty = True
    for raw in _raw_sentences(_pieces(_chunks(parts))):
        for words, start, end in _short_enough(spoken(raw)):
            empty = False
            shown = raw[start:end].strip() or " ".join(word.text for word in words)  # cut within an address
            yield Sentence(shown, _with_phones(words, letter_to_sound))
    if empty:
        raise InputError("there is nothing to say: give a text with words in it")


# Pieces and raw sentences


def _chunks(parts: Iterable[str]) -> Iterator[str]:
    for part in parts:
        if not isinstance(part, str):
            raise InputError(f"every part of the text must be a string, not {type(part).__name__}")
        yield from (part[i : i + 4096] for i in range(0, len(part), 4096))


def _pieces(chunks: Iterator[str]) -> Iterator[str]:
    """What stands between blanks; "" for a blank line."""
    held = ""  # the last word or blank may go on in the next chunk
    for chunk in chunks:
        *whole, held = re.findall(r"\s+|\S+", held + chunk)
        yield from _visible(whole)
        if held.isspace():
            held = "\n" * min(2, held.count("\n")) or " "
        while len(held) > LONGEST_PIECE:
            cut = 1 + max(held.rfind(sign, 0, LONGEST_PIECE) for sign in ",;:.!?/|)—–")
            if not cut and re.search(r"\w", held):
                raise InputError(f"{held[:20]!r}... is no word: {LONGEST_PIECE} characters without a blank")
            cut = cut or LONGEST_PIECE  # emoji, a line of dashes
            yield held[:cut]
            held = held[cut:]
    yield from _visible([held.rstrip()])


def _visible(found: list[str]) -> Iterator[str]:
    for piece in found:
        if piece and not piece.isspace():
            yield piece
        elif piece.count("\n") > 1:
            yield ""


SPLIT_BEFORE = frozenset(
    "and or but nor so because although though while when where which who that if unless until since before "
    "after with without in on at by for from to of into over under between through during about "
    "against".split()
)


def _raw_sentences(pieces: Iterator[str]) -> Iterator[str]:
    held: list[str] = []
    previous: str | None = None
    for piece in pieces:
        if previous is not None:
            held.append(previous)
            full = len(held) >= 3 * LONGEST_SENTENCE or sum(map(len, held)) > 2 * LONGEST_PIECE
            if full or not piece or _ends_sentence(held, piece):
                yield clean(" ".join(held))
                held = []
        previous = piece or None
    if previous is not None:
        held.append(previous)
    if held:
        yield clean(" ".join(held))


def _ends_sentence(held: list[str], following: str) -> bool:
    piece = held[-1].rstrip("\"'”’»)]}*_")
    closed = piece != held[-1]
    opening = following.lstrip("\"'“‘«([{*_¿¡-—–")
    capital = bool(opening[:1].isupper() or opening[:1].isdigit())
    if piece.endswith(("!", "?")):
        return not (closed and opening[:1].islower())
    if piece.endswith(("…", "...")):
        return capital and opening.split("'")[0] != "I"
    if not piece.endswith("."):
        return False
    word = piece[:-1].lstrip("\"'“‘«([{*_")
    low = word.lower()
    starter = opening[:1].isupper() and re.split(r"[\W_]", opening)[0].lower() in STARTERS
    if low in PLACES and len(held) > 1 and re.search(r"[A-Za-z]$", held[-2]) and held[-2][0].isupper():
        return starter  # Mulholland Dr.
    if (low in TITLES and word[0].isupper()) or low in PHRASES:
        return False
    if re.fullmatch(r"[A-Z]", word) and word != "I":
        return False
    if low in BEFORE_NUMBER:
        return not opening[:1].isdigit()
    if low in MONTHS_SHORT or low in DAYS:
        return opening[:1].isupper()
    if word in UNITS and len(held) > 1 and held[-2][-1:].isdigit():
        return not opening[:1].islower()
    if re.fullmatch(r"[ap]\.m", low) or low in ENDING:
        return opening[:1].isupper()
    if re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]|Ph\.D", word):
        return starter
    return len(held) > 1 or not re.fullmatch(r"\d{1,3}", word)  # "1." begins an item of a list


def _short_enough(spoken: list[Said]) -> Iterator[tuple[list[Said], int, int]]:
    """The words of each sentence, LONGEST_SENTENCE at most, with where its text starts and ends."""
    start = 0
    while spoken:
        stop = next((i + 1 for i, word in enumerate(spoken) if word.mark == "."), len(spoken))
        if stop > LONGEST_SENTENCE:
            stop = _cut(spoken[:stop])
        words, spoken = spoken[:stop], spoken[stop:]
        end = spoken[0].start if spoken else None
        yield words, start, end if end is not None else 1 << 60
        start = end or 0


def _cut(words: list[Said]) -> int:
    """How many words of a sentence that is too long come first: up to a mark, or what reads on by itself."""
    longest = min(LONGEST_SENTENCE, len(words) - 3)
    places = [i for i in range(12, longest + 1) if words[i].start != words[i - 1].start]
    for marks in ((";", ":", "-", "!", "?"), (",",), ("(",)):
        if after := [i for i in places if words[i - 1].mark in marks]:
            return after[-1]
    if before := [i for i in places if i <= longest and words[i].say in SPLIT_BEFORE]:
        return before[-1]
    return max((i for i in places if i <= LONGEST_RUN), default=LONGEST_RUN)


def _with_phones(words: list[Said], letter_to_sound: LetterToSound | None) -> tuple[SpokenWord, ...]:
    said = pronounce_all([word.say for word in words], letter_to_sound)
    made: list[SpokenWord] = []
    following = None
    for i in reversed(range(len(words))):
        word, last = words[i], i == len(words) - 1
        mark = word.mark
        if last and mark not in (".", "?", "!"):
            mark = "."
        phones = in_context(word.say, said[i], following, bool(mark) or word.loud)
        made.append(SpokenWord(word.text, phones, syllabify(phones), mark))
        following = phones[0]
    return tuple(reversed(made))
