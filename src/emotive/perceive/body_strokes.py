"""Movements of a hand: where each begins, ends and how straight and smooth it is.

A movement is a stretch in which a wrist goes faster than `MOVING`. It has ended where a wrist that was fast
has come nearly to rest; that, and not every minimum of its speed, is what speech is in time with: minima fall
anywhere inside a hold. Of the phases of a gesture (Kendon 2004) only the stroke, its effort, is: an end after
which the hand at once goes on as fast is a preparation's, one where it has come down to rest a retraction's,
and a smaller one just after another its rebound's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOVING = 0.08  # m/s: a wrist that is slower is held; breathing and sway move it by 0.02 to 0.05
SHORTEST = 0.17  # s, of a movement
PEAK, RESTED = 0.18, 0.35  # m/s that a stroke reaches; the share of its peak below which it has ended
NEXT = 0.4  # s after an end in which a stroke follows its preparation
REBOUND = 0.3  # s after a stroke in which a hand swings back
RESTING = -0.36  # m above the shoulders, of a person whose arm is 0.525 m: hands that rest are lower
TOGETHER = 0.12  # s: strokes of both hands that end as near are one


@dataclass(frozen=True)
class Movement:
    """first, last: its frames, `last` not included. directness: chord by path, 0..1. smoothness: minus the
    log dimensionless jerk; -5.3 for the smoothest reach, lower for rougher or longer ones."""

    first: int
    last: int
    directness: float
    smoothness: float

    @property
    def middle(self) -> float:
        """Frames."""
        return (self.first + self.last) / 2


def movements(place: np.ndarray, fps: float) -> list[Movement]:
    """Of one wrist at `place` (T, 3), m."""
    speed = np.linalg.norm(np.gradient(place, axis=0), axis=1) * fps if len(place) > 1 else np.zeros(1)
    edges = np.flatnonzero(np.diff(np.r_[False, speed > MOVING, False].astype(int)))
    found = []
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if last - first >= SHORTEST * fps:
            path = place[first:last]
            found.append(Movement(first, last, directness(path), smoothness(path, fps)))
    return found


def directness(path: np.ndarray) -> float:
    """How straight a path (T, 3) is: the distance of its ends by its length; 1 for one that goes nowhere."""
    length = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    return float(np.linalg.norm(path[-1] - path[0]) / length) if length > 1e-9 else 1.0


def smoothness(path: np.ndarray, fps: float) -> float:
    """Minus the log dimensionless jerk of a path (T, 3), T >= 4:

        -ln(duration^3 / peak speed^2 * integral of |jerk|^2)        (Hogan & Sternad 2009; Balasubramanian,
                                                                       Melendez-Calderon & Burdet 2012)

    A minimum-jerk reach has -ln(204.8) = -5.32.
    """
    velocity = np.gradient(path, 1 / fps, axis=0)
    jerk = np.gradient(np.gradient(velocity, 1 / fps, axis=0), 1 / fps, axis=0)
    seconds, peak = (len(path) - 1) / fps, np.linalg.norm(velocity, axis=1).max()
    total = (jerk**2).sum() / fps
    return float(-np.log(max(seconds**3 * total / max(peak, 1e-9) ** 2, 1e-9)))


def stroke_ends(speed: np.ndarray, height: np.ndarray, fps: float) -> np.ndarray:
    """Times, s, at which strokes of a wrist end, of its speed, m/s, and height above the shoulders, m, (T,)
    both: the ends of movement that are none of preparations, retractions and rebounds."""
    times, last, fastest = [], -fps, 0.0
    for end, peak in movement_ends(speed):
        prepares = speed[end : end + round(NEXT * fps)].max() >= peak
        rebounds = end - last < REBOUND * fps and peak < fastest
        if height[end] > RESTING and not prepares and not rebounds:
            times.append(end / fps)
        last, fastest = end, peak
    return np.array(times)


def movement_ends(speed: np.ndarray) -> list[tuple[int, float]]:
    """Frames at which a wrist of that speed (T,), m/s, has come to rest, and the fastest that it went before:
    after each peak above `PEAK` the first frame below `RESTED` of it. One that still moves when the motion
    stops has not ended."""
    found, peak, armed = [], 0.0, False
    for i, now in enumerate(np.asarray(speed, np.float64).tolist()):
        if armed and now < RESTED * peak:
            found.append((i, peak))
            peak, armed = now, False
        elif now > peak:
            peak = now
            armed = armed or now > PEAK
        elif not armed:
            peak = now
    return found


def together(*hands: np.ndarray) -> np.ndarray:
    """Times of strokes of all hands, sorted; of those less than `TOGETHER` s apart the first."""
    kept: list[float] = []
    for time in np.sort(np.concatenate(hands)).tolist() if hands else []:
        if not kept or time - kept[-1] > TOGETHER:
            kept.append(time)
    return np.array(kept)
