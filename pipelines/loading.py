"""How every pipeline is opened: verified first, and with the affect embedding that its networks know."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline

from emotive.affect import strengthened
from emotive.errors import InputError, WeightsError
from emotive.models.affect_embedding import AffectEmbedding
from emotive.sampling.schedule import check_steps
from emotive.weights import fingerprint, resolve, verify

if TYPE_CHECKING:
    from typing_extensions import Self


def check_embedding(affect_embedding: AffectEmbedding, networks: Mapping[str, Any]) -> None:
    """Raises WeightsError unless the networks, by what they are called, were trained with this embedding."""
    mine = affect_embedding.fingerprint()
    for name, network in networks.items():
        if (trained_with := network.config["affect_sha256"]) != mine:
            raise WeightsError(
                f"the {name} was trained with the affect embedding {trained_with[:12]}, "
                f"not {mine[:12]}: use the one that came with it"
            )


class EmotivePipeline(DiffusionPipeline):
    """A `DiffusionPipeline` with a `denoiser`, from verified weights; `name` is what it was opened as."""

    kind: ClassVar[str]
    """What a folder should hold, as errors say it: "an image pipeline"."""
    name: str = "unnamed"
    _folder: str | None = None
    _interrupt: bool = False

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs) -> Self:
        """An embedded model ("emotive-image-1"), a local folder or a hub id; verified before it is opened.

        Raises:
            WeightsError: it is missing, truncated, pickled, altered, or no such pipeline.
        """
        folder = resolve(pretrained_model_name_or_path)
        verify(folder)
        try:
            pipe = super().from_pretrained(
                folder, **{"low_cpu_mem_usage": False, "use_safetensors": True, **kwargs}
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
            raise WeightsError(
                f"{folder} does not hold {cls.kind}: {' '.join(str(error).split())[:200]}"
            ) from error
        for module in pipe.components.values():
            if isinstance(module, torch.nn.Module):
                # Mapped from their file, weights lie at any address, for which kernels round otherwise.
                for weight in (*module.parameters(), *module.buffers()):
                    weight.data = weight.data.clone()
        pipe.name, pipe._folder = str(pretrained_model_name_or_path), str(folder)
        return pipe

    def fingerprint(self) -> str:
        """sha256 of the files that the pipeline was loaded from; empty if it was built in memory."""
        return fingerprint(self._folder) if self._folder else ""

    @property
    def guidance_defaults(self) -> tuple[float, float]:
        """(guidance_scale, affect_guidance_scale) that the model was tuned for."""
        text, affect = self.denoiser.config["guidance_defaults"]
        return float(text), float(affect)


@dataclass(frozen=True)
class Sampling:
    """How to sample: steps, (guidance_scale, affect_guidance_scale), noise, and who is told of every step."""

    steps: int = 8
    scales: tuple[float, float] = (1.0, 1.0)
    generator: torch.Generator | None = None
    callback: Callable | None = None
    inputs: tuple[str, ...] = ("latents",)


class TimedPipeline(EmotivePipeline):
    """A pipeline of a medium over time, whose affect may change from moment to moment."""

    def encode_affect(self, points: np.ndarray, affect_strength: float = 1.0) -> torch.Tensor:
        """Points (..., 3), moved to `affect_strength` times their distance from neutral -> pooled vectors."""
        moved = strengthened(points, affect_strength)
        return self.affect_embedding(torch.from_numpy(moved).to(self._execution_device)).pooled

    def _scales(self, scale: float | None, affect_scale: float | None) -> tuple[float, float]:
        """The two guidance scales, the model's own where none is given. Raises InputError outside 0..100."""
        given = [
            d if s is None else s for s, d in zip((scale, affect_scale), self.guidance_defaults, strict=True)
        ]
        for name, value in zip(("guidance_scale", "affect_guidance_scale"), given, strict=True):
            if not 0 <= value <= 100:
                raise InputError(f"{name} must lie in 0..100, not {value:g}")
        return float(given[0]), float(given[1])

    def _sampling(
        self,
        steps: int,
        scale: float | None,
        affect_scale: float | None,
        generator: torch.Generator | None,
        callback: Callable | None = None,
        inputs: Sequence[str] = ("latents",),
    ) -> Sampling:
        check_steps(steps)
        if set(inputs) - set(self._callback_tensor_inputs):
            raise InputError(f"callbacks can be given {self._callback_tensor_inputs}")
        if generator is None:
            generator = torch.Generator()
            generator.seed()
        return Sampling(steps, self._scales(scale, affect_scale), generator, callback, tuple(inputs))
