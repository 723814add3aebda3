"""What each speech sound asks of jaw, lips and tongue: ARPAbet and IPA -> targets -> blendshapes.

The fifteen visemes are those of Oculus Lipsync, which most game engines know; inside a class, targets differ:
a w is rounder than the vowel of "boot". The amounts are our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from emotive.errors import InputError

VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou")


@dataclass(frozen=True)
class Target:
    """viseme: its class. shapes: blendshapes that it asks for (both sides where a name has none). jaw, lips,
    tongue: how strongly it insists, against its neighbours; a k leaves the lips to them, a w does not."""

    viseme: str
    shapes: dict[str, float]
    jaw: float
    lips: float
    tongue: float


def _target(viseme: str, jaw: float, lips: float, tongue: float, **shapes: float) -> Target:
    return Target(viseme, shapes, jaw, lips, tongue)


TARGETS = {
    "sil": _target("sil", 0.8, 0.6, 0.5),
    "breath": _target("sil", 1.0, 0.6, 0.5, jawOpen=0.2, mouthLowerDown=0.05),
    "PP": _target("PP", 1.4, 0.7, 0.2, jawOpen=0.04),
    "FF": _target("FF", 1.6, 1.2, 0.3, jawOpen=0.08, mouthUpperUp=0.14),
    "TH": _target("TH", 1.2, 0.7, 2.0, jawOpen=0.16, mouthLowerDown=0.12, tongueOut=0.55),
    "DD": _target("DD", 1.2, 0.5, 1.6, jawOpen=0.13, mouthLowerDown=0.14, tongueOut=0.25),
    "kk": _target("kk", 0.6, 0.25, 0.9, jawOpen=0.24, mouthUpperUp=0.04),
    "hh": _target("kk", 0.15, 0.15, 0.3, jawOpen=0.24),
    "CH": _target("CH", 1.9, 2.0, 0.7, jawOpen=0.1, mouthFunnel=0.65, mouthPucker=0.25, mouthUpperUp=0.15,
                  mouthLowerDown=0.2),
    "SS": _target("SS", 2.0, 1.2, 0.9, jawOpen=0.05, mouthStretch=0.26, mouthLowerDown=0.3,
                  mouthUpperUp=0.12),
    "nn": _target("nn", 0.8, 0.35, 1.5, jawOpen=0.15, mouthLowerDown=0.06, tongueOut=0.36),
    "l": _target("nn", 0.8, 0.4, 1.7, jawOpen=0.2, mouthLowerDown=0.08, tongueOut=0.38),
    "RR": _target("RR", 1.1, 1.4, 0.6, jawOpen=0.14, mouthPucker=0.38, mouthFunnel=0.25),
    "er": _target("RR", 1.1, 1.2, 0.6, jawOpen=0.22, mouthPucker=0.3, mouthFunnel=0.2),
    "aa": _target("aa", 1.5, 0.9, 0.5, jawOpen=0.62, mouthLowerDown=0.14, mouthUpperUp=0.05),
    "ae": _target("aa", 1.5, 0.9, 0.5, jawOpen=0.54, mouthStretch=0.14, mouthLowerDown=0.16,
                  mouthUpperUp=0.06),
    "ah": _target("aa", 0.9, 0.5, 0.4, jawOpen=0.40, mouthLowerDown=0.08),
    "E": _target("E", 1.2, 0.9, 0.4, jawOpen=0.36, mouthStretch=0.24, mouthLowerDown=0.12),
    "ih": _target("ih", 1.0, 0.9, 0.4, jawOpen=0.22, mouthStretch=0.28, mouthLowerDown=0.14),
    "iy": _target("ih", 1.2, 1.1, 0.4, jawOpen=0.14, mouthStretch=0.4, mouthLowerDown=0.18,
                  mouthUpperUp=0.05),
    "oh": _target("oh", 1.4, 1.7, 0.4, jawOpen=0.42, mouthFunnel=0.5, mouthPucker=0.35),
    "uh": _target("ou", 1.0, 1.3, 0.4, jawOpen=0.2, mouthPucker=0.5, mouthFunnel=0.2),
    "ou": _target("ou", 1.3, 2.0, 0.4, jawOpen=0.16, mouthPucker=0.85, mouthFunnel=0.15),
    "w": _target("ou", 1.5, 2.4, 0.4, jawOpen=0.08, mouthPucker=1.0, mouthFunnel=0.1),
}  # fmt: skip

_ARPABET = {
    "AA": "aa", "AE": "ae", "AH": "ah", "AO": "oh", "AW": "aa uh", "AY": "aa ih", "EH": "E", "ER": "er",
    "EY": "E iy", "IH": "ih", "IY": "iy", "OW": "oh ou", "OY": "oh ih", "UH": "uh", "UW": "ou",
    "B": "PP", "P": "PP", "M": "PP", "F": "FF", "V": "FF", "TH": "TH", "DH": "TH", "T": "DD", "D": "DD",
    "K": "kk", "G": "kk", "NG": "kk", "HH": "hh", "CH": "CH", "JH": "CH", "SH": "CH", "ZH": "CH",
    "S": "SS", "Z": "SS", "N": "nn", "L": "l", "R": "RR", "W": "w", "Y": "iy",
}  # fmt: skip

# Letters of IPA by where the lips and the tongue's tip are. espeak writes some tones as sounds of their own:
# digits, which leave the lips to their neighbours.
_IPA = {
    "PP": "pbmɓʙɸβ", "FF": "fvʋɱ", "TH": "θð", "DD": "tdʈɖɗɾɽ", "nn": "nɳ", "l": "lɫɭɺ", "RR": "ɹɻr",
    "kk": "kɡgxɣŋqɢʁχʀcɟɲçʝɠʛʟʎɰ", "hh": "hɦʔħʕʰ123456789", "CH": "ʃʒʂʐɕʑ", "SS": "szɬɮ",
    "aa": "aɑɒɐAä", "ae": "æ", "ah": "ʌəɘɤᵊ", "er": "ɜɝɚɞ", "E": "eɛε", "ih": "ɪɨᵻ", "iy": "ijʲ",
    "oh": "oɔɵœɶø", "uh": "ʊʉᵿʏ", "ou": "uyɯ", "w": "wʍɥʷ",
}  # fmt: skip
_OF_LETTER = {letter: name for name, letters in _IPA.items() for letter in letters}
_SILENT = frozenset({"pau", "sil", "", "_", "_:"})


@lru_cache(maxsize=4096)
def targets_of(symbol: str, alphabet: str = "arpabet") -> tuple[str, ...]:
    """The names in `TARGETS` that a phone passes through, one or several, in equal parts of its time.

    Raises InputError for a symbol that the alphabet ("arpabet" or "ipa") does not have.
    """
    if symbol in _SILENT:
        return ("sil",)
    if symbol == "breath":
        return ("breath",)
    if alphabet == "arpabet":
        found = _ARPABET.get(symbol.rstrip("012").upper())
        if found is None:
            raise InputError(f"{symbol!r} is no ARPAbet phone")
        return tuple(found.split())
    letters = symbol.replace("tʃ", "ʃ").replace("dʒ", "ʒ").replace("ts", "s").replace("dz", "z")
    names = [_OF_LETTER[letter] for letter in letters if letter in _OF_LETTER]
    if not names:
        raise InputError(f"{symbol!r} is no sound of IPA that the lips are known for")
    return tuple(names)
