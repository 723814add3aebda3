"""The room of bodies: who moves, what is said and how that feels; the movement in 3D, as film, as files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import gradio as gr

from emotive import weights
from emotive.affect import Affect
from emotive.body.actors import ACTORS
from emotive.errors import EmotiveError, InputError, WeightsError
from emotive.voice.align import can_align

from . import components, gesture_views
from .easel import new_seed, point, sentence
from .face import LONGEST_CLIP, LONGEST_TEXT
from .gesture import Act, Theatre, asked_of_body, who_moves
from .speech_source import follow_source, speech_source, voice_choice
from .voice import end_of, voices_of

AFFECT = "joyful"
SENTENCE = "I never thought that it would end like this, but here we are."
SEED = 1


def gesture_tab(room: gr.Tab, theatre: Theatre) -> None:
    """Lays it out in `room`, which is open now. The models are opened when somebody enters."""
    voices, missing = (), ""
    try:
        weights.resolve(theatre.model)
        voices = voices_of(theatre.booth.model)
    except WeightsError as error:
        missing = sentence(error)
    first = next(iter(ACTORS))

    with gr.Row(elem_id="body-desk", elem_classes=["desk", "small-pad"], equal_height=False):
        with gr.Column(elem_classes="feeling", min_width=300):
            start = {**point(Affect.parse(AFFECT), AFFECT), "strength": 1.0, "to": None}
            pad = components.affect_pad(start, name="body-pad", path=True, judged="emotive:moved")
            with gr.Row(elem_classes="tools", elem_id="body-shown"):
                faced = gr.Checkbox(True, label="speaking face", elem_id="faced", container=False)
                upper = gr.Checkbox(False, label="upper body", elem_id="upper", container=False)
        with gr.Column(elem_classes="work", min_width=300):
            source = speech_source(SENTENCE, LONGEST_CLIP, "body-")
            words = gr.Textbox(
                visible=False,
                show_label=False,
                container=False,
                label="The words of the recording",
                placeholder="its words, if you know them: hands follow what they mean",
                max_length=LONGEST_TEXT,
                max_lines=3,
                elem_id="body-words",
                elem_classes="sentence",
            )
            with gr.Row(elem_classes="tools", elem_id="body-settings"):
                voice = voice_choice(voices, "body-")
                seed, dice = components.seed_line(SEED, "body-")
                go = gr.Button("Move", elem_id="move", elem_classes="go", min_width=90)
            notice = components.notice("body-notice", missing)
            with gr.Row(elem_classes="set", equal_height=False):
                stage = components.body(lambda: gesture_views.resting(who_moves(first, False), theatre))
                actor = components.cast(first, lambda: gesture_views.cast(theatre))

    def move(*values: Any) -> Iterator[tuple[Any, str]]:
        """The stage and the notice: what is being done, then what came of it."""
        yield {"busy": "One moment" if theatre.ready else "Opening the models"}, ""
        try:
            for step in move_with(*values):
                if isinstance(step, str):
                    if theatre.ready:
                        yield {"busy": step}, ""
                elif step.film:
                    yield gesture_views.finished(step, theatre.folder), _line(step.notes)
                else:
                    filming = {"busy": f"Filming {step.motion.duration:.0f} s"}
                    yield {**gesture_views.moving(step, theatre.folder), **filming}, _line(step.notes)
        except EmotiveError as error:
            yield {"busy": ""}, sentence(error)

    def move_with(
        pad_value: Any, seed_text: Any, which: Any, said: Any, who: Any, *others: Any
    ) -> Iterator[str | Act]:
        recording, known, chosen, face, half = others
        value = pad_value if isinstance(pad_value, dict) else {}
        if which == "recording":
            if not isinstance(recording, str):
                raise InputError("choose a recording first, or make one with the microphone")
            played, spoken = who_moves(chosen, half, recording, known or ""), ("", "")
        else:
            played, spoken = who_moves(chosen, half), (said, who or "")
        feeling = value.get("text"), value.get("strength")
        plan = asked_of_body(theatre.model, spoken[0], *feeling, seed_text, spoken[1])
        return theatre.perform(plan, end_of(value), played, face is True)

    def roll(*values: Any) -> Iterator[tuple[Any, ...]]:
        """The same with another seed."""
        rolled = str(new_seed())
        for shown in move(values[0], rolled, *values[2:]):
            yield *shown, rolled

    def look(chosen: Any, half: Any) -> tuple[Any, str]:
        """Shows the actor who is chosen."""
        try:
            return gesture_views.resting(who_moves(chosen, half), theatre), ""
        except EmotiveError as error:
            return {"busy": ""}, sentence(error)

    # As in the other rooms: hidden from clients, one at a time.
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    theatre_only: dict[str, Any] = {**quiet, "concurrency_id": "theatre", "concurrency_limit": 1}
    asked = [pad, seed, source.which, source.text, voice, source.recording, words, actor, faced, upper]

    room.select(theatre.open, None, None, queue=False, **quiet)
    started = [go.click, source.text.submit, seed.submit, words.submit]
    gr.on(started, move, asked, [stage, notice], **theatre_only)
    dice.click(roll, asked, [stage, notice, seed], **theatre_only)
    actor.input(look, [actor, upper], [stage, notice], **theatre_only)
    upper.input(lambda half: {"nearer": half is True}, [upper], [stage], queue=False, **quiet)
    follow_source(source, [voice], notice, LONGEST_CLIP, quiet)
    if can_align():
        for each, shown in ((source.on_text, False), (source.on_recording, True)):
            each.select(lambda on=shown: gr.update(visible=on), None, [words], queue=False, **quiet)


def _line(notes: Iterable[str]) -> str:
    return " ".join(f"{note.rstrip('.')}." for note in dict.fromkeys(notes))
