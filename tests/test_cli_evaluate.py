"""`emotive evaluate`: a report from a command, which tells the command; one line for what is wrong."""

import json
from pathlib import Path

import pytest
from command import refused

from emotive.cli.evaluate import _shape
from emotive.errors import InputError
from emotive.weights import fingerprint


def test_a_report_from_the_command_line(run, model: Path):
    done = run("evaluate", "image", "--quick", "--captions", 1, "--grid", "2x2", "--steps", 1,
               "--device", "cpu", "--model", model, "-o", "report")  # fmt: skip
    assert done.code == 0, done.err
    assert done.out == [str(Path("report/report.json")), str(Path("report/report.html"))]
    found = json.loads(Path("report/report.json").read_text("utf-8"))
    assert found["n"] == 4 and found["grid"] == [2, 2] and found["model"]["steps"] == 1
    assert found["model"]["fingerprint"] == fingerprint(model)
    assert found["headline_judge"] == "picture" and set(found["judges"]) == {"picture", "published"}
    for part in ("--quick", "--captions 1", "--grid 2x2", "--steps 1", "--device cpu", "-o DIR"):
        assert part in found["command"]
    assert sorted(p.name for p in Path("report").iterdir()) == ["report.html", "report.json"]


@pytest.mark.parametrize("wrong, told", [
    (("--grid", "five"), "ROWSxCOLUMNS"),
    (("--grid", "1x5"), "2 to 9"),
    (("--grid", "5x"), "ROWSxCOLUMNS"),
    (("--grid", "99999999999x5"), "2 to 9"),
    (("--captions", 0), "1 to"),
    (("--captions", 100000), "1 to"),
    (("--seeds", 0), "1 to 100"),
    (("--steps", 0), "1 to 1000"),
    (("--model", "emotive-imago-1"), "'emotive-imago-1'"),
    (("--device", "abacus"), "unknown device"),
])  # fmt: skip
def test_bad_input_is_one_line(run, wrong, told):
    assert told in refused(run("evaluate", "image", *wrong, "-o", "report"))
    assert not list(Path(".").glob("**/report.*"))


def test_foreign_files_are_respected(run):
    Path("theirs").mkdir()
    Path("theirs/report.json").write_text('{"theirs": true}')
    assert "is not a report" in refused(run("evaluate", "image", "-o", "theirs"))
    Path("file").write_text("")
    refused(run("evaluate", "image", "-o", "file"))
    assert Path("theirs/report.json").read_text() == '{"theirs": true}'


@pytest.mark.parametrize("grid, shape", [("5x5", (5, 5)), ("3X7", (3, 7))])
def test_grids_are_rows_by_columns(grid, shape):
    assert _shape(grid) == shape
    with pytest.raises(InputError):
        _shape(grid.replace("x", "*").replace("X", "*"))


@pytest.mark.parametrize("wrong", [("--minutes", 0), ("--painters", -1), ("--capacity", 1), ("--seed", -1)])
def test_the_recipe_of_the_reader_refuses_nonsense(run, wrong):
    assert wrong[0] in refused(run("train", "scene-reader", *wrong, "-o", "out"))
    assert not Path("out").exists()
