"""Which joint of a foreign skeleton is which of ours, told by its names and by how it hangs together.

Names are cut into words, so that one table answers many conventions: "mixamorig:LeftHandThumb1" says left,
hand, thumb, 1; "J_Bip_L_UpperArm" says left, upper, arm; "upperarm_l", "lShldr" and "left_shoulder" follow.
Where conventions contradict each other (Mixamo's LeftShoulder is a collarbone, SMPL-X's left_shoulder begins
the arm; Mixamo's LeftLeg is a shin), what else the skeleton has decides. The hips are the joint that
carries legs and arms, the spine whatever lies between it and the arms, a finger what follows one another.

Names as Mixamo, VRM and VRoid, SMPL-X, Unreal Engine, 3ds Max's Biped, Rigify, Daz, Character Creator,
Perception Neuron, CMU's motion library, BEAT and ZeroEGGS have them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from emotive.errors import InputError
from emotive.signals import JOINT, JOINTS, PARENTS

REQUIRED: tuple[str, ...] = (
    "head",
    *(side + part for side in ("left", "right")
      for part in ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")),
    "hips", "upperChest",
)  # fmt: skip
"""Without these it is no humanoid; VRM 1.0 requires the same fifteen. What carries the arms is called the
upper chest, even where it is all the spine there is."""

# Words without side and numbers, the best first.
_MIDDLE = {
    "neck": ("neck", "neck1", "necktwist1", "necklower"),
    "head": ("head",),
    "jaw": ("jaw", "jawroot", "lowerjaw"),
}
_SIDED = {
    "LowerArm": ("forearm", "lowerarm", "lowarm", "elbow", "forearmbend"),
    "Hand": ("hand", "wrist"),
    "LowerLeg": ("lowerleg", "lowleg", "shin", "calf", "knee", "shinbend", "leg"),
    "UpperLeg": ("upperleg", "upleg", "thigh", "thighbend", "hip"),
    "Toes": ("forefoot", "ball", "toebase", "toes", "toe", "toe0"),
    "Eye": ("eye", "eyeball", "faceeye"),
}
_COLLARS = ("collar", "clavicle", "collarbone", "scapula")
_ARMS = ("upperarm", "uparm", "arm", "shldr", "shldrbend", "upperarmbend")
_SHOULDER = "shoulder"  # a collarbone beside an arm, an arm beside a collarbone or alone
_FINGERS = {
    "Thumb": ("thumb",), "Index": ("index", "point"), "Middle": ("middle", "mid"),
    "Ring": ("ring",), "Little": ("pinky", "pink", "little"),
}  # fmt: skip
_PHALANGES = {
    finger: ("Metacarpal", "Proximal", "Distal") if finger == "Thumb"
    else ("Proximal", "Intermediate", "Distal")
    for finger in _FINGERS
}  # fmt: skip
_PHALANX_WORDS = {"hand", "finger", "proximal", "intermediate", "distal"}
# What names carry besides: of rigs, of programs, of kinds of bones.
_NOISE = frozenset(
    "mixamorig bip j adj cc base def org rig armature skeleton character bone b jnt c f sk smplhf".split()
)
_ENDS = frozenset("end tip nub site top twist roll".split())
_IN_PALM = frozenset("metacarpal carpal palm in".split())
_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}


def humanoid_of(names: Sequence[str], parents: Sequence[int]) -> dict[str, int]:
    """Our names of joints -> the numbers of those of a skeleton; what it lacks is left out.

    parents: the number of each one's parent, -1 of a root; in any order.

    Raises InputError if it is no humanoid, or its joints do not hang together like one's.
    """
    words = [_words(name) for name in names]
    found: dict[str, int] = {}
    for joint, called in _MIDDLE.items():
        _put(found, joint, _first(words, parents, None, called))
    for side in ("left", "right"):
        for part, called in _SIDED.items():
            _put(found, side + part, _first(words, parents, side, called))
        _put_arm(found, words, parents, side)
        _put_ends(found, words, parents, side)
        _put_fingers(found, words, parents, side)
    _put_hips(found, parents)
    _put_spine(found, parents)
    check_humanoid(found, parents)
    return found


def check_humanoid(found: dict[str, int], parents: Sequence[int]) -> None:
    """Raises InputError unless a map has what `REQUIRED` names, each below the one it belongs to."""
    missing = [joint for joint in REQUIRED if joint not in found]
    if missing:
        what = "spine" if missing[0] == "upperChest" else _plain(missing[0])
        more = f", nor {len(missing) - 1} other bones" if len(missing) > 1 else ""
        raise InputError(f"not a humanoid: no {what} found{more}")
    for joint in JOINTS[1:]:
        above = nearest(joint, found)
        if joint in found and above not in way_up(found[joint], parents)[1:]:
            holder = next(name for name, node in found.items() if node == above)
            raise InputError(f"not a humanoid: its {_plain(joint)} does not hang on its {_plain(holder)}")
    if len({*found.values()}) != len(found):
        raise InputError("not a humanoid: one of its bones is named twice")


def nearest(joint: str, found: dict[str, int]) -> int:
    """The number that stands for the nearest joint above `joint` that a map has."""
    above = PARENTS[JOINT[joint]]
    while above > 0 and JOINTS[above] not in found:
        above = PARENTS[above]
    return found[JOINTS[max(above, 0)]]


def way_up(node: int, parents: Sequence[int]) -> list[int]:
    """A joint and all above it, up to the root."""
    up = [node]
    while parents[up[-1]] >= 0:
        up.append(parents[up[-1]])
    return up


def _words(name: str) -> tuple[str | None, list[str]]:
    """The side a name tells, if any, and its other words: letters small, numbers without zeros before."""
    plain = re.split(r"[:|]", name)[-1]
    cut = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", plain)
    # "LHipJoint" and "RThumb" are one letter and a word, which the cut above leaves in one piece.
    parts = [piece for word in cut for piece in re.findall(r"^[LR](?=[A-Z][a-z])|.+", word)]
    side, words = None, []
    for i, part in enumerate(parts):
        low = part.lower()
        if low in _SIDES and side is None:
            side = _SIDES[low]
        elif low.isdigit():
            # The number of a Biped, or of an upload to Mixamo, says nothing.
            if not (i and parts[i - 1].lower() in ("bip", "mixamorig")):
                words.append(low if words and words[-1] == "finger" else str(int(low)))
        elif low not in _NOISE:
            words.append(low)
    return side, words


def _first(words: Sequence, parents: Sequence[int], side: str | None, called: Sequence[str]) -> int | None:
    """The joint of that side, or of the middle, whose name is earliest in `called`; of equals the highest."""
    best: tuple[int, int, int] | None = None
    for node, (own, parts) in enumerate(words):
        joined = "".join(parts)
        if own == side and joined in called:
            rank = (called.index(joined), len(way_up(node, parents)), node)
            best = rank if best is None else min(best, rank)
    return None if best is None else best[2]


def _put(found: dict[str, int], joint: str, node: int | None) -> None:
    if node is not None:
        found[joint] = node


def _put_arm(found: dict[str, int], words: Sequence, parents: Sequence[int], side: str) -> None:
    collar = _first(words, parents, side, _COLLARS)
    arm = _first(words, parents, side, _ARMS)
    shoulder = _first(words, parents, side, (_SHOULDER,))
    if arm is None:
        arm = shoulder
    elif collar is None:
        collar = shoulder
    _put(found, f"{side}Shoulder", collar)
    _put(found, f"{side}UpperArm", arm)


def _put_ends(found: dict[str, int], words: Sequence, parents: Sequence[int], side: str) -> None:
    ankle = _first(words, parents, side, ("ankle",))
    foot = _first(words, parents, side, ("foot",))
    wrist = _first(words, parents, side, ("wrist",))
    if wrist is not None and wrist in way_up(found[f"{side}Hand"], parents)[1:]:
        found[f"{side}Hand"] = wrist  # SMPL's L_Hand is the middle of the palm
    _put(found, f"{side}Foot", foot if ankle is None else ankle)
    if ankle is not None and foot is not None and ankle in way_up(foot, parents)[1:]:
        found.setdefault(f"{side}Toes", foot)


def _put_fingers(found: dict[str, int], words: Sequence, parents: Sequence[int], side: str) -> None:
    hand = found.get(f"{side}Hand")
    chains: dict[str, list[int]] = {finger: [] for finger in _FINGERS}
    for node, (own, parts) in enumerate(words):
        finger = _finger(parts)
        if own == side and finger and hand is not None and hand in way_up(node, parents)[1:]:
            chains[finger].append(node)
    for finger, nodes in chains.items():
        nodes.sort(key=lambda node: len(way_up(node, parents)))
        # A chain, each hanging on the one before; what branches off it is something else.
        chain = [node for i, node in enumerate(nodes) if i == 0 or nodes[i - 1] in way_up(node, parents)[1:]]
        # BEAT's LeftHandRing, without a number before LeftHandRing1, lies in the palm.
        if len(chain) > 3 and finger != "Thumb" and not any(w.isdigit() for w in words[chain[0]][1]):
            chain = chain[1:]
        for phalanx, node in zip(_PHALANGES[finger], chain, strict=False):
            found[side + finger + phalanx] = node


def _finger(parts: Sequence[str]) -> str | None:
    if not _ENDS.isdisjoint(parts):
        return None
    if parts and parts[0] == "finger" and len(parts) == 2 and parts[1][:1] in tuple("01234"):
        return list(_FINGERS)[int(parts[1][0])]  # 3ds Max: Finger0 is the thumb, Finger01 its second joint
    named = {word for word in parts if not word.isdigit()} - _PHALANX_WORDS
    for finger, called in _FINGERS.items():
        if len(rest := named - {*called}) == len(named) - 1:
            # The palm has a bone for each finger; that of the thumb belongs to the thumb.
            return finger if not rest or (finger == "Thumb" and rest <= _IN_PALM) else None
    return None


def _put_hips(found: dict[str, int], parents: Sequence[int]) -> None:
    """The lowest joint that carries both legs and both arms, whatever its name."""
    limbs = ("leftUpperLeg", "rightUpperLeg", "leftUpperArm", "rightUpperArm")
    if all(limb in found for limb in limbs):
        first, *others = (way_up(found[limb], parents)[1:] for limb in limbs)
        _put(found, "hips", next((node for node in first if all(node in up for up in others)), None))


def _put_spine(found: dict[str, int], parents: Sequence[int]) -> None:
    """The joints between the hips and the arms, three of them where there are more."""
    if not {"hips", "leftUpperArm", "rightUpperArm"} <= found.keys():
        return
    left, right = (way_up(found[f"{side}UpperArm"], parents)[1:] for side in ("left", "right"))
    shared = [node for node in left if node in right]
    if found["hips"] not in shared:
        return
    # In a Biped the collarbones hang on the neck.
    spine = [node for node in shared[: shared.index(found["hips"])][::-1] if node != found.get("neck")]
    for name, node in zip(spine_names(len(spine)), spine_of(spine), strict=True):
        found[name] = node


def spine_names(count: int) -> tuple[str, ...]:
    """How a spine of `count` joints is called: the first bends at the waist, the last carries the arms."""
    return ((), ("upperChest",), ("spine", "upperChest"), ("spine", "chest", "upperChest"))[min(count, 3)]


def spine_of(nodes: Sequence[int]) -> list[int]:
    """Up to three of the joints of a spine: the first, the last and the one in the middle."""
    return [*nodes] if len(nodes) < 3 else [nodes[0], nodes[len(nodes) // 2], nodes[-1]]


def _plain(joint: str) -> str:
    return " ".join(word.lower() for word in re.findall(r"[A-Z]?[a-z]+", joint))
