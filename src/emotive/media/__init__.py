"""Files to arrays and back, and what every file made by Emotive says about itself.

A file appears under its final name only when it is whole: everything here is written by `write_whole`.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from emotive.errors import InputError


def check_folder(folder: Path) -> None:
    """Raises InputError unless `folder` exists, is a folder and can be written."""
    try:
        there, is_folder = folder.exists(), folder.is_dir()
    except OSError as error:  # no permission on the way, a name that is too long
        raise InputError(f"cannot use the folder {str(folder)[:120]}: {error.strerror}") from error
    if not there:
        raise InputError(f"the output folder {folder} does not exist; create it first")
    if not is_folder:
        raise InputError(f"{folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"the output folder {folder} cannot be written")


def check_file(path: Path) -> None:
    """Raises InputError, naming it, unless `path` is a file that can be seen."""
    try:
        there, is_file = path.exists(), path.is_file()
    except OSError as error:
        raise InputError(f"cannot read {str(path)[:120]}: {error.strerror}") from error
    if not is_file:
        raise InputError(f"{path} does not exist" if not there else f"{path} is not a file")


def write_whole(path: Path, data: bytes) -> None:
    """Writes `data` beside `path` and moves it there in one step, so that no reader sees half a file.

    Raises InputError if the folder is missing or the file cannot be written; nothing is left behind.
    """
    path = Path(path)
    check_folder(path.parent)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".emotive-", suffix=path.suffix, dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o666 & ~umask())  # mkstemp makes it private; a picture is an ordinary file
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def umask() -> int:
    """The permission bits that new files are denied."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def slug(text: str) -> str:
    """What `text` is about, for a file name: up to 40 of a-z, 0-9 and hyphen."""
    words = re.sub(r"[^a-z0-9]+", "-", text[:200].lower()).strip("-")
    if len(words) > 40:
        words = (words[:41].rpartition("-")[0] or words[:40]).strip("-")
    return words


def free_name(path: Path) -> Path:
    """`path`, or the first of name-2, name-3 ... where neither the file nor its sidecar exists."""
    candidate, number = path, 1
    while candidate.exists() or candidate.with_name(f"{candidate.stem}.json").exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate
