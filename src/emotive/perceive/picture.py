"""The judge that learned: from abstract motifs, so that it can judge who learned from scenes."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from emotive.models.picture_judge import PictureJudgeNetwork

from .judge import Estimates
from .loading import load_network

PICTURE_JUDGE = "emotive-picture-judge-1"


class PictureJudge:
    """A small network trained on abstract motifs: families that no generator learns from or is scored on."""

    name = "picture"

    def __init__(self, network: PictureJudgeNetwork, fingerprint: str = ""):
        self.network = network.eval().requires_grad_(False)
        self._fingerprint = fingerprint

    @classmethod
    def from_pretrained(
        cls, name_or_folder: str | os.PathLike[str] = PICTURE_JUDGE, device: str | torch.device = "cpu"
    ) -> PictureJudge:
        """An embedded name, a folder or a hub id; verified before it is opened. Computes in float32.

        Raises WeightsError if it is not there, damaged, or another kind of model.
        """
        return cls(*load_network(PictureJudgeNetwork, "picture judge", PICTURE_JUDGE, name_or_folder, device))

    def fingerprint(self) -> str:
        """64 hex digits over the weights and configuration."""
        return self._fingerprint

    @torch.no_grad()
    def estimate(self, pictures: Sequence[np.ndarray]) -> Estimates:
        """Pictures uint8 (H, W, 3) of any size -> `Estimates` of (N,).

        Each is averaged down to the network's square; a picture that is not square is squeezed. It is read
        together with its mirror image, so that left and right make no difference.
        """
        rows = [np.zeros((0, 4))]
        for start in range(0, len(pictures), 64):
            batch = self._batch(pictures[start : start + 64])
            both = [torch.cat(self.network(x), 1) for x in (batch, batch.flip(3))]
            mean, log_sd = torch.stack(both).mean(0).split(2, 1)
            rows.append(torch.cat([mean.clamp(-1, 1), log_sd.exp()], 1).double().cpu().numpy())
        return Estimates(*np.concatenate(rows).T)

    def _batch(self, pictures: Sequence[np.ndarray]) -> torch.Tensor:
        pixels = torch.from_numpy(np.stack([square(p, self.network.size) for p in pictures]))
        return pixels.to(self.network.device).permute(0, 3, 1, 2).float() / 127.5 - 1


def square(picture: np.ndarray, side: int) -> np.ndarray:
    """uint8 (H, W, 3) averaged down, or interpolated up, to (side, side, 3)."""
    height, width = picture.shape[:2]
    if (height, width) == (side, side):
        return picture
    how = Image.Resampling.BOX if min(height, width) >= side else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(picture).resize((side, side), how))
