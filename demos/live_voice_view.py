"""The microphone and the portrait, as they stand in the live room: see live_voice.js."""

from __future__ import annotations

import gradio as gr
from PIL import Image

from emotive.face.opening import bundled_portraits, open_portrait

from . import face_views, views
from .components import asset

SCRIPTS = ("live_microphone.js", "live_portrait.js", "live_voice.js")
STILL = 392  # pixels, two for each of the page's


def live_voice(portraits: bool = True) -> gr.HTML:
    """Moves into the place that `components.live` keeps for it; without `portraits` it only listens.

    Its messages are answered by `live_voice.VoiceRoom`; live_voice.css belongs to the styles of the page.
    """
    choices = [
        {**choice, "still": views.small(Image.fromarray(open_portrait(name).image), STILL)}
        for name, choice in zip(bundled_portraits(), face_views.choices(), strict=True)
    ]
    return gr.HTML(
        {},
        html_template=asset("live_voice.html"),
        js_on_load="".join(asset(script) for script in SCRIPTS),
        elem_id="live-voice",
        apply_default_css=False,
        portraits=choices if portraits else [],
    )
