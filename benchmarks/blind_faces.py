"""Expressions without captions in random order, to be named by somebody who sees nothing else.

    python benchmarks/blind_faces.py -o sheet.png

Eight named emotions on every bundled portrait and on each photograph given with --photo, numbered row by row;
the answers go to stdout as CSV. Heads are held still: what can be seen is the face alone.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emotive.affect import Affect
from emotive.face.expressions import expression
from emotive.face.opening import bundled_portraits, open_portrait
from emotive.face.sheet import NAMES, close_up

CELL, COLUMNS = 256, 6


def main() -> None:
    """Draws the sheet and prints the answers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("blind-faces.png"))
    parser.add_argument("--photo", action="append", default=[], help="a photograph, too")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    faces = [(who, name) for who in (*bundled_portraits(), *options.photo) for name in NAMES]
    order = rng.permutation(len(faces))
    shows = {who: close_up(open_portrait(who))[0] for who in dict.fromkeys(who for who, _ in faces)}
    rows = -(-len(faces) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * CELL, rows * CELL), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    table = csv.writer(sys.stdout)
    table.writerow(("number", "portrait", "emotion"))
    for number, i in enumerate(order):
        who, name = faces[i]
        affect = Affect.parse(name)
        frame = shows[who](expression(affect.as_array()[None], [dict(affect.blend)])[0])
        at = (number % COLUMNS * CELL, number // COLUMNS * CELL)
        sheet.paste(Image.fromarray(frame).resize((CELL, CELL), Image.Resampling.LANCZOS), at)
        draw.text((at[0] + 6, at[1] + 4), str(number + 1), "white", font, stroke_width=2, stroke_fill="black")
        table.writerow((number + 1, Path(who).stem, name))
    sheet.save(options.output)


if __name__ == "__main__":
    main()
