"""A sentence laid out as phones: what the networks and the rules read, first without times, then with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from emotive.signals import Phone, Syllable, Word

from .phones import BREATH, PAUSE, is_vowel
from .text import Sentence

# How a phrase closes, as the networks see it.
CLOSINGS = ("", "comma", "statement", "question", "exclamation", "yes-no question")
_OF_MARK = {"": 0, ".": 2, "?": 3, "!": 4}  # every other mark is a comma to the voice
# A question that opens with one of these asks for yes or no, and rises.
AUXILIARIES = frozenset(
    "am are aren't is isn't was wasn't were weren't do don't does doesn't did didn't have haven't has hasn't "
    "had hadn't can can't could couldn't will won't would wouldn't shall should shouldn't may might "
    "must".split()
)


@dataclass(frozen=True)
class Utterance:
    """P phones in order, with what is known of them before they have times. All arrays are (P,).

    word, syllable: which one a phone is in, -1 for pauses and breaths.
    boundary: 1 begins a word, 2 ends one, 3 both, 0 neither.
    closing: index into `CLOSINGS` of the phrase that a phone is in.
    """

    words: tuple[str, ...]
    symbols: tuple[str, ...]
    word: np.ndarray
    syllable: np.ndarray
    boundary: np.ndarray
    closing: np.ndarray

    def __len__(self) -> int:
        return len(self.symbols)

    def stress(self) -> np.ndarray:
        """Of each syllable: 0, 1 or 2, (S,)."""
        out = np.zeros(int(self.syllable.max(initial=-1)) + 1, int)
        for symbol, number in zip(self.symbols, self.syllable, strict=True):
            if number >= 0 and is_vowel(symbol):
                out[number] = int(symbol[-1])
        return out

    def stressed(self) -> np.ndarray:
        """bool: in a syllable with primary stress."""
        return np.append(self.stress() == 1, False)[self.syllable]

    def final(self) -> np.ndarray:
        """bool: in the last syllable before a pause or the end."""
        last = [
            number
            for number, after in zip(self.syllable, [*self.syllable[1:], -1], strict=True)
            if number >= 0 and after < 0
        ]
        return np.isin(self.syllable, last)


def lay_out(
    sentence: Sentence, breaks: Collection[int] | None = None, breaths: Collection[int] = ()
) -> Utterance:
    """Phones of `sentence` with a pause at either end and after the words numbered in `breaks`.

    `breaks` None: after every word with a mark. `breaths`: words (-1: the start) whose pause ends in one.
    """
    words = sentence.words
    if breaks is None:
        breaks = {i for i, word in enumerate(words) if word.mark}
    first = words[0].text.lower().replace("’", "'")
    ends = [i for i, word in enumerate(words) if word.mark or i in breaks or i == len(words) - 1]
    symbols: list[str] = []
    rows: list[tuple[int, int, int, int]] = []
    syllable = -1

    def pause(after: int, closing: int) -> None:
        symbols.append(PAUSE)
        rows.append((-1, -1, 0, closing))
        if after in breaths:
            symbols.append(BREATH)
            rows.append((-1, -1, 0, closing))

    pause(-1, 0)
    for i, word in enumerate(words):
        end = next(e for e in ends if e >= i)
        mark = words[end].mark or ("." if end == len(words) - 1 else "")
        closing = _OF_MARK.get(mark, 1)
        if closing == 3 and first in AUXILIARIES:
            closing = 5
        for n, symbol in enumerate(word.phones):
            syllable += n in word.syllables
            symbols.append(symbol)
            rows.append((i, syllable, (n == 0) + 2 * (n == len(word.phones) - 1), closing))
        if i in breaks or i == len(words) - 1:
            pause(i, closing)
    columns = np.array(rows, int).T
    return Utterance(tuple(word.text for word in words), tuple(symbols), *columns)


@dataclass(frozen=True)
class Timeline:
    """An utterance in time: phone i takes frames `edges[i]` to `edges[i + 1]`; edges (P + 1,) start at 0."""

    utterance: Utterance
    edges: np.ndarray

    @property
    def frames(self) -> int:
        """How many frames it takes in all."""
        return int(self.edges[-1])

    def phone_of_frame(self) -> np.ndarray:
        """(T,): the number of the phone that each frame lies in."""
        return np.repeat(np.arange(len(self.utterance)), np.diff(self.edges))

    def through_syllable(self) -> np.ndarray:
        """(T,): how far into its syllable a frame is, 0..1; 0 in pauses."""
        out = np.zeros(self.frames, np.float32)
        syllable = self.utterance.syllable
        for number in range(int(syllable.max(initial=-1)) + 1):
            phones = np.flatnonzero(syllable == number)
            start, end = int(self.edges[phones[0]]), int(self.edges[phones[-1] + 1])
            out[start:end] = (np.arange(end - start) + 0.5) / max(1, end - start)
        return out

    def spans(self, frame_rate: float) -> tuple[tuple[Phone, ...], tuple[Syllable, ...], tuple[Word, ...]]:
        """Phones, syllables and words in seconds."""
        u, at = self.utterance, self.edges / frame_rate
        phones = tuple(Phone(s, float(at[i]), float(at[i + 1])) for i, s in enumerate(u.symbols))
        found: list[tuple[float, float]]
        tiers = []
        for tier in (u.syllable, u.word):
            found = []
            for number in range(int(tier.max(initial=-1)) + 1):
                inside = np.flatnonzero(tier == number)
                found.append((float(at[inside[0]]), float(at[inside[-1] + 1])))
            tiers.append(found)
        syllables = tuple(Syllable(int(s), *span) for s, span in zip(u.stress(), tiers[0], strict=True))
        words = tuple(Word(text, *span) for text, span in zip(u.words, tiers[1], strict=True))
        return phones, syllables, words
