"""Motion capture as training data: read once, cut into clips, what is broken named and left out."""

from pathlib import Path

import numpy as np
import pytest
from foreign_skeletons import talking
from made_up_takes import beat_take, textgrid, zeroeggs_take

from emotive.affect import Affect
from emotive.body.channels import CHANNELS
from emotive.body.posing import pose
from emotive.body.reading_pose import channels_of, faced
from emotive.data.motion_sets import open_takes
from emotive.errors import InputError
from emotive.signals import JOINT, BodyMotion
from emotive.train.gesture_data import filmed_scene
from emotive.train.gesture_footage import MotionClip, clips_of, open_motion_data

LONG = "1_wayne_0_74_74"
SPANS = [(0.5 * i, 0.5 * (i + 1), f"w{i}") for i in range(44)]


@pytest.fixture(scope="module")
def motion() -> BodyMotion:
    return talking(22.0, 15)


@pytest.fixture(scope="module")
def folder(motion: BodyMotion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beat")
    beat_take(folder, LONG, motion)
    textgrid(folder / "1" / f"{LONG}.TextGrid", SPANS, [(a, b, "AH1") for a, b, _ in SPANS])
    return folder


@pytest.fixture(scope="module")
def clips(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[MotionClip]:
    return open_motion_data(folder, tmp_path_factory.mktemp("kept"), lambda line: None)


def test_a_long_take_is_cut_into_clips(clips: list[MotionClip], motion: BodyMotion):
    first, second = clips
    assert [clip.name for clip in clips] == [f"{LONG}-1", f"{LONG}-2"]
    for clip in clips:
        assert clip.heard.shape == (330, 172) and clip.heard.dtype == np.float16
        assert clip.tracks.shape == (330, len(CHANNELS)) and clip.tracks.dtype == np.float32
        assert clip.affect.shape == (330, 3) and (clip.affect == Affect.parse("anger").as_array()).all()
        assert (clip.speaker, clip.split, clip.alphabet) == ("1_wayne", "train", "arpabet")
        assert len(clip.words) == 22 and clip.words[0].start == 0 and clip.words[-1].end == pytest.approx(11)
        assert np.isfinite(clip.tracks).all() and len(clip.syllables) == 22
    assert first.words[-1].text == "w21" and second.words[0].text == "w22"


def test_controls_give_the_motion_back(clips: list[MotionClip], motion: BodyMotion):
    tracks = np.concatenate([clip.tracks for clip in clips])
    own = channels_of(faced(motion.resampled(30)))
    # What the files lack are eyes; all else came over with them.
    seen = [i for i, name in enumerate(CHANNELS) if not name.startswith("gaze")]
    for i in seen:
        if np.ptp(own[:, i]) > 1e-3:
            assert np.corrcoef(tracks[:, i], own[:, i])[0, 1] > 0.97, CHANNELS[i]
    hands = [JOINT["leftHand"], JOINT["rightHand"]]
    posed, wanted = pose(tracks, 30), faced(motion.resampled(30))
    apart = np.linalg.norm(posed.positions()[:, hands] - wanted.positions()[:, hands], axis=-1)
    assert np.median(apart) < 0.03


def test_what_was_read_is_kept_until_a_file_changes(tmp_path: Path):
    own, kept = tmp_path / "own", tmp_path / "kept"
    own.mkdir()
    name = "006_Sad_0_x_1_0"
    zeroeggs_take(own, name, talking(8.2, 10))
    textgrid(own / f"{name}.TextGrid", SPANS[:16], [(a, b, "AH1") for a, b, _ in SPANS[:16]])
    lines: list[str] = []
    (first,) = open_motion_data(own, kept, lines.append)
    assert lines == ["1 takes of motion: 1 clips, 0.1 minutes"]
    cache = kept / f"{name}.npz"
    stamp = cache.stat().st_mtime_ns
    (again,) = open_motion_data(own, kept, lines.append)
    assert cache.stat().st_mtime_ns == stamp
    for part in ("heard", "affect", "tracks"):
        np.testing.assert_array_equal(getattr(first, part), getattr(again, part))
    assert (first.name, first.speaker, first.split) == (again.name, again.speaker, again.split)
    assert (first.words, first.syllables, first.alphabet) == (again.words, again.syllables, again.alphabet)
    assert [p.start for p in again.phones] == pytest.approx([p.start for p in first.phones], abs=1e-4)
    cache.write_bytes(cache.read_bytes()[:500])  # what is damaged is read anew
    textgrid(own / f"{name}.TextGrid", SPANS[:10], [(a, b, "AH1") for a, b, _ in SPANS[:10]])
    assert len(open_motion_data(own, kept, lines.append)[0].words) == 10


def test_takes_that_cannot_be_used_are_named_and_the_others_are(tmp_path: Path):
    own, kept = tmp_path / "own", tmp_path / "kept"
    own.mkdir()
    zeroeggs_take(own, "006_Sad_0_x_1_0", talking(8.2, 10))
    zeroeggs_take(own, "036_Flirty_0_x_1_0", talking(8.2, 10))
    zeroeggs_take(own, "007_Sad_1_x_1_0", talking(4.0, 10))
    zeroeggs_take(own, "008_Sad_2_x_1_0", talking(8.2, 10))
    zeroeggs_take(own, "010_Sad_4_x_1_0", talking(8.2, 10))
    path = own / "008_Sad_2_x_1_0.bvh"
    path.write_text(path.read_text().replace("JOINT LeftForeArm\n", "JOINT Tail\n"))
    lines: list[str] = []
    clips = open_motion_data(own, kept, lines.append)
    assert [clip.name for clip in clips] == ["006_Sad_0_x_1_0-1", "036_Flirty_0_x_1_0-1"]
    assert "007_Sad_1_x_1_0 lasts 4.0 s: clips have 8 s or more" in lines[0]
    assert "008_Sad_2_x_1_0.bvh: not a humanoid: no left lower arm found" in lines[1]
    assert all(line.startswith("left out: ") and "\n" not in line for line in lines[:2]) and len(lines) == 3
    known, unknown = clips
    assert np.isfinite(known.affect).all() and np.isnan(unknown.affect).all() and not known.phones
    # What its authors validate with is not trained on, unless it is asked for.
    (held,) = open_motion_data(own, kept, lines.append, splits=("val",))
    assert held.name == "010_Sad_4_x_1_0-1" and held.split == "val"
    with pytest.raises(InputError, match=r"none of the 5 takes in .* is of test"):
        open_motion_data(own, kept, lines.append, splits=("test",))
    for name in ("006_Sad_0", "036_Flirty_0", "008_Sad_2"):
        (own / f"{name}_x_1_0.wav").unlink()
    with pytest.raises(InputError, match=r"none of the 1 takes in .* can be used"):
        open_motion_data(own, kept, lines.append)


def test_clips_last_8_to_20_s(motion: BodyMotion, folder: Path):
    take = open_takes(folder)[0].open()
    for seconds, count in ((8, 1), (20, 1), (20.1, 2)):
        part = take.motion.part(0, round(30 * seconds))
        found = clips_of(type(take)(take.name, "a", "train", part, take.waveform, take.sample_rate))
        assert len(found) == count and sum(len(clip.heard) for clip in found) == len(part)


def test_a_clip_is_what_the_recipe_learns_from(clips: list[MotionClip]):
    scene = filmed_scene(clips[0])
    assert scene.knots.shape == (165, len(CHANNELS)) and scene.knows and np.isnan(scene.habits).all()
