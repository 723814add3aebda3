"""The room of faces: a portrait or a photograph, what it says, how that feels, and the video of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from emotive import weights
from emotive.affect import Affect
from emotive.errors import EmotiveError, InputError, WeightsError
from emotive.face.landmark_files import SUFFIXES
from emotive.face.opening import bundled_portraits
from emotive.face.shot import Shot
from emotive.showcase import SENTENCE

from . import components, face_views
from .easel import new_seed, point, remarks, sentence
from .face import (
    ANSWERS,
    FARTHEST_LOOK,
    LONGEST_CLIP,
    LONGEST_CONSENT,
    Camera,
    Scene,
    asked_of_face,
    moves,
    who_speaks,
)
from .speech_source import follow_source, speech_source, voice_choice
from .voice import end_of, voices_of

AFFECT = "joyful"
SEED = 1
PHOTOS = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"]
AGREED = [("not asked", "unasked"), ("yes", "agreed"), ("it shows nobody", "nobody")]
TOLD = {
    "unasked": "The video will carry a visible badge: SYNTHETIC.",
    "agreed": "Who agreed, and how, is written into the video.",
    "nobody": "The video will say that the picture shows nobody who exists.",
}


def face_tab(room: gr.Tab, camera: Camera) -> None:
    """Lays it out in `room`, which is open now. The models are opened when somebody enters."""
    voices, missing = (), ""
    try:
        weights.resolve(camera.model)
        voices = voices_of(camera.booth.model)
    except WeightsError as error:
        missing = sentence(error)
    names = bundled_portraits()
    first = Shot(names[0])

    with gr.Row(elem_id="face-desk", elem_classes=["desk", "small-pad"], equal_height=False):
        with gr.Column(elem_classes="feeling", min_width=300):
            start = {**point(Affect.parse(AFFECT), AFFECT), "strength": 1.0, "to": None}
            pad = components.affect_pad(start, name="face-pad", path=True, judged="emotive:seen")
            with gr.Accordion("Movement", open=False, elem_id="movement", elem_classes="advanced"):
                head = gr.Slider(0, 2, 1, step=0.1, label="Movement of the head", buttons=[])
                blink = gr.Slider(0, 3, 1, step=0.1, label="Blinks", buttons=[])
                across, up = (
                    gr.Slider(-FARTHEST_LOOK, FARTHEST_LOOK, 0, step=1, label=label, buttons=[])
                    for label in ("Gaze, to the person's left (°)", "Gaze, up (°)")
                )
                with gr.Row(elem_classes="tools"):
                    still = gr.Checkbox(False, label="still head", elem_id="still", container=False)
                    lips = gr.Checkbox(False, label="lips only", elem_id="lips", container=False)
        with gr.Column(elem_classes="work", min_width=300):
            source = speech_source(SENTENCE, LONGEST_CLIP, "face-")
            with gr.Row(elem_classes="tools", elem_id="face-settings"):
                voice = voice_choice(voices, "face-")
                seed, dice = components.seed_line(SEED, "face-")
                go = gr.Button("Animate", elem_id="animate", elem_classes="go", min_width=90)
            with gr.Column(visible=False, elem_id="photograph", elem_classes="photograph") as photograph:
                with gr.Row(elem_classes="files"):
                    photo = gr.File(
                        label="A photograph of one face, from the front",
                        file_types=PHOTOS,
                        type="filepath",
                        height=84,
                        elem_id="photo",
                        elem_classes="upload",
                    )
                    landmarks = gr.File(
                        label="Its landmarks, if you have them",
                        file_types=list(SUFFIXES),
                        type="filepath",
                        height=84,
                        elem_id="landmarks",
                        elem_classes="upload",
                    )
                with gr.Row(elem_classes="tools"):
                    answer = gr.Radio(
                        AGREED, value="unasked", label="Did the person agree?", elem_id="agreed"
                    )
                    consent = gr.Textbox(
                        visible=False,
                        show_label=False,
                        container=False,
                        label="Who agreed, and how",
                        placeholder="who, and how: myself, in writing",
                        max_length=LONGEST_CONSENT,
                        max_lines=1,
                        elem_id="consent",
                        min_width=220,
                    )
                told = components.notice("consent-told", TOLD["unasked"])
            notice = components.notice("face-notice", missing)
            with gr.Row(elem_classes="set", equal_height=False):
                screen = components.screen(face_views.resting(first, camera))
                sitter = components.portraits(names[0], face_views.choices())

    def animate(*values: Any) -> Iterator[tuple[Any, str]]:
        """The screen and the notice: what is being done, then what came of it."""
        yield {"busy": "One moment" if camera.ready else "Opening the models"}, ""
        try:
            for step in film_with(*values):
                if isinstance(step, Scene):
                    shown = face_views.playing(step, camera.folder)
                    yield shown, _line(step.notes)
                elif camera.ready:
                    yield {"busy": step}, ""
        except EmotiveError as error:
            yield {"busy": ""}, sentence(error)

    def film_with(
        pad_value: Any, seed_text: Any, which: Any, said: Any, who: Any, recording: Any, *others: Any
    ) -> Iterator[str | Scene]:
        chosen, file, points, agreed, how, *moved = others
        shot = replace(who_speaks(chosen, file, points, agreed, how), moves=moves(*moved))
        value = pad_value if isinstance(pad_value, dict) else {}
        heard, text = which == "recording", said
        if heard:
            if not isinstance(recording, str):
                raise InputError("choose a recording first, or make one with the microphone")
            shot, text = replace(shot, audio=Path(recording)), ""
        feeling = value.get("text"), value.get("strength")
        plan = asked_of_face(camera.model, text, *feeling, seed_text, "" if heard else who or "")
        return camera.film(plan, end_of(value), shot)

    def roll(*values: Any) -> Iterator[tuple[Any, ...]]:
        """The same with another seed."""
        rolled = str(new_seed())
        for shown in animate(values[0], rolled, *values[2:]):
            yield *shown, rolled

    def look(chosen: Any, file: Any, points: Any, agreed: Any) -> tuple[Any, str]:
        """Shows the face that is chosen, or says why there is none."""
        if chosen == "" and file is None:
            return {"busy": ""}, ""
        try:
            # Who it was is asked when it is filmed.
            shot = who_speaks(chosen, file, points, agreed, "somebody")
            with remarks() as notes:
                shown = face_views.resting(shot, camera)
            return shown, _line(notes)
        except EmotiveError as error:
            return {"busy": ""}, sentence(error)

    def chosen_now(*values: Any) -> tuple[Any, ...]:
        return *look(*values), gr.update(visible=values[0] == "")

    def answered(*values: Any) -> tuple[Any, ...]:
        agreed = values[-1] if values[-1] in ANSWERS else "unasked"
        return *look(*values), TOLD[agreed], gr.update(visible=agreed == "agreed")

    # As in the other rooms: hidden from clients, one at a time.
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    camera_only: dict[str, Any] = {**quiet, "concurrency_id": "camera", "concurrency_limit": 1}
    asked = [pad, seed, source.which, source.text, voice, source.recording, sitter, photo, landmarks]
    asked += [answer, consent, head, blink, across, up, still, lips]
    who = [sitter, photo, landmarks, answer]

    room.select(camera.open, None, None, queue=False, **quiet)
    gr.on([go.click, source.text.submit, seed.submit], animate, asked, [screen, notice], **camera_only)
    dice.click(roll, asked, [screen, notice, seed], **camera_only)
    sitter.input(chosen_now, who, [screen, notice, photograph], **camera_only)
    gr.on([photo.change, landmarks.change], look, who, [screen, notice], **camera_only)
    answer.input(answered, who, [screen, notice, told, consent], **camera_only)
    follow_source(source, [voice], notice, LONGEST_CLIP, quiet)


def _line(notes: Iterable[str]) -> str:
    return " ".join(f"{note.rstrip('.')}." for note in notes)
