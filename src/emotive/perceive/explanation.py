"""One sentence about one picture: where it lies, what that is called, and what moved it.

The judge with published coefficients knows what moved it: its contributions add up to its answer. A network
does not; so it is asked again about the same picture with one thing taken away, and what changes is what that
thing did. Neither says what moves a person.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from emotive.affect import Affect

from .attributes import picture_attributes, working_size
from .judge import Estimates, Judge
from .published import RANGES, PublishedJudge
from .ratings import CalibratedJudge

# attribute -> words for a low and for a high value
WORDS: dict[str, tuple[str, str]] = {
    "lightness": ("darkness", "light"),
    "chroma": ("pale colours", "saturated colours"),
    "angularity": ("soft contours", "angular contours"),
    "symmetry": ("little symmetry", "symmetry"),
    "centre_surround": ("a light rim", "a dark rim"),
    "edge_density": ("few edges", "many edges"),
    "detail": ("little detail", "fine detail"),
    "rms_contrast": ("low contrast", "high contrast"),
    "obliqueness": ("level lines", "slanted lines"),
    "warmth": ("cool colours", "warm colours"),
}


class Mover(NamedTuple):
    """Something in a picture, in words, and what it adds to valence and to arousal."""

    words: str
    valence: float
    arousal: float


def explain(picture: np.ndarray, judge: Judge, estimates: Estimates | None = None, names: int = 3) -> str:
    """A sentence about a picture uint8 (H, W, 3); `estimates` (of it alone, N = 1) saves judging it again."""
    found = judge.estimate([picture]) if estimates is None else estimates
    valence, arousal, valence_sd, arousal_sd = (float(x[0]) for x in found)
    near = ", ".join(term.term for term, _ in Affect(valence, arousal).nearest(names))
    text = f"Valence {valence:+.2f} ± {valence_sd:.2f}, arousal {arousal:+.2f} ± {arousal_sd:.2f}; "
    moved = movers(picture, judge)
    parts = [strongest(axis, moved) for axis in ("valence", "arousal")]
    reasons = "; ".join(part for part in parts if part)
    return f"{text}nearest names: {near}. What moved it: {reasons or 'nothing that stands out'}."


def movers(picture: np.ndarray, judge: Judge) -> list[Mover]:
    """What moved a judge's estimate of a picture uint8 (H, W, 3).

    For the published judge, its contributions, in standard deviations of a rating. For any other, differences
    of its estimates, in units of [-1, 1], when lightness, colour strength, contrast or fine lines are taken
    away one at a time.
    """
    inner = judge.judge if isinstance(judge, CalibratedJudge) else judge
    attributes = picture_attributes(picture)

    def words(name: str) -> str:
        low, high = RANGES.get(name, (-1.0, 1.0))
        return WORDS[name][int(getattr(attributes, name) > (low + high) / 2)]

    if isinstance(inner, PublishedJudge):
        adds = inner.contributions(attributes)
        together = {**adds.valence, **adds.arousal}
        return [Mover(words(n), adds.valence.get(n, 0.0), adds.arousal.get(n, 0.0)) for n in together]
    small = working_size(picture)
    without = [change(small) for change in INTERVENTIONS.values()]
    found = judge.estimate([small, *without])
    valence, arousal = found.valence[0] - found.valence[1:], found.arousal[0] - found.arousal[1:]
    rows = zip(INTERVENTIONS, valence, arousal, strict=True)
    return [Mover(TAKEN_AWAY.get(name) or words(name), float(v), float(a)) for name, v, a in rows]


def _mid_light(picture: np.ndarray) -> np.ndarray:
    """The power of the values that brings their mean to the middle, 0.5."""
    x = (picture.astype(np.float64) + 0.5) / 256
    low, high = 0.05, 20.0
    for _ in range(24):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if (x**middle).mean() > 0.5 else (low, middle)
    return _bytes(x**low)


def _half_colour(picture: np.ndarray) -> np.ndarray:
    grey = picture.mean(2, keepdims=True)
    return _bytes((grey + 0.5 * (picture - grey)) / 255)


def _no_cast(picture: np.ndarray) -> np.ndarray:
    """The mean of each channel brought to their common mean: neither warm nor cool."""
    means = picture.mean((0, 1), keepdims=True)
    return _bytes((picture + means.mean() - means) / 255)


def _half_contrast(picture: np.ndarray) -> np.ndarray:
    mean = picture.mean((0, 1), keepdims=True)
    return _bytes((mean + 0.5 * (picture - mean)) / 255)


def _no_detail(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(3)))


def _bytes(x: np.ndarray) -> np.ndarray:
    return (x * 255).round().clip(0, 255).astype(np.uint8)


# What there is more or less of is named as such; light and warmth are named by the side they are on.
TAKEN_AWAY = {"chroma": "strength of colour", "rms_contrast": "contrast", "edge_density": "fine lines"}
# attribute -> the picture without it
INTERVENTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "lightness": _mid_light,
    "chroma": _half_colour,
    "warmth": _no_cast,
    "rms_contrast": _half_contrast,
    "edge_density": _no_detail,
}


def strongest(axis: str, moved: list[Mover], most: int = 3) -> str:
    """The strongest movers of an axis with their signs, without those below a fifth of the first."""
    ranked = sorted(((getattr(m, axis), m.words) for m in moved), key=lambda pair: -abs(pair[0]))[:most]
    least = max(0.02, 0.2 * abs(ranked[0][0])) if ranked else 0.0
    told = [f"{words} ({'+' if adds > 0 else '-'})" for adds, words in ranked if abs(adds) >= least]
    return f"{axis} by {', '.join(told)}" if told else ""
