"""Whether somebody speaks: what repeats like a voice and stands out from the room, 30 times a second."""

from __future__ import annotations

import math

import numpy as np

from emotive.media.audio import resample
from emotive.voice.listening import FEATURES, FRAMES, MELS, RATE, TOKEN, Listener

TOKENS = RATE // TOKEN  # 30 a second
VOICED = 0.5  # share of a frame's power that repeats after a period
QUIETEST = -55.0  # dB re full scale: no voice is softer
ABOVE = 9.0  # dB by which a voice stands out from the floor
# The floor follows what is quietest: down at once, up by so much a second. A fan is taken for the room within
# some seconds; speech, which dips, never is.
RISE = 6.0  # dB/s
FIRST_FLOOR = -60.0  # dB re full scale
_LEVEL = -24.0  # dB re full scale against which `Listener` gives its levels


class VoiceGate:
    """Voice or none in a sound as it comes in, mono at `RATE` (24 kHz).

    level: of the last token (33 ms), floor: of the room; both dB re full scale.
    """

    def __init__(self) -> None:
        self._listener = Listener(_LEVEL)
        self.level, self.floor = -math.inf, FIRST_FLOOR

    def push(self, sound: np.ndarray) -> list[bool]:
        """Samples (N,) -> whether there is a voice in each token that they complete, 16 ms after its end."""
        return [self._has_voice(row.reshape(FRAMES, FEATURES)) for row in self._listener.push(sound)]

    def _has_voice(self, frames: np.ndarray) -> bool:
        self.level = _LEVEL + 20 * float(frames[:, MELS].mean())
        self.floor = min(self.level, self.floor + RISE / TOKENS)
        periodic = float(frames[:, MELS + 2].mean()) > VOICED
        return periodic and self.level > max(QUIETEST, self.floor + ABOVE)


def voiced_seconds(waveform: np.ndarray, sample_rate: int) -> float:
    """How much of a recording, float (N,) at `sample_rate` samples/s, has voice, in seconds."""
    sound = resample(waveform, sample_rate, RATE)
    return sum(VoiceGate().push(np.pad(sound, (0, TOKEN)))) / TOKENS
