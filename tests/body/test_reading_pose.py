"""Joints to controls: what was posed is read again, for bodies of any proportions."""

from dataclasses import replace

import numpy as np
import pytest

from emotive.body.channels import CHANNEL, CHANNELS, HAND, of, tracks_of
from emotive.body.posing import pose
from emotive.body.reading_pose import channels_of, faced
from emotive.body.skeleton import Build
from emotive.signals import JOINT, BodyMotion
from emotive.signals.rotations import matrices_of_vectors, six_of

OTHER = Build(height=0.95, legs=1.04, trunk=0.97, arms=1.06, shoulders=1.08, hips=0.95, hands=1.05)


def gestures(seed: int, seconds: float) -> np.ndarray:
    """Hands ahead of the body, never at the ends of what controls do; a step; the weight moves."""
    rng = np.random.default_rng(seed)
    knots = np.zeros((int(seconds * 15), len(CHANNELS)))
    held = len(knots) // 15 + 1

    def wander(middle, spread) -> np.ndarray:
        values = np.asarray(middle) + rng.uniform(-1, 1, (held, np.size(middle))) * spread
        return np.repeat(values, 15, 0)[: len(knots)]

    for side in ("left", "right"):
        knots[:, of(side)] = wander(
            (0.24, -0.2, 0.28, 0, 0, -3, 0.35, 20, 30, 32, 34, 36, 3),
            (0.1, 0.15, 0.08, 50, 25, 12, 0.3, 18, 22, 22, 22, 22, 4),
        )
        knots[:, CHANNEL[f"{side}.foot.turn"]] = 10
        knots[:, CHANNEL[f"{side}.raise"], None] = wander(2, 2)
    spreads = {"trunk.pitch": 8, "trunk.yaw": 12, "trunk.roll": 6, "lean": 3,
               "head.pitch": 12, "head.yaw": 25, "head.roll": 8,
               "gaze.yaw": 12, "gaze.pitch": 8, "hips.side": 0.04, "hips.ahead": 0.01,
               "hips.yaw": 6, "hips.roll": 3}  # fmt: skip
    for name, spread in spreads.items():
        knots[:, CHANNEL[name], None] = wander(0, spread)
    knots[:, CHANNEL["crouch"]] = 0.01
    knots[len(knots) // 2 :, CHANNEL["left.foot.out"]] = 0.08
    for _ in range(4):
        knots[1:-1] = (knots[:-2] + 2 * knots[1:-1] + knots[2:]) / 4
    return tracks_of(knots, np.arange(round(seconds * 30)) / 30)


@pytest.mark.parametrize("build", [None, OTHER])
def test_poses_come_back(build):
    motion = pose(gestures(4, 20), 30, build=build)
    again = pose(channels_of(motion), 30, build=build)
    (turned, at), (turned2, at2) = motion.placed(), again.placed()
    apart = np.linalg.norm(at - at2, axis=-1)
    names = [f"{side}{part}" for side in ("left", "right") for part in ("Hand", "LowerArm")]
    assert apart[:, [JOINT[name] for name in (*names, "head", "hips")]].max() < 0.008
    tips = [JOINT[f"{side}{f}Distal"] for side in ("left", "right") for f in ("Thumb", "Index", "Little")]
    assert apart[:, tips].max() < 0.012
    cosine = (np.einsum("tjab,tjab->tj", turned, turned2) - 1) / 2
    angle = np.rad2deg(np.arccos(cosine.clip(-1, 1)))
    assert angle[:, [JOINT[name] for name in (*names, "head", "upperChest", "leftIndexDistal")]].max() < 2.5


def test_controls_come_back():
    tracks = gestures(5, 20)
    found = channels_of(pose(tracks, 30))
    off = np.abs(found - tracks)
    for side in ("left", "right"):
        for i, name in enumerate(HAND):
            tolerance = 0.005 if i < 3 else 0.03 if name == "elbow" else 1.5
            assert np.quantile(off[:, of(side).start + i], 0.97) < tolerance, name
    for name in ("trunk.pitch", "trunk.yaw", "trunk.roll", "lean", "head.pitch", "head.yaw", "head.roll",
                 "gaze.yaw", "gaze.pitch", "hips.yaw", "hips.roll", "left.raise", "right.round"):  # fmt: skip
        assert off[:, CHANNEL[name]].max() < 0.3, name
    assert off[:, [CHANNEL["hips.side"], CHANNEL["hips.ahead"]]].max() < 0.002
    # A step is read as the wish that it begins with, give or take a few frames.
    wrong = off[:, CHANNEL["left.foot.out"]] > 0.02
    assert wrong.sum() <= 6
    assert np.array_equal(found.shape, tracks.shape) and found.dtype == np.float32


def test_controls_do_not_depend_on_proportions():
    tracks = gestures(6, 8)
    tracks[:, CHANNEL["left.foot.out"]] = 0
    one, other = channels_of(pose(tracks, 30)), channels_of(pose(tracks, 30, build=OTHER))
    hands = [of(side).start + i for side in ("left", "right") for i in range(len(HAND))]
    assert np.quantile(np.abs(one - other)[:, hands[:3]], 0.99) < 0.01
    assert np.quantile(np.abs(one - other)[:, hands[3:6]], 0.97) < 1.0


def test_where_a_person_stands_and_looks_does_not_matter():
    motion = pose(gestures(7, 8), 30)
    angle = np.deg2rad(130)
    about = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    rotations = motion.rotations.copy()
    rotations[:, 0] = six_of(about @ motion.matrices()[:, 0])
    moved = replace(motion, rotations=rotations, root=motion.root @ about.T + np.array([3.0, 0.0, -2.0]))
    one, other = channels_of(faced(motion)), channels_of(faced(moved))
    assert np.abs(one - other).max() < 0.05


def test_recorded_motion_of_another_skeleton_can_be_read():
    """Joints turned as no control does: numbers all the same, and hands near where they were."""
    rng = np.random.default_rng(0)
    motion = pose(gestures(8, 6), 30, build=OTHER)
    rotations = motion.matrices() @ matrices_of_vectors(rng.normal(0, 0.04, (55, 3)))
    odd = BodyMotion(six_of(rotations), motion.root, motion.offsets, motion.fps)
    tracks = channels_of(odd)
    assert np.isfinite(tracks).all()
    again = pose(tracks, 30, build=OTHER)
    hands = [JOINT["leftHand"], JOINT["rightHand"]]
    chest = JOINT["upperChest"]
    place, place2 = (m.positions()[:, hands] - m.positions()[:, chest, None] for m in (odd, again))
    assert np.linalg.norm(place - place2, axis=-1).mean() < 0.03


def test_no_frames_have_no_controls():
    motion = pose(np.zeros((0, len(CHANNELS))), 30)
    assert channels_of(motion).shape == (0, len(CHANNELS))
    assert len(faced(motion)) == 0
