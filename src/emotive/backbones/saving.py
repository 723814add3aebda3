"""An adapter in a folder: `adapter.safetensors`, `config.json` that says which it is, a card, sums."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from emotive.errors import InputError, WeightsError
from emotive.media import umask, write_whole
from emotive.weights import resolve, verify, write_sums

from .adapter import AffectAdapter, PromptEmbeds

FILE, CONFIG, CARD = "adapter.safetensors", "config.json", "README.md"
# What config.json calls an adapter -> module and class; the class has `from_saved(tensors, config)`.
SAVED = {
    "directions": ("emotive.backbones.directions", "AffectDirections"),
    "mapper": ("emotive.backbones.mapper", "AffectMapper"),
    "emoticrafter": ("emotive.backbones.emoticrafter", "EmotiCrafter"),
}


def save_adapter(
    folder: str | os.PathLike[str],
    name: str,
    tensors: Mapping[str, Tensor],
    config: Mapping[str, Any],
    card: str,
) -> Path:
    """Writes an adapter of the kind `name`; returns the folder, which is made if it is not there.

    Raises InputError if the folder cannot be written or holds something else.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = [p.name for p in folder.iterdir() if p.name not in (FILE, CONFIG, CARD, "SHA256SUMS")]
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror or error}") from error
    if others:
        raise InputError(f"{folder} holds other files ({others[0]}): give a new folder for the adapter")
    partial = folder / f".{FILE}"
    try:
        save_file({key: t.detach().cpu().contiguous() for key, t in tensors.items()}, partial)
        os.replace(partial, folder / FILE)
        os.chmod(folder / FILE, 0o666 & ~umask())  # save_file keeps it to oneself
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"cannot write {folder / FILE}: {error}") from error
    write_whole(folder / CONFIG, json.dumps({"adapter": name, **config}, indent=1).encode())
    write_whole(folder / CARD, card.encode())
    write_sums(folder)
    return folder


def open_adapter(
    name_or_folder: str | os.PathLike[str], encode: Callable[[Sequence[str]], PromptEmbeds]
) -> AffectAdapter:
    """ "directions" (fitted now, with `encode`), "blend", or an adapter in a folder or on the hub, verified.

    Raises WeightsError if there is none, or it is damaged.
    """
    if name_or_folder == "blend":
        from .blend import AffectBlend

        return AffectBlend()
    if name_or_folder == "directions":
        from .directions import AffectDirections

        return AffectDirections.fit(encode)
    if name_or_folder in SAVED and not os.path.isdir(name_or_folder):
        raise InputError(f"the adapter {name_or_folder!r} has weights: give the folder that holds them")
    folder = resolve(name_or_folder)
    if not (folder / CONFIG).is_file() or not (folder / FILE).is_file():
        inside = next((p.parent for p in sorted(folder.glob(f"*/{FILE}"))), None)
        hint = f"; give {inside}" if inside else ""
        raise WeightsError(f"{folder} does not hold an affect adapter ({CONFIG} and {FILE}){hint}")
    verify(folder)
    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        module, kind = SAVED[config["adapter"]]
        tensors = load_file(folder / FILE)
        return getattr(import_module(module), kind).from_saved(tensors, config)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise WeightsError(f"{folder} does not hold an affect adapter: {why}") from error
