"""Measures a finished judge of bodies and the features of motion, and writes their cards."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emotive.body.habits import random_habits
from emotive.perceive.body_judge import BodyJudge
from emotive.perceive.body_published import BodyPublishedJudge
from emotive.perceive.motion_features import MotionFeatures
from emotive.signals import BodyMotion

from .body_performances import performed, random_build, spoken_clips
from .face_judge_card import joined
from .judge_control import GRID, Control, baselines, control, table

PEOPLE, SEED = 8, 9000  # who are measured, each over the whole grid
SHORT = 4.0  # s


def grid_performances(people: int = PEOPLE, seed: int = SEED) -> list[list[BodyMotion]]:
    """Of each new person one clip, performed at every point of the grid in order."""
    clips, out = spoken_clips(people, seed), []
    for number, clip in enumerate(clips):
        who = np.random.default_rng(seed + number)
        habits, build = random_habits(who), random_build(who)
        out.append(
            [performed(clip, np.array([a.valence, a.arousal, np.nan]), habits, who, build) for a in GRID]
        )
    return out


def measure(judge: BodyJudge) -> dict[str, tuple[Control, Control]]:
    """The judge on people it never saw, beside the published judge and the baselines."""
    grids = grid_performances()
    rows: dict[str, tuple[Control, Control]] = {}
    for label, each in (("this judge", judge), ("published judge", BodyPublishedJudge())):
        rows[f"whole clips: {label}"] = control(joined([each.estimate(motions) for motions in grids]))
        short = [each.estimate([_middle(m) for m in motions]) for motions in grids]
        rows[f"{SHORT:g} s of each: {label}"] = control(joined(short))
    whole = joined([judge.estimate(motions) for motions in grids])
    return rows | {f"whole clips: {name}": row for name, row in baselines(whole).items()}


def _middle(motion: BodyMotion) -> BodyMotion:
    size = min(len(motion), round(SHORT * motion.fps))
    first = (len(motion) - size) // 2
    return motion.part(first, first + size)


def write_card(folder: Path, judge: BodyJudge, people: int, command: str) -> None:
    """Measures `judge` and writes README.md into `folder`."""
    text = CARD.format(
        table=table(measure(judge), "motion"),
        parameters=sum(p.numel() for p in judge.network.parameters()),
        people=people,
        measured=PEOPLE,
        command=command,
        spread=", ".join(f"{k:.2f}" for k in judge.network.config["spread"]),
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def write_features_card(folder: Path, features: MotionFeatures, explained: float, command: str) -> None:
    """Writes README.md of the features of motion into `folder`."""
    text = FEATURES_CARD.format(
        parameters=sum(p.numel() for p in features.network.parameters()),
        explained=100 * explained,
        command=command,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


CARD = """---
license: apache-2.0
library_name: emotive
tags: [affect, valence-arousal, gesture, body]
---

# emotive-body-judge-1

Reads valence and arousal, each with a spread, off how a body moves and is held: {parameters:,} parameters on
29 measures of its joints, which are the same wherever it stands, whichever way it faces and however tall it
is (`emotive.perceive.body_features`).

    emotive judge motion.npz

It exists to score Emotive's gestures.

## Training

{people:,} people of all proportions, drawn by chance, each perform once: Emotive's teacher of gestures moves
them to synthetic voices of espeak-ng while they feel something that stays, glides or turns. In no evaluation
are these people, clips or voices. Windows of 2.5 to 8 s are read; their label is the mean affect.

`{command}`. The loss is 1 - concordance (Atmaja & Akagi 2020) and a Gaussian likelihood, weighted by the
variance to the power of 0.5 (Seitzer et al. 2022); measures are trembled and forgotten at random, since a
file may hold no fingers. People who were kept from the weights set the factors of the spread: {spread}
(valence, arousal).

## Measured

{measured} new people to new clips over the 5 x 5 grid of affects, as the teacher performs them: the ceiling
for what is learned from it. Cells are valence, arousal; `within` is per grid of one person and clip.

{table}

## Limits

It was fitted to our own teacher's rules, which follow published directions but are not people: it tells how
faithfully they are carried out, not what people feel or how they would rate these bodies. Valence in
particular is weak in real movement (Dael et al. 2013) and strong here, because posture carries it by rule.
Somebody's habits look like affect: one clip of a stranger is read with their posture in it. Beside it, always
read the published judge, which never saw our motion. It expects somebody who stands and talks; walking,
sitting and dancing are beyond it.
"""

FEATURES_CARD = """---
license: apache-2.0
library_name: emotive
tags: [motion, gesture, evaluation]
---

# emotive-gesture-features-1

Two seconds of a moving body to 32 numbers: a convolutional autoencoder of {parameters:,} parameters, in whose
space `emotive evaluate gesture` takes the Frechet distance between sets of motion (the FGD of Yoon et al.
2020). It sees 21 joints from the middle of the shoulders along the body's own axes, 15 times a second.

## Training

On the performances that `emotive-body-judge-1` learned from: `{command}`. Of the variance of unseen
performances {explained:.1f} % come through.

## Limits

Its distances compare sets that were measured by it; they are in no scale that other papers use.
"""
