"""What is written for animators is what Live Link Face records, and is read back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emotive.errors import InputError
from emotive.face.live_link import COLUMNS, EYE_RANGE, read_live_link, write_live_link
from emotive.face.motion_files import load_motion, save_motion
from emotive.signals import ARKIT, FaceMotion

LOOKS = [i for i, name in enumerate(ARKIT) if name.startswith("eyeLook")]


def motion(frames: int = 45, seed: int = 0, **changes) -> FaceMotion:
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0, 1, (frames, 52))
    weights[:, LOOKS] = 0
    gaze = rng.uniform(-1, 1, (frames, 2)) * EYE_RANGE
    turns = rng.normal(0, 0.3, (frames, 3))
    made = FaceMotion(weights, turns, np.zeros((frames, 3)), gaze, 30, start=2.5)  # type: ignore[arg-type]
    return replace(made, **changes)


def cells(path: Path, frame: int) -> dict[str, float]:
    lines = path.read_text().splitlines()
    return dict(zip(lines[0].split(",")[1:], map(float, lines[frame + 1].split(",")[1:]), strict=True))


@pytest.mark.parametrize("fps", [24, 30, 60])
def test_it_is_read_back(tmp_path: Path, fps: int):
    made = motion(2 * fps, fps=fps)
    read = load_motion(save_motion(made, tmp_path / "a.csv"))
    assert (read.fps, read.names, read.start) == (made.fps, made.names, made.start)
    for name in ("weights", "rotation", "translation", "gaze"):
        np.testing.assert_allclose(getattr(read, name), getattr(made, name), atol=2e-6)


def test_the_layout_is_the_apps(tmp_path: Path):
    lines = write_live_link(tmp_path / "a.csv", motion(40, start=3601.0)).read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS) and len(COLUMNS) == 63
    assert lines[0].startswith("Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,")
    assert ",JawForward,JawRight,JawLeft,JawOpen,MouthClose," in lines[0]
    assert lines[0].endswith(
        ",TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,"
        "RightEyeYaw,RightEyePitch,RightEyeRoll"
    )
    assert [line.split(",")[:2] for line in (lines[1], lines[30], lines[31])] == [
        ["01:00:01:00.000", "61"],
        ["01:00:01:29.000", "61"],
        ["01:00:02:00.000", "61"],
    ]


def test_signs(tmp_path: Path):
    """Left is the person's own. The axes of FaceMotion: +X looks down, +Y turns left, +Z tilts right."""
    turns = np.zeros((4, 3))
    turns[1, 0], turns[2, 1], turns[3, 2] = -0.2, 0.3, 0.1
    gaze = np.zeros((4, 2))
    gaze[1], gaze[2] = (EYE_RANGE[0] / 2, 0), (0, -EYE_RANGE[1] / 4)
    path = write_live_link(tmp_path / "a.csv", motion(4, rotation=turns, gaze=gaze))
    for frame, name, value in ((1, "HeadPitch", 0.2), (2, "HeadYaw", 0.3), (3, "HeadRoll", 0.1)):
        found = cells(path, frame)
        heads = {n: found[n] for n in ("HeadYaw", "HeadPitch", "HeadRoll")}
        assert heads == pytest.approx({**dict.fromkeys(heads, 0), name: value}, abs=1e-6)
    left, down = cells(path, 1), cells(path, 2)
    assert {n: v for n, v in left.items() if n.startswith("EyeLook") and v} == pytest.approx(
        {"EyeLookOutLeft": 0.5, "EyeLookInRight": 0.5}
    )
    assert {n: v for n, v in down.items() if n.startswith("EyeLook") and v} == pytest.approx(
        {"EyeLookDownLeft": 0.25, "EyeLookDownRight": 0.25}
    )


def test_frames_that_the_app_lost_are_interpolated(tmp_path: Path):
    ramp = np.linspace(0, 1, 61)[:, None].repeat(52, 1)
    ramp[:, LOOKS] = 0
    made = motion(61, weights=ramp, rotation=np.zeros((61, 3)))
    lines = write_live_link(tmp_path / "a.csv", made).read_text().splitlines()
    lines[21] = lines[21].split(",")[0] + ",0"  # no face in one frame
    del lines[40:45]
    (tmp_path / "b.csv").write_text("\n".join(lines))
    read = read_live_link(tmp_path / "b.csv")
    assert len(read) == 61
    np.testing.assert_allclose(read.weights[38:46], made.weights[38:46], atol=1e-6)
    np.testing.assert_array_equal(read.weights[20], read.weights[19])


def test_a_short_one_needs_its_rate(tmp_path: Path):
    path = write_live_link(tmp_path / "a.csv", motion(10, start=0.0))
    with pytest.raises(InputError, match="give the fps"):
        load_motion(path)
    assert load_motion(path, fps=30).fps == 30


def test_what_cannot_be_written_or_read_is_one_line(tmp_path: Path):
    with pytest.raises(InputError, match=r"whole frames, not 12\.5/s"):
        write_live_link(tmp_path / "a.csv", motion(fps=12.5))
    for name in ("a.bvh", "a"):
        with pytest.raises(InputError, match=r"\.npz or \.json or \.csv"):
            save_motion(motion(), tmp_path / name)
    whole = write_live_link(tmp_path / "whole.csv", motion()).read_text()
    lines = whole.splitlines()
    files = {
        "empty.csv": ("", "is empty"),
        "other.csv": ("time,valence,arousal\n0,0,0\n", "header lacks Timecode"),
        "bare.csv": (lines[0] + "\n", "no frame"),
        "cut.csv": (whole[:-40], "line 46: there are not 61 numbers"),
        "time.csv": (whole.replace("00:00:02:16.000", "later"), "line 3: 'later' is not a timecode"),
        "back.csv": ("\n".join([*lines, lines[40]]), "line 47: its timecode does not follow"),
        "nan.csv": (whole.replace("61,0.", "61,nan,0.", 1), "line 2"),
        "a.glb": ("", "cannot be read back"),
        "a.json": ("{}", '"format" must be'),
    }
    for name, (text, why) in files.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=why) as caught:
            load_motion(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError, match="does not exist"):
        load_motion(tmp_path / "none.csv")
