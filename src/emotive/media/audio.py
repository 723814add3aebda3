"""Sound files to waveforms and back: whole, with their provenance inside and beside them.

A waveform is float32 (N,), mono, in [-1, 1]. Files are read and written with libsndfile.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from emotive.errors import InputError
from emotive.media import check_file, umask, write_whole
from emotive.media.image import check_output
from emotive.media.provenance import Provenance
from emotive.media.riff import append_info, is_cut_short, is_riff

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
"""Suffix -> the format that is written, in libsndfile's names."""

INFO = {"comment": "ICMT", "software": "ISFT", "title": "INAM"}
"""libsndfile's names of texts -> those in the INFO list of a WAV file."""
SHORTEST, LONGEST = 0.02, 3600.0  # seconds that are read
# Samples that are read or encoded at once. The Vorbis encoder of libsndfile overflows its stack when it gets
# minutes, and what it makes depends on the sizes of the pieces: with one size, streaming equals batch.
_BLOCK = 65_536
_OVERSHOOT = 2.0  # decoders of MP3 and Vorbis swing past 1 by some percent; further out it is no waveform
_MP3_FRAMES = 2 * 1152  # samples by which the header of a whole MP3 may be wrong


def read_audio(path: str | os.PathLike[str]) -> tuple[np.ndarray, int]:
    """The waveform in a wav, flac, mp3 or ogg file, and its sample rate (samples/s); channels are averaged.

    What swings past 1 is clipped there, as every player does: lossy formats overshoot by some percent.
    Raises InputError, in one line that names the file: missing, a folder, empty, no audio, damaged or cut
    short, samples that are not finite or beyond 2, shorter than 20 ms or longer than an hour.
    """
    import soundfile

    path = Path(path)
    check_file(path)
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty")
        if (is_riff(path) and is_cut_short(path)) or _ends_within_a_page(path):
            raise InputError(f"{path} is cut short: samples that its header promises are missing")
        with soundfile.SoundFile(path) as file:
            seconds = file.frames / file.samplerate
            if seconds > LONGEST:
                raise InputError(f"{path} lasts {seconds:.0f} s; at most {LONGEST:.0f} s are read")
            blocks = _blocks(file)
            waveform = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
            if len(waveform) < file.frames - _MP3_FRAMES:
                raise InputError(f"{path} is cut short: samples that its header promises are missing")
            return _checked(waveform, file.samplerate, str(path)), file.samplerate
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except soundfile.LibsndfileError as error:
        if "opening" in str(error).lower():
            raise InputError(f"{path} is not audio that can be read: give wav, flac, mp3 or ogg") from error
        raise InputError(f"cannot read {path}: it is damaged or cut short") from error


def as_waveform(audio: Any, sample_rate: int | None = None) -> tuple[np.ndarray, int]:
    """A waveform and its sample rate (samples/s) from a file, or from an array with `sample_rate`.

    audio: a path; or a numpy array, torch tensor or list of numbers, (N,), (channels, N) or (N, channels)
        with at most 8 channels, which are averaged. Integers of 8 (unsigned), 16 and 32 bits are full scale.

    Raises InputError as `read_audio` does, for other types and shapes, and for an array without a rate or
    a file with another one.
    """
    if isinstance(audio, str | os.PathLike):
        waveform, rate = read_audio(audio)
        if sample_rate not in (None, rate):
            raise InputError(f"{audio} has {rate} samples/s, not {sample_rate}; leave the rate out")
        return waveform, rate
    if sample_rate is None:
        raise InputError("an array does not tell its sample rate: give it as well")
    if isinstance(sample_rate, bool) or int(sample_rate) != sample_rate or sample_rate < 1:
        raise InputError(f"the sample rate is a whole number of samples/s above 0, not {sample_rate}")
    return _checked(_mono(_scaled(audio)), int(sample_rate), "the audio"), int(sample_rate)


def resample(waveform: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    """The waveform at another rate, float32 (round(N * to_rate / from_rate),), band-limited by soxr.

    Full-scale edges overshoot by some percent, past 1 as well.
    """
    import soxr

    waveform = np.asarray(waveform, dtype=np.float32)
    if from_rate == to_rate:
        return waveform
    length = round(len(waveform) * to_rate / from_rate)
    resampled = soxr.resample(waveform, from_rate, to_rate)
    return np.pad(resampled, (0, max(0, length - len(resampled))))[:length].astype(np.float32, copy=False)


def write_audio(
    path: str | os.PathLike[str],
    waveform: np.ndarray,
    sample_rate: int,
    provenance: Provenance,
    sidecar: bool = True,
) -> Path:
    """Writes a waveform as `.wav` or `.flac` (16 bits), `.ogg` (Vorbis) or `.mp3`, whole or not at all, with
    the provenance in its comment and, unless `sidecar` is False, as `name.json` beside it. Returns the path.

    Raises InputError for another suffix, a folder or a sidecar as `write_png` does, no samples, a rate that
    the format does not know, and samples that are not finite or beyond [-1, 1].
    """
    with AudioWriter(path, sample_rate, provenance, sidecar) as writer:
        writer.write(waveform)
    return writer.path


class AudioWriter:
    """Writes a sound file piece by piece, for texts of any length; arguments and errors as `write_audio`.

    >>> with AudioWriter("long.flac", 24000, provenance) as writer:
    ...     for speech in parts:
    ...         writer.write(speech.waveform)

    The pieces go to a temporary file in the same folder, which gets its name when the block ends; if it ends
    with an exception, nothing is left. `samples` counts what was written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sample_rate: int,
        provenance: Provenance,
        sidecar: bool = True,
    ):
        self.path = Path(path)
        self.sample_rate = sample_rate
        self.samples = 0
        self._provenance, self._sidecar = provenance, sidecar
        self._held = np.zeros(0, np.float32)  # less than a block
        self._file: Any = None
        self._temporary: Path | None = None
        check_output(self.path, tuple(FORMATS))

    def __enter__(self) -> AudioWriter:
        import soundfile

        container, coding = FORMATS[self.path.suffix.lower()]
        try:
            handle, name = tempfile.mkstemp(prefix=".emotive-", suffix=self.path.suffix, dir=self.path.parent)
            os.close(handle)
            self._temporary = Path(name)
            self._file = soundfile.SoundFile(name, "w", self.sample_rate, 1, coding, format=container)
        except (OSError, soundfile.LibsndfileError, TypeError, OverflowError) as error:
            self._discard()
            why = getattr(error, "strerror", None) or str(error).split("Error :")[-1].strip()
            raise InputError(f"cannot write {self.path} at {self.sample_rate} samples/s: {why}") from error
        if container != "WAV":  # whose list of texts is written at the end
            for name, text in self._texts().items():
                setattr(self._file, name, text)
        return self

    def _texts(self) -> dict[str, str]:
        """What the file says of itself, by libsndfile's names."""
        # ASCII, because libsndfile's MP3 tags are Latin-1; JSON says everything in ASCII.
        comment = json.dumps(json.loads(self._provenance.to_json()), separators=(",", ":"))
        title = " ".join(self._provenance.prompt.split())[:200]
        texts = {"comment": comment, "software": f"Emotive {self._provenance.emotive}".strip()}
        if title and (title.isascii() or self.path.suffix.lower() != ".mp3"):
            texts["title"] = title
        return texts

    def write(self, waveform: np.ndarray) -> None:
        """Appends samples, float (N,) in [-1, 1]."""
        if self._file is None:
            raise InputError(f"{self.path} is not open: write within `with AudioWriter(...) as writer:`")
        samples = np.asarray(waveform)
        if samples.ndim != 1 or samples.dtype.kind != "f":
            raise InputError(f"a waveform is float (N,), not {samples.dtype} {samples.shape}")
        peak = float(np.abs(samples).max(initial=0.0))
        if not peak <= 1.0:
            what = f"runs to {peak:.3g}" if np.isfinite(peak) else "has values that are not finite"
            raise InputError(f"cannot write {self.path}: the waveform {what}; samples are in [-1, 1]")
        self.samples += len(samples)
        held = np.concatenate([self._held, samples.astype(np.float32)])
        whole = len(held) - len(held) % _BLOCK
        self._held = held[whole:]
        self._encode(held[:whole])

    def _encode(self, samples: np.ndarray) -> None:
        import soundfile

        try:
            for i in range(0, len(samples), _BLOCK):
                block = samples[i : i + _BLOCK]
                if FORMATS[self.path.suffix.lower()][1] == "PCM_16":
                    # The inverse of reading, which divides by 32768; libsndfile itself multiplies by 32767.
                    block = np.clip(np.round(block * np.float64(32768)), -32768, 32767).astype(np.int16)
                self._file.write(block)
        except (OSError, soundfile.LibsndfileError) as error:
            raise InputError(f"cannot write {self.path}: {error}") from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._discard()

    def _finish(self) -> None:
        import soundfile

        if not self.samples:
            raise InputError(f"cannot write {self.path}: there are no samples")
        assert self._temporary is not None
        self._encode(self._held)
        try:
            self._file.close()
            if self.path.suffix.lower() == ".wav":
                append_info(self._temporary, {INFO[name]: text for name, text in self._texts().items()})
            os.chmod(self._temporary, 0o666 & ~umask())
            os.replace(self._temporary, self.path)
            self._temporary = None
        except (OSError, soundfile.LibsndfileError) as error:
            raise InputError(f"cannot write {self.path}: {error}") from error
        if self._sidecar:
            write_whole(self.path.with_suffix(".json"), self._provenance.to_json().encode())

    def _discard(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None


def _ends_within_a_page(path: Path) -> bool:
    """Whether an Ogg file was cut within its last page, which libsndfile passes over (RFC 3533)."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        file.seek(max(0, path.stat().st_size - 65_307))  # the longest page
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    return len(page) < 27 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _blocks(file: Any) -> list[np.ndarray]:
    """What an open file holds, read piece by piece and averaged over the channels: no header is believed."""
    blocks = []
    left = round(LONGEST * file.samplerate)
    while left > 0 and len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
        blocks.append(block.mean(axis=1))
        left -= len(block)
    return blocks


def _scaled(audio: Any) -> np.ndarray:
    """Any array of samples as float32 in [-1, 1]."""
    if hasattr(audio, "detach"):  # a torch tensor, perhaps on a GPU, perhaps bfloat16
        audio = audio.detach().cpu()
        audio = (audio.float() if audio.is_floating_point() else audio).numpy()
    try:
        samples = np.asarray(audio)
    except ValueError as error:
        raise InputError("the audio is no array of samples: its rows have different lengths") from error
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    if samples.dtype in (np.int16, np.int32):
        return (samples / -float(np.iinfo(samples.dtype).min)).astype(np.float32)
    raise InputError(f"samples are floats in [-1, 1] or integers of 8, 16 or 32 bits, not {samples.dtype}")


def _mono(samples: np.ndarray) -> np.ndarray:
    if samples.ndim == 2 and 1 <= min(samples.shape) <= 8:
        return samples.mean(axis=int(np.argmin(samples.shape)), dtype=np.float32)
    if samples.ndim != 1:
        raise InputError(f"audio has the shape (N,), (channels, N) or (N, channels), not {samples.shape}")
    return samples


def _checked(waveform: np.ndarray, sample_rate: int, name: str) -> np.ndarray:
    seconds = len(waveform) / sample_rate
    if seconds < SHORTEST:
        raise InputError(
            f"{name} lasts {1000 * seconds:.3g} ms: at least {1000 * SHORTEST:.0f} ms are needed"
        )
    if seconds > LONGEST:
        raise InputError(f"{name} lasts {seconds:.0f} s: at most {LONGEST:.0f} s are read")
    peak = float(np.abs(waveform).max())
    if not np.isfinite(peak):
        raise InputError(f"{name} has samples that are not finite numbers")
    if peak > _OVERSHOOT:
        raise InputError(f"{name} has samples up to {peak:.3g}: a waveform is in [-1, 1]")
    return waveform if peak <= 1.0 else np.clip(waveform, -1.0, 1.0)
