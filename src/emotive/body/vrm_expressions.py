"""VRM's preset expressions in ARKit's blendshapes, and back.

A VRM avatar has at least some of five mouths, three blinks and five feelings (vrm-specification,
VRMC_vrm-1.0/expressions.md), which its maker drew; ours are our own mouth shapes and everyday expressions.
What of a face they can say is found by least squares with weights in [0, 1].
"""

from __future__ import annotations

from functools import cache

import numpy as np

from emotive.affect import emotion
from emotive.face.expressions import expression
from emotive.face.phone_shapes import TARGETS
from emotive.signals import ARKIT

MOUTHS = {"aa": "aa", "ih": "iy", "ou": "ou", "ee": "E", "oh": "oh"}
"""Preset -> our mouth shape. VRM's are Japanese vowels: ih is the i of "machine", ee the e of "bed"."""
FEELINGS = {"happy": "happy", "angry": "angry", "sad": "sad", "relaxed": "relaxed", "surprised": "surprised"}
"""Preset -> named emotion."""
BLINKS = ("blink", "blinkLeft", "blinkRight")
CARICATURE = 1.4  # of an everyday expression: avatars show their presets in full
_LIDS = [k for k, name in enumerate(ARKIT) if name.startswith(("eyeBlink", "eyeLook"))]
_LEAST = 0.02  # a feeling that never gets stronger is none
_DAMPING = 1e-4  # of the sum of squares: two presets that can say the same share it
_SWEEPS = 60


@cache
def presets() -> dict[str, np.ndarray]:
    """Each preset's ARKit weights, float32 (52,)."""
    found = {name: _mouth(TARGETS[target].shapes) for name, target in MOUTHS.items()}
    for name, feeling in FEELINGS.items():
        felt = emotion(feeling)
        point = np.array([[felt.valence, felt.arousal, felt.dominance]])
        found[name] = expression(point, [{feeling: 1.0}], intensity=CARICATURE)[0]
        found[name][_LIDS] = 0.0  # a lid that closes says blink, not sadness
    for name in BLINKS:
        sides = ("Left", "Right") if name == "blink" else (name.removeprefix("blink"),)
        found[name] = _shape({f"eyeBlink{side}": 1.0 for side in sides})
    return found


def preset_weights(weights: np.ndarray) -> dict[str, np.ndarray]:
    """What presets show a face: name -> float32 (T,) in [0, 1], of ARKit weights (T, 52).

    Both eyes' common part of a blink is "blink", the rest is left or right. Presets that are never needed
    are left out.
    """
    names = (*MOUTHS, *FEELINGS)
    basis = np.stack([presets()[name] for name in names]).astype(np.float64)
    found = dict(zip(names, _least_squares(basis, weights.astype(np.float64)).T, strict=True))
    left, right = (weights[:, ARKIT.index(f"eyeBlink{side}")] for side in ("Left", "Right"))
    both = np.minimum(left, right)
    found |= {"blink": both, "blinkLeft": left - both, "blinkRight": right - both}
    return {name: track.astype(np.float32) for name, track in found.items() if track.max() > _LEAST}


def _least_squares(basis: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Weights in [0, 1] (T, P) with which rows of `basis` (P, K) come nearest to `wanted` (T, K): descent
    along one after the other, all frames at once."""
    gram = basis @ basis.T + _DAMPING * np.eye(len(basis))
    aim = wanted @ basis.T
    found = np.zeros_like(aim)
    for _ in range(_SWEEPS):
        for p in range(len(basis)):
            gap = aim[:, p] - found @ gram[:, p]
            found[:, p] = (found[:, p] + gap / gram[p, p]).clip(0, 1)
    return found


def _mouth(shapes: dict[str, float]) -> np.ndarray:
    sided = {}
    for name, amount in shapes.items():
        names = (name,) if name in ARKIT else (f"{name}Left", f"{name}Right")
        sided |= dict.fromkeys(names, amount)
    return _shape(sided)


def _shape(amounts: dict[str, float]) -> np.ndarray:
    return np.array([amounts.get(name, 0.0) for name in ARKIT], np.float32)
