"""Which stressed syllables get a gesture, which gesture that is, and how the hands wait between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotive.body.accents import Accent
from emotive.body.meanings import plain

from .gesture_affect import Manner, habit
from .gesture_lexicon import FINGERS_OF_NUMBER, MEANT, RESTS, SHAPES

APEX = (
    0.04  # s after the start of the vowel: a stroke ends with the stressed vowel (McNeill 1992; Loehr 2012)
)
BEFORE, AFTER = 2.5, 1.5  # s that are performed around the window asked for, and cut off

_NAMES = tuple(SHAPES)
_SINGLE = ("count", "heart", "cover", "point", "there", "dismiss", "offer", "sweep")  # of one hand only
_AFFECT = np.array([SHAPES[n].affect for n in _NAMES])
_WEIGHT = np.array([SHAPES[n].weight for n in _NAMES])
_TWO = np.array([SHAPES[n].hands == 2 for n in _NAMES])
_RESTS = tuple(RESTS)
_REST_AFFECT = np.array([RESTS[n].affect for n in _RESTS])
_REST_WEIGHT = np.array([RESTS[n].weight for n in _RESTS])
# Tastes that no habit names follow from all of them, so that a person always has the same ones.
_TASTE = np.random.default_rng(16).standard_normal((16, len(_NAMES) + len(_RESTS))) / 4


@dataclass(frozen=True)
class Moment:
    """Time and feeling of a performance. times: (N,), s. points: (N, 3), dominance known. manner: at them, of
    each gesture. posture: the same of affect that changes no faster than a body does. loudness: (N,). fps:
    their rate."""

    times: np.ndarray
    points: np.ndarray
    manner: Manner
    posture: Manner
    loudness: np.ndarray
    fps: float

    def index(self, time: float) -> int:
        """The frame at `time`, the first or last one beyond the ends."""
        return int(min(max(round((time - self.times[0]) * self.fps), 0), len(self.times) - 1))


@dataclass(frozen=True)
class Planned:
    """A gesture to come. time: of its apex, s. hands: sides, the leading one first. amount: its size, 1 is
    usual. again: whether it repeats the one before with less. fingers: of the stroke."""

    time: float
    accent: Accent
    shape: str
    hands: tuple[str, ...]
    amount: float
    again: bool
    fingers: str


def leading_hand(habits: np.ndarray) -> str:
    """ "right", or "left" for about a fifth of all people."""
    return "right" if habit(habits, "right") > -0.85 else "left"


def plan_strokes(
    accents: Sequence[Accent],
    rests: Sequence[tuple[float, str]],
    moment: Moment,
    habits: np.ndarray,
    rng: np.random.Generator,
) -> list[Planned]:
    """Gestures in the order of time, at most one to an accent.

    A will to move fills while someone speaks, the faster the more aroused, and each gesture takes from it
    as much as its way is long: how much someone moves is a matter of arousal, and what they show, of words.
    """
    main = leading_hand(habits)
    other = "left" if main == "right" else "right"
    tastes = np.exp((0.45 * habits @ _TASTE[:, : len(_NAMES)]).clip(-1, 1))
    for i, name in enumerate(_NAMES):
        if SHAPES[name].family:
            tastes[i] *= np.exp(0.35 * habit(habits, SHAPES[name].family))
    planned: list[Planned] = []
    last: Planned | None = None
    will, since = 0.8 * rng.random() - 0.4, float(moment.times[0])
    for accent in accents:
        if not (accent.stress == 1 or (accent.meaning and accent.stress == 0)):
            continue
        # Both readings of chance are drawn in any case, so that a change of affect moves nothing else.
        luck, chance, size, jitter, both, switch, draw = rng.random(7)
        if not moment.times[0] + 0.8 < accent.time < moment.times[-1]:
            continue
        i = moment.index(accent.time)
        arousal = float(moment.points[i, 1])
        will = min(will + float(moment.manner.rate[i]) * min(accent.time - since, 1.2), 1.4)
        since = accent.time
        score = 0.5 * luck + 0.30 * (accent.meaning is not None) + 0.25 * accent.last + 0.2 * accent.content
        if will + score - 0.3 * (accent.stress == 0) < 0.95:
            continue
        if last is not None and accent.time - last.accent.time < 0.80 - 0.25 * arousal:
            continue
        near = last is not None and accent.time - last.time < 1.6 and accent.phrase == last.accent.phrase
        shape = _shape(accent, moment.points[i], float(moment.manner.both[i]), tastes, last, draw)
        again = near and last is not None and accent.meaning is None and chance < 0.45
        if again and last is not None:
            shape, hands = last.shape, last.hands
        elif SHAPES[shape].hands == 2:
            hands = (main, other)
        else:
            away = (
                0.75 if accent.meaning == "contrast" and last is not None and len(last.hands) == 1 else 0.14
            )
            lead = other if switch < away else main
            follows = "left" if lead == "right" else "right"
            mirrored = shape not in _SINGLE and both < 0.6 * moment.manner.both[i]
            hands = (lead, follows) if mirrored else (lead,)
        amount = (0.9 + 0.22 * size) * (0.90 + 0.15 * float(moment.loudness[i])) * (0.72 if again else 1.0)
        amount *= 0.88 if len(hands) == 2 else 1.06  # what two hands do, each does with less
        fingers = SHAPES[shape].fingers[1]
        if shape == "count":
            fingers = FINGERS_OF_NUMBER.get(plain(accent.word), "five")
        apex = accent.time + APEX + 0.025 * float(np.clip(2 * jitter - 1, -1, 1))
        found = Planned(apex, accent, shape, hands, amount, again, fingers)
        will = max(will - _cost(found, last, rests, main), -1.2)
        last = found
        planned.append(found)
    return planned


def _cost(stroke: Planned, last: Planned | None, rests: Sequence[tuple[float, str]], main: str) -> float:
    """How long a gesture's way is for its hands, 1 for that of one hand as a rule."""
    shape = SHAPES[stroke.shape]
    prepare, strike = np.array(shape.prepare[:3]), np.array(shape.strike[:3])
    rest = RESTS[rest_at(rests, stroke.time)]
    way = 0.0
    for side in stroke.hands:
        home = np.array((rest.main if side == main else rest.other)[:3])
        busy = last is not None and side in last.hands and stroke.time - last.time < 2.0
        origin = np.array(SHAPES[last.shape].strike[:3]) if busy and last is not None else home
        beaten = np.linalg.norm(strike - prepare)
        if stroke.again:
            way += 1.3 * float(beaten)
        else:
            way += float(np.linalg.norm(prepare - origin) + beaten + 0.7 * np.linalg.norm(strike - home))
    way *= 1.15 if len(stroke.hands) == 2 else 1.0  # the whole trunk goes along
    return max(way * stroke.amount / 0.62, 0.8)


def rest_at(rests: Sequence[tuple[float, str]], time: float) -> str:
    """The rest that `plan_rests` has for a time."""
    return next((name for begins, name in reversed(rests) if begins <= time), rests[0][1])


def plan_rests(moment: Moment, habits: np.ndarray, rng: np.random.Generator) -> list[tuple[float, str]]:
    """(from when, s, which of `RESTS`): people change how they stand every few seconds."""
    tastes = np.exp((0.45 * habits @ _TASTE[:, len(_NAMES) :]).clip(-1, 1))
    time, rests = float(moment.times[0]), []
    while time < moment.times[-1]:
        i = moment.index(time + 0.5)
        # Strong feelings leave less choice.
        odds = _REST_WEIGHT * tastes * np.exp(_fit(_REST_AFFECT, moment.points[i], 3.0))
        draw, wait = rng.random(2)
        rests.append((time, _RESTS[_pick(odds, draw)]))
        time += (3.5 + 6.5 * wait) * float(np.exp(-0.3 * moment.points[i, 1]))
    return rests


def _shape(
    accent: Accent, point: np.ndarray, both: float, tastes: np.ndarray, last: Planned | None, draw: float
) -> str:
    odds = _WEIGHT.copy()
    if accent.meaning:
        fits = MEANT[accent.meaning]
        odds = 0.12 * odds
        for name, weight in fits.items():
            odds[_NAMES.index(name)] += 2.2 * weight
    odds = odds * tastes * np.exp(_fit(_AFFECT, point, 2.6)) * np.where(_TWO, both / 0.35, 1.0)
    if last is not None:
        odds[_NAMES.index(last.shape)] *= 0.3
    return _NAMES[_pick(odds, draw)]


def _fit(wanted: np.ndarray, point: np.ndarray, strength: float) -> np.ndarray:
    """How well affects (N, 3) go with one, as a logarithm; what asks for nothing always goes. Dominance
    counts most: it alone tells blows from defence."""
    return strength * (wanted @ (point * (1.0, 1.0, 1.5))) - 0.9 * (wanted**2).sum(1)


def _pick(odds: np.ndarray, draw: float) -> int:
    return int(np.searchsorted(np.cumsum(odds), draw * odds.sum()).clip(0, len(odds) - 1))
