"""`emotive image --model` with diffusion models of others: files that can be made again, and one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from command import refused
from PIL import Image
from tiny_backbones import tiny_backbone

from emotive.backbones.blend import AffectBlend
from emotive.cli.backbone import parsed_amounts, parsed_size
from emotive.errors import InputError
from emotive.media.provenance import read_provenance
from emotive.pipelines.with_affect import with_affect


@pytest.fixture(scope="module")
def sd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backbones") / "sd"
    tiny_backbone("sd").save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backbones") / "flux"
    tiny_backbone("flux").save_pretrained(folder)
    return folder


@pytest.fixture
def paint(run, sd: Path):
    """`emotive image` with the tiny Stable Diffusion on the CPU in fp32, two steps; the printed paths."""

    def paint(*argv: object, model: Path = sd) -> list[Path]:
        settings = ("--model", model, "--device", "cpu", "--dtype", "fp32", "--steps", 2)
        settings += ("--adapter", "blend")
        done = run("image", *argv, *(() if "--like" in argv else settings))
        assert done.code == 0, done.err
        return [Path(line) for line in done.out]

    return paint


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_a_picture_is_what_the_pipeline_makes_and_says_how(run, paint):
    paint("a house", "--affect", "0.4,-0.7", "--seed", 3, "--size", 16, "--guidance-scale", 4, "-o", "a.png")
    pipe = with_affect(tiny_backbone("sd"), AffectBlend())
    wanted = pipe(
        ["a house"],
        affect=["0.4,-0.7"],
        num_inference_steps=2,
        guidance_scale=4.0,
        height=16,
        width=16,
        generator=[torch.Generator().manual_seed(3)],
    )
    assert np.array_equal(pixels(Path("a.png")), np.asarray(wanted.images[0]))
    made = read_provenance("a.png")
    assert made.backbone["adapter"] == "blend" and made.backbone["size"] == [16, 16]
    assert made.backbone["adapter_fingerprint"] == AffectBlend().fingerprint()
    assert (made.num_inference_steps, made.guidance_scale, made.affect_guidance_scale) == (2, 4, 1)
    assert made.texture == 0 and len(made.model_fingerprint) == 64 and made.size == (16, 16)
    shown = run("show", "a.png")
    assert "blend" in "\n".join(shown.out)


def test_like_makes_it_again(run, paint, sd: Path):
    Image.new("RGB", (32, 16), "teal").save("start.png")
    paint(
        "a house",
        "--affect",
        "fear",
        "--size",
        "16x32",
        "--seed",
        5,
        "--negative-prompt",
        "ugly",
        "--init-image",
        "start.png",
        "--strength",
        1,
        "-o",
        "a.png",
    )
    again = run("image", "--like", "a.png", "-o", "b.png")
    assert again.code == 0 and again.err == []
    assert np.array_equal(pixels(Path("a.png")), pixels(Path("b.png")))
    assert read_provenance("b.png").backbone == read_provenance("a.png").backbone
    other = run("image", "--like", "a.png", "--affect", "joy", "-o", "c.png")
    assert other.code == 0 and not np.array_equal(pixels(Path("a.png")), pixels(Path("c.png")))
    Image.new("RGB", (32, 16), "red").save("start.png")
    assert "not the picture that was started from" in refused(run("image", "--like", "a.png", "-o", "d.png"))


def test_grids_curves_counts_and_sets(run, paint, sd: Path):
    (grid,) = paint("a house", "--grid", "2x3", "--size", 16, "-o", "grid.png")
    assert read_provenance(grid).grid == (2, 3)
    paths = paint("a house", "--affect", "joy", "--count", 2, "--size", 16, "-o", "n.png")
    assert [read_provenance(p).seed - read_provenance(paths[0]).seed for p in paths] == [0, 1]
    Path("prompts.txt").write_text("a house\na prickly quux\n")
    done = run(
        "image",
        "--prompts",
        "prompts.txt",
        "--grid",
        "2x1",
        "-o",
        "set",
        "--model",
        sd,
        "--adapter",
        "blend",
        "--steps",
        1,
        "--size",
        16,
        "--device",
        "cpu",
        "--dtype",
        "fp32",
    )
    assert done.code == 0, done.err
    assert len(Path("set/stimuli.csv").read_text().splitlines()) == 5
    assert json.loads(Path("set/stimuli.json").read_text())["backbone"]["adapter"] == "blend"


def test_flux_takes_the_same_command(paint, flux: Path):
    (path,) = paint("a house", "--affect", "joy", "--size", 16, "-o", "a.png", model=flux)
    assert pixels(path).shape == (16, 16, 3)


def test_directions_are_fitted_kept_and_used(run, sd: Path):
    here = ("--device", "cpu", "--dtype", "fp32")
    fitted = run("train", "directions", "--model", sd, "-o", "mine", *here)
    assert fitted.code == 0 and fitted.out == ["mine"], fitted.err
    for adapter, name in (("mine", "a.png"), ("directions", "b.png")):
        done = run(
            "image",
            "a house",
            "--affect",
            "joy",
            "--model",
            sd,
            "--adapter",
            adapter,
            "--seed",
            1,
            "--steps",
            2,
            "--size",
            16,
            "-o",
            name,
            *here,
        )
        assert done.code == 0, done.err
    assert np.array_equal(pixels(Path("a.png")), pixels(Path("b.png")))


BAD = [
    (("--size", "16by16"), "is not WIDTHxHEIGHT"),
    (("--size", "17"), "17"),
    (("--strength", 0.5), "--strength goes with --init-image"),
    (("--init-image", "nowhere.png"), "nowhere.png"),
    (("--texture", 1), "--texture is laid on pictures of the embedded model only"),
    (("--adapter", "mapper"), "give the folder"),
    (("--adapter", "nonsense"), "nonsense"),
    (("--lora", "nowhere.safetensors"), "nowhere.safetensors"),
    (("--offload", "model"), "offload"),
    (("--offload", "everything"), "everything"),
    (("--direction", "prickly:0.7"), "prickly"),
    (("--negative-prompt", "ugly", "--guidance-scale", 1), "needs guidance above 1"),
    (("--affect-strength", 11), "11"),
]


@pytest.mark.parametrize(("argv", "line"), BAD)
def test_bad_options_are_one_line(run, sd: Path, argv: tuple, line: str):
    asked = ("a house", "--affect", "joy", "--model", sd, "--steps", 2, "-o", "a.png", "--device", "cpu")
    adapter = () if "--adapter" in argv else ("--adapter", "blend")
    size = () if "--size" in argv else ("--size", 16)
    assert line in refused(run("image", *asked, *adapter, *size, *argv))
    assert not Path("a.png").exists()


@pytest.mark.parametrize(
    "argv",
    [
        ("--adapter", "blend"),
        ("--size", 16),
        ("--lora", "a"),
        ("--negative-prompt", "x"),
        ("--init-image", "a"),
    ],
)
def test_the_embedded_model_does_not_take_them(run, model: Path, argv: tuple):
    line = refused(run("image", "a house", "--model", model, *argv))
    assert f"{argv[0]} is for diffusion models of others" in line


def test_names_may_hold_colons_and_amounts_may_be_left_out():
    assert parsed_amounts(["a:0.5", "b", r"C:\x.safetensors:-1", r"C:\y"], "--lora") == (
        ("a", 0.5),
        ("b", 1.0),
        (r"C:\x.safetensors", -1.0),
        (r"C:\y", 1.0),
    )
    assert parsed_size("768x512") == (768, 512) and parsed_size("512") == (512, 512)
    with pytest.raises(InputError, match="names nothing"):
        parsed_amounts([":0.5"], "--lora")


@pytest.mark.parametrize("how", [("--best-of", 3), ("--refine", 2)])
def test_what_a_judge_chose_is_remade_alone(run, paint, how: tuple):
    asked = ("a house", "--affect", "joy", "--size", 16, "--seed", 5, "--count", 2, "-o", "a.png")
    first, second = paint(*asked, *how)
    made = read_provenance(second)
    assert made.extra["chosen_by"] != made.extra["distance_by"]
    assert set(made.extra["distance"]) == {"chosen", "first", "mean"}
    if how[0] == "--best-of":
        assert made.extra["chosen_of"] == 3 and made.seed in (8, 9, 10)
        assert read_provenance(first).seed in (5, 6, 7)
    again = run("image", "--like", second, "-o", "again.png")
    assert again.code == 0 and np.array_equal(pixels(second), pixels(Path("again.png")))
    assert "--best-of and --refine go with single" in refused(run("image", "a", "--grid", "2x2", *how))
    assert "does not go with it" in refused(run("image", "--prompts", "p.txt", *how))
