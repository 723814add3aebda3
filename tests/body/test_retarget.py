"""Motion comes over from any humanoid: its pose at rest, axes, units and names make no difference."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from foreign_skeletons import AXES, Foreign, a_pose, about, beat, bvh_text, mixamo, talking, wrists, zeroeggs

from emotive.body.bvh_reader import read_bvh
from emotive.body.humanoid_names import REQUIRED, humanoid_of
from emotive.body.rest_pose import rest_pose, standing, turn_between
from emotive.body.retarget import centred, fitted, motion_of_bvh, on_floor
from emotive.body.skeleton import REST, Build, offsets_of
from emotive.errors import InputError
from emotive.signals import JOINT, JOINTS, PARENTS, BodyMotion

FEET = [JOINT["leftFoot"], JOINT["rightFoot"]]
UNSEEN = ("leftEye", "rightEye", "jaw")  # that files of motion lack


@pytest.fixture(scope="module")
def motion() -> BodyMotion:
    return talking(1.5)


def read_back(folder: Path, foreign: Foreign, motion: BodyMotion, **how) -> BodyMotion:
    path = folder / "foreign.bvh"
    path.write_text(bvh_text(foreign, motion, **how))
    return motion_of_bvh(path)


def degrees_apart(a: BodyMotion, b: BodyMotion) -> np.ndarray:
    """Of each joint's orientation in the world, the largest angle over time, (55,)."""
    relative = a.placed()[0].swapaxes(-1, -2) @ b.placed()[0]
    cosine = (np.trace(relative, axis1=-2, axis2=-1) - 1) / 2
    return np.rad2deg(np.arccos(cosine.clip(-1, 1))).max(0)


def assert_same(a: BodyMotion, b: BodyMotion, millimetres: float = 1.0, but: tuple[str, ...] = ()) -> None:
    seen = [i for i, name in enumerate(JOINTS) if name not in UNSEEN + but]
    assert degrees_apart(a, b)[seen].max() < 0.5
    apart = np.linalg.norm(a.positions() - b.positions(), axis=-1)[:, seen]
    assert apart.max() < millimetres / 1000


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("make", [mixamo, beat, zeroeggs])
def test_there_and_back_whatever_the_axes(tmp_path: Path, motion: BodyMotion, make, axes: str):
    back = read_back(tmp_path, make(), motion, axes=axes)
    assert back.fps == motion.fps and len(back) == len(motion)
    assert_same(motion, back)
    assert np.linalg.norm(wrists(back) - wrists(motion), axis=-1).max() < 0.01


@pytest.mark.parametrize("units", [1.0, 100.0, 1000.0, 1 / 0.0254, 17.717])
def test_units_are_told_by_the_legs(tmp_path: Path, motion: BodyMotion, units: float):
    # The last is that of CMU's library, which is no unit at all.
    assert_same(motion, read_back(tmp_path, mixamo(), motion, units=units))


@pytest.mark.parametrize("axes", [("y-up", "x-up"), ("y-up", "z-up"), ("z-up", "y-up"), ("z-up", "x-up")])
def test_a_rest_pose_that_lies_down_says_nothing_about_where_up_is(tmp_path: Path, motion: BodyMotion, axes):
    back = read_back(tmp_path, beat(), motion, axes=axes[0], rest_axes=axes[1])
    assert_same(centred(motion), centred(back))


RESTS = {
    "arms lowered": a_pose(),
    "arms hanging": a_pose(88),
    "arms ahead": {"leftUpperArm": about("y", -80), "rightUpperArm": about("y", 80)},
    "palms ahead": {"leftUpperArm": about("x", -90), "rightUpperArm": about("x", -90)},
    "legs apart": {
        **{f"{side}UpperLeg": about("z", sign * 12) for side, sign in (("left", 1), ("right", -1))},
        **{f"{side}Foot": about("z", -sign * 12) for side, sign in (("left", 1), ("right", -1))},
    },
    "elbows bent": {"leftLowerArm": about("y", -40), "rightLowerArm": about("y", 40), **a_pose(30)},
    "fists": {
        f"{side}{finger}{phalanx}": about("z", -sign * 30)
        for side, sign in (("left", 1), ("right", -1))
        for finger in ("Index", "Middle", "Ring", "Little")
        for phalanx in ("Proximal", "Intermediate", "Distal")
    },
    # As in LAFAN1: every limb points up along the bone's own axis.
    "all limbs up": {
        **{f"{side}UpperLeg": about("z", 180) for side in ("left", "right")},
        **{f"{side}Foot": about("x", 64) for side in ("left", "right")},
        **{f"{side}UpperArm": about("z", sign * 90) for side, sign in (("left", 1), ("right", -1))},
    },
}


@pytest.mark.parametrize("rest", RESTS)
def test_the_pose_at_rest_is_made_up_for(tmp_path: Path, motion: BodyMotion, rest: str):
    foreign = mixamo()
    foreign.rest = RESTS[rest]
    back = read_back(tmp_path, foreign, motion)
    apart = np.linalg.norm(back.positions() - motion.positions(), axis=-1)
    assert apart[:, [i for i, name in enumerate(JOINTS) if name not in UNSEEN]].max() < 0.002
    # deg: feet that rest not quite flat, and fingers that curl about other axes than their own.
    limits = {"legs apart": 1.0, "all limbs up": 4.0, "fists": 7.0}
    seen = [i for i, name in enumerate(JOINTS) if name not in UNSEEN]
    assert degrees_apart(motion, back)[seen].max() < limits.get(rest, 0.5)


def test_a_forearm_at_rest_palm_up_shares_the_roll_with_its_hand(tmp_path: Path, motion: BodyMotion):
    foreign = mixamo()
    foreign.rest = {"leftLowerArm": about("x", -90), "rightLowerArm": about("x", -90)}
    back = read_back(tmp_path, foreign, motion)
    apart = degrees_apart(motion, back)
    assert apart[[JOINT["leftHand"], JOINT["rightHand"]]].max() < 0.5
    assert apart[JOINT["leftLowerArm"]] == pytest.approx(45, abs=1)
    assert np.linalg.norm(back.positions() - motion.positions(), axis=-1)[:, :25].max() < 0.03


def test_directions_of_bones_are_those_of_the_file(tmp_path: Path, motion: BodyMotion):
    foreign = beat()
    foreign.rest = a_pose()
    path = tmp_path / "foreign.bvh"
    path.write_text(bvh_text(foreign, motion, axes="z-up"))
    bvh = read_bvh(path)
    placed = bvh.placed()[1] @ AXES["z-up"]
    back = motion_of_bvh(path, offsets=offsets_of(Build(height=1.1, arms=0.9))).positions()
    for own, other in (
        (("leftUpperArm", "leftLowerArm"), ("LeftArm", "LeftForeArm")),
        (("rightLowerArm", "rightHand"), ("RightForeArm", "RightHand")),
        (("leftHand", "leftMiddleProximal"), ("LeftHand", "LeftHandMiddle1")),
        (("leftIndexProximal", "leftIndexIntermediate"), ("LeftHandIndex1", "LeftHandIndex2")),
    ):
        a = back[:, JOINT[own[1]]] - back[:, JOINT[own[0]]]
        b = placed[:, bvh.names.index(other[1])] - placed[:, bvh.names.index(other[0])]
        a, b = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
        assert np.rad2deg(np.arccos((a * b).sum(-1).clip(-1, 1))).max() < 1


def test_frames_are_left_out_and_interpolated(tmp_path: Path):
    fast = talking(1.0, 120)
    path = tmp_path / "fast.bvh"
    path.write_text(bvh_text(beat(), fast, order="YXZ"))
    slow = motion_of_bvh(path, fps=30)
    assert slow.fps == 30 and len(slow) == 30
    np.testing.assert_allclose(slow.positions()[:, :20], fast.positions()[::4, :20], atol=2e-3)
    assert motion_of_bvh(path, fps=25).fps == 25 and len(motion_of_bvh(path, fps=25)) == 25


def test_a_skeleton_without_fingers_neck_and_toes_still_moves(tmp_path: Path, motion: BodyMotion):
    plain = Foreign([
        ("Hips", "", "hips"), ("Chest", "Hips", "upperChest"), ("Head", "Chest", "head"),
        *(row for side, own in (("Left", "left"), ("Right", "right")) for row in (
            (f"{side}Shoulder", "Chest", f"{own}UpperArm"),
            (f"{side}Elbow", f"{side}Shoulder", f"{own}LowerArm"),
            (f"{side}Wrist", f"{side}Elbow", f"{own}Hand"), (f"{side}Hip", "Hips", f"{own}UpperLeg"),
            (f"{side}Knee", f"{side}Hip", f"{own}LowerLeg"), (f"{side}Ankle", f"{side}Knee", f"{own}Foot"),
        )),
    ])  # fmt: skip
    back = read_back(tmp_path, plain, motion)
    kept = [JOINT[own] for _, _, own in plain.joints]
    assert degrees_apart(motion, back)[kept].max() < 0.5
    # The spine and the neck that it lacks bend between the joints that it has.
    assert np.linalg.norm(back.positions() - motion.positions(), axis=-1)[:, kept].max() < 0.06
    assert degrees_apart(motion, back)[[JOINT["spine"], JOINT["chest"], JOINT["neck"]]].max() < 12
    sizes = np.linalg.norm(back.offsets, axis=-1) / np.linalg.norm(motion.offsets, axis=-1).clip(1e-9)
    assert sizes[1:].min() > 0.7 and sizes[1:].max() < 1.4


def test_names_of_many_programs_are_known():
    ours = {name: i for i, name in enumerate(JOINTS)}
    assert humanoid_of(JOINTS, PARENTS) == ours
    smplx = [
        *("pelvis left_hip right_hip spine1 left_knee right_knee spine2 left_ankle right_ankle spine3 "
          "left_foot right_foot neck left_collar right_collar head left_shoulder right_shoulder left_elbow "
          "right_elbow left_wrist right_wrist jaw left_eye_smplhf right_eye_smplhf").split(),
        *(f"{side}_{finger}{i}" for side in ("left", "right")
          for finger in ("index", "middle", "pinky", "ring", "thumb") for i in (1, 2, 3)),
    ]  # fmt: skip
    assert humanoid_of(smplx, PARENTS) == ours
    unreal = dict(zip(smplx, [
        *("pelvis thigh_l thigh_r spine_01 calf_l calf_r spine_02 foot_l foot_r spine_03 ball_l ball_r "
          "neck_01 clavicle_l clavicle_r head upperarm_l upperarm_r lowerarm_l lowerarm_r hand_l hand_r jaw "
          "eye_l eye_r").split(),
        *(f"{finger}_0{i}_{side}" for side in "lr"
          for finger in ("index", "middle", "pinky", "ring", "thumb") for i in (1, 2, 3)),
    ], strict=True))  # fmt: skip
    assert humanoid_of(list(unreal.values()), PARENTS) == ours
    vroid = [f"J_Bip_{ {'left': 'L', 'right': 'R'}.get(name[: 4 + name.startswith('r')], 'C') }_"
             + name.removeprefix("left").removeprefix("right") for name in JOINTS]  # fmt: skip
    assert humanoid_of(vroid, PARENTS) == ours
    for make in (mixamo, beat, zeroeggs):
        found = humanoid_of([name for name, _, _ in make().joints], make().parents)
        assert found == {own: i for i, (_, _, own) in enumerate(make().joints) if own}


def test_a_biped_whose_thighs_hang_on_its_spine():
    rows = [("Bip001", ""), ("Bip001 Pelvis", "Bip001"), ("Bip001 Spine", "Bip001 Pelvis")]
    rows += [("Bip001 Spine1", "Bip001 Spine"), ("Bip001 Neck", "Bip001 Spine1")]
    rows += [("Bip001 Head", "Bip001 Neck")]
    for s in "LR":
        for chain in (("Spine", f"{s} Thigh", f"{s} Calf", f"{s} Foot", f"{s} Toe0"),
                      ("Neck", f"{s} Clavicle", f"{s} UpperArm", f"{s} Forearm", f"{s} Hand", f"{s} Finger0",
                       f"{s} Finger01"), (f"{s} Hand", f"{s} Finger1", f"{s} Finger11")):  # fmt: skip
            rows += [(f"Bip001 {a}", f"Bip001 {b}") for b, a in pairwise(chain)]
    names = [name for name, _ in rows]
    found = humanoid_of(names, [names.index(above) if above else -1 for _, above in rows])
    called = {joint: names[node].removeprefix("Bip001 ") for joint, node in found.items()}
    assert called["hips"] == "Spine" and called["upperChest"] == "Spine1" and called["neck"] == "Neck"
    assert called["leftShoulder"] == "L Clavicle" and called["leftToes"] == "L Toe0"
    assert called["rightThumbProximal"] == "R Finger01" and called["leftIndexIntermediate"] == "L Finger11"


def test_what_is_no_humanoid_is_refused_in_one_line(tmp_path: Path, motion: BodyMotion):
    for missing in REQUIRED:
        if missing in ("hips", "upperChest"):
            continue  # known by what they carry, not by name
        # Without an upper arm a shoulder is taken for one.
        gone = (missing, missing.replace("UpperArm", "Shoulder"))
        names = ["x" if name in gone else name for name in JOINTS]
        with pytest.raises(InputError, match="not a humanoid: no ") as caught:
            humanoid_of(names, PARENTS)
        assert "\n" not in str(caught.value)
    names = ["x" if "Arm" in name or "Shoulder" in name else name for name in JOINTS]
    with pytest.raises(InputError, match="no left upper arm found, nor 5 other bones"):
        humanoid_of(names, PARENTS)
    loose = list(PARENTS)
    loose[JOINT["leftHand"]] = JOINT["head"]
    with pytest.raises(InputError, match="its left hand does not hang on its left lower arm"):
        humanoid_of(JOINTS, loose)
    text = bvh_text(mixamo(), motion).replace("RightForeArm", "Tail")
    (tmp_path / "cat.bvh").write_text(text)
    with pytest.raises(InputError, match=r"cat.bvh: not a humanoid: no right lower arm found$"):
        motion_of_bvh(tmp_path / "cat.bvh")
    places = REST.copy()
    places[:] = places[0]
    with pytest.raises(InputError, match="not a humanoid"):
        rest_pose(places, PARENTS, humanoid_of(JOINTS, PARENTS))


@pytest.mark.parametrize(
    "build", [Build(legs=1.12), Build(legs=0.88, hips=1.1), Build(height=0.8, arms=1.1), Build(height=0.5)]
)
def test_on_another_body_feet_stand_as_they_stood(build: Build):
    motion = talking(4.0)
    offsets = offsets_of(build)
    other = fitted(motion, offsets)
    for m in (motion, other):
        assert np.abs(np.diff(m.positions()[:, FEET], axis=0)).max() < 1e-5
        heights = m.positions()[:, FEET, 1] - standing(m.offsets)[FEET, 1]
        assert np.abs(heights).max() < 1e-5
    legs = [JOINT[f"{side}{part}"] for side in ("left", "right") for part in ("UpperLeg", "LowerLeg")]
    others = [i for i in range(55) if i not in legs]
    assert degrees_apart(motion, other)[others].max() < 0.01
    assert degrees_apart(motion, other)[legs].max() < 12
    assert_same(motion, fitted(other, motion.offsets), 0.1)


def test_standing_and_facing(motion: BodyMotion):
    from dataclasses import replace

    from emotive.signals.rotations import matrices_of, six_of

    turn = about("y", 130)
    rotations = motion.rotations.copy()
    rotations[:, 0] = six_of(turn @ matrices_of(rotations[:, 0]))
    root = motion.root @ turn.T + np.array([3.0, 0.7, -2.0])
    moved = replace(motion, rotations=rotations, root=root)
    back = centred(on_floor(moved))
    np.testing.assert_allclose(back.positions(), centred(motion).positions(), atol=1e-5)
    middle = back.root.mean(0)
    ahead = back.matrices()[:, 0, :, 2].mean(0)
    assert abs(middle[0]) < 1e-5 and abs(middle[2]) < 1e-5 and abs(ahead[0]) < 1e-5 and ahead[2] > 0.9


def test_half_a_turn_has_an_axis():
    turned = turn_between((0, -1, 0), (0, 1, 0), (1, 0, 0))
    np.testing.assert_allclose(turned, np.diag([1.0, -1, -1]), atol=1e-9)
    turned = turn_between((1, 0, 0), (-1, 0, 0), (1, 0, 0))  # about anything but itself
    np.testing.assert_allclose(turned @ (1, 0, 0), (-1, 0, 0), atol=1e-9)
    np.testing.assert_allclose(turned @ turned.T, np.eye(3), atol=1e-9)
