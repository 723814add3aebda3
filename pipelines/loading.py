"""How every pipeline is opened: verified first, and with the affect embedding that its networks know."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from diffusers.pipelines.pipeline_utils import DiffusionPipeline

from emotive.errors import WeightsError
from emotive.models.affect_embedding import AffectEmbedding
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
