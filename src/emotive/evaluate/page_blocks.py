"""What the reports' pages are built of: sections, tables, scatters, numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

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
