"""A moving body online: motion while the voice is still coming in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from emotive.affect import Affect, AffectCurve
from emotive.body.actors import Actor
from emotive.body.performing import Performer
from emotive.sampling.windows import streamed
from emotive.signals import BodyMotion
from emotive.voice.listening import FEATURES, FRAMES, paired

from .heard_stream import heard_chunks
from .talking_head import as_fps

if TYPE_CHECKING:
    from .gesture import EmotiveGesturePipeline

HISTORY = 30  # tokens of motion that a piece follows
LOOKAHEAD, LEAST = 8, 4  # tokens that are heard before one is shown; made at once, at least


def stream(
    self: EmotiveGesturePipeline,
    audio: Iterable[np.ndarray],
    affect: Affect | AffectCurve | str | None = None,
    *,
    sample_rate: int,
    style: Actor | str | Sequence[float] | np.ndarray | None = None,
    fps: float = 30,
    num_inference_steps: int = 5,
    guidance_scale: float | None = None,
    affect_guidance_scale: float | None = None,
    affect_strength: float = 1.0,
    generator: torch.Generator | None = None,
) -> Iterator[BodyMotion]:
    """Pieces of motion that follow each other, while the voice is still coming in.

    audio: samples (N,) in [-1, 1], as they come, at `sample_rate` (samples/s). A frame is made when the
    sound up to 0.6 to 0.9 s after it has come: hands set out before the word that they go with. What was
    heard and made is forgotten after two seconds, so that a stream may last for ever. Other arguments and
    errors as for the call.
    """
    how = self._sampling(num_inference_steps, guidance_scale, affect_guidance_scale, generator)
    manner = self._manner("0,0" if affect is None else affect, affect_strength, style, how)
    rate = as_fps(fps)
    chunks = heard_chunks(audio, sample_rate)

    def pieces() -> Iterator[BodyMotion]:
        self._interrupt = False
        performer = Performer(rate, manner.curve, manner.build, manner.girth)
        latents = torch.zeros(0, self.denoiser.config["channels"], device=self._execution_device)
        noise = self.prepare_latents(0, how.generator)
        odd = np.zeros((0, FRAMES * FEATURES), np.float32)
        heard = np.zeros((0, 2 * FRAMES * FEATURES), np.float32)
        dropped = tokens = 0  # tokens of the stream that are forgotten; of `listening` that were heard
        for new, ended in chunks:
            tokens += len(new)
            odd = np.concatenate([odd, new])
            whole = len(odd) if ended else len(odd) // 2 * 2
            if whole:
                heard = np.concatenate([heard, paired(odd[:whole])])
            odd = odd[whole:]
            # Each token keeps its noise, so that what was looked ahead to comes out much the same again.
            noise = torch.cat([noise, self.prepare_latents(len(heard) - noise.shape[1], how.generator)], 1)
            window = streamed(len(latents), len(heard), LOOKAHEAD, HISTORY, LEAST, ended=ended)
            if window is None:
                continue
            at = slice(window.start, window.stop)
            with torch.no_grad():
                sound = torch.from_numpy(heard[at]).to(latents.device)
                points = manner.points(dropped + window.start, dropped + window.stop)
                known = self._conditions(sound, points, manner, None)
                found = self.denoise(known, latents[window.start :], how, noise[:, at])
            found = found[window.history : len(found) - window.ahead]
            latents = torch.cat([latents, found])
            until = max(1, round(tokens * rate / 30)) if ended else None
            piece = performer.take(self.decode(found), until)
            forget = max(0, len(latents) - HISTORY)
            latents, heard, noise = latents[forget:], heard[forget:], noise[:, forget:]
            dropped += forget
            if piece is not None:
                yield piece

    return pieces()
