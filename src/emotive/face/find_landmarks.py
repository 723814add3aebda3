"""Finds a face in a picture and its landmarks."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import cv2
import numpy as np

from emotive.errors import InputError

from .landmark_network import LEFT, RIGHT, Square, look, refine, settle, square_around
from .landmarks import FaceLandmarks
from .point_sets import from_points

DETECTORS = ("mediapipe", "face-alignment")
SMALLEST = 24.0  # pixels between the outer corners of the eyes
SMALLEST_PICTURE = 48  # pixels
TURNED = (25.0, 45.0)  # degrees to the side: a warning, an error
TILTED = 30.0  # degrees: a warning
SURE = 4.0  # logit: what is shown at random stays below 0, faces reach 20
SEARCH_SURE = 12.0  # the same where nothing but the network says so
SETTLED = 0.06  # eye distances that points may still move: more is no face, or one at another angle
SEARCH_ANGLES = (0, -35, 35, -70, 70, 180, -110, 110, -145, 145)  # degrees
SEARCH_SIZES = (1.5, 1.1, 0.75, 0.5)  # of the squares, in shorter sides of the picture
ENLARGED = 1.5  # the square against the cascade's box, and how far below its middle, in its sides
BELOW = 0.05
LEAST_BOX = 30  # pixels of the cascade's boxes; it was trained on 24
SCALES = (512, 1280, 2560)  # the longer side of the picture in which the cascade looks, one after the other


def find_landmarks(
    image: np.ndarray,
    near: FaceLandmarks | None = None,
    *,
    detector: str = "mediapipe",
    search: bool = True,
) -> FaceLandmarks:
    """The landmarks of the face in a picture; of several, the largest, with a warning.

    Args:
        image: uint8 (H, W, 3).
        near: the landmarks in the frame before, in a video: looks there first, and elsewhere only if the
            face has gone.
        detector: "mediapipe", fetched by `emotive fetch face-landmarks`, or "face-alignment", the package of
            Bulat & Tzimiropoulos (2017), if it is installed.
        search: whether to look everywhere and at all angles where the cascade sees nothing: some seconds.

    Without `near`, a face that is tilted or turned strongly is warned of. Raises InputError if there is no
    face, if it is tiny (24 pixels between the outer corners of the eyes at least) or shows its profile;
    WeightsError if the network was not fetched.
    """
    image = _checked(image)
    if detector not in DETECTORS:
        raise InputError(f"unknown detector {detector[:40]!r}: use {' or '.join(DETECTORS)}")
    if detector == "face-alignment":
        from .face_alignment_points import face_alignment_points

        return _presentable(from_points(face_alignment_points(image), image))
    if near is not None:
        points, sure = refine(
            image, square_around(_outline(near), near.eyes[1, 0, 0] - near.eyes[0, 0, 0]), 2
        )
        if sure > 0 and np.linalg.norm(points[LEFT, :2] - points[RIGHT, :2]) > 0.5 * near.eye_distance:
            return from_points(points, image)
        return from_points(_largest(image, search), image)
    return _presentable(from_points(_largest(image, search), image))


def head_turn(landmarks: FaceLandmarks) -> tuple[float, float]:
    """Degrees that a face is turned to the side (towards the person's left) and tilted (clockwise as seen).

    The turn is that of the line through the eyes' outer corners, by their depth.
    """
    x, y, z = (landmarks.eyes[1, 0, 0] - landmarks.eyes[0, 0, 0]).astype(float)
    return float(np.degrees(np.arctan2(-z, np.hypot(x, y)))), float(np.degrees(np.arctan2(y, x)))


def _checked(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"a picture is uint8 (H, W, 3), not {image.dtype} {image.shape}")
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST_PICTURE:
        raise InputError(
            f"the picture has {width} x {height} pixels, too few for a face: "
            f"at least {SMALLEST_PICTURE} x {SMALLEST_PICTURE}"
        )
    return image


def _outline(landmarks: FaceLandmarks) -> np.ndarray:
    return np.concatenate(
        [landmarks.oval[:, :2], landmarks.nose[:, :2], landmarks.lips.reshape(-1, 3)[:, :2]]
    )


def _presentable(landmarks: FaceLandmarks) -> FaceLandmarks:
    if landmarks.eye_distance < SMALLEST:
        raise InputError(
            f"the face is too small: {landmarks.eye_distance:.0f} pixels between the eyes' outer corners, "
            f"{SMALLEST:.0f} at least; give a larger picture of it"
        )
    turn, tilt = head_turn(landmarks)
    if abs(turn) > TURNED[1]:
        raise InputError(
            f"the face is turned {abs(turn):.0f} degrees aside; give one that looks at the camera"
        )
    if abs(turn) > TURNED[0]:
        warnings.warn(
            f"the face is turned {abs(turn):.0f} degrees aside: one that looks at the camera moves better",
            stacklevel=3,
        )
    if abs(tilt) > TILTED:
        lies = ": the picture lies on its side or upside down" * (abs(tilt) > 60)
        warnings.warn(f"the face is tilted {abs(tilt):.0f} degrees{lies}", stacklevel=3)
    return landmarks


def _largest(image: np.ndarray, search: bool) -> np.ndarray:
    faces = _by_cascade(image) or (_by_search(image) if search else [])
    if not faces:
        raise InputError(
            "no face was found in the picture: give one that looks at the camera, or --landmarks FILE"
        )
    if len(faces) > 1:
        warnings.warn(f"there are {len(faces)} faces in the picture: the largest is used", stacklevel=4)
    return max(faces, key=_size)


def _size(points: np.ndarray) -> float:
    return float(np.ptp(points[:, :2], axis=0).max())


def _by_cascade(image: np.ndarray) -> list[np.ndarray]:
    """The faces that scikit-image's cascade of local binary patterns (Liao et al. 2007) suggests."""
    cascade = _cascade()
    height, width = image.shape[:2]
    before = 0.0
    for longer in SCALES:
        scale = min(1.0, longer / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
        # What was large enough at the scale before is not looked for again.
        most = round(1.3 * LEAST_BOX * scale / before) if before else min(size)
        before = scale
        if most <= LEAST_BOX:
            return []
        boxes = cascade.detect_multi_scale(small, 1.2, 1, (LEAST_BOX, LEAST_BOX), (most, most))
        faces: list[np.ndarray] = []
        for box in sorted(boxes, key=lambda b: -b["width"]):
            side = box["width"] / scale
            x, y = (box["c"] / scale + side / 2, box["r"] / scale + side * (0.5 + BELOW))
            _add(faces, image, Square(x, y, ENLARGED * side))
        if faces or scale == 1:
            return faces
    return []


def _by_search(image: np.ndarray) -> list[np.ndarray]:
    """A second chance, for tilted, drawn and very near faces: the network looks everywhere, at all angles."""
    height, width = image.shape[:2]
    scale = min(1.0, 768 / max(height, width))
    small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    for degrees in SEARCH_ANGLES:
        seen, best = [], []
        for part in SEARCH_SIZES:
            side = part * min(small.shape[:2])
            for x in _positions(small.shape[1], side):
                for y in _positions(small.shape[0], side):
                    square = Square(x, y, side, float(np.radians(degrees)))
                    seen.append((look(small, square)[1], len(seen), square))
        for sure, _, square in sorted(seen, reverse=True)[:3]:
            if sure > 0:
                x, y = ((at + 0.5) / scale - 0.5 for at in (square.x, square.y))
                whole = Square(x, y, square.side / scale, square.angle)
                points, sure, shift = settle(image, whole)
                if sure > SEARCH_SURE and shift < SETTLED:
                    best.append((shift, points))
        if best:
            return [min(best, key=lambda found: found[0])[1]]
    return []


def _positions(length: int, side: float) -> np.ndarray:
    """Middles of squares that cover a length, 0.4 sides apart at most."""
    if side >= length:
        return np.array([length / 2])
    count = int(np.ceil((length - side) / (0.4 * side))) + 1
    return np.linspace(side / 2, length - side / 2, max(count, 2))


def _add(faces: list[np.ndarray], image: np.ndarray, square: Square) -> None:
    """Looks at a square more closely; keeps what is a face and was not found before."""
    points, sure, _ = settle(image, square)
    if sure < SURE:
        return
    middle = points[:, :2].mean(0)
    if all(np.linalg.norm(middle - other[:, :2].mean(0)) > 0.4 * _size(other) for other in faces):
        faces.append(points)


@functools.cache
def _cascade() -> Any:
    try:
        from skimage.data import lbp_frontal_face_cascade_filename
        from skimage.feature import Cascade
    except ModuleNotFoundError as error:
        raise InputError(
            'scikit-image finds faces and is not installed: pip install "emotive[portraits]"'
        ) from error
    return Cascade(lbp_frontal_face_cascade_filename())
