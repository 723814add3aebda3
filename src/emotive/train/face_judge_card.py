"""Measures a finished judge of faces and writes its card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emotive.face.contacts import compose
from emotive.face.expressions import expression
from emotive.face.landmarks import FaceLandmarks
from emotive.face.opening import bundled_portraits, open_portrait
from emotive.face.portrait import Portrait
from emotive.perceive.face_judge import FaceJudge
from emotive.perceive.face_published import FacePublishedJudge
from emotive.perceive.judge import Estimates

from .face_frames import shown, spoken
from .judge_control import GRID, Control, baselines, control, table

MOUTHS = 3  # that speak while each face of the grid is seen
PHOTOGRAPH = "a photograph"


def measured_portraits() -> dict[str, Portrait]:
    """Who scores the judge: the bundled portraits, and scikit-image's photograph of an astronaut (NASA)."""
    from skimage.data import astronaut

    found = {name: open_portrait(name) for name in bundled_portraits()}
    return found | {PHOTOGRAPH: open_portrait(astronaut(), name=PHOTOGRAPH)}


def grid_faces(portrait: Portrait, name: str, seed: int) -> tuple[FaceLandmarks, list[list[FaceLandmarks]]]:
    """The neutral face and, for a silent mouth and `MOUTHS` that speak, the faces over the grid in order."""
    rng = np.random.default_rng(seed)
    points = np.array([[a.valence, a.arousal, np.nan] for a in GRID])
    felt = expression(points)
    rows = [compose(np.zeros_like(felt), felt, np.zeros(len(GRID)), np.zeros(len(GRID)))]
    for _ in range(MOUTHS):
        speech, closure, contact = spoken(np.zeros((2, 3)), rng)
        like = (np.repeat(track[:1], len(GRID), 0) for track in (speech, closure, contact))
        mouth, closed, touching = like
        rows.append(compose(mouth, felt, closed, touching))
    found = shown(portrait, name, np.concatenate(rows), np.tile(points[:, :2], (len(rows), 1)), rng)
    if len(found.faces) < len(rows) * len(GRID):
        raise RuntimeError(f"{name}: a face of the grid was not found again")
    size = len(GRID)
    return found.neutral, [list(found.faces[i : i + size]) for i in range(0, len(found.faces), size)]


def measure(judge: FaceJudge) -> dict[str, tuple[Control, Control]]:
    """The judge on people it never saw, beside the published judge and the baselines."""
    kinds: dict[str, list[tuple[str, Estimates]]] = {}
    for k, (name, portrait) in enumerate(measured_portraits().items()):
        neutral, grids = grid_faces(portrait, name, 1000 + k)
        who = PHOTOGRAPH if name == PHOTOGRAPH else "bundled portraits"
        for i, faces in enumerate(grids):
            how = "speaking" if i else "silent"
            for label, each in (("this judge", judge), ("published judge", FacePublishedJudge())):
                kinds.setdefault(f"{who}, {how}: {label}", []).append((name, each.estimate(faces, neutral)))
            if not i:
                alone = [judge.estimate([face]) for face in faces]
                single = joined(alone)
                kinds.setdefault(f"{who}, {how}, rest unknown: this judge", []).append((name, single))
    rows = {kind: control(joined([found for _, found in parts])) for kind, parts in kinds.items()}
    for who in ("bundled portraits", PHOTOGRAPH):
        for label in ("this judge", "published judge"):
            parts = [found for _, found in kinds[f"{who}, speaking: {label}"]]
            clips = [averaged(parts[i : i + MOUTHS]) for i in range(0, len(parts), MOUTHS)]
            rows[f"{who}, mean of {MOUTHS} frames, speaking: {label}"] = control(joined(clips))
    speaking = joined([found for _, found in kinds["bundled portraits, speaking: this judge"]])
    return rows | {f"bundled portraits, speaking: {name}": row for name, row in baselines(speaking).items()}


def averaged(parts: Sequence[Estimates]) -> Estimates:
    """The mean of as many answers to each request; spreads are averaged too."""
    return Estimates(*(np.mean(columns, 0) for columns in zip(*parts, strict=True)))


def joined(parts: Sequence[Estimates]) -> Estimates:
    """Estimates one after another."""
    return Estimates(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def write_card(folder: Path, judge: FaceJudge, people: int, frames: int, steps: int, seed: int) -> None:
    """Measures `judge` and writes README.md into `folder`."""
    text = CARD.format(
        table=table(measure(judge), "faces"),
        parameters=sum(p.numel() for p in judge.network.parameters()),
        people=people - 2,
        frames=frames,
        command=f"emotive train face-judge -o DIR --people {people} --steps {steps} --seed {seed}",
        spread=", ".join(f"{k:.2f}" for k in judge.network.config["spread"]),
        strange=", ".join(f"{k:.2f}" for k in judge.network.config["strange"]),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


CARD = """---
license: apache-2.0
library_name: emotive
tags: [affect, valence-arousal, face]
---

# emotive-face-judge-1

Reads valence and arousal, each with a spread, off the landmarks of a face: {parameters:,} parameters on 18
lengths (brows, lids, nose, lips, jaw) against the same face at rest, and on how the head is turned.

    emotive judge clip.mp4

It exists to score Emotive's talking heads from rendered frames, in which landmarks are found anew by
MediaPipe's network (`emotive fetch face-landmarks`).

## Training

{people} people were painted for it by chance, between and beyond the bundled ones; none of them is bundled.
In {frames:,} frames they show an affect drawn evenly from the plane or, for a quarter, a named emotion
in any strength, by the rules of `emotive.face.expressions`, more or less expressive, silent or (65 %) in the
middle of a random syllable, with accents, blinks, pose and gaze. The pictures of two people in three are
blurred, noisy, too dark or too light. Landmarks are found in the rendered frames.

`{command}`. The loss is 1 - concordance (Atmaja & Akagi 2020) of the mean over four frames that show one
affect, and a Gaussian likelihood of single frames, weighted by the variance to the power of 0.5 (Seitzer et
al. 2022). Two further painted people set the factors of the spread:
{spread} (valence, arousal), and {strange} where the face at rest is not known.

## Measured

Single frames over the 5 x 5 grid of affects, each with pose and gaze by chance, on people it never saw. Cells
are valence, arousal; `within` is per grid of one face and mouth.

{table}

## Limits

It was fitted to our own rules of expression: it tells how faithfully they are carried out and survive
rendering, speech and a stranger's face, not what people feel or how they would rate these faces. Real people
smile in many feelings and frown in thought. Beside it, always read the published judge, whose signs are the
literature's (how large a full unit is was settled after a first look at faces of ours). Its own second
version, too, was chosen after a look at the first one's scores on the bundled portraits and the photograph,
so the numbers above flatter it a little. A face whose rest is unknown is compared with an average one, with
a far wider spread.
"""
