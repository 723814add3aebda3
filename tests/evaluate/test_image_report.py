"""The picture protocol from end to end, on few captions and a tiny model: arms, numbers, report."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny_image_pipeline

import emotive
from emotive.affect import Affect
from emotive.data.brush import Brush
from emotive.data.painter import on_canvas
from emotive.data.scenes import SUBJECTS
from emotive.data.style import style
from emotive.errors import InputError
from emotive.evaluate import report as reports
from emotive.evaluate.colour_grade import colour_grade, from_oklab, mood, to_oklab, unmood
from emotive.evaluate.image import affect_grid, batches_of, evaluate_image, held_out_captions, model_arms
from emotive.evaluate.report import Evaluation, check_report_folder, write_report
from emotive.evaluate.targets import image_targets
from emotive.perceive.published import PublishedJudge
from emotive.perceive.scene import SceneReader
from emotive.pipelines.image import EmotiveImagePipeline
from emotive.weights import fingerprint, resolve, write_sums

JUDGES = {"picture": PublishedJudge(-0.31), "published": PublishedJudge()}
COMMAND = "emotive evaluate image --captions 2 -o DIR"


@pytest.fixture(scope="module")
def pipe(tmp_path_factory: pytest.TempPathFactory) -> EmotiveImagePipeline:
    folder = tmp_path_factory.mktemp("model") / "tiny"
    tiny_image_pipeline().save_pretrained(folder)
    write_sums(folder)
    made = EmotiveImagePipeline.from_pretrained(folder)
    made.set_progress_bar_config(disable=True)
    return made


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def made(pipe, told) -> Evaluation:
    reader = SceneReader.from_pretrained("emotive-scene-reader-1")
    sizes = {"captions": 2, "grid": (3, 3), "steps": 2, "resamples": 200, "neighbours": 20}
    return evaluate_image(pipe, JUDGES, reader, **sizes, command=COMMAND, progress=told.append)


# -- what is asked for -----------------------------------------------------------------------------------


def test_captions_are_held_out_unlike_and_the_same_every_time():
    captions = held_out_captions(24)
    assert all(c.scene.reserved for c in captions)
    assert len({c.scene for c in captions}) == 24
    assert len({c.noise(seed) for c in captions for seed in (1, 2, 3)}) == 72
    assert [c.scene.subject for c in captions[:12]] == list(SUBJECTS)
    assert held_out_captions(5) == captions[:5]
    for number in (0, 10_000):
        with pytest.raises(InputError, match=f"not {number}"):
            held_out_captions(number)


def test_the_grid_covers_the_plane_with_high_arousal_on_top():
    points = np.array([[a.valence, a.arousal] for a in affect_grid(5, 3)])
    assert points[0] == pytest.approx([-0.9, 0.9]) and points[-1] == pytest.approx([0.9, -0.9])
    assert sorted(set(points[:, 1].round(9))) == pytest.approx([-0.9, -0.45, 0, 0.45, 0.9])
    assert sorted(set(points[:, 0].round(9))) == pytest.approx([-0.9, 0, 0.9])
    assert np.corrcoef(points.T)[0, 1] == pytest.approx(0)
    with pytest.raises(InputError, match="1x5"):
        affect_grid(1, 5)


# -- arms ------------------------------------------------------------------------------------------------


def test_the_model_arm_is_the_pipeline_as_it_ships(pipe):
    (one,) = held_out_captions(1)
    affects = affect_grid(2, 2)
    arms = model_arms(pipe, steps=2)
    for arm, options in {
        "model": {"num_inference_steps": 2},
        "no_texture": {"num_inference_steps": 2, "texture": 0.0},
        "one_step": {"num_inference_steps": 1},
    }.items():
        noise = [torch.Generator().manual_seed(one.noise(7)) for _ in affects]
        shipped = pipe([one.text] * 4, affects, generator=noise, output_type="np", **options).images
        painted = np.stack(arms[arm](one, affects, 7))
        assert painted.dtype == np.uint8 and painted.shape == (4, 512, 512, 3)
        assert np.abs(painted / 255 - shipped).max() < 0.51 / 255 + 1e-3
    noise = torch.Generator().manual_seed(one.noise(7))
    options = {"num_inference_steps": 2, "generator": noise, "output_type": "np"}
    neutral = pipe(one.text, Affect.neutral(), **options).images[0]
    constant = arms["constant"](one, affects, 7)
    assert len(constant) == 4 and all(item is constant[0] for item in constant)
    assert np.abs(constant[0] / 255 - neutral).max() < 0.51 / 255 + 1e-3


def test_a_colour_grade_to_neutral_changes_nothing():
    rng = np.random.default_rng(0)
    picture = rng.integers(30, 226, (16, 16, 3)).astype(np.uint8)
    (same,) = colour_grade(picture, [Affect.neutral()])
    assert np.abs(same.astype(int) - picture).max() <= 1
    assert np.abs(from_oklab(to_oklab(picture)).astype(int) - picture).max() <= 1


@pytest.mark.parametrize("valence, arousal", [(0.9, 0.9), (-0.9, 0.9), (-0.9, -0.9), (0.9, -0.9), (0.3, 0)])
def test_a_colour_grade_is_what_the_painter_would_have_mixed(valence, arousal):
    affect, paints = Affect(valence, arousal), [(0.5, 0.02, 0.03), (0.7, -0.04, 0.05), (0.4, 0.01, -0.06)]

    def flat(paint, affect: Affect) -> np.ndarray:
        def compose(brush: Brush) -> None:
            brush.canvas.clear(brush.colour(paint))

        return on_canvas(compose, affect, seed=0, size=4)

    for paint in paints:
        (graded,) = colour_grade(flat(paint, Affect.neutral()), [affect])
        assert np.abs(graded.astype(int) - flat(paint, affect)).max() <= 3  # rounding, twice
        of = style(valence, arousal)
        np.testing.assert_allclose(unmood(mood(np.array(paint), of), of), paint, atol=1e-9)


# -- numbers ---------------------------------------------------------------------------------------------


def test_the_report_has_every_number(made, pipe):
    found = made.report
    assert found["n"] == 2 * 9 and found["grid"] == [3, 3] and found["seeds"] == [1]
    assert found["emotive"] == emotive.__version__ and found["command"] == COMMAND
    numbers = {"ccc", "interval", "spearman", "pearson", "slope", "intercept", "ccc_after_colour"}
    for of in (found, found["judges"]["published"]):
        assert set(of["baselines"]) == {"constant", "shuffled", "colour_grade", "teacher"}
        assert set(of["variants"]) == {"one_step", "no_texture"}
        for arm in (of, *of["baselines"].values(), *of["variants"].values()):
            assert set(arm["axes"]) == {"valence", "arousal"}
            assert set(arm["leakage"]) == {"valence_to_arousal", "arousal_to_valence"}
            for axis in arm["axes"].values():
                assert set(axis) | {"interval"} == numbers
    assert set(found["content"]["kinds"]) == {"subject", "setting", "time", "weather"}
    assert {corner["n"] for corner in found["content"]["corners"].values()} == {2}
    assert {"kid", "kid_teacher_halves", "high_frequency", "nearest_neighbour"} <= set(found["quality"])
    assert found["model"]["fingerprint"] == fingerprint(str(pipe._folder)) == pipe.fingerprint()
    assert found["scene_reader"]["fingerprint"] == fingerprint(resolve("emotive-scene-reader-1"))
    assert {k: v["fingerprint"] for k, v in found["judges"].items()} == {
        k: judge.fingerprint() for k, judge in JUDGES.items()
    }
    assert len(set(re.findall(r'"fingerprint": "([0-9a-f]{64})"', json.dumps(found)))) == 4


def test_the_baselines_are_what_they_must_be(made):
    for of in (made.report, made.report["judges"]["published"]):
        baselines = of["baselines"]
        for axis in ("valence", "arousal"):
            ccc = {name: arm["axes"][axis]["ccc"] for name, arm in baselines.items()}
            assert abs(ccc["constant"]) < 1e-12 and abs(ccc["shuffled"]) < 0.05
            assert ccc["teacher"] > 0.1 and baselines["teacher"]["axes"][axis]["spearman"] > 0.7
            assert baselines["constant"]["axes"][axis]["spearman"] == 0
    # The teacher paints what is asked for; a random model does not.
    content = made.report["content"]
    assert content["teacher"]["accuracy"] > 0.9 > content["accuracy"]
    assert made.report["quality"]["kid"] > 3 * abs(made.report["quality"]["kid_teacher_halves"])


def test_progress_is_told_as_often_as_said(made, told):
    assert len(told) == batches_of(2, 1) and told[-1] == "quality"


def test_every_target_of_the_issue_is_told(made):
    targets = image_targets(made.report)
    assert len(targets) == 20 and all(t.met is not None for t in targets)
    assert not all(t.met for t in targets)  # a random model
    assert sum("published" in t.what for t in targets) == 4


# -- files -----------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Checks that tags nest, and collects what a page refers to."""

    VOID = ("meta", "img", "br", "link", "rect", "path")

    def __init__(self):
        super().__init__()
        self.open, self.sources, self.tags, self.text = [], [], [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href", "xlink:href", "srcset")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_files_are_whole_offline_and_alike(made, tmp_path: Path):
    paths = write_report(tmp_path, made)
    assert [p.name for p in paths] == ["report.json", "report.html"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "report.json"]
    found = json.loads(paths[0].read_text("utf-8"))
    assert found["axes"]["valence"]["ccc"] == pytest.approx(made.report["axes"]["valence"]["ccc"], rel=1e-5)
    html = paths[1].read_text("utf-8")
    page = Page()
    page.feed(html)
    assert page.open == [] and "script" not in page.tags and "link" not in page.tags
    assert len(page.sources) == 6 and all(s.startswith("data:image/jpeg;base64,") for s in page.sources)
    assert "http" not in re.sub(r"data:image/jpeg;base64,[^\"]*", "", html) and "url(" not in html
    assert html.count("<svg") == 12 and html.count("h0") >= 12 * 18
    for caption in made.report["captions"]:
        assert caption in page.text
    assert f"{made.report['axes']['valence']['ccc']:.3f}".replace("-", "−") in page.text
    assert "prefers-color-scheme: dark" in html


def test_a_report_is_written_over_a_report_and_over_nothing_else(made, tmp_path: Path):
    write_report(tmp_path, made)
    write_report(tmp_path, made)
    check_report_folder(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    write_report(tmp_path, made)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    for name, theirs in (
        ("report.json", '{"axes": 1}'),
        ("report.html", "<html>mine</html>"),
        ("report.json", "x"),
    ):
        folder = tmp_path / f"foreign-{name}-{len(theirs)}"
        folder.mkdir()
        (folder / name).write_text(theirs)
        with pytest.raises(InputError, match=f"{name} is not a report"):
            write_report(folder, made)
        assert [p.name for p in folder.iterdir()] == [name] and (folder / name).read_text() == theirs
    with pytest.raises(InputError, match="does not exist"):
        write_report(tmp_path / "missing", made)


def test_text_from_outside_is_text_in_the_page(made):
    hostile = json.loads(json.dumps(made.report))
    hostile["model"]["name"] = hostile["command"] = "<script>alert(1)</script>"
    html = reports.page(hostile, made.points, [("<b>x</b>", s.pictures) for s in made.sheets])
    assert "<script" not in html and "<b>x" not in html
