"""The eyeballs behind the lids: whites without the iris, irises as whole discs, and the light caught in them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .frame import FaceFrame
from .landmarks import FaceLandmarks
from .mesh import refined
from .plates import filled

LID_SHADOW = 0.34  # how much darker an eyeball is right under its upper lid
SHADOW_REACH = 0.035  # face units


@dataclass(frozen=True, eq=False)
class EyePlates:
    """sclera: float32 (H, W, 3). irises: float32 (2, S, S, 4), premultiplied, 0..255; radii half of S.
    lights: float32 (H, W, 3), what the catch lights add."""

    sclera: np.ndarray
    irises: np.ndarray
    lights: np.ndarray


def lid_shadow(below_lid: np.ndarray) -> np.ndarray:
    """What the upper lid leaves of the light, at a distance below its edge in face units."""
    return 1 - LID_SHADOW * np.exp(-np.clip(below_lid, 0, None) / SHADOW_REACH)


def make_eye_plates(
    image: np.ndarray, landmarks: FaceLandmarks, frame: FaceFrame,
    sclera: np.ndarray | None, irises: np.ndarray | None,
) -> EyePlates:  # fmt: skip
    """The eyeballs of a picture; `sclera` and `irises` as in Portrait, or None."""
    height, width = image.shape[:2]
    picture = image.astype(np.float32)
    yy, xx = np.mgrid[:height, :width].astype(np.float32)
    white = np.zeros_like(picture) if sclera is None else sclera.astype(np.float32)
    lights = np.zeros_like(picture)
    discs = []
    for eye in range(2):
        cx, cy, radius = (float(v) for v in landmarks.irises[eye])
        lids = [refined(landmarks.eyes[eye, i, :, :2].astype(float)) for i in range(2)]
        order = [np.argsort(lid[:, 0]) for lid in lids]
        top = np.interp(xx, lids[0][order[0], 0], lids[0][order[0], 1])
        bottom = np.interp(xx, lids[1][order[1], 0], lids[1][order[1], 1])
        first, last = lids[0][order[0][0], 0], lids[0][order[0][-1], 0]
        inset = 0.006 * frame.unit
        open_ = (yy > top + 2.2 * inset) & (yy < bottom - inset) & (xx > first) & (xx < last)
        bare = picture / lid_shadow((yy - top) / frame.unit)[..., None].astype(np.float32)
        distance = np.hypot(xx - cx, yy - cy)
        region = (np.abs(xx - cx) < 0.35 * frame.unit) & (np.abs(yy - cy) < 0.3 * frame.unit)
        if sclera is None:
            white[region] = _whites(bare, open_ & (distance > radius * 1.12), region, frame.unit)[region]
        disc = None if irises is None else irises[eye].astype(np.float32)
        if disc is None:
            disc = _disc(bare, white, open_, (cx, cy, radius))
        else:
            disc = np.dstack([disc[..., :3] * (disc[..., 3:] / 255), disc[..., 3]])
        discs.append(disc)
        lights[region] += _lights(picture, white, disc, open_ & (distance < radius), (cx, cy, radius), top, frame)[region]
    side = max(len(d) for d in discs)
    discs = [cv2.resize(d, (side, side), interpolation=cv2.INTER_LINEAR) if len(d) != side else d for d in discs]
    return EyePlates(white, np.ascontiguousarray(np.stack(discs)), lights)


def _whites(bare: np.ndarray, seen: np.ndarray, region: np.ndarray, unit: float) -> np.ndarray:
    """The whites, continued under the iris and the lids. Pixels that are skin or lash are left out."""
    light = bare.mean(2)
    if seen.sum() < 4:
        return np.full_like(bare, 205.0)
    enough = np.percentile(light[seen], 35)
    known = (seen & (light >= enough)).astype(np.float32)
    known = cv2.GaussianBlur(known, (0, 0), 0.8) * known
    mean = bare[known > 0].mean(0)
    ys, xs = np.nonzero(region)
    y0, y1, x0, x1 = ys.min(), ys.max() + 1, xs.min(), xs.max() + 1
    result = np.broadcast_to(mean, bare.shape).astype(np.float32).copy()
    part = filled(bare[y0:y1, x0:x1], known[y0:y1, x0:x1])
    part = cv2.GaussianBlur(part, (0, 0), 0.012 * unit)
    result[y0:y1, x0:x1] = 0.75 * np.minimum(part, 246) + 0.25 * mean
    return result


def _disc(bare: np.ndarray, white: np.ndarray, seen: np.ndarray, iris: tuple[float, float, float]) -> np.ndarray:
    """A whole iris from its visible part: what is hidden repeats the other side at the same radius."""
    cx, cy, radius = iris
    side = max(24, int(np.ceil(radius * 2.6)))
    axis = (np.arange(side) + 0.5) / side * 2 - 1
    u, v = np.meshgrid(axis, axis)
    x, y = (cx + u * radius).astype(np.float32), (cy + v * radius).astype(np.float32)
    colour = cv2.remap(bare, x, y, cv2.INTER_LINEAR)
    visible = cv2.remap(seen.astype(np.float32), x, y, cv2.INTER_LINEAR)
    r = np.hypot(u, v)
    light = colour.mean(2)
    ring = np.clip((r * 12).astype(int), 0, 12)
    typical = np.zeros((13, 3), np.float32)
    usual = np.zeros(13, np.float32)
    last = colour[(visible > 0.5) & (r < 0.9)].mean(0) if ((visible > 0.5) & (r < 0.9)).any() else np.full(3, 60.0)
    for k in range(13):
        here = (ring == k) & (visible > 0.5)
        if here.sum() > 2:
            values = light[here]
            calm = here & (light <= np.percentile(values, 70))
            last = colour[calm].mean(0)
        typical[k], usual[k] = last, last.mean()
    whole = typical[ring]
    whole = cv2.GaussianBlur(whole.astype(np.float32), (0, 0), side / 40)
    # Lights caught in the eye stay where they are when it turns; they are no part of the disc.
    glare = np.clip((light - usual[ring] - 22) / 25, 0, 1)
    trust = (visible * (1 - glare))[..., None]
    trust = cv2.GaussianBlur(trust, (0, 0), side / 60).reshape(side, side, 1)
    colour = np.clip(colour, 0, 255) * trust + whole * (1 - trust)
    alpha = np.clip((1 - r) / 0.10, 0, 1)[..., None]
    return np.concatenate([colour * alpha, alpha * 255], 2).astype(np.float32)


def _lights(
    picture: np.ndarray, white: np.ndarray, disc: np.ndarray, seen: np.ndarray, iris: tuple[float, float, float],
    top: np.ndarray, frame: FaceFrame,
) -> np.ndarray:  # fmt: skip
    """What is brighter in the picture than in the rebuilt iris: catch lights."""
    cx, cy, radius = iris
    height, width = picture.shape[:2]
    yy, xx = np.mgrid[:height, :width].astype(np.float32)
    side = len(disc)
    x, y = ((xx - cx) / radius + 1) * side / 2 - 0.5, ((yy - cy) / radius + 1) * side / 2 - 0.5
    over = cv2.remap(disc, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    rebuilt = over[..., :3] + white * (1 - over[..., 3:] / 255)
    rebuilt = rebuilt * lid_shadow((yy - top) / frame.unit)[..., None]
    more = np.clip(picture - rebuilt - 25, 0, None) * seen[..., None]
    grey = more.min(2, keepdims=True)
    return cv2.GaussianBlur((0.8 * grey + 0.2 * more).astype(np.float32) * 1.15, (0, 0), 0.5)
