"""The forms of clothes, in the pose of `figure_bind`: tops with their necklines, and trousers.

Clothes are solids a little larger than what they cover; where they end, `figure_trims` closes them. m.
"""

from __future__ import annotations

import numpy as np

from .figure_body import ELBOW, FORE, KNEE, SHOULDER, TORSO, UPPER, WRIST, left, torso
from .figure_forms import Form, Loft, both, capsule, carve, chain, ellipsoid, plane, union

HEM = 0.872  # height at which tops end
CUFF = 0.018  # m from the wrist to the end of a sleeve
SLEEVE = 0.165  # m from the shoulder to the end of a short sleeve
TURN_UP = 0.085  # height of the ends of trousers
COLLAR = np.array([0.0, 1.463, -0.016])  # the middle of a round neck
COLLAR_UP = np.array([0.0, np.cos(np.radians(20)), np.sin(np.radians(20))])
SCOOP = np.array([0.0, 1.44, 0.004])  # of a wide one
SCOOP_UP = np.array([0.0, np.cos(np.radians(27)), np.sin(np.radians(27))])
SCOOP_WIDE, SCOOP_DEEP = 0.100, 0.083
V_POINT, V_SLOPE = 1.300, 0.42  # of a deep one: the height of its point, m of half width per m above it


def arm(p: np.ndarray, radii: tuple[float, float, float] = (0.055, 0.048, 0.040)) -> np.ndarray:
    """The left sleeve, past the wrist."""
    top, end = SHOULDER - np.array([0.006, 0.014, 0.0]), WRIST + 0.03 * FORE
    d = capsule(p, top, ELBOW, radii[0], radii[1])
    return union(d, capsule(p, ELBOW, end, radii[1], radii[2]), 0.004)


def trunk(p: np.ndarray, ease: float) -> np.ndarray:
    """Cloth around the trunk, `ease` m off it, wider at the hem."""
    return torso(p) - ease - 0.004 * _bump(p[..., 1], 0.87, 0.06)


def hemmed(d: np.ndarray, p: np.ndarray) -> np.ndarray:
    return both(d, HEM - p[..., 1], 0.012)


def long_sleeved(p: np.ndarray) -> np.ndarray:
    """Soft and a little wide, with long sleeves, closed at the neck."""
    q = left(p)
    d = hemmed(union(trunk(p, 0.0), arm(q), 0.05) - 0.006 - _folds(q), p)
    return both(d, plane(q, WRIST - CUFF * FORE, FORE), 0.008)


def short_sleeved(p: np.ndarray) -> np.ndarray:
    """With sleeves that end above the elbows, closed at the neck."""
    q = left(p)
    sleeve = both(arm(q, (0.056, 0.060, 0.06)) - 0.004, plane(q, SHOULDER + SLEEVE * UPPER, UPPER), 0.006)
    d = union(trunk(p, 0.006), sleeve, 0.05)
    return hemmed(d - np.where(q[..., 0] > 0.2, 0.0, 0.6 * _folds(q)), p)


def _folds(q: np.ndarray) -> np.ndarray:
    """How far cloth stands off: it gathers above the hem and the cuffs and creases at the elbows; m."""
    y, t, s = q[..., 1], (q - ELBOW) @ FORE, (q - SHOULDER) @ UPPER
    inner = np.clip(0.5 + (q[..., 2] - (ELBOW[2] + 0.37 * np.maximum(t, 0))) / 0.05, 0, 1)
    sleeve = 0.0065 * _bump(t, 0.190, 0.026)
    sleeve = sleeve + 0.0012 * _bump(t, 0.0, 0.035) * np.sin(170 * t + 12 * y) * inner
    sleeve = sleeve + 0.0010 * _bump(s, 0.16, 0.05) * np.sin(90 * s + 40 * q[..., 2])
    wave = 0.35 * np.sin(9 * np.arctan2(q[..., 0], q[..., 2]) + 1.0)
    blouse = 0.0075 * _bump(y, 0.920, 0.024)
    blouse = blouse + 0.0022 * _bump(y - 0.012 * wave, 0.968, 0.014) * (1 + 2 * wave)
    return np.where(q[..., 0] > 0.2, sleeve, blouse)


def round_neck(d: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Cloth with a round neck cut out of it."""
    d = both(d, plane(p, COLLAR + 0.004 * COLLAR_UP, COLLAR_UP), 0.006)
    return carve(d, neck_hole(p, 0.057), 0.006)


def neck_hole(p: np.ndarray, radius: float) -> np.ndarray:
    """What a round neck leaves open."""
    low, top = COLLAR - 0.03 * COLLAR_UP, COLLAR + 0.10 * COLLAR_UP
    above = -plane(p, COLLAR - 0.012 * COLLAR_UP, COLLAR_UP)
    return both(capsule(p, low, top, radius, radius + 0.004), above, 0.006)


def pullover(p: np.ndarray) -> np.ndarray:
    return round_neck(long_sleeved(p), p)


def tee(p: np.ndarray) -> np.ndarray:
    return round_neck(short_sleeved(p), p)


def scoop(p: np.ndarray) -> np.ndarray:
    """With a wide neck."""
    q = left(p) - SCOOP
    back = np.cross(SCOOP_UP, (1.0, 0.0, 0.0))
    hole = np.hypot(q[..., 0] / SCOOP_WIDE, (q @ back) / SCOOP_DEEP) - 1
    d = both(long_sleeved(p), p[..., 1] - 1.474, 0.004)
    return carve(d, both(hole * SCOOP_DEEP, 1.36 - p[..., 1], 0.004), 0.003)


def v_neck(p: np.ndarray) -> np.ndarray:
    """With a deep neck that ends in a point; a `bib` fills it."""
    q = left(p)
    wedge = (q[..., 0] - (q[..., 1] - V_POINT) * V_SLOPE) * 0.92
    d = both(long_sleeved(p), plane(p, COLLAR + 0.004 * COLLAR_UP, COLLAR_UP), 0.006)
    return carve(carve(d, neck_hole(p, 0.061), 0.006), both(wedge, 0.02 - q[..., 2], 0.004), 0.004)


def cardigan(p: np.ndarray) -> np.ndarray:
    """Open in front; an `undershirt` fills it."""
    q = left(p)
    opening = both((q[..., 0] - front_edge(q[..., 1])) * 0.97, 0.01 - q[..., 2], 0.004)
    d = both(long_sleeved(p) - 0.005, plane(p, COLLAR + 0.006 * COLLAR_UP, COLLAR_UP), 0.006)
    return carve(carve(d, neck_hole(p, 0.068), 0.006), opening, 0.005)


def front_edge(y: np.ndarray) -> np.ndarray:
    """How far the edges of an open front lie from the middle at a height, m."""
    return np.interp(y, [0.80, 0.90, 1.10, 1.30, 1.46], [0.055, 0.040, 0.032, 0.044, 0.062])


def bib(p: np.ndarray) -> np.ndarray:
    """The shirt that a deep neck shows."""
    q = left(p)
    d = round_neck(both(torso(p) + 0.002 + _sunk(q), 1.2 - q[..., 1], 0.01), p)
    return both(d, q[..., 0] - 0.085, 0.01)


def undershirt(p: np.ndarray) -> np.ndarray:
    """The shirt that an open front shows."""
    q = left(p)
    d = round_neck(both(trunk(p, -0.001) + _sunk(q), HEM + 0.012 - q[..., 1], 0.01), p)
    return both(both(d, q[..., 0] - 0.10, 0.01), -0.03 - q[..., 2], 0.01)


def _sunk(q: np.ndarray) -> np.ndarray:
    """How much deeper a shirt lies below what is worn over it on the shoulders, m."""
    return 0.012 * np.clip((q[..., 1] - 1.37) / 0.07, 0, 1) * np.clip((q[..., 0] - 0.03) / 0.03, 0, 1)


def hoodie(p: np.ndarray) -> np.ndarray:
    """With a hood that lies on the back."""
    q = left(p)
    rim = [(0.040, 1.470, 0.052), (0.078, 1.476, 0.0), (0.070, 1.462, -0.065), (0.0, 1.440, -0.105)]
    hood = chain(q, rim, [0.017, 0.027, 0.038, 0.042], 0.02)
    d = union(round_neck(long_sleeved(p) - 0.004, p), hood, 0.022)
    d = union(d, ellipsoid(q, (0, 1.385, -0.105), (0.085, 0.062, 0.026)), 0.03)
    return carve(d, neck_hole(p, 0.056), 0.012)


_LEG = Loft(
    (0, 0, 0), (0, 1, 0), (1, 0, 0),
    [0.06, 0.085, 0.20, 0.33, 0.42, 0.495, 0.57, 0.68, 0.78, 0.86, 0.93],
    [0.0510, 0.0510, 0.0530, 0.0570, 0.0570, 0.0575, 0.0610, 0.0700, 0.0785, 0.0845, 0.0840],
    [0.0560, 0.0560, 0.0575, 0.0630, 0.0620, 0.0605, 0.0655, 0.0760, 0.0860, 0.0920, 0.0920],
    # its middle: outward and backward
    [(0.0945, 0.010), (0.0945, 0.010), (0.094, 0.014), (0.093, 0.013), (0.092, 0.003), (0.092, -0.006),
     (0.091, -0.004), (0.089, 0.0), (0.0875, 0.003), (0.087, 0.006), (0.085, 0.010)],
    square=2.15,
)  # fmt: skip


def trousers(p: np.ndarray) -> np.ndarray:
    q = left(p)
    y, z = q[..., 1], q[..., 2]
    hips = both(TORSO(q) + 0.012, y - 0.96, 0.01)
    hips = both(hips, 0.832 - y + 0.25 * np.abs(z + 0.01), 0.06)
    leg = both(_LEG(q), y - 0.885 + 0.25 * np.abs(z), 0.06)
    seat = ellipsoid(q, (0.064, 0.868, -0.050), (0.078, 0.070, 0.062))
    d = union(union(hips, leg, 0.022), seat, 0.03)
    knee, low = y - KNEE[1], y - TURN_UP
    crease = 0.0022 * _bump(knee, 0.0, 0.045) * np.sin(110 * knee + 30 * q[..., 0])
    crease = crease * np.clip(0.5 - z / 0.06, 0, 1)  # behind the knee
    stack = 0.0028 * _bump(low, 0.045, 0.030) * np.sin(130 * low + 25 * z)
    lap = 0.0025 * _bump(y, 0.845, 0.03) * np.sin(140 * y - 45 * q[..., 0]) * (z > 0)
    return both(d - np.where(y < 0.7, crease + stack, lap), TURN_UP - y, 0.006)


def _bump(x: np.ndarray, middle: float, wide: float) -> np.ndarray:
    return np.exp(-(((x - middle) / wide) ** 2))


TOPS: dict[str, Form] = {
    "pullover": pullover,
    "tee": tee,
    "scoop": scoop,
    "vneck": v_neck,
    "turtleneck": pullover,
    "polo": tee,
    "hoodie": hoodie,
    "cardigan": cardigan,
}
UNDER: dict[str, Form] = {"vneck": bib, "cardigan": undershirt}
