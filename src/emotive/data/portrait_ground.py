"""The ground a portrait is painted on: pixel grids in frame units, soft masks, strokes and ribbons.

A frame is 1024 units wide and high whatever the size in pixels, x to the right, y down. Colours are linear
light, float32, (H, W, 3); masks are float32 (H, W) in 0..1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import skia
from scipy.interpolate import splev, splprep

from .colour import Oklab, srgb

FRAME = 1024.0
Curve = Sequence[tuple[float, float]] | np.ndarray


class Ground:
    """Square of `size` pixels that shows the frame."""

    def __init__(self, size: int):
        self.size = size
        self.scale = size / FRAME
        steps = (np.arange(size, dtype=np.float32) + 0.5) / self.scale
        self.x, self.y = np.meshgrid(steps, steps)

    def blur(self, field: np.ndarray, sigma: float) -> np.ndarray:
        """Gaussian blur of `sigma` frame units; wide ones are made on a smaller picture."""
        s = sigma * self.scale
        if s < 0.3:
            return field
        step = max(1, min(8, int(s / 4)))
        if step == 1:
            return cv2.GaussianBlur(field, (0, 0), s, borderType=cv2.BORDER_REPLICATE)
        small = cv2.resize(field, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), s / step, borderType=cv2.BORDER_REPLICATE)
        return cv2.resize(small, (self.size, self.size), interpolation=cv2.INTER_LINEAR)

    def mask(self, shape: Curve, soft: float = 0.0) -> np.ndarray:
        """A filled closed polygon, antialiased."""
        pixels = np.zeros((self.size, self.size), np.uint8)
        with skia.Surface(pixels, colorType=skia.kAlpha_8_ColorType) as canvas:
            canvas.scale(self.scale, self.scale)
            canvas.drawPath(path(shape), skia.Paint(AntiAlias=True, Color=0xFFFFFFFF))
        return self.blur(pixels.astype(np.float32) / 255, soft)

    def strokes(self, curves: Sequence[Curve], width: float | Callable, soft: float = 0.0) -> np.ndarray:
        """Strokes along curves as one mask; `width` in units, or of the way 0..1 along a curve."""
        pixels = np.zeros((self.size, self.size), np.uint8)
        with skia.Surface(pixels, colorType=skia.kAlpha_8_ColorType) as canvas:
            canvas.scale(self.scale, self.scale)
            for curve in curves:
                canvas.drawPath(path(ribbon(curve, width)), skia.Paint(AntiAlias=True, Color=0xFFFFFFFF))
        return self.blur(pixels.astype(np.float32) / 255, soft)

    def spot(self, x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> np.ndarray:
        """A Gaussian spot exp(-r^2) of radii (rx, ry), turned by `turn` rad."""
        dx, dy = self.x - x, self.y - y
        c, s = np.cos(turn), np.sin(turn)
        return np.exp(-(((c * dx + s * dy) / rx) ** 2) - ((c * dy - s * dx) / ry) ** 2)

    def strands(
        self, curves: np.ndarray, widths: np.ndarray, colours: np.ndarray, over: int = 3
    ) -> np.ndarray:
        """Hair as ribbons, in order: curves (N, K, 2), widths (N, K), colours (N, K, 4) linear light and
        opacity -> premultiplied (H, W, 4). Drawn `over` times as fine, then averaged."""
        k = curves.shape[1]
        along = np.gradient(curves, axis=1)
        normal = np.stack([-along[..., 1], along[..., 0]], -1)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6
        edge = normal * widths[..., None] / 2
        both = np.stack([curves - edge, curves + edge], 2) * self.scale  # (N, K, 2, 2)
        low = np.clip(np.floor(both.min((0, 1, 2))).astype(int) - 1, 0, self.size - 1)
        high = np.clip(np.ceil(both.max((0, 1, 2))).astype(int) + 1, low + 1, self.size)
        points = ((both - low) * over).reshape(-1, 2)
        shades = np.repeat(packed_colours(colours), 2, axis=1).reshape(-1)
        # Two triangles to a piece; pieces of one batch share their points (Skia's indices have 16 bits).
        batch = 32000 // k
        piece = np.arange(k - 1)[:, None] * 2 + np.array([0, 1, 2, 2, 1, 3])
        indices = (np.arange(batch)[:, None, None] * 2 * k + piece).reshape(batch, -1)
        width, height = (high - low).tolist()
        pixels = np.zeros((height * over, width * over, 4), np.uint8)
        with skia.Surface(pixels, skia.kRGBA_8888_ColorType, skia.kPremul_AlphaType) as canvas:
            for i in range(0, len(curves), batch):
                some = slice(2 * k * i, 2 * k * (i + batch))
                where = [skia.Point(x, y) for x, y in points[some].tolist()]
                corners = indices[: len(where) // (2 * k)].ravel().tolist()
                mesh = skia.Vertices(
                    skia.Vertices.kTriangles_VertexMode, where, None, shades[some].tolist(), corners
                )
                canvas.drawVertices(mesh, skia.Paint(), skia.BlendMode.kDst)
        small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        alpha = small[..., 3:]
        whole = np.zeros((self.size, self.size, 4), np.float32)
        part = whole[low[1] : high[1], low[0] : high[0]]
        part[..., :3] = linear(np.minimum(small[..., :3] / np.maximum(alpha, 1 / 255), 1)) * alpha
        part[..., 3:] = alpha
        return whole


def smooth(points: Curve, n: int = 200, closed: bool = False) -> np.ndarray:
    """A cubic spline through `points` as (n, 2)."""
    p = np.asarray(points, float)
    if closed:
        p = np.vstack([p, p[:1]])
    spline, _ = splprep(p.T, s=0, per=closed, k=min(3, len(p) - 1))
    return np.stack(splev(np.linspace(0, 1, n), spline), -1)


def resampled(curve: Curve, n: int) -> np.ndarray:
    """The polyline at n points of equal distance along it."""
    p = np.asarray(curve, float)
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
    at = np.linspace(0, way[-1], n)
    return np.stack([np.interp(at, way, p[:, i]) for i in range(p.shape[1])], -1)


def shifted(curve: Curve, x: float, y: float) -> np.ndarray:
    """The curve moved by (x, y)."""
    return np.asarray(curve, float) + np.array([x, y])


def mirrored(points: Curve, middle: float = 512.0) -> np.ndarray:
    """The points on the other side of the vertical x = middle."""
    p = np.array(points, float)
    p[..., 0] = 2 * middle - p[..., 0]
    return p


def ribbon(curve: Curve, width: float | Callable) -> np.ndarray:
    """The outline of a stroke whose width may vary along it."""
    p = np.asarray(curve, float)
    t = np.linspace(0, 1, len(p))
    w = np.asarray([width(u) for u in t]) if callable(width) else np.full(len(p), width)
    along = np.gradient(p, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], -1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    edge = normal * w[:, None] / 2
    return np.vstack([p - edge, (p + edge)[::-1]])


def path(points: Curve) -> skia.Path:
    """A closed polygon."""
    return skia.Path.Polygon([skia.Point(float(x), float(y)) for x, y in points], True)


def tapered(width: float, start: float = 0.0, end: float = 0.0, power: float = 0.6) -> Callable:
    """A stroke's width: full in the middle, `start` and `end` times it at the ends."""
    return lambda t: (
        width * (np.sin(np.pi * t) ** power + (start if t < 0.5 else end) * (1 - np.sin(np.pi * t) ** power))
    )


def ramp(x: np.ndarray, low: float | np.ndarray, high: float | np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between (either way round)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def linear(picture: np.ndarray) -> np.ndarray:
    """sRGB in 0..1 -> linear light (IEC 61966-2-1)."""
    return np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )


def encoded(light: np.ndarray) -> np.ndarray:
    """Linear light -> sRGB in 0..1."""
    u = np.clip(light, 0, 1)
    return np.where(u <= 0.0031308, 12.92 * u, 1.055 * u ** (1 / 2.4) - 0.055).astype(np.float32)


def light_of(colour: Oklab) -> np.ndarray:
    """A paint as linear light (3,)."""
    return linear(np.asarray(srgb(colour), np.float32))


def packed_colours(colours: np.ndarray) -> np.ndarray:
    """(..., 4) linear light and opacity -> Skia's ARGB integers."""
    red, green, blue = (np.rint(encoded(colours[..., i]) * 255).astype(np.int64) for i in range(3))
    alpha = np.rint(np.clip(colours[..., 3], 0, 1) * 255).astype(np.int64)
    return (alpha << 24) | (red << 16) | (green << 8) | blue


def lay(picture: np.ndarray, colour: np.ndarray, mask: np.ndarray) -> None:
    """Paints `colour` (3,) or (H, W, 3) into `picture` where `mask`, in place."""
    picture += (colour - picture) * mask[..., None]
