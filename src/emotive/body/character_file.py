"""A user's binary glTF as it is: its JSON and its bytes. Something is added, nothing else changes.

ISO/IEC 12113 (glTF 2.0), chapter 4.4. What extensions mean, and whether meshes and pictures are compressed,
does not matter here: they are kept as they are.
"""

from __future__ import annotations

import base64
import copy
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emotive.errors import InputError
from emotive.media import check_file

MAX_BYTES = 2**30
MAX_NODES = 65_536
_MAGIC, _JSON, _BIN = b"glTF", b"JSON", b"BIN\0"
_FLOAT = 5126
_EVEN = 0.02  # by which the scales of a bone along its axes may differ, and its axes be askew


@dataclass(eq=False)
class GltfFile:
    """document: the JSON. binary: the bytes of its first buffer. others: chunks of other kinds, whole."""

    document: dict[str, Any]
    binary: bytes
    others: bytes = b""

    @property
    def nodes(self) -> list[dict[str, Any]]:
        return self.document.get("nodes", [])

    def parents(self) -> list[int]:
        """Of each node, -1 of roots."""
        found = [-1] * len(self.nodes)
        for number, node in enumerate(self.nodes):
            for child in node.get("children", []):
                found[child] = number
        return found

    def extension(self, name: str) -> dict[str, Any] | None:
        """One of the whole file's extensions."""
        found = self.document.get("extensions", {}).get(name)
        return found if isinstance(found, dict) else None

    def to_bytes(self) -> bytes:
        """The file."""
        text = json.dumps(self.document, ensure_ascii=False, separators=(",", ":")).encode()
        chunks = _chunk(_JSON, text + b" " * (-len(text) % 4))
        if self.binary:
            chunks += _chunk(_BIN, self.binary + b"\0" * (-len(self.binary) % 4))
        chunks += self.others
        return _MAGIC + struct.pack("<II", 2, 12 + len(chunks)) + chunks


def read_glb(path: Path) -> GltfFile:
    """Reads `.glb` or `.vrm`.

    Raises InputError, in one line that names the file: missing, cut short, damaged, encrypted or something
    else, with parts in other files, or with nodes that are no tree.
    """
    check_file(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError("it is larger than 1 GB")
        file = _opened(path.read_bytes())
        _check(file)
        return file
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        why = " ".join(str(error).split())[:80] or type(error).__name__
        raise InputError(f"{path}: a damaged glTF file ({why})") from error


def _opened(data: bytes) -> GltfFile:
    if data[:4] != _MAGIC:
        raise InputError("not a binary glTF file (.glb or .vrm); it may be encrypted, or of another kind")
    if len(data) < 20:
        raise InputError("the file is cut short")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise InputError(f"glTF {version} is not read here, only glTF 2")
    if length > len(data):
        raise InputError(f"the file is cut short: {len(data):,} of {length:,} bytes are there")
    at, text, binary, others = 12, None, b"", b""
    while at + 8 <= length:
        size, kind = struct.unpack_from("<I", data, at)[0], data[at + 4 : at + 8]
        if at + 8 + size > length:
            raise InputError("the file is cut short, or damaged")
        body = data[at + 8 : at + 8 + size]
        if text is None and kind == _JSON:
            text = body
        elif text is None:
            raise InputError("a damaged glTF file: its JSON is not first")
        elif kind == _BIN and not binary:
            binary = body
        else:
            others += data[at : at + 8 + size]
        at += 8 + size
    if text is None:
        raise InputError("a damaged glTF file: it has no JSON")
    try:
        document = json.loads(text.decode("utf-8"))
    except ValueError as error:
        raise InputError("a damaged or encrypted glTF file: its JSON cannot be read") from error
    if not isinstance(document, dict) or not isinstance(document.get("asset"), dict):
        raise InputError("a damaged glTF file: its JSON does not say what it is")
    return GltfFile(document, binary, others)


def _check(file: GltfFile) -> None:
    document = file.document
    if not str(document["asset"].get("version", "")).startswith("2"):
        raise InputError("not glTF 2")
    for kind in ("buffers", "images"):
        for part in document.get(kind, []):
            uri = part.get("uri", "data:")
            if not uri.startswith("data:"):
                raise InputError(f"parts of it lie in other files ({uri[:60]}): export it as one .glb")
    buffers = document.get("buffers", [])
    if buffers and "uri" not in buffers[0] and buffers[0]["byteLength"] > len(file.binary):
        raise InputError("the file is cut short: its buffer is longer than what is there")
    for view in document.get("bufferViews", []):
        whole = buffers[view["buffer"]]["byteLength"]
        if not 0 <= view.get("byteOffset", 0) <= view.get("byteOffset", 0) + view["byteLength"] <= whole:
            raise InputError("a damaged glTF file: parts of it lie outside its buffer")
    nodes = file.nodes
    if len(nodes) > MAX_NODES:
        raise InputError(f"it has {len(nodes):,} nodes; a character has at most {MAX_NODES:,}")
    held = [child for node in nodes for child in node.get("children", [])]
    if any(not (isinstance(child, int) and 0 <= child < len(nodes)) for child in held):
        raise InputError("a damaged glTF file: a node has a child that is not there")
    if len({*held}) != len(held) or not _is_tree(file.parents()):
        raise InputError("a damaged glTF file: its nodes are no tree")


def _is_tree(parents: Sequence[int]) -> bool:
    state = [0] * len(parents)  # 1 on the way, 2 known to end at a root
    for start in range(len(parents)):
        way, node = [], start
        while node >= 0 and not state[node]:
            state[node] = 1
            way.append(node)
            node = parents[node]
        if node >= 0 and state[node] == 1:
            return False
        for passed in way:
            state[passed] = 2
    return True


def local_matrix(node: dict[str, Any]) -> np.ndarray:
    """What a node does to what hangs on it, (4, 4)."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    matrix[:3, :3] = _of_quaternion(np.array(node.get("rotation", (0, 0, 0, 1)), np.float64))
    matrix[:3, :3] *= np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def world_matrices(file: GltfFile, wanted: Sequence[int]) -> dict[int, np.ndarray]:
    """Where the `wanted` nodes are, and all above them, (4, 4) each."""
    parents = file.parents()
    found: dict[int, np.ndarray] = {}
    for node in wanted:
        way = [node]
        while parents[way[-1]] >= 0:
            way.append(parents[way[-1]])
        for step in way[::-1]:
            if step not in found:
                above = found[parents[step]] if parents[step] >= 0 else np.eye(4)
                found[step] = above @ local_matrix(file.nodes[step])
    return found


def rotation_and_scale(matrix: np.ndarray, name: str) -> tuple[np.ndarray, float]:
    """The rotation (3, 3) and the scale of a matrix (4, 4) of a bone.

    Raises InputError, calling it `name`, if it is scaled unevenly, mirrored, askew or of no size.
    """
    columns = matrix[:3, :3]
    sizes = np.linalg.norm(columns, axis=0)
    if not np.isfinite(matrix).all() or sizes.min() < 1e-9:
        raise InputError(f"its bone {name[:40]!r} has no size")
    turned = columns / sizes
    if np.ptp(sizes) > _EVEN * sizes.max() or np.abs(turned.T @ turned - np.eye(3)).max() > _EVEN:
        raise InputError(
            f"its bone {name[:40]!r} is scaled unevenly: apply scales in a 3D program, then export it again"
        )
    if np.linalg.det(turned) < 0:
        raise InputError(f"its bone {name[:40]!r} is mirrored: apply scales, then export it again")
    left, _, right = np.linalg.svd(turned)
    return left @ right, float(sizes.mean())


class Additions:
    """Arrays that are added to a file: accessors and views at the end of its lists, bytes after its own."""

    def __init__(self, file: GltfFile) -> None:
        self.document = copy.deepcopy(file.document)
        buffers = self.document.setdefault("buffers", [])
        # Only the first buffer lies in the file's binary part; where that one lies in the JSON, so does ours.
        self._own = bool(buffers) and "uri" in buffers[0]
        self._buffer = len(buffers) if self._own else 0
        if self._own or not buffers:
            buffers.append({"byteLength": 0})
        self._data = bytearray() if self._own else bytearray(file.binary[: buffers[0]["byteLength"]])
        self._file = file

    def add(self, values: np.ndarray, kind: str, bounds: bool = False) -> int:
        """The number of a new accessor of float32 (N, ...); `kind` is glTF's, such as "VEC4"."""
        values = np.ascontiguousarray(values, np.float32)
        self._data += b"\0" * (-len(self._data) % 4)
        data = values.astype("<f4").tobytes()
        views = self.document.setdefault("bufferViews", [])
        views.append({"buffer": self._buffer, "byteOffset": len(self._data), "byteLength": len(data)})
        self._data += data
        accessor = {
            "bufferView": len(views) - 1, "componentType": _FLOAT, "count": len(values), "type": kind
        }  # fmt: skip
        if bounds:
            flat = values.reshape(len(values), -1)
            accessor |= {"min": flat.min(0).tolist(), "max": flat.max(0).tolist()}
        accessors = self.document.setdefault("accessors", [])
        accessors.append(accessor)
        return len(accessors) - 1

    def file(self) -> GltfFile:
        """The whole, with what was added."""
        buffer = self.document["buffers"][self._buffer]
        buffer["byteLength"] = len(self._data)
        if not self._own:
            return GltfFile(self.document, bytes(self._data), self._file.others)
        buffer["uri"] = "data:application/octet-stream;base64," + base64.b64encode(self._data).decode()
        return GltfFile(self.document, self._file.binary, self._file.others)


def _of_quaternion(q: np.ndarray) -> np.ndarray:
    x, y, z, w = q / max(float(np.linalg.norm(q)), 1e-12)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + kind + body
