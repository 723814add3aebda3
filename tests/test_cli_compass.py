"""`emotive compass`: by typed answers, by a file, stopped and gone on with; and its direction in use."""

import io
from pathlib import Path

import pytest
import torch
from command import refused
from PIL import Image

from emotive.cli.compass import SESSION
from emotive.compass.direction import Direction
from emotive.media.provenance import read_provenance


@pytest.fixture
def settings(model: Path) -> tuple:
    return ("--model", model, "--device", "cpu", "--dtype", "fp32")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch):
    def type(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return type


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_typed_answers_become_a_direction(run, settings: tuple, typed):
    typed("1 2 | 3", "1 9 | 2", "u", "3 > 1 > 2", "q")
    search = ("compass", "a house by the sea", "--name", "prickly", "--pictures", 3, "--steps", 1, *settings)
    done = run(*search)
    assert done.code == 0, done
    folder = Path("compass-prickly")
    trays = [str(folder / f"tray-{n:02d}.png") for n in (1, 2, 1, 2)]
    assert done.out == [*trays, str(folder / "prickly-strip.png"), str(folder / "prickly.safetensors")]
    assert 'Which have more of "prickly"' in done.err[0]
    assert any("there is no picture 9: this tray has 1 to 3" in line for line in done.err)
    assert "'prickly' after 1 judgement: expected cosine" in done.err[-1]
    direction = Direction.load(folder / "prickly.safetensors")
    assert direction.judgements == 1 and direction.created and "a house by the sea" in direction.card
    assert read_provenance(done.out[0]).extra["processed"].startswith("a numbered tray")
    with Image.open(folder / "prickly-strip.png") as strip:
        assert strip.width > 4 * strip.height

    painted = ("image", "a boat at sea", "--steps", 1, "--seed", 3, *settings)
    assert run(*painted, "-o", "plain.png").code == 0
    amounts = [f"{folder / 'prickly.safetensors'}:{amount}" for amount in ("2", "0")]
    for amount, same in zip(amounts, (False, True), strict=True):
        assert run(*painted, "--direction", amount, "-o", "moved.png").code == 0
        assert (Image.open("moved.png").tobytes() == Image.open("plain.png").tobytes()) is same


def test_a_stopped_search_goes_on_and_ends_as_if_it_had_not(run, settings: tuple):
    Path("all.txt").write_text("1 2 | 3 4  # the first\n\n4 > 1\n-\n1 | 2 3\n")
    Path("first.txt").write_text("1 2 | 3 4\n4 > 1\n")
    Path("rest.txt").write_text("-\n1 | 2 3\n")
    begun = ("compass", "a house by the sea", "a tree", "--name", "x y", "--pictures", 4, "--steps", 1)
    begun = (*begun, *settings)
    assert run(*begun, "--answers", "all.txt", "-o", "whole").code == 0
    assert run(*begun, "--answers", "first.txt", "-o", "parts").code == 0
    here = ("--steps", 1, "--device", "cpu", "--dtype", "fp32")
    done = run("compass", "--name", "x y", "--answers", "rest.txt", "-o", "parts", "--keep", *here)
    assert done.code == 0 and done.out[-1] == str(
        Path("data").resolve() / "emotive/directions/x y.safetensors"
    )
    assert "held-out answers" in done.err[-1]
    whole, parts = (Direction.load(f"{folder}/x y.safetensors") for folder in ("whole", "parts"))
    assert whole.offsets.keys() == {"affect", "text.tokens", "text.pooled"} and whole.judgements == 4
    assert all(torch.equal(whole.offsets[key], parts.offsets[key]) for key in whole.offsets)
    assert Direction.load("x y").card == parts.card
    other = ("compass", "--name", "x y", "-o", "parts")
    assert "begun with --pictures 4" in refused(run(*other, "--pictures", 5))
    assert "begun with the prompt a house by the sea; a tree" in refused(run(*other, "a tree"))
    assert "begun with --model" in refused(run(*other, "--model", "emotive-image-1"))


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["a house"], "--name prickly"),
        (["--name", "x"], "say what to paint"),
        (["a house", "--name", "a/b"], "cannot name a direction"),
        (["a house", "--name", "x", "--pictures", 9], "2 to 8 pictures"),
        (["a house", "--name", "x", "--judgements", 0], "--judgements 0"),
        (["a house", "--name", "x", "--answers", "none.txt"], "none.txt does not exist"),
        (["a house", "--name", "x", "--answers", "empty.txt"], "has no answers"),
        (["a house", "--name", "x", "--answers", "bad.txt"], "bad.txt, answer 2: there is no picture 9"),
        (["a house", "--name", "x", "--answers", "pass.txt"], "nothing was sorted"),
        (["a house", "--name", "x", "--adapter", "blend"], "--adapter"),
        (["--name", "x", "-o", "damaged"], "holds no search"),
        (["a house", "--name", "x", "-o", "empty.txt"], "empty.txt"),
    ],
)
def test_bad_input_is_one_line(run, settings: tuple, argv: list, says: str):
    Path("empty.txt").touch()
    Path("bad.txt").write_text("1 | 2\n1 | 9\n")
    Path("pass.txt").write_text("-\n")
    Path("damaged").mkdir()
    Path("damaged", SESSION).write_text("{}")
    assert says in refused(run("compass", *argv, *settings))
