"""One frame of a motion as a mesh, `.obj` or `.ply`: our own figure, with the colours of its points."""

from __future__ import annotations

import os
from pathlib import Path

from emotive.errors import InputError
from emotive.face.glb import weights_of
from emotive.media import write_whole
from emotive.media.colour_plane import srgb
from emotive.signals import BodyMotion, FaceMotion

from .actors import Actor
from .figure import figure, skinned
from .head_and_body import played

SUFFIXES = (".obj", ".ply")


def write_mesh(
    path: str | os.PathLike[str],
    motion: BodyMotion,
    frame: int = 0,
    actor: Actor | str | None = None,
    face: FaceMotion | None = None,
) -> Path:
    """Writes `.obj` or `.ply`, whole or not at all; in m, Y up, the person looking along Z.

    frame: from 0; -1 is the last. actor, face: as `write_glb` takes them.

    Raises InputError for a frame that is not there, another suffix, and as `with_face` and `write_whole` do.
    """
    import trimesh
    from trimesh.exchange.obj import export_obj
    from trimesh.exchange.ply import export_ply

    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"cannot write {path.name or path}: a mesh is written as {' or '.join(SUFFIXES)}")
    if not -len(motion) <= frame < len(motion):
        raise InputError(f"{path}: there is no frame {frame}; the motion has {len(motion)}, the first is 0")
    body = figure(actor)
    shown = slice(frame % len(motion), frame % len(motion) + 1)
    motion, face = played(motion, body.offsets, face)
    orientations, positions = motion.part(shown.start, shown.stop).placed()
    points, normals = skinned(body, orientations[0], positions[0], weights_of(face)[shown][0])
    colours = srgb(body.whole.colours)
    mesh = trimesh.Trimesh(
        points, body.whole.triangles, vertex_normals=normals, vertex_colors=colours, process=False
    )
    write_whole(path, export_obj(mesh).encode() if path.suffix.lower() == ".obj" else export_ply(mesh))
    return path
