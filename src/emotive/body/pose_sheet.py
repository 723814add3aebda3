"""Poses on one sheet: over the valence-arousal plane, and as strips that show how somebody moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emotive.errors import InputError
from emotive.media.plane import INK, PAPER, QUIET, plane

WIDE = 0.78  # of a picture's side that a cell shows: people are taller than they are wide


def pose_sheet(cells: Sequence[Sequence[np.ndarray]], high: int = 260, wide: float = WIDE) -> Image.Image:
    """Frames over the valence-arousal plane, with its axes.

    cells: rows from high arousal to low, each from low valence to high, evenly spaced over [-1, 1]; frames
    uint8 (H, W, 3) of one size. high: of a cell in pixels. wide: the share of a frame's width that is kept,
    about its middle, 0.3..1. Raises InputError for no cells, and for rows of different length.
    """
    if not cells or not cells[0] or any(len(row) != len(cells[0]) for row in cells):
        raise InputError("a sheet of poses needs rows of equal length")
    shown = [_cell(frame, high, wide) for row in cells for frame in row]
    return plane(shown, len(cells[0]), gap=max(2, high // 60), text=max(13, min(20, high // 13)))


def motion_strips(
    rows: Sequence[tuple[str, Sequence[np.ndarray]]],
    times: Sequence[float] | None = None,
    high: int = 260,
    wide: float = WIDE,
) -> Image.Image:
    """A row of frames for each name, in the order of time.

    times: s, of the columns, written below them. Others as for `pose_sheet`. Raises InputError for no rows,
    for rows of different length, and for times that are not as many.
    """
    if not rows or not rows[0][1] or any(len(frames) != len(rows[0][1]) for _, frames in rows):
        raise InputError("strips of motion need rows of equal length")
    columns = len(rows[0][1])
    if times is not None and len(times) != columns:
        raise InputError(f"{columns} columns come with {len(times)} times")
    gap, text = max(2, high // 60), max(13, min(20, high // 13))
    cells = [[_cell(frame, high, wide) for frame in frames] for _, frames in rows]
    broad = cells[0][0].width
    font, small = ImageFont.load_default(text), ImageFont.load_default(0.85 * text)
    margin = round(1.4 * text)
    left = margin + round(max(font.getlength(name) for name, _ in rows)) + text
    below = round(2.2 * text) if times is not None else 0
    size = (
        left + columns * (broad + gap) - gap + margin,
        2 * margin + len(rows) * (high + gap) - gap + below,
    )
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, (name, _) in enumerate(rows):
        top = margin + i * (high + gap)
        draw.text((left - text, top + high / 2), name, INK, font, anchor="rm")
        for j, cell in enumerate(cells[i]):
            sheet.paste(cell, (left + j * (broad + gap), top))
    for j, time in enumerate(times or ()):
        place = (left + j * (broad + gap) + broad / 2, size[1] - margin - 0.5 * text)
        draw.text(place, f"{time:.1f} s", QUIET, small, anchor="mm")
    return sheet


def _cell(frame: np.ndarray, high: int, wide: float) -> Image.Image:
    if not 0.3 <= wide <= 1:
        raise InputError(f"the share of a frame's width that a cell shows is 0.3..1, not {wide}")
    side = frame.shape[1]
    kept = max(1, round(wide * side))
    first = (side - kept) // 2
    picture = Image.fromarray(np.ascontiguousarray(frame[:, first : first + kept]))
    return picture.resize((max(1, round(high * kept / frame.shape[0])), high), Image.Resampling.LANCZOS)
