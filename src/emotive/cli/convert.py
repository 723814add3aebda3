"""`emotive convert`: weights of others into safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import Folder, app, say

convert_app = typer.Typer(rich_markup_mode=None, help="Turn weights of others into what Emotive opens.")
app.add_typer(convert_app, name="convert")


@convert_app.callback()
def _root() -> None:
    """Keeps `convert` a group while it has one command."""


@convert_app.command()
def emoticrafter(
    checkpoint: Annotated[Path, typer.Argument(help="The published checkpoint, .pth.", show_default=False)],
    output: Folder,
) -> None:
    """EmotiCrafter's checkpoint (.pth) into an affect adapter for Stable Diffusion XL, as safetensors."""
    from emotive.backbones.emoticrafter import EmotiCrafter

    adapter = EmotiCrafter.from_checkpoint(checkpoint)
    folder = adapter.save(output)
    shape = adapter.network.shape
    say(f"{shape.layers} layers, {shape.width} wide, for prompt embeds {shape.features} wide")
    say("EmotiCrafter's authors state no licence: ask them before you pass these weights on")
    print(folder)
