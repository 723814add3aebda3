"""A user's own character, moved by our motion: `.vrm` (0.x and 1.0) or `.glb` with a humanoid in it.

Bones are those that a VRM names, or told by their names (see `humanoid_names`). Their rest pose may be any,
and nodes may be turned in any way: rotations are carried over against the T-pose. The hips move in proportion
to the legs, feet stand on the floor on which the character rests, and legs bend so that they stay there.

What the file has else stays: meshes, materials, pictures, extensions, licence, other animations. Ours is put
before those, since most players play the first.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emotive.errors import InputError
from emotive.media import write_whole
from emotive.media.gltf import short_way, times_of
from emotive.signals import JOINT, JOINTS, BodyMotion, FaceMotion
from emotive.signals.rotations import matrices_of_vectors, quaternions_of, six_of, vectors_of

from .character_face import Control, controls_of, weight_tracks
from .character_file import (
    Additions,
    GltfFile,
    local_matrix,
    read_glb,
    rotation_and_scale,
    world_matrices,
)
from .gltf_parts import LONGEST
from .humanoid_names import check_humanoid, humanoid_of, spine_names, spine_of, way_up
from .rest_pose import RestPose, rest_pose
from .retarget import fitted
from .turns import about_all

SUFFIXES = (".glb", ".vrm")
STILL = 1e-6  # of a quaternion, or in the file's unit: what changes by less has one key
_EYES = ("leftEye", "rightEye")


@dataclass(frozen=True, eq=False)
class Character:
    """path: of the file. kind: "VRM 0.x", "VRM 1.0" or "glTF". rest: its pose at rest, bones and size.
    turned: of each bone, and of all nodes above them, how they are turned at rest in the world. face: what
    moves its face, by ARKit's names or VRM's presets."""

    path: Path
    kind: str
    rest: RestPose
    turned: dict[int, np.ndarray]
    face: dict[str, Control]
    file: GltfFile

    @property
    def bones(self) -> dict[str, int]:
        """Our names of its joints -> numbers of nodes."""
        return dict(self.rest.bones)

    @property
    def offsets(self) -> np.ndarray:
        """Its proportions, as `BodyMotion` has them, (55, 3), m."""
        return self.rest.offsets


def open_character(path: str | os.PathLike[str]) -> Character:
    """Opens `.vrm` or `.glb`.

    Raises InputError, in one line that names the file: as `read_glb`, for what is no humanoid, and for bones
    that are scaled unevenly or mirrored.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: a character is a .vrm or a .glb")
    file = read_glb(path)
    try:
        kind, bones = _bones(file)
        worlds = world_matrices(file, range(len(file.nodes)))
        parents = file.parents()
        above = {node for bone in bones.values() for node in way_up(bone, parents)}
        turned = {node: rotation_and_scale(worlds[node], _name(file, node))[0] for node in above}
        places = np.stack([worlds[node][:3, 3] for node in range(len(file.nodes))])
        rest = rest_pose(places, parents, bones, size=1.0)  # glTF is in m
        return Character(path, kind, rest, turned, controls_of(file), file)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        why = " ".join(str(error).split())[:80] or type(error).__name__
        raise InputError(f"{path}: a damaged character ({why})") from error


def bake(
    character: Character,
    motion: BodyMotion,
    path: str | os.PathLike[str],
    face: FaceMotion | None = None,
    provenance: str = "",
) -> Path:
    """Writes a copy of the character's file, `.glb` or `.vrm`, with the motion as its first animation.

    face: moves its morph targets, if it has any of ARKit's or VRM's, and its eyes; it starts with the motion.
    Without one, eyes turn as the motion has them. The head turns as the motion says.
    provenance: JSON, kept in `asset.extras`.

    Raises InputError for another suffix, a .vrm of what is no VRM, the character's own file, a motion without
    frames or of more than half an hour at 60 frames/s, and as `write_whole` does.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: a character is written as .vrm or .glb")
    if path.suffix.lower() == ".vrm" and character.kind == "glTF":
        raise InputError(f"{path}: {character.path.name} is no VRM: write a .glb")
    if path.exists() and path.samefile(character.path):
        raise InputError(f"{path}: that is the character itself; give the animated copy another name")
    for signal in (motion, *([face] if face else [])):
        if not 0 < len(signal) <= LONGEST:
            raise InputError(f"{path}: a .glb holds 1..{LONGEST:,} frames, not {len(signal):,}")
    write_whole(path, baked(character, motion, face, provenance).to_bytes())
    return path


def baked(
    character: Character, motion: BodyMotion, face: FaceMotion | None = None, provenance: str = ""
) -> GltfFile:
    """The file that `bake` writes."""
    shown = fitted(motion if face is None else _gazing(motion, face), character.offsets)
    rotations, hips = node_tracks(character, shown)
    added = Additions(character.file)
    document = added.document
    tracks: list[tuple[np.ndarray, int, str, str, Any]] = []
    for node, track in rotations.items():
        tracks.append((short_way(quaternions_of(track)), node, "rotation", "VEC4", motion.fps))
    tracks.append((hips, character.bones["hips"], "translation", "VEC3", motion.fps))
    if face is not None and character.face:
        turning = all(eye in character.bones for eye in _EYES)
        for node, track in weight_tracks(character.file, character.face, face, turning).items():
            tracks.append((track, node, "weights", "SCALAR", face.fps))
    clocks: dict[tuple[Any, int], int] = {}
    samplers, channels = [], []
    for values, node, what, kind, fps in tracks:
        if np.abs(values - values[0]).max() <= STILL:
            values = values[:1]
        clock = (fps, len(values))
        if clock not in clocks:
            clocks[clock] = added.add(times_of(len(values), fps), "SCALAR", bounds=True)
        output = added.add(values.reshape(-1) if what == "weights" else values, kind)
        channels.append({"sampler": len(samplers), "target": {"node": node, "path": what}})
        samplers.append({"input": clocks[clock], "output": output, "interpolation": "LINEAR"})
    for node in {*rotations, character.bones["hips"]}:
        _as_parts(document["nodes"][node])
    names = {animation.get("name") for animation in document.get("animations", [])}
    name = next(
        n for i in range(1, len(names) + 2) if (n := "Motion" if i == 1 else f"Motion {i}") not in names
    )
    document["animations"] = [
        {"name": name, "channels": channels, "samplers": samplers},
        *document.get("animations", []),
    ]
    told = document["asset"].setdefault("extras", {})
    if isinstance(told, dict):
        told["generated"] = True
        if provenance:
            told["emotive"] = json.loads(provenance)
    return added.file()


def node_tracks(character: Character, motion: BodyMotion) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """Of a motion with the character's offsets: local rotations (T, 3, 3) of each bone's node, and the local
    translation (T, 3) of the hips' node, in the file's unit."""
    rest, bones, parents = character.rest, character.rest.bones, character.file.parents()
    turned, _ = motion.placed()
    if "spine" in bones and "chest" not in bones:  # one joint bends for two
        relative = turned[:, JOINT["spine"]].swapaxes(-1, -2) @ turned[:, JOINT["chest"]]
        half = matrices_of_vectors(vectors_of(relative) / 2)
        turned[:, JOINT["spine"]] = turned[:, JOINT["spine"]] @ half
    of_node = {
        node: rest.body.T @ turned[:, JOINT[name]] @ rest.turns[JOINT[name]] @ character.turned[node]
        for name, node in bones.items()
    }
    # W = body F Q^-1 turn^-1 (see `rest_pose`), so that F = body^-1 W turn Q.
    world: dict[int, np.ndarray] = {}
    local: dict[int, np.ndarray] = {}
    for bone in bones.values():
        for node in way_up(bone, parents)[::-1]:
            if node in world:
                continue
            above = parents[node]
            if node in of_node:
                world[node] = of_node[node]
                local[node] = world[above].swapaxes(-1, -2) @ world[node] if above >= 0 else world[node]
            else:
                at_rest = character.turned[node]
                own = character.turned[above].T @ at_rest if above >= 0 else at_rest
                world[node] = (world[above] if above >= 0 else np.eye(3)) @ own
    return local, _hips(character, motion)


def _hips(character: Character, motion: BodyMotion) -> np.ndarray:
    """The floor is where the character stands at rest: as far below its ankles as in its proportions."""
    rest, bones = character.rest, character.rest.bones
    worlds = world_matrices(character.file, [bones[name] for name in ("hips", "leftFoot", "rightFoot")])
    at = {name: rest.body @ worlds[bones[name]][:3, 3] for name in ("hips", "leftFoot", "rightFoot")}
    ankles = (at["leftFoot"][1] + at["rightFoot"][1]) / 2
    origin = np.array([at["hips"][0], ankles - rest.ankle / rest.unit, at["hips"][2]])
    places = (motion.root / rest.unit + origin) @ rest.body
    above = character.file.parents()[bones["hips"]]
    holder = np.linalg.inv(worlds[above]) if above >= 0 else np.eye(4)
    return places @ holder[:3, :3].T + holder[:3, 3]


def _gazing(motion: BodyMotion, face: FaceMotion) -> BodyMotion:
    """With the eyes turned as those of a face, at the motion's frames."""
    times = np.arange(len(motion)) / float(motion.fps)
    clock = np.arange(len(face)) / float(face.fps)
    yaw, pitch = (np.interp(times, clock, np.rad2deg(column)) for column in face.gaze.T)
    rotations = motion.rotations.copy()
    for eye in _EYES:
        rotations[:, JOINT[eye]] = six_of(about_all(yaw, -pitch, 0 * yaw))
    return replace(motion, rotations=rotations)


def _bones(file: GltfFile) -> tuple[str, dict[str, int]]:
    """Which kind of file it is, and its bones, by the VRM's map or by their names."""
    parents = file.parents()
    one, zero = file.extension("VRMC_vrm"), file.extension("VRM")
    if one is not None:
        told = {name: bone["node"] for name, bone in one["humanoid"]["humanBones"].items()}
        return "VRM 1.0", _mapped(file, told, parents)
    if zero is not None:
        # Bones that a model lacks are left out, or, by old exporters, given the node -1.
        rows = [(str(b["bone"]), b["node"]) for b in zero["humanoid"]["humanBones"] if b["node"] != -1]
        told = {_THUMBS.get(name, name): node for name, node in rows}
        return "VRM 0.x", _mapped(file, told, parents)
    # A mesh called "Head" is no bone.
    skinned = bool(file.document.get("skins"))
    names = ["" if skinned and "mesh" in n else str(n.get("name", "")) for n in file.nodes]
    return "glTF", humanoid_of(names, parents)


def _mapped(file: GltfFile, told: dict[str, Any], parents: list[int]) -> dict[str, int]:
    for name, node in told.items():
        if not (isinstance(node, int) and 0 <= node < len(file.nodes)):
            raise InputError(f"its bone {name[:40]!r} is a node that is not there")
    spine = [told[name] for name in ("spine", "chest", "upperChest") if name in told]
    found = {name: node for name, node in told.items() if name in JOINTS}
    for name in ("spine", "chest", "upperChest"):
        found.pop(name, None)
    found |= dict(zip(spine_names(len(spine)), spine_of(spine), strict=True))
    check_humanoid(found, parents)
    return found


# VRM 0.x calls the three bones of a thumb proximal, intermediate and distal.
_THUMBS = {
    f"{side}Thumb{old}": f"{side}Thumb{new}"
    for side in ("left", "right")
    for old, new in (("Proximal", "Metacarpal"), ("Intermediate", "Proximal"))
}


def _name(file: GltfFile, node: int) -> str:
    return str(file.nodes[node].get("name", f"node {node}"))


def _as_parts(node: dict[str, Any]) -> None:
    """A node that is animated has translation, rotation and scale, not a matrix."""
    if "matrix" not in node:
        return
    matrix = local_matrix(node)
    turned, scale = rotation_and_scale(matrix, str(node.get("name", "")))
    del node["matrix"]
    node["translation"] = matrix[:3, 3].tolist()
    node["rotation"] = quaternions_of(turned).tolist()
    node["scale"] = [scale] * 3
