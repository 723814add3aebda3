"""From where the wrists should be to the rotations of the arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .channels import ARM
from .ranges import RANGES
from .turns import about, across, cross, dot, from_x, moved, smooth, turned_back, twist_of, unit, within

SIGNS = np.array([1.0, -1.0])  # of X, left and right
FOREARM = 0.55  # of the turn of the hand that the forearm takes
SWIVEL = 50.0  # deg of the elbow about the line from shoulder to wrist, for 1 of its channel
# How far an upper arm points across the chest and behind it (sines), and turns inward (deg).
ACROSS, BACKWARD, INWARD = 0.69, 0.85, (-110.0, 88.0)
_MIRRORS = np.stack([SIGNS, np.ones(2), np.ones(2)], -1)
# Of the length of the arm: a wrist is never nearer to the shoulder, nor farther.
_CLOSED, _REACH = 0.30, 0.985


def frame_of(chest: np.ndarray) -> np.ndarray:
    """The frame (T, 3, 3) in which hands move, of the chest's orientation: only 45 % of its forward bend
    counts, for the weight of the arms."""
    ahead = unit(chest[..., 2] * np.array([1.0, 0.45, 1.0]))
    up = unit(cross(ahead, chest[..., 0]))
    return np.stack([cross(up, ahead), up, ahead], -1)


def raise_of(hands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much the collarbones rise and come ahead with hands (2, T, 13), each (2, T), deg.

    A third of the elevation of an arm is the shoulder blade's (Inman et al. 1944).
    """
    raised = within(np.maximum(hands[..., 1] + 0.34, 0) * 34, -18, 18, 0.5)
    ahead = within((hands[..., 2] - 0.18) * 38, -9, 12, 0.3)
    return raised, ahead - within(np.maximum(hands[..., 0] - 0.3, 0) * 20, -8, 8)


def pole_of(hands: np.ndarray, way: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Which way elbows point when their channel is 0: (2, T, 3), at right angles to `way` from the shoulders
    to the wrists: down and a little out and back; back for arms that hang."""
    up, ahead = hands[..., 1], hands[..., 2]
    hangs = smooth((-up - 0.36) / 0.13) * np.clip((0.22 - ahead) / 0.15, 0, 1)
    out = 0.22 * (1 - 0.45 * hangs) + 0.55 * np.clip(up + 0.12, 0, 0.4)
    pole = np.stack([SIGNS[:, None] * out, np.full_like(up, -1.0), -0.42 - 0.75 * hangs], -1)
    return across(moved(frame, pole), way)


def placed(hands: np.ndarray) -> np.ndarray:
    """Hands (2, T, 13) whose places are drawn to where people gesture: not behind the shoulders or the
    back, and across the midline only ahead of the chest and below the face."""
    up = within(hands[..., 1], -0.62, 0.62)
    wide = np.hypot(hands[..., 0].clip(-0.3, 0.7) - 0.17, up)  # of the arm, seen from the front
    # A bent arm is ahead of the shoulder; only one that hangs straight swings behind it.
    low = 0.07 - 0.09 * smooth((wide - 0.25) / 0.15)
    low -= 0.16 * smooth((wide - 0.40) / 0.08) * smooth((-0.22 - up) / 0.2)
    ahead = within(hands[..., 2], low, 0.62)
    to = -0.04 - 0.24 * smooth((ahead - 0.06) / 0.26) + 0.2 * smooth((up - 0.1) / 0.2)
    out = within(hands[..., 0], to + 0.2 * smooth(0.2 - ahead / 0.1), 0.68)
    # Out of the middle of the trunk, and of the head, by the shortest way; `clearing` does the rest.
    high = smooth(up / 0.1)
    wide, deep = 0.160 - 0.075 * high, 0.125 - 0.025 * high
    ahead, behind = ahead + 0.02, 0.02
    inside = np.sqrt((out / wide) ** 2 + (ahead / deep) ** 2).clip(0.02, 1)
    ahead = np.where(inside < 0.05, np.maximum(ahead, 0.02 * deep), ahead)
    return np.concatenate([np.stack([out / inside, up, ahead / inside - behind], -1), hands[..., 3:]], -1)


def wrists_of(hands: np.ndarray, frame: np.ndarray, middle: np.ndarray, length: float) -> np.ndarray:
    """Where wrists are wanted, (2, T, 3), m. middle: between the shoulders, (T, 3). length: of an arm."""
    at = hands[..., :3] * (length / ARM)
    at = np.stack([at[..., 0] * SIGNS[:, None], at[..., 1], at[..., 2]], -1)
    return middle + moved(frame, at)


def reachable(wrists: np.ndarray, shoulders: np.ndarray, length: float) -> np.ndarray:
    """Wrists (2, T, 3) drawn to where arms of `length` reach, neither quite straight nor folded up."""
    way, far = _way(wrists, shoulders)
    return shoulders + within(far, _CLOSED * length, _REACH * length)[..., None] * way


def _way(wrists: np.ndarray, shoulders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    way = wrists - shoulders
    far = np.sqrt(dot(way, way))
    return np.where(far[..., None] > 1e-6, way / far.clip(1e-6)[..., None], np.array([0.0, -1.0, 0.0])), far


@dataclass(frozen=True)
class Arms:
    """Both arms, as `arms` bends them. turned: orientations in the world of upper arms, lower arms and hands,
    (3, 2, T, 3, 3). elbows, wrists: where they are, (2, T, 3), m. outward: which way an elbow goes when it is
    swivelled outward, (2, T, 3), as long as the circle is wide, m."""

    turned: np.ndarray
    elbows: np.ndarray
    wrists: np.ndarray
    outward: np.ndarray


def arms(
    hands: np.ndarray,
    frames: tuple[np.ndarray, np.ndarray],
    shoulders: np.ndarray,
    wrists: np.ndarray,
    lengths: tuple[float, float],
    swivel: np.ndarray | float = 0.0,
) -> Arms:
    """Bends both arms.

    hands: channels (2, T, 13). frames: the chest's and that of `frame_of`, (T, 3, 3). shoulders, wrists:
    (2, T, 3), m. lengths: of the upper and the lower arm, m. swivel: of the elbows outward beyond their
    channel, (2, T), rad.
    """
    (chest, frame), (upper, lower) = frames, lengths
    way, far = _way(wrists, shoulders)
    far = far.clip(_CLOSED * (upper + lower), _REACH * (upper + lower))
    pole = pole_of(hands, way, frame)
    angle = (np.deg2rad(SWIVEL * within(hands[..., 6], *RANGES["elbow"])) + swivel)[..., None]
    c, s, side = np.cos(angle), np.sin(angle), SIGNS[:, None, None] * cross(way, pole)
    elbow = c * pole + s * side
    cosine = ((upper**2 + far**2 - lower**2) / (2 * upper * far)).clip(-1, 1)[..., None]
    wide = upper * np.sqrt(1 - cosine**2)
    first = cosine * way + wide / upper * elbow
    second = unit(far[..., None] * way - upper * first)
    uppers, zero = zero_of(first, second, elbow)
    turn = within(hands[..., 3], *RANGES["pronation"])
    sign = SIGNS[:, None]
    bent = about("z", -sign * within(hands[..., 4], *RANGES["flexion"]))
    bent = bent @ about("y", -sign * within(hands[..., 5], *RANGES["deviation"]))
    lowers = zero @ about("x", FOREARM * turn)
    turned = np.stack([uppers, lowers, lowers @ about("x", (1 - FOREARM) * turn) @ bent])
    places = shoulders + upper * first, shoulders + far[..., None] * way
    found = Arms(turned, *places, wide * (c * side - s * pole))
    _within_socket(found, chest, shoulders)
    return found


def zero_of(first: np.ndarray, second: np.ndarray, elbow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orientations of upper arms, and of lower arms that are not turned about themselves, (2, T, 3, 3).

    first, second: which way they point, (2, T, 3). elbow: which way elbows point, where arms are straight.
    """
    inside = across(-elbow, first)
    hinge = cross(first, inside)
    return _turned(first, inside), _turned(second, across(cross(hinge, second), second))


def _within_socket(bent: Arms, chest: np.ndarray, shoulders: np.ndarray) -> None:
    """Turns arms as wholes where a shoulder would go beyond its range."""
    flip = _MIRRORS[:, None, :, None] * _MIRRORS[:, None, None, :]
    local = turned_back(chest, bent.turned[0]) * flip
    way, twist = local[..., 0], twist_of(local)
    out, ahead = np.maximum(way[..., 0], -ACROSS), np.maximum(way[..., 2], -BACKWARD)
    kept = twist.clip(*INWARD)
    t = np.flatnonzero(((out != way[..., 0]) | (ahead != way[..., 2]) | (kept != twist)).any(0))
    if not len(t):
        return
    up = np.sqrt(np.maximum(1 - out**2 - ahead**2, 0.04))
    way = unit(np.stack([out, np.copysign(up, way[..., 1]), ahead], -1)[:, t])
    uppers = chest[t] @ (flip * (from_x(way) @ about("x", kept[:, t])))
    by = uppers @ np.swapaxes(bent.turned[0][:, t], -1, -2)
    bent.turned[:, :, t] = by @ bent.turned[:, :, t]
    for places in (bent.elbows, bent.wrists):
        places[:, t] = shoulders[:, t] + moved(by, places[:, t] - shoulders[:, t])


def _turned(way: np.ndarray, front: np.ndarray) -> np.ndarray:
    """The orientation that takes an arm of the T-pose along `way`, and its front to `front`."""
    x = SIGNS[:, None, None] * way
    return np.stack([x, cross(front, x), front], -1)


def against(parents: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """Rotations of `arms` against their parents, the collarbones (2, T, 3, 3): (3, 2, T, 3, 3)."""
    return turned_back(np.concatenate([parents[None], turned[:-1]]), turned)
