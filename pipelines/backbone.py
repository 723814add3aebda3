"""A backbone painted with as the embedded model is: words, affects and noises in, pictures out.

For what works on either: the command line, batches, stimulus sets, benchmarks. In Python, `with_affect` on a
pipeline of one's own says more.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import PIL.Image

from emotive.affect import Affect
from emotive.backbones.families import family_of
from emotive.backbones.opening import memory_errors, open_backbone
from emotive.backbones.sampling_defaults import check_size, guidance_options, sampling_defaults
from emotive.errors import InputError
from emotive.media.picture import open_picture
from emotive.sampling.schedule import check_steps

from .backbone_edit import steps_taken, working_size
from .image import EmotiveImagePipelineOutput
from .with_affect import with_affect

if TYPE_CHECKING:
    import torch

    from .image_edit import EmotiveImageEditOutput

STRENGTH = 0.6  # of img2img, as diffusers has it for most


@dataclass(frozen=True)
class BackboneSettings:
    """How a backbone is set, besides words, affect, noise, steps and guidance.

    Attributes:
        adapter: "directions", "blend", or the folder or hub id of an adapter.
        negative_prompt: what the picture should not be.
        size: (width, height) in pixels; None is the model's own, in the shape of the picture to start from.
        loras: files, folders or hub ids of LoRA weights, and how much of each.
        config: for a single file, the folder with its configuration; "" is the bundled one.
        init_image: a picture to start from (img2img); "" is none. init_image_sha256: of its file.
        strength: how much noise img2img starts from, (0, 1].
        adapter_fingerprint: of the adapter's numbers, once it is open.
    """

    adapter: str = "directions"
    negative_prompt: str = ""
    size: tuple[int, int] | None = None
    loras: tuple[tuple[str, float], ...] = ()
    config: str = ""
    init_image: str = ""
    init_image_sha256: str = ""
    strength: float = STRENGTH
    adapter_fingerprint: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1:
            raise InputError(f"strength must lie above 0 and up to 1, not {self.strength:g}")

    def to_record(self) -> dict[str, Any]:
        """What differs from the defaults, and the adapter, as JSON values: for provenance."""
        plain = BackboneSettings()
        record: dict[str, Any] = {"adapter": self.adapter}
        for f in fields(self):
            value = getattr(self, f.name)
            if value != getattr(plain, f.name):
                record[f.name] = value
        if self.loras:
            record["loras"] = [list(lora) for lora in self.loras]
        if self.size:
            record["size"] = list(self.size)
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> BackboneSettings:
        """The inverse of `to_record`. Raises InputError where a file says something else."""
        try:
            known = {f.name: record[f.name] for f in fields(cls) if f.name in record}
            if "loras" in known:
                known["loras"] = tuple((str(name), float(weight)) for name, weight in known["loras"])
            if known.get("size"):
                width, height = known["size"]
                known["size"] = (int(width), int(height))
            for name in ("adapter", "negative_prompt", "config", "init_image", "init_image_sha256"):
                if not isinstance(known.get(name, ""), str):
                    raise TypeError(f"{name} should be text")
            return cls(**known)
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(f"the provenance is damaged: backbone: {error}") from error


class BackbonePainter:
    """A backbone with an adapter, called as `EmotiveImagePipeline` is. `pipe` is the pipeline itself, and
    takes affect as `with_affect` says."""

    def __init__(self, pipe: Any, settings: BackboneSettings, name: str = "", image: Any = None):
        self.pipe, self.settings, self.name, self.image = pipe, settings, name, image
        steps, guidance, size = sampling_defaults(pipe)
        self.default_steps = steps
        self.guidance_defaults = (guidance, 1.0)
        if image is not None and settings.size is None:
            size = working_size(pipe, image.size)
        self.size = settings.size or size
        check_size(pipe, *self.size)
        if image is not None and image.size != self.size:
            self.image = image.resize(self.size, PIL.Image.Resampling.LANCZOS)

    @classmethod
    def open(
        cls,
        model: str,
        settings: BackboneSettings,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
        offload: str | None = None,
    ) -> BackbonePainter:
        """A hub id, a folder or a single file, with its adapter.

        Raises:
            InputError: a setting cannot be honoured.
            WeightsError: the model or the adapter cannot be opened.
        """
        image, settings = _initial(settings)
        with memory_errors():
            pipe = open_backbone(
                model,
                config=settings.config or None,
                device=device,
                dtype=dtype,
                offload=offload,
                loras=settings.loras,
                image_to_image=image is not None,
            )
            with_affect(pipe, settings.adapter)
        pipe.set_progress_bar_config(disable=True)
        settings = replace(settings, adapter_fingerprint=pipe.affect_adapter.fingerprint())
        return cls(pipe, settings, model, image)

    def fingerprint(self) -> str:
        """64 hex digits over the files that the pipeline was opened from; empty if it was built in memory."""
        return getattr(self.pipe, "backbone_sha256", "")

    def __call__(
        self,
        prompt: str | list[str] = "",
        affect: Affect | str | list[Affect | str] | None = None,
        *,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        affect_guidance_scale: float | None = None,
        affect_strength: float = 1.0,
        texture: float = 0.0,
        directions: Mapping[str, float] | None = None,
        generator: Any = None,
        **kwargs: Any,
    ) -> EmotiveImagePipelineOutput:
        """Paints, as `EmotiveImagePipeline.__call__`; None is the model's default. Other arguments go to the
        pipeline.

        Raises:
            InputError: an argument cannot be honoured (`texture` cannot).
            EmotiveError: out of memory.
        """
        if texture:
            raise InputError("texture is laid on pictures of the embedded model only: leave it out")
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        asked = Affect.neutral() if affect is None else affect
        given: Sequence[Affect | str] = asked if isinstance(asked, list) else [asked]
        affects = [Affect.parse(a) for a in given]
        scale = self.guidance_defaults[0] if guidance_scale is None else guidance_scale
        steps = self.default_steps if num_inference_steps is None else num_inference_steps
        check_steps(steps)
        call = {"num_inference_steps": steps, **kwargs}
        width, height = self.size
        if self.image is None:
            call |= {"width": width, "height": height}
        else:
            call |= {"image": [self.image] * len(prompts), "strength": self.settings.strength}
            if family_of(self.pipe).guidance == "true_cfg_scale":
                call |= {"width": width, "height": height}
            steps_taken(steps, self.settings.strength)
        call |= guidance_options(self.pipe, self.settings.negative_prompt, scale, len(prompts))
        with memory_errors():
            output = self.pipe(
                prompt=prompts,
                affect=affects,
                affect_strength=affect_strength,
                affect_guidance_scale=1.0 if affect_guidance_scale is None else affect_guidance_scale,
                directions=directions,
                generator=generator,
                **call,
            )
        return EmotiveImagePipelineOutput(
            output.images, affects if len(affects) == len(prompts) else affects * len(prompts)
        )

    def edit(self, image: Any, affect: Affect | str, **options: Any) -> EmotiveImageEditOutput:
        """`edit_with_backbone`, at the size that is set."""
        side = round((self.settings.size[0] * self.settings.size[1]) ** 0.5) if self.settings.size else None
        with memory_errors():
            return self.pipe.edit(image, affect, side=side, **options)


def _initial(settings: BackboneSettings) -> tuple[Any, BackboneSettings]:
    """The picture to start from, and the settings with its sha256."""
    if not settings.init_image:
        return None, settings
    picture = open_picture(Path(settings.init_image))
    digest = hashlib.sha256(Path(settings.init_image).read_bytes()).hexdigest()
    if settings.init_image_sha256 not in ("", digest):
        raise InputError(f"{os.path.basename(settings.init_image)} is not the picture that was started from")
    return picture, replace(settings, init_image_sha256=digest)
