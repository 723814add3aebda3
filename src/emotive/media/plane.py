"""A sheet over the valence-arousal plane: cells in their places, and the axes around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from PIL import Image, ImageDraw, ImageFont

PAPER, INK, QUIET, RULE = "#fbfaf7", "#33312c", "#6f6c64", "#cbc6ba"


def plane(
    cells: Sequence[Image.Image], columns: int, gap: int, text: int, mask: Image.Image | None = None
) -> Image.Image:
    """The cells, all of one size, in reading order: valence to the right, arousal upward.

    The ticks assume cells evenly spaced over [-1, 1], as `emotive.batch.valence_arousal_grid` makes them.
    `gap` and `text` are in pixels; `mask` cuts the shape of a cell.
    """
    rows = len(cells) // columns
    wide, high = cells[0].size
    margin, ticks = round(1.8 * text), round(3.2 * text)  # outside; from the cells to the axis
    width, height = columns * (wide + gap) - gap, rows * (high + gap) - gap
    left, top = margin + text + ticks, margin
    size = (left + width + margin, top + height + round(2.2 * text) + text + margin)
    sheet = Image.new("RGB", size, PAPER)
    draw, small = ImageDraw.Draw(sheet), ImageFont.load_default(0.85 * text)
    for i, cell in enumerate(cells):
        sheet.paste(cell, (left + i % columns * (wide + gap), top + i // columns * (high + gap)), mask)
    for i in range(columns):
        middle = left + i * (wide + gap) + wide / 2
        draw_tick(draw, middle, top + height + text, _level(i, columns), small, "m")
    for i in range(rows):
        middle = top + i * (high + gap) + high / 2
        draw_tick(draw, left - 0.7 * text, middle, -_level(i, rows), small, "r")
    valence = _axis("unpleasant", "valence", "pleasant", width, text)
    arousal = _axis("calm", "arousal", "excited", height, text).transpose(Image.Transpose.ROTATE_90)
    over = (valence.height - text) // 2  # the strips are higher than their letters
    sheet.paste(valence, (left, size[1] - margin - text - over))
    sheet.paste(arousal, (margin - over, top))
    return sheet


def _level(i: int, count: int) -> float:
    return 2 * i / (count - 1) - 1 if count > 1 else 0.0


def draw_tick(
    draw: ImageDraw.ImageDraw, x: float, y: float, value: float, font: Any, anchor: Literal["m", "r"]
) -> None:
    """A signed number about (x, y), or ending there. Pillow's font has no minus sign: it is half a plus."""
    digits = f"{abs(value):.2f}".rstrip("0").rstrip(".")
    sign = "" if digits == "0" else "+"
    wide, long = font.getlength(sign), font.getlength(sign + digits)
    start = x - (long if anchor == "r" else long / 2)
    draw.text((start + wide, y), digits, QUIET, font, anchor="lm")
    if sign and value > 0:
        draw.text((start, y), sign, QUIET, font, anchor="lm")
    elif sign:
        x0, _, x1, _ = font.getbbox(sign)
        draw.line((start + x0, round(y), start + x1 - 1, round(y)), QUIET, max(1, round(wide / 8)))


def _axis(low: str, name: str, high: str, length: int, text: int) -> Image.Image:
    """A strip `length` wide: low end, name, high end, and an arrow between them where there is room."""
    fine = 3  # drawn larger and averaged down, for smooth arrows
    length, text = length * fine, text * fine
    strip = Image.new("RGB", (length, 2 * text), PAPER)
    draw, font, y = ImageDraw.Draw(strip), ImageFont.load_default(text), text
    draw.text((length / 2, y), name, INK, font, anchor="mm")
    if length > 17 * text:
        draw.text((0, y), low, QUIET, font, anchor="lm")
        draw.text((length, y), high, QUIET, font, anchor="rm")
        space, half = 0.9 * text, font.getlength(name) / 2
        tip = length - font.getlength(high) - space
        draw.line((font.getlength(low) + space, y, length / 2 - half - space, y), RULE, fine)
        draw.line((length / 2 + half + space, y, tip, y), RULE, fine)
        head = [(tip - 0.35 * text, y - 0.25 * text), (tip, y), (tip - 0.35 * text, y + 0.25 * text)]
        draw.line(head, RULE, fine, joint="curve")
    return strip.reduce(fine)
