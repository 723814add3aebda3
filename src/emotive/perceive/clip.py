"""CLIP, which is neither ours nor shipped: features of pictures and texts, CLIPScore and CLIP-IQA.

    clip = Clip.from_pretrained("openai/clip-vit-base-patch32")
    clip.clip_score(pictures, ["a house by the sea"] * len(pictures))

Radford et al. 2021 (arXiv 2103.00020). Opened from a local folder or a hub id that the user names, with
`transformers` installed. Scores of two CLIPs cannot be compared: say which one it was (`Clip.name`).
"""

from __future__ import annotations

import hashlib
import os
import pickle
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor

from emotive.errors import InputError, WeightsError
from emotive.weights import file_sha256, resolve

MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training pictures, RGB in 0..1; its authors' values
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
QUALITY = ("Good photo.", "Bad photo.")  # Wang et al. 2023
LETTERS = {768: "B", 1024: "L", 1280: "H", 1664: "bigG"}  # what widths of the picture tower are called
BATCH = 32


def clip_pixels(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture uint8 (H, W, 3) of any size -> float32 (3, side, side), as CLIP was trained: the shortest
    side resized by bicubic interpolation, the middle cut out, standardised by `MEAN` and `DEVIATION`."""
    height, width = picture.shape[:2]
    longest = int(side * max(height, width) / min(height, width))
    high, wide = (longest, side) if width <= height else (side, longest)
    resized = Image.fromarray(picture).resize((wide, high), Image.Resampling.BICUBIC)
    top, left = (high - side) // 2, (wide - side) // 2
    cut = np.asarray(resized.crop((left, top, left + side, top + side)), np.float32) / 255
    standard = (cut - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    return standard.transpose(2, 0, 1)


class Clip:
    """A CLIP of both towers. Computes in float32."""

    def __init__(self, model: Any, folder: Path, fingerprint: str = ""):
        self.model = model.eval().requires_grad_(False)
        self._folder, self._fingerprint = folder, fingerprint
        self._tokenizer: Any = None

    @classmethod
    def from_pretrained(
        cls, name_or_folder: str | os.PathLike[str], device: str | torch.device = "cpu"
    ) -> Clip:
        """A folder as transformers saves a `CLIPModel`, or a hub id.

        In a local folder, `pytorch_model.bin` is read where there are no safetensors; nothing in it is run.
        Raises InputError without `transformers`, WeightsError if there is no CLIP, or not all of one.
        """
        try:
            from transformers import CLIPModel
        except ImportError as error:
            raise InputError('CLIP needs transformers: pip install "emotive[backbones]"') from error
        folder = resolve(name_or_folder)
        files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
        if not files:
            raise WeightsError(
                f"{folder} holds no CLIP in safetensors: give a hub id that has it, or a local folder with "
                "model.safetensors or pytorch_model.bin"
            )
        safe = files[0].suffix == ".safetensors"
        try:
            kind: Any = CLIPModel
            model, report = kind.from_pretrained(
                folder,
                output_loading_info=True,
                use_safetensors=safe,
                weights_only=True,
                local_files_only=True,
                dtype=torch.float32,
            )
        except (
            OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, EOFError, SafetensorError,
            pickle.UnpicklingError,
        ) as error:  # fmt: skip
            why = " ".join(str(error).split())[:200]
            raise WeightsError(f"{folder} holds no CLIP that can be opened: {why}") from error
        lacking = sorted({*report["missing_keys"], *(row[0] for row in report.get("mismatched_keys", ()))})
        if lacking:
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            raise WeightsError(f"{folder} holds no whole CLIP: it lacks {', '.join(lacking[:3])}{more}")
        digests = [file_sha256(file) for file in (folder / "config.json", *files)]
        return cls(model.to(device), folder, hashlib.sha256("".join(digests).encode()).hexdigest())

    @property
    def name(self) -> str:
        """Which CLIP it is, as people call it: "CLIP ViT-B/32"."""
        tower = self.model.config.vision_config
        size = "" if tower.image_size == 224 else f"@{tower.image_size}"
        return f"CLIP ViT-{LETTERS.get(tower.hidden_size, tower.hidden_size)}/{tower.patch_size}{size}"

    def fingerprint(self) -> str:
        """64 hex digits over the weights and configuration."""
        return self._fingerprint

    @torch.no_grad()
    def picture_features(self, pictures: Sequence[np.ndarray]) -> Tensor:
        """Pictures uint8 (H, W, 3), sRGB, each of any size -> float32 (N, P), not normalised, on the CPU."""
        side, width = self.model.config.vision_config.image_size, self.model.config.projection_dim
        rows = [torch.zeros(0, width)]
        for start in range(0, len(pictures), BATCH):
            pixels = np.stack([clip_pixels(picture, side) for picture in pictures[start : start + BATCH]])
            seen = self.model.vision_model(pixel_values=torch.from_numpy(pixels).to(self.model.device))
            rows.append(self.model.visual_projection(seen.pooler_output).float().cpu())
        return torch.cat(rows)

    @torch.no_grad()
    def text_features(self, texts: Sequence[str]) -> Tensor:
        """Texts -> float32 (N, P), not normalised, on the CPU. Warns of one that is cut off."""
        rows = [torch.zeros(0, self.model.config.projection_dim)]
        limit = self.model.config.text_config.max_position_embeddings
        for start in range(0, len(texts), BATCH):
            part = list(texts[start : start + BATCH])
            for text, ids in zip(part, self._tokens(part, verbose=False).input_ids, strict=True):
                if len(ids) > limit:
                    warnings.warn(f"CLIP reads {limit} tokens, so not all of {text[:60]!r}", stacklevel=2)
            given = self._tokens(part, padding=True, truncation=True, max_length=limit, return_tensors="pt")
            given = {key: given[key].to(self.model.device) for key in ("input_ids", "attention_mask")}
            read = self.model.text_model(**given)
            rows.append(self.model.text_projection(read.pooler_output).float().cpu())
        return torch.cat(rows)

    def clip_score(self, pictures: Sequence[np.ndarray], texts: Sequence[str]) -> np.ndarray:
        """How well each picture shows its text: float64 (N,), 0..100.

        max(100 cos, 0) of the two features: CLIPScore (Hessel et al. 2021, arXiv 2104.08718) without its
        factor of 2.5, as is the custom for generated pictures. Raises InputError unless there is one text a
        picture.
        """
        if len(pictures) != len(texts):
            raise InputError(
                f"{len(pictures)} pictures and {len(texts)} texts: give one text for each picture"
            )
        seen, read = _unit(self.picture_features(pictures)), _unit(self.text_features(texts))
        return 100 * (seen * read).sum(1).clamp(min=0).double().numpy()

    def clip_iqa(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Quality of each picture: float64 (N,), 0..1, the chance of "Good photo." against "Bad photo.".

        CLIP-IQA (Wang et al. 2023, arXiv 2207.12396): the softmax over the two cosines at the scale that CLIP
        learned. Its authors took a ResNet-50 without position embedding; this is the CLIP that was given.
        """
        cosines = _unit(self.picture_features(pictures)) @ _unit(self.text_features(QUALITY)).T
        scale = self.model.logit_scale.exp().cpu()
        return (scale * cosines).double().softmax(1)[:, 0].numpy()

    def _tokens(self, texts: list[str], **how: Any) -> Any:
        if self._tokenizer is None:
            from transformers import CLIPTokenizer

            # Without its files transformers makes a tokenizer that knows no words.
            if not any((self._folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
                raise WeightsError(f"{self._folder} holds no tokenizer.json or vocab.json: it reads no text")
            self._tokenizer = CLIPTokenizer.from_pretrained(self._folder, local_files_only=True)
        return self._tokenizer(texts, **how)


def _unit(features: Tensor) -> Tensor:
    return features / features.norm(dim=1, keepdim=True)
