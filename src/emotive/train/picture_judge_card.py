"""Measures a finished picture judge and writes its card."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emotive.data.motifs import HELD_OUT_MOTIFS, paint_motif
from emotive.perceive.judge import Judge
from emotive.perceive.picture import PictureJudge
from emotive.perceive.published import PublishedJudge

from .judge_control import GRID, Control, baselines, control, table

SIZE = 256  # px of a measured picture


def held_out_pictures(seeds: int = 12, first: int = 9000) -> list[np.ndarray]:
    """Both held-out families over the grid, `seeds` each: uint8 (256, 256, 3), 25 in a row share content."""
    return [
        paint_motif(name, affect, first + i, SIZE)
        for name in HELD_OUT_MOTIFS
        for i in range(seeds)
        for affect in GRID
    ]


def scene_pictures(scenes: int = 24, seed: int = 11) -> list[np.ndarray]:
    """The teacher's paintings over the grid, half of them reserved combinations; as `held_out_pictures`."""
    from emotive.data.painter import paint
    from emotive.data.scenes import random_scene

    rng = random.Random(seed)
    chosen = [random_scene(rng, reserved=i % 2 == 1) for i in range(scenes)]
    return [paint(scene, affect, 7000 + i, SIZE) for i, scene in enumerate(chosen) for affect in GRID]


def measure(judge: Judge) -> dict[str, tuple[Control, Control]]:
    """The judge on held-out motifs and on scenes, beside the published judge and the baselines."""
    rows: dict[str, tuple[Control, Control]] = {}
    for label, pictures in (("held-out motifs", held_out_pictures()), ("teacher's scenes", scene_pictures())):
        found = judge.estimate(pictures)
        rows[f"{label}, this judge"] = control(found)
        rows[f"{label}, published judge"] = control(PublishedJudge().estimate(pictures))
        rows |= {f"{label}, {name}": row for name, row in baselines(found).items()}
    return rows


def write_card(
    folder: Path,
    judge: PictureJudge,
    minutes: float,
    seed: int,
    state: dict[str, Any],
    families: dict[str, Iterable[str]],
) -> None:
    """Measures `judge` and writes README.md into `folder`."""
    spread = judge.network.config["spread"]
    threads = torch.get_num_threads()
    text = CARD.format(
        table=table(measure(judge)),
        parameters=sum(p.numel() for p in judge.network.parameters()),
        command=f"emotive train judge -o DIR --minutes {minutes:g} --seed {seed}",
        samples=state["samples"],
        spent=state["spent"] / 60,
        hardware="one CPU core" if threads == 1 else f"{threads} CPU cores",
        spread=", ".join(f"{k:.2f}" for k in spread),
        **{name: ", ".join(words) for name, words in families.items()},
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


CARD = """---
license: apache-2.0
library_name: emotive
tags: [affect, valence-arousal, image-regression]
---

# emotive-picture-judge-1

Reads valence and arousal, each with a spread, out of a picture: a convolutional network of {parameters:,}
parameters on 128 x 128 pixels, stored in bfloat16, run in float32.

    emotive judge picture.png

It exists to score Emotive's image model without having learned from what that model learned from.

## Training

On abstract motifs alone ({training}), painted by `emotive.data.motifs` in a random affect, on random
stages: palette, light, cast, greyness, mist, backdrop, horizon, sizes and framing say nothing about the
affect. Then, as blindly, JPEG, resizing, blur or sharpening, noise, surface texture as of some other arousal,
mirroring and a slight colour grade. It never saw a scene, a generated picture, a photograph, or the families
{held_out}, which score it.

`{command}`: {samples:,} samples in {spent:.0f} minutes on {hardware}. The loss is a Gaussian likelihood
weighted by the variance to the power of 0.5 (Seitzer et al. 2022), and the squared error of differences
between two moods of the same things.

**Spread.** The network's standard deviations are multiplied by {spread} (valence, arousal), so that squared
errors match them on average over two families that the weights never saw ({calibration}).

## Measured

On a 5 x 5 grid of requests in [-0.9, 0.9]; in every cell valence, then arousal. *Spearman within* is the
median over contents of the rank correlation over one grid; *leakage* the correlation with the other axis once
the own one is regressed out; *error / spread* is 1 where the spread is right. 24 contents of each kind.

{table}

How it came about, plainly: the motifs and their variety were chosen over six versions with a look at how
each read other paintings of scenes (24 scenes over the same grid). None was trained on, and the scenes of the
table are others; but the choice was made for scenes, so their rows are not blind. Scores on held-out motifs
(other seeds) were seen on the way too, and nothing was chosen for them: an earlier, less varied version
reached CCC 0.95 and 0.94 there, and 0.82 and 0.69 on scenes.

What falls short of the aim (CCC 0.92, slope 0.85 to 1.15 on scenes): arousal, whose estimates are drawn
towards the middle, most in fog and by night; and valence by night, which is read as 0.3 to 0.6 too
unpleasant. Order within one scene is kept (Spearman), so compare pictures of the same content before pictures
of different ones.

## Limits

- It shares the painter's rules. High agreement says that a picture is painted as the rules say, not that
  people feel so: no human rating went into it. Score it on your own: `emotive judge --ratings FILE.csv`.
- It judges how a picture is made, not what it shows: a smiling face and a wound in the same hand are alike.
- Photographs and other styles are far from anything it saw, and the spread does not know how far.
- It says nothing about the person who made or looks at a picture, and is no diagnosis of anyone.
- Guidance by this judge would make its scores worthless; nothing in Emotive is guided by it.
"""
