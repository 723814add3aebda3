"""ZeroEGGS: one actor, nineteen styles.

Ghorbani et al. 2023, "ZeroEGGS: Zero-shot example-based gesture generation from speech". Licensed for
non-commercial use without derivatives, and not part of Emotive.

Of its two folders this reads `clean`, in which motion and sound begin together: `067_Speech_2_x_1_0.bvh`
(60 frames/s, 75 joints, each with a place of its own) beside the `.wav`; number of the recording, style,
number within the style, "x" or "mirror", and by how much it is stretched, "1_0" not at all. What is stretched
is left out. There is no text; a TextGrid beside them is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from emotive.affect import Affect

from .motion_take import Recording

FEELINGS = {
    "angry": "angry", "happy": "happy", "laughing": "amused", "neutral": "neutral", "relaxed": "relaxed",
    "sad": "sad", "scared": "scared", "threatening": "hostile", "tired": "tired",
}  # fmt: skip
"""Styles that are named emotions, or nearly. Of the others (agreement, disagreement, distracted, flirty, old,
oration, pensive, sarcastic, sneaky, speech, still) the affect is not known."""

VALIDATION = frozenset((5, 10, 15, 20, 25, 29, 33, 35, 38, 41, 44, 47, 50, 53, 56, 58, 61, 64, 65, 66, 67))
"""Recordings that its authors validate with (`info.csv`); they train with all others."""

_NAME = re.compile(r"(\d{3})_([A-Za-z]+)_(\d+)_(x|mirror)_1_0$")


def is_zeroeggs(name: str) -> bool:
    """Whether a file without its suffix is called like a take that is not stretched."""
    return _NAME.match(name) is not None


def zeroeggs_recordings(files: Mapping[str, Mapping[str, Path]]) -> list[Recording]:
    """The takes among files, by name and suffix. Those without motion or sound are left out."""
    found = []
    for name in sorted(files):
        match, own = _NAME.match(name), files[name]
        if match is None or ".bvh" not in own or ".wav" not in own:
            continue
        feeling = FEELINGS.get(match[2].lower())
        split = "val" if int(match[1]) in VALIDATION else "train"
        affect = None if feeling is None else Affect.parse(feeling)
        found.append(
            Recording(name, "zeroeggs", split, own[".bvh"], own[".wav"], own.get(".textgrid"), affect)
        )
    return found
