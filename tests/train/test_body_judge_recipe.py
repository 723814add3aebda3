"""The recipe of the judge of bodies: who it learns from, what they show, and the whole of it in seconds."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emotive.perceive.body_judge import SEEN, BodyJudge
from emotive.perceive.motion_features import MotionFeatures
from emotive.signals import Phone, Syllable
from emotive.train import body_judge as recipe
from emotive.train import body_judge_card as card
from emotive.train import body_performances as performances
from emotive.train.clips import Clip
from emotive.voice.listening import FEATURES, FRAMES


def clip(seconds: float = 5.0, seed: int = 0) -> Clip:
    """Somebody says a stressed vowel every 0.6 s."""
    count = int(seconds / 0.3)
    spans = [(0.3 * i, 0.3 * (i + 1)) for i in range(count)]
    phones = tuple(Phone("AA1" if i % 2 == 0 else "T", a, b) for i, (a, b) in enumerate(spans))
    syllables = tuple(Syllable(1, a, b) for i, (a, b) in enumerate(spans) if i % 2 == 0)
    heard = np.random.default_rng(seed).normal(0, 0.1, (round(30 * seconds), FRAMES * FEATURES))
    affect = np.zeros((len(heard), 3), np.float32)
    return Clip("nobody", heard.astype(np.float16), affect, "arpabet", phones, syllables)


def test_a_performance_is_learned_from_in_windows():
    found = performances.learned(clip(), np.random.default_rng(0))
    assert found.features.shape == (performances.WINDOWS, len(SEEN)) and np.isfinite(found.features).all()
    seconds = np.exp(found.features[:, -1])
    assert (seconds >= performances.SHORTEST - 0.02).all() and (seconds <= 5.01).all()
    assert np.abs(found.affect).max() <= 1 and found.chunks.dtype == np.float16
    again = performances.learned(clip(), np.random.default_rng(0))
    np.testing.assert_array_equal(found.features, again.features)


def test_people_are_of_all_proportions():
    rng = np.random.default_rng(0)
    builds = [performances.random_build(rng) for _ in range(50)]
    heights = [b.height for b in builds]
    assert min(heights) >= 0.86 and max(heights) <= 1.16 and np.std(heights) > 0.03
    assert abs(np.corrcoef(heights, [b.arms for b in builds])[0, 1]) < 0.5


def test_arousal_shows_in_how_one_performs():
    habits = np.zeros(16, np.float32)
    speeds = []
    for arousal in (-0.9, 0.9):
        motion = performances.performed(
            clip(), np.array([0, arousal, np.nan]), habits, np.random.default_rng(1)
        )
        wrist = motion.positions()[:, 20:22]
        speeds.append(np.linalg.norm(np.diff(wrist, axis=0), axis=-1).mean())
    assert speeds[1] > 1.5 * speeds[0]


def made_up(count: int = 60, windows: int = 4) -> list[recipe.Learned]:
    """Two features tell the affect, the others tell nothing."""
    rng = np.random.default_rng(0)
    out = []
    for _ in range(count):
        affect = rng.uniform(-1, 1, (windows, 2))
        features = rng.standard_normal((windows, len(SEEN)))
        features[:, :2] = 3 + 2 * affect + 0.1 * rng.standard_normal((windows, 2))
        chunks = rng.standard_normal((4, 1, 6)) + 0.05 * rng.standard_normal((4, 32, 6))
        out.append(recipe.Learned(features, affect, chunks.astype(np.float16)))
    return out


def test_it_learns_what_can_be_learned():
    known = made_up()
    network = recipe.fit(known, 200, 0, lambda line: None)
    mean, _ = network(torch.from_numpy(np.concatenate([k.features for k in known]).astype(np.float32)))
    wanted = np.concatenate([k.affect for k in known])
    for k in range(2):
        assert np.corrcoef(mean[:, k].detach().numpy(), wanted[:, k])[0, 1] > 0.95


def test_features_are_fitted_to_what_comes_through(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recipe, "CHUNKS", 32)
    known = made_up()
    _, little = recipe.fit_features(known[:50], known[50:], 2, 0, lambda line: None)
    network, much = recipe.fit_features(known[:50], known[50:], 150, 0, lambda line: None)
    assert little < 0.1 < 0.3 < much <= 1 and network.config["channels"] == 6


def test_the_whole_recipe_leaves_two_models_with_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for room in (recipe, card):
        monkeypatch.setattr(room, "spoken_clips", lambda count, seed: [clip(4.0, k) for k in range(count)])
    monkeypatch.setattr(card, "PEOPLE", 1)
    monkeypatch.setattr(card, "grid_performances", _one_person)
    lines: list[str] = []
    folder, features = recipe.train_body_judge(tmp_path, 12, 3, 4, 0, lines.append)
    judge = BodyJudge.from_pretrained(folder)
    assert all(0 < k < 20 for k in judge.network.config["spread"])
    text = (folder / "README.md").read_text("utf-8")
    assert "published judge" in text and "--people 12 --clips 3 --steps 4 --seed 0" in text
    assert "come through" in (features / "README.md").read_text("utf-8")
    assert MotionFeatures.from_pretrained(features).network.config["channels"] == 63
    kept = list(tmp_path.glob("performances-*.npz"))
    recipe.train_body_judge(tmp_path, 12, 3, 4, 0, lines.append)  # nobody performs again
    assert len(kept) == 1 and sum("perform" in line for line in lines) == 1


def _one_person() -> list:
    rng = np.random.default_rng(0)
    neutral = np.array([0, 0, np.nan])
    motion = performances.performed(clip(4.0), neutral, np.zeros(16, np.float32), rng)
    return [[motion] * len(card.GRID)]
