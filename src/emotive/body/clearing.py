"""Keeps hands and forearms out of the trunk, the head and the thighs, and the two hands out of each other."""

from __future__ import annotations

import numpy as np

from .arms import SIGNS, Arms, arms
from .fingers import BALLS
from .solids import Solid, pushes, softly
from .turns import dot, moved, smooth, unit

ROUNDS = 12
_FAST = 1.25  # how far beyond the surface a round goes, as they do not all go the same way
_RADII = np.array([radius for _, radius in BALLS] + [0.034, 0.037, 0.040])
_ALONG = np.array([0.66, 0.33, 0.0])  # of the last three, on the forearm: from the elbow to the wrist
_MOVES_WRIST = np.concatenate([np.ones(len(BALLS)), [0.66, 0.45, 0.3]])
_MEETING = 0.25  # m between the middles of two hands from which on they are looked at
_SPREAD, _THICK = 2.2, 0.015  # of their ellipsoids: against the variance of the balls; m
_CUFF = 0.04  # m of the forearm that belong to the hand here
_RIGHT_OVER = np.array([0.0, 0.010, 0.010])  # m in the chest's frame
_PASSING = 0.3  # of the way out of each other
SOFT = 0.008  # m before they touch from which on things give way: hands are turned aside, not stopped


def cleared(
    hands: np.ndarray,
    frames: tuple[np.ndarray, np.ndarray],
    shoulders: np.ndarray,
    wrists: np.ndarray,
    lengths: tuple[float, float],
    balls: np.ndarray,
    room: list[tuple[Solid, np.ndarray, np.ndarray]],
) -> Arms:
    """Arms as `arms` bends them, with the wrists moved and the elbows swivelled as far as it takes.

    balls: of hands in their own frames, (2, T, 3, 11). room: solids with the orientations (T, 3, 3) and the
    places (T, 3) of their joints. Each frame is for itself.
    """
    chest, frame = frames
    bent = arms(hands, frames, shoulders, wrists, lengths)
    order = _order(bent, balls, chest)
    open_frames = np.arange(hands.shape[1])
    wrists, swivel = wrists.copy(), np.zeros(hands.shape[:2])
    now = bent
    for n in range(ROUNDS):
        t = open_frames
        soft = SOFT if n == 0 else 0.0
        move, turn = _away(now, balls[:, t], [(solid, g[t], p[t]) for solid, g, p in room], soft)
        if n > 2:  # what is still caught between two solids goes to its own side, and ahead unless it hangs
            stuck, high = np.sqrt(dot(move, move)), smooth((hands[:, t, 1] + 0.42) / 0.15)
            move += stuck[..., None] * SIGNS[:, None, None] * frame[t, :, 0]
            move += (stuck * high)[..., None] * frame[t, :, 2]
        if n < 3:
            _part(now, balls[:, t], order[t], move)
        busy = (np.abs(move).max((0, 2)) > 2e-4) | (np.abs(turn).max(0) > 2e-3)
        if not busy.any():
            break
        open_frames = t = t[busy]
        wrists[:, t] = now.wrists[:, busy] + (_FAST if n else 1.0) * move[:, busy]
        swivel[:, t] = (swivel[:, t] + turn[:, busy]).clip(-1.2, 1.2)
        now = arms(hands[:, t], (chest[t], frame[t]), shoulders[:, t], wrists[:, t], lengths, swivel[:, t])
        bent.turned[:, :, t], bent.elbows[:, t], bent.wrists[:, t] = now.turned, now.elbows, now.wrists
    return bent


def _away(
    bent: Arms, balls: np.ndarray, room: list[tuple[Solid, np.ndarray, np.ndarray]], soft: float
) -> tuple[np.ndarray, np.ndarray]:
    """How wrists must go (2, T, 3), m, and elbows turn outward (2, T), rad, to leave the solids."""
    along = bent.elbows[..., None] + (bent.wrists - bent.elbows)[..., None] * _ALONG
    points = np.concatenate([_placed(bent, balls), along], -1)
    move, turn = np.zeros_like(bent.wrists), np.zeros(bent.wrists.shape[:2])
    weight, turn_weight = np.full_like(turn, 1e-9), np.full_like(turn, 1e-9)
    wide = dot(bent.outward, bent.outward) + 0.03**2
    for solid, turned, at in room:
        far, way = pushes(points, _RADII, solid, turned, at, soft)
        # The deeper a ball the more it counts: a mean weighted by depth is smooth as others take over.
        counts = far * _MOVES_WRIST
        weight += counts.sum(-1)
        move += (way @ (counts * far)[..., None])[..., 0]
        fore = far[..., -3:]
        lever = (bent.outward[..., None, :] @ way[..., -3:])[..., 0, :] * ((1 - _ALONG) / wide[..., None])
        turn_weight += fore.sum(-1)
        turn += (fore * fore * lever).sum(-1)
    return move / weight[..., None], turn / turn_weight


def _order(bent: Arms, balls: np.ndarray, chest: np.ndarray) -> np.ndarray:
    """Which way the left hand is from the right one where they may meet, (T, 3): ways through flat hands that
    are short count more. Its length is how decided that is, 0..1; 0 where they are far apart."""
    found = np.zeros_like(chest[:, 0])
    near, between, inverse = _together(bent, balls)
    # Of hands that are level the right one goes ahead of and over the left one.
    apart = between - moved(chest[near], _RIGHT_OVER)
    way = moved(inverse, apart)
    # Hands that change places pass through each other: no touch is better than a jump.
    found[near] = np.tanh(np.sqrt(dot(apart, way)) / _PASSING)[:, None] * unit(way)
    return found


def _part(bent: Arms, balls: np.ndarray, order: np.ndarray, move: np.ndarray) -> None:
    """Adds to `move` what parts two hands that are inside each other, along their order (T, 3)."""
    near, between, inverse = _together(bent, balls)
    way = unit(order[near])
    a, b = dot(way, moved(inverse, way)).clip(1e-9), dot(way, moved(inverse, between))
    c = dot(between, moved(inverse, between)) - 1
    deep = softly((np.sqrt(np.maximum(b * b - a * c, 0)) - b) / a, SOFT)
    move[:, near] += 0.5 * SIGNS[:, None, None] * deep[:, None] * order[near]


def _together(bent: Arms, balls: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The frames in which hands are near each other, (N,), the way from the right to the left one (N, 3), and
    the inverse of the shape that both take together, (N, 3, 3).

    Each is an ellipsoid as its balls are spread; their sum is about another one. The middle of one hand can
    go out of that in one smooth step; balls of fingers would catch each other and jitter.
    """
    cuff = bent.wrists + _CUFF * unit(bent.elbows - bent.wrists)
    points = np.concatenate([_placed(bent, balls), cuff[..., None]], -1)
    middles = points.mean(-1)
    between = middles[0] - middles[1]
    near = np.flatnonzero(dot(between, between) < _MEETING**2)
    spread = points[:, near] - middles[:, near, :, None]
    shape = (2 * _SPREAD / points.shape[-1]) * (spread @ np.swapaxes(spread, -1, -2)).sum(0)
    return near, between[near], np.linalg.inv(shape + 4 * _THICK**2 * np.eye(3))


def _placed(bent: Arms, balls: np.ndarray) -> np.ndarray:
    return bent.wrists[..., None] + bent.turned[2] @ balls
