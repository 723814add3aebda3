"""Speech and emotion on one mouth: an emotion colours what the lips say, but never opens a closed lip.

Closure (p b m: lips shut) and contact (f v: the lower lip at the upper teeth) are tracks (T,) in [0, 1].
"""

from __future__ import annotations

import numpy as np

from emotive.signals import ARKIT

INDEX = {name: i for i, name in enumerate(ARKIT)}


def shapes(*stems: str) -> list[int]:
    """The numbers in ARKIT of shapes whose names begin with any of `stems`."""
    return [i for i, name in enumerate(ARKIT) if name.startswith(stems)]


MOUTH = shapes("mouth", "jaw", "tongue")
OPENING = shapes("jawOpen", "mouthFunnel", "mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthShrug")
CORNERS = shapes("mouthSmile", "mouthFrown", "mouthDimple")
_JAW, _CLOSE, _PUCKER, _FUNNEL = (
    INDEX[name] for name in ("jawOpen", "mouthClose", "mouthPucker", "mouthFunnel")
)
_LOWER_DOWN, _UPPER_UP = shapes("mouthLowerDown"), shapes("mouthUpperUp")
_ROLL_LOWER, _PRESS = INDEX["mouthRollLower"], shapes("mouthPress")


def compose(speech: np.ndarray, emotion: np.ndarray, closure: np.ndarray, contact: np.ndarray) -> np.ndarray:
    """One face, float32 (T, 52) in [0, 1], from what speech and emotion (T, 52 each) ask for.

    The mouth is speech + (1 - closure) emotion (corners of the mouth keep their emotion better, for they do
    not open lips); rounded lips smile less; a jaw that speech moves is moved less by emotion. Everything else
    adds up. Contacts hold in the end, see `keep_contacts`. `emotion` may also be a change, with
    values below 0, of a face that shows both already.
    """
    gate = (1 - closure)[:, None] * (1 - 0.8 * contact)[:, None]
    share = np.ones((len(speech), len(ARKIT)), np.float32)
    share[:, OPENING] = gate
    rounding = speech[:, _PUCKER].clip(0, 1)
    share[:, CORNERS] = (1 - 0.25 * closure - 0.5 * rounding).clip(0, 1)[:, None]
    share[:, _PRESS] = (1 - 2.5 * speech[:, _JAW]).clip(0, 1)[:, None]
    share[:, _JAW] *= (1 - 0.7 * speech[:, _JAW]).clip(0, 1)
    return keep_contacts(speech + share * emotion, closure, contact)


def keep_contacts(weights: np.ndarray, closure: np.ndarray, contact: np.ndarray) -> np.ndarray:
    """Weights (T, 52), in [0, 1], whose lips touch where `closure` is 1 and reach the teeth where `contact`
    is: at a closure `mouthClose` follows `jawOpen` and nothing else parts the lips."""
    out = np.array(weights, np.float32).clip(0.0, 1.0)
    c, k = closure.clip(0, 1).astype(np.float32), contact.clip(0, 1).astype(np.float32)
    k = k * (1 - c)
    out[:, _JAW] *= (1 - 0.65 * c) * (1 - 0.6 * k)
    for row in (*_LOWER_DOWN, *_UPPER_UP):
        out[:, row] *= 1 - c
    for row in _LOWER_DOWN:
        out[:, row] *= 1 - k
    out[:, _FUNNEL] *= (1 - c) * (1 - 0.8 * k)
    out[:, _CLOSE] = (1 - c) * np.minimum(out[:, _CLOSE], out[:, _JAW]) + c * out[:, _JAW]
    out[:, _CLOSE] *= 1 - k
    out[:, _ROLL_LOWER] = np.maximum(out[:, _ROLL_LOWER] * (1 - 0.5 * c), 0.65 * k)
    for row in _PRESS:
        out[:, row] = np.maximum(out[:, row], 0.25 * c)
    return out


def lip_gap(weights: np.ndarray) -> np.ndarray:
    """How far the lips are apart in the middle, (T,), of weights (T, 52): 0 touching, 1 a jaw wide open.

    A measure over blendshapes alone; a rendered face is measured by its landmarks.
    """
    jaw = (weights[:, _JAW] - weights[:, _CLOSE]).clip(0, None)
    lips = 0.12 * weights[:, [*_LOWER_DOWN, *_UPPER_UP]].sum(1) + 0.12 * weights[:, _FUNNEL]
    return jaw + lips
