"""What is heard of a voice that is still coming in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from emotive.errors import InputError
from emotive.voice.listening import RATE, Listener


def heard_chunks(audio: Iterable[np.ndarray], rate: int) -> Iterator[tuple[np.ndarray, bool]]:
    """The features (n, 172) that each chunk completes, see `voice.listening`, and whether it was the last.

    audio: samples (N,) in [-1, 1] as they come, at `rate` (samples/s).
    Raises InputError, at once for a rate that is none, later for other samples or none at all.
    """
    if isinstance(rate, bool) or int(rate) != rate or rate < 1:
        raise InputError(f"the sample rate is a whole number of samples/s above 0, not {rate}")
    return _chunks(audio, int(rate))


def _chunks(audio: Iterable[np.ndarray], rate: int) -> Iterator[tuple[np.ndarray, bool]]:
    import soxr

    resampler = soxr.ResampleStream(rate, RATE, 1, dtype="float32", quality="LQ")
    listener, count = Listener(), 0
    for chunk in audio:
        samples = np.asarray(chunk)
        if samples.ndim != 1 or samples.dtype.kind != "f" or not np.all(np.abs(samples) <= 1):
            raise InputError("a chunk of the stream is float samples (N,) in [-1, 1]")
        heard = listener.push(resampler.resample_chunk(samples.astype(np.float32)))
        count += len(heard)
        yield heard, False
    rest = listener.push(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    rest = np.concatenate([rest, listener.finish()])
    if not count + len(rest):
        raise InputError("the stream held no sound")
    yield rest, True
