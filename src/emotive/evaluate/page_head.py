"""The talking-head report's page: its sections, what its arms are called, what it says and does not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from .head_targets import head_targets
from .page_blocks import (
    cell,
    control_tables,
    count,
    meanings,
    number,
    percent,
    row,
    scatters,
    section,
    short,
    strips,
    table,
    target_table,
    tracking_table,
)
from .summary import AXES

ARMS = {
    "model": ("The model", "as it ships, told when each phone comes"),
    "heard": ("The model, from sound alone", "as of a recording that nobody transcribed"),
    "teacher": ("The teacher", "rules with noise and chance, which it learned from; it knows the phones"),
    "rules": ("Rules alone", "phones and expressions, no noise, no blinks, a still head; nothing is learned"),
    "loudness": ("A jaw that follows loudness", "no phones, nothing is learned"),
    "constant": ("Always neutral", "the neutral motion for every request"),
    "shuffled": ("Shuffled requests", "the model’s motion, requests in random order: chance"),
}

SHOWN = "Chosen by number, not by looks. Feelings: the corners of the plane and neutral, high arousal first."

MEANINGS = {
    "concordance": "Lin’s CCC of requested and judged: 1 if they are equal everywhere, 0 for no relation. "
    "It falls with noise, with the wrong gain and with bias. The interval is 95 %, BCa, over sentences.",
    "rank": "Spearman’s correlation within each sentence, the median: does asking for more show more? "
    "Requests repeat each level and judgements never tie, so it cannot exceed {ceiling}.",
    "slope, intercept": "of judged on requested: 1 and 0 are a true gain without bias.",
    "after jaw and head": "the CCC of what is left of both after how far the mouth opens, how the head is "
    "bowed and how fast it turns were regressed out: a feeling that is shown, not only moved.",
    "leakage": "the partial correlation of a request for one axis with the judgement of the other, given "
    "the request for that other axis: 0 if the axes are independent.",
    "closures": "the share of p b m for which the lips come nearer than 0.015 eye distances within 40 ms; "
    "precision: the share of closures outside pauses that belong to one.",
    "correlation, lag": "Pearson’s r of the gap between the lips and the sound’s wideband envelope, a mean "
    "over sentences, and by how many frames the lips come later where it peaks. Sound and lips are not "
    "meant to agree wholly: an s is loud and a hum is not open.",
    "visemes": "macro-F1 over 15 classes, a frame early or late allowed, of a linear reader that was fitted "
    "on the teacher’s motion for other voices and sees blendshapes of jaw, lips and tongue.",
    "misalignment": "the mean distance in time along the path of derivative dynamic time warping from the "
    "rules’ gap for the same phones, ms (MTM, Chae-Yeon et al. 2025).",
    "a curve followed": "CCC over time of a feeling that changes during 10 to 20 s, all clips together; "
    "requested and judged curve are both averaged over 1 s, for a mouth that speaks hides a feeling.",
    "labels": "each still expression of a named emotion is named by the nearest mean of other faces.",
    "distance": "Fréchet’s, of how far, how fast and how finely head, brows, lids and gaze move in 4 s, from "
    "the teacher’s; the teacher’s own is that of other chance.",
}

CAVEATS = (
    "Judges are not people. No human has rated these faces; what is measured is estimated affect.",
    "The learned judge was fitted on other faces, but under the same rules of expression. It tells how "
    "faithfully they are followed. The published judge has the literature’s signs; how large a full unit is "
    "was settled after a first look at faces of ours.",
    "The model learned lips from synthetic voices and from procedural articulation; how people’s lips move "
    "was never shown to it. Measures of lips hold for synthetic voices.",
    "The renderer’s own landmarks are what was commanded, bent onto a face. Where they and landmarks found "
    "in frames disagree, believe the frames.",
    "Speed and memory need a machine of their own: benchmarks/head.py measures them.",
)  # fmt: skip


def head_page(
    report: Mapping[str, Any],
    points: Mapping[tuple[str, str], np.ndarray],
    sheets: Sequence[tuple[str, Mapping[str, np.ndarray]]],
) -> tuple[str, list[str]]:
    """The title and the sections of a talking-head report; `sheets` are (caption, arm -> film strip)."""
    model, targets = report["model"], head_targets(report)
    met, measured = sum(bool(t.met) for t in targets), sum(t.met is not None for t in targets)
    rows, columns = report["grid"]
    spoken = report["lips"]["model"]["utterances"]
    lede = (
        f"{report['n']} clips: {count(len(report['captions']), 'sentence')} that training never saw, on "
        f"{count(len(report['portraits']), 'portrait')}, each at {rows} × {columns} points of valence and "
        f"arousal; {count(spoken, 'sentence')} more for the lips, by "
        f"{count(len(report['voices']), 'voice')}. "
        f"{met} of {len(targets)} targets are met"
        + ("." if measured == len(targets) else f", {len(targets) - measured} not measured.")
    )
    head = report["headline_judge"]
    judged = [(head, report)] + [(k, v) for k, v in report["judges"].items() if "axes" in v]
    shown = [name for name, _ in judged if not name.endswith(", true")]
    body = [
        f'<p class="lede">{lede}</p>',
        section("To see", strips(sheets, ARMS), SHOWN),
        section(
            "Against the targets", target_table(targets), "Fixed beforehand; met or not, they are all here."
        ),
        section("Lips", _lips(report["lips"]), _lips_note(report)),
        section("Visemes", _visemes(report["lips"]), "F1 of each, the model’s motion and its controls."),
        section(
            "Requested and judged",
            scatters(points, shown, ARMS),
            "A point is a clip, spread a little sideways. Dashed: perfect control. Line: what was found.",
        ),
        *(
            section(
                f"Control, {name} judge",
                control_tables(numbers, ARMS, "after jaw and head"),
                f"{report['judges'][name]['name']}, sha256 {short(report['judges'][name])}",
            )
            for name, numbers in judged
        ),
        section("A curve followed", tracking_table(report["tracking"], ARMS), "Concordance over time."),
        section(
            "Five levels",
            _sweeps(report["sweeps"], head),
            f"What the {head} judge reads at five levels of one axis, the other neutral.",
        ),
        section("Named emotions", _names(report["names"]), _names_note(report["names"])),
        section("Life", _life(report["life"]), "Talking, and 30 s of silence."),
        section("What the numbers mean", meanings(report, MEANINGS), ""),
        section("What they do not say", "<ul>" + "".join(f"<li>{c}</li>" for c in CAVEATS) + "</ul>", ""),
        section("Made again", _provenance(report), ""),
    ]  # fmt: skip
    return f"Do the lips fit, and is the feeling seen? {model['name']}, measured", body


def _lips(lips: Mapping[str, Any]) -> str:
    def lip_row(title: str, of: Mapping[str, Any], told: str = "") -> str:
        cells = [
            cell(of["closure"]["recall"], share=True),
            cell(of["closure"]["precision"], share=True),
            cell(of["contact"]["recall"], share=True),
            cell(of["correlation"]),
            str(of["lag"]).replace("-", "−"),
            cell(of["viseme_f1"]),
            "–" if of["misalignment"] is None else f"{number(of['misalignment'], 0)} ms",
            cell(of["rounding"]),
        ]
        return row(title, cells, told)

    rows = [lip_row(ARMS[arm][0], lips[arm], ARMS[arm][1]) for arm in ("model", "heard")]
    if lips["seen"]:
        rows.append(lip_row("From sound alone, on rendered frames", lips["seen"], "landmarks found anew"))
    rows += [lip_row(f"{voice}, from sound alone", of) for voice, of in lips["voices"].items()]
    for arm, how in (("heard", "from sound alone"), ("model", "with phone times")):
        rows += [lip_row(f"at {_way(name)}, {how}", of) for name, of in lips["corners"][arm].items()]
    rows += [lip_row(ARMS[arm][0], of, ARMS[arm][1]) for arm, of in lips["arms"].items()]
    for name, of in lips["controls"].items():
        told = "from sound alone; another sentence’s motion" if name == "shuffled" else "its own, shifted"
        title = "Shuffled" if name == "shuffled" else f"{_way(name)} frames"
        rows.append(lip_row(title, of, told))
    heads = ("", "p b m closed", "precision", "f v touch", "correlation", "lag", "visemes", "misalignment")
    vowels = [
        row(ARMS[arm][0], [*(cell(of["vowels"][kind], 3) for kind in of["vowels"]), _order(of)])
        for arm, of in (("model", lips["model"]), ("heard", lips["heard"]), *lips["arms"].items())
    ]
    kinds = tuple(lips["model"]["vowels"])
    return table((*heads, "rounding"), rows) + table(("gap in eye distances", *kinds, "in order"), vowels)


def _order(of: Mapping[str, Any]) -> str:
    return {True: "yes", False: "no", None: "–"}[of["vowels_in_order"]]


def _lips_note(report: Mapping[str, Any]) -> str:
    held_out = report["held_out"]
    voices = ", ".join(f"{name} {n}" for name, n in report["voices"].items())
    if held_out:
        return f"Sentences by voices that the model never heard: {voices}."
    return f"The held-out voices are synthesisers that are not installed; these are its own: {voices}."


def _visemes(lips: Mapping[str, Any]) -> str:
    arms = {ARMS[arm][0]: lips[arm] for arm in ("model", "heard")}
    arms[ARMS["teacher"][0]] = lips["arms"]["teacher"]
    if "shuffled" in lips["controls"]:
        arms["Shuffled"] = lips["controls"]["shuffled"]
    kinds = list(lips["model"]["visemes"])
    rows = [
        row(title, [cell(of["viseme_f1"]), *(cell(of["visemes"].get(kind)) for kind in kinds)])
        for title, of in arms.items()
    ]
    return table(("", "all", *kinds), rows)


def _sweeps(found: Mapping[str, Any], judge: str) -> str:
    rows = []
    for portrait, judges in found.items():
        for axis in AXES:
            for kind in ("still", "speaking"):
                of = judges[judge][axis]
                if kind in of:
                    mark = "yes" if of[f"{kind}_rises"] else '<span class="missed">no</span>'
                    rows.append(row(f"{portrait}, {axis}, {kind}", [*(cell(v) for v in of[kind]), mark]))
    return table(("", "−0.8", "−0.4", "0", "0.4", "0.8", "rises"), rows)


def _names(found: Mapping[str, Any]) -> str:
    if not found:
        return "<p>Not measured: it needs two portraits with landmarks.</p>"
    kinds = list(found["confusions"])
    rows = [row(name, [str(n or "·") for n in of.values()]) for name, of in found["confusions"].items()]
    return table(("shown, and what it was named", *kinds), rows)


def _names_note(found: Mapping[str, Any]) -> str:
    if not found:
        return ""
    return (
        f"{percent(found['accuracy'])} of {found['faces']} still expressions are named right, blind, by "
        f"faces of other people; chance is {percent(found['chance'])}."
    )


def _life(found: Mapping[str, Any]) -> str:
    columns = {
        "blinks": ("blinks/min", 1),
        "head_speed": ("head, °/s", 1),
        "jitter": ("above 10 Hz", 3),
        "flicker": ("flicker, levels", 2),
        "mouth_energy": ("mouth, /s", 2),
        "idle_mouth_energy": ("in silence: mouth, /s", 3),
        "idle_blinks": ("blinks/min", 1),
        "idle_head_speed": ("head, °/s", 1),
        "distance": ("distance", 1),
    }
    rows = [
        row(ARMS[arm][0], [cell(found[arm][key], digits) for key, (_, digits) in columns.items()])
        for arm in ARMS
        if arm in found
    ]
    return table(("", *(title for title, _ in columns.values())), rows)


def _way(name: str) -> str:
    return name.replace("-", "−").replace(",", ", ")


def _provenance(report: Mapping[str, Any]) -> str:
    levels, speaker = report["levels"], report["model"]["speaker"]
    lines = {
        "command": f"<code>{escape(report['command'] or 'none: made in Python')}</code>",
        "model": f"{escape(report['model']['name'])} <code>{short(report['model'])}</code>",
        "speech by": f"{escape(speaker['name'])} <code>{short(speaker)}</code>",
        **{
            f"{name} judge": f"{escape(judge['name'])} <code>{short(judge)}</code>"
            for name, judge in report["judges"].items()
        },
        "landmarks": escape(report["landmarks"]),
        "portraits": escape(", ".join(report["portraits"])),
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
        + f"</dl><details><summary>The sentences</summary><ol>{captions}</ol></details>"
    )
