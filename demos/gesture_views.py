"""From acts to what the page shows of a body: figure, film and motion as data URIs, titles, rows of text."""

from __future__ import annotations

import math
import tempfile
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
from emotive.signals import JOINT

from . import views, voice_views
from .face_views import KINDS, uri
from .gesture import SIDE, Act, Theatre, standing

if TYPE_CHECKING:
    from emotive.perceive.body_judge import BodyJudge
    from emotive.perceive.body_published import BodyPublishedJudge
    from emotive.signals import BodyMotion

WRITTEN = (".glb", ".vrma", ".bvh", ".npz")
TURN = 11.0  # deg by which the camera of a film stands to the person's left
THUMB = 124  # pixels, two for each of the page's


def cast(theatre: Theatre) -> list[dict[str, str]]:
    """The actors, as the picker shows them."""
    return [
        {"name": name, "label": called(name), "src": views.small(_head(name, theatre), THUMB)}
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
        "camera": camera(stage, standing(open_actor(name))),
    }


def camera(stage: Stage, motion: BodyMotion) -> dict[str, Any]:
    """How the film sees an actor who moves so, and in which light: what the viewer begins with."""
    from emotive.body.figure import figure, linear
    from emotive.body.renderer_camera import FIELD, FRAMINGS, camera_for, needed
    from emotive.body.renderer_set import lights, material

    actor = open_actor(stage.style or "")
    about = np.median(motion.root.astype(float), axis=0) * (1, 0, 1)
    places = motion.positions()[::3].reshape(-1, 3)
    seen, wider = camera_for("full", SIDE, about, TURN, actor.build.height), 1.0
    for _ in range(3):  # as the film does it: no hand leaves the picture
        wider *= max(1.0, needed(seen, SIDE, places))
        seen = camera_for("full", SIDE, about, TURN, actor.build.height, wider)
    shown, middle = FRAMINGS["full"]
    return {
        "turn": math.radians(TURN),
        "field": FIELD,
        "about": about[[0, 2]].tolist(),
        "height": actor.build.height,
        "near": FRAMINGS["upper"],
        "far": (shown * wider, middle + 0.5 * shown * (wider - 1)),
        "nearer": stage.upper,
        "backdrop": linear(actor.looks.backdrop).tolist(),
        "lights": lights(seen.turn).tolist(),
        "matter": {part.name.lower(): material(part.name)[:4] for part in figure(actor).parts},
    }


def moving(act: Act, folder: Path) -> dict[str, Any]:
    """The stage as soon as there is a motion: the figure that moves, and its sound."""
    return {
        "figure": motion(act, folder, (".glb",))[".glb"],
        "sound": voice_views.wav(act.speech, act.made, folder),
        "seconds": act.motion.duration,
        "title": title(act.made),
        "camera": camera(act.stage, act.motion),
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


def _head(name: str, theatre: Theatre) -> Image.Image:
    """The head of an actor at rest, with some of what is around it."""
    from emotive.body.renderer_camera import camera_for

    actor = open_actor(name)
    build, motion = actor.build, standing(actor)
    root, head = motion.root[0], motion.positions()[0, JOINT["head"]]
    seen = camera_for("upper", SIDE, np.array([root[0], 0, root[2]]), TURN, build.height)
    middle = head + np.array([0.0, 0.09 * build.head, 0.0])
    across, up, away = seen.matrix[:, :3] @ middle + seen.matrix[:, 3]
    pixels = seen.focal / away  # of a metre there
    half = 0.185 * build.head * pixels
    x, y = SIDE / 2 + pixels * across, max(SIDE / 2 - pixels * up, half)
    box = tuple(round(float(edge)) for edge in (x - half, y - half, x + half, y + half))
    return Image.fromarray(theatre.still(name, True)).crop(box)  # type: ignore[arg-type]
