"""What is measured of a body: planted values, and that place, heading, size and rate do not matter."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotive.body.channels import ARM
from emotive.body.skeleton import Build, offsets_of
from emotive.errors import InputError
from emotive.perceive.body_features import (
    FEATURES,
    MASSES,
    RATE,
    body_features,
    body_tracks,
    features_of,
    quantity_of_motion,
    window_starts,
)
from emotive.perceive.body_strokes import (
    MOVING,
    PEAK,
    RESTED,
    RESTING,
    directness,
    movement_ends,
    movements,
    smoothness,
    stroke_ends,
    together,
)
from emotive.signals import JOINT, JOINTS, BodyMotion
from emotive.signals.rotations import matrices_of_vectors, six_of

HANGING = 75.0  # deg that both arms hang below a T-pose
FIVE = 5.3  # -ln of the dimensionless jerk of the smoothest reach


def body(
    turns: dict[str, np.ndarray] | None = None,
    frames: int = 120,
    fps: float = 30,
    build: Build | None = None,
    hang: float = HANGING,
) -> BodyMotion:
    """Stands with hanging arms; `turns`: joint -> rotation vectors (T, 3), deg, in its parent's axes."""
    vectors = np.zeros((frames, len(JOINTS), 3))
    vectors[:, JOINT["leftUpperArm"], 2] = -hang
    vectors[:, JOINT["rightUpperArm"], 2] = hang
    for name, of in (turns or {}).items():
        vectors[:, JOINT[name]] += of
    offsets = offsets_of(build)
    root = np.tile(offsets[0], (frames, 1))
    return BodyMotion(six_of(matrices_of_vectors(np.radians(vectors))), root, offsets, Fraction(fps))


def swing(degrees: float, hertz: float, frames: int = 120, fps: float = 30, axis: int = 0) -> np.ndarray:
    turns = np.zeros((frames, 3))
    turns[:, axis] = degrees * np.sin(2 * np.pi * hertz * np.arange(frames) / fps)
    return turns


def of(motion: BodyMotion, name: str) -> float:
    return float(body_features(motion)[FEATURES.index(name)])


def lively(frames: int = 150, fps: float = 30, build: Build | None = None) -> BodyMotion:
    return body(
        {
            "leftUpperArm": swing(25, 0.7, frames, fps) + swing(15, 0.4, frames, fps, 2),
            "rightLowerArm": swing(50, 1.1, frames, fps, 1),
            "head": swing(8, 0.9, frames, fps) + 5,
            "spine": swing(4, 0.3, frames, fps) + 3,
        },
        frames, fps, build,
    )  # fmt: skip


@settings(max_examples=12)
@given(
    turn=st.floats(-np.pi, np.pi),
    place=st.tuples(*[st.floats(-5, 5)] * 3),
    height=st.floats(0.6, 1.6),
)
def test_place_heading_and_size_do_not_matter(turn, place, height):
    motion, taller = lively(), lively(build=Build(height=height))
    matrices = taller.matrices()
    around = matrices_of_vectors(np.array([0.0, turn, 0.0]))
    matrices[:, 0] = around @ matrices[:, 0]
    moved = replace(taller, rotations=six_of(matrices), root=taller.root @ around.T + np.array(place))
    np.testing.assert_allclose(body_features(moved), body_features(motion), atol=2e-3)


def test_the_rate_of_a_recording_hardly_matters():
    one, other = body_features(lively(150, 30)), body_features(lively(600, 120))
    assert np.abs(one - other).max() < 0.15
    assert np.abs(one - other).mean() < 0.02


def test_a_swinging_arm_has_the_speed_of_its_wrist():
    # From a T-pose around the upright: the wrist goes around the shoulder, an arm's length away.
    motion = body({"leftUpperArm": swing(20, 0.5, axis=1)}, hang=0.0)
    tracks = body_tracks(motion)
    fastest = np.radians(20) * 2 * np.pi * 0.5 * ARM
    assert tracks.wrist_speed[:, 0].max() == pytest.approx(fastest, rel=0.03)
    assert tracks.wrist_speed[:, 1].max() < 1e-6
    assert of(motion, "peak speed") == pytest.approx(np.log(fastest), abs=0.05)
    assert of(motion, "both hands") == 0 < of(motion, "holds") < 0.2


def test_quantity_of_motion_is_the_speed_of_a_body_that_drifts():
    still = body()
    assert quantity_of_motion(still) == pytest.approx(0, abs=1e-9)
    drift = np.arange(len(still))[:, None] / 30 * np.array([0.3, 0.0, 0.4])
    drifting = replace(still, root=still.root + drift)
    assert quantity_of_motion(drifting) == pytest.approx(0.5, rel=1e-3)
    assert sum(MASSES.values()) == pytest.approx(1.0, abs=0.01)
    half = body({"leftUpperArm": swing(20, 0.5)}), body({"leftUpperArm": swing(40, 0.5)})
    slow, fast = (quantity_of_motion(m) for m in half)
    assert fast == pytest.approx(2 * slow, rel=0.1)


def test_postures_are_told_in_degrees():
    straight = body()
    assert of(straight, "elbows out") == pytest.approx(90 - HANGING, abs=0.1)
    assert of(straight, "elbows bent") == pytest.approx(0, abs=0.1)
    for name, joint, turn in (("head down", "head", 15), ("slump", "chest", 12)):
        bent = body({joint: np.tile([turn, 0, 0], (120, 1))})
        assert of(bent, name) - of(straight, name) == pytest.approx(turn, abs=1.5), name
    lean = body({"hips": np.tile([8.0, 0, 0], (120, 1))})
    assert of(lean, "lean") == pytest.approx(8, abs=0.1) and of(straight, "lean") == pytest.approx(
        0, abs=1e-6
    )
    elbows = body(
        {"leftLowerArm": np.tile([0, -70, 0], (120, 1)), "rightLowerArm": np.tile([0, 70, 0], (120, 1))}
    )
    assert of(elbows, "elbows bent") == pytest.approx(70, abs=0.1)
    assert of(elbows, "asymmetry") == pytest.approx(0, abs=1e-6)
    assert of(elbows, "hands ahead") > of(straight, "hands ahead") + 0.15
    aside = body({"head": np.tile([0, 25.0, 0], (120, 1))})
    assert of(aside, "head aside") == pytest.approx(25, abs=0.5)


def test_arms_that_rise_and_open_are_higher_wider_and_less_contracted():
    found = [body(hang=hang) for hang in (80, 50, 20)]
    for name in ("hands up", "highest hand", "openness", "hands apart", "elbows out"):
        values = [of(motion, name) for motion in found]
        assert values == sorted(values) and values[2] > values[0] + 0.05, name
    palms = body(
        {"leftHand": np.tile([180.0, 0, 0], (120, 1)), "rightHand": np.tile([180.0, 0, 0], (120, 1))}, hang=0
    )
    assert of(palms, "palms up") == pytest.approx(1, abs=0.01)
    assert of(body(hang=0), "palms up") == pytest.approx(-1, abs=0.01)
    curl = {
        f"left{f}Proximal": np.tile([0, 0, -80.0], (120, 1)) for f in ("Index", "Middle", "Ring", "Little")
    }
    assert of(body(curl), "fingers open") < 0.97 * of(body(), "fingers open")
    assert of(body(), "fingers open") == pytest.approx(1, abs=1e-6)


def test_shoulders_and_feet_are_against_rest():
    straight = body()
    for name in ("shoulders up", "shoulders ahead", "knees bent"):
        assert of(straight, name) == pytest.approx(0, abs=1e-6), name
    up = body(
        {"leftShoulder": np.tile([0, 0, 12.0], (120, 1)), "rightShoulder": np.tile([0, 0, -12.0], (120, 1))}
    )
    assert of(up, "shoulders up") == pytest.approx(0.147 * np.sin(np.radians(12)), abs=0.005)
    assert of(straight, "feet apart") == pytest.approx(0.188, abs=0.005)


def test_a_minimum_jerk_reach_is_the_smoothest_and_straight():
    u = np.linspace(0, 1, 600)
    way = (10 * u**3 - 15 * u**4 + 6 * u**5)[:, None] * np.array([[0.1, 0.25, 0.3]])
    assert smoothness(way, 600) == pytest.approx(-np.log(204.8), abs=0.15)
    assert directness(way) == pytest.approx(1, abs=1e-6)
    shaky = way + 0.002 * np.sin(80 * u)[:, None]
    assert smoothness(shaky, 600) < smoothness(way, 600) - 2
    half = np.stack([np.cos(np.pi * u), np.sin(np.pi * u), 0 * u], 1)
    assert directness(half) == pytest.approx(2 / np.pi, rel=1e-3)


def test_strokes_end_where_a_fast_hand_has_come_to_rest():
    # Bells of speed: one too slow, two of which the first does not come to rest, one that never ends.
    time = np.arange(300) / 100

    def bell(at: float, high: float, wide: float = 0.1) -> np.ndarray:
        return high * np.exp(-(((time - at) / wide) ** 2))

    speed = bell(0.4, 0.9 * PEAK) + bell(1.0, 0.8) + bell(2.0, 0.5) + bell(3.0, 0.8)
    ends = [end / 100 for end, _ in movement_ends(speed)]
    after = 0.1 * np.sqrt(-np.log(RESTED))  # where a bell has fallen to that share
    assert ends == pytest.approx([1.0 + after, 2.0 + after], abs=0.011)
    assert [peak for _, peak in movement_ends(speed)] == pytest.approx([0.8, 0.5], abs=0.01)
    assert movement_ends(np.zeros(10)) == []


def test_preparations_rebounds_and_retractions_are_no_strokes():
    time = np.arange(400) / 100

    def bell(at: float, high: float) -> np.ndarray:
        return high * np.exp(-(((time - at) / 0.08) ** 2))

    # Up, the stroke, its rebound, a beat, and back to rest.
    speed = bell(0.8, 0.6) + bell(1.1, 0.9) + bell(1.36, 0.4) + bell(2.0, 0.3) + bell(3.0, 0.7)
    high = np.where(time < 3, RESTING + 0.2, RESTING - 0.1)
    assert len(movement_ends(speed)) == 5
    assert stroke_ends(speed, high, 100) == pytest.approx([1.18, 2.08], abs=0.02)
    assert stroke_ends(speed, high - 0.3, 100).size == 0


def test_hands_that_end_together_strike_once():
    assert together(np.array([1.0, 2.0]), np.array([1.05, 2.5])).tolist() == [1.0, 2.0, 2.5]
    assert together().size == 0


def test_movements_lie_between_holds():
    time = np.arange(120) / 30
    still = np.zeros((120, 3))
    still[:, 0] = 0.2 * np.clip((time - 1) / 1, 0, 1)  # 0.2 m/s from 1 to 2 s
    found = movements(still, 30)
    assert len(found) == 1 and found[0].middle / 30 == pytest.approx(1.5, abs=0.05)
    assert movements(still * (0.5 * MOVING / 0.2), 30) == []


def test_windows_cover_a_motion_and_measure_their_own_part():
    assert window_starts(60, 4, 1) == [(0, 60)]
    found = window_starts(10 * RATE, 4, 1)
    assert found[0] == (0, 120) and found[-1] == (180, 300)
    assert {b - a for a, b in found} == {120} and np.diff([a for a, _ in found]).max() == RATE
    frames = 240
    half = swing(40, 1.0, frames, axis=1)
    half[:120] = 0
    tracks = body_tracks(body({"leftUpperArm": half}, frames, hang=0))
    calm, busy = features_of(tracks, 0, 115), features_of(tracks, 125, 240)
    at = FEATURES.index
    assert calm[at("holds")] == 1 and calm[at("strokes")] == 0
    assert busy[at("holds")] < 0.3 and busy[at("strokes")] > 0.5
    assert busy[at("motion")] > calm[at("motion")] + 1


def test_too_short_a_motion_is_refused():
    with pytest.raises(InputError, match=r"seen for 0\.5 s at least"):
        body_features(body(frames=10))
    assert np.isfinite(body_features(body(frames=15))).all()
    bare = body()
    offsets = bare.offsets.copy()
    offsets[[JOINT[f"{s}{part}"] for s in ("left", "right") for part in ("LowerArm", "Hand")]] = 0
    with pytest.raises(InputError, match="has no arms"):
        body_features(replace(bare, offsets=offsets))
