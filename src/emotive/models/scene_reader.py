"""The scene classifier: what a picture shows, read at 64px, whatever the mood it is painted in."""

from __future__ import annotations

from itertools import pairwise

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F


class _Stage(nn.Module):
    """Halves the picture, then a residual step."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.down = nn.Conv2d(inputs, outputs, 3, 2, 1)
        self.norm = nn.GroupNorm(8, outputs)
        self.first = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.down(x)))
        return x + self.second(F.relu(self.first(x)))


class SceneClassifier(ModelMixin, ConfigMixin):
    """(B, 3, 64, 64) in [-1, 1] -> logits for each kind of `vocabulary`, and features.

    Args:
        vocabulary: kind -> names, in the order of the logits, such as {"time": ["dawn", "day"]}.
        widths: channels of the four stages, each half as wide as the one before; multiples of 8.

    The heads see the last 4x4 map with its places, since a boat is low and a balloon high.
    """

    @register_to_config
    def __init__(
        self,
        vocabulary: dict[str, list[str]],
        widths: tuple[int, ...] = (32, 64, 128, 112),
    ):
        super().__init__()
        self.stages = nn.Sequential(*(_Stage(a, b) for a, b in pairwise((3, *widths))))
        self.norm = nn.GroupNorm(8, widths[-1])
        side = 64 >> len(widths)
        self.heads = nn.ModuleDict(
            {kind: nn.Linear(widths[-1] * side * side, len(names)) for kind, names in vocabulary.items()}
        )

    def forward(self, pictures: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Logits (B, names) for each kind; features (B, widths[-1]): the last map, averaged over places."""
        h = F.relu(self.norm(self.stages(pictures)))
        places = h.flatten(1)
        return {kind: head(places) for kind, head in self.heads.items()}, h.mean((2, 3))
