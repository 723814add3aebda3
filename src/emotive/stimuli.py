"""Stimulus sets: prompts x a grid of affect x seeds, as pictures and one table.

    emotive image --prompts scenes.txt --grid 5x5 --seeds 2 -o stimuli

A set is made picture by picture and can be stopped at any time: rows are kept in `stimuli.partial.csv`, and
the same command goes on where it stopped. `stimuli.csv` appears when the set is whole. The estimates in it
are two judges' and say so in their column names; nothing in it is a human rating.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from emotive.affect import Affect
from emotive.batch import ImageJob, run_image_jobs
from emotive.errors import InputError
from emotive.evaluate.metrics import concordance, within_group_spearman
from emotive.matching import MATCHABLE, match
from emotive.media import check_file, slug, umask, write_whole
from emotive.media.image import write_png
from emotive.media.picture import open_picture
from emotive.media.provenance import Provenance, read_provenance
from emotive.perceive.attributes import picture_attributes
from emotive.perceive.judge import Judge

TABLE, PARTIAL, SETTINGS, REPORT = "stimuli.csv", "stimuli.partial.csv", "stimuli.json", "control.json"
ATTRIBUTES = ("luminance", "rms_contrast", "saturation", "edge_density")
COLUMNS: Sequence[str] = (
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

    `check` raises InputError for a prompt that the model cannot paint; its warnings are passed on with file
    and line. Raises InputError naming file and line: the file is missing, no text, empty, or has a prompt
    twice or one that cannot be painted.
    """
    check_file(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8; save it as UTF-8") from error
    prompts: list[str] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        prompt = " ".join(line.split())
        if not prompt or prompt.startswith("#"):
            continue
        if not prompt.isprintable():
            raise InputError(f"{path}, line {number}: the prompt holds characters that are no text")
        if (before := seen.setdefault(prompt.casefold().rstrip("."), number)) != number:
            raise InputError(f"{path}, line {number}: {prompt[:60]!r} is on line {before} already")
        with warnings.catch_warnings(record=True) as remarks:
            warnings.simplefilter("always", UserWarning)
            try:
                check(prompt)
            except InputError as error:
                raise InputError(f"{path}, line {number}: {error}") from error
        for remark in remarks:
            warnings.warn(f"{path}, line {number}: {remark.message}", stacklevel=2)
        prompts.append(prompt)
    if not 1 <= len(prompts) <= MAX_PROMPTS:
        raise InputError(f"{path} holds {len(prompts)} prompts: give 1 to {MAX_PROMPTS}, one a line")
    return prompts


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

    `plan` is settled: its settings are those of every picture. A finished table is never written again, so
    columns of one's own may be added to it. Raises InputError if the folder holds another set, a table that
    is no longer this set's, files that are not a set's, or a run that is still at work.
    """
    jobs = {s.file: image_job(s, plan) for s in stimuli}  # raises before anything is made
    settings = _settings(plan, stimuli, judges)
    _check_same_set(folder, settings, stimuli)
    if not (folder / SETTINGS).exists():
        write_whole(folder / SETTINGS, json.dumps(settings, indent=2, ensure_ascii=False).encode())
    with _alone(folder):
        done = _finished(folder, stimuli) or _begun(folder)
        finished = (folder / TABLE).exists()
        whole = {s.file for s in stimuli if s.file in done and _whole(folder / s.file)}
        missing = [s for s in stimuli if s.file not in whole]
        if not finished:
            kept = [done[s.file] for s in stimuli if s.file in whole]
            write_whole(folder / PARTIAL, _as_csv(kept).encode())
        pictures = run_image_jobs(pipe, [jobs[s.file] for s in missing], batch_size)
        for stimulus, (_, image) in zip(missing, pictures, strict=True):
            made = replace(
                plan, prompt=stimulus.prompt, affect=stimulus.affect, seed=stimulus.seed, size=image.size
            )
            path = write_png(folder / stimulus.file, image, made, sidecar=False)
            if not finished:
                done[stimulus.file] = {
                    "file": stimulus.file,
                    "prompt": stimulus.prompt,
                    "seed": str(stimulus.seed),
                    "valence": f"{stimulus.affect.valence:g}",
                    "arousal": f"{stimulus.affect.arousal:g}",
                    **_read(np.asarray(image), judges),
                }
                with open(folder / PARTIAL, "a", encoding="utf-8", newline="") as table:
                    csv.DictWriter(table, COLUMNS).writerow(done[stimulus.file])
            yield path
        if not finished:
            write_whole(folder / TABLE, _as_csv([done[s.file] for s in stimuli]).encode())
        (folder / PARTIAL).unlink(missing_ok=True)
    yield folder / TABLE


def match_stimuli(
    folder: Path, names: Sequence[str], judges: tuple[Judge, Judge], progress: Callable = iter
) -> tuple[Path, dict[str, Any]]:
    """Equalises a finished set in `names` (of MATCHABLE), into `folder/matched-...`, with its own table.

    Every picture gets the set's median of each attribute. Returns the new table and the control before and
    after: CCC and median within-prompt Spearman of both judges, and the spread of what was matched. A folder
    that is there already is left as it is and reported again; raises InputError if it is not such a folder.
    """
    names = sorted(set(names))
    rows = _rows(folder / TABLE)
    goal = {n: float(np.median([float(row[MATCHABLE[n]]) for row in rows])) for n in names}
    target = folder / ("matched-" + "-".join(names))
    if target.exists():
        try:
            report = json.loads((target / REPORT).read_bytes())
            if report["matched_to"] == goal and (target / TABLE).exists():
                return target / TABLE, report
        except (OSError, ValueError, TypeError, KeyError):
            pass
        raise InputError(f"{target} is there already and is not this set, matched: move it away")
    matched = []
    temporary = Path(tempfile.mkdtemp(prefix=".emotive-", dir=folder))
    try:
        for row in progress(rows):
            made = read_provenance(folder / row["file"])
            picture = match(np.asarray(open_picture(folder / row["file"])), goal)
            how = {"processed": f"matched in {', '.join(names)} to the set's medians", "matched_to": goal}
            made = replace(made, extra={**made.extra, **how})
            write_png(temporary / row["file"], Image.fromarray(picture), made, sidecar=False)
            matched.append({**row, **_read(picture, judges)})
        report = {
            "matched_to": goal,
            "spread_before": {n: _spread(rows, MATCHABLE[n]) for n in names},
            "spread_after": {n: _spread(matched, MATCHABLE[n]) for n in names},
            "control_before": control(rows),
            "control_after": control(matched),
        }
        write_whole(temporary / TABLE, _as_csv(matched).encode())
        write_whole(temporary / REPORT, json.dumps(report, indent=2).encode())
        temporary.chmod(0o777 & ~umask())
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target / TABLE, report


def control(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, float]]]:
    """By judge and axis: CCC of requested and estimated, and the median Spearman within prompts and seeds."""
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
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def image_job(stimulus: Stimulus, plan: Provenance) -> ImageJob:
    """How a stimulus is painted. Raises InputError where a setting is out of range."""
    settings = (plan.num_inference_steps, plan.guidance_scale, plan.affect_guidance_scale)
    return ImageJob(
        stimulus.prompt,
        stimulus.affect,
        stimulus.seed,
        *settings,
        plan.affect_strength,
        plan.texture,
        plan.directions,
    )


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
        **({"directions": dict(plan.directions)} if plan.directions else {}),
        **({"backbone": dict(plan.backbone)} if plan.backbone else {}),
        "judges": [judge.fingerprint() for judge in judges],
        "prompts": list(dict.fromkeys(s.prompt for s in stimuli)),
        "cells": list(dict.fromkeys((s.affect.valence, s.affect.arousal) for s in stimuli)),
        "seeds": [first.seed, last.seed],
        "pictures": len(stimuli),
        "note": "valence and arousal are requested; the judges' columns are estimates, not human ratings",
    }


def _check_same_set(folder: Path, settings: dict[str, Any], stimuli: Sequence[Stimulus]) -> None:
    """Raises InputError if the folder holds another set, or pictures or tables of unknown origin."""
    if not (folder / SETTINGS).exists():
        if any((folder / name).exists() for name in (TABLE, PARTIAL, *(s.file for s in stimuli))):
            raise InputError(f"{folder} holds pictures or a table without {SETTINGS}: choose another folder")
        return
    try:
        before = json.loads((folder / SETTINGS).read_bytes())
        differing = [k for k, v in json.loads(json.dumps(settings)).items() if before.get(k) != v]
    except (ValueError, AttributeError, OSError) as error:
        raise InputError(f"{folder / SETTINGS} is not a stimulus set's: choose another folder") from error
    if differing:
        raise InputError(
            f"{folder} holds another stimulus set, which differs in {', '.join(differing)}: "
            "repeat its command to go on with it, or choose another folder"
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Locks the set's settings file where the system has locks. InputError if another run holds it."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with open(folder / SETTINGS, "rb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"another run is at work in {folder}: wait for it") from error
        yield


def _finished(folder: Path, stimuli: Sequence[Stimulus]) -> dict[str, Row]:
    """The rows of a finished set, {} if it is not; InputError if its table is no longer this set's."""
    if not (folder / TABLE).exists():
        return {}
    rows = {row["file"]: row for row in _rows(folder / TABLE)}
    if rows.keys() != {s.file for s in stimuli}:
        raise InputError(f"{folder / TABLE} no longer lists the pictures of this set: move it away")
    return rows


def _begun(folder: Path) -> dict[str, Row]:
    """The rows of a stopped run that were written whole."""
    try:
        lines = (folder / PARTIAL).read_bytes().decode("utf-8", "replace").splitlines(keepends=True)
    except FileNotFoundError:
        return {}
    whole = [line for line in lines if line.endswith("\r\n")]
    return {row["file"]: row for row in csv.DictReader(whole) if _is_row(row)}


def _rows(table: Path) -> list[Row]:
    """A finished table; added columns are fine. Raises InputError, naming the row, if it is not ours."""
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {table}: {error}") from error
    for number, row in enumerate(rows, 2):
        if not _is_row(row):
            raise InputError(
                f"{table}, row {number}: this is no longer a row of the set; move the table away"
            )
    return rows


def _is_row(row: dict[Any, Any]) -> bool:
    try:
        return all(row[c] for c in ("file", "prompt")) and all(
            np.isfinite(float(row[c])) for c in COLUMNS if c not in ("file", "prompt")
        )
    except (KeyError, TypeError, ValueError):
        return False


def _whole(picture: Path) -> bool:
    """Whether a picture is there with its provenance, which stands at its beginning; it is written whole."""
    try:
        return read_provenance(picture).medium == "image"
    except InputError:
        return False
