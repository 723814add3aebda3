"""A portrait as judges see it: rendered frames in which landmarks are found anew, and, for comparison, the
renderer's own landmarks, which no picture stands between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from emotive.errors import InputError
from emotive.face.landmarks import FaceLandmarks
from emotive.face.portrait import Portrait
from emotive.face.renderer import PortraitRenderer
from emotive.signals import ARKIT, FaceMotion

from .head_arms import HeadCaption
from .lip_sync import MouthTracks, mouth_tracks

SIZE = 512
EVERY = 6  # frames between two that judges look at
SEEN, TRUE = "seen", "true"
COLUMNS = {SEEN: "landmarks found in rendered frames", TRUE: "the renderer’s own landmarks"}
NONE = np.zeros(3, np.float32)
STRIP = 168  # pixels, of a picture in a film strip

Detect = Callable[[np.ndarray, FaceLandmarks | None], FaceLandmarks]
"""(uint8 (H, W, 3), about where, or None: anywhere) -> landmarks; InputError where it finds no face."""


class Screen:
    """One portrait, and how its landmarks are read. `detect` None: nothing is found in frames."""

    def __init__(self, portrait: Portrait, detect: Detect | None, size: int = SIZE):
        self.renderer, self.detect = PortraitRenderer(portrait, size), detect
        rest = np.zeros(len(ARKIT), np.float32)
        self.neutral: dict[str, FaceLandmarks] = {TRUE: self.renderer.landmarks(rest, NONE, NONE)}
        self.box = _box(self.neutral[TRUE], size)
        if detect is not None:
            self.neutral[SEEN] = detect(self.frame(rest), None)

    def find(self, frame: np.ndarray) -> FaceLandmarks | None:
        """Landmarks in a frame, looked for where the neutral face was found; None if there is no face, or
        nobody to look. Frames are looked at one by one: none knows what the last one showed."""
        if self.detect is None:
            return None
        try:
            return self.detect(frame, self.neutral.get(SEEN))
        except InputError:
            return None

    def frame(self, weights: np.ndarray) -> np.ndarray:
        """A still face, uint8 (size, size, 3)."""
        return self.renderer.render(weights, NONE, NONE, NONE[:2])

    def shot(self, motion: FaceMotion, number: int) -> np.ndarray:
        """One frame of a motion."""
        return self.renderer.render(
            motion.weights[number, : len(ARKIT)],
            motion.rotation[number],
            motion.translation[number],
            motion.gaze[number],
        )

    def strip(self, motions: Sequence[FaceMotion], numbers: Sequence[int], side: int = STRIP) -> np.ndarray:
        """Frames of one motion, or each of another, cut to the face and laid beside each other: uint8
        (side, side N, 3)."""
        from PIL import Image

        motions = list(motions) * (len(numbers) if len(motions) == 1 else 1)
        cut = [
            Image.fromarray(self.shot(motion, number)).crop(self.box).resize((side, side))
            for motion, number in zip(motions, numbers, strict=True)
        ]
        return np.concatenate([np.asarray(picture) for picture in cut], 1)

    def faces(self, motion: FaceMotion, every: int = EVERY) -> dict[str, list[FaceLandmarks]]:
        """Of every so many frames, by column; `SEEN` lacks frames in which nothing was found."""
        numbers = range(every // 2, len(motion), every)
        true = [
            self.renderer.landmarks(
                motion.weights[i, : len(ARKIT)], motion.rotation[i], motion.translation[i]
            )
            for i in numbers
        ]
        if self.detect is None:
            return {TRUE: true}
        seen = [found for i in numbers if (found := self.find(self.shot(motion, i))) is not None]
        return {SEEN: seen, TRUE: true}

    def mouth(self, motion: FaceMotion, column: str = TRUE) -> MouthTracks | None:
        """The mouth in every frame, T of them; of the renderer's landmarks on a head that stands still. The
        gap is that beyond the neutral face's, whose lips are closed. None if faces were not found."""
        at = np.arange(len(motion))
        if column == TRUE:
            faces: list[FaceLandmarks | None] = [
                self.renderer.landmarks(w, NONE, NONE) for w in motion.weights[:, : len(ARKIT)]
            ]
        else:
            faces = [self.find(self.shot(motion, int(i))) for i in at]
        there = [i for i, face in enumerate(faces) if face is not None]
        if len(there) < 0.9 * len(faces) or not there or column not in self.neutral:
            return None
        found = mouth_tracks([face for face in faces if face is not None])
        rest = mouth_tracks([self.neutral[column]]).gap
        tracks = (found.gap - rest, found.width, found.upper, found.lower)
        return MouthTracks(*(np.interp(at, there, track) for track in tracks))


def _box(face: FaceLandmarks, size: int) -> tuple[int, int, int, int]:
    """A square around a face with some air, within the picture."""
    low, high = face.oval[:, :2].min(0), face.oval[:, :2].max(0)
    side = min(int(1.35 * float((high - low).max())), size)
    left, top = (int(v) for v in ((low + high) / 2 - side / 2).clip(0, size - side))
    return left, top, left + side, top + side


@lru_cache(maxsize=12)
def screen_of(portrait: str, detect: Detect | None) -> Screen:
    """The screen of a portrait that `open_portrait` knows, or of the photograph `PHOTOGRAPH`; one for each
    process."""
    return Screen(portrait_of(portrait), detect)


PHOTOGRAPH = "astronaut"  # Eileen Collins, NASA 1999, public domain; scikit-image brings it


def portrait_of(name: str) -> Portrait:
    """A bundled portrait, or the photograph. Raises InputError if its landmarks cannot be found."""
    from emotive.face.opening import open_portrait

    if name != PHOTOGRAPH:
        return open_portrait(name)
    from skimage.data import astronaut

    return open_portrait(astronaut(), name=name)


# -- what judges read --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class FilmedClip:
    """A motion on a portrait. faces: by column, of every `EVERY`th frame. mouth: true, of all frames."""

    caption: HeadCaption
    request: int
    motion: FaceMotion
    faces: Mapping[str, Sequence[FaceLandmarks]]
    neutral: Mapping[str, FaceLandmarks]
    mouth: MouthTracks


def filmed(screen: Screen, caption: HeadCaption, request: int, motion: FaceMotion) -> FilmedClip:
    """The motion of a caption's request on a screen."""
    return FilmedClip(
        caption, request, motion, screen.faces(motion), screen.neutral, screen.mouth(motion) or _no_mouth()
    )


def _no_mouth() -> MouthTracks:
    none = np.zeros(0)
    return MouthTracks(none, none, none, none)


class Averages(NamedTuple):
    """Valence and arousal of N clips, (N,) each."""

    valence: np.ndarray
    arousal: np.ndarray


class ClipJudge:
    """A judge of faces on clips: the mean over the frames it looks at, against the portrait's own neutral
    face as it is seen in the same way."""

    def __init__(self, judge: Any, column: str):
        self.judge, self.column = judge, column

    @property
    def name(self) -> str:
        return f"{self.judge.name}, on {COLUMNS[self.column]}"

    def fingerprint(self) -> str:
        return self.judge.fingerprint()

    def estimate(self, clips: Sequence[FilmedClip], /) -> Averages:
        rows = np.array(
            [
                read_faces(self.judge, c.faces[self.column], c.neutral[self.column]).mean(0)
                if c.faces[self.column]
                else np.zeros(2)  # no face was found: nothing to be read, as from a neutral one
                for c in clips
            ]
        )
        return Averages(rows[:, 0], rows[:, 1])


def read_faces(judge: Any, faces: Sequence[FaceLandmarks], neutral: FaceLandmarks) -> np.ndarray:
    """Valence and arousal of each face, (N, 2), of a person whose neutral face is known."""
    found = judge.estimate(list(faces), neutral=neutral)
    return np.stack([found.valence, found.arousal], 1)
