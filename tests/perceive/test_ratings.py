"""Ratings are read or refused row by row; agreement matches scipy; a calibration belongs to one judge."""

import errno
import hashlib
import json
import os
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

from emotive.errors import InputError
from emotive.perceive.judge import Estimates
from emotive.perceive.published import PublishedJudge
from emotive.perceive.ratings import (
    CalibratedJudge,
    Ratings,
    Scale,
    agreement,
    calibrate,
    load_calibration,
    parse_scale,
    read_ratings,
    save_calibration,
    score,
)


class Photometer:
    """A judge that a test can compute: mean red is valence, mean blue is arousal."""

    name = "photometer"

    def __init__(self, version: str = "1"):
        self.version = version

    def fingerprint(self) -> str:
        return hashlib.sha256(self.version.encode()).hexdigest()

    def estimate(self, pictures: Sequence[np.ndarray]) -> Estimates:
        red, blue = (np.array([p[..., c].mean() / 127.5 - 1 for p in pictures]) for c in (0, 2))
        return Estimates(red, blue, np.full(len(red), 0.1), np.full(len(red), 0.1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures 0.png ... 11.png, getting redder and less blue."""
    for i in range(12):
        Image.new("RGB", (8, 8), (20 * i, 0, 240 - 15 * i)).save(tmp_path / f"{i}.png")
    return tmp_path


def written(folder: Path, *rows: str, header: str = "file,valence,arousal,scale") -> Path:
    path = folder / "ratings.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


GOOD = ("0.png,1,9,1..9", "1.png,5,5,1..9", "2.png,9,3,1..9")


def refused(path: Path, scale: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_ratings(path, scale)
    line = str(caught.value)
    assert path.name in line and "\n" not in line and len(line) < 500
    return line


# -- reading -----------------------------------------------------------------------------------------------


def test_reads_any_scale_onto_one(folder):
    found = read_ratings(written(folder, *GOOD))
    assert found.valence.tolist() == [-1, 0, 1] and found.arousal.tolist() == [1, 0, -0.5]
    assert [file.name for file in found.files] == ["0.png", "1.png", "2.png"]
    mixed = read_ratings(written(folder, "0.png,3,0,-3..3", "1.png,3,0,0..6", "2.png,-3,6,-3..3/0..6"))
    assert mixed.valence.tolist() == [1, 0, -1] and mixed.arousal.tolist() == [0, -1, 1]


def test_a_scale_for_the_whole_table(folder):
    path = written(folder, "0.png,1,9", "1.png,5,5", "2.png,9,3", header="file,valence,arousal")
    assert read_ratings(path, "1..9").valence.tolist() == [-1, 0, 1]
    assert "declares no scale" in refused(path)
    assert "scale column of its own" in refused(written(folder, *GOOD), "1..9")


def test_order_case_spaces_more_columns_blank_lines_and_a_byte_order_mark_do_not_matter(folder):
    path = folder / "ratings.csv"
    text = (
        "Scale, Valence ,rater,AROUSAL,file\n\n1..9,1,x,9,0.png\n,,,,\n1..9,5,x,5, 1.png\n1..9,9,x,3,2.png\n"
    )
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_ratings(path).valence.tolist() == [-1, 0, 1]


def test_a_path_may_lead_anywhere_that_exists(folder):
    (folder / "sub").mkdir()
    absolute = folder / "2.png"
    path = written(folder / "sub", "../0.png,1,9,1..9", "../1.png,5,5,1..9", f"{absolute},9,3,1..9")
    assert len(read_ratings(path).files) == 3
    assert "row 2: ../none.png does not exist" in refused(written(folder / "sub", "../none.png,1,9,1..9"))


@pytest.mark.parametrize(("row", "words"), [
    ("none.png,1,9,1..9", "row 4: none.png does not exist"),
    (",1,9,1..9", "row 4: no file is named"),
    (".,1,9,1..9", "row 4: . does not exist as a file"),
    ("3.png,high,9,1..9", "row 4: valence 'high' is not a number"),
    ("3.png,nan,9,1..9", "row 4: valence 'nan' is not a number"),
    ("3.png,1,inf,1..9", "row 4: arousal 'inf' is not a number"),
    ("3.png,1,,1..9", "row 4: arousal '' is not a number"),
    ("3.png,0.5,9,1..9", "row 4: valence 0.5 is outside its scale 1..9"),
    ("3.png,1,9.5,1..9", "row 4: arousal 9.5 is outside its scale 1..9"),
    ("3.png,1,9,", "row 4: the scale is not declared"),
    ("3.png,1,9,nine", "row 4: the scale 'nine' is not LOW..HIGH"),
    ("3.png,1,9,9..1", "row 4: the scale '9..1' is not LOW..HIGH"),
    ("3.png,1,9", "row 4: 3 cells, but the header has 4"),
    ("0.png,1,9,1..9", "row 4: 0.png is in row 2 already"),
    ("./0.png,1,9,1..9", "row 4: ./0.png is in row 2 already"),
    ('"3.png,1,9,1..9', "row 4: "),
    (f"{'a' * 300}.png,1,9,1..9", "row 4: cannot read aaa"),
])  # fmt: skip
def test_a_bad_row_is_named(folder, row, words):
    assert words in refused(written(folder, *GOOD[:2], row, GOOD[2]))


@pytest.mark.parametrize("column", ["file", "valence", "arousal"])
def test_missing_and_double_columns_are_named(folder, column):
    header = "file,valence,arousal,scale"
    assert f"no column '{column}'" in refused(written(folder, header=header.replace(column, "other")))
    assert f"more than one column '{column}'" in refused(written(folder, header=f"{header},{column}"))


@pytest.mark.parametrize(("mark", "word"), [(";", ";"), ("\t", "tabs")])
def test_another_separator_is_told(folder, mark, word):
    rows = (row.replace(",", mark) for row in GOOD)
    found = refused(written(folder, *rows, header=mark.join(("file", "valence", "arousal", "scale"))))
    assert f"has no column 'file'; it seems to be separated by {word}" in found


def test_an_unclosed_quote_is_found_where_it_opens(folder):
    words = refused(written(folder, GOOD[0], '"1.png,5,5,1..9', GOOD[2]))
    assert "row 3: " in words and "quote" in words


def test_what_the_system_refuses_is_one_line(folder, monkeypatch):
    assert os.strerror(errno.ENAMETOOLONG) in refused(folder / f"{'a' * 250}{'b' * 50}.csv")
    path = written(folder, *GOOD)
    real = Path.is_file

    def forbidden(self):
        if self.name == "1.png":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return real(self)

    monkeypatch.setattr(Path, "is_file", forbidden)  # root, who may run this, is forbidden nothing
    assert "row 3: cannot read 1.png: Permission denied" in refused(path)


def test_what_is_no_table(folder):
    assert "does not exist" in refused(folder / "none.csv")
    assert "not a file" in refused(folder)
    assert "no column 'file'" in refused(written(folder, header=""))
    assert "at least 3" in refused(written(folder, *GOOD[:2]))
    (folder / "bytes.csv").write_bytes(b"\xff\xfe\x00\x01")
    assert "UTF-8" in refused(folder / "bytes.csv")


def test_a_picture_that_cannot_be_read_is_named(folder):
    (folder / "broken.png").write_bytes(b"broken")
    ratings = read_ratings(written(folder, *GOOD, "broken.png,1,9,1..9"))
    with pytest.raises(InputError, match=r"ratings\.csv, row 5: broken\.png is not a picture"):
        score(PublishedJudge(), ratings)


def test_a_truncated_picture_is_named_by_row_and_as_written(folder):
    (folder / "sub").mkdir()
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(folder / "sub" / "cut.png")
    data = (folder / "sub" / "cut.png").read_bytes()
    (folder / "sub" / "cut.png").write_bytes(data[: len(data) // 2])
    ratings = read_ratings(written(folder, *GOOD, "", "./sub/cut.png,1,9,1..9"))
    with pytest.raises(InputError) as caught:
        score(Photometer(), ratings)
    start = f"{folder / 'ratings.csv'}, row 6: cannot read ./sub/cut.png: it is damaged or truncated"
    assert str(caught.value).startswith(start)
    with pytest.raises(InputError, match=r"^cannot read .*cut\.png"):  # ratings that came from no table
        score(Photometer(), ratings._replace(table="", rows=()))


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_parse_scale_reads_what_it_says(low, high):
    low, high = round(low, 3), round(high, 3)
    text = f"{low:.3f}..{high:.3f}"
    if low < high:
        assert parse_scale(text) == Scale((low, high), (low, high))
    else:
        with pytest.raises(InputError):
            parse_scale(text)


# -- agreement ---------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 60), st.booleans())
def test_agreement_matches_scipy(seed, n, ties):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    y = 0.5 * x + 0.4 * rng.normal(size=n) + 0.2
    if ties:
        x, y = x.round(1), y.round(1)
    if x.std() == 0 or y.std() == 0:
        return
    found = agreement(x, y, draws=50)
    assert found.pearson == pytest.approx(stats.pearsonr(x, y)[0], abs=1e-9)
    assert found.spearman == pytest.approx(stats.spearmanr(x, y)[0], abs=1e-9)
    ccc = 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    assert found.ccc == pytest.approx(ccc, abs=1e-9)
    assert found.mae == pytest.approx(np.abs(x - y).mean())
    assert found.mae_of_mean == pytest.approx(np.abs(x - x.mean()).mean())
    for low, high in found.intervals.values():
        assert low <= high


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    hits = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=60)
        y = 0.6 * x + 0.8 * rng.normal(size=60)  # Pearson 0.6
        low, high = agreement(x, y, draws=300).intervals["pearson"]
        hits += low <= 0.6 <= high
    assert 86 <= hits <= 100


def test_no_correlation_is_beyond_one():
    for seed in range(40):
        x = np.random.default_rng(seed).uniform(-1, 1, 7)
        found = agreement(x, x, draws=50)
        for name in ("ccc", "pearson", "spearman"):
            low, high = found.intervals[name]
            assert -1 <= low <= high <= 1 and getattr(found, name) <= 1
        assert agreement(x, -x, draws=50).pearson >= -1


def test_the_bootstrap_does_not_hold_all_samples_at_once():
    x = np.random.default_rng(0).uniform(-1, 1, 2000)
    tracemalloc.start()
    agreement(x, x, draws=2000)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 24e6  # the indices of all samples alone would be 32 MB


def test_always_the_same_answer_scores_nothing():
    x = np.linspace(-1, 1, 20)
    found = agreement(x, np.zeros(20))
    assert (found.ccc, found.pearson, found.spearman) == (0, 0, 0)
    assert found.mae == pytest.approx(found.mae_of_mean)


def test_score_against_a_judge_that_can_be_computed(folder):
    rows = [f"{i}.png,{20 * i / 127.5 - 1},{(240 - 15 * i) / 127.5 - 1},-1..1" for i in range(12)]
    found = score(Photometer(), read_ratings(written(folder, *rows)))
    assert found["valence"].ccc == pytest.approx(1) and found["arousal"].ccc == pytest.approx(1)
    assert found["valence"].n == 12 and found["valence"].mae == pytest.approx(0, abs=1e-9)


# -- calibration -------------------------------------------------------------------------------------------


def rated(folder: Path, noise: float = 0.0) -> Ratings:
    """Ratings that are half the photometer's valence + 0.1 and minus its arousal."""
    rng = np.random.default_rng(0)
    files = tuple(folder / f"{i}.png" for i in range(12))
    red, blue = (np.array([a * i + b for i in range(12)]) / 127.5 - 1 for a, b in ((20, 0), (-15, 240)))
    return Ratings(files, 0.5 * red + 0.1 + noise * rng.normal(size=12), -blue + noise * rng.normal(size=12))


def test_calibration_finds_the_line_and_its_ceiling(folder):
    fitted, ceiling = calibrate(Photometer(), rated(folder))
    assert (fitted.valence.slope, fitted.valence.intercept) == pytest.approx((0.5, 0.1))
    assert (fitted.arousal.slope, fitted.arousal.intercept) == pytest.approx((-1, 0), abs=1e-9)
    assert ceiling["valence"].ccc == pytest.approx(1) and fitted.valence.sd == pytest.approx(0, abs=1e-9)
    judge = CalibratedJudge(Photometer(), fitted)
    assert score(judge, rated(folder))["arousal"].ccc == pytest.approx(1)
    assert score(Photometer(), rated(folder))["arousal"].pearson == pytest.approx(-1)


def test_the_ceiling_is_on_pictures_held_out(folder):
    """Where estimates know nothing, cross-validation says so, though a line always fits a little."""
    rng = np.random.default_rng(3)
    files = rated(folder).files
    found = calibrate(Photometer(), Ratings(files, rng.uniform(-1, 1, 12), rng.uniform(-1, 1, 12)))
    for axis in ("valence", "arousal"):
        assert found.ceiling[axis].mae > 0.95 * found.ceiling[axis].mae_of_mean


def test_a_calibration_comes_back_from_its_file_and_knows_its_judge(folder):
    fitted = calibrate(Photometer(), rated(folder, noise=0.05)).calibration
    save_calibration(folder / "c.json", fitted)
    assert load_calibration(folder / "c.json") == fitted
    judge = CalibratedJudge(Photometer(), fitted)
    assert judge.name == "photometer, calibrated" and judge.fingerprint() != Photometer().fingerprint()
    assert (judge.estimate([np.zeros((4, 4, 3), np.uint8)]).valence_sd == fitted.valence.sd).all()
    for other in (Photometer("2"), PublishedJudge()):
        with pytest.raises(InputError, match="another judge"):
            CalibratedJudge(other, fitted)


def test_another_judge_s_calibration_is_named(folder):
    fitted = calibrate(Photometer(), rated(folder)).calibration
    with pytest.raises(InputError, match=r"^mine\.json was made with another judge \(photometer "):
        CalibratedJudge(Photometer("2"), fitted, "mine.json")


@pytest.mark.parametrize(
    ("axis", "row"), [("valence", "{}.png,5,{},1..9"), ("arousal", "{0}.png,{1},0,-9..9")]
)
def test_equal_ratings_fit_nothing(folder, axis, row):
    ratings = read_ratings(written(folder, *(row.format(i, i + 1) for i in range(4))))
    with pytest.raises(InputError) as caught:
        calibrate(Photometer(), ratings)
    wanted = f"{folder / 'ratings.csv'}: all {axis} ratings are equal; nothing can be fitted"
    assert str(caught.value) == wanted
    assert score(Photometer(), ratings)["valence"].n == 4  # but they can be scored


def test_a_calibrated_estimate_stays_in_range(folder):
    fitted = calibrate(Photometer(), rated(folder)._replace(arousal=np.linspace(-1, 1, 12))).calibration
    found = CalibratedJudge(Photometer(), fitted).estimate(
        [np.full((2, 2, 3), v, np.uint8) for v in (0, 255)]
    )
    assert (np.abs(found.arousal) <= 1).all()


@pytest.mark.parametrize("change", [
    lambda d: d.pop("fingerprint"), lambda d: d["valence"].pop("slope"), lambda d: d.update(extra=1),
    lambda d: d["arousal"].update(sd="x"), lambda d: d["arousal"].update(slope=float("nan")),
    lambda d: d.update(fingerprint=3),
])  # fmt: skip
def test_a_damaged_calibration_is_one_line(folder, change):
    save_calibration(folder / "c.json", calibrate(Photometer(), rated(folder)).calibration)
    data = json.loads((folder / "c.json").read_text())
    change(data)
    (folder / "c.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"c\.json is not a calibration"):
        load_calibration(folder / "c.json")


def test_no_calibration_at_all(folder):
    for text in ("", "[]", "{", "null", '{"valence": 3}'):
        (folder / "c.json").write_text(text)
        with pytest.raises(InputError, match="is not a calibration"):
            load_calibration(folder / "c.json")
    with pytest.raises(InputError, match="cannot read"):
        load_calibration(folder / "none.json")
