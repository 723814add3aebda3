"""What a picture shows, read back from its pixels: subject, setting, time of day and weather.

reader = SceneReader.from_pretrained("emotive-scene-reader-1")
reader.read([picture]).names("subject")  # ["lighthouse"]
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from emotive.errors import InputError, WeightsError
from emotive.models.scene_reader import SceneClassifier
from emotive.weights import fingerprint, resolve, verify

SIDE = 64  # pixels that the classifier sees
READ_AT_ONCE = 64  # pictures; bounds memory


@dataclass(frozen=True)
class SceneReading:
    """probabilities: kind -> float32 (N, names), in the order of `vocabulary[kind]`. "none" is a name."""

    probabilities: dict[str, np.ndarray]
    vocabulary: dict[str, tuple[str, ...]]

    def indices(self, kind: str) -> np.ndarray:
        """The likeliest of `vocabulary[kind]` in each picture, (N,)."""
        return self.probabilities[kind].argmax(1)

    def names(self, kind: str) -> list[str]:
        """The likeliest name in each picture."""
        return [self.vocabulary[kind][i] for i in self.indices(kind)]


class SceneReader:
    """Reads the content of pictures in the hand of Emotive's painter, at any mood; of no others."""

    def __init__(self, classifier: SceneClassifier, name: str = "unnamed"):
        self.classifier, self.name = classifier.float().eval(), name
        self.vocabulary = {k: tuple(names) for k, names in classifier.config["vocabulary"].items()}
        self._folder: str | None = None

    @classmethod
    def from_pretrained(cls, name_or_path: str | os.PathLike[str]) -> SceneReader:
        """An embedded model ("emotive-scene-reader-1"), a local folder or a hub id; verified before it is
        opened. Raises WeightsError if it is missing, altered or something else."""
        folder = resolve(name_or_path)
        verify(folder)
        try:
            classifier = SceneClassifier.from_pretrained(
                folder, low_cpu_mem_usage=False, use_safetensors=True
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
            why = " ".join(str(error).split())[:200]
            raise WeightsError(f"{folder} does not hold a scene reader: {why}") from error
        reader = cls(classifier, os.fspath(name_or_path))
        reader._folder = str(folder)
        return reader

    def fingerprint(self) -> str:
        """sha256 of the files that it was loaded from; empty if it was built in memory."""
        return fingerprint(self._folder) if self._folder else ""

    def read(self, pictures: Sequence[np.ndarray]) -> SceneReading:
        """Pictures uint8 (H, W, 3), of any and of unlike sizes. Raises InputError for other arrays."""
        logits, _ = self._run(pictures)
        found = {kind: values.softmax(1).numpy() for kind, values in logits.items()}
        return SceneReading(found, self.vocabulary)

    def features(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """float64 (N, D): the last layer before the answer, averaged over places; for `kernel_distance`."""
        return self._run(pictures)[1].double().numpy()

    @torch.no_grad()
    def _run(self, pictures: Sequence[np.ndarray]) -> tuple[dict[str, Tensor], Tensor]:
        answers = [
            self.classifier(torch.cat([small_picture(p) for p in pictures[i : i + READ_AT_ONCE]]))
            for i in range(0, len(pictures), READ_AT_ONCE)
        ]
        if not answers:
            raise InputError("there are no pictures to read")
        kinds = self.vocabulary
        return {k: torch.cat([a[0][k] for a in answers]) for k in kinds}, torch.cat([a[1] for a in answers])


def small_picture(picture: np.ndarray) -> Tensor:
    """uint8 (H, W, 3) -> float32 (1, 3, 64, 64) in [-1, 1]: means over areas, so that no line is skipped."""
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise InputError(f"a picture must be uint8 (H, W, 3), not {picture.dtype} {picture.shape}")
    x = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1
    return F.interpolate(x, size=(SIDE, SIDE), mode="area")
