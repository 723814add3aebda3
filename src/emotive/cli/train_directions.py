"""`emotive train directions`: fit affect directions once, and keep them."""

from __future__ import annotations

from typing import Annotated

from .backbone import Config
from .common import Device, Folder, needs_extra, option, train_app


@train_app.command("directions")
def train_directions(
    output: Folder,
    model: Annotated[str, option("Stable Diffusion 1 to 3, XL or FLUX: folder, hub id or .safetensors.")],
    config: Config = None,
    device: Device = None,
    dtype: Annotated[str | None, option("fp32, bf16, fp16. [bf16 where it is fast]")] = None,
) -> None:
    """Fit the directions of affect in a diffusion model's text encoder; seconds, no training."""
    import functools

    from emotive.devices import choose_device, choose_dtype
    from emotive.plan import quiet_diffusers

    place = choose_device(device)
    precision, _ = choose_dtype(place, dtype)
    with needs_extra("backbones"), quiet_diffusers():
        from emotive.backbones.directions import AffectDirections
        from emotive.backbones.opening import memory_errors, text_encoders
        from emotive.pipelines.with_affect import plain_embeds

        with memory_errors():
            pipe = text_encoders(model, place, config=config, dtype=precision)
            print(AffectDirections.fit(functools.partial(plain_embeds, pipe)).save(output))
