"""A folder of BEAT, BEAT2 or ZeroEGGS: which of them it is, and its takes."""

from __future__ import annotations

import os
from pathlib import Path

from emotive.errors import InputError

from .beat import SPLIT_FILE, beat_recordings, is_beat
from .motion_take import Recording
from .zeroeggs import is_zeroeggs, zeroeggs_recordings

MAX_FILES = 500_000
_SUFFIXES = frozenset((".bvh", ".npz", ".wav", ".textgrid", ".csv"))


def open_takes(folder: str | os.PathLike[str]) -> list[Recording]:
    """The takes in a folder and all below it; `Recording.open` reads one.

    BEAT2 is told by its `train_test_split.csv`, the others by the names of their files.

    Raises InputError if there is no such folder, or nothing of the three in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    files: dict[str, dict[str, Path]] = {}
    split_file = None
    count = 0
    for where, _, names in os.walk(folder):
        for name in sorted(names):
            count += 1
            if count > MAX_FILES:
                raise InputError(
                    f"{folder} has more than {MAX_FILES:,} files in it: give the dataset's own folder"
                )
            stem, suffix = os.path.splitext(name)
            if name == SPLIT_FILE:
                split_file = Path(where, name)
            elif suffix.lower() in _SUFFIXES:
                files.setdefault(stem, {}).setdefault(suffix.lower(), Path(where, name))
    takes = beat_recordings(files, split_file) + zeroeggs_recordings(files)
    if takes:
        return takes
    smplx = any(is_beat(name) and ".npz" in own for name, own in files.items())
    if smplx and split_file is None:
        raise InputError(
            f"{folder}: BEAT2's takes are there but not its {SPLIT_FILE}: give the folder with both"
        )
    if any(is_beat(name) or is_zeroeggs(name) for name in files):
        raise InputError(f"{folder} has takes but none with both motion and sound: a .wav of the same name")
    raise InputError(f"{folder} has no takes of BEAT, BEAT2 or ZeroEGGS (its folder `clean`) in it")
