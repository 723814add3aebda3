"""The judge with published coefficients only: a regressor that a reader can check by hand.

Nothing here was fitted, on our pictures or on any other. There are three ingredients.

**Colour** has published coefficients. Valdez & Mehrabian 1994, Effects of color on emotions, J. Exp. Psych.:
General 123:394-409, on standardised brightness B and saturation S:

    pleasure =  .69 B + .22 S
    arousal  = -.31 B + .60 S

Brightness is read as CIE L*, saturation as CIE C*: the two are built after value and chroma of the Munsell
chips that were rated. The -.31 is contradicted: Wilms & Oberfeld 2018, Psychol. Research 82:896-914, measured
that *bright* colours arouse (ratings and skin conductance). Two studies that disagree on a sign are no
coefficient, so `brightness_to_arousal` is 0 here; give -0.31 for Valdez & Mehrabian as they stand. For the
same reason hue is left out: red arouses in the one, blue-green in the other.

**Line, texture and composition** have published signs but no published coefficients. Equal unit weights are
then the choice that does not pretend to more (Dawes 1979, The robust beauty of improper linear models). The
mean of the standardised attributes of a block weighs as much as the published colour vector is long:
sqrt(.69^2 + .22^2) = .72 for valence, sqrt(.31^2 + .60^2) = .68 for arousal.

    valence  +  roundness, that is - angularity     Bar & Neta 2006; Lu et al. 2012
             +  symmetry                            Arnheim 1974: balance rests, off-centre weight disturbs
             -  centre_surround                     Machajdik & Hanbury 2010: low-key corners and vignettes
    arousal  +  edge_density, detail                Machajdik & Hanbury 2010: level of detail, texture energy
             +  rms_contrast                        Machajdik & Hanbury 2010: low contrast is calm or sad
             +  obliqueness                         Machajdik & Hanbury 2010: slanted lines are dynamic
             +  angularity                          Lu et al. 2012: angular and complex shapes arouse

**Standardisation** uses the moments of a uniform distribution over a range: mean (low + high) / 2, standard
deviation (high - low) / sqrt(12). `RANGES` gives each range with its reason; none is a statistic of pictures.
One choice was made with a look at the painter's pictures: of several measures that tell discs from polygons,
`angularity` is the one whose sign held there.

A rating's own standard deviation is taken as that of a uniform distribution over [-1, 1], 1 / sqrt(3), and
tanh keeps the answer inside: estimate = tanh(sum of contributions / sqrt(3)).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .attributes import PictureAttributes, picture_attributes
from .judge import Estimates

# attribute -> (low, high): the range whose uniform distribution standardises it.
RANGES: dict[str, tuple[float, float]] = {
    "lightness": (0.0, 100.0),  # the scale itself, black to white
    "chroma": (0.0, 50.0),  # grey to Munsell chroma /10, at about 5 C* per step: the strongest common chips
    "angularity": (0.0, 1.0),  # the scale itself, disc to polygon
    "symmetry": (-0.5, 1.0),  # a gradient from left to right gives -1, which no composition nears; a mirror 1
    "centre_surround": (-0.5, 0.5),  # a middle half of the lightness scale above its rim, or below
    "edge_density": (0.0, 0.3),  # blank to a black and white checkerboard of 22 x 22 squares
    "detail": (0.0, 0.1),  # blank to a black and white checkerboard of 5 x 5 squares
    "rms_contrast": (0.0, 0.5),  # blank to half black, half white: the largest there is
    "obliqueness": (0.0, 1.0),  # the scale itself
}
PLEASURE = {"lightness": 0.69, "chroma": 0.22}
AROUSAL = {"lightness": -0.31, "chroma": 0.60}
VALENCE_SIGNS = {"angularity": -1, "symmetry": 1, "centre_surround": -1}
AROUSAL_SIGNS = {"edge_density": 1, "detail": 1, "rms_contrast": 1, "obliqueness": 1, "angularity": 1}
RATING_SD = 1 / math.sqrt(3)


class Contributions(NamedTuple):
    """What each attribute adds, in standard deviations of a rating, by attribute name.

    An estimate is tanh of the sum of its contributions times `RATING_SD`.
    """

    valence: dict[str, float]
    arousal: dict[str, float]


class PublishedJudge:
    """Published coefficients only; see the module. `brightness_to_arousal` is -0.31 in Valdez & Mehrabian."""

    name = "published"

    def __init__(self, brightness_to_arousal: float = 0.0):
        self.coefficients = {
            "valence": PLEASURE | _unit_weights(VALENCE_SIGNS, math.hypot(*PLEASURE.values())),
            "arousal": {**AROUSAL, "lightness": brightness_to_arousal}
            | _unit_weights(AROUSAL_SIGNS, math.hypot(*AROUSAL.values())),
        }

    def fingerprint(self) -> str:
        """64 hex digits: the sha256 of every coefficient and range."""
        numbers = json.dumps([self.coefficients, RANGES, RATING_SD], sort_keys=True)
        return hashlib.sha256(numbers.encode()).hexdigest()

    def contributions(self, attributes: PictureAttributes) -> Contributions:
        """What each attribute of one picture adds to valence and to arousal."""
        return Contributions(
            *(
                {name: k * standardised(name, getattr(attributes, name)) for name, k in weights.items()}
                for weights in (self.coefficients["valence"], self.coefficients["arousal"])
            )
        )

    def estimate(self, pictures: Sequence[np.ndarray]) -> Estimates:
        """Pictures uint8 (H, W, 3) -> `Estimates` of (N,).

        The spread is what the published coefficients leave unexplained. Taking brightness and saturation as
        uncorrelated, they explain .69^2 + .22^2 = .52 of pleasure and .31^2 + .60^2 = .46 of arousal, which
        leaves residuals of .69 and .74 standard deviations of a rating, carried through tanh by its slope.
        """
        both = [self.contributions(picture_attributes(p)) for p in pictures]
        sums = np.array([[sum(c.valence.values()), sum(c.arousal.values())] for c in both]).reshape(-1, 2)
        valence, arousal = np.tanh(RATING_SD * sums).T
        left = [math.sqrt(1 - sum(k * k for k in published.values())) for published in (PLEASURE, AROUSAL)]
        spread = [RATING_SD * k * (1 - x * x) for k, x in zip(left, (valence, arousal), strict=True)]
        return Estimates(valence, arousal, *spread)


def standardised(name: str, value: float) -> float:
    """(value - mean) / sd under a uniform distribution over the attribute's range; clipped to +-3."""
    low, high = RANGES[name]
    z = (value - (low + high) / 2) / ((high - low) / math.sqrt(12))
    return min(max(z, -3.0), 3.0)


def _unit_weights(signs: dict[str, int], length: float) -> dict[str, float]:
    return {name: sign * length / len(signs) for name, sign in signs.items()}
