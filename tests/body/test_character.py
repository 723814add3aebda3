"""Our motion on anybody's character: the same pose in the world, and a file that is otherwise as it was."""

import json
import struct
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign_skeletons import a_pose, about, beat, mixamo, talking
from hypothesis import given
from hypothesis import strategies as st
from made_up_character import joints_of, made_up, ours, parts_of, places_of, played

from emotive.body.character import bake, open_character
from emotive.body.rest_pose import standing
from emotive.body.retarget import fitted
from emotive.body.skeleton import Build
from emotive.errors import InputError
from emotive.face.live_link import EYE_RANGE
from emotive.signals import ARKIT, JOINT, JOINTS, BodyMotion, FaceMotion


@pytest.fixture(scope="module")
def motion() -> BodyMotion:
    return talking(1.0)


@pytest.fixture(scope="module")
def face() -> FaceMotion:
    weights = np.zeros((40, len(ARKIT)))
    for i, name in enumerate(("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthPucker")):
        weights[:, ARKIT.index(name)] = np.linspace(0, 1, 40) if i != 2 else 0
    gaze = np.stack([np.linspace(-0.3, 0.3, 40), np.linspace(0, 0.2, 40)], 1)
    return FaceMotion(weights, np.zeros((40, 3)), np.zeros((40, 3)), gaze, Fraction(60))


def farthest(path: Path, motion: BodyMotion, output: Path, axes: str, but: tuple[str, ...] = ()) -> float:
    """mm between where bones of the baked character are and where the motion has them on its body."""
    character = open_character(path)
    bake(character, motion, output)
    wanted = joints_of(fitted(motion, character.offsets))
    found = places_of(output, character.bones, axes)
    unit = character.rest.unit
    return max(
        1000 * np.linalg.norm(found[name] * unit - wanted[name], axis=-1).max()
        for name in found if name not in but
    )  # fmt: skip


def leaning() -> Any:
    skeleton = ours()
    skeleton.rest = a_pose(35)
    return skeleton


def mixamo_in_a_pose() -> Any:
    skeleton = mixamo()
    skeleton.rest = {**a_pose(), "leftLowerArm": about("y", -15), "rightLowerArm": about("y", 15)}
    return skeleton


@pytest.mark.parametrize(
    ("how", "axes", "kind"),
    [
        ({"kind": "vrm0"}, "backwards", "VRM 0.x"),
        ({"kind": "vrm1"}, "y-up", "VRM 1.0"),
        ({"kind": "vrm0", "leave_out": ("upperChest",)}, "backwards", "VRM 0.x"),
        ({"kind": "vrm1", "skeleton": leaning(), "odd": 1}, "y-up", "VRM 1.0"),
        ({"odd": 2}, "y-up", "glTF"),
        ({"odd": 3, "axes": "z-up"}, "z-up", "glTF"),
        ({"odd": 4, "matrices": True}, "y-up", "glTF"),
        ({"odd": 5, "scale": 0.01}, "y-up", "glTF"),
        ({"skeleton": mixamo_in_a_pose(), "odd": 6, "scale": 100.0}, "y-up", "glTF"),
        ({"skeleton": beat(), "odd": 7, "build": Build(height=0.8, arms=1.1, head=1.15)}, "y-up", "glTF"),
    ],
)
def test_every_character_takes_the_same_pose(tmp_path: Path, motion: BodyMotion, how, axes: str, kind: str):
    path = made_up(tmp_path / "character.glb", **how)
    assert open_character(path).kind == kind
    assert farthest(path, motion, tmp_path / "moving.glb", axes) < 1


def test_both_versions_of_vrm_look_where_they_look_at_rest(tmp_path: Path, motion: BodyMotion):
    shown = []
    for kind, axes in (("vrm0", "backwards"), ("vrm1", "y-up")):
        path = made_up(tmp_path / f"{kind}.vrm", kind=kind)
        character = open_character(path)
        output = bake(character, motion, tmp_path / f"moving-{kind}.vrm")
        shown.append(places_of(output, character.bones, axes))
        # Of the one that looks backwards the left hand is on the other side.
        left = places_of(output, character.bones, "y-up")["leftUpperArm"][:, 0]
        assert (left < 0).all() if kind == "vrm0" else (left > 0).all()
    for name, places in shown[0].items():
        np.testing.assert_allclose(places, shown[1][name], atol=1e-5)
    for name in ("leftHand", "rightHand", "head", "leftFoot"):
        np.testing.assert_allclose(shown[1][name], motion.positions()[:, JOINT[name]], atol=1e-5)


def test_orientations_are_carried_over(tmp_path: Path, motion: BodyMotion):
    path = made_up(tmp_path / "character.glb", odd=8)
    character = open_character(path)
    worlds, _ = played(bake(character, motion, tmp_path / "moving.glb"))
    at_rest, turned = character.turned, motion.placed()[0]
    for name in ("head", "leftHand", "rightLowerLeg", "leftIndexDistal"):
        node = character.bones[name]
        made = worlds[node][:, :3, :3] @ at_rest[node].T  # from its rest, which is a T-pose
        np.testing.assert_allclose(made, turned[:, JOINT[name]], atol=1e-5)


def test_feet_stay_on_the_floor_on_which_the_character_rests(tmp_path: Path):
    motion = talking(4.0)

    def raised(document: dict[str, Any]) -> None:
        document["nodes"][0]["translation"] = [5.0, 2.0, -1.0]

    path = made_up(tmp_path / "child.vrm", kind="vrm1", build=Build(height=0.6, head=1.15), change=raised)
    character = open_character(path)
    found = places_of(bake(character, motion, tmp_path / "moving.vrm"), character.bones, "y-up")
    rest = standing(character.offsets)
    for side in ("left", "right"):
        foot = found[f"{side}Foot"]
        assert np.abs(np.diff(foot, axis=0)).max() < 1e-5
        np.testing.assert_allclose(foot[:, 1] - 2.0, rest[JOINT[f"{side}Foot"], 1], atol=1e-4)
    middle = (found["leftFoot"] + found["rightFoot"]).mean(0) / 2
    assert np.abs(middle - [5.0, middle[1], -1.0]).max() < 0.05


def test_bones_that_it_lacks_are_done_without(tmp_path: Path, motion: BodyMotion):
    required = ("hips", "spine", "head")
    parts = ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand")
    lacks = tuple(name for name in JOINTS if name not in required and not name.endswith(parts))
    path = made_up(tmp_path / "few.vrm", kind="vrm1", leave_out=lacks)
    assert len(open_character(path).bones) == 15
    # Its collarbones do not move, and its trunk bends in one place.
    assert farthest(path, motion, tmp_path / "moving.vrm", "y-up") < 60


def test_meshes_are_no_bones_and_bones_may_be_missing_in_old_ways(tmp_path: Path, motion: BodyMotion):
    def called_head(document: dict[str, Any]) -> None:
        document["nodes"][-1]["name"] = "Head"

    path = made_up(tmp_path / "head.glb", change=called_head)
    assert farthest(path, motion, tmp_path / "moving.glb", "y-up") < 1

    def old(document: dict[str, Any]) -> None:
        bones = document["extensions"]["VRM"]["humanoid"]["humanBones"]
        bones.append({"bone": "jaw", "node": -1})

    path = made_up(tmp_path / "old.vrm", kind="vrm0", change=old)
    assert "jaw" not in open_character(path).bones


def test_nothing_else_changes(tmp_path: Path, motion: BodyMotion, face: FaceMotion):
    def more(document: dict[str, Any]) -> None:
        document["animations"] = [{"name": "Motion", "channels": [], "samplers": [], "extras": {"a": 1}}]
        document["asset"]["extras"] = {"mine": True}
        document["extensionsUsed"].append("ACME_thing")
        document["extensions"]["ACME_thing"] = {"value": [1, 2.0, "three", None]}

    path = made_up(tmp_path / "character.vrm", kind="vrm1", odd=1, change=more)
    before, bytes_before = parts_of(path)
    provenance = json.dumps({"prompt": "hello", "seed": 3})
    after, bytes_after = parts_of(
        bake(open_character(path), motion, tmp_path / "moving.vrm", face, provenance)
    )
    assert (
        bytes_after[: before["buffers"][0]["byteLength"]]
        == bytes_before[: before["buffers"][0]["byteLength"]]
    )
    assert after["buffers"][0]["byteLength"] <= len(bytes_after)
    for kind in ("accessors", "bufferViews"):
        assert after[kind][: len(before[kind])] == before[kind]
    assert after["asset"].pop("extras") == {
        "mine": True,
        "generated": True,
        "emotive": json.loads(provenance),
    }
    assert before["asset"].pop("extras") == {"mine": True}
    assert after["animations"][1:] == before["animations"] and after["animations"][0]["name"] == "Motion 2"
    for kind in set(before) | set(after):
        if kind not in ("accessors", "bufferViews", "buffers", "animations"):
            assert after[kind] == before[kind], kind
    # And the file that was opened is as it was.
    assert parts_of(path)[0]["asset"]["extras"] == {"mine": True}


def test_what_is_written_is_valid(tmp_path: Path, motion: BodyMotion, face: FaceMotion):
    from pygltflib import GLTF2

    path = made_up(tmp_path / "character.vrm", kind="vrm1", odd=1, matrices=True)
    output = bake(open_character(path), motion, tmp_path / "moving.glb", face)
    data = output.read_bytes()
    assert struct.unpack_from("<4sII", data) == (b"glTF", 2, len(data)) and len(data) % 4 == 0
    document, _ = parts_of(output)
    animation = document["animations"][0]
    moved = [(c["target"]["node"], c["target"]["path"]) for c in animation["channels"]]
    assert len({*moved}) == len(moved)
    for node, _ in moved:
        assert "matrix" not in document["nodes"][node]
    for sampler in animation["samplers"]:
        clock = document["accessors"][sampler["input"]]
        assert clock["min"] == [0] and clock["count"] >= 1
    whole = GLTF2().load(str(output))
    assert whole is not None and whole.extensions is not None
    assert whole.extensions["VRMC_vrm"]["meta"]["name"] == "Nobody"
    again = open_character(output)  # what was baked is a character still
    assert again.kind == "VRM 1.0" and np.allclose(again.offsets, open_character(path).offsets, atol=1e-6)


def test_a_buffer_inside_the_json_gets_a_neighbour(tmp_path: Path, motion: BodyMotion):
    def inside(document: dict[str, Any]) -> None:
        size = document["buffers"][0]["byteLength"]
        document["buffers"][0]["uri"] = "data:application/octet-stream;base64," + "AAAA" * -(-size // 3)

    path = made_up(tmp_path / "character.glb", change=inside)
    assert farthest(path, motion, tmp_path / "moving.glb", "y-up") < 1
    assert len(parts_of(tmp_path / "moving.glb")[0]["buffers"]) == 2


@pytest.mark.parametrize("kind", ["glb", "vrm1", "vrm0"])
def test_a_face_of_arkit_moves_as_it_is_told(tmp_path: Path, motion: BodyMotion, face: FaceMotion, kind: str):
    path = made_up(tmp_path / "face.glb", kind=kind, targets=ARKIT)
    character = open_character(path)
    assert {*character.face} == {*ARKIT}
    _, weights = played(bake(character, motion, tmp_path / "moving.glb", face))
    ((_, track),) = weights.items()
    for name in ("jawOpen", "eyeBlinkLeft", "mouthPucker"):
        np.testing.assert_allclose(track[:, ARKIT.index(name)], face.weights[:, ARKIT.index(name)], atol=1e-6)
    left = np.clip(face.gaze[:, 0] / EYE_RANGE[0], 0, 1)
    np.testing.assert_allclose(track[:, ARKIT.index("eyeLookOutLeft")], left, atol=1e-6)
    # Eyes that are bones turn with the face's gaze.
    worlds, _ = played(tmp_path / "moving.glb")
    head, eye = (worlds[character.bones[name]][:, :3, :3] for name in ("head", "leftEye"))
    # Turned to the own left is turned about Y, whichever way the person looks.
    turned = head.swapaxes(1, 2) @ eye
    yaw = np.arctan2(turned[:, 0, 2], turned[:, 2, 2])
    times = np.arange(len(motion)) / 30
    np.testing.assert_allclose(yaw, np.interp(times, np.arange(40) / 60, face.gaze[:, 0]), atol=0.01)


@pytest.mark.parametrize("kind", ["vrm1", "vrm0"])
def test_presets_of_a_vrm_say_what_they_can(tmp_path: Path, motion: BodyMotion, face: FaceMotion, kind: str):
    targets = ("aa", "ih", "ou", "ee", "oh", "blink", "happy", "unused")
    path = made_up(tmp_path / "face.vrm", kind=kind, targets=targets)
    character = open_character(path)
    _, weights = played(bake(character, motion, tmp_path / "moving.vrm", face))
    ((_, track),) = weights.items()
    assert track.shape == (40, 8) and track.min() >= 0 and track.max() <= 1
    said = dict(zip(targets, track.T, strict=True))
    assert said["ou"][-1] > 0.3 and said["ou"][0] < 0.05  # a mouth that puckers
    assert not said["unused"].any() and said["blink"].max() < 0.01  # only one eye shuts


def test_a_face_that_cannot_move_stays_still(tmp_path: Path, motion: BodyMotion, face: FaceMotion):
    path = made_up(tmp_path / "mask.glb", targets=("smile",))
    _, weights = played(bake(open_character(path), motion, tmp_path / "moving.glb", face))
    assert not weights


def truncated(data: bytes) -> bytes:
    return data[: len(data) // 2]


def scrambled(data: bytes) -> bytes:
    return bytes(b ^ 90 for b in data)


BROKEN: list[tuple[Callable[[bytes], bytes], str]] = [
    (truncated, "the file is cut short"),
    (lambda data: data[:-8], "the file is cut short"),
    (lambda data: data[:12], "the file is cut short"),
    (lambda data: b"", "not a binary glTF file"),
    (scrambled, "not a binary glTF file .*encrypted"),
    (lambda data: data[:20] + scrambled(data[20:900]) + data[900:], "damaged or encrypted glTF file"),
    (lambda data: data[:4] + b"\1" + data[5:], "glTF 1 is not read here"),
]


@pytest.mark.parametrize(("broken", "line"), BROKEN)
def test_files_that_cannot_be_opened_are_refused(tmp_path: Path, broken, line: str):
    path = tmp_path / "character.vrm"
    path.write_bytes(broken(made_up(tmp_path / "whole.vrm", kind="vrm1").read_bytes()))
    with pytest.raises(InputError, match=line) as caught:
        open_character(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def _scaled_arm(document: dict[str, Any]) -> None:
    document["nodes"][1 + JOINTS.index("leftLowerArm")]["scale"] = [1, 2, 1]


def _mirrored(document: dict[str, Any]) -> None:
    document["nodes"][1 + JOINTS.index("leftUpperArm")]["scale"] = [-1, 1, 1]


def _flat(document: dict[str, Any]) -> None:
    document["nodes"][1 + JOINTS.index("head")]["scale"] = [0, 0, 0]


def _loop(document: dict[str, Any]) -> None:
    document["nodes"][1 + JOINTS.index("leftToes")]["children"] = [1 + JOINTS.index("leftLowerLeg")]
    document["nodes"][1 + JOINTS.index("leftUpperLeg")]["children"] = []


def _elsewhere(document: dict[str, Any]) -> None:
    document["images"][0] = {"uri": "skin.png"}


def _no_head(document: dict[str, Any]) -> None:
    document["nodes"][1 + JOINTS.index("head")]["name"] = "box"


def _gone(document: dict[str, Any]) -> None:
    document["extensions"]["VRMC_vrm"]["humanoid"]["humanBones"]["head"]["node"] = 999


def _twice(document: dict[str, Any]) -> None:
    bones = document["extensions"]["VRMC_vrm"]["humanoid"]["humanBones"]
    bones["leftEye"] = bones["rightEye"]


def _odd_target(document: dict[str, Any]) -> None:
    preset = document["extensions"]["VRMC_vrm"]["expressions"]["preset"]
    preset["aa"]["morphTargetBinds"][0]["index"] = 70


def _short_buffer(document: dict[str, Any]) -> None:
    document["bufferViews"][0]["byteLength"] = 10**9


def _words(document: dict[str, Any]) -> None:
    document["nodes"][1]["translation"] = "left"


@pytest.mark.parametrize(
    ("kind", "change", "line"),
    [
        ("glb", _scaled_arm, "bone 'leftLowerArm' is scaled unevenly: apply scales"),
        ("glb", _mirrored, "bone 'leftUpperArm' is mirrored"),
        ("glb", _flat, "bone 'head' has no size"),
        ("glb", _loop, "its nodes are no tree"),
        ("glb", _elsewhere, r"parts of it lie in other files \(skin.png\)"),
        ("glb", _no_head, "not a humanoid: no head found"),
        ("glb", _short_buffer, "parts of it lie outside its buffer"),
        ("glb", _words, "damaged"),
        ("vrm1", _gone, "bone 'head' is a node that is not there"),
        ("vrm1", _twice, "not a humanoid: one of its bones is named twice"),
        ("vrm1", _odd_target, "expression 'aa' moves a morph target that is not there"),
    ],
)
def test_characters_that_cannot_move_are_refused(tmp_path: Path, kind: str, change, line: str):
    path = made_up(tmp_path / "character.glb", kind=kind, change=change)
    with pytest.raises(InputError, match=line) as caught:
        open_character(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_outputs_that_cannot_be_written_are_refused(tmp_path: Path, motion: BodyMotion):
    path = made_up(tmp_path / "character.glb")
    character = open_character(path)
    for output, line in (
        (path, "that is the character itself"),
        (tmp_path / "moving.fbx", "written as .vrm or .glb"),
        (tmp_path / "moving.vrm", "character.glb is no VRM: write a .glb"),
        (tmp_path / "none" / "moving.glb", "does not exist"),
    ):
        with pytest.raises(InputError, match=line):
            bake(character, motion, output)
    with pytest.raises(InputError, match=r"1\.\.108,000 frames, not 0"):
        bake(character, motion.part(0, 0), tmp_path / "moving.glb")
    with pytest.raises(InputError, match=r"a character is a .vrm or a .glb"):
        open_character(tmp_path / "body.fbx")
    with pytest.raises(InputError, match="does not exist"):
        open_character(tmp_path / "none.vrm")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["character.glb"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return made_up(tmp_path_factory.mktemp("whole") / "character.vrm", kind="vrm1").read_bytes()


@given(data=st.data())
def test_a_damaged_file_is_an_error_never_a_crash(tmp_path_factory, whole: bytes, data: st.DataObject):
    path = tmp_path_factory.mktemp("damaged") / "character.vrm"
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(damaged))
    try:
        open_character(path)  # a byte of a name or a texture may well change without harm
    except InputError as error:
        assert "\n" not in str(error)


def test_rotations_take_the_short_way(tmp_path: Path):
    motion = talking(2.0, seed=5)
    path = made_up(tmp_path / "character.glb", odd=9)
    output = bake(open_character(path), motion, tmp_path / "moving.glb")
    document, binary = parts_of(output)
    for channel in document["animations"][0]["channels"]:
        if channel["target"]["path"] == "rotation":
            sampler = document["animations"][0]["samplers"][channel["sampler"]]
            accessor = document["accessors"][sampler["output"]]
            view = document["bufferViews"][accessor["bufferView"]]
            values = np.frombuffer(binary, "<f4", accessor["count"] * 4, view["byteOffset"]).reshape(-1, 4)
            np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-5)
            assert all(a @ b > 0 for a, b in pairwise(values))
