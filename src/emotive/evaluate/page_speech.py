"""The speech report's page: its sections, what its arms are called, what it says and does not say."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

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
from .targets import speech_targets

ARMS = {
    "model": ("The model", "as it ships"),
    "teacher": ("The teacher", "synthesisers under the rules that it learned from: the ceiling"),
    "rerender": (
        "A recording converted",
        "of a voice that the judge never heard; other sentences of it taught the prosody network",
    ),
    "sliders": ("Three sliders", "pitch, speed and volume of the model’s neutral voice, moved as a whole"),
    "constant": ("Always neutral", "the neutral voice for every request"),
    "shuffled": ("Shuffled requests", "the model’s speech, requests in random order: chance"),
}

MEANINGS = {
    "concordance": "Lin’s CCC of requested and measured: 1 if they are equal everywhere, 0 for no relation. "
    "It falls with noise, with the wrong gain and with bias. The interval is 95 %, BCa, over sentences.",
    "rank": "Spearman’s correlation within each sentence by each voice, the median: does asking for more "
    "give more? Requests repeat each level and measurements never tie, so it cannot exceed {ceiling}.",
    "slope, intercept": "of measured on requested: 1 and 0 are a true gain without bias.",
    "after sliders": "the CCC of what is left of both after mean pitch, rate and loudness of each clip, "
    "against their means over the sentence, were regressed out: control that a player’s sliders lack.",
    "leakage": "the partial correlation of a request for one axis with the measurement of the other, given "
    "the request for that other axis: 0 if the axes are independent.",
    "word error rate": "words that the recogniser inserts, drops or mistakes, over words said. It errs on "
    "clear speech too; what counts are differences, paired by sentence, with 95 % intervals.",
    "identity": "the cosine of the speaker embeddings of two clips, {embedding}. The same words neutral and "
    "at a corner; other pairs stand beside it for scale.",
    "timing": "how far a phone begins from where a forced aligner that knows only the words hears it begin. "
    "The aligner errs too: see it on the synthesisers’ own times.",
}

CAVEATS = (
    "Judges are not people. No human has rated this speech; what is measured is estimated affect.",
    "Valence here is an inversion of published rules, not what listeners hear. Its vocal cues are known to "
    "be weak (Laukka et al. 2005).",
    "The learned judge heard other voices and other sentences, but the same rules. It tells how faithfully "
    "they are followed. The published judge was fitted to nothing; it reads cues of published direction.",
    "Judges level every clip before they listen. Loudness is measured apart, in the order of arousal.",
    "Speed and memory need a machine of their own: benchmarks/speech.py measures them.",
)


def speech_page(
    report: Mapping[str, Any],
    points: Mapping[tuple[str, str], np.ndarray],
    playlists: Sequence[tuple[str, Mapping[str, Any]]],
) -> tuple[str, list[str]]:
    """The title and the sections of a speech report; `playlists` are (caption, arm -> clips)."""
    model, targets = report["model"], speech_targets(report)
    met, measured = sum(bool(t.met) for t in targets), sum(t.met is not None for t in targets)
    rows, columns = report["grid"]
    lede = (
        f"{report['n']} clips: {count(len(report['captions']), 'sentence')} that training never saw, by "
        f"{count(len(report['voices']), 'voice')}, each at {rows} × {columns} points of valence and arousal, "
        f"{count(model['steps'], 'step')}. {met} of {len(targets)} targets are met"
        + ("." if measured == len(targets) else f", {len(targets) - measured} not measured.")
    )
    head = report["headline_judge"]
    judged = [(head, report)] + [(k, v) for k, v in report["judges"].items() if "axes" in v]
    body = [
        f'<p class="lede">{lede}</p>',
        section("To hear", _playlists(playlists), "Neutral and the corners. Chosen by number."),
        section(
            "Against the targets", target_table(targets), "Fixed beforehand; met or not, they are all here."
        ),
        section(
            "Requested and measured",
            scatters(points, [name for name, _ in judged], ARMS),
            "A point is a clip, spread a little sideways. Dashed: perfect control. Line: what was found.",
        ),
        *(
            section(
                f"Control, {name} judge",
                control_tables(numbers, ARMS, "after sliders"),
                f"sha256 {short(report['judges'][name])}",
            )
            for name, numbers in judged
        ),
        section("The order of arousal", _order(report["order"]), _order_note(report["order"])),
        section("Words", _words(report["words"]), _words_note(report["words"])),
        section("The same voice", _identity(report["identity"]), "Cosines of speaker embeddings."),
        section("Timing", _timing(report["timing"]), "Our phone boundaries against a forced aligner’s."),
        section("What the numbers mean", _meanings(report), ""),
        section("What they do not say", "<ul>" + "".join(f"<li>{c}</li>" for c in CAVEATS) + "</ul>", ""),
        section("Made again", _provenance(report), ""),
    ]
    return f"Is the feeling heard, and are the words? {model['name']}, measured", body


def _playlists(playlists: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    out = []
    for caption, arms in playlists:
        rows = []
        for arm in (arm for arm in ARMS if arm in arms):
            players = "".join(
                f'<figure><audio controls preload="none" src="{_mp3(clip)}" '
                f'aria-label="{escape(f"{caption}, {ARMS[arm][0]}, {clip.name}")}"></audio>'
                f"<figcaption>{escape(clip.name)}</figcaption></figure>"
                for clip in arms[arm]
            )
            rows.append(f'<p class="arm">{escape(ARMS[arm][0])}</p><div class="clips">{players}</div>')
        out.append(f"<h3>{escape(caption)}</h3>" + "".join(rows))
    return "".join(out)


def _mp3(clip: Any) -> str:
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(
        buffer, np.asarray(clip.waveform), clip.sample_rate, format="MP3", subtype="MPEG_LAYER_III"
    )
    return "data:audio/mpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _order(order: Mapping[str, Any]) -> str:
    arms = [arm for arm in ARMS if order.get(arm)]
    if not arms:
        return "<p>Not measured: the grid has no neutral valence.</p>"
    features = [name for name in order[arms[0]] if name not in ("rows", "levels")]
    rows = [
        f'<tr><th scope="row">{escape(ARMS[arm][0])}</th>'
        + "".join(f"<td>{percent(order[arm][name])}</td>" for name in features)
        + f"<td>{order[arm]['rows']}</td></tr>"
        for arm in arms
    ]
    return table(("", *features, "rows"), rows)


def _order_note(order: Mapping[str, Any]) -> str:
    levels = order.get("model", {}).get("levels")
    return f"The share of sentences in which each rises at all {levels} levels of arousal." if levels else ""


def _words(words: Mapping[str, Any]) -> str:
    if not words:
        return "<p>Not measured: it needs pocketsphinx.</p>"
    ways = words["ways"]
    rows = []
    for voice, of in words["voices"].items():
        for name in ("teacher", "neutral"):
            if name in of:
                rows.append(_words_row(f"{voice}, {name}", of[name], of[name].get("against_teacher")))
    rows.append(_words_row("all voices, neutral", ways["neutral"], ways["neutral"].get("against_teacher")))
    for name in ("mild", "corners"):
        rows += [_words_row(_way(way), ways[way], ways[way]) for way in words[name] if way in ways]
    return table(("", "word error rate", "difference", "95 %", "sentences"), rows)


def _words_row(title: str, of: Mapping[str, Any], against: Mapping[str, Any] | None) -> str:
    cells = [percent(of["wer"]), "", ""]
    if against and "difference" in against:
        ends = " to ".join(number(100 * end, 1) for end in against["interval"])
        cells[1:] = [number(100 * against["difference"], 1), f"<small>{ends}</small>"]
    cells.append(str(of["n"]))
    return f'<tr><th scope="row">{escape(title)}</th>' + "".join(f"<td>{c}</td>" for c in cells) + "</tr>"


def _words_note(words: Mapping[str, Any]) -> str:
    if not words:
        return ""
    return (
        f"{words['recogniser']}; {words['sentences']} sentences. Differences in points: neutral against its "
        "teacher voice, points against neutral on the same sentences. Valence first."
    )


def _way(name: str) -> str:
    return name.replace("-", "−").replace(",", ", ")


def _identity(identity: Mapping[str, Any]) -> str:
    if "model" not in identity:
        return "<p>Not measured: it needs the weights of Resemblyzer.</p>"
    arms = [arm for arm in ("model", "teacher") if arm in identity]

    def row(title: str, find: Any) -> str:
        values = [find(identity[arm]) for arm in arms]
        cells = "".join(f"<td>{'–' if v is None else number(v)}</td>" for v in values)
        return f'<tr><th scope="row">{escape(title)}</th>{cells}</tr>'

    corners = identity["model"]["ways"]
    rows = [
        row("neutral and the corners, same words", lambda of: of["corners"]),
        *(row(f"neutral and {_way(name)}", lambda of, n=name: of["ways"][n]) for name in corners),
        row("the least alike of them", lambda of: of["least"]),
        row("neutral and the corners, other words", lambda of: of["other_words"]),
        row("neutral and neutral, other words", lambda of: of["neutral"]),
        row("one voice and another, neutral", lambda of: of["other_voice"]),
    ]
    return table(("", *(ARMS[arm][0] for arm in arms)), rows)


def _timing(timing: Mapping[str, Any]) -> str:
    if not timing:
        return "<p>Not measured: it needs pocketsphinx.</p>"
    titles = {
        "model": "The model, everywhere",
        "neutral": "The model, neutral",
        "corners": "The model, corners",
        "teacher": "The synthesisers’ own times",
    }
    rows = []
    for name in (name for name in titles if name in timing):
        of = timing[name]
        cells = ["–"] * 4
        if of["median_ms"] is not None:
            cells = [f"{number(of[k], 1)} ms" for k in ("median_ms", "p90_ms", "bias_ms")]
            cells.append(percent(of["within_20ms"]))
        cells += [f"{of['boundaries']:,}", str(of["lost"])]
        rows.append(
            f'<tr><th scope="row">{titles[name]}</th>' + "".join(f"<td>{c}</td>" for c in cells) + "</tr>"
        )
    return table(("", "median", "90 %", "bias", "within 20 ms", "boundaries", "not aligned"), rows)


def _meanings(report: Mapping[str, Any]) -> str:
    facts = {
        "ceiling": number(min(report["spearman_ceiling"].values())),
        "embedding": report["identity"].get("embedding", "not measured here"),
    }
    return (
        "<dl>"
        + "".join(f"<dt>{k}</dt><dd>{escape(v.format(**facts))}</dd>" for k, v in MEANINGS.items())
        + "</dl>"
    )


def _provenance(report: Mapping[str, Any]) -> str:
    levels, teachers = report["levels"], report["teachers"]
    read = ", ".join(f"{name} read {n}" for name, n in teachers.items())
    missing = [v for v in report["voices"] if v not in teachers]
    if missing:
        without = (
            f"none for {', '.join(missing)}: the teacher and the recordings are synthesisers, not installed"
        )
        read = f"{read}; {without}" if read else without
    lines = {
        "command": f"<code>{escape(report['command'] or 'none: made in Python')}</code>",
        "model": f"{escape(report['model']['name'])} <code>{short(report['model'])}</code>",
        **{
            f"{name} judge": f"{escape(judge['name'])} <code>{short(judge)}</code>"
            for name, judge in report["judges"].items()
        },
        "speakers compared by": escape(report["identity"].get("embedding", "nothing")),
        "voices": escape(", ".join(report["voices"])),
        "synthesisers": escape(read),
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
