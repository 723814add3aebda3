"""`emotive edit`: ours and others' pictures, from the command line."""

from pathlib import Path

import numpy as np
import pytest
from command import refused
from PIL import Image

from emotive.affect import Affect
from emotive.media.provenance import read_provenance


def pixels(file: str) -> bytes:
    return Image.open(file).tobytes()


@pytest.fixture
def settings(model: Path) -> tuple:
    return ("--model", model, "--device", "cpu", "--dtype", "fp32")


def test_our_picture_comes_out_as_if_painted_so_and_can_be_remade(run, settings: tuple):
    here = ("image", "a house in a meadow", *settings, "--steps", 1, "--seed", 4)
    assert run(*here, "--affect", "0.5,0.5", "-o", "a.png").code == 0
    assert run(*here, "--affect", "sad", "-o", "direct.png").code == 0
    done = run("edit", "a.png", "--affect", "sad", *settings, "-o", "sad.png")
    assert (done.code, done.out) == (0, ["sad.png"])
    assert "words, seed and noise as in the source" in done.err[-1]
    assert pixels("sad.png") == pixels("direct.png")
    made = read_provenance("sad.png")
    assert made.affect == Affect.parse("sad") and made.extra["edited_from"] == "a.png"
    assert run("image", "--like", "sad.png", "-o", "again.png").code == 0
    assert pixels("again.png") == pixels("direct.png")


def test_a_photograph_is_marked_as_processed(run, settings: tuple):
    Image.fromarray(np.arange(64 * 48 * 3, dtype=np.uint32).reshape(48, 64, 3).astype(np.uint8)).save("p.jpg")
    done = run("edit", "p.jpg", "--affect", "joy", *settings)
    assert done.code == 0 and done.out == ["p-v+0.76a+0.48.png"], done
    assert "preserved: structure" in done.err[-1]
    assert Image.open(done.out[0]).size == (64, 48)
    made = read_provenance(done.out[0])
    assert "img2img" in made.extra["processed"] and made.extra["strength"] == 0.6
    assert "was edited by" in made.statement
    assert b"compositeWithTrainedAlgorithmicMedia" in Path(done.out[0]).read_bytes()
    shown = "\n".join(run("show", done.out[0]).out)
    assert "p.jpg" in shown and "--like" not in shown
    assert "cannot be remade" in refused(run("image", "--like", done.out[0]))


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["missing.png", "--affect", "joy"], "missing.png does not exist"),
        (["empty.png", "--affect", "joy"], "empty"),
        (["text.png", "--affect", "joy"], "text.png is not a picture"),
        (["moving.gif", "--affect", "joy"], "animated"),
        (["good.png", "--affect", "joyy"], "joy"),
        (["good.png", "--affect", "joy", "-o", "good.png"], "is the picture to edit"),
        (["good.png", "--affect", "joy", "-o", "out.jpg"], ".png"),
        (["good.png", "--affect", "joy", "--strength", 2], "strength"),
        (["good.png", "--affect", "joy", "--seed", -1], "--seed"),
        (["good.png", "--affect", "joy", "--affect-strength", "nan"], "--affect-strength"),
        (["good.png", "--affect", "joy", "-o", ""], "--output is empty"),
        (["good.png", "--affect", "joy", "-o", "x" * 300 + ".png"], "too long"),
    ],
)
def test_bad_input_is_one_line(run, settings: tuple, argv: list, says: str):
    Path("empty.png").touch()
    Path("text.png").write_text("not a picture")
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    frames[0].save("good.png")
    before = set(Path().iterdir())
    assert says in refused(run("edit", *argv, *settings))
    assert set(Path().iterdir()) == before


@pytest.mark.parametrize("way", [(), ("--inversion",)])
def test_another_model_paints_over_any_picture(run, tmp_path_factory: pytest.TempPathFactory, way: tuple):
    from tiny_backbones import tiny_backbone

    sd = tmp_path_factory.mktemp("backbones") / "sd"
    tiny_backbone("sd").save_pretrained(sd)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 48, 3), np.uint8)).save("p.png")
    here = ("--model", sd, "--adapter", "blend", "--device", "cpu", "--dtype", "fp32", "--steps", 4)
    done = run("edit", "p.png", "--affect", "joy", "--prompt", "a house", *here, *way)
    assert done.code == 0, done.err
    assert Image.open(done.out[0]).size == (48, 32) and "preserved: structure" in done.err[-1]
    made = read_provenance(done.out[0])
    assert made.extra["processed"] == ("inversion" if way else "img2img") and made.extra["strength"] == 0.5
    assert made.backbone["adapter"] == "blend" and made.num_inference_steps == 4
    neutral = run("edit", "p.png", "--affect", "joy", "--affect-strength", 0, *here, *way, "-o", "n.png")
    assert neutral.code == 0 and pixels("n.png") != pixels(done.out[0])
    assert "less than one step" in refused(run("edit", "p.png", "--affect", "joy", *here[:-1], 1, *way))
    assert "--texture" in refused(run("edit", "p.png", "--affect", "joy", *here, "--texture", 1))


def test_ours_does_not_take_what_is_for_others(run, settings: tuple):
    Image.new("RGB", (32, 32)).save("p.png")
    for argv in (("--steps", 3), ("--inversion",), ("--adapter", "blend"), ("--offload", "model")):
        line = refused(run("edit", "p.png", "--affect", "joy", *settings, *argv))
        assert f"{argv[0]} is for diffusion models of others" in line
