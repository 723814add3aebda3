"""Films: one scene, or one after the other, along a curve of affect.

for frame in film_frames(pipe, "a house in a meadow", AffectCurve.read("day.csv")):
    writer.write(frame)  # uint8 (512, 512, 3)

Painted one by one from the same noise, pictures of neighbouring affects mostly agree, but now and then a
cloud or a house jumps to another place. Two things keep a film together. Each picture starts from the one
before: the first step of the sampler, which decides what stands where, is not asked again but given the
last picture; from that and the noise, which stays, the steps that remain paint the affect of the moment. So
things stay where they are, while light, colour and brush follow. What still changes at once is spread over a
few frames by a Gaussian in time over the small pictures, before they are decoded: the decoder draws crisp
contours again.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.media.texture import lay_texture
from emotive.models.text_encoder import TextFeatures
from emotive.sampling.flow import flow_sigmas

from .image import EmotiveImagePipeline

PASSAGE = 1.5  # seconds from one scene to the next
SOFTNESS = 0.1  # seconds: standard deviation of the Gaussian in time
TURN = 60.0  # seconds in which noise that drifts at 1 comes round
LONGEST = 3600.0  # seconds
SIZES = 64, 2048  # pixels


class Scene(NamedTuple):
    """What is to be seen from `start`, seconds, on."""

    start: float
    prompt: str


@dataclass
class _Shot:
    """A scene as it is filmed: its words, and its last picture (1, 3, 64, 64) without softness."""

    text: TextFeatures
    clean: Tensor | None = None


@torch.no_grad()
def film_frames(
    pipe: EmotiveImagePipeline,
    scenes: str | Sequence[Scene | tuple[float, str]],
    affect: AffectCurve | Affect | str,
    *,
    fps: float = 30.0,
    seconds: float | None = None,
    num_inference_steps: int = 4,
    guidance_scale: float | None = None,
    affect_guidance_scale: float | None = None,
    affect_strength: float = 1.0,
    drift: float = 0.0,
    softness: float = SOFTNESS,
    texture: float = 1.0,
    size: int = 512,
    generator: torch.Generator | None = None,
) -> Iterator[np.ndarray]:
    """Frames uint8 (size, size, 3), RGB, one at each 1 / fps seconds; memory does not grow with their number.

    Args:
        scenes: a prompt; or prompts with the seconds at which they begin, the first at 0, increasing. From
            one to the next the film passes in `PASSAGE` seconds, around the given time.
        affect: along time; a single affect holds.
        fps: frames/s, 1..240.
        seconds: how long, at most an hour; None is the duration of the curve.
        num_inference_steps: one of the numbers that the model learned. At 1 nothing of the last picture is
            carried on: no step would be left to change it.
        guidance_scale, affect_guidance_scale, affect_strength, texture: as for the pipeline's call.
        drift: how fast the noise drifts, 0..10: at 1 it comes round in a minute. What the words
            leave open then changes by itself: light, clouds, place.
        softness: standard deviation of the smoothing in time, seconds, 0..1.
        size: side of a frame, pixels, even, 64..2048. The model paints 512.
        generator: source of the noise.

    Raises InputError, before the first frame, for an argument that cannot be honoured.
    """
    told = [Scene(0.0, scenes)] if isinstance(scenes, str) else [Scene(float(s), p) for s, p in scenes]
    curve = AffectCurve.coerce(affect)
    length = curve.duration if seconds is None else seconds
    check_film(told, fps, length, size, drift, softness)
    config = pipe.denoiser.config
    if num_inference_steps not in config.few_steps:
        learned = ", ".join(map(str, config.few_steps))
        raise InputError(f"a film takes {learned} steps with this model, not {num_inference_steps}")
    if not (math.isfinite(affect_strength) and 0 <= affect_strength <= 10):
        raise InputError(f"affect_strength must lie in 0..10, not {affect_strength}")
    if not 0 <= texture <= 4:
        raise InputError(f"texture must lie in 0..4, not {texture}")
    scales = pipe.few_step_guidance(guidance_scale, affect_guidance_scale)
    device = pipe._execution_device
    painter = _Painter(pipe, num_inference_steps, scales, drift, generator, device)
    shots = [_Shot(pipe.encode_prompt([scene.prompt], device)) for scene in told]
    starts = [scene.start for scene in told]

    def painted() -> Iterator[tuple[Tensor, float]]:
        for i in range(max(1, round(length * fps))):
            time = i / fps
            felt = curve.at(time)
            tokens = pipe.encode_affect([felt], affect_strength, device)
            shown = torch.zeros(())
            for shot, weight in zip(shots, scene_weights(starts, time), strict=True):
                if weight == 0:
                    shot.clean = None
                    continue
                shot.clean = painter.paint(shot.text, tokens, time, shot.clean)
                shown = shown + weight * shot.clean
            yield shown, felt.arousal * affect_strength

    return _decoded(pipe, smoothed(painted(), softness * fps), texture, size)


def check_film(
    scenes: Sequence[Scene],
    fps: float,
    seconds: float,
    size: int,
    drift: float = 0.0,
    softness: float = SOFTNESS,
) -> None:
    """Raises InputError where a film cannot be made so: in one line, and before anything is loaded."""
    if not 1 <= fps <= 240:
        raise InputError(f"a film has 1 to 240 frames/s, not {fps:g}")
    if not 1 / fps <= seconds <= LONGEST:
        why = "give a curve that ends later, or the seconds" if seconds < 1 / fps else "film it in parts"
        raise InputError(f"a film lasts from one frame to {LONGEST:g} s, not {seconds:g} s: {why}")
    if isinstance(size, bool) or not SIZES[0] <= size <= SIZES[1] or size % 2:
        raise InputError(f"the side of a film is an even number from {SIZES[0]} to {SIZES[1]}, not {size}")
    if not 0 <= drift <= 10:
        raise InputError(f"drift must lie in 0..10, not {drift}")
    if not 0 <= softness <= 1:
        raise InputError(f"softness must lie in 0..1 s, not {softness}")
    if not scenes or scenes[0].start != 0:
        raise InputError("the first scene of a film begins at 0 s")
    for (before, _), (after, prompt) in pairwise(scenes):
        if not after >= before + PASSAGE:
            raise InputError(
                f"the scene {prompt[:40]!r} at {after:g} s must follow that at {before:g} s by {PASSAGE:g} s"
            )


def scene_weights(starts: Sequence[float], time: float) -> list[float]:
    """How much of each scene is seen at `time`: 0 to 1, in sum 1. Half and half where a scene starts."""
    risen = [1.0]
    for start in starts[1:]:
        u = min(max((time - start) / PASSAGE + 0.5, 0.0), 1.0)
        risen.append(u * u * (3 - 2 * u))
    return [a - b for a, b in pairwise([*risen, 0.0])]


def smoothed(pictures: Iterable[tuple[Tensor, float]], frames: float) -> Iterator[tuple[Tensor, float]]:
    """A Gaussian in time over pictures and what goes with each, `frames` its standard deviation; the
    first and the last are held beyond the ends. As many come out as went in, later by three deviations.

    What changes evenly stays as it is, since the Gaussian is even: only what changes at once is spread.
    """
    reach = math.ceil(3 * frames)
    if reach == 0:
        yield from pictures
        return
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / frames) ** 2)
    kernel = (kernel / kernel.sum()).tolist()
    held: deque[tuple[Tensor, float]] = deque(maxlen=2 * reach + 1)

    def mean() -> tuple[Tensor, float]:
        total = sum((w * x for w, (x, _) in zip(kernel, held, strict=True)), torch.zeros(()))
        return total, sum(w * a for w, (_, a) in zip(kernel, held, strict=True))

    for picture in pictures:
        if not held:
            held.extend([picture] * reach)
        held.append(picture)
        if len(held) == held.maxlen:
            yield mean()
    if held:
        # A short film ends before the window is full.
        missing = 2 * reach - len(held)
        held.extend([held[-1]] * max(0, missing))
        for _ in range(reach if missing <= 0 else reach - missing):
            held.append(held[-1])
            yield mean()


class _Painter:
    """The sampler of a film: one picture after the other, from noise that stays or drifts."""

    def __init__(
        self,
        pipe: EmotiveImagePipeline,
        steps: int,
        scales: tuple[float, float],
        drift: float,
        generator: torch.Generator | None,
        device: torch.device,
    ):
        self.denoiser, self.drift = pipe.denoiser, drift
        self.sigmas = flow_sigmas(steps, pipe.denoiser.config.few_step_shift).to(device)
        self.guidance = torch.tensor([scales], device=device, dtype=torch.float32)
        self.without = torch.zeros(1, dtype=torch.bool, device=device)
        self.noise = pipe.prepare_latents(1, generator, device=device)
        # Only noise that drifts has somewhere to go, so that a still film takes nothing more from the seed.
        self.other = pipe.prepare_latents(1, generator, device=device) if drift else self.noise

    def noise_at(self, time: float) -> Tensor:
        """Noise on a circle through two draws: of unit variance everywhere, as fast everywhere."""
        angle = 2 * math.pi * self.drift * time / TURN
        return math.cos(angle) * self.noise + math.sin(angle) * self.other

    def paint(self, text: TextFeatures, feeling: tuple, time: float, last: Tensor | None) -> Tensor:
        """The picture (1, 3, 64, 64) at `time`, in [-1, 1], that goes on from `last`."""
        x, dtype = self.noise_at(time), self.denoiser.dtype
        for i, (sigma, sigma_next) in enumerate(pairwise(self.sigmas)):
            if i == 0 and last is not None and len(self.sigmas) > 2:
                clean = last
            else:
                ends = sigma.expand(1), sigma_next.expand(1)
                clean = self.denoiser(x.to(dtype), *ends, text, feeling, self.without, self.guidance).float()
            x = (sigma_next / sigma) * x + (1 - sigma_next / sigma) * clean
        return x.clamp(-1, 1)


@torch.no_grad()  # of all that is painted, too: it is pulled from here
def _decoded(
    pipe: EmotiveImagePipeline, pictures: Iterator[tuple[Tensor, float]], texture: float, size: int
) -> Iterator[np.ndarray]:
    """Small pictures with their arousal -> frames uint8 (size, size, 3)."""
    for small, arousal in pictures:
        picture = lay_texture(pipe.decode(small), torch.tensor([arousal], device=small.device), texture)
        if size != picture.shape[-1]:
            picture = torch.nn.functional.interpolate(
                picture, (size, size), mode="bicubic", align_corners=False, antialias=True
            ).clamp(0, 1)
        yield (255 * picture[0]).round().byte().permute(1, 2, 0).cpu().numpy()
