"""`emotive judge` on the motion of bodies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emotive.errors import InputError

from .common import plain
from .judge_sound import curve_lines, curve_rows, sentence

MOTIONS = (".npz", ".json", ".bvh")


def is_motion(file: Path) -> bool:
    """By its suffix."""
    return file.suffix.lower() in MOTIONS


def check_motion_options(
    motions: list[Path], others: list[Path], which: str, calibration: Path | None
) -> None:
    """Raises InputError where options do not fit what is judged: before anything is loaded."""
    if which == "body" and others:
        kinds = "give .npz, .json or .bvh, or another --judge"
        raise InputError(f"{others[0]} is not the motion of a body: {kinds}")
    if motions and which in ("picture", "speech", "face"):
        raise InputError(f"{motions[0]} is the motion of a body: use --judge body, published or both")
    if motions and calibration is not None:
        raise InputError("a calibration is of a judge of pictures; it does not go with the motion of a body")


def body_judges(which: str) -> list[Any]:
    """The judges of bodies by name, the learned one first."""
    judges: list[Any] = []
    if which in ("body", "both"):
        from emotive.perceive.body_judge import BodyJudge

        judges.append(BodyJudge.from_pretrained())
    if which in ("published", "both"):
        from emotive.perceive.body_published import BodyPublishedJudge

        judges.append(BodyPublishedJudge())
    return judges


def explain_motion(file: Path, told: str, judges: list[Any], as_json: bool) -> list[dict[str, Any]]:
    """Prints what each judge reads in a motion, overall and over time, or returns it for JSON."""
    from emotive.affect import Affect
    from emotive.perceive.body_reading import judge_body

    found: list[dict[str, Any]] = []
    for read in judge_body(file, judges):
        numbers = {name: round(float(x[0]), 4) for name, x in read.whole._asdict().items()}
        near = [term.term for term, _ in Affect(numbers["valence"], numbers["arousal"]).nearest(3)]
        if not as_json:
            why = f" What moved it: {', '.join(read.moved_by)}." if read.moved_by else ""
            print(plain(f"{told}{read.judge}: {sentence(numbers, near, [])}{why}"), flush=True)
            for line in curve_lines(read.curve):
                print(line, flush=True)
        entry = {"file": str(file), "judge": read.judge, "fingerprint": read.fingerprint, **numbers}
        found.append(
            entry | {"nearest": near, "moved_by": read.moved_by, "over_time": curve_rows(read.curve)}
        )
    return found
