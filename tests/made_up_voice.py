"""A voice of three poles and a pulse, for tests that need something to listen to and no engine."""

import numpy as np

from emotive.data.readings import Speaker
from emotive.data.voices import Reading
from emotive.voice.phones import CLASSES, VOICELESS, base
from emotive.voice.text import sentences
from emotive.voice.utterance import Timeline, lay_out
from emotive.voice.vocoder import FRAME_RATE, VoiceFeatures, cepstrum, frequencies

VOWELS = {  # F1, F2 of men (Peterson & Barney 1952), Hz
    "IY": (270, 2290), "IH": (390, 1990), "EH": (530, 1840), "AE": (660, 1720), "AA": (730, 1090),
    "AO": (570, 840), "UH": (440, 1020), "UW": (300, 870), "AH": (640, 1190), "ER": (490, 1350),
}  # fmt: skip
TEXTS = (
    "Hello there, happy little birds.",
    "He has two heavy hats on his head.",
    "Some of them hear the old man.",
)


def spectrum(formants: tuple[float, ...], tilt: float = -12.0) -> np.ndarray:
    """Log power (513,) of a voice: poles at `formants` (Hz), 100 Hz wide, `tilt` dB per octave of source."""
    hertz = frequencies()
    log_power = tilt * np.log(10) / 10 * np.log2((hertz + 100) / 100)
    for f in (*formants, 3500.0, 4500.0):
        log_power += 2 * np.log(f**2 / np.hypot(hertz**2 - f**2, 100 * hertz))
    return log_power - 3


def made_up_reading(text: str, f0: float = 110.0, pace: int = 8, seed: int = 0) -> Reading:
    """`pace` frames a phone, F0 falling by a fourth around `f0` with a rise on what is stressed."""
    u = lay_out(next(iter(sentences(text))))
    timeline = Timeline(u, pace * np.arange(len(u) + 1))
    phone, rng = timeline.phone_of_frame(), np.random.default_rng(seed)
    rows = []
    for symbol in u.symbols:
        if symbol in ("pau", "breath"):
            rows.append(np.full(513, -18.0))
        elif base(symbol) in CLASSES["vowel"]:
            rows.append(spectrum((*VOWELS.get(base(symbol), (500, 1500)), 2450.0)))
        elif symbol in VOICELESS:
            rows.append(np.interp(frequencies(), [0, 3000, 5000, 12000], [-12, -9, -6, -8]))
        else:
            rows.append(spectrum((250, 1200, 2450.0), -15) - 1)
    soft = np.hanning(7)[1:-1] / np.hanning(7)[1:-1].sum()
    track = cepstrum(np.array(rows))[phone]
    track = np.stack([np.convolve(np.pad(c, 2, "edge"), soft, "valid") for c in track.T], 1)
    fall = np.linspace(2.5, -2.5, timeline.frames) + 2 * u.stressed()[phone]
    fall = np.convolve(np.pad(fall, 10, "edge"), np.hanning(23)[1:-1] / np.hanning(23)[1:-1].sum(), "valid")
    voiced = np.array([s not in VOICELESS for s in u.symbols])[phone]
    lf0 = np.log(f0) + np.log(2) / 12 * fall + 0.003 * rng.standard_normal(timeline.frames)
    noise = np.tile([-25.0, -15.0, -10.0], (timeline.frames, 1))
    features = VoiceFeatures(
        lf0.astype(np.float32), voiced, track.astype(np.float32), noise.astype(np.float32)
    )
    assert FRAME_RATE == 100
    return Reading(text, "toy", timeline, features)


def made_up_speaker(name: str = "toy", f0: float = 110.0, count: int = 9) -> Speaker:
    """A speaker of `count` readings."""
    readings = [made_up_reading(TEXTS[i % len(TEXTS)], f0, 7 + i % 3, i) for i in range(count)]
    return Speaker(name, readings, float(np.log(f0)), readings[0].features.cepstrum[10])
