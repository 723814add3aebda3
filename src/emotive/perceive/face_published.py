"""The judge of faces with published signs only: a regressor that a reader can check by hand.

Nothing here was fitted, on our faces or on any other, but it has seen some of ours: how large a full unit is,
and that AU12 and AU15 say nothing of arousal, was settled after a first look at what it said of rendered
portraits. The literature says which action units (Ekman & Friesen 1978) go with which direction of affect;
each is a line of `SIGNS` with its source. Equal weights within a direction are then the choice that does not
pretend to more (Dawes 1979, The robust beauty of improper linear models); units that two studies agree on,
and that were measured against continuous ratings or the zygomatic and corrugator muscles, weigh double.

Z24  Zhang, Sato, Kawamura, Shimokawa, Tang & Nakamura 2024, Sensing emotional valence and arousal dynamics
     through automated facial action unit analysis, Sci. Rep. 14:19563: AU12 rises and AU4 falls with felt
     valence.
H19  Haines, Southward, Cheavens, Beauchaine & Ahn 2019, Using computer-vision and machine learning to
     automate facial coding of positive and negative affect intensity, PLoS ONE 14:e0211735: smiles and
     raised cheeks for positive; lowered brows, wrinkled noses and raised chins for negative intensity.
L93  Lang, Greenwald, Bradley & Hamm 1993, Looking at pictures, Psychophysiology 30:261-273: the corrugator
     (AU4) falls and the zygomatic (AU12) rises with pleasantness.
E78  Ekman & Friesen 1978, the prototypes of FACS: raised brows and lids (AU1, 2, 5) and parted lips (AU25,
     26, 27) for surprise and fear, which are aroused; lowered corners (AU15) for sadness; drooping lids
     (AU43) for fatigue, which is not.
C07  Castellano, Villalba & Camurri 2007; Wallbott 1998: the energy of movement rises with arousal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotive.face.landmarks import FaceLandmarks

from .estimated_curve import EstimatedCurve
from .face_judge import STEP, WINDOW, windowed
from .face_units import ACTION_UNITS, MEASURES, action_units, face_units
from .judge import Estimates


class Sign(NamedTuple):
    """What an action unit at full intensity adds to valence and arousal, in shares of `FULL`; its source."""

    valence: float
    arousal: float
    source: str


SIGNS: dict[str, Sign] = {
    "AU12": Sign(2, 0, "Z24 H19 L93"),
    "AU6+7": Sign(1, 0, "H19; of AU7, an eye that narrows, arousal is disputed"),
    "AU4": Sign(-2, 0, "Z24 H19 L93"),
    "AU9": Sign(-1, 0, "H19"),
    "AU15": Sign(-1, 0, "E78"),
    "AU17": Sign(-1, 0, "H19"),
    "AU43": Sign(0, -2, "E78"),
    "AU1": Sign(0, 1, "E78"),
    "AU2": Sign(0, 1, "E78"),
    "AU5": Sign(0, 2, "E78"),
    "AU25": Sign(0, 1, "E78"),
    "AU26": Sign(0, 1, "E78"),
    "AU27": Sign(0, 1, "E78"),
}
FULL = 0.5  # of the scale that a sign of 1 at full intensity adds: two clear signs reach its end
# C07. Of faces over time: the mean speed of the measures, eye distances/s, against that of calm speech.
CALM_ENERGY, ENERGY_TO_AROUSAL = 0.06, 0.5  # doubling adds that; halving takes it away
SPREAD = (0.45, 0.50)  # of one answer, stated: people's ratings agree with such rules at r of .5 to .7


class FacePublishedJudge:
    """Published signs only; see the module."""

    name = "published, face"

    def fingerprint(self) -> str:
        """64 hex digits: the sha256 of every number here."""
        numbers = [ACTION_UNITS, SIGNS, FULL, CALM_ENERGY, ENERGY_TO_AROUSAL, SPREAD]
        return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()

    def contributions(self, units: np.ndarray) -> dict[str, np.ndarray]:
        """What each action unit adds to valence and arousal, (N, 2), from `face_units` (N, D)."""
        shown = dict(zip(ACTION_UNITS, action_units(units).T, strict=True))
        return {
            name: FULL * shown[name][:, None] * np.array([sign.valence, sign.arousal])
            for name, sign in SIGNS.items()
        }

    def estimate(self, faces: Sequence[FaceLandmarks], neutral: FaceLandmarks | None = None) -> Estimates:
        """Faces of one person -> `Estimates` of (N,), face by face; how they move is not looked at.

        neutral: the same person's face at rest, found in the same way; estimated if it is None.
        """
        return self._estimates(face_units(faces, neutral), np.zeros(len(faces)))

    def curve(
        self,
        faces: Sequence[FaceLandmarks],
        times: Sequence[float] | np.ndarray,
        neutral: FaceLandmarks | None = None,
    ) -> EstimatedCurve:
        """Affect over time; times (N,) in seconds, rising, of each face. The energy of movement counts."""
        units, at = face_units(faces, neutral), np.asarray(times, np.float64)
        speed = motion_energy(units, at)
        energy = np.array([speed[np.abs(at - t) <= WINDOW / 2].mean() for t in at])
        raised = ENERGY_TO_AROUSAL * np.log2(np.clip(energy / CALM_ENERGY, 0.5, 2)) if len(at) > 1 else 0 * at
        return windowed(self._estimates(units, raised), times, WINDOW, STEP)

    def _estimates(self, units: np.ndarray, raised: np.ndarray) -> Estimates:
        total = sum(self.contributions(units).values(), np.zeros((len(units), 2)))
        valence, arousal = np.tanh(total[:, 0]), np.tanh(total[:, 1] + raised)
        return Estimates(valence, arousal, *(np.full(len(units), sd) for sd in SPREAD))


def motion_energy(units: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Mean speed of the measures, (N,) eye distances/s, of `face_units` (N, D) at times (N,) in seconds."""
    if len(units) < 2:
        return np.zeros(len(units))
    moved = [i for i, name in enumerate(MEASURES) if name != "roundness"]  # the only one that is no length
    steps = np.abs(np.diff(units[:, moved], axis=0)).mean(1) / np.maximum(np.diff(times), 1e-3)
    return np.concatenate([steps[:1], (steps[1:] + steps[:-1]) / 2, steps[-1:]])
