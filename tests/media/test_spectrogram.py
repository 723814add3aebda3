"""A picture of speech shows what sounds where it sounds, and has room for what it is told."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.media.plane import PAPER
from emotive.media.spectrogram import (
    LOW,
    RATE,
    STOPS,
    TOP,
    decibels,
    pitch,
    spectrogram,
    spectrogram_cells,
    spectrogram_sheet,
)
from emotive.signals import Phone, Speech, Word


def tone(hertz: float, seconds: float = 1.0, rate: int = RATE, harmonics: int = 12) -> np.ndarray:
    """A buzz of some harmonics, as voices have them."""
    time = np.arange(round(seconds * rate)) / rate
    partials = [np.sin(2 * np.pi * hertz * k * time) / k for k in range(1, harmonics + 1)]
    return (0.3 * np.sum(partials, 0)).astype(np.float32)


def said(waveform: np.ndarray, *words: str, rate: int = RATE) -> Speech:
    edges = np.linspace(0, len(waveform) / rate, len(words) + 1)
    spans = [(float(a), float(b)) for a, b in pairwise(edges)]
    return Speech(
        waveform,
        rate,
        " ".join(words),
        tuple(Phone("AA1", *span) for span in spans),
        words=tuple(Word(word, *span) for word, span in zip(words, spans, strict=True)),
    )


def luminance(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"), dtype=float)


@pytest.mark.parametrize("hertz", [110.0, 450.0, 1000.0, 3000.0, 7000.0])
def test_a_tone_lies_at_its_frequency(hertz: float):
    rows = 300
    table = decibels(tone(hertz, harmonics=1), 50, rows, 1.0)
    (row,) = {int(i) for i in table[:, 5:45].argmax(0)}
    scale = np.geomspace(TOP + 200, LOW + 200, rows) - 200
    assert abs(scale[row] / hertz - 1) < 0.03
    assert table[row, 25] - np.median(table[:, 25]) > 40


def test_a_click_lies_at_its_time_and_beyond_the_end_is_silence():
    click = np.zeros(RATE, np.float32)
    click[6000] = 1.0
    table = decibels(click, 100, 64, 2.0).sum(0)
    assert abs((table.argmax() + 0.5) * 0.02 - 0.25) <= 0.02
    assert np.ptp(table[52:]) == 0 and table[60] == table.min()


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100])
def test_the_pitch_is_followed_at_any_rate(rate: int):
    from emotive.media.audio import resample

    glide = np.concatenate([tone(120, 0.5, rate), np.zeros(rate // 4, np.float32), tone(240, 0.5, rate)])
    times, f0 = pitch(resample(glide, rate, RATE))
    for hertz, begin, end in ((120, 0.1, 0.4), (240, 0.85, 1.15)):
        inside = f0[(times > begin) & (times < end)]
        assert np.isfinite(inside).all() and np.abs(inside / hertz - 1).max() < 0.02
    assert np.isnan(f0[(times > 0.58) & (times < 0.68)]).all()
    assert np.isnan(pitch(np.zeros(RATE, np.float32))[1]).all()


def test_the_picture_has_the_asked_size_and_rows_only_for_what_there_is():
    speech = said(tone(150), "la", "li", "lu")
    whole = spectrogram(speech, 640, 320)
    bare = spectrogram(replace(speech, phones=(), words=()), 640, 320)
    assert whole.size == bare.size == (640, 320)
    dark = [(luminance(image) < 60).any(1).sum() for image in (whole, bare)]
    assert dark[1] > dark[0] + 10  # the panel takes the rows that nothing else needs
    assert spectrogram(speech, 640, 320, size=20).tobytes() != whole.tobytes()


def test_the_affect_is_drawn_where_it_is():
    def coloured(affect: AffectCurve, name: str) -> float:
        pixels = np.asarray(spectrogram(replace(said(tone(150), "la"), affect=affect), 640, 320), dtype=int)
        plane = pixels[220:290, 60:520]
        red, green, blue = plane[..., 0], plane[..., 1], plane[..., 2]
        here = red - blue > 80 if name == "arousal" else green - red > 60
        return float(np.nonzero(here)[0].mean())

    constant = AffectCurve.constant
    for name, high, low in (
        ("valence", Affect(0.8, 0), Affect(-0.8, 0)),
        ("arousal", Affect(0, 0.8), Affect(0, -0.8)),
    ):
        assert coloured(constant(high), name) + 15 < coloured(constant(low), name)


def test_what_has_no_room_is_left_out():
    crowded = said(tone(150, 3), *["internationalisation"] * 60)
    image = spectrogram(crowded, 640, 320)
    assert (luminance(image)[:, :4] > 200).all()  # nothing runs over the edge
    assert image.size == (640, 320)


def test_letters_that_the_font_lacks_are_no_harm():
    assert spectrogram(said(tone(150), "привет", "мир", "日本"), 400, 240).size == (400, 240)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (5, 5)])
def test_a_sheet_has_its_cells_in_reading_order(rows: int, columns: int):
    clips = [said(tone(100 + 20 * i, 0.3 + 0.1 * i), "la") for i in range(rows * columns)]
    cells = spectrogram_cells(clips, 120, 80)
    sheet = np.asarray(spectrogram_sheet(clips, rows, columns, cell=(120, 80)))
    assert sheet[0, 0].tolist() == [int(PAPER[i : i + 2], 16) for i in (1, 3, 5)]
    found = []
    for cell in cells:
        inner = np.asarray(cell)[5:75, 5:115]
        rows_, columns_ = np.nonzero((sheet == inner[0, 0]).all(-1))
        places = [
            (y, x)
            for y, x in zip(rows_.tolist(), columns_.tolist(), strict=True)
            if sheet[y : y + 70, x : x + 110].shape == inner.shape
            and (sheet[y : y + 70, x : x + 110] == inner).all()
        ]
        found.append(places[0])
    assert found == sorted(found) and len({y for y, _ in found}) == rows
    assert len({x for _, x in found}) == columns


def test_cells_share_clock_and_level():
    loud, soft = said(tone(150, 0.5), "la"), said(0.05 * tone(150, 1.0), "la")
    first, second = (luminance(cell) for cell in spectrogram_cells([loud, soft], 200, 100))
    silence = luminance(Image.new("RGB", (1, 1), STOPS[0]))[0, 0]
    assert (first[:, 120:] <= silence + 2).all() and not (second[:, 120:150] <= silence + 2).all()
    assert first[:, 20:80].mean() > second[:, 20:80].mean() + 10


def test_what_cannot_be_drawn_is_refused():
    speech = said(tone(150), "la")
    with pytest.raises(InputError, match="timeline alone"):
        spectrogram(replace(speech, waveform=np.zeros(0, np.float32)))
    with pytest.raises(InputError, match="at most 600 s"):
        spectrogram(Speech(np.zeros(700 * 100, np.float32), 100))
    with pytest.raises(InputError, match="320 x 200"):
        spectrogram(speech, 100, 100)
    with pytest.raises(InputError, match="do not fill"):
        spectrogram_sheet([speech] * 3, 2, 2)
    with pytest.raises(InputError, match="do not fill"):
        spectrogram_sheet([speech] * 4, 2, 2, ["a"])
    with pytest.raises(InputError, match="do not fill"):
        spectrogram_sheet([], 0, 0)


@pytest.mark.parametrize("waveform", [np.zeros(RATE), np.full(RATE, 1.0), np.array([0.5]), np.ones(10) * 0.1])
def test_odd_sound_is_drawn(waveform: np.ndarray):
    assert spectrogram(Speech(waveform, RATE), 320, 200).size == (320, 200)
