"""From scenes to what the screen shows: video and motion as data URIs, titles, rows of text."""

from __future__ import annotations

import base64
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from emotive.errors import InputError, WeightsError
from emotive.face.motion_files import WRITTEN, save_motion
from emotive.face.opening import bundled_portraits, open_portrait
from emotive.face.portrait import Portrait
from emotive.face.shot import Shot
from emotive.media import slug
from emotive.media.provenance import Provenance

from . import views, voice_views
from .easel import remarks
from .face import SIDE, Camera, Scene

if TYPE_CHECKING:
    from emotive.perceive.face_judge import FaceJudge
    from emotive.perceive.face_published import FacePublishedJudge

THUMB = 176  # pixels, two for each of the page's
KINDS = {
    ".npz": "application/octet-stream",
    ".json": "application/json",
    ".csv": "text/csv",
    ".glb": "model/gltf-binary",
}


def choices() -> list[dict[str, str]]:
    """The bundled portraits, as the picker shows them."""
    return [
        {"name": name, "src": views.small(_cut(open_portrait(name)), THUMB), "label": called(name)}
        for name in bundled_portraits()
    ]


def called(name: str) -> str:
    """A portrait's name as a person's."""
    return name.capitalize()


def resting(shot: Shot, camera: Camera) -> dict[str, Any]:
    """The screen before anything is said: the face at rest. Raises InputError where there is none."""
    name = Path(shot.portrait or "").name
    if name in bundled_portraits():
        picture, label = Image.fromarray(open_portrait(name).image), called(name)
    else:
        picture, label = Image.fromarray(camera.still(shot)), name
    return {"still": views.small(picture, SIDE), "label": label}


def playing(scene: Scene, folder: Path) -> dict[str, Any]:
    """The screen with a video: the mp4 with its provenance, the motion in every format, what made it."""
    made = scene.made
    return {
        "video": uri("video/mp4", scene.video),
        "poster": views.small(Image.fromarray(scene.frames[0]), SIDE),
        "seconds": scene.motion.duration,
        "title": title(made),
        "name": name(made),
        "motion": motion(scene, folder),
        "rows": rows(made),
        "estimates": readings(scene),
    }


def motion(scene: Scene, folder: Path) -> dict[str, str]:
    """The motion as every kind of file that `save_motion` writes, by suffix."""
    found = {}
    with tempfile.TemporaryDirectory(dir=folder) as own:
        for suffix in WRITTEN:
            file = save_motion(scene.motion, Path(own) / f"motion{suffix}", scene.made.to_json())
            found[suffix] = uri(KINDS[suffix], file.read_bytes())
    return found


def readings(scene: Scene) -> list[dict[str, Any]]:
    """What judges read in the face and hear in the voice: marks on the pad and words. Estimates, not ratings.

    None of the face where the network that finds its landmarks was not fetched.
    """
    return [*_seen(scene), *voice_views.readings(scene.speech)]


def _seen(scene: Scene) -> list[dict[str, Any]]:
    from emotive.face.find_landmarks import find_landmarks

    with remarks():  # of a face that is turned or tilted: it was asked to
        try:
            neutral = find_landmarks(np.asarray(Image.fromarray(scene.portrait.image).resize((SIDE, SIDE))))
            faces = [find_landmarks(frame, neutral) for frame in scene.frames]
        except (InputError, WeightsError):
            return []
    return [views.reading(name, judge.estimate(faces, neutral)) for name, judge in _judges().items()]


@cache
def _judges() -> dict[str, FaceJudge | FacePublishedJudge]:
    from emotive.perceive.face_judge import FaceJudge
    from emotive.perceive.face_published import FacePublishedJudge

    try:
        return {"face": FaceJudge.from_pretrained(), "published face": FacePublishedJudge()}
    except WeightsError:
        return {"published face": FacePublishedJudge()}


def title(made: Provenance) -> str:
    """What one sees and hears, in words."""
    what = str(made.extra.get("audio", "")) or f"“{made.prompt}”"
    return f"{_who(made)}: {what if len(what) < 80 else what[:76] + ' …”'}, {voice_views.feeling(made)}"


def name(made: Provenance) -> str:
    """Of the file, without its suffix."""
    who = slug(Path(str(made.extra.get("portrait", ""))).stem) or "portrait"
    return f"{who}-{slug(voice_views.feeling(made)) or 'spoken'}-{made.seed}"


def rows(made: Provenance) -> list[tuple[str, str]]:
    """The provenance to be read, as (what, value)."""
    extra = made.extra
    controls = extra.get("controls") or {}
    moved = ", ".join(f"{key.replace('_', ' ')} {_said(value)}".strip() for key, value in controls.items())
    recording = str(extra.get("audio", ""))
    typed = f"  typed “{made.affect_text}”" if made.affect_text else ""
    photo = "portrait_sha256" in extra
    again = ["emotive head", *(["PHOTO"] if photo else []), *(["--audio RECORDING"] if recording else [])]
    return [
        ("", f"{made.statement}. {made.created}"),
        ("portrait", _who(made)),
        *([("consent", str(extra.get("consent", "")))] if photo else []),
        ("recording", recording) if recording else ("text", made.prompt),
        ("affect", f"{made.affect}{typed}" if made.affect is not None else voice_views.feeling(made)),
        ("strength", f"{made.affect_strength:g}"),
        *([] if recording else [("voice", made.voice)]),
        *([("controls", moved)] if moved else []),
        ("sampling", f"seed {made.seed}, {made.num_inference_steps} steps"),
        ("model", f"{made.model}  {made.model_fingerprint[:12]}"),
        ("made on", f"{made.device}, {made.dtype}, {made.threads} threads, torch {made.torch}"),
        ("again", f"{' '.join(again)} --like FILE"),
    ]


def _cut(portrait: Portrait) -> Image.Image:
    """The face alone, with some of what is around it."""
    (left, top), (right, bottom) = (f(portrait.landmarks.oval[:, :2], axis=0) for f in (np.min, np.max))
    x, y, half = (left + right) / 2, (top + bottom) / 2, 0.72 * (bottom - top)
    box = tuple(round(float(edge)) for edge in (x - half, y - 1.1 * half, x + half, y + 0.9 * half))
    return Image.fromarray(portrait.image).crop(box)  # type: ignore[arg-type]


def _who(made: Provenance) -> str:
    who = str(made.extra.get("portrait", ""))
    return who if "portrait_sha256" in made.extra else called(who)


def _said(value: Any) -> str:
    if value is True:
        return ""
    if isinstance(value, tuple | list):
        return ", ".join(f"{part:g}°" for part in value)
    return f"{value:g}"


def uri(kind: str, data: bytes) -> str:
    """A file of this type as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
