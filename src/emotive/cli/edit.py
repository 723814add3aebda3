"""`emotive edit`: the same picture in another mood."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emotive.errors import InputError

from .common import IMAGE_MODEL, Device, app, option, say


@app.command()
def edit(
    file: Annotated[Path, typer.Argument(help="A picture: one of ours, or any photograph.")],
    affect: Annotated[str, option("valence,arousal[,dominance] in -1..1, a name, or a mixture.")],
    prompt: Annotated[str, option("What a photograph shows, in words the model knows. [nothing]")] = "",
    strength: Annotated[float | None, option("Of a photograph: how freely it is moved, 0..1. [0.6]")] = None,
    affect_strength: Annotated[float, option("How much of the affect; 0 is neutral.")] = 1.0,
    texture: Annotated[float | None, option("Surface texture; 0 is none. [as in the source]")] = None,
    seed: Annotated[int, option("Of a photograph: the noise.")] = 0,
    model: Annotated[str, option("Name, folder or hub id.")] = IMAGE_MODEL,
    device: Device = None,
    dtype: Annotated[str | None, option("fp32, bf16, fp16. [bf16 where it is fast]")] = None,
    output: Annotated[str | None, option(
        "A .png, overwritten if it exists; or a folder. [beside the source]", "--output", "-o")] = None,
) -> None:  # fmt: skip
    """Move a picture to another mood; say what was preserved.

    A picture made by Emotive is painted again from its own words and noise. Of any other picture the contours
    stay, and the light and the colours move.
    """
    from dataclasses import replace

    import torch

    from emotive.affect import Affect
    from emotive.media import check_folder, free_name
    from emotive.media.image import check_output, write_png
    from emotive.media.picture import open_picture
    from emotive.plan import blank_plan, edited_plan, load_pipeline

    wanted = Affect.parse(affect)
    open_picture(file)  # what is wrong is said before anything is loaded
    if output == "":
        raise InputError("--output is empty: give a .png or a folder")
    if strength is not None and not 0 < strength <= 1:
        raise InputError(f"--strength must lie above 0 and up to 1, not {strength:g}")
    if not 0 <= affect_strength <= 10:
        raise InputError(f"--affect-strength must lie in 0..10, not {affect_strength:g}")
    if output is not None and output.lower().endswith(".png"):
        target = Path(output)
    else:
        folder = file.parent if output is None else Path(output)
        if folder.suffix and not folder.is_dir():
            raise InputError(f"cannot write {folder.name}: the name must end in .png")
        check_folder(folder)
        target = free_name(folder / f"{file.stem}-v{wanted.valence:+.2f}a{wanted.arousal:+.2f}.png")
    check_output(target)
    if target.exists() and target.samefile(file):
        raise InputError(f"{target} is the picture to edit; give the result another name")
    if not 0 <= seed < 2**63:
        raise InputError(f"--seed {seed} makes no sense: use 0 to {2**63 - 1}")
    pipe, here = load_pipeline(model, device, dtype)
    from emotive.pipelines.image_edit import STRENGTH

    freedom = STRENGTH if strength is None else strength
    edited = pipe.edit(
        file,
        wanted,
        prompt=prompt,
        strength=freedom,
        affect_strength=affect_strength,
        texture=texture,
        generator=torch.Generator("cpu").manual_seed(seed),
    )
    plan = replace(blank_plan(model), prompt=prompt, affect=wanted, affect_text=affect, seed=seed)
    plan = replace(plan, affect_strength=affect_strength, texture=texture or 0.0)
    if edited.provenance is not None and (prompt or strength is not None or seed):
        say("note: --prompt, --strength and --seed are for photographs; this picture is painted again")
    made = edited_plan(plan, edited, file, freedom, pipe, here)
    print(write_png(target, edited.images[0], made))
    kept = ", ".join(f"{name} {value}" for name, value in edited.preserved.items())
    say(f"note: preserved: {kept}")
