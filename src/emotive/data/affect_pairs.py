"""Pairs of prompts with an affect: what a scene is called without feeling, and with it. Files of them.

Three layouts are read: CSV with `neutral,emotional,valence,arousal[,dominance][,split]` and JSON lines with
the same keys, both in [-1, 1], and the CSV that the authors of EmotiCrafter released (Dang et al., ICCV 2025,
`prompt_mapping.csv`), whose columns are `Id,Arousal,Valence,Tag,Dataset,Neutral_Prompt,Emotional_Prompt`:
arousal before valence, both in [-3, 3].
"""

from __future__ import annotations

import csv
import json
import math
import os
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotive.errors import InputError
from emotive.media import check_file, check_folder

COLUMNS = ("neutral", "emotional", "valence", "arousal", "dominance", "split")
EMOTICRAFTER = ("arousal", "valence", "neutral_prompt", "emotional_prompt")
EMOTICRAFTER_SCALE = 3.0
MAX_BAD = 0.05  # share of the rows that may be left out; more, and the file is another kind of file
SPLITS = ("train", "held-out", "terms", "scenes", "both")
MAX_PROMPT = 2000  # characters
HELD_OUT = 50  # where a file names no split, one neutral prompt in so many is kept for measuring


@dataclass(frozen=True)
class AffectPair:
    """The same content twice, and the affect of the second; coordinates in [-1, 1], dominance None if unset.

    split: "train", or what is held out of training: "held-out", or, for pairs of our own, "terms", "scenes"
    and "both".
    """

    neutral: str
    emotional: str
    valence: float
    arousal: float
    dominance: float | None = None
    split: str = "train"

    @property
    def point(self) -> tuple[float, float, float]:
        """Valence, arousal and dominance, NaN where unset."""
        return self.valence, self.arousal, math.nan if self.dominance is None else self.dominance


def read_pairs(path: str | os.PathLike[str]) -> Iterator[AffectPair]:
    """The pairs of a .csv or .jsonl file, one at a time, in its order.

    Rows that cannot be used (no prompt, no number, out of range) are left out, and at the end one warning
    says how many and why. A file without a column `split` is split by its neutral prompts, so that none is
    both trained on and held out.

    Raises:
        InputError: the file is missing, is no text, lacks a column, holds no pairs, or more than one row in
            twenty cannot be used.
    """
    path = Path(path)
    check_file(path)
    kinds = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}
    if path.suffix.lower() not in kinds:
        raise InputError(
            f"{path}: pairs are read from .csv or .jsonl, not from {path.suffix or 'such'} files"
        )
    bad: Counter[str] = Counter()
    good, first = 0, 0
    try:
        for line, row in kinds[path.suffix.lower()](path):
            try:
                pair = _pair(row)
            except _BadRow as error:
                bad[str(error)] += 1
                first = first or line
                continue
            good += 1
            yield pair
    except UnicodeDecodeError:
        raise InputError(f"{path} is no text in UTF-8 or UTF-16: save it as UTF-8") from None
    except (OSError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if bad:
        why = ", ".join(f"{reason}: {n}" for reason, n in bad.most_common(4))
        told = (
            f"{path}: {bad.total()} of {good + bad.total()} rows cannot be used ({why}; first: line {first})"
        )
        if bad.total() > MAX_BAD * (good + bad.total()):
            raise InputError(told)
        warnings.warn(f"{told}; they are left out", stacklevel=2)
    if not good:
        raise InputError(f"{path} holds no pairs")


def write_pairs(path: str | os.PathLike[str], pairs: Iterable[AffectPair]) -> int:
    """Writes pairs as they come, as .csv or .jsonl; returns how many. The file appears when it is whole.

    Raises InputError for another ending, or if it cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".jsonl"):
        raise InputError(f"{path}: pairs are written as .csv or .jsonl")
    check_folder(path.parent)
    partial = path.with_name(f".{path.name}.partial")
    count = 0
    try:
        with open(partial, "w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            if path.suffix.lower() == ".csv":
                table.writerow(COLUMNS)
            for count, pair in enumerate(pairs, start=1):  # noqa: B007
                row = {name: getattr(pair, name) for name in COLUMNS}
                if path.suffix.lower() == ".csv":
                    table.writerow("" if value is None else value for value in row.values())
                else:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return count


class _BadRow(ValueError):
    """Why a row cannot be used, in a few words."""


def _csv_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(line, row by column in lower case); EmotiCrafter's columns renamed and its ratings divided by 3."""
    with open(path, encoding=_encoding(path), newline="") as file:
        table = csv.DictReader(file)
        names = [(name or "").strip().lower() for name in table.fieldnames or ()]
        table.fieldnames = names
        theirs = set(EMOTICRAFTER) <= set(names)
        if not theirs and (missing := [name for name in COLUMNS[:4] if name not in names]):
            raise InputError(
                f"{path} lacks the column {missing[0]}: it needs {', '.join(COLUMNS[:4])}, "
                "or the columns of EmotiCrafter's prompt_mapping.csv"
            )
        for row in table:
            if theirs:
                row = {
                    "neutral": row["neutral_prompt"],
                    "emotional": row["emotional_prompt"],
                    "valence": _number(row["valence"]) / EMOTICRAFTER_SCALE,
                    "arousal": _number(row["arousal"]) / EMOTICRAFTER_SCALE,
                }
            yield table.line_num, row


def _json_rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with open(path, encoding=_encoding(path)) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield number, row if isinstance(row, dict) else {}


def _encoding(path: Path) -> str:
    with open(path, "rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _pair(row: Mapping[str, Any]) -> AffectPair:
    prompts = []
    for name in ("neutral", "emotional"):
        text = row.get(name)
        text = " ".join(text.split()) if isinstance(text, str) else ""
        if not text:
            raise _BadRow(f"no {name} prompt")
        if len(text) > MAX_PROMPT:
            raise _BadRow(f"a prompt of more than {MAX_PROMPT} characters")
        prompts.append(text)
    numbers = []
    for name in ("valence", "arousal", "dominance"):
        given = row.get(name)
        if name == "dominance" and (given is None or given == ""):
            numbers.append(None)
            continue
        value = _number(given)
        if math.isnan(value):
            raise _BadRow(f"{name} is no number")
        if not abs(value) <= 1 + 1e-6:
            raise _BadRow(f"{name} out of range")
        numbers.append(max(-1.0, min(1.0, value)))
    split = row.get("split")
    if not isinstance(split, str) or not split.strip():
        split = "train" if zlib.crc32(prompts[0].encode()) % HELD_OUT else "held-out"
    if split.strip() not in SPLITS:
        raise _BadRow(f"a split that is none of {', '.join(SPLITS)}")
    return AffectPair(prompts[0], prompts[1], *numbers, split=split.strip())


def _number(given: Any) -> float:
    """NaN for what is no number."""
    try:
        return float(given)
    except (TypeError, ValueError):
        return math.nan
