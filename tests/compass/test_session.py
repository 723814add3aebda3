"""A search: answers as text, undo, and a file to go on from."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from emotive.compass.answers import Answer
from emotive.compass.basis import REACH, Basis
from emotive.compass.session import Compass, strip
from emotive.errors import InputError


@pytest.fixture
def basis() -> Basis:
    offsets = {"tokens": torch.eye(5, 8), "pooled": torch.arange(5.0)[:, None]}
    return Basis(("a", "b", "c", "d", "e"), offsets, "a model of five axes", torch.ones(4))


@pytest.mark.parametrize(
    ("text", "kind", "more", "less"),
    [
        ("3 1 | 2 4", "piles", (2, 0), (1, 3)),
        ("1,2|3", "piles", (0, 1), (2,)),
        (" 3>1 > 2 ", "ranking", (2, 0, 1), ()),
        ("3 = 1", "alike", (2, 0), ()),
        ("-", "pass", (), ()),
    ],
)
def test_answers_are_read_and_said_again(text: str, kind: str, more: tuple, less: tuple):
    answer = Answer.parse(text, 4)
    assert (answer.kind, answer.more, answer.less) == (kind, more, less)
    assert Answer.parse(str(answer), 4) == answer


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no answer"),
        ("3 1", "is no answer"),
        ("1 | 2 | 3", "is no answer"),
        ("1 > 2 | 3", "is no answer"),
        ("1 2 > 3", "one number between"),
        ("1 >", "one number between"),
        ("1 2 |", "nothing on one side"),
        ("1 | 5", "no picture 5"),
        ("0 | 1", "no picture 0"),
        ("1 | 99999999999999999999", "no picture"),
        ("1 2 | 2", "picture 2 is named twice"),
        ("; rm", "is no answer"),
    ],
)
def test_what_is_no_answer_is_one_line(text: str, says: str):
    with pytest.raises(InputError, match=says) as caught:
        Answer.parse(text, 4)
    assert "\n" not in str(caught.value)


def test_undo_asks_the_same_tray_again():
    compass = Compass(5, ("a house",), 4)
    first = compass.tray
    compass.answer("1 | 2")
    known, second = compass.posterior.direction, compass.tray
    compass.undo()
    assert compass.tray is first
    compass.answer("1 | 2")
    assert (compass.posterior.direction == known).all() and (compass.tray.z == second.z).all()
    compass.undo()
    with pytest.raises(InputError, match="no answer to take back"):
        compass.undo()


def test_a_search_goes_on_from_its_file_as_if_it_had_not_stopped(tmp_path: Path, basis: Basis):
    compass = Compass(5, ("a house", "a tree"), 4, seed=9)
    for answer in ("1 2 | 3", "-", "4 > 2 > 1"):
        compass.answer(answer)
    again, record = Compass.load(compass.save(tmp_path / "s.json", name="prickly"))
    assert record["name"] == "prickly" and [t.prompt for t, _ in again.done] == [
        "a house",
        "a tree",
        "a house",
    ]
    assert (again.tray.z == compass.tray.z).all() and again.tray.prompt == "a tree"
    mine, other = compass.direction(basis, "x"), again.direction(basis, "x")
    assert torch.equal(mine.offsets["tokens"], other.offsets["tokens"]) and mine.card == other.card


@pytest.mark.parametrize(
    "damage", ["not json", {"format": "x"}, {"done": [{"z": [[1]]}]}, {"pictures": 99}, [1]]
)
def test_a_damaged_file_is_one_line(tmp_path: Path, damage):
    file = Compass(5, ("a house",), 4).save(tmp_path / "s.json")
    if isinstance(damage, dict):
        damage = json.dumps(json.loads(file.read_text()) | damage)
    file.write_text(damage if isinstance(damage, str) else json.dumps(damage))
    with pytest.raises(InputError, match=r"s\.json|tray has"):
        Compass.load(file)


def test_the_direction_is_the_one_found_at_its_reach(basis: Basis):
    compass = Compass(5, ("a house",), 6, seed=2)
    with pytest.raises(InputError, match="nothing was sorted"):
        compass.direction(basis, "x")
    for _ in range(6):
        order = np.argsort(-compass.tray.z[:, 1]) + 1
        compass.answer(" > ".join(map(str, order)))
    direction = compass.direction(basis, "more of b", "2026-01-01T00:00:00+00:00", compass.agreement())
    tokens = direction.offsets["tokens"]
    assert tokens.norm() == pytest.approx(REACH, rel=1e-5) and tokens[1] / REACH > 0.9
    assert direction.confidence == round(compass.posterior.confidence, 4) and direction.judgements == 6
    assert direction.interval[0] < direction.confidence < direction.interval[1]
    assert "6 trays of 6 pictures of: a house" in direction.card and "lies along b +" in direction.card
    assert [sum(step.values()) for step in strip(direction)] == [-2, -1, 0, 1, 2]


def test_what_cannot_be_a_search_is_refused():
    for wrong in ({"pictures": 1}, {"pictures": 9}, {"prompts": ()}):
        with pytest.raises(InputError):
            Compass(**{"dimensions": 5, "prompts": ("a",), "pictures": 4, **wrong})
