"""Landmarks as the 68 points that many detectors give, for tests."""

import numpy as np

from emotive.face.landmarks import FaceLandmarks


def ibug(face: FaceLandmarks) -> np.ndarray:
    """The 68 points of a face whose contours are known."""
    points = np.zeros((68, 2))
    jaw = face.oval[8:29, :2]  # from the left ear over the chin to the right
    points[:9] = jaw[10:][::-1][np.round(np.linspace(0, 10, 9)).astype(int)]
    points[8:17] = jaw[:11][::-1][np.round(np.linspace(0, 10, 9)).astype(int)]
    points[17:22] = face.brows[0, :, :, :2].mean(0)
    points[22:27] = face.brows[1, :, ::-1, :2].mean(0)
    points[27:36] = face.nose[:, :2]
    for i, (side, order) in enumerate(((0, slice(None)), (1, slice(None, None, -1)))):
        upper, lower = face.eyes[side][:, order, :2]
        points[36 + 6 * i : 42 + 6 * i] = [*upper[[0, 3, 5, 8]], *lower[[5, 3]]]
    outer, inner, below, lower = (line[:, :2] for line in face.lips)
    points[48:55] = outer[[0, 2, 4, 5, 6, 8, 10]]
    points[55:60] = lower[[8, 6, 5, 4, 2]]
    points[60:65] = inner[[0, 3, 5, 7, 10]]
    points[65:68] = below[[7, 5, 3]]
    return points
