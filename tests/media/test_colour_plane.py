"""A picture of a plane of colours shows what vertex colours would."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotive.media.colour_plane import SIZE, colour_plane, srgb


def seen(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Linear colours where a program that samples between pixels looks, (V, 3)."""
    c = picture / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    at = (places.astype(float) * SIZE - 0.5).clip(0, SIZE - 1)
    low = np.minimum(at.astype(int), SIZE - 2)
    across, down = (at - low).T[:, :, None]
    x, y = low.T
    top = (1 - across) * linear[y, x] + across * linear[y, x + 1]
    bottom = (1 - across) * linear[y + 1, x] + across * linear[y + 1, x + 1]
    return (1 - down) * top + down * bottom


@given(st.integers(0, 10**6))
def test_mixtures_of_three_colours_look_the_same(seed: int):
    rng = np.random.default_rng(seed)
    # Where the plane leaves the colours that there are, its corners are clipped, and so are the points there.
    three = rng.uniform(0.25, 0.75, (3, 3))
    colours = rng.dirichlet((1, 1, 1), 200) @ three
    found = colour_plane(colours)
    assert found is not None
    places, picture = found
    assert places.min() > 0 and places.max() < 1 and picture.shape == (SIZE, SIZE, 3)
    inside = np.abs(srgb(seen(picture, places)).astype(int) - srgb(colours)).max(1)
    assert np.quantile(inside, 0.9) <= 1 and inside.max() <= 8
    # Halfway between two points there is the mean of their colours.
    between = seen(picture, (places[:100] + places[100:]) / 2)
    assert np.quantile(np.abs(between - (colours[:100] + colours[100:]) / 2), 0.9) < 0.01


def test_one_colour_needs_no_picture():
    assert colour_plane(np.full((7, 3), 0.4)) is None
    np.testing.assert_array_equal(srgb(np.array([0.0, 0.2140, 1.0, 2.0])), [0, 127, 255, 255])


@pytest.mark.parametrize("part", ["head", "left eye", "teeth"])
def test_the_figures_colours_lie_in_planes(part: str):
    from emotive.body.figure import figure

    (found,) = (p for p in figure().parts if p.name == part)
    plane = colour_plane(found.colours)
    assert plane is not None
    apart = srgb(seen(plane[1], plane[0])).astype(int) - srgb(found.colours)
    assert np.abs(apart).max() <= 8 and np.abs(apart).mean() < 1
