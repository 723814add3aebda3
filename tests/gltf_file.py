"""Reads a .glb by the specification alone, sharing nothing with what writes it."""

import json
import struct
from pathlib import Path

import numpy as np

SIZES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}


def opened(path: Path) -> tuple[dict, bytes]:
    """The two chunks, by the container's layout (glTF 2.0, chapter 4)."""
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    first, kind = struct.unpack_from("<I4s", data, 12)
    second, binary = struct.unpack_from("<I4s", data, 20 + first)
    assert (kind, binary) == (b"JSON", b"BIN\0") and first % 4 == 0 and second % 4 == 0
    return json.loads(data[20 : 20 + first]), data[28 + first :]


def values(gltf: dict, data: bytes, number: int) -> np.ndarray:
    """An accessor, (count, width)."""
    accessor = gltf["accessors"][number]

    def view(index: int, kind: int, count: int, width: int) -> np.ndarray:
        at = gltf["bufferViews"][index]
        assert at["byteOffset"] % 4 == 0
        assert at["byteLength"] == count * width * np.dtype(TYPES[kind]).itemsize
        return np.frombuffer(data, TYPES[kind], count * width, at["byteOffset"]).reshape(count, width)

    width, count = SIZES[accessor["type"]], accessor["count"]
    if "bufferView" in accessor:
        found = view(accessor["bufferView"], accessor["componentType"], count, width)
    else:
        found = np.zeros((count, width), np.float32)
    if sparse := accessor.get("sparse"):
        at = view(sparse["indices"]["bufferView"], sparse["indices"]["componentType"], sparse["count"], 1)
        at = at[:, 0]
        assert (np.diff(at.astype(int)) > 0).all() and at.max() < count
        found[at] = view(sparse["values"]["bufferView"], accessor["componentType"], sparse["count"], width)
    if "min" in accessor:
        np.testing.assert_allclose(found.min(0), accessor["min"], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.max(0), accessor["max"], rtol=1e-6, atol=1e-9)
    return found


def tracks(gltf: dict, data: bytes) -> dict[tuple[int, str], tuple[np.ndarray, np.ndarray]]:
    """What the only animation does: (node, path) -> times (T,) and values (T, ...)."""
    (animation,) = gltf["animations"]
    found = {}
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        assert sampler.get("interpolation", "LINEAR") == "LINEAR"
        times = values(gltf, data, sampler["input"])[:, 0]
        assert (np.diff(times) > 0).all() and times[0] == 0
        output = values(gltf, data, sampler["output"])
        target = channel["target"]
        found[target["node"], target["path"]] = times, output.reshape(len(times), -1)
    return found


def world(gltf: dict, data: bytes, frame: int | None, count: int = 0) -> np.ndarray:
    """Matrices (nodes, 4, 4) of all nodes in the scene, at rest or in one of `count` frames."""
    moving = {} if frame is None else tracks(gltf, data)

    def at(node: int, path: str, rest: list[float]) -> np.ndarray:
        if (node, path) not in moving:
            return np.array(gltf["nodes"][node].get(path, rest), float)
        _, rows = moving[node, path]
        assert frame is not None and len(rows) in (1, 2, count)
        assert len(rows) == count or (rows == rows[0]).all()
        return rows[frame if len(rows) == count else 0].astype(float)

    found = np.zeros((len(gltf["nodes"]), 4, 4))

    def place(node: int, above: np.ndarray) -> None:
        own = np.eye(4)
        own[:3, :3] = matrix(at(node, "rotation", [0, 0, 0, 1]))
        own[:3, 3] = at(node, "translation", [0, 0, 0])
        assert "scale" not in gltf["nodes"][node] and "matrix" not in gltf["nodes"][node]
        found[node] = above @ own
        for child in gltf["nodes"][node].get("children", []):
            place(child, found[node])

    for root in gltf["scenes"][gltf["scene"]]["nodes"]:
        place(root, np.eye(4))
    return found


def matrix(quaternion: np.ndarray) -> np.ndarray:
    """(3, 3) of a unit quaternion x y z w."""
    x, y, z, w = quaternion
    assert abs(x * x + y * y + z * z + w * w - 1) < 1e-5
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
