"""What a director asks of a face."""

import numpy as np
import pytest

from emotive.errors import InputError
from emotive.face.controls import MOUTH, FaceControls, controlled
from emotive.signals import ARKIT, FaceMotion


@pytest.fixture
def motion() -> FaceMotion:
    rng = np.random.default_rng(0)
    draw = [rng.uniform(0, 1, (20, 52)), *(rng.normal(0, 0.1, (20, n)) for n in (3, 3, 2))]
    return FaceMotion(*(part.astype(np.float32) for part in draw), fps=30)  # type: ignore[arg-type]


def test_by_default_nothing_changes(motion: FaceMotion):
    same = controlled(motion, FaceControls())
    for name in ("weights", "rotation", "translation", "gaze"):
        np.testing.assert_array_equal(getattr(same, name), getattr(motion, name))


def test_a_still_head_blinks_still(motion: FaceMotion):
    still = controlled(motion, FaceControls(head_motion=0))
    assert not still.rotation.any() and not still.translation.any()
    np.testing.assert_array_equal(still.weights, motion.weights)


def test_lips_only_moves_the_mouth_and_nothing_else(motion: FaceMotion):
    lips = controlled(motion, FaceControls(lips_only=True))
    mouth = np.array([name.startswith(MOUTH) for name in ARKIT])
    np.testing.assert_array_equal(lips.weights[:, mouth], motion.weights[:, mouth])
    assert not lips.weights[:, ~mouth].any() and not lips.rotation.any() and not lips.gaze.any()
    assert mouth.sum() == 28  # of ARKit's: 4 of the jaw, 23 of the mouth, the tongue


def test_gaze_is_an_offset(motion: FaceMotion):
    moved = controlled(motion, FaceControls(gaze=(10, -5)))
    np.testing.assert_allclose(moved.gaze - motion.gaze, np.radians([[10, -5]] * 20), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"head_motion": -1}, "head_motion must lie in 0..3"),
        ({"head_motion": float("nan")}, "head_motion must lie in 0..3"),
        ({"blink": "often"}, "blink must lie in 0..4"),
        ({"mouth": True}, "mouth must lie in 0..2"),
        ({"gaze": (40, 0)}, "gaze is 2 numbers within"),
        ({"gaze": (1, 2, 3)}, "gaze is 2 numbers within"),
        ({"gaze": ("left", 0)}, "gaze is 2 numbers within"),
        ({"distance": 0.1}, "distance must lie in 0.3..0.6"),
        ({"style": (0, 0, 0, 0, 0, float("nan"))}, "style is 6 numbers within"),
        ({"style": (0, 0)}, "style is 6 numbers within"),
    ],
)
def test_what_is_out_of_range_is_one_line(options: dict, says: str):
    with pytest.raises(InputError, match=says) as raised:
        FaceControls(**options)
    assert "\n" not in str(raised.value)
