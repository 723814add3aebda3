"""A judge that learned from people's ratings: audeering's wav2vec 2.0, which is neither ours nor shipped.

    judge = Wav2Vec2Judge.from_pretrained("audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim")

Wagner et al. 2023 (arXiv 2203.07378) pruned wav2vec2-large-robust to 12 layers and fitted it to the ratings
of MSP-Podcast. 660 MB, licence CC BY-NC-SA 4.0, so: only by an explicit hub id or folder, and with
`transformers` installed. Concordance on its own test set is 0.74 for arousal, 0.66 for dominance, 0.64 for
valence.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from emotive.errors import InputError, WeightsError
from emotive.weights import fingerprint, resolve, verify

from .clips import Clip, waveform_of
from .judge import Estimates

WAV2VEC2_JUDGE = "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
RATE = 16_000  # samples/s
PIECE = 15.0  # seconds that are read at once; of longer clips the pieces' answers are averaged
ORDER = ("arousal", "dominance", "valence")  # of the network's outputs, each about 0..1
CONCORDANCE = {"valence": 0.638, "arousal": 0.744}  # on MSP-Podcast, by its card


class Wav2Vec2Judge:
    """Reads affect as listeners of podcasts rated it. It hears no level: clips come at unit variance."""

    name = "wav2vec2"

    def __init__(self, network: Any, fingerprint: str = ""):
        self.network = network.eval().requires_grad_(False)
        self._fingerprint = fingerprint

    @classmethod
    def from_pretrained(
        cls, name_or_folder: str | os.PathLike[str], device: str | torch.device = "cpu"
    ) -> Wav2Vec2Judge:
        """A hub id or a folder with safetensors of that architecture, all of its head included.

        Raises InputError without `transformers`, and WeightsError if the model is not there, damaged, a
        pickle, or lacks weights (the stock classes of transformers would fill them in at random).
        """
        architecture = _architecture()
        folder = resolve(name_or_folder)
        verify(folder)
        try:
            network, report = architecture.from_pretrained(
                folder, output_loading_info=True, use_safetensors=True, dtype=torch.float32
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
            why = " ".join(str(error).split())[:200]
            raise WeightsError(f"{folder} holds no wav2vec 2.0 emotion model: {why}") from error
        lacking = sorted({*report["missing_keys"], *(row[0] for row in report.get("mismatched_keys", ()))})
        if lacking:
            raise WeightsError(
                f"{folder} is no wav2vec 2.0 emotion model: it lacks {', '.join(lacking[:3])}"
                + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
            )
        outputs = network.config.num_labels
        if outputs != len(ORDER):
            raise WeightsError(f"{folder} has {outputs} outputs: arousal, dominance and valence are needed")
        return cls(network.to(device), fingerprint(folder))

    def fingerprint(self) -> str:
        """64 hex digits over the weights and configuration."""
        return self._fingerprint

    def read(self, items: Sequence[Clip]) -> np.ndarray:
        """Clips (see `clips.waveform_of`) -> valence, arousal, dominance, float64 (N, 3) in [-1, 1].

        The network's 0..1 is the raters' scale from end to end, so it is mapped to -1..1 and clipped there.
        """
        rows = [np.zeros((0, 3))]
        columns = [ORDER.index(name) for name in ("valence", "arousal", "dominance")]
        for item in items:
            waveform = waveform_of(item, RATE)
            pieces = np.array_split(waveform, -(-len(waveform) // round(PIECE * RATE)))
            answers = np.stack([self._read(piece) for piece in pieces])
            weights = [np.square(piece).sum() > 0 for piece in pieces]
            rows.append(np.average(answers, 0, weights)[None, columns])
        return (2 * np.concatenate(rows) - 1).clip(-1, 1)

    def estimate(self, items: Sequence[Clip]) -> Estimates:
        """Clips -> `Estimates` of (N,).

        The network gives no spread. What is said here is what its concordance leaves open of a rating whose
        deviation is that of a uniform distribution over [-1, 1]: sqrt(1 - CCC^2) / sqrt(3).
        """
        valence, arousal, _ = self.read(items).T
        left = [
            np.full(len(valence), np.sqrt((1 - CONCORDANCE[axis] ** 2) / 3))
            for axis in ("valence", "arousal")
        ]
        return Estimates(valence, arousal, *left)

    @torch.no_grad()
    def _read(self, waveform: np.ndarray) -> np.ndarray:
        x = waveform.astype(np.float64)
        x = (x - x.mean()) / np.sqrt(x.var() + 1e-12)  # what its processor does
        found = self.network(torch.from_numpy(x.astype(np.float32))[None].to(self.network.device))
        return found[0].double().cpu().numpy()


@cache
def _architecture() -> Any:
    """The class of the model's card; made here, because transformers is optional."""
    try:
        from transformers import Wav2Vec2Model, Wav2Vec2PreTrainedModel  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError("the wav2vec 2.0 judge needs transformers: pip install transformers") from error

    class RegressionHead(nn.Module):
        """Dense, tanh, projection."""

        def __init__(self, config: Any):
            super().__init__()
            self.dense = nn.Linear(config.hidden_size, config.hidden_size)
            self.out_proj = nn.Linear(config.hidden_size, config.num_labels)

        def forward(self, features: Tensor) -> Tensor:
            return self.out_proj(torch.tanh(self.dense(features)))

    class Wav2Vec2Emotion(Wav2Vec2PreTrainedModel):
        """Waveforms (B, N) at 16 kHz, of unit variance -> (B, 3) in `ORDER`: the mean of the last states."""

        def __init__(self, config: Any):
            super().__init__(config)
            self.wav2vec2 = Wav2Vec2Model(config)
            self.classifier = RegressionHead(config)
            self.post_init()  # transformers 5 ties and registers here; `init_weights` alone fails there

        def forward(self, input_values: Tensor) -> Tensor:
            return self.classifier(self.wav2vec2(input_values).last_hidden_state.mean(1))

    return Wav2Vec2Emotion
