"""The room of the compass: a tray of pictures to sort, and the direction that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from emotive.errors import EmotiveError

from . import components
from .compass import Search, begun, lay_out, look_along, shown, sorted_tray
from .easel import Easel, new_seed, sentence

NAME = "prickly"
PROMPT = "a house by the sea"


def compass_tab(easel: Easel) -> None:
    """Lays it out in the block that is open now."""
    held = gr.State(None)  # of this page alone
    desk = gr.HTML(
        {},
        html_template=components.asset("compass.html"),
        js_on_load=components.asset("compass.js"),
        elem_id="compass",
        apply_default_css=False,
        start={"name": NAME, "prompt": PROMPT},
    )
    notice = components.notice("compass-notice")

    def begin(event: gr.EventData) -> Iterator[tuple[Any, ...]]:
        told: Any = event._data if isinstance(event._data, dict) else {}
        yield shown(None, "One moment"), "", None
        try:
            search = begun(easel, told.get("name"), told.get("prompt"), new_seed())
            yield shown(search, "Painting"), "", search
            lay_out(easel, search)
            yield shown(search), "", search
        except EmotiveError as error:
            yield shown(None), sentence(error), None

    def sort(event: gr.EventData, search: Search | None) -> Iterator[tuple[Any, ...]]:
        if search is not None:
            yield from moved(search, lambda: sorted_tray(search, event._data))

    def undo(search: Search | None) -> Iterator[tuple[Any, ...]]:
        if search is not None:
            yield from moved(search, search.compass.undo)

    def moved(search: Search, step: Callable[[], None]) -> Iterator[tuple[Any, ...]]:
        """The next tray, as soon as it is painted."""
        said = ""
        try:
            step()
            yield shown(search, "Painting"), "", search
            lay_out(easel, search)
        except EmotiveError as error:
            said = sentence(error)
        search.turn += 1
        yield shown(search), said, search

    def look(search: Search | None) -> tuple[Any, ...]:
        """The direction as known by now, while the next tray is being looked at."""
        if search is None:
            return gr.skip(), gr.skip(), gr.skip()
        try:
            look_along(easel, search)
        except EmotiveError as error:
            return gr.skip(), sentence(error), gr.skip()
        return shown(search), gr.skip(), search

    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    easel_only: dict[str, Any] = {**quiet, "concurrency_id": "easel", "concurrency_limit": 1}
    outputs = [desk, notice, held]
    desk.submit(begin, None, outputs, **easel_only)
    for moving in (
        desk.select(sort, [held], outputs, **easel_only),
        desk.undo(undo, [held], outputs, **easel_only),
    ):
        moving.then(look, [held], outputs, **easel_only)
