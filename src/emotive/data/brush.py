"""A brush on a Skia canvas, held by a style: every contour, colour and count goes through the mood.

Coordinates are the unit square, x to the right, y down. Each element of a picture draws from its own random
stream, named after it, so that nothing moves when the mood (or another element) changes.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import skia

from .colour import BLACK, Oklab, mix, srgb
from .style import Style

Points = Sequence[tuple[float, float]]


class Brush:
    """Draws shapes on `canvas` (unit square) in `style`, under a light of a given colour and strength."""

    def __init__(self, canvas: skia.Canvas, style: Style, seed: int):
        self.canvas = canvas
        self.style = style
        self.seed = seed
        self.light = 1.0  # factor on lightness: the time of day
        self.cast = (0.0, 0.0)  # added to (a, b): the colour of that light
        self.greyness = 0.0  # 0..1: what the weather takes away from colour
        self.mist: Oklab = (0.8, 0.0, 0.0)  # the colour of distance
        self.unit = 1.0  # size of a local unit in picture units, kept by `at`

    def stream(self, element: str) -> random.Random:
        """The random stream of one named element."""
        return random.Random(f"{self.seed}/{element}")

    def count(self, n: float) -> int:
        """How many of a thing that a neutral picture has n of."""
        return max(1, round(n * self.style.density))

    # -- colour ------------------------------------------------------------------------------------------

    def colour(self, c: Oklab, haze: float = 0.0, glows: bool = False, alpha: float = 1.0) -> int:
        """Paint -> what is seen: time of day, weather and distance first, then the mood. Skia colour."""
        lightness, a, b = c
        if not glows:
            lightness *= self.light
            k = 1 - 0.55 * self.greyness
            dim = 0.55 + 0.45 * self.light
            a, b = a * k * dim + self.cast[0], b * k * dim + self.cast[1]
        lightness, a, b = mix((lightness, a, b), self.mist, haze)
        s = self.style
        tone = 0.35 + 0.65 * min(lightness, 1.0)
        a, b = a * s.chroma + s.tint[0] * tone, b * s.chroma + s.tint[1] * tone
        lightness = 0.60 + (lightness - 0.60) * s.contrast
        lightness += s.lightness * (2.0 * max(1.0 - lightness, 0.1) if s.lightness > 0 else 0.5 + lightness)
        red, green, blue = srgb((lightness, a, b))
        return skia.Color(round(red * 255), round(green * 255), round(blue * 255), round(alpha * 255))

    # -- shapes ------------------------------------------------------------------------------------------

    def fill(
        self,
        path: skia.Path,
        c: Oklab,
        *,
        haze: float = 0.0,
        soft: float = 0.0,
        glows: bool = False,
        alpha: float = 1.0,
        outline: float = 1.0,
        shader: skia.Shader | None = None,
        wobble: float = 1.0,
    ) -> None:
        """Fills a path. `soft` is the radius (local units) that corners get at full roundness."""
        paint = skia.Paint(AntiAlias=True, Color=self.colour(c, haze, glows, alpha))
        if shader is not None:
            paint.setShader(shader)
        bounds = path.getBounds()
        small = max(bounds.width(), bounds.height()) * self.unit < 0.10
        effect = self._contour(soft, 0.0 if small else wobble)
        if effect is not None:
            paint.setPathEffect(effect)
        self.canvas.drawPath(path, paint)
        width = self.style.outline * outline * (1 - haze) / self.unit
        if outline and width * self.unit > 0.002 and alpha == 1.0:
            ink = mix(c, BLACK, 0.78)
            pen = _pen(self.colour(ink, haze), width)
            if effect is not None:
                pen.setPathEffect(effect)
            self.canvas.drawPath(path, pen)

    def _contour(self, soft: float, wobble: float) -> skia.PathEffect | None:
        s = self.style
        shake = s.agitation * (1 - s.roundness) * wobble
        effect = None
        if shake > 0.05:
            effect = skia.DiscretePathEffect.Make(0.055 / self.unit, 0.011 * shake / self.unit, self.seed & 7)
        if soft > 0 and s.roundness > 0.05:
            rounding = skia.CornerPathEffect.Make(soft * s.roundness)
            effect = rounding if effect is None else skia.PathEffect.MakeCompose(rounding, effect)
        return effect

    def poly(self, points: Points, c: Oklab, **how) -> None:
        """A filled polygon."""
        self.fill(polygon(points), c, **how)

    def oval(self, x: float, y: float, rx: float, ry: float, c: Oklab, **how) -> None:
        """A filled ellipse about (x, y)."""
        self.fill(skia.Path().addOval(skia.Rect(x - rx, y - ry, x + rx, y + ry)), c, **{"wobble": 0.0, **how})

    def line(
        self,
        points: Points,
        c: Oklab,
        width: float,
        *,
        glows: bool = False,
        haze: float = 0.0,
        alpha: float = 1.0,
    ) -> None:
        """An open stroke, rounded or pointed as the mood has it."""
        pen = _pen(self.colour(c, haze, glows, alpha), width)
        if self.style.roundness > 0.4:
            pen.setStrokeCap(skia.Paint.kRound_Cap)
        if self.style.roundness > 0.05 and len(points) > 2:
            pen.setPathEffect(skia.CornerPathEffect.Make(4 * width * self.style.roundness))
        self.canvas.drawPath(polygon(points, closed=False), pen)

    def lobed(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float,
        c: Oklab,
        lobes: int = 7,
        depth: float = 0.20,
        flat: bool = False,
        turn: float = 0.0,
        **how,
    ) -> None:
        """A crown, a cloud, a bush: round lobes when pleasant, spikes when not [BN]. `flat` cuts its foot."""
        r, points = self.style.roundness, []
        deep = depth * (1.3 - 0.4 * r)
        for i in range(lobes * 8):
            t = 2 * math.pi * i / (lobes * 8)
            u = i / 8 % 1.0  # across one lobe: both shapes peak in its middle, so none between is smooth
            swell, spike = math.sin(math.pi * u) ** 0.7, (1 - abs(2 * u - 1)) ** 1.5
            k = 1 + deep * ((1 - r) * (1.5 * spike - 0.85) + r * (swell - 0.7))
            py = ry * k * math.sin(t + turn)
            points.append((x + rx * k * math.cos(t + turn), y + (min(py, 0.42 * ry) if flat else py)))
        self.poly(points, c, **{"wobble": 0.0, "soft": 0.0, **how})

    def vertical(
        self, y0: float, y1: float, colours: Sequence[tuple[float, Oklab]], glows: bool = False
    ) -> skia.Shader:
        """A vertical gradient through (position 0..1, colour) stops."""
        return skia.GradientShader.MakeLinear(
            points=[skia.Point(0, y0), skia.Point(0, y1)],
            colors=[self.colour(c, glows=glows) for _, c in colours],
            positions=[p for p, _ in colours],
        )

    # -- frames ------------------------------------------------------------------------------------------

    @contextmanager
    def at(self, x: float, y: float, size: float, lean: float = 0.0, mirror: bool = False) -> Iterator[None]:
        """Local coordinates: origin at (x, y), one unit = `size`, leaning by `lean` rad about the foot."""
        outer, self.unit = self.unit, self.unit * size
        self.canvas.save()
        self.canvas.translate(x, y)
        self.canvas.scale(-size if mirror else size, size)
        if lean:
            self.canvas.skew(-math.tan(lean), 0)
        yield
        self.canvas.restore()
        self.unit = outer


def polygon(points: Points, closed: bool = True) -> skia.Path:
    """A path through `points`."""
    return skia.Path.Polygon([skia.Point(x, y) for x, y in points], closed)


def _pen(colour: int, width: float) -> skia.Paint:
    """For strokes with round joints."""
    return skia.Paint(
        AntiAlias=True,
        Color=colour,
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeJoin=skia.Paint.kRound_Join,
    )
