"""The judge that EmotiCrafter was scored with: two linear heads on CLIP, neither ours nor shipped.

    judge = FindingEmoHeads.from_files(
        "valence1_CLIP_lr=0.0001_loss=MSELoss_sc=test_cuda.pth",
        "arousal1_CLIP_lr=0.001_loss=MSELoss_sc=test_cuda-1.pth",
        clip="openai/clip-vit-base-patch32",
    )

One linear layer and a sigmoid for each dimension, fitted to the ratings of FindingEmo (Mertens et al. 2024,
arXiv 2402.01355) on features of CLIP ViT-B/32 that are not normalised; 6 sigmoid - 3 is the rating on -3..3.
The files lie in copies of EmotiCrafter's repository, no licence stated.

Its answers are squeezed: over 3,300 pictures made at 25 points that fill the space, an independent run
found a standard deviation of 0.373 for valence around -0.04, of 0.169 for arousal around 0.01 (on -1..1). So
a mean error alone says little of a generator: report correlations, and a constant answer's error, beside it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from emotive.errors import InputError, WeightsError
from emotive.weights import file_sha256, read_tensors

from .clip import Clip
from .judge import Estimates

PATCH = 32  # pixels; the heads mean nothing on the features of another CLIP, even where they fit
UNKNOWN = 1 / np.sqrt(3)  # standard deviation of a uniform distribution over [-1, 1]
WEIGHT, BIAS = "classifier.0.weight", "classifier.0.bias"


class FindingEmoHeads:
    """Reads valence and arousal of a picture as the raters of FindingEmo's photographs would give them."""

    name = "findingemo"

    def __init__(
        self, clip: Clip, valence: tuple[Tensor, Tensor], arousal: tuple[Tensor, Tensor], fingerprint: str
    ):
        """`valence`, `arousal`: weight (1, P) and bias (1,) of each head."""
        self.clip = clip
        self._heads = (valence, arousal)
        self._fingerprint = fingerprint

    @classmethod
    def from_files(
        cls,
        valence: str | os.PathLike[str],
        arousal: str | os.PathLike[str],
        clip: str | os.PathLike[str] | Clip,
        device: str | torch.device = "cpu",
    ) -> FindingEmoHeads:
        """Opens the heads, and CLIP ViT-B/32 from a folder or a hub id (or takes one that is open).

        Raises InputError if a file is not there or the two are swapped, WeightsError if one is no head, or
        does not fit the CLIP.
        """
        heads = []
        for path, which, other in (
            (Path(valence), "valence", "arousal"),
            (Path(arousal), "arousal", "valence"),
        ):
            if other in path.name.lower() and which not in path.name.lower():
                raise InputError(f"{path} is given as the head for {which}, and is called {other}: swap them")
            heads.append(_head(path))
        opened = clip if isinstance(clip, Clip) else Clip.from_pretrained(clip, device)
        features, patch = opened.model.config.projection_dim, opened.model.config.vision_config.patch_size
        for path, (weight, _) in zip((valence, arousal), heads, strict=True):
            if weight.shape[1] != features or patch != PATCH:
                raise WeightsError(
                    f"{path} was fitted on {weight.shape[1]} features of CLIP ViT-B/{PATCH}, and "
                    f"{opened.name} gives {features}: give openai/clip-vit-base-patch32"
                )
        digests = "".join([opened.fingerprint(), file_sha256(valence), file_sha256(arousal)])
        return cls(opened, heads[0], heads[1], hashlib.sha256(digests.encode()).hexdigest())

    def fingerprint(self) -> str:
        """64 hex digits over both heads and the CLIP."""
        return self._fingerprint

    def estimate(self, pictures: Sequence[np.ndarray]) -> Estimates:
        """Pictures uint8 (H, W, 3) of any size -> `Estimates` of (N,); -3..3 divided by 3.

        The heads give no spread, and how well they do on pictures that they did not see was published nowhere
        that we found. So the spread claims nothing: it is that of a rating of which nothing is known,
        1 / sqrt(3), the same for every picture.
        """
        features = self.clip.picture_features(pictures).double()
        found = [_read(features, head) for head in self._heads]
        return Estimates(*found, *(np.full(len(features), UNKNOWN) for _ in found))


def _read(features: Tensor, head: tuple[Tensor, Tensor]) -> np.ndarray:
    """(6 sigmoid - 3) / 3."""
    weight, bias = head
    return (2 * torch.sigmoid(features @ weight.double()[0] + bias.double()) - 1).numpy()


def _head(path: Path) -> tuple[Tensor, Tensor]:
    """Weight (1, P) and bias (1,) out of a file of tensors; nothing in it is run."""
    state = read_tensors(path, "head of FindingEmo")  # saved on two graphics cards
    found = [state.get(key) for key in (WEIGHT, BIAS)]
    for key, value in zip((WEIGHT, BIAS), found, strict=True):
        if not isinstance(value, Tensor) or not value.is_floating_point():
            raise WeightsError(f"{path} is no head of FindingEmo: it has no {key}")
    weight, bias = found
    assert weight is not None and bias is not None
    if weight.ndim != 2 or len(weight) != 1 or tuple(bias.shape) != (1,):
        shapes = f"{tuple(weight.shape)} and {tuple(bias.shape)}"
        raise WeightsError(
            f"{path} is no head of FindingEmo: weight and bias are {shapes}, not (1, P) and (1,)"
        )
    if not (torch.isfinite(weight).all() and torch.isfinite(bias).all()):
        raise WeightsError(f"{path} holds numbers that are not finite: get it anew")
    return weight.float(), bias.float()
