"""Motion that was solved is the motion that was drawn: the renderer's own landmarks, and back."""

from dataclasses import replace

import numpy as np
import pytest

from emotive.errors import InputError
from emotive.face.contacts import INDEX
from emotive.face.landmarks import FaceLandmarks
from emotive.face.opening import open_portrait
from emotive.face.renderer import PortraitRenderer
from emotive.face.solving import SEEN, calm_face, contours, solve_motion
from emotive.signals import ARKIT

MAIN = (
    "jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUp", "browDownLeft", "browDownRight",
    "eyeBlinkLeft", "eyeBlinkRight", "mouthPucker",
)  # fmt: skip
STILL = np.zeros(3)


@pytest.fixture(scope="module")
def renderer() -> PortraitRenderer:
    return PortraitRenderer(open_portrait("mara"), 384)


def wave(frames: int, rng: np.random.Generator, pace: float = 1.5) -> np.ndarray:
    t = np.arange(frames) / 30
    waves = [np.sin(2 * np.pi * rng.uniform(0.1, pace) * t + rng.uniform(0, 6.3)) for _ in range(5)]
    return np.sum(waves, axis=0) / 1.6


def performance(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random weights (T, 52) that come and go, rotation (rad) and translation (m)."""
    rng = np.random.default_rng(seed)
    weights = np.zeros((frames, len(ARKIT)))
    for name in MAIN:
        weights[:, INDEX[name]] = (0.35 * wave(frames, rng) - 0.1).clip(0, 0.8)
    for stem in ("mouthSmile", "browDown"):  # both sides, nearly alike
        left, right = INDEX[f"{stem}Left"], INDEX[f"{stem}Right"]
        weights[:, right] = 0.8 * weights[:, left] + 0.2 * weights[:, right]
    weights[:, INDEX["mouthPucker"]] *= 1 - weights[:, INDEX["mouthSmileLeft"]]
    for name in ("browOuterUpLeft", "browOuterUpRight", "mouthUpperUpLeft", "mouthUpperUpRight"):
        weights[:, INDEX[name]] = (0.15 * wave(frames, rng) - 0.05).clip(0, 0.4)
    blink = np.zeros(frames)
    for at in range(12, frames - 6, 37):
        blink[at : at + 6] = [0.35, 0.9, 1.0, 0.8, 0.45, 0.15]
    weights[:, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = blink[:, None]
    rotation = np.stack([np.radians(size) * wave(frames, rng, 0.6).clip(-1.5, 1.5) for size in (3, 4, 3)], 1)
    return weights, rotation, 0.003 * np.stack([wave(frames, rng, 0.5) for _ in range(3)], 1)


def filmed(renderer: PortraitRenderer, *tracks: np.ndarray) -> list[FaceLandmarks]:
    return [renderer.landmarks(*row) for row in zip(*tracks, strict=True)]


def test_what_was_drawn_is_found_again(renderer: PortraitRenderer):
    weights, rotation, translation = performance(100, 0)
    neutral = renderer.landmarks(np.zeros(52), STILL, STILL)
    found = solve_motion(filmed(renderer, weights, rotation, translation), 30, neutral)
    assert found.fps == 30 and len(found) == 100
    for name in MAIN:
        true, seen = weights[:, INDEX[name]], found.weights[:, INDEX[name]]
        assert np.corrcoef(true, seen)[0, 1] > 0.93, name
        assert np.sqrt(np.mean((true - seen) ** 2)) < 0.06, name
    assert np.degrees(np.sqrt(np.mean((found.rotation - rotation) ** 2, axis=0))).max() < 0.6
    assert np.sqrt(np.mean((found.translation - translation) ** 2, axis=0)).max() < 0.002
    assert not found.weights[:, [i for i in range(52) if i not in SEEN]].any()


def test_without_a_neutral_the_calm_frames_show_it(renderer: PortraitRenderer):
    weights, rotation, translation = performance(120, 1)
    weights[:20] = weights[70:80] = 0  # somebody who rests now and then
    landmarks = filmed(renderer, weights, rotation, translation)
    rest = renderer.landmarks(np.zeros(52), STILL, STILL)
    calm = calm_face(landmarks)
    lips = contours(calm)[92:136, 1].reshape(4, 11)
    assert (lips[2] - lips[1]).max() < 0.02 * rest.eye_distance  # the mouth is shut
    found = solve_motion(landmarks, 30)
    for name in MAIN:
        assert np.corrcoef(weights[:, INDEX[name]], found.weights[:, INDEX[name]])[0, 1] > 0.88, name
    for axis in range(3):
        assert np.corrcoef(rotation[:, axis], found.rotation[:, axis])[0, 1] > 0.97


def test_lips_that_close_over_an_open_jaw_are_told_from_a_shut_jaw(renderer: PortraitRenderer):
    weights = np.zeros((3, 52))
    weights[1:, INDEX["jawOpen"]] = 0.4
    weights[2, INDEX["mouthClose"]] = 0.4
    neutral = renderer.landmarks(np.zeros(52), STILL, STILL)
    found = solve_motion([renderer.landmarks(w, STILL, STILL) for w in weights], 30, neutral).weights
    jaw, close = found[:, INDEX["jawOpen"]], found[:, INDEX["mouthClose"]]
    np.testing.assert_allclose(jaw, [0, 0.4, 0.4], atol=0.05)
    np.testing.assert_allclose(close, [0, 0, 0.4], atol=0.05)
    assert (close <= jaw).all()


def test_gaze_follows_the_irises_and_not_the_head(renderer: PortraitRenderer):
    neutral = renderer.landmarks(np.zeros(52), STILL, STILL)
    look = np.zeros(52)
    look[[INDEX["eyeLookOutLeft"], INDEX["eyeLookInRight"]]] = 0.4  # 10 degrees to the person's left
    turned = np.radians([0.0, 4.0, 2.0])
    landmarks = [neutral, renderer.landmarks(np.zeros(52), turned, STILL)]
    landmarks += [renderer.landmarks(look, turned * k, STILL) for k in (1.0, 0.0, 0.0, 0.0)]
    yaw, pitch = np.degrees(solve_motion(landmarks, 30, neutral).gaze).T
    np.testing.assert_allclose(yaw, [0, 0, 10, 10, 10, 10], atol=2.0)
    np.testing.assert_allclose(pitch, 0, atol=2.0)


def test_short_gaps_are_bridged_and_long_ones_said(renderer: PortraitRenderer):
    weights, rotation, translation = performance(40, 2)
    whole = filmed(renderer, weights, rotation, translation)
    gone = [None if 10 <= i < 15 else now for i, now in enumerate(whole)]
    neutral = renderer.landmarks(np.zeros(52), STILL, STILL)
    found = solve_motion(gone, 30, neutral)
    assert len(found) == 40
    np.testing.assert_allclose(found.weights[12], (found.weights[9] + found.weights[15]) / 2, atol=1e-6)
    with pytest.raises(InputError, match=r"no face is seen for 0\.5 s from 0\.3 s on"):
        solve_motion([None if 10 <= i < 25 else now for i, now in enumerate(whole)], 30, neutral)
    with pytest.raises(InputError, match="from 15 on"):
        solve_motion(whole[:6], 30)
    broken = [*whole[:20], replace(whole[20], lips=np.full_like(whole[20].lips, np.nan))]
    with pytest.raises(InputError, match="frame 20"):
        solve_motion(broken, 30)
