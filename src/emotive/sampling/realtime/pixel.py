"""Our own image model in real time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from emotive.affect import Affect
from emotive.media.texture import lay_texture, texture_fields
from emotive.models.affect_embedding import AffectEmbedding, AffectTokens
from emotive.models.image_decoder import ImageDecoder
from emotive.models.image_denoiser import Hoisted, ImageDenoiser
from emotive.models.text_encoder import SceneTextEncoder, TextFeatures

from .denoiser import Scene
from .output import packed
from .schedule import StepSchedule


class PixelDenoiser:
    """`ImageDenoiser` in a few steps, with guidance built in. The control is the point of affect itself.

    schedule: `StepSchedule.flow` at a number of steps that the model learned. guidance: the scales for text
    and affect. hoist: see `Tuning`.
    """

    def __init__(
        self,
        text_encoder: SceneTextEncoder,
        affect_embedding: AffectEmbedding,
        denoiser: ImageDenoiser,
        schedule: StepSchedule,
        guidance: tuple[float, float],
        hoist: bool = True,
    ):
        self.text_encoder, self.affect_embedding, self.denoiser = text_encoder, affect_embedding, denoiser
        self.guidance, self.hoist = guidance, hoist
        self.sigmas = schedule.timesteps.to(self.device)
        self.following = (schedule.timesteps * schedule.next_x).to(self.device)

    @property
    def device(self) -> torch.device:
        return self.denoiser.device

    @property
    def dtype(self) -> torch.dtype:
        return self.denoiser.dtype

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        side = self.denoiser.config["sample_size"]
        return 3, side, side

    def scene(self, prompts: Sequence[str]) -> Scene:
        ids = self.text_encoder.tokenize(list(prompts))
        return self.text_encoder(ids.to(self.device))._asdict()

    def control(self, affects: Sequence[Affect]) -> Tensor:
        return torch.from_numpy(np.stack([a.as_array() for a in affects]))

    def condition(self, scene: Scene, control: Tensor) -> Hoisted | tuple[Tensor, Tensor]:
        steps, batch = len(self.sigmas), len(control)
        text = TextFeatures(
            *(scene[name].repeat(steps, *[1] * (scene[name].ndim - 1)) for name in TextFeatures._fields)
        )
        felt = self.affect_embedding(control)
        affect = AffectTokens(felt.tokens.repeat(steps, 1, 1), felt.pooled.repeat(steps, 1))
        sigma, following = (s.repeat_interleave(batch) for s in (self.sigmas, self.following))
        without = torch.zeros(steps * batch, dtype=torch.bool, device=self.device)
        guidance = torch.stack([torch.full_like(sigma, scale) for scale in self.guidance], 1)
        vector, tokens = self.denoiser.condition(sigma, following, text, affect, without, guidance)
        return self.denoiser.hoist(vector, tokens) if self.hoist else (vector, tokens)

    def draw(self, x: Tensor, *rows: Tensor) -> Tensor:
        hoisted = Hoisted(*rows) if self.hoist else self.denoiser.hoist(*rows)
        return self.denoiser.draw(x.to(self.denoiser.dtype), hoisted)


class PixelDecoder:
    """Small pictures to `side` px, with `texture` times the surface texture (0 is none)."""

    def __init__(self, decoder: ImageDecoder, texture: float, side: int):
        self.decoder, self.texture = decoder, texture
        self.fields = texture_fields(side, decoder.device)
        self.opaque = decoder.device.type == "cpu"

    def __call__(self, latents: Tensor, control: Tensor) -> Tensor:
        small = latents.clamp(-1, 1).to(self.decoder.dtype)
        return (self._in_one_pass if self.opaque else self._in_torch)(small, control[:, 1])

    def _in_torch(self, small: Tensor, arousal: Tensor) -> Tensor:
        large = self.decoder(small).float().div_(2).add_(0.5).clamp_(0, 1)
        large = lay_texture(large, arousal, self.texture, self.fields)
        return packed(large, 1, 0)

    def _in_one_pass(self, small: Tensor, arousal: Tensor) -> Tensor:
        from .finish import finish

        detail = self.decoder.detail(small)
        small, detail = (t.float().permute(0, 2, 3, 1).contiguous() for t in (small, detail))
        out = torch.empty(len(small), *self.fields[0].shape, 3, dtype=torch.uint8)
        paper, strokes = (field.numpy() for field in self.fields)
        for each, more, a, pixels in zip(small, detail, (arousal.clamp(-1, 1) + 1) / 2, out, strict=True):
            shares = self.texture * (1 - float(a)), self.texture * float(a)
            finish(each.numpy(), more.numpy(), paper, strokes, shares, pixels.numpy())
        return out
