"""The numbers of benchmarks/few_steps.py on pictures whose answer is known."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from emotive.evaluate import metrics
from emotive.models.picture_judge import PictureJudgeNetwork
from emotive.perceive.picture import PictureJudge

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def few_steps() -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import few_steps  # pyright: ignore[reportMissingImports]
    finally:
        sys.path.remove(str(BENCHMARKS))
    return few_steps


def picture(seed: int, side: int = 512) -> np.ndarray:
    """Squares of 16 pixels in random colours."""
    cells = np.random.default_rng(seed).integers(0, 256, (side // 16, side // 16, 3), np.uint8)
    return cells.repeat(16, 0).repeat(16, 1)


def blurred(of: np.ndarray, by: int) -> np.ndarray:
    x = torch.from_numpy(of).permute(2, 0, 1)[None].float()
    x = F.avg_pool2d(F.pad(x, [by // 2] * 4, mode="replicate"), by, 1)
    return x[0].round().byte().permute(1, 2, 0).numpy()


def test_likeness_to_the_teacher_falls_with_every_blur(few_steps):
    whole = picture(0)
    assert few_steps.structural_similarity(whole, whole) == pytest.approx(1, abs=1e-5)
    assert few_steps.peak_signal_to_noise(whole, whole) == 99
    off = np.clip(whole.astype(int) // 2 + 64, 0, 255).astype(np.uint8)
    assert few_steps.peak_signal_to_noise(off, off + 16) == pytest.approx(20 * np.log10(255 / 16), abs=1e-4)
    for of in (few_steps.structural_similarity, few_steps.peak_signal_to_noise):
        values = [of(blurred(whole, by), whole) for by in (1, 9, 17, 33)]
        assert values == sorted(values, reverse=True) and len(set(values)) == 4
    assert few_steps.structural_similarity(whole, picture(1)) < 0.2


def test_sharpness_and_drawn_detail_fall_with_blur(few_steps):
    for of in (few_steps.sharpness, few_steps.drawn_detail):
        values = [of(blurred(picture(2), by)) for by in (1, 17, 33)]
        assert values[0] > 1.2 * values[1] > 1.2 * values[2]
        assert of(np.full((512, 512, 3), 90, np.uint8)) == pytest.approx(0, abs=1e-6)
    # A pattern of 24 cycles is in the band, one of 48 is not.
    wave = np.sin(np.arange(512) * 2 * np.pi / 512 * np.array([[24], [48]])) * 100 + 128
    inside, outside = (np.broadcast_to(w[:, None], (512, 512, 3)).astype(np.uint8) for w in wave)
    assert few_steps.drawn_detail(inside) > 0.9 > 0.1 > few_steps.drawn_detail(outside)


def test_distances_are_those_of_metrics_inside_their_interval(few_steps):
    rng = np.random.default_rng(3)
    captions = np.repeat(np.arange(12), 5)
    x, y = rng.normal(size=(2, 60, 8))
    near = few_steps.distance_and_interval(x, y, captions, 400)
    far = few_steps.distance_and_interval(x, y + 1.0, captions, 400)
    assert near["mean"] == metrics.kernel_distance(x, y, captions)
    assert (
        near["interval"][0] < 0 < near["interval"][1] < far["interval"][0] < far["mean"] < far["interval"][1]
    )


def test_means_come_with_intervals_by_caption(few_steps):
    captions = np.repeat(np.arange(6), 10)
    values = captions + np.tile(np.linspace(-0.1, 0.1, 10), 6)
    found = few_steps.mean_and_interval(values, captions, 500)
    assert found["mean"] == pytest.approx(2.5)
    # Captions differ, pictures of one hardly do: sixty numbers are worth six.
    assert found["interval"][0] < 1.6 and found["interval"][1] > 3.4


def test_the_judges_features_are_those_before_its_answer(few_steps):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        judge = PictureJudge(PictureJudgeNetwork(size=32, widths=(8, 16), hidden=8))
    items = [picture(seed, 64) for seed in range(70)]  # more than are read at once
    features = few_steps.judge_features(judge)(items)
    assert features.shape == (70, 48)
    mirrored = few_steps.judge_features(judge)([item[:, ::-1].copy() for item in items])
    np.testing.assert_allclose(features, mirrored, atol=1e-5)
    alone = few_steps.judge_features(judge)(items[66:67])
    np.testing.assert_allclose(features[66:67], alone, atol=1e-5)
    assert len(np.unique(features.round(4), axis=0)) == 70
