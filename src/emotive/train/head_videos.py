"""Own video clips of a face for the motion of faces: frames -> landmarks -> motion, beside what is heard.

A folder of videos with sound. Beside `clip.mp4` a `clip.csv` or `clip.json` may tell its affect over time;
without one the affect is not known, and the network is not told any. What was tracked is kept as `.npz`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from emotive.affect import AffectCurve
from emotive.data.face_teacher import FaceTargets
from emotive.errors import InputError
from emotive.face.contacts import INDEX, lip_gap, shapes
from emotive.face.find_landmarks import find_landmarks
from emotive.face.phone_shapes import VISEMES
from emotive.face.tracking import track
from emotive.media.audio import resample
from emotive.media.video_reader import open_video
from emotive.signals import FaceMotion
from emotive.voice.listening import RATE, listen, loudness

from .head_clips import TOKENS, Clip

SUFFIXES = (".mp4", ".mov", ".webm", ".mkv", ".avi")
SHUT = 0.03  # `lip_gap` of lips that touch
BLINK = 21  # frames of the median by which blinks are taken out: they are events, and no network's business


def filmed_clips(
    folder: str | os.PathLike[str], kept: Path, report: Callable[[str], None] = print
) -> list[Clip]:
    """The clips of all videos in `folder`; motion that was tracked is kept in, and read from, `kept`.

    Raises InputError for a folder that is missing or without videos, a video without sound, without a face
    or too short; WeightsError if the landmark network was not fetched.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder of video clips")
    videos = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not videos:
        raise InputError(f"{folder} has no video in it: give {', '.join(SUFFIXES)}")
    kept.mkdir(parents=True, exist_ok=True)
    clips = []
    for path in videos:
        motion_file = kept / f"{path.name}.npz"
        sound = open_video(path).sound()
        if sound is None:
            raise InputError(f"{path} has no sound: there is nothing to learn its motion from")
        if not motion_file.exists():
            filmed_motion(path).save(motion_file)
            report(f"{path.name}: tracked")
        clips.append(_clip(path, FaceMotion.load(motion_file), *sound))
    return clips


def filmed_motion(path: Path) -> FaceMotion:
    """The motion of the face in a video, 30 frames/s. Raises InputError, naming the file, without one."""
    found, near = [], None
    try:
        for frame in open_video(path).frames(TOKENS):
            near = find_landmarks(frame, near)
            found.append(near)
        return track(found, TOKENS)
    except InputError as error:
        raise InputError(f"{path}, frame {len(found)}: {error}") from error


def _clip(path: Path, motion: FaceMotion, waveform: np.ndarray, rate: int) -> Clip:
    heard = listen(resample(waveform, rate, RATE)).astype(np.float16)
    tokens = min(len(heard), len(motion))
    affect = np.full((tokens, 3), np.nan, np.float32)
    for curve in (path.with_suffix(".csv"), path.with_suffix(".json")):
        if curve.exists():
            affect = AffectCurve.read(curve).sample(TOKENS, tokens / TOKENS)
    targets = targets_of_motion(motion, loudness(heard.astype(np.float32)), tokens)
    return Clip(path.name, heard[:tokens], affect[:tokens], "arpabet", (), (), targets)


def targets_of_motion(motion: FaceMotion, loud: np.ndarray, tokens: int) -> FaceTargets:
    """What a network learns of tracked motion: without blinks; lips that touch while somebody talks close."""
    weights = motion.weights[:tokens].copy()
    for row in shapes("eyeBlink"):
        padded = np.pad(weights[:, row], BLINK // 2, mode="edge")
        weights[:, row] = np.median(np.lib.stride_tricks.sliding_window_view(padded, BLINK), axis=1)
    pose = np.concatenate([motion.rotation, motion.translation, motion.gaze], 1)[:tokens]
    closure = ((lip_gap(weights) < SHUT) & (loud[:tokens] > 0.3)).astype(np.float32)
    bite = (weights[:, INDEX["mouthRollLower"]] > 0.4).astype(np.float32) * (1 - closure)
    unknown = np.zeros((tokens, len(VISEMES)), np.float32)
    return FaceTargets(weights, pose.astype(np.float32), closure, bite, unknown)
