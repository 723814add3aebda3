"""The recipe of the picture judge: what it draws is blind to affect, and the whole of it runs, in seconds."""

import random
from itertools import combinations

import numpy as np
import pytest
import torch

from emotive.affect import Affect
from emotive.data.motifs import HELD_OUT_MOTIFS, JUDGE_MOTIFS, LARGE, paint_abstract
from emotive.perceive.judge import Estimates
from emotive.perceive.picture import PictureJudge
from emotive.train import picture_judge as recipe
from emotive.train import picture_judge_card as card
from emotive.weights import verify

CORNERS = [Affect(v, a) for v in (-1.0, 1.0) for a in (-1.0, 1.0)]


def test_what_it_learns_from_is_apart_from_what_scores_it():
    assert not set(recipe.TRAINING_MOTIFS) & set(recipe.CALIBRATION_MOTIFS)
    assert not set(HELD_OUT_MOTIFS) & {*recipe.TRAINING_MOTIFS, *recipe.CALIBRATION_MOTIFS}
    assert {*recipe.TRAINING_MOTIFS, *recipe.CALIBRATION_MOTIFS} == set(JUDGE_MOTIFS)
    assert set(LARGE) <= set(JUDGE_MOTIFS)


def test_the_stage_is_the_same_in_every_mood():
    """With the style held still, the affect changes not one pixel: nuisance comes from the seed alone."""
    import emotive.data.painter as painter

    style = painter.style
    try:
        painter.style = lambda v, a, d=None: style(0.0, 0.0, 0.0)
        for seed in range(6):
            first, *others = (paint_abstract(affect, seed, 48) for affect in CORNERS)
            assert all(np.array_equal(first, other) for other in others)
    finally:
        painter.style = style
    assert all(
        np.abs(paint_abstract(a, 1, 48).astype(int) - paint_abstract(b, 1, 48)).mean() > 3
        for a, b in combinations(CORNERS, 2)
    )


def test_stages_are_various():
    """Means and deviations of neutral pictures cover a wide range: dark and light, plain and full."""
    pictures = np.stack([paint_abstract(Affect.neutral(), seed, 48) for seed in range(60)]).mean(3)
    means, deviations = pictures.mean((1, 2)), pictures.std((1, 2))
    assert np.percentile(means, 5) < 80 and np.percentile(means, 95) > 155
    assert np.percentile(deviations, 5) < 25 and np.percentile(deviations, 95) > 40


def test_the_same_seed_paints_the_same_examples():
    one, two = (recipe.Gallery(6, 32, seed=4) for _ in range(2))
    assert np.array_equal(one.pixels, two.pixels) and np.array_equal(one.affect, two.affect)
    assert not np.array_equal(one.pixels, recipe.Gallery(6, 32, seed=5).pixels)
    kept = one.pixels[2:].copy()
    one.paint(1)  # over the oldest pair
    assert np.array_equal(one.pixels[2:], kept) and not np.array_equal(one.pixels[:2], two.pixels[:2])


def test_augmentation_keeps_range_shape_and_hardly_moves_the_mean():
    pictures = torch.rand(64, 3, 16, 16) * 2 - 1
    before = pictures.clone()
    found = recipe.augment(pictures, torch.Generator().manual_seed(0))
    assert found.shape == pictures.shape and found.min() >= -1 and found.max() <= 1
    assert torch.equal(pictures, before)
    assert (found - pictures).mean((1, 2, 3)).abs().max() < 0.15
    again = recipe.augment(pictures, torch.Generator().manual_seed(0))
    assert torch.equal(found, again)


def test_augmentation_of_nothing_but_mirrors():
    picture = torch.linspace(-0.5, 0.5, 16).expand(40, 3, 16, 16)
    found = recipe.augment(picture, torch.Generator().manual_seed(0))
    rising = (found[:, 0, 0, -1] > found[:, 0, 0, 0]).float().mean()
    assert 0.25 < rising < 0.75


def test_beta_nll_is_the_likelihood_and_finds_the_spread():
    mean, target = (
        torch.zeros(4000, 2),
        0.3 * torch.randn(4000, 2, generator=torch.Generator().manual_seed(0)),
    )
    log_sd = torch.full((4000, 2), -0.7)
    plain = -torch.distributions.Normal(mean, log_sd.exp()).log_prob(target).mean() - 0.5 * np.log(2 * np.pi)
    assert recipe.beta_nll(mean, log_sd, target, beta=0.0).item() == pytest.approx(plain.item(), abs=1e-5)
    free = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([free], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        recipe.beta_nll(mean, free.expand(4000, 2), target).backward()
        optimizer.step()
    assert free.exp().tolist() == pytest.approx([0.3, 0.3], abs=0.02)


def test_control_is_computed_as_it_says():
    wanted = np.array([[a.valence, a.arousal] for a in card.GRID] * 3)
    sd = np.full(len(wanted), 0.1)
    valence, arousal = card.control(
        Estimates(0.5 * wanted[:, 0] + 0.1, wanted[:, 1] + 0.5 * wanted[:, 0], sd, sd)
    )
    assert valence.slope == pytest.approx(0.5) and valence.within == pytest.approx(1)
    assert valence.leakage == pytest.approx(0, abs=1e-6) and arousal.leakage == pytest.approx(1)
    assert arousal.slope == pytest.approx(1) and arousal.ccc < 1
    found = card.baselines(Estimates(wanted[:, 0], wanted[:, 1], sd, sd))
    assert found["always neutral"][0].ccc == 0 and abs(found["answers shuffled"][0].ccc) < 0.3


def test_the_whole_recipe_runs_and_learns_something(tmp_path, monkeypatch):
    monkeypatch.setattr(card, "held_out_pictures", lambda: list(np.zeros((25, 32, 32, 3), np.uint8)))
    monkeypatch.setattr(card, "scene_pictures", lambda: list(np.zeros((25, 32, 32, 3), np.uint8)))
    monkeypatch.setattr(recipe.calibrated_spread, "__defaults__", (40,))
    lines: list[str] = []
    tiny = {"size": 32, "widths": (8, 16), "hidden": 8}
    state = torch.random.get_rng_state()
    folder = recipe.train_picture_judge(
        tmp_path, 0.08, 3, "cpu", paintings=200, batch_size=16, report=lines.append, **tiny
    )
    assert torch.equal(torch.random.get_rng_state(), state)  # nothing reseeds the process
    assert folder == tmp_path / "emotive-picture-judge-1"
    verify(folder)
    judge = PictureJudge.from_pretrained(folder)
    assert all(0.1 < k < 10 for k in judge.network.config["spread"])
    text = (folder / "README.md").read_text("utf-8")
    assert "emotive train judge -o DIR --minutes 0.08 --seed 3" in text and "{" not in text
    assert any("painting 200 motifs" in line for line in lines)
    rng = random.Random(9)
    dark, light = (
        [paint_abstract(Affect(v, 0.0), rng.getrandbits(20), 64) for _ in range(40)] for v in (-1, 1)
    )
    assert judge.estimate(light).valence.mean() > judge.estimate(dark).valence.mean()


def test_pair_loss_forgives_what_both_of_a_pair_share():
    target = torch.rand(8, 2, generator=torch.Generator().manual_seed(0))
    shared = torch.randn(4, 2, generator=torch.Generator().manual_seed(1)).repeat_interleave(2, 0)
    assert recipe.pair_loss(target + shared, target).item() == pytest.approx(0, abs=1e-12)
    assert recipe.pair_loss(0.5 * target, target).item() == pytest.approx(
        0.25 * (target[::2] - target[1::2]).square().mean().item()
    )
