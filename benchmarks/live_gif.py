"""The GIF of the README: a finger goes over the pad of `emotive live`, and the picture follows.

    python benchmarks/live_gif.py -o docs/live.gif --frames live-frames

Opens the live room in a headless Chromium and moves the puck along a closed path. A frame is taken when the
picture has arrived at the puck, so that the GIF looks alike everywhere: it shows what follows, not how fast.
"""

from __future__ import annotations

import argparse
import io
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "demos"))
from browser import Browser, find_browser  # pyright: ignore[reportMissingImports]  the headless browser of the Studio's tests

FRAMES, PER_SECOND = 96, 12
WIDTH = 760  # pixels of the GIF
MARGIN = 14  # pixels around pad and picture
PAPER = "#faf8f4"  # of the page, as theme.py has it
LARGEST = 3_000_000  # bytes
FOLLOWS = "window.emotiveLive.follows() && !document.querySelector('.live.waiting')"


def path(t: float) -> tuple[float, float]:
    """Valence and arousal at t in 0 .. 1 of a loop that passes all four quarters of the plane."""
    angle = 2 * math.pi * t
    return 0.78 * math.cos(angle), 0.62 * math.sin(angle) + 0.2 * math.sin(2 * angle)


def record(url: str, count: int, prompt: str) -> list[Image.Image]:
    """`count` pictures of pad and picture, side by side, with the puck on its way."""
    browser = Browser(find_browser(), width=1180, height=900)
    shots = []
    try:
        browser.open(url)
        browser.wait_for("window.emotiveLive?.stats().frames > 0", 600)
        browser.run(f"emotiveLive.look({{ prompt: {prompt!r} }})")
        boxes = [browser.box(selector) for selector in ("#live-pad .pad-plane", ".live .stage-frame")]
        left, top, width, height = browser.box("#live-pad .pad-space")
        for i in range(count):
            valence, arousal = path(i / count)
            x, y = left + width * (0.5 + valence / 2), top + height * (0.5 - arousal / 2)
            browser.mouse("mouseMoved" if i else "mousePressed", x, y, buttons=1)
            time.sleep(0.05)
            browser.wait_for(FOLLOWS, 600)
            time.sleep(0.05)  # until it is composed
            with tempfile.TemporaryDirectory() as folder:
                browser.screenshot(Path(folder) / "page.png")
                page = Image.open(io.BytesIO((Path(folder) / "page.png").read_bytes())).convert("RGB")
            shots.append(side_by_side(page, boxes))
    finally:
        browser.close()
    return shots


def side_by_side(page: Image.Image, boxes: list[tuple[float, float, float, float]]) -> Image.Image:
    """What a page shows in the boxes (left, top, width, height), in a row on its paper."""
    parts = [page.crop((round(x), round(y), round(x + w), round(y + h))) for x, y, w, h in boxes]
    width = sum(part.width for part in parts) + MARGIN * (len(parts) + 1)
    row = Image.new("RGB", (width, max(part.height for part in parts) + 2 * MARGIN), PAPER)
    left = MARGIN
    for part in parts:
        row.paste(part, (left, MARGIN))
        left += part.width + MARGIN
    return row


def write_gif(shots: list[Image.Image], file: Path, width: int) -> int:
    """Writes an endless GIF with one palette for all frames, smaller until it is light enough; its bytes."""
    while True:
        size = (width, round(width * shots[0].height / shots[0].width))
        small = [shot.resize(size, Image.Resampling.LANCZOS) for shot in shots]
        sample = Image.fromarray(np.concatenate([np.asarray(shot)[::3, ::3] for shot in small[::6]]))
        palette = sample.quantize(128, Image.Quantize.MEDIANCUT)
        flat = [shot.quantize(palette=palette, dither=Image.Dither.NONE) for shot in small]
        buffer = io.BytesIO()
        flat[0].save(
            buffer,
            "GIF",
            save_all=True,
            append_images=flat[1:],
            duration=1000 // PER_SECOND,
            loop=0,
            optimize=True,
        )
        if len(buffer.getvalue()) <= LARGEST or width <= 320:
            file.write_bytes(buffer.getvalue())
            return len(buffer.getvalue())
        width = round(0.9 * width)


def main() -> None:
    from emotive.demos.live_start import begin_live

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/live.gif"))
    parser.add_argument("--frames", type=Path, help="also keep the frames here, as PNG")
    parser.add_argument("--from-frames", type=Path, help="only put frames of before together")
    parser.add_argument("--count", type=int, default=FRAMES)
    parser.add_argument("--prompt", default="a lighthouse by the sea at sunset")
    parser.add_argument("--port", type=int, default=7869)
    options = parser.parse_args()
    if options.from_frames:
        shots = [Image.open(file).convert("RGB") for file in sorted(options.from_frames.glob("*.png"))]
    else:
        with tempfile.TemporaryDirectory() as folder:
            page, url = begin_live(Path(folder), "127.0.0.1", options.port, model="emotive-image-1", steps=4)
            try:
                shots = record(url, options.count, options.prompt)
            finally:
                page.close(verbose=False)
    if options.frames:
        options.frames.mkdir(parents=True, exist_ok=True)
        for i, shot in enumerate(shots):
            shot.save(options.frames / f"{i:03}.png")
    print(options.output, write_gif(shots, options.output, WIDTH), "bytes")


if __name__ == "__main__":
    main()
