"""The live room without a browser: real sockets, a tiny real model, pages that behave and others."""

import io
import json
import os
import socket as sockets
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the Studio needs the extra demos")
pytest.importorskip("websockets", reason="the live room needs the extra demos")

import uvicorn
import websocket
from browser import wait
from starlette.applications import Starlette
from tiny import tiny_image_pipeline

from emotive.affect import Affect, AffectCurve
from emotive.demos import live_server
from emotive.demos.easel import Easel
from emotive.demos.live import GLIDE, IN_FLIGHT, LiveRoom, glide
from emotive.demos.live_canvas import Canvas, jpeg, read_curve
from emotive.demos.live_server import (
    FRAME,
    HEADER,
    KEPT,
    LONGEST_MESSAGE,
    PATH,
    Connection,
    Tickets,
    serve_live,
)
from emotive.errors import InputError
from emotive.media.provenance import read_provenance
from emotive.plan import placed

MODEL = "emotive-image-1"
SCENE = {"prompt": "a house by the sea", "seed": 7, "steps": 1}
REFUSED, FULL, QUIET, NOT_DRAWING = 1003, 4003, 4001, 4002


@pytest.fixture(scope="module")
def easel(tmp_path_factory: pytest.TempPathFactory) -> Easel:
    import torch

    easel = Easel(MODEL, tmp_path_factory.mktemp("easel"))
    pipe = tiny_image_pipeline()
    easel.use(pipe, placed(pipe, torch.device("cpu"), torch.float32))
    return easel


class Served:
    """A room at an address, and tickets to it."""

    def __init__(self, easel: Easel, most: int = 12, **times: Any):
        self.room, self.tickets, self.heard = LiveRoom(Canvas(easel), most), Tickets(), []
        app = Starlette()

        def echo(connection: Connection) -> dict[str | int, Any]:
            """Another room, as the microphone's: a kind and a binary tag of its own."""
            connection.on_close.append(lambda: self.heard.append("gone"))
            return {
                "louder": lambda message: connection.feel("0,1"),
                9: lambda data: connection.send_binary(9, data[::-1]),
            }

        serve_live(app, self.room, self.tickets, [echo], **times)
        with sockets.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        port = int(self.host.partition(":")[2])
        self.server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        wait(lambda: self.server.started, "the server")

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()

    def open(self, ticket: str | None = None, origin: str | None = None) -> "Page":
        ticket = self.tickets.issue() if ticket is None else ticket
        origin = f"http://{self.host}" if origin is None else origin
        address = f"ws://{self.host}{PATH}?ticket={ticket}"
        return Page(
            websocket.create_connection(address, timeout=60, origin=origin, suppress_origin=not origin)
        )


class Frame:
    def __init__(self, data: bytes):
        self.tag, arrived, _, self.number, self.echo, *point, self.ms = HEADER.unpack_from(data)
        self.arrived, self.point = bool(arrived), np.array(point, np.float32)
        self.jpeg = data[HEADER.size :]

    @property
    def pixels(self) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.jpeg)).convert("RGB"))


class Page:
    """What a browser's page does, in as many words."""

    def __init__(self, socket: websocket.WebSocket):
        self.socket = socket

    def say(self, kind: str, **payload: Any) -> None:
        self.socket.send(json.dumps({"kind": kind, **payload}))

    def feel(self, text: str, **more: Any) -> None:
        self.say("affect", **{"text": text, "gently": False, **more})

    def next(self, seconds: float = 60) -> Any:
        """The next message: a Frame, bytes of another tag, or a dict; None where none comes in time."""
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv()
        except websocket.WebSocketTimeoutException:
            return None
        if isinstance(data, bytes) and data:
            return Frame(data) if data[0] == FRAME else data
        return json.loads(data) if data else {"kind": "closed"}

    def until(self, what: Callable[[Any], bool], draws: bool = True) -> Any:
        """The first message that is `what`; frames on the way are drawn."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            got = self.next()
            if isinstance(got, Frame) and draws:
                self.say("drawn", frame=got.number)
            if what(got):
                return got
        raise AssertionError("it did not come")

    def arrive(self) -> Frame:
        """The last frame of a movement."""
        return self.until(lambda got: isinstance(got, Frame) and got.arrived)

    def told(self, kind: str) -> str:
        return self.until(lambda got: isinstance(got, dict) and got["kind"] == kind)["line"]

    def silent(self, seconds: float = 0.4) -> bool:
        return self.next(seconds) is None


@pytest.fixture(scope="module")
def served(easel: Easel) -> Iterator[Served]:
    served = Served(easel)
    yield served
    served.close()
    wait(lambda: not painting(), "the painting thread to end")


@pytest.fixture()
def page(served: Served) -> Iterator[Page]:
    with looking(served) as page:
        yield page


@contextmanager
def looking(served: Served, affect: str = "0,0", **scene: Any) -> Iterator[Page]:
    """A page with its first picture."""
    page = served.open()
    try:
        page.feel(affect, time=1.0)
        page.say("scene", **{**SCENE, **scene})
        page.until(lambda got: isinstance(got, Frame) and got.echo == 1)
        yield page
    finally:
        page.socket.close()


def close(point: np.ndarray, affect: str) -> bool:
    return np.allclose(point, Affect.parse(affect).as_array()[: len(point)], atol=1e-5)


def painting() -> bool:
    return any(thread.name == "live pictures" for thread in threading.enumerate())


# -- what is painted -----------------------------------------------------------------------------------------


def test_a_frame_is_the_picture_of_its_affect_and_rest_costs_nothing(page: Page, easel: Easel):
    page.feel("-0.5,0.25,0.75", time=12.5)
    frame = page.arrive()
    assert frame.echo == 12.5 and frame.pixels.shape == (512, 512, 3)
    np.testing.assert_allclose(frame.point, [-0.5, 0.25, 0.75], atol=1e-6)
    assert page.silent(), "nothing changes, so nothing is painted"
    page.feel("-0.5,0.25,0.75", time=13.0)
    assert page.silent(), "the same affect again is no change"
    page.feel("1,1", strength=0.5)
    np.testing.assert_allclose(page.arrive().point, [0.5, 0.5, np.nan], atol=1e-6)


def test_a_kept_picture_is_the_one_on_the_screen_and_is_made_again_from_its_file(
    page: Page, easel: Easel, tmp_path: Path
):
    page.say("scene", **{**SCENE, "steps": 2})
    page.feel("joy:0.7+fear:0.3", strength=0.8, time=5.0)
    page.until(lambda got: isinstance(got, Frame) and got.echo == 5)
    page.say("scene", **{**SCENE, "steps": 2, "seed": 8})
    live = page.arrive()
    page.say("keep")
    data = page.until(lambda got: isinstance(got, bytes))
    tag, length = struct.unpack_from("<B3xI", data)
    told, png = json.loads(data[8 : 8 + length]), data[8 + length :]
    assert tag == KEPT and told["name"].endswith(".png") and "house by the sea" in told["title"]
    file = tmp_path / told["name"]
    file.write_bytes(png)
    made = read_provenance(file)
    assert (made.prompt, made.seed, made.num_inference_steps) == ("a house by the sea", 8, 2)
    assert (made.affect_text, made.affect_strength) == ("joy:0.7+fear:0.3", 0.8)
    kept = np.asarray(Image.open(file).convert("RGB"))
    assert np.array_equal(np.asarray(easel.paint(made).image), kept)
    packed = np.asarray(Image.open(io.BytesIO(jpeg(Image.fromarray(kept)))))
    assert np.abs(live.pixels.astype(int) - packed).mean() < 0.5, "but for rounding"
    assert not list(easel.folder.iterdir()), "nothing stays on this machine"


def test_gently_the_first_frame_moves_and_the_last_one_is_there(page: Page):
    assert page.silent()  # the puck rests: how far the first frame goes depends on when the last was painted
    page.feel("1,-1", gently=True)
    frames = []
    while not frames or not frames[-1].arrived:
        frames.append(page.until(lambda got: isinstance(got, Frame)))
    valence = [float(frame.point[0]) for frame in frames]
    assert valence[0] > 0.15, "a change shows in the next frame"
    assert valence == sorted(valence) and valence[-1] == 1 and close(frames[-1].point[:2], "1,-1")
    assert page.silent()


def test_glide_is_an_exponential_that_ends():
    start, end = np.array([0, 0, np.nan], np.float32), np.array([1, -1, 0.5], np.float32)
    np.testing.assert_allclose(glide(start, end, GLIDE)[:2], [1 - np.exp(-1), np.exp(-1) - 1], rtol=1e-5)
    halves = glide(glide(start, end, GLIDE / 2), end, GLIDE / 2)
    np.testing.assert_allclose(halves[:2], glide(start, end, GLIDE)[:2], rtol=1e-5)
    assert glide(start, end, 0.01)[2] == 0.5 and np.isnan(glide(end, start, 0.01)[2])
    assert np.array_equal(glide(start, end, 10 * GLIDE), end) and np.array_equal(
        glide(start, end, 0.01, 0), end
    )


def test_words_that_are_not_known_are_remarked_and_a_bad_scene_leaves_the_good_one(page: Page):
    page.say("scene", **{**SCENE, "prompt": "a dragon by the sea"})
    assert "dragon" in page.told("notes")
    page.arrive()
    page.say("scene", **{**SCENE, "prompt": "🐉" * 10})
    told = page.until(lambda got: isinstance(got, dict) and got["kind"] == "problem")
    assert "names nothing" in told["line"]
    assert told["scene"]["prompt"] == "a dragon by the sea", "what the page goes back to"
    page.feel("0.4,0.4")
    assert close(page.arrive().point[:2], "0.4,0.4")


def test_it_takes_turns_with_whoever_else_paints(page: Page, easel: Easel):
    with easel.turn():
        page.feel("0.3,-0.3")
        assert page.silent()
    assert close(page.arrive().point[:2], "0.3,-0.3")


# -- the newest wins -----------------------------------------------------------------------------------------


def test_of_a_flood_the_last_affect_is_painted_and_few_before_it(page: Page):
    for i in range(800):
        page.feel(f"{i / 1000:.3f},0.5", time=float(i))
    seen = 0

    def last(got: Any) -> bool:
        nonlocal seen
        seen += isinstance(got, Frame)
        return isinstance(got, Frame) and got.echo == 799

    frame = page.until(last)
    assert close(frame.point[:2], "0.799,0.5") and frame.arrived and seen < 400
    assert page.silent()


def test_a_page_that_draws_slowly_has_few_frames_under_way_and_then_the_newest(page: Page):
    frames = []
    for i in range(IN_FLIGHT):
        page.feel(f"0,{(i + 1) / 10}")
        frames.append(page.until(lambda each: isinstance(each, Frame), draws=False))
    for i in range(IN_FLIGHT, 6):
        page.feel(f"0,{(i + 1) / 10}")
        assert page.next(0.2) is None, "no more until they are drawn"
    page.feel("0,0.9")
    assert page.silent()
    page.say("drawn", frame=frames[-1].number)
    frame = page.until(lambda each: isinstance(each, Frame))
    assert close(frame.point[:2], "0,0.9"), "what was asked for in between is passed over"


# -- many pages ----------------------------------------------------------------------------------------------


def test_ten_pages_at_once_each_get_their_own_affect(served: Served):
    pages = [served.open() for _ in range(10)]
    try:
        for i, page in enumerate(pages):
            page.feel(f"{i // 2 / 5},0")
            page.say("scene", **{**SCENE, "seed": i % 2})
        frames = [page.arrive() for page in pages]
        for i, frame in enumerate(frames):
            assert close(frame.point[:2], f"{i // 2 / 5},0")
        assert len({frame.jpeg for frame in frames}) == 10, "each its own picture"
        for page in pages:
            page.feel("-1,-1")
        again = [page.arrive() for page in pages]
        assert len({frame.jpeg for frame in again}) == 2, "one for each seed, whoever asks"
    finally:
        for page in pages:
            page.socket.close()


def test_one_too_many_is_told_so_and_may_come_when_another_goes(easel: Easel):
    served = Served(easel, most=2)
    try:
        first, second, third = served.open(), served.open(), served.open()
        told = third.until(lambda got: got["kind"] == "bye")
        assert told["code"] == FULL and told["line"].startswith("2 pages are open here")
        first.socket.close()
        wait(lambda: len(served.room._viewers) == 1, "the page to leave")
        fourth = served.open()
        fourth.say("scene", **SCENE)
        fourth.arrive()
        for page in (second, fourth):
            page.socket.close()
    finally:
        served.close()


# -- pages that go wrong -------------------------------------------------------------------------------------


def test_a_page_that_vanishes_is_forgotten(served: Served):
    with looking(served) as stays:
        gone = served.open()
        gone.say("scene", **SCENE)
        gone.until(lambda got: isinstance(got, Frame))
        before = len(served.room._viewers)
        assert gone.socket.sock is not None
        gone.socket.sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(gone.socket.sock.detach())  # no goodbye: the connection is reset
        wait(lambda: len(served.room._viewers) == before - 1, "the page to be missed")
        stays.feel("0.2,0.2")
        assert close(stays.arrive().point[:2], "0.2,0.2")
    wait(lambda: not painting(), "the thread to end with its last viewer")
    with looking(served):
        assert painting()


def test_a_page_that_draws_no_more_or_says_no_more_is_let_go(easel: Easel):
    served = Served(easel, idle=12.0, stalled=3.0)
    try:
        page = served.open()
        page.say("scene", **SCENE)
        told = page.until(lambda got: isinstance(got, dict) and got["kind"] == "bye", draws=False)
        assert told["code"] == NOT_DRAWING
        with looking(served) as page:
            assert page.until(lambda got: isinstance(got, dict) and got["kind"] == "bye")["code"] == QUIET
        wait(lambda: not served.room._viewers, "both to be gone")
        assert served.heard == ["gone", "gone"], "other rooms are told"
    finally:
        served.close()


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("{", "no JSON"),
        ("[1]", "object"),
        ('{"kind": 3}', "object"),
        ('{"kind": "hack"}', "unknown"),
        ('{"kind": "affect", "text": "0,0", "time": NaN}', "no JSON"),
        ('{"kind": "affect", "text": "nan,0"}', "finite"),
        ('{"kind": "affect", "text": "2,0"}', "out of range"),
        ('{"kind": "affect"}', "affect is text"),
        ('{"kind": "affect", "text": [0, 0]}', "affect is text"),
        ('{"kind": "affect", "text": "joy", "strength": 1e9}', "Strength is a number"),
        ('{"kind": "affect", "text": "joy", "time": "now"}', "time of an affect"),
        ('{"kind": "affect", "text": "joy", "gently": 1}', "true or false"),
        ('{"kind": "scene"}', "choose 1, 2, 4 steps"),
        ('{"kind": "scene", "prompt": "a", "seed": 1, "steps": [1]}', "steps"),
        ('{"kind": "scene", "prompt": 5, "seed": 1, "steps": 1}', "prompt is text"),
        ('{"kind": "scene", "prompt": "' + "x" * 501 + '", "seed": 1, "steps": 1}', "501 characters"),
        ('{"kind": "scene", "prompt": "\\ud800", "seed": 1, "steps": 1}', "no text"),
        ('{"kind": "scene", "prompt": "a", "seed": -1, "steps": 1}', "seed"),
        ('{"kind": "drawn", "frame": 1000000}', "not under way"),
        ('{"kind": "drawn", "frame": true}', "number of a frame"),
        ('{"kind": "curve", "name": "c.csv", "text": "time,valence\\n0,0"}', "c.csv, line 1"),
        ('{"kind": "curve", "name": "../../etc/c.exe", "text": "x"}', "c.exe"),
        ('{"kind": "curve", "name": "c.json", "text": 5}', "file of text"),
        ("[" * 100_000, "no JSON"),
        ('{"kind": "curve", "name": "c.csv", "text": "' + "x" * LONGEST_MESSAGE + '"}', "too long"),
    ],
)
def test_what_cannot_be_understood_is_one_line_and_the_page_stays(served: Served, message: str, said: str):
    page = served.open()
    try:
        page.socket.send(message)
        line = page.told("problem")
        assert said.lower() in line.lower() and "\n" not in line and len(line) < 300
        page.say("scene", **SCENE)
        page.arrive()
    finally:
        page.socket.close()


def test_binary_of_no_known_kind_ends_the_connection_politely(served: Served):
    for data in (b"", b"\xff\x00garbage"):
        page = served.open()
        page.socket.send_binary(data)
        assert page.until(lambda got: isinstance(got, dict))["code"] == REFUSED
        assert page.next() == {"kind": "closed"}
        page.socket.close()


def test_other_rooms_answer_to_kinds_and_tags_of_their_own(page: Page):
    page.socket.send_binary(b"\x09abc")
    assert page.until(lambda got: isinstance(got, bytes)) == b"\x09cba"
    page.say("louder")
    assert close(page.arrive().point[:2], "0,1")


def test_only_a_page_of_this_server_with_a_fresh_ticket_comes_in(served: Served):
    used = served.tickets.issue()
    served.open(used).socket.close()
    for ticket in ("", "guess", used):
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            served.open(ticket)
    for origin in (
        "http://elsewhere.example",
        "null",
        f"file://{served.host}",
        f"http://{served.host}.example",
    ):
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            served.open(origin=origin)
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        served.open(origin="")


def test_tickets_are_random_and_old_ones_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    tickets = Tickets()
    first = tickets.issue()
    assert len({tickets.issue() for _ in range(50)}) == 50 and tickets.take(first) and not tickets.take(first)
    late = tickets.issue()
    now = time.monotonic()
    monkeypatch.setattr(live_server, "time", SimpleNamespace(monotonic=lambda: now + 61))
    assert not tickets.take(late)
    crowd = [tickets.issue() for _ in range(1001)]
    assert not tickets.take(crowd[0]) and tickets.take(crowd[-1])


# -- curves --------------------------------------------------------------------------------------------------


def test_a_curve_comes_back_as_the_page_plays_it(page: Page, easel: Easel, tmp_path: Path):
    curve = AffectCurve([(0, "-1,0"), (1, "0.5,0.5,0.2"), (3, "1,-1,0.8")])
    for name in ("c.csv", "c.json"):
        curve.write(tmp_path / name)
        page.say("curve", name=name, text=(tmp_path / name).read_text("utf-8"))
        told = page.until(lambda got: isinstance(got, dict) and got["kind"] == "curve")
        assert (told["name"], told["seconds"]) == (name, 3)
        times = np.array([row[0] for row in told["keyframes"]])
        for t in np.linspace(0, 4, 17):
            played = [np.interp(t, times, [row[i] for row in told["keyframes"]]) for i in (1, 2, 3)]
            np.testing.assert_allclose(played, curve.at(t).as_array(), atol=1e-6)
    with pytest.raises(InputError, match="keyframes: 20000 at most"):
        read_curve(
            "long.csv", "time,valence,arousal\n" + "".join(f"{i},0,0\n" for i in range(20_001)), tmp_path
        )
    assert not list(easel.folder.iterdir())
