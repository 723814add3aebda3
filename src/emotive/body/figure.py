"""The skinned figure: a person of our own, from pieces that `figure_recipe` made and the talking head."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from emotive.face.head_mesh import vertex_normals
from emotive.signals import ARKIT, JOINTS

from .actors import ACTORS, Actor, open_actor
from .figure_bind import bind_pose
from .figure_head import head_pieces, linear
from .figure_skinning import shaped, skin
from .skeleton import offsets_of

BARE = ("tee", "polo")  # tops with short sleeves
OPEN = ("scoop", "polo")  # tops that show the base of the neck
STEP = 6e-5  # m, in which the pieces keep points
_SHIPPED = Path(__file__).parent / "figure.npz"


@dataclass(frozen=True, eq=False)
class FigurePart:
    """One surface of one material, in the bind pose.

    points, normals: float32 (V, 3), m. triangles: uint32 (F, 3), counter-clockwise outside. colours: float32
    (V, 3), linear. occlusion: float32 (V,), how open to light from all around a point is, 0..1. joints: uint8
    (V, 4) and weights: float32 (V, 4), which sum to 1. shapes: how points move with ARKit's blendshapes at
    weight 1, float32 (52, V, 3), m; None if they do not.
    """

    name: str
    points: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray
    colours: np.ndarray
    occlusion: np.ndarray
    joints: np.ndarray
    weights: np.ndarray
    roughness: float = 0.8
    shapes: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Figure:
    """A person to be moved.

    parts: its surfaces. inverse_bind: float32 (55, 4, 4), from the bind pose to each joint's own frame, whose
    axes in the T-pose are the world's. offsets: float32 (55, 3), m, as `BodyMotion` has them.
    """

    parts: tuple[FigurePart, ...]
    inverse_bind: np.ndarray
    offsets: np.ndarray

    @cached_property
    def whole(self) -> FigurePart:
        """All parts as one, those with shapes first."""
        parts = self.ordered
        firsts = np.cumsum([0, *(len(part.points) for part in parts)])
        moving = [part.shapes for part in parts if part.shapes is not None]
        triangles = [part.triangles + np.uint32(at) for part, at in zip(parts, firsts, strict=False)]
        return FigurePart(
            "whole",
            np.concatenate([part.points for part in parts]),
            np.concatenate([part.normals for part in parts]),
            np.concatenate(triangles),
            np.concatenate([part.colours for part in parts]),
            np.concatenate([part.occlusion for part in parts]),
            np.concatenate([part.joints for part in parts]),
            np.concatenate([part.weights for part in parts]),
            shapes=np.ascontiguousarray(np.concatenate(moving, 1)) if moving else None,
        )

    @cached_property
    def ordered(self) -> tuple[FigurePart, ...]:
        """The parts in the order of `whole`."""
        return tuple(sorted(self.parts, key=lambda part: part.shapes is None))

    @cached_property
    def turns(self) -> np.ndarray:
        """How normals turn with the shapes, float32 (52, V', 3), of the points that have shapes."""
        moving = [part for part in self.ordered if part.shapes is not None]
        return np.concatenate([_turns(part) for part in moving], 1)


def figure(actor: Actor | str | None = None) -> Figure:
    """An actor's figure: their proportions, clothes, hair and colours; the first actor's without one.

    Raises InputError for an unknown name.
    """
    if actor is None:
        actor = next(iter(ACTORS.values()))
    return _figure(open_actor(actor) if isinstance(actor, str) else actor)


def skinned(
    figure: Figure, orientations: np.ndarray, positions: np.ndarray, shape_weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The figure in one pose: points and normals of `figure.whole`, float32 (V, 3), in the world.

    orientations (55, 3, 3) and positions (55, 3), as `BodyMotion.placed` gives them for a frame.
    shape_weights: (52,), of ARKit's blendshapes.
    """
    whole = figure.whole
    points, normals = whole.points, whole.normals
    if shape_weights is not None and whole.shapes is not None and np.abs(shape_weights).max() > 1e-4:
        points, normals = points.copy(), normals.copy()
        count = whole.shapes.shape[1]
        weights = np.ascontiguousarray(shape_weights[: len(ARKIT)], np.float32)
        shaped(whole.points[:count], whole.normals[:count], whole.shapes, figure.turns, weights,
               points[:count], normals[:count])  # fmt: skip
    matrices = np.concatenate([orientations, positions[:, :, None]], 2).astype(np.float32)
    matrices = (matrices @ figure.inverse_bind).astype(np.float32)
    out_points, out_normals = np.empty_like(points), np.empty_like(normals)
    skin(
        points, normals, whole.joints, whole.weights, np.ascontiguousarray(matrices), out_points, out_normals
    )
    return out_points, out_normals


@lru_cache(maxsize=1)
def pieces() -> dict[str, dict[str, np.ndarray]]:
    """What the recipe made, by name."""
    with np.load(_SHIPPED, allow_pickle=False) as file:
        found: dict[str, dict[str, np.ndarray]] = {}
        for key in file.files:
            name, field = key.rsplit("/", 1)
            found.setdefault(name, {})[field] = file[key]
    return found


@lru_cache(maxsize=16)
def _figure(actor: Actor) -> Figure:
    looks = actor.looks
    held = pieces()
    worn = [
        (looks.top, looks.top_colour, 0.85),
        (looks.top + ".trim", looks.trim_colour, 0.9),
        (looks.top + ".under", looks.under_colour, 0.9),
        ("bust" if looks.top in OPEN else "", looks.skin, 0.55),
        ("trousers", looks.trousers_colour, 0.9),
        ("trousers.ends", looks.trousers_colour, 0.9),
        ("shoes", looks.shoes_colour, 0.5),
        ("soles", looks.soles_colour, 0.7),
        ("arms" if looks.top in BARE else "hands", looks.skin, 0.55),
        ("hair." + looks.hairstyle, looks.hair, 0.6),
    ]
    parts = head_pieces(looks, held["hair." + looks.hairstyle]["head"])
    parts += [_piece(*row) for row in worn if row[0] in held]
    offsets = offsets_of(actor.build)
    turns, places = bind_pose(offsets)
    parts = [_built(FigurePart(**part), actor, turns, places) for part in parts]
    inverse = np.zeros((len(JOINTS), 4, 4), np.float32)
    inverse[:, :3, :3] = turns.swapaxes(1, 2)
    inverse[:, :3, 3] = -np.einsum("jrc,jr->jc", turns, places)
    inverse[:, 3, 3] = 1
    return Figure(tuple(parts), inverse, offsets)


def _piece(name: str, colour: str, roughness: float) -> dict[str, Any]:
    stored = pieces()[name]
    points = stored["points"].astype(np.float32) * np.float32(STEP)
    normals = stored["normals"].astype(np.float32)
    return {
        "name": name,
        "points": points,
        "normals": normals / np.linalg.norm(normals, axis=1, keepdims=True),
        "triangles": stored["triangles"].astype(np.uint32),
        "colours": np.broadcast_to(linear(colour), points.shape).astype(np.float32),
        "occlusion": stored["occlusion"].astype(np.float32) / 255,
        "joints": stored["joints"],
        "weights": stored["weights"].astype(np.float32) / 255,
        "roughness": roughness,
    }


def _built(part: FigurePart, actor: Actor, turns: np.ndarray, places: np.ndarray) -> FigurePart:
    """A part with its points where the proportions put them: each joint scales what follows it."""
    turns0, places0 = bind_pose(offsets_of())
    scales = np.stack([_scale(name, actor) for name in JOINTS])
    points = _curved(part.points, actor.looks.curve) if part.shapes is None else part.points
    moved = np.zeros(points.shape)
    stretch = np.zeros((len(points), 3, 3))
    for k in range(4):
        j, w = part.joints[:, k], part.weights[:, k, None]
        own = np.einsum("nrc,nr->nc", turns0[j], points - places0[j]) * scales[j]
        moved += w * (np.einsum("nrc,nc->nr", turns[j], own) + places[j])
        stretch += w[:, :, None] * np.einsum("nrc,nc,nsc->nrs", turns[j], scales[j], turns0[j])
    shapes = part.shapes
    if shapes is not None:
        shapes = np.einsum("nrs,kns->knr", stretch, shapes).astype(np.float32)
    normals = np.linalg.solve(stretch.swapaxes(1, 2), part.normals[..., None].astype(float))[..., 0]
    if actor.looks.curve and part.shapes is None and np.abs(points - part.points).max() > 1e-3:
        before, after = vertex_normals(part.points, part.triangles), vertex_normals(points, part.triangles)
        normals = normals + (after - before)
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    made = {"points": moved.astype(np.float32), "normals": normals.astype(np.float32), "shapes": shapes}
    return replace(part, **made)


def _curved(points: np.ndarray, curve: float) -> np.ndarray:
    """A narrower waist, wider hips, a bust: points of the trunk in the bind pose."""
    x, y, z = (points[:, k].astype(float) for k in range(3))
    trunk = np.clip((0.215 - np.abs(x)) / 0.05, 0, 1) * (y < 1.42) * (y > 0.6)
    waist, hips = np.exp(-(((y - 1.085) / 0.085) ** 2)), np.exp(-(((y - 0.885) / 0.085) ** 2))
    front = np.clip(z / 0.05, 0, 1)
    bust = np.exp(-(((np.abs(x) - 0.068) / 0.062) ** 2) - ((y - 1.262) / 0.062) ** 2) * front
    wide = 1 + curve * trunk * (-0.105 * waist + 0.020 * hips)
    deep = 1 + curve * trunk * (-0.070 * waist + 0.015 * hips)
    return np.stack([x * wide, y, z * deep + 0.030 * curve * trunk * bust], 1).astype(np.float32)


def _scale(name: str, actor: Actor) -> np.ndarray:
    """How a joint's own part is scaled along the axes of the T-pose."""
    build, girth = actor.build, actor.looks.girth
    part = name.removeprefix("left").removeprefix("right")
    waist = 0.5 * (build.hips + build.shoulders)
    limb = girth**0.7
    table = {
        "hips": (build.hips * limb, 1, build.hips**0.5 * girth),
        "spine": (waist * girth, build.trunk, waist**0.5 * girth**1.3),
        "chest": (waist * girth, build.trunk, waist**0.5 * girth**1.2),
        "upperChest": (build.shoulders, build.trunk, build.shoulders**0.5 * limb),
        "neck": (limb, build.trunk, limb), "Shoulder": (build.shoulders, build.trunk, limb),
        "UpperArm": (build.arms, limb, limb), "LowerArm": (build.arms, limb, limb),
        "UpperLeg": (limb, build.legs, limb), "LowerLeg": (limb, build.legs, limb),
        "Foot": (1, 1, 1), "Toes": (1, 1, 1),
        "head": (build.head,) * 3, "jaw": (build.head,) * 3, "Eye": (build.head,) * 3,
    }  # fmt: skip
    return build.height * np.array(table.get(part, (build.hands,) * 3), float)


def _turns(part: FigurePart) -> np.ndarray:
    assert part.shapes is not None
    rest = vertex_normals(part.points, part.triangles)
    turned = np.zeros(part.shapes.shape, np.float32)
    for k, moves in enumerate(part.shapes):
        if np.abs(moves).max() > 2e-6:
            turned[k] = vertex_normals(part.points + moves, part.triangles) - rest
    return turned
