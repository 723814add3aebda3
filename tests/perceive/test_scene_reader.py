"""The scene reader reads what was painted, whatever the mood, and refuses what is no picture."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from emotive.affect import Affect
from emotive.data.painter import paint
from emotive.data.scenes import LEXICON, Scene, random_scene
from emotive.errors import InputError, WeightsError
from emotive.media.texture import lay_texture
from emotive.perceive.scene import SceneReader, small_picture
from emotive.train.scene_reader import new_classifier
from emotive.weights import fingerprint, resolve

CORNERS = [Affect(v, a) for v in (-0.9, 0.9) for a in (-0.9, 0.9)]


@pytest.fixture(scope="module")
def reader() -> SceneReader:
    return SceneReader.from_pretrained("emotive-scene-reader-1")


@pytest.fixture(scope="module")
def painted() -> tuple[list[Scene], list[np.ndarray]]:
    """15 scenes in the four corners of the plane, half of them reserved combinations."""
    rng = random.Random(11)
    scenes = [random_scene(rng, reserved=i % 2 == 1) for i in range(15) for _ in CORNERS]
    return scenes, [paint(s, CORNERS[i % 4], 500 + i, 256) for i, s in enumerate(scenes)]


def right(reader: SceneReader, scenes: list[Scene], pictures: list[np.ndarray]) -> float:
    reading = reader.read(pictures)
    hits = [
        [
            name == (getattr(scene, kind) or "none")
            for name, scene in zip(reading.names(kind), scenes, strict=True)
        ]
        for kind in LEXICON
    ]
    return float(np.mean(hits))


def test_it_reads_the_teacher_in_every_corner(reader, painted):
    assert right(reader, *painted) >= 0.97


def test_it_reads_softer_textured_and_larger_pictures(reader, painted):
    scenes, pictures = painted
    spoilt = []
    for p in pictures:
        soft = (
            Image.fromarray(p)
            .resize((56, 56), Image.Resampling.BOX)
            .resize((512, 512), Image.Resampling.BILINEAR)
        )
        x = torch.from_numpy(np.array(soft)).permute(2, 0, 1)[None].float() / 255
        x = lay_texture(x, torch.ones(1), 1.0)[0].permute(1, 2, 0)
        spoilt.append((255 * x).round().byte().numpy())
    assert right(reader, scenes, spoilt) >= 0.93


def test_the_mood_alone_does_not_change_the_answer(reader):
    scene = Scene("lighthouse", "sea", "sunset", "clear")
    reading = reader.read([paint(scene, a, 3, 256) for a in CORNERS])
    for kind in LEXICON:
        assert set(reading.names(kind)) == {getattr(scene, kind)}
        assert reading.probabilities[kind].shape == (4, len(reader.vocabulary[kind]))
        np.testing.assert_allclose(reading.probabilities[kind].sum(1), 1, atol=1e-5)


def test_a_landscape_without_a_subject_is_none(reader):
    assert reader.read([paint(Scene(None, "sea", "day", "clear"), CORNERS[0], 1, 256)]).names("subject") == [
        "none"
    ]


def test_features_tell_content_from_mood_and_do_not_depend_on_the_batch(reader, painted):
    _, pictures = painted
    features = reader.features(pictures[:8])
    assert features.shape[0] == 8 and features.dtype == np.float64 and features.std(0).max() > 0
    np.testing.assert_allclose(features[3:4], reader.features(pictures[3:4]), atol=1e-4)
    large = np.asarray(Image.fromarray(pictures[0]).resize((512, 512), Image.Resampling.NEAREST))
    np.testing.assert_allclose(reader.features([large])[0], features[0], atol=1e-4)


def test_small_pictures_are_means_of_areas():
    picture = np.random.default_rng(0).integers(0, 256, (128, 192, 3)).astype(np.uint8)
    expected = picture.reshape(64, 2, 64, 3, 3).mean((1, 3)).transpose(2, 0, 1) / 127.5 - 1
    np.testing.assert_allclose(small_picture(picture)[0].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("picture", [
    np.zeros((64, 64), np.uint8), np.zeros((64, 64, 4), np.uint8),
    np.zeros((64, 64, 3)), np.zeros((0, 9, 3), np.uint8),
])  # fmt: skip
def test_what_is_no_picture_is_refused(reader, picture):
    with pytest.raises(InputError, match="uint8"):
        reader.read([picture])
    with pytest.raises(InputError, match="no pictures"):
        reader.read([])


def test_it_says_which_weights_it_is(reader):
    assert reader.fingerprint() == fingerprint(resolve("emotive-scene-reader-1"))
    assert SceneReader(new_classifier()).fingerprint() == ""
    size = sum(f.stat().st_size for f in resolve("emotive-scene-reader-1").glob("*.safetensors"))
    assert size < 2_000_000


def test_other_models_are_refused(tmp_path: Path):
    with pytest.raises(WeightsError, match="scene reader"):
        SceneReader.from_pretrained("emotive-affect-1")
    with pytest.raises(WeightsError, match="no model"):
        SceneReader.from_pretrained("emotive-scene-reeder-1")
