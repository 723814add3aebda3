"""A picture of speech: its spectrogram with the pitch on it; words, phones and affect under it, in time.

Frequency runs from 50 Hz to 8 kHz as log(1 + f / 200 Hz): as the mel scale, but with its knee lower, so that
pitch has room. The strongest 70 dB are shown, high frequencies raised by 3 dB an octave, about as much as
voices fall. The pitch is WORLD's (Morise et al. 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

from emotive.affect import AffectCurve
from emotive.errors import InputError
from emotive.media.audio import resample
from emotive.media.plane import INK, PAPER, QUIET, RULE, draw_tick, plane

RATE = 24_000  # samples/s
LOW, TOP, KNEE = 50.0, 8000.0, 200.0  # Hz: from, to, and where the scale turns from linear to logarithmic
DECIBELS = 70.0  # shown
TILT = 3.0  # dB an octave above 500 Hz
WINDOW, FFT = 960, 4096  # samples: 40 ms, padded for a fine raster of low frequencies
F0_RANGE = (60.0, 600.0)  # Hz
LONGEST = 600.0  # seconds that one picture can show
STOPS = ("#100b1d", "#2a1450", "#5c1d7c", "#98307c", "#d2495f", "#f3835a", "#fcc583", "#fdf3cf")
"""The colours from silence to the strongest sound."""
PITCH, VALENCE, AROUSAL = "#83e8e1", "#1f7a80", "#c2502e"
_FINE = 2  # drawn larger and averaged down, for smooth lines
_FALLBACKS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial Unicode.ttf", "arial.ttf")


Span = tuple[str, float, float]  # a name from x to x


class Spoken(Protocol):
    """What a picture needs of `emotive.signals.Speech`; times in seconds."""

    @property
    def waveform(self) -> np.ndarray: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def duration(self) -> float: ...
    @property
    def phones(self) -> Sequence[Any]: ...
    @property
    def words(self) -> Sequence[Any]: ...
    @property
    def affect(self) -> AffectCurve: ...


def spectrogram(speech: Spoken, width: int = 1280, height: int = 560, size: int | None = None) -> Image.Image:
    """A picture `width` x `height` of one stretch of speech; rows for words and phones where there are any.

    `size` is that of the words in pixels; by default it follows from the picture's. What has no room at its
    place, such as words of a long text, is left out. Raises InputError for less than
    320 x 200 pixels, and for speech without samples or longer than ten minutes.
    """
    if not (320 <= width <= 16_384 and 200 <= height <= 16_384):
        raise InputError(f"a spectrogram of {width} x {height} pixels makes no sense: use 320 x 200 and more")
    waveform = _waveform(speech)
    seconds = len(waveform) / RATE
    # As wide as the text is high: everything else follows.
    text = _FINE * (size or max(11, min(24, round(min(width / 72, height / 24)))))
    small, tiny = (ImageFont.load_default(size * text) for size in (0.85, 0.72))
    sheet = Image.new("RGB", (_FINE * width, _FINE * height), PAPER)
    draw = ImageDraw.Draw(sheet)
    left, right = round(4.2 * text), sheet.width - round(5.6 * text)
    bottom = sheet.height - round(2.6 * text)  # of the plane of affect; the clock is below
    plane = round(max(3.6 * text, 0.17 * sheet.height))

    def x(time: float) -> float:
        return left + (right - left) * time / seconds

    words = [(word.text, x(word.start), x(word.end)) for word in speech.words]
    phones = [(phone.symbol, x(phone.start), x(phone.end)) for phone in speech.phones]
    phones = _with_room(phones, 0.72 * text)
    rows = [round(2.1 * text) if words else 0, round(1.6 * text) if phones else 0]
    top, floor = round(1.2 * text), bottom - plane - sum(rows) - round(1.1 * text)
    panel = _panel(waveform, right - left, floor - top, seconds, _level_of([waveform]), round(text / 5))
    if words and right - left > 2.5 * text * len(words):
        light = Image.new("RGBA", panel.size)
        for _, start, _ in words:
            ImageDraw.Draw(light).line((start - left, 0, start - left, panel.height), "#ffffff26", _FINE)
        panel.paste(light, (0, 0), light)
    sheet.paste(panel, (left, top), _rounded(panel.size, text // 3))
    for hertz in _marks(floor - top, text):
        y = floor - (floor - top) * float(_height(hertz))
        draw.line((left - text / 3, y, left, y), RULE, _FINE)
        unit = " kHz" if hertz == TOP else "k" if hertz >= 1000 else ""
        label = f"{hertz / 1000 if unit else hertz:g}{unit}"
        draw.text((left - 0.6 * text, y), label, QUIET, small, anchor="rm")
    y = floor + text
    if words:
        _draw_words(draw, words, y, text)
    for name, start, end in phones:
        _draw_phone(draw, name, (start, end), y + rows[0], 0.72 * text)
    _draw_affect(draw, speech.affect, seconds, (left, bottom - plane, right, bottom), small, tiny)
    _draw_clock(draw, seconds, (left, right), bottom, text, small)
    return sheet.reduce(_FINE)


def spectrogram_sheet(
    speeches: Sequence[Spoken],
    rows: int,
    columns: int,
    labels: Sequence[str] | None = None,
    cell: tuple[int, int] | None = None,
) -> Image.Image:
    """A valence-arousal sheet of speech in reading order: valence to the right, arousal upward.

    The cells are those of `spectrogram_cells`, the sheet is `plane`'s. `labels` are short texts in the cells'
    corners. `cell` is (width, height) in pixels; by default the sheet is about 1280 pixels wide. Raises
    InputError if the speech does not fill the sheet, or as `spectrogram` does.
    """
    if not speeches or rows * columns != len(speeches) or (labels and len(labels) != len(speeches)):
        what = f"{len(speeches)} clips" + (f" with {len(labels)} labels" if labels else "")
        raise InputError(f"{what} do not fill a sheet of {rows}x{columns}")
    if cell is None:
        side = min(560, max(96, 1180 // columns))
        cell = (side, round(0.62 * side))
    gap, text = max(3, cell[0] // 40), max(13, min(20, cell[0] // 11))
    panels, tiny = spectrogram_cells(speeches, *cell), ImageFont.load_default(0.75 * text)
    for panel, label in zip(panels, labels or (), strict=False):
        ImageDraw.Draw(panel).text((cell[0] - 6, 5), label, "#e9dff0", tiny, anchor="ra")
    return plane(panels, columns, gap, text, _rounded(cell, 4))


def spectrogram_cells(speeches: Sequence[Spoken], width: int, height: int) -> list[Image.Image]:
    """The spectrograms alone, each `width` x `height`, on one clock and at one level.

    So what is spoken faster is shorter, and what is louder is brighter. Where words are known, the first
    begins at the left. Raises InputError as `spectrogram` does.
    """
    waveforms = [_spoken(speech) for speech in speeches]
    seconds, level = max(len(w) for w in waveforms) / RATE, _level_of(waveforms)
    stroke = _FINE * max(1, round(width / 130))
    return [
        _panel(waveform, _FINE * width, _FINE * height, seconds, level, stroke).reduce(_FINE)
        for waveform in waveforms
    ]


def decibels(waveform: np.ndarray, columns: int, rows: int, seconds: float) -> np.ndarray:
    """Decibels (rows, columns), the highest frequency first, of a waveform (N,) at 24 kHz.

    Column i is the spectrum about (i + 1/2) / columns * `seconds`; beyond the waveform there is silence.
    """
    padded = np.pad(waveform, (WINDOW, WINDOW + max(0, round(seconds * RATE) - len(waveform))))
    middles = (WINDOW + (np.arange(columns) + 0.5) / columns * seconds * RATE).astype(int)
    window, bank = np.hanning(WINDOW).astype(np.float32), _bank(rows)
    offsets = np.arange(WINDOW) - WINDOW // 2
    out = np.empty((rows, columns), np.float32)
    for i in range(0, columns, 256):  # 256 spectra at once: some MB
        frames = padded[middles[i : i + 256, None] + offsets] * window
        power = np.abs(np.fft.rfft(frames, FFT).astype(np.complex64)) ** 2
        out[:, i : i + 256] = 10 * np.log10(bank @ power.T + 1e-9)
    return out


def pitch(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds and F0 in Hz (T,), every 5 ms, NaN where there is none, of a waveform at 24 kHz."""
    import pyworld

    x = np.ascontiguousarray(waveform, dtype=np.float64)
    low, high = F0_RANGE
    raw, times = pyworld.dio(x, RATE, f0_floor=low, f0_ceil=high, frame_period=5.0)
    f0 = pyworld.stonemask(x, raw, times, RATE)
    f0[(f0 < low) | (f0 > high)] = np.nan
    # Short runs, and longer ones far from the rest, are slips of the tracker more often than voice.
    edges = np.flatnonzero(np.diff(np.isnan(f0).astype(int), prepend=1, append=1))
    middle = np.nanmedian(f0) if len(edges) else np.nan
    for start, end in edges.reshape(-1, 2):
        far = abs(np.log2(np.median(f0[start:end]) / middle)) > 7 / 12
        if end - start < (20 if far else 8):
            f0[start:end] = np.nan
    return times, f0


def _waveform(speech: Spoken) -> np.ndarray:
    if not len(speech.waveform):
        raise InputError("there is no sound to draw: this speech is a timeline alone")
    if speech.duration > LONGEST:
        raise InputError(f"{speech.duration:.0f} s are too long for a picture: draw at most {LONGEST:.0f} s")
    return resample(speech.waveform, speech.sample_rate, RATE)


def _spoken(speech: Spoken) -> np.ndarray:
    """The waveform at `RATE` from shortly before the first word until shortly after the last."""
    waveform = _waveform(speech)
    if not speech.words:
        return waveform
    start, end = speech.words[0].start - 0.06, speech.words[-1].end + 0.12
    return waveform[max(0, round(start * RATE)) : round(end * RATE)]


def _level_of(waveforms: Sequence[np.ndarray]) -> float:
    """What counts as strongest, in dB; a few clicks do not."""
    found = []
    for waveform in waveforms:
        seconds = max(len(waveform), WINDOW) / RATE
        found.append(np.percentile(decibels(waveform, min(2000, int(seconds * 40) + 1), 96, seconds), 99.7))
    return float(max(found)) + 2.0


def _panel(
    waveform: np.ndarray, width: int, height: int, seconds: float, level: float, stroke: int
) -> Image.Image:
    """The spectrogram alone, with its pitch; `level` is the brightest dB, `stroke` the line's width."""
    shade = (decibels(waveform, width // _FINE, height // _FINE, seconds) - level) / DECIBELS + 1
    grey = Image.fromarray((shade.clip(0, 1) * 255).round().astype(np.uint8))
    panel = Image.fromarray(_colours()[np.asarray(grey.resize((width, height), Image.Resampling.BICUBIC))])
    times, f0 = pitch(waveform)
    x, y = times / seconds * width, height * (1 - _height(f0))
    draw = ImageDraw.Draw(panel)
    known = np.flatnonzero(~np.isnan(f0))
    for run in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
        points = list(zip(x[run].tolist(), y[run].tolist(), strict=True))
        if len(points) > 1:
            draw.line(points, STOPS[0], stroke + 2 * _FINE, joint="curve")
            draw.line(points, PITCH, stroke, joint="curve")
    return panel


@lru_cache(maxsize=8)
def _bank(rows: int) -> np.ndarray:
    """(rows, FFT / 2 + 1): triangles on the scale of the picture, each of sum 1, with the tilt."""
    hertz = np.linspace(0, RATE / 2, FFT // 2 + 1)
    edges = np.geomspace(TOP + KNEE, LOW + KNEE, rows) - KNEE
    step = np.abs(np.gradient(edges)) if rows > 1 else np.array([TOP])
    width = np.maximum(step, 1.2 * RATE / FFT)[:, None]  # at least one bin under each
    bank = (1 - np.abs(hertz - edges[:, None]) / width).clip(0, None)
    bank /= bank.sum(1, keepdims=True)
    tilt = TILT * np.log2((hertz / 500).clip(1, None))
    return (bank * 10 ** (tilt / 10)).astype(np.float32)


@lru_cache(maxsize=1)
def _colours() -> np.ndarray:
    """uint8 (256, 3), linear between the stops."""
    stops = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in STOPS])
    at = np.linspace(0, len(stops) - 1, 256)
    channels = [np.interp(at, np.arange(len(stops)), stops[:, c]) for c in range(3)]
    return np.stack(channels, 1).round().astype(np.uint8)


def _height(hertz: Any) -> Any:
    """Where a frequency lies: 0 at the bottom, 1 at the top."""
    return np.log((np.asarray(hertz) + KNEE) / (LOW + KNEE)) / np.log((TOP + KNEE) / (LOW + KNEE))


def _marks(height: int, text: int) -> list[float]:
    """Frequencies to label: as many as have room."""
    every = [TOP, 4000.0, 2000.0, 1000.0, 500.0, 250.0, 100.0]
    kept: list[float] = []
    for hertz in every:
        y = height * float(_height(hertz))
        if all(abs(y - height * float(_height(k))) > 1.3 * text for k in kept):
            kept.append(hertz)
    return kept


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    mask = Image.new("L", (4 * size[0], 4 * size[1]))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *mask.size), 4 * radius, 255)
    return mask.reduce(4)


def _draw_words(draw: ImageDraw.ImageDraw, spans: Sequence[Span], y: float, text: float) -> None:
    """Words at their middles. Where neighbours would touch, all are set smaller, then some are left out."""
    size = text
    for size in np.arange(1.15, 0.6, -0.05) * text:
        places = [((start + end) / 2, _length(name, size) / 2) for name, start, end in spans]
        if all(b - a > p + q + 0.3 * size for (a, p), (b, q) in pairwise(places)):
            break
    edge, most = spans[0][1] - 2 * text, spans[-1][2] + 2 * text
    for name, start, end in spans:
        middle, half = (start + end) / 2, _length(name, size) / 2
        if middle - half > edge and middle + half < most:
            draw.text((middle, y), name, INK, _font(name, size), anchor="mm")
            edge = middle + half + 0.3 * size


def _with_room(phones: Sequence[Span], size: float) -> list[Span]:
    """The phones without stress digits, "" for those without room at `size` and for silence.

    None at all if that leaves less than 60 % of them: a row of gaps says nothing.
    """
    names = ["" if name == "pau" else name.rstrip("012") for name, _, _ in phones]
    room = [0.98 * (end - start) for _, start, end in phones]
    fits = [_length(name, size) < most for name, most in zip(names, room, strict=True)]
    if sum(fits) < 0.6 * len(fits):
        return []
    return [(n if fit else "", a, b) for n, fit, (_, a, b) in zip(names, fits, phones, strict=True)]


def _draw_phone(
    draw: ImageDraw.ImageDraw, name: str, ends: tuple[float, float], y: float, size: float
) -> None:
    """A phone between thin rules."""
    for x in ends:
        draw.line((x, y - 0.55 * size, x, y + 0.55 * size), RULE, _FINE)
    draw.text((sum(ends) / 2, y), name, QUIET, _font(name, size), anchor="mm")


def _draw_affect(
    draw: ImageDraw.ImageDraw,
    curve: AffectCurve,
    seconds: float,
    box: tuple[float, float, float, float],
    font: Any,
    tiny: Any,
) -> None:
    """Valence and arousal over time, between -1 and 1, each named where it ends."""
    left, top, right, bottom = box
    middle, half = (top + bottom) / 2, (bottom - top) / 2
    for value in (1, 0, -1):
        y = middle - value * half
        draw.line((left, y, right, y), RULE, _FINE if value == 0 else _FINE // 2)
        draw_tick(draw, left - 0.6 * font.size, y, value, tiny, "r")
    tracks, stroke = curve.sample(400 / seconds, seconds)[:, :2], max(3, round(font.size / 9))
    x = np.linspace(left, right, len(tracks))
    ends = []
    # Half a stroke apart, so that both are seen where they are equal.
    for name, colour, track, aside in zip(
        ("valence", "arousal"), (VALENCE, AROUSAL), tracks.T, (-stroke / 2, stroke / 2), strict=True
    ):
        y = middle - half * track + aside
        draw.line(list(zip(x.tolist(), y.tolist(), strict=True)), colour, stroke, joint="curve")
        ends.append([float(y[-1]), name, colour])
    ends.sort()
    if (short := 1.15 * font.size - (ends[1][0] - ends[0][0])) > 0:  # names must not overlap
        ends[0][0] -= short / 2
        ends[1][0] += short / 2
    for y, name, colour in ends:
        draw.text((right + 0.6 * font.size, y), name, colour, font, anchor="lm")


def _draw_clock(
    draw: ImageDraw.ImageDraw, seconds: float, ends: tuple[float, float], y: float, text: float, font: Any
) -> None:
    (left, right), steps = ends, (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
    step = next((s for s in steps if (right - left) * s / seconds > 5 * text), steps[-1])
    for i in range(int(seconds / step) + 1):
        x = left + (right - left) * i * step / seconds
        draw.line((x, y, x, y + text / 3), RULE, _FINE)
        label = f"{i * step:g}" + (" s" if i == 0 else "")
        draw.text((x, y + 1.2 * text), label, QUIET, font, anchor="mm")


def _length(name: str, size: float) -> float:
    return _font(name, size).getlength(name)


def _font(name: str, size: float) -> Any:
    """Pillow's own font, or one of the system's that has the letters which it lacks."""
    own = ImageFont.load_default(size)
    if _has(own, name):
        return own
    for file in _FALLBACKS:
        try:
            other = ImageFont.truetype(file, size)
        except OSError:
            continue
        if _has(other, name):
            return other
    return own


def _has(font: Any, name: str) -> bool:
    """Whether a font has all letters: what it lacks it draws as the box of U+FFFF."""
    lacking = font.getmask("\uffff")
    box = Image.frombytes("L", lacking.size, bytes(lacking))
    for letter in {*name} - {" "}:
        mask = font.getmask(letter)
        if mask.size == box.size and mask.size[0]:
            if ImageChops.difference(Image.frombytes("L", mask.size, bytes(mask)), box).getbbox() is None:
                return False
    return True
