"""The judge of speech with published relations only: a regressor that a reader can check by hand.

Nothing here was fitted, on our speech or on any other. The literature says how affect moves a voice. Those
statements, one line of `CUES` each, are read as a linear forward model,

    cue = norm + valence * toward_valence + arousal * toward_arousal + noise,    noise ~ N(0, spread^2)

and inverted by Bayes' rule under the prior that valence and arousal are uniform on [-1, 1], taken as normal
with its variance 1/3. What comes out is a weighted sum of cues, which `contributions` gives cue by cue, and a
spread.
Where the text has two cues for one thing, their spreads are widened by the root of their number.

Sizes are in the cue's own unit per unit of affect (neutral to the end of the scale):

MARY   Schröder 2003/2006, the rules of MARY TTS: pitch 30A + 10E %, rate 50A + 20E %, vowels, nasals and
       liquids 30E %, plosives and fricatives 50A - 30E %. Percent are turned into logarithms at 0. Its
       power dimension is taken as 0.
M98    Mozziconacci 1998: F0 range 5 semitones neutral, 10 joy and anger, 4 boredom.
BS96   Banse & Scherer 1996; JL03 Juslin & Laukka 2003: energy moves above 1 kHz with activation. The size is
       stated: MARY's volume, +-33 of 50, is 4.4 dB up, and the balance follows effort about dB by dB.
K00    Kienast & Sendlmeier 2000: F1 rises where the mouth opens more, in aroused speech. The size is stated.
T80    Tartter 1980: spread lips raise F2 and F3, by some percent.
K20    Kamiloglu et al. 2020: happy voices have high F1 and F2 and variable loudness. The sizes are stated.
B09    Burkhardt 2009; GN03 Gobl & Ní Chasaide 2003: breathy voice, a strong first harmonic, for calm and sad.
GS10   Goudbeek & Scherer 2010: spectral noise carries valence beyond arousal; harsh is negative (BS96).
L05    Laukka et al. 2005: valence, alone of the dimensions, is *not* predictable from 20 vocal cues.

Left out, because sources disagree on the sign: pauses (MARY: more with arousal; JL03: more in sadness), slope
of accents against valence (MARY negative; K20 variable pitch, positive), spectral balance against valence.

Norms are of the population where there is one: F0 120 and 210 Hz for men and women, 2.5 semitones between
speakers (Traunmüller & Eriksson 1995); the balance of the long-term average spectrum of speech (Byrne et al.
1994: -11 dB, 20 dB, -14 dB/kHz for alpha ratio, Hammarberg index and slope); formants averaged over vowels
of Peterson & Barney 1952, 15 % apart. Whether a voice is high or low is read from itself, softly, out of F0
and F2, F3 together; so somebody's excitement may pass for somebody else's voice. With `neutral`, features of
the same speaker speaking neutrally, differences are taken and the narrower second spread holds: far better.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .clips import Clip, waveform_of
from .judge import Estimates
from .vocal_features import UNITS, vocal_features


class Cue(NamedTuple):
    """A line of the forward model; units are the cue's own.

    `spread` is that between speakers and sentences, `within` that between sentences of one speaker, compared
    with several of his neutral ones. `low` and `high` are words for less and more of it.
    """

    norm: float
    toward_valence: float
    toward_arousal: float
    spread: float
    within: float
    low: str
    high: str


HERTZ = {"low": (120.0, 1450.0, 2450.0), "high": (210.0, 1680.0, 2820.0)}  # F0, F2, F3 of men and women
F1 = {"low": 500.0, "high": 560.0}
SEMITONES_APART, TRACT_APART = 2.5, 0.06  # between speakers of a kind: F0, and log formants of a sentence

CUES: dict[str, Cue] = {
    # MARY, 12 / ln 2 * (0.3 A + 0.1 E); M98. Between speakers: Traunmüller & Eriksson 1995.
    "pitch": Cue(0.0, 1.7, 5.2, 2.5, 0.8, "low pitch", "high pitch"),
    # M98: ln(10 / 5) for about 0.7, ln(4 / 5) for about -0.6; K20: variable pitch in happiness.
    "pitch range": Cue(math.log(4.0), 0.1, 0.6, 0.35, 0.25, "level pitch", "lively pitch"),
    # MARY: ln 1.5 A + ln 1.2 E, of which two thirds show in the measure. Between speakers: Jacewicz et al.
    # 2009. The norm is the usual centre of modulation (Houtgast & Steeneken 1985).
    "rate": Cue(math.log(4.0), 0.12, 0.26, 0.13, 0.09, "slow", "fast"),
    # BS96, JL03. Three views of one thing: spreads are 3 dB, 3 dB and 4 dB/kHz, times the root of 3.
    "alpha ratio": Cue(-11.0, 0.0, 4.0, 5.2, 2.2, "soft highs", "strong highs"),
    "hammarberg": Cue(20.0, 0.0, -4.0, 5.2, 2.6, "strong highs, peaks", "soft highs, peaks"),
    "spectral slope": Cue(-14.0, 0.0, 3.0, 6.9, 4.0, "steep spectrum", "flat spectrum"),
    # K00, K20: open mouths and smiles.
    "first formant": Cue(0.0, 0.05, 0.12, 0.12, 0.09, "closed vowels", "open vowels"),
    # T80, K20.
    "upper formants": Cue(0.0, 0.045, 0.0, 0.06, 0.025, "rounded lips", "spread lips"),
    # MARY: sonorants 0.3 E, obstruents 0.5 A - 0.3 E, as log odds of what is voiced.
    "voiced share": Cue(0.4, 0.60, -0.50, 0.40, 0.35, "long consonants", "long vowels"),
    # B09, GN03.
    "first harmonic": Cue(0.0, 0.0, -2.0, 3.5, 1.2, "pressed voice", "breathy voice"),
    # GS10, BS96.
    "harmonicity": Cue(12.0, 1.0, 0.0, 3.0, 1.8, "rough voice", "clear voice"),
    # JL03: high in anger and fear, low in sadness and tenderness.
    "jitter": Cue(math.log(0.008), -0.15, 0.20, 0.35, 0.30, "steady voice", "unsteady voice"),
    # K20: variable loudness in happiness; L05: variability with activation.
    "loudness range": Cue(0.60, 0.02, 0.03, 0.08, 0.06, "even loudness", "varied loudness"),
}
PRIOR = 1 / 3  # variance of a uniform distribution over [-1, 1]
FARTHEST = 3.0  # standard deviations that a cue may be off before it is clipped


class VocalContributions(NamedTuple):
    """What each cue adds to valence and to arousal, in units of [-1, 1], by cue."""

    valence: dict[str, float]
    arousal: dict[str, float]


class VocalPublishedJudge:
    """Published relations only; see the module.

    neutral: `vocal_features` of the same speaker's neutral speech, such as `mean_features` of some sentences.
    """

    name = "published, voice"

    def __init__(self, neutral: Mapping[str, float] | None = None):
        self.neutral = None if neutral is None else {name: float(neutral[name]) for name in UNITS}
        rows = np.array([[c.toward_valence, c.toward_arousal] for c in CUES.values()])
        noise = np.array([c.spread if neutral is None else c.within for c in CUES.values()])
        precision = rows.T @ (rows / noise[:, None] ** 2) + np.eye(2) / PRIOR
        self._inverse = np.linalg.solve(precision, (rows / noise[:, None] ** 2).T)  # (2, cues)
        self._spread = np.sqrt(np.diag(np.linalg.inv(precision)))
        # A cue that is off by more than the whole scale and its noise explain is a measurement gone wrong.
        self._farthest = FARTHEST * np.sqrt(noise**2 + PRIOR * np.square(rows).sum(1))

    def fingerprint(self) -> str:
        """64 hex digits: the sha256 of every number here, and of the neutral features."""
        numbers = [CUES, HERTZ, F1, SEMITONES_APART, TRACT_APART, PRIOR, FARTHEST, self.neutral]
        return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()

    def deviations(self, features: Mapping[str, float]) -> dict[str, float]:
        """How far each cue of `vocal_features` is from its norm, or from neutral, in its own unit."""
        here = cues(features)
        norm = {name: c.norm for name, c in CUES.items()} if self.neutral is None else cues(self.neutral)
        if self.neutral is None:
            # The norm of pitch and formants depends on whose voice it is.
            likely = high_voice(features)
            for name, of in _norms(likely).items():
                norm[name] = of
        return {name: here[name] - norm[name] for name in CUES}

    def contributions(self, features: Mapping[str, float]) -> VocalContributions:
        """What each cue adds; the sums, clipped to [-1, 1], are the estimate."""
        off = np.array(list(self.deviations(features).values())).clip(-self._farthest, self._farthest)
        valence, arousal = self._inverse * off
        return VocalContributions(*(dict(zip(CUES, x.tolist(), strict=True)) for x in (valence, arousal)))

    def estimate(self, items: Sequence[Clip]) -> Estimates:
        """Clips (see `clips.waveform_of`) -> `Estimates` of (N,).

        The spread is that of the inversion: what the noise of the cues leaves open. Raises InputError for a
        clip that is silent, shorter than half a second, unreadable or without a voice.
        """
        return self.estimate_features([vocal_features(waveform_of(item, 16_000), 16_000) for item in items])

    def estimate_features(self, measured: Sequence[Mapping[str, float]]) -> Estimates:
        """The same from `vocal_features` that are already measured."""
        both = [self.contributions(features) for features in measured]
        sums = np.array([[sum(c.valence.values()), sum(c.arousal.values())] for c in both]).reshape(-1, 2)
        spread = np.repeat(self._spread[None], len(both), 0)
        return Estimates(*sums.clip(-1, 1).T, *spread.T)


def cues(features: Mapping[str, float]) -> dict[str, float]:
    """The cues of `vocal_features`: pitch in semitones above 27.5 Hz, formants as natural logs of Hz."""

    def get(name: str, least: float = 0.0) -> float:
        return max(features[name], least)

    share = min(max(features["voicedShare"], 0.05), 0.95)
    # F3 depends little on the vowel, so it tells most about the tract.
    f2, f3 = (math.log(features[f"F{i}frequency_sma3nz_amean"]) for i in (2, 3))
    return {
        "pitch": features["F0semitoneFrom27.5Hz_sma3nz_amean"],
        "pitch range": math.log(get("F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2", 0.3)),
        "rate": math.log(get("modulationRate", 1.0)),
        "alpha ratio": features["alphaRatioV_sma3nz_amean"],
        "hammarberg": features["hammarbergIndexV_sma3nz_amean"],
        "spectral slope": features["slopeV500-1500_sma3nz_amean"],
        "first formant": math.log(features["F1frequency_sma3nz_amean"]),
        "upper formants": 0.25 * f2 + 0.75 * f3,
        "voiced share": math.log(share / (1 - share)),
        "first harmonic": features["logRelF0-H1-H2_sma3nz_amean"],
        "harmonicity": features["HNRdBACF_sma3nz_amean"],
        "jitter": math.log(get("jitterLocal_sma3nz_amean", 1e-4)),
        "loudness range": features["loudness_sma3_stddevNorm"],
    }


def high_voice(features: Mapping[str, float]) -> float:
    """How likely the voice is of the high kind (most women's) rather than the low, from itself, in [0, 1].

    Two normal distributions over pitch and upper formants; arousal may move the pitch, so it counts for less.
    """
    here = cues(features)
    moved = math.hypot(SEMITONES_APART, CUES["pitch"].toward_arousal * math.sqrt(PRIOR))
    odds = 0.0
    for kind, sign in (("high", 1), ("low", -1)):
        norm = _kind(kind)
        odds -= sign * 0.5 * ((here["pitch"] - norm["pitch"]) / moved) ** 2
        odds -= sign * 0.5 * ((here["upper formants"] - norm["upper formants"]) / TRACT_APART) ** 2
    return 1 / (1 + math.exp(-min(max(odds, -50.0), 50.0)))


def mean_features(items: Sequence[Clip]) -> dict[str, float]:
    """The mean `vocal_features` of clips of one speaker, for `VocalPublishedJudge(neutral=...)`."""
    measured = [vocal_features(waveform_of(item, 16_000), 16_000) for item in items]
    return {name: float(np.mean([m[name] for m in measured])) for name in UNITS}


def _kind(kind: str) -> dict[str, float]:
    f0, f2, f3 = HERTZ[kind]
    return {
        "pitch": 12 * math.log2(f0 / 27.5),
        "first formant": math.log(F1[kind]),
        "upper formants": 0.25 * math.log(f2) + 0.75 * math.log(f3),
    }


def _norms(likely_high: float) -> dict[str, float]:
    low, high = _kind("low"), _kind("high")
    return {name: low[name] + likely_high * (high[name] - low[name]) for name in low}
