"""Affect -> how a scene is painted. Every relation is cited; none of them touches what is painted.

Content never depends on these numbers: they bend lines, colour, light, density, scale and viewpoint only.
Sources, by the letter used below:

[VM]  Valdez & Mehrabian 1994, Effects of color on emotions: P = .69 B + .22 S, A = -.31 B + .60 S,
      D = -.76 B + .32 S on standardised brightness and saturation.
[WO]  Wilms & Oberfeld 2018: saturated colours raise arousal; arousal grows from blue to red.
[BN]  Bar & Neta 2006; Lu et al. 2012: rounded contours are liked, angular ones alarm.
[MH]  Machajdik & Hanbury 2010: slanted lines are dynamic and arousing, horizontal ones calm; level of
      detail and texture energy grow with arousal; low-key, low-contrast pictures are sad.
[AR]  Arnheim 1974, Art and Visual Perception: balance and symmetry rest, off-centre weight disturbs.
[KF]  Kress & van Leeuwen 1996: a low viewpoint and large figures give the depicted power.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """The hand that paints. Ranges are those over valence, arousal, dominance in [-1, 1]."""

    lightness: float  # added to Oklab L                                          [VM]
    contrast: float  # factor on L around mid-grey                                [MH]
    chroma: float  # factor on colour strength                                    [VM, WO]
    tint: tuple[float, float]  # added to Oklab (a, b): the colour of the light   [WO]
    roundness: float  # 0 angular .. 1 round contours                             [BN]
    agitation: float  # 0 still .. 1: wobble of edges, height of waves and ridges [MH]
    outline: float  # width of dark contours, picture units                       [MH]
    density: float  # factor on the number of small things                        [MH]
    slant: float  # lean of grass, trees, rain; radians                           [MH]
    tilt: float  # roll of the camera, radians                                    [MH]
    scale: float  # factor on the subject's size                                  [KF]
    horizon: float  # added to the horizon's height, downwards                    [KF]
    offset: float  # how far the subject leaves the middle                        [AR]
    vignette: float  # darkening of the corners                                   [MH]
    radiance: float  # strength of the light's rays and glow                      [VM]
    gloom: float  # darkening of the sky from above, 0..1                         [VM, MH]


def style(valence: float, arousal: float, dominance: float | None = None) -> Style:
    """The style of a point in affect space (each in [-1, 1]; unset dominance paints as 0)."""
    v, a, d = (valence + 1) / 2, (arousal + 1) / 2, dominance or 0.0
    gold, rage, gloom, calm = v * a, (1 - v) * a, (1 - v) * (1 - a), v * (1 - a)
    return Style(
        lightness=0.105 * valence + 0.03 * calm - 0.03 * rage - 0.035 * d,
        contrast=0.74 + 0.40 * a + 0.08 * rage,
        chroma=0.30 + 0.36 * v + 0.58 * a,
        tint=(
            0.006 * gold + 0.068 * rage - 0.010 * gloom - 0.004 * calm,
            0.030 * gold + 0.016 * rage - 0.034 * gloom + 0.008 * calm,
        ),
        roundness=min(max(0.5 + 0.42 * valence - 0.18 * arousal, 0.0), 1.0),
        agitation=a * (0.55 + 0.45 * (1 - v)),
        outline=0.0012 + 0.0085 * a * a * (0.6 + 0.4 * (1 - v)),
        density=0.6 + 0.8 * a,
        slant=0.05 + 0.42 * a * (0.4 + 0.6 * (1 - v)),
        tilt=0.13 * max(arousal, 0.0) * (0.35 + 0.65 * (1 - v)),
        scale=1.0 + 0.10 * arousal + 0.06 * valence + 0.14 * d,
        horizon=0.05 * d,
        offset=0.02 + 0.11 * (1 - v),
        vignette=0.04 + 0.46 * (1 - v) ** 1.5,
        radiance=0.25 + 0.75 * v * (0.4 + 0.6 * a),
        gloom=0.62 * (1 - v) ** 1.5,
    )
