"""What judges read in a moving body, from a motion or from a file of one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from emotive.body.motion_files import load_body_motion
from emotive.errors import InputError
from emotive.signals import BodyMotion

from .body_features import body_features
from .body_judge import BodyJudge
from .body_published import CUES, BodyPublishedJudge
from .estimated_curve import EstimatedCurve
from .judge import Estimates

TOLD = 3  # cues that are named
LEAST = 0.05  # of the scale, that a cue must add to be named


class BodyReader(Protocol):
    """A judge of bodies."""

    name: str

    def fingerprint(self) -> str: ...
    def estimate(self, motions: Sequence[BodyMotion]) -> Estimates: ...
    def curve(self, motion: BodyMotion) -> EstimatedCurve: ...


class BodyReading(NamedTuple):
    """What one judge says. whole: of all of it, `Estimates` of (1,). curve: over time. moved_by: words for
    what moved the published judge most, such as "head bowed", strongest first; none of the learned one."""

    judge: str
    fingerprint: str
    whole: Estimates
    curve: EstimatedCurve
    moved_by: list[str]


def judge_body(
    motion: BodyMotion | str | os.PathLike[str], judges: Sequence[BodyReader] | None = None
) -> list[BodyReading]:
    """Readings of a motion, or of a file that `load_body_motion` opens (.npz, ours or SMPL-X's, .json, .bvh),
    by `judges`; the learned and the published one by default.

    Raises InputError, naming the file, for one that cannot be read, and for less than half a second.
    """
    name = None if isinstance(motion, BodyMotion) else os.fspath(motion)
    found = motion if isinstance(motion, BodyMotion) else load_body_motion(motion)
    judges = [BodyJudge.from_pretrained(), BodyPublishedJudge()] if judges is None else judges
    try:
        return [
            BodyReading(
                judge.name,
                judge.fingerprint(),
                judge.estimate([found]),
                judge.curve(found),
                _words(judge, found),
            )
            for judge in judges
        ]
    except InputError as error:
        raise error if name is None else InputError(f"{name}: {error}") from error


def _words(judge: BodyReader, motion: BodyMotion) -> list[str]:
    if not isinstance(judge, BodyPublishedJudge):
        return []
    features = body_features(motion)
    adds, off = judge.contributions(features), judge.deviations(features)
    size = {cue: max(abs(adds.valence[cue]), abs(adds.arousal[cue])) for cue in CUES}
    strongest = sorted((cue for cue in CUES if size[cue] >= LEAST), key=lambda cue: -size[cue])[:TOLD]
    return [CUES[cue].high if off[cue] > 0 else CUES[cue].low for cue in strongest]
