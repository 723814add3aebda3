"""From acts to what the page shows of a body: figure, film and motion as data URIs, titles, rows of text."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from emotive.body.actors import ACTORS, open_actor
from emotive.body.stage import Stage
from emotive.errors import InputError, WeightsError
from emotive.media import slug
from emotive.media.provenance import Provenance

from . import views, voice_views
from .face_views import KINDS, uri
from .gesture import SIDE, THUMB, Act, Theatre

if TYPE_CHECKING:
    from emotive.perceive.body_judge import BodyJudge
    from emotive.perceive.body_published import BodyPublishedJudge

WRITTEN = (".glb", ".vrma", ".bvh", ".npz")
TURN = 11.0  # deg by which the camera of a film stands to the person's left
_CUT = (0.345, 0.075, 0.655, 0.385)  # of a picture of the upper body: where the head is


def cast(theatre: Theatre) -> list[dict[str, str]]:
    """The actors, as the picker shows them."""
    return [
        {"name": name, "label": called(name), "src": views.small(_cut(theatre.still(name, True)), THUMB)}
        for name in ACTORS
    ]


def called(name: str) -> str:
    """An actor's name as a person's."""
    return name.capitalize()


def resting(stage: Stage, theatre: Theatre) -> dict[str, Any]:
    """What is shown before anything is said: the figure at rest."""
    name = stage.style or ""
    return {
        "figure": uri("model/gltf-binary", theatre.figure(name)),
        "still": views.small(Image.fromarray(theatre.still(name, stage.upper)), SIDE),
        "label": called(name),
        "camera": camera(stage, (0.0, 0.0)),
    }


def camera(stage: Stage, about: Sequence[float]) -> dict[str, Any]:
    """How the film sees an actor who stands about x, z, and in which light: what the viewer begins with."""
    from emotive.body.figure import figure, linear
    from emotive.body.renderer_camera import FIELD, FRAMINGS, camera_for
    from emotive.body.renderer_set import lights, material

    actor = open_actor(stage.style or "")
    seen = camera_for("full", SIDE, np.zeros(3), TURN, actor.build.height)
    return {
        "turn": math.radians(TURN),
        "field": FIELD,
        "about": [float(x) for x in about],
        "height": actor.build.height,
        "near": FRAMINGS["upper"],
        "far": FRAMINGS["full"],
        "nearer": stage.upper,
        "backdrop": linear(actor.looks.backdrop).tolist(),
        "lights": lights(seen.turn).tolist(),
        "matter": {part.name.lower(): material(part.name)[:4] for part in figure(actor).parts},
    }


def moving(act: Act, folder: Path) -> dict[str, Any]:
    """The stage as soon as there is a motion: the figure that moves, and its sound."""
    about = np.median(act.motion.root[:, [0, 2]], axis=0)
    return {
        "figure": motion(act, folder, (".glb",))[".glb"],
        "sound": voice_views.wav(act.speech, act.made, folder),
        "seconds": act.motion.duration,
        "title": title(act.made),
        "camera": camera(act.stage, about.tolist()),
    }


def finished(act: Act, folder: Path) -> dict[str, Any]:
    """What comes with the film: every file, what judges see and hear, what it was made from."""
    film, called = uri("video/mp4", act.film), name(act.made)
    found = {".mp4": film, **motion(act, folder), ".wav": voice_views.wav(act.speech, act.made, folder)}
    return {
        "film": film,
        "files": [[f"{called}{suffix}", data] for suffix, data in found.items()],
        "rows": rows(act.made),
        "estimates": readings(act),
    }


def motion(act: Act, folder: Path, suffixes: tuple[str, ...] = WRITTEN) -> dict[str, str]:
    """The motion as files of these kinds, by suffix."""
    from emotive.body.motion_files import save_body_motion

    found, made = {}, act.made.to_json()
    with tempfile.TemporaryDirectory(dir=folder) as own:
        for suffix in suffixes:
            file = Path(own) / f"motion{suffix}"
            save_body_motion(act.motion, file, actor=act.stage.actor(), face=act.face, provenance=made)
            found[suffix] = uri(KINDS.get(suffix, "application/octet-stream"), file.read_bytes())
    return found


def readings(act: Act) -> list[dict[str, Any]]:
    """What judges see in the body and hear in the voice: marks on the pad and words. Estimates, not ratings.

    None of a body that moves for less than half a second.
    """
    from emotive.body.head_and_body import with_face

    shown = act.motion if act.face is None else with_face(act.motion, act.face)[0]
    try:
        seen = [views.reading(name, judge.estimate([shown])) for name, judge in _judges().items()]
    except InputError:
        seen = []
    return [*seen, *voice_views.readings(act.speech)]


@cache
def _judges() -> dict[str, BodyJudge | BodyPublishedJudge]:
    from emotive.perceive.body_judge import BodyJudge
    from emotive.perceive.body_published import BodyPublishedJudge

    try:
        return {"body": BodyJudge.from_pretrained(), "published body": BodyPublishedJudge()}
    except WeightsError:
        return {"published body": BodyPublishedJudge()}


def title(made: Provenance) -> str:
    """What one sees and hears, in words."""
    what = str(made.extra.get("audio", "")) or f"“{made.prompt}”"
    said = what if len(what) < 80 else what[:76] + " …”"
    return f"{called(str(made.extra.get('style', '')))}: {said}, {voice_views.feeling(made)}"


def name(made: Provenance) -> str:
    """Of the file, without its suffix."""
    who = slug(str(made.extra.get("style", ""))) or "body"
    return f"{who}-{slug(voice_views.feeling(made)) or 'spoken'}-{made.seed}"


def rows(made: Provenance) -> list[tuple[str, str]]:
    """The provenance to be read, as (what, value)."""
    extra = made.extra
    recording, face = str(extra.get("audio", "")), str(extra.get("face_model", ""))
    typed = f"  typed “{made.affect_text}”" if made.affect_text else ""
    again = ["emotive gesture", *(["--audio RECORDING"] if recording else [])]
    again += ["--face-motion FACE"] if face else []
    return [
        ("", f"{made.statement}. {made.created}"),
        ("actor", called(str(extra.get("style", "")))),
        ("recording", recording) if recording else ("text", made.prompt),
        *([("its words", str(extra["transcript"]))] if "transcript" in extra else []),
        ("affect", f"{made.affect}{typed}" if made.affect is not None else voice_views.feeling(made)),
        ("strength", f"{made.affect_strength:g}"),
        *([] if recording else [("voice", made.voice)]),
        *([("face", face)] if face else []),
        ("sampling", f"seed {made.seed}, {made.num_inference_steps} steps"),
        ("model", f"{made.model}  {made.model_fingerprint[:12]}"),
        ("made on", f"{made.device}, {made.dtype}, {made.threads} threads, torch {made.torch}"),
        ("again", f"{' '.join(again)} --like FILE"),
    ]


def _cut(picture: np.ndarray) -> Image.Image:
    """The head alone, with some of what is around it."""
    side = picture.shape[0]
    return Image.fromarray(picture).crop(tuple(round(side * edge) for edge in _CUT))  # type: ignore[arg-type]
