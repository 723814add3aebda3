"""The judge of speech that learned: from voices and sentences that neither the model nor evaluation uses."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

import numpy as np
import torch

from emotive.models.speech_judge import LOUD, SpeechJudgeNetwork

from .clips import SHORTEST, Clip, waveform_of
from .estimated_curve import EstimatedCurve
from .judge import Estimates
from .loading import load_network

SPEECH_JUDGE = "emotive-speech-judge-1"
PIECE = 8.0  # seconds that are read at once; of longer clips the pieces' answers are averaged
WINDOW, STEP = 1.5, 0.25  # seconds, of a curve
SPOKEN = 0.2  # share of a window that must be speech


class SpeechJudge:
    """A small network that hears valence and arousal in how something is said. Level is no cue to it."""

    name = "speech"

    def __init__(
        self, network: SpeechJudgeNetwork, fingerprint: str = "", neutral: tuple[float, float] = (0.0, 0.0)
    ):
        self.network = network.eval().requires_grad_(False)
        self.neutral = neutral
        self._fingerprint = fingerprint

    @classmethod
    def from_pretrained(
        cls, name_or_folder: str | os.PathLike[str] = SPEECH_JUDGE, device: str | torch.device = "cpu"
    ) -> SpeechJudge:
        """An embedded name, a folder or a hub id; verified before it is opened. Computes in float32.

        Raises WeightsError if it is not there, damaged, or another kind of model.
        """
        return cls(*load_network(SpeechJudgeNetwork, "speech judge", SPEECH_JUDGE, name_or_folder, device))

    def knowing(self, items: Sequence[Clip]) -> SpeechJudge:
        """A judge for one speaker, to whom these neutral clips of his sound neutral on average.

        A stranger's voice may sound a little sad or tense by itself; what it usually sounds like is taken off
        every answer. Say so beside its numbers.
        """
        found = self.estimate(items)
        valence, arousal = (x + float(y.mean()) for x, y in zip(self.neutral, found[:2], strict=True))
        judge = SpeechJudge(self.network, self._fingerprint, (valence, arousal))
        judge.name = f"{SpeechJudge.name}, knowing the speaker"
        return judge

    def fingerprint(self) -> str:
        """64 hex digits over the weights and configuration, and over the speaker that it knows, if any."""
        if not any(self.neutral):
            return self._fingerprint
        return hashlib.sha256(f"{self._fingerprint} {self.neutral}".encode()).hexdigest()

    def estimate(self, items: Sequence[Clip]) -> Estimates:
        """Clips (see `clips.waveform_of`) -> `Estimates` of (N,).

        A clip longer than 8 s is read in equal pieces, whose means and spreads are averaged by how much of
        each is speech. Raises InputError for a clip that is silent, shorter than half a second or unreadable.
        """
        rows = [np.zeros((0, 4))]
        for item in items:
            waveform = waveform_of(item, self._rate)
            pieces = np.array_split(waveform, -(-len(waveform) // round(PIECE * self._rate)))
            spoken = self._spoken(waveform)
            shares = np.array([part.mean() for part in np.array_split(spoken, len(pieces))])
            kept = [i for i in range(len(pieces)) if shares[i] >= min(SPOKEN, shares.max())]
            found = np.concatenate([self._read(pieces[i][None]) for i in kept])
            rows.append(np.average(found, 0, shares[kept])[None])
        return Estimates(*np.concatenate(rows).T)

    def curve(self, item: Clip, window: float = WINDOW, step: float = STEP) -> EstimatedCurve:
        """Affect over time in one clip: windows of `window` s every `step` s, without those of silence."""
        waveform = waveform_of(item, self._rate)
        length = min(round(max(window, SHORTEST) * self._rate), len(waveform))
        starts = np.arange(0, len(waveform) - length + 1, max(1, round(step * self._rate)))
        spoken, hop = self._spoken(waveform), self.network.config["hop"]
        shares = np.array([spoken[s // hop : (s + length) // hop].mean() for s in starts])
        starts = starts[shares >= min(SPOKEN, shares.max())]
        found = [
            self._read(np.stack([waveform[s : s + length] for s in starts[i : i + 64]]))
            for i in range(0, len(starts), 64)
        ]
        return EstimatedCurve((starts + length / 2) / self._rate, *np.concatenate(found).T)

    @property
    def _rate(self) -> int:
        return self.network.config["sample_rate"]

    def _spoken(self, waveform: np.ndarray) -> np.ndarray:
        """bool (T,): the network's frames within 30 dB of the clip's loudest, at least one."""
        hop = self.network.config["hop"]
        power = np.square(waveform, dtype=np.float64)[: len(waveform) // hop * hop].reshape(-1, hop).mean(1)
        return power >= LOUD * power.max()

    @torch.no_grad()
    def _read(self, waveforms: np.ndarray) -> np.ndarray:
        """(B, N) -> valence, arousal and their spreads (B, 4)."""
        mean, log_sd = self.network(torch.from_numpy(waveforms).to(self.network.device))
        mean = (mean - mean.new_tensor(self.neutral)).clamp(-1, 1)
        return torch.cat([mean, log_sd.exp()], 1).double().cpu().numpy()
