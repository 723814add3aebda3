"""The judge of bodies with published directions only: a regressor that a reader can check by hand.

Nothing here was fitted, on our motion or on any other, and all of it was written before any motion of ours
was read; only how a stroke is told from other movement (`body_strokes`) was settled after a look at some. The
literature says which way affect moves a body, and seldom by how much. Those statements, one
line of `CUES` each, are read as a linear forward model,

    cue = norm + valence * toward_valence + arousal * toward_arousal + noise,    noise ~ N(0, spread^2)

and inverted by Bayes' rule under the prior that valence and arousal are uniform on [-1, 1], taken as normal
with its variance 1/3. What comes out is a weighted sum of cues, which `contributions` gives cue by cue, and a
spread. Where several cues are views of one thing, their spreads are widened by the root of their number.

W98  Wallbott 1998, Bodily expression of emotion, Eur. J. Soc. Psychol. 28:879-896: movement activity,
     expansiveness and dynamics rise with activation; a collapsed upper body and a head that hangs in sadness,
     shame and despair; shoulders raised in joy and anger.
C07  Castellano, Villalba & Camurri 2007, Recognising human emotions from body movement and gesture dynamics:
     quantity of motion, velocity and acceleration rise with arousal.
D13  Dael, Goudbeek & Scherer 2013, Perceived gesture dynamics in nonverbal expression of emotion, Perception
     42:642-657: arousal makes movement more, faster and more forceful; pleasant movement flows and is high.
P20  Poyo Solanas, Vaessen & de Gelder 2020, The role of computational and subjective features in emotional
     body expressions, Sci. Rep. 10:6202: raised hands and stretched bodies for happiness, low ones and a
     bowed head for sadness; bent limbs for anger.
G12  Gross, Crane & Fredrickson 2012, Effort-Shape and kinematic assessment of bodily expression of emotion
     during gait, Hum. Mov. Sci. 31:202-221: neck and upper trunk bent in sadness, the trunk extended and the
     shoulders lowered in joy, whatever the speed.
G11  Glowinski et al. 2011, Toward a minimal representation of affective gestures, IEEE Trans. Affective
     Comput. 2:106-118: two hands and a head tell valence and arousal by energy, extent and smoothness.
S16  Shafir, Tsachor & Welch 2016, Emotion regulation through movement, Front. Psychol. 6:2030: happiness
     rises and spreads, sadness sinks with the arms to the trunk.
H06  Hartmann, Mancini & Pelachaud 2006, Implementing expressive gesture synthesis for embodied conversational
     agents: overall activation is how many gestures there are.

Left out, because sources disagree or speak of single emotions: shoulders that are raised (W98 joy and anger;
G12 lowered in joy), leaning ahead (anger) and back (fear), one hand or two, what the feet do.

Norms and sizes are stated, per unit of affect (neutral to the end of the scale): speeds change by about half
(0.4 in logarithms), angles by 8 to 10 deg and heights by 6 to 8 cm, the order of what W98 and G12 find
between joy and sadness, halved. Norms are of somebody who stands and talks with one hand or two.
With `neutral`, features of the same person moving neutrally, differences are taken.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotive.signals import BodyMotion

from .body_features import FEATURES, body_features, window_features
from .estimated_curve import EstimatedCurve
from .judge import Estimates

WINDOW, STEP = 4.0, 1.0  # s, of a curve: a gesture and the rest around it


class Cue(NamedTuple):
    """A line of the forward model, in the feature's own unit; its source. `spread` is that between people and
    what they say; `within` that between clips of one person. `low`, `high`: words for less and more of it."""

    norm: float
    toward_valence: float
    toward_arousal: float
    spread: float
    within: float
    low: str
    high: str
    source: str


def _views(spread: float, of: int) -> float:
    return spread * math.sqrt(of)


CUES: dict[str, Cue] = {
    # Five views of how much and how fast one moves.
    "motion": Cue(math.log(0.045), 0.0, 0.40, _views(0.30, 5), _views(0.18, 5),
        "still", "restless", "W98 C07"),
    "hand speed": Cue(math.log(0.20), 0.0, 0.45, _views(0.40, 5), _views(0.28, 5),
        "slow hands", "fast hands", "C07 D13"),
    "acceleration": Cue(math.log(1.4), 0.0, 0.50, _views(0.40, 5), _views(0.28, 5),
        "soft", "forceful", "C07 D13"),
    "strokes": Cue(0.8, 0.0, 0.40, _views(0.35, 5), _views(0.25, 5),
        "few gestures", "many gestures", "H06 W98"),
    "holds": Cue(0.45, 0.0, -0.20, _views(0.18, 5), _views(0.14, 5), "restless hands", "quiet hands", "W98"),
    "head speed": Cue(math.log(0.035), 0.0, 0.35, 0.40, 0.25, "still head", "lively head", "G11 W98"),
    # Three views of how much room one takes; wide is active, and pleasant.
    "openness": Cue(0.37, 0.02, 0.04, _views(0.05, 3), _views(0.03, 3), "closed", "wide", "W98 S16"),
    "elbows out": Cue(20.0, 4.0, 5.0, _views(8.0, 3), _views(5.0, 3),
        "arms to the trunk", "arms spread", "S16 W98"),
    "highest hand": Cue(-0.22, 0.03, 0.06, _views(0.10, 3), _views(0.07, 3),
        "low strokes", "high strokes", "P20 D13"),
    "hands up": Cue(-0.36, 0.07, 0.02, 0.10, 0.05, "low hands", "raised hands", "D13 P20"),
    # Three views of an upright or a bowed body.
    "head down": Cue(3.0, -9.0, -2.0, _views(6.0, 3), _views(3.0, 3),
        "head raised", "head bowed", "W98 P20 G12"),
    "slump": Cue(4.0, -8.0, -2.0, _views(6.0, 3), _views(3.0, 3), "stretched", "slumped", "W98 G12"),
    "shoulders ahead": Cue(0.0, -0.010, 0.0, _views(0.015, 3), _views(0.008, 3),
        "open chest", "drawn in", "G12 S16"),
    # What is rough, and what is bent, is rather unpleasant.
    "smoothness": Cue(-7.0, 0.3, 0.0, 0.8, 0.5, "jerky", "fluent", "D13 G11"),
    "elbows bent": Cue(65.0, -5.0, 5.0, 20.0, 12.0, "arms straight", "arms bent", "P20"),
}  # fmt: skip
PRIOR = 1 / 3  # variance of a uniform distribution over [-1, 1]
FARTHEST = 3.0  # standard deviations that a cue may be off before it is clipped


class BodyContributions(NamedTuple):
    """What each cue adds to valence and to arousal, in units of [-1, 1], by cue."""

    valence: dict[str, float]
    arousal: dict[str, float]


class BodyPublishedJudge:
    """Published directions only; see the module.

    neutral: `body_features` (29,) of the same person moving neutrally.
    """

    name = "published, body"

    def __init__(self, neutral: np.ndarray | None = None):
        self._columns = np.array([FEATURES.index(name) for name in CUES])
        norms = np.array([c.norm for c in CUES.values()])
        self._norms = norms if neutral is None else np.asarray(neutral, np.float64)[self._columns]
        rows = np.array([[c.toward_valence, c.toward_arousal] for c in CUES.values()])
        noise = np.array([c.spread if neutral is None else c.within for c in CUES.values()])
        precision = rows.T @ (rows / noise[:, None] ** 2) + np.eye(2) / PRIOR
        self._inverse = np.linalg.solve(precision, (rows / noise[:, None] ** 2).T)  # (2, cues)
        self._spread = np.sqrt(np.diag(np.linalg.inv(precision)))
        # A cue that is off by more than the whole scale and its noise explain says nothing more.
        self._farthest = FARTHEST * np.sqrt(noise**2 + PRIOR * np.square(rows).sum(1))
        self._known = neutral is not None

    def fingerprint(self) -> str:
        """64 hex digits: the sha256 of every number here, and of the neutral features."""
        neutral = self._norms.tolist() if self._known else None
        numbers = [CUES, PRIOR, FARTHEST, neutral]
        return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()

    def deviations(self, features: np.ndarray) -> dict[str, float]:
        """How far each cue of `body_features` (29,) is from its norm, or from neutral, in its own unit."""
        return dict(zip(CUES, (np.asarray(features)[self._columns] - self._norms).tolist(), strict=True))

    def contributions(self, features: np.ndarray) -> BodyContributions:
        """What each cue of `body_features` (29,) adds; the sums, clipped to [-1, 1], are the estimate."""
        off = (np.asarray(features)[self._columns] - self._norms).clip(-self._farthest, self._farthest)
        valence, arousal = self._inverse * off
        return BodyContributions(*(dict(zip(CUES, x.tolist(), strict=True)) for x in (valence, arousal)))

    def estimate(self, motions: Sequence[BodyMotion]) -> Estimates:
        """Motions -> `Estimates` of (N,), each as a whole. The spread is that of the inversion: what the
        noise of the cues leaves open. Raises InputError for one that is shorter than half a second."""
        return self.estimate_features(
            np.array([body_features(m) for m in motions]).reshape(-1, len(FEATURES))
        )

    def estimate_features(self, features: np.ndarray) -> Estimates:
        """The same from `body_features` (N, 29)."""
        off = (np.asarray(features)[:, self._columns] - self._norms).clip(-self._farthest, self._farthest)
        sums = (off @ self._inverse.T).clip(-1, 1)
        spread = np.repeat(self._spread[None], len(sums), 0)
        return Estimates(*sums.T, *spread.T)

    def curve(self, motion: BodyMotion) -> EstimatedCurve:
        """Affect over time, in windows of `WINDOW` s. Raises InputError as `estimate` does."""
        times, features = window_features(motion, WINDOW, STEP)
        return EstimatedCurve(times, *self.estimate_features(features))
