"""The picture report's page: its sections, what its arms are called, what it says and does not say."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from .page_blocks import (
    control_tables,
    count,
    number,
    percent,
    scatters,
    section,
    short,
    table,
    target_table,
)
from .targets import image_targets

ARMS = {
    "model": ("The model", "as it ships"),
    "teacher": ("The teacher", "the painter that it learned from: the ceiling under these judges"),
    "colour_grade": ("A colour grade", "of the model’s neutral picture: the best brightness slider"),
    "one_step": ("The model in one step", "a quarter of the work"),
    "no_texture": ("The model without texture", "control must not come from the surface texture"),
    "constant": ("Always neutral", "the neutral picture for every request"),
    "shuffled": ("Shuffled requests", "the model’s pictures, requests in random order: chance"),
}

MEANINGS = {
    "concordance": "Lin’s CCC of requested and measured: 1 if they are equal everywhere, 0 for no relation. "
    "It falls with noise, with the wrong gain and with bias. The interval is 95 %, BCa, over captions.",
    "rank": "Spearman’s correlation within each caption, the median over captions: does asking for more "
    "give more? Requests repeat each level and measurements never tie, so that it cannot exceed {ceiling}.",
    "slope, intercept": "of measured on requested: 1 and 0 are a true gain without bias.",
    "after colour": "the CCC of what is left of both after mean luminance, RMS contrast and saturation of "
    "each picture were regressed out: control that a colour grade cannot give.",
    "leakage": "the partial correlation of a request for one axis with the measurement of the other, given "
    "the request for that other axis: 0 if the axes are independent.",
    "content": "how often a recogniser that was trained on paintings finds the subject, setting, time of "
    "day and weather that were asked for. Its errors on the teacher’s own paintings stand beside.",
    "kernel distance": "KID in the features of that recogniser: how far the model’s pictures as a whole lie "
    "from the teacher’s; pairs of one caption are left out. The teacher’s halves are the same captions and "
    "feelings painted from other seeds: about 0, and below as often as above.",
    "fine detail": "the share of luminance power above {cycles:g} cycles per picture, relative to the "
    "teacher.",
    "nearest neighbour": "the median distance of a picture to the nearest of {among} fresh training "
    "paintings, at 32 pixels. A model that copies what it saw would lie closer than held-out paintings do.",
}

CAVEATS = (
    "Judges are not people. No human has rated these pictures; what is measured is estimated affect, by "
    "judges that are published with their weights or coefficients.",
    "The picture judge was trained on abstract motifs, not on scenes, but in the same hand: it shares the "
    "painter’s rules of colour and line. It tells how faithfully the rules are followed, not whether they "
    "hold. The published judge shares no rule by fitting; it reads only attributes with published "
    "coefficients or signs.",
    "The recogniser knows the painter’s world only. It says whether a picture still shows what was asked "
    "for as the painter would show it.",
    "Captions are combinations that training never saw, of parts that it did see. The grid ends at ±0.9.",
)


def image_page(
    report: Mapping[str, Any],
    points: Mapping[tuple[str, str], np.ndarray],
    sheets: Sequence[tuple[str, Mapping[str, np.ndarray]]],
) -> tuple[str, list[str]]:
    """The title and the sections of a picture report; `sheets` are (caption, arm -> uint8 picture)."""
    model, targets = report["model"], image_targets(report)
    met = sum(bool(t.met) for t in targets)
    rows, columns = report["grid"]
    lede = (
        f"{report['n']} pictures: {len(report['captions'])} captions that training never saw, each at "
        f"{rows} × {columns} points of valence and arousal, {count(len(report['seeds']), 'seed')}, "
        f"{count(model['steps'], 'step')}. {met} of {len(targets)} targets are met."
    )
    head = report["headline_judge"]
    judged = [(head, report)] + [(k, v) for k, v in report["judges"].items() if "axes" in v]
    body = [
        f'<p class="lede">{lede}</p>',
        section("Side by side", _sheets(sheets), "Valence to the right, arousal upward. Chosen by number."),
        section(
            "Against the targets", target_table(targets), "Fixed beforehand; met or not, they are all here."
        ),
        section(
            "Requested and measured",
            scatters(points, [name for name, _ in judged], ARMS),
            "A point is a picture, spread a little sideways. Dashed: perfect control. Line: what was found.",
        ),
        *(
            section(
                f"Control, {name} judge",
                control_tables(numbers, ARMS, "after colour"),
                f"sha256 {short(report['judges'][name])}",
            )
            for name, numbers in judged
        ),
        section("Content", _content(report["content"]), "Read back from the model’s pictures."),
        section("Quality", _quality(report["quality"]), ""),
        section("What the numbers mean", _meanings(report), ""),
        section("What they do not say", "<ul>" + "".join(f"<li>{c}</li>" for c in CAVEATS) + "</ul>", ""),
        section("Made again", _provenance(report), ""),
    ]
    title = f"Is it more than a brightness slider? {model['name']}, measured"
    return title, body


def _sheets(sheets: Sequence[tuple[str, Mapping[str, np.ndarray]]]) -> str:
    rows = []
    for caption, pictures in sheets:
        figures = "".join(
            f'<figure><img src="{_jpeg(pixels)}" width="{pixels.shape[1]}" height="{pixels.shape[0]}" '
            f'alt="{escape(f"{caption}, {ARMS[arm][0]}, valence to the right, arousal upward")}">'
            f"<figcaption>{escape(ARMS[arm][0])}</figcaption></figure>"
            for arm, pixels in pictures.items()
        )
        rows.append(f'<h3>{escape(caption)}</h3><div class="sheets">{figures}</div>')
    return "".join(rows)


def _jpeg(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=82, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _content(content: Mapping[str, Any]) -> str:
    kinds = list(content["kinds"])

    def row(title: str, of: Mapping[str, Any]) -> str:
        if not of.get("kinds"):
            return ""
        cells = [of["kinds"][kind] for kind in kinds] + [of["accuracy"], of["whole"]]
        return (
            f'<tr><th scope="row">{escape(title)}</th>'
            + "".join(f"<td>{percent(c)}</td>" for c in cells)
            + "</tr>"
        )

    rows = [row("The model, everywhere", content)]
    for corner, of in content["corners"].items():
        rows.append(row(f"{corner.replace('_', ', ')} corner, {count(of['n'], 'picture')}", of))
    rows.append(row("The teacher, everywhere", content["teacher"]))
    return table(("", *kinds, "mean", "all four right"), rows)


def _quality(quality: Mapping[str, Any]) -> str:
    near, variants = quality["nearest_neighbour"], quality["kid_variants"]
    lines = [
        ("Kernel distance to the teacher", number(quality["kid"], 4)),
        ("the teacher’s halves", number(quality["kid_teacher_halves"], 4)),
        ("the most that chance gives them, 95 of 100 times", number(quality["kid_teacher_halves_95"], 4)),
        *((ARMS[arm][0].lower(), number(value, 4)) for arm, value in variants.items()),
        ("Fine detail, ratio to the teacher", number(quality["high_frequency"])),
        ("the teacher’s halves", number(quality["high_frequency_teacher_halves"])),
        ("the model without texture", number(quality["high_frequency_no_texture"])),
        ("Nearest training painting, model", number(near["generated"], 4)),
        ("held-out paintings of the teacher", number(near["held_out_paintings"], 4)),
    ]
    rows = [
        f'<tr><th scope="row"{"" if what[0].isupper() else " class=sub"}>{escape(what)}</th><td>{v}</td></tr>'
        for what, v in lines
    ]
    return table(None, rows)


def _meanings(report: Mapping[str, Any]) -> str:
    quality = report["quality"]
    facts = {
        "ceiling": number(min(report["spearman_ceiling"].values())),
        "cycles": quality["high_frequency_above"],
        "among": f"{quality['nearest_neighbour']['among']:,}",
    }
    return (
        "<dl>"
        + "".join(f"<dt>{k}</dt><dd>{escape(v.format(**facts))}</dd>" for k, v in MEANINGS.items())
        + "</dl>"
    )


def _provenance(report: Mapping[str, Any]) -> str:
    levels, reader = report["levels"], report["scene_reader"]
    lines = {
        "command": f"<code>{escape(report['command'] or 'none: made in Python')}</code>",
        "model": f"{escape(report['model']['name'])} <code>{short(report['model'])}</code>",
        **{
            f"{name} judge": f"{escape(judge['name'])} <code>{short(judge)}</code>"
            for name, judge in report["judges"].items()
        },
        "recogniser": f"{escape(reader['name'])} <code>{short(reader)}</code>",
        "levels": "valence " + ", ".join(number(x, 2) for x in levels["valence"])
        + "; arousal " + ", ".join(number(x, 2) for x in levels["arousal"]),
        "seeds": ", ".join(map(str, report["seeds"])),
        "made on": escape(", ".join(f"{k} {v}" for k, v in report["made_on"].items())),
        "made": f"{escape(report['created'])}, Emotive {escape(report['emotive'])}",
    }  # fmt: skip
    captions = "".join(f"<li>{escape(c)}</li>" for c in report["captions"])
    return (
        "<dl>"
        + "".join(f"<dt>{k}</dt><dd>{v}</dd>" for k, v in lines.items())
        + f"</dl><details><summary>The captions</summary><ol>{captions}</ol></details>"
    )
