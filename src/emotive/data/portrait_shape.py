"""The shape of a painted head: its contours, which are the landmarks, and its depth at every pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotive.face.landmarks import FaceLandmarks

from .portrait_ground import Ground, mirrored, ramp, resampled, shifted, smooth
from .portrait_person import Person

MIDDLE = 512.0
CROWN = 128.0


@dataclass(frozen=True, eq=False)
class Shape:
    """Contours in frame units; the person's left side (larger x) where only one side is kept.

    outline: (N, 2) closed contour of skull and jaw.
    lids: (2, 2, M, 2): right and left; upper and lower; outer to inner corner.
    lips: four curves (M, 2), as in FaceLandmarks. brows: (2, 2, M, 2).
    """

    outline: np.ndarray
    lids: np.ndarray
    lips: np.ndarray
    brows: np.ndarray
    irises: np.ndarray  # (2, 3)
    nose: np.ndarray  # (9, 2)


def shape_of(person: Person) -> Shape:
    """The contours of a person's face."""
    return Shape(
        _outline(person), _lids(person), _lips(person), _brows(person), _irises(person), _nose(person)
    )


def _outline(p: Person) -> np.ndarray:
    w, j, c = p.face_width, p.jaw, p.chin
    half = np.array([
        (0, CROWN), (0.46 * w, CROWN + 14), (0.80 * w, CROWN + 66), (0.965 * w, CROWN + 150),
        (1.01 * w, CROWN + 225), (0.995 * w, 430), ((0.955 + 0.015 * j) * w, p.chin_line - 204),
        ((0.85 + 0.08 * j) * w, p.chin_line - 134),
        ((0.665 + 0.15 * j) * w, p.chin_line - 74), ((0.40 + 0.10 * j + 0.10 * c) * w, p.chin_line - 23),
        ((0.17 + 0.08 * j + 0.09 * c) * w, p.chin_line - 3), (0, p.chin_line),
    ])  # fmt: skip
    half[:, 0] += MIDDLE
    return smooth(np.vstack([half, mirrored(half)[1:-1][::-1]]), 800, closed=True)


def half_width(outline: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Half the head's width at height y."""
    side = outline[outline[:, 0] >= MIDDLE]
    order = np.argsort(side[:, 1])
    return np.interp(y, side[order, 1], side[order, 0] - MIDDLE)


def _lids(p: Person) -> np.ndarray:
    h, up, low = p.eye_width, p.eye_open * 0.58, p.eye_open * 0.42
    out, inn = -p.eye_tilt, 5.0 + 0.3 * p.eye_tilt
    upper = [(-1, out), (-0.86, out - 0.42 * (up + out) - 1), (-0.5, -0.88 * up), (-0.02, -up),
             (0.42, -0.80 * up), (0.78, -0.27 * up + 0.6), (1, inn)]  # fmt: skip
    lower = [(-1, out), (-0.72, out + 0.45 * (low - out)), (-0.3, 0.92 * low), (0.1, low),
             (0.55, 0.80 * low), (0.84, 0.5 * low + 2.0), (1, inn)]  # fmt: skip
    both = np.stack([smooth([(h * x, y) for x, y in lid], 160) for lid in (upper, lower)])
    right = both + np.array([MIDDLE - p.eye_gap, p.eye_line])
    return np.stack([right, mirrored(right)])


def _irises(p: Person) -> np.ndarray:
    y = p.eye_line - 0.08 * p.eye_open
    return np.array([(MIDDLE + s * (p.eye_gap - 0.5), y, p.iris) for s in (-1, 1)])


def _lips(p: Person) -> np.ndarray:
    w, up, low, smile = p.mouth_width, p.upper_lip, p.lower_lip, p.smile

    def side(points: list[tuple[float, float]]) -> np.ndarray:
        half = np.array(points, float) * [w, 1]
        whole = np.vstack([half, mirrored(half, 0.0)[:-1][::-1]])
        return shifted(smooth(whole, 221), MIDDLE, p.mouth)

    corner = -1.5 - smile
    upper = side([(-1, corner), (-0.78, -0.30 * up + 0.75 * corner), (-0.46, -0.74 * up - 1 + 0.2 * corner),
                  (-0.17, -up - 1), (0, -0.82 * up)])  # fmt: skip
    line = side([(-0.93, corner + 0.2), (-0.72, 0.5 * corner + 1.2), (-0.42, 0.6), (-0.17, 0.4), (0, 2.6)])
    lower = side(
        [(-1, corner), (-0.80, 0.40 * low + 0.3 * corner), (-0.5, 0.84 * low), (-0.2, low), (0, low * 1.02)]
    )
    return np.stack([upper, line, line, lower])


def _brows(p: Person) -> np.ndarray:
    t, a = p.brow_thickness, p.brow_arch
    middle = p.eye_line - p.brow_height
    upper = [(-60, 13 - 0.2 * a), (-36, -4 - 0.9 * a), (-8, -0.45 * t - 3 - 0.75 * a), (22, -0.46 * t - 1),
             (46, 1 - 0.38 * t)]  # fmt: skip
    lower = [(-61, 14.5 - 0.2 * a), (-36, 0.40 * t - 3 - 0.8 * a), (-8, 0.48 * t - 2 - 0.6 * a), (22,
        0.52 * t),
             (46, 2 + 0.42 * t)]  # fmt: skip
    both = np.stack([smooth(edge, 100) for edge in (upper, lower)])
    right = shifted(both * [p.brow_length, 1], MIDDLE - p.eye_gap, middle)
    return np.stack([right, mirrored(right)])


def _nose(p: Person) -> np.ndarray:
    w, base, eyes = p.nose_width, p.nose_base, p.eye_line
    bridge = [(0, eyes - 12), (0, eyes + 22), (0, eyes + 56), (0, base - 17)]
    wings = [(-w, base - 9), (-0.5 * w, base - 1), (0, base + 4), (0.5 * w, base - 1), (w, base - 9)]
    return shifted(np.array(bridge + wings), MIDDLE, 0)


def landmarks_of(p: Person, shape: Shape, depth: np.ndarray, ground: Ground) -> FaceLandmarks:
    """FaceLandmarks in pixels of the ground; z from `depth` (frame units) at the contours."""

    def points(xy: np.ndarray) -> np.ndarray:
        pixel = xy * ground.scale - 0.5
        column = np.clip(np.rint(pixel[..., 0]), 0, ground.size - 1).astype(int)
        row = np.clip(np.rint(pixel[..., 1]), 0, ground.size - 1).astype(int)
        return np.concatenate([pixel, depth[row, column][..., None] * ground.scale], -1).astype(np.float32)

    jaw = shape.outline[: len(shape.outline) // 2 + 1]
    jaw = jaw[(jaw[:, 0] >= MIDDLE - 1e-6) & (jaw[:, 1] > p.eye_line - 90)]
    temple = float(half_width(shape.outline, np.array(p.eye_line - 95.0)))
    top = smooth([(MIDDLE, p.hairline), (MIDDLE + 0.45 * temple, p.hairline + 10),
                  (MIDDLE + 0.82 * temple, p.hairline + 54), tuple(jaw[0]), tuple(jaw[8])],
                  120)[:-6]  # fmt: skip
    left = resampled(np.vstack([top, jaw[8:], [(MIDDLE, p.chin_line)]]), 19)
    oval = np.vstack([left, mirrored(left)[1:-1][::-1]])
    eyes = np.stack([[resampled(lid, 9) for lid in eye] for eye in shape.lids])
    brows = np.stack([[resampled(edge, 5) for edge in brow] for brow in shape.brows])
    lips = np.stack([resampled(lip, 11) for lip in shape.lips])
    irises = shape.irises * ground.scale - [0.5, 0.5, 0]
    return FaceLandmarks(points(oval), points(brows), points(eyes), irises.astype(np.float32), points(lips),
                         points(shape.nose))  # fmt: skip


def depth_of(person: Person, shape: Shape, ground: Ground) -> np.ndarray:
    """How far the face comes towards the viewer, frame units (H, W); 0 outside the outline."""
    g, p = ground, person
    w = np.maximum(half_width(shape.outline, g.y), 1e-3)
    u = np.abs(g.x - MIDDLE) / w
    d0, widest = 0.95 * p.face_width, 390.0
    above = np.clip((widest - g.y) / (widest - CROWN + 4), 0, 1)
    below = np.clip((g.y - widest) / (p.chin_line - widest + 3), 0, 1)
    profile = np.where(g.y < widest, np.sqrt(1 - above**2.3), np.sqrt(1 - below**6))
    z = d0 * profile * np.sqrt(np.clip(1 - u**2.6, 0, 1))
    z += _features(p, shape, g)
    inside = (g.y > CROWN) & (g.y < p.chin_line) & (u < 1)
    return np.where(inside, z, 0).astype(np.float32)


def _features(p: Person, shape: Shape, g: Ground) -> np.ndarray:
    z = np.zeros_like(g.x)
    gap, y0 = p.eye_gap, p.eye_line
    for s in (-1, 1):
        x = MIDDLE + s * gap
        z += p.brow_ridge * g.spot(x - s * 4, y0 - p.brow_height + 4, 66, 20, s * 0.10)
        z -= 17 * g.spot(x - s * 2, y0 - 2, 64, 33)
        z -= 9 * g.spot(MIDDLE + s * 42, y0 - 6, 20, 26)
        z += 15 * g.spot(x, y0, 43, 27)
        z += p.cheek * g.spot(MIDDLE + s * 0.57 * p.face_width, 510, 66, 50, s * 0.25)
        z -= 5 * g.spot(MIDDLE + s * 0.66 * p.face_width, 590, 36, 56)
        z -= 9 * g.spot(MIDDLE + s * 0.93 * p.face_width, 335, 40, 70)
        # Wings of the nose, and the grooves about them.
        wing = p.nose_width
        z += 19 * g.spot(MIDDLE + s * (wing - 11), p.nose_base - 13, 13.5, 14)
        z -= 4 * g.spot(MIDDLE + s * (wing + 9), p.nose_base - 8, 9, 20)
        z -= 7 * g.spot(MIDDLE + s * (p.mouth_width + 6), p.mouth + 1, 14, 15)
        z += 2.2 * g.spot(MIDDLE + s * 8.5, p.mouth - 33, 6, 20)
    # The nose: a ridge that grows to the tip and falls steeply to the lip.
    tip = p.nose_base - 19
    rise = ramp(g.y, y0 - 52, tip) ** 1.15 * (1 - ramp(g.y, tip - 7, p.nose_base + 17))
    width = 17.0 + (0.44 * p.nose_width - 7) * ramp(g.y, y0, tip)
    z += (p.nose_depth * rise + 9 * g.spot(MIDDLE, y0 + 8, 30, 40)) * np.exp(-(((g.x - MIDDLE) / width) ** 2))
    z += 13 * g.spot(MIDDLE, tip + 1, 0.56 * p.nose_width, 17)
    # The mouth stands on the mound of the teeth.
    z += 13 * g.spot(MIDDLE, p.mouth - 2, 70, 44)
    z -= 2.5 * g.spot(MIDDLE, p.mouth - 34, 6, 18)
    z += _lip_volume(p, shape, g)
    z -= 9 * g.spot(MIDDLE, p.mouth + p.lower_lip + 18, 52, 13)
    z += 11 * g.spot(MIDDLE, p.chin_line - 38, 44, 26)
    return z


def _lip_volume(p: Person, shape: Shape, g: Ground) -> np.ndarray:
    x = g.x[0]
    upper, line, _, lower = (np.interp(x, lip[:, 0], lip[:, 1]) for lip in shape.lips)
    inside = (x > shape.lips[0, 0, 0]) & (x < shape.lips[0, -1, 0])
    side = np.clip(1 - ((x - MIDDLE) / p.mouth_width) ** 2, 0, 1) ** 0.7 * inside
    up = np.clip((line - g.y) / np.maximum(line - upper, 1), 0, 1)
    low = np.clip((g.y - line) / np.maximum(lower - line, 1), 0, 1)
    top = 0.30 * p.upper_lip * np.sin(np.pi * up**0.75) ** 0.8
    bottom = 0.42 * p.lower_lip * np.sin(np.pi * low**0.8) ** 0.8
    return g.blur(((top + bottom) * side).astype(np.float32), 1.8)
