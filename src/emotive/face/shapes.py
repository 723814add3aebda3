"""ARKit's blendshapes on one face: linear bases, and what keeps their combinations plausible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotive.signals import ARKIT

from .frame import smooth
from .measures import Measures
from .mesh import LIP_ROWS, FaceMesh
from .mouth_shapes import mouth_shapes, roll_lips
from .upper_shapes import upper_shapes

INDEX = {name: i for i, name in enumerate(ARKIT)}
MOST_OPEN = 0.40  # face units between the inner edges of the lips
LOOK = np.radians(25.0)  # of gaze at an eyeLook weight of 1
LID_FOLLOWS = 0.9  # of an opening, per rad that the eye looks down: lids follow gaze


@dataclass(frozen=True, eq=False)
class ShapeBasis:
    """bases: float32 (54, n * 3) in face units: ARKit's, then jawOpenRound, then the source's own opening.

    close_upper, close_lower: float32 (n, 21): how a vertex follows when the lips' columns are pushed.
    gap: (21,) opening in the picture.
    """

    bases: np.ndarray
    close_upper: np.ndarray
    close_lower: np.ndarray
    gap: np.ndarray


def build_shapes(m: Measures, mesh: FaceMesh) -> ShapeBasis:
    """The basis of a face."""
    shapes = {**upper_shapes(m), **mouth_shapes(m)}
    roll_lips(shapes, m, mesh.upper_lip, mesh.lower_lip)
    upper, lower = _columns(m, mesh)
    jaw = shapes["jawOpen"]
    gap = jaw[mesh.lower_lip[-1], 1] - jaw[mesh.upper_lip[-1], 1]
    close = np.zeros_like(jaw)
    close[:, 1] = upper @ (0.38 * gap) - lower @ (0.62 * gap)
    shapes["mouthClose"] = close
    own = np.zeros_like(jaw)
    own[:, 1] = upper @ (0.5 * m.gap) - lower @ (0.5 * m.gap)
    order = [*ARKIT, "jawOpenRound"]
    bases = np.stack([shapes[name].ravel() for name in order] + [own.ravel()]).astype(np.float32)
    return ShapeBasis(bases, upper.astype(np.float32), lower.astype(np.float32), m.gap)


def _columns(m: Measures, mesh: FaceMesh) -> tuple[np.ndarray, np.ndarray]:
    """How vertices follow the inner edges of the upper and the lower lip, (n, 21) each."""
    result = []
    for rows, distance, side in ((mesh.upper_lip, m.above, 1 - m.lower), (mesh.lower_lip, m.below, m.lower)):
        x = m.x[rows[-1]]
        order = np.argsort(x)
        position = np.interp(m.x, x[order], np.arange(len(x))[order])
        low = np.clip(position.astype(int), 0, len(x) - 2)
        share = position - low
        follow = np.zeros((len(m.x), len(x)))
        reach = side * np.exp(-((distance / 0.13) ** 2)) * (np.abs(m.t) <= 1.02)
        index = np.arange(len(m.x))
        follow[index, low] += reach * (1 - share)
        follow[index, low + 1] += reach * share
        follow[rows.ravel()] = 0
        for row, weight in zip(rows, 0.80 + 0.20 * LIP_ROWS, strict=True):
            follow[row, np.arange(len(x))] = weight
        follow[:, [0, -1]] = 0
        result.append(follow)
    return result[0], result[1]


def effective(weights: np.ndarray, gaze: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (52,) as they act together, and each eye's gaze (2, 2), rad: right and left; yaw, pitch.

    Lids meet and no more, a lid follows the eye down, what closes the lips takes back what opens them.
    """
    w = np.clip(np.nan_to_num(np.asarray(weights, float)), 0, 1)
    eyes = np.empty((2, 2))
    for eye, (side, s) in enumerate((("Right", -1.0), ("Left", 1.0))):

        def at(name: str, side: str = side) -> float:
            return w[INDEX[f"{name}{side}"]]

        yaw = gaze[0] + LOOK * s * (at("eyeLookOut") - at("eyeLookIn"))
        pitch = gaze[1] + LOOK * (at("eyeLookUp") - at("eyeLookDown"))
        eyes[eye] = soft_limit(yaw, np.radians(32)), soft_limit(pitch, np.radians(22))
        blink = at("eyeBlink")
        follow = LID_FOLLOWS * max(-eyes[eye, 1], 0) * (1 - blink)
        squint, raised = at("eyeSquint"), 0.14 * at("cheekSquint")
        w[INDEX[f"eyeWide{side}"]] *= (1 - blink) * (1 - 0.5 * at("browDown"))
        w[INDEX[f"eyeBlink{side}"]] = min(blink + follow, 1.0) * (1 - 0.44 * squint - raised)
    round_, rounded = np.array([0.46, 0.24]), [INDEX["mouthPucker"], INDEX["mouthFunnel"]]
    narrowing = float(round_ @ w[rounded])  # lips can only be drawn together so far
    if narrowing > 0:
        w[rounded] *= soft_limit(narrowing, 0.55) / narrowing
    out = (max(0.0, w[INDEX["tongueOut"]] - 0.4) / 0.6) ** 1.8  # a tongue that comes out parts the lips
    w[INDEX["jawOpen"]] = max(w[INDEX["jawOpen"]], 0.22 * out)
    w[INDEX["mouthClose"]] *= 1 - out
    close, jaw = w[INDEX["mouthClose"]], w[INDEX["jawOpen"]]
    w[INDEX["mouthClose"]] = min(close, jaw)
    sealed = min(close / jaw, 1.0) if jaw > 1e-6 else 0.0
    for name in (
        "mouthFunnel",
        "mouthLowerDownLeft",
        "mouthLowerDownRight",
        "mouthUpperUpLeft",
        "mouthUpperUpRight",
    ):
        w[INDEX[name]] *= 1 - 0.9 * sealed * smooth(np.array(close), 0.02, 0.08)
    return w, eyes


def soft_limit(x: float, most: float) -> float:
    """x, pressed smoothly into +-most; nearly unchanged below half of it."""
    return float(x / (1 + (abs(x) / most) ** 4) ** 0.25)


def displace(basis: ShapeBasis, mesh: FaceMesh, w: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Vertices (n, 3) in face units under effective weights w (52,).

    rest: (n, 3) the points of the neutral face. Lips open at most `MOST_OPEN` and never cross.
    """
    rounding = min(1.0, 1.25 * w[INDEX["mouthPucker"]] + 0.15 * w[INDEX["mouthFunnel"]])
    # Only of a narrow opening: a wide one is round as it is.
    extra = min(w[INDEX["jawOpen"]] - w[INDEX["mouthClose"]], 0.16) * rounding
    amounts = np.concatenate([w, [extra, 1.0]]).astype(np.float32)
    points = rest + (amounts @ basis.bases).reshape(-1, 3)
    gap = points[mesh.lower_lip[-1], 1] - points[mesh.upper_lip[-1], 1]
    wanted = np.maximum(gap, 0)
    most = wanted.max()
    if most > MOST_OPEN * 0.7:
        wanted = wanted * (soft_limit(most, MOST_OPEN * 1.1) / most)
    push = (gap - wanted).astype(np.float32)  # > 0: too open; < 0: crossed
    if np.abs(push).max() > 1e-6:
        points[:, 1] += basis.close_upper @ (0.4 * push) - basis.close_lower @ (0.6 * push)
    return points
