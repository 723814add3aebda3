"""A tray and a direction as pictures: numbered, to be sorted, and side by side, to be seen."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from emotive.errors import InputError

GAP, BAND, CELL = 10, 34, 300  # pixels
PAPER, INK = (250, 248, 244), (47, 45, 41)


def tray_sheet(pictures: Sequence[Image.Image], cell: int = CELL) -> Image.Image:
    """The pictures of a tray with their numbers, from 1; in two rows from five pictures on."""
    columns = len(pictures) if len(pictures) < 5 else (len(pictures) + 1) // 2
    return _sheet(pictures, [str(i + 1) for i in range(len(pictures))], columns, cell)


def strip_sheet(pictures: Sequence[Image.Image], steps: Sequence[float], cell: int = CELL) -> Image.Image:
    """A direction from end to end, in one row; `steps` is how far each picture followed it."""
    labels = ["as it is" if step == 0 else f"{step:+g}" for step in steps]
    return _sheet(pictures, labels, len(pictures), cell)


def _sheet(pictures: Sequence[Image.Image], labels: Sequence[str], columns: int, cell: int) -> Image.Image:
    if not pictures or len(pictures) != len(labels):
        raise InputError("there is nothing to show: a sheet needs pictures, one for each label")
    font = ImageFont.load_default(20)
    rows = -(-len(pictures) // columns)
    height = max(round(cell * picture.height / picture.width) for picture in pictures)
    size = GAP + columns * (cell + GAP), GAP + rows * (height + BAND)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        x, y = GAP + (i % columns) * (cell + GAP), GAP + (i // columns) * (height + BAND)
        shown = picture.convert("RGB").resize((cell, height), Image.Resampling.LANCZOS)
        sheet.paste(shown, (x, y))
        draw.text((x + cell / 2, y + height + BAND / 2 - 2), label, INK, font, anchor="mm")
    return sheet
