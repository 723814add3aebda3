"""The judge of faces that learned: from painted people who are in no evaluation, speaking and silent."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch

from emotive.errors import InputError
from emotive.face.landmarks import FaceLandmarks
from emotive.models.face_judge import FaceJudgeNetwork

from .estimated_curve import EstimatedCurve
from .face_units import MEASURES, face_units, head_rotations, straightest
from .judge import Estimates
from .loading import load_network

FACE_JUDGE = "emotive-face-judge-1"
WINDOW, STEP = 1.0, 0.5  # seconds, of a curve: a mouth that speaks hides a feeling for a syllable
POSE = ("nod", "turn", "tilt")  # rad; no cue, but they tell how far the measures can be trusted
FEATURES = (*MEASURES, *POSE)


class FaceJudge:
    """A small network that reads valence and arousal off the landmarks of one face."""

    name = "face"

    def __init__(self, network: FaceJudgeNetwork, fingerprint: str = ""):
        self.network = network.eval().requires_grad_(False)
        self._fingerprint = fingerprint

    @classmethod
    def from_pretrained(cls, name_or_folder: str | os.PathLike[str] = FACE_JUDGE) -> FaceJudge:
        """An embedded name, a folder or a hub id; verified before it is opened. Computes in float32.

        Raises WeightsError if it is not there, damaged, or another kind of model.
        """
        return cls(*load_network(FaceJudgeNetwork, "judge of faces", FACE_JUDGE, name_or_folder, "cpu"))

    def fingerprint(self) -> str:
        """64 hex digits over the weights and configuration."""
        return self._fingerprint

    def estimate(self, faces: Sequence[FaceLandmarks], neutral: FaceLandmarks | None = None) -> Estimates:
        """Faces of one person -> `Estimates` of (N,), face by face.

        neutral: the same person's face at rest, found in the same way. Without it, it is estimated (see
            `face_units.neutral_of`) and the spread is that of a stranger.
        """
        return self.estimate_features(face_features(faces, neutral), neutral is None)

    @torch.no_grad()
    def estimate_features(self, features: np.ndarray, strange: bool = False) -> Estimates:
        """The same from `face_features` (N, D)."""
        mean, log_sd = self.network(torch.from_numpy(np.asarray(features, np.float32)))
        factors = np.array(self.network.config["strange" if strange else "spread"])
        mean, sd = mean.clamp(-1, 1).double().numpy(), log_sd.exp().double().numpy() * factors
        return Estimates(mean[:, 0], mean[:, 1], sd[:, 0], sd[:, 1])

    def curve(
        self,
        faces: Sequence[FaceLandmarks],
        times: Sequence[float] | np.ndarray,
        neutral: FaceLandmarks | None = None,
    ) -> EstimatedCurve:
        """Affect over time; times (N,) in seconds, rising, of each face."""
        return windowed(self.estimate(faces, neutral), times)


def face_features(faces: Sequence[FaceLandmarks], neutral: FaceLandmarks | None = None) -> np.ndarray:
    """float64 (N, 21): `face_units`, then `POSE` against the neutral face, or the straightest one."""
    if not len(faces):
        return np.zeros((0, len(FEATURES)))
    units = face_units(faces, neutral)
    turned = head_rotations(faces, neutral or straightest(faces))
    return np.concatenate([units, turned], 1)


def windowed(
    found: Estimates, times: Sequence[float] | np.ndarray, window: float = WINDOW, step: float = STEP
) -> EstimatedCurve:
    """Estimates of faces at `times` (N,), seconds, averaged over windows of `window` s every `step` s.

    Windows without a face are left out. Neighbouring frames err alike, so spreads are averaged, not narrowed.
    """
    at = np.asarray(times, np.float64)
    if not len(at):
        raise InputError("there are no faces to read")
    half = window / 2
    centres = np.arange(half, max(at[-1] + step - half, half + 1e-9), step)
    rows = []
    for centre in centres:
        inside = np.abs(at - centre) <= half + 1e-9
        if inside.any():
            rows.append([centre, *(track[inside].mean() for track in found)])
    if not rows:
        rows = [[float(at.mean()), *(track.mean() for track in found)]]
    return EstimatedCurve(*np.array(rows).T)
