"""A small autoencoder of bodies in motion, in whose space sets of motion are compared: two seconds to 32
numbers and back."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

FRAMES = 32  # of a chunk


class MotionAutoencoder(ModelMixin, ConfigMixin):
    """Chunks (B, 32, channels) -> code (B, code) -> chunks.

    `centre` and `scale` are the channels' usual values and sizes; inside, all are centred and divided.
    """

    @register_to_config
    def __init__(
        self,
        channels: int = 63,
        width: int = 64,
        code: int = 32,
        centre: tuple[float, ...] = (),
        scale: tuple[float, ...] = (),
    ):
        super().__init__()
        middles = torch.tensor(list(centre) or [0.0] * channels, dtype=torch.float32)
        sizes = torch.tensor(list(scale) or [1.0] * channels, dtype=torch.float32)
        self.register_buffer("middles", middles, persistent=False)
        self.register_buffer("sizes", sizes, persistent=False)
        self.down = nn.Sequential(
            nn.Conv1d(channels, width, 3, padding=1), nn.SiLU(),
            nn.Conv1d(width, width, 4, 2, 1), nn.SiLU(),
            nn.Conv1d(width, width, 4, 2, 1), nn.SiLU(),
            nn.Conv1d(width, width // 2, 4, 2, 1), nn.SiLU(),
        )  # fmt: skip
        self.to_code = nn.Linear(width // 2 * FRAMES // 8, code)
        self.from_code = nn.Linear(code, width // 2 * FRAMES // 8)
        self.up = nn.Sequential(
            nn.SiLU(), nn.ConvTranspose1d(width // 2, width, 4, 2, 1),
            nn.SiLU(), nn.ConvTranspose1d(width, width, 4, 2, 1),
            nn.SiLU(), nn.ConvTranspose1d(width, width, 4, 2, 1),
            nn.SiLU(), nn.Conv1d(width, channels, 3, padding=1),
        )  # fmt: skip

    def normalised(self, chunks: Tensor) -> Tensor:
        """Chunks in units of their channels' sizes."""
        return (chunks - self.get_buffer("middles")) / self.get_buffer("sizes")

    def encode(self, chunks: Tensor) -> Tensor:
        """(B, 32, channels) -> (B, code)."""
        return self.to_code(self.down(self.normalised(chunks).transpose(1, 2)).flatten(1))

    def decode(self, code: Tensor) -> Tensor:
        """(B, code) -> normalised chunks (B, 32, channels)."""
        return self.up(self.from_code(code).unflatten(1, (-1, FRAMES // 8))).transpose(1, 2)

    def forward(self, chunks: Tensor) -> Tensor:
        """Normalised chunks, drawn again from their code."""
        return self.decode(self.encode(chunks))
