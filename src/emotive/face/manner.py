"""How one performance is played: its affect at every moment, what is asked of the face, and chance."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from emotive.affect import AffectCurve
from emotive.signals import FaceMotion, Speech

from .contacts import INDEX, compose, keep_contacts, shapes
from .controls import FaceControls, controlled
from .decoding import MotionParts
from .events import Blinking, Looking, with_blinks
from .expressions import expression, limited_rate
from .visemes import speaking_mouth

TOKENS = 30  # of motion a second
JAW_WINDOW = 0.12  # s of sound that move the jaw
SPREAD = 0.6  # of styles that nobody asked for, against those in training
_SPOKEN = shapes("jawOpen", "mouthFunnel", "mouthPucker", "mouthLowerDown", "mouthUpperUp", "mouthStretch")


class Manner:
    """The part of a performance that no network decides; it goes on from one piece of motion to the next.

    curve: affect over time, as it is to be shown. style: (6,), see `data.face_teacher.STYLE`. rng: of
    blinks, saccades and, if none is asked for, the style.
    """

    def __init__(self, curve: AffectCurve, controls: FaceControls, rng: np.random.Generator):
        self.curve, self.controls = curve, controls
        # A stream of chance for each, so that fewer blinks leave the style and the gaze as they are.
        styles, self._blinks, self._looks = rng.spawn(3)
        drawn = SPREAD * styles.standard_normal(6).clip(-2.0, 2.0)
        self.style = np.asarray(drawn if controls.style is None else controls.style, np.float32)
        self._eyes: tuple[Blinking, Looking] | None = None
        self._shown: tuple[np.ndarray, np.ndarray] | None = None  # by name and by point, (1, 52) each

    def points(self, start: int, stop: int) -> np.ndarray:
        """Affect (N, 3) of tokens, 30 a second."""
        return self.curve.sample(TOKENS, stop / TOKENS)[start:stop]

    def performed(
        self, parts: MotionParts, start: int, fps: Fraction, frames: int, speech: Speech | None = None
    ) -> FaceMotion:
        """Motion of `frames` frames from what was decoded of the tokens from `start` on: named emotions shown
        as their own, contacts exact where phones are known, blinks and saccades added, controls heeded."""
        stop, seconds = start + len(parts.weights), start / TOKENS
        points = self.points(start, stop)
        weights = self._with_names(parts, points, start)
        at = np.arange(frames) * (TOKENS / float(fps))
        tracks = [_between(t, at) for t in (weights, parts.rotation, parts.translation, parts.gaze)]
        weights, rotation, translation, gaze = tracks
        closure, contact = _between(parts.closure, at), _between(parts.contact, at)
        if speech is not None and speech.phones:
            mouth = speaking_mouth(speech, float(fps), frames, start=seconds)
            closure, contact = mouth.closure, mouth.contact
        weights[:, _SPOKEN] *= self.controls.mouth
        if speech is not None:
            weights[:, INDEX["jawOpen"]] *= _jaw_gain(speech, float(fps), frames)
        if self._eyes is None:
            rate = float(fps)
            self._eyes = Blinking(self._blinks, rate, self.controls.blink), Looking(self._looks, rate)
        speaks, arousal = _speaks(weights), _between(points[:, 1], at)
        lids, saccades = (events.take(speaks, arousal) for events in self._eyes)
        weights = with_blinks(weights, lids)
        weights = keep_contacts(weights.clip(0, 1), closure, contact)
        shown = FaceMotion(
            weights, rotation, translation, gaze + saccades, fps, affect=self.curve, start=seconds
        )
        return controlled(shown, self.controls)

    def _with_names(self, parts: MotionParts, points: np.ndarray, start: int) -> np.ndarray:
        """Blendshapes in which a named emotion shows its own face, not only that of its point.

        The network knows points alone, where anger, fear and disgust lie close together.
        """
        stop = start + len(points)
        amounts, terms = self.curve.sample_blend(TOKENS, stop / TOKENS)
        if not terms:
            return parts.weights
        blend = [dict(zip(terms, map(float, row), strict=True)) for row in amounts[start:stop]]
        named, plain = expression(points, blend), expression(points)
        before = self._shown or (named[:1], plain[:1])
        # Both at the pace of a face, from where the piece before left them.
        named, plain = (
            limited_rate(np.concatenate([last, now]), TOKENS)[1:]
            for last, now in zip(before, (named, plain), strict=True)
        )
        self._shown = named[-1:], plain[-1:]
        return compose(parts.weights, named - plain, parts.closure, parts.contact)


def _between(track: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A track (N, ...) at fractional places (T,), linear; the last value is held."""
    last = len(track) - 1
    at = at.clip(0, last)
    before = np.floor(at).astype(int).clip(0, max(last - 1, 0))
    share = (at - before).astype(np.float32).reshape(-1, *[1] * (track.ndim - 1))
    after = np.minimum(before + 1, last)
    return np.asarray(track[before] + share * (track[after] - track[before]), np.float32)


def _jaw_gain(speech: Speech, fps: float, frames: int) -> np.ndarray:
    """How far the jaw opens against the usual, (T,), by how loud the voice is at the moment: the axis of the
    jaw follows the sound (Edwards et al. 2016, "JALI"), where the lips follow the phones."""
    rate, wave = speech.sample_rate, np.square(speech.waveform, dtype=np.float64)
    reach = round(JAW_WINDOW / 2 * rate)
    total = np.concatenate([[0.0], np.cumsum(wave)])
    middles = np.rint((np.arange(frames) + 0.5) / fps * rate).astype(int)
    begin, end = (middles - reach).clip(0, len(wave) - 1), (middles + reach).clip(1, len(wave))
    level = np.sqrt((total[end] - total[begin]).clip(0) / (end - begin).clip(1))
    loud = np.percentile(level, 85)
    return (0.4 + 0.6 * level / max(float(loud), 1e-6)).clip(0.4, 1.1).astype(np.float32)


def _speaks(weights: np.ndarray) -> np.ndarray:
    """1 where the mouth opened within the last third of a second or so, else 0, (T,)."""
    opened = np.pad(weights[:, INDEX["jawOpen"]] > 0.06, (9, 0))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(opened, 10).any(1), np.float32)
