"""The motion of a body to and from the files that animators use."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from emotive.errors import InputError
from emotive.media import check_file
from emotive.signals import BodyMotion, FaceMotion

if TYPE_CHECKING:
    from .actors import Actor
    from .character import Character

WRITTEN = (".glb", ".vrma", ".bvh", ".npz", ".json", ".obj", ".ply")
READ = (".npz", ".json", ".bvh")


def save_body_motion(
    motion: BodyMotion,
    path: str | os.PathLike[str],
    *,
    actor: Actor | str | None = None,
    character: Character | None = None,
    face: FaceMotion | None = None,
    names: str = "vrm",
    frame: int = 0,
    provenance: str = "",
) -> Path:
    """Writes a motion in the format that the suffix names, whole or not at all.

    .glb: our own figure, animated (`write_glb`). .vrma: the animation for any VRM avatar (`write_vrma`).
    .bvh: the skeleton alone (`write_bvh`). .npz, .json: every number exactly (`BodyMotion.save`). .obj, .ply:
    the figure in one frame (`write_mesh`).

    actor: whose figure, in .glb, .obj and .ply. character: the user's own in its place, in .glb, or as .vrm
    (`bake`). face: what lips, lids, eyes and head do; files without a face take the head and the eyes.
    names: of the joints in .glb and .bvh, "vrm" or "mixamo". frame: that .obj and .ply show, from 0.
    provenance: JSON, which all but .bvh, .obj and .ply keep within.

    Raises InputError for another suffix, and as those do.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in WRITTEN and not (suffix == ".vrm" and character is not None):
        raise InputError(f"cannot write {path.name or path}: motion is written as {' or '.join(WRITTEN)}")
    if suffix in (".glb", ".vrm") and character is not None:
        from .character import bake
        from .head_and_body import face_of, with_face

        motion, face = (motion, face_of(motion)) if face is None else with_face(motion, face)
        return bake(character, motion, path, face, provenance)
    if suffix == ".glb":
        from .glb import write_glb

        return write_glb(path, motion, actor, face, names, provenance)
    if suffix == ".vrma":
        from .vrma import write_vrma

        return write_vrma(path, motion, face, provenance=provenance)
    if suffix in (".obj", ".ply"):
        from .obj import write_mesh

        return write_mesh(path, motion, frame, actor, face)
    if face is not None:
        from .head_and_body import with_face

        motion, _ = with_face(motion, face)
    if suffix == ".bvh":
        from .bvh import write_bvh

        return write_bvh(path, motion, names)
    return motion.save(path, provenance)


def load_body_motion(path: str | os.PathLike[str]) -> BodyMotion:
    """Reads `.npz`, ours or of SMPL-X as BEAT2 and AMUSE have them, `.json`, or `.bvh` of any humanoid.

    Raises InputError for another suffix, a missing file, and as `BodyMotion.load`, `motion_of_smplx`
    and `motion_of_bvh` do.
    """
    path = Path(path)
    check_file(path)
    suffix = path.suffix.lower()
    if suffix not in READ:
        why = f"a {suffix} cannot be read back" if suffix in WRITTEN else "it has another suffix"
        raise InputError(f"{path}: motion is read from {' or '.join(READ)}; {why}")
    if suffix == ".bvh":
        from .retarget import motion_of_bvh

        return motion_of_bvh(path)
    if suffix == ".npz" and _is_foreign(path):
        from .smplx_reader import motion_of_smplx

        return motion_of_smplx(path)
    return BodyMotion.load(path)


def _is_foreign(path: Path) -> bool:
    """Whether an `.npz` has poses without our header; what is no archive at all is not."""
    try:
        with zipfile.ZipFile(path) as file:
            names = {Path(name).stem for name in file.namelist()}
    except (OSError, zipfile.BadZipFile):
        return False
    return "poses" in names and "header" not in names
