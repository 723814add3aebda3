"""Metrics agree with torchmetrics and scipy where they overlap, and keep what must not change them."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emotive.errors import InputError
from emotive.evaluate import metrics

numbers = st.floats(-10, 10, width=32).map(lambda x: round(x, 3))
pairs = st.integers(3, 40).flatmap(lambda n: st.tuples(*[arrays(np.float64, n, elements=numbers)] * 2))


def sample(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Requests on a grid, and a noisy measurement of them."""
    rng = np.random.default_rng(seed)
    x = rng.choice([-0.9, -0.45, 0.0, 0.45, 0.9], n)
    return x, 0.7 * x + 0.1 + 0.3 * rng.standard_normal(n)


def design(captions: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """A 5x5 grid of valence and arousal for each caption: requests (N, 2), caption (N,)."""
    levels = np.linspace(-0.9, 0.9, 5)
    grid = np.array([[v, a] for a in levels for v in levels])
    return np.tile(grid, (captions, 1)), np.repeat(np.arange(captions), 25)


# -- against the libraries -------------------------------------------------------------------------------


def test_correlations_agree_with_torchmetrics_and_scipy():
    import scipy.stats
    from torchmetrics import functional

    stats: Any = scipy.stats

    for seed in range(5):
        x, y = sample(seed=seed)
        a, b = torch.from_numpy(x), torch.from_numpy(y)
        # torchmetrics divides its variances by n - 1 but not the gap of the means: the same for a gap that is
        # smaller by sqrt((n - 1) / n), and for none.
        gap = y.mean() - x.mean()
        nearer = y - gap * (1 - np.sqrt(1 - 1 / len(x)))
        theirs = float(functional.concordance_corrcoef(b, a))
        assert metrics.concordance(x, nearer) == pytest.approx(theirs, abs=1e-6)
        theirs = float(functional.concordance_corrcoef(b - gap, a))
        assert metrics.concordance(x, y - gap) == pytest.approx(theirs, abs=1e-6)
        assert metrics.pearson(x, y) == pytest.approx(float(functional.pearson_corrcoef(b, a)), abs=1e-6)
        assert metrics.pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
        assert metrics.spearman(x, y) == pytest.approx(float(functional.spearman_corrcoef(b, a)), abs=1e-6)
        assert metrics.spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
        line = stats.linregress(x, y)
        assert metrics.regression(x, y) == pytest.approx((line.slope, line.intercept), abs=1e-12)
        np.testing.assert_allclose(metrics.ranks(x), stats.rankdata(x))


def test_kernel_distance_agrees_with_torchmetrics():
    kid = pytest.importorskip("torchmetrics.image.kid")
    rng = np.random.default_rng(0)
    for n, m in ((20, 20), (2, 5), (64, 64)):
        x, y = rng.standard_normal((n, 16)), rng.standard_normal((m, 16)) + 0.3
        if n == m:
            theirs = float(kid.poly_mmd(torch.from_numpy(x), torch.from_numpy(y)))
            assert metrics.kernel_distance(x, y) == pytest.approx(theirs, abs=1e-9)
        assert metrics.kernel_distance(x, y) == pytest.approx(metrics.kernel_distance(y, x), abs=1e-12)


def test_the_bootstrap_agrees_with_scipy():
    import scipy.stats

    stats: Any = scipy.stats
    x, y = sample(120)
    clusters = np.repeat(np.arange(12), 10)
    y = y + np.repeat(np.random.default_rng(5).standard_normal(12), 10) * 0.2  # captions differ

    def ccc(rows: np.ndarray) -> np.ndarray:
        return metrics.concordance(x[rows], y[rows])

    def of_clusters(chosen: np.ndarray, axis: int = -1) -> np.ndarray:
        rows = chosen[..., None] * 10 + np.arange(10)
        return ccc(rows.reshape(*chosen.shape[:-1], -1))

    theirs = stats.bootstrap(
        (np.arange(12),), of_clusters, n_resamples=4000, vectorized=True, method="BCa",
        random_state=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    ours = metrics.cluster_bootstrap(clusters, ccc, 4000, seed=3)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-6)


# -- correlations ----------------------------------------------------------------------------------------


@given(pairs)
@settings(deadline=None)
def test_concordance_is_symmetric_and_below_pearson(pair):
    x, y = pair
    c, r = metrics.concordance(x, y), metrics.pearson(x, y)
    assert c == pytest.approx(metrics.concordance(y, x), abs=1e-12)
    assert abs(c) <= abs(r) + 1e-9 and abs(r) <= 1 + 1e-12
    assert c == pytest.approx(metrics.concordance(x[::-1], y[::-1]), abs=1e-12)


@given(arrays(np.float64, 20, elements=numbers, unique=True), st.floats(0.1, 3), st.floats(-3, 3))
def test_concordance_is_one_only_for_equality(x, gain, bias):
    assert metrics.concordance(x, x) == pytest.approx(1)
    assert metrics.concordance(x, -x + 2 * x.mean()) == pytest.approx(-1)
    if abs(gain - 1) > 0.05 or abs(bias) > 0.05 * np.std(x) + 0.05:
        assert metrics.concordance(x, gain * (x - x.mean()) + x.mean() + bias) < 1 - 1e-9


@given(numbers, numbers)
def test_a_constant_shows_no_control(a, b):
    x, varied = np.full(9, a / 3), np.arange(9.0)
    assert metrics.concordance(x, x) == 0 and metrics.concordance(x, np.full(9, b)) == 0
    for metric in (metrics.concordance, metrics.pearson, metrics.spearman):
        assert metric(varied, x) == 0 and metric(x, varied) == 0
    assert metrics.regression(x, varied) == (0, 4)


def test_leading_axes_are_kept():
    x, y = (np.random.default_rng(i).standard_normal((3, 2, 50)) for i in (0, 1))
    for metric in (metrics.concordance, metrics.pearson, metrics.spearman):
        found = metric(x, y)
        assert found.shape == (3, 2)
        assert found[1, 1] == pytest.approx(metric(x[1, 1], y[1, 1]))
        assert isinstance(metric(x[0, 0], y[0, 0]), float)


@given(pairs)
@settings(deadline=None)
def test_spearman_does_not_change_under_monotone_maps(pair):
    x, y = pair
    found = metrics.spearman(x, y)
    assert metrics.spearman(x, y**3 + 5 * y) == pytest.approx(found, abs=1e-9)
    assert metrics.spearman(x, -y) == pytest.approx(-found, abs=1e-9)


def test_rank_correlation_looks_inside_captions_and_has_a_ceiling():
    requested, caption = design()
    jitter = np.random.default_rng(0).uniform(-1e-3, 1e-3, len(caption))
    measured = 0.1 * requested[:, 0] + 5 * caption + jitter  # captions differ far more than requests do
    assert abs(metrics.spearman(requested[:, 0], measured)) < 0.1
    ceiling = metrics.spearman_ceiling(requested[:25, 0])
    assert metrics.within_group_spearman(requested[:, 0], measured, caption) == pytest.approx(ceiling)
    assert ceiling == pytest.approx(math.sqrt(600 / 624))  # (n^2 - k^2) / (n^2 - 1) with ties of k = 5
    assert metrics.spearman_ceiling(np.arange(7)) == pytest.approx(1)


# -- more than colour, and the other axis ----------------------------------------------------------------


def test_leakage_is_zero_where_axes_are_independent_and_one_where_they_are_swapped():
    requested, _ = design()
    scaled = requested * [0.4, 1.3] + 0.2
    assert metrics.leakage(requested, scaled) == pytest.approx(
        {"valence_to_arousal": 0, "arousal_to_valence": 0}, abs=1e-9
    )
    assert metrics.leakage(requested, requested[:, ::-1]) == pytest.approx(
        {"valence_to_arousal": 1, "arousal_to_valence": 1}
    )
    leaky = np.stack([requested[:, 0] - 0.5 * requested[:, 1], requested[:, 1]], 1)
    found = metrics.leakage(requested, leaky)
    assert found["arousal_to_valence"] == pytest.approx(-1) and abs(found["valence_to_arousal"]) < 1e-9


def test_partial_correlation_is_the_textbook_formula():
    rng = np.random.default_rng(0)
    z = rng.standard_normal(300)
    x, y = z + rng.standard_normal(300), 2 * z + rng.standard_normal(300)
    xy, xz, yz = metrics.pearson(x, y), metrics.pearson(x, z), metrics.pearson(y, z)
    expected = (xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2))
    assert metrics.partial_correlation(x, y, z) == pytest.approx(expected)


@given(st.integers(0, 1000), arrays(np.float64, 3, elements=st.floats(-2, 2)))
@settings(max_examples=40, deadline=None)
def test_concordance_after_colour_tells_colour_from_the_request(seed, weights):
    rng = np.random.default_rng(seed)
    requested = design()[0][:, 0]
    # Colour follows the request, and the scene.
    colour = requested[:, None] * [0.6, 0.2, 0.0] + 0.3 * rng.standard_normal((len(requested), 3))
    only_colour = colour @ weights + 0.4
    assert metrics.concordance_after(requested, only_colour, colour) == 0
    assert metrics.concordance_after(requested, requested, colour) == pytest.approx(1)
    blended = 0.5 * requested + only_colour
    assert metrics.concordance_after(requested, blended, colour) == pytest.approx(0.8)  # 2 g / (1 + g^2)
    # Units of the nuisances do not matter.
    assert metrics.concordance_after(requested, blended, colour * [1e3, 1, 1e-3] + 7) == pytest.approx(0.8)


def test_nuisances_that_explain_the_request_leave_nothing():
    requested = design()[0][:, 0]
    assert metrics.concordance_after(requested, requested + 0.1, requested[:, None]) == 0


# -- intervals and chance --------------------------------------------------------------------------------


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for i in range(200):
        effects = rng.standard_normal(40)
        values = np.repeat(effects, 5) + 0.2 * rng.standard_normal(200)
        low, high = metrics.cluster_bootstrap(
            np.repeat(np.arange(40), 5), lambda rows, v=values: v[rows].mean(-1), 600, seed=i
        )
        inside += low <= 0 <= high
    assert 0.89 <= inside / 200 <= 0.99  # whole clusters; single samples would give about 0.6


def test_the_interval_is_reproducible_and_degenerate_where_there_is_nothing_to_resample():
    x, y = sample(60)
    clusters = np.repeat(np.arange(6), 10)

    def ccc(rows: np.ndarray) -> np.ndarray:
        return metrics.concordance(x[rows], y[rows])

    first = metrics.cluster_bootstrap(clusters, ccc, 500, seed=1)
    assert first == metrics.cluster_bootstrap(clusters, ccc, 500, seed=1)
    assert first[0] < ccc(np.arange(60)) < first[1]
    whole = ccc(np.arange(60))
    assert metrics.cluster_bootstrap(np.zeros(60), ccc, 500) == (whole, whole)
    assert metrics.cluster_bootstrap(clusters, lambda rows: np.zeros(len(rows)), 100) == (0, 0)
    with pytest.raises(InputError, match="clusters of one size"):
        metrics.cluster_bootstrap(np.array([0, 0, 1]), ccc, 10)


def test_chance_is_zero_for_requests_in_random_order():
    requested, _ = design()
    ccc = metrics.shuffled(requested, requested, lambda r, m: metrics.concordance(r.T, m.T), 200)
    assert np.abs(ccc).max() < 0.01 and metrics.concordance(
        requested[:, 0], requested[:, 0]
    ) == pytest.approx(1)


# -- pictures as signals ---------------------------------------------------------------------------------


def wave(cycles: float, side: int = 128, amplitude: float = 60, slope: int = 0) -> np.ndarray:
    x = np.arange(side) / side
    light = 128 + amplitude * np.sin(2 * np.pi * (cycles * x[None] + slope * x[:, None]))
    return np.repeat(light.round().astype(np.uint8)[..., None], 3, 2)


def test_high_frequency_energy_finds_the_frequency():
    assert metrics.high_frequency_energy(wave(40), cycles=30) > 0.99
    assert metrics.high_frequency_energy(wave(20), cycles=30) < 0.01
    assert metrics.high_frequency_energy(wave(0, slope=40), cycles=30) > 0.99
    assert metrics.high_frequency_energy(wave(63), cycles=30) > 0.99
    assert metrics.high_frequency_energy(np.full((64, 64, 3), 90, np.uint8)) == 0
    ramp = np.repeat(np.linspace(0, 255, 128).astype(np.uint8)[None, :, None], 128, 0).repeat(3, 2)
    assert metrics.high_frequency_energy(ramp, 30) < 1e-3  # edges of the picture are no detail
    both = (wave(10).astype(int) + wave(40).astype(int)) // 2
    assert metrics.high_frequency_energy(both.astype(np.uint8), 30) == pytest.approx(0.5, abs=0.01)


@given(st.integers(1, 60))
def test_high_frequency_energy_does_not_depend_on_contrast(cycles):
    found = [metrics.high_frequency_energy(wave(cycles, amplitude=k), 30) for k in (20, 100)]
    assert found[0] == pytest.approx(found[1], abs=0.02)


def test_kernel_distance_grows_with_the_difference_and_is_about_zero_without():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 8))
    same = [metrics.kernel_distance(*rng.standard_normal((2, 300, 8))) for _ in range(20)]
    moved = [metrics.kernel_distance(x, rng.standard_normal((300, 8)) + d) for d in (0.3, 0.6, 1.2)]
    assert np.abs(same).max() < moved[0] < moved[1] < moved[2]
    assert min(same) < 0 and abs(np.mean(same)) < 0.003  # unbiased: as often below as above
    with pytest.raises(InputError, match="features"):
        metrics.kernel_distance(x, x[:, :3])


def test_kernel_distance_of_matched_sets_leaves_out_pairs_of_one_caption():
    rng = np.random.default_rng(1)
    captions = np.repeat(np.arange(20), 5)
    plain, matched, moved = [], [], []
    for _ in range(30):
        centre = 2 * rng.standard_normal((20, 6))[captions]  # what a caption shows, in both sets
        x, y = centre + 0.5 * rng.standard_normal((2, 100, 6))
        plain.append(metrics.kernel_distance(x, y))
        matched.append(metrics.kernel_distance(x, y, captions))
        moved.append(metrics.kernel_distance(x, y + 1, captions))
    assert abs(np.mean(matched)) < 3 * np.std(matched) / np.sqrt(30)
    assert np.mean(plain) < -3 * np.std(plain) / np.sqrt(30)  # the usual estimate is too low there
    assert np.mean(moved) > 5 * np.std(matched)
    alone = np.arange(100)  # every sample a caption of its own: all pairs but the matched ones
    x, y = rng.standard_normal((2, 100, 6))
    k = (np.concatenate([x, y]) @ np.concatenate([x, y]).T / 6 + 1) ** 3
    off = ~np.eye(100, dtype=bool)
    expected = (k[:100, :100] + k[100:, 100:] - 2 * k[:100, 100:])[off].mean()
    assert metrics.kernel_distance(x, y, alone) == pytest.approx(expected)
    with pytest.raises(InputError, match="groups"):
        metrics.kernel_distance(x, y, np.zeros(100))


def test_the_nearest_of_oneself_is_oneself():
    rng = np.random.default_rng(0)
    x, among = rng.random((5, 12)), rng.random((40, 12))
    assert metrics.nearest_distance(x, np.concatenate([among, x])) == pytest.approx(0, abs=1e-7)
    expected = np.sqrt(((x[:, None] - among[None]) ** 2).mean(2)).min(1)
    np.testing.assert_allclose(metrics.nearest_distance(x, among), expected)


@pytest.mark.parametrize("x, y", [([1.0], [1.0, 2.0]), ([], []), (1.0, 1.0)])
def test_samples_must_match(x, y):
    with pytest.raises(InputError, match="samples"):
        metrics.concordance(x, y)
