"""What other programs call the joints: VRM's names, which are ours, and those of Mixamo's skeletons."""

from __future__ import annotations

from emotive.errors import InputError
from emotive.signals import JOINTS

NAMES = ("vrm", "mixamo")
_PREFIX = "mixamorig:"
_PARTS = {
    "Shoulder": "Shoulder", "UpperArm": "Arm", "LowerArm": "ForeArm", "Hand": "Hand",
    "UpperLeg": "UpLeg", "LowerLeg": "Leg", "Foot": "Foot", "Toes": "ToeBase", "Eye": "Eye",
}  # fmt: skip
_TRUNK = {
    "hips": "Hips", "spine": "Spine", "chest": "Spine1", "upperChest": "Spine2", "neck": "Neck",
    "head": "Head", "jaw": "Jaw",
}  # fmt: skip


def _mixamo(name: str) -> str:
    if name in _TRUNK:
        return _PREFIX + _TRUNK[name]
    side = "left" if name.startswith("left") else "right"
    part, own = name.removeprefix(side), side.capitalize()
    if part in _PARTS:
        return f"{_PREFIX}{own}{_PARTS[part]}"
    for finger in ("Thumb", "Index", "Middle", "Ring", "Little"):
        if part.startswith(finger):
            bones = ("Metacarpal", "Proximal", "Distal")
            bones = bones if finger == "Thumb" else ("Proximal", "Intermediate", "Distal")
            number = bones.index(part.removeprefix(finger)) + 1
            return f"{_PREFIX}{own}Hand{'Pinky' if finger == 'Little' else finger}{number}"
    raise ValueError(name)


MIXAMO: dict[str, str] = {name: _mixamo(name) for name in JOINTS}
"""Our names -> Mixamo's, with their prefix. Its skeletons have no jaw, and only some have eyes."""


def bone_names(names: str) -> tuple[str, ...]:
    """The names of the 55 joints: "vrm" or "mixamo". Raises InputError for anything else."""
    if names not in NAMES:
        raise InputError(f"names of bones are {' or '.join(NAMES)}, not {str(names)[:40]!r}")
    return JOINTS if names == "vrm" else tuple(MIXAMO[name] for name in JOINTS)
