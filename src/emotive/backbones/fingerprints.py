"""Which weights a backbone has, told from samples of its files: whole files of 24 GB would take a minute."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emotive.errors import WeightsError
from emotive.weights import HUB_ID

WHOLE = 1 << 26  # bytes: a file up to this size is read whole
BLOCKS, BLOCK = (
    64,
    1 << 16,
)  # of a larger one: blocks, evenly spread from its first byte to its last; bytes each


def backbone_fingerprint(pipe_or_path: Any) -> str:
    """64 hex digits that tell a backbone's weights from others', for provenance.

    They cover the names, sizes and contents of the safetensors files that the pipeline loads, and of its
    LoRAs with their weights; of a file above 64 MiB its header and 4 MiB in 64 blocks. Two trainings never
    agree in those; but a file altered on purpose elsewhere would not be noticed: it is no seal.

    Args:
        pipe_or_path: a pipeline from `open_backbone`, whose LoRAs count; or a file, a diffusers folder or a
            hub id that was fetched, without.

    Returns:
        The digits; "" for a pipeline that was built in memory.

    Raises:
        WeightsError: the file or folder cannot be read.
    """
    if (known := getattr(pipe_or_path, "backbone_sha256", None)) is not None:
        return known
    if isinstance(pipe_or_path, (str, os.PathLike)):
        return files_fingerprint(weight_files(local_path(pipe_or_path)))
    source = str(pipe_or_path.config.get("_name_or_path") or "")
    if not source or not (os.path.exists(source) or HUB_ID.fullmatch(source)):
        return ""
    return files_fingerprint(weight_files(local_path(source)))


def local_path(name: str | os.PathLike[str]) -> Path:
    """The file or folder of a backbone; of a hub id, where it was fetched to. Raises WeightsError if it is
    not here."""
    path = Path(os.path.expanduser(name))
    if path.exists():
        return path
    if not HUB_ID.fullmatch(str(name)):
        raise WeightsError(f"there is no model {str(name)[:100]!r}")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(name), local_files_only=True))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{str(name)!r} was not fetched from the hub yet") from error


def weight_files(path: Path, variant: str | None = None) -> list[Path]:
    """The safetensors files of a backbone: the file itself, or those in the folders of a pipeline's parts,
    of one `variant` ("fp16") where there are several; None is the plain one, if it is there."""
    if path.is_file():
        return [path]
    found: list[Path] = []
    for part in sorted(p for p in path.iterdir() if p.is_dir()):
        files = sorted(part.glob("*.safetensors"))
        kinds = {kind: [f for f in files if _variant(f) == kind] for kind in {_variant(f) for f in files}}
        if kinds:
            found += kinds.get(variant) or kinds.get(None) or kinds[min(kinds, key=str)]
    if not found:
        raise WeightsError(f"{path} holds no *.safetensors in the folders of its parts")
    return found


def files_fingerprint(files: Iterable[Path], more: Iterable[str] = ()) -> str:
    """64 hex digits over files, in this order, and other text. Raises WeightsError if one cannot be read."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(sampled_sha256(file))
    for text in more:
        digest.update(text.encode())
    return digest.hexdigest()


def sampled_sha256(file: Path) -> bytes:
    """The sha256 of a file's size and of what is read of it."""
    try:
        size = file.stat().st_size
        digest = hashlib.sha256(str(size).encode())
        with open(file, "rb") as stream:
            if size <= WHOLE:
                while block := stream.read(1 << 20):
                    digest.update(block)
                return digest.digest()
            length = int.from_bytes(stream.read(8), "little")
            digest.update(stream.read(min(length, WHOLE)))
            for i in range(BLOCKS):
                stream.seek((size - BLOCK) * i // (BLOCKS - 1))
                digest.update(stream.read(BLOCK))
        return digest.digest()
    except OSError as error:
        raise WeightsError(f"cannot read {file}: {error.strerror or error}") from error


def _variant(file: Path) -> str | None:
    """ "model.fp16-00001-of-00002.safetensors" -> "fp16"."""
    found = re.fullmatch(r"[^.]+\.([A-Za-z0-9_]+?)(-\d+-of-\d+)?\.safetensors", file.name)
    return found[1] if found else None
