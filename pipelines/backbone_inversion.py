"""The way from a picture to the noise that a backbone would paint it from, and back in another affect.

A sampler without fresh noise follows an ordinary differential equation, which can be walked upwards as well:
DDIM inversion (Song et al. 2021, eq. 13; Mokady et al. 2023) where a UNet predicts noise or v, Euler's method
along the flow where a transformer predicts velocity. Both are one formula over levels x = a x0 + s eps.

What is met on the way up is kept, and how far the neutral way down, under its guidance, would stray from it
at every step is kept too and given back on the way down in the affect (direct inversion, Ju et al. 2024). So
without affect the way down ends at the picture, whatever the guidance scale; with it, only what affect
changes in the predictions changes the picture.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import PIL.Image
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from emotive.errors import InputError

PREDICTS = ("epsilon", "v_prediction", "sample", "flow_prediction")


class InversionPath:
    """Stands where a pipeline has its scheduler, so that the pipeline itself walks the path.

    timesteps: of levels 1..K from the picture towards noise, as the denoiser is told them. signal, noise:
    (K + 1,) a and s of levels 0..K; level 0 is the picture, a = 1 and s = 0. `predicts` is one of `PREDICTS`.

    Three walks, in this order, each a call of the pipeline: `up` from level 0; `replay` down the same points,
    to see where the neutral predictions would lead; `down`, free. Computes in float32.
    """

    order, init_noise_sigma = 1, 1.0

    def __init__(self, config: Any, timesteps: Tensor, signal: Tensor, noise: Tensor, predicts: str):
        self.config, self.predicts = config, predicts
        self._times, self.signal, self.noise = timesteps, signal.float(), noise.float()
        self.points: list[Tensor] = []
        self.corrections: list[Tensor] = []
        self.walk = "up"

    def start(self, walk: str, picture: Tensor | None = None) -> Tensor:
        """Begins a walk ("up", from the latents `picture`; "replay"; "down") and says where: its latents."""
        self.walk = walk
        if picture is not None:
            self.points = [picture]
        if walk == "replay":
            self.corrections = [torch.empty(0)] * len(self._times)
        return self.points[-1]

    # -- what a pipeline asks of a scheduler -----------------------------------------------------------------

    def set_timesteps(
        self, num_inference_steps: int | None = None, device: Any = None, sigmas: Any = None, mu: Any = None
    ) -> None:
        """The steps of this walk; what the pipeline asks for was settled when the path was made."""
        times = self._times.to(device)
        self.timesteps = times if self.walk == "up" else times.flip(0)
        self._step = 0

    def set_begin_index(self, begin_index: int = 0) -> None:
        """Every walk begins at its beginning."""

    def scale_model_input(self, sample: Tensor, timestep: Any = None) -> Tensor:
        """As it is."""
        return sample

    def step(self, model_output: Tensor, timestep: Any, sample: Tensor, return_dict: bool = False) -> tuple:
        """To the next level of this walk."""
        step, self._step = self._step, self._step + 1
        if self.walk == "up":
            there = self._moved(sample, model_output, step, step + 1).to(sample.dtype)
            self.points.append(there)
            return (there,)
        level = len(self._times) - step
        there = self._moved(sample, model_output, level, level - 1)
        if self.walk == "replay":
            self.corrections[level - 1] = self.points[level - 1].float() - there
            return (self.points[level - 1],)
        return ((there + self.corrections[level - 1]).to(sample.dtype),)

    def _moved(self, x: Tensor, prediction: Tensor, level: int, to: int) -> Tensor:
        """What x, at `level`, is at level `to` if the prediction is right."""
        x, prediction = x.float(), prediction.float()
        a, s = float(self.signal[level]), float(self.noise[level])
        if self.predicts == "epsilon":
            clean, noise = (x - s * prediction) / a, prediction
        elif self.predicts == "v_prediction":
            clean, noise = a * x - s * prediction, a * prediction + s * x
        elif self.predicts == "sample":  # at the picture itself any noise fits: what leads there is none
            clean, noise = prediction, (x - a * prediction) / max(s, 1e-3)
        else:
            clean, noise = x - s * prediction, x + (1 - s) * prediction
        return float(self.signal[to]) * clean + float(self.noise[to]) * noise


def inversion_path(pipe: Any, steps: int, depth: int, tokens: int) -> InversionPath:
    """The path for a pipeline with its scheduler: the first `depth` of `steps` levels from the picture.

    `tokens` are the patches of the picture, on which some flows make their levels depend. Raises InputError
    for a backbone that follows no such path: a consistency model, or a scheduler of another kind.
    """
    scheduler = pipe.scheduler
    config, name = scheduler.config, type(scheduler).__name__
    if getattr(getattr(pipe, "unet", None), "config", {}).get("time_cond_proj_dim") or name == "LCMScheduler":
        raise InputError("a consistency model cannot be inverted: it jumps. Edit with inversion=False")
    predicts = config.get("prediction_type", "flow_prediction")
    if name.startswith("FlowMatch") or predicts == "flow_prediction":
        flow: Any = FlowMatchEulerDiscreteScheduler.from_config(config)
        shifting = config.get("use_dynamic_shifting")
        from diffusers.pipelines.flux.pipeline_flux import calculate_shift  # needs transformers

        mu = calculate_shift(
            tokens, config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096),
            config.get("base_shift", 0.5), config.get("max_shift", 1.15),
        )  # fmt: skip
        flow.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), mu=mu if shifting else None)
        noise = flow.sigmas.flip(0)[: depth + 1]
        return InversionPath(config, flow.timesteps.flip(0)[:depth], 1 - noise, noise, "flow_prediction")
    if "beta_schedule" not in config or predicts not in PREDICTS:
        raise InputError(f"no inversion is known for {name} ({predicts}): edit with inversion=False")
    ddim: Any = DDIMScheduler.from_config(config)
    total = len(ddim.alphas_cumprod)
    times = torch.tensor([round(total * i / steps) - 1 for i in range(1, depth + 1)])
    kept = torch.cat([torch.ones(1), ddim.alphas_cumprod[times]])
    if predicts == "epsilon" and float(kept[-1]) <= 0:
        raise InputError(
            f"{name} begins at pure noise, which tells nothing of it: edit with a strength below 1"
        )
    return InversionPath(config, times, kept.sqrt(), (1 - kept).sqrt(), predicts)


@torch.no_grad()
def inverted_edit(
    pipe: Any,
    picture: PIL.Image.Image,
    steps: int,
    depth: int,
    felt: dict[str, Any],
    guided: dict[str, Any],
    **shared: Any,
) -> PIL.Image.Image:
    """The picture, up to level `depth` of `steps` and down again in an affect.

    Args:
        pipe: an attached text-to-image pipeline that is the caller's own to change.
        picture: RGB of a size that is legal for it.
        felt: what is added to its call on the way down: affect, affect_strength, affect_guidance_scale.
        guided: guidance of both ways down; the way up is unguided, which keeps it stable (Mokady et al.).
        shared: of every call, such as the prompt.
    """
    latents = encoded(pipe, picture)
    if hasattr(pipe, "_pack_latents"):  # FLUX: a sequence of 2 x 2 cells
        latents = pipe._pack_latents(latents, *latents.shape)
    packed = latents.shape[1] if latents.ndim == 3 else latents.shape[2] * latents.shape[3] // 4
    path = inversion_path(pipe, steps, depth, packed)
    pipe.scheduler = path
    shared |= {"width": picture.width, "height": picture.height, "num_inference_steps": depth}
    pipe(latents=path.start("up", latents), guidance_scale=1.0, output_type="latent", **shared)
    pipe(latents=path.start("replay"), output_type="latent", **guided, **shared)
    return pipe(latents=path.start("down"), **guided, **felt, **shared).images[0]


def encoded(pipe: Any, picture: PIL.Image.Image) -> Tensor:
    """Latents (1, C, h, w) of a picture, scaled as the denoiser has them: the mode, so without chance."""
    vae, device = pipe.vae, pipe._execution_device
    config, dtype = vae.config, vae.dtype
    upcast = dtype == torch.float16 and config.get("force_upcast", False)  # it overflows
    if upcast:
        vae.to(dtype=torch.float32)
    pixels = pipe.image_processor.preprocess(picture).to(device, vae.dtype)
    latents = vae.encode(pixels).latent_dist.mode()
    if upcast:
        vae.to(dtype=dtype)
    scale, shift = config.scaling_factor, config.get("shift_factor") or 0.0
    if config.get("latents_mean") is not None and config.get("latents_std") is not None:
        mean, deviation = (torch.tensor(v).view(1, -1, 1, 1).to(latents) for v in
                           (config.latents_mean, config.latents_std))  # fmt: skip
        latents = (latents - mean) / deviation
    return ((latents - shift) * scale).to(getattr(pipe, pipe._family.denoiser).dtype)


def own_copy(pipe: Any, pipeline: Any) -> Any:
    """`pipe` as another kind of pipeline (`AutoPipelineForImage2Image`, ...Text2Image), sharing its networks
    but not its scheduler, with the same progress bar. Raises InputError if diffusers has none."""
    try:
        other = pipeline.from_pipe(pipe)
    except ValueError as error:
        what = pipeline.__name__.removeprefix("AutoPipelineFor")
        raise InputError(f"diffusers has no {what} pipeline for {type(pipe).__name__}") from error
    other.scheduler = copy.deepcopy(pipe.scheduler)
    # Its networks' offloading hooks are those of `pipe`, and are let go of together.
    for name in ("_progress_bar_config", "_all_hooks", "_offload_device", "_offload_gpu_id"):
        if hasattr(pipe, name):
            setattr(other, name, getattr(pipe, name))
    return other
