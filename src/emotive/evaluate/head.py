"""The talking-head protocol: do the lips fit voices that the model never heard, does the face show the
feeling that was asked for, and does it live?

Sentences are those that no training uses. For control, each is spoken on one of the portraits at every point
of a grid over the valence-arousal plane, by the model and by the arms of `head_arms.py`; judges look at
landmarks that are found anew in rendered frames, and, as a second column, at the renderer's own. Lips are
measured on voices, and on an engine, that were held out; their controls are shuffled and shifted motion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

import emotive
from emotive.affect import Affect, AffectCurve
from emotive.data.sentences import sentence
from emotive.errors import InputError
from emotive.face.opening import bundled_portraits
from emotive.media.provenance import now
from emotive.signals import Speech

from . import metrics
from .head_arms import (
    FPS,
    HELD_OUT,
    MOVERS,
    HeadCaption,
    held_out_speech,
    sentences,
)
from .head_jobs import NUISANCES, Setup, Task, do
from .head_life import life_distance
from .head_lips import Utterance, control_numbers, lip_numbers
from .head_tracking import labelled, tracking
from .head_view import (
    PHOTOGRAPH,
    Detect,
    portrait_of,
)
from .head_visemes import LipReader, mouth_weights, viseme_labels
from .image import affect_grid
from .protocol import Measurements, together
from .report import Evaluation, Sheet
from .speech_sentences import CORNERS, way
from .summary import AXES, chance, control
from .workers import check_workers, each

MEDIUM = "head"
READER_SENTENCES, READER_SEED = 40, 7
TALK = 5  # sentences in a row
LIP_ARMS = ("model", "heard")  # with the times of phones, and from sound alone
Progress = Callable[[str, int, int], None]


def evaluate_head(
    pipe: Any,
    speaker: Any,
    judges: Mapping[str, Any],
    detect: Detect | None = None,
    captions: int = 8,
    spoken: int = 14,
    portraits: Sequence[str] | None = None,
    photograph: bool = True,
    grid: tuple[int, int] = (5, 5),
    seeds: int = 1,
    steps: int = 8,
    resamples: int = 5000,
    workers: int = 1,
    command: str = "",
    progress: Progress = lambda line, done, total: None,
) -> Evaluation:
    """Moves faces, has them judged and sums up; nothing is written.

    Args:
        pipe: the talking-head pipeline.
        speaker: the speech pipeline that says the affective sentences.
        judges: name -> judge of faces; the first is the headline, each other one is found under its name.
        detect: finds landmarks in rendered frames; None: judges see the renderer's own alone.
        captions: how many held-out sentences are spoken over the grid, each on one portrait.
        spoken: how many held-out sentences every held-out voice says for the lips.
        portraits: bundled names; None: all.
        photograph: whether a photograph is among the portraits; it needs `detect`.
        grid: rows (arousal) and columns (valence) of requests.
        seeds: noises for each caption and request: 1, 2, ...
        steps: of the model.
        resamples: of the bootstraps by sentence.
        workers: processes.
        command: as the report should tell it.
        progress: told what was done, how many of how many jobs.

    Raises InputError for numbers that make no sense, and where there are no portraits.
    """
    names = list(dict.fromkeys(portraits or bundled_portraits()))
    if unknown := [n for n in names if n not in bundled_portraits()]:
        raise InputError(f"there is no portrait {unknown[0]!r}; bundled are {', '.join(bundled_portraits())}")
    if not 1 <= seeds <= 100:
        raise InputError(f"seeds must be 1 to 100, not {seeds}")
    check_workers(workers)
    texts, lip_texts, affects = sentences(captions), sentences(spoken), affect_grid(*grid)
    faces = [*names, PHOTOGRAPH] if photograph and detect is not None else names
    if len(faces) > len(names):
        portrait_of(PHOTOGRAPH)  # what is wrong with it is said before the work

    progress("the held-out voices read", 0, 1)
    heard = held_out_speech(lip_texts)
    own = tuple(speaker.voices)
    if not heard:  # their synthesisers are missing: the lips of the voices that there are
        heard = {name: [_read(speaker, t, name, i) for i, t in enumerate(lip_texts)] for name in own}
    reader = _reader(speaker)
    setup = Setup(pipe, speaker, judges, detect, affects, range(1, seeds + 1), steps, reader)
    tasks = _tasks(texts, heard, own, faces)
    answers: dict[str, list[tuple[Task, Any]]] = {}
    for i, (task, answer) in enumerate(zip(tasks, each(do, tasks, (setup,), workers), strict=True)):
        answers.setdefault(task.kind, []).append((task, answer))
        progress(f"{task.kind}, {task.name}", i + 1, len(tasks))

    found = together([part for _, (part, _) in answers["control"]])
    by_judge = {name: _numbers(found, name, resamples) for name in setup.clip_judges()}
    first, *rest = by_judge
    clip_judges = setup.clip_judges()
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
        },
        "judges": {
            name: {"name": judge.name, "fingerprint": judge.fingerprint()}
            | (by_judge[name] if name in rest else {})
            for name, judge in clip_judges.items()
        },
        "headline_judge": first,
        "landmarks": "none found in frames" if detect is None else getattr(detect, "name", "found anew"),
        "n": len(found["model"].requested),
        "captions": list(texts),
        "portraits": faces,
        "voices": {name: len(speeches) for name, speeches in heard.items()},
        "held_out": [name for name in heard if name in HELD_OUT],
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
        "lips": _lip_report(
            [a for _, (a, _) in answers["lips"]], [t.name for t, _ in answers["lips"]], reader
        ),
        "closures": _closure_report(found),
        "tracking": _tracking_report([a["found"] for _, a in answers["tracking"]]),
        "sweeps": {t.portrait: a["sweeps"] for t, a in answers["levels"]},
        "names": labelled({t.portrait: a["names"] for t, a in answers["levels"] if a["names"] is not None}),
        "life": _life_report([a for _, a in answers["life"]]),
    }
    clouds = {
        (arm, name): np.concatenate([found[arm].requested, found[arm].measured[name]], 1)
        for arm in ("model", "rules", "teacher")
        for name in (n for n in by_judge if not n.endswith(", true"))
    }
    sheets = [
        Sheet(
            f"{title}: {task.portrait or (task.caption.portrait if task.caption else '')}, {task.name}",
            strips,
        )
        for kind, title in (("lips", "Speaking"), ("tracking", "Around the plane"), ("control", "Feelings"))
        for task, answer in answers[kind]
        for strips in [answer["strips"] if isinstance(answer, dict) else answer[1]]
        if strips
    ]
    return Evaluation(report, clouds, sheets)


def _read(speaker: Any, text: str, voice: str, seed: int, affect: Affect | None = None) -> Speech:
    generator = torch.Generator().manual_seed(seed)
    return speaker(
        text, affect or Affect.neutral(), voice=voice, num_inference_steps=8, generator=generator
    ).speech


def _reader(speaker: Any) -> LipReader:
    """Fitted on the teacher's motion for the speaker's voices and sentences of training."""
    rng = np.random.default_rng(READER_SEED)
    tracks, labels = [], []
    for i in range(READER_SENTENCES):
        affect = Affect(*rng.uniform(-0.9, 0.9, 2).tolist())
        speech = _read(speaker, sentence(rng), speaker.voices[i % len(speaker.voices)], i, affect)
        motion = MOVERS["teacher"](speech, AffectCurve.constant(affect), i)
        tracks.append(mouth_weights(motion))
        labels.append(viseme_labels(speech.phones, float(FPS), len(motion)))
    return LipReader.fit(tracks, labels)


def _tasks(
    texts: Sequence[str], heard: Mapping[str, Sequence[Speech]], own: Sequence[str], faces: Sequence[str]
) -> list[Task]:
    """Control: sentences in turn by a voice that acts and by a held-out one, on portraits in turn. Then all
    else; the longest first, so that processes end together."""
    voices = [
        v for pair in zip(_cycle(own, len(texts)), _cycle(list(heard), len(texts)), strict=True) for v in pair
    ]
    tasks = []
    for i, text in enumerate(texts):
        voice, portrait = voices[i], faces[i % len(faces)]
        speeches = tuple(s for s in heard.get(voice, ()) if s.text == text)[:1] if voice in HELD_OUT else ()
        if voice in HELD_OUT and not speeches:  # the engine says this sentence differently
            speeches = (heard[voice][i % len(heard[voice])],)
            text = speeches[0].text
        caption = HeadCaption(text, voice, portrait, i, speeches)
        tasks.append(Task("control", f"“{text}” {voice}", caption, show=i < len(faces)))
    for i, (voice, speeches) in enumerate(heard.items()):
        tasks.append(Task("lips", voice, portrait=faces[i % len(faces)], speeches=tuple(speeches), show=True))
    everyone = [s for speeches in zip(*heard.values(), strict=False) for s in speeches]
    for i, portrait in enumerate(faces):
        some = tuple(everyone[(i + k) % len(everyone)] for k in range(TALK))
        same_rate = tuple(s for s in some if s.sample_rate == some[0].sample_rate)
        tasks.append(Task("tracking", "a curve", portrait=portrait, speeches=same_rate, show=i in (0, 1)))
        tasks.append(Task("levels", portrait, portrait=portrait, speeches=some[:1]))
    for i, (voice, speeches) in enumerate(heard.items()):
        tasks.append(
            Task("life", voice, portrait=faces[i % len(faces)], speeches=tuple(speeches[: 2 * TALK]))
        )
    return tasks


def _cycle(values: Sequence[str], count: int) -> list[str]:
    return [values[i % len(values)] for i in range(count)]


def _numbers(found: Mapping[str, Measurements], judge: str, resamples: int) -> dict[str, Any]:
    """What one judge makes of every arm."""
    arms = {arm: control(of, judge, resamples) for arm, of in found.items()}
    baselines = {name: arms[name] for name in ("teacher", "rules", "constant")}
    baselines["shuffled"] = chance(found["model"], judge)
    return {**arms["model"], "baselines": baselines, "variants": {}}


def _lip_report(
    parts: Sequence[Mapping[str, list[Utterance]]], voices: Sequence[str], reader: LipReader
) -> dict[str, Any]:
    def all_of(arm: str) -> list[Utterance]:
        return [u for part in parts for u in part.get(arm, ())]

    corners = {
        arm: {way(a): lip_numbers(all_of(f"{arm} {way(a)}"), reader) for a in CORNERS} for arm in LIP_ARMS
    }
    return {
        **{arm: lip_numbers(all_of(arm), reader) for arm in LIP_ARMS},
        "seen": lip_numbers(all_of("seen"), reader) if all_of("seen") else None,
        "voices": {v: lip_numbers(part["heard"], reader) for v, part in zip(voices, parts, strict=True)},
        "arms": {arm: lip_numbers(all_of(arm), reader) for arm in ("teacher", "rules", "loudness")},
        "controls": control_numbers(all_of("heard"), reader),
        "corners": corners,
    }


def _closure_report(found: Mapping[str, Measurements]) -> dict[str, Any]:
    """Closure recall on the grid: everywhere, and at the four corners, of arms that move."""
    out = {}
    for arm in ("model", "rules", "teacher"):
        of = found[arm]
        far = np.asarray(np.isclose(np.abs(of.requested), np.abs(of.requested).max(0)).all(1))
        said, made = of.qualities["closures"], of.qualities["closed"]
        out[arm] = {
            name: float(made[rows].sum() / said[rows].sum()) if said[rows].sum() else None
            for name, rows in (("everywhere", np.ones_like(far)), ("corners", far))
        }
    return out


def _tracking_report(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Arm -> judge -> axis -> CCC over all paths and portraits at once; `clips`: the median over clips."""
    out: dict[str, Any] = {}
    for arm in parts[0]:
        for judge in next(iter(parts[0][arm].values())):
            pairs = [path[judge] for part in parts for path in part[arm].values()]
            pooled = tracking(*(np.concatenate([p[k] for p in pairs]) for k in (0, 1)))
            single = [tracking(*pair) for pair in pairs]
            out.setdefault(arm, {})[judge] = {
                **pooled,
                "clips": {axis: float(np.median([s[axis] for s in single])) for axis in AXES},
                "n": len(pairs),
            }
    return out


def _life_report(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over voices by arm; distance: of living movement from the teacher's; "teacher": from its own by
    other chance."""
    reference = np.concatenate([part["teacher"]["features"] for part in parts])
    out = {}
    for arm in parts[0]:
        numbers = {
            key: float(np.mean([part[arm][key] for part in parts]))
            for key in parts[0][arm]
            if key not in ("features", "again")
        }
        which = "again" if arm == "teacher" else "features"
        mine = np.concatenate([part[arm][which] for part in parts])
        out[arm] = {**numbers, "distance": life_distance(mine, reference)}
    return out
