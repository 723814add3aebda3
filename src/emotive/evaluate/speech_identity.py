"""Is it still the same person? The embedding of a speaker that a verification network hears.

The network and its weights are Resemblyzer's (Apache-2.0): the generalised end-to-end speaker encoder of Wan
et al. 2018, three LSTM layers of 256 over 40 mel bands, trained on LibriSpeech's other set, VoxCeleb1 and 2.
Of its package only the file of weights is opened, as tensors alone; its code imports `webrtcvad`, which must
be compiled and no longer imports with a new setuptools. So `pip install --no-deps Resemblyzer` is enough.
One thing differs: pauses are cut out by their level, not by webrtcvad.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emotive.errors import InputError
from emotive.media.audio import resample

RATE, WINDOW, HOP, BANDS = 16_000, 400, 160, 40  # samples/s, samples, samples, mel bands
PARTIAL = 160  # frames that are embedded at once: 1.6 s
STEP = 77  # frames between them: 1.3 a second, as the package has it
LEVEL = 10 ** (-30 / 20)  # RMS: the package's -30 dBFS, reached from above as well: loudness is no identity
QUIET = 10 ** (-35 / 10)  # power against the loudest: a pause


class SpeakerEncoder(nn.Module):
    """Waveforms -> unit vectors (256,), none negative, close together for one speaker."""

    name = "Resemblyzer 0.1 (GE2E, 256 dimensions)"

    def __init__(self, fingerprint: str = ""):
        super().__init__()
        self.lstm = nn.LSTM(BANDS, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)
        self.fingerprint = fingerprint

    @classmethod
    def installed(cls) -> SpeakerEncoder:
        """With the weights of the installed package.

        Raises InputError if it is not installed, or its file of weights is not what it was.
        """
        spec = importlib.util.find_spec("resemblyzer")
        file = Path(spec.origin or "").with_name("pretrained.pt") if spec else None
        if file is None or not file.exists():
            raise InputError("comparing speakers needs weights: pip install --no-deps Resemblyzer")
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)["model_state"]
            encoder = cls(hashlib.sha256(file.read_bytes()).hexdigest())
            encoder.load_state_dict({k: v for k, v in state.items() if not k.startswith("similarity")})
        except (KeyError, RuntimeError, AttributeError, OSError) as error:
            raise InputError(f"{file} holds no speaker encoder: install Resemblyzer again") from error
        return encoder.eval().requires_grad_(False)

    def forward(self, mels: Tensor) -> Tensor:
        """Mel power (B, 160, 40) -> (B, 256)."""
        hidden = self.lstm(mels)[1][0][-1]
        return F.normalize(self.linear(hidden).relu(), dim=1)

    @torch.no_grad()
    def embed(self, waveform: np.ndarray, sample_rate: int) -> np.ndarray:
        """A waveform (N,) -> its speaker, float32 (256,), of length 1.

        The mean over pieces of 1.6 s; shorter speech is padded with silence.
        """
        x = without_pauses(resample(waveform, sample_rate, RATE))
        x = x * (LEVEL / max(float(np.sqrt(np.mean(np.square(x)))), 1e-7))
        frames = 1 + len(x) // HOP
        # A last piece that is less than three quarters full is left out, but never the only one.
        starts = [i for i in range(0, max(1, frames), STEP) if not i or (frames - i) >= 0.75 * PARTIAL]
        mels = mel_power(np.pad(x, (0, (starts[-1] + PARTIAL) * HOP)))
        pieces = torch.from_numpy(np.stack([mels[i : i + PARTIAL] for i in starts]))
        return F.normalize(self(pieces).mean(0), dim=0).numpy()


def without_pauses(waveform: np.ndarray) -> np.ndarray:
    """A waveform at 16 kHz less its pauses: 30 ms pieces more than 35 dB below the loudest, and further than
    200 ms from others."""
    width = 480
    pieces = waveform[: max(1, len(waveform) // width) * width]
    pieces = np.pad(pieces, (0, -len(pieces) % width)).reshape(-1, width)
    power = np.square(pieces).mean(1)
    loud = power >= QUIET * power.max()
    near = np.convolve(loud, np.ones(13))[6 : 6 + len(loud)] > 0
    return pieces[near].ravel()


def mel_power(waveform: np.ndarray) -> np.ndarray:
    """(N,) at 16 kHz -> power in 40 mel bands, float32 (1 + N // 160, 40), as
    `librosa.feature.melspectrogram` has it."""
    spectra = torch.stft(
        torch.from_numpy(np.asarray(waveform, np.float32)), WINDOW, HOP, window=torch.hann_window(WINDOW),
        center=True, pad_mode="constant", return_complex=True,
    )  # fmt: skip
    return (slaney_filters() @ spectra.abs().square()).T.contiguous().numpy()


@lru_cache(maxsize=1)
def slaney_filters() -> Tensor:
    """(40, 201): triangles of unit area on the mel scale of Slaney's Auditory Toolbox (1998), linear below 1
    kHz and logarithmic above."""
    linear, ratio = 200 / 3, np.log(6.4) / 27  # Hz per mel, and log Hz per mel above 15 mel

    def hertz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < 15, linear * mel, 1000 * np.exp(ratio * (mel - 15)))

    highest = 15 + np.log(RATE / 2 / 1000) / ratio
    corners = hertz(np.linspace(0, highest, BANDS + 2))
    left, middle, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    bins = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    triangles = np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle)).clip(0)
    return torch.from_numpy((triangles * 2 / (right - left)).astype(np.float32))


def identity_summary(
    voices: Sequence[str], embedded: Sequence[Mapping[str, np.ndarray]], ways: Sequence[str]
) -> dict[str, Any]:
    """How much alike speakers are, as cosines, of S sentences by `voices` (S,).

    embedded: of each sentence, way of saying -> (256,); "neutral", and `ways`, the corners.
    Returns "corners": mean of neutral against each of `ways` in the same words; "ways": each; "least": the
    least of all; "other_words": neutral against `ways` of the voice's other sentences; and for scale
    "neutral": two neutral sentences of a voice, "other_voice": of two voices (None where there is one).
    """

    def mean(values: Sequence[float]) -> float | None:
        return float(np.mean(values)) if len(values) else None

    each = {way: [float(one["neutral"] @ one[way]) for one in embedded] for way in ways}
    pairs = list(combinations(range(len(embedded)), 2))
    same = [(i, j) for i, j in pairs if voices[i] == voices[j]]

    def neutral(chosen: Sequence[tuple[int, int]]) -> list[float]:
        return [float(embedded[i]["neutral"] @ embedded[j]["neutral"]) for i, j in chosen]

    return {
        "corners": mean([c for found in each.values() for c in found]),
        "ways": {way: mean(found) for way, found in each.items()},
        "least": min(c for found in each.values() for c in found),
        "other_words": mean([float(embedded[i]["neutral"] @ embedded[j][w]) for i, j in same for w in ways]),
        "neutral": mean(neutral(same)),
        "other_voice": mean(neutral([p for p in pairs if voices[p[0]] != voices[p[1]]])),
        "n": len(embedded),
    }
