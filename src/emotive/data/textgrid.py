"""Praat's TextGrids: what was said when, as forced aligners write it.

The long and the short form hold the same numbers and texts in the same order; as in Praat, whatever else
stands there is comment. UTF-8 or UTF-16.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from emotive.errors import InputError
from emotive.signals import Phone, Syllable, Word
from emotive.signals.archive import reading
from emotive.voice.lexicon import lookup, syllabify
from emotive.voice.phones import PAUSE, SYMBOLS, is_ipa_vowel, stress

MAX_BYTES = 64 * 2**20
MAX_SPANS = 1_000_000
# What aligners write where nobody speaks, or where they do not know what is said.
SILENCES = frozenset({"", "sil", "sp", "spn", "pau", "<eps>", "silence", "<p:>"})
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|<(exists|absent)>|!.*|([^\s"]+)')
_SHORTEST = 1e-4  # s


class Span(NamedTuple):
    """Text from `start` to `end`, s; of a point both are its time."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Spoken:
    """phones: from 0 on without gaps, silence as "pau", in `alphabet`, "arpabet" or "ipa". syllables, words:
    between the pauses. All times in s; empty where the file does not say."""

    phones: tuple[Phone, ...]
    syllables: tuple[Syllable, ...]
    words: tuple[Word, ...]
    alphabet: str = "arpabet"


def read_textgrid(path: str | os.PathLike[str]) -> dict[str, list[Span]]:
    """The tiers of a TextGrid by name, in their order, each sorted by time.

    Raises InputError, naming the file, if it is missing, damaged, cut short, too large or something else.
    """
    path = Path(path)
    with reading(path, "a TextGrid"):
        if path.stat().st_size > MAX_BYTES:
            raise InputError("it is too large to be a TextGrid")
        data = path.read_bytes()
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        try:
            tokens = _Tokens(data.decode(encoding))
        except UnicodeDecodeError:
            raise InputError("it is no text in UTF-8 or UTF-16") from None
        return _tiers(tokens)


def spoken(path: str | os.PathLike[str]) -> Spoken:
    """What is said in a TextGrid with tiers of words and phones, as the Montreal Forced Aligner writes it.

    Stress is that of ARPAbet's vowels; of phones in IPA that of the dictionary's pronunciation of the word.

    Raises InputError as `read_textgrid`, and for phones that are neither ARPAbet nor IPA.
    """
    tiers = read_textgrid(path)
    words = [Word(s.text.strip(), s.start, s.end) for s in _tier(tiers, "word") if not _silent(s.text)]
    phones = _without_gaps(_tier(tiers, "phone"))
    phones, alphabet = _in_alphabet(phones, path)
    return Spoken(tuple(phones), tuple(_syllables(phones, words, alphabet)), tuple(words), alphabet)


class _Tokens:
    """Texts, numbers and flags, one after the other."""

    def __init__(self, text: str) -> None:
        self._found = _TOKEN.finditer(text)
        self.line = 1
        self._text, self._at = text, 0

    def _next(self) -> Iterator[tuple[str, str]]:
        for match in self._found:
            self.line += self._text.count("\n", self._at, match.start())
            self._at = match.start()
            if match[1] is not None:
                yield "text", match[1].replace('""', '"')
            elif match[2]:
                yield "flag", match[2]
            elif match[3] and re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", match[3]):
                yield "number", match[3]

    def take(self, kind: str, what: str) -> str:
        found = next(self._next(), None)
        if found is None:
            raise InputError(f"line {self.line}: it ends where {what} should follow: the file is cut short")
        if found[0] != kind:
            raise InputError(f"line {self.line}: {found[1][:30]!r} stands where {what} should")
        return found[1]

    def number(self, what: str) -> float:
        return float(self.take("number", what))

    def count(self, what: str) -> int:
        value = self.number(what)
        if not (value == int(value) and 0 <= value <= MAX_SPANS):
            raise InputError(f"line {self.line}: {value:g} is no {what}")
        return int(value)


def _tiers(tokens: _Tokens) -> dict[str, list[Span]]:
    kind, what = tokens.take("text", "the kind of file"), tokens.take("text", "the kind of object")
    if kind not in ("ooTextFile", "ooTextFile short") or what != "TextGrid":
        raise InputError(f"not a TextGrid: it says that it is {what[:30]!r}")
    for what in ("its beginning", "its end"):
        tokens.number(what)
    if tokens.take("flag", "<exists>") != "exists":
        return {}
    tiers: dict[str, list[Span]] = {}
    for _ in range(tokens.count("number of tiers")):
        kind, name = tokens.take("text", "the kind of a tier"), tokens.take("text", "the name of a tier")
        for what in ("the beginning of a tier", "the end of a tier"):
            tokens.number(what)
        spans = [_span(tokens, kind) for _ in range(tokens.count("number of intervals"))]
        tiers.setdefault(name, sorted(spans, key=lambda span: span.start))
    return tiers


def _span(tokens: _Tokens, kind: str) -> Span:
    start = tokens.number("a time")
    end = start if kind == "TextTier" else tokens.number("a time")
    if not -1 <= start <= end <= 1e6:
        raise InputError(f"line {tokens.line}: {start:g}..{end:g} s is no interval")
    return Span(start, end, tokens.take("text", "a text"))


def _tier(tiers: dict[str, list[Span]], what: str) -> list[Span]:
    """The tier called "words" or "Anna - words", or the like; the first of several."""
    for name, spans in tiers.items():
        if re.search(rf"\b{what}(s|emes)?$", name.strip().lower()):
            return spans
    return []


def _silent(text: str) -> bool:
    return text.strip().lower() in SILENCES


def _without_gaps(spans: Sequence[Span]) -> list[Phone]:
    phones: list[Phone] = []
    at = 0.0
    for span in spans:
        start = max(span.start, at)
        if span.end - start < _SHORTEST:
            continue
        if start > at + _SHORTEST:
            phones.append(Phone(PAUSE, at, start))
        phones.append(Phone(PAUSE if _silent(span.text) else span.text.strip(), start, span.end))
        at = span.end
    return phones


def _in_alphabet(phones: list[Phone], path: str | os.PathLike[str]) -> tuple[list[Phone], str]:
    """With ARPAbet in capitals, and whether that or IPA it is."""
    said = [p.symbol for p in phones if p.symbol != PAUSE]
    if all(symbol.upper() in SYMBOLS for symbol in said) and (
        any(symbol[-1].isdigit() for symbol in said) or all(symbol in SYMBOLS for symbol in said)
    ):
        cased = [p if p.symbol == PAUSE else Phone(p.symbol.upper(), p.start, p.end) for p in phones]
        return cased, "arpabet"
    for symbol in said:
        if symbol.isascii() and symbol != symbol.lower():
            raise InputError(f"{path}: {symbol[:20]!r} is a phone neither of ARPAbet nor of IPA")
    return phones, "ipa"


def _syllables(phones: Sequence[Phone], words: Sequence[Word], alphabet: str) -> Iterator[Syllable]:
    """Of each word its phones, cut where English cuts them; in IPA before the last consonant."""
    middles = [(p.start + p.end) / 2 for p in phones]
    for word in words:
        inside = phones[bisect_left(middles, word.start) : bisect_left(middles, word.end)]
        own = [p for p in inside if p.symbol != PAUSE]
        if not own:
            continue
        if alphabet == "arpabet":
            firsts = syllabify(tuple(p.symbol for p in own))
            marks = [stress(p.symbol) for p in own]
        else:
            vowels = [i for i, p in enumerate(own) if is_ipa_vowel(p.symbol)]
            firsts = (0, *(max(i - 1, before + 1) for before, i in pairwise(vowels)))
            marks = _looked_up(word.text, len(own), vowels)
        for first, last in pairwise((*firsts, len(own))):
            mark = max((m for m in marks[first:last] if m is not None), key=(0, 2, 1).index, default=0)
            yield Syllable(mark, own[first].start, own[last - 1].end)


def _looked_up(word: str, phones: int, vowels: Sequence[int]) -> list[int | None]:
    """The stress of each phone, by the dictionary; of a word that it lacks the first vowel has it."""
    plain = word.lower().replace("’", "'")
    said = (lookup(plain) or ()) if re.fullmatch(r"[a-z']{0,40}[a-z][a-z']{0,40}", plain) else ()
    known = [mark for symbol in said if (mark := stress(symbol)) is not None]
    marks: list[int | None] = [None] * phones
    for i, vowel in enumerate(vowels):
        marks[vowel] = known[i] if len(known) == len(vowels) else int(i == 0)
    return marks
