"""Videos to files: frame by frame, with sound in time, whole and with their provenance inside and beside."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import tempfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import numpy as np

from emotive.errors import InputError
from emotive.media import ffmpeg, umask, write_whole
from emotive.media.audio import as_waveform
from emotive.media.image import check_output
from emotive.media.provenance import Provenance
from emotive.media.video_reader import Video, open_video

__all__ = ["FORMATS", "Video", "VideoWriter", "open_video"]

FORMATS = (".mp4", ".webm", ".gif")
SIDES = (16, 4096)  # pixels
RATES = (1, 240)  # frames/s
FULL = 2**16  # bytes that are left on a disk that is full
GIF_FPS = 50  # above which browsers slow a GIF down
SAMPLE_RATE = 48_000  # of the sound in a file: what Opus has, and the AAC frame is shorter than a picture

# Constant quality, seen as lossless on a face; a key frame every 2 s or so, for players that jump.
_H264 = ("libx264", "-preset", "veryfast", "-crf", "18", "-g", "60", "-profile:v", "high")
_VP9 = ("libvpx-vp9", "-crf", "28", "-b:v", "0", "-deadline", "realtime", "-cpu-used", "6", "-row-mt", "1")
_LOSSLESS = ("libx264rgb", "-preset", "ultrafast", "-qp", "0")  # what a GIF is made from
_BT709 = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
_YUV = ("-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd,format=yuv420p", *_BT709)
_SOUND = {".mp4": ("aac", "-b:a", "128k"), ".webm": ("libopus", "-b:a", "96k")}


class VideoWriter:
    """Writes a video frame by frame: `.mp4` (H.264, AAC), `.webm` (VP9, Opus) or `.gif` (no sound).

    >>> with VideoWriter("talk.mp4", (512, 512), 30, provenance, (waveform, 24000)) as writer:
    ...     for frame in frames:
    ...         writer.write(frame)

    size: (width, height) in pixels, each in 16..4096; even, except in a GIF.
    fps: frames/s, 1..240, a Fraction for rates such as 30000/1001. A GIF has at most 50.
    audio: a waveform, float32 (N,) in [-1, 1], and its sample rate (samples/s). The video lasts as long as
        the longer of both: the last frame stays, or silence follows.
    sidecar: whether `name.json` is written beside it; the provenance is in the file's comment in any case.

    Frames go through a temporary file in the same folder, which gets its name when the block ends; if that
    ends with an exception, or ffmpeg fails, nothing is left. `frames` counts what was written.
    Raises InputError for another suffix, size or rate, for a folder or a sidecar as `write_png` does, and for
    sound as `as_waveform` does.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: tuple[int, int],
        fps: float | Fraction,
        provenance: Provenance,
        audio: tuple[np.ndarray, int] | None = None,
        sidecar: bool = True,
    ):
        self.path = Path(path)
        self.size = _size(size, self.path)
        self.fps = _rate(fps)
        self.frames = 0
        self._provenance, self._sidecar = provenance, sidecar
        self._audio = None if audio is None else as_waveform(audio[0], audio[1])
        self._last: bytes | None = None
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        check_output(self.path, FORMATS)

    def __enter__(self) -> VideoWriter:
        try:
            # A folder of its own beside the file: the last step is a move within one file system.
            self._folder = Path(tempfile.mkdtemp(prefix=".emotive-", dir=self.path.parent))
            self._errors = (self._folder / "errors").open("w+b")
        except OSError as error:
            self._discard()
            raise InputError(f"cannot write {self.path}: {error.strerror or error}") from error
        width, height = self.size
        pixels = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}")
        arguments = [*pixels, "-framerate", str(self.fps), "-i", "pipe:", "-an"]
        suffix = self.path.suffix.lower()
        if suffix == ".gif":
            arguments += ["-c:v", *_LOSSLESS]
        else:
            arguments += [*_YUV, "-c:v", *(_H264 if suffix == ".mp4" else _VP9)]
        try:
            self._process = ffmpeg.start([*arguments, str(self._picture)], self._errors, reads=True)
        except BaseException:
            self._discard()
            raise
        return self

    def write(self, frame: np.ndarray) -> None:
        """Appends a frame, uint8 (height, width, 3), RGB."""
        if self._process is None:
            raise InputError(f"{self.path} is not open: write within `with VideoWriter(...) as writer:`")
        frame, (width, height) = np.asarray(frame), self.size
        if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
            raise InputError(
                f"a frame of this video is uint8 ({height}, {width}, 3), not {frame.dtype} {frame.shape}"
            )
        self._last = frame.tobytes()
        self._send(self._last)

    def _send(self, pixels: bytes) -> None:
        assert self._process is not None and self._process.stdin is not None
        try:
            self._process.stdin.write(pixels)
        except OSError as error:  # a closed pipe: ffmpeg has ended, and said why
            self._process.wait()
            raise self._failure() from error
        self.frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._discard()

    @property
    def _picture(self) -> Path:
        """Where the frames go, without sound."""
        assert self._folder is not None
        suffix = self.path.suffix.lower()
        return self._folder / ("picture.mkv" if suffix == ".gif" else f"picture{suffix}")

    def _finish(self) -> None:
        assert self._process is not None and self._process.stdin is not None and self._folder is not None
        if self._last is None:
            raise InputError(f"cannot write {self.path}: there are no frames")
        if self._audio is not None:
            samples, rate = len(self._audio[0]), self._audio[1]
            while self.frames < samples * self.fps / rate:
                self._send(self._last)
        try:
            self._process.stdin.close()
        except OSError as error:
            self._process.wait()
            raise self._failure() from error
        if self._process.wait():
            raise self._failure()
        try:
            whole = self._animation() if self.path.suffix.lower() == ".gif" else self._with_sound()
            os.chmod(whole, 0o666 & ~umask())
            os.replace(whole, self.path)
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror or error}") from error
        if self._sidecar:
            write_whole(self.path.with_suffix(".json"), self._provenance.to_json().encode())

    def _with_sound(self) -> Path:
        """The picture as it is, with sound exactly as long and what the file says of itself."""
        assert self._folder is not None
        suffix = self.path.suffix.lower()
        whole, texts, sound = self._folder / f"whole{suffix}", self._folder / "texts", self._folder / "sound"
        texts.write_text(ffmpeg.metadata(self._texts()), encoding="utf-8", newline="\n")
        inputs = ["-i", str(self._picture), "-f", "ffmetadata", "-i", str(texts)]
        outputs = ["-map", "0:v", "-c:v", "copy", "-map_metadata", "1"]
        if self._audio is not None:
            waveform, rate = self._audio
            waveform.astype("<f4", copy=False).tofile(sound)
            inputs += ["-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", str(sound)]
            length = round(self.frames / self.fps * SAMPLE_RATE)
            exact = f"aresample={SAMPLE_RATE},apad=whole_len={length},atrim=end_sample={length}"
            outputs += ["-map", "2:a", "-af", exact, "-c:a", *_SOUND[suffix]]
        if suffix == ".mp4":
            outputs += ["-movflags", "+faststart"]
        self._run([*inputs, *outputs, str(whole)])
        return whole

    def _animation(self) -> Path:
        """A looping GIF with one palette for all of it, chosen for what moves."""
        assert self._folder is not None
        rate = f"fps={min(self.fps, Fraction(GIF_FPS))}"
        palette, bare = self._folder / "palette.png", self._folder / "bare.gif"
        picture = ["-i", str(self._picture)]
        self._run([*picture, "-vf", f"{rate},palettegen=stats_mode=full", str(palette)])
        use = f"[0:v]{rate}[v];[v][1:v]paletteuse=dither=sierra2_4a:diff_mode=rectangle"
        self._run([*picture, "-i", str(palette), "-filter_complex", use, "-loop", "0", str(bare)])
        whole = self._folder / "whole.gif"
        _with_comment(bare, whole, _compact(self._provenance).encode())
        return whole

    def _run(self, arguments: list[str]) -> None:
        process = ffmpeg.start(arguments, self._errors, reads=True)
        with ffmpeg.ending(process):
            if process.wait():
                raise self._failure()

    def _texts(self) -> dict[str, str]:
        """What the file says of itself."""
        made = self._provenance
        title = " ".join(made.prompt.split())[:200]
        return {
            "title": title or "a face",
            "description": made.statement,
            "comment": _compact(made),
        }

    def _failure(self) -> InputError:
        if shutil.disk_usage(self.path.parent).free < FULL:  # then ffmpeg cannot write why it stopped, either
            return InputError(f"cannot write {self.path}: No space left on device")
        return InputError(f"cannot write {self.path}: ffmpeg failed ({ffmpeg.last_words(self._errors)})")

    def _discard(self) -> None:
        if self._process is not None:
            with ffmpeg.ending(self._process):
                pass
            self._process = None
        if self._folder is not None:
            if hasattr(self, "_errors"):
                self._errors.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def _size(size: tuple[int, int], path: Path) -> tuple[int, int]:
    try:
        width, height = (int(side) for side in size)
        whole = (width, height) == tuple(size)
    except (TypeError, ValueError):
        width, height, whole = 0, 0, False
    low, high = SIDES
    if not (whole and low <= width <= high and low <= height <= high):
        raise InputError(f"a video is {low}..{high} pixels wide and high, not {size!r:.60}")
    if path.suffix.lower() != ".gif" and (width % 2 or height % 2):
        raise InputError(f"{path.suffix} needs an even width and height, not {width} x {height}")
    return width, height


def _rate(fps: float | Fraction) -> Fraction:
    try:
        rate = Fraction(fps).limit_denominator(1001)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"fps is a number of frames/s, not {fps!r:.40}") from error
    if isinstance(fps, bool) or not RATES[0] <= rate <= RATES[1]:
        raise InputError(f"fps must lie in {RATES[0]}..{RATES[1]} frames/s, not {fps!s:.40}")
    return rate


def _compact(provenance: Provenance) -> str:
    """The provenance on one line, in ASCII."""
    return json.dumps(json.loads(provenance.to_json()), separators=(",", ":"))


def _with_comment(bare: Path, whole: Path, comment: bytes) -> None:
    """Copies a GIF and adds a comment after its head, which ffmpeg cannot (GIF89a, sections 18 and 24)."""
    with bare.open("rb") as source, whole.open("wb") as target:
        head = source.read(13)
        _, _, flags = struct.unpack("<HHB", head[6:11])
        target.write(head + source.read(3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0))
        edges = [*range(0, len(comment), 255), len(comment)]
        blocks = (comment[a:b] for a, b in pairwise(edges))
        target.write(b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0")
        shutil.copyfileobj(source, target)
