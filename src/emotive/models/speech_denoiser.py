"""The speech denoiser: noisy vocoder frames, phones, voice, affect -> clean vocoder frames.

A phone encoder, a length regulator (phones are repeated for the frames they take; Ren et al. 2019,
FastSpeech) and a stack of `SequenceBlock`s at half the frame rate. As the picture's denoiser it predicts what
is clean, x0; the velocity follows as u = (x - x0) / sigma. Voicing, which is yes or no, is an output of its
own.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import MLP, fourier_features, zero
from .sequence import SequenceBlock, surroundings


class PhoneTokens(NamedTuple):
    """symbols, boundaries, closings: long (B, P) as `voice.utterance.Utterance` has them, symbols by number
    in `voice.phones.SYMBOLS`, -1 where there is no phone. voice: long (B,)."""

    symbols: Tensor
    boundaries: Tensor
    closings: Tensor
    voice: Tensor

    def to(self, device: torch.device | str) -> PhoneTokens:
        """The same on another device."""
        return PhoneTokens(*(part.to(device) for part in self))


class PhoneEmbedding(nn.Module):
    """Phones, their place in the word, the phrase they are in, and who speaks: (B, P, D)."""

    def __init__(self, symbols: int, closings: int, voices: int, dim: int):
        super().__init__()
        self.symbol = nn.Embedding(symbols, dim)
        self.boundary = nn.Embedding(4, dim)
        self.closing = nn.Embedding(closings, dim)
        self.voice = nn.Embedding(voices, dim)

    def forward(self, phones: PhoneTokens) -> Tensor:
        """(B, P, D)."""
        inside = self.symbol(phones.symbols.clamp_min(0)) + self.boundary(phones.boundaries)
        return inside + self.closing(phones.closings) + self.voice(phones.voice)[:, None]


class SpeechDenoiser(ModelMixin, ConfigMixin):
    """x0 from x_sigma = (1 - sigma) x0 + sigma eps over frames (B, T, channels), T even.

    Frames are normalised: `mean` and `deviation` (voices, channels) lead from them to log F0 (from
    150 Hz on), cepstrum and aperiodicity.
    """

    mean: Tensor
    deviation: Tensor

    @register_to_config
    def __init__(
        self,
        voices: tuple[str, ...] = ("slt", "rms"),
        symbols: int = 71,
        closings: int = 6,
        channels: int = 64,
        dim: int = 192,
        layers: int = 5,
        heads: int = 4,
        window: int = 48,
        encoder_dim: int = 144,
        encoder_layers: int = 3,
        affect_pooled_dim: int = 128,
        affect_sha256: str = "",
        guidance_defaults: tuple[float, float] = (1.0, 1.0),
    ):
        super().__init__()
        self.dim, self.heads, self.window = dim, heads, window
        self.phone_embedding = PhoneEmbedding(symbols, closings, len(voices), encoder_dim)
        self.encoder_modulation = nn.Parameter(torch.zeros(6 * encoder_dim))
        self.encoder_blocks = nn.ModuleList(SequenceBlock(encoder_dim, heads) for _ in range(encoder_layers))
        self.null_phones = nn.Parameter(torch.zeros(encoder_dim))
        self.stem = nn.Linear(2 * channels, dim)
        self.phones = nn.Linear(2 * (encoder_dim + 3), dim)
        self.voice = nn.Embedding(len(voices), dim)
        self.sigma_embedding = MLP(64, dim)
        self.affect_projection = MLP(affect_pooled_dim, dim)
        self.null_affect = nn.Parameter(torch.zeros(dim))
        self.modulation = zero(nn.Linear(dim, 6 * dim))
        self.blocks = nn.ModuleList(SequenceBlock(dim, heads) for _ in range(layers))
        self.out = zero(nn.Linear(dim, 2 * channels))
        self.voicing = nn.Linear(dim, 2)
        self.register_buffer("mean", torch.zeros(len(voices), channels))
        self.register_buffer("deviation", torch.ones(len(voices), channels))

    def encode(self, phones: PhoneTokens) -> Tensor:
        """What the phones are in their context, (B, P, encoder_dim)."""
        h = self.phone_embedding(phones)
        around = surroundings(phones.symbols >= 0, h.shape[1], h.shape[2] // self.heads)
        modulation = self.encoder_modulation.expand(1, 1, -1)
        for block in self.encoder_blocks:
            h = block(h, modulation, around)
        return F.layer_norm(h, h.shape[-1:])

    def regulate(self, encoded: Tensor, phone_of_frame: Tensor, place: Tensor) -> Tensor:
        """Encoded phones repeated over their frames, with the place in the phone: (B, T, encoder_dim + 3)."""
        index = phone_of_frame.clamp_min(0)[..., None].expand(-1, -1, encoded.shape[-1])
        return torch.cat([encoded.gather(1, index), place.to(encoded.dtype)], -1)

    def forward(
        self,
        sample: Tensor,
        sigma: Tensor,
        encoded: Tensor,
        phone_of_frame: Tensor,
        place: Tensor,
        voice: Tensor,
        affect: Tensor,
        without_phones: Tensor,
        without_affect: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """The clean frames (B, T, channels), and logits of voicing (B, T).

        Args:
            sample: x_sigma, (B, T, channels).
            sigma: (B,), in (0, 1].
            encoded: of `encode`.
            phone_of_frame: long (B, T): which phone a frame lies in, -1 beyond the end.
            place: (B, T, 3) of `places`.
            voice: long (B,).
            affect: pooled vectors of the affect embedding for every second frame, (B, T / 2, pooled).
            without_phones, without_affect: bool (B,), where their nulls stand in.
        """
        b, t, _ = sample.shape
        dtype = self.stem.weight.dtype
        encoded = torch.where(without_phones[:, None, None], self.null_phones.to(encoded.dtype), encoded)
        place = torch.where(without_phones[:, None, None], torch.zeros_like(place), place)
        condition = self.regulate(encoded, phone_of_frame, place).view(b, t // 2, -1)
        h = self.stem(sample.to(dtype).view(b, t // 2, -1)) + self.phones(condition.to(dtype))
        feeling = self.affect_projection(affect.to(dtype))
        feeling = torch.where(without_affect[:, None, None], self.null_affect.to(feeling.dtype), feeling)
        level = self.sigma_embedding(fourier_features(6.2832 * sigma, 32, 100.0).to(dtype))
        modulation = self.modulation(F.silu(feeling + (level + self.voice(voice))[:, None]))
        around = surroundings(phone_of_frame[:, ::2] >= 0, self.window, self.dim // self.heads)
        for block in self.blocks:
            h = block(h, modulation, around)
        h = F.layer_norm(h, h.shape[-1:])
        return self.out(h).view(b, t, -1), self.voicing(h).view(b, t)


class SpeechDurations(ModelMixin, ConfigMixin):
    """Phones, voice and the affect at each phone -> log of how many frames each takes, (B, P)."""

    @register_to_config
    def __init__(
        self,
        voices: tuple[str, ...] = ("slt", "rms"),
        symbols: int = 71,
        closings: int = 6,
        dim: int = 80,
        layers: int = 3,
        heads: int = 4,
        affect_pooled_dim: int = 128,
        affect_sha256: str = "",
    ):
        super().__init__()
        self.heads = heads
        self.phone_embedding = PhoneEmbedding(symbols, closings, len(voices), dim)
        self.affect_projection = MLP(affect_pooled_dim, dim)
        self.null_affect = nn.Parameter(torch.zeros(dim))
        self.modulation = zero(nn.Linear(dim, 6 * dim))
        self.blocks = nn.ModuleList(SequenceBlock(dim, heads) for _ in range(layers))
        self.out = nn.Linear(dim, 1)

    def forward(self, phones: PhoneTokens, affect: Tensor, without_affect: Tensor) -> Tensor:
        """affect: pooled vectors (B, P, pooled); without_affect: bool (B,)."""
        h = self.phone_embedding(phones)
        feeling = self.affect_projection(affect.to(h.dtype))
        feeling = torch.where(without_affect[:, None, None], self.null_affect.to(feeling.dtype), feeling)
        modulation = self.modulation(F.silu(feeling))
        around = surroundings(phones.symbols >= 0, h.shape[1], h.shape[2] // self.heads)
        for block in self.blocks:
            h = block(h, modulation, around)
        return self.out(F.layer_norm(h, h.shape[-1:]))[..., 0] + 2.0  # exp(2) = 7.4 frames, a usual phone


def places(edges: Tensor, phone_of_frame: Tensor) -> Tensor:
    """How far a frame is through its phone, and how long that is: (T, 3).

    edges (P + 1,) frame numbers, phone_of_frame long (T,). The three: -1..1 from begin to end, the logs of
    the frames since the begin and until the end, over 4.
    """
    inside = phone_of_frame.clamp_min(0)
    start, end = edges[inside].float(), edges[inside + 1].float()
    now = torch.arange(len(phone_of_frame), device=edges.device) + 0.5
    since, until = (now - start).clamp_min(0), (end - now).clamp_min(0)
    along = 2 * since / (end - start).clamp_min(1) - 1
    return torch.stack([along, torch.log1p(since) / 4, torch.log1p(until) / 4], -1)
