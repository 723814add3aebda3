"""What passes between rooms over time: speech, with the times of its phones, syllables and words.

Every time in a signal is in seconds from its first sample; `start` says where that sample lies on a longer
clock, such as that of a dialogue.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.media import write_whole

from .archive import check_format, curve_from_record, curve_record, joined_curve, pack, reading, unpack

FORMAT = "emotive-speech"
VERSION = 1
ALPHABETS = ("arpabet", "ipa")


@dataclass(frozen=True)
class Phone:
    """One speech sound, from `start` to `end` (seconds). `symbol` is of the alphabet that its speech names;
    besides it, "pau" is silence and "breath" an audible breath. ARPAbet vowels carry their stress (AA1)."""

    symbol: str
    start: float
    end: float


@dataclass(frozen=True)
class Syllable:
    """One syllable, from `start` to `end` (seconds). `stress` is 0 none, 1 primary, 2 secondary."""

    stress: int
    start: float
    end: float


@dataclass(frozen=True)
class Word:
    """One spoken word, from `start` to `end` (seconds)."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, eq=False)
class Speech:
    """A voice and its timeline.

    waveform: float32 (N,), mono, in [-1, 1]; kept read-only. N is 0 for a timeline alone, as from `.json`.
    sample_rate: samples/s.
    text: what is said, as it was written.
    phones: without gaps from 0 to the end, or none if they are not known.
    syllables, words: in order, without overlap; pauses lie between them.
    affect: the curve that was used, its times from the first sample as well; neutral by default.
    alphabet: of the phones, "arpabet" or "ipa".
    voice: who speaks, a name that the engine knows.
    start: seconds on a longer clock at which the first sample lies.

    Raises InputError if the waveform has another shape, values that are not finite or beyond [-1, 1], or if
    times run backwards, overlap, leave gaps between phones or, by more than half a sample, the waveform.
    """

    waveform: np.ndarray
    sample_rate: int
    text: str = ""
    phones: tuple[Phone, ...] = ()
    syllables: tuple[Syllable, ...] = ()
    words: tuple[Word, ...] = ()
    affect: AffectCurve = field(default_factory=lambda: AffectCurve.constant(Affect(0.0, 0.0)))
    alphabet: str = "arpabet"
    voice: str = ""
    start: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.sample_rate, bool) or int(self.sample_rate) != self.sample_rate:
            raise InputError(f"the sample rate is a whole number of samples/s, not {self.sample_rate}")
        if self.sample_rate < 1:
            raise InputError(f"the sample rate must be above 0, not {self.sample_rate}")
        if self.alphabet not in ALPHABETS:
            raise InputError(f"the alphabet is {' or '.join(ALPHABETS)}, not {self.alphabet!r}")
        if not (math.isfinite(self.start) and self.start >= 0):
            raise InputError(f"speech starts at a finite number of seconds from 0 on, not {self.start}")
        waveform = np.array(self.waveform, dtype=np.float32)  # a copy: nobody else can write into it
        if waveform.ndim != 1:
            raise InputError(f"a waveform is mono, of shape (N,), not {waveform.shape}")
        peak = float(np.abs(waveform).max(initial=0.0))
        if not peak <= 1.0:
            what = f"runs to {peak:.3g}" if math.isfinite(peak) else "has values that are not finite"
            raise InputError(f"the waveform {what}; samples are in [-1, 1]")
        waveform.setflags(write=False)
        for name, value in (("waveform", waveform), ("sample_rate", int(self.sample_rate))):
            object.__setattr__(self, name, value)
        for name in ("phones", "syllables", "words"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        self._check_times()

    @property
    def duration(self) -> float:
        """Seconds: of the waveform, or, for a timeline alone, until the last of its times."""
        if len(self.waveform):
            return len(self.waveform) / self.sample_rate
        return max(
            (span.end for span in (*self.phones[-1:], *self.syllables[-1:], *self.words[-1:])), default=0.0
        )

    def timeline(self) -> dict[str, Any]:
        """Everything but the waveform, as what JSON can hold; times in seconds."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "text": self.text,
            "voice": self.voice,
            "alphabet": self.alphabet,
            "sample_rate": self.sample_rate,
            "start": float(self.start),
            "duration": self.duration,
            "words": [{"text": w.text, "start": float(w.start), "end": float(w.end)} for w in self.words],
            "syllables": [
                {"stress": int(s.stress), "start": float(s.start), "end": float(s.end)}
                for s in self.syllables
            ],
            "phones": [
                {"symbol": p.symbol, "start": float(p.start), "end": float(p.end)} for p in self.phones
            ],
            "affect": curve_record(self.affect),
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes `.npz` (all of it, exactly) or `.json` (the timeline alone), whole or not at all.

        Raises InputError for another suffix, or a folder that is missing or cannot be written.
        """
        path = Path(path)
        timeline = json.dumps(self.timeline(), ensure_ascii=False, allow_nan=False, indent=1)
        if path.suffix.lower() == ".json":
            write_whole(path, timeline.encode())
        elif path.suffix.lower() == ".npz":
            write_whole(path, pack({"waveform": self.waveform}, "timeline", timeline))
        else:
            raise InputError(f"{path}: speech is saved as .npz or, its timeline alone, as .json")
        return path

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Speech:
        """Reads what `save` wrote; from `.json` the waveform is empty.

        Raises InputError, naming the file, if it is missing, damaged, too large or something else.
        """
        path = Path(path)
        with reading(path, "speech"):
            if path.suffix.lower() == ".json":
                waveform, text = np.zeros(0, np.float32), path.read_bytes()
            elif path.suffix.lower() == ".npz":
                (waveform,), text = unpack(path, ["waveform"], "timeline", "speech")
            else:
                raise InputError("speech is loaded from .npz or .json")
            return _from_timeline(waveform, json.loads(text))

    @classmethod
    def concatenate(cls, parts: Sequence[Speech]) -> Speech:
        """One after the other, without gaps; all times are shifted, and the curves joined.

        The result starts where the first part does, and keeps the voice if all have the same. A part without
        text and phones among others with phones becomes a pause. Raises InputError for no parts, parts of
        different sample rates or alphabets, and for a part with text but without phones among others with.
        """
        parts = list(parts)
        if not parts:
            raise InputError("there is no speech to concatenate")
        first = parts[0]
        for part in parts:
            if part.sample_rate != first.sample_rate:
                raise InputError(
                    f"cannot join {first.sample_rate} and {part.sample_rate} samples/s; resample one"
                )
            if part.alphabet != first.alphabet:
                raise InputError(f"cannot join phones in {first.alphabet} and in {part.alphabet}")
        with_phones = any(part.phones for part in parts)
        phones: list[Phone] = []
        syllables: list[Syllable] = []
        words: list[Word] = []
        curves: list[tuple[float, AffectCurve, float]] = []
        offset, samples = 0.0, 0
        for part in parts:
            said = part.phones
            if with_phones and not said and part.duration:
                if part.text:
                    raise InputError(f"{part.text[:40]!r} has no phones, but other parts have")
                said = (Phone("pau", 0.0, part.duration),)
            phones += [Phone(p.symbol, offset + p.start, offset + p.end) for p in said]
            syllables += [Syllable(s.stress, offset + s.start, offset + s.end) for s in part.syllables]
            words += [Word(w.text, offset + w.start, offset + w.end) for w in part.words]
            curves.append((offset, part.affect, part.duration))
            # Counted in samples, so that errors do not add up over a long text.
            samples += len(part.waveform)
            offset = samples / part.sample_rate if len(part.waveform) else offset + part.duration
        return cls(
            np.concatenate([part.waveform for part in parts]),
            first.sample_rate,
            " ".join(part.text for part in parts if part.text),
            tuple(phones),
            tuple(syllables),
            tuple(words),
            joined_curve(curves, 0.5 / first.sample_rate) or first.affect,
            first.alphabet,
            first.voice if all(part.voice == first.voice for part in parts) else "",
            first.start,
        )

    def _check_times(self) -> None:
        tolerance = 0.5 / self.sample_rate * (1 + 1e-6)  # half a sample, and what rounding adds to it
        end = self.duration
        named = (
            [(f"phone {p.symbol!r}", p.start, p.end) for p in self.phones],
            [(f"syllable {i}", s.start, s.end) for i, s in enumerate(self.syllables, start=1)],
            [(f"word {w.text[:40]!r}", w.start, w.end) for w in self.words],
        )
        for spans in named:
            for name, start, stop in spans:
                if not -tolerance <= start < stop <= end + tolerance:  # false for NaN, too
                    raise InputError(f"{name} lies at {start}..{stop} s of speech that lasts {end:.6g} s")
            for (before, _, left), (after, right, _) in pairwise(spans):
                if right < left - tolerance:
                    raise InputError(f"{after} begins at {right} s, before {before} ends at {left} s")
        spans = named[0]
        for (before, _, left), (after, right, _) in pairwise(spans):
            if right > left + tolerance:
                raise InputError(f"there is a gap between {before} and {after}, {left}..{right} s")
        if spans and (spans[0][1] > tolerance or spans[-1][2] < end - tolerance):
            raise InputError(
                f"phones last from {spans[0][1]} to {spans[-1][2]} s, but the speech from 0 to {end:.6g} s"
            )
        if any(s.stress not in (0, 1, 2) for s in self.syllables):
            raise InputError("the stress of a syllable is 0, 1 or 2")


def _from_timeline(waveform: np.ndarray, record: Any) -> Speech:
    check_format(record, FORMAT, VERSION, "speech")
    return Speech(
        waveform,
        record["sample_rate"],
        _text(record["text"]),
        tuple(Phone(_text(p["symbol"]), float(p["start"]), float(p["end"])) for p in record["phones"]),
        tuple(Syllable(int(s["stress"]), float(s["start"]), float(s["end"])) for s in record["syllables"]),
        tuple(Word(_text(w["text"]), float(w["start"]), float(w["end"])) for w in record["words"]),
        curve_from_record(record["affect"]),
        record["alphabet"],
        _text(record["voice"]),
        float(record["start"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:40]!r} should be text")
    return value
