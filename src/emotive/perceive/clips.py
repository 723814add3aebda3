"""What the judges of speech accept: speech, a file, or a waveform with its rate; checked, at one rate."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

import numpy as np

from emotive.errors import InputError
from emotive.media.audio import as_waveform, resample
from emotive.signals import Speech

Clip: TypeAlias = "Speech | str | os.PathLike[str] | tuple[Any, int]"
SHORTEST = 0.5  # seconds that are judged
SILENCE = 1e-4  # of full scale: no sample beyond -80 dB is a recording of nothing


def waveform_of(clip: Clip, sample_rate: int) -> np.ndarray:
    """The waveform float32 (N,) of a clip at `sample_rate`, its mean removed.

    A clip is `Speech`, the path of a wav, flac, mp3 or ogg file, or (waveform, rate) as
    `media.audio.as_waveform` takes it. Raises InputError as reading does, and for what is shorter than half a
    second, silent, or a timeline without sound.
    """
    if isinstance(clip, Speech):
        waveform, rate, name = clip.waveform, clip.sample_rate, "the speech"
    elif isinstance(clip, tuple):
        if len(clip) != 2:
            raise InputError("a clip is (waveform, samples/s), a file or Speech")
        (waveform, rate), name = as_waveform(*clip), "the audio"
    else:
        (waveform, rate), name = as_waveform(clip), str(clip)
    if len(waveform) < SHORTEST * rate:
        raise InputError(f"{name} lasts {len(waveform) / rate:.2f} s: judging a voice needs {SHORTEST} s")
    waveform = waveform - waveform.mean(dtype=np.float64).astype(np.float32)
    if float(np.abs(waveform).max()) < SILENCE:
        raise InputError(f"{name} is silent: there is no voice to judge")
    return resample(waveform, rate, sample_rate)
