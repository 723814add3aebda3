"""`emotive gesture`: video and the files that animators use, and one line for whatever is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command import refused
from PIL import Image

from emotive.affect import AffectCurve
from emotive.body.actors import ACTORS
from emotive.body.motion_files import load_body_motion
from emotive.body.skeleton import offsets_of
from emotive.media.provenance import read_provenance
from emotive.media.video import open_video
from emotive.signals import FaceMotion

WHO = next(iter(ACTORS))


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Half a second of a buzz."""
    time = np.arange(8000) / 16_000
    k = np.arange(1, 20)[:, None]
    buzz = (0.3 * np.sin(2 * np.pi * 140 * k * time) / k).sum(0)
    soundfile.write(tmp_path / "buzz.wav", buzz, 16_000)
    return tmp_path / "buzz.wav"


@pytest.fixture
def gesture(run, gesture_model: Path):
    """`emotive gesture` with the tiny model, one step, small and coarse; returns the printed paths."""

    def gesture(*argv: object) -> list[Path]:
        settings = ("--model", gesture_model, "--device", "cpu", "--steps", 1)
        settings += () if "--sheet" in argv else ("--size", 128, "--fps", 10)
        done = run("gesture", *argv, *(() if {"--like", "--from-motion"} & set(argv) else settings))
        assert done.code == 0, done.err
        assert all(Path(line).is_file() for line in done.out)
        return [Path(line) for line in done.out]

    return gesture


def frames(path: Path) -> np.ndarray:
    return np.stack(list(open_video(path)))


def test_a_recording_becomes_a_video_with_its_sound_and_provenance(gesture, run, sound: Path):
    argv = ("--audio", sound, "--affect", "joy", "--style", WHO, "--seed", 5, "-o", "joy.mp4")
    (video,) = gesture(*argv)
    shown = frames(video)
    assert shown.shape == (5, 128, 128, 3)
    heard = open_video(video).sound()
    assert heard is not None and np.abs(heard[0]).max() > 0.1
    made = read_provenance(video)
    assert made.medium == "gesture" and made.seed == 5 and made.affect is not None
    assert made.affect.valence == 0.76 and made.extra["style"] == WHO and made.extra["audio"] == "buzz.wav"
    assert read_provenance(video.with_suffix(".json")) == made
    told = [line.split(maxsplit=1) for line in run("show", video).out]
    assert ["again", "emotive gesture --audio RECORDING --like joy.mp4"] in told


def test_several_files_at_once_are_one_motion(gesture, sound: Path):
    names = ("a.glb", "a.vrma", "a.bvh", "a.npz", "b.json", "a.obj", "a.mp4")
    outputs = [word for name in names for word in ("-o", name)]
    made = gesture("--audio", sound, "--affect", "0.5,0.5", "--seed", 1, *outputs)
    assert [path.name for path in made] == list(names)
    exact = load_body_motion("a.npz")
    assert len(exact) == 5 and exact.fps == 10
    np.testing.assert_array_equal(load_body_motion("b.json").rotations, exact.rotations)
    np.testing.assert_allclose(load_body_motion("a.bvh").positions(), exact.positions(), atol=2e-3)
    for name in names:
        assert read_provenance(Path(name)).seed == 1


def test_a_text_is_spoken_and_made_again(gesture, speech_model: Path):
    argv = ("--text", "No.", "--affect", "sad", "--speech-model", speech_model, "--seed", 3)
    one, motion = gesture(*argv, "-o", "a.glb", "-o", "a.npz")
    assert read_provenance(one).prompt == "No."
    (again,) = gesture("--like", one, "--speech-model", speech_model, "-o", "b.npz")
    np.testing.assert_array_equal(load_body_motion(again).rotations, load_body_motion(motion).rotations)


def test_a_motion_is_shown_and_converted(gesture, sound: Path):
    (motion,) = gesture("--audio", sound, "-o", "a.npz", "--style", WHO)
    np.testing.assert_array_equal(load_body_motion(motion).offsets, offsets_of(ACTORS[WHO].build))
    video, bvh = gesture("--from-motion", motion, "--audio", sound, "-o", "again.mp4", "-o", "again.bvh")
    assert len(frames(video)) == 5 and read_provenance(video).extra["motion"] == "a.npz"
    again = load_body_motion(bvh)
    np.testing.assert_allclose(again.positions(), load_body_motion(motion).positions(), atol=2e-3)
    (faster,) = gesture("--from-motion", bvh, "--fps", 20, "-o", "fast.npz")
    assert len(load_body_motion(faster)) == 10


def test_a_curve_and_another_voice_move_the_body(gesture, sound: Path, tmp_path: Path):
    AffectCurve([(0, "sad"), (0.4, "joy")]).write(tmp_path / "mood.csv")
    (one,) = gesture("--audio", sound, "--curve", "mood.csv", "-o", "mood.glb")
    curve = read_provenance(one).curve
    assert curve is not None and curve.duration == 0.4
    (other,) = gesture("--audio", sound, "--emotion-from", sound, "-o", "felt.glb")
    made = read_provenance(other)
    assert made.curve is not None and made.extra["emotion_from"] == "buzz.wav"


def test_a_face_goes_into_the_same_file(gesture, sound: Path, tmp_path: Path):
    weights = np.zeros((5, 52), np.float32)
    weights[:, 17] = np.linspace(0, 1, 5)  # jawOpen
    FaceMotion(weights, *(np.zeros((5, n), np.float32) for n in (3, 3, 2)), fps=10).save("face.npz")  # type: ignore[arg-type]
    plain, spoken = (
        gesture("--audio", sound, "--seed", 1, *more, "-o", name)[0]
        for name, more in (("a.glb", ()), ("b.glb", ("--face-motion", "face.npz")))
    )
    length = int.from_bytes(spoken.read_bytes()[12:16], "little")
    scene = json.loads(spoken.read_bytes()[20 : 20 + length])
    paths = {channel["target"]["path"] for channel in scene["animations"][0]["channels"]}
    assert "weights" in paths and plain.read_bytes() != spoken.read_bytes()


def test_a_motion_that_is_written_again_keeps_what_is_known_of_it(gesture, sound: Path):
    (motion,) = gesture("--audio", sound, "--affect", "joy", "--style", WHO, "--seed", 5, "-o", "a.npz")
    (video,) = gesture("--from-motion", motion, "--size", 96)
    assert video.name == f"emotive-{WHO}-joy-5.mp4"
    made = read_provenance(video)
    assert made.seed == 5 and made.extra["style"] == WHO and made.affect == read_provenance(motion).affect
    with np.load(motion) as known:  # as BEAT2 has it: nothing says where it is from
        np.savez("b.npz", **{k: known[k] for k in ("poses", "trans", "mocap_frame_rate")})
    (foreign,) = gesture("--from-motion", "b.npz", "-o", "b.glb")
    made = read_provenance(foreign)
    assert (made.model, made.seed, made.extra["motion"]) == ("", 0, "b.npz")


def test_a_motion_is_made_again_from_all_that_it_was_made_from(gesture, run, sound: Path):
    gesture("--audio", sound, "--emotion-from", sound, "--seed", 2, "-o", "a.json")
    assert "give that with --audio" in refused(run("gesture", "--like", "a.json", "-o", "b.json"))
    given = ("--like", "a.json", "--audio", sound)
    assert "give that with --emotion-from" in refused(run("gesture", *given, "-o", "b.json"))
    for _ in range(2):  # a motion of ours in JSON may be overwritten
        (again,) = gesture(*given, "--emotion-from", sound, "-o", "b.json")
    np.testing.assert_array_equal(load_body_motion(again).rotations, load_body_motion("a.json").rotations)
    assert "a.json is not Emotive's" in refused(run("gesture", "--audio", sound, "-o", "a.bvh"))


def test_a_json_of_others_beside_a_file_that_needs_none_is_left_alone(gesture, sound: Path):
    Path("a.json").write_text("mine")
    gesture("--audio", sound, "-o", "a.npz", "-o", "a.glb")
    assert Path("a.json").read_text() == "mine"


def test_a_sheet_shows_the_plane(gesture, sound: Path):
    (sheet,) = gesture("--sheet", "--audio", sound, "-o", "poses.png")
    with Image.open(sheet) as picture:
        assert picture.width > 1000 and picture.height > 1000
    made = read_provenance(sheet)
    assert made.grid == (5, 5) and len(made.cells) == 25


def test_silence_is_a_body_that_stands(gesture, tmp_path: Path):
    soundfile.write("silence.wav", np.zeros(16_000), 16_000)
    (motion,) = gesture("--audio", "silence.wav", "-o", "idle.npz")
    assert len(load_body_motion(motion)) == 10


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ((), "give --text"),
        (("--audio", "none.wav"), "none.wav does not exist"),
        (("--audio", "buzz.wav", "--text", "no"), "not both"),
        (("--text", "no", "--transcript", "no"), "and there is none"),
        (("--audio", "buzz.wav", "--style", "nobody"), "there is no actor"),
        (("--audio", "buzz.wav", "--affect", "jou"), "unknown emotion"),
        (("--audio", "buzz.wav", "--affect", "joy", "--emotion-from", "buzz.wav"), "--emotion-from brings"),
        (("--audio", "buzz.wav", "-o", "a.txt"), "a.txt"),
        (("--audio", "buzz.wav", "-o", ""), "--output is empty"),
        (("--audio", "buzz.wav", "-o", "a.glb", "-o", "a.glb"), "the same file"),
        (("--audio", "buzz.wav", "-o", "a.mp4", "-o", "a.json"), "provenance of a.mp4"),
        (("--audio", "buzz.wav", "--character", "me.vrm", "-o", "a.glb"), "me.vrm"),
        (("--audio", "buzz.wav", "--character", "buzz.wav", "-o", "a.mp4"), "--character is written as"),
        (("--audio", "buzz.wav", "-o", "a.vrm"), "--character"),
        (("--audio", "buzz.wav", "--face-motion", "buzz.wav", "-o", "a.glb"), "buzz.wav"),
        (("--audio", "buzz.wav", "--names", "maya"), "--names"),
        (("--audio", "buzz.wav", "--fps", "5"), "--fps 5 is out of range"),
        (("--audio", "buzz.wav", "--size", "63"), "--size 63 is out of range"),
        (("--audio", "buzz.wav", "--steps", "0"), "0 steps make no sense"),
        (("--from-motion", "broken.bvh", "-o", "a.glb"), "broken.bvh"),
        (("--from-motion", "broken.npz", "-o", "a.glb"), "broken.npz"),
        (("--from-motion", "broken.npz", "--affect", "joy"), "as it is"),
        (("--sheet", "--affect", "joy"), "the whole plane"),
        (("--sheet", "--emotion-from", "buzz.wav"), "--emotion-from does not go with it"),
        (("--sheet", "--upper"), "--upper does not go with it"),
        (("--from-motion", "broken.npz", "--affect-strength", "2"), "as it is"),
        (("--from-motion", "broken.npz", "--seed", "3"), "as it is"),
        (("--audio", "buzz.wav", "-o", "a.npz", "-o", "a.mp4", "--size", "64"), "--size 64 is out of range"),
        (("--audio", "buzz.wav", "-o", 300 * "x" + ".npz"), "too long"),
        (("--audio", "buzz.wav", "-o", "mine.json"), "mine.json is not Emotive's"),
        (("--audio", "buzz.wav", "-o", "mine.bvh"), "mine.json is not Emotive's"),
        (("--like", "buzz.wav"), "no Emotive provenance"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(
    run, sound: Path, tmp_path: Path, argv: tuple, says: str
):
    (tmp_path / "broken.bvh").write_text("HIERARCHY\nROOT Hips\n{\n OFFSET 0 0")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 no")
    (tmp_path / "mine.json").write_text("{}")
    before = sorted(tmp_path.iterdir())
    assert says in refused(run("gesture", *argv))
    assert sorted(tmp_path.iterdir()) == before


def test_the_judges_of_bodies_read_motion_files(gesture, run, tmp_path: Path):
    time = np.arange(48_000) / 16_000
    soundfile.write("hum.wav", 0.3 * np.sin(2 * np.pi * 140 * time), 16_000)
    (motion,) = gesture("--audio", "hum.wav", "-o", "a.npz")
    done = run("judge", motion)
    assert (
        done.code == 0 and done.out[0].startswith("body: Valence") and any("published" in x for x in done.out)
    )
    (found, other) = json.loads("\n".join(run("judge", motion, "--json").out))
    assert found["judge"] == "body" and -1 <= found["valence"] <= 1 and other["over_time"]
    assert "motion of a body" in refused(run("judge", motion, "--judge", "speech"))
    (same,) = gesture("--from-motion", motion, "-o", "a.json")
    assert run("judge", same).out == done.out
