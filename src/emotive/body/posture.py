"""A body that is being posed, joint by joint from the hips outward."""

from __future__ import annotations

import numpy as np

from emotive.signals import JOINT, JOINTS, PARENTS

from .turns import moved, turned_back


class Posture:
    """T frames of one body. rotations: against the parents, (T, 55, 3, 3), the identity where none was given
    yet. turned and at: orientations (T, 3, 3) and places (T, 3), m, in the world, of joints given so far."""

    def __init__(self, offsets: np.ndarray, hips: np.ndarray, root: np.ndarray):
        self.offsets = offsets
        self.rotations = np.empty((len(root), len(JOINTS), 3, 3))
        self.rotations[:] = np.eye(3)
        self.rotations[:, 0] = hips
        self.turned, self.at = {"hips": hips}, {"hips": root}

    def turn(self, name: str, rotation: np.ndarray) -> None:
        """Gives a joint, whose parent has been given, a rotation against that."""
        parent = self._place(name)
        self.rotations[:, JOINT[name]] = rotation
        self.turned[name] = self.turned[parent] @ rotation

    def face(self, name: str, orientation: np.ndarray) -> None:
        """Gives it an orientation in the world."""
        parent = self._place(name)
        self.turned[name] = orientation
        self.rotations[:, JOINT[name]] = turned_back(self.turned[parent], orientation)

    def offset(self, *names: str) -> np.ndarray:
        """Offsets of joints from their parents, (n, 3), m."""
        return self.offsets[[JOINT[name] for name in names]]

    def _place(self, name: str) -> str:
        parent = JOINTS[PARENTS[JOINT[name]]]
        self.at[name] = self.at[parent] + moved(self.turned[parent], self.offsets[JOINT[name]])
        return parent
