import numpy as np
import pytest
from points68 import ibug

from emotive.face.opening import bundled_portraits, open_portrait
from emotive.face.point_sets import from_points


@pytest.mark.parametrize("name", bundled_portraits()[:2])
def test_68_points_give_the_contours_back(name: str):
    portrait = open_portrait(name)
    true = portrait.landmarks
    found = from_points(ibug(true), portrait.image)
    unit = true.eye_distance

    def off(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.linalg.norm((a - b)[..., :2], axis=-1).mean() / unit)

    assert off(found.eyes, true.eyes) < 0.012
    assert off(found.lips, true.lips) < 0.02
    assert off(found.nose, true.nose) < 1e-4
    assert off(found.brows.mean(1), true.brows.mean(1)) < 0.03
    assert off(found.oval[8:29], true.oval[8:29]) < 0.06
    assert off(found.irises, true.irises) < 0.03
    # The forehead is estimated: its middle is straight above the nose, between the brows and the crown.
    top = (found.oval[0, :2] - true.nose[0, :2]) / unit
    assert abs(top[0]) < 0.03 and -1.2 < top[1] < -0.5
    assert (np.diff(found.oval[:9, 0]) > 0).all() and (np.diff(found.oval[28:, 0]) > 0).all()
    # Without depth it is an average head's: the nose stands out, the ears lie back.
    assert found.nose[3, 2] > found.eyes[..., 2].max() > found.oval[[8, 28], 2].max()


def test_the_irises_of_478_points_are_believed():
    portrait = open_portrait(bundled_portraits()[0])
    true, points = portrait.landmarks, np.random.default_rng(0).uniform(300, 700, (478, 3))
    for first, (x, y, r) in zip((468, 473), true.irises, strict=True):
        points[first : first + 5, :2] = np.add([[0, 0], [r, 0], [0, -r], [-r, 0], [0, r]], [x, y])
    assert np.allclose(from_points(points, portrait.image).irises, true.irises, atol=1e-3)
