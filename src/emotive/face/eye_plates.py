"""The eyeballs behind the lids: whites without the iris, irises as whole discs, the light caught in them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .frame import FaceFrame
from .landmarks import FaceLandmarks
from .mesh import refined

BINS = 16
# Of the shade under the upper lid, over the lower one (face units), along the eye.
REACHES = np.array([0.10, 0.06, 1.0])


@dataclass(frozen=True, eq=False)
class EyePlate:
    """One eyeball, over the part of the picture whose first pixel is `corner` (2,), x and y.

    sclera: float32 (h, w, 3). iris: float32 (S, S, 4), premultiplied, 0..255; its radius is half of S.
    lights: float32 (h, w, 3), what the catch lights add. shade: float64 (3, BINS), what light is left to the
    eyeball below its upper lid, above its lower lid (face units), and along it, at 0..REACHES.
    """

    corner: np.ndarray
    sclera: np.ndarray
    iris: np.ndarray
    lights: np.ndarray
    shade: np.ndarray


def _fit_shade(ratio: np.ndarray, places: list[np.ndarray]) -> np.ndarray:
    """What the lids and the roundness of the ball leave of the light, as a product of three curves.

    ratio: (k,), light seen over light of the bare ball. places: three (k,), each 0..1 of its reach. Fitted by
    turns on the logarithm, each curve on what the others leave (backfitting, Friedman & Stuetzle 1981).
    """
    shade = np.ones((3, BINS))
    if len(ratio) < 3 * BINS:
        shade[0] = 1 - 0.34 * np.exp(-np.arange(BINS) / BINS * REACHES[0] / 0.035)
        return shade
    left = np.log(np.clip(ratio, 0.15, 1.3))
    index = [np.clip((place * BINS).astype(int), 0, BINS - 1) for place in places]
    inside = [place < 1 for place in places]
    for _ in range(4):
        for k in range(3):
            rest = left - sum(np.log(shade[j])[index[j]] * inside[j] for j in range(3) if j != k)
            curve, weight = np.zeros(BINS), np.zeros(BINS)
            for b in range(BINS):
                here = rest[(index[k] == b) & inside[k]]
                if len(here) > 2:
                    curve[b], weight[b] = np.median(here) * len(here), len(here)
            kernel = np.array([1.0, 4, 6, 4, 1])
            curve, weight = (
                np.convolve(np.pad(v, 2, mode="edge"), kernel, "valid") for v in (curve, weight + 1e-3)
            )
            curve = np.exp(np.clip(curve / weight, np.log(0.25), 0.0))
            # Away from a lid, and from both corners, the shade only fades.
            shade[k] = np.maximum.accumulate(curve)
            if k == 2:
                shade[k] = np.minimum(shade[k], np.maximum.accumulate(curve[::-1])[::-1])
            shade[k] /= shade[k].max()
    return shade


def _shade_at(shade: np.ndarray, places: list[np.ndarray]) -> np.ndarray:
    middle = (np.arange(BINS) + 0.5) / BINS
    parts = [np.interp(place, middle, curve) for place, curve in zip(places, shade, strict=True)]
    return np.clip(parts[0] * parts[1] * parts[2], 0.12, 1).astype(np.float32)


def make_eye_plate(
    image: np.ndarray, landmarks: FaceLandmarks, frame: FaceFrame, eye: int,
    sclera: np.ndarray | None, iris: np.ndarray | None,
) -> EyePlate:  # fmt: skip
    """The right (0) or left (1) eyeball of a picture; `sclera` and `iris` as in Portrait, or None."""
    radius = float(landmarks.irises[eye, 2])
    lids = [refined(lid[:, :2].astype(float)) for lid in landmarks.eyes[eye]]
    outline = np.concatenate(lids)
    margin = 0.16 * frame.unit
    low = np.clip(np.floor(outline.min(0) - margin), 0, np.array(image.shape[1::-1]) - 4).astype(int)
    high = np.clip(np.ceil(outline.max(0) + margin), low + 4, image.shape[1::-1]).astype(int)
    part = np.s_[low[1] : high[1], low[0] : high[0]]
    picture = image[part].astype(np.float32)
    lids = [lid[np.argsort(lid[:, 0])] - low for lid in lids]
    cx, cy = (float(v) for v in landmarks.irises[eye, :2] - low)
    yy, xx = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    top, bottom = (np.interp(xx, lid[:, 0], lid[:, 1]) for lid in lids)
    first, last = lids[0][0, 0], lids[0][-1, 0]
    inset = 0.006 * frame.unit
    within = (xx > first) & (xx < last)
    open_ = (yy > top + 1.5 * inset) & (yy < bottom - inset) & within
    distance = np.hypot(xx - cx, yy - cy)
    ball = (yy > top) & (yy < bottom) & within & (distance > radius * 1.2)
    white = np.empty_like(picture)
    white[:] = _whites(picture, ball) if sclera is None else sclera[part]
    places = [
        (yy - top) / frame.unit / REACHES[0], (bottom - yy) / frame.unit / REACHES[1],
        (xx - first) / (last - first),
    ]  # fmt: skip
    places = [np.clip(place, 0, 1) for place in places]
    ratio = picture.mean(2) / np.maximum(white.mean(2), 1)
    shade = _fit_shade(ratio[ball], [place[ball] for place in places])
    shaded = _shade_at(shade, places)[..., None]
    if iris is None:
        disc = _disc(picture / shaded, open_, (cx, cy, radius))
    else:
        disc = np.dstack([iris[..., :3] * (iris[..., 3:] / np.float32(255)), iris[..., 3]]).astype(np.float32)
    seen = open_ & (distance < radius)
    lights = _lights(picture, white, disc, seen, (cx, cy, radius), shaded)
    return EyePlate(low.astype(float), white, np.ascontiguousarray(disc), np.ascontiguousarray(lights), shade)


def _whites(picture: np.ndarray, ball: np.ndarray) -> np.ndarray:
    """(3,): the whites in full light: the brighter pixels of the ball, some of which are lid."""
    if ball.sum() < 8:
        return np.full(3, 205.0, np.float32)
    colours = picture[ball]
    light = colours.mean(1)
    bright = (light >= np.percentile(light, 65)) & (light <= np.percentile(light, 95))
    return colours[bright].mean(0)


def _disc(bare: np.ndarray, seen: np.ndarray, iris: tuple[float, float, float]) -> np.ndarray:
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
    last = (
        colour[(visible > 0.5) & (r < 0.9)].mean(0)
        if ((visible > 0.5) & (r < 0.9)).any()
        else np.full(3, 60.0)
    )
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
    picture: np.ndarray, white: np.ndarray, disc: np.ndarray, seen: np.ndarray,
    iris: tuple[float, float, float], shaded: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """What is brighter in the picture than in the rebuilt iris: catch lights."""
    cx, cy, radius = iris
    height, width = picture.shape[:2]
    yy, xx = np.mgrid[:height, :width].astype(np.float32)
    side = len(disc)
    x, y = ((xx - cx) / radius + 1) * side / 2 - 0.5, ((yy - cy) / radius + 1) * side / 2 - 0.5
    over = cv2.remap(
        disc, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    rebuilt = over[..., :3] + white * (1 - over[..., 3:] / 255)
    rebuilt = rebuilt * shaded
    more = np.clip(picture - rebuilt - 25, 0, None) * seen[..., None]
    grey = more.min(2, keepdims=True)
    return cv2.GaussianBlur((0.8 * grey + 0.2 * more).astype(np.float32) * 1.15, (0, 0), 0.5)
