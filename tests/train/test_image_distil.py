"""One step learns where eight arrive: paths on disk, what is unlike to the eye, the loss, the stages."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import tiny_image_pipeline, wake  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn
from torch.nn import functional as F

from emotive.errors import InputError
from emotive.models.image_denoiser import ImageDenoiser
from emotive.sampling.flow import add_noise, euler_step, flow_sigmas, velocity
from emotive.train.image import SHARES, check_stages
from emotive.train.image_distil import LENGTHS, DistilBatch, distil_batches, distil_loss, random_steps
from emotive.train.image_likeness import Features, contours, contrasts, unlikeness
from emotive.train.image_losses import SHIFT, Batch, Generator
from emotive.train.image_paths import AT_ONCE, STEPS, PathBatch, Paths

CPU = torch.device("cpu")
exact = contextlib.nullcontext  # instead of autocast


@pytest.fixture(autouse=True)
def seeded():
    """The losses draw from the process's generator: start it anew, and give it back as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def tiny_generator(seed: int = 1) -> Generator:
    """Text encoder and denoiser for pictures of 16 px, with nothing at zero."""
    pipe = tiny_image_pipeline()
    sizes: dict[str, Any] = {"channels": (8, 16), "dim": 32, "layers": 4, "heads": 2}
    sizes |= {"text_dim": 32, "affect_dim": 8, "affect_pooled_dim": 16}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        denoiser = ImageDenoiser(sample_size=16, **sizes)
    wake(denoiser, torch.Generator().manual_seed(seed))
    return Generator(pipe.text_encoder, denoiser, pipe.affect_embedding.requires_grad_(False))


def walked(folder: Path, count: int = 12, seed: int = 3) -> Paths:
    paths = Paths(folder, count, tiny_generator().requires_grad_(False), CPU, exact)
    paths.fill(seed, lambda line: None)
    return paths


# -- paths -------------------------------------------------------------------------------------------------


@torch.no_grad()
def test_a_path_is_the_models_own_eight_steps(tmp_path):
    paths = walked(tmp_path)
    batch = next(paths.batches(12, seed=0))
    assert batch.points.shape == (12, STEPS + 1, 3, 16, 16)
    x, sigmas, never = batch.points[:, 0], flow_sigmas(STEPS, SHIFT), torch.zeros(12, dtype=torch.bool)
    for i in range(STEPS):
        s, t = sigmas[i].expand(12), sigmas[i + 1].expand(12)
        clean = paths.model(x, s, t, batch.ids, batch.affect, never, batch.guidance)
        x = euler_step(x, velocity(x, clean, s), s, t)
        assert (x - batch.points[:, i + 1]).abs().max() < 0.01  # kept as float16
    assert (batch.points[:, -1] - batch.points[:, 0]).abs().mean() > 0.1
    assert float(np.std(np.array(paths.points[:, 0], np.float32))) == pytest.approx(1, abs=0.05)


def test_half_of_the_paths_have_the_models_own_guidance_and_none_leaves_its_limits(tmp_path):
    paths = walked(tmp_path, count=64)
    config = paths.model.denoiser.config
    own = (np.asarray(paths.guidance) == np.array(config["guidance_defaults"], np.float32)).all(1)
    assert own.sum() == 32
    assert (np.asarray(paths.guidance) >= 1).all()
    assert (np.asarray(paths.guidance) <= np.array(config["guidance_limits"])).all()
    assert len(np.unique(np.asarray(paths.points[:, 0]).reshape(64, -1), axis=0)) == 64
    assert len(np.unique(np.asarray(paths.affect)[:, :2], axis=0)) == 64


def test_paths_are_on_disk_and_those_that_are_missing_are_walked(tmp_path):
    first = walked(tmp_path / "a")
    kept = np.array(first.points)
    first.filled[5] = False
    first.points[5] = 0
    again = Paths(tmp_path / "a", 12, first.model, CPU, exact)
    again.fill(9, lambda line: None)
    assert again.filled.all()
    others = np.arange(12) != 5
    np.testing.assert_array_equal(again.points[others], kept[others])
    assert np.abs(again.points[5, 0]).mean() > 0.5
    other = walked(tmp_path / "b")
    np.testing.assert_array_equal(other.points, kept)  # the same seed walks the same


def test_some_paths_are_walked_anew_while_batches_are_drawn(tmp_path):
    paths = walked(tmp_path, count=2 * AT_ONCE)
    before = np.array(paths.points[:, 0])
    feed = paths.batches(4, seed=0, renew=3)
    for _ in range(2):
        next(feed)
    np.testing.assert_array_equal(paths.points[:, 0], before)
    next(feed)
    changed = (np.asarray(paths.points[:, 0]) != before).any((1, 2, 3))
    assert changed.sum() == AT_ONCE


# -- what is unlike to the eye -----------------------------------------------------------------------------


def test_a_contour_that_lies_elsewhere_is_better_than_a_ramp_to_contrast_alone():
    def edge(at: int) -> Tensor:
        picture = torch.full((3, 32, 32), -0.5)
        picture[..., at:] = 0.5
        return picture

    places = range(12, 20)  # of a contour in the windows that contrast is pooled in
    wanted, moved = (torch.stack([edge(at + by) for at in places]) for by in (0, 1))
    ramp = F.avg_pool2d(F.pad(wanted, (4, 4, 4, 4), mode="replicate"), 9, 1)
    assert float(contrasts(moved, wanted).mean()) < 0.6 * float(contrasts(ramp, wanted).mean())
    assert float(contours(moved, wanted).mean()) > float(contours(ramp, wanted).mean())
    assert float((moved - wanted).square().mean()) > float((ramp - wanted).square().mean())
    for unlike in (contours, contrasts):
        assert unlike(wanted, wanted).max() < 3e-3  # smooth at 0
        torch.testing.assert_close(unlike(wanted + 0.3, wanted), unlike(wanted, wanted))


def test_features_are_those_inside_the_denoiser():
    generator = tiny_generator().requires_grad_(False)
    x, sigma = torch.randn(3, 3, 16, 16), torch.tensor([0.1, 0.3, 0.5])
    ids, affect = generator.text_encoder.tokenize(["a cat", "a house", ""]), torch.randn(3, 3).clamp(-1, 1)
    seen: list[Tensor] = []

    def remember(module: nn.Module, inputs: Any, out: Any) -> None:
        seen.append(out)

    hooks = [
        block.register_forward_hook(remember)
        for block in (generator.denoiser.encode0, generator.denoiser.encode1, generator.denoiser.blocks[2])
    ]
    never, ones = torch.zeros(3, dtype=torch.bool), torch.ones(3, 2)
    generator(x, sigma, sigma, ids, affect, never, ones)
    for hook in hooks:
        hook.remove()
    maps = Features(generator)(x, sigma, ids, affect)
    assert [m.shape for m in maps] == [(3, 8, 8, 8), (3, 16, 4, 4), (3, 32, 2, 2)]
    third = F.layer_norm(seen[2], (32,)).transpose(1, 2).reshape(3, 32, 2, 2)
    for found, expected in zip(maps, (seen[0], seen[1], third), strict=True):
        torch.testing.assert_close(found, expected)


def test_features_pass_a_gradient_to_the_picture_and_none_to_the_model():
    generator = tiny_generator()
    features, sigma = Features(generator), torch.full((2,), 0.2)
    assert not list(features.parameters())
    ids, affect = generator.text_encoder.tokenize(["a cat", "a house"]), torch.zeros(2, 3)
    wanted = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        maps = features(wanted, sigma, ids, affect)
    assert float(unlikeness(maps, maps)) == 0.0
    drawn = (wanted + 0.1 * torch.randn_like(wanted)).requires_grad_()
    near = unlikeness(features(drawn, sigma, ids, affect), maps)
    far = unlikeness(features(wanted + torch.randn_like(wanted), sigma, ids, affect), maps)
    assert 0 < near.detach() < far.detach()
    (gradient,) = torch.autograd.grad(near, drawn)
    assert (gradient != 0).all()


# -- the loss ----------------------------------------------------------------------------------------------


def test_steps_of_every_length_begin_where_such_steps_begin():
    begun: dict[int, set[int]] = {length: set() for length in LENGTHS}
    for _ in range(40):
        start, end, finished = random_steps(24, CPU)
        lengths = (end - start).tolist()
        assert {n: lengths.count(n) for n in LENGTHS} == {8: 12, 4: 6, 2: 3, 1: 3}
        assert finished == 15 and (end[:finished] == STEPS).all()
        for first, length in zip(start.tolist(), lengths, strict=True):
            begun[length].add(first)
    assert begun == {n: set(range(0, STEPS, n)) for n in LENGTHS}
    for n in (1, 2, 3, 5, 8):
        start, end, finished = random_steps(n, CPU)
        assert len(start) == n and (end <= STEPS).all() and (end[:finished] == STEPS).all()


def straight(generator: Generator, clean: Tensor, n: int) -> DistilBatch:
    """n paths that lead straight to `clean` (1, 3, H, W), and two paintings of it."""
    noise, pictures = torch.randn(n, *clean.shape[1:]), clean.expand(n, -1, -1, -1)
    points = [add_noise(pictures, noise, s.expand(n)) for s in flow_sigmas(STEPS, SHIFT)]
    ids, affect = generator.text_encoder.null(n), torch.zeros(n, 3)
    paths = PathBatch(torch.stack(points, 1), ids, affect, torch.ones(n, 2))
    without = torch.zeros(2, dtype=torch.bool)
    paintings = Batch(clean.expand(2, -1, -1, -1), ids[:2], affect[:2], without)
    return next(iter(distil_batches(iter([paths]), iter([paintings]))))


def test_a_model_that_knows_where_paths_lead_has_no_loss():
    generator, clean = tiny_generator().requires_grad_(False), 0.8 * torch.rand(1, 3, 16, 16)
    batch = straight(generator, clean, 8)
    assert batch.clean.shape == (10, 3, 16, 16)

    def answers(picture: Tensor) -> Callable[..., Tensor]:
        return lambda x, *_: picture.expand_as(x)

    def loss(picture: Tensor) -> float:
        return float(distil_loss(answers(picture), Features(generator), batch, exact))

    right = loss(clean)
    assert right < 0.005  # what is smooth at 0 is not quite 0
    soft = F.avg_pool2d(F.pad(clean, (1, 1, 1, 1), mode="replicate"), 3, 1)
    assert loss(clean + 0.1) > right + 0.01 / 1.15 / 2
    assert loss(soft) > loss(clean + 0.02)


def test_the_student_learns_in_every_parameter(tmp_path):
    generator, frozen = tiny_generator(), tiny_generator(2).requires_grad_(False)
    batch = straight(generator, torch.rand(1, 3, 16, 16) - 0.5, 8)
    batch.paintings.without_affect[0] = True
    distil_loss(generator, Features(frozen), batch, exact).backward()
    for name, p in generator.named_parameters():
        assert p.grad is not None and float(p.grad.abs().max()) > 0, name


def test_one_step_learns_where_eight_arrive(tmp_path):
    paths = walked(tmp_path, count=32)
    student, features = tiny_generator(), Features(paths.model)
    last: Any = student.denoiser.step_embedding[2]
    last.reset_parameters()  # forgets what steps are
    feed = paths.batches(16, seed=0, renew=10**9)
    paintings = Batch(
        torch.zeros(2, 3, 16, 16), student.text_encoder.null(2), torch.zeros(2, 3), torch.ones(2) > 0
    )

    def endless():
        while True:
            yield paintings

    @torch.no_grad()
    def error() -> float:
        batch, ones = next(paths.batches(32, seed=5)), torch.ones(32)
        never = torch.zeros(32, dtype=torch.bool)
        x = batch.points[:, 0]
        drawn = student(x, ones, 0 * ones, batch.ids, batch.affect, never, batch.guidance)
        return float((drawn - batch.points[:, -1]).square().mean())

    before, both = error(), distil_batches(feed, endless())
    optimizer = torch.optim.Adam(student.parameters(), 3e-3)
    for _ in range(24):
        optimizer.zero_grad()
        distil_loss(student, features, next(both), exact).backward()
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
    assert error() < 0.5 * before  # measured 0.26


# -- the choice of stages ----------------------------------------------------------------------------------


def test_stages_are_some_of_the_recipe_and_all_of_it_without_a_model_to_start_from():
    check_stages(tuple(SHARES), None)
    check_stages(("distil", "polish"), "emotive-image-1")
    with pytest.raises(InputError, match=r"decoder, denoiser, student, distil, polish, not distill$"):
        check_stages(("distill",), "emotive-image-1")
    with pytest.raises(InputError, match="not none"):
        check_stages((), "emotive-image-1")
    with pytest.raises(InputError, match=r"without the stage decoder .* --init"):
        check_stages(("distil", "polish"), None)
