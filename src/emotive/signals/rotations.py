"""Rotations as matrices, as six numbers, as vectors: (..., 3, 3), (..., 6), (..., 3)."""

from __future__ import annotations

import numpy as np


def six_of(matrices: np.ndarray) -> np.ndarray:
    """The first two columns of rotation matrices (..., 3, 3), one after the other: (..., 6).

    Zhou et al. 2019, "On the continuity of rotation representations in neural networks".
    """
    return np.concatenate([matrices[..., 0], matrices[..., 1]], -1)


def matrices_of(six: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of six numbers each, made orthonormal by Gram-Schmidt; float64."""
    a, b = np.asarray(six, np.float64)[..., :3], np.asarray(six, np.float64)[..., 3:]
    x = a / np.linalg.norm(a, axis=-1, keepdims=True)
    y = b - (x * b).sum(-1, keepdims=True) * x
    y = y / np.linalg.norm(y, axis=-1, keepdims=True)
    return np.stack([x, y, np.cross(x, y)], -1)


def matrices_of_vectors(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3), rad (Rodrigues)."""
    v = np.asarray(vectors, np.float64)
    angle = np.linalg.norm(v, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(v, -1, 0)
    o = np.zeros_like(x)
    cross = np.stack([o, -z, y, z, o, -x, -y, x, o], -1).reshape(*v.shape[:-1], 3, 3)
    # sinc, so that no rotation is no division by zero.
    first = np.sinc(angle / np.pi)
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.eye(3) + first * cross + second * (cross @ cross)


def vectors_of(matrices: np.ndarray) -> np.ndarray:
    """Rotation vectors (..., 3), rad, of rotation matrices (..., 3, 3)."""
    q = quaternions_of(matrices)
    sine = np.linalg.norm(q[..., :3], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., 3:])
    return q[..., :3] * np.where(sine > 1e-12, angle / np.maximum(sine, 1e-12), 2.0)


def quaternions_of(matrices: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4), x y z w with w >= 0, of rotation matrices (..., 3, 3).

    The largest of the four by Shepperd's method (1978), so that none is divided by little.
    """
    m = np.asarray(matrices, np.float64)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = np.stack([1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz, 1 + xx + yy + zz], -1)
    a, b, c = m[..., 2, 1], m[..., 0, 2], m[..., 1, 0]
    d, e, f = m[..., 1, 2], m[..., 2, 0], m[..., 0, 1]
    rows = np.stack(
        [
            np.stack([squares[..., 0], c + f, b + e, a - d], -1),
            np.stack([c + f, squares[..., 1], a + d, b - e], -1),
            np.stack([b + e, a + d, squares[..., 2], c - f], -1),
            np.stack([a - d, b - e, c - f, squares[..., 3]], -1),
        ],
        -2,
    )
    best = squares.argmax(-1)[..., None, None]
    q = np.take_along_axis(rows, np.broadcast_to(best, (*best.shape[:-1], 4)), -2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(q[..., 3:] < 0, -q, q)
