import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emotive.errors import InputError
from emotive.face.landmarks import FaceLandmarks
from emotive.face.opening import bundled_portraits, moved, open_portrait, portrait_square, upright

NAMES = bundled_portraits()


def test_there_are_portraits():
    assert len(NAMES) >= 4 and NAMES == tuple(sorted(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_portrait_is_whole(name: str):
    portrait = open_portrait(name)
    size = portrait.image.shape[:2]
    assert portrait.bundled and portrait.name == name and portrait.image.dtype == np.uint8
    assert portrait.backdrop is not None and portrait.backdrop.shape == (*size, 3)
    assert portrait.head is not None and portrait.head.shape == size
    assert portrait.sclera is not None and portrait.sclera.shape == (*size, 3)
    assert portrait.irises is not None and portrait.irises.shape[0] == 2 and portrait.irises.shape[3] == 4
    found = portrait.landmarks
    shapes = [a.shape for a in (found.oval, found.brows, found.eyes, found.irises, found.lips, found.nose)]
    assert shapes == [(36, 3), (2, 2, 5, 3), (2, 2, 9, 3), (2, 3), (4, 11, 3), (9, 3)]
    assert np.array_equal(found.eyes[:, 0, [0, 8]], found.eyes[:, 1, [0, 8]])  # lids share their corners
    assert (found.eyes[0, ..., 0] < found.eyes[1, ..., 0]).all()
    assert found.oval[0, 1] < found.nose[0, 1] < found.oval[18, 1]
    assert open_portrait(name) is portrait
    with pytest.raises(ValueError, match="read-only"):
        portrait.image[0, 0] = 0


def test_names_and_files_are_not_confused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    name = NAMES[0]
    Image.new("RGB", (8, 8)).save(tmp_path / name, "PNG")
    with pytest.warns(UserWarning, match=f"the file is ./{name}"):
        assert open_portrait(name).bundled
    for file in (f"./{name}", Path(name)):
        with pytest.raises(InputError, match="8 x 8 pixels, too few for a face"):
            open_portrait(file)
    with pytest.raises(InputError, match=f"did you mean '{name}'"):
        open_portrait(name.upper() + "x")
    with pytest.raises(InputError, match="its own landmarks"):
        open_portrait(NAMES[1], "points.json")


@pytest.mark.parametrize("data, told", [
    (b"", "empty"), (b"not a picture at all", "not a picture"), (None, "does not exist"),
])  # fmt: skip
def test_what_is_not_a_picture_is_one_line(tmp_path: Path, data: bytes | None, told: str):
    path = tmp_path / "me.jpg"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match=told) as caught:
        open_portrait(path)
    assert "\n" not in str(caught.value) and "me.jpg" in str(caught.value)


def test_huge_and_truncated_pictures_are_one_line(tmp_path: Path):
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (tmp_path / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT")
    with pytest.raises(InputError, match="too large"):
        open_portrait(tmp_path / "huge.png")
    Image.fromarray(open_portrait(NAMES[0]).image).save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:5000])
    with pytest.raises(InputError, match="truncated"):
        open_portrait(tmp_path / "cut.jpg")


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "CMYK", "P", "I;16", "exif"])
def test_any_kind_of_picture_with_given_landmarks(tmp_path: Path, mode: str):
    known = open_portrait(NAMES[0])
    picture = Image.fromarray(known.image)
    path = tmp_path / ("a.jpg" if mode in ("CMYK", "exif") else "a.png")
    if mode == "I;16":
        grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
        Image.fromarray(grey).save(path)
    elif mode == "exif":  # lies on its side, and says so
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.rotate(90, expand=True).save(path, exif=exif, quality=95)
    else:
        picture.convert(mode).save(path)
    found = open_portrait(path, known.landmarks)
    assert not found.bundled and found.image.shape == (1024, 1024, 3) and found.name == path.name
    light = found.image.astype(float).mean(-1), known.image.astype(float).mean(-1)
    assert np.corrcoef(light[0].ravel(), light[1].ravel())[0, 1] > 0.95


def marked(landmarks: FaceLandmarks, height: int, width: int) -> np.ndarray:
    """Black, with a blurred white dot on each iris."""
    y, x = np.mgrid[:height, :width]
    image = np.zeros((height, width))
    for cx, cy, _ in landmarks.irises:
        image += np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 18)
    return np.repeat((255 * image.clip(0, 1)).astype(np.uint8)[..., None], 3, 2)


def dots(image: np.ndarray) -> np.ndarray:
    """Where both dots are, by their centres of light."""
    light = image[..., 0].astype(float)
    middle = (light.sum(0) @ np.arange(light.shape[1])) / light.sum()
    found = []
    y, x = np.mgrid[: light.shape[0], : light.shape[1]]
    for half in (x < middle, x >= middle):
        w = light * half
        found.append([(w * x).sum() / w.sum(), (w * y).sum() / w.sum()])
    return np.array(found)


@pytest.mark.parametrize("size, scale, shift", [
    ((2400, 2000), 1.5, (200.0, 300.0)),  # roomy: cut and made smaller
    ((700, 900), 1.0, (-60.0, -200.0)),  # the face at the top: off its place, but nothing made up
    ((620, 620), 1.0, (-200.0, -160.0)),  # tight: edges go on
])  # fmt: skip
def test_landmarks_move_with_their_pixels(size, scale, shift):
    known = open_portrait(NAMES[0]).landmarks
    placed = moved(known, np.eye(3) * scale, np.array([*shift, 0]))
    image, landmarks = portrait_square(marked(placed, *size), placed)
    assert image.shape[0] == image.shape[1] <= 1024
    assert np.abs(dots(image) - landmarks.irises[:, :2]).max() < 0.2
    head = 2.1 * (landmarks.oval[18, 1] - landmarks.eyes[:, 0, 0, 1].mean())
    assert 0.5 < head / image.shape[0] < 0.87


def test_a_picture_on_its_side_is_stood_up():
    known = open_portrait(NAMES[0]).landmarks
    image = marked(known, 1024, 1024)[:, :1000]
    turn = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # clockwise
    lying = moved(known, turn, np.array([1023.0, 0, 0]))
    stood, landmarks = upright(np.ascontiguousarray(np.rot90(image, -1)), lying)
    assert np.array_equal(stood, image)
    assert np.allclose(landmarks.oval, known.oval, atol=1e-3)
    assert np.allclose(landmarks.irises, known.irises, atol=1e-3)
