"""How a face moves: blendshapes, head and gaze, frame by frame."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.media import check_file, write_whole

from .blendshapes import ARKIT

FORMAT = "emotive-face-motion"
VERSION = 1


@dataclass(frozen=True, eq=False)
class FaceMotion:
    """The motion of one face. Axes as in glTF: X to the person's left, Y up, Z out of the face.

    weights: float32 (T, K) in [0, 1], of the blendshapes `names`. The eye-look shapes stay 0; `gaze` has it.
    rotation: of the head against the shoulders, float32 (T, 3), a rotation vector in rad. Along +X the face
        looks down, along +Y it turns to the person's left, along +Z it tilts to the person's right shoulder.
    translation: of the head, float32 (T, 3), m.
    gaze: of both eyes against the head, float32 (T, 2), rad: yaw to the person's left, pitch up.
    fps: frames/s, exact; an int, a float or a Fraction is taken.
    names: of the blendshapes, ARKit's 52 first.
    affect: the curve that was used, its times from the first frame; neutral by default.
    start: seconds on a longer clock at which the first frame lies.

    Raises InputError for other shapes, values that are not finite, weights outside [0, 1].
    """

    weights: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    gaze: np.ndarray
    fps: Fraction
    names: tuple[str, ...] = ARKIT
    affect: AffectCurve = field(default_factory=lambda: AffectCurve.constant(Affect(0.0, 0.0)))
    start: float = 0.0

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(len(self) / self.fps)
