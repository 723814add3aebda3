"""The user's own landmarks, from a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from emotive.errors import InputError
from emotive.media import check_file

from .landmarks import FaceLandmarks
from .point_sets import COUNTS, from_points

SUFFIXES = (".json", ".csv", ".npy", ".pts")
MAX_BYTES = 2**20
_OUTSIDE = 0.5  # eye distances by which the outline of a face may lie outside a tight picture


def read_landmarks(path: str | os.PathLike[str], image: np.ndarray) -> FaceLandmarks:
    """The landmarks in a file: 68 points in iBUG's order, or 468 or 478 in MediaPipe's.

    Args:
        path: `.json`, a list of [x, y] or [x, y, z]; `.csv`, a line for each point, with or without a line of
            names; `.npy`, an array (n, 2 or 3); `.pts`, as 300-W has it.
        image: uint8 (H, W, 3), the picture that they belong to.

    Numbers are pixels; where all x and y lie in -1..2 they are shares of the width and height, as MediaPipe
    gives them. Its z points away from the viewer, so z of 468 and 478 points is turned around.
    Raises InputError, naming the file, for another suffix or count, values that are not numbers, a face
    outside the picture, and one whose eyes are swapped.
    """
    path = Path(path)
    check_file(path)
    points = _read(path)
    if points.ndim != 2 or len(points) not in COUNTS or points.shape[1] not in (2, 3):
        counts = " or ".join(map(str, COUNTS))
        raise InputError(f"{path} has {_shape(points)}; {counts} points are read, each x, y or x, y, z")
    if not np.isfinite(points).all():
        raise InputError(f"{path}: point {np.argwhere(~np.isfinite(points))[0, 0]} is not a number (NaN)")
    height, width = image.shape[:2]
    if np.abs(points[:, :2] - 0.5).max() <= 1.5:
        size = [width, height, width][: points.shape[1]]
        points = points * size - np.array([0.5, 0.5, 0.0])[: points.shape[1]]
    if points.shape[1] == 3 and len(points) != 68:
        points = points * [1, 1, -1]
    landmarks = _contours(path, points, image)
    _check(path, landmarks, width, height)
    return landmarks


def check_places(landmarks: FaceLandmarks, width: int, height: int) -> str | None:
    """What is wrong with where the landmarks lie in a picture, in words that follow "the face"; or None."""
    right, left = (landmarks.eyes[i, 0, 0, :2].astype(float) for i in (0, 1))
    unit, mouth = left - right, landmarks.lips.reshape(-1, 3)[:, :2].mean(0)
    if np.hypot(*unit) < 1:
        return "has both eyes at one place"
    down = mouth - (right + left) / 2
    if unit[0] * down[1] - unit[1] * down[0] <= 0:
        return "has its eyes swapped or is mirrored: right is the person's own right, at smaller x"
    inner = np.concatenate([part.reshape(-1, 3) for part in (landmarks.eyes, landmarks.lips, landmarks.nose)])
    margin = _OUTSIDE * np.hypot(*unit)
    for points, slack in ((inner, 0.0), (landmarks.oval, margin), (landmarks.brows.reshape(-1, 3), margin)):
        low, high = points[:, :2].min(0), points[:, :2].max(0)
        if low.min() < -0.5 - slack or high[0] > width - 0.5 + slack or high[1] > height - 0.5 + slack:
            return f"lies outside the picture of {width} x {height} pixels"
    return None


def _contours(path: Path, points: np.ndarray, image: np.ndarray) -> FaceLandmarks:
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    height, width = image.shape[:2]
    if (high < 0).any() or low[0] > width or low[1] > height or np.abs(points).max() > 1e6:
        raise InputError(f"{path}: the face lies outside the picture of {width} x {height} pixels")
    eyes = (36, 45) if len(points) == 68 else (33, 263)
    if np.linalg.norm(points[eyes[0], :2] - points[eyes[1], :2]) < 1:
        raise InputError(f"{path}: the face has both eyes at one place")
    return from_points(points, image)


def _check(path: Path, landmarks: FaceLandmarks, width: int, height: int) -> None:
    if (wrong := check_places(landmarks, width, height)) is not None:
        raise InputError(f"{path}: the face {wrong}")


def _shape(points: np.ndarray) -> str:
    if points.ndim == 2:
        return f"{points.shape[0]} points of {points.shape[1]} numbers"
    return f"an array of the shape {points.shape}"


def _read(path: Path) -> np.ndarray:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: landmarks are read from {', '.join(SUFFIXES)}")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is too large to be the landmarks of one face")
        if suffix == ".npy":
            array = np.load(path, allow_pickle=False)
            return (
                np.squeeze(np.asarray(array, np.float64), 0) if array.ndim == 3 else np.asarray(array, float)
            )
        text = path.read_text("utf-8-sig")
        if suffix == ".json":
            return _numbers(json.loads(text))
        return _pts(text) if suffix == ".pts" else _csv(text)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, EOFError, RecursionError) as error:
        why = " ".join(str(error).split())[:100]
        raise InputError(f"{path} cannot be read as the landmarks of a face ({why})") from error


def _numbers(value: Any) -> np.ndarray:
    """A JSON list of points: [x, y], [x, y, z] or {"x":, "y":, "z":}; or the one face in a list."""
    if isinstance(value, dict):
        value = value["landmarks"]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = [[point[axis] for axis in "xyz" if axis in point] for point in value]
    array = np.array(value, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError("a list of [x, y] is expected")
    return array


def _csv(text: str) -> np.ndarray:
    rows = [
        [cell.strip() for cell in line.replace(";", ",").split(",")]
        for line in text.splitlines()
        if line.strip()
    ]
    if rows and not _is_number(rows[0][0]):
        names = [name.lower() for name in rows[0]]
        columns = [names.index(axis) for axis in "xyz" if axis in names]
        rows = [[row[c] for c in columns] for row in rows[1:]] if len(columns) > 1 else rows[1:]
    if len({len(row) for row in rows}) > 1:
        raise ValueError("its lines differ in length")
    return np.array(rows, dtype=np.float64)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _pts(text: str) -> np.ndarray:
    """300-W's format: `version: 1`, `n_points: 68`, then points from 1 on between braces."""
    inside = text.partition("{")[2].partition("}")[0]
    points = np.array([line.split() for line in inside.strip().splitlines()], dtype=np.float64)
    return points - 1.0  # Matlab counts pixels from 1
