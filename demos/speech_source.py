"""What is said, and in whose voice: the controls that the rooms of voices and of faces have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from emotive.errors import EmotiveError

from .easel import sentence
from .voice import open_recording


@dataclass(frozen=True)
class SpeechSource:
    """A text or a recording. The value of `which` is "text" or "recording"."""

    which: gr.State
    text: gr.Textbox
    recording: gr.Audio
    on_text: gr.Tab
    on_recording: gr.Tab


def speech_source(start: str, longest: float, prefix: str = "") -> SpeechSource:
    """Two views, for a text and for a recording of at most `longest` seconds, in the block that is open now.

    `prefix` goes before the ids, which are a page's own.
    """
    which = gr.State("text")
    with gr.Tabs(elem_id=f"{prefix}source", elem_classes=["views", "source"], selected="text"):
        with gr.Tab("Text", id="text") as on_text:
            text = gr.Textbox(
                start,
                lines=1,
                max_lines=5,
                label="What to say",
                show_label=False,
                container=False,
                placeholder="a sentence in English",
                elem_id=f"{prefix}sentence",
                elem_classes="sentence",
                html_attributes=gr.InputHTMLAttributes(spellcheck=False),
            )
        with gr.Tab("Recording", id="recording") as on_recording:
            recording = gr.Audio(
                sources=["upload", "microphone"],
                type="filepath",
                label=f"A recording, {longest:.0f} s at most",
                show_label=False,
                editable=False,
                buttons=[],
                elem_id=f"{prefix}recording",
                elem_classes="recording",
            )
    return SpeechSource(which, text, recording, on_text, on_recording)


def follow_source(
    source: SpeechSource, of_text: list[Any], notice: gr.HTML, longest: float, quiet: dict[str, Any]
) -> None:
    """Shows `of_text` with a text alone, and says at once why a recording cannot be used."""

    def recorded(file: str | None) -> str:
        try:
            if file is not None:
                open_recording(file, longest)
        except EmotiveError as error:
            return sentence(error)
        return ""

    source.recording.change(recorded, [source.recording], [notice], **quiet)
    for each, name in ((source.on_text, "text"), (source.on_recording, "recording")):
        each.select(
            lambda name=name: (name, *(gr.update(visible=name == "text"),) * len(of_text)),
            None,
            [source.which, *of_text],
            queue=False,
            **quiet,
        )


def voice_choice(voices: tuple[str, ...], prefix: str = "") -> gr.Radio:
    """Who speaks; the first, until another is chosen."""
    return gr.Radio(
        list(voices),
        value=voices[0] if voices else None,
        label="Voice",
        elem_id=f"{prefix}voice",
        elem_classes="voice",
    )
