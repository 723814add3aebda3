"""A point of affect: what is asked for, or estimated, in valence, arousal and optionally dominance."""

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real

import numpy as np

from emotive.affect.emotions import EmotionTerm, emotion, emotions
from emotive.errors import InputError

_LONGEST_TEXT = 1000  # characters; a mixture of every named emotion fits
_ROUNDING = 1e-9  # how far outside [-1, 1] arithmetic, not the user, may land


@dataclass(frozen=True)
class Affect:
    """A point of affect, each coordinate in [-1, 1].

    valence: unpleasant -1 .. pleasant 1.
    arousal: quiet -1 .. activated 1.
    dominance: overpowered -1 .. in control 1; None leaves it unset, which is not the same as 0.
    blend: the named emotions that the point was made from, as (term, weight). Weights are coefficients: a
        term at half strength weighs 0.5, a mixture sums to 1, what is missing from 1 is neutral or nameless.
        Kept heaviest first, so that equal blends are equal however they were written.

    >>> Affect.parse("joy")
    Affect(valence=0.76, arousal=0.48, dominance=0.35, blend=(('joyful', 1.0),))
    >>> print(Affect.parse("joy:0.7+fear:0.3"))
    0.34,0.516,0.116 [joyful:0.7+fearful:0.3]
    """

    valence: float
    arousal: float
    dominance: float | None = None
    blend: tuple[tuple[str, float], ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "valence", _coordinate("valence", self.valence))
        object.__setattr__(self, "arousal", _coordinate("arousal", self.arousal))
        if self.dominance is not None:
            object.__setattr__(self, "dominance", _coordinate("dominance", self.dominance))
        object.__setattr__(self, "blend", _checked_blend(self.blend))

    @classmethod
    def neutral(cls) -> "Affect":
        """The origin, (0, 0, 0)."""
        return cls(0.0, 0.0, 0.0)

    @classmethod
    def parse(cls, text: "str | Affect") -> "Affect":
        """Reads an affect from text; an Affect is returned as it is.

        A name "joy", numbers "0.6,-0.2" or "0.6,-0.2,0.1" (valence, arousal, dominance), a mixture
        "joy:0.7+fear:0.3" (weights positive, normalised to sum to 1; "joy+fear" weighs them equally), a
        weaker one "joy*0.5", or what `str` wrote. Case and spacing do not matter.
        """
        if isinstance(text, Affect):
            return text
        if not isinstance(text, str):
            raise InputError(f"an affect is text such as 'joy' or '0.6,-0.2', not {type(text).__name__}")
        if len(text) > _LONGEST_TEXT:
            raise InputError(f"an affect of {len(text)} characters is too long: at most {_LONGEST_TEXT}")
        plain = unicodedata.normalize("NFKC", text).replace("\u2212", "-").replace("\u00d7", "*").strip()
        if not plain:
            raise InputError("the affect is empty: give a name such as 'joy' or numbers such as '0.6,-0.2'")
        if written := re.fullmatch(r"([^\[\]]*)\[([^\[\]]*)\]", plain):
            coordinates, names = written.groups()
            blend = tuple((emotion(name).term, weight * k) for name, weight, k in _components(names))
            return cls(*_numbers(coordinates), blend)
        if "," in plain or plain[0] in "+-.0123456789":
            return cls(*_numbers(plain))
        return _mixture(_components(plain))

    @classmethod
    def from_scale(
        cls, valence: float, arousal: float, low: float, high: float, dominance: float | None = None
    ) -> "Affect":
        """From a scale that runs from `low` to `high`, such as 1..9 or -3..3; its middle is neutral."""
        low, high = _scale(low, high)

        def rescale(name: str, value: float) -> float:
            number = _finite(name, value)
            if not low <= number <= high:
                raise InputError(f"{name} {number} is outside the scale {low}..{high}")
            return 2.0 * (number - low) / (high - low) - 1.0

        return cls(
            rescale("valence", valence),
            rescale("arousal", arousal),
            None if dominance is None else rescale("dominance", dominance),
        )

    def to_scale(self, low: float, high: float) -> tuple[float, float, float | None]:
        """(valence, arousal, dominance) on a scale from `low` to `high`; the inverse of `from_scale`."""
        low, high = _scale(low, high)
        span = (high - low) / 2.0
        dominance = None if self.dominance is None else low + span * (self.dominance + 1.0)
        return low + span * (self.valence + 1.0), low + span * (self.arousal + 1.0), dominance

    @classmethod
    def from_polar(cls, angle: float, intensity: float) -> "Affect":
        """From an angle in degrees (0 = positive valence, 90 = high arousal) and a distance from neutral.

        Intensity 1 is reached at every angle; up to sqrt(2) at the corners of the square. Dominance is unset.
        """
        intensity, radians = _finite("intensity", intensity), math.radians(_finite("angle", angle))
        if intensity < 0:
            raise InputError(f"intensity {intensity} is negative: use 0 (neutral) to 1")
        valence, arousal = intensity * math.cos(radians), intensity * math.sin(radians)
        if max(abs(valence), abs(arousal)) > 1.0 + _ROUNDING:
            raise InputError(
                f"intensity {intensity} at {angle} degrees leaves [-1, 1]: 1 fits at every angle"
            )
        return cls(min(max(valence, -1.0), 1.0), min(max(arousal, -1.0), 1.0))

    @property
    def angle(self) -> float:
        """Direction in the valence-arousal plane, degrees in [0, 360); 0 at neutral."""
        degrees = math.degrees(math.atan2(self.arousal, self.valence)) % 360.0
        return 0.0 if degrees == 360.0 else degrees

    @property
    def intensity(self) -> float:
        """Distance from neutral in the valence-arousal plane: 0..1 inside the circle, sqrt(2) at a corner."""
        return math.hypot(self.valence, self.arousal)

    def nearest(self, n: int = 3) -> list[tuple[EmotionTerm, float]]:
        """The `n` nearest named emotions and their Euclidean distances, nearest first.

        Dominance counts only where it is set. Mind `ANCHOR_SD`: neighbours this close are hardly distinct.
        """
        point = (self.valence, self.arousal, 0.0 if self.dominance is None else self.dominance)

        def distance(entry: EmotionTerm) -> float:
            dominance = 0.0 if self.dominance is None else entry.dominance
            return math.dist(point, (entry.valence, entry.arousal, dominance))

        return sorted(((entry, distance(entry)) for entry in emotions()), key=lambda pair: pair[1])[:n]

    def scaled(self, k: float) -> "Affect":
        """`k` times as strong: 0 is neutral, 1 changes nothing, more is allowed while it stays in range."""
        k = _finite("strength", k)
        if k < 0:
            raise InputError(f"strength {k} is negative: use 0 (neutral) to 1")
        return Affect(
            self.valence * k,
            self.arousal * k,
            None if self.dominance is None else self.dominance * k,
            tuple((term, weight * k) for term, weight in self.blend if weight * k > 0),
        )

    def lerp(self, other: "Affect", t: float) -> "Affect":
        """The point a fraction `t` in [0, 1] of the straight way to `other`; blends mix in that proportion.

        Dominance is unset only where both leave it unset; where one does, the value of the other holds.
        """
        t = _finite("t", t)
        if not 0.0 <= t <= 1.0:
            raise InputError(f"t {t} is outside [0, 1]")
        here = other.dominance if self.dominance is None else self.dominance
        there = self.dominance if other.dominance is None else other.dominance
        weights: dict[str, float] = {}
        for blend, share in ((self.blend, 1.0 - t), (other.blend, t)):
            for term, weight in blend:
                weights[term] = weights.get(term, 0.0) + share * weight
        return Affect(
            (1.0 - t) * self.valence + t * other.valence,
            (1.0 - t) * self.arousal + t * other.arousal,
            None if here is None or there is None else (1.0 - t) * here + t * there,
            tuple((term, weight) for term, weight in weights.items() if weight > 0),
        )

    def as_array(self) -> np.ndarray:
        """float32 (3,): valence, arousal, dominance; NaN where dominance is unset."""
        dominance = math.nan if self.dominance is None else self.dominance
        return np.array([self.valence, self.arousal, dominance], dtype=np.float32)

    def __str__(self) -> str:
        """The numbers, then the blend: "0.38,0.24,0.175 [joyful:0.5]". `parse` reads it back exactly."""
        coordinates = [self.valence, self.arousal] + ([] if self.dominance is None else [self.dominance])
        text = ",".join(_short(value) for value in coordinates)
        if not self.blend:
            return text
        names = "+".join(term if weight == 1 else f"{term}:{_short(weight)}" for term, weight in self.blend)
        return f"{text} [{names}]"


def _mixture(components: Iterable[tuple[str, float, float]]) -> Affect:
    """Weight-normalised mean of named points, each scaled toward neutral by its own factor."""
    parts = [(emotion(name), weight, k) for name, weight, k in components]
    total = sum(weight for _, weight, _ in parts)
    if not math.isfinite(total):
        raise InputError("the weights of the mixture are too large to add up: use numbers near 1")
    shares: dict[str, float] = {}
    point = np.zeros(3)
    for entry, weight, k in parts:
        share = weight / total * k
        shares[entry.term] = shares.get(entry.term, 0.0) + share
        point += share * np.array([entry.valence, entry.arousal, entry.dominance])
    # The anchors have two decimals and text is decimal: nine are enough, and keep str() short.
    valence, arousal, dominance = (round(float(value), 9) for value in point)
    return Affect(valence, arousal, dominance, tuple((t, share) for t, share in shares.items() if share > 0))


def _components(text: str) -> list[tuple[str, float, float]]:
    """ "joy:0.7*0.5+fear:0.3" -> (name, weight, factor) of each part, as written."""
    components = []
    # A sign inside a number ("1e+3") follows a digit and an e; every other plus joins two parts.
    for part in re.split(r"(?<!\de)\+", text.casefold()):
        rest, starred, factor = part.partition("*")
        name, weighed, weight = rest.partition(":")
        if not name.strip():
            raise InputError(f"an emotion's name is missing in {_quoted(text)}: write 'joy:0.7+fear:0.3'")
        w = _number("weight", weight) if weighed else 1.0
        k = _number("strength", factor) if starred else 1.0
        if w <= 0 or k < 0:
            raise InputError(f"in {_quoted(part)} a weight must be above 0 and a strength at least 0")
        components.append((name, w, k))
    return components


def _numbers(text: str) -> tuple[float, float, float | None]:
    parts = text.split(",")
    if len(parts) not in (2, 3):
        raise InputError(f"{_quoted(text)} is neither valence,arousal nor valence,arousal,dominance")
    dominance = _number("dominance", parts[2]) if len(parts) == 3 else None
    return _number("valence", parts[0]), _number("arousal", parts[1]), dominance


def _number(name: str, text: str) -> float:
    try:
        return _finite(name, float(text))
    except ValueError:
        raise InputError(f"{name} {_quoted(text)} is not a finite number") from None


def _finite(name: str, value: float) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise InputError(f"{name} must be a number, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError(f"{name} must be a finite number, not {number}")
    return number


def _coordinate(name: str, value: float) -> float:
    number = _finite(name, value) + 0.0  # -0.0 becomes 0.0
    if not -1.0 <= number <= 1.0:
        raise InputError(
            f"{name} {_short(number)} is out of range: use -1 to 1, or Affect.from_scale for other scales"
        )
    return number


def _checked_blend(blend: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    checked = []
    for pair in blend:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InputError(f"a blend holds (term, weight) pairs, not {_quoted(str(pair))}")
        weight = _finite("weight", pair[1])
        if weight <= 0:
            raise InputError(f"the weight of {_quoted(str(pair[0]))} must be above 0, not {weight}")
        checked.append((emotion(pair[0]).term, weight))
    if len({term for term, _ in checked}) < len(checked):
        raise InputError("a blend names each emotion once: add up the weights")
    return tuple(sorted(checked, key=lambda pair: (-pair[1], pair[0])))


def _scale(low: float, high: float) -> tuple[float, float]:
    low, high = _finite("low", low), _finite("high", high)
    if not low < high or math.isinf(high - low):
        raise InputError(f"a scale runs from low to high, such as 1 to 9, not from {low} to {high}")
    return low, high


def _short(value: float) -> str:
    """The shortest decimal that reads back as the same float."""
    return repr(value).removesuffix(".0")


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
