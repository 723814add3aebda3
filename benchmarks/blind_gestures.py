"""Moving bodies without captions in random order, to be named by somebody who sees nothing else.

    python benchmarks/blind_gestures.py -o blind          # blind/sheet.png, blind/answers.csv

Five or eight moods by as many actors, each a strip of six moments of the same words said by a voice without
feeling; numbered, with the answers in a file of their own. Faces are kept neutral, so that the body alone can
be read; `--teacher` shows what the model learned from. Whoever names them should not have seen the answers.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from emotive.affect import Affect, AffectCurve
from emotive.body.actors import ACTORS
from emotive.evaluate.gesture_arms import Mover, model_mover, strangers, talk_of, teacher_motion
from emotive.evaluate.gesture_strips import pictures
from emotive.pipelines.gesture import EmotiveGesturePipeline
from emotive.pipelines.speech import EmotiveSpeechPipeline
from emotive.signals import Speech

TEXTS = ("Listen, this is important.", "I told you everything that I know about it.", "What do we do now?")
FIVE = {
    "joyful": Affect(0.8, 0.65, 0.35),
    "angry": Affect(-0.65, 0.8, 0.6),
    "sad": Affect(-0.7, -0.6, -0.5),
    "calm": Affect(0.5, -0.6, 0.1),
    "afraid": Affect(-0.65, 0.65, -0.75),
}
EIGHT = FIVE | {
    "neutral": Affect(0.0, 0.0, 0.0),
    "proud": Affect(0.6, 0.2, 0.8),
    "bored": Affect(-0.4, -0.75, -0.1),
}
MOMENTS, SIDE, GAP, LABEL = 6, 260, 10, 40  # pictures of a strip, pixels


def main() -> None:
    """Draws the sheet and writes the answers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("blind-gestures"))
    parser.add_argument("--model", default="emotive-gesture-1")
    parser.add_argument("--teacher", action="store_true", help="what the model learned from instead")
    parser.add_argument("--moods", type=int, choices=(5, 8), default=5)
    parser.add_argument("--actors", type=int, default=3)
    parser.add_argument(
        "--strangers", action="store_true", help="people drawn by chance, not the bundled ones"
    )
    parser.add_argument("--face", action="store_true", help="let faces show the feeling, too")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    actors = strangers(options.actors) if options.strangers else list(ACTORS.values())[: options.actors]
    moods = FIVE if options.moods == 5 else EIGHT
    shown = [(actor, mood) for actor in actors for mood in moods]
    speech, move = _speech(), teacher_motion if options.teacher else _model(options.model)
    strips = []
    with open(options.output / "answers.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("number", "mood", "valence", "arousal", "dominance", "actor"))
        for number, i in enumerate(rng.permutation(len(shown))):
            actor, mood = shown[i]
            affect = moods[mood]
            motion = move(speech, AffectCurve.constant(affect), actor, options.seed + int(i))
            moments = np.linspace(0.12, 0.9, MOMENTS) * (len(motion) - 1)
            tiles = pictures(motion, moments.astype(int).tolist(), actor, SIDE, options.face)
            strips.append(np.concatenate(tiles, 1))
            values = (affect.valence, affect.arousal, affect.dominance)
            table.writerow((number + 1, mood, *values, actor.name))
    _sheet(strips).save(options.output / "sheet.png")
    print(options.output / "sheet.png")


def _speech() -> Speech:
    pipe: Any = EmotiveSpeechPipeline.from_pretrained("emotive-speech-1")
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    calm = Affect.neutral()
    return talk_of([pipe(text, calm, voice=pipe.voices[0], generator=generator).speech for text in TEXTS])


def _model(name: str) -> Mover:
    pipe = EmotiveGesturePipeline.from_pretrained(name)
    pipe.set_progress_bar_config(disable=True)
    return model_mover(pipe)


def _sheet(strips: list[np.ndarray]) -> Image.Image:
    """Strips in two columns, each with its number."""
    high, wide = strips[0].shape[:2]
    rows = -(-len(strips) // 2)
    sheet = Image.new("RGB", (2 * (LABEL + wide + GAP), rows * (high + GAP)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(24)
    for number, strip in enumerate(strips):
        row, column = divmod(number, 2)
        at = (column * (LABEL + wide + GAP), row * (high + GAP))
        sheet.paste(Image.fromarray(strip), (at[0] + LABEL, at[1]))
        draw.text((at[0] + 6, at[1] + high // 2 - 12), str(number + 1), "black", font)
    return sheet


if __name__ == "__main__":
    main()
