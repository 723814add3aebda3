"""Writes an evaluation: `report.json` for programs, `report.html` for people, from the same numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emotive.errors import InputError
from emotive.media import write_whole

from .page import GENERATOR, page

JSON, HTML = "report.json", "report.html"


@dataclass(frozen=True)
class Sheet:
    """What one caption looks like: arm -> uint8 (H, W, 3), a tile for each request, high arousal on top."""

    caption: str
    pictures: dict[str, np.ndarray]

    @property
    def samples(self) -> Mapping[str, Any]:
        """By arm, for the page."""
        return self.pictures


@dataclass(frozen=True)
class Clip:
    """Something to hear: what it is called, float32 (N,) in [-1, 1], samples/s."""

    name: str
    waveform: np.ndarray
    sample_rate: int


@dataclass(frozen=True)
class Playlist:
    """What one caption sounds like: arm -> clips."""

    caption: str
    clips: dict[str, list[Clip]]

    @property
    def samples(self) -> Mapping[str, Any]:
        """By arm, for the page."""
        return self.clips


@dataclass(frozen=True)
class Evaluation:
    """report: what `report.json` holds. points: (arm, judge) -> (n, 4), requested valence and arousal, then
    measured. sheets: pictures to show, or clips to play."""

    report: dict[str, Any]
    points: Mapping[tuple[str, str], np.ndarray]
    sheets: Sequence[Sheet | Playlist]


def check_report_folder(folder: Path) -> None:
    """Raises InputError if a report written to `folder` would overwrite files that are not ours."""
    for name, ours in ((JSON, _is_our_json), (HTML, _is_our_html)):
        path = Path(folder) / name
        if path.is_dir():
            raise InputError(f"{path} is a folder")
        if path.exists() and not ours(path):
            raise InputError(
                f"{path} is not a report of Emotive's and would be overwritten: choose another folder"
            )


def write_report(folder: Path, evaluation: Evaluation) -> list[Path]:
    """Writes `report.json` and `report.html` into `folder`, over a report of ours, and returns their paths.

    Both are whole or not there. Raises InputError if the folder is missing, cannot be written, or holds files
    of these names that are not ours.
    """
    folder = Path(folder)
    check_report_folder(folder)
    text = json.dumps(_rounded(evaluation.report), ensure_ascii=False, indent=1, allow_nan=False)
    html = page(evaluation.report, evaluation.points, [(s.caption, s.samples) for s in evaluation.sheets])
    write_whole(folder / JSON, text.encode())
    write_whole(folder / HTML, html.encode())
    return [folder / JSON, folder / HTML]


def _rounded(value: Any) -> Any:
    """Numbers to 6 digits: enough to compare, and the last bits differ between machines."""
    if isinstance(value, float):
        return float(f"{value:.6g}") + 0.0  # without a negative zero
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value


def _is_our_json(path: Path) -> bool:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and {"emotive", "medium", "axes", "baselines"} <= set(found)


def _is_our_html(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return GENERATOR.encode() in file.read(1000)
    except OSError:
        return False
