"""Folders of ZeroEGGS: styles as feelings where they are some, and the authors' validation takes."""

from pathlib import Path

import numpy as np
import pytest
from foreign_skeletons import talking
from made_up_takes import short, textgrid, zeroeggs_take

from emotive.affect import Affect, emotion
from emotive.body.retarget import centred
from emotive.data.motion_sets import open_takes
from emotive.data.zeroeggs import FEELINGS, VALIDATION
from emotive.errors import InputError
from emotive.signals import JOINT


def test_a_take(tmp_path: Path):
    motion = talking(2.0, 60)
    zeroeggs_take(tmp_path, "026_Angry_0_x_1_0", motion)
    (recording,) = open_takes(tmp_path)
    take = recording.open()
    assert (take.name, take.speaker, take.split) == ("026_Angry_0_x_1_0", "zeroeggs", "train")
    assert take.affect == Affect.parse("angry") and not take.phones and not take.words
    assert take.sample_rate == 48_000 and len(take.waveform) == 96_000 and len(take.motion) == 60
    body = [JOINT[name] for name in ("head", "leftHand", "rightHand", "leftFoot", "leftThumbDistal")]
    apart = take.motion.positions()[:, body] - centred(motion).positions()[::2][:, body]
    assert np.linalg.norm(apart, axis=-1).max() < 0.005
    textgrid(tmp_path / "026_Angry_0_x_1_0.TextGrid")  # of one's own, by an aligner
    assert len(open_takes(tmp_path)[0].open().words) == 2


def test_styles_and_splits(tmp_path: Path):
    names = ["065_Speech_0_x_1_0", "029_Angry_3_mirror_1_0", "021_Old_0_x_1_0", "016_Relaxed_0_x_1_0"]
    names += ["051_Threatening_0_x_1_0", "057_Laughing_0_x_1_0", "062_Tired_0_x_1_0"]
    for name in [*names, "001_Neutral_0", "001_Neutral_0_x_0_9", "002_Neutral_1_x_1_0.extra"]:
        for suffix in (".bvh", ".wav"):
            (tmp_path / f"{name}{suffix}").touch()
    found = {recording.name: recording for recording in open_takes(tmp_path)}
    assert sorted(found) == sorted(names)  # neither those that are not aligned nor those that are stretched
    splits = {name[:3]: found[name].split for name in names}
    assert {number for number, split in splits.items() if split == "val"} == {"065", "029"}
    assert {*splits.values()} == {"val", "train"}
    affects = {name[:3]: found[name].affect for name in names}
    assert affects["065"] is None and affects["021"] is None
    assert affects["016"] is not None and affects["016"].arousal < 0 < affects["016"].valence
    assert affects["051"] is not None and affects["051"].arousal > 0 > affects["051"].valence


def test_every_feeling_is_a_named_emotion():
    assert all(emotion(name) for name in FEELINGS.values()) and len(FEELINGS) == 9
    assert len(VALIDATION) == 21 and {65, 66, 67} <= VALIDATION  # of 67 recordings


def test_a_broken_take_is_named(tmp_path: Path):
    zeroeggs_take(tmp_path, "006_Sad_0_x_1_0", short())
    path = tmp_path / "006_Sad_0_x_1_0.bvh"
    path.write_text(path.read_text()[:-300])
    with pytest.raises(InputError, match=r"006_Sad_0_x_1_0\.bvh: line \d+: "):
        open_takes(tmp_path)[0].open()
