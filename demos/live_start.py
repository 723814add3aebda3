"""`emotive live`: the live room alone, begun with what the command line asks for."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from emotive.affect import Affect, AffectCurve
from emotive.backbones.opening import is_backbone
from emotive.devices import choose_device, choose_dtype
from emotive.errors import InputError

from .easel import Easel, read_prompt, read_seed
from .live import LiveRoom
from .live_canvas import STEPS, BackboneEasel, Canvas, told_curve
from .live_server import Tickets, serve_live
from .live_tab import AFFECT, PROMPT, SEED, Start
from .live_tab import STEPS as USUAL_STEPS
from .live_voice import VoiceRoom
from .studio import build_live, check_address, launch, model_facts


def begin_live(
    folder: Path,
    host: str,
    port: int,
    auth: tuple[str, str] | None = None,
    open_browser: bool = False,
    *,
    model: str,
    device: str | None = None,
    dtype: str | None = None,
    steps: int | None = None,
    prompt: str | None = None,
    affect: str | None = None,
    seed: int | None = None,
    curve: Path | None = None,
    voices: VoiceRoom | None = None,
) -> tuple[gr.Blocks, str]:
    """Starts the server and returns (the app, its address) at once, while the model opens.

    `app.close()` ends it. `voices` answers to the microphone.
    Raises InputError and WeightsError, before anything is served, for what can be known by then.
    """
    check_address(host, port)
    theirs = is_backbone(model)
    vocabulary = {} if theirs else model_facts(model)[0]
    if device is not None or dtype is not None:
        choose_dtype(choose_device(device), dtype)
    if steps is not None and steps not in STEPS:
        raise InputError(f"--steps {steps}: choose {', '.join(map(str, STEPS[:-1]))} or {STEPS[-1]}")
    Affect.parse(AFFECT if affect is None else affect)
    usual = 1 if theirs else USUAL_STEPS
    start = Start(
        read_prompt(PROMPT if prompt is None else prompt),
        AFFECT if affect is None else affect,
        SEED if seed is None else read_seed(seed),
        usual if steps is None else steps,
        None if curve is None else told_curve(AffectCurve.read(curve), curve.name),
    )
    easel = (BackboneEasel if theirs else Easel)(model, folder, device, dtype)
    live = LiveRoom(Canvas(easel)), Tickets()
    page = build_live(live, vocabulary, start, voices is not None)
    easel.open()
    server, url = launch(page, host, port, auth, open_browser)
    serve_live(server, *live, [] if voices is None else [voices.handlers])
    return page, url
