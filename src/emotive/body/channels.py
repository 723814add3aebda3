"""What a gesture is written in: fifty controls of a standing body, which `posing` turns into joints.

A network that draws these cannot slide a foot or break a wrist: inverse kinematics gives feet that stand,
wrists within their range and hands outside the chest for any numbers. Over time they are cubic B-splines,
smooth by construction and playable at any rate.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

HAND = (
    "out", "up", "ahead", "pronation", "flexion", "deviation", "elbow",
    "thumb", "index", "middle", "ring", "little", "spread",
)  # fmt: skip
"""Of each hand. out, up, ahead: the wrist from the middle between the shoulders, m for an arm of `ARM`; out
is away from the midline on its own side, up and ahead are the chest's, of whose forward bend 45 % counts.
pronation: deg, 80 palm down, -80 palm up, 0 thumb up with the forearm ahead. flexion: of the wrist towards
the palm, deg. deviation: towards the thumb, deg. elbow: how far the elbow points outward, 0 down .. 1.2
sideways. thumb .. little: curl, deg, 0 straight .. 90 a fist. spread: of the fingers, deg."""

CHANNELS: tuple[str, ...] = (
    *(f"left.{name}" for name in HAND),
    *(f"right.{name}" for name in HAND),
    # The trunk against upright hips, deg: bent ahead, turned to the own left, leaned to the own right.
    "trunk.pitch", "trunk.yaw", "trunk.roll",
    "lean",  # of the whole body ahead from the ankles, deg
    # The face against straight ahead, deg: down, to the own left, tilted to the own right.
    "head.pitch", "head.yaw", "head.roll",
    "gaze.yaw", "gaze.pitch",  # of the eyes against the head, deg: to the own left, up
    # The hips from the middle between the feet of the T-pose, m: to the own left, ahead; deg: turned to the
    # own left, dropped on the own right side; m below legs that are straight.
    "hips.side", "hips.ahead", "hips.yaw", "hips.roll", "crouch",
    # The collarbones, deg: raised, drawn ahead.
    "left.raise", "left.round", "right.raise", "right.round",
    # Where each foot wants to stand, m from below its own hip joint: out, ahead; toes turned out, deg. A foot
    # that stands stays until that is well away from it, and then takes a step.
    "left.foot.out", "left.foot.ahead", "left.foot.turn",
    "right.foot.out", "right.foot.ahead", "right.foot.turn",
)  # fmt: skip
"""Fifty names."""

CHANNEL: dict[str, int] = {name: i for i, name in enumerate(CHANNELS)}
"""Name -> number."""

ARM = 0.525  # m from shoulder to wrist to which positions of hands refer; longer arms scale them
TOKENS = 15  # knots/s


def of(side: str) -> slice:
    """The channels of one hand: "left" or "right"."""
    first = CHANNEL[f"{side}.{HAND[0]}"]
    return slice(first, first + len(HAND))


def knots_of(tracks: np.ndarray, fps: float) -> np.ndarray:
    """Coefficients (N, C) of cubic B-splines, `TOKENS` a second, nearest to `tracks` (T, C) at `fps`.

    Knot n has its weight around (n + 0.5) / TOKENS s; beyond the ends the outermost knots repeat. Least
    squares with a trace of smoothing, for the knots that few frames decide.
    """
    frames = len(tracks)
    count = max(1, -(-frames * TOKENS // round(fps)))
    columns, weights = _weights(np.arange(frames) / fps, count)
    bands = np.zeros((4, count))
    for i in range(4):
        for j in range(4):
            apart = columns[:, j] - columns[:, i]
            # The repeated knots of the ends may meet: each pair counts where it lands in the lower half.
            lands = apart >= 0
            np.add.at(bands, (apart[lands], columns[lands, i]), (weights[:, i] * weights[:, j])[lands])
    bands[0] += 1e-4
    target = np.zeros((count, tracks.shape[1]))
    for i in range(4):
        np.add.at(target, columns[:, i], weights[:, i, None] * tracks)
    nearest = tracks[np.minimum((np.arange(count) + 0.5) * fps / TOKENS, frames - 1).astype(int)]
    return solveh_banded(bands, target + 1e-4 * nearest, lower=True).astype(np.float32)


def tracks_of(knots: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The splines with coefficients `knots` (N, C) at `times` (T,), s from where the first knot begins:
    float32 (T, C)."""
    columns, weights = _weights(times, len(knots))
    return np.einsum("ti,tic->tc", weights, knots[columns]).astype(np.float32)


def _weights(times: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """At each time the four knots that count (T, 4), and their weights (T, 4)."""
    at = np.asarray(times) * TOKENS - 0.5
    whole = np.floor(at).astype(int)
    u = at - whole
    weights = np.stack(
        [(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3], -1
    ) / 6  # fmt: skip
    columns = (whole[:, None] + np.arange(-1, 3)).clip(0, count - 1)
    return columns, weights
