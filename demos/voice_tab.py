"""The room of voices: a sentence or a recording, a feeling or a way between two, and how it sounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from emotive.affect import Affect
from emotive.errors import EmotiveError, WeightsError
from emotive.showcase import SENTENCE

from . import components, voice_views
from .easel import new_seed, point, sentence
from .speech_source import follow_source, speech_source, voice_choice
from .voice import LONGEST_RECORDING, Booth, Take, asked_aloud, end_of, voices_of

AFFECT = "joyful"
SEED = 1


def voice_tab(room: gr.Tab, booth: Booth) -> None:
    """Lays it out in `room`, which is open now. The model is opened when somebody enters."""
    try:
        voices, missing = voices_of(booth.model), ""
    except WeightsError as error:
        voices, missing = (), sentence(error)

    with gr.Row(elem_id="voice-desk", elem_classes=["desk", "small-pad"], equal_height=False):
        with gr.Column(elem_classes="feeling", min_width=300):
            start = {**point(Affect.parse(AFFECT), AFFECT), "strength": 1.0, "to": None}
            pad = components.affect_pad(start, name="voice-pad", path=True, judged="emotive:heard")
        with gr.Column(elem_classes="work", min_width=300):
            source = speech_source(SENTENCE, LONGEST_RECORDING)
            with gr.Row(elem_classes="tools", elem_id="voice-settings"):
                voice = voice_choice(voices)
                breathing = gr.Checkbox(True, label="breaths", elem_id="breathing", container=False)
                seed, dice = components.seed_line(SEED, "voice-")
                speak = gr.Button("Speak", elem_id="speak", elem_classes="go", min_width=90)
            notice = components.notice("voice-notice", missing)
            player = components.player()

    def say(
        pad_value: Any, seed_text: Any, which: Any, said: Any, who: Any, breaths: Any, file: Any
    ) -> Iterator[tuple[Any, str]]:
        """The player and the notice: first that it has begun, then what came of it."""
        yield {"busy": "Speaking" if booth.ready else "Opening the voice"}, ""
        try:
            take = said_with(pad_value, seed_text, which, said, who, breaths, file)
            shown = voice_views.resting(take, booth.folder)
        except EmotiveError as error:
            yield {"busy": ""}, sentence(error)
            return
        yield shown, " ".join(f"{note.rstrip('.')}." for note in take.notes)

    def said_with(
        pad_value: Any, seed_text: Any, which: Any, said: Any, who: Any, breaths: Any, file: Any
    ) -> Take:
        value = pad_value if isinstance(pad_value, dict) else {}
        feeling, end = (value.get("text"), value.get("strength")), end_of(value)
        if which == "recording":
            return booth.rerender(file, asked_aloud(booth.model, "", *feeling, seed_text), end)
        return booth.speak(asked_aloud(booth.model, said, *feeling, seed_text, who or "", breaths), end)

    def roll(*values: Any) -> Iterator[tuple[Any, ...]]:
        """The same with another seed."""
        rolled = str(new_seed())
        for shown in say(values[0], rolled, *values[2:]):
            yield *shown, rolled

    # As in the room of pictures: hidden from clients, one at a time.
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    booth_only: dict[str, Any] = {**quiet, "concurrency_id": "booth", "concurrency_limit": 1}
    asked = [pad, seed, source.which, source.text, voice, breathing, source.recording]

    room.select(booth.open, None, None, queue=False, **quiet)
    gr.on([speak.click, source.text.submit, seed.submit], say, asked, [player, notice], **booth_only)
    dice.click(roll, asked, [player, notice, seed], **booth_only)
    follow_source(source, [voice, breathing], notice, LONGEST_RECORDING, quiet)
