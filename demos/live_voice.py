"""The microphone of the live room: what is heard in it moves the affect, and a portrait answers. No web.

From a page, by kind:

    mic          {on, rate}                  sound is coming, at `rate` samples/s, or no more
    mic-know     {on}                        what was said last is the speaker's usual voice, or no longer
    head-start   {take, portrait, feeling}   a take begins: its number, a bundled portrait, "pad" or "mine"
    head-stop    {}                          the take has ended: the portrait answers
    head-cancel  {}                          no answer is wanted
    head-seen    {frame}                     that frame has come

and in binary, tag MICROPHONE: int16 samples, little-endian, mono, a second at most.

To a page: `voice` {valence, arousal, spread: [2], speaking, level, known}, five times a second; `head` {take,
state, ...} as `live_head.Listener.state` has it; `voice-problem` {line}. In binary, tags LIVE_FRAME and
ANSWER_FRAME: `STAMP` (number, seconds), then a JPEG; ANSWER: `FORMAT` (samples/s, number of frames to come),
then int16 samples.
"""

from __future__ import annotations

import queue
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from emotive.affect import Affect
from emotive.errors import EmotiveError, InputError
from emotive.perceive.live_voice import HIGHEST_RATE, LOWEST_RATE, LiveVoiceAffect

from .background import InBackground
from .easel import sentence
from .live_head import LiveHead, Take

if TYPE_CHECKING:
    from emotive.perceive.voice import SpeechJudge

MICROPHONE, LIVE_FRAME, ANSWER_FRAME, ANSWER = 16, 17, 18, 19
STAMP = struct.Struct("<xxxIf")  # behind the tag, so that what follows lies at 12
FORMAT = struct.Struct("<xxxII")
LONGEST_CHUNK = 1.0  # seconds
MOST_WAITING = 2.0  # seconds of sound that wait for the judge; what is older is passed over
MOST_ENDING = 3  # takes of a page that are over and not yet put down
SOONEST = 0.5  # seconds between two beginnings of a microphone
QUIETEST = -90.0  # dB re full scale that are told


class Connection(Protocol):
    """A page, as `live_server.Connection` is one: callable from any thread, without waiting."""

    on_close: list[Callable[[], None]]

    def tell(self, kind: str, **payload: Any) -> None: ...
    def send_binary(self, tag: int, data: bytes) -> None: ...
    def affect(self) -> Affect: ...


Handler = Callable[[Any], None]


def open_judge() -> Callable[[], SpeechJudge]:
    """What opens the judge of speech, once, when it is first asked for."""

    def opening() -> SpeechJudge:
        from emotive.perceive.voice import SpeechJudge

        return SpeechJudge.from_pretrained()

    opened = InBackground(opening, "open the judge of voices")
    return lambda: opened.begin().result()


class VoiceRoom:
    """Hears for everyone who has the page open. `judge` opens the judge of speech, and is called from
    threads; `head` has the portraits that speak, if there are any."""

    def __init__(self, judge: Callable[[], SpeechJudge], head: LiveHead | None = None):
        self.judge, self.head = judge, head

    def handlers(self, connection: Connection) -> dict[str | int, Handler]:
        """What a new page may say here, by kind and binary tag, see above. All of it ends with the page.

        Handlers return at once; what is wrong with a message is one line for the page.
        """
        guest = Guest(self, connection)
        connection.on_close.append(guest.leave)
        known: dict[str | int, Handler] = {
            "mic": guest.microphone,
            "mic-know": guest.know,
            "head-start": guest.begin,
            "head-stop": guest.stop,
            "head-cancel": guest.cancel,
            "head-seen": guest.seen,
            MICROPHONE: guest.hear,
        }
        return {kind: _in_one_line(handler, connection) for kind, handler in known.items()}


class Guest:
    """One page with a microphone: at most one ear and one take. Called in the server's event loop."""

    def __init__(self, room: VoiceRoom, connection: Connection):
        self._room, self._connection = room, connection
        self._ear: Ear | None = None
        self._take: Take | None = None
        self._gone = False
        self._begun = -SOONEST
        self._ending: list[Take] = []  # whose threads still have something to put down

    def microphone(self, message: dict[str, Any]) -> None:
        """Sound is going to come, or no more."""
        on = _flag(message, "on")
        rate = _rate(message) if on else 0
        if on and time.monotonic() - self._begun < SOONEST:
            raise InputError("the microphone was turned on a moment ago: try again")
        if self._ear is not None:
            self._ear.close()
            self._ear = None
        if on and not self._gone:
            self._begun = time.monotonic()
            self._ear = Ear(self._room.judge, self._connection, rate)
        elif not on and self._take is not None:
            self._take.stop()

    def know(self, message: dict[str, Any]) -> None:
        """What was said last is the speaker's usual voice."""
        on = _flag(message, "on")
        self._listening().know(on)

    def begin(self, message: dict[str, Any]) -> None:
        """A take begins; one that is still going on or being answered is over."""
        ear = self._listening()
        if self._room.head is None:
            raise InputError("there are no portraits here")
        self._ending = [take for take in self._ending if not take.join(0)]
        if len(self._ending) >= MOST_ENDING:
            raise InputError("the portrait is still busy with your last words: try again in a moment")
        if self._take is not None:
            self._take.cancel()
            self._ending.append(self._take)
        mine, number = message.get("feeling") == "mine", _number(message, "take")
        self._take = Take(
            self._room.head,
            _Stage(self._connection, number),
            message.get("portrait"),
            message.get("feeling"),
            ear.rate,
            ear.affect if mine else self._connection.affect,
            ear.judge,
        )

    def stop(self, message: dict[str, Any]) -> None:
        """The take has ended: the portrait answers."""
        if self._take is not None:
            self._take.stop()

    def cancel(self, message: dict[str, Any]) -> None:
        """No answer is wanted."""
        if self._take is not None:
            self._take.cancel()
            self._take = None

    def seen(self, message: dict[str, Any]) -> None:
        """A frame has come."""
        frame = _number(message, "frame")
        if self._take is not None:
            self._take.seen(frame)

    def hear(self, data: bytes) -> None:
        """Sound; what comes after the end is passed over."""
        if self._ear is None:
            return
        if len(data) % 2 or len(data) > 2 * LONGEST_CHUNK * self._ear.rate:
            raise InputError("the sound of the microphone is int16 samples, a second at most at once")
        samples = np.frombuffer(data, "<i2").astype(np.int16)
        self._ear.push(samples)
        if self._take is not None:
            self._take.push(samples)

    def leave(self) -> None:
        """The page is gone: nothing more is done for it."""
        self._gone = True
        if self._ear is not None:
            self._ear.close()
        if self._take is not None:
            self._take.cancel()
        self._ear = self._take = None

    def _listening(self) -> Ear:
        if self._ear is None:
            raise InputError("turn the microphone on first")
        return self._ear


class Ear:
    """Hears the affect in what one microphone sends, in a thread of its own, and tells the page."""

    def __init__(self, opening: Callable[[], SpeechJudge], connection: Connection, rate: int):
        self.rate = rate
        self._opening, self._connection = opening, connection
        self._words: queue.Queue[np.ndarray | bool | None] = queue.Queue()  # sound, to know or not, the end
        self._lock = threading.Lock()
        self._waiting = 0
        self._live: LiveVoiceAffect | None = None
        self._closed = False
        threading.Thread(target=self._run, name="live ear", daemon=True).start()

    def push(self, samples: np.ndarray) -> None:
        """More sound, int16 (N,)."""
        with self._lock:
            if self._waiting > MOST_WAITING * self.rate:  # the judge is late, or still opening
                return
            self._waiting += len(samples)
        self._words.put(samples)

    def know(self, on: bool) -> None:
        """Whether what was said last is to be the speaker's usual voice."""
        self._words.put(on)

    def close(self) -> None:
        """Ends the thread, after what it does now."""
        self._closed = True
        self._words.put(None)

    def affect(self) -> Affect:
        """What is heard now; neutral until something was."""
        live = self._live
        return Affect(0.0, 0.0) if live is None else live.affect

    def judge(self) -> SpeechJudge:
        """The judge, which knows the speaker if it was told to."""
        live = self._live
        return self._opening() if live is None else live.judge

    def _run(self) -> None:
        try:
            live = self._live = LiveVoiceAffect(self._opening(), self.rate)
            while not self._closed and (word := self._words.get()) is not None:
                try:
                    self._understand(live, word)
                except EmotiveError as error:
                    self._connection.tell("voice-problem", line=sentence(error))
        except EmotiveError as error:  # the judge is not there
            self._connection.tell("voice-problem", line=sentence(error))
        except Exception:  # a fault of ours: the page learns of it, and the log says more
            traceback.print_exc(file=sys.stderr)
            self._connection.tell("voice-problem", line="Listening failed, which is a fault here")

    def _understand(self, live: LiveVoiceAffect, word: np.ndarray | bool) -> None:
        if isinstance(word, bool):
            if word:
                live.know_speaker()
            else:
                live.forget_speaker()
            self._tell(live)
            return
        with self._lock:
            self._waiting -= len(word)
        if live.push(word) is not None:
            self._tell(live)

    def _tell(self, live: LiveVoiceAffect) -> None:
        now = live.affect
        self._connection.tell(
            "voice",
            valence=round(now.valence, 3),
            arousal=round(now.arousal, 3),
            spread=[round(x, 3) for x in live.spread],
            speaking=live.speaking,
            level=round(max(live.level, QUIETEST), 1),
            known=any(live.judge.neutral),
        )


class _Stage:
    """What a take says, as messages for the page."""

    def __init__(self, connection: Connection, number: int):
        self._connection, self._number = connection, number

    def state(self, state: str, **more: Any) -> None:
        self._connection.tell("head", take=self._number, state=state, **more)

    def problem(self, line: str) -> None:
        self._connection.tell("voice-problem", line=line)

    def frame(self, number: int, seconds: float, jpeg: bytes, answer: bool) -> None:
        tag = ANSWER_FRAME if answer else LIVE_FRAME
        self._connection.send_binary(tag, STAMP.pack(number, seconds) + jpeg)

    def sound(self, samples: np.ndarray, sample_rate: int, frames: int) -> None:
        packed = samples.astype("<i2").tobytes()
        self._connection.send_binary(ANSWER, FORMAT.pack(sample_rate, frames) + packed)


def _in_one_line(handler: Handler, connection: Connection) -> Handler:
    """The handler; what it cannot use is said beside the microphone rather than beside the picture."""

    def handled(message: Any) -> None:
        try:
            handler(message)
        except EmotiveError as error:
            connection.tell("voice-problem", line=sentence(error))

    return handled


def _flag(message: dict[str, Any], name: str) -> bool:
    if not isinstance(value := message.get(name), bool):
        raise InputError(f"{name} is true or false")
    return value


def _number(message: dict[str, Any], name: str) -> int:
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise InputError(f"{name} is a number that counts up from 0")
    return value


def _rate(message: dict[str, Any]) -> int:
    rate = message.get("rate")
    if not isinstance(rate, int) or isinstance(rate, bool) or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise InputError(f"the rate of the microphone is a whole number from {LOWEST_RATE} to {HIGHEST_RATE}")
    return rate
