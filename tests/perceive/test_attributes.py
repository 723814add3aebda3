"""Attributes measure what they say: on shapes drawn here, by hand-computed values and by invariances."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from emotive.perceive.attributes import ATTRIBUTES, PictureAttributes, attribute_table, picture_attributes

SIDE = 256


def plain(*rgb: int, side: int = SIDE) -> np.ndarray:
    return np.full((side, side, 3), rgb, np.uint8)


def drawn(shape: str, size: float = 80, ink: int = 220, paper: int = 60, side: int = SIDE) -> np.ndarray:
    """Four of a shape; drawn four times as large and averaged down."""
    k = 4 * side // 256
    image = Image.new("L", (4 * side, 4 * side), paper)
    draw, r = ImageDraw.Draw(image), 0.6 * size * k
    for x, y in ((70, 70), (186, 80), (80, 190), (190, 186)):
        box = (k * x - r, k * y - r, k * x + r, k * y + r)
        if shape == "disc":
            draw.ellipse(box, ink)
        elif shape == "square":
            draw.rectangle(box, ink)
        elif shape == "rounded":
            draw.rounded_rectangle(box, r / 2, ink)
        else:  # a star of seven points
            reach = [r, 0.45 * r]
            turn = [math.pi * i / 7 for i in range(14)]
            points = [
                (k * x + reach[i % 2] * math.cos(t), k * y + reach[i % 2] * math.sin(t))
                for i, t in enumerate(turn)
            ]
            draw.polygon(points, ink)
    return np.asarray(image.reduce(4).convert("RGB"))


def stripes(angle: float, period: float = 24, side: int = SIDE) -> np.ndarray:
    """Sine stripes whose gradient points along `angle` degrees."""
    y, x = np.mgrid[:side, :side]
    phase = (x * math.cos(math.radians(angle)) + y * math.sin(math.radians(angle))) * 2 * math.pi / period
    return np.repeat((127.5 + 90 * np.sin(phase)).astype(np.uint8)[..., None], 3, 2)


def photograph(seed: int = 0, side: int = SIDE) -> np.ndarray:
    """Smooth coloured noise with some edges: anything but special."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 220, (9, 9, 3), np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    return np.where(drawn("star", side=side) > 128, np.asarray(coarse), 255 - np.asarray(coarse)).astype(
        np.uint8
    )


# -- values that can be computed by hand -------------------------------------------------------------------


def test_black_white_and_grey():
    black, white, grey = (picture_attributes(plain(v, v, v)) for v in (0, 255, 119))
    assert (black.lightness, black.luminance) == (0, 0)
    assert white.lightness == pytest.approx(100, abs=0.01) and white.luminance == pytest.approx(1, abs=1e-4)
    assert grey.lightness == pytest.approx(50, abs=0.1)  # CIE: sRGB 119 is L* 50.03
    for a in (black, white, grey):
        assert a.chroma == pytest.approx(0, abs=0.02) and a.saturation == pytest.approx(0, abs=1e-3)
        assert (a.hue, a.warmth, a.hue_concentration, a.colourfulness) == (0, 0, 0, 0)
        assert (a.rms_contrast, a.edge_density, a.detail) == pytest.approx((0, 0, 0), abs=1e-5)
        assert (a.obliqueness, a.angularity, a.symmetry) == (0.5, 0.5, 1.0)


def test_primaries_against_the_tables_of_cielab():
    red, blue = picture_attributes(plain(255, 0, 0)), picture_attributes(plain(0, 0, 255))
    assert (red.lightness, red.chroma, red.hue) == pytest.approx((53.24, 104.55, 40.0), abs=0.1)
    assert (blue.lightness, blue.chroma, blue.hue) == pytest.approx((32.30, 133.81, 306.3), abs=0.1)
    assert red.warmth == pytest.approx(math.cos(math.radians(20)), abs=0.01)
    assert blue.warmth < -0.3 and red.hue_concentration == pytest.approx(1, abs=1e-4)
    # Hasler & Suesstrunk: a plain red has rg = 255, yb = 127.5, and no deviation.
    assert red.colourfulness == pytest.approx(0.3 * math.hypot(255, 127.5), abs=0.01)


def test_half_black_half_white():
    picture = plain(0, 0, 0)
    picture[:, SIDE // 2 :] = 255
    a = picture_attributes(picture)
    assert a.rms_contrast == pytest.approx(0.5, abs=1e-4)
    assert a.symmetry == pytest.approx(-1, abs=1e-4)
    assert a.edge_density == 2 / SIDE  # the two columns beside the edge
    assert a.obliqueness == 0


@pytest.mark.parametrize(("angle", "expected"), [(0, 0.0), (90, 0.0), (45, 1.0), (22.5, 0.5), (67.5, 0.5)])
def test_obliqueness_is_the_squared_sine_of_twice_the_angle(angle, expected):
    assert picture_attributes(stripes(angle)).obliqueness == pytest.approx(expected, abs=0.03)


def test_a_vignette_is_a_light_centre():
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]  # pyright: ignore
    dark = np.clip(220 - 120 * np.hypot(x, y), 0, 255).astype(np.uint8)
    found = picture_attributes(np.repeat(dark[..., None], 3, 2)).centre_surround
    assert found > 0.2
    assert picture_attributes(np.repeat(255 - dark[..., None], 3, 2)).centre_surround < -0.2


# -- order -------------------------------------------------------------------------------------------------


def rises(values: list[float]) -> bool:
    return bool((np.diff(values) > 0).all())


def test_brightening_raises_lightness_alone_among_form():
    pictures = [(photograph() * k).astype(np.uint8) for k in (0.3, 0.5, 0.7, 0.9)]
    found = [picture_attributes(p) for p in pictures]
    assert rises([a.lightness for a in found]) and rises([a.luminance for a in found])


def test_saturating_raises_chroma_saturation_and_colourfulness_not_light():
    base = photograph().astype(float)
    grey = base @ [0.2126, 0.7152, 0.0722]
    pictures = [
        (grey[..., None] + k * (base - grey[..., None])).clip(0, 255).astype(np.uint8)
        for k in (0, 0.3, 0.6, 1)
    ]
    found = [picture_attributes(p) for p in pictures]
    for name in ("chroma", "saturation", "colourfulness"):
        assert rises([getattr(a, name) for a in found]), name


def test_more_shapes_mean_more_edges_and_detail():
    pictures = [np.tile(drawn("disc", side=SIDE // n), (n, n, 1)) for n in (1, 2, 4)]
    found = [picture_attributes(p) for p in pictures]
    assert rises([a.edge_density for a in found]) and rises([a.detail for a in found])


def test_contrast_raises_contrast_and_nothing_about_form():
    found = [picture_attributes(drawn("star", ink=128 + d, paper=128 - d)) for d in (20, 50, 100)]
    assert rises([a.rms_contrast for a in found])
    assert np.ptp([a.angularity for a in found]) < 0.1
    assert np.ptp([a.obliqueness for a in found]) < 0.02


@pytest.mark.parametrize("size", [40, 80])
@pytest.mark.parametrize("ink", [100, 220])
def test_angularity_tells_corners_from_curves(size, ink):
    disc, rounded, square, star = (
        picture_attributes(drawn(shape, size, ink)).angularity
        for shape in ("disc", "rounded", "square", "star")
    )
    assert disc < 0.15 < rounded < square
    assert disc + 0.25 < star


# -- invariance --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [512, 1024])
def test_values_do_not_depend_on_resolution(side):
    small = photograph()
    large = np.asarray(Image.fromarray(small).resize((side, side), Image.Resampling.NEAREST))
    assert picture_attributes(large) == picture_attributes(small)
    assert picture_attributes(drawn("star", side=side)).angularity == pytest.approx(
        picture_attributes(drawn("star")).angularity, abs=0.03
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (700, 2), (3, 5), (64, 64), (300, 200)])
def test_any_size_has_finite_values_in_range(shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    in_range(picture_attributes(picture))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["mirrored", "turned"]))
def test_mirroring_changes_nothing(seed, how):
    picture = photograph(seed, side=64)
    changed = picture[:, ::-1] if how == "mirrored" else picture[::-1, ::-1]
    a, b = (picture_attributes(np.ascontiguousarray(p)) for p in (picture, changed))
    in_range(a)
    for name in ATTRIBUTES:
        assert getattr(a, name) == pytest.approx(getattr(b, name), rel=0.02, abs=0.02), name


def in_range(a: PictureAttributes) -> None:
    assert all(math.isfinite(getattr(a, name)) for name in ATTRIBUTES)
    for name in ("luminance", "saturation", "hue_concentration", "edge_density", "obliqueness", "angularity"):
        assert 0 <= getattr(a, name) <= 1.0001, name
    for name in ("warmth", "symmetry", "centre_surround"):
        assert -1.0001 <= getattr(a, name) <= 1.0001, name
    assert 0 <= a.lightness <= 100.001 and 0 <= a.hue < 360 and 0 <= a.rms_contrast <= 0.5001


def test_the_table_holds_the_same_numbers_in_the_same_order():
    pictures = [photograph(0), photograph(1)]
    table = attribute_table(pictures)
    assert table.shape == (2, len(ATTRIBUTES))
    assert table[1, ATTRIBUTES.index("chroma")] == picture_attributes(pictures[1]).chroma
    assert attribute_table([]).shape == (0, len(ATTRIBUTES))
