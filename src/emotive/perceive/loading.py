"""Opens the network of a learned judge: found, verified, and of the right kind."""

from __future__ import annotations

import json
import os
from typing import Any

import torch

from emotive.errors import WeightsError
from emotive.weights import fingerprint, resolve, verify


def load_network(
    kind: Any, noun: str, example: str, name_or_folder: str | os.PathLike[str], device: str | torch.device
) -> tuple[Any, str]:
    """A network of the class `kind` in float32 on `device`, and its fingerprint (64 hex digits).

    `name_or_folder` is an embedded name, a folder or a hub id; it is verified before it is opened. Raises
    WeightsError, in words of `noun` and `example`, if it is not there, damaged, or another kind of model.
    """
    folder = resolve(name_or_folder)
    verify(folder)
    try:
        found = json.loads((folder / "config.json").read_text("utf-8")).get("_class_name")
    except (OSError, ValueError, AttributeError):
        found = None
    if found != kind.__name__:
        raise WeightsError(f"{folder} holds no {noun}: give one such as {example}")
    # low_cpu_mem_usage would leave buffers that are not stored without values.
    network = kind.from_pretrained(folder, dtype=torch.float32, low_cpu_mem_usage=False)
    return network.to(device), fingerprint(folder)
