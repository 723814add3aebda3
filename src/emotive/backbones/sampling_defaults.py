"""How a backbone likes to be sampled: steps, guidance, size. And which sizes it can paint at all."""

from __future__ import annotations

import inspect
import os
import re
from typing import Any, NamedTuple

from emotive.errors import InputError

from .families import family_of

MAX_SIDE = 8192  # px


class SamplingDefaults(NamedTuple):
    """steps: of the scheduler. guidance: `guidance_scale`. size: (width, height) in pixels."""

    steps: int
    guidance: float
    size: tuple[int, int]


# What a model's name says (`name_words`) -> steps and guidance, as its makers advise. A number of steps in
# the name ("4step") goes before. Guidance 0 does without the second prediction of every step.
DISTILLED = (
    (r"\bsd ?(xl )?turbo\b", 1, 0.0),  # Sauer et al. 2023
    (r"\bturbo\b", 4, 0.0),  # SD 3.5 Turbo, Sauer et al. 2024; fine-tunes of SDXL Turbo
    (r"\blightning\b", 4, 0.0),  # Lin et al. 2024
    (r"\bhyper\b", 8, 0.0),  # Ren et al. 2024
    (r"\bschnell\b", 4, 0.0),
    (r"\blcm\b", 4, 1.0),  # Luo et al. 2023
)


def name_words(name: str) -> str:
    """The words of a file's or model's name in lower case: "dreamshaperXL_v21TurboDPM" -> "dreamshaper xl v21
    turbo dpm"."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.findall(r"[a-z0-9]+", apart.lower()))


def sampling_defaults(pipe: Any) -> SamplingDefaults:
    """How the pipeline `pipe` is best sampled: what its name, its scheduler or its denoiser says of few-step
    models, else the pipeline's own defaults; the size that its denoiser was trained at."""
    calls = (inspect.signature(c.__call__).parameters for c in type(pipe).__mro__ if "__call__" in vars(c))
    asked = next(call for call in calls if "num_inference_steps" in call)  # `with_affect` passes them on
    steps, guidance = asked["num_inference_steps"].default, asked["guidance_scale"].default
    words = name_words(os.path.basename(str(pipe.config.get("_name_or_path", "")).rstrip("/\\")))
    denoiser = denoiser_of(pipe)
    if type(pipe).__name__.startswith("LatentConsistencyModel"):
        pass  # its own defaults are those of a few-step model
    elif (known := next((found for found in DISTILLED if re.search(found[0], words)), None)) is not None:
        said = re.search(r"\b(\d{1,2}) ?steps?\b", words)
        steps, guidance = int(said[1]) if said else known[1], known[2]
    elif type(pipe.scheduler).__name__ == "LCMScheduler":
        steps, guidance = 4, 1.0
    elif denoiser.config.get("guidance_embeds") is False:  # FLUX.1-schnell
        steps, guidance = 4, 0.0
    if "strength" in asked and steps == 1:  # img2img takes a part of them, which must be one at least
        steps = 2
    return SamplingDefaults(int(steps), float(guidance), _size(pipe, denoiser))


def guidance_options(
    pipe: Any, negative_prompt: str, scale: float, count: int | None = None
) -> dict[str, Any]:
    """The arguments of a call that guide it by `scale`, away from the negative prompt if there is one, which
    is repeated for a list of `count` prompts. FLUX takes that scale apart from its own guidance, which then
    stays at the pipeline's default.

    Raises InputError for a negative prompt without guidance, which would be ignored.
    """
    if not negative_prompt:
        return {"guidance_scale": scale}
    if "negative_prompt" not in inspect.signature(pipe.__call__).parameters:
        raise InputError(f"{type(pipe).__name__} takes no negative prompt: leave it out")
    if scale <= 1:
        raise InputError(
            f"a negative prompt needs guidance above 1, not {scale:g}: raise that, or leave it out"
        )
    repeated = negative_prompt if count is None else [negative_prompt] * count
    return {family_of(pipe).guidance: scale, "negative_prompt": repeated}


def denoiser_of(pipe: Any) -> Any:
    """The network that predicts: the UNet or the transformer."""
    return pipe.unet if getattr(pipe, "unet", None) is not None else pipe.transformer


def check_size(pipe: Any, width: int, height: int) -> None:
    """Raises InputError, with the nearest size that can be painted, unless (width, height) px is one: its
    sides must be multiples of what the autoencoder and the denoiser's patches cover."""
    denoiser = denoiser_of(pipe)
    step = _multiple(pipe, denoiser)
    most = MAX_SIDE // step * step
    if largest := denoiser.config.get("pos_embed_max_size"):  # Stable Diffusion 3 knows no places beyond
        most = min(most, largest * step)
    legal = [min(max(round(side / step) * step, step), most) for side in (width, height)]
    if [width, height] != legal:
        raise InputError(
            f"{width}x{height} cannot be painted with this model: sides must be multiples of {step}, up to "
            f"{most}; the nearest is {legal[0]}x{legal[1]}"
        )


def _multiple(pipe: Any, denoiser: Any) -> int:
    """Pixels a side that one patch of the denoiser covers."""
    scale = int(pipe.vae_scale_factor)
    if getattr(pipe, "unet", None) is not None:
        return max(8, scale)  # diffusers' pipelines ask for 8 whatever the autoencoder
    patch = denoiser.config.get("patch_size") or 1
    return scale * max(int(patch), 2)  # FLUX packs 2 x 2 latents itself, and calls its patches 1


def _size(pipe: Any, denoiser: Any) -> tuple[int, int]:
    cells = denoiser.config.get("sample_size") or getattr(pipe, "default_sample_size", None) or 64
    height, width = cells if isinstance(cells, (list, tuple)) else (cells, cells)
    return int(width) * int(pipe.vae_scale_factor), int(height) * int(pipe.vae_scale_factor)
