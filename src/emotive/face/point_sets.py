"""The point sets that face detectors give -> the contours of `FaceLandmarks`.

68 points are iBUG's 300-W markup (Sagonas et al. 2013), 468 are MediaPipe's face mesh (Kartynnik et al. 2019,
"Real-time facial surface geometry"), 478 the same with five points for each iris.
"""

from __future__ import annotations

import numpy as np

from .depth import template
from .frame import FaceFrame
from .iris import find_irises
from .landmarks import FaceLandmarks

COUNTS = (68, 468, 478)

# Numbers of MediaPipe's points along each contour, in the order of FaceLandmarks.
_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
_BROWS = (
    ((70, 63, 105, 66, 107), (46, 53, 52, 65, 55)),
    ((300, 293, 334, 296, 336), (276, 283, 282, 295, 285)),
)
_EYES = (
    ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
    ((263, 466, 388, 387, 386, 385, 384, 398, 362), (263, 249, 390, 373, 374, 380, 381, 382, 362)),
)
_LIPS = (
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
)
_NOSE = (168, 197, 5, 4, 98, 97, 2, 326, 327)
_IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))  # the middle, then its rim

# The same of iBUG's points, where they lie on the contour; the rest is estimated.
_EYES_68 = (((36, 37, 38, 39), (36, 41, 40, 39)), ((45, 44, 43, 42), (45, 46, 47, 42)))
_BROWS_68 = ((17, 18, 19, 20, 21), (26, 25, 24, 23, 22))
_LIPS_68 = (
    (48, 49, 50, 51, 52, 53, 54),
    (60, 61, 62, 63, 64),
    (60, 67, 66, 65, 64),
    (48, 59, 58, 57, 56, 55, 54),
)
# Upper and lower edge of a brow about iBUG's line, face units: 8 mm high, thinner at the temple.
_BROW_ABOVE = np.array([0.010, 0.022, 0.026, 0.026, 0.024])
_BROW_BELOW = np.array([0.016, 0.040, 0.052, 0.058, 0.058])


def from_points(points: np.ndarray, image: np.ndarray) -> FaceLandmarks:
    """Contours out of 68, 468 or 478 points.

    Args:
        points: (68 | 468 | 478, 2 or 3), pixels of the image, pixel centres at whole numbers; z towards the
            viewer. Without z, or if it is the same everywhere, that of an average head is used.
        image: uint8 (H, W, 3), in which 68 and 468 points are given their irises.

    Of 68 points the lids and lips are splines, the brows get an average thickness, and the forehead ends
    where the face's thirds are equal.
    """
    points = np.asarray(points, np.float64)
    flat = points.shape[1] == 2 or np.ptp(points[:, 2]) < 1e-6
    if points.shape[1] == 2:
        points = np.concatenate([points, np.zeros((len(points), 1))], 1)
    contours = _of_68(points) if len(points) == 68 else _of_mesh(points)
    if len(points) == 478:
        rings = points[np.array(_IRISES), :2]
        radius = np.linalg.norm(rings[:, 1:] - rings[:, :1], axis=-1).mean(1, keepdims=True)
        irises = np.concatenate([rings[:, 0], radius], 1)
    else:
        irises = find_irises(image, contours["eyes"])
    contours = {name: part.astype(np.float32) for name, part in contours.items()}
    landmarks = FaceLandmarks(irises=irises.astype(np.float32), **contours)
    return with_template_depth(landmarks) if flat else landmarks


def with_template_depth(landmarks: FaceLandmarks) -> FaceLandmarks:
    """The same contours, as deep as those of an average head."""
    frame = FaceFrame.of(landmarks)
    parts = {}
    for name in ("oval", "brows", "eyes", "lips", "nose"):
        part = getattr(landmarks, name).copy()
        flat = frame.to_face(part.reshape(-1, 3))[:, :2]
        part[..., 2] = (template(flat) * frame.unit).reshape(part.shape[:-1])
        parts[name] = part
    return FaceLandmarks(irises=landmarks.irises, **parts)


def _of_mesh(points: np.ndarray) -> dict[str, np.ndarray]:
    tables = {"oval": _OVAL, "brows": _BROWS, "eyes": _EYES, "lips": _LIPS, "nose": _NOSE}
    return {name: points[np.array(table)] for name, table in tables.items()}


def _of_68(points: np.ndarray) -> dict[str, np.ndarray]:
    eyes = np.array([[_spline(points[list(lid)], 9) for lid in eye] for eye in _EYES_68])
    across = eyes[1, 0, 0] - eyes[0, 0, 0]
    unit = np.linalg.norm(across[:2])
    down = np.array([-across[1], across[0], 0]) / unit
    brows = []
    for line in _BROWS_68:
        middle = points[list(line)]
        edges = [middle + unit * at[:, None] * down for at in (-_BROW_ABOVE, _BROW_BELOW)]
        brows.append(edges)
    lips = np.array([_spline(points[list(line)], 11) for line in _LIPS_68])
    return {
        "oval": _oval_68(points, np.array(brows), down),
        "brows": np.array(brows),
        "eyes": eyes,
        "lips": lips,
        "nose": points[27:36],
    }


def _oval_68(points: np.ndarray, brows: np.ndarray, down: np.ndarray) -> np.ndarray:
    """The jaw from left to right as splines, and half a superellipse over the forehead.

    Hairline to brow, brow to the nose's base and from there to the chin are about equal (the canon that
    Farkas et al. 1985 measured); 0.9 of it, as people's foreheads are lower and hair covers some.
    """
    left, right = _spline(points[8:17][::-1], 11), _spline(points[:9][::-1], 11)
    middle, half = (points[16] + points[0]) / 2, (points[16] - points[0]) / 2
    chin, base, brow = ((p - middle) @ down for p in (points[8], points[33], brows[:, 0].mean((0, 1))))
    height = max(0.9 * (chin - base) - brow, 0.2 * (chin - base))
    angle = np.linspace(0, np.pi, 17)[1:-1]  # from the left ear over the hairline to the right
    bow = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.8, np.sin(angle) ** 0.8
    top = middle + bow[0][:, None] * half - bow[1][:, None] * height * down
    # 0 is the hairline's middle: the left half of the top runs up to it in `top`, so it is turned.
    return np.concatenate([top[7::-1], left, right[1:], top[:7:-1]])


def _spline(points: np.ndarray, count: int) -> np.ndarray:
    """`count` points at equal lengths along a smooth curve through all `points`, ends included."""
    from scipy.interpolate import CubicSpline

    steps = np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1)
    at = np.concatenate([[0], np.cumsum(np.maximum(steps, 1e-6))])
    curve = CubicSpline(at, points)
    fine = curve(np.linspace(0, at[-1], 256))
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(fine[:, :2], axis=0), axis=1))])
    equal = np.linspace(0, length[-1], count)
    out = np.stack([np.interp(equal, length, column) for column in fine.T], 1)
    out[0], out[-1] = points[0], points[-1]
    return out
