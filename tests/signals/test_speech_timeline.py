"""Speech carries its own clock: times are checked, kept exactly by files, and shifted exactly by joining."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.signals import Phone, Speech, Syllable, Word

RATE = 16000
CURVE = AffectCurve([(0, Affect.parse("joy:0.7+fear:0.3")), (0.4, Affect(-0.2, 0.3, 0.1))])


def speech(seconds: float = 0.5, seed: int = 0, **changes) -> Speech:
    """ "day off", with a pause before it."""
    n = round(seconds * RATE)
    wave = np.random.default_rng(seed).uniform(-1, 1, n).astype(np.float32)
    cuts = np.round(np.array([0, 0.1, 0.2, 0.5, 0.8, 1]) * n) / RATE
    phones = tuple(
        Phone(symbol, float(a), float(b))
        for symbol, a, b in zip(("pau", "D", "EY1", "AO2", "F"), cuts, cuts[1:], strict=False)
    )
    spans = [(float(cuts[1]), float(cuts[3])), (float(cuts[3]), float(cuts[5]))]
    made = Speech(
        wave,
        RATE,
        text="day off — “日本”",
        phones=phones,
        syllables=(Syllable(1, *spans[0]), Syllable(2, *spans[1])),
        words=(Word("day", *spans[0]), Word("off", *spans[1])),
        affect=CURVE,
        voice="ada",
        start=12.25,
    )
    return replace(made, **changes)


def assert_same(a: Speech, b: Speech) -> None:
    assert a.timeline() == b.timeline()
    assert a.phones == b.phones and a.syllables == b.syllables and a.words == b.words
    assert a.affect == b.affect
    np.testing.assert_array_equal(a.waveform, b.waveform)


def test_the_waveform_is_a_read_only_copy():
    mine = np.zeros(100, dtype=np.float32)
    said = Speech(mine, RATE)
    mine[0] = 1
    assert said.waveform[0] == 0 and said.waveform.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        said.waveform[0] = 1
    assert said.duration == 100 / RATE and said.affect.at(3) == Affect(0, 0)


def test_npz_keeps_everything_exactly(tmp_path: Path):
    said = speech()
    assert_same(Speech.load(said.save(tmp_path / "a.npz")), said)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_json_keeps_the_timeline(tmp_path: Path):
    said = speech()
    record = json.loads(said.save(tmp_path / "a.json").read_text("utf-8"))
    assert record == said.timeline()
    assert (record["format"], record["version"], record["duration"]) == ("emotive-speech", 1, 0.5)
    read = Speech.load(tmp_path / "a.json")
    assert len(read.waveform) == 0
    assert read.timeline() == said.timeline() and read.affect == said.affect


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"waveform": np.zeros((2, 8000))}, "mono"),
        ({"waveform": np.full(8000, 1.5)}, "runs to 1.5"),
        ({"waveform": np.full(8000, np.nan)}, "not finite"),
        ({"waveform": np.full(8000, np.inf)}, "not finite"),
        ({"waveform": np.zeros(8001)}, "phones last from"),
        ({"sample_rate": 0}, "above 0"),
        ({"sample_rate": 22050.5}, "whole number"),
        ({"alphabet": "sampa"}, "arpabet or ipa"),
        ({"start": -1.0}, "from 0 on"),
        ({"phones": (Phone("D", 0, 0.2), Phone("EY1", 0.25, 0.5))}, "gap between phone 'D' and phone 'EY1'"),
        ({"phones": (Phone("D", 0, 0.3), Phone("EY1", 0.25, 0.5))}, "before phone 'D' ends"),
        ({"phones": (Phone("D", 0.1, 0.5),)}, "phones last from 0.1"),
        ({"phones": (Phone("D", 0, 0.4),)}, "phones last from 0 to 0.4"),
        ({"phones": (Phone("D", 0, 0.6),)}, "lasts 0.5 s"),
        ({"phones": (Phone("D", 0, 0), Phone("EY1", 0, 0.5))}, "phone 'D' lies at 0..0 s"),
        ({"phones": (Phone("D", 0, float("nan")),)}, "phone 'D' lies at"),
        ({"words": (Word("b", 0.3, 0.4), Word("a", 0.1, 0.2))}, "word 'a' begins at 0.1 s, before"),
        ({"words": (Word("a", 0.3, 0.1),)}, "word 'a' lies at"),
        ({"syllables": (Syllable(3, 0, 0.1),)}, "0, 1 or 2"),
    ],
)
def test_what_cannot_be_is_one_line(changes: dict, why: str):
    with pytest.raises(InputError, match=why) as caught:
        speech(**changes)
    assert "\n" not in str(caught.value)


def test_half_a_sample_is_forgiven_and_no_more():
    for off, fine in ((0.49, True), (-0.49, True), (0.6, False), (-0.6, False)):
        phones = (Phone("D", 0, 0.2), Phone("EY1", 0.2, 0.5 + off / RATE))
        if fine:
            assert speech(phones=phones).phones == phones
        else:
            with pytest.raises(InputError):
                speech(phones=phones)


@given(st.lists(st.integers(200, 3000), min_size=1, max_size=6))
def test_joining_shifts_every_time(lengths: list[int]):
    parts = [speech(n / RATE, seed=n) for n in lengths]
    whole = Speech.concatenate(parts)
    np.testing.assert_array_equal(whole.waveform, np.concatenate([part.waveform for part in parts]))
    assert whole.start == 12.25 and whole.voice == "ada"
    assert len(whole.phones) == 5 * len(parts) and [w.text for w in whole.words] == ["day", "off"] * len(
        parts
    )
    for i, part in enumerate(parts):
        offset = sum(lengths[:i]) / RATE
        for joined, own in zip(whole.phones[5 * i :], part.phones, strict=False):
            assert joined.symbol == own.symbol
            assert joined.start == pytest.approx(offset + own.start, abs=1e-9)
        for t in (0, 0.3 * part.duration, part.duration * 0.9):
            joined, own = whole.affect.at(offset + t), part.affect.at(t)
            assert joined.valence == pytest.approx(own.valence, abs=1e-6)
            assert joined.arousal == pytest.approx(own.arousal, abs=1e-6)


def test_constant_affects_jump_where_parts_meet():
    moods = (Affect(0.5, 0.5), Affect(0.5, 0.5), Affect(-0.5, 0.1))
    whole = Speech.concatenate([speech(affect=AffectCurve.constant(mood)) for mood in moods])
    for t, mood in ((0.2, moods[0]), (0.7, moods[1]), (0.9999, moods[1]), (1.0, moods[2]), (1.4, moods[2])):
        assert whole.affect.at(t) == mood
    same = Speech.concatenate([speech(affect=AffectCurve.constant(moods[0]))] * 3)
    assert same.affect == AffectCurve.constant(moods[0])


def test_silence_becomes_a_pause_and_other_mixtures_are_refused():
    silence = Speech(np.zeros(1600), RATE)
    whole = Speech.concatenate([silence, speech(), silence])
    assert whole.phones[0] == Phone("pau", 0.0, 0.1) and whole.phones[-1].symbol == "pau"
    assert whole.duration == pytest.approx(0.7) and whole.voice == "" and whole.text == speech().text
    for other, why in (
        (Speech(np.zeros(1600), RATE, text="hm"), "has no phones"),
        (Speech(np.zeros(1600), 8000), "samples/s"),
        (Speech(np.zeros(1600), RATE, alphabet="ipa"), "in arpabet and in ipa"),
    ):
        with pytest.raises(InputError, match=why):
            Speech.concatenate([speech(), other])
    with pytest.raises(InputError, match="no speech"):
        Speech.concatenate([])


def test_timelines_alone_join_too():
    timeline = speech(waveform=np.zeros(0))
    assert timeline.duration == 0.5
    assert Speech.concatenate([timeline, timeline]).words[3] == Word("off", 0.75, 1.0)


def test_files_that_are_not_speech(tmp_path: Path):
    whole = speech().save(tmp_path / "whole.npz").read_bytes()
    timeline = speech().timeline()
    broken = {
        "cut.npz": whole[: len(whole) // 2],
        "empty.npz": b"",
        "text.npz": b"hello",
        "empty.json": b"",
        "list.json": b"[]",
        "deep.json": b"[" * 100_000,
        "other.json": b'{"format": "emotive-affect-curve"}',
        "later.json": json.dumps(timeline | {"version": 2}).encode(),
        "less.json": json.dumps({k: v for k, v in timeline.items() if k != "words"}).encode(),
        "wrong.json": json.dumps(timeline | {"phones": [{"symbol": 3, "start": 0, "end": 1}]}).encode(),
        "beyond.json": json.dumps(timeline | {"affect": [{"time": 0, "valence": 3, "arousal": 0}]}).encode(),
        "noise.wav": b"RIFF",
    }
    for name, data in broken.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=name) as caught:
            Speech.load(tmp_path / name)
        assert "\n" not in str(caught.value)
    np.savez(tmp_path / "pickle.npz", waveform=np.array([None]), timeline=np.zeros(1, np.uint8))
    np.savez(tmp_path / "else.npz", a=np.zeros(3))
    for name in ("pickle.npz", "else.npz", "none.npz"):
        with pytest.raises(InputError, match=name):
            Speech.load(tmp_path / name)
    with pytest.raises(InputError, match=r"\.npz or"):
        speech().save(tmp_path / "a.txt")
    with pytest.raises(InputError, match="does not exist"):
        speech().save(tmp_path / "none" / "a.npz")
