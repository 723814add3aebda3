"""What a video of a face is shot from, besides the plan: who, what is heard, what moves, and who agreed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from emotive.errors import InputError
from emotive.media.provenance import Provenance

from .controls import FaceControls


@dataclass(frozen=True)
class Shot:
    """What a video is shot from, besides the plan: who, what is heard, what moves, and who agreed."""

    portrait: str | None = None
    audio: Path | None = None
    transcript: str | None = None
    landmarks: Path | None = None
    detector: str | None = None
    from_motion: Path | None = None
    consent: str | None = None
    not_a_person: bool = False
    speech_model: str = "emotive-speech-1"
    moves: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, made: Provenance) -> Shot:
        """That of a video to make again, as far as its provenance is to be trusted: it opens no file."""
        from emotive.face.opening import bundled_portraits

        name, moves = made.extra.get("portrait"), made.extra.get("controls")
        known = name if isinstance(name, str) and name in bundled_portraits() else None
        return cls(known, moves=moves if isinstance(moves, dict) else {})

    def moved(self, moves: Mapping[str, Any]) -> Shot:
        """With other controls where they are given."""
        return replace(self, moves={**self.moves, **moves})

    @property
    def controls(self) -> FaceControls:
        """Raises InputError where they are out of range."""
        moves = dict(self.moves)
        if moves.pop("still", False):
            moves["head_motion"] = 0.0
        try:
            return FaceControls(**moves)
        except TypeError as error:
            raise InputError(f"the controls of the face cannot be read: {error}") from error

    def check(self, motion: Path | None) -> None:
        """Raises InputError for what can be known to be wrong before anything is loaded."""
        from emotive.face.motion_files import WRITTEN
        from emotive.media import check_folder

        self.controls  # noqa: B018  what is out of range is said now
        if motion is not None:
            if motion.suffix.lower() not in WRITTEN:
                raise InputError(f"--motion {motion.name} must end in {' or '.join(WRITTEN)}")
            check_folder(motion.parent)

    @property
    def badge(self) -> bool:
        """Whether the video must say visibly that it is synthetic."""
        return self.consent is None and not self.not_a_person

    def told(self) -> dict[str, Any]:
        """What the provenance says of it."""
        from emotive.face.opening import bundled_portraits
        from emotive.media import check_file

        told: dict[str, Any] = {"portrait": os.path.basename(self.portrait or "")}
        if self.portrait not in bundled_portraits():
            told["portrait_sha256"] = _digest(Path(self.portrait or ""))
            told["consent"] = self.consent or ("not a person" if self.not_a_person else "not given")
        for name, file in (("audio", self.audio), ("motion", self.from_motion)):
            if file is not None:
                check_file(file)
                told |= {name: file.name, f"{name}_sha256": _digest(file)}
        if self.transcript:
            told["transcript"] = self.transcript
        return told | ({"controls": dict(self.moves)} if self.moves else {})


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror or error}") from error
