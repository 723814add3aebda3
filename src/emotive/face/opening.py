"""Portraits out of the package by name, and out of the user's pictures."""

from __future__ import annotations

import difflib
import functools
import io
import json
import os
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from emotive.errors import EmotiveError, InputError
from emotive.media.picture import as_array, flattened, open_picture

from .find_landmarks import SMALLEST, SMALLEST_PICTURE, find_landmarks
from .landmark_files import check_places, read_landmarks
from .landmarks import FaceLandmarks
from .portrait import Portrait

PORTRAITS = Path(__file__).parent / "portraits"
LARGEST = 1024  # pixels of a portrait that are kept
HEAD = 0.55  # of the portrait's height that a head takes, chin to crown
TIGHT = 0.85  # of it, where the photograph has no more around the head
EYE_LINE = 0.43  # where the eyes are, from above
# A head is about 2.1 times as high as its chin is below its eyes (the eyes are at half its height; hair adds
# a little), and 2.05 times as high as the outer corners of its eyes are apart (Farkas 1994: 0.19 m, 0.09 m).
HEAD_BY_CHIN, HEAD_BY_EYES = 2.1, 2.05


def bundled_portraits() -> tuple[str, ...]:
    """The names of the portraits that come with Emotive, in alphabetical order."""
    return tuple(sorted(path.parent.name for path in PORTRAITS.glob("*/landmarks.json")))


def open_portrait(
    source: str | os.PathLike[str] | np.ndarray | Image.Image,
    landmarks: str | os.PathLike[str] | FaceLandmarks | None = None,
    *,
    detector: str = "mediapipe",
    name: str | None = None,
) -> Portrait:
    """A portrait: one of `bundled_portraits` by its name, or any picture with a face.

    Args:
        source: a name, a file, or a picture: uint8 (H, W, 3), or of Pillow. A bundled name wins over a file
            without a suffix that is called the same, with a warning; "./name" is the file.
        landmarks: of a picture: a file as `read_landmarks` has it, or the landmarks; found if None.
        detector: what finds them, as `find_landmarks` has it.
        name: what to call the portrait; by default its own name or its file's.

    A picture is cut to a square in which the head takes about 55% of the height, sideways and upside down
    ones turned first; at most 1024 pixels of a side are kept, and the landmarks move along. Pixels are
    repeated at the edge only if there is too little around the head.
    Raises InputError in one line for unknown names, what is not a picture, no face, or landmarks that do not
    fit; WeightsError if the network that finds landmarks is needed and was not fetched.
    """
    bundled = bundled_portraits()
    if isinstance(source, str) and source in bundled:
        if landmarks is not None:
            raise InputError(f"{source!r} is a bundled portrait, which has its own landmarks")
        if os.path.isfile(source):
            warnings.warn(f"{source!r} is the bundled portrait; the file is ./{source}", stacklevel=2)
        return _bundled(source)
    if isinstance(source, str | os.PathLike):
        image = _picture(source, bundled)
        called = name or Path(source).name
    else:
        image, called = _pixels(source), name or ""
    if min(image.shape[:2]) < SMALLEST_PICTURE:
        raise InputError(
            f"{called or 'the picture'} has {image.shape[1]} x {image.shape[0]} pixels, too few for a face: "
            f"at least {SMALLEST_PICTURE} x {SMALLEST_PICTURE}"
        )
    if landmarks is None:
        try:
            found = find_landmarks(image, detector=detector)
        except InputError as error:
            raise InputError(f"{called}: {error}" if called else str(error)) from error
    elif isinstance(landmarks, FaceLandmarks):
        found = landmarks
        if (wrong := check_places(found, image.shape[1], image.shape[0])) is not None:
            raise InputError(f"the face {wrong}")
    else:
        found = read_landmarks(landmarks, image)
    if found.eye_distance < SMALLEST:
        raise InputError(
            f"the face is too small: {found.eye_distance:.0f} pixels between the eyes' outer corners, "
            f"{SMALLEST:.0f} at least"
        )
    image, found = portrait_square(*upright(image, found))
    return Portrait(image, found, called)


def upright(image: np.ndarray, landmarks: FaceLandmarks) -> tuple[np.ndarray, FaceLandmarks]:
    """A picture that lies on its side or upside down, turned by whole quarters so that the face stands."""
    across = landmarks.eyes[1, 0, 0] - landmarks.eyes[0, 0, 0]
    quarters = round(float(np.arctan2(across[1], across[0])) / (np.pi / 2)) % 4
    for _ in range(quarters):  # counterclockwise as seen: (x, y) -> (y, W - 1 - x)
        width = image.shape[1]
        turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        landmarks = moved(landmarks, turn, np.array([0.0, width - 1.0, 0.0]))
        image = np.ascontiguousarray(np.rot90(image))
    return image, landmarks


def moved(landmarks: FaceLandmarks, turn: np.ndarray, shift: np.ndarray) -> FaceLandmarks:
    """Every point p as p @ turn + shift; radii are scaled as lengths are."""
    scale = abs(float(np.linalg.det(turn[:2, :2]))) ** 0.5
    parts = {
        part: (getattr(landmarks, part) @ turn + shift).astype(np.float32)
        for part in ("oval", "brows", "eyes", "lips", "nose")
    }
    middles = landmarks.irises[:, :2] @ turn[:2, :2] + shift[:2]
    irises = np.concatenate([middles, landmarks.irises[:, 2:] * scale], 1).astype(np.float32)
    return FaceLandmarks(irises=irises, **parts)


def portrait_square(image: np.ndarray, landmarks: FaceLandmarks) -> tuple[np.ndarray, FaceLandmarks]:
    """A square part of a picture with the head at its usual place and size, and the landmarks in it."""
    height, width = image.shape[:2]
    eyes = landmarks.eyes[:, 0, 0, :2].astype(float).mean(0)
    chin = float(np.linalg.norm(landmarks.oval[18, :2] - eyes))
    head = max(HEAD_BY_CHIN * chin, HEAD_BY_EYES * landmarks.eye_distance)
    side = round(min(head / HEAD, max(head / TIGHT, min(width, height))))
    middle = (landmarks.oval[:, 0].min() + landmarks.oval[:, 0].max()) / 2
    left, top = round(float(middle) - side / 2), round(float(eyes[1]) - EYE_LINE * side)
    # Rather a face off its place than pixels made up.
    left = min(max(left, 0), width - side) if side <= width else left
    top = min(max(top, 0), height - side) if side <= height else top
    pad = max(-top, 0), max(top + side - height, 0), max(-left, 0), max(left + side - width, 0)
    part = image[max(top, 0) : top + side, max(left, 0) : left + side]
    if any(pad):
        part = _padded(part, pad)
    scale = min(1.0, LARGEST / side)
    if scale < 1:
        part = cv2.resize(part, (LARGEST, LARGEST), interpolation=cv2.INTER_AREA)
    shift = np.array([(0.5 - left) * scale - 0.5, (0.5 - top) * scale - 0.5, 0.0])
    return np.ascontiguousarray(part), moved(landmarks, np.eye(3) * scale, shift)


def _padded(part: np.ndarray, pad: tuple[int, int, int, int]) -> np.ndarray:
    """The edge's pixels go on above, below, left and right, ever more blurred: no streaks."""
    wide = cv2.copyMakeBorder(part, *pad, cv2.BORDER_REPLICATE).astype(np.float32)
    inside = cv2.copyMakeBorder(np.ones(part.shape[:2], np.uint8), *pad, cv2.BORDER_CONSTANT, value=(0.0,))
    outside = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    for share in (0.01, 0.03, 0.08):
        size = share * wide.shape[0]
        blurred = cv2.GaussianBlur(wide, (0, 0), size, borderType=cv2.BORDER_REPLICATE)
        wide += np.clip(outside / (2 * size), 0, 1)[..., None] * (blurred - wide)
    return np.clip(np.round(wide), 0, 255).astype(np.uint8)


def _picture(source: str | os.PathLike[str], bundled: tuple[str, ...]) -> np.ndarray:
    path = Path(source)
    try:
        there = path.exists()
    except OSError as error:
        raise InputError(f"cannot read {str(path)[:120]}: {error.strerror}") from error
    if not there and isinstance(source, str) and not path.suffix and path.name == source:
        near = difflib.get_close_matches(source.lower(), bundled, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(
            f"{source[:60]!r} is neither a file nor a bundled portrait; {hint}There are {', '.join(bundled)}"
        )
    return as_array(open_picture(path))


def _pixels(source: np.ndarray | Image.Image) -> np.ndarray:
    if isinstance(source, Image.Image):
        return as_array(flattened(source))
    image = np.asarray(source)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"a picture is uint8 (H, W, 3), not {image.dtype} {image.shape}")
    return image


@functools.lru_cache(maxsize=4)
def _bundled(name: str) -> Portrait:
    folder = PORTRAITS / name
    try:
        record = json.loads((folder / "landmarks.json").read_text("utf-8"))
        contours = ("oval", "brows", "eyes", "irises", "lips", "nose")
        parts = {part: np.array(record[part], np.float32) for part in contours}
        layers = {
            layer: _layer(folder / f"{layer}.webp", mode)
            for layer, mode in (("portrait", "RGB"), ("backdrop", "RGB"), ("head", "L"), ("sclera", "RGB"))
        }
        discs = _layer(folder / "irises.webp", "RGBA")
    except (OSError, ValueError, KeyError) as error:
        raise EmotiveError(f"{folder} is missing or damaged: install the package again") from error
    irises = np.stack(np.split(discs, 2, axis=1))
    irises.setflags(write=False)
    for array in parts.values():
        array.setflags(write=False)
    image = layers.pop("portrait")
    return Portrait(image, FaceLandmarks(**parts), name, True, irises=irises, **layers)


def _layer(path: Path, mode: str) -> np.ndarray:
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        array = np.array(image.convert(mode))
    array.setflags(write=False)
    return array
