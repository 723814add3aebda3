"""BEAT and BEAT2: thirty people talking to themselves and with each other, in eight emotions.

Liu et al. 2022, "BEAT: A large-scale semantic and emotional multi-modal dataset for conversational gestures
synthesis"; Liu et al. 2024, "EMAGE". Both are licensed for non-commercial use only, and not part of Emotive.

A take is called `1_wayne_0_9_9`: number and name of the speaker, kind of recording (even numbers speeches,
odd ones conversations; 0 and 1 in English), numbers of its first and last section. BEAT: BVH at 120 frames/s
(75 joints), 16 kHz wav, TextGrid, and a csv of emotions, anywhere below a folder. BEAT2: npz of SMPL-X at 30
frames/s, wav, TextGrid and one `train_test_split.csv`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

from emotive.affect import Affect
from emotive.errors import InputError

from .motion_take import SPLITS, Recording

SPLIT_FILE = "train_test_split.csv"
EMOTIONS = ("neutral", "happiness", "anger", "sadness", "contempt", "surprise", "fear", "disgust")
"""In the order of the numbers in the csv files."""
FIRST = (0, 65, 73, 81, 87, 95, 103, 111, 119)
"""Of each emotion, the number of the first section of a speech; then one after the last."""
LONG = (1, 2, 3, 4, 6, 7, 8, 9, 11, 21)
"""Speakers with four hours; all others have one."""
_OPENERS, _CLOSERS = FIRST[1:-1], tuple(last - 1 for last in FIRST[2:])
_NAME = re.compile(r"(\d+)_([^_]+)_(\d+)_(\d+)_(\d+)$")
_MINUTE = {"speech": 60.0, "conversation": 600.0}  # s of a section
MAX_BYTES = 16 * 2**20  # of a csv


def is_beat(name: str) -> bool:
    """Whether a file without its suffix is called like a take."""
    return _NAME.match(name) is not None


def beat_recordings(files: Mapping[str, Mapping[str, Path]], split_file: Path | None) -> list[Recording]:
    """The takes among files, by name and suffix: {"1_wayne_0_9_9": {".bvh": path, ".wav": path ...}}.

    split_file: BEAT2's; without one they are BEAT's, in which some takes fall apart into a half to test and
    a half to validate with. Takes without motion or sound are left out.

    Raises InputError for a `split_file` or csv of emotions that cannot be read.
    """
    splits = None if split_file is None else read_splits(split_file)
    motion = ".bvh" if split_file is None else ".npz"
    found = []
    for name in sorted(files, key=_order):
        own = files[name]
        if not is_beat(name) or motion not in own or ".wav" not in own:
            continue
        speaker, person, kind, first, last = _parts(name)
        for part, split, begins, ends in (
            _shares(speaker, kind, first, last)
            if splits is None
            else [("", splits.get(name, "additional"), 0.0, None)]
        ):
            label = _label(own.get(".csv"), kind, first, last, begins, ends)
            found.append(
                Recording(
                    name + part, f"{speaker}_{person}", split, own[motion], own[".wav"], own.get(".textgrid"),
                    None if label is None else Affect.parse(label), begins, ends,
                )
            )  # fmt: skip
    return found


def read_splits(path: Path) -> dict[str, str]:
    """BEAT2's `train_test_split.csv`, columns id and type: name of a take -> split."""
    rows = _rows(path)
    if not rows or [cell.strip() for cell in rows[0][:2]] != ["id", "type"]:
        raise InputError(f"{path}: its first line is not id,type")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) < 2 or row[1].strip() not in SPLITS:
            raise InputError(f"{path}: line {number}: there is no split {' or '.join(SPLITS)}")
    return {row[0].strip(): row[1].strip() for row in rows[1:]}


def emotion_of(kind: int, first: int, last: int) -> str | None:
    """The emotion that a take was asked for, by its kind and sections; None of conversations, which were
    free, and of a take with several."""
    if kind % 2:
        return None
    numbers = {sum(section >= start for start in FIRST) - 1 for section in (first, last)}
    number = numbers.pop()
    return EMOTIONS[number] if not numbers and 0 <= number < len(EMOTIONS) else None


def _shares(speaker: int, kind: int, first: int, last: int) -> list[tuple[str, str, float, float | None]]:
    """What of a take belongs to which split, by the rule that BEAT's authors publish for English: (suffix of
    the name, split, from s, to s). A take of several sections is tested with if any of them is."""
    sections = [_share(speaker, kind, section) for section in range(first, last + 1)]
    if sections == ["halves"]:
        middle = _MINUTE["conversation" if kind % 2 else "speech"] / 2
        return [("_a", "test", 0.0, middle), ("_b", "val", middle, None)]
    for split in ("test", "halves", "val"):
        if split in sections:
            return [("", "test" if split == "halves" else split, 0.0, None)]
    return [("", "train", 0.0, None)]


def _share(speaker: int, kind: int, section: int) -> str:
    if kind > 1:
        return "train"
    long = speaker in LONG
    if kind == 1:
        return {1: "test" if long else "halves", 12: "val" if long else "train"}.get(section, "train")
    if section in _OPENERS:
        return "test" if long else "halves"
    if 1 <= section <= (8 if long else 4):
        return "test"
    if (57 <= section <= 64 or section in _CLOSERS) if long else 5 <= section <= 8:
        return "val"
    return "train"


def _label(
    path: Path | None, kind: int, first: int, last: int, begins: float, ends: float | None
) -> str | None:
    """The emotion that the csv gives to most of a part, or else the one that was asked for."""
    if path is None:
        return emotion_of(kind, first, last)
    times: dict[int, float] = {}
    for number, row in enumerate(_rows(path), start=1):
        try:
            start, end, label = float(row[1]), float(row[2]), int(float(row[4]))
        except (ValueError, IndexError):
            raise InputError(f"{path}: line {number}: no name, start, end, duration and emotion") from None
        if not 0 <= label < len(EMOTIONS):
            raise InputError(f"{path}: line {number}: {label} is no emotion, 0 to {len(EMOTIONS) - 1}")
        inside = min(end, ends or end) - max(start, begins)
        times[label] = times.get(label, 0.0) + max(inside, 0.0)
    return EMOTIONS[max(times, key=lambda label: times[label])] if times else None


def _rows(path: Path) -> list[list[str]]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: it is too large")
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    return [row for row in csv.reader(io.StringIO(text)) if row]


def _parts(name: str) -> tuple[int, str, int, int, int]:
    match = _NAME.match(name)
    assert match is not None
    speaker, person, kind, first, last = match.groups()
    return int(speaker), person, int(kind), int(first), int(last)


def _order(name: str) -> tuple[int | str, ...]:
    return (_parts(name)[0], *_parts(name)[2:], name) if is_beat(name) else (0, 0, 0, 0, name)
