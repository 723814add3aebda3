"""Controls to joints: what is asked for is shown, any numbers give a human body, and feet never slide."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotive.affect import Affect
from emotive.body.channels import ARM, CHANNEL, CHANNELS, HAND, of, tracks_of
from emotive.body.clearing import _RADII
from emotive.body.fingers import BALLS, balls_of
from emotive.body.limits import LIMITS, limit_of, movements, violations
from emotive.body.posing import Poser, pose
from emotive.body.skeleton import REST, SIGN, Build
from emotive.body.solids import depths, solids_of
from emotive.errors import InputError
from emotive.signals import JOINT, BodyMotion

HANGING = (0.245, -0.505, 0.045, 22, 4, 0, 0.25, 24, 24, 32, 38, 42, 2)
AHEAD = (0.20, -0.28, 0.30, 20, 0, 0, 0.3, 17, 12, 18, 23, 28, 5)
CLASPED = (0.02, -0.405, 0.225, 34, 24, 2, 0.3, 24, 24, 32, 38, 42, 2)
UP = (0.185, -0.015, 0.27, 74, -32, 0, 0.0, 12, 30, 32, 34, 36, 12)
OPEN = (0.40, -0.20, 0.27, -50, -20, -10, 0.12, 2, 6, 7, 9, 12, 7)
HEART = (0.05, -0.17, 0.155, 30, 16, 0, 0.55, 17, 12, 18, 23, 28, 5)
ON_HIP = (0.21, -0.35, 0.0, 3, -20, 10, 1.1, 20, 18, 22, 26, 30, 4)
POINTING = (0.19, -0.13, 0.40, 62, 6, 0, 0.35, 40, 4, 74, 80, 82, 0)
DOWN = ("leftUpperLeg", "leftLowerLeg", "leftFoot", "leftToes")
HANDS = (HANGING, AHEAD, CLASPED, UP, OPEN, HEART, ON_HIP, POINTING)
TALL = Build(height=1.06, arms=1.05, shoulders=1.08, legs=1.03, hands=0.97)


def row(left=HANGING, right=None, **controls: float) -> np.ndarray:
    tracks = np.zeros(len(CHANNELS))
    tracks[of("left")], tracks[of("right")] = left, left if right is None else right
    for side in SIGN:
        tracks[CHANNEL[f"{side}.foot.turn"]] = 10
    for name, value in controls.items():
        tracks[CHANNEL[name.replace("_", ".")]] = value
    return tracks


def talking(seed: int, seconds: float, fps: int = 30) -> np.ndarray:
    """Both hands wander among gestures, with the trunk and the head."""
    rng = np.random.default_rng(seed)
    pairs = rng.integers(len(HANDS), size=(int(seconds) + 2, 2))
    pairs[(pairs == HANDS.index(HEART)).all(1), 0] = HANDS.index(AHEAD)  # one place, one hand
    knots = np.stack([row(HANDS[left], HANDS[right]) for left, right in pairs])
    spreads = {"trunk.pitch": 4, "trunk.yaw": 5, "trunk.roll": 2, "head.yaw": 9, "lean": 1.5}
    for name, spread in spreads.items():
        knots[:, CHANNEL[name]] = rng.normal(0, spread, len(knots))
    smooth = np.repeat(knots, 15, 0)
    for _ in range(3):
        smooth[1:-1] = (smooth[:-2] + 2 * smooth[1:-1] + smooth[2:]) / 4
    return tracks_of(smooth, np.arange(round(seconds * fps)) / fps)


def wild(rng: np.random.Generator, frames: int) -> np.ndarray:
    scale = np.concatenate([np.tile([0.4, 0.4, 0.4, 90, 60, 40, 1.5, *[60] * 6], 2), np.full(24, 20.0)])
    return rng.normal(size=(frames, len(CHANNELS))) * scale


def hands_in_body(motion: BodyMotion) -> np.ndarray:
    """How deep the deepest ball of a hand is in the trunk, the head or a thigh, (T,), m."""
    turned, at = motion.placed()
    offsets = motion.offsets.astype(np.float64)
    balls = balls_of(motion.matrices(), offsets)
    found = []
    for i, side in enumerate(SIGN):
        hand = JOINT[f"{side}Hand"]
        points = at[:, hand, :, None] + turned[:, hand] @ balls[i]
        for solid in solids_of(offsets):
            radii = _RADII[: len(BALLS)]
            found.append(depths(points, radii, solid, turned[:, solid.joint], at[:, solid.joint]).max(-1))
    return np.max(found, 0)


def skate(motion: BodyMotion) -> float:
    """The fastest that an ankle or a toe joint of a foot on the floor goes, m/s."""
    at = motion.positions()
    fastest = 0.0
    for side in SIGN:
        ankle, toes = at[:, JOINT[f"{side}Foot"]], at[:, JOINT[f"{side}Toes"]]
        rests = np.cumsum(motion.offsets[[JOINT[n] for n in ("hips", *DOWN)], 1])[-2:]
        low = [np.abs(p[:, 1] - rest) < 1e-5 for p, rest in ((ankle, rests[0]), (toes, rests[1]))]
        down = low[0] & low[1]
        both = down[1:] & down[:-1]
        for p in (ankle, toes):
            speed = np.linalg.norm(np.diff(p[:, ::2], axis=0), axis=-1) * float(motion.fps)
            fastest = max(fastest, float(np.where(both, speed, 0).max(initial=0)))
    return fastest


@pytest.mark.parametrize("build", [None, TALL])
@pytest.mark.parametrize("name", ["left", "right"])
def test_wrists_are_where_they_are_asked_for(name, build):
    for hand in (AHEAD, OPEN, UP, POINTING):
        motion = pose(row(AHEAD if name == "right" else hand, hand)[None], 30, build=build)
        at = motion.positions()[0]
        turned = motion.placed()[0][0]
        rest = np.cumsum(motion.offsets[[JOINT[n] for n in ("leftShoulder", "leftUpperArm")]], 0)[-1]
        middle = at[JOINT["upperChest"]] + turned[JOINT["upperChest"]] @ (rest * (0, 1, 1))
        length = sum(np.linalg.norm(motion.offsets[JOINT[f"left{part}"]]) for part in ("LowerArm", "Hand"))
        wanted = middle + np.array([SIGN[name] * hand[0], hand[1], hand[2]]) * length / ARM
        assert np.linalg.norm(at[JOINT[f"{name}Hand"]] - wanted) < 0.002


def test_hands_turn_as_their_channels_say():
    """With the elbow down and the forearm ahead: thumb up at 0, palm down at 80, palm up at -80."""
    for side, sign in SIGN.items():
        for turn, axis, wanted in (
            (0, 2, (0, 1, 0)),
            (80, 1, (0, 1, 0)),  # the back of the hand
            (-80, 1, (0, -1, 0)),
        ):
            hand = np.array(AHEAD, float)
            hand[:7] = 0.172, -0.23, 0.26, turn, 0, 0, -0.2
            frame = pose(row(hand)[None], 30).placed()[0][0, JOINT[f"{side}Hand"]]
            assert frame[:, axis] @ wanted > 0.9
            assert frame[:, 0] @ (0, 0, sign) > 0.9  # fingers ahead
    measured = movements(pose(row((*AHEAD[:3], 31, 17, -12, *AHEAD[6:]))[None], 30))
    for side in SIGN:
        assert measured[f"{side}.forearm.pronation"][0] == pytest.approx(31, abs=0.01)
        assert measured[f"{side}.wrist.flexion"][0] == pytest.approx(17, abs=0.01)
        assert measured[f"{side}.wrist.deviation"][0] == pytest.approx(-12, abs=0.01)


def test_elbows_go_outward_with_their_channel():
    heights, outs = [], []
    for elbow in np.linspace(-0.2, 1.4, 9):
        at = pose(row((*AHEAD[:6], elbow, *AHEAD[7:]))[None], 30).positions()[0]
        heights.append(at[JOINT["leftLowerArm"], 1])
        outs.append(at[JOINT["leftLowerArm"], 0])
        mirrored = at[JOINT["rightLowerArm"]] * (-1, 1, 1)
        assert np.allclose(mirrored, at[JOINT["leftLowerArm"]], atol=1e-5)
    assert (np.diff(heights) > 0).all() and (np.diff(outs) > 0).all()


def test_trunk_and_face_turn_as_their_channels_say():
    def looking(**controls: float) -> tuple[np.ndarray, np.ndarray]:
        turned = pose(row(**controls)[None], 30).placed()[0][0]
        return turned[JOINT["upperChest"]], turned[JOINT["head"]]

    for yaw in (-30, 0, 20):
        chest, head = looking(trunk_yaw=yaw, trunk_pitch=9, lean=3, head_pitch=12, head_yaw=25, head_roll=-6)
        # The face is held against the world, whatever the trunk does.
        assert np.rad2deg(np.arctan2(head[0, 2], head[2, 2])) == pytest.approx(25, abs=0.05)
        assert np.rad2deg(-np.arcsin(head[1, 2])) == pytest.approx(12, abs=0.05)
        assert np.rad2deg(np.arctan2(chest[0, 2], chest[2, 2])) == pytest.approx(yaw, abs=2)
    # The spine makes up for hips that drop on one side.
    assert np.allclose(looking(hips_roll=5)[0], looking()[0], atol=1e-5)


def test_zeros_stand_as_the_skeleton_does():
    motion = pose(np.zeros((1, len(CHANNELS))), 30)
    legs = [JOINT[f"{side}{part}"] for side in SIGN for part in ("UpperLeg", "LowerLeg", "Foot", "Toes")]
    assert np.abs(motion.positions()[0, legs] - REST[legs]).max() < 0.025  # knees are not locked
    feet = [JOINT[f"{side}{part}"] for side in SIGN for part in ("Foot", "Toes")]
    assert np.abs(motion.positions()[0, feet] - REST[feet]).max() < 1e-5


def test_gestures_are_human():
    for seed, build in ((0, None), (1, TALL), (2, Build(0.92, arms=0.95, hips=1.1))):
        motion = pose(talking(seed, 40), 30, build=build)
        assert {
            name: beyond.max() for name, beyond in violations(motion).items() if beyond.max() > 0.01
        } == {}
        assert hands_in_body(motion).max() < 0.005
        assert skate(motion) < 1e-4


def test_hands_that_meet_touch_without_entering_each_other():
    motion = pose(row(CLASPED, (0.035, -0.425, 0.205, *CLASPED[3:]))[None], 30)
    turned, at = motion.placed()
    balls = balls_of(motion.matrices(), motion.offsets.astype(np.float64))
    both = [at[0, JOINT[f"{side}Hand"], :, None] + turned[0, JOINT[f"{side}Hand"]] @ balls[i, 0]
            for i, side in enumerate(SIGN)]  # fmt: skip
    apart = np.linalg.norm(both[0][:, :, None] - both[1][:, None], axis=0)
    radii = _RADII[: len(BALLS)]
    assert -0.012 < (apart - radii[:, None] - radii).min() < 0.008


def test_what_gives_way_does_so_smoothly():
    """At 120 frames a second hands that meet the body or each other change their pace little by little."""
    at = pose(talking(5, 40, 120), 120).positions()
    for side in SIGN:
        change = np.linalg.norm(np.diff(at[:, JOINT[f"{side}Hand"]], n=2, axis=0), axis=-1)
        assert np.quantile(change, 0.99) < 0.004 and np.quantile(change, 0.999) < 0.01


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-3, 1.0, 30.0, 1e30]),
    st.sampled_from([None, TALL, Build(0.85, 0.9, 1.1, 0.9, 0.9, 1.1, 1.1, 1.1)]),
)
def test_any_numbers_give_a_human_body(seed, scale, build):
    tracks = wild(np.random.default_rng(seed), 40) * scale
    motion = pose(tracks, 30, build=build)
    turned = motion.matrices()
    assert np.isfinite(turned).all() and np.isfinite(motion.root).all()
    assert np.allclose(turned @ np.swapaxes(turned, -1, -2), np.eye(3), atol=1e-5)
    assert np.allclose(np.linalg.det(turned), 1, atol=1e-5)
    assert skate(motion) < 1e-4
    for name, beyond in violations(motion).items():
        # Feet that are pulled apart bend the ankles of short legs a little more than most people do.
        assert beyond.max() <= (15 if name.split(".")[-2] in ("hip", "knee", "ankle") else 0.5), name


def test_wild_hands_stay_out_of_the_body():
    deep = hands_in_body(pose(wild(np.random.default_rng(11), 3000), 30))
    assert (deep > 0.01).mean() < 0.002


def test_feet_stay_while_they_are_wanted_nearby_and_step_when_they_are_not():
    frames = 150
    tracks = np.repeat(row()[None], frames, 0)
    wobble = 0.04 * np.sin(np.arange(frames) / 3)
    tracks[:, CHANNEL["left.foot.out"]] = wobble
    still = pose(tracks, 30).positions()[:, [JOINT["leftFoot"], JOINT["leftToes"]]]
    assert np.abs(still - still[0]).max() < 1e-6
    tracks[60:, CHANNEL["left.foot.out"]] = 0.12
    tracks[60:, CHANNEL["left.foot.turn"]] = 25
    motion = pose(tracks, 30)
    at = motion.positions()
    ankle = at[:, JOINT["leftFoot"]]
    assert ankle[-1, 0] == pytest.approx(REST[JOINT["leftFoot"], 0] + 0.12, abs=1e-4)
    assert np.rad2deg(np.arctan2(*motion.placed()[0][-1, JOINT["leftFoot"], ::2, 2])) == pytest.approx(
        25, abs=0.1
    )
    lifted = at[:, JOINT["leftToes"], 1] - REST[JOINT["leftToes"], 1]
    assert 0.02 < lifted.max() < 0.07 and lifted.min() > -1e-5
    air = np.flatnonzero(np.abs(np.diff(ankle, axis=0)).max(-1) > 1e-6)
    assert 0.3 < (air[-1] - air[0] + 1) / 30 < 0.6 and air[0] > 60
    right = at[:, JOINT["rightFoot"]]
    assert np.abs(right - right[0]).max() < 1e-6
    # The heel leaves first.
    heel = ankle[:, 1] - REST[JOINT["leftFoot"], 1]
    assert np.argmax(heel > 0.01) < np.argmax(lifted > 0.01)


def test_only_one_foot_is_in_the_air():
    tracks = np.repeat(row()[None], 120, 0)
    for side in SIGN:
        tracks[30:, CHANNEL[f"{side}.foot.ahead"]] = 0.1
    at = pose(tracks, 30).positions()
    up = [at[:, JOINT[f"{side}Toes"], 1] > REST[JOINT["leftToes"], 1] + 0.001 for side in SIGN]
    assert up[0].any() and up[1].any() and not (up[0] & up[1]).any()


def test_streams_are_posed_as_wholes():
    tracks = talking(3, 12)
    tracks[120:, CHANNEL["left.foot.ahead"]] = 0.1
    tracks[150:, CHANNEL["hips.side"]] = 0.04
    whole, poser = pose(tracks, 30), Poser(30)
    parts = [poser.take(part) for part in np.split(tracks, [1, 7, 121, 122, 200])]
    joined = BodyMotion.concatenate(parts)
    assert np.array_equal(joined.rotations, whole.rotations)
    assert np.array_equal(joined.root, whole.root)


def test_pose_tells_what_is_wrong():
    with pytest.raises(InputError, match="shape"):
        pose(np.zeros((3, 49)), 30)
    tracks = np.zeros((3, len(CHANNELS)))
    tracks[2, 7] = np.nan
    with pytest.raises(InputError, match="frame 2"):
        pose(tracks, 30)
    motion = pose(tracks[:0], 25, affect=Affect(0.3, 0.2), start=2.0)
    assert len(motion) == 0 and motion.start == 2.0 and motion.affect.at(0).valence == pytest.approx(0.3)


def test_every_movement_has_a_limit_and_a_source():
    measured = movements(pose(row()[None], 30))
    assert {limit_of(name) for name in measured} == set(LIMITS)
    assert all(limit.low < limit.high and limit.source for limit in LIMITS.values())
    # An elbow that bends the wrong way is told.
    motion = pose(row()[None], 30)
    rotations = motion.rotations.copy()
    angle = np.deg2rad(40)
    rotations[0, JOINT["leftLowerArm"]] = (np.cos(angle), 0, -np.sin(angle), 0, 1, 0)
    bent = replace(motion, rotations=rotations)
    assert violations(bent)["left.elbow.flexion"][0] == pytest.approx(35, abs=0.01)


def test_thumb_and_fingers_bend_towards_the_palm():
    straight = np.array((*AHEAD[:7], 0, 0, 0, 0, 0, 0), float)
    fist = np.array((*AHEAD[:7], 48, 82, 86, 88, 90, 0), float)
    for side in SIGN:
        tips = []
        for hand in (straight, fist):
            motion = pose(row(hand)[None], 30)
            turned, at = motion.placed()
            wrist = JOINT[f"{side}Hand"]
            local = (at[0] - at[0, wrist]) @ turned[0, wrist]
            tips.append([local[JOINT[f"{side}{f}Distal"]] for f in ("Thumb", "Index", "Little")])
        (thumb, index, little), bent = tips
        assert all(b[1] < a[1] - 0.01 for a, b in zip((index, little), bent[1:], strict=True))
        assert bent[0][2] < thumb[2] - 0.01 and abs(bent[1][0]) < abs(index[0]) - 0.03
    assert HAND[7:12] == ("thumb", "index", "middle", "ring", "little")
