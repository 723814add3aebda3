"""The stages of the image recipe on tiny networks and a handful of 16px paintings."""

import contextlib
import os
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import tiny_image_pipeline, wake  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn
from torch.nn import functional as F

from emotive.data.painter import paint
from emotive.data.scenes import LEXICON, all_scenes, random_scene
from emotive.errors import WeightsError
from emotive.models.image_decoder import ImageDecoder
from emotive.models.image_denoiser import ImageDenoiser
from emotive.models.text_encoder import SceneTextEncoder
from emotive.sampling.flow import velocity
from emotive.train import image_data
from emotive.train.image import SHARES, _grown, new_text_encoder, train_image
from emotive.train.image_batches import batches, decoder_batches, polish_batches
from emotive.train.image_data import Reservoir, decode_scene, encode_scene, random_affect
from emotive.train.image_losses import (
    Batch,
    Generator,
    clean_loss,
    decoder_loss,
    flow_loss,
    guided_velocity,
    student_loss,
)
from emotive.train.sharpen import shock_filter
from emotive.weights import write_sums

CPU = torch.device("cpu")
LIMITS = (4.0, 3.0)
exact = contextlib.nullcontext  # instead of autocast


@pytest.fixture(autouse=True)
def seeded():
    """The losses draw from the process's generator: start it anew, and give it back as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def tiny_generator(size: int = 16, awake: bool = True) -> Generator:
    """Text encoder and denoiser for pictures of `size` px; asleep, its last layers are still zero."""
    pipe = tiny_image_pipeline()
    sizes: dict[str, Any] = {"channels": (8, 16), "dim": 32, "layers": 1, "heads": 2}
    sizes |= {"text_dim": 32, "affect_dim": 8, "affect_pooled_dim": 16}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        denoiser = ImageDenoiser(sample_size=size, **sizes)
    if awake:
        wake(denoiser, torch.Generator().manual_seed(1))
    return Generator(pipe.text_encoder, denoiser, pipe.affect_embedding.requires_grad_(False))


@pytest.fixture(scope="module")
def reservoir(tmp_path_factory: pytest.TempPathFactory) -> Reservoir:
    made = Reservoir(tmp_path_factory.mktemp("data"), capacity=8, size=16, paint_size=32)
    rng = random.Random(0)
    for slot in range(8):
        made.paint_slot(slot, rng)
    return made


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Reservoir:
    made = Reservoir(tmp_path_factory.mktemp("large"), capacity=3, size=512, paint_size=512)
    rng = random.Random(1)
    for slot in range(3):
        made.paint_slot(slot, rng)
    return made


def batch_of(reservoir: Reservoir, size: int = 8, seed: int = 0) -> Batch:
    """A batch in which some pictures lack words and some lack affect."""
    batch = next(batches(reservoir, new_text_encoder(dim=8), size, CPU, seed))
    batch.without_affect[:] = torch.arange(size) % 4 == 3
    return batch


# -- the reservoir -----------------------------------------------------------------------------------------


def test_every_scene_has_a_code_and_back():
    codes = {encode_scene(scene): scene for scene in all_scenes()}
    assert len(codes) == len(all_scenes())
    for code, scene in codes.items():
        assert decode_scene(np.array(code, dtype=np.int8)) == scene


def test_affects_for_training_cover_the_square_and_its_rim():
    rng = random.Random(0)
    affects = [random_affect(rng) for _ in range(4000)]
    points = np.array([[a.valence, a.arousal] for a in affects])
    assert np.abs(points.mean(0)).max() < 0.05
    assert np.mean(np.abs(points).max(1) == 1.0) == pytest.approx(0.2, abs=0.03)
    assert np.mean([a.dominance is None for a in affects]) == pytest.approx(0.5, abs=0.03)
    for axis in (0, 1):
        for end in (-1.0, 1.0):
            assert (points[:, axis] == end).sum() > 100


def test_a_slot_holds_the_painting_its_scene_and_its_affect(tmp_path):
    made = Reservoir(tmp_path, capacity=4, size=16, paint_size=32)
    assert not made.filled.any()
    made.paint_slot(2, random.Random(7))
    assert made.filled.tolist() == [False, False, True, False]
    rng = random.Random(7)
    scene, affect = random_scene(rng), random_affect(rng)
    assert decode_scene(made.scene[2]) == scene and not scene.reserved
    np.testing.assert_array_equal(made.affect[2], affect.as_array())
    painting = torch.from_numpy(paint(scene, affect, rng.getrandbits(31), 32)).permute(2, 0, 1).double()
    expected = F.avg_pool2d(painting, 2).permute(1, 2, 0).numpy()
    assert np.abs(made.pixels[2] - expected).max() <= 0.5


def test_training_never_sees_a_reserved_scene(tmp_path):
    made = Reservoir(tmp_path, capacity=60, size=8, paint_size=8)
    rng = random.Random(3)
    for slot in range(60):
        made.paint_slot(slot, rng)
    assert not any(decode_scene(code).reserved for code in made.scene)
    assert np.isnan(made.affect[:, 2]).any() and not np.isnan(made.affect[:, :2]).any()


def test_it_is_on_disk(reservoir):
    again = Reservoir(reservoir.folder, capacity=8, size=16, paint_size=32)
    for name in ("pixels", "scene", "affect", "filled"):
        np.testing.assert_array_equal(getattr(again, name), getattr(reservoir, name))
    assert again.filled.all() and len(np.unique(again.pixels.reshape(8, -1), axis=0)) == 8


def test_another_size_starts_empty(tmp_path):
    Reservoir(tmp_path, capacity=2, size=8, paint_size=8).paint_slot(0, random.Random(0))
    assert Reservoir(tmp_path, capacity=2, size=8, paint_size=8).filled.sum() == 1
    larger = Reservoir(tmp_path, capacity=5, size=8, paint_size=8)
    assert larger.pixels.shape == (5, 8, 8, 3) and not larger.filled.any()


class Enough(Exception):
    pass


@pytest.mark.parametrize(
    ("full", "first", "painters", "order"),
    [
        ([], 0, 1, [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2]),
        ([0, 1, 2, 5], 0, 1, [3, 4, 6, 7, 0, 1, 2, 3]),
        ([3], 1, 2, [1, 5, 7, 1, 3, 5, 7, 1]),
    ],
)
def test_painters_fill_what_is_empty_and_then_wrap_round(tmp_path, monkeypatch, full, first, painters, order):
    made = Reservoir(tmp_path, capacity=8, size=8, paint_size=8)
    made.filled[full] = True
    painted, whole = [], Reservoir.paint_slot

    def paint_slot(self: Reservoir, slot: int, rng: random.Random) -> None:
        if len(painted) == len(order):
            raise Enough
        painted.append(slot)
        whole(self, slot, rng)

    monkeypatch.setattr(Reservoir, "paint_slot", paint_slot)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    with pytest.raises(Enough):
        image_data._paint_forever(str(tmp_path), 8, 8, 8, first, painters, 0)
    assert painted == order
    assert made.filled[order].all() and made.pixels[order].any()


def test_painters_paint_in_the_background_and_stop(tmp_path):
    made = Reservoir(tmp_path, capacity=6, size=8, paint_size=8)
    made.start(2, seed=0)
    painters = list(made._painters)
    try:
        for _ in range(6000):
            if made.filled.all():
                break
            painters[0].join(0.1)  # returns at once when the painter has died
            assert all(p.exitcode is None for p in painters)
    finally:
        made.stop()
    assert made.filled.all() and not any(p.is_alive() for p in painters)
    # Two painters, two random streams.
    assert len(np.unique(made.pixels.reshape(6, -1), axis=0)) == 6


# -- batches -----------------------------------------------------------------------------------------------


def meaning(encoder: SceneTextEncoder) -> dict[int, tuple[str, str]]:
    return {
        encoder.ids[word][1]: (kind, name)
        for kind, names in LEXICON.items()
        for name, words in names.items()
        for word in words
    }


def test_batches_hold_paintings_with_their_own_words_and_affects(reservoir):
    encoder = new_text_encoder(dim=8)
    words, null = meaning(encoder), encoder.null(1)[0].tolist()
    flips, nulls, without, rows_seen, captions = [], [], [], [], set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream = batches(reservoir, encoder, 16, CPU, seed=3)
        taken = [next(stream) for _ in range(40)]
    pixels = torch.from_numpy(np.array(reservoir.pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1
    for batch in taken:
        assert batch.clean.shape == (16, 3, 16, 16) and batch.clean.dtype == torch.float32
        assert batch.ids.shape == (16, 4) and batch.affect.shape == (16, 3)
        assert batch.clean.min() >= -1 and batch.clean.max() <= 1
        for clean, ids, affect in zip(batch.clean, batch.ids.tolist(), batch.affect, strict=True):
            (row,) = [
                i for i in range(8) if torch.equal(clean, pixels[i]) or torch.equal(clean.flip(2), pixels[i])
            ]
            rows_seen.append(row)
            flips.append(not torch.equal(clean, pixels[row]))
            torch.testing.assert_close(affect, torch.from_numpy(reservoir.affect[row]), equal_nan=True)
            nulls.append(ids == null)
            if ids != null:
                captions.add((row, tuple(ids)))
                said = dict(words[i] for i in ids if i in words)
                scene = decode_scene(reservoir.scene[row])
                whole = {kind: getattr(scene, kind) for kind in LEXICON if getattr(scene, kind) is not None}
                assert said.items() <= whole.items()
                assert {whole[kind] for kind in whole.keys() - said.keys()} <= {"day", "clear"}
        without.extend(batch.without_affect.tolist())
    assert set(rows_seen) == set(range(8)) and len(captions) > 24  # the same picture in many words
    assert np.mean(flips) == pytest.approx(0.5, abs=0.08)
    assert np.mean(nulls) == pytest.approx(0.10, abs=0.05)
    assert np.mean(without) == pytest.approx(0.12, abs=0.05)


def test_batches_follow_their_seed(reservoir):
    def take(seed: int) -> Batch:
        return batch_of(reservoir, seed=seed)

    for a, b in zip(take(1), take(1), strict=True):
        assert torch.equal(a.nan_to_num(9.0), b.nan_to_num(9.0))
    assert not torch.equal(take(1).clean, take(2).clean)


def test_batches_wait_for_no_painter(tmp_path):
    made = Reservoir(tmp_path, capacity=8, size=16, paint_size=16)
    made.paint_slot(5, random.Random(0))
    batch = batch_of(made)
    assert len(batch.clean.flatten(1).unique(dim=0)) <= 2  # the one painting and its mirror image


# -- losses ------------------------------------------------------------------------------------------------


def gradients(model: nn.Module) -> dict[str, float]:
    """Largest gradient of every parameter; -1 where there is none."""
    return {n: -1.0 if p.grad is None else float(p.grad.abs().max()) for n, p in model.named_parameters()}


def test_the_error_is_weighted_by_noise():
    clean = torch.zeros(3, 3, 4, 4)
    sigma = torch.tensor([0.1, 0.5, 1.0])
    got = clean_loss(clean + torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1, 1), clean, sigma)
    assert float(got) == pytest.approx(np.mean([1 / 0.16, 4 / 0.40, 9 / 1.15]))


def perfect(clean: Tensor) -> Callable[..., Tensor]:
    """A model that knows the one picture there is."""
    return lambda x, *_: clean.expand_as(x)


def test_a_model_that_knows_the_picture_has_no_loss(reservoir):
    batch = batch_of(reservoir)
    batch = batch._replace(clean=batch.clean[:1].expand(8, -1, -1, -1))
    know = perfect(batch.clean[:1])
    assert float(flow_loss(know, batch, exact)) == 0.0
    null_ids = new_text_encoder(dim=8).null(1)
    for seed in range(12):  # steps of every length
        torch.manual_seed(seed)
        assert float(student_loss(know, know, know, batch, null_ids, LIMITS, exact)) < 1e-9
    # And one that does not, has: by as much as the picture is off.
    off = perfect(batch.clean[:1] + 0.5)
    assert 0.25 / 1.15 < float(flow_loss(off, batch, exact)) < 0.25 / 0.15


def test_a_step_learns_from_the_teacher_when_short_and_from_its_own_average_when_long(reservoir):
    batch, null_ids = batch_of(reservoir), new_text_encoder(dim=8).null(1)
    batch = batch._replace(clean=batch.clean[:1].expand(8, -1, -1, -1))
    clean, called, spans = batch.clean[:1], {"teacher": 0, "average": 0}, set()

    def counting(name: str, answer: Tensor) -> Callable[..., Tensor]:
        def model(x: Tensor, sigma: Tensor, sigma_next: Tensor, *_) -> Tensor:
            called[name] += 1
            assert bool((sigma == sigma_next).all()) == (name == "teacher")
            assert len(x) == (12 if name == "teacher" else 4)
            return answer.expand_as(x)

        return model

    def student(x: Tensor, sigma: Tensor, sigma_next: Tensor, *_) -> Tensor:
        assert (sigma_next[:4] < sigma[:4]).all() and torch.equal(sigma_next[4:], sigma[4:])
        spans.add((float(sigma[:4].max()), float((sigma - sigma_next)[:4].max())))
        return clean.expand_as(x)

    for seed in range(24):
        torch.manual_seed(seed)
        before = dict(called)
        teacher, average = counting("teacher", clean), counting("average", clean)
        value = float(student_loss(student, teacher, average, batch, null_ids, LIMITS, exact))
        asked = {name: called[name] - before[name] for name in called}
        assert asked in ({"teacher": 2, "average": 0}, {"teacher": 0, "average": 2}) and value < 1e-9
        # Whoever is asked decides the target: another picture there is a loss here.
        torch.manual_seed(seed)
        other = counting("teacher", clean * 0.5), counting("average", clean * 0.5)
        assert float(student_loss(student, *other, batch, null_ids, LIMITS, exact)) > 1e-3
    assert called["teacher"] and called["average"]
    assert (1.0, 1.0) in spans  # the single step from noise to picture is among them


def test_plain_flow_teaches_everything_but_steps(reservoir):
    model = tiny_generator()
    flow_loss(model, batch_of(reservoir, size=16), exact).backward()
    for name, size in gradients(model).items():
        if "step_embedding" in name:
            assert size == 0.0, name
        else:
            assert size > 0, name


def test_the_student_learns_in_every_parameter_and_its_teachers_in_none(reservoir):
    model, teacher, average = tiny_generator(), tiny_generator(), tiny_generator()
    null_ids, steps = model.text_encoder.null(1), 0
    for seed in range(6):
        torch.manual_seed(seed)
        model.zero_grad()
        student_loss(
            model, teacher, average, batch_of(reservoir, size=16), null_ids, LIMITS, exact
        ).backward()
        assert min(gradients(model).values()) > 0
        steps += 1
    assert steps == 6
    assert set(gradients(teacher).values()) == set(gradients(average).values()) == {-1.0}


def test_the_affect_embedding_stays_outside(reservoir):
    model = tiny_generator()
    (embedding,) = model._affect
    assert not any("affect_embedding" in name or "_affect." in name for name, _ in model.named_parameters())
    before = embedding.fingerprint()
    flow_loss(model, batch_of(reservoir), exact).backward()
    assert all(p.grad is None for p in embedding.parameters()) and embedding.fingerprint() == before


def steps_of(model: nn.Module, loss: Callable[[], Tensor], n: int, rate: float = 3e-3) -> list[float]:
    """Losses over n steps of Adam."""
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], rate)
    values = []
    for _ in range(n):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    return values


@torch.no_grad()
def held(loss: Callable[[], Tensor]) -> float:
    """The mean of a loss over eight fixed draws of noise."""
    values = []
    for seed in range(100, 108):
        torch.manual_seed(seed)
        values.append(float(loss()))
    return float(np.mean(values))


def test_the_student_learns_what_the_teacher_learnt_from_a_handful_of_paintings(reservoir):
    feed = batches(reservoir, new_text_encoder(dim=8), 16, CPU, 0)
    fixed = next(feed)
    teacher, student = tiny_generator(awake=False), tiny_generator(awake=False)
    before = held(lambda: flow_loss(teacher, fixed, exact))
    steps_of(teacher, lambda: flow_loss(teacher, next(feed), exact), 80)
    assert held(lambda: flow_loss(teacher, fixed, exact)) < 0.35 * before  # measured 0.22

    def distil(batch: Batch) -> Tensor:
        return student_loss(student, teacher, teacher, batch, student.text_encoder.null(1), LIMITS, exact)

    before = held(lambda: distil(fixed))
    steps_of(student, lambda: distil(next(feed)), 60)
    assert held(lambda: distil(fixed)) < 0.5 * before  # measured 0.37


@torch.no_grad()
def test_guided_velocity_at_one_is_the_plain_conditional_velocity(reservoir):
    model, batch = tiny_generator(), batch_of(reservoir, size=4)
    x, sigma = torch.randn(4, 3, 16, 16), torch.tensor([1.0, 0.7, 0.4, 0.1])
    never, ones = torch.zeros(4, dtype=torch.bool), torch.ones(4, 2)
    null_ids = model.text_encoder.null(1)

    def plain(ids: Tensor, without: Tensor) -> Tensor:
        return velocity(x, model(x, sigma, sigma, ids, batch.affect, without, ones), sigma)

    def guided(words: float, feeling: float) -> Tensor:
        scales = torch.tensor([[words, feeling]]).expand(4, 2)
        return guided_velocity(model, batch, null_ids, scales)(x, sigma, sigma / 2)

    null, text, full = (
        plain(null_ids.expand(4, -1), ~never),
        plain(batch.ids, ~never),
        plain(batch.ids, never),
    )
    for scales, expected in (
        ((1.0, 1.0), full),
        ((0.0, 0.0), null),
        ((1.0, 0.0), text),
        ((2.0, 1.5), null + 2.0 * (text - null) + 1.5 * (full - text)),
    ):
        torch.testing.assert_close(guided(*scales), expected, atol=1e-4, rtol=1e-4)
    assert (full - text).abs().amax() > 1e-3 and (text - null).abs().amax() > 1e-3


# -- the decoder -------------------------------------------------------------------------------------------


def test_sharpness_counts_areas_and_contours():
    large = torch.rand(1, 3, 8, 8)
    draw = nn.Identity()
    assert float(decoder_loss(draw, large, large, exact)) == 0.0
    assert float(decoder_loss(draw, large + 0.25, large, exact)) == pytest.approx(0.25, abs=1e-6)
    stripes = torch.zeros(1, 3, 8, 8)
    stripes[..., ::2] = 1.0
    # Flat grey for stripes: half off everywhere, and every contour between columns is missing.
    assert float(decoder_loss(draw, torch.full_like(large, 0.5), stripes, exact)) == pytest.approx(1.5)
    assert float(decoder_loss(draw, torch.full_like(large, 0.5), stripes.mT, exact)) == pytest.approx(1.5)


def test_decoder_batches_are_crops_and_their_averages(large):
    feed = decoder_batches(large, 2, CPU, seed=0)
    for _ in range(3):
        small, whole = next(feed)
        assert small.shape == (2, 3, 32, 32) and whole.shape == (2, 3, 256, 256)
        assert whole.min() >= -1 and whole.max() <= 1
        assert (F.avg_pool2d(whole, 8) - small).abs().max() <= 0.5 / 127.5 + 1e-6


def test_polishing_pairs_the_students_pictures_with_sharper_drawings_of_them(large):
    student, decoder = tiny_generator(size=64), tiny_image_pipeline().decoder
    feed = polish_batches(large, student, decoder, 2, CPU, 0, exact, pool=3)
    edges = {"sharp": 0.0, "soft": 0.0}
    for _ in range(8):
        small, drawn = next(feed)
        assert small.shape == (2, 3, 32, 32) and drawn.shape == (2, 3, 256, 256)
        assert small.abs().max() <= 1 and drawn.abs().max() <= 1
        with torch.no_grad():
            soft = decoder(small)
        edges["sharp"] += float(drawn.diff(dim=3).abs().amax((1, 2, 3)).mean())
        edges["soft"] += float(soft.diff(dim=3).abs().amax((1, 2, 3)).mean())
    assert edges["sharp"] > 1.2 * edges["soft"]


def test_a_shock_filter_gives_soft_edges_back_where_they_were():
    hard = torch.full((1, 3, 48, 96), -0.6)
    hard[:, 0, :, 40:] = 0.5  # an edge in one channel only
    hard[:, 1:, 20:] = 0.4
    soft = F.avg_pool2d(F.pad(hard, (4, 4, 4, 4), mode="replicate"), 9, 1)
    sharp = shock_filter(soft)
    inner = (slice(None), slice(None), slice(10, -10), slice(10, -10))
    assert (sharp - hard)[inner].abs().mean() < 0.35 * (soft - hard)[inner].abs().mean()
    for picture in (hard, torch.rand(1, 3, 1, 1).expand(1, 3, 32, 32)):
        assert (shock_filter(picture) - picture).abs().mean() < 0.02  # nothing to do
    assert sharp.amax() <= soft.amax() + 1e-6 and sharp.amin() >= soft.amin() - 1e-6  # no halos


def test_the_decoder_learns_contours_that_enlargement_blurs():
    shapes = (torch.rand(1, 1, 6, 6) > 0.5).float() * 1.6 - 0.8
    small = F.interpolate(shapes, scale_factor=4).expand(1, 3, 24, 24).contiguous()
    large = F.interpolate(small, scale_factor=8)  # hard-edged squares
    torch.manual_seed(3)
    decoder = ImageDecoder(channels=(16, 16, 8))
    values = steps_of(decoder, lambda: decoder_loss(decoder, small, large, exact), 100, rate=5e-3)
    assert values[-1] < 0.6 * values[0]  # values[0] is bilinear enlargement; measured 0.34
    assert min(gradients(decoder).values()) > 0


# -- warm starts -------------------------------------------------------------------------------------------


def smaller_vocabulary() -> dict[str, dict[str, list[str]]]:
    """The lexicon before it knew lighthouses, tulips and snow."""
    vocabulary = {kind: {n: list(words) for n, words in names.items()} for kind, names in LEXICON.items()}
    del vocabulary["subject"]["lighthouse"], vocabulary["weather"]["snow"]
    vocabulary["subject"]["flowers"].remove("tulips")
    return vocabulary


@torch.no_grad()
def test_a_grown_encoder_keeps_all_it_knew():
    old, new = SceneTextEncoder(smaller_vocabulary(), ["a"], dim=16), new_text_encoder(dim=16)
    nn.init.normal_(old.norm.weight)
    fresh = new.embedding.weight.clone()
    grown = _grown(old, new)
    added = {"lighthouse", "beacon", "snow", "snowy", "tulips"}
    assert new.ids.keys() - old.ids.keys() == added
    for word, (_, i) in grown.ids.items():
        expected = fresh[i] if word in added else old.embedding.weight[old.ids[word][1]]
        assert torch.equal(grown.embedding.weight[i], expected), word
    prompts = ["house sea night rain", "flowers", "cottage city fog", ""]
    for a, b in zip(grown(grown.tokenize(prompts)), old(old.tokenize(prompts)), strict=True):
        assert torch.equal(a, b)
    assert grown.tokenize(["a lighthouse"]).shape == (1, 4)


def test_the_encoder_of_the_recipe_knows_the_painters_words():
    encoder = new_text_encoder()
    assert encoder.embedding.embedding_dim == 256
    assert {
        k: {n: tuple(w) for n, w in names.items()} for k, names in encoder.config["vocabulary"].items()
    } == LEXICON


def test_the_stages_share_all_of_the_time():
    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert list(SHARES) == ["decoder", "denoiser", "student", "distil", "polish"]


def test_a_model_of_another_affect_embedding_is_refused_before_any_work(tmp_path: Path):
    tiny_image_pipeline().save_pretrained(tmp_path / "tiny")
    write_sums(tmp_path / "tiny")
    with pytest.raises(WeightsError, match="affect embedding"):
        train_image(tmp_path / "out", minutes=0.01, init=str(tmp_path / "tiny"))
    assert not (tmp_path / "out").exists()
