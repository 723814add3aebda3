"""The Studio, in the browser: rooms of pictures, voices, faces and bodies, each with an affect pad.

`emotive studio` serves it; `build_studio` makes the Gradio app. One pipeline of a kind serves every open
page, one thing at a time; what a page made lives in its own session and in nobody else's.
"""

from __future__ import annotations

import json
import socket
from typing import Any

import gradio as gr
from fastapi import FastAPI

from emotive import weights
from emotive.errors import InputError, WeightsError

from . import components
from .compass_tab import compass_tab
from .easel import Easel
from .face import Camera
from .face_tab import face_tab
from .gesture import Theatre
from .gesture_tab import gesture_tab
from .live import LiveRoom
from .live_canvas import Canvas
from .live_head import LiveHead
from .live_server import Tickets, serve_live
from .live_tab import Start, live_tab
from .live_voice import VoiceRoom, open_judge
from .picture_tab import picture_tab
from .theme import studio_theme
from .voice import Booth
from .voice_tab import voice_tab

TITLE = "Emotive Studio"
MAX_UPLOAD = "20mb"
KINDS = ("subject", "setting", "time", "weather")


def model_facts(model: str) -> tuple[dict[str, dict[str, list[str]]], dict[str, Any]]:
    """(vocabulary, configuration of the denoiser) of a model, read from its files without opening it.

    Raises WeightsError if it is not there or no image model.
    """
    folder = weights.resolve(model)
    try:
        encoder = json.loads((folder / "text_encoder" / "config.json").read_text("utf-8"))
        denoiser = json.loads((folder / "denoiser" / "config.json").read_text("utf-8"))
        words = encoder["vocabulary"]
        known = sorted(words, key=lambda kind: KINDS.index(kind) if kind in KINDS else len(KINDS))
        _ = denoiser["guidance_defaults"], denoiser["guidance_limits"]
        return {kind: words[kind] for kind in known}, denoiser
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder} does not hold an image model that the Studio can open") from error


def build_studio(
    easel: Easel,
    booth: Booth | None = None,
    camera: Camera | None = None,
    theatre: Theatre | None = None,
    live: tuple[LiveRoom, Tickets] | None = None,
) -> gr.Blocks:
    """The app around an `Easel`, with a second room where there is a `Booth`, a third where there is a
    `Camera` as well and a fourth for a `Theatre`, and one of `live` pictures, ready to be launched; `serve`
    says how it should be."""
    facts = model_facts(easel.model)
    says = "One scene, any feeling. Painted on this computer."
    if booth is not None:
        what = "scene or sentence" if camera is None else "scene, sentence or face"
        what = what if theatre is None else "scene, sentence, face or body"
        says = f"One {what}, any feeling. Made on this computer."
    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(3600, 3600)) as app:
        gr.HTML(
            f"<header class='masthead'><h1>Emotive <em>Studio</em></h1><p>{says}</p></header>",
            apply_default_css=False,
        )
        if booth is None:
            picture_tab(app, easel, *facts)
        else:
            with gr.Tabs(elem_id="rooms"):
                with gr.Tab("Pictures"):
                    picture_tab(app, easel, *facts)
                if live is not None:
                    with gr.Tab("Live"):
                        live_tab(*live, facts[0], voice=camera is not None)
                with gr.Tab("Voice") as room:
                    voice_tab(room, booth)
                if camera is not None:
                    with gr.Tab("Face") as room:
                        face_tab(room, camera)
                if theatre is not None:
                    with gr.Tab("Body") as room:
                        gesture_tab(room, theatre)
                with gr.Tab("Compass"):
                    compass_tab(easel)
    app.queue(max_size=16, default_concurrency_limit=1)
    return app


def build_live(
    live: tuple[LiveRoom, Tickets],
    vocabulary: dict[str, dict[str, list[str]]],
    start: Start,
    voice: bool = False,
) -> gr.Blocks:
    """The app of the live room alone; the rest is `live_tab`'s."""
    with gr.Blocks(title="Emotive Live", analytics_enabled=False, fill_width=True) as app:
        gr.HTML(
            "<header class='masthead'><h1>Emotive <em>Live</em></h1>"
            "<p>Move the feeling, and the picture follows. Painted on this computer.</p></header>",
            apply_default_css=False,
        )
        live_tab(*live, vocabulary, start, voice)
    app.queue(max_size=16, default_concurrency_limit=1)
    return app


def serve(
    easel: Easel,
    host: str,
    port: int,
    auth: tuple[str, str] | None = None,
    open_browser: bool = False,
    booth: Booth | None = None,
    camera: Camera | None = None,
    theatre: Theatre | None = None,
) -> tuple[gr.Blocks, str]:
    """Starts the server of all rooms and returns (the app, its address) at once; `app.close()` ends it.

    Raises InputError if the address cannot be had.
    """
    check_address(host, port)
    live = LiveRoom(Canvas(easel)), Tickets()
    app = build_studio(easel, booth, camera, theatre, live)
    server, url = launch(app, host, port, auth, open_browser)
    voices = (
        None
        if booth is None or camera is None
        else VoiceRoom(open_judge(), LiveHead(camera.pipe, booth.pipe))
    )
    serve_live(server, *live, [] if voices is None else [voices.handlers])
    return app, url


def launch(
    app: gr.Blocks, host: str, port: int, auth: tuple[str, str] | None = None, open_browser: bool = False
) -> tuple[FastAPI, str]:
    """Starts a server of `app` and returns (what serves it, its address) at once; `app.close()` ends it."""
    server, url, _ = app.launch(
        server_name=host,
        server_port=port,
        share=False,  # said outright: an environment variable could ask for it
        inbrowser=open_browser,
        auth=auth,
        quiet=True,
        prevent_thread_lock=True,
        allowed_paths=[],
        max_file_size=MAX_UPLOAD,
        enable_monitoring=False,
        strict_cors=True,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        footer_links=[],
        run_history=False,
        theme=studio_theme(),
        css=components.asset("studio.css") + components.asset("live_voice.css"),
        state_session_capacity=200,
    )
    return server, url


def check_address(host: str, port: int) -> None:
    """Raises InputError unless this machine can listen there."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot listen on {host}, port {port}: {why}; choose another --port") from error
