"""Editing: our own pictures are painted again, others keep their contours; what is preserved is measured."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from emotive.affect import Affect
from emotive.errors import InputError
from emotive.media.image import write_png
from emotive.media.provenance import Provenance
from emotive.pipelines.image import EmotiveImagePipeline
from emotive.pipelines.image_edit import carry_over, preserved


@pytest.fixture(scope="module")
def pipe() -> EmotiveImagePipeline:
    pipe = EmotiveImagePipeline.from_pretrained("emotive-image-1", dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    """Not ours: a sky over a field, a dark tower, and the grain of a camera."""
    y, x = np.mgrid[0:200, 0:300] / 200
    sky, field = np.array([0.55, 0.65, 0.75]), np.array([0.45, 0.42, 0.30])
    pixels = np.where((y < 0.55 + 0.05 * np.sin(6 * x))[..., None], sky - 0.2 * y[..., None], field)
    pixels[60:150, 180:220] = (0.25, 0.2, 0.2)
    pixels += 0.02 * np.random.default_rng(0).normal(size=pixels.shape)
    return Image.fromarray((255 * pixels.clip(0, 1)).astype(np.uint8))


def same(a: Image.Image, b: Image.Image) -> bool:
    return np.array_equal(np.asarray(a.convert("RGB")), np.asarray(b.convert("RGB")))


def painted(pipe: EmotiveImagePipeline, path: Path, affect: Affect) -> Path:
    prompt, seed = "a lighthouse by the sea at sunset", 3
    output: Any = pipe(prompt, affect, generator=torch.Generator().manual_seed(seed))
    image = output.images[0]
    made = Provenance(prompt, seed, "emotive-image-1", affect, model_fingerprint=pipe.fingerprint())
    return write_png(path, image, made)


def test_our_own_picture_is_painted_again_exactly(pipe: EmotiveImagePipeline, tmp_path: Path):
    file, sad = painted(pipe, tmp_path / "a.png", Affect(0.2, 0.1)), Affect(-0.7, -0.3)
    there = pipe.edit(file, sad)
    output: Any = pipe("a lighthouse by the sea at sunset", sad, generator=torch.Generator().manual_seed(3))
    direct = output.images[0]
    assert same(there.images[0], direct)
    assert there.provenance is not None and there.provenance.affect == sad
    back = pipe.edit(write_png(tmp_path / "b.png", there.images[0], there.provenance), Affect(0.2, 0.1))
    assert same(back.images[0], Image.open(file).convert("RGB"))
    assert same(pipe.edit(Image.open(file), sad).images[0], direct)  # from PIL, by its info


def test_a_picture_that_is_not_what_it_says_is_treated_as_a_photograph(
    pipe: EmotiveImagePipeline, tmp_path: Path
):
    with Image.open(painted(pipe, tmp_path / "a.png", Affect(0.2, 0.1))) as image:
        turned = image.rotate(180)
        turned.info = dict(image.info)
        scribbled = image.copy()
        scribbled.paste((255, 0, 0), (300, 300, 340, 340))
        crafted = image.copy()
        crafted.info = {"emotive": image.info["emotive"].replace('"seed": 3', '"seed": 99999999999999999999')}
    for changed in (turned, scribbled, crafted):
        edited = pipe.edit(changed, "joy", generator=torch.Generator().manual_seed(0))
        assert edited.provenance is None and "no longer" in str(edited.preserved["content"])
    red = np.asarray(pipe.edit(scribbled, "sad").images[0])[320, 320].astype(int)
    assert red[0] > 2 * red[1:].max()  # what was painted over it is still there


def test_a_photograph_keeps_its_contours_and_changes_its_mood(
    pipe: EmotiveImagePipeline, photograph: Image.Image
):
    light = {}
    for name, affect in (("pleasant", Affect(0.9, 0.4)), ("unpleasant", Affect(-0.9, -0.2))):
        edited = pipe.edit(photograph, affect, generator=torch.Generator().manual_seed(1))
        assert edited.images[0].size == photograph.size
        assert edited.preserved["structure"] > 0.95 and edited.preserved["detail"] > 0.95
        light[name] = np.asarray(edited.images[0].convert("L"), float).mean()
    before = np.asarray(photograph.convert("L"), float).mean()
    assert light["unpleasant"] < before - 3 and light["pleasant"] > light["unpleasant"] + 10


def test_editing_is_reproducible_and_neutral_changes_nothing(
    pipe: EmotiveImagePipeline, photograph: Image.Image
):
    one, two = (
        pipe.edit(photograph, "angry", generator=torch.Generator().manual_seed(5)).images[0] for _ in range(2)
    )
    assert same(one, two)
    unmoved = pipe.edit(photograph, Affect.neutral(), generator=torch.Generator().manual_seed(5)).images[0]
    assert np.abs(np.asarray(unmoved, int) - np.asarray(photograph, int)).max() <= 1
    still = pipe.edit(photograph, "angry", affect_strength=0, generator=torch.Generator().manual_seed(5))
    assert np.abs(np.asarray(still.images[0], int) - np.asarray(photograph, int)).max() <= 1


def test_a_global_change_of_colour_is_carried_over_exactly():
    full = torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.2
    small = F.interpolate(full, (64, 64), mode="area")
    matrix = torch.tensor([[0.8, 0.1, 0.0], [0.0, 0.9, 0.1], [0.1, 0.0, 0.7]])
    target = torch.einsum("ij,bjhw->bihw", matrix, small) + 0.05
    wanted = torch.einsum("ij,bjhw->bihw", matrix, full) + 0.05
    assert (carry_over(full, small, target) - wanted).abs().max() < 0.06  # the ridge pulls a little
    assert torch.allclose(carry_over(full, small, small), full, atol=1e-4)


def test_preserved_is_one_for_the_same_and_falls_with_damage(photograph: Image.Image):
    assert preserved(photograph, photograph) == {"structure": 1.0, "detail": 1.0}
    mirrored = preserved(photograph, photograph.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    assert mirrored["structure"] < 0.8 and mirrored["detail"] < 0.3


@pytest.mark.parametrize(
    ("image", "options", "says"),
    [
        ("missing.png", {}, "does not exist"),
        (np.zeros((4, 4), np.uint8), {}, "uint8"),
        (7, {}, "int"),
        (np.zeros((8, 8, 3), np.uint8), {"strength": 0.0}, "strength"),
        (np.zeros((8, 8, 3), np.uint8), {"strength": float("nan")}, "strength"),
        (np.zeros((8, 8, 3), np.uint8), {"texture": 5.0}, "texture"),
        (np.zeros((8, 8, 3), np.uint8), {"affect_strength": -1.0}, "affect_strength"),
        (np.zeros((8, 8, 3), np.uint8), {"affect": "joyy"}, "joy"),
        (np.zeros((8, 8, 3), np.uint8), {"prompt": "xyzzy"}, "xyzzy"),
    ],
)
def test_what_cannot_be_edited_is_one_line(pipe: EmotiveImagePipeline, image, options, says: str):
    affect = options.pop("affect", "joy")
    with pytest.raises(InputError, match=says) as caught:
        pipe.edit(image, affect, **options)
    assert "\n" not in str(caught.value)
