"""How affect sounds: published relations between valence, arousal and the voice, as prosody controls.

The backbone is MARY's rules (Schröder 2003; 2006), of which activation was perceived as intended; they are
compressed where they would cost words: rate above all. Beyond pitch, rate and level: voice quality (Burkhardt
2009; Gobl & Ní Chasaide 2003), spectral balance (Goudbeek & Scherer 2010; Banse & Scherer 1996), phrase-final
lengthening and pauses (Juslin & Laukka 2003), lip spreading (Tartter 1980). Each line names its source.
Valence here is an inversion of these rules, not what listeners hear: its vocal cues are known to be weak
(Laukka et al. 2005).
"""

from __future__ import annotations

import numpy as np

from emotive.voice.phones import phone_class
from emotive.voice.prosody import CONTROLS, INDEX, smooth
from emotive.voice.utterance import Timeline

SONORANT = ("vowel", "nasal", "liquid", "glide")


def vocal_controls(timeline: Timeline, affect: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Prosody controls (T, 10) of the rules for affect (T, 2+), valence and arousal of each neutral frame.

    At neutral the rules are silent; what is left is the small variation between two takes of a speaker.
    """
    phone, utterance = timeline.phone_of_frame(), timeline.utterance
    kinds = np.array([phone_class(s) for s in utterance.symbols])
    sonorant, pause = np.isin(kinds, SONORANT)[phone], (kinds == "pause")[phone]
    stressed, final = utterance.stressed()[phone], utterance.final()[phone]
    through = timeline.through_syllable()
    v, a = smooth(affect[:, :2].astype(np.float32), 0.12).T
    up, down = a.clip(0, None), (-a).clip(0, None)
    good, bad = v.clip(0, None), (-v).clip(0, None)
    tense, sad = up * bad, down * bad
    take = rng.standard_normal(4) * (0.25, 0.02, 0.4, 0.4)
    accent = (1 + 0.15 * rng.standard_normal(len(utterance)))[utterance.syllable[phone]]

    out = np.zeros((len(phone), len(CONTROLS)), np.float32)

    def put(name: str, value: np.ndarray) -> None:
        out[:, INDEX[name]] = value

    # MARY: pitch 0.3A + 0.1E %, i.e. +4.5 / -6.2 and +-1.7 semitones; the low end is kept above creak.
    pitch = 4.2 * up - 2.6 * down + 1.5 * v + take[0]
    # MARY: accents rise for E > -20 and fall below; prominence 0.5A %. An S through the stressed syllable.
    rise = np.sin(2 * np.pi * (through - 0.5)) * 2.2 * v
    peak = np.sin(np.pi * through) ** 2 * (1.3 * up - 0.5 * down)
    put("pitch", pitch + smooth(stressed * accent * (rise + peak), 0.05))
    # MARY: range 4 + 0.04A semitones; Mozziconacci 1998: 5 neutral, 10 joy and anger, 4 boredom.
    put("range", 0.50 * up - 0.45 * down + 0.12 * v)
    # MARY: rate 0.5A + 0.2E %, compressed; sonorants 0.3E %, obstruents 0.5A - 0.3E %, pauses -0.2A %.
    # Phrase-final lengthening grows in sadness and tenderness (Juslin & Laukka 2003: slow, with pauses).
    speech = -0.20 * up + 0.22 * down - 0.05 * v + take[1]
    speech = (
        speech
        + np.where(sonorant, 0.22 * v, 0.08 * a - 0.20 * v)
        + 0.06 * stressed * up
        + 0.16 * final * down
    )
    put("duration", np.where(pause, -0.35 * a - 0.10 * v, speech))
    # MARY: volume 50 + 0.33A; stress is louder in anger and joy (Emofilt's stress level).
    put("level", 5.5 * a + take[2] + 1.2 * stressed * up - 1.5 * final * sad)
    # Banse & Scherer 1996; Goudbeek & Scherer 2010: energy above 1 kHz grows with arousal.
    put("tilt", 5.0 * up - 4.0 * down + 1.0 * tense - 1.0 * sad + take[3])
    # Tartter 1980; Kamiloglu 2020: spread lips shorten the tract.
    put("formant", smooth(0.040 * v, 0.05))
    # Burkhardt 2009: tense voice for anger, breathy for sadness and calm; creak for sadness and boredom.
    put("tension", 0.30 * up + 0.75 * tense - 0.25 * down)
    put("breathiness", (0.40 * down + 0.25 * sad + 0.15 * down * good).clip(0, 1))
    put("creak", smooth((final & sonorant) * 0.6 * down * (1 - good), 0.06))
    put("jitter", 0.05 * (up + bad) + 0.12 * tense + 0.06 * sad)
    return out
