"""What a person means, from how they sort: a Bayesian model of preference, and its posterior.

A person judges a picture at z (d,) by a utility that is linear in z, w . z, read with noise. Of two pictures
they call "more" the one whose utility is higher (Thurstone 1927, case V; with a Gaussian prior this is the
linear case of Chu & Ghahramani 2005, "Preference learning with Gaussian processes"):

    P(a over b) = LAPSE + (1 - 2 LAPSE) Phi(w . (z_a - z_b))

LAPSE is a slip of the hand or of attention, which has nothing to do with what was seen: without it one slip
weighs as much as ten careful answers. How sharp the person's judgement is, is not known: w = e^(SPREAD t) v
with v and t standard normal, so that the length of w, that sharpness, is inferred with its direction.

The posterior is sampled by elliptical slice sampling (Murray, Adams & MacKay 2010), which needs a Gaussian
prior and nothing to tune. The direction is the mean of the samples, each brought to length 1; the confidence
is the expected cosine between that direction and a sample of the posterior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

LAPSE = 0.04
SPREAD = 1.5  # of the logarithm of sharpness: a factor of 4.5 up or down is one standard deviation
CHAINS, STEPS = 64, 44
KEPT, APART = 6, 4  # of every chain, the last 6 states 4 steps apart are samples: 384 in all

Floats = NDArray[np.float64]


class Comparisons(NamedTuple):
    """n comparisons. differences: (n, d), z of the picture called "more" less that of the other one.
    weights: (n,), how many independent comparisons each stands for."""

    differences: Floats
    weights: Floats


@dataclass(frozen=True)
class Posterior:
    """What is known of w. samples: (S, d). direction: (d,), of length 1 (0 where nothing is known).
    confidence: the expected cosine between it and what the person means; interval: its 90 % interval."""

    samples: Floats
    direction: Floats
    confidence: float
    interval: tuple[float, float]


def piles(z: Floats, more: Sequence[int], less: Sequence[int]) -> Comparisons:
    """A tray z (n, d) sorted into two piles, by index; pictures in neither say nothing.

    All pairs between the piles are comparisons, but they share their pictures: k pictures hold no more than
    k - 1 independent ones. Each pair is weighted so that they add up to that (a composite likelihood: Varin,
    Reid & Firth 2011).
    """
    pairs = [z[a] - z[b] for a in more for b in less]
    return _weighted(z, pairs, len(more) + len(less))


def ranking(z: Floats, order: Sequence[int]) -> Comparisons:
    """A tray z (n, d) of which the pictures in `order`, by index, are ranked from most to least."""
    pairs = [z[a] - z[b] for i, a in enumerate(order) for b in order[i + 1 :]]
    return _weighted(z, pairs, len(order))


def alike(z: Floats, a: int, b: int) -> Comparisons:
    """Two pictures of a tray, by index, that feel the same: half a comparison either way."""
    return Comparisons(np.array([z[a] - z[b], z[b] - z[a]]), np.full(2, 0.5))


def joined(parts: Sequence[Comparisons], d: int) -> Comparisons:
    """All comparisons of several judgements in d dimensions."""
    empty = Comparisons(np.zeros((0, d)), np.zeros(0))
    return Comparisons(*(np.concatenate(arrays) for arrays in zip(empty, *parts, strict=True)))


def infer(comparisons: Comparisons, seed: int) -> Posterior:
    """The posterior after these comparisons. The same seed gives the same samples."""
    random = np.random.default_rng(seed)
    d = comparisons.differences.shape[1]
    state = random.standard_normal((CHAINS, d + 1))
    if len(comparisons.differences):
        # Begins on the right side: chains of an angle that all answers contradict would take long to turn.
        toward = comparisons.weights @ comparisons.differences
        state[:, :d] += 2 * toward / max(np.linalg.norm(toward), 1e-9)
        level = _likelihood(state, comparisons)
        kept = []
        for step in range(STEPS):
            state, level = _slice(state, level, comparisons, random)
            if step >= STEPS - KEPT * APART and (step - STEPS + 1) % APART == 0:
                kept.append(_sharpened(state))
        return _summary(np.concatenate(kept))
    return _summary(_sharpened(random.standard_normal((CHAINS * KEPT, d + 1))))


def chances(samples: Floats, differences: Floats) -> Floats:
    """P(a over b) of pairs with these differences (n, d) for every sample (S, d): (S, n)."""
    return LAPSE + (1 - 2 * LAPSE) * ndtr(samples @ differences.T)


def _weighted(z: Floats, pairs: list[Floats], pictures: int) -> Comparisons:
    if not pairs:
        return Comparisons(np.zeros((0, z.shape[1])), np.zeros(0))
    return Comparisons(np.array(pairs), np.full(len(pairs), (pictures - 1) / len(pairs)))


def _sharpened(state: Floats) -> Floats:
    return np.exp(SPREAD * state[:, -1:]) * state[:, :-1]


def _likelihood(state: Floats, comparisons: Comparisons) -> Floats:
    return np.log(chances(_sharpened(state), comparisons.differences)) @ comparisons.weights


def _slice(
    state: Floats, level: Floats, comparisons: Comparisons, random: np.random.Generator
) -> tuple[Floats, Floats]:
    """One step of every chain: an ellipse through the state, shrunk until a point on it is likely enough."""
    other = random.standard_normal(state.shape)
    threshold = level + np.log(random.uniform(1e-300, 1, len(state)))
    angle = random.uniform(0, 2 * np.pi, len(state))
    low, high = angle - 2 * np.pi, angle.copy()
    new, found = state.copy(), level.copy()
    left = np.arange(len(state))
    while len(left):
        turn = angle[left, None]
        tried = state[left] * np.cos(turn) + other[left] * np.sin(turn)
        likely = _likelihood(tried, comparisons)
        good = likely > threshold[left]
        new[left[good]], found[left[good]] = tried[good], likely[good]
        left = left[~good]
        low[left] = np.where(angle[left] < 0, angle[left], low[left])
        high[left] = np.where(angle[left] >= 0, angle[left], high[left])
        angle[left] = random.uniform(low[left], high[left])
    return new, found


def _summary(samples: Floats) -> Posterior:
    units = samples / np.linalg.norm(samples, axis=1, keepdims=True)
    mean = units.mean(0)
    direction = mean / max(np.linalg.norm(mean), 1e-12)
    cosines = units @ direction
    low, high = np.quantile(cosines, [0.05, 0.95])
    return Posterior(samples, direction, max(float(cosines.mean()), 0.0), (float(low), float(high)))
