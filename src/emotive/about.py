"""What this installation is and knows: versions, device, embedded models, emotions, vocabulary."""

from __future__ import annotations

import json
import platform
from typing import Any

import diffusers
import torch

from emotive import __version__, weights
from emotive.affect import emotions, label_set
from emotive.body.actors import ACTORS
from emotive.devices import choose_device, choose_dtype
from emotive.errors import WeightsError
from emotive.face.opening import bundled_portraits
from emotive.fetching import FETCHABLE, Fetchable, fetched

TERM = ("term", "valence", "arousal", "dominance", "source")
LABEL_SETS = ("ekman", "mikels", "plutchik", "goemotions")
KINDS = ("subject", "setting", "time", "weather", "medium")  # as one speaks; a model's config keeps no order


def facts() -> dict[str, Any]:
    """All that `emotive info` prints, ready for JSON; sizes in MB, affects in [-1, 1]."""
    device = choose_device(None)
    dtype, reason = choose_dtype(device)
    return {
        "versions": {
            "emotive": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
        },
        "device": str(device),
        "dtype": str(dtype).removeprefix("torch."),
        "dtype_reason": reason,
        "threads": torch.get_num_threads(),
        "models": [
            {"name": m.name, "megabytes": round(m.bytes / 1e6, 1), "sha256": m.sha256, "path": str(m.path)}
            for m in weights.embedded()
        ],
        "portraits": list(bundled_portraits()),
        "actors": list(ACTORS),
        "fetchable": {name: _where(item) for name, item in FETCHABLE.items()},
        "emotions": [{key: getattr(term, key) for key in TERM} for term in emotions()],
        "label_sets": {name: list(label_set(name)) for name in LABEL_SETS},
    }


def _where(item: Fetchable) -> str | None:
    """The path of what was fetched; None if it was not, or is damaged, which using it says."""
    try:
        path = fetched(item)
    except WeightsError:
        return None
    return None if path is None else str(path)


def vocabulary(model: str) -> dict[str, Any]:
    """Kind -> name -> words as the text encoder of an embedded model has them; "other" are words read over.

    Raises WeightsError if the model's configuration is missing or damaged.
    """
    config = weights.CHECKPOINTS / model / "text_encoder" / "config.json"
    try:
        known = json.loads(config.read_text("utf-8"))
        words = {**known["vocabulary"], "other": known["function_words"]}
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"{config} is missing or damaged: install the package again") from error
    return {kind: words[kind] for kind in sorted(words, key=lambda k: KINDS.index(k) if k in KINDS else 9)}
