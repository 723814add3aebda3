"""Pictures and picture sequences to files, whole and with their provenance inside and beside them."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin, UnidentifiedImageError, features

from emotive.errors import InputError
from emotive.media import check_folder, umask, write_whole
from emotive.media.plane import plane
from emotive.media.provenance import KEY, Provenance, is_provenance, xmp

MAX_PIXELS = 64 * 2**20  # of a picture that we decode: 8192 x 8192
ANIMATIONS = (".webp", ".gif")
_DESCRIPTION, _SOFTWARE = 0x010E, 0x0131  # EXIF tags


def check_output(path: Path, suffixes: Sequence[str] = (".png",)) -> None:
    """Raises InputError unless `path` can become a file of one of `suffixes`: before the long work."""
    if path.suffix.lower() not in suffixes:
        raise InputError(f"cannot write {path.name or path}: the name must end in {' or '.join(suffixes)}")
    check_folder(path.parent)
    sidecar = path.with_suffix(".json")
    try:
        folders, beside = [target for target in (path, sidecar) if target.is_dir()], sidecar.exists()
    except OSError as error:
        raise InputError(f"cannot write {path.name[:120]}: {error.strerror}") from error
    if folders:
        raise InputError(f"{folders[0]} is a folder")
    if beside and not is_provenance(sidecar):
        raise InputError(f"{sidecar} is not Emotive's and would be overwritten; choose another name")


def write_png(path: str | Path, image: Image.Image, provenance: Provenance, sidecar: bool = True) -> Path:
    """Writes `image` as PNG with the provenance in its text (key `emotive`, and the standard keys) and,
    unless `sidecar` is False, as `name.json` beside it. Returns the path.

    Raises InputError for another suffix, a missing or unwritable folder, or a sidecar that is not ours.
    """
    path = Path(path)
    check_output(path)
    info = PngImagePlugin.PngInfo()
    for key, value in {
        "Title": provenance.prompt or "a mood",
        "Software": f"Emotive {provenance.emotive}".strip(),
        "Description": provenance.statement,
        "Creation Time": provenance.created,
        KEY: provenance.to_json(),
    }.items():
        info.add_itxt(key, value)
    info.add_itxt("XML:com.adobe.xmp", xmp(provenance))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info)
    write_whole(path, buffer.getvalue())
    if sidecar:
        write_whole(path.with_suffix(".json"), provenance.to_json().encode())
    return path


def write_animation(
    path: str | Path, frames: Sequence[Image.Image], fps: float, provenance: Provenance
) -> Path:
    """Writes `frames` as one looping `.webp` or `.gif` at `fps`, with a sidecar, and returns the path.

    The provenance is also in the EXIF description of a WebP, and in the comment of a GIF. GIF keeps time in
    hundredths of a second and has 256 colours per frame; WebP is the better file.
    Raises InputError for another suffix, no frames, or a folder that is missing or cannot be written.
    """
    path = Path(path)
    check_output(path, ANIMATIONS)
    if not frames:
        raise InputError("there are no frames to write")
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "loop": 0}
    # Rounded on the running clock, so that the whole lasts as long as the curve does.
    tick = 10 if path.suffix.lower() == ".gif" else 1  # ms
    edges = [round(i * 1000 / fps / tick) * tick for i in range(len(frames) + 1)]
    options["duration"] = [max(b - a, tick) for a, b in pairwise(edges)]
    if path.suffix.lower() == ".gif":
        options["comment"] = _ascii(provenance).encode()
    else:
        if not features.check("webp"):
            raise InputError("this Pillow cannot write WebP; use a name that ends in .gif")
        exif = Image.Exif()
        exif[_DESCRIPTION], exif[_SOFTWARE] = _ascii(provenance), f"Emotive {provenance.emotive}"
        options |= {"exif": exif, "xmp": xmp(provenance).encode(), "quality": 88, "method": 3}
    buffer = io.BytesIO()
    frames[0].save(buffer, path.suffix[1:].upper(), **options)
    write_whole(path, buffer.getvalue())
    write_whole(path.with_suffix(".json"), provenance.to_json().encode())
    return path


def write_frames(
    folder: str | Path, frames: Iterable[tuple[Image.Image, Provenance]], fps: float, provenance: Provenance
) -> list[Path]:
    """Writes a new `folder` of `frame-0001.png` ... (each with its provenance inside) and `animation.webp`.

    The folder appears when all of it is there. Returns the files. Raises InputError if `folder` exists
    already, or if the one above it is missing or cannot be written.
    """
    folder = Path(folder)
    check_folder(folder.parent)
    if folder.exists():
        raise InputError(f"{folder} exists already; choose another name")
    temporary = Path(tempfile.mkdtemp(prefix=".emotive-", dir=folder.parent))
    try:
        names, images = [], []
        for i, (image, of_frame) in enumerate(frames, start=1):
            names.append(write_png(temporary / f"frame-{i:04}.png", image, of_frame, sidecar=False).name)
            images.append(image)
        names.append(write_animation(temporary / "animation.webp", images, fps, provenance).name)
        temporary.chmod(0o777 & ~umask())
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return [folder / name for name in names]


def read_image(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """An RGB picture from a file that nobody vouches for; its size is checked before a pixel is decoded.

    Raises InputError if it is missing, not a picture, truncated, or larger than `max_pixels`.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist" if not path.exists() else f"{path} is not a file")
    try:
        with Image.open(path) as image:
            if image.width * image.height > max_pixels:
                raise InputError(
                    f"{path} has {image.width} x {image.height} pixels; at most {max_pixels:,} are read"
                )
            return image.convert("RGB")
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is not a picture that can be read") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} is too large: {error}") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def draw_grid(images: Sequence[Image.Image], columns: int, cell: int | None = None) -> Image.Image:
    """A valence-arousal sheet of `images` in reading order.

    Valence runs from left to right, arousal from bottom to top; see `plane`. `cell` is the side of one
    picture in pixels; by default the sheet is about 1280 pixels wide, with 21 columns 2016.
    """
    rows = len(images) // columns
    if rows * columns != len(images) or not images:
        raise InputError(f"{len(images)} pictures do not fill rows of {columns}")
    cell = cell or min(512, max(96, 1280 // max(rows, columns)))
    cells = [image.convert("RGB").resize((cell, cell), Image.Resampling.LANCZOS) for image in images]
    return plane(cells, columns, gap=max(2, cell // 44), text=max(13, min(20, cell // 12)))


def _ascii(provenance: Provenance) -> str:
    return json.dumps(json.loads(provenance.to_json()), separators=(",", ":"))
