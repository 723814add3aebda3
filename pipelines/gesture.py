"""A moving body from a voice and a feeling.

pipe = EmotiveGesturePipeline.from_pretrained("emotive-gesture-1")
motion = pipe(speech, affect="joy").motion
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
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
from emotive.body.accents import events_of
from emotive.body.actors import Actor, open_actor
from emotive.body.channels import TOKENS
from emotive.body.habits import HABITS, random_habits
from emotive.body.performing import Performer
from emotive.body.skeleton import Build
from emotive.errors import InputError
from emotive.media.audio import as_waveform, resample
from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.gesture_denoiser import GestureConditions, GestureDenoiser
from emotive.perceive.voice import SpeechJudge
from emotive.sampling.flow import guide, velocity
from emotive.sampling.schedule import flow_timesteps
from emotive.sampling.windows import windows
from emotive.signals import BodyMotion, Speech
from emotive.voice.listening import RATE, listen, paired

from .gesture_stream import HISTORY, stream
from .loading import Sampling, TimedPipeline, check_embedding
from .talking_head import as_fps

WINDOW = 120  # tokens
PIECE = 600  # tokens that are turned into frames at once
SPREAD = 0.6  # of habits that nobody asked for, against those in training

Voice = Speech | np.ndarray | Tensor | str | os.PathLike[str]


@dataclass
class EmotiveGesturePipelineOutput(BaseOutput):
    """motion: how the body moves. speech: what is heard meanwhile."""

    motion: BodyMotion
    speech: Speech


@dataclass(frozen=True)
class Manner:
    """Who moves, and what is felt: habits (16,), the build of the body, affect over time as it is shown, and
    how stout the body is, 1 is usual."""

    habits: np.ndarray
    build: Build | None
    curve: AffectCurve
    girth: float = 1.0

    def points(self, start: int, stop: int) -> np.ndarray:
        """Affect (N, 3) of tokens, 15 a second."""
        times = (np.arange(start, stop) + 0.5) / TOKENS
        found = [self.curve.at(float(t)) for t in times]
        rows = [(a.valence, a.arousal, np.nan if a.dominance is None else a.dominance) for a in found]
        return np.array(rows, np.float32).reshape(-1, 3)


class EmotiveGesturePipeline(TimedPipeline):
    """A voice and affect -> the motion of a body that speaks with it."""

    kind = "a gesture pipeline"
    model_cpu_offload_seq = "affect_embedding->denoiser"
    _callback_tensor_inputs: ClassVar[list[str]] = ["latents"]

    def __init__(
        self,
        affect_embedding: AffectEmbedding,
        denoiser: GestureDenoiser,
        scheduler: FlowMatchEulerDiscreteScheduler,
    ):
        super().__init__()
        if not isinstance(denoiser, GestureDenoiser):  # the other media have a part of that name
            raise TypeError(f"its denoiser is a {type(denoiser).__name__}")
        check_embedding(affect_embedding, {"denoiser network": denoiser})
        self.register_modules(affect_embedding=affect_embedding, denoiser=denoiser, scheduler=scheduler)

    # -- public steps --------------------------------------------------------------------------------------

    def encode_audio(self, speech: Speech) -> Tensor:
        """What is heard, (N, 344), 15 tokens a second: see `voice.listening`."""
        heard = paired(listen(resample(speech.waveform, speech.sample_rate, RATE)))
        return torch.from_numpy(heard).to(self._execution_device)

    def encode_events(self, speech: Speech, tokens: int) -> Tensor | None:
        """Stresses, phrases and meanings (N, 21), see `body.accents`; None where phones are not known."""
        if not speech.phones:
            return None
        found = events_of(speech.phones, speech.syllables, speech.words, speech.alphabet, tokens)
        return torch.from_numpy(found).to(self._execution_device)

    def prepare_latents(
        self, tokens: int, generator: torch.Generator | None = None, latents: Tensor | None = None
    ) -> Tensor:
        """Noise (1, N, channels), float32: drawn from `generator`, or given."""
        shape = (1, tokens, self.denoiser.config["channels"])
        if latents is None:
            return randn_tensor(
                shape, generator=generator, device=self._execution_device, dtype=torch.float32
            )
        if tuple(latents.shape) != shape:
            raise InputError(f"latents must be {shape}, not {tuple(latents.shape)}")
        return latents.to(self._execution_device, torch.float32)

    @torch.no_grad()
    def denoise(
        self, known: GestureConditions, history: Tensor, how: Sampling, noise: Tensor | None = None
    ) -> Tensor:
        """Clean latents (N, channels) of one window.

        known: of one body. history: clean latents (H, channels) of the window's first H tokens. noise: where
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
        with self.progress_bar(total=len(timesteps)) as bar:  # type: ignore[call-arg]
            for i, t in enumerate(timesteps):
                if self._interrupt:
                    continue
                level = torch.where(past, 0.0, sigmas[i])
                found = self.denoiser(
                    x.to(self.denoiser.dtype).expand(n, -1, -1), level.expand(n, -1), conditions
                )
                clean = found.float()
                if n > 1:
                    clean = guide(*clean.split(1), guidance)
                field = velocity(x, clean, sigmas[i].expand(1))
                moved = self.scheduler.step(field, t, x, return_dict=False)[0]
                x = torch.where(past[..., None], clean_past, moved)
                if how.callback is not None:
                    x = how.callback(self, i, t, {name: x for name in how.inputs}).pop("latents", x)
                bar.update()
        return x[0]

    def decode(self, latents: Tensor) -> np.ndarray:
        """Clean latents (N, channels) -> knots (N, 50), see `body.channels`."""
        return self.denoiser.decode(latents).cpu().numpy()

    # -- the call ------------------------------------------------------------------------------------------

    @torch.no_grad()
    def __call__(
        self,
        speech: Voice,
        affect: Affect | AffectCurve | str | None = None,
        *,
        emotion_from: Voice | None = None,
        style: Actor | str | Sequence[float] | np.ndarray | None = None,
        sample_rate: int | None = None,
        fps: float | Fraction = 30,
        num_inference_steps: int = 10,
        guidance_scale: float | None = None,
        affect_guidance_scale: float | None = None,
        affect_strength: float = 1.0,
        generator: torch.Generator | None = None,
        return_dict: bool = True,
        callback_on_step_end: Callable[[EmotiveGesturePipeline, int, Tensor, dict], dict] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
    ) -> EmotiveGesturePipelineOutput | tuple:
        """Moves a body to a voice.

        Long speech is made in windows of eight seconds that join on to each other. Silence makes a body that
        stands, breathes and shifts its weight.

        Args:
            speech: `Speech` (words that it knows shape the hands), a sound file, or samples.
            affect: a point of affect, its name or text, or a curve in seconds; None is that of the speech.
            emotion_from: another recording, whose affect over time, as the speech judge hears it, is shown
                instead, stretched to the length of `speech`.
            style: one of the bundled actors, by name, or habits (16,), see `body.habits`; None draws some.
            sample_rate: samples/s, where `speech` or `emotion_from` are samples alone.
            fps: frames/s, 10..120.
            num_inference_steps: 1..1000.
            guidance_scale: how closely to follow the speech; 1 is unguided. None: the model's default.
            affect_guidance_scale: how closely to follow the affect; 1 is unguided. None: the model's default.
            affect_strength: 0 is neutral, 1 the affect as given; coordinates beyond +-1 are cut off there.
            generator: source of noise, and of habits where none are given.
            return_dict: an `EmotiveGesturePipelineOutput`, or a tuple of its fields.
            callback_on_step_end: called as (pipeline, step, timestep, {"latents": ...}) for every window; may
                return new ones.

        Raises:
            InputError: an argument cannot be honoured, or there is no sound.
        """
        spoken = as_sound(speech, sample_rate)
        if emotion_from is not None:
            if affect is not None:
                raise InputError("give `affect` or `emotion_from`, not both")
            affect = borrowed_curve(as_sound(emotion_from, sample_rate), spoken.duration)
        how = self._sampling(
            num_inference_steps, guidance_scale, affect_guidance_scale, generator, callback_on_step_end,
            callback_on_step_end_tensor_inputs,
        )  # fmt: skip
        manner = self._manner(spoken.affect if affect is None else affect, affect_strength, style, how)
        rate = as_fps(fps)
        self._interrupt = False
        heard = self.encode_audio(spoken)
        knots = self.knots(heard, self.encode_events(spoken, len(heard)), manner, how)
        performer = Performer(rate, manner.curve, manner.build, manner.girth)
        frames = max(1, round(spoken.duration * rate))
        pieces = []
        for first in range(0, len(knots), PIECE):
            ends = first + PIECE >= len(knots)
            pieces.append(performer.take(knots[first : first + PIECE], frames if ends else None))
        motion = BodyMotion.concatenate([piece for piece in pieces if piece is not None])
        motion = BodyMotion(motion.rotations, motion.root, motion.offsets, rate, manner.curve, spoken.start)
        self.maybe_free_model_hooks()
        made = (motion, spoken)
        return EmotiveGesturePipelineOutput(*made) if return_dict else made

    @torch.no_grad()
    def knots(self, heard: Tensor, events: Tensor | None, manner: Manner, how: Sampling) -> np.ndarray:
        """Knots (N, 50) for what is heard (N, 344), and for events (N, 21) where phones are known."""
        latents = heard.new_zeros(len(heard), self.denoiser.config["channels"])
        for window in windows(len(heard), WINDOW, HISTORY):
            at = slice(window.start, window.stop)
            points = manner.points(window.start, window.stop)
            known = self._conditions(heard[at], points, manner, None if events is None else events[at])
            found = self.denoise(known, latents[window.start :][: window.history], how)
            latents[window.new] = found[window.history :]
        return self.decode(latents)

    stream = stream

    def _conditions(
        self, heard: Tensor, points: np.ndarray, manner: Manner, events: Tensor | None
    ) -> GestureConditions:
        """What is known of one window, N tokens."""
        device, n = heard.device, len(heard)
        every = torch.ones(1, n, dtype=torch.bool, device=device)
        no = torch.zeros(1, dtype=torch.bool, device=device)
        return GestureConditions(
            heard[None],
            every,
            self.affect_embedding(torch.from_numpy(points).to(device)[None]).pooled,
            torch.tensor(manner.habits, dtype=torch.float32, device=device)[None],
            heard.new_zeros(1, n, self.denoiser.config["events"]) if events is None else events[None],
            every if events is not None else ~every,
            no,
            no,
            every,
        )

    def _manner(
        self,
        affect: Affect | AffectCurve | str,
        strength: float,
        style: Actor | str | Sequence[float] | np.ndarray | None,
        how: Sampling,
    ) -> Manner:
        if not 0 <= strength <= 10:
            raise InputError(f"affect_strength must lie in 0..10, not {strength}")
        curve = AffectCurve.coerce(affect).strengthened(strength)
        # Drawn in any case, so that a seed moves alike with and without a style.
        seed = torch.randint(2**31, (), generator=how.generator, device=how.generator.device)  # type: ignore
        drawn = SPREAD * random_habits(np.random.default_rng(int(seed)))
        if style is None:
            return Manner(drawn, None, curve)
        if isinstance(style, str):
            style = open_actor(style)
        if isinstance(style, Actor):
            return Manner(np.asarray(style.habits, np.float32), style.build, curve, style.looks.girth)
        try:
            habits = np.asarray(style, np.float32)
        except (TypeError, ValueError):
            habits = np.full(0, np.nan)
        if habits.shape != (len(HABITS),) or not (np.abs(habits) <= 4).all():
            raise InputError(f"a style is an actor's name or {len(HABITS)} numbers within 4 of 0")
        return Manner(habits, None, curve)


def as_sound(speech: Voice, rate: int | None = None) -> Speech:
    """What is heard, silence too. Raises InputError for no sound, and as `as_waveform`."""
    if isinstance(speech, Speech):
        spoken = speech
    else:  # a file tells its own rate
        spoken = Speech(*as_waveform(speech, None if isinstance(speech, str | os.PathLike) else rate))
    if not len(spoken.waveform):
        raise InputError("there is no sound to move to: the recording lasts 0 s")
    return spoken


def borrowed_curve(recording: Speech, seconds: float) -> AffectCurve:
    """Affect over time as the speech judge hears it in `recording`, stretched to last `seconds`.

    Raises InputError if it is silent or shorter than half a second.
    """
    judge = SpeechJudge.from_pretrained()
    heard = judge.curve((recording.waveform, recording.sample_rate)).to_curve()
    stretch = seconds / recording.duration
    return AffectCurve([(time * stretch, affect) for time, affect in heard.keyframes])


def _guided(known: GestureConditions) -> GestureConditions:
    """Three in one: nothing heard and no affect, no affect, all of it."""
    three = GestureConditions(*(part.expand(3, *part.shape[1:]) for part in known))
    deaf = torch.tensor([[True], [False], [False]], device=known.hears.device)
    return three._replace(
        hears=three.hears & ~deaf,
        knows=three.knows & ~deaf,
        without_affect=torch.tensor([True, True, False], device=known.hears.device),
    )
