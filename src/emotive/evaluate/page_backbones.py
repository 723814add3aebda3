"""The report of a backbone: its page, its files, and the table that is printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from emotive.errors import InputError
from emotive.media import write_whole
from emotive.media.contact_sheet import PAGE, STATEMENT

from .backbones import MEDIUM, BackboneEvaluation
from .page import GENERATOR
from .page_blocks import cell, count, jpeg, number, row, scatters, section, table
from .page_style import STYLE
from .report import HTML, JSON
from .summary import AXES

PLAIN_ARMS = {
    "constant": ("Always neutral", "the picture of the prompt alone, for every request"),
    "colour_grade": ("A colour grade", "of that picture: what a filter could do"),
    "words": ("Words", "the nearest named emotion in the prompt: “a sad …”"),
    "degrees": ("Words and degrees", "the same with slightly, very, extremely"),
}

MEANINGS = {
    "error": "the mean of |judged − asked|, in −3..3, as EmotiCrafter reports it. Always answering neutral "
    "has {line}. An error below that is not yet control, since a judge that squeezes what it sees towards "
    "the middle lowers the error of any method; an error above it says that less would have been better.",
    "concordance": "Lin’s CCC of requested and judged: 1 if they are equal everywhere, 0 for no relation. "
    "The interval is 95 %, BCa, over prompts. A judge’s own squeeze lowers it for every arm alike.",
    "rank, tau-b": "Spearman’s correlation and Kendall’s tau-b within each prompt, the median over prompts. "
    "Requests repeat each level, so that Spearman’s cannot exceed {ceiling}.",
    "after colour": "the CCC of what is left of both after mean luminance, RMS contrast and saturation of "
    "each picture were regressed out: control that a filter cannot give.",
    "leakage": "the partial correlation of a request for the other axis with what is judged on this one.",
    "structure kept": "the structure term of SSIM between a picture and that of the prompt alone, from the "
    "same noise: 1 if every edge is where it was, whatever its light and contrast.",
    "content read": "how often a recogniser that knows the painter’s scenes finds subject, setting, time of "
    "day and weather as asked; only for prompts of that world.",
    "step, jump, corners": "1 − SSIM between neighbours of the grid; the largest over the mean; between "
    "opposite corners. Small steps and far corners are continuous control; small both, none.",
    "CLIPScore, CLIP-IQA": "by the CLIP named below, against the prompt without affect; 0..100 and 0..1.",
}
CAVEATS = (
    "Judges are not people. No human has rated these pictures.",
    "The picture judge learned from abstract motifs in the hand of Emotive’s painter, and the published "
    "judge reads only attributes with published coefficients or signs. Neither reads what a picture is "
    "about: a funeral in sunlight is pleasant to both. FindingEmo’s heads do, as far as CLIP does.",
    "A colour grade moves what these judges read with no new picture. An arm that does not beat it after "
    "colour has shown control of light and colour only.",
)

Arms = dict[str, tuple[str, str]]


def told_arms(report: Mapping[str, Any]) -> Arms:
    """What every arm of a report is called, and what it is."""
    found = dict(PLAIN_ARMS)
    for label, of in report["adapters"].items():
        strength = "" if of["strength"] == 1 else f", strength {of['strength']:g}"
        found[label] = (label, f"adapter {of['kind']}{strength}, {of['fingerprint'][:12]}")
    return found


def write_backbone_report(folder: Path, evaluation: BackboneEvaluation) -> list[Path]:
    """Writes `report.json` and `report.html` into `folder`, over a report of a backbone; returns their paths.

    Raises InputError if the folder cannot be written, or holds other files of these names.
    """
    check_backbone_folder(folder)
    exact = json.dumps(evaluation.report, allow_nan=False)
    # To six digits: enough to compare, and the last bits differ between machines.
    shorter = json.loads(exact, parse_float=lambda digits: float(f"{float(digits):.6g}"))
    text = json.dumps(shorter, ensure_ascii=False, indent=1)
    write_whole(folder / JSON, text.encode())
    write_whole(folder / HTML, backbone_page(evaluation).encode())
    return [folder / JSON, folder / HTML]


def check_backbone_folder(folder: Path) -> None:
    """Raises InputError if a report there would overwrite files that are not one of a backbone."""
    path = folder / JSON
    if path.exists():
        try:
            medium = json.loads(path.read_bytes())["medium"]
        except (OSError, ValueError, KeyError, TypeError):
            medium = None
        if medium != MEDIUM:
            raise InputError(f"{path} is not the report of a backbone: choose another folder")
    elif (folder / HTML).exists():
        raise InputError(f"{folder / HTML} is there without its {JSON}: choose another folder")


def backbone_page(evaluation: BackboneEvaluation) -> str:
    """The report as one HTML page, with everything in it."""
    report, told = evaluation.report, told_arms(evaluation.report)
    backbone, judges = report["backbone"], list(report["judges"])
    rows, columns = report["grid"]
    width, height = backbone["size"]
    lede = (
        f"{count(len(report['prompts']), 'prompt')}, each at {rows} × {columns} points of valence and "
        f"arousal, {count(len(report['seeds']), 'seed')}: {report['n']} pictures an arm. "
        f"{backbone['family']}, {backbone['parameters'] / 1e6:,.0f} M parameters, "
        f"{count(backbone['steps'], 'step')}, guidance {backbone['guidance']:g}, {width} × {height} px."
    )
    side = "Valence to the right, arousal upward. Chosen by number."
    neutral = "Against the picture of the prompt alone, from the same noise."
    plots = "Dashed: perfect control. Line: what was found."
    caveats = "<ul>" + "".join(f"<li>{c}</li>" for c in CAVEATS) + "</ul>"
    parts = [f'<p class="lede">{escape(lede)}</p>', section("Side by side", _sheets(evaluation, told), side)]
    for name, judge in report["judges"].items():
        note = f"sha256 {judge['fingerprint'][:12]}"
        parts.append(section(f"Control, {name} judge", _control(report, told, name), note))
    parts += [
        section("What it costs", _costs(report, told), neutral),
        section("Requested and judged", scatters(evaluation.points, judges, told), plots),
        section("What the numbers mean", _meanings(report), ""),
        section("What they do not say", caveats, ""),
        section("Made again", _provenance(report), ""),
    ]
    title = f"Does it feel what it is asked? {Path(backbone['name']).name}, measured"
    return PAGE.format(
        title=escape(title), style=STYLE, generator=GENERATOR, body="\n".join(parts), statement=STATEMENT
    )


def printed(report: Mapping[str, Any]) -> str:
    """The table of a report as text: for each judge, a line an arm, valence / arousal."""
    line = report["neutral_error"]
    made, backbone = report["made_on"], report["backbone"]
    out = [
        f"{backbone['name']}: {report['n']} pictures an arm; error of always neutral {line:.3f}",
        f"{made['device']}, {made['dtype']}, {made['threads']} threads, torch {made['torch']}",
    ]
    heads = ("error", "CCC", "rank", "tau-b", "slope", "after colour", "leakage")
    for judge in report["judges"]:
        out += ["", f"{judge} judge".ljust(24) + "".join(f"{head:>16}" for head in heads)]
        for arm, of in report["arms"].items():
            numbers = of["judges"][judge]
            pairs = [[_cells(numbers, k)[key] for k in (0, 1)] for key in heads]
            out.append(arm.ljust(24) + "".join(f"{v:+.2f} / {a:+.2f}".rjust(16) for v, a in pairs))
    out += [
        "",
        "".ljust(24)
        + "".join(f"{head:>16}" for head in ("structure", "content", "step", "corners", "s/picture")),
    ]
    for arm, of in report["arms"].items():
        shown = [
            of["structure"],
            of["content"].get("accuracy"),
            of["ssim_step"],
            of["ssim_corners"],
            of["seconds_per_picture"],
        ]
        out.append(arm.ljust(24) + "".join(("-" if v is None else f"{v:.3f}").rjust(16) for v in shown))
    return "\n".join(out)


def _cells(numbers: Mapping[str, Any], k: int) -> dict[str, float]:
    """What the tables show of one axis."""
    of, axis = numbers["axes"][AXES[k]], AXES[k]
    return {
        "error": of["error"]["mean"], "CCC": of["ccc"], "rank": of["spearman"], "tau-b": of["kendall"],
        "slope": of["slope"], "after colour": of["ccc_after_colour"],
        "leakage": numbers["leakage"][f"{AXES[1 - k]}_to_{axis}"],
    }  # fmt: skip


def _control(report: Mapping[str, Any], told: Arms, judge: str) -> str:
    tables = []
    for k, axis in enumerate(AXES):
        rows = []
        for arm in report["arms"]:
            numbers = report["arms"][arm]["judges"][judge]
            of, shown = numbers["axes"][axis], _cells(numbers, k)
            interval = " to ".join(number(end, 2) for end in of["interval"])
            rest = [number(shown[key], 2) for key in ("rank", "tau-b", "slope", "after colour", "leakage")]
            cells = [
                f"<b>{number(of['ccc'])}</b>",
                f"<small>{interval}</small>",
                number(of["error"]["mean"]),
                *rest,
            ]
            rows.append(row(told[arm][0], cells, told[arm][1]))
        last = list(report["arms"])[-1]
        shuffled = report["arms"][last]["judges"][judge]["shuffled"]["axes"][axis]
        cells = [number(shuffled["ccc"]), "", number(shuffled["error"])] + [
            number(shuffled[key], 2) for key in ("spearman", "slope")
        ]
        rows.append(
            row(
                "Shuffled requests",
                [*cells[:4], "", cells[4], "", ""],
                f"{told[last][0]}, in random order: chance",
            )
        )
        heads = (
            axis,
            "concordance",
            "95 %",
            "error",
            "rank",
            "tau-b",
            "slope",
            "after colour",
            "leakage into it",
        )
        tables.append(table(heads, rows))
    line = f'<p class="note">Always answering neutral has an error of {report["neutral_error"]:.3f}.</p>'
    return line + "".join(tables)


def _costs(report: Mapping[str, Any], told: Arms) -> str:
    with_clip = report["clip"] is not None
    heads = ["", "structure kept", "worst tenth", "content read", "step", "jump", "corners"]
    heads += ["CLIP step", "CLIP corners", "CLIPScore", "CLIP-IQA"] * with_clip + ["s/picture"]
    rows = []
    for arm, of in report["arms"].items():
        cells = [
            cell(of["structure"], 3),
            cell(of["structure_low"], 3),
            cell(of["content"].get("accuracy"), share=True),
        ]
        cells += [cell(of["ssim_step"], 3), cell(of["ssim_jump"]), cell(of["ssim_corners"], 3)]
        if with_clip:
            cells += [
                cell(of["clip_step"], 3),
                cell(of["clip_corners"], 3),
                cell(of["clip_score"]),
                cell(of["clip_iqa"], 3),
            ]
        rows.append(row(told[arm][0], [*cells, cell(of["seconds_per_picture"], 3)], told[arm][1]))
    return table(heads, rows)


def _sheets(evaluation: BackboneEvaluation, told: Arms) -> str:
    out = []
    for prompt, pictures in evaluation.sheets:
        figures = "".join(
            f'<figure><img src="{jpeg(pixels)}" alt="{escape(f"{prompt}: {told[arm][0]}")}">'
            f"<figcaption>{escape(told[arm][0])}</figcaption></figure>"
            for arm, pixels in pictures.items()
            if arm != "constant"
        )
        out.append(f'<h3>{escape(prompt)}</h3><div class="sheets">{figures}</div>')
    return "".join(out)


def _meanings(report: Mapping[str, Any]) -> str:
    facts = {"line": number(report["neutral_error"]), "ceiling": number(report["spearman_ceiling"])}
    told = "".join(f"<dt>{k}</dt><dd>{escape(v.format(**facts))}</dd>" for k, v in MEANINGS.items())
    return f"<dl>{told}</dl>"


def _provenance(report: Mapping[str, Any]) -> str:
    clip = report["clip"]
    lines = {
        "command": report["command"] or "none: made in Python",
        "backbone": ", ".join(f"{k} {v}" for k, v in report["backbone"].items() if v not in ("", None)),
        "CLIP": f"{clip['name']} {clip['fingerprint'][:12]}" if clip else "none",
        "seeds": ", ".join(map(str, report["seeds"])),
        "made on": ", ".join(f"{k} {v}" for k, v in report["made_on"].items()),
        "made": f"{report['created']}, Emotive {report['emotive']}",
    }
    told = "".join(f"<dt>{k}</dt><dd>{escape(v)}</dd>" for k, v in lines.items())
    prompts = "".join(f"<li>{escape(p)}</li>" for p in report["prompts"])
    return f"<dl>{told}</dl><details><summary>The prompts</summary><ol>{prompts}</ol></details>"
