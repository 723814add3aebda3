from collections.abc import Mapping

import numpy as np
import pytest

from emotive.body.actors import ACTORS, open_actor
from emotive.body.figure import figure, skinned
from emotive.body.figure_bind import bind_pose, mirrored
from emotive.body.skeleton import offsets_of
from emotive.errors import InputError
from emotive.signals import ARKIT, JOINT, JOINTS, PARENTS
from emotive.signals.body_motion import forward
from emotive.signals.rotations import matrices_of_vectors

PEOPLE = ("mara", "kofi", "bruno")
SHEETS = ("head", "brows", "beard", "teeth", "tongue", "left eye", "right eye")  # the talking head's own


def posed(made, turns: Mapping[str, tuple[float, float, float]], shapes=None):
    """Points of a figure in the T-pose with some joints turned, deg."""
    local = np.tile(np.eye(3), (len(JOINTS), 1, 1))
    for name, turn in turns.items():
        local[JOINT[name]] = matrices_of_vectors(np.radians(np.array(turn, float)))
    offsets = made.offsets.astype(float)
    return skinned(made, *forward(local, offsets[0], offsets), shapes)


def below(joint: str) -> list[int]:
    """A joint and all that hang on it."""
    found = [JOINT[joint]]
    for number, parent in enumerate(PARENTS):
        if parent in found:
            found.append(number)
    return found


@pytest.mark.parametrize("name", ACTORS)
def test_every_point_follows_joints_by_weights_that_sum_to_one(name):
    for part in figure(name).parts:
        assert part.weights.shape == part.joints.shape == (len(part.points), 4)
        np.testing.assert_allclose(part.weights.sum(1), 1, atol=1e-6)
        assert part.weights.min() >= 0 and part.joints.max() < len(JOINTS)
        np.testing.assert_allclose(np.linalg.norm(part.normals, axis=1), 1, atol=1e-4)
        assert part.triangles.max() < len(part.points)
        assert 0 <= part.occlusion.min() and part.occlusion.max() <= 1
        assert (part.colours >= 0).all() and (part.colours <= 1.6).all()


@pytest.mark.parametrize("name", ACTORS)
def test_clothes_hands_and_hair_are_closed_surfaces_turned_outward(name):
    for part in figure(name).parts:
        if part.name in SHEETS:
            continue
        edges = np.concatenate([part.triangles[:, [i, (i + 1) % 3]] for i in range(3)]).astype(np.int64)
        there = edges[:, 0] * 2**32 + edges[:, 1]
        back = edges[:, 1] * 2**32 + edges[:, 0]
        assert len(np.unique(there)) == len(there), part.name  # no edge is passed twice the same way
        assert np.array_equal(np.sort(there), np.sort(back)), part.name  # and each is passed back
        a, b, c = (part.points[part.triangles[:, k]].astype(float) for k in range(3))
        assert (a * np.cross(b, c)).sum() > 0, part.name


@pytest.mark.parametrize("name", PEOPLE)
def test_the_bind_pose_gives_the_modelled_points(name):
    made = figure(name)
    points, normals = skinned(made, *bind_pose(made.offsets))
    np.testing.assert_allclose(points, made.whole.points, atol=2e-6)
    np.testing.assert_allclose(normals, made.whole.normals, atol=1e-4)


def test_offsets_are_those_of_the_build():
    for actor in ACTORS.values():
        np.testing.assert_array_equal(figure(actor).offsets, offsets_of(actor.build))


@pytest.mark.parametrize("joint", [name for name in JOINTS if name not in ("hips", "jaw")])
def test_a_joint_moves_what_hangs_on_it_and_nothing_else(joint):
    made = figure("mara")
    still, _ = posed(made, {})
    moved, _ = posed(made, {joint: (0, 20, 20)})
    far = np.linalg.norm(moved - still, axis=1)
    own = np.isin(made.whole.joints, below(joint)) * made.whole.weights
    assert (own.sum(1) > 0.9).sum() > 10
    assert far[own.sum(1) == 0].max() < 1e-6
    assert far.max() > 0.002


@pytest.mark.parametrize("side", ["left", "right"])
def test_no_point_follows_the_other_side(side):
    sign = {"left": 1, "right": -1}[side]
    joints = [number for name, number in JOINT.items() if name.startswith(side)]
    for name in PEOPLE:
        for part in figure(name).parts:
            own = (np.isin(part.joints, joints) * part.weights).sum(1)
            across = part.points[:, 0] * sign < -0.06
            assert own[across].max(initial=0) < 0.01, part.name


def test_left_and_right_hands_mirror_each_other():
    for name in ("hands", "arms"):
        part = next(p for actor in ACTORS for p in figure(actor).parts if p.name == name)
        half = len(part.points) // 2
        np.testing.assert_allclose(mirrored(part.points[:half]), part.points[half:], atol=1e-4)


def test_a_fist_brings_finger_tips_into_the_palm():
    made = figure("mara")
    curl = {
        f"left{finger}{phalanx}": (0, 0, -angle)
        for finger in ("Index", "Middle", "Ring", "Little")
        for phalanx, angle in (("Proximal", 80), ("Intermediate", 90), ("Distal", 60))
    }
    open_, _ = posed(made, {})
    fist, _ = posed(made, curl)
    hand = np.isin(made.whole.joints[:, 0], below("leftHand")) & (made.whole.weights[:, 0] > 0.5)
    assert np.ptp(fist[hand, 0]) < 0.75 * np.ptp(open_[hand, 0])


def test_people_stand_on_the_floor_and_are_as_tall_as_their_build():
    heights = {}
    for name, actor in ACTORS.items():
        points, _ = posed(figure(actor), {})
        assert abs(points[:, 1].min()) < 0.004
        head = next(part for part in figure(actor).parts if part.name == "head")
        heights[name] = head.points[:, 1].max()
        assert 1.55 < heights[name] < 1.95
    assert heights["emil"] > heights["arjun"] > heights["yuki"]


def test_the_face_moves_with_its_shapes_and_the_body_does_not():
    made = figure("kofi")
    weights = np.zeros(len(ARKIT), np.float32)
    still, _ = posed(made, {})
    weights[ARKIT.index("jawOpen")] = 1
    moved, _ = posed(made, {}, weights)
    far = np.linalg.norm(moved - still, axis=1)
    head = sum(len(part.points) for part in made.parts if part.shapes is not None)
    assert 0.02 < far[:head].max() < 0.08
    assert far[head:].max() == 0


def test_actors_differ_and_are_found_by_name():
    assert len(ACTORS) >= 8 and {"mara", "kofi", "ines", "tomas", "yuki", "arjun"} <= set(ACTORS)
    assert open_actor(" Kofi ") is ACTORS["kofi"]
    habits = np.stack([actor.habits for actor in ACTORS.values()])
    assert habits.shape == (len(ACTORS), 16) and np.abs(habits).max() <= 2.5
    apart = np.linalg.norm(habits[:, None] - habits[None], axis=2) + 9 * np.eye(len(habits))
    assert apart.min() > 1.2
    assert len({actor.build for actor in ACTORS.values()}) == len(ACTORS)
    with pytest.raises(InputError, match="mara"):
        open_actor("marra")
    with pytest.raises(InputError):
        figure("nobody")
