"""What the talking-head report is held against: fixed before it was measured, shown whether met or missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .summary import AXES
from .targets import Target

BLINKS = (10.0, 32.0)  # a minute, talking: the 95 % interval of Doughty 2001
STILL = 0.05  # eye distances/s: a mouth that moves less is at rest
FOLLOWED = {"valence": 0.85, "arousal": 0.8}


def head_targets(report: Mapping[str, Any]) -> list[Target]:
    """The targets, in the order in which the page tells them; what could not be measured is None."""
    found: list[Target] = []

    def put(what: str, value: float | None, limit: float, least: bool = True, unit: str = "") -> None:
        met = None if value is None else value >= limit if least else value <= limit
        found.append(Target(what, f"{'≥' if least else '≤'} {limit:g}{unit}", value, met))

    def holds(what: str, wanted: str, value: float | None, met: bool | None) -> None:
        found.append(Target(what, wanted, value, met))

    lips = report["lips"]
    told = "lips, held-out voices" if report["held_out"] else "lips, voices that it knows"
    columns = {"from sound alone": lips["heard"], "with phone times": lips["model"]}
    if lips["seen"]:
        columns["from sound alone, on rendered frames"] = lips["seen"]
    for how, of in columns.items():
        put(f"{told}, {how}: closures of p b m found", of["closure"]["recall"], 0.95)
        put(f"{told}, {how}: correlation of mouth and envelope", of["correlation"], 0.6)
        put(f"{told}, {how}: lag, size", abs(of["lag"]), 1, False, " frame")
        if how != "from sound alone, on rendered frames":
            put(f"{told}, {how}: visemes, macro-F1", of["viseme_f1"], 0.6)
    shuffled = lips["controls"].get("shuffled")
    if shuffled:
        put("lips of another sentence: correlation, size", abs(shuffled["correlation"]), 0.15, False)
        put("lips of another sentence: visemes, macro-F1", shuffled["viseme_f1"], 0.25, False)
    for arm, how in (("heard", "from sound alone"), ("model", "with phone times")):
        said = [of["closure"] for of in lips["corners"][arm].values() if of["closure"]["n"]]
        worst = min((of["recall"] for of in said), default=None)
        put(f"lips at the worst corner, {how}: closures found", worst, 0.9)
    put("lips at the corners of the grid: closures found", report["closures"]["model"]["corners"], 0.9)

    head = report["headline_judge"]
    model = report["tracking"]["model"]
    for axis, limit in FOLLOWED.items():
        put(f"a curve is followed: {axis}, concordance over time, {head} judge", model[head][axis], limit)
    for axis, limit in FOLLOWED.items():
        put(f"{axis}: concordance over the plane, {head} judge", report["axes"][axis]["ccc"], limit)
    for kind in ("still", "speaking"):
        rising = [
            judges[head][axis][f"{kind}_rises"]
            for judges in report["sweeps"].values()
            for axis in AXES
            if f"{kind}_rises" in judges[head][axis]
        ]
        share = sum(rising) / len(rising) if rising else None
        put(f"five levels rise at every step, {kind} faces of every portrait: share", share, 1)
    names = report["names"]
    put("named emotions labelled by faces of others: share of 8", names.get("accuracy"), 0.7)

    life = report["life"]
    mine, rules = life["model"], life["rules"]
    low, high = BLINKS
    inside = low <= mine["blinks"] <= high
    holds("life: blinks a minute, talking", f"{low:g} to {high:g}", mine["blinks"], inside)
    put("life: mouth in silence, eye distances/s", mine["idle_mouth_energy"], STILL, False)
    moving = mine["idle_head_speed"]
    holds("life: the head in silence, degrees/s", "> 0.1", moving, moving > 0.1)
    limit = rules["distance"]
    holds(
        "life: distance from the teacher’s, below that of rules alone",
        f"< {limit:.3g}",
        mine["distance"],
        mine["distance"] < limit,
    )
    return found
