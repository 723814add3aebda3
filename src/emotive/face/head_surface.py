"""The form of the bundled head: a signed distance in mm, blended from ellipsoids and capsules.

X to the person's left, Y up, Z out of the face; the origin lies between the ear canals. Proportions are those
of an adult (eyes halfway between crown and chin, the base of the nose and the mouth below them in thirds),
with larger eyes, as on a mannequin. Blending is the polynomial smooth minimum (Quilez 2013).
"""

from __future__ import annotations

import numpy as np

EYE = np.array([32.5, 11.0, 73.0])  # of the left eyeball's middle
EYE_RADIUS = 16.0
LID_RADIUS = 17.7  # of the outside of the lids, about the eyeball's middle
MOUTH = -56.0  # height of the line between the lips
MOUTH_WIDTH = 25.0  # from the middle to a corner
HINGE = np.array([0.0, -6.0, 8.0])  # of the jaw
NECK_END = -168.0  # height at which the neck is cut


def distance(points: np.ndarray) -> np.ndarray:
    """Signed distances (N,), mm, of points (N, 3), negative inside. The head is symmetric in X."""
    p = points.copy()
    p[:, 0] = np.abs(p[:, 0])
    d = _ellipsoid(p, (0, 40, -8), (75, 80, 94))
    d = _union(d, _ellipsoid(p, (0, 22, 34), (63, 58, 58)), 24)  # forehead and temples
    d = _union(d, _ellipsoid(p, (0, -12, 32), (63, 70, 60)), 22)
    d = _union(d, _ellipsoid(p, (0, -64, 50), (42, 36, 42)), 20)
    d = _union(d, _capsule(p, (42, -50, 14), (14, -86, 76), 14, 11), 24)  # the jaw's edge
    d = _union(d, _ellipsoid(p, (0, -87, 81), (15, 14, 13)), 14)  # the chin
    d = _union(d, _ellipsoid(p, (39, -11, 60), (20, 16, 22)), 22)  # cheekbones
    d = _union(d, _ellipsoid(p, (29, -34, 66), (22, 24, 21)), 20)  # cheeks
    d = _union(d, _capsule(p, (8, 31, 82), (36, 32, 68), 11, 10), 16)  # brows
    d = _union(d, _ellipsoid(p, (0, -55, 77), (34, 27, 22)), 16)  # the teeth behind the lips
    d = _carve(d, _ellipsoid(p, (33, 9, 99), (20, 13, 16)), 17)  # sockets
    d = _union(d, _ball(p, EYE, LID_RADIUS), 9)
    d = _union(d, _capsule(p, (0, 22, 87), (0, -18, 104), 8, 9), 12)  # the nose
    d = _union(d, _ellipsoid(p, (0, -22, 96), (12, 14, 12)), 10)
    d = _union(d, _ellipsoid(p, (0, -23, 108.5), (9, 8, 9)), 8)
    d = _union(d, _ellipsoid(p, (10, -27, 99), (6.2, 6, 8.6)), 6)
    d = _carve(d, _capsule(p, (5.5, -38.5, 98), (4.6, -35.5, 106), 2.2, 1.8), 2.5)  # nostrils
    d = _carve(d, _capsule(p, (0, -40, 106), (0, -47, 106), 3.5, 3), 5)  # the groove above the lip
    d = _union(d, _capsule(p, (3.5, -51.6, 96.3), (20, -54.6, 86.5), 6.2, 3.2), 4.5)  # lips
    d = _union(d, _capsule(p, (0, -61.8, 94.3), (18, -58.0, 86.5), 7.2, 3.4), 4.5)
    d = _carve(d, _capsule(p, (0, MOUTH - 0.6, 105.5), (24, MOUTH + 0.6, 93), 1.8, 1.2), 4.5)
    d = _carve(d, _capsule(p, (0, -74, 105), (10, -73.5, 101), 6, 4), 10)  # the hollow below the lower lip
    return _union(d, _capsule(p, (0, -40, -14), (0, -200, -34), 44, 50), 20)


def gradient(points: np.ndarray, step: float = 0.25) -> np.ndarray:
    """Unit normals (N, 3), outwards, by central differences."""
    moved = np.concatenate([points + sign * step * axis for axis in np.eye(3) for sign in (1, -1)])
    values = distance(moved).reshape(3, 2, -1)
    slope = (values[:, 0] - values[:, 1]).T
    return slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-9)


def cast(origins: np.ndarray, directions: np.ndarray, far: float) -> np.ndarray:
    """Where rays from `far` mm outside first meet the surface on their way back to `origins` (N, 3)."""
    reach = np.full(len(directions), float(far))
    for _ in range(60):
        step = 0.8 * distance(origins + reach[:, None] * directions)
        reach -= step
        if np.abs(step).max() < 1e-3:
            break
    return origins + reach[:, None] * directions


def settle(points: np.ndarray, rounds: int = 3) -> np.ndarray:
    """Points pulled onto the surface along its normals."""
    for _ in range(rounds):
        points = points - np.clip(distance(points), -4, 4)[:, None] * gradient(points)
    return points


def _union(a: np.ndarray, b: np.ndarray, soft: float) -> np.ndarray:
    h = np.clip(0.5 + 0.5 * (b - a) / soft, 0, 1)
    return b + (a - b) * h - soft * h * (1 - h)


def _carve(a: np.ndarray, b: np.ndarray, soft: float) -> np.ndarray:
    return -_union(-a, b, soft)


def _ball(p: np.ndarray, middle: object, radius: float) -> np.ndarray:
    return np.linalg.norm(p - np.asarray(middle), axis=1) - radius


def _ellipsoid(p: np.ndarray, middle: object, radii: object) -> np.ndarray:
    """Quilez' bound: exact on the surface, near enough around it."""
    q, r = p - np.asarray(middle, float), np.asarray(radii, float)
    k0 = np.linalg.norm(q / r, axis=1)
    k1 = np.maximum(np.linalg.norm(q / r**2, axis=1), 1e-6)
    return np.where(k0 < 0.3, -0.7 * r.min(), k0 * (k0 - 1) / k1)


def _capsule(p: np.ndarray, a: object, b: object, ra: float, rb: float) -> np.ndarray:
    """Around a line, with a radius that runs from one end to the other."""
    start, way = np.asarray(a, float), np.asarray(b, float) - np.asarray(a, float)
    along = np.clip((p - start) @ way / (way @ way), 0, 1)
    return np.linalg.norm(p - start - along[:, None] * way, axis=1) - (ra + along * (rb - ra))
