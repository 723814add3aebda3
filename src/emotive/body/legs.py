"""From where the hips and the feet are to the rotations of the legs."""

from __future__ import annotations

import numpy as np

from .feet import Standing
from .turns import about, across, cross, dot, moved, turned_back, unit, within

STRAIGHT = 0.998  # of the length of a leg that stands: knees are never locked
SOFT = 0.0012  # m
_CARRIED = {0: (-0.12, 0.12), 2: (-0.08, 0.13)}  # of the legs' length from there, sideways and ahead
_SOCKET = 40.0  # deg that a leg turns against the hips
_AHEAD = np.array([0.0, 0.0, 1.0])


def ankles_of(
    feet: Standing, toes: np.ndarray, ball: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Where the ankles are, (2, T, 3), and would be if the feet slid along the floor, how the feet are turned
    and how the toes against them, (2, T, 3, 3).

    toes: offsets of the toe joints from the ankles, (2, 3). ball: height of those joints when the feet stand.
    """
    flat = about("y", feet.yaw)
    turned = flat @ about("x", feet.heel)
    at = np.stack([feet.ball[..., 0], ball + feet.lift, feet.ball[..., 1]], -1)
    floor = np.stack([feet.floor[..., 0], np.full_like(feet.lift, ball), feet.floor[..., 1]], -1)
    # Toes stay flat on the floor until they leave it.
    bend = np.maximum(feet.heel, 0) * np.clip(1 - feet.lift / 0.02, 0, 1)
    toes = toes[:, None]
    return at - moved(turned, toes), floor - moved(flat, toes), turned, about("x", -bend)


def over_feet(root: np.ndarray, ankles: np.ndarray, length: float) -> np.ndarray:
    """The hips (T, 3) kept where legs of `length` carry them over feet (2, T, 3): near their middle."""
    middle = ankles.mean(0)
    kept = root.copy()
    for axis, (low, high) in _CARRIED.items():
        away = within(root[:, axis] - middle[:, axis], low * length, high * length, 0.3)
        kept[:, axis] = middle[:, axis] + away
    return kept


def turned_within(yaw: np.ndarray, feet: np.ndarray) -> np.ndarray:
    """The yaw of the hips (T,), as far as legs turn in their sockets over feet of yaws (2, T), deg."""
    return within(yaw, feet.max(0) - _SOCKET, feet.min(0) + _SOCKET)


def height_of(
    hips: np.ndarray, ankles: np.ndarray, floor: np.ndarray, lengths: np.ndarray, crouch: np.ndarray
) -> np.ndarray:
    """How much the hip joints (2, T, 3) must go up, (T,), m, so that the straighter leg is straight.

    ankles, floor: as `ankles_of` gives them: legs that step carry too, so that hips come down before the foot
    does. lengths: of the legs, (2,). crouch: m below that, (T,).
    """
    long = (lengths * STRAIGHT)[:, None] - crouch
    ups = []
    for place in (ankles, floor):
        x, _, z = np.moveaxis(hips - place, -1, 0)
        ups.append(place[..., 1] + np.sqrt(np.maximum(long**2 - x * x - z * z, (0.5 * long) ** 2)))
    up = np.minimum(*ups) - hips[..., 1]
    # A soft minimum: the knee of one leg gives as that of the other straightens.
    low = up.min(0)
    return low - SOFT * np.log(np.exp(-(up - low) / SOFT).sum(0))


def legs(
    hips: np.ndarray, ankles: np.ndarray, feet: np.ndarray, pelvis: np.ndarray, offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotations of upper legs, lower legs and feet against their parents, each (2, T, 3, 3).

    hips, ankles: where the joints are, (2, T, 3). feet, pelvis: orientations (2, T, 3, 3), (T, 3, 3).
    offsets: of knee from hip and ankle from knee, (2, 2, 3). Knees point where the toes do.
    """
    upper, lower = np.linalg.norm(offsets, axis=-1).T[..., None]
    way = ankles - hips
    far = np.sqrt(dot(way, way)).clip(1e-6)
    way = way / far[..., None]
    far = np.minimum(far, (upper + lower) * 0.99999)
    toes = feet[..., 2] * np.array([1.0, 0.0, 1.0])
    knee = across(toes, way)
    cosine = ((upper**2 + far**2 - lower**2) / (2 * upper * far)).clip(-1, 1)
    sine = np.sqrt(1 - cosine**2)
    thigh = cosine[..., None] * way + sine[..., None] * knee
    shank = unit(far[..., None] * way - upper[..., None] * thigh)
    thighs = _turned(thigh, knee, offsets[:, 0])
    shanks = _turned(shank, knee, offsets[:, 1])
    return turned_back(pelvis, thighs), turned_back(thighs, shanks), turned_back(shanks, feet)


def _turned(way: np.ndarray, knee: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """The orientation that takes an offset (2, 3) along `way` and what is ahead of it towards `knee`."""
    ahead = across(knee, way)
    there = np.stack([way, ahead, cross(way, ahead)], -1)
    along = unit(offset)
    front = across(np.broadcast_to(_AHEAD, along.shape), along)
    rest = np.stack([along, front, cross(along, front)], -1)
    return there @ np.swapaxes(rest, -1, -2)[:, None]
