"""What the room of the compass works with: a search, its trays painted on the easel, what the page shows. No
Gradio."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from emotive.compass.answers import Answer
from emotive.compass.direction import Direction, Directions, check_name
from emotive.compass.session import STEPS, Compass, strip
from emotive.errors import InputError
from emotive.media import slug
from emotive.media.provenance import Provenance, now

from . import views
from .easel import Easel, asked

if TYPE_CHECKING:
    from emotive.compass.basis import Basis

PICTURES = 6
PAINT_STEPS = 4
TRAY_SIDE, STRIP_SIDE = 384, 256  # pixels on the page


@dataclass
class Search:
    """What one open page looks for. `tray` and `strip` are the pictures as the page shows them, `file` the
    direction's file as a data URI, "" before anything was sorted. `turn` counts what the page asked for."""

    name: str
    plan: Provenance
    compass: Compass
    basis: Basis
    tray: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    file: str = ""
    turn: int = 0


def begun(easel: Easel, name: Any, prompt: Any, seed: int) -> Search:
    """A search for what a person calls `name`, in pictures of `prompt`; both come from a browser.

    Raises InputError for what cannot be used.
    """
    from emotive.compass.scene import scene_basis

    if not isinstance(name, str) or not name.strip():
        raise InputError("say what you are looking for, in a word or two")
    name = " ".join(name.split())
    check_name(name)
    plan = asked(easel.model, prompt, "neutral", 1, seed, PAINT_STEPS, 1, 1)
    plan = replace(plan, guidance_scale=None, affect_guidance_scale=None)  # the model's own
    if not plan.prompt:
        raise InputError("say what to paint, such as a house by the sea")
    pipe = easel.pipe()
    pipe.text_encoder.tokenize([plan.prompt])  # what it cannot paint is said at once
    basis = scene_basis(pipe.text_encoder, pipe.affect_embedding, easel.model)
    return Search(name, plan, Compass(len(basis), (plan.prompt,), PICTURES, seed), basis)


def lay_out(easel: Easel, search: Search) -> None:
    """Paints the tray that is to be sorted now."""
    tray = search.compass.tray
    plan = replace(search.plan, seed=tray.seed)
    search.tray = _painted(easel, plan, tray.directions(search.basis), TRAY_SIDE)


def look_along(easel: Easel, search: Search) -> None:
    """Paints the direction as known now, from end to end, and keeps its file ready."""
    try:
        direction = search.compass.direction(search.basis, search.name, now())
    except InputError:  # every tray so far was passed
        search.strip, search.file = (), ""
        return
    search.strip = _painted(easel, search.plan, strip(direction), STRIP_SIDE)
    search.file = _file(easel.folder, direction)


def sorted_tray(search: Search, told: Any) -> None:
    """Takes the answer of the page, {"more": [...], "less": [...]} by index from 0; nothing on either side
    cannot say. Raises InputError for anything else."""
    told = told if isinstance(told, dict) else {}
    sides = [_indices(told.get(side, [])) for side in ("more", "less")]
    if not any(sides):
        search.compass.answer(Answer("pass"))
    elif not all(sides):
        raise InputError("put at least one picture on either side, more and less")
    else:
        search.compass.answer(Answer("piles", *sides))


def shown(search: Search | None, busy: str = "") -> dict[str, Any]:
    """What the page shows of a search."""
    if search is None:
        return {"busy": busy}
    known, done = search.compass.posterior, search.compass.done
    sorted_any = any(answer.kind != "pass" for _, answer in done)
    return {
        "busy": busy,
        "name": search.name,
        "turn": search.turn,
        "done": len(done),
        "tray": list(search.tray),
        "strip": [
            {"src": src, "label": "as it is" if step == 0 else f"{step:+g}".replace("-", "−")}
            for src, step in zip(search.strip, STEPS, strict=False)
        ],
        "confidence": round(known.confidence, 3) if sorted_any else 0.0,
        "interval": [round(max(end, 0.0), 3) for end in known.interval] if sorted_any else [0.0, 0.0],
        "file": search.file,
        "file_name": f"{search.name}.safetensors",
        "use": f"directions={json.dumps({search.name: 1.0}, ensure_ascii=False)}",
    }


def _painted(
    easel: Easel, plan: Provenance, along: list[dict[Direction, float]], side: int
) -> tuple[str, ...]:
    pictures = []
    for directions in along:
        followed: Directions = directions
        pictures.append(easel.paint(replace(plan, directions=followed)).image)
    return tuple(views.small(picture, side) for picture in pictures)


def _file(folder: Path, direction: Direction) -> str:
    with TemporaryDirectory(dir=folder) as own:
        name = slug(direction.name) or "direction"
        data = direction.save(Path(own) / f"{name}.safetensors").read_bytes()
    return f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"


def _indices(given: Any) -> tuple[int, ...]:
    if not isinstance(given, list) or not all(type(i) is int for i in given) or len(given) > PICTURES:
        raise InputError("a tray is sorted by the numbers of its pictures")
    return tuple(given)
