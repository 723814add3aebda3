"""A talking head from a portrait, a voice and a feeling.

pipe = EmotiveTalkingHeadPipeline.from_pretrained("emotive-head-1")
made = pipe("mara", speech, affect="joy")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.utils.outputs import BaseOutput
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.face.controls import FaceControls
from emotive.face.decoding import MotionParts, decoded
from emotive.face.manner import TOKENS, Manner
from emotive.face.portrait import Portrait
from emotive.face.visemes import speaking_mouth
from emotive.media.audio import as_waveform, resample
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.face_denoiser import POSE, FaceConditions, FaceDenoiser
from emotive.sampling.flow import guide, velocity
from emotive.sampling.schedule import flow_timesteps
from emotive.sampling.windows import windows
from emotive.signals import FaceMotion, Speech
from emotive.voice.listening import RATE, listen

from .animation import animate, animation
from .loading import Sampling, TimedPipeline, check_embedding
from .talking_head_stream import HISTORY, joined, stream, stream_motion

WINDOW = 240  # tokens
SLOWEST, FASTEST = 10, 120  # frames/s
SILENCE = 1e-4  # peak below which there is nothing to hear


@dataclass
class EmotiveTalkingHeadPipelineOutput(BaseOutput):
    """motion: how the face moves, to keep or to edit. frames: uint8 (size, size, 3) one after the other,
    drawn as they are asked for, once. speech: what is heard meanwhile."""

    motion: FaceMotion
    frames: Iterator[np.ndarray]
    speech: Speech


class EmotiveTalkingHeadPipeline(TimedPipeline):
    """A portrait, a voice and affect -> the motion of a face, and its pictures."""

    kind = "a talking-head pipeline"
    model_cpu_offload_seq = "affect_embedding->denoiser"
    _callback_tensor_inputs: ClassVar[list[str]] = ["latents"]

    def __init__(
        self,
        affect_embedding: AffectEmbedding,
        denoiser: FaceDenoiser,
        scheduler: FlowMatchEulerDiscreteScheduler,
    ):
        super().__init__()
        check_embedding(affect_embedding, {"denoiser network": denoiser})
        self.register_modules(affect_embedding=affect_embedding, denoiser=denoiser, scheduler=scheduler)

    # -- public steps --------------------------------------------------------------------------------------

    def encode_audio(self, speech: Speech) -> Tensor:
        """What is heard, (N, features), 30 tokens a second: see `voice.listening`."""
        heard = listen(resample(speech.waveform, speech.sample_rate, RATE))
        return torch.from_numpy(heard).to(self._execution_device)

    def encode_phones(self, speech: Speech, tokens: int) -> Tensor | None:
        """The share of each token that each viseme takes, (N, 15); None where phones are not known."""
        if not speech.phones:
            return None
        return torch.from_numpy(speaking_mouth(speech, TOKENS, tokens).visemes).to(self._execution_device)

    def prepare_latents(
        self, tokens: int, generator: torch.Generator | None = None, latents: Tensor | None = None
    ) -> Tensor:
        """Noise (1, N, channels), float32: drawn from `generator`, or given."""
        shape = (1, tokens, self.denoiser.config["latents"] + POSE)
        if latents is None:
            return randn_tensor(
                shape, generator=generator, device=self._execution_device, dtype=torch.float32
            )
        if tuple(latents.shape) != shape:
            raise InputError(f"latents must be {shape}, not {tuple(latents.shape)}")
        return latents.to(self._execution_device, torch.float32)

    @torch.no_grad()
    def denoise(
        self, known: FaceConditions, history: Tensor, how: Sampling, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Clean latents (N, channels) of one window, and logits (N, 2) of closure and contact.

        known: of one face. history: clean latents (H, channels) of the window's first H tokens. noise: where
        sampling starts, (1, N, channels); drawn unless given.
        """
        device, tokens = self._execution_device, known.heard.shape[1]
        past = (torch.arange(tokens, device=device) < len(history))[None]
        clean_past = torch.zeros(1, tokens, history.shape[-1], device=device)
        clean_past[0, : len(history)] = history
        x = torch.where(past[..., None], clean_past, self.prepare_latents(tokens, how.generator, noise))
        conditions = _guided(known) if how.scales != (1.0, 1.0) else known
        n, guidance = len(conditions.heard), torch.tensor([how.scales], device=device)
        timesteps, sigmas = flow_timesteps(self.scheduler, how.steps, device)
        touch = x.new_zeros(tokens, 2)
        with self.progress_bar(total=len(timesteps)) as bar:  # type: ignore[call-arg]
            for i, t in enumerate(timesteps):
                if self._interrupt:
                    continue
                level = torch.where(past, 0.0, sigmas[i])
                found = self.denoiser(
                    x.to(self.denoiser.dtype).expand(n, -1, -1), level.expand(n, -1), conditions
                )
                clean = found.clean.float()
                if i == 0:  # it sees nothing but noise yet, and so hears best
                    touch = torch.stack([found.closure[-1], found.contact[-1]], -1).float()
                if n > 1:
                    clean = guide(*clean.split(1), guidance)
                moved = self.scheduler.step(velocity(x, clean, sigmas[i].expand(1)), t, x, return_dict=False)[
                    0
                ]
                x = torch.where(past[..., None], clean_past, moved)
                if how.callback is not None:
                    x = how.callback(self, i, t, {name: x for name in how.inputs}).pop("latents", x)
                bar.update()
        return x[0], touch

    def decode(self, latents: Tensor, touch: Tensor) -> MotionParts:
        """Clean latents (N, channels) and logits (N, 2) -> motion at 30 tokens a second, contacts kept."""
        weights, pose = self.denoiser.decode(latents)
        closure, contact = touch.cpu().numpy().T
        return decoded(weights.cpu().numpy(), pose.cpu().numpy(), closure, contact)

    # -- the call ------------------------------------------------------------------------------------------

    def __call__(
        self,
        portrait: Portrait | str | os.PathLike[str] | np.ndarray,
        speech: Speech | np.ndarray | Tensor | str | os.PathLike[str],
        affect: Affect | AffectCurve | str | None = None,
        *,
        sample_rate: int | None = None,
        fps: float | Fraction = 30,
        size: int = 512,
        consent: str | None = None,
        not_a_person: bool = False,
        num_inference_steps: int = 8,
        guidance_scale: float | None = None,
        affect_guidance_scale: float | None = None,
        affect_strength: float = 1.0,
        controls: FaceControls | None = None,
        generator: torch.Generator | None = None,
        return_dict: bool = True,
        callback_on_step_end: Callable[[EmotiveTalkingHeadPipeline, int, Tensor, dict], dict] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> EmotiveTalkingHeadPipelineOutput | tuple:
        """Makes a portrait speak.

        Args:
            portrait: a bundled one by name, a photograph's file or pixels, or what `open_portrait` gave.
            speech: `Speech` (phones that it knows sharpen the lips), a sound file, or samples.
            affect: a point of affect, its name or text, or a curve in seconds; None is that of the speech.
            sample_rate: samples/s, where `speech` is samples alone.
            fps: frames/s, 10..120.
            size: side of the picture, 64..2048 pixels.
            consent: who in the photograph agreed, and how. Without it, and unless `not_a_person`, the frames
                of a portrait that is not bundled carry a badge.
            not_a_person: that the portrait shows nobody who exists.
            num_inference_steps: 1..1000.
            guidance_scale: how closely to follow the sound; 1 is unguided. None: the model's default.
            affect_guidance_scale: how closely to follow the affect; 1 is unguided. None: the model's default.
            affect_strength: 0 is neutral, 1 the affect as given; coordinates beyond +-1 are cut off there.
            controls: how much head and lips move, where the eyes look, and the like.
            generator: source of noise, blinks and style.
            return_dict: an `EmotiveTalkingHeadPipelineOutput`, or a tuple of its fields.
            callback_on_step_end: called as (pipeline, step, timestep, {"latents": ...}) for every window; may
                return new ones.

        Raises:
            InputError: an argument cannot be honoured, there is no face, or nothing to hear.
        """
        spoken = as_speech(speech, sample_rate)
        # What is wrong with the portrait is said before the long work.
        distance = None if controls is None else controls.distance
        frames = animation(portrait, size, consent, not_a_person, distance)
        motion = self.motion(
            spoken,
            affect,
            fps=fps,
            num_inference_steps=num_inference_steps,
            guidance_scale=guidance_scale,
            affect_guidance_scale=affect_guidance_scale,
            affect_strength=affect_strength,
            controls=controls,
            generator=generator,
            callback_on_step_end=callback_on_step_end,
            callback_on_step_end_tensor_inputs=callback_on_step_end_tensor_inputs,
        )
        self.maybe_free_model_hooks()
        made = (motion, frames(motion), spoken)
        return EmotiveTalkingHeadPipelineOutput(*made) if return_dict else made

    @torch.no_grad()
    def motion(
        self,
        speech: Speech | np.ndarray | Tensor | str | os.PathLike[str],
        affect: Affect | AffectCurve | str | None = None,
        *,
        sample_rate: int | None = None,
        fps: float | Fraction = 30,
        num_inference_steps: int = 8,
        guidance_scale: float | None = None,
        affect_guidance_scale: float | None = None,
        affect_strength: float = 1.0,
        controls: FaceControls | None = None,
        generator: torch.Generator | None = None,
        callback_on_step_end: Callable | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> FaceMotion:
        """How the face moves, without a portrait; arguments and errors as for the call.

        Long speech is made in windows of eight seconds that join on to each other.
        """
        spoken, controls = as_speech(speech, sample_rate), controls or FaceControls()
        how = self._sampling(
            num_inference_steps, guidance_scale, affect_guidance_scale, generator, callback_on_step_end,
            callback_on_step_end_tensor_inputs,
        )  # fmt: skip
        manner = self._manner(spoken.affect if affect is None else affect, affect_strength, controls, how)
        rate = as_fps(fps)
        self._interrupt = False
        heard = self.encode_audio(spoken)
        visemes = self.encode_phones(spoken, len(heard))
        points = manner.points(0, len(heard))
        latents = heard.new_zeros(len(heard), self.denoiser.config["latents"] + POSE)
        touch = heard.new_zeros(len(heard), 2)
        for window in windows(len(heard), WINDOW, HISTORY):
            at = slice(window.start, window.stop)
            shapes = None if visemes is None else visemes[at]
            known = self._conditions(heard[at], points[at], manner, shapes)
            made = self.denoise(known, latents[window.start :][: window.history], how)
            found, touch[window.new] = (part[window.history :] for part in made)
            latents[window.new] = joined(latents[: window.new.start], found)
        parts = self.decode(latents, touch)
        return manner.performed(parts, 0, rate, max(1, round(spoken.duration * rate)), spoken)

    stream, stream_motion = stream, stream_motion
    animate = staticmethod(animate)

    def _conditions(
        self, heard: Tensor, points: np.ndarray, manner: Manner, visemes: Tensor | None
    ) -> FaceConditions:
        """What is known of one window, N tokens."""
        device, n = heard.device, len(heard)
        count = self.denoiser.config["visemes"]
        every = torch.ones(1, n, dtype=torch.bool, device=device)
        no = torch.zeros(1, dtype=torch.bool, device=device)
        return FaceConditions(
            heard[None],
            every,
            self.affect_embedding(torch.from_numpy(points).to(device)[None]).pooled,
            torch.tensor(manner.style, dtype=torch.float32, device=device)[None],
            heard.new_zeros(1, n, count) if visemes is None else visemes[None],
            every if visemes is not None else ~every,
            no,
            no,
            every,
        )

    def _manner(
        self,
        affect: Affect | AffectCurve | str,
        strength: float,
        controls: FaceControls | None,
        how: Sampling,
    ) -> Manner:
        if not 0 <= strength <= 10:
            raise InputError(f"affect_strength must lie in 0..10, not {strength}")
        curve = AffectCurve.coerce(affect).strengthened(strength)
        seed = torch.randint(2**31, (), generator=how.generator, device=how.generator.device)  # type: ignore
        return Manner(curve, controls or FaceControls(), np.random.default_rng(int(seed)))


def as_speech(speech: Speech | np.ndarray | Tensor | str | os.PathLike[str], rate: int | None) -> Speech:
    """What is heard. Raises InputError for no sound, silence, and as `as_waveform`."""
    spoken = speech if isinstance(speech, Speech) else Speech(*as_waveform(speech, rate))
    if not len(spoken.waveform):
        raise InputError("the speech is a timeline without sound: give its waveform as well")
    if not np.any(np.abs(spoken.waveform) > SILENCE):
        raise InputError("the recording is silent: there is nothing to say")
    return spoken


def as_fps(fps: float | Fraction) -> Fraction:
    """Frames/s, exact. Raises InputError outside 10..120."""
    if not SLOWEST <= fps <= FASTEST:  # false for NaN, too
        raise InputError(f"fps must lie in {SLOWEST}..{FASTEST}, not {fps}")
    return Fraction(fps).limit_denominator(1001)


def _guided(known: FaceConditions) -> FaceConditions:
    """Three in one: nothing heard and no affect, no affect, all of it."""
    three = FaceConditions(*(part.expand(3, *part.shape[1:]) for part in known))
    deaf = torch.tensor([[True], [False], [False]], device=known.hears.device)
    return three._replace(
        hears=three.hears & ~deaf,
        knows=three.knows & ~deaf,
        without_affect=torch.tensor([True, True, False], device=known.hears.device),
    )
