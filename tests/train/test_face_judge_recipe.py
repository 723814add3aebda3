"""The recipe of the judge of faces: who it learns from, what they show, and the whole of it in seconds."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from emotive.data.portrait_people import PEOPLE
from emotive.face.contacts import INDEX
from emotive.face.opening import bundled_portraits
from emotive.perceive.face_judge import FEATURES
from emotive.train import face_frames as frames
from emotive.train import face_judge as recipe


def test_strangers_are_nobody_who_is_bundled():
    found = [frames.stranger(n) for n in range(12)]
    assert not {p.name for p in found} & ({*PEOPLE} | {*bundled_portraits()})
    looks = {(p.face_width, p.eye_gap, p.mouth_width, p.nose_width) for p in found}
    assert len(looks) == 12 and frames.stranger(3) == frames.stranger(3)
    for person in found:
        for known in PEOPLE.values():
            assert person.face_width != known.face_width or person.mouth_width != known.mouth_width


def test_faces_show_their_affect_whatever_the_mouth_says():
    affect, weights = frames.sampled(800, np.random.default_rng(0))
    assert weights.shape == (800, 52) and weights.min() >= 0 and weights.max() <= 1
    assert (affect[:: frames.ALIKE] == affect[frames.ALIKE - 1 :: frames.ALIKE]).all()
    smile = weights[:, [INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]]].mean(1)
    assert np.corrcoef(smile, affect[:, 0])[0, 1] > 0.5
    assert affect.min() < -0.9 and affect.max() > 0.9 and abs(affect.mean()) < 0.1
    assert weights[:, INDEX["jawOpen"]].std() > 0.05


def test_a_worn_picture_is_blurred_and_noisy_or_left_alone():
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, 32:] = 200
    rng = np.random.default_rng(0)
    assert frames.Worn(1.0, 0.0, 1.0).of(picture, rng) is picture
    worn = frames.Worn(3.0, 4.0, 1.0).of(picture, rng)
    assert worn.shape == picture.shape and worn[:, 40:].std() > 1
    edge = cv2.cvtColor(worn, cv2.COLOR_RGB2GRAY)[:, 30:35].mean(0)
    assert 10 < edge[2] < 190
    darker = frames.Worn(1.0, 1.0, 1.5).of(picture, rng)
    assert darker[:, 40:].mean() < 180


def test_shows_are_found_where_affect_changes():
    affect = torch.tensor([[0.0, 0], [0, 0], [0, 0], [1, 0], [1, 1], [1, 1]])
    assert recipe._shows(affect).tolist() == [[0, 1, 2, 0], [3, 3, 3, 3], [4, 5, 4, 5]]


def test_it_learns_what_can_be_learned():
    rng = np.random.default_rng(0)
    affect = np.repeat(rng.uniform(-1, 1, (150, 2)), 4, 0)
    features = 0.05 * rng.standard_normal((600, len(FEATURES)))
    features[:, :2] = 0.1 * affect + 0.01 * rng.standard_normal((600, 2))
    network = recipe.fit([recipe.Learned(features, features, affect)], 150, 0, lambda line: None)
    mean, _ = network(torch.from_numpy(features.astype(np.float32)))
    for k in range(2):
        assert np.corrcoef(mean[:, k].detach().numpy(), affect[:, k])[0, 1] > 0.95


def test_a_stranger_is_seen_as_the_network_sees_it(landmark_network: Path):
    pytest.importorskip("skia")
    found = frames.strangers_frames(0, 8)
    assert len(found.faces) == 8 and found.affect.shape == (8, 2)
    learned = recipe.learned(found)
    assert learned.features.shape == (8, len(FEATURES)) == learned.alone.shape
    assert np.isfinite(learned.features).all() and np.abs(learned.features[:, :3]).max() < 0.2
