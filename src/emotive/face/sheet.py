"""The expressions of one face on one sheet: over the valence-arousal plane, and by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emotive.affect import Affect
from emotive.media.plane import INK, PAPER, plane

from .expressions import expression

NAMES = ("joyful", "sad", "angry", "fearful", "surprised", "disgusted", "contemptuous", "relaxed")

Show = Callable[[np.ndarray], np.ndarray]
"""Blendshape weights (52,) -> a frame, uint8 (H, W, 3)."""


def expression_sheet(show: Show, affects: Sequence[Affect], columns: int, cell: int = 220) -> Image.Image:
    """`affects` in reading order over the plane, and the named emotions below it.

    `show` draws a face; `cell` is the side of one picture in pixels.
    """
    gap, text = max(2, cell // 44), max(13, cell // 13)
    grid = plane([_cell(show, affect, cell) for affect in affects], columns, gap, text)
    per_row = max(1, min(len(NAMES), (grid.width - 2 * text) // (cell + gap)))
    rows = -(-len(NAMES) // per_row)
    high = cell + 2 * text
    sheet = Image.new("RGB", (grid.width, grid.height + rows * high + text), PAPER)
    sheet.paste(grid, (0, 0))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(text)
    for i, name in enumerate(NAMES):
        in_row = min(per_row, len(NAMES) - i // per_row * per_row)
        left = (grid.width - in_row * (cell + gap) + gap) // 2 + i % per_row * (cell + gap)
        top = grid.height + i // per_row * high
        sheet.paste(_cell(show, Affect.parse(name), cell), (left, top))
        draw.text((left + cell / 2, top + cell + 0.9 * text), name, INK, font, anchor="mm")
    return sheet


def _cell(show: Show, affect: Affect, cell: int) -> Image.Image:
    blend = [dict(affect.blend)] if affect.blend else None
    frame = show(expression(affect.as_array()[None], blend)[0])
    return Image.fromarray(frame).resize((cell, cell), Image.Resampling.LANCZOS)
