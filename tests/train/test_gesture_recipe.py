"""The recipe of gestures, small: scenes pair what is heard and what is shown, and a tiny model learns."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_up_voice import made_up_speaker

from emotive.body.accents import EVENTS
from emotive.body.channels import CHANNEL, CHANNELS, TOKENS
from emotive.data.talk import TEMPLATES, talk
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.gesture_denoiser import GestureDenoiser
from emotive.pipelines.gesture import EmotiveGesturePipeline
from emotive.train.clips import Clip, record_clip
from emotive.train.gesture import save, train_denoiser
from emotive.train.gesture_data import CROP, HISTORY, batches, example, filmed_scene, performances, scene
from emotive.train.gesture_footage import MotionClip
from emotive.train.gesture_losses import channel_weights, gesture_loss, scales
from emotive.voice.listening import paired
from emotive.weights import resolve, verify


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    rng = np.random.default_rng(0)
    return [record_clip(made_up_speaker(), rng, sentences=2) for _ in range(4)]


@pytest.fixture(scope="module")
def affect() -> AffectEmbedding:
    found = AffectEmbedding.from_pretrained(resolve("emotive-affect-1"), low_cpu_mem_usage=False)
    return found.eval().requires_grad_(False)


def test_what_is_said_with_the_hands_comes_up():
    rng = np.random.default_rng(0)
    said = [talk(rng) for _ in range(300)]
    assert len(TEMPLATES) > 40 and len(set(said)) > 250 and not any("{" in text for text in said)
    assert sum(" you " in f" {text.lower()} " for text in said) > 20


def test_pairs_of_tokens_keep_every_feature():
    heard = np.random.default_rng(0).normal(size=(7, 172))
    both = paired(heard)
    assert both.shape == (4, 344)
    np.testing.assert_array_equal(both[:3].reshape(6, 172), heard[:6])
    np.testing.assert_array_equal(both[3, :172], both[3, 172:])


def test_scenes_pair_what_is_heard_with_what_is_shown(clips: list[Clip]):
    rng = np.random.default_rng(1)
    shown = [scene(clip, rng) for clip in clips for _ in range(3)]
    for one, clip in zip(shown[::3], clips, strict=True):
        tokens = -(-len(clip.heard) // 2)
        assert len(one.knots) == len(one.heard) == len(one.affect) == len(one.events) == tokens
        assert np.isfinite(one.knots).all() and one.knots.shape[1] == len(CHANNELS)
        stresses = sum(s.stress == 1 for s in clip.syllables)
        assert one.events[:, EVENTS.index("stress")].sum() == pytest.approx(stresses, abs=0.5)
    # The same clip is felt and acted differently every time.
    assert np.abs(shown[0].knots - shown[1].knots).max() > 0.1
    assert not np.array_equal(shown[0].habits, shown[1].habits)


def test_batches_hold_what_the_denoiser_reads(clips: list[Clip]):
    batch = next(batches(clips, 12, 0))
    assert batch.heard.shape == (12, CROP, 344) and batch.knots.shape == (12, CROP, 50)
    assert batch.events.shape == (12, CROP, len(EVENTS)) and batch.habits.shape == (12, 16)
    assert set(batch.history.sum(1).tolist()) <= {0, HISTORY}
    assert not (batch.knows & ~(batch.hears & batch.present)).any()
    for part in batch:
        assert part.isfinite().all() or part is batch.affect
    again = next(batches(clips, 12, 0))
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True) if a is not batch.affect)


def test_motion_capture_teaches_without_habits_or_an_affect_that_nobody_knows(clips: list[Clip]):
    clip = clips[0]
    tracks = np.zeros((len(clip.heard), 50), np.float32)
    tracks[:, CHANNEL["head.yaw"]] = np.linspace(-20, 20, len(tracks))
    unknown = np.full((len(clip.heard), 3), np.nan, np.float32)
    take = MotionClip(
        name="take", speaker="wayne", heard=clip.heard, affect=unknown, alphabet=clip.alphabet,
        phones=clip.phones, syllables=clip.syllables, words=clip.words, tracks=tracks,
    )  # fmt: skip
    row = example(filmed_scene(take), np.random.default_rng(0))
    assert not row["felt"] and not row["typical"]
    assert np.isfinite(row["habits"]).all() and np.isfinite(row["affect"]).all()
    yaw = row["knots"][:, CHANNEL["head.yaw"]]
    assert np.diff(yaw[: row["present"].sum() - 2]).min() > 0
    batch = next(batches(clips, 16, 0, [filmed_scene(take)], 1.0))
    assert not batch.felt.any()


def test_errors_of_hands_count_more_than_those_of_fingers():
    weights = channel_weights()
    assert weights.mean() == pytest.approx(1) and (weights > 0).all()
    assert weights[CHANNEL["left.up"]] > 4 * weights[CHANNEL["left.little"]]


def test_a_perfect_guess_costs_nothing_but_history_never_counts(clips: list[Clip], affect: AffectEmbedding):
    class Knowing(torch.nn.Module):
        def __init__(self, add: float):
            super().__init__()
            self.net, self.add = GestureDenoiser(dim=32, layers=1, heads=2), add

        encode = property(lambda self: self.net.encode)

        def forward(self, noisy, sigmas, conditions):
            return truth + self.add * (sigmas == 0)[..., None]

    batch = next(batches(clips, 8, 0))
    truth = GestureDenoiser(dim=32, layers=1, heads=2).encode(batch.knots)
    autocast = lambda: torch.autocast("cpu", enabled=False)  # noqa: E731
    for add in (0.0, 5.0):
        assert float(gesture_loss(Knowing(add), affect, batch, autocast)) < 1e-9  # type: ignore[arg-type]


def test_it_learns_where_the_hands_are_and_is_kept(
    clips: list[Clip], affect: AffectEmbedding, tmp_path: Path
):
    torch.manual_seed(0)
    size: dict[str, Any] = {"dim": 48, "layers": 2, "heads": 2}
    lines: list[str] = []
    denoiser = train_denoiser(
        tmp_path, clips, affect, 0.2, torch.device("cpu"), batch_size=4, report=lines.append, **size
    )
    batch = next(batches(clips, 16, 7))
    autocast = lambda: torch.autocast("cpu", enabled=False)  # noqa: E731

    def loss(net: GestureDenoiser) -> float:
        torch.manual_seed(1)
        with torch.no_grad():
            return float(gesture_loss(net, affect, batch, autocast))

    fresh = GestureDenoiser(affect_sha256=affect.fingerprint(), **size)
    for name, value in scales(performances(clips, 30, 0)).items():
        getattr(fresh, name).copy_(value)
    assert loss(denoiser) < loss(fresh)
    folder = save(tmp_path, affect, denoiser)
    verify(folder)
    pipe = EmotiveGesturePipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    motion = pipe(np.zeros(24_000, np.float32), "joy", sample_rate=24_000, num_inference_steps=2).motion  # type: ignore[union-attr]
    assert len(motion) == 30 and TOKENS == 15
    before = (tmp_path / "gesture.pt").stat().st_mtime
    train_denoiser(
        tmp_path, clips, affect, 0.2, torch.device("cpu"), batch_size=4, report=lines.append, **size
    )
    assert (
        any("goes on at step" in line for line in lines)
        and (tmp_path / "gesture.pt").stat().st_mtime >= before
    )


def test_training_starts_from_what_is_shipped(clips: list[Clip], affect: AffectEmbedding, tmp_path: Path):
    source = save(
        tmp_path / "old",
        affect,
        GestureDenoiser(dim=32, layers=1, heads=2, affect_sha256=affect.fingerprint()),
    )
    made = train_denoiser(
        tmp_path, clips, affect, 0.0, torch.device("cpu"), init=source, batch_size=2, report=lambda _: None
    )
    assert made.config["dim"] == 32
    assert resolve("emotive-affect-1").exists()
