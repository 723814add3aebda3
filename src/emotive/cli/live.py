"""`emotive live`: the affect pad in the browser, and a picture that follows it in real time."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

from emotive.errors import InputError

from .common import IMAGE_MODEL, Device, app, needs_extra, option
from .head import HEAD_MODEL
from .speech import SPEECH_MODEL
from .studio import AUTH, login, until_ended


@app.command()
def live(
    host: Annotated[str, option("Address to listen on; 127.0.0.1 is this computer alone.")] = "127.0.0.1",
    port: Annotated[int, option("Port to listen on.")] = 7860,
    model: Annotated[str, option(
        "Ours, or a diffusion model with a UNet such as SD-Turbo: name, folder, hub id.")] = IMAGE_MODEL,
    steps: Annotated[int | None, option("Sampling steps at first: 1, 2 or 4. [2; others' 1]")] = None,
    prompt: Annotated[str | None, option("The scene at first.")] = None,
    affect: Annotated[str | None, option("The feeling at first, as for `emotive image`.")] = None,
    seed: Annotated[int | None, option("Of the scene at first.")] = None,
    curve: Annotated[Path | None, option(
        "Follow a curve: .csv of time,valence,arousal[,dominance] in s and -1..1, or .json.")] = None,
    device: Device = None,
    dtype: Annotated[str | None, option("fp32, bf16, fp16. [bf16 where it is fast]")] = None,
    browser: Annotated[bool, option("Open the page in a browser.", "--open/--no-browser")] = True,
) -> None:  # fmt: skip
    """Open the live pad: move the feeling, and the picture follows. EMOTIVE_STUDIO_AUTH=user:password asks
    for a login."""
    if not 1 <= port <= 65_535:
        raise InputError(f"--port {port} makes no sense: use 1 to 65535")
    auth = login(os.environ.get(AUTH, ""))
    with tempfile.TemporaryDirectory(prefix="emotive-live-", ignore_cleanup_errors=True) as folder:
        # Gradio reads these when it is imported: uploads lie in a folder of our own that ends with us,
        # and nothing is reported to anyone.
        os.environ |= {"GRADIO_TEMP_DIR": folder, "GRADIO_ANALYTICS_ENABLED": "False"}
        with needs_extra("demos"):
            import gradio  # noqa: F401  missing, it is one line
            import websockets  # noqa: F401

            from emotive.demos.background import InBackground
            from emotive.demos.live_head import LiveHead
            from emotive.demos.live_start import begin_live
            from emotive.demos.live_voice import VoiceRoom, open_judge

        from .filming import load_head_pipeline
        from .speaking import load_speech_pipeline

        head = InBackground(lambda: load_head_pipeline(HEAD_MODEL, device)[0], "open the face")
        speech = InBackground(lambda: load_speech_pipeline(SPEECH_MODEL, device)[0], "open the voice")
        portrait = LiveHead(lambda: head.begin().result(), lambda: speech.begin().result())
        page, url = begin_live(
            Path(folder), host, port, auth, browser, model=model, device=device, dtype=dtype, steps=steps,
            prompt=prompt, affect=affect, seed=seed, curve=curve, voices=VoiceRoom(open_judge(), portrait),
        )  # fmt: skip
        until_ended(page, f"Emotive Live is at {url}", host, auth)
