"""Pictures that nobody vouches for: opened as they are meant, or refused in one line that names the file."""

import errno
import io
import os
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from emotive.errors import InputError
from emotive.media.image import MAX_PIXELS
from emotive.media.picture import as_array, flattened, open_picture

COLOURS = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        open_picture(path)
    line = str(caught.value)
    assert path.name in line and "\n" not in line and len(line) < 400
    return line


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp"])
def test_what_is_lossless_comes_back_exactly(tmp_path, suffix):
    file = tmp_path / f"a.{suffix}"
    Image.fromarray(COLOURS).save(file, lossless=True)
    image = open_picture(file)
    assert image.mode == "RGB" and image.size == (20, 12)
    array = as_array(image)
    assert array.dtype == np.uint8 and np.array_equal(array, COLOURS)


def test_exif_orientation_is_honoured(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter turn clockwise
    Image.fromarray(COLOURS).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(as_array(open_picture(tmp_path / "a.png")), np.rot90(COLOURS, -1))


def test_transparency_is_over_white(tmp_path):
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 3] = 0, 128, 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert as_array(open_picture(tmp_path / "a.png"))[0, :, 0].tolist() == [255, 127, 0]


def test_a_transparent_palette_is_over_white(tmp_path):
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 200, 10, 10])
    image.putpixel((1, 1), 1)
    image.save(tmp_path / "a.png", transparency=0)
    array = as_array(open_picture(tmp_path / "a.png"))
    assert array[0, 0].tolist() == [255, 255, 255] and array[1, 1].tolist() == [200, 10, 10]


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_keep_their_range(tmp_path, suffix):
    values = np.array([[0, 257 * 100, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    assert as_array(open_picture(tmp_path / f"a.{suffix}"))[0, :, 1].tolist() == [0, 100, 255]


def test_grey_bilevel_and_cmyk(tmp_path):
    Image.new("L", (2, 2), 77).save(tmp_path / "l.png")
    Image.new("1", (2, 2), 1).save(tmp_path / "1.png")
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "c.jpg", quality=100)
    assert as_array(open_picture(tmp_path / "l.png"))[0, 0].tolist() == [77] * 3
    assert as_array(open_picture(tmp_path / "1.png"))[0, 0].tolist() == [255] * 3
    red, green, blue = as_array(open_picture(tmp_path / "c.jpg"))[0, 0].tolist()
    assert red > 240 and green < 15 and blue < 15


# -- refusals ----------------------------------------------------------------------------------------------


def test_missing_folder_empty_and_no_picture(tmp_path):
    assert "does not exist" in refused(tmp_path / "none.png")
    folder = tmp_path / "folder.png"
    folder.mkdir()
    assert "folder" in refused(folder)
    empty = tmp_path / "empty.png"
    empty.touch()
    assert "is empty" in refused(empty)
    text = tmp_path / "text.png"
    text.write_text("not a picture at all")
    assert "not a picture" in refused(text)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "gif", "bmp"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated(tmp_path, suffix, share):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    whole = tmp_path / f"whole.{suffix}"
    Image.fromarray(noise).save(whole)
    data = whole.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(data[: int(share * len(data))])
    refused(cut)


def test_what_the_system_refuses_is_not_called_damage(tmp_path, monkeypatch):
    long = tmp_path / f"{'a' * 300}.png"
    assert refused(long).endswith(f"cannot read {long}: {os.strerror(errno.ENAMETOOLONG)}")
    file = tmp_path / "a.png"
    Image.fromarray(COLOURS).save(file)

    def forbidden(*_):
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    monkeypatch.setattr(Image, "open", forbidden)  # root, who may run this, is forbidden nothing
    assert refused(file) == f"cannot read {file}: Permission denied"
    monkeypatch.setattr(Path, "exists", forbidden)
    assert refused(file) == f"cannot read {file}: Permission denied"


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animated(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), (50 * i, 0, 0)) for i in range(3)]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    assert "animated (3 frames)" in refused(tmp_path / f"a.{suffix}")


def test_a_giant_is_refused_by_its_header(tmp_path):
    """30,000 x 30,000 in a few bytes: decoding a pixel would take 2.7 GB, or be another error."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    file = tmp_path / "giant.png"
    file.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    began = time.monotonic()
    assert "30000 x 30000" in refused(file) or "too large" in refused(file)
    assert time.monotonic() - began < 2


def test_the_limit_is_the_callers(tmp_path):
    Image.new("RGB", (11, 10)).save(tmp_path / "a.png")
    open_picture(tmp_path / "a.png", max_pixels=110)
    with pytest.raises(InputError, match="11 x 10"):
        open_picture(tmp_path / "a.png", max_pixels=109)


def test_floating_point_is_refused(tmp_path):
    Image.new("F", (4, 4), 0.5).save(tmp_path / "a.tiff")
    assert "floating point" in refused(tmp_path / "a.tiff")


# -- pictures in memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "I;16"]
)
def test_any_mode_is_flattened(mode):
    found = flattened(Image.new(mode, (3, 2)))
    assert found.mode == "RGB" and found.size == (3, 2)


def test_flattened_is_over_white():
    clear = Image.fromarray(np.array([[[200, 10, 10, 0], [200, 10, 10, 255]]], np.uint8))
    assert as_array(flattened(clear))[0].tolist() == [[255, 255, 255], [200, 10, 10]]


def test_flattened_refuses_no_pixels_too_many_and_none_that_can_be_had(tmp_path, monkeypatch):
    for size in ((0, 4), (4, 0)):
        with pytest.raises(InputError, match=f"{size[0]} x {size[1]} pixels"):
            flattened(Image.new("RGB", size))
    with pytest.raises(InputError, match="floating point"):
        flattened(Image.new("F", (2, 2)))
    monkeypatch.setattr("emotive.media.picture.MAX_PIXELS", 12)
    assert flattened(Image.new("L", (4, 3))).size == (4, 3) and MAX_PIXELS > 12
    with pytest.raises(InputError, match="13 x 1 pixels"):
        flattened(Image.new("L", (13, 1)))
    monkeypatch.undo()
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.png")
    data = (tmp_path / "whole.png").read_bytes()
    with (
        Image.open(io.BytesIO(data[: len(data) // 2])) as lazy,
        pytest.raises(InputError, match="cannot be read"),
    ):
        flattened(lazy)


def _seed(suffix: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(COLOURS).save(buffer, suffix)
    return buffer.getvalue()


SEEDS = {suffix: _seed(suffix) for suffix in ("png", "jpeg", "gif", "webp", "tiff", "bmp")}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from(sorted(SEEDS)),
    edits=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_damage_is_a_picture_or_one_line(tmp_path, suffix, edits):
    data = bytearray(SEEDS[suffix])
    for place, value in edits:
        data[place % len(data)] = value
    file = tmp_path / f"damaged.{suffix}"
    file.write_bytes(data)
    try:
        assert as_array(open_picture(file, max_pixels=10**6)).ndim == 3
    except InputError as error:
        assert file.name in str(error) and "\n" not in str(error)
