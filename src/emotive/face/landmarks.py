"""The landmarks of a face, as the contours that the renderer moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class FaceLandmarks:
    """Contours of one face in a picture; float32, x and y in pixels of the picture (pixel centres at whole
    numbers), z in pixels towards the viewer. Right and left are the person's own; of a face that looks at the
    camera the right eye lies at smaller x.

    oval: (36, 3), from the middle of the hairline along the person's left to the chin (18) and back.
    brows: (2, 2, 5, 3): right and left; upper and lower edge; from the temple to the nose.
    eyes: (2, 2, 9, 3): right and left; upper and lower lid; from the outer to the inner corner, which both
        lids share.
    irises: (2, 3): right and left; x and y of the middle, radius.
    lips: (4, 11, 3): outer edge of the upper lip, its inner edge, inner edge of the lower lip, its outer
        edge; from the person's right corner to the left. Both outer edges share their corners, both inner.
    nose: (9, 3): the bridge from between the eyes to the tip (4), then the base from the right wing over the
        septum to the left wing (5).
    """

    oval: np.ndarray
    brows: np.ndarray
    eyes: np.ndarray
    irises: np.ndarray
    lips: np.ndarray
    nose: np.ndarray

    @property
    def eye_distance(self) -> float:
        """Between the outer corners of the eyes, pixels: the unit of everything that is relative."""
        return float(np.linalg.norm(self.eyes[1, 0, 0, :2] - self.eyes[0, 0, 0, :2]))
