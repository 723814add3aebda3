"""`emotive studio`: the app in the browser."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

from emotive.errors import InputError

from .common import IMAGE_MODEL, Device, app, needs_extra, option, report, say
from .gesture import GESTURE_MODEL
from .head import HEAD_MODEL
from .speech import SPEECH_MODEL

AUTH = "EMOTIVE_STUDIO_AUTH"  # user:password; not an option, since options show in the list of processes


@app.command()
def studio(
    host: Annotated[str, option("Address to listen on; 127.0.0.1 is this computer alone.")] = "127.0.0.1",
    port: Annotated[int, option("Port to listen on.")] = 7860,
    model: Annotated[str, option("Of pictures: name, folder or hub id.")] = IMAGE_MODEL,
    speech_model: Annotated[str, option("Of speech: name, folder or hub id.")] = SPEECH_MODEL,
    head_model: Annotated[str, option("Of faces: name, folder or hub id.")] = HEAD_MODEL,
    gesture_model: Annotated[str, option("Of bodies: name, folder or hub id.")] = GESTURE_MODEL,
    device: Device = None,
    browser: Annotated[bool, option("Open the page in a browser.", "--open/--no-browser")] = True,
) -> None:
    """Open the Studio: an affect pad, and the picture, the voice, the face or the body that follows it.
    EMOTIVE_STUDIO_AUTH=user:password asks for a login."""
    if not 1 <= port <= 65_535:
        raise InputError(f"--port {port} makes no sense: use 1 to 65535")
    auth = login(os.environ.get(AUTH, ""))
    with tempfile.TemporaryDirectory(prefix="emotive-studio-", ignore_cleanup_errors=True) as folder:
        # Gradio reads these when it is imported: uploads lie in a folder of our own that ends with us,
        # and nothing is reported to anyone.
        os.environ |= {"GRADIO_TEMP_DIR": folder, "GRADIO_ANALYTICS_ENABLED": "False"}
        with needs_extra("demos"):
            import gradio  # noqa: F401  missing, it is one line
            import websockets  # noqa: F401

            from emotive.demos.easel import Easel
            from emotive.demos.face import Camera
            from emotive.demos.gesture import Theatre
            from emotive.demos.studio import check_address, model_facts, serve
            from emotive.demos.voice import Booth, voices_of
        from emotive.devices import choose_device
        from emotive.weights import resolve

        from .filming import load_head_pipeline
        from .moving import load_gesture_pipeline
        from .speaking import load_speech_pipeline

        check_address(host, port)
        model_facts(model)
        if speech_model != SPEECH_MODEL:  # the embedded one, where it is missing, is a line on its page
            voices_of(speech_model)
        for chosen, embedded in ((head_model, HEAD_MODEL), (gesture_model, GESTURE_MODEL)):
            if chosen != embedded:
                resolve(chosen)
        if device is not None:  # else it is chosen while the page loads
            choose_device(device)
        easel = Easel(model, Path(folder), device)
        easel.open()
        booth = Booth(speech_model, Path(folder), lambda: load_speech_pipeline(speech_model, device))
        camera = Camera(head_model, Path(folder), booth, lambda: load_head_pipeline(head_model, device))
        theatre = Theatre(
            gesture_model, Path(folder), booth, camera, lambda: load_gesture_pipeline(gesture_model, device)
        )
        page, url = serve(easel, host, port, auth, browser, booth, camera, theatre)
        until_ended(page, f"Emotive Studio is at {url}", host, auth)


def until_ended(page: Any, line: str, host: str, auth: tuple[str, str] | None) -> None:
    """Says where the page is, and serves until Ctrl-C or SIGTERM."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    report(f"{line}  (Ctrl-C ends it)")
    if auth is None and not _loopback(host):
        say(f"note: whoever reaches this machine can work here; {AUTH}=user:password asks for a login")
    try:
        while not ended.wait(0.5):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        page.close(verbose=False)


def login(text: str) -> tuple[str, str] | None:
    """(user, password) of "user:password"; None for ""."""
    if not text:
        return None
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise InputError(f"{AUTH} is not user:password")
    return user, password


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
