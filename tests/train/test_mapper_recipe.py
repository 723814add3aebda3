"""The recipe of the mapper: weights and targets by their formulas, embeds within a limit, and it learns."""

import functools
import math
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_backbones import tiny_backbone

from emotive.affect import emotions
from emotive.backbones.adapter import PromptEmbeds
from emotive.backbones.mapper import AffectMapper, moved
from emotive.cli.train_mapper import train_mapper as command
from emotive.data.affect_pairs import AffectPair, write_pairs
from emotive.data.felt_prompts import felt_pairs
from emotive.errors import InputError
from emotive.pipelines.with_affect import plain_embeds, with_affect
from emotive.train import mapper as recipe
from emotive.train.mapper_card import Linear, places, readout
from emotive.train.mapper_data import Batch, PairEmbeds
from emotive.train.mapper_losses import density_weights, errors, mapper_loss, target

SMALL: dict[str, Any] = {"dim": 32, "depth": 1, "heads": 2}


class Encoder:
    """The text encoders of a tiny backbone, counting; after `until` prompts it is interrupted."""

    def __init__(self, family: str = "sd", until: float = math.inf):
        self.plain, self.prompts, self.until = (
            functools.partial(plain_embeds, tiny_backbone(family)),
            0,
            until,
        )

    def __call__(self, texts: Sequence[str]) -> PromptEmbeds:
        self.prompts += len(texts)
        if self.prompts > self.until:
            raise KeyboardInterrupt
        return self.plain(texts)


def same(one: Batch, other: Batch) -> bool:
    def alike(a: torch.Tensor | None, b: torch.Tensor | None) -> bool:
        return a is b if a is None or b is None else torch.equal(a.nan_to_num(9), b.nan_to_num(9))

    return all(alike(a, b) for a, b in zip(one, other, strict=True))


def test_rare_affects_weigh_more_by_the_root_of_their_density():
    many, few = np.tile([0.5, 0.5], (900, 1)), np.tile([-0.9, -0.9], (100, 1))
    points = np.concatenate([many, few])
    weights = density_weights(points, cap=np.inf)
    assert weights.mean() == pytest.approx(1)
    assert weights[-1] / weights[0] == pytest.approx(math.sqrt(9), rel=1e-3)
    np.testing.assert_allclose(density_weights(points, temper=0.0), 1)
    assert density_weights(points, temper=1.0, cap=np.inf)[-1] / weights[-1] > 1.5
    lone = np.concatenate([np.tile([0.5, 0.5], (5000, 1)), [[-1.0, -1.0]]])
    assert density_weights(lone, cap=np.inf).max() > 50 > 5.2 > density_weights(lone, cap=5.0).max() > 5
    # The formula itself, on points that no rounding touches.
    rng = np.random.default_rng(0)
    some = rng.integers(-100, 101, (60, 2)) / 100
    width = (60 * 4 / 4) ** (-1 / 6) * some.std(0)
    density = np.exp(-0.5 * (((some[:, None] - some) / width) ** 2).sum(2)).sum(1)
    np.testing.assert_allclose(density_weights(some, cap=np.inf), density**-0.5 / (density**-0.5).mean())


@pytest.mark.parametrize("family", ["sd", "sdxl"])
def test_targets(family: str, tmp_path: Path):
    batch = PairEmbeds(list(felt_pairs(6)), Encoder(family), tmp_path, 0).batch(range(6))
    one, more = target(batch, 1.0), target(batch, 1.5)
    may = moved(batch.content)
    torch.testing.assert_close((batch.neutral + one.tokens)[may], batch.emotional[may])
    torch.testing.assert_close(more.tokens, 1.5 * one.tokens)
    assert not one.tokens[~may].any() and not one.where[~may].any()
    torch.testing.assert_close(one.where.sum(1), torch.ones(6))
    words = may & (batch.content | batch.said)
    torch.testing.assert_close((one.where * words).sum(1), torch.full((6,), 0.5))
    if family == "sd":  # a causal encoder: what is said behind the words does not reach them
        assert not one.tokens[batch.content].any() and one.pooled is None
    else:
        torch.testing.assert_close(more.pooled, 1.5 * (batch.pooled_emotional - batch.pooled_neutral))  # type: ignore[operator]


def test_adding_nothing_costs_one_and_content_is_then_kept(tmp_path: Path):
    encode = Encoder("sdxl")
    data = PairEmbeds(list(felt_pairs(12)), encode, tmp_path, 0)
    mapper, batch = AffectMapper.untrained(encode, **SMALL), data.batch(range(12))
    wanted = target(batch, 1.0)
    network = mapper.network
    rms = float((wanted.tokens.square().mean(2) * wanted.where).sum(1).mean().sqrt())
    network.standardise("tokens", batch.neutral[moved(batch.content)], rms)
    network.standardise("pooled", batch.pooled_neutral, float(wanted.pooled.square().mean().sqrt()))  # type: ignore[arg-type, union-attr]
    nothing = torch.zeros_like(wanted.tokens), torch.zeros_like(wanted.pooled)  # type: ignore[arg-type]
    for error in errors(network, *nothing, wanted):
        assert error is not None and float(error.mean()) == pytest.approx(1, rel=1e-4)
    rule: dict[str, Any] = {"generator": torch.Generator().manual_seed(0), "shortened": 0.0}
    for content in (0.0, 7.0):  # untrained it adds nothing, and loses nothing
        assert float(mapper_loss(network, mapper.embedding, batch, 1.0, content, **rule)) == pytest.approx(
            1, rel=1e-4
        )


def test_embeds_come_from_disk_as_they_were_encoded(tmp_path: Path):
    pairs, encode = list(felt_pairs(40)), Encoder("sdxl")
    free = PairEmbeds(pairs, encode, tmp_path / "free", 0, shard_bytes=1)
    size = free.pair_bytes
    data = PairEmbeds(pairs, encode, tmp_path / "kept", 24 * size, shard_bytes=4 * size)
    assert (free.shards, data.shards) == (40, 10)
    rows = [*range(40), 3, 17]
    first = data.batch(rows)
    files = sorted((tmp_path / "kept").iterdir())
    assert len(files) == 6 and not list((tmp_path / "free").iterdir())
    assert sum(f.stat().st_size for f in files) < 24 * size + 6 * 1000
    assert len(data._open) == 5  # no more in memory
    # On disk they are in float16; what is encoded anew is rounded alike.
    assert same(first, free.batch(rows))
    before = encode.prompts
    again = PairEmbeds(pairs, encode, tmp_path / "kept", 24 * size, shard_bytes=4 * size)
    assert same(first, again.batch(rows)) and encode.prompts - before == 1 + 2 * 16  # the probe, and 4 shards
    files[0].write_bytes(files[0].read_bytes()[:100])
    assert same(
        first, PairEmbeds(pairs, encode, tmp_path / "kept", 24 * size, shard_bytes=4 * size).batch(rows)
    )
    PairEmbeds(pairs[::-1], encode, tmp_path / "kept", 24 * size, shard_bytes=4 * size)
    assert not list((tmp_path / "kept").iterdir())  # stale


def test_batches_go_on_where_they_were(tmp_path: Path):
    data = PairEmbeds(list(felt_pairs(23)), Encoder(), tmp_path, 10**9, shard_bytes=20_000)
    every = list(islice(data._order(4, 0), 4 * 23))
    for turn in range(4):
        assert sorted(every[23 * turn : 23 * (turn + 1)]) == list(range(23))
    assert every[:23] != every[23:46]
    whole = list(islice(data.batches(5, seed=4), 12))
    for start in (1, 4, 5, 9):
        assert same(next(data.batches(5, seed=4, start=start)), whole[start])
    assert not same(next(data.batches(5, seed=5)), whole[0])


def test_what_is_not_finite_is_refused(tmp_path: Path):
    pipe = tiny_backbone("sd")
    with torch.no_grad():
        pipe.text_encoder.get_input_embeddings().weight[5].fill_(math.nan)
    with pytest.raises(InputError, match="not finite"):
        PairEmbeds(list(felt_pairs(4)), functools.partial(plain_embeds, pipe), tmp_path, 0).batch([0, 1])


def test_places_and_readout():
    content = torch.tensor([[0, 1, 1, 0, 0, 1, 0, 0]], dtype=torch.bool)
    assert places(content)[0].tolist() == [1, 0, 0, 1, 2, 10, 11, 12]
    generator = torch.Generator().manual_seed(0)
    x, w = torch.randn(60, 100, generator=generator), torch.randn(100, 2, generator=generator) / 10
    x[:, 8:] *= 1e-3
    read = readout(x[:40], x[:40] @ w)
    torch.testing.assert_close(read(x[40:]), x[40:] @ w, atol=0.02, rtol=0.05)


def test_it_learns_and_is_measured(tmp_path: Path):
    """A few words: the mapper comes far below adding nothing, and below what no affect would explain."""
    named = [e for e in emotions() if e.term in ("joyful", "sad", "angry", "relaxed")]
    said = ("a cat", "a house by the sea", "two trees")
    pairs = [AffectPair(s, f"{s}, {e.term}", e.valence, e.arousal, e.dominance) for s in said for e in named]
    held = [
        AffectPair(p.neutral, f"{p.emotional} mood", p.valence, p.arousal, p.dominance, "held-out")
        for p in pairs
    ]
    write_pairs(tmp_path / "own.jsonl", [*pairs, *held])
    encode = Encoder("sdxl")
    folder = recipe.train_mapper(
        tmp_path / "run", encode, [tmp_path / "own.jsonl"], steps=100, batch_size=12, rate=4e-3, content=0.1,
        device="cpu", report=lambda line: None, **SMALL,
    )  # fmt: skip
    mapper = AffectMapper.load(folder)
    assert folder == tmp_path / "run" / "mapper"
    data = PairEmbeds(pairs, encode, tmp_path / "embeds", 0)
    batch = data.batch(range(12))
    wanted = target(batch, 1.0)

    def error(found: torch.Tensor) -> float:
        left = ((found - wanted.tokens).square().sum(2) * wanted.where).sum()
        return float(left / (wanted.tokens.square().sum(2) * wanted.where).sum())

    embeds = PromptEmbeds(batch.neutral, batch.pooled_neutral, batch.content)
    found, pooled = mapper.residuals(embeds, batch.points)
    assert error(found) < min(0.35, 0.8 * error(Linear(data, 1.0)(batch, constant=True)))
    assert wanted.pooled is not None and pooled is not None
    assert float((pooled - wanted.pooled).square().sum() / wanted.pooled.square().sum()) < 0.7
    # At the neutral point it adds little.
    still, _ = mapper.residuals(embeds, torch.zeros(12, 3))
    assert float(still.square().mean() / found.square().mean()) < 0.35
    card = (folder / "README.md").read_text()
    assert "own.jsonl: 12 pairs to train on" in card and "| held-out | mapper |" in card
    assert "--steps 100 --batch-size 12" in card and "None" not in card


def test_an_interrupted_run_ends_like_one_that_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recipe, "PairEmbeds", functools.partial(PairEmbeds, shard_bytes=20_000))
    lines: list[str] = []
    settings: dict[str, Any] = {
        "steps": 14,
        "batch_size": 4,
        "count": 40,
        "cache": 0.0,
        "measured": 4,
        "keep_every": 0.0,
    }
    settings |= {"device": "cpu", "report": lines.append, **SMALL}

    def run(name: str, until: float = math.inf) -> str:
        folder = recipe.train_mapper(tmp_path / name, Encoder("sd", until), **settings)
        return AffectMapper.load(folder).fingerprint()

    whole = run("whole")
    assert not any("goes on" in line for line in lines)
    with pytest.raises(KeyboardInterrupt):
        run("cut", until=90)  # two probes, a sample of four shards, and some shards of training
    step = torch.load(tmp_path / "cut" / "mapper.pt", weights_only=True)["step"]
    assert 0 < step < 14
    assert run("cut") == whole and any(f"goes on at step {step}" in line for line in lines)
    with pytest.raises(InputError, match="a run with other batch: give the same again"):
        recipe.train_mapper(tmp_path / "cut", Encoder(), **{**settings, "batch_size": 5})


def test_bad_runs(tmp_path: Path):
    write_pairs(tmp_path / "one.csv", [AffectPair("a", "a b", 0.1, 0.1), AffectPair("c", "c b", 0.1, 0.1)])
    with pytest.raises(InputError, match="0 held-out splits are too few"):
        recipe.train_mapper(tmp_path, Encoder(), [tmp_path / "one.csv"], steps=1, device="cpu")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A backbone in a folder -> a mapper in a folder, which attaches to that backbone."""
    tiny_backbone("sd").save_pretrained(tmp_path / "backbone")
    options: dict[str, Any] = {"steps": 2, "batch_size": 2, "count": 4, "device": "cpu"}
    command(tmp_path / "run", str(tmp_path / "backbone"), **options)
    folder = Path(capsys.readouterr().out.strip())
    assert folder == tmp_path / "run" / "mapper"
    pipe = with_affect(tiny_backbone("sd"), folder)
    assert pipe("a cat", affect="joy", num_inference_steps=1, height=16, width=16).images  # type: ignore[operator]
    for wrong in ({"steps": 0}, {"alpha": math.nan}, {"pairs": [tmp_path / "none.csv"]}, {"dtype": "int8"}):
        with pytest.raises(InputError):
            command(tmp_path / "other", str(tmp_path / "backbone"), **{**options, **wrong})
    assert not (tmp_path / "other").exists()
