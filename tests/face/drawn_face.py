"""A face of a few flat colours whose landmarks are known, for tests of what moves faces."""

import cv2
import numpy as np

from emotive.face.landmarks import FaceLandmarks
from emotive.face.portrait import Portrait

SKIN, LIP, BROW = (214, 168, 140), (190, 60, 80), (60, 40, 30)
IRIS, WHITE = (20, 60, 220), (235, 235, 235)
SHIRT, BACK = (40, 120, 70), (120, 150, 170)


def drawn_face(side: int = 256, layers: bool = False, tilt: float = 0.0) -> Portrait:
    """`tilt` in degrees, towards the person's right shoulder."""
    unit, scale = side * 0.26, 4
    image = np.empty((side * scale, side * scale, 3), np.uint8)
    turn = np.radians(tilt)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])

    def place(points: np.ndarray) -> np.ndarray:
        points = np.asarray(points, float)
        flat = points[..., :2] @ rotation.T * unit + (side * 0.5, side * 0.42)
        return np.concatenate([flat, np.zeros((*points.shape[:-1], 1))], -1).astype(np.float32)

    def fill(points: np.ndarray, colour: tuple[int, int, int]) -> None:
        polygon(image, points, colour)

    def polygon(canvas: np.ndarray, points: np.ndarray, colour: tuple[int, ...]) -> None:
        pixels = (points[..., :2] + 0.5) * scale - 0.5
        cv2.fillPoly(canvas, [np.round(pixels * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)

    angle = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    oval = place(np.stack([0.78 * np.sin(angle), 0.18 - 1.02 * np.cos(angle)], 1))
    t = np.linspace(0, 1, 9)
    eyes, brows, irises = [], [], []
    for s in (-1, 1):
        x = s * (0.5 - 0.32 * t)
        eyes.append([place(np.stack([x, high * np.sin(np.pi * t)], 1)) for high in (-0.085, 0.05)])
        b = np.linspace(0, 1, 5)
        arch = -0.24 - 0.04 * np.sin(np.pi * b)
        brows.append([place(np.stack([s * (0.56 - 0.4 * b), arch + dy], 1)) for dy in (-0.02, 0.03)])
        irises.append([*place(np.array([s * 0.34, -0.015]))[:2], 0.072 * unit])
    m = np.linspace(-1, 1, 11)
    dome = 1 - m**2
    line = 0.74 + 0 * m
    lips = place(np.stack([np.stack([0.28 * m, line + dy * dome], 1) for dy in (-0.055, 0.0, 0.0, 0.075)]))
    lips[1:3, [0, -1], 0] -= np.sign(m[[0, -1]]) * 0.015 * unit
    bridge = [[0, 0], [0, 0.13], [0, 0.26], [0, 0.38]]
    nose = place(np.array([*bridge, [-0.13, 0.45], [-0.06, 0.48], [0, 0.49], [0.06, 0.48], [0.13, 0.45]]))

    image[:] = BACK
    shirt = [[-1.2, 2.6], [-1.1, 1.75], [-0.35, 1.5], [0.35, 1.5], [1.1, 1.75], [1.2, 2.6]]
    fill(place(np.array(shirt)), SHIRT)
    fill(place(np.array([[-0.36, 0.8], [0.36, 0.8], [0.4, 1.62], [-0.4, 1.62]])), SKIN)
    behind = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    fill(oval, SKIN)
    head = np.zeros_like(image)
    polygon(head, oval, (255, 255, 255))
    for eye in range(2):
        fill(np.concatenate([eyes[eye][0], eyes[eye][1][::-1]]), WHITE)
        mask = np.zeros(image.shape[:2], np.uint8)
        polygon(mask, np.concatenate([eyes[eye][0], eyes[eye][1][::-1]]), (255,))
        disc = image.copy()
        x, y = (round(((float(v) + 0.5) * scale - 0.5) * 16) for v in irises[eye][:2])
        cv2.circle(disc, (x, y), int(irises[eye][2] * scale * 16), IRIS, -1, cv2.LINE_AA, 4)
        image = np.where(mask[..., None] > 127, disc, image)
        fill(np.concatenate([brows[eye][0], brows[eye][1][::-1]]), BROW)
    fill(np.concatenate([lips[0], lips[3, ::-1]]), LIP)
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    brow, eye, iris = (np.array(part, np.float32) for part in (brows, eyes, irises))
    landmarks = FaceLandmarks(oval, brow, eye, iris, lips, nose)
    if not layers:
        return Portrait(small, landmarks, "drawn")
    disc = np.zeros((64, 64, 4), np.uint8)
    cv2.circle(disc, (32, 32), 31, (*IRIS, 255), -1, cv2.LINE_AA)
    alpha = cv2.resize(head[..., 0], (side, side), interpolation=cv2.INTER_AREA)
    whites = np.full_like(small, WHITE[0])
    return Portrait(small, landmarks, "drawn", True, behind, alpha, whites, np.stack([disc, disc]))
