"""The portrait of the live room: it moves its lips while somebody speaks, then says the words back. No web.

A `Take` is one time of speaking, in a thread of its own. While sound comes in, the face moves to it with the
affect of the moment; when the speaker has ended, the words are said again with the affect that they were
given, and the face with them.
"""

from __future__ import annotations

import copy
import queue
import secrets
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from emotive.affect import Affect, AffectCurve
from emotive.errors import EmotiveError, InputError
from emotive.face.opening import bundled_portraits
from emotive.perceive.voice_gate import voiced_seconds

from .easel import sentence

if TYPE_CHECKING:
    from emotive.perceive.voice import SpeechJudge
    from emotive.pipelines.loading import TimedPipeline
    from emotive.pipelines.speech import EmotiveSpeechPipeline
    from emotive.pipelines.talking_head import EmotiveTalkingHeadPipeline
    from emotive.signals import FaceMotion, Speech

FPS, SIDE = 30, 512
LONGEST_TAKE = 20.0  # seconds
LEAST_VOICE = 0.2  # seconds of it that make a take worth answering
MOST_TAKES = 3  # at once, of all pages: each keeps most of a processor busy
PATIENCE = 4.0  # seconds without any sound after which a microphone is gone
QUALITY = 85  # of JPEGs
LIVE_STEPS, ANSWER_STEPS = 2, 4  # of the sampler: a face that is late is worse than one a little less like
BEHIND = 0.15  # seconds of sound that wait: then only the newest frame of a piece is drawn
UNSEEN, UNSEEN_ANSWER = 8, 45  # frames on their way to the page, live and of the answer
GLIDE = 0.1  # seconds in which the answer goes from one affect to the next
PIECE = 0.2  # seconds of the answer that are moved at once
FEELINGS = ("pad", "mine")  # whose feeling face and answer wear: that of the pad, or of the speaker's voice

Drawing = Callable[["FaceMotion"], Iterator[np.ndarray]]
Pipe = TypeVar("Pipe", bound="TimedPipeline")


class Listener(Protocol):
    """Who a take is for; may be called from any thread, and does not wait."""

    def state(self, state: str, **more: Any) -> None:
        """What happens: "opening", "listening", "answering", "speaking", "done", or "" when it is over."""

    def problem(self, line: str) -> None:
        """Why nothing more comes."""

    def frame(self, number: int, seconds: float, jpeg: bytes, answer: bool) -> None:
        """A frame, by its number, and when it is to be seen: in seconds of the sound of the take, or of the
        answer."""

    def sound(self, samples: np.ndarray, sample_rate: int, frames: int) -> None:
        """The answer, int16 (N,), and how many frames will follow."""


class LiveHead:
    """What takes are made with. `head` and `voice` return a pipeline once it is open, and are called from the
    threads of takes. Takes of different pages run side by side, up to `most` of them: `turns`.
    """

    def __init__(
        self,
        head: Callable[[], EmotiveTalkingHeadPipeline],
        voice: Callable[[], EmotiveSpeechPipeline],
        most: int = MOST_TAKES,
    ):
        self.head, self.voice = head, voice
        self.turns = threading.BoundedSemaphore(most)
        self._most, self._lock = most, threading.Lock()
        self._free: list[tuple[str, Drawing]] = []

    @contextmanager
    def drawing(self, portrait: str) -> Iterator[Drawing]:
        """Motion -> frames of a portrait, for one thread. Opening one takes half a second: some are kept."""
        from emotive.pipelines.talking_head import animation

        with self._lock:
            kept = next((each for each in self._free if each[0] == portrait), None)
            if kept is not None:
                self._free.remove(kept)
        draw = kept[1] if kept is not None else animation(portrait, SIDE)
        try:
            yield draw
        finally:
            with self._lock:
                self._free = [*self._free, (portrait, draw)][-self._most :]


def beside(pipe: Pipe) -> Pipe:
    """The same networks with a scheduler of its own: schedulers remember where they are, so that two threads
    cannot share one."""
    parts = dict(pipe.components)
    own = type(pipe)(**{**parts, "scheduler": copy.deepcopy(parts["scheduler"])})
    own.set_progress_bar_config(disable=True)
    return own


def read_portrait(name: Any) -> str:
    """The name of a bundled portrait: no others speak here. Raises InputError."""
    if not isinstance(name, str) or name not in bundled_portraits():
        raise InputError("choose one of the portraits")
    return name


class Take:
    """One time of speaking to `portrait`.

    `feeling` is one of `FEELINGS`; `felt()` says the affect of the moment, and `judge()` what reads the
    speaker's feeling over the whole take, for "mine". Raises InputError for what is no portrait or feeling.
    """

    def __init__(
        self,
        head: LiveHead,
        listener: Listener,
        portrait: Any,
        feeling: Any,
        sample_rate: int,
        felt: Callable[[], Affect],
        judge: Callable[[], SpeechJudge],
    ):
        self._portrait = read_portrait(portrait)
        if feeling not in FEELINGS:
            raise InputError("the feeling is that of the pad or mine")
        self._head, self._listener, self._feeling, self._felt = head, listener, feeling, felt
        self._judge, self.sample_rate = judge, sample_rate
        self._chunks: queue.Queue[np.ndarray | None] = queue.Queue()
        self._taken: list[np.ndarray] = []  # what was recorded, as it came
        self._waiting = 0  # samples that came and were not moved to yet
        self._shown: list[tuple[float, Affect]] = []  # what was felt when, seconds
        self._sent = self._seen = 0
        self._moved = threading.Condition()
        self.ended = self.over = self._listening = False
        self._until = 0.0  # when listening ends, however little has come
        self._thread = threading.Thread(target=self._run, name="live portrait", daemon=True)
        self._thread.start()

    # -- from the page ---------------------------------------------------------------------------------------

    def push(self, samples: np.ndarray) -> None:
        """More of what is said, int16 (N,). Nothing is taken before "listening", after the end, or beyond the
        longest take."""
        with self._moved:
            room = round(LONGEST_TAKE * self.sample_rate) - sum(map(len, self._taken))
            if self.ended or self.over or not self._listening or not len(samples):
                return
            samples = samples[:room]
            self._taken.append(samples)
            self._waiting += len(samples)
            self._chunks.put(samples)
            if room <= len(samples):
                self._listener.state("listening", full=True)
        if room <= len(samples):
            self.stop()

    def stop(self) -> None:
        """The speaker has ended: now the portrait speaks."""
        if not self.ended:
            self.ended = True
            self._chunks.put(None)

    def cancel(self) -> None:
        """Nothing more is wanted; returns at once."""
        with self._moved:
            self.over = True
            self._moved.notify_all()
        self._chunks.put(None)

    def seen(self, frame: int) -> None:
        """The page has got the frame of that number. Raises InputError for one that was not sent."""
        with self._moved:
            if not 0 <= frame <= self._sent:
                raise InputError(f"frame {frame} is not under way")
            self._seen = max(self._seen, frame)
            self._moved.notify_all()

    def join(self, seconds: float) -> bool:
        """Waits until nothing more is done; whether that is so."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # -- the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._speak()
        except EmotiveError as error:
            self._give_up(sentence(error))
        except Exception:  # a fault of ours: the page learns of it, and the log says more
            traceback.print_exc(file=sys.stderr)
            self._give_up("The portrait failed, which is a fault here: its log says more")
        finally:
            self.over = True
            self._listener.state("")

    def _give_up(self, line: str) -> None:
        if not self.over:
            self._listener.problem(line)

    def _speak(self) -> None:
        self._listener.state("opening")
        pipe = beside(self._head.head())
        if self.over:
            return
        end = time.monotonic() + PATIENCE
        while not self._head.turns.acquire(timeout=0.1):
            if self.over:
                return
            if time.monotonic() > end:
                raise InputError("the portraits are all speaking to others: try again in a moment")
        try:
            with self._head.drawing(self._portrait) as draw:
                self._spoken_to(pipe, draw)
        finally:
            self._head.turns.release()

    def _spoken_to(self, pipe: EmotiveTalkingHeadPipeline, draw: Drawing) -> None:
        import torch

        self._listening, self._until = True, time.monotonic() + LONGEST_TAKE + PATIENCE
        self._listener.state("listening")
        seed = secrets.randbelow(1_000_000)
        first = self._next()
        if first is not None:
            pieces = pipe.stream_motion(
                self._sound(first),
                self._affect,
                sample_rate=self.sample_rate,
                num_inference_steps=LIVE_STEPS,
                generator=torch.Generator().manual_seed(seed),
            )
            for piece in pieces:
                self._show_live(piece, draw)
        if not self.over:
            self._answer(pipe, draw, seed)

    def _next(self) -> np.ndarray | None:
        """What comes next from the microphone; None at the end of the take."""
        if time.monotonic() > self._until:
            return None
        try:
            return self._chunks.get(timeout=PATIENCE)
        except queue.Empty:
            raise InputError("the microphone has gone silent: nothing more came from it") from None

    def _sound(self, first: np.ndarray) -> Iterator[np.ndarray]:
        """What comes in, float32, all that waits at once."""
        chunks: list[np.ndarray | None] = [first]
        while not self.over:
            while not self._chunks.empty():
                chunks.append(self._chunks.get())
            sound = [chunk for chunk in chunks if chunk is not None]
            if sound:
                joined = np.concatenate(sound)
                with self._moved:
                    self._waiting -= len(joined)
                yield joined.astype(np.float32) / np.float32(32768)
            if len(sound) < len(chunks):
                return
            chunks = [self._next()]

    def _affect(self) -> Affect:
        """What is felt now, noted down for the answer."""
        now = self._felt()
        heard = (sum(map(len, self._taken)) - self._waiting) / self.sample_rate
        if not self._shown:
            self._shown.append((0.0, now))
        time, before = self._shown[-1]
        if now != before and heard > time:
            if heard - time > GLIDE:  # it stayed where it was until now
                self._shown.append((heard - GLIDE, before))
            self._shown.append((heard, now))
        return now

    def _show_live(self, piece: FaceMotion, draw: Drawing) -> None:
        """Draws a piece of motion as far as there is time; the page shows the newest."""
        late = self._waiting > BEHIND * self.sample_rate
        if late:
            last = slice(len(piece) - 1, None)
            tracks = {n: getattr(piece, n)[last] for n in ("weights", "rotation", "translation", "gaze")}
            piece = replace(piece, **tracks, start=piece.start + (len(piece) - 1) / FPS)
        for i, frame in enumerate(draw(piece)):
            if self.over or self._sent - self._seen >= UNSEEN:
                return  # the page is behind: a frame less
            self._send(frame, piece.start + i / FPS, answer=False)

    def _answer(self, pipe: EmotiveTalkingHeadPipeline, draw: Drawing, seed: int) -> None:
        """Says it back: the sound, then frames as fast as they are made."""
        import torch

        self._listener.state("answering")
        speech = self._said(seed)
        if self.over:
            return
        frames = max(1, round(speech.duration * FPS))
        samples = np.round(speech.waveform.clip(-1, 1) * 32767).astype(np.int16)
        self._listener.sound(samples, speech.sample_rate, frames)
        self._listener.state("speaking", seconds=round(speech.duration, 2))
        size = round(PIECE * speech.sample_rate)
        parts = (speech.waveform[i : i + size] for i in range(0, len(speech.waveform), size))
        pieces = pipe.stream_motion(
            parts,
            speech.affect,
            sample_rate=speech.sample_rate,
            num_inference_steps=ANSWER_STEPS,
            generator=torch.Generator().manual_seed(seed),
        )
        for piece in pieces:
            for i, frame in enumerate(draw(piece)):
                with self._moved:
                    free = self._moved.wait_for(
                        lambda: self.over or self._sent - self._seen < UNSEEN_ANSWER, 2 * PATIENCE
                    )
                if self.over or not free:
                    return
                self._send(frame, piece.start + i / FPS, answer=True)
        self._listener.state("done")

    def _said(self, seed: int) -> Speech:
        """What was said, with the feeling that it was given: the pad's moves the voice as well, the speaker's
        own is there already. Raises InputError for silence."""
        import torch

        from emotive.signals import Speech

        taken = np.concatenate(self._taken) if self._taken else np.zeros(0, np.int16)
        recording = taken.astype(np.float32) / np.float32(32768)
        if voiced_seconds(recording, self.sample_rate) < LEAST_VOICE:
            raise InputError("heard nothing: hold the button and speak, nearer to the microphone")
        if self._feeling == "mine":
            curve = self._judge().curve((recording, self.sample_rate)).to_curve()
            return Speech(recording, self.sample_rate, affect=curve)
        voice = beside(self._head.voice())
        curve = AffectCurve(self._shown or [(0.0, self._felt())])
        generator = torch.Generator().manual_seed(seed)
        return voice.rerender(recording, curve, sample_rate=self.sample_rate, generator=generator)

    def _send(self, frame: np.ndarray, seconds: float, answer: bool) -> None:
        with self._moved:
            self._sent += 1
            number = self._sent
        self._listener.frame(number, seconds, jpeg(frame), answer)


def jpeg(frame: np.ndarray) -> bytes:
    """uint8 (H, W, 3) RGB as a JPEG."""
    import cv2

    done, packed = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise RuntimeError("a frame could not be packed")
    return packed.tobytes()
