"""The training loop under a clock of its own, so that every count of steps is exact."""

import copy
from collections.abc import Iterator
from itertools import islice, repeat
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from emotive.train import loop
from emotive.train.loop import Average, learning_rate_factor, optimizers, train

TICK = 5.0  # seconds that pass between two looks at the clock


class Toy(nn.Module):
    """A matrix inside "blocks", which Muon takes, and a head, which AdamW takes."""

    def __init__(self, seed: int):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.blocks = nn.ModuleList([nn.Linear(20, 20)])
            self.head = nn.Linear(20, 1)
        self.frozen = nn.Parameter(torch.ones(3), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.blocks[0](x)))[:, 0]


X = torch.randn(32, 20, generator=torch.Generator().manual_seed(0))
Y = torch.sin(X[:, 0] + X[:, 1])


def batches() -> Iterator[tuple[Tensor, Tensor]]:
    return repeat((X, Y))


def loss_of(model: nn.Module):
    return lambda batch: (model(batch[0]) - batch[1]).square().mean()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes only by being looked at."""
    now = [0.0]

    def monotonic() -> float:
        now[0] += TICK
        return now[0]

    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=monotonic))


def run(model: nn.Module, state: Path, minutes: float = 2.0, feed=None, **options):
    """Trains on the toy task; returns the averaged model and what was reported."""
    said: list[str] = []
    average = train(model, feed or batches(), loss_of(model), minutes, state, report=said.append, **options)
    return average.model, said


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(
        torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


# -- the learning rate -------------------------------------------------------------------------------------


def test_the_learning_rate_warms_up_holds_and_decays():
    assert learning_rate_factor(0.0) == pytest.approx(0.1)
    assert learning_rate_factor(0.01) == learning_rate_factor(0.3) == learning_rate_factor(0.65) == 1.0
    assert learning_rate_factor(0.825) == pytest.approx(0.51)
    assert learning_rate_factor(1.0) == pytest.approx(0.02)


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_learning_rate_rises_then_falls_without_jumps(a: float, b: float):
    a, b = sorted((a, b))
    x, y = learning_rate_factor(a), learning_rate_factor(b)
    assert 0.02 <= x <= 1 and 0.02 <= y <= 1
    assert abs(x - y) <= 91 * (b - a) + 1e-9
    assert x <= y + 1e-9 if b <= 0.65 else x >= y - 1e-9 or a < 0.01


def test_training_follows_it(tmp_path, monkeypatch):
    model, rates, made = Toy(1), [], []

    def watched(*args) -> list[torch.optim.Optimizer]:
        made.extend(optimizers(*args))
        return made

    def loss(batch) -> Tensor:
        rates.append([group["lr"] for optimizer in made for group in optimizer.param_groups])
        return loss_of(model)(batch)

    monkeypatch.setattr(loop, "optimizers", watched)
    train(model, batches(), loss, 2.0, tmp_path / "s.pt", matrix_rate=0.02, other_rate=0.01)
    factors = [learning_rate_factor(i / 24) for i in range(24)]
    assert rates == [pytest.approx([0.01 * f, 0.02 * f]) for f in factors]


# -- optimizers and the average ------------------------------------------------------------------------------


def test_every_trainable_parameter_has_exactly_one_optimizer():
    model = Toy(0)
    found = {
        type(o).__name__: [p for g in o.param_groups for p in g["params"]]
        for o in optimizers(model, 2e-3, 1e-3)
    }
    assert [id(p) for p in found["Muon"]] == [id(model.get_parameter("blocks.0.weight"))]
    ids = [id(p) for params in found.values() for p in params]
    assert sorted(ids) == sorted(id(p) for p in model.parameters() if p.requires_grad)


def test_a_model_without_blocks_needs_one_optimizer():
    assert [type(o).__name__ for o in optimizers(nn.Linear(20, 20), 2e-3, 1e-3)] == ["AdamW"]


def test_the_average_warms_up_and_then_remembers():
    model = nn.Linear(1, 1)
    nn.init.zeros_(model.weight)
    average = Average(model, decay=0.9)
    nn.init.ones_(model.weight)
    expected = 0.0
    for step in range(1, 400):
        average.update(model, step)
        expected += (1 - min(0.9, (1 + step) / (20 + step))) * (1 - expected)
        assert float(average.model.weight) == pytest.approx(expected, abs=1e-5)
        if step == 1:
            assert expected == pytest.approx(1 - 2 / 21)  # at first it nearly is the model
    nn.init.zeros_(model.weight)
    average.update(model, 400)
    assert float(average.model.weight) == pytest.approx(0.9, abs=1e-4)
    assert not model.weight.any() and not average.model.weight.requires_grad and not average.model.training


# -- training ------------------------------------------------------------------------------------------------


def test_it_lowers_the_loss(tmp_path):
    def score(model: nn.Module) -> float:
        return float(loss_of(model)((X, Y)).detach())

    model = Toy(1)
    before = score(model)
    average, _ = run(model, tmp_path / "s.pt", minutes=25, matrix_rate=0.02, other_rate=0.01)
    assert score(model) < 0.02 * before and score(average) < 0.05 * before
    assert torch.equal(model.frozen, torch.ones(3))


def test_the_budget_is_time(tmp_path):
    run(Toy(1), tmp_path / "s.pt", minutes=2)
    state = torch.load(tmp_path / "s.pt", weights_only=True)
    assert (state["step"], state["spent"], state["samples"]) == (24, 120.0, 24 * 32)
    assert [file.name for file in tmp_path.iterdir()] == ["s.pt"]  # no partial file is left


def test_a_finished_training_is_not_begun_again(tmp_path):
    trained, done = Toy(1), tmp_path / "s.pt"
    average, _ = run(trained, done)
    again = Toy(2)
    resumed, said = run(again, done, feed=iter(()))  # it would raise StopIteration
    assert same(again, trained) and same(resumed, average)
    assert said == ["training: goes on at step 24, 2.0 of 2 minutes used"]


def test_more_minutes_go_on_from_there(tmp_path):
    run(Toy(1), tmp_path / "s.pt", minutes=2)
    _, said = run(Toy(2), tmp_path / "s.pt", minutes=3)
    state = torch.load(tmp_path / "s.pt", weights_only=True)
    assert (state["step"], state["spent"], state["samples"]) == (36, 180.0, 36 * 32)
    assert said[0] == "training: goes on at step 24, 2.0 of 3 minutes used"


class Interrupted(Exception):
    pass


def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(tmp_path):
    """State, clock, schedule, optimizers and average all go on: the weights are equal to the last bit."""
    whole = Toy(1)
    expected, _ = run(whole, tmp_path / "whole.pt", minutes=4)

    def until(n: int) -> Iterator:
        yield from islice(batches(), n)
        raise Interrupted

    with pytest.raises(Interrupted):
        run(Toy(1), tmp_path / "parts.pt", minutes=4, feed=until(20))
    # Saved when more than a minute had passed, at step 13; the steps after it are lost and made again.
    assert torch.load(tmp_path / "parts.pt", weights_only=True)["step"] == 13
    rest = Toy(9)
    got, said = run(rest, tmp_path / "parts.pt", minutes=4)
    assert "goes on at step 13" in said[0]
    assert same(rest, whole) and same(got, expected)
    assert torch.load(tmp_path / "parts.pt", weights_only=True)["step"] == 48


def test_saving_is_reported_and_is_not_counted_as_training(tmp_path):
    seen: list[Average] = []
    model = Toy(1)
    start = copy.deepcopy(model)

    def on_save(average: Average) -> None:
        assert (tmp_path / "s.pt").exists() and not same(average.model, start)
        seen.append(average)
        for _ in range(100):
            loop.time.monotonic()  # a slow one

    run(model, tmp_path / "s.pt", minutes=4, on_save=on_save)
    assert torch.load(tmp_path / "s.pt", weights_only=True)["spent"] == 240.0
    assert len(seen) == 3 and len({id(average) for average in seen}) == 1


def test_progress_names_step_pace_loss_and_what_is_left(tmp_path):
    _, said = run(Toy(1), tmp_path / "s.pt", minutes=2, label="toy")
    assert len(said) == 8  # every third tick is the first one after ten seconds
    assert said[0].startswith("toy: step 3, 96 samples, 6/s, loss 0.") and said[0].endswith(
        "1.8 minutes left"
    )
    assert said[-1].startswith("toy: step 23, 736 samples") and said[-1].endswith("0.1 minutes left")


def test_an_average_can_be_brought(tmp_path):
    model = Toy(1)
    mine = Average(model)
    got = train(model, batches(), loss_of(model), 1.0, tmp_path / "s.pt", average=mine, report=lambda _: None)
    assert got is mine and not same(mine.model, Toy(1))
