"""The learned judge of speech: its contract on random weights, and the shipped one on a made-up voice."""

import json
import math
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from made_up_voice import TEXTS, made_up_reading

from emotive.affect import AffectCurve
from emotive.errors import InputError, WeightsError
from emotive.media.audio import write_audio
from emotive.media.provenance import Provenance
from emotive.models.speech_judge import SpeechJudgeNetwork
from emotive.perceive.clips import waveform_of
from emotive.perceive.curve_drawing import draw_curve
from emotive.perceive.estimated_curve import EstimatedCurve
from emotive.perceive.ratings import agreement
from emotive.perceive.voice import SPEECH_JUDGE, SpeechJudge
from emotive.signals import Speech
from emotive.train.speech_takes import spoken
from emotive.weights import resolve, write_sums

RATE = 16_000
LEVELS = (-0.9, 0.0, 0.9)


@pytest.fixture(scope="module")
def tiny() -> SpeechJudgeNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SpeechJudgeNetwork(channels=(4, 8, 8), width=16, dilations=(1,), hidden=8).eval()


@cache
def take(valence: float, arousal: float, text: str = TEXTS[0], f0: float = 110.0) -> np.ndarray:
    reading = made_up_reading(text, f0)
    return spoken(reading, (valence, arousal), math.log(f0), np.random.default_rng(0))


@cache
def shipped() -> SpeechJudge:
    return SpeechJudge.from_pretrained()


# -- what is a clip ----------------------------------------------------------------------------------------


def test_a_clip_is_speech_a_file_or_an_array(tiny, tmp_path):
    x = take(0, 0)
    judge = SpeechJudge(tiny)
    file = write_audio(tmp_path / "x.wav", x, RATE, Provenance("x", 0, "test"))
    items = [
        Speech(x, RATE),
        (x, RATE),
        (torch.from_numpy(x), RATE),
        (np.stack([x, x]), RATE),
        file,
        str(file),
    ]
    found = judge.estimate(items)
    for column in found:
        assert column.shape == (len(items),) and column.dtype == np.float64
        np.testing.assert_allclose(column, column[0], atol=2e-3)
    assert [c.shape for c in judge.estimate([])] == [(0,)] * 4


@pytest.mark.parametrize(("clip", "words"), [
    ((np.zeros(RATE, np.float32), RATE), "silent"),
    ((np.full(RATE, 0.3, np.float32), RATE), "silent"),
    ((0.1 * np.ones(RATE // 4, np.float32), RATE), "0.25 s"),
    ((np.full(RATE, np.nan, np.float32), RATE), "not finite"),
    ("nowhere.wav", "nowhere.wav"),
    ((np.zeros(RATE, np.float32),), "samples/s"),
])  # fmt: skip
def test_what_cannot_be_judged_is_one_line(tiny, clip, words):
    for call in (lambda: SpeechJudge(tiny).estimate([clip]), lambda: SpeechJudge(tiny).curve(clip)):
        with pytest.raises(InputError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_a_timeline_without_sound_is_refused(tiny):
    with pytest.raises(InputError):
        SpeechJudge(tiny).estimate([Speech(np.zeros(0, np.float32), RATE)])


def test_an_offset_and_another_rate_hardly_matter(tiny):
    from emotive.media.audio import resample

    x = take(0.5, 0.5)
    plain, shifted, fast = (
        SpeechJudge(tiny)
        .estimate([(x, RATE), (0.5 * x + 0.3, RATE), (resample(x, RATE, 44_100).clip(-1, 1), 44_100)])
        .valence
    )
    assert shifted == pytest.approx(plain, abs=1e-3) and fast == pytest.approx(plain, abs=0.02)
    assert waveform_of((x + 0.2, RATE), RATE).mean() == pytest.approx(0, abs=1e-6)


# -- the contract ------------------------------------------------------------------------------------------


def test_level_is_no_cue(tiny):
    found = SpeechJudge(tiny).estimate([(take(0, 0.5), RATE), (0.1 * take(0, 0.5), RATE)])
    for column in found:
        assert column[0] == pytest.approx(column[1], abs=1e-5)


def test_estimates_stay_in_range_whatever_the_weights(tiny):
    wild = SpeechJudgeNetwork(channels=(4, 8, 8), width=16, dilations=(1,), hidden=8)
    with torch.no_grad():
        dict(wild.named_parameters())["head.2.bias"].copy_(torch.tensor([9.0, -9.0, 9.0, -90.0]))
    found = SpeechJudge(wild).estimate([(take(0, 0), RATE)])
    assert (found.valence[0], found.arousal[0]) == (1, -1)
    assert found.valence_sd[0] == pytest.approx(math.e) and found.arousal_sd[0] == pytest.approx(math.exp(-4))


def test_knowing_the_speaker_takes_his_neutral_off(tiny):
    judge = SpeechJudge(tiny, "f" * 64)
    items = [(take(0, 0, text), RATE) for text in TEXTS]
    known = judge.knowing(items)
    plain, found = judge.estimate(items), known.estimate(items)
    for k in (0, 1):
        assert found[k].mean() == pytest.approx(0, abs=1e-5)
        np.testing.assert_allclose(found[k], plain[k] - plain[k].mean(), atol=1e-5)
        np.testing.assert_array_equal(found[k + 2], plain[k + 2])
    assert known.name != judge.name and known.fingerprint() != judge.fingerprint()
    assert len(known.fingerprint()) == 64
    again = known.knowing(items)
    np.testing.assert_allclose(again.neutral, known.neutral, atol=1e-5)


def test_long_clips_are_read_in_pieces_weighted_by_speech(tiny):
    x = np.tile(take(0, 0), 6)[: 12 * RATE]
    judge = SpeechJudge(tiny)
    halves = judge.estimate([(x[: 6 * RATE], RATE), (x[6 * RATE :], RATE)])
    whole = judge.estimate([(x, RATE)])
    assert min(halves.valence) - 0.02 <= whole.valence[0] <= max(halves.valence) + 0.02
    quiet = np.concatenate([x[: 8 * RATE], np.zeros(8 * RATE, np.float32)])
    assert judge.estimate([(quiet, RATE)]).valence[0] == pytest.approx(
        judge.estimate([(x[: 8 * RATE], RATE)]).valence[0], abs=1e-3
    )


def test_a_curve_has_a_row_per_window_with_speech(tiny):
    x = np.tile(take(0, 0), 3)[: 4 * RATE]
    clip = np.concatenate([x, np.zeros(3 * RATE, np.float32), x])
    judge = SpeechJudge(tiny)
    curve = judge.curve((clip, RATE))
    assert np.all(np.diff(curve.times) > 0.24) and curve.times[0] == pytest.approx(0.75)
    assert not ((curve.times > 4.75) & (curve.times < 6.25)).any()  # windows of silence alone
    assert all(getattr(curve, n).shape == curve.times.shape for n in ("valence", "arousal_sd"))
    first = judge.estimate([(clip[: round(1.5 * RATE)], RATE)])
    assert curve.valence[0] == pytest.approx(first.valence[0], abs=0.02)
    short = judge.curve((x[: round(0.8 * RATE)], RATE))
    assert short.times.tolist() == [0.4]


def test_a_curve_becomes_an_affect_curve_and_a_table():
    curve = EstimatedCurve(
        *(np.array(c) for c in ([0.75, 1.0], [0.1, 0.2], [-0.3, 0.4], [0.2, 0.2], [0.1, 0.1]))
    )
    assert isinstance(curve.to_curve(), AffectCurve)
    assert curve.to_curve().at(0.875).arousal == pytest.approx(0.05)
    lines = curve.to_csv().splitlines()
    assert lines[0] == "time,valence,arousal,valence_sd,arousal_sd" and len(lines) == 3
    assert [float(x) for x in lines[2].split(",")] == [1.0, 0.2, 0.4, 0.2, 0.1]


def test_the_drawing_is_whole_svg_and_says_the_numbers(tiny):
    x = np.tile(take(0, 0), 3)[: 4 * RATE]
    clip = np.concatenate([x, np.zeros(3 * RATE, np.float32), x])
    judge = SpeechJudge(tiny)
    curve, overall = judge.curve((clip, RATE)), judge.estimate([(clip, RATE)])
    svg = draw_curve(clip, RATE, curve, overall, "a <clip> & more")
    root = ElementTree.fromstring(svg)
    kinds = [element.get("class") for element in root.iter() if element.get("class")]
    assert kinds.count("line valence") == kinds.count("band arousal") == 2  # a stretch on either side
    assert f"valence {overall.valence[0]:+.2f}" in svg and "nan" not in svg
    assert "&lt;clip&gt; &amp;" in svg
    one = EstimatedCurve(*(np.array([v]) for v in (0.4, 0.5, -0.5, 0.1, 0.1)))
    ElementTree.fromstring(draw_curve(x[:RATE], RATE, one))


def test_a_judge_comes_back_from_its_folder_and_knows_itself(tiny, tmp_path):
    tiny.save_pretrained(tmp_path / "judge")
    write_sums(tmp_path / "judge")
    again = SpeechJudge.from_pretrained(tmp_path / "judge")
    item = [(take(0.3, 0.3), RATE)]
    for x, y in zip(again.estimate(item), SpeechJudge(tiny).estimate(item), strict=True):
        assert np.array_equal(x, y)
    first = again.fingerprint()
    assert len(first) == 64
    config = json.loads((tmp_path / "judge" / "config.json").read_text())
    (tmp_path / "judge" / "config.json").write_text(json.dumps({**config, "spread": [2.0, 1.0]}))
    write_sums(tmp_path / "judge")
    assert SpeechJudge.from_pretrained(tmp_path / "judge").fingerprint() != first


def test_other_models_are_refused():
    with pytest.raises(WeightsError, match="no speech judge"):
        SpeechJudge.from_pretrained("emotive-picture-judge-1")
    with pytest.raises(WeightsError, match="there is no model"):
        SpeechJudge.from_pretrained("emotive-speech-judge-0")


# -- the one that ships ------------------------------------------------------------------------------------


def test_it_is_small_and_has_a_card():
    folder = resolve(SPEECH_JUDGE)
    assert sum(f.stat().st_size for f in Path(folder).glob("*.safetensors")) < 5e5
    card = (folder / "README.md").read_text("utf-8")
    for word in ("emotive train speech-judge", "Limits", "diagnosis", "held-out voice", "always neutral"):
        assert word in card


def test_it_hears_a_voice_that_no_engine_made():
    """Three poles and pulses, at two pitches: nothing like it was trained on."""
    wanted = np.array([[v, a] for a in LEVELS for v in LEVELS])
    for f0 in (110.0, 200.0):
        found = shipped().estimate([(take(float(v), float(a), TEXTS[2], f0), RATE) for v, a in wanted])
        assert agreement(wanted[:, 1], found.arousal, draws=2).spearman > 0.8
        assert agreement(wanted[:, 0], found.valence, draws=2).spearman > 0.3
        assert ((found.valence_sd > 0.02) & (found.valence_sd < 1.5)).all()


def test_the_shipped_judge_hears_no_level():
    loud, soft = (shipped().estimate([(gain * take(0.2, 0.8), RATE)]) for gain in (1.0, 0.1))
    assert loud.arousal[0] == pytest.approx(soft.arousal[0], abs=1e-4)


def test_a_curve_follows_a_change_of_mood():
    clip = np.concatenate([np.tile(take(0, -0.9), 2), np.tile(take(0, 0.9), 2)])
    curve = shipped().curve((clip, RATE))
    middle = 2 * len(take(0, -0.9)) / RATE
    assert (
        curve.arousal[curve.times > middle + 0.8].mean()
        > curve.arousal[curve.times < middle - 0.8].mean() + 0.4
    )
