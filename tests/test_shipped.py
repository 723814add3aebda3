"""The weights that ship: they verify, load, paint, and follow affect."""

import warnings

import numpy as np
import pytest
import torch

from emotive.affect import Affect
from emotive.models.affect_embedding import AffectEmbedding
from emotive.pipelines.image import EmotiveImagePipeline
from emotive.weights import embedded, resolve, verify

LEVELS = (-1.0, -0.5, 0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def pipe() -> EmotiveImagePipeline:
    pipe = EmotiveImagePipeline.from_pretrained("emotive-image-1", dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def in_order(values: np.ndarray) -> bool:
    """Rises from each level to the next."""
    return bool((np.diff(values) > 0).all())


def seeds(n: int, seed: int = 3) -> list[torch.Generator]:
    """The same noise n times."""
    return [torch.Generator().manual_seed(seed) for _ in range(n)]


def test_every_embedded_model_verifies_and_has_a_card():
    names = [model.name for model in embedded()]
    assert {"emotive-affect-1", "emotive-image-1"} <= set(names)
    for name in names:
        verify(resolve(name))
        assert (
            (resolve(name) / "README.md").read_text(encoding="utf-8").startswith("---\nlicense: apache-2.0")
        )


def test_the_image_model_was_trained_with_the_shipped_embedding(pipe):
    embedding = AffectEmbedding.from_pretrained(resolve("emotive-affect-1"))
    assert pipe.denoiser.config.affect_sha256 == embedding.fingerprint()


def test_paints_the_same_picture_from_the_same_seed(pipe):
    first, again = (
        pipe("a boat at sea", "joy", generator=seeds(1), output_type="np").images for _ in range(2)
    )
    assert first.shape == (1, 512, 512, 3)
    assert np.array_equal(first, again)
    assert first.std() > 0.1


def test_every_word_of_the_vocabulary_paints_without_a_warning(pipe):
    vocabulary = pipe.text_encoder.config.vocabulary
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind, names in vocabulary.items():
            for words in names.values():
                for word in words:
                    prompt = word if kind in ("subject", "setting") else f"a house in a meadow {word}"
                    pipe.encode_prompt([prompt])


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize(
    "prompt", ["a house in a meadow", "a boat at sea at sunset", "a castle in the mountains"]
)
def test_lightness_follows_valence_and_contrast_and_edges_follow_arousal(pipe, prompt, steps):
    affects = [Affect(v, a) for a in LEVELS for v in LEVELS]
    pictures = pipe(
        prompt, affects, num_inference_steps=steps, generator=seeds(25), output_type="np", texture=0
    ).images
    grey = pictures.mean(-1)
    lightness, contrast = grey.mean((1, 2)).reshape(5, 5), grey.std((1, 2)).reshape(5, 5)
    edges = np.abs(np.diff(grey, axis=1)).mean((1, 2)) + np.abs(np.diff(grey, axis=2)).mean((1, 2))
    for row in lightness:
        assert in_order(row)
    for column in (*contrast.T, *edges.reshape(5, 5).T):
        assert in_order(column)


def test_layout_holds_while_affect_moves(pipe):
    """Small steps of affect make small steps of the picture; another seed makes another picture."""
    affects = [Affect(0.1 * i, 0.1 * i) for i in range(-3, 4)]
    pictures = pipe("a tree in a meadow", affects, generator=seeds(7), output_type="np", texture=0).images
    steps = np.abs(np.diff(pictures, axis=0)).mean((1, 2, 3))
    noises = [torch.Generator().manual_seed(seed) for seed in range(4, 10)]
    others = pipe(
        "a tree in a meadow", [affects[3]] * 6, generator=noises, output_type="np", texture=0
    ).images
    assert steps.max() < 0.5 * np.abs(others - pictures[3]).mean()


def test_words_decide_what_is_painted(pipe):
    a, b = (
        pipe(p, generator=seeds(1), output_type="np", texture=0).images
        for p in ("a boat at sea", "a cat in the desert")
    )
    assert np.abs(a - b).mean() > 0.1
