"""A portrait: one face with its landmarks, and what lies behind its parts if that is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .landmarks import FaceLandmarks


@dataclass(frozen=True, eq=False)
class Portrait:
    """A face that can be moved. All pictures have the size (H, W) of `image`, in sRGB.

    image: uint8 (H, W, 3), eyes open, best with a neutral face and a closed mouth.
    landmarks: of the face in it.
    name: what to call it: of a bundled portrait its name, of a photograph its file's.
    bundled: whether it came with Emotive, and so shows nobody.
    backdrop: uint8 (H, W, 3) or None: what is seen where the head was: background, body, back of the hair.
    head: uint8 (H, W) or None: how much of each pixel turns with the head (face, ears, hair; fading down the
        neck), 255 all.
    sclera: uint8 (H, W, 3) or None: the whites of both eyes without irises, lids and lashes, past the lids.
    irises: uint8 (2, S, S, 4) or None: right and left iris as whole discs with transparent surroundings; the
        disc's radius is S / 2.
    What is None is estimated from the picture by the renderer.
    """

    image: np.ndarray
    landmarks: FaceLandmarks
    name: str = ""
    bundled: bool = False
    backdrop: np.ndarray | None = None
    head: np.ndarray | None = None
    sclera: np.ndarray | None = None
    irises: np.ndarray | None = None
