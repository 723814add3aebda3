"""What moves in a voice with arousal, measured: five features that should all rise, and whether they do.

They are also what could pass for control: a player's sliders move three of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emotive.perceive.vocal_features import level, vocal_features
from emotive.signals import Speech
from emotive.voice.phones import BREATH, PAUSE

from .protocol import Measurements

# What is measured of every clip; all of it rises with arousal.
FEATURES = {
    "F0 mean": "semitones",
    "F0 range": "semitones, 20th to 80th percentile",
    "loudness": "dB re full scale, before any normalisation",
    "alpha ratio": "dB of 1..5 kHz against 50..1000 Hz",
    "rate": "syllables/s, pauses left out",
}
NUISANCES = ("F0 mean", "rate", "loudness")  # what the sliders of a player move


def affect_features(items: Sequence[Speech]) -> np.ndarray:
    """`FEATURES` of N clips with timelines, (N, 5)."""
    rows = []
    for item in items:
        found = vocal_features(item.waveform, item.sample_rate)
        said = sum(p.end - p.start for p in item.phones if p.symbol not in (PAUSE, BREATH))
        rows.append(
            (
                found["F0semitoneFrom27.5Hz_sma3nz_amean"],
                found["F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2"],
                level(item.waveform),
                found["alphaRatioV_sma3nz_amean"],
                len(item.syllables) / said,
            )
        )
    return np.array(rows)


def with_nuisances(found: Measurements) -> Measurements:
    """Pitch, rate and loudness as nuisances, each against its mean over the caption: voices differ in all."""
    columns = [list(FEATURES).index(name) for name in NUISANCES]
    chosen = found.features[:, columns]
    return replace(found, nuisances=chosen - chosen.mean(0))


def order(found: Measurements) -> dict[str, Any]:
    """At neutral valence, the share of captions in which each feature rises at every step of arousal: feature
    -> share; "rows" and "levels" say how many there were. {} where the grid has no neutral valence."""
    at = np.isclose(found.requested[:, 0], 0)
    rows = []
    for caption in np.unique(found.caption):
        mine = at & (found.caption == caption)
        by_level = [
            found.features[mine & np.isclose(found.requested[:, 1], a)].mean(0)
            for a in np.unique(found.requested[mine, 1])
        ]
        if len(by_level) > 1:
            rows.append((np.diff(by_level, axis=0) > 0).all(0))
    if not rows:
        return {}
    shares = {name: float(share) for name, share in zip(FEATURES, np.mean(rows, 0), strict=True)}
    return {**shares, "rows": len(rows), "levels": len(np.unique(found.requested[at, 1]))}
