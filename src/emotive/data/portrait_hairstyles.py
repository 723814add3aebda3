"""Hairstyles as sheets of hair: what hangs behind the face, and what lies before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .portrait_ground import Ground, mirrored
from .portrait_hair import Sheet
from .portrait_person import Person
from .portrait_short_hair import coils

Guides = tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True)
class Hairstyle:
    """back: behind face and ears; front: over them, in order. stays: (from, to) height in frame units over
    which hanging hair leaves the head and stays on the shoulders; None where no hair reaches them."""

    back: tuple[Sheet, ...] = ()
    front: tuple[Sheet, ...] = ()
    stays: tuple[float, float] | None = None
    long: bool = False  # whether hair is seen beside the neck
    cap: tuple[tuple[float, float], ...] = ()  # a closed outline filled with dark hair below the front sheets
    short: Callable[[Person, Ground], np.ndarray] | None = None  # paints hair too short for sheets instead
    shade: float = 0.85  # 0..1: the shadow it throws on the forehead


def _flip(guides: Guides, middle: float = 512.0) -> Guides:
    return tuple(tuple(map(tuple, mirrored(np.array(c), middle))) for c in guides)


def waves(p: Person) -> Hairstyle:
    """Parted at the side, in loose waves to the shoulders."""
    left = (
        (
            (551, 97),
            (430, 94),
            (318, 165),
            (264, 290),
            (243, 440),
            (240, 590),
            (250, 710),
            (262, 800),
            (330, 862),
        ),
        (
            (553, 130),
            (440, 130),
            (338, 195),
            (285, 310),
            (264, 440),
            (258, 570),
            (270, 680),
            (266, 770),
            (318, 842),
        ),
        (
            (555, 165),
            (470, 172),
            (375, 232),
            (316, 330),
            (292, 440),
            (285, 550),
            (298, 650),
            (292, 740),
            (330, 815),
        ),
        (
            (556, 206),
            (500, 216),
            (420, 262),
            (354, 340),
            (326, 430),
            (316, 520),
            (330, 610),
            (326, 690),
            (352, 775),
        ),
    )
    right = (
        (
            (551, 97),
            (650, 94),
            (732, 170),
            (770, 290),
            (788, 440),
            (788, 590),
            (776, 720),
            (764, 806),
            (700, 862),
        ),
        (
            (554, 130),
            (640, 133),
            (714, 205),
            (750, 315),
            (765, 440),
            (768, 570),
            (755, 690),
            (760, 780),
            (712, 845),
        ),
        (
            (556, 165),
            (625, 178),
            (687, 250),
            (722, 345),
            (737, 450),
            (740, 560),
            (728, 660),
            (734, 750),
            (702, 820),
        ),
        (
            (556, 206),
            (602, 220),
            (654, 280),
            (690, 360),
            (706, 450),
            (710, 540),
            (698, 630),
            (702, 700),
            (680, 780),
        ),
    )
    behind = (
        ((330, 250), (258, 500), (264, 720), (310, 900)), ((410, 230), (380, 500), (390, 720), (410, 910)),
        ((512, 190), (512, 500), (512, 720), (512, 912)), ((614, 230), (644, 500), (634, 720), (614, 910)),
        ((696, 250), (768, 500), (762, 720), (722, 900)),
    )  # fmt: skip
    cap = ((552, 204), (500, 212), (430, 255), (350, 350), (300, 440), (258, 420), (276, 290), (330, 180),
        (430, 112),
           (550, 108), (650, 112), (726, 182), (756, 290), (770, 420), (715, 440), (684, 350), (640, 262),
           (596, 216))  # fmt: skip
    wave = {
        "clump": 0.40,
        "strands": 120,
        "lengths": (0.95, 1.0),
        "under": 1.5,
        "fray": 1.8,
        "width": 1.7,
        "shine": 1.9,
        "stagger": 0.022,
    }
    wisps = {"strands": 3, "clump": 0.3, "under": 0.0, "fray": 3.0, "width": 1.5, "lengths": (0.7, 0.97)}
    return Hairstyle(
        back=(Sheet(behind, locks=30, strands=40, tone=0.50, wave=(10.0, 2.0), under=1.8, clump=0.3,
            lengths=(0.97, 1.0)),),
        front=(
            Sheet(left, locks=16, wave=(19.0, 2.4), **wave), Sheet(right, locks=15, wave=(19.0, 2.4), **wave),
            Sheet(left[::-1], locks=16, wave=(15.0, 2.1), **wisps), Sheet(right[::-1], locks=14,
                wave=(15.0, 2.1), **wisps),
        ),
        stays=(690, 800),
        long=True,
        cap=cap,
    )  # fmt: skip


def bob(p: Person) -> Hairstyle:
    """A straight bob to the jaw with a full fringe."""
    fringe = (
        ((476, 98), (384, 170), (336, 270), (318, 376)),
        ((488, 95), (428, 160), (388, 260), (374, 370)),
        ((500, 94), (472, 155), (450, 260), (442, 365)),
        ((512, 94), (516, 155), (516, 260), (514, 363)),
        ((524, 94), (560, 155), (584, 260), (590, 365)),
        ((536, 95), (606, 160), (642, 262), (656, 370)),
        ((548, 98), (646, 170), (692, 270), (710, 376)),
    )
    left = (
        ((530, 84), (400, 92), (300, 180), (262, 310), (252, 450), (258, 560), (285, 640), (345, 676)),
        ((508, 100), (400, 118), (318, 195), (284, 310), (275, 440), (282, 560), (305, 640), (350, 682)),
        ((505, 108), (410, 132), (338, 212), (310, 320), (300, 440), (304, 560), (318, 640), (350, 690)),
        ((500, 116), (415, 150), (356, 240), (338, 340), (336, 450), (340, 560), (344, 640), (356, 694)),
    )  # fmt: skip
    right = _flip(left)
    behind = (
        ((330, 300), (300, 540), (350, 690)), ((420, 300), (400, 540), (430, 700)), ((512, 300), (512,
        540), (512, 705)),
        ((604, 300), (624, 540), (594, 700)), ((694, 300), (724, 540), (674, 690)),
    )  # fmt: skip
    cap = ((340, 340), (420, 334), (512, 330), (604, 334), (684, 340), (716, 480), (744, 480), (746, 330),
        (716, 200), (640, 118),
           (512, 100), (384, 118), (308, 200), (278, 330), (280, 480), (308, 480))  # fmt: skip
    sleek = {
        "clump": 0.35,
        "strands": 54,
        "under": 1.5,
        "lengths": (0.985, 1.0),
        "fray": 0.9,
        "wave": (1.5, 1.2),
        "shine": 1.6,
        "blunt": 0.8,
    }
    wisps = {"strands": 4, "clump": 0.2, "under": 0.0, "fray": 3.5, "width": 1.4, "lengths": (0.85, 1.0)}
    return Hairstyle(
        back=(Sheet(behind, locks=30, strands=26, tone=0.40, under=1.6, lengths=(0.98, 1.0), blunt=0.8),),
        front=(
            Sheet(left, locks=22, **sleek), Sheet(right, locks=22, **sleek),
            Sheet(fringe, locks=24, strands=60, clump=0.42, under=1.0, lengths=(0.965, 1.0), fray=1.6,
                shine=1.6, blunt=0.1),
            Sheet(fringe, locks=18, **wisps), Sheet(left, locks=8, **wisps), Sheet(right, locks=8, **wisps),
        ),
        cap=cap,
        long=True,
    )  # fmt: skip


def swept(p: Person) -> Hairstyle:
    """Short, swept back from a high hairline, closely cut at the sides."""
    h = p.hairline
    w = p.face_width
    top = (
        ((512 - 0.78 * w, h + 74), (512 - 0.98 * w, h + 20), (512 - 0.99 * w, 176), (512 - 0.80 * w, 132)),
        ((512 - 0.66 * w, h + 46), (512 - 0.82 * w, h - 14), (512 - 0.72 * w, 130), (512 - 0.40 * w, 104)),
        ((512 - 0.44 * w, h + 26), (512 - 0.52 * w, h - 34), (512 - 0.36 * w, 112), (512 - 0.02 * w, 94)),
        ((512 - 0.16 * w, h + 14), (512 - 0.16 * w, h - 46), (512 + 0.04 * w, 108), (512 + 0.28 * w, 96)),
        ((512 + 0.14 * w, h + 14), (512 + 0.22 * w, h - 42), (512 + 0.38 * w, 116), (512 + 0.52 * w, 108)),
        ((512 + 0.44 * w, h + 26), (512 + 0.58 * w, h - 30), (512 + 0.66 * w, 134), (512 + 0.74 * w, 134)),
        ((512 + 0.66 * w, h + 48), (512 + 0.84 * w, h - 8), (512 + 0.90 * w, 156), (512 + 0.92 * w, 168)),
        ((512 + 0.78 * w, h + 74), (512 + 0.97 * w, h + 36), (512 + 1.04 * w, 205), (512 + 1.05 * w, 230)),
    )
    side = (
        ((512 - 0.79 * w, h + 44), (512 - 1.00 * w, h + 26), (512 - 1.10 * w, h + 60)),
        ((512 - 0.80 * w, h + 70), (512 - 1.01 * w, h + 66), (512 - 1.11 * w, h + 116)),
        ((512 - 0.84 * w, h + 92), (512 - 1.00 * w, h + 104), (512 - 1.10 * w, h + 168)),
        ((512 - 0.86 * w, h + 126), (512 - 0.99 * w, h + 146), (512 - 1.09 * w, h + 208)),
        ((512 - 0.89 * w, h + 160), (512 - 0.98 * w, h + 184), (512 - 1.07 * w, h + 238)),
        ((512 - 0.925 * w, h + 190), (512 - 0.975 * w, h + 214), (512 - 1.03 * w, h + 262)),
        ((512 - 0.95 * w, h + 210), (512 - 0.965 * w, h + 236), (512 - 0.985 * w, h + 280)),
    )  # fmt: skip
    cap = ((512 - 0.93 * w, h + 128), (512 - 0.80 * w, h + 34), (512 - 0.40 * w, h + 18), (512, h + 6),
        (512 + 0.40 * w, h + 18),
           (512 + 0.80 * w, h + 34), (512 + 0.93 * w, h + 128), (512 + 1.02 * w, 330), (512 + 0.98 * w,
           220), (512 + 0.66 * w, 136),
           (512, 108), (512 - 0.66 * w, 136), (512 - 0.98 * w, 220), (512 - 1.02 * w, 330))  # fmt: skip
    short = {
        "clump": 0.5,
        "strands": 60,
        "under": 1.2,
        "lengths": (0.8, 1.0),
        "fray": 3.0,
        "soft_root": 0.30,
        "width": 1.8,
        "stagger": 0.16,
    }
    return Hairstyle(
        front=(
            Sheet(side[::-1], locks=22, tone=0.80, **short), Sheet(_flip(side[::-1]), locks=22, tone=0.80,
                **short),
            Sheet(top, locks=30, wave=(4.0, 0.8), **short),
            Sheet(top, locks=20, strands=7, clump=0.2, under=0.0, fray=8.0, lengths=(0.5, 1.05), width=1.5,
                soft_root=0.3),
        ),
        cap=cap,
        shade=0.45,
    )  # fmt: skip


def pulled_back(p: Person) -> Hairstyle:
    """Parted near the middle and drawn back behind the ears into a knot that is not seen."""
    w = p.face_width
    part = 530
    left = (
        ((part, 93), (420, 96), (328, 168), (294, 285), (512 - 1.02 * w, 412)),
        ((part, 118), (440, 126), (354, 195), (310, 300), (512 - 1.00 * w, 416)),
        ((part, 150), (450, 160), (378, 222), (330, 318), (512 - 0.975 * w, 420)),
        ((part, 188), (462, 196), (400, 246), (348, 332), (512 - 0.95 * w, 424)),
        ((part, p.hairline), (478, p.hairline + 8), (414, 268), (362, 345), (512 - 0.925 * w, 428)),
    )
    right = tuple(((part, c[0][1]), *c[1:]) for c in _flip(left))
    behind = (
        ((512 - 0.9 * w, 250), (512 - 1.09 * w, 380), (512 - 0.97 * w, 480), (512 - 0.80 * w, 560)),
        ((512 - 0.5 * w, 250), (512 - 0.6 * w, 380), (512 - 0.5 * w, 520), (512 - 0.4 * w, 650)),
        ((512 + 0.5 * w, 250), (512 + 0.6 * w, 380), (512 + 0.5 * w, 520), (512 + 0.4 * w, 650)),
        ((512 + 0.9 * w, 250), (512 + 1.09 * w, 380), (512 + 0.97 * w, 480), (512 + 0.80 * w, 560)),
    )
    cap = ((part, p.hairline), (470, p.hairline + 10), (410, 270), (362, 340), (512 - 0.94 * w, 420),
        (512 - 1.02 * w, 400), (302, 270),
           (340, 166), (430, 106), (part, 100), (600, 106), (686, 166), (722, 270), (512 + 1.02 * w, 400),
           (512 + 0.94 * w, 420),
           (662, 340), (614, 270), (566, p.hairline + 10))  # fmt: skip
    drawn = {
        "clump": 0.1,
        "strands": 100,
        "under": 1.4,
        "lengths": (0.97, 1.0),
        "fray": 1.6,
        "wave": (2.5, 1.0),
        "shine": 1.6,
        "width": 1.6,
        "stagger": 0.03,
    }
    loose = {
        "strands": 3,
        "clump": 0.1,
        "under": 0.0,
        "fray": 5.0,
        "width": 1.2,
        "lengths": (0.6, 1.0),
        "wave": (4.0, 1.2),
    }
    return Hairstyle(
        back=(Sheet(behind, locks=30, strands=24, tone=0.5, under=1.6),),
        front=(
            Sheet(left, locks=20, **drawn), Sheet(right, locks=20, **drawn), Sheet(left, locks=12,
                **loose), Sheet(right, locks=12, **loose),
        ),
        cap=cap,
    )  # fmt: skip


def quiff(p: Person) -> Hairstyle:
    """Short at the sides, thick and wavy above, brushed up and over."""
    h = p.hairline
    w = p.face_width
    base = swept(p)

    def across(*points: tuple[float, float]) -> tuple[tuple[float, float], ...]:
        return tuple((512 + x * w, y) for x, y in points)

    top = (
        across((-0.76, h + 70), (-0.98, h + 8), (-0.96, 165), (-0.70, 116)),
        across((-0.60, h + 36), (-0.80, h - 34), (-0.70, 118), (-0.24, 88)),
        across((-0.34, h + 16), (-0.46, h - 56), (-0.26, 100), (0.22, 82)),
        across((-0.06, h + 8), (-0.10, h - 66), (0.18, 96), (0.60, 94)),
        across((0.22, h + 10), (0.26, h - 56), (0.54, 104), (0.86, 124)),
        across((0.48, h + 22), (0.60, h - 36), (0.80, 118), (0.98, 168)),
        across((0.68, h + 44), (0.86, h - 8), (0.98, 160), (1.03, 216)),
        across((0.78, h + 74), (0.98, h + 36), (1.01, 212), (1.05, 248)),
    )
    thick = {
        "clump": 0.62,
        "strands": 66,
        "under": 1.5,
        "fray": 2.2,
        "soft_root": 0.22,
        "stagger": 0.10,
        "shine": 2.2,
    }
    return Hairstyle(
        front=(
            *base.front[:2], Sheet(top[::-1], locks=22, wave=(7.0, 1.1), lengths=(0.85, 1.0), **thick),
            Sheet(top, locks=12, strands=4, clump=0.5, under=0.0, fray=6.0, lengths=(0.6, 1.05), width=1.4,
                soft_root=0.3, wave=(9.0, 1.2)),
        ),
        cap=base.cap,
        shade=0.45,
    )  # fmt: skip


def curls(p: Person) -> Hairstyle:
    """Close curls."""
    return Hairstyle(short=coils, shade=0.45)


HAIRSTYLES: dict[str, Callable[[Person], Hairstyle]] = {
    "waves": waves, "bob": bob, "swept": swept, "pulled_back": pulled_back, "quiff": quiff, "curls": curls,
}  # fmt: skip
