"""StreamDiffusion's core, unmodified, from a checkout that the user has: an arm of the real-time benchmark.

Kodaira et al. 2023 (arXiv 2312.12491), github.com/cumulo-autumn/StreamDiffusion, Apache-2.0. Of the checkout,
two files run: `pipeline.py` and `image_filter.py`. They are loaded by path, under the package name that they
use for each other, and its `__init__` and `utils/wrapper.py` are not: the wrapper asks for weights from a hub
and turns a failed acceleration into a printed line.
"""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from emotive.errors import InputError

PACKAGE = "streamdiffusion"
NEEDED = ("pipeline.py", "image_filter.py")
# Of 50 steps, the four that its README names for a 4-step latent consistency model.
FOUR_STEPS = [0, 16, 32, 45]


def open_checkout(checkout: Path | str) -> type:
    """The class `StreamDiffusion` of a checkout; raises InputError if it is not one."""
    folder = Path(checkout) / "src" / PACKAGE
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{checkout} is not a StreamDiffusion checkout: {folder / missing[0]} is missing "
            "(git clone https://github.com/cumulo-autumn/StreamDiffusion)"
        )
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder)]
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == PACKAGE}
    for name in before:
        del sys.modules[name]
    sys.modules[PACKAGE] = package
    try:
        return importlib.import_module(f"{PACKAGE}.pipeline").StreamDiffusion
    except (ImportError, SyntaxError, AttributeError) as error:
        raise InputError(f"{folder / 'pipeline.py'} cannot be loaded: {error}") from error
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
            del sys.modules[name]
        sys.modules.update(before)


@dataclass
class GivenPipe:
    """What StreamDiffusion's core reads of a diffusers pipeline, without weights of a text encoder: the
    embeddings of the one prompt are given, as they would be before the first frame."""

    device: torch.device
    unet: Any
    vae: Any
    scheduler: Any
    words: Tensor  # (1, N, D)
    text_encoder: None = None
    vae_scale_factor: int = 8

    def encode_prompt(self, prompt: str, **_: object) -> tuple[Tensor, Tensor]:
        """The embeddings of the prompt, and of no words (not used: `cfg_type` is "none")."""
        return self.words, torch.zeros_like(self.words)


def new_stream(stream_diffusion: type, pipe: GivenPipe, side: int, steps: int, mode: str, batch: int) -> Any:
    """A prepared `StreamDiffusion` for pictures `side` pixels wide and high, in 1 step or 4, without
    guidance.

    Raises InputError for a stream batch of more than one picture: the core hands out the last row alone.
    """
    if mode == "stream" and batch > 1:
        raise InputError("its stream batch hands out one picture a call")
    if steps not in (1, len(FOUR_STEPS)):
        raise InputError(f"its arm knows 1 and {len(FOUR_STEPS)} steps, not {steps}")
    stream = stream_diffusion(
        pipe,
        t_index_list=[0] if steps == 1 else FOUR_STEPS,
        torch_dtype=pipe.words.dtype,
        width=side,
        height=side,
        use_denoising_batch=mode == "stream" or steps == 1,
        frame_buffer_size=batch,
        cfg_type="none",
    )
    stream.prepare("", num_inference_steps=50, generator=torch.Generator())
    return stream


def stream_frame(stream: Any, batch: int) -> Tensor:
    """One frame, as its examples make it: (B, 3, H, W) in about [-1, 1]."""
    if stream.denoising_steps_num == 1:
        return stream.txt2img_sd_turbo(batch)
    return stream.txt2img(batch)
