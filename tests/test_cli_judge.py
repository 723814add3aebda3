"""`emotive judge`: one sentence per picture on a clean stdout, tables that parse, one line for bad input."""

import csv
import errno
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from command import refused
from PIL import Image

from emotive.affect import Affect
from emotive.cli import main
from emotive.data.motifs import paint_motif
from emotive.perceive.picture import PictureJudge
from emotive.perceive.published import PublishedJudge


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Six motifs over the plane, in files."""
    points = [(-0.9, -0.9), (-0.9, 0.9), (0.0, 0.0), (0.9, -0.9), (0.9, 0.9), (0.5, 0.2)]
    files = []
    for i, (v, a) in enumerate(points):
        Image.fromarray(paint_motif("lattice", Affect(v, a), i, 128)).save(tmp_path / f"{i}.png")
        files.append(Path(f"{i}.png"))
    with open(tmp_path / "ratings.csv", "w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["file", "valence", "arousal", "scale"])
        rows.writerows(
            [file.name, 5 + 4 * v, 5 + 4 * a, "1..9"] for file, (v, a) in zip(files, points, strict=True)
        )
    return files


def test_one_sentence_from_each_judge(run, pictures):
    done = run("judge", pictures[4])
    assert done.code == 0 and done.err == [] and len(done.out) == 2
    for line, name in zip(done.out, ("picture", "published"), strict=True):
        assert line.startswith(f"{name}: Valence ") and "nearest names: " in line and line.endswith(".")


def test_several_files_are_told_apart(run, pictures):
    done = run("judge", *pictures[:3], "--judge", "published")
    assert [line.split(": ")[0] for line in done.out] == ["0.png", "1.png", "2.png"]


def test_json_is_the_estimate(run, pictures, tmp_path):
    done = run("judge", pictures[1], pictures[3], "--json")
    found = json.loads("\n".join(done.out))
    assert [(x["file"], x["judge"]) for x in found] == [
        (file, judge) for file in ("1.png", "3.png") for judge in ("picture", "published")
    ]
    picture = np.asarray(Image.open(tmp_path / "1.png"))
    for entry, judge in zip(found[:2], (PictureJudge.from_pretrained(), PublishedJudge()), strict=True):
        expected = judge.estimate([picture])
        assert entry["valence"] == pytest.approx(expected.valence[0], abs=1e-4)
        assert entry["arousal_sd"] == pytest.approx(expected.arousal_sd[0], abs=1e-4)
        assert entry["fingerprint"] == judge.fingerprint() and len(entry["nearest"]) == 3
        assert {"what", "valence", "arousal"} == set(entry["moved_by"][0])


def test_scores_and_ceiling_on_ratings(run, pictures):
    done = run("judge", "--ratings", "ratings.csv", "--judge", "published")
    text = "\n".join(done.out)
    assert done.code == 0 and "published judge on 6 rated pictures" in text
    assert text.count("ceiling, calibrated") == 2 and "CCC" in text and "MAE of the mean" in text
    found = json.loads("\n".join(run("judge", "--ratings", "ratings.csv", "--json").out))
    assert [entry["judge"] for entry in found] == ["picture", "published"]
    assert found[1]["score"]["arousal"]["pearson"] > 0.8
    low, high = found[1]["score"]["arousal"]["intervals"]["ccc"]
    assert low <= found[1]["score"]["arousal"]["ccc"] <= high


def test_a_calibration_is_written_applied_and_refused_to_another_judge(run, pictures):
    done = run("judge", "--ratings", "ratings.csv", "--judge", "published", "--calibrate", "c.json")
    assert done.code == 0 and done.err == [] and done.out[-1] == "c.json"
    assert done.out[0].startswith("published judge on 6") and done.out.count("c.json") == 1
    fitted = json.loads(Path("c.json").read_text())
    assert fitted["fingerprint"] == PublishedJudge().fingerprint()
    plain, applied = (
        json.loads("\n".join(run("judge", pictures[0], "--json", *more).out))
        for more in (("--judge", "published"), ("--calibration", "c.json"))
    )
    assert [entry["judge"] for entry in applied] == ["published, calibrated"]
    line = fitted["valence"]
    expected = np.clip(line["slope"] * plain[0]["valence"] + line["intercept"], -1, 1)
    assert applied[0]["valence"] == pytest.approx(expected, abs=1e-3)
    assert "calibrated: Valence" in run("judge", pictures[0], "--calibration", "c.json").out[0]
    words = refused(run("judge", pictures[0], "--judge", "picture", "--calibration", "c.json"))
    assert "c.json was made with another judge" in words


def test_a_calibration_of_neither_judge_is_named(run, pictures):
    assert run("judge", "--ratings", "ratings.csv", "--judge", "published", "--calibrate", "c.json").code == 0
    fitted = json.loads(Path("c.json").read_text())
    Path("c.json").write_text(json.dumps(fitted | {"fingerprint": "0" * 64}))
    words = refused(run("judge", pictures[0], "--calibration", "c.json"))
    assert "c.json was made with another judge than the two here" in words


def test_a_written_calibration_is_named_inside_json(run, pictures):
    argv = ("judge", "--ratings", "ratings.csv", "--judge", "published", "--calibrate", "c.json", "--json")
    (found,) = json.loads("\n".join(run(*argv).out))
    assert found["calibration"] == "c.json" and Path("c.json").is_file()
    (found,) = json.loads("\n".join(run(*argv[:5], "--json").out))
    assert "calibration" not in found


def test_only_a_calibration_is_overwritten(run, pictures):
    argv = ("judge", "--ratings", "ratings.csv", "--judge", "published", "--calibrate")
    Path("mine.json").write_text('{"years": "of work"}')
    words = refused(run(*argv, "mine.json"))
    assert "mine.json is not a calibration and would be overwritten; choose another name" in words
    assert Path("mine.json").read_text() == '{"years": "of work"}'
    assert run(*argv, "c.json").code == 0
    assert run(*argv, "c.json").code == 0


def test_equal_ratings_are_scored_but_not_fitted(run, pictures):
    Path("r").mkdir()
    rows = [f"../{file},5,{i + 1},1..9" for i, file in enumerate(pictures)]
    Path("r/equal.csv").write_text("\n".join(["file,valence,arousal,scale", *rows]))
    argv = ("judge", "--ratings", "r/equal.csv", "--judge", "published")
    wanted = "r/equal.csv: all valence ratings are equal; nothing can be fitted"
    assert wanted in refused(run(*argv, "--calibrate", "c.json")) and not Path("c.json").exists()
    done = run(*argv)
    assert done.code == 0 and "ceiling" not in "".join(done.out) and "MAE" in done.out[1]
    assert done.err == [f"emotive: note: {wanted}"]


def test_what_the_system_refuses_is_one_line(run, pictures, monkeypatch):
    argv = ("judge", "--judge", "published", "--ratings")
    long, words = "a" * 300, os.strerror(errno.ENAMETOOLONG)
    assert words in refused(run("judge", f"{long}.png"))
    assert words in refused(run(*argv, f"{long}.csv"))
    assert words in refused(run(*argv, "ratings.csv", "--calibrate", f"{long}.json"))
    with open("ratings.csv", "a") as stream:
        stream.write(f"{long}.png,5,5,1..9\n")
    assert "ratings.csv, row 8: " in refused(run(*argv, "ratings.csv"))
    real = os.stat

    def stat(path, *more, **options):  # root, who may run this, is forbidden nothing
        if str(path).startswith("priv/"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *more, **options)

    monkeypatch.setattr(os, "stat", stat)
    for command in (
        ("judge", "priv/a.png"),
        (*argv, "priv/r.csv"),
        (*argv, "ratings.csv", "--calibrate", "priv/c.json"),
    ):
        assert "Permission denied" in refused(run(*command))


def test_an_unknown_judge_is_told_the_names(run, pictures):
    words = refused(run("judge", pictures[0], "--judge", "zzz"))
    assert "Value error" not in words
    assert "'zzz' is not one of 'picture', 'speech', 'face', 'body', 'published', 'both'" in words


class Terminal(io.TextIOWrapper):
    """A stdout of some encoding, whose bytes can be read."""

    def __init__(self, encoding: str):
        super().__init__(io.BytesIO(), encoding, errors="strict", newline="")

    def got(self) -> bytes:
        self.flush()
        return self.buffer.getvalue()  # pyright: ignore


def test_a_sentence_suits_a_windows_console_and_any_other(run, pictures, monkeypatch):
    for encoding, spread in (("cp1252", b"\xb1"), ("ascii", rb"\u00b1"), ("utf-8", "±".encode())):
        monkeypatch.setattr(sys, "stdout", terminal := Terminal(encoding))
        assert main(["judge", str(pictures[0]), "--judge", "published"]) == 0
        line = terminal.got()
        assert spread in line and b"(-)" in line and "−".encode() not in line


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_any_file_name_can_be_printed(run, pictures, monkeypatch, encoding):
    name = os.fsdecode("c−".encode() + b"\xff.json")  # a sign that cp1252 lacks, a byte that UTF-8 lacks
    monkeypatch.setattr(sys, "stdout", terminal := Terminal(encoding))
    argv = ["judge", "--ratings", "ratings.csv", "--judge", "published", "--calibrate", name]
    assert main(argv) == 0 and Path(name).is_file()
    sign = rb"\u2212" if encoding == "cp1252" else "−".encode()
    assert terminal.got().splitlines()[-1] == b"c" + sign + b"\xff.json"


def test_a_stdout_that_cannot_be_reconfigured_will_do(run, pictures, monkeypatch):
    monkeypatch.setattr(sys, "stdout", stream := io.StringIO())
    assert main(["judge", str(pictures[0]), "--judge", "published"]) == 0
    assert "Valence" in stream.getvalue()


@pytest.mark.parametrize(("argv", "words"), [
    ((), "nothing to judge"),
    (("none.png",), "none.png does not exist"),
    (("0.png", "--ratings", "ratings.csv"), "not both"),
    (("0.png", "--scale", "1..9"), "--scale needs --ratings"),
    (("0.png", "--calibrate", "c.json"), "--calibrate needs --ratings"),
    (("--ratings", "none.csv"), "none.csv does not exist"),
    (("--ratings", "ratings.csv", "--scale", "1..9"), "scale column of its own"),
    (("--ratings", "ratings.csv", "--calibrate", "c.json"), "of one judge"),
    (("--ratings", "ratings.csv", "--judge", "published", "--calibrate", "no/c.json"), "does not exist"),
    (("--ratings", "ratings.csv", "--judge", "published", "--calibrate", "c.txt"), "must end in .json"),
    (("0.png", "--calibration", "ratings.csv"), "is not a calibration"),
    (("--ratings", "ratings.csv", "--judge", "published", "--calibrate", "c.json", "--calibration", "d.json"),
     "leave out --calibration"),
])  # fmt: skip
def test_bad_input_is_one_line(run, pictures, argv, words):
    assert words in refused(run("judge", *argv))


def test_bad_pictures_are_one_line(run, pictures):
    Path("empty.png").touch()
    assert "empty.png is empty" in refused(run("judge", "empty.png"))
    Path("text.png").write_text("text")
    assert "text.png is not a picture" in refused(run("judge", "text.png"))
    frames = [Image.new("RGB", (8, 8), (60 * i, 0, 0)) for i in range(2)]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    assert "animated" in refused(run("judge", "moving.gif"))


def test_a_bad_row_is_named_on_one_line(run, pictures):
    with open("ratings.csv", "a") as stream:
        stream.write("gone.png,5,5,1..9\n")
    assert "ratings.csv, row 8: gone.png does not exist" in refused(run("judge", "--ratings", "ratings.csv"))


def test_train_judge_refuses_nonsense(run):
    assert "--minutes 0" in refused(run("train", "judge", "-o", "x", "--minutes", 0))
    assert "--seed -1" in refused(run("train", "judge", "-o", "x", "--seed", -1))
    assert not Path("x").exists()
