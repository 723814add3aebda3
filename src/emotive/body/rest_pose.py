"""How a foreign skeleton stands at rest against our T-pose: which turn of each bone makes up the difference.

Skeletons rest with arms spread, hanging or anywhere, the palms down or ahead, in their own axes and units.
Limbs and fingers are told by the directions of their bones, hands by their knuckles too, feet by where the
toes point (a foot that rests flat is flat). Trunk and collarbones stay as they rest, where they rest upright:
skeletons put these joints in different places in the same body, and their directions mean little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from emotive.errors import InputError
from emotive.signals import JOINT, JOINTS, PARENTS

from .humanoid_names import way_up
from .skeleton import REST
from .turns import unit

UNITS = {"m": 1.0, "cm": 0.01, "inch": 0.0254, "mm": 0.001}
LEGS = (0.55, 1.1)  # m from hip to ankle that a person has
LEG = float(sum(np.linalg.norm(REST[JOINT[f"left{b}"]] - REST[JOINT[f"left{a}"]])
                for a, b in (("UpperLeg", "LowerLeg"), ("LowerLeg", "Foot"))))  # fmt: skip
_ANKLE = REST[JOINT["leftFoot"]][1]  # m over the floor
_SNAP = 25  # deg from axes within which a body is taken to rest along them
_FAR = {"trunk": 45, "shoulder": 60}  # deg from ours, beyond which such a bone's direction counts after all
_FLAT = 60  # deg from level up to which a foot rests on the floor
_ROLLED = 45  # deg by which a limb must be rolled against ours to be rolled back
_TRUNK = {
    "hips": "spine", "spine": "chest", "chest": "upperChest", "upperChest": "neck", "neck": "head",
    "head": "", "jaw": "",
}  # fmt: skip
_LIMB = {
    "Shoulder": "UpperArm", "UpperArm": "LowerArm", "LowerArm": "Hand", "Hand": "MiddleProximal",
    "UpperLeg": "LowerLeg", "LowerLeg": "Foot", "Foot": "Toes",
}  # fmt: skip
# What a knee and the elbows turn about in our T-pose, so that the angle is positive when they bend.
HINGES = {
    "leftUpperLeg": (1.0, 0, 0), "rightUpperLeg": (1.0, 0, 0),
    "leftUpperArm": (0, -1.0, 0), "rightUpperArm": (0, 1.0, 0),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class RestPose:
    """bones: our names -> nodes of the skeleton. body: the rotation (3, 3) from its axes into ours, with the
    whole body facing as ours does. turns: of each of our joints the rotation (55, 3, 3) that takes its bone
    from rest into the T-pose, from their axes into ours; of joints that it lacks, that of the one above.
    offsets: of our 55 joints in that T-pose, (55, 3), m; what it lacks lies where we have it. unit: m of one
    of its units."""

    bones: Mapping[str, int]
    body: np.ndarray
    turns: np.ndarray
    offsets: np.ndarray
    unit: float

    @property
    def ankle(self) -> float:
        """How high the ankles lie over the floor when this body stands, m."""
        return float(np.mean([standing(self.offsets)[JOINT[f"{side}Foot"], 1] for side in ("left", "right")]))


def rest_pose(
    places: np.ndarray,
    parents: Sequence[int],
    bones: Mapping[str, int],
    hinges: Mapping[str, np.ndarray] | None = None,
    size: float | None = None,
) -> RestPose:
    """The pose of a skeleton at rest.

    places: of its nodes, (N, 3), in any axes and units. parents: -1 of roots. bones: as `humanoid_of` gives.
    hinges: what knees and elbows are seen to turn about, by the names in `HINGES`, in the skeleton's axes at
        rest; it tells how limbs are rolled, which straight ones do not show.
    size: m of one of its units; by default the unit, or else the size, with which the legs are a person's.

    Raises InputError if legs or trunk have no length.
    """
    body = _body(places, bones)
    at = {name: places[node] for name, node in bones.items()}
    leg = _leg(at)
    if not leg > 1e-6:
        raise InputError("not a humanoid: its legs have no length")
    if size is None:
        size = next((m for m in UNITS.values() if LEGS[0] <= leg * m <= LEGS[1]), LEG / leg)
    turns = np.empty((len(JOINTS), 3, 3))
    for joint, name in enumerate(JOINTS):
        above = turns[PARENTS[joint]] if joint else body
        if name not in bones:
            turns[joint] = above
            continue
        away = _bone(name, places, parents, bones)
        turns[joint] = _turn(name, above, body, away, at, (hinges or {}).get(name))
        if name.endswith("Hand"):
            _share_roll(joint, turns)
    return RestPose(dict(bones), body, turns, _offsets(places, parents, bones, body, turns, size), size)


def standing(offsets: np.ndarray) -> np.ndarray:
    """Places of the 55 joints in the T-pose on the floor, (55, 3), m."""
    placed = np.zeros((len(JOINTS), 3))
    for joint, parent in enumerate(PARENTS):
        placed[joint] = offsets[joint] + (placed[parent] if parent >= 0 else 0.0)
    return placed


def turn_between(a: ArrayLike, b: ArrayLike, about: ArrayLike = (1.0, 0.0, 0.0)) -> np.ndarray:
    """The smallest rotations (..., 3, 3) that take directions `a` (..., 3) to `b`; where they are opposed,
    half a turn about `about`, or what of it is at right angles to them."""
    a, b = unit(np.asarray(a, np.float64)), unit(np.asarray(b, np.float64))
    axis, cosine = np.cross(a, b), (a * b).sum(-1)[..., None, None]
    x, y, z = np.moveaxis(axis, -1, 0)
    o = np.zeros_like(x)
    skew = np.stack([o, -z, y, z, o, -x, -y, x, o], -1).reshape(*axis.shape[:-1], 3, 3)
    turned = np.eye(3) + skew + skew @ skew / np.maximum(1 + cosine, 1e-9)
    side = np.broadcast_to(np.asarray(about, np.float64), a.shape)
    side = side - (side * a).sum(-1, keepdims=True) * a
    # A second choice, in case the first lies along the direction itself.
    other = np.roll(a, 1, -1) - (np.roll(a, 1, -1) * a).sum(-1, keepdims=True) * a
    side = unit(np.where(np.linalg.norm(side, axis=-1, keepdims=True) > 1e-3, side, other))
    half = 2 * side[..., :, None] * side[..., None, :] - np.eye(3)
    return np.where(cosine < -1 + 1e-7, half, turned)


def angle_between(a: np.ndarray, b: np.ndarray) -> float:
    """deg between two directions."""
    return float(np.rad2deg(np.arccos(np.clip(unit(np.asarray(a)) @ unit(np.asarray(b)), -1, 1))))


def _body(places: np.ndarray, bones: Mapping[str, int]) -> np.ndarray:
    """From the skeleton's axes into ours, by where head and left side are; along axes if nearly so."""
    at = {name: places[node] for name, node in bones.items()}
    up = at.get("neck", at["head"]) - at["hips"]
    left = sum(at[f"left{part}"] - at[f"right{part}"] for part in ("UpperLeg", "UpperArm"))
    if min(np.linalg.norm(up), np.linalg.norm(np.cross(up, left))) < 1e-9:
        raise InputError("not a humanoid: its trunk has no length or no width")
    up = unit(up)
    left = unit(left - (left @ up) * up)
    frame = np.stack([left, up, np.cross(left, up)])  # rows: our axes in theirs
    along = np.zeros((3, 3))
    along[np.arange(3), np.abs(frame).argmax(1)] = 1
    along *= np.sign(frame)
    if abs(np.linalg.det(along) - 1) > 1e-6:
        return frame
    apart = np.rad2deg(np.arccos(np.clip((np.trace(along @ frame.T) - 1) / 2, -1, 1)))
    return along if apart < _SNAP else frame


def _bone(
    name: str, places: np.ndarray, parents: Sequence[int], bones: Mapping[str, int]
) -> np.ndarray | None:
    """Which way a bone points, in the skeleton's axes; None where nothing tells."""
    node = bones[name]
    for child in _children(name):
        if child in bones and np.linalg.norm(away := places[bones[child]] - places[node]) > 1e-9:
            return away
    if name in ("hips", "head", "jaw") or name.endswith("Eye"):
        return None
    # The end of a chain: a tip, or the end that a file of motion has.
    ends = [i for i, parent in enumerate(parents) if parent == node and i not in bones.values()]
    away = [places[i] - places[node] for i in ends]
    away = [vector for vector in away if np.linalg.norm(vector) > 1e-9]
    return away[0] if len(away) == 1 or (away and name.endswith("Distal")) else None


def _children(name: str) -> tuple[str, ...]:
    if name in _TRUNK:
        following = [name]
        while _TRUNK[following[-1]]:
            following.append(_TRUNK[following[-1]])
        return tuple(following[1:])
    side = "left" if name.startswith("left") else "right"
    part = name.removeprefix(side)
    if part == "Hand":
        return tuple(f"{side}{finger}Proximal" for finger in ("Middle", "Index", "Ring", "Little"))
    if part in _LIMB:
        return (side + _LIMB[part],)
    return tuple(other for other in JOINTS if PARENTS[JOINT[other]] == JOINT[name])


def _own(name: str, child: str | None = None) -> np.ndarray:
    """Which way one of our bones points in the T-pose."""
    children = [child] if child else _children(name)
    if children:
        return unit(REST[JOINT[children[0]]] - REST[JOINT[name]])
    if name.endswith("Toes"):
        return np.array([0.0, 0.0, 1.0])
    return unit(REST[JOINT[name]] - REST[PARENTS[JOINT[name]]])  # fingers are straight


def _turn(
    name: str,
    above: np.ndarray,
    body: np.ndarray,
    away: np.ndarray | None,
    at: Mapping[str, np.ndarray],
    hinge: np.ndarray | None,
) -> np.ndarray:
    side = name.removeprefix("left").removeprefix("right")
    if side == "Eye" or name in ("head", "jaw"):
        return body if name == "head" else above
    if name in _TRUNK or side == "Shoulder":
        if away is None:
            return body
        ours = _own(name, next((c for c in _children(name) if c in at), None))
        far = _FAR["shoulder" if side == "Shoulder" else "trunk"]
        if angle_between(body @ away, ours) <= far:
            return body
        return turn_between(above @ away, ours) @ above
    if away is None:
        return body if side == "Foot" else above
    if side == "Foot" and abs(unit(body @ away)[1]) < np.sin(np.deg2rad(_FLAT)):
        level, ours = body @ away * (1, 0, 1), _own(name) * (1, 0, 1)
        return turn_between(level, ours, (0, 1, 0)) @ body
    if side == "Toes":
        return above
    if side == "Hand":
        return _hand(name, above, away, at)
    turned = turn_between(above @ away, _own(name)) @ above
    return turned if hinge is None else _rolled(turned, turned @ hinge, HINGES[name], _own(name))


def _rolled(turned: np.ndarray, is_axis: np.ndarray, axis: Sequence[float], along: np.ndarray) -> np.ndarray:
    """A limb rolled about itself until its joint turns about `axis`, unless it nearly does."""
    is_axis = is_axis - (is_axis @ along) * along
    wanted = np.asarray(axis) - (np.asarray(axis) @ along) * along
    if np.linalg.norm(is_axis) < 0.5 or angle_between(is_axis, wanted) < _ROLLED:
        return turned
    return turn_between(is_axis, wanted, along) @ turned


def _hand(name: str, above: np.ndarray, away: np.ndarray, at: Mapping[str, np.ndarray]) -> np.ndarray:
    side = name.removesuffix("Hand")
    named = next((c for c in _children(name) if c in at), None)
    ours = _own(name, named)
    turned = turn_between(above @ away, ours) @ above
    knuckles = [
        f"{side}{f}Proximal" for f in ("Index", "Middle", "Ring", "Little") if f"{side}{f}Proximal" in at
    ]
    if len(knuckles) < 2:
        return turned
    across = turned @ (at[knuckles[0]] - at[knuckles[-1]])
    wanted = REST[JOINT[knuckles[0]]] - REST[JOINT[knuckles[-1]]]
    across, wanted = (vector - (vector @ ours) * ours for vector in (across, wanted))
    if np.linalg.norm(across) < 1e-9:
        return turned
    return turn_between(across, wanted, ours) @ turned


def _share_roll(hand: int, turns: np.ndarray) -> None:
    """Of what a hand is rolled against its forearm at rest, the forearm takes half, as a person's does."""
    arm = PARENTS[hand]
    along = unit(REST[hand] - REST[arm])
    relative = turns[hand] @ turns[arm].T
    swing = turn_between(along, relative @ along)
    twist = swing.T @ relative
    angle = np.arctan2(
        along @ np.array([twist[2, 1] - twist[1, 2], twist[0, 2] - twist[2, 0], twist[1, 0] - twist[0, 1]]),
        np.trace(twist) - 1,
    )
    x, y, z = along
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    half = np.eye(3) + np.sin(angle / 2) * skew + (1 - np.cos(angle / 2)) * skew @ skew
    turns[arm] = half @ turns[arm]


def _offsets(
    places: np.ndarray,
    parents: Sequence[int],
    bones: Mapping[str, int],
    body: np.ndarray,
    turns: np.ndarray,
    size: float,
) -> np.ndarray:
    """Of our joints in the T-pose of that body, m."""
    of_node = {node: turns[JOINT[name]] for name, node in bones.items()}
    turned: dict[int, np.ndarray] = {}
    placed: dict[int, np.ndarray] = {}
    for start in range(len(parents)):
        for node in way_up(start, parents)[::-1]:
            if node in placed:
                continue
            above = parents[node]
            if above < 0:
                turned[node], placed[node] = of_node.get(node, body), body @ places[node]
            else:
                turned[node] = of_node.get(node, turned[above])
                placed[node] = placed[above] + turned[above] @ (places[node] - places[above])
    at = {name: placed[node] * size for name, node in bones.items()}
    grown = _leg(at) / LEG
    whole = _completed(at, grown)
    offsets = np.stack([whole[name] - whole[JOINTS[max(PARENTS[j], 0)]] for j, name in enumerate(JOINTS)])
    # The floor is as far below the ankles as in our proportions, or, in high heels, as the toes are.
    toes = {node for name, node in bones.items() if name.endswith("Toes")}
    ends = [placed[node][1] * size for node in placed if toes & {*way_up(node, parents)}]
    ankles = float(np.mean([whole[f"{side}Foot"][1] for side in ("left", "right")]))
    high = np.clip(ankles - min(ends, default=ankles), _ANKLE * grown, 2 * _ANKLE * grown)
    offsets[0] = (0.0, high + whole["hips"][1] - ankles, 0.0)
    return offsets


def _leg(at: Mapping[str, np.ndarray]) -> float:
    """From hip over knee to ankle, the mean of both sides."""
    pairs = (("UpperLeg", "LowerLeg"), ("LowerLeg", "Foot"))
    return float(sum(np.linalg.norm(at[s + b] - at[s + a]) for s in ("left", "right") for a, b in pairs)) / 2


def _completed(at: Mapping[str, np.ndarray], grown: float) -> dict[str, np.ndarray]:
    """With the joints that are missing, where we have them, in proportion to their neighbours."""
    whole = dict(at)
    for joint, name in enumerate(JOINTS):
        if name in whole:
            continue
        parent = JOINTS[PARENTS[joint]]
        below = next((child for child in _children(name) if child in at), None)
        if below is None:
            whole[name] = whole[parent] + grown * (REST[joint] - REST[JOINT[parent]])
        else:
            ours = REST[JOINT[below]] - REST[JOINT[parent]]
            span = np.linalg.norm(at[below] - whole[parent]) / np.linalg.norm(ours)
            whole[name] = whole[parent] + span * (REST[joint] - REST[JOINT[parent]])
    return whole
