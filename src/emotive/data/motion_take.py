"""A take of a dataset of people who talk and move: its files, and what is in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emotive.affect import Affect
from emotive.body.bvh_reader import read_bvh
from emotive.body.retarget import centred, motion_of
from emotive.body.smplx_reader import motion_of_smplx
from emotive.errors import InputError
from emotive.media.audio import read_audio
from emotive.signals import BodyMotion, Phone, Syllable, Word

from .textgrid import Spoken, spoken

SPLITS = ("train", "val", "test", "additional")
APART = 3.0  # s by which a motion and its sound may differ in length


@dataclass(frozen=True, eq=False)
class Take:
    """motion: facing +Z, over the origin. waveform: float32 (N,), of the same length, `sample_rate` a second.
    phones, syllables, words: in s from its beginning, empty if they are not known; `alphabet` of the phones.
    affect: None if it is not known, which is not neutral. split: one of `SPLITS`, as the dataset's authors
    have it."""

    name: str
    speaker: str
    split: str
    motion: BodyMotion
    waveform: np.ndarray
    sample_rate: int
    phones: tuple[Phone, ...] = ()
    syllables: tuple[Syllable, ...] = ()
    words: tuple[Word, ...] = ()
    alphabet: str = "arpabet"
    affect: Affect | None = None


@dataclass(frozen=True)
class Recording:
    """The files of a take. motion: `.bvh` or `.npz` of SMPL-X. words: a TextGrid, if there is one. begins,
    ends: the part of them that the take is, s; None is the end."""

    name: str
    speaker: str
    split: str
    motion: Path
    sound: Path
    words: Path | None = None
    affect: Affect | None = None
    begins: float = 0.0
    ends: float | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(file for file in (self.motion, self.sound, self.words) if file is not None)

    def open(self, fps: float = 30) -> Take:
        """Reads it; the motion at `fps` frames/s, to the end of whatever ends first.

        Raises InputError, naming the file, if one is missing or broken, or the motion is not of the sound.
        """
        if self.motion.suffix.lower() == ".npz":
            motion = motion_of_smplx(self.motion, fps)
        else:
            motion = motion_of(read_bvh(self.motion), fps, str(self.motion))
        waveform, rate = read_audio(self.sound)
        lasts = len(waveform) / rate
        if abs(lasts - motion.duration) > APART:
            raise InputError(
                f"{self.motion}: it lasts {motion.duration:.1f} s, its sound {lasts:.1f} s: not of one take"
            )
        begins, ends = self.begins, min(self.ends or lasts, lasts, motion.duration)
        frames = round(begins * fps), int(ends * fps + 1e-6)
        if frames[1] - frames[0] < 2:
            raise InputError(f"{self.motion}: there is nothing between {begins:g} and {ends:.3g} s")
        begins, ends = frames[0] / fps, frames[1] / fps
        said = Spoken((), (), ()) if self.words is None else _between(spoken(self.words), begins, ends)
        return Take(
            self.name,
            self.speaker,
            self.split,
            replace(centred(motion.part(*frames)), start=0.0),
            waveform[round(begins * rate) : round(ends * rate)],
            rate,
            said.phones,
            said.syllables,
            said.words,
            said.alphabet,
            self.affect,
        )


def _between(said: Spoken, begins: float, ends: float) -> Spoken:
    """What is said from one time to another, in s from the first; what crosses them is cut."""

    def part(spans: tuple) -> tuple:
        return tuple(
            replace(s, start=max(s.start, begins) - begins, end=min(s.end, ends) - begins)
            for s in spans if s.end > begins + 1e-6 and s.start < ends - 1e-6
        )  # fmt: skip

    return Spoken(part(said.phones), part(said.syllables), part(said.words), said.alphabet)
