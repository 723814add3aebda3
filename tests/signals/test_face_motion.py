"""The motion of a face is checked when it is made, and kept exactly by files that people edit."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.signals import ARKIT, FaceMotion

CURVE = AffectCurve([(0, Affect.parse("joy:0.7+fear:0.3")), (0.4, Affect(-0.2, 0.3, 0.1))])
TRACKS = ("weights", "rotation", "translation", "gaze")


def motion(frames: int = 24, seed: int = 0, **changes) -> FaceMotion:
    """Random, with half of the weights 0."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0, 1, (frames, 52)) * (rng.uniform(size=(frames, 52)) < 0.5)
    tracks = [rng.normal(0, 0.2, (frames, n)) for n in (3, 3, 2)]
    made = FaceMotion(weights, *tracks, fps=Fraction(30000, 1001), affect=CURVE, start=12.25)
    return replace(made, **changes)


def assert_same(a: FaceMotion, b: FaceMotion) -> None:
    assert (a.fps, a.names, a.affect, a.start) == (b.fps, b.names, b.affect, b.start)
    for name in TRACKS:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_arrays_are_read_only_copies():
    mine = np.zeros((3, 52), np.float32)
    made = FaceMotion(mine, np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 2)), 30)  # type: ignore[arg-type]
    mine[0] = 1
    assert not made.weights.any() and made.rotation.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        made.gaze[0] = 1
    assert (len(made), made.duration, made.fps) == (3, 0.1, 30)
    assert isinstance(made.fps, Fraction) and made.affect.at(0) == Affect(0, 0)


def test_rounding_is_clipped_and_no_more():
    weights = np.zeros((2, 52))
    weights[0, 17], weights[1, 17] = 1 + 2e-5, -2e-5
    assert motion(2, weights=weights).weights[:, 17].tolist() == [1, 0]
    weights[1, 17] = -0.01
    with pytest.raises(InputError, match=r"jawOpen is -0.01 in frame 1; weights are in \[0, 1\]"):
        motion(2, weights=weights)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"weights": np.zeros((24, 51))}, r"weights must have the shape \(T, 52\), not \(24, 51\)"),
        ({"weights": np.zeros(52)}, "shape"),
        ({"weights": [["a"] * 52]}, "are numbers"),
        ({"rotation": np.zeros((23, 3))}, r"rotation must have the shape \(24, 3\)"),
        ({"gaze": np.zeros((24, 3))}, r"gaze must have the shape \(24, 2\)"),
        ({"translation": np.full((24, 3), np.nan)}, "translation of frame 0 are not finite"),
        ({"fps": 0}, r"1\.\.240 frames/s, not 0"),
        ({"fps": 241.0}, r"1\.\.240"),
        ({"fps": float("nan")}, "a number of frames/s"),
        ({"fps": "fast"}, "a number of frames/s"),
        ({"fps": True}, r"1\.\.240"),
        ({"start": -1.0}, "from 0 on"),
        ({"names": ARKIT[1:] + ARKIT[:1]}, "begin with ARKit's 52"),
        ({"names": (*ARKIT, "jawOpen")}, "a name of its own"),
    ],
)
def test_what_cannot_be_is_one_line(changes: dict, why: str):
    with pytest.raises(InputError, match=why) as caught:
        motion(**changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".json"])
def test_files_keep_everything_exactly(tmp_path: Path, suffix: str):
    made = motion(names=(*ARKIT, "earsBack"), weights=np.random.default_rng(1).uniform(0, 1, (24, 53)))
    assert_same(FaceMotion.load(made.save(tmp_path / f"a{suffix}")), made)
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]
    none = motion(0)
    assert_same(FaceMotion.load(none.save(tmp_path / f"none{suffix}")), none)


def test_json_is_edited_by_name_a_frame_a_line(tmp_path: Path):
    path = motion(3).save(tmp_path / "a.json")
    lines = [line for line in path.read_text().splitlines() if '"weights"' in line]
    assert len(lines) == 3 and all(json.loads(line.strip(" ,"))["rotation"] for line in lines)
    record = json.loads(path.read_text())
    assert (record["format"], record["version"], record["fps"]) == (
        "emotive-face-motion",
        1,
        "30000/1001",
    )
    record["frames"][1]["weights"] = {"jawOpen": 0.25}
    path.write_text(json.dumps(record))
    read = FaceMotion.load(path)
    assert read.weights[1, ARKIT.index("jawOpen")] == 0.25 and np.count_nonzero(read.weights[1]) == 1
    for broken, why in (({"jawOpne": 1}, "frame 1 has the blendshape 'jawOpne'"), ({"jawOpen": 2}, "is 2")):
        record["frames"][1]["weights"] = broken
        path.write_text(json.dumps(record))
        with pytest.raises(InputError, match=why):
            FaceMotion.load(path)


def test_what_is_not_a_motion_is_one_line(tmp_path: Path):
    whole, text = (
        motion().save(tmp_path / "a.npz").read_bytes(),
        motion(2).save(tmp_path / "a.json").read_text(),
    )
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    later = json.loads(text) | {"version": 2}
    files = {
        "cut.npz": (whole[: len(whole) // 2], "damaged"),
        "empty.npz": (b"", "damaged"),
        "text.npz": (b"hello", "damaged"),
        "cut.json": (text[: len(text) // 2].encode(), "damaged"),
        "later.json": (json.dumps(later).encode(), "this is version 2 of the format; 1 is read here"),
        "speech.json": (b'{"format": "emotive-speech"}', 'must be "emotive-face-motion"'),
        "lean.json": (json.dumps(later | {"version": 1, "frames": [{}]}).encode(), "damaged"),
        "other.npz": ((tmp_path / "other.npz").read_bytes(), "damaged"),
        "a.txt": (b"", ".npz or .json"),
    }
    for name, (data, why) in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=why) as caught:
            FaceMotion.load(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError, match="does not exist"):
        FaceMotion.load(tmp_path / "none.npz")
    with pytest.raises(InputError, match=r"saved as \.npz or \.json"):
        motion().save(tmp_path / "a.bvh")


def test_a_motion_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = motion().save(tmp_path / "a.npz")
    monkeypatch.setattr("emotive.signals.archive.MAX_BYTES", 1000)
    with pytest.raises(InputError, match="too large"):
        FaceMotion.load(path)


def test_straight_lines_survive_any_rate():
    line = np.linspace(0, 1, 31)[:, None]
    made = motion(31, fps=30, weights=line.repeat(52, 1), gaze=line.repeat(2, 1))
    for fps in (7, 24, Fraction(30000, 1001), 60, 120.5):
        other = made.resampled(fps)
        assert abs(other.duration - made.duration) <= 0.5 / other.fps
        assert (other.affect, other.start) == (made.affect, made.start)
        expected = np.minimum(np.arange(len(other)) / float(other.fps), 1)
        np.testing.assert_allclose(other.weights[:, 3], expected, atol=1e-6)
        np.testing.assert_allclose(other.gaze[:, 1], expected, atol=1e-6)
    assert_same(made.resampled(30), made)
    np.testing.assert_array_equal(made.resampled(60).weights[::2], made.weights)
    assert len(motion(1).resampled(60)) == 2 and len(motion(1, fps=60).resampled(1)) == 1


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_joining_keeps_frames_and_affects(lengths: list[int]):
    parts = [motion(n, seed=n, affect=AffectCurve.constant(Affect(n / 50, 0))) for n in lengths]
    whole = FaceMotion.concatenate(parts)
    assert (len(whole), whole.fps, whole.start) == (sum(lengths), parts[0].fps, 12.25)
    at = 0
    for part in parts:
        np.testing.assert_array_equal(whole.weights[at : at + len(part)], part.weights)
        np.testing.assert_array_equal(whole.gaze[at : at + len(part)], part.gaze)
        for i in {0, len(part) - 1} if len(part) else ():
            affect = whole.affect.at(float((at + i) / whole.fps))
            assert affect.valence == pytest.approx(len(part) / 50, abs=1e-9)
        at += len(part)


def test_only_like_motions_are_joined():
    with pytest.raises(InputError, match="30000/1001 and 25"):
        FaceMotion.concatenate([motion(), motion(fps=25)])
    with pytest.raises(InputError, match="different blendshapes"):
        FaceMotion.concatenate([motion(), motion(names=(*ARKIT, "ears"), weights=np.zeros((24, 53)))])
    with pytest.raises(InputError, match="no motion"):
        FaceMotion.concatenate([])
