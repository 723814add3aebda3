"""Is the face alive? How often it blinks, how the head moves, whether the mouth rests, whether pictures
flicker; and how far the statistics of one set of motions lie from another's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from emotive.signals import ARKIT, FaceMotion

BLINK = tuple(ARKIT.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight"))
SHUT, OPEN = 0.6, 0.4  # of a lid's way: a blink goes past the one and comes back past the other
BROWS = tuple(i for i, name in enumerate(ARKIT) if name.startswith("brow"))


def blinks(lids: np.ndarray, fps: float) -> np.ndarray:
    """Times in s at which the lids (T,), 0 open to 1 shut, shut. They must have opened again before the next
    counts, so that a long one counts once."""
    times, shut = [], False
    for i, value in enumerate(np.asarray(lids)):
        if not shut and value >= SHUT:
            times.append(i / fps)
        shut = value >= SHUT if not shut else value > OPEN
    return np.array(times)


def blink_rate(motions: Sequence[FaceMotion]) -> float:
    """Blinks a minute over all of them together."""
    count = sum(len(blinks(m.weights[:, list(BLINK)].mean(1), float(m.fps))) for m in motions)
    return 60 * count / sum(m.duration for m in motions)


def head_speed(motion: FaceMotion) -> float:
    """Root mean square speed of the head's turning, degrees/s; 0 for less than two frames."""
    if len(motion) < 2:
        return 0.0
    step = np.diff(motion.rotation.astype(np.float64), axis=0)
    return float(np.degrees(np.sqrt((step**2).sum(1).mean())) * float(motion.fps))


def mouth_energy(track: np.ndarray, fps: float, frames: np.ndarray | None = None) -> float:
    """Root mean square speed of a track (T,), units/s, over steps both of whose `frames`, bool (T,), are
    counted; 0 if there are none."""
    step = np.diff(np.asarray(track, np.float64)) * fps
    if frames is not None:
        step = step[frames[1:] & frames[:-1]]
    return float(np.sqrt((step**2).mean())) if len(step) else 0.0


def flicker(pictures: Iterable[np.ndarray]) -> float:
    """Mean |x[t-1] - 2 x[t] + x[t+1]| / 2 of pictures uint8, in levels of 255: what comes and goes within a
    frame. Even motion of an even picture has next to none. 0 for less than three pictures."""
    before: list[np.ndarray] = []
    total, count = 0.0, 0
    for picture in pictures:
        before.append(picture.astype(np.float32))
        if len(before) == 3:
            total += float(np.abs(before[0] - 2 * before[1] + before[2]).mean()) / 2
            count += 1
            del before[0]
    return total / count if count else 0.0


def jitter(motion: FaceMotion, above: float = 10.0) -> float:
    """The share of the power of all steps of the blendshapes and the head that lies above that many Hz."""
    step = np.diff(np.concatenate([motion.weights, motion.rotation], 1).astype(np.float64), axis=0)
    if len(step) < 4:
        return 0.0
    power = (np.abs(np.fft.rfft(step - step.mean(0), axis=0)) ** 2).sum(1)
    fast = np.fft.rfftfreq(len(step), 1 / float(motion.fps)) > above
    return float(power[fast].sum() / power.sum()) if power.sum() > 0 else 0.0


# -- how natural -------------------------------------------------------------------------------------------


def life_features(motion: FaceMotion) -> np.ndarray:
    """What a motion does besides speaking, (18,): of head yaw, pitch and roll, brows, lids and gaze each, in
    logarithms, how far and how fast they go (standard deviations) and the share of power above 1 Hz.

    What never moves counts as 0.05 of its unit (degrees, percent), as little as can be seen.
    """
    rate = float(motion.fps)
    tracks = (
        np.degrees(motion.rotation[:, 1]),
        np.degrees(motion.rotation[:, 0]),
        np.degrees(motion.rotation[:, 2]),
        100 * motion.weights[:, list(BROWS)].mean(1),
        100 * motion.weights[:, list(BLINK)].mean(1),
        np.degrees(motion.gaze[:, 0]),
    )
    out = []
    for track in tracks:
        centred = np.asarray(track, np.float64) - np.mean(track)
        power = np.abs(np.fft.rfft(centred)) ** 2
        fast = np.fft.rfftfreq(len(centred), 1 / rate) > 1
        share = power[fast].sum() / power.sum() if power.sum() > 1e-12 else 0.0
        speed = np.diff(centred).std() * rate if len(centred) > 1 else 0.0
        out += [np.log(centred.std() + 0.05), np.log(speed + 0.05), share]
    return np.array(out)


def life_distance(found: np.ndarray, reference: np.ndarray) -> float:
    """The Frechet distance of two sets of features (n, D) and (m, D), each feature relative to its spread in
    `reference`, variances alone (there are fewer clips than covariances):

        mean of (mean difference)^2 + (difference of standard deviations)^2    (Dowson & Landau 1982)
    """
    found, reference = np.asarray(found, np.float64), np.asarray(reference, np.float64)
    scale = np.maximum(reference.std(0), 0.05)
    apart = (found.mean(0) - reference.mean(0)) / scale
    spread = (found.std(0) - reference.std(0)) / scale
    return float((apart**2 + spread**2).mean())
