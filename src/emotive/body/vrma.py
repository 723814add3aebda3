"""The motion of a body as VRMA: an animation without a figure, which plays on every VRM avatar.

glTF with the extension VRMC_vrm_animation 1.0 (vrm-specification): the joints as nodes in VRM's T-pose, only
the hips move from their place, an expression is the X of a node's translation, and the gaze a node's
rotation, Y then X.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from emotive.errors import InputError
from emotive.face.glb import weights_of
from emotive.media import write_whole
from emotive.media.gltf import MADE_BY, Binary, animation_of, glb_of, short_way, times_of
from emotive.signals import ARKIT, JOINT, JOINTS, BodyMotion, FaceMotion
from emotive.signals.rotations import quaternions_of

from .gltf_parts import LONGEST, STILL, body_tracks, joint_nodes
from .head_and_body import played
from .vrm_expressions import preset_weights
from .vrm_rest import vrm_rest

EXPRESSIONS = ("presets", "arkit")
UNMAPPED = ("jaw", "leftEye", "rightEye")
"""Joints that are no bones of ours in VRM: the gaze turns the eyes, and jaws move with the mouth's shapes."""


def write_vrma(
    path: str | os.PathLike[str],
    motion: BodyMotion,
    face: FaceMotion | None = None,
    expressions: str = "presets",
    provenance: str = "",
) -> Path:
    """Writes `.vrma`, whole or not at all.

    face: what lips, lids, eyes and head do (`with_face`); without it the face shows the motion's affect.
    expressions: how the face is told. "presets" (`preset_weights`): every avatar has some. "arkit": exactly,
        as custom expressions under ARKit's names, for avatars that have all 52 ("perfect sync").
    provenance: JSON, kept in the file's `asset.extras`.

    Raises InputError for a motion without frames or of more than half an hour at 60 frames/s, a face that
    never plays at the same time, other expressions, and as `write_whole` does.
    """
    path = Path(path)
    if not 0 < len(motion) <= LONGEST:
        raise InputError(f"{path}: a .vrma holds 1..{LONGEST:,} frames, not {len(motion):,}")
    write_whole(path, vrma_bytes(motion, face, expressions, provenance))
    return path


def vrma_bytes(
    motion: BodyMotion, face: FaceMotion | None = None, expressions: str = "presets", provenance: str = ""
) -> bytes:
    """The file that `write_vrma` writes."""
    from pygltflib import Node, Scene

    if expressions not in EXPRESSIONS:
        raise InputError(f"expressions are {' or '.join(EXPRESSIONS)}, not {str(expressions)[:40]!r}")
    motion, face = played(motion, motion.offsets, face)
    shown = preset_weights(face.weights[:, : len(ARKIT)]) if expressions == "presets" else _moving(face)
    binary, rest = Binary(), vrm_rest(motion.offsets)
    nodes = joint_nodes(motion.offsets, JOINTS, rest)
    eyes = [JOINT["leftEye"], JOINT["rightEye"]]
    tracks = [track for track in body_tracks(motion, rest=rest) if track[1] not in eyes]
    extension: dict[str, Any] = {
        "specVersion": "1.0",
        "humanoid": {
            "humanBones": {name: {"node": n} for n, name in enumerate(JOINTS) if name not in UNMAPPED}
        },
    }
    if shown:
        numbers = {name: {"node": len(nodes) + k} for k, name in enumerate(shown)}
        extension["expressions"] = {"preset" if expressions == "presets" else "custom": numbers}
        for name, weights in shown.items():
            zero = np.zeros_like(weights)
            tracks.append((np.stack([weights, zero, zero], 1), len(nodes), "translation"))
            nodes.append(Node(name=name, translation=[0.0, 0.0, 0.0]))
    gaze = short_way(quaternions_of(motion.matrices()[:, eyes[0]]))
    if np.abs(gaze[:, :3]).max() > STILL:
        tracks.append((gaze, len(nodes), "rotation"))
        middle = motion.offsets[eyes].mean(0)
        extension["lookAt"] = {"node": len(nodes), "offsetFromHeadBone": [float(x) for x in middle]}
        nodes.append(Node(name="lookAt"))
    return glb_of(
        binary,
        extras={"fps": str(motion.fps), "frames": len(motion)},
        copyright=MADE_BY,
        provenance=provenance,
        scenes=[Scene(name="Motion", nodes=[0, *range(len(JOINTS), len(nodes))])],
        nodes=nodes,
        animations=[animation_of(binary, times_of(len(motion), motion.fps), tracks)],
        extensionsUsed=["VRMC_vrm_animation"],
        extensions={"VRMC_vrm_animation": extension},
    )


def _moving(face: FaceMotion) -> dict[str, np.ndarray]:
    """ARKit's shapes that are ever there, with the lids' part of the gaze."""
    weights = weights_of(face)
    return {name: weights[:, k] for k, name in enumerate(ARKIT) if weights[:, k].any()}
