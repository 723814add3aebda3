"""MediaPipe's face landmark network (Kartynnik et al. 2019) in OpenCV: 468 points in a square."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from emotive.errors import WeightsError
from emotive.fetching import FACE_LANDMARKS, fetched, fetched_path

SIDE = 192  # pixels of the network's input
MARGIN = 1.5  # how much larger the square is than the face: what the network was trained on
PRESENT = "conv2d_31"  # a logit, above 0 for a face
POINTS = "conv2d_21"
STILL = 0.015  # eye distances that settled points move at most
LEFT, RIGHT = 263, 33  # outer corners of the eyes

_LOCK = threading.Lock()  # a network of OpenCV holds its state


@dataclass(frozen=True)
class Square:
    """Where to look: middle and side, pixels; the angle of the eyes against the picture's rows, rad."""

    x: float
    y: float
    side: float
    angle: float = 0.0


def look(image: np.ndarray, square: Square) -> tuple[np.ndarray, float]:
    """What the network sees in one square: points (468, 3), and how sure it is that there is a face.

    image: uint8 (H, W, 3). Points are pixels, z towards the viewer. Sure is a logit: above 0 it is a face.
    Raises WeightsError if the network was not fetched.
    """
    cos, sin = np.cos(square.angle), np.sin(square.angle)
    scale = square.side / SIDE
    # Input pixel -> picture: turned about the middle of the square; pixel centres at whole numbers in both.
    turn = scale * np.array([[cos, -sin], [sin, cos]])
    middle = (SIDE - 1) / 2
    back = np.concatenate([turn, np.array([[square.x], [square.y]]) - turn @ [[middle], [middle]]], 1)
    if scale > 2:  # finer than the input can show: averaged first
        factor = 1 / 2 ** int(np.log2(scale))
        near = _window(image, square)
        small = cv2.resize(
            image[near[1] : near[3], near[0] : near[2]],
            None,
            fx=factor,
            fy=factor,
            interpolation=cv2.INTER_AREA,
        )
        forward = back.copy()
        forward[:, 2] = (forward[:, 2] - near[:2] + 0.5) * factor - 0.5
        forward[:, :2] *= factor
    else:
        small, forward = image, back
    crop = cv2.warpAffine(small, forward, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    data = np.ascontiguousarray(crop.transpose(2, 0, 1)[None], dtype=np.float32) / 255
    network = _read(_checked(fetched_path(FACE_LANDMARKS)))
    with _LOCK:
        network.setInput(data)
        points, sure = network.forward([POINTS, PRESENT])
    points = np.asarray(points, np.float64).reshape(468, 3)
    flat = points[:, :2] @ back[:, :2].T + back[:, 2]
    return np.concatenate([flat, -points[:, 2:] * scale], 1), float(np.ravel(sure)[0])


def refine(image: np.ndarray, square: Square, passes: int = 3) -> tuple[np.ndarray, float]:
    """Looks again and again, each time straight at what was found before; returns as `look`."""
    points, sure = look(image, square)
    for _ in range(passes - 1):
        points, sure = look(image, square_around(points, points[LEFT] - points[RIGHT]))
    return points, sure


def settle(image: np.ndarray, square: Square, passes: int = 8) -> tuple[np.ndarray, float, float]:
    """Looks until the points stay where they are; returns also by how much they moved last, in eye distances.

    On what is no face, or a face seen at a wrong angle, they wander.
    """
    points, sure = look(image, square)
    shift = np.inf
    for _ in range(passes):
        before = points
        points, sure = refine(image, square_around(before, before[LEFT] - before[RIGHT]), 1)
        shift = float(np.abs(points - before)[:, :2].max() / np.hypot(*(before[LEFT] - before[RIGHT])[:2]))
        if shift < STILL:
            break
    return points, sure, shift


def square_around(points: np.ndarray, across: np.ndarray) -> Square:
    """The square for a face with these points (n, 2 or 3); `across` leads from its right to its left eye."""
    angle = float(np.arctan2(across[1], across[0]))
    cos, sin = np.cos(angle), np.sin(angle)
    turned = points[:, :2] @ np.array([[cos, -sin], [sin, cos]])
    low, high = turned.min(0), turned.max(0)
    x, y = np.array([[cos, -sin], [sin, cos]]) @ ((low + high) / 2)
    return Square(float(x), float(y), MARGIN * float((high - low).max()), angle)


@functools.cache
def _read(path: str) -> cv2.dnn.Net:
    # OpenCV 5's new engine gives the first output only; OpenCV 4 has no choice of engine.
    classic = getattr(cv2.dnn, "ENGINE_CLASSIC", None)
    try:
        if classic is None:
            return cv2.dnn.readNetFromTFLite(path)
        return cv2.dnn.readNetFromTFLite(path, classic)
    except cv2.error as error:
        raise WeightsError(f"OpenCV {cv2.__version__} cannot read {path}: it needs 4.10 or newer") from error


@functools.cache
def _checked(path: Path) -> str:
    """The file once its digest was found right: it is read 30 times a second."""
    if fetched(FACE_LANDMARKS) is None:
        raise WeightsError(
            "the face landmark network is not here: run `emotive fetch face-landmarks`, "
            "or give --landmarks FILE"
        )
    return str(path)


def _window(image: np.ndarray, square: Square) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the part of the picture that a square can touch."""
    reach = 0.75 * square.side + 4
    height, width = image.shape[:2]
    left, right = np.clip([square.x - reach, square.x + reach], 0, width).astype(int)
    top, bottom = np.clip([square.y - reach, square.y + reach], 0, height).astype(int)
    left, top = min(left, width - 1), min(top, height - 1)
    return int(left), int(top), int(max(right, left + 1)), int(max(bottom, top + 1))
