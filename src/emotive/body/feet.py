"""Where the feet are: they stand where they are until they are wanted elsewhere, and then take a step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .turns import smooth

APART, TURNED = 0.05, 15.0  # m, deg: how far from where it is wanted a foot stays
WAIT = 0.12  # s that it stays so far from there before it goes, and after the other has landed
_OFF, _DOWN = 0.22, 0.86  # shares of a step at which the ball of the foot leaves the floor and is back
_HEEL_UP, _TOES_UP = 24.0, 8.0  # deg
_HEEL_TO_BALL = 0.155  # m


@dataclass
class _Foot:
    """Where one stands (x, z, m, of its ball; deg to the own left) and, during a step, where from and to."""

    place: tuple[float, float, float] | None = None
    to: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gone: float = 0.0  # s since the step began
    takes: float = 0.0  # s of the step; 0 of a foot that stands
    away: float = 0.0  # s that it has been wanted elsewhere
    landed: float = 1.0  # s


@dataclass
class Feet:
    """Both feet, between calls of `stand`."""

    pair: tuple[_Foot, _Foot] = field(default_factory=lambda: (_Foot(), _Foot()))


@dataclass(frozen=True)
class Standing:
    """Where two feet are over T frames. ball: x and z of their balls, (2, T, 2), m. yaw: to the own left,
    (2, T), deg. lift: of the ball, (2, T), m; heel: how far it is up, or the toes if negative, (2, T), deg;
    both are 0 of a foot that stands. floor: as `ball`, but from one place to the next in one slow slide, as
    the weight goes."""

    ball: np.ndarray
    yaw: np.ndarray
    lift: np.ndarray
    heel: np.ndarray
    floor: np.ndarray


def stand(feet: Feet, wanted: np.ndarray, seconds: float) -> Standing:
    """Lets two feet stand, or step, where they are wanted: x, z and yaw of each, (2, T, 3).

    seconds: of a frame. `feet` goes on.
    """
    count = wanted.shape[1]
    places, floor = np.empty((2, count, 3)), np.empty((2, count, 2))
    phase = np.full((2, count), -1.0)  # of the step
    length = np.zeros((2, count))
    rows = wanted.tolist()
    for t in range(count):
        for i, foot in enumerate(feet.pair):
            want = rows[i][t]
            if foot.place is None:
                foot.place = tuple(want)
            elif foot.takes:
                _swing(foot, want, seconds)
            elif _is_away(foot, want):
                foot.landed += seconds
                foot.away += seconds
                other = feet.pair[1 - i]
                if foot.away > WAIT and other.place is not None and not other.takes and other.landed > WAIT:
                    _start(foot, want)
            else:
                foot.landed += seconds
                foot.away = 0.0
            places[i, t], floor[i, t] = foot.place, foot.place[:2]
            if foot.takes:
                phase[i, t] = u = foot.gone / foot.takes
                length[i, t] = math.dist(foot.place[:2], foot.to[:2])
                places[i, t] = _between(foot, (u - _OFF) / (_DOWN - _OFF))
                floor[i, t] = _between(foot, u)[:2]
    u = phase
    in_air = np.clip((u - _OFF) / (_DOWN - _OFF), 0, 1)
    lift = (0.03 + np.minimum(0.12 * length, 0.03)) * np.sin(np.pi * in_air) ** 2
    up = _HEEL_UP * smooth(u / (_OFF + 0.08)) * (1 - smooth((u - _OFF - 0.08) / 0.48))
    down = _TOES_UP * smooth((u - 0.5) / 0.3) * (1 - smooth((u - _DOWN) / (1 - _DOWN)))
    large = 0.5 + np.minimum(length / 0.2, 0.5)
    # The foot comes down on its heel, with the ball as high as its toes are up.
    lift = lift + _HEEL_TO_BALL * np.sin(np.deg2rad(large * down))
    going = u >= 0
    return Standing(places[..., :2], places[..., 2], going * lift, going * large * (up - down), floor)


def _is_away(foot: _Foot, want: list[float]) -> bool:
    x, z, yaw = foot.place or (0.0, 0.0, 0.0)
    return math.hypot(want[0] - x, want[1] - z) > APART or abs(want[2] - yaw) > TURNED


def _start(foot: _Foot, want: list[float]) -> None:
    x, z, yaw = foot.place or (0.0, 0.0, 0.0)
    far = math.hypot(want[0] - x, want[1] - z) + abs(want[2] - yaw) / 300
    foot.takes = min(0.35 + 0.8 * far, 0.55)
    foot.gone, foot.away = 0.0, 0.0
    foot.to = (want[0], want[1], want[2])


def _swing(foot: _Foot, want: list[float], seconds: float) -> None:
    foot.gone += seconds
    if foot.gone >= foot.takes:
        foot.place, foot.takes, foot.landed = foot.to, 0.0, 0.0
    elif foot.gone < 0.6 * foot.takes:
        # It still follows a wish that is on its way, as far as a foot in the air can.
        step = min(1.0, seconds / 0.06)
        foot.to = tuple(a + step * (b - a) for a, b in zip(foot.to, want, strict=True))  # pyright: ignore


def _between(foot: _Foot, share: float) -> tuple[float, float, float]:
    v = min(max(share, 0.0), 1.0)
    share = v * v * v * (10 - 15 * v + 6 * v * v)
    place = foot.place or foot.to
    return tuple(a + share * (b - a) for a, b in zip(place, foot.to, strict=True))  # pyright: ignore
