"""Follows one face through a video: its landmarks over time."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from emotive.errors import InputError
from emotive.face.find_landmarks import find_landmarks
from emotive.face.landmarks import FaceLandmarks

RATE = 10.0  # frames/s that are looked at: expressions change more slowly
AGAIN = 1.0  # s between two searches of a whole frame while there is no face


@dataclass(frozen=True)
class FaceTrack:
    """One face over time. times: (N,) seconds of the frames in which it was found. seconds: of all frames.
    rate: frames/s that were looked at."""

    times: np.ndarray
    faces: tuple[FaceLandmarks, ...]
    seconds: float
    rate: float

    @property
    def share(self) -> float:
        """How much of the time the face is seen, in [0, 1]."""
        return min(1.0, len(self.times) / max(1.0, self.seconds * self.rate))


def follow_face(frames: Iterable[np.ndarray], fps: float) -> FaceTrack:
    """The largest face in `frames`, uint8 (H, W, 3) at `fps` frames/s, looked at about `RATE` times a second.

    It is looked for near where it was; where it has gone, in the whole frame, once in a while. A face in
    profile or too small counts as gone. Raises InputError if there is none at all, WeightsError if the
    landmark network was not fetched.
    """
    every = max(1, round(fps / RATE))
    times, faces, count = [], [], 0
    near, asked, why = None, -AGAIN, "there are no frames"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of every frame again; how many faces is said below
        for count, frame in enumerate(frames, 1):
            at = (count - 1) / fps
            if (count - 1) % every or (near is None and at - asked < AGAIN):
                continue
            try:
                near = find_landmarks(frame, near, search=not times and asked < 0)
                times.append(at)
                faces.append(near)
            except InputError as error:
                near, asked, why = None, at, str(error)
    if not faces:
        raise InputError(f"no face can be read in it: in its last frame looked at, {why}")
    return FaceTrack(np.array(times), tuple(faces), count / fps, fps / every)
