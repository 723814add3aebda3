"""Measures of a face: what a blendshape does shows in its measure, and what a head does shows nowhere."""

from pathlib import Path

import numpy as np
import pytest

from emotive.face.contacts import INDEX
from emotive.face.find_landmarks import find_landmarks
from emotive.face.opening import open_portrait
from emotive.face.renderer import PortraitRenderer
from emotive.perceive.face_units import (
    ACTION_UNITS,
    MEASURES,
    action_units,
    face_units,
    head_rotations,
    neutral_of,
    straightest,
)
from emotive.perceive.face_video import follow_face

STILL = np.zeros(3)


@pytest.fixture(scope="module")
def renderer() -> PortraitRenderer:
    return PortraitRenderer(open_portrait("kofi"), 384)


def weights(**shapes: float) -> np.ndarray:
    out = np.zeros(len(INDEX))
    for stem, value in shapes.items():
        for name in (stem,) if stem in INDEX else (f"{stem}Left", f"{stem}Right"):
            out[INDEX[name]] = value
    return out


def units(renderer: PortraitRenderer, /, rotation: np.ndarray = STILL, **shapes: float) -> dict[str, float]:
    rest = renderer.landmarks(weights(), STILL, STILL)
    face = renderer.landmarks(weights(**shapes), rotation, STILL)
    return dict(zip(MEASURES, face_units([face], rest)[0], strict=True))


@pytest.mark.parametrize("shape, measure, sign", [
    ("browInnerUp", "inner brow", 1), ("browOuterUp", "outer brow", 1), ("browDown", "inner brow", -1),
    ("browDown", "brow gap", -1), ("eyeWide", "upper lid", 1), ("eyeBlink", "upper lid", -1),
    ("eyeSquint", "lower lid", 1), ("mouthSmile", "corner lift", 1), ("mouthSmile", "mouth width", 1),
    ("mouthFrown", "corner lift", -1), ("jawOpen", "mouth opening", 1), ("jawOpen", "chin", -1),
    ("mouthPucker", "mouth width", -1), ("mouthStretch", "mouth width", 1), ("noseSneer", "nose wings", 1),
])  # fmt: skip
def test_a_shape_shows_in_its_measure_monotonically(renderer, shape: str, measure: str, sign: int):
    track = [sign * units(renderer, STILL, **{shape: level})[measure] for level in (0.0, 0.25, 0.5, 0.8)]
    assert track[0] == pytest.approx(0, abs=1e-9)
    assert np.diff(track).min() > 0 and track[-1] > 0.008


def test_a_head_that_turns_measures_nothing(renderer):
    for rotation in ([0.1, 0, 0], [0, 0.12, 0], [0, 0, 0.15], [-0.06, 0.1, 0.1]):
        turned = units(renderer, np.array(rotation))
        without_chin = [abs(value) for name, value in turned.items() if name != "chin"]
        assert max(without_chin) < 0.03  # a smile is 0.08
        rest = renderer.landmarks(weights(), STILL, STILL)
        found = head_rotations([renderer.landmarks(weights(), np.array(rotation), STILL)], rest)[0]
        assert np.abs(found - rotation).max() < 0.03


def test_shift_and_size_measure_nothing(renderer):
    from emotive.face.opening import moved

    rest = renderer.landmarks(weights(), STILL, STILL)
    larger = moved(rest, 1.7 * np.eye(3), np.array([40.0, -12.0, 5.0]))
    assert np.abs(face_units([larger], rest)).max() < 1e-5


def test_action_units_are_sums_that_can_be_checked_by_hand():
    row = dict.fromkeys(MEASURES, 0.0) | {"corner lift": 0.025, "mouth width": 0.03}
    shown = dict(zip(ACTION_UNITS, action_units(np.array([list(row.values())]))[0], strict=True))
    assert shown["AU12"] == pytest.approx((0.025 / 0.05 + 0.03 / 0.15) / 2)
    assert shown["AU15"] == 0 and shown["AU4"] == 0


def test_a_face_at_rest_is_estimated_from_a_clip_that_shows_it_most(renderer):
    rng = np.random.default_rng(0)
    rest = renderer.landmarks(weights(), STILL, STILL)
    faces = [
        renderer.landmarks(weights(mouthSmile=0.8 * (rng.random() < 0.3)), 0.03 * rng.normal(size=3), STILL)
        for _ in range(60)
    ]
    known, guessed = face_units(faces, rest), face_units(faces)
    assert np.abs(known - guessed).mean() < 0.06
    lift = MEASURES.index("corner lift")
    assert np.corrcoef(known[:, lift], guessed[:, lift])[0, 1] > 0.98
    assert straightest([faces[0], rest]) is rest or straightest([faces[0], rest]) is faces[0]
    assert np.allclose(neutral_of(np.zeros((1, len(MEASURES)))), neutral_of(np.ones((1, len(MEASURES)))))


def test_no_faces_no_rows():
    assert face_units([]).shape == (0, len(MEASURES))


def test_found_landmarks_measure_what_is_shown(landmark_network: Path, renderer):
    def seen(**shapes: float) -> np.ndarray:
        frame = renderer.render(weights(**shapes), STILL, STILL, STILL[:2])
        return face_units([find_landmarks(frame, rest)], rest)[0]

    rest = find_landmarks(renderer.render(weights(), STILL, STILL, STILL[:2]))
    column = {name: i for i, name in enumerate(MEASURES)}
    assert seen(browInnerUp=0.8, browOuterUp=0.8)[column["inner brow"]] > 0.03
    assert seen(mouthSmile=0.8)[column["corner lift"]] > 0.02 > seen(mouthFrown=0.8)[column["corner lift"]]
    assert seen(jawOpen=0.6)[column["mouth opening"]] > 0.08
    assert seen(eyeBlink=0.6)[column["upper lid"]] < -0.008


def test_a_slow_film_of_a_face_shows_it_all_the_time(landmark_network: Path, renderer):
    still = renderer.render(weights(), STILL, STILL, STILL[:2])
    for fps, frames in ((4, 8), (25, 50)):
        track = follow_face([still] * frames, fps)
        assert track.share == 1 and track.seconds == 2
    assert follow_face([still] * 4 + [0 * still] * 4, 4).share == 0.5
