"""Skeletons of other programs, made up: they move as a BodyMotion does, in their own pose, axes and units."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from emotive.body.channels import CHANNEL, CHANNELS
from emotive.body.posing import pose
from emotive.body.rest_pose import standing
from emotive.body.skeleton import Build
from emotive.signals import JOINT, JOINTS, PARENTS, BodyMotion

FINGERS = {"Thumb": "Thumb", "Index": "Index", "Middle": "Middle", "Ring": "Ring", "Pinky": "Little"}
PHALANGES = {
    f: ("Metacarpal", "Proximal", "Distal") if f == "Thumb" else ("Proximal", "Intermediate", "Distal")
    for f in FINGERS
}
AXES = {  # ours -> those of a file
    "y-up": np.eye(3),
    "z-up": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),  # facing -Y, as in Blender
    "z-up, facing y": np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]]),
    "backwards": np.diag([-1.0, 1, -1]),
    "x-up": np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]]),
}


@dataclass
class Foreign:
    """Joints as (name, name of the parent or "", ours or ""); what is not ours rests between others."""

    joints: list[tuple[str, str, str]]
    rest: dict[str, np.ndarray] = field(default_factory=dict)  # ours -> local turn (3, 3) at rest

    @property
    def parents(self) -> list[int]:
        names = [name for name, _, _ in self.joints]
        return [names.index(above) if above else -1 for _, above, _ in self.joints]

    def rested(self, motion: BodyMotion) -> tuple[np.ndarray, np.ndarray]:
        """Of our joints at rest: orientations against the T-pose (55, 3, 3), places (55, 3)."""
        turned, placed = np.empty((55, 3, 3)), np.empty((55, 3))
        for joint, parent in enumerate(PARENTS):
            local = self.rest.get(JOINTS[joint], np.eye(3))
            if parent < 0:
                turned[joint], placed[joint] = local, motion.offsets[0]
            else:
                turned[joint] = turned[parent] @ local
                placed[joint] = placed[parent] + turned[parent] @ motion.offsets[joint]
        return turned, placed

    def laid_out(self, motion: BodyMotion) -> tuple[np.ndarray, np.ndarray]:
        """Of all its joints at rest, in our axes: places (N, 3), and the number of our joint that each
        follows."""
        turned, placed = self.rested(motion)
        places, follows, parents = [], [], self.parents
        for (name, _, own), parent in zip(self.joints, parents, strict=True):
            if own:
                places.append(placed[JOINT[own]])
                follows.append(JOINT[own])
                continue
            follows.append(follows[parent] if parent >= 0 else -1)
            below = self._below(len(places))
            start = places[parent] if parent >= 0 else np.zeros(3)
            if below is not None:
                places.append(start + 0.4 * (placed[JOINT[below]] - start))
            elif name.endswith(("LegEnd", "ArmEnd")):  # as ZeroEGGS ends its shins and forearms
                places.append(start)
            else:
                bone = follows[parent]
                away = turned[bone] @ motion.offsets[bone] / 2
                places.append(start + away * ((1, 0, 1) if "Toe" in name else (1, 1, 1)))
        return np.stack(places), np.array(follows)

    def _below(self, node: int) -> str | None:
        name = self.joints[node][0]
        for child, above, own in self.joints:
            if above == name:
                return own or self._below([n for n, _, _ in self.joints].index(child))
        return None


def mixamo() -> Foreign:
    p = "mixamorig:"
    rows = [("Hips", "", "hips"), ("Spine", "Hips", "spine"), ("Spine1", "Spine", "chest"),
            ("Spine2", "Spine1", "upperChest"), ("Neck", "Spine2", "neck"), ("Head", "Neck", "head"),
            ("HeadTop_End", "Head", "")]  # fmt: skip
    for side, own in (("Left", "left"), ("Right", "right")):
        rows += [(f"{side}Shoulder", "Spine2", f"{own}Shoulder"),
                 (f"{side}Arm", f"{side}Shoulder", f"{own}UpperArm"),
                 (f"{side}ForeArm", f"{side}Arm", f"{own}LowerArm"),
                 (f"{side}Hand", f"{side}ForeArm", f"{own}Hand")]  # fmt: skip
        for theirs, ours in FINGERS.items():
            above = f"{side}Hand"
            for i in range(4):
                phalanx = f"{own}{ours}{PHALANGES[theirs][i]}" if i < 3 else ""
                rows.append((f"{side}Hand{theirs}{i + 1}", above, phalanx))
                above = rows[-1][0]
        rows += [(f"{side}UpLeg", "Hips", f"{own}UpperLeg"), (f"{side}Leg", f"{side}UpLeg", f"{own}LowerLeg"),
                 (f"{side}Foot", f"{side}Leg", f"{own}Foot"), (f"{side}ToeBase", f"{side}Foot", f"{own}Toes"),
                 (f"{side}Toe_End", f"{side}ToeBase", "")]  # fmt: skip
    return Foreign([(p + name, above and p + above, own) for name, above, own in rows])


def beat() -> Foreign:
    """The 75 joints of BEAT's recordings."""
    rows = [("Hips", "", "hips"), ("Spine", "Hips", "spine"), ("Spine1", "Spine", ""),
            ("Spine2", "Spine1", "chest"), ("Spine3", "Spine2", "upperChest"), ("Neck", "Spine3", "neck"),
            ("Neck1", "Neck", ""), ("Head", "Neck1", "head"), ("HeadEnd", "Head", "")]  # fmt: skip
    for side, own in (("Right", "right"), ("Left", "left")):
        rows += [(f"{side}Shoulder", "Spine3", f"{own}Shoulder"),
                 (f"{side}Arm", f"{side}Shoulder", f"{own}UpperArm"),
                 (f"{side}ForeArm", f"{side}Arm", f"{own}LowerArm"),
                 (f"{side}Hand", f"{side}ForeArm", f"{own}Hand")]  # fmt: skip
        for theirs in ("Middle", "Ring", "Pinky", "Index", "Thumb"):
            above = f"{side}Hand"
            if theirs in ("Ring", "Pinky", "Index"):
                rows.append((f"{side}Hand{theirs}", above, ""))
                above = rows[-1][0]
            for i in range(4):
                phalanx = f"{own}{FINGERS[theirs]}{PHALANGES[theirs][i]}" if i < 3 else ""
                rows.append((f"{side}Hand{theirs}{i + 1}", above, phalanx))
                above = rows[-1][0]
    for side, own in (("Right", "right"), ("Left", "left")):
        rows += [(f"{side}UpLeg", "Hips", f"{own}UpperLeg"), (f"{side}Leg", f"{side}UpLeg", f"{own}LowerLeg"),
                 (f"{side}Foot", f"{side}Leg", f"{own}Foot"),
                 (f"{side}ForeFoot", f"{side}Foot", f"{own}Toes"),
                 (f"{side}ToeBase", f"{side}ForeFoot", ""),
                 (f"{side}ToeBaseEnd", f"{side}ToeBase", "")]  # fmt: skip
    return Foreign(rows)


def zeroeggs() -> Foreign:
    """The 75 joints of ZeroEGGS' recordings."""
    rows = [("Hips", "", "hips"), ("Spine", "Hips", "spine"), ("Spine1", "Spine", ""),
            ("Spine2", "Spine1", "chest"), ("Spine3", "Spine2", "upperChest"), ("Neck", "Spine3", "neck"),
            ("Neck1", "Neck", ""), ("Head", "Neck1", "head"), ("HeadEnd", "Head", "")]  # fmt: skip
    for side, own in (("Right", "right"), ("Left", "left")):
        rows += [(f"{side}Shoulder", "Spine3", f"{own}Shoulder"),
                 (f"{side}Arm", f"{side}Shoulder", f"{own}UpperArm"),
                 (f"{side}ForeArm", f"{side}Arm", f"{own}LowerArm"),
                 (f"{side}Hand", f"{side}ForeArm", f"{own}Hand")]  # fmt: skip
        for theirs, ours in FINGERS.items():
            above = f"{side}Hand"
            for i in range(4):
                phalanx = f"{own}{ours}{PHALANGES[theirs][i]}" if i < 3 else ""
                rows.append((f"{side}Hand{theirs}{i + 1}", above, phalanx))
                above = rows[-1][0]
        rows += [(f"{side}ForeArmEnd", f"{side}Hand", ""), (f"{side}ArmEnd", f"{side}ForeArm", "")]
    for side, own in (("Right", "right"), ("Left", "left")):
        rows += [(f"{side}UpLeg", "Hips", f"{own}UpperLeg"), (f"{side}Leg", f"{side}UpLeg", f"{own}LowerLeg"),
                 (f"{side}Foot", f"{side}Leg", f"{own}Foot"), (f"{side}ToeBase", f"{side}Foot", f"{own}Toes"),
                 (f"{side}ToeBaseEnd", f"{side}ToeBase", ""), (f"{side}LegEnd", f"{side}Foot", ""),
                 (f"{side}UpLegEnd", f"{side}Leg", "")]  # fmt: skip
    return Foreign(rows)


def bvh_text(
    foreign: Foreign,
    motion: BodyMotion,
    *,
    axes: str = "y-up",
    rest_axes: str = "",
    units: float = 100.0,
    order: str = "ZXY",
    all_positions: bool = False,
) -> str:
    """The motion on that skeleton. axes: of the world; rest_axes: in which the rest pose stands upright, the
    same by default. units: to a metre. all_positions: every joint has its place as channels."""
    basis, laid = AXES[axes], AXES[rest_axes or axes]
    places, follows = foreign.laid_out(motion)
    rest, _ = foreign.rested(motion)
    turned, placed = motion.placed()
    parents = foreign.parents
    world = np.stack([basis @ turned[:, f] @ rest[f].T @ laid.T for f in follows], 1)
    local = np.stack(
        [world[:, i] if p < 0 else world[:, p].swapaxes(1, 2) @ world[:, i] for i, p in enumerate(parents)], 1
    )
    offsets = np.stack([places[i] - (places[p] if p >= 0 else 0) for i, p in enumerate(parents)])
    offsets = offsets @ laid.T * units
    root = placed[:, 0] @ basis.T * units
    lines = ["HIERARCHY"]

    def write(node: int, depth: int) -> None:
        pad = "\t" * depth
        children = [i for i, p in enumerate(parents) if p == node]
        lines.append(f"{pad}{'JOINT' if depth else 'ROOT'} {foreign.joints[node][0]}")
        lines.append(pad + "{")
        lines.append(f"{pad}\tOFFSET {' '.join(f'{x:.6f}' for x in offsets[node])}")
        moving = all_positions or not depth
        named = ([f"{a}position" for a in "XYZ"] if moving else []) + [f"{a}rotation" for a in order]
        lines.append(f"{pad}\tCHANNELS {len(named)} {' '.join(named)}")
        for child in children:
            write(child, depth + 1)
        if not children:
            lines.extend([f"{pad}\tEnd Site", pad + "\t{", f"{pad}\t\tOFFSET 0 0 0", pad + "\t}"])
        lines.append(pad + "}")

    write(0, 0)
    shown: list[int] = []

    def walk(node: int) -> None:
        shown.append(node)
        for i, p in enumerate(parents):
            if p == node:
                walk(i)

    walk(0)
    columns = []
    for node in shown:
        if not node or all_positions:
            columns.append(root if not node else np.tile(offsets[node], (len(motion), 1)))
        columns.append(euler(local[:, node], order))
    values = np.concatenate(columns, 1)
    lines += ["MOTION", f"Frames: {len(motion)}", f"Frame Time: {float(1 / motion.fps):.6f}"]
    lines += [" ".join(f"{x:.6f}" for x in row) for row in values]
    return "\n".join(lines) + "\n"


def euler(matrices: np.ndarray, order: str) -> np.ndarray:
    import warnings

    from scipy.spatial.transform import Rotation

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of gimbal lock: any of the triples will do
        return Rotation.from_matrix(matrices).as_euler(order, degrees=True)


def a_pose(degrees: float = 45.0) -> dict[str, np.ndarray]:
    """Arms lowered at rest."""
    return {"leftUpperArm": about("z", -degrees), "rightUpperArm": about("z", degrees)}


def about(axis: str, degrees: float) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    return Rotation.from_euler(axis, degrees, degrees=True).as_matrix()


def talking(
    seconds: float = 2.0, fps: Fraction | int = 30, build: Build | None = None, seed: int = 0
) -> BodyMotion:
    """A person who sways, bends and moves arms and fingers, feet standing."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * fps)) / float(fps)
    tracks = np.zeros((len(times), len(CHANNELS)))

    def wave(name: str, middle: float, size: float) -> None:
        phase, rate = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.7)
        tracks[:, CHANNEL[name]] = middle + size * np.sin(2 * np.pi * rate * times + phase)

    for side in ("left", "right"):
        for name, middle, size in (
            ("out", 0.2, 0.12), ("up", -0.25, 0.18), ("ahead", 0.3, 0.12), ("pronation", 20, 50),
            ("flexion", 0, 20), ("deviation", 0, 8), ("elbow", 0.4, 0.3), ("thumb", 20, 15),
            ("index", 25, 20), ("middle", 30, 25), ("ring", 35, 25), ("little", 40, 30), ("spread", 5, 4),
            ("raise", 2, 4), ("round", 3, 4),
        ):  # fmt: skip
            wave(f"{side}.{name}", middle, size)
        tracks[:, CHANNEL[f"{side}.foot.turn"]] = 12
        tracks[:, CHANNEL[f"{side}.foot.out"]] = 0.02
    for name, middle, size in (
        ("trunk.pitch", 5, 8), ("trunk.yaw", 0, 15), ("trunk.roll", 0, 6), ("head.pitch", 0, 15),
        ("head.yaw", 0, 25), ("head.roll", 0, 8), ("hips.side", 0, 0.03), ("hips.yaw", 0, 6),
        ("crouch", 0.03, 0.02), ("gaze.yaw", 0, 10),
    ):  # fmt: skip
        wave(name, middle, size)
    return pose(tracks, fps, build=build)


def wrists(motion: BodyMotion) -> np.ndarray:
    return motion.positions()[:, [JOINT["leftHand"], JOINT["rightHand"]]]


def rest_height(motion: BodyMotion) -> float:
    return float(standing(motion.offsets)[JOINT["leftFoot"], 1])
