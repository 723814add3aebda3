"""The judge in the loop: it keeps the nearest, the loop closes on what was missed, another judge scores."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import tiny_image_pipeline
from tiny_backbones import size_of, tiny_backbone

from emotive.affect import Affect
from emotive.errors import InputError
from emotive.perceive.judge import Estimates
from emotive.perceive.picture import PictureJudge
from emotive.perceive.published import PublishedJudge
from emotive.perceive.ratings import CalibratedJudge, Calibration, Line
from emotive.pipelines.image import EmotiveImagePipeline
from emotive.pipelines.judged import READS, Reads, best_of, reads_of, refine, steered, two_judges
from emotive.pipelines.with_affect import with_affect

CALL: dict[str, Any] = {"num_inference_steps": 1}
REQUEST = Affect(0.6, 0.3)


@pytest.fixture(scope="module")
def pipe() -> EmotiveImagePipeline:
    return tiny_image_pipeline()


@pytest.fixture(scope="module")
def backbone():
    return with_affect(tiny_backbone("sd"), "blend")


class ColourJudge:
    """Reads valence from the mean of red, arousal from the mean of blue; green tells it apart."""

    def __init__(self, name: str = "colour"):
        self.name = name

    def fingerprint(self) -> str:
        return self.name.encode().hex().ljust(64, "0")

    def estimate(self, pictures) -> Estimates:
        means = np.array([np.asarray(p, float).mean((0, 1)) for p in pictures]) / 127.5 - 1
        return Estimates(means[:, 0], means[:, 2], 0 * means[:, 0] + 0.1, 0 * means[:, 0] + 0.1)


def plant(gain: tuple[float, float], offset: tuple[float, float], asked: list[Any]):
    """Paints one colour that answers linearly to what is asked for, each axis by its own gain and offset."""

    def make(affect: Affect, strength: float, seed: int) -> Image.Image:
        asked.append((affect, strength, seed))
        point = np.array([affect.valence, affect.arousal]) * strength
        level = ((point * gain + offset).clip(-1, 1) + 1) * 127.5
        return Image.new("RGB", (8, 8), (round(level[0]), 0, round(level[1])))

    return make


def same(a: Image.Image, b: Image.Image) -> bool:
    return np.array_equal(np.asarray(a), np.asarray(b))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_one_sample_and_no_correction_are_the_plain_call(pipe, backbone):
    painters: list[tuple[Any, dict[str, Any]]] = [(pipe, CALL), (backbone, CALL | size_of("sd"))]
    for painter, call in painters:
        plain = painter("a house", affect=REQUEST, generator=seeded(7), **call).images[0]
        one = best_of(painter, "a house", REQUEST, n=1, seed=7, **call)
        none = refine(painter, "a house", REQUEST, k=0, seed=7, **call)
        assert same(one.image, plain) and same(none.image, plain)
        assert one.seed == none.seed == 7 and len(one.tries) == len(none.tries) == 1
        assert one.scores["chosen"] == one.scores["first"] == one.scores["mean"]


def test_the_chosen_one_is_the_nearest_of_samples_with_seeds_in_a_row(pipe, backbone):
    judge, scorer = PictureJudge.from_pretrained(), PublishedJudge()
    painters: list[tuple[Any, dict[str, Any]]] = [(pipe, CALL), (backbone, CALL | size_of("sd"))]
    for painter, call in painters:
        best = best_of(painter, "a house", REQUEST, n=4, seed=3, **call)
        samples = [
            painter("a house", affect=REQUEST, generator=seeded(seed), **call).images[0]
            for seed in range(3, 7)
        ]
        arrays = [np.asarray(sample) for sample in samples]
        read, scored = judge.estimate(arrays), scorer.estimate(arrays)
        request = np.array([0.6, 0.3])
        far = [
            reads_of(judge).distance(request, np.array([v, a]))
            for v, a in zip(read.valence, read.arousal, strict=True)
        ]
        assert [one.seed for one in best.tries] == [3, 4, 5, 6]
        assert np.allclose([one.distance for one in best.tries], far, atol=1e-5)
        assert best.chosen == int(np.argmin(far)) and same(best.image, samples[best.chosen])
        assert np.allclose([one.scored for one in best.tries], np.stack(scored[:2], 1))
        score = [reads_of(scorer).distance(request, np.array(one.scored)) for one in best.tries]
        assert np.allclose(
            np.array(list(best.scores.values())), [score[best.chosen], score[0], float(np.mean(score))]
        )


def test_same_seed_same_result_and_lists_are_the_single_ones(pipe):
    ways: list[tuple[Any, dict[str, int]]] = [(best_of, {"n": 2}), (refine, {"k": 2})]
    for way, count in ways:
        options: dict[str, Any] = CALL | count | {"seed": 5}
        alone = [
            way(pipe, prompt, affect, **options) for prompt, affect in (("a cat", "joy"), ("a boat", "sad"))
        ]
        several = way(pipe, ["a cat", "a boat"], ["joy", "sad"], **options)
        for a, b in zip(alone, several, strict=True):
            assert a.tries == b.tries and same(a.image, b.image) and a.request == b.request
        assert [one.request for one in way(pipe, "a cat", ["joy"], **options)] == [Affect.parse("joy")]
        assert json.loads(json.dumps(alone[0].record))["tries"][1]["seed"] == alone[0].tries[1].seed


@pytest.mark.parametrize(("gain", "offset"), [((0.6, 1.4), (0.2, -0.3)), ((1.0, 0.8), (-0.2, 0.15))])
def test_the_loop_closes_on_what_a_painter_misses(gain, offset):
    """Each axis on its own, whatever its gain and offset, and from the same noise throughout."""
    asked: list[Any] = []
    judges = ColourJudge(), PublishedJudge()
    path = steered(plant(gain, offset, asked), REQUEST, 1.0, 9, 5, *judges)
    missed = [np.abs(np.array(one.reading) - (0.6, 0.3)) for one in path.tries]
    assert missed[0].max() > 0.1 and missed[path.chosen].max() < 0.02
    assert path.chosen == int(np.argmin([one.distance for one in path.tries]))
    assert {seed for _, _, seed in asked} == {9} and asked[0][:2] == (REQUEST, 1.0)


def test_what_is_asked_for_stays_within_reach():
    judges = ColourJudge(), PublishedJudge()
    for reach in (1.0, 2.0):
        asked: list[Any] = []
        path = steered(
            plant((0.5, 0.5), (0, 0), asked), Affect(0.8, -0.2, 0.5), 1.0, 0, 8, *judges, 0.7, reach
        )
        points = np.array([[a.valence * s, a.arousal * s] for a, s, _ in asked])
        assert np.abs(points).max() == pytest.approx(reach if reach < 1.6 else 1.6, abs=0.1)
        assert points[-1, 1] == pytest.approx(-0.4, abs=0.03)
        dominances = [a.dominance * s for a, s, _ in asked if a.dominance is not None]
        assert np.allclose(dominances, 0.5) and len(dominances) == len(asked)  # as requested throughout
        assert max(s for _, s, _ in asked) <= reach
        assert path.tries[path.chosen].reading[0] == pytest.approx(0.5 if reach == 1 else 0.8, abs=0.03)
    settled = steered(plant((1, 1), (0, 0), asked := []), REQUEST, 1.0, 0, 8, *judges)
    assert len(settled.tries) < 3 and len(asked) < 3  # nothing is missing: it ends early


def test_a_weaker_request_is_what_pictures_are_held_against():
    asked: list[Any] = []
    judges = ColourJudge(), PublishedJudge()
    path = steered(plant((0.8, 0.8), (0.1, 0), asked), Affect(0.8, -0.8), 0.5, 0, 6, *judges)
    assert asked[0] == (Affect(0.8, -0.8), 0.5, 0)
    assert path.tries[path.chosen].reading == pytest.approx((0.4, -0.4), abs=0.02)


def test_the_distance_counts_in_standard_deviations_of_what_the_judge_reads():
    reads = Reads((0.5, 0.8), (-0.1, 0.2), (0.1, 0.4))
    point = np.array([0.6, -0.3])
    usual = np.array([0.2, -0.04])  # slope * point + intercept
    assert reads.distance(point, usual) == pytest.approx(0)
    assert reads.distance(point, usual + np.array([0.1, 0])) == pytest.approx(1)
    assert reads.distance(point, usual + np.array([0.3, 1.6])) == pytest.approx(5)
    assert np.allclose(reads.affect(usual), point)


def test_the_shipped_judges_are_measured_and_others_taken_at_their_word():
    assert {j.fingerprint() for j in two_judges()} == set(READS)
    assert reads_of(ColourJudge()) == Reads()
    assert reads_of(PublishedJudge(brightness_to_arousal=-0.31)) == Reads()  # another judge


def test_a_calibrated_judge_counts_in_its_own_error_and_is_the_judge_it_calibrates():
    judge, other = PictureJudge.from_pretrained(), PublishedJudge()

    def calibrated(one: Any) -> CalibratedJudge:
        lines = Line(1.2, 0.1, 0.3), Line(0.9, 0.0, 0.01)
        return CalibratedJudge(one, Calibration(one.name, one.fingerprint(), 20, *lines))

    assert reads_of(calibrated(judge)) == Reads(sd=(0.3, 0.05))
    two_judges(calibrated(judge), calibrated(other))
    with pytest.raises(InputError, match="choose and score"):
        two_judges(judge, calibrated(judge))


def test_the_embedded_model_comes_nearer_by_both_ways():
    pipe = EmotiveImagePipeline.from_pretrained("emotive-image-1", dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    refined = refine(pipe, "a house by the sea at night", Affect(0.6, 0.5), k=2, seed=1)
    assert refined.tries[refined.chosen].distance < 0.5 * refined.tries[0].distance
    assert refined.scores["chosen"] < refined.scores["first"]
    assert refined.tries[1].affect.valence > 0.6  # by night it is read as too unpleasant: more is asked for


def test_what_cannot_be_judged_is_one_line(pipe):
    plain, other = tiny_backbone("sd"), PictureJudge.from_pretrained()
    cases: list[tuple[Any, Any, dict[str, Any], str]] = [
        (best_of, pipe, {"n": 0}, "n must"),
        (best_of, pipe, {"n": 2.0}, "n must"),
        (refine, pipe, {"k": -1}, "k must"),
        (refine, pipe, {"gain": 0.0}, "gain"),
        (refine, pipe, {"reach": 0.5}, "reach"),
        (best_of, pipe, {"seed": -1}, "seed"),
        (best_of, pipe, {"affect_strength": -1}, "affect_strength"),
        (best_of, pipe, {"generator": torch.Generator()}, "seed="),
        (best_of, plain, {}, "with_affect"),
        (best_of, pipe, {"judge": other, "scorer": other}, "choose and score"),
        (best_of, pipe, {"scorer": PictureJudge(other.network)}, "choose and score"),
        (refine, pipe, {"judge": PublishedJudge()}, "choose and score"),
        (best_of, pipe, {"affect": ["joy", "sad"], "prompt": ["a", "b", "c"]}, "3 prompts and 2 affects"),
        (best_of, pipe, {"affect": []}, "0 affects"),
        (best_of, pipe, {"affect": "joyy"}, "joy"),
    ]
    for way, painter, changed, says in cases:
        with pytest.raises(InputError, match=says) as caught:
            way(painter, **({"prompt": "a house", "affect": "joy"} | changed))
        assert "\n" not in str(caught.value)
