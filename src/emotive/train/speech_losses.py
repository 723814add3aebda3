"""What the speech networks are trained to do: flow matching on frames and on controls, durations."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emotive.models.affect_embedding import AffectEmbedding
from emotive.models.prosody_denoiser import ProsodyDenoiser
from emotive.models.speech_denoiser import PhoneTokens, SpeechDenoiser, SpeechDurations
from emotive.sampling.flow import add_noise

from .speech_data import SpeechBatch

Autocast = Callable[[], torch.autocast]
DROPPED = {"phones": 0.08, "affect": 0.10}  # for guidance


class Voice(nn.Module):
    """Denoiser and durations, trained together; the affect embedding stays frozen outside."""

    def __init__(self, denoiser: SpeechDenoiser, durations: SpeechDurations, affect: AffectEmbedding):
        super().__init__()
        self.denoiser, self.durations = denoiser, durations
        self._affect = [affect]  # in a list: not a submodule

    def forward(
        self,
        noisy: Tensor,
        sigma: Tensor,
        phones: PhoneTokens,
        phone_of_frame: Tensor,
        place: Tensor,
        feeling: Tensor,
        no_phones: Tensor,
        no_affect: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Clean frames and logits of voicing."""
        encoded, who = self.denoiser.encode(phones), phones.voice
        return self.denoiser(noisy, sigma, encoded, phone_of_frame, place, who, feeling, no_phones, no_affect)

    def feel(self, affect: Tensor) -> Tensor:
        """Pooled vectors of affect (..., 3)."""
        with torch.no_grad(), torch.autocast(affect.device.type, enabled=False):
            return self._affect[0](affect).pooled


def random_sigma(count: int, device: torch.device, shift: float = 0.4) -> Tensor:
    """Noise levels (count,): logit-normal around the middle, a little towards noise (Esser et al. 2024)."""
    return torch.sigmoid(shift + 1.3 * torch.randn(count, device=device)).clamp(0.01, 1.0)


def clean_weight(sigma: Tensor) -> Tensor:
    """1 / (sigma^2 + 0.15), as for pictures: between x0 and velocity matching."""
    return 1 / (sigma.square() + 0.15)


def voice_loss(voice: Voice, forward: Callable, batch: SpeechBatch, autocast: Autocast) -> Tensor:
    """Flow matching of frames, cross-entropy of voicing, Huber loss of log durations."""
    denoiser, who = voice.denoiser, batch.phones.voice
    count, device = len(batch.durations), batch.frames.device
    clean = (batch.frames - denoiser.mean[who][:, None]) / denoiser.deviation[who][:, None]
    sigma = random_sigma(count, device)
    # A twentieth starts from pure noise, as sampling does.
    sigma = torch.where(torch.rand(count, device=device) < 0.05, 1.0, sigma)
    noisy = add_noise(clean, torch.randn_like(clean), sigma)
    no_phones = torch.rand(count, device=device) < DROPPED["phones"]
    no_affect = (torch.rand(count, device=device) < DROPPED["affect"]) | no_phones
    with autocast():
        predicted, voicing = forward(
            noisy,
            sigma,
            batch.phones,
            batch.phone_of_frame,
            batch.place,
            voice.feel(batch.affect),
            no_phones,
            no_affect,
        )
        log_frames = voice.durations(batch.phones, voice.feel(batch.phone_affect), no_affect)
    present = (batch.phone_of_frame >= 0).float()
    error = (predicted.float() - clean).square()
    pitch_counts = 0.1 + 0.9 * batch.voiced  # where nothing is voiced, pitch is only a bridge
    error = torch.cat([error[..., :1] * pitch_counts[..., None] * 4, error[..., 1:]], -1).mean(-1)
    frames = (error * present).sum(1) / present.sum(1)
    flow = (frames * clean_weight(sigma)).mean()
    voiced = F.binary_cross_entropy_with_logits(voicing.float(), batch.voiced, reduction="none")
    voiced = (voiced * present).sum() / present.sum()
    real = batch.durations > 0
    time = F.huber_loss(log_frames.float()[real], batch.durations[real].log(), delta=0.5)
    return flow + 0.2 * voiced + time


class ProsodyBatch(NamedTuple):
    """controls (B, N, 10), heard (B, N, 40), affect (B, N, 3), present bool (B, N)."""

    controls: Tensor
    heard: Tensor
    affect: Tensor
    present: Tensor


def prosody_loss(
    denoiser: ProsodyDenoiser, affect: AffectEmbedding, batch: ProsodyBatch, autocast: Autocast
) -> Tensor:
    """Flow matching of prosody controls."""
    clean = batch.controls / denoiser.deviation
    sigma = random_sigma(len(clean), clean.device, shift=0.8)
    noisy = add_noise(clean, torch.randn_like(clean), sigma)
    no_affect = torch.rand(len(clean), device=clean.device) < DROPPED["affect"]
    with torch.no_grad():
        pooled = affect(batch.affect).pooled
    with autocast():
        predicted = denoiser(noisy, sigma, batch.heard, pooled, batch.present, no_affect)
    present = batch.present.float()
    error = (predicted.float() - clean).square().mean(-1)
    return ((error * present).sum(1) / present.sum(1) * clean_weight(sigma)).mean()
