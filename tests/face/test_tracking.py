from dataclasses import replace

import numpy as np
import pytest

from emotive.errors import InputError
from emotive.face.contacts import INDEX
from emotive.face.frame import FaceFrame
from emotive.face.landmarks import FaceLandmarks
from emotive.face.measures import measure
from emotive.face.mesh import FaceMesh, build_mesh
from emotive.face.opening import bundled_portraits, open_portrait
from emotive.face.shapes import build_shapes
from emotive.face.tracking import track


def filmed(weights: np.ndarray, tilt: np.ndarray, shift: np.ndarray) -> list[FaceLandmarks]:
    """Landmarks of a bundled face that moves by weights (T, 52), tilts by (T,) rad, shifts by pixels."""
    portrait = open_portrait(bundled_portraits()[0])
    rest, height, width = portrait.landmarks, *portrait.image.shape[:2]
    frame = FaceFrame.of(rest)
    mesh = build_mesh(rest, frame, (height, width))
    bases = build_shapes(measure(rest, frame, mesh), mesh).bases[:52].reshape(52, -1, 3)
    found = []
    for w, angle, by in zip(weights, tilt, shift, strict=True):
        moved = frame.to_picture(mesh.points + np.einsum("k,kvd->vd", w, bases))
        cos, sin = np.cos(angle), np.sin(angle)
        turn = np.array([[cos, sin], [-sin, cos]])  # counterclockwise as seen, Y down
        moved[:, :2] = (moved[:, :2] - frame.origin) @ turn.T + frame.origin + by
        found.append(landmarks_at(moved, mesh, rest))
    return found


def landmarks_at(points: np.ndarray, mesh: FaceMesh, rest: FaceLandmarks) -> FaceLandmarks:
    lips = np.stack([mesh.upper_lip[0], mesh.upper_lip[-1], mesh.lower_lip[-1], mesh.lower_lip[0]])[:, ::2]
    at = {
        "oval": mesh.oval,
        "brows": mesh.brows,
        "eyes": mesh.lids[:, :, ::2],
        "lips": lips,
        "nose": mesh.nose,
    }
    return replace(rest, **{name: points[index].astype(np.float32) for name, index in at.items()})


def test_motion_is_found_again_in_the_landmarks_of_a_face_that_moves():
    frames = 60
    weights = np.zeros((frames, 52), np.float32)
    t = np.arange(frames) / 30
    moves = {
        "jawOpen": 0.5,
        "mouthSmileLeft": 0.6,
        "mouthSmileRight": 0.6,
        "browInnerUp": 0.7,
        "eyeBlinkLeft": 0.9,
    }
    for k, (name, size) in enumerate(moves.items()):
        weights[:, INDEX[name]] = size * np.sin(2 * np.pi * (0.4 + 0.15 * k) * t).clip(0, None)
    tilt = 0.1 * np.sin(2 * np.pi * 0.5 * t)
    shift = 4 * np.stack([np.sin(3 * t), np.cos(2 * t)], 1)
    found = track(filmed(weights, tilt, shift), 30)
    for name, size in moves.items():
        true, seen = weights[:, INDEX[name]], found.weights[:, INDEX[name]]
        assert np.corrcoef(true, seen)[0, 1] > 0.85, name
        assert 0.35 * size < seen.max() < 1.5 * size, name
    assert np.corrcoef(found.rotation[:, 2], tilt)[0, 1] > 0.98
    assert np.corrcoef(found.translation[:, 0], shift[:, 0])[0, 1] > 0.9
    assert np.corrcoef(found.translation[:, 1], -shift[:, 1])[0, 1] > 0.9
    assert found.fps == 30 and len(found) == frames


def test_a_few_frames_do_not_show_a_face_at_rest():
    still = filmed(np.zeros((4, 52)), np.zeros(4), np.zeros((4, 2)))
    with pytest.raises(InputError, match="15 frames"):
        track(still, 30)
