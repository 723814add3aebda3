"""A GLB says what the motion said, in a structure that any glTF reader takes."""

from pathlib import Path

import numpy as np
import pytest
from gltf_file import opened, values

from emotive.errors import InputError
from emotive.face.glb import write_glb
from emotive.face.head_mesh import head_mesh
from emotive.face.live_link import EYE_RANGE
from emotive.face.motion_files import save_motion
from emotive.signals import ARKIT, FaceMotion


def motion(frames: int = 90) -> FaceMotion:
    t = np.arange(frames) / 30
    weights = np.zeros((frames, 52))
    weights[:, ARKIT.index("jawOpen")] = 0.5 + 0.5 * np.sin(9 * t)
    turns = np.stack([0.1 * np.sin(t), 0.4 * np.sin(2 * t), 0.05 * np.cos(t)], axis=1)
    gaze = np.stack([0.3 * np.sin(3 * t), 0.2 * np.cos(2 * t)], axis=1)
    return FaceMotion(weights, turns, turns * 0.05, gaze, 30)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, bytes, FaceMotion]:
    moved = motion()
    path = write_glb(tmp_path_factory.mktemp("glb") / "a.glb", moved, '{"generated": true, "seed": 7}')
    return *opened(path), moved


def test_the_head_is_all_there(made: tuple[dict, bytes, FaceMotion]):
    gltf, data, _ = made
    head = head_mesh()
    face, eye = gltf["meshes"]
    assert face["extras"]["targetNames"] == [*ARKIT] and len(face["weights"]) == 52
    assert [m["name"] for m in gltf["materials"]] == ["Skin", "Hair", "Teeth", "Tongue", "Eye"]
    for part, primitive in zip(head.parts, face["primitives"], strict=True):
        assert part.shapes is not None and len(primitive["targets"]) == 52
        np.testing.assert_array_equal(values(gltf, data, primitive["attributes"]["POSITION"]), part.points)
        np.testing.assert_array_equal(
            values(gltf, data, primitive["indices"])[:, 0], part.triangles.reshape(-1)
        )
        for name, target in zip(ARKIT, primitive["targets"], strict=True):
            moves = values(gltf, data, target["POSITION"])
            np.testing.assert_allclose(moves, part.shapes[ARKIT.index(name)], atol=3e-6)
            values(gltf, data, target["NORMAL"])
    assert len(eye["primitives"]) == 1 and gltf["buffers"][0]["byteLength"] <= len(data)


def test_the_motion_is_all_there(made: tuple[dict, bytes, FaceMotion]):
    gltf, data, moved = made
    (animation,) = gltf["animations"]
    tracks = {}
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        times = values(gltf, data, sampler["input"])[:, 0]
        np.testing.assert_allclose(times, np.arange(90) / 30, atol=1e-6)
        name = gltf["nodes"][channel["target"]["node"]]["name"]
        tracks[name, channel["target"]["path"]] = values(gltf, data, sampler["output"])
    weights = tracks["Face", "weights"].reshape(90, 52)
    jaw = ARKIT.index("jawOpen")
    np.testing.assert_array_equal(weights[:, jaw], moved.weights[:, jaw])
    left = weights[:, ARKIT.index("eyeLookOutLeft")] - weights[:, ARKIT.index("eyeLookInLeft")]
    np.testing.assert_allclose(left * EYE_RANGE[0], moved.gaze[:, 0], atol=1e-6)
    np.testing.assert_array_equal(tracks["Head", "translation"], moved.translation)
    for track in (tracks["Head", "rotation"], tracks["LeftEye", "rotation"]):
        np.testing.assert_allclose(np.linalg.norm(track, axis=1), 1, atol=1e-6)
        assert ((track[1:] * track[:-1]).sum(1) > 0).all()
    turn = tracks["Head", "rotation"]
    angle = 2 * np.arccos(turn[:, 3].clip(-1, 1))
    axis = turn[:, :3] / np.linalg.norm(turn[:, :3], axis=1, keepdims=True)
    np.testing.assert_allclose(axis * angle[:, None], moved.rotation, atol=2e-3)
    x, y, z, w = tracks["LeftEye", "rotation"].T
    looks = np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], axis=1)  # of Z
    np.testing.assert_allclose(np.arctan2(looks[:, 0], looks[:, 2]), moved.gaze[:, 0], atol=1e-5)
    np.testing.assert_allclose(np.arcsin(looks[:, 1]), moved.gaze[:, 1], atol=1e-5)


def test_it_says_where_it_comes_from(made: tuple[dict, bytes, FaceMotion]):
    asset = made[0]["asset"]
    assert "Emotive" in asset["copyright"] and asset["version"] == "2.0"
    assert asset["extras"]["generated"] is True and asset["extras"]["emotive"]["seed"] == 7
    assert (asset["extras"]["fps"], asset["extras"]["frames"]) == ("30", 90)


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path):
    with pytest.raises(InputError, match=r"holds 1\.\."):
        save_motion(motion(0), tmp_path / "a.glb")
    with pytest.raises(InputError, match="does not exist"):
        save_motion(motion(2), tmp_path / "none" / "a.glb")
    assert not [*tmp_path.iterdir()]
    assert save_motion(motion(2), tmp_path / "a.glb").stat().st_size > 100_000
