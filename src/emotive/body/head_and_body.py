"""A face on a body: two motions, each with its clock, become one.

Lips, lids, gaze and head are the face's, as it was made with the voice; everything else is the body's. A
face says how the head is held against straight ahead, and so does the body (`channels`): where the trunk
turns away, the neck makes up for it. Shifts of a head, which a neck cannot follow, are left out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from emotive.errors import InputError
from emotive.face.events import Blinking, with_blinks
from emotive.face.expressions import expression
from emotive.signals import JOINT, BodyMotion, FaceMotion
from emotive.signals.rotations import matrices_of, matrices_of_vectors, six_of, vectors_of

from .posing import NECK
from .retarget import fitted
from .turns import smooth, turned_back

FADE = 0.3  # s in which a face that begins later or ends earlier comes and goes


def played(
    motion: BodyMotion, offsets: np.ndarray, face: FaceMotion | None = None, seed: int = 0
) -> tuple[BodyMotion, FaceMotion]:
    """A motion as a body with `offsets` (55, 3) plays it, and what its face does: `face`, or what the affect
    of the motion says (`face_of`, with `seed`). Raises InputError as `with_face` does."""
    motion = fitted(motion, offsets)
    return (motion, face_of(motion, seed)) if face is None else with_face(motion, face)


def face_of(motion: BodyMotion, seed: int = 0) -> FaceMotion:
    """The face of a motion that comes without one: the expression of its affect, blinks that `seed` draws,
    the gaze of its eyes. The mouth is closed, the head the body's."""
    count, fps = len(motion), float(motion.fps)
    points = motion.affect.sample(motion.fps, max(motion.duration, 1 / fps))[:count]
    blinks = Blinking(np.random.default_rng(seed), fps).take(np.ones(count), points[:, 1])
    still = np.zeros((count, 3), np.float32)
    gaze = gaze_of(motion.rotations[:, JOINT["leftEye"]])
    weights = with_blinks(expression(points), blinks)
    return FaceMotion(weights, still, still, gaze, motion.fps, affect=motion.affect, start=motion.start)


def gaze_of(six: np.ndarray) -> np.ndarray:
    """Yaw to the person's left and pitch up, rad (T, 2), of an eye's rotations, six numbers each (T, 6)."""
    looks = matrices_of(six)[..., 2]
    return np.stack([np.arctan2(looks[:, 0], looks[:, 2]), np.arcsin(looks[:, 1].clip(-1, 1))], 1)


def with_face(motion: BodyMotion, face: FaceMotion) -> tuple[BodyMotion, FaceMotion]:
    """The body with the face's head and eyes, and the face frame by frame beside it.

    Their `start`s say how they lie to each other; the face may have another rate. Where it does not play,
    head and eyes are the body's and the face is at rest.

    Raises InputError if there is no moment at which both play.
    """
    seconds = motion.start + np.arange(len(motion)) / float(motion.fps)
    begin, end = face.start, face.start + face.duration
    if not len(face) or not len(motion) or begin >= motion.start + motion.duration or end <= motion.start:
        raise InputError(
            f"the face plays from {begin:.2f} to {end:.2f} s and the body from {motion.start:.2f} to "
            f"{motion.start + motion.duration:.2f} s: they never play together"
        )
    last = begin + (len(face) - 1) / float(face.fps)
    share = smooth(np.minimum(1 - (begin - seconds) / FADE, 1 - (seconds - last) / FADE))
    tracks = _at(face, seconds)
    turned = _turned(motion, tracks["rotation"], tracks["gaze"], share)
    faded = {name: share[:, None] * track for name, track in tracks.items()}
    return turned, replace(face, **faded, fps=motion.fps, start=motion.start)


def _at(face: FaceMotion, seconds: np.ndarray) -> dict[str, np.ndarray]:
    """The tracks of a face at any times, its first and its last frame held."""
    at = ((seconds - face.start) * float(face.fps)).clip(0, len(face) - 1)
    before = np.minimum(at.astype(int), max(len(face) - 2, 0))
    after = np.minimum(before + 1, len(face) - 1)
    part = (at - before)[:, None]
    tracks = {}
    for name in ("weights", "rotation", "translation", "gaze"):
        track = getattr(face, name).astype(np.float64)
        tracks[name] = (1 - part) * track[before] + part * track[after]
    return tracks


def _turned(motion: BodyMotion, rotation: np.ndarray, gaze: np.ndarray, share: np.ndarray) -> BodyMotion:
    """The body with its head and eyes turned as a face asks, `share` (T,) of the way."""
    matrices, (world, _) = motion.matrices(), motion.placed()
    turn = vectors_of(turned_back(world[:, JOINT["upperChest"]], matrices_of_vectors(rotation)))
    neck = matrices_of_vectors(NECK * turn)
    # Y, then X: to the own left, then up.
    yaw, pitch = gaze.T
    none = np.zeros_like(yaw)
    eyes = matrices_of_vectors(np.stack([none, yaw, none], -1)) @ matrices_of_vectors(
        np.stack([-pitch, none, none], -1)
    )
    wanted = {
        "neck": neck,
        "head": turned_back(neck, matrices_of_vectors(turn)),
        "leftEye": eyes,
        "rightEye": eyes,
    }
    rotations = np.array(motion.rotations)
    for name, there in wanted.items():
        here = matrices[:, JOINT[name]]
        part = share[:, None] * vectors_of(turned_back(here, there))
        rotations[:, JOINT[name]] = six_of(here @ matrices_of_vectors(part))
    return replace(motion, rotations=rotations)
