"""From paintings to what the components of the page show: data URIs, titles, rows of text."""

from __future__ import annotations

import base64
import io
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from emotive.affect import Affect
from emotive.batch import output_paths
from emotive.media import slug
from emotive.media.image import draw_grid, write_png
from emotive.media.picture import as_array, open_picture
from emotive.media.provenance import Provenance
from emotive.perceive.judge import Estimates, Judge

from .easel import MAX_UPLOAD_PIXELS, Painting, without_path

CELL = 176  # pixels of a cell of the sheet on the page
THUMB = 112


def moving(painting: Painting) -> dict[str, Any]:
    """The stage while the puck moves: light and quick, without provenance, so not to be kept."""
    return {"src": small(painting.image, painting.image.width), "live": True}


def resting(painting: Painting, folder: Path) -> dict[str, Any]:
    """The stage when the puck rests: the PNG with its provenance, its title and what it was made from."""
    made = painting.made
    return {
        "src": png(painting.image, made, folder),
        "live": False,
        "title": title(made),
        "name": output_paths(made, str(folder))[0].name,
        "rows": rows(made),
        "estimates": readings(painting.image),
    }


def readings(image: Image.Image) -> list[dict[str, Any]]:
    """What both judges read in a picture: marks on the pad and a line of words. Estimates, not ratings."""
    named = zip(("learned", "published"), _judges(), strict=True)
    return [reading(name, judge.estimate([as_array(image)])) for name, judge in named]


def reading(name: str, estimates: Estimates) -> dict[str, Any]:
    """What the judge called `name` reads on average: a mark on the pad, and words."""
    v, a, v_sd, a_sd = (float(values.mean()) for values in estimates)
    said = f"{name} judge: valence {v:+.2f} ± {v_sd:.2f}, arousal {a:+.2f} ± {a_sd:.2f}"
    return {"name": f"the {name} judge", "valence": v, "arousal": a, "said": said.replace("-", "−")}


@cache
def _judges() -> tuple[Judge, Judge]:
    from emotive.perceive.picture import PictureJudge
    from emotive.perceive.published import PublishedJudge

    return PictureJudge.from_pretrained(), PublishedJudge()


def title(made: Provenance) -> str:
    """What a picture shows, in words."""
    return f"{made.prompt or 'a mood alone'}, {feeling(made)}"


def feeling(made: Provenance) -> str:
    """An affect as a person says it: "joyful 0.7 + fearful 0.3", or "valence 0.6, arousal −0.2"."""
    if made.affect is None:
        return "in every feeling"
    if made.affect_text and "," not in made.affect_text:
        return made.affect_text.replace(":", " ").replace("+", " + ").replace("*", " × ")
    return f"valence {made.affect.valence:g}, arousal {made.affect.arousal:g}".replace("-", "−")


def rows(made: Provenance) -> list[tuple[str, str]]:
    """The provenance to be read, as (what, value)."""
    scales = (made.guidance_scale, made.affect_guidance_scale)
    words, pull = ("the model's own" if scale is None else f"{scale:g}" for scale in scales)
    typed = f"  typed “{made.affect_text}”" if made.affect_text else ""
    return [
        ("", f"{made.statement}. {made.created}"),
        ("prompt", made.prompt or "none, a mood alone"),
        ("affect", f"{made.affect}{typed}" if made.affect is not None else feeling(made)),
        ("strength", f"{made.affect_strength:g}"),
        ("sampling", f"seed {made.seed}, {made.num_inference_steps} steps, guidance {words}, affect {pull}"),
        ("model", f"{made.model}  {made.model_fingerprint[:12]}"),
        ("made on", f"{made.device}, {made.dtype}, {made.threads} threads, torch {made.torch}"),
        ("again", "emotive image --like FILE"),
    ]


def cell(image: Image.Image, affect: Affect) -> dict[str, str]:
    """One cell of the sheet."""
    label = f"valence {affect.valence:+.2f}, arousal {affect.arousal:+.2f}".replace("-", "−")
    return {"src": small(image, CELL), "label": label}


def finished_sheet(images: list[Image.Image], made: Provenance, folder: Path) -> dict[str, str]:
    """The download of a sheet: one PNG with its provenance."""
    side = made.grid[1] if made.grid else 1
    whole = replace(made, size=images[0].size)
    return {
        "src": png(draw_grid(images, side), whole, folder),
        "name": output_paths(whole, str(folder))[0].name,
    }


def thumb(painting: Painting) -> dict[str, str]:
    """One entry of the history."""
    return {
        "src": small(painting.image, THUMB),
        "label": f"{title(painting.made)}, seed {painting.made.seed}",
    }


def small(image: Image.Image, side: int) -> str:
    """At most `side` pixels on each side, as a data URI of a JPEG: for the page only."""
    shown = image if max(image.size) <= side else image.copy()
    shown.thumbnail((side, side))
    buffer = io.BytesIO()
    shown.convert("RGB").save(buffer, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def png(image: Image.Image, made: Provenance, folder: Path) -> str:
    """A PNG with its provenance inside, as `emotive image` writes it, as a data URI."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        data = write_png(Path(own) / "picture.png", image, made, sidecar=False).read_bytes()
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def before(file: str | Path) -> dict[str, Any]:
    """The edit when a picture has come; raises InputError if it is none."""
    with without_path(file):
        picture = open_picture(file, MAX_UPLOAD_PIXELS)
    return {
        "before": small(picture, 512),
        "title": f"{Path(file).name}, {picture.width} × {picture.height}",
        "rows": [],
    }


def editing(file: str | Path, painting: Painting, preserved: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The edit when it is done: both pictures, and what was preserved."""
    made = painting.made
    kept = [
        (name.replace("_", " "), f"{value:.3g}" if isinstance(value, int | float) else str(value))
        for name, value in preserved.items()
    ]
    return {
        **before(file),
        "after": png(painting.image, made, folder),
        "title": f"{Path(file).name}, {feeling(made)}",
        "name": f"{slug(Path(file).stem) or 'picture'}-{slug(feeling(made)) or 'edited'}.png",
        "rows": kept,
    }
