"""Paints a scene in a mood: the teacher of the embedded image model.

    picture = paint(Scene("house", "meadow", "day", "clear"), Affect(0.8, 0.3), seed=7, size=512)

The same scene and seed hold the same things at the same places whatever the affect: it decides how they are
painted (`style.py`), by published relations. Pictures are flat illustrations without surface texture.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import skia

from emotive.affect import Affect

from .brush import Brush
from .colour import BLACK, SAND, WHITE, mix, shade
from .land import ground_colour, land, props
from .scenes import Scene
from .sky import clouds, falling, fog, set_light, sky
from .style import Style, style
from .subjects import SUBJECT_DRAWINGS

# How far a subject leans with the wind; what is not named here is stiff.
SWAY = {"tree": 0.6, "flowers": 0.5, "boat": 0.7, "balloon": 0.5, "tent": 0.4, "person": 0.4}


def paint(scene: Scene, affect: Affect, seed: int, size: int = 512) -> np.ndarray:
    """A picture as uint8 sRGB (size, size, 3)."""
    return on_canvas(lambda brush: _compose(brush, scene), affect, seed, size)


def on_canvas(compose: Callable[[Brush], None], affect: Affect, seed: int, size: int) -> np.ndarray:
    """Lets `compose` paint with a brush in the affect's style; uint8 sRGB (size, size, 3)."""
    pixels = np.zeros((size, size, 4), np.uint8)
    surface = skia.Surface(pixels, colorType=skia.kRGBA_8888_ColorType)
    with surface as canvas:
        canvas.scale(size, size)
        compose(Brush(canvas, style(affect.valence, affect.arousal, affect.dominance), seed))
    return pixels[:, :, :3].copy()


def _compose(b: Brush, scene: Scene) -> None:
    s, canvas = b.style, b.canvas
    frame = b.stream("frame")
    horizon = 0.565 + s.horizon
    side = frame.choice((-1, 1))
    canvas.save()
    hold_camera(b, side)
    set_light(b, scene)
    sky(b, scene, horizon)
    clouds(b, scene, horizon)
    land(b, scene, horizon)
    props(b, scene, horizon)
    if scene.weather == "fog":
        fog(b, horizon)
    if scene.subject is not None:
        _place_subject(b, scene, horizon, side)
    falling(b, scene)
    canvas.restore()
    vignette(b, s)


def hold_camera(b: Brush, side: int) -> None:
    """Rolls the camera about the middle of the picture, and closes in so that no edge shows."""
    if b.style.tilt > 0.002:
        zoom = 1 + 0.85 * b.style.tilt
        b.canvas.translate(0.5, 0.55)
        b.canvas.rotate(side * np.degrees(b.style.tilt))
        b.canvas.scale(zoom, zoom)
        b.canvas.translate(-0.5, -0.55)


def _place_subject(b: Brush, scene: Scene, horizon: float, side: int) -> None:
    s, rng = b.style, b.stream("subject")
    draw, height, grounded = SUBJECT_DRAWINGS[str(scene.subject)]
    size = height * s.scale
    x = 0.5 + side * s.offset
    foot = (0.845 if grounded else 0.66) + 0.25 * s.horizon
    lit = scene.time in ("night", "sunset") or scene.weather in ("rain", "fog")
    snow = scene.weather == "snow"
    if scene.setting == "sea" and grounded and scene.subject != "boat":
        island = mix(SAND, WHITE, 0.6) if snow else SAND
        b.oval(x, foot + 0.035, 0.30, 0.062, shade(island, 0.82))
        b.oval(x, foot + 0.018, 0.28, 0.048, island, outline=0)
    shadow = shade(ground_colour(scene), 0.62) if scene.setting != "sea" else BLACK
    if grounded and not (scene.setting == "sea" and scene.subject == "boat"):
        b.oval(x + 0.02, foot + 0.004, 0.46 * size, 0.030, shadow, outline=0, alpha=0.55)
    elif grounded:
        b.oval(x, foot + 0.016, 0.40 * size, 0.018, shade(ground_colour(scene), 0.55), outline=0, alpha=0.6)
    sway = SWAY.get(str(scene.subject), 0.22)
    b.light = min(1.0, b.light + 0.22)  # the subject stands out, also at night
    with b.at(x, foot, size, lean=sway * s.slant * side, mirror=rng.random() < 0.5):
        draw(b, rng, lit, snow)


def vignette(b: Brush, s: Style) -> None:
    dark = b.colour((0.10, 0.0, -0.02), glows=True)
    stops = [skia.ColorSetA(dark, 0), skia.ColorSetA(dark, 0), skia.ColorSetA(dark, round(255 * s.vignette))]
    shader = skia.GradientShader.MakeRadial(skia.Point(0.5, 0.5), 0.80, stops, [0.0, 0.45, 1.0])
    b.canvas.drawRect(skia.Rect(0, 0, 1, 1), skia.Paint(Shader=shader))
