"""Are sounds where the timeline says they are? Its boundaries against those of a forced aligner.

The aligner (`voice/align.py`, pocketsphinx) knows the text but not our times. It has errors of its own,
steps of 10 ms among them: on the synthesisers' own timelines it shows how close to 0 one can come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from emotive.errors import InputError
from emotive.signals import Phone, Speech, Word
from emotive.voice.align import Times, align
from emotive.voice.phones import base


def boundary_errors(
    speech: Speech, aligner: Callable[..., Times] = align, spell: Any = None
) -> np.ndarray | None:
    """Seconds by which our phones begin later than the aligner's, (B,): of every word in which both have the
    same phones, each phone's start, and the end of the last. None if the aligner finds no way through."""
    try:
        phones, _, words = aligner(speech.waveform, speech.sample_rate, speech.text, spell)
    except InputError:
        return None
    if len(words) != len(speech.words):
        return None
    found: list[float] = []
    for mine, other in zip(speech.words, words, strict=True):
        ours, theirs = inside(speech.phones, mine), inside(phones, other)
        if [base(p.symbol) for p in ours] == [base(p.symbol) for p in theirs]:
            found += [p.start - q.start for p, q in zip(ours, theirs, strict=True)]
            found.append(ours[-1].end - theirs[-1].end)
    return np.array(found)


def inside(phones: Sequence[Phone], word: Word) -> list[Phone]:
    """The phones whose middle lies in a word."""
    return [p for p in phones if word.start < (p.start + p.end) / 2 < word.end]


def timing_summary(errors: Sequence[np.ndarray | None]) -> dict[str, Any]:
    """Of S sentences' `boundary_errors`: "median_ms" and "p90_ms" of their size, "bias_ms" the signed median,
    "within_20ms" the share, "boundaries" and "sentences" how many, "lost" how many the aligner gave up on."""
    kept = [e for e in errors if e is not None and len(e)]
    lost = len(errors) - len(kept)
    if not kept:
        return {"median_ms": None, "sentences": 0, "boundaries": 0, "lost": lost}
    signed = 1000 * np.concatenate(kept)
    return {
        "median_ms": float(np.median(np.abs(signed))),
        "p90_ms": float(np.percentile(np.abs(signed), 90)),
        "bias_ms": float(np.median(signed)),
        "within_20ms": float(np.mean(np.abs(signed) <= 20)),
        "boundaries": len(signed),
        "sentences": len(kept),
        "lost": lost,
    }
