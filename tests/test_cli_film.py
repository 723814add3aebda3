"""`emotive film`: videos along a curve or a piece of music, remade from themselves, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from command import refused
from PIL import Image

from emotive.media import ffmpeg
from emotive.media.provenance import read_provenance
from emotive.media.video import open_video

BOAT = "a boat at sea"


@pytest.fixture
def curve(tmp_path: Path) -> Path:
    (tmp_path / "c.csv").write_text("time,valence,arousal\n0,-0.5,-0.5\n1,0.5,0.8\n")
    return tmp_path / "c.csv"


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Three seconds of a broken chord, in stereo."""
    t = np.arange(3 * 16_000 + 800) / 16_000
    hertz = np.array([262, 330, 392, 523])[(4 * t).astype(int) % 4]
    soundfile.write(tmp_path / "song.wav", np.stack([0.2 * np.sin(2 * np.pi * hertz * t)] * 2, 1), 16_000)
    return tmp_path / "song.wav"


@pytest.fixture
def film(run, model: Path, tmp_path: Path):
    """`emotive film` with the tiny model, small and coarse; returns the path."""

    def film(*argv: object, to: str) -> Path:
        settings = ("--model", model, "--device", "cpu", "--steps", 2, "--size", 64, "--fps", 4)
        target = tmp_path / to
        done = run("film", *argv, *(() if "--like" in argv else settings), "-o", target)
        assert done.code == 0, done
        assert done.out == [str(target)]
        return target

    return film


def frames(path: Path) -> np.ndarray:
    return np.stack(list(open_video(path)))


def test_a_film_along_a_curve_can_be_made_again(film, curve):
    path = film(BOAT, "--curve", curve, "--seed", 3, "--drift", 2, to="a.mp4")
    made = read_provenance(path)
    assert (made.medium, made.prompt, made.seed, made.fps, made.size) == ("film", BOAT, 3, 4, (64, 64))
    assert made.curve is not None and made.curve.duration == 1 and made.extra["drift"] == 2
    assert "film was generated" in made.statement
    assert path.with_suffix(".json").exists() and len(frames(path)) == 4
    again = film("--like", path, to="b.mp4")
    assert np.array_equal(frames(path), frames(again))
    other = film("--like", path, "--seed", 4, to="c.mp4")
    assert not np.array_equal(frames(path), frames(other))


def test_a_film_of_music_has_its_affect_length_and_sound(film, song, run, model, tmp_path):
    path = film(BOAT, "--music", song, "--seed", 1, to="m.mp4")
    made = read_provenance(path)
    assert made.curve is not None and made.extra["audio"] == "song.wav"
    assert made.extra["affect_from"].startswith("published, music")
    assert len(frames(path)) == round(3.05 * 4) + 1  # the last frame stays until the sound ends
    probed = ffmpeg.probe(path)
    assert probed is not None and probed.sample_rate == 48_000
    assert "--audio" in refused(run("film", "--like", path, "-o", tmp_path / "n.mp4"))
    again = film("--like", path, "--audio", song, to="n.mp4")
    assert np.array_equal(frames(path), frames(again)) and read_provenance(again).curve == made.curve


def test_scenes_pass_into_each_other_in_a_gif(film, curve):
    scenes = ("--scene", "2:a house in a meadow", "--affect", "joy", "--seconds", 3)
    path = film(BOAT, *scenes, to="s.gif")
    made = read_provenance(path)
    assert made.extra["scenes"] == [[2.0, "a house in a meadow"]] and made.affect is not None
    with Image.open(path) as picture:
        assert getattr(picture, "n_frames", 1) > 4 and picture.size == (64, 64)


def test_sound_is_laid_under_a_curve(film, curve, song):
    path = film(BOAT, "--curve", curve, "--audio", song, "--seconds", 1, to="w.webm")
    assert read_provenance(path).extra["seconds"] == 1 and len(frames(path)) == 4
    again = film("--like", path, "--audio", song, to="x.webm")
    assert np.array_equal(frames(path), frames(again))


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([BOAT], "--curve"),
        ([BOAT, "--affect", "joy"], "--seconds"),
        ([BOAT, "--curve", "{c}", "--affect", "joy"], "exclude"),
        ([BOAT, "--music", "{s}", "--audio", "{s}"], "--audio"),
        ([BOAT, "--music", "none.wav"], "none.wav"),
        ([BOAT, "--music", "{silent}"], "silent"),
        ([BOAT, "--music", "{short}"], "at least 3 s"),
        ([BOAT, "--music", "{c}"], "not audio"),
        ([BOAT, "--curve", "{nan}"], "line 2"),
        ([BOAT, "--curve", "{late}"], "in parts"),
        ([BOAT, "--curve", "{c}", "--size", 63], "even number"),
        ([BOAT, "--curve", "{c}", "--fps", 0], "frames/s"),
        ([BOAT, "--curve", "{c}", "--seconds", "nan"], "not nan"),
        ([BOAT, "--curve", "{c}", "--seed", -1], "seed"),
        ([BOAT, "--curve", "{c}", "--scene", "soon"], "SECONDS:PROMPT"),
        ([BOAT, "--curve", "{c}", "--scene", "9:a house"], "is over"),
        ([BOAT, "--curve", "{c}", "--scene", "0.5:a house"], "must follow"),
        ([BOAT, "--curve", "{c}", "-o", "film.avi"], "must end in"),
        ([BOAT, "--curve", "{c}", "--audio", "{s}", "-o", "film.gif"], "no sound"),
        ([BOAT, "--curve", "{c}", "-o", "nowhere/film.mp4"], "does not exist"),
        (["--like", "{c}"], "provenance"),
    ],
)
def test_refused_in_one_line(run, model, curve, song, tmp_path, monkeypatch, argv, says):
    monkeypatch.chdir(tmp_path)
    soundfile.write("silent.wav", np.zeros(64_000), 16_000)
    soundfile.write("short.wav", 0.1 * np.ones(16_000), 16_000)
    Path("nan.csv").write_text("time,valence,arousal\n0,nan,0\n")
    Path("late.csv").write_text("time,valence,arousal\n0,0,0\n9999,0,0\n")
    names = {
        "c": curve,
        "s": song,
        "silent": "silent.wav",
        "short": "short.wav",
        "nan": "nan.csv",
        "late": "late.csv",
    }
    argv = [str(a).format(**names) for a in argv]
    assert says in refused(run("film", *argv, *(() if "--like" in argv else ("--model", model))))
    assert not list(tmp_path.glob("*.mp4"))
