"""From a portrait and a motion to pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np

from emotive.errors import InputError
from emotive.face.controls import DISTANCE, FaceControls
from emotive.face.opening import open_portrait
from emotive.face.portrait import Portrait
from emotive.face.renderer import PortraitRenderer
from emotive.media.badge import badge
from emotive.signals import ARKIT, FaceMotion

SMALLEST, LARGEST = 64, 2048  # pixels; nearer faces are drawn larger, up to the same, and cut out


def animation(
    portrait: Portrait | str | os.PathLike[str] | np.ndarray,
    size: int = 512,
    consent: str | None = None,
    not_a_person: bool = False,
    distance: float | None = None,
) -> Callable[[FaceMotion], Iterator[np.ndarray]]:
    """Opens a portrait: motion -> frames, uint8 (size, size, 3), drawn as they are asked for.

    Of a portrait that is not bundled they carry a badge, unless somebody agreed (`consent` says who, and how)
    or it shows nobody who exists. `distance` is that of `FaceControls`. Raises InputError as `open_portrait`,
    and for a size that is out of range.
    """
    if isinstance(size, bool) or int(size) != size or not SMALLEST <= size <= LARGEST:
        raise InputError(f"the size is a whole number of pixels in {SMALLEST}..{LARGEST}, not {size}")
    shown = portrait if isinstance(portrait, Portrait) else open_portrait(portrait)
    nearer = DISTANCE / (FaceControls(distance=distance).distance or DISTANCE)
    renderer = PortraitRenderer(shown, min(round(size * nearer), LARGEST))
    left, top = _window(renderer, int(size))
    marked = not (shown.bundled or not_a_person or (consent or "").strip())

    def frames(motion: FaceMotion) -> Iterator[np.ndarray]:
        for frame in renderer.frames(motion):
            near = frame[top : top + size, left : left + size]
            yield badge(near) if marked else near

    return frames


def animate(
    portrait: Portrait | str | os.PathLike[str] | np.ndarray,
    motion: FaceMotion,
    size: int = 512,
    consent: str | None = None,
    not_a_person: bool = False,
    distance: float | None = None,
) -> Iterator[np.ndarray]:
    """The frames of a motion, made or edited, on a portrait; see `animation`."""
    return animation(portrait, size, consent, not_a_person, distance)(motion)


def _window(renderer: PortraitRenderer, size: int) -> tuple[int, int]:
    """Left and top of the part of the picture around the face that is `size` pixels wide and high."""
    rest = np.zeros(3)
    oval = renderer.landmarks(np.zeros(len(ARKIT)), rest, rest).oval[:, :2]
    corner = np.rint((oval.min(0) + oval.max(0) - size) / 2).clip(0, renderer.size - size)
    return int(corner[0]), int(corner[1])
