"""The first pictures and clips: scenes, a sentence and feelings that show the range of the models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from emotive.batch import ImageJob, write_images
from emotive.media import slug
from emotive.media.audio import write_audio
from emotive.media.contact_sheet import write_contact_sheet
from emotive.media.image import write_png
from emotive.media.provenance import Provenance
from emotive.media.spectrogram import spectrogram
from emotive.plan import blank_plan, with_feeling
from emotive.signals import BodyMotion, FaceMotion, Speech

TITLE = "Emotive: one sentence, three feelings; one scene, one feeling, one picture"

# Each subject in a place and a feeling of its own, then moods without a scene.
SCENES = (
    ("a lighthouse by the sea at sunset", "joy"),
    ("a lighthouse by the sea at night in rain", "fear"),
    ("a house in a meadow at day", "calm"),
    ("a house in the forest at night in fog", "sadness"),
    ("a boat on the sea at dawn", "hopeful"),
    ("a castle in the mountains under cloudy skies", "anger"),
    ("a balloon in the mountains at dawn", "excited"),
    ("a windmill in a field in snow", "-0.2,-0.7"),
    ("flowers in a meadow at day", "joy:0.7+calm:0.3"),
    ("a person in the city at night in rain", "lonely"),
    ("a tent in the desert at night", "0.5,-0.6"),
    ("a tree in the forest in fog", "bored"),
    ("a cat in the city at sunset", "proud"),
    ("a mushroom in the forest in rain", "disgust"),
    ("", "joy:0.5+fear:0.5"),
    ("", "sad:0.6+calm:0.4"),
)
GRID = "a house in a meadow"  # in every feeling, 5 by 5
SENTENCE = "I opened the letter, and I read it twice."  # means nothing good or bad by itself
SPOKEN = ("sad", "neutral", "joy")
ACTORS = {"sad": "ines", "neutral": "kofi", "joy": "mara"}  # who moves to it
PORTRAITS = {"sad": "tomas", "neutral": "yuki", "joy": "mara"}  # who says it
SHOWN = 0.55  # of a video's frames, which stands for it until it is played


def showcase_plans(model: str) -> list[Provenance]:
    """What to paint: each scene with a seed of its own, then the grid."""
    plans = [
        with_feeling(replace(blank_plan(model), prompt=prompt, seed=seed), affect)
        for seed, (prompt, affect) in enumerate(SCENES, start=1)
    ]
    return [*plans, with_feeling(replace(blank_plan(model), prompt=GRID, seed=3), grid="5x5")]


def spoken_plans(model: str) -> list[Provenance]:
    """What to say: one sentence with each feeling, from one seed."""
    blank = replace(blank_plan(model), medium="speech", prompt=SENTENCE, seed=1, num_inference_steps=8)
    return [with_feeling(blank, affect) for affect in SPOKEN]


def filmed_plan(spoken: Provenance, model: str) -> Provenance:
    """The video of somebody who says what is `spoken`, from the same seed and with the same feeling."""
    plan = replace(blank_plan(model), medium="head", prompt=SENTENCE, seed=1, num_inference_steps=8)
    plan = replace(with_feeling(plan, spoken.affect_text), voice=spoken.voice, fps=30.0, size=(512, 512))
    return replace(plan, extra={"portrait": PORTRAITS[spoken.affect_text]})


def moved_plan(spoken: Provenance, model: str) -> Provenance:
    """The video of a body that moves to what is `spoken`, from the same seed and with the same feeling."""
    plan = replace(blank_plan(model), medium="gesture", prompt=SENTENCE, seed=1, num_inference_steps=10)
    plan = replace(with_feeling(plan, spoken.affect_text), voice=spoken.voice, fps=30.0, size=(512, 512))
    return replace(plan, extra={"style": ACTORS[spoken.affect_text]})


def write_showcase(
    folder: Path,
    plans: list[Provenance],
    pictures: Iterator[tuple[ImageJob, Any]],
    spoken: Iterable[tuple[Provenance, Sequence[Speech]]] = (),
    film: Callable[[Provenance, Speech], tuple[Provenance, FaceMotion]] | None = None,
    move: Callable[[Provenance, Speech], tuple[Provenance, BodyMotion]] | None = None,
) -> Path:
    """Writes what is `spoken` (a plan, and its speech in parts), each clip with its spectrogram and, by
    `film` (the plan of a clip, its speech -> the plan of a video, its motion), somebody who says it, by
    `move` the whole body of somebody; the `pictures` of `plans`, in their order; and the page `index.html`
    that shows them.

    Returns the path of the page. Raises InputError if `folder` is missing or cannot be written.
    """
    from emotive.body.actors import open_actor
    from emotive.body.renderer import BodyRenderer
    from emotive.pipelines.animation import animate

    shown = []
    for made, parts in spoken:
        speech = Speech.concatenate(parts)
        clip = folder / f"speech-{slug(made.affect_text)}.wav"
        write_audio(clip, speech.waveform, speech.sample_rate, made)
        write_png(clip.with_suffix(".png"), spectrogram(speech, 960, 600, size=24), made, sidecar=False)
        caption = _caption(made.affect_text)
        shown.append((clip, caption, made))
        if film is not None:
            plan, motion = film(made, speech)
            frames = animate(str(plan.extra["portrait"]), motion, 512)
            video = folder / f"head-{slug(made.affect_text)}.mp4"
            shown.append((_filmed(video, plan, frames, len(motion), speech), caption, plan))
        if move is not None:
            plan, body = move(made, speech)
            frames = BodyRenderer(open_actor(str(plan.extra["style"])), 512).frames(body)
            video = folder / f"body-{slug(made.affect_text)}.mp4"
            shown.append((_filmed(video, plan, frames, len(body), speech), caption, plan))
    for number, plan in enumerate(plans, start=1):
        target = folder / f"{number:02}-{slug(plan.prompt) or 'mood'}.png"
        caption = _caption(plan.affect_text) or "valence to the right, arousal upward"
        shown += [(path, caption, plan) for path in write_images(plan, pictures, [target])]
    return write_contact_sheet(folder / "index.html", TITLE, shown)


def _filmed(path: Path, plan: Provenance, frames: Iterable[np.ndarray], count: int, speech: Speech) -> Path:
    """Writes a video of `count` frames, and a picture from its midst beside it."""
    from PIL import Image

    from emotive.media.video import VideoWriter

    assert plan.size is not None and plan.fps is not None
    still = int(SHOWN * count)
    sound = speech.waveform, speech.sample_rate
    with VideoWriter(path, plan.size, plan.fps, plan, sound) as writer:
        for i, frame in enumerate(frames):
            writer.write(frame)
            if i == still:
                write_png(path.with_suffix(".png"), Image.fromarray(frame), plan, sidecar=False)
    return path


def _caption(affect: str) -> str:
    """An affect as typed, to be read: "joy:0.7+calm:0.3" becomes "joy 0.7 + calm 0.3"."""
    return affect.replace(":", " ").replace("+", " + ").replace(",", ", ").replace("-", "−")
