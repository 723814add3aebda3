"""Named emotions and label sets, as points of valence, arousal and dominance.

Every number comes from Russell & Mehrabian 1977, "Evidence for a three-factor theory of emotions", J. Res.
Personality 11:273-294, where people rated *states* on scales from -1 to 1. Word norms (Warriner, ANEW,
NRC-VAD) rate the *word*, on scales with another centre; the two are never mixed here. "neutral" is (0, 0, 0)
by convention.

A point is not exact. `ANCHOR_SD` is how far the same emotion moves from one source to another. Against rated
words (Warriner et al. 2013, (x - 5) / 4) the labels of Mikels and Ekman move by 0.19 in valence, 0.41 in
arousal (much of it one shared offset: words are centred lower) and 0.25 in dominance, root mean square.

A *proxy* is a word or a label that the table lacks, answered with the nearest term that it has: "calm" gives
"relaxed", and says so.
"""

import difflib
import json
import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from emotive.errors import InputError

ANCHOR_SD = (0.2, 0.35, 0.25)
"""Uncertainty of any named point in valence, arousal and dominance."""


@dataclass(frozen=True)
class EmotionTerm:
    """A named emotion: its point, each coordinate in [-1, 1], and where the numbers come from.

    `proxy` is true where the term stands in for another word that was asked for.
    """

    term: str
    valence: float
    arousal: float
    dominance: float
    source: str
    proxy: bool = False


def emotions() -> tuple[EmotionTerm, ...]:
    """Every named emotion once, under its own term, in the order of the data file."""
    return tuple(entry for name, entry in _names().items() if name == entry.term)


def emotion(name: str) -> EmotionTerm:
    """The emotion called `name`, in any case: a term ("joyful"), an alias ("joy") or a proxy ("calm").

    >>> emotion("Fear").term
    'fearful'
    >>> emotion("calm").term, emotion("calm").proxy
    ('relaxed', True)
    """
    if not isinstance(name, str):
        raise InputError(f"an emotion is named by text such as 'joy', not by {type(name).__name__}")
    # Nothing that long is a name, and both normalising and difflib are slow on it.
    key = _normal(name) if len(name) <= 64 else ""
    if key in _names():
        return _names()[key]
    shown = name if len(name) <= 40 else name[:37] + "..."
    near = difflib.get_close_matches(key, _names(), n=3, cutoff=0.6)
    hint = f"did you mean {', '.join(near)}?" if near else "try joy, fear, anger, sadness, calm or excited"
    raise InputError(f"unknown emotion {shown!r}: {hint}")


def label_set(name: str) -> dict[str, EmotionTerm]:
    """The labels of a category set and the term each stands for: "ekman" (7), "mikels" (8), "plutchik" (8) or
    "goemotions" (27 and neutral).

    Plutchik's labels are placed by their meaning; angles on his wheel are similarities, not valence-arousal.
    """
    sets = _read("label_sets.json")
    if name not in sets:
        raise InputError(f"unknown label set {name!r}: use {', '.join(sets)}")
    return {
        label: replace(_names()[entry["term"]], proxy=entry["proxy"]) for label, entry in sets[name].items()
    }


@cache
def _names() -> dict[str, EmotionTerm]:
    """Every name that `emotion` knows -> its entry."""
    names = {}
    for row in _read("terms.json"):
        aliases, proxies = row.pop("aliases"), row.pop("proxies")
        entry = EmotionTerm(**row)
        names |= {name: entry for name in (entry.term, *aliases)}
        names |= {name: replace(entry, proxy=True) for name in proxies}
    return names


def _read(name: str):
    return json.loads(resources.files("emotive.affect").joinpath(name).read_text("utf-8"))


def _normal(name: str) -> str:
    return " ".join(
        unicodedata.normalize("NFKC", name).casefold().replace("_", " ").replace("-", " ").split()
    )
