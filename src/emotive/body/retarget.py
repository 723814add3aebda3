"""Motion of foreign skeletons on our joints, and any motion on a body of other proportions.

The orientation of every bone against its T-pose (see `rest_pose`) is carried over, in the world, so that
joints which only one of the two skeletons has do no harm. Which way is up is told by how the person stands
while moving, the unit by how long the legs are, the floor by where the feet mostly are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from emotive.errors import InputError
from emotive.signals import JOINT, JOINTS, PARENTS, BodyMotion
from emotive.signals.archive import frame_rate
from emotive.signals.rotations import matrices_of_vectors, six_of, vectors_of

from .bvh_reader import Bvh, read_bvh
from .humanoid_names import humanoid_of
from .rest_pose import HINGES, RestPose, rest_pose, standing, turn_between
from .turns import across, moved, unit

BLOCK = 2000  # frames carried over at once
SEEN = 300  # frames that tell which way is up and what knees turn about
BENT = 0.15  # mean sine of the angle by which a joint must bend for its axis to be seen
STRETCH = 0.9995  # of the length of a leg up to which it reaches
_SIDES = ("left", "right")


def motion_of_bvh(
    path: str | os.PathLike[str],
    fps: float | Fraction | None = None,
    offsets: np.ndarray | None = None,
) -> BodyMotion:
    """The motion in a `.bvh` of any humanoid, told by the names of its joints.

    The person stands where and faces as in the file, with what is ahead at rest along +Z; `centred` moves
    it to the middle.

    fps: of the result; by default that of the file.
    offsets: of the body that is to move, (55, 3), m; by default that of the person in the file, with what
        it lacks in our proportions.

    Raises InputError, naming the file: as `read_bvh`, and for a skeleton that is no humanoid.
    """
    motion = motion_of(read_bvh(path), fps, str(Path(path)))
    return motion if offsets is None else fitted(motion, offsets)


def motion_of(bvh: Bvh, fps: float | Fraction | None = None, name: str = "the motion") -> BodyMotion:
    """The same of a file that was read; `name` is what errors call it."""
    rate = bvh.fps if fps is None else frame_rate(fps)
    step = max(1, int(bvh.fps / rate))  # whole frames are left out, the rest is interpolated
    try:
        bones = humanoid_of(bvh.names, bvh.parents)
        seen = bvh.placed(step=max(1, len(bvh) // SEEN))
        rest = rest_pose(bvh.rest(), bvh.parents, bones, _hinges(bones, *seen))
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    world = _world(rest, *seen)
    parts = [
        _carried(rest, world, *bvh.placed(first, min(first + BLOCK * step, len(bvh)), step))
        for first in range(0, len(bvh), BLOCK * step)
    ]
    six, root = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    motion = on_floor(BodyMotion(six, root, rest.offsets, bvh.fps / step))
    return motion if motion.fps == rate else motion.resampled(rate)


def local_of(turned: np.ndarray) -> np.ndarray:
    """Orientations in the world (T, 55, 3, 3) -> rotations against the parents."""
    local = turned.copy()
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            local[:, joint] = turned[:, parent].swapaxes(-1, -2) @ turned[:, joint]
    return local


def on_floor(motion: BodyMotion) -> BodyMotion:
    """Raised or lowered as a whole until the lower foot of most frames stands on the floor, at Y = 0."""
    if not len(motion):
        return motion
    rest = standing(motion.offsets.astype(np.float64))
    feet = [JOINT[f"{side}{part}"] for side in _SIDES for part in ("Foot", "Toes")]
    lowest = (motion.positions()[:, feet, 1] - rest[feet, 1]).min(1)
    return replace(motion, root=motion.root - np.array([0, float(np.median(lowest)), 0], np.float32))


def centred(motion: BodyMotion) -> BodyMotion:
    """Moved and turned as a whole so that the hips are, on average, over the origin and face along +Z."""
    if not len(motion):
        return motion
    hips = motion.matrices()[:, 0]
    ahead = hips[:, :, 2].mean(0) * (1, 0, 1)
    if np.linalg.norm(ahead) < 0.2:  # a person who turns round and round faces nowhere
        ahead = np.array([0.0, 0.0, 1.0])
    turn = turn_between(ahead, (0.0, 0.0, 1.0), (0, 1, 0))
    root = motion.root - motion.root.mean(0) * (1, 0, 1)
    rotations = motion.rotations.copy()
    rotations[:, 0] = six_of(turn @ hips)
    return replace(motion, rotations=rotations, root=root @ turn.T)


def fitted(motion: BodyMotion, offsets: np.ndarray) -> BodyMotion:
    """The same motion on a body with other `offsets` (55, 3), m.

    Every bone but those of the legs keeps its orientation. The way of the hips grows with the legs, and legs
    bend as they must for feet to stand where they stood, in proportion: what did not slide does not. Where
    legs would not reach, the hips are lowered, by the same in every frame.
    """
    offsets = np.asarray(offsets, np.float64)
    if not len(motion) or np.allclose(offsets, motion.offsets, atol=1e-6):
        return replace(motion, offsets=offsets)
    turned, placed = motion.placed()
    old, new = standing(motion.offsets.astype(np.float64)), standing(offsets)
    grown = _leg(offsets) / _leg(motion.offsets)
    root = new[0] + grown * (motion.root.astype(np.float64) - old[0])
    # Hips and feet of another width stand apart as wide, in the direction in which the person mostly faces.
    ahead = turned[:, 0, :, 2].mean(0) * (1, 0, 1)
    facing = turn_between((0.0, 0.0, 1.0), ahead, (0, 1, 0)) if np.linalg.norm(ahead) > 0.2 else np.eye(3)
    goals = {}
    for side in _SIDES:
        foot = JOINT[f"{side}Foot"]
        wider = new[foot] - grown * old[foot]
        goals[side] = grown * placed[:, foot] + facing @ (wider * (1, 0, 1)) + wider * (0, 1, 0)
    root[:, 1] -= max(_short(root, turned, offsets, side, goals[side]) for side in _SIDES)
    for side in _SIDES:
        _bend(root, turned, offsets, side, goals[side])
    return replace(motion, rotations=six_of(local_of(turned)), root=root, offsets=offsets)


def _leg(offsets: np.ndarray) -> float:
    bones = [JOINT[f"{side}{part}"] for side in _SIDES for part in ("LowerLeg", "Foot")]
    return float(np.linalg.norm(offsets[bones], axis=-1).sum())


def _short(root: np.ndarray, turned: np.ndarray, offsets: np.ndarray, side: str, goal: np.ndarray) -> float:
    """How far the hips must go down for a leg to reach its goals, m; a twelfth of the leg at most."""
    away = goal - root - moved(turned[:, 0], offsets[JOINT[f"{side}UpperLeg"]])
    length = STRETCH * sum(np.linalg.norm(offsets[JOINT[f"{side}{part}"]]) for part in ("LowerLeg", "Foot"))
    depth = np.sqrt(np.maximum(length**2 - away[:, 0] ** 2 - away[:, 2] ** 2, 0))
    return float(np.clip((-away[:, 1] - depth).max(), 0, length / 12))


def _bend(root: np.ndarray, turned: np.ndarray, offsets: np.ndarray, side: str, goal: np.ndarray) -> None:
    """Turns thigh and shin, in `turned`, so that the ankle is at `goal` (T, 3); the knee keeps its side."""
    thigh, shin, foot = (JOINT[f"{side}{part}"] for part in ("UpperLeg", "LowerLeg", "Foot"))
    away = goal - root - moved(turned[:, 0], offsets[thigh])
    upper, lower = moved(turned[:, thigh], offsets[shin]), moved(turned[:, shin], offsets[foot])
    a, b = np.linalg.norm(offsets[shin]), np.linalg.norm(offsets[foot])
    reach = np.linalg.norm(away, axis=-1).clip(abs(a - b) + 1e-6, STRETCH * (a + b))
    cosine = ((reach**2 - a * a - b * b) / (2 * a * b)).clip(-1, 1)[:, None]
    # A straight knee bends about the thigh's own left.
    axis = across(np.cross(upper, lower) / (a * b) + 0.05 * turned[:, thigh, :, 0], unit(upper))
    bent = b * (cosine * unit(upper) + np.sqrt(1 - cosine**2) * np.cross(axis, unit(upper)))
    whole = turn_between(upper + bent, away)
    turned[:, shin] = whole @ turn_between(lower, bent) @ turned[:, shin]
    turned[:, thigh] = whole @ turned[:, thigh]


def _hinges(bones: Mapping[str, int], turned: np.ndarray, placed: np.ndarray) -> dict[str, np.ndarray]:
    """What knees and elbows turn about, in the file's axes at rest, where they bend enough to tell."""
    found = {}
    for name in HINGES:
        side = "left" if name.startswith("left") else "right"
        second, third = ("LowerLeg", "Foot") if name.endswith("Leg") else ("LowerArm", "Hand")
        a, b, c = (placed[:, bones[n]] for n in (name, side + second, side + third))
        normals = np.cross(unit(b - a), unit(c - b))
        # Rotations in a BVH are all zero at rest, so that a bone's own axes are then the file's.
        local = moved(turned[:, bones[name]].swapaxes(-1, -2), normals).mean(0)
        if np.linalg.norm(local) > BENT:
            found[name] = unit(local)
    return found


def _world(rest: RestPose, turned: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """The rotation (3, 3) of the file's world into ours: up is Y or Z, or where the head is at rest."""
    up = unit(placed[:, rest.bones["head"]] - placed[:, rest.bones["hips"]]).mean(0)
    own = rest.body.T @ (0.0, 1.0, 0.0)
    if up @ own > 0.5:
        return rest.body
    axis = max((np.array([0.0, 1, 0]), np.array([0.0, 0, 1])), key=lambda a: up @ a)
    raised = turn_between(axis, (0.0, 1.0, 0.0))
    ahead = (raised @ turned[:, rest.bones["hips"]] @ rest.turns[0].T)[:, :, 2].mean(0)
    quarters = [
        turn_between((np.sin(q), 0, np.cos(q)), (0, 0, 1), (0, 1, 0)) for q in np.arange(4) * np.pi / 2
    ]
    return max((q @ raised for q in quarters), key=lambda w: (w @ raised.T @ ahead)[2])


def _carried(
    rest: RestPose, world: np.ndarray, turned: np.ndarray, placed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Six numbers of each joint (T, 55, 6), and the way of the hips (T, 3), m, not yet on the floor."""
    ours = np.empty((len(turned), len(JOINTS), 3, 3))
    for joint, name in enumerate(JOINTS):
        if name in rest.bones:
            ours[:, joint] = world @ turned[:, rest.bones[name]] @ rest.turns[joint].T
    # Parents come first, so that what fills a gap can be built on.
    for joint, name in enumerate(JOINTS):
        if name not in rest.bones:
            above, following = ours[:, PARENTS[joint]], _FOLLOWS.get(name, ())
            below = next(((i, other) for i, other in enumerate(following) if other in rest.bones), None)
            ours[:, joint] = above
            if below is not None:  # a bend that the foreign spine makes at one joint is shared among ours
                relative = above.swapaxes(-1, -2) @ ours[:, JOINT[below[1]]]
                share = matrices_of_vectors(vectors_of(relative) / (below[0] + 2))
                ours[:, joint] = above @ share
    root = placed[:, rest.bones["hips"]] @ world.T * rest.unit
    return six_of(local_of(ours)).astype(np.float32), root


_FOLLOWS = {"spine": ("chest", "upperChest"), "chest": ("upperChest",), "neck": ("head",)}
