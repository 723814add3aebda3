"""What a face does, measured on its landmarks: brows, lids, nose, lips and jaw against the same face at rest.

The unit of length is the distance between the outer corners of the eyes. A turned, tilted or shifted head
is brought back first: the points that bones hold (corners of the eyes, bridge of the nose, temples) are laid
over those of the neutral face in three dimensions. From the measures follow intensities of FACS action
units (Ekman & Friesen 1978), each a line of `ACTION_UNITS` that can be checked by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotive.errors import InputError
from emotive.face.landmarks import FaceLandmarks

MEASURES = (
    "inner brow", "middle brow", "outer brow", "brow gap", "upper lid", "lower lid", "nose wings",
    "upper lip", "lower lip", "chin", "mouth opening", "mouth width", "corner height", "corner lift",
    "smile line", "upper lip height", "lower lip height", "roundness",
)  # fmt: skip
"""Lengths in eye distances; right and left are averaged. Heights are above the line of the eyes' corners:
`inner brow`, `middle brow`, `outer brow`; `upper lid` and `lower lid` at the middle of the eyes;
`nose wings`; `upper lip` and `lower lip`, their outer edges in the middle; `chin`; `corner height` of the
mouth. `brow gap` lies between the brows, `mouth opening` between the lips, `mouth width` between its
corners. `corner lift` is that of the corners above the middle of the mouth (taken a little high, so that a
jaw that drops changes it least), `smile line` that of the outer upper lip above the straight line from the
corners to its middle. `upper lip height` and `lower lip height` are of the red of the lips. `roundness` is
opening by width."""

# The same of a face at rest, as the landmark network sees it: the mean of six painted people and a photo.
NORM = {
    "inner brow": 0.217, "middle brow": 0.245, "outer brow": 0.194, "brow gap": 0.310, "upper lid": 0.073,
    "lower lid": -0.038, "nose wings": -0.478, "upper lip": -0.636, "lower lip": -0.810, "chin": -1.126,
    "mouth opening": 0.022, "mouth width": 0.491, "corner height": -0.688, "corner lift": 0.020,
    "smile line": 0.006, "upper lip height": 0.060, "lower lip height": 0.091, "roundness": 0.045,
}  # fmt: skip


class ActionUnit(NamedTuple):
    """An intensity in [0, 1] out of differences of measures: their weighted sum, each by the size that counts
    as full. `sizes`: measure -> eye distances (with the sign) at full intensity; the parts add up."""

    words: str
    sizes: dict[str, float]


# Sizes are stated: large movements of adults (brows 11 mm up, 9 mm down, lids 3 mm, corners of a smile 9 mm
# up and aside, a jaw 27 mm down; 90 mm are 1), of which a landmark network that was trained on all faces
# sees about half.
ACTION_UNITS: dict[str, ActionUnit] = {
    "AU1": ActionUnit("raised inner brows", {"inner brow": 0.07}),
    "AU2": ActionUnit("raised outer brows", {"outer brow": 0.05}),
    "AU4": ActionUnit("lowered brows", {"inner brow": -0.05, "middle brow": -0.05, "brow gap": -0.05}),
    "AU5": ActionUnit("raised upper lids", {"upper lid": 0.015}),
    "AU6+7": ActionUnit("raised lower lids", {"lower lid": 0.015}),
    "AU9": ActionUnit("a wrinkled nose", {"nose wings": 0.03}),
    "AU12": ActionUnit("a smile", {"corner lift": 0.05, "mouth width": 0.15}),
    "AU15": ActionUnit("lowered corners of the mouth", {"corner lift": -0.035}),
    "AU17": ActionUnit("a raised chin", {"lower lip": 0.04}),
    "AU20": ActionUnit("stretched lips", {"mouth width": 0.08, "corner lift": -0.08}),
    "AU23+24": ActionUnit("tight lips", {"upper lip height": -0.03, "lower lip height": -0.05}),
    "AU25": ActionUnit("parted lips", {"mouth opening": 0.06}),
    "AU26": ActionUnit("a dropped jaw", {"chin": -0.15}),
    "AU27": ActionUnit("a wide open mouth", {"mouth opening": 0.25}),
    "AU43": ActionUnit("drooping lids", {"upper lid": -0.025}),
}

_LIMITS = {"AU26": 0.0, "AU27": 0.4}  # below which share of their full size they are nothing


def face_units(faces: Sequence[FaceLandmarks], neutral: FaceLandmarks | None = None) -> np.ndarray:
    """Differences of `MEASURES` from the face at rest: float64 (N, D), in eye distances.

    neutral: of the same person, looking at the camera. Without it, it is estimated (`neutral_of`), so that a
    single face is compared with an average one.
    """
    if not len(faces):
        return np.zeros((0, len(MEASURES)))
    if neutral is not None:
        rest = _measured(neutral, neutral)
        return np.stack([_measured(face, neutral) for face in faces]) - rest
    middle = straightest(faces)
    found = np.stack([_measured(face, middle) for face in faces])
    return found - neutral_of(found)


def straightest(faces: Sequence[FaceLandmarks]) -> FaceLandmarks:
    """Of several pictures of a person the one that looks most at the camera: its eyes are equally near."""
    return min(faces, key=lambda face: abs(float(face.eyes[1, 0, 0, 2] - face.eyes[0, 0, 0, 2])))


def neutral_of(measured: np.ndarray) -> np.ndarray:
    """What a person's face at rest may measure (D,), from what it measured over time (N, D).

    Over a long clip the median comes near it (a face is mostly near rest), of a few frames it tells the
    expression as well; so it counts half beside the average face's, none for a single frame's.
    """
    norm = np.array([NORM[name] for name in MEASURES])
    share = 0.5 * min(1.0, (len(measured) - 1) / 30)
    return share * np.median(measured, 0) + (1 - share) * norm


def action_units(units: np.ndarray) -> np.ndarray:
    """Intensities in [0, 1] of `ACTION_UNITS`, float64 (N, K), from `face_units` (N, D)."""
    rows = []
    for name, unit in ACTION_UNITS.items():
        share = sum(units[:, MEASURES.index(m)] / size for m, size in unit.sizes.items()) / len(unit.sizes)
        least = _LIMITS.get(name, 0.0)
        rows.append(np.clip((share - least) / (1 - least), 0, 1))
    return np.stack(rows, 1)


def head_rotations(faces: Sequence[FaceLandmarks], neutral: FaceLandmarks) -> np.ndarray:
    """How a head is turned against the neutral picture: rotation vectors (N, 3), rad, as `FaceMotion` has
    them: nodding down, turning to the person's left, tilting to the person's right shoulder."""
    rows = []
    for face in faces:
        turn = _laying(face, neutral)[0].T  # picture axes: x to the person's left, y down, z to the viewer
        angle = np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))
        axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
        vector = axis * (0.5 if angle < 1e-6 else angle / (2 * np.sin(angle)))
        rows.append(vector * [-1, 1, -1])
    return np.array(rows).reshape(-1, 3)


def straightened(face: FaceLandmarks, neutral: FaceLandmarks) -> FaceLandmarks:
    """A face laid over the neutral one of the same person: turned, scaled and shifted, not deformed.

    By least squares over what does not move in a face (Umeyama 1991, in three dimensions).
    """
    turn, scale, middle_a, middle_b = _laying(face, neutral)

    def laid(points: np.ndarray) -> np.ndarray:
        return scale * (points.astype(float) - middle_a) @ turn.T + middle_b

    parts = {name: laid(getattr(face, name)) for name in ("oval", "brows", "eyes", "lips", "nose")}
    return FaceLandmarks(irises=face.irises, **parts)


def _laying(face: FaceLandmarks, neutral: FaceLandmarks) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """The rotation (3, 3) and scale that lay a face over the neutral one, and the middles of both."""
    a, b = _fixed(face), _fixed(neutral)
    if not np.isfinite(a).all():
        raise InputError("landmarks must be finite numbers")
    middle_a, middle_b = a.mean(0), b.mean(0)
    u, s, vt = np.linalg.svd((b - middle_b).T @ (a - middle_a))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    turn = (u * sign) @ vt
    scale = float((s * sign).sum() / ((a - middle_a) ** 2).sum())
    return turn, scale, middle_a, middle_b


def _fixed(face: FaceLandmarks) -> np.ndarray:
    """(n, 3): corners of the eyes, the bridge of the nose, the temples; the corners count twice."""
    corners = face.eyes[:, 0, [0, 8]].reshape(-1, 3)
    temples = face.oval[[5, 6, 7, 29, 30, 31]]
    return np.concatenate([corners, corners, face.nose[:4], temples]).astype(float)


def _measured(face: FaceLandmarks, neutral: FaceLandmarks) -> np.ndarray:
    """(D,): the measures themselves, of a face whose head is brought back to the neutral's."""
    f = straightened(face, neutral)
    a, b = (neutral.eyes[i, 0, 0, :2].astype(float) for i in (0, 1))
    unit = float(np.linalg.norm(b - a))
    right = (b - a) / unit
    frame = np.stack([right, np.array([right[1], -right[0]])], 1)  # x to the person's left, y up

    def at(points: np.ndarray) -> np.ndarray:
        return (points[..., :2] - (a + b) / 2) @ frame / unit

    brows, eyes, lips, nose, oval = at(f.brows), at(f.eyes), at(f.lips), at(f.nose), at(f.oval)
    line = eyes[:, 0, [0, 8], 1].mean()  # the height of the corners of the eyes
    brow = brows.mean((0, 1))[:, 1] - line
    lids = eyes[..., 1].mean(0) - line
    corners = (lips[0, [0, 10]] + lips[1, [0, 10]]) / 2
    width = float(np.linalg.norm(corners[1] - corners[0]))
    middle = lips[:, 4:7, 1].mean(1)
    opening = float(np.clip(lips[1, 3:8, 1] - lips[2, 3:8, 1], 0, None).mean())
    corner = float(corners[:, 1].mean())
    # Along the outer upper lip, between its corners and its middle.
    bow = lips[0, [2, 3, 7, 8], 1].mean() - (0.5 * corner + 0.5 * middle[0])
    return np.array([
        brow[3:].mean(), brow[2], brow[:2].mean(), brows[1, :, 4, 0].mean() - brows[0, :, 4, 0].mean(),
        lids[0, 3:6].mean(), lids[1, 3:6].mean(), nose[[4, 8], 1].mean() - line, middle[0] - line,
        middle[3] - line, oval[17:20, 1].mean() - line, opening, width, corner - line,
        corner - (0.6 * middle[1] + 0.4 * middle[2]), bow, middle[0] - middle[1], middle[2] - middle[3],
        opening / max(width, 1e-6),
    ])  # fmt: skip
