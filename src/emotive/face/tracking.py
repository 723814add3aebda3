"""The landmarks of a filmed face, frame by frame -> its motion: blendshapes, head and gaze.

The face's own blendshapes are built on it at rest, as for drawing it; what is left of each frame's landmarks
once the head's turn is taken out is explained by as few of them as do (non-negative least squares, Lawson &
Hanson 1974).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from emotive.errors import InputError
from emotive.signals import ARKIT, FaceMotion

from .contacts import shapes
from .frame import EYE_DISTANCE, FaceFrame
from .landmarks import FaceLandmarks
from .measures import measure
from .mesh import build_mesh
from .shapes import build_shapes

LEAST = 15  # frames, to know what the face is at rest
CAMERA = 0.6  # m
EYEBALL = 0.012  # m, radius
EFFORT = 0.012  # face units of error that a shape at full weight must explain
# What landmarks do not show, or do not tell from its neighbours.
_UNSEEN = shapes("eyeLook", "tongueOut", "cheekPuff", "jawForward", "mouthDimple", "mouthPress", "mouthShrug")
_SEEN = [i for i in range(len(ARKIT)) if i not in _UNSEEN]
# Of the points below: the corners of the eyes and the bridge of the nose do not move with the face.
_RIGID = [*(56 + 18 * side + at for side in range(2) for at in (0, 8)), *range(136, 141)]
_MOUTH, _OVAL = slice(92, 136), slice(0, 36)


def track(landmarks: Sequence[FaceLandmarks], fps: float | Fraction) -> FaceMotion:
    """The motion of a face whose landmarks were found in every frame; `fps` frames/s.

    What the face is at rest is taken from the frames whose mouth is shut. Raises InputError for fewer than 15
    frames.
    """
    if len(landmarks) < LEAST:
        raise InputError(f"a face at rest is known from {LEAST} frames on, not {len(landmarks)}")
    frames = [FaceFrame.of(found) for found in landmarks]
    points = np.stack([f.to_face(_points(found)) for f, found in zip(frames, landmarks, strict=True)])
    opening = (points[:, 92 + 27, 1] - points[:, 92 + 16, 1]).clip(0, None)  # the middle of the inner lips
    shut = opening <= np.percentile(opening, 25)
    rest = np.median(points[shut], axis=0)
    units, origins = np.array([f.unit for f in frames]), np.stack([f.origin for f in frames])
    unit, origin = np.median(units), np.median(origins, axis=0)
    at_rest = [found for found, closed in zip(landmarks, shut, strict=True) if closed]
    basis = _basis(rest, at_rest)
    weight = np.ones(len(rest))
    weight[_MOUTH], weight[_OVAL] = 1.5, 0.3
    system = np.concatenate(
        [(basis * weight[:, None]).reshape(len(basis), -1).T, EFFORT * np.eye(len(basis))]
    )
    weights = np.zeros((len(points), len(ARKIT)), np.float32)
    rotation, translation = np.zeros((len(points), 3)), np.zeros((len(points), 3))
    gaze = np.zeros((len(points), 2))
    from scipy.optimize import nnls
    from scipy.spatial.transform import Rotation

    flip = np.array([1.0, -1.0, 1.0])  # pictures have Y down, motion has it up
    for i, now in enumerate(points):
        middle, other = now[_RIGID].mean(0), rest[_RIGID].mean(0)
        turn = Rotation.align_vectors((now[_RIGID] - middle) * flip, (rest[_RIGID] - other) * flip)[0]
        tilt = -np.arctan2(frames[i].right[1], frames[i].right[0])
        rotation[i] = (Rotation.from_euler("z", tilt) * turn).as_rotvec()
        still = turn.inv().apply((now - middle) * flip) * flip + other
        moved = (still - rest)[:, :2] * weight[:, None]
        target = np.concatenate([moved.ravel(), np.zeros(len(basis))])
        weights[i, _SEEN] = nnls(system, target, maxiter=400)[0]
        shift = (origins[i] - origin) / unit * EYE_DISTANCE
        translation[i] = shift[0], -shift[1], CAMERA * (1 - unit / units[i])
        gaze[i] = _gaze(landmarks[i], frames[i])
    gaze -= np.median(gaze, axis=0)
    rotation -= np.median(rotation, axis=0)
    kernel = np.array([0.25, 0.5, 0.25])
    rotation, translation, gaze = (
        np.stack([np.convolve(np.pad(x, 1, "edge"), kernel, "valid") for x in track.T], 1)
        for track in (rotation, translation, gaze)
    )
    return FaceMotion(weights.clip(0, 1), rotation, translation, gaze, Fraction(fps).limit_denominator(1001))


def _points(found: FaceLandmarks) -> np.ndarray:
    """(145, 3): oval 36, brows 20, eyes 36, lips 44, nose 9."""
    parts = (found.oval, found.brows, found.eyes, found.lips, found.nose)
    return np.concatenate([np.asarray(part, float).reshape(-1, 3) for part in parts])


def _basis(rest: np.ndarray, near: Sequence[FaceLandmarks]) -> np.ndarray:
    """(shapes seen, 145, 2): how each moves the points of a face whose points at rest are `rest` (145, 3)."""
    scale, shift = 128.0, np.array([256.0, 220.0, 0.0])  # pixels of a picture of 512
    parts = np.split(rest * scale + shift, [36, 56, 92, 136])
    irises = np.median([found.irises for found in near], axis=0)
    oval, brows, eyes, lips, nose = (
        part.astype(np.float32).reshape(*form)
        for part, form in zip(parts, ((36, 3), (2, 2, 5, 3), (2, 2, 9, 3), (4, 11, 3), (9, 3)), strict=True)
    )
    face = FaceLandmarks(oval, brows, eyes, irises.astype(np.float32), lips, nose)
    frame = FaceFrame.of(face)
    mesh = build_mesh(face, frame, (512, 512))
    bases = build_shapes(measure(face, frame, mesh), mesh).bases[: len(ARKIT)]
    at = np.concatenate([
        mesh.oval, mesh.brows.ravel(), mesh.lids[:, :, ::2].ravel(), mesh.upper_lip[0, ::2],
        mesh.upper_lip[-1, ::2], mesh.lower_lip[-1, ::2], mesh.lower_lip[0, ::2], mesh.nose,
    ])  # fmt: skip
    return bases.reshape(len(ARKIT), -1, 3)[_SEEN][:, at, :2].astype(np.float64)


def _gaze(found: FaceLandmarks, frame: FaceFrame) -> np.ndarray:
    """Yaw to the person's left and pitch up, rad, up to a constant: of both irises between their corners."""
    iris = frame.to_face(found.irises[:, :2])
    corners = frame.to_face(found.eyes[:, 0, [0, 8], :2]).mean(1)
    offset = (iris - corners).mean(0) * EYE_DISTANCE / EYEBALL
    return np.arcsin(np.clip(offset * [1.0, -1.0], -0.9, 0.9))
