"""The gesture protocol: arms, jobs, numbers, and a whole report of a tiny model."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny_gesture_pipeline, tiny_speech_pipeline

from emotive.affect import Affect, AffectCurve
from emotive.body.limits import violations
from emotive.errors import InputError
from emotive.evaluate import gesture as protocol
from emotive.evaluate import gesture_jobs, page_gesture
from emotive.evaluate.gesture_arms import (
    Acted,
    Beats,
    GestureCaption,
    model_mover,
    scaled_motion,
    silence,
    strangers,
    talk_of,
    teacher_motion,
    unspelled,
)
from emotive.evaluate.gesture_jobs import said
from emotive.evaluate.gesture_metrics import Seen, mean_jerk, strokes_of
from emotive.evaluate.gesture_numbers import timing
from emotive.evaluate.gesture_strips import moments, pictures, strip
from emotive.evaluate.gesture_targets import gesture_targets
from emotive.evaluate.report import Evaluation, Sheet, write_report
from emotive.models.motion_autoencoder import MotionAutoencoder
from emotive.perceive.body_features import quantity_of_motion
from emotive.perceive.body_published import BodyPublishedJudge
from emotive.perceive.motion_features import SHOWN, MotionFeatures
from emotive.signals import JOINT, Phone, Speech, Syllable, Word

RATE = 24_000
NEUTRAL = AffectCurve.constant("0,0")
VOWELS, REST = ("AA", "IY", "EH", "UW", "AE", "OW"), ("M", "S", "P", "T", "F", "L", "N")


def talk(seed: int = 0, words: int = 5) -> Speech:
    """Words of two syllables, the first stressed: enough of a voice for hands to be moved."""
    rng = np.random.default_rng(seed)
    symbols, marks, at = ["pau"], [(0.0, 0.2)], 0.2
    syllables, said = [], []
    for i in range(words):
        begins = at
        for stress in (1, 0):
            first = at
            for symbol in (str(rng.choice(REST)), f"{rng.choice(VOWELS)}{stress}"):
                length = float(rng.uniform(0.08, 0.2))
                symbols.append(symbol)
                marks.append((at, at + length))
                at += length
            syllables.append(Syllable(stress, first, at))
        said.append(Word(f"doggy{i}", begins, at))
    samples = round((at + 0.2) * RATE)
    phones = [Phone(s, a, b) for s, (a, b) in zip(symbols, marks, strict=True)]
    phones.append(Phone("pau", at, samples / RATE))
    time = np.arange(samples) / RATE
    wave = 0.3 * np.sin(2 * np.pi * 150 * time) * (time > 0.2) * (time < at)
    text = " ".join(w.text for w in said)
    return Speech(
        wave.astype(np.float32), RATE, text, tuple(phones), tuple(syllables), tuple(said), voice="awb"
    )


@pytest.fixture(scope="module")
def features() -> MotionFeatures:
    return MotionFeatures(MotionAutoencoder(3 * len(SHOWN), width=8, code=32))


# -- arms --------------------------------------------------------------------------------------------------


def test_speeches_are_joined_with_their_words():
    one, two = talk(1), talk(2)
    both = talk_of([one, two], 0.25)
    assert both.duration == pytest.approx(one.duration + two.duration + 0.25, abs=1e-3)
    assert len(both.words) == 10 and len(both.syllables) == 20
    assert both.words[5].start == pytest.approx(one.duration + 0.25 + two.words[0].start, abs=1e-3)
    assert unspelled(both).words == () and len(unspelled(both).waveform) == len(both.waveform)
    beats = Beats.of(both)
    assert len(beats.stresses) == 10 and len(beats.vowels) == 20


def test_strangers_are_unlike_each_other_and_always_the_same():
    found, again = strangers(3), strangers(3)
    for one, same in zip(found, again, strict=True):
        np.testing.assert_array_equal(one.habits, same.habits)
        assert one.build == same.build
    assert np.abs(found[0].habits - found[1].habits).max() > 0.5 and found[0].build != found[1].build


def test_the_teacher_is_the_same_by_the_same_chance_and_moves_in_time():
    speech, actor = talk(0, 12), strangers(1)[0]
    one, two = (teacher_motion(speech, NEUTRAL, actor, 5) for _ in range(2))
    np.testing.assert_array_equal(one.rotations, two.rotations)
    assert len(one) == round(30 * speech.duration)
    other = teacher_motion(speech, NEUTRAL, actor, 6)
    assert np.abs(one.rotations - other.rotations).max() > 0.05
    calm, excited = (
        quantity_of_motion(teacher_motion(speech, AffectCurve.constant(a), actor, 5))
        for a in ("0,-0.9", "0,0.9")
    )
    assert excited > 1.5 * calm
    with pytest.raises(InputError, match="needs the phones"):
        teacher_motion(unspelled(speech), NEUTRAL, actor, 5)


def test_scaling_learns_nothing_and_keeps_the_feet():
    neutral = teacher_motion(talk(0, 10), NEUTRAL, strangers(1)[0], 5)
    same = scaled_motion(neutral, Affect(0, 0))
    np.testing.assert_allclose(same.rotations, neutral.rotations, atol=1e-5)
    lively, calm = (scaled_motion(neutral, Affect(0, a)) for a in (0.9, -0.9))
    assert mean_jerk(Seen(lively)) > 1.3 * mean_jerk(Seen(calm))
    feet = [JOINT["leftFoot"], JOINT["rightFoot"]]
    np.testing.assert_allclose(lively.positions()[:, feet], neutral.positions()[:, feet], atol=1e-5)
    glad, sad = (scaled_motion(neutral, Affect(v, 0)) for v in (0.9, -0.9))
    judge = BodyPublishedJudge()
    assert np.diff(judge.estimate([sad, neutral, glad]).valence).min() > 0.05


def test_affects_reach_the_model_and_the_same_seed_gives_the_same_motion():
    move, speech, actor = model_mover(tiny_gesture_pipeline(), 1), talk(0, 4), strangers(1)[0]
    one, two = (move(speech, AffectCurve.constant(Affect(0.5, 0.5)), actor, 3) for _ in range(2))
    np.testing.assert_array_equal(one.rotations, two.rotations)
    other = move(speech, AffectCurve.constant(Affect(-0.5, -0.5)), actor, 3)
    assert np.abs(other.rotations - one.rotations).max() > 1e-4
    assert len(move(silence(1.0), NEUTRAL, actor, 3)) == 30


def test_the_speaker_says_a_captions_sentences_one_after_the_other():
    speaker = tiny_speech_pipeline()
    caption = GestureCaption(("Go home.", "Now."), speaker.voices[0], strangers(1)[0], 0, ())
    speech = said(speaker, caption, Affect(0.5, 0.5))
    assert [w.text.strip(".").lower() for w in speech.words] == ["go", "home", "now"] and speech.phones
    assert replace(caption, speeches=(speech,)).speech(7) is speech


# -- numbers -----------------------------------------------------------------------------------------------


def test_timing_is_pooled_over_strokes_and_falls_for_other_sound():
    speeches = [talk(seed, 14) for seed in range(3)]
    actor = strangers(1)[0]
    beats = [Beats.of(s) for s in speeches]
    found: dict[str, list[np.ndarray]] = {}
    for number, speech in enumerate(speeches):
        caption = GestureCaption((speech.text,), "awb", actor, number, (speech,))
        curve = AffectCurve.constant(Affect(0.3, 0.7))
        items = [Acted(caption, 0, teacher_motion(speech, curve, actor, 10 * number + k)) for k in range(3)]
        for name, of in timing(beats, number).items():
            found.setdefault(name, []).append(of(items))
        assert found["strokes"][-1].tolist() == [len(strokes_of(i.seen)) for i in items]
    sums = {name: float(np.sum(parts)) for name, parts in found.items()}
    assert 0 < sums["strokes_shuffled"] < sums["strokes_own"] <= sums["strokes"]
    assert 0 < sums["stresses_own"] <= sums["stresses"] == 3 * sum(len(b.stresses) for b in beats)


def test_moments_are_where_strokes_end():
    motion = teacher_motion(talk(0, 14), AffectCurve.constant("0.3,0.8"), strangers(1)[0], 5)
    ends = set(np.rint(strokes_of(Seen(motion)) * 30).astype(int).tolist())
    found = moments(motion, 2)
    assert len(set(found)) == 2 and set(found) & ends
    still = motion.part(0, 20)
    assert len(moments(still, 2)) == 2 and max(moments(still, 2)) < 20


def test_strips_show_bodies_without_their_faces_affect():
    actor = strangers(1)[0]
    motion = teacher_motion(talk(0, 4), AffectCurve.constant("0.9,0.9"), actor, 5)
    row = strip([motion, motion], actor)
    assert row.dtype == np.uint8 and row.shape[0] == 232 and row.shape[1] % 4 == 0
    plain, glad = (pictures(motion, [10], actor, 128, face)[0].astype(int) for face in (False, True))
    assert plain.shape == (128, 82, 3) and 0 < (plain != glad).any(2).mean() < 0.02


# -- all of it ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(features) -> tuple[Evaluation, list[tuple[str, int, int]]]:
    told: list[tuple[str, int, int]] = []
    pipe, speaker = tiny_gesture_pipeline(), tiny_speech_pipeline()
    for tiny in (pipe, speaker):
        tiny.set_progress_bar_config(disable=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "held_out_speech", lambda texts: {"awb": [talk(1), talk(2), talk(3)]})
        patch.setattr(protocol, "JOINED", 1)
        patch.setattr(protocol, "CURVE", 5.0)
        patch.setattr(protocol, "SHOWN", 1)
        for room in (protocol, gesture_jobs):
            patch.setattr(room, "said", lambda speaker, caption, affect: talk(caption.number))
        patch.setattr(gesture_jobs, "FELT", gesture_jobs.FELT[:3])
        patch.setattr(gesture_jobs, "NAMES", gesture_jobs.NAMES[:2])
        patch.setattr(gesture_jobs, "IDLE", 2.0)
        patch.setattr(gesture_jobs, "CHANCES", 2)
        patch.setattr(
            "emotive.pipelines.gesture.borrowed_curve", lambda sound, seconds: AffectCurve.constant("0.2,0.2")
        )
        made = protocol.evaluate_gesture(
            pipe, speaker, {"published": BodyPublishedJudge()}, features, captions=2, grid=(3, 3), steps=1,
            resamples=50, command="emotive evaluate gesture -o DIR", progress=lambda *line: told.append(line),
        )  # fmt: skip
    return made, told


def test_the_report_has_every_number(made):
    found = made[0].report
    assert found["n"] == 2 * 9 and found["medium"] == "gesture" and found["held_out"] == ["awb"]
    assert found["arms"] == {
        **dict.fromkeys(("model", "teacher", "again", "scaled", "constant"), 18),
        "heard": 9,
    }
    assert set(found["baselines"]) == {"teacher", "scaled", "constant", "shuffled"}
    assert found["baselines"]["constant"]["axes"]["valence"]["ccc"] == pytest.approx(0, abs=1e-12)
    # What knows the feeling shows it; a random model does not.
    ranks = [of["axes"]["arousal"]["spearman"] for of in (found["baselines"]["teacher"], found)]
    assert ranks[0] > max(0.6, ranks[1])
    assert found["motion"]["teacher"]["spearman"] > 0.6
    assert list(found["motion"]["teacher"]["levels"]["arousal"]) == ["-0.9", "0", "0.9"]
    levels = list(found["motion"]["scaled"]["levels"]["arousal"].values())
    assert levels == sorted(levels)
    assert found["quality"]["teacher"]["fgd"] is None and found["quality"]["teacher"]["hellinger"] < 1e-6
    assert found["quality"]["again"]["fgd"] < found["quality"]["mean pose"]["fgd"]
    assert found["quality"]["teacher"]["jerk_ratio"] == 1
    assert found["timing"]["teacher"]["strokes"] > 0 and "constant" not in found["timing"]
    assert found["tracking"]["teacher"]["published"]["n"] == 3
    assert found["voice"]["n"] == 9 and found["borrowed"]["n"] == 2
    assert found["borrowed"]["published"]["valence"]["heard"] == 0  # the borrowed curve was always the same
    assert found["names"] == {}  # of one caption's actor there are no others
    assert found["chance"]["teacher"]["idle_strokes"] == 0 and found["chance"]["teacher"]["diversity"] > 0
    json.dumps(found, allow_nan=False)


def test_named_emotions_are_named_by_other_actors():
    rng = np.random.default_rng(0)
    shapes = {name: rng.normal(size=6) for name in ("glad", "sad", "cross")}
    found = {a: {"model": {n: x + 0.05 * rng.normal(size=6) for n, x in shapes.items()}} for a in "abc"}
    labels = protocol._labels(found)
    assert labels["model"]["accuracy"] == 1 and labels["model"]["chance"] == pytest.approx(1 / 3)
    names = page_gesture._names_note({**labels, "teacher": labels["model"]})
    assert "100.0 % of 9" in names and "33.3 %" in names


def test_progress_ends_when_all_is_done(made):
    done, total = zip(*((d, t) for _, d, t in made[1][1:]), strict=True)
    assert list(done) == list(range(1, total[0] + 1)) and len(set(total)) == 1


def test_bodies_stay_within_what_bodies_can_do(made):
    quality = made[0].report["quality"]
    assert quality["model"]["range"] == 0 and quality["model"]["skate"] < 0.5
    motion = teacher_motion(talk(), NEUTRAL, strangers(1)[0], 1)
    assert max(beyond.max() for beyond in violations(motion).values()) == 0


def test_every_target_is_told_and_decided_by_its_limit(made):
    report = made[0].report
    targets = gesture_targets(report)
    assert len(targets) == len({t.what for t in targets}) == 11 and not all(t.met for t in targets)

    def with_(path: tuple[str, ...], value: float | None) -> list[bool | None]:
        changed: Any = json.loads(json.dumps(report))
        at = changed
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        return [new.met for new, old in zip(gesture_targets(changed), targets, strict=True) if new != old]

    assert with_(("axes", "arousal", "ccc"), 0.9) == [True]
    assert with_(("axes", "arousal", "ccc"), 0.899) == [False]
    assert with_(("axes", "valence", "ccc"), 0.75) == [True]
    assert with_(("motion", "model", "valence_sweep"), 0.1499) == [True]
    assert with_(("motion", "model", "valence_sweep"), 0.15) == [False]
    assert with_(("motion", "model", "spearman"), 0.95) == [True]
    assert with_(("timing", "model", "own"), None) == [None]
    again = report["quality"]["again"]["fgd"]
    assert with_(("quality", "model", "fgd"), 1.9 * again) == [True]
    assert with_(("quality", "model", "fgd"), 2.1 * again) == [False]
    assert with_(("quality", "model", "jerk_ratio"), 1.21) == [False]
    assert with_(("quality", "model", "l1div_ratio"), 0.81) == [True]
    assert with_(("quality", "model", "range"), 0.1) == [False]
    assert with_(("quality", "model", "penetration"), 1.2) == [False]


def test_the_page_is_whole_offline_and_can_be_looked_at(made, tmp_path: Path):
    evaluation = made[0]
    json_file, html_file = write_report(tmp_path, evaluation)
    write_report(tmp_path, evaluation)  # over one of ours
    found = json.loads(json_file.read_text("utf-8"))
    assert found["axes"]["arousal"]["ccc"] == pytest.approx(
        evaluation.report["axes"]["arousal"]["ccc"], rel=1e-5
    )
    page = html_file.read_text("utf-8")
    assert not re.search(r'(?:src|href)="(?!data:)', page) and "<script" not in page
    strips = [s for s in evaluation.sheets if isinstance(s, Sheet)]
    assert len(strips) == 2 and page.count("<img") == sum(len(s.pictures) for s in strips)
    for heading in (
        "Against the targets",
        "In time with the voice",
        "What bodies can do",
        "A feeling borrowed",
    ):
        assert heading in page
    hostile = json.loads(json.dumps(evaluation.report))
    hostile["command"] = hostile["captions"][0] = "<script>alert(1)</script>"
    folder = tmp_path / "hostile"
    folder.mkdir()
    shown = [Sheet("<b>x</b>", s.pictures) for s in strips]
    _, other = write_report(folder, Evaluation(hostile, evaluation.points, shown))
    assert "<script" not in other.read_text("utf-8") and "<b>x" not in other.read_text("utf-8")


def test_without_the_synthesisers_the_speakers_voices_are_used(monkeypatch):
    monkeypatch.setattr(protocol, "held_out_speech", lambda texts: {})
    speaker = tiny_speech_pipeline()
    chosen = protocol.captions_of(speaker, 3)
    assert not any(c.speeches for c in chosen) and {c.voice for c in chosen} <= set(speaker.voices)
    assert len({c.actor.name for c in chosen}) == 3
    monkeypatch.setattr(protocol, "_plain", lambda caption, speaker: replace(caption, speeches=(talk(),)))
    kinds = [task.kind for task in protocol._tasks(chosen, speaker)]
    assert kinds.count("control") == 3 and {"curve", "voice", "borrowed", "names", "chance"} <= set(kinds)


def test_what_makes_no_sense_is_refused(features):
    pipe, speaker = tiny_gesture_pipeline(), tiny_speech_pipeline()
    judges = {"published": BodyPublishedJudge()}
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"captions": 1}, "captions must be 2 to 60"),
        ({"seeds": 0}, "seeds must be"),
        ({"workers": 0}, "workers"),
        ({"grid": (1, 5)}, "grid"),
    )
    for wrong, told in refused:
        with pytest.raises(InputError, match=told):
            protocol.evaluate_gesture(pipe, speaker, judges, features, **wrong)
