"""A drawn face under the renderer: it stays itself at rest, and each control moves what it should."""

from collections.abc import Sequence
from dataclasses import fields, replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from drawn_face import BACK, IRIS, drawn_face
from hypothesis import given, settings
from hypothesis import strategies as st

from emotive.errors import InputError
from emotive.face.landmarks import FaceLandmarks
from emotive.face.renderer import PortraitRenderer, squared
from emotive.signals import ARKIT, FaceMotion

STILL = np.zeros(3)
AHEAD = np.zeros(2)


def weights(**of: float) -> np.ndarray:
    values = np.zeros(len(ARKIT), np.float32)
    for name, value in of.items():
        values[ARKIT.index(name)] = value
    return values


@pytest.fixture(scope="module", params=[False, True], ids=["estimated", "layered"])
def renderer(request: pytest.FixtureRequest) -> PortraitRenderer:
    return PortraitRenderer(drawn_face(256, layers=request.param), 256)


def show(
    renderer: PortraitRenderer,
    rotation: Sequence[float] | np.ndarray = STILL,
    translation: Sequence[float] | np.ndarray = STILL,
    gaze: Sequence[float] | np.ndarray = AHEAD,
    **of: float,
) -> np.ndarray:
    turn, shift, look = (np.asarray(part) for part in (rotation, translation, gaze))
    return renderer.render(weights(**of), turn, shift, look).astype(int)


def opening(renderer: PortraitRenderer, **of: float) -> np.ndarray:
    """Between the inner edges of the lips, pixels."""
    lips = renderer.landmarks(weights(**of), STILL, STILL).lips
    return lips[2, :, 1] - lips[1, :, 1]


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.abs(before - after).max(2) > 6


def iris_pixels(frame: np.ndarray) -> int:
    return int((np.abs(frame - np.array(IRIS)).max(2) < 70).sum())


def test_at_rest_the_picture_is_itself(renderer: PortraitRenderer):
    image, frame = renderer.portrait.image.astype(int), show(renderer)
    outside = np.ones(image.shape[:2], bool)
    landmarks = renderer.portrait.landmarks
    for x, y, _ in np.concatenate([landmarks.eyes.reshape(-1, 3), landmarks.lips.reshape(-1, 3)]):
        outside[int(y) - 5 : int(y) + 6, int(x) - 5 : int(x) + 6] = False
    error = ((image - frame)[outside] ** 2).mean()
    assert 10 * np.log10(255**2 / max(error, 1e-9)) > 45
    assert np.abs(image - frame).mean() < 1.0  # the eyes are rebuilt, but alike


def test_nothing_outside_the_head_moves(renderer: PortraitRenderer):
    rest = show(renderer)
    moved = show(renderer, rotation=(0.1, 0.2, 0.2), translation=(0.01, 0.01, 0.02), jawOpen=0.8)
    near = renderer.portrait.landmarks.oval[:, :2]
    yy, xx = np.mgrid[:256, :256]
    (x, y), (wide, high) = near.mean(0), np.ptp(near, 0)
    away = np.hypot((xx - x) / wide, (yy - y) / high) > 0.85
    away &= (yy < near[18, 1]) | (np.abs(xx - x) > 0.62 * wide)  # not the neck
    assert away.mean() > 0.3
    assert (rest[away] == moved[away]).all()
    assert changed(rest, moved).sum() > 2000


def test_background_appears_where_the_head_was(renderer: PortraitRenderer):
    oval = renderer.portrait.landmarks.oval[:, :2]
    x, y = oval[:, 0].max() - 1.5, oval[9, 1]
    frame = show(renderer, rotation=(0, -0.2, 0), translation=(-0.012, 0, -0.03))
    assert np.abs(frame[round(y), round(x)] - np.array(BACK)).max() < 40


def test_lips_touch_when_the_mouth_is_closed_over_an_open_jaw(renderer: PortraitRenderer):
    for jaw in (0.1, 0.4, 0.8):
        assert np.abs(opening(renderer, jawOpen=jaw, mouthClose=jaw)).max() < 0.25
        chin = renderer.landmarks(weights(jawOpen=jaw, mouthClose=jaw), STILL, STILL).oval[18, 1]
        assert chin > renderer.portrait.landmarks.oval[18, 1] + 2 * jaw


def test_opening_grows_with_the_jaw(renderer: PortraitRenderer):
    steps = np.linspace(0, 1, 9)
    gaps = [opening(renderer, jawOpen=float(jaw)).max() for jaw in steps]
    assert (np.diff(gaps) > 0.3).all()
    rest = show(renderer)
    lips = renderer.portrait.landmarks.lips[..., :2].reshape(-1, 2)
    low, high = lips.min(0).astype(int) - 4, lips.max(0).astype(int) + 30
    part = np.s_[low[1] : high[1], low[0] : high[0]]
    dark = [(show(renderer, jawOpen=float(jaw))[part].sum(2) < 200).sum() for jaw in steps]
    assert (rest[part].sum(2) < 200).sum() == 0
    assert (np.diff(dark[2:]) > 0).all()


def test_the_opening_is_nothing_at_the_corners_and_round(renderer: PortraitRenderer):
    gap = opening(renderer, jawOpen=0.7)
    assert gap[[0, -1]] == pytest.approx(0, abs=0.05)
    assert (np.diff(gap[:6]) > 0).all() and (np.diff(gap[5:]) < 0).all()


def test_a_blink_hides_the_iris_and_half_a_blink_half(renderer: PortraitRenderer):
    seen = [iris_pixels(show(renderer, eyeBlinkLeft=b, eyeBlinkRight=b)) for b in (0.0, 0.5, 1.0)]
    assert seen[0] > 60
    assert 0.15 * seen[0] < seen[1] < 0.85 * seen[0]
    assert seen[2] == 0


def test_gaze_moves_the_irises_and_nothing_else(renderer: PortraitRenderer):
    rest, left = show(renderer), show(renderer, gaze=(0.3, 0.0))
    for eye, lids in zip((0, 1), renderer.portrait.landmarks.eyes, strict=True):
        x0, x1 = (int(v) for v in (lids[..., 0].min(), lids[..., 0].max()))
        y0, y1 = (int(v) for v in (lids[..., 1].min(), lids[..., 1].max() + 1))
        centres = []
        for frame in (rest, left):
            blue = np.abs(frame[y0:y1, x0:x1] - np.array(IRIS)).max(2) < 70
            centres.append(np.nonzero(blue)[1].mean())
        assert centres[1] > centres[0] + 1, eye
        rest[y0 - 3 : y1 + 3, x0 - 3 : x1 + 3] = left[y0 - 3 : y1 + 3, x0 - 3 : x1 + 3] = 0
    assert (rest == left).all()
    by_shapes = show(renderer, eyeLookOutLeft=0.687, eyeLookInRight=0.687)
    assert np.abs(by_shapes - show(renderer, gaze=(0.3, 0))).mean() < 0.02


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_one_sided_shapes_move_their_side(renderer: PortraitRenderer, side: str):
    rest = show(renderer)
    names = [name for name in ARKIT if name.endswith(side) and name not in (f"jaw{side}", f"mouth{side}")]
    seam = int(renderer.frame.origin[0])
    other = np.s_[:, : seam - 8] if side == "Left" else np.s_[:, seam + 8 :]
    own = np.s_[:, seam:] if side == "Left" else np.s_[:, :seam]
    for name in names:
        after = renderer.render(weights(**{name: 1.0}), STILL, STILL, AHEAD).astype(int)
        assert (rest[other] == after[other]).all(), name
        assert changed(rest[own], after[own]).sum() > 8, name


@pytest.mark.parametrize("name", ["jawLeft", "mouthLeft"])
def test_sideways_goes_to_the_persons_side(renderer: PortraitRenderer, name: str):
    rest, moved = (renderer.landmarks(weights(**of), STILL, STILL) for of in ({}, {name: 1.0}))
    assert moved.lips[3, 5, 0] > rest.lips[3, 5, 0] + 2
    mirrored = renderer.landmarks(weights(**{name.replace("Left", "Right"): 1.0}), STILL, STILL)
    assert mirrored.lips[3, 5, 0] < rest.lips[3, 5, 0] - 2


def test_rounding_narrows_the_mouth_and_smiling_widens_and_lifts_it(renderer: PortraitRenderer):
    def mouth(**of: float) -> tuple[float, float]:
        lips = renderer.landmarks(weights(**of), STILL, STILL).lips
        return float(lips[0, -1, 0] - lips[0, 0, 0]), float(lips[0, [0, -1], 1].mean() - lips[1, 5, 1])

    width, lift = mouth()
    assert mouth(mouthPucker=1.0)[0] < 0.7 * width
    assert mouth(mouthFunnel=1.0)[0] < 0.85 * width
    smile = mouth(mouthSmileLeft=1.0, mouthSmileRight=1.0)
    assert smile[0] > 1.2 * width and smile[1] < lift - 3
    assert mouth(mouthFrownLeft=1.0, mouthFrownRight=1.0)[1] > lift + 2


def test_lips_never_cross_whatever_is_mixed(renderer: PortraitRenderer):
    generator = np.random.default_rng(0)
    for _ in range(60):
        w = (generator.random(len(ARKIT)) * (generator.random(len(ARKIT)) < 0.4)).astype(np.float32)
        lips = renderer.landmarks(w, STILL, STILL).lips
        gap = lips[2, :, 1] - lips[1, :, 1]
        assert gap.min() > -0.05
        assert gap.max() < 0.45 * renderer.frame.unit


def test_the_head_turns_the_way_its_vector_says(renderer: PortraitRenderer):
    rest = renderer.landmarks(weights(), STILL, STILL)

    def turned(*rotation: float) -> FaceLandmarks:
        return renderer.landmarks(weights(), np.array(rotation), STILL)

    down, left, tilted = turned(0.12, 0, 0), turned(0, 0.15, 0), turned(0, 0, 0.2)
    middle = rest.oval[0, 0]
    assert down.nose[3, 1] > rest.nose[3, 1] + 1
    # Turned left, the tip of the nose goes to larger x, farther than the eyes.
    assert left.nose[3, 0] - rest.nose[3, 0] > (left.eyes - rest.eyes)[..., 0].mean() > 0.5
    assert tilted.oval[0, 0] < middle - 3  # towards the right shoulder, which is at smaller x
    width = [np.ptp(shape.oval[:, 0]) for shape in (rest, left)]
    assert width[1] == pytest.approx(width[0], rel=0.03)


def test_beyond_the_safe_range_there_is_a_smooth_stop(renderer: PortraitRenderer):
    turns = [np.array([0, yaw, 0]) for yaw in np.linspace(0, 3, 40)]
    tips = [renderer.landmarks(weights(), turn, STILL).nose[3, 0] for turn in turns]
    assert (np.diff(tips) >= -1e-3).all()
    assert tips[-1] - tips[20] < 0.6
    oval = renderer.landmarks(weights(), np.array([9.0, 9.0, 9.0]), np.array([5.0, 5.0, 5.0])).oval
    assert ((oval[:, :2] > -30) & (oval[:, :2] < 286)).all()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=len(ARKIT), max_size=len(ARKIT)),
    st.lists(st.floats(-4, 4), min_size=8, max_size=8),
)
def test_any_motion_gives_a_frame(numbers: list[float], pose: list[float]):
    frame = SMALL.render(np.array(numbers), np.array(pose[:3]), np.array(pose[3:6]), np.array(pose[6:]))
    assert frame.shape == (96, 96, 3) and frame.dtype == np.uint8
    landmarks = SMALL.landmarks(np.array(numbers), np.array(pose[:3]), np.array(pose[3:6]))
    assert all(np.isfinite(getattr(landmarks, part.name)).all() for part in fields(landmarks))
    # The upper corners belong to the background, wherever the head is.
    assert np.abs(frame[0, [0, -1]].astype(int) - np.array(BACK)).max() < 8


SMALL = PortraitRenderer(drawn_face(256), 96)


@pytest.mark.parametrize("size", [64, 100, 333, 512])
def test_any_size_shows_the_same(size: int):
    renderer = PortraitRenderer(drawn_face(256, layers=True), size)
    frame = renderer.render(weights(jawOpen=0.5, eyeBlinkLeft=1.0), STILL, STILL, AHEAD)
    assert frame.shape == (size, size, 3)
    usual = PortraitRenderer(drawn_face(256, layers=True), 256).render(
        weights(jawOpen=0.5, eyeBlinkLeft=1.0), STILL, STILL, AHEAD
    )
    small, other = (cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA) for picture in (frame, usual))
    assert np.abs(small.astype(int) - other).mean() < 4


def test_a_tilted_face_works_in_its_own_frame():
    upright, tilted = (PortraitRenderer(drawn_face(256, tilt=tilt), 256) for tilt in (0.0, 12.0))
    gaps = []
    for renderer in (upright, tilted):
        lips = renderer.landmarks(weights(jawOpen=0.6), STILL, STILL).lips
        gaps.append(np.linalg.norm(lips[2, 5, :2] - lips[1, 5, :2]))
    assert gaps[0] == pytest.approx(gaps[1], rel=0.05)
    frame = tilted.render(weights(eyeBlinkLeft=1, eyeBlinkRight=1), STILL, STILL, AHEAD)
    assert iris_pixels(frame.astype(int)) == 0


def test_what_is_given_to_render_is_not_kept_and_frames_are_new(renderer: PortraitRenderer):
    w = weights(jawOpen=0.5)
    first = renderer.render(w, STILL, STILL, AHEAD)
    second = renderer.render(w, STILL, STILL, AHEAD)
    assert first is not second and (first == second).all()
    first[:] = 0
    assert (renderer.render(w, STILL, STILL, AHEAD) == second).all()
    assert (w == weights(jawOpen=0.5)).all()


def test_frames_of_a_motion_are_its_renders(renderer: PortraitRenderer):
    w = np.stack([weights(), weights(jawOpen=0.6)])
    motion = FaceMotion(w, np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 2)), Fraction(30))
    frames = list(renderer.frames(motion))
    assert len(frames) == 2
    assert (frames[1] == renderer.render(w[1], STILL, STILL, AHEAD)).all()


def test_a_wide_picture_is_cut_to_the_face():
    face = drawn_face(256)
    wide = np.pad(face.image, ((0, 0), (150, 30), (0, 0)), mode="edge")
    moved = FaceLandmarks(
        *(
            getattr(face.landmarks, part.name) + np.array([150, 0, 0], np.float32)
            for part in fields(FaceLandmarks)
        )
    )
    cut = squared(type(face)(wide, moved))
    assert cut.image.shape == (256, 256, 3)
    x, y = cut.landmarks.irises[0, :2]
    assert np.abs(cut.image[round(float(y)), round(float(x))].astype(int) - np.array(IRIS)).max() < 30


def test_a_smile_that_the_portrait_wears_is_taken_off():
    plain = drawn_face(256)
    lips = plain.landmarks.lips.copy()
    middle = lips[1, 5].copy()
    t = (lips[..., 0] - middle[0]) / np.ptp(lips[0, :, 0]) * 2
    lips[..., 0] = middle[0] + (lips[..., 0] - middle[0]) * 1.3
    lips[..., 1] -= 7 * t**2
    smiling = PortraitRenderer(replace(plain, landmarks=replace(plain.landmarks, lips=lips)), 256)
    assert PortraitRenderer(plain, 256).worn == {}
    assert smiling.worn["mouthSmileLeft"] > 0.4
    rest = smiling.landmarks(weights(), STILL, STILL).lips
    assert rest[0, [0, -1], 1].mean() > lips[0, [0, -1], 1].mean() + 3
    assert np.ptp(rest[0, :, 0]) < np.ptp(lips[0, :, 0]) - 6


@pytest.mark.parametrize("size", [0, 63, 2049, 3.5, None])
def test_a_size_out_of_range_is_an_error(size: object):
    with pytest.raises(InputError, match="size"):
        PortraitRenderer(drawn_face(128), size)  # type: ignore[arg-type]


def test_a_tiny_face_is_an_error():
    with pytest.raises(InputError, match="too small"):
        PortraitRenderer(drawn_face(40), 64)
