"""One sentence about one clip: where it lies, what that is called, and which vocal cues moved it."""

from __future__ import annotations

from collections.abc import Mapping

from emotive.affect import Affect

from .clips import Clip, waveform_of
from .explanation import Mover, strongest
from .judge import Estimates
from .vocal_features import vocal_features
from .vocal_published import CUES, VocalPublishedJudge


def explain_voice(
    clip: Clip, estimates: Estimates, judge: VocalPublishedJudge | None = None, names: int = 3
) -> str:
    """A sentence about a clip and a judge's `estimates` of it alone (N = 1).

    The reasons are those of the published `judge`, whose contributions add up; a network's own are not known.
    """
    valence, arousal, valence_sd, arousal_sd = (float(x[0]) for x in estimates)
    near = ", ".join(term.term for term, _ in Affect(valence, arousal).nearest(names))
    moved = vocal_movers(vocal_features(waveform_of(clip, 16_000), 16_000), judge)
    reasons = "; ".join(part for part in (strongest(axis, moved) for axis in ("valence", "arousal")) if part)
    return (
        f"Valence {valence:+.2f} ± {valence_sd:.2f}, arousal {arousal:+.2f} ± {arousal_sd:.2f}; "
        f"nearest names: {near}. What the published cues hear: {reasons or 'nothing that stands out'}."
    )


def vocal_movers(features: Mapping[str, float], judge: VocalPublishedJudge | None = None) -> list[Mover]:
    """Each cue of the published judge in words, with what it adds to valence and arousal, in [-1, 1]."""
    judge = judge or VocalPublishedJudge()
    adds, off = judge.contributions(features), judge.deviations(features)
    return [
        Mover(CUES[name].high if off[name] > 0 else CUES[name].low, adds.valence[name], adds.arousal[name])
        for name in CUES
    ]
