"""The motion of a face to and from the files that animators use."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

from emotive.errors import InputError
from emotive.media import check_file
from emotive.signals import FaceMotion

WRITTEN = (".npz", ".json", ".csv", ".glb")
READ = (".npz", ".json", ".csv")


def save_motion(motion: FaceMotion, path: str | os.PathLike[str], provenance: str = "") -> Path:
    """Writes `.npz` or `.json` (exact), `.csv` (ARKit, as Live Link Face records it) or `.glb` (the bundled
    head, animated), whole or not at all. What each keeps: `FaceMotion.save`, `write_live_link`, `write_glb`.

    provenance: JSON, which a `.glb` keeps within.

    Raises InputError for another suffix, and as those do.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        raise InputError(f"cannot write {path.name or path}: motion is written as {' or '.join(WRITTEN)}")
    if suffix == ".csv":
        from .live_link import write_live_link

        return write_live_link(path, motion)
    if suffix == ".glb":
        from .glb import write_glb

        return write_glb(path, motion, provenance)
    return motion.save(path)


def load_motion(path: str | os.PathLike[str], fps: float | Fraction | None = None) -> FaceMotion:
    """Reads `.npz`, `.json` or `.csv`. `fps` is only for a `.csv` too short to tell its rate.

    Raises InputError for another suffix, a missing file, and as `FaceMotion.load` and `read_live_link`.
    """
    path = Path(path)
    check_file(path)
    suffix = path.suffix.lower()
    if suffix == ".csv":
        from .live_link import read_live_link

        return read_live_link(path, fps)
    if suffix not in READ:
        why = "a .glb cannot be read back" if suffix == ".glb" else "it has another suffix"
        raise InputError(f"{path}: motion is read from {' or '.join(READ)}; {why}")
    return FaceMotion.load(path)
