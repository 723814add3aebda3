"""The phones of English speech: ARPAbet with stress digits, as in the CMU Pronouncing Dictionary.

A vowel carries its stress: 0 none, 1 primary, 2 secondary. Two symbols are no speech sounds: a silent pause
and an audible breath in.
"""

from __future__ import annotations

from emotive.errors import InputError

PAUSE = "pau"
BREATH = "breath"

CLASSES: dict[str, tuple[str, ...]] = {
    "pause": (PAUSE, BREATH),
    "vowel": (
        *("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER"),
        *("EY", "IH", "IY", "OW", "OY", "UH", "UW"),
    ),
    "plosive": ("B", "D", "G", "K", "P", "T"),
    "affricate": ("CH", "JH"),
    "fricative": ("DH", "F", "HH", "S", "SH", "TH", "V", "Z", "ZH"),
    "nasal": ("M", "N", "NG"),
    "liquid": ("L", "R"),
    "glide": ("W", "Y"),
}
"""Manner of articulation -> phones without stress. ER is the vowel of "bird"."""

VOICELESS = frozenset({PAUSE, BREATH, "CH", "F", "HH", "K", "P", "S", "SH", "T", "TH"})

VOWELS = tuple(vowel + stress for vowel in CLASSES["vowel"] for stress in "012")
CONSONANTS = tuple(phone for name, row in CLASSES.items() if name not in ("pause", "vowel") for phone in row)

SYMBOLS: tuple[str, ...] = (PAUSE, BREATH, *VOWELS, *CONSONANTS)
"""All 71, in an order that models keep: pause, breath, 15 vowels with three stresses each, 24 consonants."""

# Letters of IPA that are vowels, and the mark of a syllabic consonant.
_IPA_VOWELS = frozenset("aeiouyɑɐɒæɔəɘɵɛɜɞɤɪɨʉɯʊʌʏøœɶɚɝᵻᵊᵿ\u0329")

_CLASS_OF = {phone: name for name, row in CLASSES.items() for phone in row}
_KNOWN = frozenset(SYMBOLS)


def base(symbol: str) -> str:
    """The phone without its stress: "AA1" -> "AA", "K" -> "K"."""
    return symbol.rstrip("012")


def stress(symbol: str) -> int | None:
    """0, 1 or 2 for a vowel; None for every other symbol."""
    return int(symbol[-1]) if symbol[-1] in "012" else None


def is_vowel(symbol: str) -> bool:
    """Whether the symbol is a vowel: the core of a syllable."""
    return phone_class(symbol) == "vowel"


def is_ipa_vowel(symbol: str) -> bool:
    """Whether a symbol of IPA is the core of a syllable: a vowel, or a syllabic consonant."""
    return not _IPA_VOWELS.isdisjoint(symbol)


def is_voiced(symbol: str) -> bool:
    """Whether the vocal folds vibrate: all vowels, nasals, liquids, glides, and B D G JH DH V Z ZH.

    Raises InputError for what is no symbol.
    """
    _check(symbol)
    return base(symbol) not in VOICELESS


def phone_class(symbol: str) -> str:
    """The key of CLASSES that the symbol belongs to: "nasal". Raises InputError for what is no symbol."""
    _check(symbol)
    return _CLASS_OF[base(symbol)]


def _check(symbol: str) -> None:
    if symbol not in _KNOWN:
        raise InputError(f"{symbol!r} is no phone: use ARPAbet such as 'K' or, with its stress, 'AA1'")
