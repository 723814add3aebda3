"""Affect over time as a judge heard it, with its spread: a row per window."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from emotive.affect import Affect, AffectCurve


@dataclass(frozen=True)
class EstimatedCurve:
    """M windows in order: float64 arrays (M,), M >= 1.

    times: the middle of each window, seconds from the clip's first sample. Windows with next to no speech are
        left out, so that times may jump.
    valence, arousal: in [-1, 1].
    valence_sd, arousal_sd: one standard deviation in the same unit.
    """

    times: np.ndarray
    valence: np.ndarray
    arousal: np.ndarray
    valence_sd: np.ndarray
    arousal_sd: np.ndarray

    def to_curve(self) -> AffectCurve:
        """The means as keyframes, which other pipelines take as what to express."""
        rows = zip(self.times, self.valence, self.arousal, strict=True)
        return AffectCurve([(float(t), Affect(float(v), float(a))) for t, v, a in rows])

    def to_csv(self) -> str:
        """`time,valence,arousal,valence_sd,arousal_sd` and a line per window, to four decimals."""
        text = io.StringIO()
        text.write("time,valence,arousal,valence_sd,arousal_sd\n")
        rows = np.stack([self.times, self.valence, self.arousal, self.valence_sd, self.arousal_sd], 1)
        np.savetxt(text, rows, "%.4f", ",")
        return text.getvalue()
