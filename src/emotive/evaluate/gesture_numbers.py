"""What is measured of motions besides what judges read in it: how much, when, how far from the teacher."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from emotive.body.limits import violations
from emotive.perceive.body_features import FEATURES, features_of
from emotive.perceive.motion_features import MotionFeatures

from .gesture_arms import Acted, Beats
from .gesture_metrics import (
    BINS,
    LAX,
    SIGMA,
    Seen,
    consistency,
    ends_of,
    foot_skate,
    hand_penetration,
    hold_share,
    l1_diversity,
    mean_acceleration,
    mean_jerk,
    published_beat_consistency,
    repeated,
    speed_histogram,
    strokes_of,
)

NUISANCES = ("quantity of motion", "head down")
CHUNKS = 3  # of 2 s of each clip, whose codes are compared
CODE = 32  # numbers of a chunk
HISTOGRAM = len(BINS) - 1


def nuisances(items: Sequence[Acted]) -> np.ndarray:
    """What a body could do with the request without showing a feeling otherwise: `NUISANCES`, (N, 2)."""
    columns = [FEATURES.index("motion"), FEATURES.index("head down")]
    return np.stack([features_of(item.seen.tracks)[columns] for item in items])


def distributions(features: MotionFeatures, items: Sequence[Acted]) -> np.ndarray:
    """Codes of `CHUNKS` chunks, then the histogram of the wrists' speed: (N, 3 x 32 + 60)."""
    codes = features.codes([item.motion for item in items], CHUNKS).reshape(len(items), -1)
    speeds = np.stack([speed_histogram([item.seen]) for item in items])
    return np.concatenate([codes, speeds], 1)


def _worst(seen: Seen) -> float:
    """The most that any joint is beyond the human range, deg."""
    return max(float(beyond.max(initial=0.0)) for beyond in violations(seen.motion).values())


QUALITIES: dict[str, Callable[[Seen], float]] = {
    "motion": lambda seen: float(seen.tracks.speeds["motion"].mean()),
    "jerk": mean_jerk,
    "acceleration": mean_acceleration,
    "l1div": l1_diversity,
    "holds": hold_share,
    "skate": foot_skate,
    "penetration": hand_penetration,
    "range": _worst,
    "seconds": lambda seen: seen.motion.duration,
}
"""Numbers of a motion, by name."""


def of_each(of: Callable[[Seen], float]) -> Callable[[Sequence[Acted]], np.ndarray]:
    return lambda items: np.array([of(item.seen) for item in items])


def timing(beats: Sequence[Beats], number: int) -> dict[str, Callable[[Sequence[Acted]], np.ndarray]]:
    """Sums over the strokes, ends of movement and stresses of motions of caption `number` of how well they
    agree with their own sound and, "shuffled", with that of the other captions, so that they can be pooled;
    the published form, which is a mean over vowels, as it is."""
    others = [of for i, of in enumerate(beats) if i != number]

    def strokes(items: Sequence[Acted]) -> np.ndarray:
        return np.array([len(strokes_of(item.seen)) for item in items], float)

    def ends(items: Sequence[Acted]) -> np.ndarray:
        return np.array([len(ends_of(item.seen)) for item in items], float)

    def agree(which: Callable[[Seen], np.ndarray], shuffled: bool, backwards: bool = False) -> Any:
        def of(item: Acted) -> float:
            times = which(item.seen)
            if not shuffled:
                return _agreement(times, Beats.of(item.speech).stresses, backwards)
            wrong = [repeated(b.stresses, b.seconds, item.motion.duration) for b in others]
            return float(np.mean([_agreement(times, w, backwards) for w in wrong])) if wrong else np.nan

        return lambda items: np.array([of(item) for item in items])

    def published(shuffled: bool, sigma: float) -> Any:
        def of(item: Acted) -> float:
            if not shuffled:
                return _number(published_beat_consistency(item.seen, Beats.of(item.speech).vowels, sigma))
            wrong = [repeated(b.vowels, b.seconds, item.motion.duration) for b in others]
            found = [_number(published_beat_consistency(item.seen, w, sigma)) for w in wrong]
            return float(np.mean(found)) if found else np.nan

        return lambda items: np.array([of(item) for item in items])

    return {
        "strokes": strokes,
        "strokes_own": agree(strokes_of, False),
        "strokes_shuffled": agree(strokes_of, True),
        "ends": ends,
        "ends_own": agree(ends_of, False),
        "ends_shuffled": agree(ends_of, True),
        "stresses": lambda items: np.array([len(Beats.of(item.speech).stresses) for item in items], float),
        "stresses_own": agree(strokes_of, False, True),
        "published_own": published(False, LAX),
        "published_shuffled": published(True, LAX),
        "strict_own": published(False, SIGMA),
        "strict_shuffled": published(True, SIGMA),
    }


def _agreement(times: np.ndarray, beats: np.ndarray, backwards: bool) -> float:
    """The sum over `times` of their consistency with `beats`, or over `beats` with `times`."""
    one, other = (beats, times) if backwards else (times, beats)
    return len(one) * (consistency(one, other) or 0.0)


def _number(value: float | None) -> float:
    return np.nan if value is None else value
