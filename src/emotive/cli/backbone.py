"""The options of `emotive image` that are for diffusion models of others, and how they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from emotive.errors import InputError

from .common import option

if TYPE_CHECKING:
    from emotive.media.provenance import Provenance

# What --model may be beside the embedded model takes these as well.
Adapter = Annotated[
    str | None,
    option("How affect reaches another diffusion model: directions, blend, or a saved adapter. [directions]"),
]
Config = Annotated[
    str | None,
    option(
        "With --model FILE.safetensors: the folder of its configuration, or a name: sd2-base. [found out]"
    ),
]
Lora = Annotated[
    list[str] | None, option("LoRA weights on top: a file, folder or hub id, or FILE:0.8; repeatable.")
]
NegativePrompt = Annotated[str | None, option("What the picture should not be (not with emotive-image-1).")]
Size = Annotated[str | None, option("WIDTHxHEIGHT in pixels, or one side. [the model's own]")]
InitImage = Annotated[
    Path | None, option("A picture to start from; with emotive-image-1 use `emotive edit`.")
]
Strength = Annotated[float | None, option("With --init-image: how freely it is changed, 0..1. [0.6]")]
Offload = Annotated[str | None, option("Keep what is not in use off the GPU: model, or sequential (slow).")]
Direction = Annotated[list[str] | None, option(
    "A direction of your own (`emotive compass`) and how far, NAME:0.7; repeatable.")]  # fmt: skip


def with_backbone(plan: Provenance, like: bool, options: Mapping[str, Any]) -> Provenance:
    """`plan` with what the options say of a backbone; our own model refuses them and stays as it is.

    Args:
        like: the plan is that of a file to be made again; its settings hold where nothing else is asked for.
        options: by their names in Python, None where not given.
    """
    from emotive.backbones.opening import is_backbone

    given = {name: value for name, value in options.items() if value not in (None, [])}
    if not is_backbone(plan.model):
        if given:
            flag = "--" + next(iter(given)).replace("_", "-").removesuffix("s")
            raise InputError(f"{flag} is for diffusion models of others (--model), not for {plan.model}")
        return replace(plan, backbone={})
    from emotive.pipelines.backbone import BackboneSettings

    if "size" in given:
        given["size"] = parsed_size(given["size"])
    if "loras" in given:
        given["loras"] = parsed_amounts(given["loras"], "--lora")
    if "init_image" in given:
        given |= {"init_image": str(given["init_image"]), "init_image_sha256": ""}
    settings = BackboneSettings.from_record(plan.backbone if like else {})
    if "strength" in given and not (settings.init_image or "init_image" in given):
        raise InputError("--strength goes with --init-image")
    if "adapter" in given:
        given["adapter_fingerprint"] = ""
    return replace(plan, texture=0.0, backbone=replace(settings, **given).to_record())


def parsed_size(text: str) -> tuple[int, int]:
    """Such as "768x512" or "512" -> (width, height)."""
    sides = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text.strip().lower())
    if sides is None:
        raise InputError(f"--size {text[:40]!r} is not WIDTHxHEIGHT in pixels, such as 768x512")
    return int(sides[1]), int(sides[2] or sides[1])


def parsed_amounts(texts: Sequence[str], flag: str) -> tuple[tuple[str, float], ...]:
    """Such as "NAME:0.7" or "NAME" -> (name, amount), 1 where there is none. Names may hold colons."""
    found = []
    for text in texts:
        name, colon, amount = text.rpartition(":")
        if colon and re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)", amount):
            found.append((name, float(amount)))
        else:
            found.append((text, 1.0))
        if not found[-1][0].strip():
            raise InputError(f"{flag} {text[:40]!r} names nothing: give NAME or NAME:0.7")
    return tuple(found)


def summed(amounts: Sequence[tuple[str, float]]) -> dict[str, float]:
    """By name; what is named twice adds up."""
    total: dict[str, float] = {}
    for name, amount in amounts:
        total[name] = total.get(name, 0.0) + amount
    return total
