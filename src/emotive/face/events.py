"""Blinks and saccades: what eyes do now and then, as point processes beside the continuous motion of a face.

They are sampled frame by frame and know only the past, so a stream gets the same eyes as a whole recording.
"""

from __future__ import annotations

import numpy as np

from emotive.errors import InputError

from .contacts import shapes

TALKING, IDLE = 26.0, 17.0  # blinks a minute (Bentivoglio et al. 1997)
SPREAD = 0.55  # of the logarithm of the time between two blinks (ibid.: log-normal)
_BLINK, _WIDE, _SQUINT = shapes("eyeBlink"), shapes("eyeWide"), shapes("eyeSquint")


class Blinking:
    """Blinks of one person.

    Times between blinks are log-normal; they are shorter while talking and in high arousal, and a blink is
    likelier where a phrase ends (Hoemke et al. 2018). Lids close within 0.1 to 0.13 s and open within 0.15
    to 0.2 s (VanderWerf et al. 2003). A tenth of the blinks is not complete; some come twice.

    rng: of all that is random. fps: frames/s. rate: a factor on the number of blinks, 0..4; 0 is none.

    Raises InputError for a rate outside 0..4 and fps that is not above 0.
    """

    def __init__(self, rng: np.random.Generator, fps: float, rate: float = 1.0):
        if not 0 <= rate <= 4:
            raise InputError(f"the rate of blinks is a factor in 0..4, not {rate}")
        self.rng, self.fps, self.rate = rng, _fps(fps), float(rate)
        self.frame = 0
        self.phase, self.due = 0.0, self._interval()
        self.phase = rng.uniform(0, 0.7) * self.due  # nobody just blinked when a film begins
        self.talked = 0.0  # how long the phrase was, s
        self.events: list[tuple[float, float, float, float]] = []  # begin, closing, opening (s), depth

    def take(self, speaking: np.ndarray, arousal: np.ndarray) -> np.ndarray:
        """How far the lids are closed in the next T frames, (T,) in [0, 1].

        speaking: (T,), loudness or probability, above 0.3 where somebody talks. arousal: (T,), in [-1, 1].
        """
        out = np.zeros(len(speaking), np.float32)
        for i, (talks, lively) in enumerate(zip(np.asarray(speaking) > 0.3, arousal, strict=True)):
            now = self.frame / self.fps
            pace = self.rate * (TALKING if talks else IDLE) / 60 * (1 + 0.2 * float(lively))
            self.phase += pace / self.fps
            ended = not talks and self.talked > 0.6
            self.talked = self.talked + 1 / self.fps if talks else 0.0
            boundary = ended and self.phase > 0.45 * self.due and self.rng.random() < 0.6 * min(1, self.rate)
            if self.rate > 0 and (self.phase >= self.due or boundary):
                self._blink(now)
            out[i] = max((_lid(now - begin, *rest) for begin, *rest in self.events), default=0.0)
            self.events = [event for event in self.events if now - event[0] < 1.0]
            self.frame += 1
        return out

    def _blink(self, now: float) -> None:
        self.phase, self.due = 0.0, self._interval()
        depth = self.rng.uniform(0.5, 0.8) if self.rng.random() < 0.1 else self.rng.uniform(0.94, 1.0)
        self.events.append((now, self.rng.uniform(0.10, 0.13), self.rng.uniform(0.15, 0.20), depth))
        if self.rng.random() < 0.07:
            self.events.append((now + self.rng.uniform(0.32, 0.42), 0.10, 0.18, 1.0))

    def _interval(self) -> float:
        # Mean 1.1: blinks at boundaries come early, and this keeps the rate.
        return 1.1 * float(np.exp(SPREAD * self.rng.standard_normal() - SPREAD**2 / 2))


def _lid(since: float, closing: float, opening: float, depth: float) -> float:
    if since <= 0 or since >= closing + opening:
        return 0.0
    through = since / closing if since < closing else 1 - (since - closing) / opening
    return depth * through * through * (3 - 2 * through)


class Looking:
    """Saccades of one person who mostly looks at the camera.

    Sizes and times as in "Eyes Alive" (Lee, Badler & Badler 2002): sizes exponential, a saccade of A degrees
    takes 25 + 2.4 A ms; shorter fixations in high arousal. A third of them wanders off, and comes back.

    rng: of all that is random. fps: frames/s. Raises InputError for fps that is not above 0.
    """

    def __init__(self, rng: np.random.Generator, fps: float):
        self.rng, self.fps = rng, _fps(fps)
        self.frame = 0
        self.origin = self.aim = np.zeros(2)  # degrees
        self.begun, self.length, self.left = 0.0, 0.03, float(rng.uniform(0.3, 1.2))

    def take(self, speaking: np.ndarray, arousal: np.ndarray) -> np.ndarray:
        """Gaze of the next T frames, float32 (T, 2), rad: yaw to the person's left, pitch up; added to the
        slow gaze of the motion. Arguments as for `Blinking.take`."""
        out = np.zeros((len(speaking), 2), np.float32)
        for i, (talks, lively) in enumerate(zip(np.asarray(speaking) > 0.3, arousal, strict=True)):
            now = self.frame / self.fps
            self.left -= (1 + 0.4 * float(lively)) / self.fps
            if self.left <= 0:
                self._saccade(now, bool(talks))
            through = float(np.clip((now - self.begun) / self.length, 0, 1))
            # Minimum jerk, as eyes and hands move.
            share = through**3 * (10 - 15 * through + 6 * through**2)
            out[i] = np.radians(self.origin + share * (self.aim - self.origin))
            self.frame += 1
        return out

    def _saccade(self, now: float, talks: bool) -> None:
        away = np.linalg.norm(self.aim) > 2.5
        self.origin = self.aim
        if away or self.rng.random() > 0.32:  # at the camera: from one eye of it to the other
            self.aim = self.rng.normal(0, (0.9, 0.5))
        else:
            size = min(9.0, 2.5 + self.rng.exponential(2.5))
            angle = self.rng.choice([0, np.pi]) + self.rng.normal(0, 0.5)
            self.aim = size * np.array([np.cos(angle), 0.7 * np.sin(angle)])
        size = float(np.linalg.norm(self.aim - self.origin))
        self.begun, self.length = now, 0.025 + 0.0024 * size
        mean = 0.8 if np.linalg.norm(self.aim) > 2.5 else 1.7 if talks else 2.2
        self.left = max(0.2, mean * float(np.exp(0.5 * self.rng.standard_normal() - 0.125)))


def with_blinks(weights: np.ndarray, lids: np.ndarray) -> np.ndarray:
    """Weights (T, 52) whose eyes close by `lids` (T,) beyond where they are; wide eyes let go."""
    out = np.array(weights, np.float32)
    closed = np.asarray(lids, np.float32)[:, None]
    out[:, _BLINK] += (1 - out[:, _BLINK]) * closed
    out[:, _WIDE] *= 1 - closed
    out[:, _SQUINT] *= 1 - 0.5 * closed
    return out


def _fps(fps: float) -> float:
    if not float(fps) > 0:
        raise InputError(f"fps must be above 0, not {fps}")
    return float(fps)
