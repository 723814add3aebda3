"""The command line: clean stdout, files that can be made again, and one line for whatever is wrong."""

import inspect
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from command import Run, refused
from PIL import Image
from tiny import tiny_image_pipeline

import emotive
from emotive import weights
from emotive.affect import Affect
from emotive.media.provenance import read_provenance
from emotive.showcase import GRID, SCENES, SENTENCE, SPOKEN


@pytest.fixture
def paint(run, model: Path):
    """`emotive image` with the tiny model on the CPU in fp32, one step; returns the printed paths."""

    def paint(*argv: object) -> list[Path]:
        settings = ("--model", model, "--device", "cpu", "--dtype", "fp32", "--steps", 1)
        done = run("image", *argv, *(() if "--like" in argv else settings))
        assert done.code == 0, done.err
        assert all(Path(line).is_file() for line in done.out)
        return [Path(line) for line in done.out]

    return paint


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.convert("RGB").tobytes()


def test_a_picture_says_what_it_was_made_from(run, paint, model: Path):
    argv = ("a house by the sea", "--affect", "joy:0.7+fear:0.3", "--affect-strength", 0.5, "--seed", 3)
    assert paint(*argv, "--guidance-scale", 1.25, "-o", "a.png") == [Path("a.png")]
    made = read_provenance("a.png")
    assert made == read_provenance("a.json")
    assert made.prompt == "a house by the sea" and made.affect == Affect.parse("joy:0.7+fear:0.3")
    assert (made.affect_text, made.affect_strength) == ("joy:0.7+fear:0.3", 0.5)
    assert (made.seed, made.index, made.num_inference_steps, made.size) == (3, 0, 1, (512, 512))
    default = tiny_image_pipeline().guidance_defaults
    assert (made.guidance_scale, made.affect_guidance_scale) == (1.25, default[1])
    assert (made.model, made.model_fingerprint) == (str(model), weights.fingerprint(model))
    assert (made.emotive, made.torch) == (emotive.__version__, torch.__version__)
    assert (made.device, made.dtype, made.threads) == ("cpu", "float32", torch.get_num_threads())
    shown = run("show", "a.png")
    assert shown.code == 0 and shown.err == []
    for fact in ("a house by the sea", "joyful:0.7", "seed 3", "cpu, float32", "--like a.png"):
        assert fact in "\n".join(shown.out)
    assert "\n".join(run("show", "a.png", "--json").out) == made.to_json()


def test_like_makes_the_same_picture_again(run, paint):
    (first,) = paint("a house", "--affect", "joy", "--seed", 3)
    (again,) = paint("--like", first)
    assert again != first and pixels(again) == pixels(first)
    assert replace(read_provenance(again), created="") == replace(read_provenance(first), created="")
    (other,) = paint("--like", first.with_suffix(".json"), "--affect", "fear", "-o", "fear.png")
    assert pixels(other) != pixels(first)
    assert read_provenance(other).affect == Affect.parse("fear") and read_provenance(other).seed == 3
    (sheet,) = paint("--like", first, "--grid", "1x2", "-o", "sheet.png")
    assert read_provenance(sheet).affect is None
    (single,) = paint("--like", sheet, "--affect", "joy", "-o", "single.png")
    assert pixels(single) == pixels(first) and read_provenance(single).grid is None


def test_like_says_what_differs(run, paint):
    (first,) = paint("a house", "--seed", 3)
    assert not run("image", "--like", first, "-o", "same.png").err
    record = json.loads(first.with_suffix(".json").read_text())
    record |= {
        "torch": "1.0",
        "emotive": "0.0.1",
        "threads": 977,
        "device": "cuda:31",
        "model_fingerprint": "0",
    }
    Path("old.json").write_text(json.dumps(record))
    done = run("image", "--like", "old.json", "-o", "new.png")
    assert done.code == 0 and done.out == ["new.png"]
    assert len(done.err) == 5 and all(line.startswith("emotive: note: ") for line in done.err)
    for name in (
        "torch differs: 1.0 then",
        "emotive",
        "977 then",
        "device differs: cuda:31 then",
        "the model",
    ):
        assert name in "\n".join(done.err)


def test_count_numbers_files_that_can_be_made_alone(paint):
    files = paint("a boat", "--affect", "calm", "--seed", 8, "--count", 3, "-o", "b.png")
    assert [f.name for f in files] == ["b-1.png", "b-2.png", "b-3.png"]
    assert [(read_provenance(f).seed, read_provenance(f).index) for f in files] == [(8, 0), (9, 1), (10, 2)]
    assert len({pixels(f) for f in files}) == 3
    (alone,) = paint("a boat", "--affect", "calm", "--seed", 9)
    (again,) = paint("--like", files[1])
    assert alone.name == "emotive-a-boat-calm-9.png" and again.name == "emotive-a-boat-calm-9-2.png"
    assert pixels(files[1]) == pixels(alone) == pixels(again)


def test_a_random_seed_is_told_and_recorded(run, model: Path):
    done = run("image", "a boat", "--model", model, "--steps", 1, "-o", "a.png")
    assert done.out == ["a.png"] and done.err == [f"emotive: note: seed {read_provenance('a.png').seed}"]
    other = run("image", "a boat", "--model", model, "--steps", 1, "-o", "b.png")
    assert other.err != done.err and pixels(Path("a.png")) != pixels(Path("b.png"))


def test_names_say_what_they_show_and_never_overwrite(paint):
    (first,) = paint("A House, by the SEA!", "--affect", "-0.6,0.2", "--seed", 1)
    assert first == Path("emotive-a-house-by-the-sea-v-0.60a+0.20-1.png")
    (second,) = paint("A House, by the SEA!", "--affect", "-0.6,0.2", "--seed", 1)
    assert second.name == "emotive-a-house-by-the-sea-v-0.60a+0.20-1-2.png"
    Path("sub").mkdir()
    (mood,) = paint("", "--affect", "joy:0.5+fear:0.5", "--seed", 2, "-o", "sub/")
    assert mood == Path("sub/emotive-mood-joy-0-5-fear-0-5-2.png")
    (third,) = paint("a boat", "--seed", 1, "-o", mood)  # a name that was given is overwritten
    assert read_provenance(third).prompt == "a boat"


def test_numbers_on_another_scale(paint):
    (there,) = paint("a house", "--affect", "7,3", "--scale", "1..9", "--seed", 1, "-o", "a.png")
    (here,) = paint("a house", "--affect", "0.5,-0.5", "--seed", 1, "-o", "b.png")
    (named,) = paint("a house", "--affect", "joy", "--scale", "-3..3", "--seed", 1, "-o", "c.png")
    assert pixels(there) == pixels(here)
    made = read_provenance(there)
    assert made.affect == Affect(0.5, -0.5) and (made.affect_text, made.affect_scale) == ("7,3", (1.0, 9.0))
    assert read_provenance(named).affect == Affect.parse("joy")


def test_a_grid_is_one_sheet_with_its_cells(paint):
    (sheet,) = paint("a house", "--grid", "2x3", "--seed", 4)
    assert sheet.name == "emotive-a-house-grid-2x3-4.png"
    cells = json.loads(sheet.with_suffix(".json").read_text())["cells"]
    assert [(c["row"], c["column"], c["valence"], c["arousal"]) for c in cells] == [
        (r, c, v, a) for r, a in enumerate((1, -1)) for c, v in enumerate((-1, 0, 1))
    ]
    (again,) = paint("--like", sheet)
    assert pixels(again) == pixels(sheet)


def test_a_curve_becomes_frames(paint, tmp_path: Path):
    Path("c.csv").write_text("time,valence,arousal\n0,-1,0\n0.5,1,0.5\n")
    files = paint("a house", "--curve", "c.csv", "--fps", 6, "--seed", 4)
    folder = Path("emotive-a-house-curve-4")
    assert files == [folder / f"frame-000{i}.png" for i in (1, 2, 3)] + [folder / "animation.webp"]
    assert {p.name for p in folder.iterdir()} == {f.name for f in files} | {"animation.json"}
    frame = read_provenance(files[1])
    assert frame.affect is not None and frame.affect.valence == pytest.approx(-1 + 2 / 3)
    (alone,) = paint("--like", files[1])
    assert pixels(alone) == pixels(files[1])
    (gif,) = paint("--like", files[-1], "-o", "film.gif")
    with Image.open(gif) as film:
        assert film.n_frames == 3  # type: ignore[attr-defined]
    (slow,) = paint("--like", gif, "--fps", 2, "-o", "slow.webp")
    assert read_provenance(slow).fps == 2 and not [p for p in os.listdir(tmp_path) if p.startswith(".")]


def test_unknown_words_are_one_note(run, model: Path):
    done = run("image", "a house and a gryphon", "--seed", 1, "--model", model, "--steps", 1, "--grid", "2x2")
    assert done.code == 0 and len(done.out) == 1
    assert len(done.err) == 1 and done.err[0].startswith("emotive: note: ") and "gryphon" in done.err[0]


def broken(model: Path, folder: Path, how: str) -> Path:
    """A copy of the model with something wrong in it."""
    shutil.copytree(model, folder)
    heavy = sorted(folder.rglob("*.safetensors"))[0]
    if how == "truncated":
        heavy.write_bytes(heavy.read_bytes()[:-100])
    elif how == "altered":
        data = bytearray(heavy.read_bytes())
        data[-1] ^= 1
        heavy.write_bytes(data)
    elif how == "pickle":
        (folder / "denoiser" / "weights.bin").write_bytes(b"\x80\x04.")
    elif how == "headless":
        (folder / "model_index.json").unlink()
        weights.write_sums(folder)
    return folder


@pytest.mark.parametrize("how", ["truncated", "altered", "pickle", "headless", "missing", "name", "file"])
def test_models_that_are_broken_or_missing(run, model: Path, tmp_path: Path, how: str):
    if how == "missing":
        chosen = "./none"
    elif how == "name":
        chosen = "emotive-imgae-1"
    elif how == "file":
        chosen = next(model.glob("*.json"))
    else:
        chosen = broken(model, tmp_path / "model", how)
    refused(run("image", "a house", "--model", chosen, "--seed", 1, "-o", tmp_path / "a.png"))
    assert not (tmp_path / "a.png").exists()


BAD = {
    "nothing": ([], "say what to paint"),
    "blank": (["  "], "say what to paint"),
    "affect out of range": (["a house", "--affect", "1.5,0"], "out of range"),
    "affect far out": (["a house", "--affect", "0,-7,0"], "out of range"),
    "NaN": (["a house", "--affect", "nan,0"], "finite"),
    "one number": (["a house", "--affect", "0.5"], "neither valence,arousal"),
    "four numbers": (["a house", "--affect", "1,1,1,1"], "nor valence,arousal,dominance"),
    "empty affect": (["a house", "--affect", ""], "empty"),
    "misspelt": (["a house", "--affect", "joi"], "joy"),
    "misspelt in a mixture": (["a house", "--affect", "joy:0.5+feer:0.5"], "fear"),
    "strength NaN": (["a house", "--affect-strength", "nan"], "affect_strength"),
    "negative strength": (["a house", "--affect-strength", "-1"], "affect_strength"),
    "guidance": (["a house", "--guidance-scale", "inf"], "guidance_scale"),
    "no steps": (["a house", "--steps", "0"], "steps"),
    "many steps": (["a house", "--steps", "1001"], "steps"),
    "steps in words": (["a house", "--steps", "four"], "--steps"),
    "negative seed": (["a house", "--seed", "-1"], "seed"),
    "large seed": (["a house", "--seed", str(2**64)], "seed"),
    "no pictures": (["a house", "--count", "0"], "--count"),
    "many pictures": (["a house", "--count", "10001"], "--count"),
    "flat grid": (["a house", "--grid", "0x5"], "grid"),
    "one side": (["a house", "--grid", "5"], "ROWSxCOLUMNS"),
    "grid in words": (["a house", "--grid", "axb"], "ROWSxCOLUMNS"),
    "large grid": (["a house", "--grid", "22x1"], "grid"),
    "grids to count": (["a house", "--grid", "2x2", "--count", "2"], "--count"),
    "grid and affect": (["a house", "--grid", "2x2", "--affect", "joy"], "exclude"),
    "scale upside down": (["a house", "--affect", "3,3", "--scale", "9..1"], "LOW..HIGH"),
    "scale in words": (["a house", "--affect", "3,3", "--scale", "likert"], "LOW..HIGH"),
    "off the scale": (["a house", "--affect", "0,3", "--scale", "1..9"], "outside the scale"),
    "scale of nothing": (["a house", "--scale", "1..9"], "--affect"),
    "no curve": (["a house", "--curve", "none.csv"], "no such file"),
    "curve in words": (["a house", "--curve", "words.csv"], "words.csv, line 2"),
    "curve of nothing": (["a house", "--curve", "empty.csv"], "empty"),
    "curve backwards": (["a house", "--curve", "back.csv"], "line 3"),
    "curve of a picture": (["a house", "--curve", "a.bin"], ".csv"),
    "curve too long": (["a house", "--curve", "long.csv"], "frames"),
    "no frames": (["a house", "--curve", "good.csv", "--fps", "0"], "frames per second"),
    "frames of nothing": (["a house", "--fps", "30"], "--curve"),
    "a film as png": (["a house", "--curve", "good.csv", "-o", "film.png"], ".webp or .gif"),
    "no folder": (["a house", "-o", "none/a.png"], "does not exist"),
    "no such folder": (["a house", "-o", "none/"], "does not exist"),
    "a file as folder": (["a house", "-o", "words.csv/a.png"], "not a folder"),
    "jpeg": (["a house", "-o", "a.jpg"], ".png"),
    "no suffix": (["a house", "-o", "picture"], ".png"),
    "someone's json": (["a house", "-o", "mine.png"], "not Emotive's"),
    "no device": (["a house", "--device", "toaster"], "unknown device"),
    "no dtype": (["a house", "--dtype", "fp7"], "unknown dtype"),
    "nothing to remake": (["--like", "none.png"], "does not exist"),
    "remake of a table": (["--like", "words.csv"], "words.csv"),
    "remake of any json": (["--like", "mine.json"], "no Emotive provenance"),
    "no such option": (["a house", "--colour", "red"], "--colour"),
    "two prompts": (["a house", "a boat"], "a boat"),
    "not text": (["a house \udcff"], "not text"),
    "unknown prompt": (["xyzzy plugh"], "xyzzy"),
    "endless prompt": (["a house " * 12_500], "100000 characters"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(run, model: Path, tmp_path: Path, name: str):
    head = "time,valence,arousal\n"
    files = {
        "words.csv": head + "0,happy,sad\n",
        "empty.csv": "",
        "back.csv": head + "1,0,0\n0,0,0\n",
        "long.csv": head + "0,0,0\n1e9,0,0\n",
        "good.csv": head + "0,0,0\n1,0,0\n",
        "a.bin": "\0",
        "mine.json": '{"mine": true}',
    }
    for file, text in files.items():
        (tmp_path / file).write_text(text)
    argv, expected = BAD[name]
    settings = [] if "--like" in argv else ["--model", str(model)]
    line = refused(run("image", *argv, *settings, *([] if "--seed" in argv else ["--seed", "1"])))
    assert expected in line
    assert sorted(os.listdir(tmp_path)) == sorted(files)  # and nothing is left behind


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_cuda_without_one(run, model: Path):
    assert "CUDA" in refused(run("image", "a house", "--model", model, "--device", "cuda"))


@pytest.mark.parametrize(
    "argv", [["paint"], ["--what"], ["train"], ["show"], ["show", "none.png"], ["train", "film"]]
)
def test_usage_errors_are_one_line(run, argv: list[str]):
    refused(run(*argv))


def test_damaged_provenance_does_not_get_far(run, paint):
    (file,) = paint("a house", "--seed", 1)
    record = json.loads(file.with_suffix(".json").read_text())
    for change in (
        {"grid": [900, 900]},
        {"num_inference_steps": 10**9},
        {"medium": "speech"},
        {"seed": 2**70},
    ):
        Path("b.json").write_text(json.dumps(record | change))
        refused(run("image", "--like", "b.json"))
    del record["affect"]
    Path("b.json").write_text(json.dumps(record))
    assert "neither an affect" in refused(run("image", "--like", "b.json"))


def test_text_from_files_does_not_steer_the_terminal(run, paint):
    (file,) = paint("a house", "--seed", 1)
    record = json.loads(file.with_suffix(".json").read_text()) | {"prompt": "\x1b[2Ja house\x07"}
    Path("b.json").write_text(json.dumps(record))
    assert not [line for line in run("show", "b.json").out if not line.isprintable()]


def test_a_fault_is_one_line_and_interrupts_leave_nothing(run, model: Path, tmp_path: Path, monkeypatch):
    from emotive.pipelines.image import EmotiveImagePipeline

    (tmp_path / "c.csv").write_text("time,valence,arousal\n0,0,0\n1,0,0\n")
    calls = []

    def failing(error: BaseException):
        def decode(self, latents):
            calls.append(1)
            if len(calls) % 3 == 0:
                raise error
            return original(self, latents)

        return decode

    original = EmotiveImagePipeline.decode
    film = ("image", "a house", "--curve", "c.csv", "--fps", 5, "--model", model, "--steps", 1, "--seed", 1)
    sheet = ("image", "a house", "--grid", "2x2", "--model", model, "--steps", 1, "--seed", 1)
    for argv in (film, sheet, (*film, "-o", "film.gif")):
        monkeypatch.setattr(EmotiveImagePipeline, "decode", failing(RuntimeError("two\nlines")))
        done = run(*argv)
        assert done.code == 1 and done.out == []
        assert done.err == ["emotive: fault: RuntimeError: two lines (EMOTIVE_TRACEBACK=1 shows where)"]
        monkeypatch.setattr(EmotiveImagePipeline, "decode", failing(KeyboardInterrupt()))
        assert run(*argv) == Run(130, [], [])
        assert os.listdir(tmp_path) == ["c.csv"]
    monkeypatch.setenv("EMOTIVE_TRACEBACK", "1")
    monkeypatch.setattr(EmotiveImagePipeline, "decode", failing(RuntimeError("seen")))
    with pytest.raises(RuntimeError, match="seen"):
        run(*film)


def test_info(run):
    done = run("info", "--json")
    assert done.code == 0 and done.err == []
    facts = json.loads("\n".join(done.out))
    assert facts["versions"]["torch"] == torch.__version__
    assert facts["device"] in ("cpu", "cuda", "mps") and facts["dtype_reason"]
    assert [m["name"] for m in facts["models"]] == [m.name for m in weights.embedded()]
    joy = next(e for e in facts["emotions"] if e["term"] == "joyful")
    assert (joy["valence"], joy["arousal"], joy["dominance"]) == (0.76, 0.48, 0.35)
    assert len(facts["label_sets"]["mikels"]) == 8
    text = "\n".join(run("info").out)
    assert "joyful" in text and facts["dtype_reason"] in text and emotive.__version__ in text


def test_vocabulary(run, model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(weights, "CHECKPOINTS", tmp_path)
    assert "install the package again" in refused(run("info", "--vocabulary"))
    shutil.copytree(model / "text_encoder", tmp_path / "emotive-image-1" / "text_encoder")
    done = run("info", "--vocabulary")
    assert done.code == 0 and done.out[0] == "subject"
    assert any("house, cottage" in line for line in done.out)
    words = json.loads(run("info", "--vocabulary", "--json").out[0])
    assert "cottage" in words["subject"]["house"] and "the" in words["other"]


def test_demo_is_a_page_with_its_pictures_clips_and_videos(
    run, model: Path, speech_model: Path, head_model: Path
):
    models = ("--model", model, "--speech-model", speech_model, "--head-model", head_model)
    done = run("demo", "-o", "new/demo", *models, "--device", "cpu")
    assert done.code == 0 and done.err == []
    assert done.out == [str(Path("new/demo/index.html"))]
    pictures = sorted(Path("new/demo").glob("[0-9]*.png"))
    assert [read_provenance(p).prompt for p in pictures] == [*(prompt for prompt, _ in SCENES), GRID]
    page = Path("new/demo/index.html").read_text("utf-8")
    assert all(f"./{p.name}" in page for p in pictures)
    clips = {p.stem: read_provenance(p) for p in Path("new/demo").glob("*.wav")}
    assert {name: (made.affect_text, made.prompt) for name, made in clips.items()} == {
        f"speech-{feeling}": (feeling, SENTENCE) for feeling in SPOKEN
    }
    assert all(f'src="./{name}.{kind}"' in page for name in clips for kind in ("wav", "png"))
    for feeling in SPOKEN:
        video = Path(f"new/demo/head-{feeling}.mp4")
        made, heard = read_provenance(video), clips[f"speech-{feeling}"]
        assert made.medium == "head" and (made.affect, made.prompt) == (heard.affect, heard.prompt)
        assert f'src="./{video.name}"' in page and f'poster="./head-{feeling}.png"' in page
    assert len(SCENES) >= 13 and "" in [prompt for prompt, _ in SCENES]
    Path("file").write_text("")
    assert "cannot make the folder" in refused(run("demo", "-o", "file/demo"))


def test_training_without_its_extra_is_one_line(run, monkeypatch: pytest.MonkeyPatch):
    for name in [n for n in sys.modules if n.startswith("emotive.data.") or n == "skia"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "skia", None)
    line = refused(run("train", "image", "-o", "out", "--minutes", "1"))
    assert 'pip install "emotive[train]"' in line and not Path("out").exists()
    assert "--minutes" in refused(run("train", "image", "-o", "out", "--minutes", "nan"))


def test_training_hands_its_options_to_the_recipe(run, monkeypatch: pytest.MonkeyPatch):
    import emotive.train.image as recipes

    real, calls = inspect.signature(recipes.train_image), []

    def recipe(*args, report, **options):
        calls.append(real.bind(*args, report=report, **options).arguments)
        report("denoiser: 1 minute left")
        return args[0] / "emotive-image-1"

    monkeypatch.setattr(recipes, "train_image", recipe)
    done = run("train", "image", "-o", "new/out")
    assert done == Run(0, [str(Path("new/out/emotive-image-1"))], ["denoiser: 1 minute left"])
    asked = {"minutes": 2.5, "device": "cpu", "init": "emotive-affect-1", "seed": 3}
    asked |= {"painters": 2, "capacity": 512, "batch_size": 8, "compile": True}
    argv = [f"--{name.replace('_', '-')}={value}" for name, value in asked.items() if value is not True]
    assert run("train", "image", "-o", "new/out", "--compile", *argv).code == 0
    given, then = (dict(call) for call in calls)
    assert {name: then[name] for name in asked} == asked
    defaults = {name: parameter.default for name, parameter in real.parameters.items() if name in asked}
    assert {name: given[name] for name in asked} == defaults  # the command's defaults are the recipe's


@pytest.mark.parametrize(
    "option",
    "minutes=0 minutes=inf seed=-1 painters=0 capacity=10 batch-size=1 device=toaster init=emotive-imgae-1 "
    "init=./none".split(),
)
def test_training_on_nonsense_is_one_line(run, option: str):
    line = refused(run("train", "image", "-o", "out", f"--{option}"))
    assert option.partition("=")[2].removeprefix("./").removesuffix(".0") in line
    assert not Path("out").exists()


def test_help_and_version_load_nothing_heavy(tmp_path: Path):
    script = """
import sys
from emotive.cli import main
assert main(sys.argv[1:]) == 0
heavy = {"torch", "diffusers", "numpy", "PIL", "rich", "huggingface_hub"} & set(sys.modules)
assert not heavy, heavy
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(emotive.__file__).parent.parent)}
    for argv in ([], ["--help"], ["image", "--help"], ["--version"], ["train", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", script, *argv],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0 and done.stderr == "", done.stderr
        assert "emotive" in done.stdout


def test_a_process_of_its_own(model: Path, tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(Path(emotive.__file__).parent.parent)}
    command = [
        sys.executable,
        "-m",
        "emotive.cli",
        "image",
        "--model",
        str(model),
        "--seed",
        "1",
        "-o",
        "a.png",
    ]
    for prompt, code in (("a house", 0), ("xyzzy", 2)):
        done = subprocess.run(
            [*command, prompt], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == code
        assert done.stdout == ("a.png\n" if code == 0 else "")
        assert len(done.stderr.splitlines()) == (0 if code == 0 else 1), done.stderr
