"""The pictures of faces in the README.

    python benchmarks/faces.py -o docs [--photo PORTRAIT.png]

faces.jpg: every bundled portrait in eight named emotions. filmstrip.jpg: one sentence said by one portrait
with three feelings, every tenth of a second, with its phones below. photo-faces.jpg: the same emotions on a
photograph, with the badge.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from emotive.affect import Affect
from emotive.face.expressions import expression
from emotive.face.opening import bundled_portraits, open_portrait
from emotive.face.portrait import Portrait
from emotive.face.sheet import NAMES, close_up
from emotive.media.plane import INK, PAPER, QUIET
from emotive.pipelines.animation import animate
from emotive.pipelines.speech import EmotiveSpeechPipeline
from emotive.pipelines.talking_head import EmotiveTalkingHeadPipeline
from emotive.signals import FaceMotion, Speech

CELL, TEXT = 160, 15
SENTENCE = "The train leaves at nine, and nobody knows why."
FEELINGS, STEP, FRAMES = ("joyful", "sad", "angry"), 3, 20  # frames between two pictures, pictures a row


def main() -> None:
    """Writes the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("docs"))
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--who", default="mara", help="who says the sentence")
    options = parser.parse_args()
    portraits = [open_portrait(name) for name in bundled_portraits()]
    save(faces(portraits, False), options.output / "faces.jpg")
    if options.photo:
        save(faces([open_portrait(options.photo)], True), options.output / "photo-faces.jpg")
    save(filmstrip(options.who), options.output / "filmstrip.jpg")


def faces(portraits: list[Portrait], badged: bool) -> Image.Image:
    """A row for each portrait, a column for each emotion; one portrait alone in two rows."""
    columns = len(NAMES) if len(portraits) > 1 else len(NAMES) // 2
    cell = CELL * len(NAMES) // columns
    rows = len(portraits) * len(NAMES) // columns
    labels = 1 if len(portraits) > 1 else rows
    sheet = Image.new("RGB", (columns * (cell + 4) - 4, rows * (cell + 4) + labels * 2 * TEXT), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(TEXT)
    for i, portrait in enumerate(portraits):
        show, _ = close_up(portrait, size=2 * CELL * len(NAMES) // columns, badged=badged)
        for k, name in enumerate(NAMES):
            affect = Affect.parse(name)
            frame = show(expression(affect.as_array()[None], [dict(affect.blend)])[0])
            row, column = divmod(i * len(NAMES) + k, columns)
            x, y = column * (cell + 4), row * (cell + 4) + (row * 2 * TEXT if labels > 1 else 0)
            sheet.paste(Image.fromarray(frame).resize((cell, cell), Image.Resampling.LANCZOS), (x, y))
            if labels > 1 or i == len(portraits) - 1:
                draw.text((x + cell / 2, y + cell + TEXT), name, INK, font, anchor="mm")
    return sheet


def filmstrip(who: str) -> Image.Image:
    """One sentence with each of `FEELINGS`, in its own time, in two lines of pictures."""
    voice = EmotiveSpeechPipeline.from_pretrained("emotive-speech-1")
    head = EmotiveTalkingHeadPipeline.from_pretrained("emotive-head-1")
    for pipe in (voice, head):
        pipe.set_progress_bar_config(disable=True)
    rows = []
    for feeling in FEELINGS:
        speech = voice(SENTENCE, feeling, generator=torch.Generator().manual_seed(1)).speech
        motion = head.motion(speech, feeling, generator=torch.Generator().manual_seed(3))
        rows.append(_strip(who, feeling, speech, motion))
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)), PAPER)
    for i, row in enumerate(rows):
        sheet.paste(row, (0, i * row.height))
    return sheet


def _strip(who: str, feeling: str, speech: Speech, motion: FaceMotion) -> Image.Image:
    wide, high, side = 108, 132, 512
    strip = Image.new("RGB", (FRAMES // 2 * (wide + 2) - 2, 2 * (high + 2 * TEXT) + 2 * TEXT), PAPER)
    draw = ImageDraw.Draw(strip)
    small, font = ImageFont.load_default(12), ImageFont.load_default(TEXT)
    draw.text((0, TEXT), f"{feeling}, {speech.duration:.1f} s", INK, font, anchor="lm")
    first = round(speech.words[0].start * motion.fps) - 1
    wanted = {max(first, 0) + i * STEP: i for i in range(FRAMES)}
    for number, frame in enumerate(animate(who, motion, side, distance=0.42)):
        if (i := wanted.get(number)) is None:
            continue
        face = Image.fromarray(frame).crop((side // 2 - 190, 20, side // 2 + 190, 20 + 380 * high // wide))
        x, y = i % (FRAMES // 2) * (wide + 2), 2 * TEXT + i // (FRAMES // 2) * (high + 2 * TEXT)
        strip.paste(face.resize((wide, high), Image.Resampling.LANCZOS), (x, y))
        time = number / float(motion.fps)
        said = next((p.symbol.rstrip("012") for p in speech.phones if p.start <= time + 0.02 < p.end), "")
        draw.text(
            (x + wide / 2, y + high + 0.8 * TEXT), "" if said == "pau" else said, QUIET, small, anchor="mm"
        )
    return strip


def save(picture: Image.Image, path: Path) -> None:
    """As JPEG, small enough for a page."""
    picture.save(path, quality=88, optimize=True, subsampling=0)
    print(path, np.round(path.stat().st_size / 1e3), "kB")


if __name__ == "__main__":
    main()
