"""The room of voices: a sentence or a recording, a feeling or a way between two, and how it sounds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from emotive.affect import Affect
from emotive.errors import EmotiveError, InputError, WeightsError
from emotive.showcase import SENTENCE

from . import components, voice_views
from .easel import new_seed, point, sentence
from .voice import LONGEST_RECORDING, Booth, Take, asked_aloud, open_recording, voices_of

AFFECT = "joyful"
SEED = 1
SOUNDS = [".wav", ".flac", ".ogg", ".mp3"]


def voice_tab(room: gr.Tab, booth: Booth) -> None:
    """Lays it out in `room`, which is open now. The model is opened when somebody enters."""
    try:
        voices, missing = voices_of(booth.model), ""
    except WeightsError as error:
        voices, missing = (), sentence(error)

    source = gr.State("text")
    with gr.Row(elem_id="voice-desk", elem_classes="desk", equal_height=False):
        with gr.Column(elem_classes="feeling", min_width=300):
            start = {**point(Affect.parse(AFFECT), AFFECT), "strength": 1.0, "to": None}
            pad = components.affect_pad(start, name="voice-pad", path=True, judged="emotive:heard")
        with gr.Column(elem_classes="work", min_width=300):
            with gr.Tabs(elem_id="source", elem_classes="views", selected="text"):
                with gr.Tab("Text", id="text") as on_text:
                    text = gr.Textbox(
                        SENTENCE,
                        lines=1,
                        max_lines=5,
                        label="What to say",
                        show_label=False,
                        container=False,
                        placeholder="a sentence in English",
                        elem_id="sentence",
                        html_attributes=gr.InputHTMLAttributes(spellcheck=False),
                    )
                with gr.Tab("Recording", id="recording") as on_recording:
                    recording = gr.Audio(
                        sources=["upload", "microphone"],
                        type="filepath",
                        label=f"A recording, {LONGEST_RECORDING:.0f} s at most",
                        show_label=False,
                        editable=False,
                        buttons=[],
                        elem_id="recording",
                    )
            with gr.Row(elem_classes="tools", elem_id="voice-settings"):
                voice = gr.Radio(
                    list(voices), value=voices[0] if voices else None, label="Voice", elem_id="voice"
                )
                breathing = gr.Checkbox(True, label="breaths", elem_id="breathing", container=False)
                seed = gr.Textbox(
                    str(SEED), label="Seed", max_length=24, max_lines=1, elem_id="voice-seed", min_width=90,
                    elem_classes="seed",
                )  # fmt: skip
                dice = gr.Button("New seed", elem_id="voice-dice", elem_classes="dice", min_width=38)
                speak = gr.Button("Speak", elem_id="speak", min_width=90)
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
        feeling, end = (value.get("text"), value.get("strength")), _end(value)
        if which == "recording":
            return booth.rerender(file, asked_aloud(booth.model, "", *feeling, seed_text), end)
        return booth.speak(asked_aloud(booth.model, said, *feeling, seed_text, who or "", breaths), end)

    def roll(*values: Any) -> Iterator[tuple[Any, ...]]:
        """The same with another seed."""
        rolled = str(new_seed())
        for shown in say(values[0], rolled, *values[2:]):
            yield *shown, rolled

    def recorded(file: str | None) -> str:
        """Says at once why a recording cannot be used."""
        try:
            if file is not None:
                open_recording(file)
        except EmotiveError as error:
            return sentence(error)
        return ""

    # As in the room of pictures: hidden from clients, one at a time.
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    booth_only: dict[str, Any] = {**quiet, "concurrency_id": "booth", "concurrency_limit": 1}
    asked = [pad, seed, source, text, voice, breathing, recording]

    room.select(booth.open, None, None, queue=False, **quiet)
    gr.on([speak.click, text.submit, seed.submit], say, asked, [player, notice], **booth_only)
    dice.click(roll, asked, [player, notice, seed], **booth_only)
    recording.change(recorded, [recording], [notice], **quiet)
    for each, name in ((on_text, "text"), (on_recording, "recording")):
        each.select(
            lambda name=name: (name, *(gr.update(visible=name == "text"),) * 2),
            None,
            [source, voice, breathing],
            queue=False,
            **quiet,
        )


def _end(pad_value: dict[str, Any]) -> Affect | None:
    """The point at which the feeling ends, if it moves; raises InputError for what is none."""
    to = pad_value.get("to")
    if to is None:
        return None
    text = to.get("text") if isinstance(to, dict) else None
    if not isinstance(text, str):
        raise InputError("the end of the way is a point on the pad: set it again")
    return Affect.parse(text)
