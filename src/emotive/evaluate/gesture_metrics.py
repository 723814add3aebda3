"""Does the body move with the voice, as people do, and within what bodies can do? Pure functions of motion.

None of these looks at how a motion was made, so the same number can be asked of the model, of its teacher,
and of controls. Lengths are in m of the body itself.

    seen = Seen(motion)
    stroke_consistency(seen, stresses_of(speech)), foot_skate(seen)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from scipy.signal import argrelextrema

from emotive.body.accents import accents_of_speech
from emotive.body.solids import depths, solids_of
from emotive.errors import InputError
from emotive.perceive.body_features import RATE, BodyTracks, own_places, rest_of, tracks_of_places
from emotive.perceive.body_strokes import movement_ends, together
from emotive.signals import JOINT, JOINTS, BodyMotion, Speech

SIGMA, LAX = 0.1, 0.3  # s: in which two beats are one, and as BEAT's evaluation has it
MINIMA = 7  # frames around a minimum of speed, of BEAT's evaluation
SLIDING = 0.025  # m: a foot that is lower stands (Zhang et al. 2018)
BINS = np.linspace(0.0, 3.0, 61)  # m/s, of histograms of speed
TRUNK = ("hips", "spine", "upperChest")
FLESH = 0.01  # m around the joints of a hand
MOVED = tuple(range(22))  # the joints of trunk, head, arms and legs: no fingers, no face


@dataclass(frozen=True, eq=False)
class Seen:
    """A motion, and what all measures of it need, computed once."""

    motion: BodyMotion

    @property
    def fps(self) -> float:
        """Frames/s."""
        return float(self.motion.fps)

    @cached_property
    def placed(self) -> tuple[np.ndarray, np.ndarray]:
        """Orientations (T, 55, 3, 3) and places (T, 55, 3), m, of all joints."""
        return self.motion.placed()

    @property
    def places(self) -> np.ndarray:
        """Places alone."""
        return self.placed[1]

    @cached_property
    def tracks(self) -> BodyTracks:
        """What `perceive.body_features` measures. Raises InputError below half a second."""
        return tracks_of_places(self.places, self.fps, rest_of(self.motion.offsets))

    @cached_property
    def wrist_speeds(self) -> np.ndarray:
        """Of both wrists (T, 2), m/s, as they are."""
        wrists = self.places[:, [JOINT["leftHand"], JOINT["rightHand"]]]
        if len(wrists) < 2:
            return np.zeros((len(wrists), 2))
        return np.linalg.norm(np.gradient(wrists, axis=0), axis=-1) * self.fps


def stresses_of(speech: Speech) -> np.ndarray:
    """Times, s, at which vowels with the main stress of a word that is more than grammar begin."""
    return np.array([a.time for a in accents_of_speech(speech) if a.stress == 1 and a.content])


def vowels_of(speech: Speech) -> np.ndarray:
    """Times, s, at which all vowels of syllables begin: where the sound is attacked."""
    return np.array([a.time for a in accents_of_speech(speech)])


def strokes_of(seen: Seen) -> np.ndarray:
    """Times, s, at which strokes of either hand end; see `perceive.body_strokes`."""
    return seen.tracks.ends


def ends_of(seen: Seen) -> np.ndarray:
    """Times, s, at which any movement of either hand ends, preparations and retractions too."""
    speeds = seen.tracks.wrist_speed
    return together(*(np.array([end / RATE for end, _ in movement_ends(speeds[:, k])]) for k in (0, 1)))


def consistency(times: np.ndarray, beats: np.ndarray, sigma: float = SIGMA) -> float | None:
    """Mean over `times` of exp(-d^2 / (2 sigma^2)), d the distance of the nearest of `beats`, s; None if
    there are no times, 0 if there are no beats."""
    if not len(times):
        return None
    if not len(beats):
        return 0.0
    apart = np.abs(np.asarray(times)[:, None] - np.asarray(beats)).min(1)
    return float(np.exp(-(apart**2) / (2 * sigma**2)).mean())


def stroke_consistency(seen: Seen, stresses: np.ndarray, sigma: float = SIGMA) -> float | None:
    """Do strokes end where stresses begin? `consistency` of the strokes of a motion with stresses, s."""
    return consistency(strokes_of(seen), stresses, sigma)


def published_beat_consistency(seen: Seen, attacks: np.ndarray, sigma: float = LAX) -> float | None:
    """BeatAlign as BEAT's evaluation has it (Liu et al. 2022): of every attack of the sound the nearest local
    minimum of a wrist's speed, the mean of both wrists. Minima lie everywhere inside holds, so that it cannot
    tell the right sound from a wrong one: print it beside its value for shuffled sound."""
    speeds, fps = seen.wrist_speeds, seen.fps
    found = []
    for k in (0, 1):
        minima = argrelextrema(speeds[:, k], np.less, order=round(MINIMA * fps / 30))[0] / fps
        found.append(consistency(attacks, minima, sigma))
    return None if found[0] is None or found[1] is None else (found[0] + found[1]) / 2


def repeated(times: np.ndarray, every: float, seconds: float) -> np.ndarray:
    """Beats of one clip, of `every` s, said again and again until `seconds`: the wrong sound for another."""
    if every <= 0:
        raise InputError(f"a clip lasts longer than {every} s")
    rounds = np.arange(int(np.ceil(seconds / every)))
    found = (rounds[:, None] * every + np.asarray(times)).ravel()
    return found[found < seconds]


# -- how a body moves --------------------------------------------------------------------------------------


def mean_jerk(seen: Seen) -> float:
    """Mean size of the third difference of the places of trunk, head, arms and legs, m/s^3 (GENEA 2022)."""
    return _difference(seen, 3)


def mean_acceleration(seen: Seen) -> float:
    """Mean size of the second difference of the same, m/s^2 (GENEA 2022)."""
    return _difference(seen, 2)


def l1_diversity(seen: Seen) -> float:
    """L1div: how far poses are from the clip's mean pose, summed over trunk, head, arms and legs, meaned over
    frames, m (Li et al. 2021); places are the body's own, so that it counts poses and not steps."""
    places = own_places(seen.places)[:, MOVED]
    return float(np.abs(places - places.mean(0)).sum((1, 2)).mean())


def hold_share(seen: Seen) -> float:
    """Share of time in which neither hand moves."""
    return float((~seen.tracks.moving.any(1)).mean())


def speed_histogram(seen: Sequence[Seen]) -> np.ndarray:
    """Shares of frames in which a wrist goes as fast as `BINS` say, the last with all that is faster;
    (60,)."""
    speeds = np.concatenate([one.wrist_speeds.ravel() for one in seen])
    counts = np.histogram(speeds.clip(0, BINS[-1]), BINS)[0]
    return counts / max(counts.sum(), 1)


def hellinger(p: np.ndarray, q: np.ndarray) -> float:
    """Hellinger's distance of two distributions (K,), in [0, 1]."""
    return float(np.sqrt(max(0.0, 1 - np.sqrt(np.asarray(p) * np.asarray(q)).sum())))


def seed_diversity(seen: Sequence[Seen]) -> float:
    """Mean distance of the wrists of any two motions at the same time, m: what chance changes for one
    request. Raises InputError for less than two."""
    if len(seen) < 2:
        raise InputError("diversity is between two motions at least")
    hands = [own_places(one.places)[:, [JOINT["leftHand"], JOINT["rightHand"]]] for one in seen]
    count = min(map(len, hands))
    pairs = [np.linalg.norm(a[:count] - b[:count], axis=-1).mean() for a, b in combinations(hands, 2)]
    return float(np.mean(pairs))


def frechet_distance(x: np.ndarray, y: np.ndarray) -> float:
    """The Frechet distance of Gaussians fitted to features (n, d) and (m, d) (Dowson & Landau 1982; Heusel et
    al. 2017):

        |mean x - mean y|^2 + trace(C_x + C_y - 2 (C_x C_y)^(1/2))

    It falls as sets grow: compare only distances between sets of the same sizes. Raises InputError unless
    both have two rows at least and are as wide.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise InputError(f"features must be (n, d) and (m, d), n and m from 2, not {x.shape} and {y.shape}")
    apart = x.mean(0) - y.mean(0)
    a, b = np.atleast_2d(np.cov(x, rowvar=False)), np.atleast_2d(np.cov(y, rowvar=False))
    # A trace on the diagonal: fewer samples than dimensions leave a root that is not unique.
    tiny = 1e-6 * max(np.trace(a), np.trace(b)) / len(a) * np.eye(len(a))
    # The trace of a root is the sum of the roots of the eigenvalues, which here are real and not negative.
    root = np.sqrt(np.linalg.eigvals((a + tiny) @ (b + tiny)).real.clip(0)).sum()
    return float(max(0.0, apart @ apart + np.trace(a) + np.trace(b) - 2 * root))


# -- what bodies can do ------------------------------------------------------------------------------------


def foot_skate(seen: Seen) -> float:
    """How fast feet slide over the floor while they stand, cm/s: the mean over frames and feet of

        horizontal speed x (2 - 2^(height / 0.025 m)), height within 0..0.025 m        (Zhang et al. 2018)

    height is above where it is at rest. Of ankle and ball the one that slides less counts: a foot may turn on
    either.
    """
    rest, places = rest_of(seen.motion.offsets), seen.places
    if len(places) < 2:
        return 0.0
    speed = np.linalg.norm(np.diff(places[..., [0, 2]], axis=0), axis=-1) * seen.fps
    found = []
    for side in ("left", "right"):
        parts = []
        for part in ("Foot", "Toes"):
            joint = JOINT[f"{side}{part}"]
            height = np.maximum(places[:-1, joint, 1], places[1:, joint, 1]) - rest[joint, 1]
            weight = (2 - 2 ** (height.clip(0) / SLIDING)).clip(0)
            parts.append(speed[:, joint] * weight)
        found.append(np.minimum(*parts))
    return float(100 * np.mean(found))


def hand_penetration(seen: Seen) -> float:
    """How deep a joint of a hand, `FLESH` around it, ever is inside the trunk, cm; 0 if none is."""
    turned, places = seen.placed
    hands = [i for i, name in enumerate(JOINTS) if _of_a_hand(name)]
    points = np.swapaxes(places[:, hands], 1, 2)
    radii = np.full(len(hands), FLESH)
    deepest = 0.0
    for solid in solids_of(np.asarray(seen.motion.offsets, np.float64)):
        if JOINTS[solid.joint] in TRUNK:
            found = depths(points, radii, solid, turned[:, solid.joint], places[:, solid.joint])
            deepest = max(deepest, float(found.max(initial=0.0)))
    return 100 * deepest


def _of_a_hand(name: str) -> bool:
    return name.endswith(("Hand", "Metacarpal", "Proximal", "Intermediate", "Distal"))


def _difference(seen: Seen, order: int) -> float:
    places = seen.places[:, MOVED]
    if len(places) <= order:
        return 0.0
    found = np.diff(places, order, axis=0) * seen.fps**order
    return float(np.linalg.norm(found, axis=-1).mean())
