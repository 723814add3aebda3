"""The report as one HTML page: everything inside it, nothing fetched, no script, light and dark."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from emotive.media.contact_sheet import PAGE, STATEMENT

from .page_style import STYLE
from .scatter import scatter
from .summary import AXES
from .targets import Target, image_targets

GENERATOR = "Emotive evaluation"

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


def page(
    report: Mapping[str, Any],
    points: Mapping[tuple[str, str], np.ndarray],
    sheets: Sequence[tuple[str, Mapping[str, np.ndarray]]],
) -> str:
    """The page of a report; `sheets` are (caption, arm -> uint8 picture)."""
    model, targets = report["model"], image_targets(report)
    met = sum(bool(t.met) for t in targets)
    rows, columns = report["grid"]
    lede = (
        f"{report['n']} pictures: {len(report['captions'])} captions that training never saw, each at "
        f"{rows} × {columns} points of valence and arousal, {_count(len(report['seeds']), 'seed')}, "
        f"{_count(model['steps'], 'step')}. {met} of {len(targets)} targets are met."
    )
    head = report["headline_judge"]
    judged = [(head, report)] + [(k, v) for k, v in report["judges"].items() if "axes" in v]
    body = [
        f'<p class="lede">{lede}</p>',
        _section("Side by side", _sheets(sheets), "Valence to the right, arousal upward. Chosen by number."),
        _section(
            "Against the targets", _targets(targets), "Fixed beforehand; met or not, they are all here."
        ),
        _section(
            "Requested and measured",
            _scatters(points, [name for name, _ in judged]),
            "A point is a picture, spread a little sideways. Dashed: perfect control. Line: what was found.",
        ),
        *(
            _section(f"Control, {name} judge", _control(numbers), f"sha256 {_short(report['judges'][name])}")
            for name, numbers in judged
        ),
        _section("Content", _content(report["content"]), "Read back from the model’s pictures."),
        _section("Quality", _quality(report["quality"]), ""),
        _section("What the numbers mean", _meanings(report), ""),
        _section("What they do not say", "<ul>" + "".join(f"<li>{c}</li>" for c in CAVEATS) + "</ul>", ""),
        _section("Made again", _provenance(report), ""),
    ]
    title = f"Is it more than a brightness slider? {model['name']}, measured"
    return PAGE.format(
        title=escape(title), style=STYLE, generator=GENERATOR, body="\n".join(body), statement=STATEMENT
    )


def _section(title: str, body: str, note: str) -> str:
    told = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{told}{body}</section>"


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


def _targets(targets: Sequence[Target]) -> str:
    rows = []
    for t in targets:
        mark = {True: "met", False: "missed", None: "not measured"}[t.met]
        value = "–" if t.value is None else _number(t.value, 4 if "kernel" in t.what else 3)
        cells = f"<td>{value}</td><td>{escape(t.wanted)}</td>"
        rows.append(
            f'<tr><th scope="row">{escape(t.what)}</th>{cells}<td class="{mark.split()[0]}">{mark}</td></tr>'
        )
    return _table(("", "found", "target", ""), rows)


def _scatters(points: Mapping[tuple[str, str], np.ndarray], judges: Sequence[str]) -> str:
    heads = "".join(f"<span>{axis}, {escape(judge)} judge</span>" for judge in judges for axis in AXES)
    rows = []
    for arm in dict.fromkeys(arm for arm, _ in points):
        plots = "".join(
            scatter(
                points[arm, judge][:, k],
                points[arm, judge][:, 2 + k],
                f"{ARMS[arm][0]}, {axis}, {judge} judge",
            )
            for judge in judges
            for k, axis in enumerate(AXES)
        )
        rows.append(f'<h3>{escape(ARMS[arm][0])}</h3><div class="plots">{plots}</div>')
    return f'<div class="plots heads" aria-hidden="true">{heads}</div>' + "".join(rows)


def _control(numbers: Mapping[str, Any]) -> str:
    arms = {"model": numbers, **numbers["baselines"], **numbers["variants"]}
    tables = []
    for k, axis in enumerate(AXES):
        rows = []
        for name in (name for name in ARMS if name in arms):
            of, leak = arms[name]["axes"][axis], arms[name]["leakage"]
            interval = " to ".join(_number(end, 2) for end in of["interval"]) if "interval" in of else ""
            cells = [
                f"<b>{_number(of['ccc'])}</b>",
                f"<small>{interval}</small>",
                *(_number(of[key]) for key in ("spearman", "slope", "intercept", "ccc_after_colour")),
                _number(leak[f"{AXES[1 - k]}_to_{axis}"]),
            ]
            title, told = ARMS[name]
            rows.append(
                f'<tr><th scope="row">{escape(title)}<small>{escape(told)}</small></th>'
                + "".join(f"<td>{cell}</td>" for cell in cells)
                + "</tr>"
            )
        heads = (axis, "concordance", "95 %", "rank", "slope", "intercept", "after colour", "leakage into it")
        tables.append(_table(heads, rows))
    return "".join(tables)


def _content(content: Mapping[str, Any]) -> str:
    kinds = list(content["kinds"])

    def row(title: str, of: Mapping[str, Any]) -> str:
        if not of.get("kinds"):
            return ""
        cells = [of["kinds"][kind] for kind in kinds] + [of["accuracy"], of["whole"]]
        return (
            f'<tr><th scope="row">{escape(title)}</th>'
            + "".join(f"<td>{_percent(c)}</td>" for c in cells)
            + "</tr>"
        )

    rows = [row("The model, everywhere", content)]
    for corner, of in content["corners"].items():
        rows.append(row(f"{corner.replace('_', ', ')} corner, {_count(of['n'], 'picture')}", of))
    rows.append(row("The teacher, everywhere", content["teacher"]))
    return _table(("", *kinds, "mean", "all four right"), rows)


def _quality(quality: Mapping[str, Any]) -> str:
    near, variants = quality["nearest_neighbour"], quality["kid_variants"]
    lines = [
        ("Kernel distance to the teacher", _number(quality["kid"], 4)),
        ("the teacher’s halves", _number(quality["kid_teacher_halves"], 4)),
        ("the most that chance gives them, 95 of 100 times", _number(quality["kid_teacher_halves_95"], 4)),
        *((ARMS[arm][0].lower(), _number(value, 4)) for arm, value in variants.items()),
        ("Fine detail, ratio to the teacher", _number(quality["high_frequency"])),
        ("the teacher’s halves", _number(quality["high_frequency_teacher_halves"])),
        ("the model without texture", _number(quality["high_frequency_no_texture"])),
        ("Nearest training painting, model", _number(near["generated"], 4)),
        ("held-out paintings of the teacher", _number(near["held_out_paintings"], 4)),
    ]
    rows = [
        f'<tr><th scope="row"{"" if what[0].isupper() else " class=sub"}>{escape(what)}</th><td>{v}</td></tr>'
        for what, v in lines
    ]
    return _table(None, rows)


def _meanings(report: Mapping[str, Any]) -> str:
    quality = report["quality"]
    facts = {
        "ceiling": _number(min(report["spearman_ceiling"].values())),
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
        "model": f"{escape(report['model']['name'])} <code>{_short(report['model'])}</code>",
        **{
            f"{name} judge": f"{escape(judge['name'])} <code>{_short(judge)}</code>"
            for name, judge in report["judges"].items()
        },
        "recogniser": f"{escape(reader['name'])} <code>{_short(reader)}</code>",
        "levels": "valence " + ", ".join(_number(x, 2) for x in levels["valence"])
        + "; arousal " + ", ".join(_number(x, 2) for x in levels["arousal"]),
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


def _table(heads: Sequence[str] | None, rows: Sequence[str]) -> str:
    head = "" if heads is None else "".join(f'<th scope="col">{escape(h)}</th>' for h in heads)
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f'<div class="wide"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'


def _number(value: float, digits: int = 3) -> str:
    rounded = round(value, digits) + 0.0  # without a negative zero
    return f"{rounded:.{digits}f}".replace("-", "−")


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _short(of: Mapping[str, Any]) -> str:
    return escape(of["fingerprint"][:12] or "built in memory")
