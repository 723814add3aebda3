"""A talking head online: frames while the voice is still coming in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.face.controls import FaceControls
from emotive.face.manner import TOKENS
from emotive.face.portrait import Portrait
from emotive.models.face_denoiser import POSE
from emotive.sampling.windows import eased, streamed
from emotive.signals import FaceMotion
from emotive.voice.listening import FEATURES, FRAMES

from .animation import animation
from .heard_stream import heard_chunks

if TYPE_CHECKING:
    from .talking_head import EmotiveTalkingHeadPipeline

HISTORY = 20  # tokens of motion that a piece follows
LOOKAHEAD, LEAST = 2, 2  # tokens that are heard before one is shown; made at once, at least


def stream(
    self: EmotiveTalkingHeadPipeline,
    portrait: Portrait | str | os.PathLike[str] | np.ndarray,
    audio: Iterable[np.ndarray],
    affect: Affect | AffectCurve | str | Callable[[], Affect | str] | None = None,
    *,
    sample_rate: int,
    size: int = 512,
    consent: str | None = None,
    not_a_person: bool = False,
    num_inference_steps: int = 4,
    guidance_scale: float | None = None,
    affect_guidance_scale: float | None = None,
    affect_strength: float = 1.0,
    controls: FaceControls | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[np.ndarray]:
    """Frames of a portrait, 30 a second, while its voice is still coming in.

    audio: samples (N,) in [-1, 1], as they come, at `sample_rate` (samples/s). A frame is made when the
    sound up to 67 ms after it has come. affect: what the call takes, or a function without arguments that
    is asked before every piece of motion for the affect of the moment; the face comes to it within the piece,
    so let it glide rather than jump. Other arguments and errors as for the call.
    """
    distance = None if controls is None else controls.distance
    draw = animation(portrait, size, consent, not_a_person, distance)
    pieces = self.stream_motion(
        audio,
        affect,
        sample_rate=sample_rate,
        num_inference_steps=num_inference_steps,
        guidance_scale=guidance_scale,
        affect_guidance_scale=affect_guidance_scale,
        affect_strength=affect_strength,
        controls=controls,
        generator=generator,
    )
    return (frame for piece in pieces for frame in draw(piece))


def stream_motion(
    self: EmotiveTalkingHeadPipeline,
    audio: Iterable[np.ndarray],
    affect: Affect | AffectCurve | str | Callable[[], Affect | str] | None = None,
    *,
    sample_rate: int,
    num_inference_steps: int = 4,
    guidance_scale: float | None = None,
    affect_guidance_scale: float | None = None,
    affect_strength: float = 1.0,
    controls: FaceControls | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[FaceMotion]:
    """The same without a portrait: pieces of motion that follow each other."""
    how = self._sampling(num_inference_steps, guidance_scale, affect_guidance_scale, generator)
    if callable(affect):
        moving = MovingAffect(affect)
        manner = self._manner(moving.curve, affect_strength, controls, how)
    else:
        moving = None
        manner = self._manner("0,0" if affect is None else affect, affect_strength, controls, how)
    chunks = heard_chunks(audio, sample_rate)

    def pieces() -> Iterator[FaceMotion]:
        self._interrupt = False
        latents = torch.zeros(0, self.denoiser.config["latents"] + POSE, device=self._execution_device)
        noise = self.prepare_latents(0, how.generator)
        heard = np.zeros((0, FRAMES * FEATURES), np.float32)
        first = 0  # number of the first token that is kept
        for fresh, ready in chunks:
            heard = np.concatenate([heard, fresh])
            made = len(latents)
            # Each token keeps its noise, so that what was looked ahead to comes out much the same again.
            noise = torch.cat([noise, self.prepare_latents(len(heard) - noise.shape[1], how.generator)], 1)
            window = streamed(made, len(heard), LOOKAHEAD, HISTORY, LEAST, ended=ready)
            if window is None:
                continue
            new = slice(window.history, len(heard) - window.start - (0 if ready else LOOKAHEAD))
            if moving is not None:
                count = new.stop - new.start
                manner.curve = moving.until(first + made, count).strengthened(affect_strength)
            with torch.no_grad():
                sound = torch.from_numpy(heard[window.start : window.stop]).to(latents.device)
                points = manner.points(first + window.start, first + window.stop)
                known = self._conditions(sound, points, manner, None)
                past = latents[window.start :][: window.history]
                found, touch = self.denoise(known, past, how, noise[:, window.start : window.stop])
                found = joined(latents, found[new])
                latents = torch.cat([latents, found])
                parts = self.decode(found, touch[new])
            yield manner.performed(parts, first + made, Fraction(TOKENS), len(parts.weights))
            # Nothing older is looked at again: a stream may last for ever.
            forget = max(0, len(latents) - HISTORY)
            latents, heard, noise = latents[forget:], heard[forget:], noise[:, forget:]
            first += forget

    return pieces()


class MovingAffect:
    """Affect that is asked for while a stream goes on, as a curve of what was answered so far.

    ask: called without arguments; an Affect, or the text of one. Raises InputError for another answer.
    """

    def __init__(self, ask: Callable[[], Affect | str]):
        self._ask = ask
        self._keyframes = [(0.0, self._asked())]

    @property
    def curve(self) -> AffectCurve:
        """As far as it is known, and still needed; the last answer holds."""
        return AffectCurve(self._keyframes)

    def until(self, token: int, count: int) -> AffectCurve:
        """Asks, and comes to the answer on the way from token `token`, 30 a second, over `count` more."""
        begin, end = token / TOKENS, (token + count) / TOKENS
        (time, before), now = self._keyframes[-1], self._asked()
        if now != before:
            if time < begin:
                self._keyframes.append((begin, before))
            self._keyframes.append((end, now))
        oldest = (token - HISTORY) / TOKENS
        while len(self._keyframes) > 1 and self._keyframes[1][0] < oldest:
            del self._keyframes[0]
        return self.curve

    def _asked(self) -> Affect:
        now = self._ask()
        if not isinstance(now, Affect | str):
            raise InputError(
                f"the function that tells the affect gives an Affect or its text, not {type(now).__name__}"
            )
        return Affect.parse(now)


def joined(before: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    """New latents (N, channels) whose head goes on from those before without a jerk; lips stay quick."""
    head = slice(-POSE, 6 - POSE)
    new = new.clone()
    new[:, head] = eased(before[-2:, head], new[:, head])
    return new
