"""Videos from files that nobody vouches for: frames one by one, and their sound."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from emotive.errors import InputError
from emotive.media import check_file, ffmpeg

MAX_SIDE = 8192  # pixels
LONGEST = 3600.0  # seconds that are read
RATES = (1, 240)  # frames/s; others are read at the nearer end
_LATE = 0.25  # seconds by which the header of a whole file may be wrong


@dataclass(frozen=True)
class Video:
    """A video file that can be read. Iterating gives its frames, uint8 (height, width, 3), RGB.

    path: of the file.
    size: (width, height) in pixels, as it is shown.
    fps: frames/s; a variable rate is read as a constant one, by repeating and leaving out frames.
    seconds: by the file's header.
    sample_rate: of its sound, samples/s; 0 without.
    """

    path: Path
    size: tuple[int, int]
    fps: Fraction
    seconds: float
    sample_rate: int

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.frames()

    def frames(self, fps: float | Fraction | None = None) -> Iterator[np.ndarray]:
        """The frames at `fps` frames/s, by default the video's own; at most an hour of them.

        Raises InputError, naming the file, where it is damaged or cut short.
        """
        width, height = self.size
        rate = self.fps if fps is None else Fraction(fps)
        picture = ["-map", "0:V:0", "-r", str(rate), "-fps_mode", "cfr", "-t", str(LONGEST)]
        # Untagged video of this size is most often BT.709 when it is HD, and BT.601 when it is not: ffmpeg's
        # own guess is kept. Tags are believed.
        arguments = [*ffmpeg.source(self.path), *picture, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:"]
        count, bytes_each = 0, width * height * 3
        with tempfile.TemporaryFile() as errors:
            process = ffmpeg.start(arguments, errors, reads=False)
            with ffmpeg.ending(process):
                assert process.stdout is not None
                while len(pixels := process.stdout.read(bytes_each)) == bytes_each:
                    count += 1
                    yield np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
                failed = process.wait()
            if failed:
                raise InputError(f"cannot read {self.path}: {ffmpeg.last_words(errors)}")
        if count < (min(self.seconds, LONGEST) - _LATE) * rate - 2:
            raise InputError(f"{self.path} is cut short: its header promises {self.seconds:.1f} s of frames")

    def sound(self) -> tuple[np.ndarray, int] | None:
        """The waveform, float32 (N,) in [-1, 1], channels averaged, and its sample rate; None without sound.

        Its first sample is at the time of the first frame. Raises InputError where it cannot be decoded.
        """
        if not self.sample_rate:
            return None
        # Sound that begins later than the picture is preceded by silence.
        decoded = ["-map", "0:a:0", "-af", "aresample=async=1:first_pts=0", "-ac", "1", "-t", str(LONGEST)]
        arguments = [
            *ffmpeg.source(self.path),
            *decoded,
            "-ar",
            str(self.sample_rate),
            "-f",
            "f32le",
            "pipe:",
        ]
        with tempfile.TemporaryFile() as errors:
            process = ffmpeg.start(arguments, errors, reads=False)
            with ffmpeg.ending(process):
                assert process.stdout is not None
                data = process.stdout.read()
                failed = process.wait()
            waveform = np.frombuffer(data[: len(data) // 4 * 4], "<f4").astype(np.float32)
            if failed or not np.isfinite(waveform).all():
                raise InputError(f"cannot read the sound of {self.path}: {ffmpeg.last_words(errors)}")
        return np.clip(waveform, -1.0, 1.0), self.sample_rate


def open_video(path: str | os.PathLike[str]) -> Video:
    """A video file: mp4, webm, gif and what else ffmpeg reads. Its frames are decoded as they are asked for.

    Raises InputError, in one line that names the file: missing, a folder, empty, no video, cut short, or
    more than 8192 pixels wide or high.
    """
    path = Path(path)
    check_file(path)
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty")
        if _is_cut_short(path):
            raise InputError(f"{path} is cut short: the end of the file is missing")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    found = ffmpeg.probe(path)
    if found is None:
        raise InputError(f"{path} is not a video that can be read, or damaged: give mp4, webm, mov or gif")
    if max(found.size) > MAX_SIDE:
        raise InputError(f"{path} has {found.size[0]} x {found.size[1]} pixels; a side is at most {MAX_SIDE}")
    fps = min(max(found.fps, Fraction(RATES[0])), Fraction(RATES[1]))
    return Video(path, found.size, fps, found.seconds, found.sample_rate)


def _is_cut_short(path: Path) -> bool:
    """Whether an MP4 or MOV (ISO/IEC 14496-12, 4.2) or a GIF ends before it should."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        if head[:6] in (b"GIF87a", b"GIF89a"):
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\x3b"
        if head[4:8] != b"ftyp":
            return False
        at, kinds = 0, set()
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            length, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            elif length == 0:  # to the end of the file
                length = size - at
            if length < 8:
                return False  # damaged in another way: ffmpeg says how
            kinds.add(kind)
            at += length
        return at > size or b"moov" not in kinds
