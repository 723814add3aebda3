"""Affect of a voice as it comes in: order, silence, chunks, noise, speakers, bad input."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from made_up_voice import TEXTS, made_up_reading

from emotive.affect import Affect, emotions
from emotive.errors import InputError
from emotive.media.audio import resample
from emotive.models.speech_judge import SpeechJudgeNetwork
from emotive.perceive.live_voice import HANG, REST_TIME, STEP, UNKNOWN, LiveVoiceAffect
from emotive.perceive.voice import SpeechJudge
from emotive.perceive.voice_gate import VoiceGate, voiced_seconds
from emotive.train.speech_takes import spoken

RATE = 16_000
LEVELS = (-0.9, 0.0, 0.9)
SILENCE = np.zeros(RATE, np.float32)


@cache
def take(valence: float, arousal: float, f0: float = 110.0) -> np.ndarray:
    """Four or five seconds of a made-up voice."""
    rng = np.random.default_rng(0)
    parts = [spoken(made_up_reading(text, f0), (valence, arousal), math.log(f0), rng) for text in TEXTS[:2]]
    return 3 * np.concatenate(parts)


@cache
def shipped() -> SpeechJudge:
    return SpeechJudge.from_pretrained()


@pytest.fixture(scope="module")
def tiny() -> SpeechJudge:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SpeechJudge(SpeechJudgeNetwork(channels=(4, 8, 8), width=16, dilations=(1,), hidden=8).eval())


def heard(judge: SpeechJudge, sound: np.ndarray, chunk: int = 1600, rate: int = RATE) -> list[Affect]:
    live = LiveVoiceAffect(judge, rate)
    found = [live.push(sound[i : i + chunk]) for i in range(0, len(sound), chunk)]
    return [affect for affect in found if affect is not None]


# -- what it hears -------------------------------------------------------------------------------------------


def test_arousal_follows_calm_to_excited_takes_while_they_are_spoken():
    ends = [heard(shipped(), take(0.0, level))[-1].arousal for level in LEVELS]
    assert ends == sorted(ends) and ends[-1] - ends[0] > 0.8


def test_valence_follows_too():
    sad, neutral, happy = (heard(shipped(), take(level, 0.0))[-1].valence for level in LEVELS)
    assert sad < neutral < happy and happy - sad > 0.5


def test_it_changes_its_mind_within_some_seconds():
    found = heard(shipped(), np.concatenate([take(0.0, -0.9), take(0.0, 0.9)]))
    turn = round(len(take(0.0, -0.9)) / RATE / STEP)
    assert found[turn - 1].arousal < -0.4
    assert found[turn + round(3 / STEP)].arousal > found[turn - 1].arousal + 0.5


def test_loudness_is_no_cue():
    quiet, loud = (heard(shipped(), gain * take(0.0, 0.9)) for gain in (0.3, 1.0))
    for x, y in zip(quiet, loud, strict=True):
        assert x.valence == pytest.approx(y.valence, abs=0.1)
        assert x.arousal == pytest.approx(y.arousal, abs=0.1)


def test_silence_leads_back_to_rest_and_to_not_knowing():
    live = LiveVoiceAffect(shipped())
    live.push(take(0.0, 0.9))
    live.push(np.tile(SILENCE, 2)[: round((HANG + STEP) * RATE)])
    start, sure = live.affect, live.spread
    assert start.intensity > 0.2 and not live.speaking and max(sure) < 0.85 * UNKNOWN
    drift = [live.push(SILENCE) for _ in range(16)]
    distance = [math.hypot(a.valence, a.arousal) for a in drift if a is not None]
    assert distance == sorted(distance, reverse=True)
    assert distance[3] == pytest.approx(math.exp(-4 / REST_TIME) * start.intensity, rel=0.03)
    assert distance[-1] < 0.02
    assert live.spread == pytest.approx((UNKNOWN, UNKNOWN), rel=1e-2)


def test_rest_may_lie_elsewhere(tiny):
    live = LiveVoiceAffect(tiny, rest="0.3,-0.2")
    assert live.affect == Affect(0.3, -0.2) == live.push(SILENCE)
    live.push(take(0.0, 0.0)[:RATE])
    live.push(np.tile(SILENCE, 18))
    assert live.affect.valence == pytest.approx(0.3, abs=0.01)
    assert live.affect.arousal == pytest.approx(-0.2, abs=0.01)


def test_nothing_but_silence_is_rest_throughout(tiny):
    assert set(heard(tiny, np.tile(SILENCE, 3))) == {Affect(0.0, 0.0)}


def test_not_knowing_is_as_wide_as_the_named_emotions():
    spread = np.std([[e.valence, e.arousal] for e in emotions()], 0)
    assert spread == pytest.approx([UNKNOWN, UNKNOWN], abs=0.12)


# -- time is that of the samples -----------------------------------------------------------------------------


def test_the_size_of_the_chunks_changes_nothing(tiny):
    sound = np.concatenate([SILENCE, take(0.0, 0.9)[: 2 * RATE], SILENCE])
    whole = LiveVoiceAffect(tiny)
    at_once = whole.push(sound)
    for chunk in (160, 7777):
        found = heard(tiny, sound, chunk)
        assert at_once is not None
        assert found[-1].valence == pytest.approx(at_once.valence, abs=1e-4)
        assert found[-1].arousal == pytest.approx(at_once.arousal, abs=1e-4)
    assert len(heard(tiny, sound, 160)) == pytest.approx(len(sound) / RATE / STEP, abs=1.5)
    assert LiveVoiceAffect(tiny).push(SILENCE[:1600]) is None


def test_another_rate_of_the_microphone_hardly_matters(tiny):
    sound = take(0.0, 0.9)[: 2 * RATE]
    plain = heard(tiny, sound)[-1]
    for rate in (44_100, 48_000):
        found = heard(tiny, resample(sound, RATE, rate).clip(-1, 1), rate // 10, rate)[-1]
        assert found.valence == pytest.approx(plain.valence, abs=0.05)
        assert found.arousal == pytest.approx(plain.arousal, abs=0.05)


def test_whole_numbers_are_full_scale(tiny):
    sound = take(0.0, 0.0)[: 2 * RATE]
    as_ints = np.round(sound * 32767).astype(np.int16)
    ints, floats = heard(tiny, as_ints)[-1], heard(tiny, sound)[-1]
    assert ints.valence == pytest.approx(floats.valence, abs=1e-2)
    assert ints.arousal == pytest.approx(floats.arousal, abs=1e-2)


def test_it_may_go_on_for_ever_and_keeps_seconds_only(tiny):
    live = LiveVoiceAffect(tiny)
    sizes = []
    for _ in range(4):
        live.push(take(0.0, 0.0))
        sizes.append(len(live._kept) + len(live._voice))
    assert max(sizes) < 10 * RATE and sizes[-1] <= max(sizes[:3]) + 100


# -- what counts as voice ------------------------------------------------------------------------------------


def test_a_voice_is_heard_soon_and_noise_and_hum_are_none():
    rng = np.random.default_rng(0)
    noise = (0.05 * rng.standard_normal(8 * RATE)).astype(np.float32).clip(-1, 1)
    t = np.arange(10 * RATE) / RATE
    hum = (0.05 * np.sign(np.sin(2 * np.pi * 100 * t))).astype(np.float32)
    voice = take(0.0, 0.0)
    assert voiced_seconds(noise, RATE) < 0.1
    assert voiced_seconds(np.tile(SILENCE, 3), RATE) == 0
    assert voiced_seconds(voice, RATE) > 0.4 * len(voice) / RATE
    gate = VoiceGate()
    found = gate.push(resample(hum, RATE, 24_000))
    assert any(found[:60]) and not any(found[-90:])  # a hum that stays becomes the room
    assert gate.level == pytest.approx(-26, abs=2) and gate.floor > gate.level - 9


def test_noise_moves_nothing(tiny):
    noise = (0.05 * np.random.default_rng(0).standard_normal(3 * RATE)).astype(np.float32).clip(-1, 1)
    live = LiveVoiceAffect(tiny)
    live.push(noise)
    assert live.affect == Affect(0.0, 0.0) and not live.speaking


def test_silence_before_an_utterance_is_no_slowness_of_it():
    plain = heard(shipped(), take(0.0, 0.9)[: 2 * RATE])[-1]
    after = heard(shipped(), np.concatenate([np.tile(SILENCE, 3), take(0.0, 0.9)[: 2 * RATE]]))[-1]
    assert after.arousal == pytest.approx(plain.arousal, abs=0.1)


# -- the speaker ---------------------------------------------------------------------------------------------


def test_a_known_speaker_is_neutral_in_the_usual_voice():
    live = LiveVoiceAffect(shipped())
    live.push(take(0.0, 0.0, 220.0))
    before = live.affect
    live.know_speaker()
    known = live.judge
    shift = np.array([live.affect.valence - before.valence, live.affect.arousal - before.arousal])
    assert shift == pytest.approx(-np.array(known.neutral), abs=1e-5)  # at once, not with the next words
    found = known.estimate([(take(0.0, 0.0, 220.0), RATE)])
    assert [found.valence[0], found.arousal[0]] == pytest.approx([0, 0], abs=0.1)
    assert np.hypot(*known.neutral) > 0.15  # to the judge, this voice is not neutral by itself
    live.know_speaker()  # twice is once: what is known is not taken off again
    assert live.judge.neutral == pytest.approx(known.neutral, abs=1e-6)
    live.forget_speaker()
    assert live.judge is shipped() and live.affect.valence == pytest.approx(before.valence, abs=1e-5)
    live.know_speaker()
    live.reset()
    assert live.affect == Affect(0.0, 0.0) and live.judge is not shipped()


def test_nobody_is_known_from_silence(tiny):
    live = LiveVoiceAffect(tiny)
    live.push(np.concatenate([np.tile(SILENCE, 3), take(0.0, 0.0)[:RATE]]))
    with pytest.raises(InputError, match="say a sentence or two in your usual voice first: 2 s of voice"):
        live.know_speaker()


# -- what cannot be heard ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (np.full(100, np.nan, np.float32), "not finite, or beyond"),
        (np.array([0.0, np.inf]), "not finite, or beyond"),
        (np.full(100, 1.5), "beyond"),
        (np.zeros((2, 100), np.float32), r"samples \(N,\), not float32 \(2, 100\)"),
        (np.zeros(100, int), "float or int16 samples"),
        ("hello", "float or int16 samples"),
        (None, "float or int16 samples"),
    ],
)
def test_a_chunk_that_is_no_sound_is_one_line_and_leaves_no_trace(tiny, samples, says: str):
    live, clean = LiveVoiceAffect(tiny), LiveVoiceAffect(tiny)
    sound = take(0.0, 0.0)[: round(1.4 * RATE)]
    live.push(sound[:RATE])
    with pytest.raises(InputError, match=says) as raised:
        live.push(samples)
    assert "\n" not in str(raised.value)
    clean.push(sound[:RATE])
    assert clean.push(sound[RATE:]) == live.push(sound[RATE:])


@pytest.mark.parametrize("rate", [0, -1, 7999, 200_000, 16000.5, float("nan"), True, None, "16000"])
def test_an_odd_rate_is_one_line(tiny, rate):
    with pytest.raises(InputError, match="the sample rate"):
        LiveVoiceAffect(tiny, rate)


def test_no_sound_at_all_changes_nothing(tiny):
    live = LiveVoiceAffect(tiny)
    assert live.push(np.zeros(0, np.float32)) is None and live.affect == Affect(0.0, 0.0)
