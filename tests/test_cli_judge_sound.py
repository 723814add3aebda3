"""`emotive judge` on sound files, with a tiny random judge of the real architecture."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from command import refused
from PIL import Image

from emotive import weights
from emotive.models.speech_judge import SpeechJudgeNetwork
from emotive.perceive.vocal_published import VocalPublishedJudge
from emotive.perceive.voice import SpeechJudge


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judges") / "tiny"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        SpeechJudgeNetwork(channels=(4, 4, 4), width=8, hidden=8).save_pretrained(folder)
    weights.write_sums(folder)
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Four seconds of a gliding buzz."""
    time = np.arange(4 * 16_000) / 16_000
    phase = 2 * np.pi * (120 * time + 10 * time**2)
    buzz = sum(0.2 * np.sin(k * phase) / k for k in range(1, 20)) * (1 + 0.5 * np.sin(20 * time)) / 1.5
    soundfile.write(tmp_path / "a.wav", buzz, 16_000)
    return Path("a.wav")


def test_both_judges_say_where_a_clip_lies_overall_and_over_time(run, judge: Path, clip: Path):
    done = run("judge", clip, "--model", judge)
    assert done.code == 0 and done.err == []
    assert done.out[0].startswith("speech: Valence ") and "nearest names: " in done.out[0]
    assert done.out[-1].startswith("published, voice: Valence ") and "What moved it: " in done.out[-1]
    times = [float(line.split(" s ")[0]) for line in done.out[1:-1]]
    assert len(times) == 11 and times == sorted(times) and times[0] == 0.75


def test_json_is_the_estimate(run, judge: Path, clip: Path):
    found = json.loads("\n".join(run("judge", clip, "--model", judge, "--json").out))
    assert [entry["judge"] for entry in found] == ["speech", "published, voice"]
    for entry, one in zip(found, (SpeechJudge.from_pretrained(judge), VocalPublishedJudge()), strict=True):
        expected = one.estimate([str(clip)])
        assert entry["valence"] == pytest.approx(expected.valence[0], abs=1e-4)
        assert entry["arousal_sd"] == pytest.approx(expected.arousal_sd[0], abs=1e-4)
        assert (entry["file"], entry["fingerprint"]) == ("a.wav", one.fingerprint())
    curve = SpeechJudge.from_pretrained(judge).curve(str(clip))
    assert [row["time"] for row in found[0]["over_time"]] == pytest.approx(curve.times, abs=1e-4)
    assert [row["arousal"] for row in found[0]["over_time"]] == pytest.approx(curve.arousal, abs=1e-4)
    assert "over_time" not in found[1] and {"what", "valence", "arousal"} == set(found[1]["moved_by"][0])


def test_the_curve_is_drawn_and_written(run, judge: Path, clip: Path):
    done = run("judge", clip, "--model", judge, "--judge", "speech", "--plot", "c.svg", "--table", "c.csv")
    assert done.code == 0 and done.out[-2:] == ["c.csv", "c.svg"]
    assert Path("c.csv").read_text() == SpeechJudge.from_pretrained(judge).curve(str(clip)).to_csv()
    svg = Path("c.svg").read_text("utf-8")
    assert svg.startswith("<svg ") and svg.count("<polyline") == 2 and "a.wav" in svg
    with open("c.csv", newline="") as table:
        assert svg.count(",") >= 6 * len(list(csv.DictReader(table)))
    assert run("judge", clip, "--model", judge, "--judge", "speech", "--plot", "c.png").out[-1] == "c.png"
    assert Image.open("c.png").size == (1280, 560)


def test_pictures_and_sounds_together_are_each_judged_as_what_they_are(run, judge: Path, clip: Path):
    Image.new("RGB", (64, 64), "red").save("p.png")
    done = run("judge", "p.png", clip, "--judge", "published")
    assert [line.split(": ")[:2] for line in done.out] == [
        ["p.png", "published"],
        ["a.wav", "published, voice"],
    ]
    found = json.loads("\n".join(run("judge", clip, "p.png", "--model", judge, "--json").out))
    assert [entry["judge"] for entry in found] == ["speech", "published, voice", "picture", "published"]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["none.wav"], "none.wav does not exist"),
        (["text.wav"], "not audio"),
        (["silence.wav"], "silent"),
        (["short.wav"], "0.5 s"),
        (["a.wav", "--judge", "picture"], "is a sound file"),
        (["p.png", "--judge", "speech"], "is no sound file"),
        (["p.png", "--plot", "c.svg"], "one sound file"),
        (["a.wav", "a.wav", "--plot", "c.svg"], "one sound file, and there are 2"),
        (["a.wav", "--plot", "c.pdf"], ".png or .svg"),
        (["a.wav", "--table", "c.txt"], ".csv"),
        (["a.wav", "--table", "none/c.csv"], "does not exist"),
        (["a.wav", "--judge", "published", "--plot", "c.svg"], "no curve over time"),
        (["a.wav", "--calibration", "c.json"], "calibration"),
        (["a.wav", "--model", "emotive-image-1"], "no speech judge"),
        (["a.wav", "--device", "toaster"], "unknown device"),
        (["--ratings", "r.csv", "--judge", "speech"], "--ratings are of pictures"),
    ],
)
def test_bad_input_is_one_line(run, judge: Path, clip: Path, argv: list[str], says: str):
    Image.new("RGB", (64, 64)).save("p.png")
    Path("text.wav").write_text("not sound")
    soundfile.write("silence.wav", np.zeros(16_000), 16_000)
    soundfile.write("short.wav", np.full(1600, 0.1), 16_000)
    before = set(Path().iterdir())
    model = [] if {"--model", "p.png", "--ratings"} & set(argv) else ["--model", judge]
    assert says in refused(run("judge", *argv, *model))
    assert set(Path().iterdir()) == before
