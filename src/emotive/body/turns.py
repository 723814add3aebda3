"""Turning things: rotations about the axes, angles back out of rotations, and numbers kept within a range."""

from __future__ import annotations

import numpy as np


def about(axis: str, degrees: np.ndarray | float) -> np.ndarray:
    """Rotation matrices (..., 3, 3) about "x", "y" or "z" by `degrees` (...)."""
    angle = np.deg2rad(degrees)
    c, s = np.cos(angle), np.sin(angle)
    i = "xyz".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    turned = np.zeros((*np.shape(angle), 3, 3))
    turned[..., i, i] = 1
    turned[..., j, j] = turned[..., k, k] = c
    turned[..., k, j], turned[..., j, k] = s, -s
    return turned


def about_all(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Y by `yaw`, then X by `pitch`, then Z by `roll`, deg (...): (..., 3, 3). For a person who looks along
    Z: to the own left, ahead and down, to the own right."""
    (cy, sy), (cp, sp), (cr, sr) = (
        (np.cos(a), np.sin(a)) for a in (np.deg2rad(yaw), np.deg2rad(pitch), np.deg2rad(roll))
    )
    turned = np.empty((*np.broadcast(cy, cp, cr).shape, 3, 3))
    turned[..., 0, 0], turned[..., 0, 1], turned[..., 0, 2] = (
        cy * cr + sy * sp * sr,
        sy * sp * cr - cy * sr,
        sy * cp,
    )
    turned[..., 1, 0], turned[..., 1, 1], turned[..., 1, 2] = cp * sr, cp * cr, -sp
    turned[..., 2, 0], turned[..., 2, 1], turned[..., 2, 2] = (
        cy * sp * sr - sy * cr,
        sy * sr + cy * sp * cr,
        cy * cp,
    )
    return turned


def angles_of(turned: np.ndarray) -> np.ndarray:
    """yaw, pitch, roll (..., 3), deg, of `about_all`; pitch within 90."""
    m = turned
    pitch = np.arcsin((-m[..., 1, 2]).clip(-1, 1))
    yaw = np.arctan2(m[..., 0, 2], m[..., 2, 2])
    roll = np.arctan2(m[..., 1, 0], m[..., 1, 1])
    return np.rad2deg(np.stack([yaw, pitch, roll], -1))


def twist_of(turned: np.ndarray) -> np.ndarray:
    """The part of rotations that is about X, when the rest takes X where it goes by the shortest way, deg."""
    whole = 1 + turned[..., 0, 0] + turned[..., 1, 1] + turned[..., 2, 2]
    return np.rad2deg(2 * np.arctan2(turned[..., 2, 1] - turned[..., 1, 2], whole))


def from_x(way: np.ndarray) -> np.ndarray:
    """The rotations (..., 3, 3) that take X to unit vectors (..., 3) by the shortest way; not to -X."""
    x, y, z = np.moveaxis(way, -1, 0)
    share = 1 / (1 + x).clip(1e-9)
    rows = [[x, -y, -z], [y, 1 - y * y * share, -y * z * share], [z, -y * z * share, 1 - z * z * share]]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def within(
    values: np.ndarray, low: float | np.ndarray, high: float | np.ndarray, margin: float = 0.08
) -> np.ndarray:
    """Values as they are in the middle of a range, bent before its ends so that none gets beyond; `margin` is
    the share of half the range in which they bend."""
    half = (high - low) / 2
    at = (np.asarray(values, np.float64) - (low + high) / 2) / half
    over = np.maximum(np.abs(at) - (1 - margin), 0)
    kept = np.minimum(np.abs(at), 1 - margin) + margin * np.tanh(over / margin)
    return (low + high) / 2 + half * np.copysign(kept, at)


def smooth(values: np.ndarray) -> np.ndarray:
    """From 0 at 0 to 1 at 1, level at both."""
    u = np.clip(values, 0, 1)
    return u * u * (3 - 2 * u)


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(..., 3) times (..., 3): (...). Spelled out, as sums over three are slow."""
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]


def unit(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) of length one; those of no length stay."""
    return vectors / np.sqrt(np.maximum(dot(vectors, vectors)[..., None], 1e-18))


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """As numpy's, for (..., 3) that broadcast, several times as fast."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], -1)


def across(vectors: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """What of vectors is at right angles to the unit `axis`, at length one."""
    return unit(vectors - dot(vectors, axis)[..., None] * axis)


def turned_back(parent: np.ndarray, child: np.ndarray) -> np.ndarray:
    """The rotation of `child` against `parent`, both (..., 3, 3) in the world."""
    return np.swapaxes(parent, -1, -2) @ child


def moved(turned: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Matrices (..., 3, 3) times vectors (..., 3)."""
    return (turned @ vectors[..., None])[..., 0]
