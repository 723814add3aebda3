"""Directions in our picture model, and a search by a simulated person who sorts what they see."""

from typing import Any

import numpy as np
import pytest
import torch
from tiny import tiny_image_pipeline

from emotive.affect import Affect
from emotive.compass.scene import scene_basis, scene_shift
from emotive.compass.session import Compass, strip
from emotive.errors import InputError
from emotive.pipelines.image import EmotiveImagePipeline


@pytest.fixture(scope="module")
def tiny() -> EmotiveImagePipeline:
    return tiny_image_pipeline()


@pytest.fixture(scope="module")
def shipped() -> EmotiveImagePipeline:
    pipe = EmotiveImagePipeline.from_pretrained("emotive-image-1", dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def basis_of(pipe: EmotiveImagePipeline):
    return scene_basis(pipe.text_encoder, pipe.affect_embedding, "this model")


def painted(
    pipe: EmotiveImagePipeline, prompt: str = "a house by the sea", seed: int = 0, steps: int = 1, **more
):
    """The small picture (64, 64, 3) in [-1, 1]; nothing is decoded."""
    source = torch.Generator().manual_seed(seed)
    made: Any = pipe(prompt, num_inference_steps=steps, generator=source, output_type="latent", **more)
    return made.images[0].permute(1, 2, 0).numpy()


def test_no_direction_is_the_same_picture_bit_for_bit(tiny: EmotiveImagePipeline):
    there = basis_of(tiny).at(np.ones(10))
    plain = painted(tiny, affect="joy", steps=2)
    for nothing in (None, {}, {there: 0.0}):
        assert (painted(tiny, affect="joy", steps=2, directions=nothing) == plain).all()
    assert (painted(tiny, affect="joy", steps=2, directions={there: 1}) != plain).any()
    assert (
        painted(tiny, affect="joy", steps=3, directions={there: 1}) != painted(tiny, affect="joy", steps=3)
    ).any()


def test_mood_moves_where_it_has_coordinates(tiny: EmotiveImagePipeline):
    basis = basis_of(tiny)
    valence = basis.at(np.eye(10)[0])  # half the way to the pole
    assert (painted(tiny, affect="0,0.2", directions={valence: 1}) == painted(tiny, affect="0.5,0.2")).all()
    far = painted(tiny, affect="0.9,0.2", directions={valence: 3})
    assert (far == painted(tiny, affect="1,0.2")).all(), "kept inside the space"
    shift = scene_shift({valence: -1}, tiny.text_encoder, tiny.affect_embedding)
    assert shift is not None
    assert shift.moved(Affect(0.4, 0.2), 0.5).as_array()[:2] == pytest.approx([-0.3, 0.1])
    assert shift.moved(Affect(0.4, 0.2), 0.5).dominance is None
    assert shift.moved(Affect(0.4, 0.2, 0.6), 0) == Affect(-0.5, 0, 0)


def test_words_of_a_kind_lie_as_far_out_and_apart(shipped: EmotiveImagePipeline):
    basis = basis_of(shipped)
    assert basis.names == (
        "valence", "arousal", "dominance", "time 1", "time 2", "time 3",
        "weather 1", "weather 2", "weather 3", "weather 4",
    )  # fmt: skip
    encoder = shipped.text_encoder
    names = [words[0] for words in encoder.config["vocabulary"]["time"].values()]
    at = encoder.kinds.index("time")
    said = encoder(encoder.tokenize([f"a house by the sea {name}" for name in names])).tokens[:, at]
    axes = basis.offsets["text.tokens"][3:6, at]
    apart = torch.linalg.lstsq(axes.T, (said - said.mean(0)).T).solution.T
    distances = torch.cdist(apart, apart)[np.triu_indices(4, 1)]
    assert distances.std() / distances.mean() < 0.1
    content = [encoder.kinds.index(kind) for kind in ("subject", "setting")]
    assert not basis.offsets["text.tokens"][:, content].any(), "what stands in the scene is never moved"


def test_another_model_is_refused(tiny: EmotiveImagePipeline, shipped: EmotiveImagePipeline):
    there = basis_of(shipped).at(np.ones(10), "prickly")
    with pytest.raises(InputError, match="'prickly' was found on this model, not on this model"):
        painted(tiny, directions={there: 1})
    with pytest.raises(InputError, match="there is no direction 'nowhere'"):
        painted(tiny, directions={"nowhere": 1})
    with pytest.raises(InputError, match="given by name"):
        painted(tiny, directions=["nowhere"])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="10 finite numbers"):
        basis_of(shipped).at([1, 2])


def lightness(picture: np.ndarray) -> float:
    return float(picture.mean())


def warmth(picture: np.ndarray) -> float:
    """Red over blue."""
    return float((picture[..., 0] - picture[..., 2]).mean())


@pytest.mark.parametrize("quality", [lightness, warmth])
def test_a_person_who_sorts_by_what_they_see_finds_what_moves_it(shipped: EmotiveImagePipeline, quality):
    basis = basis_of(shipped)
    compass = Compass(len(basis), ("a house by the sea", "a tree in a meadow"), 6)
    for _ in range(8):
        tray = compass.tray
        seen = [
            quality(painted(shipped, tray.prompt, tray.seed, directions=asked))
            for asked in tray.directions(basis)
        ]
        order = np.argsort(seen)[::-1] + 1
        compass.answer(f"{' '.join(map(str, order[:2]))} | {' '.join(map(str, order[-2:]))}")
    direction = compass.direction(basis, "mine")
    for prompt, seed in (("a boat at sea", 50), ("a castle in the mountains", 51)):  # neither was sorted
        along = [quality(painted(shipped, prompt, seed, directions=asked)) for asked in strip(direction)]
        assert (np.diff(along) > 0).all(), (prompt, along)
