"""Affect to expression: named emotions -> FACS action units -> blendshapes, over the whole affect space.

`anchors.json` says what the face does in 29 named emotions; anybody may edit a copy. A point between them is
answered by the anchors that lie in its direction, as strongly as it lies far from neutral: neutral is exactly
no expression, and along any ray from it an expression only grows. The prototypes follow Ekman & Friesen
(Facial Action Coding System, 1978, table 11-1) and, for which units most people show, Du, Tao & Martinez
("Compound facial expressions of emotion", PNAS 2014). Faces vary more than prototypes do (Le Mau
et al. 2021): an expression says what is asked for, not what somebody feels.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from emotive.affect import emotion
from emotive.errors import InputError
from emotive.signals import ARKIT

from .contacts import INDEX

FORMAT, VERSION = "emotive-face-anchors", 1

ACTION_UNITS: dict[int, dict[str, float]] = {
    1: {"browInnerUp": 1.0},
    2: {"browOuterUp": 1.0},
    4: {"browDown": 1.0},
    5: {"eyeWide": 1.0},
    6: {"cheekSquint": 1.0, "eyeSquint": 0.3},
    7: {"eyeSquint": 0.8},
    9: {"noseSneer": 1.0, "mouthUpperUp": 0.15},
    10: {"mouthUpperUp": 0.75, "noseSneer": 0.25},
    12: {"mouthSmile": 1.0},
    14: {"mouthDimple": 0.9, "mouthPress": 0.15},
    15: {"mouthFrown": 1.0},
    16: {"mouthLowerDown": 0.8},
    17: {"mouthShrugLower": 0.8, "mouthShrugUpper": 0.3},
    18: {"mouthPucker": 1.0},
    20: {"mouthStretch": 1.0},
    22: {"mouthFunnel": 1.0},
    23: {"mouthRollLower": 0.3, "mouthRollUpper": 0.3},
    24: {"mouthPress": 0.9, "mouthShrugLower": 0.1},
    25: {"mouthLowerDown": 0.3, "mouthUpperUp": 0.25},
    26: {"jawOpen": 0.5},
    27: {"jawOpen": 0.85},
    28: {"mouthRollLower": 1.0, "mouthRollUpper": 1.0},
    43: {"eyeBlink": 0.55},
}
"""FACS action units -> blendshapes at full intensity; a name without Left or Right means both. 43 is the
lid that droops, not a blink."""

_UNITS = tuple(ACTION_UNITS)
_NUMBER = {unit: i for i, unit in enumerate(_UNITS)}

SPREAD = 0.42  # of the kernel, over directions in the plane of valence and arousal; a radian is 1
SPREAD_DOMINANCE = 0.32  # over dominance relative to the distance from neutral
LEAST_RADIUS = 0.7  # nearer anchors, such as "quiet", are as weak as they are near

# What valence and arousal do for certain, whatever the anchors say: (unit, axis, sign, at full strength).
# AU12 rises and AU4 falls with valence (Zhang et al. 2024, Sci. Rep. 14:19563).
_CERTAIN = (
    (12, 0, 1, 0.22), (6, 0, 1, 0.12), (15, 0, -1, 0.18), (4, 0, -1, 0.12),
    (5, 1, 1, 0.16), (1, 1, 1, 0.12), (2, 1, 1, 0.12), (26, 1, 1, 0.08),
    (43, 1, -1, 0.30),
)  # fmt: skip

# Units that pull against each other, and how much of the other each loses: people who show two emotions at
# once drop one of them (Du et al. 2014: a happily disgusted mouth smiles, a sadly angry one does not).
_ANTAGONISTS = ((12, 15, 0.6), (15, 12, 0.6), (43, 5, 1.0), (24, 26, 0.8), (23, 26, 0.8), (24, 25, 0.6))


@dataclass(frozen=True)
class Anchors:
    """Named emotions on a face.

    terms: their names (K,). units: float32 (K, units, 2), the caricature's intensity in [0, 1] of each of
    `ACTION_UNITS`, left and right. points: (K, 3), valence, arousal, dominance. everyday: the share of the
    caricature that people mostly show.
    """

    terms: tuple[str, ...]
    units: np.ndarray
    points: np.ndarray
    everyday: float


def load_anchors(path: str | os.PathLike[str]) -> Anchors:
    """Reads anchors from a JSON file written as `anchors.json` is.

    Raises InputError, naming the file, if it is missing or not JSON, or names an unknown emotion or unit, or
    an intensity outside [0, 1].
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(f"{path}: anchors cannot be read ({reason})") from None
    try:
        return _parsed(json.loads(text))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error})") from None


@cache
def bundled_anchors() -> Anchors:
    """What comes with Emotive, `anchors.json`."""
    return _parsed(json.loads(resources.files("emotive.face").joinpath("anchors.json").read_text("utf-8")))


def _parsed(document: object) -> Anchors:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f'not anchors of expressions: "format" must be "{FORMAT}"')
    if document.get("version") != VERSION:
        raise InputError(f"anchors of version {document.get('version')!r}: this Emotive reads {VERSION}")
    everyday, rows = document.get("everyday", 0.7), document.get("anchors")
    if isinstance(everyday, bool) or not isinstance(everyday, int | float) or not 0 < everyday <= 1:
        raise InputError(f'"everyday" is a share of the caricature in (0, 1], not {everyday!r}')
    if not isinstance(rows, dict) or not rows:
        raise InputError('"anchors" maps named emotions to action units')
    units, points, terms = np.zeros((len(rows), len(_UNITS), 2), np.float32), [], []
    for k, (name, row) in enumerate(rows.items()):
        entry = emotion(name)
        if entry.term in terms:
            raise InputError(f"{entry.term!r} is there twice")
        if entry.valence == entry.arousal == 0:
            raise InputError("neutral has no expression and cannot be an anchor")
        if not isinstance(row, dict):
            raise InputError(f"{name!r} must map action units to intensities")
        for key, value in row.items():
            unit, sides = _unit(key)
            good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
            if not good:
                raise InputError(f"{name!r}, unit {key}: an intensity is in [0, 1], not {value!r}")
            units[k, _NUMBER[unit], sides] = value
        terms.append(entry.term)
        points.append((entry.valence, entry.arousal, entry.dominance))
    return Anchors(tuple(terms), units, np.array(points), float(everyday))


def _unit(key: str) -> tuple[int, slice]:
    """ "12" -> both sides, "L12" -> the person's left, as FACS coders write it."""
    sides = {"L": slice(0, 1), "R": slice(1, 2)}.get(key[:1], slice(0, 2))
    number = key.removeprefix("L").removeprefix("R")
    if not number.isascii() or not number.isdigit() or int(number) not in _NUMBER:
        raise InputError(f"unknown action unit {key!r}: use {', '.join(map(str, _UNITS))}, with L or R")
    return int(number), sides


@cache
def _shapes() -> np.ndarray:
    """(units, 2, 52): the blendshapes of each unit's left and right."""
    out = np.zeros((len(_UNITS), 2, len(ARKIT)), np.float32)
    for u, unit in enumerate(_UNITS):
        for name, amount in ACTION_UNITS[unit].items():
            if name in INDEX:  # one shape for both sides
                out[u, :, INDEX[name]] = amount / 2
            else:
                out[u, 0, INDEX[name + "Left"]] = out[u, 1, INDEX[name + "Right"]] = amount
    return out


def action_units(
    points: np.ndarray,
    blend: Sequence[Mapping[str, float]] | None = None,
    anchors: Anchors | None = None,
    intensity: float = 1.0,
) -> np.ndarray:
    """The intensity of each of `ACTION_UNITS`, left and right: float32 (T, units, 2) in [0, 1].

    Arguments as for `expression`. Named emotions are shown as their anchors say; what they do not explain of
    a point is shown by the anchors around it.
    """
    anchors = anchors or bundled_anchors()
    points = _points(points)
    rest = points.copy()
    units = np.zeros((len(points), len(_UNITS), 2), np.float32)
    if blend is not None:
        if len(blend) != len(points):
            raise InputError(f"{len(points)} points of affect come with {len(blend)} blends")
        weights, terms = _weights(blend)
        for k, term in enumerate(terms):
            entry = emotion(term)
            point = np.array([entry.valence, entry.arousal, entry.dominance])
            if entry.term in anchors.terms:
                shown = anchors.everyday * anchors.units[anchors.terms.index(entry.term)]
            else:
                shown = _between(point[None], anchors)[0]
            units += weights[:, k, None, None] * shown
            rest -= weights[:, k, None] * point
        rest[np.abs(rest) < 1e-4] = 0.0  # named in full: float32 leaves a trace
    units += _between(rest, anchors)
    for unit, axis, sign, amount in _CERTAIN:
        units[:, _NUMBER[unit]] += amount * (sign * points[:, axis, None]).clip(0, None)
    units *= np.float32(intensity)
    before = units.copy()
    for unit, other, share in _ANTAGONISTS:
        units[:, _NUMBER[unit]] -= share * before[:, _NUMBER[other]]
    return units.clip(0.0, 1.0)


def _between(points: np.ndarray, anchors: Anchors) -> np.ndarray:
    """What anchors show at points (T, 3): a normalised kernel over directions, times the distance."""
    radius = np.hypot(points[:, 0], points[:, 1])
    safe = radius.clip(1e-9, None)
    own = np.hypot(anchors.points[:, 0], anchors.points[:, 1])
    angle = np.arctan2(points[:, 1], points[:, 0])[:, None] - np.arctan2(
        anchors.points[:, 1], anchors.points[:, 0]
    )
    turn = 2 * np.sin(angle / 2)  # the chord between two directions
    control = (points[:, 2] / safe).clip(-1, 1)[:, None] - (anchors.points[:, 2] / own).clip(-1, 1)
    # Where dominance is unset, it decides nothing.
    control = np.where(np.isnan(control), 0.0, control)
    distance = (turn / SPREAD) ** 2 + (control / SPREAD_DOMINANCE) ** 2
    kernel = np.exp(-0.5 * (distance - distance.min(1, keepdims=True)))
    kernel /= kernel.sum(1, keepdims=True)
    strength = anchors.everyday * radius[:, None] / own.clip(LEAST_RADIUS, None)
    return np.einsum("tk,kus->tus", kernel * strength, anchors.units).astype(np.float32)


def expression(
    points: np.ndarray,
    blend: Sequence[Mapping[str, float]] | None = None,
    anchors: Anchors | None = None,
    intensity: float = 1.0,
) -> np.ndarray:
    """The everyday expression of an affect, as ARKit's blendshapes: float32 (T, 52) in [0, 1].

    Args:
        points: (T, 3) valence, arousal, dominance in [-1, 1], NaN where dominance is unset; or (T, 2).
        blend: for each frame the named emotions and weights that its point was made from (`Affect.blend`,
            `AffectCurve.sample_blend`): {"angry": 0.7}. They separate what lies together in the plane, such
            as anger, fear and disgust, and give compound expressions.
        anchors: of `load_anchors`; the bundled ones by default.
        intensity: 1 as people mostly show it, 0.5 subtle, 1.4 about the caricature.

    Raises InputError for other shapes, values outside [-1, 1], an unknown emotion.

    >>> expression(np.zeros((1, 3))).max()
    np.float32(0.0)
    """
    units = action_units(points, blend, anchors, intensity)
    return np.einsum("tus,usk->tk", units, _shapes()).clip(0.0, 1.0).astype(np.float32)


def limited_rate(weights: np.ndarray, fps: float, attack: float = 0.3, decay: float = 0.6) -> np.ndarray:
    """Weights (T, K) that rise by 1 in `attack` seconds at the fastest, and fall by 1 in `decay`.

    Muscles of a face come on faster than they let go. The first frame stays as it is.
    """
    up, down = 1.0 / (attack * float(fps)), 1.0 / (decay * float(fps))
    out = np.array(weights, np.float32)
    for t in range(1, len(out)):
        out[t] = out[t - 1] + (out[t] - out[t - 1]).clip(-down, up)
    return out


def _points(points: np.ndarray) -> np.ndarray:
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] not in (2, 3):
        raise InputError(f"points of affect are (T, 3), not {points.shape}")
    if points.shape[1] == 2:
        points = np.concatenate([points, np.full((len(points), 1), np.nan)], 1)
    if not (np.abs(points[:, :2]) <= 1 + 1e-6).all() or (np.abs(points[:, 2]) > 1 + 1e-6).any():
        raise InputError("valence, arousal and dominance are numbers in [-1, 1]")
    return points


def _weights(blend: Sequence[Mapping[str, float]]) -> tuple[np.ndarray, tuple[str, ...]]:
    terms = tuple(dict.fromkeys(term for row in blend for term in row))
    return np.array([[row.get(term, 0.0) for term in terms] for row in blend]), terms
