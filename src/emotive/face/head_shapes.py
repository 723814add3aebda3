"""ARKit's blendshapes on the skin of the bundled head: how far every point moves, in mm.

Each shape is a sum of smooth bumps where its muscle pulls, as FACS tells (Ekman & Friesen 1978); lids turn
about the eyeball, the jaw about its hinge. What is on one side is made for the left and mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotive.signals import ARKIT

from .head_grid import Skin
from .head_surface import EYE, HINGE, LID_RADIUS, MOUTH, MOUTH_WIDTH

JAW_ANGLE = np.radians(17)  # by which the jaw turns at jawOpen 1
SHARE = 0.35  # of the way between open lips that the upper one goes in mouthClose
CORNER = (25.0, -57.2)


def skin_shapes(skin: Skin) -> np.ndarray:
    """How the points of the skin move at weight 1, float64 (52, V, 3), mm, in ARKit's order."""
    face = _Face(skin)
    left = {**_eye(face), **_brow(face), **_mouth_side(face)}
    whole = {**_jaw(face), **_mouth_whole(face), **_cheeks_whole(face)}
    made = dict(whole)
    for name, moves in left.items():
        made[f"{name}Left"] = moves
        made[f"{name}Right"] = moves[skin.mirror] * np.array([-1, 1, 1])
    for name in ("jaw", "mouth"):
        made[f"{name}Right"] = made[f"{name}Left"][skin.mirror] * np.array([-1, 1, 1])
    made["tongueOut"] = np.zeros_like(skin.points)
    return np.stack([made[name] for name in ARKIT])


def jaw_turn(points: np.ndarray, weight: np.ndarray | float = 1.0) -> np.ndarray:
    """How points (N, 3) move with the jaw at jawOpen 1; it slides forward a little as it turns."""
    c, s = np.cos(JAW_ANGLE), np.sin(JAW_ANGLE)
    y, z = (points - HINGE)[:, 1], (points - HINGE)[:, 2]
    moved = np.stack([0 * y, c * y - s * z - y - 1.0, s * y + c * z - z + 3.0], axis=1)
    return moved * np.broadcast_to(weight, len(points))[:, None]


@dataclass
class _Face:
    """Points and the masks that shapes share."""

    skin: Skin

    def __post_init__(self) -> None:
        p, skin = self.skin.points, self.skin
        self.x, self.y, self.z = p.T
        self.front = _step(self.z, 15, 50)
        self.outside = (skin.inside == 0).astype(float)
        seam = p[skin.seam[0]]
        self.line = np.interp(self.x, seam[:, 0], seam[:, 1])
        depth = np.clip(np.interp(self.x, seam[:, 0], seam[:, 2]) - self.z, 0, None)
        # Within the mouth, what moves the lips fades.
        self.deep = np.where(skin.inside == 1, np.exp(-((depth / 10) ** 1.5)), 1.0) * (skin.inside != 2)
        soft = 1 / (1 + np.exp(np.clip((self.y - self.line) / 2.2, -30, 30)))
        hard = np.where(skin.side == 0, skin.plane[:, 1] < _seam_height(skin), skin.side < 0)
        corner = (skin.side == 0) & (skin.lip > 0) & (np.abs(self.x) > 0.55 * MOUTH_WIDTH)
        share = np.where(skin.side == 0, 1 - _step(np.abs(self.x), 22, 27), 1.0)
        self.low = np.where(corner, 0.5, share * hard + (1 - share) * soft)
        self.rise = self.y - self.line

    def bump(self, x: float, y: float, wide: float, high: float) -> np.ndarray:
        """1 at (x, y), falling off as a Gaussian, on the front of the face."""
        at = ((self.x - x) / wide) ** 2 + ((self.y - y) / high) ** 2
        return np.exp(-at) * self.front

    def lips(self, upper: float, lower: float, above: float = 9.0, below: float = 10.0) -> np.ndarray:
        """Of the two lips, and the skin next to them."""
        across = np.exp(-((np.abs(self.x) / 27) ** 5))
        up = (1 - self.low) * np.exp(-((np.clip(self.rise, 0, None) / above) ** 2))
        down = self.low * np.exp(-((np.clip(-self.rise, 0, None) / below) ** 2))
        return (upper * up + lower * down) * across * self.deep * self.front

    def move(self, x: object = 0.0, y: object = 0.0, z: object = 0.0) -> np.ndarray:
        return np.stack([np.broadcast_to(np.asarray(v, float), self.x.shape) for v in (x, y, z)], axis=1)


def _step(value: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _seam_height(skin: Skin) -> np.ndarray:
    """On the plane, where the lips part, at each point's x."""
    upper, lower = (skin.plane[line] for line in skin.seam)
    middle = (upper + lower) / 2
    return np.interp(skin.plane[:, 0], middle[:, 0], middle[:, 1])


def _eye(face: _Face) -> dict[str, np.ndarray]:
    """The lids of the left eye. Angles are turns about the eyeball's horizontal axis."""
    skin, d = face.skin, face.skin.points - EYE
    rim = skin.points[skin.rims[0]] - EYE
    half = len(rim) // 2
    turn, reach = np.arctan2(d[:, 1], d[:, 2]), np.hypot(d[:, 1], d[:, 2])
    edge = np.arctan2(rim[:, 1], rim[:, 2])
    upper = np.interp(d[:, 0], rim[: half + 1, 0], edge[: half + 1])
    down = np.r_[half : len(rim), 0]
    lower = np.interp(d[:, 0], rim[down[::-1], 0], edge[down[::-1]])
    gap = np.clip(upper - lower, 0, None)
    near = (d[:, 2] > -8) & (np.abs(d[:, 0]) < 21) & (np.linalg.norm(d, axis=1) < 40)
    beside = 1 - _step(np.abs(d[:, 0]), 14.5, 20)
    above = near * (turn >= (upper + lower) / 2) * (1 - np.clip((turn - upper) / 0.62, 0, 1)) ** 1.6
    below = near * (turn < (upper + lower) / 2) * (1 - np.clip((lower - turn) / 0.55, 0, 1)) ** 1.6
    on_lid = np.sqrt(np.clip((LID_RADIUS + 0.25) ** 2 - d[:, 0] ** 2, 30, None))

    def lids(up: np.ndarray, low: np.ndarray, settle: float = 0.0) -> np.ndarray:
        """Upper lid down and lower lid up by angles; `settle` lays the upper one onto the eyeball."""
        angle = turn - above * up + below * low
        lay = settle * above * (skin.inside == 0) * np.clip(up / 0.3, 0, 1)
        radius = reach + (np.minimum(reach, on_lid + 0.6) - reach) * lay
        return face.move(0.0, radius * np.sin(angle) - d[:, 1], radius * np.cos(angle) - d[:, 2])

    ball = np.exp(-((d[:, 0] / 17) ** 4)) * (above + below)
    return {
        "eyeBlink": lids(0.88 * gap + 0.03 * beside * (gap > 0.02), 0.10 * gap, 0.8),
        "eyeSquint": lids(0.14 * gap, 0.34 * gap, 0.2) + face.move(0, 1.6 * face.bump(33, -12, 16, 9), 0),
        "eyeWide": lids(-0.13 * np.clip(gap / 0.5, 0, 1), -0.05 * np.clip(gap / 0.5, 0, 1)),
        "eyeLookDown": lids(0.34 * gap, -0.10 * gap, 0.3),
        "eyeLookUp": lids(-0.16 * gap, 0.08 * gap),
        "eyeLookIn": face.move(-0.9 * ball, 0, 0.25 * ball * (d[:, 0] < 0)),
        "eyeLookOut": face.move(0.9 * ball, 0, 0.25 * ball * (d[:, 0] > 0)),
    }


def _brow(face: _Face) -> dict[str, np.ndarray]:
    lift = _step(face.y - EYE[1], 7, 20) * face.outside  # the lids stay
    inner, outer = face.bump(13, 33, 13, 17), face.bump(43, 31, 15, 16)
    middle, bridge = face.bump(28, 33, 14, 15), face.bump(0, 26, 11, 12)
    left = 1 / (1 + np.exp(-face.x / 5))
    down = (5.6 * inner + 3.4 * middle + 0.6 * outer) * left
    return {
        "browDown": face.move(
            -2.6 * inner * left * lift,
            -(down + 2.0 * bridge * left) * lift,
            (1.6 * inner + 0.8 * middle) * left * lift,
        ),
        "browOuterUp": face.move(0, (7.0 * outer + 3.0 * middle) * lift, -1.2 * outer * lift),
        "noseSneer": face.move(
            0.8 * face.bump(13, -28, 8, 8),
            4.0 * face.bump(13, -27, 8, 9)
            + 3.0 * face.bump(21, -30, 11, 12)
            + 1.6 * face.bump(8, 6, 7, 12) * left
            - 1.8 * inner * left * lift
            + face.lips(1.3, 0) * np.exp(-(((face.x - 12) / 11) ** 2)),
            0.8 * face.bump(20, -26, 10, 10),
        ),
        "cheekSquint": face.move(
            0.6 * face.bump(42, -16, 15, 13),
            4.2 * face.bump(40, -15, 17, 13) + 1.2 * face.bump(34, -2, 13, 5),
            2.4 * face.bump(41, -13, 14, 11),
        ),
    }


def _mouth_side(face: _Face) -> dict[str, np.ndarray]:
    x, y = CORNER
    left = 1 / (1 + np.exp(-face.x / 4.0))
    pull = face.bump(x, y, 12.5, 13) * left * face.deep
    # A corner takes the lip along, the more the nearer.
    along = np.clip(face.x / MOUTH_WIDTH, 0, 1) ** 1.7 * face.lips(1, 1, 8, 9)
    pull = np.maximum(pull, along)
    cheek, fold = face.bump(40, -26, 16, 15), face.bump(31, -40, 9, 12)
    half = np.exp(-(((face.x - 9.5) / 12) ** 2))
    press = np.exp(-(((face.x - 13) / 14) ** 2)) * left
    red = face.skin.lip * face.front * face.deep
    return {
        "mouthSmile": face.move(
            6.6 * pull + 1.0 * cheek,
            7.6 * pull + 3.2 * cheek + 1.5 * fold,
            -4.0 * pull + 3.4 * cheek + 0.6 * fold,
        ),
        "mouthFrown": face.move(0.8 * pull, -7.2 * pull - 1.2 * face.bump(30, -66, 12, 10), -1.5 * pull),
        "mouthDimple": face.move(4.4 * pull, 1.0 * pull, -4.2 * pull + 0.8 * face.bump(36, -50, 9, 12)),
        "mouthStretch": face.move(8.0 * pull, -3.6 * pull - 1.5 * face.bump(30, -75, 14, 14), -4.4 * pull),
        "mouthPress": face.move(
            0.5 * pull,
            press * (face.lips(-1.7, 1.9, 12, 13) * np.clip(np.abs(face.rise) / 5, 0, 1)),
            -1.5 * press * red - 0.4 * press * face.lips(1, 1),
        ),
        "mouthLowerDown": face.move(
            0, -7.6 * half * face.lips(0, 1, below=15), -1.2 * half * face.lips(0, 1)
        ),
        "mouthUpperUp": face.move(
            0,
            5.8 * half * face.lips(1, 0, above=14) + 1.6 * face.bump(18, -34, 10, 9),
            -0.6 * half * face.lips(1, 0),
        ),
    }


def _jaw(face: _Face) -> dict[str, np.ndarray]:
    weight = jaw_weight(face)
    opened = jaw_turn(face.skin.points, weight)
    # The corners come in a little as the mouth opens; a hanging jaw narrows it.
    corner = np.exp(-(((np.abs(face.x) - MOUTH_WIDTH) / 9) ** 2 + (face.rise / 12) ** 2))
    opened[:, 0] -= 2.2 * np.sign(face.x) * face.deep * face.front * corner
    turn = np.clip((face.z - HINGE[2]) / 90, 0, 1.2)
    return {
        "jawOpen": opened,
        "mouthClose": _closing(face, opened),
        "jawForward": face.move(0, -0.8 * weight, 7.0 * weight),
        "jawLeft": face.move(8.0 * weight * turn, 0, 0),
    }


def jaw_weight(face: _Face) -> np.ndarray:
    """How far points go with the jaw, 0..1."""
    wide = np.abs(face.x)
    cheek = _step(-face.y, 20, 76)
    # The mouth opens as an ellipse does: its corners go part of the way, with either lip.
    round_ = np.sqrt(np.clip(1 - (wide / (MOUTH_WIDTH + 0.5)) ** 2, 0, 1))
    near = np.exp(-((face.rise / 13) ** 2)) * np.exp(-((np.clip(wide - MOUTH_WIDTH, 0, None) / 9) ** 2))
    taken = 0.6 * (1 - round_) ** 1.2
    lips = face.low * (1 - near * 0.4 * (1 - round_)) + (1 - face.low) * near * taken
    share = 1 - _step(wide, 20, 36)
    weight = share * lips + (1 - share) * cheek
    behind = _step(face.z, -4, 44)
    below = _step(face.y, -146, -104)
    skin = weight * behind * below
    bag = np.where(face.skin.side < 0, 1 - 0.4 * (1 - round_), np.where(face.skin.side > 0, taken, 0.6))
    return np.where(face.skin.inside == 1, bag, np.where(face.skin.inside == 2, 0.0, skin))


def _closing(face: _Face, opened: np.ndarray) -> np.ndarray:
    """What brings the lips together again at the same weight as `jawOpen`, exactly where they touch."""
    upper, lower = face.skin.seam
    x, apart = face.skin.points[upper, 0], opened[lower] - opened[upper]
    way = np.stack([np.interp(face.x, x, apart[:, k], left=0, right=0) for k in range(3)], axis=1)
    up, down = np.clip(face.rise, 0, None), np.clip(-face.rise, 0, None)
    near_up = (1 - face.low) * np.exp(-((up / 11) ** 2))
    near_down = face.low * (0.55 * np.exp(-((down / 9) ** 2)) + 0.45 * np.exp(-((down / 24) ** 2)))
    shut = np.where(face.skin.inside == 1, face.deep, 1.0) * face.front * (face.skin.inside != 2)
    return way * (SHARE * near_up - (1 - SHARE) * near_down)[:, None] * shut[:, None]


def _mouth_whole(face: _Face) -> dict[str, np.ndarray]:
    lips, red = face.lips(1, 1), face.skin.lip * face.deep * face.front
    around = face.bump(0, MOUTH, 34, 18) * face.deep
    narrow = face.x * np.maximum(lips, 0.8 * around)
    upper, lower = face.lips(1, 0), face.lips(0, 1)
    middle = np.exp(-((face.x / 15) ** 2))
    chin = face.bump(0, -86, 18, 13)
    return {
        "mouthFunnel": face.move(
            -0.26 * narrow,
            4.6 * upper * middle - 5.4 * lower * middle,
            6.5 * lips * (0.45 + 0.55 * middle) + 1.2 * around,
        ),
        "mouthPucker": face.move(
            -0.44 * narrow,
            0.3 * upper * middle - 0.4 * lower * middle,
            8.0 * lips * (0.35 + 0.65 * middle) + 1.5 * around,
        ),
        "mouthLeft": face.move(9.0 * np.maximum(face.bump(0, MOUTH, 34, 20), 0) * face.deep, 0, 0),
        "mouthRollLower": face.move(
            0, 2.6 * face.lips(0, 1, below=12) + 0.8 * lower * red, -4.2 * red * lower - 1.0 * lower
        ),
        "mouthRollUpper": face.move(0, -2.8 * face.lips(1, 0, above=10), -4.0 * red * upper - 1.0 * upper),
        "mouthShrugLower": face.move(
            0, 4.0 * face.lips(0.55, 1, 9, 14) + 4.0 * chin, 2.2 * face.lips(0.3, 1, 8, 12) + 1.4 * chin
        ),
        "mouthShrugUpper": face.move(0, 3.4 * face.lips(1, 0.35, 11, 8) * (0.4 + 0.6 * middle), 2.0 * upper),
        "browInnerUp": _inner_up(face),
    }


def _inner_up(face: _Face) -> np.ndarray:
    lift = _step(face.y - EYE[1], 7, 20) * face.outside
    inner = face.bump(13, 34, 14, 18) + face.bump(-13, 34, 14, 18)
    inner = inner / max(1.0, inner.max())
    return face.move(-0.10 * face.x * inner * lift, 8.0 * inner * lift, -0.8 * inner * lift)


def _cheeks_whole(face: _Face) -> dict[str, np.ndarray]:
    puff = face.bump(39, -50, 18, 17) + face.bump(-39, -50, 18, 17)
    soft = np.maximum(0, puff) * face.outside
    return {"cheekPuff": face.move(8.5 * np.sign(face.x) * soft, 0, 4.0 * soft + 1.8 * face.lips(1, 1))}
