"""Stimulus sets: whole, resumable, never mixed up; and equalised in what could explain an effect."""

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from command import refused
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny import tiny_image_pipeline

from emotive.batch import valence_arousal_grid
from emotive.errors import InputError
from emotive.matching import MATCHABLE, match, measured
from emotive.media.provenance import read_provenance
from emotive.perceive.published import PublishedJudge
from emotive.plan import blank_plan
from emotive.stimuli import COLUMNS, PARTIAL, TABLE, make_stimuli, match_stimuli, read_prompts, stimulus_list

JUDGES = (PublishedJudge(), PublishedJudge())  # two of one kind: what is tested is the table
PROMPTS = ["a house in a meadow", "a boat by the sea at night"]


def make(folder: Path, prompts: list[str] = PROMPTS, stop_after: int | None = None) -> list[str]:
    folder.mkdir(exist_ok=True)
    stimuli = stimulus_list(prompts, valence_arousal_grid(2, 2), 7, 1)
    paths = make_stimuli(folder, blank_plan("tiny"), stimuli, tiny_image_pipeline(), JUDGES)
    return [path.name for path in itertools.islice(paths, stop_after)]


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".json"}


def pixels(folder: Path) -> dict[str, bytes]:
    return {path.name: np.asarray(Image.open(path)).tobytes() for path in sorted(folder.glob("*.png"))}


def test_a_set_is_pictures_and_a_table_that_agree(tmp_path: Path):
    *pictures, table = make(tmp_path / "set")
    found = rows(tmp_path / "set" / table)
    assert table == TABLE and not (tmp_path / "set" / PARTIAL).exists()
    assert [row["file"] for row in found] == pictures and len(found) == 8
    assert list(found[0]) == list(COLUMNS)
    for row in found:
        made = read_provenance(tmp_path / "set" / row["file"])
        assert made.affect is not None and made.prompt == row["prompt"] and made.seed == int(row["seed"]) == 7
        assert (made.affect.valence, made.affect.arousal) == (float(row["valence"]), float(row["arousal"]))
        picture = np.asarray(Image.open(tmp_path / "set" / row["file"]))
        assert measured(picture)["luminance"] == pytest.approx(float(row["luminance"]), abs=1e-5)
        estimate = JUDGES[0].estimate([picture])
        assert float(row["published_valence"]) == pytest.approx(estimate.valence[0], abs=1e-4)


def test_a_stopped_set_goes_on_and_comes_out_the_same(tmp_path: Path):
    make(tmp_path / "whole")
    folder = tmp_path / "stopped"
    assert len(make(folder, stop_after=3)) == 3
    assert not (folder / TABLE).exists()
    with open(folder / PARTIAL, "a") as file:
        file.write("2-a-boat-by-the-sea,torn off in the mid")
    (folder / rows(folder / PARTIAL)[1]["file"]).unlink()  # and one picture is lost
    assert len(make(folder)) == 7  # six pictures and the table
    assert (folder / TABLE).read_bytes() == (tmp_path / "whole" / TABLE).read_bytes()
    assert pixels(folder) == pixels(tmp_path / "whole")
    before = files(folder)
    assert make(folder) == [TABLE] and files(folder) == before  # nothing is repeated


def test_a_finished_table_is_never_written_again(tmp_path: Path):
    folder = tmp_path / "set"
    make(folder)
    with open(folder / TABLE, encoding="utf-8", newline="") as file:
        lines = file.read().splitlines()
    mine = "\ufeff" + "\r\n".join([lines[0] + ",my_rating", *(line + ",5" for line in lines[1:])]) + "\r\n"
    (folder / TABLE).write_bytes(mine.encode())
    before = pixels(folder)
    for path in sorted(folder.glob("*.png"))[:1]:
        path.unlink()
    assert len(make(folder)) == 2  # the picture that was lost, and the table
    assert (folder / TABLE).read_bytes() == mine.encode() and pixels(folder) == before
    (folder / TABLE).write_bytes(mine.encode()[:-400])
    cut = (folder / TABLE).read_bytes()
    with pytest.raises(InputError, match="move"):
        make(folder)
    assert (folder / TABLE).read_bytes() == cut


def test_a_row_that_was_cut_short_is_painted_again(tmp_path: Path):
    make(tmp_path / "whole")
    folder = tmp_path / "cut"
    make(folder, stop_after=3)
    partial = (folder / PARTIAL).read_bytes()
    (folder / PARTIAL).write_bytes(partial[:-4])
    (folder / rows(folder / PARTIAL)[0]["file"]).write_bytes(b"")
    make(folder)
    assert (folder / TABLE).read_bytes() == (tmp_path / "whole" / TABLE).read_bytes()
    assert pixels(folder) == pixels(tmp_path / "whole")


def test_two_runs_do_not_work_in_one_folder(tmp_path: Path):
    folder = tmp_path / "set"
    folder.mkdir()
    stimuli = stimulus_list(PROMPTS, valence_arousal_grid(2, 2), 7, 1)
    first = make_stimuli(folder, blank_plan("tiny"), stimuli, tiny_image_pipeline(), JUDGES)
    next(first)
    with pytest.raises(InputError, match="another run"):
        make(folder)
    assert len(list(first)) == 8


def test_what_cannot_be_painted_leaves_nothing_behind(tmp_path: Path):
    stimuli = stimulus_list(PROMPTS, valence_arousal_grid(2, 2), -1, 1)
    with pytest.raises(InputError, match="seed"):
        list(make_stimuli(tmp_path, blank_plan("tiny"), stimuli, tiny_image_pipeline(), JUDGES))
    assert not list(tmp_path.iterdir())


def test_another_set_is_not_mixed_in(tmp_path: Path):
    make(tmp_path / "set")
    before = files(tmp_path / "set")
    with pytest.raises(InputError, match="another stimulus set, which differs in prompts"):
        make(tmp_path / "set", PROMPTS[:1])
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / TABLE).write_text("mine")
    with pytest.raises(InputError, match="choose another folder"):
        make(tmp_path / "foreign")
    assert files(tmp_path / "set") == before and (tmp_path / "foreign" / TABLE).read_text() == "mine"


def test_matching_takes_away_what_it_names_and_reports_the_rest(tmp_path: Path):
    make(tmp_path / "set")
    table, report = match_stimuli(tmp_path / "set", ["luminance", "contrast"], JUDGES)
    before, after = rows(tmp_path / "set" / TABLE), rows(table)
    assert [row["file"] for row in after] == [row["file"] for row in before]
    for name in ("luminance", "contrast"):
        values = [float(row[MATCHABLE[name]]) for row in after]
        assert max(values) - min(values) < 0.01
        assert report["spread_after"][name] == pytest.approx(np.std(values))
    assert json.loads((table.parent / "control.json").read_text()) == report
    assert read_provenance(table.parent / after[0]["file"]).extra["processed"].startswith("matched in")
    before_again = files(table.parent)
    assert match_stimuli(tmp_path / "set", ["contrast", "luminance"], JUDGES) == (table, report)
    assert files(table.parent) == before_again
    (table.parent / "control.json").write_text("{}")
    with pytest.raises(InputError, match="move it away"):
        match_stimuli(tmp_path / "set", ["luminance", "contrast"], JUDGES)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.6), st.floats(0.03, 0.15))
@settings(max_examples=15, deadline=None)
def test_any_picture_reaches_a_moderate_target(seed: int, luminance: float, contrast: float):
    rng = np.random.default_rng(seed)
    picture = rng.integers(40, 216, (6, 6, 3)).astype(np.uint8).repeat(16, 0).repeat(16, 1)
    now = measured(match(picture, {"luminance": luminance, "contrast": contrast}))
    assert now["luminance"] == pytest.approx(luminance, abs=0.01)
    assert now["contrast"] == pytest.approx(contrast, abs=0.01)


def test_matching_saturation_leaves_greys_grey():
    grey = np.full((64, 64, 3), 128, np.uint8)
    assert np.ptp(match(grey, {"saturation": 0.5}), axis=-1).max() <= 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds 0 prompts"),
        (b"# nothing\n\n", "holds 0 prompts"),
        (b"a house\n\xff\xfe", "UTF-8"),
        (b"a house\r\nA  House.\r\n", "line 2: 'A House.' is on line 1"),
        (b"a house\n\0\0\n", "line 2"),
        (b"a house\n# note\n a  house \n", "line 3: 'a house' is on line 1"),
        (b"a house\nxyzzy\n", "line 2: "),
    ],
)
def test_bad_prompt_files_name_file_and_line(tmp_path: Path, content: bytes, says: str):
    file = tmp_path / "prompts.txt"
    file.write_bytes(content)
    tokenize = tiny_image_pipeline().text_encoder.tokenize
    with pytest.raises(InputError, match=says) as caught:
        read_prompts(file, lambda text: tokenize([text]))
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--prompts", "none.txt", "-o", "set"], "none.txt does not exist"),
        (["--prompts", "p.txt"], "--output"),
        (["--prompts", "p.txt", "-o", "set", "--affect", "joy"], "--affect does not go with it"),
        (["--prompts", "p.txt", "-o", "set", "a house"], "a prompt does not go with it"),
        (["--prompts", "p.txt", "-o", "set", "--count", 2], "--seeds instead of --count"),
        (["--prompts", "p.txt", "-o", "set", "--seeds", 0], "--seeds 0"),
        (["--prompts", "p.txt", "-o", "set", "--match", "hue"], "'hue' is not one of"),
        (["--prompts", "p.txt", "-o", "set", "--match", "luminance,luminance"], "each once"),
        (["--prompts", "p.txt", "-o", "set", "--seed", -1], "seed -1"),
        (["--prompts", "p.txt", "-o", "set", "--affect-strength", "nan"], "affect_strength"),
        (["--prompts", "p.txt", "-o", ""], "--output"),
        (["--prompts", "x" * 300, "-o", "set"], "too long"),
        (["--prompts", "p.txt", "-o", "set", "--grid", "5"], "--grid"),
        (["a house", "--seeds", 2], "go with --prompts"),
        (["a house", "--match", "luminance"], "go with --prompts"),
    ],
)
def test_options_that_make_no_sense_together(run, model: Path, argv: list, says: str):
    Path("p.txt").write_text("a house\n")
    assert says in refused(run("image", "--model", model, *argv))
    assert not Path("set").exists()


def test_the_command_makes_a_set_and_equalises_it(run, model: Path):
    Path("p.txt").write_text("a house in a meadow\n")
    argv = ("image", "--prompts", "p.txt", "--grid", "2x2", "-o", "set", "--model", model, "--steps", 1)
    done = run(*argv, "--match", "luminance")
    assert done.code == 0, done.err
    assert done.out == [str(Path("set") / TABLE), str(Path("set/matched-luminance") / TABLE)]
    assert sum("with luminance equal" in line for line in done.err) == 4
    assert len(rows(Path("set") / TABLE)) == 4
    again = refused(run("image", "--like", next(Path("set/matched-luminance").glob("*.png"))))
    assert "cannot be remade" in again
