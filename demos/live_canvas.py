"""What live pictures are painted on: real-time samplers over the Studio's pipeline, one for each number of
steps, JPEGs, and pictures to keep. No web."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from emotive.affect import Affect, AffectCurve
from emotive.batch import output_paths
from emotive.errors import InputError
from emotive.media.image import write_png
from emotive.media.provenance import Provenance
from emotive.plan import Place, blank_plan, open_painter, with_feeling

from . import views
from .easel import Easel, Painting, encodable, remarks

if TYPE_CHECKING:
    from emotive.pipelines.backbone import BackbonePainter
    from emotive.pipelines.image import EmotiveImagePipeline

STEPS = (1, 2, 4)
QUALITY = 90
LONGEST_CURVE = 20_000  # keyframes that a page plays


@dataclass(frozen=True)
class Kept:
    """A picture as a PNG with its provenance, the name for its file and what it shows, in words."""

    png: bytes
    name: str
    title: str


class BackboneEasel(Easel):
    """An easel with a diffusion model of others, such as SD-Turbo, opened as `emotive image --model` does."""

    record: Mapping[str, Any]

    def _load(self) -> tuple[Any, dict[str, Any]]:
        from emotive.pipelines.backbone import BackboneSettings

        plan = replace(blank_plan(self.model), texture=0.0, backbone=BackboneSettings().to_record())
        painter, here, settled = open_painter(plan, Place(self.device, self.dtype), own_steps=True)
        self.record = settled.backbone
        return painter, here


class Canvas:
    """Paints frames with the pipeline of an `Easel`, which it shares with the other rooms: one at a time."""

    def __init__(self, easel: Easel, steps: tuple[int, ...] = STEPS):
        self.easel, self.steps = easel, steps
        self._samplers: dict[int, Any] = {}

    def delay(self, steps: int) -> str:
        """What a page waits for before its first frame at so many steps; "" if everything is ready."""
        return "" if steps in self._samplers else "Getting ready"

    def scene(self, prompt: str, seed: int, steps: int) -> tuple[Any, list[str]]:
        """What `paint` takes, and remarks, such as words that the model does not know. Raises InputError."""
        with self.easel.turn() as pipe, remarks() as notes:
            sampler = self._sampler(pipe, steps)
            return (sampler, sampler.scene(prompt, seed)), notes

    def paint(self, held: Any, affect: Affect) -> bytes:
        """One frame as a JPEG."""
        sampler, scene = held
        with self.easel.turn():
            sampler.enter(scene, affect)
            pixels = sampler.step().pixels()[0]
        return jpeg(Image.fromarray(pixels))

    def keep(self, prompt: str, seed: int, steps: int, text: str, strength: float) -> Kept:
        """The same picture by the pipeline itself: `emotive image --like` makes it again."""
        plan = replace(
            blank_plan(self.easel.model),
            prompt=prompt,
            seed=seed,
            num_inference_steps=steps,
            affect_strength=strength,
        )
        if isinstance(self.easel, BackboneEasel):
            self.easel.pipe()
            plan = replace(plan, texture=0.0, backbone=dict(self.easel.record))
        painting = self.easel.paint(with_feeling(plan, text))
        name = output_paths(painting.made, str(self.easel.folder))[0].name
        return Kept(self._png(painting), name, views.title(painting.made))

    def _sampler(self, pipe: EmotiveImagePipeline | BackbonePainter, steps: int) -> Any:
        if steps not in self._samplers:
            from emotive.pipelines.image import EmotiveImagePipeline
            from emotive.pipelines.realtime import realtime

            own = pipe if isinstance(pipe, EmotiveImagePipeline) else pipe.pipe
            self._samplers[steps] = realtime(own, steps=steps)
        return self._samplers[steps]

    def _png(self, painting: Painting) -> bytes:
        made: Provenance = painting.made
        with tempfile.TemporaryDirectory(dir=self.easel.folder) as own:
            return write_png(Path(own) / "picture.png", painting.image, made, sidecar=False).read_bytes()


def jpeg(image: Image.Image) -> bytes:
    """4:4:4, so that colours stay where they are."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def read_curve(name: Any, text: Any, folder: Path) -> dict[str, Any]:
    """A curve's file, as a page plays it: {name, seconds, keyframes: [[s, valence, arousal, dominance or
    None]]}, linear in between. Raises InputError for what is no curve."""
    if not isinstance(name, str) or not isinstance(text, str) or not encodable(text):
        raise InputError("a curve is a .csv or .json file of text")
    with tempfile.TemporaryDirectory(dir=folder) as own:
        file = Path(own) / ("curve" + Path(name).suffix.lower()[:8])
        file.write_text(text, "utf-8")
        try:
            curve = AffectCurve.read(file)
        except InputError as error:
            shown = Path(name).name if encodable(name) else "the curve"
            raise InputError(str(error).replace(str(file), shown[:60])) from error
    return told_curve(curve, Path(name).name)


def told_curve(curve: AffectCurve, name: str) -> dict[str, Any]:
    """See `read_curve`."""
    if len(curve.keyframes) > LONGEST_CURVE:
        raise InputError(f"the curve has {len(curve.keyframes)} keyframes: {LONGEST_CURVE} at most")
    points = [(time, curve.at(time)) for time, _ in curve.keyframes]
    rows = [[time, affect.valence, affect.arousal, affect.dominance] for time, affect in points]
    return {"name": name[:60], "seconds": curve.duration, "keyframes": rows}
