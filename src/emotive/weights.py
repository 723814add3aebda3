"""Finds and verifies weights: embedded by name, in a local folder, or on the hub by id.

Weights are safetensors beside JSON, never pickles. Digests are kept in SHA256SUMS, in coreutils' format, so
that `sha256sum -c SHA256SUMS` checks them too: one file for all embedded models, in `checkpoints/`, or one
in a model's own folder.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import emotive.checkpoints
from emotive.errors import WeightsError
from emotive.media import check_file, write_whole

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINTS = Path(emotive.checkpoints.__path__[0]).resolve()
SUMS = "SHA256SUMS"
WEIGHTS = (".safetensors", ".json")
PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
MAX_HEADER = 100_000_000  # bytes; the limit that the safetensors library sets itself
HUB_FILES = ["*.safetensors", "*.json", "*.txt", "*.md", SUMS]
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
SUMS_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


@dataclass(frozen=True)
class EmbeddedModel:
    """A model that was installed with the package: `bytes` on disk, first 12 digits of its `fingerprint`."""

    name: str
    path: Path
    bytes: int
    sha256: str


def embedded() -> list[EmbeddedModel]:
    """The embedded models, by name."""
    return [
        EmbeddedModel(
            name=name,
            path=CHECKPOINTS / name,
            bytes=sum(file.stat().st_size for file in _files(CHECKPOINTS / name)),
            sha256=fingerprint(CHECKPOINTS / name)[:12],
        )
        for name in _names()
    ]


def resolve(name_or_path: str | os.PathLike[str]) -> Path:
    """The folder of a model: an embedded name ("emotive-image-1"), a local folder or a hub id ("owner/name").

    An embedded name wins over a folder of the same name; "./name" is the folder. Only a hub id touches the
    network, and only if neither such a folder nor one called "owner" is here. Resolving does not verify.
    Raises WeightsError when there is no such model, with the nearest name.
    """
    name = os.fspath(name_or_path)
    shown = repr(name if len(name) <= 100 else name[:97] + "...")
    names = _names()
    if name in names and isinstance(name_or_path, str):
        return CHECKPOINTS / name
    path = os.path.expanduser(name)
    if os.path.isdir(path):
        return Path(path)
    if os.path.isfile(path):
        raise WeightsError(f"{shown} is a file; give the folder that holds the model")
    if isinstance(name_or_path, str) and HUB_ID.fullmatch(name) and not os.path.isdir(name.split("/")[0]):
        return _download(name)
    near = difflib.get_close_matches(name, names, n=1)
    raise WeightsError(
        f"there is no model {shown}; "
        + (f"did you mean {near[0]!r}? " if near else "")
        + f"Give a folder, a hub id owner/name, or an embedded model: {', '.join(names) or 'none here'}"
    )


def verify(folder: str | os.PathLike[str]) -> None:
    """Raises WeightsError, in one line, unless the weights below `folder` are whole, unpickled and as listed.

    There must be a safetensors file, and each must be as long as its header says. Where there is a SHA256SUMS
    (in the folder, or above it for an embedded model), every listed file must be there and match, and every
    *.safetensors and *.json file must be listed. Nothing is loaded.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise WeightsError(f"there is no model folder {folder}")
    found = False
    for file in _files(folder):
        if file.suffix.lower() in PICKLES:
            raise WeightsError(f"{file} may be a pickle, which can run code: use safetensors instead")
        if file.suffix == ".safetensors":
            _check_whole(file)
            found = True
    _check_sums(folder)
    if not found:
        raise WeightsError(f"{folder} holds no *.safetensors: give the folder of a saved model")


def read_tensors(path: str | os.PathLike[str], what: str) -> dict[str, Tensor]:
    """The tensors of a file that others saved, on the CPU: safetensors, or a pickle of nothing but tensors,
    in which nothing is run. `what` it should hold, as errors say it.

    Raises InputError if there is no such file, WeightsError if it is damaged or holds anything else.
    """
    import pickle

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    check_file(path)
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error):  # a name to import
            raise WeightsError(f"{path} holds code or objects beside tensors, so it is not opened") from error
        raise WeightsError(f"{path} is damaged, or no PyTorch file: get it anew") from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, SafetensorError) as error:
        raise WeightsError(f"{path} is damaged, or no PyTorch file: get it anew") from error
    table = state.items() if isinstance(state, dict) else [(None, None)]
    if not all(isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in table):
        raise WeightsError(f"{path} is no state dict (a table of names and tensors), so no {what}")
    return state


def fingerprint(folder: str | os.PathLike[str]) -> str:
    """64 hex digits that change when any *.safetensors or *.json file below `folder` does.

    It is the sha256 of the SHA256SUMS that `write_sums` would write there.
    """
    return hashlib.sha256(_sums(Path(folder)).encode()).hexdigest()


def file_sha256(file: str | os.PathLike[str]) -> str:
    """The sha256 of a file, 64 hex digits. Raises WeightsError if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(file, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise WeightsError(f"cannot read {file}: {error.strerror or error}") from error
    return digest.hexdigest()


def write_sums(folder: str | os.PathLike[str]) -> Path:
    """Writes SHA256SUMS over every *.safetensors and *.json file below `folder`; returns its path.

    Raises WeightsError if a safetensors file is not whole, InputError if the folder cannot be written.
    """
    folder = Path(folder)
    for file in _files(folder):
        if file.suffix == ".safetensors":
            _check_whole(file)
    write_whole(folder / SUMS, _sums(folder).encode())
    return folder / SUMS


def _names() -> list[str]:
    marks = ("model_index.json", "config.json")
    return sorted(p.name for p in CHECKPOINTS.iterdir() if any((p / mark).is_file() for mark in marks))


def _download(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, allow_patterns=HUB_FILES))
    except (OSError, ValueError) as error:  # the hub's errors are OSErrors: no network, no such model, gated
        why = " ".join(str(error).split())[:200]
        raise WeightsError(f"{hub_id!r} is no folder here, and the hub did not give it: {why}") from error


def _files(folder: Path) -> Iterator[Path]:
    """Every file below, in a fixed order. Links are followed (hub snapshots are made of them), but once."""
    seen: set[str] = set()
    for root, folders, files in os.walk(folder, onerror=_unreadable, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield from (Path(root, file) for file in sorted(files))


def _unreadable(error: OSError) -> None:
    raise WeightsError(f"cannot read {error.filename}: {error.strerror or error}") from error


def _check_whole(file: Path) -> None:
    """safetensors: 8 bytes of header length, a JSON header, then the bytes that its offsets span, no more."""
    try:
        whole = _safetensors_bytes(file) == file.stat().st_size
    except OSError as error:
        raise WeightsError(f"cannot read {file}: {error.strerror or error}") from error
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        whole = False
    if not whole:
        raise WeightsError(f"{file} is truncated or not safetensors: fetch it or install again")


def _safetensors_bytes(file: Path) -> int:
    """How long the header says that the file is."""
    size = file.stat().st_size
    if size < 10:
        raise ValueError("too short for a header")
    with open(file, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(size - 8, MAX_HEADER):
            raise ValueError("the header does not fit")
        header = json.loads(stream.read(length))
    ends = (entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__")
    return 8 + length + max(ends, default=0)


def _sums(folder: Path) -> str:
    files = [file for file in _files(folder) if file.suffix in WEIGHTS]
    lines = sorted((file.relative_to(folder).as_posix(), file_sha256(file)) for file in files)
    return "".join(f"{digest}  {name}\n" for name, digest in lines)


def _check_sums(folder: Path) -> None:
    sums = folder / SUMS
    if not sums.exists():
        folder = folder.resolve()
        if not folder.is_relative_to(CHECKPOINTS):
            return
        sums = CHECKPOINTS / SUMS
    digests = {sums.parent / name: digest for name, digest in _read_sums(sums).items()}
    for file, digest in digests.items():
        if not file.is_relative_to(folder):
            continue
        if not file.is_file():
            raise WeightsError(f"{file} is missing: fetch it or install again")
        if file_sha256(file) != digest:
            raise WeightsError(f"{file} differs from its sha256 in {sums}: fetch it or install again")
    for file in _files(folder):
        if file.suffix in WEIGHTS and file not in digests:
            raise WeightsError(f"{file} is not listed in {sums}: remove it, or write the sums again")


def _read_sums(sums: Path) -> dict[str, str]:
    try:
        lines = sums.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise WeightsError(f"cannot read {sums}: {error}") from error
    entries: dict[str, str] = {}
    for line in lines:
        match = SUMS_LINE.fullmatch(line)
        if not match or Path(match[2]).is_absolute() or ".." in Path(match[2]).parts:
            raise WeightsError(f"{sums} is damaged: every line must be a sha256 and a file below it")
        entries[match[2]] = match[1].lower()
    return entries
