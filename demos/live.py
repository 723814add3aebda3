"""The room of live pictures: who asks for what, and one thread that paints for everyone in turn. No web.

A `Viewer` is one open page. It says what scene it looks at and where its pad is; a new word replaces the old
one, so that what is painted next is always the newest. The thread paints only for viewers whose picture is
out of date and who have drawn all but one of the frames that they were sent.
"""

from __future__ import annotations

import math
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from emotive.affect import Affect
from emotive.affect.curve import strengthened
from emotive.errors import EmotiveError, InputError

from .easel import number, read_prompt, read_seed, sentence
from .live_canvas import Canvas, Kept

MOST_VIEWERS = 12
IN_FLIGHT = 2  # frames on their way to a page: one that it draws while the next is painted
GLIDE = 0.12  # s, time constant with which the painted affect follows the pad
FIRST = 1 / 30  # s; the first frame of a movement goes as far as this time allows, at once
ARRIVED = 1 / 256  # of the plane's half side: nearer than that, the affect is reached
STALLED = 20.0  # s that a page may owe an answer to a frame


@dataclass(frozen=True)
class Scene:
    """What is painted, but for the feeling."""

    prompt: str
    seed: int
    steps: int


@dataclass(frozen=True)
class Picture:
    """One frame for a page: `number` counts up from 1, `point` is float32 (3,): valence, arousal, dominance
    (NaN: unset) that it shows, `echo` the time stamp that came with the newest affect, `arrived` whether that
    is reached, `seconds` how long painting and packing took. `jpeg` is 4:4:4."""

    number: int
    jpeg: bytes
    point: np.ndarray
    echo: float
    arrived: bool
    seconds: float


@dataclass(frozen=True)
class Told:
    """One line for a page. kind: "problem" (what was asked for cannot be done), "notes" (remarks on what was
    done; empty if there are none) or "busy" (what it waits for)."""

    kind: str
    line: str


Delivery = Picture | Told | Kept


def glide(shown: np.ndarray, target: np.ndarray, seconds: float, constant: float = GLIDE) -> np.ndarray:
    """Where an affect (3,) on its way from `shown` to `target` is after `seconds`, exponentially; at
    the target where it is nearer than `ARRIVED`. An axis that is unset (NaN) on either side goes at once."""
    part = 1 - math.exp(-seconds / constant) if constant > 0 else 1.0
    moved = np.where(np.isnan(shown) | np.isnan(target), target, shown + (target - shown) * np.float32(part))
    near = np.isnan(moved) | (np.abs(moved - target) < ARRIVED)
    return np.where(near, target, moved).astype(np.float32)


def read_scene(message: dict[str, Any], steps: tuple[int, ...]) -> Scene:
    """The scene in a page's message {prompt, seed, steps}; raises InputError."""
    chosen = message.get("steps")
    if isinstance(chosen, bool) or chosen not in steps:
        raise InputError(f"choose {', '.join(map(str, steps))} steps")
    return Scene(read_prompt(message.get("prompt")), read_seed(message.get("seed")), int(chosen))


@dataclass(eq=False)
class Viewer:
    """One page, as the room sees it. What `LiveRoom` guards with its lock is only touched by the room.

    `deliver` is called with what is ready, from the painting thread: it must not wait.
    """

    deliver: Callable[[Delivery], None]
    scene: Scene | None = None
    text: str = "neutral"  # the affect as said, and its strength: for what is kept
    strength: float = 1.0
    target: np.ndarray = field(default_factory=lambda: np.zeros(3, np.float32))
    constant: float = GLIDE
    echo: float = 0.0
    shown: np.ndarray | None = None  # None: nothing was painted of this scene
    held: Any = None  # the scene as the canvas holds it
    number: int = 0
    drawn: int = 0
    sent: float = 0.0  # when the oldest frame that is not drawn was sent
    painted: float = 0.0  # when the last one was painted
    keeping: bool = False
    turn: int = 0

    @property
    def behind(self) -> bool:
        """Whether what the page shows is not what it asks for."""
        shown = self.shown
        return shown is None or not np.array_equal(shown, self.target, equal_nan=True)

    @property
    def ready(self) -> bool:
        """Whether there is something to do for it now."""
        if self.scene is None:
            return False
        return self.keeping or (self.behind and self.number - self.drawn < IN_FLIGHT)


class LiveRoom:
    """Paints for up to `most` viewers on one `Canvas`. The thread lives while somebody is there."""

    def __init__(self, canvas: Canvas, most: int = MOST_VIEWERS):
        self.canvas, self.most = canvas, most
        self._turns = threading.Condition()
        self._viewers: list[Viewer] = []
        self._thread: threading.Thread | None = None
        self._count = count(1)

    # -- what a page says ------------------------------------------------------------------------------------

    def join(self, deliver: Callable[[Delivery], None]) -> Viewer:
        """Lets a page in. Raises InputError, for the page to read, if the room is full."""
        with self._turns:
            if len(self._viewers) >= self.most:
                raise InputError(
                    f"{self.most} pages are open here, as many as this machine serves: try again later"
                )
            viewer = Viewer(deliver)
            self._viewers.append(viewer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._paint, name="live pictures", daemon=True)
                self._thread.start()
            return viewer

    def leave(self, viewer: Viewer) -> None:
        """Nothing is painted for `viewer` any more; it may have left already."""
        with self._turns:
            if viewer in self._viewers:
                self._viewers.remove(viewer)
            self._turns.notify()

    def look(self, viewer: Viewer, message: dict[str, Any]) -> None:
        """The page wants another scene: see `read_scene`. Raises InputError."""
        scene = read_scene(message, self.canvas.steps)
        with self._turns:
            if scene != viewer.scene:
                viewer.scene, viewer.shown = scene, None
                self._turns.notify()

    def feel(
        self, viewer: Viewer, affect: Affect | str, strength: Any = 1.0, echo: Any = 0.0, gently: Any = True
    ) -> None:
        """The pad is at `affect`, at `strength` (0..2) times its distance from neutral.

        `echo` is a time stamp of the page, given back with what is painted; `gently` lets the affect glide
        there (`GLIDE`), else it is there in the next frame. Raises InputError.
        """
        parsed = Affect.parse(affect)
        much = number("strength", strength, 0, 2)
        stamp = number("the time of an affect", echo, 0, 1e15)
        if not isinstance(gently, bool):
            raise InputError("gently is true or false")
        with self._turns:
            viewer.text, viewer.strength = str(affect) if isinstance(affect, str) else str(parsed), much
            viewer.target = strengthened(parsed.as_array(), much)
            viewer.echo, viewer.constant = stamp, GLIDE if gently else 0.0
            self._turns.notify()

    def drawn(self, viewer: Viewer, frame: Any) -> None:
        """The page has drawn the frame of that number, and so all before it. Raises InputError."""
        if not isinstance(frame, int) or isinstance(frame, bool):
            raise InputError("drawn takes the number of a frame")
        with self._turns:
            if not 0 <= frame <= viewer.number:
                raise InputError(f"frame {frame} is not under way")
            if frame < viewer.drawn:  # given up on meanwhile
                return
            viewer.drawn, viewer.sent = frame, time.monotonic()
            self._turns.notify()

    def keep(self, viewer: Viewer) -> None:
        """The page wants to keep its picture: it is painted once more, by the pipeline itself."""
        with self._turns:
            if viewer.scene is None:
                raise InputError("there is no picture to keep yet")
            viewer.keeping = True
            self._turns.notify()

    def owes(self, viewer: Viewer) -> float:
        """Seconds for which a page has not answered to a frame; 0 if it owes nothing."""
        with self._turns:
            return time.monotonic() - viewer.sent if viewer.drawn < viewer.number else 0.0

    def scene(self, viewer: Viewer) -> Scene | None:
        """What a page looks at, if it said so: the last scene that was not refused."""
        with self._turns:
            return viewer.scene

    def affect(self, viewer: Viewer) -> Affect:
        """Where the pad of a page is."""
        with self._turns:
            return affect_of(viewer.target)

    # -- the thread ------------------------------------------------------------------------------------------

    def _paint(self) -> None:
        while True:
            with self._turns:
                while not (waiting := [viewer for viewer in self._viewers if viewer.ready]):
                    if not self._viewers:
                        self._thread = None
                        return
                    self._turns.wait()
                viewer = min(waiting, key=lambda each: each.turn)
                viewer.turn = next(self._count)
            self._serve(viewer)

    def _serve(self, viewer: Viewer) -> None:
        """One picture for one viewer, or one line that says why there is none."""
        with self._turns:
            scene = viewer.scene
        try:
            kept = self._keep(viewer)
            if not kept and self._hold(viewer):
                self._frame(viewer)
        except EmotiveError as error:
            self._gave_up(viewer, scene, sentence(error))
        except Exception:  # the others are still to be served
            traceback.print_exc(file=sys.stderr)
            self._gave_up(viewer, scene, "The picture failed, which is a fault here: its log says more")

    def _keep(self, viewer: Viewer) -> bool:
        with self._turns:
            if not viewer.keeping or viewer.scene is None:
                return False
            viewer.keeping = False
            scene, text, strength = viewer.scene, viewer.text, viewer.strength
        viewer.deliver(self.canvas.keep(scene.prompt, scene.seed, scene.steps, text, strength))
        return True

    def _hold(self, viewer: Viewer) -> bool:
        """Whether the viewer's scene is at hand; where it is not, it is made ready, which takes longer than a
        frame."""
        with self._turns:
            scene = viewer.scene
        if scene is None or (viewer.held is not None and viewer.held[0] == scene):
            return scene is not None
        if line := self.canvas.delay(scene.steps):
            viewer.deliver(Told("busy", line))
        held, notes = self.canvas.scene(scene.prompt, scene.seed, scene.steps)
        viewer.held = (scene, held)
        viewer.deliver(Told("notes", " ".join(f"{note.rstrip('.')}." for note in notes)))
        return True

    def _frame(self, viewer: Viewer) -> None:
        scene, held = viewer.held
        began = time.monotonic()
        with self._turns:
            if viewer.scene != scene or not viewer.behind:
                return
            shown, target = viewer.shown, viewer.target
            if shown is None:
                shown = target
            else:
                gone = began - viewer.painted
                shown = glide(shown, target, gone if gone < 2 * GLIDE else FIRST, viewer.constant)
            viewer.shown, viewer.painted = shown, began
            viewer.number += 1
            if viewer.drawn == viewer.number - 1:
                viewer.sent = began
            frame, echo, arrived = viewer.number, viewer.echo, not viewer.behind
        jpeg = self.canvas.paint(held, affect_of(shown))
        seconds = time.monotonic() - began
        viewer.deliver(Picture(frame, jpeg, shown, echo, arrived, seconds))

    def _gave_up(self, viewer: Viewer, failed: Scene | None, line: str) -> None:
        """Says why, and leaves it at that until the page asks for something else, if it has not already."""
        with self._turns:
            viewer.keeping = False
            if viewer.scene == failed:
                if viewer.held is None or viewer.held[0] != failed:  # back to the scene that could be painted
                    viewer.scene = None if viewer.held is None else viewer.held[0]
                viewer.shown = viewer.target
            viewer.drawn = viewer.number
        viewer.deliver(Told("problem", line))


def affect_of(point: np.ndarray) -> Affect:
    """The affect at float32 (3,), dominance unset where it is NaN."""
    valence, arousal, dominance = (float(x) for x in point)
    return Affect(valence, arousal, None if math.isnan(dominance) else dominance)
