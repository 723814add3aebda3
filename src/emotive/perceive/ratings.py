"""A judge against a folder of pictures that people rated: its score there, its calibration, its ceiling.

file,valence,arousal,scale
dog.jpg,7.1,5.2,1..9
fire.jpg,2.0,7.8,1..9
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emotive.errors import InputError
from emotive.media import write_whole
from emotive.media.picture import as_array, open_picture

from .judge import Estimates, Judge

AXES = ("valence", "arousal")
FEWEST = 3  # ratings: below, no correlation means anything
LARGEST = 32 * 2**20  # bytes of a table
FOLDS = 10
_MARKS = {";": ";", "\t": "tabs"}  # that spreadsheets write instead of commas, by their names
_RANGE = r"\s*([-+]?\d+(?:\.\d+)?)\s*\.\.\s*([-+]?\d+(?:\.\d+)?)\s*"
_SCALE = re.compile(f"{_RANGE}(?:/{_RANGE})?")


class Ratings(NamedTuple):
    """N rated pictures: paths, and mean ratings in [-1, 1] as float64 (N,).

    For messages, where they were read: the table, and N (row, file as it is written there).
    """

    files: tuple[Path, ...]
    valence: np.ndarray
    arousal: np.ndarray
    table: str = ""
    rows: tuple[tuple[int, str], ...] = ()


class Scale(NamedTuple):
    """(low, high) of the valence and of the arousal ratings."""

    valence: tuple[float, float]
    arousal: tuple[float, float]


@dataclass(frozen=True)
class Agreement:
    """How estimates agree with ratings on one axis, in units of [-1, 1], over `n` pictures.

    `mae_of_mean` is the error of always answering the mean rating: a judge above it knows nothing there.
    Correlations and CCC are 0 where either side is constant. `intervals` are 95 % bootstrap intervals over
    pictures, (low, high) by the names ccc, pearson, spearman, mae.
    """

    n: int
    ccc: float
    pearson: float
    spearman: float
    mae: float
    mae_of_mean: float
    intervals: dict[str, tuple[float, float]]


def parse_scale(text: str) -> Scale:
    """Reads "1..9" or "-3..3"; "-3..3/0..6" where valence and arousal were rated on different scales.

    Raises InputError for anything else, or where low is not below high.
    """
    match = _SCALE.fullmatch(text) if len(text) <= 100 else None
    if match:
        low, high, *other = (float(x) for x in match.groups() if x is not None)
        scale = Scale((low, high), (other[0], other[1]) if other else (low, high))
        if all(low < high for low, high in scale):
            return scale
    raise InputError(f"the scale {text[:40]!r} is not LOW..HIGH: write 1..9, -3..3, or -3..3/0..6 for V/A")


def read_ratings(path: str | os.PathLike[str], scale: str | None = None) -> Ratings:
    """Reads a table of ratings, CSV with columns file, valence, arousal and scale; others are ignored.

    `file` is relative to the table's folder (or absolute). `scale` stands for a missing scale column.
    Raises InputError, naming the file and the row (the first after the header is row 2): missing columns,
    pictures that are not there, what is no number, out of its scale, without a scale, twice, or too few rows.
    """
    path = Path(path)
    rows = _rows(path)
    header = [name.strip().lower() for name in rows[0][1]] if rows else []
    for name in ("file", *AXES):
        if header.count(name) != 1:
            if found := [word for mark, word in _MARKS.items() if name in _split(header, mark)]:
                why = f"it seems to be separated by {found[0]}: save it with commas"
                raise InputError(f"{path} has no column {name!r}; {why}")
            wrong = "no" if name not in header else "more than one"
            raise InputError(f"{path} has {wrong} column {name!r}: it needs file, valence, arousal and scale")
    if header.count("scale") > 1:
        raise InputError(f"{path} has more than one column 'scale'")
    if "scale" in header and scale is not None:
        raise InputError(f"{path} has a scale column of its own: leave out --scale, or that column")
    if "scale" not in header and scale is None:
        raise InputError(f"{path} declares no scale: add a column scale such as 1..9, or give --scale 1..9")
    whole = None if scale is None else parse_scale(scale)
    files: dict[Path, int] = {}
    points, written = [], []
    for number, cells in rows[1:]:
        where = f"{path}, row {number}"
        if len(cells) != len(header):
            raise InputError(f"{where}: {len(cells)} cells, but the header has {len(header)}")
        row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        points.append(_point(row, whole, where))
        file = _picture(path.parent, row["file"], where)
        if file.resolve() in files:
            raise InputError(f"{where}: {row['file']} is in row {files[file.resolve()]} already")
        files[file.resolve()] = number
        written.append((number, row["file"]))
    if len(points) < FEWEST:
        raise InputError(f"{path} has {len(points)} rated pictures: at least {FEWEST} are needed")
    valence, arousal = np.array(points).T
    return Ratings(tuple(files), valence, arousal, str(path), tuple(written))


def _split(header: list[str], mark: str) -> list[str]:
    return [name.strip() for name in ",".join(header).split(mark)] if mark in ",".join(header) else []


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """(line number, cells) of every row that is not empty."""
    rows, began = [], 1
    try:
        if not path.is_file():
            raise InputError(f"{path} does not exist" if not path.exists() else f"{path} is not a file")
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} is too large for a table of ratings: at most {LARGEST >> 20} MB")
        with open(path, encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            for cells in reader:
                began = reader.line_num + 1
                if any(cell.strip() for cell in cells):
                    rows.append((reader.line_num, cells))
            return rows
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8: save the table as CSV (UTF-8)") from error
    except csv.Error as error:
        hint = "is a quote not closed, or is it not separated by commas?"
        raise InputError(f"{path}, row {began}: {error}: {hint}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error


def _point(row: dict[str, str], whole: Scale | None, where: str) -> tuple[float, float]:
    if whole is None and not row["scale"]:
        raise InputError(f"{where}: the scale is not declared: write it as 1..9")
    try:
        scale = whole or parse_scale(row["scale"])
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    point = []
    for axis, (low, high) in zip(AXES, scale, strict=True):
        try:
            value = float(row[axis])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InputError(f"{where}: {axis} {row[axis][:40]!r} is not a number")
        if not low <= value <= high:
            raise InputError(f"{where}: {axis} {value:g} is outside its scale {low:g}..{high:g}")
        point.append(2 * (value - low) / (high - low) - 1)
    return point[0], point[1]


def _picture(folder: Path, name: str, where: str) -> Path:
    if not name:
        raise InputError(f"{where}: no file is named")
    if "\0" in name or len(name) > 4096:
        raise InputError(f"{where}: {name[:40]!r} is no file name")
    file = folder / name
    try:
        if not file.is_file():
            raise InputError(f"{where}: {name} does not exist" + (" as a file" if file.exists() else ""))
    except OSError as error:
        raise InputError(f"{where}: cannot read {name}: {error.strerror or error}") from error
    return file


def estimate_rated(
    judge: Judge, ratings: Ratings, progress: Callable[[int], None] = lambda done: None
) -> Estimates:
    """`Estimates` of the rated pictures, a few at a time. `progress` is called with how many are done.

    Raises InputError, naming the file and its row, for one that cannot be read.
    """
    parts = []
    for start in range(0, len(ratings.files), 16):
        part = range(start, min(start + 16, len(ratings.files)))
        parts.append(judge.estimate([_opened(ratings, i) for i in part]))
        progress(part.stop)
    return Estimates(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _opened(ratings: Ratings, i: int) -> np.ndarray:
    file = ratings.files[i]
    try:
        return as_array(open_picture(file))
    except InputError as error:
        if not ratings.rows:
            raise
        number, written = ratings.rows[i]
        why = str(error).replace(str(file), written, 1)
        raise InputError(f"{ratings.table}, row {number}: {why}") from error


def score(judge: Judge, ratings: Ratings, estimates: Estimates | None = None) -> dict[str, Agreement]:
    """The agreement of `judge` with `ratings`, by axis. `estimates` saves judging the files again."""
    found = estimate_rated(judge, ratings) if estimates is None else estimates
    return {axis: agreement(getattr(ratings, axis), getattr(found, axis)) for axis in AXES}


def agreement(rated: np.ndarray, estimated: np.ndarray, draws: int = 1000, seed: int = 0) -> Agreement:
    """Agreement of two arrays (N,), with percentile intervals from `draws` bootstrap samples of pictures."""
    value = _measures(rated[None], estimated[None])
    rng, n = np.random.default_rng(seed), len(rated)
    many = {name: [] for name in value}
    piece = max(1, 250_000 // n)  # samples at a time: bounded memory for long tables
    for start in range(0, draws, piece):
        some = rng.integers(0, n, (min(piece, draws - start), n))
        for name, values in _measures(rated[some], estimated[some]).items():
            many[name].append(values)
    limits = {name: np.percentile(np.concatenate(v), (2.5, 97.5)) for name, v in many.items()}
    return Agreement(
        n=n,
        mae_of_mean=float(np.abs(rated - rated.mean()).mean()),
        intervals={name: (float(low), float(high)) for name, (low, high) in limits.items()},
        **{name: float(x[0]) for name, x in value.items()},
    )


def _measures(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Row by row over (K, N): CCC (Lin 1989, population moments), Pearson, Spearman, mean absolute error."""
    return {
        "ccc": _ratio(2 * _covariance(x, y), x.var(1) + y.var(1) + (x.mean(1) - y.mean(1)) ** 2),
        "pearson": _pearson(x, y),
        "spearman": _pearson(_ranks(x), _ranks(y)),
        "mae": np.abs(x - y).mean(1),
    }


def _covariance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return ((x - x.mean(1, keepdims=True)) * (y - y.mean(1, keepdims=True))).mean(1)


def _pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _ratio(_covariance(x, y), x.std(1) * y.std(1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Of a correlation: 0 where there is nothing to divide by, and never beyond 1 by rounding."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 1e-12).clip(-1, 1)


def _ranks(x: np.ndarray) -> np.ndarray:
    """Ranks along rows; ties share their mean rank."""
    ranks = np.empty(x.shape)
    for row, values in zip(ranks, x, strict=True):
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        row[:] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks


# -- calibration ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """rating = slope * estimate + intercept, fitted by least squares; `sd` is its cross-validated error."""

    slope: float
    intercept: float
    sd: float


@dataclass(frozen=True)
class Calibration:
    """A judge's recalibration to someone's ratings, for that judge alone (`fingerprint`)."""

    judge: str
    fingerprint: str
    n: int
    valence: Line
    arousal: Line


class Calibrated(NamedTuple):
    """A calibration, and what it reaches on pictures that it was not fitted on (cross-validated), by axis:
    the ceiling of this judge on these ratings."""

    calibration: Calibration
    ceiling: dict[str, Agreement]


def calibrate(judge: Judge, ratings: Ratings, estimates: Estimates | None = None) -> Calibrated:
    """Fits one line per axis from estimates to ratings, scored by 10-fold cross-validation (leave-one-out
    below ten pictures; folds are drawn by a fixed seed).

    Raises InputError if all ratings of an axis are equal.
    """
    require_spread(ratings)
    found = estimate_rated(judge, ratings) if estimates is None else estimates
    lines, ceiling = {}, {}
    for axis in AXES:
        rated, estimated = getattr(ratings, axis), getattr(found, axis)
        held_out = _cross_validated(rated, estimated)
        ceiling[axis] = agreement(rated, held_out)
        sd = float(np.sqrt(np.mean((rated - held_out) ** 2)))
        lines[axis] = Line(*_fit(rated, estimated), sd)
    return Calibrated(Calibration(judge.name, judge.fingerprint(), len(ratings.files), **lines), ceiling)


def require_spread(ratings: Ratings) -> None:
    """Raises InputError if all ratings of an axis are equal: any line would do."""
    for axis in AXES:
        if np.ptp(getattr(ratings, axis)) < 1e-9:
            where = f"{ratings.table}: " if ratings.table else ""
            raise InputError(f"{where}all {axis} ratings are equal; nothing can be fitted")


def _fit(rated: np.ndarray, estimated: np.ndarray) -> tuple[float, float]:
    centred = estimated - estimated.mean()
    power = float((centred**2).sum())
    slope = float((centred * rated).sum()) / power if power > 1e-12 else 0.0
    return slope, float(rated.mean() - slope * estimated.mean())


def _cross_validated(rated: np.ndarray, estimated: np.ndarray) -> np.ndarray:
    n = len(rated)
    fold = np.random.default_rng(0).permutation(n) % min(FOLDS, n)
    held_out = np.empty(n)
    for k in range(min(FOLDS, n)):
        slope, intercept = _fit(rated[fold != k], estimated[fold != k])
        held_out[fold == k] = np.clip(slope * estimated[fold == k] + intercept, -1, 1)
    return held_out


def save_calibration(path: str | os.PathLike[str], calibration: Calibration) -> None:
    """Writes a calibration as JSON. Raises InputError if the file cannot be written."""
    write_whole(Path(path), (json.dumps(asdict(calibration), indent=1) + "\n").encode())


def load_calibration(path: str | os.PathLike[str]) -> Calibration:
    """Reads what `save_calibration` wrote. Raises InputError, in one line, for anything else."""
    path = Path(path)
    try:
        data = json.loads(path.read_text("utf-8"))
        valence, arousal = (Line(**{k: float(v) for k, v in data.pop(axis).items()}) for axis in AXES)
        calibration = Calibration(**data, valence=valence, arousal=arousal)
    except OSError as error:
        raise InputError(f"cannot read the calibration {path}: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is not a calibration: write one with --calibrate") from error
    numbers = [x for line in (valence, arousal) for x in (line.slope, line.intercept, line.sd)]
    texts = (calibration.judge, calibration.fingerprint)
    if not all(map(math.isfinite, numbers)) or not all(isinstance(text, str) for text in texts):
        raise InputError(f"{path} is not a calibration: write one with --calibrate")
    return calibration


class CalibratedJudge:
    """A judge whose estimates go through a calibration; its spread is the calibration's own error.

    Raises InputError, with the `name` of the calibration (its file, say), if it was made with another judge,
    or another version of it.
    """

    def __init__(self, judge: Judge, calibration: Calibration, name: str = "the calibration"):
        if calibration.fingerprint != judge.fingerprint():
            raise InputError(
                f"{name} was made with another judge ({calibration.judge[:40]} "
                f"{calibration.fingerprint[:12]}), not {judge.name} {judge.fingerprint()[:12]}: make it again"
            )
        self.judge, self.calibration = judge, calibration
        self.name = f"{judge.name}, calibrated"

    def fingerprint(self) -> str:
        """64 hex digits over the judge and the calibration."""
        return hashlib.sha256(json.dumps(asdict(self.calibration), sort_keys=True).encode()).hexdigest()

    def estimate(self, pictures: Sequence[np.ndarray]) -> Estimates:
        """As the judge's, on the scale of the ratings."""
        found = self.judge.estimate(pictures)
        lines = self.calibration.valence, self.calibration.arousal
        points = [
            np.clip(line.slope * x + line.intercept, -1, 1) for line, x in zip(lines, found[:2], strict=True)
        ]
        return Estimates(*points, *(np.full(len(x), line.sd) for line, x in zip(lines, points, strict=True)))
