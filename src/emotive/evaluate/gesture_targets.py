"""What the gesture report is held against: fixed before it was measured, shown whether met or missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .summary import AXES
from .targets import Target

FOLLOWED = {"valence": 0.75, "arousal": 0.9}
ALIKE = 0.2  # of the teacher's, by which jerk and diversity may differ


def gesture_targets(report: Mapping[str, Any]) -> list[Target]:
    """The targets, in the order in which the page tells them; what could not be measured is None."""
    found: list[Target] = []

    def put(what: str, value: float | None, limit: float, least: bool = True, unit: str = "") -> None:
        met = None if value is None else value >= limit if least else value <= limit
        found.append(Target(what, f"{'≥' if least else '≤'} {limit:.3g}{unit}", value, met))

    head = report["headline_judge"]
    for axis in reversed(AXES):
        put(
            f"{axis}: concordance, actors held out, {head} judge", report["axes"][axis]["ccc"], FOLLOWED[axis]
        )
    moved = report["motion"]["model"]
    put("arousal and quantity of motion: rank correlation within a caption", moved["spearman"], 0.9)
    sweep = 100 * moved["valence_sweep"]
    found.append(Target("a sweep of valence changes quantity of motion by, %", "< 15", sweep, sweep < 15))

    timing = report["timing"]["model"]
    own, shuffled = timing["own"], timing["shuffled"]
    gain = None if own is None or shuffled is None else own - shuffled
    put("strokes end with stressed vowels: consistency (σ 0.1 s) above the shuffled value", gain, 0.2)

    quality = report["quality"]
    mine, again = quality["model"], quality["again"]
    put(
        "Fréchet distance from the teacher, against twice its own halves’",
        mine["fgd"],
        2 * again["fgd"],
        False,
    )
    for name, told in (("jerk", "mean jerk"), ("l1div", "diversity of poses (L1div)")):
        value = mine[f"{name}_ratio"]
        inside = 1 - ALIKE <= value <= 1 + ALIKE
        found.append(Target(f"{told}, ratio to the teacher", "0.8 to 1.2", value, inside))
    skate = mine["skate"]
    found.append(Target("feet that stand slide, cm/s", "< 1", skate, skate < 1))
    put("the most that a joint is beyond human range, degrees", mine["range"], 0, False)
    put("the deepest that a hand is in the trunk, cm", mine["penetration"], 1, False)
    return found
