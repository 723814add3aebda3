"""The WebSocket between the live room and its pages: /live/socket. No Gradio.

From a page, as JSON text, by `kind`:

    scene   {prompt, seed, steps}             what to paint
    affect  {text, strength, time, gently}    where the pad is; text for `Affect.parse`, `time` is given back
    drawn   {frame}                           that frame is on the screen: another may be sent
    keep    {}                                the picture as a PNG
    curve   {name, text}                      the content of a curve's file

To a page, as JSON text: problem {line, scene: the one that stays, or null}; notes and busy {line}; curve
{name, seconds, keyframes}; bye {line, code}, before the server hangs up. In binary, by the first byte:
FRAME, the rest of `HEADER` and a JPEG; KEPT, three bytes 0, the length of a JSON text as uint32, that text
{name, title} and a PNG. Numbers are little-endian.

Other rooms add kinds and binary tags of their own: see `serve_live`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from emotive.affect import Affect
from emotive.errors import EmotiveError, InputError

from .easel import sentence
from .live import STALLED, Delivery, LiveRoom, Picture
from .live_canvas import Kept, read_curve

PATH = "/live/socket"
FRAME, KEPT = 1, 2
HEADER = struct.Struct(
    "<BBHIdffff"
)  # tag, arrived, 0, number, echo, valence, arousal, dominance, milliseconds
LONGEST_MESSAGE = 2**18  # bytes
PER_SECOND, AT_ONCE = 300.0, 1000.0  # messages of a page; those beyond wait
TICKET_LASTS = 60.0  # s
MOST_TICKETS = 1000
IDLE = 900.0  # s without a message that says somebody is there
SLOWEST = 15.0  # s that a page may take to read a message
WAITING = 256  # messages that may wait for a page; a page that lets more pile up has stopped reading
REFUSED, FULL, GONE_QUIET, NOT_READING = 1003, 4003, 4001, 4002  # why the server hangs up

GONE = (
    asyncio.TimeoutError,
    WebSocketDisconnect,
    RuntimeError,
    OSError,
)  # what sending to a page raises then

Handler = Callable[[Any], Awaitable[None] | None]  # takes a message, a dict, or the bytes after the tag


class Tickets:
    """Random words, each good for one connection within a minute. Pages get them where they are logged in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._issued: dict[str, float] = {}

    def issue(self) -> str:
        """A new ticket; the oldest is forgotten where there are too many."""
        with self._lock:
            now = time.monotonic()
            self._issued = {ticket: end for ticket, end in self._issued.items() if end > now}
            while len(self._issued) >= MOST_TICKETS:
                self._issued.pop(next(iter(self._issued)))
            ticket = secrets.token_urlsafe(24)
            self._issued[ticket] = now + TICKET_LASTS
            return ticket

    def take(self, ticket: str) -> bool:
        """Whether it is good; it is not a second time."""
        with self._lock:
            return self._issued.pop(ticket, 0.0) > time.monotonic()


@dataclass(eq=False)
class Connection:
    """One page. Made and used in the server's event loop; `tell`, `send_binary`, `feel` and `affect` may be
    called from any thread, and do not wait.

    `handlers` are the kinds (text) and tags (0..255) that it understands; `on_close` is called, in the loop,
    when the page is gone.
    """

    socket: WebSocket
    room: LiveRoom
    loop: asyncio.AbstractEventLoop
    handlers: dict[str | int, Handler] = field(default_factory=dict)
    on_close: list[Callable[[], None]] = field(default_factory=list)
    heard: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._outbox: asyncio.Queue[str | bytes | tuple[int, str]] = asyncio.Queue()
        self._ending: tuple[int, str] | None = None
        self.viewer = self.room.join(self._deliver)
        look, feel, drawn = self.room.look, self.room.feel, self.room.drawn
        self.handlers |= {
            "scene": lambda message: look(self.viewer, message),
            "affect": lambda m: feel(
                self.viewer,
                said(m.get("text")),
                m.get("strength", 1.0),
                m.get("time", 0.0),
                m.get("gently", True),
            ),
            "drawn": lambda message: drawn(self.viewer, message.get("frame")),
            "keep": lambda message: self.room.keep(self.viewer),
            "curve": self._curve,
        }

    # -- to the page -----------------------------------------------------------------------------------------

    def tell(self, kind: str, **payload: Any) -> None:
        """A JSON message."""
        self._send(json.dumps({"kind": kind, **payload}))

    def send_binary(self, tag: int, data: bytes) -> None:
        """A binary message: `tag` and `data`."""
        self._send(bytes((tag,)) + data)

    def hang_up(self, code: int, line: str) -> None:
        """Says why in a last message, and ends the connection."""
        self._send((code, line))

    # -- the affect of the pad, for other rooms -----------------------------------------------------------

    def affect(self) -> Affect:
        """Where the pad is."""
        return self.room.affect(self.viewer)

    def feel(self, affect: Affect | str) -> None:
        """Paints in `affect` from now on, as if the pad were there. Does not move the puck of the page."""
        self.room.feel(self.viewer, affect)

    # -- its life ------------------------------------------------------------------------------------------

    async def live(
        self,
        idle: float,
        stalled: float,
        rooms: Sequence[Callable[[Connection], Mapping[str | int, Handler]]] = (),
    ) -> None:
        """Until the page is gone, idle for `idle` seconds, or silent about its frames for `stalled`. `rooms`
        answer to more kinds of messages, see `serve_live`."""
        tasks: list[asyncio.Task[None]] = []
        try:
            for each in rooms:
                self.handlers.update(each(self))
            parts = self._write(), self._watch(idle, stalled), self._read()
            tasks += [asyncio.create_task(part) for part in parts]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.room.leave(self.viewer)
            for callback in self.on_close:
                callback()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            if error := task.exception():
                raise error

    def _send(self, message: str | bytes | tuple[int, str]) -> None:
        try:
            self.loop.call_soon_threadsafe(self._post, message)
        except RuntimeError:  # the loop has ended, and with it the page
            return

    def _post(self, message: str | bytes | tuple[int, str]) -> None:
        if self._outbox.qsize() < WAITING:
            self._outbox.put_nowait(message)
        elif self._ending is None:
            self._ending = (NOT_READING, "This page has stopped reading")

    async def _write(self) -> None:
        """Sends what is ready, until there is a last message."""
        while self._ending is None:
            message = await self._outbox.get()
            if isinstance(message, tuple):
                self._ending = message
                break
            sending = self.socket.send_text if isinstance(message, str) else self.socket.send_bytes
            try:
                await asyncio.wait_for(sending(message), SLOWEST)  # pyright: ignore[reportArgumentType]
            except GONE:
                return  # it reads no more, or is gone
        await goodbye(self.socket, *self._ending)

    async def _watch(self, idle: float, stalled: float) -> None:
        while True:
            await asyncio.sleep(min(1.0, idle / 4, stalled / 4))
            if self.room.owes(self.viewer) > stalled:
                await goodbye(self.socket, NOT_READING, "This page has stopped drawing")
                return
            if time.monotonic() - self.heard > idle:
                await goodbye(self.socket, GONE_QUIET, "Nothing has moved for a while")
                return

    async def _read(self) -> None:
        allowance, last = AT_ONCE, time.monotonic()
        while True:
            event = await self.socket.receive()
            if event["type"] != "websocket.receive":
                return
            now = time.monotonic()
            allowance, last = min(AT_ONCE, allowance + PER_SECOND * (now - last)) - 1, now
            if allowance < 0:
                await asyncio.sleep(-allowance / PER_SECOND)
            text, data = event.get("text"), event.get("bytes")
            if text is not None:
                await self._understand(text)
            elif not await self._take(data or b""):
                return

    async def _understand(self, text: str) -> None:
        """A JSON message; what is wrong with it is one line for the page, and nothing else happens."""
        try:
            message = parsed(text)
            handler = self.handlers.get(message["kind"])
            if handler is None:
                raise InputError("the page asks for something unknown: reload it")
            if message["kind"] != "drawn":
                self.heard = time.monotonic()
            await maybe(handler(message))
        except EmotiveError as error:
            self._problem(sentence(error))

    async def _take(self, data: bytes) -> bool:
        """A binary message; whether the connection goes on: who sends unknown tags is no page of ours."""
        handler = self.handlers.get(data[0]) if data else None
        if handler is None:
            await goodbye(self.socket, REFUSED, "That message is of no kind known here")
            return False
        try:
            if len(data) > LONGEST_MESSAGE:
                raise InputError("the message is too long")
            self.heard = time.monotonic()
            await maybe(handler(data[1:]))
        except EmotiveError as error:
            self._problem(sentence(error))
        return True

    def _problem(self, line: str) -> None:
        """Why something is not done, and the scene that stays."""
        scene = self.room.scene(self.viewer)
        told = None if scene is None else {**asdict(scene), "seed": str(scene.seed)}
        self.tell("problem", line=line, scene=told)

    async def _curve(self, message: dict[str, Any]) -> None:
        folder: Path = self.room.canvas.easel.folder
        read = await asyncio.to_thread(read_curve, message.get("name"), message.get("text"), folder)
        self.tell("curve", **read)

    def _deliver(self, delivery: Delivery) -> None:
        """From the painting thread."""
        if isinstance(delivery, Picture):
            self._send(packed(delivery))
        elif isinstance(delivery, Kept):
            told = json.dumps({"name": delivery.name, "title": delivery.title}).encode()
            self._send(struct.pack("<B3xI", KEPT, len(told)) + told + delivery.png)
        else:
            if delivery.kind == "problem":
                self._problem(delivery.line)
            else:
                self.tell(delivery.kind, line=delivery.line)


def packed(picture: Picture) -> bytes:
    """FRAME, the header and the JPEG."""
    v, a, d = map(float, picture.point)
    head = FRAME, picture.arrived, 0, picture.number, picture.echo, v, a, d, 1000 * picture.seconds
    return HEADER.pack(*head) + picture.jpeg


def parsed(text: str) -> dict[str, Any]:
    """A message of a page, an object with a `kind`; raises InputError."""
    if len(text) > LONGEST_MESSAGE:
        raise InputError(f"the message is too long: {LONGEST_MESSAGE // 1024} KB at most")
    try:
        message = json.loads(text, parse_constant=no_number)
    except (ValueError, RecursionError):
        raise InputError("the message is no JSON that can be read") from None
    if not isinstance(message, dict) or not isinstance(message.get("kind"), str):
        raise InputError("a message is an object with a kind")
    return message


def no_number(name: str) -> float:
    """NaN and Infinity are no JSON."""
    raise ValueError(name)


def said(text: Any) -> str:
    """The text of an affect; raises InputError where there is none."""
    if not isinstance(text, str):
        raise InputError("the affect is text, such as joy or 0.6,-0.2")
    return text


def same_origin(socket: WebSocket) -> bool:
    """Whether a page of this very server asks: browsers do not let others say so."""
    origin = urlsplit(socket.headers.get("origin", ""))
    return origin.scheme in ("http", "https") and origin.netloc == socket.headers.get("host")


async def maybe(result: Awaitable[None] | None) -> None:
    """Waits where there is something to wait for."""
    if result is not None:
        await result


async def goodbye(socket: WebSocket, code: int, line: str) -> None:
    """A last line and the end; a page that does not listen is left at once."""

    async def part() -> None:
        await socket.send_text(json.dumps({"kind": "bye", "line": line, "code": code}))
        await socket.close(code, line)

    try:
        await asyncio.wait_for(part(), 2.0)
    except GONE:
        return


def serve_live(
    app: Starlette,
    room: LiveRoom,
    tickets: Tickets,
    rooms: Sequence[Callable[[Connection], Mapping[str | int, Handler]]] = (),
    idle: float = IDLE,
    stalled: float = STALLED,
) -> None:
    """Adds the WebSocket to the app that Gradio made.

    Each of `rooms` is called with every new connection and returns the kinds and tags that it answers to.
    """

    async def live_socket(socket: WebSocket) -> None:
        if not same_origin(socket) or not tickets.take(socket.query_params.get("ticket", "")):
            await socket.close(1008)
            return
        await socket.accept()
        try:
            connection = Connection(socket, room, asyncio.get_running_loop())
        except InputError as error:
            await goodbye(socket, FULL, sentence(error))
            return
        await connection.live(idle, stalled, rooms)

    app.router.routes.insert(0, WebSocketRoute(PATH, live_socket))
