"""68 points by the package `face-alignment`, for those who have installed it."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from emotive.errors import InputError, WeightsError


def face_alignment_points(image: np.ndarray) -> np.ndarray:
    """(68, 2) points, pixels, of the largest face in a uint8 (H, W, 3) picture; of several it warns.

    The package downloads its own weights when it is first used, if there is a network.
    Raises InputError if it is not installed or finds no face, WeightsError if it cannot get its weights.
    """
    try:
        found = _aligner().get_landmarks_from_image(image)
    except OSError as error:  # urllib's errors are OSErrors too
        why = " ".join(str(error).split())[:200]
        raise WeightsError(f"face-alignment has no weights ({why}): give --landmarks FILE") from error
    faces = [np.asarray(face, np.float64)[:, :2] for face in found or []]
    if not faces:
        raise InputError("face-alignment found no face in the picture; give another, or --landmarks FILE")
    if len(faces) > 1:
        warnings.warn(f"there are {len(faces)} faces in the picture: the largest is used", stacklevel=5)
    return max(faces, key=lambda points: float(np.ptp(points, axis=0).max()))


@functools.cache
def _aligner() -> Any:
    try:
        import face_alignment  # type: ignore[import-not-found]
    except ModuleNotFoundError as error:
        raise InputError(
            "the detector face-alignment is not installed: pip install face-alignment, or leave it out"
        ) from error
    try:
        kind = face_alignment.LandmarksType.TWO_D  # 1.4 and newer; before it was `_2D`
        return face_alignment.FaceAlignment(kind, device="cpu", flip_input=False)
    except OSError as error:
        why = " ".join(str(error).split())[:200]
        raise WeightsError(f"face-alignment has no weights ({why}): give --landmarks FILE") from error
