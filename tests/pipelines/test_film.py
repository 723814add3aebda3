"""Films on a tiny random model: which pictures they are made of, and how one follows the other."""

import math
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d
from tiny import tiny_image_pipeline  # pyright: ignore[reportMissingImports]

from emotive.affect import AffectCurve
from emotive.errors import InputError
from emotive.pipelines.film import PASSAGE, Scene, film_frames, scene_weights, smoothed
from emotive.pipelines.image import EmotiveImagePipeline

BOAT, HOUSE = "a boat at sea", "a house in a meadow"
CURVE = AffectCurve([(0, "-0.8,-0.6"), (1, "0.8,0.7")])


@pytest.fixture(scope="module")
def pipe() -> EmotiveImagePipeline:
    return tiny_image_pipeline()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def filmed(pipe, scenes: Any = BOAT, affect: Any = CURVE, **how) -> np.ndarray:
    how = {"fps": 4, "softness": 0.0, "generator": seeded(), **how}
    return np.stack(list(film_frames(pipe, scenes, affect, **how)))


def painted(pipe, **how) -> np.ndarray:
    """What the pipeline paints along the curve: every frame on its own."""
    found = pipe(BOAT, CURVE, fps=4, generator=seeded(), output_type="np", **how).images
    return (255 * found).round().astype(np.uint8)


def apart(a: np.ndarray, b: np.ndarray) -> int:
    """The largest difference in levels of 0..255; by one, since networks round otherwise in batches."""
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def test_the_first_frame_is_the_pipelines_picture_and_the_others_go_on_from_it(pipe):
    film, alone = filmed(pipe, num_inference_steps=4), painted(pipe, num_inference_steps=4)
    assert film.shape == (4, 512, 512, 3) and film.dtype == np.uint8
    assert apart(film[0], alone[0]) <= 1
    assert apart(film[2], alone[2]) > 1


def test_at_one_step_every_frame_is_the_pipelines_picture(pipe):
    assert apart(filmed(pipe, num_inference_steps=1), painted(pipe, num_inference_steps=1)) <= 1


def test_the_last_picture_stands_in_for_the_first_step(pipe):
    calls = []
    handle = pipe.denoiser.register_forward_hook(lambda *_: calls.append(1))
    try:
        assert len(filmed(pipe, num_inference_steps=4)) == 4
    finally:
        handle.remove()
    assert len(calls) == 4 + 3 * 3


def test_same_seed_same_film_and_another_seed_another(pipe):
    first = filmed(pipe)
    assert np.array_equal(first, filmed(pipe)) and apart(first, filmed(pipe, generator=seeded(1))) > 1


def test_frames_come_as_they_are_made(pipe):
    calls = []
    handle = pipe.denoiser.register_forward_hook(lambda *_: calls.append(1))
    try:
        frames = film_frames(
            pipe, BOAT, "joy", fps=10, seconds=3600, num_inference_steps=1, softness=0.1, size=64
        )
        assert len(list(islice(frames, 2))) == 2
    finally:
        handle.remove()
    assert len(calls) == 2 + 3  # 0.1 s at 10 frames/s: three deviations are three frames ahead


def test_a_passage_leaves_both_scenes_alone(pipe):
    how = {"affect": "joy", "seconds": 4, "fps": 3, "size": 64, "num_inference_steps": 2}
    both = filmed(pipe, [(0, BOAT), Scene(2.0, HOUSE)], **how)
    boat, house = filmed(pipe, BOAT, **how), filmed(pipe, HOUSE, **how)
    before, after = math.ceil((2 - PASSAGE / 2) * 3), math.ceil((2 + PASSAGE / 2) * 3)
    assert np.array_equal(both[:before], boat[:before])
    assert apart(both[after], boat[after]) > 1
    # The new scene started later from the same noise; with one affect it was there when it was shown first.
    one = filmed(pipe, [(0, BOAT), (2, HOUSE)], **{**how, "num_inference_steps": 1})
    assert np.array_equal(one[after:], filmed(pipe, HOUSE, **{**how, "num_inference_steps": 1})[after:])
    assert apart(house[after], boat[after]) > 1


def test_weights_of_scenes():
    starts = [0.0, 4.0, 8.0]
    for time in np.linspace(0, 12, 97):
        weights = scene_weights(starts, float(time))
        assert sum(weights) == pytest.approx(1) and min(weights) >= 0
        assert sum(w > 0 for w in weights) <= 2
    assert scene_weights(starts, 4.0) == pytest.approx([0.5, 0.5, 0])
    assert scene_weights(starts, 12.0) == [0, 0, 1]


def test_drift_turns_the_noise(pipe):
    still, moving = (
        filmed(pipe, affect="joy", seconds=1, drift=d, num_inference_steps=1, size=64) for d in (0, 10)
    )
    assert np.array_equal(still[0], still[3]) and np.array_equal(still[0], moving[0])
    assert apart(moving[0], moving[3]) > 1


def test_no_strength_is_neutral_throughout(pipe):
    film = filmed(pipe, affect_strength=0, num_inference_steps=1, size=64)
    assert np.array_equal(film[0], film[-1])
    assert np.array_equal(film[0], filmed(pipe, affect="0,0,0", seconds=1, num_inference_steps=1, size=64)[0])


@pytest.mark.parametrize("count", [1, 5, 6, 7, 40])
def test_smoothing_is_scipys_gaussian(count):
    values = torch.randn(count, 2, generator=seeded(), dtype=torch.float64)
    found = list(smoothed(((x, float(x[1])) for x in values), 2.0))
    expected = gaussian_filter1d(values.numpy(), 2.0, axis=0, mode="nearest", truncate=3.0)
    assert len(found) == count
    assert np.allclose(np.stack([x.numpy() for x, _ in found]), expected, atol=1e-12)
    assert np.allclose([a for _, a in found], expected[:, 1], atol=1e-12)


def test_smoothing_keeps_what_changes_evenly_and_spreads_a_jump():
    ramp = torch.arange(40, dtype=torch.float64)[:, None]
    even = torch.stack([x for x, _ in smoothed(((x, 0.0) for x in ramp), 3.0)])
    assert torch.allclose(even[9:-9], ramp[9:-9], atol=1e-9)
    jump = (ramp >= 20).double()
    spread = torch.stack([x for x, _ in smoothed(((x, 0.0) for x in jump), 3.0)])
    assert 0.1 < float(spread.diff(dim=0).max()) < 1 / 7 and bool((spread.diff(dim=0) >= 0).all())


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"fps": 0}, "1 to 240"),
        ({"fps": float("nan")}, "1 to 240"),
        ({"seconds": 4000}, "in parts"),
        ({"seconds": 0.01}, "one frame"),
        ({"affect": "joy"}, "one frame"),
        ({"size": 511}, "even"),
        ({"size": 4096}, "even"),
        ({"num_inference_steps": 3}, "1, 2, 4 steps"),
        ({"drift": -1}, "drift"),
        ({"softness": 2}, "softness"),
        ({"affect_strength": float("nan")}, "affect_strength"),
        ({"texture": 9}, "texture"),
        ({"guidance_scale": 50}, "guidance_scale"),
        ({"scenes": []}, "begins at 0"),
        ({"scenes": [(1, BOAT)]}, "begins at 0"),
        ({"scenes": [(0, BOAT), (1, HOUSE)]}, "must follow"),
    ],
)
def test_what_cannot_be_filmed_is_said_before_the_first_frame(pipe, how, says):
    how = {"scenes": BOAT, "affect": CURVE, **how}
    with pytest.raises(InputError, match=says) as raised:
        film_frames(pipe, how.pop("scenes"), how.pop("affect"), **how)
    assert "\n" not in str(raised.value)
