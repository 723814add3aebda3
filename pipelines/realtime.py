"""Any pipeline that paints, in real time.

sampler = realtime(EmotiveImagePipeline.from_pretrained("emotive-image-1"), steps=2)
sampler.prepare("a house in a meadow", "joy")
sampler.step().pixels()  # uint8 (1, 512, 512, 3)
sampler.update("sadness")  # shows in the next frame
"""

from __future__ import annotations

from typing import Any

from diffusers.pipelines.pipeline_utils import DiffusionPipeline

from emotive.errors import InputError
from emotive.sampling.realtime.pixel import PixelDecoder, PixelDenoiser
from emotive.sampling.realtime.sampler import RealtimeSampler
from emotive.sampling.realtime.schedule import StepSchedule
from emotive.sampling.realtime.tuning import Tuning

from .image import EmotiveImagePipeline


def realtime(
    pipe: EmotiveImagePipeline | DiffusionPipeline,
    *,
    steps: int | None = None,
    mode: str = "sequential",
    batch: int = 1,
    tuning: Tuning | None = None,
    guidance_scale: float | None = None,
    affect_guidance_scale: float | None = None,
    texture: float = 1.0,
    **options: Any,
) -> RealtimeSampler:
    """A `RealtimeSampler` over the networks of a pipeline, which stays as it is.

    Args:
        pipe: our own image pipeline; or one of diffusers with a UNet, by itself or with affect attached to it
            (`with_affect`): see `realtime_backbone.backbone_sampler`, which takes the other `options`.
        steps: one of the numbers that the model learned; None is 2 for our own model, and what the model is
            made for otherwise.
        mode, batch, tuning: see `RealtimeSampler`.
        guidance_scale, affect_guidance_scale: as for the pipeline's call, for our own model. A latent
            consistency model takes the first, as the scale that it imitates; others none.
        texture: surface texture as for the pipeline's call; for our own model.

    Raises InputError for what cannot be honoured.
    """
    if tuning is not None and not isinstance(tuning, Tuning):
        raise InputError(f"tuning is a Tuning, not {type(tuning).__name__}")
    if not isinstance(pipe, EmotiveImagePipeline):
        from .realtime_backbone import backbone_sampler

        if affect_guidance_scale not in (None, 1):
            raise InputError("models of others take no affect_guidance_scale in real time: leave it out")
        return backbone_sampler(pipe, steps, mode, batch, tuning, guidance_scale=guidance_scale, **options)
    if options:
        raise InputError(f"our own image model does not take {', '.join(options)}")
    config = pipe.denoiser.config
    steps = 2 if steps is None else steps
    if not 0 <= texture <= 4:
        raise InputError(f"texture must lie in 0..4, not {texture}")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps not in config.few_steps:
        raise InputError(
            f"in real time this model takes {', '.join(map(str, config.few_steps))} steps, not {steps}"
        )
    guidance = pipe.few_step_guidance(guidance_scale, affect_guidance_scale)
    device = pipe._execution_device
    tuning = tuning or Tuning.for_device(device)
    if tuning.attention != "sdpa" or not tuning.channels_last or tuning.kernels:
        raise InputError(
            "our own image model has its own attention and layout: leave attention, channels_last and "
            "kernels as they are"
        )
    schedule = StepSchedule.flow(steps, config.few_step_shift)
    networks = pipe.text_encoder, pipe.affect_embedding, pipe.denoiser
    denoiser = PixelDenoiser(*networks, schedule, guidance, tuning.hoist)
    decoder = PixelDecoder(pipe.decoder, texture, 8 * config.sample_size)
    return RealtimeSampler(denoiser, decoder, schedule, mode, batch, tuning)
