"""The numbers of lips over many utterances, and their controls: the same measures of motion that was shifted,
or made for another utterance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emotive.signals import FaceMotion, Speech

from .head_visemes import LipReader, mouth_weights, viseme_f1, viseme_labels
from .lip_sync import (
    BILABIAL,
    LABIODENTAL,
    NO_CONTACTS,
    OPENNESS,
    ROUND,
    SHIFTS,
    SPREAD,
    MouthTracks,
    above,
    closed,
    contacts,
    correlations,
    envelope,
    fitted,
    lent,
    moved,
    peak_lag,
    shifted,
    temporal_misalignment,
    tucked,
    vowel_values,
)

SHORTEST = 30  # frames of an utterance that is measured


@dataclass(frozen=True, eq=False)
class Utterance:
    """A speech and the mouth that says it. mouth: what is seen. tracks: (T, K) of the motion, for reading
    visemes. reference: a gap (T,) to hold its timing against, or None."""

    speech: Speech
    fps: float
    mouth: MouthTracks
    tracks: np.ndarray
    reference: np.ndarray | None = None

    @classmethod
    def of(
        cls, speech: Speech, motion: FaceMotion, mouth: MouthTracks, reference: np.ndarray | None = None
    ) -> Utterance:
        return cls(speech, float(motion.fps), mouth, mouth_weights(motion), reference)


def lip_numbers(utterances: Sequence[Utterance], reader: LipReader | None = None) -> dict[str, Any]:
    """correlation of gap and envelope (the mean over utterances), the lag in frames at which their mean
    curve peaks (later lips: above 0), within_1 (the share of utterances that peak at most a frame away),
    closure recall and precision, contact recall and precision (f, v), viseme_f1 (macro; `visemes` each),
    misalignment (ms, mean), vowels (median gaps, whether they are in order) and rounding (the probability
    that a rounded vowel is narrower than a spread one). None where nothing of it was said or known."""
    utterances = [u for u in utterances if len(u.mouth) >= SHORTEST]
    curves, lip, teeth, read, labels, late = [], NO_CONTACTS, NO_CONTACTS, [], [], []
    heights: dict[str, list[float]] = {kind: [] for kind in OPENNESS}
    widths: dict[str, list[float]] = {"round": [], "spread": []}
    for u in utterances:
        frames, phones = len(u.mouth), u.speech.phones
        sound = envelope(u.speech.waveform, u.speech.sample_rate, u.fps, frames)
        curves.append(correlations(u.mouth.gap, sound))
        lip += contacts(closed(u.mouth), u.fps, phones, BILABIAL, LABIODENTAL)
        teeth += contacts(tucked(u.mouth), u.fps, phones, LABIODENTAL)
        for kind, values in vowel_values(u.mouth.gap, u.fps, phones, OPENNESS).items():
            heights[kind] += values
        kinds = {"round": ROUND, "spread": SPREAD}
        for kind, values in vowel_values(u.mouth.width, u.fps, phones, kinds).items():
            widths[kind] += values
        if reader is not None:
            read.append(reader.read(u.tracks))
            labels.append(viseme_labels(phones, u.fps, len(u.tracks)))
        if u.reference is not None:
            late.append(temporal_misalignment(u.mouth.gap, u.reference[:frames], u.fps))
    curve = np.mean(curves, axis=0) if curves else np.zeros(21)
    f1 = viseme_f1(read, labels) if read else None
    medians = {kind: float(np.median(v)) if v else None for kind, v in heights.items()}
    there = [v for v in medians.values() if v is not None]
    return {
        "utterances": len(utterances),
        "correlation": float(curve[len(curve) // 2]),
        "lag": peak_lag(curve),
        "within_1": float(np.mean([abs(peak_lag(c)) <= 1 for c in curves])) if curves else None,
        "closure": {"recall": lip.recall, "precision": lip.precision, "n": lip.sounds},
        "contact": {"recall": teeth.recall, "precision": teeth.precision, "n": teeth.sounds},
        "viseme_f1": None if f1 is None else f1["macro"],
        "visemes": {} if f1 is None else {k: v for k, v in f1.items() if k != "macro"},
        "misalignment": float(np.mean(late)) if late else None,
        "vowels": medians,
        "vowels_in_order": there == sorted(there, reverse=True) if len(there) == len(medians) else None,
        "rounding": above(widths["spread"], widths["round"]),
    }


def control_numbers(
    utterances: Sequence[Utterance], reader: LipReader | None = None
) -> Mapping[str, dict[str, Any]]:
    """`lip_numbers` of the controls: "shuffled", each utterance with the motion of the one half the list
    away, and "-5", "-2", "+2", "+5", its own so many frames later."""
    others = [utterances[(i + (len(utterances) + 1) // 2) % len(utterances)] for i in range(len(utterances))]
    found = {}
    if len(utterances) > 1:
        strange = [
            replace(u, mouth=lent(other.mouth, len(u.mouth)), tracks=fitted(other.tracks, len(u.tracks)))
            for u, other in zip(utterances, others, strict=True)
        ]
        found["shuffled"] = lip_numbers(strange, reader)
    for frames in SHIFTS:
        late = [
            replace(u, mouth=moved(u.mouth, frames), tracks=shifted(u.tracks, frames)) for u in utterances
        ]
        found[f"{frames:+d}"] = lip_numbers(late, reader)
    return found
