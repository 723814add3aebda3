"""The gesture protocol: does a body show the feeling that was asked for, does it move with the voice, and
does it move as people can?

Sentences are those that no training uses, said by voices that were held out and, with feeling, by the
speaker's own. Actors are drawn by chance and in no training. Each caption is performed at every point of a
grid over the valence-arousal plane by the arms of `gesture_arms.py`; judges read the joints alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import emotive
from emotive.affect import Affect
from emotive.errors import InputError
from emotive.media.provenance import now
from emotive.perceive.motion_features import MotionFeatures
from emotive.signals import Speech

from . import metrics
from .gesture_arms import Beats, GestureCaption, strangers, talk_of
from .gesture_jobs import Setup, Task, do, said
from .gesture_metrics import frechet_distance, hellinger
from .gesture_numbers import CHUNKS, CODE, NUISANCES
from .head_arms import HELD_OUT, held_out_speech, sentences
from .head_tracking import labelled, tracking
from .image import affect_grid
from .protocol import Measurements, together
from .report import Evaluation, Sheet
from .summary import AXES, chance, control
from .workers import check_workers, each

MEDIUM = "gesture"
JOINED = 3  # sentences of a caption
CURVE = 20.0  # s at least, in which a feeling changes
SHOWN = 3  # captions that are shown
Progress = Callable[[str, int, int], None]


def evaluate_gesture(
    pipe: Any,
    speaker: Any,
    judges: Mapping[str, Any],
    features: MotionFeatures,
    captions: int = 8,
    grid: tuple[int, int] = (5, 5),
    seeds: int = 1,
    steps: int = 10,
    resamples: int = 5000,
    workers: int = 1,
    command: str = "",
    progress: Progress = lambda line, done, total: None,
) -> Evaluation:
    """Moves bodies, has them judged and sums up; nothing is written.

    Args:
        pipe: the gesture pipeline.
        speaker: the speech pipeline that says the affective sentences.
        judges: name -> judge of bodies; the first is the headline, each other one is found under its name.
        features: in whose space distances between sets of motion are taken.
        captions: how many times three held-out sentences are moved to over the grid, each by another actor.
        grid: rows (arousal) and columns (valence) of requests.
        seeds: noises for each caption and request: 1, 2, ...
        steps: of the model.
        resamples: of the bootstraps by caption, that is by sentences and actor.
        workers: processes.
        command: as the report should tell it.
        progress: told what was done, how many of how many jobs.

    Raises InputError for numbers that make no sense.
    """
    if not 2 <= captions <= 60:
        raise InputError(f"captions must be 2 to 60, not {captions}")
    if not 1 <= seeds <= 100:
        raise InputError(f"seeds must be 1 to 100, not {seeds}")
    check_workers(workers)
    affects = affect_grid(*grid)
    progress("the held-out voices read", 0, 1)
    chosen = captions_of(speaker, captions)
    beats = [Beats.of(c.speeches[0] if c.speeches else said(speaker, c, Affect.neutral())) for c in chosen]
    setup = Setup(pipe, speaker, judges, features, affects, range(1, seeds + 1), steps, beats)
    tasks = _tasks(chosen, speaker)
    answers: dict[str, list[tuple[Task, Any]]] = {}
    for i, (task, answer) in enumerate(zip(tasks, each(do, tasks, (setup,), workers), strict=True)):
        answers.setdefault(task.kind, []).append((task, answer))
        progress(f"{task.kind}, {task.name}", i + 1, len(tasks))

    found = together([part for _, (part, _) in answers["control"]])
    by_judge = {name: _numbers(found, name, resamples) for name in judges}
    first, *rest = by_judge
    report = {
        "emotive": emotive.__version__,
        "medium": MEDIUM,
        "created": now(),
        "command": command,
        "model": {
            "name": pipe.name,
            "fingerprint": pipe.fingerprint(),
            "steps": steps,
            "speaker": {"name": speaker.name, "fingerprint": speaker.fingerprint()},
            "features": {"fingerprint": features.fingerprint()},
        },
        "judges": {
            name: {"name": judge.name, "fingerprint": judge.fingerprint()}
            | (by_judge[name] if name in rest else {})
            for name, judge in judges.items()
        },
        "headline_judge": first,
        "n": len(found["model"].requested),
        "captions": [c.text for c in chosen],
        "voices": [c.voice for c in chosen],
        "held_out": sorted({c.voice for c in chosen} & {*HELD_OUT}),
        "arms": {arm: len(of.requested) for arm, of in found.items()},
        "grid": list(grid),
        "levels": {axis: sorted({round(getattr(a, axis), 6) for a in affects}) for axis in AXES},
        "seeds": list(range(1, seeds + 1)),
        "noise": "1000 x seed + number of the caption, from 0",
        "made_on": {
            "device": str(pipe.device),
            "processes": workers,
            "threads": torch.get_num_threads() if workers == 1 else 1,
            "torch": torch.__version__,
        },
        "nuisances": list(NUISANCES),
        "resamples": resamples,
        "spearman_ceiling": {
            axis: metrics.spearman_ceiling(np.tile([getattr(a, axis) for a in affects], seeds))
            for axis in AXES
        },
        **by_judge[first],
        "motion": {arm: _motion(of) for arm, of in found.items()},
        "timing": {arm: _timing(of) for arm, of in found.items() if arm != "constant"},
        "quality": _quality(found),
        "tracking": _tracking([answer["found"] for _, answer in answers["curve"]]),
        "voice": _voice([answer for _, answer in answers["voice"]]),
        "borrowed": _borrowed([answer for _, answer in answers["borrowed"]]),
        "names": _labels({task.caption.actor.name: answer for task, answer in answers["names"]}),
        "chance": _chance([answer for _, answer in answers["chance"]]),
    }
    points = {
        (arm, name): np.concatenate([found[arm].requested, found[arm].measured[name]], 1)
        for arm in ("model", "scaled", "teacher")
        for name in by_judge
    }
    sheets = []
    for kind, title in (("control", "Feelings"), ("curve", "Around the plane")):
        for task, answer in answers[kind]:
            strips = answer["strips"] if isinstance(answer, dict) else answer[1]
            if strips:
                sheets.append(Sheet(f"{title}: {task.name}", strips))
    return Evaluation(report, points, sheets)


def captions_of(speaker: Any, count: int) -> list[GestureCaption]:
    """Three held-out sentences each, in turn by a held-out voice that reads and by a voice of the speaker
    that acts; every one has an actor of its own."""
    texts = sentences(min(JOINED * count, 60))
    heard = held_out_speech(texts)
    voices, own = list(heard), tuple(speaker.voices)
    out = []
    for number, actor in enumerate(strangers(count)):
        some = [texts[(JOINED * number + k) % len(texts)] for k in range(JOINED)]
        if number % 2 == 0 and voices:
            voice = voices[number // 2 % len(voices)]
            speeches = _of(heard[voice], some, number)
            out.append(
                GestureCaption(tuple(s.text for s in speeches), voice, actor, number, (talk_of(speeches),))
            )
        else:
            out.append(GestureCaption(tuple(some), own[number // 2 % len(own)], actor, number, ()))
    return out


def _of(speeches: Sequence[Speech], texts: Sequence[str], number: int) -> list[Speech]:
    """The readings of these texts; of one that the engine says differently another one."""
    by_text = {speech.text: speech for speech in speeches}
    return [
        by_text.get(text, speeches[(JOINED * number + k) % len(speeches)]) for k, text in enumerate(texts)
    ]


def _tasks(chosen: Sequence[GestureCaption], speaker: Any) -> list[Task]:
    """The longest first, so that processes end together."""
    own = [c for c in chosen if not c.speeches]
    read = [c for c in chosen if c.speeches]
    plain = read or [_plain(c, speaker) for c in own]
    tasks = [Task("control", c, show=c.number < SHOWN) for c in sorted(chosen, key=lambda c: len(c.speeches))]
    tasks += [Task("curve", _longer(c, plain), show=c.number == plain[0].number) for c in plain[:3]]
    tasks += [Task("voice", c) for c in (own or [])[:2]]
    tasks += [Task("borrowed", c) for c in plain[:3]]
    tasks += [Task("names", c) for c in plain]
    tasks += [Task("chance", c) for c in plain[:3]]
    return tasks


def _longer(caption: GestureCaption, plain: Sequence[GestureCaption]) -> GestureCaption:
    """The caption, followed by others of its kind until there is time for a feeling to change."""
    turn = [plain[(plain.index(caption) + k) % len(plain)] for k in range(len(plain))]
    some, first = [], turn[0].speech(0)
    while sum(s.duration for s in some) < CURVE:
        alike = [c.speech(0) for c in turn if _goes_with(c.speech(0), first)]
        some.append(alike[len(some) % len(alike)])
    return replace(caption, speeches=(talk_of(some),))


def _goes_with(one: Speech, other: Speech) -> bool:
    return one.sample_rate == other.sample_rate and one.alphabet == other.alphabet


def _plain(caption: GestureCaption, speaker: Any) -> GestureCaption:
    speech = said(speaker, caption, Affect.neutral())
    return GestureCaption(caption.texts, caption.voice, caption.actor, caption.number, (speech,))


def _numbers(found: Mapping[str, Measurements], judge: str, resamples: int) -> dict[str, Any]:
    """What one judge makes of every arm."""
    arms = {arm: control(of, judge, resamples) for arm, of in found.items()}
    baselines = {name: arms[name] for name in ("teacher", "scaled", "constant")}
    baselines["shuffled"] = chance(found["model"], judge)
    return {**arms["model"], "baselines": baselines, "variants": {"heard": arms["heard"]}}


# -- how much is moved, and when ---------------------------------------------------------------------------


def _motion(of: Measurements) -> dict[str, Any]:
    """Quantity of motion: its rank correlation with the requested arousal (median within captions; also where
    valence is 0), its mean at each level of both axes, m/s, and by how much a sweep of valence changes it:
    (most - least) / mean over the levels."""
    moved = of.qualities["motion"]
    levels = {
        axis: {
            f"{level:g}": float(moved[np.isclose(of.requested[:, k], level)].mean())
            for level in np.unique(of.requested[:, k].round(6))
        }
        for k, axis in enumerate(AXES)
    }
    swept = np.array(list(levels["valence"].values()))
    pure = np.isclose(of.requested[:, 0], 0)
    return {
        "spearman": metrics.within_group_spearman(of.requested[:, 1], moved, of.caption),
        "spearman_pure": metrics.within_group_spearman(of.requested[pure, 1], moved[pure], of.caption[pure])
        if pure.any()
        else None,
        "spearman_with_valence": metrics.within_group_spearman(of.requested[:, 0], moved, of.caption),
        "levels": levels,
        "valence_sweep": float((swept.max() - swept.min()) / swept.mean()),
    }


def _timing(of: Measurements) -> dict[str, Any]:
    """Consistency of strokes with stresses, pooled over clips, beside that with the wrong sound."""
    q = of.qualities

    def pooled(which: str, by: str) -> float | None:
        count = q[by].sum()
        return float(q[which].sum() / count) if count and np.isfinite(q[which]).all() else None

    def mean(which: str) -> float | None:
        values = q[which][np.isfinite(q[which])]
        return float(values.mean()) if len(values) else None

    return {
        "strokes": int(q["strokes"].sum()),
        "stroke_rate": float(q["strokes"].sum() / q["seconds"].sum()),
        "own": pooled("strokes_own", "strokes"),
        "shuffled": pooled("strokes_shuffled", "strokes"),
        "ends_own": pooled("ends_own", "ends"),
        "ends_shuffled": pooled("ends_shuffled", "ends"),
        "marked": pooled("stresses_own", "stresses"),
        **{k: mean(k) for k in ("published_own", "published_shuffled", "strict_own", "strict_shuffled")},
    }


def _quality(found: Mapping[str, Measurements]) -> dict[str, Any]:
    """By arm: distances from the teacher and what bodies can do. fgd: of the model's set from the teacher's;
    "again": of the teacher's own by other chance, which is half against half of twice as many."""
    reference = found["teacher"]
    codes = {arm: _codes(of) for arm, of in found.items()}
    out = {}
    for arm, of in found.items():
        q = of.qualities
        same = np.isin(reference.caption, np.unique(of.caption))
        out[arm] = {
            "fgd": None if arm == "teacher" else frechet_distance(codes[arm], _codes(reference, same)),
            "hellinger": hellinger(_speeds(of), _speeds(reference, same)),
            **{name: float(q[name].mean()) for name in ("jerk", "acceleration", "l1div", "holds")},
            **{
                f"{name}_ratio": float(q[name].mean() / reference.qualities[name][same].mean())
                for name in ("jerk", "acceleration", "l1div")
            },
            "skate": float(q["skate"].mean()),
            "skate_worst": float(q["skate"].max()),
            "penetration": float(q["penetration"].max()),
            "penetrating": float((q["penetration"] > 1).mean()),
            "range": float(q["range"].max()),
        }
    rigid = np.repeat(codes["teacher"].mean(0)[None], len(codes["teacher"]), 0)
    out["mean pose"] = {"fgd": frechet_distance(rigid, codes["teacher"])}
    return out


def _codes(of: Measurements, rows: np.ndarray | None = None) -> np.ndarray:
    some = of.features if rows is None else of.features[rows]
    return some[:, : CHUNKS * CODE].reshape(-1, CODE)


def _speeds(of: Measurements, rows: np.ndarray | None = None) -> np.ndarray:
    some = of.features if rows is None else of.features[rows]
    return some[:, CHUNKS * CODE :].mean(0)


# -- curves, voices, chance --------------------------------------------------------------------------------


def _tracking(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Arm -> judge -> axis -> CCC over time over all paths at once; `clips`: the median over clips."""
    out: dict[str, Any] = {}
    for arm in parts[0]:
        for judge in next(iter(parts[0][arm].values())):
            pairs = [path[judge] for part in parts for path in part[arm].values()]
            pooled = tracking(*(np.concatenate([p[k] for p in pairs]) for k in (0, 1)))
            single = [tracking(*pair) for pair in pairs]
            clips = {axis: float(np.median([s[axis] for s in single])) for axis in AXES}
            out.setdefault(arm, {})[judge] = {**pooled, "clips": clips, "n": len(pairs)}
    return out


def _voice(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Judge -> axis -> the partial correlation of what is judged with the request and with the voice, each
    given the other, and the CCC with the request."""
    if not parts:
        return {}
    requested = np.concatenate([p["requested"] for p in parts])
    voice = np.concatenate([p["voice"] for p in parts])
    out: dict[str, Any] = {"n": len(requested)}
    for judge in parts[0]["judged"]:
        judged = np.concatenate([p["judged"][judge] for p in parts])
        out[judge] = {
            axis: {
                "request": metrics.partial_correlation(requested[:, k], judged[:, k], voice[:, k]),
                "voice": metrics.partial_correlation(voice[:, k], judged[:, k], requested[:, k]),
                "ccc": metrics.concordance(requested[:, k], judged[:, k]),
            }
            for k, axis in enumerate(AXES)
        }
    return out


def _borrowed(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How what was heard in other recordings agrees with how they were said, and what is shown with both:
    concordance by axis."""
    felt, heard = (np.concatenate([p[k] for p in parts]) for k in ("felt", "heard"))
    out: dict[str, Any] = {
        "n": len(felt),
        "heard": {axis: metrics.concordance(felt[:, k], heard[:, k]) for k, axis in enumerate(AXES)},
    }
    for judge in parts[0]["judged"]:
        judged = np.concatenate([p["judged"][judge] for p in parts])
        out[judge] = {
            axis: {
                "felt": metrics.concordance(felt[:, k], judged[:, k]),
                "heard": metrics.concordance(heard[:, k], judged[:, k]),
            }
            for k, axis in enumerate(AXES)
        }
    return out


def _labels(found: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]]) -> dict[str, Any]:
    """By arm: how many named emotions are named right by the bodies of other actors; {} for one actor."""
    if len(found) < 2:
        return {}
    arms = next(iter(found.values()))
    return {arm: labelled({actor: of[arm] for actor, of in found.items()}) for arm in arms}


def _chance(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over captions by arm."""
    return {
        arm: {key: float(np.mean([part[arm][key] for part in parts])) for key in parts[0][arm]}
        for arm in parts[0]
    }
