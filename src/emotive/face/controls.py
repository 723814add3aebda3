"""What a director asks of a face besides words and feeling: how much it moves, where it looks, how near."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from emotive.errors import InputError
from emotive.signals import FaceMotion

DISTANCE = 0.6  # m from the camera: a face fills the picture as it does in its portrait, by convention
MOUTH = ("jaw", "mouth", "tongue")
FARTHEST_GAZE = 30.0  # degrees
NEAREST = 0.3  # m


@dataclass(frozen=True)
class FaceControls:
    """Factors on a motion, and offsets.

    head_motion: of the head's turning and swaying; 0 is a still head, which blinks still. 0..3.
    blink: of the rate of blinks; 0 is none. 0..4.
    mouth: of how far the lips and the jaw move. 0..2.
    gaze: where the eyes look, (to the person's left, up) in degrees, each within +-30; None leaves it alone.
    distance: from the camera in m, 0.3..0.6; 0.6 and None are the portrait's own, 0.3 shows the face twice as
        large. Farther off, there would be more to see than the portrait has.
    lips_only: nothing but the mouth moves.
    style: how this person moves, six numbers about normal, within +-2.5: articulation, expressivity, activity
        of the head, asymmetry (above 0 the person's left is livelier), brows, and lean of the head to the
        person's right; None leaves it to chance.

    Raises InputError for what is out of range.
    """

    head_motion: float = 1.0
    blink: float = 1.0
    mouth: float = 1.0
    gaze: tuple[float, float] | None = None
    distance: float | None = None
    lips_only: bool = False
    style: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name, most in (("head_motion", 3), ("blink", 4), ("mouth", 2)):
            _within(name, getattr(self, name), 0, most)
        if self.gaze is not None:
            object.__setattr__(self, "gaze", _numbers("gaze", self.gaze, 2, FARTHEST_GAZE))
        if self.distance is not None:
            _within("distance", self.distance, NEAREST, DISTANCE)
        if self.style is not None:
            object.__setattr__(self, "style", _numbers("style", self.style, 6, 2.5))


def controlled(motion: FaceMotion, controls: FaceControls) -> FaceMotion:
    """The motion with less or more of the head's, another gaze, or the lips alone.

    `blink`, `style` and `mouth` are heeded where motion is made: lips that must touch are no longer free
    afterwards. `distance` is heeded where it is drawn.
    """
    rotation, translation = motion.rotation * controls.head_motion, motion.translation * controls.head_motion
    weights, gaze = motion.weights, motion.gaze
    if controls.lips_only:
        mouth = np.array([name.startswith(MOUTH) for name in motion.names])
        weights = np.where(mouth, weights, 0)
        rotation, translation, gaze = np.zeros_like(rotation), np.zeros_like(translation), np.zeros_like(gaze)
    if controls.gaze is not None:
        # Small movements of the eyes go on around the new target, as in a living gaze.
        gaze = gaze + np.radians(controls.gaze, dtype=np.float64).astype(np.float32)
    return replace(motion, weights=weights, rotation=rotation, translation=translation, gaze=gaze)


def _within(name: str, value: float, low: float, high: float) -> None:
    number = isinstance(value, int | float | np.floating) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        raise InputError(f"{name} must lie in {low:g}..{high:g}, not {value!r:.40}")


def _numbers(name: str, values: tuple[float, ...], count: int, most: float) -> tuple[float, ...]:
    try:
        found = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        found = ()
    if len(found) != count or not all(abs(value) <= most for value in found):  # false for NaN, too
        raise InputError(f"{name} is {count} numbers within +-{most:g}, not {values!r:.60}")
    return found
