"""What the reports' pages are built of: sections, tables, scatters, numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from .scatter import scatter
from .summary import AXES
from .targets import Target

Arms = Mapping[str, tuple[str, str]]
"""What an arm is called in a table, and what it is."""


def section(title: str, body: str, note: str) -> str:
    told = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{told}{body}</section>"


def target_table(targets: Sequence[Target]) -> str:
    rows = []
    for t in targets:
        mark = {True: "met", False: "missed", None: "not measured"}[t.met]
        value = "–" if t.value is None else number(t.value, 4 if "kernel" in t.what else 3)
        cells = f"<td>{value}</td><td>{escape(t.wanted)}</td>"
        rows.append(
            f'<tr><th scope="row">{escape(t.what)}</th>{cells}<td class="{mark.split()[0]}">{mark}</td></tr>'
        )
    return table(("", "found", "target", ""), rows)


def scatters(points: Mapping[tuple[str, str], np.ndarray], judges: Sequence[str], arms: Arms) -> str:
    heads = "".join(f"<span>{axis}, {escape(judge)} judge</span>" for judge in judges for axis in AXES)
    rows = []
    for arm in dict.fromkeys(arm for arm, _ in points):
        plots = "".join(
            scatter(
                points[arm, judge][:, k],
                points[arm, judge][:, 2 + k],
                f"{arms[arm][0]}, {axis}, {judge} judge",
            )
            for judge in judges
            for k, axis in enumerate(AXES)
        )
        rows.append(f'<h3>{escape(arms[arm][0])}</h3><div class="plots">{plots}</div>')
    return f'<div class="plots heads" aria-hidden="true">{heads}</div>' + "".join(rows)


def control_tables(numbers: Mapping[str, Any], arms: Arms, after: str) -> str:
    """A table for each axis, a row for each of `arms` that was measured; `after` heads the column of
    concordance after the medium's nuisances."""
    found = {"model": numbers, **numbers["baselines"], **numbers["variants"]}
    tables = []
    for k, axis in enumerate(AXES):
        rows = []
        for name in (name for name in arms if name in found):
            of, leak = found[name]["axes"][axis], found[name]["leakage"]
            interval = " to ".join(number(end, 2) for end in of["interval"]) if "interval" in of else ""
            cells = [
                f"<b>{number(of['ccc'])}</b>",
                f"<small>{interval}</small>",
                *(number(of[key]) for key in ("spearman", "slope", "intercept", "ccc_after_colour")),
                number(leak[f"{AXES[1 - k]}_to_{axis}"]),
            ]
            title, told = arms[name]
            rows.append(
                f'<tr><th scope="row">{escape(title)}<small>{escape(told)}</small></th>'
                + "".join(f"<td>{cell}</td>" for cell in cells)
                + "</tr>"
            )
        heads = (axis, "concordance", "95 %", "rank", "slope", "intercept", after, "leakage into it")
        tables.append(table(heads, rows))
    return "".join(tables)


def table(heads: Sequence[str] | None, rows: Sequence[str]) -> str:
    head = "" if heads is None else "".join(f'<th scope="col">{escape(h)}</th>' for h in heads)
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f'<div class="wide"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'


def number(value: float, digits: int = 3) -> str:
    rounded = round(value, digits) + 0.0  # without a negative zero
    return f"{rounded:.{digits}f}".replace("-", "−")


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def short(of: Mapping[str, Any]) -> str:
    return escape(of["fingerprint"][:12] or "built in memory")


def strips(sheets: Sequence[tuple[str, Mapping[str, np.ndarray]]], arms_told: Arms) -> str:
    """Pictures of each arm under what they show."""
    out = []
    for caption, arms in sheets:
        rows = "".join(
            f'<figure><img src="{jpeg(arms[arm])}" alt="{escape(f"{caption}: {arms_told[arm][0]}")}">'
            f"<figcaption>{escape(arms_told[arm][0])}</figcaption></figure>"
            for arm in arms_told
            if arm in arms
        )
        out.append(f"<h3>{escape(caption)}</h3>{rows}")
    return "".join(out)


def jpeg(pixels: np.ndarray) -> str:
    """A picture (H, W, 3) as an address that holds it."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def cell(value: float | None, digits: int = 2, share: bool = False) -> str:
    """A number, or a share in percent; a dash where there is none."""
    return "–" if value is None else percent(value) if share else number(value, digits)


def row(title: str, cells: Sequence[str], told: str = "") -> str:
    """A row of a table: what it is, its cells, and what is told of it in small print."""
    small = f"<small>{escape(told)}</small>" if told else ""
    inside = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{escape(title)}{small}</th>{inside}</tr>'


def tracking_table(found: Mapping[str, Any], arms: Arms) -> str:
    """How well each judge sees a request that moves."""
    rows = []
    for arm in (arm for arm in arms if arm in found):
        for judge, of in found[arm].items():
            cells = [*(cell(of[axis], 3) for axis in AXES), *(cell(of["clips"][axis], 3) for axis in AXES)]
            rows.append(row(f"{arms[arm][0]}, {judge} judge", [*cells, str(of["n"])]))
    return table(("", *AXES, "valence, one clip", "arousal, one clip", "clips"), rows)


def meanings(report: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    """What the words of a report mean; {ceiling} stands for the highest rank correlation there can be."""
    facts = {"ceiling": number(min(report["spearman_ceiling"].values()))}
    return (
        "<dl>"
        + "".join(f"<dt>{k}</dt><dd>{escape(v.format(**facts))}</dd>" for k, v in texts.items())
        + "</dl>"
    )
