"""The judge of bodies that learned: from performances by people, and to voices, that are in no evaluation."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch

from emotive.models.body_judge import BodyJudgeNetwork
from emotive.signals import BodyMotion

from .body_features import FEATURES, RATE, body_tracks, features_of, window_starts
from .estimated_curve import EstimatedCurve
from .judge import Estimates
from .loading import load_network

BODY_JUDGE = "emotive-body-judge-1"
PIECE = 8.0  # s that are read at once; of longer motions the pieces' answers are averaged
WINDOW, STEP = 4.0, 1.0  # s, of a curve: a gesture and the rest around it
SEEN = (*FEATURES, "seconds")  # seconds: ln of how long, which tells how much a measure can be trusted


class BodyJudge:
    """A small network that reads valence and arousal off how a body moves and is held."""

    name = "body"

    def __init__(self, network: BodyJudgeNetwork, fingerprint: str = ""):
        self.network = network.eval().requires_grad_(False)
        self._fingerprint = fingerprint

    @classmethod
    def from_pretrained(cls, name_or_folder: str | os.PathLike[str] = BODY_JUDGE) -> BodyJudge:
        """An embedded name, a folder or a hub id; verified before it is opened. Computes in float32.

        Raises WeightsError if it is not there, damaged, or another kind of model.
        """
        return cls(*load_network(BodyJudgeNetwork, "judge of bodies", BODY_JUDGE, name_or_folder, "cpu"))

    def fingerprint(self) -> str:
        """64 hex digits over the weights and configuration."""
        return self._fingerprint

    def estimate(self, motions: Sequence[BodyMotion]) -> Estimates:
        """Motions -> `Estimates` of (N,), each as a whole.

        Raises InputError for one that is shorter than half a second or has no arms.
        """
        found = [self.estimate_features(seen(motion, PIECE, PIECE / 2)[1]) for motion in motions]
        if not found:
            return Estimates(*(np.zeros(0),) * 4)
        return Estimates(*np.array([[column.mean() for column in each] for each in found]).T)

    @torch.no_grad()
    def estimate_features(self, features: np.ndarray) -> Estimates:
        """The same from `seen` (N, 30)."""
        mean, log_sd = self.network(torch.from_numpy(np.asarray(features, np.float32)))
        mean = mean.clamp(-1, 1).double().numpy()
        sd = log_sd.exp().double().numpy() * np.array(self.network.config["spread"])
        return Estimates(mean[:, 0], mean[:, 1], sd[:, 0], sd[:, 1])

    def curve(self, motion: BodyMotion) -> EstimatedCurve:
        """Affect over time, in windows of `WINDOW` s. Raises InputError as `estimate` does."""
        times, features = seen(motion, WINDOW, STEP)
        return EstimatedCurve(times, *self.estimate_features(features))


def seen(motion: BodyMotion, window: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Middles of windows (N,), s, and what the network sees of each: `SEEN`, (N, 30)."""
    tracks = body_tracks(motion)
    spans = window_starts(len(tracks), window, step)
    rows = [[*features_of(tracks, first, last), np.log((last - first) / RATE)] for first, last in spans]
    return np.array(spans).mean(1) / RATE, np.array(rows)
