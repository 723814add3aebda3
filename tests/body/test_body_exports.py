"""What animators open says what the motion said: files are read back by their specifications alone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gltf_file import opened, tracks, values, world
from hypothesis import given
from hypothesis import strategies as st

from emotive.affect import Affect, AffectCurve
from emotive.body.actors import ACTORS
from emotive.body.bone_names import MIXAMO
from emotive.body.bvh import euler_angles
from emotive.body.figure import figure, skinned
from emotive.body.glb import write_glb
from emotive.body.head_and_body import face_of, gaze_of, with_face
from emotive.body.motion_files import WRITTEN, load_body_motion, save_body_motion
from emotive.body.skeleton import Build, offsets_of
from emotive.body.vrm import write_vrm
from emotive.body.vrm_expressions import MOUTHS, preset_weights, presets
from emotive.body.vrma import UNMAPPED, write_vrma
from emotive.errors import InputError
from emotive.face.glb import weights_of
from emotive.face.visemes import speaking_mouth
from emotive.signals import ARKIT, JOINT, JOINTS, PARENTS, BodyMotion, FaceMotion
from emotive.signals.rotations import matrices_of_vectors, six_of

FRAMES = 24
BODY = figure().offsets
REQUIRED = "hips spine head leftUpperLeg leftLowerLeg leftFoot leftUpperArm leftLowerArm leftHand".split()


def motion(frames: int = FRAMES, seed: int = 0) -> BodyMotion:
    """Every joint swings, but for the jaw, which stays, and the toes, which stay elsewhere than at rest."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None, None] / 30
    turns = (
        0.5
        * rng.normal(size=(1, 55, 3))
        * np.sin(6 * rng.random((1, 55, 3)) * t + 6 * rng.random((1, 55, 3)))
    )
    turns[:, JOINT["leftUpperArm"], 2] -= 1.2
    turns[:, JOINT["jaw"]] = 0
    turns[:, JOINT["leftToes"]] = (0.2, 0, 0)
    turns[:, JOINT["leftEye"]] *= (0.3, 0.3, 0)
    turns[:, JOINT["rightEye"]] = turns[:, JOINT["leftEye"]]
    root = BODY[0] + 0.1 * np.sin(t[:, :, 0] * np.array([1.0, 2.0, 3.0]))
    curve = AffectCurve([(0.0, Affect(0.8, 0.4)), ((frames + 1) / 30, Affect(-0.6, 0.6))])
    return BodyMotion(six_of(matrices_of_vectors(turns)), root, BODY, 30, curve)  # type: ignore[arg-type]


def face(frames: int = 2 * FRAMES, fps: int = 60, start: float = 0.0) -> FaceMotion:
    t = np.arange(frames) / fps
    weights = speaking_mouth([("AA", 0, 0.4), ("M", 0.4, 0.5), ("UW", 0.5, 0.8)], fps, frames).weights
    weights[:, ARKIT.index("mouthSmileLeft")] = 0.3
    weights[frames // 2 :, ARKIT.index("eyeBlinkLeft")] = 0.9
    weights[frames // 2 :, ARKIT.index("eyeBlinkRight")] = 0.4
    turns = np.stack([0.2 * np.sin(5 * t), 0.3 * np.cos(3 * t), 0.1 * np.sin(t)], 1)
    gaze = np.stack([0.3 * np.sin(4 * t), 0.2 * np.cos(3 * t)], 1)
    return FaceMotion(weights, turns, np.zeros((frames, 3)), gaze, fps, start=start)  # type: ignore[arg-type]


def positions_in(
    gltf: dict, data: bytes, names: dict[str, int], frame: int, count: int = FRAMES
) -> np.ndarray:
    """Where the file puts the joints, (55, 3)."""
    placed = world(gltf, data, frame, count)
    return np.stack([placed[names[name], :3, 3] for name in JOINTS])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, bytes, BodyMotion, FaceMotion]:
    path = tmp_path_factory.mktemp("glb") / "a.glb"
    moved, seen = motion(), face()
    write_glb(path, moved, face=seen, provenance='{"seed": 7, "affect": "joy"}')
    return *opened(path), *with_face(moved, seen)


def test_a_bvh_gives_back_every_joint(tmp_path: Path):
    moved = motion()
    for names, called in (("vrm", {name: name for name in JOINTS}), ("mixamo", MIXAMO)):
        path = save_body_motion(moved, tmp_path / "a.bvh", names=names)
        found, ends, fps = bvh_positions(path)
        assert fps == pytest.approx(30, abs=1e-4) and len({*called.values()}) == 55
        ours = np.stack([found[called[name]] for name in JOINTS], 1)
        assert np.abs(ours - moved.positions()).max() < 1e-4
        # Every chain ends somewhere, and so does the head.
        leaves = {JOINTS[j] for j in range(55) if j not in PARENTS} | {"head"}
        assert ends == {called[name] for name in leaves}
    back = load_body_motion(tmp_path / "a.bvh")
    apart = back.positions() - moved.positions()  # a reader puts the feet on the floor
    assert np.abs(apart - [0, np.median(apart[..., 1]), 0]).max() < 1e-4 and back.fps == 30
    np.testing.assert_allclose(back.offsets, moved.offsets, atol=1e-6)


@given(st.integers(0, 10**6), st.sampled_from([0.0, 1e-9, 1e-6, 1e-3, 0.5]))
def test_euler_angles_are_the_rotation_and_do_not_jump(seed: int, off: float):
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, 60)[:, None, None]
    walk = matrices_of_vectors(t * rng.normal(size=(1, 3, 3)) * 2.5)
    walk[:, 2] = (
        about("z", t[:, 0, 0]) @ about("x", np.full(60, np.pi / 2 - off)) @ about("y", 2 * t[:, 0, 0])
    )
    angles = euler_angles(walk)
    z, x, y = np.moveaxis(angles, -1, 0)
    assert np.abs(about("z", z) @ about("x", x) @ about("y", y) - walk).max() < 3e-5
    steps = np.abs(np.diff(angles, axis=0))
    # Where X is not near 90 degrees, angles turn no faster than the body does by much.
    calm = np.abs(np.cos(x)) > 0.3
    assert (steps.max(-1)[calm[1:] & calm[:-1]] < 0.7).all() and steps.max() <= np.pi + 1e-6


def test_a_glb_puts_every_joint_where_the_motion_does(made: tuple[dict, bytes, BodyMotion, FaceMotion]):
    gltf, data, moved, _ = made
    names = {node["name"]: n for n, node in enumerate(gltf["nodes"])}
    wanted = moved.positions()
    for frame in (0, 7, FRAMES - 1):
        assert np.abs(positions_in(gltf, data, names, frame) - wanted[frame]).max() < 1e-4
    # At rest it is the T-pose.
    rest = world(gltf, data, None)[:55]
    np.testing.assert_allclose(rest[:, :3, :3], np.broadcast_to(np.eye(3), (55, 3, 3)), atol=1e-7)
    moving = tracks(gltf, data)
    assert (names["jaw"], "rotation") not in moving and len(moving[names["leftToes"], "rotation"][0]) == 2
    assert {path for _, path in moving} == {"rotation", "translation", "weights"}
    assert [node for node, path in moving if path == "translation"] == [0]
    for (_, path), (_, rows) in moving.items():
        if path == "rotation":
            np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
            assert ((rows[1:] * rows[:-1]).sum(1) > 0).all()


def test_its_skin_is_the_figures(made: tuple[dict, bytes, BodyMotion, FaceMotion]):
    gltf, data, moved, seen = made
    frame = 11
    (skin,) = gltf["skins"]
    assert [gltf["nodes"][n]["name"] for n in skin["joints"]] == [*JOINTS]
    inverse = values(gltf, data, skin["inverseBindMatrices"]).reshape(55, 4, 4).transpose(0, 2, 1)
    bones = world(gltf, data, frame, FRAMES)[skin["joints"]] @ inverse
    weights = dict(zip(ARKIT, tracks(gltf, data)[56, "weights"][1][frame], strict=True))
    turned, placed = moved.placed()
    wanted = skinned(figure(), turned[frame], placed[frame], weights_of(seen)[frame])[0]
    found, meshes = [], gltf["meshes"]
    assert meshes[1]["extras"]["targetNames"] == [*ARKIT]
    for primitive in (*meshes[1]["primitives"], *meshes[0]["primitives"]):
        attributes = {name: values(gltf, data, a) for name, a in primitive["attributes"].items()}
        np.testing.assert_allclose(attributes["WEIGHTS_0"].sum(1), 1, atol=1e-6)
        assert (attributes["JOINTS_0"][attributes["WEIGHTS_0"] == 0] == 0).all()
        points = attributes["POSITION"].astype(float)
        for name, target in zip(ARKIT, primitive.get("targets", []), strict=False):
            points += weights[name] * values(gltf, data, target["POSITION"])
        shares = np.einsum("vk,vkrc->vrc", attributes["WEIGHTS_0"], bones[attributes["JOINTS_0"]])
        found.append(np.einsum("vrc,vc->vr", shares, np.c_[points, np.ones(len(points))])[:, :3])
    assert np.abs(np.concatenate(found) - wanted).max() < 1e-4


def test_its_face_is_in_step(made: tuple[dict, bytes, BodyMotion, FaceMotion]):
    gltf, data, _, seen = made
    times, weights = tracks(gltf, data)[56, "weights"]
    np.testing.assert_allclose(times, np.arange(FRAMES) / 30, atol=1e-6)
    np.testing.assert_allclose(weights, weights_of(seen), atol=1e-6)
    jaw = ARKIT.index("jawOpen")
    np.testing.assert_allclose(weights[:, jaw], face().weights[::2, jaw], atol=1e-6)


def test_a_glb_says_where_it_comes_from(made: tuple[dict, bytes, BodyMotion, FaceMotion]):
    asset = made[0]["asset"]
    assert asset["version"] == "2.0" and "Apache-2.0" in asset["copyright"]
    assert asset["extras"]["emotive"] == {"seed": 7, "affect": "joy"} and asset["extras"]["generated"] is True
    assert (asset["extras"]["fps"], asset["extras"]["frames"]) == ("30", FRAMES)


def test_a_taller_actor_in_mixamos_names(tmp_path: Path):
    moved = motion()
    tall = replace(next(iter(ACTORS.values())), name="tall", build=Build(height=1.1, arms=1.05))
    gltf, data = opened(write_glb(tmp_path / "a.glb", moved, tall, names="mixamo"))
    names = {node["name"]: n for n, node in enumerate(gltf["nodes"])}
    assert names["mixamorig:LeftForeArm"] == JOINT["leftLowerArm"]
    found = positions_in(gltf, data, {ours: names[theirs] for ours, theirs in MIXAMO.items()}, 5)
    wrist, elbow = found[JOINT["leftHand"]], found[JOINT["leftLowerArm"]]
    length = np.linalg.norm(offsets_of(tall.build)[JOINT["leftHand"]])
    assert np.linalg.norm(wrist - elbow) == pytest.approx(length, abs=1e-5)
    theirs = moved.placed()[1][5]
    way = (theirs[JOINT["leftHand"]] - theirs[JOINT["leftLowerArm"]]) / np.linalg.norm(
        BODY[JOINT["leftHand"]]
    )
    np.testing.assert_allclose((wrist - elbow) / length, way, atol=1e-5)  # the pose is the same


def test_a_vrma_rests_in_vrms_t_pose_and_moves_as_the_body_does(tmp_path: Path):
    moved, seen = motion(), face()
    gltf, data = opened(write_vrma(tmp_path / "a.vrma", moved, seen, provenance='{"seed": 3}'))
    extension = gltf["extensions"]["VRMC_vrm_animation"]
    assert extension["specVersion"] == "1.0" and gltf["extensionsUsed"] == ["VRMC_vrm_animation"]
    assert gltf["asset"]["extras"]["emotive"] == {"seed": 3} and "meshes" not in gltf
    bones = {name: bone["node"] for name, bone in extension["humanoid"]["humanBones"].items()}
    assert {*REQUIRED} <= {*bones} == {*JOINTS} - {*UNMAPPED}
    rest = world(gltf, data, None)
    check_t_pose({name: rest[node, :3, 3] for name, node in bones.items()})
    wanted, _ = with_face(moved, seen)
    for frame in (0, 9, FRAMES - 1):
        placed = world(gltf, data, frame, FRAMES)
        for name, node in bones.items():
            assert np.abs(placed[node, :3, 3] - wanted.positions()[frame, JOINT[name]]).max() < 1e-4, name
    moving = tracks(gltf, data)
    assert [n for n, path in moving if path == "translation" and n < 55] == [bones["hips"]]
    look = extension["lookAt"]
    assert not {JOINT["leftEye"], JOINT["rightEye"]} & {n for n, _ in moving}
    looks = moving[look["node"], "rotation"][1].astype(float)
    x, y, z, w = looks.T
    yaw, pitch = np.arctan2(2 * (x * z + w * y), 1 - 2 * (x * x + y * y)), -np.arcsin(2 * (y * z - w * x))
    np.testing.assert_allclose(np.stack([yaw, -pitch], 1), seen.gaze[::2], atol=1e-4)
    eyes = np.stack([rest[JOINT[f"{side}Eye"], :3, 3] for side in ("left", "right")])
    np.testing.assert_allclose(
        rest[bones["head"], :3, 3] + look["offsetFromHeadBone"], eyes.mean(0), atol=1e-6
    )


def test_a_vrmas_expressions(tmp_path: Path):
    moved, seen = motion(), face()
    shown = {}
    for kind in ("presets", "arkit"):
        gltf, data = opened(write_vrma(tmp_path / "a.vrma", moved, seen, kind))
        (named,) = gltf["extensions"]["VRMC_vrm_animation"]["expressions"].items()
        assert named[0] == {"presets": "preset", "arkit": "custom"}[kind]
        for name, expression in named[1].items():
            rows = tracks(gltf, data)[expression["node"], "translation"][1]
            assert (rows[:, 0] >= 0).all() and (rows[:, 0] <= 1).all() and not rows[:, 1:].any()
            shown[kind, name] = rows[:, 0]
    jaw = ARKIT.index("jawOpen")
    np.testing.assert_allclose(shown["arkit", "jawOpen"], seen.weights[::2, jaw], atol=1e-6)
    assert shown["presets", "aa"][6] > 0.7 and shown["presets", "ou"][20] > 0.6
    np.testing.assert_allclose(shown["presets", "blink"][-4:], 0.4, atol=1e-6)
    np.testing.assert_allclose(shown["presets", "blinkLeft"][-4:], 0.5, atol=1e-6)
    with pytest.raises(InputError, match="presets or arkit"):
        write_vrma(tmp_path / "b.vrma", moved, seen, "all")


def test_presets_say_themselves_and_mouths_come_near():
    for name, shape in presets().items():
        found = preset_weights(shape[None])
        assert found[name][0] > 0.85, name
        others = [
            track[0] for other, track in found.items() if other != name and not other.startswith("blink")
        ]
        assert max(others, default=0) < 0.15, name
    spoken = speaking_mouth([("AA", 0, 1), ("IY", 1, 2), ("UW", 2, 3), ("pau", 3, 4)], 10, 40).weights
    found = preset_weights(spoken)
    said = sum(track[:, None] * presets()[name] for name, track in found.items())
    assert np.abs(said - spoken)[[5, 15, 25, 38]].max() < 0.12
    assert {name for name in MOUTHS if found.get(name, np.zeros(40))[38] > 0.05} == set()


def test_a_vrm_is_an_avatar(tmp_path: Path):
    gltf, data = opened(write_vrm(tmp_path / "a.vrm", name="Mara"))
    vrm = gltf["extensions"]["VRMC_vrm"]
    assert vrm["specVersion"] == "1.0" and gltf["extensionsUsed"] == ["VRMC_vrm"] and "animations" not in gltf
    assert {"name", "authors", "licenseUrl"} <= {*vrm["meta"]} and vrm["meta"]["name"] == "Mara"
    bones = {name: bone["node"] for name, bone in vrm["humanoid"]["humanBones"].items()}
    assert {*REQUIRED} <= {*bones} and "jaw" not in bones
    rest = world(gltf, data, None)
    check_t_pose({name: rest[node, :3, 3] for name, node in bones.items()})
    primitives = gltf["meshes"][1]["primitives"]
    for name, expression in vrm["expressions"]["preset"].items():
        for bind in expression["morphTargetBinds"]:
            assert gltf["nodes"][bind["node"]]["mesh"] == 1
            assert bind["weight"] == pytest.approx(presets()[name][bind["index"]], abs=1e-4)
            assert all(len(primitive["targets"]) == 52 for primitive in primitives)
    assert {*vrm["expressions"]["custom"]} == {*ARKIT} and not {*ARKIT} & {*vrm["expressions"]["preset"]}
    # The soles are on the floor.
    skin = gltf["skins"][0]
    inverse = values(gltf, data, skin["inverseBindMatrices"]).reshape(55, 4, 4).transpose(0, 2, 1)
    bones_at = rest[skin["joints"]] @ inverse
    lowest = np.inf
    for primitive in gltf["meshes"][0]["primitives"]:
        found = {name: values(gltf, data, a) for name, a in primitive["attributes"].items()}
        shares = np.einsum("vk,vkrc->vrc", found["WEIGHTS_0"], bones_at[found["JOINTS_0"]])
        points = np.einsum("vrc,vc->vr", shares, np.c_[found["POSITION"], np.ones(len(found["POSITION"]))])
        lowest = min(lowest, points[:, 1].min())
    assert abs(lowest) < 0.012


def test_an_avatar_of_ours_is_a_character_like_any_other(tmp_path: Path):
    from emotive.body.character import open_character

    moved, seen = motion(), face()
    avatar = open_character(write_vrm(tmp_path / "a.vrm"))
    gltf, data = opened(save_body_motion(moved, tmp_path / "b.glb", character=avatar, face=seen))
    names = {node["name"]: n for n, node in enumerate(gltf["nodes"])}
    found = positions_in(gltf, data, names, 9)
    # Thumbs, fingers and feet rest elsewhere in it, and still everything comes where it should.
    apart = found - with_face(moved, seen)[0].positions()[9]
    assert np.abs(apart - apart[0]).max() < 1e-4


def test_a_face_follows_its_own_clock():
    moved = replace(motion(60), start=2.0)
    seen = face(60, 60, start=2.5)  # plays from 0.5 s to 1.5 s of the body's time
    turned, shown = with_face(moved, seen)
    assert (len(shown), shown.fps, shown.start) == (60, 30, 2.0)
    frames = np.arange(15, 44)
    np.testing.assert_allclose(shown.weights[frames], seen.weights[2 * (frames - 15)], atol=1e-6)
    held = turned.placed()[0][frames, JOINT["head"]]
    np.testing.assert_allclose(held, matrices_of_vectors(seen.rotation[2 * (frames - 15)]), atol=1e-5)
    gaze = gaze_of(turned.rotations[frames, JOINT["rightEye"]])
    np.testing.assert_allclose(gaze, seen.gaze[2 * (frames - 15)], atol=1e-5)
    # Before and after, the body's own head; nothing else is touched.
    np.testing.assert_allclose(turned.rotations[:5], moved.rotations[:5], atol=1e-6)
    assert not shown.weights[:5].any() and not shown.weights[-5:].any()
    others = [j for j, name in enumerate(JOINTS) if name not in ("neck", "head", "leftEye", "rightEye")]
    np.testing.assert_array_equal(turned.rotations[:, others], moved.rotations[:, others])
    with pytest.raises(InputError, match="never play together"):
        with_face(moved, replace(seen, start=4.1))


def test_without_a_face_it_shows_the_affect():
    shown = face_of(motion(90), seed=3)
    smile, brows = (shown.weights[:, ARKIT.index(name)] for name in ("mouthSmileLeft", "browDownLeft"))
    assert smile[0] > 0.3 > smile[-1] and brows[-1] > 0.2 > brows[0]
    again = face_of(motion(90), seed=3)
    np.testing.assert_array_equal(shown.weights, again.weights)


def test_a_mesh_is_the_figure_in_one_frame(tmp_path: Path):
    import trimesh

    moved = motion()
    turned, placed = moved.placed()
    wanted = skinned(figure(), turned[7], placed[7], weights_of(face_of(moved))[7])[0]
    for suffix in (".obj", ".ply"):
        path = save_body_motion(moved, tmp_path / f"a{suffix}", frame=7)
        mesh = trimesh.load_mesh(path, process=False)
        np.testing.assert_allclose(mesh.vertices, wanted, atol=1e-5)
        np.testing.assert_array_equal(mesh.faces, figure().whole.triangles)
    last = save_body_motion(moved, tmp_path / "b.ply", frame=-1)
    assert last.read_bytes() == save_body_motion(moved, tmp_path / "c.ply", frame=FRAMES - 1).read_bytes()
    with pytest.raises(InputError, match="there is no frame 24"):
        save_body_motion(moved, tmp_path / "d.obj", frame=FRAMES)


def test_npz_and_json_are_exact_and_smplx_is_read(tmp_path: Path):
    moved = motion()
    for suffix in (".npz", ".json"):
        back = load_body_motion(save_body_motion(moved, tmp_path / f"a{suffix}"))
        np.testing.assert_array_equal(back.rotations, moved.rotations)
        np.testing.assert_array_equal(back.root, moved.root)
    arrays = moved.smplx()
    np.savez(tmp_path / "beat2.npz", **arrays)  # type: ignore[arg-type]
    back = load_body_motion(tmp_path / "beat2.npz")
    np.testing.assert_allclose(back.matrices(), moved.matrices(), atol=1e-5)
    np.testing.assert_allclose(np.diff(back.root, axis=0), np.diff(moved.root, axis=0), atol=1e-6)
    assert back.fps == 30
    broken = {
        "frame_rate": {k: v for k, v in arrays.items() if k != "mocap_frame_rate"},
        "shape": {**arrays, "poses": arrays["poses"][:, :66]},
        "places of the shape": {**arrays, "trans": arrays["trans"][:3]},
        "not finite": {**arrays, "poses": arrays["poses"] * np.nan},
    }
    for why, record in broken.items():
        np.savez(tmp_path / "bad.npz", **record)  # type: ignore[arg-type]
        with pytest.raises(InputError, match=why):
            load_body_motion(tmp_path / "bad.npz")


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path):
    moved = motion(2)
    for suffix in WRITTEN:
        with pytest.raises(InputError, match="does not exist"):
            save_body_motion(moved, tmp_path / "none" / f"a{suffix}")
    for suffix in (".glb", ".vrma", ".bvh", ".obj"):
        with pytest.raises(InputError, match=r"holds 1\.\.|there is no frame"):
            save_body_motion(motion(0), tmp_path / f"a{suffix}")
    for suffix in (".glb", ".bvh"):
        with pytest.raises(InputError, match="vrm or mixamo"):
            save_body_motion(moved, tmp_path / f"a{suffix}", names="maya")
    for suffix in (".fbx", ".vrm", ""):
        with pytest.raises(InputError, match="motion is written as"):
            save_body_motion(moved, tmp_path / f"a{suffix}")
    with pytest.raises(InputError, match="no actor"):
        save_body_motion(moved, tmp_path / "a.glb", actor="nobody")
    assert not [*tmp_path.iterdir()]


def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path):
    whole = save_body_motion(motion(3), tmp_path / "a.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.npz").write_text("hello")
    (tmp_path / "empty.bvh").write_text("")
    (tmp_path / "list.json").write_text(json.dumps([1, 2]))
    (tmp_path / "a.glb").write_bytes(b"glTF")
    for name in ("cut.npz", "text.npz", "empty.bvh", "list.json", "a.glb", "gone.bvh", "a.mp3"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")) as told:
            load_body_motion(tmp_path / name)
        assert "\n" not in str(told.value)


def check_t_pose(at: dict[str, np.ndarray]) -> None:
    """VRM 1.0, tpose.md: what points where."""

    def way(start: str, end: str) -> np.ndarray:
        return (at[end] - at[start]) / np.linalg.norm(at[end] - at[start])

    for side, sign in (("left", 1.0), ("right", -1.0)):
        out = [sign, 0, 0]
        for start, end in (("UpperArm", "LowerArm"), ("LowerArm", "Hand")):
            np.testing.assert_allclose(way(side + start, side + end), out, atol=1e-6)
        for finger in ("Index", "Middle", "Ring", "Little"):
            for start, end in (("Proximal", "Intermediate"), ("Intermediate", "Distal")):
                np.testing.assert_allclose(
                    way(f"{side}{finger}{start}", f"{side}{finger}{end}"), out, atol=1e-6
                )
        thumb = way(f"{side}ThumbMetacarpal", f"{side}ThumbProximal")
        np.testing.assert_allclose(thumb, [sign * np.sqrt(0.5), 0, np.sqrt(0.5)], atol=1e-6)
        assert abs(way(f"{side}Foot", f"{side}Toes")[0]) < 1e-6 < way(f"{side}Foot", f"{side}Toes")[2]


def about(axis: str, angle: np.ndarray) -> np.ndarray:
    vectors = np.zeros((*np.shape(angle), 3))
    vectors[..., "xyz".index(axis)] = angle
    return matrices_of_vectors(vectors)


def bvh_positions(path: Path) -> tuple[dict[str, np.ndarray], set[str], float]:
    """Positions (T, 3), m, of every joint of a BVH, the names of those with an end site, and frames/s."""
    words = path.read_text().split()
    joints: list[tuple[str, int, np.ndarray, list[str]]] = []
    open_joints, ends, i = [-1], set(), 1
    while words[i] != "MOTION":
        if words[i] in ("ROOT", "JOINT"):
            joints.append((words[i + 1], open_joints[-1], np.zeros(3), []))
            open_joints.append(len(joints) - 1)
            i += 3
        elif words[i] == "End":
            ends.add(joints[open_joints[-1]][0])
            assert words[i + 2 : i + 4] == ["{", "OFFSET"] and words[i + 7] == "}"
            i += 8
        elif words[i] == "OFFSET":
            joints[-1][2][:] = [float(word) for word in words[i + 1 : i + 4]]
            i += 4
        elif words[i] == "CHANNELS":
            count = int(words[i + 1])
            joints[-1][3].extend(words[i + 2 : i + 2 + count])
            i += 2 + count
        else:
            assert words[i] == "}"
            open_joints.pop()
            i += 1
    assert words[i + 1] == "Frames:" and words[i + 3 : i + 5] == ["Frame", "Time:"] and open_joints == [-1]
    frames = np.array(words[i + 6 :], float).reshape(int(words[i + 2]), -1)
    placed: list[tuple[np.ndarray, np.ndarray]] = []
    column = 0
    for _, parent, offset, channels in joints:
        turned, at = np.broadcast_to(np.eye(3), (len(frames), 3, 3)), np.tile(offset, (len(frames), 1))
        for channel in channels:
            if channel.endswith("position"):
                at[:, "XYZ".index(channel[0])] += frames[:, column]
            else:
                turned = turned @ about(channel[0].lower(), np.radians(frames[:, column]))
            column += 1
        if parent >= 0:
            above, place = placed[parent]
            at = place + np.einsum("trc,tc->tr", above, at)
            turned = above @ turned
        placed.append((turned, at))
    assert column == frames.shape[1]
    return {j[0]: p[1] / 100 for j, p in zip(joints, placed, strict=True)}, ends, 1 / float(words[i + 5])
