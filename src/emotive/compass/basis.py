"""Where a person searches: a few axes of what conditions a model, along which its pictures visibly differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emotive.backbones.adapter import PromptEmbeds
from emotive.errors import InputError

from .direction import Direction, probe_of

REACH = 1.5  # units of the basis that 1.0 of a direction is: -2..2 of it spans what a tray can show


@dataclass(frozen=True, eq=False)
class Basis:
    """n axes. A point z (n,) on them, standard normal for a typical picture, is offsets of the conditioning.

    Attributes:
        names: of the axes, n.
        offsets: what 1.0 of each axis adds: float32 (n, ...) by the names of `Direction.offsets`.
        space: the model that it belongs to, in words.
        probe: of that model; see `Direction`.
    """

    names: tuple[str, ...]
    offsets: Mapping[str, Tensor]
    space: str
    probe: Tensor

    def __len__(self) -> int:
        return len(self.names)

    def at(self, z: Sequence[float] | np.ndarray, name: str = "somewhere") -> Direction:
        """The point z (n,) as a direction: 1.0 of it goes there."""
        weights = torch.as_tensor(np.asarray(z, np.float64))
        if weights.shape != (len(self),) or not torch.isfinite(weights).all():
            raise InputError(f"a point on this basis is {len(self)} finite numbers")
        offsets = {k: torch.tensordot(weights, axes.double(), 1).float() for k, axes in self.offsets.items()}
        return Direction(name, offsets, self.space, self.probe)


def backbone_basis(
    components: Mapping[str, Tensor],
    scales: Tensor,
    encode: Callable[[Sequence[str]], PromptEmbeds],
    space: str,
) -> Basis:
    """A basis of the embeds of a foreign backbone.

    Args:
        components, scales: {"tokens": (n, D), "pooled": (n, P)} and (n,), as
            `emotive.backbones.directions.mood_basis` returns them; 1.0 of an axis is component times scale.
        encode: texts to embeds, as the backbone makes them.
        space: the model, in words.
    """
    whitened = {key: (scales[:, None] * axes).float().cpu() for key, axes in components.items()}
    names = tuple(f"mood {i + 1}" for i in range(len(scales)))
    return Basis(names, whitened, space, probe_of(encode))
