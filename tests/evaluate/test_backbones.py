"""The measurement of backbones, on tiny random pipelines of the real classes."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from tiny_backbones import clip_tokenizer, tiny_backbone

from emotive.affect import Affect, emotions
from emotive.backbones.blend import AffectBlend
from emotive.errors import InputError
from emotive.evaluate.backbone_arms import (
    ADVERBS,
    NOT_BEFORE_NOUNS,
    AdapterArm,
    Painter,
    Sampling,
    backbone_arms,
    in_words,
)
from emotive.evaluate.backbones import evaluate_backbone, painter_prompts, prompts_of, read_prompts
from emotive.evaluate.continuity import continuity, feature_distance, picture_distance, similarity, structure
from emotive.evaluate.page_backbones import check_backbone_folder, printed, write_backbone_report
from emotive.evaluate.peer_metrics import error, kendall, neutral_error, peer_grid, within_group_kendall
from emotive.perceive.clip import Clip
from emotive.perceive.picture import PictureJudge
from emotive.perceive.published import PublishedJudge

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SAMPLING = Sampling(2, 3.0, (16, 16))


@pytest.fixture(scope="module")
def judges():
    return {"picture": PictureJudge.from_pretrained(), "published": PublishedJudge()}


@pytest.fixture(scope="module")
def measured(judges, tmp_path_factory):
    folder = tmp_path_factory.mktemp("backbone")
    painter = Painter(tiny_backbone("sd"), SAMPLING, folder / "pictures", batch=9)
    adapters = [AdapterArm("blend", AffectBlend()), AdapterArm("blend@2", AffectBlend(), 2.0)]
    prompts = prompts_of(["a house", "a tree on a hill"])
    found = evaluate_backbone(painter, adapters, judges, prompts, levels=3, resamples=10, command="a command")
    return folder, painter, adapters, prompts, found


def script(name: str):
    """A file of benchmarks/ as a module."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # where dataclasses look for it
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


def noise(seed: int, size: int = 64) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (size // 8, size // 8, 3), np.uint8)
    return small.repeat(8, 0).repeat(8, 1)


def test_always_neutral_has_the_error_that_was_worked_out_for_emoticrafters_grid():
    grid = np.array([[a.valence, a.arousal] for a in peer_grid()])
    assert {tuple(3 * p) for p in grid} == {
        (v, a) for v in (-3, -1.5, 0, 1.5, 3) for a in (-3, -1.5, 0, 1.5, 3)
    }
    assert neutral_error(grid) == pytest.approx(1.8)
    answer = error(grid[:, 0], np.zeros(25), np.zeros(25))
    assert answer["mean"] == pytest.approx(1.8) and answer["sd"] == pytest.approx(1.122, abs=5e-4)
    assert error(grid[:, 0], grid[:, 0], np.zeros(25))["mean"] == 0


def test_an_interval_of_the_error_holds_its_mean_and_is_no_point():
    rng = np.random.default_rng(0)
    asked, groups = np.tile(np.linspace(-1, 1, 9), 12), np.repeat(np.arange(12), 9)
    answered = asked + rng.normal(0, 0.2, len(asked)) + rng.normal(0, 0.2, 12)[groups]
    found = error(asked, answered, groups)
    low, high = found["interval"]
    assert low < found["mean"] < high and 0.05 < high - low < 0.5


@pytest.mark.parametrize("levels", [2, 5, 40])
def test_kendall_is_scipys_with_ties(levels):
    rng = np.random.default_rng(levels)
    x, y = rng.integers(0, levels, 40), rng.integers(0, levels, 40)
    assert kendall(x, y) == pytest.approx(kendalltau(x, y)[0], abs=1e-12)
    assert kendall(x, np.zeros(40)) == 0
    assert kendall(x, x) == pytest.approx(1) and kendall(x, -x) == pytest.approx(-1)


def test_order_is_looked_for_within_a_group():
    x, groups = np.tile(np.arange(5.0), 3), np.repeat(np.arange(3), 5)
    assert within_group_kendall(x, x - 100 * groups, groups) == 1


def test_structure_outlives_light_and_contrast_and_no_other_picture():
    picture = noise(0)
    dark = (40 + picture * 0.4).astype(np.uint8)
    assert structure(picture, picture) == pytest.approx(1) == similarity(picture, picture)
    assert structure(picture, dark) > 0.95 > similarity(picture, dark)
    assert structure(picture, noise(1)) < 0.4
    assert similarity(picture, noise(1)) == pytest.approx(similarity(noise(1), picture))


def test_even_change_has_no_jump_and_a_leap_has():
    row = np.linspace(0, 1, 3)
    even = continuity(lambda i, j: abs(row[i % 3] - row[j % 3]) + abs(row[i // 3] - row[j // 3]), 3, 3)
    assert even == {"step": 0.5, "jump": 1.0, "corners": 2.0}
    leap = np.array([0.0, 0.0, 1.0])
    assert continuity(lambda i, j: abs(leap[i % 3] - leap[j % 3]), 3, 3)["jump"] == pytest.approx(4)
    still = continuity(picture_distance([noise(0)] * 9), 3, 3)
    assert still["step"] == pytest.approx(0, abs=1e-9) and still["corners"] == pytest.approx(0, abs=1e-9)


def test_distance_of_features_is_of_their_angle():
    far = feature_distance(np.array([[1.0, 0.0], [5.0, 0.0], [0.0, 2.0], [-1.0, 0.0]]))
    assert [far(0, j) for j in range(4)] == pytest.approx([0, 0, 1, 2])


def test_words_are_those_of_the_nearest_emotion():
    for e in emotions():
        if e.term not in NOT_BEFORE_NOUNS:
            said = in_words("house", Affect(e.valence, e.arousal), {})
            word = said.removesuffix(" house")
            near = next(other for other in emotions() if other.term == word)
            assert (near.valence, near.arousal) == (e.valence, e.arousal)
    assert in_words("a house", Affect(0, 0), ADVERBS) == "a house"


@pytest.mark.parametrize(
    ("text", "affect", "said"),
    [
        ("a house by the sea", "sad", "a sad house by the sea"),
        ("A house", "alert", "An alert house"),
        ("an oak", "relaxed", "a relaxed oak"),
        ("The sea", "angry", "The angry sea"),
        ("flowers in a vase", "bored", "bored flowers in a vase"),
        ("ants", "happy", "happy ants"),
    ],
)
def test_words_stand_before_the_noun(text, affect, said):
    assert in_words(text, Affect.parse(affect), {}) == said


def test_adverbs_reach_where_words_do_not():
    assert in_words("a house", Affect(1, 1), ADVERBS).startswith("an extremely ") or in_words(
        "a house", Affect(1, 1), ADVERBS
    ).startswith("a very ")
    weak = Affect(0.54 * -0.63, 0.54 * -0.27)
    assert in_words("a house", weak, ADVERBS) == "a slightly sad house"


def test_arms_paint_from_one_noise_and_the_same_again(tmp_path):
    affects = [Affect(0, 0), Affect(0, 0, 0), Affect(-1, 1)]

    def made(folder: str) -> dict[str, list[np.ndarray]]:
        painter = Painter(tiny_backbone("sd"), SAMPLING, tmp_path / folder, batch=1)
        arms = backbone_arms(painter, [AdapterArm("blend", AffectBlend())])
        (prompt,) = prompts_of(["a house"])
        return {name: list(arm(prompt, affects, 7)) for name, arm in arms.items()}

    first, again = made("first"), made("again")
    for name, pictures in first.items():
        assert all(np.array_equal(a, b) for a, b in zip(pictures, again[name], strict=True))
    neutral = first["constant"][0]
    assert neutral.shape == (16, 16, 3) and all(item is neutral for item in first["constant"])
    assert np.array_equal(first["words"][0], neutral) and not np.array_equal(first["words"][2], neutral)
    assert np.array_equal(first["blend"][0], neutral)  # blending nothing in is the prompt alone
    assert not np.array_equal(first["blend"][2], neutral)
    assert np.abs(first["colour_grade"][0].astype(int) - neutral).max() <= 2


def test_the_report_has_every_arm_and_number(measured, judges):
    *_, prompts, found = measured
    report = found.report
    assert list(report["arms"]) == ["constant", "colour_grade", "words", "degrees", "blend", "blend@2"]
    assert report["n"] == 2 * 9 and report["neutral_error"] == pytest.approx(2.0)
    constant = report["arms"]["constant"]
    for judge in judges:
        for axis in ("valence", "arousal"):
            assert constant["judges"][judge]["axes"][axis]["ccc"] == pytest.approx(0, abs=1e-12)
            assert constant["judges"][judge]["axes"][axis]["kendall"] == 0
    assert constant["structure"] == pytest.approx(1) and constant["ssim_step"] == pytest.approx(0, abs=1e-9)
    assert report["arms"]["words"]["ssim_corners"] > 0 and report["arms"]["words"]["structure"] < 1
    assert report["adapters"]["blend@2"]["strength"] == 2
    assert set(found.points) == {
        (arm, judge) for arm in report["arms"] if arm != "constant" for judge in judges
    }
    for (arm, judge), points in found.points.items():
        axis = report["arms"][arm]["judges"][judge]["axes"]["valence"]
        assert axis["error"]["mean"] == pytest.approx(3 * np.abs(points[:, 2] - points[:, 0]).mean())
    assert [prompt for prompt, _ in found.sheets] == [p.text for p in prompts]


def test_a_second_run_paints_nothing_and_finds_the_same(measured, judges):
    folder, _, adapters, prompts, found = measured
    again = Painter(tiny_backbone("sd"), SAMPLING, folder / "pictures")
    one = {"picture": judges["picture"]}
    same = evaluate_backbone(again, adapters, one, prompts, levels=3, resamples=10, command="a command")
    assert again.painted == {}
    for arm, numbers in found.report["arms"].items():
        painted = arm != "colour_grade"
        assert (numbers["seconds_per_picture"] is not None) == painted
        other = same.report["arms"][arm]
        assert other["seconds_per_picture"] is None and other["structure"] == numbers["structure"]
        assert other["judges"]["picture"] == numbers["judges"]["picture"]
    assert all(np.array_equal(found.points[key], same.points[key]) for key in same.points)


def test_other_sampling_or_another_adapter_is_painted_anew(measured):
    folder, _, _, prompts, _ = measured
    more = Painter(tiny_backbone("sd"), Sampling(3, 3.0, (16, 16)), folder / "pictures")
    more.paint("constant", prompts[0].text, 1, texts=[prompts[0].text])
    assert more.painted == {"constant": 1}
    other = AffectBlend({**AffectBlend().phrases, (1, 0, 0): "cosy"})
    same = Painter(tiny_backbone("sd"), SAMPLING, folder / "pictures")
    same.paint("blend", prompts[0].text, 1, affects=peer_grid(3)[:1], adapter=other)
    assert same.painted == {"blend": 1}


def test_the_page_is_whole_and_the_table_tells_every_arm(measured, tmp_path):
    *_, found = measured
    paths = write_backbone_report(tmp_path, found)
    html, report = paths[1].read_text("utf-8"), json.loads(paths[0].read_text("utf-8"))
    assert report["medium"] == "backbone" and "a command" in html and "<script" not in html
    assert html.count("data:image/jpeg") == 2 * 5  # two prompts, the arms but the constant one
    assert "http://" not in html.replace("http://www.w3.org", "") and 'src="http' not in html
    table = printed(found.report)
    assert all(table.count(f"\n{arm} ") == 3 for arm in report["arms"]) and "2.000" in table
    write_backbone_report(tmp_path, found)  # over its own
    paths[0].write_text("{}")
    with pytest.raises(InputError, match="not the report of a backbone"):
        check_backbone_folder(tmp_path)


def test_a_clip_adds_its_numbers(judges, tmp_path):
    from transformers import CLIPConfig, CLIPModel

    tokenizer = clip_tokenizer()
    size = len(tokenizer)
    text = {"vocab_size": size, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "bos_token_id": size - 2, "eos_token_id": size - 1,
            "pad_token_id": size - 1}  # fmt: skip
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 16, "patch_size": 8}  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)).save_pretrained(
            tmp_path
        )
    tokenizer.save_pretrained(tmp_path)
    clip = Clip.from_pretrained(tmp_path)
    painter = Painter(tiny_backbone("sd"), SAMPLING, tmp_path / "pictures")
    one = {"picture": judges["picture"]}
    found = evaluate_backbone(painter, [], one, prompts_of(["a house"]), clip=clip, levels=3, resamples=2)
    words = found.report["arms"]["words"]
    assert 0 <= words["clip_score"] <= 100 and 0 < words["clip_iqa"] < 1
    assert words["clip_step"] > 0 and found.report["arms"]["constant"]["clip_step"] == pytest.approx(
        0, abs=1e-6
    )


def test_prompts_are_read_from_a_file(tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text("\ufeffa house\n\n# not this\n  a tree \n", "utf-8")
    assert read_prompts(file) == ["a house", "a tree"]
    file.write_text("# nothing\n")
    with pytest.raises(InputError, match="no prompts"):
        read_prompts(file)
    assert all(p.scene is not None and p.scene.reserved for p in painter_prompts(12))


def test_numbers_that_make_no_sense_are_refused(judges, tmp_path):
    painter = Painter(tiny_backbone("sd"), SAMPLING, tmp_path)
    with pytest.raises(InputError, match="3 or 5 levels"):
        evaluate_backbone(painter, [], judges, prompts_of(["a house"]), levels=4)
    twice = [AdapterArm("blend", AffectBlend())] * 2
    with pytest.raises(InputError, match="same name"):
        evaluate_backbone(painter, twice, judges, prompts_of(["a house"]))


def test_the_command_measures_a_folder_and_goes_on(tmp_path, capsys):
    backbones = script("backbones")
    tiny_backbone("sd").save_pretrained(tmp_path / "tiny")
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a house\na tree\na cat\n")
    output = tmp_path / "report"
    asked = ["--model", str(tmp_path / "tiny"), "--adapter", "blend", "--adapter", "blend@2",
             "--prompts", str(prompts), "--limit", "1", "--levels", "3", "--steps", "1",
             "--resamples", "5", "-o", str(output)]  # fmt: skip
    backbones.main([*asked, "--device", "cpu", "--dtype", "fp32"])
    told = capsys.readouterr().out
    assert "blend@2" in told and str(output / "report.html") in told
    made = {p: p.stat().st_mtime_ns for p in (output / "pictures").rglob("*.png")}
    backbones.main([*asked, "--device", "cpu", "--dtype", "fp32", "--seeds", "1"])
    assert {p: p.stat().st_mtime_ns for p in (output / "pictures").rglob("*.png")} == made and len(made) > 18
    report = json.loads((output / "report.json").read_text("utf-8"))
    assert report["backbone"]["fingerprint"] and report["prompts"] == ["a house"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--findingemo", "V.pth", "A.pth"], "needs --clip"),
        (["--prompts", "nowhere.txt"], "nowhere.txt does not exist"),
        (["--limit", "0"], "--limit"),
        (["--size", "big"], "--size is WIDTHxHEIGHT"),
        (["--size", "17x16"], "nearest"),
        (["--steps", "0"], "0 steps"),
        (["--adapter", "blend@much"], "NAME@STRENGTH"),
        (["--adapter", "blend@0"], "strength 0"),
        (["--adapter", "nowhere/at/all"], "nowhere"),
    ],
)
def test_what_is_wrong_is_one_line(wrong, said, tmp_path, capsys):
    tiny_backbone("sd").save_pretrained(tmp_path / "tiny")
    with pytest.raises(SystemExit) as stopped:
        script("backbones").main(
            ["--model", str(tmp_path / "tiny"), "-o", str(tmp_path / "out"), "--device", "cpu", *wrong]
        )
    told = capsys.readouterr().err.strip().splitlines()
    assert stopped.value.code == 2 and told[-1].startswith("error: ") and said in told[-1]


def test_the_stand_ins_words_are_tokens_and_held_out_ones_caption_no_picture():
    import random

    captions = script("stand_in_captions")
    tokenizer = captions.new_tokenizer()
    words = {*captions.lexicon(), *captions.FILLERS, "meadow", "lighthouse", "at", ","}
    assert all(len(tokenizer(word).input_ids) == 3 for word in words)
    held = {w for w in captions.words(True) if w not in captions.words(False)}
    assert len(held) > 20
    rng = random.Random(0)
    for _ in range(400):
        mood = captions.random_mood(rng)
        assert not held & set(mood.words) and all(-1 <= x <= 1 for x in mood.point)
        said = captions.say(captions.Scene("house", "meadow", "day", "rain"), mood, rng)
        assert len(tokenizer(said).input_ids) <= captions.LENGTH
        assert all(word in said.split() or f"{word}," in said for word in mood.words)


def test_the_stand_in_is_a_backbone_that_adapters_attach_to(tmp_path):
    from emotive.backbones.opening import open_backbone
    from emotive.pipelines.with_affect import plain_embeds, with_affect

    stand_in = script("stand_in_backbone")
    tokenizer = stand_in.new_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        painter = stand_in.Painter(stand_in.Reader(tokenizer))
        stand_in.save_pipeline(tmp_path / "stand-in", painter, stand_in.new_autoencoder(), tokenizer)
    pipe: Any = with_affect(open_backbone(tmp_path / "stand-in", device="cpu", dtype="fp32"), "blend")
    pipe.set_progress_bar_config(disable=True)
    embeds = plain_embeds(pipe, ["a sad house in a meadow"])
    assert embeds.tokens.shape == (1, stand_in.LENGTH, stand_in.WIDTH) and int(embeds.content.sum()) == 6
    options = {"num_inference_steps": 1, "generator": torch.Generator().manual_seed(0)}
    assert pipe("a house", affect="sad", **options).images[0].size == (64, 64)


def test_words_alone_say_the_mood_where_the_end_is_silent():
    stand_in = script("stand_in_backbone")
    ids = stand_in.encode(stand_in.new_tokenizer(), ["a sad house", "", "a house in a meadow"] * 20)
    end = ids == ids.max()
    generator = torch.Generator().manual_seed(0)
    embeds, unsaid = torch.randn(60, ids.shape[1], 4, generator=generator), torch.full((60, 4), 7.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        all_rows = stand_in.words_alone(embeds, ids, unsaid, share=1.0)
        some = stand_in.words_alone(embeds, ids, unsaid)
    assert torch.equal(all_rows[~end], embeds[~end]) and set(all_rows[end].unique().tolist()) == {0.0, 7.0}
    same = torch.tensor([torch.equal(a, b) for a, b in zip(some, embeds, strict=True)])
    assert 0.4 < float(same.float().mean()) < 0.9
