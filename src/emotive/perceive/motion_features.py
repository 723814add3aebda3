"""Features of bodies in motion, learned without labels, in which sets of motion are compared."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch

from emotive.models.motion_autoencoder import FRAMES, MotionAutoencoder
from emotive.signals import JOINT, BodyMotion

from .body_features import own_places, scaled_places
from .loading import load_network

MOTION_FEATURES = "emotive-gesture-features-1"
EVERY = 2  # frames of 30/s between two that are seen: chunks last 2.1 s
_SIDED = ("UpperArm", "LowerArm", "Hand", "ThumbDistal", "IndexDistal", "LittleDistal", "LowerLeg", "Foot")
SHOWN = (
    "hips",
    "chest",
    "neck",
    "head",
    "jaw",
    *(f"{s}{part}" for s in ("left", "right") for part in _SIDED),
)
"""The joints that are seen, from the middle of the shoulders along the body's own axes, m."""


class MotionFeatures:
    """Chunks of motion to codes."""

    def __init__(self, network: MotionAutoencoder, fingerprint: str = ""):
        self.network = network.eval().requires_grad_(False)
        self._fingerprint = fingerprint

    @classmethod
    def from_pretrained(cls, name_or_folder: str | os.PathLike[str] = MOTION_FEATURES) -> MotionFeatures:
        """An embedded name, a folder or a hub id; verified before it is opened.

        Raises WeightsError if it is not there, damaged, or another kind of model.
        """
        what = "autoencoder of motion"
        return cls(*load_network(MotionAutoencoder, what, MOTION_FEATURES, name_or_folder, "cpu"))

    def fingerprint(self) -> str:
        """64 hex digits over the weights and configuration."""
        return self._fingerprint

    @torch.no_grad()
    def of(self, chunks: np.ndarray) -> np.ndarray:
        """`motion_chunks` (N, 32, channels) -> codes (N, 32), float64."""
        return self.network.encode(torch.from_numpy(np.asarray(chunks, np.float32))).double().numpy()

    def codes(self, motions: Sequence[BodyMotion], count: int | None = None) -> np.ndarray:
        """Codes of all chunks of all motions, (N, 32); with `count`, of that many chunks of each."""
        return self.of(np.concatenate([motion_chunks(motion, count) for motion in motions]))


def motion_chunks(motion: BodyMotion, count: int | None = None) -> np.ndarray:
    """Chunks of a motion, float32 (N, 32, channels), 15 frames/s: one after the other, at least one, whose
    last frame is held where the motion is too short; or `count`, evenly spread, that may overlap."""
    places = own_places(scaled_places(motion))[::EVERY, [JOINT[name] for name in SHOWN]]
    tracks = places.reshape(len(places), -1).astype(np.float32)
    if len(tracks) < FRAMES:
        tracks = np.concatenate([tracks, np.repeat(tracks[-1:], FRAMES - len(tracks), 0)])
    last = len(tracks) - FRAMES
    starts = range(0, last + 1, FRAMES) if count is None else np.linspace(0, last, count).astype(int).tolist()
    return np.stack([tracks[s : s + FRAMES] for s in starts])
