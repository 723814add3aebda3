"""The camera of the preview, and where it sees the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emotive.errors import InputError

FIELD = 24.0  # deg from the top to the bottom
# What the picture shows: m from its bottom to its top for a person of 1.75 m, and how high its middle is.
FRAMINGS = {"full": (2.0, 0.92), "upper": (1.10, 1.275)}


@dataclass(frozen=True, eq=False)
class Camera:
    """matrix: float32 (3, 4), world to camera, Z away from it. focal: pixels. eye: float32 (3,), m. turn:
    (3, 3), the camera's side, up and backward as columns, upright."""

    matrix: np.ndarray
    focal: float
    eye: np.ndarray
    turn: np.ndarray


def camera_for(
    framing: str, size: int, about: np.ndarray, turn: float, height: float, wider: float = 1.0
) -> Camera:
    """A camera that shows somebody of `height` against 1.75 m who stands at `about`.

    turn: deg by which it stands to the person's left. wider: a factor on what is seen. Raises InputError for
    an unknown framing.
    """
    if framing not in FRAMINGS:
        raise InputError(f"a preview is framed {' or '.join(map(repr, FRAMINGS))}, not {framing!r}")
    shown, middle = FRAMINGS[framing]
    middle += 0.5 * shown * (wider - 1)  # what is added is added above
    shown *= wider
    angle = np.radians(turn)
    back = np.array([np.sin(angle), 0.0, np.cos(angle)])
    upright = np.stack([np.array([np.cos(angle), 0.0, -np.sin(angle)]), np.array([0.0, 1.0, 0.0]), back], 1)
    focal = 0.5 * size / np.tan(np.radians(FIELD / 2))
    away = focal * shown * height / size
    aim = about + np.array([0.0, middle * height, 0.0])
    rise = 0.045 * away  # from a little above
    eye = aim + away * back + np.array([0.0, rise, 0.0])
    forward = (aim - eye) / np.linalg.norm(aim - eye)
    side = upright[:, 0]
    up = np.cross(side, forward)
    rows = np.stack([side, up, forward])
    return Camera(
        np.concatenate([rows, -(rows @ eye)[:, None]], 1).astype(np.float32),
        float(focal),
        eye.astype(np.float32),
        upright,
    )


def needed(camera: Camera, size: int, places: np.ndarray) -> float:
    """By how much more a camera must see for places (N, 3) to be within 4 % of the edges; at least 1."""
    seen = places @ camera.matrix[:, :3].T.astype(float) + camera.matrix[:, 3]
    half = 0.5 * 0.92 * size / camera.focal * seen[:, 2]
    across = np.abs(seen[:, 0]) / half
    up = (seen[:, 1] / half + 1) / 2  # the lower edge stays
    return float(max(1.0, across.max(), up.max()))


def ground_seen(camera: Camera, size: int, about: np.ndarray) -> np.ndarray:
    """Where each pixel sees the floor: x and z, m, and how much of it is floor rather than wall; float32
    (H, W, 3). Floor turns into wall behind the figure."""
    rows = camera.matrix[:, :3].astype(float)
    y, x = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5, indexing="ij")
    ways = (
        np.stack([(x - size / 2) / camera.focal, (size / 2 - y) / camera.focal, np.ones_like(x)], -1) @ rows
    )
    down = ways[..., 1] < -1e-4
    reach = np.where(down, -camera.eye[1] / np.where(down, ways[..., 1], -1), 0)
    place = camera.eye + reach[..., None] * ways
    behind = (about - place) @ camera.turn[:, 2]
    share = np.clip((3.2 - behind) / 2.6, 0, 1)
    share = np.where(down, share * share * (3 - 2 * share), 0)
    return np.stack([place[..., 0], place[..., 2], share], -1).astype(np.float32)
