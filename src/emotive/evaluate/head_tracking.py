"""Does the face follow? A feeling that changes during a clip, levels from little to much, named emotions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from emotive.affect import Affect, AffectCurve
from emotive.face.expressions import expression
from emotive.face.landmarks import FaceLandmarks
from emotive.face.sheet import NAMES

from . import metrics
from .head_arms import Mover
from .head_view import EVERY, Screen, read_faces
from .summary import AXES

SMOOTHED = 1.0  # s: a mouth that speaks hides the feeling for a syllable; both curves are averaged alike
LEVELS = (-0.8, -0.4, 0.0, 0.4, 0.8)


def paths(seconds: float) -> dict[str, AffectCurve]:
    """Curves over the plane: two that cross it, one that goes around."""
    t = np.linspace(0, seconds, 25)
    turn = 2 * np.pi * t / seconds

    def curve(valence: np.ndarray, arousal: np.ndarray) -> AffectCurve:
        return AffectCurve(
            [
                (float(at), Affect(float(v), float(a)))
                for at, v, a in zip(t, valence.clip(-0.9, 0.9), arousal.clip(-0.9, 0.9), strict=True)
            ]
        )

    return {
        "from sad to glad": curve(-0.85 * np.cos(turn / 2), 0.4 * np.sin(turn)),
        "calm, excited, calm": curve(0.3 * np.sin(turn), -0.85 * np.cos(turn)),
        "around the plane": curve(0.85 * np.sin(turn), 0.85 * np.cos(turn)),
    }


def smoothed(track: np.ndarray, fps: float, seconds: float = SMOOTHED) -> np.ndarray:
    """A moving mean of (T, K) over that many seconds, its ends held."""
    size = max(1, round(seconds * fps)) | 1
    padded = np.pad(np.asarray(track, np.float64), ((size // 2, size // 2), (0, 0)), mode="edge")
    sums = np.cumsum(np.concatenate([np.zeros((1, padded.shape[1])), padded]), 0)
    return (sums[size:] - sums[:-size]) / size


def tracking(requested: np.ndarray, judged: np.ndarray) -> dict[str, float]:
    """CCC over time of each axis; requested and judged (T, 2) at the same times."""
    return {axis: metrics.concordance(requested[:, k], judged[:, k]) for k, axis in enumerate(AXES)}


def followed(
    screen: Screen, judge: Any, column: str, mover: Mover, speech: Any, curve: AffectCurve, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """What was requested and what a judge sees, (N, 2) each, of every `EVERY`th frame, both smoothed."""
    motion = mover(speech, curve, seed)
    faces = screen.faces(motion)[column]
    fps = float(motion.fps)
    wanted = curve.sample(motion.fps, motion.duration)[EVERY // 2 :: EVERY, :2][: len(faces)]
    found = read_faces(judge, faces, screen.neutral[column])[: len(wanted)]
    return smoothed(wanted, fps / EVERY), smoothed(found, fps / EVERY)


# -- levels ------------------------------------------------------------------------------------------------


def sweep_points(axis: str) -> list[Affect]:
    """Five levels of one axis, the other neutral."""
    return [Affect(level, 0.0) if axis == "valence" else Affect(0.0, level) for level in LEVELS]


def still_face(affect: Affect) -> np.ndarray:
    """The rules' expression of an affect, (52,)."""
    blend = [dict(affect.blend)] if affect.blend else None
    return expression(affect.as_array()[None], blend)[0]


def rises(values: Sequence[float]) -> bool:
    """Whether each is above the one before."""
    return bool((np.diff(np.asarray(values, np.float64)) > 0).all())


def sweeps(screen: Screen, judge: Any, column: str, mover: Mover | None, speech: Any) -> dict[str, Any]:
    """Of each axis: what a judge reads at five levels off a still face, and off a speaking one (the mean over
    the clip), and whether it rises at every step."""
    out = {}
    for k, axis in enumerate(AXES):
        points = sweep_points(axis)
        still = [_still(screen, affect, column) for affect in points]
        levels = [float(_one(judge, face, screen.neutral[column])[k]) for face in still]
        out[axis] = {"still": levels, "still_rises": rises(levels)}
        if mover is not None:
            spoken = []
            for affect in points:
                faces = screen.faces(mover(speech, AffectCurve.constant(affect), 1))[column]
                spoken.append(float(read_faces(judge, faces, screen.neutral[column])[:, k].mean()))
            out[axis] |= {"speaking": spoken, "speaking_rises": rises(spoken)}
    return out


def _still(screen: Screen, affect: Affect, column: str) -> FaceLandmarks | None:
    weights = still_face(affect)
    if column in screen.neutral and column == "seen":
        return screen.find(screen.frame(weights))
    none = np.zeros(3, np.float32)
    return screen.renderer.landmarks(weights, none, none)


def _one(judge: Any, face: FaceLandmarks | None, neutral: FaceLandmarks) -> np.ndarray:
    return np.full(2, np.nan) if face is None else read_faces(judge, [face], neutral)[0]


# -- names -------------------------------------------------------------------------------------------------


def named_faces(screen: Screen, column: str) -> dict[str, FaceLandmarks | None]:
    """The landmarks of each named emotion's everyday expression, still."""
    return {name: _still(screen, Affect.parse(name), column) for name in NAMES}


def labelled(features: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """Which name each expression is given by faces of other people: portrait -> name -> features (D,).

    The templates of a portrait are the mean features of every name over all other portraits, each feature
    relative to its spread over them; the nearest template names the expression. accuracy: the share that is
    named right; chance: of as many names. confusions: name -> name -> how often. {} for fewer than two
    portraits.
    """
    if len(features) < 2:
        return {}
    names = tuple(next(iter(features.values())))
    confusions = {name: dict.fromkeys(names, 0) for name in names}
    for portrait, own in features.items():
        others = [f for p, f in features.items() if p != portrait]
        templates = np.stack([np.mean([f[name] for f in others], axis=0) for name in names])
        scale = np.maximum(templates.std(0), 1e-6)
        for name in names:
            apart = (((templates - own[name]) / scale) ** 2).sum(1)
            confusions[name][names[int(apart.argmin())]] += 1
    right = sum(confusions[name][name] for name in names)
    return {
        "accuracy": right / (len(features) * len(names)),
        "chance": 1 / len(names),
        "faces": len(features) * len(names),
        "confusions": confusions,
    }
