"""The recipe of the scene reader on a tiny network: it learns, goes on, and says what it made."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from emotive.data.scenes import LEXICON
from emotive.errors import InputError
from emotive.perceive.scene import SceneReader
from emotive.train.image_data import Reservoir
from emotive.train.scene_reader import (
    KINDS,
    confusions,
    named,
    new_classifier,
    paintings,
    reader_batches,
    reading_loss,
    spoil,
    train_scene_reader,
)
from emotive.weights import verify


def tiny():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return new_classifier(widths=(8, 16, 16, 16))


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a filled reservoir of 32 paintings."""
    folder = tmp_path_factory.mktemp("reader")
    made, rng = Reservoir(folder / "data", capacity=32), random.Random(0)
    for slot in range(32):
        made.paint_slot(slot, rng)
    return folder


@pytest.fixture(scope="module")
def rare():
    return paintings(8, random.Random(1), lambda i: True)


def test_paintings_are_of_the_combinations_asked_for():
    mixed = paintings(6, random.Random(2), lambda i: i % 2 == 1)
    assert mixed.pixels.shape == (6, 64, 64, 3) and mixed.pixels.dtype == np.uint8
    names = {kind: [*LEXICON[kind], "none"] for kind in KINDS}
    for i, code in enumerate(mixed.scene):
        scene = {kind: names[kind][k] for kind, k in zip(KINDS, code, strict=True)}
        from emotive.data.scenes import Scene

        subject = None if scene["subject"] == "none" else scene["subject"]
        assert Scene(subject, scene["setting"], scene["time"], scene["weather"]).reserved == (i % 2 == 1)


def test_no_subject_is_the_last_name():
    assert named(np.array([[-1, 0, 0, 0], [3, 1, 1, 1]], np.int8)).tolist() == [[12, 0, 0, 0], [3, 1, 1, 1]]
    assert new_classifier().config["vocabulary"]["subject"][12] == "none"


def test_batches_show_reserved_combinations_one_time_in_twelve(output, rare):
    marked = rare._replace(scene=np.full_like(rare.scene, 3))
    feed = reader_batches(Reservoir(output / "data", 32), marked, 48, seed=0)
    share = np.mean([(next(feed)[1] == 3).all(1).float().mean().item() for _ in range(40)])
    assert share == pytest.approx(1 / 12, abs=0.03)
    first, again = (next(reader_batches(Reservoir(output / "data", 32), rare, 8, seed=5)) for _ in range(2))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert first[0].shape == (8, 3, 64, 64) and first[0].abs().max() <= 1


def test_spoiling_keeps_the_picture(rare):
    clean = torch.from_numpy(rare.pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        spoilt = spoil(clean, torch.from_numpy(rare.arousal), generator)
        for before, after in zip(clean, spoilt, strict=True):
            nearness = [
                float(torch.corrcoef(torch.stack([x.flatten(), after.flatten()]))[0, 1])
                for x in (before, before.flip(2))
            ]
            assert max(nearness) > 0.8 and not torch.equal(before, after)


def test_the_loss_falls(output, rare):
    classifier = tiny()
    feed = reader_batches(Reservoir(output / "data", 32), rare, 16, seed=0)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        loss = reading_loss(classifier, *next(feed))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])


def test_a_run_leaves_a_reader_with_its_card_and_goes_on(output):
    sizes = {"painters": 0, "capacity": 32, "reserved": 4, "batch_size": 8, "test_paintings": 6}
    lines: list[str] = []
    for minutes in (0.02, 0.03):
        folder = train_scene_reader(output, minutes, 0, **sizes, report=lines.append, classifier=tiny())
    assert any("goes on" in line for line in lines)
    verify(folder)
    reader = SceneReader.from_pretrained(folder)
    assert set(reader.vocabulary) == set(KINDS)
    assert {p.dtype for p in reader.classifier.parameters()} == {torch.float32}
    card = (folder / "README.md").read_text("utf-8")
    assert card.startswith("---\nlicense: apache-2.0")
    assert "`emotive train scene-reader --minutes 0.03 --seed 0 --capacity 32`" in card
    assert "6 fresh paintings" in card and "| weather |" in card


def test_painters_fill_an_empty_folder(tmp_path: Path):
    sizes = {"painters": 1, "capacity": 16, "reserved": 2, "batch_size": 4, "test_paintings": 2}
    folder = train_scene_reader(tmp_path, 0.01, 1, **sizes, report=lambda line: None, classifier=tiny())
    assert Reservoir(tmp_path / "data", 16).filled.sum() >= 4
    SceneReader.from_pretrained(folder)


def test_without_painters_and_paintings_there_is_nothing_to_learn_from(tmp_path: Path):
    with pytest.raises(InputError, match="1 painter or more"):
        train_scene_reader(tmp_path, 0.01, painters=0, capacity=16, reserved=1, classifier=tiny())


def test_confusions_name_what_was_taken_for_what():
    names = {kind: tuple(f"{kind}{i}" for i in range(3)) for kind in KINDS}
    codes = np.zeros((4, 4), int)
    found = [np.array([0, 1, 1, 2])] + [np.zeros(4, int)] * 3
    told = confusions(names, found, codes).splitlines()
    assert told[0] == "- subject: subject0 as subject1 2x, subject0 as subject2 1x; 3 of 4 wrong"
    assert told[3] == "- weather: none; 0 of 4 wrong"
