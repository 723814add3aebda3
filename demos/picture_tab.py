"""The room of pictures: an affect pad beside the picture that follows it, sheets, edits and a history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from emotive.affect import Affect
from emotive.batch import valence_arousal_grid
from emotive.errors import EmotiveError, InputError
from emotive.media.provenance import Provenance

from . import components, views
from .easel import SIDES, STEPS, Easel, Painting, asked, new_seed, point, sentence

PROMPT = "a lighthouse by the sea at sunset"
AFFECT = "hopeful"
SEED = 1
KEPT = 40  # pictures in the history of a session

Memory = list[tuple[Provenance, dict[str, str]]]  # what a session made, newest first: plans and thumbs


def picture_tab(
    page: gr.Blocks, easel: Easel, vocabulary: dict[str, dict[str, list[str]]], config: dict[str, Any]
) -> None:
    """Lays it out in the block that is open now, on `page`; the rest is what `studio.model_facts` returns."""
    words_pull, affect_pull = config["guidance_defaults"]
    words_most, affect_most = config["guidance_limits"]
    start = Affect.parse(AFFECT)

    made = gr.State([])
    tab = gr.State("picture")
    prompt = components.prompt_box(PROMPT, vocabulary)
    notice = components.notice("notice")
    with gr.Row(elem_classes="desk", equal_height=False):
        with gr.Column(elem_classes="feeling", min_width=300):
            pad = components.affect_pad({**point(start, AFFECT), "strength": 1.0})
        with gr.Column(elem_classes="work", min_width=300):
            with gr.Tabs(elem_id="tabs", elem_classes="views", selected="picture") as tabs:
                with gr.Tab("Picture", id="picture") as on_picture:
                    stage = components.stage()
                with gr.Tab("Sheet", id="sheet") as on_sheet:
                    sheet = components.sheet()
                    with gr.Row(elem_classes="tools"):
                        side = gr.Radio(
                            [(f"{n} × {n}", n) for n in SIDES],
                            value=5,
                            show_label=False,
                            container=False,
                            elem_id="side",
                        )
                        paint_sheet = gr.Button("Paint the sheet", variant="primary", elem_id="paint-sheet")
                with gr.Tab("Edit", id="edit") as on_edit:
                    file = gr.File(
                        label="A picture in another feeling",
                        file_types=[".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"],
                        type="filepath",
                        height=120,
                        elem_id="upload",
                        elem_classes="upload",
                    )
                    edit_notice = components.notice("edit-notice")
                    edited = components.edited()
                    with gr.Row(elem_classes="tools"):
                        change = gr.Slider(
                            0.1, 0.9, 0.5, step=0.05, label="How far it may change", buttons=[]
                        )
                        repaint = gr.Button("Repaint it", variant="primary", elem_id="repaint")
            with gr.Row(elem_classes="tools", elem_id="settings"):
                seed, dice = components.seed_line(SEED)
                keep = gr.Checkbox(True, label="keep", elem_id="keep", container=False, min_width=60)
                steps = gr.Radio(list(STEPS), value=4, label="Steps", elem_id="steps", min_width=180)
    history = components.history()
    with gr.Accordion("Advanced", open=False, elem_id="advanced", elem_classes="advanced"), gr.Row():
        guidance = gr.Slider(1, words_most, words_pull, step=0.1, label="Pull of the words", buttons=[])
        affect_guidance = gr.Slider(
            1, affect_most, affect_pull, step=0.1, label="Pull of the feeling", buttons=[]
        )

    controls = [pad, prompt, seed, steps, guidance, affect_guidance]
    shown = [stage, notice, history, made]

    def plan_of(pad_value: Any, *others: Any) -> Provenance:
        prompt_value, *rest = others
        pad_value = pad_value if isinstance(pad_value, dict) else {}
        feeling = pad_value.get("text"), pad_value.get("strength")
        return asked(easel.model, prompt_value, *feeling, *rest)

    def finished(painting: Painting, memory: Memory) -> tuple[Any, ...]:
        """What `shown` becomes: the picture, the remarks, and one more entry of the history."""
        thumb = views.thumb(painting)
        if not memory or replace(memory[0][0], created="") != replace(painting.made, created=""):
            memory = [(painting.made, thumb), *memory][:KEPT]
        remarks = " ".join(f"{note.rstrip('.')}." for note in painting.notes)
        return views.resting(painting, easel.folder), remarks, [entry for _, entry in memory], memory

    def refused(error: Exception) -> tuple[Any, ...]:
        return gr.skip(), sentence(error), gr.skip(), gr.skip()

    def paint(*values: Any) -> tuple[Any, ...]:
        *settings, memory = values
        try:
            painting = easel.paint(plan_of(*settings))
            if isinstance(settings[0], dict) and settings[0].get("live") is True:
                return views.moving(painting), gr.skip(), gr.skip(), gr.skip()
            return finished(painting, memory)
        except EmotiveError as error:
            return refused(error)

    def follow(*values: Any) -> tuple[Any, ...]:
        """The puck moved: paints, or where an edit is in hand and the puck rests, edits."""
        *inputs, shown_tab, path, amount = values
        resting = isinstance(inputs[0], dict) and not inputs[0].get("live")
        if shown_tab != "edit":
            return *paint(*inputs), gr.skip(), gr.skip()
        if not resting or path is None:
            return (gr.skip(),) * 6
        return *(gr.skip(),) * 4, *edit(*inputs[:-1], path, amount)

    def paint_new(keep_seed: Any, *values: Any) -> tuple[Any, ...]:
        """The Paint button: with the same seed, or with another where it is not kept."""
        settings = list(values)
        if keep_seed is not True:
            settings[2] = str(new_seed())
        return *paint(*_still(settings)), settings[2]

    def roll(*values: Any) -> tuple[Any, ...]:
        return paint_new(False, *values)

    def paint_all(*values: Any) -> Iterator[tuple[Any, ...]]:
        *settings, cells = values
        try:
            plan, pictures = easel.sheet(plan_of(*settings), cells)
            painted, images = [], []
            total = cells * cells
            for job, image in pictures:
                images.append(image)
                painted.append(views.cell(image, job.affect))
                if len(images) % cells == 0 and len(images) < total:
                    yield {"side": cells, "cells": painted, "title": f"{len(images)} of {total}"}, ""
            whole = views.finished_sheet(images, plan, easel.folder)
            words = f"{plan.prompt or 'A mood alone'}, seed {plan.seed}. Click a cell to go there."
            yield {"side": cells, "cells": painted, "title": words, **whole}, ""
        except EmotiveError as error:
            yield gr.skip(), sentence(error)

    def choose_cell(event: gr.EventData, *values: Any) -> tuple[Any, ...]:
        settings, at = list(values), _index(event, "index")
        cells = _index(event, "side")
        if cells not in SIDES or at >= cells * cells:
            return gr.skip(), *refused(InputError("there is no such cell"))
        strength = settings[0].get("strength") if isinstance(settings[0], dict) else None
        settings[0] = {**point(valence_arousal_grid(cells, cells)[at]), "strength": strength}
        return settings[0], *paint(*settings)

    def restore(event: gr.EventData, memory: Memory) -> tuple[Any, ...]:
        at = _index(event, "index")
        if at >= len(memory):
            return (gr.skip(),) * (len(controls) + 3)
        plan = memory[at][0]
        feeling = point(plan.affect or Affect.neutral(), plan.affect_text)
        try:
            painting = easel.paint(plan)
        except EmotiveError as error:
            return *(gr.skip(),) * (len(controls) + 1), sentence(error), gr.skip()
        return (
            {**feeling, "strength": plan.affect_strength},
            plan.prompt,
            str(plan.seed),
            plan.num_inference_steps,
            plan.guidance_scale,
            plan.affect_guidance_scale,
            views.resting(replace(painting, made=plan), easel.folder),
            "",
            gr.Tabs(selected="picture"),
        )

    def edit(*values: Any) -> tuple[Any, ...]:
        *settings, path, amount = values
        try:
            plan = plan_of(*settings)
            painting, preserved = easel.edit(path, plan, amount)
            return views.editing(path, painting, preserved, easel.folder), " ".join(painting.notes)
        except EmotiveError as error:
            return gr.skip(), sentence(error)

    def uploaded(path: str | None) -> tuple[Any, ...]:
        """Shows the picture as it is, or says at once why it cannot be opened."""
        if path is None:
            return {}, ""
        try:
            return views.before(path), ""
        except EmotiveError as error:
            return {}, sentence(error)

    # Hidden from the API page and from clients; one at a time, and of a moving puck the latest wins.
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    easel_only: dict[str, Any] = {**quiet, "concurrency_id": "easel", "concurrency_limit": 1}
    latest: dict[str, Any] = {**easel_only, "trigger_mode": "always_last"}
    edits = [edited, edit_notice]

    page.load(paint, [*controls, made], shown, **easel_only)
    pad.input(follow, [*controls, made, tab, file, change], [*shown, *edits], **latest)
    gr.on([prompt.submit, seed.submit], paint_new, [keep, *controls, made], [*shown, seed], **latest)
    dice.click(roll, [*controls, made], [*shown, seed], **latest)
    gr.on(
        [steps.input, guidance.release, affect_guidance.release],
        lambda *values: paint(*_still(values)),
        [*controls, made],
        shown,
        **latest,
    )
    paint_sheet.click(paint_all, [*controls, side], [sheet, notice], **easel_only)
    sheet.select(choose_cell, [*controls, made], [pad, *shown], **latest)
    history.select(restore, [made], [*controls, stage, notice, tabs], **latest)
    file.change(uploaded, [file], edits, **quiet)
    repaint.click(edit, [*controls, file, change], edits, **easel_only)
    for each, name in ((on_picture, "picture"), (on_sheet, "sheet"), (on_edit, "edit")):
        each.select(lambda name=name: name, None, tab, queue=False, **quiet)


def _index(event: gr.EventData, name: str) -> int:
    """A whole number that an event of ours carries, or a large one: it comes from a browser."""
    data = event._data if isinstance(event._data, dict) else {}
    value = data.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 10**9


def _still(settings: Any) -> list[Any]:
    """The settings with a puck at rest, whatever the pad sent last."""
    pad, *others = settings
    return [{**pad, "live": False} if isinstance(pad, dict) else pad, *others]
