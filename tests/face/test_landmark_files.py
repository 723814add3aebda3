import json
from pathlib import Path

import numpy as np
import pytest
from points68 import ibug

from emotive.errors import InputError
from emotive.face.landmark_files import read_landmarks
from emotive.face.opening import bundled_portraits, open_portrait

NAME = bundled_portraits()[0]


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return open_portrait(NAME).image


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return ibug(open_portrait(NAME).landmarks)


def write(path: Path, points: np.ndarray) -> Path:
    if path.suffix == ".npy":
        np.save(path, points)
    elif path.suffix == ".json":
        path.write_text(json.dumps(points.tolist()))
    elif path.suffix == ".csv":
        path.write_text("\n".join(["x,y", *(f"{x!r}, {y!r}" for x, y in points.tolist())]))
    else:
        rows = "\n".join(f"{x + 1!r} {y + 1!r}" for x, y in points.tolist())
        path.write_text(f"version: 1\nn_points: {len(points)}\n{{\n{rows}\n}}\n")
    return path


@pytest.mark.parametrize("suffix", [".json", ".csv", ".npy", ".pts"])
def test_every_format_reads_the_same(tmp_path: Path, image: np.ndarray, points: np.ndarray, suffix: str):
    true = open_portrait(NAME).landmarks
    found = read_landmarks(write(tmp_path / f"points{suffix}", points), image)
    assert np.abs(found.nose[:, :2] - true.nose[:, :2]).max() < 0.01
    assert np.abs(found.lips[0, 0, :2] - true.lips[0, 0, :2]).max() < 0.01


def test_shares_of_the_picture_are_read_as_mediapipe_gives_them(tmp_path: Path, image: np.ndarray):
    rng = np.random.default_rng(0)
    pixels = rng.uniform(300, 700, (468, 3))
    pixels[[33, 133, 263, 362], :2] = [[380, 400], [470, 400], [640, 400], [550, 400]]
    for mouth in (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 78, 308, 13, 14, 17):
        pixels[mouth, 1] = 650
    shares = np.add(pixels, [0.5, 0.5, 0]) / [image.shape[1], image.shape[0], image.shape[1]]
    a = read_landmarks(write(tmp_path / "pixels.npy", pixels), image)
    b = read_landmarks(write(tmp_path / "shares.npy", shares), image)
    assert np.allclose(a.oval, b.oval, atol=1e-3) and np.allclose(a.eyes, b.eyes, atol=1e-3)
    assert np.allclose(a.nose[3, 2], -pixels[4, 2])  # MediaPipe's z points away


def nan(points: np.ndarray) -> np.ndarray:
    points[5, 1] = np.nan
    return points


@pytest.mark.parametrize(
    "spoil, told",
    [
        (lambda p: p[:67], "67 points of 2 numbers; 68 or 468 or 478"),
        (lambda p: np.concatenate([p, p], 1), "68 points of 4 numbers"),
        (lambda p: p[0], "array of the shape"),
        (nan, "point 5 is not a number"),
        (lambda p: p + 5000, "outside the picture of 1024 x 1024"),
        (lambda p: np.add(p, [400, 0]), "outside the picture"),
        (lambda p: p * [-1, 1] + [1023, 0], "eyes swapped"),
        (lambda p: np.full_like(p, 500), "at one place"),
    ],
)
def test_what_does_not_fit_is_one_line(
    tmp_path: Path, image: np.ndarray, points: np.ndarray, spoil, told: str
):
    path = write(tmp_path / "points.npy", spoil(points.copy()))
    with pytest.raises(InputError, match=told) as caught:
        read_landmarks(path, image)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize("name, data", [
    ("a.txt", b"1,2"), ("a.json", b"{"), ("a.json", b'{"x": 1}'), ("a.csv", b"a,b\n"), ("a.csv", b"1,2\n3\n"),
    ("a.pts", b"no"), ("a.npy", b"no"), ("a.npy", b""), ("a.csv", b"\xff\xfe"), ("a.json", b"[[1,2],[3]]"),
])  # fmt: skip
def test_damaged_files_are_one_line(tmp_path: Path, image: np.ndarray, name: str, data: bytes):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=name) as caught:
        read_landmarks(tmp_path / name, image)
    assert "\n" not in str(caught.value)


def test_pickled_arrays_are_refused(tmp_path: Path, image: np.ndarray):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy"):
        read_landmarks(tmp_path / "a.npy", image)
