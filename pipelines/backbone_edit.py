"""A picture in another mood, by a backbone that affect is attached to.

pipe = with_affect(AutoPipelineForText2Image.from_pretrained("stabilityai/stable-diffusion-xl-base-1.0"))
edit_with_backbone(pipe, "photo.jpg", "serenity", prompt="a harbour", strength=0.4).images[0]

Either by img2img (SDEdit, Meng et al. 2022), the family's own pipeline: noise is added and taken away again
in the affect, and more noise changes more. Or by inversion (`backbone_inversion.py`): the noise is the
picture's own, so that without affect it comes back, and what changes is what affect changes.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
import PIL.Image
import torch

from emotive.affect import Affect
from emotive.backbones.adapter import check_strength
from emotive.backbones.sampling_defaults import guidance_options, sampling_defaults
from emotive.errors import InputError
from emotive.sampling.schedule import check_steps

from .backbone_inversion import inverted_edit, own_copy
from .image_edit import EmotiveImageEditOutput, _opened, preserved
from .with_affect import AffectCall, with_affect

STRENGTH = 0.5
OWN_ARGUMENTS = {"height", "width", "latents", "num_images_per_prompt", "output_type", "return_dict"}
NARROWEST = 8.0  # long side over short side; beyond, no backbone knows what to paint


def edit_with_backbone(
    pipe: Any,
    image: PIL.Image.Image | np.ndarray | str | PathLike[str],
    affect: Affect | str,
    *,
    prompt: str = "",
    strength: float = STRENGTH,
    affect_strength: float = 1.0,
    affect_guidance_scale: float = 1.0,
    num_inference_steps: int | None = None,
    guidance_scale: float | None = None,
    generator: torch.Generator | None = None,
    inversion: bool = False,
    side: int | None = None,
    directions: Mapping[str, float] | None = None,
    **options: Any,
) -> EmotiveImageEditOutput:
    """The same picture in another mood. The pipeline itself stays as it is.

    Args:
        pipe: a pipeline with affect (`with_affect`), of any family.
        image: a file, a PIL picture or uint8 (H, W, 3), of any size up to 64 megapixels and 8:1. The backbone
            works on it at its own resolution; the result has the size of the source.
        affect: where to move it.
        prompt: what the picture shows, in words: helps the backbone to keep it.
        strength: how far towards noise it goes, (0, 1]; `strength * num_inference_steps` steps are taken, and
            at least one is needed.
        affect_strength: 0 is the picture as the backbone gives it back without affect; up to 10.
        affect_guidance_scale: as in the call.
        num_inference_steps, guidance_scale: as in the call. None: as the backbone likes it
            (`sampling_defaults`).
        generator: source of the noise; inversion needs none.
        inversion: go to the picture's own noise instead of adding some. Costs three times as much, keeps
            more, and needs a backbone that samples in many steps.
        side: work on as many pixels as a square of this side has. None: as the backbone was trained on.
        directions: as in the call.
        options: further arguments of the pipeline's call, such as negative_prompt.

    Raises:
        InputError: the picture cannot be read, or an argument cannot be honoured.
    """
    if not isinstance(pipe, AffectCall):
        raise InputError(f"{type(pipe).__name__} has no affect yet: attach it with with_affect(pipe)")
    wanted = Affect.parse(affect)
    check_strength(affect_strength)
    # Needs transformers, which a pipeline of others has, and Emotive without them has not.
    from diffusers.pipelines.auto_pipeline import AutoPipelineForImage2Image, AutoPipelineForText2Image

    kind = AutoPipelineForText2Image if inversion else AutoPipelineForImage2Image
    copy = own_copy(pipe, kind)
    takes = inspect.signature(copy.__call__).parameters
    if unknown := sorted((set(options) - set(takes)) | (set(options) & OWN_ARGUMENTS)):
        raise InputError(f"an edit with {type(copy).__name__} takes no {unknown[0]}: leave it out")
    defaults = sampling_defaults(copy)
    steps = defaults.steps if num_inference_steps is None else num_inference_steps
    depth = steps_taken(steps, strength)
    _, source = _opened(image)
    size = working_size(pipe, source.size, side)
    small = source if source.size == size else source.resize(size, PIL.Image.Resampling.LANCZOS)
    with_affect(copy, pipe.affect_adapter)
    felt: dict[str, Any] = {"affect": wanted, "affect_strength": affect_strength}
    felt |= {"affect_guidance_scale": affect_guidance_scale, "directions": directions}
    scale = defaults.guidance if guidance_scale is None else guidance_scale
    guided = guidance_options(copy, options.pop("negative_prompt", None) or "", scale)
    options |= {"prompt": prompt, "generator": generator}
    if inversion:
        result = inverted_edit(copy, small, steps, depth, felt, guided, **options)
        content = f"the picture's own noise, inverted to strength {strength:g}"
    else:
        if "height" in takes:
            options |= {"width": size[0], "height": size[1]}
        options |= {"image": small, "strength": strength, "num_inference_steps": steps}
        result = copy(**felt, **guided, **options).images[0]
        content = f"what img2img at strength {strength:g} leaves"
    pipe.maybe_free_model_hooks()  # pyright: ignore[reportAttributeAccessIssue]
    if result.size != source.size:
        result = result.resize(source.size, PIL.Image.Resampling.LANCZOS)
    kept = preserved(source, result) | {"content": content}
    return EmotiveImageEditOutput([result], [wanted], kept)


def steps_taken(steps: Any, strength: float) -> int:
    """How many of `steps` an edit takes. Raises InputError unless it takes at least one."""
    check_steps(steps)
    if not 0 < strength <= 1:
        raise InputError(f"strength must lie above 0 and up to 1, not {strength:g}")
    taken = int(steps * strength)  # as diffusers counts
    if taken < 1:
        raise InputError(
            f"strength {strength:g} of {steps} steps is less than one step: "
            f"raise strength to {math.ceil(1000 / steps) / 1000:g} or steps to {math.ceil(1 / strength)}"
        )
    return taken


def working_size(pipe: Any, size: tuple[int, int], side: int | None = None) -> tuple[int, int]:
    """(width, height) in pixels at which a backbone works on a picture of `size`: of its shape, of the area
    that the backbone was trained on (or of a square of `side`), in whole patches of its networks.

    Raises InputError for a picture beyond 8:1, or a side outside 1 patch..4096.
    """
    width, height = size
    if max(size) > NARROWEST * min(size):
        raise InputError(f"a picture of {width} x {height} pixels is too narrow to edit: at most 8:1")
    cell, denoiser = pipe.vae_scale_factor, getattr(pipe, pipe._family.denoiser).config
    if "down_block_types" in denoiser:  # a UNet halves its latents with every block but the last
        patch = cell * 2 ** (len(denoiser.down_block_types) - 1)
    else:
        patch = cell * max(2, denoiser.patch_size)  # FLUX packs 2 x 2 cells
    patch = math.lcm(patch, 8)  # the least that diffusers takes
    own = side or math.sqrt(math.prod(sampling_defaults(pipe).size))
    if not patch <= own <= 4096:
        raise InputError(f"side must lie in {patch}..4096 pixels, not {own:g}")
    scale = own / math.sqrt(width * height)
    wide, high = (max(patch, patch * round(length * scale / patch)) for length in size)
    return wide, high
