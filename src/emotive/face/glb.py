"""The motion of a face as GLB: the bundled head, its blendshapes, head and eyes animated, for any 3D program.

Binary glTF 2.0. A scene of nodes neck > head > eyes: the head's rotation and translation are the motion's,
both eyes turn with its gaze, and the lids follow it by the eye-look shapes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from emotive.errors import InputError
from emotive.media import write_whole
from emotive.media.gltf import (
    MADE_BY,
    STILL,
    Binary,
    animation_of,
    glb_of,
    material_of,
    short_way,
    surface,
    times_of,
)
from emotive.signals import ARKIT, FaceMotion

from .head_mesh import HeadPart, head_mesh, vertex_normals
from .live_link import eye_looks

PIVOT = np.array([0.0, -0.045, -0.015], np.float32)  # m: where the head turns on the neck
COPYRIGHT = f"{MADE_BY}; the head is Emotive's own, Apache-2.0"
LONGEST = 30 * 60 * 60  # frames: half an hour at 60 a second


def write_glb(path: str | os.PathLike[str], motion: FaceMotion, provenance: str = "") -> Path:
    """Writes `.glb`, whole or not at all. `provenance` is JSON, kept in the file's `asset.extras`.

    Raises InputError for a motion without frames or of more than half an hour at 60 frames/s, and as
    `write_whole` does.
    """
    path = Path(path)
    if not 0 < len(motion) <= LONGEST:
        raise InputError(f"{path}: a .glb holds 1..{LONGEST:,} frames, not {len(motion):,}")
    write_whole(path, glb_bytes(motion, provenance))
    return path


def glb_bytes(motion: FaceMotion, provenance: str = "") -> bytes:
    """The file that `write_glb` writes."""
    from pygltflib import Mesh, Node, Scene

    head, binary = head_mesh(), Binary()
    moving = [part for part in head.parts if part.shapes is not None]
    face = Mesh(
        name="Face",
        primitives=[_primitive(binary, part, number) for number, part in enumerate(moving)],
        weights=[0.0] * len(ARKIT),
        extras={"targetNames": [*ARKIT]},
    )
    eye = Mesh(name="Eye", primitives=[_primitive(binary, head.eye, len(moving))])
    eyes = (head.eyes - PIVOT).tolist()
    nodes = [
        Node(name="Neck", translation=PIVOT.tolist(), children=[1]),
        Node(name="Head", children=[2, 3, 4]),
        Node(name="Face", mesh=0, translation=(-PIVOT).tolist()),
        Node(name="LeftEye", mesh=1, translation=eyes[0]),
        Node(name="RightEye", mesh=1, translation=eyes[1]),
    ]
    gaze = np.stack([-motion.gaze[:, 1], motion.gaze[:, 0], 0 * motion.gaze[:, 0]], axis=1)
    turned = _quaternions(gaze, "YX")
    tracks = [
        (weights_of(motion), 2, "weights"),
        (_quaternions(motion.rotation), 1, "rotation"),
        (motion.translation, 1, "translation"),
        (turned, 3, "rotation"),
        (turned, 4, "rotation"),
    ]
    return glb_of(
        binary,
        extras={"fps": str(motion.fps), "frames": len(motion)},
        copyright=COPYRIGHT,
        provenance=provenance,
        scenes=[Scene(name="Head", nodes=[0])],
        nodes=nodes,
        meshes=[face, eye],
        materials=[
            material_of(part.name.capitalize(), part.colours, part.roughness, part.name == "hair")
            for part in (*moving, head.eye)
        ],
        animations=[animation_of(binary, times_of(len(motion), motion.fps), tracks)],
    )


def weights_of(motion: FaceMotion) -> np.ndarray:
    """(T, 52): ARKit's shapes, with the lids' part of the gaze."""
    weights = motion.weights[:, : len(ARKIT)].copy()
    for name, column in eye_looks(motion.gaze).items():
        weights[:, ARKIT.index(name)] = np.maximum(weights[:, ARKIT.index(name)], column)
    return weights


def _primitive(binary: Binary, part: HeadPart, material: int) -> Any:
    shapes = (
        shapes_of(part.points, part.normals, part.triangles, part.shapes) if part.shapes is not None else ()
    )
    colours = part.colours
    return surface(
        binary, part.points, part.normals, part.triangles, material, colours=colours, shapes=shapes
    )


def shapes_of(
    points: np.ndarray, normals: np.ndarray, triangles: np.ndarray, shapes: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """How points and normals change with each of `shapes` (K, V, 3), as `surface` takes them."""
    for moves in shapes:
        moved = np.abs(moves).max() > STILL
        yield moves, vertex_normals(points + moves, triangles) - normals if moved else moves


def _quaternions(turns: np.ndarray, order: str = "") -> np.ndarray:
    """Unit quaternions (T, 4), x y z w, of rotation vectors, or, with `order`, of angles about axes."""
    from scipy.spatial.transform import Rotation

    turns = turns.astype(np.float64)
    if order:
        made = Rotation.from_euler(order, turns[:, ["XYZ".index(axis) for axis in order]])
    else:
        made = Rotation.from_rotvec(turns)
    return short_way(made.as_quat())
