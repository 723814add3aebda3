"""From a portrait and a motion to pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np

from emotive.errors import InputError
from emotive.face.opening import open_portrait
from emotive.face.portrait import Portrait
from emotive.face.renderer import PortraitRenderer
from emotive.media.badge import badge
from emotive.signals import FaceMotion

SMALLEST, LARGEST = 64, 2048  # pixels


def animation(
    portrait: Portrait | str | os.PathLike[str] | np.ndarray,
    size: int = 512,
    consent: str | None = None,
    not_a_person: bool = False,
) -> Callable[[FaceMotion], Iterator[np.ndarray]]:
    """Opens a portrait: motion -> frames, uint8 (size, size, 3), drawn as they are asked for.

    Of a portrait that is not bundled they carry a badge, unless somebody agreed (`consent` says who, and how)
    or it shows nobody who exists. Raises InputError as `open_portrait`, and for a size that is out of range.
    """
    if isinstance(size, bool) or int(size) != size or not SMALLEST <= size <= LARGEST:
        raise InputError(f"the size is a whole number of pixels in {SMALLEST}..{LARGEST}, not {size}")
    shown = portrait if isinstance(portrait, Portrait) else open_portrait(portrait)
    renderer = PortraitRenderer(shown, int(size))
    marked = not (shown.bundled or not_a_person or (consent or "").strip())

    def frames(motion: FaceMotion) -> Iterator[np.ndarray]:
        return map(badge, renderer.frames(motion)) if marked else renderer.frames(motion)

    return frames


def animate(
    portrait: Portrait | str | os.PathLike[str] | np.ndarray,
    motion: FaceMotion,
    size: int = 512,
    consent: str | None = None,
    not_a_person: bool = False,
) -> Iterator[np.ndarray]:
    """The frames of a motion, made or edited, on a portrait; see `animation`."""
    return animation(portrait, size, consent, not_a_person)(motion)
