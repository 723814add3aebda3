"""The Studio's own components: HTML and JavaScript from the files beside this one, inside `gr.HTML`.

No component puts a value into its HTML: scripts set it as text, so nothing typed becomes markup.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from emotive.affect import emotions

from .easel import read_affect

# The named emotions that stand on the pad, spread over it and readable on a phone, and the side of the label.
LANDMARKS = {
    "astonished": "right",
    "excited": "left",
    "joyful": "left",
    "curious": "right",
    "hopeful": "left",
    "secure": "left",
    "relaxed": "left",
    "quiet": "left",
    "fatigued": "right",
    "bored": "right",
    "lonely": "right",
    "sad": "right",
    "disgusted": "right",
    "angry": "right",
    "fearful": "left",
    "neutral": "right",
}

LIVE_TELLS, LIVE_FOLLOWS = (
    "emotive:live-pad",
    "emotive:live-puck",
)  # events between the live pad and its picture


def affect_pad(
    start: dict[str, Any],
    name: str = "affect-pad",
    path: bool = False,
    judged: str = "emotive:estimates",
    tells: str = "",
    follows: str = "",
) -> gr.HTML:
    """The plane of valence and arousal. Its value is `easel.point` and `strength`; `live` while it moves.

    With `path`, the feeling may move: then `to` is the `easel.point` where it ends, else None. `judged` is
    the event of the page that says what judges read. Events: `input`, while the puck moves and when it rests;
    with `tells`, the event of the page of that name instead, for scripts. The event `follows` moves the puck.
    """
    terms = [
        {"term": e.term, "valence": e.valence, "arousal": e.arousal, "dominance": e.dominance}
        for e in emotions()
    ]
    props = {"terms": terms, "landmarks": LANDMARKS, "path": path, "judged": judged}
    props |= {"tells": tells, "follows": follows}
    return _component("affect_pad", start, name, server_functions=[read_affect], **props)


def prompt_box(start: str, vocabulary: dict[str, dict[str, list[str]]], name: str = "prompt-box") -> gr.HTML:
    """The line of text that completes the model's words. Its value is the text. Events: `submit`."""
    words = name.replace("box", "words")
    return _component("prompt_box", start, name, vocabulary=vocabulary, words=words)


def stage() -> gr.HTML:
    """The picture, its download and its provenance: `views.moving` or `views.resting`."""
    return _component("stage", {})


def sheet() -> gr.HTML:
    """The sheet of feelings. Events: `select`, with the index of the cell and the cells per side."""
    return _component("sheet", {})


def history() -> gr.HTML:
    """The strip of what was made: a list of `views.thumb`. Events: `select`, with the index."""
    return _component("history", [])


def edited() -> gr.HTML:
    """A picture before and after."""
    return _component("edited", {})


def player() -> gr.HTML:
    """What was said, to be heard and seen: `voice_views.resting`, or {"busy": what it waits for}."""
    return _component("player", {}, with_scripts=("transport.js",))


def portraits(start: str, choices: list[dict[str, str]]) -> gr.HTML:
    """Who speaks: `choices` as {name, src, label}. Its value is a name, or "" for a photograph.

    Events: `input`.
    """
    return _component("portraits", start, portraits=choices)


def screen(start: dict[str, Any]) -> gr.HTML:
    """A face at rest or speaking: `face_views.resting` or `playing`, or {"busy": what it waits for}."""
    return _component("screen", start, with_scripts=("transport.js",))


def cast(start: str, actors: Callable[[], list[dict[str, str]]]) -> gr.HTML:
    """Who moves: `actors()` says {name, src, label} of each when the page asks. Its value is a name.

    Events: `input`.
    """

    def cast(_: Any) -> list[dict[str, str]]:  # a page always sends something
        return actors()

    return _component("body_cast", start, "cast", server_functions=[cast])


def body(at_rest: Callable[[], dict[str, Any]]) -> gr.HTML:
    """A body: `gesture_views.resting`, `moving` or `finished`, or {"busy": what it waits for}.

    `at_rest()` is what it shows at first, when the page asks.
    """

    def resting(_: Any) -> dict[str, Any]:
        return at_rest()

    scripts = ("transport.js", "body_model.js", "body_light.js")
    return _component("body", {}, with_scripts=scripts, server_functions=[resting])


def live(start: dict[str, Any], ticket: Callable[[], str]) -> gr.HTML:
    """The picture that follows the pad of the page, over a WebSocket that `ticket()` opens (`live_server`).

    `start` is {prompt, seed, steps, strength, text, valence, arousal, dominance, offered: numbers of steps,
    curve: as `live_canvas.told_curve` or None}.
    """

    def ticket_for(_: Any) -> str:  # a page always sends something
        return ticket()

    scripts = ("live_curve.js", "live_socket.js")
    events = {"tells": LIVE_TELLS, "follows": LIVE_FOLLOWS}
    return _component("live", start, with_scripts=scripts, server_functions=[ticket_for], **events)


def notice(name: str, start: str = "") -> gr.HTML:
    """One line, spoken by screen readers when it changes; empty most of the time."""
    return gr.HTML(
        start,
        html_template='<p class="notice" role="status"></p>',
        js_on_load='const line = element.querySelector("p");'
        'const show = () => { line.textContent = props.value ?? ""; }; watch("value", show); show();',
        elem_id=name,
        apply_default_css=False,
    )


def seed_line(start: int, prefix: str = "") -> tuple[gr.Textbox, gr.Button]:
    """A seed, and the die that throws another."""
    seed = gr.Textbox(
        str(start),
        label="Seed",
        max_length=24,
        max_lines=1,
        elem_id=f"{prefix}seed",
        elem_classes="seed",
        min_width=90,
    )
    dice = gr.Button("New seed", elem_id=f"{prefix}dice", elem_classes="dice", min_width=38)
    return seed, dice  # studio.css draws a die on it


@cache
def asset(name: str) -> str:
    """The text of a file beside this one."""
    return (Path(__file__).parent / name).read_text("utf-8")


def _component(
    name: str, value: Any, elem_id: str = "", with_scripts: tuple[str, ...] = (), **props: Any
) -> gr.HTML:
    """The component in `name`.html and `name`.js; the files `with_scripts` stand before its script."""
    return gr.HTML(
        value,
        html_template=asset(f"{name}.html"),
        js_on_load="".join(asset(script) for script in (*with_scripts, f"{name}.js")),
        elem_id=elem_id or name.replace("_", "-"),
        apply_default_css=False,
        **props,
    )
