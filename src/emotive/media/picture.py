"""The one way to open a picture that nobody vouches for."""

from __future__ import annotations

import errno
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from emotive.errors import InputError
from emotive.media.image import MAX_PIXELS

# Pillow's decoders raise all of these on damaged files.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError)


def open_picture(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture in a file as RGB, upright (EXIF orientation), transparency over white, 8 bits a channel.

    Its size is read from the header and refused before a pixel is decoded. An embedded colour profile is not
    applied: values are taken as sRGB.
    Raises InputError, in one line that names the file: missing, a folder, forbidden, empty, no picture,
    truncated, animated, or more than `max_pixels` pixels.
    """
    path = Path(path)
    try:
        if not path.exists():
            raise InputError(f"{path} does not exist")
        if not path.is_file():
            raise InputError(f"{path} is not a file" + " but a folder" * path.is_dir())
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty")
        with warnings.catch_warnings():
            # Pillow warns of large pictures, where ours is the limit that counts, and of odd metadata.
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                _check(path, image, max_pixels)
                image.load()
                return _over_white(ImageOps.exif_transpose(image))
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is not a picture that can be read") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} is too large: at most {max_pixels:,} pixels are read") from error
    except MemoryError as error:
        raise InputError(f"{path} is too large for the memory here") from error
    except _DAMAGE as error:
        # What the system refuses has a number; so has seeking to a nonsensical place, which is damage.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise InputError(f"cannot read {path}: {error.strerror or error}") from error
        raise InputError(f"cannot read {path}: it is damaged or truncated ({_why(error)})") from error


def flattened(image: Image.Image) -> Image.Image:
    """A picture of any mode as RGB, transparency over white, 8 bits a channel; as it lies, unturned by EXIF.

    Raises InputError if it has no pixels or more than `MAX_PIXELS`, has values without an agreed range
    (floating point), or is still to be read from a file that is damaged.
    """
    if not 0 < image.width * image.height <= MAX_PIXELS:
        raise InputError(
            f"a picture of {image.width} x {image.height} pixels cannot be used: 1..{MAX_PIXELS:,} pixels"
        )
    try:
        return _over_white(image)
    except _DAMAGE as error:
        raise InputError(f"the picture cannot be read ({_why(error)})") from error


def as_array(image: Image.Image) -> np.ndarray:
    """An RGB picture as uint8 (H, W, 3)."""
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def _check(path: Path, image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise InputError(f"{path} has {image.width} x {image.height} pixels; at most {max_pixels:,} are read")
    if (frames := getattr(image, "n_frames", 1)) > 1:
        raise InputError(f"{path} is animated ({frames} frames); give one frame of it as a still picture")


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _over_white(image: Image.Image) -> Image.Image:
    """Any mode -> RGB over white."""
    if image.mode == "F":
        raise ValueError("floating point values have no agreed range")
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image, dtype=np.float64)  # 16 bits a channel, whatever Pillow keeps them in
        return Image.fromarray(np.clip(values / 257.0, 0, 255).round().astype(np.uint8), "L").convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
