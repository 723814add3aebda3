"""The motion of a body is checked when it is made, placed by its own bones, and kept exactly by files."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotive.affect import Affect, AffectCurve
from emotive.body.skeleton import REST, Build, offsets_of
from emotive.errors import InputError
from emotive.signals import JOINT, JOINTS, PARENTS, BodyMotion
from emotive.signals.rotations import (
    matrices_of,
    matrices_of_vectors,
    quaternions_of,
    six_of,
    vectors_of,
)

CURVE = AffectCurve([(0, Affect.parse("joy:0.7+fear:0.3")), (0.4, Affect(-0.2, 0.3, 0.1))])


def motion(frames: int = 12, seed: int = 0, **changes) -> BodyMotion:
    """Joints turned at random."""
    rng = np.random.default_rng(seed)
    turns = matrices_of_vectors(rng.normal(0, 0.4, (frames, 55, 3)))
    root = rng.normal(0, 0.1, (frames, 3)) + np.array([0, 1, 0])
    made = BodyMotion(six_of(turns), root, offsets_of(), Fraction(30000, 1001), CURVE, 2.5)
    return replace(made, **changes)


def assert_same(a: BodyMotion, b: BodyMotion) -> None:
    assert (a.fps, a.affect, a.start) == (b.fps, b.affect, b.start)
    for name in ("rotations", "root", "offsets"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_joints_are_a_tree_in_order():
    assert len(JOINTS) == len(set(JOINTS)) == 55 and PARENTS[0] == -1
    assert all(0 <= parent < joint for joint, parent in enumerate(PARENTS) if joint)
    assert JOINTS[JOINT["leftHand"]] == "leftHand" and PARENTS[JOINT["leftHand"]] == JOINT["leftLowerArm"]
    assert JOINTS[22:25] == ("jaw", "leftEye", "rightEye")  # as in SMPL-X


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_a_rotation_survives_every_form(vector: list[float]):
    turn = matrices_of_vectors(np.array(vector))
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(matrices_of(six_of(turn)), turn, atol=1e-12)
    np.testing.assert_allclose(matrices_of_vectors(vectors_of(turn)), turn, atol=1e-7)
    if np.linalg.norm(vector) < 3.1:
        np.testing.assert_allclose(vectors_of(turn), vector, atol=1e-6)
    assert abs(np.linalg.norm(quaternions_of(turn)) - 1) < 1e-12


def test_the_identity_is_the_t_pose_and_a_bent_elbow_moves_the_hand():
    still = motion(
        2, rotations=six_of(np.broadcast_to(np.eye(3), (2, 55, 3, 3))), root=np.tile(REST[0], (2, 1))
    )
    np.testing.assert_allclose(still.positions(), np.broadcast_to(REST, (2, 55, 3)), atol=1e-6)
    turns = np.tile(np.eye(3), (2, 55, 1, 1))
    turns[:, JOINT["leftLowerArm"]] = matrices_of_vectors(np.array([0, 0, np.pi / 2]))
    bent = replace(still, rotations=six_of(turns)).positions()[0]
    elbow, hand = bent[JOINT["leftLowerArm"]], bent[JOINT["leftHand"]]
    np.testing.assert_allclose(hand - elbow, [0, 0.25, 0], atol=1e-6)


@pytest.mark.parametrize(
    "build", [Build(), Build(1.1, 0.9, 1.1, 1.1, 1.15, 0.9, 1.1, 1.1), Build(height=0.86)]
)
def test_bodies_of_any_proportion_stand_on_the_floor(build: Build):
    offsets = offsets_of(build)
    still = BodyMotion(six_of(np.tile(np.eye(3), (1, 55, 1, 1))), offsets[None, 0], offsets, 30)  # type: ignore[arg-type]
    ankles = still.positions()[0, [JOINT["leftFoot"], JOINT["rightFoot"]], 1]
    np.testing.assert_allclose(ankles, 0.085 * build.height, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"rotations": np.zeros((12, 55, 6))}, "hips has no rotation in frame 0"),
        ({"rotations": np.zeros((12, 54, 6))}, r"rotations must have the shape \(T, 55, 6\)"),
        ({"rotations": "turn"}, "are numbers"),
        ({"root": np.zeros((11, 3))}, r"root must have the shape \(12, 3\)"),
        ({"root": np.full((12, 3), np.nan)}, "root of frame 0 are not finite"),
        ({"offsets": np.zeros((54, 3))}, r"offsets must have the shape \(55, 3\)"),
        ({"fps": 0}, r"1\.\.240 frames/s, not 0"),
        ({"start": -1.0}, "from 0 on"),
    ],
)
def test_what_cannot_be_is_one_line(changes: dict, why: str):
    with pytest.raises(InputError, match=why) as caught:
        motion(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_files_keep_everything_exactly(tmp_path: Path, suffix: str):
    made = motion()
    assert_same(BodyMotion.load(made.save(tmp_path / f"a{suffix}")), made)
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_an_npz_is_also_what_smplx_programs_read(tmp_path: Path):
    made = motion()
    with np.load(made.save(tmp_path / "a.npz"), allow_pickle=False) as file:
        assert file["poses"].shape == (12, 165) and file["trans"].shape == (12, 3)
        assert file["betas"].shape == (300,) and file["expressions"].shape == (12, 100)
        assert float(file["mocap_frame_rate"]) == pytest.approx(29.97, abs=0.01)
        turns = matrices_of_vectors(file["poses"].reshape(12, 55, 3))
    np.testing.assert_allclose(turns, made.matrices(), atol=1e-5)


def test_what_is_not_a_motion_is_one_line(tmp_path: Path):
    whole, text = (
        motion().save(tmp_path / "a.npz").read_bytes(),
        motion(2).save(tmp_path / "a.json").read_text(),
    )
    later, other = json.loads(text) | {"version": 2}, json.loads(text) | {"joints": ["hips"]}
    files = {
        "cut.npz": (whole[: len(whole) // 2], "damaged"),
        "empty.npz": (b"", "damaged"),
        "cut.json": (text[: len(text) // 2].encode(), "damaged"),
        "later.json": (json.dumps(later).encode(), "this is version 2 of the format; 1 is read here"),
        "other.json": (json.dumps(other).encode(), "joints are others"),
        "face.json": (b'{"format": "emotive-face-motion"}', 'must be "emotive-body-motion"'),
        "a.txt": (b"", ".npz or .json"),
    }
    for name, (data, why) in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=why) as caught:
            BodyMotion.load(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


def test_even_turns_stay_even_at_any_rate():
    angles = np.linspace(0, 2.0, 31)
    turns = np.tile(np.eye(3), (31, 55, 1, 1))
    turns[:, JOINT["head"]] = matrices_of_vectors(angles[:, None] * [0, 1, 0])
    made = motion(31, rotations=six_of(turns), fps=30)
    for fps in (12, 25, 60, 119.88):
        other = made.resampled(fps)
        assert abs(other.duration - made.duration) <= 0.5 / other.fps
        found = vectors_of(other.matrices()[:, JOINT["head"]])[:, 1]
        expected = np.minimum(np.arange(len(other)) / float(other.fps), 1) * 2
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert_same(made.resampled(30), made)


def test_parts_joined_are_the_whole():
    made = motion(30, fps=30)
    parts = [made.part(0, 7), made.part(7, 20), made.part(20, 30)]
    whole = BodyMotion.concatenate(parts)
    np.testing.assert_array_equal(whole.rotations, made.rotations)
    assert parts[1].start == pytest.approx(2.5 + 7 / 30)
    for i, part in ((0, parts[0]), (7, parts[1]), (20, parts[2])):
        assert part.affect.at(0).valence == pytest.approx(made.affect.at(i / 30).valence, abs=1e-9)
    with pytest.raises(InputError, match="different bodies"):
        BodyMotion.concatenate([made, replace(made, offsets=offsets_of(Build(arms=1.1)))])
    with pytest.raises(InputError, match="resampled"):
        BodyMotion.concatenate([made, replace(made, fps=60)])
