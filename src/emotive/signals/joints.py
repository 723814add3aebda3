"""The joints of a body: the 55 of SMPL-X, in its order, under the names that VRM 1.0 gives them."""

from __future__ import annotations

_BODY = (
    ("hips", None), ("leftUpperLeg", "hips"), ("rightUpperLeg", "hips"), ("spine", "hips"),
    ("leftLowerLeg", "leftUpperLeg"), ("rightLowerLeg", "rightUpperLeg"), ("chest", "spine"),
    ("leftFoot", "leftLowerLeg"), ("rightFoot", "rightLowerLeg"), ("upperChest", "chest"),
    ("leftToes", "leftFoot"), ("rightToes", "rightFoot"), ("neck", "upperChest"),
    ("leftShoulder", "upperChest"), ("rightShoulder", "upperChest"), ("head", "neck"),
    ("leftUpperArm", "leftShoulder"), ("rightUpperArm", "rightShoulder"),
    ("leftLowerArm", "leftUpperArm"), ("rightLowerArm", "rightUpperArm"),
    ("leftHand", "leftLowerArm"), ("rightHand", "rightLowerArm"),
    ("jaw", "head"), ("leftEye", "head"), ("rightEye", "head"),
)  # fmt: skip
_FINGERS = ("Index", "Middle", "Little", "Ring", "Thumb")  # in SMPL-X's order
_PHALANGES = ("Proximal", "Intermediate", "Distal")
_THUMB = ("Metacarpal", "Proximal", "Distal")


def _hand(side: str) -> list[tuple[str, str]]:
    found = []
    for finger in _FINGERS:
        before = f"{side}Hand"
        for phalanx in _THUMB if finger == "Thumb" else _PHALANGES:
            name = f"{side}{finger}{phalanx}"
            found.append((name, before))
            before = name
    return found


_TREE: tuple[tuple[str, str | None], ...] = (*_BODY, *_hand("left"), *_hand("right"))

JOINTS: tuple[str, ...] = tuple(name for name, _ in _TREE)
"""55 names; left and right are the person's own."""

PARENTS: tuple[int, ...] = tuple(-1 if above is None else JOINTS.index(above) for _, above in _TREE)
"""Of each joint, the number of its parent, always a lower one; -1 of the hips."""

JOINT: dict[str, int] = {name: i for i, name in enumerate(JOINTS)}
"""Name -> number."""
