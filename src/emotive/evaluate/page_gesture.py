"""The gesture report's page: its sections, what its arms are called, what it says and does not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from .gesture_targets import gesture_targets
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
    "model": ("The model", "as it ships, told the phones and words"),
    "heard": ("The model, from sound alone", "as of a recording that nobody transcribed; half the captions"),
    "teacher": ("The teacher", "rules with chance, which it learned from; it knows phones and words"),
    "again": ("The teacher again", "by other chance: what its own halves are apart"),
    "scaled": (
        "Neutral motion, scaled",
        "nothing is learned: its swings larger by arousal, its spine and head raised by valence",
    ),
    "constant": ("Always neutral", "the neutral motion for every request"),
    "shuffled": ("Shuffled requests", "the model’s motion, requests in random order: chance"),
    "mean pose": ("A statue", "the mean pose of the teacher, which never moves"),
}

SHOWN = (
    "Chosen by number, not by looks; faces are kept neutral. Feelings: high arousal first, unpleasant left "
    "of pleasant, neutral in the middle; two moments of each, where a stroke ends."
)

MEANINGS = {
    "concordance": "Lin’s CCC of requested and judged: 1 if they are equal everywhere, 0 for no relation. "
    "It falls with noise, with the wrong gain and with bias. The interval is 95 %, BCa, over captions, each "
    "of which has sentences, a voice and an actor of its own.",
    "rank": "Spearman’s correlation within each caption, the median: does asking for more show more? "
    "Requests repeat each level and judgements never tie, so it cannot exceed {ceiling}.",
    "slope, intercept": "of judged on requested: 1 and 0 are a true gain without bias.",
    "after motion and head": "the CCC of what is left of both after quantity of motion and how far the head "
    "is bowed were regressed out: more than moving faster and looking down.",
    "leakage": "the partial correlation of a request for one axis with the judgement of the other, given "
    "the request for that other axis: 0 if the axes are independent.",
    "quantity of motion": "the mass-weighted mean speed of all segments (Castellano et al. 2007), m/s of a "
    "person whose arm is 52.5 cm. A sweep of valence changes it by (most − least) / mean over the levels.",
    "strokes": "a wrist that went faster than 0.18 m/s has fallen below 35 % of its peak, well above where "
    "hands rest, and does not at once go on as fast: no preparation, no retraction, and no rebound.",
    "consistency": "the mean over strokes of exp(−d²/2σ²), d the distance of the nearest vowel with the main "
    "stress of a word that is more than grammar; σ is 0.1 s. Shuffled: against the other captions’ sound.",
    "all ends": "the same of every movement that ends, preparations and retractions too.",
    "marked": "the other way round: the mean over those stresses of the distance of the nearest stroke. Most "
    "stresses are not meant to be marked.",
    "published form": "BeatAlign as BEAT’s evaluation has it: from each vowel to the nearest minimum of a "
    "wrist’s speed, σ 0.3 s. It says next to nothing, as its shuffled value shows.",
    "Fréchet distance": "of Gaussians fitted to two sets’ codes of 2 s each, in the space of an autoencoder "
    "of ours (FGD; Yoon et al. 2020). It compares with the row of the teacher again, of as many clips.",
    "speeds apart": "Hellinger’s distance of the wrists’ speeds from the teacher’s, 0 to 1.",
    "jerk, L1div": "mean size of the third difference of places of 22 joints; mean distance of poses from "
    "the clip’s mean pose, summed over them.",
    "slide": "horizontal speed of feet that stand (Zhang et al. 2018).",
    "a curve followed": "CCC over time of a feeling that changes within 20 s, all clips together; judged in "
    "windows of 4 s, over which what was asked for is averaged, too.",
    "named emotions": "each is named by the nearest mean of the 29 measures of other actors’ bodies.",
    "the voice’s own feeling": "partial correlations of what is judged with the request and with how the "
    "voice was said, at all pairs of both: what is asked for should win.",
}

CAVEATS = (
    "Judges are not people. No human has rated these bodies; what is measured is estimated affect.",
    "The learned judge was fitted on the teacher’s performances by other people, to other voices. It tells "
    "how faithfully the teacher’s rules are followed. The published judge has the literature’s directions, "
    "its sizes are stated, and it never saw our motion; its gain is not that of our rules.",
    "The model learned from procedural motion to synthetic voices; how people move was never shown to it. "
    "That valence can be read so well is because posture carries it by rule; in people it is weak.",
    "Strokes are in time with the voice as far as a wrist’s speed tells; whether a gesture suits its word is "
    "not measured. What counts as preparation and rebound was settled on the teacher’s motion; all ends of "
    "movement stand beside it.",
    "Speed and memory need a machine of their own: benchmarks/gesture.py measures them.",
)  # fmt: skip


def gesture_page(
    report: Mapping[str, Any],
    points: Mapping[tuple[str, str], np.ndarray],
    sheets: Sequence[tuple[str, Mapping[str, np.ndarray]]],
) -> tuple[str, list[str]]:
    """The title and the sections of a gesture report; `sheets` are (caption, arm -> film strip)."""
    model, targets = report["model"], gesture_targets(report)
    met, measured = sum(bool(t.met) for t in targets), sum(t.met is not None for t in targets)
    rows, columns = report["grid"]
    lede = (
        f"{report['n']} clips: {count(len(report['captions']), 'caption')} that training never heard, each "
        f"by an actor it never saw, at {rows} × {columns} points of valence and arousal. "
        f"{met} of {len(targets)} targets are met"
        + ("." if measured == len(targets) else f", {len(targets) - measured} not measured.")
    )
    judged = [(report["headline_judge"], report)]
    judged += [(k, v) for k, v in report["judges"].items() if "axes" in v]
    body = [
        f'<p class="lede">{lede}</p>',
        section("To see", strips(sheets, ARMS), SHOWN),
        section(
            "Against the targets", target_table(targets), "Fixed beforehand; met or not, they are all here."
        ),
        section(
            "Requested and judged",
            scatters(points, [name for name, _ in judged], ARMS),
            "A point is a clip, spread a little sideways. Dashed: perfect control. Line: what was found.",
        ),
        *(
            section(
                f"Control, {name} judge",
                control_tables(numbers, ARMS, "after motion and head"),
                f"{report['judges'][name]['name']}, sha256 {short(report['judges'][name])}",
            )
            for name, numbers in judged
        ),
        section("How much is moved", _moved(report["motion"]), "Quantity of motion, cm/s."),
        section("In time with the voice", _timing(report["timing"]), _voices_note(report)),
        section("Like the teacher", _alike(report["quality"]), "Distances compare within this table alone."),
        section("What bodies can do", _able(report["quality"]), "Of all clips of an arm."),
        section("A curve followed", tracking_table(report["tracking"], ARMS), "Concordance over time."),
        section("The voice’s own feeling", _voice(report["voice"]), _voice_note(report["voice"])),
        section(
            "A feeling borrowed",
            _borrowed(report["borrowed"]),
            f"{report['borrowed']['n']} recordings lend their feeling to a plain voice: how far the speech "
            "judge hears it, and how far the body then shows it. Concordance.",
        ),
        section("Named emotions", _names(report["names"]), _names_note(report["names"])),
        section("Chance and silence", _chance(report["chance"]), ""),
        section("What the numbers mean", meanings(report, MEANINGS), ""),
        section("What they do not say", "<ul>" + "".join(f"<li>{c}</li>" for c in CAVEATS) + "</ul>", ""),
        section("Made again", _provenance(report), ""),
    ]  # fmt: skip
    return f"Is the feeling seen, and does it move with the voice? {model['name']}, measured", body


def _rows(found: Mapping[str, Any], cells: Any) -> list[str]:
    return [row(*_named(arm, cells(found[arm]))) for arm in ARMS if arm in found]


def _named(arm: str, cells: Sequence[str]) -> tuple[str, Sequence[str], str]:
    title, told = ARMS[arm]
    return title, cells, told


def _moved(found: Mapping[str, Any]) -> str:
    levels = found["model"]["levels"]

    def cells(of: Mapping[str, Any]) -> list[str]:
        return [
            cell(of["spearman"], 3),
            cell(of["spearman_pure"], 3),
            cell(of["spearman_with_valence"], 3),
            percent(of["valence_sweep"]),
        ]

    heads = ("", "rank with arousal", "where valence is 0", "rank with valence", "sweep of valence")
    tables = table(heads, _rows({k: v for k, v in found.items() if k != "constant"}, cells))
    for axis in reversed(AXES):
        rows = _rows(found, lambda of, axis=axis: [cell(100 * v, 2) for v in of["levels"][axis].values()])
        tables += table((axis, *(level.replace("-", "−") for level in levels[axis])), rows)
    return tables


def _timing(found: Mapping[str, Any]) -> str:
    def cells(of: Mapping[str, Any]) -> list[str]:
        return [
            cell(of["stroke_rate"]),
            f"<b>{cell(of['own'], 3)}</b>",
            cell(of["shuffled"], 3),
            *(_pair(of, k) for k in ("ends", "published", "strict")),
            cell(of["marked"], 3),
        ]

    heads = (
        "", "strokes/s", "consistency", "shuffled", "all ends / shuffled", "published form / shuffled",
        "with σ 0.1 / shuffled", "marked",
    )  # fmt: skip
    return table(heads, _rows(found, cells))


def _pair(of: Mapping[str, Any], name: str) -> str:
    return f"{cell(of[f'{name}_own'], 3)} / {cell(of[f'{name}_shuffled'], 3)}"


def _voices_note(report: Mapping[str, Any]) -> str:
    if report["held_out"]:
        return f"Voices that the model never heard are {', '.join(report['held_out'])}."
    return "The held-out voices are synthesisers that are not installed; these are the speaker’s own."


def _alike(found: Mapping[str, Any]) -> str:
    def cells(of: Mapping[str, Any]) -> list[str]:
        return [
            cell(of.get("fgd"), 1),
            cell(of.get("hellinger"), 3),
            *(
                cell(of.get(k), 2)
                for k in ("jerk", "jerk_ratio", "acceleration_ratio", "l1div", "l1div_ratio")
            ),
            percent(of["holds"]) if "holds" in of else "–",
        ]

    heads = (
        "", "Fréchet distance", "speeds apart", "jerk, m/s³", "ratio", "acceleration, ratio", "L1div, m",
        "ratio", "hands held",
    )  # fmt: skip
    return table(heads, _rows(found, cells))


def _able(found: Mapping[str, Any]) -> str:
    def cells(of: Mapping[str, Any]) -> list[str]:
        return [
            cell(of["skate"], 3),
            cell(of["skate_worst"], 3),
            cell(of["penetration"], 2),
            percent(of["penetrating"]),
            cell(of["range"], 1),
        ]

    heads = (
        "", "feet slide, cm/s", "worst clip", "hand in trunk, cm, worst", "clips with more than 1 cm",
        "beyond joint range, °, worst",
    )  # fmt: skip
    return table(heads, _rows({k: v for k, v in found.items() if k != "mean pose"}, cells))


def _voice(found: Mapping[str, Any]) -> str:
    rows = [
        row(
            f"{axis}, {judge} judge",
            [cell(of[axis][k], 3) for k in ("request", "voice", "ccc")],
        )
        for judge, of in found.items()
        if judge != "n"
        for axis in AXES
    ]
    return table(("", "with the request", "with the voice", "concordance"), rows)


def _voice_note(found: Mapping[str, Any]) -> str:
    return f"{found['n']} clips." if found else "Not measured: it needs a voice that acts."


def _borrowed(found: Mapping[str, Any]) -> str:
    rows = [row("Heard by the speech judge", [*(cell(found["heard"][a], 3) for a in AXES), "–", "–"])]
    for judge, of in found.items():
        if judge in ("n", "heard"):
            continue
        cells = [cell(of[axis][k], 3) for k in ("felt", "heard") for axis in AXES]
        rows.append(row(f"Shown, {judge} judge", cells))
    heads = ("", "valence, as said", "arousal, as said", "valence, as heard", "arousal, as heard")
    return table(heads, rows)


def _names(found: Mapping[str, Any]) -> str:
    if not found:
        return "<p>Not measured: it needs two actors.</p>"
    confusions = found["model"]["confusions"]
    rows = [row(name, [str(n or "·") for n in of.values()]) for name, of in confusions.items()]
    return table(("shown, and what it was named", *confusions), rows)


def _names_note(found: Mapping[str, Any]) -> str:
    if not found:
        return ""
    model, teacher = found["model"], found["teacher"]
    return (
        f"{percent(model['accuracy'])} of {model['faces']} of the model’s named emotions are named right, by "
        f"the bodies of other actors, and {percent(teacher['accuracy'])} of the teacher’s; chance is "
        f"{percent(model['chance'])}. Where two share their valence and arousal, dominance tells them apart."
    )


def _chance(found: Mapping[str, Any]) -> str:
    def cells(of: Mapping[str, Any]) -> list[str]:
        return [cell(100 * of["diversity"], 1), cell(100 * of["idle_motion"], 2), cell(of["idle_strokes"])]

    heads = ("", "hands of two seeds apart, cm", "in silence: motion, cm/s", "strokes/s")
    return table(heads, _rows(found, cells))


def _provenance(report: Mapping[str, Any]) -> str:
    levels, model = report["levels"], report["model"]
    lines = {
        "command": f"<code>{escape(report['command'] or 'none: made in Python')}</code>",
        "model": f"{escape(model['name'])} <code>{short(model)}</code>, {model['steps']} steps",
        "speech by": f"{escape(model['speaker']['name'])} <code>{short(model['speaker'])}</code>",
        "features of motion": f"<code>{short(model['features'])}</code>",
        **{
            f"{name} judge": f"{escape(judge['name'])} <code>{short(judge)}</code>"
            for name, judge in report["judges"].items()
        },
        "levels": "valence " + ", ".join(number(x, 2) for x in levels["valence"])
        + "; arousal " + ", ".join(number(x, 2) for x in levels["arousal"]),
        "seeds": ", ".join(map(str, report["seeds"])),
        "made on": escape(", ".join(f"{k} {v}" for k, v in report["made_on"].items())),
        "made": f"{escape(report['created'])}, Emotive {escape(report['emotive'])}",
    }  # fmt: skip
    captions = "".join(
        f"<li>{escape(c)} <small>{escape(v)}</small></li>"
        for c, v in zip(report["captions"], report["voices"], strict=True)
    )
    return (
        "<dl>"
        + "".join(f"<dt>{k}</dt><dd>{v}</dd>" for k, v in lines.items())
        + f"</dl><details><summary>The captions</summary><ol>{captions}</ol></details>"
    )
