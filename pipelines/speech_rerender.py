"""Emotion conversion: a recording said with another feeling, in the same words and voice."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from emotive.affect import Affect, AffectCurve
from emotive.errors import InputError
from emotive.media.audio import as_waveform, resample
from emotive.models.prosody_denoiser import FRAMES
from emotive.sampling.flow import velocity
from emotive.sampling.schedule import check_steps, flow_timesteps
from emotive.signals import Speech
from emotive.voice.hearing import centre_of, heard
from emotive.voice.prosody import INDEX, apply, bounded, smooth, warp
from emotive.voice.vocoder import FRAME_RATE, SAMPLE_RATE, VoiceFeatures, analyse, synthesize

if TYPE_CHECKING:
    from .speech import EmotiveSpeechPipeline

PIECE = 15.0  # seconds analysed at once, cut where it is quietest; bounds memory
LOUDEST = 0.95  # peak of the result
LEAST_VOICED = 0.1  # seconds of voice that make a recording speech


@torch.no_grad()
def rerender(
    self: EmotiveSpeechPipeline,
    audio: Speech | np.ndarray | Tensor | str | os.PathLike[str],
    affect: Affect | AffectCurve | str,
    *,
    sample_rate: int | None = None,
    affect_strength: float = 1.0,
    num_inference_steps: int = 8,
    affect_guidance_scale: float = 1.0,
    generator: torch.Generator | None = None,
) -> Speech:
    """Says a recording with another feeling: the words and the speaker stay.

    What is there is taken for neutral: a voice that laughs already will laugh still. Pitch level, range and
    contour, rate, level, tilt and voice quality move as a denoiser of prosody controls says; `apply` of
    `emotive.voice.prosody` then moves the recording. At `affect_strength` 0 it is only resynthesised.

    Args:
        audio: a file (wav, flac, mp3, ogg), samples with `sample_rate`, or `Speech`, whose timeline moves
        along.
        affect: a point, its name or text, or a curve in seconds of the recording as it is now.
        affect_strength: factor on the controls: 0 leaves them neutral, above 1 exaggerates.
        num_inference_steps: 1..1000.
        affect_guidance_scale: how closely to follow the affect; 1 is unguided.
        generator: source of the noise; each seed is another way of saying it.

    Returns:
        Speech at 24 kHz; `affect` is the curve that was used, on the new clock.

    Raises:
        InputError: no such file, no audio, no voice in it, an argument that cannot be honoured.
    """
    check_steps(num_inference_steps)
    if not 0 <= affect_strength <= 3:
        raise InputError(f"affect_strength must lie in 0..3 for a recording, not {affect_strength}")
    if not 0 <= affect_guidance_scale <= 100:
        raise InputError(f"affect_guidance_scale must lie in 0..100, not {affect_guidance_scale:g}")
    curve = AffectCurve.coerce(affect)
    given = audio if isinstance(audio, Speech) else None
    if given is not None:
        waveform, rate = given.waveform, given.sample_rate
    else:
        waveform, rate = as_waveform(audio, sample_rate)
    waveform = resample(waveform, rate, SAMPLE_RATE)
    if not np.any(np.abs(waveform) > 1e-4):
        raise InputError("the recording is silent")
    pieces = [(at, analyse(part)) for at, part in _pieces(waveform)]
    voiced = sum(int(f.voiced.sum()) for _, f in pieces)
    if voiced < LEAST_VOICED * FRAME_RATE:
        raise InputError(f"there is no voice in the recording: {voiced / FRAME_RATE:.2f} s of it are voiced")
    middle = float(np.median(np.concatenate([f.lf0[f.voiced] for _, f in pieces])))
    if generator is None:
        generator = torch.Generator()
        generator.seed()
    rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator, device=generator.device)))
    sound, edges = [], [np.zeros(1)]
    for at, features in pieces:
        points = curve.sample(FRAME_RATE, (at + len(features)) / FRAME_RATE + 0.1)[at : at + len(features)]
        controls = self.prosody_controls(
            features, points, middle, num_inference_steps, affect_guidance_scale, generator
        )
        controls = bounded(controls * np.float32(affect_strength))
        sound.append(synthesize(apply(features, controls, middle, rng)))
        edges.append(edges[-1][-1] + warp(controls[:, INDEX["duration"]])[1][1:])
    loud = np.concatenate(sound)
    # A loud recording said louder would not fit: it is turned down as a whole, rather than bent.
    loud *= min(1.0, LOUDEST / float(np.abs(loud).max()))
    return _as_speech(loud, np.concatenate(edges), curve, affect_strength, given)


@torch.no_grad()
def prosody_controls(
    self: EmotiveSpeechPipeline,
    features: VoiceFeatures,
    points: np.ndarray,
    centre: float | None = None,
    num_inference_steps: int = 8,
    affect_guidance_scale: float = 1.0,
    generator: torch.Generator | None = None,
) -> np.ndarray:
    """Prosody controls (T, 10) for a neutral recording's features and the affect (T, 3) at its frames."""
    device, network = self._execution_device, self.prosody
    centre = centre_of(features) if centre is None else centre
    ears = torch.from_numpy(heard(features, centre, FRAMES))[None].to(device)
    n = ears.shape[1]
    padded = np.pad(points, [(0, n * FRAMES - len(points)), (0, 0)], mode="edge")
    feeling = self.encode_affect(padded.reshape(1, n, FRAMES, -1)[:, :, 0])
    present = torch.ones(1, n, dtype=torch.bool, device=device)
    timesteps, sigmas = flow_timesteps(self.scheduler, num_inference_steps, device)
    width = network.config["controls"]
    x = randn_tensor((1, n, width), generator=generator, device=device, dtype=torch.float32)
    felt, null = (torch.tensor([v], device=device) for v in (False, True))
    for i, t in enumerate(timesteps):
        sigma = sigmas[i].expand(1)
        noisy = x.to(network.dtype)
        clean = network(noisy, sigma, ears, feeling, present, felt).float()
        if affect_guidance_scale != 1:
            without = network(noisy, sigma, ears, feeling, present, null).float()
            clean = without + affect_guidance_scale * (clean - without)
        x = self.scheduler.step(velocity(x, clean, sigma), t, x, return_dict=False)[0]
    tokens = (x[0] * network.deviation).float().cpu().numpy()
    # From the middles of the tokens to frames.
    middles = (np.arange(n) + 0.5) * FRAMES - 0.5
    frames = np.arange(len(features))
    return np.stack([np.interp(frames, middles, track) for track in tokens.T], 1).astype(np.float32)


def _pieces(waveform: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """(first frame, samples) of pieces of about `PIECE` seconds, cut at whole frames where it is quietest."""
    hop, piece = SAMPLE_RATE // FRAME_RATE, round(PIECE * FRAME_RATE)
    energy = smooth(np.abs(waveform[: len(waveform) // hop * hop]).reshape(-1, hop).mean(1), 0.1)
    start = 0
    while len(energy) - start > 1.5 * piece:
        window = energy[start + piece // 2 : start + piece]
        end = start + piece // 2 + int(window.argmin())
        yield start, waveform[start * hop : end * hop]
        start = end
    yield start, waveform[start * hop :]


def _as_speech(
    sound: np.ndarray, edges: np.ndarray, curve: AffectCurve, strength: float, given: Speech | None
) -> Speech:
    """The result with everything that has times moved along; `edges` is where each old frame begins now."""
    old, new = np.arange(len(edges)) / FRAME_RATE, edges / FRAME_RATE

    def moved(time: float) -> float:
        return float(np.interp(time, old, new))

    used = AffectCurve(
        {moved(t): a.scaled(min(strength, 1.0)) for t, a in curve.keyframes}.items()
        if len(curve.keyframes) > 1
        else [(0.0, curve.at(0.0).scaled(min(strength, 1.0)))]
    )
    if given is None:
        return Speech(sound, SAMPLE_RATE, affect=used)

    def along(spans: tuple[Any, ...]) -> list[Any]:
        return [replace(span, start=moved(span.start), end=moved(span.end)) for span in spans]

    phones = along(given.phones)
    if phones:  # rounding to frames may leave the last phone short of the end
        phones[-1] = replace(phones[-1], end=len(sound) / SAMPLE_RATE)
    return Speech(
        sound,
        SAMPLE_RATE,
        given.text,
        tuple(phones),
        tuple(along(given.syllables)),
        tuple(along(given.words)),
        affect=used,
        alphabet=given.alphabet,
        voice=given.voice,
    )
