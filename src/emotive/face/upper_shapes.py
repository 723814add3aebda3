"""How the blendshapes of brows, lids, cheeks and nose move a face: displacements in face units."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from .frame import smooth
from .measures import Measures
from .mouth_shapes import Shapes

LASHES = 0.032  # face units: the band above the edge of the upper lid that moves with it as one piece
INNER = (
    (-1.2, 0.0),
    (-0.35, 0.75),
    (0.0, 1.0),
    (0.35, 0.68),
    (0.7, 0.25),
    (1.0, 0.08),
    (1.5, 0.0),
    (2.2, 0.0),
)
OUTER = (
    (-1.2, 0.0),
    (-0.35, 0.02),
    (0.0, 0.15),
    (0.35, 0.6),
    (0.7, 1.0),
    (1.0, 0.85),
    (1.5, 0.25),
    (2.2, 0.0),
)
DOWN = ((-1.2, 0.0), (-0.35, 0.8), (0.0, 1.0), (0.35, 0.88), (0.7, 0.5), (1.0, 0.28), (1.5, 0.08), (2.2, 0.0))
"""How much of a brow's way each place along it goes: 0 is its end at the nose, 1 at the temple."""

UPPER_SHARE = 0.90  # of the way that the lids go to each other, by the upper lid


def lid_fields(m: Measures, eye: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) each: the opening of an eye at a vertex's X; how much it follows the upper lid; the lower."""
    upper, lower = (line[np.argsort(line[:, 0])] for line in m.lids[eye])
    top, bottom = np.interp(m.x, upper[:, 0], upper[:, 1]), np.interp(m.x, lower[:, 0], lower[:, 1])
    inside = (m.x >= upper[0, 0]) & (m.x <= upper[-1, 0])
    gap = np.where(inside, np.clip(bottom - top, 0, None), 0)
    most = float(gap.max())
    brow = float(m.lids[eye, 0, :, 1].min() - m.brows[eye, 1, :, 1].max())
    zone = float(np.clip(0.06 + 0.7 * most, 0.10, max(0.11, LASHES + 0.85 * max(brow, 0.05))))
    up = np.clip(top - m.y, 0, None)
    follow_upper = np.where(m.y <= top + 1e-6, 1 - smooth(up, LASHES, zone), 0)
    down = np.clip(m.y - bottom, 0, None)
    follow_lower = np.where((m.y >= bottom - 1e-6) & (m.y > top + 1e-6), 1 - smooth(down, 0.01, 0.12), 0)
    return gap, follow_upper, follow_lower


def _brow_fields(
    m: Measures, brow: np.ndarray, lid: np.ndarray, s: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) each: place along a brow (0 nose, 1 temple), nearness to it, freedom from the lid."""
    middle = brow.mean(0)
    order = np.argsort(s * middle[:, 0])
    line = middle[order]
    along = (s * m.x - s * line[0, 0]) / max(s * (line[-1, 0] - line[0, 0]), 1e-3)
    height = np.interp(s * m.x, s * line[:, 0], line[:, 1])
    bottom = np.interp(s * m.x, s * brow[1, order, 0], brow[1, order, 1])
    near = np.exp(
        -((np.clip(height - m.y, 0, None) / 0.24) ** 2) - (np.clip(m.y - height, 0, None) / 0.20) ** 2
    )
    order = np.argsort(lid[:, 0])
    top = np.interp(m.x, lid[order, 0], lid[order, 1])
    # The edge of the lid stays, the brow moves as one piece, the skin between them gives.
    free = np.clip((top - LASHES - m.y) / np.maximum(top - LASHES - bottom, 0.04), 0, 1)
    return along, near, free * free * (3 - 2 * free)


def upper_shapes(m: Measures) -> Shapes:
    """All shapes of eyes, brows, nose and cheekSquint; the eyeLook shapes move no skin but the eyes."""
    n = len(m.x)
    shapes: Shapes = {}

    def shape(
        name: str, x: np.ndarray | float = 0.0, y: np.ndarray | float = 0.0, z: np.ndarray | float = 0.0
    ) -> None:
        shapes[name] = np.stack([np.broadcast_to(v, (n,)) for v in (x, y, z)], 1).astype(float)

    inner_up = np.zeros(n)
    for eye, (side, s) in enumerate((("Right", -1.0), ("Left", 1.0))):
        gap, upper, lower = lid_fields(m, eye)
        dome = np.sqrt(gap / max(float(gap.max()), 1e-6))
        under = m.blob((m.lids[eye, 1, 8, 0], m.lids[eye, 1, 8, 1] + 0.07), 0.17, 0.08)
        shape(
            f"eyeBlink{side}", 0.0, UPPER_SHARE * gap * upper - (1 - UPPER_SHARE) * gap * lower, 0.02 * upper
        )
        shape(f"eyeSquint{side}", 0.0, 0.14 * gap * upper - 0.30 * gap * lower - 0.022 * under * (lower < 1))
        shape(f"eyeWide{side}", 0.0, -0.028 * dome * upper + 0.010 * dome * lower)
        for look in ("Down", "In", "Out", "Up"):
            shape(f"eyeLook{look}{side}")

        brow, lid_top = m.brows[eye], m.lids[eye, 0]
        along, near, free = _brow_fields(m, brow, lid_top, s)
        room = float(np.clip((lid_top[8, 1] - brow[1, 2, 1]) / 0.17, 0.42, 1.15))
        own = smooth(s * m.x, -0.05, 0.05)
        for_inner, for_outer, for_down = (
            PchipInterpolator(*np.array(knots).T) for knots in (INNER, OUTER, DOWN)
        )
        span = np.clip(along, INNER[0][0], INNER[-1][0])
        inner_up = np.maximum(inner_up, for_inner(span) * near * free * smooth(s * m.x, -0.30, 0.10))
        shape(f"browOuterUp{side}", 0.0, -0.095 * for_outer(span) * near * free * own)
        # Between the brows the skin is drawn to the middle from both sides.
        down = for_down(span) * near * free * own
        shape(f"browDown{side}", -s * 0.034 * down**2, room * 0.092 * down, 0.02 * down)
        wing = m.wings[eye]
        cheek = m.blob((s * 0.33, 0.30), 0.20, 0.14) * own
        shape(f"cheekSquint{side}", s * 0.008 * cheek, -0.042 * cheek - 0.14 * gap * lower, 0.03 * cheek)
        sneer = m.blob((wing[0], wing[1] - 0.03), 0.10, 0.12) * own * (1 - m.lower)
        lip = m.blob((wing[0] * 1.2, wing[1] + 0.10), 0.13, 0.10) * own * (1 - m.lower)
        root = m.blob((0.06 * s, 0.05), 0.10, 0.14) * own
        shape(
            f"noseSneer{side}",
            s * 0.008 * sneer,
            -0.050 * np.maximum(sneer, 0.75 * lip) - 0.016 * cheek + 0.012 * root,
        )
    shape("browInnerUp", 0.0, -0.100 * inner_up)
    return shapes
