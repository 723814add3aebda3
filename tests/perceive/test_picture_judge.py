"""The learned judge: its contract on random weights, and how the shipped one reads motifs it never saw."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from emotive.affect import Affect
from emotive.data.motifs import HELD_OUT_MOTIFS, paint_motif
from emotive.errors import WeightsError
from emotive.media.texture import lay_texture
from emotive.models.picture_judge import PictureJudgeNetwork
from emotive.perceive.explanation import explain, movers
from emotive.perceive.picture import PICTURE_JUDGE, PictureJudge, square
from emotive.perceive.ratings import agreement
from emotive.weights import resolve, write_sums

LEVELS = (-0.9, -0.45, 0.0, 0.45, 0.9)
WANTED = np.array([[v, a] for a in LEVELS for v in LEVELS])


@pytest.fixture(scope="module")
def tiny() -> PictureJudgeNetwork:
    torch.manual_seed(0)
    return PictureJudgeNetwork(size=32, widths=(8, 16), hidden=8).eval()


@cache
def shipped() -> PictureJudge:
    return PictureJudge.from_pretrained()


@cache
def held_out() -> list[np.ndarray]:
    """8 seeds of each held-out family over the grid: 25 in a row share everything but the affect."""
    return [
        paint_motif(motif, Affect(v, a), 40 + seed, 256)
        for motif in HELD_OUT_MOTIFS
        for seed in range(8)
        for v, a in WANTED
    ]


# -- the contract ------------------------------------------------------------------------------------------


def test_any_sizes_at_once_and_each_as_if_alone(tiny):
    rng = np.random.default_rng(0)
    sizes = [(32, 32), (31, 50), (128, 64), (5, 5), (1, 200)]
    pictures = [rng.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    together = PictureJudge(tiny).estimate(pictures)
    for i, picture in enumerate(pictures):
        alone = PictureJudge(tiny).estimate([picture])
        for x, y in zip(together, alone, strict=True):
            assert x[i] == pytest.approx(y[0], abs=1e-5)
    assert [x.shape for x in PictureJudge(tiny).estimate([])] == [(0,)] * 4
    assert all(x.dtype == np.float64 for x in together)


def test_estimates_stay_in_range_whatever_the_weights(tiny):
    with torch.no_grad():
        wild = PictureJudgeNetwork(size=32, widths=(8, 16), hidden=8)
        for p in wild.parameters():
            p.mul_(8)
    found = PictureJudge(wild).estimate(
        [np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)] * 3
    )
    assert (np.abs(found.valence) <= 1).all() and (np.abs(found.arousal) <= 1).all()
    assert np.isfinite(found.valence_sd).all() and (found.valence_sd > 0).all()


def test_many_pictures_are_judged_in_parts(tiny):
    pictures = [np.full((32, 32, 3), i, np.uint8) for i in range(150)]
    found = PictureJudge(tiny).estimate(pictures)
    assert found.valence[149] == pytest.approx(
        PictureJudge(tiny).estimate(pictures[149:]).valence[0], abs=1e-5
    )


def test_the_spread_is_scaled_by_its_factors(tiny):
    scaled = PictureJudgeNetwork(size=32, widths=(8, 16), hidden=8, spread=(2.0, 0.5))
    scaled.load_state_dict(tiny.state_dict())
    picture = [np.full((32, 32, 3), 90, np.uint8)]
    one, other = PictureJudge(tiny).estimate(picture), PictureJudge(scaled).estimate(picture)
    assert other.valence_sd == pytest.approx(2 * one.valence_sd)
    assert other.arousal_sd == pytest.approx(0.5 * one.arousal_sd)
    assert other.valence == pytest.approx(one.valence)


def test_gradients_are_finite_on_a_plain_picture(tiny):
    """Every channel is constant over the frame there, and the root of a variance of 0 has no slope."""
    network = PictureJudgeNetwork(size=32, widths=(8, 16), hidden=8)
    mean, log_sd = network(torch.zeros(2, 3, 32, 32))
    (mean.sum() + log_sd.sum()).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def test_saved_and_opened_it_answers_the_same(tiny, tmp_path):
    tiny.save_pretrained(tmp_path / "judge")
    write_sums(tmp_path / "judge")
    again = PictureJudge.from_pretrained(tmp_path / "judge")
    picture = [np.random.default_rng(1).integers(0, 256, (50, 50, 3), np.uint8)]
    for x, y in zip(again.estimate(picture), PictureJudge(tiny).estimate(picture), strict=True):
        assert np.array_equal(x, y)
    first = again.fingerprint()
    assert len(first) == 64
    config = json.loads((tmp_path / "judge" / "config.json").read_text())
    (tmp_path / "judge" / "config.json").write_text(json.dumps({**config, "spread": [2.0, 1.0]}))
    write_sums(tmp_path / "judge")
    assert PictureJudge.from_pretrained(tmp_path / "judge").fingerprint() != first


def test_other_models_and_damaged_ones_are_refused(tiny, tmp_path):
    with pytest.raises(WeightsError, match="no picture judge"):
        PictureJudge.from_pretrained("emotive-affect-1")
    with pytest.raises(WeightsError, match="there is no model"):
        PictureJudge.from_pretrained("emotive-picture-judge-0")
    tiny.save_pretrained(tmp_path / "judge")
    write_sums(tmp_path / "judge")
    (weights,) = (tmp_path / "judge").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(WeightsError):
        PictureJudge.from_pretrained(tmp_path / "judge")


def test_square_averages():
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[:, ::2] = 200
    assert (square(picture, 4) == 100).all()
    assert square(picture[:, :4], 4) is not None and square(picture, 2).shape == (2, 2, 3)


# -- the one that ships ------------------------------------------------------------------------------------


def test_it_is_small_and_has_a_card():
    folder = resolve(PICTURE_JUDGE)
    assert sum(f.stat().st_size for f in Path(folder).glob("*.safetensors")) < 2e6
    card = (folder / "README.md").read_text("utf-8")
    for word in (
        "emotive train judge",
        "Limits",
        "diagnosis",
        "held-out motifs",
        "always neutral",
        *HELD_OUT_MOTIFS,
    ):
        assert word in card


def test_it_reads_motifs_it_never_saw_and_beats_the_baselines():
    found = shipped().estimate(held_out())
    n = len(held_out()) // 25
    order = np.random.default_rng(0).permutation(25 * n)
    for k, estimate in enumerate(found[:2]):
        wanted = np.tile(WANTED[:, k], n)
        got = agreement(wanted, estimate, draws=2)
        assert got.ccc > 0.75
        assert got.mae < 0.6 * got.mae_of_mean
        assert abs(agreement(wanted, estimate[order], draws=2).ccc) < 0.15
        within = [
            agreement(WANTED[:, k], estimate[i : i + 25], draws=2).spearman for i in range(0, 25 * n, 25)
        ]
        assert np.median(within) > 0.93


def test_its_spread_holds_about_as_much_as_it_says():
    found = shipped().estimate(held_out())
    for k in (0, 1):
        z = (found[k] - np.tile(WANTED[:, k], len(held_out()) // 25)) / found[k + 2]
        assert 0.6 < np.sqrt((z**2).mean()) < 1.6


def test_it_does_not_read_the_texture_that_follows_the_requested_arousal():
    """Laid on as for calm or for excitement, the same picture gets the same answer."""
    pictures = torch.from_numpy(np.stack([paint_motif("rosette", Affect(0, 0), s, 512) for s in range(6)]))
    x = pictures.permute(0, 3, 1, 2).float() / 255
    calm, excited = (
        shipped().estimate(
            list((lay_texture(x, torch.full((6,), a)) * 255).byte().permute(0, 2, 3, 1).numpy())
        )
        for a in (-1.0, 1.0)
    )
    assert abs((excited.arousal - calm.arousal).mean()) < 0.06
    assert abs((excited.valence - calm.valence).mean()) < 0.06


def test_mirroring_and_resolution_hardly_matter():
    some = held_out()[::7]
    found = shipped().estimate(some)
    mirrored = shipped().estimate([np.ascontiguousarray(p[:, ::-1]) for p in some])
    large = shipped().estimate([np.asarray(Image.fromarray(p).resize((512, 512))) for p in some])
    for other in (mirrored, large):
        for k in (0, 1):
            assert np.abs(other[k] - found[k]).mean() < (1e-5 if other is mirrored else 0.1)


def test_what_moved_it_is_found_by_taking_it_away():
    picture = paint_motif("lattice", Affect(-0.9, 0.9), 1, 256)
    sentence = explain(picture, shipped())
    assert sentence.startswith("Valence -") and "arousal +" in sentence and "nearest names: " in sentence
    moved = {m.words: m for m in movers(picture, shipped())}
    assert len(moved) == 5
    assert sentence.count("What moved it") == 1
