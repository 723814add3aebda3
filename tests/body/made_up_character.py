"""Characters as users bring them, made up: VRM 0.x and 1.0, and GLBs whose nodes are turned in odd ways."""

from __future__ import annotations

import base64
import json
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from foreign_skeletons import AXES, Foreign
from scipy.spatial.transform import Rotation

from emotive.body.character_file import GltfFile, local_matrix
from emotive.body.skeleton import Build, offsets_of
from emotive.signals import ARKIT, JOINT, JOINTS, PARENTS, BodyMotion
from emotive.signals.rotations import six_of

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PRESETS_0 = {"a": "aa", "i": "ih", "u": "ou", "e": "ee", "o": "oh", "blink": "blink", "joy": "happy"}
THUMBS_0 = {"Metacarpal": "Proximal", "Proximal": "Intermediate", "Distal": "Distal"}


def ours() -> Foreign:
    """A skeleton with our joints under our names."""
    return Foreign(
        [(name, JOINTS[p] if p >= 0 else "", name) for name, p in zip(JOINTS, PARENTS, strict=True)]
    )


def made_up(
    path: Path,
    *,
    kind: str = "glb",
    skeleton: Foreign | None = None,
    build: Build | None = None,
    axes: str = "y-up",
    odd: int | None = None,
    scale: float = 1.0,
    matrices: bool = False,
    targets: tuple[str, ...] = ("aa", "ih", "ou", "ee", "oh", "blink", "happy"),
    leave_out: tuple[str, ...] = (),
    change: Any = None,
) -> Path:
    """Writes a character.

    kind: "vrm0", "vrm1" or "glb". axes: as in `AXES`; VRM 0.x looks backwards. odd: seed of how its nodes are
    turned at rest, not at all by default. scale: of the node above; its bones are as much larger. matrices:
    instead of rotations and translations. targets: names of the face's morph targets; a VRM binds them to
    its expressions. leave_out: bones that a VRM's map lacks. change: is given the document before it is
    written.
    """
    skeleton = skeleton or ours()
    basis = AXES["backwards" if kind == "vrm0" else axes]
    still = BodyMotion(
        np.tile(six_of(np.eye(3)), (1, 55, 1)), offsets_of(build)[None, 0], offsets_of(build), Fraction(30)
    )
    places, follows = skeleton.laid_out(still)
    places = places @ basis.T
    parents = skeleton.parents
    rest, _ = skeleton.rested(still)
    rng = np.random.default_rng(odd)
    turned = [np.eye(3) if odd is None else Rotation.random(rng=rng).as_matrix() for _ in places]
    nodes: list[dict[str, Any]] = [
        {"name": "Armature", "scale": [scale] * 3, "children": [1], "extras": {"keep": [1, 2.5]}}
    ]
    for i, (name, _, _) in enumerate(skeleton.joints):
        above = turned[parents[i]] if parents[i] >= 0 else np.eye(3)
        offset = places[i] - (places[parents[i]] if parents[i] >= 0 else 0)
        local = np.eye(4)
        local[:3, :3], local[:3, 3] = above.T @ turned[i], above.T @ offset / scale
        node: dict[str, Any] = {"name": name, "children": [1 + c for c, p in enumerate(parents) if p == i]}
        if not node["children"]:
            del node["children"]
        if matrices:
            node["matrix"] = local.T.ravel().tolist()
        else:
            node["translation"] = local[:3, 3].tolist()
            node["rotation"] = Rotation.from_matrix(local[:3, :3]).as_quat().tolist()
        nodes.append(node)
    assert len(follows) == len(rest) or skeleton.joints
    nodes.append({"name": "Face", "mesh": 0, "skin": 0})
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 1]], np.float32)
    weights = np.array([[1, 0, 0, 0]] * 3, np.float32)
    joints = np.zeros((3, 4), np.uint8)
    blobs = [points.tobytes(), joints.tobytes(), weights.tobytes(), PICTURE]
    views, at = [], 0
    for blob in blobs:
        views.append({"buffer": 0, "byteOffset": at, "byteLength": len(blob)})
        at += len(blob) + -len(blob) % 4
    binary = b"".join(blob + b"\0" * (-len(blob) % 4) for blob in blobs)
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "Somebody's program", "copyright": "Somebody"},
        "scene": 0,
        "scenes": [{"nodes": [0, len(nodes) - 1]}],
        "nodes": nodes,
        "meshes": [
            {
                "primitives": [
                    {
                        "attributes": {"POSITION": 0, "JOINTS_0": 1, "WEIGHTS_0": 2},
                        "material": 0,
                        "targets": [{"POSITION": 0} for _ in targets],
                        "extras": {"targetNames": [f"Face.{name}" for name in targets]},
                    }
                ]
            }
        ],
        "skins": [{"joints": [*range(1, len(nodes) - 1)]}],
        "materials": [{"name": "Skin", "extensions": {"KHR_materials_unlit": {}}, "extras": {"π": 3.141593}}],
        "images": [{"bufferView": 3, "mimeType": "image/png"}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3",
             "min": [0] * 3, "max": [1] * 3},
            {"bufferView": 1, "componentType": 5121, "count": 3, "type": "VEC4"},
            {"bufferView": 2, "componentType": 5126, "count": 3, "type": "VEC4"},
        ],
        "bufferViews": views,
        "buffers": [{"byteLength": at}],
        "extensionsUsed": ["KHR_materials_unlit"],
    }  # fmt: skip
    bones = {
        own: 1 + i for i, (_, _, own) in enumerate(skeleton.joints)
        if own and own not in ("jaw", *leave_out)
    }  # fmt: skip
    if kind == "vrm1":
        document["extensionsUsed"].append("VRMC_vrm")
        expressions = {
            name: {"morphTargetBinds": [{"node": len(nodes) - 1, "index": k, "weight": 1.0}]}
            for k, name in enumerate(targets)
        }
        section = "custom" if targets == ARKIT else "preset"
        document["extensions"] = {
            "VRMC_vrm": {
                "specVersion": "1.0",
                "meta": {"name": "Nobody", "licenseUrl": "https://vrm.dev/licenses/1.0/"},
                "humanoid": {"humanBones": {name: {"node": node} for name, node in bones.items()}},
                "expressions": {section: expressions},
            }
        }
    if kind == "vrm0":
        document["extensionsUsed"].append("VRM")
        backwards = {new: old for old, new in PRESETS_0.items()}
        document["extensions"] = {
            "VRM": {
                "meta": {"title": "Nobody", "licenseName": "CC_BY"},
                "humanoid": {
                    "humanBones": [{"bone": _bone_0(name), "node": node} for name, node in bones.items()]
                },
                "blendShapeMaster": {
                    "blendShapeGroups": [
                        {
                            "name": name,
                            "presetName": backwards.get(name, "unknown"),
                            "binds": [{"mesh": 0, "index": k, "weight": 100.0}],
                        }
                        for k, name in enumerate(targets)
                    ]
                },
            }
        }
    if change is not None:
        change(document)
    path.write_bytes(GltfFile(document, binary).to_bytes())
    return path


def _bone_0(name: str) -> str:
    for new, old in THUMBS_0.items():
        if name.endswith(f"Thumb{new}"):
            return name.removesuffix(new) + old
    return name


def parts_of(path: Path) -> tuple[dict[str, Any], bytes]:
    """JSON and bytes of a .glb, read without what is tested."""
    data = path.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + size])
    rest = data[20 + size :]
    return document, rest[8 : 8 + struct.unpack_from("<I", rest)[0]] if rest else b""


def played(path: Path, animation: int = 0) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Of each node its matrices in the world (T, 4, 4), and of those with morph targets their weights, at the
    keys of the motion."""
    document, binary = parts_of(path)
    nodes = document["nodes"]
    moves = document["animations"][animation]
    tracks: dict[tuple[int, str], np.ndarray] = {}
    count = max(
        len(_array(document, binary, moves["samplers"][c["sampler"]]["input"]))
        for c in moves["channels"] if c["target"]["path"] != "weights"
    )  # fmt: skip
    for channel in moves["channels"]:
        sampler = moves["samplers"][channel["sampler"]]
        keys = len(_array(document, binary, sampler["input"]))
        values = _array(document, binary, sampler["output"]).reshape(keys, -1)
        if channel["target"]["path"] != "weights":
            values = np.broadcast_to(values, (count, values.shape[1]))
        tracks[channel["target"]["node"], channel["target"]["path"]] = values
    parents = {child: number for number, node in enumerate(nodes) for child in node.get("children", [])}
    worlds: dict[int, np.ndarray] = {}

    def world(number: int) -> np.ndarray:
        if number not in worlds:
            local = np.repeat(local_matrix(nodes[number])[None], count, 0)
            if (number, "rotation") in tracks:
                assert "matrix" not in nodes[number]
                size = np.linalg.norm(local[0, :3, :3], axis=0)
                local[:, :3, :3] = Rotation.from_quat(tracks[number, "rotation"]).as_matrix() * size
            if (number, "translation") in tracks:
                assert "matrix" not in nodes[number]
                local[:, :3, 3] = tracks[number, "translation"]
            worlds[number] = (world(parents[number]) if number in parents else np.eye(4)) @ local
        return worlds[number]

    for number in range(len(nodes)):
        world(number)
    return worlds, {node: values for (node, what), values in tracks.items() if what == "weights"}


def places_of(path: Path, bones: dict[str, int], axes: str) -> dict[str, np.ndarray]:
    """Where bones are in the first animation, in our axes."""
    worlds, _ = played(path)
    return {name: worlds[node][:, :3, 3] @ AXES[axes] for name, node in bones.items()}


def joints_of(motion: BodyMotion) -> dict[str, np.ndarray]:
    places = motion.positions()
    return {name: places[:, JOINT[name]] for name in JOINTS}


def _array(document: dict[str, Any], binary: bytes, number: int) -> np.ndarray:
    accessor = document["accessors"][number]
    view = document["bufferViews"][accessor["bufferView"]]
    assert accessor["componentType"] == 5126
    width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
    buffer = document["buffers"][view["buffer"]]
    data = base64.b64decode(buffer["uri"].partition(",")[2]) if "uri" in buffer else binary
    return np.frombuffer(data, "<f4", accessor["count"] * width, view["byteOffset"]).reshape(-1, width)
