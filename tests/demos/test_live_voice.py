"""The microphone and the portrait of the live room, without a browser: takes, ears, messages, bad input."""

import io
import math
import struct
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest
import torch
from made_up_voice import TEXTS, made_up_reading
from PIL import Image
from tiny import tiny_head_pipeline, tiny_speech_pipeline

pytest.importorskip("gradio", reason="the Studio needs the extra demos")

from emotive.affect import Affect
from emotive.demos import live_head
from emotive.demos.live_head import LiveHead, beside, read_portrait
from emotive.demos.live_voice import ANSWER, ANSWER_FRAME, LIVE_FRAME, MICROPHONE, STAMP, VoiceRoom
from emotive.errors import InputError, WeightsError
from emotive.face.opening import bundled_portraits
from emotive.models.speech_judge import SpeechJudgeNetwork
from emotive.perceive.voice import SpeechJudge
from emotive.train.speech_takes import spoken

RATE = 16_000
WHO = bundled_portraits()[0]


@cache
def voice(seconds: float = 0.8) -> np.ndarray:
    """A made-up voice, int16, at `RATE`."""
    said = spoken(made_up_reading(TEXTS[0], 110.0), (0.0, 0.5), math.log(110.0), np.random.default_rng(0))
    return np.round(3 * said[: round(seconds * RATE)].clip(-0.3, 0.3) * 32767).astype(np.int16)


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_head, "SIDE", 96)


@pytest.fixture(scope="module")
def judge() -> SpeechJudge:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SpeechJudge(SpeechJudgeNetwork(channels=(4, 8, 8), width=16, dilations=(1,), hidden=8).eval())


@pytest.fixture(scope="module")
def head() -> LiveHead:
    pipes = tiny_head_pipeline(), tiny_speech_pipeline()
    return LiveHead(lambda: pipes[0], lambda: pipes[1])


class Page:
    """A page as the rooms of the server see it: keeps what it is told."""

    def __init__(self, affect: str = "0.5,0.5"):
        self.on_close: list[Callable[[], None]] = []
        self.told: list[tuple[str, dict]] = []
        self.sent: list[tuple[int, bytes]] = []
        self.pad = Affect.parse(affect)
        self.answers = True  # to frames

    def tell(self, kind: str, **payload) -> None:
        self.told.append((kind, payload))

    def send_binary(self, tag: int, data: bytes) -> None:
        self.sent.append((tag, data))
        if self.answers and tag in (LIVE_FRAME, ANSWER_FRAME):
            self.say("head-seen", frame=STAMP.unpack_from(data)[0])

    def affect(self) -> Affect:
        return self.pad

    def enter(self, room: VoiceRoom) -> "Page":
        self.handlers = room.handlers(self)
        return self

    def say(self, kind: str, **payload) -> None:
        self.handlers[kind]({"kind": kind, **payload})

    def speak(self, samples: np.ndarray, chunk: int = 800) -> None:
        for i in range(0, len(samples), chunk):
            self.handlers[MICROPHONE](samples[i : i + chunk].astype("<i2").tobytes())

    def listening(self) -> "Page":
        self.say("mic", on=True, rate=RATE)
        return self

    def begin(self, take: int = 1, feeling: str = "pad") -> None:
        self.say("head-start", take=take, portrait=WHO, feeling=feeling)
        self.wait_for("listening", take)

    def wait_for(self, state: str, take: int = 1) -> None:
        wait(
            lambda: ("head", take, state) in [(k, m.get("take"), m.get("state")) for k, m in self.told], state
        )

    def binary(self, tag: int) -> list[bytes]:
        return [data for each, data in self.sent if each == tag]

    @property
    def problems(self) -> list[str]:
        return [message["line"] for kind, message in self.told if kind == "voice-problem"]

    def close(self) -> None:
        for callback in self.on_close:
            callback()


@pytest.fixture
def page(judge: SpeechJudge, head: LiveHead) -> Iterator[Page]:
    page = Page().enter(VoiceRoom(lambda: judge, head))
    yield page
    page.close()
    quiet()


def wait(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.01)


def quiet() -> None:
    """No thread of ours is left."""
    ours = ("live ear", "live portrait")
    wait(lambda: not [t for t in threading.enumerate() if t.name in ours], "threads to end", 30)


# -- the ear -------------------------------------------------------------------------------------------------


def test_a_voice_is_told_five_times_a_second(page: Page):
    page.listening().speak(voice())
    wait(lambda: len(page.told) >= 3, "three words")
    kinds, messages = zip(*page.told, strict=True)
    assert set(kinds) == {"voice"}
    assert any(m["speaking"] for m in messages) and not any(m["known"] for m in messages)
    assert all(-1 <= m[axis] <= 1 for m in messages for axis in ("valence", "arousal"))
    page.say("mic", on=False)
    count = len(page.told)
    page.speak(voice())  # what comes after the end is passed over
    quiet()
    assert len(page.told) <= count + 1 and not page.problems


def test_a_speaker_is_known_after_some_seconds_and_not_before(page: Page):
    page.listening()
    page.say("mic-know", on=True)
    wait(lambda: page.problems, "a line")
    assert "Say a sentence or two in your usual voice first" in page.problems[0]
    for count in range(1, 7):
        page.speak(voice())
        wait(lambda count=count: len(page.told) >= 3 * count, "words")  # what waits too long is passed over
    page.say("mic-know", on=True)
    wait(lambda: page.told[-1][1].get("known"), "the speaker to be known")
    page.say("mic-know", on=False)
    wait(lambda: page.told[-1][1].get("known") is False, "the speaker to be forgotten")


def test_a_judge_that_is_not_there_is_one_line(head: LiveHead):
    def missing() -> SpeechJudge:
        raise WeightsError("emotive-speech-judge-1 is not there: fetch it")

    page = Page().enter(VoiceRoom(missing, head)).listening()
    wait(lambda: page.problems, "a line")
    assert "is not there: fetch it" in page.problems[0]
    page.close()
    quiet()


# -- the portrait --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("feeling", ["pad", "mine"])
def test_the_portrait_moves_along_and_then_says_it_back(page: Page, feeling: str):
    page.listening().begin(feeling=feeling)
    page.speak(voice())
    wait(lambda: page.binary(LIVE_FRAME), "a live frame")
    page.say("head-stop")
    page.wait_for("")
    states = [m["state"] for k, m in page.told if k == "head"]
    assert states == ["opening", "listening", "answering", "speaking", "done", ""] and not page.problems
    (sound,) = page.binary(ANSWER)
    rate, count = struct.unpack_from("<xxxII", sound)
    samples = np.frombuffer(sound, "<i2", offset=11)
    assert rate == {"pad": 24_000, "mine": RATE}[feeling]
    frames = page.binary(ANSWER_FRAME)
    assert count == round(30 * len(samples) / rate) and abs(len(frames) - count) <= 1
    times = [STAMP.unpack_from(data)[1] for data in frames]
    assert times == pytest.approx(np.arange(len(frames)) / 30, abs=1e-3)
    picture = Image.open(io.BytesIO(frames[0][STAMP.size :]))
    assert picture.size == (live_head.SIDE, live_head.SIDE)
    if feeling == "mine":  # the recording itself
        assert np.abs(samples - voice()[: len(samples)].astype(int)).max() <= 2
    else:
        assert np.abs(samples).max() > 300
    live = [STAMP.unpack_from(data)[1] for data in page.binary(LIVE_FRAME)]
    assert live == sorted(live) and live[-1] < len(voice()) / RATE + 0.1


def test_the_answer_has_the_feeling_that_the_pad_had_when_it_was_said(judge: SpeechJudge, head: LiveHead):
    given = []

    class Listening(type(head.voice())):
        def rerender(self, audio, affect, **how):
            given.append(affect)
            return super().rerender(audio, affect, **how)

    pipe = Listening(**head.voice().components)
    page = Page("-0.8,-0.2").enter(VoiceRoom(lambda: judge, LiveHead(head.head, lambda: pipe)))
    page.listening().begin()
    page.speak(voice())
    wait(lambda: page.binary(LIVE_FRAME), "a live frame")
    page.pad = Affect(0.9, 0.6)
    page.speak(voice())
    time.sleep(0.2)
    page.say("head-stop")
    page.wait_for("")
    (curve,) = given
    assert curve.at(0.0) == Affect(-0.8, -0.2) and curve.at(9.0) == Affect(0.9, 0.6)
    assert curve.keyframes[-1][0] <= 2 * len(voice()) / RATE
    page.close()
    quiet()


def test_a_silent_take_is_one_line_and_the_next_is_heard(page: Page):
    page.listening().begin()
    page.speak(np.zeros(RATE, np.int16))
    page.say("head-stop")
    page.wait_for("")
    assert page.problems == ["Heard nothing: hold the button and speak, nearer to the microphone"]
    page.begin(2)
    page.say("head-stop")  # at once
    page.wait_for("", 2)
    assert len(page.problems) == 2 and not page.binary(ANSWER)
    page.begin(3)
    page.speak(voice())
    page.say("head-stop")
    page.wait_for("done", 3)


def test_a_take_is_as_long_as_it_may_be(page: Page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_head, "LONGEST_TAKE", 1.0)
    page.listening().begin(feeling="mine")
    page.speak(np.tile(voice(), 2))
    page.wait_for("done")
    (sound,) = page.binary(ANSWER)
    assert (len(sound) - 11) // 2 == RATE
    assert [m for k, m in page.told if m.get("full")] and not page.problems


def test_a_microphone_that_goes_silent_ends_the_take(page: Page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_head, "PATIENCE", 0.2)
    page.listening().begin()
    page.speak(voice()[:1600])
    page.wait_for("")
    assert page.problems == ["The microphone has gone silent: nothing more came from it"]


def test_a_page_that_vanishes_stops_the_work(page: Page):
    page.listening().begin()
    page.speak(voice())
    page.close()
    quiet()
    assert not page.binary(ANSWER) and not page.problems


def test_a_page_that_reads_no_frames_gets_no_more_than_a_few(page: Page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_head, "PATIENCE", 0.5)
    page.answers = False
    page.listening().begin()
    for i in range(0, len(voice()), 1600):
        page.speak(voice()[i : i + 1600])
        time.sleep(0.02)
    page.say("head-stop")
    page.wait_for("")
    assert len(page.binary(LIVE_FRAME)) <= live_head.UNSEEN
    assert len(page.binary(LIVE_FRAME)) + len(page.binary(ANSWER_FRAME)) <= live_head.UNSEEN_ANSWER


def test_a_new_take_cuts_the_answer_short(page: Page):
    page.answers = False  # the answer waits in vain
    page.listening().begin()
    page.speak(np.tile(voice(), 2))
    page.say("head-stop")
    page.wait_for("speaking")
    page.begin(2)
    page.wait_for("")
    assert "done" not in [m["state"] for k, m in page.told if m.get("take") == 1] and not page.problems


def test_too_many_takes_at_once_are_told_so(
    judge: SpeechJudge, head: LiveHead, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live_head, "PATIENCE", 0.3)
    room = VoiceRoom(lambda: judge, LiveHead(head.head, head.voice, most=1))
    first, second = (Page().enter(room).listening() for _ in range(2))
    held = room.head.turns if room.head else None
    assert held is not None and held.acquire(blocking=False)  # somebody speaks
    second.say("head-start", take=1, portrait=WHO, feeling="pad")
    second.wait_for("")
    assert second.problems == ["The portraits are all speaking to others: try again in a moment"]
    held.release()
    first.begin()
    for each in (first, second):
        each.close()
    quiet()
    assert held.acquire(blocking=False)  # the turn was given back


def test_two_pipelines_side_by_side_give_the_same_and_share_no_scheduler(head: LiveHead):
    pipe = head.head()
    own = beside(pipe)
    assert own.scheduler is not pipe.scheduler and own.denoiser is pipe.denoiser
    sound = voice().astype(np.float32) / 32768
    motions = [
        p.motion(
            sound, "joy", sample_rate=RATE, num_inference_steps=2, generator=torch.Generator().manual_seed(0)
        )
        for p in (pipe, own)
    ]
    assert np.array_equal(motions[0].weights, motions[1].weights)


# -- what a page may not say ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "payload", "says"),
    [
        ("mic", {}, "On is true or false"),
        ("mic", {"on": True}, "rate of the microphone is a whole number from 8000"),
        ("mic", {"on": True, "rate": 10**9}, "rate of the microphone"),
        ("mic", {"on": True, "rate": True}, "rate of the microphone"),
        ("mic-know", {"on": None}, "On is true or false"),
        ("head-start", {"portrait": WHO, "feeling": "pad"}, "Take is a number"),
        (
            "head-start",
            {"take": 1, "portrait": "../../etc/passwd", "feeling": "pad"},
            "Choose one of the portraits",
        ),
        (
            "head-start",
            {"take": 1, "portrait": WHO, "feeling": ["pad"]},
            "feeling is that of the pad or mine",
        ),
        ("head-seen", {"frame": float("nan")}, "Frame is a number"),
    ],
)
def test_what_cannot_be_used_is_one_line(page: Page, kind: str, payload: dict, says: str):
    page.listening()
    page.say(kind, **payload)
    assert says in page.problems[0] and "\n" not in page.problems[0]
    page.speak(voice())
    if kind != "mic":
        wait(lambda: any(k == "voice" for k, _ in page.told), "the ear to hear on")


def test_sound_that_is_none_is_one_line_and_the_take_goes_on(page: Page):
    page.listening().begin(feeling="mine")
    for data in (b"\0", b"\0" * 3, b"\0" * (2 * RATE + 2)):
        page.handlers[MICROPHONE](data)
    assert len(page.problems) == 3 and "int16 samples" in page.problems[0]
    page.say("head-seen", frame=999)
    assert "not under way" in page.problems[3]
    page.handlers[MICROPHONE](b"")
    page.speak(voice())
    page.say("head-stop")
    page.wait_for("done")


def test_without_a_microphone_or_portraits_nothing_begins(judge: SpeechJudge):
    page = Page().enter(VoiceRoom(lambda: judge))
    page.speak(voice())
    page.say("head-stop")
    page.say("head-cancel")
    page.say("head-seen", frame=1)
    assert not page.problems
    page.say("mic-know", on=True)
    page.say("head-start", take=1, portrait=WHO, feeling="pad")
    page.listening().say("head-start", take=1, portrait=WHO, feeling="pad")
    assert page.problems == ["Turn the microphone on first"] * 2 + ["There are no portraits here"]
    page.close()
    quiet()


def test_only_drawn_portraits_speak_here(tmp_path):
    assert [read_portrait(name) for name in bundled_portraits()] == list(bundled_portraits())
    Image.new("RGB", (64, 64)).save(tmp_path / "me.png")
    for name in (str(tmp_path / "me.png"), "", 3, ["mara"]):
        with pytest.raises(InputError, match="choose one of the portraits"):
            read_portrait(name)
