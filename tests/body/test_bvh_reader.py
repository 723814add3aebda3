"""BVH files of anybody are read as their writers mean them, and broken ones are refused by line."""

from fractions import Fraction
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from emotive.body.bvh_reader import read_bvh
from emotive.errors import InputError

SMALL = """HIERARCHY
ROOT Hips
{
\tOFFSET 1.0 2.0 3.0
\tCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
\tJOINT Bip001 L Arm
\t{
\t\tOFFSET 0.0 10.0 0.0
\t\tCHANNELS 3 Yrotation Xrotation Zrotation
\t\tEnd Site
\t\t{
\t\t\tOFFSET 5.0 0.0 0.0
\t\t}
\t}
}
MOTION
Frames: 2
Frame Time: 0.0333333
1 2 3 0 0 0 0 0 0
4 5 6 90 0 0 10 20 30
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "motion.bvh"
    path.write_text(text)
    return path


def test_joints_stand_where_the_channels_put_them(tmp_path: Path):
    bvh = read_bvh(written(tmp_path, SMALL))
    assert bvh.names == ("Hips", "Bip001 L Arm", "Bip001 L Arm.end") and bvh.parents == (-1, 0, 1)
    assert bvh.fps == 30 and len(bvh) == 2
    np.testing.assert_allclose(bvh.rest(), [[1, 2, 3], [1, 12, 3], [6, 12, 3]])
    turned, placed = bvh.placed()
    np.testing.assert_allclose(placed[0], bvh.rest())
    # Z by 90 takes up to -X; the arm then turns by Y, X and Z in that order.
    np.testing.assert_allclose(placed[1, 1], [4 - 10, 5, 6], atol=1e-12)
    expected = Rotation.from_euler("Z", 90, degrees=True) * Rotation.from_euler("YXZ", [10, 20, 30], True)
    np.testing.assert_allclose(turned[1, 1], expected.as_matrix(), atol=1e-7)
    np.testing.assert_allclose(placed[1, 2] - placed[1, 1], expected.apply([5, 0, 0]), atol=1e-6)


@pytest.mark.parametrize("order", ["".join(p) for p in permutations("XYZ")])
def test_any_order_of_angles(tmp_path: Path, order: str):
    text = SMALL.replace("Yrotation Xrotation Zrotation", " ".join(f"{axis}rotation" for axis in order))
    turned, _ = read_bvh(written(tmp_path, text)).placed()
    expected = Rotation.from_euler(order, [10, 20, 30], degrees=True).as_matrix()
    np.testing.assert_allclose(turned[1, 0].T @ turned[1, 1], expected, atol=1e-7)


def test_positions_of_any_joint_replace_its_offset(tmp_path: Path):
    text = SMALL.replace(
        "CHANNELS 3 Yrotation Xrotation Zrotation", "CHANNELS 4 Yrotation Xrotation Zrotation Yposition"
    )
    text = text.replace("3 0 0 0 0 0 0", "3 0 0 0 0 0 0 7").replace("10 20 30", "10 20 30 10")
    placed = read_bvh(written(tmp_path, text)).placed()[1]
    np.testing.assert_allclose(placed[0, 1], [1, 9, 3])


@pytest.mark.parametrize(
    ("time", "fps"),
    [
        ("0.0333333", 30), ("0.0333", 30), ("0.033333", 30), ("0.033367", Fraction(30000, 1001)),
        ("0.008333", 120), ("0.00833333", 120), ("0.016667", 60), ("0.04", 25), ("0.0416667", 24),
        ("0.1", 10), ("8.333333e-03", 120), ("0.0166833", Fraction(60000, 1001)), ("1", 1),
        ("0.00416667", 240),
    ],
)  # fmt: skip
def test_rounded_frame_times_mean_the_rate_that_they_were_rounded_from(tmp_path: Path, time: str, fps):
    assert read_bvh(written(tmp_path, SMALL.replace("0.0333333", time))).fps == fps


def test_what_is_written_sloppily_is_read_all_the_same(tmp_path: Path):
    text = SMALL.replace("\n", "\r\n").replace("Frames: 2", "Frames:\t2.0").replace("End Site", "End site")
    text = "\ufeff" + text.replace("MOTION", "\r\nMOTION") + "7 8 9 0 0 0 0 0 0\r\n\r\n"
    bvh = read_bvh(written(tmp_path, text))
    assert len(bvh) == 3  # more than it promises, as other readers take them
    np.testing.assert_array_equal(bvh.frames[2, :3], [7, 8, 9])


def test_some_frames_alone_are_those_of_all(tmp_path: Path):
    text = SMALL.replace("Frames: 2", "Frames: 9") + "\n".join(f"{i} 5 6 7 8 9 1 2 {i}" for i in range(7))
    bvh = read_bvh(written(tmp_path, text))
    for a, b in zip(bvh.placed(2, 8, 3), bvh.placed(), strict=True):
        np.testing.assert_array_equal(a, b[[2, 5]])


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("HIERARCHY\n", "", "line 1: a BVH file begins with HIERARCHY"),
        ("ROOT Hips", "JOINT Hips", "line 2: a BVH file has one ROOT"),
        ("OFFSET 1.0 2.0 3.0", "OFFSET 1.0 2.0", "line 4: an OFFSET has three numbers"),
        ("OFFSET 1.0 2.0 3.0", "OFFSET 1.0 2.0 nan", "line 4: a number is not finite"),
        ("OFFSET 0.0 10.0 0.0", "OFFSET up", "line 8: there is something that is no number"),
        ("6 Xposition", "5 Xposition", "line 5: CHANNELS names as many channels as it counts"),
        ("Xposition", "Wposition", "line 5: 'Wposition' is no channel"),
        ("Zrotation Xrotation Yrotation", "Zrotation Xrotation Zrotation", "line 5: CHANNELS"),
        ("Bip001 L Arm", "", "line 6: a joint has no name"),
        ("Frames: 2", "Frame: 2", "line 17: Frames: and a number should follow"),
        ("Frames: 2", "Frames: 12", "line 20: it ends after 2 of 12 frames: the file is cut short"),
        ("0.0333333", "0", "line 18: a frame time lies in"),
        ("0.0333333", "soon", "line 18: 'soon' is no frame time"),
        ("10 20 30", "10 20", "line 20: there are 8 numbers, not 9: the file is cut or damaged"),
        ("10 20 30", "10 20 inf", "line 20: a number is not finite"),
        ("1 2 3 0 0 0 0 0 0\n4 5 6 90 0 0 10 20 30\n", "", "line 18: there is no frame"),
        ("\t\tEnd Site", "\t\tNail", "line 10: 'Nail' does not belong into a skeleton"),
        (SMALL[SMALL.index("}\nMOTION") :], "", "it ends after line 14, where the skeleton or MOTION"),
        (SMALL[20:], "", "it ends after line 2, where {"),
        (SMALL, "", "it ends after line 0"),
    ],
)
def test_what_is_broken_is_refused_in_one_line(tmp_path: Path, old: str, new: str, line: str):
    assert old in SMALL
    path = written(tmp_path, SMALL.replace(old, new))
    with pytest.raises(InputError) as caught:
        read_bvh(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and line in message and "\n" not in message


def test_other_files_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="does not exist"):
        read_bvh(tmp_path / "none.bvh")
    path = tmp_path / "noise.bvh"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(InputError, match="begins with HIERARCHY"):
        read_bvh(path)
    deep = "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\n" + "JOINT b\n{\nOFFSET 0 0 0\n" * 5000
    with pytest.raises(InputError, match="too many joints"):
        read_bvh(written(tmp_path, deep))


@given(cut=st.integers(0, len(SMALL) - 3))
def test_a_file_cut_anywhere_is_an_error_never_a_crash(tmp_path_factory: pytest.TempPathFactory, cut: int):
    path = written(tmp_path_factory.mktemp("cut"), SMALL[:cut])
    with pytest.raises(InputError):
        read_bvh(path)
