"""Motion capture of people who talk, for the gesture model: BEAT, BEAT2 and ZeroEGGS folders -> clips.

What is heard of the voice, what is said if a TextGrid tells, the affect that was asked for or none, and the
controls of a body that moves likewise. The takes that their authors train with, unless others are asked for.
What was read is kept, one `.npz` a take. Mind the licences of these datasets: non-commercial use only.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from emotive.body.channels import CHANNELS
from emotive.body.reading_pose import channels_of, faced
from emotive.data.motion_sets import open_takes
from emotive.data.motion_take import Recording, Take
from emotive.errors import InputError
from emotive.media import write_whole
from emotive.media.audio import resample
from emotive.signals import Phone, Syllable, Word
from emotive.voice.listening import FEATURES, FRAMES, RATE, listen

from .clips import TOKENS

SHORTEST, LONGEST = 8.0, 20.0  # s of a clip
_VERSION = 1
_ARRAYS = ("heard", "affect", "tracks")


@dataclass(frozen=True, eq=False)
class MotionClip:
    """name: of the take, and the number of the clip in it. speaker: who moves. heard: float16 (N, 172), see
    `voice.listening`. affect: float32 (N, 3), NaN where it is not known. phones, syllables and words in
    seconds from the clip's beginning, `alphabet` of the phones; empty if they are not known. tracks: the
    controls, float32 (N, 50), in the order of `CHANNELS`. All at 30 tokens/s. split: as the authors have it.
    """

    name: str
    speaker: str
    heard: np.ndarray
    affect: np.ndarray
    alphabet: str
    phones: tuple[Phone, ...]
    syllables: tuple[Syllable, ...]
    words: tuple[Word, ...]
    tracks: np.ndarray
    split: str = "train"


def open_motion_data(
    folder: str | os.PathLike[str],
    kept: Path,
    report: Callable[[str], None] = print,
    splits: Sequence[str] = ("train",),
) -> list[MotionClip]:
    """Clips of 8 to 20 s of all takes in `folder` of these splits; what is read is kept in `kept`.

    What cannot be used is reported in one line and left out. Raises InputError if nothing is left, or the
    folder has no takes in it.
    """
    found = open_takes(folder)
    takes = [take for take in found if take.split in splits]
    if not takes:
        raise InputError(f"none of the {len(found)} takes in {folder} is of {' or '.join(splits)}")
    kept.mkdir(parents=True, exist_ok=True)
    clips: list[MotionClip] = []
    for take in takes:
        cache, source = kept / f"{take.name}.npz", _fingerprint(take)
        try:
            own = _read(cache, source)
            if own is None:
                own = clips_of(take.open(TOKENS))
                write_whole(cache, _packed(own, source))
            clips += own
        except InputError as error:
            line = str(error)
            report(f"left out: {line if take.name in line else f'{take.name}: {line}'}")
    if not clips:
        raise InputError(f"none of the {len(takes)} takes in {folder} can be used")
    seconds = sum(len(clip.heard) for clip in clips) / TOKENS
    report(f"{len(takes)} takes of motion: {len(clips)} clips, {seconds / 60:.1f} minutes")
    return clips


def clips_of(take: Take) -> list[MotionClip]:
    """A take at 30 frames/s, cut into clips of equal length. Raises InputError if it is shorter than 8 s."""
    heard = listen(resample(take.waveform, take.sample_rate, RATE))
    tokens = min(len(heard), len(take.motion))
    if tokens < SHORTEST * TOKENS:
        raise InputError(f"{take.name} lasts {tokens / TOKENS:.1f} s: clips have {SHORTEST:g} s or more")
    tracks = channels_of(faced(take.motion.part(0, tokens)))
    affect = np.full(3, np.nan, np.float32) if take.affect is None else take.affect.as_array()
    count = -(-tokens // round(LONGEST * TOKENS))
    edges = np.linspace(0, tokens, count + 1).astype(int)
    clips = []
    for number, (first, last) in enumerate(pairwise(edges), start=1):
        begins, ends = first / TOKENS, last / TOKENS
        clips.append(
            MotionClip(
                f"{take.name}-{number}", take.speaker, heard[first:last].astype(np.float16),
                np.tile(affect, (last - first, 1)), take.alphabet, _within(take.phones, begins, ends),
                _within(take.syllables, begins, ends), _within(take.words, begins, ends), tracks[first:last],
                take.split,
            )
        )  # fmt: skip
    return clips


def _within(spans: tuple, begins: float, ends: float) -> tuple:
    """Those between two times, in s from the first; what crosses an edge is cut there."""
    return tuple(
        replace(span, start=max(span.start, begins) - begins, end=min(span.end, ends) - begins)
        for span in spans if span.end > begins + 1e-6 and span.start < ends - 1e-6
    )  # fmt: skip


def _fingerprint(take: Recording) -> str:
    """Of a take's files and of what is told of it: another one is read again."""
    told = f"{_VERSION} {take.affect} {take.begins} {take.ends} {take.split} {take.speaker} {CHANNELS} "
    digest = hashlib.sha256(told.encode())
    for file in take.files:
        facts = file.stat()
        digest.update(f"{file.suffix} {facts.st_size} {facts.st_mtime_ns} ".encode())
    return digest.hexdigest()


def _packed(clips: Sequence[MotionClip], source: str) -> bytes:
    rows = [
        {
            "name": clip.name, "speaker": clip.speaker, "split": clip.split, "alphabet": clip.alphabet,
            "tokens": len(clip.heard),
            "phones": [(p.symbol, round(p.start, 4), round(p.end, 4)) for p in clip.phones],
            "syllables": [(s.stress, round(s.start, 4), round(s.end, 4)) for s in clip.syllables],
            "words": [(w.text, round(w.start, 4), round(w.end, 4)) for w in clip.words],
        }
        for clip in clips
    ]  # fmt: skip
    header = json.dumps({"source": source, "clips": rows})
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(clip, name) for clip in clips]) for name in _ARRAYS
    }
    file = io.BytesIO()
    np.savez(file, header=np.frombuffer(header.encode(), np.uint8), **arrays)
    return file.getvalue()


def _read(path: Path, source: str) -> list[MotionClip] | None:
    """What `_packed` made of this source; None if it is not there, of another, or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(file["header"].tobytes())
            arrays = {name: file[name] for name in _ARRAYS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    if header.get("source") != source or arrays["heard"].shape[1] != FRAMES * FEATURES:
        return None
    clips, start = [], 0
    for row in header["clips"]:
        at = slice(start, start + row["tokens"])
        start = at.stop
        clips.append(
            MotionClip(
                row["name"], row["speaker"], arrays["heard"][at], arrays["affect"][at], row["alphabet"],
                tuple(Phone(*phone) for phone in row["phones"]),
                tuple(Syllable(*syllable) for syllable in row["syllables"]),
                tuple(Word(*word) for word in row["words"]), arrays["tracks"][at], row["split"],
            )
        )  # fmt: skip
    return clips
