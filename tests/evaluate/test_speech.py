"""The speech protocol: its measures on what is known, and all of it on a tiny model, from arms to report."""

import importlib.util
import json
import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from command import refused
from made_up_voice import spectrum
from tiny import tiny_speech_pipeline, wake

from emotive.affect import Affect
from emotive.errors import InputError
from emotive.evaluate import speech_sentences
from emotive.evaluate.image import affect_grid
from emotive.evaluate.protocol import Measurements, together
from emotive.evaluate.report import Evaluation, Playlist, write_report
from emotive.evaluate.speech import audible, evaluate_speech
from emotive.evaluate.speech_arms import (
    SpeechCaption,
    held_out_sentences,
    model_arms,
    sliders,
    spoken,
    timeline_of,
)
from emotive.evaluate.speech_identity import SpeakerEncoder, identity_summary, mel_power, without_pauses
from emotive.evaluate.speech_order import FEATURES, order, with_nuisances
from emotive.evaluate.speech_sentences import CORNERS, MILD, points, way
from emotive.evaluate.speech_timing import boundary_errors, timing_summary
from emotive.evaluate.speech_words import Recogniser, difference, word_errors, word_summary
from emotive.evaluate.targets import speech_targets
from emotive.evaluate.workers import each
from emotive.models.speech_judge import SpeechJudgeNetwork
from emotive.perceive.vocal_features import level
from emotive.perceive.vocal_published import VocalPublishedJudge
from emotive.perceive.voice import SpeechJudge
from emotive.pipelines.speech import EmotiveSpeechPipeline
from emotive.voice.vocoder import analyse, cepstrum
from emotive.weights import write_sums

TEXT = "We sat by the river, and nobody said a single word until it was dark."
CAPTION = SpeechCaption(TEXT, "rms", 3)
has_pocketsphinx = importlib.util.find_spec("pocketsphinx") is not None


@pytest.fixture(scope="module")
def pipe() -> EmotiveSpeechPipeline:
    """Says one long vowel, so that its pitch can be measured."""
    made = tiny_speech_pipeline()
    network = made.denoiser
    torch.nn.init.constant_(network.voicing.bias, 8.0)
    network.mean[:, 1:61] = torch.from_numpy(cepstrum(spectrum((500.0, 1500.0, 2500.0))[None])[0])
    network.mean[:, 61:], network.deviation[:] = -30.0, 0.03
    return made


@pytest.fixture(scope="module")
def neutral(pipe):
    return spoken(pipe, CAPTION, Affect.neutral(), 1, 2)


# -- words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said, heard, errors", [
    ("She put it back.", "she put it back", 0),
    ("She put it back.", "", 4),
    ("She put it back.", "she but it back", 1),
    ("She put it back.", "she it back now", 2),
    ("Don’t go!", "don't go", 0),
    ("Go.", "go on then", 2),
])  # fmt: skip
def test_word_errors_are_the_fewest_changes(said, heard, errors):
    assert word_errors(said, heard) == errors


def test_a_difference_of_word_errors_is_paired_by_sentence():
    counts = np.full(40, 8)
    hard = np.random.default_rng(0).integers(0, 5, 40)  # sentences differ far more than ways of saying them
    found = difference(hard + (np.arange(40) % 2), hard, counts, 2000)
    assert found["difference"] == pytest.approx(0.5 / 8)
    low, high = found["interval"]
    assert 0.03 < low < 0.5 / 8 < high < 0.09
    assert difference(hard, hard, counts, 200) == {"difference": 0.0, "interval": [0.0, 0.0]}


def test_every_way_is_compared_with_neutral_on_its_own_sentences():
    heard = [{"neutral": 1, "teacher": 0, "+1,+1": 3}, {"neutral": 5, "teacher": 5}]
    found = word_summary(heard, [10, 10], 100)
    assert found["+1,+1"]["neutral_wer"] == 0.1 and found["+1,+1"]["difference"] == pytest.approx(0.2)
    assert found["neutral"]["wer"] == 0.3 and found["neutral"]["n"] == 2
    assert found["neutral"]["against_teacher"]["difference"] == pytest.approx(0.05)


@pytest.mark.skipif(not has_pocketsphinx, reason="the extra align is not installed")
def test_what_was_heard_before_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    noise = 0.1 * np.random.default_rng(0).standard_normal(12_000)
    cache = tmp_path / "heard.jsonl"
    first = Recogniser(cache).hear(noise, 24_000)
    assert len(cache.read_text().splitlines()) == 1
    monkeypatch.setattr(Recogniser, "_decode", lambda *_: pytest.fail("heard again"))
    again = Recogniser(cache)
    assert again.hear(noise, 24_000) == first
    assert pickle.loads(pickle.dumps(again)).hear(noise / 8, 24_000) == first  # loudness is no cue
    cache.write_text("mine")
    with pytest.raises(InputError, match="is no cache"):
        Recogniser(cache).hear(noise, 24_000)


def test_sentences_come_to_every_point_by_every_voice():
    for voices in (1, 2, 3):
        for voice in range(voices):
            mine = [points(n, voices) for n in range(voice, 8 * voices, voices)]
            assert {a for some in mine for a in some} == {*MILD, *CORNERS}
            assert all(len(some) == 5 and len(set(some)) == 5 for some in mine)
    assert set(points(0, 2, everywhere=True)) == {*MILD, *CORNERS}
    assert len({way(a) for a in (*MILD, *CORNERS)}) == 12 and way(Affect.neutral()) == "neutral"


# -- timing ----------------------------------------------------------------------------------------------


def test_boundaries_are_compared_in_words_that_both_pronounce_alike(neutral):
    def late(waveform, rate, text, spell):
        """0.02 s later everywhere, and one word said in another way."""
        moved = [replace(p, start=p.start + 0.02, end=p.end + 0.02) for p in neutral.phones]
        words = [replace(w, start=w.start + 0.02, end=w.end + 0.02) for w in neutral.words]
        first = next(i for i, p in enumerate(moved) if p.symbol == "W")
        moved[first] = replace(moved[first], symbol="M")
        return tuple(moved), (), tuple(words)

    errors = boundary_errors(neutral, late)
    assert errors is not None
    np.testing.assert_allclose(errors, -0.02, atol=1e-9)
    said = [p for p in neutral.phones if p.symbol not in ("pau", "breath")]
    assert len(errors) == len(said) + len(neutral.words) - 3  # "we": two phones and an end
    found = timing_summary([errors, None])
    assert found["median_ms"] == pytest.approx(20) == -found["bias_ms"] and found["lost"] == 1

    def lost(*_):
        raise InputError("was not heard")

    assert boundary_errors(neutral, lost) is None
    assert timing_summary([None])["median_ms"] is None


# -- identity --------------------------------------------------------------------------------------------


def test_the_mel_spectrum_is_librosas():
    x = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    # librosa 0.11: melspectrogram(y=x, sr=16_000, n_fft=400, hop_length=160, n_mels=40).T[10, columns].
    # Written down, because importing it takes longer than all the other tests here.
    theirs = [7.1016, 1.3486, 2.2512, 4.1952, 5.3058]
    found = mel_power(x)
    assert found.shape == (51, 40)
    np.testing.assert_allclose(found[10, [0, 1, 5, 20, 39]], theirs, rtol=1e-3)


def test_a_speaker_is_a_unit_vector_whatever_the_level():
    torch.manual_seed(0)
    encoder = SpeakerEncoder().eval()
    x = 0.1 * np.random.default_rng(0).standard_normal(60_000).astype(np.float32)
    one = encoder.embed(x, 24_000)
    assert one.shape == (256,) and np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(encoder.embed(x / 10, 24_000), one, atol=1e-5)
    padded = np.pad(x, 24_000)  # silence around speech is no part of the speaker
    assert len(without_pauses(padded)) < len(x) + 12_000
    assert encoder.embed(x[:3000], 24_000).shape == (256,)  # shorter than a piece


@pytest.mark.skipif(importlib.util.find_spec("resemblyzer") is None, reason="Resemblyzer is not installed")
def test_the_installed_encoder_tells_speakers_apart():
    encoder = SpeakerEncoder.installed()
    assert len(encoder.fingerprint) == 64 and not encoder.training
    assert encoder.linear.weight.abs().mean() > 0.01 and encoder.lstm.num_layers == 3
    hums = [np.sum([np.sin(2 * np.pi * f * k * np.arange(48_000) / 24_000) / k**2 for k in range(1, 20)], 0)
            for f in (100, 102, 230)]  # fmt: skip
    low, near, high = (encoder.embed(0.1 * hum, 24_000) for hum in hums)
    assert low @ near > 0.9 > low @ high


def test_identity_is_told_beside_its_scale():
    x, y = np.eye(2)
    at = np.array([0.8, 0.6])
    one = {"neutral": x, "+1,+1": at}
    found = identity_summary(["slt", "slt", "rms"], [one, one, {"neutral": y, "+1,+1": y}], ["+1,+1"])
    assert found["corners"] == pytest.approx((0.8 + 0.8 + 1) / 3) and found["least"] == pytest.approx(0.8)
    assert found["neutral"] == 1 and found["other_voice"] == 0 and found["other_words"] == pytest.approx(0.8)


# -- arms ------------------------------------------------------------------------------------------------


def test_the_timeline_comes_back_with_its_pauses_and_breaths(pipe):
    for affect in (Affect.neutral(), Affect(-0.9, -0.9), Affect(0.9, 0.9)):
        speech = spoken(pipe, CAPTION, affect, 1, 2)
        timeline = timeline_of(speech)
        assert timeline.utterance.symbols == tuple(p.symbol for p in speech.phones)
        np.testing.assert_allclose(timeline.edges[:-1] / 100, [p.start for p in speech.phones], atol=1e-6)
        assert timeline.utterance.words == tuple(w.text for w in speech.words)


def test_sliders_move_pitch_speed_and_volume_and_leave_neutral_alone(neutral):
    calm, same, excited = sliders(neutral, [Affect(0, -0.9), Affect.neutral(), Affect(0, 0.9)], 5)
    assert calm.duration > same.duration > excited.duration
    assert same.duration == neutral.duration and same.phones == neutral.phones

    def pitch(speech) -> float:
        features = analyse(speech.waveform)
        return float(np.median(features.lf0[features.voiced])) * 12 / np.log(2)

    assert pitch(same) == pytest.approx(pitch(neutral), abs=0.3)
    assert pitch(excited) - pitch(same) > 2 and pitch(same) - pitch(calm) > 1
    assert level(excited.waveform) > level(same.waveform) + 2 > level(calm.waveform) + 4
    shares = [np.array([p.end - p.start for p in s.phones]) / s.duration for s in (calm, excited)]
    np.testing.assert_allclose(shares[0], shares[1], atol=0.01)  # all phones alike


def test_the_arms_say_the_same_words_from_the_same_noise(pipe):
    arms, affects = model_arms(pipe, 2), affect_grid(2, 2)
    assert set(arms) == {"model", "sliders", "constant"}
    made = arms["model"](CAPTION, affects, 1)
    assert len({s.waveform.tobytes() for s in made}) == 4 and {s.text for s in made} == {TEXT}
    assert {s.voice for s in made} == {"rms"}
    again = spoken(pipe, CAPTION, affects[2], 1, 2)
    np.testing.assert_array_equal(made[2].waveform, again.waveform)
    constant = arms["constant"](CAPTION, affects, 1)
    assert all(item is constant[0] for item in constant)


# -- numbers ---------------------------------------------------------------------------------------------


def measured(features: np.ndarray, requested: np.ndarray, caption: np.ndarray) -> Measurements:
    return Measurements(requested, caption, {}, np.zeros((len(caption), 0)), {}, features, {})


def test_the_order_of_arousal_counts_rows_that_rise_at_every_step():
    grid = np.array([[a.valence, a.arousal] for a in affect_grid(5, 3)])
    requested, caption = np.tile(grid, (4, 1)), np.repeat(np.arange(4), 15)
    features = np.repeat(requested[:, 1:], 5, 1) + 0.0
    features[requested[:, 0] != 0] *= -1  # only neutral valence counts
    features[(caption == 2) & (requested[:, 1] == 0.9), 1] = 0.45  # no rise at the last step
    features[:, 4] = 1.0
    found = order(measured(features, requested, caption))
    assert found == {"F0 mean": 1, "F0 range": 0.75, "loudness": 1, "alpha ratio": 1, "rate": 0,
                     "rows": 4, "levels": 5}  # fmt: skip
    assert order(measured(features[:8], requested[:8] + 0.01, caption[:8])) == {}


def test_nuisances_are_taken_against_the_caption():
    features = np.random.default_rng(0).normal(size=(6, len(FEATURES)))
    found = with_nuisances(measured(features, np.zeros((6, 2)), np.zeros(6, int)))
    np.testing.assert_allclose(found.nuisances.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(found.nuisances, (features - features.mean(0))[:, [0, 4, 2]])


def test_runs_together_number_their_captions_on():
    part = measured(np.zeros((2, 5)), np.zeros((2, 2)), np.array([0, 1]))
    found = together([{"model": part}, {"rerender": part}, {"model": part, "teacher": part}])
    assert found["model"].caption.tolist() == [0, 1, 4, 5] and found["teacher"].caption.tolist() == [4, 5]
    assert found["rerender"].caption.tolist() == [2, 3] and found["model"].features.shape == (4, 5)


def test_neutral_and_the_corners_are_to_be_heard():
    affects = affect_grid(5, 3)
    assert [way(affects[i]) for i in audible(affects)] == ["-0.9,+0.9", "+0.9,+0.9", "neutral",
                                                           "-0.9,-0.9", "+0.9,-0.9"]  # fmt: skip


# -- processes -------------------------------------------------------------------------------------------


def test_processes_give_what_one_gives_in_order():
    assert list(each(divmod, [3, 4, 5], (17,), workers=2)) == [divmod(17, n) for n in (3, 4, 5)]
    with pytest.raises(InputError, match="not 0"):
        list(each(divmod, [1], (17,), workers=0))


def test_a_pipeline_travels_to_another_process(pipe):
    other = pickle.loads(pickle.dumps(pipe))
    one, two = (spoken(p, CAPTION, Affect(0.5, 0.5), 1, 2) for p in (pipe, other))
    np.testing.assert_array_equal(one.waveform, two.waveform)


# -- all of it -------------------------------------------------------------------------------------------


class Parrot(Recogniser):
    """Hears the first words of everything, and never anything else."""

    name = "parrot"

    def __init__(self):
        self.cache = None

    def hear(self, waveform, sample_rate):
        return "the train"


@pytest.fixture(scope="module")
def told() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def made(pipe, told) -> Evaluation:
    torch.manual_seed(0)
    network = SpeechJudgeNetwork(channels=(4, 4, 4), width=8, dilations=(1,), hidden=8)
    wake(network, torch.Generator().manual_seed(0))
    judges = {"speech": SpeechJudge(network, "0" * 64), "published": VocalPublishedJudge()}
    encoder = SpeakerEncoder("1" * 64).eval()
    with pytest.MonkeyPatch.context() as patch:
        # Nothing can be aligned that a random model says.
        patch.setattr(speech_sentences, "boundary_errors", lambda speech, spell: np.array([0.01, -0.03]))
        return evaluate_speech(
            pipe, judges, Parrot(), encoder, sentences=1, said=2, grid=(3, 3), steps=1, teachers=False,
            resamples=50, command="emotive evaluate speech -o DIR",
            progress=lambda *line: told.append(line),
        )  # fmt: skip


def test_the_report_has_every_number(made, pipe):
    found = made.report
    assert found["n"] == 2 * 9 and found["voices"] == list(pipe.voices) and found["medium"] == "speech"
    assert found["arms"] == {"model": 18, "sliders": 18, "constant": 18} and found["teachers"] == {}
    for of in (found, found["judges"]["published"]):
        assert set(of["baselines"]) == {"constant", "sliders", "shuffled"} and of["variants"] == {}
        for arm in (of, *of["baselines"].values()):
            assert set(arm["axes"]) == {"valence", "arousal"} and len(arm["leakage"]) == 2
        assert of["baselines"]["constant"]["axes"]["arousal"]["ccc"] == 0
    # The sliders are the rules' own moves; a random model's are not.
    ranks = [of["axes"]["arousal"]["spearman"] for of in (
        found["judges"]["published"]["baselines"]["sliders"], found["judges"]["published"])]  # fmt: skip
    assert ranks[0] > max(0.4, ranks[1])
    sliding = found["order"]["sliders"]
    assert sliding["F0 mean"] == sliding["loudness"] == sliding["rate"] == 1 and sliding["rows"] == 2
    assert set(found["words"]["ways"]) == {"neutral", *map(way, points(0, 2))}
    assert set(found["words"]["voices"]) == {"slt", "rms"}
    wrong = [word_errors(text, "the train") for text in held_out_sentences(2)]
    assert found["words"]["ways"]["neutral"]["wer"] == pytest.approx(sum(wrong) / 18)
    assert found["timing"]["model"]["median_ms"] == pytest.approx(20) and "teacher" not in found["timing"]
    assert found["identity"]["model"]["n"] == 2 and "teacher" not in found["identity"]


def test_progress_ends_when_all_is_done(told):
    done, total = zip(*((d, t) for _, d, t in told), strict=True)
    assert list(done) == list(range(1, 5)) and set(total) == {4}


def test_every_target_is_told_and_what_was_not_measured_says_so(made):
    targets = speech_targets(made.report)
    assert len(targets) == 15
    assert [t.what for t in targets if t.met is None] == ["word error rate: neutral above its teacher voice"]
    bare = {**made.report, "words": {}, "timing": {}, "identity": {}}
    assert sum(t.met is None for t in speech_targets(bare)) == 5
    assert not all(t.met for t in targets)


def test_the_page_is_whole_offline_and_can_be_heard(made, tmp_path: Path):
    json_file, html_file = write_report(tmp_path, made)
    write_report(tmp_path, made)  # over one of ours
    found = json.loads(json_file.read_text("utf-8"))
    assert found["axes"]["arousal"]["ccc"] == pytest.approx(made.report["axes"]["arousal"]["ccc"], rel=1e-5)
    html = html_file.read_text("utf-8")
    clips = [c for s in made.sheets if isinstance(s, Playlist) for arm in s.clips.values() for c in arm]
    assert html.count("<audio") == len(clips) == 2 * 2 * 5  # voices, arms, places
    bare = re.sub(r"data:audio/mpeg;base64,[^\"]*", "", html)
    assert "http" not in bare and "<script" not in bare and "None" not in bare and "nan" not in bare
    for told in ("Not measured", "+1, +1", "−1, −1", "not measured", "slt, neutral", "within 20 ms"):
        assert told in bare or told == "Not measured"
    hostile = json.loads(json.dumps(made.report))
    hostile["model"]["name"] = hostile["command"] = hostile["captions"][0] = "<script>alert(1)</script>"
    folder = tmp_path / "hostile"
    folder.mkdir()
    shown = [Playlist("<b>x</b>", s.clips) for s in made.sheets if isinstance(s, Playlist)]
    _, other = write_report(folder, Evaluation(hostile, made.points, shown))
    assert "<script" not in other.read_text("utf-8") and "<b>x" not in other.read_text("utf-8")


def test_a_page_without_extras_says_what_is_missing(made, tmp_path: Path):
    report = {**made.report, "words": {}, "timing": {}, "identity": {}, "order": {"model": {}}}
    html = write_report(tmp_path, Evaluation(report, made.points, []))[1].read_text("utf-8")
    assert html.count("Not measured: ") == 4 and "10 not measured" in html


@pytest.mark.skipif(not has_pocketsphinx, reason="the extra align is not installed")
def test_a_report_from_the_command_line(run, pipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pipe.save_pretrained(tmp_path / "model")
    write_sums(tmp_path / "model")
    network = SpeechJudgeNetwork(channels=(4, 4, 4), width=8, dilations=(1,), hidden=8)
    monkeypatch.setattr(SpeechJudge, "from_pretrained", lambda: SpeechJudge(network, "0" * 64))
    monkeypatch.setattr(SpeakerEncoder, "installed", lambda: refuse("no weights here"))
    monkeypatch.setattr("emotive.data.voices.shutil.which", lambda program: None)
    done = run("evaluate", "speech", "--quick", "--sentences", 1, "--heard", 1, "--grid", "2x2", "--steps", 1,
               "--voices", "rms", "--cache", "heard.jsonl", "--model", "model", "-o", "report")  # fmt: skip
    assert done.code == 0, done.err
    assert done.out == [str(Path("report/report.json")), str(Path("report/report.html"))]
    assert any("not measured: no weights here" in line for line in done.err)
    found = json.loads(Path("report/report.json").read_text("utf-8"))
    assert found["n"] == 4 and found["voices"] == ["rms"] and found["identity"] == {}
    assert found["teachers"] == {} and found["words"]["sentences"] == 1 and found["order"]["model"] == {}
    for part in (
        "--quick",
        "--sentences 1",
        "--heard 1",
        "--grid 2x2",
        "--voices rms",
        "--steps 1",
        "-o DIR",
    ):
        assert part in found["command"]
    assert len(Path("heard.jsonl").read_text().splitlines()) == 6


def refuse(why: str):
    raise InputError(why)


@pytest.mark.parametrize("wrong, told", [
    (("--sentences", 0), "1 to 200"),
    (("--heard", 201), "1 to 200"),
    (("--grid", "1x5"), "2 to 9"),
    (("--seeds", 0), "1 to 100"),
    (("--steps", 0), "1 to 1000"),
    (("--workers", 0), "1 to 64"),
    (("--model", "emotive-speach-1"), "emotive-speach-1"),
    (("--device", "abacus"), "unknown device"),
])  # fmt: skip
def test_bad_input_is_one_line(run, wrong, told):
    assert told in refused(run("evaluate", "speech", *wrong, "-o", "report"))
    assert not list(Path(".").glob("**/report.*"))


def test_unknown_voices_are_refused(pipe):
    with pytest.raises(InputError, match="'otto'"):
        evaluate_speech(pipe, {"published": VocalPublishedJudge()}, voices=["otto"])
