"""Pictures from words and a feeling.

pipe = EmotiveImagePipeline.from_pretrained("emotive-image-1")
pipe("a house in a meadow", affect="joy").images[0].save("joy.png")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import PIL.Image
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.utils.outputs import BaseOutput
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from emotive.affect import Affect, AffectCurve
from emotive.compass.direction import Directions
from emotive.compass.scene import SceneShift, scene_shift
from emotive.errors import InputError
from emotive.media.texture import lay_texture
from emotive.models.affect_embedding import AffectEmbedding, AffectTokens
from emotive.models.image_decoder import ImageDecoder
from emotive.models.image_denoiser import ImageDenoiser
from emotive.models.text_encoder import SceneTextEncoder, TextFeatures
from emotive.sampling.flow import MeanVelocity, flow_sigmas, guide, velocity
from emotive.sampling.schedule import check_steps, flow_timesteps

from .image_edit import edit_picture
from .loading import EmotivePipeline, check_embedding

OUTPUT_TYPES = ("pil", "np", "pt", "latent")
DECODED_AT_ONCE = 8  # pictures; bounds memory, not the batch


@dataclass
class EmotiveImagePipelineOutput(BaseOutput):
    """images: list of PIL pictures, float32 (B, 512, 512, 3) or (B, 3, 512, 512) in [0, 1], or latents
    (B, 3, 64, 64) in [-1, 1], as `output_type` says. affects: what each was painted in."""

    images: Any
    affects: list[Affect]


class EmotiveImagePipeline(EmotivePipeline):
    """Text and affect -> 512px pictures.

    At 1, 2, 4 or 8 steps with its own schedule the model samples in few steps, one network call each, with
    guidance built in up to the model's limits. At other step counts, or with another flow scheduler of
    diffusers, it is a plain flow model under guidance, with up to three network calls a step.
    """

    kind = "an image pipeline"
    model_cpu_offload_seq = "text_encoder->affect_embedding->denoiser->decoder"
    _callback_tensor_inputs: ClassVar[list[str]] = ["latents"]

    def __init__(
        self,
        text_encoder: SceneTextEncoder,
        affect_embedding: AffectEmbedding,
        denoiser: ImageDenoiser,
        decoder: ImageDecoder,
        scheduler: FlowMatchEulerDiscreteScheduler,
    ):
        super().__init__()
        check_embedding(affect_embedding, {"denoiser": denoiser})
        self.register_modules(
            text_encoder=text_encoder,
            affect_embedding=affect_embedding,
            denoiser=denoiser,
            decoder=decoder,
            scheduler=scheduler,
        )
        for network in (denoiser, decoder):  # convolutions run in this order
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    # -- public steps --------------------------------------------------------------------------------------
    # `device` None is where the pipeline runs; the call looks it up once, since diffusers asks every module.

    def encode_prompt(self, prompts: Sequence[str], device: torch.device | None = None) -> TextFeatures:
        """Prompts -> tokens (B, K, D) and pooled (B, D). Unknown words are named in a warning."""
        ids = self.text_encoder.tokenize(list(prompts))
        return self.text_encoder(ids.to(device or self._execution_device))

    def encode_affect(
        self, affects: Sequence[Affect], affect_strength: float = 1.0, device: torch.device | None = None
    ) -> AffectTokens:
        """Affects, moved to `affect_strength` times their distance from neutral (and kept in [-1, 1])."""
        points = np.stack([a.as_array() for a in affects]) * np.float32(affect_strength)
        if affect_strength == 0:
            points[:] = 0  # neutral in dominance too, where it was unset
        return self.affect_embedding(
            torch.from_numpy(points.clip(-1, 1)).to(device or self._execution_device)
        )

    def prepare_latents(
        self,
        batch: int,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: Tensor | None = None,
        device: torch.device | None = None,
    ) -> Tensor:
        """Noise (B, 3, 64, 64), float32: drawn from `generator`, or given as `latents`."""
        device = device or self._execution_device
        side = self.denoiser.config.sample_size
        shape = (batch, 3, side, side)
        if latents is None:
            if isinstance(generator, list) and len(generator) != batch:
                raise InputError(
                    f"{len(generator)} generators for {batch} pictures: give one, or one for each"
                )
            return randn_tensor(shape, generator=generator, device=device, dtype=torch.float32)
        if tuple(latents.shape) != shape:
            raise InputError(f"latents must be {shape}, not {tuple(latents.shape)}")
        return latents.to(device, torch.float32)

    def decode(self, latents: Tensor) -> Tensor:
        """Small pictures (B, 3, 64, 64) in [-1, 1] -> pictures (B, 3, 512, 512) in [0, 1], float32."""
        dtype = self.decoder.dtype
        parts = [self.decoder(part.to(dtype)).float() for part in latents.split(DECODED_AT_ONCE)]
        return torch.cat(parts).div_(2).add_(0.5).clamp_(0, 1)

    # -- the call --------------------------------------------------------------------------------------------

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | list[str] = "",
        affect: Affect | str | AffectCurve | list[Affect | str] | None = None,
        *,
        num_inference_steps: int = 4,
        guidance_scale: float | None = None,
        affect_guidance_scale: float | None = None,
        affect_strength: float = 1.0,
        num_images_per_prompt: int = 1,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: Tensor | None = None,
        fps: float = 30.0,
        texture: float = 1.0,
        directions: Directions | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: Callable[[EmotiveImagePipeline, int, Tensor, dict], dict] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> EmotiveImagePipelineOutput | tuple:
        """Paints.

        Args:
            prompt: a scene ("a boat at sea at night in rain"); several for a batch; "" for pure mood.
            affect: a point of affect, its name or text (`Affect.parse`), one for each prompt, or several for
                one prompt. A curve gives one frame at each 1 / fps seconds, all from the same noise.
            num_inference_steps: 1..1000.
            guidance_scale: how closely to follow the words; 1 is unguided. None: the model's default.
            affect_guidance_scale: how closely to follow the affect; 1 is unguided. None: the model's default.
            affect_strength: 0 is neutral, 1 the affect as given; coordinates beyond +-1 are cut off there.
            num_images_per_prompt: pictures for each prompt and affect.
            generator: source of the noise, one or one for each picture.
            latents: the noise itself, (B, 3, 64, 64).
            fps: frames per second of a curve.
            texture: surface texture laid on the decoded picture (`lay_texture`), 0 is none; at most 4.
            directions: directions that a person found (`emotive compass`), by name or file, and how far each
                is followed, -3..3: {"prickly": 0.7}.
            output_type: "pil", "np", "pt" or "latent".
            return_dict: an `EmotiveImagePipelineOutput`, or a tuple of its fields.
            callback_on_step_end: called as (pipeline, step, timestep, {"latents": ...}); may return new ones.

        Raises:
            InputError: an argument cannot be honoured.
        """
        frames = isinstance(affect, AffectCurve)
        prompts, affects = self._pair(prompt, affect, fps)
        self._check(
            num_inference_steps,
            affect_strength,
            num_images_per_prompt,
            texture,
            output_type,
            callback_on_step_end_tensor_inputs,
        )
        prompts = [p for p in prompts for _ in range(num_images_per_prompt)]
        affects = [a for a in affects for _ in range(num_images_per_prompt)]
        shift = scene_shift(directions or {}, self.text_encoder, self.affect_embedding)
        felt, felt_strength = affects, affect_strength
        if shift is not None:
            felt, felt_strength = [shift.moved(a, affect_strength) for a in affects], 1.0
        batch, device = len(prompts), self._execution_device
        timesteps, sigmas = flow_timesteps(self.scheduler, num_inference_steps, device)
        predict = self._predictor(
            prompts,
            felt,
            felt_strength,
            num_inference_steps if self._takes_few_steps(num_inference_steps, sigmas) else 0,
            guidance_scale,
            affect_guidance_scale,
            device,
            shift,
        )
        if frames and latents is None and not isinstance(generator, list):
            latents = self.prepare_latents(num_images_per_prompt, generator, device=device).repeat(
                batch // num_images_per_prompt, 1, 1, 1
            )
        x = self.prepare_latents(batch, generator, latents, device)

        self._interrupt = False
        with self.progress_bar(total=len(timesteps)) as bar:  # type: ignore[call-arg]
            for i, t in enumerate(timesteps):
                if self._interrupt:
                    continue
                u = predict(x, sigmas[i].expand(batch), sigmas[i + 1].expand(batch))
                x = self.scheduler.step(u, t, x, return_dict=False)[0]
                if callback_on_step_end is not None:
                    x = callback_on_step_end(
                        self, i, t, {name: x for name in callback_on_step_end_tensor_inputs}
                    ).pop("latents", x)
                bar.update()

        images: Any = x.clamp(-1, 1)
        if output_type != "latent":
            images = self.decode(images)
            arousal = torch.tensor([a.arousal for a in felt], device=device) * felt_strength
            images = lay_texture(images, arousal, texture)
        if output_type == "np":
            images = images.permute(0, 2, 3, 1).cpu().numpy()
        if output_type == "pil":
            pixels = (255 * images).round().byte().permute(0, 2, 3, 1).cpu().numpy()
            images = [PIL.Image.fromarray(p) for p in pixels]
        self.maybe_free_model_hooks()
        return EmotiveImagePipelineOutput(images, affects) if return_dict else (images, affects)

    edit = edit_picture

    # -- what the call is made of ----------------------------------------------------------------------------

    def _pair(self, prompt: Any, affect: Any, fps: float) -> tuple[list[str], list[Affect]]:
        """One prompt and one affect for each picture."""
        prompts = list(prompt) if isinstance(prompt, (list, tuple)) else [prompt]
        if isinstance(affect, AffectCurve):
            if not 0 < fps <= 1000:
                raise InputError(f"fps must lie in (0, 1000], not {fps}")
            affects = [affect.at(i / fps) for i in range(len(affect.sample(fps)))]
        else:
            given = list(affect) if isinstance(affect, (list, tuple)) else [affect]
            affects = [Affect.neutral() if a is None else Affect.parse(a) for a in given]
        if not prompts or not affects:
            raise InputError("there is nothing to paint: the list of prompts or affects is empty")
        if len(prompts) != len(affects) and min(len(prompts), len(affects)) > 1:
            raise InputError(
                f"{len(prompts)} prompts and {len(affects)} affects: give as many of both, or one of either"
            )
        n = max(len(prompts), len(affects))
        return prompts * (n // len(prompts)), affects * (n // len(affects))

    def _check(
        self,
        steps: Any,
        strength: float,
        per_prompt: int,
        texture: float,
        output_type: str,
        inputs: Sequence[str],
    ) -> None:
        check_steps(steps)
        if not 0 <= texture <= 4:
            raise InputError(f"texture must lie in 0..4, not {texture}")
        if not 0 <= strength <= 10:
            raise InputError(f"affect_strength must lie in 0..10, not {strength}")
        if not isinstance(per_prompt, int) or per_prompt < 1:
            raise InputError(f"num_images_per_prompt must be a whole number from 1, not {per_prompt!r}")
        if output_type not in OUTPUT_TYPES:
            raise InputError(f"output_type must be one of {', '.join(OUTPUT_TYPES)}, not {output_type!r}")
        if set(inputs) - set(self._callback_tensor_inputs):
            raise InputError(f"callbacks can be given {self._callback_tensor_inputs}, not {list(inputs)}")

    def _takes_few_steps(self, steps: int, sigmas: Tensor) -> bool:
        """Whether the schedule is one that the student learned; anything else is plain flow."""
        config = self.denoiser.config
        if steps not in config.few_steps or type(self.scheduler) is not FlowMatchEulerDiscreteScheduler:
            return False
        learned = flow_sigmas(steps, config.few_step_shift)
        stochastic = self.scheduler.config.get("stochastic_sampling", False)
        return (
            not stochastic
            and len(sigmas) == len(learned)
            and torch.allclose(sigmas.cpu(), learned, atol=1e-4)
        )

    def few_step_guidance(
        self, guidance_scale: float | None = None, affect_guidance_scale: float | None = None
    ) -> tuple[float, float]:
        """The scales for text and affect in few steps: the model's own where none is given.

        Raises InputError beyond what the model learned.
        """
        return self._scales(guidance_scale, affect_guidance_scale, max(self.denoiser.config.few_steps))

    def _scales(self, scale: float | None, affect_scale: float | None, few: int) -> tuple[float, float]:
        """Both guidance scales, checked: for `few` steps, or 0 for plain flow."""
        default_scale, default_affect_scale = self.guidance_defaults
        scales = (
            default_scale if scale is None else scale,
            default_affect_scale if affect_scale is None else affect_scale,
        )
        for name, value, limit in zip(
            ("guidance_scale", "affect_guidance_scale"),
            scales,
            self.denoiser.config.guidance_limits,
            strict=True,
        ):
            if few and not 1 <= value <= limit:
                raise InputError(
                    f"{name} must lie in 1..{limit:g} at {few} steps (any from 0 at 20), not {value:g}"
                )
            if not 0 <= value <= 100:
                raise InputError(f"{name} must lie in 0..100, not {value:g}")
        return scales

    def _predictor(
        self,
        prompts: list[str],
        affects: list[Affect],
        strength: float,
        few: int,
        scale: float | None,
        affect_scale: float | None,
        device: torch.device,
        shift: SceneShift | None = None,
    ) -> MeanVelocity:
        """The guided mean velocity of these prompts and affects, float32; `few` steps, 0 for plain flow."""
        scales = self._scales(scale, affect_scale, few)
        n, dtype = len(prompts), self.denoiser.dtype
        guidance = torch.tensor([scales], device=device, dtype=torch.float32).expand(n, 2)
        text, feeling = self.encode_prompt(prompts, device), self.encode_affect(affects, strength, device)
        if shift is not None:
            text = shift.said(text)
        without = torch.zeros(n, dtype=torch.bool, device=device)

        if few or scales == (1.0, 1.0):

            def predict(x: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
                end = sigma_next if few else sigma
                clean = self.denoiser(x.to(dtype), sigma, end, text, feeling, without, guidance).float()
                return velocity(x, clean, sigma)

            return predict

        # Three predictions in one batch: nothing, words only, words and affect.
        null = self.text_encoder(self.text_encoder.null(n).to(device))
        text = TextFeatures(*(torch.cat([a, b, b]) for a, b in zip(null, text, strict=True)))
        feeling = AffectTokens(*(torch.cat([a, a, a]) for a in feeling))
        without = torch.cat([~without, ~without, without])

        def predict_guided(x: Tensor, sigma: Tensor, sigma_next: Tensor) -> Tensor:
            s = sigma.repeat(3)
            clean = self.denoiser(
                x.repeat(3, 1, 1, 1).to(dtype), s, s, text, feeling, without, guidance.repeat(3, 1)
            ).float()
            nothing, said, felt = clean.chunk(3)
            return velocity(x, guide(nothing, said, felt, guidance), sigma)

        return predict_guided
