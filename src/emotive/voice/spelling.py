"""Characters: what is kept of a text, which script it is in, letters without their accents."""

from __future__ import annotations

import re
import unicodedata

from emotive.errors import InputError

SCRIPTS = {
    "CYRILLIC": "ru", "GREEK": "el", "CJK": "cmn", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko",
    "ARABIC": "ar", "HEBREW": "he", "DEVANAGARI": "hi", "BENGALI": "bn", "TAMIL": "ta", "TELUGU": "te",
    "GEORGIAN": "ka", "ARMENIAN": "hy", "THAI": "th",
}  # fmt: skip
"""The first word of a letter's Unicode name -> a language for espeak."""
LATIN = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ł": "l", "Ł": "L", "đ": "d"}
    | {"Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i", "ŋ": "ng"}
)
SIGNS = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "ʻ": "'", "`": "'", "´": "'", "′": "'", "“": '"', "”": '"', "„": '"'}
    | {"«": '"', "»": '"', "″": '"', "−": "-", "‐": "-", "‑": "-", "‒": "–", "―": "—", "⁄": "/", "∕": "/"}
    | {"™": "", "®": "", "¿": "", "¡": "", "…": "...", "№": "No. "}
)
KEPT = frozenset("²³°©^")
WITHIN_WORDS = ("Cf", "Mn", "Me")  # soft hyphens, joiners, accents that no letter has
UNSPOKEN = ("Cc", "Cs", "Co", "Cn", "So", "Sk")  # emoji and other pictures, control characters


def clean(raw: str) -> str:
    """Compatible forms made plain, signs of one kind made one, what is not said dropped; accents are kept."""
    text = re.sub(r"(?<=[0-9])(?=[¼-¾⅐-⅞])", " ", raw.translate(SIGNS))
    powers = r"(?<=[0-9)])([⁰¹⁴-⁹⁻][⁰¹²³⁴-⁹]*|[²³][⁰¹²³⁴-⁹]+)"
    text = re.sub(powers, r"^\1", unicodedata.normalize("NFC", text))
    text = re.sub(r"\^[⁰¹²³⁴-⁹⁻]+", lambda m: unicodedata.normalize("NFKC", m[0]), text)
    text = re.sub(r"[⁰¹⁴-⁹]+", "", text).translate(SIGNS)  # of a footnote
    text = "".join(c if c in KEPT else unicodedata.normalize("NFKC", c) for c in text).translate(SIGNS)
    text = "".join(str(unicodedata.digit(c)) if c.isdigit() and c not in KEPT else c for c in text)
    text = "".join(c for c in text if unicodedata.category(c) not in WITHIN_WORDS)
    text = "".join(c if c in KEPT or unicodedata.category(c) not in UNSPOKEN else " " for c in text)
    text = re.sub(r"(?<=[a-z]{2})([.!?])(?=[A-Z][a-z])", r"\1 ", text)  # a blank forgotten after a full stop
    _check_script(text)
    return " ".join(text.split())


def _check_script(text: str) -> None:
    for run in re.findall(r"[^\W\d_]+", text):
        for c in unicodedata.normalize("NFD", run.translate(LATIN)):
            if c.isascii() or not c.isalpha():
                continue
            name = unicodedata.name(c, "UNKNOWN").split()
            if unicodedata.category(c) == "Lm" or name[0] == "LATIN" or _greek(run):
                continue
            script = "Chinese" if name[0] == "CJK" else name[0].capitalize()
            code = SCRIPTS.get(name[0])
            hint = f"--engine espeak:{code}" if code else "such as --engine espeak:ru"
            raise InputError(
                f"this voice reads English, and {run[:20]!r} is in {script} script: "
                f"the espeak engine speaks other languages: {hint}"
            )


def _greek(run: str) -> bool:
    """A Greek letter alone is a symbol (π), and so is the micro of a unit (μm)."""
    alone = len(run) == 1 and unicodedata.name(run, "").startswith("GREEK")
    return alone or (run[0] == "μ" and run[1:].isascii())


def fold(word: str) -> str:
    """Latin letters without their accents, and others spelled with a-z: café -> cafe, Łódź -> Lodz."""
    decomposed = unicodedata.normalize("NFD", word.translate(LATIN))
    return "".join(c for c in decomposed if c.isascii())
