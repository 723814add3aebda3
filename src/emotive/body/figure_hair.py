"""The forms of hair, mm, in the frame of the talking head: X to its left, Y up, Z out of the face, the origin
between the ear canals.

Hair is modelled as sculptors do: volumes over the skull, ended by a hairline and cut into locks whose grooves
run as the hair is combed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from emotive.face import head_surface

from .figure_forms import ball, both, capsule, carve, chain, ellipsoid, union

Style = Callable[[np.ndarray], np.ndarray]
_SKULL = np.array([0.0, 28.0, -6.0])  # from which directions over the scalp are told
# The hairline: how high it is, mm, by the angle from the front, deg.
_LINE = (
    (0, 82), (18, 83), (34, 78), (48, 62), (58, 44), (66, 22), (74, -8), (82, -10), (88, 30), (100, 36),
    (112, 14), (124, -18), (140, -42), (160, -52), (180, -54),
)  # fmt: skip


def skull(p: np.ndarray) -> np.ndarray:
    """The head without its features."""
    q = p.reshape(-1, 3)
    d = ellipsoid(q, (0, 40, -8), (75, 80, 94))
    d = union(d, ellipsoid(q, (0, 22, 34), (63, 58, 58)), 24)
    d = union(d, ellipsoid(q, (0, -12, 26), (62, 66, 58)), 22)
    d = union(d, capsule(q, (0, -40, -14), (0, -200, -34), 44, 50), 20)
    return d.reshape(p.shape[:-1])


def around(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angles of points from the middle of the skull, deg: from the front (0..180), and above the horizon."""
    q = p - _SKULL
    turn = np.degrees(np.arctan2(np.abs(q[..., 0]), q[..., 2]))
    rise = np.degrees(np.arctan2(q[..., 1], np.hypot(q[..., 0], q[..., 2])))
    return turn, rise


def hairline(p: np.ndarray, line: Sequence[tuple[float, float]] = _LINE) -> np.ndarray:
    """How far points lie below the line, mm."""
    turn, _ = around(p)
    at, high = np.array(line, float).T
    return np.interp(turn, at, high) - p[..., 1]


def locks(x: np.ndarray) -> np.ndarray:
    """A row of rounded locks along `x`, one for every unit: 0 in the grooves, 1 on their backs."""
    soft = 0.05
    wave = np.sqrt(np.sin(np.pi * x) ** 2 + soft)
    return (wave - np.sqrt(soft)) / (np.sqrt(1 + soft) - np.sqrt(soft))


def _uneven(x: np.ndarray, seed: float) -> np.ndarray:
    """`x` with lengths that vary, so that no two locks are alike."""
    return x + 0.28 * np.sin(1.7 * x + seed) + 0.16 * np.sin(3.1 * x + 2.1 * seed)


def _bump(x: np.ndarray, middle: np.ndarray | float, wide: float) -> np.ndarray:
    return np.exp(-(((x - middle) / wide) ** 2))


def swept(p: np.ndarray) -> np.ndarray:
    """Short at the sides, long on top, combed up from the forehead and back."""
    turn, rise = around(p)
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    top = np.clip((y - 58 - 0.10 * z) / 34, 0, 1)
    top = top * top * (3 - 2 * top)
    flow = _uneven((x + 0.22 * z + 6 * np.sin(z / 34)) / 23, 0.7)
    high = 5.0 + top * (13 + 17 * _bump(z, 62, 40) + 4 * _bump(x, 14, 34)) + 2.0 * _bump(turn, 150, 40)
    high = high + top * (9.5 * locks(flow) - 6.0)
    side = _uneven(rise / 15 + turn / 60, 2.0)
    high = high + (1 - top) * 2.6 * (locks(side) - 0.5)
    d = skull(p) - high
    edge = hairline(p) + top * 7.0 * (1 - locks(flow))
    d = both(d, 0.72 * edge, 7.0)
    quiff = ellipsoid(p, (8, 108, 66), (44, 20, 26)) - 7.5 * (locks(flow) - 0.3)
    return union(d, quiff, 14)


def side_part(p: np.ndarray) -> np.ndarray:
    """Parted on the left, combed across."""
    turn, rise = around(p)
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    top = np.clip((y - 62) / 30, 0, 1)
    part = 36 + 0.06 * z
    across = (part - x) / 26
    flow = _uneven((z - 0.35 * x + 10 * np.sin(x / 30)) / 25, 1.1)
    high = 6 + top * (14 + 8 * _bump(z, 55, 40) - 13 * _bump(x, part, 5.5)) + 2 * _bump(turn, 150, 45)
    high = high + top * 8.5 * (locks(flow) - 0.6) * np.clip(np.abs(across) * 2, 0, 1)
    high = high + (1 - top) * 2.6 * (locks(_uneven(rise / 15 - turn / 70, 0.3)) - 0.5)
    d = skull(p) - high
    fringe = np.clip((20 - x) / 60, -0.3, 1.0) * 12 * (np.abs(turn) < 50)
    edge = hairline(p) - fringe + top * 7 * (1 - locks(flow))
    d = both(d, 0.72 * edge, 7)
    return union(d, ellipsoid(p, (-14, 104, 60), (46, 18, 26)) - 7 * (locks(flow) - 0.3), 14)


def crop(p: np.ndarray) -> np.ndarray:
    """Very curly, short, with a clean line."""
    turn, _ = around(p)
    y = p[..., 1]
    top = np.clip((y - 40) / 50, 0, 1)
    knots = np.sin(p[..., 0] / 3.4) * np.sin(p[..., 1] / 3.1 + 1) * np.sin(p[..., 2] / 3.3 + 2)
    rough = np.sin(p[..., 0] / 6.1 + 1.3 * np.sin(p[..., 2] / 9)) * np.sin(p[..., 2] / 6.7) * np.sin(y / 5.9)
    d = skull(p) - (4.5 + 12.5 * top - 1.5 * _bump(turn, 90, 30)) - 1.2 * knots - 2.2 * rough
    line = tuple((a, h - 2 if a < 60 else h) for a, h in _LINE)
    return both(d, 0.75 * hairline(p, line), 4.5)


def curls(p: np.ndarray) -> np.ndarray:
    """A cloud of curls to the jaw."""
    d = skull(p) - 17
    d = both(d, 0.72 * (hairline(p) + 3), 14)
    rng = np.random.default_rng(5)
    count = 230
    k = np.arange(count) + 0.5
    up, angle = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    for u, a in zip(up, angle, strict=True):
        way = np.array([np.cos(a) * np.sqrt(1 - u * u), u, np.sin(a) * np.sqrt(1 - u * u)])
        way = way + 0.07 * rng.standard_normal(3)
        way /= np.linalg.norm(way)
        at = _SKULL + np.array([0, 2, -6]) + way * np.array([84, 92, 98]) * rng.uniform(0.98, 1.05)
        azimuth = np.degrees(np.arctan2(abs(at[0]), at[2]))
        low = np.interp(azimuth, [0, 40, 60, 80, 110, 180], [84, 78, 40, -18, -52, -62])
        if at[1] > low:
            d = union(d, ball(p, at, rng.uniform(16.5, 21)), 5)
    return d


def _hanging(p: np.ndarray, low: float, wide: Sequence[tuple[float, float, float, float]]) -> np.ndarray:
    """Hair that falls from the crown: a body of ovals (height, half width, half depth, middle z)."""
    y = p[..., 1]
    at = np.array(wide, float)
    order = np.argsort(at[:, 0])
    a, b, c = (np.interp(y, at[order, 0], at[order, k]) for k in (1, 2, 3))
    x, z = p[..., 0] / a, (p[..., 2] - c) / b
    r = np.hypot(x, z)
    d = (r - 1) * np.minimum(a, b)
    return both(d, low - y, 8)


def bob(p: np.ndarray) -> np.ndarray:
    """To the chin, straight, with a fringe to the brows."""
    turn, _ = around(p)
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    flow = _uneven(np.arctan2(x, z + 6) * 4.9, 0.4)
    relief = 5.5 * (locks(flow) - 0.55) * np.clip((118 - y) / 40, 0.15, 1)
    shell = skull(p) - 15 - relief
    fall = _hanging(
        p,
        -84,
        ((90, 88, 104, -6), (40, 92, 104, -10), (-20, 94, 92, -18), (-60, 95, 84, -22), (-90, 90, 78, -22)),
    )
    tips = -80 + 10 * np.clip(z / 60, -0.6, 1) + 5.0 * (1 - locks(flow))
    fall = both(fall - relief, tips - y, 6)
    fall = both(fall, y - 70, 30)
    face = ellipsoid(p, (0, -34, 74), (71, 84, 66))
    fall = carve(fall, face, 7)
    fringe = both(shell, (41 + 4.0 * (1 - locks(flow)) + 0.0022 * x * x) - y, 5)
    fringe = both(fringe, turn - 66, 12)
    crown = both(shell, 38 - y, 10)
    crown = carve(crown, ellipsoid(p, (0, -10, 92), (72, 92, 60)), 6)
    return union(union(crown, fall, 12), fringe, 4)


def long(p: np.ndarray) -> np.ndarray:
    """Parted in the middle, falling in waves over the shoulders."""
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    below = np.clip((30 - y) / 120, 0, 1)
    wave = 5.0 * below * np.sin(y / 19 + 0.8 * np.sign(x) + z / 60)
    q = np.stack([x - np.sign(x) * wave, y, z + 0.8 * wave], -1)
    flow = _uneven(np.arctan2(q[..., 0], q[..., 2] + 6) * 4.2 + 0.004 * y, 1.9)
    relief = 7.5 * (locks(flow) - 0.55) * np.clip((125 - y) / 60, 0.1, 1)
    part = 9.0 * _bump(x, 0, 5.0) * np.clip((y - 70) / 30, 0, 1)
    shell = skull(p) - 15 - relief + part
    shell = both(shell, 20 - y, 14)
    shell = carve(shell, ellipsoid(p, (0, 8, 88), (64, 70, 56)), 8)
    fall = _hanging(
        q,
        -172,
        (
            (90, 84, 100, -6),
            (40, 91, 100, -12),
            (-30, 95, 84, -22),
            (-90, 104, 72, -26),
            (-150, 108, 62, -26),
            (-180, 100, 56, -24),
        ),
    )
    tips = -166 + 16 * (1 - locks(flow)) + 10 * np.clip(z / 50, -1, 1)
    fall = both(fall - relief, tips - y, 8)
    fall = both(fall, y - 66, 30)
    fall = carve(fall, ellipsoid(p, (0, -52, 66), (68, 116, 66)), 9)
    fall = carve(fall, capsule(p, (0, -90, 40), (0, -190, 60), 58, 62), 10)
    return union(shell, fall, 12)


def _combed(p: np.ndarray, knot: np.ndarray, thick: float, seed: float, part: float | None) -> np.ndarray:
    """Hair combed to a knot: the grooves run towards it."""
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    q = p - _SKULL
    way = (knot - _SKULL) / np.linalg.norm(knot - _SKULL)
    along = q @ way
    side = np.array([1.0, 0, 0])
    second = np.cross(way, side)
    angle = np.arctan2(q @ side, q @ second)
    flow = _uneven(angle * 3.6, seed)
    relief = 4.4 * (locks(flow) - 0.5) * np.clip((70 - along) / 60 + 0.4, 0.2, 1)
    d = skull(p) - thick - relief
    if part is not None:
        d = d + 5.0 * _bump(x, part, 4.0) * np.clip((y - 60) / 30, 0, 1) * np.clip((z + 30) / 40, 0, 1)
    return both(d, 0.72 * (hairline(p) + 1.5 * (1 - locks(flow))), 6)


def bun(p: np.ndarray) -> np.ndarray:
    """Parted in the middle and tied into a knot."""
    knot = np.array([0.0, 66.0, -118.0])
    d = _combed(p, knot, 8.5, 0.6, 0.0)
    q = p - knot
    angle = np.arctan2(q[..., 1], q[..., 0])
    turn = _uneven(angle * 1.3 + np.linalg.norm(q, axis=-1) / 15, 0.2)
    return union(d, ellipsoid(p, knot, (37, 36, 30)) - 6 * (locks(turn) - 0.5), 7)


def ponytail(p: np.ndarray) -> np.ndarray:
    """Combed back high and tied, with a tail."""
    knot = np.array([0.0, 82.0, -100.0])
    d = _combed(p, knot, 8.0, 1.4, None)
    d = union(d, ellipsoid(p, (-20, 88, 66), (44, 14, 22)), 16)
    line = knot + np.array(
        [(0, 0, 0), (0, 12, -34), (0, -22, -62), (4, -82, -70), (0, -140, -58), (-6, -176, -48)]
    )
    tail = chain(p, line, [15, 27, 33, 33, 24, 7], 10)
    angle = np.arctan2(p[..., 0], p[..., 2] - knot[2] + 48)
    tail = tail - 7 * (locks(_uneven(angle * 1.5 + p[..., 1] / 90, 0.5)) - 0.5)
    band = capsule(p, knot + np.array([0, 6, -13]), knot + np.array([0, 9, -20]), 17.5, 17.5)
    return union(union(d, band, 3), tail, 3)


STYLES: dict[str, tuple[Style, tuple[float, float, float], tuple[float, float, float], float]] = {
    "swept": (swept, (-110, -75, -130), (110, 165, 125), 8.0),
    "side": (side_part, (-110, -75, -130), (110, 160, 125), 8.0),
    "crop": (crop, (-110, -75, -130), (110, 150, 110), 8.2),
    "curls": (curls, (-135, -110, -145), (135, 165, 130), 9.5),
    "bob": (bob, (-125, -110, -140), (125, 150, 125), 8.4),
    "long": (long, (-140, -205, -145), (140, 150, 125), 9.5),
    "bun": (bun, (-110, -80, -170), (110, 145, 110), 8.2),
    "ponytail": (ponytail, (-110, -125, -220), (110, 150, 110), 8.2),
}
"""Name -> form, corners of a box around it, and how long edges of its mesh are; mm."""


def head(p: np.ndarray) -> np.ndarray:
    """The talking head."""
    return head_surface.distance(p.reshape(-1, 3)).reshape(p.shape[:-1])
