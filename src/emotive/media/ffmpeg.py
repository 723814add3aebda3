"""The ffmpeg that imageio-ffmpeg brings: how it is called, and what it says of a file."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

from emotive.errors import InputError

MAX_PROBE = 4 * 2**20  # bytes that are read of what ffmpeg says
# A file that nobody vouches for may name others, also on the net: none is opened.
_UNTRUSTED = ("-protocol_whitelist", "file,pipe")
_SECONDS = 60  # after which a probe is given up


@dataclass(frozen=True)
class Probe:
    """What a video file says of itself: size (w, h) in pixels as it is shown, fps in frames/s, seconds by its
    header (0 if it does not say), the sample rate of its first sound (0 without)."""

    size: tuple[int, int]
    fps: Fraction
    seconds: float
    sample_rate: int


def executable() -> str:
    """The path of ffmpeg. Raises InputError if there is none."""
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise InputError(
            "there is no ffmpeg: install imageio-ffmpeg from a wheel, or set IMAGEIO_FFMPEG_EXE to one"
        ) from error


def start(arguments: Sequence[str], errors: IO[bytes], reads: bool) -> subprocess.Popen[bytes]:
    """ffmpeg at work: `reads` bytes from us, or else writes some to us; what it says goes to `errors`."""
    command = [executable(), "-hide_banner", "-loglevel", "error", "-y"]
    command += [*arguments] if reads else ["-nostdin", *arguments]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if reads else subprocess.PIPE,
        stderr=errors,
    )


def source(path: Path) -> list[str]:
    """The arguments that make `path` an input; a name that begins with a hyphen is a name, too."""
    return [*_UNTRUSTED, "-i", f"file:{path}"]


def last_words(errors: IO[bytes]) -> str:
    """Why ffmpeg stopped: the line that tells most of what it wrote."""
    errors.flush()
    errors.seek(0)
    lines = [
        re.sub(r"^\[[^\]]*\] ", "", line).strip()
        for line in errors.read(MAX_PROBE).decode("utf-8", "replace").splitlines()
    ]
    for line in lines:
        if "No space left" in line or "File too large" in line:
            return line[-120:]
    return lines[0][:120] if lines else "it was stopped"


def probe(path: Path) -> Probe | None:
    """What a video file is, from its header and first frame; None if it is none."""
    # showinfo tells the exact rate, where the summary rounds to a hundredth.
    arguments = ["-hide_banner", "-nostdin", *source(path), "-map", "0:V:0", "-vf", "showinfo"]
    said = _run([*arguments, "-frames:v", "1", "-f", "null", "-"])
    kind = re.search(r"Input #0, (\S+), from", said)
    if kind is None or kind[1].endswith("_pipe") or kind[1] in ("image2", "tty"):
        return None  # a still, or text that ffmpeg would draw
    rate = re.search(r"config in time_base: \S+, frame_rate: (\d+)/(\d+)", said)
    size = re.search(r"\bn: *0 pts:.* s:(\d+)x(\d+) ", said)
    if rate is None or size is None:
        return None
    fps = Fraction(int(rate[1]), max(1, int(rate[2]))) or Fraction(1)
    length = re.search(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", said)
    seconds = 3600 * int(length[1]) + 60 * int(length[2]) + float(length[3]) if length else 0.0
    sound = re.search(r"Stream #0:\S+ Audio: .*?(\d+) Hz", said)
    return Probe((int(size[1]), int(size[2])), fps, seconds, int(sound[1]) if sound else 0)


def comment(path: Path) -> str:
    """The comment in the metadata of a media file, "" without one, or if ffmpeg cannot read it."""
    said = _run(["-hide_banner", "-nostdin", "-loglevel", "quiet", *source(path), "-f", "ffmetadata", "-"])
    found = re.search(r"^comment=((?:\\.|[^\\\n])*)", said, re.MULTILINE | re.DOTALL | re.IGNORECASE)
    return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL) if found else ""


def metadata(texts: dict[str, str]) -> str:
    """Texts in ffmpeg's own format, for the muxer: a command line is too short for a long curve of affect."""
    escaped = {key: re.sub(r"([=;#\\\n])", r"\\\1", text) for key, text in texts.items()}
    lines = [f"{key}={text}" for key, text in escaped.items()]
    return "\n".join([";FFMETADATA1", *lines, ""])


@contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Within it `process` runs; after it, whatever happened, it has ended and its pipes are closed."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was still to be written has no reader any more
                    pass


def _run(arguments: Sequence[str]) -> str:
    """What ffmpeg says, on both channels; "" if it takes a minute."""
    try:
        done = subprocess.run(
            [executable(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout[:MAX_PROBE].decode("utf-8", "replace")
