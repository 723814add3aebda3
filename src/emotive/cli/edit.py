"""`emotive edit`: the same picture in another mood."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotive.errors import InputError

from .backbone import Adapter, Config, Lora, NegativePrompt, Offload, with_backbone
from .common import IMAGE_MODEL, Device, app, option, say

if TYPE_CHECKING:
    from emotive.affect import Affect


@app.command()
def edit(
    file: Annotated[Path, typer.Argument(help="A picture: one of ours, or any photograph.")],
    affect: Annotated[str, option("valence,arousal[,dominance] in -1..1, a name, or a mixture.")],
    prompt: Annotated[str, option("What a photograph shows, in words the model knows. [nothing]")] = "",
    strength: Annotated[float | None, option("Of a photograph: how freely it is moved, 0..1. [0.6]")] = None,
    affect_strength: Annotated[float, option("How much of the affect; 0 is neutral.")] = 1.0,
    texture: Annotated[float | None, option("Surface texture; 0 is none. [as in the source]")] = None,
    seed: Annotated[int, option("Of a photograph: the noise.")] = 0,
    model: Annotated[str, option(
        "Ours, or Stable Diffusion 1 to 3, XL or FLUX: name, folder, hub id, .safetensors.")] = IMAGE_MODEL,
    adapter: Adapter = None,
    inversion: Annotated[bool, option(
        "With another model: from the picture's own noise, which keeps more and takes longer.", "--inversion"
    )] = False,
    steps: Annotated[int | None, option("With another model: sampling steps. [its own]")] = None,
    guidance_scale: Annotated[float | None, option(
        "With another model: pull of the words. [its own]")] = None,
    negative_prompt: NegativePrompt = None,
    lora: Lora = None,
    config: Config = None,
    offload: Offload = None,
    device: Device = None,
    dtype: Annotated[str | None, option("fp32, bf16, fp16. [bf16 where it is fast]")] = None,
    output: Annotated[str | None, option(
        "A .png, overwritten if it exists; or a folder. [beside the source]", "--output", "-o")] = None,
) -> None:  # fmt: skip
    """Move a picture to another mood; say what was preserved.

    A picture made by Emotive is painted again from its own words and noise. Of any other picture the contours
    stay, and the light and the colours move. Another model (--model) paints over any picture.
    """
    from dataclasses import replace

    import torch

    from emotive.affect import Affect
    from emotive.media.image import write_png
    from emotive.media.picture import open_picture
    from emotive.plan import Place, blank_plan, edited_plan, open_painter

    wanted = Affect.parse(affect)
    open_picture(file)  # what is wrong is said before anything is loaded
    if strength is not None and not 0 < strength <= 1:
        raise InputError(f"--strength must lie above 0 and up to 1, not {strength:g}")
    if not 0 <= affect_strength <= 10:
        raise InputError(f"--affect-strength must lie in 0..10, not {affect_strength:g}")
    if guidance_scale is not None and not 0 <= guidance_scale <= 1000:
        raise InputError(f"--guidance-scale must lie in 0..1000, not {guidance_scale:g}")
    target = _target(file, output, wanted)
    if not 0 <= seed < 2**63:
        raise InputError(f"--seed {seed} makes no sense: use 0 to {2**63 - 1}")
    plan = replace(blank_plan(model), prompt=prompt, affect=wanted, affect_text=affect, seed=seed)
    plan = replace(plan, affect_strength=affect_strength, texture=texture or 0.0)
    theirs = {"adapter": adapter, "negative_prompt": negative_prompt, "loras": lora, "config": config}
    plan = with_backbone(plan, False, theirs)
    if plan.backbone:
        if texture is not None:
            raise InputError("--texture is laid on pictures of the embedded model only")
    else:
        for name, value in (("steps", steps), ("guidance-scale", guidance_scale), ("inversion", inversion)):
            if value is not None and value is not False:
                raise InputError(f"--{name} is for diffusion models of others (--model), not for {model}")
    pipe, here, plan = open_painter(plan, Place(device, dtype, offload), own_steps=steps is None)
    freedom, how, options = _way(bool(plan.backbone), strength, inversion)
    if plan.backbone:
        plan = replace(
            plan,
            num_inference_steps=plan.num_inference_steps if steps is None else steps,
            guidance_scale=guidance_scale,
        )
        options |= {"num_inference_steps": plan.num_inference_steps, "guidance_scale": guidance_scale}
        options |= {"negative_prompt": negative_prompt} if negative_prompt else {}
    else:
        from emotive.pipelines.image_edit import STEPS

        plan, options = replace(plan, num_inference_steps=STEPS), {"texture": texture}
    edited = pipe.edit(
        file,
        wanted,
        prompt=prompt,
        strength=freedom,
        affect_strength=affect_strength,
        generator=torch.Generator("cpu").manual_seed(seed),
        **options,
    )
    if edited.provenance is not None and (prompt or strength is not None or seed):
        say("note: --prompt, --strength and --seed are for photographs; this picture is painted again")
    made = edited_plan(plan, edited, file, {"processed": how, "strength": freedom}, pipe, here)
    print(write_png(target, edited.images[0], made))
    kept = ", ".join(f"{name} {value}" for name, value in edited.preserved.items())
    say(f"note: preserved: {kept}")


def _way(theirs: bool, strength: float | None, inversion: bool) -> tuple[float, str, dict[str, Any]]:
    """How freely a photograph is moved, how that is called, and what it takes."""
    if not theirs:
        from emotive.pipelines.image_edit import HOW, STRENGTH

        return STRENGTH if strength is None else strength, HOW, {}
    from emotive.pipelines.backbone_edit import STRENGTH

    way = "inversion" if inversion else "img2img"
    return STRENGTH if strength is None else strength, way, {"inversion": inversion}


def _target(file: Path, output: str | None, wanted: Affect) -> Path:
    """Where the result goes: a name that is given, or one that is free. Raises InputError if it cannot."""
    from emotive.media import check_folder, free_name
    from emotive.media.image import check_output

    if output == "":
        raise InputError("--output is empty: give a .png or a folder")
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
    return target
