"""An unpicked, uncaptioned sheet of 48 pictures for a person to name, and the answers in a file of their own.

    python benchmarks/blind_sheet.py -o blind          # blind/sheet.png, blind/answers.csv

Scenes are drawn at random, half of them from combinations that training never saw, each with a subject and a
random affect; 4 steps, seeds 0..47. Whoever names them should not have seen the answers.
"""

from __future__ import annotations

import argparse
import csv
import random
from pathlib import Path

import torch
from PIL import Image

from emotive.affect import Affect
from emotive.data.scenes import Scene, caption, random_scene
from emotive.plan import load_pipeline

COLUMNS, ROWS, SIDE = 8, 6, 256


def scenes(rng: random.Random, count: int) -> list[Scene]:
    """`count` random scenes with a subject, half of them reserved."""
    found: list[Scene] = []
    while len(found) < count:
        scene = random_scene(rng, reserved=len(found) % 2 == 1)
        if scene.subject is not None:
            found.append(scene)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("blind"))
    parser.add_argument("--model", default="emotive-image-1")
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    pipe, _ = load_pipeline(options.model)
    rng = random.Random(options.seed)
    sheet = Image.new("RGB", (COLUMNS * SIDE, ROWS * SIDE))
    with open(options.output / "answers.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["row", "column", "subject", "setting", "time", "weather", "valence", "arousal"])
        for i, scene in enumerate(scenes(rng, COLUMNS * ROWS)):
            affect = Affect(rng.uniform(-1, 1), rng.uniform(-1, 1))
            made = pipe(caption(scene, rng), affect, generator=torch.Generator().manual_seed(i))
            row, column = divmod(i, COLUMNS)
            picture = made.images[0].resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            sheet.paste(picture, (column * SIDE, row * SIDE))
            what = (scene.subject, scene.setting, scene.time, scene.weather)
            table.writerow([row + 1, column + 1, *what, f"{affect.valence:.2f}", f"{affect.arousal:.2f}"])
    sheet.save(options.output / "sheet.png")
    print(options.output / "sheet.png")


if __name__ == "__main__":
    main()
