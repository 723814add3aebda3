from fractions import Fraction

import numpy as np
import pytest

from emotive.affect import Affect, AffectCurve
from emotive.body.figure import figure
from emotive.body.pose_sheet import motion_strips, pose_sheet
from emotive.body.renderer import BodyRenderer
from emotive.body.skeleton import Build, offsets_of
from emotive.errors import InputError
from emotive.signals import ARKIT, JOINT, JOINTS, BodyMotion, FaceMotion
from emotive.signals.rotations import matrices_of_vectors, six_of

SIZE = 128


def moving(count: int = 4, lift: float = 0.0, affect=(0.0, 0.0), build: Build | None = None) -> BodyMotion:
    """Arms that hang, the left one rising by `lift` deg a frame."""
    turns = np.zeros((count, len(JOINTS), 3))
    turns[:, JOINT["rightUpperArm"], 2] = 70
    turns[:, JOINT["leftUpperArm"], 2] = -70 + lift * np.arange(count)
    offsets = offsets_of(build)
    root = np.tile(offsets[0], (count, 1))
    curve = AffectCurve.constant(Affect(*affect))
    return BodyMotion(six_of(matrices_of_vectors(np.radians(turns))), root, offsets, Fraction(30), curve)


@pytest.fixture(scope="module")
def renderer() -> BodyRenderer:
    return BodyRenderer("kofi", size=SIZE)


def drawn(renderer: BodyRenderer) -> np.ndarray:
    """Where the last frame shows the figure."""
    four = (renderer.shown >= 0).reshape(SIZE, 2, SIZE, 2)
    return np.asarray(four.any((1, 3)))


def test_the_figure_stands_whole_within_the_frame(renderer):
    for motion in (moving(), moving(lift=45.0), moving(build=Build(height=1.1))):
        for frame in renderer.frames(motion):
            assert frame.shape == (SIZE, SIZE, 3) and frame.dtype == np.uint8
            rows, columns = np.nonzero(drawn(renderer))
            assert 0.01 * SIZE < rows.min() < 0.2 * SIZE and 0.85 * SIZE < rows.max() < SIZE - 2
            assert 1 < columns.min() and columns.max() < SIZE - 2


def test_the_camera_stands_still_and_only_what_moves_changes(renderer):
    first, *_, last = renderer.frames(moving(4, lift=10.0))
    changed = np.abs(first.astype(int) - last).max(2) > 12
    assert changed.any()
    middle = SIZE // 2
    assert changed[:, middle + 4 :].sum() > 20 * max(1, changed[: middle + 20, : middle - 22].sum())


def test_the_same_motion_gives_the_same_frames(renderer):
    motion = moving(3, lift=5.0, affect=(0.6, 0.5))
    again = BodyRenderer("kofi", size=SIZE)
    for a, b in zip(renderer.frames(motion), again.frames(motion), strict=True):
        np.testing.assert_array_equal(a, b)


def test_faces_show_the_affect_of_the_motion():
    renderer = BodyRenderer("ines", size=256, framing="upper")
    glad, sad = (next(renderer.frames(moving(1, affect=(v, 0.3)))).astype(int) for v in (0.8, -0.8))
    changed = np.abs(glad - sad).max(2) > 10
    head = [k for k, part in enumerate(renderer.figure.ordered) if part.shapes is not None]
    face = np.isin(np.where(renderer.shown >= 0, renderer.part[renderer.shown], 255)[::2, ::2], head)
    assert changed[face].sum() > 60
    assert changed[~face].sum() < 0.05 * changed[face].sum()


def test_a_motion_of_the_face_rules_shapes_and_gaze_but_not_the_head():
    renderer = BodyRenderer("yuki", size=256, framing="upper")
    zero = np.zeros((2, 3), np.float32)

    def shown(jaw: float = 0.0, turn: float = 0.0, look: float = 0.0) -> np.ndarray:
        weights = np.zeros((2, len(ARKIT)), np.float32)
        weights[:, ARKIT.index("jawOpen")] = jaw
        face = FaceMotion(weights, zero + turn, zero, zero[:, :2] + look, Fraction(30))
        return next(renderer.frames(moving(2), face)).astype(int)

    plain = shown()
    np.testing.assert_array_equal(shown(turn=0.4), plain)
    mouth, eyes = (
        np.nonzero(np.abs(frame - plain).max(2) > 10)[0] for frame in (shown(jaw=0.8), shown(look=0.4))
    )
    assert mouth.mean() > eyes.mean() + 2  # below them
    nothing = FaceMotion(zero[:0, :1].repeat(52, 1), zero[:0], zero[:0], zero[:0, :2], Fraction(30))
    with pytest.raises(InputError, match="no frames"):
        next(renderer.frames(moving(2), nothing))


def test_a_motion_of_somebody_smaller_still_stands_on_the_floor():
    renderer = BodyRenderer("emil", size=SIZE)
    lows = []
    for build in (Build(), Build(height=0.86, legs=0.9)):
        next(renderer.frames(moving(1, build=build)))
        lows.append(np.nonzero(renderer.shown >= 0)[0].max())
    assert abs(lows[0] - lows[1]) <= 1


def test_the_floor_is_darker_where_the_shadow_falls(renderer):
    frame = next(renderer.frames(moving(1)))
    bright = renderer.backdrop8.astype(int) - frame
    shaded = (bright.min(2) > 8) & ~drawn(renderer)
    rows = np.nonzero(shaded)[0]
    assert shaded.sum() > 0.01 * SIZE**2 and rows.min() > 0.6 * SIZE


def test_bad_sizes_framings_and_names_are_refused():
    with pytest.raises(InputError, match="pixels"):
        BodyRenderer("mara", size=8)
    with pytest.raises(InputError, match="upper"):
        BodyRenderer("mara", framing="close")
    with pytest.raises(InputError, match="mara"):
        BodyRenderer("mera")
    assert figure("mara") is BodyRenderer("mara", size=96).figure


def test_sheets_hold_all_cells(renderer):
    frame = next(renderer.frames(moving(1)))
    sheet = pose_sheet([[frame] * 3] * 2, high=100)
    strips = motion_strips([("joyful", [frame] * 4), ("sad", [frame] * 4)], [0.0, 1.0, 2.0, 3.0], high=100)
    assert sheet.width > 3 * 78 and sheet.height > 200 and strips.width > 4 * 78 and strips.height > 200
    with pytest.raises(InputError, match="equal length"):
        pose_sheet([[frame], [frame, frame]])
    with pytest.raises(InputError, match="times"):
        motion_strips([("joyful", [frame])], [0.0, 1.0])
