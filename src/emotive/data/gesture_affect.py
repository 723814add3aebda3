"""From affect to movement: arousal moves, valence holds, dominance spends.

Kinematics carry arousal and posture carries valence (Dael, Goudbeek & Scherer 2013; Poyo Solanas et al.
2020; Wallbott 1998). The signs below are those authors' and the ones named with each line; the magnitudes
are our own, and a person's habits move them by about 40 % of what affect does: encoders differ strongly
(Wallbott 1998).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotive.body.habits import HABITS


@dataclass(frozen=True)
class Manner:
    """How someone moves at N moments; arrays (N,).

    rate: gestures a second of speech. amplitude: of gestures, 1 is usual. stroke: its length, s. power: of
    the rebound after it. fluid: 0 angular .. 1 round. speed: the most a wrist does, m/s. hold: how long
    strokes are held, 0.5 is usual. height: of the hands, m. open: elbows away from the trunk, deg. both:
    chance of two hands. slump: trunk bent, deg. lean: body ahead, deg. head: face down, deg. raised, rounded:
    collarbones, deg. neck: 0..1 drawn in. stance: feet apart, m. sway: pace and size of small movements.
    breath: a minute. nod: deg. smile: 0..1 of a light, bobbing head. tremble: 0..1. curl: of fingers, deg.
    gaze_down: deg. avoid: chance to look away.
    """

    rate: np.ndarray
    amplitude: np.ndarray
    stroke: np.ndarray
    power: np.ndarray
    fluid: np.ndarray
    speed: np.ndarray
    hold: np.ndarray
    height: np.ndarray
    open: np.ndarray
    both: np.ndarray
    slump: np.ndarray
    lean: np.ndarray
    head: np.ndarray
    raised: np.ndarray
    rounded: np.ndarray
    neck: np.ndarray
    stance: np.ndarray
    sway: np.ndarray
    breath: np.ndarray
    nod: np.ndarray
    smile: np.ndarray
    tremble: np.ndarray
    curl: np.ndarray
    gaze_down: np.ndarray
    avoid: np.ndarray


def habit(habits: np.ndarray, name: str) -> float:
    """One of `HABITS`."""
    return float(habits[HABITS.index(name)])


def with_dominance(points: np.ndarray, habits: np.ndarray) -> np.ndarray:
    """Affect (..., 3) whose dominance is known.

    Where it is not, it rises with valence (they correlate: Russell & Mehrabian 1977). Anger and fear
    share their valence and arousal; which of them unpleasant excitement becomes is then a matter of
    temperament: of how someone stands, strikes and points.
    """
    valence, arousal, dominance = np.moveaxis(np.asarray(points, float), -1, 0)
    temper = np.tanh(0.5 + 0.5 * sum(habit(habits, name) for name in ("fist", "point", "upright", "large")))
    distress = np.maximum(-valence, 0) ** 0.5 * np.maximum(arousal, 0) ** 0.5
    assumed = (1 - distress) * (0.4 * valence + 0.1 * arousal) + distress * 0.75 * temper
    dominance = np.where(np.isnan(dominance), assumed, dominance)
    return np.stack([valence, arousal, dominance], -1)


def manner(points: np.ndarray, habits: np.ndarray) -> Manner:
    """How a person with `habits` (16,) moves at affects (N, 3), dominance known."""
    v, a, d = np.moveaxis(points, -1, 0)
    of = {name: float(habits[i]) for i, name in enumerate(HABITS)}
    up, unpleasant, weak, strong = (np.maximum(x, 0) for x in (a, -v, -d, d))
    down = np.maximum(-a, 0)
    anger = _felt(up * unpleasant * strong)
    fear = _felt(up * unpleasant * weak)
    sad = _felt(down * unpleasant)
    return Manner(
        # Overall activity (Hartmann et al. 2006; Dael et al. 2013): more, larger and faster when aroused.
        rate=(0.465 * np.exp(0.95 * a - 0.07 * v - 0.10 * v * down + 0.09 * of["often"])).clip(0.12, 1.0),
        amplitude=np.exp(0.50 * a + 0.08 * d - 0.18 * fear + 0.08 * of["large"]).clip(0.45, 1.75),
        stroke=(0.33 * np.exp(-0.42 * a - 0.05 * of["large"])).clip(0.17, 0.52),
        power=0.45 + 0.4 * a + 0.4 * anger,
        # Pleasant movement flows (Dael et al. 2013; Shafir et al. 2016).
        fluid=(0.5 + 0.3 * v - 0.35 * up * unpleasant + 0.10 * of["fluid"]).clip(0, 1),
        speed=2.0 + 0.45 * a,
        hold=0.5 - 0.15 * a,
        # Raised hands are happy, low ones sad (Poyo Solanas et al. 2020).
        height=0.075 * v + 0.035 * a + 0.020 * of["high"],
        open=14 + 8 * a + 10 * v + 7 * d + 3.5 * of["open"],
        both=(0.34 + 0.20 * a + 0.06 * v + 0.08 * of["both"]).clip(0.05, 0.9),
        # Collapsed when unhappy, stretched when proud or elated (Wallbott 1998).
        slump=4 - 10 * v * (0.75 + 0.25 * (v < 0)) - 4.5 * a - 4 * d + 4 * fear + 5 * sad
        - 2.0 * of["upright"],
        # Anger advances, fear retreats (Shafir et al. 2016).
        lean=6 * anger - 6 * fear + 1.5 * up * np.maximum(v, 0) - 1.2 * sad + 0.5 * of["upright"],
        # The head drops in sadness and rises in joy; an angry one is lowered like a bull's.
        head=2 - 9 * v - 2.5 * a + 10 * anger - 5 * fear + 7 * sad - 1.6 * of["upright"],
        raised=13 * fear + 3.5 * anger - 3.0 * sad + 1.5 * up * np.maximum(v, 0),
        rounded=2 - 5.5 * v - 3 * d + 6 * fear + 3 * sad - 1.5 * of["open"],
        neck=fear.clip(0, 1),
        stance=0.012 + 0.026 * d + 0.012 * a + 0.008 * v + 0.006 * of["open"],
        sway=np.exp(0.72 * a + 0.10 * of["sway"]),
        breath=14 + 6 * a,
        nod=(3 + 2.5 * a) * np.exp(0.20 * of["nod"]),
        smile=np.maximum(v, 0) * (0.35 + 0.65 * up),
        tremble=fear,
        # Unpleasant tension closes hands, pleasure opens them.
        curl=-9 * v * (0.6 + 0.4 * a),
        gaze_down=11 * sad + 5 * weak * unpleasant - 1.5 * v,
        avoid=(0.50 - 0.20 * d - 0.30 * anger + 0.3 * sad + 0.10 * of["gaze"]).clip(0.05, 0.95),
    )  # fmt: skip


def _felt(part: np.ndarray) -> np.ndarray:
    """A product of axes on the scale of a feeling: 0 .. 1, three quarters where each axis is 0.75."""
    return 1.3 * part / (part + 0.3)
