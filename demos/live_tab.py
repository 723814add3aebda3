"""The room of live pictures: an affect pad, and beside it the picture that follows while it moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from emotive.affect import Affect

from . import components
from .easel import point
from .live import LiveRoom
from .live_server import Tickets
from .live_voice_view import live_voice

PROMPT = "a lighthouse by the sea at sunset"
AFFECT = "hopeful"
SEED = 1
STEPS = 2


@dataclass(frozen=True)
class Start:
    """What the room opens with; `curve`, as `live_canvas.told_curve` has it, is followed at once."""

    prompt: str = PROMPT
    affect: str = AFFECT
    seed: int = SEED
    steps: int = STEPS
    curve: dict[str, Any] | None = None


def live_tab(
    room: LiveRoom,
    tickets: Tickets,
    vocabulary: dict[str, dict[str, list[str]]],
    start: Start | None = None,
    voice: bool = False,
) -> None:
    """Lays it out in the block that is open now. `vocabulary` as `studio.model_facts` has it, {} for a model
    that reads any words. `voice`: with a microphone and a portrait, which a `VoiceRoom` answers."""
    start = start or Start()
    feeling = {**point(Affect.parse(start.affect), start.affect), "strength": 1.0}
    prompt = components.prompt_box(start.prompt, vocabulary, "live-prompt-box")
    with gr.Row(elem_classes=["desk", "live-desk"], equal_height=False):
        with gr.Column(elem_classes="feeling", min_width=300):
            components.affect_pad(
                feeling,
                "live-pad",
                judged="",
                tells=components.LIVE_TELLS,
                follows=components.LIVE_FOLLOWS,
            )
        with gr.Column(elem_classes="work", min_width=300):
            components.live(
                {
                    **feeling,
                    "prompt": start.prompt,
                    "seed": start.seed,
                    "steps": start.steps,
                    "offered": room.canvas.steps,
                    "curve": start.curve,
                },
                tickets.issue,
            )
            if voice:
                live_voice()
    # Nothing of this passes through Gradio's queue: the page speaks to its socket.
    prompt.submit(
        None,
        [prompt],
        None,
        js="(prompt) => { window.emotiveLive?.look({ prompt }); }",
        api_visibility="private",
    )
