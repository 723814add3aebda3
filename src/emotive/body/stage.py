"""What the motion of a body is made from, besides the plan: what is heard, who moves, which files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotive.errors import InputError
from emotive.media import check_file
from emotive.media.provenance import Provenance
from emotive.signals import FaceMotion

from .actors import ACTORS, Actor, open_actor

BAKED = (".glb", ".vrm")  # what a character of one's own can be written as


@dataclass(frozen=True)
class Stage:
    """What a motion is made from and shown by, besides the plan: what is heard, who moves, which files."""

    audio: Path | None = None
    transcript: str | None = None
    emotion_from: Path | None = None
    style: str | None = None
    character: Path | None = None
    face_motion: Path | None = None
    from_motion: Path | None = None
    names: str = "vrm"
    upper: bool = False
    speech_model: str = "emotive-speech-1"

    @classmethod
    def of(cls, made: Provenance) -> Stage:
        """That of a motion to make again, as far as its provenance is to be trusted: it opens no file."""
        told = made.extra
        style = told.get("style")
        return cls(
            style=style if style in ACTORS else None,
            upper=told.get("upper") is True,
            names="mixamo" if told.get("names") == "mixamo" else "vrm",
        )

    def check(self, files: Sequence[Path]) -> None:
        """Raises InputError for what can be known to be wrong before anything is loaded."""
        if self.style is not None:
            self.actor()
        if self.names not in ("vrm", "mixamo"):
            raise InputError(f"--names {self.names[:40]!r} is not known: use vrm or mixamo")
        for file in (self.audio, self.emotion_from, self.face_motion, self.from_motion, self.character):
            if file is not None:
                check_file(file)
        if self.character is not None and not any(f.suffix.lower() in BAKED for f in files):
            raise InputError(f"--character is written as {' or '.join(BAKED)}: give such an --output")
        if self.character is None and any(f.suffix.lower() == ".vrm" for f in files):
            raise InputError("a .vrm is a character: give yours with --character, or write a .vrma")

    def actor(self) -> Actor | None:
        """Who moves, if anybody was named."""
        return None if self.style is None else open_actor(self.style)

    def face(self) -> FaceMotion | None:
        """How the face moves, if that was given."""
        from emotive.face.motion_files import load_motion

        return None if self.face_motion is None else load_motion(self.face_motion)

    def told(self) -> dict[str, Any]:
        """What the provenance says of it."""
        told: dict[str, Any] = {}
        named = {"audio": self.audio, "emotion_from": self.emotion_from, "face_motion": self.face_motion}
        named |= {"motion": self.from_motion, "character": self.character}
        for name, file in named.items():
            if file is not None:
                told |= {name: file.name, f"{name}_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        if self.transcript:
            told["transcript"] = self.transcript
        if self.style:
            told["style"] = self.style
        if self.names != "vrm":
            told["names"] = self.names
        if self.speech_model != "emotive-speech-1":
            told["speech_model"] = self.speech_model
        return told | ({"upper": True} if self.upper else {})
