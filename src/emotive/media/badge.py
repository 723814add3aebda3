"""The badge that marks a picture as synthetic, where nobody said that the person in it agreed."""

from __future__ import annotations

from functools import cache

import numpy as np

TEXT = "SYNTHETIC"


def badge(frame: np.ndarray) -> np.ndarray:
    """A copy of a frame, uint8 (H, W, 3), with the word in its lower left corner."""
    height, width = frame.shape[:2]
    label, alpha = _label(max(9, round(min(height, width) / 26)))
    margin = max(2, min(height, width) // 40)
    high, wide = min(label.shape[0], height - margin), min(label.shape[1], width - margin)
    marked = frame.copy()
    corner = marked[height - margin - high : height - margin, margin : margin + wide]
    share = alpha[:high, :wide, None]
    corner[:] = np.rint(corner * (1 - share) + label[:high, :wide] * share).astype(np.uint8)
    return marked


@cache
def _label(text: int) -> tuple[np.ndarray, np.ndarray]:
    """Colours (h, w, 3) and how much they cover (h, w), for letters `text` pixels high."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(text)
    wide, pad = round(font.getlength(TEXT)), round(0.55 * text)
    size = (wide + 2 * pad, text + 2 * round(0.4 * text))
    fine = 4  # corners are drawn larger and averaged down
    pill = Image.new("L", (size[0] * fine, size[1] * fine), 0)
    ImageDraw.Draw(pill).rounded_rectangle((0, 0, pill.width - 1, pill.height - 1), size[1] * fine // 3, 170)
    letters = Image.new("L", size, 0)
    ImageDraw.Draw(letters).text((size[0] / 2, size[1] / 2), TEXT, 255, font, anchor="mm")
    ink = np.asarray(letters, np.float32)[..., None] / 255
    cover = np.maximum(np.asarray(pill.reduce(fine), np.float32) / 255, ink[..., 0])
    return 18 + ink * (245 - 18) * np.ones(3, np.float32), cover
