"""`emotive speech`: clean stdout, clips that can be made again, and one line for whatever is wrong."""

import csv
import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import soundfile
import torch
from command import Run, refused
from tiny import tiny_speech_pipeline

import emotive
from emotive import weights
from emotive.affect import Affect
from emotive.media.provenance import read_provenance
from emotive.signals import Speech

SENTENCE = "The train leaves at nine."
# A program that writes a buzz of a second for any text: engines are tried with it.
BUZZ = """
import sys
import numpy, soundfile
x = numpy.arange(16000) / 16000
buzz = sum(0.3 * numpy.sin(2 * numpy.pi * 140 * k * x) / k for k in range(1, 20))
soundfile.write(sys.argv[1], buzz, 16000)
"""


def samples(path: str | Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0]


def write_buzz(path: str | Path, seconds: float = 1.0, rate: int = 16_000, channels: int = 1) -> None:
    time = np.arange(round(seconds * rate)) / rate
    buzz = sum(0.3 * np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20))
    soundfile.write(path, np.stack([buzz] * channels, 1), rate)


@pytest.fixture
def speak(run, speech_model: Path):
    """`emotive speech` with the tiny model on the CPU, one step; returns the printed paths."""

    def speak(*argv: object) -> list[Path]:
        settings = ("--model", speech_model, "--device", "cpu", "--steps", 1)
        done = run("speech", *argv, *(() if "--like" in argv else settings))
        assert done.code == 0, done.err
        assert all(Path(line).is_file() for line in done.out)
        return [Path(line) for line in done.out]

    return speak


@pytest.fixture
def engine(tmp_path: Path) -> str:
    (tmp_path / "buzz.py").write_text(BUZZ)
    return f"command:{shlex.quote(sys.executable)} buzz.py {{wav}}"


def test_a_clip_says_what_it_was_made_from(run, speak, speech_model: Path):
    argv = (SENTENCE, "--affect", "joy:0.7+fear:0.3", "--affect-strength", 0.5, "--seed", 3, "--voice", "rms")
    assert speak(*argv, "--no-breathing", "-o", "a.wav") == [Path("a.wav")]
    made = read_provenance("a.wav")
    assert made == read_provenance("a.json")
    assert (made.medium, made.prompt, made.voice) == ("speech", SENTENCE, "rms")
    assert made.affect == Affect.parse("joy:0.7+fear:0.3") and made.affect_text == "joy:0.7+fear:0.3"
    assert (made.affect_strength, made.seed, made.num_inference_steps) == (0.5, 3, 1)
    assert (made.guidance_scale, made.affect_guidance_scale) == tiny_speech_pipeline().guidance_defaults
    assert made.model_fingerprint == weights.fingerprint(speech_model)
    assert (made.emotive, made.torch, made.device) == (emotive.__version__, torch.__version__, "cpu")
    assert dict(made.extra) == {"breathing": False}
    assert "AI-generated" in made.statement
    assert b"AI-generated" in Path("a.wav").read_bytes()
    shown = "\n".join(run("show", "a.wav").out)
    for fact in (SENTENCE, "rms", "joyful:0.7", "seed 3", "emotive speech --like a.wav"):
        assert fact in shown


def test_a_clip_is_what_the_pipeline_says(speak):
    speak(SENTENCE, "--affect", "sad", "--seed", 5, "-o", "a.flac")
    pipe, generator = tiny_speech_pipeline(), torch.Generator().manual_seed(5)
    settings = {"num_inference_steps": 1, "generator": generator, "return_dict": False}
    (expected,) = pipe(SENTENCE, "sad", **settings)  # pyright: ignore[reportCallIssue, reportGeneralTypeIssues]
    got, rate = soundfile.read("a.flac", dtype="float32")
    assert rate == expected.sample_rate and np.abs(got - expected.waveform).max() <= 1 / 32768


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_the_suffix_is_the_format_and_all_hold_their_provenance(speak, suffix: str):
    (clip,) = speak(SENTENCE, "--seed", 1, "-o", f"a.{suffix}")
    clip.with_suffix(".json").unlink()
    assert read_provenance(clip).prompt == SENTENCE
    assert soundfile.info(clip).format == {"mp3": "MP3"}.get(suffix, suffix.upper())


def test_like_makes_the_same_clip_again(run, speak):
    (first,) = speak(SENTENCE, "--affect", "joy", "--seed", 3)
    assert first.name == "emotive-the-train-leaves-at-nine-joy-3.wav"
    (again,) = speak("--like", first)
    assert again.name == "emotive-the-train-leaves-at-nine-joy-3-2.wav"
    assert np.array_equal(samples(again), samples(first))
    assert replace(read_provenance(again), created="") == replace(read_provenance(first), created="")
    (other,) = speak("--like", first.with_suffix(".json"), "--affect", "sad", "-o", "sad.wav")
    assert read_provenance(other).seed == 3 and read_provenance(other).affect == Affect.parse("sad")
    (text,) = speak("Another text.", "--like", first, "-o", "text.wav")
    assert read_provenance(text).prompt == "Another text."
    Path("c.csv").write_text("time,valence,arousal\n0,-1,0\n1,1,0.5\n")
    (curve,) = speak(SENTENCE, "--curve", "c.csv", "--seed", 3)
    assert curve.name == "emotive-the-train-leaves-at-nine-curve-3.wav"
    made = read_provenance(curve)
    assert made.affect is None and made.curve is not None and made.curve.duration == 1 and made.fps is None
    (again,) = speak("--like", curve, "-o", "again.wav")
    assert np.array_equal(samples(again), samples(curve))
    assert not np.array_equal(samples(again), samples(first))
    assert read_provenance(again).curve == made.curve and "1 s" in "\n".join(run("show", again).out)


def test_a_random_seed_is_told_and_recorded(run, speech_model: Path):
    done = run("speech", SENTENCE, "--model", speech_model, "--steps", 1, "-o", "a.wav")
    assert done == Run(0, ["a.wav"], [f"emotive: note: seed {read_provenance('a.wav').seed}"])


def test_each_word_can_have_its_own_affect(speak):
    (clip, timeline) = speak(
        "Well, no thanks.", "--word-affects", "joy;0,0;-0.5,0.5", "--seed", 1, "--timeline", "t.json"
    )
    curve = Speech.load(timeline).affect
    found = [(round(affect.valence, 2), round(affect.arousal, 2)) for _, affect in curve.keyframes]
    assert [point for point in found if point in ((0.76, 0.48), (0, 0), (-0.5, 0.5))]
    (again,) = speak("--like", clip, "-o", "again.wav")
    assert np.array_equal(samples(again), samples(clip))
    assert read_provenance(clip).extra["word_affects"] == "joy;0,0;-0.5,0.5"
    (plain,) = speak("--like", clip, "--affect", "joy", "-o", "plain.wav")
    assert "word_affects" not in read_provenance(plain).extra


def test_the_timeline_is_that_of_the_clip(speak):
    clip, timeline = speak(SENTENCE, "--seed", 1, "-o", "a.wav", "--timeline", "t.json")
    assert timeline == Path("t.json")
    speech = Speech.load(timeline)
    assert [word.text.lower() for word in speech.words] == "the train leaves at nine".split()
    assert speech.duration == pytest.approx(len(samples(clip)) / 24_000, abs=1e-6)
    assert speech.phones[0].start == 0 and speech.phones[-1].end == pytest.approx(speech.duration)
    assert speak("--like", clip, "-o", "a.wav", "--timeline", "t.json")  # its own is overwritten


def test_a_long_text_is_streamed(run, speak, monkeypatch: pytest.MonkeyPatch):
    from emotive.media.audio import AudioWriter

    text = " ".join(f"This is sentence number {i}." for i in range(300))
    Path("long.txt").write_text(text)
    sizes = []
    write = AudioWriter.write
    monkeypatch.setattr(AudioWriter, "write", lambda self, x: (sizes.append(len(x)), write(self, x))[1])
    clip, timeline = speak("--text-file", "long.txt", "--seed", 1, "--timeline", "t.json", "-o", "a.flac")
    assert len(sizes) >= 300 and max(sizes) < 24_000 * 20  # written as it is spoken
    assert sum(sizes) == len(samples(clip))
    made = read_provenance(clip)
    assert len(made.prompt) == 4000 and text.startswith(made.prompt)
    assert (made.extra["text_characters"], made.extra["text_from"]) == (len(text), "long.txt")
    assert len(Speech.load(timeline).words) == len(sizes_of(text))
    assert "give it again with --text-file" in refused(run("speech", "--like", clip))
    (again,) = speak("--like", clip, "--text-file", "long.txt", "-o", "again.flac")
    assert np.array_equal(samples(again), samples(clip))


def sizes_of(text: str) -> list[str]:
    """Words as they are spoken, numbers written out."""
    from emotive.voice.text import sentences

    return [word.text for sentence in sentences(text) for word in sentence.words]


def test_text_from_stdin(speak, monkeypatch: pytest.MonkeyPatch):
    import io

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfHello there.\n")))
    (clip,) = speak("--text-file", "-", "--seed", 1)
    assert read_provenance(clip).prompt == "Hello there.\n"
    assert clip.name == "emotive-hello-there-neutral-1.wav"


def test_a_grid_is_a_folder_with_a_table_a_sheet_and_a_page(run, speak):
    files = speak(SENTENCE, "--grid", "2x3", "--seed", 4)
    folder = Path("emotive-the-train-leaves-at-nine-grid-2x3-4")
    assert {file.parent for file in files} == {folder}
    clips = [file for file in files if file.suffix == ".wav"]
    assert clips[0].name == "the-train-leaves-at-nine-s4-v-1.00a+1.00.wav" and len(clips) == 6
    with open(folder / "index.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    for row, clip in zip(rows, clips, strict=True):
        made = read_provenance(clip)
        assert row["file"] == clip.name and made.affect is not None
        assert (float(row["valence"]), float(row["arousal"])) == (made.affect.valence, made.affect.arousal)
        assert float(row["seconds"]) == pytest.approx(len(samples(clip)) / 24_000, abs=1e-3)
    page = unquote((folder / "index.html").read_text("utf-8"))
    assert all(f'<audio controls preload="none" src="./{clip.name}"' in page for clip in clips)
    assert "--columns:3" in page and "These clips were" in page
    sheet = read_provenance(folder / "spectrograms.png")
    assert sheet.grid == (2, 3) and len(sheet.cells) == 6 and sheet.medium == "speech"
    (alone,) = speak("--like", clips[2], "-o", "alone.wav")
    assert np.array_equal(samples(alone), samples(clips[2]))
    listed = {file.name for file in files}
    assert {p.name for p in folder.iterdir()} == listed | {"spectrograms.json"}
    again = speak("--like", folder / "spectrograms.png", "-o", "again")
    assert np.array_equal(samples(again[0]), samples(clips[0])) and again[0].parent == Path("again")
    assert speak(SENTENCE, "--grid", "1x2", "--seed", 4, "-o", "again")[0].parent.parent == Path("again")


def test_a_recording_is_said_again_and_marked_as_processed(run, speak):
    write_buzz("me.mp3", rate=44_100, channels=2)
    (clip,) = speak("--from", "me.mp3", "--affect", "sad", "--seed", 1)
    assert clip == Path("me-sad.mp3")
    made = read_provenance(clip)
    assert "edited by" in made.statement and made.extra["edited_from"] == "me.mp3"
    assert len(str(made.extra["edited_from_sha256"])) == 64 and "processed" in made.extra
    assert (made.prompt, made.voice, made.affect_guidance_scale) == ("", "", 1.0)
    (again,) = speak("--from", "me.mp3", "--affect", "sad", "--seed", 1, "-o", "again.wav")
    (other,) = speak("--from", "me.mp3", "--affect", "sad", "--seed", 2, "-o", "other.wav")
    assert not np.array_equal(samples(again), samples(other))
    shown = "\n".join(run("show", clip).out)
    assert "me.mp3" in shown and "--like" not in shown
    assert "give that to --from" in refused(run("speech", "--like", clip))
    Path("out").mkdir()
    write_buzz("you.wav")
    both = speak("--from", "me.mp3", "--from", "you.wav", "--affect", "joy", "-o", "out", "--seed", 1)
    assert both == [Path("out/me-joy.mp3"), Path("out/you-joy.wav")]
    cells = speak("--from", "you.wav", "--grid", "1x2", "--seed", 1)
    assert cells[0].parent == Path("you-grid-1x2-1") and len(cells) == 7


def test_a_clip_of_ours_is_better_spoken_anew(run, speak, speech_model: Path):
    (clip,) = speak(SENTENCE, "--seed", 1, "-o", "a.wav")
    write_buzz(clip)  # the tiny model has no voice; the sidecar still says whose it is
    argv = ("--from", clip, "--affect", "joy", "--seed", 1, "--model", speech_model, "-o", "b.wav")
    done = run("speech", *argv)
    assert done.out == ["b.wav"] and "--like a.wav" in done.err[0]


def test_another_engine_speaks_and_the_feeling_is_laid_on(run, speak, engine: str):
    argv = ("Доброе утро!", "--engine", engine, "--affect", "joy", "--seed", 1)
    (clip,) = speak(*argv)
    assert clip.name == "emotive-speech-joy-1.wav"
    made = read_provenance(clip)
    assert (made.prompt, made.extra["engine"]) == ("Доброе утро!", engine) and not made.edits
    assert "--engine" in refused(run("speech", "--like", clip))
    (again,) = speak("--like", clip, "--engine", engine, "-o", "again.wav")
    assert np.array_equal(samples(again), samples(clip))
    (sad,) = speak("Доброе утро!", "--engine", engine, "--affect", "sad", "--seed", 1)
    assert not np.array_equal(samples(sad), samples(clip))


def test_espeak_speaks_other_languages(run, speak):
    pytest.importorskip("espeakng_loader")
    argv = ("Доброе утро!", "--engine", "espeak:ru", "--affect", "sad", "--seed", 1)
    clip, timeline = speak(*argv, "--timeline", "t.json")
    speech = Speech.load(timeline)
    assert [word.text for word in speech.words] == ["Доброе", "утро"] and speech.alphabet == "ipa"
    (again,) = speak("--like", clip, "--engine", "espeak:ru", "-o", "again.wav")
    assert replace(read_provenance(again), created="") == replace(read_provenance(clip), created="")


BAD = {
    "nothing": ([], "say what to speak"),
    "blank": (["  "], "nothing to say"),
    "unspeakable": (["?!... --"], "nothing to say"),
    "emoji": (["\N{GRINNING FACE}"], "nothing to say"),
    "another script": (["Привет"], "--engine espeak:ru"),
    "not text": (["hello \udcff"], "not text"),
    "two texts": (["hello", "there"], "there"),
    "text and file": (["hello", "--text-file", "text.txt"], "give one of"),
    "text and recording": (["hello", "--from", "good.wav"], "give one of"),
    "no text file": (["--text-file", "none.txt"], "does not exist"),
    "empty text file": (["--text-file", "empty.txt"], "empty"),
    "no text in the file": (["--text-file", "a.bin"], "not text in UTF-8"),
    "endless text file": (["--text-file", "endless.txt"], "1,000,000 characters"),
    "no such voice": (["hello", "--voice", "bob"], "slt, rms"),
    "affect out of range": (["hello", "--affect", "1.5,0"], "out of range"),
    "NaN": (["hello", "--affect", "nan,0"], "finite"),
    "misspelt": (["hello", "--affect", "joi"], "joy"),
    "affect and curve": (["hello", "--affect", "joy", "--curve", "good.csv"], "exclude"),
    "no curve": (["hello", "--curve", "none.csv"], "no such file"),
    "curve backwards": (["hello", "--curve", "back.csv"], "line 3"),
    "too few words": (["hello my friend", "--word-affects", "joy;sad"], "too few"),
    "too many words": (["hello", "--word-affects", "joy;sad"], "2 affects for 1 words"),
    "words and affect": (["hello", "--word-affects", "joy", "--affect", "joy"], "--word-affects goes with"),
    "misspelt word": (["hello", "--word-affects", "joi"], "joy"),
    "scale of nothing": (["hello", "--scale", "1..9"], "--affect"),
    "strength NaN": (["hello", "--affect-strength", "nan"], "affect_strength"),
    "strength": (["hello", "--affect-strength", "11"], "0 to 10"),
    "strength of a recording": (["--from", "good.wav", "--affect-strength", "4"], "0 to 3"),
    "guidance": (["hello", "--guidance-scale", "inf"], "guidance_scale"),
    "no steps": (["hello", "--steps", "0"], "steps"),
    "steps in words": (["hello", "--steps", "four"], "--steps"),
    "negative seed": (["hello", "--seed", "-1"], "seed"),
    "flat grid": (["hello", "--grid", "0x5"], "grid"),
    "grid in words": (["hello", "--grid", "axb"], "ROWSxCOLUMNS"),
    "grid into a file": (["hello", "--grid", "2x2", "-o", "a.wav"], "makes a folder"),
    "grid over a file": (["hello", "--grid", "2x2", "-o", "mine"], "is a file"),
    "grid of a book": (["hello " * 500, "--grid", "2x2"], "up to 2000 characters"),
    "grid with timeline": (["hello", "--grid", "2x2", "--timeline", "t.json"], "one clip"),
    "no folder": (["hello", "-o", "none/a.wav"], "does not exist"),
    "no such folder": (["hello", "-o", "none/"], "does not exist"),
    "empty name": (["hello", "-o", ""], "--output is empty"),
    "aiff": (["hello", "-o", "a.aiff"], ".wav or .flac or .ogg or .mp3"),
    "someone's json": (["hello", "-o", "mine.wav"], "not Emotive's"),
    "timeline in the sidecar": (["hello", "-o", "a.wav", "--timeline", "a.json"], "a-timeline.json"),
    "timeline over a file": (["hello", "-o", "a.wav", "--timeline", "mine.json"], "no timeline"),
    "timeline as text": (["hello", "-o", "a.wav", "--timeline", "t.txt"], ".json"),
    "no recording": (["--from", "none.wav"], "does not exist"),
    "a picture": (["--from", "a.bin"], "not audio"),
    "truncated": (["--from", "cut.wav"], "cut short"),
    "silence": (["--from", "silence.wav"], "silent"),
    "no voice": (["--from", "noise.wav"], "no voice"),
    "one sample": (["--from", "one.wav"], "at least 20 ms"),
    "NaN audio": (["--from", "nan.wav"], "not finite"),
    "the recording itself": (["--from", "good.wav", "-o", "good.wav"], "another name"),
    "voice of a recording": (["--from", "good.wav", "--voice", "rms"], "--voice is for our own voice"),
    "text guidance of a recording": (["--from", "good.wav", "--guidance-scale", "2"], "--guidance-scale"),
    "words of a recording": (["--from", "good.wav", "--word-affects", "joy"], "--word-affects"),
    "two into one": (["--from", "good.wav", "--from", "noise.wav", "-o", "a.wav"], "need a folder"),
    "remake of a recording": (["--from", "good.wav", "--like", "good.wav"], "--like"),
    "no engine": (["hello", "--engine", "festival"], "espeak:LANGUAGE"),
    "no command": (["hello", "--engine", "command:"], "espeak:LANGUAGE"),
    "no wav": (["hello", "--engine", "command:true"], "{wav}"),
    "no program": (["hello", "--engine", "command:nonesuch {wav}"], "nonesuch"),
    "a program that fails": (["hello", "--engine", "command:false {wav}"], "failed with 1"),
    "a program that writes nothing": (["hello", "--engine", "command:true {wav}"], "wrote no file"),
    "engine of a recording": (["--from", "good.wav", "--engine", "espeak:ru"], "--engine speaks a text"),
    "nothing to remake": (["--like", "none.wav"], "does not exist"),
    "remake of a stranger": (["--like", "good.wav"], "no Emotive provenance"),
    "no device": (["hello", "--device", "toaster"], "unknown device"),
    "no model": (["hello", "--model", "./none"], "none"),
    "another model": (["hello", "--model", "emotive-image-1"], "does not hold a speech pipeline"),
    "no such option": (["hello", "--pitch", "1"], "--pitch"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(run, speech_model: Path, tmp_path: Path, name: str):
    head, argv, expected = "time,valence,arousal\n", *BAD[name]
    files = {"text.txt": "hello", "empty.txt": "\n", "good.csv": head + "0,0,0\n", "mine": "",
             "back.csv": head + "1,0,0\n0,0,0\n", "mine.json": '{"mine": true}'}  # fmt: skip
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    if "endless" in name:
        (tmp_path / "endless.txt").write_text("word " * 200_001)
    (tmp_path / "a.bin").write_bytes(b"\xff\x00\x01")
    write_buzz(tmp_path / "good.wav")
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000), 16_000)
    soundfile.write(tmp_path / "noise.wav", np.random.default_rng(0).normal(0, 0.02, 16_000), 16_000)
    soundfile.write(tmp_path / "one.wav", np.zeros(1), 16_000)
    soundfile.write(tmp_path / "nan.wav", np.full(16_000, np.nan, np.float32), 16_000, subtype="FLOAT")
    (tmp_path / "cut.wav").write_bytes((tmp_path / "good.wav").read_bytes()[:-999])
    before = sorted(os.listdir(tmp_path))
    settings = [] if "--model" in argv or "--like" in argv else ["--model", str(speech_model)]
    settings += [] if "--seed" in argv else ["--seed", "1"]
    affect = ["--affect", "joy"] if "--from" in argv and "--word-affects" not in argv else []
    assert expected in refused(run("speech", *argv, *settings, *affect))
    assert sorted(os.listdir(tmp_path)) == before  # and nothing is left behind


def test_interrupts_and_faults_leave_nothing(run, speech_model: Path, tmp_path: Path, monkeypatch):
    from emotive.pipelines.speech import EmotiveSpeechPipeline

    calls, original = [], EmotiveSpeechPipeline.decode

    def failing(error: BaseException):
        def decode(self, *args):
            calls.append(1)
            if len(calls) % 2 == 0:
                raise error
            return original(self, *args)

        return decode

    settings = ("--model", speech_model, "--steps", 1, "--seed", 1)
    clip = ("speech", "One sentence. Two sentences.", *settings, "-o", "a.wav", "--timeline", "t.json")
    grid = ("speech", "One sentence.", *settings, "--grid", "2x2")
    for argv in (clip, grid):
        monkeypatch.setattr(EmotiveSpeechPipeline, "decode", failing(KeyboardInterrupt()))
        assert run(*argv) == Run(130, [], [])
        monkeypatch.setattr(EmotiveSpeechPipeline, "decode", failing(RuntimeError("two\nlines")))
        done = run(*argv)
        assert done.code == 1 and done.out == [] and "RuntimeError: two lines" in done.err[0]
        assert os.listdir(tmp_path) == []


def test_the_wrong_medium_is_refused(run, speak, model: Path):
    (clip,) = speak(SENTENCE, "--seed", 1, "-o", "a.wav")
    assert "its medium is 'speech'" in refused(run("image", "--like", clip))
    record = json.loads(clip.with_suffix(".json").read_text())
    Path("b.json").write_text(json.dumps(record | {"medium": "image"}))
    assert "its medium is 'image'" in refused(run("speech", "--like", "b.json"))
    del record["affect"]
    Path("b.json").write_text(json.dumps(record))
    assert "neither an affect" in refused(run("speech", "--like", "b.json"))


def test_training_hands_its_options_to_the_recipe(run, monkeypatch: pytest.MonkeyPatch):
    import emotive.train.speech as recipes

    calls = []

    def recipe(output, minutes=90.0, device=None, init=None, seed=0, compile=False, report=print):
        calls.append((minutes, device, init, seed, compile))
        report("voice: 1 minute left")
        return output / "emotive-speech-1"

    monkeypatch.setattr(recipes, "train_speech", recipe, raising=False)
    done = run("train", "speech", "-o", "new/out")
    assert done == Run(0, [str(Path("new/out/emotive-speech-1"))], ["voice: 1 minute left"])
    asked = ("--minutes", 2.5, "--device", "cpu", "--init", "emotive-affect-1", "--seed", 3, "--compile")
    assert run("train", "speech", "-o", "new/out", *asked).code == 0
    assert calls == [(90.0, None, None, 0, False), (2.5, "cpu", "emotive-affect-1", 3, True)]
    for wrong in ("minutes=0", "seed=-1", "device=toaster", "init=./none"):
        line = refused(run("train", "speech", "-o", "out", f"--{wrong}"))
        assert wrong.partition("=")[2].removeprefix("./") in line and not Path("out").exists()
