"""The chunks of a RIFF file, such as WAV: what libsndfile does not tell.

It reads and writes no comment of more than some 4,000 bytes, and takes a file that was cut short for a
shorter one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

OPEN_ENDED = (0, 0x7FFFFFFF, 0xFFFFFFFF)  # what programs write that cannot go back and fill in the size
MAX_CHUNKS = 10_000
MAX_INFO = 16 * 2**20  # bytes


def is_riff(path: Path) -> bool:
    """Whether the file begins as WAV does. Raises OSError if it cannot be read."""
    with path.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WAVE"


def is_cut_short(path: Path) -> bool:
    """Whether samples that the header promises are missing. Raises OSError if the file cannot be read."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for name, length in _chunks(file):
            if name == b"data":
                return length not in OPEN_ENDED and file.tell() + length > size
    return True


def read_info(path: Path) -> dict[str, str]:
    """The texts of the INFO list: four letters ("ICMT" is the comment) -> UTF-8 text.

    Raises OSError if the file cannot be read; what is damaged or too long is left out.
    """
    with path.open("rb") as file:
        for name, length in _chunks(file):
            if name == b"LIST" and 4 <= length <= MAX_INFO and file.read(4) == b"INFO":
                return _texts(file.read(length - 4))
    return {}


def append_info(path: Path, texts: dict[str, str]) -> None:
    """Adds an INFO list to the end of a WAV file that has none; libsndfile cuts off comments that are long.

    Raises OSError if the file cannot be written.
    """
    entries = b"INFO"
    for name, text in texts.items():
        data = text.encode() + b"\0"
        entries += struct.pack("<4sI", name.encode("ascii"), len(data)) + data + b"\0" * (len(data) % 2)
    with path.open("r+b") as file:
        file.seek(0, 2)
        file.write(b"\0" * (file.tell() % 2))
        file.write(struct.pack("<4sI", b"LIST", len(entries)) + entries)
        size = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", size))


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Name and length (bytes) of each chunk, with the file at its beginning."""
    at = 12
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        name, length = struct.unpack("<4sI", head)
        yield name, length
        at += 8 + length + length % 2


def _texts(data: bytes) -> dict[str, str]:
    found, at = {}, 0
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        text = data[at + 8 : at + 8 + length].split(b"\0")[0]
        found.setdefault(name.decode("latin-1"), text.decode("utf-8", "replace"))
        at += 8 + length + length % 2
    return found
