"""Stimulus sets: prompts x a grid of affect x seeds, as pictures and one table.

    emotive image --prompts scenes.txt --grid 5x5 --seeds 2 -o stimuli

A set is made picture by picture and can be stopped at any time: rows are kept in `stimuli.partial.csv`, and
the same command goes on where it stopped. `stimuli.csv` appears when the set is whole. The estimates in it are
two judges' and say so in their column names; nothing in it is a human rating.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from emotive.affect import Affect
from emotive.batch import ImageJob, run_image_jobs
from emotive.errors import InputError
from emotive.matching import MATCHABLE, match
from emotive.media import slug, write_whole
from emotive.media.image import write_png
from emotive.media.picture import open_picture
from emotive.media.provenance import Provenance
from emotive.perceive.attributes import picture_attributes
from emotive.perceive.judge import Judge

TABLE, PARTIAL, SETTINGS = "stimuli.csv", "stimuli.partial.csv", "stimuli.json"
ATTRIBUTES = ("luminance", "rms_contrast", "saturation", "edge_density")
COLUMNS = (
    "file", "prompt", "seed", "valence", "arousal",
    "picture_judge_valence", "picture_judge_valence_sd", "picture_judge_arousal", "picture_judge_arousal_sd",
    "published_valence", "published_valence_sd", "published_arousal", "published_arousal_sd",
    *ATTRIBUTES,
)  # fmt: skip
MAX_PROMPTS, MAX_SEEDS, MAX_PICTURES = 10_000, 1000, 1_000_000

Row = dict[str, str]


@dataclass(frozen=True)
class Stimulus:
    """One cell of a set: its file name, prompt, affect and seed."""

    file: str
    prompt: str
    affect: Affect
    seed: int


def read_prompts(path: Path, check: Callable[[str], object]) -> list[str]:
    """One prompt a line; empty lines and those that begin with # are skipped.

    `check` raises InputError for a prompt that the model cannot paint. Raises InputError naming file and line: the
    file is missing, no text, empty, or has a prompt twice or one that cannot be painted.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist" if not path.exists() else f"{path} is not a file")
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path} as text in UTF-8: {error}") from error
    found: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        prompt = " ".join(line.split())
        if not prompt or prompt.startswith("#"):
            continue
        if prompt in found:
            raise InputError(f"{path}, line {number}: {prompt[:60]!r} is on line {found[prompt]} already")
        try:
            check(prompt)
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from error
        found[prompt] = number
    if not 1 <= len(found) <= MAX_PROMPTS:
        raise InputError(f"{path} holds {len(found)} prompts: give 1 to {MAX_PROMPTS}, one a line")
    return list(found)


def stimulus_list(prompts: Sequence[str], cells: Sequence[Affect], seed: int, seeds: int) -> list[Stimulus]:
    """All stimuli of a set, prompt by prompt, seed by seed, in the grid's reading order."""
    if not 1 <= seeds <= MAX_SEEDS:
        raise InputError(f"--seeds {seeds} makes no sense: use 1 to {MAX_SEEDS}")
    if (total := len(prompts) * len(cells) * seeds) > MAX_PICTURES:
        raise InputError(f"{total} pictures are too many for one set: at most {MAX_PICTURES}")
    width = len(str(len(prompts)))
    return [
        Stimulus(
            f"{i:0{width}}-{slug(prompt)}-s{s}-v{cell.valence:+.2f}a{cell.arousal:+.2f}.png", prompt, cell, s
        )
        for i, prompt in enumerate(prompts, 1)
        for s in range(seed, seed + seeds)
        for cell in cells
    ]


def make_stimuli(
    folder: Path,
    plan: Provenance,
    stimuli: Sequence[Stimulus],
    pipe: Any,
    judges: tuple[Judge, Judge],
    batch_size: int = 1,
) -> Iterator[Path]:
    """Paints what is missing of a set, yields each picture as it is written, and the table at the end.

    `plan` is settled: its settings are those of every picture. Raises InputError if the folder holds another
    set, or files that are not a set's.
    """
    settings = _settings(plan, stimuli, judges)
    done = _resume(folder, settings, stimuli)
    if not (folder / SETTINGS).exists():
        write_whole(folder / SETTINGS, json.dumps(settings, indent=2, ensure_ascii=False).encode())
    if (folder / TABLE).exists() and len(done) == len(stimuli):
        yield folder / TABLE
        return
    (folder / TABLE).unlink(missing_ok=True)
    write_whole(folder / PARTIAL, _as_csv(list(done.values())).encode())
    missing = [s for s in stimuli if s.file not in done]
    jobs = [
        ImageJob(
            s.prompt,
            s.affect,
            s.seed,
            plan.num_inference_steps,
            plan.guidance_scale,
            plan.affect_guidance_scale,
            plan.affect_strength,
            plan.texture,
        )
        for s in missing
    ]
    pictures = run_image_jobs(pipe, jobs, batch_size)
    with open(folder / PARTIAL, "a", encoding="utf-8", newline="") as table:
        for stimulus, (_, image) in zip(missing, pictures, strict=True):
            made = replace(
                plan, prompt=stimulus.prompt, affect=stimulus.affect, seed=stimulus.seed, size=image.size
            )
            path = write_png(folder / stimulus.file, image, made, sidecar=False)
            row = {
                "file": stimulus.file,
                "prompt": stimulus.prompt,
                "seed": str(stimulus.seed),
                "valence": f"{stimulus.affect.valence:g}",
                "arousal": f"{stimulus.affect.arousal:g}",
                **_read(np.asarray(image), judges),
            }
            csv.DictWriter(table, COLUMNS).writerow(row)
            table.flush()
            done[stimulus.file] = row
            yield path
    write_whole(folder / TABLE, _as_csv([done[s.file] for s in stimuli]).encode())
    (folder / PARTIAL).unlink()
    yield folder / TABLE


def match_stimuli(
    folder: Path, names: Sequence[str], judges: tuple[Judge, Judge], progress: Callable = iter
) -> tuple[Path, dict[str, Any]]:
    """Equalises a finished set in `names` (of MATCHABLE), into `folder/matched-...`, with its own table.

    Every picture gets the set's median of each attribute. Returns the new table and the control before and
    after: CCC and median within-prompt Spearman of both judges, and the spread of what was matched.
    """
    with open(folder / TABLE, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    goal = {n: float(np.median([float(row[MATCHABLE[n]]) for row in rows])) for n in names}
    target = folder / ("matched-" + "-".join(names))
    target.mkdir(exist_ok=True)
    matched = []
    for row in progress(rows):
        source = folder / row["file"]
        picture = match(np.asarray(open_picture(source)), goal)
        image = Image.fromarray(picture)
        with Image.open(source) as original:
            made = Provenance.from_json(original.info["emotive"])
        how = {"processed": f"matched in {', '.join(names)} to the set's medians", "matched_to": goal}
        write_png(target / row["file"], image, replace(made, extra={**made.extra, **how}), sidecar=False)
        matched.append({**row, **_read(picture, judges)})
    write_whole(target / TABLE, _as_csv(matched).encode())
    report = {
        "matched_to": goal,
        "spread_before": {n: _spread(rows, MATCHABLE[n]) for n in names},
        "spread_after": {n: _spread(matched, MATCHABLE[n]) for n in names},
        "control_before": control(rows),
        "control_after": control(matched),
    }
    write_whole(target / "control.json", json.dumps(report, indent=2).encode())
    return target / TABLE, report


def control(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, float]]]:
    """By judge and axis: CCC of requested and estimated, and the median Spearman within prompts and seeds."""
    from emotive.evaluate.metrics import concordance, within_group_spearman

    groups = np.unique([f"{row['prompt']}\n{row['seed']}" for row in rows], return_inverse=True)[1]
    result: dict[str, dict[str, dict[str, float]]] = {}
    for judge in ("picture_judge", "published"):
        result[judge] = {}
        for axis in ("valence", "arousal"):
            wanted, read = (np.array([float(row[c]) for row in rows]) for c in (axis, f"{judge}_{axis}"))
            result[judge][axis] = {
                "ccc": concordance(wanted, read),
                "spearman_within_prompt": within_group_spearman(wanted, read, groups),
            }
    return result


def _read(picture: np.ndarray, judges: tuple[Judge, Judge]) -> Row:
    """Both judges' estimates and the attributes of one picture, as they stand in the table."""
    row = {}
    for name, judge in zip(("picture_judge", "published"), judges, strict=True):
        estimates = judge.estimate([picture])
        for field in ("valence", "valence_sd", "arousal", "arousal_sd"):
            row[f"{name}_{field}"] = f"{getattr(estimates, field)[0]:.4f}"
    attributes = picture_attributes(picture)
    return row | {name: f"{getattr(attributes, name):.5f}" for name in ATTRIBUTES}


def _spread(rows: Sequence[Row], column: str) -> float:
    return float(np.std([float(row[column]) for row in rows]))


def _as_csv(rows: Sequence[Row]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _settings(plan: Provenance, stimuli: Sequence[Stimulus], judges: tuple[Judge, Judge]) -> dict[str, Any]:
    """Everything that two runs must share to be the same set."""
    first, last = stimuli[0], stimuli[-1]
    return {
        "emotive_stimuli": 1,
        "model": plan.model,
        "model_fingerprint": plan.model_fingerprint,
        "dtype": plan.dtype,
        "num_inference_steps": plan.num_inference_steps,
        "guidance_scale": plan.guidance_scale,
        "affect_guidance_scale": plan.affect_guidance_scale,
        "affect_strength": plan.affect_strength,
        "texture": plan.texture,
        "judges": [judge.fingerprint() for judge in judges],
        "prompts": list(dict.fromkeys(s.prompt for s in stimuli)),
        "cells": list(dict.fromkeys((s.affect.valence, s.affect.arousal) for s in stimuli)),
        "seeds": [first.seed, last.seed],
        "pictures": len(stimuli),
        "note": "valence and arousal are requested; the judges' columns are estimates, not human ratings",
    }


def _resume(folder: Path, settings: dict[str, Any], stimuli: Sequence[Stimulus]) -> dict[str, Row]:
    """Rows of an earlier run whose pictures are there and whole. Raises InputError for another set."""
    held = [f for f in (TABLE, PARTIAL) if (folder / f).exists()]
    if not (folder / SETTINGS).exists():
        if held or any((folder / s.file).exists() for s in stimuli):
            raise InputError(f"{folder} holds pictures or a table without {SETTINGS}: choose another folder")
        return {}
    try:
        before = json.loads((folder / SETTINGS).read_bytes())
        now = json.loads(json.dumps(settings))
        differing = [key for key in now if before.get(key) != now[key]]
    except (ValueError, AttributeError, OSError) as error:
        raise InputError(f"cannot read {folder / SETTINGS}: {error}; choose another folder") from error
    if differing:
        raise InputError(
            f"{folder} holds another stimulus set, which differs in {', '.join(differing)}: "
            "repeat its command to go on with it, or choose another folder"
        )
    known, rows = {s.file for s in stimuli}, {}
    for name in held:
        with open(folder / name, encoding="utf-8", newline="", errors="replace") as file:
            for row in csv.DictReader(file):
                # A row that the last run could not finish is painted again.
                complete = set(row) == set(COLUMNS) and all(row.values())
                if complete and row["file"] in known and (folder / row["file"]).exists():
                    rows[row["file"]] = {str(k): str(v) for k, v in row.items()}
    return rows
