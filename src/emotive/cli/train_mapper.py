"""`emotive train mapper`: an adapter that gives a diffusion backbone affect, trained on pairs of prompts."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated

from emotive.errors import InputError

from .common import Device, Folder, make_folder, needs_extra, option, report, train_app


@train_app.command("mapper")
def train_mapper(
    output: Folder,
    model: Annotated[str, option(
        "The backbone: folder, hub id or .safetensors; only its text encoders are used.")],
    pairs: Annotated[list[Path] | None, option(
        "A .csv or .jsonl of neutral,emotional,valence,arousal[,dominance] in -1..1, or EmotiCrafter's "
        "prompt_mapping.csv; may be repeated. [pairs of our own]")] = None,
    minutes: Annotated[float, option("How long to train, in all.")] = 30.0,
    steps: Annotated[int | None, option("How many steps to train instead.")] = None,
    batch_size: Annotated[int, option("Pairs per training step.")] = 32,
    lr: Annotated[float, option("Peak learning rate.")] = 1e-3,
    alpha: Annotated[float, option("How much of the difference between the prompts is the target.")] = 1.0,
    content: Annotated[float, option("Weight of what preserves content; 0 to 100.")] = 0.5,
    count: Annotated[int, option("How many pairs of our own to train on.")] = 20_000,
    cache: Annotated[float, option(
        "GB of embeds to keep in the folder; what is over is encoded again.")] = 10.0,
    seed: Annotated[int, option("Seed of data and weights.")] = 0,
    config: Annotated[str | None, option(
        "With a .safetensors file: the folder with its configuration. [bundled for known families]")] = None,
    device: Device = None,
    dtype: Annotated[str, option("Of the text encoders: fp32, bf16 or fp16.")] = "fp32",
) -> None:  # fmt: skip
    """A mapper for one text encoder, measured on held-out pairs; run it again to go on.

    Then: emotive image --model BACKBONE --adapter OUTPUT/mapper.
    """
    for name, value, least, most in (
        ("--minutes", minutes, 1e-3, 1e6),
        ("--steps", 1 if steps is None else steps, 1, 10**8),
        ("--batch-size", batch_size, 1, 65_536),
        ("--lr", lr, 1e-8, 1.0),
        ("--alpha", alpha, 0.01, 10.0),
        ("--content", content, 0.0, 100.0),
        ("--count", count, 2, 10**8),
        ("--cache", cache, 0.0, 1e6),
        ("--seed", seed, 0, 2**32 - 1),
    ):
        if not least <= value <= most:
            raise InputError(f"{name} {value:g} makes no sense: use {least:g} to {most:g}")
    with needs_extra("backbones"):
        import transformers  # noqa: F401
    from emotive.backbones.opening import memory_errors, text_encoders
    from emotive.data.affect_pairs import read_pairs
    from emotive.devices import choose_device, choose_dtype
    from emotive.pipelines.with_affect import plain_embeds
    from emotive.plan import quiet_diffusers
    from emotive.train.mapper import train_mapper as recipe

    place = choose_device(device)  # what is wrong is said before anything is made
    kind, _ = choose_dtype(place, dtype)
    for file in pairs or ():
        next(read_pairs(file))
    with quiet_diffusers(), memory_errors():
        pipe = text_encoders(model, place, config=config, dtype=kind)
        make_folder(output)
        folder = recipe(
            output, functools.partial(plain_embeds, pipe), pairs or (), model=model, minutes=minutes,
            steps=steps, batch_size=batch_size, rate=lr, seed=seed, device=device, alpha=alpha,
            content=content, cache=cache, count=count, report=report,
        )  # fmt: skip
    print(folder)
