"""Light on a moving skin: folds, furrows and lids, growing with the shapes.

Which fold comes with which movement is the Facial Action Coding System's (Ekman, Friesen & Hager 2002).
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from emotive.signals import ARKIT

from .folds import Canvas
from .frame import FaceFrame, smooth
from .landmarks import FaceLandmarks
from .measures import Measures

FINEST = 120.0  # pixels of the unit at which the maps are drawn; larger pictures get them enlarged
MOST_DARK, MOST_LIGHT = -0.42, 0.22

Drivers = dict[str, float]
"""ARKit name -> share: a fold's strength is the sum of its drivers' weights times their shares, at most 1."""


class Shading:
    """Maps of relative brightness over a part of the picture, each with what drives it.

    area: (y0, y1, x0, x1), pixels of the picture.
    """

    def __init__(
        self,
        m: Measures,
        frame: FaceFrame,
        image: np.ndarray,
        landmarks: FaceLandmarks,
        worn: Mapping[str, float],
    ) -> None:
        points = landmarks.oval[:, :2]
        margin = 0.12 * frame.unit
        height, width = image.shape[:2]
        x0, y0 = np.clip(np.floor(points.min(0) - margin), 0, [width - 8, height - 8]).astype(int)
        x1, y1 = np.clip(np.ceil(points.max(0) + margin), [x0 + 8, y0 + 8], [width, height]).astype(int)
        self.area = (int(y0), int(y1), int(x0), int(x1))
        factor = min(1.0, FINEST / frame.unit)
        shape = max(8, round((y1 - y0) * factor)), max(8, round((x1 - x0) * factor))
        column = x0 + (np.arange(shape[1]) + 0.5) / shape[1] * (x1 - x0) - 0.5
        row = y0 + (np.arange(shape[0]) + 0.5) / shape[0] * (y1 - y0) - 0.5
        face = frame.to_face(np.stack(np.meshgrid(column, row), -1))
        canvas = Canvas(face[..., 0], face[..., 1])
        skin = cv2.resize(
            _skin(image[y0:y1, x0:x1], landmarks, (x0, y0), frame.unit),
            shape[::-1],
            interpolation=cv2.INTER_AREA,
        )
        self._maps: list[tuple[np.ndarray, tuple[slice, slice]]] = []
        drivers: list[Drivers] = []
        for driver, values in [*_upper_folds(m, canvas, landmarks, frame), *_mouth_folds(m, canvas)]:
            self._add(values * skin)
            drivers.append(driver)
        self._drive = np.zeros((len(drivers), len(ARKIT)), np.float32)
        for row_, driver in zip(self._drive, drivers, strict=True):
            for name, share in driver.items():
                row_[ARKIT.index(name)] = share
        self._gain = np.zeros((y1 - y0, x1 - x0), np.float32)
        self._worn = {name: weight for name, weight in worn.items() if "Smile" in name}
        if self._worn:
            self._relief = _relief(image[y0:y1, x0:x1], m, frame, (x0, y0)) * min(
                1.0, 1.1 * max(self._worn.values())
            )

    def _add(self, values: np.ndarray) -> None:
        y0, y1, x0, x1 = self.area
        values = cv2.resize(values.astype(np.float32), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        felt = np.abs(values) > 0.004
        rows, columns = np.nonzero(felt.any(1))[0], np.nonzero(felt.any(0))[0]
        if not len(rows):
            self._maps.append((np.zeros((0, 0), np.float32), np.s_[0:0, 0:0]))
            return
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        self._maps.append((np.ascontiguousarray(values[part]), part))

    def gain(self, w: np.ndarray) -> np.ndarray:
        """Relative brightness to add over `area` at weights (52,), float32 (h, w); reused by the next."""
        gain = self._gain
        gain[:] = 0
        for strength, (values, part) in zip(np.minimum(self._drive @ w, 1.0), self._maps, strict=True):
            if strength > 0.01:
                gain[part] += np.float32(strength) * values
        np.clip(gain, MOST_DARK, MOST_LIGHT, out=gain)
        if self._worn:
            smile = np.mean([w[ARKIT.index(name)] / weight for name, weight in self._worn.items()])
            if smile < 1:
                gain += np.float32(1 - smile) * self._relief
        return gain


def _skin(image: np.ndarray, landmarks: FaceLandmarks, corner: tuple[int, int], unit: float) -> np.ndarray:
    """float32 (h, w), 0..1: where there is skin or lip, not hair or brow: light near the cheeks' own."""
    light = cv2.GaussianBlur(image.astype(np.float32).mean(2), (0, 0), max(0.012 * unit, 0.5))
    oval = landmarks.oval[:, :2] - np.array(corner)
    inside = cv2.fillPoly(np.zeros(light.shape, np.uint8), [np.round(oval).astype(np.int32)], 1)
    nose = landmarks.nose[3, :2] - np.array(corner)
    cheeks = np.zeros(light.shape, np.uint8)
    for s in (-1, 1):
        centre = (int(nose[0] + s * 0.3 * unit), int(nose[1]))
        cv2.circle(cheeks, centre, max(2, int(0.1 * unit)), 1, -1)
    found = light[(cheeks > 0) & (inside > 0)]
    usual = float(np.median(found)) if len(found) else float(np.median(light))
    dark = smooth(light, 0.35 * usual, 0.60 * usual)
    local = cv2.GaussianBlur(dark.astype(np.float32), (0, 0), max(0.02 * unit, 0.5))
    edge = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.03 * unit)
    return local * smooth(edge, 0.35, 0.95).astype(np.float32)


def _relief(image: np.ndarray, m: Measures, frame: FaceFrame, corner: tuple[int, int]) -> np.ndarray:
    """Brightness that fills the folds of a smile which the portrait wears, float32 (h, w)."""
    light = image.astype(np.float32).mean(2)
    fine = cv2.GaussianBlur(light, (0, 0), max(0.012 * frame.unit, 0.5))
    broad = cv2.GaussianBlur(light, (0, 0), 0.075 * frame.unit)
    h, w = light.shape
    face = frame.to_face(np.stack(np.meshgrid(np.arange(w) + corner[0], np.arange(h) + corner[1]), -1))
    canvas = Canvas(face[..., 0], face[..., 1])
    near = np.zeros_like(light)
    for side, s in ((0, -1.0), (1, 1.0)):
        wing, mouth = m.wings[side], m.corners[side]
        near = np.maximum(near, -canvas.groove(_nasolabial(wing, mouth, s), 0.075, 0.0, taper=(0.12, 0.12)))
        under = m.lids[side, 1, 8]
        near = np.maximum(near, 0.6 * canvas.blob((under[0], under[1] + 0.09), 0.16, 0.05))
    lips = (np.abs(canvas.x - m.middle[0]) < m.half * 0.97) & (np.abs(canvas.y - m.middle[1]) < 0.11)
    wanted = np.clip(broad / np.maximum(fine, 1) - 1, -0.12, 0.34) * np.clip(near, 0, 1)
    wanted[lips] = 0
    return cv2.GaussianBlur(wanted.astype(np.float32), (0, 0), max(0.010 * frame.unit, 0.5)) * 0.85


def _by(point: np.ndarray, dx: float, dy: float) -> np.ndarray:
    return np.array([point[0] + dx, point[1] + dy])


def _nasolabial(wing: np.ndarray, corner: np.ndarray, s: float) -> np.ndarray:
    middle = _by((wing + corner) / 2, s * 0.045, -0.005)
    return np.array(
        [
            _by(wing, s * 0.012, -0.045),
            _by(wing, s * 0.05, 0.015),
            _by(middle, s * 0.012, 0.01),
            _by(corner, s * 0.075, 0.0),
        ]
    )


def _upper_folds(
    m: Measures, canvas: Canvas, landmarks: FaceLandmarks, frame: FaceFrame
) -> list[tuple[Drivers, np.ndarray]]:
    """Of forehead, brows, lids, nose root: what drives them, and their maps."""
    folds: list[tuple[Drivers, np.ndarray]] = []
    brow_top = float(m.brows[:, 0, :, 1].min())
    hairline = float(frame.to_face(landmarks.oval[0])[1])
    centre = float(m.brows[:, :, 4, 0].mean())
    inner_y = float(m.brows[:, :, 4, 1].mean())
    rise = brow_top - hairline
    rows = [brow_top - rise * part for part in (0.22, 0.42, 0.62)]
    for y, amount in zip(rows, (0.20, 0.17, 0.11), strict=True):
        arc = [
            (centre - 0.30, y + 0.015),
            (centre - 0.14, y + 0.022),
            (centre, y + 0.014),
            (centre + 0.14, y + 0.022),
            (centre + 0.30, y + 0.015),
        ]
        folds.append(({"browInnerUp": 0.75}, amount * canvas.groove(arc, 0.013, 0.45)))
    for eye, (side, s) in enumerate((("Right", -1.0), ("Left", 1.0))):
        brow, upper, lower = m.brows[eye], m.lids[eye, 0], m.lids[eye, 1]
        outer, inner = upper[0], upper[-1]
        temple = brow[0, 0]
        for y, amount in zip(rows[:2], (0.17, 0.12), strict=True):
            arc = [
                (centre + s * 0.14, y + 0.02),
                ((centre + temple[0]) / 2 + s * 0.10, y - 0.012),
                (temple[0], y + 0.035),
            ]
            folds.append(({f"browOuterUp{side}": 0.9}, amount * canvas.groove(arc, 0.013, -s * 0.45)))
        # The furrow beside the nose root; the shade of a brow that hangs over the inner corner of the eye.
        x = brow[:, 4, 0].mean()
        x = centre + (x - centre) * 0.42
        furrow = [
            (x + s * 0.006, inner_y - 0.085),
            (x, inner_y - 0.03),
            (x + s * 0.004, inner_y + 0.03),
            (x + s * 0.022, inner_y + 0.075),
        ]
        folds.append(
            ({f"browDown{side}": 0.9, f"noseSneer{side}": 0.2}, 0.30 * canvas.groove(furrow, 0.013, s * 0.5))
        )
        hang = canvas.blob((inner[0] + s * 0.02, (inner[1] + inner_y) / 2 + 0.02), 0.09, 0.055)
        folds.append(({f"browDown{side}": 0.8}, -0.20 * hang))
        folds.append(
            ({f"browDown{side}": 0.5}, 0.10 * canvas.blob((centre + s * 0.10, inner_y - 0.075), 0.07, 0.04))
        )
        # Grief: the upper lid's fold is drawn up towards the nose.
        grief = [
            (outer[0] - s * 0.02, outer[1] - 0.09),
            (upper[8, 0], upper[8, 1] - 0.085),
            (inner[0] + s * 0.01, inner_y + 0.06),
        ]
        folds.append(({"browInnerUp": 0.6}, 0.13 * canvas.groove(grief, 0.02, -s * 0.5)))
        # The lid: a ball under skin when it is shut, a deep crease when it is raised.
        ball = [_by(p, 0, -0.038) for p in upper[2:-2:3]]
        folds.append(({f"eyeBlink{side}": 1.0}, -0.10 * canvas.groove(ball, 0.022, 0.0)))
        edge = [_by(p, 0, -0.006) for p in upper[1:-1:3]]
        folds.append(({f"eyeBlink{side}": 0.8}, 0.12 * canvas.groove(edge, 0.012, 0.0)))
        crease = [_by(p, 0, -0.062) for p in upper[1:-1:3]]
        folds.append(({f"eyeWide{side}": 0.8}, 0.16 * canvas.groove(crease, 0.011, -s * 0.35)))
        # Cheek raised: a fold under the eye, crow's feet beside it.
        pouch = [
            (outer[0] + s * 0.015, outer[1] + 0.055),
            (lower[8, 0] + s * 0.02, lower[8, 1] + 0.062),
            (inner[0] + s * 0.01, inner[1] + 0.075),
        ]
        folds.append(
            (
                {f"cheekSquint{side}": 0.8, f"eyeSquint{side}": 0.35, f"mouthSmile{side}": 0.2},
                0.17 * canvas.groove(pouch, 0.014, -s * 0.5),
            )
        )
        for lift, amount in ((-0.035, 0.13), (0.005, 0.17), (0.045, 0.14)):
            start = _by(outer, s * 0.035, lift * 0.55)
            ends = _by(start, s * 0.10, lift * 1.1 + 0.010)
            foot = [start, _by(start, s * 0.05, lift * 0.55 + 0.002), ends]
            folds.append(
                (
                    {f"cheekSquint{side}": 0.75, f"eyeSquint{side}": 0.30},
                    amount * canvas.groove(foot, 0.008, s * 0.5),
                )
            )
        # Nose wrinkled: lines across its root, down its side.
        for k, y in enumerate((0.035, 0.085)):
            start = centre + s * 0.012
            cross = [(start, y + 0.012), (start + s * 0.035, y), (start + s * 0.075, y - 0.018 + 0.01 * k)]
            folds.append(
                ({f"noseSneer{side}": 0.9}, 0.20 * canvas.groove(cross, 0.011, -s * 0.5, taper=(0.2, 0.45)))
            )
        wing = m.wings[eye]
        flank = [
            (centre + s * 0.085, 0.12),
            (wing[0] * 0.85 + centre * 0.15 + s * 0.02, wing[1] - 0.12),
            (wing[0] + s * 0.035, wing[1] - 0.02),
        ]
        folds.append(({f"noseSneer{side}": 0.8}, 0.15 * canvas.groove(flank, 0.018, -s * 0.4)))
    return folds


def _mouth_folds(m: Measures, canvas: Canvas) -> list[tuple[Drivers, np.ndarray]]:
    """Of cheeks, mouth and chin: what drives them, and their maps."""
    folds: list[tuple[Drivers, np.ndarray]] = []
    cx, cy = m.middle
    for index, (side, s) in enumerate((("Right", -1.0), ("Left", 1.0))):
        corner, wing = m.corners[index], m.wings[index]
        fold = _nasolabial(wing, corner, s)
        drivers = {
            f"mouthSmile{side}": 0.75, f"noseSneer{side}": 0.55, f"mouthUpperUp{side}": 0.5,
            f"cheekSquint{side}": 0.25, f"mouthDimple{side}": 0.3, f"mouthStretch{side}": 0.25,
        }  # fmt: skip
        folds.append((drivers, 0.24 * canvas.groove(fold, 0.020, s * 0.38, 2.6, (0.4, 0.45))))
        apple = ((wing[0] + corner[0]) / 2 + s * 0.17, (wing[1] + corner[1]) / 2 - 0.10)
        round_ = 0.11 * canvas.blob(apple, 0.12, 0.10) - 0.07 * canvas.blob(
            (apple[0] + s * 0.02, apple[1] + 0.17), 0.14, 0.07
        )
        folds.append(({f"mouthSmile{side}": 0.75, f"cheekSquint{side}": 0.35}, round_))
        pit = canvas.blob(_by(corner, s * 0.030, 0.002), 0.022, 0.034)
        folds.append(
            (
                {
                    f"mouthSmile{side}": 0.7,
                    f"mouthDimple{side}": 1.0,
                    f"mouthPress{side}": 0.4,
                    f"mouthStretch{side}": 0.4,
                },
                -0.26 * pit,
            )
        )
        bracket = [_by(corner, s * 0.085, -0.05), _by(corner, s * 0.105, 0.0), _by(corner, s * 0.085, 0.06)]
        folds.append(
            (
                {f"mouthDimple{side}": 0.8, f"mouthStretch{side}": 0.5},
                0.15 * canvas.groove(bracket, 0.014, s * 0.5),
            )
        )
        sad = [_by(corner, s * 0.012, 0.012), _by(corner, s * 0.035, 0.06), _by(corner, s * 0.035, 0.13)]
        folds.append(
            ({f"mouthFrown{side}": 0.95}, 0.24 * canvas.groove(sad, 0.017, s * 0.45, taper=(0.1, 0.55)))
        )
        puff = (cx + s * 0.42, cy - 0.06)
        bulge = 0.12 * canvas.blob(puff, 0.12, 0.12) - 0.11 * canvas.blob(
            (puff[0], puff[1] + 0.19), 0.20, 0.07
        )
        folds.append(({"cheekPuff": 1.0}, bulge))
        hollow = canvas.blob((cx + s * 0.42, cy + 0.02), 0.08, 0.20, s * -0.25)
        folds.append(({"jawOpen": 0.6, "mouthPucker": 0.8, "mouthFunnel": 0.5}, -0.10 * hollow))
        # Lips drawn together: shade where the corners sink in.
        sunk = canvas.blob(_by(corner, -s * 0.01, 0), 0.05, 0.05)
        folds.append(({"mouthPucker": 1.0, "mouthFunnel": 0.6}, -0.22 * sunk))
    under = float(cy * 0.56 + m.chin * 0.44)
    bottom = _lower_edge(m)
    crease_y = bottom + 0.045
    crease = [
        (cx - 0.17, crease_y + 0.035),
        (cx - 0.08, crease_y + 0.005),
        (cx, crease_y),
        (cx + 0.08, crease_y + 0.005),
        (cx + 0.17, crease_y + 0.035),
    ]
    folds.append(
        (
            {"mouthShrugLower": 0.9, "mouthPucker": 0.5, "mouthFunnel": 0.35, "mouthRollLower": 0.3},
            0.25 * canvas.groove(crease, 0.022, -0.4),
        )
    )
    chin = np.zeros_like(canvas.x)
    for dx, dy in ((-0.09, 0.0), (-0.03, 0.035), (0.05, 0.01), (0.10, 0.045), (-0.07, 0.075), (0.02, 0.085)):
        chin += canvas.blob((cx + dx + 0.012, under + 0.10 + dy + 0.012), 0.022, 0.020) * 0.5
        chin -= canvas.blob((cx + dx, under + 0.10 + dy), 0.020, 0.018)
    folds.append(({"mouthShrugLower": 0.8}, 0.11 * chin))
    folds.append(({"mouthShrugLower": 0.5}, 0.09 * canvas.blob((cx, under + 0.07), 0.12, 0.05)))
    # Pursed lips stand out: lit along their middles, shaded around, with fine upright lines.
    shape = np.clip(1 - ((canvas.x - cx) / (m.half * 0.95)) ** 2, 0, 1)
    red = shape * np.exp(-(((canvas.y - cy) / 0.075) ** 2))
    stripes = red * np.cos((canvas.x - cx) / m.half * 22) * np.exp(-(((canvas.x - cx) / (0.6 * m.half)) ** 2))
    folds.append(({"mouthPucker": 1.0, "mouthFunnel": 0.4}, 0.07 * stripes))
    stand = 0.13 * canvas.blob((cx, bottom - 0.035), 0.10, 0.022) + 0.07 * canvas.blob(
        (cx, cy - 0.06), 0.09, 0.02
    )
    stand = (
        stand
        - 0.13 * canvas.blob((cx, bottom + 0.035), 0.15, 0.030)
        - 0.06 * canvas.blob((cx, cy - 0.12), 0.12, 0.03)
    )
    folds.append(({"mouthPucker": 1.0, "mouthFunnel": 0.8, "jawForward": 0.5}, stand))
    # Pressed or rolled lips: what is left of the red is dark at its line, the skin around bulges.
    press = -0.16 * shape * np.exp(-(((canvas.y - cy) / 0.022) ** 2))
    bulge = 0.07 * canvas.blob((cx, cy - 0.10), 0.20, 0.03) + 0.07 * canvas.blob(
        (cx, bottom + 0.02), 0.18, 0.025
    )
    for side, s in (("Right", -1.0), ("Left", 1.0)):
        half = smooth(s * (canvas.x - cx), -0.06, 0.06)
        drivers = {f"mouthPress{side}": 1.0, "mouthRollLower": 0.35, "mouthRollUpper": 0.35}
        folds.append((drivers, (press + bulge) * half))
    return folds


def _lower_edge(m: Measures) -> float:
    """Y of the lower lip's lower edge at its middle."""
    return float(m.y[(np.abs(m.t) < 0.35) & (m.below == 0) & (m.lower == 1)].max())
