"""The bundled head is whole, symmetric, and does what the names of its shapes say."""

from collections import Counter

import numpy as np
import pytest

from emotive.face import head_surface
from emotive.face.head_grid import read_skin
from emotive.face.head_mesh import head_mesh, vertex_normals
from emotive.face.head_shapes import skin_shapes
from emotive.signals import ARKIT

SKIN = read_skin()
MOVES: dict[str, np.ndarray] = dict(zip(ARKIT, skin_shapes(SKIN), strict=True))


def edges(triangles: np.ndarray) -> Counter:
    """How often each directed edge occurs."""
    return Counter((a, b) for t in triangles.tolist() for a, b in zip(t, t[1:] + t[:1], strict=True))


def shaped(**weights: float) -> np.ndarray:
    return SKIN.points + sum(weight * MOVES[name] for name, weight in weights.items())


def lids(points: np.ndarray, eye: int) -> np.ndarray:
    """The heights of the opening along one eye, mm."""
    rim = points[SKIN.rims[eye], 1]
    half = len(rim) // 2
    return rim[1:half] - rim[:half:-1]


def test_the_skin_is_one_surface_that_is_open_at_the_neck_alone():
    directed = edges(SKIN.triangles)
    assert max(directed.values()) == 1  # all turned the same way
    border = [a for a, b in directed if (b, a) not in directed]
    assert len(border) == len({*border}) > 20
    np.testing.assert_allclose(SKIN.points[border][:, 1], head_surface.NECK_END, atol=0.02)
    outside = SKIN.inside == 0
    assert np.abs(head_surface.distance(SKIN.points[outside])).max() < 0.6
    facing = (vertex_normals(SKIN.points, SKIN.triangles) * head_surface.gradient(SKIN.points)).sum(1)
    assert np.mean(facing[outside] > 0.5) > 0.98


def test_left_and_right_agree():
    flip = np.array([-1, 1, 1])
    np.testing.assert_array_equal(SKIN.points[SKIN.mirror], SKIN.points * flip)
    np.testing.assert_array_equal(SKIN.mirror[SKIN.mirror], np.arange(len(SKIN.points)))
    for name, moves in MOVES.items():
        other = name.replace("Left", "#").replace("Right", "Left").replace("#", "Right")
        np.testing.assert_allclose(moves[SKIN.mirror], MOVES[other] * flip, atol=1e-9, err_msg=name)


def test_all_52_shapes_move_something_and_none_leaves_the_face():
    head = head_mesh()
    assert all(part.shapes is not None and part.shapes.shape[0] == 52 for part in head.parts)
    for i, name in enumerate(ARKIT):
        far = max(
            np.linalg.norm(part.shapes[i], axis=1).max() for part in head.parts if part.shapes is not None
        )
        assert 5e-4 < far < 0.04, name
    behind = SKIN.points[:, 2] < -20
    assert all(np.abs(moves[behind]).max() < 0.05 for moves in MOVES.values())
    assert not MOVES["tongueOut"].any()  # it moves the tongue alone


def test_the_parts_are_sound():
    head = head_mesh()
    count = sum(len(part.points) for part in head.parts)
    assert 3000 < count < 8000
    for part in (*head.parts, head.eye):
        assert part.triangles.max() == len(part.points) - 1
        np.testing.assert_allclose(np.linalg.norm(part.normals, axis=1), 1, atol=1e-5)
        assert part.colours.min() >= 0 and part.colours.max() <= 1
    skin = head.parts[0].points
    assert 0.22 < np.ptp(skin[skin[:, 2] > -0.02][:, 1]) < 0.32 and 0.13 < np.ptp(skin[:, 0]) < 0.19
    teeth = next(part for part in head.parts if part.name == "teeth")
    front = teeth.points[:, 2] > 0.08
    assert teeth.normals[front, 2].mean() > 0.2  # lit from the front


def test_lips_that_close_over_an_open_jaw_touch():
    upper, lower = SKIN.seam
    for weight in (0.3, 0.7, 1.0):
        opened, closed = shaped(jawOpen=weight), shaped(jawOpen=weight, mouthClose=weight)
        gap = (opened[upper] - opened[lower])[:, 1]
        assert gap.max() > 20 * weight and gap.min() > -0.01
        np.testing.assert_allclose(closed[upper], closed[lower], atol=0.02)


def test_lids_close_over_the_eyeball():
    rest = lids(SKIN.points, 0)
    assert rest.max() > 9 and rest.min() > 0.5
    shut = lids(shaped(eyeBlinkLeft=1), 0)
    assert np.abs(shut).max() < 0.06 * rest.max()
    np.testing.assert_allclose(lids(shaped(eyeBlinkLeft=1), 1), lids(SKIN.points, 1), atol=1e-9)
    assert lids(shaped(eyeWideLeft=1), 0).max() > rest.max() + 1
    assert lids(shaped(eyeSquintLeft=1), 0).max() < 0.65 * rest.max()
    assert lids(shaped(eyeLookDownLeft=1), 0).max() < lids(shaped(eyeLookUpLeft=1), 0).max()
    lid = SKIN.rims[0]
    for weight in np.linspace(0, 1, 6):  # never into the eyeball on the way
        away = np.linalg.norm(shaped(eyeBlinkLeft=weight)[lid] - head_surface.EYE, axis=1)
        assert away.min() > head_surface.EYE_RADIUS


@pytest.mark.parametrize(
    ("name", "x", "y", "axis", "sign"),
    [
        ("mouthSmileLeft", 25, -56, 1, 1),
        ("mouthSmileLeft", 25, -56, 0, 1),
        ("mouthFrownRight", -25, -56, 1, -1),
        ("mouthLeft", 0, -56, 0, 1),
        ("mouthRight", 0, -56, 0, -1),
        ("jawLeft", 0, -95, 0, 1),
        ("jawForward", 0, -90, 2, 1),
        ("jawOpen", 0, -95, 1, -1),
        ("mouthPucker", 25, -56, 0, -1),
        ("mouthPucker", 0, -60, 2, 1),
        ("mouthUpperUpLeft", 10, -50, 1, 1),
        ("mouthLowerDownRight", -10, -62, 1, -1),
        ("mouthRollUpper", 0, -53, 2, -1),
        ("browInnerUp", 12, 34, 1, 1),
        ("browDownRight", -15, 34, 1, -1),
        ("browOuterUpLeft", 43, 32, 1, 1),
        ("cheekPuff", 45, -48, 0, 1),
        ("cheekSquintLeft", 40, -15, 1, 1),
        ("noseSneerRight", -13, -27, 1, 1),
    ],
)
def test_shapes_move_as_they_are_called(name: str, x: float, y: float, axis: int, sign: int):
    front = np.flatnonzero((SKIN.inside == 0) & (SKIN.points[:, 2] > 40))
    near = front[np.argmin(np.linalg.norm(SKIN.points[front, :2] - (x, y), axis=1))]
    assert sign * MOVES[name][near, axis] > 1


def test_the_tongue_comes_out():
    tongue = next(part for part in head_mesh().parts if part.name == "tongue")
    assert tongue.shapes is not None
    out = tongue.points + tongue.shapes[ARKIT.index("tongueOut")]
    lips = SKIN.points[SKIN.seam, 2].max() / 1000
    assert tongue.points[:, 2].max() < lips - 0.005 and out[:, 2].max() > lips + 0.01
