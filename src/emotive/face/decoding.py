"""From what the face denoiser predicts to motion: contacts are kept, and nothing leaves its range."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .contacts import keep_contacts

# Probabilities from which contact is made: a closure that is missed is seen more than one too many.
CLOSED, TOUCHED = 0.2, 0.35


class MotionParts(NamedTuple):
    """T frames, as `FaceMotion` has them. weights: (T, 52). rotation: (T, 3). translation: (T, 3). gaze:
    (T, 2). closure, contact: (T,) in [0, 1], as kept."""

    weights: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    gaze: np.ndarray
    closure: np.ndarray
    contact: np.ndarray


def decoded(weights: np.ndarray, pose: np.ndarray, closure: np.ndarray, contact: np.ndarray) -> MotionParts:
    """What `FaceDenoiser.decode` gives, weights (T, 52) and pose (T, 8), with its logits of closure and
    contact (T,), as motion. Where closure or contact is likely, lips touch in full, whatever the weights
    say."""
    shut, bite = held(closure, CLOSED), held(contact, TOUCHED)
    kept = keep_contacts(np.nan_to_num(weights).clip(0, 1), shut, bite)
    rotation, translation, gaze = np.split(np.asarray(pose, np.float32), [3, 6], axis=1)
    return MotionParts(kept, rotation, translation, gaze, shut, bite)


def held(logits: np.ndarray, sure: float) -> np.ndarray:
    """Logits (T,) -> how far a contact is made (T,): 0 below half of the probability
    `sure`, 1 from it on."""
    probability = 1 / (1 + np.exp(-np.asarray(logits, np.float64).clip(-40, 40)))
    share = ((probability - sure / 2) / (sure / 2)).clip(0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)
