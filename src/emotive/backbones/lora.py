"""Low-rank additions (LoRA) on top of a backbone, several at once, each with its weight."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emotive.errors import InputError, WeightsError
from emotive.weights import HUB_ID

from .fingerprints import sampled_sha256
from .single_file import is_lora, read_header

MAX_WEIGHT = 10.0


def load_loras(pipe: Any, loras: Sequence[tuple[str | os.PathLike[str], float]]) -> list[str]:
    """Loads LoRAs into a pipeline and sets their weights.

    Args:
        loras: (a .safetensors file, a folder that holds one, or a hub id; its weight, -10..10; 0 leaves the
            pipeline as it is without, 1 is the LoRA as trained).

    Returns:
        What tells each from others, for fingerprints.

    Raises:
        InputError: peft is missing, or a weight is out of range.
        WeightsError: it is missing, a pickle, no LoRA, or made for another kind of model.
    """
    if not loras:
        return []
    if importlib.util.find_spec("peft") is None:
        raise InputError("a LoRA needs peft, which is not installed: pip install 'emotive[backbones]'")
    for _, weight in loras:
        if not (math.isfinite(weight) and abs(weight) <= MAX_WEIGHT):
            raise InputError(
                f"the weight of a LoRA must lie in -{MAX_WEIGHT:g}..{MAX_WEIGHT:g}, not {weight:g}"
            )
    names, told = [], []
    for i, (name, weight) in enumerate(loras):
        file = lora_file(name)
        shapes = read_header(file)
        if not is_lora(shapes):
            raise WeightsError(f"{file.name} is not a LoRA: it holds none of the keys that LoRAs have")
        names.append(f"lora_{i}")
        try:
            pipe.load_lora_weights(
                str(file.parent), weight_name=file.name, adapter_name=names[-1], local_files_only=True
            )
            loaded = {adapter for adapters in pipe.get_list_adapters().values() for adapter in adapters}
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            IndexError,
            RuntimeError,
            ImportError,
        ) as error:
            why = " ".join(str(error).split())[:200]
            raise WeightsError(f"{file.name} does not fit a {type(pipe).__name__}: {why}") from error
        if names[-1] not in loaded:
            raise WeightsError(
                f"{file.name} is a LoRA for another kind of model than a {type(pipe).__name__}"
            )
        told.append(f"{sampled_sha256(file).hex()} {weight:g}")
    pipe.set_adapters(names, adapter_weights=[float(weight) for _, weight in loras])
    return told


def lora_file(name: str | os.PathLike[str]) -> Path:
    """The file of a LoRA. Only a hub id touches the network, and only if there is no such file or folder."""
    path = Path(os.path.expanduser(name))
    if path.is_file():
        return path
    if not path.is_dir():
        if not (isinstance(name, str) and HUB_ID.fullmatch(name)) or Path(name).suffix == ".safetensors":
            raise WeightsError(
                f"there is no LoRA {str(name)[:100]!r}: give a .safetensors file, a folder or a hub id"
            )
        from huggingface_hub import snapshot_download

        try:
            path = Path(snapshot_download(name, allow_patterns="*.safetensors"))
        except (OSError, ValueError) as error:
            why = " ".join(str(error).split())[:150]
            raise WeightsError(f"{name!r} is no file here, and the hub did not give it: {why}") from error
    files = sorted(path.glob("*.safetensors"))
    if len(files) == 1:
        return files[0]
    if (usual := path / "pytorch_lora_weights.safetensors") in files:
        return usual
    what = f"{len(files)} .safetensors files: give one of them" if files else "no .safetensors file"
    raise WeightsError(f"{path} holds {what}")
