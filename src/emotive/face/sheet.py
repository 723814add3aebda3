"""The expressions of one face on one sheet: over the valence-arousal plane, and by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emotive.affect import Affect
from emotive.media.badge import badge
from emotive.media.plane import INK, PAPER, plane

from .expressions import expression
from .portrait import Portrait
from .renderer import PortraitRenderer

NAMES = ("joyful", "sad", "angry", "fearful", "surprised", "disgusted", "contemptuous", "relaxed")

Show = Callable[[np.ndarray], np.ndarray]
"""Blendshape weights (52,) -> a frame, uint8 (H, W, 3)."""


def close_up(portrait: Portrait, size: int = 640, badged: bool = False) -> tuple[Show, int]:
    """Draws a portrait from so near that the face fills the picture; also the side of that picture.

    `size` is that of the whole portrait in pixels; `badged` marks the pictures as synthetic.
    """
    renderer, ahead = PortraitRenderer(portrait, size), np.zeros(3, np.float32)
    oval = renderer.landmarks(np.zeros(52, np.float32), ahead, ahead).oval[:, :2]
    side = min(size, round(1.45 * float(np.ptp(oval, 0).max())))
    left, top = np.rint(((oval.min(0) + oval.max(0)) - side) / 2).astype(int).clip(0, size - side)

    def show(weights: np.ndarray) -> np.ndarray:
        frame = renderer.render(weights, ahead, ahead, ahead[:2])[top : top + side, left : left + side]
        return badge(frame) if badged else frame

    return show, side


def expression_sheet(show: Show, affects: Sequence[Affect], columns: int, cell: int = 220) -> Image.Image:
    """`affects` in reading order over the plane, and the named emotions below it.

    `show` draws a face; `cell` is the side of one picture in pixels.
    """
    gap, text = max(2, cell // 44), max(13, cell // 13)
    grid = plane([_cell(show, affect, cell) for affect in affects], columns, gap, text)
    rows = -(-len(NAMES) // max(1, (grid.width - 2 * text) // (cell + gap)))
    per_row = -(-len(NAMES) // rows)
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
