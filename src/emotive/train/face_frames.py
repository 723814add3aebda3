"""Faces for the judge of faces to learn from: painted strangers, silent and speaking, as found in frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np

from emotive.data.portrait_painter import paint_portrait
from emotive.data.portrait_people import PEOPLE
from emotive.data.portrait_person import Person
from emotive.errors import InputError
from emotive.face.contacts import INDEX, compose, shapes
from emotive.face.expressions import bundled_anchors, expression
from emotive.face.find_landmarks import find_landmarks
from emotive.face.landmarks import FaceLandmarks
from emotive.face.portrait import Portrait
from emotive.face.renderer import PortraitRenderer
from emotive.face.visemes import speaking_mouth

SIDE = 512  # pixels
ALIKE = 4  # frames in a row that show one affect
SPEAKING = 0.65  # of all frames
NAMED = 0.25  # of all frames show a named emotion, whose expression the point alone does not give
VOWELS = tuple("AA AE AH AO EH ER IH IY OW UW AY EY AW".split())
CONSONANTS = tuple("B CH D F G K L M N P R S SH T TH V W Y Z".split())
POSE = np.array([0.06, 0.09, 0.05])  # rad, standard deviations of a head that talks
_NOT_BETWEEN = ("name", "age", "gender", "eye_line")


@dataclass(frozen=True, eq=False)
class Frames:
    """Of one person: its face at rest and N others, each with the affect that was asked for, (N, 2)."""

    person: str
    neutral: FaceLandmarks
    faces: Sequence[FaceLandmarks]
    affect: np.ndarray


@dataclass(frozen=True)
class Worn:
    """What a picture goes through: made `smaller` (and large again: blurred), noise (0..255), a gamma."""

    smaller: float
    noise: float
    gamma: float

    @classmethod
    def by_chance(cls, rng: np.random.Generator) -> Worn:
        """One in three is left as it is."""
        if rng.random() < 1 / 3:
            return cls(1.0, 0.0, 1.0)
        return cls(float(rng.uniform(1, 3)), float(rng.uniform(0, 8)), float(np.exp(0.3 * rng.normal())))

    def of(self, picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """uint8 (H, W, 3) -> the same, worn."""
        if self.noise == 0:
            return picture
        size = round(picture.shape[1] / self.smaller), round(picture.shape[0] / self.smaller)
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        small = 255 * (small / 255) ** self.gamma + self.noise * rng.standard_normal(small.shape)
        small = np.clip(small, 0, 255).astype(np.uint8)
        return cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def stranger(number: int, seed: int = 0) -> Person:
    """Somebody who is not bundled: between two of the bundled people, and beyond, by chance."""
    rng = np.random.default_rng([seed, number])
    first, second = (list(PEOPLE.values())[i] for i in rng.permutation(len(PEOPLE))[:2])
    share, looks = rng.uniform(0.3, 0.7), {}
    for field in fields(Person):
        a, b = getattr(first, field.name), getattr(second, field.name)
        if field.name in _NOT_BETWEEN or not isinstance(a, float | int) or isinstance(a, bool):
            continue
        apart = abs(a - b)
        value = a + share * (b - a) + 0.25 * apart * rng.standard_normal()
        looks[field.name] = float(value) if a and b and min(a, b) > 0 else float(a)
    looks |= {name: getattr(second if rng.random() < 0.5 else first, name) for name in ("skin", "eye")}
    return replace(first, name=f"stranger {seed} {number}", **looks)


def sampled(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Affects (count, 2), `ALIKE` in a row the same, and faces (count, 52) that show them, silent or in the
    middle of a word."""
    shows = -(-count // ALIKE)
    points = rng.uniform(-1, 1, (shows, 3))
    points[:, 2] = np.nan
    anchors, blend = bundled_anchors(), []
    for i in range(shows):
        if rng.random() < NAMED:
            k, weight = int(rng.integers(len(anchors.terms))), rng.uniform(0.3, 1.0)
            points[i, :2] = weight * anchors.points[k, :2]
            blend.append({anchors.terms[k]: weight})
        else:
            blend.append({})
    points, blend = np.repeat(points, ALIKE, 0)[:count], [b for b in blend for _ in range(ALIKE)][:count]
    felt = expression(points, blend) * np.exp(0.15 * rng.standard_normal((count, 1)))
    speech, closure, contact = spoken(points, rng)
    silent = rng.random(count) > SPEAKING
    speech[silent], closure[silent], contact[silent] = 0, 0, 0
    accents = np.where(silent, 0.0, rng.uniform(0, 0.2, count) * (rng.random(count) < 0.3))
    for row in shapes("browInnerUp", "browOuterUp"):
        felt[:, row] += accents
    weights = compose(speech, felt.astype(np.float32), closure, contact)
    blink = np.where(rng.random(count) < 0.05, rng.uniform(0.2, 1.0, count), 0.0)
    for row in shapes("eyeBlink"):
        weights[:, row] = np.maximum(weights[:, row], blink)
    return points[:, :2], weights.clip(0, 1)


def shown(
    portrait: Portrait,
    name: str,
    weights: np.ndarray,
    affect: np.ndarray,
    rng: np.random.Generator,
    worn: Worn | None = None,
) -> Frames:
    """Renders each of `weights` (N, 52) with some pose and gaze, and finds the landmarks anew.

    `worn` is how bad the picture gets before that. Frames in which no face is found are left out.
    """
    renderer, none = PortraitRenderer(portrait, SIDE), np.zeros(3)
    worn = worn or Worn(1.0, 0.0, 1.0)
    neutral = find_landmarks(worn.of(renderer.render(np.zeros(len(INDEX)), none, none, none[:2]), rng))
    faces, kept = [], []
    for i, row in enumerate(weights):
        frame = renderer.render(row, POSE * rng.standard_normal(3), none, 0.08 * rng.standard_normal(2))
        try:
            faces.append(find_landmarks(worn.of(frame, rng), near=neutral))
            kept.append(i)
        except InputError:
            continue
    return Frames(name, neutral, faces, affect[kept])


def strangers_frames(number: int, count: int, seed: int = 0) -> Frames:
    """`count` frames of one painted stranger."""
    rng = np.random.default_rng([seed, number, 1])
    person = stranger(number, seed)
    affect, weights = sampled(count, rng)
    worn = Worn.by_chance(rng)
    return shown(paint_portrait(person, SIDE), person.name, weights, affect, rng, worn)


def spoken(points: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A mouth (T, 52) that says random syllables, a frame every 0.13 s; closures and contacts (T,)."""
    fps, phones, at = 7.7, [], 0.0
    while at < len(points) / fps + 0.5:
        for symbols in (CONSONANTS, VOWELS):
            length = rng.uniform(0.05, 0.16)
            phones.append((str(rng.choice(symbols)), at, at + length))
            at += length
    mouth = speaking_mouth(
        phones, fps, len(points), loudness=rng.uniform(0.4, 1.2, len(points)), arousal=points[:, 1]
    )
    return np.array(mouth.weights), np.array(mouth.closure), np.array(mouth.contact)
