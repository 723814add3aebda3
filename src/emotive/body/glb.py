"""The motion of a body as GLB: our own figure, skinned and animated, face and all, for any 3D program.

Binary glTF 2.0. The joints are nodes in a T-pose under the scene, "hips" first; the meshes "Body" and "Face"
hang on them by one skin, and the face has ARKit's 52 shapes as morph targets.
"""

from __future__ import annotations

import os
from pathlib import Path

from emotive.errors import InputError
from emotive.face.glb import weights_of
from emotive.media import write_whole
from emotive.media.gltf import Binary, animation_of, glb_of, times_of
from emotive.signals import BodyMotion, FaceMotion

from .actors import Actor
from .bone_names import bone_names
from .figure import Figure, figure
from .gltf_parts import (
    BODY,
    COPYRIGHT,
    FACE,
    LONGEST,
    body_tracks,
    figure_meshes,
    joint_nodes,
    mesh_nodes,
)
from .head_and_body import played


def write_glb(
    path: str | os.PathLike[str],
    motion: BodyMotion,
    actor: Actor | str | None = None,
    face: FaceMotion | None = None,
    names: str = "vrm",
    provenance: str = "",
) -> Path:
    """Writes `.glb`, whole or not at all.

    actor: who plays it; the motion is fitted to their proportions.
    face: what lips, lids, eyes and head do (`with_face`); without it the face shows the motion's affect.
    names: of the joints, "vrm" or "mixamo". provenance: JSON, kept in the file's `asset.extras`.

    Raises InputError for a motion without frames or of more than half an hour at 60 frames/s, a face that
    never plays at the same time, other names, and as `write_whole` does.
    """
    path = Path(path)
    if not 0 < len(motion) <= LONGEST:
        raise InputError(f"{path}: a .glb holds 1..{LONGEST:,} frames, not {len(motion):,}")
    write_whole(path, glb_bytes(motion, figure(actor), face, names, provenance))
    return path


def glb_bytes(
    motion: BodyMotion,
    body: Figure,
    face: FaceMotion | None = None,
    names: str = "vrm",
    provenance: str = "",
) -> bytes:
    """The file that `write_glb` writes."""
    from pygltflib import Scene

    called, binary = bone_names(names), Binary()
    motion, face = played(motion, body.offsets, face)
    tracks = [*body_tracks(motion), (weights_of(face), FACE, "weights")]
    return glb_of(
        binary,
        extras={"fps": str(motion.fps), "frames": len(motion)},
        copyright=COPYRIGHT,
        provenance=provenance,
        scenes=[Scene(name="Figure", nodes=[0, BODY, FACE])],
        nodes=[*joint_nodes(body.offsets, called), *mesh_nodes()],
        animations=[animation_of(binary, times_of(len(motion), motion.fps), tracks)],
        **figure_meshes(binary, body),
    )
