"""The painted portraits: layers that fit together, landmarks that lie where they are drawn."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("skia")

from emotive.data.portrait_painter import description_of, paint_portrait, write_portrait
from emotive.data.portrait_people import PEOPLE
from emotive.data.portrait_shape import shape_of

SIZE = 256
NAMES = ("kofi", "tomas")  # the quickest to paint: without and with sheets of hair


@pytest.fixture(scope="module", params=NAMES)
def portrait(request):
    return paint_portrait(PEOPLE[request.param], SIZE)


def test_layers_recompose_into_the_image(portrait):
    head = portrait.head[..., None] / 255
    again = portrait.backdrop * (1 - head) + portrait.image * head
    assert np.abs(again - portrait.image).max() <= 1


def test_head_is_whole_and_fades_down_the_neck(portrait):
    x, y = portrait.landmarks.oval[:, 0], portrait.landmarks.oval[:, 1]
    outline = np.stack([x, y], -1).round().astype(np.int32)
    inside = cv2.fillPoly(np.zeros((SIZE, SIZE), np.uint8), [outline], 1)
    inside = cv2.erode(inside, np.ones((3, 3)))
    assert portrait.head[inside > 0].min() == 255
    border = np.concatenate([portrait.head[0], portrait.head[-1], portrait.head[:, 0], portrait.head[:, -1]])
    assert border.max() == 0
    neck = portrait.head[round(y[18]) + 4 :, SIZE // 2].astype(int)
    assert neck[0] > 100 and (np.diff(neck) <= 0).all() and neck[-1] == 0
    assert np.abs(np.diff(neck)).max() < 60  # no step


def test_landmarks_mirror_each_other(portrait):
    marks = portrait.landmarks
    middle = marks.oval[18, 0]
    mirror = np.array([-1, 1])
    centred = [a[..., :2] - [middle, 0] for a in (marks.oval, marks.brows, marks.eyes, marks.lips)]
    oval, brows, eyes, lips = centred
    assert np.allclose(oval[1:18] * mirror, oval[19:][::-1], atol=0.05)
    for pair in (brows, eyes):
        assert (pair[0, ..., 0] < pair[1, ..., 0]).all()  # the right one lies at smaller x
        assert np.allclose(pair[0] * mirror, pair[1], atol=0.05)
    assert np.allclose(lips * mirror, lips[:, ::-1], atol=0.05)
    assert (marks.eyes[:, 0, 1:-1, 1] < marks.eyes[:, 1, 1:-1, 1]).all()  # upper lid above lower lid
    assert np.array_equal(marks.lips[1], marks.lips[2])  # the mouth is closed
    assert (marks.brows[:, :, 2, 1] < marks.eyes[:, 0, 4:5, 1]).all()


def test_depth_rises_to_the_nose(portrait):
    marks = portrait.landmarks
    tip = marks.nose[3:5, 2].max()
    assert tip > marks.lips[..., 2].max() > marks.eyes[:, :, 0, 2].max() > marks.oval[3:16, 2].mean()


def test_lid_edges_are_edges_of_the_picture(portrait):
    grey = cv2.cvtColor(portrait.image, cv2.COLOR_RGB2GRAY).astype(np.float32)

    def at(points):
        xy = points[..., :2].astype(np.float32)
        return cv2.remap(grey, xy[..., 0], xy[..., 1], cv2.INTER_LINEAR)

    def brighter(points, below):
        """How much lighter the picture is `below` pixels below a lid's edge than on the lash line."""
        return at(points[None] + np.array([0, below, 0])) - at(points[None] - np.array([0, 0.6, 0]))

    for upper in portrait.landmarks.eyes[:, 0]:
        assert brighter(upper[[1, 2, 6]], 2.2).min() > 20  # the white, beside the iris
        assert brighter(upper[3:6], -5).min() > 20  # the lid


def test_irises_fit_the_eyes_and_are_not_white(portrait):
    marks = portrait.landmarks
    for i in range(2):
        x, y, r = marks.irises[i]
        outer, inner = marks.eyes[i, 0, [0, -1], 0]
        assert min(outer, inner) < x - r and x + r < max(outer, inner)
        assert marks.eyes[i, 0, :, 1].min() < y + r and y - r < marks.eyes[i, 1, :, 1].max()
        disc = portrait.irises[i]
        assert disc.shape[0] == disc.shape[1] and disc[0, 0, 3] == 0 and disc[80, 80, 3] == 255
        white = portrait.sclera[round(y), round(x)].astype(int)
        iris = disc[80, 30:50, :3].mean(0)
        assert white.min() > iris.max() + 40
        # The disc is what the picture shows at the iris.
        seen = portrait.image[round(y), round(x + 0.7 * r)].mean()
        assert seen < white.mean() - 40


def test_painting_is_deterministic():
    first, second = (paint_portrait(PEOPLE["kofi"], 128) for _ in range(2))
    assert np.array_equal(first.image, second.image) and np.array_equal(
        first.landmarks.lips, second.landmarks.lips
    )


def test_people_differ_in_age_skin_and_gender():
    people = PEOPLE.values()
    assert {"man", "woman"} <= {p.gender for p in people}
    assert max(p.age for p in people) - min(p.age for p in people) > 40
    assert max(p.skin[0] for p in people) - min(p.skin[0] for p in people) > 0.25
    shapes = [np.concatenate([shape_of(p).outline, shape_of(p).lips[0]]) for p in people]
    for i, a in enumerate(shapes):
        assert all(np.abs(a - b).max() > 3 for b in shapes[:i])


def test_written_files_hold_the_portrait(tmp_path, portrait):
    write_portrait(portrait, tmp_path / "x", description_of(PEOPLE[portrait.name]))
    image = np.asarray(Image.open(tmp_path / "x/portrait.webp"))
    assert np.abs(image.astype(int) - portrait.image).mean() < 3
    assert Image.open(tmp_path / "x/irises.webp").size == (320, 160)
    marks = json.loads((tmp_path / "x/landmarks.json").read_text())
    assert marks["description"]["age"] == PEOPLE[portrait.name].age
    assert np.allclose(marks["eyes"], portrait.landmarks.eyes, atol=0.01)
