"""Where in speech a movement may fall: stressed syllables, the word that each is in and what it means."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotive.signals import Phone, Speech, Syllable, Word
from emotive.voice.phones import BREATH, PAUSE, is_ipa_vowel

from .channels import TOKENS
from .meanings import MEANINGS, is_content, meaning

PHRASE = 0.18  # s of silence that part two phrases

EVENTS: tuple[str, ...] = ("stress", "syllable", "content", "speaking", "start", "end", *MEANINGS)
"""What `events_of` says of each token."""


@dataclass(frozen=True)
class Accent:
    """A syllable that a movement may mark.

    time: s, where its vowel begins. stress: 0, 1 or 2, 1 the main stress of its word. word: its text, ""
    where no words are known. content: whether that is more than grammar. meaning: one of `MEANINGS`, or None.
    phrase: its number; phrases lie between pauses. begins, ends: of that phrase, s. last: whether it is the
    last main stress of its phrase.
    """

    time: float
    stress: int
    word: str
    content: bool
    meaning: str | None
    phrase: int
    begins: float
    ends: float
    last: bool


def accents_of(
    phones: Sequence[Phone], syllables: Sequence[Syllable], words: Sequence[Word], alphabet: str
) -> list[Accent]:
    """All syllables in order. Without words every main stress counts as content."""
    spans = phrases_of(phones)
    vowels = [p.start for p in phones if _is_vowel(p.symbol, alphabet)]
    begun, ended = [w.start for w in words], [stop for _, stop in spans]
    rows = []
    for syllable in syllables:
        middle = (syllable.start + syllable.end) / 2
        core = bisect_left(vowels, syllable.start - 1e-4)
        has_core = core < len(vowels) and vowels[core] < syllable.end - 1e-4
        vowel = vowels[core] if has_core else syllable.start
        last = bisect_right(begun, middle) - 1
        word = words[last].text if last >= 0 and middle <= words[last].end + 1e-3 else ""
        phrase = min(bisect_right(ended, middle), len(spans) - 1)
        content = is_content(word) if words else syllable.stress == 1
        rows.append((vowel, syllable.stress, word, content, phrase))
    final = {row[4]: i for i, row in enumerate(rows) if row[1] == 1}
    return [
        Accent(
            time,
            stress,
            word,
            content,
            meaning(word),
            phrase,
            spans[phrase][0],
            spans[phrase][1],
            final.get(phrase) == i,
        )
        for i, (time, stress, word, content, phrase) in enumerate(rows)
    ]


def accents_of_speech(speech: Speech) -> list[Accent]:
    """The same of a Speech; none where its phones are not known."""
    return accents_of(speech.phones, speech.syllables, speech.words, speech.alphabet)


def phrases_of(phones: Sequence[Phone]) -> list[tuple[float, float]]:
    """(start, end), s, of the stretches between pauses."""
    spans: list[tuple[float, float]] = []
    silent = np.inf
    for phone in phones:
        if phone.symbol in (PAUSE, BREATH):
            silent += phone.end - phone.start
        elif silent >= PHRASE:
            spans.append((phone.start, phone.end))
            silent = 0.0
        else:
            spans[-1] = (spans[-1][0], phone.end)
            silent = 0.0
    return spans


def events_of(
    phones: Sequence[Phone],
    syllables: Sequence[Syllable],
    words: Sequence[Word],
    alphabet: str,
    tokens: int,
    start: float = 0.0,
) -> np.ndarray:
    """What a network is told of speech whose phones are known: `EVENTS` of each token, float32 (tokens, 21).

    Points in time are shared between the two tokens around them; `speaking` is the share of a token that is
    speech. start: s at which the first token begins.
    """
    out = np.zeros((tokens, len(EVENTS)), np.float32)
    column = {name: i for i, name in enumerate(EVENTS)}

    def mark(name: str, time: float, amount: float = 1.0) -> None:
        at = (time - start) * TOKENS - 0.5
        low = int(np.floor(at))
        for token, share in ((low, 1 - (at - low)), (low + 1, at - low)):
            if 0 <= token < tokens:
                out[token, column[name]] += amount * share

    found = accents_of(phones, syllables, words, alphabet)
    for accent in found:
        if accent.stress == 1:
            mark("stress", accent.time)
            if accent.content:
                mark("content", accent.time)
        else:
            mark("syllable", accent.time)
        # A word of one meaning counts once: at its main stress, or, if it has none, at its first syllable.
        if accent.meaning and accent.stress in (0, 1):
            mark(accent.meaning, accent.time)
    for begins, ends in phrases_of(phones):
        mark("start", begins)
        mark("end", ends)
        edges = start + np.arange(tokens + 1) / TOKENS
        inside = np.minimum(edges[1:], ends) - np.maximum(edges[:-1], begins)
        out[:, column["speaking"]] += inside.clip(0) * TOKENS
    return out.clip(0, 1)


def _is_vowel(symbol: str, alphabet: str) -> bool:
    if alphabet == "ipa":
        return is_ipa_vowel(symbol)
    return symbol[-1:] in "012" and symbol not in (PAUSE, BREATH)
