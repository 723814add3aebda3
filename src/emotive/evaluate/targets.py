"""What the reports are held against: fixed before it was measured, shown whether met or missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

AXES = ("valence", "arousal")
AFTER_COLOUR = {"valence": 0.3, "arousal": 0.5}


@dataclass(frozen=True)
class Target:
    """One line: of what, what is wanted, what was found (None: not measured), and whether it is met."""

    what: str
    wanted: str
    value: float | None
    met: bool | None


def image_targets(report: Mapping[str, Any]) -> list[Target]:
    """The targets of the picture report, in the order in which it tells them."""
    found: list[Target] = []

    def at_least(what: str, value: float, limit: float) -> None:
        found.append(Target(what, f"≥ {limit:g}", value, value >= limit))

    def between(what: str, value: float, low: float, high: float) -> None:
        found.append(Target(what, f"{low:g} to {high:g}", value, low <= value <= high))

    axes, other = report["axes"], {k: v for k, v in report["judges"].items() if "axes" in v}
    for axis in AXES:
        at_least(f"{axis}: concordance", axes[axis]["ccc"], 0.92)
    for axis in AXES:
        at_least(f"{axis}: rank correlation within a caption", axes[axis]["spearman"], 0.97)
    for axis in AXES:
        between(f"{axis}: slope", axes[axis]["slope"], 0.85, 1.15)
    for start, end in (AXES, AXES[::-1]):
        value = abs(report["leakage"][f"{start}_to_{end}"])
        found.append(Target(f"leakage of {start} into {end}, size", "≤ 0.1", value, value <= 0.1))
    for name, judge in other.items():
        for axis in AXES:
            what = f"{axis}: rank correlation within a caption, {name} judge"
            at_least(what, judge["axes"][axis]["spearman"], 0.85)
    for axis in AXES:
        at_least(f"{axis}: concordance after colour", axes[axis]["ccc_after_colour"], AFTER_COLOUR[axis])
    for name, judge in {report["headline_judge"]: report, **other}.items():
        for axis in AXES:
            value = judge["axes"][axis]["ccc_after_colour"]
            grade = judge["baselines"]["colour_grade"]["axes"][axis]["ccc_after_colour"]
            what = f"{axis}: the same, above the colour grade, {name} judge"
            found.append(Target(what, f"> {grade:.3f}".replace("-", "−"), value, value > grade))
    content = report["content"]
    if content.get("kinds"):
        kind = min(content["kinds"], key=content["kinds"].get)
        at_least(f"content kept: the worst kind, {kind}", content["kinds"][kind], 0.95)
        corners = {k: c["accuracy"] for k, c in content["corners"].items() if c["n"]}
        if corners:
            corner = min(corners, key=lambda k: corners[k])
            at_least(f"content kept: the worst corner, {corner.replace('_', ', ')}", corners[corner], 0.92)
    quality = report["quality"]
    limit = 1.2 * quality["kid_teacher_halves_95"]
    what = "kernel distance to the teacher, within 20 % of what chance gives its own halves"
    found.append(Target(what, f"≤ {limit:.4f}", quality["kid"], quality["kid"] <= limit))
    between("fine detail, ratio to the teacher", quality["high_frequency"], 0.8, 1.2)
    return found


def speech_targets(report: Mapping[str, Any]) -> list[Target]:
    """The targets of the speech report; what needs an extra that was missing is not measured."""
    found: list[Target] = []

    def put(what: str, value: float | None, limit: float, least: bool = False, unit: str = "") -> None:
        met = None if value is None else value >= limit if least else value <= limit
        found.append(Target(what, f"{'≥' if least else '≤'} {limit:g}{unit}", value, met))

    axes, head = report["axes"], report["headline_judge"]
    put(f"arousal: concordance, {head} judge", axes["arousal"]["ccc"], 0.9, True)
    put(f"valence: concordance, {head} judge", axes["valence"]["ccc"], 0.75, True)
    for name, judge in report["judges"].items():
        if "axes" in judge:
            what = f"arousal: rank correlation within a sentence, {name} judge"
            put(what, judge["axes"]["arousal"]["spearman"], 0.9, True)
    for start, end in (AXES, AXES[::-1]):
        put(f"leakage of {start} into {end}, size", abs(report["leakage"][f"{start}_to_{end}"]), 0.15)
    order = report["order"]["model"]
    for feature in ("F0 mean", "F0 range", "loudness", "alpha ratio", "rate"):
        put(f"{feature} rises at every step of arousal, share of rows", order.get(feature), 0.95, True)
    ways = report["words"].get("ways", {})
    neutral = ways.get("neutral", {}).get("against_teacher", {}).get("difference")
    put("word error rate: neutral above its teacher voice", neutral, 0.05)
    for name, told, limit in (
        ("mild", "the worst point up to ±0.6", 0.05),
        ("corners", "the worst corner", 0.12),
    ):
        worst = [ways[way]["difference"] for way in report["words"].get(name, ()) if way in ways]
        put(f"word error rate: {told} above neutral", max(worst, default=None), limit)
    alike = report["identity"].get("model", {}).get("corners")
    put("identity: neutral against the corners, cosine", alike, 0.8, True)
    put(
        "timing: phone boundaries, median error",
        report["timing"].get("model", {}).get("median_ms"),
        20,
        unit=" ms",
    )
    return found
