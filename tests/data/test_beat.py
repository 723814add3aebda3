"""Folders of BEAT and BEAT2: what is in them, whose it is, how it feels and which split it belongs to."""

from pathlib import Path

import numpy as np
import pytest
from foreign_skeletons import talking
from made_up_takes import RATE, beat2_take, beat_take, short, textgrid, tone

from emotive.affect import Affect
from emotive.body.retarget import centred
from emotive.data.beat import EMOTIONS, emotion_of
from emotive.data.motion_sets import open_takes
from emotive.errors import InputError
from emotive.signals import JOINT

# As BEAT's authors print their rule.
LONG_TEST = [*range(1, 9), 65, 73, 81, 87, 95, 103, 111]
LONG_VAL = [*range(57, 65), 72, 80, 86, 94, 102, 110, 118]
SHORT_TRAIN = [*range(9, 17), 66, 74, 82, 88, 96, 104, 112, 118]


def named(folder: Path, names: list[str]) -> dict[str, str]:
    """Splits of takes that are nothing but names."""
    for name in names:
        for suffix in (".bvh", ".wav"):
            (folder / f"{name}{suffix}").touch()
    return {take.name: take.split for take in open_takes(folder)}


def test_splits_are_the_authors(tmp_path: Path):
    for speaker in ("4", "5"):
        (tmp_path / speaker).mkdir()
    long = named(tmp_path / "4", [f"4_lawrence_0_{i}_{i}" for i in range(1, 119)])
    assert [i for i in range(1, 119) if long[f"4_lawrence_0_{i}_{i}"] == "test"] == LONG_TEST
    assert [i for i in range(1, 119) if long[f"4_lawrence_0_{i}_{i}"] == "val"] == LONG_VAL
    ids = [*range(1, 17), *(i for start in LONG_TEST[8:] for i in (start, start + 1)), 118]
    names = [*(f"5_stewart_0_{i}_{i}" for i in ids), *(f"5_stewart_1_{i}_{i}" for i in (1, 2, 3))]
    short_ = named(tmp_path / "5", names)
    assert [i for i in ids if short_.get(f"5_stewart_0_{i}_{i}") == "train"] == SHORT_TRAIN
    assert [i for i in ids if short_.get(f"5_stewart_0_{i}_{i}") == "test"] == [1, 2, 3, 4]
    assert [i for i in ids if short_.get(f"5_stewart_0_{i}_{i}") == "val"] == [5, 6, 7, 8]
    for i in LONG_TEST[8:]:
        assert short_[f"5_stewart_0_{i}_{i}_a"] == "test" and short_[f"5_stewart_0_{i}_{i}_b"] == "val"
    assert short_["5_stewart_1_1_1_a"] == "test" and short_["5_stewart_1_2_2"] == "train"
    # A recording that was not cut yet holds sections to test with.
    assert named(tmp_path, ["1_wayne_0_1_8"])["1_wayne_0_1_8"] == "test"


def test_emotions_are_told_by_the_sections():
    asked = [emotion_of(0, i, i) for i in range(0, 119)]
    starts = [asked.index(emotion) for emotion in EMOTIONS]
    assert starts == [0, 65, 73, 81, 87, 95, 103, 111] and asked[118] == "disgust"
    assert emotion_of(2, 65, 72) == "happiness" and emotion_of(0, 60, 70) is None
    assert emotion_of(1, 5, 5) is None and emotion_of(0, 119, 119) is None


def test_a_take_of_beat(tmp_path: Path):
    motion = talking(2.0, 120)
    beat_take(tmp_path, "2_scott_0_74_74", motion)
    (recording,) = open_takes(tmp_path)
    take = recording.open()
    assert (take.name, take.speaker, take.split) == ("2_scott_0_74_74", "2_scott", "train")
    assert take.affect == Affect.parse("anger")
    assert len(take.motion) == 60 and take.motion.fps == 30
    assert len(take.waveform) == 2 * RATE and take.sample_rate == RATE
    assert [w.text for w in take.words] == ["hello", "world"] and len(take.syllables) == 3
    assert [p.symbol for p in take.phones][:3] == ["pau", "HH", "AH0"] and take.alphabet == "arpabet"
    body = [JOINT[name] for name in ("head", "leftHand", "rightHand", "leftFoot", "rightIndexDistal")]
    apart = take.motion.positions()[:, body] - centred(motion).positions()[::4][:, body]
    assert np.linalg.norm(apart, axis=-1).max() < 0.005


def test_halves_of_a_take_are_takes(tmp_path: Path):
    motion = talking(42.0, 10)
    beat_take(tmp_path, "5_stewart_0_65_65", motion, label=1)
    spans = [(i * 0.5, (i + 1) * 0.5, f"w{i}") for i in range(84)]
    textgrid(tmp_path / "5" / "5_stewart_0_65_65.TextGrid", spans, [(a, b, "AH1") for a, b, _ in spans])
    first, second = (recording.open() for recording in open_takes(tmp_path))
    assert (first.name, first.split, len(first.motion)) == ("5_stewart_0_65_65_a", "test", 900)
    assert (second.name, second.split, len(second.motion)) == ("5_stewart_0_65_65_b", "val", 360)
    assert first.words[-1].text == "w59" and second.words[0].text == "w60"
    assert second.words[0].start == 0 and second.words[-1].end == pytest.approx(12)
    assert len(second.waveform) == 12 * RATE and second.motion.start == 0
    both = np.concatenate([first.motion.rotations[::3, 1:20], second.motion.rotations[::3, 1:20]])
    assert np.abs(both - motion.rotations[:, 1:20]).max() < 2e-3
    assert first.affect == Affect.parse("happiness")


def test_the_csv_of_emotions_has_the_last_word(tmp_path: Path):
    beat_take(tmp_path, "1_wayne_1_2_2", short(), label=6)
    beat_take(tmp_path, "1_wayne_0_9_9", short())
    path = tmp_path / "1" / "1_wayne_0_9_9.csv"
    path.write_text("00_neutral,0.0,0.5,0.5,0\n03_sadness,0.5,2.0,1.5,3\n")
    neutral, afraid = sorted(open_takes(tmp_path), key=lambda r: r.name)
    assert afraid.affect == Affect.parse("fear") and neutral.affect == Affect.parse("sadness")
    for text, line in (("a,b\n", "line 1: no name"), ("x,0,1,1,0\nx,1,2,1,9\n", "line 2: 9 is no emotion")):
        path.write_text(text)
        with pytest.raises(InputError, match=line):
            open_takes(tmp_path)
    (tmp_path / "1" / "1_wayne_1_2_2.csv").unlink()
    path.unlink()
    affects = {recording.name: recording.affect for recording in open_takes(tmp_path)}
    # A free conversation is not known to be neutral.
    assert affects == {"1_wayne_1_2_2": None, "1_wayne_0_9_9": Affect.parse("neutral")}


def test_a_take_of_beat2(tmp_path: Path):
    motion = short()
    for name in ("2_scott_0_95_95", "2_scott_0_1_1", "2_scott_0_103_103"):
        beat2_take(tmp_path, name, motion)
    rows = "id,type\n2_scott_0_95_95,val\n2_scott_0_1_1,train\n"
    (tmp_path / "train_test_split.csv").write_text(rows)
    found = {recording.name: recording for recording in open_takes(tmp_path)}
    splits = {name: recording.split for name, recording in found.items()}
    assert splits == {"2_scott_0_1_1": "train", "2_scott_0_95_95": "val", "2_scott_0_103_103": "additional"}
    take = found["2_scott_0_95_95"].open()
    assert take.affect == Affect.parse("surprise") and len(take.words) == 2
    apart = take.motion.positions() - centred(motion).positions()
    assert np.abs(apart).max() < 1e-4
    # Files of other programs stand on Z, and do not know where the floor is.
    path = found["2_scott_0_1_1"].motion
    with np.load(path) as file:
        arrays = dict(file)
    from scipy.spatial.transform import Rotation

    up = Rotation.from_euler("x", 90, degrees=True)
    turned = up * Rotation.from_rotvec(arrays["poses"][:, :3])
    arrays["poses"][:, :3] = turned.as_rotvec()
    pelvis = np.array([0.0031, -0.3514, 0.0120])
    arrays["trans"] = up.apply(arrays["trans"] + pelvis) - pelvis + [1, 2, 3]
    arrays["mocap_framerate"] = arrays.pop("mocap_frame_rate")
    np.savez(path, **arrays)
    np.testing.assert_allclose(
        found["2_scott_0_1_1"].open().motion.positions(), centred(motion).positions(), atol=1e-4
    )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"poses": np.zeros((60, 156))}, r"its poses have the shape \(60, 156\): SMPL-X has 55 joints"),
        ({"poses": np.full((60, 165), np.nan)}, "numbers that are not finite"),
        ({"trans": np.zeros((59, 3))}, "60 poses but places of the shape"),
        ({"mocap_frame_rate": np.array(0.0)}, "fps must lie in"),
        ({"poses": np.zeros((0, 165)), "trans": np.zeros((0, 3))}, "it has no frames"),
        ({"poses": None}, "it has no poses: not a file of SMPL-X parameters"),
        ({"mocap_frame_rate": None}, "it has no mocap_frame_rate"),
    ],
)
def test_broken_parameters_are_refused_in_one_line(tmp_path: Path, change, line: str):
    from emotive.body.smplx_reader import motion_of_smplx

    arrays = {**short().smplx(), **change}
    path = tmp_path / "a.npz"
    np.savez(path, allow_pickle=False, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(InputError, match=line) as caught:
        motion_of_smplx(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"a\.npz: "):
        motion_of_smplx(path)


def test_folders_that_are_something_else(tmp_path: Path):
    with pytest.raises(InputError, match="is not a folder"):
        open_takes(tmp_path / "none")
    with pytest.raises(InputError, match="has no takes of BEAT, BEAT2 or ZeroEGGS"):
        open_takes(tmp_path)
    (tmp_path / "1_wayne_0_9_9.bvh").touch()
    with pytest.raises(InputError, match="none with both motion and sound"):
        open_takes(tmp_path)
    (tmp_path / "1_wayne_0_9_9.bvh").unlink()
    beat2_take(tmp_path, "2_scott_0_1_1", short(1.0))
    with pytest.raises(InputError, match=r"not its train_test_split\.csv"):
        open_takes(tmp_path)
    for text, line in (
        ("name,split\n", "not id,type"),
        ("id,type\n2_scott_0_1_1,dev\n", "line 2: there is no"),
    ):
        (tmp_path / "train_test_split.csv").write_text(text)
        with pytest.raises(InputError, match=line):
            open_takes(tmp_path)


def test_motion_and_sound_of_different_takes_are_refused(tmp_path: Path):
    beat_take(tmp_path, "1_wayne_0_9_9", short())
    tone(tmp_path / "1" / "1_wayne_0_9_9.wav", 9.0)
    with pytest.raises(InputError, match=r"it lasts 2\.0 s, its sound 9\.0 s: not of one take"):
        open_takes(tmp_path)[0].open()
    # A little more of one than of the other is cut.
    tone(tmp_path / "1" / "1_wayne_0_9_9.wav", 1.5)
    take = open_takes(tmp_path)[0].open()
    assert len(take.motion) == 45 and len(take.waveform) == 1.5 * RATE and take.phones[-1].end == 1.5
