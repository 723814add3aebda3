"""From the controls of a body to its joints: inverse kinematics with feet that stand and hands that reach."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.signals import JOINT, JOINTS, BodyMotion
from emotive.signals.archive import frame_rate
from emotive.signals.rotations import six_of

from .arms import SIGNS, against, frame_of, placed, raise_of, reachable, wrists_of
from .channels import CHANNELS, of
from .clearing import cleared
from .feet import Feet, stand
from .fingers import balls_of, fingers
from .legs import ankles_of, height_of, legs, over_feet, turned_within
from .posture import Posture
from .ranges import both, ranged
from .skeleton import SIGN, Build, offsets_of
from .solids import solids_of
from .turns import about, about_all, angles_of, moved, turned_back, within

NECK = 0.4  # of the turn of the head against the chest that the neck takes
HEAD = ((-78, 78), (-62, 58), (-42, 42))  # deg that face and chest differ in yaw, pitch and roll
SPINE = (0.26, 0.34)  # of the trunk's bend that spine and chest take; the upper chest has the rest
_LEVEL = (0.45, 0.35)  # of the hips' roll that they make up for
LEG = 0.82  # m from hip to ankle for which the ranges of feet are
_BLOCK = 1024  # frames at a time: they stay in the cache


def pose(
    tracks: np.ndarray,
    fps: float | Fraction,
    *,
    build: Build | None = None,
    girth: float = 1.0,
    affect: AffectCurve | Affect | None = None,
    start: float = 0.0,
) -> BodyMotion:
    """The motion of a body (T frames) under controls `tracks` (T, 50), in the order of `CHANNELS`.

    Any finite numbers give a body within human range whose feet never slide. girth: how stout the body is,
    about 0.9..1.2, which hands keep clear of. Raises InputError for other shapes and for numbers that are not
    finite.
    """
    motion = Poser(fps, build, girth).take(tracks)
    curve = AffectCurve.coerce(Affect(0.0, 0.0) if affect is None else affect)
    return BodyMotion(motion.rotations, motion.root, motion.offsets, motion.fps, curve, start)


class Poser:
    """Poses a stream, part by part: all it remembers is where the feet stand."""

    def __init__(self, fps: float | Fraction, build: Build | None = None, girth: float = 1.0) -> None:
        self.fps = fps
        self.feet = Feet()
        self.offsets = offsets_of(build).astype(np.float64)
        self.solids = solids_of(self.offsets, girth)

    def take(self, tracks: np.ndarray) -> BodyMotion:
        """The motion of the next frames, of tracks (n, 50). Raises InputError as `pose` does."""
        tracks = np.asarray(tracks, np.float64)
        if tracks.ndim != 2 or tracks.shape[1] != len(CHANNELS):
            raise InputError(f"controls of a body have the shape (T, {len(CHANNELS)}), not {tracks.shape}")
        if not np.isfinite(tracks).all():
            raise InputError(f"controls of frame {np.argwhere(~np.isfinite(tracks))[0, 0]} are not finite")
        rotations = np.empty((len(tracks), len(JOINTS), 6), np.float32)
        root = np.empty((len(tracks), 3), np.float32)
        for first in range(0, len(tracks), _BLOCK):
            part = slice(first, first + _BLOCK)
            body = self._posed(tracks[part].clip(-1e6, 1e6))
            rotations[part], root[part] = six_of(body.rotations), body.at["hips"]
        return BodyMotion(rotations, root, self.offsets, frame_rate(self.fps))

    def _posed(self, tracks: np.ndarray) -> Posture:
        body = stands(self.feet, tracks, self.offsets, float(self.fps))
        _hold_trunk(body, tracks)
        _hold_head(body, tracks)
        self._reaches(body, tracks)
        return body

    def _reaches(self, body: Posture, tracks: np.ndarray) -> None:
        """Collarbones, arms, hands and fingers."""
        hands = placed(np.stack([tracks[:, of(side)] for side in SIGN]))
        fingers(hands, body.rotations)

        top, sign = body.turned["upperChest"], SIGNS[:, None]
        raised, ahead = raise_of(hands)
        raised = within(raised + both(tracks, "raise"), -9, 32)
        ahead = within(ahead + both(tracks, "round"), -20, 25)
        collars = about("z", sign * raised) @ about("y", -sign * ahead)
        for i, side in enumerate(SIGN):
            body.turn(f"{side}Shoulder", collars[i])
        offsets = body.offset("leftUpperArm", "rightUpperArm")
        turned = np.stack([body.turned[f"{side}Shoulder"] for side in SIGN])
        shoulders = np.stack([body.at[f"{side}Shoulder"] for side in SIGN]) + moved(turned, offsets[:, None])

        frame = frame_of(top)
        between = (body.offset("leftShoulder", "rightShoulder") + offsets).mean(0)
        lengths = np.linalg.norm(body.offset("leftLowerArm", "leftHand"), axis=-1)
        wrists = wrists_of(hands, frame, body.at["upperChest"] + moved(top, between), lengths.sum())
        wrists = reachable(wrists, shoulders, lengths.sum())
        room = [
            (solid, body.turned[JOINTS[solid.joint]], body.at[JOINTS[solid.joint]]) for solid in self.solids
        ]
        balls = balls_of(body.rotations, self.offsets)
        bent = cleared(hands, (top, frame), shoulders, wrists, (lengths[0], lengths[1]), balls, room)
        rotations = against(turned, bent.turned)
        for i, side in enumerate(SIGN):
            for part, rotation in zip(("UpperArm", "LowerArm", "Hand"), rotations, strict=True):
                body.rotations[:, JOINT[side + part]] = rotation[i]


def stands(state: Feet, tracks: np.ndarray, offsets: np.ndarray, fps: float) -> Posture:
    """Feet, legs and hips of a body with these offsets (55, 3) under tracks (T, 50); `state` goes on."""
    bones = offsets[[[JOINT[f"{side}{part}"] for part in ("LowerLeg", "Foot")] for side in SIGN]]
    lengths = np.linalg.norm(bones, axis=-1).sum(-1)
    feet = stand(state, _wanted(tracks, offsets, lengths[0] / LEG), 1 / fps)
    toes = offsets[[JOINT["leftToes"], JOINT["rightToes"]]]
    down = [JOINT[name] for name in ("hips", "leftUpperLeg", "leftLowerLeg", "leftFoot", "leftToes")]
    ankles, floor, turned_feet, turned_toes = ankles_of(feet, toes, float(offsets[down, 1].sum()))

    lean = ranged(tracks, "lean")
    hips = about_all(turned_within(ranged(tracks, "hips.yaw"), feet.yaw), lean, ranged(tracks, "hips.roll"))
    ahead = ranged(tracks, "hips.ahead") + lengths[0] * np.sin(np.deg2rad(lean))
    root = over_feet(
        np.stack([ranged(tracks, "hips.side"), np.zeros_like(lean), ahead], -1), floor, lengths[0]
    )
    joints = root + moved(hips, offsets[[JOINT["leftUpperLeg"], JOINT["rightUpperLeg"]]][:, None])
    root[:, 1] = up = height_of(joints, ankles, floor, lengths, ranged(tracks, "crouch", lengths[0] / LEG))
    joints[..., 1] += up

    body = Posture(offsets, hips, root)
    turned = (*legs(joints, ankles, turned_feet, hips, bones), turned_toes)
    for i, side in enumerate(SIGN):
        for part, rotation in zip(("UpperLeg", "LowerLeg", "Foot", "Toes"), turned, strict=True):
            body.turn(side + part, rotation[i])
    return body


def _wanted(tracks: np.ndarray, offsets: np.ndarray, scale: float) -> np.ndarray:
    """x and z of the ball, m, and yaw, deg, that the controls of the feet ask for: (2, T, 3)."""
    out, ahead = (both(tracks, f"foot.{name}", scale) for name in ("out", "ahead"))
    turn = both(tracks, "foot.turn")
    found = []
    for i, (side, sign) in enumerate(SIGN.items()):
        ankle = offsets[[JOINT[f"{side}{part}"] for part in ("UpperLeg", "LowerLeg", "Foot")]].sum(0)
        ball = ankle + moved(about("y", sign * turn[i]), offsets[JOINT[f"{side}Toes"]])
        found.append(np.stack([ball[:, 0] + sign * out[i], ball[:, 2] + ahead[i], sign * turn[i]], -1))
    return np.stack(found)


def _hold_trunk(body: Posture, tracks: np.ndarray) -> None:
    """The chest turns against hips that are upright but for the lean; the spine makes up for their roll."""
    lean, level = ranged(tracks, "lean"), ranged(tracks, "hips.roll")
    hip_yaw = angles_of(body.turned["hips"])[:, 0]
    yaw, pitch, roll = (ranged(tracks, f"trunk.{name}") for name in ("yaw", "pitch", "roll"))
    for name, share, up in zip(("spine", "chest"), SPINE, _LEVEL, strict=True):
        body.turn(name, about_all(share * yaw, share * pitch, share * roll - up * level))
    body.face("upperChest", about_all(hip_yaw, lean, np.zeros_like(lean)) @ about_all(yaw, pitch, roll))


def _hold_head(body: Posture, tracks: np.ndarray) -> None:
    """The face turns against the world, as far as the neck lets it; neck and head share that."""
    face = about_all(*(ranged(tracks, f"head.{name}") for name in ("yaw", "pitch", "roll")))
    angles = angles_of(turned_back(body.turned["upperChest"], face)).T
    yaw, pitch, roll = (within(angle, *ends) for angle, ends in zip(angles, HEAD, strict=True))
    body.turn("neck", about_all(NECK * yaw, NECK * pitch, NECK * roll))
    body.face("head", body.turned["upperChest"] @ about_all(yaw, pitch, roll))
    eyes = about_all(ranged(tracks, "gaze.yaw"), -ranged(tracks, "gaze.pitch"), np.zeros_like(yaw))
    body.rotations[:, JOINT["leftEye"]] = body.rotations[:, JOINT["rightEye"]] = eyes
