"""The network of the learned speech judge: log-mel, a small convolutional regressor, a spread."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

FLOOR = 1e-5  # power against the clip's level: 50 dB down everything is silence, room and noise alike
LOUD = 1e-3  # frames down to 30 dB below the loudest count as speech


class _Context(nn.Module):
    """x + conv(relu(norm(conv(relu(x))))): a quarter of a second further to either side."""

    def __init__(self, width: int, dilation: int):
        super().__init__()
        self.wide = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.norm = nn.GroupNorm(8, width)
        self.narrow = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.narrow(F.relu(self.norm(self.wide(F.relu(x)))))


class SpeechJudgeNetwork(ModelMixin, ConfigMixin):
    """Waveforms (B, N) at 16 kHz -> mean (B, 2) and log standard deviation (B, 2).

    Columns are valence and arousal. The mean is not bounded: clip it to [-1, 1]. Every clip is brought to one
    level inside, so that a gain changes no answer: `0.1 x` reads like `x`. At least half a second is needed.

    The first layers are convolutions over time *and* over the mel scale, on which another pitch or another
    vocal tract is nearly a shift. The head reads mean and deviation over what is spoken, and how much that is
    (the silence feature of Atmaja & Akagi 2020). `spread` are factors, valence and arousal, that calibration
    found for the standard deviation.
    """

    @register_to_config
    def __init__(
        self,
        sample_rate: int = 16_000,
        bands: int = 64,
        window: int = 1024,
        hop: int = 200,
        highest: float = 7000.0,
        channels: tuple[int, int, int] = (16, 32, 32),
        width: int = 72,
        dilations: tuple[int, ...] = (1, 2, 4),
        hidden: int = 64,
        spread: tuple[float, float] = (1.0, 1.0),
    ):
        super().__init__()
        self.register_buffer("filters", mel_filters(bands, window, sample_rate, highest), persistent=False)
        self.register_buffer("taper", torch.hann_window(window), persistent=False)
        first, second, third = channels
        self.over_both = nn.ModuleList([
            nn.Conv2d(1, first, 5, stride=(2, 2), padding=2),
            nn.Conv2d(first, second, 3, stride=(2, 1), padding=1),
            nn.Conv2d(second, third, 3, stride=(2, 2), padding=1),
        ])  # fmt: skip
        self.over_bands = nn.Conv1d(third * (bands // 8), width, 1)
        self.over_time = nn.ModuleList([_Context(width, d) for d in dilations])
        self.head = nn.Sequential(nn.Linear(2 * width + 1, hidden), nn.ReLU(), nn.Linear(hidden, 4))

    def power(self, waveforms: Tensor) -> Tensor:
        """(B, N) -> mel power (B, bands, T), 80 frames a second."""
        window, hop = self.config["window"], self.config["hop"]
        taper, filters = self.get_buffer("taper"), self.get_buffer("filters")
        spectra = torch.stft(waveforms.float(), window, hop, window=taper.float(), return_complex=True)
        return filters.float() @ spectra.abs().square()

    def levelled(self, power: Tensor) -> tuple[Tensor, Tensor]:
        """Mel power -> log power against the clip's own level, scaled to about +-1; and loud frames (B, T).

        The level is the mean power of the frames within 30 dB of the loudest.
        """
        frames = power.sum(1)
        loud = (frames > LOUD * frames.amax(1, keepdim=True)).float()
        level = (frames * loud).sum(1) / loud.sum(1).clamp_min(1) / power.shape[1]
        relative = power / level.clamp_min(1e-30)[:, None, None]
        return ((relative + FLOOR).log() + 4.0) / 4.0, loud

    def read(self, power: Tensor) -> tuple[Tensor, Tensor]:
        """Mel power (B, bands, T) -> mean and log standard deviation, both (B, 2)."""
        x, loud = self.levelled(power)
        h = x[:, None]
        for layer in self.over_both:
            h = F.relu(layer(h))
        h = self.over_bands(h.flatten(1, 2))
        for block in self.over_time:
            h = block(h)
        weight = F.adaptive_avg_pool1d(loud[:, None], h.shape[2])
        share = weight.mean(2)
        weight = weight / weight.sum(2, keepdim=True).clamp_min(1e-6)
        h = h.float()
        mean = (h * weight).sum(2)
        # The small constant keeps the gradient of the root finite where a channel is silent.
        deviation = ((h - mean[:, :, None]).square() * weight).sum(2).add(1e-4).sqrt()
        answer, log_sd = self.head(torch.cat([mean, deviation, share], 1)).float().split(2, 1)
        factors = torch.tensor(self.config["spread"], device=log_sd.device).log()
        return answer, log_sd.clamp(-4.0, 1.0) + factors

    def forward(self, waveforms: Tensor) -> tuple[Tensor, Tensor]:
        return self.read(self.power(waveforms))


def mel_filters(bands: int, window: int, sample_rate: int, highest: float) -> Tensor:
    """(bands, window / 2 + 1): triangles on the mel scale (O'Shaughnessy 1987) from 50 Hz to `highest`, each
    adding up to 1."""
    hertz = torch.linspace(0, sample_rate / 2, window // 2 + 1, dtype=torch.float64)

    def mel(f: Tensor) -> Tensor:
        return 1127.0 * torch.log1p(f / 700.0)

    low, high = mel(torch.tensor([50.0, highest], dtype=torch.float64))
    corners = 700.0 * torch.expm1(torch.linspace(float(low), float(high), bands + 2) / 1127.0).double()
    left, middle, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    triangles = torch.minimum((hertz - left) / (middle - left), (right - hertz) / (right - middle)).clamp_min(
        0
    )
    # A band narrower than a bin takes the nearest one.
    empty = triangles.sum(1) == 0
    nearest = (hertz[None] - middle).abs().argmin(1)
    triangles[empty, nearest[empty]] = 1.0
    return (triangles / triangles.sum(1, keepdim=True)).float()
