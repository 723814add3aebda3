"""`emotive judge` on a video of a face, with the landmark network and the judges that ship."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import refused

from emotive.face.expressions import expression
from emotive.face.opening import open_portrait
from emotive.face.renderer import PortraitRenderer
from emotive.media.provenance import Provenance
from emotive.media.video import VideoWriter

RATE, SECONDS, FPS = 16_000, 3, 10


def write_video(path: Path, frames: list[np.ndarray], sound: bool = True) -> Path:
    time = np.arange(SECONDS * RATE) / RATE
    buzz = sum(0.2 * np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20)) / 2
    wave = (buzz * (1 + 0.5 * np.sin(15 * time)) / 1.5).astype(np.float32)
    size = frames[0].shape[1], frames[0].shape[0]
    made = Provenance("", 0, "")
    with VideoWriter(path, size, FPS, made, (wave, RATE) if sound else None, sidecar=False) as writer:
        for frame in frames:
            writer.write(frame)
    return path


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that goes from sad to glad in three seconds, and a video of nobody."""
    folder, still = tmp_path_factory.mktemp("videos"), np.zeros(3)
    renderer = PortraitRenderer(open_portrait("arjun"), 384)
    valence = np.linspace(-0.8, 0.8, SECONDS * FPS)
    weights = expression(np.stack([valence, 0 * valence, np.nan * valence], 1))
    frames = [renderer.render(row, still, still, still[:2]) for row in weights]
    write_video(folder / "face.mp4", frames)
    write_video(folder / "silent.mp4", frames, sound=False)
    y, x = np.mgrid[:96, :96]
    ramp = np.repeat(((2 * x + y) % 256).astype(np.uint8)[..., None], 3, 2)
    write_video(folder / "nobody.mp4", [ramp] * 10)
    return folder


def test_face_and_voice_are_judged_over_time(run, clips: Path, landmark_network: Path):
    done = run("judge", clips / "face.mp4", "--json")
    assert done.code == 0 and done.err == []
    found = json.loads("\n".join(done.out))
    assert [entry["judge"] for entry in found] == ["face", "published, face", "speech", "published, voice"]
    for entry in found[:2]:
        assert {"valence", "arousal", "valence_sd", "arousal_sd", "nearest", "fingerprint"} <= set(entry)
        track = [row["valence"] for row in entry["over_time"]]
        assert track[-1] > track[0] + 0.3 and entry["over_time"][0]["time"] == 0.5
        assert np.corrcoef(track, np.arange(len(track)))[0, 1] > 0.9


def test_each_judge_alone(run, clips: Path, landmark_network: Path):
    face = run("judge", clips / "silent.mp4", "--judge", "face")
    assert face.code == 0 and face.out[0].startswith("face: Valence ") and " s  valence " in face.out[1]
    voice = run("judge", clips / "face.mp4", "--judge", "speech")
    assert voice.code == 0 and voice.out[0].startswith("speech: Valence ")
    both = run("judge", clips / "silent.mp4", "--judge", "both")
    assert both.code == 0 and [line.split(":")[0] for line in both.out if "nearest" in line] == [
        "face",
        "published, face",
    ]
    assert "has no sound" in refused(run("judge", clips / "silent.mp4", "--judge", "speech"))


def test_a_face_in_a_picture(run, landmark_network: Path):
    from emotive.face.opening import PORTRAITS

    picture = PORTRAITS / "arjun" / "portrait.webp"
    done = run("judge", picture, "--judge", "face", "--json")
    (entry,) = json.loads("\n".join(done.out))
    assert entry["judge"] == "face" and "over_time" not in entry and abs(entry["valence"]) < 0.6


def test_what_cannot_be_judged_is_one_line(run, clips: Path, landmark_network: Path, tmp_path: Path):
    video = clips / "face.mp4"
    assert "no face can be read" in refused(run("judge", clips / "nobody.mp4", "--judge", "face"))
    assert "is a video: use --judge face" in refused(run("judge", video, "--judge", "picture"))
    assert "does not exist" in refused(run("judge", "missing.mp4"))
    (tmp_path / "cut.mp4").write_bytes(video.read_bytes()[:2000])
    assert "cut.mp4" in refused(run("judge", tmp_path / "cut.mp4"))
    assert "in --json" in refused(run("judge", video, "--table", "a.csv"))
    assert "looks at videos" in refused(run("judge", "a.wav", "--syncnet", "a.pt"))
    assert "does not exist" in refused(run("judge", video, "--hsemotion", "a.onnx", "--judge", "face"))


def test_landmarks_that_were_not_fetched(run, clips: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    line = refused(run("judge", clips / "face.mp4", "--judge", "face"))
    assert "emotive fetch face-landmarks" in line
