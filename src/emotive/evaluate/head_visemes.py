"""Can the sound be read from the lips? Visemes, frame by frame, by a linear discriminant of mouth tracks.

The classes are the 15 of Oculus' lip-sync, as face/phone_shapes.py gives them to phones.

The reader is fitted on the teacher's motion for voices of training, and reads motion of held-out voices. It
knows nothing of the network that made them: it sees tracks alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from emotive.face.phone_shapes import TARGETS, VISEMES, targets_of
from emotive.signals import ARKIT, FaceMotion, Phone

from .lip_sync import within

NONE = -1  # of an h, which has the lips of its neighbour
MOUTH = tuple(i for i, name in enumerate(ARKIT) if name.startswith(("jaw", "mouth", "tongue")))
CONTEXT = 4  # frames before and after: a consonant is known by how the lips come and go


def viseme_labels(phones: Sequence[Phone], fps: float, frames: int) -> np.ndarray:
    """Of each frame, int (T,), an index into VISEMES; -1 where a phone has none. Diphthongs pass through two
    of them."""
    labels = np.zeros(frames, int)
    times = np.arange(frames) / fps
    for phone in phones:
        names = targets_of(phone.symbol)
        edges = np.linspace(phone.start, phone.end, len(names) + 1)
        for name, (start, end) in zip(names, pairwise(edges), strict=True):
            number = NONE if name == "hh" else VISEMES.index(TARGETS[name].viseme)
            labels[within(times, start, end)] = number
    return labels


def mouth_weights(motion: FaceMotion) -> np.ndarray:
    """The blendshapes of jaw, lips and tongue, (T, K)."""
    return motion.weights[:, list(MOUTH)]


def in_context(tracks: np.ndarray) -> np.ndarray:
    """Each frame beside its neighbours, (T, K) -> (T, K (2 CONTEXT + 1)); the ends are held."""
    tracks = np.asarray(tracks, np.float64)
    rows = np.arange(len(tracks))[:, None] + np.arange(-CONTEXT, CONTEXT + 1)
    return tracks[rows.clip(0, len(tracks) - 1)].reshape(len(tracks), -1)


@dataclass(frozen=True, eq=False)
class LipReader:
    """A linear discriminant: scores = tracks in context @ weight (D, 15) + bias (15,)."""

    weight: np.ndarray
    bias: np.ndarray

    @classmethod
    def fit(
        cls, tracks: Sequence[np.ndarray], labels: Sequence[np.ndarray], ridge: float = 1e-3
    ) -> LipReader:
        """Of utterances (T, K) with labels (T,). Fisher's discriminant: one covariance, shrunk by `ridge`
        of its mean variance, and priors the root of the shares, between what is frequent and what macro-F1
        weighs alike. A viseme that never comes is never read."""
        x = np.concatenate([in_context(t) for t in tracks])
        y = np.concatenate(list(labels))
        x, y = x[y != NONE], y[y != NONE]
        there = [k for k in range(len(VISEMES)) if (y == k).any()]
        means = np.stack([x[y == k].mean(0) for k in there])
        left = x - means[np.searchsorted(there, y)]
        covariance = left.T @ left / len(x)
        covariance[np.diag_indices_from(covariance)] += ridge * np.trace(covariance) / len(covariance)
        solved = np.linalg.solve(covariance, means.T)  # (D, k)
        share = np.array([(y == k).mean() for k in there])
        weight = np.zeros((x.shape[1], len(VISEMES)))
        bias = np.full(len(VISEMES), -np.inf)
        weight[:, there] = solved
        bias[there] = -(means.T * solved).sum(0) / 2 + np.log(share) / 2
        return cls(weight, bias)

    def read(self, tracks: np.ndarray) -> np.ndarray:
        """The viseme of each frame, int (T,)."""
        return (in_context(tracks) @ self.weight + self.bias).argmax(1)


def viseme_f1(
    read: Sequence[np.ndarray], labels: Sequence[np.ndarray], tolerance: int = 1
) -> dict[str, float]:
    """F1 of each viseme that is said, and their mean, "macro", over utterances of (T,) each.

    What is read at a frame is right if it is said there or up to `tolerance` frames away, and what is said is
    found if it is read as near. Frames that have no viseme do not count.
    """
    found = np.zeros((len(VISEMES), 4))  # read and right, read, said and found, said
    for one, other in zip(read, labels, strict=True):
        counted = other != NONE
        for k in range(len(VISEMES)):
            is_read, is_said = (one == k) & counted, other == k
            found[k] += (
                (is_read & _near(is_said, tolerance)).sum(),
                is_read.sum(),
                (is_said & _near(is_read, tolerance)).sum(),
                is_said.sum(),
            )
    out = {}
    for k in np.flatnonzero(found[:, 3]):
        precision = found[k, 0] / found[k, 1] if found[k, 1] else 0.0
        recall = found[k, 2] / found[k, 3]
        out[VISEMES[k]] = float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0
    return {"macro": float(np.mean(list(out.values()))) if out else 0.0, **out}


def _near(flags: np.ndarray, tolerance: int) -> np.ndarray:
    """True where any flag up to that many frames away is."""
    return np.convolve(flags, np.ones(2 * tolerance + 1), "same")[: len(flags)] > 0
