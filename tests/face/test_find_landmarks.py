import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from emotive.errors import InputError, WeightsError
from emotive.face.find_landmarks import find_landmarks, head_turn
from emotive.face.opening import bundled_portraits, open_portrait

pytest.importorskip("skimage")
NAMES = bundled_portraits()


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    import skimage.data

    return skimage.data.astronaut()


def small(name: str, side: int = 512) -> np.ndarray:
    return cv2.resize(open_portrait(name).image, (side, side), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("name", NAMES)
def test_painted_faces_are_found_where_they_are(landmark_network: Path, name: str):
    portrait = open_portrait(name)
    true, found = portrait.landmarks, find_landmarks(portrait.image)

    def off(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.linalg.norm((a - b)[..., :2], axis=-1).mean() / true.eye_distance)

    assert off(found.eyes, true.eyes) < 0.05 and off(found.lips, true.lips) < 0.08
    assert off(found.irises, true.irises) < 0.04
    assert 0.7 < (found.irises[:, 2] / true.irises[:, 2]).mean() < 1.15


def test_a_photograph_becomes_a_portrait(landmark_network: Path, photograph: np.ndarray):
    portrait = open_portrait(photograph)
    landmarks = portrait.landmarks
    assert portrait.image.shape[0] == portrait.image.shape[1] and not portrait.bundled
    chin = landmarks.oval[18, 1] - landmarks.eyes[:, 0, 0, 1].mean()
    assert abs(2.1 * chin / portrait.image.shape[0] - 0.55) < 0.02
    assert np.abs(head_turn(landmarks)).max() < 8
    # Pupils are dark: darker than the whites beside them.
    for x, y, r in landmarks.irises:
        grey = portrait.image.mean(-1)
        i, j, k = round(y), round(x), round(1.7 * r)
        assert np.median(grey[i - 2 : i + 3, j - 2 : j + 3]) < 0.8 * grey[i - 1 : i + 2, [j - k, j + k]].max()


def test_tracking_agrees_with_finding(landmark_network: Path, photograph: np.ndarray):
    first = find_landmarks(photograph)
    shifted = np.roll(photograph, (6, 9), (0, 1))
    tracked = find_landmarks(shifted, near=first)
    assert np.linalg.norm((tracked.eyes - first.eyes)[..., :2] - [9, 6], axis=-1).max() < 1.2
    # Gone from where it was: found again elsewhere.
    far = np.roll(photograph, 200, 1)
    assert abs(find_landmarks(far, near=first).irises[0, 0] - first.irises[0, 0] - 200) < 2


@pytest.mark.parametrize("degrees", [35, 90])
def test_tilted_faces_are_found_with_a_warning(landmark_network: Path, photograph: np.ndarray, degrees: int):
    straight = find_landmarks(photograph)
    turn = cv2.getRotationMatrix2D((255.5, 255.5), degrees, 1)
    tilted = cv2.warpAffine(photograph, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    with pytest.warns(UserWarning, match="tilted"):
        found = find_landmarks(tilted)
    expected = straight.eyes[..., :2] @ turn[:, :2].T + turn[:, 2]
    assert np.linalg.norm(found.eyes[..., :2] - expected, axis=-1).mean() < 2.0


def test_a_face_that_fills_the_picture(landmark_network: Path, photograph: np.ndarray):
    whole = find_landmarks(photograph)
    near = cv2.resize(photograph[75:165, 175:265], (400, 400), interpolation=cv2.INTER_CUBIC)
    back = find_landmarks(near).eyes[..., :2] / (400 / 90) + [175, 75]
    assert np.linalg.norm(back - whole.eyes[..., :2], axis=-1).mean() < 2.0


def test_of_two_faces_the_larger(landmark_network: Path, photograph: np.ndarray):
    with pytest.warns(UserWarning, match="2 faces in the picture: the largest"):
        found = find_landmarks(np.concatenate([photograph, small(NAMES[0])], 1))
    assert found.irises[:, 0].min() > 512


def test_what_shows_no_usable_face_is_one_line(landmark_network: Path, photograph: np.ndarray):
    third = cv2.resize(photograph, (170, 170), interpolation=cv2.INTER_AREA)
    with pytest.raises(InputError, match="too small: 21 pixels"):
        find_landmarks(third)
    y, x = np.mgrid[:160, :160]
    ramp = np.repeat(((x + y) % 256).astype(np.uint8)[..., None], 3, 2)
    with pytest.raises(InputError, match="no face was found"):
        find_landmarks(ramp)
    with pytest.raises(InputError, match="too few for a face"):
        find_landmarks(ramp[:8, :8])
    with pytest.raises(InputError, match="uint8"):
        find_landmarks(ramp[..., 0])


def test_what_was_not_fetched_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photograph: np.ndarray
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="run `emotive fetch face-landmarks`, or give --landmarks FILE"):
        find_landmarks(photograph)


def test_detectors_are_named(photograph: np.ndarray):
    with pytest.raises(InputError, match="mediapipe or face-alignment"):
        find_landmarks(photograph, detector="dlib")
    if importlib.util.find_spec("face_alignment") is None:
        with pytest.raises(InputError, match="pip install face-alignment"):
            find_landmarks(photograph, detector="face-alignment")
