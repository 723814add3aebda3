"""Builds the pieces of the figure, offline: `python -m emotive.body.figure_recipe -o figure.npz`.

Needs scikit-image and trimesh. What it writes is shipped beside `figure.py`, which reads it with numpy alone.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotive.face.head_mesh import head_mesh, vertex_normals
from emotive.media import write_whole
from emotive.signals import JOINT, JOINTS

from . import figure_clothes as clothes
from . import figure_shoes as shoes
from . import figure_trims as trims
from .figure_bands import Surface
from .figure_bind import mirrored
from .figure_body import ELBOW, FORE, SHOULDER, WRIST, bare_arm, bust, hand, left, torso
from .figure_forms import Form, both
from .figure_hair import STYLES, Style, head, skull
from .figure_head import ORIGIN, SCALE
from .figure_mesh import Size, meshed, normals_of
from .figure_occlusion import openness
from .figure_weights import (
    clothes_weights,
    four,
    hair_weights,
    hand_weights,
    legs_weights,
    shoe_weights,
    smoothed,
)

STEP = 6e-5  # m, in which points are kept
LOCKS = ((0.003, 0.30), (0.007, 0.32), (0.014, 0.24), (0.030, 0.14))  # as `figure_occlusion.STEPS`, for hair
BOX = (-0.62, 0.82, -0.2), (0.62, 1.58, 0.2)  # around what is worn above the waist
Weigh = Callable[[np.ndarray], np.ndarray]


@dataclass
class Piece:
    """points, normals (V, 3); triangles (F, 3); weights (V, 55); open: (V,), how open to the light around."""

    points: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray
    weights: np.ndarray
    open: np.ndarray | None = None


def solid(form: Form, box: tuple[object, object], size: float | Size, weigh: Weigh, smooth: int = 3) -> Piece:
    """The surface of a form, its weights averaged over neighbours `smooth` times."""
    points, triangles = meshed(form, *box, size)
    weights = smoothed(weigh(points), triangles, smooth)
    return Piece(points, normals_of(form, points), triangles, weights)


def sheet(surface: Surface, weigh: Weigh) -> Piece:
    """A band or strip; its cross-sections move as a whole."""
    points, triangles, follows = surface
    return Piece(points, vertex_normals(points, triangles), triangles, weigh(follows))


def joined(*pieces: Piece) -> Piece:
    firsts = np.cumsum([0, *(len(piece.points) for piece in pieces)])
    return Piece(
        np.concatenate([piece.points for piece in pieces]),
        np.concatenate([piece.normals for piece in pieces]),
        np.concatenate([piece.triangles + first for piece, first in zip(pieces, firsts, strict=False)]),
        np.concatenate([piece.weights for piece in pieces]),
    )


def across(piece: Piece) -> Piece:
    """The same on the other side."""
    swap = {"left": "right", "right": "left"}
    order = []
    for name in JOINTS:
        side = next((side for side in swap if name.startswith(side)), "")
        order.append(JOINT[swap[side] + name.removeprefix(side)] if side else JOINT[name])
    return Piece(
        mirrored(piece.points), mirrored(piece.normals), piece.triangles[:, ::-1], piece.weights[:, order]
    )


def pair(piece: Piece) -> Piece:
    return joined(piece, across(piece))


def cloth_size(p: np.ndarray) -> np.ndarray:
    """How long edges are on what is worn above the waist: shorter where it bends."""
    q = left(p)
    joint = np.minimum(np.linalg.norm(q - ELBOW, axis=1), np.linalg.norm(q - SHOULDER, axis=1))
    return np.interp(joint, [0.05, 0.16], [0.0175, 0.025])


def neck_size(p: np.ndarray) -> np.ndarray:
    """As `cloth_size`, finer around a neck that is cut out wide."""
    beyond = np.maximum(np.hypot(p[:, 0], p[:, 2]) - 0.06, 0)
    away = np.hypot(beyond, np.maximum(0, np.abs(p[:, 1] - 1.40) - 0.06))
    return np.minimum(cloth_size(p), np.interp(away, [0.030, 0.075], [0.013, 0.025]))


def hand_size(p: np.ndarray) -> np.ndarray:
    """How long edges are from arm to finger tips."""
    along = (p - WRIST) @ FORE
    return np.interp(along, [-0.16, -0.03, 0.02, 0.07, 0.085], [0.021, 0.014, 0.0105, 0.0095, 0.0074])


def build() -> dict[str, Piece]:
    """All pieces by name; those of a top are `top`, `top.trim` and, where it is open, `top.under`."""
    pieces: dict[str, Piece] = {}
    for top, form in clothes.TOPS.items():
        size = neck_size if top in ("scoop", "vneck") else cloth_size
        pieces[top] = shaded(solid(form, BOX, size, clothes_weights, 4), form)
        pieces[f"{top}.trim"] = shaded(sheet(trims.trims(top), clothes_weights), form)
    # What is worn below another is shaded by itself: the other moves over it.
    for top, form in clothes.UNDER.items():
        pieces[f"{top}.under"] = shaded(solid(form, BOX, 0.020, clothes_weights, 4), form)
    pieces["hoodie.under"] = shaded(sheet(trims.cords(), clothes_weights), clothes.hoodie)
    pieces["bust"] = shaded(solid(bust, BOX, 0.017, clothes_weights), bust)
    box = (-0.22, 0.06, -0.17), (0.22, 1.03, 0.17)
    pieces["trousers"] = shaded(solid(clothes.trousers, box, 0.0225, legs_weights))
    pieces["trousers.ends"] = shaded(pair(sheet(trims.turn_up(), legs_weights)))
    box = (0.0, 0.0, -0.1), (0.19, 0.13, 0.19)
    pieces["shoes"] = shaded(pair(solid(shoes.uppers, box, 0.0135, shoe_weights, 1)))
    pieces["soles"] = shaded(pair(sheet(trims.sole(), shoe_weights)))
    box = (0.38, 0.80, -0.05), (0.72, 1.14, 0.24)
    pieces["hands"] = shaded(pair(solid(hand, box, hand_size, hand_weights, 2)))
    box = (0.12, 0.80, -0.10), (0.72, 1.47, 0.24)
    pieces["arms"] = shaded(pair(solid(bare_arm, box, hand_size, hand_weights, 2)), clothes.tee)
    return pieces | {f"hair.{name}": hair(name) for name in STYLES}


def shaded(piece: Piece, top: Form = clothes.pullover) -> Piece:
    """With its openness to light on a body that wears some top."""

    def body(p: np.ndarray) -> np.ndarray:
        q = left(p)
        near = np.min([form(q) for form in (top, clothes.trousers, shoes.uppers, shoes.soles, hand)], 0)
        return np.minimum(near, 1e-3 * SCALE * head(1e3 * (p - ORIGIN) / SCALE))

    piece.open = openness(body, piece.points, piece.normals)
    return piece


def hair(name: str) -> Piece:
    """A hairstyle, on the head."""
    style, low, high, size = STYLES[name]

    def sizes(p: np.ndarray) -> np.ndarray:
        return size * np.interp(p[:, 2], [-40, 30], [1.18, 0.92])  # finer where hair ends at the face

    def near(p: np.ndarray) -> np.ndarray:
        return np.minimum(style(p), skull(p))

    points, triangles = meshed(style, low, high, sizes, least=3000.0)
    normals = vertex_normals(points, triangles)
    placed = SCALE * 1e-3 * points + ORIGIN
    return Piece(
        placed, normals, triangles, hair_weights(points), openness(near, points, normals, 1e3, LOCKS)
    )


def head_openness(style: Style) -> np.ndarray:
    """Of the points of the head's skin under hair of some style: (V,)."""
    skin = head_mesh().parts[0]

    def near(p: np.ndarray) -> np.ndarray:
        place = 1e-3 * SCALE * p + ORIGIN
        shoulders = both(torso(place) + 0.006, place[:, 1] - 1.43, 0.01)
        return np.minimum(np.minimum(head(p), 1e3 / SCALE * shoulders), style(p))

    return openness(near, 1e3 * skin.points.astype(float), skin.normals.astype(float), 1e3)


def write(path: Path, pieces: dict[str, Piece]) -> None:
    arrays = {}
    for name, piece in pieces.items():
        joints, weights = four(piece.weights)
        arrays[f"{name}/points"] = np.rint(piece.points / STEP).astype(np.int16)
        arrays[f"{name}/normals"] = np.rint(piece.normals * 127).astype(np.int8)
        arrays[f"{name}/triangles"] = piece.triangles.astype(np.uint16)
        arrays[f"{name}/joints"], arrays[f"{name}/weights"] = joints, weights
        if piece.open is not None:
            arrays[f"{name}/occlusion"] = np.rint(255 * piece.open).astype(np.uint8)
        if name.startswith("hair."):
            shaded = head_openness(STYLES[name.removeprefix("hair.")][0])
            arrays[f"{name}/head"] = np.rint(255 * shaded).astype(np.uint8)
    held = io.BytesIO()
    np.savez_compressed(held, **arrays)
    write_whole(path, held.getvalue())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    path = parser.parse_args().output
    pieces = build()
    write(path, pieces)
    for name, piece in pieces.items():
        print(f"{name:20} {len(piece.points):6} points {len(piece.triangles):6} triangles")
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
