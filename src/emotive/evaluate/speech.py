"""The speech protocol: does the model say it with the feeling that was asked for, and is it still the same
words by the same person?

Sentences are those that no training uses. For control, each is said by every voice at every point of a grid
over the valence-arousal plane, by the model and by the arms of `speech_arms.py`, and read by judges that do
not hear loudness. For what it costs, more sentences are said at fewer points (`speech_sentences.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

import emotive
from emotive.affect import Affect
from emotive.data.voices import Reading
from emotive.errors import InputError
from emotive.media.provenance import now
from emotive.pipelines.speech import EmotiveSpeechPipeline
from emotive.signals import Speech

from . import metrics
from .image import affect_grid
from .protocol import Judge, Measurements, Protocol, run, together
from .report import Clip, Evaluation, Playlist
from .speech_arms import (
    RECORDED,
    SpeechCaption,
    held_out_sentences,
    middle,
    model_arms,
    read_aloud,
    recorded,
    rerender_arm,
    teacher_arm,
)
from .speech_identity import SpeakerEncoder, identity_summary
from .speech_order import NUISANCES, affect_features, order, with_nuisances
from .speech_sentences import CORNERS, MILD, Said, Task, points, say, way
from .speech_timing import timing_summary
from .speech_words import Recogniser, word_summary
from .summary import chance, control
from .workers import check_workers, each

MEDIUM = "speech"
COMPARED = 24  # sentences whose speaker is compared
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ControlTask:
    """A caption to say over the grid, by which arms: the model's; the teacher's, with a `reading` by a
    speaker of that `centre`; or the conversion of a `recording` alone. show: whether clips of it are kept."""

    caption: SpeechCaption
    reading: Reading | None = None
    centre: float = 0.0
    recording: Speech | None = None
    show: bool = False


def control_task(
    pipe: EmotiveSpeechPipeline,
    judges: Mapping[str, Judge],
    affects: Sequence[Affect],
    seeds: Sequence[int],
    steps: int,
    task: ControlTask,
) -> tuple[dict[str, Measurements], dict[str, list[Clip]]]:
    """One caption's measurements by arm, and clips to hear: neutral and the corners of the grid."""
    if task.recording is not None:
        arms = {"rerender": rerender_arm(pipe, task.recording, steps)}
    else:
        arms = model_arms(pipe, steps)
        if task.reading is not None:
            arms["teacher"] = teacher_arm(task.reading, task.centre)
    kept = audible(affects) if task.show else []
    clips: dict[str, list[Clip]] = {}

    def show(arm: str, caption: int, seed: int, items: Sequence[Speech]) -> None:
        if arm != "constant" and seed == seeds[0] and kept:
            clips[arm] = [Clip(_place(affects[i]), items[i].waveform, items[i].sample_rate) for i in kept]

    protocol = Protocol(
        [task.caption],
        affects,
        seeds,
        arms,
        judges,
        nuisances=lambda items: np.zeros((len(items), 0)),  # taken from the features, within captions
        content=lambda caption, items: {},
        features=affect_features,
        show=show,
    )
    found = {arm: with_nuisances(of) for arm, of in run(protocol).items()}
    if task.recording is not None and kept:
        recording = Clip("the recording", task.recording.waveform, task.recording.sample_rate)
        clips["rerender"].insert(0, recording)
    return found, clips


def audible(affects: Sequence[Affect]) -> list[int]:
    """The numbers of the points to hear: the corners, and neutral where there is one, in reading order."""
    far = [max(abs(getattr(a, axis)) for a in affects) for axis in ("valence", "arousal")]
    at = [(abs(a.valence) / far[0], abs(a.arousal) / far[1]) for a in affects]
    return [i for i, place in enumerate(at) if np.allclose(place, 1) or np.allclose(place, 0)]


def _place(affect: Affect) -> str:
    return f"V {affect.valence:+.1f}, A {affect.arousal:+.1f}".replace("-", "−").replace("+0.0", "0")


def evaluate_speech(
    pipe: EmotiveSpeechPipeline,
    judges: Mapping[str, Judge],
    ears: Recogniser | None = None,
    encoder: SpeakerEncoder | None = None,
    sentences: int = 12,
    said: int = 200,
    voices: Sequence[str] | None = None,
    grid: tuple[int, int] = (5, 5),
    seeds: int = 1,
    steps: int = 8,
    everywhere: bool = False,
    teachers: bool = True,
    resamples: int = 5000,
    workers: int = 1,
    command: str = "",
    progress: Progress = lambda line, done, total: None,
) -> Evaluation:
    """Says, has it judged and sums up; nothing is written.

    Args:
        judges: name -> judge; the first is the headline, each other one is found under its name.
        ears: what hears the words; None leaves words and timing out.
        encoder: what hears the speaker; None leaves identity out.
        sentences: how many held-out sentences every voice says over the grid.
        said: how many, voices in turn, are heard by `ears`; 0: none, and the speaker is compared alone.
        voices: of the model; None: all.
        grid: rows (arousal) and columns (valence) of requests.
        seeds: noises for each caption and request: 1, 2, ...
        steps: of the model.
        everywhere: whether each of `said` is said at every point, not at every second and one corner.
        teachers: whether the synthesisers of the recipe are arms, where they are installed.
        resamples: of the bootstraps by sentence.
        workers: processes.
        command: as the report should tell it.
        progress: told what was done, how many of how many jobs.

    Raises InputError for numbers that make no sense.
    """
    names = tuple(dict.fromkeys(voices or pipe.voices))
    if unknown := [name for name in names if name not in pipe.voices]:
        raise InputError(f"there is no voice {unknown[0]!r}; this model has {', '.join(pipe.voices)}")
    if not 1 <= seeds <= 100:
        raise InputError(f"seeds must be 1 to 100, not {seeds}")
    check_workers(workers)
    chosen, affects = held_out_sentences(sentences), affect_grid(*grid)
    heard_texts = held_out_sentences(said or COMPARED)
    texts = max(chosen, heard_texts, key=len)
    spell, noises = pipe.letter_to_sound.phones, range(1, seeds + 1)

    wanted = [(texts, name, None) for name in names] + [(texts, RECORDED, len(chosen))]
    readings: dict[str, dict[str, Reading]] = {}
    if teachers:
        progress("the synthesisers read", 0, len(wanted))
        jobs = each(_read_job, wanted, (spell,), workers)
        readings = {name: found for (_, name, _), found in zip(wanted, jobs, strict=True) if found}
    centres = {name: middle(found) for name, found in readings.items()}

    tasks = _control_tasks(chosen, names, readings, centres)
    others = [
        Task(
            SpeechCaption(text, name, number),
            points(number, len(names), everywhere),
            readings.get(name, {}).get(text),
            centres.get(name, 0.0),
            compare=number < COMPARED,
        )
        for number, text in enumerate(heard_texts)
        for name in [names[number % len(names)]]
    ]
    if ears is None or not said:  # the speaker is compared alone, if at all
        others = [replace(t, listen=False) for t in others[:COMPARED]] if encoder is not None else []
    total, done = len(tasks) + len(others), 0
    parts, clips = [], []
    for task, (found, heard) in zip(
        tasks, each(control_task, tasks, (pipe, judges, affects, noises, steps), workers), strict=True
    ):
        parts.append(found)
        done += 1
        progress(f"control, {task.caption.voice}", done, total)
        if heard:
            clips.append(Playlist(f"“{task.caption.text}” {task.caption.voice}", heard))
    answers: list[Said] = []
    for answer in each(say, others, (pipe, ears, encoder, steps), workers):
        answers.append(answer)
        done += 1
        progress("words, timing and identity", done, total)

    found = together(parts)
    sentence = np.array([_sentence_number(task, chosen) for task in tasks])
    by_judge = {name: _numbers(found, name, resamples, sentence) for name in judges}
    first, *rest = judges
    report = {
        "emotive": emotive.__version__,
        "medium": MEDIUM,
        "created": now(),
        "command": command,
        "model": {
            "name": pipe.name,
            "fingerprint": pipe.fingerprint(),
            "steps": steps,
            "guidance": list(pipe.guidance_defaults),
        },
        "judges": {
            name: {"name": judges[name].name, "fingerprint": judges[name].fingerprint()}
            | (by_judge[name] if name in rest else {})
            for name in judges
        },
        "headline_judge": first,
        "n": len(found["model"].requested),
        "captions": list(chosen),
        "voices": list(names),
        "teachers": {name: len(of) for name, of in readings.items()},
        "arms": {arm: len(of.requested) for arm, of in found.items()},
        "grid": list(grid),
        "levels": {
            axis: sorted({round(getattr(a, axis), 6) for a in affects}) for axis in ("valence", "arousal")
        },
        "seeds": list(noises),
        "noise": "1000 x seed + number of the caption, from 0",
        "made_on": {
            "device": str(pipe.device),
            "dtype": str(pipe.denoiser.dtype).removeprefix("torch."),
            "processes": workers,
            "threads": torch.get_num_threads() if workers == 1 else 1,
            "torch": torch.__version__,
        },
        "nuisances": list(NUISANCES),
        "resamples": resamples,
        "spearman_ceiling": {
            axis: metrics.spearman_ceiling(np.tile([getattr(a, axis) for a in affects], seeds))
            for axis in ("valence", "arousal")
        },
        **by_judge[first],
        "order": {arm: order(found[arm]) for arm in ("model", "sliders", "teacher") if arm in found},
        "words": _words(answers, ears, resamples),
        "timing": _timing(answers),
        "identity": _identity(answers, encoder),
    }
    clouds = {
        (arm, name): np.concatenate([found[arm].requested, found[arm].measured[name]], 1)
        for arm in ("model", "teacher", "rerender", "sliders")
        if arm in found
        for name in judges
    }
    return Evaluation(report, clouds, clips)


def _read_job(spell: Any, wanted: tuple[Sequence[str], str, int | None]) -> dict[str, Reading]:
    texts, name, count = wanted
    return read_aloud(texts, name, spell, count)


def _control_tasks(
    chosen: Sequence[str],
    names: Sequence[str],
    readings: Mapping[str, Mapping[str, Reading]],
    centres: Mapping[str, float],
) -> list[ControlTask]:
    """Every sentence by every voice; then what there is to convert. The first of each voice is to be
    heard."""
    tasks = []
    for i, text in enumerate(chosen):
        # A teacher's sentence counts where all voices read it, so that sentences weigh alike.
        taught = all(text in readings.get(name, {}) for name in names)
        for j, name in enumerate(names):
            caption = SpeechCaption(text, name, i * len(names) + j)
            reading = readings[name][text] if taught else None
            tasks.append(ControlTask(caption, reading, centres.get(name, 0.0), show=i == 0))
    for k, (text, reading) in enumerate(list(readings.get(RECORDED, {}).items())[: len(chosen)]):
        caption = SpeechCaption(text, RECORDED, len(chosen) * len(names) + k)
        tasks.append(ControlTask(caption, recording=recorded(reading), show=k == 0))
    return tasks


def _sentence_number(task: ControlTask, chosen: Sequence[str]) -> int:
    return task.caption.number if task.recording is not None else chosen.index(task.caption.text)


def _numbers(
    found: Mapping[str, Measurements], judge: str, resamples: int, sentence: np.ndarray
) -> dict[str, Any]:
    """What one judge makes of every arm; intervals resample sentences, not voices."""
    arms = {arm: control(of, judge, resamples, sentence[of.caption]) for arm, of in found.items()}
    baselines = {name: arms[name] for name in ("constant", "sliders", "teacher") if name in arms}
    baselines["shuffled"] = chance(found["model"], judge)
    variants = {name: arms[name] for name in ("rerender",) if name in arms}
    return {**arms["model"], "baselines": baselines, "variants": variants}


def _words(answers: Sequence[Said], ears: Recogniser | None, resamples: int) -> dict[str, Any]:
    """Word error rates by way of saying, and of neutral and teacher by voice; {} if nobody listened."""
    heard = [a for a in answers if a.errors]
    if ears is None or not heard:
        return {}
    by_voice = {}
    for voice in dict.fromkeys(a.voice for a in heard):
        mine = [a for a in heard if a.voice == voice]
        plain = [{k: a.errors[k] for k in ("neutral", "teacher") if k in a.errors} for a in mine]
        by_voice[voice] = word_summary(plain, [a.words for a in mine], resamples)
    return {
        "recogniser": ears.name,
        "sentences": len(heard),
        "ways": word_summary([a.errors for a in heard], [a.words for a in heard], resamples),
        "voices": by_voice,
        "mild": [way(a) for a in MILD],
        "corners": [way(a) for a in CORNERS],
    }


def _timing(answers: Sequence[Said]) -> dict[str, Any]:
    """Boundary errors of the model everywhere, neutral, at the corners, and of the synthesisers'
    timelines."""
    of = {"neutral": ["neutral"], "corners": [way(a) for a in CORNERS], "teacher": ["teacher"]}
    of = {"model": ["neutral", *map(way, MILD), *of["corners"]], **of}
    found = {name: [a.timing[w] for a in answers for w in ways if w in a.timing] for name, ways in of.items()}
    return {name: timing_summary(errors) for name, errors in found.items() if errors}


def _identity(answers: Sequence[Said], encoder: SpeakerEncoder | None) -> dict[str, Any]:
    """Speakers compared, of the model and of the teacher; {} without an encoder."""
    if encoder is None:
        return {}
    corners = [way(a) for a in CORNERS]
    out: dict[str, Any] = {"embedding": encoder.name, "fingerprint": encoder.fingerprint}
    for name, rows in (
        ("model", [(a.voice, a.speakers) for a in answers if a.speakers]),
        ("teacher", [(a.voice, a.teacher_speakers) for a in answers if a.teacher_speakers]),
    ):
        if rows:
            out[name] = identity_summary([v for v, _ in rows], [e for _, e in rows], corners)
    return out
