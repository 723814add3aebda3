"""Pictures of moving bodies for a report and for people who are to name what they see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from emotive.affect import Affect, AffectCurve
from emotive.body.actors import Actor
from emotive.body.renderer import BodyRenderer
from emotive.signals import BodyMotion

from .gesture_metrics import Seen, strokes_of

SIDE = 232  # pixels
CUT = 0.64  # of a picture's width that is kept: arms that spread
EACH = 2  # pictures of each of several motions


def strip(motions: Sequence[BodyMotion], actor: Actor, count: int | None = None) -> np.ndarray:
    """Pictures beside each other, uint8 (SIDE, W, 3), of a body whose face is neutral: `count` of one motion,
    evenly over time, or `EACH` of every one of several, where a stroke ends."""
    found = []
    for motion in motions:
        numbers = moments(motion, EACH) if count is None else _evenly(len(motion), count)
        found += pictures(motion, numbers, actor)
    return np.concatenate(found, 1)


def pictures(
    motion: BodyMotion, numbers: Sequence[int], actor: Actor, side: int = SIDE, face: bool = False
) -> list[np.ndarray]:
    """Single frames, uint8 (side, about 0.64 side, 3); `face`: whether the face shows the motion's affect."""
    shown = motion if face else replace(motion, affect=AffectCurve.constant(Affect.neutral()))
    renderer = _renderer(actor, side)
    edge = round(side * (1 - CUT) / 2)
    return [next(iter(renderer.frames(shown.part(i, i + 1))))[:, edge : side - edge] for i in numbers]


def moments(motion: BodyMotion, count: int) -> list[int]:
    """Frames that tell most: of the strokes, those that end nearest to `count` places evenly over time; the
    places themselves where there is no stroke within a second."""
    places = _evenly(len(motion), count + 2)[1:-1]
    ends = np.rint(strokes_of(Seen(motion)) * float(motion.fps)).astype(int)
    found: list[int] = []
    for place in places:
        near = [int(e) for e in ends if abs(e - place) <= float(motion.fps) and int(e) not in found]
        best = min(near, key=lambda e: abs(e - place), default=place)
        found.append(min(best, len(motion) - 1))
    return found


def _evenly(frames: int, count: int) -> list[int]:
    return np.linspace(0, frames - 1, count).astype(int).tolist()


@lru_cache(maxsize=4)
def _renderer(actor: Actor, side: int) -> BodyRenderer:
    return BodyRenderer(actor, side)
