"""Headless Chromium over the DevTools protocol: as much of it as the Studio's test needs."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",  # CI runs as root in a container
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # WebGL without a graphics card
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def find_browser() -> str:
    """The path of a Chromium. Without one the test is skipped; CI and EMOTIVE_REQUIRE_BROWSER forbid that."""
    if program := next((path for path in map(shutil.which, NAMES) if path), None):
        return program
    if os.environ.get("CI") or os.environ.get("EMOTIVE_REQUIRE_BROWSER"):
        pytest.fail("there is no Chromium, and this run requires one")
    pytest.skip("there is no Chromium")


def open_tab(page: Browser, bar: str, name: str) -> None:
    """Clicks on the tab of that name in the row of tabs that the selector `bar` finds."""
    tabs = f"[...document.querySelectorAll('{bar} > .tab-wrapper button[role=tab]')]"
    page.run(f"{tabs}.find((tab) => tab.textContent.trim() === {name!r}).click()")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(command: str, *options: str) -> Iterator[str]:
    """The address of `emotive COMMAND OPTIONS` with the shipped model, as a process of its own."""
    whole = [
        sys.executable,
        "-m",
        "emotive.cli",
        command,
        "--no-browser",
        "--port",
        str(free_port()),
        *options,
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(whole, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True)
    try:
        line = process.stderr.readline()
        assert f"Emotive {command.title()} is at http://127.0.0.1:" in line, line + process.stderr.read()
        reader.start()
        yield line.split()[4]
    finally:
        process.terminate()
        process.wait(30)
    assert not any("Traceback" in line for line in lines), "".join(lines)


class Browser:
    """One page of a headless Chromium, in a profile and a download folder of its own.

    `requests` are the addresses that the page asked for, `complaints` what it wrote to the console as errors.
    """

    def __init__(self, program: str, width: int = 1400, height: int = 950):
        self._home = tempfile.TemporaryDirectory(prefix="emotive-browser-", ignore_cleanup_errors=True)
        self.downloads = Path(self._home.name) / "downloads"
        self.downloads.mkdir()
        profile = Path(self._home.name) / "profile"
        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self._home.name},
        )
        self._numbers = count(1)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        try:
            port_file = profile / "DevToolsActivePort"
            wait(lambda: port_file.is_file() and len(port_file.read_text().split()) == 2, "Chromium to start")
            port, path = port_file.read_text().split()
            self._socket = websocket.create_connection(f"ws://127.0.0.1:{port}{path}", timeout=60)
            (target,) = [t for t in self._call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
            attach = {"targetId": target["targetId"], "flatten": True}
            self._session: str | None = self._call("Target.attachToTarget", **attach)["sessionId"]
            for domain in ("Page", "Runtime", "Network", "Log"):
                self._call(f"{domain}.enable")
            allow = {"behavior": "allow", "downloadPath": str(self.downloads)}
            self._call("Browser.setDownloadBehavior", **allow)
            self.resize(width, height)
        except BaseException:
            self.close()
            raise

    _session = None

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._home.cleanup()

    def open(self, url: str) -> None:
        self._call("Page.navigate", url=url)

    def resize(self, width: int, height: int, mobile: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self._call("Emulation.setDeviceMetricsOverride", **metrics)
        self._call("Emulation.setTouchEmulationEnabled", enabled=mobile)

    def dark(self, on: bool) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if on else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression, awaited if it is a promise."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = 30) -> Any:
        """Waits until a JavaScript expression is true, and returns its value."""
        return wait(lambda: self.run(script), script, seconds)

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """(left, top, width, height) of an element in pixels, scrolled into view."""
        return self.run(f"""(() => {{ const e = document.querySelector({json.dumps(selector)});
            e.scrollIntoView({{block: "center", behavior: "instant"}}); const b = e.getBoundingClientRect();
            return [b.left, b.top, b.width, b.height]; }})()""")

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """kind: mousePressed, mouseMoved or mouseReleased."""
        buttons = {"button": "left", "clickCount": 0 if kind == "mouseMoved" else 1, **more}
        self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **buttons)

    def click(self, selector: str, clicks: int = 1) -> None:
        """Clicks an element once it stands still: what appears above it pushes it from under the pointer."""
        before, box = None, self.box(selector)
        while box != before:
            time.sleep(0.1)
            before, box = box, self.box(selector)
        left, top, width, height = box
        for i in range(1, clicks + 1):
            self.mouse("mousePressed", left + width / 2, top + height / 2, clickCount=i)
            self.mouse("mouseReleased", left + width / 2, top + height / 2, clickCount=i)

    def drag(self, points: list[tuple[float, float]], pause: float = 0.03) -> None:
        self.mouse("mousePressed", *points[0])
        for point in points[1:]:
            self.mouse("mouseMoved", *point, buttons=1)
            time.sleep(pause)
        self.mouse("mouseReleased", *points[-1])

    def touch(self, points: list[tuple[float, float]]) -> None:
        for i, (x, y) in enumerate(points):
            kind = "touchMove" if i else "touchStart"
            self._call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y}])
        self._call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def key(self, key: str, shift: bool = False) -> None:
        codes = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "Enter": 13}
        event = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key], "modifiers": 8 if shift else 0}
        if key == "Enter":
            event["text"] = "\r"
        self._call("Input.dispatchKeyEvent", type="keyDown", **event)
        self._call("Input.dispatchKeyEvent", type="keyUp", **event)

    def write(self, selector: str, text: str) -> None:
        """Types `text` in place of what is in a field."""
        self.run(f"""(() => {{ const e = document.querySelector({json.dumps(selector)}); e.focus();
            e.select(); }})()""")
        self._call("Input.insertText", text=text)

    def choose_file(self, selector: str, file: Path) -> None:
        document = self._call("DOM.getDocument")["root"]["nodeId"]
        node = self._call("DOM.querySelector", nodeId=document, selector=selector)["nodeId"]
        self._call("DOM.setFileInputFiles", files=[str(file)], nodeId=node)

    def screenshot(self, file: Path, whole: bool = False) -> None:
        answer = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(answer["data"]))

    def strangers(self) -> list[str]:
        """Requests that went elsewhere than to this machine."""
        local = ("data", "blob", "about", "chrome")
        split = [urlsplit(url) for url in self.requests]
        return [url.geturl() for url in split if url.scheme not in local and url.hostname not in LOOPBACK]

    def _call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session is not None and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._hear(answer)

    def _hear(self, event: dict[str, Any]) -> None:
        params, method = event.get("params", {}), event.get("method")
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.complaints.append(json.dumps(params["args"])[:500])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append("{text} {url}".format(**{"url": "", **params["entry"]}))


def wait(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Asks until the answer is true, and returns it."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)
    return answer
