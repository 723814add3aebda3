"""The talking-head protocol: arms, what judges see, numbers, and a whole report of a tiny model."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny_head_pipeline, tiny_speech_pipeline

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.evaluate import head as protocol
from emotive.evaluate import head_jobs
from emotive.evaluate.head_arms import (
    MOVERS,
    HeadCaption,
    joined,
    loudness_motion,
    rules_motion,
    sentences,
    silence,
    unspelled,
)
from emotive.evaluate.head_jobs import part_of
from emotive.evaluate.head_life import blink_rate, head_speed
from emotive.evaluate.head_lips import Utterance, control_numbers, lip_numbers
from emotive.evaluate.head_targets import head_targets
from emotive.evaluate.head_tracking import labelled, paths, rises, smoothed, sweeps, tracking
from emotive.evaluate.head_view import SEEN, TRUE, ClipJudge, Screen, filmed
from emotive.evaluate.head_visemes import LipReader, mouth_weights, viseme_labels
from emotive.evaluate.report import Evaluation, Sheet, write_report
from emotive.face.landmarks import FaceLandmarks
from emotive.face.opening import bundled_portraits, open_portrait
from emotive.perceive.face_judge import FaceJudge
from emotive.perceive.face_published import FacePublishedJudge
from emotive.perceive.face_units import face_units
from emotive.signals import ARKIT, Phone, Speech, Syllable

RATE = 24_000
NEUTRAL = AffectCurve.constant("0,0")
JAW = ARKIT.index("jawOpen")
POOL = ("AA1", "M", "IY1", "S", "EH1", "P", "AH0", "UW1", "V", "AE1", "B", "OW1", "T", "AO1", "F", "L", "N")


def talk(seed: int = 0, count: int = 40) -> Speech:
    """Vowels hum, the rest hisses or is silent: enough of a voice for lips to be measured."""
    rng = np.random.default_rng(seed)
    symbols = ["pau", *rng.choice(POOL, count), "pau"]
    ends = np.cumsum([0.2, *rng.uniform(0.08, 0.16, count), 0.2])
    starts = np.concatenate([[0.0], ends[:-1]])
    phones = tuple(Phone(str(s), float(a), float(b)) for s, a, b in zip(symbols, starts, ends, strict=True))
    times = np.arange(round(ends[-1] * RATE)) / RATE
    level = np.zeros(len(times))
    for phone in phones:
        loud = 0.3 if phone.symbol[-1].isdigit() else 0.05 if phone.symbol in ("S", "M", "N", "L") else 0.0
        level[(times >= phone.start) & (times < phone.end)] = loud
    wave = (level * np.sin(2 * np.pi * 150 * times) * (1 + 0.5 * np.sin(2 * np.pi * 900 * times))) / 1.5
    phones = (*phones[:-1], replace(phones[-1], end=len(wave) / RATE))
    syllables = tuple(Syllable(1, p.start, p.end) for p in phones if p.symbol.endswith("1"))
    return Speech(wave.astype(np.float32), RATE, "nonsense", phones, syllables)


@pytest.fixture(scope="module")
def screen() -> Screen:
    return Screen(open_portrait(bundled_portraits()[0]), None, 128)


# -- arms ------------------------------------------------------------------------------------------------


def test_speeches_are_joined_without_gaps_or_overlap():
    one, two = talk(1, 5), talk(2, 6)
    both = joined([one, two, silence(1.0)], 0.25)
    assert both.duration == pytest.approx(one.duration + two.duration + 1.5, abs=1e-3)
    for phone, after in zip(both.phones, both.phones[1:], strict=False):
        assert phone.end == pytest.approx(after.start, abs=1e-9)
    second = [p.symbol for p in both.phones][len(one.phones) + 1 :][: len(two.phones)]
    assert second == [p.symbol for p in two.phones]
    start = round((one.duration + 0.25) * RATE)
    np.testing.assert_array_equal(both.waveform[start : start + len(two.waveform)], two.waveform)
    assert unspelled(both).phones == () and len(unspelled(both).waveform) == len(both.waveform)


def test_the_rules_neither_move_the_head_nor_blink_and_the_teacher_does():
    speech = talk(0, 120)
    rules, taught = rules_motion(speech, NEUTRAL), MOVERS["teacher"](speech, NEUTRAL, 5)
    assert not rules.rotation.any() and not rules.gaze.any() and head_speed(taught) > 1
    assert blink_rate([rules]) == 0 < blink_rate([taught])
    again, other = MOVERS["teacher"](speech, NEUTRAL, 5), MOVERS["teacher"](speech, NEUTRAL, 6)
    np.testing.assert_array_equal(taught.weights, again.weights)
    assert np.abs(taught.rotation - other.rotation).max() > 0.01
    glad = rules_motion(speech, AffectCurve.constant("0.8,0.3"))
    smile = ARKIT.index("mouthSmileLeft")
    assert glad.weights[:, smile].mean() > 0.2 > rules.weights[:, smile].max()


def test_loudness_needs_no_phones_and_follows_the_sound():
    speech = talk()
    motion = loudness_motion(speech, NEUTRAL)
    np.testing.assert_array_equal(motion.weights, loudness_motion(unspelled(speech), NEUTRAL).weights)
    quiet = loudness_motion(silence(1.0), NEUTRAL)
    assert quiet.weights[:, JAW].max() == 0 < motion.weights[:, JAW].max()


def test_a_part_of_a_motion_is_its_frames():
    motion = MOVERS["teacher"](talk(), NEUTRAL, 1)
    part = part_of(motion, slice(10, 20))
    assert len(part) == 10 and part.fps == motion.fps
    np.testing.assert_array_equal(part.gaze, motion.gaze[10:20])


def test_held_out_sentences_are_those_that_there_are():
    assert len(sentences(3)) == 3 and sentences(2) == sentences(3)[1:]
    with pytest.raises(InputError, match="sentences must be"):
        sentences(0)


# -- lips ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def utterances(screen) -> list[Utterance]:
    found = []
    for seed in range(6):
        speech = talk(seed)
        motion = rules_motion(speech, NEUTRAL)
        mouth = screen.mouth(motion)
        found.append(Utterance.of(speech, motion, mouth, mouth.gap))
    return found


@pytest.fixture(scope="module")
def reader() -> LipReader:
    motions = [(talk(seed), rules_motion(talk(seed), NEUTRAL)) for seed in range(20, 30)]
    return LipReader.fit(
        [mouth_weights(m) for _, m in motions], [viseme_labels(s.phones, 30, len(m)) for s, m in motions]
    )


def test_lips_that_know_the_phones_close_and_are_read(utterances, reader):
    found = lip_numbers(utterances, reader)
    assert found["utterances"] == 6 and found["misalignment"] == 0
    assert found["closure"]["recall"] >= 0.95 and found["closure"]["precision"] >= 0.8
    assert found["viseme_f1"] > 0.6 and abs(found["lag"]) <= 1 and found["correlation"] > 0.3
    assert found["rounding"] > 0.8 and found["vowels"]["aa"] > found["vowels"]["ih"]
    assert lip_numbers(utterances)["viseme_f1"] is None


def test_controls_fall(utterances, reader):
    own, controls = lip_numbers(utterances, reader), control_numbers(utterances, reader)
    assert set(controls) == {"shuffled", "-5", "-2", "+2", "+5"}
    for name in ("shuffled", "-5", "+5"):
        assert controls[name]["viseme_f1"] < own["viseme_f1"] / 2
        assert controls[name]["correlation"] < own["correlation"] - 0.2
    assert controls["shuffled"]["closure"]["recall"] < own["closure"]["recall"] - 0.2
    assert controls["shuffled"]["closure"]["precision"] < own["closure"]["precision"] / 2
    assert controls["+5"]["lag"] - own["lag"] == 5 and controls["-2"]["lag"] - own["lag"] == -2
    assert controls["+5"]["misalignment"] > controls["+2"]["misalignment"] > 40
    assert "shuffled" not in control_numbers(utterances[:1], reader)


# -- what is seen ----------------------------------------------------------------------------------------


class Honest:
    """Finds, in a frame, where the neutral face is; counts how often it was asked."""

    def __init__(self, face: FaceLandmarks):
        self.face, self.asked = face, 0

    def __call__(self, frame: np.ndarray, near: FaceLandmarks | None) -> FaceLandmarks:
        self.asked += 1
        if frame.mean() < 1:
            raise InputError("no face")
        return self.face


def test_a_screen_sees_frames_and_knows_its_own_landmarks(screen):
    motion = rules_motion(talk(), NEUTRAL)
    faces = screen.faces(motion, 6)
    assert set(faces) == {TRUE} and len(faces[TRUE]) == len(range(3, len(motion), 6))
    mouth = screen.mouth(motion)
    assert len(mouth) == len(motion) and mouth.gap.max() > 0.05
    assert screen.mouth(motion, SEEN) is None
    still = replace(motion, weights=np.zeros_like(motion.weights))
    rest = screen.mouth(still)
    assert rest is not None
    np.testing.assert_allclose(rest.gap, 0, atol=1e-6)
    strip = screen.strip([motion], [0, 10, 20], 40)
    assert strip.shape == (40, 120, 3) and strip.dtype == np.uint8
    watched = Screen(open_portrait(bundled_portraits()[0]), Honest(screen.neutral[TRUE]), 128)
    assert len(watched.faces(motion, 6)[SEEN]) == len(faces[TRUE]) and SEEN in watched.neutral
    assert watched.find(np.zeros((128, 128, 3), np.uint8)) is None
    unmoved = watched.mouth(motion, SEEN)
    assert unmoved is not None
    np.testing.assert_allclose(unmoved.gap, 0, atol=1e-6)


def test_a_judge_of_clips_reads_against_the_neutral_face(screen):
    judge = ClipJudge(FacePublishedJudge(), TRUE)
    speech = talk()
    clips = []
    for affect in ("0.8,0.3", "0,0", "-0.8,-0.3"):
        curve = AffectCurve.constant(affect)
        caption = HeadCaption("", "", "", 0, (speech,))
        clips.append(filmed(screen, caption, 0, rules_motion(speech, curve)))
    found = judge.estimate(clips)
    assert found.valence[0] > found.valence[1] + 0.1 > found.valence[2] + 0.2
    assert "own landmarks" in judge.name and len(judge.fingerprint()) == 64
    empty = replace(clips[0], faces={TRUE: []})
    assert judge.estimate([empty]).valence[0] == 0


def test_levels_of_a_still_face_rise_and_those_of_a_deaf_judge_do_not(screen):
    found = sweeps(screen, FacePublishedJudge(), TRUE, None, None)
    assert found["valence"]["still_rises"] and "speaking" not in found["valence"]
    assert len(found["arousal"]["still"]) == 5
    assert rises([1, 2, 3]) and not rises([1, 1, 2]) and not rises([1, np.nan, 3])


def test_tracking_is_agreement_over_time():
    curve = paths(12.0)["around the plane"].sample(5, 12.0)[:, :2]
    assert tracking(curve, curve) == {"valence": pytest.approx(1), "arousal": pytest.approx(1)}
    assert abs(tracking(curve, curve[:, ::-1])["valence"]) < 0.2
    half = tracking(curve, curve / 2)
    assert half["valence"] == pytest.approx(0.8, abs=0.02)  # 2 (1/2) / (1 + 1/4)
    flat = np.ones((20, 2))
    np.testing.assert_allclose(smoothed(flat, 5), flat)
    step = np.repeat([0.0, 1.0], 10)[:, None]
    soft = smoothed(step, 5)
    assert len(soft) == 20 and soft[9, 0] == pytest.approx(0.4) and soft[0, 0] == 0


def test_names_are_given_by_other_peoples_faces():
    rng = np.random.default_rng(0)
    shapes = {name: rng.normal(size=6) for name in ("glad", "sad", "cross")}
    alike = {p: {n: s + 0.05 * rng.normal(size=6) for n, s in shapes.items()} for p in "abc"}
    found = labelled(alike)
    assert found["accuracy"] == 1 and found["chance"] == pytest.approx(1 / 3) and found["faces"] == 9
    assert found["confusions"]["glad"] == {"glad": 3, "sad": 0, "cross": 0}
    strange = {**alike, "d": {"glad": shapes["sad"], "sad": shapes["glad"], "cross": shapes["cross"]}}
    assert labelled(strange)["confusions"]["glad"]["sad"] == 1
    assert labelled({"a": alike["a"]}) == {}


def test_units_of_the_neutral_face_are_none(screen):
    neutral = screen.neutral[TRUE]
    np.testing.assert_allclose(face_units([neutral], neutral=neutral), 0, atol=1e-6)


# -- all of it -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def made(told) -> Evaluation:
    pipe, speaker = tiny_head_pipeline(), tiny_speech_pipeline()
    for tiny in (pipe, speaker):
        tiny.set_progress_bar_config(disable=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "held_out_speech", lambda texts: {"awb": [talk(1, 16), talk(2, 16)]})
        patch.setattr(protocol, "READER_SENTENCES", 2)
        patch.setattr(protocol, "TALK", 1)
        patch.setattr(head_jobs, "IDLE", 4.0)
        patch.setattr(head_jobs, "TALKING", (0.0, 0.5))
        patch.setattr(head_jobs, "FLICKER", 4)
        return protocol.evaluate_head(
            pipe, speaker, {"published": FacePublishedJudge()}, None, captions=2, spoken=2,
            portraits=bundled_portraits()[:2], grid=(3, 3), steps=1, resamples=50,
            command="emotive evaluate head -o DIR", progress=lambda *line: told.append(line),
        )  # fmt: skip


def test_the_report_has_every_number(made):
    found = made.report
    assert found["n"] == 2 * 9 and found["medium"] == "head" and found["voices"] == {"awb": 2}
    assert found["held_out"] == ["awb"] and found["portraits"] == list(bundled_portraits()[:2])
    assert found["arms"] == dict.fromkeys(("model", "rules", "teacher", "constant"), 18)
    assert set(found["baselines"]) == {"teacher", "rules", "constant", "shuffled"}
    assert found["baselines"]["constant"]["axes"]["valence"]["ccc"] == pytest.approx(0, abs=1e-12)
    # What knows the feeling shows it; a random model does not.
    ranks = [of["axes"]["valence"]["spearman"] for of in (found["baselines"]["rules"], found)]
    assert ranks[0] > max(0.6, ranks[1])
    assert found["lips"]["model"]["utterances"] == 2 and found["lips"]["seen"] is None
    assert found["lips"]["arms"]["rules"]["closure"]["recall"] >= 0.9
    assert set(found["lips"]["controls"]) == {"shuffled", "-5", "-2", "+2", "+5"}
    assert set(found["sweeps"]) == set(found["portraits"]) and found["names"]["faces"] == 16
    assert found["tracking"]["rules"]["published"]["n"] == 6
    assert found["life"]["rules"]["blinks"] == 0 and found["life"]["rules"]["idle_mouth_energy"] == 0
    assert found["life"]["teacher"]["distance"] < found["life"]["rules"]["distance"]
    json.dumps(found, allow_nan=False)


def test_progress_ends_when_all_is_done(made, told):
    done, total = zip(*((d, t) for _, d, t in told[1:]), strict=True)
    assert list(done) == list(range(1, total[0] + 1)) and len(set(total)) == 1


def test_every_target_is_told_and_what_was_not_measured_says_so(made):
    targets = head_targets(made.report)
    assert len(targets) == len({t.what for t in targets}) and not all(t.met for t in targets)
    bare = {**made.report, "names": {}, "closures": {"model": {"corners": None}}}
    assert sum(t.met is None for t in head_targets(bare)) >= 2
    seen = {**made.report, "lips": {**made.report["lips"], "seen": made.report["lips"]["heard"]}}
    assert len(head_targets(seen)) == len(targets) + 3


def test_the_page_is_whole_offline_and_can_be_looked_at(made, tmp_path: Path):
    json_file, html_file = write_report(tmp_path, made)
    write_report(tmp_path, made)  # over one of ours
    found = json.loads(json_file.read_text("utf-8"))
    assert found["axes"]["arousal"]["ccc"] == pytest.approx(made.report["axes"]["arousal"]["ccc"], rel=1e-5)
    html = html_file.read_text("utf-8")
    strips = [s for s in made.sheets if isinstance(s, Sheet)]
    assert html.count("<img") == sum(len(s.pictures) for s in strips) > 6
    bare = re.sub(r"data:image/jpeg;base64,[^\"]*", "", html)
    assert "http" not in bare and "<script" not in bare and "None" not in bare and "nan" not in bare
    for words in ("p b m closed", "Shuffled", "rises", "blinks/min", "sound alone"):
        assert words in bare
    hostile = json.loads(json.dumps(made.report))
    hostile["model"]["name"] = hostile["command"] = hostile["captions"][0] = "<script>alert(1)</script>"
    folder = tmp_path / "hostile"
    folder.mkdir()
    shown = [Sheet("<b>x</b>", s.pictures) for s in strips]
    _, other = write_report(folder, Evaluation(hostile, made.points, shown))
    assert "<script" not in other.read_text("utf-8") and "<b>x" not in other.read_text("utf-8")


def test_what_makes_no_sense_is_refused():
    pipe, speaker = tiny_head_pipeline(), tiny_speech_pipeline()
    judges = {"published": FacePublishedJudge()}
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"portraits": ["nobody"]}, "no portrait 'nobody'"),
        ({"seeds": 0}, "seeds must be"),
        ({"workers": 0}, "workers"),
        ({"captions": 0}, "sentences must be"),
        ({"grid": (1, 5)}, "grid"),
    )
    for wrong, said in refused:
        with pytest.raises(InputError, match=said):
            protocol.evaluate_head(pipe, speaker, judges, **wrong)


def test_affects_reach_the_model_and_the_same_seed_gives_the_same_motion():
    move = head_jobs.Setup(tiny_head_pipeline(), None, {}, None, [], [1], 1).movers()["model"]
    speech = talk(0, 10)
    one, two = (move(speech, AffectCurve.constant(Affect(0.5, 0.5)), 3) for _ in range(2))
    np.testing.assert_array_equal(one.weights, two.weights)
    other = move(speech, AffectCurve.constant(Affect(-0.5, -0.5)), 3)
    assert np.abs(other.weights - one.weights).max() > 1e-4


def test_a_report_from_the_command_line(
    run, head_model: Path, speech_model: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(FaceJudge, "from_pretrained", lambda: FacePublishedJudge())
    monkeypatch.setattr("emotive.cli.evaluate.SPEECH_MODEL", str(speech_model))
    monkeypatch.setattr("emotive.fetching.fetched", lambda item: None)
    monkeypatch.setattr(protocol, "held_out_speech", lambda texts: {"kal": [talk(3, 16), talk(4, 16)]})
    for name, value in (("READER_SENTENCES", 1), ("TALK", 1)):
        monkeypatch.setattr(protocol, name, value)
    for name, value in (("IDLE", 2.0), ("TALKING", (0.0,)), ("FLICKER", 3)):
        monkeypatch.setattr(head_jobs, name, value)
    portrait = bundled_portraits()[0]
    done = run("evaluate", "head", "--quick", "--captions", 2, "--spoken", 1, "--grid", "2x2", "--steps", 1,
               "--portraits", portrait, "--model", head_model, "-o", "report")  # fmt: skip
    assert done.code == 0, done.err
    assert done.out == [str(Path("report/report.json")), str(Path("report/report.html"))]
    assert any("not measured: landmarks in rendered frames" in line for line in done.err)
    found = json.loads(Path("report/report.json").read_text("utf-8"))
    assert found["n"] == 8 and found["portraits"] == [portrait] and found["names"] == {}
    assert found["headline_judge"] == "face" and "axes" in found["judges"]["published"]
    for part in ("--quick", "--spoken 1", "--grid 2x2", f"--portraits {portrait}", "--steps 1", "-o DIR"):
        assert part in found["command"]


@pytest.mark.parametrize("wrong, said", [
    (("--grid", "five"), "--grid 'five' makes no sense"),
    (("--steps", 0), "--steps 0 makes no sense"),
    (("--captions", 0), "sentences must be 1 to"),
    (("--seeds", 0), "--seeds 0 makes no sense"),
])  # fmt: skip
def test_the_command_says_what_is_wrong_before_the_work(run, wrong, said):
    done = run("evaluate", "head", *wrong, "-o", "report")
    assert done.code == 2 and said in done.err[-1]
    assert not Path("report").exists()
