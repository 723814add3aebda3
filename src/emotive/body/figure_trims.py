"""What ends and closes clothes: cuffs, hems, collars, edges, a pocket, cords, turn-ups and soles."""

from __future__ import annotations

import numpy as np

from . import figure_clothes as clothes
from . import figure_shoes as shoes
from .figure_bands import (
    Surface,
    across,
    band,
    even,
    onto,
    oval,
    ring,
    rounded,
    skinned_over,
    strip,
    together,
)
from .figure_body import ANKLE, FORE, SHOULDER, UPPER, WRIST
from .figure_forms import Form
from .figure_mesh import normals_of

BARE = ("tee", "polo")  # tops with short sleeves
UP, BACK = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, -1.0])
_MIRROR = np.array([-1.0, 1.0, 1.0])


def trims(top: str) -> Surface:
    """Those of one of `figure_clothes.TOPS`, on both sides."""
    form = clothes.TOPS[top]
    if top in BARE:
        end = _short_cuff(form)
    else:
        end = _cuff(clothes.cardigan if top == "cardigan" else clothes.long_sleeved)
    necks = {"scoop": _scooped, "vneck": _pointed, "turtleneck": _rolled, "polo": _folded, "cardigan": _edges}
    found = [end, across(end), necks.get(top, _crew)()]
    if top != "cardigan":
        found.append(_hem(form, 0.004 if top in BARE else 0.016))
    more = {"polo": _placket, "hoodie": _pocket, "vneck": _crew_below}
    return together(*found, *([more[top]()] if top in more else []))


def turn_up() -> Surface:
    """The end of the left leg of the trousers."""
    middle = np.array([ANKLE[0], clothes.TURN_UP + 0.012, ANKLE[2]])
    return band(ring(clothes.trousers, middle, UP, 24), UP, rounded(0.0025, -0.016, 0.014))


def sole() -> Surface:
    """The sole of the left shoe, rolled up to the toes."""
    path = ring(shoes.sole_outline, shoes.from_foot(np.array([0.0, 0.0, 0.05])), UP, 46)
    flat = np.array([1.0, 0.0, 1.0])
    out = normals_of(shoes.sole_outline, path) * flat
    toes = np.clip((path[:, 2:] - 0.115) / 0.07, 0, 1) ** 2
    profile = ((-0.006, 0.0), (-0.001, 0.003), (0.001, 0.010), (0.0, 0.021), (-0.002, 0.026), (-0.010, 0.027))
    rows = [(path + inset * out) * flat + UP * (high + 0.009 * toes) for inset, high in profile]
    return skinned_over(np.stack(rows))


def cords() -> Surface:
    """The two ends of a hood's cord."""
    line = even(
        np.array([(0.030, 1.440, 0.25), (0.034, 1.405, 0.25), (0.032, 1.365, 0.25), (0.036, 1.318, 0.25)]), 9
    )
    line = onto(lambda p: clothes.hoodie(p) - 0.001, line, BACK)
    circle = [(0.0032 * np.cos(a), 0.0032 * np.sin(a)) for a in np.arange(6) * np.pi / 3]
    cord = strip(line, np.broadcast_to(-BACK, line.shape), circle)
    return together(cord, across(cord))


def _cuff(form: Form) -> Surface:
    at = WRIST - (clothes.CUFF + 0.016) * FORE
    return band(ring(form, at, FORE, 22), FORE, rounded(0.003, -0.022, 0.018))


def _short_cuff(form: Form) -> Surface:
    at = SHOULDER + (clothes.SLEEVE - 0.010) * UPPER
    return band(ring(form, at, UPPER, 24), UPPER, rounded(0.0022, -0.010, 0.012))


def _hem(form: Form, high: float) -> Surface:
    middle = np.array([0.0, clothes.HEM + 0.016, -0.005])
    path = ring(lambda p: np.minimum(form(p), clothes.trunk(p, 0.007)), middle, UP, 52)
    return band(path, UP, rounded(0.0028, -0.024, high))


def _crew() -> Surface:
    path = oval(clothes.COLLAR, clothes.COLLAR_UP, 0.061, 0.058, 36)
    outline = [
        (0.003, -0.016), (0.008, -0.006), (0.0075, 0.006), (0.004, 0.013), (0.0, 0.014), (-0.003, 0.010),
        (-0.002, -0.008),
    ]  # fmt: skip
    return band(path, clothes.COLLAR_UP, outline)


def _crew_below() -> Surface:
    """The edge of a shirt that a deep neck shows."""
    path = oval(clothes.COLLAR - 0.004 * clothes.COLLAR_UP, clothes.COLLAR_UP, 0.0585, 0.0565, 36)
    outline = [
        (0.002, -0.012), (0.0035, -0.004), (0.003, 0.004), (0.0, 0.0065), (-0.003, 0.004), (-0.002, -0.008),
    ]  # fmt: skip
    return band(path, clothes.COLLAR_UP, outline)


def _rolled() -> Surface:
    """A high collar, folded over."""
    path = oval(clothes.COLLAR + 0.004 * UP, clothes.COLLAR_UP, 0.057, 0.056, 36)
    outline = [
        (0.010, -0.014), (0.0145, -0.004), (0.0135, 0.014), (0.0105, 0.034), (0.007, 0.045), (0.002, 0.048),
        (-0.002, 0.044), (-0.003, 0.02), (-0.002, -0.008),
    ]  # fmt: skip
    return band(path, clothes.COLLAR_UP, outline)


def _scooped() -> Surface:
    """The edge of a wide neck."""
    wide, deep = clothes.SCOOP_WIDE + 0.005, clothes.SCOOP_DEEP + 0.006
    above = oval(clothes.SCOOP, clothes.SCOOP_UP, wide, deep, 52) + 0.15 * clothes.SCOOP_UP
    path = onto(clothes.long_sleeved, above, -clothes.SCOOP_UP)
    return _ribbed(np.concatenate([path, path[:1]]), clothes.long_sleeved)


def _pointed() -> Surface:
    """The edge of a deep neck: from its point around the nape and back."""
    height = np.linspace(clothes.V_POINT - 0.003, 1.432, 14)
    front = np.stack([(height - clothes.V_POINT) * clothes.V_SLOPE + 0.006, height, np.full(14, 0.25)], 1)
    return _ribbed(
        _around_nape(onto(clothes.long_sleeved, front, BACK), 0.064, 0.061, 60), clothes.long_sleeved
    )


def _edges() -> Surface:
    """The edge of an open front, from the left hem around the nape to the right one."""

    def form(p: np.ndarray) -> np.ndarray:
        return clothes.long_sleeved(p) - 0.005

    height = np.linspace(clothes.HEM + 0.001, 1.440, 24)
    front = np.stack([clothes.front_edge(height) + 0.006, height, np.full(24, 0.25)], 1)
    return _ribbed(_around_nape(onto(form, front, BACK), 0.071, 0.066, 80), form)


def _around_nape(front: np.ndarray, wide: float, deep: float, count: int) -> np.ndarray:
    """A path up the left of the front, around the nape, and down the right."""
    nape = oval(clothes.COLLAR, clothes.COLLAR_UP, wide, deep, 40)
    nape = nape[nape[:, 2] < 0.012]
    nape = nape[np.argsort(np.arctan2(-nape[:, 0], -(nape[:, 2] - clothes.COLLAR[2])))]
    return even(np.concatenate([front, nape, front[::-1] * _MIRROR]), count)


def _ribbed(path: np.ndarray, form: Form) -> Surface:
    """A flat band on cloth."""
    outline = [
        (-0.011, -0.004),
        (0.011, -0.004),
        (0.012, 0.0),
        (0.0095, 0.0036),
        (-0.0095, 0.0036),
        (-0.012, 0.0),
    ]
    return strip(path, normals_of(form, path), outline)


def _folded() -> Surface:
    """A shirt's collar, folded down and open in front."""
    count = 30
    angle = np.radians(np.linspace(-90 + 17, 270 - 17, count))  # from the front by the left and the back
    side, back = np.array([1.0, 0.0, 0.0]), np.cross(clothes.COLLAR_UP, (1.0, 0.0, 0.0))
    path = clothes.COLLAR + 0.060 * np.cos(angle)[:, None] * side + 0.058 * np.sin(angle)[:, None] * back
    out = np.cross(np.gradient(path, axis=0), clothes.COLLAR_UP)
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    point = np.clip(np.abs(np.linspace(-1, 1, count)) * 3 - 2, 0, 1)[:, None] ** 1.3  # 1 in front
    spread, drop = 0.030 + 0.012 * point, 0.012 + 0.034 * point
    nothing = 0 * point
    #       out, up, ahead
    outline = (
        (nothing - 0.002, -0.014, 0), (nothing - 0.001, 0.012, 0), (nothing + 0.002, 0.0175, 0),
        (nothing + 0.007, 0.0165, 0), (0.55 * spread, 0.014 - 0.6 * drop, 0.006),
        (spread, 0.010 - 1.15 * drop, 0.010), (spread - 0.001, 0.0045 - 1.15 * drop, 0.009),
        (0.55 * spread, 0.006 - 0.6 * drop, 0), (nothing + 0.004, -0.010, 0),
    )  # fmt: skip
    rows = [path + o * out + u * clothes.COLLAR_UP - a * point * BACK for o, u, a in outline]
    return skinned_over(np.stack(rows, 1), np.repeat(path, len(rows), 0))


def _placket() -> Surface:
    """The strip of a polo shirt that bears the buttons."""
    line = np.stack([np.zeros(9), np.linspace(1.432, 1.300, 9), np.full(9, 0.25)], 1)
    line = onto(clothes.tee, line, BACK)
    outline = [(-0.0135, -0.003), (0.0135, -0.003), (0.0135, 0.0018), (-0.0135, 0.0018)]
    return strip(line, normals_of(clothes.tee, line), outline)


def _pocket() -> Surface:
    """The pouch on the front of a hoodie, its openings slanted."""
    height = np.linspace(0.940, 1.088, 11)
    half = np.interp(height, [0.94, 0.975, 1.088], [0.118, 0.118, 0.068])
    along = np.linspace(-1, 1, 15)
    rows = []
    for k, (y, wide) in enumerate(zip(height, half, strict=True)):
        front = onto(clothes.hoodie, np.stack([wide * along, np.full(15, y), np.full(15, 0.25)], 1), BACK)
        out = normals_of(clothes.hoodie, front)
        lift = 0.0105 * (0.35 if k in (0, len(height) - 1) else 1.0) * (1 - 0.75 * along**8)
        rows.append(np.concatenate([front + lift[:, None] * out, (front - 0.006 * out)[::-1]]))
    return skinned_over(np.stack(rows))
