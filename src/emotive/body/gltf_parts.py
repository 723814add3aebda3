"""A body as parts of glTF: its joints as nodes, its motion as tracks, its figure as skinned meshes.

Node n is joint n. At rest the nodes stand in the T-pose; a figure may be modelled in another one, which its
inverse bind matrices know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emotive.face.glb import shapes_of
from emotive.media.colour_plane import colour_plane
from emotive.media.gltf import MADE_BY, Binary, material_of, short_way, surface, textures_of
from emotive.signals import ARKIT, JOINTS, PARENTS, BodyMotion
from emotive.signals.rotations import quaternions_of

from .figure import Figure

COPYRIGHT = f"{MADE_BY}; the figure is Emotive's own, Apache-2.0"
LONGEST = 30 * 60 * 60  # frames: half an hour at 60 a second
BODY, FACE = len(JOINTS), len(JOINTS) + 1  # numbers of the nodes that bear the meshes
STILL = 1e-6  # of a quaternion, or in m


def joint_nodes(offsets: np.ndarray, called: Sequence[str], rest: np.ndarray | None = None) -> list[Any]:
    """The 55 nodes of a skeleton in its T-pose.

    offsets: (55, 3), m. called: their names. rest: quaternions (55, 4), none turned by default.
    """
    from pygltflib import Node

    nodes = []
    for joint, name in enumerate(called):
        node = Node(name=name, translation=[float(x) for x in offsets[joint]])
        node.children = [child for child, parent in enumerate(PARENTS) if parent == joint]
        if rest is not None and abs(rest[joint, 3]) < 1 - 1e-9:
            node.rotation = rest[joint].tolist()
        nodes.append(node)
    return nodes


def body_tracks(motion: BodyMotion, rest: np.ndarray | None = None) -> list[tuple[np.ndarray, int, str]]:
    """What moves, as `animation_of` takes it: joints that stay at rest all the time are left out, joints that
    stay elsewhere have one row.

    rest: quaternions (55, 4) of the nodes at rest, none turned by default.
    """
    turns = short_way(quaternions_of(motion.matrices()))
    at_rest = np.tile([0.0, 0.0, 0.0, 1.0], (len(JOINTS), 1)) if rest is None else rest
    tracks = [(motion.root, 0, "translation")]
    for joint in range(len(JOINTS)):
        track = turns[:, joint]
        if np.abs(track - track[0]).max() > STILL:
            tracks.append((track, joint, "rotation"))
        elif min(np.abs(track[0] - at_rest[joint]).max(), np.abs(track[0] + at_rest[joint]).max()) > STILL:
            tracks.append((track[:1], joint, "rotation"))
    return tracks


def figure_meshes(binary: Binary, figure: Figure) -> dict[str, list[Any]]:
    """Meshes, materials, textures and the skin of a figure, by the names glTF has for their lists: mesh 0 the
    body, mesh 1 what bears ARKit's 52 shapes."""
    from pygltflib import Mesh, Skin

    primitives: tuple[list[Any], list[Any]] = ([], [])
    materials, pictures = [], []
    for number, part in enumerate(figure.parts):
        plane, places, texture = colour_plane(part.colours), None, None
        if plane is not None:
            places, texture = plane[0], len(pictures)
            pictures.append(plane[1])
        sheet = part.name == "brows"  # hair that is seen from both sides
        materials.append(material_of(part.name.capitalize(), part.colours, part.roughness, sheet, texture))
        shapes = ()
        if part.shapes is not None:
            shapes = shapes_of(part.points, part.normals, part.triangles, part.shapes)
        primitives[part.shapes is not None].append(
            surface(
                binary,
                part.points,
                part.normals,
                part.triangles,
                number,
                places=places,
                shapes=shapes,
                joints=part.joints,
                weights=part.weights,
            )
        )
    face = Mesh(
        name="Face",
        primitives=primitives[1],
        weights=[0.0] * len(ARKIT),
        extras={"targetNames": [*ARKIT]},
    )
    # glTF writes matrices column by column.
    matrices = figure.inverse_bind.transpose(0, 2, 1).reshape(-1, 16).astype(np.float32)
    inverse = binary.add(matrices, "MAT4")
    return {
        "meshes": [Mesh(name="Body", primitives=primitives[0]), face],
        "materials": materials,
        "skins": [Skin(joints=[*range(len(JOINTS))], inverseBindMatrices=inverse, skeleton=0)],
        **textures_of(binary, pictures),
    }


def mesh_nodes() -> list[Any]:
    """Nodes `BODY` and `FACE`."""
    from pygltflib import Node

    return [Node(name="Body", mesh=0, skin=0), Node(name="Face", mesh=1, skin=0)]
