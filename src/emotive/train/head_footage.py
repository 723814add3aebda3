"""Own footage of faces for the motion model: video clips -> landmarks -> motion, beside what is heard.

A folder of clips with sound, one face each. Film, and use, only people who agreed to it: a model learns how
they move. Beside `name.mp4` there may lie

- `name.csv` or `name.json`, an affect curve (`AffectCurve.read`). Without one the affect is unknown, which is
  not the same as neutral: the clip then teaches only what a face does that is not told an affect, as a part
  of all training does for guidance, and nothing about how affect looks.
- `name.txt`, what is said, in English: with pocketsphinx installed its phones are aligned, and the clip
  teaches visemes and known phones too. Without one it teaches the motion alone.

Blinks are taken out (they are events, not the network's), as are a head's and a gaze's usual places, which
are the camera's. What was solved is kept, one `.npz` a clip.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emotive.affect import AffectCurve
from emotive.data.face_teacher import FaceTargets
from emotive.errors import InputError
from emotive.face.contacts import INDEX, lip_gap, shapes
from emotive.face.find_landmarks import find_landmarks
from emotive.face.landmarks import FaceLandmarks
from emotive.face.phone_shapes import VISEMES
from emotive.face.solving import LONGEST_GAP, calm_face, solve_motion
from emotive.face.visemes import speaking_mouth
from emotive.media import write_whole
from emotive.media.audio import resample
from emotive.media.video_reader import open_video
from emotive.models.letter_to_sound import LetterToSound
from emotive.signals import FaceMotion, Phone, Syllable
from emotive.voice.align import align, can_align
from emotive.voice.listening import FEATURES, FRAMES, RATE, listen, loudness
from emotive.weights import resolve

from .clips import TOKENS, Clip
from .head_data import HeadBatch, example

SUFFIXES = (".mp4", ".mov", ".webm")
SHORTEST = 1.0  # s of a face without a break that are used
SHARE = 0.5  # of a batch that is footage
SHUT = 0.03  # `lip_gap` of lips that touch
BITE = 0.4  # of mouthRollLower, from which the lip is at the teeth
TALKS = 0.3  # `loudness` from which lips that touch are a closure, not a rest
BLINKS = 0.7  # s of the median by which blinks are taken out
_VERSION = 1
_ARRAYS = ("heard", "affect", "weights", "pose", "closure", "contact", "visemes")


def open_footage(
    folder: str | os.PathLike[str], kept: Path, report: Callable[[str], None] = print
) -> list[Clip]:
    """The clips of all videos in `folder`, in the order of their names; what is solved is kept in `kept`.

    A video in which the face is away for 0.3 s or more gives a clip for each part of a second or more. What
    cannot be used is reported in one line and left out. Raises InputError if nothing is left, or there is no
    such folder; WeightsError if the landmark network was not fetched.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder of video clips")
    videos = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not videos:
        raise InputError(f"{folder} has no video clips in it: {', '.join(SUFFIXES)}")
    kept.mkdir(parents=True, exist_ok=True)
    clips: list[Clip] = []
    for path in videos:
        cache = kept / f"{path.name}.npz"
        source = _fingerprint(path)
        try:
            found = _read(cache, source)
            if found is None:
                found = footage_of(path, report)
                write_whole(cache, _packed(found, source))
                report(f"{path.name}: {sum(len(c.heard) for c in found) / TOKENS:.1f} s of a face")
            clips += found
        except InputError as error:  # a network that was not fetched is no InputError: it ends the run
            line = str(error)
            report(f"left out: {line if path.name in line else f'{path.name}: {line}'}")
    if not clips:
        raise InputError(f"none of the {len(videos)} video clips in {folder} can be used")
    return clips


def footage_of(path: Path, report: Callable[[str], None] = print) -> list[Clip]:
    """The clips of one video, most often one. Raises InputError without sound or a face for a second."""
    video = open_video(path)
    sound = video.sound()
    if sound is None:
        raise InputError(f"{path.name} has no sound: there is nothing to learn its motion from")
    waveform = resample(*sound, RATE)
    heard = listen(waveform)
    landmarks = tracked(video.frames(TOKENS))
    tokens = min(len(heard), len(landmarks))
    affect = _affect(path, tokens)
    phones, syllables = _phones(path, waveform, report)
    loud = loudness(heard)
    parts = [part for part in stretches(landmarks[:tokens]) if part.stop - part.start >= SHORTEST * TOKENS]
    if not parts:
        raise InputError(f"{path.name} shows no face for {SHORTEST:g} s: give one that looks at the camera")
    seen = [now for part in parts for now in landmarks[part] if now is not None]
    neutral = calm_face(seen)
    clips = []
    for part in parts:
        motion = solve_motion(landmarks[part], TOKENS, neutral)
        begin, length = part.start / TOKENS, (part.stop - part.start) / TOKENS
        said = tuple(
            Phone(p.symbol, p.start - begin, p.end - begin)
            for p in phones if p.end > begin and p.start < begin + length
        )  # fmt: skip
        stressed = tuple(
            Syllable(s.stress, s.start - begin, s.end - begin)
            for s in syllables if s.end > begin and s.start < begin + length
        )  # fmt: skip
        targets = targets_of_motion(motion, loud[part], said)
        clips.append(
            Clip(path.stem, heard[part].astype(np.float16), affect[part], "arpabet", said, stressed, targets)
        )
    return clips


def tracked(frames: Iterator[np.ndarray]) -> list[FaceLandmarks | None]:
    """The landmarks in each frame, None where there is no face. Where it stays away, frames are left out
    between looks, ten at most: looking everywhere takes long."""
    found: list[FaceLandmarks | None] = []
    near: FaceLandmarks | None = None
    wait, left = 2, 0
    for frame in frames:
        if left:
            left -= 1
            found.append(None)
            continue
        try:
            near = find_landmarks(frame, near)
            wait = 2
        except InputError:
            near, left, wait = None, wait - 1, min(2 * wait, 11)
        found.append(near)
    return found


def stretches(landmarks: Sequence[FaceLandmarks | None]) -> list[slice]:
    """Parts of a video, in tokens, that begin and end with a face and have no gap too long to bridge."""
    at = np.flatnonzero([now is not None for now in landmarks])
    if not len(at):
        return []
    breaks = np.flatnonzero((np.diff(at) - 1) / TOKENS >= LONGEST_GAP)
    firsts, lasts = at[np.r_[0, breaks + 1]], at[np.r_[breaks, len(at) - 1]]
    return [slice(int(a), int(b) + 1) for a, b in zip(firsts, lasts, strict=True)]


def targets_of_motion(motion: FaceMotion, loud: np.ndarray, phones: Sequence[Phone] = ()) -> FaceTargets:
    """What a network learns of solved motion, `TOKENS` frames/s. loud: (T,), `loudness`. phones: what is
    said; visemes are 0, and not learned, without."""
    tokens = len(motion)
    weights = motion.weights.copy()
    width = round(BLINKS * TOKENS) // 2 * 2 + 1
    for row in shapes("eyeBlink", "eyeSquint", "eyeWide"):  # landmarks see a part of a blink as these
        padded = np.pad(weights[:, row], width // 2, mode="edge")
        weights[:, row] = np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)
    pose = np.concatenate([motion.rotation, motion.translation, motion.gaze], 1)
    pose = pose - np.median(pose, axis=0)
    closure = ((lip_gap(weights) < SHUT) & (loud[:tokens] > TALKS)).astype(np.float32)
    if phones:
        said = speaking_mouth(phones, TOKENS, tokens, loudness=0.4 + 0.75 * loud[:tokens])
        visemes = said.visemes
        closure *= said.closure > 0.1  # lips that only come near each other are none
    else:
        visemes = np.zeros((tokens, len(VISEMES)))
    contact = (weights[:, INDEX["mouthRollLower"]] > BITE) * (1 - closure)
    return FaceTargets(
        weights, pose.astype(np.float32), closure, contact.astype(np.float32), visemes.astype(np.float32)
    )


def mixed_batches(
    clips: Sequence[Clip], footage: Sequence[Clip], size: int, seed: int, share: float = SHARE
) -> Iterator[HeadBatch]:
    """Endless batches of which `share`, in (0, 1], is footage: of each clip as much as it is long. See
    `head_data.batches`."""
    rng = np.random.default_rng(seed)
    lengths = np.array([len(clip.heard) for clip in footage], float)
    while True:
        rows = []
        for _ in range(size):
            if rng.random() < share:
                rows.append(example([footage[int(rng.choice(len(footage), p=lengths / lengths.sum()))]], rng))
            else:
                rows.append(example(clips, rng))
        yield HeadBatch(*(torch.from_numpy(np.stack([r[name] for r in rows])) for name in HeadBatch._fields))


def _affect(path: Path, tokens: int) -> np.ndarray:
    for curve in (path.with_suffix(".csv"), path.with_suffix(".json")):
        if curve.exists():
            return AffectCurve.read(curve).sample(TOKENS, tokens / TOKENS).astype(np.float32)[:tokens]
    return np.full((tokens, 3), np.nan, np.float32)


def _phones(
    path: Path, waveform: np.ndarray, report: Callable[[str], None]
) -> tuple[Sequence[Phone], Sequence[Syllable]]:
    file = path.with_suffix(".txt")
    if not file.exists():
        return (), ()
    if not can_align():
        report(f"{file.name} is not used: pip install 'emotive[align]'")
        return (), ()
    try:
        text = " ".join(file.read_text(encoding="utf-8").split())
        phones, syllables, _ = align(waveform, RATE, text, _letters())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file.name}: {error}") from error
    except InputError as error:
        report(f"{file.name} is not used: {error}")
        return (), ()
    return phones, syllables


@cache
def _letters() -> LetterToSound:
    """Reads the words that no dictionary has."""
    path = resolve("emotive-speech-1") / "letter_to_sound"
    return LetterToSound.from_pretrained(path, low_cpu_mem_usage=False).float().eval()


def _fingerprint(path: Path) -> str:
    """Of a video and what lies beside it: another one is solved again."""
    digest = hashlib.sha256(str(_VERSION).encode())
    for file in (path, *(path.with_suffix(suffix) for suffix in (".csv", ".json", ".txt"))):
        if file.exists():
            facts = file.stat()
            digest.update(f"{file.suffix} {facts.st_size} {facts.st_mtime_ns} ".encode())
    return digest.hexdigest()


def _packed(clips: Sequence[Clip], source: str) -> bytes:
    rows: list[dict[str, Any]] = []
    arrays: dict[str, list[np.ndarray]] = {name: [] for name in _ARRAYS}
    for clip in clips:
        assert clip.targets is not None
        rows.append({
            "tokens": len(clip.heard),
            "phones": [(p.symbol, round(p.start, 4), round(p.end, 4)) for p in clip.phones],
            "syllables": [(s.stress, round(s.start, 4), round(s.end, 4)) for s in clip.syllables],
        })  # fmt: skip
        for name, parts in arrays.items():
            parts.append(getattr(clip if name in ("heard", "affect") else clip.targets, name))
    text = json.dumps({"source": source, "voice": clips[0].voice, "clips": rows})
    file = io.BytesIO()
    whole: dict[str, Any] = {name: np.concatenate(parts) for name, parts in arrays.items()}
    np.savez(file, header=np.frombuffer(text.encode(), np.uint8), **whole)
    return file.getvalue()


def _read(path: Path, source: str) -> list[Clip] | None:
    """What `_packed` made of this source; None if it is not there, of another, or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(file["header"].tobytes())
            arrays = {name: file[name] for name in _ARRAYS}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    if header.get("source") != source or arrays["heard"].shape[1] != FRAMES * FEATURES:
        return None
    clips, start = [], 0
    for row in header["clips"]:
        at = slice(start, start + row["tokens"])
        start = at.stop
        part = {name: array[at] for name, array in arrays.items()}
        heard, affect = part.pop("heard"), part.pop("affect")
        clips.append(
            Clip(
                header["voice"], heard, affect, "arpabet",
                tuple(Phone(*phone) for phone in row["phones"]),
                tuple(Syllable(*syllable) for syllable in row["syllables"]),
                FaceTargets(**part),
            )
        )  # fmt: skip
    return clips
